//! Aliases that lead nowhere, as only all zones together show.
//!
//! A query for one is answered all the same (`engine::lookup`): this is for whoever writes the files.

use super::Zone;
use super::catalog::Catalog;
use super::store::{Node, Rrset, flag};
use crate::config::model::Alias;
use crate::name::suffixes::Suffixes;
use crate::name::{Name, hash_label};
use crate::rdata::rtype;
use crate::rdata::template::{self, TemplateName};

/// How many names are followed from an alias on: as many as a query follows in one zone, and one alias from each.
const HOPS_MAX: usize = 32;

/// Why an alias has no address to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Astray {
    /// It leads to a name that none of the zones answers for.
    Outside,
    /// It leads to a name that is not there, or has no address.
    NoAddress,
    /// It leads on and on.
    Circle,
}

/// The aliases of these zones that lead nowhere among them; a zone that could not be read may have anything.
#[must_use]
pub fn astray<'z>(zones: &[(&'z Name, Option<&'z Zone>)]) -> Vec<(&'z Zone, &'z Alias, Astray)> {
    let with_aliases =
        || zones.iter().filter_map(|(_, zone)| *zone).filter(|zone| !zone.aliases.is_empty());
    if with_aliases().next().is_none() {
        return Vec::new();
    }
    let Ok(catalog) = Catalog::new(zones.iter().map(|(origin, _)| (*origin).clone()).collect())
    else {
        return Vec::new();
    };
    let follow = |alias: &Alias| follow(&catalog, zones, &alias.target).err();
    let of_zone = |zone: &'z Zone| zone.aliases.iter().map(move |alias| (zone, alias));
    with_aliases()
        .flat_map(of_zone)
        .filter_map(|(zone, alias)| Some((zone, alias, follow(alias)?)))
        .collect()
}

/// Follows a name to an address.
fn follow(
    catalog: &Catalog,
    zones: &[(&Name, Option<&Zone>)],
    target: &Name,
) -> Result<(), Astray> {
    let mut name = Suffixes::default();
    let mut next = target.as_wire().to_vec();
    for _ in 0..HOPS_MAX {
        name.read(&next).ok_or(Astray::Outside)?;
        let (place, _) = catalog.find(&name, name.labels()).ok_or(Astray::Outside)?;
        let Some(zone) = zones[place as usize].1 else { return Ok(()) };
        let Some(node) = find(zone, &name)? else { return Ok(()) };
        let has_address =
            |set: &Rrset<'_>| [rtype::A, rtype::AAAA].contains(&set.rtype) && set.alias().is_none();
        if node.rrsets().any(|(_, set)| has_address(&set)) {
            return Ok(());
        }
        let alias = node.rrsets().find_map(|(_, set)| zone.aliases.get(set.alias()? as usize));
        if let Some(alias) = alias {
            next = alias.target.as_wire().to_vec();
            continue;
        }
        let (_, cname) = node.rrset(rtype::CNAME).ok_or(Astray::NoAddress)?;
        // Whose target a pool chooses for each query is not followed either.
        let kept = cname.rdatas().next().ok_or(Astray::Outside)?;
        next.clear();
        template::expand(rtype::CNAME, kept, zone.origin.as_wire(), &mut next);
        // A query does not follow it into another zone; the root zone has no templates, and every name is in it.
        if !TemplateName::split(kept).0.in_zone && zone.origin_labels > 0 {
            return Err(Astray::Outside);
        }
    }
    Err(Astray::Circle)
}

/// The node that answers for a name, be it a wildcard; `None` below a DNAME, which is not followed here.
fn find<'z>(zone: &'z Zone, name: &Suffixes) -> Result<Option<Node<'z>>, Astray> {
    let wire = name.wire();
    let end = wire.len() - zone.origin.as_wire().len();
    let mut above: Option<(Node<'z>, usize)> = None;
    for depth in zone.origin_labels..=name.labels() {
        let labels = &wire[name.suffix_start(depth)..end];
        let Some(at) = zone.store.find(name.suffix_hash(depth), labels) else { break };
        let node = zone.store.node(at);
        if node.flags() & flag::CUT != 0 {
            return Err(Astray::Outside);
        }
        if depth == name.labels() {
            return Ok(Some(node));
        }
        if node.flags() & flag::DNAME != 0 {
            return Ok(None);
        }
        above = Some((node, depth));
    }
    let (encloser, depth) = above.ok_or(Astray::NoAddress)?;
    if encloser.flags() & flag::WILDCARD_CHILD == 0 {
        return Err(Astray::NoAddress);
    }
    let labels = [b"\x01*", &wire[name.suffix_start(depth)..end]].concat();
    let at = zone.store.find(hash_label(name.suffix_hash(depth), b"\x01*"), &labels);
    at.map(|at| Some(zone.store.node(at))).ok_or(Astray::NoAddress)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::read_zone;
    use crate::zone::build::from_model;

    fn zone(origin: &str, records: &str) -> Zone {
        let text = format!("zone: {origin}\nns: [ns.example.net.]\nrecords:\n{records}");
        let (model, mistakes) = read_zone(&PathBuf::from(format!("{origin}.yaml")), &text);
        let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
        from_model(&model, 7, None).expect("it fits together").0
    }

    #[test]
    fn an_alias_that_leads_nowhere_is_found() {
        let one = zone(
            "example.com",
            "  a: {alias: www.example.net.}\n  b: {alias: c.example.net.}\n  c: {alias: x.w}\n  d: {alias: b}\n  '*.w': {A: 192.0.2.1}\n  \
             out: {alias: www.example.org.}\n  cut: {alias: x.sub}\n  sub: {NS: ns.sub}\n  on: {alias: out.example.net.}\n  \
             gone: {alias: nothing}\n  txt: {alias: t}\n  t: {TXT: x}\n  self: {alias: self}\n  broken: {alias: a.broken.}\n  \
             six: {alias: s}\n  s: {AAAA: '2001:db8::1'}\n  pool: {alias: p}\n  p: {pool: [192.0.2.1]}\n",
        );
        let two = zone(
            "example.net",
            "  www: {A: 192.0.2.1}\n  c: {CNAME: www}\n  out: {CNAME: www.example.com.}\n",
        );
        let broken = Name::parse_absolute("broken.").expect("a name");
        let zones = [(&one.origin, Some(&one)), (&two.origin, Some(&two)), (&broken, None)];
        let found =
            astray(&zones).into_iter().map(|(_, alias, why)| (alias.owner.to_string(), why));
        let expected = [
            ("out", Astray::Outside),
            ("cut", Astray::Outside),
            ("on", Astray::Outside),
            ("gone", Astray::NoAddress),
            ("txt", Astray::NoAddress),
            ("self", Astray::Circle),
        ];
        let expected = expected.map(|(name, why)| (format!("{name}.example.com."), why));
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert!(astray(&[(&two.origin, Some(&two))]).is_empty(), "it has no alias");
    }
}
