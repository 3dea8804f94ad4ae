//! Stage: of those that may serve, the backends of the best priority do.
//!
//! A tier can serve while `min_healthy` of its backends are eligible, and `panic` of its weight is. Who serves, where the best
//! tier that can is not the one that served last:
//!
//! ```text
//! the one that served   failback    serves
//! cannot any more       -           the best that can
//! can                   at once     the best that can
//! can                   after 60s   the best that could for 60 s without a break, else the one that served
//! can                   never       the one that served
//! ```
//!
//! Where none can, the tier with most eligible backends serves; of those with as many, the best.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::candidate::Candidate;
use super::left_out::LeftOut;
use super::memory::Memory;
use crate::config::model::{Endpoint, Failback, Pool};

/// Which tier serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Serving {
    /// Its priority.
    pub(super) tier: Option<u16>,
    /// When a better one takes over that must wait.
    pub(super) until: Option<Duration>,
}

/// Leaves the tier that serves, of candidates that are in service; these tiers are able to.
pub(super) fn first(
    pool: &Pool,
    able: &BTreeSet<u16>,
    memory: &Memory,
    candidates: &mut Vec<Candidate>,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
) -> Serving {
    let tiers = backends(candidates);
    // Of tiers with as many, the first.
    let most = || tiers.iter().rev().max_by_key(|(_, backends)| **backends).map(|(tier, _)| *tier);
    let best = able.first().copied().or_else(most);
    let mut serving = Serving { tier: best, until: None };
    if let Some(before) = memory.tier.filter(|tier| able.contains(tier)) {
        let now = memory.at.running;
        let since = |tier: u16| memory.able.get(&tier).copied().unwrap_or(now);
        let better = able.range(..before);
        match pool.tiers.failback {
            Failback::AtOnce => {}
            Failback::Never => serving.tier = Some(before),
            Failback::After(hold) => {
                let over = |tier: &u16| since(*tier).saturating_add(hold);
                let ready = better.clone().find(|tier| over(tier) <= now);
                serving.tier = Some(ready.copied().unwrap_or(before));
                let waiting = better.filter(|tier| Some(**tier) < serving.tier);
                serving.until = waiting.map(over).min();
            }
        }
    }
    let Some(serves) = serving.tier else { return serving };
    candidates.retain(|candidate| {
        let own = candidate.priority;
        if own == serves {
            return true;
        }
        let why = if own < serves && able.contains(&own) {
            LeftOut::Held { own, serves, failback: pool.tiers.failback }
        } else {
            LeftOut::Priority { own, serves }
        };
        left_out.push((candidate.offer.endpoint.clone(), why));
        false
    });
    serving
}

/// The tiers that can serve, of those that are [calm](super::panic::calm).
pub(super) fn able(pool: &Pool, calm: &BTreeSet<u16>, eligible: &[Candidate]) -> BTreeSet<u16> {
    let enough = usize::from(pool.tiers.min_healthy);
    let tiers = backends(eligible).into_iter();
    tiers
        .filter(|(tier, backends)| *backends >= enough && calm.contains(tier))
        .map(|(tier, _)| tier)
        .collect()
}

/// How many backends of each tier are among these, which are in the order of the file.
fn backends(candidates: &[Candidate]) -> BTreeMap<u16, usize> {
    let mut tiers = BTreeMap::new();
    let mut last = None;
    for candidate in candidates {
        if last.replace(candidate.backend) != Some(candidate.backend) {
            *tiers.entry(candidate.priority).or_default() += 1;
        }
    }
    tiers
}

#[cfg(test)]
mod tests;
