//! What is known about a target and what a file says of its backend, made into: in service or not.
//!
//! ```text
//! state: in the file   the target's health   verdict      basis
//! up                   -                     in service   Set
//! down                 -                     not          Set
//! auto                 no check              in service   Unchecked
//! auto                 up, down              as it is     Judged
//! auto                 not judged yet        as before the restart, else in service
//! ```

use std::time::Duration;

use super::target::{Health, Side, Streak};
use crate::config::model::{Check, SetState};

/// Whether an address should serve, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it should serve.
    pub in_service: bool,
    /// Why.
    pub basis: Basis,
    /// The time until it can have changed side, where it is on its way.
    pub may_change_in: Option<Duration>,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The file says so.
    Set,
    /// There is no check.
    Unchecked,
    /// Its check says so.
    Judged,
    /// Not judged yet: as it was before the restart.
    Remembered,
    /// Not judged yet and never seen before: in service.
    Assumed,
}

/// What is known of one address: its check and what that found.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// How it is judged.
    pub check: &'a Check,
    /// Where it stands.
    pub health: Health,
    /// The side it was on before the restart.
    pub remembered: Option<Side>,
}

impl Verdict {
    /// The verdict on an address.
    #[must_use]
    pub fn new(state: SetState, known: Option<Known<'_>>) -> Self {
        let settled = |in_service, basis| Self { in_service, basis, may_change_in: None };
        match (state, known) {
            (SetState::Up, _) => settled(true, Basis::Set),
            (SetState::Down, _) => settled(false, Basis::Set),
            (SetState::Auto, None) => settled(true, Basis::Unchecked),
            (SetState::Auto, Some(known)) => match (known.health.side(), known.remembered) {
                (Some(side), _) => Self {
                    in_service: side == Side::Up,
                    basis: Basis::Judged,
                    may_change_in: known.may_change_in(),
                },
                (None, Some(side)) => settled(side == Side::Up, Basis::Remembered),
                (None, None) => settled(true, Basis::Assumed),
            },
        }
    }
}

impl Known<'_> {
    /// The least time in which the checks that are missing can have been made.
    fn may_change_in(&self) -> Option<Duration> {
        let checks = self.health.checks_to_change(Streak::of(self.check))?;
        Some(self.check.fast_interval * u32::from(checks))
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU8, NonZeroU16};

    use super::*;
    use crate::config::model::CheckKind;

    fn check() -> Check {
        Check {
            kind: CheckKind::Tcp { port: NonZeroU16::MIN },
            interval: Duration::from_secs(10),
            fast_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            rise: NonZeroU8::new(2).expect("not zero"),
            fall: NonZeroU8::new(3).expect("not zero"),
        }
    }

    #[test]
    fn each_row_of_the_chart_holds() {
        use Basis::{Assumed, Judged, Remembered, Set, Unchecked};
        use Health::{Down, Unknown, Up};
        use SetState::Auto;

        let check = check();
        let known = |health, remembered| Some(Known { check: &check, health, remembered });
        for (state, known, in_service, basis) in [
            (SetState::Up, known(Down { passed: 0 }, None), true, Set),
            (SetState::Down, known(Up { failed: 0 }, None), false, Set),
            (SetState::Down, None, false, Set),
            (Auto, None, true, Unchecked),
            (Auto, known(Up { failed: 2 }, Some(Side::Down)), true, Judged),
            (Auto, known(Down { passed: 0 }, Some(Side::Up)), false, Judged),
            (Auto, known(Unknown, Some(Side::Down)), false, Remembered),
            (Auto, known(Unknown, Some(Side::Up)), true, Remembered),
            (Auto, known(Unknown, None), true, Assumed),
        ] {
            let verdict = Verdict::new(state, known);
            assert_eq!((verdict.in_service, verdict.basis), (in_service, basis), "{known:?}");
        }
    }

    #[test]
    fn a_target_on_its_way_says_when_it_can_have_changed() {
        let check = check();
        for (health, seconds) in [
            (Health::Up { failed: 0 }, None),
            (Health::Up { failed: 1 }, Some(2)),
            (Health::Up { failed: 2 }, Some(1)),
            (Health::Down { passed: 0 }, None),
            (Health::Down { passed: 1 }, Some(1)),
        ] {
            let known = Known { check: &check, health, remembered: None };
            let verdict = Verdict::new(SetState::Auto, Some(known));
            assert_eq!(verdict.may_change_in, seconds.map(Duration::from_secs), "{health:?}");
        }
    }
}
