//! What one server is to be told next, without a clock, a socket or a runtime.
//!
//! ```text
//!                 begin: everything on the board                       taken
//!   whole report ─────────────────────────────────▶ in flight ───────────────▶ news, heartbeats
//!      is due      ◀───────────────────────────────── ▲    │ no answer            │
//!                   out of order, too much waits,     └────┘ the same again       │
//!                   other targets                                                 │
//!                  ◀──────────────────────────────────────────────────────────────┘
//! ```
//!
//! At most one batch is on its way. One that is not answered is sent again as it was, so the server can tell that it has it. While
//! a whole report is due, nothing is kept: it will be made of what is known then.
//!
//! Every time here is a [`Duration`] since the prober began.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::board::{Board, Found};
use super::message::{BATCH_MAX, Part, Taken};
use crate::health::key::TargetKey;

/// How long reports that change nothing are gathered.
pub const GATHER: Duration = Duration::from_secs(1);
/// From one batch to the next at least, where there is less than a batch: a storm of changes is no storm of requests.
const PACE: Duration = Duration::from_millis(50);
/// The most news that wait for a server; over it, a whole report says it shorter.
pub const QUEUE_MAX: usize = 20_000;
/// The lease before a server has told its own.
const LEASE: Duration = Duration::from_secs(10);
/// The range in which a server's lease is believed.
const LEASE_RANGE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(3600));
/// The pause before the second attempt; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause: a server that is back shall hear of it.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What one server is to be told.
#[derive(Debug)]
pub struct Outbox {
    session: u64,
    /// Of the next batch that is made.
    sequence: u64,
    lease: Duration,
    /// What was not sent yet, the oldest first.
    queue: VecDeque<(TargetKey, Found)>,
    /// How many at the front of the queue are the rest of the whole report.
    whole_left: usize,
    /// Whether a new session must begin.
    is_whole_due: bool,
    /// The batch that was sent last and not answered.
    unanswered: Option<Batch>,
    /// Whether that is on its way now.
    is_sending: bool,
    /// Whether something waits that must not.
    is_urgent: bool,
    /// Until when what waits is gathered.
    gather_until: Duration,
    /// When a batch was sent last.
    sent: Duration,
    /// Before this nothing is sent: the server did not answer.
    pause_until: Duration,
    failures: u32,
    random: fastrand::Rng,
}

/// What is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Which session it belongs to.
    pub session: u64,
    /// Its place there.
    pub sequence: u64,
    /// What the reports are.
    pub part: Part,
    /// In the order of their probes.
    pub reports: Arc<[(TargetKey, Found)]>,
}

impl Outbox {
    /// Nothing was sent yet. A session has a greater number than those of processes before this, so it begins at the time.
    #[must_use]
    pub fn new(session: u64, random: fastrand::Rng) -> Self {
        Self {
            session,
            sequence: 0,
            lease: LEASE,
            queue: VecDeque::new(),
            whole_left: 0,
            is_whole_due: true,
            unanswered: None,
            is_sending: false,
            is_urgent: false,
            gather_until: Duration::ZERO,
            sent: Duration::ZERO,
            pause_until: Duration::ZERO,
            failures: 0,
            random,
        }
    }

    /// Takes in what a probe found, and whether that is another health than before.
    pub fn report(&mut self, key: TargetKey, found: Found, is_change: bool, now: Duration) {
        if self.is_whole_due {
            return;
        }
        if self.queue.len() - self.whole_left >= QUEUE_MAX {
            self.begin_anew();
            return;
        }
        if self.queue.is_empty() {
            self.gather_until = now + GATHER;
        }
        self.queue.push_back((key, found));
        self.is_urgent |= is_change;
    }

    /// Forgets what waits: a whole report says it all. So it is when the targets change.
    pub fn begin_anew(&mut self) {
        self.is_whole_due = true;
        self.queue = VecDeque::new();
        self.whole_left = 0;
        self.is_urgent = false;
        if !self.is_sending {
            self.unanswered = None;
        }
    }

    /// The batch to send now, if there is one. What becomes of it must be told before there is another.
    pub fn next(&mut self, board: &Board, now: Duration) -> Option<Batch> {
        if self.wake().is_none_or(|wake| wake > now) {
            return None;
        }
        let batch = match self.unanswered.take() {
            Some(batch) => batch,
            None => self.make(board),
        };
        self.unanswered = Some(batch.clone());
        self.is_sending = true;
        self.sent = now;
        Some(batch)
    }

    /// When [`next`](Self::next) will have a batch; `None` while one is on its way.
    #[must_use]
    pub fn wake(&self) -> Option<Duration> {
        if self.is_sending {
            return None;
        }
        let is_ready = self.unanswered.is_some()
            || self.is_whole_due
            || self.whole_left > 0
            || self.queue.len() >= BATCH_MAX;
        let heartbeat = self.sent + self.lease / 3;
        let due = if is_ready {
            Duration::ZERO
        } else if self.is_urgent {
            self.sent + PACE
        } else if self.queue.is_empty() {
            heartbeat
        } else {
            self.gather_until.min(heartbeat)
        };
        Some(due.max(self.pause_until))
    }

    fn make(&mut self, board: &Board) -> Batch {
        if self.is_whole_due {
            self.is_whole_due = false;
            self.session = self.session.saturating_add(1);
            self.sequence = 0;
            self.queue = board.all().collect();
            self.whole_left = self.queue.len();
        }
        let is_whole = self.sequence == 0 || self.whole_left > 0;
        let count = if is_whole { self.whole_left } else { self.queue.len() }.min(BATCH_MAX);
        let reports = self.queue.drain(..count).collect();
        self.whole_left = self.whole_left.saturating_sub(count);
        let part = match (is_whole, self.whole_left) {
            (false, _) => Part::News,
            (true, 0) => Part::WholeEnd,
            (true, _) => Part::Whole,
        };
        if self.queue.is_empty() {
            self.is_urgent = false;
        }
        let batch = Batch { session: self.session, sequence: self.sequence, part, reports };
        self.sequence += 1;
        batch
    }

    /// The server has taken the batch.
    pub fn taken(&mut self, taken: &Taken) {
        let (least, most) = LEASE_RANGE;
        self.lease = Duration::from_millis(taken.lease_ms).clamp(least, most);
        self.failures = 0;
        self.is_sending = false;
        let batch = self.unanswered.take();
        let is_in_order = batch.is_some_and(|batch| taken.next == batch.sequence + 1);
        if taken.again || !is_in_order {
            self.begin_anew();
        }
    }

    /// The server has not taken the batch and never will: it wants a new session, after this one.
    pub fn out_of_order(&mut self, session: u64, now: Duration) {
        self.session = self.session.max(session);
        self.is_sending = false;
        self.begin_anew();
        self.pause(now);
    }

    /// It is not known whether the server has the batch.
    pub fn failed(&mut self, now: Duration) {
        self.is_sending = false;
        if self.is_whole_due {
            self.unanswered = None;
        }
        self.pause(now);
    }

    /// Twice as long as the last time, some of it by chance, so that probers do not come all at once.
    fn pause(&mut self, now: Duration) {
        let pause = PAUSE_MIN.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX);
        self.pause_until = now + pause.mul_f64(0.5 + self.random.f64() / 2.0);
        self.failures = self.failures.saturating_add(1);
    }

    /// How long an answer may take.
    #[must_use]
    pub fn patience(&self) -> Duration {
        (self.lease / 3).clamp(Duration::from_millis(300), Duration::from_secs(3))
    }
}

#[cfg(test)]
mod tests;
