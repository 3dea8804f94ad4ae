//! The examples that RFCs give themselves, with their names. A slash in RDATA is shown with a backslash, as hickory-proto
//! does it.

use crate::world::World;

/// The root zone of RFC 1034 §6.1.
const ROOT: &str = "$TTL 86400
. SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400
. NS A.ISI.EDU.
. NS C.ISI.EDU.
. NS SRI-NIC.ARPA.
MIL. NS SRI-NIC.ARPA.
MIL. NS A.ISI.EDU.
EDU. NS SRI-NIC.ARPA.
EDU. NS C.ISI.EDU.
SRI-NIC.ARPA. A 26.0.0.73
SRI-NIC.ARPA. A 10.0.0.51
SRI-NIC.ARPA. MX 0 SRI-NIC.ARPA.
SRI-NIC.ARPA. HINFO DEC-2060 TOPS20
ACC.ARPA. A 26.6.0.65
ACC.ARPA. HINFO PDP-11/70 UNIX
ACC.ARPA. MX 10 ACC.ARPA.
USC-ISIC.ARPA. CNAME C.ISI.EDU.
73.0.0.26.IN-ADDR.ARPA. PTR SRI-NIC.ARPA.
65.0.6.26.IN-ADDR.ARPA. PTR ACC.ARPA.
51.0.0.10.IN-ADDR.ARPA. PTR SRI-NIC.ARPA.
52.0.0.10.IN-ADDR.ARPA. PTR C.ISI.EDU.
103.0.3.26.IN-ADDR.ARPA. PTR A.ISI.EDU.
A.ISI.EDU. A 26.3.0.103
C.ISI.EDU. A 10.0.0.52
";

/// The zone EDU of RFC 1034 §6.1, as far as it was delegated on.
const EDU: &str = "$TTL 172800
EDU. SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870729 1800 300 604800 86400
EDU. NS SRI-NIC.ARPA.
EDU. NS C.ISI.EDU.
UCI NS ICS.UCI
UCI NS ROME.UCI
ICS.UCI A 192.5.19.1
ROME.UCI A 192.5.19.31
ISI NS VAXA.ISI
ISI NS A.ISI
ISI NS VENERA.ISI.EDU.
VAXA.ISI A 10.2.0.27
VAXA.ISI A 128.9.0.33
VENERA.ISI.EDU. A 10.1.0.52
VENERA.ISI.EDU. A 128.9.0.32
A.ISI A 26.3.0.103
";

#[test]
fn rfc1034_6_2_the_sample_queries() {
    let root = World::bare(".", ROOT);
    root.check(&[
        // §6.2.1
        (
            "SRI-NIC.ARPA. A",
            "NOERROR aa | SRI-NIC.ARPA. 86400 A 26.0.0.73, SRI-NIC.ARPA. 86400 A 10.0.0.51",
        ),
        // §6.2.2, of which RFC 8482 §4.1 leaves one RRset.
        (
            "SRI-NIC.ARPA. ANY",
            "NOERROR aa | SRI-NIC.ARPA. 86400 A 26.0.0.73, SRI-NIC.ARPA. 86400 A 10.0.0.51",
        ),
        // §6.2.3, without the addresses that are welcome and not asked for.
        ("SRI-NIC.ARPA. MX", "NOERROR aa | SRI-NIC.ARPA. 86400 MX 0 SRI-NIC.ARPA."),
        // §6.2.4, with the SOA that RFC 2308 §2.2 adds.
        ("SRI-NIC.ARPA. NS", "NOERROR aa |  | . 86400 SOA 870611"),
        // §6.2.5
        ("SIR-NIC.ARPA. A", "NXDOMAIN aa |  | . 86400 SOA 870611"),
        // §6.2.6
        (
            "BRL.MIL. A",
            "NOERROR |  | MIL. 86400 NS SRI-NIC.ARPA., MIL. 86400 NS A.ISI.EDU. | SRI-NIC.ARPA. 86400 A 26.0.0.73, SRI-NIC.ARPA. 86400 A 10.0.0.51, A.ISI.EDU. 86400 A 26.3.0.103",
        ),
        // §6.2.7, from a server that does not have EDU.
        (
            "USC-ISIC.ARPA. A",
            "NOERROR aa | USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU. | EDU. 86400 NS SRI-NIC.ARPA., EDU. 86400 NS C.ISI.EDU. | C.ISI.EDU. 86400 A 10.0.0.52, SRI-NIC.ARPA. 86400 A 26.0.0.73, SRI-NIC.ARPA. 86400 A 10.0.0.51",
        ),
        // §6.2.8
        ("USC-ISIC.ARPA. CNAME", "NOERROR aa | USC-ISIC.ARPA. 86400 CNAME C.ISI.EDU."),
        ("65.0.6.26.IN-ADDR.ARPA. PTR", "NOERROR aa | 65.0.6.26.IN-ADDR.ARPA. 86400 PTR ACC.ARPA."),
    ]);
    // C.ISI.EDU, which has both zones.
    root.and(World::bare("EDU.", EDU)).check(&[
        (
            "ISI.EDU. MX",
            "NOERROR |  | ISI.EDU. 172800 NS VAXA.ISI.EDU., ISI.EDU. 172800 NS A.ISI.EDU., ISI.EDU. 172800 NS VENERA.ISI.EDU. | VAXA.ISI.EDU. 172800 A 10.2.0.27, VAXA.ISI.EDU. 172800 A 128.9.0.33, A.ISI.EDU. 172800 A 26.3.0.103, VENERA.ISI.EDU. 172800 A 10.1.0.52, VENERA.ISI.EDU. 172800 A 128.9.0.32",
        ),
        ("EDU. SOA", "NOERROR aa | EDU. 172800 SOA 870729"),
        ("EDU. DS", "NOERROR aa |  | . 86400 SOA 870611"),
    ]);
}

