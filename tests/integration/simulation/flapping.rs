//! Who is held down for flapping, between two bounds: what the penalty is at least, and at most.
//!
//! A change of side happens some time between what brings it and when it must have been noticed. The penalty is least if each came
//! early, and has decayed, and counts only once it must have come; it is most if each counts at once, and decays only from when
//! it must have come.

use std::time::Duration;

use super::estate::Estate;
use super::faults::{Day, Kind};
use super::knowledge::Stands;
use super::pools::{Check, HALF_LIFE, PENALTY, REUSE, SUPPRESS};

/// The longest that it takes to notice a change of side, to either.
const NOTICED: Duration = Duration::from_secs(15);
/// A penalty of so long ago is none.
const FORGOTTEN: Duration = Duration::from_secs(3600);
/// How many changes of side a partition may bring at its begin, and at its end.
const OF_PARTITION: f64 = 2.0;

/// A change of side that may happen from a time on.
struct Change {
    from: Duration,
    is_sure: bool,
    amount: f64,
}

/// The penalties of those whose check has it so.
pub(super) struct Penalties {
    of: Vec<Penalty>,
}

#[derive(Default)]
struct Penalty {
    /// In the order in which they may happen.
    changes: Vec<Change>,
    is_held: bool,
    may_be_held: bool,
}

impl Penalties {
    pub(super) fn new(estate: &Estate, day: &Day) -> Self {
        let of = |backend| {
            let is_damped = estate.check_of(backend) == Check::Damped;
            let changes = if is_damped { changes(day, backend) } else { Vec::new() };
            Penalty { changes, ..Penalty::default() }
        };
        Self { of: (0..estate.homes.len()).map(of).collect() }
    }

    /// It is so late now.
    pub(super) fn pass_time(&mut self, day: &Day, now: Duration) {
        for (backend, own) in self.of.iter_mut().enumerate() {
            // Of an earlier fault nothing may be left, as what is small is forgotten.
            let begin = day.last_fault(backend, now).map_or(Duration::ZERO, |fault| fault.begin);
            let (least, most) = own.bounds(begin, now);
            own.is_held = (own.is_held || least > SUPPRESS) && least > REUSE;
            own.may_be_held = (own.may_be_held || most > SUPPRESS) && most > REUSE;
        }
    }

    /// Whether a backend is held down: `Down` where it surely is, `Unsure` where it may be, none where it surely is not.
    pub(super) fn held(&self, backend: usize) -> Option<Stands> {
        match self.of[backend] {
            Penalty { is_held: true, .. } => Some(Stands::Down),
            Penalty { may_be_held: true, .. } => Some(Stands::Unsure),
            Penalty { .. } => None,
        }
    }
}

impl Penalty {
    /// The penalty at least, of changes since a time, and at most.
    fn bounds(&self, since: Duration, now: Duration) -> (f64, f64) {
        let begin = now.saturating_sub(FORGOTTEN);
        let first = self.changes.partition_point(|change| change.from < begin);
        let (mut least, mut most) = (0.0, 0.0);
        for Change { from, is_sure, amount } in &self.changes[first..] {
            if *from > now {
                break;
            }
            let left = |at: Duration| {
                amount * (-now.saturating_sub(at).div_duration_f64(HALF_LIFE)).exp2()
            };
            most += left(*from + NOTICED);
            if *is_sure && since <= *from && *from + NOTICED <= now {
                least += left(*from);
            }
        }
        (least, most)
    }
}

/// The changes of side that a backend may go through.
fn changes(day: &Day, backend: usize) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut change = |from: Duration, is_sure: bool, times: f64| {
        changes.push(Change { from, is_sure, amount: times * PENALTY });
    };
    for (begin, end) in day.partitions() {
        // Some before it is seen, some after its end.
        change(*begin, false, OF_PARTITION);
        change(*end, false, OF_PARTITION);
    }
    for fault in day.faults(backend) {
        if let Kind::Flaps(turn) = fault.kind {
            let is_apart = |(begin, end): &(Duration, Duration)| {
                *end + NOTICED * 4 < fault.begin || fault.end < *begin
            };
            let is_clear = turn >= NOTICED && day.partitions().iter().all(is_apart);
            let mut at = fault.begin;
            while at < fault.end {
                // The last turn may be cut short.
                change(at, is_clear && at + turn <= fault.end, 1.0);
                at += turn;
            }
        } else {
            change(fault.begin, false, 1.0);
        }
        change(fault.end, false, 1.0);
    }
    changes.sort_by_key(|change| change.from);
    changes
}
