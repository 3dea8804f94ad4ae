//! What is known of every target, by a key that outlives snapshots.
//!
//! A target that several backends share is one entry, and one that stays over a reload keeps its state. What each prober
//! says stands beside what the others say:
//!
//! ```text
//!   Target, TargetKey ──▶ entry ─▶ inside: up,   took, detail, at
//!                               ├▶ ams:    down, took, detail, at
//!                               └▶ history, latency, side and since when
//! ```
//!
//! The publisher's thread is the only writer. Others read, each entry under a lock of its own that is held for a
//! moment; queries never come here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::flap::{Hold, Penalty};
use super::history::{Failures, History, Latency, Probed, microseconds};
use super::key::TargetKey;
use super::map::Map;
use super::source::Source;
use super::sources::{Moment, Panel};
use super::target::{Health, Outcome, Report, Side, Target};
use super::told::Told;
use super::verdict::{Finding, Known, Rules, Vote, Word};

/// What is known of every target that is in use.
#[derive(Debug, Default)]
pub struct Registry {
    panel: RwLock<Arc<Panel>>,
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// Counts how often there were other targets than before.
    version: u64,
    by_target: Map<Target, Arc<Entry>>,
    by_key: Map<TargetKey, Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    target: Target,
    key: TargetKey,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By name of their source.
    reports: Vec<Latest>,
    remembered: Option<Side>,
    /// The side that the votes came to last.
    side: Option<Side>,
    since: Option<u64>,
    changes: u64,
    penalty: Penalty,
    /// Whether those whose word counts found it degraded.
    is_degraded: bool,
    history: History,
    failures: Failures,
    latency: Latency,
}

/// What one prober said last of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Who.
    pub source: Source,
    /// Where the target stands.
    pub health: Health,
    /// What the probe found, for people.
    pub detail: Arc<str>,
    /// What the target said of itself.
    pub told: Told,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// When it ended, in unix milliseconds.
    pub at: u64,
    /// How many probes in a row found the same: pass or failure.
    pub run: u32,
    /// Where the target stood before its prober was cut off, where it fell by that; until the prober is believed, and a probe
    /// says more than that the target is on its way back.
    pub held: Option<Health>,
}

/// What is known of one target, for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// What each prober says, by name.
    pub reports: Vec<Latest>,
    /// The side that their votes come to.
    pub side: Option<Side>,
    /// Since when, in unix milliseconds.
    pub since: Option<u64>,
    /// How often it has changed side since the start.
    pub changes: u64,
    /// Whether it is held down, as it changed side too often.
    pub flapping: Option<Hold>,
    /// How long its probes took.
    pub latency: Latency,
}

/// What a report, or who votes, changed about a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The side that the votes came to before.
    pub before: Option<Side>,
    /// The side that they come to now.
    pub after: Option<Side>,
    /// Whether anything changed that a verdict is made of.
    pub moved: bool,
    /// Whether it is the first report of its source on this target.
    pub is_first: bool,
    /// Whether the source finds the target on another side than before.
    pub is_own: bool,
    /// The hold that begins with this: the target changed side too often.
    pub held: Option<Hold>,
    /// Whether it is degraded now, where that is another than before.
    pub degraded: Option<bool>,
}

impl Change {
    /// Nothing changed.
    const NONE: Self = Self {
        before: None,
        after: None,
        moved: false,
        is_first: false,
        is_own: false,
        held: None,
        degraded: None,
    };

    /// Whether the side changed.
    #[must_use]
    pub fn is_side(self) -> bool {
        self.before != self.after
    }
}

impl Registry {
    /// Keeps these targets and forgets all others. A new one is not judged yet; `remembered` tells its
    /// side before a restart.
    pub fn track(&self, targets: &HashSet<Target>, remembered: impl Fn(&Target) -> Option<Side>) {
        let mut entries = self.write();
        let is_same = targets.len() == entries.by_target.len()
            && targets.iter().all(|target| entries.by_target.contains_key(target));
        let version = entries.version + u64::from(!is_same);
        let mut kept = Entries { version, ..Entries::default() };
        for target in targets {
            // Equal, but not the same memory: that of an old configuration stays with its entry, which is
            // small, and goes with it.
            let known = entries.by_target.remove(target);
            kept.add(known.unwrap_or_else(|| Entry::new(target, &remembered)));
        }
        *entries = kept;
    }

    /// Keeps some targets beside those that there are, and forgets others. Says whether there are other targets than before.
    pub fn track_some(
        &self,
        used: &HashSet<Target>,
        unused: &HashSet<Target>,
        remembered: impl Fn(&Target) -> Option<Side>,
    ) -> bool {
        let mut entries = self.write();
        let gone = unused.iter().filter_map(|target| entries.by_target.remove(target));
        let gone: Vec<Arc<Entry>> = gone.collect();
        for entry in &gone {
            entries.by_key.remove(&entry.key);
        }
        let new = used.iter().filter(|target| !entries.by_target.contains_key(target));
        let new: Vec<Arc<Entry>> = new.map(|target| Entry::new(target, &remembered)).collect();
        let are_others = !(gone.is_empty() && new.is_empty());
        for entry in new {
            entries.add(entry);
        }
        entries.version += u64::from(are_others);
        are_others
    }

