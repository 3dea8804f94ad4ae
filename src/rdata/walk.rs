//! RDATA on the wire, field by field: where names stand, whether the whole has the right shape.

use std::iter::FusedIterator;
use std::ops::Range;

use super::table::{self, Case, Field, Slot};
use super::{bitmap, gateway, location, network, prefixes, svcb};
use crate::name;

/// A field of RDATA and the bytes that it takes.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) field: Field,
    pub(super) at: Range<usize>,
}

/// The bytes do not have the shape that the table gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The fields of RDATA in order; ends after the first that is malformed.
///
/// Fields that may stand many times come one by one.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    rdata: &'a [u8],
    at: usize,
    slots: &'static [Slot],
}

/// The fields of a record; `None` for a type that the table does not have or that has no fields.
pub(super) fn walk(rtype: u16, rdata: &[u8]) -> Option<Walk<'_>> {
    let known = table::lookup(rtype)?;
    (!known.is_opaque()).then_some(Walk { rdata, at: 0, slots: known.slots })
}

impl Iterator for Walk<'_> {
    type Item = Result<Part, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.rdata[self.at..];
        let Some((slot, later)) = self.slots.split_first() else {
            if rest.is_empty() {
                return None;
            }
            self.at = self.rdata.len();
            return Some(Err(Malformed));
        };
        let field = match slot.field {
            // One of them must stand, the others may.
            Field::Strings if rest.is_empty() && self.at > 0 => None,
            Field::OptionalString | Field::Names if rest.is_empty() => None,
            Field::Strings | Field::OptionalString => Some(Field::String),
            Field::Names => Some(Field::Name(Case::Kept)),
            field => Some(field),
        };
        let again = field.is_some() && matches!(slot.field, Field::Strings | Field::Names);
        if !again {
            self.slots = later;
        }
        let Some(field) = field else { return self.next() };
        let Some(len) = len(field, rest).filter(|&len| len <= rest.len()) else {
            self.at = self.rdata.len();
            self.slots = &[];
            return Some(Err(Malformed));
        };
        let at = self.at..self.at + len;
        self.at = at.end;
        Some(Ok(Part { field, at }))
    }
}

impl FusedIterator for Walk<'_> {}

/// How many bytes a field takes at the start of `rest`; `None` where it cannot stand there. May be more
/// than there are.
fn len(field: Field, rest: &[u8]) -> Option<usize> {
    let whole = Some(rest.len());
    let counted = || rest.first().map(|&len| 1 + usize::from(len));
    match field {
        Field::U8 | Field::Algorithm | Field::Scheme => Some(1),
        Field::U16 | Field::CertificateType | Field::Type => Some(2),
        Field::U32 | Field::Seconds | Field::Time | Field::Ipv4 => Some(4),
        Field::Eui48 => Some(6),
        Field::Eui64 | Field::Locator64 | Field::U64 => Some(8),
        Field::Ipv6 => Some(16),
        Field::Name(_) | Field::Names => name::wire_len(rest),
        Field::String | Field::OptionalString | Field::Strings | Field::Salt => counted(),
        Field::Hash => counted().filter(|&len| len > 1),
        Field::Tag => counted().filter(|&len| rest.get(1..len).is_some_and(is_tag)),
        Field::Hex | Field::Base64 | Field::Nsap => whole.filter(|&len| len > 0),
        Field::Text | Field::OptionalBase64 | Field::Base64OrDash => whole,
        Field::Types => whole.filter(|_| bitmap::is_valid(rest)),
        Field::SvcParams => whole.filter(|_| svcb::is_valid(rest)),
        Field::Location => whole.filter(|_| location::is_valid(rest)),
        Field::Prefixes => whole.filter(|_| prefixes::is_valid(rest)),
        Field::Atma => whole.filter(|_| network::is_atma(rest)),
        Field::Services => whole.filter(|_| network::is_services(rest)),
        Field::Gateway => gateway::gateway_len(rest),
        Field::Relay => gateway::relay_len(rest),
        Field::HostIdentity => gateway::identity_len(rest),
        Field::Opaque => None,
    }
}

/// Whether bytes are a property tag (RFC 8659 §4.1).
pub(super) fn is_tag(tag: &[u8]) -> bool {
    matches!(tag.len(), 1..=15) && tag.iter().all(u8::is_ascii_alphanumeric)
}

/// Whether RDATA has the shape that its type asks for. Any bytes do for a type that is not known.
#[must_use]
pub fn is_valid(rtype: u16, rdata: &[u8]) -> bool {
    rdata.len() <= super::RDATA_MAX
        && walk(rtype, rdata).is_none_or(|mut parts| parts.all(|part| part.is_ok()))
}

/// Where names stand in RDATA; none after the first field that is malformed.
pub fn names(rtype: u16, rdata: &[u8]) -> impl Iterator<Item = Range<usize>> {
    walk(rtype, rdata).into_iter().flatten().map_while(Result::ok).filter_map(|part| {
        match part.field {
            Field::Name(_) => Some(part.at),
            Field::Gateway => gateway::gateway_name(rdata.get(part.at.clone())?)
                .map(|within| part.at.start + within..part.at.end),
            Field::Relay => gateway::relay_name(rdata.get(part.at.clone())?)
                .map(|within| part.at.start + within..part.at.end),
            _ => None,
        }
    })
}

/// Where names stand that may be compressed when the record is sent: those of the types that RFC 1035
/// defines, and no others (RFC 3597 §4).
#[inline]
pub fn compressible_names(rtype: u16, rdata: &[u8]) -> impl Iterator<Item = Range<usize>> {
    use super::rtype::MX;
    // The row of the table says it; that none is above MX spares most records the look.
    let parts = if rtype <= MX { walk(rtype, rdata) } else { None };
    parts
        .into_iter()
        .flatten()
        .map_while(Result::ok)
        .filter(|part| part.field == Field::Name(Case::Compressible))
        .map(|part| part.at)
}

