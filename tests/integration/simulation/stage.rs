//! The prober, the publisher and what it answers, all by one clock.
//!
//! The schedule, the streaks, the publisher, rotations and answers are the real ones; sockets and the clock are not. What the
//! publisher does by the clock is waited for whenever that moves, so that a seed gives the same day each time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use ipnet::IpNet;
use rotadns::config::read_zone;
use rotadns::engine::{Context, OUT_UDP, Plan, Transport, encode, prepare};
use rotadns::health::source::Source;
use rotadns::health::sources::{Moment, Settings};
use rotadns::health::target::{Health, Outcome, Report, Target};
use rotadns::health::told::Told;
use rotadns::prober::schedule::{Id, Schedule};
use rotadns::server::chance::Chance;
use rotadns::state::overrides::Kept;
use rotadns::state::persist::LastHealth;
use rotadns::state::publisher::{Publisher, Start};
use rotadns::wire::encode::Section;
use rotadns::wire::records::records;
use rotadns::zone::build::from_model;

use super::clients::{self, Question};
use super::estate::Estate;
use super::faults::Fate;

/// The wall clock at the begin, in unix milliseconds.
const UNIX: u64 = 1_700_000_000_000;

/// A probe on its way.
struct Flight {
    backend: usize,
    outcome: Outcome,
    told: Told,
}

/// What an answer has.
pub(super) struct Answer {
    /// In their order.
    pub(super) backends: Vec<usize>,
    pub(super) ttl: Duration,
    /// For how many bits of the client subnet it holds, where the question tells one.
    pub(super) scope: Option<u8>,
}

pub(super) struct Stage {
    publisher: Publisher,
    clock: Arc<Mutex<Moment>>,
    schedule: Schedule,
    /// The probes in flight by when they end.
    ends: BinaryHeap<Reverse<(Duration, Id)>>,
    flights: HashMap<Id, Flight>,
    backends: HashMap<IpAddr, usize>,
    /// What was reported last of each.
    reported: Vec<Option<(Health, Told)>>,
    chance: Chance,
    plan: Plan,
    out: Vec<u8>,
}

impl Stage {
    pub(super) fn new(estate: &Estate, seed: u64) -> Self {
        let (model, mistakes) = read_zone(Path::new("example.yaml"), &estate.zone_text());
        let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
        let (zone, _) = from_model(&model, 1, None).expect("its records fit together");
        let clock = Arc::new(Mutex::new(Moment { running: Duration::ZERO, unix: UNIX }));
        let shown = Arc::clone(&clock);
        let start = Start {
            // No folder can be made below a file.
            last_health: LastHealth::load(Path::new("/dev/null/state")),
            overrides: Kept::default(),
            probers: Settings::default(),
            counting: 1,
            settings: clients::settings(),
        };
        let clock_of_it = Box::new(move || *shown.lock().unwrap_or_else(PoisonError::into_inner));
        let (sender, wanted) = mpsc::channel();
        let tell = move |targets| {
            let _ = sender.send(targets);
        };
        let (publisher, _) =
            Publisher::start_at(start, tell, clock_of_it).expect("a thread can be started");
        let origin = zone.origin.clone();
        publisher.zones(vec![(origin, Some(Arc::new(zone)))]);
        publisher.flush();
        let mut targets: Vec<Target> = wanted.try_iter().last().expect("it tells whom to probe");
        targets.sort_unstable_by_key(|target| target.address);
        assert_eq!(targets.len(), estate.homes.len(), "each backend is one target");
        let in_flight = NonZeroUsize::new(1000).expect("not zero");
        let mut schedule = Schedule::new(in_flight, fastrand::Rng::with_seed(seed));
        schedule.set_targets(&targets, Duration::ZERO);
        // What draws by chance takes its seed from this thread.
        fastrand::seed(seed);
        Self {
            publisher,
            clock,
            schedule,
            ends: BinaryHeap::new(),
            flights: HashMap::new(),
            backends: estate.by_address(),
            reported: vec![None; estate.homes.len()],
            chance: Chance::default(),
            plan: Plan::default(),
            out: vec![0; OUT_UDP],
        }
    }

