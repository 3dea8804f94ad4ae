//! What pools hand out, from what is known and what a hand has set, and what they would if more were down.
//!
//! The publisher, the API and an explanation judge by the same [`Facts`], so none of them can disagree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::dependents::Dependents;
use super::pools::Memories;
use crate::config::model::{Backend, Endpoint, Pool, Role};
use crate::engine::choose::eligible;
use crate::engine::choose::ready::{Memory, Ready, SHARE_MOST, SHARE_WHOLE, Source, Standing};
use crate::engine::snapshot::{Chunks, Snapshot, View};
use crate::health::backend::BackendKey;
use crate::health::overrides::Overrides;
use crate::health::reason::{Judgement, UNSEEN, reason};
use crate::health::registry::Registry;
use crate::health::sources::Moment;
use crate::health::target::Target;
use crate::health::verdict::{Basis, Finding, Known, Verdict};
use crate::name::Name;
use crate::zone::Zone;

/// For more backends than this all pools are walked through once, as each is looked for among the pools of its zone.
const WALK: usize = 16;

/// What verdicts are made of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What probers found.
    pub registry: &'a Registry,
    /// What hands have set.
    pub overrides: &'a Overrides,
    /// The backends that are taken as down, as if their checks failed; none but in a question.
    pub down: &'a BTreeSet<BackendKey>,
}

impl Facts<'_> {
    /// The verdict on each endpoint of a pool with its reason, in the order of the file.
    #[must_use]
    pub fn judgements(&self, zone: &Zone, pool: &Pool) -> Vec<Judgement> {
        let judgement = |(backend, endpoint): (&Backend, Endpoint)| {
            let known = self.known(pool, backend, &endpoint);
            let found = known.as_ref().map(Known::finding);
            let verdict = self.verdict(zone, pool, backend, found);
            let set = self.overrides.of(&zone.origin, &pool.name, &backend.name);
            let reason = if self.is_taken_as_down(zone, pool, backend) {
                "taken as down".to_owned()
            } else if verdict.basis == Basis::Unchecked && pool.check_of(backend).is_some() {
                UNSEEN.to_owned()
            } else {
                reason(&verdict, backend.state, set.map(AsRef::as_ref), known.as_ref())
            };
            // What a check found says it as well, where it asked.
            let role = verdict.told.role.map(Role::name);
            let reason = match verdict.told.standing() {
                Some(told) if role.is_none_or(|role| !reason.contains(role)) => {
                    format!("{reason}; {told}")
                }
                _ => reason,
            };
            Judgement { backend: backend.name.clone(), endpoint, verdict, reason }
        };
        pool.endpoints().map(judgement).collect()
    }

    /// How each endpoint of a pool stands, in the order of the file.
    #[must_use]
    pub fn standings(&self, zone: &Zone, pool: &Pool) -> Vec<Standing> {
        let standing = |(backend, endpoint): (&Backend, Endpoint)| {
            let found = self.found(pool, backend, &endpoint);
            let Verdict { in_service, basis, is_set_down, may_change_in, told } =
                self.verdict(zone, pool, backend, found);
            Standing {
                in_service,
                is_set_down,
                is_degraded: told.is_degraded,
                may_change_in,
                share: told
                    .share
                    .map_or(SHARE_WHOLE, |percent| percent.saturating_mul(10).min(SHARE_MOST)),
                due: None,
                load: told.load,
                role: told.role,
                lag: told.lag,
                is_unjudged: matches!(basis, Basis::Remembered | Basis::Assumed),
            }
        };
        let mut standings = Vec::with_capacity(pool.backends.len());
        standings.extend(pool.endpoints().map(standing));
        standings
    }

    /// How a pool within another stands as a backend of it: as it serves by its own threshold, unless the file or a hand says
    /// otherwise.
    #[must_use]
    pub fn group(&self, zone: &Zone, pool: &Pool, backend: &Backend, serves: bool) -> Standing {
        let Verdict { in_service, is_set_down, basis, .. } =
            self.verdict(zone, pool, backend, None);
        let in_service = if basis == Basis::Unchecked { serves } else { in_service };
        Standing { in_service, is_set_down, ..Standing::UP }
    }

    /// The verdict on each endpoint of a pool, in the order of the file.
    #[must_use]
    pub fn verdicts(&self, zone: &Zone, pool: &Pool) -> Vec<Verdict> {
        let verdict = |(backend, endpoint): (&Backend, Endpoint)| {
            self.verdict(zone, pool, backend, self.found(pool, backend, &endpoint))
        };
        pool.endpoints().map(verdict).collect()
    }

    /// When the next override of a pool's backends ends, in unix milliseconds.
    #[must_use]
    pub fn override_ends(&self, zone: &Zone, pool: &Pool) -> Option<u64> {
        if self.overrides.is_empty() {
            return None;
        }
        let set = |backend: &Backend| self.overrides.of(&zone.origin, &pool.name, &backend.name);
        pool.backends.iter().filter_map(|backend| set(backend)?.until).min()
    }

    fn known(&self, pool: &Pool, backend: &Backend, endpoint: &Endpoint) -> Option<Known> {
        self.registry.known(&target(pool, backend, endpoint)?)
    }

    fn found(&self, pool: &Pool, backend: &Backend, endpoint: &Endpoint) -> Option<Finding> {
        self.registry.found(&target(pool, backend, endpoint)?)
    }

    fn verdict(
        &self,
        zone: &Zone,
        pool: &Pool,
        backend: &Backend,
        found: Option<Finding>,
    ) -> Verdict {
        let set = self.overrides.of(&zone.origin, &pool.name, &backend.name);
        let verdict = Verdict::of(backend.state, set.map(|set| set.hand), found);
        if self.is_taken_as_down(zone, pool, backend) {
            return Verdict {
                in_service: false,
                basis: Basis::Judged,
                may_change_in: None,
                ..verdict
            };
        }
        verdict
    }

    fn is_taken_as_down(&self, zone: &Zone, pool: &Pool, backend: &Backend) -> bool {
        !self.down.is_empty() && self.down.contains(&key(zone, pool, backend))
    }
}

