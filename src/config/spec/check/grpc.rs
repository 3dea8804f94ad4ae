//! `grpc`.

use std::path::Path;

use super::tls::{is_off, read_tls};
use super::{is_built, needed, read_host, read_port};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{CheckKind, GrpcCheck};
use crate::config::node::Node;
use crate::config::spec::{fields, scalar};

/// What may stand in `grpc`.
pub(in crate::config) const GRPC_KEYS: [&str; 4] = ["port", "service", "host", "tls"];

/// The longest name of a service, in bytes; those of gRPC are a package and a word.
const SERVICE_MAX: usize = 255;

pub(super) fn read(node: &Node<'_>, file: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    is_built("grpc", "grpc", cfg!(feature = "grpc"), node, mistakes)?;
    let [port, service, host, tls] = fields(node, "`grpc`", GRPC_KEYS, mistakes)?;
    let service = match service {
        Some((_, node)) => read_service(node, mistakes),
        None => Some(String::new()),
    };
    let host = host.map(|(_, node)| read_host(node, mistakes));
    let tls = match tls {
        Some((_, node)) if is_off(node) => None,
        Some((_, node)) => Some(read_tls(node, file, mistakes)?),
        None => None,
    };
    let port = read_port(needed(port, node, ("`grpc`", "port"), mistakes)?, mistakes)?;
    let host = match host {
        Some(host) => Some(host?),
        None => None,
    };
    Some(CheckKind::Grpc(GrpcCheck { port, service: service?, host, tls }))
}

fn read_service(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let what = "the name of a service";
    let text = scalar(node, what, mistakes)?;
    if text.text.contains(char::is_control) {
        mistakes.add(text.span, Problem::ControlCharacters { what });
        return None;
    }
    if text.text.len() > SERVICE_MAX {
        mistakes.add(text.span, Problem::SaidTooLong { what, most: SERVICE_MAX });
        return None;
    }
    Some(text.text.to_owned())
}
