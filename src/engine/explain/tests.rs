//! What is told of a question, and that it is what would be answered.

mod pools;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::model::{Backend, Endpoint, Face, WhenAllDown};
use crate::engine::choose::ready::{Group, Lineup, Memory, Ready, Standing};
use crate::engine::respond;
use crate::engine::snapshot::Chunks;
use crate::health::sources::Moment;
use crate::health::told::Told;
use crate::health::verdict::{Basis, Verdict};
use crate::zone::build::from_model;

const ZONE: &str = r#"
zone: example.com
ns: [ns1]
pools:
  web: {ttl: 30s, min_ttl: 5s, answers: 2, check: c, backends: {web-1: 192.0.2.1, web-2: 192.0.2.2, web-3: 192.0.2.3}}
  dice: {policy: random, check: c, backends: [192.0.2.1, "2001:db8::1"]}
  main: {check: c, when_all_down: fallback, fallback: spare, backends: {main-1: 198.51.100.1}}
  spare: {policy: fixed, backends: {spare-1: 192.0.2.9}}
  none: {check: c, when_all_down: none, backends: {none-1: 198.51.100.2}}
  all: {check: c, backends: [198.51.100.3, 198.51.100.4]}
  both: {check: c, policy: fixed, backends: {both-1: {address: [192.0.2.1, "2001:db8::1"]}, both-2: "2001:db8::2"}}
checks: {c: {tcp: {port: 80}}}
records:
  ns1: {A: 192.0.2.53}
  www: {pool: web}
  dice: {pool: dice}
  main: {pool: main}
  none: {pool: none}
  all: {pool: all}
  both: {pool: both}
  txt: {TXT: "a \"quoted\" text"}
  alias: {CNAME: www}
  away: {CNAME: www.example.net.}
  "*.pages": {CNAME: alias}
  a.b.deep: {A: 192.0.2.7}
  old: {DNAME: pages}
  sub: {NS: [ns.sub]}
  ns.sub: {A: 192.0.2.54}
  "@": {alias: dice}
  flat: {alias: ns1}
  lost: {alias: www.example.net.}
"#;

/// The backends of these addresses are down: what `main`, `none` and `all` have.
fn is_up(endpoint: &Endpoint) -> bool {
    !endpoint.to_string().starts_with("198.51.100.")
}

/// `web-2` is about to go down.
fn judge(_: &Zone, pool: &Pool) -> Vec<Judgement> {
    let judgement = |(backend, endpoint): (&Backend, Endpoint)| Judgement {
        backend: backend.name.clone(),
        verdict: Verdict {
            in_service: is_up(&endpoint),
            basis: Basis::Judged,
            is_set_down: false,
            may_change_in: (pool.name == "web" && endpoint.to_string() == "192.0.2.2")
                .then_some(Duration::from_millis(1500)),
            told: Told::default(),
        },
        reason: if is_up(&endpoint) { "2 checks passed" } else { "3 checks failed" }.to_owned(),
        endpoint,
    };
    pool.endpoints().map(judgement).collect()
}

fn ready(zone: &Zone, index: usize) -> Ready {
    let pool = &zone.pools[index];
    if let Some(Face { of, site: Some(_), .. }) = pool.face {
        return ready(zone, of).at_site(pool);
    }
    let fallback = match pool.when_all_down {
        WhenAllDown::Fallback(other) => Some(ready(zone, other)),
        _ => None,
    };
    seen(zone, pool, fallback.as_ref()).0
}

/// A pool, how its own stand, and the pools within it.
fn seen(zone: &Zone, pool: &Pool, fallback: Option<&Ready>) -> (Ready, Vec<Standing>, Vec<Group>) {
    let standings: Vec<Standing> = judge(zone, pool)
        .iter()
        .map(|Judgement { verdict, .. }| Standing {
            in_service: verdict.in_service,
            is_set_down: verdict.is_set_down,
            may_change_in: verdict.may_change_in,
            ..Standing::UP
        })
        .collect();
    let inner = pool.within(&zone.pools).map(|(_, inner)| {
        let (ready, standings, groups) = seen(zone, inner, None);
        let in_service = Group::is_in_service(&ready);
        let lineup = Lineup { endpoints: &standings, groups: &groups };
        Group::new(Standing { in_service, ..Standing::UP }, inner, lineup, &ready)
    });
    let groups: Vec<Group> = inner.collect();
    let lineup = Lineup { endpoints: &standings, groups: &groups };
    let mut memory = Memory::default();
    memory.note(pool, lineup, Moment::default());
    let ready = Ready::new(pool, lineup, &memory, fallback);
    (ready, standings, groups)
}

