//! What must hold among the records of a master file; reading it is [`crate::zonefile`]'s.
//!
//! The rules are those of our own format ([`super::rules`]), told by line. Three of its errors are
//! warnings here, because zones in the wild have them and every server loads them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::error::{ConfigError, Mistakes, Problem, Severity, Span};
use super::model::access::Secondaries;
use super::model::{RrSet, Soa, Zone};
use super::rules::{self, Entry, Owner, Set};
use crate::name::{self, Name};
use crate::rdata::{self, rtype};

/// One record of a master file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterRecord {
    /// Whose it is.
    pub owner: Name,
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// In wire form, names uncompressed.
    pub rdata: Vec<u8>,
    /// From 1.
    pub line: u32,
}

/// The mistakes among the records of a master file, in its order.
#[must_use]
pub fn check_records(
    file: &Path,
    origin: &Name,
    records: impl IntoIterator<Item = MasterRecord>,
) -> Vec<ConfigError> {
    let mut mistakes = Mistakes::new(file, "");
    let owners = gather(origin, records, &mut mistakes);
    let apex = owners.iter().find(|owner| owner.name == *origin);
    let apex_has = |rtype| apex.is_some_and(|apex| apex.sets.iter().any(|set| set.rtype == rtype));
    if !apex_has(rtype::SOA) {
        mistakes.add(Span::FILE, Problem::NoSoa { zone: origin.to_string() });
    }
    if !apex_has(rtype::NS) {
        mistakes.add(Span::FILE, Problem::NoApexNs { zone: origin.to_string() });
    }
    rules::check_owners(origin, &owners, &mut mistakes);
    let mut found = mistakes.finish();
    for mistake in &mut found {
        if let Problem::NameServersAtWildcard { .. }
        | Problem::CnameLoop { .. }
        | Problem::DuplicateRecord { .. } = mistake.problem
        {
            mistake.severity = Severity::Warning;
        }
    }
    found
}

/// The zone that records make, if they have an SOA; they keep every rule of [`check_records`]. A record that
/// stands twice is one (RFC 2181 §5).
#[must_use]
pub fn zone_of_records(
    origin: &Name,
    records: impl IntoIterator<Item = MasterRecord>,
) -> Option<Zone> {
    let mut mistakes = Mistakes::new(Path::new(""), "");
    let mut soa = None;
    let mut sets = Vec::new();
    for Owner { name, sets: own, .. } in gather(origin, records, &mut mistakes) {
        for set in own {
            if set.rtype == rtype::SOA {
                soa = set.entries.first().and_then(|entry| soa_of(set.ttl, &entry.rdata));
                continue;
            }
            let mut seen = HashSet::with_capacity(set.entries.len());
            let is_new = |entry: &Entry| {
                let mut canonical = entry.rdata.clone();
                rdata::canonicalize(set.rtype, &mut canonical);
                seen.insert(canonical)
            };
            let rdata = set.entries.into_iter().filter(is_new).map(|entry| entry.rdata);
            let rdata = rdata.collect();
            sets.push(RrSet { owner: name.clone(), rtype: set.rtype, ttl: set.ttl, rdata });
        }
    }
    let (soa, serial) = soa?;
    Some(Zone {
        origin: origin.clone(),
        serial: Some(serial),
        soa,
        secondaries: Secondaries::default(),
        checks: Vec::new(),
        private: None,
        reverse: false,
        records: sets,
        pools: Vec::new(),
        balanced: Vec::new(),
        aliases: Vec::new(),
    })
}

/// The fields of an SOA, and its serial.
fn soa_of(ttl: u32, wire: &[u8]) -> Option<(Soa, u32)> {
    let (mname, rest) = wire.split_at_checked(name::wire_len(wire)?)?;
    let (rname, rest) = rest.split_at_checked(name::wire_len(rest)?)?;
    let [serial, refresh, retry, expire, minimum] = rdata::soa_numbers(rest)?;
    let (mname, rname) = (mname.to_vec(), rname.to_vec());
    let soa = Soa { ttl, mname, rname, refresh, retry, expire, minimum };
    Some((soa, serial))
}

