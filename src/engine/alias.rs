//! What aliases stand for now, as records: for whatever writes a zone down, a transfer or an export.

use std::net::Ipv4Addr;

use super::plan::{Content, List, Plan};
use super::snapshot::{Snapshot, View};
use super::{Context, Transport, explain, prepare};
use crate::config::model::{Alias, RrSet};
use crate::rdata::rtype;
use crate::wire::encode::Section;

/// The addresses of an alias, at most one RRset of each type: all that its target's pool may hand out, however many
/// an answer takes of them. None of a type where its target has none, or where nobody here knows the target.
#[must_use]
pub fn addresses(snapshot: &Snapshot, alias: &Alias) -> Vec<RrSet> {
    let now = |place: u32, pool: usize, list: List| {
        let View::Served { ready, .. } = snapshot.zone(place)? else { return None };
        let ready = ready.get(pool)?;
        Some((ready.ttl, ready.handout(list).rdatas().map(<[u8]>::to_vec).collect()))
    };
    addresses_of(snapshot, alias, now)
}

/// The same, where it is asked for the TTL and the RDATA of pools: by the place of the zone, that of the pool in it, and the
/// list.
#[must_use]
pub fn addresses_of(
    snapshot: &Snapshot,
    alias: &Alias,
    said: impl Fn(u32, usize, List) -> Option<(u32, Vec<Vec<u8>>)>,
) -> Vec<RrSet> {
    let of_type = |rtype| rrset(snapshot, alias, rtype, &said);
    [rtype::A, rtype::AAAA].into_iter().filter_map(of_type).collect()
}

fn rrset(
    snapshot: &Snapshot,
    alias: &Alias,
    rtype: u16,
    said: impl Fn(u32, usize, List) -> Option<(u32, Vec<Vec<u8>>)>,
) -> Option<RrSet> {
    let client = Ipv4Addr::UNSPECIFIED.into();
    let transport = Transport::Tcp;
    let name = alias.owner.clone();
    let question =
        explain::Question { name, qtype: rtype, client, subnet: None, transport, chance: 0 };
    let mut plan = Box::<Plan>::default();
    prepare(
        snapshot,
        &Context { client, transport, draw: 0, now: 0 },
        &question.to_query(),
        &mut plan,
    );
    let item = plan.items().iter().find(|item| item.section == Section::Answer)?;
    let aliased = item.alias?;
    let zone = snapshot.zone(aliased.zone)?.zone()?;
    let (ttl, rdata) = match item.content {
        Content::Rrset { rrset, .. } => {
            let rrset = zone.store.rrset(rrset);
            (rrset.ttl, rrset.rdatas().map(<[u8]>::to_vec).collect())
        }
        Content::Balanced { pool, list, .. } => said(aliased.zone, pool as usize, list)?,
        Content::Synthesised { .. } => return None,
    };
    Some(RrSet { owner: alias.owner.clone(), rtype, ttl: ttl.min(aliased.ttl_max), rdata })
}
