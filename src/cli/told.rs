//! A mistake as it is shown: the sentence, the place, and the line with a mark below it.
//!
//! ```text
//!   error: no pool is called `wbe`; did you mean `web`?
//!     ╭▸ zones/example.com.yaml:23:15
//!     │
//!  23 │   www: {pool: wbe}
//!     ╰╴              ━━━
//! ```

use std::collections::HashMap;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::plain::{plain, steers};
use crate::admin::model;
use crate::config::Severity;
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
    /// The line itself; empty where it is not known.
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
        if self.source.len() > LINE_MAX || self.source.is_empty() {
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

/// Those lines of a text that something is to be told of, by their number.
pub(super) struct Lines<'t>(HashMap<u32, &'t str>);

impl<'t> Lines<'t> {
    /// The lines of these numbers, counted from 1.
    pub(super) fn of(text: &'t str, numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut lines: HashMap<u32, &str> =
            numbers.into_iter().map(|number| (number, "")).collect();
        for (number, line) in (1..).zip(text.lines()) {
            lines.entry(number).and_modify(|known| *known = line);
        }
        Self(lines)
    }

    fn line(&self, number: u32) -> String {
        self.0.get(&number).map_or("", |line| *line).to_owned()
    }
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
