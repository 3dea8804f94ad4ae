//! CNAME and DNAME: chains, loops, names that get too long.

use super::{check, world};
use crate::world::World;

#[test]
fn rfc1034_4_3_2_a_chain_of_cnames_is_followed_inside_the_zone() {
    // RFC 2181 §10.1: each is an alias, and has one name that it stands for.
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
fn rfc1034_4_3_2_and_rfc9499_4_a_chain_that_leaves_the_zone_is_left_to_the_resolver() {
    let world = world("a CNAME b\nb CNAME www.example.net.\nd DNAME example.net.\n")
        .and(World::of("example.net.", "www A 192.0.2.1\n"))
        .and(World::of("sub.example.com.", "www A 192.0.2.2\n"));
    check(
        &world,
        &[
            // What the last CNAME leads to is asked for next, here as well.
            (
                "a.example.com. A",
                "NOERROR aa | a.example.com. 3600 CNAME b.example.com., b.example.com. 3600 CNAME www.example.net.",
            ),
            ("www.example.net. A", "NOERROR aa | www.example.net. 3600 A 192.0.2.1"),
            (
                "www.d.example.com. A",
                "NOERROR aa | d.example.com. 3600 DNAME example.net., www.d.example.com. 3600 CNAME www.example.net.",
            ),
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
fn rfc2181_5_a_dname_that_leads_below_itself_stands_there_once() {
    let answer = world("d DNAME c.d\n").ask("w.d.example.com. A");
    let start = " | d.example.com. 3600 DNAME c.d.example.com., w.d.example.com. 3600 CNAME w.c.d.example.com., w.c.d.example.com. 3600 CNAME w.c.c.d.example.com.,";
    assert!(answer.contains(start) && answer.matches(" DNAME ").count() == 1, "{answer}");
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

#[test]
fn rfc6672_2_3_a_dname_at_the_apex_of_the_root_ends() {
    let world = World::bare(".", ". 60 SOA . . 7 1 1 1 60\n. 60 NS ns.\n. 60 DNAME x.\n");
    let answer = world.ask("a. A +tcp");
    assert!(answer.starts_with("NOERROR aa | . 60 DNAME x., a. 60 CNAME a.x., "), "{answer}");
    assert!(answer.matches("CNAME").count() <= 17, "{answer}");
    world
        .check(&[(". DNAME", "NOERROR aa | . 60 DNAME x."), (". A", "NOERROR aa |  | . 60 SOA 7")]);
}

#[test]
fn rfc6672_2_4_a_dname_at_a_cut_belongs_to_the_child() {
    check(
        &world("sub NS ns.example.net.\nsub DNAME ns1\n"),
        &[
            ("sub.example.com. DNAME", "NOERROR |  | sub.example.com. 3600 NS ns.example.net."),
            ("a.sub.example.com. A", "NOERROR |  | sub.example.com. 3600 NS ns.example.net."),
        ],
    );
}
