//! When a zone's primaries are asked, and until when the zone is served (RFC 1034 §4.3.5, RFC 1996).
//!
//! ```text
//!            REFRESH is over, or a NOTIFY                  every primary failed
//!   waiting ─────────────────────────────▶ asking ──────────────────────────────▶ waiting, for RETRY
//!      ▲                                     │  ▲ │
//!      └──── up to date, or transferred ─────┘  └─┘ one failed: the next
//!
//!   EXPIRE after the last success: served no more, and asked for all the same
//! ```
//!
//! There is no clock and no chance here: both come in. What is asked, and how, is left to others.

use std::time::Duration;

use crate::rdata::soa_numbers;
use crate::zone::serial::is_greater;

/// A moment by the running clock: how long after some beginning.
pub type Moment = Duration;

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// A zone is asked for no more often than this, whatever its SOA says.
pub const REFRESH_MIN: Duration = Duration::from_secs(2);
/// And no less often.
pub const REFRESH_MAX: Duration = Duration::from_secs(28 * DAY);
/// After a failure it is asked for no sooner than this.
pub const RETRY_MIN: Duration = Duration::from_secs(1);
/// And no later.
pub const RETRY_MAX: Duration = Duration::from_secs(14 * DAY);
/// No zone is served for longer after the last success.
pub const EXPIRE_MAX: Duration = Duration::from_secs(24 * 7 * DAY);
/// The first wait of a zone that we have never had; each failure doubles it.
pub const FIRST_RETRY: Duration = Duration::from_secs(2);
/// The longest of those waits.
pub const FIRST_RETRY_MAX: Duration = Duration::from_secs(15 * 60);
/// NOTIFYs start checks of a zone no more often than this.
pub const NOTIFY_SPACING: Duration = Duration::from_secs(1);

/// What an SOA says about secondaries, in seconds (RFC 1035 §3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soa {
    /// The version.
    pub serial: u32,
    /// From a success to the next check.
    pub refresh: u32,
    /// From a failure to the next check.
    pub retry: u32,
    /// From the last success to the end.
    pub expire: u32,
}

impl Soa {
    /// From RDATA that is uncompressed; `None` where it is none of an SOA.
    #[must_use]
    pub fn of(rdata: &[u8]) -> Option<Self> {
        let [serial, refresh, retry, expire, _] = soa_numbers(rdata)?;
        Some(Self { serial, refresh, retry, expire })
    }

    fn refresh(self) -> Duration {
        seconds(self.refresh).clamp(REFRESH_MIN, REFRESH_MAX)
    }

    fn retry(self) -> Duration {
        seconds(self.retry).clamp(RETRY_MIN, RETRY_MAX)
    }

    /// At least one check and one more after it has failed fit in.
    #[must_use]
    pub fn expire(self) -> Duration {
        seconds(self.expire).max(self.refresh() + self.retry()).min(EXPIRE_MAX)
    }
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until then.
    Wait(Moment),
    /// Ask this primary, by its place in the list. Exactly one of [`Timers::up_to_date`], [`Timers::received`],
    /// [`Timers::failed`] and [`Timers::behind`] follows.
    Ask(usize),
    /// The zone is served no more. Told once.
    Expire,
}

/// What a NOTIFY leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notified {
    /// Nothing: we have this version.
    Known,
    /// A check, now or as soon as may be.
    Soon,
    /// A check after the one that is on its way, unless that brings it.
    After,
}

/// The timers of one zone.
#[derive(Clone, Debug)]
pub struct Timers {
    primaries: usize,
    held: Option<Held>,
    /// When a primary is asked next.
    next: Moment,
    /// Which.
    primary: usize,
    /// Whether it is being asked.
    is_asking: bool,
    /// How many primaries in a row have failed since the last wait.
    failed: usize,
    /// How many rounds through all of them have failed since the last success.
    rounds: u32,
    /// When a check began last.
    checked: Option<Moment>,
    /// What was told of while a primary was asked.
    told: Option<Told>,
}

/// The version that we have.
#[derive(Clone, Copy, Debug)]
struct Held {
    soa: Soa,
    expires: Moment,
    is_expired: bool,
}

/// A NOTIFY that waits.
#[derive(Clone, Copy, Debug)]
struct Told {
    serial: Option<u32>,
    primary: Option<usize>,
}

impl Timers {
    /// Those of a zone that we do not have, with so many primaries; one at least.
    #[must_use]
    pub fn new(primaries: usize, now: Moment) -> Self {
        Self {
            primaries: primaries.max(1),
            held: None,
            next: now,
            primary: 0,
            is_asking: false,
            failed: 0,
            rounds: 0,
            checked: None,
            told: None,
        }
    }

