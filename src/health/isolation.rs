//! Whether a prober is cut off, rather than everything that it probes down.
//!
//! When most targets of one prober fail within a short time, and pools that share no address are among them, the way from
//! the prober is more likely to be broken than all of them. What was known before is then held:
//!
//! ```text
//!              most fail at once, of pools that share no address
//!   trusted ──────────────────────────────────────────────────────▶ cut off: what fell counts as it was before
//!      ▲                                                              │
//!      ├──────── so many are back that it is not most any more ───────┤  who was not probed since stays for `window`
//!      └──────── `hold_max` is over: then it is true ─────────────────┘
//! ```
//!
//! A pool that fails alone is not held for a moment: its targets are of one pool. There is no clock here: times are durations
//! since some beginning.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
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
    fallen: Fallen,
    /// The addresses of pools that share some, one of which each of the fallen is of: who is of the same makes no second pool.
    /// None where that was not looked at.
    group: HashSet<IpAddr>,
    /// Since when it is taken as cut off.
    cut_off: Option<Duration>,
    /// Since when enough are back, while others may not be probed again yet.
    back: Option<Duration>,
}

/// What has fallen, and when.
#[derive(Debug, Default)]
struct Fallen {
    since: HashMap<TargetKey, Duration>,
    in_order: BTreeSet<(Duration, TargetKey)>,
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
    /// So many are back that it is believed again. Those that it has not reached since stay as they were before.
    Back,
    /// Since then it could reach all: what it says counts.
    Over,
    /// It says so for so long that it is believed.
    Believed,
}

impl Guard {
    /// With the operator's settings; `None` is off.
    #[must_use]
    pub fn new(settings: Option<Isolation>) -> Self {
        Self { settings, probers: HashMap::new() }
    }

    /// Whether nothing is known of a prober yet: then it is to be told [what counts as up](Self::begin) first.
    #[must_use]
    pub fn is_new(&self, source: &Source) -> bool {
        self.settings.is_some() && !self.probers.contains_key(source)
    }

    /// A prober begins, and is to probe these, which count as up: what it finds down of them has fallen.
    pub fn begin(&mut self, source: &Source, up: impl IntoIterator<Item = TargetKey>) {
        let prober = Prober { up: up.into_iter().collect(), ..Prober::default() };
        self.probers.insert(source.clone(), prober);
    }

    /// Takes in on which side a prober finds a target, where that is another than before. `tied` gives the addresses of the
    /// pools of some targets, where all those pools are [tied].
    pub fn found(
        &mut self,
        source: &Source,
        target: TargetKey,
        side: Side,
        now: Duration,
        tied: impl FnOnce(&[TargetKey]) -> Option<HashSet<IpAddr>>,
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
                (prober.cut_off.is_some() && !prober.is_most(settings)).then(|| {
                    prober.believe();
                    prober.back = Some(now);
                    Turn::Back
                })
            }
            Side::Down => {
                if !prober.up.remove(&target) {
                    return None;
                }
                prober.fallen.insert(target, now);
                if prober.cut_off.is_some() {
                    return None;
                }
                prober.fallen.forget_before(now.saturating_sub(settings.window));
                if !prober.is_most(settings) {
                    prober.group.clear();
                    return None;
                }
                if prober.group.contains(&target.address) {
                    return None;
                }
                let mut fallen: Vec<TargetKey> = prober.fallen.since.keys().copied().collect();
                fallen.sort_unstable();
                if let Some(group) = tied(&fallen) {
                    prober.group = group;
                    return None;
                }
                prober.cut_off = Some(now);
                prober.back = None;
                Some(Turn::CutOff { of: fallen.len() + prober.up.len(), fallen })
            }
        }
    }

    /// The probers that were cut off for so long that they are believed now, and those that are back for so long that they
    /// have reached all.
    pub fn pass_time(&mut self, now: Duration) -> Vec<(Source, Turn)> {
        let Some(settings) = &self.settings else { return Vec::new() };
        let ended = self.probers.iter_mut().filter_map(|(source, prober)| {
            let (end, turn) = prober.end(settings)?;
            if now < end {
                return None;
            }
            prober.believe();
            Some((source.clone(), turn))
        });
        ended.collect()
    }

    /// When the next hold is over.
    #[must_use]
    pub fn next_end(&self) -> Option<Duration> {
        let settings = self.settings.as_ref()?;
        self.probers.values().filter_map(|prober| Some(prober.end(settings)?.0)).min()
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
            prober.fallen.retain(&is_used);
            prober.group.clear();
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

    /// When what holds now is over, and what is then.
    fn end(&self, settings: &Isolation) -> Option<(Duration, Turn)> {
        let believed =
            self.cut_off.map(|since| (since.saturating_add(settings.hold_max), Turn::Believed));
        let over = self.back.map(|since| (since.saturating_add(settings.window), Turn::Over));
        believed.or(over)
    }

    fn believe(&mut self) {
        if self.cut_off.take().is_some() {
            self.fallen = Fallen::default();
        }
        self.back = None;
    }
}

impl Fallen {
    fn len(&self) -> usize {
        self.since.len()
    }

    fn insert(&mut self, target: TargetKey, now: Duration) {
        self.remove(&target);
        self.since.insert(target, now);
        self.in_order.insert((now, target));
    }

    fn remove(&mut self, target: &TargetKey) {
        if let Some(since) = self.since.remove(target) {
            self.in_order.remove(&(since, *target));
        }
    }

    fn forget_before(&mut self, begin: Duration) {
        while let Some((since, target)) = self.in_order.first().copied()
            && since < begin
        {
            self.in_order.pop_first();
            self.since.remove(&target);
        }
    }

    fn retain(&mut self, is_used: impl Fn(&TargetKey) -> bool) {
        self.since.retain(|target, _| is_used(target));
        self.in_order.retain(|(_, target)| is_used(target));
    }
}

/// The addresses of pools that are all tied to each other by addresses that they share, be it by way of others; `None` where
/// some are not. Each pool comes with its own.
#[must_use]
pub fn tied<A: Copy + Eq + Hash>(pools: &[Vec<A>]) -> Option<HashSet<A>> {
    let mut of_address = HashMap::<A, Vec<usize>>::new();
    for (place, pool) in pools.iter().enumerate() {
        for address in pool {
            of_address.entry(*address).or_default().push(place);
        }
    }
    // All that is reached from the first; each address leads on once.
    let (mut group, mut reached) = (HashSet::new(), vec![false; pools.len()]);
    let mut waiting: Vec<usize> = (0..pools.len().min(1)).collect();
    while let Some(place) = waiting.pop() {
        reached[place] = true;
        for address in &pools[place] {
            if group.insert(*address) {
                let others = of_address[address].iter().copied();
                waiting.extend(others.filter(|other| !reached[*other]));
            }
        }
    }
    reached.into_iter().all(|is_reached| is_reached).then_some(group)
}

#[cfg(test)]
mod tests;
