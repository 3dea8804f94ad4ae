//! Stage: who may serve at all. Health and hands have been made into a standing; here it counts.

use super::candidate::{Candidate, all};
use super::ready::Standing;
use crate::config::model::{Endpoint, Pool};

/// Those that may serve, in the order of the file.
pub(super) fn eligible(candidates: &[Candidate]) -> Vec<Candidate> {
    candidates.iter().filter(|candidate| candidate.standing.in_service).cloned().collect()
}

/// Those that are a guess worth making: all but what an operator set down, unless all is.
pub(super) fn guesses(candidates: &[Candidate]) -> Vec<Candidate> {
    let is_guess = |candidate: &&Candidate| !candidate.standing.is_set_down;
    let guesses: Vec<Candidate> = candidates.iter().filter(is_guess).cloned().collect();
    if guesses.is_empty() { candidates.to_vec() } else { guesses }
}

/// The endpoints of a pool that are in service, in the order of the file.
#[must_use]
pub fn in_service(pool: &Pool, standings: &[Standing]) -> Vec<Endpoint> {
    let all = all(pool, standings);
    eligible(&all).into_iter().map(|candidate| candidate.offer.endpoint).collect()
}
