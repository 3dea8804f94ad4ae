//! Whether a target is in service, one check at a time.
//!
//! A target changes side only after a full streak, so one lost packet moves no traffic:
//!
//! ```text
//!        `fall` failed checks in a row
//!   Up ────────────────────────────────▶ Down
//!      ◀────────────────────────────────
//!        `rise` passed checks in a row
//! ```
//!
//! A target that was never probed is [`Health::Unknown`], and its first outcome decides at once.
//! There is no clock and no socket here: the prober brings outcomes, the registry keeps states.

use std::net::IpAddr;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use super::source::Source;
use super::told::Told;
use crate::config::model::{Backend, Check, Pool};

/// The side a target is on and how far it has come towards the other one.
///
/// Each side counts only what can end it: "up, two passes to go" cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Not judged yet.
    Unknown,
    /// In service.
    Up {
        /// Failures in a row.
        failed: u8,
    },
    /// Out of service.
    Down {
        /// Passes in a row.
        passed: u8,
    },
}

/// In service or not, without how far it is from the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In service.
    Up,
    /// Out of service.
    Down,
}

/// What one probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As wished.
    Pass,
    /// Anything else.
    Fail,
}

/// How long a streak must be to change side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// Failures that take a target down.
    pub fall: NonZeroU8,
    /// Passes that bring it up.
    pub rise: NonZeroU8,
}

impl Streak {
    /// The streaks of a check.
    #[must_use]
    pub fn of(check: &Check) -> Self {
        Self { fall: check.fall, rise: check.rise }
    }
}

impl Health {
    /// On a side, and on no way to the other.
    #[must_use]
    pub fn settled(side: Side) -> Self {
        match side {
            Side::Up => Self::Up { failed: 0 },
            Side::Down => Self::Down { passed: 0 },
        }
    }

    /// The side; `None` where it was not judged yet.
    #[must_use]
    pub fn side(self) -> Option<Side> {
        match self {
            Self::Unknown => None,
            Self::Up { .. } => Some(Side::Up),
            Self::Down { .. } => Some(Side::Down),
        }
    }

    /// The state after one more check.
    #[must_use]
    pub fn after(self, outcome: Outcome, Streak { fall, rise }: Streak) -> Self {
        use Health::{Down, Unknown, Up};
        use Outcome::{Fail, Pass};

        match (self, outcome) {
            (Up { failed }, Fail) if failed < fall.get() - 1 => Up { failed: failed + 1 },
            (Unknown | Up { .. } | Down { .. }, Fail) => Down { passed: 0 },
            (Down { passed }, Pass) if passed < rise.get() - 1 => Down { passed: passed + 1 },
            (Unknown | Up { .. } | Down { .. }, Pass) => Up { failed: 0 },
        }
    }

    /// What the last check found; `None` where there was none.
    #[must_use]
    pub fn last_outcome(self) -> Option<Outcome> {
        match self {
            Self::Unknown => None,
            Self::Up { failed: 0 } => Some(Outcome::Pass),
            Self::Down { passed: 0 } | Self::Up { .. } => Some(Outcome::Fail),
            Self::Down { .. } => Some(Outcome::Pass),
        }
    }

    /// How many more checks would change its side, one at least; `None` while it is settled. A prober beside may
    /// tell of longer streaks than the check has.
    #[must_use]
    pub fn checks_to_change(self, Streak { fall, rise }: Streak) -> Option<u8> {
        match self {
            Self::Up { failed } if failed > 0 => Some(fall.get().saturating_sub(failed).max(1)),
            Self::Down { passed } if passed > 0 => Some(rise.get().saturating_sub(passed).max(1)),
            _ => None,
        }
    }
}

/// What is probed, by a key that outlives any snapshot: an address and a check.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Whom.
    pub address: IpAddr,
    /// How.
    pub check: Arc<Check>,
}

impl Target {
    /// The targets of a pool; a backend whose state is set by hand is probed all the same, so that its health is known
    /// when the hand is taken off.
    pub fn of_pool(pool: &Pool) -> impl Iterator<Item = Self> {
        pool.backends.iter().flat_map(|backend| Self::of_backend(pool, backend))
    }

    /// The targets of a backend of a pool.
    pub fn of_backend<'p>(
        pool: &'p Pool,
        backend: &'p Backend,
    ) -> impl Iterator<Item = Self> + use<'p> {
        let check = pool.check_of(backend);
        check.into_iter().flat_map(move |check| {
            backend.probed().map(move |address| Self { address, check: Arc::clone(check) })
        })
    }
}

