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

pub mod after;

use std::net::IpAddr;

use crate::config::model::{HashBy, HashKey};

/// The rows of a table of few backends. A backend's part of them is its weight's to within a few times the square root of how many it has:
/// of sixteen each has 1,024 and 32 more or less.
pub const ROWS: usize = 16_384;
/// The most backends that are few.
pub const FEW: usize = 16;
/// The rows of a table of more than [`FEW`]: of fifty each has 2,621 and 51 more or less, so that hardly one has a tenth too many. Two bytes a
/// row for each place of an answer; to fill them takes two nanoseconds a row and backend.
pub const ROWS_MANY: usize = 131_072;
/// The least rows that a table has, where each holds many.
const ROWS_MIN: usize = 256;

/// The rows of the table of a pool of so many backends, in service or not: with another number, all clients move.
#[must_use]
pub fn rows_of(backends: usize) -> usize {
    if backends > FEW { ROWS_MANY } else { ROWS }
}

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
/// them above zero; `most` is how many an answer may have, whoever serves, and `full` the rows of a table where that is one ([`rows_of`]).
#[must_use]
pub fn rows(backends: &[(u64, u32)], answers: usize, most: usize, full: usize) -> Box<[u16]> {
    let rows = rows_in(most, full);
    let mut found = Vec::with_capacity(rows * answers);
    let mut draws = Draws::new(backends, answers);
    for row in 0..rows {
        draws.begin(row_number(row, rows, full));
        draws.offer_all();
        found.extend(draws.best());
    }
    found.into_boxed_slice()
}

/// The rows of a table whose answers have so many at most, where one that is full has `full`.
fn rows_in(most: usize, full: usize) -> usize {
    (full / most.max(1).next_power_of_two()).max(ROWS_MIN)
}

/// What stands for a row: a table of fewer rows has every so many of the full one.
fn row_number(row: usize, rows: usize, full: usize) -> u64 {
    mix((row * (full / rows)) as u64)
}

/// Whether all weigh the same. Then draws compare as they are.
fn are_alike(backends: &[(u64, u32)]) -> bool {
    backends.iter().all(|(_, weight)| *weight == backends[0].1)
}

/// The draws of one row after the other.
struct Draws<'b> {
    backends: &'b [(u64, u32)],
    /// [`LEAST`] over the weight of each.
    least: Vec<f64>,
    best: Best,
}

/// The best of a row so far.
struct Best {
    row: u64,
    answers: usize,
    are_alike: bool,
    /// The cost and place of each, the least first; of two that cost the same, the first place.
    found: Vec<(u64, u16)>,
}

impl<'b> Draws<'b> {
    fn new(backends: &'b [(u64, u32)], answers: usize) -> Self {
        let least = backends.iter().map(|(_, weight)| LEAST / f64::from(*weight)).collect();
        let (found, are_alike) = (Vec::with_capacity(answers + 1), are_alike(backends));
        Self { backends, least, best: Best { row: 0, answers, are_alike, found } }
    }

    /// Turns to a row, by what stands for it.
    fn begin(&mut self, row: u64) {
        self.best.row = row;
        self.best.found.clear();
    }

    fn offer_all(&mut self) {
        for (place, (backend, least)) in (0..).zip(self.backends.iter().zip(&self.least)) {
            self.best.offer(place, *backend, *least);
        }
    }

    fn offer(&mut self, place: u16) {
        let at = usize::from(place);
        self.best.offer(place, self.backends[at], self.least[at]);
    }

    /// The places of the best of those that were offered.
    fn best(&self) -> impl Iterator<Item = u16> {
        self.best.found.iter().map(|(_, place)| *place)
    }
}

impl Best {
    #[inline]
    fn offer(&mut self, place: u16, (own, weight): (u64, u32), least: f64) {
        let drawn = mix(own ^ self.row);
        let worst = self.found.last().filter(|_| self.found.len() == self.answers).copied();
        // Most are out of the question before their cost is worked out.
        let is_out = |(worst, _): (u64, u16)| is_above(drawn, least, f64::from_bits(worst));
        if !self.are_alike && worst.is_some_and(is_out) {
            return;
        }
        let cost = if self.are_alike { !drawn } else { cost(drawn, weight) };
        let own = (cost, place);
        if worst.is_some_and(|worst| worst < own) {
            return;
        }
        let at = self.found.partition_point(|other| *other < own);
        self.found.insert(at, own);
        self.found.truncate(self.answers);
    }
}

