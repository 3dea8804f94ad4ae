//! `dnstap:`, the query log: who takes it, and how much of it.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// The longest identity, in bytes: as of an NSID.
pub const IDENTITY_MAX: usize = 128;

/// What is logged, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dnstap {
    /// Who takes it.
    pub to: To,
    /// One of so many exchanges is logged, by chance.
    pub sample: NonZeroU32,
    /// What each message says of who logged it.
    pub identity: Option<String>,
}

/// Who takes the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A collector that listens on this unix socket.
    Socket(PathBuf),
    /// A file, which is begun anew where it is not there, such as after a log rotation.
    File(PathBuf),
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Socket(path) | Self::File(path)) = self;
        path.display().fmt(f)
    }
}
