//! Zones edited step by step, beside those built whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::config::model;
use crate::rdata;
use crate::zone::build::{Builder, Built, Faces, Problem};
use crate::zone::edit::{Unfit, Why};

thread_local! {
    /// How often RDATA was looked at to tell whether two records are the same.
    pub(crate) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn origin() -> Name {
    Name::parse_absolute("example.").expect("a name")
}

/// `owner TTL TYPE RDATA`, names relative to `example.`
fn record(line: &str) -> Record {
    let [owner, ttl, rtype, text] = line.splitn(4, ' ').collect::<Vec<_>>().try_into().expect(line);
    let rtype = rdata::parse_type(rtype).expect(line);
    let mut data = Vec::new();
    rdata::parse(rtype, text, &origin(), &mut data).expect(line);
    let owner = Name::parse(owner, &origin()).expect(line);
    Record { owner, rtype, ttl: ttl.parse().expect(line), rdata: data.into() }
}

fn soa(serial: u32) -> Record {
    record(&format!("@ 60 SOA ns h {serial} 1 1 1 30"))
}

fn build<'r>(serial: u32, records: impl IntoIterator<Item = &'r Record>) -> Built {
    let mut builder = Builder::new(origin());
    let soa = soa(serial);
    let records = records.into_iter().cloned().chain([soa]);
    for Record { owner, rtype, ttl, rdata } in records {
        builder.add(owner.as_wire(), rtype, ttl, &rdata, 0);
    }
    builder.finish(Vec::new())
}

fn built(lines: &[&str]) -> Zone {
    let records: Vec<Record> = lines.iter().map(|line| record(line)).collect();
    build(1, &records).expect("it has no mistakes").0
}

fn delta(zone: &Zone, removed: &[&str], added: &[&str]) -> Delta {
    let records = |lines: &[&str]| lines.iter().map(|line| record(line)).collect();
    let after = soa(zone.serial.wrapping_add(1));
    Delta::new(zone.soa_record(), records(removed), after, records(added)).expect("two SOAs")
}

/// Flags, children and records of every name, empty non-terminals too.
fn content(zone: &Zone) -> BTreeMap<Name, (u8, u32, BTreeSet<Record>)> {
    let nodes = zone.store.nodes().map(|(labels, node)| {
        let records = records_of(zone, labels, node).collect();
        (zone.owner(labels), (node.flags(), node.children(), records))
    });
    nodes.collect()
}

fn totals(zone: &Zone) -> (usize, usize, bool, u32, u32) {
    (zone.names, zone.cuts, zone.has_cuts, zone.serial, zone.negative_ttl)
}

fn assert_same(edited: &Zone, whole: &Zone) {
    assert_eq!(content(edited), content(whole));
    assert_eq!(totals(edited), totals(whole));
    assert_eq!(edited.soa_record(), whole.soa_record());
    assert_eq!(Delta::between(edited, whole), None);
    for record in whole.records() {
        assert!(edited.node(&record.owner).is_some(), "{record:?} is found");
    }
}

const NS: &str = "@ 60 NS ns";

#[test]
fn names_come_and_go_with_those_above_them() {
    let zone = built(&[NS, "a.b.c 60 A 192.0.2.1", "b.c 60 TXT x"]);
    for (removed, added, expected) in [
        (&["a.b.c 60 A 192.0.2.1"][..], &[][..], &["@", "c", "b.c"][..]),
        (&["b.c 60 TXT x"], &[], &["@", "c", "b.c", "a.b.c"]),
        (&["b.c 60 TXT x", "a.b.c 60 A 192.0.2.1"], &[], &["@"]),
        (
            &["a.b.c 60 A 192.0.2.1"],
            &["x.a.b.c 60 A 192.0.2.1"],
            &["@", "c", "b.c", "a.b.c", "x.a.b.c"],
        ),
        (&[], &["*.x.y 60 TXT x"], &["@", "c", "b.c", "a.b.c", "y", "x.y", "*.x.y"]),
    ] {
        let edited = zone.edited(&delta(&zone, removed, added)).expect("it fits");
        let names: BTreeSet<Name> = content(&edited).into_keys().collect();
        let expected = expected.iter().map(|name| Name::parse(name, &origin()).expect(name));
        assert_eq!(names, expected.collect(), "-{removed:?} +{added:?}");
    }
}

