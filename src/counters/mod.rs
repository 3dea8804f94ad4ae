//! Every counter, and the name it is exported under.
//!
//! Each thread that serves has a [`Counters`] of its own, padded so that no two share a cache line,
//! and is its only writer: counting is a plain load, add and store. Who reads sums over all of them.
//!
//! ```text
//!   thread 0 ─▶ Counters ─┐   and by the thread's index, a row each in
//!   thread 1 ─▶ Counters ─┼─▶ AllCounters         zones::ZoneCounts   one a zone
//!   thread 2 ─▶ Counters ─┘    sums them          handed::Tally       one a version of a pool
//! ```

pub mod handed;
pub mod zones;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Declares the counters once: the name of a family and its meaning; of each counter in it, its labels.
macro_rules! counters {
    ($($name:literal $help:literal { $($variant:ident $labels:literal,)* })*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter {
            $($(#[doc = concat!($help, ": ", $labels)] $variant,)*)*
        }

        /// All counters, by the name that they are exported under.
        pub const FAMILIES: &[Family] = &[$(Family {
            name: $name,
            help: $help,
            counters: &[$((Counter::$variant, $labels),)*],
        },)*];

        const COUNT: usize = [$($(Counter::$variant,)*)*].len();
    };
}

/// Counters that are exported under one name.
pub struct Family {
    /// Without the prefix that all names have, and without `_total`.
    pub name: &'static str,
    /// What they count, for people.
    pub help: &'static str,
    /// Each with its labels, as the text formats write them.
    pub counters: &'static [(Counter, &'static str)],
}

counters! {
    "messages_received" "Messages received, whatever they hold" {
        UdpQueries r#"transport="udp""#,
        TcpQueries r#"transport="tcp""#,
    }
    "messages_sent" "Answers that the kernel took" {
        UdpAnswers r#"transport="udp""#,
        TcpAnswers r#"transport="tcp""#,
    }
    "messages_dropped" "Messages that earned no answer, and answers that the kernel did not take" {
        UdpResponse r#"transport="udp",reason="response""#,
        UdpShort r#"transport="udp",reason="short""#,
        UdpPortZero r#"transport="udp",reason="port_zero""#,
        UdpSendFailed r#"transport="udp",reason="send_failed""#,
        TcpResponse r#"transport="tcp",reason="response""#,
        TcpShort r#"transport="tcp",reason="short""#,
    }
    "answers_truncated" "Answers with TC set, which are asked for again over TCP" {
        UdpTruncated r#"transport="udp""#,
    }
    "udp_worker_panics" "UDP workers that a query made panic; each lost its batch and served on" {
        UdpPanics "",
    }
    "tcp_connections_accepted" "Connections accepted" {
        TcpConnections "",
    }
    "tcp_connections_closed" "Connections that the server closed: idle ones to make room, those of a client that had too many, those past the idle limit" {
        TcpShed r#"reason="shed""#,
        TcpRefused r#"reason="client_limit""#,
        TcpIdle r#"reason="idle""#,
    }
    "dynamic_updates" "Dynamic updates that were allowed, by what became of them" {
        UpdatesMade r#"outcome="made""#,
        UpdatesUnchanged r#"outcome="unchanged""#,
        UpdatesRefused r#"outcome="refused""#,
        UpdatesFailed r#"outcome="failed""#,
    }
    "requests_denied" "Transfers, updates and notifies that no access list allows" {
        DeniedTransfers r#"kind="transfer""#,
        DeniedUpdates r#"kind="update""#,
        DeniedNotifies r#"kind="notify""#,
    }
    "notifies" "Notifies to secondaries: messages sent, versions that a secondary acknowledged or never did" {
        NotifiesSent r#"outcome="sent""#,
        NotifiesAcknowledged r#"outcome="acknowledged""#,
        NotifiesFailed r#"outcome="failed""#,
    }
    "probes_late" "Probes that were late, by why: their turn came late, no place for a program was free, the prober was held up" {
        ProbesBegunLate r#"reason="turn""#,
        ProbesWithoutPlace r#"reason="place""#,
        ProbesHeldUp r#"reason="held_up""#,
    }
    "tcp_accept_failures" "Failed accepts, such as for want of file descriptors" {
        TcpAcceptFailed "",
    }
}

/// The place of a thread that answers nothing.
const ANSWERS_NOTHING: usize = usize::MAX;

/// How a query came. Queries by type and answers by response code are counted for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
    /// DNS over TLS.
    Tls,
    /// DNS over HTTPS.
    Https,
    /// DNS over QUIC.
    Quic,
}

