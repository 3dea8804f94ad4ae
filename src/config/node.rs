//! YAML as a tree of source texts, each with its place in the file.
//!
//! A scalar stays the text that its author wrote, whatever YAML's schemas would make of it; what a text
//! means is for its reader to say. What YAML allows and zone files do not need is a mistake here:
//! several documents, tags, merge keys, keys that are not scalars. Anchors and aliases work,
//! within the limit on nodes, and so does octoDNS's `!include` ([`super::include`]).

mod lines;

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;

use granit_parser::{Event, Marker, Parser, ScalarStyle};

use super::error::{Mistakes, Problem, Span};
use super::include::Includes;
use super::quick::Table;
use lines::{Begin, PART};

/// The largest file that is read: 256 MiB.
pub(crate) const TEXT_MAX: usize = 256 << 20;
/// The most lists and maps inside one another.
pub(crate) const DEPTH_MAX: usize = 32;
/// The most nodes of a file, those that aliases repeat counted each time.
pub(crate) const NODES_MAX: usize = 20_000_000;
/// The most nodes that aliases may add to a file.
pub(crate) const ALIASED_MAX: usize = 100_000;
/// Keys of which each is compared with each before it: a table of them would take longer to make.
const FEW: usize = 8;
/// The bytes of text that cost a copy as much as a node does.
const NODE_TEXT: usize = 64;

/// A value of a YAML file and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) kind: Kind<'a>,
    /// The scalar itself, or the beginning of the list or map.
    pub(crate) span: Span,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind<'a> {
    /// Its text after YAML's own escapes; empty and plain where nothing was written.
    Scalar(Cow<'a, str>, Style),
    List(Vec<Node<'a>>),
    /// No key twice; keys are scalars.
    Map(Vec<(Node<'a>, Node<'a>)>),
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Quoted,
    /// With `|` or `>`.
    Block,
}

/// A scalar, as its readers take it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "the text of a text")]
pub(crate) struct Text<'n> {
    pub(crate) text: &'n str,
    pub(crate) style: Style,
    pub(crate) span: Span,
}

impl Node<'_> {
    /// The scalar; `None` for a list, a map, and nothing at all.
    pub(crate) fn scalar(&self) -> Option<Text<'_>> {
        match &self.kind {
            Kind::Scalar(text, style) if !self.is_nothing() => {
                Some(Text { text, style: *style, span: self.span })
            }
            _ => None,
        }
    }

    /// Whether nothing was written where a value could stand.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(text, Style::Plain) if text.is_empty())
    }

    /// What it is, for a sentence.
    pub(crate) fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Scalar(..) if self.is_nothing() => "nothing",
            Kind::Scalar(..) => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// What a map has under a key.
    pub(crate) fn entry(&self, wanted: &str) -> Option<&Self> {
        let Kind::Map(entries) = &self.kind else { return None };
        let is_it = |key: &Self| key.scalar().is_some_and(|key| key.text == wanted);
        entries.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value)
    }

    /// The keys of a map.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Text<'_>> {
        let entries = match &self.kind {
            Kind::Map(entries) => entries.as_slice(),
            Kind::Scalar(..) | Kind::List(_) => &[],
        };
        entries.iter().filter_map(|(key, _)| key.scalar())
    }

    /// The same for itself, whatever becomes of the text that it was read from.
    pub(crate) fn into_owned(self) -> Node<'static> {
        let kind = match self.kind {
            Kind::Scalar(text, style) => Kind::Scalar(Cow::Owned(text.into_owned()), style),
            Kind::List(items) => Kind::List(items.into_iter().map(Node::into_owned).collect()),
            Kind::Map(entries) => {
                let owned =
                    |(key, value): (Node<'_>, Node<'_>)| (key.into_owned(), value.into_owned());
                Kind::Map(entries.into_iter().map(owned).collect())
            }
        };
        Node { kind, span: self.span }
    }

    /// What a copy costs, in nodes, and how deep it is; the depth is bounded by [`DEPTH_MAX`]. A long text counts
    /// as several nodes.
    fn measure(&self) -> (usize, usize) {
        let (nodes, depth) = match &self.kind {
            Kind::Scalar(text, _) => return (1 + text.len() / NODE_TEXT, 0),
            Kind::List(items) => sum(items.iter()),
            Kind::Map(entries) => sum(entries.iter().flat_map(|(key, value)| [key, value])),
        };
        (nodes + 1, depth + 1)
    }
}

