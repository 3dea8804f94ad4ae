//! What is known about a target, what the file says of its backend and what a hand has set, made into: in
//! service or not.
//!
//! ```text
//! override      state: in the file   votes                         verdict       basis
//! up            -                    -                             in service    Override
//! down, drain   -                    -                             not           Override
//! -             up                   -                             in service    Set
//! -             down                 -                             not           Set
//! -             auto                 no check                      in service    Unchecked
//! -             auto                 some of live probers, a wish  not           Asked
//! -             auto                 some of live probers          their quorum  Judged
//! -             auto                 the same, and it flaps        not           Flapping
//! -             auto                 some of probers cut off       their quorum  Isolated
//! -             auto                 none of those, and `open`     in service    Open
//! -             auto                 some of lost probers, a wish  not           Asked
//! -             auto                 some of lost probers          their quorum  Held
//! -             auto                 none, but known from before   as before     Remembered
//! -             auto                 none                          in service    Assumed
//! ```
//!
//! "Cut off" are probers that are heard, and to which most targets failed at once: what fell counts as it was before.
//! "Open" is when no prober is heard, and the operator wants everything in service then. "A wish" is that the target itself
//! has asked to be drained or to be left alone for maintenance: it knows, so it is no guess either, whatever its health.

use std::sync::Arc;
use std::time::Duration;

use super::flap::Hold;
use super::overrides::Hand;
use super::quorum;
use super::source::Source;
use super::target::{Health, Side, Streak};
use super::told::{Told, Wish};
use crate::config::model::probers::Quorum;
use crate::config::model::{Check, SetState};

/// Whether an address should serve, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it should serve.
    pub in_service: bool,
    /// Why.
    pub basis: Basis,
    /// Whether the file, a hand or the target itself took it out: then it is no guess either.
    pub is_set_down: bool,
    /// The time until it can have changed side, where it is on its way.
    pub may_change_in: Option<Duration>,
    /// What the target said of itself, to those whose word counts.
    pub told: Told,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A hand on the server says so.
    Override,
    /// The file says so.
    Set,
    /// There is no check.
    Unchecked,
    /// It has asked to be left out.
    Asked,
    /// Its checks say so.
    Judged,
    /// Its checks said so, before the probers that make them were cut off from most of what they probe.
    Isolated,
    /// Its checks change their mind too often: held down.
    Flapping,
    /// No prober is heard: in service, as the operator wishes for then.
    Open,
    /// Its checks said so, before the probers that made them fell silent.
    Held,
    /// Not judged yet: as it was before the restart.
    Remembered,
    /// Not judged yet and never seen before: in service.
    Assumed,
}

/// What is known of one target: how it is judged and what that found.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// How it is judged.
    pub check: Arc<Check>,
    /// What each prober says, by name.
    pub votes: Vec<Vote>,
    /// How many of them must agree.
    pub quorum: Quorum,
    /// Whether all count as in service that no live prober has judged.
    pub is_open: bool,
    /// The side it was on before the restart.
    pub remembered: Option<Side>,
    /// Whether it is held down, as it changed side too often.
    pub flapping: Option<Hold>,
}

/// What one prober says of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who.
    pub source: Source,
    /// Whether it is heard.
    pub is_live: bool,
    /// Where the target stands.
    pub health: Health,
    /// What its last probe found, for people.
    pub detail: Arc<str>,
    /// What the target said of itself then.
    pub told: Told,
    /// How many of its probes in a row found the same: pass or failure.
    pub run: u32,
    /// Whether it seems to be cut off.
    pub is_cut_off: bool,
    /// Where the target stood before that, where it fell by it: this counts, and not [`Self::health`].
    pub held: Option<Health>,
}

