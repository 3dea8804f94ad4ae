//! When each target is probed, as a queue without a clock, a socket or a runtime.
//!
//! ```text
//!   set_targets ──▶ paced: in order, at a set rate ─┬─start──▶ in flight: at most `in_flight_max`
//!                    ▲ held up                      │             │
//!                   due: the earliest first ────────┘             │
//!                    ▲                                            │
//!                    └─────────────────── end ────────────────────┘
//!
//!   the target is      from the start of its last probe to the next (or to its end, if later)
//!   not judged yet     -, as soon as it may: it was just added
//!   just judged        a random part of the interval: what was added together spreads out
//!   settled            the interval, 10 % early or late at random, from when the last was due
//!   changing side      the fast interval, to the point
//!   came to no verdict as it would have been without that probe
//! ```
//!
//! Every time here is a [`Duration`] since the prober began. Chance comes from a generator that is
//! handed in, so a test that seeds it sees the same schedule each time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::config::model::JITTER;
use crate::health::target::{Health, Outcome, Streak, Target};

/// How long a target waits after a probe that could not be made, at most its interval: long enough
/// to cost nothing while file descriptors are short, short enough to notice when they no longer
/// are.
const OBSTACLE_PAUSE: Duration = Duration::from_secs(1);

/// From one probe of those that are new or were held up to the next, on average: 5,000 a second, so that a start with any number of
/// targets is no flood for the network, nor is the end of a stall, and ten thousand are judged in two seconds.
pub const START_STEP: Duration = Duration::from_micros(200);
/// So many of them may begin at once.
pub const START_BURST: u32 = 100;
/// A probe that could not begin for longer than this was held up: by new targets, a busy core, or for want of a place in flight.
const HELD_UP: Duration = Duration::from_millis(100);

/// The targets, their health and the order of their probes.
#[derive(Debug)]
pub struct Schedule {
    in_flight_max: NonZeroUsize,
    random: fastrand::Rng,
    entries: HashMap<Id, Entry>,
    ids: HashMap<Target, Id>,
    /// Those that were never probed, and those that were held up.
    paced: Paced,
    /// Every other entry that is not in flight, once.
    due: BinaryHeap<Reverse<(Duration, Id)>>,
    /// Probes that started and did not end, those of removed targets too.
    in_flight: usize,
    awaited: usize,
    last_id: u64,
}

/// One stay of a target in the schedule; a target that left and came back has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u64);

#[derive(Debug)]
struct Entry {
    target: Target,
    health: Health,
    /// When its last probe started, or would have.
    started: Duration,
    /// How long that probe had been due by then.
    late_by: Duration,
    in_flight: bool,
    /// Whether its first outcome is to come soon.
    is_awaited: bool,
}

impl Schedule {
    /// An empty schedule of at most `in_flight_max` probes at once.
    #[must_use]
    pub fn new(in_flight_max: NonZeroUsize, random: fastrand::Rng) -> Self {
        Self {
            in_flight_max,
            random,
            entries: HashMap::new(),
            ids: HashMap::new(),
            paced: Paced::default(),
            due: BinaryHeap::new(),
            in_flight: 0,
            awaited: 0,
            last_id: 0,
        }
    }

    /// Replaces the set of targets; one that stands twice counts once. Those that stay keep their
    /// health and their place in the queue, new ones are due as soon as they may, in order.
    ///
    /// Returns the probes in flight whose target left: the caller drops them, and tells
    /// [`end`](Self::end) when it has.
    pub fn set_targets(&mut self, targets: &[Target], now: Duration) -> Vec<Id> {
        let mut ids = HashMap::with_capacity(targets.len());
        for target in targets {
            if ids.contains_key(target) {
                continue;
            }
            let id = match self.ids.remove(target) {
                Some(id) => {
                    // Equal, but not the same memory: that of an old configuration goes.
                    if let Some(entry) = self.entries.get_mut(&id) {
                        entry.target = target.clone();
                    }
                    id
                }
                None => self.add(target.clone(), now),
            };
            ids.insert(target.clone(), id);
        }

        let left = std::mem::replace(&mut self.ids, ids).into_values();
        let mut dropped = Vec::new();
        for id in left {
            if self.entries.remove(&id).is_some_and(|entry| entry.in_flight) {
                dropped.push(id);
            }
        }
        self.paced.waiting.retain(|Reverse((_, id))| self.entries.contains_key(id));
        self.due.retain(|Reverse((_, id))| self.entries.contains_key(id));
        self.awaited = self.entries.values().filter(|entry| entry.is_awaited).count();
        dropped
    }

    fn add(&mut self, target: Target, now: Duration) -> Id {
        self.last_id += 1;
        let id = Id(self.last_id);
        let health = Health::Unknown;
        let late_by = Duration::ZERO;
        let entry =
            Entry { target, health, started: now, late_by, in_flight: false, is_awaited: true };
        self.entries.insert(id, entry);
        self.paced.waiting.push(Reverse((now, id)));
        id
    }

