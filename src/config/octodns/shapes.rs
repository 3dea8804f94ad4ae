//! What the values of each type are in octoDNS.

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// As in presentation format.
    Plain,
    /// A full name.
    Target,
    /// A text, cut into strings of 255 bytes.
    Text,
    /// A map, whose fields in this order are presentation format.
    Fields(&'static [Field]),
    /// A map of priority, name and parameters.
    Service,
}

/// A field of a value that is a map.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub(super) key: &'static str,
    /// What octoDNS called it before.
    pub(super) old: Option<&'static str>,
    pub(super) kind: FieldKind,
    /// Where it may be left out.
    pub(super) default: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FieldKind {
    Word,
    Target,
    Quoted,
    Metres,
}

const fn field(key: &'static str, kind: FieldKind) -> Field {
    Field { key, old: None, kind, default: None }
}

const fn renamed(key: &'static str, old: &'static str, kind: FieldKind) -> Field {
    Field { key, old: Some(old), kind, default: None }
}

use FieldKind::{Metres, Quoted, Target, Word};

/// The types of octoDNS that are records in DNS.
#[rustfmt::skip]
pub(super) static TYPES: &[(&str, Shape)] = &[
    ("A", Shape::Plain),
    ("AAAA", Shape::Plain),
    ("CAA", Shape::Fields(&[
        Field { key: "flags", old: None, kind: Word, default: Some("0") },
        field("tag", Word),
        field("value", Quoted),
    ])),
    ("CNAME", Shape::Target),
    ("DNAME", Shape::Target),
    ("DS", Shape::Fields(&[
        field("key_tag", Word), field("algorithm", Word), field("digest_type", Word), field("digest", Word),
    ])),
    ("HTTPS", Shape::Service),
    ("LOC", Shape::Fields(&[
        field("lat_degrees", Word), field("lat_minutes", Word), field("lat_seconds", Word), field("lat_direction", Word),
        field("long_degrees", Word), field("long_minutes", Word), field("long_seconds", Word), field("long_direction", Word),
        field("altitude", Metres), field("size", Metres), field("precision_horz", Metres), field("precision_vert", Metres),
    ])),
    ("MX", Shape::Fields(&[renamed("preference", "priority", Word), renamed("exchange", "value", Target)])),
    ("NAPTR", Shape::Fields(&[
        field("order", Word), field("preference", Word), field("flags", Quoted), field("service", Quoted),
        field("regexp", Quoted), field("replacement", Target),
    ])),
    ("NS", Shape::Target),
    ("OPENPGPKEY", Shape::Plain),
    ("PTR", Shape::Target),
    ("SPF", Shape::Text),
    ("SRV", Shape::Fields(&[
        field("priority", Word), field("weight", Word), field("port", Word), field("target", Target),
    ])),
    ("SSHFP", Shape::Fields(&[
        field("algorithm", Word), field("fingerprint_type", Word), field("fingerprint", Word),
    ])),
    ("SVCB", Shape::Service),
    ("TLSA", Shape::Fields(&[
        field("certificate_usage", Word), field("selector", Word), field("matching_type", Word),
        field("certificate_association_data", Word),
    ])),
    ("TXT", Shape::Text),
    ("URI", Shape::Fields(&[field("priority", Word), field("weight", Word), field("target", Quoted)])),
];

/// The shape of a type's values; the name is written in upper case.
pub(super) fn shape(rtype: &str) -> Option<Shape> {
    TYPES.iter().find(|(name, _)| *name == rtype).map(|(_, shape)| *shape)
}
