//! A day of faults over a hundred backends, in virtual time: the schedule of probes, the streaks, the verdicts, the
//! publisher and the answers are the real ones; sockets and clocks are not.
//!
//! ```text
//!   faults ─▶ fate of each probe ─▶ Schedule ─▶ Publisher ─▶ Snapshot ─▶ answers, every second
//!      └────────────────────▶ what should be true of each of them ◀──────────────┘
//! ```
//!
//! The seed is printed; `ROTADNS_SEED` sets it. `ROTADNS_FULL=1` makes it a whole day, else it is two hours.

mod faults;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rotadns::config::read_zone;
use rotadns::engine::choose::ready::Source as ReadySource;
use rotadns::engine::snapshot::View;
use rotadns::engine::{Context, OUT_UDP, Plan, Transport, respond};
use rotadns::health::source::Source;
use rotadns::health::sources::{Moment, Settings};
use rotadns::health::target::{Outcome, Report, Target};
use rotadns::health::told::Told;
use rotadns::prober::schedule::{Id, Schedule};
use rotadns::rdata::rtype;
use rotadns::state::overrides::Kept;
use rotadns::state::persist::LastHealth;
use rotadns::state::publisher::{Publisher, Start};
use rotadns::wire::records::records;
use rotadns::zone::build::from_model;

use self::faults::{Day, Fate};
use crate::command_line::rotadns;
use crate::servers::Folder;

const POOLS: usize = 10;
const EACH: usize = 10;
/// What each pool has besides its backends.
const SETTINGS: [&str; POOLS] = [
    "",
    "answers: 1, ",
    "answers: 3, ",
    "policy: weighted, ",
    "policy: weighted, answers: 3, ",
    "policy: random, answers: 2, ",
    "policy: fixed, answers: 10, ",
    "ttl: 2m, ",
    "panic: 0.5, ",
    "when_all_down: none, ",
];
/// Enough answers for each backend of a pool to have been in one: two of ten by chance are in none of so many once in
/// 10^17 times.
const ROUND: Duration = Duration::from_secs(180);

fn address(backend: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, (backend / EACH) as u8, (backend % EACH) as u8 + 1)
}

fn zone_text() -> String {
    let mut text = "zone: example\nns: [ns]\n\
                    checks: {web: {tcp: {port: 80}}}\npools:\n"
        .to_owned();
    for (pool, settings) in SETTINGS.iter().enumerate() {
        let backends: Vec<String> = (pool * EACH..(pool + 1) * EACH)
            .map(|backend| format!("b{backend}: {}", address(backend)))
            .collect();
        let backends = backends.join(", ");
        writeln!(text, "  p{pool}: {{check: web, {settings}backends: {{{backends}}}}}")
            .expect("a String");
    }
    text += "records:\n  ns: {A: 192.0.2.53}\n";
    for pool in 0..POOLS {
        writeln!(text, "  p{pool}: {{pool: p{pool}}}").expect("a String");
    }
    text
}

