//! Updates as people write them for nsupdate, and what becomes of the zone.

use std::collections::BTreeSet;

use super::*;
use crate::config::model::Balanced;
use crate::rdata;
use crate::wire::{HEADER, opcode};
use crate::zone::build::{Builder, Faces};
use crate::zone::delta::Record;
use crate::zone::delta::tests::LOOKED_AT;
use crate::zone::overlay::{Changed, Overlay};

const ZONE: &str = "$TTL 60
@ SOA ns h 7 1 1 1 30
@ NS ns
@ NS ns.example.net.
@ MX 10 mail
a A 192.0.2.1
a A 192.0.2.2
a TXT x
b.ent TXT x
c CNAME a
d DNAME a
* A 192.0.2.9
sub NS ns.sub
";

fn origin() -> Name {
    Name::parse_absolute("example.").expect("a name")
}

fn zone() -> Zone {
    let mut builder = Builder::new(origin());
    crate::zonefile::read(ZONE.as_bytes(), &origin(), |record| {
        builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
    });
    builder.add_balanced(&Balanced::new(name("www"), 0), &Faces::default(), None);
    builder.finish(Vec::new()).expect("it has no mistakes").0
}

fn name(text: &str) -> Name {
    Name::parse(text, &origin()).expect(text)
}

/// A record of a message, uncompressed.
fn raw(owner: &str, rtype: u16, class: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let fixed = [&rtype.to_be_bytes()[..], &class.to_be_bytes(), &ttl.to_be_bytes()].concat();
    [name(owner).as_wire(), &fixed, &(rdata.len() as u16).to_be_bytes(), rdata].concat()
}

fn wire(rtype: u16, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    rdata::parse(rtype, text, &origin(), &mut out).expect(text);
    out
}

/// A line of nsupdate's: `nxdomain a`, `yxrrset a A 192.0.2.1`, `add a 60 A 192.0.2.1`, `delete a A`; or bytes after
/// `raw`: owner, type, class, TTL, RDATA in hex.
fn record(line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.splitn(5, ' ').collect();
    let rtype = |text: &str| rdata::parse_type(text).expect(line);
    let number = |text: &str| text.parse::<u16>().expect(line);
    match *words {
        ["yxdomain" | "delete", owner] => raw(owner, rtype::ANY, class::ANY, 0, &[]),
        ["nxdomain", owner] => raw(owner, rtype::ANY, class::NONE, 0, &[]),
        ["yxrrset" | "delete", owner, kind] => raw(owner, rtype(kind), class::ANY, 0, &[]),
        ["nxrrset", owner, kind] => raw(owner, rtype(kind), class::NONE, 0, &[]),
        ["yxrrset", owner, kind, text] => {
            raw(owner, rtype(kind), class::IN, 0, &wire(rtype(kind), text))
        }
        ["yxrrset", owner, kind, a, b] => {
            raw(owner, rtype(kind), class::IN, 0, &wire(rtype(kind), &format!("{a} {b}")))
        }
        ["add", owner, ttl, kind, text] => {
            raw(owner, rtype(kind), class::IN, ttl.parse().expect(line), &wire(rtype(kind), text))
        }
        ["delete", owner, kind, text] => {
            raw(owner, rtype(kind), class::NONE, 0, &wire(rtype(kind), text))
        }
        ["delete", owner, kind, a, b] => {
            raw(owner, rtype(kind), class::NONE, 0, &wire(rtype(kind), &format!("{a} {b}")))
        }
        ["raw", owner, kind, class, rest] => {
            let (ttl, hex) = rest.split_once(' ').unwrap_or((rest, ""));
            let bytes = (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect(line));
            let bytes: Vec<u8> = bytes.collect();
            raw(owner, number(kind), number(class), ttl.parse().expect(line), &bytes)
        }
        _ => panic!("{line}"),
    }
}

fn message(prerequisites: &[&str], updates: &[&str]) -> Vec<u8> {
    let counts = [1, prerequisites.len(), updates.len(), 0].map(|count| count as u16);
    let mut message =
        [&[0, 7, opcode::UPDATE << 3, 0][..], &counts.map(u16::to_be_bytes).concat()].concat();
    message.extend(origin().as_wire());
    message.extend([0, 6, 0, 1]);
    message.extend(prerequisites.iter().chain(updates).flat_map(|line| record(line)));
    message
}

/// A record as the tests write it: names below the apex relative.
fn shown(record: &Record) -> String {
    let owner = record.owner.to_string();
    let owner = owner.strip_suffix(".example.").unwrap_or("@");
    let rtype = rdata::type_name(record.rtype);
    format!("{owner} {} {rtype} {}", record.ttl, rdata::print(record.rtype, &record.rdata))
}

