//! Names for addresses: what the reverse zones have for the forward zones that ask for it (`reverse: true`).
//!
//! ```text
//!   www.example.com.  A, or a pool with  192.0.2.1  ──▶  1.2.0.192.in-addr.arpa. PTR www.example.com.
//! ```
//!
//! A reverse zone is a zone like any other, with a file of its own; the records that are made here are added to what the
//! file has, as if they stood there, and the serial rises when they change. What the file says stays:
//!
//! ```text
//! the file has                            made for the address
//! PTR of the address                      none: the file's are the ones that are meant
//! CNAME of the address (RFC 2317 §4)      none: another zone has its name
//! NS or DNAME at the address or above     none: another zone has it
//! none of these                           a PTR for each name, at most NAMES_MAX
//! ```

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::Zone;
use super::serial::{Digest, Kept, is_greater};
use super::store::{Rrset, flag};
use crate::config::model::{Backend, RrSet};
use crate::name::{Name, hash, hash_labels};
use crate::rdata::rtype;

/// The most names that are made for one address; the first in the order of their bytes.
pub const NAMES_MAX: usize = 64;

/// Whether a zone holds the names of addresses (RFC 1035 §3.5, RFC 3596 §2.5).
#[must_use]
pub fn is_reverse(origin: &Name) -> bool {
    let wire = origin.as_wire();
    [&b"\x07in-addr\x04arpa\0"[..], b"\x03ip6\x04arpa\0"]
        .iter()
        .any(|tail| crate::name::is_at_or_below(wire, tail))
}

/// The name that stands for an address.
#[must_use]
pub fn name_of(address: IpAddr) -> Name {
    let text = match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(address) => {
            let nibbles =
                address.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let labels = nibbles.fold(String::new(), |text, nibble| format!("{text}{nibble:x}."));
            labels + "ip6.arpa."
        }
    };
    Name::parse_absolute(&text).unwrap_or_else(|_| Name::root())
}

/// The names of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointers(BTreeMap<IpAddr, BTreeSet<Name>>);

impl Pointers {
    /// Those that these zones ask for.
    #[must_use]
    pub fn of<'z>(zones: impl IntoIterator<Item = &'z Zone>) -> Self {
        let mut pointers = Self::default();
        for zone in zones.into_iter().filter(|zone| zone.reverse) {
            pointers.gather(zone);
        }
        pointers
    }

    /// Static addresses, and those of pools' backends whatever their health. A wildcard is no name to give, and what a
    /// delegation or a DNAME hides is not the zone's.
    fn gather(&mut self, zone: &Zone) {
        for (labels, node) in zone.store.nodes() {
            let sets =
                node.rrsets().filter(|(_, set)| [rtype::A, rtype::AAAA].contains(&set.rtype));
            let addresses: Vec<IpAddr> = sets.flat_map(|(_, set)| addresses(zone, &set)).collect();
            if addresses.is_empty() || labels.starts_with(b"\x01*") || is_hidden(zone, labels) {
                continue;
            }
            let Some(name) = Name::from_wire(&[labels, zone.origin.as_wire()].concat()) else {
                continue;
            };
            for address in addresses {
                self.0.entry(address).or_default().insert(name.clone());
            }
        }
    }

    /// The addresses, rising.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.0.keys().copied()
    }

    /// The addresses that have more than [`NAMES_MAX`] names.
    pub fn crowded(&self) -> impl Iterator<Item = IpAddr> {
        self.0.iter().filter(|(_, names)| names.len() > NAMES_MAX).map(|(address, _)| *address)
    }

    /// The addresses that none of these zones holds.
    pub fn outside<'z>(&self, origins: &'z [Name]) -> impl Iterator<Item = IpAddr> + use<'_, 'z> {
        self.addresses().filter(|address| deepest(&name_of(*address), origins).is_none())
    }

    /// What a reverse zone has of them, where these are all reverse zones: an address belongs to the deepest.
    #[must_use]
    pub fn within(&self, origin: &Name, origins: &[Name]) -> Vec<(Name, Vec<Name>)> {
        let named = self.0.iter().map(|(address, names)| (name_of(*address), names));
        let own = named.filter(|(owner, _)| deepest(owner, origins) == Some(origin));
        own.map(|(owner, names)| (owner, names.iter().take(NAMES_MAX).cloned().collect())).collect()
    }
}

