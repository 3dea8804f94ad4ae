//! What is sure of backends at a time, by what they go through and by how long `rotadns check` says that it takes to notice.
//!
//! ```text
//!   dead   ├── unsure: not noticed yet ──┼── down ──...
//!          0                         detection
//!   fine   ├── unsure: not back yet ─────┼── up ──...
//!          0                          recovery
//! ```
//!
//! A prober that is cut off sees everything fail. Once that is seen, who was up stays up, and who was down long before stays down;
//! of the others nothing is sure until the prober is believed again.

use std::time::Duration;

use super::estate::{Estate, Set, one};
use super::faults::{Day, Fault};
use super::flapping::Penalties;
use super::pools::Check;
use super::rules::Sure;
use super::worst::Worst;

/// For so long before a prober is taken as cut off, what fell is put back.
const WINDOW: Duration = Duration::from_secs(30);

/// How one backend stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    Up,
    Down,
    Unsure,
}

/// What is sure of all backends.
pub(super) fn sure(
    estate: &Estate,
    day: &Day,
    worst: &[Worst],
    penalties: &Penalties,
    now: Duration,
) -> Sure {
    let times = Times::of(worst);
    let mut sure = Sure::default();
    for backend in 0..estate.homes.len() {
        let detection = worst[estate.homes[backend]].detection;
        let check = estate.check_of(backend);
        let by_probes = times.stands(day, backend, detection, check, now);
        let stands = match (penalties.held(backend), by_probes) {
            // Whether its prober is cut off or not: a hold ends by time alone.
            (Some(Stands::Down), _) => Stands::Down,
            (Some(_), Stands::Up) => Stands::Unsure,
            (_, by_probes) => by_probes,
        };
        let place: Set = one(backend);
        match stands {
            Stands::Up => sure.up |= place,
            Stands::Down => sure.down |= place,
            Stands::Unsure => {}
        }
    }
    sure
}

/// When the prober has been reaching what it can, and was believed, before this time.
pub(super) fn believed_since(day: &Day, worst: &[Worst], now: Duration) -> Duration {
    let times = Times::of(worst);
    day.partition(now).map_or(Duration::ZERO, |(_, end)| end + times.back)
}

/// Whether the prober reaches what it can, and has done so for long enough.
pub(super) fn is_settled(day: &Day, worst: &[Worst], now: Duration) -> bool {
    !Times::of(worst).is_unsettled(day, now)
}

/// Of all checks, the slowest.
#[derive(Clone, Copy)]
struct Times {
    detection: Duration,
    /// From the end of a partition until the prober is believed.
    back: Duration,
}

impl Times {
    fn of(worst: &[Worst]) -> Self {
        let detection = worst.iter().map(|own| own.detection).max().unwrap_or_default();
        Self { detection, back: Check::Web.recovery() }
    }

    /// When all is as if there had been no partition, after one that ended at a time.
    fn settled(&self, end: Duration) -> Duration {
        end + self.back + self.detection.max(Check::Web.recovery())
    }

    fn is_unsettled(&self, day: &Day, now: Duration) -> bool {
        day.partition(now).is_some_and(|(_, end)| now < self.settled(end))
    }

    fn stands(
        &self,
        day: &Day,
        backend: usize,
        detection: Duration,
        check: Check,
        now: Duration,
    ) -> Stands {
        let last = day.last_fault(backend, now);
        let Some((begin, end)) = day.partition(now) else {
            return calm(last, detection, check, Duration::ZERO, now);
        };
        if self.settled(end) <= now {
            return calm(last, detection, check, end + self.back, now);
        }
        let before = begin.saturating_sub(Duration::from_millis(1));
        let earlier = match day.partition(before) {
            Some((_, end)) if before < self.settled(end) => return Stands::Unsure,
            Some((_, end)) => end + self.back,
            None => Duration::ZERO,
        };
        // By then all have fallen that were up: more than are needed to see that the prober is cut off.
        let is_seen = begin + self.detection <= end && begin + self.detection <= now;
        match last {
            Some(fault) if fault.is_dead() && now < fault.end => {
                let fell = fault.begin.max(earlier) + detection;
                if fell + WINDOW <= begin { Stands::Down } else { Stands::Unsure }
            }
            Some(fault) if begin < fault.end => Stands::Unsure,
            _ if is_seen => calm(last, detection, check, earlier, before),
            _ => Stands::Unsure,
        }
    }
}

/// How a backend stands by its last fault, where the prober reaches what it can and is believed since a time.
fn calm(
    last: Option<&Fault>,
    detection: Duration,
    check: Check,
    since: Duration,
    now: Duration,
) -> Stands {
    match last {
        Some(fault) if now < fault.end && !fault.is_dead() => Stands::Unsure,
        Some(fault) if now < fault.end => {
            let noticed = fault.begin.max(since) + detection <= now;
            if noticed { Stands::Down } else { Stands::Unsure }
        }
        other => {
            let end = other.map_or(Duration::ZERO, |fault| fault.end);
            let is_back = end.max(since) + check.recovery() <= now;
            if is_back { Stands::Up } else { Stands::Unsure }
        }
    }
}
