//! What must hold between the records of a zone, whatever file they came from.
//!
//! | section | what we take from it | where |
//! |---|---|---|
//! | RFC 1034 §3.6.2 | a CNAME stands alone, and chains of them end | `alone`, `cname_circles` |
//! | RFC 2181 §5 | no record twice in a set | `duplicates` |
//! | RFC 2181 §10.1, RFC 6672 §2.4 | one CNAME, one DNAME a name; one SOA too | `alone` |
//! | RFC 2181 §10.3 | NS, MX and SRV do not lead to a CNAME | `targets` |
//! | RFC 4592 §4.2 | no NS at a wildcard | `alone` |
//! | RFC 4035 §5 | no zone that is signed, and no signature in another | `signed` |
//! | RFC 2136 §7.18, RFC 6672 §2.4 | what a cut or a DNAME hides is never answered | `occluded` |
//! | RFC 4592 §3.3.1 | the closest encloser decides which wildcard | `Index::find` |

use std::collections::{HashMap, HashSet, hash_map};

use super::error::{Mistakes, Problem, Span};
use super::quick::Table;
use crate::name::Name;
use crate::rdata::{self, rtype};

/// One name of a zone and what it has.
pub(crate) struct Owner {
    /// Its name, at or below the apex.
    pub(crate) name: Name,
    /// Where it stands.
    pub(crate) at: Span,
    /// Its pool, if it has one.
    pub(crate) pool: Option<OwnPool>,
    /// Whose addresses it has, if it is an alias.
    pub(crate) alias: Option<Box<AliasOf>>,
    /// Its record sets, no type twice.
    pub(crate) sets: Vec<Set>,
}

/// The pool of a name.
#[derive(Clone, Copy)]
pub(crate) struct OwnPool {
    /// Where it stands.
    pub(crate) at: Span,
    /// Whether it has targets and answers CNAME, and no addresses.
    pub(crate) has_targets: bool,
}

/// Whose addresses a name has.
pub(crate) struct AliasOf {
    /// Where it stands.
    pub(crate) at: Span,
    /// The other name.
    pub(crate) target: Name,
    /// The other name as written, where it was read as relative though it has dots.
    pub(crate) dotted: Option<Box<Dotted>>,
}

/// The records of one type.
pub(crate) struct Set {
    /// The type's number.
    pub(crate) rtype: u16,
    /// Seconds.
    pub(crate) ttl: u32,
    /// Where it stands.
    pub(crate) at: Span,
    /// Its records.
    pub(crate) entries: Vec<Entry>,
}

/// One record.
pub(crate) struct Entry {
    /// In wire form, names uncompressed.
    pub(crate) rdata: Vec<u8>,
    /// Where it stands.
    pub(crate) at: Span,
    /// Its target as written, where it was read as relative though it has dots.
    pub(crate) dotted: Option<Box<Dotted>>,
}

/// A target with dots and no last one.
pub(crate) struct Dotted {
    /// Where it stands.
    pub(crate) at: Span,
    /// As written.
    pub(crate) text: String,
}

impl Owner {
    fn has(&self, rtype: u16) -> bool {
        self.set(rtype).is_some()
    }

    fn set(&self, rtype: u16) -> Option<&Set> {
        self.sets.iter().find(|set| set.rtype == rtype)
    }

    /// Takes the records of a set, which stands at a place: they are made into others. The set stays, so that what stands
    /// beside it is told.
    pub(crate) fn take_values(&mut self, at: Span) -> Vec<Entry> {
        let set = self.sets.iter_mut().find(|set| set.at == at);
        set.map(|set| std::mem::take(&mut set.entries)).unwrap_or_default()
    }

    /// Whether it answers CNAME, of its own or from a pool.
    fn is_cname(&self) -> bool {
        self.targets().is_some() || self.has(rtype::CNAME)
    }

    /// Where a pool of targets stands.
    fn targets(&self) -> Option<Span> {
        self.pool.filter(|pool| pool.has_targets).map(|pool| pool.at)
    }

    fn has_pool_of_addresses(&self) -> bool {
        self.pool.is_some_and(|pool| !pool.has_targets)
    }

    fn has_address(&self) -> bool {
        self.has_pool_of_addresses()
            || self.alias.is_some()
            || self.has(rtype::A)
            || self.has(rtype::AAAA)
    }
}

