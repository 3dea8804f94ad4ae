//! Records that are ready to be copied into answers.

use std::sync::Arc;

use super::draw::{Way, turn};
use super::tables::{Making, Of};
use super::{hash, weight};
use crate::config::model::{Endpoint, HashBy, Offer, Policy, Pool};
use crate::rdata::rtype;
use crate::wire::{HEADER, class};

/// The bytes of a record before its RDATA, the owner being a pointer.
pub const RECORD_HEAD: usize = 12;

/// The records of one form, ready to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handout {
    /// Every record twice in a row, so that any rotation of them is one run.
    records: Box<[u8]>,
    /// The bytes of each record; 0 where they differ.
    stride: usize,
    /// Where each record begins, and the end, where they differ in length.
    starts: Box<[u32]>,
    count: usize,
    /// How many records stand together, and are counted and chosen as one.
    each: usize,
    /// How many an answer takes, at most as many as there are.
    pub answers: usize,
    /// How they are chosen. Where all weights are alike, and where every answer has all of them, weights choose as
    /// round robin does.
    pub way: Way,
    /// The places that each answer of a full turn takes, where weights choose.
    turns: Arc<[u16]>,
    /// Seconds that "no address" may be kept when the list is empty, at most.
    pub empty_ttl: u32,
}

impl Handout {
    /// These records, which are whole and have their weights.
    #[must_use]
    pub fn new<'r>(
        records: impl IntoIterator<Item = (&'r [u8], u32)>,
        policy: Policy,
        answers: usize,
        empty_ttl: u32,
    ) -> Self {
        let (records, weights): (Vec<&[u8]>, Vec<u32>) = records.into_iter().unzip();
        let count = records.len();
        let answers = answers.min(count);
        let way = match Way::of(policy) {
            Way::Turns
                if answers == count || weights.iter().all(|weight| *weight == weights[0]) =>
            {
                Way::Rotation
            }
            way => way,
        };
        let (answers, turns) = match way {
            Way::Turns => {
                // Who has no weight has no place: SRV is of both families, in one of which nobody else may have any.
                let weighed = weights.iter().filter(|weight| **weight > 0).count();
                let answers = answers.min(weighed);
                (answers, weight::turns(&weights, answers).into())
            }
            _ => (answers, Arc::default()),
        };
        let first = records.first().map_or(0, |record| record.len());
        let is_uniform = records.iter().all(|record| record.len() == first);
        let twice = || records.iter().chain(&records);
        let mut bytes =
            Vec::with_capacity(2 * records.iter().map(|record| record.len()).sum::<usize>());
        twice().for_each(|record| bytes.extend_from_slice(record));
        let ends = twice().scan(0, |end: &mut u32, record| {
            *end += record.len() as u32;
            Some(*end)
        });
        Self {
            stride: if is_uniform { first } else { 0 },
            starts: if is_uniform { Box::default() } else { [0].into_iter().chain(ends).collect() },
            records: bytes.into_boxed_slice(),
            count,
            each: 1,
            answers,
            way,
            turns,
            empty_ttl,
        }
    }

