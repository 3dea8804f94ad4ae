//! Databases that follow a primary: who that is at a time, and who must be handed out in which role.
//!
//! When the primary is dead for a while, the cluster promotes the next that is not. The old one comes back as a replica.

use std::time::Duration;

use rotadns::config::model::Role;

use super::estate::{Estate, Set, each, one};
use super::faults::{Day, Fault};
use super::rules::{Claims, Sure};

/// For so long a primary is dead before another is promoted.
const PROMOTION: Duration = Duration::from_secs(20);
/// Until the prober has heard of a promotion: the interval with its jitter, and a second or two.
const HEARD: Duration = Duration::from_secs(14);

/// Who is primary from when on.
pub(super) struct Cluster {
    own: Set,
    terms: Vec<(Duration, usize)>,
}

impl Cluster {
    /// That of a pool.
    pub(super) fn new(estate: &Estate, day: &Day, pool: usize) -> Self {
        let own = estate.pools[pool].own;
        let nodes: Vec<usize> = each(own).collect();
        let mut terms = vec![(Duration::ZERO, nodes[0])];
        let is_dead = |node: usize, at| day.fault(node, at).is_some_and(Fault::is_dead);
        let mut now = PROMOTION;
        while now < day.length {
            let primary = terms[terms.len() - 1].1;
            let is_gone = is_dead(primary, now)
                && day.fault(primary, now).is_some_and(|fault| fault.begin + PROMOTION <= now);
            let place = nodes.iter().position(|node| *node == primary).unwrap_or_default();
            let mut others = nodes[place + 1..].iter().chain(&nodes[..place]);
            if let Some(next) = others.find(|node| is_gone && !is_dead(**node, now)) {
                terms.push((now, *next));
            }
            now += Duration::from_secs(1);
        }
        Self { own, terms }
    }

    pub(super) fn has(&self, backend: usize) -> bool {
        self.own & one(backend) != 0
    }

    /// Who is primary, since when, and who was before.
    fn primary(&self, now: Duration) -> (usize, Duration, Option<usize>) {
        let begun = self.terms.partition_point(|(since, _)| *since <= now);
        let (since, primary) = self.terms[begun - 1];
        let before = begun.checked_sub(2).map(|before| self.terms[before].1);
        (primary, since, before)
    }

    /// What a backend says that it is.
    pub(super) fn role(&self, backend: usize, now: Duration) -> Role {
        if self.primary(now).0 == backend { Role::Primary } else { Role::Replica }
    }

    /// How often another was promoted.
    pub(super) fn promotions(&self) -> usize {
        self.terms.len() - 1
    }

    /// What who asks for a role must get, while the prober reaches what it can.
    pub(super) fn claims(&self, wanted: Role, sure: Sure, now: Duration) -> Claims {
        let (primary, since, before) = self.primary(now);
        let is_heard = since + HEARD <= now || since.is_zero();
        let (primary, before) = (one(primary), before.map_or(0, one));
        let waning = if is_heard { 0 } else { before };
        if wanted == Role::Primary {
            let due = if is_heard { primary & sure.up } else { 0 };
            let allowed = (primary | waning) & !sure.down;
            return Claims { allowed, due, guesses: 0, may_be_empty: due == 0 };
        }
        let due = self.own & sure.up & !primary & !waning;
        if due == 0 {
            // The primary stands in, or all are a guess.
            return Claims { allowed: self.own, due, guesses: self.own, may_be_empty: true };
        }
        let leading = if is_heard { primary } else { 0 };
        let allowed = self.own & !sure.down & !leading;
        Claims { allowed, due, guesses: 0, may_be_empty: false }
    }
}