/// Tells everything that does not hold among the owners of a zone, each name once among them.
pub(crate) fn check_owners(origin: &Name, owners: &[Owner], mistakes: &mut Mistakes<'_>) {
    for owner in owners {
        alone(owner, origin, mistakes);
        for set in &owner.sets {
            duplicates(set, mistakes);
        }
    }
    signed(origin, owners, mistakes);
    let index = Index::new(origin, owners);
    index.cname_circles(mistakes);
    index.targets(mistakes);
    index.occluded(mistakes);
}

/// A key at the apex, or signatures that no key goes with; the first of each.
fn signed(origin: &Name, owners: &[Owner], mistakes: &mut Mistakes<'_>) {
    let apex = owners.iter().find(|owner| owner.name == *origin);
    if let Some(keys) = apex.and_then(|apex| apex.set(rtype::DNSKEY)) {
        mistakes.add(keys.at, Problem::Signed);
    } else if let Some(set) = owners.iter().find_map(|owner| owner.set(rtype::RRSIG)) {
        mistakes.add(set.at, Problem::Signatures);
    }
}

/// What cannot stand beside something else at one name.
fn alone(owner: &Owner, origin: &Name, mistakes: &mut Mistakes<'_>) {
    let name = || owner.name.to_string();
    if let Some(cname) = owner.set(rtype::CNAME) {
        let other = owner.sets.iter().map(|set| set.rtype).find(|other| {
            // Signatures and denials stand beside any type (RFC 4035 §2.5).
            ![rtype::CNAME, rtype::RRSIG, rtype::NSEC].contains(other)
        });
        let other = match other {
            Some(other) => Some(rdata::type_name(other).to_string()),
            None if owner.pool.is_some() => Some("a pool".to_owned()),
            None if owner.alias.is_some() => Some("an alias".to_owned()),
            None => (owner.name == *origin).then(|| "SOA".to_owned()),
        };
        if let Some(other) = other {
            mistakes.add(cname.at, Problem::CnameBesideOther { name: name(), other });
        }
    }
    // A CNAME beside its targets was told above, and so is the apex where its pool is read.
    if let Some(at) = owner.targets()
        && !owner.has(rtype::CNAME)
        && owner.name != *origin
        && let Some(set) = owner.sets.first()
    {
        let other = rdata::type_name(set.rtype).to_string();
        mistakes.add(at, Problem::TargetsBesideOther { name: name(), other });
    }
    for rtype in [rtype::CNAME, rtype::DNAME, rtype::SOA] {
        if let Some(second) = owner.set(rtype).and_then(|set| set.entries.get(1)) {
            let rtype = rdata::type_name(rtype).to_string();
            mistakes.add(second.at, Problem::OnlyOne { rtype, name: name() });
        }
    }
    for rtype in [rtype::A, rtype::AAAA] {
        if let Some(set) = owner.set(rtype).filter(|_| owner.has_pool_of_addresses()) {
            let rtype = rdata::type_name(rtype).to_string();
            mistakes.add(set.at, Problem::AddressBesidePool { rtype, name: name() });
        }
    }
    if let Some(alias) = &owner.alias {
        let sets = owner.sets.iter().map(|set| set.rtype);
        let address = sets
            .filter(|rtype| [rtype::A, rtype::AAAA].contains(rtype))
            .map(|rtype| rdata::type_name(rtype).to_string());
        for other in address.chain(owner.pool.map(|_| "a pool".to_owned())) {
            mistakes.add(alias.at, Problem::AliasBesideOther { name: name(), other });
        }
    }
    if let Some(set) = owner.set(rtype::NS).filter(|_| owner.name.is_wildcard()) {
        mistakes.add(set.at, Problem::NameServersAtWildcard { name: name() });
    }
}

/// Records that stand twice in their set; names in them are compared without case (RFC 4034 §6.2).
fn duplicates(set: &Set, mistakes: &mut Mistakes<'_>) {
    if set.entries.len() < 2 {
        return;
    }
    let mut first: HashMap<Vec<u8>, u32> = HashMap::with_capacity(set.entries.len());
    for entry in &set.entries {
        let mut canonical = entry.rdata.clone();
        rdata::canonicalize(set.rtype, &mut canonical);
        if let Some(&first) = first.get(&canonical) {
            mistakes.add(entry.at, Problem::DuplicateRecord { first });
        } else {
            first.insert(canonical, entry.at.line);
        }
    }
}

