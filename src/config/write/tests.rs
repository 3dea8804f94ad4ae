//! A zone that is written and read again is the same zone.

use std::path::Path;

use proptest::prelude::*;

use super::native;
use crate::config::model::{RrSet, Zone};
use crate::config::{Severity, octodns, read_zone};
use crate::name::Name;
use crate::rdata::{self, rtype};

fn read(text: &str) -> Zone {
    let (zone, mistakes) = read_zone(Path::new("example.com.yaml"), text);
    let errors: Vec<_> =
        mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
    zone.unwrap_or_else(|| panic!("{errors:#?}\n{text}"))
}

/// The same with all in one order.
fn sorted(mut zone: Zone) -> Zone {
    zone.records.iter_mut().for_each(|set| set.rdata.sort());
    zone.records.sort_by(|a, b| (&a.owner, a.rtype).cmp(&(&b.owner, b.rtype)));
    zone.balanced.sort_by_key(|one| (one.owner.clone(), one.form.types().collect::<Vec<_>>()));
    zone.aliases.sort_by(|a, b| a.owner.cmp(&b.owner));
    zone
}

const WHOLE: &str = r#"zone: example.com
ttl: 10m
ns: [ns1, ns.example.net.]
soa: {mname: ns2, rname: a\.b.example.org., serial: 2026112101, refresh: 2h, minimum: 90s}
reverse: true
secondaries: {follow_health: true, interval: 5s}
checks:
  once: {tcp: {port: 81}, flap: true}
  shared: {tcp: {port: 8080}, interval: 5s, timeout: 500ms, rise: 1}
  same: {tcp: {port: 8080}, interval: 5s, timeout: 500ms, rise: 1}
