//! Zones that come from elsewhere: transferred from their primaries, kept on the disk, served until they expire.
//!
//! ```text
//!   timers ──when──▶ ask ──SOA──▶ newer? ──IXFR or AXFR──▶ receive ──▶ Zone ──▶ served
//!     ▲                                                                 └────▶ disk ──at start──▶ served
//!     └── NOTIFY
//! ```
//!
//! [`life`] brings these together for one zone; [`timers`], [`message`] and [`receive`] have neither clock nor socket.
//!
//! | standard | what we take from it | where |
//! |---|---|---|
//! | RFC 1034 §4.3.5, RFC 1035 §3.3.13 | REFRESH, RETRY, EXPIRE | [`timers`] |
//! | RFC 1982 §3.2 | which serial is newer | [`crate::zone::serial::is_greater`] |
//! | RFC 1995 §2, §4 | differences, a whole zone in their place, a lone SOA | [`receive`] |
//! | RFC 1996 §3, §4 | what a NOTIFY leads to, and its answer | [`timers`], [`notified`] |
//! | RFC 3597 §4 | names in RDATA that a sender may have compressed | [`message`] |
//! | RFC 5936 §2.2, §3 | the messages of a transfer, from SOA to SOA | [`receive`] |
//! | RFC 8945 §5.3.1 | signatures over many messages | [`ask`], [`crate::wire::tsig::chain`] |
//! | RFC 9103 §7 | all of it over TLS | [`ask`] |

pub mod ask;
pub mod disk;
pub mod failure;
pub mod life;
pub mod message;
pub mod notified;
pub mod receive;
#[cfg(test)]
mod scripted;
pub mod shown;
pub mod timers;

use std::collections::HashSet;
use std::sync::Arc;

use failure::Failure;
use message::Record;
use receive::Difference;

use crate::name::Name;
use crate::rdata::{self, template};
use crate::zone::build::Builder;
use crate::zone::delta::{self, Delta};
use crate::zone::{Zone, build};

/// Builds the zone of what was gathered; an error is a sentence for people.
fn finish(builder: Builder) -> Result<Zone, String> {
    match builder.finish(Vec::new()) {
        Ok((zone, _)) => Ok(zone),
        Err(mistakes) => Err(told(&mistakes)),
    }
}

/// The first mistake, and how many there are besides.
fn told(mistakes: &[build::Mistake]) -> String {
    let mut errors = mistakes.iter().filter(|mistake| !mistake.problem.is_warning());
    let first = errors.next().map_or_else(String::new, |first| {
        let build::Mistake { owner, problem, .. } = first;
        format!("{owner}: {problem}")
    });
    match errors.count() {
        0 => first,
        more => format!("{first}; and {more} more"),
    }
}

/// The version that differences lead to, one after the other.
fn apply(zone: &Arc<Zone>, differences: Vec<Difference>) -> Result<Zone, Failure> {
    let mut edited: Option<Zone> = None;
    for difference in differences {
        let before = edited.as_ref().unwrap_or(zone);
        let delta = delta(before, difference).ok_or(Failure::Malformed)?;
        let next = before.edited(&delta);
        edited = Some(next.map_err(|unfit| Failure::DoesNotApply(unfit.to_string()))?);
    }
    edited.ok_or(Failure::NoSoa)
}

/// The difference as it changes this version.
///
/// NSD 4.6 adds records anew that were there and stay, which every secondary takes for no change. To remove what is not there
/// is another matter: then the versions are not the same.
fn delta(zone: &Zone, Difference { removed, added }: Difference) -> Option<Delta> {
    let mut removed = removed.into_iter().filter_map(of_zone);
    let mut added = added.into_iter().filter_map(of_zone);
    let (before, after) = (removed.next()?, added.next()?);
    let removed: Vec<_> = removed.collect();
    let gone: HashSet<delta::Record> = removed.iter().cloned().map(canonical).collect();
    let stays = |record: &delta::Record| {
        let node = zone.node(&record.owner);
        let Some((_, rrset)) = node.and_then(|node| node.rrset(record.rtype)) else { return false };
        let is_there = |there: delta::Record| there.ttl == record.ttl && there.is_same(record);
        zone.records_in(&record.owner, rrset).any(is_there)
            && !gone.contains(&canonical(record.clone()))
    };
    let added = added.filter(|record| !stays(record)).collect();
    Delta::new(before, removed, after, added)
}

fn canonical(mut record: delta::Record) -> delta::Record {
    rdata::canonicalize(record.rtype, &mut record.rdata);
    record
}

fn of_zone(record: Record) -> Option<delta::Record> {
    let Record { owner, rtype, ttl, rdata } = record;
    Some(delta::Record { owner: Name::from_wire(&owner)?, rtype, ttl, rdata: rdata.into() })
}

/// Calls `each` with every record of a zone: owner in wire form, type, TTL, RDATA with its names whole.
fn records(zone: &Zone, mut each: impl FnMut(&[u8], u16, u32, &[u8])) {
    let apex = zone.origin.as_wire();
    let (mut owner, mut rdata) = (Vec::new(), Vec::new());
    for (labels, node) in zone.store.nodes() {
        owner.clear();
        owner.extend_from_slice(labels);
        owner.extend_from_slice(apex);
        for (_, rrset) in node.rrsets() {
            for kept in rrset.rdatas() {
                rdata.clear();
                template::expand(rrset.rtype, kept, apex, &mut rdata);
                each(&owner, rrset.rtype, rrset.ttl, &rdata);
            }
        }
    }
}
