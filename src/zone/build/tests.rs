//! What records together can get wrong, and what is made of them.

use super::*;
use crate::zone::store::{Node, flag};

const HEAD: &str = "$TTL 60\n@ SOA ns h 7 1 1 1 30\n@ NS ns\n";

fn build(text: &str) -> Built {
    let origin = Name::parse_absolute("example.").expect("a name");
    let mut builder = Builder::new(origin.clone());
    let mistakes = crate::zonefile::read(text.as_bytes(), &origin, |record| {
        builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
    });
    assert_eq!(mistakes, []);
    builder.finish(Vec::new())
}

/// Owner, problem and line of each mistake.
fn told(mistakes: Vec<Mistake>) -> Vec<(String, Problem, u32)> {
    let tell = |mistake: Mistake| (mistake.owner.to_string(), mistake.problem, mistake.line);
    mistakes.into_iter().map(tell).collect()
}

fn wire(relative: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    name::parse_into(relative.as_bytes(), b"\x07example\0", &mut wire).expect(relative);
    wire
}

fn node<'z>(zone: &'z Zone, relative: &str) -> Option<Node<'z>> {
    let wire = wire(relative);
    let labels = &wire[..wire.len() - zone.origin.as_wire().len()];
    zone.store.find(name::hash(&wire), labels).map(|at| zone.store.node(at))
}

fn built(records: &str) -> Zone {
    let (zone, mistakes) = build(&format!("{HEAD}{records}")).expect("it has no mistakes");
    assert_eq!(told(mistakes), []);
    zone
}

#[test]
fn each_mistake_that_stands_in_the_way() {
    use Problem::{
        CnameBesideOther, ManyCname, ManyDname, ManySoa, NoNs, NoSoa, RrsetTooLong, SoaBelowApex,
    };
    let soa = "@ 60 SOA ns h 7 1 1 1 30\n";
    let ns = "@ 60 NS ns\n";
    let long = format!("a 60 TYPE65280 \\# 40000 {}\n", "aa".repeat(40_000));
    let longer = format!("{long}a 60 TYPE65280 \\# 40000 {}\n", "bb".repeat(40_000));
    for (records, owner, problem, line) in [
        (ns.to_owned(), "example.", NoSoa, 0),
        (soa.to_owned(), "example.", NoNs, 1),
        (format!("{soa}{ns}@ 60 SOA ns h 8 1 1 1 30\n"), "example.", ManySoa, 3),
        (format!("{soa}{ns}a{}", &soa[1..]), "a.example.", SoaBelowApex, 3),
        (format!("{soa}{ns}a 60 CNAME b\na 60 A 192.0.2.1\n"), "a.example.", CnameBesideOther, 3),
        (format!("{soa}{ns}a 60 CNAME b\na 60 CNAME c\n"), "a.example.", ManyCname, 4),
        (format!("{soa}{ns}a 60 DNAME b\na 60 DNAME c\n"), "a.example.", ManyDname, 4),
        (format!("{soa}{ns}{longer}"), "a.example.", RrsetTooLong, 3),
    ] {
        let mistakes = told(build(&records).map(|_| ()).expect_err(&problem.to_string()));
        assert_eq!(mistakes, [(owner.to_owned(), problem, line)], "{records:.80}");
        assert!(!problem.is_warning());
    }
    assert!(build(&format!("{soa}{ns}{long}")).is_ok());
}

#[test]
fn rdata_that_is_not_of_its_shape_is_told() {
    let origin = Name::parse_absolute("example.").expect("a name");
    // Readers of text check shapes; other ways in may not.
    for (rtype, rdata) in [(rtype::NS, &b"\x02ns"[..]), (rtype::MX, b"\0"), (rtype::SOA, b"\0")] {
        let mut builder = Builder::new(origin.clone());
        builder.add(b"\x01a\x07example\0", rtype, 60, rdata, 9);
        let mistakes = told(builder.finish(Vec::new()).map(|_| ()).expect_err("it is wrong"));
        assert!(
            mistakes.contains(&("a.example.".to_owned(), Problem::BadRdata, 9)),
            "{mistakes:?}"
        );
    }
    let mut builder = Builder::new(origin.clone());
    builder.add(origin.as_wire(), rtype::SOA, 60, b"\0\0short", 9);
    assert!(builder.finish(Vec::new()).is_err());
}