pools:
  web:
    check: shared
    policy: weighted
    ttl: 20s
    panic: 0.25
    degraded: avoid
    min_healthy: 2
    failback: 90s
    backends:
      web-1: {address: [192.0.2.1, "2001:db8::1"], weight: 3}
      web-2: {address: 192.0.2.2, state: down, check: off, priority: 3}
      web-4: {address: [192.0.2.4, 192.0.2.5], check: once, check_address: [10.0.0.4, 10.0.0.5]}
      web-6: {address: 192.0.2.6, check_address: 10.0.0.6, check_port: 99}
      "010": 192.0.2.3
    when_all_down: fallback
    fallback: sorry
  near: {policy: nearest, backends: [{address: 192.0.2.61, region: NO}, {address: 192.0.2.62, location: [40.7, -74]}]}
  sorry: {check: same, min_ttl: 1s, answers: 1, backends: [198.51.100.1, 198.51.100.2]}
  page:
    check:
      https: {port: 8443, path: "/a?b", host: www.example.com, headers: {X-Y: "z: #"}, status: [200-299, 301], body: "no", load: {json: /cpu, full: 1}, sni: x.example, verify: false}
      fall: 2
      flap: {suppress: 3000, half_life: 1m}
    policy: random
    when_all_down: none
    backends: [192.0.2.9]
  mail: {check: {tls: {port: 993, sni: mail.example.com, verify: false, days: 7}}, backends: [192.0.2.10]}
  bare: {check: {tls: {}}, backends: [192.0.2.11]}
  around: {backends: {n: {pool: mail, weight: 2, priority: 1, state: down}, bare: {pool: bare}, x: 192.0.2.99}}
  asked: {check: {dns: {port: 5353, question: www.example.com., type: TXT, transport: tcp, rcode: NXDOMAIN, answer: ['"a"', x y], recursion: true}}, backends: [192.0.2.13]}
  plain: {check: {dns: {question: .}}, backends: [192.0.2.14]}
  datagram: {check: {udp: {port: 514, send: '\x00\n', expect: 'o\tk'}}, backends: [192.0.2.15]}
  program: {check: {exec: {command: [/usr/lib/nagios/plugins/check_tcp, -H, '{address}', -p, '{port}', "no", ""], port: 25, env: {A: "1", LC_ALL: C}}}, backends: [192.0.2.16]}
  pinged: {check: {icmp: {count: 5, at_least: 3}}, backends: [192.0.2.17]}
  once_pinged: {check: {icmp: {}}, backends: [192.0.2.18]}
  told: {check: {agent: {port: 9999, send: 'a\n\\\x00 é'}}, backends: [192.0.2.12]}
  kept: {policy: hash, slow_start: 90s, failover_max: 45s, hash: {key: client, v4: 32, v6: 64}, backends: [192.0.2.1]}
  busy: {check: {agent: {port: 9707}}, policy: least_load, backends: [192.0.2.1, {address: 192.0.2.2, weight: 3}]}
  tiers: {policy: failover, failback: never, backends: [192.0.2.1, {address: 192.0.2.2, priority: 0}, 192.0.2.3, {address: 192.0.2.4, priority: 0}]}
  filed: {check: {file: {path: /run/states}}, backends: {a: 192.0.2.80, b: {address: 192.0.2.81, check: {any: [{file: {path: /run/states, name: c, unlisted: down}}, {tcp: {port: 1}}]}}}}
  any_filed: {check: {any: [{file: {path: /run/states}}, {tcp: {port: 1}}], rise: 1}, backends: {a: {address: 192.0.2.80, weight: 2}, b: {address: 192.0.2.81, check: shared}}}
  filed_unnamed: {check: {file: {path: /run/states, unlisted: up, max_age: 90s}}, backends: [192.0.2.82]}
  pushed: {check: {push: {ttl: 90s}}, backends: [192.0.2.77]}
  both: {check: {all: [shared, {any: [{tcp: {port: 81}}, {http: {}}]}], rise: 1}, backends: [192.0.2.78]}
  most: {check: {at_least: {n: 2, of: [shared, {tcp: {port: 82}}, {tcp: {port: 83}}]}}, backends: [192.0.2.79]}
  names: {policy: fixed, when_all_down: last, backends: [{target: a.example.net.}, {target: b}]}
  sip: {check: once, policy: weighted, answers: 1, port: 5060, backends: {a: {address: 192.0.2.1, host: a}, b: {address: 192.0.2.2, host: b.c, port: 1}}}
  orders: {check: once, max_lag: 1500ms, multi_primary: true, port: 5432, backends: {db-1: {address: 192.0.2.1, host: a}}}
  to: {policy: weighted, port: 443, backends: [{target: a}, {target: b, host: c}]}
records:
  "@": {pool: web, MX: {ttl: 1d, values: [10 mail, 20 mail.example.org.]}, TXT: [v=spf1 -all, '"a" "b"', "no", "é☂", ""]}
  ns1: {A: 192.0.2.53}
  www: {rules: [{subnets: [10.0.0.0/8, "2001:db8::/32"], pool: page}, {subnets: 192.0.2.0/24, pool: sorry}, {pool: web}]}
  moved: {pool: names}
  mail: {pool: mail}
  bare: {pool: bare}
  around: {pool: around}
  told: {pool: told}
  filed: {pool: filed}
  unnamed: {pool: filed_unnamed}
  any_filed: {pool: any_filed}
  pinged: {pool: pinged}
  once: {pool: once_pinged}
  busy: {pool: busy}
  tiers: {pool: tiers}
  kept: {pool: kept}
  asked: {pool: asked}
  plain: {pool: plain}
  datagram: {pool: datagram}
  program: {pool: program}
  _sip._udp: {SRV: {pool: sip, priority: 7}}
  _to._tcp: {SRV: {rules: [{subnets: 10.0.0.0/8, pool: sip}, {pool: to}]}}
  split: {A: {pool: web}, AAAA: {rules: [{subnets: 10.0.0.0/8, pool: page}, {pool: web}]}}
  rw: {pool: orders, role: primary}
  "*.range": {shards: {by: range, of: [{to: "010", pool: web}, {to: 'a\.b', pool: sorry}, {pool: web}]}}
  "*.hash": {role: primary, shards: {by: hash, pools: [orders]}, HTTPS: {values: 1 ., hints: pool}}
  _rw._tcp: {SRV: {pool: orders, role: primary, priority: 2}}
  _ro._tcp: {SRV: {role: replica, rules: [{subnets: 10.0.0.0/8, pool: orders}, {pool: orders}]}}
  parts: {A: {pool: orders, role: primary}, HTTPS: {values: 1 ., pool: orders, role: replica, hints: pool}}
  hinted: {pool: web, HTTPS: {values: 1 . alpn=h2, hints: pool}, SVCB: {values: [1 ., 2 b], pool: page, hints: pool}}
  pushed: {pool: pushed}
  both: {pool: both}
  most: {pool: most}
  half: {A: {pool: web}, AAAA: "2001:db8::9"}
  apex: {alias: "@"}
  "*.no": {CNAME: www}
  no: {TXT: {ttl: 0, values: 'x\y'}}
  example.com.example.com.: {A: 192.0.2.99}
  a\.b.c: {TYPE65280: '\# 2 0a0b', HTTPS: '1 . alpn="h2,h3" ipv6hint=2001:db8::1'}
