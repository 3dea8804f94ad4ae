//! The only writer: takes in zones, reports and what hands set, and swaps the snapshot that answers come
//! from.
//!
//! ```text
//!   zones ───────┐             first change: at once
//!   reports ─────┼▶ publisher ───────────────────────▶ snapshot ◀── workers load it once a batch
//!   feeds ───────┤     │        the rest: every 2 ms, or 8 where it takes long
//!   overrides ───┤     ├─────▶ registry, overrides, probers, events, for who looks
//!   time ────────┘     ▼
//!                 targets, for the prober inside
//! ```
//!
//! A worker never frees a snapshot: old ones wait here until the last reader has let go. What each change does is in `changes`
//! and `reports`, how a hand steers in [`super::steer`].

use std::collections::HashSet;
use std::io;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tracing::error;

use super::changes::State;
use super::events::{Events, Kind};
use super::overrides::Kept;
use super::persist::LastHealth;
use super::push::Pushed;
use super::shared::{Shared, system_clock};
use crate::engine;
use crate::engine::choose::ready::Source as ReadySource;
use crate::engine::snapshot::{Snapshot, View};
use crate::health::backend::BackendKey;
use crate::health::key::TargetKey;
use crate::health::overrides::{Override, Overrides};
use crate::health::registry::Registry;
use crate::health::source::Source;
use crate::health::sources::{Moment, Prober, Settings, Sources, TooManySources};
use crate::health::target::{Health, Report, Target};
use crate::health::told::Told;
use crate::name::Name;
use crate::zone::Zone;

pub use super::shared::{Clock, Published};

/// How long changes are gathered after the first one was published: as long as that took, and within these. So a stream of changes
/// to large pools, as in a first round, leaves half of a core to the prober that brings it.
const GATHER: RangeInclusive<Duration> = Duration::from_millis(2)..=Duration::from_millis(8);
/// How often what waits is looked after: retired snapshots, the file of last known health.
const TICK: Duration = Duration::from_secs(1);
/// What is known of 100,000 targets takes some time to write down: from one time to the next it is so many times that, at
/// least a [`TICK`].
const SAVING: u32 = 300;
/// How long a stop waits for the disk.
const KEEP: Duration = Duration::from_millis(200);
/// The most changes that wait; who brings more waits too.
const QUEUE_MAX: usize = 4096;
/// How many pools an alarm names.
const NAMED_MAX: usize = 3;

/// What the publisher takes in.
pub(super) enum Change {
    /// The zones that shall be served, all of them.
    Zones(Vec<(Name, Option<Arc<Zone>>)>),
    /// Another version of some zones, or zones more.
    Some(Vec<(Name, Option<Arc<Zone>>)>),
    /// What the operator sets about answers.
    Settings(Arc<engine::settings::Settings>),
    /// What the prober inside found.
    Report(Report),
    /// What a prober beside found; answered when it is taken in.
    Feed(Feed, SyncSender<Result<FeedCounts, TooManySources>>),
    /// What a hand set and what it took off; answered when that is published.
    Steer { set: Vec<Arc<Override>>, off: Vec<BackendKey>, done: SyncSender<()> },
    /// What a backend says of itself; answered when that is published.
    Push(Pushed, SyncSender<()>),
    /// Another process has the state folder from now on, or has it no more; answered when all is there.
    Rest(bool, SyncSender<()>),
    /// What another server knew of health last; answered when that is published.
    Remember(LastHealth, SyncSender<()>),
    /// Answered when everything sent before is published.
    Flush(SyncSender<()>),
    /// The last one.
    Stop,
}

/// What a prober beside found, some of it or all. Without reports it is a heartbeat.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// Who.
    pub source: Source,
    /// Whether this is all that it knows: what it said before of other targets counts no more, and a report that
    /// is known already is no new outcome.
    pub whole: bool,
    /// In the order in which it found them.
    pub reports: Vec<Fed>,
    /// How many reports more it has told, of targets that nobody has here.
    pub unknown: u64,
}

/// A report of a prober beside, which names its target by key.
#[derive(Clone, Debug, PartialEq)]
pub struct Fed {
    /// Which target.
    pub key: TargetKey,
    /// Its state after the probe.
    pub health: Health,
    /// What the probe found, for people.
    pub detail: Arc<str>,
    /// What the target said of itself.
    pub told: Told,
    /// How long it took.
    pub took: Duration,
    /// When it ended by this server's clock, in unix milliseconds.
    pub at: u64,
}

