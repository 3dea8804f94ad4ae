//! The serial of a zone whose file names none: kept without anyone's hand.
//!
//! It rises when what the zone says changes, stays while it does not (a comment, an order of keys), and never falls:
//! the new one is the greater of the last plus one and the time in seconds.

use aws_lc_rs::digest::{self, SHA256};

use crate::config::model::{Backend, Zone};

/// What was last served: the serial and what it stood for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The serial.
    pub serial: u32,
    /// The content.
    pub digest: Digest,
}

/// A digest of what a zone says.
pub type Digest = [u8; 32];

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
    pub fn next(last: Option<Kept>, zone: &Zone, now: u32) -> Self {
        let digest = digest(zone);
        let serial = match (zone.serial, last) {
            (Some(serial), _) => serial,
            (None, Some(last)) if last.digest == digest => last.serial,
            (None, Some(last)) => last.serial.saturating_add(1).max(now),
            (None, None) => now,
        };
        Self { serial, digest }
    }
}

/// A digest of everything that transfers and answers of this zone can hold, in one order.
fn digest(zone: &Zone) -> Digest {
    let mut content = Vec::new();
    let soa = &zone.soa;
    let mut apex = part(&[&soa.mname, &soa.rname]);
    for number in [soa.ttl, soa.refresh, soa.retry, soa.expire, soa.minimum] {
        apex.extend_from_slice(&number.to_be_bytes());
    }
    content.push(apex);
    for rrset in &zone.records {
        let numbers = [&rrset.rtype.to_be_bytes()[..], &rrset.ttl.to_be_bytes()].concat();
        for rdata in &rrset.rdata {
            content.push(part(&[rrset.owner.as_wire(), &numbers, rdata]));
        }
    }
    for balanced in &zone.balanced {
        let pool = &zone.pools[balanced.pool];
        for backend in &pool.backends {
            for address in addresses(backend) {
                let ttl = pool.ttl.to_be_bytes();
                content.push(part(&[balanced.owner.as_wire(), &ttl, address.as_bytes()]));
            }
        }
    }
    content.sort_unstable();
    let mut hash = digest::Context::new(&SHA256);
    for part in content {
        hash.update(&part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

fn addresses(backend: &Backend) -> impl Iterator<Item = String> {
    backend.addresses.iter().map(ToString::to_string)
}

/// Fields with their lengths, so that no two lists of fields give the same bytes.
fn part(fields: &[&[u8]]) -> Vec<u8> {
    fields.iter().flat_map(|field| [&(field.len() as u32).to_be_bytes(), *field].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{RrSet, Soa};
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
            let kept = Kept::next(last, &zone(addresses), now);
            assert_eq!(kept.serial, serial, "{addresses:?} at {now}");
            last = Some(kept);
        }
    }

    #[test]
    fn a_serial_in_the_file_is_taken_as_it_is() {
        let by_hand = Zone { serial: Some(7), ..zone(&[1]) };
        let kept = Kept::next(None, &by_hand, 100);
        assert_eq!(kept.serial, 7);
        let later = Kept::next(Some(kept), &zone(&[1, 2]), 5);
        assert_eq!(later.serial, 8, "and counted on from when the file names none any more");
    }
}
