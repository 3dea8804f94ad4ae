//! The records of a zone, in presentation format, some of them at a time.
//!
//! A zone is kept by hash. One of at most `SORTED_MAX` names is shown in canonical order (RFC 4034 §6.1), a larger
//! one in the order that it has: sorting a million names is no work to do for a look.

use std::cmp::Ordering;

use crate::admin::model::Record;
use crate::name::{Name, hash};
use crate::rdata::{self, template};
use crate::zone::Zone;
use crate::zone::store::{Node, Rrset};

/// How many sets of records are shown where nobody says how many.
pub const DEFAULT: usize = 1_000;
/// The most sets of records that are shown at once.
pub const MAX: usize = 10_000;
/// The most names that are put into order.
const SORTED_MAX: usize = 10_000;

/// Which records are wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Only those of this name.
    pub name: Option<Name>,
    /// Only those of this type.
    pub rtype: Option<u16>,
    /// How many sets to leave out.
    pub offset: usize,
    /// How many sets to show at most.
    pub limit: usize,
}

/// A name's labels above the apex, and what it owns.
type Owned<'z> = (&'z [u8], Node<'z>);

/// The records that are wanted; and where more begin, if there are more.
#[must_use]
pub fn records(zone: &Zone, wanted: &Wanted) -> (Vec<Record>, Option<usize>) {
    let nodes: Box<dyn Iterator<Item = Owned<'_>>> = match &wanted.name {
        Some(name) => Box::new(owned_by(zone, name).into_iter()),
        None if zone.names <= SORTED_MAX => {
            let mut nodes: Vec<Owned<'_>> = zone.store.nodes().collect();
            nodes.sort_by(|(a, _), (b, _)| canonical_order(a, b));
            Box::new(nodes.into_iter())
        }
        None => Box::new(zone.store.nodes()),
    };
    let sets = nodes.flat_map(|(labels, node)| node.rrsets().map(move |(_, set)| (labels, set)));
    let is_wanted = |rtype| wanted.rtype.is_none_or(|wanted| wanted == rtype);
    let mut sets = sets.filter(|(_, set)| is_wanted(set.rtype)).skip(wanted.offset);
    let shown = sets.by_ref().take(wanted.limit);
    let shown = shown.map(|(labels, set)| record(zone, labels, &set)).collect();
    let more = sets.next().map(|_| wanted.offset + wanted.limit);
    (shown, more)
}

fn owned_by<'z>(zone: &'z Zone, name: &Name) -> Option<Owned<'z>> {
    if !name.is_at_or_below(&zone.origin) {
        return None;
    }
    let wire = name.as_wire();
    let labels = &wire[..wire.len() - zone.origin.as_wire().len()];
    let at = zone.store.find(hash(wire), labels)?;
    Some((zone.store.labels(at), zone.store.node(at)))
}

fn record(zone: &Zone, labels: &[u8], set: &Rrset<'_>) -> Record {
    let apex = zone.origin.as_wire();
    let owner = Name::from_wire(&[labels, apex].concat());
    let mut rdata = Vec::new();
    let values = set.rdatas().map(|kept| {
        rdata.clear();
        template::expand(set.rtype, kept, apex, &mut rdata);
        rdata::print(set.rtype, &rdata).to_string()
    });
    let values = values.collect();
    let pool = set.balanced().and_then(|at| zone.pools.get(at.choice.pool as usize));
    let alias = set.alias().and_then(|place| zone.aliases.get(place as usize));
    Record {
        name: owner.map(|owner| owner.to_string()).unwrap_or_default(),
        rtype: rdata::type_name(set.rtype).to_string(),
        ttl: pool.map_or(set.ttl, |pool| pool.ttl),
        values,
        pool: pool.map(|pool| pool.label().into_owned()),
        alias: alias.map(|alias| alias.target.to_string()),
    }
}

/// By labels from the right, each as bytes (RFC 4034 §6.1).
fn canonical_order(a: &[u8], b: &[u8]) -> Ordering {
    let labels = |mut rest: &[u8]| {
        let mut labels = Vec::new();
        while let Some((&length, tail)) = rest.split_first() {
            let (label, tail) = tail.split_at(usize::from(length));
            labels.push(label.to_vec());
            rest = tail;
        }
        labels.reverse();
        labels
    };
    labels(a).cmp(&labels(b))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::read_zone;
    use crate::zone::build;

    const ZONE: &str = "
zone: example
ns: [ns]
soa: {serial: 7}
pools: {web: {ttl: 20s, backends: [192.0.2.1]}}
records:
  '@': {MX: [10 mail, 20 mail.elsewhere.test.], TXT: 'a \"b\"'}
  ns: {A: 192.0.2.53}
  b.deep: {CNAME: www}
  www: {pool: web}
  z: {alias: www}
  '*': {AAAA: '2001:db8::1'}
";

    fn shown(
        name: Option<&str>,
        rtype: Option<&str>,
        offset: usize,
        limit: usize,
    ) -> (Vec<String>, Option<usize>) {
        let (model, mistakes) = read_zone(Path::new("example.yaml"), ZONE);
        let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
        let zone = build::from_model(&model, 7, None).expect("it fits together").0;
        let wanted = Wanted {
            name: name.map(|name| Name::parse(name, &zone.origin).expect(name)),
            rtype: rtype.map(|rtype| rdata::parse_type(rtype).expect(rtype)),
            offset,
            limit,
        };
        let (records, next) = records(&zone, &wanted);
        let line = |Record { name, rtype, ttl, values, pool, alias }: Record| {
            let pool = pool.map(|pool| format!("pool {pool}"));
            let other = pool.or_else(|| Some(format!("alias {}", alias?)));
            let values: Vec<String> = other.into_iter().chain(values).collect();
            format!("{name} {ttl} {rtype} {}", values.join(" | "))
        };
        (records.into_iter().map(line).collect(), next)
    }

    #[test]
    fn a_zone_is_shown_in_canonical_order() {
        let (lines, next) = shown(None, None, 0, DEFAULT);
        assert_eq!(next, None);
        let expected = [
            "example. 3600 NS ns.example.",
            "example. 3600 SOA ns.example. hostmaster.example. 7 3600 600 1209600 300",
            "example. 3600 MX 10 mail.example. | 20 mail.elsewhere.test.",
            "example. 3600 TXT \"a \\\"b\\\"\"",
            "*.example. 3600 AAAA 2001:db8::1",
            "b.deep.example. 3600 CNAME www.example.",
            "ns.example. 3600 A 192.0.2.53",
            "www.example. 20 A pool web",
            "www.example. 20 AAAA pool web",
            "z.example. 0 A alias www.example.",
            "z.example. 0 AAAA alias www.example.",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn some_are_shown_by_name_type_and_place() {
        let ns = "ns.example. 3600 A 192.0.2.53";
        for (name, rtype, offset, limit, expected, more) in [
            (Some("ns"), None, 0, 10, &[ns][..], None),
            (Some("NS.Example."), Some("A"), 0, 10, &[ns], None),
            (Some("ns"), Some("MX"), 0, 10, &[], None),
            (Some("nothing"), None, 0, 10, &[], None),
            (Some("ns.elsewhere."), None, 0, 10, &[], None),
            (None, Some("a"), 0, 1, &[ns], Some(1)),
            (None, Some("a"), 1, 1, &["www.example. 20 A pool web"], Some(2)),
            (None, None, 100, 1, &[], None),
        ] {
            let (lines, next) = shown(name, rtype, offset, limit);
            assert_eq!(lines, expected, "{name:?} {rtype:?}");
            assert_eq!(next, more, "{name:?} {rtype:?}");
        }
    }
}
