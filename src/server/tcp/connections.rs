//! Every open connection of every thread: who may have one more, and which one has to go.
//!
//! The table is behind one lock, which is taken when a connection opens and when it closes. In
//! between a connection only marks its own [`Activity`], one atomic, and the table finds out when
//! it has to choose: the order is by the activity that was last seen, which is never later than the
//! true one, so the first entry is the idlest as soon as it proves to be up to date.
//!
//! ```text
//!   seen   3 s  4 s  7 s  9 s        the first was active since, at 8 s: it goes behind the third
//!          ──▶  4 s  7 s  8 s  9 s   the first was not: it is the idlest
//! ```
//!
//! Each step of this is paid for by an activity, so a flood of new connections costs no more than the
//! queries that moved the others. There is no clock and no socket here: time comes in, and a
//! connection that has to go is marked and woken, and closes itself.
//!
//! | section | what we take from it | item |
//! |---|---|---|
//! | RFC 7766 §6.1, §10 | a limit on connections, in total and for one client | [`Connections::admit`] |
//! | RFC 7766 §6.2.3 | idle connections are closed, sooner when there is need | [`Connections::expire`], [`Connections::shed`] |

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::Limits;

/// Milliseconds since the listener started.
pub(super) type Millis = u64;

/// A client that has not taken a byte of its answers for this long counts as idle when room is
/// needed, so that clients who never read cannot fill the table.
pub(super) const STALL_GRACE: Millis = 2_000;

/// A connection that was seen answering is not looked at again for this long, which bounds the
/// work when all of them are: it may then pass for that much younger than it is.
const ANSWERING_RECHECK: Millis = 100;

/// The table of open connections.
pub(super) struct Connections {
    limits: Limits,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// By when each was last seen to be active, then by age.
    order: BTreeMap<(Millis, u64), Arc<Entry>>,
    clients: HashMap<Client, usize>,
    opened: u64,
}

/// What the table and the connection share.
struct Entry {
    id: u64,
    client: Client,
    activity: AtomicU64,
    /// Its place in the order; touched under the table's lock alone.
    seen: AtomicU64,
    /// How who serves it is woken, from its first turn on.
    waker: Mutex<Option<Waker>>,
}

/// What became of a new connection.
pub(super) enum Admission {
    /// It is in the table.
    Admitted {
        ticket: Ticket,
        /// Another one had to go for it.
        shed: bool,
    },
    /// Its client has as many as it may have, or all the others are in the middle of answering.
    Refused,
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default() })
    }

    /// How long a client may take until it has asked for something.
    pub(super) fn first_query(&self) -> Duration {
        self.limits.first_query
    }

    /// A place for one more connection.
    pub(super) fn admit(self: &Arc<Self>, client: IpAddr, now: Millis) -> Admission {
        let client = Client::from(client);
        let mut table = self.table();

        let of_client = table.clients.get(&client).copied().unwrap_or(0);
        if of_client >= self.limits.per_client {
            return Admission::Refused;
        }
        let victim = if table.order.len() < self.limits.connections {
            None
        } else {
            match table.take_idlest(now) {
                None => return Admission::Refused,
                victim => victim,
            }
        };
        let entry = table.insert(client, now);
        drop(table);

        if let Some(victim) = &victim {
            victim.wake();
        }
        let ticket = Ticket { connections: Arc::clone(self), entry };
        Admission::Admitted { ticket, shed: victim.is_some() }
    }

    /// Closes the connection that has been idle for longest; `false` where none is idle.
    pub(super) fn shed(&self, now: Millis) -> bool {
        let victim = self.table().take_idlest(now);
        victim.inspect(|victim| victim.wake()).is_some()
    }

    /// Closes what has been idle for longer than its limit, and says how many that were.
    pub(super) fn expire(&self, now: Millis) -> usize {
        let expired = self.table().take_expired(&self.limits, now);
        for entry in &expired {
            entry.wake();
        }
        expired.len()
    }

    /// Gives every connection a turn.
    pub(super) fn wake_all(&self) {
        // Not under the lock: who is woken may run, end and want the table.
        let entries: Vec<_> = self.table().order.values().map(Arc::clone).collect();
        for entry in entries {
            entry.wake();
        }
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.table().order.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, client: Client, now: Millis) -> Arc<Entry> {
        let id = self.opened;
        self.opened += 1;
        *self.clients.entry(client).or_default() += 1;
        let entry = Arc::new(Entry {
            id,
            client,
            activity: AtomicU64::new(Activity { at: now, phase: Phase::New }.into()),
            seen: AtomicU64::new(now),
            waker: Mutex::new(None),
        });
        self.order.insert((now, id), Arc::clone(&entry));
        entry
    }

    fn remove(&mut self, entry: &Entry) {
        if self.order.remove(&(entry.seen.load(Ordering::Relaxed), entry.id)).is_none() {
            return; // it was shed or expired, and left the table then
        }
        if let Some(open) = self.clients.get_mut(&entry.client) {
            *open -= 1;
            if *open == 0 {
                self.clients.remove(&entry.client);
            }
        }
    }

    /// Moves an entry to where its activity belongs.
    fn replace(&mut self, entry: &Arc<Entry>, at: Millis) {
        self.order.remove(&(entry.seen.load(Ordering::Relaxed), entry.id));
        entry.seen.store(at, Ordering::Relaxed);
        self.order.insert((at, entry.id), Arc::clone(entry));
    }

    fn take_idlest(&mut self, now: Millis) -> Option<Arc<Entry>> {
        loop {
            let (&(seen, _), entry) = self.order.first_key_value()?;
            if seen > now {
                return None; // from here on all are in the middle of answering
            }
            let entry = Arc::clone(entry);
            let activity = entry.activity();
            let active = match activity.idle_since(now) {
                Some(since) => since,
                None => now + ANSWERING_RECHECK,
            };
            if active > seen {
                self.replace(&entry, active);
            } else if entry.cut(activity) {
                self.remove(&entry);
                return Some(entry);
            }
        }
    }

    fn take_expired(&mut self, limits: &Limits, now: Millis) -> Vec<Arc<Entry>> {
        let millis = |limit: std::time::Duration| limit.as_millis() as Millis;
        let (first_query, idle) = (millis(limits.first_query), millis(limits.idle));
        let Some(oldest) = now.checked_sub(first_query.min(idle)) else { return Vec::new() };

        let old: Vec<_> =
            self.order.range(..=(oldest, u64::MAX)).map(|(_, entry)| Arc::clone(entry)).collect();
        let mut expired = Vec::new();
        for entry in old {
            let activity = entry.activity();
            let limit = if activity.phase == Phase::New { first_query } else { idle };
            if activity.at + limit <= now {
                if entry.cut(activity) {
                    self.remove(&entry);
                    expired.push(entry);
                }
            } else if activity.at > entry.seen.load(Ordering::Relaxed) {
                self.replace(&entry, activity.at);
            }
        }
        expired
    }
}