fn sum<'n, 'a: 'n>(nodes: impl Iterator<Item = &'n Node<'a>>) -> (usize, usize) {
    nodes.map(Node::measure).fold((0, 0), |(nodes, depth), (n, d)| (nodes + n, depth.max(d)))
}

/// Reads the one document of a file; a mistake in its syntax, or in what it includes, ends it. A file that is included
/// may be empty.
pub(crate) fn parse<'a>(
    text: &'a str,
    includes: &mut Includes<'_, '_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Node<'a>> {
    parse_by(text, NonZeroUsize::MIN, includes, mistakes)
}

/// As [`parse`], by so many threads where the file is large.
pub(crate) fn parse_by<'a>(
    text: &'a str,
    threads: NonZeroUsize,
    includes: &mut Includes<'_, '_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Node<'a>> {
    let file = includes.file();
    if text.len() > TEXT_MAX {
        mistakes.add(Span::FILE, Problem::TooLarge { most: TEXT_MAX });
        return None;
    }
    if let Some(root) = lines::read(text, file, threads, PART) {
        return Some(root);
    }
    let mut builder = Builder::default();
    builder.read(text, Begin::default(), includes, mistakes)?;
    if builder.root.is_none() && file == 0 {
        mistakes.add(Span::FILE, Problem::EmptyFile);
    }
    builder.root
}

/// Reads a part of a file that means the same by itself; `None` where it does not, or has a mistake.
fn entry<'a>(text: &'a str, begin: Begin, file: u32) -> Option<Node<'a>> {
    // Anchors have aliases elsewhere, and mistakes are told in the order of the whole file.
    let mut mistakes = Mistakes::new(Path::new(""), "");
    let mut includes = Includes::of_part(file);
    let mut builder = Builder::default();
    builder.read(text, begin, &mut includes, &mut mistakes)?;
    let is_whole = builder.anchors.is_empty() && mistakes.errors() == 0;
    builder.root.filter(|_| is_whole)
}

/// What the parser stumbled over, in our words where it is one of the usual slips; the parser's own else.
fn syntax(text: &str, place: Span, detail: String) -> (Span, Problem) {
    let rest = text.get(place.start as usize..).unwrap_or_default();
    let first = rest.chars().next();
    if let Some(letter @ ('@' | '*' | '%' | '`' | '&')) = first {
        return (place, Problem::NeedsQuotes { letter });
    }
    if detail.starts_with("tabs ") {
        return (place, Problem::Tab);
    }
    if detail.contains("quoted scalar")
        && let Some(quote) = open_quote(&text[..text.len() - rest.len()])
    {
        return (quote, Problem::OpenQuote);
    }
    (place, Problem::Syntax { detail })
}

/// The last quote of the first line that has an odd number of them, as the one that is not closed.
fn open_quote(text: &str) -> Option<Span> {
    let mut start = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        for quote in ['"', '\''] {
            let code = line.split(" #").next().unwrap_or_default();
            if code.matches(quote).count() % 2 == 1
                && let Some(offset) = code.rfind(quote)
            {
                let start = (start + offset) as u32;
                let column = code[..offset].chars().count() as u32 + 1;
                return Some(Span { start, end: start + 1, line: number, column, file: 0 });
            }
        }
        start += line.len();
    }
    None
}

fn at(start: Marker, end: Marker, begin: Begin, file: u32) -> Span {
    let byte = |marker: Marker| begin.byte + marker.byte_offset().unwrap_or(0) as u32;
    Span {
        start: byte(start),
        end: byte(end).max(byte(start)),
        line: begin.lines + start.line() as u32,
        column: start.col() as u32 + 1,
        file,
    }
}

