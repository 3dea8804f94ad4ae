//! Counts go on under the names of zones and pools, whatever becomes of their content.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::model::{Endpoint, Pool};
use crate::counters::handed::Handed;
use crate::counters::zones::ZoneCounts;
use crate::engine::choose::ready::Ready;
use crate::engine::snapshot::{Snapshot, View};
use crate::zone::Zone;

/// Where the queries of each zone are counted, for so many threads: as before, where the zone was there before.
pub(super) fn zone_counts(
    before: &Snapshot,
    now: &Snapshot,
    threads: usize,
) -> Vec<Arc<ZoneCounts>> {
    let counts = now.zones().map(|view| {
        let place = before.catalog().place(view.origin());
        let known = place.and_then(|place| before.counts(place as u32));
        known.cloned().unwrap_or_else(|| Arc::new(ZoneCounts::new(threads)))
    });
    counts.collect()
}

/// Where the answers of each pool of a zone are counted, for so many threads: as before, where the pool was there
/// before.
pub(super) fn pool_counts(
    before: Option<&View>,
    zone: &Zone,
    threads: usize,
) -> Vec<Arc<Handed<Endpoint>>> {
    let known: HashMap<Cow<'_, str>, &Arc<Handed<Endpoint>>> = match before {
        Some(View::Served { zone, ready }) => {
            let names = zone.pools.iter().map(Pool::label);
            let handed = ready.iter().map(|ready| Ready::handed(ready));
            names.zip(handed).filter_map(|(name, handed)| Some((name, handed?))).collect()
        }
        Some(View::Broken(_) | View::Expired(_)) | None => HashMap::new(),
    };
    // A pool may hand out what its fallback has, so an endpoint stays known while any pool has it.
    let endpoints = zone.pools.iter().flat_map(Pool::endpoints);
    let endpoints: HashSet<Endpoint> = endpoints.map(|(_, endpoint)| endpoint).collect();
    let counts = zone.pools.iter().map(|pool| match known.get(&pool.label()) {
        Some(&handed) => {
            handed.retain(|endpoint| endpoints.contains(endpoint));
            Arc::clone(handed)
        }
        None => Arc::new(Handed::new(threads)),
    });
    counts.collect()
}