/// What goes and what comes, SOAs apart; `=` where nothing changes; else what the client is told.
fn told(zone: &Zone, message: &[u8]) -> String {
    match update(zone, message, 5) {
        Err(Refusal { rcode, .. }) => rcode_name(rcode).to_owned(),
        Ok(None) => "=".to_owned(),
        Ok(Some(delta)) => {
            assert_eq!((delta.from(), delta.to()), (7, 8), "serials");
            let edited = zone.edited(&delta).expect("it fits the zone it was made for");
            assert_eq!(edited.serial, 8);
            let list = |sign: char, records: &[Record]| -> BTreeSet<String> {
                records[1..].iter().map(|record| format!("{sign}{}", shown(record))).collect()
            };
            let mut lines = list('-', delta.removed());
            lines.extend(list('+', delta.added()));
            lines.into_iter().collect::<Vec<_>>().join(", ")
        }
    }
}

fn rcode_name(code: u16) -> &'static str {
    match code {
        rcode::FORMERR => "FORMERR",
        rcode::NXDOMAIN => "NXDOMAIN",
        rcode::REFUSED => "REFUSED",
        rcode::YXDOMAIN => "YXDOMAIN",
        rcode::YXRRSET => "YXRRSET",
        rcode::NXRRSET => "NXRRSET",
        rcode::NOTZONE => "NOTZONE",
        _ => "?",
    }
}

const ADD: &str = "add new 60 TXT x";
const ADDED: &str = "+new 60 TXT \"x\"";

#[test]
fn rfc2136_2_4_each_prerequisite_holds_or_has_its_code() {
    for (prerequisite, expected) in [
        // §2.4.4, §2.4.5: a name is in use where it owns a record. No wildcard stands for it.
        ("yxdomain a", ADDED),
        ("yxdomain A", ADDED),
        ("yxdomain x", "NXDOMAIN"),
        ("yxdomain ent", "NXDOMAIN"),
        ("yxdomain www", ADDED),
        ("nxdomain x", ADDED),
        ("nxdomain ent", ADDED),
        ("nxdomain a", "YXDOMAIN"),
        ("nxdomain www", "YXDOMAIN"),
        // §2.4.1, §2.4.3: an RRset is there or not, whatever is in it.
        ("yxrrset a A", ADDED),
        ("yxrrset a AAAA", "NXRRSET"),
        ("yxrrset x A", "NXRRSET"),
        ("yxrrset www A", ADDED),
        ("nxrrset a AAAA", ADDED),
        ("nxrrset x A", ADDED),
        ("nxrrset a A", "YXRRSET"),
        // §2.4.2: an RRset is exactly this; one record of two is not.
        ("yxrrset a TXT x", ADDED),
        ("yxrrset @ MX 10 MAIL", ADDED),
        ("yxrrset a TXT X", "NXRRSET"),
        ("yxrrset a A 192.0.2.1", "NXRRSET"),
        ("yxrrset a AAAA 2001:db8::1", "NXRRSET"),
        ("yxrrset www A 192.0.2.1", "NXRRSET"),
        // §3.2.5: what no prerequisite may be.
        ("yxdomain example.net.", "NOTZONE"),
        ("nxrrset xexample. A", "NOTZONE"),
        ("raw a 1 255 60", "FORMERR"),
        ("raw a 1 255 0 00", "FORMERR"),
        ("raw a 1 254 0 00", "FORMERR"),
        ("raw a 1 1 60 c0000201", "FORMERR"),
        ("raw a 1 1 0 c00002", "FORMERR"),
        ("raw a 255 1 0", "FORMERR"),
        ("raw a 1 3 0", "FORMERR"),
    ] {
        assert_eq!(told(&zone(), &message(&[prerequisite], &[ADD])), expected, "{prerequisite}");
    }
}