    /// Tells once more which side targets were on before a restart; it counts for those that nobody has judged yet.
    pub fn remember(&self, remembered: impl Fn(&Target) -> Option<Side>) {
        for entry in self.read().by_target.values() {
            let mut state = entry.lock();
            if state.reports.is_empty() {
                state.remembered = remembered(&entry.target).or(state.remembered);
            }
        }
    }

    /// Takes in a report at a moment; `None` where its target is not in use any more.
    pub fn report(&self, report: &Report, now: Moment) -> Option<Change> {
        self.take(report, now, true)
    }

    /// Takes in a report that may be told again: one that says what is known already is no new outcome.
    pub fn retold(&self, report: &Report, now: Moment) -> Option<Change> {
        self.take(report, now, false)
    }

    fn take(&self, report: &Report, now: Moment, is_new: bool) -> Option<Change> {
        let entry = self.entry(&report.target)?;
        let panel = self.panel();
        let mut state = entry.lock();
        let took_us = microseconds(report.took);
        let Report { source, health, told, at, .. } = report;
        let passed = health.last_outcome() == Some(Outcome::Pass);

        let place = state.reports.binary_search_by(|known| known.source.cmp(source));
        let known = place.ok().map(|place| &state.reports[place]);
        // Who did not answer has not said anything else; who says that it is down may say more.
        let told = known.map_or(*told, |known| told.after(known.told));
        let is_same = known.is_some_and(|known| {
            (known.health, known.told, known.took_us, &known.detail)
                == (*health, told, took_us, &report.detail)
        });
        if is_same && !is_new {
            let side = state.side;
            return Some(Change { before: side, after: side, ..Change::NONE });
        }
        let before = known.map(|known| (known.health, known.told));
        // One text is enough for all that say the same.
        let detail = known.map(|known| &known.detail).filter(|detail| **detail == report.detail);
        let detail = Arc::clone(detail.unwrap_or(&report.detail));
        // What falls while its prober is cut off stays as it was, be it by what others found.
        let stands_down = health.side() == Some(Side::Down);
        let falls = panel.cut_off.contains(source) && stands_down;
        // It is on its way back, after its prober was: a failure is believed again.
        let comes = known.is_some_and(|known| known.held.is_some()) && passed && stands_down;
        let stood = known.map_or_else(
            || state.side.or(state.remembered).map(Health::settled),
            |known| Some(known.held.unwrap_or(known.health)),
        );
        let held = stood.filter(|stood| (falls || comes) && stood.side() == Some(Side::Up));
        let went_on = known.filter(|known| known.health.last_outcome() == health.last_outcome());
        let run = went_on.map_or(1, |known| known.run.saturating_add(1));

        let latest = Latest {
            source: source.clone(),
            health: *health,
            detail: Arc::clone(&detail),
            told,
            took_us,
            at: *at,
            run,
            held,
        };
        match place {
            Ok(place) => state.reports[place] = latest,
            Err(place) => state.reports.insert(place, latest),
        }
        state.latency.observe(took_us);
        let change = entry.settle(&mut state, &panel, *at);
        let changed = change.after.filter(|_| change.is_side() && change.before.is_some());
        let source = source.clone();
        let probed = Probed { source, at: *at, took_us, passed, detail, changed };
        state.failures.see(&probed);
        state.history.push(probed);
        let held = entry.penalise(&mut state, change, now);
        let is_first = before.is_none();
        let is_own = before.and_then(|(health, _)| health.side()) != health.side();
        let moved = change.moved || before != Some((*health, told));
        Some(Change { moved, is_first, is_own, held, ..change })
    }

    /// Lets go a target that was held down, where its time is over by the running clock. Gives the hold that goes on else.
    pub fn let_go(&self, target: &Target, now: Duration) -> Option<Hold> {
        let entry = self.entry(target)?;
        let mut state = entry.lock();
        state.penalty = state.penalty.after_time(now);
        state.penalty.hold()
    }

