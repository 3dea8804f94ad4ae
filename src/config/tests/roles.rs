//! Roles and shards: which backends of a pool a name asks for, and which pool is for which label.

use super::{HEAD, TAIL, one, told};
use crate::config::error::Problem;
use crate::config::model::{By, Role, SHARDS_MAX, Shards, WhenAllDown, Zone};
use crate::config::{Severity, octodns, read_zone};

/// A zone with these pools and these records, a line each.
fn with(pools: &[&str], records: &[&str]) -> String {
    let lines =
        |lines: &[&str]| lines.iter().flat_map(|line| ["  ", line, "\n"]).collect::<String>();
    let checks = "checks: {c: {tcp: {port: 5432}}}\n";
    format!("{HEAD}{checks}pools:\n{}records:{TAIL}{}", lines(pools), lines(records))
}

/// The zone of a file without an error.
fn zone(text: &str) -> Zone {
    let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), text);
    let errors: Vec<_> =
        mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
    zone.unwrap_or_else(|| panic!("{errors:?}"))
}

const ORDERS: &str = "orders: {check: c, max_lag: 5s, backends: [192.0.2.1, 192.0.2.2]}";

#[test]
fn a_name_asks_for_a_role_wherever_it_can_ask_for_a_pool() {
    let zone = zone(&with(
        &[
            "orders: {check: c, max_lag: 5s, port: 5432, backends: {a: {address: 192.0.2.1, host: a}}}",
            "other: {check: c, multi_primary: true, backends: [192.0.2.9]}",
        ],
        &[
            "rw: {pool: orders, role: primary}",
            "ro: {role: replica, rules: [{subnets: 10.0.0.0/8, pool: other}, {pool: orders}]}",
            "all: {pool: orders}",
            "split: {A: {pool: orders, role: primary}, AAAA: {pool: orders}}",
            "_pg._tcp: {SRV: {pool: orders, role: primary}}",
            "h: {HTTPS: {values: 1 ., pool: orders, role: replica, hints: pool}}",
            "in: {role: primary, pool: {check: c, backends: [192.0.2.7]}}",
        ],
    ));
    let label = |place: usize| zone.pools[place].label().into_owned();
    let shown = zone.balanced.iter().map(|balanced| {
        let pools = balanced.rules.iter().map(|rule| rule.pool).chain([balanced.pool]);
        let pools: Vec<String> = pools.map(label).collect();
        let owner = balanced.owner.to_string();
        format!("{} {}", owner.trim_end_matches(".example.com."), pools.join(", "))
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "rw orders (primary)",
            "ro other (replica), orders (replica)",
            "all orders",
            "split orders (primary)",
            "split orders",
            "_pg._tcp orders (primary)",
            "h orders (replica)",
            "in in (primary)",
        ]
    );
    // Each is there once, with all that its pool says.
    let faces = zone.pools.iter().filter(|pool| pool.face.is_some());
    assert_eq!(faces.clone().count(), 4);
    for face in faces {
        let own = &zone.pools[face.face.expect("it is one").of];
        assert_eq!((&face.name, face.max_lag), (&own.name, own.max_lag));
        assert_eq!((&face.backends, face.multi_primary), (&own.backends, own.multi_primary));
    }
}

#[test]
fn what_a_pool_falls_back_on_is_asked_for_in_the_same_role() {
    let zone = zone(&with(
        &[
            "near: {check: c, when_all_down: fallback, fallback: far, backends: [192.0.2.1]}",
            "far: {check: c, backends: [192.0.2.2]}",
        ],
        &["rw: {pool: near, role: primary}"],
    ));
    let WhenAllDown::Fallback(place) = zone.pools[zone.balanced[0].pool].when_all_down else {
        panic!("it has a fallback")
    };
    let fallback = &zone.pools[place];
    assert_eq!((fallback.name.as_str(), fallback.role()), ("far", Some(Role::Primary)));
    assert_eq!(zone.pools[0].when_all_down, WhenAllDown::Fallback(1), "as the file has it");
}

