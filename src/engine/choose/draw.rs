//! Stage: which of the ready records this answer takes.

use super::handout::Handout;
use crate::config::model::{HashBy, POOL_ADDRESSES_MAX, Policy, Pool};

/// How the records of an answer come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each answer begins one record further.
    Rotation,
    /// Each answer is the next row of a turn.
    Turns,
    /// Each answer is a draw of its own.
    Chance,
    /// The first ones, always.
    First,
    /// The row of who asks.
    Keys(HashBy),
}

impl Way {
    /// That of a policy; what is kept for clients is made apart.
    #[must_use]
    pub fn of(policy: Policy) -> Self {
        match policy {
            // The look-up takes the list of a site.
            Policy::RoundRobin | Policy::Failover | Policy::Nearest => Self::Rotation,
            Policy::Weighted | Policy::LeastLoad => Self::Turns,
            Policy::Random => Self::Chance,
            Policy::Fixed | Policy::Hash => Self::First,
        }
    }
}

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
            Policy::RoundRobin
            | Policy::Weighted
            | Policy::LeastLoad
            | Policy::Failover
            | Policy::Nearest => Self::Turn,
            Policy::Random => Self::Chance,
            // Of a hash the look-up makes the draw.
            Policy::Fixed | Policy::Hash => Self::Nothing,
        }
    }
}

/// Gives the records of one answer, as runs that stand together with how many they are, to `take`.
///
/// ```text
/// rotation      the next `answers` from turn `draw` on: one run, as the list stands twice in a row
/// turns         the places of row `draw` of a full turn, which was made when health changed
/// keys          the places of the row that `draw` leads to
/// first         the first `answers`: one run
/// chance        `answers` of them, each set and order as likely as any other
/// ```
#[inline]
pub fn turn<E>(
    handout: &Handout,
    draw: u64,
    mut take: impl FnMut(&[u8], usize) -> Result<(), E>,
) -> Result<(), E> {
    let count = handout.count();
    let mut take = |run: &[u8], count| take(run, handout.records_in(count));
    if count == 0 {
        return Ok(());
    }
    match handout.way {
        Way::Rotation => {
            let start = (draw % count as u64) as usize;
            take(handout.records(start, handout.answers), handout.answers)
        }
        Way::First => take(handout.records(0, handout.answers), handout.answers),
        Way::Turns | Way::Keys(_) => {
            let mut places = handout.places(draw).iter();
            places.try_for_each(|place| take(handout.records(usize::from(*place), 1), 1))
        }
        Way::Chance => shuffled(handout, draw, |place| take(handout.records(place, 1), 1)),
    }
}

/// Gives to `count` where the runs of the same answer start, for [`crate::counters::handed`]: each stands for
/// [`counted_width`] addresses.
#[inline]
pub fn starts(handout: &Handout, draw: u64, mut count: impl FnMut(usize)) {
    match handout.way {
        _ if handout.is_empty() => {}
        Way::Rotation => count((draw % handout.count() as u64) as usize),
        Way::Turns | Way::Keys(_) => {
            handout.places(draw).iter().for_each(|place| count(usize::from(*place)));
        }
        Way::Chance if handout.answers < handout.count() => {
            let Ok(()) = shuffled(handout, draw, |place| {
                count(place);
                Ok::<(), std::convert::Infallible>(())
            });
        }
        Way::Chance | Way::First => count(0),
    }
}

/// How many addresses each of [`starts`] stands for.
#[must_use]
pub fn counted_width(handout: &Handout) -> usize {
    match handout.way {
        Way::Turns | Way::Keys(_) => 1,
        Way::Chance if handout.answers < handout.count() => 1,
        _ => handout.answers,
    }
}

/// The first steps of a Fisher-Yates shuffle: the places that it takes.
fn shuffled<E>(
    handout: &Handout,
    draw: u64,
    mut take: impl FnMut(usize) -> Result<(), E>,
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
        take(usize::from(order[place]))?;
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

    use super::*;

    /// Records of a byte each, from 1 on; their weights are the same numbers.
    fn handout(policy: Policy, count: u8, answers: usize) -> Handout {
        let records: Vec<[u8; 1]> = (1..=count).map(|place| [place]).collect();
        let records = records.iter().map(|record| (&record[..], u32::from(record[0])));
        Handout::new(records, policy, answers, 5)
    }

    fn order(policy: Policy, count: u8, answers: usize, draw: u64) -> Vec<u8> {
        let mut taken = Vec::new();
        let done = turn(&handout(policy, count, answers), draw, |run, _| {
            taken.extend_from_slice(run);
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
    fn weighted_takes_the_places_of_its_turn() {
        // Weights 1, 2 and 3.
        let turn: Vec<u8> = (0..6).flat_map(|draw| order(Policy::Weighted, 3, 1, draw)).collect();
        assert_eq!(turn, [3, 2, 1, 3, 2, 3]);
        assert_eq!(order(Policy::Weighted, 3, 1, u64::MAX), [turn[(u64::MAX % 6) as usize]]);
        assert_eq!(order(Policy::Weighted, 3, 8, 1), [2, 3, 1], "all are in every answer");
    }

    #[test]
    fn who_has_no_weight_has_no_place_though_there_is_room() {
        for (weights, answers, expected) in [
            ([5, 0, 0], 2, &[&[1][..]][..]),
            ([5, 5, 0], 2, &[&[1, 2]]),
            ([2, 1, 0], 1, &[&[1], &[2], &[1]]),
            // All are in every answer, or nobody has more than another.
            ([5, 0, 0], 3, &[&[1, 2, 3], &[2, 3, 1]]),
            ([0, 0, 0], 2, &[&[1, 2], &[2, 3]]),
        ] {
            let records = [[1], [2], [3]];
            let records = records.iter().map(|record| &record[..]).zip(weights);
            let handout = Handout::new(records, Policy::Weighted, answers, 5);
            for (draw, expected) in (0..).zip(expected) {
                let mut taken = Vec::new();
                let Ok(()) = turn(&handout, draw, |run, _| {
                    taken.extend_from_slice(run);
                    Ok::<(), std::convert::Infallible>(())
                });
                assert_eq!(taken, *expected, "{weights:?}, {answers} an answer, draw {draw}");
            }
        }
    }

    #[test]
    fn fixed_stays_as_written() {
        for draw in 0..4 {
            assert_eq!(order(Policy::Fixed, 3, 2, draw), [1, 2]);
        }
    }

    #[test]
    fn what_is_counted_is_what_is_taken() {
        for policy in [Policy::RoundRobin, Policy::Weighted, Policy::Fixed, Policy::Random] {
            for (count, answers) in [(1, 1), (3, 2), (3, 8), (5, 1)] {
                let handout = handout(policy, count, answers);
                for draw in 0..20 {
                    let mut counted = Vec::new();
                    starts(&handout, draw, |start| {
                        let run = start..start + counted_width(&handout);
                        counted.extend(run.map(|place| 1 + (place % usize::from(count)) as u8));
                    });
                    let mut taken = order(policy, count, answers, draw);
                    counted.sort_unstable();
                    taken.sort_unstable();
                    assert_eq!(counted, taken, "{policy:?} {answers} of {count}, draw {draw}");
                }
            }
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
