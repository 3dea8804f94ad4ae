//! What a pool may hand out now, as records that are ready to be copied.
//!
//! Made anew when health changes, which is rare, so that a query has nothing left to filter:
//!
//! ```text
//!   standing of each address ──▶ eligible ──▶ panic? all down? ──▶ A list, AAAA list, TTL
//! ```
//!
//! A version that answers also holds where its answers are counted, [`crate::counters::handed`]; that has no
//! part in whether two versions are equal.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::turn::{counted_width, starts};
use crate::config::model::{Backend, Policy, Pool, WhenAllDown};
use crate::counters::handed::{Counting, Handed, List, Runs};
use crate::engine::plan::Family;
use crate::rdata::rtype;
use crate::wire::{HEADER, class};

/// How one address of a pool stands.
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
    v4: Handout,
    v6: Handout,
    /// Where its answers are counted; a version that is only looked at counts none.
    counting: Option<Counting>,
    /// Seconds that the answer may be kept.
    pub ttl: u32,
    /// Where the addresses come from.
    pub source: Source,
    /// The addresses, in the order of the file.
    pub addresses: Vec<IpAddr>,
}

/// Where the addresses that are handed out come from.
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
    /// `standings` has one entry for each address, in the order of the file; `last` are the addresses that were in
    /// service last; `fallback` is what the pool's fallback hands out.
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
    /// "in service last" leave it out, unless all are set down.
    #[must_use]
    pub fn new(
        pool: &Pool,
        standings: &[Standing],
        last: &[IpAddr],
        fallback: Option<&Ready>,
    ) -> Self {
        let eligible = in_service(pool, standings);
        let guesses = guesses(pool, standings);
        let last = guesses.iter().copied().filter(|address| last.contains(address));
        let last: Vec<IpAddr> = last.collect();
        let (source, addresses) = match (pool.when_all_down, fallback) {
            _ if !eligible.is_empty() && is_panic(pool, standings) => (Source::Panic, guesses),
            _ if !eligible.is_empty() => (Source::InService, eligible),
            (WhenAllDown::Fallback(_), Some(fallback)) => {
                (Source::Fallback, fallback.addresses.clone())
            }
            (WhenAllDown::None, _) => (Source::Nothing, Vec::new()),
            (WhenAllDown::Last, _) if !last.is_empty() => (Source::Last, last),
            _ => (Source::AllDown, guesses),
        };
        let mut ttl = ttl(pool, standings);
        if let (Source::Fallback, Some(fallback)) = (source, fallback) {
            // Whichever of the two changes first ends the answer.
            ttl = ttl.min(fallback.ttl);
        }
        let empty_ttl = |family: Family| {
            // Where the pool has no address of the family at all, nothing that health does brings one.
            let own = addresses_of(pool).any(|(_, address)| family.holds(address));
            if own || fallback.is_some_and(|fallback| fallback.can_have(family)) {
                pool.min_ttl
            } else {
                u32::MAX
            }
        };
        let handout = |family: Family| {
            let of_family = addresses.iter().copied().filter(|address| family.holds(*address));
            let of_family: Vec<IpAddr> = of_family.collect();
            let answers = usize::from(pool.answers.get());
            Handout::new(&of_family, ttl, pool.policy, answers, empty_ttl(family))
        };
        let (v4, v6) = (handout(Family::V4), handout(Family::V6));
        Self { v4, v6, counting: None, ttl, source, addresses }
    }

    /// The same, its answers counted for this pool.
    #[must_use]
    pub fn counting(self, handed: &Arc<Handed>) -> Self {
        let runs = |family: Family| {
            let of_family = self.addresses.iter().filter(|address| family.holds(**address));
            Runs {
                addresses: of_family.copied().collect(),
                width: counted_width(self.handout(family)),
            }
        };
        let counting = Some(handed.begin(runs(Family::V4), runs(Family::V6)));
        Self { counting, ..self }
    }

    /// What the pool has handed out, this version and those before it.
    #[must_use]
    pub fn handed(&self) -> Option<&Arc<Handed>> {
        Some(self.counting.as_ref()?.handed())
    }

    /// Counts an answer of this draw for the thread of this index, which calls it itself.
    #[inline]
    pub fn count(&self, thread: usize, family: Family, draw: u64) {
        if let Some(counting) = &self.counting {
            let list = if family == Family::V4 { List::V4 } else { List::V6 };
            starts(self.handout(family), draw, |start| counting.tally().add(thread, list, start));
        }
    }

    /// Whether an address of a family is there, or may come when health changes.
    fn can_have(&self, family: Family) -> bool {
        let handout = self.handout(family);
        !handout.is_empty() || handout.empty_ttl != u32::MAX
    }

    /// The records of one family.
    #[inline]
    #[must_use]
    pub fn handout(&self, family: Family) -> &Handout {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl PartialEq for Ready {
    fn eq(&self, other: &Self) -> bool {
        let Self { v4, v6, counting: _, ttl, source, addresses } = self;
        (v4, v6, ttl, source, addresses)
            == (&other.v4, &other.v6, &other.ttl, &other.source, &other.addresses)
    }
}

impl Eq for Ready {}

/// The addresses of a pool that are in service, in the order of the file.
#[must_use]
pub fn in_service(pool: &Pool, standings: &[Standing]) -> Vec<IpAddr> {
    addresses_of(pool)
        .zip(standings)
        .filter(|(_, standing)| standing.in_service)
        .map(|((_, address), _)| address)
        .collect()
}

/// Every address of a pool with its backend, in the order of the file.
pub fn addresses_of(pool: &Pool) -> impl Iterator<Item = (&Backend, IpAddr)> {
    pool.backends
        .iter()
        .flat_map(|backend| backend.addresses.iter().map(move |address| (backend, *address)))
}

/// What is handed out as a guess.
fn guesses(pool: &Pool, standings: &[Standing]) -> Vec<IpAddr> {
    let all = || addresses_of(pool).map(|(_, address)| address);
    let not_set_down: Vec<IpAddr> = all()
        .zip(standings)
        .filter(|(_, own)| !own.is_set_down)
        .map(|(address, _)| address)
        .collect();
    if not_set_down.is_empty() { all().collect() } else { not_set_down }
}

/// Whether less than the pool's `panic` share of its weight is in service. Backends that an operator set
/// down do not count: their weight is not missed.
fn is_panic(pool: &Pool, standings: &[Standing]) -> bool {
    let mut standings = standings.iter();
    let (mut total, mut serving) = (0, 0);
    for backend in &pool.backends {
        // A backend is set down as a whole.
        let own = standings.by_ref().take(backend.addresses.len());
        let (serves, is_set_down) = own.fold((false, false), |(serves, is_set_down), own| {
            (serves | own.in_service, is_set_down | own.is_set_down)
        });
        if !is_set_down {
            let weight = u64::from(backend.weight.get());
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

/// The records of one family, ready to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handout {
    /// Every record twice in a row, so that any rotation of them is one run.
    records: Box<[u8]>,
    stride: usize,
    count: usize,
    /// How many records an answer takes, at most as many as there are.
    pub answers: usize,
    /// How they are chosen.
    pub policy: Policy,
    /// Seconds that "no address" may be kept when the list is empty, at most.
    pub empty_ttl: u32,
}

impl Handout {
    /// The records of these addresses, which are of one family.
    #[must_use]
    pub fn new(
        addresses: &[IpAddr],
        ttl: u32,
        policy: Policy,
        answers: usize,
        empty_ttl: u32,
    ) -> Self {
        let one = |address: &IpAddr| record(*address, ttl);
        let records: Vec<u8> = addresses.iter().chain(addresses).flat_map(one).collect();
        let count = addresses.len();
        Self {
            stride: records.len().checked_div(2 * count).unwrap_or(1),
            records: records.into_boxed_slice(),
            count,
            answers: answers.min(count),
            policy,
            empty_ttl,
        }
    }

    /// Whether there is no record.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many records there are.
    #[inline]
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The bytes of one record.
    #[inline]
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// A run of `count` records from the one at `start`, around the end where need be; both at most
    /// [`Self::count`].
    #[inline]
    #[must_use]
    pub fn records(&self, start: usize, count: usize) -> &[u8] {
        &self.records[start * self.stride..(start + count) * self.stride]
    }
}

/// A whole record, its owner a pointer to the question's name.
fn record(address: IpAddr, ttl: u32) -> Vec<u8> {
    let (rtype, octets) = match address {
        IpAddr::V4(address) => (rtype::A, address.octets().to_vec()),
        IpAddr::V6(address) => (rtype::AAAA, address.octets().to_vec()),
    };
    let mut record = Vec::with_capacity(12 + octets.len());
    record.extend_from_slice(&[0xc0, HEADER as u8]);
    record.extend_from_slice(&rtype.to_be_bytes());
    record.extend_from_slice(&class::IN.to_be_bytes());
    record.extend_from_slice(&ttl.to_be_bytes());
    record.extend_from_slice(&(octets.len() as u16).to_be_bytes());
    record.extend_from_slice(&octets);
    record
}

#[cfg(test)]
mod tests;
