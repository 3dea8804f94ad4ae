//! Answering over UDP allocates nothing, once buffers have grown to what they need.
//!
//! A binary of its own, as the allocator that counts is the whole binary's. It counts a thread's own
//! allocations only: the test harness has threads too.

#![allow(unsafe_code, reason = "an allocator is unsafe by its trait; this one counts and hands on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use rotadns::config::model::place::{Country, Network, Place};
use rotadns::engine::choose::ready::{Memory, Ready, Standing};
use rotadns::engine::settings::{Cookies, Places, Policy, Settings};
use rotadns::engine::snapshot::Chunks;
use rotadns::engine::{
    Context, OUT_UDP, Plan, Snapshot, Transport, View, encode, prepare, respond,
};
use rotadns::geo::{Atlas, Prefixes, subnets};
use rotadns::name::{self, Name};
use rotadns::server::chance::Chance;
use rotadns::wire::tsig::key::{Algorithm, Key, Keys};
use rotadns::zone::build::from_model;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends has no count any more, and nobody asks for it.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call is the system allocator's, with the caller's promises handed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

const ZONE: &str = "zone: example.com
ns: [ns1]
pools:
  web: {backends: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6, 192.0.2.7, 192.0.2.8]}
  any: {policy: random, answers: 3, backends: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, \"2001:db8::1\"]}
  kept: {policy: hash, answers: 2, backends: [192.0.2.1, 192.0.2.2, 192.0.2.3]}
  tiers: {policy: failover, backends: [192.0.2.1, 192.0.2.2]}
  one: {policy: fixed, backends: [192.0.2.1]}
  inside: {backends: {a: {address: 192.0.2.1, private: 10.0.0.1}, b: {address: 192.0.2.2, private: 10.0.0.2}}}
  heavy: {policy: weighted, port: 1, answers: 2, backends: {a: {address: 192.0.2.1, weight: 5, host: a}, b: {address: 192.0.2.2, host: b}, c: {address: 192.0.2.3, host: c}}}
  near: {policy: nearest, backends: [{address: 192.0.2.1, region: NO}, {address: 192.0.2.2, region: NO}, {address: 192.0.2.3, location: [40.7, -74.0]}]}
  to: {policy: weighted, backends: [{target: www, weight: 3}, {target: a.example.net.}]}
records:
  by: {rules: [{subnets: [127.0.0.0/8, 10.0.0.0/8], pool: heavy}, {subnets: \"2001:db8::/32\", pool: any}, {pool: web}]}
  where: {rules: [{subnets: 203.0.113.0/24, addresses: private, pool: inside}, {countries: [SE], pool: any}, {regions: [US-KY], asns: [64500], continents: [EU], pool: inside}, {pool: web}]}
  to: {pool: to}
  _x._tcp: {SRV: {pool: heavy}}
  svc: {HTTPS: {values: 1 . alpn=h2, pool: heavy, hints: pool}}
  ns1: {A: 192.0.2.53}
  www: {pool: web}
  any: {pool: any}
  one: {pool: one}
  kept: {pool: kept}
  tiers: {pool: tiers}
  near: {pool: near}
  a: {CNAME: b}
  b: {CNAME: c}
  c: {CNAME: www}
  \"*.wild\": {CNAME: a}
  old: {DNAME: wild}
  \"@\": {MX: [10 mail, 20 mail2]}
  sub: {NS: [ns.sub, ns1, www]}
  ns.sub: {A: 192.0.2.9, AAAA: \"2001:db8::9\"}
";

/// This machine is in Norway, and gets private addresses.
fn places() -> Places {
    let place = Place { country: Country::of("NO"), ..Place::default() };
    let network = |text: &str| Network { subnet: text.parse().expect(text), place, region: None };
    let table = subnets::source(&[network("127.0.0.0/8"), network("192.0.2.0/24")]);
    Places {
        atlas: Some(Arc::new(Atlas::new(&[&table]))),
        private: Prefixes::new(&["127.0.0.0/8".parse().expect("a network")]),
        ..Places::default()
    }
}

fn snapshot() -> Snapshot {
    let (model, mistakes) = rotadns::config::read_zone(Path::new("example.com.yaml"), ZONE);
    let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
    let (zone, _) = from_model(&model, 1, None).expect("the zone has no mistakes");
    let up = Standing::UP;
    let ready = zone.pools.iter().map(|pool| {
        let standings = vec![up; pool.endpoints().count()];
        Arc::new(Ready::new(pool, &standings, &Memory::default(), None))
    });
    let ready = Chunks::new(ready);
    let settings = Settings {
        nsid: Some("one of many".into()),
        version: Some("1".into()),
        cookies: Cookies { policy: Policy::Answer, secrets: vec![[1; 16], [2; 16]] },
        keys: Keys::new(vec![key()]),
        places: places(),
        ..Settings::default()
    };
    Snapshot::new(vec![View::Served { zone: Arc::new(zone), ready }])
        .expect("there is one")
        .with_settings(Arc::new(settings))
}

/// Each kind of question, and what is none; with EDNS or without.
fn queries() -> Vec<Vec<u8>> {
    let questions: [(&[u8], u16); 22] = [
        (b"www.example.com.", 1),   // a pool of eight
        (b"WWW.example.com.", 1),   // the same in another case
        (b"www.example.com.", 28),  // no data
        (b"ns1.example.com.", 1),   // one A
        (b"gone.example.com.", 1),  // NXDOMAIN
        (b"a.example.com.", 1),     // a chain that ends in a pool
        (b"x.sub.example.com.", 1), // a referral, with glue of a pool
        (b"sub.example.com.", 43),  // DS
        (b"any.example.com.", 1),   // by chance
        (b"kept.example.com.", 1),  // by hash
        (b"tiers.example.com.", 1), // failover
        (b"near.example.com.", 1),  // nearest
        (b"one.example.com.", 1),   // fixed
        (b"q.wild.example.com.", 1),
        (b"q.old.example.com.", 1), // DNAME
        (b"by.example.com.", 1),    // weights, by a rule
        (b"where.example.com.", 1), // private addresses, by a rule by places
        (b"to.example.com.", 1),    // a target, and a pool behind it
        (b"_x._tcp.example.com.", 33),
        (b"svc.example.com.", 65),
        (b"example.com.", 15), // several names
        (b"example.net.", 1),  // REFUSED
    ];
    let mut queries: Vec<Vec<u8>> = Vec::new();
    for (at, (name, rtype)) in questions.iter().cycle().take(58).enumerate() {
        let with_edns = u8::from(at >= questions.len());
        let mut query = vec![at as u8, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, with_edns];
        name::parse_into(name, &[0], &mut query).expect("a name");
        query.extend(rtype.to_be_bytes());
        query.extend([0, 1]);
        if with_edns == 1 {
            query.extend([0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0]);
        }
        queries.push(query);
    }
    let good = queries[20].clone();
    queries.push(good[..20].to_vec()); // cut short
    queries.push(good[..5].to_vec()); // not even a header
    queries.push([&good[..], b"?"].concat()); // bytes behind
    queries.push([&[0, 0, 0x28], &good[3..]].concat()); // UPDATE
    queries.push([&[0, 0, 0x10], &good[3..]].concat()); // STATUS
    queries.push([&[0, 0, 0x80], &good[3..]].concat()); // a response
    queries
}

#[test]
fn a_batch_of_queries_is_answered_without_an_allocation() {
    let snapshot = snapshot();
    let queries = queries();
    assert_eq!(queries.len(), 64);
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let context = Context { client, transport: Transport::Udp, draw: 0, now: 0 };
    let mut plans: Vec<Plan> = queries.iter().map(|_| Plan::default()).collect();
    let mut chance = Chance::default();
    let mut out = vec![0; OUT_UDP];
    let mut answered = 0;
    let mut batch = || {
        for (query, plan) in queries.iter().zip(&mut plans) {
            prepare(&snapshot, &context, query, plan);
        }
        chance.draw_all(&snapshot, &mut plans);
        for (query, plan) in queries.iter().zip(&plans) {
            answered += u64::from(encode(&snapshot, &context, query, plan, &mut out).is_some());
        }
    };
    batch(); // what is made once: the generator's seed, buffers
    let batches = 1000;
    assert_eq!(allocations_of(|| (0..batches).for_each(|_| batch())), 0);
    // All but the response and what is shorter than a header.
    assert_eq!(answered, (batches + 1) * 62);
}

fn key() -> Key {
    let name = Name::parse_absolute("k.").expect("a name");
    Key::new(name, Algorithm::Sha256, &[3; 32])
}

/// What goes beside a question: cookies, NSID, client subnet, a signature.
#[test]
fn what_is_rare_is_answered_without_an_allocation() {
    let snapshot = snapshot();
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let context = Context { client, transport: Transport::Udp, draw: 0, now: 1_800_000_000 };
    let cookie = [&[0, 10, 0, 8][..], &[1; 8]].concat();
    let both = [&[0, 10, 0, 24][..], &[1; 24]].concat();
    let subnet = [0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2];
    let (nsid, unknown) = ([0, 3, 0, 0], [0xff, 0xf0, 0, 1, 7]);
    let good = [&cookie[..], &nsid, &subnet, &unknown].concat();
    let mut queries: Vec<Vec<u8>> = Vec::new();
    for (name, class, options) in [
        (&b"www.example.com."[..], 1, good.clone()),
        (b"gone.example.com.", 1, both),
        (b"www.example.net.", 1, good.clone()),
        (b"version.bind.", 3, good),
        (b"www.example.com.", 1, [0, 8, 0, 1, 9].to_vec()),
    ] {
        let mut query = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        name::parse_into(name, &[0], &mut query).expect("a name");
        query.extend([0, 16, 0, class, 0, 0, 41, 16, 0, 0, 0, 0x80, 0]);
        query.extend((options.len() as u16).to_be_bytes());
        query.extend(options);
        queries.push(query);
    }
    // Rules and sites, and the scope of what they say.
    for name in [&b"where.example.com."[..], b"near.example.com."] {
        let mut query = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        name::parse_into(name, &[0], &mut query).expect("a name");
        query.extend([0, 1, 0, 1, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, subnet.len() as u8]);
        query.extend(subnet);
        queries.push(query);
    }
    let mut plan = Plan::default();
    let mut out = vec![0; OUT_UDP];
    let mut answer = |query: &[u8]| {
        let length = respond(&snapshot, &context, query, &mut plan, &mut out);
        assert!(length.is_some_and(|length| length > query.len() / 2));
    };
    for query in &queries {
        answer(query); // what is made once
        assert_eq!(allocations_of(|| (0..100).for_each(|_| answer(query))), 0, "{query:?}");
    }
    // A signature costs what the library of MACs takes for its state; nothing is kept of it.
    let mut signed = queries[0].clone();
    rotadns::wire::tsig::sign_request(&key(), &mut signed, context.now);
    answer(&signed);
    let each = allocations_of(|| answer(&signed));
    assert_eq!(allocations_of(|| (0..100).for_each(|_| answer(&signed))), 100 * each);
    assert!(each <= 8, "{each} for a signed query");
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations_of(|| drop(std::hint::black_box(vec![0_u8; 100]))), 1);
}
