//! Targets, weights and rules: what they mean, and their mistakes.

use std::time::Duration;

use super::{HEAD, TAIL, one, pool, zone};
use crate::config::error::Problem;
use crate::config::model::{Backend, Failback, Form, Policy, SITES_MAX, Serves, Tiers};

/// A zone with these pools and these records, a line each.
fn with(pools: &[&str], records: &[&str]) -> String {
    let lines =
        |lines: &[&str]| lines.iter().flat_map(|line| ["  ", line, "\n"]).collect::<String>();
    format!("{HEAD}pools:\n{}records:{TAIL}{}", lines(pools), lines(records))
}

const TO: &str = "to: [{target: a.example.net.}, {target: b, weight: 0}]";
const WEB: &str = "web: [192.0.2.1]";

#[test]
fn a_pool_of_targets_answers_cname() {
    let zone = zone(&with(
        &[
            "to: {policy: weighted, backends: {x: {target: a.example.net., weight: 3, state: down}, y: {target: B}}}",
        ],
        &["www: {pool: to}"],
    ));
    let [pool] = &zone.pools[..] else { panic!("one pool") };
    assert_eq!((pool.policy, pool.answers.get()), (Policy::Weighted, 1));
    let shown = pool.backends.iter().map(|backend| match &backend.serves {
        Serves::Target { name, probe } => {
            format!("{} {} {name} {probe:?}", backend.name, backend.weight)
        }
        Serves::Addresses(_) => "addresses".to_owned(),
        Serves::Pool { place, .. } => format!("pool {place}"),
    });
    assert_eq!(shown.collect::<Vec<_>>(), ["x 3 a.example.net. None", "y 1 b.example.com. None"]);
    assert_eq!(zone.balanced[0].form, Form::Cname);
    // Without a name of its own a backend is called after what it serves.
    let bare = super::zone(&with(&[TO], &["www: {pool: to}"]));
    let names = bare.pools[0].backends.iter().map(|backend| backend.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["a.example.net", "b.example.com"]);
}

#[test]
fn priorities_come_from_the_file_or_from_its_order() {
    for (pool, priorities, min_healthy, failback) in [
        ("[192.0.2.1, 192.0.2.2]", vec![0, 0], 1, Failback::AtOnce),
        (
            "{backends: [192.0.2.1, {address: 192.0.2.2, priority: 7}]}",
            vec![0, 7],
            1,
            Failback::AtOnce,
        ),
        (
            "{policy: failover, failback: 60s, backends: [192.0.2.1, 192.0.2.2, 192.0.2.3]}",
            vec![0, 1, 2],
            1,
            Failback::After(Duration::from_secs(60)),
        ),
        (
            "{policy: failover, min_healthy: 2, failback: never, backends: [192.0.2.1, {address: 192.0.2.2, priority: 0}, \
             192.0.2.3, {address: 192.0.2.4, priority: 9}, 192.0.2.5]}",
            vec![0, 0, 1, 9, 10],
            2,
            Failback::Never,
        ),
        (
            "{failback: at once, backends: [{address: 192.0.2.1, priority: 65535}]}",
            vec![65_535],
            1,
            Failback::AtOnce,
        ),
    ] {
        let zone = zone(&super::pool(pool));
        let own = &zone.pools[0];
        let found: Vec<u16> = own.backends.iter().map(|backend| backend.priority).collect();
        assert_eq!((found, own.tiers), (priorities, Tiers { min_healthy, failback }), "{pool}");
    }
    let bad = |text: &str| Problem::BadFailback { text: text.into() };
    one(&pool("{failback: «soon», backends: [192.0.2.1]}"), bad("soon"));
    one(
        &pool("{failback: «2d», backends: [192.0.2.1]}"),
        Problem::BadSpan {
            what: "the hold before a failback",
            text: "2d".into(),
            least: Duration::from_secs(1),
            most: Duration::from_secs(86_400),
        },
    );
    one(
        &pool("{min_healthy: «0», backends: [192.0.2.1]}"),
        Problem::BadNumber { what: "a number of backends", text: "0".into(), least: 1, most: 1024 },
    );
    one(
        &pool("[{address: 192.0.2.1, priority: «-1»}]"),
        Problem::BadNumber { what: "a priority", text: "-1".into(), least: 0, most: 65_535 },
    );
}

