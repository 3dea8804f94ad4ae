//! Signatures over many messages: a transfer's (RFC 8945 §5.3.1).
//!
//! Each MAC covers the one before it, so that none can be left out, put in or moved:
//!
//! ```text
//!   request ─MAC─▶ first message ─MAC─▶ messages without, up to 99 ─▶ a message with ─MAC─▶ ... the last one
//! ```

use std::fmt;
use std::sync::Arc;

use super::key::{Digest, Key};
use super::record::{Record, Stamp};
use super::{FUDGE, Mac, Signed, append_to};

/// The most messages without a signature between two that have one.
pub const UNSIGNED_MAX: u8 = 99;

/// Signs the messages of an answer, every one of them.
pub struct Signer {
    key: Arc<Key>,
    /// The request's, then that of the message before.
    prior: Mac,
    is_first: bool,
}

impl Signer {
    /// For the answer to a signed request.
    #[must_use]
    pub fn new(signed: &Signed) -> Self {
        Self { key: Arc::clone(&signed.key), prior: signed.mac, is_first: true }
    }

    /// How many bytes each signature takes at most.
    #[must_use]
    pub fn room(&self) -> usize {
        let key = &self.key;
        key.name().as_wire().len()
            + key.algorithm().wire().len()
            + super::record::FIXED
            + key.algorithm().mac_len()
    }

    /// Signs the next message; `now` is in seconds since 1970.
    pub fn sign(&mut self, message: &mut Vec<u8>, now: u64) {
        let stamp = Stamp { time: now, fudge: FUDGE, error: 0, other: None };
        let mut digest = self.key.digest();
        digest.update_mac(&self.prior);
        digest.update(message);
        if self.is_first {
            let (key, algorithm) = (self.key.name().as_wire(), self.key.algorithm().wire());
            stamp.digest_variables(key, algorithm, &mut digest);
        } else {
            stamp.digest_timers(&mut digest);
        }
        self.prior = digest.finish();
        self.is_first = false;
        append_to(message, &self.key, &stamp, &self.prior);
    }
}

/// Why an answer is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The record cannot be read.
    Malformed,
    /// It is signed with another key.
    OtherKey,
    /// The other side refused our signature, with this error.
    Refused(u16),
    /// The MAC is wrong.
    BadSig,
    /// The clocks differ by too much.
    BadTime,
    /// The first or the last message, or one of a hundred, is not signed.
    Unsigned,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("its TSIG record cannot be read"),
            Self::OtherKey => f.write_str("it is signed with another key"),
            Self::Refused(super::error::BADSIG) => {
                f.write_str("the other side refused our signature: BADSIG; is the secret the same?")
            }
            Self::Refused(super::error::BADKEY) => f.write_str(
                "the other side refused our signature: BADKEY; has it this key and algorithm?",
            ),
            Self::Refused(super::error::BADTIME) => {
                f.write_str("the other side refused our signature: BADTIME; are the clocks right?")
            }
            Self::Refused(error) => {
                write!(f, "the other side refused our signature: TSIG error {error}")
            }
            Self::BadSig => f.write_str("its MAC is wrong"),
            Self::BadTime => f.write_str("its time is too far from ours; are the clocks right?"),
            Self::Unsigned => f.write_str("it is not signed where it must be"),
        }
    }
}

/// Checks the messages of an answer to a request that we signed.
pub struct Verifier {
    key: Arc<Key>,
    /// Covers the MAC before and every message since.
    digest: Digest,
    is_first: bool,
    unsigned: u8,
}

impl Verifier {
    /// For the answer to a request with this MAC.
    #[must_use]
    pub fn new(key: Arc<Key>, request: &Mac) -> Self {
        let digest = after(&key, request);
        Self { key, digest, is_first: true, unsigned: 0 }
    }

    /// Takes the next message; its TSIG record begins at `at`, where it has one. `now` is in seconds since 1970.
    pub fn take(&mut self, message: &[u8], at: Option<usize>, now: u64) -> Result<(), Broken> {
        let Some(at) = at else {
            if self.is_first || self.unsigned == UNSIGNED_MAX {
                return Err(Broken::Unsigned);
            }
            self.unsigned += 1;
            self.digest.update(message);
            return Ok(());
        };
        let record = Record::read(message, at).ok_or(Broken::Malformed)?;
        let (name, algorithm) = (self.key.name().as_wire(), self.key.algorithm().wire());
        if record.key() != name || !record.algorithm.eq_ignore_ascii_case(algorithm) {
            return Err(Broken::OtherKey);
        }
        if record.error != 0 && record.mac.is_empty() {
            return Err(Broken::Refused(record.error));
        }
        record.digest_message(message, at, &mut self.digest);
        if self.is_first {
            self.digest.update(name);
            record.digest_variables(&mut self.digest);
        } else {
            record.digest_timers(&mut self.digest);
        }
        let next = after(&self.key, &Mac::new(record.mac));
        let digest = std::mem::replace(&mut self.digest, next);
        if record.mac.len() != self.key.algorithm().mac_len() || !digest.is(record.mac) {
            return Err(Broken::BadSig);
        }
        if record.error != 0 {
            return Err(Broken::Refused(record.error));
        }
        if record.time.abs_diff(now) > u64::from(record.fudge) {
            return Err(Broken::BadTime);
        }
        (self.is_first, self.unsigned) = (false, 0);
        Ok(())
    }

    /// Whether all that was taken is covered: the last message must be signed.
    pub fn finish(&self) -> Result<(), Broken> {
        if self.is_first || self.unsigned > 0 { Err(Broken::Unsigned) } else { Ok(()) }
    }
}

fn after(key: &Key, mac: &Mac) -> Digest {
    let mut digest = key.digest();
    digest.update_mac(mac);
    digest
}