fn snapshot() -> Snapshot {
    snapshot_of(ZONE)
}

fn snapshot_of(text: &str) -> Snapshot {
    let (model, mistakes) = crate::config::read_zone(Path::new("example.com.yaml"), text);
    let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
    let (zone, _) = from_model(&model, 7, None).expect("it fits together");
    let ready: Vec<_> = (0..zone.pools.len()).map(|pool| Arc::new(ready(&zone, pool))).collect();
    let broken = View::Broken(Name::parse_absolute("broken.example.").expect("a name"));
    let served = View::Served { zone: Arc::new(zone), ready: Chunks::new(ready) };
    Snapshot::new(vec![served, broken]).expect("they are two")
}

fn question(name: &str, qtype: u16) -> Question {
    Question {
        name: Name::parse_absolute(name).expect(name),
        qtype,
        client: [192, 0, 2, 7].into(),
        subnet: None,
        transport: Transport::Udp,
        chance: 4,
    }
}

/// The steps behind the zone's, a line each.
fn steps(snapshot: &Snapshot, name: &str, qtype: u16) -> Vec<String> {
    let explained = explain(snapshot, &question(name, qtype), &judge);
    let lines = explained.steps.iter();
    lines.map(|step| format!("{}: {}", step.stage.name(), step.said)).collect()
}

const A: u16 = 1;
const AAAA: u16 = 28;

#[test]
fn each_way_of_a_name_is_told() {
    let snapshot = snapshot();
    for (name, qtype, expected) in [
        ("ns1.example.com.", A, "ns1.example.com. has A: 1 record"),
        ("ns1.example.com.", AAAA, "ns1.example.com. is there and has no AAAA: NODATA"),
        (
            "flat.example.com.",
            A,
            "flat.example.com. is an alias of ns1.example.com., which has A: 1 record",
        ),
        (
            "flat.example.com.",
            AAAA,
            "flat.example.com. is an alias of ns1.example.com., which has no AAAA: NODATA",
        ),
        (
            "lost.example.com.",
            A,
            "an alias leads to a name that no zone here answers for: SERVFAIL",
        ),
        (
            "b.deep.example.com.",
            A,
            "b.deep.example.com. has no records, but there are names below it: NODATA",
        ),
        (
            "x.y.deep.example.com.",
            A,
            "x.y.deep.example.com. does not exist; the closest name is deep.example.com.: NXDOMAIN; did you mean \
             a.b.deep.example.com.?",
        ),
        (
            "something.else.example.com.",
            A,
            "something.else.example.com. does not exist; the closest name is example.com.: NXDOMAIN",
        ),
        (
            "wwww.example.com.",
            A,
            "wwww.example.com. does not exist; the closest name is example.com.: NXDOMAIN; did you mean \
             www.example.com.?",
        ),
        (
            "away.example.com.",
            A,
            "away.example.com. is a CNAME to www.example.net., which is outside the zone: whoever asks goes on \
             from there",
        ),
        ("away.example.com.", 5, "away.example.com. has CNAME: 1 record"),
        (
            "x.pages.example.com.",
            5,
            "x.pages.example.com. (by *.pages.example.com.) has CNAME: 1 record",
        ),
        (
            "host.sub.example.com.",
            A,
            "sub.example.com. is another zone's: a referral to its name servers",
        ),
        ("example.com.", 253, "this type is not served: NOTIMP"),
        ("example.com.", 252, "a transfer is never sent over UDP: NOTIMP"),
    ] {
        let zone = "zone: example.com., serial 7: the deepest zone that holds the name".to_owned();
        let steps = steps(&snapshot, name, qtype);
        assert_eq!(steps, [zone, format!("name: {expected}")], "{name} {qtype}");
    }
}

