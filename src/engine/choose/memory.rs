//! What is remembered of a pool from one choice to the next, as some choices look at the past.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::candidate::Lineup;
use super::eligible::Lot;
use super::least_load::Balance;
use super::ready::{SHARE_WHOLE, Standing};
use super::tables::Tables;
use crate::config::model::{Endpoint, Pool, Role};
use crate::health::sources::Moment;

/// What is remembered of what a pool handed out before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What was in service last.
    pub last: Vec<Endpoint>,
    /// The priority of the backends that served last.
    pub tier: Option<u16>,
    /// The backend that was primary last, in a pool that is asked for by a role.
    pub primary: Option<String>,
    /// The backends that said that they are primary when one of them was.
    pub claims: Vec<String>,
    /// When this was.
    pub at: Moment,
    /// When the next override of a backend ends, in unix milliseconds.
    pub override_ends: Option<u64>,
    /// Since when each tier could serve without a break, by the running clock; those that cannot have none.
    pub able: BTreeMap<u16, Duration>,
    /// What was out of service.
    pub out: BTreeSet<Endpoint>,
    /// Since when what starts slowly serves, by the running clock.
    pub rising: BTreeMap<Endpoint, Duration>,
    /// The parts that follow from loads, where they choose.
    pub balance: Balance,
    /// The tables by which clients keep their backends.
    pub tables: Tables,
}

/// In how many steps a slow start goes from [`SLOW_LEAST`] to the whole: so many times is the pool made anew.
const SLOW_STEPS: u32 = 18;
/// With what part of its weight a slow start begins, in thousandths: enough that a backend's caches and pools fill, and that what it lacks
/// shows while it has few clients. With this and the steps, each share is a multiple of a twentieth, so that turns stay short.
const SLOW_LEAST: u32 = 100;

/// How many steps of a slow start are over after a time.
fn steps(pool: &Pool, after: Duration) -> u32 {
    let step = (pool.slow_start / SLOW_STEPS).max(Duration::from_nanos(1));
    (after.as_nanos() / step.as_nanos()).min(SLOW_STEPS.into()) as u32
}

/// The part of a weight after a time, in thousandths.
fn slow(pool: &Pool, after: Duration) -> u32 {
    let whole = u32::from(SHARE_WHOLE);
    SLOW_LEAST + (whole - SLOW_LEAST) * steps(pool, after) / SLOW_STEPS
}

impl Memory {
    /// Takes in how the pool stands at a moment.
    pub fn note<'a>(&mut self, pool: &Pool, lineup: impl Into<Lineup<'a>>, at: Moment) {
        let lot = Lot::of(pool, lineup.into(), self);
        self.note_lot(pool, &lot, at);
    }

    /// The same of a lot that this memory was there for.
    pub(super) fn note_lot(&mut self, pool: &Pool, lot: &Lot, at: Moment) {
        self.at = at;
        let Lot { all, eligible, able, .. } = lot;
        self.able.retain(|tier, _| able.contains(tier));
        for tier in able {
            self.able.entry(*tier).or_insert(at.running);
        }
        if !eligible.is_empty() {
            self.last.clear();
            self.last.extend(eligible.iter().map(|candidate| candidate.offer.endpoint.clone()));
        } else if pool.role() == Some(Role::Primary) {
            // What says that it is a replica now is so still when it is down.
            self.last.retain(|endpoint| {
                let own = all.iter().find(|candidate| candidate.offer.endpoint == *endpoint);
                own.is_none_or(|candidate| candidate.standing.role != Some(Role::Replica))
            });
        }
    }

    /// Takes in loads and who comes up, and has the standings say what each is to have at a moment.
    pub(super) fn weigh(&mut self, pool: &Pool, standings: &mut [Standing], at: Moment) {
        self.at = at;
        self.slow_down(pool, standings);
        self.balance.follow(pool, standings, self.at.running);
    }

    /// Takes in who comes up, and takes from the shares what a slow start leaves out.
    fn slow_down(&mut self, pool: &Pool, standings: &mut [Standing]) {
        if pool.slow_start.is_zero() {
            self.out.clear();
            self.rising.clear();
            return;
        }
        let now = self.at.running;
        let (mut out, mut rising) = (BTreeSet::new(), BTreeMap::new());
        for ((_, endpoint), standing) in pool.endpoints().zip(standings) {
            if !standing.in_service {
                out.insert(endpoint);
                continue;
            }
            let since = self.rising.get(&endpoint).copied();
            let since = since.or_else(|| self.out.contains(&endpoint).then_some(now));
            let Some(since) =
                since.filter(|since| steps(pool, now.saturating_sub(*since)) < SLOW_STEPS)
            else {
                continue;
            };
            let share = slow(pool, now.saturating_sub(since));
            standing.share = (u32::from(standing.share) * share / u32::from(SHARE_WHOLE)) as u16;
            rising.insert(endpoint, since);
        }
        (self.out, self.rising) = (out, rising);
    }

    /// What part of its weight something has that starts slowly, in per cent.
    #[must_use]
    pub fn slow_start(&self, pool: &Pool, endpoint: &Endpoint) -> Option<u32> {
        let since = self.rising.get(endpoint)?;
        Some(slow(pool, self.at.running.saturating_sub(*since)) / 10)
    }

    /// When the next step of a slow start is due.
    pub(super) fn next_step(&self, pool: &Pool) -> Option<Duration> {
        let step = pool.slow_start / SLOW_STEPS;
        let next = |since: &Duration| {
            *since + step * (steps(pool, self.at.running.saturating_sub(*since)) + 1)
        };
        self.rising.values().map(next).min()
    }

    /// How long until the next override ends.
    pub(super) fn until_override_ends(&self) -> Option<Duration> {
        let end = self.override_ends?;
        Some(Duration::from_millis(end.saturating_sub(self.at.unix)))
    }
}
