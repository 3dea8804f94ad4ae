//! What aliases stand for now, as records: for whatever writes a zone down, a transfer or an export.

use std::net::Ipv4Addr;

use super::choose::ready::Ready;
use super::plan::{Content, Item, Plan};
use super::snapshot::{Snapshot, View};
use super::{Context, Transport, explain, prepare};
use crate::config::model::{Alias, RrSet};
use crate::rdata::rtype;
use crate::wire::encode::Section;
use crate::zone::Zone;

/// The addresses of an alias, at most one RRset of each type: all that its target's pool may hand out, however many
/// an answer takes of them. None of a type where its target has none, or where nobody here knows the target.
#[must_use]
pub fn addresses(snapshot: &Snapshot, alias: &Alias) -> Vec<RrSet> {
    let of_type = |rtype| rrset(snapshot, alias, rtype);
    [rtype::A, rtype::AAAA].into_iter().filter_map(of_type).collect()
}

fn rrset(snapshot: &Snapshot, alias: &Alias, rtype: u16) -> Option<RrSet> {
    let client = Ipv4Addr::UNSPECIFIED.into();
    let transport = Transport::Tcp;
    let name = alias.owner.clone();
    let question = explain::Question { name, qtype: rtype, client, transport, chance: 0 };
    let mut plan = Box::<Plan>::default();
    prepare(
        snapshot,
        &Context { client, transport, draw: 0, now: 0 },
        &question.to_query(),
        &mut plan,
    );
    let item = plan.items().iter().find(|item| item.section == Section::Answer)?;
    let aliased = item.alias?;
    let View::Served { zone, ready } = snapshot.zone(aliased.zone)? else { return None };
    let (ttl, rdata) = records(zone, |pool| ready.get(pool).map(|ready| &**ready), item)?;
    Some(RrSet { owner: alias.owner.clone(), rtype, ttl: ttl.min(aliased.ttl_max), rdata })
}

/// The TTL and the RDATA of an item.
fn records<'r>(
    zone: &Zone,
    ready: impl Fn(usize) -> Option<&'r Ready>,
    item: &Item,
) -> Option<(u32, Vec<Vec<u8>>)> {
    match item.content {
        Content::Rrset { rrset, .. } => {
            let rrset = zone.store.rrset(rrset);
            Some((rrset.ttl, rrset.rdatas().map(<[u8]>::to_vec).collect()))
        }
        Content::Balanced { pool, list, .. } => {
            let ready = ready(pool as usize)?;
            Some((ready.ttl, ready.handout(list).rdatas().map(<[u8]>::to_vec).collect()))
        }
        Content::Synthesised { .. } => None,
    }
}