#[test]
fn warnings_come_with_the_zone() {
    let differ = Problem::TtlsDiffer(rtype::A);
    for (records, expected) in [
        ("a 9 A 192.0.2.1\na 5 A 192.0.2.2\n", vec![("a.example.".to_owned(), differ, 5)]),
        ("*.w NS ns\n", vec![("*.w.example.".to_owned(), Problem::NsAtWildcard, 4)]),
        // RFC 2181 §5.2 is about one type; a CNAME's signatures stand beside it (RFC 4034 §3).
        ("a 9 A 192.0.2.1\na 5 TXT x\n", vec![]),
        ("a CNAME b\na NSEC c CNAME\n", vec![]),
    ] {
        let (_, mistakes) = build(&format!("{HEAD}{records}")).expect("warnings only");
        assert!(mistakes.iter().all(|mistake| mistake.problem.is_warning()));
        assert_eq!(told(mistakes), expected, "{records}");
    }
}

#[test]
fn rfc2181_5_2_the_lowest_ttl_is_taken_in_any_order() {
    for ttls in [[9, 5, 7], [5, 9, 7], [7, 9, 5], [9, 7, 5]] {
        let records: Vec<String> =
            ttls.iter().map(|ttl| format!("a {ttl} A 192.0.2.{ttl}\n")).collect();
        let records = records.concat();
        let (zone, _) = build(&format!("{HEAD}{records}")).expect("warnings only");
        let (_, rrset) =
            node(&zone, "a").and_then(|node| node.rrset(rtype::A)).expect("it is there");
        assert_eq!((rrset.ttl, rrset.count), (5, 3), "{ttls:?}");
    }
}

#[test]
fn rfc2181_5_the_same_record_twice_is_one_in_the_order_of_the_file() {
    let zone = built("a A 192.0.2.2\na A 192.0.2.1\na A 192.0.2.2\n");
    let (_, rrset) = node(&zone, "a").and_then(|node| node.rrset(rtype::A)).expect("it is there");
    let rdatas: Vec<&[u8]> = rrset.rdatas().collect();
    assert_eq!(rdatas, [[192, 0, 2, 2], [192, 0, 2, 1]]);
    // Names are compared as written, and so is text.
    let zone = built("a TXT x\na TXT X\n");
    let (_, rrset) = node(&zone, "a").and_then(|node| node.rrset(rtype::TXT)).expect("it is there");
    assert_eq!(rrset.count, 2);
}

#[test]
fn rfc4592_2_2_2_every_name_between_a_name_and_the_apex_exists() {
    let zone = built("a.b.c.d A 192.0.2.1\nx.c.d A 192.0.2.2\nb.c.d TXT x\n");
    assert_eq!(zone.names, 4, "those that own records");
    for (name, rrsets) in [
        ("@", Some(2)),
        ("d", Some(0)),
        ("c.d", Some(0)),
        ("b.c.d", Some(1)),
        ("c", None),
        ("b.d", None),
    ] {
        assert_eq!(node(&zone, name).map(|node| node.rrsets().count()), rrsets, "{name}");
    }
}

#[test]
fn flags_say_what_stands_at_a_name() {
    let zone = built("c CNAME x\nd DNAME x\nsub NS ns\n*.w A 192.0.2.1\n");
    let warned = |records: &str| build(&format!("{HEAD}{records}")).expect("warnings only").0;
    let wild = warned("*.w NS ns\n");
    assert_eq!(node(&wild, "*.w").map(|node| node.flags()), Some(0), "not a cut");
    assert!(!wild.has_cuts);
    for (name, flags) in [
        ("c", flag::CNAME),
        ("d", flag::DNAME),
        ("sub", flag::CUT),
        ("w", flag::WILDCARD_CHILD | flag::PARENT),
        ("*.w", 0),
        ("@", flag::PARENT),
    ] {
        assert_eq!(node(&zone, name).map(|node| node.flags()), Some(flags), "{name}");
    }
    assert!(zone.has_cuts);
    for (name, children) in [("@", 4), ("w", 1), ("*.w", 0)] {
        assert_eq!(node(&zone, name).map(|node| node.children()), Some(children), "{name}");
    }
    assert!(!built("a A 192.0.2.1\n").has_cuts, "NS at the apex is no cut");
    assert!(built("a DNAME b\n").has_cuts);
}

