//! Stage: how much each is due. Weights become a full turn of answers, made when health changes, so that a query has one index to look up.
//!
//! Each row of a turn is an answer. Whoever is furthest behind its share comes next, as in nginx's smooth weighted
//! round robin, so that a heavy backend's answers are spread out and not in a burst:
//!
//! ```text
//!   weights 5 1 1     a a b a c a a
//! ```
//!
//! With several places in an answer nobody has two of them, so nobody's share is more than one place of every
//! answer; what it would have beyond that goes to the others by their weights.

use super::candidate::{Candidate, LISTS};
use super::left_out::LeftOut;
use crate::config::model::{Endpoint, Pool};

/// Where weights choose, one without a part, which is as much of its weight as it is to have, takes nothing while another of its
/// list can.
pub(super) fn weigh(
    pool: &Pool,
    candidates: &mut Vec<Candidate>,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
) {
    // Where some are guesses, parts and weights would not compare.
    let are_balanced = candidates.iter().all(|candidate| candidate.standing.due.is_some());
    let own = candidates.iter_mut().filter(|candidate| !candidate.is_shared);
    for Candidate { offer, standing, .. } in own {
        let due = standing.due.filter(|_| are_balanced).unwrap_or(offer.weight.into());
        offer.part = due * u32::from(standing.share);
    }
    if !pool.policy.weighs() {
        return;
    }
    let weighed = LISTS.map(|list| {
        candidates.iter().any(|one| one.offer.part > 0 && list.holds(&one.offer.endpoint))
    });
    let has_other = |endpoint: &Endpoint| {
        LISTS.iter().zip(weighed).any(|(list, weighed)| weighed && list.holds(endpoint))
    };
    candidates.retain(|Candidate { offer, .. }| {
        let stays = offer.part > 0 || !has_other(&offer.endpoint);
        if !stays {
            left_out.push((offer.endpoint.clone(), LeftOut::Weightless));
        }
        stays
    });
}

/// The most places in all answers of a full turn. Weights that need more, divided by what they have in common, are
/// rounded to so many; nobody who has a weight is rounded to nothing.
pub const PLACES_MAX: usize = 4096;

/// The places that the answers of a full turn take, one answer after the other.
///
/// `weights` are some of them above zero, and `answers` at most as many as they are.
#[must_use]
pub fn turns(weights: &[u32], answers: usize) -> Box<[u16]> {
    if answers == 0 {
        return Box::default();
    }
    let Shares { mut left, rows } = shares(weights, answers);
    let gains: Vec<i64> = left.iter().map(|share| i64::from(*share)).collect();
    // At most `PLACES_MAX`.
    let cost = i64::from(rows as u32);
    let mut credits = vec![0_i64; weights.len()];
    let mut turns = Vec::with_capacity(rows * answers);
    for row in 0..rows {
        for (credit, gain) in credits.iter_mut().zip(&gains) {
            *credit += gain;
        }
        let first = turns.len();
        for _ in 0..answers {
            let place = next(&credits, &left, &turns[first..], rows - row);
            credits[place] -= cost;
            left[place] -= 1;
            turns.push(place as u16);
        }
    }
    turns.into_boxed_slice()
}

/// Who comes next in a row: who must be in all that are left, then who is furthest behind; of equals the first.
fn next(credits: &[i64], left: &[u32], taken: &[u16], rows_left: usize) -> usize {
    let mut best: Option<(bool, i64, usize)> = None;
    for (place, (&credit, &left)) in credits.iter().zip(left).enumerate() {
        if left == 0 || (!taken.is_empty() && taken.contains(&(place as u16))) {
            continue;
        }
        let must = left as usize >= rows_left;
        if best.is_none_or(|(others, most, _)| (must, credit) > (others, most)) {
            best = Some((must, credit, place));
        }
    }
    best.map_or(0, |(.., place)| place)
}

/// In how many rows each is, of how many.
struct Shares {
    left: Vec<u32>,
    rows: usize,
}

fn shares(weights: &[u32], answers: usize) -> Shares {
    let common = weights.iter().fold(0, |common, weight| gcd(common, *weight)).max(1);
    let weights: Vec<u64> = weights.iter().map(|weight| u64::from(weight / common)).collect();
    let total: u64 = weights.iter().sum();
    if answers == 1 && total <= PLACES_MAX as u64 {
        let left = weights.iter().map(|weight| *weight as u32).collect();
        return Shares { left, rows: total as usize };
    }
    let most = PLACES_MAX / answers;
    // As many rows as make each share whole, where there is room for so many.
    let rows = (1..=most).find(|rows| {
        let places = (rows * answers) as u64;
        weights.iter().all(|weight| {
            (weight * places).is_multiple_of(total) && weight * places / total <= *rows as u64
        })
    });
    let rows = rows.unwrap_or(most).max(1);
    Shares { left: apportion(&weights, rows, answers), rows }
}

/// Parts of `rows × answers` places in proportion to weights: none above `rows`, one at least where there is a
/// weight, what is left over to the largest remainders.
fn apportion(weights: &[u64], rows: usize, answers: usize) -> Vec<u32> {
    let mut parts = vec![0_u32; weights.len()];
    let mut places = (rows * answers) as u64;
    let mut open: Vec<usize> = (0..weights.len()).filter(|&place| weights[place] > 0).collect();
    // Whoever would get more than one place in each row gets that, and the others share the rest.
    loop {
        let total: u64 = open.iter().map(|&place| weights[place]).sum();
        let full = |place: &usize| weights[*place] * places > total * rows as u64;
        let (filled, rest): (Vec<usize>, Vec<usize>) = open.iter().partition(|place| full(place));
        if filled.is_empty() {
            break;
        }
        for place in filled {
            parts[place] = rows as u32;
            places -= rows as u64;
        }
        open = rest;
    }
    let total: u64 = open.iter().map(|&place| weights[place]).sum::<u64>().max(1);
    let mut remainders = Vec::with_capacity(open.len());
    let mut given = 0;
    for &place in &open {
        let exact = weights[place] * places;
        let part = (exact / total).max(1);
        parts[place] = part as u32;
        given += part;
        remainders.push((exact.saturating_sub(part * total), place));
    }
    remainders.sort_by_key(|(remainder, place)| (std::cmp::Reverse(*remainder), *place));
    for &(_, place) in remainders.iter().cycle().take(4 * weights.len()) {
        if given >= places {
            break;
        }
        if (parts[place] as usize) < rows {
            parts[place] += 1;
            given += 1;
        }
    }
    // The ones that were rounded up to one are paid for by the largest.
    while given > places {
        let Some(largest) = open.iter().copied().max_by_key(|&place| parts[place]) else { break };
        parts[largest] -= 1;
        given -= 1;
    }
    parts
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
