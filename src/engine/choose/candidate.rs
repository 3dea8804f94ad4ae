//! One endpoint of a pool on its way through the stages of the choice.
//!
//! A pool within a pool is one backend of it: it brings what it hands out while it is in service by its own threshold, and shares its
//! weight as a backend among that, in proportion.

use super::eligible::guesses;
use super::ready::{Ready, SHARE_WHOLE, Source, Standing};
use crate::config::model::{Backend, Endpoint, Offer, Pool, identity};
use crate::engine::plan::{Family, List};

/// An endpoint that may be handed out, as far as the stages before have seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    /// What would be handed out.
    pub(super) offer: Offer,
    /// The place of its backend in the pool.
    pub(super) backend: usize,
    /// Its backend's tier.
    pub(super) priority: u16,
    /// How it stands.
    pub(super) standing: Standing,
    /// Whether its part is of a pool within, which has shared it out.
    pub(super) is_shared: bool,
}

/// How a pool's backends stand.
#[derive(Clone, Copy, Debug)]
pub struct Lineup<'a> {
    /// One for each endpoint of its own, in the order of the file.
    pub endpoints: &'a [Standing],
    /// One for each pool within, in the order of the file.
    pub groups: &'a [Group],
}

impl<'a, T: AsRef<[Standing]> + ?Sized> From<&'a T> for Lineup<'a> {
    fn from(endpoints: &'a T) -> Self {
        Self { endpoints: endpoints.as_ref(), groups: &[] }
    }
}

/// A pool within a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// How it stands as one backend.
    pub standing: Standing,
    /// What it brings: what it hands out, or where it is not in service all of it, as a guess.
    pub offers: Vec<Offer>,
    /// For how long what it hands out may be kept, in seconds.
    pub ttl: u32,
    /// How many backends it has, in service or not, those of pools within it one by one.
    backends: usize,
    /// How many of its own backends are in service, and how many there are.
    serving: (usize, usize),
    /// Which of [`LISTS`] it has something of, or may have when health changes.
    can_have: [bool; LISTS.len()],
}

/// The lists within which weights are compared.
pub(super) const LISTS: [List; 3] =
    [List::Addresses(Family::V4), List::Addresses(Family::V6), List::Targets];

impl Group {
    /// Whether a pool is in service as a backend of another: it hands out what is, and has as many as its tiers want, or somebody of the
    /// role that it is asked for.
    #[must_use]
    pub fn is_in_service(ready: &Ready) -> bool {
        let is_enough = !ready.memory.able.is_empty() || ready.cast.serves.is_some();
        ready.source == Source::InService && is_enough
    }

    /// A pool that stands so as one backend, and so in itself.
    #[must_use]
    pub fn new(mut standing: Standing, pool: &Pool, lineup: Lineup<'_>, ready: &Ready) -> Self {
        let all = all(pool, lineup);
        // What it hands out is what it is.
        standing.role = ready.cast.serves;
        // Who took out each of its backends took it out.
        standing.is_set_down |=
            !standing.in_service && all.iter().all(|own| own.standing.is_set_down);
        let offers = if Self::is_in_service(ready) {
            ready.offers.clone()
        } else {
            guesses(&all).into_iter().map(|candidate| candidate.offer).collect()
        };
        Self {
            standing,
            offers,
            ttl: ready.ttl,
            backends: count(pool, lineup.groups),
            serving: (serving(pool, lineup), pool.backends.len()),
            can_have: LISTS.map(|list| ready.can_have(list)),
        }
    }

    /// Whether it has something of a list, or may have.
    pub(super) fn can_have(&self, list: List) -> bool {
        LISTS.iter().zip(self.can_have).any(|(own, can)| *own == list && can)
    }

