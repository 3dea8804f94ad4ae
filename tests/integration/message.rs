//! Messages and EDNS: what is copied, what is refused, what fits.

use rotadns::engine::Transport;

use crate::world::{Ask, ID, World, decode, header, number_of_type, render, text, wire};

fn world(records: &str) -> World {
    World::of("example.com.", &format!("www A 192.0.2.1\n{records}"))
}

/// The question `www.example.com. A` without its header.
fn question() -> Vec<u8> {
    Ask::parse("www.example.com. A").query.split_off(12)
}

fn send(world: &World, parts: &[&[u8]]) -> Option<String> {
    world.send(&parts.concat(), Transport::Udp, 0).map(|bytes| render(&bytes))
}

/// An OPT record of payload 1232 with these options, owned by the root.
fn opt(options: &[u8]) -> Vec<u8> {
    let length = (options.len() as u16).to_be_bytes();
    [&[0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0], &length[..], options].concat()
}

#[test]
fn rfc4343_4_the_case_of_the_question_comes_back() {
    let world = world("*.w A 192.0.2.2\na CNAME Www\nsub NS ns.sub\n");
    world.check(&[
        ("wWw.ExAmPlE.cOm. A", "NOERROR aa | wWw.ExAmPlE.cOm. 3600 A 192.0.2.1"),
        ("X.w.example.COM. A", "NOERROR aa | X.w.example.COM. 3600 A 192.0.2.2"),
        ("GONE.Example.com. A", "NXDOMAIN aa |  | Example.com. 300 SOA 7"),
        ("A.example.com. A", "NOERROR aa | A.example.com. 3600 CNAME Www.example.com., Www.example.com. 3600 A 192.0.2.1"),
        ("x.SUB.example.com. A", "NOERROR |  | SUB.example.com. 3600 NS ns.sub.example.com."),
    ]);
    let ask = Ask::parse("wWw.ExAmPlE.cOm. A");
    let answer = world.bytes("wWw.ExAmPlE.cOm. A");
    assert_eq!(answer[12..ask.query.len()], ask.query[12..]);
    // The owner is a pointer to the question.
    assert_eq!(answer[ask.query.len()..][..2], [0xc0, 12]);
}

#[test]
fn rfc1035_4_1_1_id_opcode_and_rd_are_copied_other_flags_are_clear() {
    let world = world("");
    let answer = "www.example.com. 3600 A 192.0.2.1";
    world.check(&[("www.example.com. A +rd", &format!("NOERROR aa rd | {answer}"))]);
    // Every flag but QR and the opcode: AA, TC, RD, RA, Z, AD, CD; and any response code.
    let sent = send(&world, &[&header(0x07ff, [1, 0, 0, 0]), &question()]);
    assert_eq!(sent, Some(format!("NOERROR aa rd | {answer}")));
}

#[test]
fn rfc4035_3_1_6_cd_and_ad_are_clear_whatever_was_asked_with() {
    // CD is between a resolver and its clients, and AD says what none of us has validated.
    let world = world("sub NS ns.example.net.\n").and(World::broken("example.org."));
    for (question, expected) in [
        ("www.example.com. A", "NOERROR aa | www.example.com. 3600 A 192.0.2.1"),
        ("gone.example.com. A", "NXDOMAIN aa |  | example.com. 300 SOA 7"),
        ("sub.example.com. A", "NOERROR |  | sub.example.com. 3600 NS ns.example.net."),
        ("www.example.net. A", "REFUSED"),
        ("www.example.org. A", "SERVFAIL"),
        ("www.example.com. OPT", "FORMERR"),
    ] {
        for flags in ["+cd", "+ad", "+cd +ad"] {
            assert_eq!(world.ask(&format!("{question} {flags}")), expected, "{question} {flags}");
        }
    }
}

#[test]
fn rfc1035_4_1_1_a_response_is_never_answered() {
    for opcode in [0, 1, 4, 5, 15] {
        let flags = 0x8000 | opcode << 11;
        assert_eq!(send(&world(""), &[&header(flags, [1, 0, 0, 0]), &question()]), None);
    }
}

