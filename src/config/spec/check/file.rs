//! `file`.

use std::path::Path;
use std::time::Duration;

use super::needed;
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{CheckKind, FileCheck, Unlisted};
use crate::config::node::Node;
use crate::config::spec::{choice, fields, scalar};
use crate::config::value;

/// What may stand in `file`.
pub(in crate::config) const FILE_KEYS: [&str; 4] = ["path", "name", "unlisted", "max_age"];

/// The bounds of `max_age`.
const AGES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(365 * 86_400));

pub(super) fn read(node: &Node<'_>, file: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [path, name, unlisted, max_age] = fields(node, "`file`", FILE_KEYS, mistakes)?;
    let path = needed(path, node, ("`file`", "path"), mistakes)?;
    let path = text(path, "the path of a file", mistakes)?;
    let name = match name {
        Some((_, node)) => Some(text(node, "what the file calls it", mistakes)?),
        None => None,
    };
    let what = "what a backend without a line is";
    let unlisted = match unlisted {
        Some((_, node)) => choice(node, what, &Unlisted::WORDS, mistakes)?,
        None => Unlisted::default(),
    };
    let age_max = match max_age {
        Some((_, node)) => {
            let text = scalar(node, "a duration", mistakes)?;
            let read = value::span("the age of a file", text.text, AGES);
            Some(mistakes.take(text.span, read)?)
        }
        None => None,
    };
    let path = file.parent().unwrap_or(Path::new("")).join(path);
    Some(CheckKind::File(FileCheck { path, name, unlisted, age_max }))
}

fn text(node: &Node<'_>, what: &'static str, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let text = scalar(node, what, mistakes)?;
    let problem = if text.text.is_empty() {
        Problem::EmptyText { what }
    } else if text.text.contains(char::is_control) {
        Problem::ControlCharacters { what }
    } else {
        return Some(text.text.to_owned());
    };
    mistakes.add(text.span, problem);
    None
}
