//! What stands at one name: its flags, and what is wrong with its RRsets together.

use super::Problem;
use crate::rdata::{rtype, soa_numbers};
use crate::zone::store::flag;

/// The most bytes of an RRset's records: what a message holds at most beside its header, the longest
/// question and OPT.
pub(in crate::zone) const RRSET_MAX: usize = u16::MAX as usize - 12 - (255 + 4) - 11;
/// What a record takes in a message besides its length and RDATA: owner, type, class and TTL.
pub(in crate::zone) const RECORD_REST: usize = 10;

/// What the apex's SOA says.
#[derive(Clone, Copy)]
pub(in crate::zone) struct Soa {
    pub(in crate::zone) serial: u32,
    pub(in crate::zone) ttl: u32,
    pub(in crate::zone) minimum: u32,
}

/// An RRset of the name.
pub(in crate::zone) struct Set<'a> {
    pub(in crate::zone) rtype: u16,
    pub(in crate::zone) ttl: u32,
    /// How many records; 0 where it is balanced.
    pub(in crate::zone) count: u16,
    /// Each RDATA behind its length, or the pool and the rotation.
    pub(in crate::zone) bytes: &'a [u8],
}

/// What came of a name.
pub(in crate::zone) struct Judged {
    /// The flags of [`flag`] that follow from its RRsets.
    pub(in crate::zone) flags: u8,
    /// Its SOA.
    pub(in crate::zone) soa: Option<Soa>,
    pub(in crate::zone) wrong: Vec<Problem>,
}

/// Judges the RRsets of a name, each type once; none of `labels` is the apex.
pub(in crate::zone) fn judge<'a>(
    labels: &[u8],
    sets: &(impl Iterator<Item = Set<'a>> + Clone),
) -> Judged {
    let is_apex = labels.is_empty();
    let is_wildcard = labels.starts_with(b"\x01*");
    let mut wrong = Vec::new();
    let (mut flags, mut found) = (0, None);
    let of_type = |rtype| sets.clone().find(|set| set.rtype == rtype);
    if let Some(cname) = of_type(rtype::CNAME) {
        flags |= flag::CNAME;
        if cname.count > 1 {
            wrong.push(Problem::ManyCname);
        }
        let counts = |set: &Set<'_>| !stands_beside_cname(set.rtype);
        if sets.clone().filter(counts).count() > 1 {
            wrong.push(Problem::CnameBesideOther);
        }
    }
    if let Some(dname) = of_type(rtype::DNAME) {
        flags |= flag::DNAME;
        if dname.count > 1 {
            wrong.push(Problem::ManyDname);
        }
    }
    if is_apex && of_type(rtype::DNSKEY).is_some() {
        wrong.push(Problem::Signed);
    }
    if of_type(rtype::RRSIG).is_some() {
        wrong.push(Problem::Signatures);
    }
    match of_type(rtype::NS) {
        None if is_apex => wrong.push(Problem::NoNs),
        Some(_) if is_wildcard => wrong.push(Problem::NsAtWildcard),
        Some(_) if !is_apex => flags |= flag::CUT,
        _ => {}
    }
    if let Some(soa) = of_type(rtype::SOA) {
        match soa_numbers(soa.bytes) {
            _ if !is_apex => wrong.push(Problem::SoaBelowApex),
            Some([serial, .., minimum]) => {
                if soa.count > 1 {
                    wrong.push(Problem::ManySoa);
                }
                found = Some(Soa { serial, ttl: soa.ttl, minimum });
            }
            None => wrong.push(Problem::BadRdata),
        }
    }
    Judged { flags, soa: found, wrong }
}

/// Whether a type may stand beside a CNAME: proofs of it, and the key that may update it (RFC 4034 §3, RFC 2181 §10.1,
/// RFC 2535 §2.3.5).
#[must_use]
pub fn stands_beside_cname(rtype: u16) -> bool {
    matches!(rtype, rtype::RRSIG | rtype::NSEC | rtype::KEY)
}
