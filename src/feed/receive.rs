//! The server's side of a feed: which batches are taken, and in which order.
//!
//! ```text
//! session     sequence    part    what
//! newer       0           whole   a new session begins; the parts of the whole report are gathered
//! newer       other       any     out of order
//! this one    next        fits    taken
//! this one    below next  any     a retry: taken before, so it is left out and answered the same
//! this one    above next  any     out of order
//! this one    any         any     out of order after a silence of a lease: it ends with the lease
//! older       any         any     out of order: a packet from the past, or a second prober of this name
//! ```
//!
//! There is no clock and no socket here: time comes in, and what is to be published goes out.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::message::{
    self, BATCH_MAX, Batch, OutOfOrder, Part, Report, VERSION, WireHealth, at, clean,
};
use crate::health::key::{CheckKey, TargetKey};
use crate::health::source::{BadSource, Source};
use crate::health::sources::BESIDE_MAX;
use crate::health::target::Health;
use crate::health::told::Told;

/// The most reports of a whole report.
pub const WHOLE_MAX: usize = 100_000;
/// A probe that took longer is told as this long.
const TOOK_MAX: Duration = Duration::from_secs(86_400);

/// What is known of the sessions of probers beside.
#[derive(Debug, Default)]
pub struct Receiver {
    sessions: HashMap<Source, Session>,
}

#[derive(Debug)]
struct Session {
    number: u64,
    next: u64,
    /// The whole report as far as it has come; `None` once it is there.
    whole: Option<Gathered>,
    /// Which version of this server's targets the whole report has met.
    version: u64,
    /// When a batch came last.
    heard: Duration,
}

/// A whole report as far as it has come. It has one report at most of each target that is known here: whoever tells of others
/// takes no room.
#[derive(Debug, Default)]
struct Gathered {
    found: BTreeMap<TargetKey, Found>,
    /// How many reports have come, those that are not kept too.
    told: usize,
    /// How many of them are of targets that nobody knows here.
    unknown: usize,
}

/// What a batch meets.
#[derive(Clone, Copy)]
pub struct Here<'h> {
    /// Tells when this server's targets change.
    pub version: u64,
    /// Whether this server has a target that is probed.
    pub is_known: &'h dyn Fn(&TargetKey) -> bool,
    /// For how long a prober may be silent.
    pub lease: Duration,
}

/// What is to be published of a batch.
#[derive(Debug, PartialEq)]
pub struct Accepted {
    /// Who.
    pub source: Source,
    /// What.
    pub brings: Brings,
    /// The sequence number of the next batch.
    pub next: u64,
    /// Whether a new session is wished for.
    pub again: bool,
}

/// What a batch brings.
#[derive(Debug, PartialEq)]
pub enum Brings {
    /// Nothing to publish: a part of a whole report, which is kept until its end comes. The prober is not heard by this.
    Nothing,
    /// What was found since; without reports a heartbeat.
    News(Vec<Found>),
    /// All that the prober knows.
    Whole {
        /// Of targets that are known here.
        reports: Vec<Found>,
        /// How many reports more are of others.
        unknown: usize,
    },
}

/// A report of a prober beside.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// On which target.
    pub key: TargetKey,
    /// Where it stands.
    pub health: Health,
    /// What the probe found, for people.
    pub detail: Arc<str>,
    /// What the target said of itself.
    pub told: Told,
    /// How long it took.
    pub took: Duration,
    /// When it ended, in unix milliseconds by this server's clock.
    pub at: u64,
}

/// Why a batch is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is of another version.
    Version(u32),
    /// No prober beside can have this name.
    Name(BadSource),
    /// The token is of another prober.
    Token {
        /// Whose it is.
        token: String,
        /// Whose the batch is.
        prober: String,
    },
    /// It has more than [`BATCH_MAX`] reports.
    TooMany(usize),
    /// The whole report has more than [`WHOLE_MAX`] reports.
    WholeTooLarge,
    /// A check is not 16 hex digits.
    Check(String),
    /// There are [`BESIDE_MAX`] probers that are heard.
    TooManyProbers,
    /// Another batch is expected.
    OutOfOrder(Expected),
}

