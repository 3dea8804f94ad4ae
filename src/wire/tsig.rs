//! Transaction signatures: who sent a message, and that nobody changed it on its way.
//!
//! Nothing here has a clock: the time comes in. What a query needs (one key looked up, one MAC, one answer signed in
//! place) allocates nothing of ours.
//!
//! | RFC 8945 | what we take from it | item |
//! |---|---|---|
//! | §4.2, §4.3 | the record, and what its MAC covers | [`record`] |
//! | §5.2 | key, MAC, time, truncation, in this order | [`verify`] |
//! | §5.3, §5.3.2 | the answer's signature, and which errors go unsigned | [`finish`] |
//! | §5.3.1 | many messages, up to 99 of them unsigned in between | [`chain`] |
//! | §6 | HMAC with SHA-256, SHA-384, SHA-512; never truncated | [`key`] |

pub mod chain;
pub mod key;
pub mod record;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{HEADER, rcode};
use key::{Key, Keys, MAC_MAX};
use record::{Record, Stamp};

/// Seconds that clocks may differ by, as we say in what we sign (RFC 8945 §10).
pub const FUDGE: u16 = 300;
/// The errors that a TSIG record tells (RFC 8945 §3).
pub mod error {
    /// The MAC is not that of the key.
    pub const BADSIG: u16 = 16;
    /// We have no such key.
    pub const BADKEY: u16 = 17;
    /// The clocks differ by too much.
    pub const BADTIME: u16 = 18;
    /// The MAC is right as far as it goes, and cut short.
    pub const BADTRUNC: u16 = 22;
}

/// A message authentication code.
#[derive(Clone, Copy, Debug)]
pub struct Mac {
    bytes: [u8; MAC_MAX],
    len: u8,
}

impl Mac {
    /// Of these bytes, as many as an algorithm here gives.
    fn new(bytes: &[u8]) -> Self {
        let len = bytes.len().min(MAC_MAX);
        let mut mac = Self { bytes: [0; MAC_MAX], len: len as u8 };
        mac.bytes[..len].copy_from_slice(&bytes[..len]);
        mac
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// A request whose signature is right: what its answer is signed with.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Whose it is.
    pub key: Arc<Key>,
    /// The request's own MAC, which the answer's covers.
    mac: Mac,
}

/// A request whose signature is wrong.
#[derive(Clone, Debug)]
pub enum Failed {
    /// The record cannot be read, or its MAC has a length that none may have: FORMERR.
    Malformed,
    /// Nobody here knows the key, by its name and algorithm.
    BadKey,
    /// The MAC is another.
    BadSig,
    /// The MAC is right, the time is not; told signed.
    BadTime(Signed),
    /// The MAC is right and cut short, which we do not take; told signed.
    BadTrunc(Signed),
}

impl Failed {
    /// The response code of the answer.
    #[must_use]
    pub fn rcode(&self) -> u16 {
        match self {
            Self::Malformed => rcode::FORMERR,
            _ => rcode::NOTAUTH,
        }
    }