    /// It is so late now: probes what is due up to then and reports what ends. `probe` says what a probe of a backend finds that
    /// starts at a time, and what the backend says of itself.
    pub(super) fn run_until(
        &mut self,
        until: Duration,
        mut probe: impl FnMut(usize, Duration) -> (Fate, Told),
    ) {
        let unix = UNIX + until.as_millis() as u64;
        let moment = Moment { running: until, unix };
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = moment;
        self.publisher.flush();
        loop {
            let end = self.ends.peek().map(|Reverse((end, _))| *end);
            let next = self.schedule.wake().into_iter().chain(end).min();
            let Some(now) = next.filter(|next| *next <= until) else { break };
            while self.ends.peek().is_some_and(|Reverse((end, _))| *end <= now) {
                let Some(Reverse((_, id))) = self.ends.pop() else { break };
                self.report(id, now);
            }
            while let Some((id, target)) = self.schedule.start(now) {
                let backend = self.backends[&target.address];
                let (fate, told) = probe(backend, now);
                let (outcome, took) = match fate {
                    Fate::Passes => (Outcome::Pass, Duration::from_millis(took(backend))),
                    Fate::Refused => (Outcome::Fail, Duration::from_millis(1)),
                    Fate::TimesOut => (Outcome::Fail, target.check.timeout),
                };
                let told = if outcome == Outcome::Pass { told } else { Told::SILENT };
                self.flights.insert(id, Flight { backend, outcome, told });
                self.ends.push(Reverse((now + took, id)));
            }
        }
        self.publisher.flush();
    }

    fn report(&mut self, id: Id, now: Duration) {
        let Some(Flight { backend, outcome, told }) = self.flights.remove(&id) else { return };
        let Some((target, health)) = self.schedule.end(id, Some(outcome), now) else { return };
        self.publisher.report(Report {
            target,
            source: Source::inside(),
            health,
            detail: Arc::from(if outcome == Outcome::Pass { "connected" } else { "no" }),
            told,
            took: Duration::from_millis(1),
            at: UNIX + now.as_millis() as u64,
        });
        // Else what comes of two changes would depend on whether they are taken in together.
        if self.reported[backend].replace((health, told)) != Some((health, told)) {
            self.publisher.flush();
        }
    }

    /// Asks, and says what the answer has.
    pub(super) fn ask(&mut self, question: &Question) -> Answer {
        let snapshot = self.publisher.snapshot().load();
        let Question { client, bytes, subnet, .. } = question;
        let context = Context { client: *client, transport: Transport::Udp, draw: 0, now: 0 };
        prepare(&snapshot, &context, bytes, &mut self.plan);
        self.chance.draw(&snapshot, &mut self.plan);
        let length = encode(&snapshot, &context, bytes, &self.plan, &mut self.out);
        let answer = &self.out[..length.expect("it earns an answer")];
        let mut found = Answer { backends: Vec::new(), ttl: Duration::ZERO, scope: None };
        for record in records(answer) {
            if record.section != Section::Answer {
                continue;
            }
            let address: IpAddr = match *record.rdata.as_slice() {
                [a, b, c, d] => Ipv4Addr::new(a, b, c, d).into(),
                ref other => {
                    Ipv6Addr::from(<[u8; 16]>::try_from(other).expect("an address")).into()
                }
            };
            found.backends.push(self.backends[&address]);
            found.ttl = Duration::from_secs(record.ttl.into());
        }
        found.scope = subnet.map(|subnet| scope(answer, subnet));
        found
    }
}

/// For how many bits of a client subnet an answer says that it holds (RFC 7871 §6).
fn scope(answer: &[u8], subnet: IpNet) -> u8 {
    let (bits, family) = (subnet.prefix_len(), if subnet.addr().is_ipv4() { 1 } else { 2 });
    let head = [0, 8, 0, 4 + bits.div_ceil(8), 0, family, bits];
    let place = answer.windows(head.len()).rposition(|own| own == head);
    answer[place.expect("what has the option is answered with it") + head.len()]
}

/// A probe that passes takes some milliseconds, not the same for all.
fn took(backend: usize) -> u64 {
    1 + backend as u64 * 37 % 50
}
