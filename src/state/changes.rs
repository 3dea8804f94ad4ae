//! What the publisher's thread owns, and what zones, hands and time do to it.
//!
//! Taking in a change marks the pools that it may concern; [`State::publish`] makes those anew and swaps the snapshot
//! where one differs.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::{error, warn};

use super::counting::{pool_counts, zone_counts};
use super::holds::Holds;
use super::keeper::Keeper;
use super::persist::LastHealth;
use super::pools::{Memories, PoolAt, Users, carried};
use super::push::Pushes;
use super::shared::Shared;
use super::tell;
use super::what_if::{Facts, find_all, key};
use crate::config::model::Backend;
use crate::engine::choose::ready::{Ready, Source as ReadySource};
use crate::engine::choose::roles::Cast;
use crate::engine::settings::Settings;
use crate::engine::snapshot::{Chunks, Snapshot, View};
use crate::health::backend::BackendKey;
use crate::health::isolation::Guard;
use crate::health::overrides::{Override, Overrides};
use crate::health::sources::Moment;
use crate::health::target::Target;
use crate::name::Name;
use crate::zone::Zone;

/// Workers load a snapshot once a batch, and caches count whole seconds: what a pool's TTL is short of, in
/// milliseconds.
const MARGIN: u64 = 1_000;

/// What the publisher's thread owns.
pub(super) struct State {
    pub(super) shared: Arc<Shared>,
    pub(super) users: Users,
    pub(super) memories: Memories,
    pub(super) last_health: LastHealth,
    keeper: Keeper,
    /// How many threads count what they answer.
    counting: usize,
    targets: Box<dyn Fn(Vec<Target>) + Send>,
    /// Whether the prober inside probes.
    pub(super) probing: bool,
    /// Whether it was told that no prober is heard.
    pub(super) silent: bool,
    /// When something about probers changes by time alone.
    pub(super) due: Option<Duration>,
    /// When what backends said of themselves ends.
    pub(super) pushes: Pushes,
    /// Looks for probers that are cut off.
    pub(super) guard: Guard,
    /// The targets that are held down, as they flap.
    pub(super) holds: Holds,
    /// The pools whose handouts are to be made anew.
    pub(super) dirty: BTreeSet<PoolAt>,
    /// Whether a side, or who is primary, changed since the file of last known health was written.
    pub(super) health_changed: bool,
    /// Old snapshots that somebody may still read.
    retired: Vec<Arc<Snapshot>>,
}

impl State {
    pub(super) fn new(
        shared: Arc<Shared>,
        last_health: LastHealth,
        counting: usize,
        targets: Box<dyn Fn(Vec<Target>) + Send>,
    ) -> io::Result<Self> {
        let probing = shared.sources().inside_probes(shared.now());
        let guard = Guard::new(shared.sources().settings().isolation.clone());
        Ok(Self {
            shared,
            users: Users::default(),
            memories: Memories::of_primaries(last_health.primaries()),
            keeper: Keeper::start(last_health.file().to_path_buf())?,
            last_health,
            counting,
            targets,
            probing,
            silent: false,
            due: Some(Duration::ZERO),
            holds: Holds::default(),
            guard,
            pushes: Pushes::default(),
            dirty: BTreeSet::new(),
            health_changed: false,
            retired: Vec::new(),
        })
    }

    /// Waits for what is on its way to the disk.
    pub(super) fn stop(self, within: Duration) {
        self.keeper.stop(within);
    }

    /// How long until something changes by time alone.
    pub(super) fn until_due(&self) -> Duration {
        let now = self.shared.now();
        let running = [
            self.due,
            self.isolation_ends(),
            self.memories.next_due(),
            self.pushes.next_end(),
            self.holds.next_end(),
        ];
        let running = running.into_iter().flatten().map(|due| due.saturating_sub(now.running));
        let end = self.shared.overrides.load().next_end();
        let end = end.map(|end| Duration::from_millis(end.saturating_sub(now.unix)));
        running.chain(end).min().unwrap_or(Duration::MAX)
    }

