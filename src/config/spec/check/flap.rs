//! `flap:` of a check.

use std::time::Duration;

use super::super::{choice, fields, number, scalar};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::Flap;
use crate::config::node::{Kind, Node};
use crate::config::value;

/// What may stand in `flap`.
pub(in crate::config) const FLAP_KEYS: [&str; 5] =
    ["penalty", "suppress", "reuse", "half_life", "hold_max"];

/// The largest penalty: none needs more, and all are exact.
const PENALTY_MAX: u32 = 1_000_000;
/// A half-life and a hold are from a second to a day.
const SPANS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));

/// Reads the settings, or `true` for those that are usual.
pub(super) fn flap(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Flap> {
    if let Kind::Scalar(..) = &node.kind
        && !node.is_nothing()
    {
        let words = [("true", Some(Flap::DEFAULT)), ("false", None)];
        return choice(node, "yes, no or a map", &words, mistakes)?;
    }
    let [penalty, suppress, reuse, half_life, hold_max] =
        fields(node, "`flap`", FLAP_KEYS, mistakes)?;
    let mut amount = |field: Option<super::Field<'_>>, usual| {
        field
            .and_then(|(_, node)| number(node, "a penalty", 1..=PENALTY_MAX, mistakes))
            .unwrap_or(usual)
    };
    let usual = Flap::DEFAULT;
    let (penalty, suppress, reuse) = (
        amount(penalty, usual.penalty),
        amount(suppress, usual.suppress),
        amount(reuse, usual.reuse),
    );
    let mut span = |field: Option<super::Field<'_>>, what, usual| {
        field
            .and_then(|(_, node)| scalar(node, "a duration", mistakes))
            .and_then(|text| mistakes.take(text.span, value::span(what, text.text, SPANS)))
            .unwrap_or(usual)
    };
    let half_life = span(half_life, "the half-life", usual.half_life);
    let hold_max = span(hold_max, "the longest hold", usual.hold_max);
    let flap = Flap { penalty, suppress, reuse, half_life, hold_max };
    if reuse >= suppress {
        mistakes.add(node.span, Problem::FlapThresholds { suppress, reuse });
    } else if !flap.can_hold() {
        mistakes.add(node.span, Problem::FlapNeverHolds { suppress });
    }
    Some(flap)
}