#[test]
fn rfc2308_2_the_examples_of_no_name_and_no_data() {
    // §2.1 and §2.2: a CNAME in the zone of its target. Of the five types of answers ours is type 2: the SOA
    // and no NS.
    World::of("xx.", "an CNAME tripple\nanother A 192.0.2.1\nan2 CNAME another\n").check(&[
        ("an.xx. A", "NXDOMAIN aa | an.xx. 3600 CNAME tripple.xx. | xx. 300 SOA 7"),
        ("tripple.xx. A", "NXDOMAIN aa |  | xx. 300 SOA 7"),
        ("another.xx. AAAA", "NOERROR aa |  | xx. 300 SOA 7"),
        ("an2.xx. AAAA", "NOERROR aa | an2.xx. 3600 CNAME another.xx. | xx. 300 SOA 7"),
    ]);
    // The zone EXAMPLE of the examples leads into XX, where the resolver goes on.
    World::of("example.", "an CNAME tripple.xx.\n")
        .and(World::of("xx.", ""))
        .check(&[("an.example. A", "NOERROR aa | an.example. 3600 CNAME tripple.xx.")]);
}

#[test]
fn rfc6672_2_2_the_table_of_substitutions() {
    for (name, owner, target, result) in [
        ("com.", "example.com.", "example.net.", None),
        ("example.com.", "example.com.", "example.net.", None),
        ("a.example.com.", "example.com.", "example.net.", Some("a.example.net.")),
        ("a.b.example.com.", "example.com.", "example.net.", Some("a.b.example.net.")),
        ("ab.example.com.", "b.example.com.", "example.net.", None),
        ("foo.example.com.", "example.com.", "example.net.", Some("foo.example.net.")),
        ("a.x.example.com.", "x.example.com.", "example.net.", Some("a.example.net.")),
        ("a.example.com.", "example.com.", "y.example.net.", Some("a.y.example.net.")),
        ("cyc.example.com.", "example.com.", "example.com.", Some("cyc.example.com.")),
        ("cyc.example.com.", "example.com.", "c.example.com.", Some("cyc.c.example.com.")),
        ("shortloop.x.x.", "x.", ".", Some("shortloop.x.")),
        ("shortloop.x.", "x.", ".", Some("shortloop.")),
    ] {
        let zone = format!(". 60 SOA . . 7 1 1 1 60\n. 60 NS ns.\n{owner} 60 DNAME {target}\n");
        let answer = World::bare(".", &zone).ask(&format!("{name} TXT +tcp"));
        let row = format!("{name} {owner} {target}: {answer}");
        let Some(result) = result else {
            assert!(!answer.contains("DNAME"), "{row}");
            continue;
        };
        let made = format!(" | {owner} 60 DNAME {target}, {name} 60 CNAME {result}");
        assert!(answer.contains(&made), "{row}");
    }
}

