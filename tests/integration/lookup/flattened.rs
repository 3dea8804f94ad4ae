//! `alias:`, a name that answers A and AAAA with the addresses of another name of our zones.

use super::check;
use crate::world::{World, text, view_of};

/// The zone example.com of these lines below `records:`, beside the zone example.net.
fn world(records: &str, health: &str) -> World {
    let pool = "pools: {web: {ttl: 20s, min_ttl: 5s, when_all_down: none, backends: [192.0.2.1, 192.0.2.2, '2001:db8::1']}}";
    World::yaml(&format!("{pool}\nrecords:\n  www: {{pool: web}}\n{records}"), health)
        .and(World::of("example.net.", "www 60 CNAME far\nfar 90 A 192.0.2.9\nfar 90 A 192.0.2.10\nout CNAME www.example.com.\nsub NS ns.sub\nns.sub A 192.0.2.11\n*.w 40 A 192.0.2.12\nd DNAME w\n"))
        .and(World::broken("broken.example."))
}

#[test]
fn an_alias_answers_with_the_addresses_of_a_pool_and_turns_with_it() {
    let world = world("  '@': {alias: www, MX: 10 mail}\n", "");
    check(
        &world,
        &[
            (
                "example.com. A",
                "NOERROR aa | example.com. 20 A 192.0.2.1, example.com. 20 A 192.0.2.2",
            ),
            (
                "example.com. A +draw=1",
                "NOERROR aa | example.com. 20 A 192.0.2.2, example.com. 20 A 192.0.2.1",
            ),
            ("example.com. AAAA", "NOERROR aa | example.com. 20 AAAA 2001:db8::1"),
            ("example.com. MX", "NOERROR aa | example.com. 3600 MX 10 mail.example.com."),
            ("example.com. TXT", "NOERROR aa |  | SOA"),
            ("example.com. CNAME", "NOERROR aa |  | SOA"),
            ("EXAMPLE.com. AAAA", "NOERROR aa | EXAMPLE.com. 20 AAAA 2001:db8::1"),
        ],
    );
}

#[test]
fn an_alias_follows_health() {
    let records = "  '@': {alias: www}\n  a: {alias: '@'}\n";
    check(
        &world(records, "down 192.0.2.1 2001:db8::1"),
        &[
            ("example.com. A", "NOERROR aa | example.com. 20 A 192.0.2.2"),
            ("example.com. AAAA", "NOERROR aa |  | example.com. 5 SOA 7"),
            ("a.example.com. A", "NOERROR aa | a.example.com. 20 A 192.0.2.2"),
        ],
    );
    check(
        &world(records, "down 192.0.2.1 192.0.2.2 2001:db8::1"),
        &[
            ("example.com. A", "NOERROR aa |  | example.com. 5 SOA 7"),
            ("a.example.com. A", "NOERROR aa |  | example.com. 5 SOA 7"),
        ],
    );
    check(
        &world(records, "changing 192.0.2.1=9s"),
        &[(
            "a.example.com. A",
            "NOERROR aa | a.example.com. 9 A 192.0.2.1, a.example.com. 9 A 192.0.2.2",
        )],
    );
}

#[test]
fn an_alias_takes_the_least_ttl_of_what_leads_to_the_addresses() {
    let records = "  c: {CNAME: {ttl: 10s, values: www}}\n  a: {alias: c}\n  b: {alias: a}\n  s: {A: {ttl: 50s, values: 192.0.2.7}}\n  t: {alias: s}\n  far: {alias: www.example.net.}\n";
    check(
        &world(records, ""),
        &[
            (
                "a.example.com. A",
                "NOERROR aa | a.example.com. 10 A 192.0.2.1, a.example.com. 10 A 192.0.2.2",
            ),
            ("b.example.com. AAAA", "NOERROR aa | b.example.com. 10 AAAA 2001:db8::1"),
            ("t.example.com. A", "NOERROR aa | t.example.com. 50 A 192.0.2.7"),
            ("t.example.com. AAAA", "NOERROR aa |  | SOA"),
            // In another of our zones, through a CNAME of that zone.
            (
                "far.example.com. A",
                "NOERROR aa | far.example.com. 60 A 192.0.2.9, far.example.com. 60 A 192.0.2.10",
            ),
        ],
    );
}

#[test]
fn an_alias_leads_through_cnames_wildcards_and_dnames() {
    let records = "  a: {alias: x.w.example.net.}\n  b: {alias: x.d.example.net.}\n  '*.z': {alias: www}\n  c: {CNAME: a}\n  d: {alias: q.z}\n";
    check(
        &world(records, ""),
        &[
            ("a.example.com. A", "NOERROR aa | a.example.com. 40 A 192.0.2.12"),
            ("b.example.com. A", "NOERROR aa | b.example.com. 40 A 192.0.2.12"),
            ("p.z.example.com. AAAA", "NOERROR aa | p.z.example.com. 20 AAAA 2001:db8::1"),
            ("d.example.com. AAAA", "NOERROR aa | d.example.com. 20 AAAA 2001:db8::1"),
            (
                "c.example.com. A",
                "NOERROR aa | c.example.com. 3600 CNAME a.example.com., a.example.com. 40 A 192.0.2.12",
            ),
        ],
    );
}