#[test]
fn a_zone_that_does_not_answer_is_told() {
    let snapshot = snapshot();
    for (name, qtype, expected) in [
        ("example.net.", A, "zone: no zone here holds the name: REFUSED"),
        (
            "www.broken.example.",
            A,
            "zone: broken.example. is broken, and there is no earlier version of it: SERVFAIL",
        ),
        ("example.com.", 41, "zone: this type is never asked for: FORMERR"),
    ] {
        assert_eq!(steps(&snapshot, name, qtype), [expected], "{name}");
    }
}

#[test]
fn each_hop_and_each_choice_is_told() {
    let snapshot = snapshot();
    let View::Served { zone, .. } = snapshot.zone(0).expect("it is there") else { panic!() };
    (0..10).for_each(|place| _ = zone.rotations.get(place).advance(4));
    let web = [
        "name: www.example.com. has A from a pool",
        "pool: web: round_robin, up to 2 addresses in an answer",
        "eligible: 3 of 3 addresses in service",
        "draw: turn 4 of the rotation, from 192.0.2.2 on",
        "count: 2 of 3 addresses",
        "ttl: 5 s: web-2 can be down in 2 seconds, and this is the least",
    ];
    let chain = [
        "name: x.pages.example.com. (by *.pages.example.com.) is a CNAME to alias.example.com.",
        "name: alias.example.com. is a CNAME to www.example.com.",
    ];
    let dice = [
        "pool: dice: random, up to 8 addresses in an answer",
        "eligible: 2 of 2 addresses in service",
        "draw: by chance: all of them, in any order",
        "count: 1 of 1 address",
        "ttl: 30 s: every address is settled",
    ];
    let dname = "name: old.example.com. is a DNAME to pages.example.com.: x.old.example.com. becomes \
                 x.pages.example.com.";
    for (name, qtype, expected) in [
        ("www.example.com.", A, web.to_vec()),
        ("alias.example.com.", A, [&chain[1..], &web].concat()),
        ("x.old.example.com.", A, [&[dname], &chain[..], &web].concat()),
        (
            "dice.example.com.",
            AAAA,
            [&["name: dice.example.com. has AAAA from a pool"], &dice[..]].concat(),
        ),
        (
            "example.com.",
            AAAA,
            [
                &["name: example.com. is an alias of dice.example.com., which has AAAA from a pool"],
                &dice[..],
            ]
            .concat(),
        ),
        (
            "main.example.com.",
            A,
            vec![
                "name: main.example.com. has A from a pool",
                "pool: main: round_robin, up to 8 addresses in an answer",
                "eligible: 0 of 1 address in service",
                "panic: none is in service: what its fallback spare hands out",
                "draw: turn 4 of the rotation, from 192.0.2.9 on",
                "count: 1 of 1 address",
                "ttl: 30 s: every address is settled",
            ],
        ),
        (
            "none.example.com.",
            A,
            vec![
                "name: none.example.com. has A from a pool, which has none to hand out: NODATA",
                "pool: none: round_robin, up to 8 addresses in an answer",
                "eligible: 0 of 1 address in service",
                "panic: none is in service: nothing (when_all_down: none)",
            ],
        ),
        (
            "all.example.com.",
            A,
            vec![
                "name: all.example.com. has A from a pool",
                "pool: all: round_robin, up to 8 addresses in an answer",
                "eligible: 0 of 2 addresses in service",
                "panic: none is in service: every address, as a guess",
                "draw: turn 4 of the rotation, from 198.51.100.3 on",
                "count: 2 of 2 addresses",
                "ttl: 30 s: every address is settled",
            ],
        ),
    ] {
        assert_eq!(steps(&snapshot, name, qtype)[1..], expected, "{name}");
    }
}

