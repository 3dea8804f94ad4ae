//! What a prober knows of each of its targets now: what a whole report is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::message::clean;
use crate::health::key::TargetKey;
use crate::health::target::{Health, Report, Target};
use crate::health::told::Told;

/// Every target, and what the last probe found.
#[derive(Debug, Default)]
pub struct Board(BTreeMap<TargetKey, Found>);

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where the target stands after it.
    pub health: Health,
    /// For people, as it may be told.
    pub detail: Arc<str>,
    /// What the target said of itself.
    pub told: Told,
    /// How long it took.
    pub took: Duration,
    /// When it ended, since the prober began.
    pub at: Duration,
}

impl Found {
    /// There was no probe yet.
    fn nothing() -> Self {
        let (took, at) = (Duration::ZERO, Duration::ZERO);
        let (detail, told) = (Arc::default(), Told::default());
        Self { health: Health::Unknown, detail, told, took, at }
    }
}

impl Board {
    /// Has these targets and no others; those that stay keep what is known of them. `false` where they are the same.
    pub fn set_targets(&mut self, targets: &[Target]) -> bool {
        let mut before = std::mem::take(&mut self.0);
        let count = before.len();
        let found = |target| {
            let key = TargetKey::of(target);
            let known = before.remove(&key);
            (key, known)
        };
        let found: Vec<(TargetKey, Option<Found>)> = targets.iter().map(found).collect();
        let is_new = found.iter().any(|(_, known)| known.is_none());
        for (key, known) in found {
            // A target that stands twice was taken out at the first.
            self.0.entry(key).or_insert_with(|| known.unwrap_or_else(Found::nothing));
        }
        is_new || self.0.len() != count
    }

    /// Takes in a report of the prober, at a time since it began. Gives its key, what is to be told, and whether it
    /// stands otherwise than before; nothing where the target has left.
    pub fn report(&mut self, report: &Report, now: Duration) -> Option<(TargetKey, Found, bool)> {
        let key = TargetKey::of(&report.target);
        let known = self.0.get_mut(&key)?;
        let detail = if *known.detail == *report.detail {
            Arc::clone(&known.detail)
        } else {
            clean(&report.detail)
        };
        let Report { health, told, took, .. } = *report;
        let found = Found { health, detail, told, took, at: now };
        let before = std::mem::replace(known, found.clone());
        let is_change = (before.health, before.told) != (health, told);
        Some((key, found, is_change))
    }

    /// Everything, a target once.
    pub fn all(&self) -> impl Iterator<Item = (TargetKey, Found)> {
        self.0.iter().map(|(key, found)| (*key, found.clone()))
    }

    /// How many targets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
