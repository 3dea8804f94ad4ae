//! Everything at once, with real processes: backends break and recover, zone files change under a steady
//! load, and no query is lost.
//!
//! How soon the answers must follow is not a number of this test: it is the worst case that the check's
//! settings give, [`Check::detection_max`], and [`MARGIN`].

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use rotadns::config::model::Check;
use rotadns::config::read_zone;
use rustix::process::Signal;

use crate::asking::{Question, Way};
use crate::backends::{Backends, Mood};
use crate::load::{Load, Set, Subject, Tally};
use crate::servers::{End, Server, ZoneFile};
use crate::waiting::{alone, until};

const QUERIES: u64 = 1_000_000;
/// Every core is busy, with the load and with whatever else the machine does, and the prober is the one
/// that waits: its priority is low.
const MARGIN: Duration = Duration::from_secs(10);
/// From one change of the zone file to the next.
const EDIT_PAUSE: Duration = Duration::from_millis(250);
/// How long a changed file may take to be served while every core is busy.
const RELOAD_MAX: Duration = Duration::from_secs(10);
/// The end that an operator is promised after SIGTERM: of the server's own time, as others have the cores too, and by the clock with
/// [`MARGIN`].
const END_MAX: Duration = Duration::from_secs(1);

const ZONE: &str = "site.example.yaml";

/// The zone of these tests: backends that are checked often, and [`VERSION`].
fn zone(backends: &Backends) -> String {
    let addresses: Vec<String> = backends.addresses().iter().map(Ipv4Addr::to_string).collect();
    format!(
        "zone: site.example\n\
         ns: [ns1]\n\
         checks:\n  \
           web: {{http: {{port: {port}, path: /healthz}}, \
                 interval: 1s, fast_interval: 200ms, timeout: 500ms, fall: 3, rise: 2}}\n\
         pools:\n  \
           web: {{check: web, ttl: 2s, min_ttl: 1s, backends: [{addresses}]}}\n\
         records:\n  \
           ns1: {{A: 192.0.2.53}}\n  \
           www: {{pool: web}}\n  \
           version: {{TXT: {VERSION}}}\n",
        port = backends.port(),
        addresses = addresses.join(", "),
    )
}

/// Stands in the zone where each version of it has another number.
const VERSION: &str = "version-0";

fn subject(backends: &Backends) -> Subject {
    Subject {
        pool: "www.site.example.".into(),
        backends: backends.addresses().to_vec(),
        text: "version.site.example.".into(),
        missing: "no-such-name.site.example.".into(),
    }
}

fn check_of(zone: &str) -> Check {
    let (zone, mistakes) = read_zone(ZONE.as_ref(), zone);
    let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
    Check::clone(zone.pools[0].check.as_ref().expect("the pool has a check"))
}

#[test]
fn a_million_queries_are_answered_while_backends_break_and_zones_change() {
    let _alone = alone();
    let mut backends = Backends::start([127, 31, 1], 6);
    let text = zone(&backends);
    let mut server = serve("", &text);
    let load = Load::start(server.v4(), subject(&backends));

    let is_over = AtomicBool::new(false);
    let edits = thread::scope(|scope| {
        let editor = scope.spawn(|| edit_until(&is_over, &server, &text));
        // Also where a round fails: the scope waits for the editor.
        let end = SetAtEnd(&is_over);
        let mut site = Site { check: check_of(&text), load: &load, backends: &mut backends };
        while load.sent() < QUERIES {
            site.breaks_and_recovers();
        }
        drop(end);
        editor.join().expect("every edit was served")
    });
    assert!(edits >= 4, "only {edits} changes of the zone were made under load");

    let tally = load.end();
    assert!(tally.sent >= QUERIES);
    assert_eq!(tally, Tally { answered: tally.sent, lost: 0, ..tally });
    assert!(server.stop().success(), "{}", server.said());
    let said = server.said();
    assert_eq!(total(&said, "udp_queries"), tally.sent, "received: {said}");
    assert_eq!(total(&said, "udp_answers"), tally.sent, "sent: {said}");
    for reason in ["connection refused", "timed out", "HTTP 500"] {
        assert!(said.contains(reason), "no line says {reason:?}: {said}");
    }
}

fn serve(settings: &str, zone: &str) -> Server {
    let localhost = Ipv4Addr::LOCALHOST.into();
    Server::rotadns_with(&[localhost], settings, &[ZoneFile { name: ZONE, text: zone }])
}

/// What an answer must hold while the backends change under it.
struct Site<'a> {
    check: Check,
    load: &'a Load,
    backends: &'a mut Backends,
}