"#;

/// Writes a zone, and reads it again.
fn written(text: &str) -> String {
    let zone = read(text);
    let text = native(&zone);
    assert_eq!(sorted(read(&text)), sorted(zone), "{text}");
    // Written once, it stays as it is.
    assert_eq!(native(&read(&text)), text);
    text
}

#[test]
fn all_that_a_file_can_say_is_written() {
    let text = written(WHOLE);
    for as_written in ["\nreverse: true\n", "shared: {tcp: {port: 8080}", "verify: false"] {
        assert!(text.contains(as_written), "{as_written}\n{text}");
    }
}

#[cfg(feature = "databases")]
#[test]
fn checks_of_databases_are_written() {
    written(
        r#"zone: example.com
ns: [ns1]
pools:
  db:
    check: {postgres: {port: 5433, user: "no", database: orders, password_file: /run/secrets/db, tls: {sni: db.example, verify: false}, query: SELECT 1}}
    backends: [192.0.2.30, 192.0.2.31]
  cache: {check: {redis: {password_env: CACHE_PASSWORD, tls: true}}, backends: [192.0.2.32]}
  sql: {check: {mysql: {user: rota}}, backends: [192.0.2.33]}
records: {ns1: {A: 192.0.2.53}, db: {pool: db}, cache: {pool: cache}, sql: {pool: sql}}
"#,
    );
}

#[cfg(feature = "grpc")]
#[test]
fn checks_of_health_services_are_written() {
    written(
        r#"zone: example.com
ns: [ns1]
pools:
  cart: {check: {grpc: {port: 50051, service: "no", host: "x.example:1", tls: true}}, backends: [192.0.2.34]}
  all: {check: {grpc: {port: 443, tls: {sni: x.example, verify: false}}}, backends: [192.0.2.35]}
  plain: {check: {grpc: {port: 1}}, backends: [192.0.2.36]}
records: {ns1: {A: 192.0.2.53}, cart: {pool: cart}, all: {pool: all}, plain: {pool: plain}}
"#,
    );
}

#[test]
fn what_is_written_reads_well() {
    let zone = read(
        "zone: example.com\nns: [ns1]\npools: {web: {check: {tcp: {port: 80}}, backends: {w: 192.0.2.1}}}\n\
         records: {ns1: {A: 192.0.2.53}, www: {pool: web}, a: {TXT: x, MX: {ttl: 60, values: [10 b.c.]}}}\n",
    );
    assert_eq!(
        native(&zone),
        "\
zone: example.com
ns: [ns1]

pools:
  web: {check: {tcp: {port: 80}}, backends: {w: 192.0.2.1}}

records:
  www: {pool: web}
  ns1: {A: 192.0.2.53}
  a: {TXT: x, MX: {ttl: 1m, values: 10 b.c.}}
"
    );
}

