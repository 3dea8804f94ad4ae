//! What the publisher's thread owns, and what each change does to it.
//!
//! Taking in a change marks the pools that it may concern; [`State::publish`] makes those anew and swaps the snapshot
//! where one differs.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tracing::error;

use super::counting::{pool_counts, zone_counts};
use super::keeper::Keeper;
use super::persist::LastHealth;
use super::pools::{LastInService, PoolAt, Users, carried, dependents};
use super::publisher::{Feed, FeedCounts};
use super::shared::Shared;
use super::tell;
use super::what_if::{Facts, find, key};
use crate::engine::choose::ready::{Ready, Source as ReadySource};
use crate::engine::snapshot::{Chunks, Snapshot, View};
use crate::health::backend::BackendKey;
use crate::health::overrides::{Override, Overrides};
use crate::health::registry::Change as TargetChange;
use crate::health::source::Source;
use crate::health::sources::{Heard, Tally, TooManySources};
use crate::health::target::{Health, Report, Target};
use crate::name::Name;
use crate::zone::Zone;

/// Workers load a snapshot once a batch, and caches count whole seconds: what a pool's TTL is short of, in
/// milliseconds.
const MARGIN: u64 = 1_000;

/// What the publisher's thread owns.
pub(super) struct State {
    pub(super) shared: Arc<Shared>,
    pub(super) users: Users,
    last_in_service: LastInService,
    last_health: LastHealth,
    keeper: Keeper,
    /// How many threads count what they answer.
    counting: usize,
    targets: Box<dyn Fn(Vec<Target>) + Send>,
    /// Whether the prober inside probes.
    probing: bool,
    /// Whether it was told that no prober is heard.
    silent: bool,
    /// When something about probers changes by time alone.
    due: Option<Duration>,
    /// The pools whose handouts are to be made anew.
    dirty: BTreeSet<PoolAt>,
    /// Whether a side changed since the file of last known health was written.
    health_changed: bool,
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
        Ok(Self {
            shared,
            users: Users::default(),
            last_in_service: LastInService::default(),
            keeper: Keeper::start(last_health.file().to_path_buf())?,
            last_health,
            counting,
            targets,
            probing,
            silent: false,
            due: Some(Duration::ZERO),
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
        let source = self.due.map(|due| due.saturating_sub(now.running));
        let end = self.shared.overrides.load().next_end();
        let end = end.map(|end| Duration::from_millis(end.saturating_sub(now.unix)));
        source.into_iter().chain(end).min().unwrap_or(Duration::MAX)
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
        self.last_in_service.retain(&served);

        let views = zones.into_iter().map(|(origin, zone)| match zone {
            None => View::Broken(origin),
            Some(zone) => self.view(&before, zone),
        });
        let snapshot =
            Snapshot::new(views.collect()).expect("each zone is there once, as seen above");
        let counts = zone_counts(&before, &snapshot, self.counting);
        let snapshot = snapshot.counting(counts);
        self.swap(snapshot);
        self.note_taken_out(self.shared.overrides.load().iter().map(|set| set.key.clone()));
        self.recount();
        self.tell_targets();
    }

    /// A zone as it answers now; one that was there before keeps what its pools hand out.
    fn view(&mut self, before: &Snapshot, zone: Arc<Zone>) -> View {
        let place = before.catalog().place(&zone.origin);
        let before = place.and_then(|place| before.zone(place as u32));
        if let Some(view @ View::Served { zone: served, .. }) = before
            && Arc::ptr_eq(served, &zone)
        {
            return view.clone();
        }
        let counts = pool_counts(before, &zone, self.counting);
        let ready = counts.iter().enumerate();
        let ready = ready.map(|(pool, counts)| Arc::new(self.ready(&zone, pool).counting(counts)));
        let ready: Vec<Arc<Ready>> = ready.collect();
        for (pool, ready) in ready.iter().enumerate() {
            tell::source(&self.shared, &zone, pool, ReadySource::InService, ready.source);
        }
        View::Served { ready: Chunks::new(ready), zone }
    }

    /// What a pool hands out now.
    fn ready(&mut self, zone: &Zone, pool: usize) -> Ready {
        let overrides = self.shared.overrides.load();
        let registry = &self.shared.registry;
        let facts = Facts { registry, overrides: &overrides, down: &BTreeSet::new() };
        self.last_in_service.ready(zone, pool, &facts)
    }

    /// Tells the prober inside what to probe.
    fn tell_targets(&self) {
        let targets = if self.probing { self.users.targets() } else { HashSet::new() };
        (self.targets)(targets.into_iter().collect());
    }

    /// Counts anew how many targets each prober reports on, after some came or went.
    fn recount(&self) {
        let mut sources = self.shared.sources();
        for prober in sources.probers(self.shared.now()) {
            let count = self.shared.registry.reported_by(&prober.source);
            if let Some(tally) = sources.tally(&prober.source) {
                tally.targets = count as u64;
            }
        }
    }

    pub(super) fn take_report(&mut self, report: &Report) {
        // A probe that was on its way when a prober beside was heard again.
        if report.source.is_inside() && !self.probing {
            return;
        }
        let change = self.take(report, false);
        let mut sources = self.shared.sources();
        sources.heard_inside(report.at);
        if let Some(tally) = sources.tally(&report.source) {
            count(tally, change);
        }
    }

    pub(super) fn take_feed(&mut self, feed: Feed) -> Result<FeedCounts, TooManySources> {
        let Feed { source, whole, reports } = feed;
        let now = self.shared.now();
        let heard = self.shared.sources().heard(&source, now)?;
        let registry = Arc::clone(&self.shared.registry);
        let mut counts = FeedCounts::default();
        let mut told = HashSet::new();
        let mut changes = Vec::with_capacity(reports.len());
        for fed in reports {
            // Who has not judged a target has nothing to say of it.
            if fed.health == Health::Unknown {
                continue;
            }
            let Some(target) = registry.target(&fed.key) else {
                changes.push(None);
                continue;
            };
            told.insert(fed.key);
            let (health, detail, took, at) = (fed.health, fed.detail, fed.took, fed.at);
            let report = Report { target, source: source.clone(), health, detail, took, at };
            changes.push(self.take(&report, whole));
        }
        if whole {
            for (target, change) in registry.forget(&source, &told, now.unix) {
                self.moved(&target, change, None);
            }
        }
        // Only now, so that a prober that comes back is not taken by what it said before.
        if heard != Heard::Still {
            tell::heard(&self.shared, &source, heard);
            self.settle_probers();
        }
        let mut sources = self.shared.sources();
        self.due = sources.next_change(now);
        if let Some(tally) = sources.tally(&source) {
            for change in changes {
                counts.known += u64::from(change.is_some());
                counts.unknown += u64::from(change.is_none());
                count(tally, change);
            }
            if whole {
                (tally.targets, tally.unknown) = (told.len() as u64, counts.unknown);
            }
            counts.missing = (registry.len() as u64).saturating_sub(tally.targets);
        }
        Ok(counts)
    }

    /// Takes in a report; `None` where nobody knows its target.
    fn take(&mut self, report: &Report, may_be_retold: bool) -> Option<TargetChange> {
        let registry = &self.shared.registry;
        let change = if may_be_retold { registry.retold(report) } else { registry.report(report) }?;
        self.moved(&report.target, change, Some(report));
        Some(change)
    }

    /// Follows a change of a target, which a report may have brought.
    fn moved(&mut self, target: &Target, change: TargetChange, report: Option<&Report>) {
        if change.moved {
            self.dirty.extend(self.users.of(target));
        }
        if change.is_side() {
            self.health_changed = true;
            tell::side(self, target, change, report);
        }
    }

    /// What follows from the time: overrides that end, probers that are lost.
    pub(super) fn pass_time(&mut self) {
        let now = self.shared.now();
        let over = self.shared.overrides.load().over(now.unix);
        if !over.is_empty() {
            for set in &over {
                tell::over(&self.shared, set);
            }
            self.steer(Vec::new(), over.iter().map(|set| set.key.clone()).collect());
        }
        if self.due.is_some_and(|due| due <= now.running) {
            self.settle_probers();
        }
    }

    /// Who votes and who probes now.
    fn settle_probers(&mut self) {
        let now = self.shared.now();
        let (lost, forgotten, panel, probing, silent, on_loss) = {
            let mut sources = self.shared.sources();
            let (lost, forgotten) = (sources.lost(now), sources.forget(now));
            self.due = sources.next_change(now);
            let silent = sources.silent_since(now).is_some();
            let on_loss = sources.settings().on_loss;
            (lost, forgotten, sources.panel(now), sources.inside_probes(now), silent, on_loss)
        };
        for source in &lost {
            tell::lost(&self.shared, source);
        }
        if silent != std::mem::replace(&mut self.silent, silent) && silent {
            tell::silent(&self.shared, on_loss);
        }
        let nothing = HashSet::new();
        for source in &forgotten {
            for (target, change) in self.shared.registry.forget(source, &nothing, now.unix) {
                self.moved(&target, change, None);
            }
        }
        let begins_or_ends = probing != std::mem::replace(&mut self.probing, probing);
        if *self.shared.registry.panel() != panel {
            for (target, change) in self.shared.registry.set_panel(panel, now.unix) {
                self.moved(&target, change, None);
            }
        }
        if begins_or_ends {
            tell::stand_in(&self.shared, probing);
            if !probing {
                for (target, change) in
                    self.shared.registry.forget(&Source::inside(), &nothing, now.unix)
                {
                    self.moved(&target, change, None);
                }
            }
            self.tell_targets();
        }
    }

    /// Sets overrides and takes others off.
    pub(super) fn steer(&mut self, set: Vec<Arc<Override>>, off: Vec<BackendKey>) {
        let keys: Vec<BackendKey> =
            set.iter().map(|set| set.key.clone()).chain(off.clone()).collect();
        let overrides: Overrides = self.shared.overrides.load().with(set, off);
        self.shared.overrides.store(Arc::new(overrides));
        let snapshot = self.shared.snapshot.load_full();
        let pools = keys.iter().filter_map(|key| find(&snapshot, key));
        self.dirty.extend(pools.map(|found| (found.place, found.index)));
        self.publish();
        self.note_taken_out(keys);
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
        let mut steered = Vec::new();
        for (place, pools) in by_zone {
            let Some(View::Served { zone, ready }) = before.zone(place as u32) else { continue };
            let mut new = ready.clone();
            let mut differs = false;
            for pool in dependents(zone, &pools) {
                let now = self.ready(zone, pool);
                let Some(was) = ready.get(pool).filter(|was| ***was != now) else { continue };
                tell::source(&self.shared, zone, pool, was.source, now.source);
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
                changed = true;
            }
        }
        if changed {
            self.swap(snapshot);
            self.note_taken_out(steered);
        }
    }

    /// The backends of a pool that a hand has set.
    fn steered(&self, zone: &Zone, pool: usize) -> Vec<BackendKey> {
        let overrides = self.shared.overrides.load();
        if overrides.is_empty() {
            return Vec::new();
        }
        let pool = &zone.pools[pool];
        let keys = pool.backends.iter().map(|backend| key(zone, pool, backend));
        keys.filter(|key| overrides.get(key).is_some()).collect()
    }

    /// Notes from when on these backends may be stopped, where a hand has taken them out of answers.
    fn note_taken_out(&self, keys: impl IntoIterator<Item = BackendKey>) {
        let (snapshot, overrides) = (self.shared.snapshot.load(), self.shared.overrides.load());
        let now = self.shared.now().unix;
        let mut safe_to_stop = self.shared.safe_to_stop();
        for key in keys {
            let is_down = overrides.get(&key).is_some_and(|set| set.hand.is_down());
            match find(&snapshot, &key) {
                // Taken out of the files after it was taken out of answers.
                None if is_down => {}
                Some(found) if is_down && !found.is_in_answers() => {
                    let ttl = u64::from(found.pool.ttl) * 1000;
                    safe_to_stop.entry(key).or_insert(now.saturating_add(ttl + MARGIN));
                }
                _ => {
                    safe_to_stop.remove(&key);
                }
            }
        }
    }

    fn swap(&mut self, snapshot: Snapshot) {
        self.retired.push(self.shared.snapshot.swap(Arc::new(snapshot)));
        self.shared.note_published(self.shared.now().unix);
        self.free_retired();
    }

    /// Frees the old snapshots that nobody reads any more.
    pub(super) fn free_retired(&mut self) {
        self.retired.retain(|snapshot| Arc::strong_count(snapshot) > 1);
    }

    pub(super) fn save_health(&mut self) {
        if self.health_changed {
            let text = self.last_health.update(self.shared.registry.sides().into_iter());
            self.health_changed = !self.keeper.keep(text);
        }
    }
}

/// Counts a report.
fn count(tally: &mut Tally, change: Option<TargetChange>) {
    match change {
        Some(change) => {
            tally.reports += 1;
            tally.targets += u64::from(change.is_first);
        }
        None => tally.rejected += 1,
    }
}
