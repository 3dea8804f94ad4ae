//! What is told of rules, weights, targets, SRV and hints.

use std::sync::Arc;

use super::{A, judge, question, snapshot_of};
use crate::config::model::Pool;
use crate::config::model::place::{Network, Place, Point, Region};
use crate::engine::explain::{Candidate, Question, Serves, Stage, explain};
use crate::engine::settings::{Places, Settings};
use crate::geo::{Atlas, subnets};
use crate::zone::Zone;

const ZONE: &str = r#"
zone: example.com
ns: [ns1.example.net.]
checks: {c: {tcp: {port: 80}}}
pools:
  office: {policy: weighted, backends: {a: {address: 192.0.2.1, weight: 2}, b: {address: 192.0.2.2}, c: {address: 192.0.2.3, weight: 0}}}
  web: {port: 443, backends: {w: {address: 192.0.2.8, host: w}}}
  db: {policy: failover, check: c, backends: {first: 198.51.100.1, second: 192.0.2.9, third: 192.0.2.10}}
  to: {backends: [{target: www}, {target: away.example.net.}]}
  near: {policy: nearest, check: c, backends: {oslo: {address: 192.0.2.20, location: [59.9, 10.7]}, osaka: {address: 192.0.2.21, location: [34.7, 135.5], region: osa}, rome: {address: 198.51.100.5, location: [41.9, 12.5]}}}
records:
  www: {rules: [{subnets: [10.9.0.0/16], pool: web}, {subnets: [192.0.2.0/24, "2001:db8::/32"], pool: office}, {pool: web}]}
  to: {pool: to}
  db: {pool: db}
  _x._tcp: {SRV: {pool: web}}
  "*.users": {shards: {by: range, of: [{to: g, pool: office}, {to: p, pool: web}, {pool: office}]}}
  "*.keys": {shards: {by: hash, pools: [office, web]}}
  h: {pool: office, HTTPS: {values: 1 ., hints: pool}}
  near: {pool: near}
"#;

/// The steps behind the zone's, for a client.
fn steps(client: &str, name: &str, qtype: u16) -> Vec<String> {
    let question = Question { client: client.parse().expect(client), ..question(name, qtype) };
    let explained = explain(&snapshot_of(ZONE), &question, &judge);
    let lines = explained.steps.iter().skip(1);
    lines.map(|step| format!("{}: {}", step.stage.name(), step.said)).collect()
}

#[test]
fn the_rule_that_matches_is_told_and_why_none_before_it_does() {
    let office = [
        "name: www.example.com. has A from a pool",
        "rule: 192.0.2.7 is not in 10.9.0.0/16: not pool web",
        "rule: 192.0.2.7 is in 192.0.2.0/24, 2001:db8::/32: pool office",
        "pool: office: weighted, up to 1 address in an answer",
        "eligible: 3 of 3 addresses in service",
        "weight: a 66.7 %, b 33.3 %",
        "draw: turn 0 of the weights, from 192.0.2.1 on",
        "count: 1 of 2 addresses",
        "ttl: 30 s: every address is settled",
    ];
    assert_eq!(steps("192.0.2.7", "www.example.com.", A), office);
    let others = steps("198.51.100.7", "www.example.com.", A);
    assert_eq!(
        others[1..4],
        [
            "rule: 198.51.100.7 is not in 10.9.0.0/16: not pool web",
            "rule: 198.51.100.7 is not in 192.0.2.0/24, 2001:db8::/32: not pool office",
            "rule: no rule is for 198.51.100.7: pool web",
        ]
    );
}

#[test]
fn the_tier_that_serves_is_told_and_who_waits_for_it() {
    let told = steps("198.51.100.7", "db.example.com.", A);
    assert_eq!(
        told[2..4],
        [
            "eligible: 2 of 3 addresses in service",
            "tier: priority 1 of 0, 1, 2 serves; too little of those before it is in service",
        ]
    );
    let explained = explain(&snapshot_of(ZONE), &question("db.example.com.", A), &judge);
    let candidates = explained.pools[0].candidates.iter();
    let told: Vec<String> = candidates
        .map(|one| format!("{} {} {}: {}", one.backend, one.eligible, one.chosen, one.reason))
        .collect();
    assert_eq!(
        told,
        [
            "first false false: 3 checks failed",
            "second true true: 2 checks passed",
            "third false false: 2 checks passed; of priority 2, while priority 1 serves",
        ]
    );
}

