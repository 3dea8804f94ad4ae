//! What part of the answers each backend has, where that is what the rule is about: a slow start, and loads.
//!
//! A pool is asked so often at one moment that parts show. What is expected follows from what the manual says of them.

use std::time::Duration;

use super::estate::{Estate, Set, each, one};
use super::faults::Day;
use super::rules::Sure;
use super::worst::Worst;

/// How often a pool is asked to see parts: as often as a full turn of loads is long.
pub(super) const TIMES: u32 = 256;
/// From one time to the next: less than the interval in which parts move once.
pub(super) const EVERY: u64 = 9;
/// How many answers more or less there may be, as turns are whole answers and are looked at from anywhere.
const ROUNDED: f64 = 4.0;
/// After this without a change, parts are what is wanted: 24 intervals, each of which goes a fifth of the way, less what is busy.
const SETTLED: Duration = Duration::from_secs(240);
/// How far parts may then be from what is wanted, which has moved meanwhile.
const OFF: f64 = 0.06;
/// With less than this free of all, in per cent, parts move slower, and a little of it makes more of what is wanted.
const FREE: f64 = 30.0;
/// No part moves further than this in an interval.
const MOVE: f64 = 0.1;
/// For so long after a partition it is not sure who came up when.
const UNSURE: Duration = Duration::from_secs(240);

/// How busy the backends are of the pool that goes by it, from what they were handed out.
pub(super) struct Loads {
    pub(super) pool: usize,
    /// The parts, by when they were so.
    parts: Vec<(Duration, Vec<f64>)>,
    /// Since when the same are up, for sure.
    steady: Option<(Duration, Set)>,
    pub(super) looked_at: u64,
}

/// What the clients of all want, in units of what a usual backend can do.
const DEMAND: f64 = 3.6;
/// What each can do: not what their weights say.
const ABLE: [f64; 6] = [1.0, 0.6, 1.4, 1.0, 2.0, 1.2];
/// Clients follow what is handed out after the TTL.
const FOLLOW: Duration = Duration::from_secs(30);

impl Loads {
    pub(super) fn new(estate: &Estate, pool: usize) -> Self {
        let weights = estate.weights(pool);
        let all: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let parts = weights.iter().map(|(_, weight)| weight / all).collect();
        Self { pool, parts: vec![(Duration::ZERO, parts)], steady: None, looked_at: 0 }
    }

    /// How busy a backend of the pool is, in per cent, by its place.
    #[expect(clippy::cast_sign_loss, reason = "it is between 0 and 100")]
    pub(super) fn load(&self, place: usize, now: Duration) -> u8 {
        let follows = self.parts.partition_point(|(at, _)| *at + FOLLOW <= now);
        let (_, parts) = &self.parts[follows.saturating_sub(1)];
        // More and less in the course of an hour.
        let turn = now.as_secs_f64() / 3600.0 * std::f64::consts::TAU;
        let demand = DEMAND * (1.0 + 0.2 * turn.sin());
        (100.0 * demand * parts[place] / ABLE[place]).round().clamp(0.0, 100.0) as u8
    }

    /// Looks at how often each was handed out.
    pub(super) fn see(
        &mut self,
        estate: &Estate,
        sure: Sure,
        counts: &[u32],
        now: Duration,
        seed: u64,
    ) {
        let weights = estate.weights(self.pool);
        let own = estate.pools[self.pool].own;
        let is_sure = own & !(sure.up | sure.down) == 0;
        let up = sure.up & own;
        let steady = self.steady.filter(|(_, before)| is_sure && *before == up);
        self.steady = is_sure.then_some(steady.unwrap_or((now, up)));
        let total = f64::from(counts.iter().sum::<u32>());
        let parts: Vec<f64> = counts.iter().map(|count| f64::from(*count) / total).collect();
        let loads: Vec<f64> =
            (0..weights.len()).map(|place| f64::from(self.load(place, now))).collect();
        if let Some((since, _)) = steady
            && let Some((_, before)) = self.parts.last()
        {
            self.looked_at += 1;
            let rounded = ROUNDED / f64::from(TIMES);
            for (place, (now_part, before)) in parts.iter().zip(before).enumerate() {
                let moved = (now_part - before).abs();
                assert!(
                    moved <= MOVE + rounded,
                    "seed {seed} at {now:?}: the part of {place} goes from {before} to {now_part}"
                );
            }
            let free = |place: usize| {
                let is_up = up & one(weights[place].0) != 0;
                if is_up { weights[place].1 * (100.0 - loads[place]) } else { 0.0 }
            };
            let all: f64 = (0..weights.len()).map(free).sum();
            let in_service = weights.iter().filter(|(backend, _)| up & one(*backend) != 0);
            let is_busy = all <= FREE * in_service.map(|(_, weight)| weight).sum::<f64>();
            for (place, part) in parts.iter().enumerate() {
                let wanted = free(place) / all;
                assert!(
                    is_busy || now < since + SETTLED || (part - wanted).abs() <= OFF,
                    "seed {seed} at {now:?}: the part of {place} is {part}, and {wanted} is wanted since {since:?}"
                );
            }
        }
        self.parts.push((now, parts));
    }
}

