//! What a zone was read from: its own file and those that it includes, with a digest over all.
//!
//! A file is opened for each look at it; nothing of it is kept but the digest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use crate::config::files::read_file;
use crate::zone::serial::Digest;

/// A zone's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// Of the bytes of all of them, in their order.
    pub(super) digest: Digest,
    /// Those that are included; also one that is not there.
    pub(super) included: Vec<Arc<Path>>,
}

impl Content {
    /// Of a zone's own file.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { digest: sha256(bytes), included: Vec::new() }
    }

    /// Adds a file that it includes; without bytes where it cannot be read.
    pub(super) fn add(&mut self, path: &Path, bytes: Option<&[u8]>) {
        let of_file = bytes.map(sha256).unwrap_or_default();
        self.digest = sha256(&[self.digest, of_file].concat());
        self.included.push(path.into());
    }

    /// Whether the files are as they were, the zone's own with these bytes now.
    pub(super) fn is_still(&self, bytes: &[u8]) -> bool {
        let mut now = Self::of(bytes);
        for path in &self.included {
            now.add(path, read_file(path).as_deref().ok());
        }
        now.digest == self.digest
    }

    /// The folders and names to watch beside the zone's own file.
    pub(super) fn included(&self) -> impl Iterator<Item = PathBuf> {
        self.included.iter().map(|path| path.to_path_buf())
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    let mut found = Digest::default();
    found.copy_from_slice(digest(&SHA256, bytes).as_ref());
    found
}
