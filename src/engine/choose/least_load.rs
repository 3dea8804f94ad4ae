//! Where the policy is least load: each backend's part of the pool follows what is free of it.
//!
//! ```text
//!   free = 1 - load      wanted = weight × free ÷ the sum of these      every interval: part += gain × mean free × (wanted - part)
//! ```
//!
//! A load follows its part only after a while, as clients keep answers for a TTL, so parts that went all the way at once would swing. The
//! less is free, the more a little of it makes of what is wanted; with the mean in the way, what a part does to its own load comes
//! back as the gain and no more, however busy the pool is. The backends of one priority share among themselves: those that
//! wait have no load to compare.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use super::ready::Standing;
use super::weight::PLACES_MAX;
use crate::config::model::{Policy, Pool};

/// What part of the way is gone in an interval while all is free. Loads may then come as much as six intervals after what they follow
/// from before parts swing for ever.
const GAIN: f64 = 0.2;
/// How many intervals a TTL may have at this gain; with more, each goes less of the way.
const INTERVALS: f64 = 3.0;
/// The furthest that a part moves in an interval, of the whole; also what all that come up begin with together.
const MOVE_MAX: f64 = 0.1;
/// How finely parts are handed out: so many answers a full turn, or so many for each backend where they are many.
const TURN: usize = 256;
/// See [`TURN`].
const TURN_EACH: usize = 8;
/// From one move to the next in a pool without checks: there a hand alone takes backends out and in.
const UNCHECKED: Duration = Duration::from_secs(10);
/// Parts are remembered in millionths.
const MILLION: f64 = 1_000_000.0;

/// The part of each backend, from one choice to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// By name, of those of the same priority, in millionths.
    parts: BTreeMap<String, u32>,
    /// When they last moved, by the running clock.
    moved: Option<Duration>,
}

/// A backend that takes part.
struct Member<'p> {
    name: &'p str,
    priority: u16,
    weight: f64,
    load: Option<u8>,
    /// The places of its endpoints.
    own: Range<usize>,
}

impl Balance {
    /// Takes in how the pool stands at a moment, and gives each that serves its part.
    pub(super) fn follow(&mut self, pool: &Pool, standings: &mut [Standing], now: Duration) {
        if pool.policy != Policy::LeastLoad {
            *self = Self::default();
            return;
        }
        let members = members(pool, standings);
        let interval = interval(pool);
        let since = now.saturating_sub(self.moved.unwrap_or(now));
        let gain = (since >= interval).then(|| gain(pool, interval));
        if gain.is_some() || self.moved.is_none() {
            self.moved = Some(now);
        }
        let mut kept = BTreeMap::new();
        let priorities: BTreeSet<u16> = members.iter().map(|member| member.priority).collect();
        for priority in priorities {
            let tier = members.iter().filter(|member| member.priority == priority);
            // Weight 0 takes nothing, and where all have it none is before another.
            let (own, idle): (Vec<_>, Vec<_>) = tier.partition(|member| member.weight > 0.0);
            if own.is_empty() {
                continue;
            }
            for member in idle {
                standings[member.own.clone()].iter_mut().for_each(|one| one.due = Some(0));
            }
            let (mut parts, is_same) = self.parts(&own);
            // Who comes up makes others move as well; one of the two is enough for an interval.
            if let Some(gain) = gain.filter(|_| is_same) {
                move_on(&mut parts, &own, gain);
            }
            #[expect(clippy::cast_precision_loss, reason = "at most 4,096")]
            let turn = (own.len() * TURN_EACH).clamp(TURN, PLACES_MAX) as f64;
            for (member, part) in own.into_iter().zip(parts) {
                let due = rounded(part * turn).max(1);
                standings[member.own.clone()].iter_mut().for_each(|one| one.due = Some(due));
                kept.insert(member.name.to_owned(), rounded(part * MILLION));
            }
        }
        self.parts = kept;
    }

