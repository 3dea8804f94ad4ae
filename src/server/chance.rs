//! Turns and numbers by chance: the only place that advances a rotation.
//!
//! A batch of queries advances each rotation that it meets once, by as many turns as it takes, so
//! that every query gets a turn of its own while threads touch the shared count once a batch.

use crate::engine::choose::turn::Needs;
use crate::engine::snapshot::{Snapshot, View};
use crate::engine::{Draw, Plan};

/// How many different rotations a batch can gather turns for; those beyond are advanced one by one.
const GROUPS_MAX: usize = 64;

/// Draws for the queries of one thread.
pub struct Chance {
    random: fastrand::Rng,
    groups: Vec<Group>,
}

/// The turns that a batch takes of one rotation.
struct Group {
    zone: u32,
    rotation: u32,
    turns: u64,
    first: u64,
}

impl Default for Chance {
    fn default() -> Self {
        Self { random: fastrand::Rng::new(), groups: Vec::with_capacity(GROUPS_MAX) }
    }
}

impl Chance {
    /// Draws for one answer.
    pub fn draw(&mut self, snapshot: &Snapshot, plan: &mut Plan) {
        self.draw_all(snapshot, std::slice::from_mut(plan));
    }

    /// Draws for a batch of answers.
    #[inline]
    pub fn draw_all(&mut self, snapshot: &Snapshot, plans: &mut [Plan]) {
        self.groups.clear();
        for plan in &mut *plans {
            self.gather(snapshot, plan);
        }
        for group in &mut self.groups {
            if let Some(View::Served { zone, .. }) = snapshot.zone(group.zone) {
                group.first = zone.rotations.get(group.rotation).advance(group.turns);
            }
        }
        if self.groups.is_empty() {
            return;
        }
        for plan in plans {
            let Some(place) = plan.zone else { continue };
            for draw in plan.draws() {
                if let Some(group) = self.group(place, draw.rotation) {
                    *draw.value = self.groups[group].first;
                    self.groups[group].first += 1;
                }
            }
        }
    }

    /// Counts the turns that an answer takes; chance is settled here.
    #[inline]
    fn gather(&mut self, snapshot: &Snapshot, plan: &mut Plan) {
        let Some(place) = plan.zone else { return };
        let Some(View::Served { zone, .. }) = snapshot.zone(place) else { return };
        for Draw { rotation, pool, value } in plan.draws() {
            match zone.pools.get(pool as usize).map(Needs::of) {
                Some(Needs::Turn) => match self.group(place, rotation) {
                    Some(group) => self.groups[group].turns += 1,
                    None if self.groups.len() < GROUPS_MAX => {
                        self.groups.push(Group { zone: place, rotation, turns: 1, first: 0 });
                    }
                    None => *value = zone.rotations.get(rotation).advance(1),
                },
                Some(Needs::Chance) => *value = self.random.u64(..),
                Some(Needs::Nothing) | None => {}
            }
        }
    }

    #[inline]
    fn group(&self, zone: u32, rotation: u32) -> Option<usize> {
        self.groups.iter().position(|group| group.rotation == rotation && group.zone == zone)
    }
}
