//! What the publisher's thread shows to everybody.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use super::events::{Events, Kind};
use super::overrides::Kept;
use crate::engine::settings::Settings;
use crate::engine::snapshot::Snapshot;
use crate::health::backend::BackendKey;
use crate::health::overrides::Overrides;
use crate::health::registry::Registry;
use crate::health::sources::{Moment, Sources};
use crate::zone::Zone;

/// What everybody may read and the publisher alone writes.
pub(super) struct Shared {
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) registry: Arc<Registry>,
    pub(super) overrides: Arc<ArcSwap<Overrides>>,
    pub(super) events: Arc<Events>,
    pub(super) clock: Clock,
    sources: Mutex<Sources>,
    /// From when on no cache has a backend any more that a hand took out, in unix milliseconds.
    safe_to_stop: Mutex<HashMap<BackendKey, u64>>,
    /// The file of overrides. Whoever steers holds it until that is published, so that what the disk has and what is in
    /// force come in the same order; the publisher never waits for it.
    kept: Mutex<Kept>,
    /// Whether the disk refused the last set.
    pub(super) is_unkept: AtomicBool,
    /// Whether another process is taking our place, so that nobody steers.
    pub(super) rests: AtomicBool,
    /// Whether the disk refused the last dynamic updates.
    pub(super) are_updates_unkept: AtomicBool,
    /// Whether the prober inside is late.
    pub(super) is_prober_late: OnceLock<Box<dyn Fn() -> bool + Send + Sync>>,
    /// Who is told that a zone's pools hand out something else.
    pub(super) on_health: OnceLock<OnHealth>,
    generation: AtomicU64,
    published: AtomicU64,
}

/// Takes a zone whose pools hand out something else now; must not wait.
pub(super) type OnHealth = Box<dyn Fn(&Zone) + Send + Sync>;

/// What tells the time: the system, or a test.
pub type Clock = Box<dyn Fn() -> Moment + Send + Sync>;

/// Which snapshot is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Counts up with each snapshot since the start.
    pub generation: u64,
    /// When it was published, in unix milliseconds.
    pub at: u64,
}

impl Shared {
    pub(super) fn new(
        mut kept: Kept,
        sources: Sources,
        settings: Arc<Settings>,
        clock: Clock,
    ) -> Self {
        let empty = Snapshot::new(Vec::new()).expect("no zone stands twice among none");
        let empty = empty.with_settings(settings);
        let now = clock();
        let registry = Registry::default();
        registry.set_panel(sources.panel(now), now.unix);
        Self {
            snapshot: Arc::new(ArcSwap::from_pointee(empty)),
            registry: Arc::new(registry),
            overrides: Arc::new(ArcSwap::from_pointee(kept.take())),
            events: Arc::default(),
            clock,
            sources: Mutex::new(sources),
            safe_to_stop: Mutex::default(),
            kept: Mutex::new(kept),
            is_unkept: AtomicBool::new(false),
            rests: AtomicBool::new(false),
            are_updates_unkept: AtomicBool::new(false),
            is_prober_late: OnceLock::new(),
            on_health: OnceLock::new(),
            generation: AtomicU64::new(0),
            published: AtomicU64::new(now.unix),
        }
    }

    pub(super) fn now(&self) -> Moment {
        (self.clock)()
    }

    /// Tells those who watch.
    pub(super) fn tell(&self, kind: Kind, subject: impl Into<String>, message: impl Into<String>) {
        self.events.tell(self.now().unix, kind, subject, message);
    }

    pub(super) fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn safe_to_stop(&self) -> MutexGuard<'_, HashMap<BackendKey, u64>> {
        self.safe_to_stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a snapshot was published.
    pub(super) fn note_published(&self, at: u64) {
        self.published.store(at, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(super) fn published(&self) -> Published {
        let generation = self.generation.load(Ordering::Acquire);
        Published { generation, at: self.published.load(Ordering::Relaxed) }
    }
}

/// The system's clock, from this call on.
#[expect(clippy::disallowed_methods, reason = "leases and overrides end by the clock")]
pub(super) fn system_clock() -> Clock {
    let began = Instant::now();
    Box::new(move || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unix = since.as_millis().try_into().unwrap_or(u64::MAX);
        Moment { running: began.elapsed(), unix }
    })
}
