//! The serial of a zone whose file names none: kept without anyone's hand.
//!
//! It rises when what the zone says changes, stays while it does not (a comment, an order of keys), and never falls:
//! the new one is the greater of the last plus one and the time in seconds, as RFC 1982 compares them.

use std::fmt;

use super::exported::Exported;
use crate::config::model::Zone;
use crate::digest::sha256;

/// What was last served: the serial and what it stood for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The serial.
    pub serial: u32,
    /// The content.
    pub digest: Digest,
}

/// A digest of what a zone says.
pub type Digest = crate::digest::Digest;

impl Kept {
    /// What to serve now; `now` is in seconds since 1970.
    ///
    /// ```text
    /// serial in the file   last digest   served
    /// N                    any           N
    /// none                 the same      the last one
    /// none                 another       the greater of last + 1 and now
    /// none                 none          now
    /// ```
    #[must_use]
    pub fn next(last: Option<Kept>, zone: &Zone, exported: &Exported, now: u32) -> Self {
        let digest = both(digest(zone), of_exported(exported));
        let serial = match (zone.serial, last) {
            (Some(serial), _) => serial,
            (None, Some(last)) if last.digest == digest => last.serial,
            (None, Some(last)) => next(last.serial, now),
            (None, None) => now,
        };
        Self { serial, digest }
    }

    /// What to serve of a zone of which nothing but what its pools say has changed; `now` is in seconds since 1970.
    #[must_use]
    pub fn after_health(self, before: &Exported, after: &Exported, now: u32) -> Self {
        let changed = both(of_exported(before), of_exported(after));
        Self { serial: next(self.serial, now), digest: both(self.digest, changed) }
    }

    /// Why secondaries would not take this for a new version of what was served last, if so.
    #[must_use]
    pub fn unseen_after(self, last: Kept) -> Option<Unseen> {
        if self.digest == last.digest && self.serial == last.serial {
            None
        } else if self.serial == last.serial {
            Some(Unseen::Stays { serial: self.serial })
        } else if is_greater(self.serial, last.serial) {
            None
        } else {
            Some(Unseen::Falls { last: last.serial, serial: self.serial })
        }
    }
}

/// What comes after a serial: the next one, or the time where that is greater.
#[must_use]
pub fn next(last: u32, now: u32) -> u32 {
    if is_greater(now, last) { now } else { last.wrapping_add(1) }
}

/// Whether a serial comes after another (RFC 1982 §3.2).
#[must_use]
pub fn is_greater(serial: u32, other: u32) -> bool {
    // Half of all numbers come after each one; the one just opposite is not compared, and counts as less.
    (1..1 << 31).contains(&serial.wrapping_sub(other))
}

/// Why a changed zone looks unchanged to those who compare serials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// The file has changed, and its serial has not.
    Stays {
        /// The serial of both.
        serial: u32,
    },
    /// The serial comes before the last one.
    Falls {
        /// What was served last.
        last: u32,
        /// What is served now.
        serial: u32,
    },
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stays { serial } => write!(
                f,
                "the file has changed and its serial is still {serial}; secondaries take only what has a \
                 greater one"
            ),
            Self::Falls { last, serial } => write!(
                f,
                "the serial falls from {last} to {serial}; secondaries take only what has a greater one"
            ),
        }
    }
}

