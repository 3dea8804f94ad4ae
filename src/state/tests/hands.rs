//! A hand on the server: what it sets, how long that lasts, and what it may be stopped for.

use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::health::backend::BackendKey;
use crate::health::overrides::Hand;
use crate::health::verdict::Basis;
use crate::state::persist::tests::Folder;
use crate::state::steer::{Steer, SteerError, Steered, Wish};
use crate::state::what_if::{Facts, snapshot_of, what_if};

fn steer(pattern: &str, wish: Wish) -> Steer {
    Steer { patterns: vec![pattern.to_owned()], wish, author: "anna".into(), reason: None }
}

fn set(hand: Hand, seconds: Option<u64>) -> Wish {
    Wish::Set { hand, lasts: seconds.map(Duration::from_secs) }
}

fn key(text: &str) -> BackendKey {
    BackendKey::parse(text).expect(text)
}

impl Stage {
    fn kept_in(folder: &Folder) -> Self {
        let kept = Kept::load(&folder.0, BEGIN).expect("it can be read");
        Self::with(kept, Settings::default())
    }

    fn steer(&self, pattern: &str, wish: Wish) -> Steered {
        self.publisher.steer(&steer(pattern, wish)).expect(pattern)
    }
}

#[test]
fn a_hand_beats_checks_and_file() {
    let folder = Folder::new("hand");
    let stage = Stage::kept_in(&folder);
    stage.serve(&[&zone(&ZONE.replace(
        "[192.0.2.1, 192.0.2.2]",
        "{a: {address: 192.0.2.1, state: down}, b: 192.0.2.2}",
    ))]);
    assert_eq!(stage.handouts()[0], [2]);
    for (pattern, wish, expected) in [
        ("example/web/a", set(Hand::Up, None), vec![1, 2]),
        ("example./web/b", set(Hand::Down, None), vec![1]),
        ("example/web/b", set(Hand::Drain, None), vec![1]),
        ("example/web/*", Wish::Auto, vec![2]),
    ] {
        let steered = stage.steer(pattern, wish);
        assert_eq!(stage.handouts()[0], expected, "{pattern} {wish:?}");
        assert_eq!(steered.warnings.iter().filter(|text| text.contains("kept")).count(), 0);
    }
    assert!(stage.publisher.overrides().load().is_empty());
}

#[test]
fn a_drained_backend_may_be_stopped_when_no_cache_has_it() {
    let folder = Folder::new("drain");
    let stage = Stage::kept_in(&folder);
    let text = ZONE.replace("web: {check: c,", "web: {check: c, ttl: 20s,");
    stage.serve(&[&zone(&text)]);
    stage.wait_until(5_000);
    let steered = stage.steer("example/web/192.0.2.1", set(Hand::Drain, None));
    let safe = Some(BEGIN + 5_000 + 20_000 + 1_000);
    assert_eq!(steered.backends[0].safe_to_stop, safe);
    // Again, and a reload: it has been out since then.
    stage.wait_until(9_000);
    stage.steer("example/web/192.0.2.1", set(Hand::Down, None));
    stage.serve(&[&zone(&text)]);
    assert_eq!(stage.publisher.safe_to_stop(&key("example/web/192.0.2.1")), safe);
    stage.steer("example/web/192.0.2.1", Wish::Auto);
    assert_eq!(stage.publisher.safe_to_stop(&key("example/web/192.0.2.1")), None);
}