impl Via {
    /// Each with its label.
    pub const ALL: [(Via, &'static str); 5] = [
        (Via::Udp, "udp"),
        (Via::Tcp, "tcp"),
        (Via::Tls, "tls"),
        (Via::Https, "https"),
        (Via::Quic, "quic"),
    ];
}

/// The types that are counted by name; the first stands for all others.
pub const TYPES: [(u16, &str); 22] = [
    (0, "other"),
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (43, "DS"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (52, "TLSA"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
    (257, "CAA"),
];

/// The response codes that are given, with the names of the IANA registry in lower case.
pub const RCODES: [(u16, &str); 10] = [
    (0, "noerror"),
    (1, "formerr"),
    (2, "servfail"),
    (3, "nxdomain"),
    (4, "notimp"),
    (5, "refused"),
    (6, "yxdomain"),
    (9, "notauth"),
    (16, "badvers"),
    (23, "badcookie"),
];

/// Response codes up to this have a place; [`RCODES`] names those in use.
const RCODE_MAX: usize = 23;

/// The place of a type in [`TYPES`], for those that have one.
const TYPE_PLACES: [u8; 258] = {
    let mut places = [0; 258];
    let mut place = 1;
    while place < TYPES.len() {
        places[TYPES[place].0 as usize] = place as u8;
        place += 1;
    }
    places
};

/// The counters of one thread.
#[derive(Debug)]
#[repr(align(128))] // two lines: adjacent-line prefetch pairs them
pub struct Counters {
    plain: [AtomicU64; COUNT],
    queries: [[AtomicU64; TYPES.len()]; Via::ALL.len()],
    answers: [[AtomicU64; RCODE_MAX + 1]; Via::ALL.len()],
    /// Which row of what is counted elsewhere is this thread's.
    index: usize,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Counters {
    fn new(index: usize) -> Self {
        Self {
            plain: [const { AtomicU64::new(0) }; COUNT],
            queries: [const { [const { AtomicU64::new(0) }; TYPES.len()] }; Via::ALL.len()],
            answers: [const { [const { AtomicU64::new(0) }; RCODE_MAX + 1] }; Via::ALL.len()],
            index,
        }
    }

    /// Adds to a counter. Only the thread that owns these counters may call this.
    #[inline]
    pub fn add(&self, counter: Counter, n: u64) {
        add(&self.plain[counter as usize], n);
    }

    /// Counts a query that could be read. Only the thread that owns these counters may call this.
    #[inline]
    pub fn query(&self, via: Via, qtype: u16) {
        let place = TYPE_PLACES.get(usize::from(qtype)).copied().unwrap_or(0);
        add(&self.queries[via as usize][usize::from(place)], 1);
    }

    /// Counts an answer. Only the thread that owns these counters may call this.
    #[inline]
    pub fn answer(&self, via: Via, rcode: u16) {
        add(&self.answers[via as usize][usize::from(rcode).min(RCODE_MAX)], 1);
    }

    /// Which row of [`zones::ZoneCounts`] and [`handed::Tally`] is this thread's.
    #[inline]
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The value now.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.plain[counter as usize].load(Ordering::Relaxed)
    }
}

/// Adds where nobody else writes.
#[inline]
fn add(value: &AtomicU64, n: u64) {
    value.store(value.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

/// One cache line of counts, written by one thread.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Line([AtomicU64; LINE]);

const LINE: usize = 8;

/// The counters of all threads.
#[derive(Clone, Debug, Default)]
pub struct AllCounters {
    threads: Arc<Mutex<Vec<Arc<Counters>>>>,
    expected: usize,
}

impl AllCounters {
    /// Counters for so many threads, known before they start: what counts by their index has a row for
    /// each, and a thread beyond them has none.
    #[must_use]
    pub fn with_threads(threads: usize) -> Self {
        Self { threads: Arc::default(), expected: threads }
    }

    /// How many threads are expected.
    #[must_use]
    pub fn expected(&self) -> usize {
        self.expected
    }

    /// The counters of one more thread that answers.
    #[must_use]
    pub fn thread(&self) -> Arc<Counters> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let answering = threads.iter().filter(|thread| thread.index() != ANSWERS_NOTHING).count();
        let counters = Arc::new(Counters::new(answering));
        threads.push(Arc::clone(&counters));
        counters
    }

    /// The counters of a thread that answers nothing, and so has no row where answers are counted.
    #[must_use]
    pub fn thread_beside(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::new(ANSWERS_NOTHING));
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(Arc::clone(&counters));
        counters
    }

    /// The sum over all threads.
    #[must_use]
    pub fn total(&self, counter: Counter) -> u64 {
        self.sum(|thread| &thread.plain[counter as usize])
    }

    /// Queries of a type, by its place in [`TYPES`].
    #[must_use]
    pub fn queries(&self, via: Via, place: usize) -> u64 {
        self.sum(|thread| &thread.queries[via as usize][place])
    }

    /// Answers with a response code of [`RCODES`].
    #[must_use]
    pub fn answers(&self, via: Via, rcode: u16) -> u64 {
        self.sum(|thread| &thread.answers[via as usize][usize::from(rcode)])
    }

    fn sum(&self, value: impl Fn(&Counters) -> &AtomicU64) -> u64 {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().map(|thread| value(thread).load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_the_sum_over_threads() {
        let all = AllCounters::default();
        let (a, beside, b) = (all.thread(), all.thread_beside(), all.thread());
        beside.add(Counter::NotifiesSent, 1);
        assert_eq!(all.total(Counter::NotifiesSent), 1);
        a.add(Counter::UdpQueries, 2);
        b.add(Counter::UdpQueries, 3);
        assert_eq!(all.total(Counter::UdpQueries), 5);
        assert_eq!(all.total(Counter::UdpAnswers), 0);
        assert_eq!((a.index(), b.index()), (0, 1));
    }

    #[test]
    fn queries_count_by_type_and_answers_by_response_code() {
        let all = AllCounters::default();
        let thread = all.thread();
        for qtype in [1, 1, 28, 257, 258, 0, 65_535] {
            thread.query(Via::Udp, qtype);
        }
        thread.query(Via::Tcp, 1);
        let of = |name| TYPES.iter().position(|(_, known)| *known == name).expect("a type");
        for (via, name, expected) in [
            (Via::Udp, "A", 2),
            (Via::Udp, "AAAA", 1),
            (Via::Udp, "CAA", 1),
            (Via::Udp, "other", 3),
            (Via::Tcp, "A", 1),
            (Via::Tcp, "other", 0),
        ] {
            assert_eq!(all.queries(via, of(name)), expected, "{via:?} {name}");
        }
        thread.answer(Via::Tcp, 16);
        thread.answer(Via::Tcp, 3);
        assert_eq!((all.answers(Via::Tcp, 16), all.answers(Via::Tcp, 3)), (1, 1));
        assert_eq!(all.answers(Via::Udp, 3), 0);
    }
}
