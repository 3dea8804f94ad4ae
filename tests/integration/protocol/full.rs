//! Full responses, and ANY whole: what an operator has answers say besides what was asked for.

use rotadns::engine::settings::{AnyAnswer, Responses, Settings};

use crate::world::{World, decode, text};

fn full(world: World) -> World {
    world.set(Settings {
        responses: Responses::Full,
        nsid: Some("n".into()),
        ..Settings::default()
    })
}

const RECORDS: &str = "www A 192.0.2.1
www AAAA 2001:db8::1
mail A 192.0.2.2
@ MX 10 mail
@ MX 20 Mail
@ MX 30 mx.example.net.
mx MX 10 www
mx MX 20 gone
mx MX 30 host.sub
mx MX 40 alias
_sip._tcp SRV 1 2 5060 www
_sip._tcp SRV 1 2 5060 mail
_sip._tcp SRV 1 2 5060 .
https HTTPS 1 . alpn=h2
https A 192.0.2.3
https HTTPS 2 www
alias CNAME www
chain CNAME mx
sub NS ns.sub
ns.sub A 192.0.2.4
host.sub A 192.0.2.5
";

#[test]
fn rfc1035_3_3_minimal_responses_have_what_was_asked_for_alone() {
    World::of("example.com.", RECORDS).check(&[
        ("www.example.com. A", "NOERROR aa | www.example.com. 3600 A 192.0.2.1"),
        ("example.com. NS", "NOERROR aa | example.com. 3600 NS ns1.example.com."),
        ("mx.example.com. MX", "NOERROR aa | mx.example.com. 3600 MX 10 www.example.com., mx.example.com. 3600 MX 20 gone.example.com., mx.example.com. 3600 MX 30 host.sub.example.com., mx.example.com. 3600 MX 40 alias.example.com."),
    ]);
}

#[test]
fn rfc1035_3_3_full_responses_name_the_servers_and_the_addresses_of_targets() {
    let servers = "example.com. 3600 NS ns1.example.com.";
    let server = "ns1.example.com. 3600 A 192.0.2.53";
    let www = "www.example.com. 3600 A 192.0.2.1, www.example.com. 3600 AAAA 2001:db8::1";
    let world = full(World::of("example.com.", RECORDS));
    let mx = "mx.example.com. 3600 MX 10 www.example.com., mx.example.com. 3600 MX 20 gone.example.com., mx.example.com. 3600 MX 30 host.sub.example.com., mx.example.com. 3600 MX 40 alias.example.com.";
    world.check(&[
        (
            "www.example.com. A",
            &format!("NOERROR aa | www.example.com. 3600 A 192.0.2.1 | {servers} | {server}"),
        ),
        // The servers themselves are in the answer, and their addresses once.
        ("example.com. NS", &format!("NOERROR aa | {servers} |  | {server}")),
        ("ns1.example.com. A", &format!("NOERROR aa | {server} | {servers}")),
        // Not those of a name that is not there, of a CNAME, or below a cut.
        ("mx.example.com. MX", &format!("NOERROR aa | {mx} | {servers} | {www}, {server}")),
        (
            "chain.example.com. MX",
            &format!("NOERROR aa | chain.example.com. 3600 CNAME mx.example.com., {mx} | {servers} | {www}, {server}"),
        ),
        // What says no says no more, and neither does a referral.
        ("gone.example.com. A", "NXDOMAIN aa |  | example.com. 300 SOA 7"),
        ("www.example.com. TXT", "NOERROR aa |  | example.com. 300 SOA 7"),
        (
            "x.sub.example.com. A",
            "NOERROR |  | sub.example.com. 3600 NS ns.sub.example.com. | ns.sub.example.com. 3600 A 192.0.2.4",
        ),
    ]);
    // An address twice in two names' cases stands there once.
    let additionals = |question: &str| -> Vec<String> {
        let message = decode(&world.bytes(question));
        assert!(!message.metadata.truncation, "{question}");
        let records = message.additionals.iter();
        records.map(|record| format!("{} {}", record.name, record.data)).collect()
    };
    let ns1 = "ns1.example.com. 192.0.2.53";
    assert_eq!(additionals("example.com. MX"), ["mail.example.com. 192.0.2.2", ns1]);
}

