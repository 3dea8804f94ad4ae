//! Zone cuts: referrals, DS, glue, and what a cut hides.

use super::{check, world};
use crate::world::World;

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
fn rfc1034_4_3_2_three_zones_deep_each_has_its_own() {
    let ds = "DS 1 8 2 00\n";
    let world = World::of("example.", &format!("b NS ns.b\nns.b A 192.0.2.1\nb {ds}"))
        .and(World::of(
            "b.example.",
            &format!("a NS ns.a\nns.a A 192.0.2.2\na {ds}w A 192.0.2.3\n"),
        ))
        .and(World::of("a.b.example.", "w A 192.0.2.4\n"));
    world.check(&[
        ("w.a.b.example. A", "NOERROR aa | w.a.b.example. 3600 A 192.0.2.4"),
        ("w.b.example. A", "NOERROR aa | w.b.example. 3600 A 192.0.2.3"),
        ("b.example. NS", "NOERROR aa | b.example. 3600 NS ns1.b.example."),
        // RFC 4035 §3.1.4.1: each DS is answered one zone above.
        ("a.b.example. DS", "NOERROR aa | a.b.example. 3600 DS 1 8 2 00"),
        ("b.example. DS", "NOERROR aa | b.example. 3600 DS 1 8 2 00"),
        ("example. DS", "NOERROR aa |  | example. 300 SOA 7"),
        ("w.a.b.example. DS", "NOERROR aa |  | a.b.example. 300 SOA 7"),
    ]);
    // The grandparent is not the parent: without b.example it has a cut above the name.
    let world = World::of("example.", "b NS ns.example.net.\n").and(World::of("a.b.example.", ""));
    world.check(&[("a.b.example. DS", "NOERROR |  | b.example. 3600 NS ns.example.net.")]);
}