fn deepest<'z>(name: &Name, origins: &'z [Name]) -> Option<&'z Name> {
    let above = origins.iter().filter(|origin| name.is_at_or_below(origin));
    above.max_by_key(|origin| origin.label_count())
}

fn addresses(zone: &Zone, set: &Rrset<'_>) -> Vec<IpAddr> {
    if let Some(at) = set.balanced() {
        let Some(pool) = zone.pools.get(at.choice.pool as usize) else { return Vec::new() };
        let pool = pool.flat(&zone.pools);
        let all = pool.backends.iter().flat_map(Backend::addresses).copied();
        return all.filter(|address| address.is_ipv4() == (set.rtype == rtype::A)).collect();
    }
    let address = |rdata: &[u8]| match rdata.len() {
        4 => rdata.first_chunk::<4>().map(|octets| IpAddr::from(*octets)),
        _ => rdata.first_chunk::<16>().map(|octets| IpAddr::from(*octets)),
    };
    set.rdatas().filter_map(address).collect()
}

/// Whether a name is at or below a zone cut, or below a DNAME.
fn is_hidden(zone: &Zone, labels: &[u8]) -> bool {
    let origin_hash = hash(zone.origin.as_wire());
    let mut rest = labels;
    if !zone.has_cuts {
        return false;
    }
    loop {
        let at = zone.store.find(hash_labels(origin_hash, rest), rest);
        let flags = at.map_or(0, |at| zone.store.node(at).flags());
        if flags & flag::CUT != 0 || (flags & flag::DNAME != 0 && rest.len() < labels.len()) {
            return true;
        }
        let Some(&length) = rest.first() else { return false };
        rest = &rest[1 + usize::from(length)..];
    }
}

/// The serial of a reverse zone whose file has one by hand: that, until what is made here has changed as well.
#[must_use]
pub fn serial(by_hand: u32, content: Digest, last: Option<Kept>) -> u32 {
    match last {
        Some(last) if is_greater(by_hand, last.serial) => by_hand,
        Some(last) if last.digest == content => last.serial,
        Some(last) => last.serial.wrapping_add(1),
        None => by_hand,
    }
}

/// What the file of a reverse zone has that nothing is added to.
#[derive(Debug, Default)]
pub struct Taken {
    names: HashSet<Name>,
    /// With all that is below.
    trees: HashSet<Name>,
}

impl Taken {
    /// Looks at a record of the file.
    pub fn see(&mut self, origin: &Name, owner: &[u8], rtype: u16) {
        let set = match rtype {
            rtype::PTR | rtype::CNAME => &mut self.names,
            rtype::NS | rtype::DNAME if owner != origin.as_wire() => &mut self.trees,
            rtype::DNAME => &mut self.trees,
            _ => return,
        };
        set.extend(Name::from_wire(owner));
    }

    fn has(&self, name: &Name) -> bool {
        let mut above = Some(name.as_wire());
        let trees = std::iter::from_fn(|| {
            let this = above?;
            above = this.get(1 + usize::from(*this.first()?)..).filter(|rest| !rest.is_empty());
            Name::from_wire(this)
        });
        self.names.contains(name)
            || (!self.trees.is_empty() && trees.into_iter().any(|name| self.trees.contains(&name)))
    }

