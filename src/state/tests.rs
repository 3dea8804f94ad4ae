//! What the publisher makes of zones and reports, seen through the snapshot that workers load.

mod beside;
mod choosing;
mod flapping;
mod hands;
mod inner;
mod isolation;
mod own_checks;
mod push;
mod roles;

use std::net::IpAddr;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use super::overrides::Kept;
use super::persist::LastHealth;
use super::persist::tests::Folder;
use super::publisher::{Publisher, Start};
use crate::config::model::Endpoint;
use crate::config::read_zone;
use crate::counters::zones::Class;
use crate::engine::choose::ready::Source;
use crate::engine::plan::{Family, List};
use crate::engine::snapshot::{Snapshot, View};
use crate::health::source::Source as Prober;
use crate::health::sources::{Moment, Settings};
use crate::health::target::{Health, Outcome, Report, Target};
use crate::health::told::Told;
use crate::name::Name;
use crate::zone::delta::Delta;
use crate::zone::{Zone, build};

const DOWN: Health = Health::Down { passed: 0 };
const UP: Health = Health::Up { failed: 0 };

const ZONE: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}}
pools:
  web: {check: c, when_all_down: fallback, fallback: spare, backends: [192.0.2.1, 192.0.2.2]}
  spare: {check: c, backends: [192.0.2.2, 192.0.2.3]}
records:
  ns: {A: 192.0.2.53}
  www: {pool: web}
";

/// A publisher and what it asked to have probed.
struct Stage {
    publisher: Publisher,
    targets: Receiver<Vec<Target>>,
    clock: Arc<Mutex<Moment>>,
}

/// When each test begins, in unix milliseconds.
const BEGIN: u64 = 1_000_000;

impl Stage {
    fn new() -> Self {
        Self::with(Kept::default(), Settings::default())
    }

    fn with(overrides: Kept, probers: Settings) -> Self {
        // No folder can be made below a file, so nothing is remembered from one test to another.
        let last_health = LastHealth::load(Path::new("/dev/null/state"));
        Self::remembering(last_health, overrides, probers)
    }

    /// One that begins with what was known before a restart.
    fn remembering(last_health: LastHealth, overrides: Kept, probers: Settings) -> Self {
        let (sender, targets) = channel();
        let start =
            Start { last_health, overrides, probers, counting: 1, settings: Arc::default() };
        let clock = Arc::new(Mutex::new(Moment { running: Duration::ZERO, unix: BEGIN }));
        let tell = move |targets| {
            // At its end a test listens no more.
            let _ = sender.send(targets);
        };
        let shown = Arc::clone(&clock);
        let clock_of_it = Box::new(move || *shown.lock().expect("nobody panics with it"));
        let (publisher, _) =
            Publisher::start_at(start, tell, clock_of_it).expect("a thread can be started");
        Self { publisher, targets, clock }
    }

    /// Stops, and waits until the health that is kept in a folder has this in it.
    fn stop(&self, folder: &Folder, what: &str) {
        self.publisher.stop();
        let file = folder.0.join("health");
        let is_kept = || std::fs::read_to_string(&file).is_ok_and(|text| text.contains(what));
        for _ in 0..500 {
            if is_kept() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what:?} is not kept");
    }

    /// It is so many milliseconds since the test began.
    fn wait_until(&self, milliseconds: u64) {
        let running = Duration::from_millis(milliseconds);
        let moment = Moment { running, unix: BEGIN + milliseconds };
        *self.clock.lock().expect("nobody panics with it") = moment;
        self.publisher.flush();
    }

    /// The target that pools have at an address.
    fn target(&self, address: &str) -> Target {
        let View::Served { zone, .. } = self.view() else { panic!("the zone is served") };
        let check = zone.pools[0].check.clone().expect("it has a check");
        Target { address: address.parse().expect(address), check }
    }

    /// How many targets the prober inside was told of last; `None` where it was not told anything new.
    fn told(&self) -> Option<usize> {
        self.targets.try_iter().last().map(|targets| targets.len())
    }

    fn serve(&self, zones: &[&Arc<Zone>]) {
        let zones = zones.iter().map(|zone| (zone.origin.clone(), Some(Arc::clone(zone))));
        self.publisher.zones(zones.collect());
        self.publisher.flush();
    }