/// The owners by name, as a look-up sees them.
struct Index<'o> {
    origin: &'o Name,
    owners: &'o [Owner],
    /// Every owner with its place, and every name between one and the apex without one.
    existing: Table<&'o [u8], Option<usize>>,
}

impl<'o> Index<'o> {
    fn new(origin: &'o Name, owners: &'o [Owner]) -> Self {
        let mut existing = Table::default();
        existing.reserve(owners.len());
        for (place, owner) in owners.iter().enumerate() {
            // Whatever is above a name that was met before was met too.
            let is_new = existing.insert(owner.name.as_wire(), Some(place)).is_none();
            let above = suffixes(owner.name.as_wire())
                .skip(1)
                .take_while(|name| is_new && name.len() >= origin.as_wire().len());
            for name in above {
                match existing.entry(name) {
                    hash_map::Entry::Occupied(_) => break,
                    hash_map::Entry::Vacant(vacant) => vacant.insert(None),
                };
            }
        }
        Self { origin, owners, existing }
    }

    /// Who answers for a name of the zone, be it a wildcard.
    fn find(&self, name: &Name) -> Option<usize> {
        if let Some(place) = self.existing.get(name.as_wire()) {
            return *place;
        }
        let encloser = suffixes(name.as_wire()).find(|above| self.existing.contains_key(above))?;
        let wildcard = [b"\x01*", encloser].concat();
        *self.existing.get(wildcard.as_slice())?
    }

    fn cname_circles(&self, mistakes: &mut Mistakes<'_>) {
        let next: Vec<Option<usize>> = self
            .owners
            .iter()
            .map(|owner| {
                let entry = owner.set(rtype::CNAME)?.entries.first()?;
                let target = target(rtype::CNAME, &entry.rdata)?;
                let place = self.find(&target).filter(|_| target.is_at_or_below(self.origin))?;
                self.owners[place].has(rtype::CNAME).then_some(place)
            })
            .collect();
        for circle in circles(&next) {
            let first =
                self.owners[circle[0]].set(rtype::CNAME).and_then(|set| set.entries.first());
            let at = first.map_or(Span::FILE, |entry| entry.at);
            let around = circle.iter().chain(circle.first());
            let names = around.map(|&place| self.owners[place].name.to_string()).collect();
            mistakes.add(at, Problem::CnameLoop { names });
        }
    }

    /// Where NS, MX, SRV, CNAME and aliases lead.
    fn targets(&self, mistakes: &mut Mistakes<'_>) {
        for AliasOf { target, dotted, .. } in
            self.owners.iter().filter_map(|own| own.alias.as_deref())
        {
            if let Some(dotted) = dotted.as_ref().filter(|_| self.find(target).is_none()) {
                let (text, name) = (dotted.text.clone(), target.to_string());
                mistakes.add(dotted.at, Problem::DottedTarget { text, name });
            }
        }
        for set in self.owners.iter().flat_map(|owner| &owner.sets) {
            for entry in &set.entries {
                let Some(target) = target(set.rtype, &entry.rdata) else { continue };
                if !target.is_at_or_below(self.origin) {
                    continue;
                }
                let found = self.find(&target).map(|place| &self.owners[place]);
                if let Some(dotted) = entry.dotted.as_ref().filter(|_| found.is_none()) {
                    let (text, name) = (dotted.text.clone(), target.to_string());
                    mistakes.add(dotted.at, Problem::DottedTarget { text, name });
                    continue;
                }
                let leads_to_cname = found.is_some_and(Owner::is_cname);
                if leads_to_cname && [rtype::NS, rtype::MX, rtype::SRV].contains(&set.rtype) {
                    let rtype = rdata::type_name(set.rtype).to_string();
                    let problem = Problem::TargetIsCname { rtype, name: target.to_string() };
                    mistakes.add(entry.at, problem);
                } else if set.rtype == rtype::NS && !found.is_some_and(Owner::has_address) {
                    let name = target.to_string();
                    mistakes.add(entry.at, Problem::NameServerWithoutAddress { name });
                }
            }
        }
    }

