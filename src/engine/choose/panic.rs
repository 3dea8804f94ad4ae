//! Stage: what is handed out where too few may serve.
//!
//! ```text
//! eligible     weight eligible    when_all_down   handed out
//! some         at least `panic`   any             those eligible
//! some         less               any             every address
//! none         -                  all             every address
//! none         -                  last            those eligible last, else every address
//! none         -                  fallback        what the fallback hands out
//! none         -                  none            nothing
//! ```
//!
//! Who asks for the primary is given nobody else, as a guess would send writes where they help nobody:
//!
//! ```text
//! primary   when_all_down   handed out
//! one       any             it
//! none      all, none       nothing
//! none      last            the last primary, unless it says that it is a replica now
//! none      fallback        the fallback's primary
//! ```
//!
//! Nor does `panic` count for roles: it is about a pool as a whole. An address that an operator set down, or took out of the file, is no guess worth making: "every address" and
//! "eligible last" leave it out, unless all are set down.
//!
//! Each tier is weighed alone, and the pool panics where all of them do: a tier that is whole is better than any guess, and one that
//! has lost most of its weight hands over, as what is left of it would break under the whole load.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::{Candidate, Lineup};
use super::eligible::guesses;
use super::ready::{Source, Standing};
use crate::config::model::{Endpoint, Pool, Role, WhenAllDown};

/// Where the offers come from, and which of the pool's own they are; of a fallback none. `is_calm` is whether any tier is.
pub(super) fn source(
    pool: &Pool,
    all: &[Candidate],
    is_calm: bool,
    eligible: Vec<Candidate>,
    last: &[Endpoint],
    has_fallback: bool,
) -> (Source, Vec<Candidate>) {
    if !eligible.is_empty() {
        return if is_calm { (Source::InService, eligible) } else { (Source::Panic, guesses(all)) };
    }
    if pool.role() == Some(Role::Primary) {
        return without_primary(pool, all, last, has_fallback);
    }
    let guesses = guesses(all);
    match pool.when_all_down {
        WhenAllDown::Fallback(_) if has_fallback => (Source::Fallback, Vec::new()),
        WhenAllDown::None => (Source::Nothing, Vec::new()),
        WhenAllDown::Last => {
            let was_last = |candidate: &&Candidate| last.contains(&candidate.offer.endpoint);
            let last: Vec<Candidate> = guesses.iter().filter(was_last).cloned().collect();
            if last.is_empty() { (Source::AllDown, guesses) } else { (Source::Last, last) }
        }
        WhenAllDown::All | WhenAllDown::Fallback(_) => (Source::AllDown, guesses),
    }
}

/// What who asks for the primary is given while there is none.
fn without_primary(
    pool: &Pool,
    all: &[Candidate],
    last: &[Endpoint],
    has_fallback: bool,
) -> (Source, Vec<Candidate>) {
    match pool.when_all_down {
        WhenAllDown::Fallback(_) if has_fallback => (Source::Fallback, Vec::new()),
        WhenAllDown::Last => {
            let may_still_be = |candidate: &&Candidate| {
                let Candidate { offer, standing, .. } = candidate;
                last.contains(&offer.endpoint)
                    && !standing.is_set_down
                    && standing.role != Some(Role::Replica)
            };
            let last: Vec<Candidate> = all.iter().filter(may_still_be).cloned().collect();
            (if last.is_empty() { Source::Nothing } else { Source::Last }, last)
        }
        WhenAllDown::All | WhenAllDown::None | WhenAllDown::Fallback(_) => {
            (Source::Nothing, Vec::new())
        }
    }
}

/// The tiers of which enough weight is in service: at least the pool's `panic` share, and something. Backends that an operator set
/// down do not count: their weight is not missed.
pub(super) fn calm(pool: &Pool, lineup: Lineup<'_>) -> BTreeSet<u16> {
    let mut standings = lineup.endpoints.iter();
    let mut groups = lineup.groups.iter().map(|group| &group.standing);
    let mut tiers = BTreeMap::<u16, Weights>::new();
    for backend in &pool.backends {
        // An agent may take out one address of several: the backend is set down where all of them are.
        let join = |(serves, is_set_down), own: &Standing| {
            (serves | own.in_service, is_set_down & own.is_set_down)
        };
        let (serves, is_set_down) = if backend.inner().is_some() {
            groups.by_ref().take(1).fold((false, true), join)
        } else {
            standings.by_ref().take(backend.endpoints().count()).fold((false, true), join)
        };
        if !is_set_down {
            let weight = u64::from(backend.weight);
            let tier = tiers.entry(backend.priority).or_default();
            tier.total += weight;
            tier.serving += if serves { weight } else { 0 };
            tier.has_some |= serves;
        }
    }
    let panic = if pool.role().is_some() { 0 } else { u64::from(pool.panic) };
    let is_calm =
        |weights: &Weights| weights.has_some && weights.serving * 1000 >= weights.total * panic;
    tiers.into_iter().filter(|(_, weights)| is_calm(weights)).map(|(tier, _)| tier).collect()
}

/// The weights of a tier.
#[derive(Default)]
struct Weights {
    total: u64,
    serving: u64,
    has_some: bool,
}