    /// These records as a pool of so many backends hands them out, each with what is offered by it.
    #[must_use]
    pub(super) fn of<'r>(
        (pool, backends): (&Pool, usize),
        tables: &mut Making<'_>,
        records: impl IntoIterator<Item = (&'r [u8], &'r Offer)>,
        answers: usize,
        empty_ttl: u32,
    ) -> Self {
        let records = records.into_iter();
        if pool.policy == Policy::Hash {
            let rows = hash::rows_of(backends);
            return Self::keyed(records, (pool.hash, rows), tables, answers, empty_ttl);
        }
        Self::new(
            records.map(|(record, offer)| (record, offer.part)),
            pool.policy,
            answers,
            empty_ttl,
        )
    }

    /// These records, of which each client keeps its own; each has what is offered by it.
    fn keyed<'r>(
        records: impl IntoIterator<Item = (&'r [u8], &'r Offer)>,
        (by, full): (HashBy, usize),
        tables: &mut Making<'_>,
        answers: usize,
        empty_ttl: u32,
    ) -> Self {
        let records: Vec<_> = records.into_iter().collect();
        let plain = records.iter().map(|(record, offer)| (*record, offer.part));
        let plain = Self::new(plain, Policy::Fixed, answers, empty_ttl);
        // Of one there is nothing to choose.
        if plain.count < 2 {
            return plain;
        }
        let offers = records.iter().map(|(_, offer)| offer);
        let backends = offers.clone().map(|own| (own.identity, own.part)).collect();
        let groups = offers.map(|own| own.group).collect();
        let of = Of { backends, groups, answers: plain.answers, most: answers, full };
        let turns = tables.places(of);
        Self { way: Way::Keys(by), turns, ..plain }
    }

    /// The same, where each is so many records that stand together.
    #[must_use]
    pub fn of_each(self, each: usize) -> Self {
        Self { each, ..self }
    }

    /// How many records so many of it are.
    #[inline]
    #[must_use]
    pub fn records_in(&self, count: usize) -> usize {
        count * self.each
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

    /// The bytes that the answer of this draw takes.
    #[inline]
    #[must_use]
    pub fn size(&self, draw: u64) -> usize {
        if self.stride > 0 {
            return self.answers * self.stride;
        }
        let mut size = 0;
        let Ok(()) = turn(self, draw, |run, _| {
            size += run.len();
            Ok::<(), std::convert::Infallible>(())
        });
        size
    }

    /// A run of `count` records from the one at `start`, around the end where need be; both at most
    /// [`Self::count`].
    #[inline]
    #[must_use]
    pub fn records(&self, start: usize, count: usize) -> &[u8] {
        let at = |place: usize| match self.stride {
            0 => self.starts[place] as usize,
            stride => place * stride,
        };
        &self.records[at(start)..at(start + count)]
    }

    /// The type of its records, where it has any.
    #[must_use]
    pub fn rtype(&self) -> Option<u16> {
        let rtype = self.records.get(2..4)?;
        Some(u16::from_be_bytes([rtype[0], rtype[1]]))
    }

    /// After how many turns it begins anew.
    #[must_use]
    pub fn turns(&self) -> usize {
        match self.way {
            Way::Turns | Way::Keys(_) => self.turns.len() / self.answers,
            _ => self.count,
        }
    }

    /// The RDATA of each, where each is one record.
    pub fn rdatas(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).map(|place| &self.records(place, 1)[RECORD_HEAD..])
    }

    /// The places that an answer of this turn takes, where weights choose.
    #[inline]
    #[must_use]
    pub fn places(&self, draw: u64) -> &[u16] {
        let rows = (self.turns.len() / self.answers) as u64;
        let row = match self.way {
            Way::Keys(_) => ((u128::from(draw) * u128::from(rows)) >> 64) as usize,
            _ => (draw % rows) as usize,
        };
        &self.turns[row * self.answers..(row + 1) * self.answers]
    }

    /// The part of all that is handed out that each record should be, in their order.
    #[must_use]
    pub fn due(&self) -> Vec<f64> {
        let mut times = vec![0_u32; self.count];
        match self.way {
            Way::Rotation | Way::Chance => times.fill(1),
            Way::First => times[..self.answers].fill(1),
            Way::Turns | Way::Keys(_) => {
                self.turns.iter().for_each(|place| times[usize::from(*place)] += 1);
            }
        }
        let total: u32 = times.iter().sum();
        times.into_iter().map(|own| f64::from(own) / f64::from(total)).collect()
    }
}

/// A whole record of an address or a target, its owner a pointer to the question's name.
#[must_use]
pub fn record(endpoint: &Endpoint, ttl: u32) -> Vec<u8> {
    use std::net::IpAddr::{V4, V6};

    match endpoint {
        Endpoint::Address(V4(address)) => whole(rtype::A, ttl, &address.octets()),
        Endpoint::Address(V6(address)) => whole(rtype::AAAA, ttl, &address.octets()),
        // Written out: where the zone's name stands in a message is not known before the query.
        Endpoint::Target(name) => whole(rtype::CNAME, ttl, name.as_wire()),
    }
}

/// A whole record, its owner a pointer to the question's name.
#[must_use]
pub fn whole(rtype: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(RECORD_HEAD + rdata.len());
    record.extend_from_slice(&[0xc0, HEADER as u8]);
    record.extend_from_slice(&rtype.to_be_bytes());
    record.extend_from_slice(&class::IN.to_be_bytes());
    record.extend_from_slice(&ttl.to_be_bytes());
    record.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    record.extend_from_slice(rdata);
    record
}
