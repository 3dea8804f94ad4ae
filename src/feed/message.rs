//! What a prober and a server say to each other: JSON, over HTTP.
//!
//! Times are told as ages and clocks are not compared, so that it does not matter which of the two is wrong.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::model::Role;
use crate::health::target::{Health, Outcome};
use crate::health::told::{Matters, SHARE_MAX, Told, Wish};

/// Where a server takes feeds.
pub const PATH: &str = "/v1/feed";
/// The version of these messages; a server refuses others.
pub const VERSION: u32 = 1;
/// The most reports of a batch.
pub const BATCH_MAX: usize = 1000;
/// The longest detail of a report, in characters.
pub const DETAIL_MAX: usize = 200;
/// The largest body of a request: [`BATCH_MAX`] reports, the longest there are.
pub const BODY_MAX: usize = 1408 * 1024;
/// The largest body of an answer.
pub const ANSWER_MAX: usize = 64 * 1024;
/// The oldest outcome that is told as what it is, older ones as so old.
const AGE_MAX: Duration = Duration::from_secs(7 * 86_400);

/// What `POST /v1/feed` takes: some of what a prober found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The version of this message: 1.
    pub version: u32,
    /// The name of the prober: 1 to 63 characters of `a-z A-Z 0-9 . _ -`.
    pub prober: String,
    /// Which session of this prober it belongs to; a later one has a greater number.
    pub session: u64,
    /// The place in the session, from 0.
    pub sequence: u64,
    /// What the reports are.
    pub part: Part,
    /// At most 1,000, none of a target twice in a whole report; those of one target in the order of their probes.
    pub reports: Vec<Report>,
}

/// What the reports of a batch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A part of the whole report with which a session begins; more of it follows.
    Whole,
    /// The last part of it. What the prober said in earlier sessions of other targets holds no more.
    WholeEnd,
    /// What was found since.
    News,
}

/// What a prober found out about a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Whom it probed.
    pub address: IpAddr,
    /// How: the key of the check, 16 hex digits.
    pub check: String,
    /// Where the target stands.
    pub health: WireHealth,
    /// What the probe found, for people: at most 200 characters, one line.
    pub detail: String,
    /// What the target said of itself. Without it, one that was reached has nothing to say, and one that was not did not answer:
    /// what it said before holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<WireTold>,
    /// How long the probe took, in microseconds.
    pub took_us: u64,
    /// How long ago it ended, in milliseconds.
    pub age_ms: u64,
}

/// Where a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireHealth {
    /// Not judged yet.
    Unknown,
    /// Up; so many failures in a row.
    Up(u8),
    /// Down; so many passes in a row.
    Down(u8),
}

/// What a target said of itself besides passing or failing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireTold {
    /// Whether it serves, and something about it should be seen to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,
    /// How busy it is, in percent: 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<u8>,
    /// The part of its weight that it wants, in percent: 0 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u16>,
    /// Whether it wants to be left out of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<WireWish>,
    /// What it is among its like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<WireRole>,
    /// How far it is behind its primary, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<u64>,
    /// What was not heard, as who would say it did not answer: what was said before of that holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unheard: Vec<WireMatter>,
}

/// What a target may say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireMatter {
    /// Whether it is degraded.
    Condition,
    /// How busy it is.
    Load,
    /// The part of its weight that it wants.
    Share,
    /// Whether it wants to be left out of answers.
    Wish,
    /// What it is among its like, and how far behind.
    Role,
}

/// Why a target wants to be left out of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireWish {
    /// No new clients.
    Drain,
    /// Out of service until it says otherwise.
    Maintenance,
}

/// What a target is among its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WireRole {
    /// It takes writes.
    Primary,
    /// It follows a primary.
    Replica,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Taken {
    /// The sequence number of the next batch.
    pub next: u64,
    /// How many of its reports were on targets that this server knows; of the whole report, at its end.
    pub known: u64,
    /// How many were on others, and so left out.
    pub unknown: u64,
    /// How many targets this server has and the whole report does not; at its end.
    pub missing: u64,
    /// How long the prober may be silent before it is lost, in milliseconds.
    pub lease_ms: u64,
    /// Whether a new session is wished for: the targets of this server have changed.
    pub again: bool,
}

