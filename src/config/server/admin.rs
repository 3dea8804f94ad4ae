//! Where the admin API listens and who may ask it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::config::error::Problem;

/// The port of the admin API where no config says another.
pub const PORT: u16 = 8053;

/// Where the admin API listens and who may ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it is served over TCP.
    pub listen: Vec<SocketAddr>,
    /// Where it is served on this machine alone, to its owner.
    pub socket: Option<PathBuf>,
    /// Who may do what; without it, everybody on this machine may do everything.
    pub tokens: Option<PathBuf>,
    /// How what is served over TCP is encrypted.
    pub tls: Option<Tls>,
}

/// A certificate and its key, both in PEM format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Default for Admin {
    fn default() -> Self {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))];
        Self { listen, socket: None, tokens: None, tls: None }
    }
}

impl Admin {
    /// What is wrong where it listens beyond this machine without telling its friends from strangers, or
    /// without being encrypted.
    #[must_use]
    pub fn exposed(&self) -> Option<Problem> {
        let missing = match (&self.tokens, &self.tls) {
            (Some(_), Some(_)) => return None,
            (None, Some(_)) => "`tokens`",
            (Some(_), None) => "`tls`",
            (None, None) => "`tokens` and `tls`",
        };
        let beyond = |address: &&SocketAddr| !is_loopback(address.ip());
        let address = *self.listen.iter().find(beyond)?;
        Some(Problem::AdminExposed { address, missing })
    }
}

/// Whether only this machine reaches an address.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
