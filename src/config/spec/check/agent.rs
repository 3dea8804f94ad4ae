//! `agent`.

use std::path::Path;

use super::{needed, read_bytes, read_port};
use crate::config::error::Mistakes;
use crate::config::model::{AgentCheck, CheckKind};
use crate::config::node::Node;
use crate::config::spec::fields;

/// What may stand in `agent`.
pub(in crate::config) const AGENT_KEYS: [&str; 2] = ["port", "send"];

pub(super) fn read(node: &Node<'_>, _: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [port, send] = fields(node, "`agent`", AGENT_KEYS, mistakes)?;
    let send = send.map(|(_, node)| read_bytes(node, mistakes));
    let port = needed(port, node, ("`agent`", "port"), mistakes)?;
    let port = read_port(port, mistakes)?;
    Some(CheckKind::Agent(AgentCheck { port, send: send.unwrap_or(Some(Vec::new()))? }))
}