/// The tree while it grows.
#[derive(Default)]
struct Builder<'a> {
    open: Vec<Open<'a>>,
    root: Option<Node<'a>>,
    anchors: HashMap<usize, Node<'a>>,
    nodes: usize,
    aliased: usize,
    /// Whether what it includes has a mistake.
    is_broken: bool,
}

/// A list or map whose end has not come.
struct Open<'a> {
    node: Node<'a>,
    /// Of a map: the key whose value comes next.
    key: Option<Node<'a>>,
    anchor: usize,
    /// Whether it is a list of files to be included.
    is_include: bool,
}

impl<'a> Builder<'a> {
    /// Takes the events of a text that begins there in its file; `None` where that was told as a mistake.
    fn read(
        &mut self,
        text: &'a str,
        begin: Begin,
        includes: &mut Includes<'_, '_>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<()> {
        let file = includes.file();
        let at = |start, end| at(start, end, begin, file);
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let place = at(*error.marker(), *error.marker());
                    let (place, problem) = syntax(text, place, error.info());
                    let place = Span { file, ..place };
                    mistakes.add(place, problem);
                    return None;
                }
            };
            if let Err(problem) = self.event(event, at(span.start, span.end), includes, mistakes) {
                mistakes.add(at(span.start, span.end), problem);
                return None;
            }
        }
        (!self.is_broken).then_some(())
    }

    /// Takes one event; an `Err` ends the file.
    fn event(
        &mut self,
        event: Event<'a>,
        span: Span,
        includes: &mut Includes<'_, '_>,
        mistakes: &mut Mistakes<'_>,
    ) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(Problem::SecondDocument),
            Event::Scalar(text, style, anchor, tag) => {
                let is_include = tag_of(tag.as_deref(), span, mistakes);
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                // The parser writes `~` where nothing stands.
                let nothing = style == Style::Plain && span.start == span.end;
                let text = if nothing { Cow::Borrowed("") } else { text };
                let node = Node { kind: Kind::Scalar(text, style), span };
                if is_include {
                    return self.include(&node, anchor, includes, mistakes);
                }
                self.close(node, anchor, mistakes)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let is_include = tag_of(tag.as_deref(), span, mistakes);
                self.open(Kind::List(Vec::new()), span, anchor, is_include)
            }
            Event::MappingStart(_, anchor, tag) => {
                let is_include = tag_of(tag.as_deref(), span, mistakes);
                self.open(Kind::Map(Vec::new()), span, anchor, is_include)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { node, anchor, is_include: true, .. }) => {
                    self.include(&node, anchor, includes, mistakes)
                }
                Some(Open { node, anchor, .. }) => self.close(node, anchor, mistakes),
                None => Ok(()),
            },
            Event::Alias(anchor) => self.alias(anchor, mistakes),
            _ => Ok(()),
        }
    }

    /// Puts what other files say in the place of their names.
    fn include(
        &mut self,
        what: &Node<'a>,
        anchor: usize,
        includes: &mut Includes<'_, '_>,
        mistakes: &mut Mistakes<'_>,
    ) -> Result<(), Problem> {
        let Some(node) = includes.include(what, mistakes) else {
            self.is_broken = true;
            let kind = Kind::Scalar(Cow::Borrowed(""), Style::Plain);
            return self.close(Node { kind, span: what.span }, anchor, mistakes);
        };
        let (nodes, depth) = node.measure();
        self.nodes += nodes;
        if self.open.len() + depth > DEPTH_MAX {
            return Err(Problem::TooDeep { most: DEPTH_MAX });
        }
        if let Some(open) = self.open.last_mut()
            && let Kind::Map(entries) = &mut open.node.kind
            && open.key.as_ref().is_some_and(is_merge)
            && let Kind::Map(more) = node.kind
        {
            open.key = None;
            entries.extend(more);
            return Ok(());
        }
        self.close(node, anchor, mistakes)
    }

    fn open(
        &mut self,
        kind: Kind<'a>,
        span: Span,
        anchor: usize,
        is_include: bool,
    ) -> Result<(), Problem> {
        if self.open.len() == DEPTH_MAX {
            return Err(Problem::TooDeep { most: DEPTH_MAX });
        }
        self.open.push(Open { node: Node { kind, span }, key: None, anchor, is_include });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, mistakes: &mut Mistakes<'_>) -> Result<(), Problem> {
        // An anchor that has not ended yet holds the alias itself.
        let target = self.anchors.get(&anchor).ok_or(Problem::AliasInside)?;
        let (nodes, depth) = target.measure();
        self.aliased += nodes;
        if self.aliased > ALIASED_MAX {
            return Err(Problem::TooManyAliased { most: ALIASED_MAX });
        }
        if self.open.len() + depth > DEPTH_MAX {
            return Err(Problem::TooDeep { most: DEPTH_MAX });
        }
        let copy = target.clone();
        self.close(copy, 0, mistakes)
    }

    /// Puts a finished node where it belongs.
    fn close(
        &mut self,
        node: Node<'a>,
        anchor: usize,
        mistakes: &mut Mistakes<'_>,
    ) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(Problem::TooManyNodes { most: NODES_MAX });
        }
        if let Kind::Map(entries) = &node.kind {
            tell_duplicates(entries, mistakes);
        }
        if anchor != 0 {
            // A copy is kept for its aliases, and anchors may stand inside of each other.
            self.nodes += node.measure().0;
            if self.nodes > NODES_MAX {
                return Err(Problem::TooManyNodes { most: NODES_MAX });
            }
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::Map(entries), Some(key)) => {
                if is_merge(&key) {
                    mistakes.add(key.span, Problem::MergeKey);
                }
                // Most maps and lists of a large file have one entry.
                if entries.is_empty() {
                    entries.reserve_exact(1);
                }
                entries.push((key, node));
            }
            (Kind::Map(_), None) => {
                if !matches!(node.kind, Kind::Scalar(..)) {
                    mistakes.add(node.span, Problem::KeyNotScalar);
                }
                open.key = Some(node);
            }
            (Kind::List(items), _) => items.push(node),
            (Kind::Scalar(..), _) => {}
        }
        Ok(())
    }
}