    pub(super) fn set_zones(&mut self, zones: Vec<(Name, Option<Arc<Zone>>)>) {
        let mut origins = HashSet::new();
        if let Some((twice, _)) = zones.iter().find(|(origin, _)| !origins.insert(origin)) {
            // The loader takes one file a zone.
            error!(zone = %twice, "the zone is there twice; what was served before still is");
            return;
        }
        self.publish();
        let before = self.shared.snapshot.load_full();
        let served: Vec<&Arc<Zone>> = zones.iter().filter_map(|(_, zone)| zone.as_ref()).collect();
        let served_before: Vec<Arc<Zone>> =
            before.zones().filter_map(View::zone).cloned().collect();
        let registry = Arc::clone(&self.shared.registry);
        let carried = carried(&served_before, &served, &registry);
        self.users = Users::new(zones.iter().map(|(_, zone)| zone.as_ref()));
        registry.track(&self.users.targets(), |target| {
            carried.get(target).copied().or_else(|| self.last_health.get(target))
        });
        self.memories.retain(&served);

        let views = zones.into_iter().map(|(origin, zone)| match zone {
            None if has_expired(&before, &origin) => View::Expired(origin),
            None => View::Broken(origin),
            Some(zone) => self.view(&before, zone),
        });
        let snapshot =
            Snapshot::new(views.collect()).expect("each zone is there once, as seen above");
        let counts = zone_counts(&before, &snapshot, self.counting);
        let settings = Arc::clone(before.settings());
        let snapshot = snapshot.counting(counts).with_settings(settings);
        self.swap(snapshot);
        let set = self.shared.overrides.load().iter().map(|set| set.key.clone()).collect();
        self.note_taken_out(&set);
        self.recount();
        self.forget_unused();
        self.settle_pushes();
        self.tell_targets();
    }

    pub(super) fn set_settings(&mut self, settings: Arc<Settings>) {
        let snapshot = Snapshot::clone(&self.shared.snapshot.load());
        self.swap(snapshot.with_settings(settings));
    }

    /// A zone as it answers now; one that was there before keeps what its pools hand out.
    pub(super) fn view(&mut self, before: &Snapshot, zone: Arc<Zone>) -> View {
        let place = before.catalog().place(&zone.origin);
        let before = place.and_then(|place| before.zone(place as u32));
        if let Some(view @ View::Served { zone: served, .. }) = before
            && Arc::ptr_eq(served, &zone)
        {
            return view.clone();
        }
        let counts = pool_counts(before, &zone, self.counting);
        let held: Vec<_> =
            zone.pools.iter().map(|pool| self.memories.primary(&zone, pool)).collect();
        let mut ready: Vec<Arc<Ready>> = Vec::with_capacity(counts.len());
        let at = self.shared.now();
        for (pool, counts) in counts.iter().enumerate() {
            let now = self.ready(&zone, pool, at, |before| ready.get(before));
            ready.push(Arc::new(now.counting(counts)));
        }
        for ((pool, ready), held) in ready.iter().enumerate().zip(held) {
            let was = (&Cast::default(), held.as_deref());
            self.health_changed |= ready.cast.is_of_another(held.as_deref());
            tell::roles(&self.shared, &zone, pool, was, &ready.cast);
            // Before the first checks nobody has told a role.
            if zone.pools[pool].role().is_none() || held.is_some() {
                tell::source(&self.shared, &zone, pool, ReadySource::InService, ready.source);
            }
        }
        View::Served { ready: Chunks::new(ready), zone }
    }

