//! What happened lately, for those who watch: a stream, and the last of it for who comes late.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::{self, Receiver, Sender};

/// How many events are kept; a client that is further behind misses some.
pub const EVENTS_MAX: usize = 1024;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Counts up from 1 since the start.
    pub id: u64,
    /// When, in unix milliseconds.
    pub at: u64,
    /// What kind of thing.
    pub kind: Kind,
    /// Whom it is about: `ZONE/POOL/BACKEND`, `ZONE/POOL`, a zone, a prober.
    pub subject: String,
    /// What happened, for people; one line, no full stop.
    pub message: String,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A backend changed side.
    Backend,
    /// A pool began or ceased to guess.
    Pool,
    /// A hand set or removed something, or its time was over.
    Override,
    /// A zone came, changed or went.
    Zone,
    /// Files were read again.
    Reload,
    /// A prober was heard first, lost, or heard again.
    Prober,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Pool => "pool",
            Self::Override => "override",
            Self::Zone => "zone",
            Self::Reload => "reload",
            Self::Prober => "prober",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happened since the start, as far as it is kept.
#[derive(Debug)]
pub struct Events {
    ring: Mutex<Ring>,
    stream: Sender<Arc<Event>>,
}

#[derive(Debug)]
struct Ring {
    next: u64,
    last: VecDeque<Arc<Event>>,
}

impl Default for Events {
    fn default() -> Self {
        let ring = Mutex::new(Ring { next: 1, last: VecDeque::new() });
        Self { ring, stream: broadcast::channel(EVENTS_MAX).0 }
    }
}

impl Events {
    /// Tells everybody. `at` is in unix milliseconds.
    pub fn tell(
        &self,
        at: u64,
        kind: Kind,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) {
        let mut ring = self.lock();
        let (subject, message) = (subject.into(), message.into());
        let event = Arc::new(Event { id: ring.next, at, kind, subject, message });
        ring.next += 1;
        if ring.last.len() >= EVENTS_MAX {
            ring.last.pop_front();
        }
        ring.last.push_back(Arc::clone(&event));
        // Under the lock, so that the stream has the order of the numbers. Nobody listens most of the time.
        let _ = self.stream.send(event);
    }

    /// The stream from now on, and what came before it that is kept: all after the event `after`, or nothing
    /// without one. A number of before a restart is greater than any here, and means all.
    #[must_use]
    pub fn subscribe(&self, after: Option<u64>) -> (Vec<Arc<Event>>, Receiver<Arc<Event>>) {
        let ring = self.lock();
        let after = match after {
            Some(after) if after < ring.next => after,
            Some(_) => 0,
            None => u64::MAX,
        };
        let missed = ring.last.iter().filter(|event| event.id > after).cloned().collect();
        (missed, self.stream.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_late_hears_what_is_kept() {
        let events = Events::default();
        for at in 1..=(EVENTS_MAX as u64 + 10) {
            events.tell(at, Kind::Backend, "z/p/b", "up");
        }
        let last = EVENTS_MAX as u64 + 10;
        for (after, first, count) in [
            (None, None, 0),
            (Some(last), None, 0),
            (Some(last - 2), Some(last - 1), 2),
            (Some(0), Some(11), EVENTS_MAX),
            // Of another run of the server.
            (Some(999_999), Some(11), EVENTS_MAX),
        ] {
            let (missed, _) = events.subscribe(after);
            let found = (missed.first().map(|event| event.id), missed.len());
            assert_eq!(found, (first, count), "after {after:?}");
        }
    }

    #[test]
    fn the_stream_goes_on_where_the_past_ends() {
        let events = Events::default();
        events.tell(1, Kind::Pool, "z/p", "a");
        let (missed, mut stream) = events.subscribe(Some(0));
        events.tell(2, Kind::Pool, "z/p", "b");
        let next = stream.try_recv().expect("there is one");
        assert_eq!((missed[0].id, next.id), (1, 2));
    }
}
