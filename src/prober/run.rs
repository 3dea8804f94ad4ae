//! The loop of the prober: starts what the schedule says, and reports what ends.
//!
//! It owns the clock, as tokio's, so a test that pauses it sees hours pass in a moment. A probe is
//! a value that is handed in, a function from a target to what was found: here nobody knows a
//! socket.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{error, warn};

use super::check::{Found, Obstacle};
use super::schedule::{Id, Schedule};
use crate::counters::{Counter, Counters};
use crate::health::source::Source;
use crate::health::target::{Outcome, Report, Target};
use crate::health::told::Told;

/// From one warning to the next of its kind.
const WARN_PAUSE: Duration = Duration::from_secs(60);
/// A probe that begins this long after its time is late.
pub const LATE: Duration = Duration::from_secs(5);
/// So many probes may have been started and not have done anything yet: they would do it at once when a busy core has time again.
const UNBEGUN_MAX: u32 = 16;
/// For how long that is told.
const LATE_TOLD: Duration = Duration::from_secs(60);

/// What the prober shall do; only the newest counts.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Whom to probe.
    pub targets: Arc<[Target]>,
    /// How often the targets were set.
    pub version: u64,
    /// Nothing more.
    pub stop: bool,
}

/// Probes the targets that are wanted until it is told to stop, or nobody is left to tell it.
///
/// `sink` is called after every probe that could be made, on this task: it must not block.
pub async fn run<F>(
    mut schedule: Schedule,
    mut wanted: watch::Receiver<Wanted>,
    progress: &Progress,
    probe: impl Fn(Target) -> F,
    sink: impl Fn(Report),
) where
    F: Future<Output = Result<Found, Obstacle>> + Send + 'static,
{
    let began = Instant::now();
    let mut flights = Flights::default();
    let mut warnings = Warnings::default();
    let mut version = 0;
    let mut unbegun = 0;

    loop {
        while let Some((id, target)) = schedule.start(began.elapsed()) {
            // The first round takes as long as it does.
            if schedule.awaited() == 0 && schedule.late_by(id) >= LATE {
                progress.note_late(Counter::ProbesBegunLate);
            }
            flights.start(id, probe(target));
            unbegun += 1;
            if unbegun == UNBEGUN_MAX {
                // The runtime has them all begin before it comes back here.
                tokio::task::yield_now().await;
                unbegun = 0;
            }
        }
        progress.set(version, schedule.awaited());
        let wake = schedule.wake().map_or(began, |wake| began + wake);

        tokio::select! {
            biased;
            changed = wanted.changed() => {
                let wanted = wanted.borrow_and_update().clone();
                if changed.is_err() || wanted.stop {
                    return; // the probes in flight are dropped with their tasks
                }
                for id in schedule.set_targets(&wanted.targets, began.elapsed()) {
                    flights.abort(id);
                }
                version = wanted.version;
            }
            Some((id, end)) = flights.next() => {
                let now = began.elapsed();
                let (outcome, detail, told, took) = match end {
                    End::Found(Found { outcome, detail, told }, took) => {
                        (Some(outcome), detail, told, took)
                    }
                    End::Obstacle(obstacle) => {
                        warnings.tell(&obstacle, now);
                        if !obstacle.passes() {
                            schedule.await_no_more(id);
                        }
                        match obstacle {
                            Obstacle::Unknown(_) => {
                                schedule.end_undecided(id, now);
                                continue;
                            }
                            Obstacle::Places(_) => progress.note_late(Counter::ProbesWithoutPlace),
                            Obstacle::Late(_) => progress.counters.add(Counter::ProbesHeldUp, 1),
                            _ => {}
                        }
                        (None, Arc::default(), Told::SILENT, Duration::ZERO)
                    }
                    End::Dropped => (None, Arc::default(), Told::SILENT, Duration::ZERO),
                };
                if let Some((target, health)) = schedule.end(id, outcome, now) {
                    let (source, at) = (Source::inside(), unix_milliseconds());
                    sink(Report { target, source, health, detail, told, took, at });
                }
            }
            () = tokio::time::sleep_until(wake), if schedule.wake().is_some() => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the prober says when it found what it found")]
fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

/// The probes in flight, a task each.
#[derive(Default)]
struct Flights {
    tasks: JoinSet<(Id, Result<Found, Obstacle>, Duration)>,
    aborts: HashMap<Id, AbortHandle>,
}

/// How a probe ended.
enum End {
    Found(Found, Duration),
    Obstacle(Obstacle),
    Dropped,
}

impl Flights {
    fn start(
        &mut self,
        id: Id,
        probe: impl Future<Output = Result<Found, Obstacle>> + Send + 'static,
    ) {
        let abort = self.tasks.spawn(async move {
            let started = Instant::now();
            let found = probe.await;
            (id, found, started.elapsed())
        });
        self.aborts.insert(id, abort);
    }

    fn abort(&mut self, id: Id) {
        if let Some(abort) = self.aborts.get(&id) {
            abort.abort();
        }
    }

    /// The next probe to end; `None` where there is none in flight.
    async fn next(&mut self) -> Option<(Id, End)> {
        match self.tasks.join_next().await? {
            Ok((id, found, took)) => {
                self.aborts.remove(&id);
                let end = found.map_or_else(End::Obstacle, |found| End::Found(found, took));
                Some((id, end))
            }
            Err(error) => {
                // Rare, so a search does.
                let id = self.aborts.iter().find(|(_, task)| task.id() == error.id());
                let id = *id.expect("every task is in `aborts` until it is joined").0;
                self.aborts.remove(&id);
                Some((id, broken(&error)))
            }
        }
    }
}

/// A task that did not come to its end: its target left, or what the target sent broke the probe.
/// The latter must not take the prober along with it, and a target that does that is not in good
/// health.
fn broken(error: &JoinError) -> End {
    if error.is_cancelled() {
        return End::Dropped;
    }
    error!("a probe panicked; this is a mistake in RotaDNS, please report it: {error}");
    let (outcome, told) = (Outcome::Fail, Told::SILENT);
    End::Found(Found { outcome, detail: "the probe broke".into(), told }, Duration::ZERO)
}

/// Tells of obstacles, each kind at most once a minute.
#[derive(Default)]
struct Warnings(HashMap<Discriminant<Obstacle>, Duration>);

impl Warnings {
    fn tell(&mut self, obstacle: &Obstacle, now: Duration) {
        if self.is_due(obstacle, now) {
            warn!("some targets could not be probed and keep the health they had: {obstacle}");
        }
    }

    fn is_due(&mut self, obstacle: &Obstacle, now: Duration) -> bool {
        let kind = discriminant(obstacle);
        let due = self.0.get(&kind).is_none_or(|last| now >= *last + WARN_PAUSE);
        if due {
            self.0.insert(kind, now);
        }
        due
    }
}

/// How far the loop has come, for threads that wait for it.
#[derive(Debug, Default)]
pub struct Progress {
    state: Mutex<State>,
    changed: Condvar,
    /// The loop's own.
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    awaited: usize,
    /// How many were awaited when this version came.
    of: usize,
    ended: bool,
    /// When a probe was late last.
    late: Option<Instant>,
}

impl Progress {
    /// Of a loop that counts there.
    #[must_use]
    pub fn counting(counters: Arc<Counters>) -> Self {
        Self { counters, ..Self::default() }
    }

    /// Waits until every target of this version, or of a newer one, has had an outcome, or cannot have one; `false` at
    /// the cap, or if the loop ends. Tells meanwhile of how many that is so, and how many targets are new.
    pub fn wait(&self, version: u64, cap: Duration, mut tell: impl FnMut(usize, usize)) -> bool {
        let open = |state: &mut State| {
            if state.version >= version {
                tell(state.of.saturating_sub(state.awaited), state.of);
            }
            !state.ended && (state.version < version || state.awaited > 0)
        };
        let waited = self.changed.wait_timeout_while(self.lock(), cap, open);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.ended && !timeout.timed_out()
    }

    /// Whether some probes began [`LATE`] or found no place lately, so that failures are noticed later than they should be.
    pub fn is_late(&self) -> bool {
        self.lock().late.is_some_and(|late| late.elapsed() < LATE_TOLD)
    }

    fn note_late(&self, why: Counter) {
        self.counters.add(why, 1);
        self.lock().late = Some(Instant::now());
    }

    /// The loop has ended, whatever ended it.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn set(&self, version: u64, awaited: usize) {
        let mut state = self.lock();
        if (state.version, state.awaited) != (version, awaited) {
            if state.version != version {
                state.of = awaited;
            }
            (state.version, state.awaited) = (version, awaited);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