    /// The records to add to the file's.
    pub fn added<'p>(
        &'p self,
        pointers: &'p [(Name, Vec<Name>)],
        ttl: u32,
    ) -> impl Iterator<Item = RrSet> + use<'p> {
        pointers.iter().filter(|(owner, _)| !self.has(owner)).map(move |(owner, names)| RrSet {
            owner: owner.clone(),
            rtype: rtype::PTR,
            ttl,
            rdata: names.iter().map(|name| name.as_wire().to_vec()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::read_zone;
    use crate::zone::build::from_model;

    fn name(text: &str) -> Name {
        Name::parse_absolute(text).expect(text)
    }

    fn zone(records: &str) -> Zone {
        let text =
            format!("zone: example.com\nreverse: true\nns: [ns.example.net.]\nrecords:\n{records}");
        let (model, mistakes) = read_zone(Path::new("example.com.yaml"), &text);
        let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
        from_model(&model, 7, None).expect("it fits together").0
    }

    fn shown(found: &[(Name, Vec<Name>)]) -> Vec<String> {
        let names =
            |names: &[Name]| names.iter().map(Name::to_string).collect::<Vec<_>>().join(" ");
        found.iter().map(|(owner, found)| format!("{owner} {}", names(found))).collect()
    }

    #[test]
    fn rfc1035_3_5_and_rfc3596_2_5_an_address_has_a_name() {
        for (address, expected) in [
            ("192.0.2.1", "1.2.0.192.in-addr.arpa."),
            (
                "2001:db8::567:89ab",
                "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
            ),
        ] {
            let found = name_of(address.parse().expect("an address"));
            assert_eq!(found.to_string(), expected);
            assert!(is_reverse(&found));
        }
        assert!(is_reverse(&name("2.0.192.in-addr.arpa.")) && !is_reverse(&name("arpa.")));
    }

    #[test]
    fn names_come_from_static_records_and_from_pools() {
        let zone = zone(
            "  '@': {pool: web}\n  www: {pool: web}\n  a: {A: [192.0.2.1, 192.0.2.9], AAAA: '2001:db8::1'}\n  \
             '*.w': {A: 192.0.2.1}\n  al: {alias: a}\n  sub: {NS: ns.sub}\n  ns.sub: {A: 192.0.2.1}\n\
             pools: {web: {backends: {one: 192.0.2.1, two: {address: 198.51.100.2, state: down}}}}\n",
        );
        let origins = ["2.0.192.in-addr.arpa.", "0.192.in-addr.arpa.", "ip6.arpa."].map(name);
        let pointers = Pointers::of([&zone]);
        assert_eq!(
            shown(&pointers.within(&origins[0], &origins)),
            [
                "1.2.0.192.in-addr.arpa. a.example.com. www.example.com. example.com.",
                "9.2.0.192.in-addr.arpa. a.example.com."
            ]
        );
        assert!(pointers.within(&origins[1], &origins).is_empty(), "the deepest has them");
        assert_eq!(pointers.within(&origins[2], &origins).len(), 1);
        let outside: Vec<_> = pointers.outside(&origins).map(|found| found.to_string()).collect();
        assert_eq!(outside, ["198.51.100.2"]);
        assert_eq!(Pointers::of([&Zone { reverse: false, ..zone }]), Pointers::default());
    }

    #[test]
    fn an_address_has_so_many_names_at_most() {
        let records = (0..=NAMES_MAX)
            .fold(String::new(), |all, at| format!("{all}  n{at:02}: {{A: 192.0.2.1}}\n"));
        let pointers = Pointers::of([&zone(&records)]);
        let origin = [name("in-addr.arpa.")];
        let found = pointers.within(&origin[0], &origin);
        assert_eq!((found.len(), found[0].1.len()), (1, NAMES_MAX));
        assert_eq!(pointers.crowded().count(), 1);
    }

    #[test]
    fn a_serial_by_hand_rises_with_what_is_made() {
        let kept = |serial, digest| Some(Kept { serial, digest: [digest; 32] });
        for (by_hand, digest, last, expected) in [
            (5, 1, None, 5),
            (5, 1, kept(5, 1), 5),
            (5, 2, kept(5, 1), 6),
            (5, 2, kept(7, 2), 7),
            (5, 3, kept(7, 2), 8),
            (9, 3, kept(7, 2), 9),
            (5, 2, kept(u32::MAX, 1), 5),
            (u32::MAX, 2, kept(u32::MAX, 1), 0),
        ] {
            assert_eq!(
                serial(by_hand, [digest; 32], last),
                expected,
                "{by_hand} {digest} {last:?}"
            );
        }
    }

    #[test]
    fn rfc2317_4_what_the_file_has_stays() {
        let origin = name("2.0.192.in-addr.arpa.");
        let mut taken = Taken::default();
        for (owner, rtype) in [
            ("2.0.192.in-addr.arpa.", rtype::NS),
            ("1.2.0.192.in-addr.arpa.", rtype::PTR),
            ("2.2.0.192.in-addr.arpa.", rtype::CNAME),
            ("3.2.0.192.in-addr.arpa.", rtype::NS),
            ("4.2.0.192.in-addr.arpa.", rtype::TXT),
        ] {
            taken.see(&origin, name(owner).as_wire(), rtype);
        }
        let pointers: Vec<_> = (1..=5)
            .map(|at| (name(&format!("{at}.2.0.192.in-addr.arpa.")), vec![name("a.example.")]))
            .collect();
        let added: Vec<_> = taken.added(&pointers, 60).map(|set| set.owner.to_string()).collect();
        assert_eq!(added, ["4.2.0.192.in-addr.arpa.", "5.2.0.192.in-addr.arpa."]);
    }
}
