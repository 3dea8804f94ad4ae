//! Transfers, notifies and updates: who may, and what the others are told.

use std::collections::HashMap;

use rotadns::config::model::access::{Access, Allow, Peer, ZoneAccess};
use rotadns::engine::settings::Settings;
use rotadns::engine::{Service, Transport};
use rotadns::wire::tsig;
use rotadns::wire::tsig::key::Algorithm;

use super::signed::{key, settings};
use crate::world::{Ask, NOW, World, parse, render};

/// example.com is for whoever has the key, example.net for this machine, example.org for nobody; broken.example is
/// broken and for this machine.
fn world() -> World {
    let signed = || vec![Allow { address: None, key: Some(parse("k.")) }];
    let local =
        || vec![Allow { address: Some("127.0.0.0/8".parse().expect("a prefix")), key: None }];
    let zone = |allow: &dyn Fn() -> Vec<Allow>| ZoneAccess {
        transfer: allow(),
        update: allow(),
        ..ZoneAccess::default()
    };
    let zones = HashMap::from([
        (parse("example.com."), zone(&signed)),
        (parse("example.net."), zone(&local)),
        (parse("broken.example."), zone(&local)),
        (parse("expired.example."), zone(&local)),
    ]);
    let primary = |address: &str, key| {
        let address = format!("{address}:53").parse().expect("an address");
        vec![Peer { address, key, tls: None }]
    };
    let primaries = HashMap::from([
        (parse("example.com."), primary("192.0.2.1", Some(parse("k.")))),
        (parse("example.net."), primary("127.0.0.1", None)),
        (parse("broken.example."), primary("127.0.0.1", None)),
        (parse("expired.example."), primary("127.0.0.1", None)),
        (parse("elsewhere.example."), primary("127.0.0.1", None)),
    ]);
    let access = Access { zones, primaries, ..Access::default() };
    ["example.com.", "example.net.", "example.org.", "elsewhere.example."]
        .map(|origin| World::of(origin, "www A 192.0.2.1\n"))
        .into_iter()
        .fold(World::broken("broken.example."), World::and)
        .and(World::expired("expired.example."))
        .set(Settings { access, ..settings() })
}

/// A question with that opcode, signed or not.
fn query(opcode: u8, question: &str, is_signed: bool) -> Vec<u8> {
    let mut query = Ask::parse(question).query;
    query[2] = opcode << 3;
    if is_signed {
        tsig::sign_request(&key(Algorithm::Sha256), &mut query, NOW);
    }
    query
}

#[track_caller]
fn check(opcode: u8, transport: Transport, rows: &[(&str, bool, Result<Service, &str>)]) {
    let world = world();
    for (question, is_signed, expected) in rows {
        let query = query(opcode, question, *is_signed);
        let service = world.service(&query, transport);
        assert_eq!(service, expected.ok(), "{question}, signed: {is_signed}");
        if let Err(expected) = expected {
            let answer = world.send(&query, transport, 0).expect("an answer");
            let rendered = render(&answer);
            assert!(rendered.starts_with(expected), "{question}, signed: {is_signed}: {rendered}");
        }
    }
}

#[test]
fn rfc5936_5_a_transfer_is_for_who_may() {
    use Service::Transfer;
    check(
        0,
        Transport::Tcp,
        &[
            ("example.com. AXFR", false, Err("REFUSED")),
            ("example.com. AXFR", true, Ok(Transfer)),
            ("EXAMPLE.com. IXFR +edns", true, Ok(Transfer)),
            ("example.net. AXFR", false, Ok(Transfer)),
            ("example.net. IXFR", true, Ok(Transfer)),
            ("example.org. AXFR", true, Err("REFUSED")),
            ("broken.example. AXFR", false, Err("SERVFAIL")),
            ("expired.example. AXFR", false, Err("SERVFAIL")),
            // RFC 5936 §2.2.1: what is no zone of ours.
            ("www.example.net. AXFR", false, Err("NOTAUTH")),
            ("example. AXFR", false, Err("NOTAUTH")),
            ("example.net. AXFR CH", false, Err("NOTAUTH")),
        ],
    );
    // RFC 5936 §4.2, RFC 1995 §2.
    check(
        0,
        Transport::Udp,
        &[
            ("example.net. AXFR", false, Err("NOTIMP")),
            ("example.net. IXFR", false, Err("NOERROR aa | example.net. 3600 SOA 7")),
        ],
    );
}

#[test]
fn rfc2136_3_1_and_3_3_an_update_is_for_who_may() {
    use Service::Update;
    for transport in [Transport::Udp, Transport::Tcp] {
        check(
            5,
            transport,
            &[
                ("example.com. SOA", false, Err("REFUSED")),
                ("example.com. SOA", true, Ok(Update)),
                ("example.net. SOA +edns", false, Ok(Update)),
                ("example.org. SOA", true, Err("REFUSED")),
                ("broken.example. SOA", false, Err("SERVFAIL")),
                ("www.example.net. SOA", false, Err("NOTAUTH")),
                ("gone.example. SOA", true, Err("NOTAUTH")),
                ("example.net. SOA CH", false, Err("NOTAUTH")),
                ("example.net. A", false, Err("FORMERR")),
            ],
        );
    }
}

#[test]
fn rfc1996_3_11_a_notify_is_for_primaries() {
    use Service::Notify;
    for transport in [Transport::Udp, Transport::Tcp] {
        check(
            4,
            transport,
            &[
                ("example.com. SOA", false, Err("REFUSED")),
                ("example.com. SOA", true, Ok(Notify)),
                ("example.net. SOA", false, Ok(Notify)),
                ("broken.example. SOA", false, Ok(Notify)),
                ("expired.example. SOA", false, Ok(Notify)),
                ("example.org. SOA", false, Err("REFUSED")),
                ("example.net. A", false, Err("REFUSED")),
                ("www.example.net. SOA", false, Err("NOTAUTH")),
                ("gone.example. SOA", false, Err("NOTAUTH")),
            ],
        );
    }
}

#[test]
fn rfc2136_3_1_2_counts_other_than_one_zone_are_formerr() {
    for count in [0, 2] {
        let mut query = query(5, "example.net. SOA", false);
        query[5] = count;
        let answer = world().send(&query, Transport::Udp, 0).expect("an answer");
        assert_eq!(render(&answer), "FORMERR", "{count} zones");
    }
}

#[test]
fn who_listens_and_has_nobody_to_hand_it_on_to_refuses() {
    let query = query(5, "example.net. SOA", false);
    let answer = world().send(&query, Transport::Udp, 0).expect("an answer");
    assert_eq!(render(&answer), "REFUSED");
}
