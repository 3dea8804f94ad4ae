//! The algorithm of RFC 1034 §4.3.2, case by case.
//!
//! Names that are said to be there or not are those of the zone text right above the rows.

mod aliases;
mod delegations;
mod examples;
mod flattened;
mod wildcards;

use crate::world::{World, build};

const SOA: &str = "example.com. 300 SOA 7";

fn world(records: &str) -> World {
    World::of("example.com.", records)
}

/// Compares answers that end in the zone's SOA, which stands for itself as `SOA` in the rows.
#[track_caller]
fn check(world: &World, rows: &[(&str, &str)]) {
    for (question, expected) in rows {
        let expected = expected.replace("| SOA", &format!("| {SOA}"));
        assert_eq!(world.ask(question), expected, "\nquestion: {question}");
    }
}

#[test]
fn rfc1034_4_3_2_data_no_data_and_no_name() {
    let world = world("www 300 A 192.0.2.1\nwww 300 A 192.0.2.2\nwww 60 TXT \"a b\"\n");
    check(
        &world,
        &[
            (
                "www.example.com. A",
                "NOERROR aa | www.example.com. 300 A 192.0.2.1, www.example.com. 300 A 192.0.2.2",
            ),
            ("www.example.com. TXT", "NOERROR aa | www.example.com. 60 TXT a b"),
            ("www.example.com. AAAA", "NOERROR aa |  | SOA"),
            ("ww.example.com. A", "NXDOMAIN aa |  | SOA"),
            ("a.www.example.com. A", "NXDOMAIN aa |  | SOA"),
            ("example.com. NS", "NOERROR aa | example.com. 3600 NS ns1.example.com."),
            ("example.com. SOA", "NOERROR aa | example.com. 3600 SOA 7"),
            ("example.com. A", "NOERROR aa |  | SOA"),
            ("com. A", "REFUSED"),
            ("example.net. A", "REFUSED"),
            ("xexample.com. A", "REFUSED"),
            (". NS", "REFUSED"),
        ],
    );
}

#[test]
fn rfc4592_2_2_2_an_empty_non_terminal_exists() {
    check(
        &world("a.b.c A 192.0.2.1\n"),
        &[
            ("b.c.example.com. A", "NOERROR aa |  | SOA"),
            ("c.example.com. A", "NOERROR aa |  | SOA"),
            ("x.b.c.example.com. A", "NXDOMAIN aa |  | SOA"),
            ("x.c.example.com. A", "NXDOMAIN aa |  | SOA"),
        ],
    );
}

#[test]
fn rfc8020_2_no_name_means_that_nothing_is_below_it_either() {
    // Empty non-terminals above data, above a wildcard, above a cut and above glue below it.
    let world = world(
        "a.b.c.d A 192.0.2.1\n*.e.f TXT x\nsub.g.h NS ns.sub.g.h\nns.sub.g.h A 192.0.2.2\ni.j DNAME k\n",
    );
    for name in ["b.c.d", "c.d", "d", "e.f", "f", "g.h", "h", "j"] {
        check(&world, &[(&format!("{name}.example.com. A"), "NOERROR aa |  | SOA")]);
    }
    // Who heard that there is no `x.d` need not ask for anything below it.
    for name in ["x.d", "a.x.d", "b.c.x.d", "*.x.d", "x.f", "y.x.f", "x.h", "sub.x.h"] {
        check(&world, &[(&format!("{name}.example.com. A"), "NXDOMAIN aa |  | SOA")]);
    }
}

#[test]
fn addresses_that_nobody_asked_for_are_left_out() {
    // RFC 1035 §3.3 allows them; small answers are worth more.
    check(
        &world("@ MX 10 mail\nmail A 192.0.2.1\n_s._tcp SRV 0 0 1 mail\n"),
        &[
            ("example.com. MX", "NOERROR aa | example.com. 3600 MX 10 mail.example.com."),
            ("example.com. NS", "NOERROR aa | example.com. 3600 NS ns1.example.com."),
            (
                "_s._tcp.example.com. SRV",
                "NOERROR aa | _s._tcp.example.com. 3600 SRV 0 0 1 mail.example.com.",
            ),
        ],
    );
}