/// The records by owner and type.
fn gather(
    origin: &Name,
    records: impl IntoIterator<Item = MasterRecord>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Owner> {
    let mut owners: Vec<Owner> = Vec::new();
    let mut places: HashMap<Name, usize> = HashMap::new();
    for MasterRecord { owner, rtype, ttl, rdata, line } in records {
        let at = Span { start: 0, end: 0, line, column: 1, file: 0 };
        if !owner.is_at_or_below(origin) {
            let zone = origin.to_string();
            mistakes.add(at, Problem::OutOfZone { name: owner.to_string(), zone });
            continue;
        }
        if rtype == rtype::SOA && owner != *origin {
            let zone = origin.to_string();
            mistakes.add(at, Problem::SoaBelowApex { name: owner.to_string(), zone });
            continue;
        }
        let place = *places.entry(owner).or_insert_with_key(|name| {
            owners.push(Owner {
                name: name.clone(),
                at,
                pool: None,
                alias: None,
                sets: Vec::new(),
            });
            owners.len() - 1
        });
        let sets = &mut owners[place].sets;
        let entry = Entry { rdata, at, dotted: None };
        match sets.iter_mut().find(|set| set.rtype == rtype) {
            None => sets.push(Set { rtype, ttl, at, entries: vec![entry] }),
            Some(set) => {
                // A signature's TTL is that of what it covers (RFC 4034 §3).
                if set.ttl != ttl && rtype != rtype::RRSIG {
                    let least = set.ttl.min(ttl);
                    let rtype = rdata::type_name(rtype).to_string();
                    mistakes.add(at, Problem::DifferentTtl { rtype, ttl, least });
                    set.ttl = least;
                }
                set.entries.push(entry);
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records as `OWNER TTL TYPE RDATA`, one a line, checked.
    fn check(lines: &str) -> Vec<(u32, Severity, Problem)> {
        let origin = Name::parse_absolute("example.com.").expect("a name");
        let record = |(line, text): (u32, &str)| {
            let mut words = text.splitn(4, ' ');
            let mut word = || words.next().expect("four words");
            let owner = Name::parse(word(), &origin).expect("a name");
            let ttl = word().parse().expect("a number");
            let rtype = rdata::parse_type(word()).expect("a type");
            let mut wire = Vec::new();
            rdata::parse(rtype, word(), &origin, &mut wire).expect("a record");
            MasterRecord { owner, rtype, ttl, rdata: wire, line }
        };
        let records: Vec<_> = (1..).zip(lines.lines()).map(record).collect();
        check_records(Path::new("example.com.zone"), &origin, records)
            .into_iter()
            .map(|mistake| (mistake.at.line, mistake.severity, mistake.problem))
            .collect()
    }

    const APEX: &str = "@ 1 SOA ns h 1 1 1 1 1\n@ 1 NS ns\nns 1 A 192.0.2.1\n";

    #[test]
    fn a_zone_has_one_soa_and_name_servers_at_its_apex() {
        let zone = || "example.com.".to_owned();
        assert_eq!(check(APEX), []);
        assert_eq!(
            check("a 1 TXT x"),
            [
                (0, Severity::Error, Problem::NoSoa { zone: zone() }),
                (0, Severity::Error, Problem::NoApexNs { zone: zone() }),
            ]
        );
        let below = Problem::SoaBelowApex { name: "a.example.com.".into(), zone: zone() };
        let only = Problem::OnlyOne { rtype: "SOA".into(), name: zone() };
        let lines = format!("{APEX}a 1 SOA ns h 1 1 1 1 1\n@ 1 SOA ns h 2 1 1 1 1\n");
        assert_eq!(check(&lines), [(4, Severity::Error, below), (5, Severity::Error, only)]);
    }

    #[test]
    fn rfc2181_5_2_one_ttl_in_a_set() {
        let problem = Problem::DifferentTtl { rtype: "A".into(), ttl: 60, least: 30 };
        let lines = format!("{APEX}a 30 A 192.0.2.1\na 60 A 192.0.2.2\n");
        assert_eq!(check(&lines), [(5, Severity::Warning, problem)]);
    }

    #[test]
    fn what_every_server_loads_is_a_warning() {
        let wildcard = Problem::NameServersAtWildcard { name: "*.example.com.".into() };
        let name = || "a.example.com.".to_owned();
        let circle = Problem::CnameLoop { names: vec![name(), name()] };
        let lines = format!("{APEX}* 1 NS ns\na 1 CNAME a\n");
        let expected = [(4, Severity::Warning, wildcard), (5, Severity::Warning, circle)];
        assert_eq!(check(&lines), expected);
        // RFC 2181 §5: the second one is dropped.
        let lines = format!("{APEX}a 1 TXT x\na 1 TXT x\n");
        let twice = Problem::DuplicateRecord { first: 4 };
        assert_eq!(check(&lines), [(5, Severity::Warning, twice)]);
        let beside = Problem::CnameBesideOther { name: name(), other: "TXT".into() };
        let lines = format!("{APEX}a 1 CNAME ns\na 1 TXT x\nb.org. 1 TXT x\n");
        let outside = Problem::OutOfZone { name: "b.org.".into(), zone: "example.com.".into() };
        assert_eq!(check(&lines), [(4, Severity::Error, beside), (6, Severity::Error, outside)]);
    }
}