    /// The part of each before it moves, one together, and whether all of them had one.
    fn parts(&self, own: &[&Member<'_>]) -> (Vec<f64>, bool) {
        let before = |member: &Member<'_>| self.parts.get(member.name).copied().map(f64::from);
        let total: f64 = own.iter().filter_map(|member| before(member)).sum();
        let weights: f64 = own.iter().map(|member| member.weight).sum();
        if total == 0.0 {
            return (own.iter().map(|member| member.weight / weights).collect(), false);
        }
        let new = own.iter().filter(|member| before(member).is_none());
        let new: f64 = new.map(|member| member.weight).sum();
        let given = (new / weights).min(MOVE_MAX);
        let part = |member: &&Member<'_>| match before(member) {
            Some(part) => part / total * (1.0 - given),
            None => member.weight / new * given,
        };
        (own.iter().map(part).collect(), new == 0.0)
    }

    /// When parts move next.
    pub(super) fn due(&self, pool: &Pool) -> Option<Duration> {
        Some(self.moved? + interval(pool))
    }
}

/// The backends that serve.
fn members<'p>(pool: &'p Pool, standings: &[Standing]) -> Vec<Member<'p>> {
    let mut begin = 0;
    let mut members = Vec::with_capacity(pool.backends.len());
    for backend in &pool.backends {
        let own = begin..begin + backend.endpoints().count();
        begin = own.end;
        let serving = standings[own.clone()].iter().filter(|standing| standing.in_service);
        let loads: Vec<Option<u8>> = serving.map(|standing| standing.load).collect();
        // Of several addresses the busiest.
        let Some(load) = loads.into_iter().max() else { continue };
        let (name, priority) = (backend.name.as_str(), backend.priority);
        members.push(Member { name, priority, weight: backend.weight.into(), load, own });
    }
    members
}

/// From one move to the next: the time in which each of the pool's checks has news.
fn interval(pool: &Pool) -> Duration {
    let checks = pool.backends.iter().filter_map(|backend| pool.check_of(backend));
    checks.map(|check| check.interval).max().unwrap_or(UNCHECKED)
}

/// What part of the way is gone in an interval.
fn gain(pool: &Pool, interval: Duration) -> f64 {
    let in_ttl = f64::from(pool.ttl) / interval.as_secs_f64();
    GAIN * (INTERVALS / in_ttl).min(1.0)
}

/// Moves each part on its way to what is free.
fn move_on(parts: &mut [f64], own: &[&Member<'_>], gain: f64) {
    let free = |load: u8| 1.0 - f64::from(load.min(100)) / 100.0;
    let known: Vec<f64> = own.iter().filter_map(|member| member.load).map(free).collect();
    // Whose load nobody knows is as the others are.
    let usual = mean(known.iter().map(|free| (1.0, *free)));
    let mut free: Vec<f64> =
        own.iter().map(|member| member.load.map_or(usual.unwrap_or(1.0), free)).collect();
    if free.iter().all(|free| *free == 0.0) {
        free.fill(1.0);
    }
    let weighed = || own.iter().zip(&free).map(|(member, free)| (member.weight, *free));
    let way = gain * mean(weighed()).unwrap_or(1.0);
    let total: f64 = weighed().map(|(weight, free)| weight * free).sum();
    let moves: Vec<f64> = weighed()
        .zip(&*parts)
        .map(|((weight, free), part)| way * (weight * free / total - part))
        .collect();
    // Shortened alike, so that the parts stay one together.
    let most = moves.iter().fold(0.0, |most: f64, own| most.max(own.abs()));
    let kept = if most > MOVE_MAX { MOVE_MAX / most } else { 1.0 };
    parts.iter_mut().zip(moves).for_each(|(part, own)| *part += own * kept);
}

/// The mean of values by their weights; of none there is no mean.
fn mean(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (weights, sum) =
        values.fold((0.0, 0.0), |(all, sum), (weight, value)| (all + weight, sum + weight * value));
    (weights > 0.0).then(|| sum / weights)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
fn rounded(number: f64) -> u32 {
    number.round() as u32
}

/// How busy a backend is and what part of its list's answers it should have, for people: "free 40 %, 12 % of the pool".
#[must_use]
pub fn text(pool: &Pool, load: Option<u8>, due: f64) -> Option<String> {
    if pool.policy != Policy::LeastLoad {
        return None;
    }
    let part = format!("{:.0} % of the pool", 100.0 * due);
    Some(match load {
        Some(load) => format!("free {} %, {part}", 100 - load.min(100)),
        None => format!("load unknown, {part}"),
    })
}

#[cfg(test)]
mod tests;
