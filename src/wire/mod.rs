//! DNS messages as bytes: a query read, an answer written.
//!
//! | RFC | what | where |
//! |---|---|---|
//! | 1035 §4.1 | header, question, records; pointers | [`decode`], [`encode`] |
//! | 6891 §6 | OPT, payload size, versions | [`decode`], [`encode::Writer::opt`] |
//! | 6891 §6.1.2 | options | [`edns`], [`encode::Writer::option`] |
//! | 8945 | transaction signatures | [`tsig`] |
//! | 3597 §4 | names compressed in RDATA of the RFC 1035 types only | [`crate::rdata::template`] |
//! | 3597 §4 | names taken compressed in RDATA of older types too | [`read_rdata`] |

pub mod decode;
pub mod edns;
pub mod encode;
pub mod names;
pub mod records;
pub mod tsig;

pub use names::{read_name, read_rdata};

/// The length of a header (RFC 1035 §4.1.1).
pub const HEADER: usize = 12;
/// The payload that a requestor without EDNS takes (RFC 1035 §4.2.1).
pub const PAYLOAD_PLAIN: u16 = 512;
/// The payload that we offer and send at most over UDP: what crosses every path unfragmented.
pub const PAYLOAD_MAX: u16 = 1232;
/// The length of an OPT record without options: what every answer to EDNS keeps room for.
pub const OPT_LEN: usize = 11;

/// Response codes (RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §9).
pub mod rcode {
    /// No error.
    pub const NOERROR: u16 = 0;
    /// The query cannot be read.
    pub const FORMERR: u16 = 1;
    /// We cannot answer at present.
    pub const SERVFAIL: u16 = 2;
    /// The name does not exist.
    pub const NXDOMAIN: u16 = 3;
    /// This kind of query is not served.
    pub const NOTIMP: u16 = 4;
    /// We may not answer this.
    pub const REFUSED: u16 = 5;
    /// The name that a DNAME leads to is too long (RFC 6672 §2.2), or a name exists that should not (RFC 2136 §2.2).
    pub const YXDOMAIN: u16 = 6;
    /// An RRset exists that should not (RFC 2136 §2.2).
    pub const YXRRSET: u16 = 7;
    /// An RRset does not exist that should.
    pub const NXRRSET: u16 = 8;
    /// Not authoritative for the zone.
    pub const NOTAUTH: u16 = 9;
    /// A name is not in the zone that an update is for (RFC 2136 §2.2).
    pub const NOTZONE: u16 = 10;
    /// An EDNS version that we do not speak.
    pub const BADVERS: u16 = 16;
    /// A cookie is missing or wrong (RFC 7873 §8).
    pub const BADCOOKIE: u16 = 23;
}

/// Kinds of query (RFC 1035 §4.1.1, RFC 1996, RFC 2136).
pub mod opcode {
    /// A standard query.
    pub const QUERY: u8 = 0;
    /// A zone has changed.
    pub const NOTIFY: u8 = 4;
    /// A dynamic update.
    pub const UPDATE: u8 = 5;
}

/// Classes (RFC 1035 §3.2.4).
pub mod class {
    /// The Internet.
    pub const IN: u16 = 1;
    /// Chaos, for questions about the server itself.
    pub const CH: u16 = 3;
    /// No class: what is not, or shall not be, there (RFC 2136 §2.4, §2.5).
    pub const NONE: u16 = 254;
    /// Any class.
    pub const ANY: u16 = 255;
}

/// Bits of the header's flags, as a big-endian number (RFC 1035 §4.1.1).
pub mod header {
    /// A response.
    pub const QR: u16 = 1 << 15;
    /// Authoritative.
    pub const AA: u16 = 1 << 10;
    /// Truncated.
    pub const TC: u16 = 1 << 9;
    /// Recursion desired.
    pub const RD: u16 = 1 << 8;
    /// The kind of query.
    pub const OPCODE: u16 = 0b1111 << 11;
}
