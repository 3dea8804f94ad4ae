//! What records together can get wrong, and how it is told.

use std::fmt;

use crate::name::Name;
use crate::rdata::{self, rtype};

/// A mistake that only the records together show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line of the record, where it came from a file that has lines; else 0.
    pub line: u32,
    /// Whose record it is.
    pub owner: Name,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with records together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The apex has no SOA.
    NoSoa,
    /// The apex has no NS.
    NoNs,
    /// More than one SOA.
    ManySoa,
    /// SOA somewhere below the apex.
    SoaBelowApex,
    /// CNAME and something else at one name (RFC 1034 §3.6.2).
    CnameBesideOther,
    /// Two CNAMEs at one name (RFC 2181 §10.1).
    ManyCname,
    /// Two DNAMEs at one name (RFC 6672 §2.4).
    ManyDname,
    /// RDATA that is not of its type's shape.
    BadRdata,
    /// An RRset that no message could hold.
    RrsetTooLong,
    /// More types at one name than [`RRSETS_MAX`](crate::zone::store::RRSETS_MAX).
    ManyTypes,
    /// More bytes than [`ZONE_BYTES_MAX`](super::ZONE_BYTES_MAX).
    ZoneTooLong,
    /// TTLs that differ within an RRset (RFC 2181 §5.2); the lowest is taken.
    TtlsDiffer(u16),
    /// Records beside a pool that answers their type.
    RecordsBesidePool,
    /// DNSKEY at the apex: served without its proofs the zone would be bogus (RFC 4035 §5).
    Signed,
    /// RRSIG in a zone that has no key to check it with.
    Signatures,
    /// NS at a wildcard: answered when asked for, never a referral (RFC 4592 §4.2).
    NsAtWildcard,
}

impl Problem {
    /// Whether the zone can be served all the same.
    #[must_use]
    pub fn is_warning(self) -> bool {
        matches!(self, Self::TtlsDiffer(_) | Self::NsAtWildcard | Self::Signatures)
    }
}

impl Problem {
    /// The type that it is about; SOA where it is about the zone.
    pub(in crate::zone) fn rtype(self) -> u16 {
        match self {
            Self::NoNs | Self::NsAtWildcard => rtype::NS,
            Self::CnameBesideOther | Self::ManyCname => rtype::CNAME,
            Self::ManyDname => rtype::DNAME,
            Self::RecordsBesidePool => rtype::A,
            Self::TtlsDiffer(rtype) => rtype,
            Self::Signed => rtype::DNSKEY,
            Self::Signatures => rtype::RRSIG,
            _ => rtype::SOA,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSoa => "the zone has no SOA record at its apex; a zone needs one",
            Self::NoNs => "the zone has no NS record at its apex; a zone needs at least one",
            Self::ManySoa => "the zone has more than one SOA record; it can have one",
            Self::SoaBelowApex => "SOA stands below the apex; it belongs at the apex alone",
            Self::CnameBesideOther => {
                "CNAME stands beside other records; a name that has a CNAME can have nothing else"
            }
            Self::ManyCname => "the name has more than one CNAME; it can have one",
            Self::ManyDname => "the name has more than one DNAME; it can have one",
            Self::BadRdata => {
                "the record's data does not have the shape of its type; write it as the type's RFC shows"
            },
            Self::RrsetTooLong => {
                "the records of one name and type take more than 65,535 bytes, which no message holds; \
                 spread them over several names"
            }
            Self::ManyTypes => "the name has records of more than 255 types; it can have 255",
            Self::ZoneTooLong => {
                "the zone takes more than 4 GiB; delegate a part of it to a zone of its own"
            },
            Self::TtlsDiffer(rtype) => {
                return write!(
                    f,
                    "the {} records of this name have TTLs that differ; the lowest is taken",
                    rdata::type_name(*rtype)
                );
            }
            Self::RecordsBesidePool => {
                "records stand beside a pool that answers their type by itself; remove one of the two"
            }
            Self::Signed => {
                "the zone is signed, as it has DNSKEY at its apex; it would be bogus here, since signed zones are \
                 not served with their proofs yet: remove its DS from the parent zone, then DNSKEY, RRSIG, NSEC, \
                 NSEC3 and NSEC3PARAM from this one"
            }
            Self::Signatures => {
                "RRSIG records prove nothing in a zone without DNSKEY, and no answer brings them along; remove them"
            }
            Self::NsAtWildcard => "NS at a wildcard delegates nothing; write out the names",
        })
    }
}