#[test]
fn mistakes_in_roles_have_their_place() {
    one(
        &with(&[], &["rw: {«role»: primary, A: 192.0.2.1}"]).replace("checks", "# "),
        Problem::RoleWithoutPool,
    );
    one(
        &with(
            &[ORDERS],
            &[
                "a: {pool: orders}",
                "h: {pool: orders, HTTPS: {values: 1 ., hints: pool, «role»: primary}}",
            ],
        ),
        Problem::RoleWithoutPool,
    );
    one(
        &with(&[ORDERS], &["rw: {pool: orders, role: «master»}"]),
        Problem::BadChoice {
            what: "a role",
            text: "master".into(),
            near: None,
            known: "`primary`, `replica`".into(),
        },
    );
    one(
        &with(&["web: [192.0.2.1]"], &["rw: {pool: web, role: «primary»}"]).replace("checks", "# "),
        Problem::RoleWithoutCheck { pool: "web".into() },
    );
    // What it falls back on has no check either.
    let falls_back = with(
        &[
            "web: [192.0.2.1]",
            "db: {check: c, when_all_down: fallback, fallback: web, backends: [192.0.2.2]}",
        ],
        &["ro: {pool: db, role: replica}"],
    );
    let problems: Vec<Problem> =
        told(&falls_back).into_iter().map(|(_, problem)| problem).collect();
    assert_eq!(
        problems,
        [
            Problem::RoleNeverTold { pool: "db".into(), check: "tcp" },
            Problem::RoleWithoutCheck { pool: "web".into() },
        ]
    );
    one(
        &with(&[ORDERS], &["rw: {pool: orders, role: «primary»}"]),
        Problem::RoleNeverTold { pool: "orders".into(), check: "tcp" },
    );
    one(
        &with(
            &[ORDERS],
            &[
                "rw: {A: {values: 192.0.2.7}, TXT: {values: x, «role»: primary}}",
                "all: {pool: orders}",
            ],
        ),
        Problem::NotOfPool { key: "role", rtype: "TXT".into() },
    );
}

#[test]
fn octodns_has_no_roles() {
    let zone = zone(&with(&[ORDERS], &["rw: {pool: orders, role: primary}"]));
    let octodns::Written { text, lost } = octodns::write(&zone);
    assert!(!text.contains("192.0.2.1"), "{text}");
    let told = "rw.example.com. is answered from what is primary in the pool orders";
    assert!(lost.iter().any(|line| line == told), "{lost:?}");
}

const DB: [&str; 3] = [
    "db-1: {check: c, backends: [192.0.2.1]}",
    "db-2: {check: c, backends: [192.0.2.2]}",
    "web: [192.0.2.9]",
];

/// A wildcard with these shards.
fn sharded(shards: &str) -> String {
    with(
        &DB,
        &[
            &format!("\"*.users\": {{shards: {shards}}}"),
            "w: {pool: web}",
            "a: {pool: db-1}",
            "b: {pool: db-2}",
        ],
    )
}

#[test]
fn labels_are_shared_out_by_ranges_or_by_a_hash() {
    let bound = |text: &str| Box::from(text.as_bytes());
    for (shards, by, pools) in [
        (
            "{by: range, of: [{to: g, pool: db-1}, {pool: db-2}]}",
            By::Range(vec![bound("g")]),
            vec![0, 1],
        ),
        // In lower case, as names are; and as it stands, be it a number or a word of YAML.
        (
            "{by: range, of: [{to: 010, pool: db-1}, {to: NO, pool: db-2}, {pool: db-1}]}",
            By::Range(vec![bound("010"), bound("no")]),
            vec![0, 1, 0],
        ),
        (
            "{by: range, of: [{to: \"a\\\\.b\", pool: db-2}, {pool: web}]}",
            By::Range(vec![bound("a.b")]),
            vec![1, 2],
        ),
        ("{by: range, of: [{pool: db-2}]}", By::Range(vec![]), vec![1]),
        ("{by: hash, pools: [db-2, web, db-1]}", By::Hash, vec![1, 2, 0]),
        ("{by: hash, pools: db-2}", By::Hash, vec![1]),
    ] {
        let zone = zone(&sharded(shards));
        let found = zone.balanced[0].clone();
        assert_eq!(found.shards, Some(Shards { by, pools: pools.clone() }), "{shards}");
        assert_eq!((found.pool, found.rules.len()), (pools[0], 0));
    }
}

