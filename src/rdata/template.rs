//! RDATA as a zone keeps it: names that may be compressed end early.
//!
//! Every answer from a zone holds the zone's apex, as the tail of the question. So a name in RDATA
//! that ends in the apex is kept without it: its labels, then a marker in the place where a root
//! label would stand. Sending it is copying the labels and putting a pointer over the marker, which
//! is as long:
//!
//! ```text
//!   wire      4 mail 7 example 3 com 0
//!   template  4 mail MARKER            (in the zone example.com)
//! ```
//!
//! Only types of RFC 1035 are kept so: names in other RDATA are never compressed (RFC 3597 §4).

use crate::name::{is_at_or_below, wire_len};
use crate::rdata::rtype;

/// Stands for the apex. No label is this long, so it is told from a length.
pub const MARKER: [u8; 2] = [0xc0, 0x00];

/// Where the names stand in RDATA of a type whose names may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes before the first name.
    pub before: usize,
    /// Names that follow each other; whatever follows them is bytes.
    pub names: usize,
}

/// The layout of a type whose names may be compressed; `None` for all others.
#[inline]
#[must_use]
pub fn layout(rtype: u16) -> Option<Layout> {
    match rtype {
        rtype::NS
        | rtype::CNAME
        | rtype::PTR
        | rtype::MD
        | rtype::MF
        | rtype::MB
        | rtype::MG
        | rtype::MR => Some(Layout { before: 0, names: 1 }),
        rtype::MX => Some(Layout { before: 2, names: 1 }),
        rtype::SOA | rtype::MINFO => Some(Layout { before: 0, names: 2 }),
        _ => None,
    }
}

/// Appends the template of `rdata` in the zone `apex`; `None` where it does not have its type's
/// shape, `out` being undefined then.
#[must_use]
pub fn make(rtype: u16, rdata: &[u8], apex: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let Some(Layout { before, names }) = layout(rtype) else {
        out.extend_from_slice(rdata);
        return Some(());
    };
    let (head, mut rest) = rdata.split_at_checked(before)?;
    out.extend_from_slice(head);
    for _ in 0..names {
        let (name, tail) = rest.split_at_checked(wire_len(rest)?)?;
        push_name(name, apex, out);
        rest = tail;
    }
    out.extend_from_slice(rest);
    Some(())
}

fn push_name(name: &[u8], apex: &[u8], out: &mut Vec<u8>) {
    // The root is the tail of every name, and its marker would be longer than itself.
    if apex.len() > 1 && is_at_or_below(&name.to_ascii_lowercase(), apex) {
        out.extend_from_slice(&name[..name.len() - apex.len()]);
        out.extend_from_slice(&MARKER);
    } else {
        out.extend_from_slice(name);
    }
}

/// A name at the start of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateName<'a> {
    /// Its labels, without a root label or marker.
    pub labels: &'a [u8],
    /// Whether the apex follows; else the root.
    pub in_zone: bool,
}

impl<'a> TemplateName<'a> {
    /// Splits the name from what follows it. The zone's builder made the template, so it is whole.
    #[inline]
    #[must_use]
    pub fn split(template: &'a [u8]) -> (Self, &'a [u8]) {
        let mut at = 0;
        loop {
            match template[at] {
                0 => {
                    return (Self { labels: &template[..at], in_zone: false }, &template[at + 1..]);
                }
                len if len == MARKER[0] => {
                    return (
                        Self { labels: &template[..at], in_zone: true },
                        &template[at + MARKER.len()..],
                    );
                }
                len => at += 1 + usize::from(len),
            }
        }
    }
}

/// Appends the RDATA that a template in the zone `apex` stands for.
pub fn expand(rtype: u16, template: &[u8], apex: &[u8], out: &mut Vec<u8>) {
    let Some(Layout { before, names }) = layout(rtype) else {
        out.extend_from_slice(template);
        return;
    };
    let (head, mut rest) = template.split_at(before);
    out.extend_from_slice(head);
    for _ in 0..names {
        let (name, tail) = TemplateName::split(rest);
        out.extend_from_slice(name.labels);
        out.extend_from_slice(if name.in_zone { apex } else { &[0] });
        rest = tail;
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;

    #[test]
    fn a_template_stands_for_its_rdata() {
        for (rtype, names, after, apex, kept) in [
            (rtype::NS, &["NS1.Example.com."][..], &b""[..], "example.com.", 4 + 2),
            (rtype::NS, &["example.com."], b"", "example.com.", 2),
            (rtype::NS, &["ns1.example.net."], b"", "example.com.", 17),
            (rtype::NS, &["xexample.com."], b"", "example.com.", 14),
            (rtype::NS, &["ns1.example.com."], b"", ".", 17),
            (rtype::SOA, &["ns.a.", "root.a."], &[7; 20], "a.", 5 + 7 + 20),
        ] {
            let apex = Name::parse_absolute(apex).expect("a name");
            let mut rdata = Vec::new();
            for name in names {
                crate::name::parse_into(name.as_bytes(), &[0], &mut rdata).expect(name);
            }
            rdata.extend_from_slice(after);

            let mut template = Vec::new();
            make(rtype, &rdata, apex.as_wire(), &mut template).expect("the right shape");
            assert_eq!(template.len(), kept, "{names:?} in {apex}");

            let mut expanded = Vec::new();
            expand(rtype, &template, apex.as_wire(), &mut expanded);
            assert!(expanded.eq_ignore_ascii_case(&rdata), "{names:?} in {apex}");
        }
    }

    #[test]
    fn the_layouts_are_those_of_the_rdata_table() {
        let apex = Name::parse_absolute("example.").expect("a name");
        let name = apex.as_wire();
        for rtype in 0..=300 {
            let Some(Layout { before, names }) = layout(rtype) else {
                assert_eq!(crate::rdata::compressible_names(rtype, name).count(), 0, "TYPE{rtype}");
                continue;
            };
            let mut rdata = vec![0; before];
            let mut expected = Vec::new();
            for _ in 0..names {
                expected.push(rdata.len()..rdata.len() + name.len());
                rdata.extend_from_slice(name);
            }
            if rtype == rtype::SOA {
                rdata.extend_from_slice(&[0; 20]);
            }
            let found: Vec<_> = crate::rdata::compressible_names(rtype, &rdata).collect();
            assert_eq!(found, expected, "TYPE{rtype}");
        }
    }
}
