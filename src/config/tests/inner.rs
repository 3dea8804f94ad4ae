//! Pools within pools, as files have them.

use super::{HEAD, TAIL, told};
use crate::config::error::Problem;
use crate::config::model::{Form, POOL_ADDRESSES_MAX, POOLS_WITHIN_MAX, Serves, WhenAllDown};
use crate::config::read_zone;

/// A zone with these pools, a line each, and `www` of the first.
fn with(pools: &[&str], record: &str) -> String {
    let pools: String = pools.iter().flat_map(|line| ["  ", line, "\n"]).collect();
    format!("{HEAD}pools:\n{pools}records:{TAIL}  {record}\n")
}

#[test]
fn a_backend_may_be_a_pool_with_a_name_or_without() {
    for (backends, names) in [
        ("[{pool: n}, 192.0.2.9, {pool: s, weight: 2, priority: 1}]", ["n", "192.0.2.9", "s"]),
        (
            "{backends: {a: {pool: n}, b: 192.0.2.9, c: {pool: s, weight: 2, priority: 1}}}",
            ["a", "b", "c"],
        ),
    ] {
        let all = format!("all: {backends}");
        let text = with(&["n: [192.0.2.1]", &all, "s: [192.0.2.2]"], "www: {pool: all}");
        let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
        let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let own = &zone.pools[1].backends;
        assert_eq!(own.iter().map(|own| &*own.name).collect::<Vec<_>>(), names);
        assert_eq!([own[0].inner(), own[1].inner(), own[2].inner()], [Some(0), None, Some(2)]);
        assert_eq!((own[2].weight, own[2].priority), (2, 1));
    }
}

#[test]
fn pools_of_targets_stand_in_pools_and_in_records() {
    let text = with(
        &["all: [{pool: t}]", "t: {backends: {a: {target: a.example.net.}}}"],
        "www: {pool: all}",
    );
    let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
    let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
    assert_eq!(zone.balanced[0].form, Form::Cname);
    let serves = &zone.pools[0].backends[0].serves;
    assert_eq!(*serves, Serves::Pool { place: 1, has_targets: true });
}

#[test]
fn private_addresses_are_those_of_the_pools_within() {
    let text = with(
        &["all: [{pool: n}]", "n: {backends: {a: {address: 192.0.2.1, private: 10.0.0.1}}}"],
        "www: {pool: all}",
    );
    let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
    let pools = zone.unwrap_or_else(|| panic!("{mistakes:?}")).pools;
    let private = |name: &str| {
        pools.iter().position(|pool| pool.is_private() && pool.name == name).expect(name)
    };
    assert_eq!(pools[private("all")].backends[0].inner(), Some(private("n")));
}

#[test]
fn private_addresses_are_those_of_the_pools_that_one_falls_back_on() {
    let falls_back = |on: &str| {
        format!(
            "{{when_all_down: fallback, fallback: {on}, backends: {{x: {{address: 192.0.2.5}}}}}}"
        )
    };
    let (a, b) = (format!("a: {}", falls_back("b")), format!("b: {}", falls_back("c")));
    let text = with(
        &[&a, &b, "c: {backends: {w: {address: 192.0.2.1, private: 10.0.0.1}}}", "d: [{pool: a}]"],
        "www: {pool: d}",
    );
    let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
    let pools = zone.unwrap_or_else(|| panic!("{mistakes:?}")).pools;
    let private = |name: &str| {
        pools.iter().position(|pool| pool.is_private() && pool.name == name).expect(name)
    };
    for (pool, on) in [("a", "b"), ("b", "c")] {
        assert_eq!(pools[private(pool)].when_all_down, WhenAllDown::Fallback(private(on)));
    }
    assert_eq!(pools[private("d")].backends[0].inner(), Some(private("a")));
}

#[test]
fn what_is_far_too_large_is_told_in_no_more_time_than_reading_takes() {
    let many = |each: &dyn Fn(usize) -> String| (0..20_000).map(each).collect::<Vec<_>>();
    let backends = many(&|place| format!("10.0.{}.{}", place / 250, place % 250));
    let all = format!("all: {{policy: failover, backends: [{}]}}", backends.join(", "));
    let (_, mistakes) = read_zone("example.com.yaml".as_ref(), &with(&[&all], "www: {pool: all}"));
    let problems: Vec<_> = mistakes.iter().map(|mistake| &mistake.problem).collect();
    assert_eq!(problems, [&Problem::TooManyAddresses { most: POOL_ADDRESSES_MAX }]);
}

