//! How a zone came to be what it is: the differences between its last versions, for those who have one of them.
//!
//! A journal belongs to one version, so that a transfer is a function of that version alone. It is bounded: who has an older version
//! than it reaches back to takes the whole zone.

use std::sync::Arc;

use super::Zone;
use super::delta::{Delta, TooMany};
use super::exported::Exported;
use super::serial::is_greater;
use crate::rdata::rtype;

/// The most versions that a zone remembers.
pub const STEPS_MAX: usize = 512;
/// The most bytes that the differences of one zone take.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;
/// What a record takes beside its owner and data: in memory, and in a message.
const RECORD_KEPT: usize = 64;
const RECORD_SENT: usize = 10;

/// The differences that lead to a version, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<[Step]>);

/// From one version to the next.
#[derive(Clone, Debug)]
pub struct Step {
    /// What was taken out and what was put in.
    pub delta: Arc<Delta>,
    /// About how many bytes it takes in memory.
    kept: usize,
    /// About how many bytes its records take in messages, SOAs apart.
    sent: usize,
}

impl Journal {
    /// The journal of the version that a difference leads to; what is too old for the limits falls off.
    ///
    /// Nothing is remembered across a serial that does not rise (RFC 1982): nobody could ask for the way over it.
    #[must_use]
    pub fn with(&self, delta: Arc<Delta>) -> Self {
        let step = Step::new(delta);
        let (from, to) = (step.delta.from(), step.delta.to());
        if !is_greater(to, from) {
            return Self::default();
        }
        let is_next = self.0.last().is_none_or(|last| last.delta.to() == from);
        let known = if is_next { &*self.0 } else { &[] };
        let (mut room, mut kept) = (BYTES_MAX, 0);
        for step in std::iter::once(&step).chain(known.iter().rev()).take(STEPS_MAX) {
            // Numbers may go round: who is half of them behind is ahead, and a number that comes again is another version.
            if !is_greater(to, step.delta.from()) {
                break;
            }
            let Some(left) = room.checked_sub(step.kept) else { break };
            (room, kept) = (left, kept + 1);
        }
        if kept == 0 {
            return Self::default();
        }
        Self(known[known.len() + 1 - kept..].iter().cloned().chain([step]).collect())
    }

    /// The way from a serial to the version that this is the journal of; `None` where it is not known.
    #[must_use]
    pub fn since(&self, serial: u32) -> Option<&[Step]> {
        let first = self.0.iter().position(|step| step.delta.from() == serial)?;
        Some(&self.0[first..])
    }

    /// How many versions it reaches back.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it knows nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Zone {
    /// The same version as the one that follows another, which was served before: its journal leads on from there.
    #[must_use]
    pub fn following(self, before: &Zone) -> Self {
        if self.journal.since(before.serial).is_some() {
            return self; // it was made of that one
        }
        let journal = match self.difference_from(before) {
            Ok(Some(delta)) => before.journal.with(Arc::new(delta)),
            Ok(None) => before.journal.clone(),
            Err(TooMany) => Journal::default(),
        };
        Self { journal, ..self }
    }

    /// The version of a greater serial in which nothing but what pools say differs.
    #[must_use]
    pub fn saying(&self, exported: Exported, serial: u32) -> Option<Zone> {
        let soa = self.soa_record();
        let delta = Delta::new(soa.clone(), Vec::new(), soa.with_serial(serial), Vec::new())?;
        let journal = Journal::default();
        let zone = Zone { exported, journal, ..self.edited(&delta).ok()? };
        Some(zone.following(self))
    }

    /// What leads here from another version, what both say of their pools too; `None` where both say the same.
    fn difference_from(&self, before: &Zone) -> Result<Option<Delta>, TooMany> {
        let kept = Delta::between_within(before, self, BYTES_MAX / RECORD_KEPT)?;
        let (mut removed, mut added) = Exported::between(&before.exported, &self.exported);
        if removed.is_empty() && added.is_empty() {
            return Ok(kept);
        }
        if let Some(delta) = &kept {
            removed.extend_from_slice(&delta.removed()[1..]);
            added.extend_from_slice(&delta.added()[1..]);
        }
        Ok(Delta::new(before.soa_record(), removed, self.soa_record(), added))
    }
}

