//! The names under `records`, gathered by owner, and their values on the wire.

use std::hash::BuildHasher;
use std::path::Path;

use super::pools::Pools;
use super::{bad_name, read_name};
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::{Balanced, Form};
use crate::config::node::Text;
use crate::config::quick::{Quick, Table};
use crate::config::rules::{AliasOf, Dotted, Entry, OwnPool, Owner, Set};
use crate::config::spec::{MadeSpec, RecordSpec, SetSpec, ZoneSpec};
use crate::name::Name;
use crate::rdata::{self, RDATA_MAX, rtype};

/// The longest character-string (RFC 1035 §3.3).
const STRING_MAX: usize = 255;

/// What every record is read with.
#[derive(Clone, Copy)]
pub(super) struct Ground<'z> {
    pub(super) origin: &'z Name,
    /// For sets that have none of their own.
    pub(super) ttl: u32,
    /// Where `ns:` stands, if the file has it.
    pub(super) ns_at: Option<Span>,
    pub(super) file: &'z Path,
}

/// The records while they are gathered by owner.
pub(super) struct Records<'z> {
    ground: Ground<'z>,
    pub(super) owners: Vec<Owner>,
    places: Places,
    /// Whether a record gives the apex name servers.
    pub(super) has_apex_ns: bool,
}

/// Of each owner's name: its place among them, by a hash of the name or one of those right after it.
#[derive(Default)]
struct Places {
    hasher: Quick,
    by_hash: Table<u64, u32>,
}

impl Places {
    /// The place of the owner of that name, or what it will be found by.
    fn find(&self, name: &Name, owners: &[Owner]) -> Result<usize, u64> {
        let mut hash = self.hasher.hash_one(name.as_wire());
        while let Some(&place) = self.by_hash.get(&hash) {
            let place = place as usize;
            if owners[place].name == *name {
                return Ok(place);
            }
            hash = hash.wrapping_add(1);
        }
        Err(hash)
    }
}

impl<'z> Records<'z> {
    /// For so many names.
    pub(super) fn new(ground: Ground<'z>, names: usize) -> Self {
        let mut places = Places::default();
        places.by_hash.reserve(names + 1);
        Self { ground, owners: Vec::with_capacity(names + 1), places, has_apex_ns: false }
    }

    /// `ns:`, the zone's own name servers.
    pub(super) fn name_servers(&mut self, spec: &ZoneSpec<'_>, mistakes: &mut Mistakes<'_>) {
        let Ground { origin, ttl, .. } = self.ground;
        let Some(at) = spec.ns_at else { return };
        if spec.ns.is_empty() {
            mistakes.add(at, Problem::NoNameServers);
        }
        let entries = spec.ns.iter().filter_map(|text| {
            let rdata = read_name(*text, origin, mistakes)?;
            let dotted = dotted(rtype::NS, *text, mistakes);
            Some(Entry { rdata, at: text.span, dotted })
        });
        let set = Set { rtype: rtype::NS, ttl, at, entries: entries.collect() };
        // Only `ns:` so far: a record `@` may still come and is no second one.
        self.add(Owner { sets: vec![set], ..owner(origin.clone(), Span::FILE) });
    }

    /// Takes in an owner, and gives its place; `None` where there is one of that name.
    pub(super) fn add(&mut self, owner: Owner) -> Option<usize> {
        let hash = self.places.find(&owner.name, &self.owners).err()?;
        let place = self.owners.len();
        self.places.by_hash.insert(hash, place as u32);
        self.has_apex_ns |= owner.name == *self.ground.origin
            && owner.sets.iter().any(|set| set.rtype == rtype::NS);
        self.owners.push(owner);
        Some(place)
    }

