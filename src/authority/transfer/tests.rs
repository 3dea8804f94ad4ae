//! Transfers of zones, read by hickory-proto.

use std::collections::BTreeMap;
use std::sync::Arc;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};

use super::*;
use crate::authority::pack;
use crate::config::model::{Backend, Balanced, Policy, Pool, Serves, SetState};
use crate::name::{self, Name};
use crate::wire::HEADER;
use crate::wire::tsig::chain::{Signer, Verifier};
use crate::wire::tsig::key::{Algorithm, Key, Keys};
use crate::wire::tsig::{sign_request, verify};
use crate::zone::build::Builder;
use crate::zone::delta::{self, Delta};
use crate::zone::exported::Exported;

const APEX: &str = "example.com.";
const ID: u16 = 0xbeef;

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect(text)
}

/// `OWNER TYPE RDATA`, names relative to the apex.
fn record(line: &str) -> delta::Record {
    let (owner, rest) = line.split_once(' ').expect("an owner");
    let (rtype, text) = rest.split_once(' ').expect("a type");
    let rtype = crate::rdata::parse_type(rtype).expect("a type");
    let mut rdata = Vec::new();
    crate::rdata::parse(rtype, text, &name(APEX), &mut rdata).expect(text);
    delta::Record {
        owner: Name::parse(owner, &name(APEX)).expect(owner),
        rtype,
        ttl: 3600,
        rdata: rdata.into(),
    }
}

fn soa(serial: u32) -> delta::Record {
    record(&format!("@ SOA ns1 Host.Example.NET. {serial} 7200 600 86400 300"))
}

/// A zone of these records, and an SOA.
fn zone(serial: u32, records: impl IntoIterator<Item = delta::Record>) -> Zone {
    let mut builder = Builder::new(name(APEX));
    for (line, record) in [soa(serial), record("@ NS ns1")].into_iter().chain(records).enumerate() {
        let owner = record.owner.as_wire();
        builder.add(owner, record.rtype, record.ttl, &record.rdata, line as u32);
    }
    let (zone, _) = builder.finish(Vec::new()).expect("the zone has no errors");
    zone
}

fn of(serial: u32, lines: &[&str]) -> Zone {
    zone(serial, lines.iter().map(|line| record(line)))
}

/// A request: its question, and the serial that the client has.
fn request(question: &str, rtype: u16, serial: Option<u32>, with_opt: bool) -> Vec<u8> {
    let counts = [1, 0, u16::from(serial.is_some()), u16::from(with_opt)];
    let mut request: Vec<u8> =
        [ID, 0x0100].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect();
    name::parse_into(question.as_bytes(), &[0], &mut request).expect(question);
    request.extend(rtype.to_be_bytes());
    request.extend([0, 1]);
    if let Some(serial) = serial {
        let soa = soa(serial);
        request.extend([0xc0, HEADER as u8, 0, 6, 0, 1, 0, 0, 0, 0]);
        request.extend((soa.rdata.len() as u16).to_be_bytes());
        request.extend(soa.rdata);
    }
    if with_opt {
        request.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    }
    request
}

fn transfer(zone: &Arc<Zone>, request: &[u8]) -> Vec<Vec<u8>> {
    messages(Arc::clone(zone), request, None, || 0).1.collect()
}

fn decode(message: &[u8]) -> Message {
    let decoded = Message::from_vec(message).expect("hickory-proto reads it");
    let word = |at: usize| usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    assert_eq!([decoded.queries.len(), decoded.answers.len()], [word(4), word(6)]);
    assert_eq!(decoded.metadata.id, ID);
    assert!(decoded.metadata.authoritative && decoded.metadata.recursion_desired);
    assert_eq!(decoded.metadata.response_code, ResponseCode::NoError);
    decoded
}

/// All records of a transfer in their order.
fn records(messages: &[Vec<u8>]) -> Vec<Record> {
    messages.iter().flat_map(|message| decode(message).answers).collect()
}

