//! Queries that are signed, and those that are signed wrongly (RFC 8945 §5.2, §5.3).

use std::sync::Arc;

use rotadns::engine::Transport;
use rotadns::engine::settings::Settings;
use rotadns::wire::tsig::chain::Verifier;
use rotadns::wire::tsig::key::{Algorithm, Key, Keys};
use rotadns::wire::tsig::{self, Mac};

use crate::world::{Ask, NOW, World, parse, render, text};

/// A key that the server knows, by the name `k.`.
pub(super) fn key(algorithm: Algorithm) -> Key {
    Key::new(parse("k."), algorithm, &[7; 32])
}

pub(super) fn settings() -> Settings {
    Settings { keys: Keys::new(vec![key(Algorithm::Sha256)]), ..Settings::default() }
}

fn world() -> World {
    let world = World::of("example.com.", "www A 192.0.2.1\n");
    world.and(World::broken("example.org.")).set(settings())
}

/// A question signed at that time, and its MAC.
fn signed(question: &str, key: &Key, now: u64) -> (Vec<u8>, Mac) {
    let mut query = Ask::parse(question).query;
    let mac = tsig::sign_request(key, &mut query, now);
    (query, mac)
}

fn send(world: &World, query: &[u8]) -> Vec<u8> {
    world.send(query, Transport::Udp, 0).expect("an answer")
}

/// The fields of the TSIG that an answer ends in, for the key `k.` and HMAC with SHA-256.
#[derive(Debug, PartialEq, Eq)]
struct Tsig {
    at: usize,
    time: u64,
    mac_len: usize,
    error: u16,
    other: Vec<u8>,
}

fn tsig_of(answer: &[u8], name: &[u8]) -> Tsig {
    let head = [name, &[0, 250, 0, 255, 0, 0, 0, 0]].concat();
    let at = answer.windows(head.len()).rposition(|window| window == head).expect("a TSIG");
    let word = |at: usize| usize::from(u16::from_be_bytes([answer[at], answer[at + 1]]));
    let rdata = at + head.len() + 2;
    assert_eq!(rdata + word(rdata - 2), answer.len(), "nothing follows");
    let algorithm = b"\x0bhmac-sha256\0";
    assert_eq!(answer[rdata..rdata + algorithm.len()], *algorithm);
    let time_at = rdata + algorithm.len();
    let time =
        answer[time_at..time_at + 6].iter().fold(0, |time, byte| time << 8 | u64::from(*byte));
    assert_eq!(word(time_at + 6), 300, "the fudge");
    let mac_len = word(time_at + 8);
    let after = time_at + 10 + mac_len;
    assert_eq!(answer[after..after + 2], answer[..2], "the ID");
    let other = answer[after + 6..].to_vec();
    assert_eq!(word(after + 4), other.len());
    Tsig { at, time, mac_len, error: word(after + 2) as u16, other }
}

#[test]
fn rfc8945_5_3_the_answer_to_a_signed_query_is_signed() {
    let key = key(Algorithm::Sha256);
    for (question, expected) in [
        ("www.example.com. A", "NOERROR aa | www.example.com. 3600 A 192.0.2.1"),
        ("wWw.example.com. A +edns", "NOERROR aa edns=1232 | wWw.example.com. 3600 A 192.0.2.1"),
        ("gone.example.com. A", "NXDOMAIN aa |  | example.com. 300 SOA 7"),
        ("www.example.net. A", "REFUSED"),
        ("www.example.org. A", "SERVFAIL"),
        ("www.example.com. A +version=1", "BADVERS edns=1232"),
        ("www.example.com. MAILB", "NOTIMP"),
    ] {
        let (query, mac) = signed(question, &key, NOW);
        let answer = send(&world(), &query);
        let tsig = tsig_of(&answer, b"\x01k\0");
        assert_eq!((tsig.error, tsig.mac_len, tsig.time), (0, 32, NOW), "{question}");
        let mut verifier = Verifier::new(Arc::new(self::key(Algorithm::Sha256)), &mac);
        assert_eq!(verifier.take(&answer, Some(tsig.at), NOW), Ok(()), "{question}");
        assert!(render(&answer).starts_with(expected), "{question}: {}", render(&answer));
    }
}

#[test]
fn rfc8945_5_2_1_an_unknown_key_is_badkey_unsigned() {
    let other = Key::new(parse("other."), Algorithm::Sha256, &[7; 32]);
    // The name is known, with another algorithm.
    let stronger = Key::new(parse("k."), Algorithm::Sha512, &[7; 32]);
    let (query, _) = signed("www.example.com. A +edns", &other, NOW);
    let answer = send(&world(), &query);
    let tsig = tsig_of(&answer, b"\x05other\0");
    assert_eq!((tsig.error, tsig.mac_len, tsig.other), (17, 0, vec![]));
    assert_eq!(answer[3] & 0xf, 9, "NOTAUTH");
    let (query, _) = signed("www.example.com. A", &stronger, NOW);
    assert_eq!(send(&world(), &query)[3] & 0xf, 9);
}