    /// Takes in a record with all that it has.
    pub(super) fn record<'n>(
        &mut self,
        record: RecordSpec<'n>,
        pools: &mut Pools<'n>,
        balanced: &mut Vec<Balanced>,
        mistakes: &mut Mistakes<'_>,
    ) {
        let RecordSpec { name, pool, alias, sets } = record;
        // A pool is resolved though its record's name is wrong: so its check counts as used.
        let mut shards = None;
        let pool = pool.map(|pool| {
            let (key, mut pool) = *pool;
            let spec = pool.shards.take().map(|spec| pools.shards(spec, pool.role, mistakes));
            let found = pools.of_record(pool, mistakes);
            let is_whole = spec.as_ref().is_none_or(Option::is_some);
            shards = spec.flatten();
            (key, found.filter(|_| is_whole))
        });
        let own = pool.as_ref().and_then(|(_, found)| found.clone());
        let owner_name = owner_name(name, self.ground.origin, mistakes);
        self.has_apex_ns |= owner_name.as_ref() == Some(self.ground.origin)
            && sets.iter().any(|set| set.rtype == rtype::NS);
        let place = owner_name.and_then(|owner| self.owner(name, owner, mistakes));
        let Some(place) = place else { return };
        let owner = &mut self.owners[place];
        if let Some((key, found)) = pool {
            if shards.is_some() && !owner.name.as_wire().starts_with(b"\x01*") {
                let name = owner.name.to_string();
                mistakes.add(key.span, Problem::ShardsWithoutWildcard { name });
            }
            let form = found
                .as_ref()
                .map(|(rules, pool)| pools.form(rules, shards.as_ref(), *pool, key.span, mistakes));
            let has_targets = form == Some(Form::Cname);
            owner.pool = Some(OwnPool { at: key.span, has_targets });
            if let (Some((rules, pool)), Some(form)) = (found, form) {
                if has_targets && owner.name == *self.ground.origin {
                    let pool = pools.name(pool).to_owned();
                    mistakes.add(key.span, Problem::TargetsAtApex { pool });
                }
                let (owner, shards) = (owner.name.clone(), shards.clone());
                balanced.push(Balanced { owner, form, rules, pool, shards });
            }
        }
        if let Some((key, target)) = alias.map(|alias| *alias) {
            self.alias(place, key, target, mistakes);
        }
        for mut set in sets {
            let made = set.made.take();
            // Hints are of the name's own pools where they name none.
            let is_own = matches!(made.as_deref(), Some(MadeSpec::Hints { pools: None, .. }));
            let key = set.key.span;
            let rtype = set.rtype;
            let owner = &mut self.owners[place];
            let is_new = add_set(owner, set, self.ground, mistakes);
            let found = made.filter(|_| is_new).and_then(|made| {
                let values = owner.take_values(key);
                pools.made(rtype, *made, own.as_ref(), (key, &values), mistakes)
            });
            if let Some((form, rules, pool)) = found {
                let (owner, shards) = (owner.name.clone(), shards.clone().filter(|_| is_own));
                balanced.push(Balanced { owner, form, rules, pool, shards });
            }
        }
    }

    /// The place of the owner that a key of `records` names.
    fn owner(&mut self, key: Text<'_>, name: Name, mistakes: &mut Mistakes<'_>) -> Option<usize> {
        if let Ok(place) = self.places.find(&name, &self.owners) {
            let owner = &mut self.owners[place];
            if owner.at == Span::FILE {
                owner.at = key.span;
                return Some(place);
            }
            let first = owner.at.line;
            mistakes.add(key.span, Problem::OwnerTwice { name: name.to_string(), first });
            return None;
        }
        self.add(owner(name, key.span))
    }

    /// Gives an owner the addresses of another name.
    fn alias(
        &mut self,
        place: usize,
        key: Text<'_>,
        target: Text<'_>,
        mistakes: &mut Mistakes<'_>,
    ) {
        let name =
            Name::parse(target.text, self.ground.origin).map_err(|error| bad_name(target, error));
        if let Some(name) = mistakes.take(target.span, name) {
            let dotted = dotted(rtype::CNAME, target, mistakes);
            let alias = AliasOf { at: key.span, target: name, dotted };
            self.owners[place].alias = Some(Box::new(alias));
        }
    }
}

/// One that has nothing yet.
pub(super) fn owner(name: Name, at: Span) -> Owner {
    Owner { name, at, pool: None, alias: None, sets: Vec::new() }
}