#[test]
fn rfc2136_3_2_all_prerequisites_hold_together() {
    for (prerequisites, expected) in [
        (&["yxrrset a A 192.0.2.1", "yxrrset a A 192.0.2.2"][..], ADDED),
        (&["yxrrset a A 192.0.2.2", "yxrrset a A 192.0.2.1", "yxrrset a A 192.0.2.2"], ADDED),
        (&["yxrrset a A 192.0.2.1", "yxrrset a A 192.0.2.2", "yxrrset a A 192.0.2.3"], "NXRRSET"),
        (&["yxrrset a A 192.0.2.1", "yxrrset a TXT x"], "NXRRSET"),
        (&["yxdomain a", "nxdomain a"], "YXDOMAIN"),
        // §3.2.5: what is compared by data comes after all others.
        (&["yxrrset a TXT y", "nxdomain a"], "YXDOMAIN"),
    ] {
        assert_eq!(told(&zone(), &message(prerequisites, &[ADD])), expected, "{prerequisites:?}");
    }
    assert_eq!(told(&zone(), &message(&["yxdomain a"], &[])), "=", "a question alone");
    // §3.2 comes before §3.4.
    assert_eq!(told(&zone(), &message(&["nxdomain a"], &["raw a 255 1 0"])), "YXDOMAIN");
}

#[test]
fn rfc2136_3_4_1_what_is_wrong_anywhere_stops_all() {
    for (line, expected) in [
        ("add a.example.net. 60 A 192.0.2.1", "NOTZONE"),
        ("delete example.net.", "NOTZONE"),
        ("raw a 1 1 60 c00002", "FORMERR"),
        ("raw a 1 1 60", "FORMERR"),
        ("raw a 255 1 60", "FORMERR"), // ANY
        ("raw a 252 1 60", "FORMERR"), // AXFR
        ("raw a 253 1 60", "FORMERR"), // MAILB
        ("raw a 254 1 60", "FORMERR"), // MAILA
        ("raw a 251 1 60", "FORMERR"), // IXFR
        ("raw a 0 1 60", "FORMERR"),
        ("raw a 1 255 60", "FORMERR"),
        ("raw a 1 255 0 c0000201", "FORMERR"),
        ("raw a 252 255 0", "FORMERR"),
        ("raw a 1 254 60 c0000201", "FORMERR"),
        ("raw a 255 254 0", "FORMERR"),
        ("raw a 1 254 0 c00002", "FORMERR"),
        ("raw a 1 3 60 c0000201", "FORMERR"), // CHAOS
        ("add @ 60 DNSKEY 257 3 13 AAAA", "REFUSED"),
    ] {
        assert_eq!(told(&zone(), &message(&[], &[ADD, line])), expected, "{line}");
    }
}

#[test]
fn rfc2136_3_4_2_2_adding() {
    for (line, expected) in [
        ("add a 60 A 192.0.2.3", "+a 60 A 192.0.2.3"),
        ("add a 60 A 192.0.2.1", "="),
        ("add @ 60 MX 10 MAIL", "="),
        // RFC 2181 §5.2: one TTL for all.
        ("add a 30 TXT y", "+a 30 TXT \"x\", +a 30 TXT \"y\", -a 60 TXT \"x\""),
        ("add a 30 TXT x", "+a 30 TXT \"x\", -a 60 TXT \"x\""),
        ("add x.y 60 A 192.0.2.1", "+x.y 60 A 192.0.2.1"),
        ("add *.x 60 A 192.0.2.1", "+*.x 60 A 192.0.2.1"),
        ("raw x 1 1 4294967295 c0000201", "+x 0 A 192.0.2.1"), // RFC 2181 §8
        // A CNAME stands alone, and that is not told.
        ("add a 60 CNAME b", "="),
        ("add c 60 A 192.0.2.1", "="),
        ("add c 60 CNAME b", "+c 60 CNAME b.example., -c 60 CNAME a.example."),
        ("add d 60 CNAME b", "="),
        // Its key may stand beside it.
        ("add c 60 KEY 512 3 8 AQID", "+c 60 KEY 512 3 8 AQID"),
        ("add d 60 DNAME b", "+d 60 DNAME b.example., -d 60 DNAME a.example."),
        ("add c 60 DNAME b", "="),
        // A SOA comes with a greater serial or not at all.
        ("add @ 60 SOA ns h 7 1 1 1 99", "="),
        ("add @ 60 SOA ns h 6 1 1 1 99", "="),
        ("add a 60 SOA ns h 9 1 1 1 99", "="),
        // §7.18: below a cut there may be anything.
        ("add ns.sub 60 A 192.0.2.1", "+ns.sub 60 A 192.0.2.1"),
        ("raw x 65280 1 60 00ff", "+x 60 TYPE65280 \\# 2 00FF"),
    ] {
        assert_eq!(told(&zone(), &message(&[], &[line])), expected, "{line}");
    }
}

