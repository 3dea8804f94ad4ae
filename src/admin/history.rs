//! The last hour of what was answered, kept in memory for those who look.
//!
//! ```text
//!   counters ──every STEP──▶ Reading ──what came since the one before──▶ Sample ─▶ the last SAMPLES_MAX
//! ```
//!
//! The admin API's own task reads; what answers queries counts as ever and knows nothing of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Admin, model};
use crate::counters::{AllCounters, FAMILIES, RCODES, TYPES, Via};

/// From one sample to the next.
pub const STEP: Duration = Duration::from_secs(10);
/// How many samples are kept: an hour of them.
pub const SAMPLES_MAX: usize = 360;

/// The family of the counters of messages that earned no answer.
const DROPPED: &str = "messages_dropped";

/// What was answered in the last hour.
#[derive(Debug, Default)]
pub struct History(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    last: Option<Reading>,
    samples: VecDeque<Sample>,
}

/// What had been counted at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// When, by a clock that nobody sets, since any moment that all readings share.
    pub running: Duration,
    /// What had been counted.
    pub counts: Counts,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Queries that were answered.
    pub queries: u64,
    /// Answers, by their place in [`RCODES`].
    pub answers: [u64; RCODES.len()],
    /// Messages that earned no answer, and answers that the kernel did not take.
    pub dropped: u64,
}

/// What came between two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    at: Timestamp,
    lasted: Duration,
    counts: Counts,
}

impl History {
    /// Notes what came since the reading before; the first one is what later ones begin from.
    pub fn note(&self, reading: Reading) {
        let mut ring = self.lock();
        if let Some(before) = ring.last.replace(reading) {
            if ring.samples.len() >= SAMPLES_MAX {
                ring.samples.pop_front();
            }
            ring.samples.push_back(Sample {
                at: reading.at,
                lasted: reading.running.saturating_sub(before.running),
                counts: reading.counts.since(&before.counts),
            });
        }
    }

    /// The samples, the oldest first.
    #[must_use]
    pub fn view(&self) -> model::History {
        model::History {
            step: STEP.as_secs(),
            samples: self.lock().samples.iter().map(Sample::view).collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// What has been counted so far.
    #[must_use]
    pub fn read(counters: &AllCounters) -> Self {
        let over = |count: &dyn Fn(Via) -> u64| Via::ALL.iter().map(|(via, _)| count(*via)).sum();
        let queries = |via| (0..TYPES.len()).map(|place| counters.queries(via, place)).sum();
        let dropped = FAMILIES.iter().filter(|family| family.name == DROPPED);
        let dropped = dropped.flat_map(|family| family.counters);
        Self {
            queries: over(&queries),
            answers: RCODES.map(|(rcode, _)| over(&|via| counters.answers(via, rcode))),
            dropped: dropped.map(|(counter, _)| counters.total(*counter)).sum(),
        }
    }

    /// What came since. Counters go up alone, and each is read by itself.
    fn since(&self, before: &Self) -> Self {
        let answers =
            std::array::from_fn(|rcode| self.answers[rcode].saturating_sub(before.answers[rcode]));
        Self {
            queries: self.queries.saturating_sub(before.queries),
            answers,
            dropped: self.dropped.saturating_sub(before.dropped),
        }
    }
}

impl Sample {
    fn view(&self) -> model::Sample {
        let answers = RCODES.iter().zip(self.counts.answers).filter(|(_, count)| *count > 0);
        model::Sample {
            at: self.at,
            seconds: self.lasted.as_secs_f64(),
            queries: self.counts.queries,
            answers: answers.map(|((_, name), count)| ((*name).to_owned(), count)).collect(),
            dropped: self.counts.dropped,
        }
    }
}

/// Reads the counters every [`STEP`], for as long as it is run.
pub async fn keep(admin: Arc<Admin>) {
    let began = Instant::now();
    let mut steps = interval(STEP);
    // A thread that was held up has one long sample, not some that are empty.
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        steps.tick().await;
        admin.history.note(Reading {
            at: Timestamp::now(),
            running: began.elapsed(),
            counts: Counts::read(&admin.counters),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::Counter;

    /// After `step` steps: so many queries, and as many answers NOERROR and NXDOMAIN.
    fn reading(step: u32, queries: u64, noerror: u64, nxdomain: u64) -> Reading {
        let mut counts = Counts { queries, ..Counts::default() };
        counts.answers[0] = noerror;
        counts.answers[3] = nxdomain;
        let running = STEP * step;
        let at = Timestamp::UNIX_EPOCH + running;
        Reading { at, running, counts }
    }

    #[test]
    fn a_sample_is_what_came_since_the_one_before() {
        let history = History::default();
        history.note(reading(0, 1_000, 900, 100));
        assert_eq!(history.view().samples, [], "what came before nobody knows how long ago");
        history.note(reading(1, 1_070, 960, 110));
        history.note(reading(3, 1_070, 960, 110));
        let samples = history.view().samples;
        let told: Vec<_> = samples.iter().map(|one| (one.seconds, one.queries)).collect();
        assert_eq!(told, [(10.0, 70), (20.0, 0)]);
        let answers = [("noerror".to_owned(), 60), ("nxdomain".to_owned(), 10)];
        assert_eq!(samples[0].answers, answers.into());
        assert!(samples[1].answers.is_empty());
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let history = History::default();
        let most = u32::try_from(SAMPLES_MAX).expect("it fits");
        for step in 0..=most + 5 {
            history.note(reading(step, u64::from(step), 0, 0));
        }
        let samples = history.view().samples;
        assert_eq!(samples.len(), SAMPLES_MAX);
        assert_eq!(samples[0].at, Timestamp::UNIX_EPOCH + STEP * 6);
        assert_eq!(STEP * most, Duration::from_secs(3600));
    }

    #[test]
    fn every_way_and_every_reason_counts() {
        let counters = AllCounters::default();
        let thread = counters.thread();
        for (via, _) in Via::ALL {
            thread.query(via, 1);
            thread.query(via, 65_000);
            thread.answer(via, 3);
        }
        thread.add(Counter::UdpShort, 2);
        thread.add(Counter::TcpResponse, 1);
        let counts = Counts::read(&counters);
        assert_eq!((counts.queries, counts.answers[3], counts.dropped), (10, 5, 3));
        assert_eq!(RCODES[3].1, "nxdomain");
    }
}
