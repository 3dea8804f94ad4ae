//! The algorithm of RFC 1034 §4.3.2, case by case.
//!
//! Names that are said to be there or not are those of the zone text right above the rows.

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
fn rfc1034_4_3_2_a_chain_of_cnames_is_followed_inside_the_zone() {
    let world = world("a CNAME b\nb 60 CNAME c.x\nc.x A 192.0.2.1\nout CNAME www.example.net.\n");
    check(
        &world,
        &[
            (
                "a.example.com. A",
                "NOERROR aa | a.example.com. 3600 CNAME b.example.com., b.example.com. 60 CNAME c.x.example.com., c.x.example.com. 3600 A 192.0.2.1",
            ),
            (
                "b.example.com. A",
                "NOERROR aa | b.example.com. 60 CNAME c.x.example.com., c.x.example.com. 3600 A 192.0.2.1",
            ),
            ("out.example.com. A", "NOERROR aa | out.example.com. 3600 CNAME www.example.net."),
        ],
    );
}

#[test]
fn rfc2308_2_1_a_chain_that_ends_in_no_name_is_nxdomain() {
    // RFC 6604 §3: the response code is that of the last name.
    check(
        &world("a CNAME b\nb CNAME gone\n"),
        &[(
            "a.example.com. A",
            "NXDOMAIN aa | a.example.com. 3600 CNAME b.example.com., b.example.com. 3600 CNAME gone.example.com. | SOA",
        )],
    );
}

#[test]
fn rfc2308_2_2_a_chain_that_ends_in_no_data() {
    check(
        &world("a CNAME ns1\n"),
        &[("a.example.com. AAAA", "NOERROR aa | a.example.com. 3600 CNAME ns1.example.com. | SOA")],
    );
}

#[test]
fn rfc1034_4_3_2_a_chain_is_not_followed_into_another_zone_of_ours() {
    let world = world("a CNAME www.example.net.\nb CNAME www.sub\n")
        .and(World::of("example.net.", "www A 192.0.2.1\n"))
        .and(World::of("sub.example.com.", "www A 192.0.2.2\n"));
    check(
        &world,
        &[
            ("a.example.com. A", "NOERROR aa | a.example.com. 3600 CNAME www.example.net."),
            ("www.example.net. A", "NOERROR aa | www.example.net. 3600 A 192.0.2.1"),
        ],
    );
}

#[test]
fn rfc1034_3_6_2_a_chain_that_loops_is_given_up_to_the_loop() {
    let world = world("self CNAME self\na CNAME b\nb CNAME a\nin CNAME a\n*.w CNAME y.w\n");
    check(
        &world,
        &[
            ("self.example.com. A", "NOERROR aa | self.example.com. 3600 CNAME self.example.com."),
            (
                "a.example.com. A",
                "NOERROR aa | a.example.com. 3600 CNAME b.example.com., b.example.com. 3600 CNAME a.example.com.",
            ),
            (
                "in.example.com. A",
                "NOERROR aa | in.example.com. 3600 CNAME a.example.com., a.example.com. 3600 CNAME b.example.com., b.example.com. 3600 CNAME a.example.com.",
            ),
            // RFC 4592 §4.3: a wildcard CNAME whose target it covers itself.
            (
                "x.w.example.com. A",
                "NOERROR aa | x.w.example.com. 3600 CNAME y.w.example.com., y.w.example.com. 3600 CNAME y.w.example.com.",
            ),
            ("y.w.example.com. A", "NOERROR aa | y.w.example.com. 3600 CNAME y.w.example.com."),
        ],
    );
}

#[test]
fn a_chain_is_followed_sixteen_times() {
    let chain = |links: usize| {
        let links = (0..links).map(|at| format!("c{at} CNAME c{}\n", at + 1));
        let last = format!("c{} A 192.0.2.1\n", links.len());
        world(&(links.collect::<String>() + &last))
    };
    let answers = |links: usize| {
        let answer = chain(links).ask("c0.example.com. A +tcp");
        (answer.matches("CNAME").count(), answer.ends_with("A 192.0.2.1"))
    };
    assert_eq!(answers(15), (15, true));
    assert_eq!(answers(16), (16, true));
    // The resolver asks again for where the last one leads.
    let (cnames, is_whole) = answers(40);
    assert!((16..=17).contains(&cnames) && !is_whole, "{cnames}");
}