#[test]
fn rfc2136_3_4_2_2_of_wks_there_is_one_for_each_address_and_protocol() {
    let zone = zone();
    let tcp = message(&[], &["add a 60 WKS 192.0.2.1 6 25"]);
    let zone = zone.edited(&update(&zone, &tcp, 5).expect("fine").expect("new")).expect("it fits");
    for (line, expected) in [("6 80", (1, 1)), ("17 80", (0, 1))] {
        let again = message(&[], &[&format!("add a 60 WKS 192.0.2.1 {line}")]);
        let delta = update(&zone, &again, 5).expect("fine").expect("new");
        assert_eq!((delta.removed().len() - 1, delta.added().len() - 1), expected, "{line}");
    }
}

#[test]
fn rfc2136_3_4_2_3_deleting_rrsets() {
    for (line, expected) in [
        ("delete a A", "-a 60 A 192.0.2.1, -a 60 A 192.0.2.2"),
        ("delete a AAAA", "="),
        ("delete x A", "="),
        ("delete ent", "="),
        ("delete a", "-a 60 A 192.0.2.1, -a 60 A 192.0.2.2, -a 60 TXT \"x\""),
        ("delete *", "-* 60 A 192.0.2.9"),
        // At the apex SOA and NS stay.
        ("delete @ SOA", "="),
        ("delete @ NS", "="),
        ("delete @", "-@ 60 MX 10 mail.example."),
        ("delete sub NS", "-sub 60 NS ns.sub.example."),
    ] {
        assert_eq!(told(&zone(), &message(&[], &[line])), expected, "{line}");
    }
}

#[test]
fn rfc2136_3_4_2_4_deleting_one_record() {
    for (lines, expected) in [
        (&["delete a A 192.0.2.1"][..], "-a 60 A 192.0.2.1"),
        (&["delete a A 192.0.2.3"], "="),
        (&["delete x A 192.0.2.3"], "="),
        (&["delete @ MX 10 MAIL"], "-@ 60 MX 10 mail.example."),
        (&["delete a TXT X"], "="),
        (&["delete @ SOA ns h 7 1 1 1 30"], "="),
        // The last NS of the apex stays, whatever the order.
        (&["delete @ NS ns"], "-@ 60 NS ns.example."),
        (&["delete @ NS ns", "delete @ NS ns.example.net."], "-@ 60 NS ns.example."),
        (
            &["delete @ NS ns", "add @ 60 NS ns2", "delete @ NS ns.example.net."],
            "+@ 60 NS ns2.example., -@ 60 NS ns.example., -@ 60 NS ns.example.net.",
        ),
        (&["delete sub NS ns.sub"], "-sub 60 NS ns.sub.example."),
    ] {
        assert_eq!(told(&zone(), &message(&[], lines)), expected, "{lines:?}");
    }
}

#[test]
fn rfc2136_3_4_2_updates_are_made_in_their_order() {
    for (lines, expected) in [
        (&["add x 60 A 192.0.2.1", "delete x"][..], "="),
        (&["delete a", "add a 60 A 192.0.2.1"], "-a 60 A 192.0.2.2, -a 60 TXT \"x\""),
        (&["delete c", "add c 60 A 192.0.2.1"], "+c 60 A 192.0.2.1, -c 60 CNAME a.example."),
        (&["add c 60 A 192.0.2.1", "delete c"], "-c 60 CNAME a.example."),
        (
            &["delete a", "add a 60 CNAME b"],
            "+a 60 CNAME b.example., -a 60 A 192.0.2.1, -a 60 A 192.0.2.2, -a 60 TXT \"x\"",
        ),
    ] {
        assert_eq!(told(&zone(), &message(&[], lines)), expected, "{lines:?}");
    }
}

#[test]
fn rfc2136_3_6_the_serial_rises_where_anything_changed() {
    let zone = zone();
    for (lines, now, expected) in [
        (&["add x 60 A 192.0.2.1"][..], 5, Some(8)),
        (&["add x 60 A 192.0.2.1"], 1000, Some(1000)),
        (&["add a 60 A 192.0.2.1"], 1000, None),
        // An update that sets it is taken at its word (§3.4.2.2).
        (&["add @ 60 SOA ns h 9 1 1 1 30", "add x 60 A 192.0.2.1"], 1000, Some(9)),
        (&["add @ 60 SOA ns h 9 2 1 1 30"], 1000, Some(9)),
        (&["add @ 60 SOA ns h 6 2 1 1 30", "add x 60 A 192.0.2.1"], 5, Some(8)),
    ] {
        let delta = update(&zone, &message(&[], lines), now).expect("it is fine");
        assert_eq!(delta.map(|delta| delta.to()), expected, "{lines:?} at {now}");
    }
}

