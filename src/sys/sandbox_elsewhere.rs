//! Elsewhere than on Linux there is none.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};

/// Folders and files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// What may be read.
    pub read: Vec<PathBuf>,
    /// Folders that may be written to.
    pub write: Vec<PathBuf>,
}

/// None can be had.
#[derive(Debug)]
pub struct Sandbox(Infallible);

impl Sandbox {
    /// There is none.
    pub fn new(_: &Paths) -> io::Result<Self> {
        Err(io::Error::other("there is none on this system"))
    }

    /// Closes it.
    pub fn close(&self) -> io::Result<String> {
        match self.0 {}
    }
}

/// Nothing is closed.
pub fn note(_: &Paths) {}

/// The error as it is.
#[must_use]
pub fn explained(_: &Path, error: io::Error) -> io::Error {
    error
}