#[test]
fn rfc1035_4_1_less_than_a_header_is_dropped_and_less_than_a_question_is_formerr() {
    let query = Ask::parse("www.example.com. A").query;
    for len in 0..query.len() {
        let expected = (len >= 12).then(|| "FORMERR".to_owned());
        assert_eq!(send(&world(""), &[&query[..len]]), expected, "{len} bytes");
    }
    let query = Ask::parse("www.example.com. A +edns").query;
    for len in query.len() - 10..query.len() {
        assert_eq!(send(&world(""), &[&query[..len]]), Some("FORMERR".to_owned()), "{len} bytes");
    }
}

#[test]
fn rfc9619_4_one_question_no_more_and_no_less() {
    let world = world("");
    for count in [0, 2, 3, 0xffff] {
        let questions = question().repeat(usize::from(count.min(3)));
        let sent = send(&world, &[&header(0, [count, 0, 0, 0]), &questions]);
        assert_eq!(sent.as_deref(), Some("FORMERR"), "{count} questions");
    }
    // RFC 6891 §7: with EDNS, where it is spoken.
    let sent = send(&world, &[&header(0, [0, 0, 0, 1]), &opt(&[])]);
    assert_eq!(sent.as_deref(), Some("FORMERR edns=1232"));
}

#[test]
fn a_formerr_comes_with_the_question_where_there_is_a_whole_one() {
    let world = world("");
    let query = [&header(0, [1, 0, 0, 0])[..], &question(), b"?"].concat();
    let answer = world.send(&query, Transport::Udp, 0).expect("an answer");
    assert_eq!(answer[12..], query[12..query.len() - 1]);
    assert_eq!(decode(&answer).queries.len(), 1);
    let answer = world.send(&query[..14], Transport::Udp, 0).expect("an answer");
    assert_eq!(answer, header(0x8001, [0, 0, 0, 0]));
}

#[test]
fn rfc1035_4_1_records_in_a_query_are_passed_over_when_they_are_whole() {
    let world = world("");
    let answer = "NOERROR aa | www.example.com. 3600 A 192.0.2.1";
    let record = |owner: &[u8]| [owner, &[0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 9]].concat();
    let (whole, pointing) = (record(b"\x01a\x00"), record(&[0xc0, 12]));
    let rows: [(&[u8], [u16; 3], &str); 10] = [
        (&whole, [1, 0, 0], answer),
        (&whole, [0, 1, 0], answer),
        (&whole, [0, 0, 1], answer),
        (&pointing, [0, 0, 1], answer),
        (&whole[..whole.len() - 1], [1, 0, 0], "FORMERR"),
        (&whole[..5], [0, 1, 0], "FORMERR"),
        (&whole, [2, 0, 0], "FORMERR"),
        (&whole, [0xffff, 0xffff, 0xffff], "FORMERR"),
        // RFC 1035 §4.1.4: a pointer leads to a prior place.
        (&record(&[0xc0, 33]), [1, 0, 0], "FORMERR"),
        (&record(&[0xff, 0xff]), [1, 0, 0], "FORMERR"),
    ];
    for (record, [answers, authorities, additionals], expected) in rows {
        let header = header(0, [1, answers, authorities, additionals]);
        let sent = send(&world, &[&header, &question(), record]);
        assert_eq!(sent.as_deref(), Some(expected), "{record:?}");
    }
}

#[test]
fn practice_bytes_behind_the_message_are_formerr() {
    let query = Ask::parse("www.example.com. A").query;
    assert_eq!(send(&world(""), &[&query, b"\0"]).as_deref(), Some("FORMERR"));
    let query = Ask::parse("www.example.com. A +edns").query;
    assert_eq!(send(&world(""), &[&query, b"\0"]).as_deref(), Some("FORMERR"));
}