/// `owner type rdata`, of an SOA the serial alone.
fn show(record: &Record) -> String {
    let rdata = match &record.data {
        RData::SOA(soa) => soa.serial.to_string(),
        RData::Unknown { code, rdata } => {
            crate::rdata::print(u16::from(*code), &rdata.anything).to_string()
        }
        other => other.to_string(),
    };
    let owner = record.name.to_string();
    let owner = owner.strip_suffix(APEX).expect("in the zone");
    let owner = if owner.is_empty() { "@" } else { owner.trim_end_matches('.') };
    format!("{owner} {} {rdata}", record.record_type())
}

fn shown(zone: &Arc<Zone>, request: &[u8]) -> Vec<String> {
    records(&transfer(zone, request)).iter().map(show).collect()
}

fn axfr() -> Vec<u8> {
    request(APEX, rtype::AXFR, None, false)
}

fn ixfr(serial: u32) -> Vec<u8> {
    request(APEX, rtype::IXFR, Some(serial), false)
}

#[test]
fn rfc5936_2_2_the_soa_comes_first_and_last_and_everything_else_once() {
    let zone = Arc::new(of(
        7,
        &[
            "ns1 A 192.0.2.53",
            "www A 192.0.2.1",
            "www A 192.0.2.2",
            "www AAAA 2001:db8::1",
            "@ MX 10 mail.other.example.",
            "@ MX 20 Mail",
            "*.wild TXT text",
        ],
    ));
    let shown = shown(&zone, &axfr());
    let [first, between @ .., last] = &shown[..] else { panic!("{shown:?}") };
    assert_eq!((&**first, &**last), ("@ SOA 7", "@ SOA 7"));
    let mut between = between.to_vec();
    between.sort();
    let mut expected = [
        "@ MX 10 mail.other.example.",
        "@ MX 20 Mail.example.com.",
        "@ NS ns1.example.com.",
        "ns1 A 192.0.2.53",
        "www A 192.0.2.1",
        "www A 192.0.2.2",
        "www AAAA 2001:db8::1",
        "*.wild TXT text",
    ];
    expected.sort_unstable();
    assert_eq!(between, expected);
}

#[test]
fn rfc5936_3_3_and_3_5_glue_and_what_is_occluded_are_whole() {
    let lines = [
        "sub NS ns.sub",
        "ns.sub A 192.0.2.9",
        "deep.sub TXT occluded",
        "old DNAME new",
        "below.old A 192.0.2.7",
    ];
    let zone = Arc::new(of(1, &lines));
    let mut shown = shown(&zone, &axfr());
    shown.retain(|line| !line.starts_with('@'));
    shown.sort();
    let mut expected = vec![
        "sub NS ns.sub.example.com.",
        "ns.sub A 192.0.2.9",
        "deep.sub TXT occluded",
        "old DNAME new.example.com.",
        "below.old A 192.0.2.7",
    ];
    expected.sort_unstable();
    assert_eq!(shown, expected);
}

#[test]
fn rfc5936_2_2_1_the_question_stands_in_the_first_message_and_many_records_in_each() {
    let names = (0..5000).map(|n| record(&format!("n{n} A 192.0.2.1")));
    let zone = Arc::new(zone(1, names));
    let messages = transfer(&zone, &request(APEX, rtype::AXFR, None, true));
    assert!(messages.len() > 2);
    for (at, message) in messages.iter().enumerate() {
        assert!(message.len() <= pack::MESSAGE_FULL + 32, "{} bytes", message.len());
        assert!(at + 1 == messages.len() || message.len() > pack::MESSAGE_FULL - 600);
        let decoded = decode(message);
        assert_eq!(decoded.queries.len(), usize::from(at == 0));
        assert_eq!(decoded.edns.is_some(), at == 0, "§2.2.5");
    }
    let records = records(&messages);
    let addresses: BTreeMap<String, usize> = records
        .iter()
        .filter(|record| record.record_type() == RecordType::A)
        .fold(BTreeMap::new(), |mut names, record| {
            *names.entry(record.name.to_string()).or_default() += 1;
            names
        });
    assert_eq!((addresses.len(), records.len()), (5000, 5000 + 3));
    assert!(addresses.values().all(|count| *count == 1));
    let bytes: usize = messages.iter().map(Vec::len).sum();
    assert!(bytes < 5000 * 24, "compressed: {bytes}");
}

