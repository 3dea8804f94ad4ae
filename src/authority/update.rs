//! Dynamic updates (RFC 2136): a message and a version of its zone to the difference that it makes, or to what the client
//! is told. Who may is decided before ([`crate::engine`]), what becomes of the difference after.
//!
//! ```text
//!   message ──sections──▶ prerequisites ──▶ prescan ──▶ draft of the names it touches ──▶ Delta
//! ```
//!
//! Nothing is half done: either there is a difference, serial and all, or the zone stays.
//!
//! | RFC 2136 | what we take from it | item |
//! |---|---|---|
//! | §3.2 | prerequisites: NXDOMAIN, YXDOMAIN, NXRRSET, YXRRSET, NOTZONE, FORMERR | `check` |
//! | §3.4.1 | what an update may have in it | `prescan` |
//! | §3.4.2 | adding, and the three kinds of deleting | `draft` |
//! | §3.6 | the serial rises where anything changed | `Draft::finish` |
//! | §1.1.1 | when two records are the same | [`crate::zone::delta::same_rdata`] |
//!
//! Where it leaves a choice: an RRset takes the TTL of the record added to it last, as RFC 2181 §5.2 wants one for all, and as BIND
//! does it. A DNAME is replaced by another, and never stands beside a CNAME (RFC 6672 §5.2). A name that a pool or an alias owns
//! is its file's: REFUSED.

mod draft;
mod sections;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use draft::Draft;
use sections::{Entry, Sections};

use crate::name::Name;
use crate::rdata::{is_meta, rtype};
use crate::wire::{class, rcode};
use crate::zone::Zone;
use crate::zone::delta::{Delta, identity};

/// Why an update was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the client is told.
    pub rcode: u16,
    /// The same for people; empty where the code says it all.
    pub why: String,
}

impl Refusal {
    fn new(rcode: u16, why: impl Into<String>) -> Self {
        Self { rcode, why: why.into() }
    }

    fn formerr(entry: &Entry, why: &str) -> Self {
        Self::new(rcode::FORMERR, format!("{entry}: {why}"))
    }
}

/// What an update makes of a version of its zone; `None` where nothing changes. `now` is the time in seconds since 1970,
/// which the new serial is at least.
///
/// The message has been read by [`crate::wire::decode`], and its zone is this one.
pub fn update(zone: &Zone, message: &[u8], now: u32) -> Result<Option<Delta>, Refusal> {
    let malformed = || Refusal::new(rcode::FORMERR, "the message cannot be read");
    let Sections { prerequisites, updates } = Sections::read(message).ok_or_else(malformed)?;
    check(zone, &prerequisites)?;
    prescan(zone, &updates)?;
    let mut draft = Draft::new(zone);
    for entry in updates {
        draft.apply(entry)?;
    }
    Ok(draft.finish(now))
}

/// Whether the prerequisites hold (RFC 2136 §3.2.5).
fn check(zone: &Zone, prerequisites: &[Entry]) -> Result<(), Refusal> {
    // The RRsets that must be exactly so; names in RDATA are compared without case.
    let mut exact = BTreeMap::<(&Name, u16), Vec<&Entry>>::new();
    for entry in prerequisites {
        if entry.ttl != 0 {
            return Err(Refusal::formerr(entry, "a prerequisite has the TTL 0"));
        }
        in_zone(zone, entry)?;
        let node = || zone.node(&entry.owner);
        // An empty non-terminal is no name in use (§2.4.4).
        let is_used = || node().is_some_and(|node| node.rrsets().next().is_some());
        let has_set = || node().is_some_and(|node| node.rrset(entry.rtype).is_some());
        let (is_any, wrong) = (entry.rtype == rtype::ANY, |rcode| Refusal::new(rcode, ""));
        match entry.class {
            class::ANY | class::NONE if entry.length != 0 => {
                return Err(Refusal::formerr(entry, "this prerequisite has no data"));
            }
            class::ANY if is_any && !is_used() => return Err(wrong(rcode::NXDOMAIN)),
            class::ANY if !is_any && !has_set() => return Err(wrong(rcode::NXRRSET)),
            class::NONE if is_any && is_used() => return Err(wrong(rcode::YXDOMAIN)),
            class::NONE if !is_any && has_set() => return Err(wrong(rcode::YXRRSET)),
            class::ANY | class::NONE => {}
            class::IN if is_meta(entry.rtype) || entry.rdata.is_none() => {
                return Err(Refusal::formerr(entry, "this is not the data of a record"));
            }
            class::IN => exact.entry((&entry.owner, entry.rtype)).or_default().push(entry),
            _ => return Err(Refusal::formerr(entry, "a prerequisite of another class")),
        }
    }
    for ((owner, rtype), entries) in exact {
        let node = zone.node(owner);
        let set = node.and_then(|node| node.rrset(rtype)).map(|(_, set)| set);
        let kept = set.into_iter().flat_map(|set| zone.records_in(owner, set));
        let kept: HashSet<_> = kept.map(|record| identity(rtype, &record.rdata)).collect();
        // What is wanted twice is one record.
        let wanted = entries.iter().filter_map(|entry| entry.rdata.as_ref());
        let wanted: HashSet<_> = wanted.map(|rdata| identity(rtype, rdata)).collect();
        if wanted != kept {
            return Err(Refusal::new(rcode::NXRRSET, ""));
        }
    }
    Ok(())
}

/// Whether the update section is well formed, before anything of it is done (RFC 2136 §3.4.1.3).
fn prescan(zone: &Zone, updates: &[Entry]) -> Result<(), Refusal> {
    for entry in updates {
        in_zone(zone, entry)?;
        let is_any = entry.rtype == rtype::ANY;
        let what = match entry.class {
            class::IN if is_meta(entry.rtype) => "no record is of this type",
            class::IN | class::NONE if entry.rdata.is_none() => "this is not the data of a record",
            class::ANY if is_meta(entry.rtype) && !is_any => "no record is of this type",
            class::ANY if entry.ttl != 0 || entry.length != 0 => {
                "an RRset is deleted with the TTL 0 and without data"
            }
            class::NONE if is_meta(entry.rtype) => "no record is of this type",
            class::NONE if entry.ttl != 0 => "a record is deleted with the TTL 0",
            class::IN | class::ANY | class::NONE => continue,
            _ => "an update of another class",
        };
        return Err(Refusal::formerr(entry, what));
    }
    Ok(())
}

fn in_zone(zone: &Zone, entry: &Entry) -> Result<(), Refusal> {
    if entry.owner.is_at_or_below(&zone.origin) {
        return Ok(());
    }
    Err(Refusal::new(rcode::NOTZONE, format!("{} is not in {}", entry.owner, zone.origin)))
}