/// The places of RRsets are those of one zone, and those of another may have the same numbers.
#[test]
fn a_dname_that_leads_to_an_alias_is_not_taken_for_one_behind_it() {
    for number in 100..300 {
        let body = format!(
            "records:\n  d{number}: {{DNAME: to}}\n  ns1: {{A: 192.0.2.53}}\n  x.to: {{alias: y.e{number}.example.net.}}\n"
        );
        let other = format!("e{number} 10 DNAME w\n*.w 40 A 192.0.2.12\n");
        let world = World::yaml(&body, "").and(World::of("example.net.", &other));
        let (owner, dname) =
            (format!("x.d{number}.example.com."), format!("d{number}.example.com."));
        let expected = format!(
            "NOERROR aa | {dname} 3600 DNAME to.example.com., {owner} 3600 CNAME x.to.example.com., x.to.example.com. 10 A 192.0.2.12"
        );
        check(&world, &[(&format!("{owner} A"), &expected)]);
    }
}

#[test]
fn an_alias_whose_target_is_not_there_has_no_data() {
    let records = "  gone: {alias: nothing}\n  far: {alias: nothing.example.net.}\n  ent: {alias: b}\n  a.b: {TXT: x}\n  c: {CNAME: gone}\n";
    check(
        &world(records, ""),
        &[
            ("gone.example.com. A", "NOERROR aa |  | SOA"),
            ("gone.example.com. AAAA", "NOERROR aa |  | SOA"),
            ("far.example.com. A", "NOERROR aa |  | SOA"),
            ("ent.example.com. A", "NOERROR aa |  | SOA"),
            ("c.example.com. A", "NOERROR aa | c.example.com. 3600 CNAME gone.example.com. | SOA"),
        ],
    );
}

#[test]
fn an_alias_that_nobody_here_can_follow_is_servfail_for_addresses_alone() {
    let records = "  out: {alias: www.example.org., TXT: x}\n  c: {CNAME: out}\n  cut: {alias: ns.sub.example.net.}\n  on: {alias: out.example.net.}\n  bad: {alias: www.broken.example.}\n";
    check(
        &world(records, ""),
        &[
            ("out.example.com. A", "SERVFAIL"),
            ("out.example.com. AAAA", "SERVFAIL"),
            ("out.example.com. TXT", "NOERROR aa | out.example.com. 3600 TXT x"),
            ("out.example.com. MX", "NOERROR aa |  | SOA"),
            ("c.example.com. A", "SERVFAIL"),
            // What a delegation hides is not ours; a chain that leaves its zone is not followed.
            ("cut.example.com. A", "SERVFAIL"),
            ("on.example.com. A", "SERVFAIL"),
            ("bad.example.com. A", "SERVFAIL"),
        ],
    );
}

#[test]
fn aliases_in_a_circle_end() {
    let long = text((0..17).map(|at| format!("  n{at}: {{alias: n{}}}\n", at + 1)));
    let records = format!(
        "  self: {{alias: self}}\n  a: {{alias: b}}\n  b: {{alias: c}}\n  c: {{CNAME: a}}\n{long}  n17: {{A: 192.0.2.7}}\n"
    );
    check(
        &world(&records, ""),
        &[
            ("self.example.com. A", "SERVFAIL"),
            ("a.example.com. A", "SERVFAIL"),
            ("c.example.com. AAAA", "SERVFAIL"),
            // Sixteen are followed.
            ("n0.example.com. A", "SERVFAIL"),
            ("n1.example.com. A", "NOERROR aa | n1.example.com. 3600 A 192.0.2.7"),
        ],
    );
}

#[test]
fn any_and_glue_know_aliases() {
    let records = "  a: {alias: www, TXT: x}\n  none: {alias: nothing, TXT: x}\n  ns1: {alias: www}\n  sub: {NS: ns1}\n  six: {alias: only6}\n  only6: {AAAA: '2001:db8::6'}\n";
    check(
        &world(records, ""),
        &[
            (
                "a.example.com. ANY",
                "NOERROR aa | a.example.com. 20 A 192.0.2.1, a.example.com. 20 A 192.0.2.2",
            ),
            ("none.example.com. ANY", "NOERROR aa | none.example.com. 3600 TXT x"),
            ("six.example.com. ANY", "NOERROR aa | six.example.com. 3600 AAAA 2001:db8::6"),
            (
                "x.sub.example.com. A",
                "NOERROR |  | sub.example.com. 3600 NS ns1.example.com. | ns1.example.com. 20 A 192.0.2.1, ns1.example.com. 20 A 192.0.2.2, ns1.example.com. 20 AAAA 2001:db8::1",
            ),
        ],
    );
}

#[test]
fn a_written_zone_has_the_addresses_that_an_alias_stands_for_now() {
    let world = world(
        "  '@': {alias: c}\n  c: {CNAME: {ttl: 10s, values: www}}\n  out: {alias: a.}\n",
        "down 192.0.2.1",
    );
    let snapshot = world.snapshot();
    let zone = view_of(&snapshot, "example.com.");
    let shown = |alias| {
        let sets = rotadns::engine::alias::addresses(&snapshot, alias);
        let text = |set: rotadns::config::model::RrSet| {
            let rdata =
                set.rdata.iter().map(|rdata| rotadns::rdata::print(set.rtype, rdata).to_string());
            format!("{} {} {}", set.owner, set.ttl, rdata.collect::<Vec<_>>().join(" "))
        };
        sets.into_iter().map(text).collect::<Vec<_>>()
    };
    let shown: Vec<_> = zone.aliases.iter().map(shown).collect();
    let expected =
        vec!["example.com. 10 192.0.2.2".to_owned(), "example.com. 10 2001:db8::1".to_owned()];
    assert_eq!(shown, [expected, vec![]]);
}