#[test]
fn an_rrset_that_is_longer_than_a_message_goes_into_several() {
    let many = (0..3000).map(|n| record(&format!("many A 10.0.{}.{}", n / 250, n % 250)));
    let long = "x".repeat(250);
    let long = (0..20).map(|n| record(&format!("long TXT {n} {}", format!("{long} ").repeat(10))));
    let zone = Arc::new(zone(1, many.chain(long)));
    let messages = transfer(&zone, &axfr());
    let records = records(&messages);
    let count = |rtype| records.iter().filter(|record| record.record_type() == rtype).count();
    assert_eq!((count(RecordType::A), count(RecordType::TXT)), (3000, 20));
    let mut all: Vec<String> = records[1..].iter().map(show).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 3000 + 20 + 2, "none twice");
}

#[test]
fn a_record_that_fills_a_message_has_one_of_its_own() {
    let rdata: Vec<u8> = [&[255; 1], &[b'x'; 255][..]].concat().repeat(254);
    let huge = delta::Record { rdata: rdata.into(), ..record("huge TXT x") };
    let zone = Arc::new(zone(1, [huge, record("www A 192.0.2.1")]));
    let messages = transfer(&zone, &axfr());
    let lengths: Vec<usize> = messages.iter().map(Vec::len).collect();
    assert!(lengths.iter().any(|len| *len > 65_000), "{lengths:?}");
    assert_eq!(records(&messages).len(), 3 + 2);
}

#[test]
fn rfc5936_3_4_the_case_of_the_question_is_not_that_of_the_zone() {
    let zone = Arc::new(of(1, &["www CNAME WWW.Other"]));
    let messages = transfer(&zone, &request("eXample.COM.", rtype::AXFR, None, false));
    let decoded = decode(&messages[0]);
    assert_eq!(decoded.queries[0].name().to_string(), "eXample.COM.");
    for record in &decoded.answers {
        assert!(record.name.to_string().ends_with("example.com."), "{record}");
    }
    assert!(shown(&zone, &axfr()).contains(&"www CNAME WWW.Other.example.com.".to_owned()));
}

#[test]
fn the_root_is_transferred_like_any_zone() {
    let mut builder = Builder::new(Name::root());
    let mut add = |owner: &str, rtype: &str, text: &str| {
        let rtype = crate::rdata::parse_type(rtype).expect("a type");
        let mut rdata = Vec::new();
        crate::rdata::parse(rtype, text, &Name::root(), &mut rdata).expect(text);
        builder.add(name(owner).as_wire(), rtype, 60, &rdata, 0);
    };
    add(".", "SOA", "a. b. 1 2 3 4 5");
    add(".", "NS", "a.");
    add("a.", "A", "192.0.2.1");
    add("com.", "NS", "a.");
    let (zone, _) = builder.finish(Vec::new()).expect("a zone");
    let messages = transfer(&Arc::new(zone), &request(".", rtype::AXFR, None, false));
    let mut shown: Vec<String> =
        records(&messages).iter().map(|r| format!("{} {}", r.name, r.record_type())).collect();
    shown[1..4].sort();
    assert_eq!(shown, [". SOA", ". NS", "a. A", "com. NS", ". SOA"]);
}

/// A version with the way to it from one before.
fn after(before: &Zone, mut now: Zone, removed: &[&str], added: &[&str]) -> Zone {
    let records = |lines: &[&str]| lines.iter().map(|line| record(line)).collect();
    let (was, is) = (soa(before.serial), soa(now.serial));
    let delta = Delta::new(was, records(removed), is, records(added)).expect("both are SOAs");
    now.journal = before.journal.with(Arc::new(delta));
    now
}

