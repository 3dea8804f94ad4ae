//! The tables by which clients keep their backends, which go on from one version of a pool to the next.
//!
//! To fill one takes far longer than all else that is made of a pool, and most changes leave it as it is: another TTL, another
//! version of the file. A backend that comes or goes, or another weight of one, leaves most of it ([`hash::after`]). A list of A and one of
//! AAAA that have the same backends share one.

use std::sync::Arc;

use super::hash;
use super::hash::after::{Before, rows_after};

/// The tables of one version of a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables(Vec<Arc<Table>>);

/// What a table follows from, and whom each of its rows has.
#[derive(Debug, PartialEq, Eq)]
struct Table {
    of: Of,
    places: Arc<[u16]>,
}

/// What a table follows from: see [`hash::rows_within`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Of {
    pub(super) backends: Vec<(u64, u32)>,
    pub(super) groups: Vec<Option<u64>>,
    pub(super) answers: usize,
    pub(super) most: usize,
    pub(super) full: usize,
}

/// The tables of a version that is being made.
#[derive(Default)]
pub(super) struct Making<'b> {
    before: &'b [Arc<Table>],
    now: Tables,
}

impl<'b> Making<'b> {
    /// With those of the version before.
    pub(super) fn after(before: &'b Tables) -> Self {
        Self { before: &before.0, now: Tables::default() }
    }

    /// The table of these.
    pub(super) fn places(&mut self, of: Of) -> Arc<[u16]> {
        if let Some(known) = self.now.0.iter().find(|table| table.of == of) {
            return Arc::clone(&known.places);
        }
        let known = self.before.iter().find(|table| table.of == of).cloned();
        let table = known.unwrap_or_else(|| {
            let Of { backends, groups, answers, most, full } = &of;
            let places = self.going_on(&of);
            let anew = || hash::rows_within(backends, groups, *answers, *most, *full);
            let places = places.unwrap_or_else(anew).into();
            Arc::new(Table { of, places })
        });
        let places = Arc::clone(&table.places);
        self.now.0.push(table);
        places
    }

    /// The places after the table that is most like it, where one is like it at all.
    fn going_on(&self, of: &Of) -> Option<Box<[u16]>> {
        let is_plain = |of: &Of| of.groups.iter().all(Option::is_none);
        let size = |of: &Of| (of.answers, of.most, of.full);
        let alike = self
            .before
            .iter()
            .filter(|table| is_plain(of) && is_plain(&table.of) && size(&table.of) == size(of));
        let common = |table: &&Arc<Table>| {
            table.of.backends.iter().filter(|own| of.backends.contains(own)).count()
        };
        let Table { of: known, places } = &**alike.max_by_key(common)?;
        let before = Before { backends: &known.backends, rows: places };
        rows_after(before, &of.backends, of.answers, of.most, of.full)
    }

    /// Those that were asked for.
    pub(super) fn done(self) -> Tables {
        self.now
    }
}
