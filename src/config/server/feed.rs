//! Whom `rotadns probe` feeds.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The most servers that one prober feeds; each has a task and a queue of its own.
pub const FEED_SERVERS_MAX: usize = 64;

/// Who a prober is, and whom it tells what it finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The name under which servers know it.
    pub name: String,
    /// The servers, at least one, none twice.
    pub to: Vec<Server>,
}

/// A server that is fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where its admin API is.
    pub at: Endpoint,
    /// The certificates that its own is judged by; without one, those that the system trusts.
    pub ca: Option<PathBuf>,
    /// The file with the token that it wants to see.
    pub token: Option<PathBuf>,
}

/// Where an admin API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TLS.
    Https {
        /// A name or an address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// In the clear, on this machine alone.
    Http(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https { host, port } if host.contains(':') => {
                write!(f, "https://[{host}]:{port}")
            }
            Self::Https { host, port } => write!(f, "https://{host}:{port}"),
            Self::Http(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