#[test]
fn names_of_pools_are_not_for_updates() {
    for line in ["add www 60 A 192.0.2.1", "delete www", "add www 60 TXT x", "delete www A"] {
        let refusal = update(&zone(), &message(&[], &[ADD, line]), 5).expect_err("it is a pool's");
        let why = "www.example. is answered by a pool, which the zone's file has";
        assert_eq!(refusal, Refusal { rcode: rcode::REFUSED, why: why.to_owned() }, "{line}");
    }
    let below = message(&[], &["add a.www 60 A 192.0.2.1"]);
    assert_eq!(told(&zone(), &below), "+a.www 60 A 192.0.2.1");
}

#[test]
fn rfc3597_4_pointers_are_taken_in_names_of_old_types_alone() {
    let pointer = |rtype: u16, rdata: &[u8]| {
        let mut message = message(&[], &[]);
        message[9] = 1;
        message.extend(raw("x", rtype, class::IN, 60, rdata));
        message
    };
    let zone = zone();
    // To the apex in the zone section, which begins behind the header.
    let mx = [&[0, 10][..], b"\x01m\xc0\x0c"].concat();
    assert_eq!(told(&zone, &pointer(rtype::MX, &mx)), "+x 60 MX 10 m.example.");
    let srv = [&[0; 6][..], b"\x01m\xc0\x0c"].concat();
    // dnspython compresses it, as RFC 2052 wanted it.
    assert_eq!(told(&zone, &pointer(rtype::SRV, &srv)), "+x 60 SRV 0 0 0 m.example.");
    let kx = [&[0, 10][..], b"\x01m\xc0\x0c"].concat();
    assert_eq!(told(&zone, &pointer(rtype::KX, &kx)), "FORMERR");
    for (rdata, what) in [
        (&b"\x00\x0a\x01m\xc0\xff"[..], "one that leads on"),
        (b"\x00\x0a\x01m\xc0", "one that is cut short"),
        (b"\x00\x0a\x01m\xc0\x0c\x00", "bytes behind it"),
        (b"\x00", "too short"),
    ] {
        assert_eq!(told(&zone, &pointer(rtype::MX, rdata)), "FORMERR", "{what}");
    }
    // An owner may have one, too.
    let mut message = message(&[], &[]);
    message[9] = 1;
    message.extend(b"\x01x\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
    assert_eq!(told(&zone, &message), "+x 60 A 192.0.2.1");
}

#[test]
fn what_is_cut_short_or_counted_wrongly_is_told_or_dropped_and_never_a_panic() {
    let zone = zone();
    let whole = message(&["yxrrset a A 192.0.2.1"], &["add x 60 MX 1 y", "delete a"]);
    for end in 0..whole.len() {
        assert!(update(&zone, &whole[..end], 5).is_err(), "{end} bytes");
    }
    for at in HEADER..whole.len() {
        for byte in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
            let mut other = whole.clone();
            other[at] = byte;
            let _ = update(&zone, &other, 5);
        }
    }
}

/// Looks at RDATA as often as an update of so many records of one RRset makes it: they come, most of them go again, others
/// come in their place, and what that is beside the file lies over it.
fn looks(records: usize) -> usize {
    let file = zone();
    let address = |number: usize| format!("192.0.{}.{}", number / 256, number % 256);
    let add = |number: usize| format!("add big 60 A {}", address(number));
    let delete = |number: usize| format!("delete big A {}", address(number));
    let steps: [Vec<String>; 2] = [
        (0..records).map(add).collect(),
        (1..records).map(delete).chain((records..2 * records).map(add)).collect(),
    ];
    let (mut zone, mut overlay) = (file.clone(), Overlay::default());
    LOOKED_AT.set(0);
    for step in &steps {
        let lines: Vec<&str> = step.iter().map(String::as_str).collect();
        let delta =
            update(&zone, &message(&[], &lines), 5).expect("it is fine").expect("it changes");
        zone = zone.edited(&delta).expect("it fits");
        let changed = Changed::between(&file, &zone, &name("big"), rtype::A);
        overlay.set(name("big"), rtype::A, changed);
        assert!(overlay.apply(&file, zone.serial).1.is_empty());
    }
    // All of them are wanted, and there.
    let kept: Vec<String> = std::iter::once(0)
        .chain(records..2 * records)
        .map(|number| format!("yxrrset big A {}", address(number)))
        .collect();
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    assert_eq!(told(&zone, &message(&kept, &[])), "=");
    LOOKED_AT.get()
}

#[test]
fn a_large_rrset_costs_what_it_has_and_no_more() {
    let (some, more) = (looks(400), looks(1600));
    assert!(some >= 400 && more <= 4 * some + 100, "{some} of 400, {more} of 1600");
}
