//! When what is sent, and that both ends agree whatever is lost between them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};

use proptest::prelude::*;

use super::*;
use crate::config::model::{Check, CheckKind};
use crate::feed::message::{self, VERSION, WireHealth, age_ms};
use crate::feed::receive::{Accepted, Brings, Here, Receiver, Refusal};
use crate::health::source::Source;
use crate::health::target::{Health, Report, Target};
use crate::health::told::Told;

const MS: Duration = Duration::from_millis(1);
const LEASE_MS: u64 = 9000;

fn target(byte: u8) -> Target {
    let check = Check {
        kind: CheckKind::Tcp { port: NonZeroU16::MIN },
        interval: Duration::from_secs(10),
        fast_interval: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        rise: NonZeroU8::MIN,
        fall: NonZeroU8::MAX,
        flap: None,
    };
    Target { address: [192, 0, 2, byte].into(), check: Arc::new(check) }
}

fn report(byte: u8, health: Health, probe: u64) -> Report {
    Report {
        target: target(byte),
        source: Source::inside(),
        health,
        detail: Arc::default(),
        told: Told::default(),
        // So that the order of reports is seen at the other end.
        took: Duration::from_micros(probe),
        at: 0,
    }
}

/// A prober of three targets and the outbox of one server.
struct Prober {
    board: Board,
    outbox: Outbox,
}

impl Prober {
    fn new() -> Self {
        let mut board = Board::default();
        board.set_targets(&[target(1), target(2), target(3)]);
        Self { board, outbox: Outbox::new(0, fastrand::Rng::with_seed(7)) }
    }

    fn report(&mut self, byte: u8, health: Health, probe: u64, now: Duration) {
        let Some((key, found, is_change)) = self.board.report(&report(byte, health, probe), now)
        else {
            return;
        };
        self.outbox.report(key, found, is_change, now);
    }

    /// What is sent at this time: `SESSION.SEQUENCE PART COUNT`.
    fn sent(&mut self, now: Duration) -> Option<String> {
        let Batch { session, sequence, part, reports } = self.outbox.next(&self.board, now)?;
        Some(format!("{session}.{sequence} {part:?} {}", reports.len()))
    }

    fn taken(&mut self, next: u64) {
        self.outbox.taken(&taken(next, false));
    }
}

fn taken(next: u64, again: bool) -> Taken {
    Taken { next, known: 0, unknown: 0, missing: 0, lease_ms: LEASE_MS, again }
}

const UP: Health = Health::Up { failed: 0 };

#[test]
fn everything_first_then_news_and_heartbeats() {
    let mut prober = Prober::new();
    assert_eq!(prober.sent(MS).as_deref(), Some("1.0 WholeEnd 3"));
    assert_eq!(prober.sent(MS), None, "one at a time");
    prober.taken(1);
    assert_eq!(prober.outbox.wake(), Some(MS + 3000 * MS), "a third of the lease");
    // The first outcome is a change.
    prober.report(1, UP, 1, 100 * MS);
    assert_eq!(prober.sent(100 * MS).as_deref(), Some("1.1 News 1"));
    prober.taken(2);
    // The same again waits for others.
    prober.report(1, UP, 2, 120 * MS);
    prober.report(1, UP, 3, 130 * MS);
    assert_eq!(prober.outbox.wake(), Some(120 * MS + GATHER));
    // A change takes along what waits, and a second one waits for a moment.
    prober.report(1, Health::Up { failed: 1 }, 4, 140 * MS);
    assert_eq!(prober.outbox.wake(), Some(100 * MS + PACE));
    prober.report(2, UP, 5, 145 * MS);
    assert_eq!(prober.sent(150 * MS).as_deref(), Some("1.2 News 4"));
    prober.taken(3);
    assert_eq!(prober.sent(3149 * MS), None);
    assert_eq!(prober.sent(3150 * MS).as_deref(), Some("1.3 News 0"));
}

#[test]
fn what_is_not_answered_is_sent_again_as_it_was() {
    let mut prober = Prober::new();
    prober.sent(MS);
    prober.taken(1);
    prober.report(1, UP, 1, 100 * MS);
    assert_eq!(prober.sent(100 * MS).as_deref(), Some("1.1 News 1"));
    prober.report(2, UP, 2, 101 * MS);
    let mut now = 102 * MS;
    for pause in [100, 200, 400, 800, 1600, 2000, 2000] {
        prober.outbox.failed(now);
        let wake = prober.outbox.wake().expect("it is tried again");
        assert!((now + pause * MS / 2..=now + pause * MS).contains(&wake), "{pause}: {wake:?}");
        assert_eq!(prober.sent(now), None);
        assert_eq!(prober.sent(wake).as_deref(), Some("1.1 News 1"));
        now = wake + MS;
    }
    prober.taken(2);
    assert_eq!(prober.sent(now + PACE).as_deref(), Some("1.2 News 1"), "what came meanwhile");
}

