//! What a pool may hand out now, as records that are ready to be copied.
//!
//! Made anew when health changes, which is rare, so that a query has nothing left to filter:
//!
//! ```text
//!   standing of each endpoint ──▶ eligible ──▶ panic ──▶ tier ──▶ weight ──▶ lists of A, AAAA, CNAME, SRV ...; TTL
//! ```
//!
//! A version that answers also holds where its answers are counted, [`crate::counters::handed`]; that, what it remembers and when
//! it is due have no part in whether two versions are equal.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use super::candidate::{Group, Lineup};
use super::draw::{counted_width, starts};
use super::eligible::Lot;
use super::handout::{Handout, RECORD_HEAD, record};
use super::left_out::LeftOut;
pub use super::memory::Memory;
use super::roles::Cast;
use super::tables::Making;
use super::tier::Serving;
use super::{candidate, count, eligible, made, panic, tier, ttl, weight};
use crate::config::model::{Endpoint, Offer, Pool, Role};
use crate::counters::handed::{Counting, Handed, Runs};
use crate::engine::plan::{Family, List};
use crate::health::sources::Moment;

/// How one endpoint of a pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Standing {
    /// Whether it should serve.
    pub in_service: bool,
    /// Whether an operator took it out, in the file or by hand: then it is no guess either.
    pub is_set_down: bool,
    /// Whether it serves, and something about it should be seen to.
    pub is_degraded: bool,
    /// The time until it can have changed side, where it is about to.
    pub may_change_in: Option<Duration>,
    /// The part of its weight that it is to have now, in thousandths: at most [`SHARE_MOST`].
    pub share: u16,
    /// What it is due in place of its weight, beside others of its pool: follows from loads.
    pub due: Option<u32>,
    /// How busy it is, in percent, as it says.
    pub load: Option<u8>,
    /// What it is among its like, as it says.
    pub role: Option<Role>,
    /// How far it is behind its primary, as it says.
    pub lag: Option<Duration>,
    /// Whether nobody has judged it since the start, or since its check became another.
    pub is_unjudged: bool,
}

/// The share of a backend that is to have its weight, in thousandths.
pub const SHARE_WHOLE: u16 = 1000;
/// The greatest share, in thousandths.
pub const SHARE_MOST: u16 = 10_000;

impl Standing {
    /// In service, and nothing else to say.
    pub const UP: Self = Self {
        in_service: true,
        is_set_down: false,
        is_degraded: false,
        may_change_in: None,
        share: SHARE_WHOLE,
        due: None,
        load: None,
        role: None,
        lag: None,
        is_unjudged: false,
    };
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
    /// The same of the pool that they come from in the end, where that is another: of what it falls back on.
    pub origin: Source,
    /// The priority of the backends that serve, where they are in service.
    pub tier: Option<u16>,
    /// What roles came to, where it is asked for by one.
    pub cast: Cast,
    /// What may be handed out, in the order of the file.
    pub offers: Vec<Offer>,
    /// What could serve and is left out, with the reason.
    pub left_out: Vec<(Endpoint, LeftOut)>,
    /// The pools within it, in the order of the file.
    pub groups: Box<[Group]>,
    /// What it was made with.
    pub memory: Arc<Memory>,
    /// When it is to be made anew, though nothing else changes.
    pub due: Option<Duration>,
    /// What ends soon, where the TTL is short for it.
    pub ending: Option<Ending>,
}

