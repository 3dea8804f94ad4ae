//! `all`, `any` and `at_least`: checks over other checks.

use std::path::Path;

use super::{needed, part};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::SeveralChecks;
use crate::config::node::{Kind, Node};
use crate::config::spec::{CheckRef, fields, number, scalar};

/// What may stand in `at_least`.
pub(in crate::config) const AT_LEAST_KEYS: [&str; 2] = ["n", "of"];

/// How many of which checks must pass.
pub(super) type Several<'n> = (u8, Vec<CheckRef<'n>>);

pub(super) fn read_all<'n>(
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<Several<'n>> {
    let (most, of) = parts(node, file, mistakes)?;
    Some((most, of))
}

pub(super) fn read_any<'n>(
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<Several<'n>> {
    let (_, of) = parts(node, file, mistakes)?;
    Some((1, of))
}

pub(super) fn read_at_least<'n>(
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<Several<'n>> {
    let [least, of] = fields(node, "`at_least`", AT_LEAST_KEYS, mistakes)?;
    let of = needed(of, node, ("`at_least`", "of"), mistakes);
    let of = of.and_then(|of| parts(of, file, mistakes));
    let least = needed(least, node, ("`at_least`", "n"), mistakes)?;
    let (most, of) = of?;
    Some((number(least, "a number of checks", 1..=most.into(), mistakes)?, of))
}

/// A list of checks, by name or inline, and how many they are.
fn parts<'n>(node: &'n Node<'_>, file: &Path, mistakes: &mut Mistakes<'_>) -> Option<Several<'n>> {
    let Kind::List(items) = &node.kind else {
        mistakes
            .add(node.span, Problem::Expected { what: "a list of checks", found: node.describe() });
        return None;
    };
    let count =
        u8::try_from(items.len()).ok().filter(|&n| usize::from(n) <= SeveralChecks::PROBES_MAX);
    if items.is_empty() {
        mistakes.add(node.span, Problem::NoParts);
        return None;
    }
    let Some(count) = count else {
        mistakes.add(node.span, Problem::TooManyParts { most: SeveralChecks::PROBES_MAX });
        return None;
    };
    let of = items.iter().filter_map(|item| match &item.kind {
        Kind::Map(_) => Some(CheckRef::Inline(item.span, part(item, file, mistakes))),
        _ => scalar(item, "a check's name or a map", mistakes).map(CheckRef::Named),
    });
    let of: Vec<CheckRef<'n>> = of.collect();
    (of.len() == items.len()).then_some((count, of))
}
