//! The messages of a transfer become a zone's records, or the differences to what we have.
//!
//! ```text
//!   AXFR form (RFC 5936 §2.2)    SOA new, records in any order, SOA new
//!   differences (RFC 1995 §4)    SOA new, (SOA old, removed, SOA next, added)…, SOA new
//!   up to date (RFC 1995 §2)     SOA, of the version that we have
//! ```
//!
//! The answer to IXFR says by its second record which of them it is. Nothing here has a socket or a clock, and what a
//! primary sends takes no more memory than [`Limits`] allow.

use super::failure::Failure;
use super::message::{Message, Record};
use crate::config::model::access::ZONE_BYTES;
use crate::name::{Name, is_at_or_below};
use crate::rdata::rtype;
use crate::zone::build::Builder;
use crate::zone::serial::is_greater;

/// What one transfer may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all records, names whole.
    pub bytes: u64,
    /// Records.
    pub records: u64,
}

/// The most records of a transfer.
pub const RECORDS_MAX: u64 = 50_000_000;
/// The most differences of an answer to IXFR: who has more to tell sends the zone.
pub const DIFFERENCES_MAX: usize = 10_000;

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: ZONE_BYTES as u64, records: RECORDS_MAX }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The whole zone.
    Whole,
    /// What has changed since this serial.
    Since(u32),
}

impl Want {
    /// The type of the question.
    #[must_use]
    pub fn qtype(self) -> u16 {
        match self {
            Self::Whole => rtype::AXFR,
            Self::Since(_) => rtype::IXFR,
        }
    }
}

/// What has come.
pub enum Received {
    /// The primary has no newer version.
    UpToDate,
    /// A whole zone, whose records are gathered.
    Whole(Box<Builder>),
    /// What leads from what we have to the new version, in order.
    Differences(Vec<Difference>),
}

/// One step from a version to another; each list begins with its SOA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What goes, the old SOA first.
    pub removed: Vec<Record>,
    /// What comes, the new SOA first.
    pub added: Vec<Record>,
}

/// How much a transfer was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records, SOAs among them.
    pub records: u64,
    /// Records that are left out, as they are not of the zone.
    pub outside: u64,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is.
    More,
    /// That was all.
    Done,
}

/// A transfer on its way.
pub struct Transfer {
    origin: Name,
    id: u16,
    want: Want,
    limits: Limits,
    stage: Stage,
    /// The SOA that began it.
    first: Record,
    /// The serial of that.
    serial: u32,
    differences: Vec<Difference>,
    amount: Amount,
    /// Bytes of the records, names whole.
    kept: u64,
    record: Record,
}

/// What has been read so far.
enum Stage {
    /// Nothing.
    Begin,
    /// The first SOA, after IXFR.
    First,
    /// Records of a whole zone.
    Whole(Box<Builder>),
    /// What goes in the last difference, from this serial on.
    Removed(u32),
    /// What comes in it, up to this serial.
    Added(u32),
    /// Everything.
    Done(Received),
}

impl Transfer {
    /// One that was asked for with this ID.
    #[must_use]
    pub fn new(origin: Name, id: u16, want: Want, limits: Limits) -> Self {
        Self {
            origin,
            id,
            want,
            limits,
            stage: Stage::Begin,
            first: Record::default(),
            serial: 0,
            differences: Vec::new(),
            amount: Amount::default(),
            kept: 0,
            record: Record::default(),
        }
    }

