//! What hands have set, over what the files say: the set in force, and when each ends.
//!
//! There is no clock here: time comes in, as unix milliseconds. Nor is there a disk: `state` keeps the set.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::backend::BackendKey;

/// The most overrides at once.
pub const OVERRIDES_MAX: usize = 10_000;
/// The longest author's name, in bytes.
pub const AUTHOR_MAX: usize = 64;
/// The longest reason, in bytes.
pub const REASON_MAX: usize = 256;

/// What a hand has set for one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The backend.
    pub key: BackendKey,
    /// The state that it is to be in.
    pub hand: Hand,
    /// Who did it.
    pub author: Arc<str>,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// When, in unix milliseconds.
    pub since: u64,
    /// When it ends by itself, in unix milliseconds.
    pub until: Option<u64>,
}

/// The state that a hand sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// In service, whatever the checks say.
    Up,
    /// Out of service.
    Down,
    /// Out of service, for it will be stopped.
    Drain,
}

/// The overrides in force, at most one a backend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    by_key: BTreeMap<BackendKey, Arc<Override>>,
    /// When the next one ends.
    next_end: Option<u64>,
}

impl Override {
    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self, now: u64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Hand {
    /// Whether it takes a backend out of service.
    #[must_use]
    pub fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::Drain)
    }
}

impl fmt::Display for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Drain => "drain",
        })
    }
}

impl Overrides {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// What is set for a backend.
    #[must_use]
    pub fn get(&self, key: &BackendKey) -> Option<&Arc<Override>> {
        self.by_key.get(key)
    }

    /// What is set for a backend of a zone; costs next to nothing while there are no overrides.
    #[must_use]
    pub fn of(
        &self,
        zone: &impl fmt::Display,
        pool: &str,
        backend: &str,
    ) -> Option<&Arc<Override>> {
        if self.is_empty() {
            return None;
        }
        self.get(&BackendKey::new(&zone.to_string(), pool, backend))
    }

    /// All, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Override>> {
        self.by_key.values()
    }

    /// The set after some were set and others were taken off.
    #[must_use]
    pub fn with(
        &self,
        set: impl IntoIterator<Item = Arc<Override>>,
        off: impl IntoIterator<Item = BackendKey>,
    ) -> Self {
        let mut all = self.by_key.clone();
        for key in off {
            all.remove(&key);
        }
        all.extend(set.into_iter().map(|set| (set.key.clone(), set)));
        Self::new(all)
    }

    /// Those that have ended.
    #[must_use]
    pub fn over(&self, now: u64) -> Vec<Arc<Override>> {
        if self.next_end.is_none_or(|end| end > now) {
            return Vec::new();
        }
        self.iter().filter(|set| set.is_over(now)).cloned().collect()
    }

    /// When the next one ends.
    #[must_use]
    pub fn next_end(&self) -> Option<u64> {
        self.next_end
    }

    fn new(by_key: BTreeMap<BackendKey, Arc<Override>>) -> Self {
        let next_end = by_key.values().filter_map(|set| set.until).min();
        Self { by_key, next_end }
    }
}

impl FromIterator<Override> for Overrides {
    fn from_iter<I: IntoIterator<Item = Override>>(all: I) -> Self {
        Self::new(all.into_iter().map(|set| (set.key.clone(), Arc::new(set))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, until: Option<u64>) -> Override {
        Override {
            key: BackendKey::parse(key).expect("three parts"),
            hand: Hand::Drain,
            author: "anna".into(),
            reason: None,
            since: 0,
            until,
        }
    }

    #[test]
    fn an_override_ends_at_its_time_to_the_millisecond() {
        let sets = [set("z/p/a", Some(1000)), set("z/p/b", Some(2000)), set("z/p/c", None)];
        let all: Overrides = sets.into_iter().collect();
        for (now, over, next) in [
            (0, "", Some(1000)),
            (999, "", Some(1000)),
            (1000, "a", Some(2000)),
            (5000, "ab", None),
        ] {
            let ended = all.over(now);
            let names: String =
                ended.iter().filter_map(|set| set.key.as_str().chars().last()).collect();
            let rest = all.with([], ended.into_iter().map(|set| set.key.clone()));
            assert_eq!((names.as_str(), rest.next_end()), (over, next), "at {now}");
        }
    }

    #[test]
    fn a_backend_has_one_override_at_most() {
        let all: Overrides = [set("z/p/a", None)].into_iter().collect();
        let again = Override { hand: Hand::Up, ..set("z/p/a", None) };
        let all = all.with([Arc::new(again)], []);
        assert_eq!(all.len(), 1);
        assert_eq!(all.of(&"z.", "p", "a").map(|set| set.hand), Some(Hand::Up));
        assert!(all.with([], [BackendKey::new("z", "p", "a")]).is_empty());
    }
}
