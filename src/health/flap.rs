//! Holding down what changes side too often, until it has been quiet: the idea of route flap damping (RFC 2439).
//!
//! ```text
//!   penalty
//!     │        ╱╲ ╱╲
//!     │      ╱╲  V  ╲__                each change of side adds, time takes away by halves
//!   suppress ───╱──────╲─────────
//!     │  ╱╲ ╱           ╲___
//!   reuse ──────────────────╲────
//!     │    (held down:    ◀──▶)
//! ```
//!
//! | RFC 2439 | what we do |
//! |---|---|
//! | §4.2 cutoff, reuse threshold | [`Flap::suppress`] and [`Flap::reuse`] |
//! | §4.2 maximum hold down time | [`Flap::hold_max`], from which the ceiling of the penalty follows |
//! | §4.2 decay half life | [`Flap::half_life`], one for both sides |
//! | §4.8.3 what a change adds | a change to either side adds the same: a backend that comes and goes costs both ways |
//!
//! There is no clock here: times come in. What lasts goes by the running clock, so that a clock which is set neither makes a hold
//! longer nor ends it.

use std::time::Duration;

use super::sources::Moment;
use crate::config::model::Flap;

/// How much a target has changed side lately.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Penalty {
    amount: f64,
    /// When that was the amount.
    at: Duration,
    changes: u32,
    held: Option<Hold>,
}

/// A target is held down, whatever its checks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The changes of side that led to it.
    pub changes: u32,
    /// When it ends unless there are more, by the running clock.
    pub end: Duration,
    /// The same for people, in unix milliseconds, as far as their clock is not set.
    pub until: u64,
}

impl Penalty {
    /// After one more change of side.
    #[must_use]
    pub fn after_change(self, flap: &Flap, now: Moment) -> Self {
        let left = self.left(flap, now.running);
        // What is left of changes long ago is no part of what goes on now.
        let (left, before) = if left < f64::from(flap.reuse) / 2.0 && self.held.is_none() {
            (0.0, 0)
        } else {
            (left, self.changes)
        };
        let amount = (left + f64::from(flap.penalty)).min(flap.ceiling());
        let changes = before.saturating_add(1);
        let is_held = self.held.is_some() || amount > f64::from(flap.suppress);
        let held = is_held.then(|| {
            let lasts = until_reuse(flap, amount);
            let until = lasts.as_millis().try_into().unwrap_or(u64::MAX);
            Hold {
                changes,
                end: now.running.saturating_add(lasts),
                until: now.unix.saturating_add(until),
            }
        });
        Self { amount, at: now.running, changes, held }
    }

    /// After some time in which nothing changed.
    #[must_use]
    pub fn after_time(self, now: Duration) -> Self {
        Self { held: self.held.filter(|hold| hold.end > now), ..self }
    }

    /// Whether it holds the target down.
    #[must_use]
    pub fn hold(&self) -> Option<Hold> {
        self.held
    }

    fn left(&self, flap: &Flap, now: Duration) -> f64 {
        let quiet = now.saturating_sub(self.at);
        self.amount * (-quiet.div_duration_f64(flap.half_life)).exp2()
    }
}