/// What became of a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedCounts {
    /// Reports on targets that this server knows.
    pub known: u64,
    /// Reports on others: they are left out.
    pub unknown: u64,
    /// Targets that this server knows and the prober has not reported on.
    pub missing: u64,
}

/// Why a feed was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedError {
    /// There are too many probers.
    TooMany(TooManySources),
    /// The server is stopping.
    Stopping,
}

/// What the publisher starts with.
#[derive(Debug)]
pub struct Start {
    /// The health of before the restart.
    pub last_health: LastHealth,
    /// The overrides of before the restart.
    pub overrides: Kept,
    /// What the operator sets about probers.
    pub probers: Settings,
    /// How many threads count what they answer.
    pub counting: usize,
    /// What the operator sets about answers.
    pub settings: Arc<engine::settings::Settings>,
}

/// The way to the publisher's thread, and to what it shows.
#[derive(Clone)]
pub struct Publisher {
    pub(super) changes: SyncSender<Change>,
    pub(super) shared: Arc<Shared>,
}

impl Publisher {
    /// Starts the thread, with no zones. `targets` is called with all that the prober inside is to probe, whenever
    /// they change; with none while it rests.
    pub fn start(
        start: Start,
        targets: impl Fn(Vec<Target>) + Send + 'static,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        Self::start_at(start, targets, system_clock())
    }

    /// The same by another clock.
    pub fn start_at(
        Start { last_health, overrides, probers, counting, settings }: Start,
        targets: impl Fn(Vec<Target>) + Send + 'static,
        clock: Clock,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let shared = Arc::new(Shared::new(overrides, Sources::new(probers), settings, clock));
        let (changes, receiver) = sync_channel(QUEUE_MAX);
        let state = State::new(Arc::clone(&shared), last_health, counting, Box::new(targets))?;
        let thread =
            Builder::new().name("publisher".into()).spawn(move || run(state, &receiver))?;
        Ok((Self { changes, shared }, thread))
    }

