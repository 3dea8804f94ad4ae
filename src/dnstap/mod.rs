//! The query log: what was asked and answered, for collectors that speak dnstap (<https://dnstap.info>).
//!
//! ```text
//!   udp-0 ─▶ ring ─┐
//!   udp-1 ─▶ ring ─┼─▶ dnstap thread: protobuf, frames ─▶ a unix socket, or a file
//!   tcp-0 ─▶ ring ─┘
//! ```
//!
//! Who answers writes bytes into a ring of its own, and waits for nobody: what finds no room there is dropped and
//! counted, and so is what the collector does not take.

mod frames;
mod message;
mod record;
mod sink;
mod writer;

use std::sync::Arc;

pub use record::{Exchange, Over, Recorder};
pub use writer::Running;

use crate::config::server::dnstap::Dnstap;
use crate::counters::Counters;

/// The most bytes that wait in a thread's ring: some thousand answers of the usual size.
pub const RING: usize = 1 << 20;

/// The recorders of all threads that answer, before those start.
pub struct Tap {
    config: Dnstap,
    rings: Vec<record::Ring>,
}

impl Tap {
    /// Nothing is recorded yet.
    #[must_use]
    pub fn new(config: Dnstap) -> Self {
        Self { config, rings: Vec::new() }
    }

    /// A recorder for one thread that answers.
    pub fn recorder(&mut self, counters: &Arc<Counters>) -> Recorder {
        let (recorder, ring) = record::recorder(self.config.sample, Arc::clone(counters));
        self.rings.push(ring);
        recorder
    }

    /// Writes what the recorders record, until told to stop.
    pub fn start(self, counters: Arc<Counters>) -> std::io::Result<Running> {
        writer::start(self.config, self.rings, counters)
    }
}
