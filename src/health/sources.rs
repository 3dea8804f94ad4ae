//! Which probers are heard, and what follows when none is.
//!
//! ```text
//!                     heard                    lease over
//!   awaited ──────────────────────▶ live ───────────────────────▶ lost
//!                                     ◀───────────────────────────
//!                                                heard
//!
//! prober inside   beside      who votes                                           the prober inside
//! set             -           it, and those that are live                         probes
//! not set         one live    those that are live                                 rests
//! not set         none live   by `on_prober_loss`:
//!                               hold    nobody: the last votes stay in force      rests
//!                                       after `takeover`: it                      probes
//!                               probe   it                                        probes
//!                               open    nobody: everything is in service          rests
//! ```
//!
//! After the start, a server without its own prober waits for one lease before it says that none is heard. There is no clock
//! here: time comes in as a [`Moment`].

use std::time::Duration;

use super::source::Source;
use crate::config::model::probers::{Isolation, OnProberLoss, PROBERS_MAX, Quorum};

/// The most probers beside: all but the one inside.
pub const BESIDE_MAX: usize = PROBERS_MAX - 1;
/// A lost prober that nobody expects is forgotten after this, as long as another is live.
const FORGET: Duration = Duration::from_secs(60 * 60);

/// What the operator sets about probers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether the server probes itself, whoever else does.
    pub inside: bool,
    /// How many must agree.
    pub quorum: Quorum,
    /// What follows when none is heard.
    pub on_loss: OnProberLoss,
    /// How long a server that holds waits before it probes itself; `None` is forever.
    pub takeover: Option<Duration>,
    /// A prober that is unheard for longer is lost.
    pub lease: Duration,
    /// The probers that are waited for.
    pub expect: Vec<Source>,
    /// When a prober is taken as cut off; `None` is never.
    pub isolation: Option<Isolation>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            inside: true,
            quorum: Quorum::default(),
            on_loss: OnProberLoss::default(),
            takeover: Some(Duration::from_secs(30)),
            lease: Duration::from_secs(10),
            expect: Vec::new(),
            isolation: Some(Isolation::default()),
        }
    }
}

/// A time, by both clocks that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Since the server began: leases go by it, as nobody sets it back.
    pub running: Duration,
    /// In unix milliseconds: what people are told.
    pub unix: u64,
}

/// Who votes on targets, and how votes are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panel {
    /// Those whose votes count.
    pub live: Vec<Source>,
    /// Those that are heard and seem to be cut off: they have no vote while others have, and what fell to them counts as
    /// it was.
    pub cut_off: Vec<Source>,
    /// How many of them must agree.
    pub quorum: Quorum,
    /// Whether everything that they have not judged counts as in service.
    pub is_open: bool,
}

/// A prober, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prober {
    /// Who.
    pub source: Source,
    /// Whether it is heard.
    pub hearing: Hearing,
    /// When it was heard last, in unix milliseconds.
    pub heard: Option<u64>,
    /// What it reported.
    pub tally: Tally,
}

/// Whether a prober is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    /// It is.
    Live,
    /// It is, and seems to be cut off from what it probes.
    CutOff,
    /// It was, but its lease has run out.
    Lost,
    /// It is expected and has never been heard.
    Awaited,
}

/// What a prober reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Targets that it reports on and this server knows.
    pub targets: u64,
    /// Targets that this server knows and it does not report on.
    pub missing: u64,
    /// Targets of its last whole report that this server does not know.
    pub unknown: u64,
    /// Reports taken in.
    pub reports: u64,
    /// Reports left out, as this server does not know what they are about.
    pub rejected: u64,
}

/// All probers that this server knows.
#[derive(Clone, Debug)]
pub struct Sources {
    settings: Settings,
    inside: Tally,
    inside_heard: Option<u64>,
    beside: Vec<Beside>,
    cut_off: Vec<Source>,
}

#[derive(Clone, Debug)]
struct Beside {
    source: Source,
    heard: Option<Moment>,
    /// Whether it was told that it is lost.
    told: bool,
    tally: Tally,
}

/// What it means that a prober was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was not known or awaited.
    First,
    /// It was lost.
    Again,
    /// It was live.
    Still,
}

/// There are [`BESIDE_MAX`] probers beside already, and none is lost that nobody expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySources;

