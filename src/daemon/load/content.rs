//! What a zone was read from: its own file and those that it includes, with a digest over all.
//!
//! A file is opened for each look at it; nothing of it is kept but the digest, and what the file system told of it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::stamp::Stamps;
use crate::config::files::{FILE_MAX, read_included};
use crate::config::model::allowed::Includes;
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
    /// As they were before they were read.
    pub(super) stamps: Stamps,
}

impl Content {
    /// Of a zone's own file, which was stamped before it was read.
    pub(super) fn of(bytes: &[u8], stamps: Stamps) -> Self {
        Self { digest: sha256([bytes]), stamps, ..Self::default() }
    }

    /// Reads a file that it includes, of so many bytes at most, and adds it; not one that is refused, so that no zone has a
    /// folder watched that it may not read.
    pub(super) fn include(
        &mut self,
        path: &Path,
        most: u64,
        allowed: &Includes,
        settled: Duration,
    ) -> io::Result<Vec<u8>> {
        allowed.allowed_file(path).map_err(|refusal| io::Error::other(refusal.to_string()))?;
        self.stamps.add(path, settled);
        let read = read_included(allowed, path, most);
        self.add(path, read.as_deref().ok());
        read
    }

    /// Adds a file that it includes; without bytes where it cannot be read.
    fn add(&mut self, path: &Path, bytes: Option<&[u8]>) {
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

    /// Whether none of its files was touched, its own being this one, and other zones bring these names.
    pub(super) fn is_untouched(&self, file: &Path, pointers: &[(Name, Vec<Name>)]) -> bool {
        let files = std::iter::once(file).chain(self.included.iter().map(|path| &**path));
        self.pointers == digest_of(pointers) && self.stamps.are_of(files)
    }

    /// The same with what the file system tells of its files now, where the zone would be as it was: its own file has these
    /// bytes, and these names come from others.
    pub(super) fn still(
        &self,
        bytes: &[u8],
        stamps: &Stamps,
        pointers: &[(Name, Vec<Name>)],
        allowed: &Includes,
        settled: Duration,
    ) -> Option<Self> {
        if self.pointers != digest_of(pointers) {
            return None;
        }
        let mut now = Self::of(bytes, stamps.clone()).with(pointers);
        for path in &self.included {
            now.stamps.add(path, settled);
            now.add(path, read_included(allowed, path, FILE_MAX).as_deref().ok());
        }
        (now.digest == self.digest).then_some(now)
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
