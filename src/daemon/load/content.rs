//! What a zone was read from: its own file and those that it includes, with a digest over all.
//!
//! A file is opened for each look at it; nothing of it is kept but the digest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::files::read_file;
use crate::digest::sha256;
use crate::name::Name;
use crate::zone::serial::Digest;

/// A zone's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// Of the bytes of all of them, in their order.
    pub(super) digest: Digest,
    /// Those that are included; also one that is not there.
    pub(super) included: Vec<Arc<Path>>,
    /// Of the names of addresses that other zones brought; zeroes where there are none.
    pub(super) pointers: Digest,
}

impl Content {
    /// Of a zone's own file.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { digest: sha256([bytes]), ..Self::default() }
    }

    /// Adds a file that it includes; without bytes where it cannot be read.
    pub(super) fn add(&mut self, path: &Path, bytes: Option<&[u8]>) {
        let of_file = bytes.map(|bytes| sha256([bytes])).unwrap_or_default();
        self.digest = sha256([self.digest, of_file]);
        self.included.push(path.into());
    }

    /// With these names of addresses beside what the files have.
    pub(super) fn with(self, pointers: &[(Name, Vec<Name>)]) -> Self {
        Self { pointers: digest_of(pointers), ..self }
    }

    /// Whether it has names of addresses that the files do not have.
    pub(super) fn has_pointers(&self) -> bool {
        self.pointers != Digest::default()
    }

    /// Of all that the zone was made of.
    pub(super) fn whole(&self) -> Digest {
        if !self.has_pointers() {
            return self.digest;
        }
        sha256([self.digest, self.pointers])
    }

    /// Whether the zone would be as it was, its own file having these bytes now, and these names coming from others.
    pub(super) fn is_still(&self, bytes: &[u8], pointers: &[(Name, Vec<Name>)]) -> bool {
        if self.pointers != digest_of(pointers) {
            return false;
        }
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

fn digest_of(pointers: &[(Name, Vec<Name>)]) -> Digest {
    if pointers.is_empty() {
        return Digest::default();
    }
    // A name says where it ends, and the root where a list does: no address has it for a name.
    let lists = pointers.iter().flat_map(|(owner, names)| {
        std::iter::once(owner).chain(names).map(Name::as_wire).chain([&b"\0"[..]])
    });
    sha256(lists)
}
