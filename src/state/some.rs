//! Some zones in another version, beside all others: what that costs is their own size.
//!
//! ```text
//!   zones of before ──▶ targets that they use no more ─┐
//!   zones now ────────▶ targets that are new ──────────┼▶ registry, and the prober inside where any differ
//!                  └──▶ what their pools hand out ─────┴▶ a snapshot with other zones at their places
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use super::changes::State;
use super::pools::{carried, pools_of};
use crate::engine::snapshot::{Chunks, View};
use crate::health::backend::without_dot;
use crate::health::target::Target;
use crate::name::Name;
use crate::zone::Zone;

/// A zone that is there in another version.
struct Changed {
    place: usize,
    origin: Name,
    before: Option<Arc<Zone>>,
    now: Option<Arc<Zone>>,
}

impl State {
    /// Other versions of some zones, or zones more; one that is there and comes without content has expired.
    pub(super) fn set_some(&mut self, zones: Vec<(Name, Option<Arc<Zone>>)>) {
        self.publish();
        let before = self.shared.snapshot.load_full();
        let known = |(origin, now): &(Name, Option<Arc<Zone>>)| {
            let place = before.catalog().place(origin)?;
            let view = before.zone(place as u32)?;
            let (origin, before) = (origin.clone(), view.zone().cloned());
            Some(Changed { place, origin, before, now: now.clone() })
        };
        let Some(changed) = zones.iter().map(known).collect::<Option<Vec<Changed>>>() else {
            self.set_more(zones);
            return;
        };
        let (same, other): (Vec<Changed>, Vec<Changed>) =
            changed.into_iter().partition(Changed::has_same_pools);
        let are_other_targets = self.retarget(&other);
        let mut snapshot = (*before).clone();
        for Changed { place, origin, now, .. } in same {
            let view = match (now, before.zone(place as u32)) {
                (Some(zone), Some(View::Served { ready, .. })) => {
                    View::Served { zone, ready: ready.clone() }
                }
                (Some(zone), _) => View::Served { zone, ready: Chunks::new([]) },
                (None, _) => View::Expired(origin),
            };
            snapshot = snapshot.with_zone(place, view);
        }
        let mut origins = HashSet::new();
        for Changed { place, origin, now, .. } in other {
            let view = match now {
                Some(zone) => self.view(&before, zone),
                None => View::Expired(origin.clone()),
            };
            snapshot = snapshot.with_zone(place, view);
            origins.insert(origin);
        }
        self.swap(snapshot);
        if !origins.is_empty() {
            self.note_taken_out_of(&origins);
        }
        if are_other_targets {
            self.recount();
            self.forget_unused();
            self.settle_pushes();
            self.tell_targets();
        }
    }

    /// Zones beside all others, some of them more than there were.
    fn set_more(&mut self, more: Vec<(Name, Option<Arc<Zone>>)>) {
        let before = self.shared.snapshot.load_full();
        let zones = before.zones().map(|view| (view.origin().clone(), view.zone().cloned()));
        let mut zones: Vec<_> = zones.collect();
        for (origin, zone) in more {
            match before.catalog().place(&origin) {
                Some(place) => zones[place].1 = zone,
                None => zones.push((origin, zone)),
            }
        }
        self.set_zones(zones);
    }

    /// Has the targets of zones as they are now known, and those that nobody uses any more forgotten. Says whether there are any.
    fn retarget(&mut self, changed: &[Changed]) -> bool {
        let registry = Arc::clone(&self.shared.registry);
        let before: Vec<Arc<Zone>> = changed.iter().filter_map(|one| one.before.clone()).collect();
        let now: Vec<&Arc<Zone>> = changed.iter().filter_map(|one| one.now.as_ref()).collect();
        let carried = carried(&before, &now, &registry);
        let mut touched = HashSet::new();
        for Changed { place, before, now, .. } in changed {
            touched.extend(self.users.replace(*place, before.as_deref(), now.as_deref()));
            if let Some(before) = before {
                self.memories.forget_pools(before, now.as_deref());
            }
        }
        let (used, unused): (HashSet<Target>, HashSet<Target>) =
            touched.into_iter().partition(|target| self.users.of(target).next().is_some());
        registry.track_some(&used, &unused, |target| {
            carried.get(target).copied().or_else(|| self.last_health.get(target))
        })
    }

    /// Notes from when on backends of these zones may be stopped, where a hand has taken them out of answers.
    fn note_taken_out_of(&self, origins: &HashSet<Name>) {
        let zones: Vec<String> = origins.iter().map(ToString::to_string).collect();
        let zones: HashSet<&str> = zones.iter().map(|zone| without_dot(zone)).collect();
        let overrides = self.shared.overrides.load();
        let own = overrides.iter().map(|set| &set.key).filter(|key| key.may_be_of(&zones));
        self.note_taken_out(&own.cloned().collect());
    }
}

impl Changed {
    /// Whether it hands out what it did before.
    fn has_same_pools(&self) -> bool {
        let (before, now) = (pools_of(self.before.as_deref()), pools_of(self.now.as_deref()));
        before.as_ptr_range() == now.as_ptr_range() || before == now
    }
}