/// The worst case of each pool, as `rotadns check` tells it: from a failure until no cache has the address.
fn told_by_check(text: &str) -> HashMap<String, Duration> {
    let folder = Folder::new();
    let file = folder.write("example.yaml", text);
    let output = rotadns(&["check", &file.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut told = HashMap::new();
    for line in said.lines() {
        let Some((head, tail)) = line.split_once(": a failure has left every cache after ") else {
            continue;
        };
        let pool = head.rsplit(' ').next().expect("a pool's name").to_owned();
        let seconds = tail.split(" s at most").next().expect("a number");
        let seconds: f64 = seconds.trim().parse().expect(tail);
        told.insert(pool, Duration::from_secs_f64(seconds));
    }
    assert_eq!(told.len(), POOLS, "check tells of each pool: {said}");
    told
}

/// The prober, the publisher and what it answers, all by one clock.
struct Stage {
    publisher: Publisher,
    clock: Arc<Mutex<Moment>>,
    schedule: Schedule,
    /// The probes in flight by when they end.
    flights: BinaryHeap<Reverse<(Duration, Id, usize)>>,
    outcomes: Vec<Outcome>,
    targets: HashMap<Target, usize>,
    timeout: Duration,
    plan: Plan,
    out: Vec<u8>,
    draws: u64,
}

impl Stage {
    fn new(text: &str, seed: u64) -> Self {
        let (model, mistakes) = read_zone(Path::new("example.yaml"), text);
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
            settings: Arc::default(),
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
        let wanted: Vec<Target> = wanted.try_iter().last().expect("it tells whom to probe");
        let by_address: HashMap<IpAddr, usize> =
            (0..POOLS * EACH).map(|backend| (IpAddr::V4(address(backend)), backend)).collect();
        let targets: HashMap<Target, usize> =
            wanted.iter().map(|target| (target.clone(), by_address[&target.address])).collect();
        let mut sorted = wanted;
        sorted.sort_unstable_by_key(|target| target.address);
        let timeout = sorted[0].check.timeout;
        let in_flight = NonZeroUsize::new(1000).expect("not zero");
        let mut schedule = Schedule::new(in_flight, fastrand::Rng::with_seed(seed));
        schedule.set_targets(&sorted, Duration::ZERO);
        Self {
            publisher,
            clock,
            schedule,
            flights: BinaryHeap::new(),
            outcomes: Vec::new(),
            targets,
            timeout,
            plan: Plan::default(),
            out: vec![0; OUT_UDP],
            draws: 0,
        }
    }

    fn set_clock(&self, running: Duration) {
        let unix = UNIX + running.as_millis() as u64;
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Moment { running, unix };
    }

    /// Probes what is due and reports what ends, up to a time.
    fn run_until(&mut self, until: Duration, day: &Day, random: &mut fastrand::Rng) {
        loop {
            let end = self.flights.peek().map(|Reverse((end, ..))| *end);
            let next = self.schedule.wake().into_iter().chain(end).min();
            let Some(now) = next.filter(|next| *next <= until) else { return };
            self.set_clock(now);
            while self.flights.peek().is_some_and(|Reverse((end, ..))| *end <= now) {
                let Some(Reverse((_, id, flight))) = self.flights.pop() else { break };
                self.report(id, self.outcomes[flight], now);
            }
            while let Some((id, target)) = self.schedule.start(now) {
                let fate = day.fate(self.targets[&target], now, random);
                let (outcome, took) = match fate {
                    Fate::Passes => (Outcome::Pass, Duration::from_millis(random.u64(1..50))),
                    Fate::Refused => (Outcome::Fail, Duration::from_millis(1)),
                    Fate::TimesOut => (Outcome::Fail, self.timeout),
                };
                self.outcomes.push(outcome);
                self.flights.push(Reverse((now + took, id, self.outcomes.len() - 1)));
            }
        }
    }

    fn report(&mut self, id: Id, outcome: Outcome, now: Duration) {
        if let Some((target, health)) = self.schedule.end(id, Some(outcome), now) {
            self.publisher.report(Report {
                target,
                source: Source::inside(),
                health,
                detail: Arc::from(if outcome == Outcome::Pass { "connected" } else { "no" }),
                told: Told::default(),
                took: Duration::from_millis(1),
                at: UNIX + now.as_millis() as u64,
            });
        }
    }

    /// Asks for a pool's name: its backends in the answer, the TTL, and where they come from.
    fn ask(&mut self, pool: usize) -> (Vec<usize>, Duration, ReadySource) {
        self.draws += 1;
        let snapshot = self.publisher.snapshot().load();
        let mut query = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, b'p', b'0' + pool as u8, 7];
        query.extend(b"example\0\0\x01\0\x01");
        let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, (self.draws % 250) as u8));
        let draw = self.draws.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.draws;
        // Turns follow each other; what is left to chance is spread.
        let is_random = SETTINGS[pool].contains("random");
        let draw = if is_random { draw } else { self.draws / POOLS as u64 };
        let context = Context { client, transport: Transport::Udp, draw, now: 0 };
        let length = respond(&snapshot, &context, &query, &mut self.plan, &mut self.out);
        let all = records(&self.out[..length.expect("it earns an answer")]);
        let mut found = Vec::new();
        let mut ttl = Duration::ZERO;
        for record in all.iter().filter(|record| record.rtype == rtype::A) {
            let &[_, _, of, number] = record.rdata.as_slice() else { panic!("an A record") };
            found.push(usize::from(of) * EACH + usize::from(number) - 1);
            ttl = Duration::from_secs(record.ttl.into());
        }
        let Some(View::Served { zone, ready }) = snapshot.zone(0) else {
            panic!("the zone is served")
        };
        let place = zone.pools.iter().position(|own| own.name == format!("p{pool}"));
        let ready = ready.get(place.expect("it is there")).expect("it hands out something");
        (found, ttl, ready.source)
    }
}