impl Site<'_> {
    /// One backend is killed, one hangs and one answers 500; then they are mended.
    fn breaks_and_recovers(&mut self) {
        const ALL: Set = 0b11_1111;
        self.answers_hold(ALL, self.rise_max());

        self.backends.kill(0);
        self.answers_hold(ALL & !0b1, self.check.detection_max());
        self.backends.set(1, Mood::Hang);
        self.answers_hold(ALL & !0b11, self.check.detection_max());
        self.backends.set(2, Mood::Fail);
        self.answers_hold(ALL & !0b111, self.check.detection_max());

        // What may come back is no longer forbidden, and the rest still is.
        self.load.forbid(0b110);
        self.backends.revive(0);
        self.answers_hold(ALL & !0b110, self.rise_max());
        self.load.forbid(0);
        self.backends.set(1, Mood::Ok);
        self.backends.set(2, Mood::Ok);
        self.answers_hold(ALL, self.rise_max());
    }

    /// Waits until answers hold these backends, and has the load see to it that the others stay away.
    fn answers_hold(&self, expected: Set, bound: Duration) {
        let what = format!("answers hold {expected:06b}, within {bound:?} and a margin");
        until(&what, bound + MARGIN, || {
            assert!(!self.load.has_failed(), "the load has met a wrong answer");
            (self.load.handed_out() == expected).then_some(())
        });
        self.load.forbid(0b11_1111 & !expected);
    }

    /// As [`Check::detection_max`], for the way up.
    fn rise_max(&self) -> Duration {
        Check { fall: self.check.rise, ..self.check.clone() }.detection_max()
    }
}

/// Sets a flag when it goes.
pub(crate) struct SetAtEnd<'a>(pub &'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Puts new versions of the zone in place, one of them with a mistake; returns how many were served.
fn edit_until(is_over: &AtomicBool, server: &Server, zone: &str) -> u32 {
    let mut client = server.client();
    let mut answer = |question: &Question| {
        let answer = client.answer(question, Way::Tcp { payload: None });
        let record = answer.answers.first().expect("every version has the record");
        let text = record.rsplit_once(' ').expect("the text comes last").1;
        text.trim_matches('"').to_owned()
    };
    let version = Question::new("version.site.example.", RecordType::TXT);
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        number += 1;
        if number == 2 {
            let before = answer(&version);
            server.replace_file(
                &format!("zones/{ZONE}"),
                &zone.replace("{pool: web}", "{pool: wbe}").replace(VERSION, "broken"),
            );
            until("the mistake is told", RELOAD_MAX, || {
                server.said().contains("answering with its last good version").then_some(())
            });
            assert_eq!(answer(&version), before, "a mistake changes nothing");
        }
        let edited = format!("version-{number}");
        server.replace_file(&format!("zones/{ZONE}"), &zone.replace(VERSION, &edited));
        if number % 2 == 0 {
            server.signal(Signal::HUP);
        }
        until("the new version is served", RELOAD_MAX, || {
            (answer(&version) == edited).then_some(())
        });
        thread::park_timeout(EDIT_PAUSE);
    }
    number
}

/// What the server counted, from the last line of its log.
fn total(said: &str, counter: &str) -> u64 {
    let totals = said.lines().find(|line| line.contains(" stopped ")).expect("a last line");
    let total =
        totals.split_whitespace().find_map(|word| word.strip_prefix(counter)?.strip_prefix('='));
    total.and_then(|total| total.parse().ok()).expect("a number")
}

#[test]
fn what_was_received_before_sigterm_is_answered_within_a_second() {
    let _alone = alone();
    let backends = Backends::start([127, 31, 2], 1);
    let mut server = serve("", &zone(&backends));
    let load = Load::start(server.v4(), subject(&backends));
    until("the load is under way", RELOAD_MAX, || (load.sent() > 20_000).then_some(()));

    let mut end = None;
    let tally = load.outlive(|| end = Some(server.end()));
    let End { took, cpu } = end.expect("it has ended");
    assert!(cpu < END_MAX, "it worked {cpu:?} until its end: {}", server.said());
    assert!(took < END_MAX + MARGIN, "it took {took:?} to end: {}", server.said());
    assert_eq!(tally.lost, 0, "of questions that were sent before SIGTERM: {tally:?}");
    let said = server.said();
    assert_eq!(total(&said, "udp_queries"), total(&said, "udp_answers"), "{said}");
    assert_eq!(total(&said, "udp_answers"), tally.answered, "{said}");
}
