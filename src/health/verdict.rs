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
//! -             auto                 either, and it flaps          not           Flapping
//! -             auto                 none, but known from before   as before     Remembered
//! -             auto                 none                          in service    Assumed
//! ```
//!
//! "Cut off" are probers that are heard, and to which most targets failed at once: what fell counts as it was before.
//! "Open" is when no prober is heard, and the operator wants everything in service then. "A wish" is that the target itself
//! has asked to be drained or to be left alone for maintenance: it knows, so it is no guess either, whatever its health.
//! What flaps was held down before its probers were lost or cut off, and nobody says since then that it does so no more.

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

/// A vote without what is for people.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// [`Vote::is_live`].
    pub is_live: bool,
    /// [`Vote::health`].
    pub health: Health,
    /// [`Vote::told`].
    pub told: Told,
    /// [`Vote::is_cut_off`].
    pub is_cut_off: bool,
    /// [`Vote::held`].
    pub held: Option<Health>,
}

/// What a target's check, and who votes, have it judged by.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'c> {
    /// How it is probed.
    pub check: &'c Check,
    /// [`Known::quorum`].
    pub quorum: Quorum,
    /// [`Known::is_open`].
    pub is_open: bool,
    /// [`Known::remembered`].
    pub remembered: Option<Side>,
    /// Whether it is held down, as it changed side too often.
    pub is_flapping: bool,
}

/// What is known of one target comes to, before the file and hands have a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The side that the votes come to.
    pub side: Option<Side>,
    /// What the target said of itself to those whose votes count. What they find down has no role, whatever it was before: it
    /// neither takes writes nor follows anybody.
    pub told: Told,
    /// Whether it should serve, and why.
    basis: (bool, Basis),
    /// The least time in which the checks that are missing can have been made, to any of the probers.
    may_change_in: Option<Duration>,
}

impl Verdict {
    /// The verdict on an address.
    #[must_use]
    pub fn new(state: SetState, hand: Option<Hand>, known: Option<&Known>) -> Self {
        Self::of(state, hand, known.map(Known::finding))
    }

    /// The same by what is known comes to.
    #[must_use]
    pub fn of(state: SetState, hand: Option<Hand>, found: Option<Finding>) -> Self {
        let told = found.map(|found| found.told).unwrap_or_default();
        let settled = |in_service, basis| Self {
            in_service,
            basis,
            is_set_down: false,
            may_change_in: None,
            told,
        };
        let set_down = |basis| Self { is_set_down: true, ..settled(false, basis) };
        match (hand, state, found) {
            (Some(Hand::Up), ..) => settled(true, Basis::Override),
            (Some(Hand::Down | Hand::Drain), ..) => set_down(Basis::Override),
            (None, SetState::Up, _) => settled(true, Basis::Set),
            (None, SetState::Down, _) => set_down(Basis::Set),
            (None, SetState::Auto, None) => settled(true, Basis::Unchecked),
            (None, SetState::Auto, Some(found)) => match found.basis {
                (_, basis @ Basis::Asked) => set_down(basis),
                (in_service, basis @ Basis::Judged) => {
                    Self { may_change_in: found.may_change_in, ..settled(in_service, basis) }
                }
                (in_service, basis) => settled(in_service, basis),
            },
        }
    }
}

impl Vote {
    /// Where the target stands, as far as this vote counts.
    #[must_use]
    pub fn stands(&self) -> Health {
        self.word().stands()
    }

    fn word(&self) -> Word {
        let Self { is_live, health, told, is_cut_off, held, .. } = *self;
        Word { is_live, health, told, is_cut_off, held }
    }
}

impl Word {
    fn stands(self) -> Health {
        self.held.unwrap_or(self.health)
    }

    /// Votes of the lowest rank count.
    fn rank(self) -> u8 {
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
        let best = judged().map(|vote| vote.word().rank()).min();
        judged().filter(move |vote| Some(vote.word().rank()) == best)
    }

    /// The side that the votes come to.
    #[must_use]
    pub fn side(&self) -> Option<Side> {
        self.finding().side
    }

    /// See [`Finding::told`].
    #[must_use]
    pub fn told(&self) -> Told {
        self.finding().told
    }

    /// What it comes to.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let Self { check, quorum, is_open, remembered, flapping, .. } = self;
        let rules = Rules {
            check,
            quorum: *quorum,
            is_open: *is_open,
            remembered: *remembered,
            is_flapping: flapping.is_some(),
        };
        Finding::of(rules, self.votes.iter().map(Vote::word))
    }
}

impl Finding {
    /// What votes come to.
    #[must_use]
    pub fn of(rules: Rules<'_>, words: impl Iterator<Item = Word> + Clone) -> Self {
        let judged = words.filter(|word| word.health != Health::Unknown);
        let best = judged.clone().map(Word::rank).min();
        let counted = judged.filter(move |word| Some(word.rank()) == best);
        let sides = counted.clone().filter_map(|word| word.stands().side());
        let side = quorum::side(rules.quorum, sides);
        let told = Told::together(counted.clone().map(|word| word.told));
        let told = match side {
            Some(Side::Down) => Told { role: None, lag: None, ..told },
            _ => told,
        };
        let is_up = side == Some(Side::Up);
        // Whether a live prober has judged it, and whether those whose votes count seem to be cut off.
        let is_judged = counted.clone().any(|word| word.is_live);
        let is_cut_off = counted.clone().any(|word| word.is_cut_off);
        let has_asked = told.wish != Wish::Serve;
        let basis = match (side, rules.remembered) {
            (Some(_), _) if is_judged && has_asked => (false, Basis::Asked),
            (Some(_), _) if is_judged && rules.is_flapping => (false, Basis::Flapping),
            (Some(_), _) if is_judged => (is_up, Basis::Judged),
            _ if rules.is_open && !is_cut_off => (true, Basis::Open),
            (Some(_), _) if has_asked => (false, Basis::Asked),
            (Some(_), _) if rules.is_flapping => (false, Basis::Flapping),
            (Some(_), _) if is_cut_off => (is_up, Basis::Isolated),
            (Some(_), _) => (is_up, Basis::Held),
            (None, Some(side)) => (side == Side::Up, Basis::Remembered),
            (None, None) => (true, Basis::Assumed),
        };
        let streak = Streak::of(rules.check);
        let checks = counted.filter_map(|word| word.health.checks_to_change(streak)).min();
        let may_change_in = checks.map(|checks| rules.check.fast_interval * u32::from(checks));
        Self { side, told, basis, may_change_in }
    }
}

#[cfg(test)]
mod tests;
