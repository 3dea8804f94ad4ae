//! A mistake as it is shown: the sentence, the place, and the line with a mark below it.
//!
//! ```text
//!   error: no pool is called `wbe`; did you mean `web`?
//!     ╭▸ zones/example.com.yaml:23:15
//!     │
//!  23 │   www: {pool: wbe}
//!     ╰╴              ━━━
//! ```
//!
//! What is a secret by its key is left out of the line (`config/hidden.rs`).

use std::borrow::Cow;
use std::collections::HashMap;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::plain::{plain, steers};
use crate::admin::model;
use crate::config::Severity;
use crate::config::hidden::{HIDDEN, is_of_names, is_place, secret_at};
use crate::daemon::load::Mistake;

/// The longest line that is shown with a mistake, in bytes; of longer ones only the place is told.
const LINE_MAX: usize = 500;

/// One mistake, as it leaves the process.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Told {
    pub(super) file: String,
    /// 0 is the whole file; so are column and width then.
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) width: u32,
    pub(super) severity: &'static str,
    pub(super) message: String,
    /// The line itself; empty where it is not known, or longer than [`LINE_MAX`].
    #[serde(skip)]
    source: String,
}

impl Told {
    /// A mistake and the lines of its file.
    pub(super) fn new(mistake: Mistake, lines: &Lines<'_>) -> Self {
        Self {
            line: mistake.line,
            column: mistake.column,
            width: mistake.width,
            severity: match mistake.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            source: lines.line(mistake.line),
            message: mistake.message,
            // A name in another encoding is shown as well as it can be.
            file: mistake.file.to_string_lossy().into_owned(),
        }
    }

    /// A mistake that a server tells, and the lines of its file as it stands here.
    pub(super) fn of_server(mistake: &model::Mistake, lines: &Lines<'_>) -> Self {
        Self {
            line: mistake.line,
            column: mistake.column,
            width: mistake.width,
            severity: match mistake.severity {
                model::Severity::Error => "error",
                model::Severity::Warning => "warning",
            },
            source: lines.line(mistake.line),
            message: mistake.message.clone(),
            file: mistake.file.clone(),
        }
    }

    pub(super) fn is_error(&self) -> bool {
        self.severity == "error"
    }

    fn human(&self, renderer: &Renderer) -> String {
        let level = if self.is_error() { Level::ERROR } else { Level::WARNING };
        let message = plain(&self.message);
        let title = level.primary_title(message.as_ref());
        let path = plain(&self.file).into_owned();
        if self.line == 0 {
            return renderer.render(&[title.element(Origin::path(path))]);
        }
        if self.source.is_empty() {
            let origin =
                Origin::path(path).line(self.line as usize).char_column(self.column as usize);
            return renderer.render(&[title.element(origin)]);
        }
        // One character for one, so that the mark stays below its place.
        let source: String = self
            .source
            .chars()
            .map(|c| if steers(c) && c != '\t' { char::REPLACEMENT_CHARACTER } else { c })
            .collect();
        let byte = |column: usize| {
            source.char_indices().nth(column).map_or(source.len(), |(byte, _)| byte)
        };
        let first = (self.column as usize).saturating_sub(1);
        let span = byte(first)..byte(first + self.width as usize);
        // The mark of what is hidden stands below that.
        let hidden = source.len().saturating_sub(HIDDEN.len());
        let is_hidden = source.ends_with(HIDDEN) && span.end > hidden;
        let span = if is_hidden { span.start.min(hidden)..source.len() } else { span };
        let snippet = Snippet::source(source.as_str())
            .line_start(self.line as usize)
            .path(path)
            .annotation(AnnotationKind::Primary.span(span));
        renderer.render(&[title.element(snippet)])
    }
}

/// Every mistake, for people, an empty line after each.
pub(super) fn human(told: &[Told], styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Unicode);
    told.iter().map(|told| told.human(&renderer) + "\n\n").collect()
}

/// Those lines of a text that something is to be told of, by their number, without the secrets in them.
pub(super) struct Lines<'t>(HashMap<u32, Cow<'t, str>>);

impl<'t> Lines<'t> {
    /// The lines of these numbers, counted from 1.
    pub(super) fn of(text: &'t str, numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut lines: HashMap<u32, Cow<'t, str>> =
            numbers.into_iter().map(|number| (number, Cow::Borrowed(""))).collect();
        let mut above = Above::default();
        let last = lines.keys().max().copied().unwrap_or_default();
        for (number, line) in (1..=last).zip(text.lines()) {
            let secret = above.secret_of(line);
            lines.entry(number).and_modify(|known| {
                // Else each of a thousand mistakes of one line would bring its megabytes.
                *known = match secret {
                    _ if secret.unwrap_or(line.len()) > LINE_MAX => Cow::Borrowed(""),
                    Some(at) => Cow::Owned(format!("{}{HIDDEN}", &line[..at])),
                    None => Cow::Borrowed(line),
                };
            });
        }
        Self(lines)
    }

    fn line(&self, number: u32) -> String {
        self.0.get(&number).map_or_else(String::new, ToString::to_string)
    }
}

/// The lines above that the next one may be a part of.
#[derive(Default)]
struct Above {
    /// How far in a line begins whose end is a secret: what begins further in belongs to it.
    secret: Option<usize>,
}

impl Above {
    /// Where a secret begins in the next line.
    fn secret_of(&mut self, line: &str) -> Option<usize> {
        // An item of a list begins behind its dash, as YAML has it.
        let text = line.trim_start_matches([' ', '\t', '-']);
        if line.trim().is_empty() {
            return None;
        }
        let begins = line.len() - text.len();
        if self.secret.is_some_and(|above| begins > above) {
            return below_a_secret(line, begins);
        }
        let secret = secret_at(line);
        self.secret = secret.map(|_| begins);
        secret
    }
}

/// Where a secret begins in a line that is part of what a secret's name stands for, as the map that `keys:` is.
fn below_a_secret(line: &str, begins: usize) -> Option<usize> {
    let Some((name, value)) = line.split_once(": ") else {
        return (!line.trim_end().ends_with(':')).then_some(begins);
    };
    let value = value.trim_start();
    let name = name.trim();
    let is_own = is_place(name) || is_of_names(name) || value.starts_with('{');
    if is_own { secret_at(line) } else { Some(line.len() - value.len()) }
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
