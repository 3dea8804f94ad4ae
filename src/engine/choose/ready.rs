//! What a pool may hand out now, as records that are ready to be copied.
//!
//! Made anew when health changes, which is rare, so that a query has nothing left to filter:
//!
//! ```text
//!   standing of each endpoint ──▶ eligible ──▶ panic? all down? ──▶ lists of A, AAAA, CNAME, SRV ...; TTL
//! ```
//!
//! A version that answers also holds where its answers are counted, [`crate::counters::handed`]; that has no
//! part in whether two versions are equal.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::handout::{Handout, RECORD_HEAD, record};
use super::made;
use super::turn::{counted_width, starts};
use crate::config::model::{Endpoint, Offer, Policy, Pool, WhenAllDown};
use crate::counters::handed::{Counting, Handed, Runs};
use crate::engine::plan::{Family, List};

/// How one endpoint of a pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether it should serve.
    pub in_service: bool,
    /// Whether an operator took it out, in the file or by hand: then it is no guess either.
    pub is_set_down: bool,
    /// The time until it can have changed side, where it is about to.
    pub may_change_in: Option<Duration>,
}

/// What a pool may hand out now.
#[derive(Debug)]
pub struct Ready {
    /// By [`List::place`], as far as all pools have them.
    lists: [Handout; LISTS.len()],
    /// What records make of the pool, in the order of the model.
    made: Box<[Handout]>,
    /// Where its answers are counted; a version that is only looked at counts none.
    counting: Option<Counting<Endpoint>>,
    /// Seconds that the answer may be kept.
    pub ttl: u32,
    /// Where the offers come from.
    pub source: Source,
    /// What may be handed out, in the order of the file.
    pub offers: Vec<Offer>,
}

/// The lists that all pools have, by their places.
const LISTS: [List; 3] = [List::Addresses(Family::V4), List::Addresses(Family::V6), List::Targets];

/// Where the addresses or targets that are handed out come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// They are in service.
    InService,
    /// Too little of the pool's weight is in service: every address, as a guess.
    Panic,
    /// None is in service: every address, as a guess.
    AllDown,
    /// None is in service: those that were in service last.
    Last,
    /// None is in service: another pool's.
    Fallback,
    /// None is in service: no address.
    Nothing,
}

impl Ready {
    /// Decides what a pool hands out.
    ///
    /// `standings` has one entry for each endpoint, in the order of the file; `last` are those that were in service
    /// last; `fallback` is what the pool's fallback hands out.
    ///
    /// ```text
    /// in service            weight in service   when_all_down   handed out
    /// some                  at least `panic`    any             those in service
    /// some                  less                any             every address
    /// none                  -                   all             every address
    /// none                  -                   last            those in service last, else every address
    /// none                  -                   fallback        what the fallback hands out
    /// none                  -                   none            nothing
    /// ```
    ///
    /// An address that an operator set down, or took out of the file, is no guess worth making: "every address" and
    /// "in service last" leave it out, unless all are set down. Where weights choose, one of weight 0 is handed out
    /// when no other of its list can be.
    #[must_use]
    pub fn new(
        pool: &Pool,
        standings: &[Standing],
        last: &[Endpoint],
        fallback: Option<&Ready>,
    ) -> Self {
        let eligible = offers(pool, standings, |standing| standing.in_service);
        let guesses = guesses(pool, standings);
        let was_last = |offer: &&Offer| last.contains(&offer.endpoint);
        let last: Vec<Offer> = guesses.iter().filter(was_last).cloned().collect();
        let (source, mut offers) = match (pool.when_all_down, fallback) {
            _ if !eligible.is_empty() && is_panic(pool, standings) => (Source::Panic, guesses),
            _ if !eligible.is_empty() => (Source::InService, eligible),
            (WhenAllDown::Fallback(_), Some(fallback)) => {
                (Source::Fallback, fallback.offers.clone())
            }
            (WhenAllDown::None, _) => (Source::Nothing, Vec::new()),
            (WhenAllDown::Last, _) if !last.is_empty() => (Source::Last, last),
            _ => (Source::AllDown, guesses),
        };
        if pool.policy == Policy::Weighted {
            leave_out_weightless(&mut offers);
        }
        let mut ttl = ttl(pool, standings);
        if let (Source::Fallback, Some(fallback)) = (source, fallback) {
            // Whichever of the two changes first ends the answer.
            ttl = ttl.min(fallback.ttl);
        }
        let empty_ttl = |list: List| {
            // Where the pool has nothing of the list at all, nothing that health does brings any.
            let own = pool.endpoints().any(|(_, endpoint)| list.holds(&endpoint));
            if own || fallback.is_some_and(|fallback| fallback.can_have(list)) {
                pool.min_ttl
            } else {
                u32::MAX
            }
        };
        let lists = LISTS.map(|list| {
            let own = offers.iter().filter(|offer| list.holds(&offer.endpoint));
            let records: Vec<(Vec<u8>, u16)> =
                own.map(|offer| (record(&offer.endpoint, ttl), offer.weight)).collect();
            let records = records.iter().map(|(record, weight)| (record.as_slice(), *weight));
            let answers = match list {
                List::Addresses(_) => usize::from(pool.answers.get()),
                // A name has one CNAME (RFC 2181 §10.1).
                List::Targets | List::Made(_) => 1,
            };
            Handout::new(records, pool.policy, answers, empty_ttl(list))
        });
        let made = pool.made.iter().map(|made| made::handout(pool, made, &offers, &lists, ttl));
        let made = made.collect();
        Self { lists, made, counting: None, ttl, source, offers }
    }

