//! What a target says of itself besides passing or failing.
//!
//! None of it decides whether a probe passed. It decides how much a backend is given, and in which role.

use std::fmt;
use std::time::Duration;

use crate::config::model::{CheckKind, Role};

/// What one probe learned besides its outcome; the default is that it has nothing to say.
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
    /// What was not heard, as who would say it did not answer: what is here of that was said before.
    pub unheard: Matters,
}

/// Some of what a target may say of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matters(u8);

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

impl Matters {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// [`Told::is_degraded`].
    pub const CONDITION: Self = Self(1);
    /// [`Told::load`].
    pub const LOAD: Self = Self(1 << 1);
    /// [`Told::share`].
    pub const SHARE: Self = Self(1 << 2);
    /// [`Told::wish`].
    pub const WISH: Self = Self(1 << 3);
    /// [`Told::role`] and [`Told::lag`].
    pub const ROLE: Self = Self(1 << 4);
    /// Everything.
    pub const ALL: Self = Self((1 << 5) - 1);

    /// What a check of a kind is told of.
    #[must_use]
    pub fn of(kind: &CheckKind) -> Self {
        match kind {
            CheckKind::Tcp { .. }
            | CheckKind::Dns(_)
            | CheckKind::Udp(_)
            | CheckKind::Icmp(_)
            | CheckKind::Grpc(_) => Self::NONE,
            CheckKind::Http(_) => Self::CONDITION.and(Self::LOAD),
            CheckKind::Tls(_) | CheckKind::Exec(_) => Self::CONDITION,
            CheckKind::Agent(_) => Self::SHARE.and(Self::WISH),
            CheckKind::File(_) => Self::CONDITION.and(Self::LOAD).and(Self::WISH),
            CheckKind::Database(_) => Self::CONDITION.and(Self::ROLE),
            CheckKind::Push(_) => Self::ALL,
            CheckKind::Several(several) => {
                several.of.iter().map(|part| Self::of(&part.kind)).fold(Self::NONE, Self::and)
            }
        }
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without those.
    #[must_use]
    pub const fn but(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of those are among these.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Told {
    /// It did not answer.
    pub const SILENT: Self = Self {
        is_degraded: false,
        load: None,
        share: None,
        wish: Wish::Serve,
        role: None,
        lag: None,
        unheard: Matters::ALL,
    };

    /// What holds after this, where something else held before: of what was not heard, that.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        let unheard = |matter| self.unheard.has(matter);
        let Self { is_degraded, load, share, wish, role, lag, .. } = self;
        let is_role_old = unheard(Matters::ROLE);
        Self {
            is_degraded: if unheard(Matters::CONDITION) { before.is_degraded } else { is_degraded },
            load: if unheard(Matters::LOAD) { before.load } else { load },
            share: if unheard(Matters::SHARE) { before.share } else { share },
            wish: if unheard(Matters::WISH) { before.wish } else { wish },
            role: if is_role_old { before.role } else { role },
            lag: if is_role_old { before.lag } else { lag },
            unheard: self.unheard,
        }
    }

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

    /// What several were told of one target, made into one: the worst that any of them heard, and the role that
    /// none of them contradicts. What somebody did not hear lately counts where nobody did.
    #[must_use]
    pub fn together(all: impl IntoIterator<Item = Self, IntoIter: Clone>) -> Self {
        let all = all.into_iter();
        let of = |matter| {
            let is_heard = move |told: &Self| !told.unheard.has(matter);
            let is_any = all.clone().any(|told| is_heard(&told));
            all.clone().filter(move |told| !is_any || is_heard(told))
        };
        let roles = || of(Matters::ROLE).filter_map(|told| told.role);
        let is_adrift = of(Matters::ROLE).any(|told| told.is_adrift());
        Self {
            is_degraded: of(Matters::CONDITION).any(|told| told.is_degraded),
            load: of(Matters::LOAD).filter_map(|told| told.load).max(),
            share: of(Matters::SHARE).filter_map(|told| told.share).min(),
            wish: of(Matters::WISH).map(|told| told.wish).max().unwrap_or_default(),
            role: roles().next().filter(|first| roles().all(|role| role == *first)),
            // Not to know is worse than any lag.
            lag: of(Matters::ROLE).filter_map(|told| told.lag).max().filter(|_| !is_adrift),
            unheard: Matters::NONE,
        }
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
    #[test]
    fn what_was_not_heard_lately_counts_where_nobody_heard_it() {
        use Role::{Primary, Replica};
        let says = |role| Told { role: Some(role), ..Told::default() };
        let said = |role| Told { unheard: Matters::ALL, ..says(role) };
        for (all, expected) in [
            (vec![said(Replica), says(Primary), says(Primary)], Some(Primary)),
            (vec![said(Replica), said(Replica)], Some(Replica)),
            (vec![said(Replica), said(Primary)], None),
            // Who was heard and told no role says nothing against one.
            (vec![Told::default(), says(Primary)], Some(Primary)),
            (vec![said(Replica), Told::default()], None),
        ] {
            assert_eq!(Told::together(all.clone()).role, expected, "{all:?}");
        }
    }

    #[test]
    fn each_matter_is_as_it_was_heard_last() {
        let before = Told {
            is_degraded: true,
            load: Some(80),
            share: Some(50),
            wish: Wish::Drain,
            role: Some(Role::Primary),
            lag: Some(Duration::ZERO),
            ..Told::default()
        };
        assert_eq!(Told::SILENT.after(before), Told { unheard: Matters::ALL, ..before });
        assert_eq!(Told::default().after(before), Told::default());
        let heard = Matters::SHARE.and(Matters::WISH);
        let unheard = Matters::ALL.but(heard);
        let now = Told { share: Some(75), unheard, ..Told::default() };
        let expected = Told { share: Some(75), wish: Wish::Serve, unheard, ..before };
        assert_eq!(now.after(before), expected);
    }
}
