//! The thread that takes records out of the rings and writes them where they are wanted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::message::Speaker;
use super::record::Ring;
use super::sink::Sink;
use crate::config::server::dnstap::{Dnstap, To};
use crate::counters::{Counter, Counters};
use crate::sys::priority;

/// How long it rests where there is nothing to write.
const REST: Duration = Duration::from_millis(10);
/// From one try to open what takes the log to the next, and from one look whether a file was moved to the next.
const AGAIN: Duration = Duration::from_secs(1);
/// The most records that one ring gives before the next one has its turn.
const TURN_MAX: usize = 256;

/// The thread, until it is told to stop.
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Writes what has been recorded, and ends.
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // A thread that panicked has been reported where it did.
        let _ = self.thread.join();
    }
}

/// Starts the thread.
pub(super) fn start(
    config: Dnstap,
    rings: Vec<Ring>,
    counters: Arc<Counters>,
) -> io::Result<Running> {
    let stop = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&stop);
    let thread = Builder::new().name("dnstap".into()).spawn(move || {
        // What answers comes first.
        let _ = priority::behind_answers();
        let speaker = Speaker::new(config.identity.as_deref());
        Writer { to: config.to, speaker, rings, counters, sink: None, is_told: false }.run(&until);
    })?;
    Ok(Running { stop, thread })
}

struct Writer {
    to: To,
    speaker: Speaker,
    rings: Vec<Ring>,
    counters: Arc<Counters>,
    sink: Option<Sink>,
    /// Whether the log says already that nobody takes it.
    is_told: bool,
}

impl Writer {
    fn run(&mut self, stop: &AtomicBool) {
        let mut looked = now();
        loop {
            // What is recorded after this look is not waited for.
            let is_last = stop.load(Ordering::Relaxed);
            if self.sink.is_none() {
                self.open();
            }
            let written = self.turn();
            if is_last {
                if let Some(sink) = self.sink.take()
                    && let Err(error) = sink.close()
                {
                    self.tell(&error);
                }
                return;
            }
            if self.sink.is_none() {
                thread::park_timeout(AGAIN);
            } else if written == 0 {
                thread::park_timeout(REST);
            }
            if now().duration_since(looked) >= AGAIN {
                looked = now();
                self.follow();
            }
        }
    }

    fn open(&mut self) {
        match Sink::open(&self.to) {
            Ok(sink) => {
                self.sink = Some(sink);
                self.is_told = false;
                info!(to = %self.to, "writing dnstap");
            }
            Err(error) => self.tell(&error),
        }
    }

    /// Begins a new file where the one that is written was moved away.
    fn follow(&mut self) {
        if self.sink.as_ref().is_some_and(Sink::is_moved)
            && let Some(sink) = self.sink.take()
            && let Err(error) = sink.close()
        {
            self.tell(&error);
        }
    }

    /// Writes what the rings have, a share of each; how many exchanges that were.
    fn turn(&mut self) -> usize {
        let Some(sink) = &mut self.sink else { return 0 };
        let mut written = 0;
        let mut outcome = Ok(());
        'rings: for ring in &mut self.rings {
            for _ in 0..TURN_MAX {
                let Some(exchange) = ring.next() else { break };
                self.speaker.encode(&exchange, |message| {
                    if outcome.is_ok() {
                        outcome = sink.write(message);
                    }
                });
                if outcome.is_err() {
                    self.counters.add(Counter::DnstapDropped, 1);
                    break 'rings;
                }
                written += 1;
            }
        }
        self.counters.add(Counter::DnstapWritten, written as u64);
        if let Err(error) = outcome.and_then(|()| sink.flush()) {
            self.sink = None;
            self.tell(&error);
        }
        written
    }

    /// Says once that nobody takes the log, until somebody does again.
    fn tell(&mut self, error: &io::Error) {
        if !self.is_told {
            self.is_told = true;
            warn!(
                "dnstap: {}: {error}; trying on, and what finds no room meanwhile is dropped",
                self.to
            );
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own, which answers nothing")]
fn now() -> Instant {
    Instant::now()
}
