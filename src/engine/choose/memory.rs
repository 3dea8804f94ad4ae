//! What is remembered of a pool from one choice to the next, as some choices look at the past.

use std::collections::BTreeMap;
use std::time::Duration;

use super::candidate::all;
use super::ready::Standing;
use super::{eligible, tier};
use crate::config::model::{Endpoint, Pool};
use crate::health::sources::Moment;

/// What is remembered of what a pool handed out before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What was in service last.
    pub last: Vec<Endpoint>,
    /// The priority of the backends that served last.
    pub tier: Option<u16>,
    /// The backend that was primary last, in a pool that is asked for by a role.
    pub primary: Option<String>,
    /// When this was.
    pub at: Moment,
    /// When the next override of a backend ends, in unix milliseconds.
    pub override_ends: Option<u64>,
    /// Since when each tier could serve without a break, by the running clock; those that cannot have none.
    pub able: BTreeMap<u16, Duration>,
}

impl Memory {
    /// Takes in how the pool stands at a moment.
    pub fn note(&mut self, pool: &Pool, standings: &[Standing], at: Moment) {
        self.at = at;
        let candidates = all(pool, standings);
        let (eligible, _) = eligible::eligible(pool, &candidates, self, &mut Vec::new());
        let mut wanted = eligible.clone();
        eligible::avoid_degraded(pool, &mut wanted, &mut Vec::new());
        let able = tier::able(pool, standings, &wanted);
        self.able.retain(|tier, _| able.contains(tier));
        for tier in able {
            self.able.entry(tier).or_insert(at.running);
        }
        if !eligible.is_empty() {
            self.last = eligible.into_iter().map(|candidate| candidate.offer.endpoint).collect();
        }
    }

    /// How long until the next override ends.
    pub(super) fn until_override_ends(&self) -> Option<Duration> {
        let end = self.override_ends?;
        Some(Duration::from_millis(end.saturating_sub(self.at.unix)))
    }
}
