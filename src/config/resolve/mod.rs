//! What a zone file says, to what it means: names, references and defaults that need the whole.
//!
//! Every part is resolved though others have mistakes; the caller throws the zone away where one was
//! an error. What must hold between the records is in [`super::rules`].

mod checks;
mod inner;
mod pools;

use super::error::{Mistakes, Problem, Span};
use super::model::{Alias, Balanced, Form, RrSet, Soa, Zone};
use super::node::Text;
use super::quick::Table;
use super::rules::{self, AliasOf, Dotted, Entry, OwnPool, Owner, Set};
use super::spec::{MadeSpec, RecordSpec, SetSpec, SoaSpec, ZoneSpec};
use crate::name::{self, Name};
use crate::rdata::{self, RDATA_MAX, rtype};

use pools::Pools;
pub(super) use pools::unnamed;

/// The fields of SOA that a file does not set, in seconds, as RIPE-203 has them for most zones.
pub(super) const REFRESH: u32 = 3600;
pub(super) const RETRY: u32 = 600;
pub(super) const EXPIRE: u32 = 14 * 86_400;
pub(super) const MINIMUM: u32 = 300;
/// The longest character-string (RFC 1035 §3.3).
const STRING_MAX: usize = 255;

/// Resolves one zone; `top` is where the file's content begins.
pub(crate) fn zone(spec: ZoneSpec<'_>, top: Span, mistakes: &mut Mistakes<'_>) -> Option<Zone> {
    let mut pools = Pools::new(&spec, mistakes);
    let mut records = Records {
        origin: &spec.origin,
        ttl: spec.ttl,
        ns_at: spec.ns_at,
        owners: Vec::new(),
        places: Table::default(),
    };
    let soa = soa(&spec, top, mistakes);
    records.name_servers(&spec, top, mistakes);
    let mut balanced = Vec::new();
    for record in spec.records {
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
        let Some(place) = records.owner(name, mistakes) else { continue };
        let owner = &mut records.owners[place];
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
                if has_targets && owner.name == spec.origin {
                    let pool = pools.name(pool).to_owned();
                    mistakes.add(key.span, Problem::TargetsAtApex { pool });
                }
                let (owner, shards) = (owner.name.clone(), shards.clone());
                balanced.push(Balanced { owner, form, rules, pool, shards });
            }
        }
        if let Some((key, target)) = alias.map(|alias| *alias) {
            records.alias(place, key, target, mistakes);
        }
        for mut set in sets {
            let made = set.made.take();
            // Hints are of the name's own pools where they name none.
            let is_own = matches!(made.as_deref(), Some(MadeSpec::Hints { pools: None, .. }));
            let key = set.key.span;
            let rtype = set.rtype;
            let is_new = records.set(place, set, mistakes);
            let owner = &mut records.owners[place];
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
    let Records { owners, .. } = records;
    rules::check_owners(&spec.origin, &owners, mistakes);
    let aliases = owners.iter().filter_map(|owner| {
        let target = owner.alias.as_ref()?.target.clone();
        Some(Alias { owner: owner.name.clone(), target })
    });
    let aliases = aliases.collect();
    let sets = owners.into_iter().flat_map(|owner| {
        let Owner { name, sets, .. } = owner;
        sets.into_iter().map(move |set| RrSet {
            owner: name.clone(),
            rtype: set.rtype,
            ttl: set.ttl,
            rdata: set.entries.into_iter().map(|entry| entry.rdata).collect(),
        })
    });
    Some(Zone {
        serial: spec.soa.serial,
        soa: soa?,
        // A set whose every value is a mistake is empty, and its zone is thrown away.
        records: sets.filter(|set| !set.rdata.is_empty()).collect(),
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

/// The records while they are gathered by owner.
struct Records<'z> {
    origin: &'z Name,
    /// For sets that have none of their own.
    ttl: u32,
    /// Where `ns:` stands, if the file has it.
    ns_at: Option<Span>,
    owners: Vec<Owner>,
    /// Of each owner's name: its place among them.
    places: Table<Name, usize>,
}

impl Records<'_> {
    /// `ns:`, the zone's own name servers.
    fn name_servers(&mut self, spec: &ZoneSpec<'_>, top: Span, mistakes: &mut Mistakes<'_>) {
        let Some(at) = spec.ns_at else {
            let apex = |record: &RecordSpec<'_>| {
                Name::parse(record.name.text, self.origin).is_ok_and(|name| name == *self.origin)
                    && record.sets.iter().any(|set| set.rtype == rtype::NS)
            };
            if !spec.records.iter().any(apex) {
                mistakes.add(top, Problem::NoNameServers);
            }
            return;
        };
        if spec.ns.is_empty() {
            mistakes.add(at, Problem::NoNameServers);
        }
        let entries = spec.ns.iter().filter_map(|text| {
            let rdata = read_name(*text, self.origin, mistakes)?;
            let dotted = dotted(rtype::NS, *text, mistakes);
            Some(Entry { rdata, at: text.span, dotted })
        });
        let set = Set { rtype: rtype::NS, ttl: self.ttl, at, entries: entries.collect() };
        self.places.insert(self.origin.clone(), self.owners.len());
        self.owners.push(Owner {
            name: self.origin.clone(),
            // Only `ns:` so far: a record `@` may still come and is no second one.
            at: Span::FILE,
            pool: None,
            alias: None,
            sets: vec![set],
        });
    }

    /// The place of the owner that a key of `records` names.
    fn owner(&mut self, key: Text<'_>, mistakes: &mut Mistakes<'_>) -> Option<usize> {
        let name = Name::parse(key.text, self.origin).map_err(|error| bad_name(key, error));
        let name = mistakes.take(key.span, name)?;
        if !name.is_at_or_below(self.origin) {
            let zone = self.origin.to_string();
            mistakes.add(key.span, Problem::OutOfZone { name: name.to_string(), zone });
            return None;
        }
        // Written out in full, but for its last dot: surely not a name of the zone within the zone.
        let full = Name::parse_absolute(key.text).ok().filter(|full| *full != name);
        if full.is_some_and(|full| full.is_at_or_below(self.origin)) {
            let problem =
                Problem::OwnerHasZone { text: key.text.to_owned(), name: name.to_string() };
            mistakes.add(key.span, problem);
        }
        if let Some(&place) = self.places.get(&name) {
            let owner = &mut self.owners[place];
            if owner.at == Span::FILE {
                owner.at = key.span;
                return Some(place);
            }
            let first = owner.at.line;
            mistakes.add(key.span, Problem::OwnerTwice { name: name.to_string(), first });
            return None;
        }
        let place = self.owners.len();
        self.places.insert(name.clone(), place);
        self.owners.push(Owner { name, at: key.span, pool: None, alias: None, sets: Vec::new() });
        Some(place)
    }

    /// Gives an owner the addresses of another name.
    fn alias(
        &mut self,
        place: usize,
        key: Text<'_>,
        target: Text<'_>,
        mistakes: &mut Mistakes<'_>,
    ) {
        let name = Name::parse(target.text, self.origin).map_err(|error| bad_name(target, error));
        if let Some(name) = mistakes.take(target.span, name) {
            let dotted = dotted(rtype::CNAME, target, mistakes);
            let alias = AliasOf { at: key.span, target: name, dotted };
            self.owners[place].alias = Some(Box::new(alias));
        }
    }

    /// Adds the values of one type to their owner; `false` where it has some already.
    fn set(&mut self, place: usize, spec: SetSpec<'_>, mistakes: &mut Mistakes<'_>) -> bool {
        let owner = &mut self.owners[place];
        if let Some(set) = owner.sets.iter().find(|set| set.rtype == spec.rtype) {
            let first = set.at.line;
            let problem = if self.ns_at == Some(set.at) {
                Problem::NameServersTwice { first }
            } else {
                Problem::DuplicateKey { key: spec.key.text.into(), first }
            };
            mistakes.add(spec.key.span, problem);
            return false;
        }
        let mut entries = Vec::with_capacity(spec.values.len());
        for value in spec.values {
            if let Some(rdata) = read_rdata(spec.rtype, value, self.origin, mistakes) {
                let dotted = dotted(spec.rtype, value, mistakes);
                entries.push(Entry { rdata, at: value.span, dotted });
            }
        }
        let ttl = spec.ttl.unwrap_or(self.ttl);
        if owner.sets.is_empty() {
            owner.sets.reserve_exact(1);
        }
        owner.sets.push(Set { rtype: spec.rtype, ttl, at: spec.key.span, entries });
        true
    }
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
pub(super) fn write_text(text: &[u8], wire: &mut Vec<u8>) {
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
