//! Backends that report by themselves: what they say is published at once, and holds until it is not renewed.
//!
//! ```text
//!   POST /v1/push ──▶ backend's targets ──▶ publisher ──▶ registry ──▶ answers
//!                                              │
//!                        no report for a TTL ──┴──▶ down
//! ```
//!
//! After a start, what was known before holds for one TTL: whoever is alive renews it by then.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::changes::State;
use super::publisher::{Change, Publisher};
use super::what_if::find;
use crate::config::model::CheckKind;
use crate::health::backend::BackendKey;
use crate::health::key::TargetKey;
use crate::health::source::Source;
use crate::health::target::{Health, Report, Side, Target};
use crate::health::told::Told;

/// The longest detail of a report, in bytes.
pub const DETAIL_MAX: usize = 200;

/// What a backend says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// Which.
    pub backend: BackendKey,
    /// Whether it is to be in service.
    pub side: Side,
    /// What else it says.
    pub told: Told,
    /// How long that holds, if not as long as its check says.
    pub ttl: Option<Duration>,
    /// Why, for people: one line.
    pub detail: String,
}

/// Why a report was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushError {
    /// There is no such backend.
    Unknown(BackendKey),
    /// Its check is another.
    NoPush(BackendKey),
    /// The detail is too long, or not one line.
    Detail,
    /// The server is stopping.
    Stopping,
}

/// A report on its way to the publisher.
pub(super) struct Pushed {
    targets: HashSet<Target>,
    push: Push,
}

/// When reports end, by the running clock.
#[derive(Default)]
pub(super) struct Pushes {
    ends: BTreeMap<(Duration, TargetKey), Held>,
    by_key: HashMap<TargetKey, Duration>,
}

/// A report that holds.
struct Held {
    target: Target,
    /// For how long in all.
    ttl: Duration,
}

impl Publisher {
    /// Takes what a backend says of itself. When this returns it is in the answers; gives how long it holds.
    pub fn push(&self, push: Push) -> Result<Duration, PushError> {
        let is_line = !push.detail.chars().any(char::is_control);
        if push.detail.len() > DETAIL_MAX || !is_line {
            return Err(PushError::Detail);
        }
        let snapshot = self.shared.snapshot.load_full();
        let found = find(&snapshot, &push.backend)
            .ok_or_else(|| PushError::Unknown(push.backend.clone()))?;
        // As it is seen by private addresses as well.
        let faces = found.zone.pools.iter().enumerate().filter(|(place, pool)| {
            *place == found.index || pool.face.is_some_and(|face| face.of == found.index)
        });
        let own = faces.flat_map(|(_, pool)| {
            let same = pool.backends.iter().filter(|other| other.name == found.backend.name);
            same.flat_map(move |backend| Target::of_backend(pool, backend))
        });
        let targets: HashSet<Target> = own.filter(|target| target.check.kind.is_pushed()).collect();
        let usual = targets.iter().find_map(ttl);
        let usual = usual.ok_or_else(|| PushError::NoPush(push.backend.clone()))?;
        let holds = push.ttl.unwrap_or(usual);
        let (done, published) = sync_channel(1);
        self.send(Change::Push(Pushed { targets, push }, done));
        published.recv().map_err(|_| PushError::Stopping)?;
        Ok(holds)
    }
}

impl State {
    /// Takes in what a backend says of itself.
    pub(super) fn take_push(&mut self, Pushed { targets, push }: Pushed) {
        let now = self.shared.now();
        for target in targets {
            let Some(usual) = ttl(&target) else { continue };
            self.pushes.set(&target, now.running, push.ttl.unwrap_or(usual));
            self.take_pushed(target, Health::settled(push.side), push.told, &push.detail);
        }
    }

    /// Takes down what was not renewed.
    pub(super) fn end_pushes(&mut self) {
        let now = self.shared.now();
        while let Some(Held { target, ttl }) = self.pushes.pop_over(now.running) {
            let detail = format!("no report for {ttl:?}");
            self.take_pushed(target, Health::Down { passed: 0 }, Told::SILENT, &detail);
        }
    }

    fn take_pushed(&mut self, target: Target, health: Health, told: Told, detail: &str) {
        let (source, at) = (Source::pushed(), self.shared.now().unix);
        let (detail, took) = (Arc::from(detail), Duration::ZERO);
        self.take(&Report { target, source, health, detail, told, took, at }, false);
    }

    /// Waits for the reports of those that are new, and no more for those that are gone.
    pub(super) fn settle_pushes(&mut self) {
        let now = self.shared.now().running;
        let targets = self.shared.registry.targets();
        let pushed: HashMap<TargetKey, Target> =
            targets.into_iter().filter(|(_, target)| target.check.kind.is_pushed()).collect();
        self.pushes.ends.retain(|(_, key), _| pushed.contains_key(key));
        self.pushes.by_key.retain(|key, _| pushed.contains_key(key));
        for (key, target) in pushed {
            if !self.pushes.by_key.contains_key(&key)
                && let Some(ttl) = ttl(&target)
            {
                self.pushes.set(&target, now, ttl);
            }
        }
    }
}

impl Pushes {
    fn set(&mut self, target: &Target, now: Duration, ttl: Duration) {
        let (key, end) = (TargetKey::of(target), now.saturating_add(ttl));
        if let Some(before) = self.by_key.insert(key, end) {
            self.ends.remove(&(before, key));
        }
        self.ends.insert((end, key), Held { target: target.clone(), ttl });
    }

    /// When the next report ends.
    pub(super) fn next_end(&self) -> Option<Duration> {
        self.ends.first_key_value().map(|((end, _), _)| *end)
    }

    fn pop_over(&mut self, now: Duration) -> Option<Held> {
        self.next_end().filter(|end| *end <= now)?;
        self.ends.pop_first().map(|(_, held)| held)
    }
}

fn ttl(target: &Target) -> Option<Duration> {
    match &target.check.kind {
        CheckKind::Push(push) => Some(push.ttl),
        _ => None,
    }
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(key) => write!(f, "there is no backend `{key}`; it is ZONE/POOL/BACKEND"),
            Self::NoPush(key) => {
                write!(f, "`{key}` does not report by itself; its check is to be `push`")
            }
            Self::Detail => write!(f, "a detail is one line of at most {DETAIL_MAX} bytes"),
            Self::Stopping => f.write_str("the server is stopping"),
        }
    }
}

impl std::error::Error for PushError {}