#[test]
fn rfc4035_5_a_zone_that_is_signed_is_refused() {
    let rrsig = "RRSIG A 8 1 60 20300101000000 20200101000000 1 example. AQ==\n";
    let signed = format!("@ DNSKEY 257 3 8 AQ==\n@ {rrsig}a {rrsig}a A 192.0.2.1\n");
    let mistakes = told(build(&format!("{HEAD}{signed}")).map(|_| ()).expect_err("it is signed"));
    let mistakes: Vec<_> = mistakes.into_iter().map(|(_, problem, _)| problem).collect();
    assert_eq!(mistakes, [Problem::Signed]);
    // Signatures without a key are of no use, and do no harm; told once.
    let lines = format!("{HEAD}b {rrsig}b A 192.0.2.1\na {rrsig}");
    let (_, mistakes) = build(&lines).expect("it is served");
    let mistakes: Vec<_> = mistakes.into_iter().map(|told| (told.problem, told.line)).collect();
    assert_eq!(mistakes, [(Problem::Signatures, 4)]);
    // The keys of others are data, and so is what a parent is told (RFC 7344).
    built(
        "@ CDNSKEY 257 3 8 AQ==\n@ CDS 1 8 2 00\nkey DNSKEY 256 3 8 AQ==\n@ NSEC3PARAM 1 0 0 -\n",
    );
}

#[test]
fn rfc2308_5_the_negative_ttl_is_the_lesser() {
    let zone = built("");
    assert_eq!((zone.serial, zone.negative_ttl, zone.origin_labels), (7, 30, 1));
}

#[test]
fn a_pool_stands_alone_with_its_addresses() {
    let origin = Name::parse_absolute("example.").expect("a name");
    let soa = [&wire("ns")[..], &wire("h"), &[0; 20]].concat();
    let www = Name::from_wire(&wire("www")).expect("it is whole");
    let build = |address_first: Option<bool>, before: Option<&Rotations>| {
        let mut builder = Builder::new(origin.clone());
        builder.add(origin.as_wire(), rtype::SOA, 60, &soa, 1);
        builder.add(origin.as_wire(), rtype::NS, 60, &wire("ns"), 2);
        let address =
            |builder: &mut Builder| builder.add(www.as_wire(), rtype::A, 60, &[1, 2, 3, 4], 3);
        if address_first == Some(true) {
            address(&mut builder);
        }
        builder.add_balanced(&model::Balanced::new(www.clone(), 5), &Faces::default(), before);
        if address_first == Some(false) {
            address(&mut builder);
        }
        builder.finish(Vec::new())
    };
    for first in [true, false] {
        let mistakes = told(build(Some(first), None).map(|_| ()).expect_err("they clash"));
        assert!(mistakes.iter().all(|(_, problem, _)| *problem == Problem::RecordsBesidePool));
        assert_eq!(mistakes.len(), 1);
    }
    let (zone, _) = build(None, None).expect("it has no mistakes");
    let at = |zone: &Zone, rtype| {
        let (_, rrset) = node(zone, "www").and_then(|node| node.rrset(rtype)).expect("it is there");
        rrset.balanced().expect("it is balanced")
    };
    let (a, aaaa) = (at(&zone, rtype::A), at(&zone, rtype::AAAA));
    assert_eq!((a.choice.pool, aaaa.choice.pool), (5, 5));
    assert_ne!(a.choice.rotation, aaaa.choice.rotation, "one for each type");
    // A new version of the zone goes on where the old one was.
    zone.rotations.get(a.choice.rotation).advance(3);
    let (next, _) = build(None, Some(&zone.rotations)).expect("it has no mistakes");
    assert_eq!(next.rotations.get(at(&next, rtype::A).choice.rotation).advance(1), 3);
    assert_eq!(zone.rotations.get(a.choice.rotation).advance(1), 4, "both turn the same one");
}

#[test]
fn at_most_255_types_stand_at_one_name() {
    let types = |count: u32| {
        let lines: Vec<String> =
            (0..count).map(|at| format!("a TYPE{} \\# 0\n", 65_280 + at)).collect();
        lines.concat()
    };
    let zone = built(&types(255));
    assert_eq!(node(&zone, "a").map(|node| node.rrsets().count()), Some(255));
    let mistakes = told(build(&format!("{HEAD}{}", types(256))).map(|_| ()).expect_err("too many"));
    assert_eq!(mistakes, [("a.example.".to_owned(), Problem::ManyTypes, 259)]);
}

