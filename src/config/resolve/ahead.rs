//! Names that have nothing but values, read side by side: very many names make up most of a large file.
//!
//! ```text
//!   AHEAD names a thread ──read here, each by itself──▶ owners ──one after the other──▶ Records
//! ```
//!
//! Whatever has a pool, and whatever has a mistake or a warning, is left to be read in its turn: so all that is told is told
//! as if there were no threads.

use std::num::NonZeroUsize;

use super::records::{Ground, add_set, owner, owner_name};
use crate::config::error::Mistakes;
use crate::config::node::Node;
use crate::config::rules::Owner;
use crate::config::side_by_side::side_by_side;
use crate::config::spec::{self, RecordSpec};

/// How many names a thread reads ahead of those that are taken in.
pub(super) const AHEAD: usize = 1 << 15;
/// The fewest names that are worth a thread.
const FEWEST: usize = 1 << 10;

/// Under a name: what it has.
type Record<'n> = (Node<'n>, Node<'n>);

/// The owners of these records, in their order and in parts of it; `None` for one that has to be read in its turn.
pub(super) fn owners(
    records: &[Record<'_>],
    ground: Ground<'_>,
    threads: NonZeroUsize,
    mistakes: &Mistakes<'_>,
) -> Vec<Vec<Option<Owner>>> {
    let threads = threads.get().min(records.len() / FEWEST).max(1);
    let read = |part: &[Record<'_>]| {
        let mut told = mistakes.without_any();
        let mut one = |record: &Record<'_>| {
            let owner = alone(record, ground, &mut told);
            if told.is_empty() {
                return owner;
            }
            told = mistakes.without_any();
            None
        };
        part.iter().map(&mut one).collect::<Vec<_>>()
    };
    let parts: Vec<_> = records.chunks(records.len().div_ceil(threads).max(1)).collect();
    side_by_side(&parts, read)
}

/// The owner that a record makes by itself; what is wrong with it is told.
fn alone(
    (key, node): &Record<'_>,
    ground: Ground<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Owner> {
    let key = key.scalar()?;
    let record = spec::record(key, node, ground.file, mistakes);
    let RecordSpec { pool: None, alias: None, sets, .. } = record else { return None };
    if sets.iter().any(|set| set.made.is_some()) {
        return None;
    }
    let mut owner = owner(owner_name(key, ground.origin, mistakes)?, key.span);
    for set in sets {
        add_set(&mut owner, set, ground, mistakes);
    }
    Some(owner)
}
