//! The tables by which clients keep their backends, which go on from one version of a pool to the next.
//!
//! To fill one takes far longer than all else that is made of a pool, and most changes leave it as it is: another TTL, another
//! version of the file. A list of A and one of AAAA that have the same backends share one.

use std::sync::Arc;

use super::hash;

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
            let places = hash::rows_within(backends, groups, *answers, *most, *full).into();
            Arc::new(Table { of, places })
        });
        let places = Arc::clone(&table.places);
        self.now.0.push(table);
        places
    }

    /// Those that were asked for.
    pub(super) fn done(self) -> Tables {
        self.now
    }
}
