//! Whether more comes than is answered, told by batches alone.
//!
//! A long queue saves what comes in a pause. While it only ever grows it saves nothing, and each query of it is late and has left
//! the caches when its turn comes, which makes an answer cost twice as much. So then the queue is short.

use super::{RECEIVE_BUFFER, WAITING_MAX};
use crate::sys::batch::BATCH;

/// What a socket may hold while more comes than is answered: a few hundred queries, which the caches still have when they are read.
pub(super) const RECEIVE_BUFFER_SHORT: usize = 104 << 10;
/// After so many full batches in a row more has been read than ever waits after a pause: more comes than is answered.
const FULL_MAX: u64 = (WAITING_MAX / BATCH) as u64;

/// What the batches of one worker say.
#[derive(Default)]
pub(super) struct Pressure {
    full: u64,
}

impl Pressure {
    /// Takes in a batch; what the socket shall hold from now on, where that changes.
    #[inline]
    pub(super) fn after(&mut self, count: usize) -> Option<usize> {
        let was_high = self.full >= FULL_MAX;
        self.full = if count == BATCH { self.full + 1 } else { 0 };
        match (was_high, self.full >= FULL_MAX) {
            (false, true) => Some(RECEIVE_BUFFER_SHORT),
            (true, false) => Some(RECEIVE_BUFFER),
            _ => None,
        }
    }

    /// How many batches were full, one after the other, up to the last one.
    #[inline]
    pub(super) fn full(&self) -> u64 {
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_short_while_more_comes_than_is_answered() {
        let mut pressure = Pressure::default();
        // All that can wait after a pause.
        for _ in 1..WAITING_MAX / BATCH {
            assert_eq!(pressure.after(BATCH), None);
        }
        assert_eq!(pressure.after(BATCH - 1), None, "the pause is over");
        for full in 1..FULL_MAX {
            assert_eq!(pressure.after(BATCH), None);
            assert_eq!(pressure.full(), full);
        }
        assert_eq!(pressure.after(BATCH), Some(RECEIVE_BUFFER_SHORT));
        for _ in 0..10 * FULL_MAX {
            assert_eq!(pressure.after(BATCH), None);
        }
        assert_eq!(pressure.full(), 11 * FULL_MAX);
        assert_eq!(pressure.after(1), Some(RECEIVE_BUFFER));
        assert_eq!(pressure.after(1), None);
        assert_eq!(pressure.full(), 0);
    }
}
