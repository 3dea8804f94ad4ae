//! Answers queries many times over, for `scripts/bench-instructions` to count instructions under callgrind.
//!
//! `respond COUNT [CASE...]` answers each case, or those named, so many times in [`measured`], and says which it took: its name, and what it
//! is. Names differ from the pool `turn` in how it is chosen who gets what, and in nothing else: there are the same eight backends, and
//! each answer has one address, but for `pool`. A case with a client subnet is of a resolver that tells it (RFC 7871).

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use rotadns::config;
use rotadns::config::model::place::{Country, Network, Place, Point};
use rotadns::engine::settings::{Places, Settings};
use rotadns::engine::{Context, OUT_UDP, Plan, Snapshot, Transport, respond};
use rotadns::geo::{Atlas, subnets};
use rotadns::health::overrides::Overrides;
use rotadns::health::registry::Registry;
use rotadns::name;
use rotadns::state::what_if::{Facts, snapshot_of};
use rotadns::zone::build;

const ZONE: &str = r#"
zone: example.com
ns: [ns1, ns2]
views: {private: [10.0.0.0/8]}
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
  other: {answers: 1, backends: [203.0.113.1]}
  weighted: {policy: weighted, backends: *eight}
  hash: {policy: hash, backends: *eight}
  load: {policy: least_load, answers: 1, backends: *eight}
  near:
    policy: nearest
    backends:
      a: {address: 192.0.2.1, location: [59.9, 10.7]}
      b: {address: 192.0.2.2, location: [50.1, 8.7]}
      c: {address: 192.0.2.3, location: [40.7, -74.0]}
      d: {address: 192.0.2.4, location: [37.8, -122.4]}
      e: {address: 192.0.2.5, location: [35.7, 139.7]}
      f: {address: 192.0.2.6, location: [-33.9, 151.2]}
      g: {address: 192.0.2.7, location: [1.3, 103.8]}
      h: {address: 192.0.2.8, location: [51.5, 0.1]}
  private:
    answers: 1
    backends:
      a: {address: 192.0.2.1, private: 10.0.0.1}
      b: {address: 192.0.2.2, private: 10.0.0.2}
      c: {address: 192.0.2.3, private: 10.0.0.3}
      d: {address: 192.0.2.4, private: 10.0.0.4}
      e: {address: 192.0.2.5, private: 10.0.0.5}
      f: {address: 192.0.2.6, private: 10.0.0.6}
      g: {address: 192.0.2.7, private: 10.0.0.7}
      h: {address: 192.0.2.8, private: 10.0.0.8}
records:
  turn: {pool: turn}
  weighted: {pool: weighted}
  hash: {pool: hash}
  load: {pool: load}
  near: {pool: near}
  rule: {rules: [{subnets: [172.16.0.0/12], pool: other}, {subnets: [10.0.0.0/8], pool: turn}, {pool: other}]}
  country: {rules: [{countries: [US], pool: other}, {countries: ['NO'], pool: turn}, {pool: other}]}
  view: {pool: private}
  ns1: {A: 192.0.2.53}
  ns2: {A: 198.51.100.53}
  www: {pool: web}
  one: {A: 192.0.2.80}
  alias: {CNAME: second}
  second: {CNAME: one}
  sub: {NS: [ns.sub, ns.example.net.]}
  ns.sub: {A: 192.0.2.153, AAAA: "2001:db8::153"}
"#;

/// What is asked, and what that is called.
struct Case {
    name: &'static str,
    label: &'static str,
    question: &'static str,
    /// How many records the answer section has.
    records: u8,
    /// Whether the client subnet is told.
    is_told: bool,
}

const fn case(
    name: &'static str,
    question: &'static str,
    records: u8,
    label: &'static str,
) -> Case {
    Case { name, label, question, records, is_told: false }
}

const fn told(name: &'static str, question: &'static str, label: &'static str) -> Case {
    Case { is_told: true, ..case(name, question, 1, label) }
}