#[test]
fn rfc1035_4_1_4_a_question_has_no_pointer() {
    let rows: [&[u8]; 7] = [
        &[0xc0, 12],          // to itself
        &[0xc0, 40],          // forwards
        &[0xc0, 0],           // into the header
        &[1, b'a', 0xc0, 12], // a loop
        &[0x40, 0],           // RFC 6891 §5: extended labels are gone
        &[0x80, 0],
        &[64; 65], // a label of 64
    ];
    for name in rows {
        let sent = send(&world(""), &[&header(0, [1, 0, 0, 0]), name, &[0, 1, 0, 1]]);
        assert_eq!(sent.as_deref(), Some("FORMERR"), "{name:?}");
    }
    // RFC 1035 §2.3.4: 256 bytes are one too many.
    let label = [&[63][..], &[b'a'; 63]].concat();
    let name = [&label.repeat(3)[..], &[62], &[b'a'; 62], &[0]].concat();
    assert_eq!(name.len(), 256);
    let sent = send(&world(""), &[&header(0, [1, 0, 0, 0]), &name, &[0, 1, 0, 1]]);
    assert_eq!(sent.as_deref(), Some("FORMERR"));
}

#[test]
fn rfc8906_3_1_an_unknown_opcode_is_notimp_the_header_alone() {
    // STATUS is 2.
    for opcode in [2_u16, 3, 6, 7, 15] {
        for body in [&question()[..], &Ask::parse("www.example.com. A +edns").query[12..], b"?"] {
            let query = [&header(opcode << 11 | 0x0100, [1, 0, 0, 1])[..], body].concat();
            let answer = world("").send(&query, Transport::Udp, 0).expect("an answer");
            assert_eq!(answer, header(0x8104 | opcode << 11, [0, 0, 0, 0]), "opcode {opcode}");
        }
    }
}

#[test]
fn rfc3425_3_iquery_is_not_implemented() {
    // As RFC 1035 §6.4 has it: an answer in its own section, and no question.
    let answer = [&b"\0"[..], &[0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1]].concat();
    let inverse = [&header(1 << 11, [0, 1, 0, 0])[..], &answer].concat();
    let ordinary = [&header(1 << 11, [1, 0, 0, 0])[..], &question()].concat();
    for query in [inverse, ordinary] {
        for transport in [Transport::Udp, Transport::Tcp] {
            let sent = world("").send(&query, transport, 0).expect("an answer");
            assert_eq!(sent, header(0x8004 | 1 << 11, [0, 0, 0, 0]), "{transport:?}");
        }
    }
}

#[test]
fn rfc1996_3_and_rfc2136_3_notify_and_update_are_refused_or_notauth() {
    let world = world("");
    for opcode in [4_u16, 5] {
        for (zone, expected) in [
            ("example.com. SOA", "REFUSED"),
            ("EXAMPLE.com. SOA +edns", "REFUSED edns=1232"),
            ("example.net. SOA", "NOTAUTH"),
            ("www.example.com. SOA", "NOTAUTH"),
        ] {
            let mut query = Ask::parse(zone).query;
            query[2] = (opcode << 3) as u8;
            assert_eq!(send(&world, &[&query]).as_deref(), Some(expected), "{opcode}, {zone}");
        }
    }
}

#[test]
fn rfc2136_3_1_1_what_is_updated_is_a_zone() {
    let world = world("");
    for (zone, expected) in
        [("example.com. A", "FORMERR"), ("example.net. ANY +edns", "FORMERR edns=1232")]
    {
        let mut query = Ask::parse(zone).query;
        query[2] = 5 << 3;
        assert_eq!(send(&world, &[&query]).as_deref(), Some(expected), "{zone}");
    }
}