#[test]
fn rules_say_which_pool_is_for_whom() {
    let zone = zone(&with(
        &[WEB, "office: [10.0.0.1]"],
        &["www: {rules: [{subnets: [10.0.0.0/8, \"2001:db8::/32\"], pool: office}, {pool: web}]}"],
    ));
    let [balanced] = &zone.balanced[..] else { panic!("one name") };
    assert_eq!((balanced.pool, balanced.form.clone()), (0, Form::Addresses));
    let rules = balanced.rules.iter();
    let rules: Vec<String> =
        rules.map(|rule| format!("{:?} {}", rule.subnets, rule.pool)).collect();
    assert_eq!(rules, ["[10.0.0.0/8, 2001:db8::/32] 1"]);
}

#[test]
fn mistakes_in_targets_have_their_place() {
    one(&pool("[192.0.2.1, «{»target: a}]"), Problem::MixedBackends);
    one(
        &pool("[{address: 192.0.2.1}, {target: «a..b»}]").replace("{address: 192.0.2.1}, ", ""),
        Problem::BadName { text: "a..b".into(), error: crate::name::NameError::EmptyLabel },
    );
    one(
        &pool("[{target: b}, {target: «B»}]"),
        Problem::DuplicateTarget { target: "b.example.com.".into(), first: 7 },
    );
    let check = "\nchecks: {c: {tcp: {port: 1}}}";
    one(
        &pool(&format!("{{check: c, backends: [{{target: «b»}}]}}{check}")),
        Problem::TargetWithoutProbe { backend: "b.example.com".into() },
    );
    one(
        &pool(&format!(
            "{{check: c, backends: [{{target: b, address: [192.0.2.1, «192.0.2.2»]}}]}}{check}"
        )),
        Problem::ManyProbes,
    );
    one(
        &pool("[{target: «b», address: 192.0.2.1}]"),
        Problem::ProbeWithoutCheck { backend: "b.example.com".into() },
    );
    let fallback = "web: {when_all_down: fallback, fallback: «to», backends: [192.0.2.1]}";
    one(
        &with(&[fallback, TO], &["www: {pool: web}"]),
        Problem::FallbackOfOtherKind { pool: "web".into(), fallback: "to".into() },
    );
}

#[test]
fn rfc1034_3_6_2_a_pool_of_targets_stands_alone() {
    let name = || "www.example.com.".to_owned();
    for (record, problem) in [
        ("'@': {«pool»: to}", Problem::TargetsAtApex { pool: "to".into() }),
        (
            "www: {«pool»: to, TXT: x}",
            Problem::TargetsBesideOther { name: name(), other: "TXT".into() },
        ),
        (
            "www: {«pool»: to, A: 192.0.2.1}",
            Problem::TargetsBesideOther { name: name(), other: "A".into() },
        ),
        (
            "www: {pool: to, «CNAME»: ns1}",
            Problem::CnameBesideOther { name: name(), other: "a pool".into() },
        ),
    ] {
        one(&with(&[TO], &[record]), problem);
    }
    // What leads to it leads to a CNAME (RFC 2181 §10.3).
    one(
        &with(&[TO], &["www: {pool: to}", "m: {MX: «10 www»}"]),
        Problem::TargetIsCname { rtype: "MX".into(), name: name() },
    );
}