#[test]
fn rfc8945_5_2_2_a_wrong_mac_is_badsig_unsigned() {
    let wrong = Key::new(parse("k."), Algorithm::Sha256, &[8; 32]);
    let (query, _) = signed("www.example.com. A", &wrong, NOW);
    let answer = send(&world(), &query);
    let tsig = tsig_of(&answer, b"\x01k\0");
    assert_eq!((tsig.error, tsig.mac_len, tsig.other), (16, 0, vec![]));
    assert_eq!(answer[3] & 0xf, 9, "NOTAUTH");
}

#[test]
fn rfc8945_5_2_3_a_wrong_time_is_badtime_signed_with_our_time() {
    let key = key(Algorithm::Sha256);
    for (then, is_bad) in
        [(NOW - 300, false), (NOW - 301, true), (NOW + 300, false), (NOW + 301, true), (0, true)]
    {
        let (query, mac) = signed("www.example.com. A", &key, then);
        let answer = send(&world(), &query);
        let tsig = tsig_of(&answer, b"\x01k\0");
        let (rcode, error) = if is_bad { (9, 18) } else { (0, 0) };
        assert_eq!((u16::from(answer[3] & 0xf), tsig.error, tsig.mac_len), (rcode, error, 32));
        // In the client's time, ours in 48 bits beside it (RFC 8945 §5.2.3).
        let other = if is_bad { NOW.to_be_bytes()[2..].to_vec() } else { Vec::new() };
        let time = if is_bad { then } else { NOW };
        assert_eq!((tsig.time, tsig.other), (time, other), "signed at {then}");
        let mut verifier = Verifier::new(Arc::new(self::key(Algorithm::Sha256)), &mac);
        let taken = verifier.take(&answer, Some(tsig.at), then);
        assert_eq!(taken.is_ok(), !is_bad, "an error is no answer, whoever signs it: {taken:?}");
    }
}

#[test]
fn rfc8945_5_2_4_a_mac_cut_short_is_badtrunc() {
    let (query, _) = signed("www.example.com. A", &key(Algorithm::Sha256), NOW);
    // MAC size, MAC, original ID, error, other length: the last 40 bytes.
    let (before, after) = query.split_at(query.len() - 40);
    for (keep, rcode, error) in
        [(16_u8, 9, Some(22)), (31, 9, Some(22)), (15, 1, None), (0, 1, None)]
    {
        let mac = &after[2..2 + usize::from(keep)];
        let mut cut = [before, &[0, keep], mac, &after[34..]].concat();
        // RDLENGTH stands behind owner, type, class and TTL.
        let rdlength_at = Ask::parse("www.example.com. A").query.len() + 3 + 8;
        cut[rdlength_at + 1] -= 32 - keep;
        let answer = send(&world(), &cut);
        assert_eq!(answer[3] & 0xf, rcode, "{keep} bytes of MAC");
        if let Some(error) = error {
            let tsig = tsig_of(&answer, b"\x01k\0");
            assert_eq!((tsig.error, tsig.mac_len), (error, 32), "{keep} bytes of MAC");
        } else {
            assert_eq!(render(&answer), "FORMERR");
        }
    }
}

#[test]
fn rfc8945_5_1_tsig_elsewhere_than_at_the_end_is_formerr() {
    let (query, _) = signed("www.example.com. A", &key(Algorithm::Sha256), NOW);
    let plain = Ask::parse("www.example.com. A").query.len();
    let record = &query[plain..];
    let address = [&[0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 9][..]].concat();
    for (counts, records) in [
        ([0_u8, 0, 2], [record, record].concat()),
        ([0, 0, 2], [record, &address].concat()),
        ([1, 0, 0], record.to_vec()),
        ([0, 1, 0], record.to_vec()),
    ] {
        let mut message = [&query[..plain], &records].concat();
        for (at, count) in counts.into_iter().enumerate() {
            message[7 + 2 * at] = count;
        }
        assert_eq!(render(&send(&world(), &message)), "FORMERR", "{counts:?}");
    }
}

#[test]
fn rfc8945_5_3_an_answer_stays_within_its_limit_with_its_signature() {
    let key = key(Algorithm::Sha256);
    for count in 20..40 {
        let records = text((0..count).map(|at| format!("big A 192.0.2.{at}\n")));
        let world = World::of("example.com.", &records).set(settings());
        let (query, _) = signed("big.example.com. A", &key, NOW);
        let answer = send(&world, &query);
        assert!(answer.len() <= 512, "{count} records: {} bytes", answer.len());
        let tsig = tsig_of(&answer, b"\x01k\0");
        // 33 bytes of header and question, 16 for each record, 74 of TSIG.
        let fits = 33 + 16 * count + 74 <= 512;
        assert_eq!(answer[2] & 2 == 0, fits, "{count} records, TC");
        assert_eq!((tsig.error, tsig.mac_len), (0, 32));
    }
}