    /// The same, its answers counted for this pool.
    #[must_use]
    pub fn counting(self, handed: &Arc<Handed<Endpoint>>) -> Self {
        let runs = |list: List| {
            let own = self.endpoints().filter(|endpoint| list.holds(endpoint));
            Runs { keys: own.cloned().collect(), width: counted_width(self.handout(list)) }
        };
        let made = self.made.iter().map(|handout| Runs {
            keys: made::keys(handout, &self.offers),
            width: counted_width(handout),
        });
        let counting = Some(handed.begin(LISTS.map(runs).into_iter().chain(made)));
        Self { counting, ..self }
    }

    /// What the pool has handed out, this version and those before it.
    #[must_use]
    pub fn handed(&self) -> Option<&Arc<Handed<Endpoint>>> {
        Some(self.counting.as_ref()?.handed())
    }

    /// Counts an answer of this draw for the thread of this index, which calls it itself.
    #[inline]
    pub fn count(&self, thread: usize, list: List, draw: u64) {
        if let Some(counting) = &self.counting {
            let place = list.place();
            starts(self.handout(list), draw, |start| counting.tally().add(thread, place, start));
        }
    }

    /// What may be handed out, in the order of the file.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.offers.iter().map(|offer| &offer.endpoint)
    }

    /// The addresses that may be handed out, in the order of the file.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.endpoints().filter_map(Endpoint::address)
    }

    /// Whether this may be handed out.
    #[must_use]
    pub fn has(&self, endpoint: &Endpoint) -> bool {
        self.endpoints().any(|other| other == endpoint)
    }

    /// The name that an answer of this draw leads to, where the list has names.
    #[inline]
    #[must_use]
    pub fn target(&self, list: List, draw: u64) -> Option<&[u8]> {
        let mut place = None;
        starts(self.handout(list), draw, |start| place = place.or(Some(start)));
        (list == List::Targets).then_some(())?;
        self.handout(list).records(place?, 1).get(RECORD_HEAD..)
    }

    /// Whether something of a list is there, or may come when health changes.
    fn can_have(&self, list: List) -> bool {
        let handout = self.handout(list);
        !handout.is_empty() || handout.empty_ttl != u32::MAX
    }

    /// The records of one list.
    #[inline]
    #[must_use]
    pub fn handout(&self, list: List) -> &Handout {
        match list {
            List::Made(place) => &self.made[place as usize],
            _ => &self.lists[list.place()],
        }
    }
}

impl PartialEq for Ready {
    fn eq(&self, other: &Self) -> bool {
        let Self { lists, made, counting: _, ttl, source, offers } = self;
        (lists, made, ttl, source, offers)
            == (&other.lists, &other.made, &other.ttl, &other.source, &other.offers)
    }
}

impl Eq for Ready {}

/// The endpoints of a pool that are in service, in the order of the file.
#[must_use]
pub fn in_service(pool: &Pool, standings: &[Standing]) -> Vec<Endpoint> {
    let serving = offers(pool, standings, |standing| standing.in_service);
    serving.into_iter().map(|offer| offer.endpoint).collect()
}

fn offers(
    pool: &Pool,
    standings: &[Standing],
    is_wanted: impl Fn(&Standing) -> bool,
) -> Vec<Offer> {
    let all = pool.backends.iter().flat_map(Offer::of);
    let wanted = all.zip(standings).filter(|(_, standing)| is_wanted(standing));
    wanted.map(|(offer, _)| offer).collect()
}

/// What is handed out as a guess.
fn guesses(pool: &Pool, standings: &[Standing]) -> Vec<Offer> {
    let not_set_down = offers(pool, standings, |standing| !standing.is_set_down);
    if not_set_down.is_empty() { offers(pool, standings, |_| true) } else { not_set_down }
}

/// One of weight 0 takes nothing while another of its list can.
fn leave_out_weightless(offers: &mut Vec<Offer>) {
    let weighed = LISTS
        .map(|list| offers.iter().any(|offer| offer.weight > 0 && list.holds(&offer.endpoint)));
    let has_other = |offer: &Offer| {
        LISTS.iter().zip(weighed).any(|(list, weighed)| weighed && list.holds(&offer.endpoint))
    };
    offers.retain(|offer| offer.weight > 0 || !has_other(offer));
}

/// Whether less than the pool's `panic` share of its weight is in service. Backends that an operator set
/// down do not count: their weight is not missed.
fn is_panic(pool: &Pool, standings: &[Standing]) -> bool {
    let mut standings = standings.iter();
    let (mut total, mut serving) = (0, 0);
    for backend in &pool.backends {
        // A backend is set down as a whole.
        let own = standings.by_ref().take(backend.endpoints().count());
        let (serves, is_set_down) = own.fold((false, false), |(serves, is_set_down), own| {
            (serves | own.in_service, is_set_down | own.is_set_down)
        });
        if !is_set_down {
            let weight = u64::from(backend.weight);
            total += weight;
            serving += if serves { weight } else { 0 };
        }
    }
    serving * 1000 < total * u64::from(pool.panic)
}

/// The pool's TTL while every address is settled; else the time until one can have changed side, at
/// least `min_ttl`.
fn ttl(pool: &Pool, standings: &[Standing]) -> u32 {
    let soonest = standings.iter().filter_map(|standing| standing.may_change_in).min();
    match soonest {
        None => pool.ttl,
        Some(time) => {
            let seconds = time.as_millis().div_ceil(1000).try_into().unwrap_or(u32::MAX);
            pool.ttl.min(seconds).max(pool.min_ttl)
        }
    }
}

#[cfg(test)]
mod tests;
