//! NSID, keepalive, padding, client subnet: what is given when it is asked for, and where.

use rotadns::engine::settings::Settings;

use crate::world::{World, options, render, text, unhex};

/// The options of an answer.
type Given<'a> = &'a [(u16, &'a [u8])];

/// The numbers of options (IANA).
const NSID: u16 = 3;
const SUBNET: u16 = 8;
const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;

fn settings() -> Settings {
    Settings { nsid: Some("ams-1".into()), keepalive: 300, ..Settings::default() }
}

fn world() -> World {
    World::of("example.com.", "www A 192.0.2.1\n").set(settings())
}

#[track_caller]
fn check(world: &World, rows: &[(&str, Given<'_>)]) {
    for (question, expected) in rows {
        let found = options(&world.bytes(question));
        let expected: Vec<(u16, Vec<u8>)> =
            expected.iter().map(|(code, data)| (*code, data.to_vec())).collect();
        assert_eq!(found, expected, "{question}");
    }
}

#[test]
fn rfc5001_2_1_nsid_is_given_to_who_asks() {
    let given: Given<'_> = &[(NSID, b"ams-1")];
    check(
        &world(),
        &[
            ("www.example.com. A +edns", &[]),
            ("www.example.com. A +option=3:", given),
            // What a query's option says does not matter.
            ("www.example.com. A +option=3:616263", given),
            ("gone.example.com. A +tcp +option=3:", given),
            ("www.example.com. A +option=65280: +option=3:", given),
        ],
    );
    let silent = World::of("example.com.", "www A 192.0.2.1\n");
    check(&silent, &[("www.example.com. A +option=3:", &[])]);
}

#[test]
fn rfc7901_5_chain_and_rfc8145_4_1_key_tags_are_passed_over() {
    // CHAIN with the root and with a name cut short, one key tag, two, and half of one: who does not know an option does
    // not look into it.
    for option in ["13:00", "13:03636f6d00", "13:0363", "14:4a5c", "14:4a5c4f66", "14:4a", "14:"] {
        let question = format!("www.example.com. A +option={option}");
        check(&world(), &[(&question, &[])]);
        let answer = "NOERROR aa edns=1232 | www.example.com. 3600 A 192.0.2.1";
        assert_eq!(world().ask(&question), answer, "{option}");
    }
}

#[test]
fn rfc7828_3_keepalive_is_for_streams_and_on_request() {
    let given: Given<'_> = &[(KEEPALIVE, &[1, 44])];
    check(
        &world(),
        &[
            ("www.example.com. A +tcp +edns", &[]),
            ("www.example.com. A +tcp +option=11:", given),
            ("www.example.com. A +tls +option=11:", given),
            // §3.2.1, §3.3.1: over UDP it is ignored, whatever it says.
            ("www.example.com. A +option=11:", &[]),
            ("www.example.com. A +option=11:0001", &[]),
        ],
    );
    world().check(&[("www.example.com. A +tcp +option=11:0001", "FORMERR edns=1232")]);
}

#[test]
fn rfc7830_3_and_rfc8467_4_1_answers_are_padded_where_nobody_reads_along() {
    for (question, is_padded) in [
        ("www.example.com. A +tls +option=12:0000", true),
        ("gone.example.com. A +tls +option=12: +option=3:", true),
        ("www.example.com. A +tls +edns", false),
        ("www.example.com. A +tcp +option=12:", false),
        ("www.example.com. A +option=12:", false),
    ] {
        let answer = world().bytes(question);
        let options = options(&answer);
        let padding = options.iter().find(|(code, _)| *code == PADDING);
        assert_eq!(padding.is_some(), is_padded, "{question}");
        if let Some((_, zeros)) = padding {
            assert_eq!(answer.len(), 468, "{question}");
            assert!(zeros.iter().all(|byte| *byte == 0), "{question}");
        }
    }
    // Two blocks and more.
    let records = text((0..40).map(|at| format!("www A 192.0.2.{}\n", 100 + at)));
    let world = World::of("example.com.", &records).set(settings());
    assert_eq!(world.bytes("www.example.com. A +tls +option=12:").len(), 936);
}

#[test]
fn rfc7871_7_2_1_client_subnet_comes_back_with_scope_0() {
    for data in [
        "000118 00 c00002",
        "000120 00 c0000201",
        "000100 00",
        "000114 00 c000f0",
        "000220 00 20010db8",
        "000100 00",
    ] {
        let data = data.replace(' ', "");
        let question = format!("www.example.com. A +option=8:{data}");
        check(&world(), &[(&question, &[(SUBNET, &unhex(&data))])]);
        assert!(world().ask(&question).starts_with("NOERROR aa edns=1232 | www."), "{data}");
    }
    // Whatever the response code, where the query can be read.
    check(
        &world(),
        &[("gone.example.com. A +option=8:00011800c00002", &[(SUBNET, &[0, 1, 24, 0, 192, 0, 2])])],
    );
}

#[test]
fn rfc7871_6_a_broken_client_subnet_is_formerr() {
    for (data, what) in [
        ("", "nothing"),
        ("000118", "no scope"),
        ("00011800c000", "an address that is too short"),
        ("00011800c0000200", "one that is too long"),
        ("00011400c000f8", "bits behind the prefix"),
        ("00012100c000020000", "33 bits of IPv4"),
        ("00028100", "129 bits of IPv6"),
        ("00011818c00002", "a scope in a query"),
        ("00030000", "a family that there is not"),
        ("00000800c0", "a prefix without a family"),
    ] {
        let answer = world().ask(&format!("www.example.com. A +option=8:{data}"));
        assert_eq!(answer, "FORMERR edns=1232", "{what}");
    }
}

#[test]
fn options_that_an_answer_can_do_without_never_cost_it_a_record() {
    let nsid = "n".repeat(128);
    let settings = Settings { nsid: Some(nsid.into()), ..Settings::default() };
    for count in 15..32_usize {
        let records = text((0..count).map(|at| format!("big A 192.0.2.{at}\n")));
        let world = World::of("example.com.", &records).set(settings.clone());
        let answer = world.bytes("big.example.com. A +edns=512 +option=3:");
        let plain = 33 + 16 * count + 11;
        let has_nsid = plain + 4 + 128 <= 512;
        assert_eq!(answer[2] & 2 != 0, plain > 512, "{count} records, TC");
        if plain <= 512 {
            assert_eq!(answer.len(), plain + if has_nsid { 132 } else { 0 }, "{count} records");
        }
    }
    // Those that it must have are kept room for.
    for count in 25..32_usize {
        let records = text((0..count).map(|at| format!("big A 192.0.2.{at}\n")));
        let world = World::of("example.com.", &records).set(settings.clone());
        let answer = world.bytes("big.example.com. A +edns=512 +option=8:00012000c0000201");
        assert!(answer.len() <= 512, "{count} records: {} bytes", answer.len());
        assert_eq!(options(&answer).len(), 1, "{count} records: {}", render(&answer));
        assert_eq!(answer[2] & 2 != 0, 33 + 16 * count + 11 + 12 > 512, "{count} records, TC");
    }
}

#[test]
fn rfc6891_6_1_3_options_of_another_version_mean_nothing() {
    let broken = "www.example.com. A +version=1 +option=3: +option=8:00";
    world().check(&[(broken, "BADVERS edns=1232")]);
    check(&world(), &[(broken, &[])]);
}
