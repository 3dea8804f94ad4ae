//! A hand on the server: overrides are set and taken off, kept on the disk, and published.
//!
//! ```text
//!   patterns ──▶ backends ──▶ the disk ──▶ publisher ──▶ answers ──▶ done: safe to stop from ...
//! ```
//!
//! All of it but the publishing is done on the caller's thread: a disk that stalls holds up who steers, and nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tracing::error;

use super::publisher::{Change, Publisher};
use super::tell;
use super::what_if::{backends, find_all};
use crate::config::model::Endpoint;
use crate::engine::choose::ready::Source;
use crate::engine::snapshot::{Snapshot, View};
use crate::health::backend::{BackendKey, BadPattern, matching};
use crate::health::overrides::{AUTHOR_MAX, Hand, OVERRIDES_MAX, Override, REASON_MAX};

/// The most warnings that one call gives.
const WARNINGS_MAX: usize = 20;

/// What a hand wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steer {
    /// Backends, `ZONE/POOL/BACKEND`; `*` and `?` stand for any part of a name.
    pub patterns: Vec<String>,
    /// What shall become of them.
    pub wish: Wish,
    /// Who wants it.
    pub author: String,
    /// Why.
    pub reason: Option<String>,
}

/// What shall become of backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// They are set to a state, for a time or until they are given back.
    Set {
        /// The state.
        hand: Hand,
        /// How long.
        lasts: Option<Duration>,
    },
    /// They are given back to their checks and the file.
    Auto,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steered {
    /// The backends that were meant, by key.
    pub backends: Vec<SteeredBackend>,
    /// What somebody should know, a sentence each.
    pub warnings: Vec<String>,
}

/// What became of one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SteeredBackend {
    /// Which.
    pub key: BackendKey,
    /// What was set before.
    pub before: Option<Arc<Override>>,
    /// What is set now.
    pub set: Option<Arc<Override>>,
    /// From when on no cache has it any more, in unix milliseconds, where it was taken out of answers.
    pub safe_to_stop: Option<u64>,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SteerError {
    /// No backend is named.
    NoPattern,
    /// A pattern means nothing.
    Pattern(BadPattern),
    /// The author's name is empty, too long, or not one line.
    Author,
    /// The reason is too long, or not one line.
    Reason,
    /// It would end at once.
    NoTime,
    /// There would be more than [`OVERRIDES_MAX`] overrides.
    TooMany(usize),
    /// The server is stopping.
    Stopping,
    /// Another process is taking the server's place.
    Replaced,
}

impl Publisher {
    /// Sets overrides or takes them off. When this returns they are on the disk and in the answers; where the
    /// disk refuses, they are in the answers and a warning tells.
    pub fn steer(&self, steer: &Steer) -> Result<Steered, SteerError> {
        let shared = &self.shared;
        steer.check()?;
        // From here on nobody else steers.
        let kept = shared.kept();
        if shared.rests.load(Ordering::Relaxed) {
            return Err(SteerError::Replaced);
        }
        let (snapshot, before) = (shared.snapshot.load_full(), shared.overrides.load_full());
        let now = shared.now().unix;
        let mut known = backends(&snapshot);
        if steer.wish == Wish::Auto {
            // One that waits for its backend to come back can be taken off too.
            known.extend(before.iter().map(|set| set.key.clone()));
        }
        let keys = matching(&steer.patterns, &known).map_err(SteerError::Pattern)?;

        let set: Vec<Arc<Override>> = steer.overrides(&keys, now);
        let off: Vec<BackendKey> = match steer.wish {
            Wish::Auto => keys.iter().filter(|key| before.get(key).is_some()).cloned().collect(),
            Wish::Set { .. } => Vec::new(),
        };
        let over = before.over(now).into_iter().map(|set| set.key.clone());
        let after = before.with(set.clone(), off.iter().cloned().chain(over));
        if after.len() > OVERRIDES_MAX {
            return Err(SteerError::TooMany(after.len()));
        }
        let refused = kept.keep(&after).err();
        shared.is_unkept.store(refused.is_some(), Ordering::Relaxed);

        let (done, published) = sync_channel(1);
        self.send(Change::Steer { set: set.clone(), off: off.clone(), done });
        published.recv().map_err(|_| SteerError::Stopping)?;
        for set in &set {
            tell::set(shared, set);
        }
        for key in &off {
            tell::off(shared, key, &steer.author);
        }

        let mut warnings = Vec::new();
        if let Some(error) = refused {
            error!("overrides are in force, but not kept over a restart: {error}");
            warnings.push(format!("in force, but not kept over a restart: {error}"));
        }
        warnings.extend(self.warnings(&keys, &steer.wish));
        let backend = |key: BackendKey| SteeredBackend {
            before: before.get(&key).cloned(),
            set: after.get(&key).cloned(),
            safe_to_stop: self.safe_to_stop(&key),
            key,
        };
        Ok(Steered { backends: keys.into_iter().map(backend).collect(), warnings })
    }

