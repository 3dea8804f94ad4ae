//! `!include`, as octoDNS has it: what another file says stands in the place of its name.
//!
//! ```text
//!   a: !include b.yaml           all that b.yaml says, be it a map, a list or a single value
//!   a: !include [b.yaml, c.yaml] the lists one after the other, or the keys of all, of which the last one counts
//!   <<: !include b.yaml          its keys beside those that stand there
//! ```
//!
//! A path is relative to the folder of the file that has it; whether it may be read is for the caller. Anchors are those of one file.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{Mistakes, Problem as Mistake, Span};
use super::node::{self, Kind, Node, Style, TEXT_MAX};
use super::octodns::Problem;

/// The most files that are open inside one another, the zone's own among them.
const INCLUDE_DEPTH_MAX: usize = 16;
/// The most files that a zone includes, each counted as often as it is included.
const INCLUDES_MAX: usize = 10_000;

/// Reads a file that is included, of so many bytes at most.
pub type Include<'i> = dyn FnMut(&Path, u64) -> io::Result<Vec<u8>> + 'i;

/// What is included, and how to get it.
pub(crate) struct Includes<'t, 'i> {
    /// `None` where nothing is.
    include: Option<&'t mut Include<'i>>,
    /// The files that are read, each inside the one before it, with their numbers among the mistakes.
    open: Vec<(PathBuf, u32)>,
    count: usize,
    bytes_left: u64,
    /// Where the first one is.
    pub(crate) first: Option<Span>,
}

impl<'t, 'i> Includes<'t, 'i> {
    /// For a zone's own file.
    pub(crate) fn new(file: &Path, include: Option<&'t mut Include<'i>>) -> Self {
        let open = vec![(file.to_path_buf(), 0)];
        Self { include, open, count: 0, bytes_left: TEXT_MAX as u64, first: None }
    }

    /// For a part of the file of that number, from which nothing is included.
    pub(crate) fn of_part(file: u32) -> Self {
        let open = vec![(PathBuf::new(), file)];
        Self { include: None, open, count: 0, bytes_left: 0, first: None }
    }

    /// The number of the file that is read.
    pub(crate) fn file(&self) -> u32 {
        self.open.last().map_or(0, |(_, number)| *number)
    }

    /// What a file says, or those of a list; `None` where that was told as a mistake.
    pub(crate) fn include(
        &mut self,
        what: &Node<'_>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Node<'static>> {
        self.first = self.first.or(Some(what.span));
        match &what.kind {
            Kind::Scalar(path, _) => self.one(path, what.span, mistakes),
            Kind::List(paths) => {
                let mut joined = None;
                for path in paths {
                    let text = path.scalar();
                    let Some(text) = text else {
                        let what = "the name of a file";
                        mistakes.add(path.span, Mistake::Expected { what, found: path.describe() });
                        return None;
                    };
                    let node = self.one(text.text, path.span, mistakes)?;
                    joined = Some(join(joined, node, path.span, mistakes)?);
                }
                Some(joined.unwrap_or_else(|| nothing(what.span)))
            }
            Kind::Map(_) => {
                let problem = Mistake::Expected {
                    what: "the name of a file or a list of them",
                    found: what.describe(),
                };
                mistakes.add(what.span, problem);
                None
            }
        }
    }

    fn one(&mut self, path: &str, at: Span, mistakes: &mut Mistakes<'_>) -> Option<Node<'static>> {
        let (path, text) = match self.read(path) {
            Ok(found) => found,
            Err(problem) => {
                mistakes.add(at, Mistake::OctoDns(problem));
                return None;
            }
        };
        let number = mistakes.open(&path, &text);
        self.open.push((path, number));
        let errors = mistakes.errors();
        let node = node::parse(&text, self, mistakes).map(Node::into_owned);
        self.open.pop();
        // A file that says nothing is nothing, as YAML has it.
        node.or_else(|| (mistakes.errors() == errors).then(|| nothing(at)))
    }

    fn read(&mut self, path: &str) -> Result<(PathBuf, String), Problem> {
        let folder = self.open.last().and_then(|(file, _)| file.parent());
        let path = folder.unwrap_or(Path::new("")).join(path);
        let file = path.display().to_string();
        let Some(include) = &mut self.include else { return Err(Problem::Include) };
        if self.open.iter().any(|(open, _)| *open == path) {
            return Err(Problem::IncludeLoop { file });
        }
        if self.open.len() == INCLUDE_DEPTH_MAX {
            return Err(Problem::IncludeDepth { most: INCLUDE_DEPTH_MAX });
        }
        if self.count == INCLUDES_MAX {
            return Err(Problem::TooManyIncludes { most: INCLUDES_MAX });
        }
        self.count += 1;
        let unread = |detail: String| Problem::Unread { file: file.clone(), detail };
        let bytes = include(&path, self.bytes_left).map_err(|error| unread(error.to_string()))?;
        self.bytes_left = self.bytes_left.saturating_sub(bytes.len() as u64);
        let text = String::from_utf8(bytes).map_err(|_| unread("it is not UTF-8".to_owned()))?;
        Ok((path, text))
    }
}

fn nothing(span: Span) -> Node<'static> {
    Node { kind: Kind::Scalar(Cow::Borrowed(""), Style::Plain), span }
}

/// What two files say together.
fn join(
    first: Option<Node<'static>>,
    second: Node<'static>,
    at: Span,
    mistakes: &mut Mistakes<'_>,
) -> Option<Node<'static>> {
    let Some(mut first) = first else {
        if matches!(second.kind, Kind::Scalar(..)) {
            let (what, found) = ("a file with a list or a map", second.describe());
            mistakes.add(at, Mistake::Expected { what, found });
            return None;
        }
        return Some(second);
    };
    let found = second.describe();
    match (&mut first.kind, second.kind) {
        (Kind::List(items), Kind::List(more)) => items.extend(more),
        (Kind::Map(entries), Kind::Map(more)) => {
            let places = entries.iter().enumerate();
            let places =
                places.filter_map(|(place, (key, _))| Some((text(key)?.to_owned(), place)));
            let places: HashMap<String, usize> = places.collect();
            for (key, value) in more {
                match text(&key).and_then(|key| places.get(key)) {
                    Some(place) => entries[*place].1 = value,
                    None => entries.push((key, value)),
                }
            }
        }
        (kind, _) => {
            let is_list = matches!(kind, Kind::List(_));
            let what = if is_list { "a file with a list too" } else { "a file with a map too" };
            mistakes.add(at, Mistake::Expected { what, found });
            return None;
        }
    }
    Some(first)
}

fn text<'n>(key: &'n Node<'_>) -> Option<&'n str> {
    match &key.kind {
        Kind::Scalar(text, _) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