    /// Where the snapshot of the moment stands.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<ArcSwap<Snapshot>> {
        &self.shared.snapshot
    }

    /// Which snapshot that is.
    #[must_use]
    pub fn published(&self) -> Published {
        self.shared.published()
    }

    /// What is known of every target.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.shared.registry
    }

    /// What hands have set.
    #[must_use]
    pub fn overrides(&self) -> &Arc<ArcSwap<Overrides>> {
        &self.shared.overrides
    }

    /// What happens.
    #[must_use]
    pub fn events(&self) -> &Arc<Events> {
        &self.shared.events
    }

    /// Who probes.
    #[must_use]
    pub fn probers(&self) -> Vec<Prober> {
        let targets = self.shared.registry.probed() as u64;
        let mut probers = self.shared.sources().probers(self.shared.now());
        for Prober { tally, .. } in &mut probers {
            tally.missing = targets.saturating_sub(tally.targets);
        }
        probers
    }

    /// From when on no cache has a backend any more, in unix milliseconds; `None` where no hand took it out of
    /// answers.
    #[must_use]
    pub fn safe_to_stop(&self, key: &BackendKey) -> Option<u64> {
        self.shared.safe_to_stop().get(key).copied()
    }

    /// What somebody on call should know, a sentence each; none is well.
    #[must_use]
    pub fn alarms(&self) -> Vec<String> {
        let mut alarms = self.shared.sources().alarms(self.shared.now());
        if self.shared.is_unkept.load(Ordering::Relaxed) {
            alarms.push("overrides are in force, but would be lost at a restart".to_owned());
        }
        if self.shared.are_updates_unkept.load(Ordering::Relaxed) {
            alarms.push(
                "dynamic updates are answered SERVFAIL, as the disk does not take them".to_owned(),
            );
        }
        if self.shared.is_prober_late.get().is_some_and(|is_late| is_late()) {
            alarms.push(
                "probes run late, so failures are noticed later than `rotadns check` says; raise prober.in_flight, or \
                 prober.exec.at_once if programs hang"
                    .to_owned(),
            );
        }
        alarms.extend(guessing(&self.shared.snapshot.load()));
        alarms
    }

    /// Asks there whether probes run late.
    pub fn watch_prober(&self, is_late: impl Fn() -> bool + Send + Sync + 'static) {
        // There is one start.
        let _ = self.shared.is_prober_late.set(Box::new(is_late));
    }

    /// Notes whether the disk took the last dynamic updates.
    pub fn updates_kept(&self, are_kept: bool) {
        self.shared.are_updates_unkept.store(!are_kept, Ordering::Relaxed);
    }

    /// Tells those who watch of what the publisher does not see itself.
    pub fn tell(&self, kind: Kind, subject: impl Into<String>, message: impl Into<String>) {
        self.shared.tell(kind, subject, message);
    }

    /// Serves these zones and no others; one without content answers SERVFAIL.
    pub fn zones(&self, zones: Vec<(Name, Option<Arc<Zone>>)>) {
        self.send(Change::Zones(zones));
    }

    /// Answers as the operator sets it now.
    pub fn settings(&self, settings: Arc<engine::settings::Settings>) {
        self.send(Change::Settings(settings));
    }

    /// Serves another version of one zone, or a zone more, beside all others; one that is there and comes without content has
    /// expired.
    pub fn zone(&self, origin: Name, zone: Option<Arc<Zone>>) {
        self.some_zones(vec![(origin, zone)]);
    }

    /// The same with several at once: no snapshot has some of them alone. This costs their places in the snapshot and what
    /// their pools come to, and for a zone more all zones.
    pub fn some_zones(&self, zones: Vec<(Name, Option<Arc<Zone>>)>) {
        self.send(Change::Some(zones));
    }

    /// Has somebody told of each zone whose pools hand out something else than before; the first who asks.
    pub fn on_health(&self, told: impl Fn(&Zone) + Send + Sync + 'static) {
        let _ = self.shared.on_health.set(Box::new(told));
    }

    /// Takes in what the prober inside found.
    pub fn report(&self, report: Report) {
        self.send(Change::Report(report));
    }

    /// The time, by the clocks that leases and reports go by.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.shared.now()
    }

    /// How long a prober beside may be silent before it is lost.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.shared.sources().settings().lease
    }

    /// Takes in what a prober beside found; it is heard by this.
    pub fn feed(&self, feed: Feed) -> Result<FeedCounts, FeedError> {
        let (sender, receiver) = sync_channel(1);
        self.send(Change::Feed(feed, sender));
        receiver.recv().map_err(|_| FeedError::Stopping)?.map_err(FeedError::TooMany)
    }

    /// Notes that a prober beside is alive, though it has nothing to tell.
    pub fn heard(&self, source: Source) -> Result<FeedCounts, FeedError> {
        self.feed(Feed { source, whole: false, reports: Vec::new(), unknown: 0 })
    }

    /// Waits until everything sent before is published.
    pub fn flush(&self) {
        self.wait(Change::Flush);
    }

    /// Waits until a change is taken in.
    fn wait(&self, change: impl FnOnce(SyncSender<()>) -> Change) {
        let (sender, receiver) = sync_channel(1);
        self.send(change(sender));
        // An error means that the thread has ended: there is nothing to wait for.
        let _ = receiver.recv();
    }

    /// Leaves the state folder to another process: what is known of health is on the disk when this returns, and nobody
    /// steers any more. Answers go on.
    pub fn rest(&self) {
        // Whoever steers has the lock until that is on the disk and published.
        let kept = self.shared.kept();
        self.shared.rests.store(true, Ordering::Relaxed);
        drop(kept);
        self.wait(|done| Change::Rest(true, done));
    }

    /// Takes the state folder, after another process has left it or before it has had it.
    pub fn go_on(&self) {
        self.wait(|done| Change::Rest(false, done));
        self.shared.rests.store(false, Ordering::Relaxed);
    }

    /// Takes over what another server has left in the state folder: what hands have set, and what it knew of health.
    pub fn take_over(&self, mut overrides: Kept, last_health: LastHealth) {
        let after = overrides.take();
        let mut kept = self.shared.kept();
        *kept = overrides;
        let before = self.shared.overrides.load_full();
        let off = before.iter().filter(|set| after.get(&set.key).is_none());
        let off: Vec<BackendKey> = off.map(|set| set.key.clone()).collect();
        let set = after.iter().cloned().collect();
        self.wait(|done| Change::Remember(last_health, done));
        self.wait(|done| Change::Steer { set, off, done });
    }

    /// Ends the thread, after everything sent before; what is known of health is on the disk then.
    pub fn stop(&self) {
        self.send(Change::Stop);
    }

    pub(super) fn send(&self, change: Change) {
        // After the end there is nobody to publish to.
        let _ = self.changes.send(change);
    }
}