#[test]
fn rfc6891_6_1_1_opt_is_answered_with_opt_whatever_the_response_code() {
    let world = world("c CNAME gone\n").and(World::broken("example.org."));
    world.check(&[
        ("www.example.com. A +edns", "NOERROR aa edns=1232 | www.example.com. 3600 A 192.0.2.1"),
        ("www.example.com. A", "NOERROR aa | www.example.com. 3600 A 192.0.2.1"),
        ("gone.example.com. A +edns", "NXDOMAIN aa edns=1232 |  | example.com. 300 SOA 7"),
        ("www.example.net. A +edns", "REFUSED edns=1232"),
        ("www.example.org. A +edns", "SERVFAIL edns=1232"),
        ("www.example.com. MAILB +edns", "NOTIMP edns=1232"),
        ("www.example.com. A CH +edns", "REFUSED edns=1232"),
        ("www.example.com. OPT +edns", "FORMERR edns=1232"),
        ("www.example.com. TSIG +edns +do", "FORMERR edns=1232 do"),
        // RFC 3225 §3: DO is copied.
        ("www.example.com. A +do", "NOERROR aa edns=1232 do | www.example.com. 3600 A 192.0.2.1"),
    ]);
}

#[test]
fn rfc6891_6_1_3_a_version_above_ours_is_badvers() {
    world("").check(&[
        ("www.example.com. A +version=1", "BADVERS edns=1232"),
        ("www.example.com. A +version=255 +do", "BADVERS edns=1232 do"),
        ("www.example.net. A +version=1", "BADVERS edns=1232"),
        (
            "www.example.com. A +edns +version=0",
            "NOERROR aa edns=1232 | www.example.com. 3600 A 192.0.2.1",
        ),
    ]);
}

#[test]
fn rfc6891_6_1_1_there_is_one_opt_owned_by_the_root_in_its_section() {
    let named = [b"\x01a".as_slice(), &opt(&[])].concat();
    let rows: [(&[u8], [u16; 3], &str); 5] = [
        (&opt(&[]), [0, 0, 1], "NOERROR aa edns=1232 | www.example.com. 3600 A 192.0.2.1"),
        (&opt(&[]).repeat(2), [0, 0, 2], "FORMERR"),
        (&opt(&[]), [1, 0, 0], "FORMERR"),
        (&opt(&[]), [0, 1, 0], "FORMERR"),
        (&named, [0, 0, 1], "FORMERR"),
    ];
    for (record, [answers, authorities, additionals], expected) in rows {
        let header = header(0, [1, answers, authorities, additionals]);
        let sent = send(&world(""), &[&header, &question(), record]);
        assert_eq!(sent.as_deref(), Some(expected), "{record:?}");
    }
}

#[test]
fn rfc6891_6_1_2_unknown_options_are_ignored_and_options_are_whole() {
    let fine = "NOERROR aa edns=1232 | www.example.com. 3600 A 192.0.2.1";
    for (options, expected) in [
        (&[0xff, 0xf0, 0, 2, 1, 2][..], fine),
        (&[0xff, 0xf0, 0, 0, 0, 9, 0, 1, 7], fine),
        (&[0xff, 0xf0, 0, 3, 1, 2], "FORMERR"),
        (&[0xff, 0xf0, 0], "FORMERR"),
        (&[0], "FORMERR"),
    ] {
        let sent = send(&world(""), &[&header(0, [1, 0, 0, 1]), &question(), &opt(options)]);
        assert_eq!(sent.as_deref(), Some(expected), "{options:?}");
    }
}

#[test]
fn rfc6891_6_1_4_unknown_flags_are_ignored_and_clear_in_the_answer() {
    let mut record = opt(&[]);
    (record[7], record[8]) = (0xff, 0xff);
    // An extended response code in a query means nothing.
    record[5] = 0x7f;
    let sent = send(&world(""), &[&header(0, [1, 0, 0, 1]), &question(), &record]);
    let expected = "NOERROR aa edns=1232 do | www.example.com. 3600 A 192.0.2.1";
    assert_eq!(sent.as_deref(), Some(expected));
}

/// A TXT RRset whose answer without OPT has so many bytes: for names as long as `big.example.com.`.
fn txt_of(size: usize) -> String {
    // 12 header, 21 question; each record 12 and its strings with their length bytes.
    let mut left = size - 12 - 21;
    let mut records = String::new();
    let mut number = 0;
    while left > 0 {
        let text = if left > 120 { 60 } else { left - 13 };
        let label = char::from(b'a' + number);
        records += &["big TXT ", &label.to_string(), &"x".repeat(text - 1), "\n"].concat();
        left -= 13 + text;
        number += 1;
    }
    records
}