#[test]
fn what_does_not_fit_changes_nothing_and_is_told() {
    let zone = built(&[NS, "a 60 A 192.0.2.1", "c 60 CNAME a"]);
    let wrong = Why::Wrong;
    for (removed, added, expected) in [
        (&["a 60 A 192.0.2.2"][..], &[][..], Why::NotThere),
        (&["b 60 A 192.0.2.1"], &[], Why::NotThere),
        (&[], &["a 60 A 192.0.2.1"], Why::There),
        (&[], &["b.example.net. 60 A 192.0.2.1"], Why::Outside),
        (&[], &["a 60 CNAME c"], wrong(Problem::CnameBesideOther)),
        (&[], &["c 60 CNAME d"], wrong(Problem::ManyCname)),
        (&["@ 60 NS ns"], &[], wrong(Problem::NoNs)),
    ] {
        let unfit = zone.edited(&delta(&zone, removed, added)).expect_err("it does not fit");
        assert_eq!(unfit.why, expected, "-{removed:?} +{added:?}");
    }
    let other = Delta::new(soa(7), vec![], soa(8), vec![]).expect("two SOAs");
    assert_eq!(zone.edited(&other).expect_err("it is for another").why, Why::OtherVersion);
    let (owner, rtype) = (origin(), rtype::SOA);
    let below = record("a 60 SOA ns h 2 1 1 1 30");
    let below = Delta::new(soa(1), vec![], soa(2), vec![below]).expect("two SOAs");
    let unfit = zone.edited(&below).expect_err("SOA is the apex's");
    let (owner, why) = (Name::parse("a", &owner).expect("a name"), wrong(Problem::SoaBelowApex));
    assert_eq!(unfit, Unfit { owner, rtype, why });
}

#[test]
fn rfc2136_1_1_1_names_in_rdata_are_the_same_in_any_case() {
    let zone = built(&[NS, "a 60 MX 10 Mail.Example.", "a 60 TXT Text"]);
    let removed = ["a 60 MX 10 mAIL.eXAMPLE."];
    let edited = zone.edited(&delta(&zone, &removed, &[])).expect("it is there");
    assert_same(&edited, &build(2, &[record(NS), record("a 60 TXT Text")]).expect("fine").0);
    let unfit = zone.edited(&delta(&zone, &["a 60 TXT text"], &[])).expect_err("it is another");
    assert_eq!(unfit.why, Why::NotThere);
}

#[test]
fn rfc2181_5_2_the_record_added_last_gives_the_ttl() {
    let zone = built(&[NS, "a 60 A 192.0.2.1"]);
    let edited = zone.edited(&delta(&zone, &[], &["a 30 A 192.0.2.2"])).expect("it fits");
    let expected = ["a 30 A 192.0.2.1", "a 30 A 192.0.2.2", NS].map(record);
    assert_same(&edited, &build(2, &expected).expect("fine").0);
}

#[test]
fn shards_that_do_not_change_are_shared() {
    let lines: Vec<String> = (0..5000).map(|at| format!("n{at} 60 A 192.0.2.1")).collect();
    let records: Vec<Record> = lines.iter().map(|line| record(line)).chain([record(NS)]).collect();
    let zone = build(1, &records).expect("fine").0;
    let change = delta(&zone, &["n7 60 A 192.0.2.1"], &["n8.n9 60 TXT x"]);
    let edited = zone.edited(&change).expect("it fits");
    let shards = 0..zone.store.shard_count();
    let changed = shards.filter(|&shard| !zone.store.shares(&edited.store, shard)).count();
    // n7, n9, n8.n9 and the apex.
    assert!(changed <= 4, "{changed} of {}", zone.store.shard_count());
    assert_eq!(Delta::between(&zone, &edited), Some(change));
}

#[test]
fn a_zone_that_grows_splits_its_shards() {
    let mut zone = built(&[NS]);
    assert_eq!(zone.store.shard_count(), 1);
    let mut records = vec![record(NS)];
    for step in 0..6 {
        let new: Vec<Record> =
            (0..1000).map(|at| record(&format!("n{at}.s{step} 60 A 192.0.2.1"))).collect();
        records.extend(new.clone());
        let after = soa(zone.serial + 1);
        let delta = Delta::new(zone.soa_record(), vec![], after, new).expect("two SOAs");
        zone = zone.edited(&delta).expect("it fits");
    }
    assert!(zone.store.shard_count() > 4);
    assert_same(&zone, &build(zone.serial, &records).expect("fine").0);
}