impl Verdict {
    /// The verdict on an address.
    #[must_use]
    pub fn new(state: SetState, hand: Option<Hand>, known: Option<&Known>) -> Self {
        let told = known.map(Known::told).unwrap_or_default();
        let settled = |in_service, basis| Self {
            in_service,
            basis,
            is_set_down: false,
            may_change_in: None,
            told,
        };
        let set_down = |basis| Self { is_set_down: true, ..settled(false, basis) };
        match (hand, state, known) {
            (Some(Hand::Up), ..) => settled(true, Basis::Override),
            (Some(Hand::Down | Hand::Drain), ..) => set_down(Basis::Override),
            (None, SetState::Up, _) => settled(true, Basis::Set),
            (None, SetState::Down, _) => set_down(Basis::Set),
            (None, SetState::Auto, None) => settled(true, Basis::Unchecked),
            (None, SetState::Auto, Some(known)) => known.verdict(settled, told.wish),
        }
    }
}

impl Vote {
    /// Where the target stands, as far as this vote counts.
    #[must_use]
    pub fn stands(&self) -> Health {
        self.held.unwrap_or(self.health)
    }

    /// Votes of the lowest rank count.
    fn rank(&self) -> u8 {
        match (self.is_live, self.is_cut_off) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    }
}

impl Known {
    /// The votes that count: those of live probers, else of those that seem to be cut off, else what the lost ones said
    /// last.
    pub fn counted(&self) -> impl Iterator<Item = &Vote> + Clone {
        let judged = || self.votes.iter().filter(|vote| vote.health != Health::Unknown);
        let best = judged().map(Vote::rank).min();
        judged().filter(move |vote| Some(vote.rank()) == best)
    }

    /// The side that the votes come to.
    #[must_use]
    pub fn side(&self) -> Option<Side> {
        quorum::side(self.quorum, self.counted().filter_map(|vote| vote.stands().side()))
    }

    /// What the target said of itself to those whose votes count. What they find down has no role, whatever it was before: it
    /// neither takes writes nor follows anybody.
    #[must_use]
    pub fn told(&self) -> Told {
        let told = Told::together(self.counted().map(|vote| vote.told));
        match self.side() {
            Some(Side::Down) => Told { role: None, lag: None, ..told },
            _ => told,
        }
    }

    /// Whether those whose votes count seem to be cut off.
    fn is_cut_off(&self) -> bool {
        self.counted().any(|vote| vote.is_cut_off)
    }

    /// Whether a live prober has judged it.
    fn is_judged(&self) -> bool {
        self.counted().any(|vote| vote.is_live)
    }

    fn verdict(&self, settled: impl Fn(bool, Basis) -> Verdict, wish: Wish) -> Verdict {
        let may_change_in = self.may_change_in();
        let asked = || Verdict { is_set_down: true, ..settled(false, Basis::Asked) };
        match (self.side(), self.remembered) {
            (Some(_), _) if self.is_judged() && wish != Wish::Serve => asked(),
            (Some(_), _) if self.is_judged() && self.flapping.is_some() => {
                settled(false, Basis::Flapping)
            }
            (Some(side), _) if self.is_judged() => {
                Verdict { may_change_in, ..settled(side == Side::Up, Basis::Judged) }
            }
            _ if self.is_open && !self.is_cut_off() => settled(true, Basis::Open),
            (Some(_), _) if wish != Wish::Serve => asked(),
            (Some(side), _) if self.is_cut_off() => settled(side == Side::Up, Basis::Isolated),
            (Some(side), _) => settled(side == Side::Up, Basis::Held),
            (None, Some(side)) => settled(side == Side::Up, Basis::Remembered),
            (None, None) => settled(true, Basis::Assumed),
        }
    }

    /// The least time in which the checks that are missing can have been made, to any of the probers.
    fn may_change_in(&self) -> Option<Duration> {
        let streak = Streak::of(&self.check);
        let checks =
            self.counted().filter_map(|vote| vote.health.checks_to_change(streak)).min()?;
        Some(self.check.fast_interval * u32::from(checks))
    }
}

#[cfg(test)]
mod tests;
