//! Zones: how they are served, and the digest of all of them.

use crate::admin::model::{Zone, ZoneCounts, ZoneState};
use crate::admin::{Admin, ZoneFile};
use crate::digest::{hex, sha256};
use crate::engine::snapshot::{Snapshot, View};

/// One zone.
#[must_use]
pub fn zone(admin: &Admin, view: &View) -> Zone {
    let origin = view.origin();
    let file = (admin.owner.file)(origin);
    let served = view.zone();
    let state = match (&file, served) {
        (_, None) => ZoneState::Broken,
        (Some(ZoneFile { state: ZoneState::Stale, .. }), _) => ZoneState::Stale,
        _ => ZoneState::Served,
    };
    let (path, mistakes) = file.map(|file| (file.path, file.mistakes)).unzip();
    Zone {
        zone: origin.to_string(),
        state,
        serial: served.map(|zone| zone.serial),
        names: served.map_or(0, |zone| zone.names as u64),
        pools: served.map_or(0, |zone| zone.pools.len() as u64),
        file: path,
        mistakes: mistakes.unwrap_or_default(),
        secondary: (admin.owner.secondary)(origin),
    }
}

/// How many zones are served how.
#[must_use]
pub fn counts(admin: &Admin, snapshot: &Snapshot) -> ZoneCounts {
    let mut counts = ZoneCounts::default();
    for view in snapshot.zones() {
        let file = (admin.owner.file)(view.origin());
        let is_stale = file.is_some_and(|file| file.state == ZoneState::Stale);
        let count = match view {
            View::Broken(_) | View::Expired(_) => &mut counts.broken,
            View::Served { .. } if is_stale => &mut counts.stale,
            View::Served { .. } => &mut counts.served,
        };
        *count += 1;
    }
    counts
}

/// A digest of the zones: the same where the same versions of the same files are served.
#[must_use]
pub fn digest(snapshot: &Snapshot) -> String {
    let mut zones: Vec<_> = snapshot.zones().collect();
    zones.sort_unstable_by_key(|view| view.origin());
    let parts = zones.iter().flat_map(|view| {
        let digest = view.zone().map_or([0; 32], |zone| zone.digest);
        [view.origin().as_wire().to_vec(), digest.to_vec()]
    });
    hex(&sha256(parts))
}