/// What the parts must be of backends that may be in a slow start; says how many surely are.
pub(super) fn see_slow(
    estate: &Estate,
    pool: usize,
    (day, worst, sure): (&Day, &[Worst], Sure),
    counts: &[u32],
    now: Duration,
    seed: u64,
) -> u64 {
    let row = &estate.pools[pool].row;
    let is_sure = estate.pools[pool].own & !(sure.up | sure.down) == 0;
    if !is_sure || day.partition(now).is_some_and(|(_, end)| now < end + UNSURE) {
        return 0;
    }
    let weights = estate.weights(pool);
    // The least and the greatest share of its weight that each may have.
    let shares = weights.iter().map(|(backend, weight)| {
        if sure.up & one(*backend) == 0 {
            return (0.0, 0.0);
        }
        let Some(fault) = day.last_fault(*backend, now) else { return (*weight, *weight) };
        let detection = worst[pool].detection;
        let fell = fault.is_dead() && fault.begin + detection <= fault.end;
        let since = now.saturating_sub(fault.end);
        let least = since.saturating_sub(row.check.recovery() + Duration::from_secs(1));
        let most = if fell { slow(row.slow_start, since) } else { 1.0 };
        (weight * slow(row.slow_start, least), weight * most)
    });
    let shares: Vec<(f64, f64)> = shares.collect();
    let sum = |of: fn(&(f64, f64)) -> f64| shares.iter().map(of).sum::<f64>();
    let (least_of_all, most_of_all) = (sum(|share| share.0), sum(|share| share.1));
    if most_of_all == 0.0 {
        return 0;
    }
    let counts: Vec<f64> = counts.iter().copied().map(f64::from).collect();
    let total: f64 = counts.iter().sum();
    for ((least, most), (count, (backend, _))) in shares.iter().zip(counts.iter().zip(&weights)) {
        let least_part = if *least > 0.0 { least / (least + most_of_all - most) } else { 0.0 };
        let most_part = if *most > 0.0 { most / (most + least_of_all - least) } else { 0.0 };
        let right = least_part * total - ROUNDED..=most_part * total + ROUNDED;
        assert!(
            right.contains(count),
            "seed {seed}: {} at {now:?}: backend {backend} has {count} of {total} answers, and {right:?} are right; {:?}",
            row.name,
            day.last_fault(*backend, now)
        );
    }
    let starts = |((_, most), (_, weight)): &(&(f64, f64), &(usize, f64))| {
        *most > 0.0 && *most < 0.7 * weight
    };
    shares.iter().zip(&weights).filter(starts).count() as u64
}

/// The part of a weight some time after a start: a tenth at first, the whole at the end, in eighteen equal steps.
fn slow(all: Duration, after: Duration) -> f64 {
    let steps = (18.0 * after.div_duration_f64(all)).floor().min(18.0);
    0.1 + 0.9 * steps / 18.0
}

impl Estate {
    /// The backends of a pool with their weights.
    fn weights(&self, pool: usize) -> Vec<(usize, f64)> {
        let own = each(self.pools[pool].own).zip(&self.pools[pool].members);
        own.map(|(backend, member)| (backend, f64::from(member.weight))).collect()
    }
}