/// Which batch is expected, and why this was not it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The newest session that is known.
    pub session: u64,
    /// The next batch in it.
    pub next: u64,
    /// Why.
    pub why: Why,
}

/// Why a batch is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A session begins with the first part of a whole report.
    NotTheBeginning,
    /// There is a newer session.
    OldSession,
    /// A batch before this is missing.
    Gap,
    /// The prober was silent for longer than the lease.
    Silence,
    /// The parts of the whole report come first, and news after them.
    Part,
}

impl Receiver {
    /// Takes a batch, whose token is bound to the name `token`, at a time on two clocks: since the start, and in unix
    /// milliseconds.
    ///
    /// What comes of it is to be published at once; where that fails, the prober is to be [forgotten](Self::forget).
    pub fn take(
        &mut self,
        batch: &Batch,
        token: Option<&str>,
        here: Here<'_>,
        (running, unix): (Duration, u64),
    ) -> Result<Accepted, Refusal> {
        if batch.version != VERSION {
            return Err(Refusal::Version(batch.version));
        }
        let source = Source::beside(&batch.prober).map_err(Refusal::Name)?;
        if let Some(token) = token.filter(|token| *token != batch.prober) {
            let (token, prober) = (token.to_owned(), batch.prober.clone());
            return Err(Refusal::Token { token, prober });
        }
        if batch.reports.len() > BATCH_MAX {
            return Err(Refusal::TooMany(batch.reports.len()));
        }
        let reports: Result<Vec<Found>, Refusal> =
            batch.reports.iter().map(|report| found(report, unix)).collect();
        let reports = reports?;

        self.end_silent(here.lease, running);
        let session = self.session(&source, batch, here, running)?;
        session.heard = running;
        let brings = match (batch.part, &mut session.whole) {
            (_, None) if batch.sequence < session.next => Brings::News(Vec::new()),
            (_, Some(_)) if batch.sequence < session.next => Brings::Nothing,
            (Part::News, None) => Brings::News(reports),
            (Part::Whole | Part::WholeEnd, Some(gathered)) => {
                if gathered.told + reports.len() > WHOLE_MAX {
                    self.forget(&source);
                    return Err(Refusal::WholeTooLarge);
                }
                gathered.take(reports, here.is_known);
                if batch.part == Part::Whole {
                    Brings::Nothing
                } else {
                    let Gathered { found, unknown, .. } = session.whole.take().unwrap_or_default();
                    Brings::Whole { reports: found.into_values().collect(), unknown }
                }
            }
            (Part::News, Some(_)) | (Part::Whole | Part::WholeEnd, None) => {
                return Err(session.out_of_order(Why::Part));
            }
        };
        session.next = session.next.max(batch.sequence + 1);
        let again = session.version != here.version && session.whole.is_none();
        Ok(Accepted { source, brings, next: session.next, again })
    }

    /// The session of a batch that is not beyond what is expected.
    fn session(
        &mut self,
        source: &Source,
        batch: &Batch,
        Here { version, lease, .. }: Here<'_>,
        now: Duration,
    ) -> Result<&mut Session, Refusal> {
        let known = self.sessions.get(source);
        let newest = known.map_or(0, |known| known.number);
        let is_new = known.is_none() || batch.session > newest;
        if let Some(known) = known.filter(|_| !is_new) {
            if batch.session < newest {
                return Err(known.out_of_order(Why::OldSession));
            }
            if batch.sequence > known.next {
                return Err(known.out_of_order(Why::Gap));
            }
            // What it said before its silence counts no more, and is told again in whole.
            if now >= known.heard + lease {
                return Err(known.out_of_order(Why::Silence));
            }
        }
        if is_new {
            if batch.sequence > 0 || batch.part == Part::News {
                let next = known.map_or(0, |known| known.next);
                let why = Why::NotTheBeginning;
                return Err(Refusal::OutOfOrder(Expected { session: newest, next, why }));
            }
            self.make_room(source, lease, now)?;
            let session = Session {
                number: batch.session,
                next: 0,
                whole: Some(Gathered::default()),
                version,
                heard: now,
            };
            self.sessions.insert(source.clone(), session);
        }
        Ok(self.sessions.get_mut(source).expect("it was there, or was put there above"))
    }