#[test]
fn balanced_rrsets_stay_and_are_no_records() {
    let pool = model::Pool::new("web".into(), model::Policy::RoundRobin, Vec::new());
    let mut builder = Builder::new(origin());
    for Record { owner, rtype, ttl, rdata } in [soa(1), record(NS)] {
        builder.add(owner.as_wire(), rtype, ttl, &rdata, 0);
    }
    let www = Name::parse("www", &origin()).expect("a name");
    builder.add_balanced(&model::Balanced::new(www, 0), &Faces::default(), None);
    let zone = builder.finish(vec![pool]).expect("fine").0;
    let before: Vec<_> = zone.balanced().collect();
    assert_eq!(before.iter().map(|(_, rtype, _)| *rtype).collect::<Vec<_>>(), [1, 28]);
    let edited = zone.edited(&delta(&zone, &[], &["www 60 TXT x", "a.www 60 TXT x"]));
    let edited = edited.expect("it fits");
    assert_eq!(edited.balanced().collect::<Vec<_>>(), before);
    assert!(Arc::ptr_eq(&edited.pools, &zone.pools));
    let unfit = zone.edited(&delta(&zone, &[], &["www 60 A 192.0.2.1"])).expect_err("a pool's");
    assert_eq!(unfit.why, Why::Wrong(Problem::RecordsBesidePool));
    let unfit = zone.edited(&delta(&zone, &["www 60 A 192.0.2.1"], &[])).expect_err("a pool's");
    assert_eq!(unfit.why, Why::NotThere);
}

#[test]
fn rfc4035_5_a_change_does_not_make_a_zone_a_signed_one() {
    let zone = build(1, &[record(NS)]).expect("fine").0;
    let unfit = zone.edited(&delta(&zone, &[], &["@ 60 DNSKEY 257 3 8 AQ=="])).expect_err("a key");
    assert_eq!((unfit.why, unfit.rtype), (Why::Wrong(Problem::Signed), 48));
    let below = zone.edited(&delta(&zone, &[], &["a 60 DNSKEY 257 3 8 AQ=="]));
    assert!(below.is_ok(), "the key of something else");
}

/// Records over few names, so that they meet.
fn any_record() -> impl Strategy<Value = Record> {
    let label = || select(vec!["a", "b", "*", "c"]);
    let owner = prop_oneof![
        1 => Just("@".to_owned()),
        3 => label().prop_map(str::to_owned),
        3 => (label(), label()).prop_map(|(a, b)| format!("{a}.{b}")),
        3 => (label(), label(), label()).prop_map(|(a, b, c)| format!("{a}.{b}.{c}")),
    ];
    let data = select(vec![
        "A 192.0.2.1",
        "A 192.0.2.2",
        "A 192.0.2.3",
        "TXT x",
        "TXT y",
        "MX 1 a",
        "NS a",
        "NS B.net.",
        "CNAME a",
        "DNAME b",
        "TYPE65280 \\# 1 00",
    ]);
    (owner, data).prop_map(|(owner, data)| record(&format!("{owner} 60 {data}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_zone_edited_in_steps_is_the_zone_built_whole(
        steps in prop::collection::vec(
            (prop::collection::vec(any_record(), 1..6), prop::option::of(1_u32..4)), 1..12),
    ) {
        let mut records = BTreeSet::from([record(NS)]);
        let mut zone = build(1, &records).expect("fine").0;
        for (toggled, ttl) in steps {
            let mut next = records.clone();
            for record in toggled {
                let is_there = |one: &Record| one.is_same(&record);
                if let Some(one) = next.iter().find(|one| is_there(one)).cloned() {
                    next.remove(&one);
                } else {
                        // All of an RRset have one TTL, now and then another.
                        let of_set = |one: &&Record| {
                            (&one.owner, one.rtype) == (&record.owner, record.rtype)
                        };
                        let set: Vec<Record> = next.iter().filter(of_set).cloned().collect();
                        let now = ttl.or(set.first().map(|one| one.ttl)).unwrap_or(60);
                        for mut one in set {
                            next.remove(&one);
                            one.ttl = now;
                            next.insert(one);
                        }
                        next.insert(Record { ttl: now, ..record });
                }
            }
            let removed = records.difference(&next).cloned().collect();
            let added = next.difference(&records).cloned().collect();
            let serial = zone.serial + 1;
            let delta = Delta::new(zone.soa_record(), removed, soa(serial), added);
            let delta = delta.expect("two SOAs");
            match (zone.edited(&delta), build(serial, &next)) {
                (Ok(edited), Ok((whole, _))) => {
                    assert_same(&edited, &whole);
                    let sorted = |mut delta: Delta| {
                        delta.removed.sort();
                        delta.added.sort();
                        delta
                    };
                    let between = Delta::between(&zone, &edited).map(sorted);
                    prop_assert_eq!(between, Some(sorted(delta)));
                    (zone, records) = (edited, next);
                }
                (Err(_), Err(_)) => {}
                (edited, whole) => {
                    let (edited, whole) = (edited.map(|_| ()), whole.map(|_| ()));
                    prop_assert!(false, "edited {edited:?}, whole {whole:?}");
                }
            }
        }
    }
}
