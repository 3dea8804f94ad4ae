//! Stage: how many records an answer has.

use crate::config::model::Pool;
use crate::engine::plan::List;

/// The most records of a list in one answer.
pub(super) fn most(pool: &Pool, list: List) -> usize {
    match list {
        List::Addresses(_) => usize::from(pool.answers.get()),
        // A name has one CNAME (RFC 2181 §10.1).
        List::Targets | List::Made(_) => 1,
    }
}
