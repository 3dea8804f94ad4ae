//! What updates did lies over files that change.

use std::collections::BTreeSet;

use super::*;
use crate::config::model::Balanced;
use crate::rdata;
use crate::zone::build::{Builder, Faces};

const FILE: &str =
    "@ SOA ns h 7 1 1 1 30\n@ NS ns\na A 192.0.2.1\na A 192.0.2.2\nb TXT x\nc TXT x\n";

fn zone(text: &str) -> Zone {
    let origin = Name::parse_absolute("example.").expect("a name");
    let mut builder = Builder::new(origin.clone());
    crate::zonefile::read(format!("$TTL 60\n{text}").as_bytes(), &origin, |record| {
        builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
    });
    if text.contains("; pool") {
        let owner = Name::parse("new", &origin).expect("a name");
        builder.add_balanced(&Balanced::new(owner, 0), &Faces::default(), None);
    }
    builder.finish(Vec::new()).expect("it has no mistakes").0
}

/// Its records, SOA and NS apart.
fn shown(zone: &Zone) -> BTreeSet<String> {
    let records = zone.records().filter(|record| record.owner != zone.origin);
    let shown = records.map(|record| {
        let owner = record.owner.to_string();
        let owner = owner.trim_end_matches(".example.");
        format!("{owner} {} {}", record.ttl, rdata::print(record.rtype, &record.rdata))
    });
    shown.collect()
}

/// What was made of one version of a zone to get to another.
fn overlay(file: &Zone, served: &Zone) -> Overlay {
    let mut overlay = Overlay::default();
    for record in file.records().chain(served.records()) {
        let changed = Changed::between(file, served, &record.owner, record.rtype);
        if !changed.is_none() {
            overlay.set(record.owner, record.rtype, changed);
        }
    }
    overlay
}

#[test]
fn what_updates_did_holds_over_a_file_that_changes() {
    // One of a's records is gone and another has come, b has another TTL, c is gone, new has come.
    let served = "@ SOA ns h 9 1 1 1 30\n@ NS ns\na A 192.0.2.2\na A 192.0.2.3\nb 30 TXT x\nnew.ent TXT n\nnew MX 1 a\n";
    let (file, served) = (zone(FILE), zone(served));
    let overlay = overlay(&file, &served);
    assert_eq!(overlay.len(), 5);
    let (same, left_out) = overlay.apply(&file, 9);
    assert_eq!((shown(&same), left_out), (shown(&served), vec![]));
    assert_eq!((same.serial, same.names), (9, served.names));

    let soa = "@ SOA ns h 8 1 1 1 30\n@ NS ns\n";
    let new = ["new 60 1 a.example.", "new.ent 60 \"n\""];
    for (now, expected, told) in [
        // The file may say more,
        (
            "a A 192.0.2.2\na A 192.0.2.9\n",
            &["a 60 192.0.2.2", "a 60 192.0.2.3", "a 60 192.0.2.9", "b 30 \"x\"", new[0], new[1]][..],
            &[][..],
        ),
        // or what was put in already,
        (
            "new MX 1 A\nb 30 TXT x\n",
            &["a 60 192.0.2.3", "b 30 \"x\"", "new 60 1 A.example.", new[1]],
            &[],
        ),
        // what was taken out stays out,
        (
            "c TXT x\nc TXT y\n",
            &["a 60 192.0.2.3", "b 30 \"x\"", "c 60 \"y\"", new[0], new[1]],
            &[],
        ),
        // and where it leaves no room, that is told.
        ("a CNAME b\n", &["a 60 b.example.", "b 30 \"x\"", new[0], new[1]], &["a.example. CNAME"]),
        (
            "x A 192.0.2.1 ; pool\n",
            &["a 60 192.0.2.3", "b 30 \"x\"", new[1], "x 60 192.0.2.1"],
            &["new.example. MX"],
        ),
    ] {
        let file = zone(&format!("{soa}{now}"));
        let (zone, left_out) = overlay.apply(&file, 10);
        let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(shown(&zone), expected, "{now}");
        assert_eq!(zone.serial, 10);
        let left_out: Vec<String> = left_out
            .iter()
            .map(|LeftOut { owner, rtype, .. }| format!("{owner} {}", type_name(*rtype)))
            .collect();
        assert_eq!(left_out, told, "{now}");
    }
}

#[test]
fn a_soa_that_updates_set_keeps_its_numbers_and_rises_on() {
    let served = zone(&FILE.replace("h 7 1 1 1 30", "h 9 2 2 2 20"));
    let file = zone(FILE);
    let overlay = overlay(&file, &served);
    assert_eq!(overlay.len(), 1);
    let (zone, _) = overlay.apply(&file, 12);
    assert_eq!((zone.serial, zone.negative_ttl), (12, 20));
    // The serial alone is no change.
    let risen = zone_of_serial(9);
    assert!(self::overlay(&file, &risen).is_empty());
    assert_eq!(Overlay::default().apply(&file, 9).0.serial, 9);
}

fn zone_of_serial(serial: u32) -> Zone {
    zone(&FILE.replace("h 7", &format!("h {serial}")))
}
