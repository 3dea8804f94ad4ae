//! What a zone file means: no text left to interpret, no field that each reader would fill in.
//!
//! Readers of files make these values, [`crate::zone`] and
//! [`crate::prober`] use them. Wrong states have no spelling here: a pool has a backend, a weight is
//! not zero, a timeout is not longer than its interval.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::name::Name;

pub mod access;
pub mod probers;

/// The most addresses that the backends of one pool may have together.
pub const POOL_ADDRESSES_MAX: usize = 1024;

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
    /// Which names hand out which pool.
    pub balanced: Vec<Balanced>,
    /// Which names answer with the addresses of which.
    pub aliases: Vec<Alias>,
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

/// A name that answers A and AAAA from a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Balanced {
    /// Whose it is.
    pub owner: Name,
    /// The place in [`Zone::pools`].
    pub pool: usize,
}

/// A name that answers A and AAAA with the addresses of another, in this zone or in another of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// Whose it is.
    pub owner: Name,
    /// Whose addresses they are.
    pub target: Name,
}

/// A set of backends and how they are handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Its name in the zone; a pool that stands inline is named after its record.
    pub name: String,
    /// How an answer is chosen among those that may be in it.
    pub policy: Policy,
    /// Seconds, while every backend is settled.
    pub ttl: u32,
    /// Seconds: the least TTL while a backend is changing side; at most [`Pool::ttl`].
    pub min_ttl: u32,
    /// How many addresses an answer has at most.
    pub answers: NonZeroU16,
    /// What is handed out when nothing passes.
    pub when_all_down: WhenAllDown,
    /// The share of the pool's weight under which every address is handed out, in parts of a
    /// thousand; 0 is off.
    pub panic: u16,
    /// How the backends are judged; without one they count as up.
    pub check: Option<Arc<Check>>,
    /// At least one, in the order of the file; together they have at least one address and at most
    /// [`POOL_ADDRESSES_MAX`].
    pub backends: Vec<Backend>,
}

/// How an answer is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Each answer begins one address further.
    RoundRobin,
    /// Each answer is a draw of its own.
    Random,
    /// As the file has them.
    Fixed,
}

impl Policy {
    /// What a zone file calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::Random => "random",
            Self::Fixed => "fixed",
        }
    }
}

/// What a pool hands out when none of its addresses passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAllDown {
    /// Every address: a guess beats nothing.
    All,
    /// No address: NODATA.
    None,
    /// Those that passed last.
    Last,
    /// What another pool hands out now; its place in [`Zone::pools`]. Never leads back here.
    Fallback(usize),
}

/// One machine or service that answers connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// Its name in the pool; a bare address is named after itself.
    pub name: String,
    /// Its share among the pool's backends.
    pub weight: NonZeroU16,
    /// What the file says of its state.
    pub state: SetState,
    /// At least one, none twice, in the order of the file.
    pub addresses: Vec<IpAddr>,
}

/// What the file says of a backend's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetState {
    /// The check decides.
    Auto,
    /// In service whatever the check says.
    Up,
    /// Out of service whatever the check says.
    Down,
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