/// Whose health decides about an endpoint, where somebody's does.
fn target(pool: &Pool, backend: &Backend, endpoint: &Endpoint) -> Option<Target> {
    let check = Arc::clone(pool.check_of(backend)?);
    Some(Target { address: backend.probe_of(endpoint)?, check })
}

/// The name of a backend.
#[must_use]
pub fn key(zone: &Zone, pool: &Pool, backend: &Backend) -> BackendKey {
    BackendKey::new(&zone.origin.to_string(), &pool.name, &backend.name)
}

/// Every backend of every zone that is served.
#[must_use]
pub fn backends(snapshot: &Snapshot) -> BTreeSet<BackendKey> {
    let pools = snapshot
        .zones()
        .filter_map(View::zone)
        .flat_map(|zone| zone.pools.iter().map(move |pool| (zone, pool)));
    pools
        .flat_map(|(zone, pool)| pool.backends.iter().map(move |backend| key(zone, pool, backend)))
        .collect()
}

/// A backend by its name: where its zone stands, its pool's place, and itself. Names with a `/` in them are found too.
#[must_use]
pub fn find<'s>(snapshot: &'s Snapshot, key: &BackendKey) -> Option<Found<'s>> {
    let text = key.as_str();
    text.match_indices('/').find_map(|(slash, _)| {
        let origin = Name::parse_absolute(&text[..slash]).ok()?;
        let place = snapshot.catalog().place(&origin)?;
        let View::Served { zone, ready } = snapshot.zone(place as u32)? else { return None };
        let rest = &text[slash + 1..];
        zone.pools.iter().enumerate().find_map(|(index, pool)| {
            let name = rest.strip_prefix(pool.name.as_str())?.strip_prefix('/')?;
            let backend = pool.backends.iter().find(|backend| backend.name == name)?;
            Some(Found { place, zone, index, pool, backend, ready: ready.get(index)?, all: ready })
        })
    })
}

/// Some backends by their names; those that are not there are left out.
#[must_use]
pub fn find_all<'s>(
    snapshot: &'s Snapshot,
    keys: &BTreeSet<BackendKey>,
) -> BTreeMap<BackendKey, Found<'s>> {
    if keys.len() <= WALK {
        return keys.iter().filter_map(|key| Some((key.clone(), find(snapshot, key)?))).collect();
    }
    let mut all = BTreeMap::new();
    for (place, view) in snapshot.zones().enumerate() {
        let View::Served { zone, ready: of_zone } = view else { continue };
        let written = zone.pools.iter().zip(of_zone.iter()).enumerate();
        for (index, (pool, ready)) in written.filter(|(_, (pool, _))| pool.face.is_none()) {
            for backend in &pool.backends {
                let key = key(zone, pool, backend);
                if keys.contains(&key) {
                    all.insert(
                        key,
                        Found { place, zone, index, pool, backend, ready, all: of_zone },
                    );
                }
            }
        }
    }
    all
}

/// A backend in a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Found<'s> {
    /// The place of its zone.
    pub place: usize,
    /// Its zone.
    pub zone: &'s Arc<Zone>,
    /// The place of its pool.
    pub index: usize,
    /// Its pool.
    pub pool: &'s Pool,
    /// Itself.
    pub backend: &'s Backend,
    /// What its pool hands out.
    pub ready: &'s Arc<Ready>,
    /// What each pool of its zone hands out.
    pub all: &'s Chunks<Arc<Ready>>,
}

