//! The TSIG record: read, written, and what of it a MAC covers.
//!
//! ```text
//!   message without TSIG, its ID the original one, one less in ARCOUNT
//!   key name, class ANY, TTL 0, algorithm, time, fudge, error, other data    (RFC 8945 §4.3.3)
//! ```

use super::Mac;
use super::key::Digest;
use crate::name::NAME_MAX;
use crate::rdata::rtype;
use crate::wire::{HEADER, class, read_name};

/// What a record takes besides its two names and its MAC: type to RDLENGTH, then time to other length.
pub(super) const FIXED: usize = 10 + 16;
/// What other data takes where it has a time.
pub(super) const TIME: usize = 6;
/// Where ARCOUNT stands.
const ARCOUNT: usize = 10;

/// The record of a message.
pub(super) struct Record<'m> {
    /// The key's name, wire form, in lower case.
    key: [u8; NAME_MAX],
    key_len: usize,
    /// The algorithm's name, wire form.
    pub(super) algorithm: &'m [u8],
    /// In seconds since 1970, 48 bits of it.
    pub(super) time: u64,
    pub(super) fudge: u16,
    pub(super) mac: &'m [u8],
    original_id: [u8; 2],
    pub(super) error: u16,
    other: &'m [u8],
}

impl<'m> Record<'m> {
    /// Reads the record that begins at `at` and ends the message.
    pub(super) fn read(message: &'m [u8], at: usize) -> Option<Self> {
        let mut key = [0; NAME_MAX];
        let (key_len, at) = read_name(message, at, &mut key)?;
        key[..key_len].make_ascii_lowercase();
        let (head, rdata) = message.get(at..)?.split_first_chunk::<10>()?;
        let [t0, t1, c0, c1, ttl @ .., r0, r1] = *head;
        let is_tsig = u16::from_be_bytes([t0, t1]) == rtype::TSIG
            && u16::from_be_bytes([c0, c1]) == class::ANY
            && ttl == [0; 4]
            && usize::from(u16::from_be_bytes([r0, r1])) == rdata.len();
        if !is_tsig {
            return None;
        }
        // Never compressed (RFC 8945 §4.2).
        let algorithm_len = crate::name::wire_len(rdata)?;
        let (algorithm, rest) = rdata.split_at_checked(algorithm_len)?;
        let (&[s0, s1, s2, s3, s4, s5, f0, f1, m0, m1], rest) = rest.split_first_chunk::<10>()?;
        let mac_len = usize::from(u16::from_be_bytes([m0, m1]));
        let (mac, rest) = rest.split_at_checked(mac_len)?;
        let (&[i0, i1, e0, e1, o0, o1], other) = rest.split_first_chunk::<6>()?;
        if other.len() != usize::from(u16::from_be_bytes([o0, o1])) {
            return None;
        }
        Some(Self {
            key,
            key_len,
            algorithm,
            time: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
            fudge: u16::from_be_bytes([f0, f1]),
            mac,
            original_id: [i0, i1],
            error: u16::from_be_bytes([e0, e1]),
            other,
        })
    }

    /// The key's name, wire form, in lower case.
    pub(super) fn key(&self) -> &[u8] {
        &self.key[..self.key_len]
    }

    /// The message as it was before it was signed.
    pub(super) fn digest_message(&self, message: &[u8], at: usize, digest: &mut Digest) {
        let count = u16::from_be_bytes([message[ARCOUNT], message[ARCOUNT + 1]]);
        digest.update(&self.original_id);
        digest.update(&message[2..ARCOUNT]);
        digest.update(&count.wrapping_sub(1).to_be_bytes());
        digest.update(&message[HEADER..at]);
    }

    /// What follows the key's name of what a MAC covers.
    pub(super) fn digest_variables(&self, digest: &mut Digest) {
        digest.update(&CLASS_AND_TTL);
        update_lower(self.algorithm, digest);
        self.digest_timers(digest);
        digest.update(&self.error.to_be_bytes());
        digest.update(&(self.other.len() as u16).to_be_bytes());
        digest.update(self.other);
    }

    /// What messages after the first cover (RFC 8945 §5.3.1).
    pub(super) fn digest_timers(&self, digest: &mut Digest) {
        digest.update(&self.time.to_be_bytes()[2..]);
        digest.update(&self.fudge.to_be_bytes());
    }
}

/// Class ANY and a TTL of 0.
const CLASS_AND_TTL: [u8; 6] = [0, class::ANY as u8, 0, 0, 0, 0];

fn update_lower(name: &[u8], digest: &mut Digest) {
    let mut lower = [0; NAME_MAX];
    let len = name.len().min(NAME_MAX);
    lower[..len].copy_from_slice(&name[..len]);
    lower.make_ascii_lowercase();
    digest.update(&lower[..len]);
}

/// What a record of ours says besides names and MAC.
pub(super) struct Stamp {
    /// In seconds since 1970.
    pub(super) time: u64,
    pub(super) fudge: u16,
    pub(super) error: u16,
    /// Our time, where the other side's is wrong.
    pub(super) other: Option<u64>,
}

impl Stamp {
    pub(super) fn digest_variables(&self, key: &[u8], algorithm: &[u8], digest: &mut Digest) {
        digest.update(key);
        digest.update(&CLASS_AND_TTL);
        digest.update(algorithm);
        self.digest_timers(digest);
        digest.update(&self.error.to_be_bytes());
        match self.other {
            None => digest.update(&[0, 0]),
            Some(time) => {
                digest.update(&(TIME as u16).to_be_bytes());
                digest.update(&time.to_be_bytes()[2..]);
            }
        }
    }

    pub(super) fn digest_timers(&self, digest: &mut Digest) {
        digest.update(&self.time.to_be_bytes()[2..]);
        digest.update(&self.fudge.to_be_bytes());
    }
}

/// Appends a record to the message in the first `len` bytes of `buf`, counts it, and says how long the message is then;
/// `None` where there is no room.
pub(super) fn append(
    buf: &mut [u8],
    len: usize,
    (key, algorithm): (&[u8], &[u8]),
    stamp: &Stamp,
    mac: Option<&Mac>,
    original_id: [u8; 2],
) -> Option<usize> {
    let mac = mac.map_or(&[][..], Mac::as_bytes);
    let other = stamp.other.map(u64::to_be_bytes);
    let other = other.as_ref().map_or(&[][..], |time| &time[2..]);
    let rdlength = algorithm.len() + 16 + mac.len() + other.len();
    let mut end = len;
    let time = stamp.time.to_be_bytes();
    for part in [
        key,
        &rtype::TSIG.to_be_bytes(),
        &CLASS_AND_TTL,
        &(rdlength as u16).to_be_bytes(),
        algorithm,
        &time[2..],
        &stamp.fudge.to_be_bytes(),
        &(mac.len() as u16).to_be_bytes(),
        mac,
        &original_id,
        &stamp.error.to_be_bytes(),
        &(other.len() as u16).to_be_bytes(),
        other,
    ] {
        buf.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
    }
    let count: &mut [u8; 2] = buf.get_mut(ARCOUNT..)?.first_chunk_mut()?;
    *count = u16::from_be_bytes(*count).wrapping_add(1).to_be_bytes();
    Some(end)
}