#[test]
fn rfc2308_3_and_5_the_soa_of_a_negative_answer_has_the_lesser_ttl() {
    for (ttl, minimum, expected) in [(60, 300, 60), (300, 60, 60), (60, 60, 60), (300, 0, 0)] {
        let text = format!("@ {ttl} SOA ns1 host 7 1 1 1 {minimum}\n@ 9 NS ns1\n");
        World::bare("example.com.", &text).check(&[
            ("gone.example.com. A", &format!("NXDOMAIN aa |  | example.com. {expected} SOA 7")),
            ("example.com. A", &format!("NOERROR aa |  | example.com. {expected} SOA 7")),
            ("example.com. SOA", &format!("NOERROR aa | example.com. {ttl} SOA 7")),
        ]);
    }
}

#[test]
fn rfc2181_5_2_an_rrset_has_one_ttl_the_lowest() {
    let world = world("a 600 A 192.0.2.1\na 60 A 192.0.2.2\na 300 A 192.0.2.3\na 7 TXT x\n");
    check(
        &world,
        &[
            (
                "a.example.com. A",
                "NOERROR aa | a.example.com. 60 A 192.0.2.1, a.example.com. 60 A 192.0.2.2, a.example.com. 60 A 192.0.2.3",
            ),
            ("a.example.com. TXT", "NOERROR aa | a.example.com. 7 TXT x"),
        ],
    );
}

#[test]
fn rfc2181_5_a_record_that_is_written_twice_is_one() {
    check(
        &world("a A 192.0.2.1\na A 192.0.2.2\na A 192.0.2.1\n"),
        &[(
            "a.example.com. A",
            "NOERROR aa | a.example.com. 3600 A 192.0.2.1, a.example.com. 3600 A 192.0.2.2",
        )],
    );
}

#[test]
fn rfc8482_4_1_any_gives_one_rrset() {
    let world = world("a TXT x\na A 192.0.2.1\na A 192.0.2.2\ne.ent A 192.0.2.3\n");
    check(
        &world,
        &[
            (
                "a.example.com. ANY",
                "NOERROR aa | a.example.com. 3600 A 192.0.2.1, a.example.com. 3600 A 192.0.2.2",
            ),
            (
                "a.example.com. ANY +tcp",
                "NOERROR aa | a.example.com. 3600 A 192.0.2.1, a.example.com. 3600 A 192.0.2.2",
            ),
            ("ent.example.com. ANY", "NOERROR aa |  | SOA"),
            ("gone.example.com. ANY", "NXDOMAIN aa |  | SOA"),
        ],
    );
}

#[test]
fn rfc1035_3_2_3_types_that_only_a_question_has() {
    check(
        &world("a A 192.0.2.1\nc CNAME a\n"),
        &[
            ("a.example.com. RRSIG", "NOERROR aa |  | SOA"),
            ("c.example.com. RRSIG", "NOERROR aa |  | SOA"),
            ("a.example.com. MAILA", "NOTIMP"),
            ("a.example.com. MAILB", "NOTIMP"),
            ("a.example.net. MAILB", "REFUSED"),
            // RFC 6891 §6.1.1, RFC 8945 §4.2: these stand in the additional section.
            ("a.example.com. OPT", "FORMERR"),
            ("a.example.com. TSIG", "FORMERR"),
            // RFC 3597 §5, RFC 6895 §3.1: a type that nobody knows is a type.
            ("a.example.com. TYPE65280", "NOERROR aa |  | SOA"),
        ],
    );
}

#[test]
fn rfc5936_4_2_axfr_over_udp_is_not_implemented() {
    check(
        &world("a A 192.0.2.1\n"),
        &[
            ("example.com. AXFR", "NOTIMP"),
            ("example.com. AXFR +edns=4096", "NOTIMP edns=1232"),
            ("a.example.com. AXFR", "NOTIMP"),
            ("example.net. AXFR", "REFUSED"),
            // Over TCP it takes leave.
            ("example.com. AXFR +tcp", "REFUSED"),
        ],
    );
}

