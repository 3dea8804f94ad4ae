//! What records make of a pool besides addresses and a target, ready to be copied.
//!
//! SRV is a list like others. The hints of HTTPS and SVCB are within a record, so what can be chosen is a whole record: one
//! for each turn that A and AAAA have, with the addresses that they have in that turn.

use std::net::IpAddr;

use super::draw::{Way, turn};
use super::handout::{Handout, RECORD_HEAD, whole};
use super::tables::Making;
use crate::config::model::{Endpoint, HINTS_MAX, Made, Offer, Policy, Pool, srv, with_hints};
use crate::rdata::rtype;

/// The most turns that records with hints are made for.
const TURNS_MAX: usize = 64;

/// What a pool, with how many backends, hands out as one form, from what it offers and its lists of A and AAAA.
#[must_use]
pub(super) fn handout(
    (pool, backends): (&Pool, usize),
    made: &Made,
    offers: &[Offer],
    lists: &[Handout],
    tables: &mut Making<'_>,
    ttl: u32,
) -> Handout {
    let rtype = made.rtype();
    match made {
        Made::Srv { priority } => {
            let records: Vec<(Vec<u8>, &Offer)> = srv(*priority, offers)
                .into_iter()
                .map(|(place, rdata)| (whole(rtype, ttl, &rdata), &offers[place]))
                .collect();
            let records = records.iter().map(|(record, offer)| (record.as_slice(), *offer));
            let most = usize::from(pool.services.get());
            Handout::of((pool, backends), tables, records, most, pool.min_ttl)
        }
        Made::Hints { values, .. } => {
            let turns = if offers.is_empty() { 0 } else { turns(Way::of(pool.policy), lists) };
            let records: Vec<Vec<u8>> = (0..turns)
                .map(|draw| {
                    let addresses = match pool.policy {
                        Policy::Hash => {
                            offers.iter().filter_map(|offer| offer.endpoint.address()).collect()
                        }
                        _ => addresses(lists, draw as u64),
                    };
                    let rdata = values.iter().map(|value| with_hints(value, &addresses));
                    rdata.flat_map(|rdata| whole(rtype, ttl, &rdata)).collect()
                })
                .collect();
            let records = records.iter().map(|record| (record.as_slice(), 1));
            Handout::new(records, Policy::RoundRobin, 1, pool.min_ttl).of_each(values.len())
        }
    }
}

/// How many different sets of addresses answers have.
fn turns(way: Way, lists: &[Handout]) -> usize {
    let of_list = |list: &Handout| match way {
        _ if list.answers == list.count() => 1,
        // Of what clients keep, hints name all.
        Way::First | Way::Keys(_) => 1,
        Way::Chance => TURNS_MAX,
        Way::Rotation | Way::Turns => list.turns(),
    };
    lists.iter().map(of_list).max().unwrap_or(1).clamp(1, TURNS_MAX)
}

/// The addresses that answers have in one turn.
fn addresses(lists: &[Handout], draw: u64) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for list in lists {
        let mut own = Vec::new();
        let Ok(()) = turn(list, draw, |run, count| {
            let records = run.chunks(run.len() / count);
            own.extend(records.filter_map(|record| address(&record[RECORD_HEAD..])));
            Ok::<(), std::convert::Infallible>(())
        });
        own.truncate(HINTS_MAX);
        found.append(&mut own);
    }
    found
}

fn address(rdata: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(rdata).map(IpAddr::from);
    v4().or_else(|_| <[u8; 16]>::try_from(rdata).map(IpAddr::from)).ok()
}

/// Which endpoint is counted for each of a list: of SRV the first of its backend; hints are not what a client connects
/// to before it has asked for addresses, so they are not counted.
#[must_use]
pub fn keys(handout: &Handout, offers: &[Offer]) -> Box<[Endpoint]> {
    if handout.rtype() != Some(rtype::SRV) {
        return Box::default();
    }
    srv(0, offers).into_iter().map(|(place, _)| offers[place].endpoint.clone()).collect()
}
