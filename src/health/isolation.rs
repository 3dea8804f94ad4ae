//! Whether a prober is cut off, rather than everything that it probes down.
//!
//! When most targets of one prober fail within a short time, and pools that share no address are among them, the way from
//! the prober is more likely to be broken than all of them. What was known before is then held:
//!
//! ```text
//!              most fail at once, of pools that share no address
//!   trusted ──────────────────────────────────────────────────────▶ cut off: what fell counts as it was before
//!      ▲                                                              │
//!      ├──────── so many are back that it is not most any more ───────┤
//!      └──────── `hold_max` is over: then it is true ─────────────────┘
//! ```
//!
//! A pool that fails alone is not held for a moment: its targets are of one pool. There is no clock here: times are durations
//! since some beginning.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::key::TargetKey;
use super::source::Source;
use super::target::Side;
use crate::config::model::probers::Isolation;

/// What every prober found up, and what of that has fallen lately.
#[derive(Debug, Default)]
pub struct Guard {
    /// `None` holds nothing.
    settings: Option<Isolation>,
    probers: HashMap<Source, Prober>,
}

#[derive(Debug, Default)]
struct Prober {
    up: HashSet<TargetKey>,
    /// Since when.
    fallen: HashMap<TargetKey, Duration>,
    /// Since when it is taken as cut off.
    cut_off: Option<Duration>,
}

/// What a report, or time, means for what a prober says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is taken as cut off. These count as up, as they were before.
    CutOff {
        /// What has fallen, in order.
        fallen: Vec<TargetKey>,
        /// How many it had found up before.
        of: usize,
    },
    /// So many are back that it is believed again.
    Back,
    /// It says so for so long that it is believed.
    Believed,
}

impl Guard {
    /// With the operator's settings; `None` is off.
    #[must_use]
    pub fn new(settings: Option<Isolation>) -> Self {
        Self { settings, probers: HashMap::new() }
    }

    /// Takes in on which side a prober finds a target, where that is another than before. `are_unrelated` says whether there
    /// are two pools among those of some targets that share no address.
    pub fn found(
        &mut self,
        source: &Source,
        target: TargetKey,
        side: Side,
        now: Duration,
        are_unrelated: impl FnOnce(&[TargetKey]) -> bool,
    ) -> Option<Turn> {
        let settings = self.settings.as_ref()?;
        let prober = match self.probers.get_mut(source) {
            Some(prober) => prober,
            None => self.probers.entry(source.clone()).or_default(),
        };
        match side {
            Side::Up => {
                prober.up.insert(target);
                prober.fallen.remove(&target);
                (prober.cut_off.is_some() && !prober.is_most(settings))
                    .then(|| prober.believe(Turn::Back))
            }
            Side::Down => {
                if !prober.up.remove(&target) {
                    return None;
                }
                prober.fallen.insert(target, now);
                if prober.cut_off.is_some() {
                    return None;
                }
                prober.fallen.retain(|_, at| now.saturating_sub(*at) <= settings.window);
                if !prober.is_most(settings) {
                    return None;
                }
                let mut fallen: Vec<TargetKey> = prober.fallen.keys().copied().collect();
                fallen.sort_unstable();
                are_unrelated(&fallen).then(|| {
                    prober.cut_off = Some(now);
                    Turn::CutOff { of: fallen.len() + prober.up.len(), fallen }
                })
            }
        }
    }

    /// The probers that were cut off for so long that they are believed now.
    pub fn pass_time(&mut self, now: Duration) -> Vec<(Source, Turn)> {
        let Some(settings) = &self.settings else { return Vec::new() };
        let over = self.probers.iter_mut().filter(|(_, prober)| {
            prober.cut_off.is_some_and(|since| now >= since.saturating_add(settings.hold_max))
        });
        over.map(|(source, prober)| (source.clone(), prober.believe(Turn::Believed))).collect()
    }

    /// When the next hold is over.
    #[must_use]
    pub fn next_end(&self) -> Option<Duration> {
        let hold_max = self.settings.as_ref()?.hold_max;
        self.probers
            .values()
            .filter_map(|prober| Some(prober.cut_off?.saturating_add(hold_max)))
            .min()
    }

    /// Forgets a prober.
    pub fn forget(&mut self, source: &Source) {
        self.probers.remove(source);
    }

    /// A prober says no more of a target.
    pub fn gone(&mut self, source: &Source, target: &TargetKey) {
        if let Some(prober) = self.probers.get_mut(source) {
            prober.up.remove(target);
            prober.fallen.remove(target);
        }
    }

    /// Forgets the targets that nobody uses any more.
    pub fn retain(&mut self, is_used: impl Fn(&TargetKey) -> bool) {
        for prober in self.probers.values_mut() {
            prober.up.retain(&is_used);
            prober.fallen.retain(|target, _| is_used(target));
        }
    }
}

impl Prober {
    /// Whether what has fallen is most of what was up before.
    fn is_most(&self, settings: &Isolation) -> bool {
        let (fallen, all) = (self.fallen.len(), self.fallen.len() + self.up.len());
        fallen >= usize::from(settings.targets.get())
            && fallen * 1000 > all * usize::from(settings.share)
    }

    fn believe(&mut self, turn: Turn) -> Turn {
        self.cut_off = None;
        self.fallen.clear();
        turn
    }
}

/// Whether there are two among some pools that are not tied to each other by addresses that they share, each with its own.
pub fn are_unrelated<A: Eq + std::hash::Hash>(pools: impl IntoIterator<Item = Vec<A>>) -> bool {
    // Groups of addresses that are tied, each a set.
    let mut groups: Vec<HashSet<A>> = Vec::new();
    for pool in pools {
        let mut joined: HashSet<A> = pool.into_iter().collect();
        groups.retain_mut(|group| {
            let is_apart = group.is_disjoint(&joined);
            if !is_apart {
                joined.extend(group.drain());
            }
            is_apart
        });
        groups.push(joined);
    }
    groups.len() > 1
}

#[cfg(test)]
mod tests;
