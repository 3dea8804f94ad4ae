//! Pools that are written as `dynamic` records, and read again.

use std::path::Path;

use super::{Written, write};
use crate::config::model::{Pool, WhenAllDown, Zone};
use crate::config::{Severity, read_zone};

#[track_caller]
fn read(text: &str) -> Zone {
    let (zone, mistakes) = read_zone(Path::new("example.com.yaml"), text);
    let error = mistakes.iter().find(|mistake| mistake.severity == Severity::Error);
    assert!(error.is_none(), "{error:?}\n{text}");
    zone.unwrap_or_else(|| panic!("{text}"))
}

const OURS: &str = "zone: example.com\nns: [ns1.example.net., ns2.example.net.]\nttl: 1h\n";

/// A pool, and the name of its fallback.
type Named = (Pool, Option<String>);

/// All of a zone in one order, and pools by their names.
fn normal(mut zone: Zone) -> (Vec<Named>, Vec<String>, Zone) {
    let names: Vec<String> = zone.pools.iter().map(|pool| pool.name.clone()).collect();
    let mut pools: Vec<Named> = Vec::new();
    for mut pool in std::mem::take(&mut zone.pools) {
        let mut fallback = None;
        if let WhenAllDown::Fallback(place) = &mut pool.when_all_down {
            fallback = Some(names[std::mem::take(place)].clone());
        }
        pools.push((pool, fallback));
    }
    pools.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let mut balanced = Vec::new();
    for one in std::mem::take(&mut zone.balanced) {
        let rules = one.rules.iter().map(|rule| format!("{:?} {}", rule.subnets, names[rule.pool]));
        let rules: Vec<_> = rules.collect();
        balanced.push(format!("{} {:?} {rules:?} {}", one.owner, one.form, names[one.pool]));
    }
    balanced.sort();
    zone.records.sort_by(|a, b| (&a.owner, a.rtype).cmp(&(&b.owner, b.rtype)));
    zone.checks.sort_by(|(a, _), (b, _)| a.cmp(b));
    (pools, balanced, zone)
}