#[test]
fn a_drained_backend_that_a_role_still_guesses_is_not_safe_to_stop() {
    use crate::config::model::Role;

    let folder = Folder::new("role");
    let stage = Stage::kept_in(&folder);
    let text = ZONE
        .replace("when_all_down: fallback, fallback: spare", "when_all_down: last")
        .replace("  www: {pool: web}", "  www: {pool: web}\n  ro: {pool: web, role: replica}");
    stage.serve(&[&zone(&text)]);
    let replica = Told { role: Some(Role::Replica), ..Told::default() };
    let replicas = || -> Vec<u8> {
        let View::Served { zone, ready } = stage.view() else { panic!("the zone is served") };
        let face = zone.pools.iter().position(|pool| pool.role().is_some());
        let ready = face.and_then(|face| ready.get(face)).expect("the role has a face");
        ready.addresses().map(last_number).collect()
    };
    let safe = || stage.publisher.safe_to_stop(&key("example/web/192.0.2.2"));
    stage.report_told("192.0.2.2", UP, replica);
    assert_eq!(replicas(), [2]);
    stage.steer("example/web/192.0.2.2", set(Hand::Drain, None));
    assert_eq!((replicas(), safe()), (vec![1], Some(BEGIN + 31_000)));
    // With nobody left, each falls back on those whom it had last: who asks for a replica on the one that was taken out first.
    stage.steer("example/web/192.0.2.1", set(Hand::Drain, None));
    assert_eq!((stage.handouts()[0].as_slice(), replicas()), (&[1][..], vec![2]));
    assert_eq!(safe(), None);
    // From the answer on that leaves it out.
    stage.wait_until(5_000);
    stage.steer("example/web/192.0.2.1", Wish::Auto);
    assert_eq!(replicas(), [1]);
    assert_eq!(safe(), Some(BEGIN + 5_000 + 30_000 + 1_000));
}

#[test]
fn what_is_drained_is_no_guess_unless_all_is() {
    let folder = Folder::new("guess");
    let stage = Stage::kept_in(&folder);
    stage.serve(&[&zone(ZONE)]);
    stage.report("192.0.2.2", DOWN);
    stage.report("192.0.2.3", DOWN);
    assert_eq!(stage.handouts()[1], [2, 3]);
    stage.steer("example/spare/192.0.2.3", set(Hand::Drain, None));
    assert_eq!(stage.handouts()[1], [2]);
    let steered = stage.steer("example/spare/192.0.2.2", set(Hand::Drain, None));
    assert_eq!(stage.handouts()[1], [2, 3]);
    assert_eq!(steered.backends[0].safe_to_stop, None, "it is still in answers");
    assert_eq!(stage.publisher.safe_to_stop(&key("example/spare/192.0.2.3")), None);
}

#[test]
fn who_takes_something_out_is_warned_of_what_that_leaves() {
    let folder = Folder::new("warned");
    let stage = Stage::kept_in(&folder);
    stage.serve(&[&zone(ZONE)]);
    let warnings = |pattern| stage.steer(pattern, set(Hand::Drain, None)).warnings;
    assert_eq!(warnings("example/web/192.0.2.1"), [""; 0]);
    assert_eq!(
        warnings("example/web/192.0.2.2"),
        [
            "example/web has nothing left in service, and hands out its fallback",
            "192.0.2.2 of example/web/192.0.2.2 is still handed out by example/web",
            "192.0.2.2 of example/web/192.0.2.2 is still handed out by example/spare",
        ]
    );
}

#[test]
fn very_many_are_steered_as_few_are() {
    let folder = Folder::new("many");
    let stage = Stage::kept_in(&folder);
    let many: Vec<String> = (1..=40).map(|last| format!("192.0.2.{last}")).collect();
    let text = ZONE.replace("192.0.2.1, 192.0.2.2", &many.join(", "));
    stage.serve(&[&zone(&text)]);
    let steered = stage.steer("example/web/192.0.2.??", set(Hand::Drain, None));
    assert_eq!(steered.backends.len(), 31);
    assert!(steered.backends.iter().all(|backend| backend.safe_to_stop.is_some()));
    assert_eq!(stage.handouts()[0], (1..=9).collect::<Vec<u8>>());
}