#[test]
fn very_many_pools_are_seen_in_several_ways() {
    const POOLS: usize = 5_000;
    let lines = |each: &dyn Fn(usize) -> String| (0..POOLS).map(each).collect::<Vec<_>>();
    let pools = lines(&|place| {
        format!(
            "p{place}: {{policy: nearest, backends: {{a: {{address: 192.0.2.1, private: 10.0.0.1, \
             region: NO}}, b: {{address: 192.0.2.2, region: US}}}}}}"
        )
    });
    let records = lines(&|place| format!("r{place}: {{pool: p{place}}}"));
    let pools: Vec<&str> = pools.iter().map(String::as_str).collect();
    let (zone, mistakes) =
        read_zone("example.com.yaml".as_ref(), &with(&pools, &records.join("\n  ")));
    let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
    // By private addresses, and both at each of two sites.
    assert_eq!(zone.pools.len(), POOLS * 6);
}

#[test]
fn what_does_not_end_or_does_not_fit_is_told() {
    let chain = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let deep: Vec<String> =
        (0..=POOLS_WITHIN_MAX).map(|at| format!("p{at}: [{{pool: p{}}}]", at + 1)).collect();
    let last = format!("p{}: [192.0.2.1]", POOLS_WITHIN_MAX + 1);
    let deep: Vec<&str> = deep.iter().map(String::as_str).chain([&*last]).collect();
    let all: Vec<String> = (0..=POOLS_WITHIN_MAX + 1).map(|at| format!("p{at}")).collect();
    let (pool, other) = ("a".to_owned(), "b".to_owned());
    for (pools, record, problem) in [
        (
            &["a: [{pool: b}]", "b: [192.0.2.1, {pool: c}]", "c: [{pool: b}]"][..],
            "www: {pool: a}",
            Problem::PoolLoop { pools: chain(&["b", "c", "b"]) },
        ),
        (&["a: [{pool: a}]"], "www: {pool: a}", Problem::PoolLoop { pools: chain(&["a", "a"]) }),
        (&deep, "www: {pool: p0}", Problem::PoolsTooDeep { pools: all, most: POOLS_WITHIN_MAX }),
        (
            &["a: [192.0.2.1, {pool: b}]", "b: {backends: {t: {target: x.}}}"],
            "www: {pool: a}",
            Problem::PoolOfOtherKind { pool: pool.clone(), inner: other },
        ),
        (
            &["a: [192.0.2.1, {pool: b}]", "b: [192.0.2.1]"],
            "www: {pool: a}",
            Problem::AddressInPools { pool: pool.clone(), endpoint: "192.0.2.1".to_owned() },
        ),
        (
            &["a: [{pool: b}]", "b: [192.0.2.1]"],
            "_s._tcp: {SRV: {pool: a}}",
            Problem::PoolsWithin { pool },
        ),
        (
            &["a: [192.0.2.9, {pool: bb}]", "b: [192.0.2.1]"],
            "www: {pool: a}",
            Problem::UnknownPool { name: "bb".to_owned(), near: Some("b".to_owned()) },
        ),
    ] {
        let told = told(&with(pools, record)).into_iter().map(|(_, problem)| problem);
        assert_eq!(told.collect::<Vec<_>>(), [problem], "{pools:?}");
    }
}

#[test]
fn a_role_is_asked_for_of_the_pools_within() {
    let sql = "{check: {postgres: {user: r}}, backends: [192.0.2.1]}";
    let text = with(&[&format!("n: {sql}"), "all: [{pool: n}]"], "rw: {pool: all, role: primary}");
    let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
    let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let labels = |place: usize| zone.pools[place].label().into_owned();
    let asked = zone.balanced[0].pool;
    let inner = zone.pools[asked].backends[0].inner().expect("it is a pool");
    assert_eq!([labels(asked), labels(inner)], ["all (primary)", "n (primary)"]);
    // Each pool within is to tell its roles.
    let text = with(&["n: [192.0.2.1]", "all: [{pool: n}]"], "rw: {pool: all, role: primary}");
    let told: Vec<Problem> = told(&text).into_iter().map(|(_, problem)| problem).collect();
    assert_eq!(told, [Problem::RoleWithoutCheck { pool: "n".to_owned() }]);
}
