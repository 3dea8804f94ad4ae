//! What changes of health cost those who ask: 10,000 pools of 10 backends, answered with 100 of them changing side each
//! second and with none, by turns. `taskset -c 1 churn` has the publisher and the queries share one core.
//!
//! Told are medians over the rounds, and between what the middle half of them is: of answers in a second, and of answers in a second of
//! the process's own CPU time, the publisher's among it, which others on the machine change less. And the publisher's part of that time,
//! all in all and for a change.
//!
//! `churn [POOLS [CHANGES [ROUNDS]]]`
//!
//! `churn count CHANGES [POOLS [POLICY]]` makes so many changes in [`measured`], for `scripts/bench-instructions` to count instructions under
//! callgrind.

mod asked;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rotadns::config::read_zone;
use rotadns::engine::{Context, OUT_UDP, Plan, Transport, respond};
use rotadns::health::source::Source;
use rotadns::health::sources::Settings;
use rotadns::health::target::{Health, Report, Target};
use rotadns::health::told::Told;
use rotadns::state::overrides::Kept;
use rotadns::state::persist::LastHealth;
use rotadns::state::publisher::{Publisher, Start};
use rotadns::zone::build::from_model;

use asked::query;

const EACH: u32 = 10;
/// How long each turn is: short, so that what else the machine does meets both sides of a round.
const TURN: Duration = Duration::from_millis(200);
/// How many queries are answered from one snapshot, as a worker does with a batch.
const BATCH: u64 = 32;

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("count").is_some() {
        return count(arguments);
    }
    let mut arguments = arguments.map(|text| text.parse().expect("a number"));
    let pools: u32 = arguments.next().unwrap_or(10_000);
    let changes: u32 = arguments.next().unwrap_or(100);
    let rounds: u32 = arguments.next().unwrap_or(100);

    let (publisher, targets) = serve(pools, "round_robin", Settings::default());
    let is_on = Arc::new(AtomicBool::new(false));
    let done = Arc::new(AtomicU64::new(0));
    let flapping = {
        let (publisher, is_on, done) = (publisher.clone(), Arc::clone(&is_on), Arc::clone(&done));
        move || flap(&publisher, &targets, changes, &is_on, &done)
    };
    thread::spawn(flapping);

    let turn = |on: bool| {
        is_on.store(on, Ordering::Relaxed);
        ask(&publisher, pools, TURN)
    };
    // What comes first is slower: caches are cold.
    turn(false);
    let (mut by_clock, mut by_cpu, mut part, mut each) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for round in 0..rounds {
        // Either comes first as often as the other.
        let first = round % 2 == 0;
        let before = done.load(Ordering::Relaxed);
        let (one, other) = (turn(first), turn(!first));
        let (busy, quiet) = if first { (one, other) } else { (other, one) };
        by_clock.push(busy.answers / quiet.answers);
        by_cpu.push((busy.answers / busy.cpu) / (quiet.answers / quiet.cpu));
        let publisher = busy.publisher - quiet.publisher;
        part.push(publisher / busy.cpu);
        let in_round = u32::try_from(done.load(Ordering::Relaxed) - before).unwrap_or(u32::MAX);
        each.push(publisher / f64::from(in_round.max(1)) / 1e6);
    }
    println!(
        "{pools} pools of {EACH}, {changes} changes a second, {rounds} rounds of {TURN:?}: {} changes, {} snapshots",
        done.load(Ordering::Relaxed),
        publisher.published().generation,
    );
    for (what, values) in [
        ("answers with changes, to those without, by the clock", by_clock),
        ("the same by CPU time", by_cpu),
        ("the publisher's part of the CPU time", part),
        ("its milliseconds a change", each),
    ] {
        let [low, median, high] = quartiles(values);
        println!("{what}: {median:.3} ({low:.3} to {high:.3})");
    }
}

/// Has targets change side one after the other, each published alone.
fn count(mut arguments: impl Iterator<Item = String>) {
    let mut number = || arguments.next().map(|text| text.parse().expect("a number"));
    let changes: u32 = number().unwrap_or(100);
    let pools: u32 = number().unwrap_or(10_000);
    let policy = arguments.next().unwrap_or_else(|| "round_robin".to_owned());
    // Else all of the few that are reported on, falling together, would be held.
    let probers = Settings { isolation: None, ..Settings::default() };
    let (publisher, targets) = serve(pools, &policy, probers);
    // As many as change twice, each of another pool as far as there are so many.
    let half = (changes as usize / 2).max(1);
    let some: Vec<Target> =
        (0..half).map(|place| targets[place * 7919 % targets.len()].clone()).collect();
    // The first reports are dearer: it is the first that is kept of each.
    measured(&publisher, &some, [false, true]);
    measured(&publisher, &some, [false, true]);
    println!("change\ta change of health, one of {pools} pools of {EACH}");
}

