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
    /// How its task is woken, from its first turn on.
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
        // Not under the lock: a task that is woken may run, end and want the table.
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

    /// Gives its task a turn, in which it sees what it was told.
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

    /// It was shed or expired.
    pub(super) fn is_cut(&self) -> bool {
        self.entry.activity().phase == Phase::Cut
    }

    /// Remembers how its task is woken.
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
mod tests {
    use std::time::Duration;

    use super::*;

    fn table(connections: usize, per_client: usize) -> Arc<Connections> {
        let seconds = Duration::from_secs;
        let (first_query, idle) = (seconds(10), seconds(30));
        Connections::new(Limits { connections, per_client, first_query, idle })
    }

    fn client(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn open(connections: &Arc<Connections>, from: IpAddr, now: Millis) -> Ticket {
        match connections.admit(from, now) {
            Admission::Admitted { ticket, .. } => ticket,
            Admission::Refused => panic!("{from} was refused"),
        }
    }

    fn is_refused(connections: &Arc<Connections>, from: IpAddr, now: Millis) -> bool {
        matches!(connections.admit(from, now), Admission::Refused)
    }

    /// Which of these were told to close.
    fn cut(tickets: &[Ticket]) -> Vec<usize> {
        (0..tickets.len()).filter(|&n| tickets[n].is_cut()).collect()
    }

    #[test]
    fn rfc7766_6_1_the_newest_of_a_client_over_its_cap_is_refused() {
        let connections = table(10, 2);
        let first = open(&connections, client(1), 0);
        let _second = open(&connections, client(1), 0);
        assert!(is_refused(&connections, client(1), 0));
        let _other = open(&connections, client(2), 0);
        drop(first);
        let _third = open(&connections, client(1), 0);
        assert!(is_refused(&connections, client(1), 0));
    }

    #[test]
    fn an_ipv6_client_counts_by_its_64() {
        let connections = table(10, 1);
        let address = |text: &str| text.parse().expect("an address");
        let _one = open(&connections, address("2001:db8:0:1::1"), 0);
        assert!(is_refused(&connections, address("2001:db8:0:1:ffff::2"), 0));
        let _other = open(&connections, address("2001:db8:0:2::1"), 0);
        let _v4 = open(&connections, address("192.0.2.1"), 0);
        assert!(is_refused(&connections, address("::ffff:192.0.2.1"), 0));
    }

    #[test]
    fn over_the_cap_the_one_longest_idle_is_shed() {
        let connections = table(3, 3);
        let tickets: Vec<_> = (0..3).map(|n| open(&connections, client(1), n)).collect();
        assert!(tickets[0].mark(Phase::Idle, 8));
        assert!(tickets[1].mark(Phase::Idle, 5));
        assert!(tickets[2].mark(Phase::Idle, 7));
        for (n, expected) in [(10, vec![1]), (11, vec![1, 2]), (12, vec![0, 1, 2])] {
            let Admission::Admitted { ticket, shed: true } = connections.admit(client(n), 9) else {
                panic!("one is shed for each");
            };
            assert!(ticket.mark(Phase::Idle, 100));
            std::mem::forget(ticket); // stays open
            assert_eq!(cut(&tickets), expected);
        }
        assert_eq!(connections.len(), 3);
    }

    #[test]
    fn what_was_shed_is_not_counted_for_its_client() {
        let connections = table(1, 1);
        let first = open(&connections, client(1), 0);
        let second = open(&connections, client(2), 1);
        assert!(first.is_cut());
        let _third = open(&connections, client(1), 2);
        assert!(second.is_cut());
        drop((first, second));
        assert_eq!(connections.len(), 1);
        assert!(is_refused(&connections, client(1), 3));
    }

    #[test]
    fn a_connection_in_the_middle_of_answering_is_not_idle() {
        let connections = table(2, 9);
        let answering = open(&connections, client(1), 0);
        let idle = open(&connections, client(1), 1);
        assert!(answering.mark(Phase::Answering, 2));
        assert!(connections.shed(3));
        assert!(idle.is_cut() && !answering.is_cut());

        assert!(!connections.shed(4), "nothing is idle");
        let _room = open(&connections, client(2), 5);
        assert!(answering.mark(Phase::Idle, 6));
        assert!(connections.shed(500));
    }

    #[test]
    fn when_all_are_answering_the_newest_is_refused() {
        let connections = table(1, 9);
        let answering = open(&connections, client(1), 0);
        assert!(answering.mark(Phase::Answering, 0));
        assert!(is_refused(&connections, client(2), 1));
        // A client that has long not read its answers is not waited for.
        let _next = open(&connections, client(2), STALL_GRACE);
        assert!(answering.is_cut());
    }

    #[test]
    fn rfc7766_6_2_3_idle_connections_expire() {
        let connections = table(9, 9);
        // Opened at 0; asked its only query at that second; closed at the next full second.
        let rows = [(None, 10), (Some(1), 31), (Some(9), 39)];
        let tickets: Vec<_> = rows.iter().map(|_| open(&connections, client(1), 0)).collect();
        let mut closed = vec![None; rows.len()];
        for second in 0..60 {
            for (ticket, (asked, _)) in tickets.iter().zip(rows) {
                if asked == Some(second) {
                    assert!(ticket.mark(Phase::Idle, second * 1_000));
                }
            }
            connections.expire(second * 1_000);
            for (ticket, closed) in tickets.iter().zip(&mut closed) {
                if ticket.is_cut() {
                    closed.get_or_insert(second);
                }
            }
        }
        assert_eq!(closed, rows.map(|(_, expected)| Some(expected)));
        assert_eq!(connections.len(), 0);
    }

    #[test]
    fn a_connection_that_was_cut_stays_cut() {
        let connections = table(9, 9);
        let ticket = open(&connections, client(1), 0);
        assert!(connections.shed(1));
        assert!(!ticket.mark(Phase::Answering, 2));
        assert!(ticket.is_cut());
    }

    proptest::proptest! {
        #[test]
        fn shedding_follows_the_order_of_last_activity(
            active in proptest::collection::vec((0_usize..8, proptest::bool::ANY), 0..64)
        ) {
            let connections = table(8, 8);
            let tickets: Vec<_> = (0..8).map(|_| open(&connections, client(1), 0)).collect();
            let mut last: Vec<(Millis, usize)> = (0..8).map(|n| (0, n)).collect();
            let mut open: Vec<usize> = (0..8).collect();
            for (now, (n, sheds)) in (1..).zip(active) {
                if tickets[n].mark(Phase::Idle, now) {
                    last[n].0 = now;
                }
                if sheds && let Some(&idlest) = open.iter().min_by_key(|&&n| last[n]) {
                    proptest::prop_assert!(connections.shed(now));
                    open.retain(|&n| n != idlest);
                    proptest::prop_assert!(tickets[idlest].is_cut());
                    proptest::prop_assert_eq!(connections.len(), open.len());
                }
            }
        }
    }
}
