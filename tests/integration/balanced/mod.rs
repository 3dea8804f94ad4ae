//! Names that answer from a pool: who is in an answer, for how long, and where pools stand.

mod example;
mod hash;
mod made;
mod places;
mod roles;
mod rotation;
mod rules;
mod shards;
mod targets;
mod weights;

use std::collections::HashMap;
use std::net::IpAddr;

use crate::world::{World, decode};

/// A pool `web` of these backends and settings, for `www.example.com.`.
fn pool(settings: &str, backends: &str) -> String {
    let check = "checks: {c: {tcp: {port: 80}}}\n";
    let settings = if settings.is_empty() { String::new() } else { format!("{settings}, ") };
    format!(
        "{check}pools: {{web: {{check: c, {settings}backends: {backends}}}}}\n\
         records: {{www: {{pool: web}}}}\n"
    )
}

const THREE: &str = "[192.0.2.1, 192.0.2.2, 192.0.2.3]";
const SOA: &str = "example.com. 5 SOA 7";

/// The last bytes of the addresses in an answer, in order.
fn order(world: &World, question: &str) -> Vec<u8> {
    decode(&world.bytes(question)).answers.iter().map(|record| last_byte(&record.data)).collect()
}

fn last_byte(data: &hickory_proto::rr::RData) -> u8 {
    match data.ip_addr().expect("an address") {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    }
}

#[test]
fn an_answer_has_every_address_that_is_in_service() {
    let text = pool("", THREE);
    for (health, expected) in [
        ("", "192.0.2.1 192.0.2.2 192.0.2.3"),
        ("down 192.0.2.2", "192.0.2.1 192.0.2.3"),
        ("down 192.0.2.1 192.0.2.2", "192.0.2.3"),
        // `when_all_down: all` is the default.
        ("down 192.0.2.1 192.0.2.2 192.0.2.3", "192.0.2.1 192.0.2.2 192.0.2.3"),
    ] {
        let records: Vec<String> =
            expected.split(' ').map(|address| format!("www.example.com. 30 A {address}")).collect();
        let expected = format!("NOERROR aa | {}", records.join(", "));
        World::yaml(&text, health).check(&[("www.example.com. A", &expected)]);
    }
}

#[test]
fn round_robin_begins_one_further_with_every_draw() {
    let world = World::yaml(&pool("", THREE), "");
    let down = World::yaml(&pool("", THREE), "down 192.0.2.2");
    for (draw, all, without) in [
        (0, [1, 2, 3], [1, 3]),
        (1, [2, 3, 1], [3, 1]),
        (2, [3, 1, 2], [1, 3]),
        (3, [1, 2, 3], [3, 1]),
        // 2^64 - 1 = 0 modulo 3.
        (u64::MAX, [1, 2, 3], [3, 1]),
    ] {
        let question = format!("www.example.com. A +draw={draw}");
        assert_eq!(order(&world, &question), all, "draw {draw}");
        assert_eq!(order(&down, &question), without, "draw {draw}");
    }
}

#[test]
fn answers_limits_how_many_are_given() {
    for (answers, draw, expected) in [
        (1, 0, &[1][..]),
        (1, 1, &[2]),
        (1, 2, &[3]),
        (2, 0, &[1, 2]),
        (2, 1, &[2, 3]),
        (2, 2, &[3, 1]),
        (3, 1, &[2, 3, 1]),
        (9, 1, &[2, 3, 1]),
    ] {
        let world = World::yaml(&pool(&format!("answers: {answers}"), THREE), "");
        let question = format!("www.example.com. A +draw={draw}");
        assert_eq!(order(&world, &question), expected, "answers {answers}, draw {draw}");
    }
}

#[test]
fn fixed_keeps_the_order_of_the_file() {
    let world = World::yaml(&pool("policy: fixed, answers: 2", THREE), "");
    let down = World::yaml(&pool("policy: fixed, answers: 2", THREE), "down 192.0.2.1");
    for draw in 0..5 {
        let question = format!("www.example.com. A +draw={draw}");
        assert_eq!(order(&world, &question), [1, 2]);
        assert_eq!(order(&down, &question), [2, 3]);
    }
}