/// Why a batch is out of order: with status 409.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutOfOrder {
    /// What is wrong, and what would be right.
    pub error: String,
    /// The newest session of this prober that the server knows; a new one has a greater number.
    pub session: u64,
    /// The sequence number that this session goes on with.
    pub next: u64,
}

impl From<Health> for WireHealth {
    fn from(health: Health) -> Self {
        match health {
            Health::Unknown => Self::Unknown,
            Health::Up { failed } => Self::Up(failed),
            Health::Down { passed } => Self::Down(passed),
        }
    }
}

impl From<WireHealth> for Health {
    fn from(health: WireHealth) -> Self {
        match health {
            WireHealth::Unknown => Self::Unknown,
            WireHealth::Up(failed) => Self::Up { failed },
            WireHealth::Down(passed) => Self::Down { passed },
        }
    }
}

impl From<Told> for WireTold {
    fn from(told: Told) -> Self {
        let Told { is_degraded, load, share, wish, role, lag, unheard } = told;
        Self {
            degraded: is_degraded,
            load,
            share,
            wish: match wish {
                Wish::Serve => None,
                Wish::Drain => Some(WireWish::Drain),
                Wish::Maintenance => Some(WireWish::Maintenance),
            },
            role: role.map(|role| match role {
                Role::Primary => WireRole::Primary,
                Role::Replica => WireRole::Replica,
            }),
            lag_ms: lag.map(|lag| lag.as_millis().try_into().unwrap_or(u64::MAX)),
            unheard: MATTERS
                .iter()
                .filter(|(matter, _)| unheard.has(*matter))
                .map(|(_, word)| *word)
                .collect(),
        }
    }
}

impl From<WireTold> for Told {
    fn from(told: WireTold) -> Self {
        let WireTold { degraded, load, share, wish, role, lag_ms, unheard } = told;
        let unheard = MATTERS.iter().filter(|(_, word)| unheard.contains(word));
        Self {
            is_degraded: degraded,
            load: load.map(|load| load.min(100)),
            share: share.map(|share| share.min(SHARE_MAX)),
            wish: match wish {
                None => Wish::Serve,
                Some(WireWish::Drain) => Wish::Drain,
                Some(WireWish::Maintenance) => Wish::Maintenance,
            },
            role: role.map(|role| match role {
                WireRole::Primary => Role::Primary,
                WireRole::Replica => Role::Replica,
            }),
            lag: lag_ms.map(Duration::from_millis),
            unheard: unheard.fold(Matters::NONE, |all, (matter, _)| all.and(*matter)),
        }
    }
}

/// What a target said of itself, as it is written down.
#[must_use]
pub fn wire_told(told: Told, health: Health) -> Option<WireTold> {
    (told != untold(health)).then(|| told.into())
}

/// What a target said of itself, as it was written down.
#[must_use]
pub fn told(told: Option<&WireTold>, health: Health) -> Told {
    told.map_or_else(|| untold(health), |told| told.clone().into())
}

/// What it means that nothing is written down.
fn untold(health: Health) -> Told {
    if health.last_outcome() == Some(Outcome::Fail) { Told::SILENT } else { Told::default() }
}

const MATTERS: [(Matters, WireMatter); 5] = [
    (Matters::CONDITION, WireMatter::Condition),
    (Matters::LOAD, WireMatter::Load),
    (Matters::SHARE, WireMatter::Share),
    (Matters::WISH, WireMatter::Wish),
    (Matters::ROLE, WireMatter::Role),
];

/// A detail as it may be told: one line, not too long. It may come from a stranger, by way of a prober.
#[must_use]
pub fn clean(detail: &str) -> Arc<str> {
    let is_fine = |char: &char| !char.is_control();
    if detail.len() <= DETAIL_MAX && detail.chars().all(|char| is_fine(&char)) {
        return Arc::from(detail);
    }
    detail.chars().filter(is_fine).take(DETAIL_MAX).collect::<String>().into()
}

/// An age as it is told.
#[must_use]
pub fn age_ms(age: Duration) -> u64 {
    age.min(AGE_MAX).as_millis() as u64
}