#[test]
fn what_is_out_of_order_begins_anew() {
    let mut prober = Prober::new();
    prober.sent(MS);
    prober.outbox.out_of_order(40, MS);
    let wake = prober.outbox.wake().expect("it is tried again");
    assert!(wake > MS, "two probers of one name must not chase each other without a pause");
    assert_eq!(prober.sent(wake).as_deref(), Some("41.0 WholeEnd 3"));
    prober.taken(1);
    // Other targets, while a batch is on its way.
    prober.report(1, UP, 1, wake);
    assert_eq!(prober.sent(wake + PACE).as_deref(), Some("41.1 News 1"));
    prober.board.set_targets(&[target(1), target(2)]);
    prober.outbox.begin_anew();
    prober.taken(2);
    assert_eq!(prober.sent(wake).as_deref(), Some("42.0 WholeEnd 2"));
}

#[test]
fn a_server_that_asks_is_told_everything_again() {
    let mut prober = Prober::new();
    prober.sent(MS);
    let taken = Taken { next: 1, known: 3, unknown: 0, missing: 0, lease_ms: 0, again: true };
    prober.outbox.taken(&taken);
    assert_eq!(prober.sent(MS).as_deref(), Some("2.0 WholeEnd 3"));
    assert_eq!(prober.outbox.patience(), 300 * MS, "a lease of nothing is not believed");
}

#[test]
fn a_whole_report_may_take_several_batches() {
    let mut board = Board::default();
    let targets: Vec<Target> = (0..2500u32)
        .map(|place| Target { address: IpAddr::from(place.to_be_bytes()), ..target(1) })
        .collect();
    board.set_targets(&targets);
    let mut prober = Prober { board, outbox: Outbox::new(0, fastrand::Rng::with_seed(7)) };
    for (sequence, expected) in
        [(1, "1.0 Whole 1000"), (2, "1.1 Whole 1000"), (3, "1.2 WholeEnd 500"), (4, "1.3 News 0")]
    {
        let now = prober.outbox.wake().expect("there is more");
        assert_eq!(prober.sent(now).as_deref(), Some(expected));
        prober.taken(sequence);
    }
}

#[test]
fn what_waits_for_a_server_that_is_gone_has_a_limit() {
    let mut prober = Prober::new();
    prober.sent(MS);
    prober.taken(1);
    prober.report(1, UP, 0, MS);
    assert!(prober.sent(100 * MS).is_some());
    prober.outbox.failed(100 * MS);
    for probe in 0..=QUEUE_MAX as u64 {
        prober.report(1, UP, probe, MS);
    }
    assert_eq!(prober.outbox.queue.capacity(), 0);
    prober.report(2, UP, 7, MS);
    assert!(prober.outbox.queue.is_empty(), "all of it will be in the whole report");
    let wake = prober.outbox.wake().expect("it is tried again");
    assert_eq!(prober.sent(wake).as_deref(), Some("2.0 WholeEnd 3"));
}

/// What the server knows of each target: where it stands, and the number of the probe.
type Known = BTreeMap<IpAddr, (Health, u64)>;

/// A server that may restart, behind a network that loses and repeats.
#[derive(Default)]
struct Server {
    receiver: Receiver,
    version: u64,
    known: Known,
    /// Everything that was ever sent.
    sent: Vec<message::Batch>,
}

impl Server {
    fn take(&mut self, batch: &message::Batch, now: Duration) -> Result<Taken, Refusal> {
        let (version, lease) = (self.version, LEASE_MS as u32 * MS);
        let here = Here { version, lease, is_known: &|_| true };
        let accepted = self.receiver.take(batch, None, here, (now, 0))?;
        let Accepted { brings, next, again, .. } = accepted;
        let mut before = self.known.clone();
        if matches!(brings, Brings::Whole { .. }) {
            self.known.clear();
        }
        let (Brings::Whole { reports, .. } | Brings::News(reports)) = brings else {
            return Ok(taken(next, again));
        };
        for found in reports.into_iter().filter(|found| found.health != Health::Unknown) {
            let probe = found.took.as_micros() as u64;
            if let Some((_, last)) = before.get(&found.key.address) {
                assert!(*last <= probe, "{}: {probe} after {last}", found.key.address);
            }
            before.insert(found.key.address, (found.health, probe));
            self.known.insert(found.key.address, (found.health, probe));
        }
        Ok(taken(next, again))
    }

