//! Probers that seem to be cut off: what they say of what fell is held, and told.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use super::changes::State;
use super::tell;
use crate::config::model::Pool;
use crate::engine::snapshot::View;
use crate::health::isolation::{Turn, tied};
use crate::health::key::TargetKey;
use crate::health::registry::Change;
use crate::health::source::Source;
use crate::health::target::{Report, Side, Target};

impl State {
    /// Has the guard know what a prober is to probe and counts as up, before its first report: others found it so, or it was
    /// so before the restart. Else a server that is cut off would believe the first round of its own prober.
    pub(super) fn begin_to_guard(&mut self, source: &Source, probes: impl Fn(&TargetKey) -> bool) {
        if self.guard.is_new(source) {
            let up = self.shared.registry.probed_up();
            self.guard.begin(source, up.into_iter().filter(probes));
        }
    }

    /// Has the guard look at a report that brought its prober to another side.
    pub(super) fn look_for_isolation(&mut self, report: &Report, change: Change) {
        if report.source.is_pushed() {
            return;
        }
        let (Some(side), true) = (report.health.side(), change.is_own) else { return };
        // A digest is dear.
        let Some(key) = self.shared.registry.key(&report.target) else { return };
        let now = self.shared.now().running;
        let mut guard = std::mem::take(&mut self.guard);
        let turn = guard.found(&report.source, key, side, now, |fallen| self.tied(fallen));
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
        let is_cut_off = matches!(turn, Turn::CutOff { .. });
        match turn {
            Turn::CutOff { fallen, .. } => self.shared.registry.hold(source, fallen, Side::Up),
            // What it has not reached since stays as it was: its last word is of when it was cut off.
            Turn::Back => {}
            Turn::Over | Turn::Believed => {
                let now = self.shared.now().unix;
                for (target, change) in self.shared.registry.release(source, now) {
                    self.moved(&target, change, None);
                }
            }
        }
        self.shared.sources().set_cut_off(source, is_cut_off);
        tell::isolation(&self.shared, source, turn);
        self.settle_probers();
    }

    /// The addresses of the pools that some targets are of, where those are tied to each other by some that they share.
    fn tied(&self, fallen: &[TargetKey]) -> Option<HashSet<IpAddr>> {
        let snapshot = self.shared.snapshot.load();
        let registry = &self.shared.registry;
        let mut fallen_of = BTreeMap::<usize, BTreeSet<usize>>::new();
        for target in fallen.iter().filter_map(|key| registry.target(key)) {
            for (place, pool) in self.users.of(&target) {
                fallen_of.entry(place).or_default().insert(pool);
            }
        }
        let mut pools = Vec::new();
        for (place, fallen) in fallen_of {
            let Some(View::Served { zone, .. }) = snapshot.zone(place as u32) else { continue };
            // What is seen in several ways is one pool, with the addresses of all of them.
            let wholes: HashSet<usize> =
                fallen.into_iter().map(|pool| whole(&zone.pools, pool)).collect();
            let mut addresses = BTreeMap::<usize, Vec<IpAddr>>::new();
            for (index, pool) in zone.pools.iter().enumerate() {
                let whole = whole(&zone.pools, index);
                if wholes.contains(&whole) {
                    let own = Target::of_pool(pool).map(|target| target.address);
                    addresses.entry(whole).or_default().extend(own);
                }
            }
            pools.extend(addresses.into_values());
        }
        tied(&pools)
    }
}

/// The place of the pool of which this is a face, or its own.
fn whole(pools: &[Pool], mut place: usize) -> usize {
    while let Some(face) = pools[place].face {
        place = face.of;
    }
    place
}
