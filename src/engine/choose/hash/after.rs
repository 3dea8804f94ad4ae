//! A table made of the one before it, as a change of one backend leaves most rows as they were:
//!
//! ```text
//! a backend               looked at are                   for whom
//! went, or weighs less    the rows that it had            all backends
//! came, or weighs more    all rows                        it, and those that have the row
//! ```
//!
//! What comes of it is the same to the bit as if there were no table before.

use super::{Draws, are_alike, row_number, rows_in};

/// A table and whom it is of.
#[derive(Clone, Copy, Debug)]
pub struct Before<'t> {
    /// Each one's own number and weight.
    pub backends: &'t [(u64, u32)],
    /// Whom each row has.
    pub rows: &'t [u16],
}

/// The same as [`rows`](super::rows), after a table of as many answers, of as many at most, and of as many rows; `None` where it does not help.
#[must_use]
pub fn rows_after(
    before: Before<'_>,
    backends: &[(u64, u32)],
    answers: usize,
    most: usize,
    full: usize,
) -> Option<Box<[u16]>> {
    let rows = rows_in(most, full);
    if answers == 0 || before.rows.len() != rows * answers {
        return None;
    }
    let Changes { kept, gained } = Changes::new(before.backends, backends)?;
    let mut draws = Draws::new(backends, answers);
    let mut found = Vec::with_capacity(rows * answers);
    for (row, had) in before.rows.chunks_exact(answers).enumerate() {
        let has_lost = had.iter().any(|place| kept[usize::from(*place)].is_none());
        let stay = || had.iter().filter_map(|place| kept[usize::from(*place)]);
        if !has_lost && gained.is_empty() {
            found.extend(stay());
            continue;
        }
        draws.begin(row_number(row, rows, full));
        if has_lost {
            draws.offer_all();
        } else {
            stay().for_each(|place| draws.offer(place));
            let new = gained.iter().filter(|place| stay().all(|own| own != **place));
            new.for_each(|place| draws.offer(*place));
        }
        found.extend(draws.best());
    }
    Some(found.into_boxed_slice())
}

/// What became of the backends of a table.
struct Changes {
    /// The place of each now; `None` where others may have its rows.
    kept: Vec<Option<u16>>,
    /// Those that may have rows of others.
    gained: Vec<u16>,
}

impl Changes {
    /// `None` where the draws of all others compare in another way as well, or hardly any stays.
    fn new(before: &[(u64, u32)], now: &[(u64, u32)]) -> Option<Self> {
        let is_same = are_alike(before) == are_alike(now);
        if !is_same {
            return None;
        }
        // Where all weigh the same, it does not matter how much.
        let weight = |weight: u32| if are_alike(now) { 1 } else { weight };
        let mut known: Vec<(u64, u32, u16)> = (0..)
            .zip(now)
            .map(|(place, (own, own_weight))| (*own, weight(*own_weight), place))
            .collect();
        known.sort_unstable();
        // Two of one number cannot be told apart.
        if known.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        let mut is_new = vec![true; now.len()];
        let mut rises = vec![false; now.len()];
        let mut last = None;
        let mut kept = Vec::with_capacity(before.len());
        for (own, own_weight) in before {
            let found = known.binary_search_by_key(own, |(own, ..)| *own).ok();
            let Some((_, now_weighs, place)) = found.map(|at| known[at]) else {
                kept.push(None);
                continue;
            };
            // Of two that cost the same the first has the row; and each stands there once.
            if last.replace(place).is_some_and(|last| last >= place) {
                return None;
            }
            let weighed = weight(*own_weight);
            is_new[usize::from(place)] = false;
            rises[usize::from(place)] = now_weighs > weighed;
            kept.push(Some(place).filter(|_| now_weighs >= weighed));
        }
        let gains = |place: &u16| is_new[usize::from(*place)] || rises[usize::from(*place)];
        let gained: Vec<u16> = (0..).take(now.len()).filter(gains).collect();
        (gained.len() * 2 <= now.len()).then_some(Self { kept, gained })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{mix, rows};
    use super::*;
    use crate::config::model::identity;

    /// Rows enough that every backend has many.
    const FULL: usize = 2048;

    /// Numbers that look like chance and are the same each time.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, most: usize) -> usize {
            self.0 = mix(self.0);
            (self.0 % most as u64) as usize
        }
    }

    fn backend(number: usize, weight: u32) -> (u64, u32) {
        (identity(&format!("web-{number}"), 0), weight)
    }

    #[test]
    fn a_table_after_another_is_what_it_is_without() {
        for (weights, answers) in [
            (&[1000][..], 1),
            (&[1000], 3),
            (&[1000, 2000, 7000], 1),
            (&[1000, 2000, 7000], 3),
            (&[0, 50, 1000], 2),
        ] {
            let mut chance = Chance(answers as u64 + weights.len() as u64);
            let mut all: Vec<(u64, u32)> =
                (0..12).map(|number| backend(number, weights[number % weights.len()])).collect();
            let mut table = rows(&all, answers, 4, FULL);
            let (mut helped, mut number) = (0, all.len());
            for _ in 0..40 {
                let mut next = all.clone();
                let weight = weights[chance.below(weights.len())];
                for _ in 0..=chance.below(2) {
                    let place = chance.below(next.len());
                    match chance.below(3) {
                        0 if next.len() > 6 => drop(next.remove(place)),
                        1 if next.len() < 20 => {
                            number += 1;
                            next.insert(place, backend(number, weight));
                        }
                        _ => next[place].1 = weight,
                    }
                }
                let before = Before { backends: &all, rows: &table };
                let anew = rows(&next, answers, 4, FULL);
                if let Some(after) = rows_after(before, &next, answers, 4, FULL) {
                    assert_eq!(after, anew, "{all:?} became {next:?}");
                    helped += 1;
                }
                (all, table) = (next, anew);
            }
            assert!(helped > 10, "{weights:?}, {answers} answers: of 40 tables {helped}");
        }
    }

    #[test]
    fn where_draws_compare_in_another_way_or_cannot_it_is_made_anew() {
        let alike: Vec<(u64, u32)> = (0..6).map(|number| backend(number, 1)).collect();
        let table = rows(&alike, 1, 1, FULL);
        let before = Before { backends: &alike, rows: &table };
        let after = |now: &[(u64, u32)], answers| rows_after(before, now, answers, 1, FULL);
        let mut other = alike.clone();
        other[0].1 = 2;
        assert_eq!(after(&other, 1), None, "weights decide now");
        other = alike.iter().rev().copied().collect();
        assert_eq!(after(&other, 1), None, "another order");
        assert_eq!(after(&[alike[0], alike[0], alike[1]], 1), None, "two of one name");
        assert_eq!(after(&alike, 2), None, "another number of answers");
        other = alike.iter().map(|(own, _)| (*own, 9)).collect();
        assert_eq!(after(&other, 1), Some(table.clone()), "weights that are alike do not count");
    }
}