/// Whether a tag is `!include`; others mean nothing here, and that is told.
fn tag_of(tag: Option<&granit_parser::Tag>, span: Span, mistakes: &mut Mistakes<'_>) -> bool {
    // `!!str` says what every scalar here is anyway.
    let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema_tag("str")) else { return false };
    let tag = tag.original();
    let is_include = tag == "!include";
    if !is_include {
        mistakes.add(span, Problem::Tag { tag });
    }
    is_include
}

/// The key that stands for those of another map.
fn is_merge(key: &Node<'_>) -> bool {
    matches!(&key.kind, Kind::Scalar(text, Style::Plain) if text == "<<")
}

fn tell_duplicates(entries: &[(Node<'_>, Node<'_>)], mistakes: &mut Mistakes<'_>) {
    stands_twice(entries, |key, first| {
        let problem = Problem::DuplicateKey { key: key.text.to_owned(), first };
        mistakes.add(key.span, problem);
    });
}

/// Gives each key that stands twice, with the line of the first.
fn stands_twice(entries: &[(Node<'_>, Node<'_>)], mut twice: impl FnMut(Text<'_>, u32)) {
    let keys = entries.iter().filter_map(|(key, _)| match &key.kind {
        Kind::Scalar(text, style) => Some(Text { text, style: *style, span: key.span }),
        _ => None,
    });
    if entries.len() <= FEW {
        for (place, key) in keys.clone().enumerate() {
            if let Some(first) = keys.clone().take(place).find(|first| first.text == key.text) {
                twice(key, first.span.line);
            }
        }
        return;
    }
    let mut first: Table<&str, u32> = Table::default();
    first.reserve(entries.len());
    for key in keys {
        if let Some(line) = first.get(key.text) {
            twice(key, *line);
        } else {
            first.insert(key.text, key.span.line);
        }
    }
}

#[cfg(test)]
mod tests;
