//! What a zone file means: no text left to interpret, no field that each reader would fill in.
//!
//! Readers of files make these values, [`crate::zone`] and
//! [`crate::prober`] use them. Wrong states have no spelling here: a backend serves addresses or
//! a name, a rule has a pool, a timeout is not longer than its interval.

use std::num::{NonZeroU8, NonZeroU16};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::name::Name;

pub mod access;
pub mod answers;
mod made;
mod pool;
pub mod probers;

pub use made::{HINTS_MAX, Made, Offer, Service, hints, srv, with_hints};
pub use pool::{
    Backend, Balanced, Endpoint, Form, POOL_ADDRESSES_MAX, Policy, Pool, RULES_MAX, Rule,
    SUBNETS_MAX, Serves, SetState, WhenAllDown,
};

/// One zone, as its file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// The apex.
    pub origin: Name,
    /// The serial set by hand; else one is kept for the zone.
    pub serial: Option<u32>,
    /// The start of authority, its serial apart.
    pub soa: Soa,
    /// What it says of its secondaries.
    pub secondaries: access::Secondaries,
    /// Every RRset that does not change with health, NS at the apex among them, SOA not.
    pub records: Vec<RrSet>,
    /// The pools, those that stand inline in a record too.
    pub pools: Vec<Pool>,
    /// Which names hand out which pool, and to whom.
    pub balanced: Vec<Balanced>,
    /// Which names answer with the addresses of which.
    pub aliases: Vec<Alias>,
    /// Whether the reverse zones of the same server have names for its addresses.
    pub reverse: bool,
}

/// The fields of SOA (RFC 1035 §3.3.13) without the serial.
#[derive(Clone, Debug, PartialEq)]
pub struct Soa {
    /// The TTL of the SOA itself, in seconds.
    pub ttl: u32,
    /// The primary server, wire form, the case as written.
    pub mname: Vec<u8>,
    /// The mailbox of who is responsible, wire form, the case as written.
    pub rname: Vec<u8>,
    /// Seconds.
    pub refresh: u32,
    /// Seconds.
    pub retry: u32,
    /// Seconds.
    pub expire: u32,
    /// Seconds that a negative answer may be kept (RFC 2308 §4).
    pub minimum: u32,
}

/// All records of one owner and type.
#[derive(Clone, Debug, PartialEq)]
pub struct RrSet {
    /// Whose it is.
    pub owner: Name,
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// RDATA in wire form, names uncompressed; at least one, none twice.
    pub rdata: Vec<Vec<u8>>,
}

/// A name that answers A and AAAA with the addresses of another, in this zone or in another of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// Whose it is.
    pub owner: Name,
    /// Whose addresses they are.
    pub target: Name,
}

/// How a target is probed. Two checks that are equal are one: a target is an address and a check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    /// What is asked.
    pub kind: CheckKind,
    /// From one probe to the next while the target is settled.
    pub interval: Duration,
    /// From one probe to the next, at least, while the target is changing side.
    pub fast_interval: Duration,
    /// A probe that took longer has failed; at most the interval.
    pub timeout: Duration,
    /// Passes in a row that bring a target up.
    pub rise: NonZeroU8,
    /// Failures in a row that take a target down.
    pub fall: NonZeroU8,
}

/// What a check asks of its target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CheckKind {
    /// A connection can be made.
    Tcp {
        /// The port.
        port: NonZeroU16,
    },
    /// A request is answered as wished.
    Http(HttpCheck),
}

/// An HTTP or HTTPS request and what its answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpCheck {
    /// The port.
    pub port: NonZeroU16,
    /// The path and query, with its first slash.
    pub path: String,
    /// The Host header, and the name that TLS asks for and verifies unless `Tls::sni` is set; else the address.
    pub host: Option<String>,
    /// Further header fields, in order.
    pub headers: Vec<(String, String)>,
    /// The status codes that pass; at least one range.
    pub status: Vec<RangeInclusive<u16>>,
    /// A text that the first [`BODY_MAX`] bytes of the body must contain.
    pub body: Option<String>,
    /// How it is encrypted; `None` is plain HTTP.
    pub tls: Option<Tls>,
}

/// How much of a body is read to find [`HttpCheck::body`] in it.
pub const BODY_MAX: usize = 64 * 1024;

/// The TLS side of an HTTPS check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tls {
    /// The server name, where it is not the host's.
    pub sni: Option<String>,
    /// How the certificate is judged.
    pub verify: Verify,
}

/// How a certificate is judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verify {
    /// Against the roots that the system trusts.
    System,
    /// Against the certificates in a PEM file.
    Ca(PathBuf),
    /// Not at all.
    Off,
}

impl Check {
    /// The longest time from a failure until it is noticed; with the TTL, until no cache hands the address out any
    /// more: interval with its jitter + timeout + (fall - 1) × the greater of
    /// the fast interval and the timeout.
    #[must_use]
    pub fn detection_max(&self) -> Duration {
        let retry = self.fast_interval.max(self.timeout);
        self.interval.mul_f64(1.0 + JITTER) + self.timeout + retry * u32::from(self.fall.get() - 1)
    }
}

/// The part of the interval by which each probe is early or late, so that probes spread out.
pub const JITTER: f64 = 0.1;