/// When something happened that is so old, in unix milliseconds.
#[must_use]
pub fn at(now: u64, age_ms: u64) -> u64 {
    now.saturating_sub(age_ms.min(AGE_MAX.as_millis() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_on_the_wire() {
        let text = r#"{"version":1,"prober":"probe-1","session":7,"sequence":0,"part":"whole_end","reports":[
            {"address":"192.0.2.1","check":"00ff00ff12345678","health":{"up":1},"detail":"HTTP 200","took_us":900,"age_ms":20},
            {"address":"2001:db8::1","check":"00ff00ff12345678","health":{"down":0},"detail":"","took_us":0,"age_ms":0},
            {"address":"192.0.2.2","check":"00ff00ff12345678","health":"unknown","detail":"","took_us":0,"age_ms":0}]}"#;
        let batch: Batch = serde_json::from_str(text).expect("as the manual has it");
        let healths: Vec<Health> = batch.reports.iter().map(|r| r.health.into()).collect();
        let expected = [Health::Up { failed: 1 }, Health::Down { passed: 0 }, Health::Unknown];
        assert_eq!(healths, expected);
        let again: Vec<WireHealth> = expected.map(WireHealth::from).to_vec();
        assert_eq!(again, batch.reports.iter().map(|r| r.health).collect::<Vec<_>>());
        let text: String = text.split('\n').map(str::trim).collect();
        assert_eq!(serde_json::to_string(&batch).expect("it can be written"), text);
        assert!(serde_json::from_str::<Batch>(&text.replace("prober", "probe")).is_err());
        assert!(serde_json::from_str::<Batch>(&text.replace(":900", ":-1")).is_err());
    }

    #[test]
    fn what_was_told_is_told_on_and_silence_costs_nothing() {
        let (up, down) = (Health::Up { failed: 0 }, Health::Down { passed: 0 });
        let busy = Told { load: Some(7), ..Told::default() };
        let partly = Told { unheard: Matters::ROLE.and(Matters::LOAD), ..Told::default() };
        for (health, said, text) in [
            (up, Told::default(), "null"),
            (down, Told::SILENT, "null"),
            (down, Told::default(), "{}"),
            (down, busy, r#"{"load":7}"#),
            (up, partly, r#"{"unheard":["load","role"]}"#),
        ] {
            let wire = wire_told(said, health);
            assert_eq!(serde_json::to_string(&wire).expect("it can be written"), text);
            assert_eq!(told(wire.as_ref(), health), said, "{text}");
        }
    }

    #[test]
    fn a_detail_is_one_line_of_limited_length() {
        for (detail, expected) in [
            ("connection refused", "connection refused".to_owned()),
            ("a\nb\u{1b}[31mc\u{85}", "ab[31mc".to_owned()),
            (&"ä".repeat(300), "ä".repeat(200)),
            (&"x".repeat(201), "x".repeat(200)),
            ("", String::new()),
        ] {
            assert_eq!(*clean(detail), *expected);
        }
    }

    #[test]
    fn the_largest_batch_fits_into_a_body() {
        let report = Report {
            address: "2001:db8:1111:2222:3333:4444:5555:6666".parse().expect("an address"),
            check: "00ff00ff12345678".into(),
            health: WireHealth::Down(255),
            detail: "\u{10ffff}".repeat(DETAIL_MAX),
            told: Some(WireTold {
                degraded: true,
                load: Some(u8::MAX),
                share: Some(u16::MAX),
                wish: Some(WireWish::Maintenance),
                role: Some(WireRole::Primary),
                lag_ms: Some(u64::MAX),
                unheard: MATTERS.map(|(_, word)| word).to_vec(),
            }),
            took_us: u64::MAX,
            age_ms: u64::MAX,
        };
        let batch = Batch {
            version: VERSION,
            prober: "x".repeat(63),
            session: u64::MAX,
            sequence: u64::MAX,
            part: Part::WholeEnd,
            reports: vec![report; BATCH_MAX],
        };
        let text = serde_json::to_string(&batch).expect("it can be written");
        assert!(text.len() < BODY_MAX, "{}", text.len());
        assert_eq!(serde_json::from_str::<Batch>(&text).expect("it can be read"), batch);
    }

    #[test]
    fn ages_that_cannot_be_are_as_old_as_can_be() {
        let week = 7 * 86_400_000;
        assert_eq!(at(10 * week, 5), 10 * week - 5);
        assert_eq!(at(10 * week, u64::MAX), 9 * week);
        assert_eq!(at(5, 9), 0);
        assert_eq!(age_ms(Duration::MAX), week);
    }
}