#[test]
fn two_names_of_one_hash_are_two_names() {
    // Nobody finds such names in a test's time, so the log gets them by hand.
    let mut log = vec![0];
    let mut entry = |hash, label: u8, rtype: u16| {
        let name = log.len() as u32;
        log.extend([2, 1, label]);
        let at = log.len() as u32;
        log.extend(60_u32.to_le_bytes());
        log.extend([1, 0, label]);
        Entry { hash, name, at, line: 1, rtype, balanced: false }
    };
    let hash = 0x1234_5678_9abc_def0;
    // The types of both names alternate, and so do the names in the order of the file.
    let mut entries = vec![
        entry(hash, b'a', 65_281),
        entry(hash, b'b', 65_280),
        entry(hash, b'a', 65_280),
        entry(hash, b'b', 65_281),
        entry(hash ^ 1, b'c', 65_280),
    ];
    bucket(&mut entries, 0);
    let mut assembler = Assembler::default();
    let shard = assembler.shard(&log, &mut entries);
    let mut shards = Packing::of(1);
    shards.push(shard);
    let store = Store::new(shards);
    for (hash, label) in [(hash, b'a'), (hash, b'b'), (hash ^ 1, b'c')] {
        let at = store.find(hash, &[1, label]).expect("it is there");
        let types: Vec<u16> = store.node(at).rrsets().map(|(_, rrset)| rrset.rtype).collect();
        let expected = if label == b'c' { vec![65_280] } else { vec![65_280, 65_281] };
        assert_eq!(types, expected);
        for (_, rrset) in store.node(at).rrsets() {
            assert_eq!(rrset.rdatas().collect::<Vec<_>>(), [[label]]);
        }
    }
    assert_eq!(store.find(hash, b"\x01d"), None);
    assert_eq!(assembler.names, 3);
}

#[test]
fn an_rrset_fits_into_a_message_with_its_owners() {
    let addresses = |count: u32| -> String {
        let address = |index: u32| std::net::Ipv4Addr::from(0x7f00_0000 + index).to_string();
        (0..count).map(|index| format!("a 60 A {}\n", address(index))).collect::<Vec<_>>().concat()
    };
    // 65,535 less header, longest question and OPT hold 4,078 records of 16 bytes.
    assert!(build(&format!("{HEAD}{}", addresses(4078))).is_ok());
    let mistakes = build(&format!("{HEAD}{}", addresses(4079))).expect_err("one too many");
    assert_eq!(mistakes[0].problem, Problem::RrsetTooLong);
}

#[test]
fn every_problem_is_one_sentence() {
    use Problem::{
        BadRdata, CnameBesideOther, ManyCname, ManyDname, ManySoa, ManyTypes, NoNs, NoSoa,
        NsAtWildcard, RecordsBesidePool, RrsetTooLong, Signatures, Signed, SoaBelowApex,
        TtlsDiffer, ZoneTooLong,
    };
    for problem in [
        NoSoa,
        NoNs,
        ManySoa,
        SoaBelowApex,
        CnameBesideOther,
        ManyCname,
        ManyDname,
        BadRdata,
        RrsetTooLong,
        ManyTypes,
        ZoneTooLong,
        TtlsDiffer(1),
        RecordsBesidePool,
        NsAtWildcard,
        Signed,
        Signatures,
    ] {
        let text = problem.to_string();
        assert!(!text.ends_with('.') && !text.contains('\n') && text.len() > 10, "{text}");
    }
    assert!(TtlsDiffer(1).to_string().starts_with("the A records"));
}

#[test]
fn an_rrset_of_far_too_many_records_is_refused_and_not_searched_for_ever() {
    let records: Vec<String> = (0..100_000)
        .map(|at| format!("a A 10.{}.{}.{}\n", at >> 16, at >> 8 & 255, at & 255))
        .collect();
    let records = records.concat();
    let mistakes = told(build(&format!("{HEAD}{records}")).map(|_| ()).expect_err("too many"));
    assert_eq!(mistakes, [("a.example.".to_owned(), Problem::RrsetTooLong, 4)]);
}