/// What is counted is done while this function is at work.
#[inline(never)]
fn measured(publisher: &Publisher, targets: &[Target], sides: [bool; 2]) {
    for is_up in sides {
        for target in targets {
            publisher.report(report(target, is_up));
            publisher.flush();
        }
    }
}

/// What was answered, and at what cost.
struct Asked {
    answers: f64,
    /// Nanoseconds of all threads.
    cpu: f64,
    /// Those of the publisher.
    publisher: f64,
}

/// The value that a quarter is below, the median, and the one that a quarter is above.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |quarter| values.get(values.len() * quarter / 4).copied().unwrap_or(f64::NAN);
    [1, 2, 3].map(at)
}

/// The CPU time so far of all threads, and of the publisher, in nanoseconds.
fn cpu() -> (u64, u64) {
    let (mut all, mut publisher) = (0, 0);
    for thread in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let read = |name| std::fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        // A thread that has just ended has none.
        let spent: u64 =
            read("schedstat").split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
        all += spent;
        if read("comm").trim() == "publisher" {
            publisher += spent;
        }
    }
    (all, publisher)
}

/// A server of so many pools, all up, and what it probes.
fn serve(pools: u32, policy: &str, probers: Settings) -> (Publisher, Vec<Target>) {
    let mut text = "zone: example\nns: [ns.example.net.]\npools:\n".to_owned();
    for pool in 0..pools {
        write!(text, "  p{pool}: {{policy: {policy}, check: {{tcp: {{port: 80}}}}, backends: [")
            .expect("a String");
        for backend in 0..EACH {
            let address = Ipv4Addr::from_bits(0x0a00_0000 + pool * EACH + backend);
            write!(text, "{address}, ").expect("a String");
        }
        text += "]}\n";
    }
    text += "records:\n";
    for pool in 0..pools {
        writeln!(text, "  p{pool}: {{pool: p{pool}}}").expect("a String");
    }
    let (model, mistakes) = read_zone(Path::new("example.yaml"), &text);
    let model = model.unwrap_or_else(|| panic!("the zone is fine: {mistakes:?}"));
    let (zone, _) = from_model(&model, 1, None).expect("its records fit together");
    let targets = zone.pools.iter().flat_map(Target::of_pool).collect();
    let start = Start {
        // No folder can be made below a file.
        last_health: LastHealth::load(Path::new("/dev/null/state")),
        overrides: Kept::default(),
        probers,
        counting: 1,
        settings: Arc::default(),
    };
    let (publisher, _) = Publisher::start(start, |_| {}).expect("a thread can be started");
    publisher.zones(vec![(zone.origin.clone(), Some(Arc::new(zone)))]);
    publisher.flush();
    (publisher, targets)
}

/// Has one target after the other change side, evenly over each second, while it is on.
fn flap(
    publisher: &Publisher,
    targets: &[Target],
    a_second: u32,
    is_on: &AtomicBool,
    done: &AtomicU64,
) {
    let pause = Duration::from_secs(1) / a_second.max(1);
    let mut next = now();
    for (place, round) in (0_u64..).flat_map(|round| (0..targets.len()).map(move |at| (at, round)))
    {
        // Neighbours are in one pool; those far from each other are not.
        let target = &targets[place * 7919 % targets.len()];
        next += pause;
        thread::sleep(next.saturating_duration_since(now()));
        while !is_on.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
            next = now();
        }
        publisher.report(report(target, !round.is_multiple_of(2)));
        done.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a prober finds of a target that changes side.
fn report(target: &Target, is_up: bool) -> Report {
    Report {
        target: target.clone(),
        source: Source::inside(),
        health: if is_up { Health::Up { failed: 0 } } else { Health::Down { passed: 0 } },
        detail: Arc::from("connection refused"),
        told: Told::default(),
        took: Duration::from_millis(3),
        at: 0,
    }
}

/// How many answers fit into a time, of all pools by turns.
fn ask(publisher: &Publisher, pools: u32, time: Duration) -> Asked {
    let queries: Vec<Vec<u8>> =
        (0..pools.min(4096)).map(|pool| query(&format!("p{}", pool * 7 % pools))).collect();
    let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    let mut plan = Plan::default();
    let mut out = [0; OUT_UDP];
    let (began, before) = (now(), cpu());
    let mut answers = 0;
    while began.elapsed() < time {
        let snapshot = publisher.snapshot().load();
        for _ in 0..BATCH {
            let context = Context { client, transport: Transport::Udp, draw: answers, now: 0 };
            let query = &queries[answers as usize % queries.len()];
            let answered = respond(&snapshot, &context, query, &mut plan, &mut out);
            assert!(answered.is_some(), "every question is answered");
            answers += 1;
        }
    }
    let after = cpu();
    #[expect(clippy::cast_precision_loss, reason = "ratios for people")]
    Asked {
        answers: answers as f64,
        cpu: (after.0 - before.0) as f64,
        publisher: (after.1 - before.1) as f64,
    }
}

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}
