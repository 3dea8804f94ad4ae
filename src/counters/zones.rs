//! Queries of one zone, by what became of them.
//!
//! Each thread has a row, which is one cache line, and is its only writer:
//!
//! ```text
//!   thread 0   noerror nodata nxdomain referral servfail other - -
//!   thread 1   noerror nodata nxdomain referral servfail other - -
//! ```
//!
//! The rows belong to the zone's name: they go on when its content changes.

use std::sync::atomic::Ordering;

use super::{Line, add};

/// What became of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// There was such a record.
    NoError,
    /// The name is there, but has no such record.
    NoData,
    /// There is no such name.
    NxDomain,
    /// The zone has given the name away.
    Referral,
    /// The zone is broken.
    ServFail,
    /// Anything else, such as a transfer that was refused.
    Other,
}

impl Class {
    /// Each with its label.
    pub const ALL: [(Class, &'static str); 6] = [
        (Class::NoError, "noerror"),
        (Class::NoData, "nodata"),
        (Class::NxDomain, "nxdomain"),
        (Class::Referral, "referral"),
        (Class::ServFail, "servfail"),
        (Class::Other, "other"),
    ];
}

/// The queries of one zone.
#[derive(Debug, Default)]
pub struct ZoneCounts(Box<[Line]>);

impl ZoneCounts {
    /// Counts for so many threads.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Line::default()).collect())
    }

    /// Counts a query. Only the thread of this index may call this; one that has no row is not counted.
    #[inline]
    pub fn add(&self, thread: usize, class: Class) {
        if let Some(row) = self.0.get(thread) {
            add(&row.0[class as usize], 1);
        }
    }

    /// The sum over all threads.
    #[must_use]
    pub fn total(&self, class: Class) -> u64 {
        self.0.iter().map(|row| row.0[class as usize].load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_cache_line_and_a_total_their_sum() {
        assert_eq!((size_of::<Line>(), align_of::<Line>()), (64, 64));
        let counts = ZoneCounts::new(2);
        for (thread, class) in
            [(0, Class::NoData), (1, Class::NoData), (1, Class::Other), (2, Class::Other)]
        {
            counts.add(thread, class);
        }
        let totals = Class::ALL.map(|(class, _)| counts.total(class));
        assert_eq!(totals, [0, 2, 0, 0, 0, 1]);
    }
}