    /// How it stands by its own threshold, for people; `pool` is itself.
    #[must_use]
    pub fn told(&self, pool: &Pool) -> String {
        let says = match (self.standing.in_service, self.standing.is_set_down) {
            (true, _) => "serves",
            (false, true) => "is set down",
            (false, false) => "does not serve",
        };
        let (serving, all) = self.serving;
        let least = Some(pool.tiers.min_healthy).filter(|least| *least > 1);
        let least = least.map(|least| format!("min_healthy {least}"));
        let panic = Some(f64::from(pool.panic) / 1000.0).filter(|panic| *panic > 0.0);
        let panic = panic.map(|panic| format!("panic {panic}"));
        let wanted: Vec<String> = least.into_iter().chain(panic).collect();
        let wanted =
            if wanted.is_empty() { String::new() } else { format!(" ({})", wanted.join(", ")) };
        let (label, noun) = (pool.label(), if all == 1 { "backend" } else { "backends" });
        format!("the pool {label} {says}: {serving} of {all} {noun} in service{wanted}")
    }

    /// What it brings.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.offers.iter().map(|offer| &offer.endpoint)
    }

    /// What it brings as this backend, whose weight it shares out.
    fn of(&self, backend: &Backend) -> Vec<Offer> {
        let mut offers = self.offers.clone();
        let whole = u64::from(backend.weight) * u64::from(SHARE_WHOLE);
        for list in LISTS {
            let own = |offer: &&Offer| list.holds(&offer.endpoint);
            let total: u64 = self.offers.iter().filter(own).map(|own| u64::from(own.part)).sum();
            // Where nobody has a part, all are alike.
            let part = |offer: &Offer| if total == 0 { 1 } else { u64::from(offer.part) };
            let total: u64 = self.offers.iter().filter(own).map(part).sum();
            let mut before = 0;
            for offer in offers.iter_mut().filter(|offer| list.holds(&offer.endpoint)) {
                let parts = part(offer);
                let share = whole * (before + parts) / total - whole * before / total;
                before += parts;
                // Nobody who has a part is rounded to nothing.
                let least = u64::from(whole > 0 && parts > 0);
                offer.part = share.max(least) as u32;
                offer.weight = backend.weight;
                offer.identity = offer.within(&backend.name);
                offer.group = Some(identity(&backend.name, 0));
            }
        }
        offers
    }
}

/// How many of a pool's backends have something in service.
fn serving(pool: &Pool, lineup: Lineup<'_>) -> usize {
    let mut endpoints = lineup.endpoints.iter();
    let mut groups = lineup.groups.iter();
    let serves = |backend: &&Backend| {
        if backend.inner().is_some() {
            return groups.next().is_some_and(|group| group.standing.in_service);
        }
        let own = endpoints.by_ref().take(backend.endpoints().count());
        own.fold(false, |serves, own| serves | own.in_service)
    };
    pool.backends.iter().filter(serves).count()
}

/// How many backends a pool has, in service or not, those of the pools within it one by one.
pub(super) fn count(pool: &Pool, groups: &[Group]) -> usize {
    let own = pool.backends.iter().filter(|backend| backend.inner().is_none()).count();
    own + groups.iter().map(|group| group.backends).sum::<usize>()
}

/// Every endpoint of a pool, in the order of the file.
pub(super) fn all(pool: &Pool, lineup: Lineup<'_>) -> Vec<Candidate> {
    let (mut standings, mut groups) = (lineup.endpoints.iter(), lineup.groups.iter());
    let mut found = Vec::with_capacity(lineup.endpoints.len());
    for (place, backend) in pool.backends.iter().enumerate() {
        let priority = backend.priority;
        let candidate = |offer, standing, is_shared| Candidate {
            offer,
            backend: place,
            priority,
            standing,
            is_shared,
        };
        if backend.inner().is_some() {
            let Some(group) = groups.next() else { continue };
            let offers = group.of(backend).into_iter();
            found.extend(offers.map(|offer| candidate(offer, group.standing, true)));
        } else {
            let own = Offer::of(backend).zip(standings.by_ref());
            found.extend(own.map(|(offer, standing)| candidate(offer, *standing, false)));
        }
    }
    found
}