/// A digest of the records of a zone, in one order.
fn digest(zone: &Zone) -> Digest {
    let soa = &zone.soa;
    let mut bytes = Vec::new();
    push_part(&mut bytes, &[&soa.mname, &soa.rname]);
    for number in [soa.ttl, soa.refresh, soa.retry, soa.expire, soa.minimum] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    // Where each record ends: there may be millions, in one text.
    let mut ends = vec![bytes.len()];
    for rrset in &zone.records {
        let numbers = [&rrset.rtype.to_be_bytes()[..], &rrset.ttl.to_be_bytes()].concat();
        for rdata in &rrset.rdata {
            push_part(&mut bytes, &[rrset.owner.as_wire(), &numbers, rdata]);
            ends.push(bytes.len());
        }
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let mut content: Vec<&[u8]> =
        starts.zip(&ends).map(|(start, end)| &bytes[start..*end]).collect();
    // Most files have an order, of which this sort makes use.
    content.sort();
    sha256(content)
}

/// A digest of what pools say.
fn of_exported(exported: &Exported) -> Digest {
    let sets = exported.sets().iter().flat_map(|set| {
        let numbers = [&set.rtype.to_be_bytes()[..], &set.ttl.to_be_bytes()].concat();
        set.rdata.iter().map(move |rdata| part(&[set.owner.as_wire(), &numbers, rdata]))
    });
    sha256(sets)
}

/// The digest of two parts, of which either may change without a look at the other.
fn both(mut one: Digest, other: Digest) -> Digest {
    one.iter_mut().zip(other).for_each(|(one, other)| *one ^= other);
    one
}

/// Fields with their lengths, so that no two lists of fields give the same bytes.
fn part(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_part(&mut bytes, fields);
    bytes
}

fn push_part(bytes: &mut Vec<u8>, fields: &[&[u8]]) {
    for field in fields {
        bytes.extend_from_slice(&(field.len() as u32).to_be_bytes());
        bytes.extend_from_slice(field);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{self, RrSet, Soa};
    use crate::name::Name;
    use crate::rdata::rtype;

    fn zone(addresses: &[u8]) -> Zone {
        let origin = Name::parse_absolute("example.").expect("a name");
        Zone {
            records: vec![RrSet {
                owner: origin.clone(),
                rtype: rtype::A,
                ttl: 60,
                rdata: addresses.iter().map(|last| vec![192, 0, 2, *last]).collect(),
            }],
            origin,
            serial: None,
            soa: Soa {
                ttl: 60,
                mname: vec![0],
                rname: vec![0],
                refresh: 1,
                retry: 1,
                expire: 1,
                minimum: 1,
            },
            pools: Vec::new(),
            balanced: Vec::new(),
            aliases: Vec::new(),
            private: None,
            reverse: false,
            checks: Vec::new(),
            secondaries: crate::config::model::access::Secondaries::default(),
        }
    }

    #[test]
    fn it_rises_with_the_content_and_never_falls() {
        let mut last = None;
        for (addresses, now, serial) in [
            (&[1][..], 100, 100),
            (&[1], 200, 100),    // nothing changed
            (&[1, 2], 300, 300), // the time
            (&[2, 1], 400, 300), // another order is the same content
            (&[3], 300, 301),    // within one second
            (&[4], 50, 302),     // a clock that went back
        ] {
            let kept = Kept::next(last, &zone(addresses), &Exported::default(), now);
            assert_eq!(kept.serial, serial, "{addresses:?} at {now}");
            last = Some(kept);
        }
    }

    #[test]
    fn rfc1982_after_the_last_number_comes_the_first() {
        let now = 1_800_000_000;
        for (last, next) in [
            (now - 1, now),
            (now, now + 1),
            (2_026_112_001, 2_026_112_002), // a date by hand is ahead of the time
            (u32::MAX, now),                // and so is 0 behind it
            (now.wrapping_sub(1 << 31), now.wrapping_sub(1 << 31) + 1),
        ] {
            let last = Kept { serial: last, digest: [0; 32] };
            assert_eq!(
                Kept::next(Some(last), &zone(&[1]), &Exported::default(), now).serial,
                next,
                "after {last:?}"
            );
        }
        let last = Kept { serial: u32::MAX, digest: [0; 32] };
        assert_eq!(Kept::next(Some(last), &zone(&[1]), &Exported::default(), 0).serial, 0);
    }

    #[test]
    fn rfc1982_secondaries_see_only_serials_that_rise() {
        let stays = Unseen::Stays { serial: 5 };
        let falls = Unseen::Falls { last: 5, serial: 4 };
        for (last, now, expected) in [
            ((5, 0), (5, 0), None),
            ((5, 0), (6, 1), None),
            ((u32::MAX, 0), (0, 1), None),
            ((5, 0), (5, 1), Some(stays)),
            ((5, 0), (4, 1), Some(falls)),
            ((5, 0), (4, 0), Some(falls)),
        ] {
            let kept = |(serial, content)| Kept { serial, digest: [content; 32] };
            assert_eq!(kept(now).unseen_after(kept(last)), expected, "{now:?} after {last:?}");
        }
    }

    #[test]
    fn an_unseen_version_is_told_with_its_serials() {
        for (unseen, sentence) in [
            (
                Unseen::Stays { serial: 5 },
                "the file has changed and its serial is still 5; secondaries take only what has a greater one",
            ),
            (
                Unseen::Falls { last: 5, serial: 4 },
                "the serial falls from 5 to 4; secondaries take only what has a greater one",
            ),
        ] {
            assert_eq!(unseen.to_string(), sentence);
        }
    }

    #[test]
    fn a_serial_in_the_file_is_taken_as_it_is() {
        let by_hand = Zone { serial: Some(7), ..zone(&[1]) };
        let kept = Kept::next(None, &by_hand, &Exported::default(), 100);
        assert_eq!(kept.serial, 7);
        let later = Kept::next(Some(kept), &zone(&[1, 2]), &Exported::default(), 5);
        assert_eq!(later.serial, 8, "and counted on from when the file names none any more");
    }

    #[test]
    fn health_that_is_content_raises_the_serial_and_comes_back_to_the_same_content() {
        let pool = |text: &str| {
            let addresses = text.split(' ').map(|one| one.parse().expect("an address")).collect();
            vec![model::Pool::new("web".into(), model::Policy::Fixed, vec![backend(addresses)])]
        };
        let owner = Name::parse_absolute("www.example.").expect("a name");
        let balanced = [model::Balanced::new(owner, 0)];
        let all = Exported::of(&balanced, &pool("192.0.2.1 192.0.2.2"));
        let some = Exported::of(&balanced, &pool("192.0.2.1"));
        let first = Kept::next(None, &zone(&[1]), &all, 100);
        let second = first.after_health(&all, &some, 50);
        assert_eq!(second.serial, 101);
        assert_ne!(second.digest, first.digest);
        assert_eq!(
            Kept::next(Some(second), &zone(&[1]), &some, 200),
            second,
            "nothing has changed"
        );
        let third = second.after_health(&some, &all, 200);
        assert_eq!(third, Kept { serial: 200, digest: first.digest });
    }

    fn backend(addresses: Vec<std::net::IpAddr>) -> model::Backend {
        model::Backend::new("web-1".into(), model::Serves::Addresses(addresses))
    }
}