/// Three versions of a zone: 1, 2 and 4.
fn versions() -> [Arc<Zone>; 3] {
    let first = of(1, &["www A 192.0.2.1", "mail A 192.0.2.25", "ns1 A 192.0.2.53"]);
    let second = of(2, &["www A 192.0.2.2", "mail A 192.0.2.25", "ns1 A 192.0.2.53"]);
    let second = after(&first, second, &["www A 192.0.2.1"], &["www A 192.0.2.2"]);
    let lines = ["www A 192.0.2.2", "www A 192.0.2.3", "mail A 192.0.2.25", "ns1 A 192.0.2.53"];
    let third = after(&second, of(4, &lines), &[], &["www A 192.0.2.3"]);
    [first, second, third].map(Arc::new)
}

#[test]
fn rfc1995_4_differences_come_step_by_step_between_two_soas() {
    let [_, _, zone] = versions();
    let one_step = ["@ SOA 4", "@ SOA 2", "@ SOA 4", "www A 192.0.2.3", "@ SOA 4"];
    assert_eq!(shown(&zone, &ixfr(2)), one_step);
    assert_eq!(
        shown(&zone, &ixfr(1)),
        [
            "@ SOA 4",
            "@ SOA 1",
            "www A 192.0.2.1",
            "@ SOA 2",
            "www A 192.0.2.2",
            "@ SOA 2",
            "@ SOA 4",
            "www A 192.0.2.3",
            "@ SOA 4",
        ]
    );
}

#[test]
fn rfc1995_2_who_has_this_version_or_a_newer_one_gets_the_soa_alone() {
    let [_, _, zone] = versions();
    for serial in [4, 5, 4 + (1 << 31) - 1] {
        assert_eq!(shown(&zone, &ixfr(serial)), ["@ SOA 4"], "{serial}");
    }
}

#[test]
fn rfc1995_4_who_has_a_version_that_is_not_known_gets_the_whole_zone() {
    let [_, _, zone] = versions();
    let whole = shown(&zone, &axfr());
    for serial in [0, 3, 4_u32.wrapping_sub(1 << 31) + 1] {
        assert_eq!(shown(&zone, &ixfr(serial)), whole, "{serial}");
    }
}

