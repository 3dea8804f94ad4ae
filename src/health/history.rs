//! What was found of a target lately: its last outcomes, and how long its probes took.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::source::Source;
use super::target::Side;

/// How many outcomes are kept of each target.
pub const HISTORY_MAX: usize = 100;
/// By how many places the list grows: most targets of a server that was just started have few.
const GROWTH: usize = 25;

/// One outcome of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Who probed.
    pub source: Source,
    /// When, in unix milliseconds.
    pub at: u64,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// Whether it found what was wished for.
    pub passed: bool,
    /// What it found, for people.
    pub detail: Arc<str>,
    /// The side that the target came to by it, where it changed.
    pub changed: Option<Side>,
}

/// The last [`HISTORY_MAX`] outcomes of a target, whoever found them.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<Probed>);

impl History {
    /// Adds the newest.
    pub fn push(&mut self, probed: Probed) {
        if self.0.len() >= HISTORY_MAX {
            self.0.pop_front();
        } else if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(GROWTH);
        }
        self.0.push_back(probed);
    }

    /// The newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Probed> {
        self.0.iter().rev()
    }
}

/// The last [`HISTORY_MAX`] failures of a target, and what brought it to another side: passes do not push them out.
#[derive(Clone, Debug, Default)]
pub struct Failures(History);

impl Failures {
    /// Takes what is one of them.
    pub fn see(&mut self, probed: &Probed) {
        if !probed.passed || probed.changed.is_some() {
            self.0.push(probed.clone());
        }
    }

    /// The newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Probed> {
        self.0.newest_first()
    }
}

/// The upper bounds of the buckets of [`Latency`], in microseconds; what is longer stands in one more.
pub const BUCKETS_US: [u32; 12] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000,
];

/// How long the probes of a target took, as a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// The probes in each bucket and none below it; the last is for what took longer than all bounds.
    pub counts: [u32; BUCKETS_US.len() + 1],
    /// All times together, in microseconds.
    pub sum_us: u64,
}

impl Latency {
    /// Counts one probe.
    pub fn observe(&mut self, took_us: u32) {
        let bucket = BUCKETS_US.partition_point(|bound| *bound < took_us);
        self.counts[bucket] = self.counts[bucket].saturating_add(1);
        self.sum_us += u64::from(took_us);
    }

    /// How many probes there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }
}

/// A time in microseconds, as it is kept: an hour and a bit at most.
#[must_use]
pub fn microseconds(time: Duration) -> u32 {
    time.as_micros().try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hundred_are_kept() {
        let mut history = History::default();
        for at in 0..250 {
            let (source, detail) = (Source::inside(), Arc::from("connected"));
            let changed = None;
            history.push(Probed { source, at, took_us: 0, passed: true, detail, changed });
            assert!(history.0.capacity() <= HISTORY_MAX);
        }
        let kept: Vec<u64> = history.newest_first().map(|probed| probed.at).collect();
        assert_eq!((kept.len(), kept[0], kept[99]), (100, 249, 150));
    }

    #[test]
    fn passes_push_no_failure_out() {
        let mut failures = Failures::default();
        for at in 0..10_000 {
            let (source, detail) = (Source::inside(), Arc::from("x"));
            let passed = at % 1000 != 0;
            let changed = (at == 5_001).then_some(Side::Up);
            failures.see(&Probed { source, at, took_us: 0, passed, detail, changed });
        }
        let kept: Vec<u64> = failures.newest_first().map(|probed| probed.at).collect();
        assert_eq!(kept, [9000, 8000, 7000, 6000, 5001, 5000, 4000, 3000, 2000, 1000, 0]);
        for at in 0..200 {
            let (source, detail) = (Source::inside(), Arc::from("x"));
            failures.see(&Probed { source, at, took_us: 0, passed: false, detail, changed: None });
        }
        assert_eq!(failures.newest_first().count(), HISTORY_MAX);
        // What ten thousand targets that always fail keep, with their outcomes: less than 100 MiB.
        let one = 2 * HISTORY_MAX * size_of::<Probed>();
        assert!(one * 10_000 < 100 << 20, "{one} bytes a target");
    }

    #[test]
    fn a_time_stands_in_the_first_bucket_that_it_does_not_exceed() {
        for (took_us, bucket) in [
            (0, 0),
            (1_000, 0),
            (1_001, 1),
            (2_500, 1),
            (999_999, 9),
            (5_000_000, 11),
            (5_000_001, 12),
            (u32::MAX, 12),
        ] {
            let mut latency = Latency::default();
            latency.observe(took_us);
            assert_eq!(latency.counts.iter().position(|count| *count == 1), Some(bucket));
            assert_eq!((latency.count(), latency.sum_us), (1, u64::from(took_us)));
        }
    }
}