const CASES: [Case; 20] = [
    case("turn", "turn.example.com.", 1, "one of a pool of 8, in turn"),
    case("pool", "www.example.com.", 8, "a pool of 8"),
    case("weighted", "weighted.example.com.", 1, "one of a pool of 8, by weight"),
    case("hash", "hash.example.com.", 1, "one of a pool of 8, by hash"),
    case("load", "load.example.com.", 1, "one of a pool of 8, by least load"),
    case("near", "near.example.com.", 1, "one of a pool of 8, the nearest"),
    case("rule", "rule.example.com.", 1, "in turn, by a rule by subnet"),
    case("country", "country.example.com.", 1, "in turn, by a rule by country"),
    case("view", "view.example.com.", 1, "in turn, by a view"),
    told("turn-told", "turn.example.com.", "client subnet: in turn"),
    told("hash-told", "hash.example.com.", "client subnet: by hash"),
    told("near-told", "near.example.com.", "client subnet: the nearest"),
    told("rule-told", "rule.example.com.", "client subnet: a rule by subnet"),
    told("country-told", "country.example.com.", "client subnet: a rule by country"),
    told("view-told", "view.example.com.", "client subnet: a view"),
    case("one", "one.example.com.", 1, "one A"),
    case("nxdomain", "nothing.example.com.", 0, "NXDOMAIN"),
    case("cname", "alias.example.com.", 3, "a CNAME chain"),
    case("referral", "host.sub.example.com.", 0, "a referral"),
    case("refused", "example.net.", 0, "REFUSED"),
];

/// The client: one of the networks of [`atlas`], as who asks or as its resolver tells it.
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 7, 77, 0);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(count) = arguments.next().and_then(|count| count.parse().ok()) else {
        eprintln!("usage: respond COUNT [CASE...]");
        std::process::exit(2);
    };
    let wanted: Vec<String> = arguments.collect();
    let known = |name: &String| CASES.iter().any(|case| case.name == *name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        eprintln!("no case is called {unknown}");
        std::process::exit(2);
    }
    let snapshot = snapshot();
    for case in CASES {
        if !wanted.is_empty() && !wanted.iter().any(|name| name == case.name) {
            continue;
        }
        let query = query(case.question, case.is_told);
        // What is done once.
        let records = measured(&snapshot, &query, 1);
        assert_eq!(records, case.records, "{}", case.name);
        measured(&snapshot, &query, count);
        println!("{}\t{}", case.name, case.label);
    }
}

/// What is counted is this function's. Gives how many records the last answer has.
#[inline(never)]
fn measured(snapshot: &Snapshot, query: &[u8], count: u64) -> u8 {
    let mut plan = Plan::default();
    let mut out = [0; OUT_UDP];
    for draw in 0..count {
        let client = IpAddr::V4(CLIENT);
        let context = Context { client, transport: Transport::Udp, draw, now: 0 };
        let answered =
            respond(snapshot, &context, std::hint::black_box(query), &mut plan, &mut out);
        assert!(answered.is_some(), "every case is answered");
        std::hint::black_box(&out);
    }
    out[7]
}

fn snapshot() -> Snapshot {
    let (model, mistakes) = config::read_zone(Path::new("example.com.yaml"), ZONE);
    let model = model.unwrap_or_else(|| panic!("the zone is fine: {mistakes:?}"));
    let (zone, _) = build::from_model(&model, 1, None).expect("its records fit together");
    let (registry, overrides) = (Registry::default(), Overrides::default());
    let facts = Facts { registry: &registry, overrides: &overrides, down: &[].into() };
    let zones = vec![(zone.origin.clone(), Some(Arc::new(zone)))];
    let snapshot = snapshot_of(zones, &facts).expect("it is one zone");
    let places = Places { atlas: Some(Arc::new(atlas())), ..Places::default() };
    snapshot.with_settings(Arc::new(Settings { places, ..Settings::default() }))
}

/// Where clients are: networks of a /24, each at a place of its own, so that none becomes one with its neighbour. As in databases,
/// neighbours are mostly not far from each other, and so come to the same; that is dearest, as all are looked at that may be.
fn atlas() -> Atlas {
    let country = Country::of("NO");
    let networks = (0..4096_u32).map(|place| {
        let address = Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + (place << 8));
        let point = Some(Point::new(59.0 + f64::from(place) / 4096.0, 10.0));
        let subnet = IpNet::V4(Ipv4Net::new_assert(address, 24));
        Network { subnet, place: Place { country, point, ..Place::default() }, region: None }
    });
    Atlas::new(&[&subnets::source(&networks.collect::<Vec<_>>())])
}

/// A query for A with EDNS, as resolvers send it, with the client's subnet or without.
fn query(question: &str, is_told: bool) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    name::parse_into(question.as_bytes(), &[0], &mut query).expect("the names above are names");
    query.extend_from_slice(&[0, 1, 0, 1]);
    query.extend_from_slice(&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0]);
    let [a, b, c, _] = CLIENT.octets();
    let subnet = [0, 8, 0, 7, 0, 1, 24, 0, a, b, c];
    let options: &[u8] = if is_told { &subnet } else { &[] };
    query.extend_from_slice(&(options.len() as u16).to_be_bytes());
    query.extend_from_slice(options);
    query
}