#[test]
fn random_gives_every_order_and_each_address_once() {
    let world = World::yaml(&pool("policy: random", THREE), "");
    let mut seen: HashMap<Vec<u8>, u32> = HashMap::new();
    for draw in 0..600 {
        let order = order(&world, &format!("www.example.com. A +draw={draw}"));
        *seen.entry(order).or_default() += 1;
    }
    // 3! orders, 100 times each; five standard deviations of 9.1 are allowed.
    assert_eq!(seen.len(), 6);
    for (order, times) in seen {
        assert!(times.abs_diff(100) < 46, "{order:?}: {times}");
        assert_eq!(order.iter().sum::<u8>(), 6);
    }
}

#[test]
fn when_all_down_says_what_is_handed_out() {
    let all_down = "down 192.0.2.1 192.0.2.2 192.0.2.3";
    let nodata = format!("NOERROR aa |  | {SOA}");
    let one = "NOERROR aa | www.example.com. 30 A 192.0.2.2";
    let all = "NOERROR aa | www.example.com. 30 A 192.0.2.1, www.example.com. 30 A 192.0.2.2, www.example.com. 30 A 192.0.2.3";
    for (settings, health, expected) in [
        ("when_all_down: all", all_down.to_owned(), all),
        // RFC 2308 §2.2: no data, with the SOA, kept for at most the pool's `min_ttl`.
        ("when_all_down: none", all_down.to_owned(), &nodata),
        ("when_all_down: last", format!("{all_down}; last 192.0.2.2"), one),
        // Nothing was ever in service.
        ("when_all_down: last", all_down.to_owned(), all),
        ("when_all_down: none", "down 192.0.2.1 192.0.2.3".to_owned(), one),
        ("when_all_down: last", "down 192.0.2.1 192.0.2.3; last 192.0.2.1".to_owned(), one),
    ] {
        let world = World::yaml(&pool(settings, THREE), &health);
        assert_eq!(world.ask("www.example.com. A"), expected, "{settings}, {health}");
    }
}

#[test]
fn a_fallback_hands_out_what_the_other_pool_would() {
    let text = "checks: {c: {tcp: {port: 80}}}
pools:
  web: {check: c, when_all_down: fallback, fallback: spare, ttl: 20s, backends: [192.0.2.1]}
  spare: {check: c, when_all_down: fallback, fallback: sorry, backends: [192.0.2.2, 192.0.2.3]}
  sorry: {backends: [192.0.2.9]}
records: {www: {pool: web}}
";
    for (health, expected) in [
        ("", &["192.0.2.1"][..]),
        ("down 192.0.2.1", &["192.0.2.2", "192.0.2.3"]),
        ("down 192.0.2.1 192.0.2.2", &["192.0.2.3"]),
        ("down 192.0.2.1 192.0.2.2 192.0.2.3", &["192.0.2.9"]),
        ("down 192.0.2.2 192.0.2.3", &["192.0.2.1"]),
    ] {
        let records: Vec<String> =
            expected.iter().map(|address| format!("www.example.com. 20 A {address}")).collect();
        let expected = format!("NOERROR aa | {}", records.join(", "));
        World::yaml(text, health).check(&[("www.example.com. A", &expected)]);
    }
}

#[test]
fn panic_hands_out_everything_when_too_little_is_left() {
    let text =
        pool("panic: 0.5", "{a: {address: 192.0.2.1, weight: 2}, b: 192.0.2.2, c: 192.0.2.3}");
    for (health, expected) in [
        ("", &[1, 2, 3][..]),
        // Half of the weight is not less than half of it.
        ("down 192.0.2.1", &[2, 3]),
        ("down 192.0.2.2 192.0.2.3", &[1]),
        ("down 192.0.2.1 192.0.2.2", &[1, 2, 3]),
    ] {
        assert_eq!(order(&World::yaml(&text, health), "www.example.com. A"), expected, "{health}");
    }
}

