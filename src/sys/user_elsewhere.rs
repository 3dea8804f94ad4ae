//! Elsewhere than on Linux the process stays who it is.

use std::convert::Infallible;
use std::io;

use socket2::{SockAddr, Socket};

/// Nobody can be had.
#[derive(Clone, Debug)]
pub struct User(Infallible);

/// Nothing is kept.
#[derive(Debug)]
pub struct Kept(Infallible);

/// Whether the process could become another.
#[must_use]
pub fn is_root() -> bool {
    false
}

/// There is nothing to do without.
pub fn no_new_privileges() -> io::Result<()> {
    Ok(())
}

/// Binds a socket.
pub fn bind(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    socket.bind(address)
}

impl User {
    /// There is none.
    pub fn find(_: &str, _: Option<&str>) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether it is root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        match self.0 {}
    }

    /// Makes a folder this user's.
    pub fn own(&self, _: &std::path::Path) -> io::Result<()> {
        match self.0 {}
    }

    /// Makes the process this user's in effect.
    pub fn become_in_effect(self) -> io::Result<Kept> {
        match self.0 {}
    }

    /// Makes the process this user's for good.
    pub fn become_for_good(self) -> io::Result<()> {
        match self.0 {}
    }
}

impl Kept {
    /// Gives root's rights up.
    pub fn give_up(self) -> io::Result<()> {
        match self.0 {}
    }
}