#[test]
fn an_override_ends_at_its_time() {
    let folder = Folder::new("ends");
    let stage = Stage::kept_in(&folder);
    stage.serve(&[&zone(ZONE)]);
    stage.steer("example/web/192.0.2.1", set(Hand::Drain, Some(60)));
    stage.wait_until(59_999);
    assert_eq!(stage.handouts()[0], [2]);
    stage.wait_until(60_000);
    assert_eq!(stage.handouts()[0], [1, 2]);
    assert!(stage.publisher.overrides().load().is_empty());
}

#[test]
fn overrides_survive_a_restart_and_wait_for_their_backend() {
    let folder = Folder::new("survive");
    let stage = Stage::kept_in(&folder);
    stage.serve(&[&zone(ZONE)]);
    stage.steer("example/web/192.0.2.1", set(Hand::Drain, None));
    stage.steer("example/spare/192.0.2.2", set(Hand::Down, Some(60)));
    drop(stage);

    let stage = Stage::kept_in(&folder);
    let without = ZONE.replace("[192.0.2.1, 192.0.2.2]", "[192.0.2.2]");
    stage.serve(&[&zone(&without)]);
    assert_eq!(stage.handouts(), [vec![2], vec![3]]);
    assert_eq!(stage.publisher.overrides().load().len(), 2);
    stage.serve(&[&zone(ZONE)]);
    assert_eq!(stage.handouts(), [vec![2], vec![3]], "it came back, and is drained");
    stage.serve(&[&zone(&without)]);
    stage.steer("example/web/192.0.2.1", Wish::Auto);
    stage.serve(&[&zone(ZONE)]);
    assert_eq!(stage.handouts(), [vec![1, 2], vec![3]]);
}

#[test]
fn what_the_disk_refuses_is_in_force_and_told() {
    let folder = Folder::new("refuses");
    let stage = Stage::kept_in(&folder);
    stage.serve(&[&zone(ZONE)]);
    // A file stands where the folder should be made.
    fs::write(&folder.0, "").expect("a file");
    let steered = stage.steer("example/web/192.0.2.1", set(Hand::Drain, None));
    assert!(steered.warnings[0].contains("not kept over a restart"), "{:?}", steered.warnings);
    assert_eq!(stage.handouts()[0], [2]);
    assert_eq!(stage.publisher.alarms().len(), 1);
    fs::remove_file(&folder.0).expect("it was there");
    assert!(stage.steer("example/web/192.0.2.1", set(Hand::Drain, None)).warnings.is_empty());
    assert_eq!(stage.publisher.alarms(), [""; 0]);
}

#[test]
fn a_pool_that_is_seen_in_several_ways_is_one_in_an_alarm() {
    let stage = Stage::new();
    stage.serve(&[&zone(
        "
zone: example
ns: [ns]
views: {private: [10.0.0.0/8]}
checks: {c: {tcp: {port: 80}}}
pools: {web: {check: c, backends: {web-1: {address: 192.0.2.1, private: 10.0.0.1}}}}
records: {ns: {A: 192.0.2.53}, www: {pool: web}}
",
    )]);
    for address in ["192.0.2.1", "10.0.0.1"] {
        stage.report(address, DOWN);
    }
    let alarms = stage.publisher.alarms();
    assert_eq!(alarms, ["1 pool has too little or nothing in service: example/web"]);
}

#[test]
fn a_wish_that_makes_no_sense_changes_nothing() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    let drain = || steer("example/web/*", set(Hand::Drain, None));
    let before = stage.publisher.published();
    for (wrong, sentence) in [
        (
            Steer { patterns: Vec::new(), ..drain() },
            "no backend is named; one at least is ZONE/POOL/BACKEND",
        ),
        (
            steer("example/wbe/192.0.2.1", Wish::Auto),
            "no backend matches `example/wbe/192.0.2.1`; did you mean `example/web/192.0.2.1`?",
        ),
        (Steer { author: String::new(), ..drain() }, "an author is one line of 1 to 64 bytes"),
        (
            Steer { reason: Some("a\nb".into()), ..drain() },
            "a reason is one line of at most 256 bytes",
        ),
        (
            steer("example/web/*", set(Hand::Drain, Some(0))),
            "an override lasts for a millisecond at least",
        ),
    ] {
        let refused: Result<Steered, SteerError> = stage.publisher.steer(&wrong);
        assert_eq!(refused.map_err(|error| error.to_string()), Err(sentence.to_owned()));
    }
    assert_eq!(stage.publisher.published(), before);
}