    /// What stands below a delegation and is not glue, or below a DNAME.
    fn occluded(&self, mistakes: &mut Mistakes<'_>) {
        let cut = |owner: &Owner| {
            let delegated = owner.has(rtype::NS) && owner.name != *self.origin;
            (delegated && !owner.name.is_wildcard()).then_some("delegation")
        };
        let hides = |owner: &Owner| cut(owner).or(owner.has(rtype::DNAME).then_some("DNAME"));
        let hiding: HashMap<&[u8], &'static str> = self
            .owners
            .iter()
            .filter_map(|owner| Some((owner.name.as_wire(), hides(owner)?)))
            .collect();
        if hiding.is_empty() {
            return;
        }
        let glue: HashSet<Name> = self
            .owners
            .iter()
            .filter_map(|owner| owner.set(rtype::NS))
            .flat_map(|set| set.entries.iter().filter_map(|entry| target(rtype::NS, &entry.rdata)))
            .collect();
        for owner in self.owners {
            let wire = owner.name.as_wire();
            let above = suffixes(wire)
                .skip(1)
                .take_while(|name| name.len() >= self.origin.as_wire().len())
                .filter_map(|name| Some((name, *hiding.get(name)?)))
                // The highest decides: a look-up from the apex meets it first.
                .last();
            let at_cut = cut(owner).map(|by| (wire, by));
            let Some((at, by)) = above.or(at_cut) else { continue };
            let glued = by == "delegation" && glue.contains(&owner.name);
            let stays = |rtype: u16| match rtype {
                rtype::A | rtype::AAAA => glued,
                rtype::NS | rtype::DS | rtype::NSEC | rtype::RRSIG => above.is_none(),
                _ => false,
            };
            let hidden = owner.sets.iter().filter(|set| !stays(set.rtype));
            let hidden = hidden.map(|set| (set.at, rdata::type_name(set.rtype).to_string()));
            let pool = owner.pool.map(|pool| (pool.at, "pool".to_owned()));
            let alias = owner.alias.as_ref().map(|alias| (alias.at, "alias".to_owned()));
            for (span, what) in hidden.chain(pool).chain(alias) {
                let at = Name::from_wire(at).map_or_else(String::new, |name| name.to_string());
                mistakes
                    .add(span, Problem::Occluded { what, name: owner.name.to_string(), by, at });
            }
        }
    }
}

/// The name that a record leads to, in lower case.
fn target(rtype: u16, rdata: &[u8]) -> Option<Name> {
    let at = match rtype {
        rtype::NS | rtype::CNAME | rtype::PTR | rtype::DNAME => 0,
        rtype::MX => 2,
        rtype::SRV => 6,
        _ => return None,
    };
    Name::from_wire(rdata.get(at..)?)
}

/// A wire name, its parent, and so on up to the root.
fn suffixes(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(wire), |name| match name.first() {
        Some(&len) if len > 0 => name.get(1 + usize::from(len)..),
        _ => None,
    })
}

/// The circles among places that each lead to one other at most, each from its first place on.
pub(crate) fn circles(next: &[Option<usize>]) -> Vec<Vec<usize>> {
    // In which walk a place was met; each is met once, so all walks together are linear.
    let mut walk = vec![usize::MAX; next.len()];
    let mut found = Vec::new();
    for start in 0..next.len() {
        let mut at = start;
        while walk[at] == usize::MAX {
            walk[at] = start;
            match next[at] {
                Some(following) => at = following,
                None => break,
            }
        }
        if walk[at] != start || next[at].is_none() {
            continue;
        }
        let mut circle = vec![at];
        let mut on = next[at];
        while let Some(place) = on.filter(|&place| place != at) {
            circle.push(place);
            on = next[place];
        }
        let first =
            circle.iter().enumerate().min_by_key(|(_, place)| **place).map_or(0, |(i, _)| i);
        circle.rotate_left(first);
        found.push(circle);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_circle_is_found_once() {
        // Arrows: 0→1→2→1, 3→3, 4→0, 5 ends.
        let next = [Some(1), Some(2), Some(1), Some(3), Some(0), None];
        assert_eq!(circles(&next), [vec![1, 2], vec![3]]);
        assert_eq!(circles(&[Some(1), None, Some(0)]), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn suffixes_end_at_the_root() {
        let names: Vec<_> = suffixes(b"\x01a\x01b\x00").collect();
        assert_eq!(names, [b"\x01a\x01b\x00".as_slice(), b"\x01b\x00", b"\x00"]);
    }
}
