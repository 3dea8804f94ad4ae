//! Stage: how long an answer may be kept.

use super::ready::Standing;
use crate::config::model::Pool;

/// The pool's TTL while every address is settled; else the time until one can have changed side, at
/// least `min_ttl`. In seconds.
pub(super) fn ttl(pool: &Pool, standings: &[Standing]) -> u32 {
    let soonest = standings.iter().filter_map(|standing| standing.may_change_in).min();
    match soonest {
        None => pool.ttl,
        Some(time) => {
            let seconds = time.as_millis().div_ceil(1000).try_into().unwrap_or(u32::MAX);
            pool.ttl.min(seconds).max(pool.min_ttl)
        }
    }
}
