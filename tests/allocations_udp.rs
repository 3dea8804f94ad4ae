//! A UDP worker answers from its socket without the heap: counted over the whole process, while nothing else
//! in it runs.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait to implement")]
#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use rotadns::config::read_zone;
use rotadns::config::server::dnstap::{Dnstap, To};
use rotadns::counters::handed::Handed;
use rotadns::counters::zones::{Class, ZoneCounts};
use rotadns::counters::{AllCounters, Counter, Via};
use rotadns::dnstap::Tap;
use rotadns::engine::choose::ready::{Memory, Ready, Standing};
use rotadns::engine::snapshot::Chunks;
use rotadns::engine::{Snapshot, View};
use rotadns::server::udp;
use rotadns::zone::build;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting.
struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ZONE: &str = "
zone: example
ns: [ns]
pools:
  web: {backends: [192.0.2.1, 192.0.2.2, 192.0.2.3]}
  any: {policy: random, answers: 1, backends: [192.0.2.1, 192.0.2.2]}
  heavy: {policy: weighted, backends: {a: {address: 192.0.2.1, weight: 2}, b: 192.0.2.2}}
  to: {backends: [{target: www}]}
records:
  by: {rules: [{subnets: 127.0.0.0/8, pool: heavy}, {pool: any}]}
  to: {pool: to}
  ns: {A: 192.0.2.53}
  www: {pool: web}
  any: {pool: any}
  alias: {CNAME: www}
  sub: {NS: ns.sub}
  ns.sub: {A: 192.0.2.54}
";

/// A multiple of the names that are asked for, as is the next.
const QUERIES: u64 = 24_000;
const WARM: u64 = 120;

#[test]
fn a_worker_answers_without_the_heap() {
    answers_without_the_heap(None);
    // Nobody reads the log, so that most of it is dropped.
    let to = To::File("/dev/null".into());
    let config = Dnstap { to, sample: NonZeroU32::MIN, identity: None };
    answers_without_the_heap(Some(&mut Tap::new(config)));
}

fn answers_without_the_heap(tap: Option<&mut Tap>) {
    let (model, mistakes) = read_zone(Path::new("example.yaml"), ZONE);
    let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
    let (zone, _) = build::from_model(&model, 1, None).expect("it fits together");
    let up = Standing::UP;
    let handed: Vec<Arc<Handed<_>>> = zone.pools.iter().map(|_| Arc::new(Handed::new(1))).collect();
    let ready = zone.pools.iter().zip(&handed).map(|(pool, handed)| {
        let standings = vec![up; pool.endpoints().count()];
        Arc::new(Ready::new(pool, &standings, &Memory::default(), None).counting(handed))
    });
    let ready = Chunks::new(ready.collect::<Vec<_>>());
    let view = View::Served { zone: Arc::new(zone), ready };
    let counts = Arc::new(ZoneCounts::new(1));
    let snapshot = Snapshot::new(vec![view]).expect("one zone").counting([Arc::clone(&counts)]);
    let snapshot = Arc::new(ArcSwap::from_pointee(snapshot));

    let listeners = udp::bind(&[SocketAddr::from(([127, 0, 0, 1], 0))], 1).expect("a free port");
    let address = listeners[0].address;
    let counters = AllCounters::default();
    let running = udp::start(listeners, &snapshot, &counters, None, tap).expect("a thread");

    let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    client.connect(address).expect("it is there");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    let names = ["www", "any", "alias", "host.sub", "nothing", "ns", "by", "to"];
    let queries: Vec<Vec<u8>> =
        names.iter().map(|name| query(&format!("{name}.example."))).collect();
    let mut answer = [0; 1500];
    let mut ask = |rounds: u64| {
        for query in queries.iter().cycle().take(rounds as usize) {
            client.send(query).expect("it listens");
            let length = client.recv(&mut answer).expect("it answers");
            assert!(length > query.len() && answer[..2] == query[..2]);
        }
    };
    ask(WARM); // the first ones fill buffers
    let before = COUNT.load(Ordering::Relaxed);
    ask(QUERIES);
    let allocations = COUNT.load(Ordering::Relaxed) - before;

    running.stop();
    assert_eq!(allocations, 0, "for {QUERIES} queries");

    let asked = QUERIES + WARM;
    assert_eq!(counters.total(Counter::UdpAnswers), asked);
    assert_eq!(counters.queries(Via::Udp, 1), asked, "all for A, the first type by name");
    let rcodes = [0, 3].map(|rcode| counters.answers(Via::Udp, rcode));
    assert_eq!(rcodes, [asked * 7 / 8, asked / 8]);
    let classes = [Class::NoError, Class::Referral, Class::NxDomain, Class::NoData];
    let each = asked / 8;
    assert_eq!(classes.map(|class| counts.total(class)), [6 * each, each, each, 0]);
    // `www`, `alias` and `to` give the addresses of the first pool, all of them in each answer.
    let in_answers = |pool: usize| handed[pool].answers().into_values().collect::<Vec<u64>>();
    assert_eq!(in_answers(0), [3 * each; 3]);
    // By chance, one of two each time.
    let [first, second] = in_answers(1)[..] else { panic!("each has had its turn") };
    assert_eq!(first + second, each);
    // By weight: turns of three, of which two are the first one's.
    assert_eq!(in_answers(2), [2 * each / 3, each / 3]);
    assert_eq!(in_answers(3), [each]);
}

/// A query for A with EDNS.
fn query(name: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    rotadns::name::parse_into(name.as_bytes(), &[0], &mut query).expect("a name");
    query.extend_from_slice(&[0, 1, 0, 1, 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
    query
}