    /// The next probe to start now, if one is due and may.
    pub fn start(&mut self, now: Duration) -> Option<(Id, Target)> {
        if self.wake().is_none_or(|due| due > now) {
            return None;
        }
        self.set_aside(now);
        // Who has waited for longest: else many of one kind could keep the others from their turns for ever.
        let due = self.due.peek().map(|&Reverse((due, _))| due).filter(|due| *due <= now);
        let paced =
            self.paced.since().filter(|_| self.paced.wake().is_some_and(|wake| wake <= now));
        let (due, id) = match (due, paced) {
            (Some(due), Some(since)) if since < due => self.paced.take(now)?,
            (Some(_), _) => self.due.pop()?.0,
            (None, Some(_)) => self.paced.take(now)?,
            (None, None) => return None,
        };
        let entry = self.entries.get_mut(&id)?;
        entry.started = now;
        entry.late_by = now.saturating_sub(due);
        entry.in_flight = true;
        self.in_flight += 1;
        Some((id, entry.target.clone()))
    }

    /// What was held up comes at the set rate, like what is new: all at once it would be a flood. What is on time does not wait for it.
    fn set_aside(&mut self, now: Duration) {
        while let Some(&Reverse((due, id))) = self.due.peek()
            && due + HELD_UP < now
        {
            self.due.pop();
            self.paced.waiting.push(Reverse((due, id)));
        }
    }

    /// How long the last probe of this target had been due when it began; of a new one, since it was added.
    #[must_use]
    pub fn late_by(&self, id: Id) -> Duration {
        self.entries.get(&id).map_or(Duration::ZERO, |entry| entry.late_by)
    }

    /// When [`start`](Self::start) will have a probe, if none ends before; `None` while none may
    /// start, or there is nothing to probe.
    #[must_use]
    pub fn wake(&self) -> Option<Duration> {
        if self.in_flight >= self.in_flight_max.get() {
            return None;
        }
        let due = self.due.peek().map(|&Reverse((due, _))| due);
        due.into_iter().chain(self.paced.wake()).min()
    }

    /// Notes that a probe ended and what it found, `None` where it could not be made. Returns what
    /// to report: nothing for one that could not be made, or whose target has left.
    pub fn end(
        &mut self,
        id: Id,
        outcome: Option<Outcome>,
        now: Duration,
    ) -> Option<(Target, Health)> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let entry = self.entries.get_mut(&id)?;
        entry.in_flight = false;

        let check = &entry.target.check;
        let (next, found) = match outcome {
            // Nothing was learned: what is known of the target stays as it is.
            None => (now + OBSTACLE_PAUSE.min(check.interval), None),
            Some(outcome) => {
                let streak = Streak::of(check);
                let before = entry.health;
                entry.health = before.after(outcome, streak);
                let next = if before == Health::Unknown {
                    entry.started + check.interval.mul_f64(self.random.f64())
                } else {
                    next_turn(entry, &mut self.random)
                };
                (next.max(now), Some((entry.target.clone(), entry.health)))
            }
        };
        self.due.push(Reverse((next, id)));
        if found.is_some() {
            self.await_no_more(id);
        }
        found
    }

    /// Notes that nothing is to be heard of a target soon: its probe lacks what does not come by itself.
    pub fn await_no_more(&mut self, id: Id) {
        if let Some(entry) = self.entries.get_mut(&id)
            && std::mem::take(&mut entry.is_awaited)
        {
            self.awaited = self.awaited.saturating_sub(1);
        }
    }

    /// Notes that a probe was made and came to no verdict: the target stands as it did, and has its next turn as ever.
    pub fn end_undecided(&mut self, id: Id, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.in_flight = false;
        let next = next_turn(entry, &mut self.random).max(now);
        self.due.push(Reverse((next, id)));
    }

    /// How many targets have had no outcome yet, and are to have one soon.
    #[must_use]
    pub fn awaited(&self) -> usize {
        self.awaited
    }
}

/// Targets whose probes begin a [`START_STEP`] from each other on average, and [`START_BURST`] at once.
#[derive(Debug, Default)]
struct Paced {
    /// Each with the time since when it waits.
    waiting: BinaryHeap<Reverse<(Duration, Id)>>,
    /// When the next would begin if they all kept their distance.
    next: Duration,
}

impl Paced {
    /// Since when the next waits.
    fn since(&self) -> Option<Duration> {
        self.waiting.peek().map(|&Reverse((since, _))| since)
    }

    /// When it may begin.
    fn wake(&self) -> Option<Duration> {
        let early = START_STEP * (START_BURST - 1);
        self.since().map(|since| self.next.saturating_sub(early).max(since))
    }

    /// The next, who may begin now, and since when it waits.
    fn take(&mut self, now: Duration) -> Option<(Duration, Id)> {
        let Reverse(taken) = self.waiting.pop()?;
        self.next = self.next.max(now) + START_STEP;
        Some(taken)
    }
}

/// When a target that stands so is due after its last probe.
fn next_turn(entry: &Entry, random: &mut fastrand::Rng) -> Duration {
    let check = &entry.target.check;
    if entry.health.checks_to_change(Streak::of(check)).is_some() {
        return entry.started + check.fast_interval.min(check.interval);
    }
    // Who was held up goes back to its place: else those that were held up together would stay together. More than an interval
    // is no hold-up, but too many for the places there are: then all wait alike.
    let was_held_up = entry.late_by < check.interval;
    let place =
        entry.started.saturating_sub(if was_held_up { entry.late_by } else { Duration::ZERO });
    place + check.interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.f64())
}

#[cfg(test)]
mod tests;