#[test]
fn rfc2782_and_rfc9460_4_1_targets_of_srv_and_https_have_their_addresses() {
    let world = full(World::of("example.com.", RECORDS));
    let additionals = |question: &str| -> Vec<String> {
        let message = decode(&world.bytes(question));
        let records = message.additionals.iter();
        records.map(|record| format!("{} {}", record.name, record.data)).collect()
    };
    let (www, www6) = ("www.example.com. 192.0.2.1", "www.example.com. 2001:db8::1");
    let ns1 = "ns1.example.com. 192.0.2.53";
    let mut found = additionals("_sip._tcp.example.com. SRV +edns");
    found.sort();
    assert_eq!(found, ["mail.example.com. 192.0.2.2", ns1, www, www6]);
    // RFC 9460 §2.5.2: `.` is the owner.
    let mut found = additionals("https.example.com. HTTPS +edns");
    found.sort();
    assert_eq!(found, ["https.example.com. 192.0.2.3", ns1, www, www6]);
}

#[test]
fn pools_give_addresses_beside_an_answer_as_in_one() {
    let world = full(World::yaml(
        "records:\n  '@': {MX: [10 www]}\n  www: {pool: {backends: [192.0.2.1, 192.0.2.2]}}\n",
        "",
    ));
    let ns = "example.com. 3600 NS ns.example.net.";
    for (draw, first, second) in [(0, 1, 2), (1, 2, 1)] {
        let www = |last| format!("www.example.com. 30 A 192.0.2.{last}");
        let question = format!("example.com. MX +draw={draw}");
        let expected = format!(
            "NOERROR aa | example.com. 3600 MX 10 www.example.com. | {ns} | {}, {}",
            www(first),
            www(second)
        );
        assert_eq!(world.ask(&question), expected);
    }
}

#[test]
fn rfc2181_9_what_was_not_asked_for_never_truncates() {
    for count in 10..32_usize {
        let records = text((0..count).map(|at| format!("big A 192.0.2.{at}\n")));
        let world = full(World::of("example.com.", &records));
        let minimal = World::of("example.com.", &records);
        let question = "big.example.com. A +edns=512 +option=3:";
        let (answer, less) = (decode(&world.bytes(question)), decode(&minimal.bytes(question)));
        assert_eq!(answer.metadata.truncation, less.metadata.truncation, "{count} records");
        assert_eq!(answer.answers, less.answers, "{count} records");
        assert!(world.bytes(question).len() <= 512, "{count} records");
    }
}

#[test]
fn rfc8482_4_any_over_a_stream_is_whole_where_it_is_so_configured() {
    let whole = "www.example.com. 3600 A 192.0.2.1, www.example.com. 3600 AAAA 2001:db8::1";
    let one = "NOERROR aa | www.example.com. 3600 A 192.0.2.1";
    let records = format!("{RECORDS}*.wild TXT a\n*.wild A 192.0.2.9\n");
    World::of("example.com.", &records)
        .check(&[("www.example.com. ANY", one), ("www.example.com. ANY +tcp", one)]);
    let world = World::of("example.com.", &records)
        .set(Settings { any: AnyAnswer::Full, ..Settings::default() });
    world.check(&[
        ("www.example.com. ANY", one),
        ("www.example.com. ANY +tcp", &format!("NOERROR aa | {whole}")),
        ("www.example.com. ANY +tls", &format!("NOERROR aa | {whole}")),
        (
            "x.wild.example.com. ANY +tcp",
            "NOERROR aa | x.wild.example.com. 3600 A 192.0.2.9, x.wild.example.com. 3600 TXT a",
        ),
        (
            "alias.example.com. ANY +tcp",
            "NOERROR aa | alias.example.com. 3600 CNAME www.example.com.",
        ),
        ("gone.example.com. ANY +tcp", "NXDOMAIN aa |  | example.com. 300 SOA 7"),
        ("wild.example.com. ANY +tcp", "NOERROR aa |  | example.com. 300 SOA 7"),
    ]);
    let apex = decode(&world.bytes("example.com. ANY +tcp"));
    assert_eq!(apex.answers.len(), 5, "SOA, NS and three MX");
    // A pool too, and not what it has none of.
    let pools = World::yaml(
        "records:\n  www: {pool: {backends: [192.0.2.1, 192.0.2.2]}, TXT: hello}\n",
        "",
    )
    .set(Settings { any: AnyAnswer::Full, ..Settings::default() });
    let expected = "NOERROR aa | www.example.com. 30 A 192.0.2.1, www.example.com. 30 A 192.0.2.2, www.example.com. 3600 TXT hello";
    assert_eq!(pools.ask("www.example.com. ANY +tcp"), expected);
}

#[test]
fn a_root_zone_has_full_responses_too() {
    let text = "$TTL 60\n. SOA a.nic. host.nic. 7 1 1 1 30\n. NS a.nic.\na.nic. A 192.0.2.1\nmx. MX 1 a.nic.\n";
    full(World::bare(".", text)).check(&[(
        "mx. MX",
        "NOERROR aa | mx. 60 MX 1 a.nic. | . 60 NS a.nic. | a.nic. 60 A 192.0.2.1",
    )]);
}