#[test]
fn candidates_say_who_may_be_handed_out_and_who_was() {
    let snapshot = snapshot();
    let table = |name: &str| -> Vec<String> {
        let explained = explain(&snapshot, &question(name, A), &judge);
        let pools = explained.pools.iter().flat_map(|pool| {
            pool.candidates.iter().map(move |one| {
                let eligible = if one.eligible { "eligible" } else { "not" };
                let chosen = if one.chosen { ", chosen" } else { "" };
                let Candidate { backend, serves: Serves::Endpoint(endpoint), reason, .. } = one
                else {
                    panic!("a pool of addresses")
                };
                format!("{}/{backend} {endpoint} {eligible}{chosen}: {reason}", pool.pool)
            })
        });
        pools.collect()
    };
    assert_eq!(
        table("www.example.com."),
        [
            "web/web-1 192.0.2.1 eligible, chosen: 2 checks passed",
            "web/web-2 192.0.2.2 eligible, chosen: 2 checks passed",
            "web/web-3 192.0.2.3 eligible: 2 checks passed",
        ]
    );
    assert_eq!(
        table("main.example.com."),
        [
            "main/main-1 198.51.100.1 not: 3 checks failed",
            "spare/spare-1 192.0.2.9 eligible, chosen: 2 checks passed",
        ]
    );
    // What is of the other family can be in no answer of this one.
    assert_eq!(
        table("both.example.com."),
        [
            "both/both-1 192.0.2.1 eligible, chosen: 2 checks passed",
            "both/both-1 2001:db8::1 not: for AAAA alone; 2 checks passed",
            "both/both-2 2001:db8::2 not: has no IPv4 address; 2 checks passed",
        ]
    );
}

#[test]
fn records_are_printed_as_a_zone_file_has_them() {
    let snapshot = snapshot();
    let explained = |name, qtype| explain(&snapshot, &question(name, qtype), &judge);
    let answer = |name, qtype| explained(name, qtype).section(Section::Answer).collect::<Vec<_>>();
    assert_eq!(
        answer("x.pages.example.com.", A),
        [
            "x.pages.example.com. 3600 IN CNAME alias.example.com.",
            "alias.example.com. 3600 IN CNAME www.example.com.",
            "www.example.com. 5 IN A 192.0.2.1",
            "www.example.com. 5 IN A 192.0.2.2",
        ]
    );
    assert_eq!(
        answer("txt.example.com.", 16),
        [r#"txt.example.com. 3600 IN TXT "a \"quoted\" text""#]
    );
    let referral = explained("x.sub.example.com.", A);
    assert_eq!(referral.question, "x.sub.example.com. IN A");
    assert_eq!((referral.rcode.as_str(), referral.authoritative), ("NOERROR", false));
    let [authority, additional] = [Section::Authority, Section::Additional]
        .map(|section| referral.section(section).collect::<Vec<_>>());
    assert_eq!(authority, ["sub.example.com. 3600 IN NS ns.sub.example.com."]);
    assert_eq!(additional, ["ns.sub.example.com. 3600 IN A 192.0.2.54"]);
    assert_eq!(explained("gone.example.com.", A).rcode, "NXDOMAIN");
}

#[test]
fn the_answer_is_the_one_that_the_next_query_gets() {
    let snapshot = snapshot();
    let View::Served { zone, .. } = snapshot.zone(0).expect("it is there") else { panic!() };
    let names =
        ["www", "dice", "main", "none", "all", "alias", "x.old", "q.pages", "x.sub", "gone"];
    for turn in 0..12_u64 {
        for (name, qtype) in names.iter().flat_map(|name| [(name, A), (name, AAAA), (name, 255)]) {
            let question =
                Question { chance: turn, ..question(&format!("{name}.example.com."), qtype) };
            let Question { client, transport, .. } = question;
            let context = Context { client, transport, draw: turn, now: 0 };
            let mut out = vec![0; OUT_TCP];
            let query = question.to_query();
            let length = respond(&snapshot, &context, &query, &mut Plan::default(), &mut out);
            let explained = explain(&snapshot, &question, &judge);
            assert_eq!(explained.message, out[..length.expect("an answer")], "{name} {qtype}");
        }
        // One turn of each rotation: two for each name that has a pool.
        (0..10).for_each(|place| _ = zone.rotations.get(place).advance(1));
    }
}