#[test]
fn shards_stand_beside_a_role() {
    let zone = zone(&with(
        &DB[..2],
        &["\"*.users\": {role: primary, shards: {by: hash, pools: [db-1, db-2]}}"],
    ));
    let shards = zone.balanced[0].shards.clone().expect("it has some");
    let labels = shards.pools.iter().map(|place| zone.pools[*place].label().into_owned());
    assert_eq!(labels.collect::<Vec<_>>(), ["db-1 (primary)", "db-2 (primary)"]);
}

#[test]
fn mistakes_in_shards_have_their_place() {
    let rise = |text: &str, before: &str| Problem::BoundsDoNotRise {
        text: text.into(),
        before: before.into(),
    };
    for (shards, problem) in [
        ("«{»}", Problem::MissingKey { place: "`shards`", key: "by" }),
        ("«{»by: hash}", Problem::MissingKey { place: "`shards`", key: "pools" }),
        ("«{»by: range}", Problem::MissingKey { place: "`shards`", key: "of" }),
        ("{by: hash, pools: «[»]}", Problem::NoShards),
        ("{by: range, of: «[»]}", Problem::NoShards),
        (
            "{by: hash, pools: [web], «of»: [{pool: web}]}",
            Problem::ShardsOfOtherKind { key: "pools" },
        ),
        ("{by: hash, pools: [db-1, «db-1»]}", Problem::ValueTwice { text: "db-1".into() }),
        (
            "{by: hash, pools: [db-1, «db-9»]}",
            Problem::UnknownPool { name: "db-9".into(), near: Some("db-1".into()) },
        ),
        (
            "{by: range, of: [{to: g, pool: db-1}, {«to»: p, pool: db-2}]}",
            Problem::LastShardHasBound,
        ),
        ("{by: range, of: [«{»pool: db-1}, {pool: db-2}]}", Problem::ShardWithoutBound),
        (
            "{by: range, of: [{to: g, pool: db-1}, {to: «f», pool: web}, {pool: db-2}]}",
            rise("f", "g"),
        ),
        (
            "{by: range, of: [{to: g, pool: db-1}, {to: «G», pool: web}, {pool: db-2}]}",
            rise("G", "g"),
        ),
        // All that begins with the bound before is taken.
        (
            "{by: range, of: [{to: g, pool: db-1}, {to: «ga», pool: web}, {pool: db-2}]}",
            rise("ga", "g"),
        ),
        (
            "{by: range, of: [{to: «a.b», pool: db-1}, {pool: db-2}]}",
            Problem::NotOneLabel { text: "a.b".into() },
        ),
        (
            "{by: range, of: [{to: g, pool: db-1}, «{»}]}",
            Problem::MissingKey { place: "a range", key: "pool" },
        ),
        (
            "{by: «modulo», pools: [web]}",
            Problem::BadChoice {
                what: "how labels are shared out",
                text: "modulo".into(),
                near: None,
                known: "`range`, `hash`".into(),
            },
        ),
    ] {
        one(&sharded(shards), problem);
    }
    one(
        &with(&["web: [192.0.2.9]"], &["users: {«shards»: {by: hash, pools: [web]}}"])
            .replace("checks", "# "),
        Problem::ShardsWithoutWildcard { name: "users.example.com.".into() },
    );
    let many = (0..=SHARDS_MAX)
        .map(|number| format!("{{to: b{number:04}, pool: web}}, "))
        .collect::<Vec<_>>()
        .concat();
    one(
        &sharded(&format!("{{by: range, of: «[»{many}{{pool: web}}]}}")),
        Problem::TooManyShards { most: SHARDS_MAX },
    );
}