    /// Those of a zone that was kept over a restart; the last success was `age` ago.
    #[must_use]
    pub fn resumed(primaries: usize, soa: Soa, age: Duration, now: Moment) -> Self {
        let left = soa.expire().checked_sub(age).filter(|left| !left.is_zero());
        let held =
            Held { soa, expires: now + left.unwrap_or_default(), is_expired: left.is_none() };
        Self { held: Some(held), ..Self::new(primaries, now) }
    }

    /// The serial of what we have, expired or not.
    #[must_use]
    pub fn serial(&self) -> Option<u32> {
        self.held.map(|held| held.soa.serial)
    }

    /// Whether we have a version that may be served.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.held.is_some_and(|held| !held.is_expired)
    }

    /// When what we have expires, or has.
    #[must_use]
    pub fn expires(&self) -> Option<Moment> {
        self.held.map(|held| held.expires)
    }

    /// What is to be done now.
    pub fn step(&mut self, now: Moment) -> Step {
        let mut until = Moment::MAX;
        if let Some(held) = self.held.as_mut().filter(|held| !held.is_expired) {
            if now >= held.expires {
                held.is_expired = true;
                return Step::Expire;
            }
            until = held.expires;
        }
        if self.is_asking {
            return Step::Wait(until);
        }
        if now < self.next {
            return Step::Wait(until.min(self.next));
        }
        self.is_asking = true;
        self.checked = Some(now);
        Step::Ask(self.primary)
    }

    /// Takes in a NOTIFY, which may name a serial, of a primary that may be known by its place.
    pub fn notified(&mut self, serial: Option<u32>, from: Option<usize>, now: Moment) -> Notified {
        if !self.is_news(serial) {
            return Notified::Known;
        }
        if self.is_asking {
            self.told = Some(Told { serial, primary: from });
            return Notified::After;
        }
        self.bring_forward(from, now);
        Notified::Soon
    }

    /// The primary has what we have. Says whether the zone may be served again that could not.
    pub fn up_to_date(&mut self, now: Moment, draw: u16) -> bool {
        let Some(held) = self.held else {
            // Nobody can have what we do not have.
            self.failed(now, draw);
            return false;
        };
        self.succeeded(held.soa, now, draw)
    }

    /// The primary has sent a version. Says whether the zone may be served again that could not.
    pub fn received(&mut self, soa: Soa, now: Moment, draw: u16) -> bool {
        self.succeeded(soa, now, draw)
    }

    fn succeeded(&mut self, soa: Soa, now: Moment, draw: u16) -> bool {
        let was_served = self.is_served();
        self.held = Some(Held { soa, expires: now + soa.expire(), is_expired: false });
        self.is_asking = false;
        (self.failed, self.rounds) = (0, 0);
        // The list is in the operator's order.
        self.primary = 0;
        self.next = now + jittered(soa.refresh(), draw);
        self.hear_what_waits(now);
        !was_served
    }

    /// The primary did not answer, or not as it should, or its version cannot be served.
    pub fn failed(&mut self, now: Moment, draw: u16) {
        self.is_asking = false;
        self.failed += 1;
        self.primary = (self.primary + 1) % self.primaries;
        if self.failed < self.primaries {
            self.next = now;
            return;
        }
        self.failed = 0;
        self.primary = 0;
        self.next = now + jittered(self.retry(), draw);
        self.rounds = self.rounds.saturating_add(1);
        self.hear_what_waits(now);
    }

    /// The primary has an older version than we have: another may have ours.
    pub fn behind(&mut self, now: Moment, draw: u16) {
        self.failed(now, draw);
    }

    fn retry(&self) -> Duration {
        match self.held {
            Some(held) => held.soa.retry(),
            None => FIRST_RETRY.saturating_mul(1 << self.rounds.min(16)).min(FIRST_RETRY_MAX),
        }
    }

    fn hear_what_waits(&mut self, now: Moment) {
        if let Some(told) = self.told.take()
            && self.is_news(told.serial)
        {
            self.bring_forward(told.primary, now);
        }
    }

    fn is_news(&self, serial: Option<u32>) -> bool {
        match (serial, self.held) {
            (Some(serial), Some(held)) => held.is_expired || is_greater(serial, held.soa.serial),
            _ => true,
        }
    }

    fn bring_forward(&mut self, primary: Option<usize>, now: Moment) {
        let earliest = self.checked.map_or(now, |checked| now.max(checked + NOTIFY_SPACING));
        self.next = self.next.min(earliest);
        // Who tells of a version has it.
        if let Some(primary) = primary.filter(|&primary| primary < self.primaries) {
            self.primary = primary;
            self.failed = 0;
        }
    }
}

/// Up to a tenth less, so that the zones of one primary do not all come at once.
fn jittered(interval: Duration, draw: u16) -> Duration {
    interval.saturating_sub(interval / 10 * u32::from(draw) / 65_536)
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests;