    /// How much has come.
    #[must_use]
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// Takes the next message, whose signature has been checked where there should be one.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Progress, Failure> {
        let message = Message::read(bytes)?;
        check(&message, self.id, &self.origin, self.want.qtype())?;
        self.amount.messages += 1;
        self.amount.bytes += bytes.len() as u64;
        let before = self.amount.records;
        let mut record = std::mem::take(&mut self.record);
        let taken = message.answers(&mut record, |record| self.record(record));
        self.record = record;
        taken?;
        if self.amount.records == before {
            // Else it could go on for good.
            return Err(Failure::Empty);
        }
        if let (Stage::First, Want::Since(have)) = (&self.stage, self.want)
            && !is_greater(self.serial, have)
        {
            self.stage = Stage::Done(Received::UpToDate);
        }
        Ok(if matches!(self.stage, Stage::Done(_)) { Progress::Done } else { Progress::More })
    }

    /// What has come, and the serial that it leads to; `None` before the end.
    #[must_use]
    pub fn finish(self) -> Option<(Received, u32)> {
        match self.stage {
            Stage::Done(received) => Some((received, self.serial)),
            _ => None,
        }
    }

    fn record(&mut self, record: &Record) -> Result<(), Failure> {
        if matches!(self.stage, Stage::Done(_)) {
            return Err(Failure::AfterEnd);
        }
        self.amount.records += 1;
        self.kept += (record.owner.len() + 10 + record.rdata.len()) as u64;
        if self.amount.records > self.limits.records {
            return Err(Failure::TooManyRecords(self.limits.records));
        }
        if self.kept > self.limits.bytes {
            return Err(Failure::TooLarge(self.limits.bytes));
        }
        let origin = self.origin.as_wire();
        let is_soa = record.rtype == rtype::SOA && record.owner == origin;
        let serial = if is_soa { Some(serial_of(record)?) } else { None };
        if serial.is_none() && !is_at_or_below(&record.owner, origin) {
            if matches!(self.stage, Stage::Begin) {
                return Err(Failure::NoSoaFirst);
            }
            self.amount.outside += 1;
            return Ok(());
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Begin);
        self.stage = self.next(stage, record, serial)?;
        Ok(())
    }

    /// The stage after this record, which is at or below the apex; `serial` is its own where it is the apex's SOA.
    fn next(
        &mut self,
        stage: Stage,
        record: &Record,
        serial: Option<u32>,
    ) -> Result<Stage, Failure> {
        Ok(match (stage, serial) {
            (Stage::Begin, None) => return Err(Failure::NoSoaFirst),
            (Stage::Begin, Some(serial)) => {
                (self.first, self.serial) = (record.clone(), serial);
                match self.want {
                    Want::Whole => Stage::Whole(self.whole()),
                    Want::Since(_) => Stage::First,
                }
            }
            (Stage::First, Some(serial)) if serial != self.serial => {
                let Want::Since(have) = self.want else { return Err(Failure::SoaDiffers) };
                if serial != have {
                    return Err(Failure::OtherStart { have, start: serial });
                }
                self.remove_from(record, serial)?
            }
            (Stage::First, _) => {
                let mut builder = self.whole();
                if serial.is_some() {
                    Stage::Done(Received::Whole(builder))
                } else {
                    add(&mut builder, record);
                    Stage::Whole(builder)
                }
            }
            (Stage::Whole(mut builder), None) => {
                add(&mut builder, record);
                Stage::Whole(builder)
            }
            (Stage::Whole(builder), Some(serial)) => {
                if serial != self.serial {
                    return Err(Failure::SoaDiffers);
                }
                Stage::Done(Received::Whole(builder))
            }
            (Stage::Removed(from), None) => {
                self.last().removed.push(record.clone());
                Stage::Removed(from)
            }
            (Stage::Removed(from), Some(to)) => {
                // Past the version that began it, or back, and it might never end.
                if !is_greater(to, from) || is_greater(to, self.serial) {
                    return Err(Failure::Jumps { from, to });
                }
                self.last().added.push(record.clone());
                Stage::Added(to)
            }
            (Stage::Added(to), None) => {
                self.last().added.push(record.clone());
                Stage::Added(to)
            }
            (Stage::Added(to), Some(serial)) if to == self.serial => {
                if serial != to {
                    return Err(Failure::SoaDiffers);
                }
                Stage::Done(Received::Differences(std::mem::take(&mut self.differences)))
            }
            (Stage::Added(to), Some(from)) => {
                if from != to {
                    return Err(Failure::Jumps { from: to, to: from });
                }
                self.remove_from(record, from)?
            }
            (Stage::Done(_), _) => return Err(Failure::AfterEnd),
        })
    }

    /// A zone that has the SOA which came first.
    fn whole(&self) -> Box<Builder> {
        let mut builder = Box::new(Builder::new(self.origin.clone()));
        add(&mut builder, &self.first);
        builder
    }

    fn remove_from(&mut self, soa: &Record, serial: u32) -> Result<Stage, Failure> {
        if self.differences.len() == DIFFERENCES_MAX {
            return Err(Failure::TooManyDifferences);
        }
        let removed = vec![soa.clone()];
        self.differences.push(Difference { removed, added: Vec::new() });
        Ok(Stage::Removed(serial))
    }

    fn last(&mut self) -> &mut Difference {
        self.differences.last_mut().expect("an SOA has begun it")
    }
}

fn add(builder: &mut Builder, record: &Record) {
    builder.add(&record.owner, record.rtype, record.ttl, &record.rdata, 0);
}

fn serial_of(soa: &Record) -> Result<u32, Failure> {
    super::timers::Soa::of(&soa.rdata).map(|soa| soa.serial).ok_or(Failure::Malformed)
}

/// What must hold of every message that answers us.
pub(super) fn check(
    message: &Message<'_>,
    id: u16,
    origin: &Name,
    qtype: u16,
) -> Result<(), Failure> {
    if message.id() != id {
        return Err(Failure::OtherId);
    }
    if !message.is_response() {
        return Err(Failure::NoResponse);
    }
    if message.rcode() != 0 {
        return Err(Failure::Rcode(message.rcode()));
    }
    if !message.asks(origin.as_wire(), qtype) {
        return Err(Failure::OtherQuestion);
    }
    if message.is_truncated() {
        return Err(Failure::Truncated);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
