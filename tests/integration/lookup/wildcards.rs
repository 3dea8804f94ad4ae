//! Wildcards (RFC 4592): closest enclosers, `*` as a label like any other, CNAME and NS at it.

use super::{check, world};
use crate::world::World;

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
fn rfc4592_2_1_3_an_asterisk_elsewhere_is_a_label_like_any_other() {
    // In the middle, inside a label, and one of several.
    check(
        &world("a.*.b A 192.0.2.1\nx*y A 192.0.2.2\n** A 192.0.2.3\n"),
        &[
            ("a.*.b.example.com. A", "NOERROR aa | a.*.b.example.com. 3600 A 192.0.2.1"),
            ("a.c.b.example.com. A", "NOERROR aa |  | SOA"),
            ("x*y.example.com. A", "NOERROR aa | x*y.example.com. 3600 A 192.0.2.2"),
            ("xay.example.com. A", "NXDOMAIN aa |  | SOA"),
            ("**.example.com. A", "NOERROR aa | **.example.com. 3600 A 192.0.2.3"),
            ("*.example.com. A", "NXDOMAIN aa |  | SOA"),
            ("z.example.com. A", "NXDOMAIN aa |  | SOA"),
            // RFC 4592 §2.2.2: it is there all the same, and so is what it stands below.
            ("*.b.example.com. A", "NOERROR aa |  | SOA"),
            ("b.example.com. A", "NOERROR aa |  | SOA"),
        ],
    );
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
fn rfc4592_4_4_to_4_6_dname_srv_and_ds_at_a_wildcard() {
    let world = world(
        "*.d DNAME ns1\n*.s SRV 0 0 1 ns1\n*.k DS 1 8 2 00\n*.k A 192.0.2.1\n_s._tcp.s TXT x\n",
    );
    check(
        &world,
        &[
            // §4.4: what a DNAME at a wildcard does is not defined; here it is data.
            ("a.d.example.com. DNAME", "NOERROR aa | a.d.example.com. 3600 DNAME ns1.example.com."),
            ("a.d.example.com. A", "NOERROR aa |  | SOA"),
            ("b.a.d.example.com. A", "NOERROR aa |  | SOA"),
            // Asked itself, it has names below like any other.
            (
                "a.*.d.example.com. A",
                "NXDOMAIN aa | *.d.example.com. 3600 DNAME ns1.example.com., a.*.d.example.com. 3600 CNAME a.ns1.example.com. | SOA",
            ),
            // §4.5: a service's labels are covered like others, unless one of them is there.
            (
                "_t._udp.s.example.com. SRV",
                "NOERROR aa | _t._udp.s.example.com. 3600 SRV 0 0 1 ns1.example.com.",
            ),
            ("_t._tcp.s.example.com. SRV", "NXDOMAIN aa |  | SOA"),
            // §4.6: no cut is there, so it is data as well.
            ("a.k.example.com. DS", "NOERROR aa | a.k.example.com. 3600 DS 1 8 2 00"),
        ],
    );
}

#[test]
fn rfc4592_2_2_1_a_wildcard_stops_at_a_cut_and_at_a_dname() {
    check(
        &world(
            "* A 192.0.2.1\nsub NS ns.example.net.\n*.sub A 192.0.2.2\nd DNAME e\n*.d A 192.0.2.3\n",
        ),
        &[
            ("a.example.com. A", "NOERROR aa | a.example.com. 3600 A 192.0.2.1"),
            ("a.sub.example.com. A", "NOERROR |  | sub.example.com. 3600 NS ns.example.net."),
            (
                "a.d.example.com. A",
                "NOERROR aa | d.example.com. 3600 DNAME e.example.com., a.d.example.com. 3600 CNAME a.e.example.com., a.e.example.com. 3600 A 192.0.2.1",
            ),
        ],
    );
}
