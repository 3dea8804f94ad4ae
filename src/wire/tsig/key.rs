//! Keys that two sides share, and the MACs that they make.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;

use super::Mac;
use crate::name::Name;

/// The longest MAC.
pub const MAC_MAX: usize = 64;

/// How a MAC is made (RFC 8945 §6). The older ones, MD5 and SHA-1, are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Sha256,
    /// HMAC with SHA-384.
    Sha384,
    /// HMAC with SHA-512.
    Sha512,
}

impl Algorithm {
    /// All of them, by the names that configuration has.
    pub const ALL: [(&'static str, Algorithm); 3] = [
        ("hmac-sha256", Self::Sha256),
        ("hmac-sha384", Self::Sha384),
        ("hmac-sha512", Self::Sha512),
    ];

    /// Its name in a message, wire form.
    #[must_use]
    pub fn wire(self) -> &'static [u8] {
        match self {
            Self::Sha256 => b"\x0bhmac-sha256\0",
            Self::Sha384 => b"\x0bhmac-sha384\0",
            Self::Sha512 => b"\x0bhmac-sha512\0",
        }
    }

    /// How many bytes its MACs have.
    #[must_use]
    pub fn mac_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// A key with its name. It never shows its secret.
pub struct Key {
    name: Name,
    algorithm: Algorithm,
    secret: hmac::Key,
}

impl Key {
    /// A key of this secret.
    #[must_use]
    pub fn new(name: Name, algorithm: Algorithm, secret: &[u8]) -> Self {
        let hmac = match algorithm {
            Algorithm::Sha256 => hmac::HMAC_SHA256,
            Algorithm::Sha384 => hmac::HMAC_SHA384,
            Algorithm::Sha512 => hmac::HMAC_SHA512,
        };
        Self { name, algorithm, secret: hmac::Key::new(hmac, secret) }
    }

    /// What both sides call it.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// How its MACs are made.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Starts a MAC.
    pub(super) fn digest(&self) -> Digest {
        Digest(hmac::Context::with_key(&self.secret))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, {:?})", self.name, self.algorithm)
    }
}

/// The keys that a server knows, by name and algorithm.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Arc<Key>>);

impl Keys {
    /// These keys; their names are distinct.
    #[must_use]
    pub fn new(keys: Vec<Key>) -> Self {
        let mut keys: Vec<Arc<Key>> = keys.into_iter().map(Arc::new).collect();
        keys.sort_by(|a, b| a.name.as_wire().cmp(b.name.as_wire()));
        Self(keys)
    }

    /// The key of a name.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Arc<Key>> {
        self.by_wire(name.as_wire())
    }

    /// The key of a name and an algorithm, both in wire form and in lower case.
    #[must_use]
    pub fn find(&self, name: &[u8], algorithm: &[u8]) -> Option<&Arc<Key>> {
        self.by_wire(name).filter(|key| key.algorithm.wire().eq_ignore_ascii_case(algorithm))
    }

    fn by_wire(&self, name: &[u8]) -> Option<&Arc<Key>> {
        let place = self.0.binary_search_by(|key| key.name.as_wire().cmp(name)).ok()?;
        self.0.get(place)
    }
}

/// A MAC while it is made.
pub(super) struct Digest(hmac::Context);

impl Digest {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds the MAC that goes before, with its length (RFC 8945 §4.3.1).
    pub(super) fn update_mac(&mut self, mac: &Mac) {
        let bytes = mac.as_bytes();
        self.0.update(&(bytes.len() as u16).to_be_bytes());
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Mac {
        Mac::new(self.0.sign().as_ref())
    }

    /// Whether it begins with these bytes, however many there are; in the same time for all that differ.
    pub(super) fn is(self, expected: &[u8]) -> bool {
        let tag = self.0.sign();
        let cut = tag.as_ref().get(..expected.len());
        cut.is_some_and(|cut| {
            aws_lc_rs::constant_time::verify_slices_are_equal(cut, expected).is_ok()
        })
    }
}