/// The pools that hand out what may not serve, or nothing.
fn guessing(snapshot: &Snapshot) -> Option<String> {
    let pools = snapshot.zones().filter_map(|view| match view {
        View::Served { zone, ready } => {
            let pools = zone.pools.iter().zip(ready.iter()).enumerate();
            // That a part of a pool has nobody of a role says nothing of the pool.
            let whole = pools
                .filter(|(place, (pool, _))| pool.role().is_none() || !zone.parts.contains(place));
            Some(whole.map(move |(_, pair)| (zone, pair)))
        }
        View::Broken(_) | View::Expired(_) => None,
    });
    let guesses = |source| !matches!(source, ReadySource::InService | ReadySource::Fallback);
    let pools = pools.flatten().filter(|(_, (pool, ready))| {
        // A site is as its pool is.
        guesses(ready.source) && pool.site().is_none()
    });
    let mut count = 0_usize;
    let mut named = Vec::new();
    let mut seen = HashSet::new();
    for (zone, (pool, _)) in pools {
        // What some see of a pool is the pool; those of the file come first.
        if !seen.insert((&zone.origin, pool.name.as_str())) {
            continue;
        }
        count += 1;
        if named.len() < NAMED_MAX {
            named.push(super::tell::pool_key(zone, pool));
        }
    }
    let more = if count > named.len() { ", ..." } else { "" };
    let named = named.join(", ");
    match count {
        0 => None,
        1 => Some(format!("1 pool has too little or nothing in service: {named}")),
        _ => Some(format!("{count} pools have too little or nothing in service: {named}{more}")),
    }
}

fn run(mut state: State, changes: &Receiver<Change>) {
    let (mut ticked, mut saved, mut pause) = (now(), now(), TICK);
    let mut gathered = now();
    step(&mut state, State::pass_time);
    loop {
        match changes.recv_timeout(TICK.min(state.until_due())) {
            Ok(change) => {
                // What comes soon after another change waits for more; nobody waits where nothing comes.
                if !take(&mut state, change) || !gather(&mut state, changes, gathered) {
                    break;
                }
                let begun = now();
                publish(&mut state);
                let ended = now();
                gathered = ended + gather_for(ended.saturating_duration_since(begun));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        step(&mut state, State::pass_time);
        publish(&mut state);
        if ticked.elapsed() >= TICK {
            ticked = now();
            state.free_retired();
        }
        if saved.elapsed() >= pause {
            saved = now();
            state.save_health();
            pause = TICK.max(saved.elapsed() * SAVING);
        }
    }
    publish(&mut state);
    state.save_health();
    state.stop(KEEP);
}

fn gather_for(published_in: Duration) -> Duration {
    published_in.clamp(*GATHER.start(), *GATHER.end())
}

/// Takes in what arrives until a time; `false` at the end.
fn gather(state: &mut State, changes: &Receiver<Change>, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(now());
        if left.is_zero() {
            return true;
        }
        match changes.recv_timeout(left) {
            Ok(change) => {
                if !take(state, change) {
                    return false;
                }
            }
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// Takes in one change; `false` where it is the last. Who waits for an answer may have stopped waiting.
fn take(state: &mut State, change: Change) -> bool {
    match change {
        Change::Zones(zones) => step(state, |state| state.set_zones(zones)),
        Change::Some(zones) => step(state, |state| state.set_some(zones)),
        Change::Settings(settings) => step(state, |state| state.set_settings(settings)),
        Change::Report(report) => step(state, |state| state.take_report(&report)),
        Change::Feed(feed, done) => step(state, |state| {
            let taken = state.take_feed(feed);
            // Who is told that it was taken in may look at once.
            state.publish();
            let _ = done.send(taken);
        }),
        Change::Steer { set, off, done } => {
            step(state, |state| state.steer(set, off));
            publish(state);
            let _ = done.send(());
        }
        Change::Push(pushed, done) => {
            step(state, |state| state.take_push(pushed));
            publish(state);
            let _ = done.send(());
        }
        Change::Rest(rests, done) => {
            step(state, |state| state.rest(rests, KEEP));
            let _ = done.send(());
        }
        Change::Remember(last_health, done) => {
            step(state, |state| state.remember(last_health));
            let _ = done.send(());
        }
        Change::Flush(done) => {
            step(state, State::pass_time);
            publish(state);
            let _ = done.send(());
        }
        Change::Stop => return false,
    }
    true
}

fn publish(state: &mut State) {
    step(state, State::publish);
}

/// A mistake of ours must not end the only writer: what it concerns stays as it was.
fn step(state: &mut State, step: impl FnOnce(&mut State)) {
    if catch_unwind(AssertUnwindSafe(|| step(state))).is_err() {
        error!("a change made the publisher panic and is left out; please report this");
    }
}

#[expect(clippy::disallowed_methods, reason = "the publisher gathers changes by the clock")]
fn now() -> Instant {
    Instant::now()
}