#[test]
fn rfc1995_2_ixfr_over_udp_is_the_soa_alone() {
    // Which says that TCP is wanted, or that there is nothing new.
    let soa = "example.com. 3600 SOA 7";
    check(
        &world("a A 192.0.2.1\n"),
        &[
            ("example.com. IXFR", &format!("NOERROR aa | {soa}")),
            ("example.com. IXFR +edns", &format!("NOERROR aa edns=1232 | {soa}")),
            ("a.example.com. IXFR", "NOERROR aa |  | SOA"),
            ("gone.example.com. IXFR", "NXDOMAIN aa |  | SOA"),
            ("example.com. IXFR +tcp", "REFUSED"),
        ],
    );
}

#[test]
fn rfc5936_2_2_1_of_a_zone_that_is_not_served_nothing_is_transferred() {
    // One that did not load, or has expired.
    for world in [World::broken("example.com."), World::expired("example.com.")] {
        world.check(&[
            ("example.com. SOA", "SERVFAIL"),
            ("example.com. IXFR", "SERVFAIL"),
            ("example.com. AXFR", "SERVFAIL"),
        ]);
    }
}

#[test]
fn rfc1035_3_2_4_classes() {
    check(
        &world("a A 192.0.2.1\nsub NS ns.example.net.\n"),
        &[
            ("a.example.com. A ANY", "NOERROR | a.example.com. 3600 A 192.0.2.1"),
            ("gone.example.com. A ANY", "NXDOMAIN |  | SOA"),
            ("sub.example.com. A ANY", "NOERROR |  | sub.example.com. 3600 NS ns.example.net."),
            ("a.example.com. A CH", "REFUSED"),
            ("version.bind. TXT CH", "REFUSED"),
            ("a.example.com. A HS", "REFUSED"),
            ("a.example.com. A NONE", "REFUSED"),
        ],
    );
}

#[test]
fn the_root_is_a_zone_like_any_other() {
    let world = World::bare(
        ".",
        "@ 60 SOA ns.net. host. 7 1 1 1 30\n@ 60 NS ns.net.\nns.net. 60 A 192.0.2.53\ncom. 60 NS a.com.\ncom. 60 NS ns.net.\na.com. 60 A 192.0.2.1\nalias. 60 CNAME ns.net.\nd. 60 DNAME net.\n* 60 TXT wild\n",
    );
    let soa = ". 30 SOA 7";
    world.check(&[
        (". SOA", "NOERROR aa | . 60 SOA 7"),
        (". NS", "NOERROR aa | . 60 NS ns.net."),
        (". A", &format!("NOERROR aa |  | {soa}")),
        ("net. A", &format!("NOERROR aa |  | {soa}")),
        ("gone.net. A", &format!("NXDOMAIN aa |  | {soa}")),
        (". DS", &format!("NOERROR aa |  | {soa}")),
        ("alias. A", "NOERROR aa | alias. 60 CNAME ns.net., ns.net. 60 A 192.0.2.53"),
        ("ns.d. A", "NOERROR aa | d. 60 DNAME net., ns.d. 60 CNAME ns.net., ns.net. 60 A 192.0.2.53"),
        ("x.y. TXT", "NOERROR aa | x.y. 60 TXT wild"),
        ("www.com. A", "NOERROR |  | com. 60 NS a.com., com. 60 NS ns.net. | a.com. 60 A 192.0.2.1, ns.net. 60 A 192.0.2.53"),
    ]);
}