impl Found<'_> {
    /// Whether answers have it now, or something of the pool that it is: however its pool is seen, by a role or by private addresses, and
    /// through all that this stands in.
    #[must_use]
    pub fn is_in_answers(&self) -> bool {
        let pools = &self.zone.pools;
        // A site is a face of what may be one itself.
        let whole = |place: usize| {
            let up = |place: &usize| Some(pools.get(*place)?.face?.of);
            std::iter::successors(Some(place), up).last()
        };
        let faces: Vec<usize> =
            (0..pools.len()).filter(|place| whole(*place) == Some(self.index)).collect();
        let same = faces.iter().flat_map(|place| &pools[*place].backends);
        let same = same.filter(|other| other.name == self.backend.name);
        let endpoints: BTreeSet<Endpoint> = same
            .flat_map(|backend| match backend.inner().and_then(|place| pools.get(place)) {
                Some(inner) => inner.flat(pools).endpoints().map(|(_, own)| own).collect(),
                None => backend.endpoints().collect::<Vec<_>>(),
            })
            .collect();
        let mut holding: BTreeSet<usize> = faces.into_iter().collect();
        // One step outwards at a time: pools stand in others, and those are seen in ways of their own.
        loop {
            let is_outer = |(place, pool): &(usize, &Pool)| {
                let of = pool.face.map(|face| face.of).into_iter();
                let mut of = of.chain(pool.backends.iter().filter_map(Backend::inner));
                !holding.contains(place) && of.any(|of| holding.contains(&of))
            };
            let outer = pools.iter().enumerate().filter(is_outer);
            let outer: Vec<usize> = outer.map(|(place, _)| place).collect();
            if outer.is_empty() {
                break;
            }
            holding.extend(outer);
        }
        let mut ready = holding.into_iter().filter_map(|place| self.all.get(place));
        ready.any(|ready| ready.endpoints().any(|endpoint| endpoints.contains(endpoint)))
    }
}

/// The snapshot as it would be with these facts, where they differ from those in force in what is taken as down.
/// Pools that this does not touch are shared.
#[must_use]
pub fn what_if(snapshot: &Snapshot, facts: &Facts<'_>) -> Snapshot {
    let mut touched = BTreeMap::<usize, BTreeSet<usize>>::new();
    for key in facts.down {
        if let Some(found) = find(snapshot, key) {
            touched.entry(found.place).or_default().insert(found.index);
        }
    }
    let mut result = snapshot.clone();
    for (place, pools) in touched {
        let Some(View::Served { zone, ready }) = snapshot.zone(place as u32) else { continue };
        let mut last = last_in_service(zone, ready, facts);
        // Holds go on as they were when the pools were made.
        let now = ready.iter().map(|ready| ready.memory.at).max_by_key(|at| at.running);
        let now = now.unwrap_or_default();
        let mut new = ready.clone();
        for pool in Dependents::of(&zone.pools).with(&pools) {
            let ready = last.ready(zone, pool, facts, now, |before| new.get(before));
            new = new.with(pool, Arc::new(ready));
        }
        result = result.with_zone(place, View::Served { zone: Arc::clone(zone), ready: new });
    }
    result
}

/// What was in service last at this moment, if what is taken as down went down now.
fn last_in_service(zone: &Zone, ready: &Chunks<Arc<Ready>>, facts: &Facts<'_>) -> Memories {
    let nothing = BTreeSet::new();
    let now = Facts { down: &nothing, ..*facts };
    let mut last = Memories::default();
    for (pool, ready) in zone.pools.iter().zip(ready.iter()) {
        let mut memory = Memory::clone(&ready.memory);
        let serving = eligible::endpoints(pool, &now.standings(zone, pool), &memory);
        let serving = match ready.source {
            Source::InService if pool.has_inner() => ready.endpoints().cloned().collect(),
            Source::Last if serving.is_empty() => ready.endpoints().cloned().collect(),
            _ => serving,
        };
        memory.last = serving;
        last.set(zone, pool, memory);
    }
    last
}

/// A snapshot of zones with these facts; `Err` names an apex that is there twice.
pub fn snapshot_of(
    zones: Vec<(Name, Option<Arc<Zone>>)>,
    facts: &Facts<'_>,
) -> Result<Snapshot, Name> {
    let mut last = Memories::default();
    let view = |(origin, zone): (Name, Option<Arc<Zone>>)| match zone {
        None => View::Broken(origin),
        Some(zone) => {
            let begin = Moment::default();
            let mut ready: Vec<Arc<Ready>> = Vec::with_capacity(zone.pools.len());
            for pool in 0..zone.pools.len() {
                let now = last.ready(&zone, pool, facts, begin, |before| ready.get(before));
                ready.push(Arc::new(now));
            }
            View::Served { ready: Chunks::new(ready), zone }
        }
    };
    Snapshot::new(zones.into_iter().map(view).collect())
}