/// What ends at a time that is known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The time for which a better tier must have been able to serve.
    Hold,
    /// What a hand set for a backend.
    Override,
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
    /// Decides what a pool hands out, stage by stage.
    ///
    /// `fallback` is what the pool's fallback hands out.
    #[must_use]
    pub fn new<'a>(
        pool: &Pool,
        lineup: impl Into<Lineup<'a>>,
        memory: &Memory,
        fallback: Option<&Ready>,
    ) -> Self {
        let lineup = lineup.into();
        let lot = Lot::of(pool, lineup, memory);
        Self::of(pool, lineup, lot, memory.clone(), fallback)
    }

    /// What a pool hands out at a moment, whose standings are as probes and hands have them: what is remembered of it weighs them, and
    /// takes in how it stands.
    #[must_use]
    pub fn next(
        pool: &Pool,
        (standings, groups): (&mut [Standing], &[Group]),
        mut memory: Memory,
        now: Moment,
        fallback: Option<&Ready>,
    ) -> Self {
        memory.weigh(pool, standings, now);
        let lineup = Lineup { endpoints: standings, groups };
        let lot = Lot::of(pool, lineup, &memory);
        memory.note_lot(pool, &lot, now);
        Self::of(pool, lineup, lot, memory, fallback)
    }

    fn of(
        pool: &Pool,
        lineup: Lineup<'_>,
        lot: Lot,
        mut memory: Memory,
        fallback: Option<&Ready>,
    ) -> Self {
        let Lineup { endpoints: standings, groups } = lineup;
        let Lot { all, eligible, cast, mut left_out, calm, able } = lot;
        let has_fallback = fallback.is_some();
        let (source, mut own) =
            panic::source(pool, &all, !calm.is_empty(), eligible, &memory.last, has_fallback);
        if source == Source::InService {
            eligible::avoid_degraded(pool, &mut own, &mut left_out);
        }
        let Serving { tier, until } = match source {
            Source::InService => tier::first(pool, &able, &memory, &mut own, &mut left_out),
            _ => Serving::default(),
        };
        weight::weigh(pool, &mut own, &mut left_out);
        let own = own.into_iter().map(|candidate| candidate.offer);
        let now = memory.at.running;
        let of_hold = until.map(|end| end.saturating_sub(now));
        let of_override = memory.until_override_ends();
        let left = of_hold.into_iter().chain(of_override).min();
        let kept = ttl::ttl(pool, standings, left);
        let is_short = kept.ttl < ttl::ttl(pool, standings, None).ttl;
        let ending = if left == of_hold { Ending::Hold } else { Ending::Override };
        let ending = is_short.then_some(ending);
        let recheck = kept.until.map(|left| now.saturating_add(left));
        let mut ttl = if cast.is_moving(pool) { pool.min_ttl } else { kept.ttl };
        // Whichever of the pools within changes first ends the answer.
        ttl = groups.iter().map(|group| group.ttl).fold(ttl, u32::min);
        let due = until.into_iter().chain(recheck).chain(memory.next_step(pool));
        let due = due.chain(memory.balance.due(pool)).min();
        let origin = match (source, fallback) {
            (Source::Fallback, Some(fallback)) => fallback.origin,
            _ => source,
        };
        let offers = match (source, fallback) {
            (Source::Fallback, Some(fallback)) => {
                // Whichever of the two changes first ends the answer.
                ttl = ttl.min(fallback.ttl);
                fallback.offers.clone()
            }
            _ => own.collect(),
        };
        let empty_ttl = |list: List| {
            // Where the pool has nothing of the list at all, nothing that health does brings any.
            let own = pool.endpoints().any(|(_, endpoint)| list.holds(&endpoint))
                || groups.iter().any(|group| group.can_have(list));
            if own || fallback.is_some_and(|fallback| fallback.can_have(list)) {
                pool.min_ttl
            } else {
                u32::MAX
            }
        };
        let mut tables = Making::after(&memory.tables);
        let (lists, made) = handouts((pool, groups), &offers, &mut tables, ttl, empty_ttl);
        let tables = tables.done();
        (memory.tier, memory.tables) = (tier.or(memory.tier), tables);
        if cast.holder.is_some() {
            (memory.primary, memory.claims) = (cast.holder.clone(), cast.claims.clone());
        }
        Self {
            lists,
            made,
            counting: None,
            ttl,
            source,
            origin,
            tier,
            cast,
            offers,
            left_out,
            groups: groups.into(),
            memory: Arc::new(memory),
            due,
            ending,
        }
    }

    /// What is handed out of it at one of its sites, which is a face of its pool. All that decides before the draw does so for
    /// the pool as a whole.
    #[must_use]
    pub fn at_site(&self, site: &Pool) -> Self {
        let own: HashSet<Endpoint> = site.endpoints().map(|(_, endpoint)| endpoint).collect();
        let offers = self.offers.iter().filter(|offer| own.contains(&offer.endpoint));
        let offers: Vec<Offer> = offers.cloned().collect();
        let left_out = self.left_out.iter().filter(|(endpoint, _)| own.contains(endpoint));
        let left_out = left_out.cloned().collect();
        // Who hands out the nearest keeps no clients.
        let mut tables = Making::default();
        let (lists, made) =
            handouts((site, &self.groups), &offers, &mut tables, self.ttl, |_| site.min_ttl);
        let (cast, memory, groups) = (self.cast.clone(), self.memory.clone(), self.groups.clone());
        let (ttl, source, tier, ending) = (self.ttl, self.source, self.tier, self.ending);
        let origin = self.origin;
        let (counting, due) = (None, None); // it is made anew with its pool
        Self {
            lists,
            made,
            counting,
            ttl,
            source,
            origin,
            tier,
            cast,
            offers,
            left_out,
            groups,
            memory,
            due,
            ending,
        }
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

    /// Why something that could serve is left out; `None` where it is not.
    #[must_use]
    pub fn why_left_out(&self, endpoint: &Endpoint) -> Option<LeftOut> {
        let own = self.left_out.iter().find(|(other, _)| other == endpoint);
        own.map(|(_, why)| *why)
    }

    /// Whether something of a list is there, or may come when health changes.
    pub(super) fn can_have(&self, list: List) -> bool {
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

/// The lists of what is offered, and what records make of it.
fn handouts(
    (pool, groups): (&Pool, &[Group]),
    offers: &[Offer],
    tables: &mut Making<'_>,
    ttl: u32,
    empty_ttl: impl Fn(List) -> u32,
) -> ([Handout; LISTS.len()], Box<[Handout]>) {
    let backends = candidate::count(pool, groups);
    let lists = LISTS.map(|list| {
        let own = offers.iter().filter(|offer| list.holds(&offer.endpoint));
        let mut records: Vec<(Vec<u8>, &Offer)> = Vec::with_capacity(own.clone().count());
        records.extend(own.map(|offer| (record(&offer.endpoint, ttl), offer)));
        let records = records.iter().map(|(record, offer)| (record.as_slice(), *offer));
        let most = count::most(pool, list);
        Handout::of((pool, backends), tables, records, most, empty_ttl(list))
    });
    let made = pool
        .made
        .iter()
        .map(|made| made::handout((pool, backends), made, offers, &lists, tables, ttl))
        .collect();
    (lists, made)
}

impl PartialEq for Ready {
    fn eq(&self, other: &Self) -> bool {
        let Self { lists, made, ttl, source, origin, tier, .. } = self;
        let Self { cast, offers, left_out, groups, ending, .. } = self;
        (lists, made, ttl) == (&other.lists, &other.made, &other.ttl)
            && (source, origin) == (&other.source, &other.origin)
            && (tier, offers, left_out) == (&other.tier, &other.offers, &other.left_out)
            && (cast, groups, ending) == (&other.cast, &other.groups, &other.ending)
    }
}

impl Eq for Ready {}

#[cfg(test)]
mod tests;
