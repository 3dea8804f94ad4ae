//! What a second core costs the first: answers, counted, on one thread and on several at once over the same snapshot. No sockets take
//! part, so that it is our own sharing alone that is seen: rotations, counters, the snapshot. One query at a time, as over TCP, so
//! that each turns its rotation by itself: workers over UDP do that once a batch, and share less.
//!
//! Told is the CPU time an answer, which is no less on a busy machine than what the threads' work takes, and its ratio to that of one
//! thread: 1.0 where threads do not touch each other's cache lines.
//!
//! `cores [THREADS [ROUNDS]]`

mod asked;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use rotadns::config::read_zone;
use rotadns::counters::handed::Handed;
use rotadns::counters::zones::ZoneCounts;
use rotadns::counters::{AllCounters, Counters};
use rotadns::engine::choose::ready::{Memory, Ready, Standing};
use rotadns::engine::snapshot::Chunks;
use rotadns::engine::{Snapshot, Transport, View};
use rotadns::server::Answered;
use rotadns::server::responder::Responder;
use rotadns::zone::build::from_model;

use asked::query;

/// How long a turn is: short, so that what else the machine does meets both sides of a round.
const TURN: Duration = Duration::from_millis(200);
const BACKENDS: u32 = 8;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let threads: usize = arguments.next().unwrap_or(2);
    let rounds: usize = arguments.next().unwrap_or(25);

    println!("| pools | ns an answer, 1 thread | {threads} threads | ratio |");
    println!("|---|---|---|---|");
    for pools in [1, 1_000] {
        let stage = Stage::new(pools, threads);
        let (mut alone, mut together, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        // What comes first is slower: caches are cold.
        stage.turn(threads);
        for _ in 0..rounds {
            let (one, many) = (stage.turn(1), stage.turn(threads));
            alone.push(one);
            together.push(many);
            ratios.push(many / one);
        }
        let (one, many, ratio) = (median(alone), median(together), median(ratios));
        println!("| {pools} | {one:.0} | {many:.0} | {ratio:.2} |");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What all threads answer from.
struct Stage {
    snapshot: Arc<ArcSwap<Snapshot>>,
    counters: Vec<Arc<Counters>>,
    queries: Arc<[Vec<u8>]>,
}

impl Stage {
    fn new(pools: u32, threads: usize) -> Self {
        let mut text = "zone: example\nns: [ns.example.net.]\nrecords:\n".to_owned();
        for pool in 0..pools {
            write!(text, "  p{pool}: {{pool: {{backends: [").expect("a String");
            for backend in 0..BACKENDS {
                let address = Ipv4Addr::from_bits(0x0a00_0000 + pool * BACKENDS + backend);
                write!(text, "{address}, ").expect("a String");
            }
            text += "]}}\n";
        }
        let (model, mistakes) = read_zone(Path::new("example.yaml"), &text);
        let model = model.unwrap_or_else(|| panic!("the zone is fine: {mistakes:?}"));
        let (zone, _) = from_model(&model, 1, None).expect("its records fit together");
        let ready = zone.pools.iter().map(|pool| {
            let standings = vec![Standing::UP; pool.endpoints().count()];
            let handed = Arc::new(Handed::new(threads));
            Arc::new(Ready::new(pool, &standings, &Memory::default(), None).counting(&handed))
        });
        let ready = Chunks::new(ready.collect::<Vec<_>>());
        let view = View::Served { zone: Arc::new(zone), ready };
        let counts = Arc::new(ZoneCounts::new(threads));
        let snapshot = Snapshot::new(vec![view]).expect("one zone").counting([counts]);
        let all = AllCounters::with_threads(threads);
        Self {
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            counters: (0..threads).map(|_| all.thread()).collect(),
            queries: (0..pools).map(|pool| query(&format!("p{}", pool * 7 % pools))).collect(),
        }
    }

    /// So many threads at once; nanoseconds of CPU time an answer.
    fn turn(&self, threads: usize) -> f64 {
        let running: Vec<_> = self.counters[..threads]
            .iter()
            .map(|counters| {
                let (snapshot, queries) = (Arc::clone(&self.snapshot), Arc::clone(&self.queries));
                let counters = Arc::clone(counters);
                thread::spawn(move || answer(snapshot, &queries, counters))
            })
            .collect();
        let done: Vec<(u64, u64)> =
            running.into_iter().map(|thread| thread.join().expect("it answers")).collect();
        let (answers, cpu) = done.iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        let each = cpu as f64 / answers as f64;
        each
    }
}

/// Answers for a turn; the answers, and the thread's CPU time.
fn answer(
    snapshot: Arc<ArcSwap<Snapshot>>,
    queries: &[Vec<u8>],
    counters: Arc<Counters>,
) -> (u64, u64) {
    /// From one look at the clock to the next.
    const AT_ONCE: usize = 256;

    let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    // Threads do not go through the pools in step.
    let mut next = counters.index() * queries.len() / 2;
    let mut responder = Responder::new(snapshot, counters, None, None);
    let mut out = Vec::new();
    let (began, before) = (now(), cpu());
    let mut answers = 0;
    while began.elapsed() < TURN {
        for _ in 0..AT_ONCE {
            out.clear();
            let query = &queries[next % queries.len()];
            let answered = responder.answer(client, Transport::Tcp, query, &mut out);
            assert!(matches!(answered, Answered::Whole), "every question is answered");
            next += 1;
        }
        answers += AT_ONCE as u64;
    }
    (answers, cpu() - before)
}

/// The CPU time of this thread so far, in nanoseconds.
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number")
}

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}
