//! What a zone file says, to what it means: names, references and defaults that need the whole.
//!
//! Every part is resolved though others have mistakes; the caller throws the zone away where one was
//! an error. What must hold between the records is in [`super::rules`].

mod ahead;
mod checks;
mod inner;
mod pools;
mod records;

use std::num::NonZeroUsize;
use std::path::Path;

use super::error::{Mistakes, Problem, Span};
use super::model::{Alias, RrSet, Soa, Zone};
use super::node::Text;
use super::rules::{self, Owner, Set};
use super::spec::{self, SoaSpec, ZoneSpec};
use crate::name::{self, Name};

use ahead::AHEAD;
use pools::Pools;
pub(super) use pools::unnamed;
pub(super) use records::write_text;
use records::{Ground, Records};

/// The fields of SOA that a file does not set, in seconds, as RIPE-203 has them for most zones.
pub(super) const REFRESH: u32 = 3600;
pub(super) const RETRY: u32 = 600;
pub(super) const EXPIRE: u32 = 14 * 86_400;
pub(super) const MINIMUM: u32 = 300;

/// Resolves one zone by so many threads; `top` is where the file's content begins.
pub(crate) fn zone(
    spec: ZoneSpec<'_>,
    (file, top): (&Path, Span),
    threads: NonZeroUsize,
    mistakes: &mut Mistakes<'_>,
) -> Option<Zone> {
    let mut pools = Pools::new(&spec, mistakes);
    let ground = Ground { origin: &spec.origin, ttl: spec.ttl, ns_at: spec.ns_at, file };
    let mut records = Records::new(ground, spec.records.len());
    let soa = soa(&spec, top, mistakes);
    records.name_servers(&spec, mistakes);
    let mut balanced = Vec::new();
    for part in spec.records.chunks(AHEAD * threads.get()) {
        let ahead = ahead::owners(part, ground, threads, mistakes);
        for ((name, node), owner) in part.iter().zip(ahead.into_iter().flatten()) {
            if owner.is_some_and(|owner| records.add(owner).is_some()) {
                continue;
            }
            let Some(name) = name.scalar() else { continue };
            let record = spec::record(name, node, file, mistakes);
            records.record(record, &mut pools, &mut balanced, mistakes);
        }
    }
    if spec.ns_at.is_none() && !records.has_apex_ns {
        mistakes.add(top, Problem::NoNameServers);
    }
    let Records { owners, .. } = records;
    rules::check_owners(&spec.origin, &owners, mistakes);
    let aliases = owners.iter().filter_map(|owner| {
        let target = owner.alias.as_ref()?.target.clone();
        Some(Alias { owner: owner.name.clone(), target })
    });
    let aliases = aliases.collect();
    Some(Zone {
        serial: spec.soa.serial,
        soa: soa?,
        // A set whose every value is a mistake is empty, and its zone is thrown away.
        records: owners.into_iter().flat_map(sets).filter(|set| !set.rdata.is_empty()).collect(),
        checks: pools.named_checks(),
        pools: pools.finish(mistakes)?,
        balanced,
        aliases,
        private: spec.private,
        reverse: spec.reverse,
        secondaries: spec.secondaries,
        origin: spec.origin,
    })
}

/// What an owner has. Most have one set, to which their name goes as it is.
fn sets(owner: Owner) -> impl Iterator<Item = RrSet> {
    let Owner { name, mut sets, .. } = owner;
    let last = sets.pop();
    let others: Vec<(Name, Set)> = sets.into_iter().map(|set| (name.clone(), set)).collect();
    others.into_iter().chain(last.map(|set| (name, set))).map(|(owner, set)| RrSet {
        owner,
        rtype: set.rtype,
        ttl: set.ttl,
        rdata: set.entries.into_iter().map(|entry| entry.rdata).collect(),
    })
}

fn soa(spec: &ZoneSpec<'_>, top: Span, mistakes: &mut Mistakes<'_>) -> Option<Soa> {
    let ZoneSpec { origin, soa, .. } = spec;
    let SoaSpec { ttl, refresh, retry, expire, minimum, .. } = *soa;
    // Without name servers there is no name to make up; that they are missing is told apart.
    let mname = match soa.mname.or_else(|| spec.ns.first().copied()) {
        Some(text) => read_name(text, origin, mistakes),
        None => Some(origin.as_wire().to_vec()),
    };
    let rname = match soa.rname {
        Some(text) => read_mailbox(text, origin, mistakes),
        None => match Name::parse("hostmaster", origin) {
            Ok(name) => Some(name.as_wire().to_vec()),
            Err(error) => {
                mistakes.add(top, Problem::BadName { text: format!("hostmaster.{origin}"), error });
                None
            }
        },
    };
    Some(Soa {
        ttl: ttl.unwrap_or(spec.ttl),
        mname: mname?,
        rname: rname?,
        refresh: refresh.unwrap_or(REFRESH),
        retry: retry.unwrap_or(RETRY),
        expire: expire.unwrap_or(EXPIRE),
        minimum: minimum.unwrap_or(MINIMUM),
    })
}

fn read_name(text: Text<'_>, origin: &Name, mistakes: &mut Mistakes<'_>) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    let result = name::parse_into(text.text.as_bytes(), origin.as_wire(), &mut wire);
    mistakes.take(text.span, result.map_err(|error| bad_name(text, error)))?;
    Some(wire)
}

fn bad_name(text: Text<'_>, error: name::NameError) -> Problem {
    Problem::BadName { text: text.text.into(), error }
}

/// A mailbox as people write it, `a.b@example.com`, or as DNS does (RFC 1035 §8).
fn read_mailbox(text: Text<'_>, origin: &Name, mistakes: &mut Mistakes<'_>) -> Option<Vec<u8>> {
    match text.text.split_once('@') {
        Some((local, domain)) if !local.is_empty() && !local.ends_with('\\') => {
            let dot = if domain.ends_with('.') { "" } else { "." };
            let written = format!("{}.{domain}{dot}", local.replace('.', "\\."));
            let mut wire = Vec::new();
            let result = name::parse_into(written.as_bytes(), &[0], &mut wire);
            mistakes.take(text.span, result.map_err(|error| bad_name(text, error)))?;
            Some(wire)
        }
        _ => read_name(text, origin, mistakes),
    }
}
