//! How targets are probed.

mod database;
mod kinds;
mod several;
mod short;

use std::num::{NonZeroU8, NonZeroU16};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use database::{DatabaseCheck, DatabaseKind, Secret};
pub use kinds::{
    AgentCheck, DnsCheck, ExecCheck, Expected, FileCheck, GrpcCheck, IcmpCheck, Rcode, TlsCheck,
    Transport, UdpCheck, Unlisted,
};
pub use several::SeveralChecks;

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
    /// When a target that changes side too often is held down; `None` is never.
    pub flap: Option<Flap>,
}

/// When a target that changes side too often is held down: a penalty that changes add to, and that decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flap {
    /// What a change of side adds.
    pub penalty: u32,
    /// Above this much a target is held down.
    pub suppress: u32,
    /// A target that is held down is let go when its penalty has come down to this; below `suppress`.
    pub reuse: u32,
    /// In this time half of the penalty is gone.
    pub half_life: Duration,
    /// No hold is longer than this after the last change.
    pub hold_max: Duration,
}

impl Flap {
    /// What holds where a file says nothing else: the fifth change at once holds for 11.6 minutes.
    pub const DEFAULT: Self = Self {
        penalty: 1000,
        suppress: 4000,
        reuse: 1000,
        half_life: Duration::from_secs(300),
        hold_max: Duration::from_secs(1800),
    };

    /// The most that a penalty comes to: what decays to `reuse` within `hold_max`.
    #[must_use]
    pub fn ceiling(&self) -> f64 {
        f64::from(self.reuse) * self.hold_max.div_duration_f64(self.half_life).exp2()
    }

    /// Whether a penalty can come to hold anything.
    #[must_use]
    pub fn can_hold(&self) -> bool {
        self.ceiling() > f64::from(self.suppress)
    }
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
    /// TLS is spoken, with a certificate that is good.
    Tls(TlsCheck),
    /// An agent says so.
    Agent(AgentCheck),
    /// A database takes a login and says what it is.
    Database(DatabaseCheck),
    /// A question is answered as wished.
    Dns(DnsCheck),
    /// A datagram is answered as wished, or not refused.
    Udp(UdpCheck),
    /// Echoes come back.
    Icmp(IcmpCheck),
    /// gRPC's health service says so.
    Grpc(GrpcCheck),
    /// A program says so.
    Exec(ExecCheck),
    /// A file says so.
    File(FileCheck),
    /// Nobody asks: it reports by itself.
    Push(PushCheck),
    /// Enough of several checks pass.
    Several(SeveralChecks),
}

/// A backend that reports by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PushCheck {
    /// How long a report holds; without another it is down then.
    pub ttl: Duration,
    /// Whose reports: `ZONE/POOL/BACKEND`, so that no two backends that share an address speak for each other. None in what is
    /// written of a pool, which is for all of its backends.
    pub of: Option<Arc<str>>,
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
    /// A certificate that ends in fewer days is degraded; 0 is never, and in plain HTTP.
    pub days: u16,
    /// Where the answer says how busy the server is.
    pub load: Option<LoadFrom>,
}

/// Where an answer says how busy its server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoadFrom {
    /// Where the number is.
    pub place: LoadPlace,
    /// The number that means all that the server can do; not zero.
    pub full: u32,
}

/// Where the number is that says how busy a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LoadPlace {
    /// In this header field.
    Header(String),
    /// In the body, at this JSON pointer (RFC 6901).
    Json(String),
}

/// How much of a body is read to find [`HttpCheck::body`] in it.
pub const BODY_MAX: usize = 64 * 1024;

/// The TLS side of a check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tls {
    /// The server name, where it is not the host's or the address.
    pub sni: Option<String>,
    /// How the certificate is judged.
    pub verify: Verify,
}

impl Tls {
    /// The days before the end of a certificate from which on its target is degraded, unless a check says otherwise: none
    /// where certificates are not judged.
    #[must_use]
    pub fn usual_days(&self) -> u16 {
        if self.verify == Verify::Off { 0 } else { 14 }
    }
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

impl CheckKind {
    /// The same at another port; `None` where it asks at none.
    #[must_use]
    pub fn at_port(&self, port: NonZeroU16) -> Option<Self> {
        match self {
            Self::Tcp { .. } => Some(Self::Tcp { port }),
            Self::Http(http) => Some(Self::Http(HttpCheck { port, ..http.clone() })),
            Self::Tls(tls) => Some(Self::Tls(TlsCheck { port, ..tls.clone() })),
            Self::Agent(agent) => Some(Self::Agent(AgentCheck { port, ..agent.clone() })),
            Self::Database(check) => Some(Self::Database(DatabaseCheck { port, ..check.clone() })),
            Self::Push(_) | Self::Icmp(_) | Self::File(_) | Self::Several(_) => None,
            Self::Grpc(check) => Some(Self::Grpc(GrpcCheck { port, ..check.clone() })),
            Self::Dns(check) => Some(Self::Dns(DnsCheck { port, ..check.clone() })),
            Self::Udp(check) => Some(Self::Udp(UdpCheck { port, ..check.clone() })),
            Self::Exec(check) => Some(Self::Exec(ExecCheck { port: Some(port), ..check.clone() })),
        }
    }

    /// The same for a backend of this name, which files know it by; `None` where that changes nothing.
    #[must_use]
    pub fn for_backend(&self, name: &str) -> Option<Self> {
        match self {
            Self::File(file) if file.name.is_none() => {
                Some(Self::File(FileCheck { name: Some(name.to_owned()), ..file.clone() }))
            }
            Self::Several(several) => several.for_backend(name).map(Self::Several),
            _ => None,
        }
    }

    /// Whether nobody probes it, as it reports by itself.
    #[must_use]
    pub fn is_pushed(&self) -> bool {
        matches!(self, Self::Push(_))
    }
}

impl Check {
    /// The longest time from a failure until it is noticed; with the TTL, until no cache hands the address out any
    /// more: interval with its jitter + timeout + (fall - 1) × the greater of
    /// the fast interval and the timeout. A program may wait for a place as long as it may run, so its timeout counts twice. Of
    /// what reports by itself: the time for which a report holds. A file goes on saying what it said until it is too old, where
    /// that takes its backends down: whoever writes it may fail along with them.
    #[must_use]
    pub fn detection_max(&self) -> Duration {
        if let CheckKind::Push(push) = &self.kind {
            return push.ttl;
        }
        let has_program = self.kind.plain().iter().any(|kind| matches!(kind, CheckKind::Exec(_)));
        let probe = if has_program { self.timeout * 2 } else { self.timeout };
        let retry = self.fast_interval.max(probe);
        let noticed = self.interval.mul_f64(1.0 + JITTER) + probe;
        self.silence_max() + noticed + retry * u32::from(self.fall.get() - 1)
    }

    /// For how long a file may go on saying what it said though nobody writes it any more, until its backends are down by that.
    fn silence_max(&self) -> Duration {
        let plain = self.kind.plain();
        let ages = plain.iter().filter_map(|kind| match kind {
            CheckKind::File(file) if file.unlisted == Unlisted::Down => file.age_max,
            _ => None,
        });
        ages.max().unwrap_or_default()
    }
}

/// The part of the interval by which each probe is early or late, so that probes spread out.
pub const JITTER: f64 = 0.1;