    /// Who votes now. Gives the targets whose votes come to another side by it, or rest on others.
    pub fn set_panel(&self, panel: Panel, at: u64) -> Vec<(Target, Change)> {
        let panel = Arc::new(panel);
        *self.panel.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&panel);
        let entries = self.read();
        let settle = |entry: &Arc<Entry>| {
            let change = entry.settle(&mut entry.lock(), &panel, at);
            (entry.target.clone(), Change { moved: true, ..change })
        };
        entries.by_target.values().map(settle).collect()
    }

    /// Forgets what a source said, but of the targets in `but`. Gives the targets that it had judged.
    pub fn forget(
        &self,
        source: &Source,
        but: &HashSet<TargetKey>,
        at: u64,
    ) -> Vec<(Target, Change)> {
        let panel = self.panel();
        let entries = self.read();
        let forget = |entry: &Arc<Entry>| {
            let mut state = entry.lock();
            let place = state.reports.iter().position(|known| known.source == *source)?;
            state.reports.remove(place);
            let change = entry.settle(&mut state, &panel, at);
            Some((entry.target.clone(), Change { moved: true, ..change }))
        };
        let others = entries.by_key.iter().filter(|(key, _)| !but.contains(key));
        others.filter_map(|(_, entry)| forget(entry)).collect()
    }

    /// Has these count as on that side for what a source says of them, which seems to be cut off. It shows when the
    /// panel says so too.
    pub fn hold(&self, source: &Source, keys: &[TargetKey], side: Side) {
        let stood = Health::settled(side);
        let entries = self.read();
        for entry in keys.iter().filter_map(|key| entries.by_key.get(key)) {
            let mut state = entry.lock();
            let own = state.reports.iter_mut().find(|known| known.source == *source);
            if let Some(known) = own {
                known.held = Some(stood);
            }
        }
    }

    /// Has count what a source says, which was cut off. Gives the targets that stood as before.
    pub fn release(&self, source: &Source, at: u64) -> Vec<(Target, Change)> {
        let panel = self.panel();
        let entries = self.read();
        let release = |entry: &Arc<Entry>| {
            let mut state = entry.lock();
            let own = state.reports.iter_mut().find(|known| known.source == *source);
            own.and_then(|known| known.held.take())?;
            let change = entry.settle(&mut state, &panel, at);
            Some((entry.target.clone(), Change { moved: true, ..change }))
        };
        entries.by_key.values().filter_map(release).collect()
    }

    /// Who votes.
    #[must_use]
    pub fn panel(&self) -> Arc<Panel> {
        Arc::clone(&self.panel.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a verdict on a target is made of; `None` where it is not in use.
    #[must_use]
    pub fn known(&self, target: &Target) -> Option<Known> {
        let panel = self.panel();
        let entry = self.entry(target)?;
        let state = entry.lock();
        Some(entry.known(&state, &panel))
    }

    /// What that comes to.
    #[must_use]
    pub fn found(&self, target: &Target) -> Option<Finding> {
        let panel = self.panel();
        let entries = self.read();
        let entry = entries.by_target.get(target)?;
        let state = entry.lock();
        Some(entry.found(&state, &panel))
    }

    /// The key of a target that is in use.
    #[must_use]
    pub fn key(&self, target: &Target) -> Option<TargetKey> {
        Some(self.read().by_target.get(target)?.key)
    }

    /// What is known of a target, for people.
    #[must_use]
    pub fn seen(&self, target: &Target) -> Option<Seen> {
        let entry = self.entry(target)?;
        let state = entry.lock();
        Some(Seen {
            reports: state.reports.clone(),
            side: state.side,
            since: state.since,
            changes: state.changes,
            flapping: state.penalty.hold(),
            latency: state.latency,
        })
    }

    /// The last outcomes of a target, the newest first.
    #[must_use]
    pub fn history(&self, target: &Target) -> Vec<Probed> {
        let Some(entry) = self.entry(target) else { return Vec::new() };
        let state = entry.lock();
        state.history.newest_first().cloned().collect()
    }

    /// The last failures of a target and what changed its side, the newest first.
    #[must_use]
    pub fn failures(&self, target: &Target) -> Vec<Probed> {
        let Some(entry) = self.entry(target) else { return Vec::new() };
        let state = entry.lock();
        state.failures.newest_first().cloned().collect()
    }

    /// The target of a key.
    #[must_use]
    pub fn target(&self, key: &TargetKey) -> Option<Target> {
        self.read().by_key.get(key).map(|entry| entry.target.clone())
    }

    /// The target of a key, where it is one that probers report on: what backends say of themselves is not theirs to tell.
    #[must_use]
    pub fn probed_target(&self, key: &TargetKey) -> Option<Target> {
        self.target(key).filter(|target| !target.check.kind.is_pushed())
    }

    /// All targets with their keys.
    #[must_use]
    pub fn targets(&self) -> Vec<(TargetKey, Target)> {
        let entries = self.read();
        entries.by_key.iter().map(|(key, entry)| (*key, entry.target.clone())).collect()
    }

    /// Tells one set of targets from the next: a prober beside is asked for all that it knows when there are others.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.read().version
    }

    /// How many targets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().by_key.len()
    }

    /// How many targets probers are to report on: all but those that report by themselves.
    #[must_use]
    pub fn probed(&self) -> usize {
        let targets = &self.read().by_key;
        targets.values().filter(|entry| !entry.target.check.kind.is_pushed()).count()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many targets a source reports on.
    #[must_use]
    pub fn reported_by(&self, source: &Source) -> usize {
        let reports =
            |entry: &&Arc<Entry>| entry.lock().reports.iter().any(|known| known.source == *source);
        self.read().by_key.values().filter(reports).count()
    }

    /// The targets that count as up and are to be probed: judged, or remembered where they were not judged yet.
    #[must_use]
    pub fn probed_up(&self) -> Vec<TargetKey> {
        let entries = self.read();
        let probed = entries.by_key.values().filter(|entry| !entry.target.check.kind.is_pushed());
        let is_up = |entry: &&Arc<Entry>| {
            let state = entry.lock();
            state.side.or(state.remembered) == Some(Side::Up)
        };
        probed.filter(is_up).map(|entry| entry.key).collect()
    }

    /// The side of each target: judged, or remembered where it was not judged yet.
    #[must_use]
    pub fn sides(&self) -> Vec<(TargetKey, Side)> {
        let side = |entry: &Arc<Entry>| {
            let state = entry.lock();
            Some((entry.key, state.side.or(state.remembered)?))
        };
        self.read().by_key.values().filter_map(side).collect()
    }

    fn entry(&self, target: &Target) -> Option<Arc<Entry>> {
        self.read().by_target.get(target).cloned()
    }

    // Nothing that is written under these locks can panic half-way, so a poisoned one is whole.

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn add(&mut self, entry: Arc<Entry>) {
        self.by_key.insert(entry.key, Arc::clone(&entry));
        self.by_target.insert(entry.target.clone(), entry);
    }
}