#[test]
fn a_question_of_what_if_leaves_the_rest_as_it_is() {
    let stage = Stage::new();
    let text = ZONE.replace("records:", "  other: {backends: [192.0.2.9]}\nrecords:");
    stage.serve(&[&zone(&text)]);
    stage.report("192.0.2.1", DOWN);
    let snapshot = stage.snapshot();
    let down = BTreeSet::from([key("example/web/192.0.2.2")]);
    let overrides = stage.publisher.overrides().load_full();
    let facts = Facts { registry: stage.publisher.registry(), overrides: &overrides, down: &down };
    let supposed = what_if(&snapshot, &facts);
    let ready = |snapshot: &Snapshot, pool: &str| {
        let View::Served { zone, ready } = snapshot.zone(0).expect("a zone") else { panic!() };
        let place = zone.pools.iter().position(|known| known.name == pool).expect(pool);
        Arc::clone(ready.get(place).expect("each pool has one"))
    };
    assert_eq!(ready(&supposed, "web").source, Source::Fallback);
    assert_eq!(ready(&snapshot, "web").source, Source::InService);
    assert!(Arc::ptr_eq(&ready(&supposed, "other"), &ready(&snapshot, "other")));

    let View::Served { zone, .. } = stage.view() else { panic!("the zone is served") };
    let judgements = facts.judgements(&zone, &zone.pools[0]);
    let told: Vec<(bool, Basis, &str)> = judgements
        .iter()
        .map(|one| (one.verdict.in_service, one.verdict.basis, one.reason.as_str()))
        .collect();
    let refused = "1 check failed: connection refused";
    assert_eq!(told, [(false, Basis::Judged, refused), (false, Basis::Judged, "taken as down")]);

    // From the files alone: the same but for what probers found.
    let registry = crate::health::registry::Registry::default();
    let facts = Facts { registry: &registry, ..facts };
    let zones = vec![(zone.origin.clone(), Some(Arc::clone(&zone)))];
    let offline = snapshot_of(zones, &facts).expect("there is one zone");
    let addresses: Vec<IpAddr> = ready(&offline, "web").addresses().collect();
    assert_eq!(addresses, [IpAddr::from([192, 0, 2, 1])]);
}

#[test]
fn the_ttl_falls_towards_the_end_of_an_override() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    let ttl = || {
        let View::Served { ready, .. } = stage.view() else { panic!("the zone is served") };
        ready.get(0).expect("there are two").ttl
    };
    stage.steer("example/web/192.0.2.1", set(Hand::Drain, Some(7)));
    assert_eq!((stage.handouts()[0].as_slice(), ttl()), (&[2][..], 7));
    stage.wait_until(1_000);
    assert_eq!(ttl(), 5, "no less than `min_ttl`");
    stage.wait_until(7_000);
    assert_eq!((stage.handouts()[0].as_slice(), ttl()), (&[1, 2][..], 30));
    stage.steer("example/web/192.0.2.1", set(Hand::Up, Some(60)));
    for (at, expected) in [(37_000, 30), (37_001, 15), (60_000, 7), (62_000, 5), (67_000, 30)] {
        stage.wait_until(at);
        assert_eq!(ttl(), expected, "at {at}");
    }
    // One without an end is no reason.
    stage.steer("example/web/192.0.2.1", set(Hand::Down, None));
    assert_eq!(ttl(), 30);
}
