//! Extended errors: what a response code does not tell (RFC 8914).

use std::collections::HashMap;

use rotadns::config::model::access::{Access, Peer};
use rotadns::engine::settings::Settings;

use crate::world::{World, options, parse};

const CODE: u16 = 15;

/// Each question, and the number and the text of its extended error.
#[track_caller]
fn check(world: &World, rows: &[(&str, Option<(u16, &str)>)]) {
    for (question, expected) in rows {
        let found = options(&world.bytes(question));
        let expected = expected
            .map(|(number, text)| (CODE, [&number.to_be_bytes()[..], text.as_bytes()].concat()));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{question}");
    }
}

fn world() -> World {
    let peer = Peer { address: "192.0.2.1:53".parse().expect("an address"), key: None, tls: None };
    let primaries = HashMap::from([
        (parse("old.example."), vec![peer.clone()]),
        (parse("new.example."), vec![peer]),
    ]);
    let access = Access { primaries, ..Access::default() };
    World::of("example.com.", "www A 192.0.2.1\n")
        .and(World::broken("broken.example."))
        .and(World::expired("old.example."))
        .and(World::broken("new.example."))
        .set(Settings { access, ..Settings::default() })
}

#[test]
fn rfc8914_4_each_reason_has_its_number() {
    check(
        &world(),
        &[
            ("www.example.com. A +edns", None),
            ("gone.example.com. A +edns", None),
            // §4.15, §4.25
            ("www.broken.example. A +edns", Some((14, "the zone did not load"))),
            (
                "www.new.example. A +edns",
                Some((14, "the zone has not come from its primaries yet")),
            ),
            ("www.old.example. A +edns", Some((24, "the zone has expired"))),
            ("old.example. AXFR +edns +tcp", Some((18, ""))),
            // §4.21
            ("www.example.net. A +edns", Some((20, ""))),
            ("www.example.com. A +edns HS", Some((20, ""))),
            ("www.example.net. AXFR +edns +tcp", Some((20, ""))),
            // §4.19
            ("example.com. AXFR +edns +tcp", Some((18, ""))),
            // §4.22
            ("www.example.com. MAILB +edns", Some((21, ""))),
            ("example.com. AXFR +edns", Some((21, ""))),
            ("www.example.com. A +version=1", None),
        ],
    );
}

#[test]
fn rfc8914_2_without_edns_there_is_none() {
    world().check(&[("www.broken.example. A", "SERVFAIL"), ("www.example.net. A", "REFUSED")]);
}

#[test]
fn rfc8914_4_1_and_4_4_addresses_that_are_a_guess_say_so() {
    let body = "pools:
  all: {backends: [192.0.2.1, 192.0.2.2]}
  last: {backends: [192.0.2.3, 192.0.2.4], when_all_down: last}
  few: {backends: [192.0.2.5, 192.0.2.6, 192.0.2.7], panic: 0.7}
  none: {backends: [192.0.2.8], when_all_down: none}
  north: {backends: [192.0.2.8], when_all_down: fallback, fallback: south}
  south: {backends: [192.0.2.9], when_all_down: fallback, fallback: last}
records:
  all: {pool: all}
  last: {pool: last}
  few: {pool: few}
  none: {pool: none}
  north: {pool: north}
  alias: {CNAME: all}
  sub: {NS: ns.sub}
  ns.sub: {pool: all}
";
    let questions = ["all", "alias", "last", "few", "none", "x.sub", "north"];
    let ask = |health: &str, expected: [Option<(u16, &str)>; 7]| {
        let world = World::yaml(body, health);
        for (name, expected) in questions.iter().zip(expected) {
            check(&world, &[(&format!("{name}.example.com. A +edns"), expected)]);
        }
    };
    ask("", [None; 7]);
    let guess = Some((0, "no backend passes its check: every address is given as a guess"));
    let stale = Some((3, "no backend passes its check: those that were in service last"));
    let panic = Some((0, "too few backends pass their check: every address is given as a guess"));
    let down = "down 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.8; last 192.0.2.3";
    // Glue is no answer.
    ask(down, [guess, guess, stale, panic, None, None, None]);
    // What a pool falls back on may be a guess itself, at any remove.
    let down = format!("down 192.0.2.9 {}", &down["down ".len()..]);
    ask(&down, [guess, guess, stale, panic, None, None, stale]);
}

#[test]
fn rfc8914_3_the_text_goes_before_anything_of_the_answer() {
    for count in 20..32 {
        let addresses: Vec<String> = (1..=count).map(|at| format!("192.0.2.{at}")).collect();
        let body = format!(
            "records:\n  www: {{pool: {{backends: [{}], answers: {count}}}}}\n",
            addresses.join(", ")
        );
        let world = World::yaml(&body, &format!("down {}", addresses.join(" ")));
        let answer = world.bytes("www.example.com. A +edns=512");
        // 33 bytes of header and question, 16 for each record, 11 of OPT; 6 of the error, 62 of its text.
        let plain = 33 + 16 * count + 11;
        assert_eq!(answer[2] & 2 != 0, plain > 512, "{count} records, TC");
        let expected = match plain {
            _ if plain > 512 => continue,
            _ if plain + 6 + 62 <= 512 => 68,
            _ if plain + 6 <= 512 => 6,
            _ => 0,
        };
        assert_eq!(answer.len(), plain + expected, "{count} records");
    }
}

#[test]
fn rfc8914_4_1_an_alias_that_nobody_can_follow_says_so() {
    let body = "pools: {web: {backends: [192.0.2.1]}}
records:
  www: {pool: web}
  flat: {alias: www}
  out: {alias: www.example.net., TXT: x}
  self: {alias: self}
  gone: {alias: nothing}
  any: {alias: www.example.net., MX: 10 www}
";
    let astray =
        Some((0, "an alias leads to a name that no zone here answers for, or in a circle"));
    let guess = Some((0, "no backend passes its check: every address is given as a guess"));
    check(
        &World::yaml(body, "down 192.0.2.1"),
        &[
            ("out.example.com. A +edns", astray),
            ("self.example.com. AAAA +edns", astray),
            ("out.example.com. TXT +edns", None),
            ("gone.example.com. A +edns", None),
            // What could not be followed on the way to another RRset is no matter.
            ("any.example.com. ANY +edns", None),
            ("flat.example.com. A +edns", guess),
        ],
    );
}
