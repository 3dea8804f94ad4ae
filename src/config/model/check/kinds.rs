//! What checks other than of HTTP ask of their targets, a struct a kind.

use std::fmt;
use std::num::{NonZeroU8, NonZeroU16};
use std::path::PathBuf;
use std::time::Duration;

use super::Tls;
use crate::name::Name;

/// A TLS handshake and nothing after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsCheck {
    /// The port.
    pub port: NonZeroU16,
    /// Whose name is asked for, and how the certificate is judged.
    pub tls: Tls,
    /// A certificate that ends in fewer days is degraded; 0 is never.
    pub days: u16,
}

/// An agent that says how its machine is, in `HAProxy`'s agent-check protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AgentCheck {
    /// The port.
    pub port: NonZeroU16,
    /// What is sent when the connection stands; may be empty.
    pub send: Vec<u8>,
}

/// A question to a name server, and what its answer must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DnsCheck {
    /// The port.
    pub port: NonZeroU16,
    /// The name that is asked for.
    pub question: Name,
    /// The type that is asked for.
    pub rtype: u16,
    /// How the question travels.
    pub transport: Transport,
    /// The response code that passes.
    pub rcode: Rcode,
    /// Records of that type that the answer must hold; it may hold others.
    pub answer: Vec<Expected>,
    /// Whether the server is asked to ask others (RD).
    pub recursion: bool,
}

/// A record that an answer must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expected {
    /// In presentation format, as written.
    pub text: String,
    /// In canonical form (RFC 4034 §6.2).
    pub rdata: Vec<u8>,
}

/// How a question travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// In a datagram, and where the answer does not fit, over TCP.
    Udp,
    /// Over TCP.
    Tcp,
}

impl Transport {
    /// Every one, by the word that files have for it.
    pub const WORDS: [(&str, Self); 2] = [("udp", Self::Udp), ("tcp", Self::Tcp)];

    /// The word that files have for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// A response code of the header (RFC 1035 §4.1.1, RFC 2136 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rcode(pub u8);

impl Rcode {
    /// No error.
    pub const NO_ERROR: Self = Self(0);
    /// Those that have a name.
    pub const NAMES: [(&str, Self); 11] = [
        ("NOERROR", Self(0)),
        ("FORMERR", Self(1)),
        ("SERVFAIL", Self(2)),
        ("NXDOMAIN", Self(3)),
        ("NOTIMP", Self(4)),
        ("REFUSED", Self(5)),
        ("YXDOMAIN", Self(6)),
        ("YXRRSET", Self(7)),
        ("NXRRSET", Self(8)),
        ("NOTAUTH", Self(9)),
        ("NOTZONE", Self(10)),
    ];
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(_, code)| code == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "RCODE{}", self.0),
        }
    }
}

/// A datagram, and what comes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UdpCheck {
    /// The port.
    pub port: NonZeroU16,
    /// What is sent.
    pub send: Vec<u8>,
    /// What the answer must hold; without it, that the port is not closed is enough.
    pub expect: Option<Vec<u8>>,
}

/// Echo requests, and how many of them must come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpCheck {
    /// How many are sent, at most [`IcmpCheck::COUNT_MAX`].
    pub count: NonZeroU8,
    /// How many must come back, at most as many.
    pub least: NonZeroU8,
}

impl IcmpCheck {
    /// The most requests of one probe.
    pub const COUNT_MAX: u8 = 16;
}

/// A question to gRPC's health service (`grpc.health.v1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GrpcCheck {
    /// The port.
    pub port: NonZeroU16,
    /// The service that is asked for; empty is the whole server.
    pub service: String,
    /// The authority of the request, and the name that TLS asks for and verifies unless `Tls::sni` is set; else the
    /// address.
    pub host: Option<String>,
    /// How it is encrypted; `None` is plain HTTP/2.
    pub tls: Option<Tls>,
}

/// A program with Nagios' exit codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExecCheck {
    /// What `{port}` stands for.
    pub port: Option<NonZeroU16>,
    /// The program by its absolute path, and its arguments, in which `{address}` and `{port}` stand for the target's.
    pub command: Vec<String>,
    /// Its environment, besides `PATH`.
    pub env: Vec<(String, String)>,
}

/// What a file on the prober's machine says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileCheck {
    /// The file.
    pub path: PathBuf,
    /// What it calls the backend, if not by its address alone.
    pub name: Option<String>,
    /// What a backend is that it has no line for.
    pub unlisted: Unlisted,
    /// How long after it was written it says nothing any more; `None` is never.
    pub age_max: Option<Duration>,
}

/// What a backend is that a file has no line for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unlisted {
    /// What it was.
    #[default]
    Keep,
    /// Up.
    Up,
    /// Down.
    Down,
}

impl Unlisted {
    /// Every one, by the word that zone files have for it.
    pub const WORDS: [(&str, Self); 3] =
        [("keep", Self::Keep), ("up", Self::Up), ("down", Self::Down)];

    /// The word that zone files have for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}