#[test]
fn a_zone_of_one_label() {
    World::of("com.", "a A 192.0.2.1\nb CNAME a\nc NS ns.c\nns.c A 192.0.2.2\n").check(&[
        ("a.com. A", "NOERROR aa | a.com. 3600 A 192.0.2.1"),
        ("b.com. A", "NOERROR aa | b.com. 3600 CNAME a.com., a.com. 3600 A 192.0.2.1"),
        ("x.c.com. A", "NOERROR |  | c.com. 3600 NS ns.c.com. | ns.c.com. 3600 A 192.0.2.2"),
        ("x.com. A", "NXDOMAIN aa |  | com. 300 SOA 7"),
        ("com. DS", "NOERROR aa |  | com. 300 SOA 7"),
    ]);
}

#[test]
fn rfc1035_2_3_4_names_of_255_bytes_and_labels_of_63() {
    let label = "l".repeat(63);
    // 3 × 64 + 50 + 13 = 255.
    let longest = format!("{label}.{label}.{label}.{}.example.com.", "m".repeat(49));
    let world = world(&format!("{longest} A 192.0.2.1\nc CNAME {longest}\n*.w CNAME {longest}\n"));
    check(
        &world,
        &[
            (&format!("{longest} A"), &format!("NOERROR aa | {longest} 3600 A 192.0.2.1")),
            (&format!("{longest} TXT"), "NOERROR aa |  | SOA"),
            (
                "c.example.com. A",
                &format!(
                    "NOERROR aa | c.example.com. 3600 CNAME {longest}, {longest} 3600 A 192.0.2.1"
                ),
            ),
            (&format!("{label}.example.com. A"), "NXDOMAIN aa |  | SOA"),
        ],
    );
    // 127 labels of one byte.
    let deep = "a.".repeat(125) + "example.";
    let many = "x.".repeat(127);
    assert_eq!(world.ask(&format!("{many} A")), "REFUSED");
    assert!(deep.len() < 260);
    let root =
        World::bare(".", &format!("@ 60 SOA . . 7 1 1 1 30\n@ 60 NS ns.\n{many} 60 A 192.0.2.1\n"));
    root.check(&[
        (&format!("{many} A"), &format!("NOERROR aa | {many} 60 A 192.0.2.1")),
        (&format!("{} A", &many[2..]), "NOERROR aa |  | . 30 SOA 7"),
    ]);
}

#[test]
fn rfc1035_2_3_4_a_wildcard_and_a_dname_fill_a_name_to_the_last_byte() {
    let label = "l".repeat(63);
    let world = world(&format!("*.w A 192.0.2.1\nd DNAME {label}.{label}.t\n*.t TXT x\n"));
    // 3 × 64 + 48 + 2 + 13 = 255.
    let below = format!("{label}.{label}.{label}.{}.w.example.com.", "m".repeat(47));
    // 2 × 64 + 2 + 13 are the target; 64 + 48 more make 255.
    let long = format!("{label}.{}", "p".repeat(47));
    let too_long = format!("{label}.{}", "p".repeat(48));
    let dname = format!("d.example.com. 3600 DNAME {label}.{label}.t.example.com.");
    check(
        &world,
        &[
            (&format!("{below} A"), &format!("NOERROR aa | {below} 3600 A 192.0.2.1")),
            (
                &format!("{long}.d.example.com. TXT +tcp"),
                &format!(
                    "NOERROR aa | {dname}, {long}.d.example.com. 3600 CNAME {long}.{label}.{label}.t.example.com., {long}.{label}.{label}.t.example.com. 3600 TXT x"
                ),
            ),
            (&format!("{too_long}.d.example.com. TXT"), &format!("YXDOMAIN aa | {dname}")),
        ],
    );
}

