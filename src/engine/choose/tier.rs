//! Stage: of those that may serve, the backends of the best priority do.

use std::collections::BTreeMap;

use super::candidate::Candidate;
use super::left_out::LeftOut;
use crate::config::model::{Endpoint, Pool};

/// Leaves the first tier that has enough backends, else the one that has most; gives its priority.
pub(super) fn first(
    pool: &Pool,
    candidates: &mut Vec<Candidate>,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
) -> Option<u16> {
    let mut tiers = BTreeMap::<u16, Vec<usize>>::new();
    for candidate in candidates.iter() {
        let backends = tiers.entry(candidate.priority).or_default();
        if backends.last() != Some(&candidate.backend) {
            backends.push(candidate.backend);
        }
    }
    let enough = usize::from(pool.tiers.min_healthy);
    let mut full = tiers.iter().filter(|(_, backends)| backends.len() >= enough);
    // Of tiers with as many, the first.
    let most = || tiers.iter().rev().max_by_key(|(_, backends)| backends.len());
    let serves = *full.next().or_else(most)?.0;
    candidates.retain(|candidate| {
        let stays = candidate.priority == serves;
        if !stays {
            let why = LeftOut::Priority { own: candidate.priority, serves };
            left_out.push((candidate.offer.endpoint.clone(), why));
        }
        stays
    });
    Some(serves)
}