#[test]
fn what_an_operator_set_down_is_no_guess() {
    let backends =
        "{a: {address: 192.0.2.1, state: down}, b: {address: 192.0.2.2, state: up}, c: 192.0.2.3}";
    let auto = "{a: {address: 192.0.2.1, state: down}, b: 192.0.2.2, c: 192.0.2.3}";
    for (backends, health, expected) in [
        (backends, "", &[2, 3][..]),
        (backends, "down 192.0.2.2 192.0.2.3", &[2]),
        (auto, "down 192.0.2.2 192.0.2.3", &[2, 3]),
    ] {
        let world = World::yaml(&pool("", backends), health);
        assert_eq!(order(&world, "www.example.com. A"), expected, "{health}");
    }
}

#[test]
fn the_ttl_falls_while_an_address_may_change_side() {
    let text = pool("ttl: 30s, min_ttl: 5s", THREE);
    for (health, ttl) in [
        ("", 30),
        ("changing 192.0.2.1=60s", 30),
        ("changing 192.0.2.1=12s", 12),
        ("changing 192.0.2.1=12s 192.0.2.2=8s", 8),
        ("changing 192.0.2.1=1s", 5),
        // One that is down and may come up counts too.
        ("down 192.0.2.1; changing 192.0.2.1=9s", 9),
    ] {
        let message = decode(&World::yaml(&text, health).bytes("www.example.com. A"));
        assert!(message.answers.iter().all(|record| record.ttl == ttl), "{health}: {message}");
    }
}

const BOTH: &str =
    "{a: {address: [192.0.2.1, \"2001:db8::1\"]}, b: {address: [192.0.2.2, \"2001:db8::2\"]}}";

#[test]
fn rfc4074_4_aaaa_of_a_pool_without_any_is_no_data_and_never_nxdomain() {
    // That stays so whatever health does: the zone's own negative TTL.
    World::yaml(&pool("", THREE), "").check(&[
        ("www.example.com. AAAA", "NOERROR aa |  | example.com. 300 SOA 7"),
        ("www.example.com. TXT", "NOERROR aa |  | example.com. 300 SOA 7"),
        ("a.www.example.com. A", "NXDOMAIN aa |  | example.com. 300 SOA 7"),
    ]);
}

#[test]
fn all_down_and_panic_look_at_the_pool_and_not_at_one_family() {
    let nodata = format!("NOERROR aa |  | {SOA}");
    let aaaa_down = "down 2001:db8::1 2001:db8::2";
    for settings in ["when_all_down: all", "when_all_down: none", "panic: 0.8"] {
        World::yaml(&pool(settings, BOTH), aaaa_down).check(&[
            ("www.example.com. AAAA", &nodata),
            (
                "www.example.com. A",
                "NOERROR aa | www.example.com. 30 A 192.0.2.1, www.example.com. 30 A 192.0.2.2",
            ),
        ]);
    }
    // One address of a backend fails, and it alone is left out.
    World::yaml(&pool("", BOTH), "down 2001:db8::1").check(&[
        ("www.example.com. AAAA", "NOERROR aa | www.example.com. 30 AAAA 2001:db8::2"),
        (
            "www.example.com. A",
            "NOERROR aa | www.example.com. 30 A 192.0.2.1, www.example.com. 30 A 192.0.2.2",
        ),
    ]);
}

#[test]
fn a_pool_stands_wherever_an_rrset_can() {
    let text = "pools: {web: {backends: [192.0.2.1, 192.0.2.2]}}
records:
  \"@\": {pool: web, MX: 10 mail, TXT: hi}
  \"*.app\": {pool: web}
  alias: {CNAME: alias2}
  alias2: {CNAME: x.app}
";
    World::yaml(text, "").check(&[
        ("example.com. A", "NOERROR aa | example.com. 30 A 192.0.2.1, example.com. 30 A 192.0.2.2"),
        ("example.com. MX", "NOERROR aa | example.com. 3600 MX 10 mail.example.com."),
        ("example.com. ANY", "NOERROR aa | example.com. 30 A 192.0.2.1, example.com. 30 A 192.0.2.2"),
        ("y.app.example.com. A +draw=1", "NOERROR aa | y.app.example.com. 30 A 192.0.2.2, y.app.example.com. 30 A 192.0.2.1"),
        ("alias.example.com. A", "NOERROR aa | alias.example.com. 3600 CNAME alias2.example.com., alias2.example.com. 3600 CNAME x.app.example.com., x.app.example.com. 30 A 192.0.2.1, x.app.example.com. 30 A 192.0.2.2"),
        ("Www.APP.example.com. A +draw=1 +edns", "NOERROR aa edns=1232 | Www.APP.example.com. 30 A 192.0.2.2, Www.APP.example.com. 30 A 192.0.2.1"),
    ]);
}

