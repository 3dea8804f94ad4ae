//! The only writer: takes in zones and reports, and swaps the snapshot that answers come from.
//!
//! ```text
//!   zones ───┐             first change: at once
//!   reports ─┴▶ publisher ───────────────────────▶ snapshot ◀── workers load it once a batch
//!                  │        the rest: every 2 ms
//!                  ▼
//!             targets, for whoever probes
//! ```
//!
//! A worker never frees a snapshot: old ones wait here until the last reader has let go.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tracing::{debug, error, info, warn};

use super::counting::{pool_counts, zone_counts};
use super::keeper::Keeper;
use super::persist::LastHealth;
use super::pools::{LastInService, PoolAt, Users, carried, dependents};
use crate::config::model::SetState;
use crate::engine::choose::ready::{Ready, Source, addresses_of};
use crate::engine::snapshot::{Chunks, Snapshot, View};
use crate::health::registry::{Change as HealthChange, Registry};
use crate::health::target::{Health, Report, Side, Target};
use crate::name::Name;
use crate::zone::Zone;

/// How long changes are gathered after the first one was published.
const GATHER: Duration = Duration::from_millis(2);
/// How often what waits is looked after: retired snapshots, the file of last known health.
const TICK: Duration = Duration::from_secs(1);
/// How long a stop waits for the disk.
const KEEP: Duration = Duration::from_millis(200);
/// The most changes that wait; who brings more waits too.
const QUEUE_MAX: usize = 4096;

/// What the publisher takes in.
enum Change {
    /// The zones that shall be served, all of them.
    Zones(Vec<(Name, Option<Arc<Zone>>)>),
    /// What a prober found.
    Report(Report),
    /// Answered when everything sent before is published.
    Flush(SyncSender<()>),
    /// The last one.
    Stop,
}

/// The way to the publisher's thread.
#[derive(Clone)]
pub struct Publisher {
    changes: SyncSender<Change>,
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl Publisher {
    /// Starts the thread, with no zones. `counting` is how many threads will count what they answer; `targets`
    /// is called with all that are to be probed, whenever they change.
    pub fn start(
        last_health: LastHealth,
        counting: usize,
        targets: impl Fn(Vec<Target>) + Send + 'static,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let empty = Snapshot::new(Vec::new()).expect("no zone stands twice among none");
        let snapshot = Arc::new(ArcSwap::from_pointee(empty));
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let state = State {
            snapshot: Arc::clone(&snapshot),
            registry: Registry::default(),
            users: Users::default(),
            last_in_service: LastInService::default(),
            keeper: Keeper::start(last_health.file().to_path_buf())?,
            last_health,
            counting,
            targets: Box::new(targets),
            dirty: BTreeSet::new(),
            health_changed: false,
            retired: Vec::new(),
        };
        let thread = Builder::new().name("publisher".into()).spawn(move || state.run(&receiver))?;
        Ok((Self { changes: sender, snapshot }, thread))
    }

    /// Where the snapshot of the moment stands.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<ArcSwap<Snapshot>> {
        &self.snapshot
    }

    /// Serves these zones and no others; one without content answers SERVFAIL.
    pub fn zones(&self, zones: Vec<(Name, Option<Arc<Zone>>)>) {
        self.send(Change::Zones(zones));
    }

    /// Takes in what a prober found.
    pub fn report(&self, report: Report) {
        self.send(Change::Report(report));
    }

    /// Waits until everything sent before is published.
    pub fn flush(&self) {
        let (sender, receiver) = sync_channel(1);
        self.send(Change::Flush(sender));
        // An error means that the thread has ended: there is nothing to wait for.
        let _ = receiver.recv();
    }

    /// Ends the thread, after everything sent before; what is known of health is on the disk then.
    pub fn stop(&self) {
        self.send(Change::Stop);
    }

    fn send(&self, change: Change) {
        // After the end there is nobody to publish to.
        let _ = self.changes.send(change);
    }
}

/// What the publisher's thread owns.
struct State {
    snapshot: Arc<ArcSwap<Snapshot>>,
    registry: Registry,
    users: Users,
    last_in_service: LastInService,
    last_health: LastHealth,
    keeper: Keeper,
    /// How many threads count what they answer.
    counting: usize,
    targets: Box<dyn Fn(Vec<Target>) + Send>,
    /// The pools whose handouts are to be made anew.
    dirty: BTreeSet<PoolAt>,
    /// Whether a side changed since the file of last known health was written.
    health_changed: bool,
    /// Old snapshots that somebody may still read.
    retired: Vec<Arc<Snapshot>>,
}