    /// Lets go of what will not be told to its end: a session ends with its lease.
    fn end_silent(&mut self, lease: Duration, now: Duration) {
        let silent = self.sessions.values_mut().filter(|known| now >= known.heard + lease);
        silent
            .filter_map(|known| known.whole.as_mut())
            .for_each(|whole| *whole = Gathered::default());
    }

    /// Forgets the prober that was silent for longest, where there is one that is lost, and no room.
    fn make_room(
        &mut self,
        source: &Source,
        lease: Duration,
        now: Duration,
    ) -> Result<(), Refusal> {
        if self.sessions.contains_key(source) || self.sessions.len() < BESIDE_MAX {
            return Ok(());
        }
        let oldest = self.sessions.iter().min_by_key(|(_, known)| known.heard);
        let lost = oldest.filter(|(_, known)| now >= known.heard + lease);
        let lost = lost.map(|(source, _)| source.clone()).ok_or(Refusal::TooManyProbers)?;
        self.forget(&lost);
        Ok(())
    }

    /// Forgets a prober, which will have to begin anew.
    pub fn forget(&mut self, source: &Source) {
        self.sessions.remove(source);
    }
}

impl Gathered {
    fn take(&mut self, reports: Vec<Found>, is_known: &dyn Fn(&TargetKey) -> bool) {
        self.told += reports.len();
        for found in reports {
            if is_known(&found.key) {
                self.found.insert(found.key, found);
            } else {
                self.unknown += 1;
            }
        }
    }
}

impl Session {
    fn out_of_order(&self, why: Why) -> Refusal {
        Refusal::OutOfOrder(Expected { session: self.number, next: self.next, why })
    }
}

fn found(report: &Report, unix: u64) -> Result<Found, Refusal> {
    let Report { address, check, health, detail, told, took_us, age_ms } = report;
    let check: CheckKey =
        check.parse().map_err(|_| Refusal::Check(clean(check).chars().take(32).collect()))?;
    let health = WireHealth::into(*health);
    Ok(Found {
        key: TargetKey { address: *address, check },
        health,
        detail: clean(detail),
        told: message::told(told.as_ref(), health),
        took: Duration::from_micros(*took_us).min(TOOK_MAX),
        at: at(unix, *age_ms),
    })
}

impl From<Expected> for OutOfOrder {
    fn from(expected: Expected) -> Self {
        let Expected { session, next, .. } = expected;
        Self { error: expected.to_string(), session, next }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, next, why } = self;
        match why {
            Why::NotTheBeginning => f.write_str(
                "this session is new here; begin one with the first part of a whole report, sequence 0",
            ),
            Why::OldSession => write!(
                f,
                "session {session} of this prober is newer; begin one with a greater number. Do two probers have this name?"
            ),
            Why::Gap => write!(f, "batch {next} is missing; send it, or begin a new session"),
            Why::Silence => f.write_str(
                "this prober was silent for longer than its lease; begin a new session",
            ),
            Why::Part => f.write_str(
                "the parts of a whole report come first in a session, and news after them; begin a new one",
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "version {version} of a feed is not known here; it is version {VERSION}")
            }
            Self::Name(bad) => bad.fmt(f),
            Self::Token { token, prober } => write!(
                f,
                "the token is for the prober `{token}`, not for `{prober}`; each has a token of its name"
            ),
            Self::TooMany(count) => {
                write!(f, "{count} reports are too many for a batch; it has at most {BATCH_MAX}")
            }
            Self::WholeTooLarge => {
                write!(f, "a whole report has at most {WHOLE_MAX} targets; use several probers")
            }
            Self::Check(check) => write!(f, "`{check}` is not the key of a check: 16 hex digits"),
            Self::TooManyProbers => write!(
                f,
                "this server hears {BESIDE_MAX} probers beside, as many as it can; stop one of them"
            ),
            Self::OutOfOrder(expected) => expected.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests;