    /// The server begins anew.
    fn restart(&mut self) {
        self.receiver = Receiver::default();
        self.known.clear();
    }
}

fn wire(batch: &Batch) -> message::Batch {
    let report = |(key, found): &(TargetKey, Found)| message::Report {
        address: key.address,
        check: key.check.to_string(),
        health: WireHealth::from(found.health),
        detail: found.detail.to_string(),
        told: None,
        took_us: found.took.as_micros() as u64,
        age_ms: age_ms(found.at),
    };
    message::Batch {
        version: VERSION,
        prober: "probe-1".into(),
        session: batch.session,
        sequence: batch.sequence,
        part: batch.part,
        reports: batch.reports.iter().map(report).collect(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A probe of a target finds it up or not.
    Probe(u8, bool),
    /// These targets and no others, a bit each.
    Targets(u8),
    /// So many milliseconds go by, and what is due is sent.
    Send {
        after: u32,
        fate: Fate,
    },
    /// Something that was sent before arrives again.
    Repeat(prop::sample::Index),
    Restart,
    /// The server's targets change.
    Reload,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    RequestLost,
    AnswerLost,
}

fn step() -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        4 => Just(Fate::Answered), 1 => Just(Fate::RequestLost), 1 => Just(Fate::AnswerLost),
    ];
    prop_oneof![
        8 => (1..=6u8, any::<bool>()).prop_map(|(byte, up)| Step::Probe(byte, up)),
        1 => any::<u8>().prop_map(Step::Targets),
        8 => (0..4000u32, fate).prop_map(|(after, fate)| Step::Send { after, fate }),
        1 => any::<prop::sample::Index>().prop_map(Step::Repeat),
        1 => Just(Step::Restart),
        1 => Just(Step::Reload),
    ]
}

/// Sends what is due, if there is anything. `false` where there is not.
fn send(prober: &mut Prober, server: &mut Server, fate: Fate, now: Duration) -> bool {
    let Some(batch) = prober.outbox.next(&prober.board, now) else { return false };
    assert!(batch.reports.len() <= BATCH_MAX);
    let batch = wire(&batch);
    server.sent.push(batch.clone());
    let answer = match fate {
        Fate::RequestLost => None,
        Fate::Answered | Fate::AnswerLost => Some(server.take(&batch, now)),
    };
    let answer = answer.filter(|_| matches!(fate, Fate::Answered));
    match answer {
        None => prober.outbox.failed(now),
        Some(Ok(taken)) => prober.outbox.taken(&taken),
        Some(Err(Refusal::OutOfOrder(expected))) => {
            prober.outbox.out_of_order(expected.session, now);
        }
        Some(Err(refusal)) => panic!("{refusal}"),
    }
    true
}

proptest! {
    #[test]
    fn both_ends_agree_whatever_was_lost(steps in prop::collection::vec(step(), 0..200)) {
        let (mut prober, mut server) = (Prober::new(), Server::default());
        let mut now = Duration::ZERO;
        for (probe, step) in steps.into_iter().enumerate() {
            match step {
                Step::Probe(byte, true) => prober.report(byte, UP, probe as u64, now),
                Step::Probe(byte, false) => {
                    prober.report(byte, Health::Down { passed: 0 }, probe as u64, now);
                }
                Step::Targets(bits) => {
                    let wanted: Vec<Target> =
                        (1..=6).filter(|byte| bits & (1 << byte) != 0).map(target).collect();
                    if prober.board.set_targets(&wanted) {
                        prober.outbox.begin_anew();
                    }
                }
                Step::Send { after, fate } => {
                    now += after * MS;
                    send(&mut prober, &mut server, fate, now);
                }
                Step::Repeat(index) => {
                    if !server.sent.is_empty() {
                        let batch = index.get(&server.sent).clone();
                        // Late, or a second time: `take` sees to it that nothing turns back.
                        let _ = server.take(&batch, now);
                    }
                }
                Step::Restart => server.restart(),
                Step::Reload => server.version += 1,
            }
            prop_assert!(prober.outbox.queue.len() <= QUEUE_MAX + prober.board.len());
        }
        // The network is well again: soon they agree, and then there are heartbeats alone.
        for _ in 0..10 {
            now = now.max(prober.outbox.wake().expect("something is always due some time"));
            prop_assert!(send(&mut prober, &mut server, Fate::Answered, now));
        }
        let judged: Known = prober
            .board
            .all()
            .filter(|(_, found)| found.health != Health::Unknown)
            .map(|(key, found)| (key.address, (found.health, found.took.as_micros() as u64)))
            .collect();
        prop_assert_eq!(&server.known, &judged);
    }
}