    /// The error that the answer's TSIG tells.
    #[must_use]
    pub fn error(&self) -> u16 {
        match self {
            Self::Malformed => 0,
            Self::BadKey => error::BADKEY,
            Self::BadSig => error::BADSIG,
            Self::BadTime(_) => error::BADTIME,
            Self::BadTrunc(_) => error::BADTRUNC,
        }
    }
}

/// Checks the TSIG record of a request, which begins at `at` and ends the message; `now` is in seconds since 1970.
pub fn verify(keys: &Keys, message: &[u8], at: usize, now: u64) -> Result<Signed, Failed> {
    let record = Record::read(message, at).ok_or(Failed::Malformed)?;
    let key = keys.find(record.key(), record.algorithm).ok_or(Failed::BadKey)?;
    let full = key.algorithm().mac_len();
    // No MAC may be longer than the hash, nor shorter than half of it or ten bytes (§5.2.2.1).
    if record.mac.len() > full || record.mac.len() < (full / 2).max(10) {
        return Err(Failed::Malformed);
    }
    let mut digest = key.digest();
    record.digest_message(message, at, &mut digest);
    digest.update(record.key());
    record.digest_variables(&mut digest);
    if !digest.is(record.mac) {
        return Err(Failed::BadSig);
    }
    let signed = Signed { key: Arc::clone(key), mac: Mac::new(record.mac) };
    if record.time.abs_diff(now) > u64::from(record.fudge) {
        return Err(Failed::BadTime(signed));
    }
    if record.mac.len() < full {
        return Err(Failed::BadTrunc(signed));
    }
    Ok(signed)
}

/// The most bytes that the TSIG record of the answer takes: room to keep in it.
#[must_use]
pub fn room(outcome: &Result<Signed, Failed>, request: &[u8], at: usize) -> usize {
    let Some(record) = Record::read(request, at) else { return 0 };
    let names = record.key().len() + record.algorithm.len();
    match outcome {
        Ok(Signed { key, .. }) => names + record::FIXED + key.algorithm().mac_len(),
        Err(Failed::Malformed) => 0,
        Err(Failed::BadKey | Failed::BadSig) => names + record::FIXED,
        Err(Failed::BadTime(Signed { key, .. }) | Failed::BadTrunc(Signed { key, .. })) => {
            names + record::FIXED + key.algorithm().mac_len() + record::TIME
        }
    }
}

/// Appends the TSIG record that the answer to a signed request ends in, and says how long the answer is then.
///
/// `buf` holds the answer in its first `len` bytes; `None` where it has no room for the record. The record of `request` begins at
/// `at`. An answer to what is malformed has none.
pub fn finish(
    outcome: &Result<Signed, Failed>,
    request: &[u8],
    at: usize,
    buf: &mut [u8],
    len: usize,
    now: u64,
) -> Option<usize> {
    let (signed, error) = match outcome {
        Ok(signed) => (Some(signed), 0),
        Err(Failed::Malformed) => return Some(len),
        Err(failed @ (Failed::BadKey | Failed::BadSig)) => (None, failed.error()),
        Err(failed @ (Failed::BadTime(signed) | Failed::BadTrunc(signed))) => {
            (Some(signed), failed.error())
        }
    };
    let record = Record::read(request, at)?;
    let time = match (signed, error) {
        // So that who asked sees whose clock is wrong (§5.2.3): its own time, and ours beside.
        (_, error::BADTIME) | (None, _) => record.time,
        _ => now,
    };
    let other = if error == error::BADTIME { Some(now) } else { None };
    let stamp = Stamp { time, fudge: FUDGE, error, other };
    let mac = signed.map(|Signed { key, mac, .. }| {
        let mut digest = key.digest();
        digest.update_mac(mac);
        digest.update(&buf[..len]);
        stamp.digest_variables(key.name().as_wire(), key.algorithm().wire(), &mut digest);
        digest.finish()
    });
    let id = *request.first_chunk()?;
    record::append(buf, len, (record.key(), record.algorithm), &stamp, mac.as_ref(), id)
}

/// Appends a TSIG record to a request of ours, and gives the MAC that its answer will cover; `now` is in seconds since 1970.
pub fn sign_request(key: &Key, message: &mut Vec<u8>, now: u64) -> Mac {
    let stamp = Stamp { time: now, fudge: FUDGE, error: 0, other: None };
    let mut digest = key.digest();
    digest.update(message);
    stamp.digest_variables(key.name().as_wire(), key.algorithm().wire(), &mut digest);
    let mac = digest.finish();
    append_to(message, key, &stamp, &mac);
    mac
}

/// Signs the answer to a request whose signature was right; `now` is in seconds since 1970.
pub fn sign_answer(signed: &Signed, message: &mut Vec<u8>, now: u64) {
    chain::Signer::new(signed).sign(message, now);
}

fn append_to(message: &mut Vec<u8>, key: &Key, stamp: &Stamp, mac: &Mac) {
    let len = message.len();
    let names = (key.name().as_wire(), key.algorithm().wire());
    let room = names.0.len() + names.1.len() + record::FIXED + mac.as_bytes().len();
    message.resize(len + room + record::TIME, 0);
    let id = message.first_chunk().copied().unwrap_or_default();
    let end =
        if len < HEADER { None } else { record::append(message, len, names, stamp, Some(mac), id) };
    message.truncate(end.unwrap_or(len));
}
