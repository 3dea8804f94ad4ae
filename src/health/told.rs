//! What a target says of itself besides passing or failing.
//!
//! None of it decides whether a probe passed. It decides how much a backend is given, and in which role.

use std::fmt;
use std::time::Duration;

use crate::config::model::Role;

/// What one probe learned besides its outcome; the default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whether it serves, and something about it should be seen to: a certificate that ends soon, Nagios' WARNING.
    pub is_degraded: bool,
    /// How busy it is, in percent of what it can do: 0 to 100.
    pub load: Option<u8>,
    /// The part of its weight that it wants, in percent: 0 to [`SHARE_MAX`].
    pub share: Option<u16>,
    /// Whether it wants to be left out of answers.
    pub wish: Wish,
    /// What it is among its like.
    pub role: Option<Role>,
    /// How far it is behind its primary; of a replica, `None` is that nobody can tell.
    pub lag: Option<Duration>,
}

/// A lag in words: "120 ms behind", "up to date".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind(pub Duration);

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(lag) = *self;
        let seconds = lag.as_secs();
        match seconds {
            0 if lag.as_millis() == 0 => f.write_str("up to date"),
            0..10 => write!(f, "{} ms behind", lag.as_millis()),
            10..600 => write!(f, "{seconds} s behind"),
            600..36_000 => write!(f, "{} min behind", seconds / 60),
            _ => write!(f, "{} h behind", seconds / 3600),
        }
    }
}

/// The largest share that a target may ask for, in percent of its weight.
pub const SHARE_MAX: u16 = 1000;

/// Whether a target wants to be in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// As its health has it.
    #[default]
    Serve,
    /// No new clients: what it has it goes on with.
    Drain,
    /// Out of service until it says otherwise.
    Maintenance,
}

impl Told {
    /// Whether it is a replica that does not know how far behind it is.
    fn is_adrift(&self) -> bool {
        self.role == Some(Role::Replica) && self.lag.is_none()
    }

    /// What it is among its like and how far behind, for people: `replica, 1500 ms behind`.
    #[must_use]
    pub fn standing(&self) -> Option<String> {
        let lag = self.lag.map(|lag| Behind(lag).to_string());
        match (self.role, lag) {
            (Some(Role::Replica), Some(lag)) => Some(format!("replica, {lag}")),
            (Some(role), _) => Some(role.name().to_owned()),
            (None, lag) => lag,
        }
    }

    /// What several probers were told of one target, made into one: the worst that any of them heard, and the role that
    /// none of them contradicts.
    #[must_use]
    pub fn together(all: impl IntoIterator<Item = Self>) -> Self {
        let mut all = all.into_iter();
        let Some(first) = all.next() else { return Self::default() };
        let (together, _) = all.fold((first, false), |(before, disputed), next| {
            let disputed = disputed
                || (before.role.is_some() && next.role.is_some() && before.role != next.role);
            let both = Self {
                is_degraded: before.is_degraded || next.is_degraded,
                load: before.load.max(next.load),
                share: match (before.share, next.share) {
                    (Some(before), Some(next)) => Some(before.min(next)),
                    (before, next) => before.or(next),
                },
                wish: before.wish.max(next.wish),
                role: before.role.or(next.role).filter(|_| !disputed),
                // Not to know is worse than any lag.
                lag: if before.is_adrift() || next.is_adrift() {
                    None
                } else {
                    before.lag.max(next.lag)
                },
            };
            (both, disputed)
        });
        together
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn together_is_the_worst_that_any_prober_heard() {
        let told = |load, share, wish, lag: Option<u64>| Told {
            load,
            share,
            wish,
            lag: lag.map(Duration::from_secs),
            ..Told::default()
        };
        for (all, expected) in [
            (vec![], Told::default()),
            (
                vec![
                    told(Some(3), None, Wish::Serve, None),
                    told(Some(9), Some(50), Wish::Drain, Some(1)),
                ],
                told(Some(9), Some(50), Wish::Drain, Some(1)),
            ),
            (
                vec![
                    told(None, Some(20), Wish::Maintenance, Some(5)),
                    told(None, Some(70), Wish::Drain, Some(2)),
                ],
                told(None, Some(20), Wish::Maintenance, Some(5)),
            ),
        ] {
            assert_eq!(Told::together(all.clone()), expected, "{all:?}");
        }
    }

    #[test]
    fn a_replica_of_which_one_prober_hears_no_lag_has_none() {
        let replica = |lag: Option<u64>| Told {
            role: Some(Role::Replica),
            lag: lag.map(Duration::from_secs),
            ..Told::default()
        };
        for (lags, expected) in
            [([Some(1), Some(2)], Some(2)), ([Some(1), None], None), ([None, Some(1)], None)]
        {
            let together = Told::together(lags.map(replica));
            assert_eq!(together, replica(expected), "{lags:?}");
        }
    }

    #[test]
    fn a_lag_is_told_in_a_unit_that_fits() {
        for (lag, expected) in [
            (Duration::ZERO, "up to date"),
            (Duration::from_millis(120), "120 ms behind"),
            (Duration::from_millis(9_999), "9999 ms behind"),
            (Duration::from_secs(10), "10 s behind"),
            (Duration::from_secs(600), "10 min behind"),
            (Duration::from_secs(36_000), "10 h behind"),
        ] {
            assert_eq!(Behind(lag).to_string(), expected);
        }
    }

    #[test]
    fn a_standing_is_a_role_and_a_lag() {
        let told = |role, lag: Option<u64>| Told {
            role,
            lag: lag.map(Duration::from_millis),
            ..Told::default()
        };
        for (told, expected) in [
            (told(None, None), None),
            (told(Some(Role::Primary), Some(0)), Some("primary")),
            (told(Some(Role::Replica), None), Some("replica")),
            (told(Some(Role::Replica), Some(1500)), Some("replica, 1500 ms behind")),
            (told(Some(Role::Replica), Some(0)), Some("replica, up to date")),
            (told(None, Some(20_000)), Some("20 s behind")),
        ] {
            assert_eq!(told.standing().as_deref(), expected, "{told:?}");
        }
    }

    #[test]
    fn a_role_that_probers_dispute_is_none() {
        use Role::{Primary, Replica};
        for (roles, expected) in [
            (&[Some(Primary), None, Some(Primary)][..], Some(Primary)),
            (&[None, Some(Replica)], Some(Replica)),
            (&[Some(Primary), Some(Replica)], None),
            (&[Some(Primary), Some(Replica), Some(Primary)], None),
        ] {
            let all = roles.iter().map(|role| Told { role: *role, ..Told::default() });
            assert_eq!(Told::together(all).role, expected, "{roles:?}");
        }
    }
}