/// Labels that are hard to write.
const LABELS: [&[u8]; 10] =
    [b"www", b"no", b"010", b"*", b"1e3", b"@", b"$", b"zone", b"a.b", b"_tcp"];

/// Sets of any types, of which octoDNS has some.
fn sets() -> impl Strategy<Value = Vec<RrSet>> {
    let alone = [rtype::SOA, rtype::CNAME, rtype::DNAME, rtype::NS, rtype::DNSKEY];
    let rows: Vec<(u16, Vec<u8>)> = rdata::tests::ROWS
        .iter()
        .filter(|row| !alone.contains(&row.0))
        .map(|&(rtype, _, wire, _)| (rtype, wire.to_vec()))
        .collect();
    let text = prop::collection::vec(any::<u8>(), 0..600).prop_map(|bytes| {
        let mut wire = Vec::new();
        crate::config::resolve::write_text(&bytes, &mut wire);
        (rtype::TXT, wire)
    });
    let strings =
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..5), 1..4).prop_map(|strings| {
            let cut = |string: Vec<u8>| [vec![string.len() as u8], string].concat();
            (rtype::TXT, strings.into_iter().flat_map(cut).collect())
        });
    let readable = "[ -~é]{0,40}".prop_map(|text: String| {
        let mut wire = Vec::new();
        crate::config::resolve::write_text(text.as_bytes(), &mut wire);
        (rtype::TXT, wire)
    });
    let record =
        prop_oneof![4 => prop::sample::select(rows), 1 => text, 1 => strings, 2 => readable];
    let label = prop_oneof![
        prop::sample::select(LABELS.as_slice()).prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 1..8),
    ];
    let owner = prop::collection::vec(label, 1..3).prop_map(|labels| {
        let wire: Vec<u8> =
            labels.iter().flat_map(|label| [&[label.len() as u8][..], label].concat()).collect();
        Name::from_wire(&[&wire[..], b"\x07example\x03com\x00"].concat()).expect("a name")
    });
    prop::collection::vec((owner, 0..100_000u32, record), 0..12).prop_map(|rows| {
        let mut sets: Vec<RrSet> = Vec::new();
        for (owner, ttl, (rtype, wire)) in rows {
            match sets.iter_mut().find(|set| set.owner == owner && set.rtype == rtype) {
                Some(set) if set.rdata.contains(&wire) => {}
                Some(set) => set.rdata.push(wire),
                None => sets.push(RrSet { owner, rtype, ttl, rdata: vec![wire] }),
            }
        }
        sets
    })
}

fn with(sets: Vec<RrSet>) -> Zone {
    let mut zone = read("zone: example.com\nns: [ns.example.net.]\n");
    zone.records.extend(sets);
    zone
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_records_are_the_same_when_they_are_read_again(sets in sets()) {
        let zone = with(sets);
        let text = native(&zone);
        prop_assert_eq!(sorted(read(&text)), sorted(zone), "{}", text);
    }

    #[test]
    fn octodns_has_the_same_records_or_says_which_it_has_not(sets in sets()) {
        let zone = with(sets);
        let octodns::Written { text, lost } = octodns::write(&zone);
        let again = read(&text);
        let (count, counted) = (zone.records.iter(), again.records.iter());
        let all: usize = count.map(|set| set.rdata.len()).sum();
        let kept: usize = counted.map(|set| set.rdata.len()).sum();
        prop_assert_eq!(all, kept + lost.len(), "{}", text);
        for set in &again.records {
            let expected = zone.records.iter().find(|other| other.owner == set.owner && other.rtype == set.rtype);
            prop_assert_eq!(Some(set), expected, "{}", text);
        }
        // From there to our own format and back, nothing more is lost.
        let there = octodns::write(&read(&native(&again)));
        prop_assert_eq!(there.lost, Vec::<String>::new());
        prop_assert_eq!(sorted(read(&there.text)), sorted(again));
    }
}