/// What one prober knows of one target after one more probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which target.
    pub target: Target,
    /// Who probed.
    pub source: Source,
    /// Its state after this probe.
    pub health: Health,
    /// What the probe found, for people: "connection refused", "HTTP 500"; short, one line, no full stop.
    pub detail: Arc<str>,
    /// What the target said of itself.
    pub told: Told,
    /// How long the probe took.
    pub took: Duration,
    /// When it ended, in unix milliseconds.
    pub at: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streak(rise: u8, fall: u8) -> Streak {
        let count = |n| NonZeroU8::new(n).unwrap();
        Streak { rise: count(rise), fall: count(fall) }
    }

    /// The states after each check: `+` passed, `-` failed.
    fn states(start: Health, checks: &str, streak: Streak) -> Vec<Health> {
        let after = |health: &mut Health, check| {
            let outcome = if check == '+' { Outcome::Pass } else { Outcome::Fail };
            *health = health.after(outcome, streak);
            Some(*health)
        };
        checks.chars().scan(start, after).collect()
    }

    /// U up, D down.
    fn sides(start: Health, checks: &str, streak: Streak) -> String {
        let side = |health| match health {
            Health::Unknown => '?',
            Health::Up { .. } => 'U',
            Health::Down { .. } => 'D',
        };
        states(start, checks, streak).into_iter().map(side).collect()
    }

    #[test]
    fn changes_side_only_after_a_full_streak() {
        for (checks, expected) in [
            ("--+--+", "UUUUUU"),
            ("---+-++", "UUDDDDU"),
            ("---++---", "UUDDUUUD"),
            ("-----+-+-+-++", "UUDDDDDDDDDDU"),
        ] {
            let start = Health::Up { failed: 0 };
            assert_eq!(sides(start, checks, streak(2, 3)), expected, "checks {checks}");
        }
    }

    #[test]
    fn a_streak_of_one_changes_side_at_once() {
        assert_eq!(sides(Health::Up { failed: 0 }, "-+-+", streak(1, 1)), "DUDU");
    }

    #[test]
    fn the_first_outcome_decides_at_once() {
        let streak = streak(5, 5);
        for (checks, expected) in [("+", "U"), ("-", "D"), ("+----", "UUUUU"), ("-++++", "DDDDD")] {
            assert_eq!(sides(Health::Unknown, checks, streak), expected, "checks {checks}");
        }
    }

    #[test]
    fn the_longest_streak_that_can_be_set_is_counted_to_its_end() {
        let streak = streak(255, 255);
        let fall = sides(Health::Up { failed: 0 }, &"-".repeat(255), streak);
        assert_eq!(fall, "U".repeat(254) + "D");
        let rise = sides(Health::Down { passed: 0 }, &"+".repeat(255), streak);
        assert_eq!(rise, "D".repeat(254) + "U");
    }

    #[test]
    fn tells_how_many_checks_would_change_its_side() {
        // After each check: how many more; `.` settled.
        for (checks, expected) in
            [("+++", "..."), ("--+", "21."), ("---", "21."), ("---+++", "21.1..")]
        {
            let more: String = states(Health::Up { failed: 0 }, checks, streak(2, 3))
                .into_iter()
                .map(|health| health.checks_to_change(streak(2, 3)))
                .map(|more| more.map_or_else(|| ".".into(), |more| more.to_string()))
                .collect();
            assert_eq!(more, expected, "checks {checks}");
        }
    }

    #[test]
    fn the_last_outcome_is_seen_in_the_state() {
        for checks in ["+", "-", "++-", "---+", "---++", "--+--+-+"] {
            let last = *states(Health::Unknown, checks, streak(2, 3)).last().expect("one at least");
            let expected = if checks.ends_with('+') { Outcome::Pass } else { Outcome::Fail };
            assert_eq!(last.last_outcome(), Some(expected), "checks {checks}");
        }
        assert_eq!(Health::Unknown.last_outcome(), None);
    }

    #[test]
    fn a_streak_that_cannot_be_is_one_check_from_its_end() {
        for health in [Health::Up { failed: 200 }, Health::Down { passed: 2 }] {
            assert_eq!(health.checks_to_change(streak(2, 3)), Some(1), "{health:?}");
        }
        let health = Health::Up { failed: 255 };
        assert_eq!(health.after(Outcome::Fail, streak(2, 3)), Health::Down { passed: 0 });
    }

    #[test]
    fn a_target_that_was_never_probed_is_not_changing_side() {
        assert_eq!(Health::Unknown.checks_to_change(streak(2, 3)), None);
    }
}
