//! What is inside, made into what the API gives.

pub mod checks;
pub mod explain;
pub mod pools;
pub mod ranked;
pub mod records;
pub mod status;
pub mod zones;

use jiff::Timestamp;

use crate::admin::model;
use crate::health::history::Probed;
use crate::health::overrides::{Hand, Override};
use crate::health::registry::{Latest, Seen};
use crate::health::sources::{Hearing, Panel, Prober};
use crate::health::target::{Side, Streak};
use crate::state::events::Event;

/// A time in unix milliseconds, as people and programs are told it.
#[must_use]
pub fn time(unix: u64) -> Timestamp {
    let time = i64::try_from(unix).ok().and_then(|unix| Timestamp::from_millisecond(unix).ok());
    time.unwrap_or(Timestamp::MAX)
}

/// Microseconds in seconds.
fn seconds(us: u32) -> f64 {
    f64::from(us) / 1e6
}

/// What hands have set.
#[must_use]
pub fn set(set: &Override, is_known: bool) -> model::Override {
    model::Override {
        key: set.key.to_string(),
        state: match set.hand {
            Hand::Up => model::OverrideState::Up,
            Hand::Down => model::OverrideState::Down,
            Hand::Drain => model::OverrideState::Drain,
        },
        author: set.author.to_string(),
        reason: set.reason.as_ref().map(ToString::to_string),
        since: time(set.since),
        until: set.until.map(time),
        is_known,
    }
}

/// What each prober says of a target; one that has not judged it yet says nothing.
#[must_use]
pub fn reports(seen: &Seen, panel: &Panel, streak: Streak) -> Vec<model::Report> {
    let report = |latest: &Latest| {
        Some(model::Report {
            prober: latest.source.to_string(),
            side: side(latest.health.side()?),
            checks_to_change: latest.health.checks_to_change(streak),
            detail: latest.detail.to_string(),
            at: time(latest.at),
            took: seconds(latest.took_us),
            stale: !panel.live.contains(&latest.source),
        })
    };
    seen.reports.iter().filter_map(report).collect()
}

fn side(side: Side) -> model::Side {
    match side {
        Side::Up => model::Side::Up,
        Side::Down => model::Side::Down,
    }
}

/// One outcome.
#[must_use]
pub fn outcome(probed: &Probed) -> model::Outcome {
    model::Outcome {
        prober: probed.source.to_string(),
        at: time(probed.at),
        passed: probed.passed,
        detail: probed.detail.to_string(),
        took: seconds(probed.took_us),
        changed: probed.changed.map(side),
    }
}

/// A prober.
#[must_use]
pub fn prober(prober: &Prober) -> model::Prober {
    model::Prober {
        name: prober.source.to_string(),
        state: match prober.hearing {
            Hearing::Live => model::ProberState::Live,
            Hearing::CutOff => model::ProberState::CutOff,
            Hearing::Lost => model::ProberState::Lost,
            Hearing::Awaited => model::ProberState::Awaited,
        },
        heard: prober.heard.map(time),
        targets: prober.tally.targets,
        missing: prober.tally.missing,
        unknown: prober.tally.unknown,
        reports: prober.tally.reports,
        rejected: prober.tally.rejected,
    }
}

/// Something that happened.
#[must_use]
pub fn event(event: &Event) -> model::Event {
    model::Event {
        id: event.id,
        at: time(event.at),
        kind: event.kind.to_string(),
        subject: event.subject.clone(),
        message: event.message.clone(),
    }
}
