//! Which of the ready records this answer takes.

use super::ready::Handout;
use crate::config::model::{POOL_ADDRESSES_MAX, Policy, Pool};

/// What must be drawn before an answer of a pool is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The next turn of its rotation.
    Turn,
    /// A number by chance.
    Chance,
    /// Nothing: every answer is the same.
    Nothing,
}

impl Needs {
    /// What a pool's policy needs.
    #[inline]
    #[must_use]
    pub fn of(pool: &Pool) -> Self {
        match pool.policy {
            Policy::RoundRobin => Self::Turn,
            Policy::Random => Self::Chance,
            Policy::Fixed => Self::Nothing,
        }
    }
}

/// Gives the records of one answer, as runs that stand together, to `take`.
///
/// ```text
/// round_robin   the next `answers` from turn `draw` on: one run, as the list stands twice in a row
/// fixed         the first `answers`: one run
/// random        `answers` of them, each set and order as likely as any other
/// ```
#[inline]
pub fn turn<E>(
    handout: &Handout,
    draw: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let count = handout.count();
    if count == 0 {
        return Ok(());
    }
    match handout.policy {
        Policy::RoundRobin => {
            take(handout.records((draw % count as u64) as usize, handout.answers))
        }
        Policy::Fixed => take(handout.records(0, handout.answers)),
        Policy::Random => shuffled(handout, draw, take),
    }
}

/// The first steps of a Fisher-Yates shuffle.
fn shuffled<E>(
    handout: &Handout,
    draw: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let count = handout.count().min(POOL_ADDRESSES_MAX);
    let mut order = [0u16; POOL_ADDRESSES_MAX];
    for (place, index) in order[..count].iter_mut().zip(0..) {
        *place = index;
    }
    let mut state = draw;
    for place in 0..handout.answers.min(count) {
        let left = (count - place) as u64;
        let other = place + ((u128::from(next(&mut state)) * u128::from(left)) >> 64) as usize;
        order.swap(place, other);
        take(handout.records(usize::from(order[place]), 1))?;
    }
    Ok(())
}

/// The next number of a sequence that a draw seeds (`SplitMix64`).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::IpAddr;

    use super::*;

    fn order(policy: Policy, count: u8, answers: usize, draw: u64) -> Vec<u8> {
        let addresses: Vec<IpAddr> = (1..=count).map(|last| [192, 0, 2, last].into()).collect();
        let handout = Handout::new(&addresses, 30, policy, answers, 5);
        let mut taken = Vec::new();
        let done = turn(&handout, draw, |run| {
            taken.extend(run.chunks(handout.stride()).map(|record| record[record.len() - 1]));
            Ok::<(), ()>(())
        });
        assert_eq!(done, Ok(()));
        taken
    }

    #[test]
    fn round_robin_moves_on_by_one_each_time() {
        for (draw, expected) in [(0, [1, 2]), (1, [2, 3]), (2, [3, 1]), (3, [1, 2])] {
            assert_eq!(order(Policy::RoundRobin, 3, 2, draw), expected, "draw {draw}");
        }
        assert_eq!(order(Policy::RoundRobin, 3, 8, 2), [3, 1, 2], "never more than there are");
    }

    #[test]
    fn fixed_stays_as_written() {
        for draw in 0..4 {
            assert_eq!(order(Policy::Fixed, 3, 2, draw), [1, 2]);
        }
    }

    #[test]
    fn random_makes_every_order_equally_often() {
        let draws = 60_000;
        let mut seen: HashMap<Vec<u8>, u32> = HashMap::new();
        for draw in 0..draws {
            *seen.entry(order(Policy::Random, 4, 2, draw)).or_default() += 1;
        }
        assert_eq!(seen.len(), 12, "4 × 3 ordered pairs");
        // 5,000 each are due; a fair draw stays within five standard deviations (68) of it.
        for (pair, times) in seen {
            assert!(times.abs_diff(5_000) < 340, "{pair:?}: {times}");
        }
    }
}