impl Step {
    fn new(delta: Arc<Delta>) -> Self {
        let (mut kept, mut sent) = (0, 0);
        for record in delta.removed().iter().chain(delta.added()) {
            let bytes = record.owner.as_wire().len() + record.rdata.len();
            kept += RECORD_KEPT + bytes;
            sent += if record.rtype == rtype::SOA { 0 } else { RECORD_SENT + bytes };
        }
        Self { delta, kept, sent }
    }

    /// About how many bytes its records take in messages, SOAs apart: those of even the shortest step would be more than a small
    /// zone.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;
    use crate::zone::delta::Record;

    fn delta(from: u32, to: u32, bytes: usize) -> Arc<Delta> {
        let apex = Name::parse_absolute("example.").expect("a name");
        let record = |rtype, rdata: Vec<u8>| Record {
            owner: apex.clone(),
            rtype,
            ttl: 60,
            rdata: rdata.into_boxed_slice(),
        };
        let soa = |serial: u32| {
            record(rtype::SOA, [&[0, 0][..], &serial.to_be_bytes(), &[0; 16]].concat())
        };
        let added = vec![record(rtype::TXT, vec![0; bytes])];
        Arc::new(Delta::new(soa(from), Vec::new(), soa(to), added).expect("both are SOAs"))
    }

    fn journal(serials: &[u32]) -> Journal {
        let steps = serials.windows(2);
        steps.fold(Journal::default(), |journal, step| journal.with(delta(step[0], step[1], 1)))
    }

    /// The serials on the way from one that a client has.
    fn way(journal: &Journal, serial: u32) -> Option<Vec<u32>> {
        Some(journal.since(serial)?.iter().map(|step| step.delta.to()).collect())
    }

    #[test]
    fn rfc1995_4_the_way_from_a_version_that_is_known() {
        let journal = journal(&[1, 2, 5, 6]);
        for (serial, expected) in [
            (1, Some(vec![2, 5, 6])),
            (2, Some(vec![5, 6])),
            (5, Some(vec![6])),
            (0, None),
            (3, None),
            (6, None), // there is nothing to tell
            (7, None),
        ] {
            assert_eq!(way(&journal, serial), expected, "since {serial}");
        }
    }

    #[test]
    fn rfc1982_the_way_goes_over_the_last_number() {
        let journal = journal(&[u32::MAX - 1, u32::MAX, 0, 7]);
        assert_eq!(way(&journal, u32::MAX), Some(vec![0, 7]));
        assert!(journal.with(delta(7, 7, 1)).is_empty(), "it does not rise");
        assert!(journal.with(delta(7, 6, 1)).is_empty(), "it falls");
    }

    #[test]
    fn rfc1982_3_2_a_number_that_comes_again_is_another_version() {
        let journal = journal(&[5, 2_000_000_000, 4_000_000_000, 5, 6]);
        for (serial, expected) in
            [(5, Some(vec![6])), (4_000_000_000, Some(vec![5, 6])), (2_000_000_000, None)]
        {
            assert_eq!(way(&journal, serial), expected, "since {serial}");
        }
    }

    #[test]
    fn a_version_that_was_not_told_of_breaks_the_way() {
        let journal = journal(&[1, 2, 3]).with(delta(4, 5, 1));
        assert_eq!((way(&journal, 2), way(&journal, 4)), (None, Some(vec![5])));
    }

    #[test]
    fn what_is_too_old_or_too_long_falls_off() {
        let serials: Vec<u32> = (0..=STEPS_MAX as u32 + 10).collect();
        let long = journal(&serials);
        assert_eq!(long.len(), STEPS_MAX);
        assert!(long.since(9).is_none() && long.since(10).is_some());

        let mut journal = Journal::default();
        for serial in 0..4 {
            journal = journal.with(delta(serial, serial + 1, BYTES_MAX / 2 - 5 * RECORD_KEPT));
        }
        assert_eq!((journal.len(), way(&journal, 2)), (2, Some(vec![3, 4])));
        assert!(journal.with(delta(4, 5, BYTES_MAX)).is_empty());
    }
}