    fn report(&self, address: &str, health: Health) {
        self.report_told(address, health, heard(health));
    }

    fn report_told(&self, address: &str, health: Health, told: Told) {
        let target = self.target(address);
        let detail = Arc::from("connection refused");
        let (source, took) = (Prober::inside(), Duration::ZERO);
        self.publisher.report(Report { target, source, health, detail, told, took, at: 0 });
        self.publisher.flush();
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.publisher.snapshot().load_full()
    }

    fn view(&self) -> View {
        self.snapshot().zone(0).expect("there is a zone").clone()
    }

    /// What the pools `web` and `spare` hand out: the last numbers of the addresses.
    fn handouts(&self) -> [Vec<u8>; 2] {
        let View::Served { zone, ready } = self.view() else { panic!("the zone is served") };
        ["web", "spare"].map(|name| {
            let place = zone.pools.iter().position(|pool| pool.name == name).expect(name);
            let ready = ready.get(place).expect("each pool has one");
            ready.addresses().map(last_number).collect()
        })
    }
}

/// What a probe hears that is told nothing else.
fn heard(health: Health) -> Told {
    if health.last_outcome() == Some(Outcome::Fail) { Told::SILENT } else { Told::default() }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.publisher.stop();
    }
}

fn last_number(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    }
}

fn zone(text: &str) -> Arc<Zone> {
    let (model, mistakes) = read_zone(Path::new("example.yaml"), text);
    let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
    Arc::new(build::from_model(&model, 1, None).expect("it fits together").0)
}

#[test]
fn a_backend_that_is_down_leaves_every_pool_that_has_it() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    assert_eq!(stage.handouts(), [vec![1, 2], vec![2, 3]]);
    stage.report("192.0.2.2", DOWN);
    assert_eq!(stage.handouts(), [vec![1], vec![3]]);
    stage.report("192.0.2.2", UP);
    assert_eq!(stage.handouts(), [vec![1, 2], vec![2, 3]]);
}

#[test]
fn a_pool_follows_its_fallback() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    stage.report("192.0.2.1", DOWN);
    stage.report("192.0.2.2", DOWN);
    assert_eq!(stage.handouts(), [vec![3], vec![3]]);
    // Of the pool itself nothing changes here, only of what it falls back on.
    stage.report("192.0.2.3", DOWN);
    assert_eq!(stage.handouts(), [vec![2, 3], vec![2, 3]], "the spare pool guesses");
    let View::Served { ready, .. } = stage.view() else { panic!("the zone is served") };
    assert_eq!(
        ready.iter().map(|ready| ready.source).collect::<Vec<_>>(),
        [Source::Fallback, Source::AllDown]
    );
}

#[test]
fn health_carries_over_a_reload_and_new_targets_are_told() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    assert_eq!(stage.told(), Some(3));
    stage.report("192.0.2.2", DOWN);
    let with_one_more = ZONE.replace("192.0.2.1,", "192.0.2.9, 192.0.2.1,");
    stage.serve(&[&zone(&with_one_more)]);
    assert_eq!(stage.told(), Some(4));
    assert_eq!(stage.handouts(), [vec![9, 1], vec![3]]);
}

#[test]
fn a_backend_keeps_its_side_when_its_check_becomes_another() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    stage.report("192.0.2.2", DOWN);
    stage.serve(&[&zone(&ZONE.replace("port: 80", "port: 81"))]);
    assert_eq!(stage.handouts(), [vec![1], vec![3]]);
    stage.report("192.0.2.2", UP);
    assert_eq!(stage.handouts(), [vec![1, 2], vec![2, 3]]);
}

#[test]
fn a_report_on_what_is_gone_harms_nothing() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    stage.report("198.51.100.7", DOWN);
    assert_eq!(stage.handouts(), [vec![1, 2], vec![2, 3]]);
}

#[test]
fn an_unchanged_zone_keeps_what_it_hands_out() {
    let stage = Stage::new();
    let zone = zone(ZONE);
    stage.serve(&[&zone]);
    let handout = |stage: &Stage| match stage.view() {
        View::Served { ready, .. } => Arc::clone(ready.get(0).expect("there is a pool")),
        View::Broken(_) | View::Expired(_) => panic!("the zone is served"),
    };
    let before = handout(&stage);
    stage.serve(&[&zone]);
    assert!(Arc::ptr_eq(&before, &handout(&stage)));
}

