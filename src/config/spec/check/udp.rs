//! `udp`.

use std::path::Path;

use super::{needed, read_bytes, read_port};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{CheckKind, UdpCheck};
use crate::config::node::Node;
use crate::config::spec::fields;

/// What may stand in `udp`.
pub(in crate::config) const UDP_KEYS: [&str; 3] = ["port", "send", "expect"];

pub(super) fn read(node: &Node<'_>, _: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [port, send, expect] = fields(node, "`udp`", UDP_KEYS, mistakes)?;
    let port = needed(port, node, ("`udp`", "port"), mistakes);
    let send = send.map(|(_, node)| read_bytes(node, mistakes));
    let expect = match expect {
        Some((_, node)) => {
            let bytes = read_bytes(node, mistakes)?;
            if bytes.is_empty() {
                mistakes.add(node.span, Problem::EmptyText { what: "what is expected" });
            }
            Some(bytes)
        }
        None => None,
    };
    let port = read_port(port?, mistakes)?;
    Some(CheckKind::Udp(UdpCheck { port, send: send.unwrap_or(Some(Vec::new()))?, expect }))
}
