//! One endpoint of a pool on its way through the stages of the choice.

use super::ready::Standing;
use crate::config::model::{Offer, Pool};

/// An endpoint that may be handed out, as far as the stages before have seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    /// What would be handed out.
    pub(super) offer: Offer,
    /// The place of its backend in the pool.
    pub(super) backend: usize,
    /// Its backend's tier.
    pub(super) priority: u16,
    /// How it stands.
    pub(super) standing: Standing,
}

/// Every endpoint of a pool, in the order of the file; `standings` has one entry for each.
pub(super) fn all(pool: &Pool, standings: &[Standing]) -> Vec<Candidate> {
    let offers = pool.backends.iter().enumerate().flat_map(|(place, backend)| {
        Offer::of(backend).map(move |offer| (place, backend.priority, offer))
    });
    let candidate = |((backend, priority, offer), standing): ((usize, u16, Offer), &Standing)| {
        Candidate { offer, backend, priority, standing: *standing }
    };
    offers.zip(standings).map(candidate).collect()
}