#[test]
fn rfc6891_6_2_5_answers_stay_within_the_payload() {
    // The size of an answer without OPT, how it is asked for, and whether it fits.
    for (size, how, fits) in [
        (512, "", true),
        (513, "", false),
        // RFC 6891 §6.2.3: less than 512 is taken as 512; OPT takes 11.
        (501, "+edns=0", true),
        (501, "+edns=511", true),
        (502, "+edns=511", false),
        (502, "+edns=512", false),
        (789, "+edns=800", true),
        (790, "+edns=800", false),
        // Never more than we offer.
        (1221, "+edns=1232", true),
        (1222, "+edns=1232", false),
        (1221, "+edns=65535", true),
        (1222, "+edns=65535", false),
        (1222, "+edns=65535 +tcp", true),
        (1222, "+tcp", true),
    ] {
        let world = World::of("example.com.", &txt_of(size));
        let question = format!("big.example.com. TXT {how}");
        let bytes = world.bytes(&question);
        let opt = if how.contains("edns") { 11 } else { 0 };
        let (length, flags) =
            if fits { (size + opt, "NOERROR aa") } else { (33 + opt, "NOERROR aa tc") };
        assert_eq!(bytes.len(), length, "{size} bytes asked {question}");
        let answer = render(&bytes);
        let without = answer.replace(" edns=1232", "");
        assert_eq!(without.split(" |").next(), Some(flags), "{question}: {answer}");
    }
}

#[test]
fn rfc2181_9_what_does_not_fit_is_left_out_whole() {
    let world = World::of("example.com.", &format!("c CNAME big\n{}", txt_of(600)));
    world.check(&[
        // The first RRset fits, the second does not.
        ("c.example.com. TXT", "NOERROR aa tc | c.example.com. 3600 CNAME big.example.com."),
        ("big.example.com. TXT", "NOERROR aa tc"),
    ]);
    assert!(world.ask("c.example.com. TXT +edns").starts_with("NOERROR aa edns=1232 | c."));
}

#[test]
fn rfc2181_9_a_negative_answer_without_its_soa_is_truncated() {
    // Names that are as long as they can be: 255 + 16 + 12 for the question, the CNAME twice 250.
    let label = "l".repeat(60);
    let long = |first: &str| format!("{first}.{label}.{label}.{label}.example.com.");
    let world =
        World::of("example.com.", &format!("{} CNAME gone.{label}.{label}.{label}\n", long("a")));
    let answer = world.ask(&format!("{} A", long("a")));
    assert!(answer.starts_with("NXDOMAIN aa | "), "{answer}");
    let host = "h".repeat(63);
    let soa = format!(
        "@ 60 SOA {host}.{host}.{host}.net. {host}.{host}.{host}.org. 7 1 1 1 30\n@ NS ns1\n"
    );
    let text = format!("$TTL 60\n{soa}");
    World::bare("example.com.", &text).check(&[
        (&format!("{}.example.com. A", "x".repeat(40)), "NXDOMAIN aa |  | example.com. 30 SOA 7"),
        (&format!("{} A", long("x")), "NXDOMAIN aa tc"),
        (&format!("{} A +tcp", long("x")), "NXDOMAIN aa |  | example.com. 30 SOA 7"),
    ]);
}