    /// What somebody should know who took these out.
    fn warnings(&self, keys: &BTreeSet<BackendKey>, wish: &Wish) -> Vec<String> {
        if !matches!(wish, Wish::Set { hand, .. } if hand.is_down()) {
            return Vec::new();
        }
        let snapshot = self.shared.snapshot.load_full();
        let mut warnings = Vec::new();
        let mut pools = BTreeSet::new();
        let mut taken_out = BTreeMap::new();
        for found in find_all(&snapshot, keys).values() {
            if pools.insert((found.place, found.index)) {
                warnings
                    .extend(emptied(&tell::pool_key(found.zone, found.pool), found.ready.source));
            }
            let who = tell::pool_key(found.zone, found.pool);
            let own = format!("{who}/{}", found.backend.name);
            taken_out.extend(found.backend.endpoints().map(|endpoint| (endpoint, own.clone())));
        }
        warnings.extend(handed_out_elsewhere(&snapshot, &taken_out));
        warnings.truncate(WARNINGS_MAX);
        warnings
    }
}

impl Steer {
    fn check(&self) -> Result<(), SteerError> {
        let is_line = |text: &str| !text.chars().any(char::is_control);
        if self.patterns.is_empty() {
            return Err(SteerError::NoPattern);
        }
        if !(1..=AUTHOR_MAX).contains(&self.author.len()) || !is_line(&self.author) {
            return Err(SteerError::Author);
        }
        if self.reason.as_ref().is_some_and(|why| why.len() > REASON_MAX || !is_line(why)) {
            return Err(SteerError::Reason);
        }
        if matches!(self.wish, Wish::Set { lasts: Some(lasts), .. } if lasts.as_millis() == 0) {
            return Err(SteerError::NoTime);
        }
        Ok(())
    }

    fn overrides(&self, keys: &BTreeSet<BackendKey>, now: u64) -> Vec<Arc<Override>> {
        let Wish::Set { hand, lasts } = self.wish else { return Vec::new() };
        let lasts = lasts.map(|lasts| lasts.as_millis().try_into().unwrap_or(u64::MAX));
        let (author, reason) = (Arc::from(self.author.as_str()), self.reason.as_deref());
        let reason: Option<Arc<str>> = reason.filter(|reason| !reason.is_empty()).map(Arc::from);
        let set = |key: &BackendKey| Override {
            key: key.clone(),
            hand,
            author: Arc::clone(&author),
            reason: reason.clone(),
            since: now,
            until: lasts.map(|lasts| now.saturating_add(lasts)),
        };
        keys.iter().map(|key| Arc::new(set(key))).collect()
    }
}

/// What a pool does that has nothing left in service.
fn emptied(pool: &str, source: Source) -> Option<String> {
    let what = match source {
        Source::InService => return None,
        Source::Panic => {
            return Some(format!("{pool} has too little in service, and hands out all of it"));
        }
        Source::AllDown => "all of it",
        Source::Last => "what was in service last",
        Source::Fallback => "its fallback",
        Source::Nothing => "nothing",
    };
    Some(format!("{pool} has nothing left in service, and hands out {what}"))
}

/// What some pool hands out, though a hand took out a backend that has it.
fn handed_out_elsewhere(
    snapshot: &Snapshot,
    taken_out: &BTreeMap<Endpoint, String>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for view in snapshot.zones() {
        let View::Served { zone, ready } = view else { continue };
        for (pool, ready) in zone.pools.iter().zip(ready.iter()) {
            for endpoint in ready.endpoints() {
                if let Some(backend) = taken_out.get(endpoint) {
                    let pool = tell::pool_key(zone, pool);
                    warnings.push(format!("{endpoint} of {backend} is still handed out by {pool}"));
                }
                if warnings.len() >= WARNINGS_MAX {
                    return warnings;
                }
            }
        }
    }
    warnings
}

impl fmt::Display for SteerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPattern => {
                f.write_str("no backend is named; one at least is ZONE/POOL/BACKEND")
            }
            Self::Pattern(pattern) => pattern.fmt(f),
            Self::Author => write!(f, "an author is one line of 1 to {AUTHOR_MAX} bytes"),
            Self::Reason => write!(f, "a reason is one line of at most {REASON_MAX} bytes"),
            Self::NoTime => f.write_str("an override lasts for a millisecond at least"),
            Self::TooMany(count) => {
                write!(f, "{count} overrides are too many; at most {OVERRIDES_MAX} can be in force")
            }
            Self::Stopping => f.write_str("the server is stopping"),
            Self::Replaced => {
                f.write_str("another process is taking the server's place; ask again in a moment")
            }
        }
    }
}

impl std::error::Error for SteerError {}
