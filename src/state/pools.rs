//! The pools of all zones as they stand: who uses which target, and what each pool may hand out.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::dependents::Dependents;
use super::persist::Primary;
use super::what_if::Facts;
use crate::config::model::{Face, Pool, WhenAllDown};
use crate::engine::choose::ready::{Group, Lineup, Memory, Ready, Standing};
use crate::health::map::Map;
use crate::health::registry::Registry;
use crate::health::sources::Moment;
use crate::health::target::{Side, Target};
use crate::name::Name;
use crate::zone::Zone;

/// A pool by its place: that of its zone in the snapshot, and its own in the zone.
pub(super) type PoolAt = (usize, usize);

/// Who uses which target, and which pool.
#[derive(Default)]
pub(super) struct Users {
    of_targets: Map<Target, BTreeSet<PoolAt>>,
    /// By the place of the zone.
    of_pools: Vec<Dependents>,
}

impl Users {
    /// Those of these zones; a zone that is broken has none.
    pub(super) fn new<'a>(zones: impl Iterator<Item = Option<&'a Arc<Zone>>>) -> Self {
        let mut of_targets = Map::<_, BTreeSet<_>>::default();
        let mut of_pools = Vec::new();
        for (place, zone) in zones.enumerate() {
            of_pools.push(zone.map(|zone| Dependents::of(&zone.pools)).unwrap_or_default());
            for (index, target) in targets(zone.iter().flat_map(|zone| zone.pools.iter())) {
                of_targets.entry(target).or_default().insert((place, index));
            }
        }
        Self { of_targets, of_pools }
    }

    /// The zone at a place has another version. Gives the targets of both, which may be used by others too.
    pub(super) fn replace(
        &mut self,
        place: usize,
        before: Option<&Zone>,
        now: Option<&Zone>,
    ) -> HashSet<Target> {
        let mut touched = HashSet::new();
        for (index, target) in targets(pools_of(before).iter()) {
            if let Some(users) = self.of_targets.get_mut(&target) {
                users.remove(&(place, index));
                if users.is_empty() {
                    self.of_targets.remove(&target);
                }
            }
            touched.insert(target);
        }
        for (index, target) in targets(pools_of(now).iter()) {
            self.of_targets.entry(target.clone()).or_default().insert((place, index));
            touched.insert(target);
        }
        if let Some(of_pools) = self.of_pools.get_mut(place) {
            *of_pools = now.map(|zone| Dependents::of(&zone.pools)).unwrap_or_default();
        }
        touched
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

/// The pools of a zone; one that is broken has none.
pub(super) fn pools_of(zone: Option<&Zone>) -> &[Pool] {
    zone.map_or(&[][..], |zone| &zone.pools)
}

/// The targets of pools, each with the place of its pool.
fn targets<'p>(pools: impl Iterator<Item = &'p Pool>) -> impl Iterator<Item = (usize, Target)> {
    let of_pool = |(index, pool)| Target::of_pool(pool).map(move |target| (index, target));
    pools.enumerate().flat_map(of_pool)
}

/// What is remembered of each pool. Kept by name: it outlives a reload.
#[derive(Default)]
pub(super) struct Memories {
    by_pool: Map<Key, Arc<Memory>>,
    /// Who is primary, with the pool itself, so that all who see it see the same.
    held: Map<Key, Held>,
    /// When pools are to be made anew by time alone, by the clock of [`Memory::at`].
    due: BTreeSet<(Duration, Key)>,
    /// The same, by pool.
    due_of: Map<Key, Duration>,
}

/// A pool by its zone and its label.
type Key = (Name, String);

/// Who holds the role of primary, or held it last.
struct Held {
    primary: String,
    /// All that said that they are primary then.
    claims: Vec<String>,
}

impl Memories {
    /// With who was primary before a restart.
    pub(super) fn of_primaries(primaries: &[Primary]) -> Self {
        let held = |Primary { zone, pool, backend }: Primary| {
            ((zone, pool), Held { primary: backend, claims: Vec::new() })
        };
        let held = primaries.iter().cloned().map(held).collect();
        Self { held, ..Self::default() }
    }

    /// Takes who was primary from another server, which has watched for longer.
    pub(super) fn take_primaries(&mut self, primaries: &[Primary]) {
        self.held.extend(Self::of_primaries(primaries).held);
    }

    /// Who is primary, or was last, of each pool that has one.
    pub(super) fn primaries(&self) -> Vec<Primary> {
        let primary = |((zone, pool), held): (&Key, &Held)| Primary {
            zone: zone.clone(),
            pool: pool.clone(),
            backend: held.primary.clone(),
        };
        self.held.iter().map(primary).collect()
    }

    /// Forgets the pools that are gone.
    pub(super) fn retain(&mut self, zones: &[&Arc<Zone>]) {
        let known: HashSet<(Name, String)> =
            zones.iter().flat_map(|zone| zone.pools.iter().map(|pool| key(zone, pool))).collect();
        self.by_pool.retain(|key, _| known.contains(key));
        self.held.retain(|key, _| known.contains(key));
        self.due_of.retain(|key, _| known.contains(key));
        self.due.retain(|(_, key)| known.contains(key));
    }

    /// Forgets the pools of a zone that another version of it has not.
    pub(super) fn forget_pools(&mut self, before: &Zone, now: Option<&Zone>) {
        let known = now.iter().flat_map(|zone| zone.pools.iter().map(|pool| key(zone, pool)));
        let known: HashSet<Key> = known.collect();
        let gone = before.pools.iter().map(|pool| key(before, pool));
        for key in gone.filter(|key| !known.contains(key)) {
            self.by_pool.remove(&key);
            self.held.remove(&key);
            self.set_due(&key, None);
        }
    }

