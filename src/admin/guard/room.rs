//! How much memory answers may take while their clients have not read them.
//!
//! A client that asks for much and reads nothing is closed after some seconds; until then each of its answers waits
//! in memory. Many such clients together get no further answer of size, and are told to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;

/// The most bytes of all answers that wait. One that is larger by itself is given when no other waits.
pub const WAITING_MAX: usize = 128 * 1024 * 1024;
/// An answer of so many bytes is given whatever else waits: as many as there are connections are no matter.
pub const SMALL: usize = 64 * 1024;

/// The memory of answers that wait.
#[derive(Debug, Default)]
pub struct Room(AtomicUsize);

impl Room {
    /// Room for an answer, which is free again when the last of its bytes is gone; `None` where there is none left.
    pub fn take(self: &Arc<Self>, bytes: usize) -> Option<Arc<Taken>> {
        let counted = if bytes <= SMALL { 0 } else { bytes };
        let fits = |taken: usize| {
            let total = taken.saturating_add(counted);
            (counted == 0 || taken == 0 || total <= WAITING_MAX).then_some(total)
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Arc::new(Taken { room: Arc::clone(self), bytes: counted }))
    }
}

/// The part of the room that one answer has.
#[derive(Debug)]
pub struct Taken {
    room: Arc<Room>,
    bytes: usize,
}

impl Taken {
    /// These bytes, which keep the room for as long as anybody has them.
    #[must_use]
    pub fn hold(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Owner { bytes, _taken: Arc::clone(self) })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

struct Owner {
    bytes: Bytes,
    _taken: Arc<Taken>,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_answers_wait_for_room_and_small_ones_do_not() {
        let room = Arc::new(Room::default());
        let half = WAITING_MAX / 2;
        let (first, second) = (room.take(half), room.take(half));
        assert!(first.is_some() && second.is_some());
        assert!(room.take(SMALL + 1).is_none());
        assert!(room.take(SMALL).is_some());
        drop(first);
        assert!(room.take(SMALL + 1).is_some());
    }

    #[test]
    fn one_that_is_larger_than_all_room_is_given_alone() {
        let room = Arc::new(Room::default());
        let huge = room.take(2 * WAITING_MAX);
        assert!(huge.is_some());
        assert!(room.take(SMALL + 1).is_none());
        drop(huge);
        assert!(room.take(SMALL + 1).is_some());
    }

    #[test]
    fn room_is_taken_until_the_last_byte_is_gone() {
        let room = Arc::new(Room::default());
        let taken = room.take(WAITING_MAX).expect("it is empty");
        let bytes = taken.hold(Bytes::from_static(b"answer"));
        drop(taken);
        let rest = bytes.slice(3..);
        drop(bytes);
        assert!(room.take(SMALL + 1).is_none());
        assert_eq!(&rest[..], b"wer");
        drop(rest);
        assert!(room.take(SMALL + 1).is_some());
    }
}