    /// What a pool hands out at a moment; `made` has what those before it do.
    fn ready<'r>(
        &mut self,
        zone: &Zone,
        pool: usize,
        at: Moment,
        made: impl Fn(usize) -> Option<&'r Arc<Ready>>,
    ) -> Ready {
        let overrides = self.shared.overrides.load();
        let registry = &self.shared.registry;
        let facts = Facts { registry, overrides: &overrides, down: &BTreeSet::new() };
        self.memories.ready(zone, pool, &facts, at, made)
    }

    /// Tells the prober inside what to probe.
    pub(super) fn tell_targets(&self) {
        let targets = if self.probing { self.users.targets() } else { HashSet::new() };
        let probed = targets.into_iter().filter(|target| !target.check.kind.is_pushed());
        (self.targets)(probed.collect());
    }

    /// What follows from the time: overrides and holds that end, probers that are lost.
    pub(super) fn pass_time(&mut self) {
        let now = self.shared.now();
        let over = self.shared.overrides.load().over(now.unix);
        if !over.is_empty() {
            for set in &over {
                tell::over(&self.shared, set);
            }
            self.steer(Vec::new(), over.iter().map(|set| set.key.clone()).collect());
        }
        self.let_go();
        self.end_isolation();
        self.make_due(now.running);
        self.end_pushes();
        if self.due.is_some_and(|due| due <= now.running) {
            self.settle_probers();
        }
    }

    /// Marks the pools that change by time alone.
    fn make_due(&mut self, now: Duration) {
        let snapshot = self.shared.snapshot.load_full();
        for (origin, labels) in self.memories.pop_due(now) {
            let Some(place) = snapshot.catalog().place(&origin) else { continue };
            let zone = snapshot.zone(place as u32).and_then(View::zone);
            let pools = zone.iter().flat_map(|zone| zone.pools.iter().enumerate());
            let due = pools.filter(|(_, pool)| labels.contains(&*pool.label()));
            self.dirty.extend(due.map(|(index, _)| (place, index)));
        }
    }

    /// Sets overrides and takes others off.
    pub(super) fn steer(&mut self, set: Vec<Arc<Override>>, off: Vec<BackendKey>) {
        let keys: BTreeSet<BackendKey> =
            set.iter().map(|set| set.key.clone()).chain(off.clone()).collect();
        let overrides: Overrides = self.shared.overrides.load().with(set, off);
        self.shared.overrides.store(Arc::new(overrides));
        let snapshot = self.shared.snapshot.load_full();
        let pools = find_all(&snapshot, &keys);
        self.dirty.extend(pools.values().map(|found| (found.place, found.index)));
        self.publish();
        self.note_taken_out(&keys);
    }

    /// Makes the handouts of changed pools anew, and swaps the snapshot where one differs.
    pub(super) fn publish(&mut self) {
        if self.dirty.is_empty() {
            return;
        }
        let mut by_zone = BTreeMap::<usize, BTreeSet<usize>>::new();
        for (place, pool) in std::mem::take(&mut self.dirty) {
            by_zone.entry(place).or_default().insert(pool);
        }
        let before = self.shared.snapshot.load_full();
        let mut snapshot = Snapshot::clone(&before);
        let mut changed = false;
        let mut steered = BTreeSet::new();
        let mut differing = Vec::new();
        // One moment for all: a pool and what falls back on it must see the same hold end.
        let at = self.shared.now();
        for (place, pools) in by_zone {
            let Some(View::Served { zone, ready }) = before.zone(place as u32) else { continue };
            let mut new = ready.clone();
            let mut differs = false;
            let pools = self.users.with_dependents(place, &pools);
            // Whoever is made first notes who is primary now, for all that see the pool.
            let primary = |pool: &usize| self.memories.primary(zone, &zone.pools[*pool]);
            let held: Vec<_> = pools.iter().map(primary).collect();
            for (pool, held) in pools.into_iter().zip(held) {
                let now = self.ready(zone, pool, at, |before| new.get(before));
                let Some(was) = ready.get(pool).filter(|was| ***was != now) else { continue };
                let before = (&was.cast, held.as_deref());
                self.health_changed |= now.cast.is_of_another(held.as_deref());
                tell::roles(&self.shared, zone, pool, before, &now.cast);
                tell::source(&self.shared, zone, pool, was.source, now.source);
                tell::tier(&self.shared, zone, pool, was.tier, now.tier);
                let now = match was.handed() {
                    Some(handed) => now.counting(handed),
                    None => now,
                };
                new = new.with(pool, Arc::new(now));
                differs = true;
                steered.extend(self.steered(zone, pool));
            }
            if differs {
                let view = View::Served { zone: Arc::clone(zone), ready: new };
                snapshot = snapshot.with_zone(place, view);
                differing.push(zone);
                changed = true;
            }
        }
        if changed {
            self.swap(snapshot);
            self.note_taken_out(&steered);
            if let Some(told) = self.shared.on_health.get() {
                for zone in differing {
                    told(zone);
                }
            }
        }
    }

    /// The backends of a pool, and of those within it, that a hand has set.
    fn steered(&self, zone: &Zone, pool: usize) -> Vec<BackendKey> {
        let overrides = self.shared.overrides.load();
        let mut found = Vec::new();
        let mut open = if overrides.is_empty() { Vec::new() } else { vec![pool] };
        // The model has no loops of pools.
        while let Some(pool) = open.pop().and_then(|place| zone.pools.get(place)) {
            let keys = pool.backends.iter().map(|backend| key(zone, pool, backend));
            found.extend(keys.filter(|key| overrides.get(key).is_some()));
            open.extend(pool.backends.iter().filter_map(Backend::inner));
        }
        found
    }

    /// Notes from when on these backends may be stopped, where a hand has taken them out of answers.
    pub(super) fn note_taken_out(&self, keys: &BTreeSet<BackendKey>) {
        let (snapshot, overrides) = (self.shared.snapshot.load(), self.shared.overrides.load());
        let now = self.shared.now().unix;
        let mut safe_to_stop = self.shared.safe_to_stop();
        let found = find_all(&snapshot, keys);
        for key in keys {
            let is_down = overrides.get(key).is_some_and(|set| set.hand.is_down());
            match found.get(key) {
                // Taken out of the files after it was taken out of answers.
                None if is_down => {}
                Some(found) if is_down && !found.is_in_answers() => {
                    let ttl = u64::from(found.pool.ttl) * 1000;
                    safe_to_stop.entry(key.clone()).or_insert(now.saturating_add(ttl + MARGIN));
                }
                _ => {
                    safe_to_stop.remove(key);
                }
            }
        }
    }

    pub(super) fn swap(&mut self, snapshot: Snapshot) {
        self.retired.push(self.shared.snapshot.swap(Arc::new(snapshot)));
        self.shared.note_published(self.shared.now().unix);
        self.free_retired();
    }

    /// Frees the old snapshots that nobody reads any more.
    pub(super) fn free_retired(&mut self) {
        self.retired.retain(|snapshot| Arc::strong_count(snapshot) > 1);
    }

    pub(super) fn save_health(&mut self) {
        if self.health_changed && !self.shared.rests.load(Ordering::Relaxed) {
            let sides = self.shared.registry.sides().into_iter();
            let text = self.last_health.update(sides, self.memories.primaries());
            self.health_changed = !self.keeper.keep(text);
        }
    }

    /// Leaves the disk to another process from now on, which is to find there what is known; or takes it back.
    pub(super) fn rest(&mut self, rests: bool, within: Duration) {
        if rests && self.health_changed {
            let sides = self.shared.registry.sides().into_iter();
            let text = self.last_health.update(sides, self.memories.primaries());
            if !self.keeper.keep_now(text, within) {
                warn!("the disk is behind, so that the last known health is of some moments ago");
            }
        }
        self.health_changed = true;
    }

    /// Takes what another server knew last: of targets that nobody here has judged yet, and of primaries.
    pub(super) fn remember(&mut self, last_health: LastHealth) {
        self.shared.registry.remember(|target| last_health.get(target));
        self.memories.take_primaries(last_health.primaries());
        self.last_health = last_health;
        let snapshot = self.shared.snapshot.load_full();
        for (place, view) in snapshot.zones().enumerate() {
            let pools = view.zone().map_or(0, |zone| zone.pools.len());
            self.dirty.extend((0..pools).map(|index| (place, index)));
        }
        self.publish();
    }
}

/// Whether a zone without content is one that came and has expired: a reload of others does not change that.
fn has_expired(before: &Snapshot, origin: &Name) -> bool {
    let view = before.catalog().place(origin).and_then(|place| before.zone(place as u32));
    matches!(view, Some(View::Expired(_)))
}
