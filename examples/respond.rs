//! Answers one query many times, for `scripts/bench-instructions` to count instructions under callgrind.
//!
//! `respond CASE COUNT`, where CASE is pool, turn, weighted, hash, one, nxdomain, cname or referral. The pools `turn`, `weighted` and
//! `hash` differ in their policy alone, and each answer has one address.

use std::path::Path;
use std::sync::Arc;

use rotadns::config;
use rotadns::engine::choose::ready::{Memory, Ready, Standing};
use rotadns::engine::snapshot::{Chunks, View};
use rotadns::engine::{Context, OUT_UDP, Plan, Snapshot, Transport, respond};
use rotadns::name;
use rotadns::zone::build;

const ZONE: &str = r#"
zone: example.com
ns: [ns1, ns2]
pools:
  web:
    backends: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6, 192.0.2.7, 192.0.2.8]
  turn:
    answers: 1
    backends: &eight
      a: {address: 192.0.2.1, weight: 1}
      b: {address: 192.0.2.2, weight: 2}
      c: {address: 192.0.2.3, weight: 3}
      d: {address: 192.0.2.4, weight: 5}
      e: {address: 192.0.2.5, weight: 7}
      f: {address: 192.0.2.6, weight: 11}
      g: {address: 192.0.2.7, weight: 13}
      h: {address: 192.0.2.8, weight: 17}
  weighted: {policy: weighted, backends: *eight}
  hash: {policy: hash, backends: *eight}
records:
  turn: {pool: turn}
  weighted: {pool: weighted}
  hash: {pool: hash}
  ns1: {A: 192.0.2.53}
  ns2: {A: 198.51.100.53}
  www: {pool: web}
  one: {A: 192.0.2.80}
  alias: {CNAME: second}
  second: {CNAME: one}
  sub: {NS: [ns.sub, ns.example.net.]}
  ns.sub: {A: 192.0.2.153, AAAA: "2001:db8::153"}
"#;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let case = arguments.next().unwrap_or_default();
    let question = match case.as_str() {
        "pool" => "www.example.com.",
        "turn" => "turn.example.com.",
        "weighted" => "weighted.example.com.",
        "hash" => "hash.example.com.",
        "one" => "one.example.com.",
        "nxdomain" => "nothing.example.com.",
        "cname" => "alias.example.com.",
        "referral" => "host.sub.example.com.",
        _ => {
            eprintln!("usage: respond pool|turn|weighted|hash|one|nxdomain|cname|referral COUNT");
            std::process::exit(2);
        }
    };
    let count: u64 = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(1);

    let snapshot = snapshot();
    let query = query(question);
    let mut plan = Plan::default();
    let mut out = [0; OUT_UDP];
    for draw in 0..count {
        let context =
            Context { client: [192, 0, 2, 7].into(), transport: Transport::Udp, draw, now: 0 };
        let answered =
            respond(&snapshot, &context, std::hint::black_box(&query), &mut plan, &mut out);
        assert!(answered.is_some(), "every case is answered");
        std::hint::black_box(&out);
    }
}

fn snapshot() -> Snapshot {
    let (model, mistakes) = config::read_zone(Path::new("example.com.yaml"), ZONE);
    let model = model.unwrap_or_else(|| panic!("the zone is fine: {mistakes:?}"));
    let (zone, _) = build::from_model(&model, 1, None).expect("its records fit together");
    let ready = zone.pools.iter().map(|pool| {
        let up = Standing::UP;
        Arc::new(Ready::new(pool, &vec![up; pool.endpoints().count()], &Memory::default(), None))
    });
    let ready = Chunks::new(ready.collect::<Vec<_>>());
    Snapshot::new(vec![View::Served { zone: Arc::new(zone), ready }]).expect("it is one zone")
}

/// A query for A with EDNS, as resolvers send it.
fn query(question: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    name::parse_into(question.as_bytes(), &[0], &mut query).expect("the names above are names");
    query.extend_from_slice(&[0, 1, 0, 1]);
    query.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
    query
}