#[test]
fn rfc9471_3_1_glue_that_is_needed_and_does_not_fit_truncates() {
    let servers = |place: &str| {
        text((0..13).map(|at| {
            let label = char::from(b'a' + at);
            format!("sub NS {label}.{place}\n{label}.{place} A 192.0.2.{at}\n{label}.{place} AAAA 2001:db8::{at}\n")
        }))
    };
    // 13 NS, then 13 × (16 + 28) of addresses: more than 512 bytes, less than 1232.
    let inside = World::of("example.com.", &servers("ns.sub"));
    let counts = |world: &World, question: &str| {
        let message = decode(&world.bytes(question));
        (message.metadata.truncation, message.authorities.len(), message.additionals.len())
    };
    let (truncated, servers_told, glue) = counts(&inside, "www.sub.example.com. A");
    assert!(truncated && servers_told == 13 && glue < 26, "{servers_told} NS, {glue} glue");
    assert_eq!(counts(&inside, "www.sub.example.com. A +edns"), (false, 13, 26));
    assert_eq!(counts(&inside, "www.sub.example.com. A +tcp"), (false, 13, 26));
    // RFC 9471 §3.2: a sibling's is given as far as it fits, and nobody is sent to TCP for it.
    let sibling = World::of("example.com.", &servers("ns.other"));
    let (truncated, servers_told, glue) = counts(&sibling, "www.sub.example.com. A");
    assert!(!truncated && servers_told == 13 && glue < 26, "{servers_told} NS, {glue} glue");
    assert_eq!(counts(&sibling, "www.sub.example.com. A +edns"), (false, 13, 26));
}

#[test]
fn rfc9471_3_1_over_tcp_the_glue_of_forty_servers_is_whole() {
    let line = |at: u8| {
        format!("sub NS n{at}.sub\nn{at}.sub A 192.0.2.{at}\nn{at}.sub AAAA 2001:db8::{at}\n")
    };
    let world = World::of("example.com.", &text((0..40).map(line)));
    let message = decode(&world.bytes("www.sub.example.com. A +tcp"));
    assert!(!message.metadata.truncation);
    assert_eq!((message.authorities.len(), message.additionals.len()), (40, 80));
}

#[test]
fn over_tcp_a_message_of_64_kib_is_whole() {
    // The most addresses that a zone takes at one name, as every question for them fits.
    let count = 4078;
    let records = text((0..count).map(|at| format!("big A 10.0.{}.{}\n", at / 256, at % 256)));
    let bytes = World::of("example.com.", &records).bytes("big.example.com. A +tcp");
    let message = decode(&bytes);
    assert!(!message.metadata.truncation);
    assert_eq!((message.answers.len(), bytes.len()), (count, 33 + 16 * count));
    // One record of 65,000 bytes.
    let hex = "ab".repeat(65_000);
    let world = World::of("example.com.", &format!("big TYPE65280 \\# 65000 {hex}\n"));
    assert_eq!(world.bytes("big.example.com. TYPE65280 +tcp").len(), 33 + 12 + 65_000);
    assert_eq!(world.ask("big.example.com. TYPE65280 +edns"), "NOERROR aa tc edns=1232");
}

/// Where the RDATA of the first answer of a question for the apex begins, and its bytes.
fn first_rdata(bytes: &[u8], question_len: usize) -> &[u8] {
    let head = 12 + question_len + 4 + 10 + 2;
    let length = usize::from(u16::from_be_bytes([bytes[head - 2], bytes[head - 1]]));
    &bytes[head..head + length]
}

#[test]
fn rfc3597_4_names_in_rdata_are_compressed_for_types_of_rfc1035_alone() {
    let world = World::of(
        "example.com.",
        "@ MX 10 mail\n@ SRV 1 2 3 mail\n@ PTR mail\n@ MINFO mail mail2\n@ DNAME mail.example.net.\n\
         @ RP mail mail2\n@ AFSDB 1 mail\n@ KX 1 mail\n@ NAPTR 1 1 \"\" \"\" \"\" mail\n@ HTTPS 1 mail alpn=h2\n",
    );
    let mail = b"\x04mail\x07example\x03com\0";
    let mail2 = b"\x05mail2\x07example\x03com\0";
    let pointer = [0xc0, 12];
    let rows: [(&str, Vec<u8>); 10] = [
        ("MX", [&[0, 10, 4], &b"mail"[..], &pointer].concat()),
        ("PTR", [&[4], &b"mail"[..], &pointer].concat()),
        ("MINFO", [&[4], &b"mail"[..], &pointer, &[5], b"mail2", &pointer].concat()),
        ("SRV", [&[0, 1, 0, 2, 0, 3], &mail[..]].concat()),
        ("DNAME", b"\x04mail\x07example\x03net\0".to_vec()),
        ("RP", [&mail[..], mail2].concat()),
        ("AFSDB", [&[0, 1], &mail[..]].concat()),
        ("KX", [&[0, 1], &mail[..]].concat()),
        ("NAPTR", [&[0, 1, 0, 1, 0, 0, 0], &mail[..]].concat()),
        ("HTTPS", [&[0, 1], &mail[..], &[0, 1, 0, 3, 2], b"h2"].concat()),
    ];
    for (rtype, expected) in rows {
        let bytes = world.bytes(&format!("example.com. {rtype}"));
        assert_eq!(first_rdata(&bytes, 13), expected, "{rtype}, type {}", number_of_type(rtype));
    }
}

