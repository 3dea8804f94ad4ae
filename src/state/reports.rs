//! What probers tell the publisher, and what follows when one comes, goes or is heard again.

use std::collections::HashSet;
use std::sync::Arc;

use super::changes::State;
use super::publisher::{Feed, FeedCounts};
use super::tell;
use crate::health::key::TargetKey;
use crate::health::registry::Change as TargetChange;
use crate::health::source::Source;
use crate::health::sources::{Heard, Tally, TooManySources};
use crate::health::target::{Health, Report, Target};

impl State {
    pub(super) fn take_report(&mut self, report: &Report) {
        // A probe that was on its way when a prober beside was heard again.
        if report.source.is_inside() && !self.probing {
            return;
        }
        self.begin_to_guard(&report.source, |_| true);
        let change = self.take(report, false);
        let mut sources = self.shared.sources();
        sources.heard_inside(report.at);
        if let Some(tally) = sources.tally(&report.source) {
            count(tally, change);
        }
    }

    pub(super) fn take_feed(&mut self, feed: Feed) -> Result<FeedCounts, TooManySources> {
        let Feed { source, whole, reports, unknown } = feed;
        let now = self.shared.now();
        let heard = self.shared.sources().heard(&source, now)?;
        let registry = Arc::clone(&self.shared.registry);
        let mut counts = FeedCounts { unknown, ..FeedCounts::default() };
        let mut told = HashSet::new();
        let mut changes = Vec::with_capacity(reports.len());
        if whole {
            let probed: HashSet<TargetKey> = reports.iter().map(|fed| fed.key).collect();
            self.begin_to_guard(&source, |key| probed.contains(key));
        }
        for fed in reports {
            let Some(target) = registry.probed_target(&fed.key) else {
                changes.push(None);
                continue;
            };
            // Who has not judged a target has nothing to say of it.
            if fed.health == Health::Unknown {
                continue;
            }
            told.insert(fed.key);
            let (health, detail, told, took, at) =
                (fed.health, fed.detail, fed.told, fed.took, fed.at);
            let report = Report { target, source: source.clone(), health, detail, told, took, at };
            changes.push(self.take(&report, whole));
        }
        if whole {
            for (target, change) in registry.forget(&source, &told, now.unix) {
                self.guard.gone(&source, &TargetKey::of(&target));
                self.moved(&target, change, None);
            }
        }
        // Only now, so that a prober that comes back is not taken by what it said before.
        if heard != Heard::Still {
            tell::heard(&self.shared, &source, heard);
            self.settle_probers();
        }
        let mut sources = self.shared.sources();
        self.due = sources.next_change(now);
        if let Some(tally) = sources.tally(&source) {
            for change in changes {
                counts.known += u64::from(change.is_some());
                counts.unknown += u64::from(change.is_none());
                count(tally, change);
            }
            if whole {
                (tally.targets, tally.unknown) = (told.len() as u64, counts.unknown);
            }
            counts.missing = (registry.probed() as u64).saturating_sub(tally.targets);
        }
        Ok(counts)
    }

    /// Takes in a report; `None` where nobody knows its target.
    pub(super) fn take(&mut self, report: &Report, may_be_retold: bool) -> Option<TargetChange> {
        let (registry, now) = (&self.shared.registry, self.shared.now());
        let change = if may_be_retold {
            registry.retold(report, now)
        } else {
            registry.report(report, now)
        }?;
        self.moved(&report.target, change, Some(report));
        self.look_for_isolation(report, change);
        Some(change)
    }

    /// Follows a change of a target, which a report may have brought.
    pub(super) fn moved(&mut self, target: &Target, change: TargetChange, report: Option<&Report>) {
        if change.moved {
            self.dirty.extend(self.users.of(target));
        }
        if change.is_side() {
            self.health_changed = true;
            tell::side(self, target, change, report);
        }
        if let Some(hold) = change.held {
            self.holds.add(target, hold);
            tell::flapping(self, target, hold);
        }
        if let Some(is_degraded) = change.degraded {
            tell::degraded(self, target, is_degraded);
        }
    }

    /// Who votes and who probes now.
    pub(super) fn settle_probers(&mut self) {
        let now = self.shared.now();
        let (lost, forgotten, panel, probing, silent, on_loss) = {
            let mut sources = self.shared.sources();
            let (lost, forgotten) = (sources.lost(now), sources.forget(now));
            self.due = sources.next_change(now);
            let silent = sources.silent_since(now).is_some();
            let on_loss = sources.settings().on_loss;
            let probing = sources.inside_probes(now);
            if !probing {
                // When it probes again, it begins anew.
                sources.set_cut_off(&Source::inside(), false);
            }
            (lost, forgotten, sources.panel(now), probing, silent, on_loss)
        };
        for source in &lost {
            tell::lost(&self.shared, source);
        }
        if silent != std::mem::replace(&mut self.silent, silent) && silent {
            tell::silent(&self.shared, on_loss);
        }
        let nothing = HashSet::new();
        for source in &forgotten {
            self.guard.forget(source);
            for (target, change) in self.shared.registry.forget(source, &nothing, now.unix) {
                self.moved(&target, change, None);
            }
        }
        let begins_or_ends = probing != std::mem::replace(&mut self.probing, probing);
        if *self.shared.registry.panel() != panel {
            for (target, change) in self.shared.registry.set_panel(panel, now.unix) {
                self.moved(&target, change, None);
            }
        }
        if begins_or_ends {
            tell::stand_in(&self.shared, probing);
            if !probing {
                self.guard.forget(&Source::inside());
                for (target, change) in
                    self.shared.registry.forget(&Source::inside(), &nothing, now.unix)
                {
                    self.moved(&target, change, None);
                }
            }
            self.tell_targets();
        }
    }

    /// Counts anew how many targets each prober reports on, after some came or went.
    pub(super) fn recount(&self) {
        let mut sources = self.shared.sources();
        for prober in sources.probers(self.shared.now()) {
            let count = self.shared.registry.reported_by(&prober.source);
            if let Some(tally) = sources.tally(&prober.source) {
                tally.targets = count as u64;
            }
        }
    }
}

/// Counts a report.
fn count(tally: &mut Tally, change: Option<TargetChange>) {
    match change {
        Some(change) => {
            tally.reports += 1;
            tally.targets += u64::from(change.is_first);
        }
        None => tally.rejected += 1,
    }
}