/// The same where some are of pools within others: `groups` has what stands for each one's pool, if it is of one.
///
/// Such a pool draws as one backend, and its own among themselves. So when one of its backends goes, the clients of that go to its others,
/// and nobody else moves. The best of a pool costs what the pool does and the others so much more as they are apart: exponentials have no
/// memory, so each has its weight's part all the same.
#[must_use]
pub fn rows_within(
    backends: &[(u64, u32)],
    groups: &[Option<u64>],
    answers: usize,
    most: usize,
    full: usize,
) -> Box<[u16]> {
    if groups.iter().all(Option::is_none) {
        return rows(backends, answers, most, full);
    }
    let mut tops: Vec<Top> = Vec::new();
    for (place, (&(own, weight), group)) in (0..).zip(backends.iter().zip(groups)) {
        let known = tops.iter_mut().find(|top| top.is_group && Some(top.own) == *group);
        if let Some(top) = known {
            top.weight = top.weight.saturating_add(weight);
            top.places.push(place);
        } else {
            let is_group = group.is_some();
            tops.push(Top { own: group.unwrap_or(own), weight, is_group, places: vec![place] });
        }
    }
    let rows = rows_in(most, full);
    let mut found = Vec::with_capacity(rows * answers);
    let mut best: Vec<(f64, u16)> = Vec::with_capacity(backends.len());
    for row in 0..rows {
        let row = row_number(row, rows, full);
        let of_top = |top: &Top| draw(top.own, top.weight, row);
        let of_place = |place: &u16| {
            let (own, weight) = backends[usize::from(*place)];
            draw(own, weight, row)
        };
        let least = |places: &[u16]| {
            let costs = places.iter().map(|place| (of_place(place), *place));
            costs.min_by(|(one, _), (other, _)| one.total_cmp(other))
        };
        if answers == 1 {
            let costs = tops.iter().map(|top| (of_top(top), top));
            let top = costs.min_by(|(one, _), (other, _)| one.total_cmp(other));
            let place = top.and_then(|(_, top)| least(&top.places));
            found.push(place.map_or(0, |(_, place)| place));
            continue;
        }
        best.clear();
        for top in &tops {
            let Some((first, _)) = least(&top.places) else { continue };
            let cost = of_top(top);
            let costs = top.places.iter().map(|place| {
                let more = of_place(place) - first;
                (if more > 0.0 { cost + more } else { cost }, *place)
            });
            best.extend(costs);
        }
        best.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        found.extend(best.iter().take(answers).map(|(_, place)| *place));
    }
    found.into_boxed_slice()
}

/// A backend, or a pool within that is one.
struct Top {
    own: u64,
    weight: u32,
    is_group: bool,
    /// Those that are of it.
    places: Vec<u16>,
}

/// What a row costs somebody; infinity without a weight.
fn draw(own: u64, weight: u32, row: u64) -> f64 {
    if weight == 0 { f64::INFINITY } else { minus_ln(mix(own ^ row)) / f64::from(weight) }
}

/// A number drawn evenly, made exponential and divided by a weight, as bits that compare as it does.
fn cost(drawn: u64, weight: u32) -> u64 {
    if weight == 0 {
        return u64::MAX;
    }
    (minus_ln(drawn) / f64::from(weight)).to_bits()
}

/// What a step of a draw costs at least, at a weight of one: 2⁻⁵³.
const LEAST: f64 = 1.0 / 9_007_199_254_740_992.0;

/// Whether a draw costs more than another for sure: a logarithm of 1 / x is more than 1 - x. `least` is [`LEAST`] over the weight. What is
/// taken off is far more than what floating point can lose, and far less than what decides.
#[expect(clippy::cast_precision_loss, reason = "of 53 bits nothing is lost")]
fn is_above(drawn: u64, least: f64, other: f64) -> bool {
    const SLACK: f64 = 8192.0;
    let left = (1_u64 << 53) - ((drawn >> 11) + 1);
    (left as f64 - SLACK) * least > other
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
