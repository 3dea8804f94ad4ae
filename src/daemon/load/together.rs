//! What only all zones together show: aliases that lead nowhere, addresses that no reverse zone holds.

use std::net::IpAddr;
use std::path::Path;

use super::Mistake;
use crate::config::Severity;
use crate::name::Name;
use crate::zone::Zone;
use crate::zone::astray::{Astray, astray};
use crate::zone::reverse::{NAMES_MAX, Pointers, is_reverse, name_of};

/// A zone and its file; one without content could not be read.
type Read<'z> = (&'z Name, &'z Path, Option<&'z Zone>);

/// Warnings of these zones, which are all that there are.
#[must_use]
pub fn together(zones: &[Read<'_>]) -> Vec<Mistake> {
    let by_origin: Vec<_> = zones.iter().map(|(origin, _, zone)| (*origin, *zone)).collect();
    let file_of = |zone: &Zone| {
        zones
            .iter()
            .find(|(origin, ..)| **origin == zone.origin)
            .map_or(Path::new(""), |read| read.1)
    };
    let mut found: Vec<Mistake> = astray(&by_origin)
        .into_iter()
        .map(|(zone, alias, why)| {
            let (owner, target) = (&alias.owner, &alias.target);
            let what = match why {
                Astray::Outside => {
                    "which no zone here answers for; A and AAAA are SERVFAIL until one does"
                }
                Astray::NoAddress => {
                    "which has no address; A and AAAA have no data until it has one"
                }
                Astray::Circle => {
                    "which leads in a circle; A and AAAA are SERVFAIL until it ends at an address"
                }
            };
            warning(file_of(zone), format!("`{owner}` is an alias of `{target}`, {what}"))
        })
        .collect();
    let origins = zones.iter().map(|(origin, ..)| (*origin).clone()).filter(is_reverse);
    let origins: Vec<Name> = origins.collect();
    for (_, file, zone) in zones {
        let Some(zone) = zone.filter(|zone| zone.reverse) else { continue };
        let pointers = Pointers::of([zone]);
        let outside: Vec<IpAddr> = pointers.outside(&origins).collect();
        if let Some(first) = outside.first() {
            let others = match outside.len() - 1 {
                0 => String::new(),
                1 => " and 1 other address".to_owned(),
                others => format!(" and {others} other addresses"),
            };
            let message = format!(
                "no zone here holds the names of {first}{others}, which `reverse: true` asks for; add one such as {}",
                around(*first)
            );
            found.push(warning(file, message));
        }
        for address in pointers.crowded() {
            let message = format!(
                "{address} has more than {NAMES_MAX} names; the first {NAMES_MAX} are given"
            );
            found.push(warning(file, message));
        }
    }
    found
}

/// The zone that would hold an address and those around it: 256 of IPv4, the 80 bits of a site of IPv6.
fn around(address: IpAddr) -> Name {
    let name = name_of(address);
    let above = if address.is_ipv4() { 1 } else { 20 };
    // Its labels, of one byte length and up to three digits.
    let rest = (0..above).fold(name.as_wire(), |wire, _| &wire[1 + usize::from(wire[0])..]);
    Name::from_wire(rest).unwrap_or(name)
}

fn warning(file: &Path, message: String) -> Mistake {
    Mistake { severity: Severity::Warning, ..Mistake::whole(file, message) }
}
