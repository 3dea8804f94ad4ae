//! Probers that seem to be cut off: what they say of what fell is held, and told.

use std::collections::BTreeSet;
use std::time::Duration;

use super::changes::State;
use super::tell;
use crate::engine::snapshot::View;
use crate::health::isolation::{Turn, are_unrelated};
use crate::health::key::TargetKey;
use crate::health::registry::Change;
use crate::health::source::Source;
use crate::health::target::{Report, Side, Target};

impl State {
    /// Has the guard look at a report that brought its prober to another side.
    pub(super) fn look_for_isolation(&mut self, report: &Report, change: Change) {
        if report.source.is_pushed() {
            return;
        }
        let (Some(side), true) = (report.health.side(), change.is_own) else { return };
        let (key, now) = (TargetKey::of(&report.target), self.shared.now().running);
        let mut guard = std::mem::take(&mut self.guard);
        let turn = guard.found(&report.source, key, side, now, |fallen| self.are_unrelated(fallen));
        self.guard = guard;
        if let Some(turn) = turn {
            self.turn(&report.source, &turn);
        }
    }

    /// Believes those that were cut off for too long.
    pub(super) fn end_isolation(&mut self) {
        let now = self.shared.now().running;
        for (source, turn) in self.guard.pass_time(now) {
            self.turn(&source, &turn);
        }
    }

    /// When the next hold is over.
    pub(super) fn isolation_ends(&self) -> Option<Duration> {
        self.guard.next_end()
    }

    /// Forgets targets that nobody uses any more.
    pub(super) fn forget_unused(&mut self) {
        let registry = &self.shared.registry;
        self.guard.retain(|key| registry.target(key).is_some());
    }

    fn turn(&mut self, source: &Source, turn: &Turn) {
        let registry = &self.shared.registry;
        let is_cut_off = matches!(turn, Turn::CutOff { .. });
        match turn {
            Turn::CutOff { fallen, .. } => registry.hold(source, fallen, Side::Up),
            Turn::Back | Turn::Believed => registry.release(source),
        }
        self.shared.sources().set_cut_off(source, is_cut_off);
        tell::isolation(&self.shared, source, turn);
        self.settle_probers();
    }

    /// Whether pools that share no address are among those of some targets.
    fn are_unrelated(&self, fallen: &[TargetKey]) -> bool {
        let snapshot = self.shared.snapshot.load();
        let registry = &self.shared.registry;
        let targets = fallen.iter().filter_map(|key| registry.target(key));
        let places: BTreeSet<_> =
            targets.flat_map(|target| self.users.of(&target).collect::<Vec<_>>()).collect();
        let pools = places.into_iter().filter_map(|(place, pool)| {
            let View::Served { zone, .. } = snapshot.zone(place as u32)? else { return None };
            Some(Target::of_pool(&zone.pools[pool]).map(|target| target.address).collect())
        });
        are_unrelated(pools)
    }
}
