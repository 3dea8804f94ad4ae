//! Turns and numbers by chance: the only place that advances a rotation.
//!
//! A batch of queries advances each rotation that it meets once, by as many turns as it takes, so
//! that every query gets a turn of its own while threads touch the shared count once a batch.

use crate::engine::choose::draw::Needs;
use crate::engine::snapshot::{Snapshot, View};
use crate::engine::{Draw, Plan, choose_all, follow};

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
        for plan in plans {
            if !self.groups.is_empty() {
                for draw in plan.draws() {
                    if let Some(group) = self.group(draw.zone, draw.rotation) {
                        *draw.value = self.groups[group].first;
                        self.groups[group].first += 1;
                    }
                }
            }
            if plan.leads_on() {
                self.follow(snapshot, plan);
            }
        }
    }

    /// Goes on where a pool gave a CNAME. Choices behind it are made one by one: they were not known before.
    fn follow(&mut self, snapshot: &Snapshot, plan: &mut Plan) {
        let from = plan.items().len();
        follow(snapshot, plan);
        choose_all(snapshot, plan, from, |draw| {
            let Some(View::Served { zone, .. }) = snapshot.zone(draw.zone) else { return 0 };
            match zone.pools.get(draw.pool as usize).map(Needs::of) {
                Some(Needs::Turn) => zone.rotations.get(draw.rotation).advance(1),
                Some(Needs::Chance) => self.random.u64(..),
                Some(Needs::Nothing) | None => 0,
            }
        });
    }

    /// Counts the turns that an answer takes; chance is settled here.
    #[inline]
    fn gather(&mut self, snapshot: &Snapshot, plan: &mut Plan) {
        for Draw { zone: place, rotation, pool, value } in plan.draws() {
            let Some(View::Served { zone, .. }) = snapshot.zone(place) else { continue };
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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::engine::choose::ready::{Memory, Ready, Standing};
    use crate::engine::snapshot::Chunks;
    use crate::engine::{Context, Transport, prepare};
    use crate::zone::build::from_model;

    /// Two zones, each with a name of every policy.
    fn snapshot() -> Snapshot {
        let view = |zone: &str| {
            let text = format!(
                "zone: {zone}\nns: [ns.example.org.]\nrecords:\n  \
                 turn: {{pool: {{policy: round_robin, backends: [192.0.2.1, 192.0.2.2]}}}}\n  \
                 dice: {{pool: {{policy: random, backends: [192.0.2.1, 192.0.2.2]}}}}\n  \
                 same: {{pool: {{policy: fixed, backends: [192.0.2.1, 192.0.2.2]}}}}\n"
            );
            let (model, mistakes) =
                crate::config::read_zone(Path::new(&format!("{zone}.yaml")), &text);
            let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
            let (zone, _) = from_model(&model, 1, None).expect("it has no mistakes");
            let up = Standing::UP;
            let ready = zone.pools.iter().map(|pool| {
                let standings = vec![up; pool.endpoints().count()];
                Arc::new(Ready::new(pool, &standings, &Memory::default(), None))
            });
            let ready = Chunks::new(ready);
            View::Served { zone: Arc::new(zone), ready }
        };
        Snapshot::new(vec![view("a.example"), view("b.example")]).expect("they are distinct")
    }

    fn plan(snapshot: &Snapshot, name: &str) -> Plan {
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let context = Context { client, transport: Transport::Udp, draw: 0, now: 0 };
        let mut query = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        crate::name::parse_into(name.as_bytes(), &[0], &mut query).expect("a name");
        query.extend([0, 1, 0, 1]);
        let mut plan = Plan::default();
        prepare(snapshot, &context, &query, &mut plan);
        plan
    }

    fn draw_all(chance: &mut Chance, snapshot: &Snapshot, names: &[&str]) -> Vec<Option<u64>> {
        let mut plans: Vec<Plan> = names.iter().map(|name| plan(snapshot, name)).collect();
        chance.draw_all(snapshot, &mut plans);
        plans.iter_mut().map(|plan| plan.draws().next().map(|draw| *draw.value)).collect()
    }

    #[test]
    fn turns_of_a_batch_follow_each_other_for_each_name_and_zone() {
        let (snapshot, mut chance) = (snapshot(), Chance::default());
        let names = ["turn.a.example.", "turn.b.example.", "turn.a.example.", "gone.a.example."];
        let turns = |turns: [u64; 3]| [Some(turns[0]), Some(turns[1]), Some(turns[2]), None];
        assert_eq!(draw_all(&mut chance, &snapshot, &names), turns([0, 0, 1]));
        assert_eq!(draw_all(&mut chance, &snapshot, &names), turns([2, 1, 3]));
        assert_eq!(draw_all(&mut Chance::default(), &snapshot, &names), turns([4, 2, 5]));
    }

    #[test]
    fn only_round_robin_turns_and_only_random_is_left_to_chance() {
        let (snapshot, mut chance) = (snapshot(), Chance::default());
        let names = ["same.a.example."; 4];
        assert_eq!(draw_all(&mut chance, &snapshot, &names), [Some(0); 4]);
        let dice = draw_all(&mut chance, &snapshot, &["dice.a.example."; 8]);
        // Eight numbers of 64 bits are the same once in 2^448 times.
        assert!(dice.iter().any(|value| *value != dice[0]));
        let View::Served { zone, .. } = snapshot.zone(0).expect("there are two") else { panic!() };
        let rotations = (0..6).map(|place| zone.rotations.get(place).advance(0));
        assert_eq!(rotations.sum::<u64>(), 0, "nothing has turned");
    }

    #[test]
    fn one_at_a_time_is_a_batch_of_one() {
        let (snapshot, mut chance) = (snapshot(), Chance::default());
        for expected in 0..3 {
            let mut plan = plan(&snapshot, "turn.a.example.");
            chance.draw(&snapshot, &mut plan);
            assert_eq!(plan.draws().next().map(|draw| *draw.value), Some(expected));
        }
    }
}
