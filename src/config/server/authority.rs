//! What other servers and programs may do to zones, as the config file says: keys, secondaries, primaries, updates.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::admin::Tls;
use crate::config::model::access::Access;
use crate::name::Name;

/// The most keys of a server.
pub const KEYS_MAX: usize = 1000;
/// The shortest secret, in bytes: RFC 8945 §8 wants one as long as the hash, and less than half of that is a mistake.
pub const SECRET_MIN: usize = 16;

/// What the config file says of keys and of who may use them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// The keys of TSIG; their names are distinct.
    pub keys: Vec<Key>,
    /// Who may do what.
    pub access: Access,
    /// DNS over TLS (RFC 7858), which is how transfers stay private (RFC 9103).
    pub tls: Option<DnsTls>,
}

/// A key that two sides share (RFC 8945).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What both sides call it.
    pub name: Name,
    /// How its MACs are made.
    pub algorithm: Algorithm,
    /// What both sides know.
    pub secret: Secret,
}

/// How MACs are made (RFC 8945 §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "HMAC with the hash of that name")]
pub enum Algorithm {
    #[default]
    Sha256,
    Sha384,
    Sha512,
}

/// A secret, or where it stands. It never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// In the config file.
    Given(Vec<u8>),
    /// In a file of its own, as base 64.
    File(PathBuf),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(...)"),
            Self::File(path) => write!(f, "File({})", path.display()),
        }
    }
}

impl Secret {
    /// Reads base 64; `None` where it is none, or too short to keep anything.
    #[must_use]
    pub fn parse(text: &str) -> Option<Vec<u8>> {
        crate::rdata::base64(text.trim()).filter(|secret| secret.len() >= SECRET_MIN)
    }
}

/// Where DNS over TLS is served, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsTls {
    /// At least one; port 853 where none is given.
    pub listen: Vec<SocketAddr>,
    /// The certificate and its key.
    pub identity: Tls,
}