#[test]
fn a_target_is_told_and_what_it_leads_to() {
    let told = steps("198.51.100.7", "to.example.com.", A);
    assert_eq!(
        told[..7],
        [
            "name: to.example.com. has CNAME from a pool",
            "pool: to: round_robin, up to 1 target in an answer",
            "eligible: 2 of 2 targets in service",
            "draw: turn 0 of the rotation, from www.example.com. on",
            "count: 1 of 2 targets",
            "ttl: 30 s: every address is settled",
            "name: to.example.com. is here a CNAME to www.example.com.",
        ]
    );
    assert!(
        told[7..].contains(&"pool: web: round_robin, up to 8 addresses in an answer".to_owned())
    );
}

#[test]
fn weight_0_services_and_hints_are_told() {
    let explained = |name, qtype| explain(&snapshot_of(ZONE), &question(name, qtype), &judge);
    let candidates = |name, qtype| -> Vec<String> {
        let pools = explained(name, qtype).pools;
        let all = pools.into_iter().flat_map(|pool| pool.candidates);
        all.map(|one| format!("{} {} {}: {}", one.backend, one.eligible, one.chosen, one.reason))
            .collect()
    };
    let zero = "c false false: 2 checks passed; of weight 0 while others can take its part";
    let office = ["a true true: 2 checks passed", "b true false: 2 checks passed", zero];
    for qtype in [A, 65] {
        assert_eq!(candidates("h.example.com.", qtype), office, "{qtype}");
    }
    assert_eq!(candidates("_x._tcp.example.com.", 33), ["w true true: 2 checks passed"]);
    let srv = steps("198.51.100.7", "_x._tcp.example.com.", 33);
    assert!(
        srv.contains(&"draw: turn 0 of the rotation, from 0 1 443 w.example.com. on".to_owned()),
        "{srv:?}"
    );
}

#[test]
fn the_shard_is_told_and_what_of_the_label_decides() {
    for (name, expected) in [
        ("anna.users.example.com.", "rule: label `anna` is not after `g`: shard office"),
        (
            "x.Heidi.users.example.com.",
            "rule: label `heidi` is after `g` and not after `p`: shard web",
        ),
        ("zoe.users.example.com.", "rule: label `zoe` is after `p`: shard office"),
        ("bob.keys.example.com.", "rule: label `bob` hashes to one of 2 shards: shard web"),
    ] {
        let steps = steps("192.0.2.7", name, A);
        assert_eq!(steps[1], expected, "{steps:?}");
    }
}

#[test]
fn the_view_of_a_shard_is_told() {
    const VIEWS: &str = "zone: example.com\nns: [ns1.example.net.]\nviews: {private: [10.0.0.0/8]}
pools:
  one: {backends: {a: {address: 192.0.2.1, private: 10.0.0.1}}}
  two: {backends: {b: 192.0.2.2}}
records:
  \"*.users\": {shards: {by: range, of: [{to: g, pool: one}, {pool: two}]}}
";
    for (client, name, expected) in [
        (
            "10.1.2.3",
            "anna.users.example.com.",
            [
                "label `anna` is not after `g`: shard one",
                "10.1.2.3 is in the view of private addresses: pool one (private)",
                "one (private): round_robin, up to 8 addresses in an answer",
            ],
        ),
        (
            "192.0.2.7",
            "anna.users.example.com.",
            [
                "label `anna` is not after `g`: shard one",
                "192.0.2.7 is in no view of private addresses: public ones",
                "one: round_robin, up to 8 addresses in an answer",
            ],
        ),
        (
            "10.1.2.3",
            "heidi.users.example.com.",
            [
                "label `heidi` is after `g`: shard two",
                "10.1.2.3 is in the view of private addresses, and the pool two has none",
                "two: round_robin, up to 8 addresses in an answer",
            ],
        ),
    ] {
        let question = Question { client: client.parse().expect(client), ..question(name, A) };
        let explained = explain(&snapshot_of(VIEWS), &question, &judge);
        let said: Vec<&str> =
            explained.steps.iter().skip(2).take(3).map(|step| step.said.as_str()).collect();
        assert_eq!(said, expected, "{client} {name}");
    }
}