impl Entry {
    /// One that is not judged yet.
    fn new(target: &Target, remembered: impl Fn(&Target) -> Option<Side>) -> Arc<Self> {
        let state = State { remembered: remembered(target), ..State::default() };
        let (target, key) = (target.clone(), TargetKey::of(target));
        Arc::new(Self { target, key, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, state: &State, panel: &Panel) -> Known {
        let vote = |latest: &Latest| Vote {
            source: latest.source.clone(),
            is_live: latest.source.is_pushed() || panel.live.contains(&latest.source),
            health: latest.health,
            detail: Arc::clone(&latest.detail),
            told: latest.told,
            run: latest.run,
            is_cut_off: panel.cut_off.contains(&latest.source),
            held: latest.held,
        };
        Known {
            check: Arc::clone(&self.target.check),
            votes: state.reports.iter().map(vote).collect(),
            quorum: panel.quorum,
            is_open: panel.is_open,
            remembered: state.remembered,
            flapping: state.penalty.hold(),
        }
    }

    /// What is known comes to.
    fn found(&self, state: &State, panel: &Panel) -> Finding {
        let word = |latest: &Latest| Word {
            is_live: latest.source.is_pushed() || panel.live.contains(&latest.source),
            health: latest.health,
            told: latest.told,
            is_cut_off: panel.cut_off.contains(&latest.source),
            held: latest.held,
        };
        let rules = Rules {
            check: &self.target.check,
            quorum: panel.quorum,
            is_open: panel.is_open,
            remembered: state.remembered,
            is_flapping: state.penalty.hold().is_some(),
        };
        Finding::of(rules, state.reports.iter().map(word))
    }

    /// Counts the votes again.
    fn settle(&self, state: &mut State, panel: &Panel, at: u64) -> Change {
        let before = state.side;
        let Finding { side: after, told, .. } = self.found(state, panel);
        if before != after {
            // When nobody says anything of it any more, it stays as it was until somebody does.
            state.remembered = before.filter(|_| after.is_none()).or(state.remembered);
            state.changes += u64::from(before.is_some() && after.is_some());
            (state.side, state.since) = (after, Some(at));
        }
        let is_degraded = after == Some(Side::Up) && told.is_degraded;
        let was_degraded = std::mem::replace(&mut state.is_degraded, is_degraded);
        // What goes down is no news about being degraded.
        let is_news = was_degraded != is_degraded && after == Some(Side::Up);
        let degraded = is_news.then_some(is_degraded);
        Change { before, after, moved: before != after, degraded, ..Change::NONE }
    }

    /// Notes that reports changed the side. Gives the hold that begins by it.
    fn penalise(&self, state: &mut State, change: Change, now: Moment) -> Option<Hold> {
        let flap = self.target.check.flap.as_ref()?;
        if !change.is_side() || change.before.is_none() || change.after.is_none() {
            return None;
        }
        let was_held = state.penalty.hold().is_some();
        state.penalty = state.penalty.after_change(flap, now);
        state.penalty.hold().filter(|_| !was_held)
    }
}

#[cfg(test)]
mod tests;
