//! Stage: how long an answer may be kept.
//!
//! The pool's TTL while nothing is about to change; else the time until something can, at least `min_ttl`:
//!
//! ```text
//! an address can change side by its next probes    the time that these take
//! a hand's override of a backend ends              until then, as below
//! a better tier takes over after its hold          until then, as below
//! somebody stands in for a role, or two claim it   `min_ttl`, by [`super::roles::Cast::is_moving`]
//! ```
//!
//! Of an end that is known beforehand the TTL is the greatest of the pool's TTL, half of it, a quarter of it and so on that is over by
//! then. So it is right at every moment, and the pool is made anew a few times for it and not each second. A backend
//! that starts slowly is no reason: what is in caches is right, and is spread as it was.

use std::time::Duration;

use super::ready::Standing;
use crate::config::model::Pool;

/// How long an answer may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// In seconds.
    pub(super) ttl: u32,
    /// After how long that is too long.
    pub(super) until: Option<Duration>,
}

/// How long an answer may be kept where so long is left until something changes that is known beforehand.
pub(super) fn ttl(pool: &Pool, standings: &[Standing], left: Option<Duration>) -> Kept {
    let soonest = standings.iter().filter_map(|standing| standing.may_change_in).min();
    let by_probes = soonest.map_or(pool.ttl, |time| {
        let seconds = time.as_millis().div_ceil(1000).try_into().unwrap_or(u32::MAX);
        pool.ttl.min(seconds).max(pool.min_ttl)
    });
    let Some(left) = left else { return Kept { ttl: by_probes, until: None } };
    let mut ttl = pool.ttl;
    while ttl > pool.min_ttl && seconds(ttl) > left {
        ttl = (ttl / 2).max(pool.min_ttl);
    }
    // The end itself comes by its own.
    let until =
        (ttl > pool.min_ttl).then(|| left.saturating_sub(seconds(ttl)) + Duration::from_millis(1));
    Kept { ttl: ttl.min(by_probes), until }
}

fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Policy;

    #[test]
    fn an_end_that_is_known_halves_the_ttl_until_it_is_over_by_then() {
        let pool = Pool::new("web".to_owned(), Policy::RoundRobin, Vec::new());
        for (left, ttl, until) in [
            (100_000, 30, Some(70_001)),
            (30_000, 30, Some(1)),
            (29_999, 15, Some(15_000)),
            (14_999, 7, Some(8_000)),
            (6_999, 5, None),
            (5_000, 5, None),
            // Nothing is kept for less.
            (10, 5, None),
            (0, 5, None),
        ] {
            let left = Some(Duration::from_millis(left));
            let until = until.map(Duration::from_millis);
            assert_eq!(super::ttl(&pool, &[], left), Kept { ttl, until }, "{left:?}");
        }
        assert_eq!(super::ttl(&pool, &[], None), Kept { ttl: 30, until: None });
        let soon = Standing { may_change_in: Some(Duration::from_secs(9)), ..Standing::UP };
        let kept = super::ttl(&pool, &[soon], Some(Duration::from_secs(16)));
        assert_eq!(kept, Kept { ttl: 9, until: Some(Duration::from_millis(1001)) });
    }
}