#[test]
fn rfc6672_6_1_an_organisation_is_renamed() {
    let world = World::of(
        "frobozz.example.",
        "@ DNAME frobozz-division.acme.example.\n@ MX 10 mailhub.acme.example.\n",
    )
    .and(World::of("acme.example.", "www.frobozz-division A 192.0.2.1\n"));
    world.check(&[
        (
            "www.frobozz.example. A",
            "NOERROR aa | frobozz.example. 3600 DNAME frobozz-division.acme.example., www.frobozz.example. 3600 CNAME www.frobozz-division.acme.example.",
        ),
        (
            "frobozz.example. MX",
            "NOERROR aa | frobozz.example. 3600 MX 10 mailhub.acme.example.",
        ),
        (
            "www.frobozz-division.acme.example. A",
            "NOERROR aa | www.frobozz-division.acme.example. 3600 A 192.0.2.1",
        ),
    ]);
}

#[test]
fn rfc6672_6_2_addresses_are_delegated_by_blocks_of_other_sizes() {
    let parent = World::of(
        "0.192.in-addr.arpa.",
        "8/22 NS ns.slash-22-holder.example.\n8 DNAME 8.8/22\n9 DNAME 9.8/22\n10 DNAME 10.8/22\n11 DNAME 11.8/22\n",
    );
    let made = "10.0.192.in-addr.arpa. 3600 DNAME 10.8/22.0.192.in-addr.arpa., 33.10.0.192.in-addr.arpa. 3600 CNAME 33.10.8\\/22.0.192.in-addr.arpa.";
    let referral = "8/22.0.192.in-addr.arpa. 3600 NS ns.slash-22-holder.example.";
    parent
        .check(&[("33.10.0.192.in-addr.arpa. PTR", &format!("NOERROR aa | {made} | {referral}"))]);
    World::of("8/22.0.192.in-addr.arpa.", "33.10 PTR host.slash-22-holder.example.\n").check(&[(
        "33.10.8/22.0.192.in-addr.arpa. PTR",
        "NOERROR aa | 33.10.8/22.0.192.in-addr.arpa. 3600 PTR host.slash-22-holder.example.",
    )]);
}

#[test]
fn rfc2317_4_a_cname_leads_into_a_block_that_is_delegated() {
    World::of(
        "2.0.192.in-addr.arpa.",
        "0/25 NS ns.A.domain.\n128/26 NS ns.B.domain.\n1 CNAME 1.0/25\n129 CNAME 129.128/26.2.0.192.in-addr.arpa.\n",
    )
    .check(&[
        (
            "1.2.0.192.in-addr.arpa. PTR",
            "NOERROR aa | 1.2.0.192.in-addr.arpa. 3600 CNAME 1.0\\/25.2.0.192.in-addr.arpa. | 0/25.2.0.192.in-addr.arpa. 3600 NS ns.A.domain.",
        ),
        (
            "129.128/26.2.0.192.in-addr.arpa. PTR",
            "NOERROR |  | 128/26.2.0.192.in-addr.arpa. 3600 NS ns.B.domain.",
        ),
    ]);
}

#[test]
fn rfc9471_2_the_kinds_of_glue() {
    // §2.1: in-domain; §2.2: sibling, in a circle too; §2.3: none that is elsewhere.
    let world = World::of(
        "test.",
        "foo 86400 NS ns1.foo\nfoo 86400 NS ns2.foo\nns1.foo 86400 A 192.0.2.1\nns2.foo 86400 AAAA 2001:db8::2:2\n\
         bar 86400 NS ns1.bar\nbar 86400 NS ns2.foo\nns1.bar 86400 A 192.0.2.3\n\
         x 86400 NS ns.y\ny 86400 NS ns.x\nns.x 86400 A 192.0.2.4\nns.y 86400 A 192.0.2.5\nout 86400 NS ns.example.\n",
    );
    world.check(&[
        (
            "www.foo.test. A",
            "NOERROR |  | foo.test. 86400 NS ns1.foo.test., foo.test. 86400 NS ns2.foo.test. | ns1.foo.test. 86400 A 192.0.2.1, ns2.foo.test. 86400 AAAA 2001:db8::2:2",
        ),
        (
            "www.bar.test. A",
            "NOERROR |  | bar.test. 86400 NS ns1.bar.test., bar.test. 86400 NS ns2.foo.test. | ns1.bar.test. 86400 A 192.0.2.3, ns2.foo.test. 86400 AAAA 2001:db8::2:2",
        ),
        ("www.x.test. A", "NOERROR |  | x.test. 86400 NS ns.y.test. | ns.y.test. 86400 A 192.0.2.5"),
        ("www.y.test. A", "NOERROR |  | y.test. 86400 NS ns.x.test. | ns.x.test. 86400 A 192.0.2.4"),
        ("www.out.test. A", "NOERROR |  | out.test. 86400 NS ns.example."),
    ]);
}