    /// Notes what was in service last of a pool, where that was anything, the tier that served, and who was primary.
    pub(super) fn set(&mut self, zone: &Zone, pool: &Pool, memory: Memory) {
        self.note_primary(zone, pool, memory.primary.as_ref(), &memory.claims);
        if !memory.last.is_empty() {
            self.by_pool.insert(key(zone, pool), Arc::new(memory));
        }
    }

    /// When the first pool is to be made anew.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Takes out the pools that are to be made anew now, by their zones.
    pub(super) fn pop_due(&mut self, now: Duration) -> BTreeMap<Name, HashSet<String>> {
        let mut over = BTreeMap::<Name, HashSet<String>>::new();
        while self.next_due().is_some_and(|due| due <= now) {
            let Some((_, key)) = self.due.pop_first() else { break };
            self.due_of.remove(&key);
            over.entry(key.0).or_default().insert(key.1);
        }
        over
    }

    fn set_due(&mut self, key: &Key, due: Option<Duration>) {
        if let Some(before) = self.due_of.remove(key) {
            self.due.remove(&(before, key.clone()));
        }
        if let Some(due) = due {
            self.due_of.insert(key.clone(), due);
            self.due.insert((due, key.clone()));
        }
    }

    /// Notes who is primary, where somebody is.
    fn note_primary(
        &mut self,
        zone: &Zone,
        pool: &Pool,
        primary: Option<&String>,
        claims: &[String],
    ) {
        if let Some(primary) = primary {
            let held = Held { primary: primary.clone(), claims: claims.to_vec() };
            self.held.insert((zone.origin.clone(), pool.name.clone()), held);
        }
    }

    fn held(&self, zone: &Zone, pool: &Pool) -> Option<&Held> {
        if self.held.is_empty() {
            return None;
        }
        self.held.get(&(zone.origin.clone(), pool.name.clone()))
    }

    /// The backend that was primary last, in a pool that is asked for by a role.
    pub(super) fn primary(&self, zone: &Zone, pool: &Pool) -> Option<String> {
        Some(self.held(zone, pool)?.primary.clone())
    }

    /// What a pool hands out at a moment. Pools are made in their order; `made` has what those before it hand out then.
    pub(super) fn ready<'r>(
        &mut self,
        zone: &Zone,
        index: usize,
        facts: &Facts<'_>,
        now: Moment,
        made: impl Fn(usize) -> Option<&'r Arc<Ready>>,
    ) -> Ready {
        let pool = &zone.pools[index];
        if let Some(Face { of, site: Some(_), .. }) = pool.face {
            // Its pool stands before it.
            return match made(of) {
                Some(whole) => whole.at_site(pool),
                None => self.whole(zone, of, facts, now).at_site(pool),
            };
        }
        let ready = self.whole(zone, index, facts, now);
        let key = key(zone, pool);
        self.set_due(&key, ready.due);
        self.note_primary(zone, pool, ready.cast.holder.as_ref(), &ready.cast.claims);
        self.by_pool.insert(key, Arc::clone(&ready.memory));
        ready
    }

    /// What a pool hands out at a moment that is not one of the sites of another. Nothing is noted: what a pool falls back on
    /// changes when it is made itself.
    fn whole(&self, zone: &Zone, index: usize, facts: &Facts<'_>, now: Moment) -> Ready {
        // The model has no loops of fallbacks.
        let fallback = match zone.pools[index].when_all_down {
            WhenAllDown::Fallback(other) => Some(self.whole(zone, other, facts, now)),
            _ => None,
        };
        self.seen(zone, index, facts, now, fallback.as_ref()).ready
    }

    /// A pool at a moment. Nothing is noted: who only looks at a pool for another's sake must not be who sees it change.
    fn seen(
        &self,
        zone: &Zone,
        index: usize,
        facts: &Facts<'_>,
        now: Moment,
        fallback: Option<&Ready>,
    ) -> Seen {
        let pool = &zone.pools[index];
        // The model has no loops of pools within pools.
        let inner = pool.backends.iter().filter_map(|backend| {
            let place = backend.inner()?;
            // What a pool falls back on is not what stands within another.
            let Seen { ready, standings, groups } = self.seen(zone, place, facts, now, None);
            let standing = facts.group(zone, pool, backend, Group::is_in_service(&ready));
            let lineup = Lineup { endpoints: &standings, groups: &groups };
            Some(Group::new(standing, &zone.pools[place], lineup, &ready))
        });
        let groups: Vec<Group> = inner.collect();
        let mut standings = facts.standings(zone, pool);
        let known = self.by_pool.get(&key(zone, pool));
        let mut memory = known.map(|memory| Memory::clone(memory)).unwrap_or_default();
        let held = self.held(zone, pool);
        memory.primary = held.map(|held| held.primary.clone());
        memory.claims = held.map(|held| held.claims.clone()).unwrap_or_default();
        memory.override_ends = facts.override_ends(zone, pool);
        let ready = Ready::next(pool, (&mut standings, &groups), memory, now, fallback);
        Seen { ready, standings, groups }
    }
}

/// A pool at a moment.
struct Seen {
    ready: Ready,
    standings: Vec<Standing>,
    groups: Vec<Group>,
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