impl Sources {
    /// Those that are expected, at the start.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let expected = settings.expect.iter().filter(|source| !source.is_inside());
        let beside = expected.map(|source| Beside::new(source.clone())).collect();
        let (inside, cut_off) = (Tally::default(), Vec::new());
        Self { settings, inside, inside_heard: None, beside, cut_off }
    }

    /// What the operator set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Notes that a prober beside was heard; one that is new takes the place of one that is lost where
    /// there are too many.
    pub fn heard(&mut self, source: &Source, now: Moment) -> Result<Heard, TooManySources> {
        let lease = self.settings.lease;
        if let Some(known) = self.beside.iter_mut().find(|known| known.source == *source) {
            known.told = false;
            return Ok(match known.heard.replace(now) {
                None => Heard::First,
                Some(before) if now.running >= before.running + lease => Heard::Again,
                Some(_) => Heard::Still,
            });
        }
        if self.beside.len() >= BESIDE_MAX {
            let expect = &self.settings.expect;
            let oldest = (0..self.beside.len())
                .filter(|&at| !expect.contains(&self.beside[at].source))
                .filter(|&at| !self.beside[at].is_live(lease, now))
                .min_by_key(|&at| self.beside[at].heard.map(|heard| heard.running));
            self.beside.remove(oldest.ok_or(TooManySources)?);
        }
        self.beside.push(Beside { heard: Some(now), ..Beside::new(source.clone()) });
        Ok(Heard::First)
    }

    /// The probers whose lease has run out and of whom it was not said yet: said by this.
    pub fn lost(&mut self, now: Moment) -> Vec<Source> {
        let lease = self.settings.lease;
        let newly = |known: &&mut Beside| {
            let is_due = known.heard.is_some() || now.running >= lease;
            is_due && !known.told && !known.is_live(lease, now)
        };
        let lost = self.beside.iter_mut().filter(newly);
        lost.map(|known| {
            known.told = true;
            known.source.clone()
        })
        .collect()
    }

    /// Forgets lost probers that nobody expects, after a long time, and names them.
    pub fn forget(&mut self, now: Moment) -> Vec<Source> {
        if self.silent_since(now).is_some() {
            return Vec::new();
        }
        let expect = &self.settings.expect;
        let is_old = |known: &Beside| {
            let heard = known.heard.unwrap_or_default();
            !expect.contains(&known.source) && now.running >= heard.running + FORGET
        };
        let (old, kept) = std::mem::take(&mut self.beside).into_iter().partition(is_old);
        self.beside = kept;
        let old: Vec<Beside> = old;
        let old: Vec<Source> = old.into_iter().map(|known| known.source).collect();
        self.cut_off.retain(|source| !old.contains(source));
        old
    }

    /// Since when no prober has been heard, where that is so.
    #[must_use]
    pub fn silent_since(&self, now: Moment) -> Option<Duration> {
        if self.settings.inside {
            return None;
        }
        let lease = self.settings.lease;
        let heard = self.beside.iter().filter_map(|known| known.heard);
        let since = heard.map(|heard| heard.running).max().unwrap_or_default() + lease;
        (now.running >= since).then_some(since)
    }

    /// Whether the prober inside shall probe.
    #[must_use]
    pub fn inside_probes(&self, now: Moment) -> bool {
        let after = match self.settings.on_loss {
            OnProberLoss::Hold => self.settings.takeover,
            OnProberLoss::Probe => Some(Duration::ZERO),
            OnProberLoss::Open => None,
        };
        let takes_over = |since: Duration| {
            after.and_then(|after| since.checked_add(after)).is_some_and(|at| now.running >= at)
        };
        self.settings.inside || self.silent_since(now).is_some_and(takes_over)
    }

    /// Who votes.
    #[must_use]
    pub fn panel(&self, now: Moment) -> Panel {
        let inside = self.inside_probes(now).then(Source::inside);
        let live = self.beside.iter().filter(|known| known.is_live(self.settings.lease, now));
        let heard = inside.into_iter().chain(live.map(|known| known.source.clone()));
        let (cut_off, live) = heard.partition(|source| self.cut_off.contains(source));
        Panel {
            live,
            cut_off,
            quorum: self.settings.quorum,
            is_open: self.settings.on_loss == OnProberLoss::Open
                && self.silent_since(now).is_some(),
        }
    }

    /// When something here changes next by time alone.
    #[must_use]
    pub fn next_change(&self, now: Moment) -> Option<Duration> {
        let Settings { lease, takeover, .. } = self.settings;
        let ends = self.beside.iter().map(|known| known.heard.unwrap_or_default().running + lease);
        let silent = self.silent_since(now).zip(takeover);
        let takeover = silent.and_then(|(since, takeover)| since.checked_add(takeover));
        let waiting = (!self.settings.inside).then_some(lease);
        ends.chain(takeover).chain(waiting).filter(|at| *at > now.running).min()
    }

    /// Notes whether a prober seems to be cut off.
    pub fn set_cut_off(&mut self, source: &Source, is_cut_off: bool) {
        self.cut_off.retain(|known| known != source);
        if is_cut_off {
            self.cut_off.push(source.clone());
        }
    }

    fn is_cut_off(&self, source: &Source) -> bool {
        self.cut_off.contains(source)
    }

    /// What a prober reported.
    pub fn tally(&mut self, source: &Source) -> Option<&mut Tally> {
        if source.is_inside() {
            return Some(&mut self.inside);
        }
        let known = self.beside.iter_mut().find(|known| known.source == *source);
        known.map(|known| &mut known.tally)
    }

    /// Notes a report of the prober inside.
    pub fn heard_inside(&mut self, at: u64) {
        self.inside_heard = Some(at);
    }

    /// All that are known: the one inside where it probes, then those beside.
    #[must_use]
    pub fn probers(&self, now: Moment) -> Vec<Prober> {
        let inside = self.inside_probes(now).then(|| Prober {
            source: Source::inside(),
            hearing: if self.is_cut_off(&Source::inside()) {
                Hearing::CutOff
            } else {
                Hearing::Live
            },
            heard: self.inside_heard,
            tally: self.inside,
        });
        let beside = self.beside.iter().map(|known| Prober {
            source: known.source.clone(),
            hearing: match known.hearing(self.settings.lease, now) {
                Hearing::Live if self.is_cut_off(&known.source) => Hearing::CutOff,
                hearing => hearing,
            },
            heard: known.heard.map(|heard| heard.unix),
            tally: known.tally,
        });
        inside.into_iter().chain(beside).collect()
    }

    /// What somebody on call should know of probers, a sentence each.
    #[must_use]
    pub fn alarms(&self, now: Moment) -> Vec<String> {
        let lease = self.settings.lease;
        let alarm = |known: &Beside| {
            let who = &known.source;
            match known.hearing(lease, now) {
                Hearing::Live | Hearing::CutOff => None,
                Hearing::Awaited if now.running < lease => None,
                Hearing::Awaited => Some(format!("the prober {who} has never been heard")),
                Hearing::Lost => Some(format!("the prober {who} is lost: it is silent")),
            }
        };
        let each = self.beside.iter().filter_map(alarm);
        let silent = self.silent_since(now).map(|_| match self.settings.on_loss {
            _ if self.inside_probes(now) => {
                "no prober beside is heard, so the server probes itself".to_owned()
            }
            OnProberLoss::Open => {
                "no prober is heard, so every backend counts as in service".to_owned()
            }
            _ => "no prober is heard, so health stays as it was".to_owned(),
        });
        let panel = self.panel(now);
        let cut_off = panel.cut_off.iter().map(|source| {
            let then = if panel.live.is_empty() {
                "health of those stays as it was"
            } else {
                "the others decide"
            };
            format!("the prober {source} seems to be cut off, as most of its targets failed at once: {then}")
        });
        each.chain(cut_off).chain(silent).collect()
    }
}

impl Beside {
    fn new(source: Source) -> Self {
        Self { source, heard: None, told: false, tally: Tally::default() }
    }

    fn is_live(&self, lease: Duration, now: Moment) -> bool {
        self.heard.is_some_and(|heard| now.running < heard.running + lease)
    }

    fn hearing(&self, lease: Duration, now: Moment) -> Hearing {
        match self.heard {
            None => Hearing::Awaited,
            Some(_) if self.is_live(lease, now) => Hearing::Live,
            Some(_) => Hearing::Lost,
        }
    }
}

#[cfg(test)]
mod tests;