#[test]
fn rfc1995_4_a_way_that_is_longer_than_the_zone_is_not_gone() {
    let first = of(1, &["a TXT 1"]);
    let texts: Vec<String> = (0..100).map(|n| format!("a TXT {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let second = after(&first, of(2, &texts), &[], &texts);
    let third = Arc::new(after(&second, of(3, &["a TXT 1"]), &texts, &["a TXT 1"]));
    assert_eq!(shown(&third, &ixfr(1)), shown(&third, &axfr()));
}

#[test]
fn rfc1982_differences_go_over_the_last_serial() {
    let first = of(u32::MAX, &["www A 192.0.2.1"]);
    let second =
        after(&first, of(0, &["www A 192.0.2.2"]), &["www A 192.0.2.1"], &["www A 192.0.2.2"]);
    let expected =
        ["@ SOA 0", "@ SOA 4294967295", "www A 192.0.2.1", "@ SOA 0", "www A 192.0.2.2", "@ SOA 0"];
    let second = Arc::new(second);
    assert_eq!(shown(&second, &ixfr(u32::MAX)), expected);
    assert_eq!(shown(&second, &ixfr(1)), ["@ SOA 0"]);
}

#[test]
fn rfc1995_3_a_request_without_a_serial_is_malformed() {
    let zone = Arc::new(of(1, &[]));
    let messages = transfer(&zone, &request(APEX, rtype::IXFR, None, false));
    let [message] = &messages[..] else { panic!("{messages:?}") };
    let message = Message::from_vec(message).expect("it can be read");
    assert_eq!(message.metadata.response_code, ResponseCode::FormErr);
    assert_eq!(message.metadata.id, ID);
    assert!(transfer(&zone, b"no message").is_empty());
}

fn pool(backends: &[(&str, SetState)]) -> Pool {
    let backends = backends.iter().map(|(addresses, state)| {
        let own = addresses.split(' ').map(|one| one.parse().expect("an address"));
        let serves = Serves::Addresses(own.collect());
        Backend { state: *state, ..Backend::new((*addresses).to_owned(), serves) }
    });
    Pool::new("web".to_owned(), Policy::RoundRobin, backends.collect())
}

fn exporting(pool: Pool) -> Arc<Zone> {
    let mut zone = of(1, &[]);
    let balanced =
        ["www", "@"].map(|owner| Balanced::new(Name::parse(owner, &name(APEX)).expect(owner), 0));
    zone.exported = Exported::of(&balanced, &[pool]);
    Arc::new(zone)
}

#[test]
fn a_transfer_has_the_public_addresses_of_backends_that_are_not_set_down() {
    use SetState::{Auto, Down, Up};
    for (backends, expected) in [
        (&[("192.0.2.1", Auto), ("192.0.2.2", Up), ("192.0.2.3", Down)][..], "192.0.2.1 192.0.2.2"),
        (&[("192.0.2.1 10.0.0.1", Auto), ("100.64.0.1", Auto)], "192.0.2.1"),
        (&[("2001:db8::1 fd00::1", Auto), ("fe80::1", Auto)], "2001:db8::1"),
        (&[("10.0.0.1", Auto), ("127.0.0.1", Auto)], "10.0.0.1 127.0.0.1"), // an inner zone
        (&[("192.0.2.1", Down)], "192.0.2.1"),
        (&[("192.0.2.1", Down), ("10.0.0.1", Auto)], ""),
    ] {
        let zone = exporting(pool(backends));
        let records = records(&transfer(&zone, &axfr()));
        let addresses = |owner: &str| -> Vec<String> {
            let is_address = |r: &&Record| matches!(r.data, RData::A(_) | RData::AAAA(_));
            let own = records.iter().filter(is_address).filter(|r| r.name.to_string() == owner);
            own.map(|record| {
                assert_eq!(record.ttl, 30);
                record.data.to_string()
            })
            .collect()
        };
        for owner in ["www.example.com.", APEX] {
            assert_eq!(addresses(owner).join(" "), expected, "{backends:?}");
        }
    }
}

#[test]
fn rfc8945_5_3_1_every_message_is_signed_and_covers_the_one_before() {
    const NOW: u64 = 1_800_000_000;
    let key = || Key::new(name("k."), Algorithm::Sha256, b"0123456789abcdef0123456789abcdef");
    let mut request = axfr();
    let at = request.len();
    let mac = sign_request(&key(), &mut request, NOW);
    let signed = verify(&Keys::new(vec![key()]), &request, at, NOW).expect("it is ours");
    let zone = zone(1, (0..5000).map(|n| record(&format!("n{n} A 192.0.2.1"))));
    let messages: Vec<Vec<u8>> =
        messages(Arc::new(zone), &request, Some(&signed), || NOW).1.collect();
    assert!(messages.len() > 2);
    let mut verifier = Verifier::new(Arc::new(key()), &mac);
    for message in &messages {
        decode(message);
        let signature = Signer::new(&signed).room();
        assert_eq!(verifier.take(message, Some(message.len() - signature), NOW), Ok(()));
    }
    assert_eq!(verifier.finish(), Ok(()));
}

#[test]
fn a_record_without_room_for_its_signature_fails_the_transfer() {
    let longest = "a".repeat(63);
    let owner = format!("{longest}.{longest}.{longest}.{}", "a".repeat(48));
    let rdata = [&[255; 1], &[b'x'; 255][..]].concat().repeat(254);
    let rdata = [rdata, vec![210; 1], vec![b'x'; 210]].concat();
    let huge = delta::Record { rdata: rdata.into(), ..record(&format!("{owner} TXT x")) };
    let zone = Arc::new(zone(1, [huge]));
    let whole = transfer(&zone, &axfr());
    assert_eq!(records(&whole).len(), 1 + 3, "it goes unsigned");

    let key = || Key::new(name("k."), Algorithm::Sha512, b"secret");
    let mut request = axfr();
    let at = request.len();
    sign_request(&key(), &mut request, 0);
    let signed = verify(&Keys::new(vec![key()]), &request, at, 0).expect("it is ours");
    let messages: Vec<Vec<u8>> = messages(zone, &request, Some(&signed), || 0).1.collect();
    let last = messages.last().expect("an answer");
    assert_eq!(last[3] & 0xf, rcode::SERVFAIL as u8);
}

/// Random versions of a small zone: what a client makes of the differences is what it would have taken whole.
#[test]
fn differences_lead_to_the_same_zone_as_taking_it_whole() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..200 {
        let lines = |random: &mut fastrand::Rng| -> Vec<delta::Record> {
            let count = random.usize(0..40);
            let line = |random: &mut fastrand::Rng| {
                let owner = ["@", "a", "b.a", "*.c", "d", "e.f.g"][random.usize(0..6)];
                match random.u8(0..3) {
                    0 => record(&format!("{owner} A 192.0.2.{}", random.u8(1..6))),
                    1 => record(&format!("{owner} TXT t{}", random.u8(0..4))),
                    _ => record(&format!("{owner} MX {} mail{}", random.u8(0..3), random.u8(0..3))),
                }
            };
            (0..count).map(|_| line(random)).collect()
        };
        let backends = ["192.0.2.7", "192.0.2.8", "2001:db8::7"];
        let version = |serial: u32, random: &mut fastrand::Rng| {
            let mut zone = zone(serial, lines(random));
            let chosen = backends.iter().filter(|_| random.bool());
            let mut chosen: Vec<(&str, SetState)> =
                chosen.map(|address| (*address, SetState::Auto)).collect();
            chosen.push(("192.0.2.9", SetState::Auto));
            let owner = Name::parse("pool", &name(APEX)).expect("a name");
            let balanced = Balanced::new(owner, 0);
            zone.exported = Exported::of(&[balanced], &[pool(&chosen)]);
            zone
        };
        let mut versions = vec![version(u32::MAX - 2, &mut random)];
        for serial in [u32::MAX - 1, 0, 1, 9] {
            let next = version(serial, &mut random);
            let next = next.following(versions.last().expect("the first"));
            versions.push(next);
        }
        let last = Arc::new(versions.pop().expect("five versions"));
        let mut whole = shown(&last, &axfr());
        whole.pop();
        whole.sort();
        for before in versions {
            let serial = before.serial;
            let mut known = shown(&Arc::new(before), &axfr());
            known.pop();
            let told = shown(&last, &ixfr(serial));
            known = match told.get(1) {
                Some(second) if second.starts_with("@ SOA") => applied(known, &told[1..]),
                // The whole zone, as it is shorter.
                _ => told[..told.len() - 1].to_vec(),
            };
            known.sort();
            assert_eq!(known, whole, "from {serial}, seed {seed}: {told:#?}");
        }
    }
}

/// A zone after differences, which end in the SOA that began them.
fn applied(mut zone: Vec<String>, told: &[String]) -> Vec<String> {
    let mut removing = false;
    for record in &told[..told.len() - 1] {
        if record.starts_with("@ SOA") {
            removing = !removing;
        }
        if removing {
            let place = zone.iter().position(|own| own == record);
            zone.swap_remove(place.unwrap_or_else(|| panic!("{record} is not there: {zone:#?}")));
        } else {
            assert!(!zone.contains(record), "{record} is there: {zone:#?}");
            zone.push(record.clone());
        }
    }
    zone
}