#[test]
fn mistakes_in_rules_have_their_place() {
    let rules =
        |rules: &str| with(&[WEB], &[&format!("www: {{rules: {rules}}}"), "x: {pool: web}"]);
    let web = "{pool: web}";
    one(&rules("«[»]"), Problem::NoCatchAll);
    one(&rules("[«{»subnets: 10.0.0.0/8, pool: web}]"), Problem::NoCatchAll);
    one(&rules(&format!("[«{{»pool: web}}, {web}]")), Problem::RuleForAll);
    one(&rules(&format!("[{{subnets: «[»], pool: web}}, {web}]")), Problem::RuleForAll);
    one(
        &rules(&format!("[{{subnets: «10.1.0.0/8», pool: web}}, {web}]")),
        Problem::BadSubnet { text: "10.1.0.0/8".into() },
    );
    one(
        &rules(&format!("[{{subnets: 10.0.0.0/8, pool: «wbe»}}, {web}]")),
        Problem::UnknownPool { name: "wbe".into(), near: Some("web".into()) },
    );
    one(
        &rules(&format!("[{{subnets: 10.0.0.0/8, «geos»: [EU], pool: web}}, {web}]")),
        Problem::UnknownKey {
            place: "a rule",
            key: "geos".into(),
            near: None,
            known: "`subnets`, `continents`, `countries`, `regions`, `asns`, `addresses`, `pool`"
                .into(),
        },
    );
    one(
        &with(&[WEB, TO], &["www: {«rules»: [{subnets: 10.0.0.0/8, pool: to}, {pool: web}]}"]),
        Problem::RulesOfBothKinds { pool: "web".into(), other: "to".into() },
    );
    one(
        &with(&[WEB], &["www: {pool: web, «rules»: [{pool: web}]}"]),
        Problem::PoolBesideRules { first: 7 },
    );
    one(
        &rules(&format!("[{{countries: [NO, «UK»], pool: web}}, {web}]")),
        Problem::UnknownPlace { what: "country", text: "UK".into(), near: Some("GB") },
    );
    one(
        &rules(&format!("[{{continents: «EZ», pool: web}}, {web}]")),
        Problem::UnknownPlace { what: "continent", text: "EZ".into(), near: Some("EU") },
    );
    one(
        &rules("[{countries: [NO], pool: web}, «{»addresses: private, pool: web}]"),
        Problem::NoCatchAll,
    );
    let many = |count: usize, of: &str| vec![of; count].join(", ");
    let rule = "{subnets: 10.0.0.0/8, pool: web}";
    one(&rules(&format!("«[»{}, {web}]", many(65, rule))), Problem::TooManyRules { most: 65 });
    let subnets = format!("{{subnets: [{}], pool: web}}", many(1025, "10.0.0.0/8"));
    one(&rules(&format!("«[»{subnets}, {web}]")), Problem::TooManySubnets { most: 1024 });
}

#[test]
fn mistakes_in_what_is_made_of_pools_have_their_place() {
    let sip = "sip: {port: 1, backends: {a: {address: 192.0.2.1, host: a}}}";
    let rtype = |rtype: &str| rtype.to_owned();
    for (pools, record, problem) in [
        (
            WEB,
            "x: {«SRV»: {pool: web}}",
            Problem::NoService { pool: "web".into(), backend: "192.0.2.1".into(), missing: "host" },
        ),
        (
            "web: [{address: 192.0.2.1, host: a}]",
            "x: {«SRV»: {pool: web}}",
            Problem::NoService { pool: "web".into(), backend: "192.0.2.1".into(), missing: "port" },
        ),
        (sip, "x: {SRV: {«ttl»: 1, pool: sip}}", Problem::TtlBesidePool),
        (sip, "x: {SRV: {«values»: 0 0 1 a, pool: sip}}", Problem::ValuesBesidePool),
        (
            sip,
            "x: {pool: sip, SRV: {values: 0 0 1 ns1, «priority»: 1}}",
            Problem::NotOfPool { key: "priority", rtype: rtype("SRV") },
        ),
        (
            sip,
            "x: {pool: sip, MX: {values: 0 ns1, «pool»: sip}}",
            Problem::NotOfPool { key: "pool", rtype: rtype("MX") },
        ),
        (
            sip,
            "x: {pool: sip, HTTPS: {values: 1 ., «pool»: sip}}",
            Problem::NotOfPool { key: "pool", rtype: rtype("HTTPS") },
        ),
        (
            sip,
            "x: {pool: sip, A: {values: 192.0.2.7, «hints»: pool}, AAAA: \"2001:db8::1\"}",
            Problem::NotOfPool { key: "hints", rtype: rtype("A") },
        ),
        (
            sip,
            "x: {pool: sip, HTTPS: {values: «1 . ipv4hint=192.0.2.1», hints: pool}}",
            Problem::HintsByHand,
        ),
        (sip, "x: {pool: sip, HTTPS: {values: «0 ns1», hints: pool}}", Problem::HintsOfAliasMode),
        (
            TO,
            "x: {HTTPS: {values: 1 ., pool: to, «hints»: pool}}",
            Problem::TargetsForAddresses { pool: "to".into() },
        ),
    ] {
        let (text, places) = super::marked(&with(&[pools], &[record]));
        let told = super::told(&text);
        assert!(told.contains(&(places[0].clone(), problem)), "{told:?}\n{text}");
    }
    one(
        &with(&[sip], &["w: {pool: sip}", "x: {HTTPS: {values: 1 ., «hints»: pool}}"]),
        Problem::HintsWithoutPool,
    );
}

