//! The pools of all zones as they stand: who uses which target, and what each pool may hand out.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::dependents::Dependents;
use super::what_if::Facts;
use crate::config::model::{Pool, WhenAllDown};
use crate::engine::choose::eligible::in_service;
use crate::engine::choose::ready::{Memory, Ready};
use crate::health::registry::Registry;
use crate::health::target::{Side, Target};
use crate::name::Name;
use crate::zone::Zone;

/// A pool by its place: that of its zone in the snapshot, and its own in the zone.
pub(super) type PoolAt = (usize, usize);

/// Who uses which target, and which pool.
#[derive(Default)]
pub(super) struct Users {
    of_targets: HashMap<Target, BTreeSet<PoolAt>>,
    /// By the place of the zone.
    of_pools: Vec<Dependents>,
}

impl Users {
    /// Those of these zones; a zone that is broken has none.
    pub(super) fn new<'a>(zones: impl Iterator<Item = Option<&'a Arc<Zone>>>) -> Self {
        let mut of_targets = HashMap::<_, BTreeSet<_>>::new();
        let mut of_pools = Vec::new();
        for (place, zone) in zones.enumerate() {
            of_pools.push(zone.map(|zone| Dependents::of(&zone.pools)).unwrap_or_default());
            for (index, pool) in zone.iter().flat_map(|zone| zone.pools.iter()).enumerate() {
                for target in Target::of_pool(pool) {
                    of_targets.entry(target).or_default().insert((place, index));
                }
            }
        }
        Self { of_targets, of_pools }
    }

    /// These pools of a zone, and all whose handouts depend on them.
    pub(super) fn with_dependents(
        &self,
        zone: usize,
        changed: &BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        self.of_pools.get(zone).map_or_else(|| changed.clone(), |all| all.with(changed))
    }

    /// Every target that is used.
    pub(super) fn targets(&self) -> HashSet<Target> {
        self.of_targets.keys().cloned().collect()
    }

    /// The pools that use a target.
    pub(super) fn of(&self, target: &Target) -> impl Iterator<Item = PoolAt> + use<'_> {
        self.of_targets.get(target).into_iter().flatten().copied()
    }
}

/// What is remembered of each pool. Kept by name: it outlives a reload.
#[derive(Default)]
pub(super) struct Memories(HashMap<(Name, String), Memory>);

impl Memories {
    /// Forgets the pools that are gone.
    pub(super) fn retain(&mut self, zones: &[&Arc<Zone>]) {
        let known: HashSet<(Name, String)> =
            zones.iter().flat_map(|zone| zone.pools.iter().map(|pool| key(zone, pool))).collect();
        self.0.retain(|key, _| known.contains(key));
    }

    /// Notes what was in service last of a pool, where that was anything, and the tier that served.
    pub(super) fn set(&mut self, zone: &Zone, pool: &Pool, memory: Memory) {
        if !memory.last.is_empty() {
            self.0.insert(key(zone, pool), memory);
        }
    }

    /// What a pool hands out now.
    pub(super) fn ready(&mut self, zone: &Zone, index: usize, facts: &Facts<'_>) -> Ready {
        let pool = &zone.pools[index];
        // The model has no loops of fallbacks.
        let fallback = match pool.when_all_down {
            WhenAllDown::Fallback(other) => Some(self.ready(zone, other, facts)),
            _ => None,
        };
        let standings = facts.standings(zone, pool);
        let memory = self.0.entry(key(zone, pool)).or_default();
        let serving = in_service(pool, &standings);
        if !serving.is_empty() {
            memory.last = serving;
        }
        let ready = Ready::new(pool, &standings, memory, fallback.as_ref());
        memory.tier = ready.tier.or(memory.tier);
        ready
    }
}

fn key(zone: &Zone, pool: &Pool) -> (Name, String) {
    (zone.origin.clone(), pool.label().into_owned())
}

/// What is probed of a backend, by names that outlive a change of its check.
type BackendKey<'z> = (&'z Name, &'z str, &'z str, IpAddr);

/// The sides that backends were on, for those whose check is now another: until its first outcome they count as
/// under the old one.
pub(super) fn carried(
    before: &[Arc<Zone>],
    now: &[&Arc<Zone>],
    registry: &Registry,
) -> HashMap<Target, Side> {
    let mut sides = HashMap::new();
    for (key, target) in before.iter().flat_map(|zone| keyed(zone)) {
        if let Some(known) = registry.known(&target)
            && let Some(side) = known.side().or(known.remembered)
        {
            sides.insert(key, side);
        }
    }
    now.iter()
        .flat_map(|zone| keyed(zone))
        .filter(|(_, target)| registry.known(target).is_none())
        .filter_map(|(key, target)| Some((target, *sides.get(&key)?)))
        .collect()
}

/// Every target of a zone with the backend that it stands for.
fn keyed(zone: &Zone) -> impl Iterator<Item = (BackendKey<'_>, Target)> {
    zone.pools.iter().flat_map(move |pool| {
        pool.backends.iter().flat_map(move |backend| {
            Target::of_backend(pool, backend).map(move |target| {
                let (pool, backend) = (pool.name.as_str(), backend.name.as_str());
                ((&zone.origin, pool, backend, target.address), target)
            })
        })
    })
}