impl Entry {
    fn activity(&self) -> Activity {
        self.activity.load(Ordering::Acquire).into()
    }

    /// Tells the connection to close, unless it was active after `seen`.
    fn cut(&self, seen: Activity) -> bool {
        let cut = Activity { phase: Phase::Cut, ..seen };
        let (seen, cut) = (seen.into(), cut.into());
        self.activity.compare_exchange(seen, cut, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Has it looked at, which is when it hears what it was told.
    fn wake(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A connection's place in the table, given back when it is dropped.
pub(super) struct Ticket {
    connections: Arc<Connections>,
    entry: Arc<Entry>,
}

impl Ticket {
    /// Marks the connection active; `false` when it has to close instead.
    #[must_use]
    pub(super) fn mark(&self, phase: Phase, now: Millis) -> bool {
        let activity = &self.entry.activity;
        let seen = activity.load(Ordering::Acquire);
        if Activity::from(seen).phase == Phase::Cut {
            return false;
        }
        // The table's only change is to cut it.
        let next = Activity { at: now, phase }.into();
        activity.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The table that it is a place in.
    pub(super) fn table(&self) -> &Connections {
        &self.connections
    }

    /// It was shed or expired.
    pub(super) fn is_cut(&self) -> bool {
        self.entry.activity().phase == Phase::Cut
    }

    /// Remembers how who serves it is woken.
    pub(super) fn remember(&self, waker: &Waker) {
        let mut known = self.entry.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.connections.table().remove(&self.entry);
    }
}

/// When a connection was last active, and what it has been doing since.
///
/// Only whole queries and bytes of answers that the client took are activity, so a query that comes
/// byte by byte keeps no connection open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Activity {
    at: Millis,
    phase: Phase,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waiting for its first query.
    New,
    /// Waiting for another query.
    Idle,
    /// Between a query and the last byte of its answer.
    Answering,
    /// Told to close.
    Cut,
}

impl Activity {
    /// Since when it has been idle; `None` while it is in the middle of answering.
    fn idle_since(self, now: Millis) -> Option<Millis> {
        match self.phase {
            Phase::Answering if self.at + STALL_GRACE > now => None,
            _ => Some(self.at),
        }
    }
}

impl From<Activity> for u64 {
    fn from(Activity { at, phase }: Activity) -> Self {
        at << 2 | phase as u64
    }
}

impl From<u64> for Activity {
    fn from(bits: u64) -> Self {
        let phase = match bits & 3 {
            0 => Phase::New,
            1 => Phase::Idle,
            2 => Phase::Answering,
            _ => Phase::Cut,
        };
        Self { at: bits >> 2, phase }
    }
}

/// Whom a connection counts for: an IPv4 address, or the /64 of an IPv6 one, which is what a single
/// host can take its addresses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Client(u128);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.to_ipv6_mapped().to_bits()),
            IpAddr::V6(address) => Self(address.to_bits() & !u128::from(u64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests;
