//! Zones: how they are served, and the digest of all of them.

use crate::admin::model::{Mistake, Zone, ZoneCounts, ZoneState};
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
    let (path, mistakes) = file
        .map(|ZoneFile { path, mistakes, .. }| {
            let mistakes = mistakes.into_iter().map(|mistake| quoteless(mistake, &path)).collect();
            (path, mistakes)
        })
        .unzip();
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

/// A mistake as whoever may read is told of it. What a zone includes may be of others, whoever may edit the zone wrote its path, and
/// a mistake quotes it.
fn quoteless(mistake: Mistake, zone: &str) -> Mistake {
    if mistake.file == zone {
        return mistake;
    }
    let message =
        "a mistake in a file that the zone includes; `rotadns check` and the log tell which";
    Mistake { message: message.to_owned(), ..mistake }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::model::Severity;

    #[test]
    fn what_an_included_file_says_is_not_quoted() {
        let mistake = |file: &str| Mistake {
            file: file.to_owned(),
            line: 3,
            column: 1,
            width: 6,
            severity: Severity::Error,
            message: "`secret` is no type".to_owned(),
        };
        let (own, included) = (mistake("zones/a.zone"), mistake("/etc/tokens"));
        assert_eq!(quoteless(own.clone(), "zones/a.zone"), own);
        let told = quoteless(included, "zones/a.zone");
        assert_eq!((told.line, &*told.file), (3, "/etc/tokens"));
        assert!(!told.message.contains("secret"), "{}", told.message);
    }
}
