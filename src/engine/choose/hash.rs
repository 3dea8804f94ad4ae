//! Which row of a table is a client's, and whom each row has, so that a client keeps its backend while that serves.
//!
//! ```text
//!   subnet of the client, or the name ──mix──▶ 64 bits ──▶ row = bits × rows / 2⁶⁴ ──▶ the best of that row, in their order
//! ```
//!
//! Within a row each backend draws a number of its own from its name and the row, divided by its weight, and the least wins (weighted
//! rendezvous hashing). Nobody's number depends on the others, so only what a backend had moves when it goes, and it takes only what it
//! wins when it comes. The numbers are made of integers and of sums, products and quotients of floating point, which IEEE 754 fixes to the
//! bit: every server makes the same table, today and after an upgrade. Changing any of it moves all clients.

use std::net::IpAddr;

use crate::config::model::{HashBy, HashKey};

/// The rows of a table. A backend's part of them is its weight's to within a few times the square root of how many it has: of fifty backends
/// each has 328 and 18 more or less.
pub const ROWS: usize = 16_384;
/// The least rows that a table has, where each holds many.
const ROWS_MIN: usize = 256;

/// The number that a client's row follows from.
#[inline]
#[must_use]
pub fn key(by: HashBy, client: IpAddr, subnet: Option<IpAddr>, name: u64) -> u64 {
    let client = match by.key {
        HashKey::Name => return mix(name),
        HashKey::Client => client,
        HashKey::Subnet => subnet.unwrap_or(client),
    };
    match client.to_canonical() {
        IpAddr::V4(client) => mix(u64::from(cut(client.to_bits(), by.v4))),
        IpAddr::V6(client) => {
            let bits = client.to_bits();
            let kept = if by.v6 == 0 { 0 } else { bits & (u128::MAX << (128 - by.v6.min(128))) };
            mix(mix((kept >> 64) as u64 ^ V6) ^ kept as u64)
        }
    }
}

/// What sets addresses of IPv6 apart from those of IPv4.
const V6: u64 = 0x6a09_e667_f3bc_c909;

fn cut(bits: u32, prefix: u8) -> u32 {
    if prefix == 0 { 0 } else { bits & (u32::MAX << (32 - prefix.min(32))) }
}

/// How many bits of a client subnet decide (RFC 7871 §7.2.1: the scope of the answer).
#[must_use]
pub fn scope_bits(by: HashBy, is_v4: bool) -> u8 {
    match (by.key, is_v4) {
        (HashKey::Client | HashKey::Name, _) => 0,
        (HashKey::Subnet, true) => by.v4,
        (HashKey::Subnet, false) => by.v6,
    }
}

/// Whom each row has, `answers` of them in their order, by their places. `backends` are each one's own number and weight, some of
/// them above zero; `most` is how many an answer may have, whoever serves: the rows follow from it.
#[must_use]
pub fn rows(backends: &[(u64, u32)], answers: usize, most: usize) -> Box<[u16]> {
    let rows = (ROWS / most.max(1).next_power_of_two()).max(ROWS_MIN);
    let are_alike = backends.iter().all(|(_, weight)| *weight == backends[0].1);
    let mut found = Vec::with_capacity(rows * answers);
    // The best so far, the least cost first.
    let mut best: Vec<(u64, u16)> = Vec::with_capacity(answers + 1);
    for row in 0..rows as u64 {
        // A table of fewer rows has every so many of the full one.
        let row = mix(row * (ROWS / rows) as u64);
        best.clear();
        for (place, &(own, weight)) in (0..).zip(backends) {
            let drawn = mix(own ^ row);
            let cost = if are_alike { !drawn } else { cost(drawn, weight) };
            if best.len() == answers && best.last().is_some_and(|(most, _)| *most <= cost) {
                continue;
            }
            let at = best.partition_point(|(other, _)| *other <= cost);
            best.insert(at, (cost, place));
            best.truncate(answers);
        }
        found.extend(best.iter().map(|(_, place)| *place));
    }
    found.into_boxed_slice()
}

/// A number drawn evenly, made exponential and divided by a weight, as bits that compare as it does.
fn cost(drawn: u64, weight: u32) -> u64 {
    if weight == 0 {
        return u64::MAX;
    }
    (minus_ln(drawn) / f64::from(weight)).to_bits()
}

/// The natural logarithm of 2⁶⁴ over a number, to nine places, in operations that are the same everywhere.
#[expect(clippy::cast_precision_loss, reason = "of 53 bits nothing is lost")]
fn minus_ln(drawn: u64) -> f64 {
    let own = (drawn >> 11) + 1;
    let exponent = own.ilog2();
    let mantissa = own as f64 / (1_u64 << exponent) as f64;
    let part = (mantissa - 1.0) / (mantissa + 1.0);
    let square = part * part;
    let mut sum = 0.0;
    for odd in [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / odd;
    }
    f64::from(53 - exponent) * std::f64::consts::LN_2 - 2.0 * part * sum
}

/// The last step of `SplitMix64`: every bit of the result depends on all.
#[inline]
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests;
