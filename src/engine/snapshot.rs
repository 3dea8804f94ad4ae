//! Everything that answers come from, at one moment: swapped whole, never changed.
//!
//! Snapshots share structure. Zones, and the pools of a zone, stand in lists of chunks, so a change of
//! one costs a chunk and the short list of chunks, however many there are:
//!
//! ```text
//!   Snapshot ─▶ catalog
//!            ├▶ chunks ─▶ 64 zones ─▶ Zone: names, RRsets
//!            │                     └▶ chunks ─▶ 64 pools ─▶ Ready: what may be handed out now
//!            ├▶ chunks ─▶ 64 zones ─▶ ZoneCounts: what became of their queries
//!            └▶ Settings: what the operator sets beside zones
//! ```

use std::sync::Arc;

use super::choose::ready::Ready;
use super::settings::Settings;
use crate::counters::zones::ZoneCounts;
use crate::name::Name;
use crate::zone::Zone;
use crate::zone::catalog::Catalog;

/// How many items stand in one chunk.
const CHUNK: usize = 64;

/// A list that is changed by copying a small part of it.
#[derive(Clone, Debug)]
pub struct Chunks<T>(Arc<[Arc<[T]>]>);

impl<T: Clone> Chunks<T> {
    /// A list of these items.
    pub fn new(items: impl IntoIterator<Item = T>) -> Self {
        let items: Vec<T> = items.into_iter().collect();
        Self(items.chunks(CHUNK).map(Arc::from).collect())
    }

    /// The item at a place.
    #[inline]
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&T> {
        self.0.get(place / CHUNK)?.get(place % CHUNK)
    }

    /// The list with another item at a place that exists.
    #[must_use]
    pub fn with(&self, place: usize, item: T) -> Self {
        let chunk = replaced(&self.0[place / CHUNK], place % CHUNK, item);
        Self(replaced(&self.0, place / CHUNK, chunk))
    }

    /// All items in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|chunk| chunk.iter())
    }
}

/// A list with another item at a place that exists.
fn replaced<T: Clone>(list: &[T], place: usize, item: T) -> Arc<[T]> {
    let (before, behind) = (&list[..place], &list[place + 1..]);
    before.iter().cloned().chain([item]).chain(behind.iter().cloned()).collect()
}

/// Everything that answers come from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    catalog: Arc<Catalog>,
    zones: Chunks<View>,
    counts: Chunks<Arc<ZoneCounts>>,
    settings: Arc<Settings>,
}

impl Snapshot {
    /// A snapshot of these zones; `Err` names an apex that is there twice.
    pub fn new(views: Vec<View>) -> Result<Self, Name> {
        let apexes = views.iter().map(|view| view.origin().clone()).collect();
        let catalog = Arc::new(Catalog::new(apexes)?);
        let settings = Arc::default();
        Ok(Self { catalog, zones: Chunks::new(views), counts: Chunks::new([]), settings })
    }

    /// The same with what the operator sets.
    #[must_use]
    pub fn with_settings(self, settings: Arc<Settings>) -> Self {
        Self { settings, ..self }
    }

    /// What the operator sets.
    #[inline]
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The same, the queries of its zones counted here; one for each zone, in their order.
    #[must_use]
    pub fn counting(self, counts: impl IntoIterator<Item = Arc<ZoneCounts>>) -> Self {
        Self { counts: Chunks::new(counts), ..self }
    }

    /// Where the queries of the zone at a place are counted; a snapshot that is only looked at counts none.
    #[inline]
    #[must_use]
    pub fn counts(&self, place: u32) -> Option<&Arc<ZoneCounts>> {
        self.counts.get(place as usize)
    }

    /// Which zone answers.
    #[inline]
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The zone at a place.
    #[inline]
    #[must_use]
    pub fn zone(&self, place: u32) -> Option<&View> {
        self.zones.get(place as usize)
    }

    /// All zones.
    pub fn zones(&self) -> impl Iterator<Item = &View> {
        self.zones.iter()
    }

    /// The snapshot with another state of the zone at a place that exists; its apex is the same.
    #[must_use]
    pub fn with_zone(&self, place: usize, view: View) -> Self {
        Self { zones: self.zones.with(place, view), ..self.clone() }
    }
}

/// One zone as it answers now.
#[derive(Clone, Debug)]
pub enum View {
    /// It is served.
    Served {
        /// The names and RRsets.
        zone: Arc<Zone>,
        /// What each of its pools may hand out, by the pool's place.
        ready: Chunks<Arc<Ready>>,
    },
    /// Its file could not be read, or it has not come from its primaries yet, and there is no earlier version: SERVFAIL.
    Broken(Name),
    /// It came from elsewhere, and has expired: SERVFAIL.
    Expired(Name),
}

impl View {
    /// The zone, where it is served.
    #[must_use]
    pub fn zone(&self) -> Option<&Arc<Zone>> {
        match self {
            Self::Served { zone, .. } => Some(zone),
            Self::Broken(_) | Self::Expired(_) => None,
        }
    }

    /// The apex.
    #[must_use]
    pub fn origin(&self) -> &Name {
        match self {
            Self::Served { zone, .. } => &zone.origin,
            Self::Broken(origin) | Self::Expired(origin) => origin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_list_shares_what_did_not_change() {
        let before = Chunks::new((0..200).map(Arc::new));
        let after = before.with(70, Arc::new(7));
        assert_eq!(before.get(70).map(|item| **item), Some(70));
        assert_eq!(after.get(70).map(|item| **item), Some(7));
        assert_eq!(after.get(200), None);
        assert!(Arc::ptr_eq(&before.0[0], &after.0[0]));
        assert!(!Arc::ptr_eq(&before.0[1], &after.0[1]));
        assert_eq!(after.iter().count(), 200);
    }
}