#[test]
fn rfc1035_4_1_4_names_of_one_rrset_share_their_tails() {
    let text = "$TTL 9\n@ SOA a.b.c.net. h 1 1 1 1 1\n@ NS ns1.dns.example.net.\n@ NS ns2.dns.example.net.\n@ NS ns1.dns.example.net.sub\n@ NS ns3.x\n@ NS ns4.x\n@ NS .\n@ NS @\n";
    let world = World::bare("example.com.", text);
    let bytes = world.bytes("example.com. NS");
    let names: Vec<String> =
        decode(&bytes).answers.iter().map(|record| record.data.to_string()).collect();
    assert_eq!(
        names,
        [
            "ns1.dns.example.net.",
            "ns2.dns.example.net.",
            "ns1.dns.example.net.sub.example.com.",
            "ns3.x.example.com.",
            "ns4.x.example.com.",
            ".",
            "example.com.",
        ]
    );
    // In full: 21 with its root label, 26 with its pointer to the apex, 8; shared: 4 and a pointer.
    let lengths = 21 + 6 + 26 + 8 + 6 + 1 + 2;
    assert_eq!(bytes.len(), 12 + 17 + 7 * 12 + lengths);
}

#[test]
fn rfc1035_4_1_4_servers_below_their_cut_end_where_the_question_has_it() {
    let world = world("sub NS ns0.sub\nsub NS ns1.Sub\nns0.sub A 192.0.2.1\nns1.sub A 192.0.2.2\n");
    for (question, question_len) in [("www.sub.example.com. A", 25), ("a.b.sub.example.com. A", 25)]
    {
        let bytes = world.bytes(question);
        // Each NS is 12 bytes, a label of 4 and a pointer; each address is 16.
        assert_eq!(bytes.len(), 12 + question_len + 2 * (12 + 4 + 2) + 2 * 16, "{question}");
        assert_eq!(
            render(&bytes),
            "NOERROR |  | sub.example.com. 3600 NS ns0.sub.example.com., sub.example.com. 3600 NS ns1.sub.example.com. | \
             ns0.sub.example.com. 3600 A 192.0.2.1, ns1.sub.example.com. 3600 A 192.0.2.2"
        );
    }
}

#[test]
fn rfc4343_4_1_tails_are_shared_whatever_their_case() {
    let text =
        "$TTL 9\n@ SOA ns h 1 1 1 1 1\n@ NS ns1.DNS.example.net.\n@ NS ns2.dns.Example.net.\n";
    let message = decode(&World::bare("example.com.", text).bytes("example.com. NS"));
    let name = |at: usize| message.answers[at].data.to_string().to_ascii_lowercase();
    assert_eq!((name(0), name(1)), ("ns1.dns.example.net.".into(), "ns2.dns.example.net.".into()));
}

#[test]
fn every_answer_begins_with_its_id() {
    let world = world("");
    for question in ["www.example.com. A", "gone.example.com. A +edns", "www.example.net. A"] {
        let bytes = world.bytes(question);
        assert_eq!(bytes[..2], ID.to_be_bytes());
        assert_eq!(
            wire(&decode(&bytes).queries[0].name).len() + 16,
            Ask::parse(question.trim_end_matches(" +edns")).query.len()
        );
    }
}