#[test]
fn rfc2308_5_any_of_an_empty_pool_is_no_data_for_as_short_as_a() {
    let text = "pools: {web: {when_all_down: none, check: {tcp: {port: 1}}, backends: [192.0.2.1]}}
records: {www: {pool: web}}
";
    let world = World::yaml(text, "down 192.0.2.1");
    let short = world.ask("www.example.com. A");
    assert!(short.starts_with("NOERROR aa |  | example.com. 5 SOA "), "{short}");
    assert_eq!(world.ask("www.example.com. ANY"), short);
}

#[test]
fn rfc8482_any_passes_over_a_family_that_is_empty() {
    let text =
        "pools: {web: {backends: [\"2001:db8::1\"]}}\nrecords: {www: {pool: web, TXT: hi}}\n";
    World::yaml(text, "")
        .check(&[("www.example.com. ANY", "NOERROR aa | www.example.com. 3600 TXT hi")]);
}

#[test]
fn glue_can_come_from_a_pool() {
    let text = pool("when_all_down: none", BOTH).replace(
        "records: {www",
        "records: {sub: {NS: [ns.sub, ns.other]}, ns.sub: {pool: web}, ns.other: {pool: web}, www",
    );
    let ns = "sub.example.com. 3600 NS ns.sub.example.com., sub.example.com. 3600 NS ns.other.example.com.";
    let glue = |owner: &str, [a, b]: [u8; 2]| {
        format!(
            "{owner}.example.com. 30 A 192.0.2.{a}, {owner}.example.com. 30 A 192.0.2.{b}, {owner}.example.com. 30 AAAA 2001:db8::{a}, {owner}.example.com. 30 AAAA 2001:db8::{b}"
        )
    };
    World::yaml(&text, "").check(&[
        (
            "a.sub.example.com. A",
            &format!(
                "NOERROR |  | {ns} | {}, {}",
                glue("ns.sub", [1, 2]),
                glue("ns.other", [1, 2])
            ),
        ),
        (
            "a.sub.example.com. A +draw=1",
            &format!(
                "NOERROR |  | {ns} | {}, {}",
                glue("ns.sub", [2, 1]),
                glue("ns.other", [2, 1])
            ),
        ),
    ]);
    World::yaml(&text, "down 192.0.2.1 192.0.2.2 2001:db8::2").check(&[
        ("a.sub.example.com. A", &format!("NOERROR |  | {ns} | ns.sub.example.com. 30 AAAA 2001:db8::1, ns.other.example.com. 30 AAAA 2001:db8::1")),
    ]);
}

#[test]
fn the_same_question_with_the_same_draw_has_the_same_bytes() {
    for policy in ["round_robin", "random", "fixed"] {
        let text = pool(&format!("policy: {policy}"), THREE);
        let (one, other) = (World::yaml(&text, ""), World::yaml(&text, ""));
        for draw in 0..9 {
            let question = format!("www.example.com. A +draw={draw}");
            assert_eq!(one.bytes(&question), other.bytes(&question), "{policy}");
        }
    }
}

#[test]
fn an_answer_of_a_pool_that_does_not_fit_is_truncated_whole() {
    let addresses: Vec<String> = (0..100).map(|at| format!("192.0.2.{at}")).collect();
    let text = pool("answers: 100", &format!("[{}]", addresses.join(", ")));
    let world = World::yaml(&text, "");
    // 12 + 21 + 100 × 16 = 1633 bytes.
    world.check(&[
        ("www.example.com. A", "NOERROR aa tc"),
        ("www.example.com. A +edns", "NOERROR aa tc edns=1232"),
    ]);
    assert_eq!(order(&world, "www.example.com. A +tcp").len(), 100);
}
