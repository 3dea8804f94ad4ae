//! What is known of every target, by a key that outlives snapshots.
//!
//! A target that several backends share is one entry, and one that stays over a reload keeps its state.

use std::collections::{HashMap, HashSet};

use super::target::{Health, Report, Side, Target};
use super::verdict::Known;

/// What is known of every target that is in use.
#[derive(Debug, Default)]
pub struct Registry {
    entries: HashMap<Target, Entry>,
}

#[derive(Debug)]
struct Entry {
    health: Health,
    remembered: Option<Side>,
}

/// What a report changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where the target stood.
    pub before: Health,
    /// Where it stands.
    pub after: Health,
}

impl Registry {
    /// Keeps these targets and forgets all others. A new one is not judged yet; `remembered` tells its
    /// side before a restart.
    pub fn track(
        &mut self,
        targets: &HashSet<Target>,
        remembered: impl Fn(&Target) -> Option<Side>,
    ) {
        self.entries.retain(|target, _| targets.contains(target));
        for target in targets {
            self.entries.entry(target.clone()).or_insert_with(|| Entry {
                health: Health::Unknown,
                remembered: remembered(target),
            });
        }
    }

    /// Takes in a report; `None` where it changes nothing, as for a target that is not in use any more.
    pub fn report(&mut self, report: &Report) -> Option<Change> {
        let entry = self.entries.get_mut(&report.target)?;
        let before = std::mem::replace(&mut entry.health, report.health);
        (before != report.health).then_some(Change { before, after: report.health })
    }

    /// What is known of a target that is in use.
    #[must_use]
    pub fn known<'a>(&self, target: &'a Target) -> Option<Known<'a>> {
        let entry = self.entries.get(target)?;
        Some(Known { check: &target.check, health: entry.health, remembered: entry.remembered })
    }

    /// The side of each target: judged, or remembered where it was not judged yet.
    pub fn sides(&self) -> impl Iterator<Item = (&Target, Side)> {
        self.entries
            .iter()
            .filter_map(|(target, entry)| Some((target, entry.health.side().or(entry.remembered)?)))
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU8, NonZeroU16};
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::config::model::{Check, CheckKind};

    fn target(port: u16) -> Target {
        let port = NonZeroU16::new(port).expect("not zero");
        Target {
            address: [192, 0, 2, 1].into(),
            check: Arc::new(Check {
                kind: CheckKind::Tcp { port },
                interval: Duration::from_secs(10),
                fast_interval: Duration::from_secs(1),
                timeout: Duration::from_secs(2),
                rise: NonZeroU8::MIN,
                fall: NonZeroU8::MIN,
            }),
        }
    }

    fn report(target: &Target, health: Health) -> Report {
        let detail = Arc::from("connection refused");
        Report { target: target.clone(), health, detail, took: Duration::ZERO }
    }

    #[test]
    fn equal_checks_of_one_address_are_one_target() {
        let mut registry = Registry::default();
        registry.track(&HashSet::from([target(80), target(80), target(81)]), |_| None);
        assert!(registry.report(&report(&target(80), Health::Down { passed: 0 })).is_some());
        let health = |port| registry.known(&target(port)).map(|known| known.health);
        assert_eq!(health(80), Some(Health::Down { passed: 0 }));
        assert_eq!(health(81), Some(Health::Unknown));
    }

    #[test]
    fn what_stays_over_a_reload_keeps_its_state() {
        let mut registry = Registry::default();
        registry.track(&HashSet::from([target(80), target(81)]), |_| None);
        registry.report(&report(&target(80), Health::Down { passed: 0 }));
        registry.track(&HashSet::from([target(80), target(82)]), |_| Some(Side::Up));
        let known =
            |port| registry.known(&target(port)).map(|known| (known.health, known.remembered));
        assert_eq!(known(80), Some((Health::Down { passed: 0 }, None)));
        assert_eq!(known(81), None);
        assert_eq!(known(82), Some((Health::Unknown, Some(Side::Up))));
        assert_eq!(registry.report(&report(&target(81), Health::Up { failed: 0 })), None);
    }

    #[test]
    fn a_report_of_the_same_state_changes_nothing() {
        let mut registry = Registry::default();
        registry.track(&HashSet::from([target(80)]), |_| None);
        let up = report(&target(80), Health::Up { failed: 0 });
        assert!(registry.report(&up).is_some());
        assert_eq!(registry.report(&up), None);
    }
}