#[test]
fn rfc1034_3_6_2_a_cname_that_is_asked_for_is_not_followed() {
    check(
        &world("a CNAME b\nb CNAME ns1\nd DNAME t\nw.t A 192.0.2.1\n"),
        &[
            ("a.example.com. CNAME", "NOERROR aa | a.example.com. 3600 CNAME b.example.com."),
            ("a.example.com. ANY", "NOERROR aa | a.example.com. 3600 CNAME b.example.com."),
            // RFC 6672 §3.1: the same for one that a DNAME makes.
            (
                "w.d.example.com. CNAME",
                "NOERROR aa | d.example.com. 3600 DNAME t.example.com., w.d.example.com. 3600 CNAME w.t.example.com.",
            ),
            (
                "w.d.example.com. ANY",
                "NOERROR aa | d.example.com. 3600 DNAME t.example.com., w.d.example.com. 3600 CNAME w.t.example.com.",
            ),
        ],
    );
}

#[test]
fn rfc1034_4_3_2_a_cname_into_a_delegation_brings_the_referral() {
    check(
        &world("a CNAME www.sub\nsub NS ns.sub\nns.sub A 192.0.2.9\n"),
        &[(
            "a.example.com. A",
            "NOERROR aa | a.example.com. 3600 CNAME www.sub.example.com. | sub.example.com. 3600 NS ns.sub.example.com. | ns.sub.example.com. 3600 A 192.0.2.9",
        )],
    );
}