#[test]
fn rfc2181_11_escaped_dots_are_no_ends_of_labels() {
    let world = world(
        "a\\.b A 192.0.2.1\n*.c\\.d A 192.0.2.2\ne CNAME a\\.b\nf\\.g DNAME h\nx.h A 192.0.2.3\ns\\.u NS ns.s\\.u\nns.s\\.u A 192.0.2.4\n",
    );
    check(
        &world,
        &[
            ("x.c\\.d.example.com. A", "NOERROR aa | x.c\\.d.example.com. 3600 A 192.0.2.2"),
            ("x.c.d.example.com. A", "NXDOMAIN aa |  | SOA"),
            (
                "e.example.com. A",
                "NOERROR aa | e.example.com. 3600 CNAME a\\.b.example.com., a\\.b.example.com. 3600 A 192.0.2.1",
            ),
            (
                "x.f\\.g.example.com. A",
                "NOERROR aa | f\\.g.example.com. 3600 DNAME h.example.com., x.f\\.g.example.com. 3600 CNAME x.h.example.com., x.h.example.com. 3600 A 192.0.2.3",
            ),
            ("x.f.g.example.com. A", "NXDOMAIN aa |  | SOA"),
            (
                "www.s\\.u.example.com. A",
                "NOERROR |  | s\\.u.example.com. 3600 NS ns.s\\.u.example.com. | ns.s\\.u.example.com. 3600 A 192.0.2.4",
            ),
        ],
    );
}

#[test]
fn rfc2181_11_any_byte_may_stand_in_a_label() {
    let world = world(
        "a\\.b A 192.0.2.1\n\\228\\000\\255 A 192.0.2.2\nsp\\032ace A 192.0.2.3\n\\196 A 192.0.2.4\n",
    );
    check(
        &world,
        &[
            ("a\\.b.example.com. A", "NOERROR aa | a\\.b.example.com. 3600 A 192.0.2.1"),
            ("a.b.example.com. A", "NXDOMAIN aa |  | SOA"),
            (
                "\\228\\000\\255.example.com. A",
                "NOERROR aa | \\228\\000\\255.example.com. 3600 A 192.0.2.2",
            ),
            ("sp\\032ace.example.com. A", "NOERROR aa | sp\\032ace.example.com. 3600 A 192.0.2.3"),
            // RFC 4343 §3: case is a matter of ASCII; Ä and ä of Latin-1 are two.
            ("\\196.example.com. A", "NOERROR aa | \\196.example.com. 3600 A 192.0.2.4"),
            ("\\228.example.com. A", "NXDOMAIN aa |  | SOA"),
        ],
    );
}

#[test]
fn practice_a_zone_that_could_not_be_read_is_servfail() {
    let world = World::broken("example.com.").and(World::of("sub.example.com.", "a A 192.0.2.1\n"));
    check(
        &world,
        &[
            ("www.example.com. A", "SERVFAIL"),
            ("a.sub.example.com. A", "NOERROR aa | a.sub.example.com. 3600 A 192.0.2.1"),
            ("example.net. A", "REFUSED"),
        ],
    );
}

#[test]
fn rfc2308_2_the_whole_soa_stands_in_a_negative_answer() {
    let text = "@ 60 SOA Ns1 Host.Master 4294967295 1 2 3 4\n@ 9 NS ns1\n";
    let bytes = World::bare("example.com.", text).bytes("gone.example.com. A");
    let message = crate::world::decode(&bytes);
    assert_eq!(
        message.authorities[0].data.to_string(),
        "Ns1.example.com. Host.Master.example.com. 4294967295 1 2 3 4"
    );
}

#[test]
fn a_zone_of_thousands_of_names_answers_each() {
    let records = crate::world::text(
        (0..5000).map(|at| format!("n{at}.d{} A 10.0.{}.{}\n", at % 7, at / 256, at % 256)),
    );
    let (zone, _) = build("example.com.", (crate::world::HEAD.to_owned() + &records).as_bytes())
        .expect("the zone has no mistakes");
    assert_eq!(zone.names, 5002);
    let world = world(&records);
    for at in (0..5000).step_by(97) {
        let name = format!("n{at}.d{}.example.com.", at % 7);
        check(
            &world,
            &[
                (
                    &format!("{name} A"),
                    &format!("NOERROR aa | {name} 3600 A 10.0.{}.{}", at / 256, at % 256),
                ),
                (&format!("x{name} A"), "NXDOMAIN aa |  | SOA"),
            ],
        );
    }
}