/// Brings RDATA into its canonical form (RFC 4034 §6.2, RFC 6840 §5.1): names in it are lower-cased,
/// those of newer types left as they are.
pub fn canonicalize(rtype: u16, rdata: &mut [u8]) {
    let Some(known) = table::lookup(rtype) else { return };
    let lowered = |case| matches!(case, Case::Compressible | Case::Lowered);
    if !known.slots.iter().any(|slot| matches!(slot.field, Field::Name(case) if lowered(case))) {
        return;
    }
    let mut at = 0;
    for slot in known.slots {
        let rest = rdata.get_mut(at..).unwrap_or_default();
        let Some(len) = len(slot.field, rest).filter(|&len| len <= rest.len()) else { return };
        if matches!(slot.field, Field::Name(case) if lowered(case)) {
            // A length byte is at most 63, below 'A'.
            rest[..len].make_ascii_lowercase();
        }
        at += len;
    }
}

#[cfg(test)]
mod tests {
    use super::super::rtype;
    use super::*;

    fn wire(rtype: u16, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        super::super::parse(rtype, text, &name::Name::root(), &mut out).expect(text);
        out
    }

    /// The names that `ranges` point to.
    fn told(rdata: &[u8], ranges: impl Iterator<Item = Range<usize>>) -> String {
        let mut told = Vec::new();
        for range in ranges {
            let mut text = String::new();
            name::write_presentation(&rdata[range], &mut text).expect("a String takes any text");
            told.push(text);
        }
        told.join(" ")
    }

    #[test]
    fn rfc3597_4_only_names_of_rfc1035_are_compressed() {
        for (rtype, text, all, compressible) in [
            (rtype::NS, "Ns1.Example.", "Ns1.Example.", "Ns1.Example."),
            (rtype::MX, "10 mail.", "mail.", "mail."),
            (rtype::SOA, "ns. host. 1 2 3 4 5", "ns. host.", "ns. host."),
            (rtype::MINFO, "a. b.", "a. b.", "a. b."),
            (rtype::SRV, "1 2 3 host.", "host.", ""),
            (rtype::RP, "a. b.", "a. b.", ""),
            (rtype::DNAME, "a.b.", "a.b.", ""),
            (rtype::NAPTR, "1 2 \"\" \"\" \"\" r.", "r.", ""),
            (rtype::SVCB, "1 t. alpn=h2", "t.", ""),
            (rtype::TXT, "a.", "", ""),
            (rtype::HIP, "2 200100 AQ== a. b.", "a. b.", ""),
            (rtype::IPSECKEY, "1 3 2 a.b. AQ==", "a.b.", ""),
            (rtype::AMTRELAY, "1 0 3 a.b.", "a.b.", ""),
        ] {
            let rdata = wire(rtype, text);
            assert_eq!(told(&rdata, names(rtype, &rdata)), all, "{text}");
            assert_eq!(told(&rdata, compressible_names(rtype, &rdata)), compressible, "{text}");
        }
    }

    #[test]
    fn rfc4034_6_2_names_of_old_types_are_lowered() {
        for (rtype, text, canonical) in [
            (rtype::MX, "10 MAIL.Example.", "10 mail.example."),
            (rtype::SRV, "1 2 3 HOST.", "1 2 3 host."),
            (rtype::NAPTR, "1 2 \"A\" \"B\" \"C\" R.", "1 2 \"A\" \"B\" \"C\" r."),
            (rtype::TXT, "\"ABC\"", "\"ABC\""),
            (rtype::SVCB, "1 Target.", "1 Target."),
            (rtype::NSEC, "Next. A", "Next. A"), // RFC 6840 §5.1
            (rtype::HINFO, "CPU OS", "CPU OS"),
        ] {
            let mut rdata = wire(rtype, text);
            canonicalize(rtype, &mut rdata);
            assert_eq!(rdata, wire(rtype, canonical), "{text}");
        }
    }

    #[test]
    fn bytes_of_another_shape_are_no_record() {
        for (rtype, rdata, expected) in [
            (rtype::A, &b"\xc0\x00\x02\x01"[..], true),
            (rtype::A, b"\xc0\x00\x02", false),
            (rtype::A, b"\xc0\x00\x02\x01\x00", false),
            (rtype::NS, b"\x01a\x00", true),
            (rtype::NS, b"\xc0\x0c", false), // a pointer
            (rtype::NS, b"\x01a\x00\x00", false),
            (rtype::TXT, b"", false),
            (rtype::TXT, b"\x00", true),
            (rtype::TXT, b"\x01a\x02b", false),
            (rtype::ISDN, b"\x01a", true),
            (rtype::ISDN, b"\x01a\x01b", true),
            (rtype::ISDN, b"\x01a\x01b\x01c", false),
            (rtype::CAA, b"\x00\x05issue", true),
            (rtype::CAA, b"\x00\x00", false),
            (rtype::CAA, b"\x00\x01-", false),
            (rtype::DS, b"\x00\x01\x08\x02", false),
            (rtype::HTTPS, b"\x00\x01\x00\x00\x01\x00\x03\x02h2\x00\x03\x00\x02\x01\xbb", true),
            (rtype::HTTPS, b"\x00\x01\x00\x00\x03\x00\x02\x01\xbb\x00\x01\x00\x03\x02h2", false),
            (rtype::NULL, b"", true),
            (731, b"anything", true),
        ] {
            assert_eq!(is_valid(rtype, rdata), expected, "{rtype} {rdata:?}");
        }
    }
}