#[test]
fn the_nearest_of_a_pool_has_a_face_for_each_site() {
    let zone = super::zone(&with(
        &[
            "web: {policy: nearest, backends: {a: {address: 192.0.2.1, region: NO}, b: {address: 192.0.2.2, location: [50.1, 8.7], private: 10.0.0.2}, c: {address: 192.0.2.3, region: NO}}}",
            "plain: [{address: 192.0.2.4, region: NO}]",
        ],
        &["www: {pool: web}", "plain: {pool: plain}"],
    ));
    let told = zone.pools.iter().map(|pool| {
        let addresses = pool.backends.iter().flat_map(Backend::addresses);
        let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
        format!("{} {} {}", pool.label(), pool.answers, addresses.join(" "))
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "web 1 192.0.2.1 192.0.2.2 192.0.2.3",
            "plain 8 192.0.2.4",
            "web (private) 1 192.0.2.1 10.0.0.2 192.0.2.3",
            "web (NO) 1 192.0.2.1 192.0.2.3",
            "web (50.1,8.7) 1 192.0.2.2",
            "web (private, NO) 1 192.0.2.1 192.0.2.3",
            "web (private, 50.1,8.7) 1 10.0.0.2",
        ]
    );
    // In the order of the file, so that a fallback is found where it was written.
    assert_eq!(zone.pools[6].face.map(|face| face.of), Some(2));
}

#[test]
fn who_is_nearest_needs_to_know_where_backends_are() {
    one(
        &with(
            &[
                "web: {policy: nearest, backends: {a: {address: 192.0.2.1, region: NO}, b: «192.0.2.2»}}",
            ],
            &["www: {pool: web}"],
        ),
        Problem::NowhereNear { backend: "b".into() },
    );
    let many: Vec<String> = (0..=SITES_MAX)
        .map(|place| format!("{{address: 192.0.2.{place}, location: [{place}, 0]}}"))
        .collect();
    one(
        &with(
            &[&format!("«web»: {{policy: nearest, backends: [{}]}}", many.join(", "))],
            &["www: {pool: web}"],
        ),
        Problem::TooManySites { pool: "web".into(), most: SITES_MAX },
    );
}

#[test]
fn a_slash_in_a_name_would_make_keys_mean_two_things() {
    let pool = with(&["«a/b»: [192.0.2.1]"], &["www: {pool: a/b}"]);
    one(&pool, Problem::SlashInName { text: "a/b".into() });
    let backend = with(&["a: {backends: {«b/c»: 192.0.2.1}}"], &["www: {pool: a}"]);
    one(&backend, Problem::SlashInName { text: "b/c".into() });
    zone(&with(&["a.b: {backends: {c-d: 192.0.2.1}}"], &["www: {pool: a.b}"]));
}
