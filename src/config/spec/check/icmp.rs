//! `icmp`.

use std::num::NonZeroU8;
use std::path::Path;

use crate::config::error::Mistakes;
use crate::config::model::{CheckKind, IcmpCheck};
use crate::config::node::Node;
use crate::config::spec::{Field, fields, number};

/// What may stand in `icmp`.
pub(in crate::config) const ICMP_KEYS: [&str; 2] = ["count", "at_least"];

pub(super) fn read(node: &Node<'_>, _: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [count, least] = fields(node, "`icmp`", ICMP_KEYS, mistakes)?;
    let count = echoes(count, IcmpCheck::COUNT_MAX, mistakes)?;
    let least = echoes(least, count.get(), mistakes)?;
    Some(CheckKind::Icmp(IcmpCheck { count, least }))
}

/// A number of echoes; one where none is written.
fn echoes(field: Option<Field<'_>>, most: u8, mistakes: &mut Mistakes<'_>) -> Option<NonZeroU8> {
    let Some((_, node)) = field else { return Some(NonZeroU8::MIN) };
    number(node, "a number of echoes", 1..=most.into(), mistakes).and_then(NonZeroU8::new)
}