/// The wall clock at the begin, in unix milliseconds.
const UNIX: u64 = 1_700_000_000_000;

#[test]
fn no_healthy_backend_starves_and_no_dead_one_is_answered_past_the_worst_case() {
    let seed = std::env::var("ROTADNS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(20);
    let hours = if std::env::var_os("ROTADNS_FULL").is_some() { 24 } else { 2 };
    println!("ROTADNS_SEED={seed}, {hours} hours");
    let text = zone_text();
    let worst = told_by_check(&text);
    let mut random = fastrand::Rng::with_seed(seed);
    let day = Day::new(&mut random, POOLS * EACH, Duration::from_secs(hours * 3600));
    let mut stage = Stage::new(&text, seed);
    let check = stage.targets.keys().next().expect("there are targets").check.clone();
    // From the end of a fault until every prober would say so.
    let recovery = check.interval.mul_f64(1.1)
        + (check.timeout + check.fast_interval) * u32::from(check.rise.get())
        + check.timeout;
    let mut last_seen = vec![Duration::ZERO; POOLS * EACH];
    let (mut answers, mut dead_seen, mut guesses) = (0_u64, 0_u64, 0_u64);

    let mut now = Duration::from_secs(1);
    while now < day.length {
        stage.run_until(now, &day, &mut random);
        stage.set_clock(now);
        stage.publisher.flush();
        for pool in 0..POOLS {
            let (found, ttl, source) = stage.ask(pool);
            answers += 1;
            let is_guess = source != ReadySource::InService;
            guesses += u64::from(is_guess);
            for backend in found {
                last_seen[backend] = now;
                let Some(since) = day.dead_since(backend, now) else { continue };
                dead_seen += 1;
                // A prober that reaches nothing sees no failure.
                let counts = since.max(day.reaches_since(now));
                let gone = counts + worst[&format!("p{pool}")];
                assert!(
                    is_guess || day.is_cut_off(now) || now + ttl <= gone,
                    "seed {seed}: backend {backend}, dead since {since:?}, is answered at {now:?} for {ttl:?}; \
                     the worst case ends at {gone:?}"
                );
            }
        }
        for (backend, last) in last_seen.iter().enumerate() {
            let Some(since) = day.healthy_since(backend, now) else { continue };
            let since = since.max(day.reaches_since(now)) + recovery + ROUND;
            assert!(
                now < since || day.is_cut_off(now) || *last + ROUND >= now,
                "seed {seed}: backend {backend} is healthy and was in no answer from {last:?} to {now:?}"
            );
        }
        now += Duration::from_secs(1);
    }
    // The day was what it should be: faults were seen, and most answers were no guess.
    assert!(dead_seen > 0 && guesses * 2 < answers, "{answers} answers, {dead_seen}, {guesses}");
}

#[test]
fn a_day_has_what_it_should() {
    let mut random = fastrand::Rng::with_seed(1);
    let day = Day::new(&mut random, 100, Duration::from_secs(24 * 3600));
    let seconds = |range: std::ops::Range<u64>| range.map(Duration::from_secs);
    let cut_off = seconds(0..86_400).filter(|at| day.is_cut_off(*at)).count();
    assert!((60..2000).contains(&cut_off), "{cut_off} s without reaching anything");
    let all: Vec<usize> = (0..100).collect();
    for backend in &all {
        let dead = seconds(0..86_400).filter(|at| day.dead_since(*backend, *at).is_some()).count();
        assert!(dead < 43_200, "backend {backend} is dead for {dead} s");
    }
}