#[test]
fn a_pool_within_is_told_as_a_backend_with_its_own_threshold() {
    const WITHIN: &str = "zone: example.com\nns: [ns1.example.net.]
checks: {c: {tcp: {port: 80}}}
pools:
  n: {check: c, min_healthy: 2, panic: 0.5, backends: [192.0.2.1, 198.51.100.2, 198.51.100.3]}
  s: {check: c, backends: [192.0.2.4, 198.51.100.5]}
  all: {backends: {north: {pool: n}, south: {pool: s}, spare: {address: 192.0.2.9, priority: 1}}}
records:
  www: {pool: all}
";
    let explained = explain(&snapshot_of(WITHIN), &question("www.example.com.", A), &judge);
    let told = |explained: &crate::engine::explain::Explanation| {
        let candidates = explained.pools[0].candidates.iter();
        let line = |one: &Candidate| {
            let serves = match &one.serves {
                Serves::Endpoint(endpoint) => endpoint.to_string(),
                Serves::Pool(pool) => format!("pool {pool}"),
            };
            let Candidate { backend, eligible, chosen, reason, .. } = one;
            format!("{backend} {serves} {eligible} {chosen}: {reason}")
        };
        candidates.map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&explained),
        [
            "north pool n false false: the pool n does not serve: 1 of 3 backends in service (min_healthy 2, panic 0.5)",
            "south pool s true true: the pool s serves: 1 of 2 backends in service",
            "spare 192.0.2.9 false false: 2 checks passed; of priority 1, while priority 0 serves",
        ]
    );
    let said = explained.steps.iter().filter(|step| step.stage == Stage::Eligible);
    assert_eq!(
        said.map(|step| step.said.as_str()).collect::<Vec<_>>(),
        [
            "1 of 1 address in service",
            "north: the pool n does not serve: 1 of 3 backends in service (min_healthy 2, panic 0.5); \
             south: the pool s serves: 1 of 2 backends in service",
        ]
    );
}

#[test]
fn what_is_free_is_told_where_it_chooses() {
    for (policy, expected) in [
        (
            "least_load",
            [
                "2 checks passed; free 40 %, 75 % of the pool",
                "2 checks passed; load unknown, 25 % of the pool",
            ],
        ),
        ("weighted", ["2 checks passed"; 2]),
    ] {
        let zone = ZONE.replace(
            "office: {policy: weighted, backends: {a: {address: 192.0.2.1, weight: 2}",
            &format!(
                "office: {{policy: {policy}, backends: {{a: {{address: 192.0.2.1, weight: 3}}"
            ),
        );
        let told = |zone: &Zone, pool: &Pool| {
            let mut judged = judge(zone, pool);
            judged[0].verdict.told.load = Some(60);
            judged
        };
        let explained = explain(&snapshot_of(&zone), &question("www.example.com.", A), &told);
        let reasons = explained.pools[0].candidates.iter().map(|one| one.reason.as_str());
        assert_eq!(reasons.take(2).collect::<Vec<_>>(), expected, "{policy}");
    }
}

#[test]
fn the_nearest_site_is_told_and_what_is_known_of_the_client() {
    let place = Place { point: Some(Point::new(48.9, 2.4)), ..Place::default() };
    let osaka = Place { region: Some(Region::new("osa")), ..Place::default() };
    let network = |(text, place): (&str, Place)| Network {
        subnet: text.parse().expect(text),
        place,
        region: None,
    };
    let table = [("192.0.2.0/24", place), ("198.51.100.0/24", osaka)].map(network);
    let atlas = Some(Arc::new(Atlas::new(&[&subnets::source(&table)])));
    let places = Places { atlas, ..Places::default() };
    let settings = Arc::new(Settings { places, ..Settings::default() });
    let known = snapshot_of(ZONE).with_settings(settings);
    let unknown = snapshot_of(ZONE);
    // Rome would be nearer to Paris, and is down.
    for (snapshot, client, expected) in [
        (
            &known,
            "192.0.2.7",
            [
                "of the sites that serve, 59.9,10.7 is the nearest to 192.0.2.7, 1334 km away",
                "near (59.9,10.7): nearest, up to 1 address in an answer",
            ],
        ),
        (
            &known,
            "198.51.100.7",
            [
                "of the sites that serve, osa 34.7,135.5 is the nearest to 198.51.100.7, and in its region",
                "near (osa 34.7,135.5): nearest, up to 1 address in an answer",
            ],
        ),
        (
            &known,
            "203.0.113.7",
            [
                "where 203.0.113.7 is, is not known: near as a whole",
                "near: nearest, up to 1 address in an answer",
            ],
        ),
        (
            &unknown,
            "192.0.2.7",
            [
                "nothing tells where clients are: near as a whole",
                "near: nearest, up to 1 address in an answer",
            ],
        ),
    ] {
        let client = client.parse().expect(client);
        let question = Question { client, ..question("near.example.com.", A) };
        let explained = explain(snapshot, &question, &judge);
        let said: Vec<&str> =
            explained.steps.iter().skip(2).take(2).map(|step| step.said.as_str()).collect();
        assert_eq!(said, expected, "{client}");
    }
}