/// Sections of our own format that octoDNS can carry whole.
#[test]
fn what_octodns_has_words_for_is_the_same_model_when_it_is_read_again() {
    for sections in [
        // All that a record's pools can have, and what is ours of it.
        "\
checks:
  www.A: {https: {host: h.example, path: /up, port: 8443, status: [200-299, 301], headers: {X-Y: z}, body: ok, sni: s.example, verify: false}, interval: 5s, timeout: 1s, fast_interval: 500ms, rise: 1, fall: 2, flap: {penalty: 500}}
pools:
  www.A.eu: {policy: random, answers: 2, ttl: 60, min_ttl: 1s, panic: 0.25, check: www.A, when_all_down: fallback, fallback: www.A.na,
    backends: [{address: 192.0.2.1, weight: 2}, 192.0.2.2, {address: 192.0.2.3, state: down}]}
  www.A.na: {policy: random, answers: 2, ttl: 60, min_ttl: 1s, panic: 0.25, check: www.A, when_all_down: fallback, fallback: www.A,
    backends: [{address: 198.51.100.1, state: up}]}
  www.A: {ttl: 60, backends: [192.0.2.9, 192.0.2.10]}
records:
  www: {A: {rules: [{subnets: [10.0.0.0/8, \"2001:db8::/32\"], pool: www.A.eu}, {subnets: 192.0.2.0/24, pool: www.A.na}, {pool: www.A.na}]}}
",
        // Nothing of it, both types of one name.
        "\
checks:
  a.A: {http: {host: a.example.com, path: /_dns, port: 443}}
  a.AAAA: {icmp: {}}
  u.A: {udp: {port: 53}}
pools:
  a.A.p: {policy: weighted, check: a.A, when_all_down: fallback, fallback: a.A, backends: [192.0.2.1]}
  a.A: {backends: [192.0.2.9]}
  a.AAAA.p: {check: a.AAAA, when_all_down: none, backends: [\"2001:db8::1\"]}
  u.A.p: {check: u.A, when_all_down: none, backends: [192.0.2.3]}
records: {a: {A: {pool: a.A.p}, AAAA: {pool: a.AAAA.p}}, u: {A: {pool: u.A.p}}}
",
        // The apex, without a check; what all do when nothing passes.
        "\
pools:
  \"@.A.p\": {policy: fixed, when_all_down: last, backends: [192.0.2.1, {address: 192.0.2.2, state: down}]}
  a.CNAME.p: {policy: weighted, ttl: 20, when_all_down: fallback, fallback: a.CNAME, backends: [{target: b.}, {target: c., state: down, weight: 3}]}
  a.CNAME: {ttl: 20, backends: [{target: d.}]}
records: {\"@\": {A: {pool: \"@.A.p\"}}, a: {pool: a.CNAME.p}}
",
    ] {
        let zone = read(&format!("{OURS}{sections}"));
        let Written { text, lost } = write(&zone);
        assert_eq!(lost, Vec::<String>::new(), "{text}");
        let again = read(&text);
        assert_eq!(normal(again.clone()), normal(zone), "{text}");
        assert_eq!(write(&again).text, text, "it stays as it is");
    }
}

#[test]
fn what_octodns_cannot_say_is_told_with_its_name() {
    let zone = read(&format!(
        "{OURS}soa: {{refresh: 2h}}
secondaries: {{follow_health: true}}
checks: {{up: {{tcp: {{port: 80}}}}}}
pools:
  web: {{check: up, when_all_down: fallback, fallback: sorry, backends: {{w1: {{address: [192.0.2.1, \"2001:db8::1\"], weight: 3}}, w2: 192.0.2.2}}}}
  sorry: {{backends: [198.51.100.1, \"2001:db8::9\"]}}
  far: {{check: {{tcp: {{port: 81}}}}, policy: weighted, ttl: 10, backends: [{{address: 192.0.2.7, weight: 500}}, 192.0.2.8]}}
  names: {{check: up, backends: [{{target: t., address: 192.0.2.77}}, {{target: u., address: 192.0.2.78}}]}}
  four: {{backends: [192.0.2.50]}}
  near: {{policy: nearest, backends: [{{address: 192.0.2.60, region: NO}}]}}
records:
  www: {{pool: web}}
  far: {{A: {{rules: [{{subnets: 10.0.0.0/8, pool: far}}, {{pool: web}}]}}}}
  to: {{pool: names}}
  near: {{A: {{pool: near}}}}
  half: {{rules: [{{subnets: 10.0.0.0/8, pool: four}}, {{pool: sorry}}]}}
"
    ));
    let Written { text, lost } = write(&zone);
    let expected = [
        "refresh of the SOA, as octoDNS has none",
        "what the zone says of its secondaries",
        "www.example.com. A: the pool sorry is its `values`, called www.A",
        "www.example.com. A: the check up is called www.A",
        "www.example.com. A: the pool web is called www.A.web",
        "www.example.com. A: the backend w1 is called 192.0.2.1",
        "www.example.com. A: the backend w2 is called 192.0.2.2",
        "www.example.com. AAAA: the pool sorry is its `values`, called www.AAAA",
        "www.example.com. AAAA: the check up is called www.AAAA",
        "www.example.com. AAAA: the pool web is called www.AAAA.web",
        "www.example.com. AAAA: the weight 3 of the backend w1, which has none where it is alone",
        "www.example.com. AAAA: the backend w1 is called 2001:db8::1",
        "far.example.com. A: the pool sorry is its `values`, called far.A",
        "far.example.com. A: the check up is called far.A",
        "far.example.com. A: the pool far is called far.A.far",
        "far.example.com. A: the policy of the pool far, which is not that of web",
        "far.example.com. A: the ttl of the pool far, which is not that of web",
        "far.example.com. A: the when_all_down of the pool far, which is not that of web",
        "far.example.com. A: the check of the pool far, which is not that of web",
        "far.example.com. A: the pool web is called far.A.web",
        "far.example.com. A: the weight 500 of the backend 192.0.2.7, which is from 1 to 100",
        "far.example.com. A: the backend w1 is called 192.0.2.1",
        "far.example.com. A: the backend w2 is called 192.0.2.2",
        "to.example.com. CNAME: the pool names is called to.CNAME.names",
        "to.example.com. CNAME: the check of the pool names: what a CNAME leads to is not checked",
        "near.example.com. A: where the backends are of the pool near",
        "near.example.com. A: the pool near hands out the nearest, and octoDNS cannot say where backends are",
        "near.example.com. A: the pool near is called near.A.near",
        "half.example.com. A: the pool four is called half.A.four",
        "half.example.com. A: the pool sorry is called half.A.sorry",
        "half.example.com. AAAA: the pool four has none, and octoDNS no empty pool",
    ];
    assert_eq!(lost, expected, "{text}");
    let www = "\
www:
  -
    dynamic:
      pools: {web: {values: [{value: 192.0.2.1, weight: 3}, {value: 192.0.2.2}]}}
      rules:
        - {pool: web}
    octodns: {healthcheck: {port: 80, protocol: TCP}, rotadns: {policy: round_robin}}
    ttl: 30
    type: A
    values: [198.51.100.1]
";
    assert!(text.contains(www), "{text}");
    // What is left of it is another zone that says the same once more.
    let again = read(&text);
    let twice = write(&again);
    assert!(twice.lost.iter().all(|line| line.contains("takes") || line.contains("weight 500")));
    assert_eq!(normal(read(&twice.text)), normal(again));
}

#[test]
fn who_octodns_cannot_name_and_what_it_cannot_hide_is_told() {
    let zone = read(&format!(
        "{OURS}views: {{private: [10.0.0.0/8]}}
checks: {{c: {{tcp: {{port: 80}}}}}}
pools:
  isp: [192.0.2.1]
  eu: [192.0.2.2]
  web: {{backends: {{w: {{address: 192.0.2.3, private: 10.0.0.3}}}}}}
  all: [192.0.2.4]
  many:
    slow_start: 10s
    policy: weighted
    min_healthy: 2
    failback: 1m
    degraded: avoid
    check: c
    backends: [{{address: 192.0.2.6, priority: 1}}, {{address: 192.0.2.7, check: \"off\"}}]
  sticky: {{policy: hash, hash: {{v4: 32}}, backends: [192.0.2.8, 192.0.2.9]}}
records:
  www:
    A:
      rules:
        - {{asns: [64500, 64501], pool: isp}}
        - {{regions: [fra, US-KY], countries: [FR], asns: [64502], pool: eu}}
        - {{subnets: [203.0.113.0/24], addresses: private, pool: web}}
        - {{pool: all}}
  web: {{A: {{pool: web}}}}
  many: {{A: {{pool: many}}}}
  sticky: {{A: {{pool: sticky}}}}
"
    ));
    let Written { text, lost } = write(&zone);
    let is_telling = |line: &&String| !line.contains(" is called ");
    let told: Vec<&String> = lost.iter().filter(is_telling).collect();
    let expected = [
        "who gets private addresses (`views`)",
        "www.example.com. A: the autonomous system AS64500, AS64501 of a rule for the pool isp, and so the whole rule",
        "www.example.com. A: the region fra of a rule for the pool eu",
        "www.example.com. A: the autonomous system AS64502 of a rule for the pool eu",
        "www.example.com. A: a rule gives private addresses, those of the pool web (private), to who asks: octoDNS goes by client subnets",
        "web.example.com. A: the private addresses of the pool web",
        "many.example.com. A: the `priority` of backends of the pool many",
        "many.example.com. A: the checks of single backends of the pool many",
        "many.example.com. A: `degraded` of the pool many",
        "many.example.com. A: `min_healthy` of the pool many",
        "many.example.com. A: `failback` of the pool many",
        "many.example.com. A: `slow_start` of the pool many",
        "sticky.example.com. A: `hash` of the pool sticky",
    ];
    assert_eq!(told, expected, "{text}");
    for line in expected {
        assert!(text.contains(&format!("# not in octoDNS: {line}\n")), "{text}");
    }
    // No rule is left that names nobody, which would be for everybody.
    let rules = [
        "- {geos: [EU-FR, NA-US-KY], pool: eu}",
        "- {pool: web, subnets: [203.0.113.0/24]}",
        "- {pool: all}",
    ];
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let first = lines.iter().position(|line| *line == rules[0]);
    let first = first.unwrap_or_else(|| panic!("{text}"));
    assert_eq!((lines[first - 1], &lines[first..first + 3]), ("rules:", &rules[..]), "{text}");
    read(&text);
}
