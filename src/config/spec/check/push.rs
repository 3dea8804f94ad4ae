//! `push:`, a backend or its deploy script that reports by itself.

use std::path::Path;
use std::time::Duration;

use super::super::{fields, scalar};
use crate::config::error::Mistakes;
use crate::config::model::{CheckKind, PushCheck};
use crate::config::node::Node;
use crate::config::value;

/// What may stand in `push`.
pub(in crate::config) const PUSH_KEYS: [&str; 1] = ["ttl"];
/// How long a report holds, where the file says nothing.
pub(in crate::config) const TTL: Duration = Duration::from_secs(60);
/// The shortest and the longest time that a report may hold.
const TTLS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));

pub(super) fn read(node: &Node<'_>, _: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [ttl] = fields(node, "`push`", PUSH_KEYS, mistakes)?;
    let ttl = ttl
        .and_then(|(_, node)| scalar(node, "a duration", mistakes))
        .and_then(|text| mistakes.take(text.span, value::span("the ttl", text.text, TTLS)));
    Some(CheckKind::Push(PushCheck { ttl: ttl.unwrap_or(TTL), of: None }))
}
