//! Roles: which backends of a pool a name asks for.

use super::{HEAD, TAIL, one, told};
use crate::config::error::Problem;
use crate::config::model::{Role, WhenAllDown, Zone};
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