/// How long this much takes to decay to `reuse`.
fn until_reuse(flap: &Flap, amount: f64) -> Duration {
    let halves = (amount / f64::from(flap.reuse)).log2().max(0.0);
    flap.half_life.mul_f64(halves).min(flap.hold_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const BEGIN: u64 = 1_763_726_400_000;

    fn flap() -> Flap {
        Flap { half_life: Duration::from_millis(5 * MINUTE), ..Flap::DEFAULT }
    }

    /// It is so many milliseconds since the start, which was at [`BEGIN`].
    fn at(milliseconds: u64) -> Moment {
        Moment { running: ms(milliseconds), unix: BEGIN + milliseconds }
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// When each hold ends, in whole milliseconds since the start.
    fn end(hold: Option<Hold>) -> u64 {
        let Hold { end, until, .. } = hold.expect("it is held");
        let end = end.as_millis() as u64;
        assert_eq!(until, BEGIN + end, "people are told the same");
        end
    }

    /// The holds after changes at these times, in milliseconds.
    fn holds(flap: &Flap, changes: &[u64]) -> Vec<Option<Hold>> {
        let mut penalty = Penalty::default();
        let after = |time: &u64| {
            penalty = penalty.after_time(ms(*time)).after_change(flap, at(*time));
            penalty.hold()
        };
        changes.iter().map(after).collect()
    }

    #[test]
    fn one_failure_and_its_end_and_another_are_no_flapping() {
        for changes in [&[0, 60_000][..], &[0, 10_000, 20_000, 30_000], &[0, MINUTE * 60]] {
            assert_eq!(holds(&flap(), changes).last(), Some(&None), "{changes:?}");
        }
    }

    #[test]
    fn the_fifth_change_at_once_holds_until_its_penalty_has_decayed() {
        let held = holds(&flap(), &[0; 5]);
        // 5000 decay to 1000 in log2(5) half-lives of 5 minutes: 696.58 s.
        assert_eq!(held[3], None);
        assert_eq!((held[4].map(|hold| hold.changes), end(held[4])), (Some(5), 696_578));
    }

    #[test]
    fn a_change_while_it_is_held_makes_that_longer_and_never_longer_than_the_most() {
        let held = holds(&flap(), &[0; 100]);
        let until = |at: usize| end(held[at]);
        assert!(until(5) > until(4) && until(6) > until(5));
        assert_eq!(until(99), 30 * MINUTE, "64000 decay to 1000 in six half-lives");
        assert_eq!(held[99].expect("it is held").changes, 100);
    }

    #[test]
    fn a_hold_ends_at_its_time_and_what_comes_later_begins_anew() {
        let mut penalty = Penalty::default();
        for _ in 0..5 {
            penalty = penalty.after_change(&flap(), at(0));
        }
        let until = penalty.hold().expect("it is held").end;
        assert!(penalty.after_time(until.saturating_sub(ms(1))).hold().is_some());
        let free = penalty.after_time(until);
        let until = until.as_millis() as u64;
        assert_eq!(free.hold(), None);
        // What is left counts: 1000 and three more changes are no more than 4000, the fourth is.
        let mut again = free;
        for expected in [false, false, false, true] {
            again = again.after_change(&flap(), at(until + 1));
            assert_eq!(again.hold().is_some(), expected);
        }
        let later = free.after_change(&flap(), at(until + 30 * MINUTE));
        assert_eq!((later.changes, later.hold()), (1, None));
    }

    #[test]
    fn slow_changes_decay_faster_than_they_add() {
        // Every five minutes: the penalty stays below 1000 / (1 - 1/2).
        let times: Vec<u64> = (0..100).map(|n| n * 5 * MINUTE).collect();
        assert!(holds(&flap(), &times).iter().all(Option::is_none));
        // Every minute: it comes to 1000 / (1 - 2^-0.2), which is 7725.
        let times: Vec<u64> = (0..100).map(|n| n * MINUTE).collect();
        let first = holds(&flap(), &times).iter().position(Option::is_some);
        // 1000 × (1 - 2^(-0.2 n)) / (1 - 2^-0.2) > 4000 from n = 5.2 on.
        assert_eq!(first, Some(5));
    }

    #[test]
    fn a_clock_that_is_set_neither_makes_a_hold_longer_nor_ends_it() {
        for unix in [BEGIN - 3_600_000, BEGIN + 3_600_000] {
            let mut penalty = Penalty::default();
            for _ in 0..4 {
                penalty = penalty.after_change(&flap(), at(0));
            }
            penalty = penalty.after_change(&flap(), Moment { running: ms(0), unix });
            assert!(penalty.after_time(ms(696_577)).hold().is_some());
            assert_eq!(penalty.after_time(ms(696_579)).hold(), None, "the clock says {unix}");
        }
    }

    #[test]
    fn settings_that_never_hold_are_known() {
        assert!(Flap::DEFAULT.can_hold());
        // In one half-life to decay, the penalty is at most twice 1000.
        let short = Flap { hold_max: Duration::from_millis(5 * MINUTE), ..flap() };
        assert!(!short.can_hold());
        assert!(holds(&short, &[0; 9]).iter().all(Option::is_none));
    }
}