#[test]
fn rfc4592_2_2_2_an_empty_non_terminal_exists() {
    // RFC 8020 §2: below a name that does not exist there is nothing.
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

/// The zone of RFC 4592 §2.2.1, delegation and all.
const RFC4592: &str = "* 3600 TXT \"this is a wildcard\"
* 3600 MX 10 host1
sub.* 3600 TXT \"this is not a wildcard\"
host1 3600 A 192.0.2.1
_ssh._tcp.host1 3600 SRV 0 0 22 host1
_ssh._tcp.host2 3600 SRV 0 0 22 host1
subdel 3600 NS ns.example.com.
";

#[test]
fn rfc4592_2_2_1_the_closest_encloser_decides() {
    let world = World::of("example.", RFC4592);
    let soa = "example. 300 SOA 7";
    let rows = [
        ("host3.example. MX", "NOERROR aa | host3.example. 3600 MX 10 host1.example."),
        ("host3.example. A", "NOERROR aa |  | SOA"),
        ("foo.bar.example. TXT", "NOERROR aa | foo.bar.example. 3600 TXT this is a wildcard"),
        ("host1.example. MX", "NOERROR aa |  | SOA"),
        ("sub.*.example. MX", "NOERROR aa |  | SOA"),
        ("_telnet._tcp.host1.example. SRV", "NXDOMAIN aa |  | SOA"),
        ("host.subdel.example. A", "NOERROR |  | subdel.example. 3600 NS ns.example.com."),
        ("ghost.*.example. MX", "NXDOMAIN aa |  | SOA"),
        // An empty non-terminal stops the wildcard as well.
        ("host2.example. MX", "NOERROR aa |  | SOA"),
    ];
    for (question, expected) in rows {
        assert_eq!(world.ask(question), expected.replace("SOA", soa), "{question}");
    }
}

#[test]
fn rfc4592_2_3_a_wildcard_label_asked_itself_answers_itself() {
    let world = World::of("example.", RFC4592);
    world.check(&[
        ("*.example. TXT", "NOERROR aa | *.example. 3600 TXT this is a wildcard"),
        ("sub.*.example. TXT", "NOERROR aa | sub.*.example. 3600 TXT this is not a wildcard"),
    ]);
}

#[test]
fn rfc4592_4_9_a_wildcard_that_is_an_empty_non_terminal_makes_no_data() {
    check(
        &world("a.* A 192.0.2.1\n"),
        &[
            ("a.*.example.com. A", "NOERROR aa | a.*.example.com. 3600 A 192.0.2.1"),
            ("*.example.com. A", "NOERROR aa |  | SOA"),
            ("b.example.com. A", "NOERROR aa |  | SOA"),
            ("a.b.example.com. A", "NOERROR aa |  | SOA"),
        ],
    );
}

#[test]
fn rfc4592_3_3_1_wildcards_at_many_depths() {
    check(
        &world("* A 192.0.2.1\n*.a A 192.0.2.2\n*.b.a A 192.0.2.3\nx.y.b.a A 192.0.2.4\n"),
        &[
            ("q.example.com. A", "NOERROR aa | q.example.com. 3600 A 192.0.2.1"),
            ("p.q.example.com. A", "NOERROR aa | p.q.example.com. 3600 A 192.0.2.1"),
            ("a.example.com. A", "NOERROR aa |  | SOA"),
            ("q.a.example.com. A", "NOERROR aa | q.a.example.com. 3600 A 192.0.2.2"),
            ("p.q.a.example.com. A", "NOERROR aa | p.q.a.example.com. 3600 A 192.0.2.2"),
            ("b.a.example.com. A", "NOERROR aa |  | SOA"),
            ("q.b.a.example.com. A", "NOERROR aa | q.b.a.example.com. 3600 A 192.0.2.3"),
            ("y.b.a.example.com. A", "NOERROR aa |  | SOA"),
            ("q.y.b.a.example.com. A", "NXDOMAIN aa |  | SOA"),
            ("x.y.b.a.example.com. A", "NOERROR aa | x.y.b.a.example.com. 3600 A 192.0.2.4"),
            // A wildcard does not cover names below itself.
            ("q.*.a.example.com. A", "NXDOMAIN aa |  | SOA"),
        ],
    );
}

#[test]
fn rfc4592_3_3_3_a_wildcard_cname_is_made_and_chased() {
    check(
        &world("*.to CNAME ns1\n*.gone CNAME nothing\n*.out CNAME www.example.net.\n"),
        &[
            (
                "a.to.example.com. A",
                "NOERROR aa | a.to.example.com. 3600 CNAME ns1.example.com., ns1.example.com. 3600 A 192.0.2.53",
            ),
            (
                "a.to.example.com. CNAME",
                "NOERROR aa | a.to.example.com. 3600 CNAME ns1.example.com.",
            ),
            (
                "a.gone.example.com. A",
                "NXDOMAIN aa | a.gone.example.com. 3600 CNAME nothing.example.com. | SOA",
            ),
            ("a.out.example.com. A", "NOERROR aa | a.out.example.com. 3600 CNAME www.example.net."),
        ],
    );
}

#[test]
fn rfc4592_4_2_ns_at_a_wildcard_is_data_and_no_referral() {
    check(
        &world("*.w NS ns1\n"),
        &[
            ("a.w.example.com. NS", "NOERROR aa | a.w.example.com. 3600 NS ns1.example.com."),
            ("a.w.example.com. A", "NOERROR aa |  | SOA"),
            ("b.a.w.example.com. A", "NOERROR aa |  | SOA"),
            ("*.w.example.com. NS", "NOERROR aa | *.w.example.com. 3600 NS ns1.example.com."),
            ("*.w.example.com. A", "NOERROR aa |  | SOA"),
        ],
    );
}

#[test]
fn rfc6672_2_2_below_a_dname_names_are_put_under_its_target() {
    let world = world("d 60 DNAME t\nw.t A 192.0.2.1\nd A 192.0.2.2\no DNAME example.net.\n");
    check(
        &world,
        &[
            // RFC 6672 §3.1: the CNAME's TTL is the DNAME's.
            (
                "w.d.example.com. A",
                "NOERROR aa | d.example.com. 60 DNAME t.example.com., w.d.example.com. 60 CNAME w.t.example.com., w.t.example.com. 3600 A 192.0.2.1",
            ),
            (
                "x.d.example.com. A",
                "NXDOMAIN aa | d.example.com. 60 DNAME t.example.com., x.d.example.com. 60 CNAME x.t.example.com. | SOA",
            ),
            (
                "w.d.example.com. DNAME",
                "NOERROR aa | d.example.com. 60 DNAME t.example.com., w.d.example.com. 60 CNAME w.t.example.com. | SOA",
            ),
            (
                "a.b.o.example.com. A",
                "NOERROR aa | o.example.com. 3600 DNAME example.net., a.b.o.example.com. 3600 CNAME a.b.example.net.",
            ),
            // RFC 6672 §2.3: at the DNAME's own name, its own data.
            ("d.example.com. A", "NOERROR aa | d.example.com. 3600 A 192.0.2.2"),
            ("d.example.com. DNAME", "NOERROR aa | d.example.com. 60 DNAME t.example.com."),
            ("d.example.com. TXT", "NOERROR aa |  | SOA"),
        ],
    );
}

#[test]
fn rfc6672_2_3_a_dname_at_the_apex() {
    let world = world("@ DNAME example.net.\n");
    check(
        &world,
        &[
            ("example.com. DNAME", "NOERROR aa | example.com. 3600 DNAME example.net."),
            ("example.com. A", "NOERROR aa |  | SOA"),
            (
                "www.example.com. A",
                "NOERROR aa | example.com. 3600 DNAME example.net., www.example.com. 3600 CNAME www.example.net.",
            ),
            // RFC 6672 §2.4: what stands below is hidden.
            (
                "ns1.example.com. A",
                "NOERROR aa | example.com. 3600 DNAME example.net., ns1.example.com. 3600 CNAME ns1.example.net.",
            ),
        ],
    );
}

#[test]
fn rfc6672_3_2_dnames_chain_and_follow_cnames() {
    let world = world("a DNAME b\nb DNAME c\nw.c A 192.0.2.1\nin CNAME w.a\nloop DNAME x.loop\n");
    check(
        &world,
        &[
            (
                "w.a.example.com. A",
                "NOERROR aa | a.example.com. 3600 DNAME b.example.com., w.a.example.com. 3600 CNAME w.b.example.com., b.example.com. 3600 DNAME c.example.com., w.b.example.com. 3600 CNAME w.c.example.com., w.c.example.com. 3600 A 192.0.2.1",
            ),
            (
                "in.example.com. A",
                "NOERROR aa | in.example.com. 3600 CNAME w.a.example.com., a.example.com. 3600 DNAME b.example.com., w.a.example.com. 3600 CNAME w.b.example.com., b.example.com. 3600 DNAME c.example.com., w.b.example.com. 3600 CNAME w.c.example.com., w.c.example.com. 3600 A 192.0.2.1",
            ),
        ],
    );
    // A name that grows with each turn comes to the bound.
    let answer = world.ask("w.loop.example.com. A +tcp");
    assert!(answer.starts_with("NOERROR aa | loop.example.com. 3600 DNAME"), "{answer}");
    assert!(answer.matches("CNAME").count() <= 17, "{answer}");
}

#[test]
fn rfc6672_2_2_a_name_that_gets_too_long_is_yxdomain() {
    let label = "l".repeat(63);
    let world = world(&format!("d DNAME {label}.{label}.{label}.example.com.\n"));
    let fits = format!("{}.d.example.com.", "p".repeat(49));
    let answer = world.ask(&format!("{fits} A +tcp"));
    assert!(answer.starts_with("NXDOMAIN aa | d.example.com. 3600 DNAME"), "{answer}");
    assert!(answer.contains(&format!("{fits} 3600 CNAME")), "{answer}");
    // 3 × 64 + 13 bytes are the target; 50 + 1 more make 256.
    let too_long = format!("{}.d.example.com.", "p".repeat(50));
    assert_eq!(
        world.ask(&format!("{too_long} A")),
        format!("YXDOMAIN aa | d.example.com. 3600 DNAME {label}.{label}.{label}.example.com.")
    );
}

const DELEGATION: &str = "sub 600 NS ns.sub
sub 600 NS ns.far.example.net.
sub 600 DS 1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
ns.sub 600 A 192.0.2.9
ns.sub 600 AAAA 2001:db8::9
www.sub A 192.0.2.10
plain NS ns.example.net.
";

#[test]
fn rfc1034_4_2_1_at_and_below_a_cut_there_are_referrals() {
    let referral = "NOERROR |  | sub.example.com. 600 NS ns.sub.example.com., sub.example.com. 600 NS ns.far.example.net. | ns.sub.example.com. 600 A 192.0.2.9, ns.sub.example.com. 600 AAAA 2001:db8::9";
    check(
        &world(DELEGATION),
        &[
            ("sub.example.com. A", referral),
            // RFC 2181 §6.1: the child's data, NS at the cut too, are not the parent's to answer.
            ("sub.example.com. NS", referral),
            ("sub.example.com. ANY", referral),
            ("gone.sub.example.com. A", referral),
            ("ns.sub.example.com. A", referral),
            // RFC 2136 §7.18: what stands below a cut is hidden.
            ("www.sub.example.com. A", referral),
            ("www.sub.example.com. DS", referral),
            ("a.b.plain.example.com. A", "NOERROR |  | plain.example.com. 3600 NS ns.example.net."),
        ],
    );
}

#[test]
fn rfc4035_3_1_4_1_ds_is_the_parents() {
    let ds = "sub.example.com. 600 DS 1 8 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";
    let parent = world(DELEGATION);
    let child = World::of("sub.example.com.", "www A 192.0.2.11\n");
    let negative_of_child = "NOERROR aa |  | sub.example.com. 300 SOA 7";
    let starts = |world: &World, question: &str| {
        let answer = world.ask(question);
        assert!(answer.starts_with("NOERROR aa | sub.example.com. 600 DS "), "{answer}");
        assert!(!answer.contains("NS") && !answer.contains("SOA"), "{answer}, not {ds}");
    };
    starts(&parent, "sub.example.com. DS");
    check(
        &parent,
        &[
            ("plain.example.com. DS", "NOERROR aa |  | SOA"),
            ("example.com. DS", "NOERROR aa |  | SOA"),
        ],
    );
    check(&child, &[("sub.example.com. DS", negative_of_child)]);
    // RFC 1034 §4.3.2 step 2: the deepest zone answers, but for DS.
    let both = child.and(parent);
    starts(&both, "sub.example.com. DS");
    check(
        &both,
        &[
            ("www.sub.example.com. A", "NOERROR aa | www.sub.example.com. 3600 A 192.0.2.11"),
            ("www.sub.example.com. DS", negative_of_child),
            ("sub.example.com. NS", "NOERROR aa | sub.example.com. 3600 NS ns1.sub.example.com."),
            ("gone.sub.example.com. A", "NXDOMAIN aa |  | sub.example.com. 300 SOA 7"),
        ],
    );
}

#[test]
fn rfc9471_3_glue_below_the_cut_and_of_siblings_never_of_others() {
    let world = world(
        "a NS ns.a\na NS ns.b\na NS ns1\na NS ns.other.\nns.a A 192.0.2.1\nb NS ns.b\nns.b A 192.0.2.2\nself NS self\nself A 192.0.2.3\nlame NS gone.lame\nw NS q.wild\n*.wild A 192.0.2.4\n",
    ).and(World::of("other.", "ns A 192.0.2.99\n"));
    check(
        &world,
        &[
            // RFC 9471 §3.1: in-domain first; §3.2: siblings after it; other zones' never, ours or not.
            (
                "a.example.com. A",
                "NOERROR |  | a.example.com. 3600 NS ns.a.example.com., a.example.com. 3600 NS ns.b.example.com., a.example.com. 3600 NS ns1.example.com., a.example.com. 3600 NS ns.other. | ns.a.example.com. 3600 A 192.0.2.1, ns.b.example.com. 3600 A 192.0.2.2, ns1.example.com. 3600 A 192.0.2.53",
            ),
            (
                "x.self.example.com. A",
                "NOERROR |  | self.example.com. 3600 NS self.example.com. | self.example.com. 3600 A 192.0.2.3",
            ),
            (
                "lame.example.com. A",
                "NOERROR |  | lame.example.com. 3600 NS gone.lame.example.com.",
            ),
        ],
    );
}

#[test]
fn glue_is_found_whatever_the_case_it_is_written_in() {
    check(
        &world("sub NS NS.Sub\nns.sub A 192.0.2.1\n"),
        &[(
            "a.SUB.example.com. A",
            "NOERROR |  | SUB.example.com. 3600 NS NS.Sub.example.com. | NS.Sub.example.com. 3600 A 192.0.2.1",
        )],
    );
}

#[test]
fn rfc2136_7_18_and_rfc6672_2_4_occluded_data_is_never_answered() {
    check(
        &world(
            "sub NS ns.example.net.\na.sub NS ns.example.org.\nb.sub DNAME example.org.\nc.sub CNAME ns1\nd DNAME e\nw.d A 192.0.2.1\nw.e A 192.0.2.2\n",
        ),
        &[
            ("x.a.sub.example.com. A", "NOERROR |  | sub.example.com. 3600 NS ns.example.net."),
            ("x.b.sub.example.com. A", "NOERROR |  | sub.example.com. 3600 NS ns.example.net."),
            ("c.sub.example.com. A", "NOERROR |  | sub.example.com. 3600 NS ns.example.net."),
            (
                "w.d.example.com. A",
                "NOERROR aa | d.example.com. 3600 DNAME e.example.com., w.d.example.com. 3600 CNAME w.e.example.com., w.e.example.com. 3600 A 192.0.2.2",
            ),
        ],
    );
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
            // RFC 5936 §4.2: a transfer takes TCP, and leave.
            ("example.com. AXFR", "NOTIMP"),
            ("example.com. AXFR +tcp", "REFUSED"),
            ("example.com. IXFR +tcp", "REFUSED"),
            // RFC 1995 §2: over UDP the SOA alone says that TCP is wanted.
            ("example.com. IXFR", "NOERROR aa | example.com. 3600 SOA 7"),
            ("a.example.com. IXFR", "NOERROR aa |  | SOA"),
            // RFC 6891 §6.1.1, RFC 8945 §4.2: these stand in the additional section.
            ("a.example.com. OPT", "FORMERR"),
            ("a.example.com. TSIG", "FORMERR"),
            // RFC 3597 §5, RFC 6895 §3.1: a type that nobody knows is a type.
            ("a.example.com. TYPE65280", "NOERROR aa |  | SOA"),
        ],
    );
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
    let records: String = (0..5000)
        .map(|at| format!("n{at}.d{} A 10.0.{}.{}\n", at % 7, at / 256, at % 256))
        .collect();
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
