//! Every counter, and the name it is exported under.
//!
//! Each thread that serves has a [`Counters`] of its own, padded so that no two share a cache line,
//! and is its only writer: counting is a plain load, add and store. Who reads sums over all of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Declares the counters once: variant, exported name, meaning.
macro_rules! counters {
    ($($variant:ident $name:literal $help:literal,)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter {
            $(#[doc = $help] $variant,)*
        }

        impl Counter {
            /// All of them, in order.
            pub const ALL: &[Counter] = &[$(Counter::$variant,)*];

            /// The name it is exported under.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)* }
            }

            /// What it counts, for people.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Counter::$variant => $help,)* }
            }
        }
    };
}

counters! {
    UdpQueries "udp_queries" "Packets received over UDP",
    UdpAnswers "udp_answers" "Answers sent over UDP",
    UdpDropped "udp_dropped" "Packets over UDP that earn no answer: responses, garbage, source port 0",
    UdpSendFailed "udp_send_failed" "Answers over UDP that the kernel did not take",
    UdpTruncated "udp_truncated" "Answers over UDP with TC set",
    TcpQueries "tcp_queries" "Messages received over TCP",
    TcpAnswers "tcp_answers" "Answers written over TCP",
    TcpDropped "tcp_dropped" "Messages over TCP that earn no answer",
    TcpConnections "tcp_connections" "Connections accepted",
    TcpShed "tcp_shed" "Idle connections closed to make room for new ones",
    TcpRefused "tcp_refused" "Connections closed at once: their client has as many as it may have",
    TcpIdle "tcp_idle" "Connections closed after the idle limit",
    TcpAcceptFailed "tcp_accept_failed" "Failed accepts, such as for want of file descriptors",
}

const COUNT: usize = Counter::ALL.len();

/// The counters of one thread.
#[derive(Debug)]
#[repr(align(128))] // two lines: adjacent-line prefetch pairs them
pub struct Counters([AtomicU64; COUNT]);

impl Default for Counters {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; COUNT])
    }
}

impl Counters {
    /// Adds to a counter. Only the thread that owns these counters may call this.
    #[inline]
    pub fn add(&self, counter: Counter, n: u64) {
        let value = &self.0[counter as usize];
        value.store(value.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }
}

/// The counters of all threads.
#[derive(Clone, Debug, Default)]
pub struct AllCounters(Arc<Mutex<Vec<Arc<Counters>>>>);

impl AllCounters {
    /// The counters of one more thread.
    #[must_use]
    pub fn thread(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counters));
        counters
    }

    /// The sum over all threads.
    #[must_use]
    pub fn total(&self, counter: Counter) -> u64 {
        let threads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().map(|thread| thread.get(counter)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_the_sum_over_threads() {
        let all = AllCounters::default();
        let (a, b) = (all.thread(), all.thread());
        a.add(Counter::UdpQueries, 2);
        b.add(Counter::UdpQueries, 3);
        assert_eq!(all.total(Counter::UdpQueries), 5);
        assert_eq!(all.total(Counter::UdpAnswers), 0);
    }
}
