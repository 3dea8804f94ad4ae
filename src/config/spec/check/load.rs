//! `load:` of an HTTP check.

use super::super::{fields, number, request, scalar};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{LoadFrom, LoadPlace};
use crate::config::node::Node;

/// What may stand in `load`.
pub(in crate::config) const LOAD_KEYS: [&str; 3] = ["header", "json", "full"];

/// The number that means all that a server can do, where the file says nothing: a percentage.
pub(in crate::config) const FULL: u32 = 100;

/// Reads where an answer says how busy its server is.
pub(super) fn load(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<LoadFrom> {
    let [header, json, full] = fields(node, "`load`", LOAD_KEYS, mistakes)?;
    let full = full.and_then(|(_, node)| {
        number(node, "a number that means full load", 1..=1_000_000, mistakes)
    });
    let place = match (header, json) {
        (Some((_, node)), None) => {
            let text = scalar(node, "the name of a header field", mistakes)?;
            if !request::is_header_name(text.text) {
                mistakes.add(text.span, Problem::BadHeader { text: text.text.into() });
                return None;
            }
            LoadPlace::Header(text.text.to_owned())
        }
        (None, Some((_, node))) => {
            let text = scalar(node, "a JSON pointer", mistakes)?;
            // RFC 6901 §3.
            if !text.text.is_empty() && !text.text.starts_with('/') {
                mistakes.add(text.span, Problem::BadPointer { text: text.text.into() });
                return None;
            }
            LoadPlace::Json(text.text.to_owned())
        }
        _ => {
            mistakes.add(node.span, Problem::LoadPlace);
            return None;
        }
    };
    Some(LoadFrom { place, full: full.unwrap_or(FULL) })
}
