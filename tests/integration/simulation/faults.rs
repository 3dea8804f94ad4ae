//! What a hundred backends go through in a day: a list of faults, each with its place, its begin and its end.

use std::time::Duration;

/// What is wrong with a backend for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Every probe is refused at once.
    Dead,
    /// Every probe times out.
    Hangs,
    /// A probe in so many is lost.
    Loses(u32),
    /// Dead and alive by turns of this length.
    Flaps(Duration),
}

/// One fault of one backend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

/// What a probe that starts now will find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Passes,
    Refused,
    TimesOut,
}

/// All that happens, by backend; and when the prober itself is cut off.
pub(super) struct Day {
    faults: Vec<Vec<Fault>>,
    partitions: Vec<(Duration, Duration)>,
    pub(super) length: Duration,
}

/// The least time that a backend has without a fault between two.
const REST: Duration = Duration::from_secs(120);

impl Day {
    /// A day of so many backends and this length: each has a fault every half an hour or so, and the prober is cut off
    /// once in three hours.
    pub(super) fn new(random: &mut fastrand::Rng, backends: usize, length: Duration) -> Self {
        let seconds = |random: &mut fastrand::Rng, range: std::ops::Range<u64>| {
            Duration::from_millis(random.u64(range.start * 1000..range.end * 1000))
        };
        let faults = (0..backends).map(|_| {
            let mut own = Vec::new();
            let mut at = REST + seconds(random, 0..1800);
            while at < length {
                let kind = match random.u32(0..10) {
                    0..=3 => Kind::Dead,
                    4..=5 => Kind::Hangs,
                    6..=7 => Kind::Loses(random.u32(2..8)),
                    _ => Kind::Flaps(seconds(random, 3..40)),
                };
                let end = at + seconds(random, 5..600);
                own.push(Fault { kind, begin: at, end });
                at = end + REST + seconds(random, 0..3600);
            }
            own
        });
        let faults = faults.collect();
        let mut partitions = Vec::new();
        let mut at = REST + seconds(random, 600..3600);
        while at < length {
            let end = at + seconds(random, 10..90);
            partitions.push((at, end));
            at = end + REST + seconds(random, 5400..16_200);
        }
        Self { faults, partitions, length }
    }

    /// Whether the prober reaches nothing at this time.
    pub(super) fn is_cut_off(&self, at: Duration) -> bool {
        self.partitions.iter().any(|(begin, end)| (*begin..*end).contains(&at))
    }

    /// Since when the prober has reached what it can; zero where it was never cut off.
    pub(super) fn reaches_since(&self, at: Duration) -> Duration {
        let ends = self.partitions.iter().map(|(_, end)| *end).filter(|end| *end <= at);
        ends.max().unwrap_or_default()
    }

    /// What a probe of a backend finds that starts at this time.
    pub(super) fn fate(&self, backend: usize, at: Duration, random: &mut fastrand::Rng) -> Fate {
        if self.is_cut_off(at) {
            return Fate::TimesOut;
        }
        let Some(fault) = self.fault(backend, at) else { return Fate::Passes };
        match fault.kind {
            Kind::Dead => Fate::Refused,
            Kind::Hangs => Fate::TimesOut,
            Kind::Loses(one_in) if random.u32(0..one_in) == 0 => Fate::TimesOut,
            Kind::Loses(_) => Fate::Passes,
            Kind::Flaps(turn) => {
                let turns = at.saturating_sub(fault.begin).as_nanos() / turn.as_nanos();
                if turns.is_multiple_of(2) { Fate::Refused } else { Fate::Passes }
            }
        }
    }

    /// Since when nobody who connects to a backend can be served; `None` while some can.
    pub(super) fn dead_since(&self, backend: usize, at: Duration) -> Option<Duration> {
        let fault = self.fault(backend, at)?;
        matches!(fault.kind, Kind::Dead | Kind::Hangs).then_some(fault.begin)
    }

    /// Since when a backend has had no fault; `None` while it has one.
    pub(super) fn healthy_since(&self, backend: usize, at: Duration) -> Option<Duration> {
        if self.fault(backend, at).is_some() {
            return None;
        }
        let ends = self.faults[backend].iter().map(|fault| fault.end).filter(|end| *end <= at);
        Some(ends.max().unwrap_or_default())
    }

    fn fault(&self, backend: usize, at: Duration) -> Option<&Fault> {
        self.faults[backend].iter().find(|fault| (fault.begin..fault.end).contains(&at))
    }
}
