//! Pools of targets: a CNAME, another one for each turn.

use rotadns::server::chance::Chance;

use super::rotation::batch;
use crate::world::{World, render};

const ZONE: &str = "checks: {c: {tcp: {port: 80}}}
pools:
  to: {backends: [{target: a}, {target: b.example.net.}]}
  checked:
    check: c
    when_all_down: none
    backends: {x: {target: a, address: 198.51.100.1}, y: {target: gone, address: 198.51.100.2}}
  web: {backends: [192.0.2.1, 192.0.2.2]}
  again: {backends: [{target: loop}, {target: a}]}
records:
  www: {pool: to}
  health: {pool: checked}
  alias: {CNAME: www}
  a: {pool: web, TXT: hi}
  '*.wild': {pool: to}
  loop: {pool: again}
  twice: {pool: {backends: [{target: www}]}}
  sub: {NS: ns.sub}
  ns.sub: {A: 192.0.2.54}
  cut: {pool: {backends: [{target: x.sub}]}}
";
const A: &str = "a.example.com. 30 A 192.0.2.1, a.example.com. 30 A 192.0.2.2";
const SECOND: &str = "a.example.com. 30 A 192.0.2.2, a.example.com. 30 A 192.0.2.1";

#[test]
fn rfc1034_4_3_2_a_pool_of_targets_is_a_cname_and_is_followed_in_its_zone() {
    let www = "www.example.com. 30 CNAME";
    World::yaml(ZONE, "").check(&[
        ("www.example.com. A", &format!("NOERROR aa | {www} a.example.com., {A}")),
        ("www.example.com. A +draw=1", &format!("NOERROR aa | {www} b.example.net.")),
        ("www.example.com. TXT", &format!("NOERROR aa | {www} a.example.com., a.example.com. 3600 TXT hi")),
        // RFC 2308 §2.2: the chain, and no data at its end.
        (
            "www.example.com. MX",
            &format!("NOERROR aa | {www} a.example.com. | example.com. 300 SOA 7"),
        ),
        ("www.example.com. CNAME", &format!("NOERROR aa | {www} a.example.com.")),
        ("www.example.com. CNAME +draw=3", &format!("NOERROR aa | {www} b.example.net.")),
        // RFC 8482 §4.1
        ("www.example.com. ANY", &format!("NOERROR aa | {www} a.example.com.")),
        (
            "alias.example.com. A",
            &format!("NOERROR aa | alias.example.com. 3600 CNAME www.example.com., {www} a.example.com., {A}"),
        ),
        (
            "x.wild.example.com. A",
            &format!("NOERROR aa | x.wild.example.com. 30 CNAME a.example.com., {A}"),
        ),
        (
            "twice.example.com. A",
            &format!("NOERROR aa | twice.example.com. 30 CNAME www.example.com., {www} a.example.com., {A}"),
        ),
        // RFC 4343: the case of the question is kept.
        (
            "WWW.example.com. A +draw=1",
            "NOERROR aa | WWW.example.com. 30 CNAME b.example.net.",
        ),
        (
            "cut.example.com. A",
            "NOERROR aa | cut.example.com. 30 CNAME x.sub.example.com. | sub.example.com. 3600 NS ns.sub.example.com. \
             | ns.sub.example.com. 3600 A 192.0.2.54",
        ),
    ]);
}

#[test]
fn rfc1034_3_6_2_a_loop_through_a_pool_ends() {
    World::yaml(ZONE, "").check(&[
        ("loop.example.com. A", "NOERROR aa | loop.example.com. 30 CNAME loop.example.com."),
        (
            "loop.example.com. A +draw=1",
            &format!("NOERROR aa | loop.example.com. 30 CNAME a.example.com., {SECOND}"),
        ),
    ]);
}

#[test]
fn rfc6604_3_a_target_that_is_not_there_is_nxdomain_with_the_chain() {
    World::yaml(ZONE, "down 198.51.100.1").check(&[(
        "health.example.com. A",
        "NXDOMAIN aa | health.example.com. 30 CNAME gone.example.com. | example.com. 300 SOA 7",
    )]);
}

#[test]
fn a_target_is_judged_by_the_address_that_is_probed_for_it() {
    let to = |target: &str| format!("NOERROR aa | health.example.com. 30 CNAME {target}");
    for (health, draws) in [("", ["a", "gone"]), ("down 198.51.100.2", ["a", "a"])] {
        let world = World::yaml(ZONE, health);
        for (draw, target) in draws.iter().enumerate() {
            let question = format!("health.example.com. CNAME +draw={draw}");
            assert_eq!(world.ask(&question), to(&format!("{target}.example.com.")), "{health}");
        }
    }
}

#[test]
fn rfc2308_2_2_no_target_is_no_data_of_any_type_for_a_short_while() {
    let world = World::yaml(ZONE, "down 198.51.100.1 198.51.100.2");
    for rtype in ["A", "CNAME", "TXT", "ANY", "HTTPS"] {
        let question = format!("health.example.com. {rtype}");
        assert_eq!(world.ask(&question), "NOERROR aa |  | example.com. 5 SOA 7", "{rtype}");
    }
}

#[test]
fn a_batch_takes_turns_of_the_names_that_targets_lead_to() {
    let snapshot = World::yaml(ZONE, "").snapshot();
    let mut chance = Chance::default();
    let answers = batch(&snapshot, &mut chance, &["www.example.com. A"; 4]);
    let shown: Vec<String> = answers.iter().map(|bytes| render(bytes)).collect();
    let www = "NOERROR aa | www.example.com. 30 CNAME";
    let expected = [
        format!("{www} a.example.com., {A}"),
        format!("{www} b.example.net."),
        format!("{www} a.example.com., {SECOND}"),
        format!("{www} b.example.net."),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn an_alias_to_a_pool_of_targets_is_not_answered_with_a_guess() {
    let text = ZONE.replace("  alias: {CNAME: www}", "  alias: {alias: www}");
    World::yaml(&text, "").check(&[("alias.example.com. A", "SERVFAIL")]);
}