/// The name of an owner in the zone.
pub(super) fn owner_name(
    key: Text<'_>,
    origin: &Name,
    mistakes: &mut Mistakes<'_>,
) -> Option<Name> {
    let name = Name::parse(key.text, origin).map_err(|error| bad_name(key, error));
    let name = mistakes.take(key.span, name)?;
    if !name.is_at_or_below(origin) {
        let zone = origin.to_string();
        mistakes.add(key.span, Problem::OutOfZone { name: name.to_string(), zone });
        return None;
    }
    // Written out in full, but for its last dot: surely not a name of the zone within the zone.
    let may_be_full = key.text.contains('.') || origin.label_count() < 2;
    let full = may_be_full.then(|| Name::parse_absolute(key.text).ok()).flatten();
    if full.is_some_and(|full| full != name && full.is_at_or_below(origin)) {
        let problem = Problem::OwnerHasZone { text: key.text.to_owned(), name: name.to_string() };
        mistakes.add(key.span, problem);
    }
    Some(name)
}

/// Adds the values of one type to their owner; `false` where it has some already.
pub(super) fn add_set(
    owner: &mut Owner,
    spec: SetSpec<'_>,
    ground: Ground<'_>,
    mistakes: &mut Mistakes<'_>,
) -> bool {
    if let Some(set) = owner.sets.iter().find(|set| set.rtype == spec.rtype) {
        let first = set.at.line;
        let problem = if ground.ns_at == Some(set.at) {
            Problem::NameServersTwice { first }
        } else {
            Problem::DuplicateKey { key: spec.key.text.into(), first }
        };
        mistakes.add(spec.key.span, problem);
        return false;
    }
    let mut entries = Vec::with_capacity(spec.values.len());
    for value in spec.values {
        if let Some(rdata) = read_rdata(spec.rtype, value, ground.origin, mistakes) {
            let dotted = dotted(spec.rtype, value, mistakes);
            entries.push(Entry { rdata, at: value.span, dotted });
        }
    }
    let ttl = spec.ttl.unwrap_or(ground.ttl);
    if owner.sets.is_empty() {
        owner.sets.reserve_exact(1);
    }
    owner.sets.push(Set { rtype: spec.rtype, ttl, at: spec.key.span, entries });
    true
}

fn read_rdata(
    rtype: u16,
    value: Text<'_>,
    origin: &Name,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    if rtype == rtype::TXT && !value.text.starts_with('"') {
        write_text(value.text.as_bytes(), &mut wire);
        if wire.len() > RDATA_MAX {
            let most = RDATA_MAX / (STRING_MAX + 1) * STRING_MAX;
            mistakes.add(value.span, Problem::TextTooLong { most });
            return None;
        }
        return Some(wire);
    }
    match rdata::parse(rtype, value.text, origin, &mut wire) {
        Ok(()) => Some(wire),
        Err(rdata::Mistake { at, problem }) => {
            mistakes.add(mistakes.part(value, at), Problem::Rdata(problem));
            None
        }
    }
}

/// A text as character-strings, each as long as one can be (RFC 1035 §3.3.14).
pub(in crate::config) fn write_text(text: &[u8], wire: &mut Vec<u8>) {
    if text.is_empty() {
        wire.push(0);
    }
    for string in text.chunks(STRING_MAX) {
        wire.push(string.len() as u8);
        wire.extend_from_slice(string);
    }
}

/// The target of a value where it has dots and no last one, which is seldom meant.
fn dotted(rtype: u16, value: Text<'_>, mistakes: &Mistakes<'_>) -> Option<Box<Dotted>> {
    let with_target = [rtype::NS, rtype::CNAME, rtype::PTR, rtype::MX, rtype::SRV, rtype::DNAME];
    if !with_target.contains(&rtype) || !value.text.contains('.') {
        return None;
    }
    let end = value.text.trim_end().len();
    let start = value.text[..end].rfind([' ', '\t']).map_or(0, |blank| blank + 1);
    let target = &value.text[start..end];
    (target.contains('.') && !target.ends_with('.') && !target.contains(['\\', '"', '(', ')']))
        .then(|| Box::new(Dotted { at: mistakes.part(value, start..end), text: target.to_owned() }))
}