impl State {
    fn run(mut self, changes: &Receiver<Change>) {
        let mut saved = now();
        loop {
            match changes.recv_timeout(TICK) {
                Ok(change) => {
                    if !self.take(change) {
                        break;
                    }
                    self.publish_what_changed();
                    if !self.gather(changes) {
                        break;
                    }
                    self.publish_what_changed();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if saved.elapsed() >= TICK {
                saved = now();
                self.save_health();
                self.free_retired();
            }
        }
        self.publish_what_changed();
        self.save_health();
        self.keeper.stop(KEEP);
    }

    /// Takes in what arrives within [`GATHER`]; `false` at the end.
    fn gather(&mut self, changes: &Receiver<Change>) -> bool {
        let until = now() + GATHER;
        loop {
            match changes.recv_timeout(until.saturating_duration_since(now())) {
                Ok(change) => {
                    if !self.take(change) {
                        return false;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Takes in one change; `false` where it is the last.
    fn take(&mut self, change: Change) -> bool {
        match change {
            Change::Zones(zones) => self.live_on(|state| state.set_zones(zones)),
            Change::Report(report) => self.live_on(|state| state.take_report(&report)),
            Change::Flush(done) => {
                self.publish_what_changed();
                // Who asked may have stopped waiting.
                let _ = done.send(());
            }
            Change::Stop => return false,
        }
        true
    }

    fn publish_what_changed(&mut self) {
        self.live_on(Self::publish);
    }

    /// A mistake of ours must not end the only writer: what it concerns stays as it was.
    fn live_on(&mut self, step: impl FnOnce(&mut Self)) {
        if catch_unwind(AssertUnwindSafe(|| step(self))).is_err() {
            error!("a change made the publisher panic and is left out; please report this");
        }
    }

    fn set_zones(&mut self, zones: Vec<(Name, Option<Arc<Zone>>)>) {
        let mut origins = HashSet::new();
        if let Some((twice, _)) = zones.iter().find(|(origin, _)| !origins.insert(origin)) {
            // The loader takes one file a zone.
            error!(zone = %twice, "the zone is there twice; what was served before still is");
            return;
        }
        self.publish();
        let before = self.snapshot.load_full();
        let served: Vec<&Arc<Zone>> = zones.iter().filter_map(|(_, zone)| zone.as_ref()).collect();
        let served_before: Vec<Arc<Zone>> =
            before.zones().filter_map(View::zone).cloned().collect();
        let carried = carried(&served_before, &served, &self.registry);
        self.users = Users::new(zones.iter().map(|(_, zone)| zone.as_ref()));
        let targets = self.users.targets();
        self.registry.track(&targets, |target| {
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
        (self.targets)(targets.into_iter().collect());
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
        let ready = counts.iter().enumerate().map(|(pool, counts)| {
            let ready = self.last_in_service.ready(&zone, pool, &self.registry);
            Arc::new(ready.counting(counts))
        });
        let ready: Vec<Arc<Ready>> = ready.collect();
        for (pool, ready) in ready.iter().enumerate() {
            tell_source(&zone, pool, Source::InService, ready.source);
        }
        View::Served { ready: Chunks::new(ready), zone }
    }

    fn take_report(&mut self, report: &Report) {
        let remembered = self.registry.known(&report.target).and_then(|known| known.remembered);
        let Some(change) = self.registry.report(report) else { return };
        self.dirty.extend(self.users.of(&report.target));
        if change.before.side() != change.after.side() {
            self.health_changed = true;
            self.tell(report, &change, remembered);
        }
    }

    /// One line for each backend that changed side.
    fn tell(&self, report: &Report, change: &HealthChange, remembered: Option<Side>) {
        let Report { target, detail, .. } = report;
        let (side, how) = match (change.before, change.after.side()) {
            (Health::Unknown, Some(Side::Up)) => ("up", "at the first check".to_owned()),
            (Health::Unknown, _) => ("down", "at the first check".to_owned()),
            (_, Some(Side::Up)) => ("up", format!("after {}", passes(target.check.rise.get()))),
            _ => ("down", format!("after {}", failures(target.check.fall.get()))),
        };
        // Up at the first check is what was assumed: no news, unless it was down before the restart.
        let is_news = side == "down" || change.before != Health::Unknown;
        let is_news = is_news || remembered == Some(Side::Down);
        let address = target.address;
        for (backend, state, zone, pool) in self.backends(target) {
            let held = match state {
                SetState::Auto => "",
                SetState::Up => ", held up by the zone file",
                SetState::Down => ", held down by the zone file",
            };
            // A backend that has no name of its own is called by its address.
            let who = match address.to_string() {
                address if address == backend => address,
                address => format!("{backend} {address}"),
            };
            if is_news {
                info!(%zone, pool, backend, %address, side, "{who}: {side} {how}: {detail}{held}");
            } else {
                debug!(%zone, pool, backend, %address, side, "{who}: {side} {how}: {detail}{held}");
            }
        }
    }

    /// The backends that a target stands for: name, state in the file, zone and pool.
    fn backends(&self, target: &Target) -> Vec<(String, SetState, Name, String)> {
        let snapshot = self.snapshot.load();
        let mut found = Vec::new();
        for (place, index) in self.users.of(target) {
            let Some(View::Served { zone, .. }) = snapshot.zone(place as u32) else { continue };
            let pool = &zone.pools[index];
            let backends = addresses_of(pool).filter(|(_, address)| *address == target.address);
            found.extend(backends.map(|(backend, _)| {
                (backend.name.clone(), backend.state, zone.origin.clone(), pool.name.clone())
            }));
        }
        found
    }

    /// Makes the handouts of changed pools anew, and swaps the snapshot where one differs.
    fn publish(&mut self) {
        if self.dirty.is_empty() {
            return;
        }
        let mut by_zone = BTreeMap::<usize, BTreeSet<usize>>::new();
        for (place, pool) in std::mem::take(&mut self.dirty) {
            by_zone.entry(place).or_default().insert(pool);
        }
        let before = self.snapshot.load_full();
        let mut snapshot = Snapshot::clone(&before);
        let mut changed = false;
        for (place, pools) in by_zone {
            let Some(View::Served { zone, ready }) = before.zone(place as u32) else { continue };
            let mut new = ready.clone();
            let mut differs = false;
            for pool in dependents(zone, &pools) {
                let now = self.last_in_service.ready(zone, pool, &self.registry);
                let Some(was) = ready.get(pool).filter(|was| ***was != now) else { continue };
                tell_source(zone, pool, was.source, now.source);
                let now = match was.handed() {
                    Some(handed) => now.counting(handed),
                    None => now,
                };
                new = new.with(pool, Arc::new(now));
                differs = true;
            }
            if differs {
                let view = View::Served { zone: Arc::clone(zone), ready: new };
                snapshot = snapshot.with_zone(place, view);
                changed = true;
            }
        }
        if changed {
            self.swap(snapshot);
        }
    }

    fn swap(&mut self, snapshot: Snapshot) {
        self.retired.push(self.snapshot.swap(Arc::new(snapshot)));
        self.free_retired();
    }

    /// Frees the old snapshots that nobody reads any more.
    fn free_retired(&mut self) {
        self.retired.retain(|snapshot| Arc::strong_count(snapshot) > 1);
    }

    fn save_health(&mut self) {
        if self.health_changed {
            let text = self.last_health.update(self.registry.sides());
            self.health_changed = !self.keeper.keep(text);
        }
    }
}

/// A pool that starts or stops to guess is worth a line of its own.
fn tell_source(zone: &Zone, pool: usize, was: Source, now: Source) {
    if was == now {
        return;
    }
    let (zone, pool) = (&zone.origin, &zone.pools[pool].name);
    match now {
        Source::InService => info!(%zone, pool, "the pool hands out what is in service again"),
        Source::Panic => {
            warn!(%zone, pool, "too little of the pool is in service: it hands out all of it");
        }
        Source::AllDown => {
            warn!(%zone, pool, "nothing in the pool is in service: it hands out all of it");
        }
        Source::Last => warn!(
            %zone, pool,
            "nothing in the pool is in service: it hands out what was in service last"
        ),
        Source::Fallback => {
            warn!(%zone, pool, "nothing in the pool is in service: it hands out its fallback");
        }
        Source::Nothing => {
            warn!(%zone, pool, "nothing in the pool is in service: it hands out nothing");
        }
    }
}

fn passes(count: u8) -> String {
    if count == 1 { "1 pass".to_owned() } else { format!("{count} passes") }
}

fn failures(count: u8) -> String {
    if count == 1 { "1 failure".to_owned() } else { format!("{count} failures") }
}

#[expect(clippy::disallowed_methods, reason = "the publisher gathers changes by the clock")]
fn now() -> Instant {
    Instant::now()
}