#[test]
fn a_zone_without_content_is_broken_until_it_has_some() {
    let stage = Stage::new();
    let origin = Name::parse_absolute("example.").expect("a name");
    stage.publisher.zones(vec![(origin, None)]);
    stage.publisher.flush();
    assert!(matches!(stage.view(), View::Broken(_)));
    stage.serve(&[&zone(ZONE)]);
    assert_eq!(stage.handouts(), [vec![1, 2], vec![2, 3]]);
}

#[test]
fn the_publisher_frees_a_snapshot_and_not_its_last_reader() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    let read: Arc<Snapshot> = stage.snapshot();
    let watch: Weak<Snapshot> = Arc::downgrade(&read);
    stage.report("192.0.2.2", DOWN);
    drop(read);
    assert!(watch.upgrade().is_some(), "it waits in the publisher");
    stage.report("192.0.2.2", UP);
    assert!(watch.upgrade().is_none(), "the next swap frees it");
}

#[test]
fn counts_go_on_over_a_change_of_health_and_a_reload() {
    let stage = Stage::new();
    let zone = zone(ZONE);
    stage.serve(&[&zone]);
    let count = || {
        let snapshot = stage.publisher.snapshot().load_full();
        snapshot.counts(0).expect("it is counted").add(0, Class::NoError);
        let View::Served { ready, .. } = stage.view() else { panic!("the zone is served") };
        ready.get(0).expect("there is a pool").count(0, List::Addresses(Family::V4), 0);
        let handed = ready.get(0).and_then(|ready| ready.handed().cloned()).expect("it counts");
        let queries = snapshot.counts(0).expect("it is counted").total(Class::NoError);
        (queries, handed.answers()[&Endpoint::Address(IpAddr::from([192, 0, 2, 2]))])
    };
    assert_eq!(count(), (1, 1));
    stage.report("192.0.2.1", DOWN);
    stage.publisher.flush();
    assert_eq!(count(), (2, 2));
    let again = self::zone(&ZONE.replace("192.0.2.1, 192.0.2.2", "192.0.2.2"));
    stage.serve(&[&again]);
    assert_eq!(count(), (3, 3));
}

#[test]
fn one_zone_is_replaced_and_its_pools_go_on() {
    let stage = Stage::new();
    let zone = zone(ZONE);
    stage.serve(&[&zone]);
    stage.report("192.0.2.1", DOWN);
    stage.told();
    let ready = |view: View| match view {
        View::Served { zone, ready } => (zone.serial, ready.get(0).cloned().expect("a pool")),
        View::Broken(_) | View::Expired(_) => panic!("the zone is served"),
    };
    let (serial, before) = ready(stage.view());

    let soa = zone.soa_record();
    let after = soa.clone().with_serial(serial + 1);
    let delta = Delta::new(soa, vec![], after, vec![]).expect("two SOAs");
    let edited = Arc::new(zone.edited(&delta).expect("it fits"));
    stage.publisher.zone(zone.origin.clone(), Some(edited));
    stage.publisher.flush();
    let (now, after) = ready(stage.view());
    assert_eq!(now, serial + 1);
    assert!(Arc::ptr_eq(&before, &after), "nothing is made anew");
    assert_eq!(stage.told(), None, "nothing else is probed");
    stage.report("192.0.2.1", UP);
    assert!(!Arc::ptr_eq(&before, &ready(stage.view()).1), "and it goes on");

    // Without content it fails, its pools are not probed; and it comes back.
    stage.publisher.zone(zone.origin.clone(), None);
    stage.publisher.flush();
    assert!(matches!(stage.view(), View::Expired(_)));
    assert_eq!(stage.told(), Some(0));
    // And has expired still when other zones were read again.
    stage.publisher.zones(vec![(zone.origin.clone(), None)]);
    stage.publisher.flush();
    assert!(matches!(stage.view(), View::Expired(_)));
    stage.publisher.zone(zone.origin.clone(), Some(Arc::clone(&zone)));
    let other = Name::parse_absolute("other.example").expect("a name");
    stage.publisher.zone(other.clone(), None);
    stage.publisher.flush();
    assert_eq!(stage.told(), Some(3));
    assert!(stage.snapshot().catalog().place(&other).is_some(), "one zone more");
}
