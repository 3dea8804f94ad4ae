//! What a zone file means: no text left to interpret, no field that each reader would fill in.
//!
//! Readers of files make these values, [`crate::zone`] and
//! [`crate::prober`] use them. Wrong states have no spelling here: a backend serves addresses or
//! a name, a rule has a pool, a timeout is not longer than its interval.

use std::sync::Arc;

use ipnet::IpNet;

use crate::name::Name;

pub mod access;
pub mod allowed;
pub mod answers;
mod backend;
mod check;
mod made;
pub mod place;
mod pool;
pub mod probers;
mod shards;

pub use backend::{Backend, Endpoint, OwnCheck, Role, Serves, SetState};
pub use check::{
    AgentCheck, BODY_MAX, Check, CheckKind, DatabaseCheck, DatabaseKind, DnsCheck, ExecCheck,
    Expected, FileCheck, Flap, GrpcCheck, HttpCheck, IcmpCheck, JITTER, LoadFrom, LoadPlace,
    PushCheck, Rcode, Secret, SeveralChecks, Tls, TlsCheck, Transport, UdpCheck, Unlisted, Verify,
};
pub use made::{HINTS_MAX, Made, Offer, Service, hints, identity, srv, with_hints};
pub use pool::{
    Balanced, Degraded, Face, Failback, Form, HashBy, HashKey, POOL_ADDRESSES_MAX,
    POOLS_WITHIN_MAX, Policy, Pool, RULES_MAX, Rule, SITES_MAX, SUBNETS_MAX, Tiers, WhenAllDown,
};
pub use shards::{By, SHARDS_MAX, Shards};

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
    /// The checks that have a name, in the order of the file; pools have them too.
    pub checks: Vec<(String, Arc<Check>)>,
    /// The pools, those that stand inline in a record too.
    pub pools: Vec<Pool>,
    /// Which names hand out which pool, and to whom.
    pub balanced: Vec<Balanced>,
    /// Which names answer with the addresses of which.
    pub aliases: Vec<Alias>,
    /// Where those clients are that get private addresses; `None` where the server says it.
    pub private: Option<Vec<IpNet>>,
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
