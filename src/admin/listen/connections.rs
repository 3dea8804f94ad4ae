//! Which connections there are, and who has to go when there are too many.
//!
//! ```text
//! a new connection comes             and there is room      and there is none
//! from this machine                  it is taken            the one idle for longest goes, strangers' first
//! from elsewhere                     it is taken            the stranger's idle for longest goes
//! ... and none is idle                                      it is closed at once
//! ```
//!
//! A few places are for this machine alone, so that no flood from outside locks its operator out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The most connections at once.
pub const CONNECTIONS_MAX: usize = 256;
/// How many of them are for this machine alone.
pub const LOCAL_RESERVED: usize = 32;

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Somewhere else.
    Elsewhere,
    /// On this machine.
    Here,
}

/// All connections.
#[derive(Debug, Default)]
pub struct Connections(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    /// Since when nothing is being done for it; `None` while something is.
    idle: Option<Instant>,
    cut: Arc<Notify>,
}

impl Connections {
    /// Takes a connection in; `None` where there is no room and none that could make some.
    pub fn admit(self: &Arc<Self>, place: Place, now: Instant) -> Option<Ticket> {
        let mut table = self.lock();
        if table.is_full(place) && !table.shed(place) {
            return None;
        }
        let id = table.next;
        table.next += 1;
        let cut = Arc::new(Notify::new());
        table.open.insert(id, Entry { place, idle: Some(now), cut: Arc::clone(&cut) });
        Some(Ticket { connections: Arc::clone(self), id, cut })
    }

    /// Closes the connection that was idle for longest, for want of file descriptors.
    pub fn shed(&self) -> bool {
        self.lock().shed(Place::Here)
    }

    /// Closes all connections that nothing is done for, as the server ends.
    pub fn close_idle(&self) {
        let mut table = self.lock();
        while table.shed(Place::Here) {}
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().open.is_empty()
    }

    // Nothing panics while it holds the table.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_idle(&self, id: u64, idle: Option<Instant>) {
        let mut table = self.lock();
        if let Some(entry) = table.open.get_mut(&id) {
            entry.idle = idle;
        }
    }
}

impl Table {
    fn is_full(&self, place: Place) -> bool {
        let elsewhere =
            || self.open.values().filter(|entry| entry.place == Place::Elsewhere).count();
        self.open.len() >= CONNECTIONS_MAX
            || place == Place::Elsewhere && elsewhere() >= CONNECTIONS_MAX - LOCAL_RESERVED
    }

    /// Cuts the connection that was idle for longest, and forgets it at once.
    fn shed(&mut self, place: Place) -> bool {
        let idle = self.open.iter().filter(|(_, entry)| entry.place <= place);
        let idle = idle.filter_map(|(id, entry)| Some((entry.place, entry.idle?, *id)));
        let Some((_, _, id)) = idle.min() else { return false };
        if let Some(entry) = self.open.remove(&id) {
            entry.cut.notify_one();
        }
        true
    }
}

/// The place of one connection; it is free again when this is dropped.
#[derive(Debug)]
pub struct Ticket {
    connections: Arc<Connections>,
    id: u64,
    cut: Arc<Notify>,
}

impl Ticket {
    /// Returns when the connection has to go.
    pub async fn cut(&self) {
        self.cut.notified().await;
    }

    /// Something is done for the connection until the guard is dropped.
    #[must_use]
    pub fn work(self: &Arc<Self>) -> Work {
        self.connections.set_idle(self.id, None);
        Work(Arc::clone(self))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        table.open.remove(&self.id);
    }
}

/// Something that is done for a connection.
#[derive(Debug)]
pub struct Work(Arc<Ticket>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.connections.set_idle(self.0.id, Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn is_cut(ticket: &Ticket) -> bool {
        let table = ticket.connections.lock();
        !table.open.contains_key(&ticket.id)
    }

    fn fill(connections: &Arc<Connections>, place: Place, count: usize) -> Vec<Arc<Ticket>> {
        let start = Instant::now();
        let admit = |n: usize| connections.admit(place, start + Duration::from_secs(n as u64));
        (0..count).map(|n| Arc::new(admit(n).expect("there is room"))).collect()
    }

    #[test]
    fn the_one_idle_for_longest_makes_room() {
        let connections = Arc::new(Connections::default());
        let strangers = CONNECTIONS_MAX - LOCAL_RESERVED;
        let tickets = fill(&connections, Place::Elsewhere, strangers);
        let _busy = tickets[0].work();
        let one_more = connections.admit(Place::Elsewhere, Instant::now());
        assert!(one_more.is_some());
        let cut: Vec<usize> = (0..strangers).filter(|&n| is_cut(&tickets[n])).collect();
        assert_eq!(cut, [1]);
    }

    #[test]
    fn strangers_that_are_all_busy_leave_room_for_this_machine() {
        let connections = Arc::new(Connections::default());
        let tickets = fill(&connections, Place::Elsewhere, CONNECTIONS_MAX - LOCAL_RESERVED);
        let _busy: Vec<Work> = tickets.iter().map(Ticket::work).collect();
        assert!(connections.admit(Place::Elsewhere, Instant::now()).is_none());
        let here = fill(&connections, Place::Here, LOCAL_RESERVED);
        let _busy: Vec<Work> = here.iter().map(Ticket::work).collect();
        assert!(connections.admit(Place::Here, Instant::now()).is_none());
        drop(here);
    }

    #[test]
    fn a_stranger_goes_before_somebody_on_this_machine() {
        let connections = Arc::new(Connections::default());
        let here = fill(&connections, Place::Here, CONNECTIONS_MAX - 1);
        let later = Instant::now() + Duration::from_secs(10_000);
        let stranger = connections.admit(Place::Elsewhere, later).expect("there is room");
        assert!(connections.admit(Place::Elsewhere, later).is_some());
        assert!(is_cut(&stranger) && !here.iter().any(|ticket| is_cut(ticket)));
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let connections = Arc::new(Connections::default());
        for _ in 0..3 {
            let all = fill(&connections, Place::Here, CONNECTIONS_MAX);
            assert!(!all.iter().any(|ticket| is_cut(ticket)));
        }
    }
}
