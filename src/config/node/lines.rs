//! The ordinary lines of a file, without all that YAML can be.
//!
//! ```text
//!   name: {A: 192.0.2.1}     a block map of keys in plain style or in quotes
//!     TXT: "text" # why      values in plain style, in quotes or in flow style that end on their line
//!   - item                   block lists
//! ```
//!
//! A file of a million names is nearly all such lines, and the parser that knows the whole of YAML costs ten times as much.
//! The tree is the same to the last span: whatever is not surely of these shapes, and whatever would be a mistake, is left
//! to that parser: one entry of `records:` by itself where it can be told apart, else the whole file.

mod flow;
mod parts;

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::num::NonZeroUsize;

use super::{DEPTH_MAX, FEW, Kind, NODES_MAX, Node, Style, stands_twice};
use crate::config::error::Span;
use crate::config::quick::Quick;

/// The longest key that is surely short enough for YAML, which allows 1,024 characters.
const KEY_MAX: usize = 1000;
/// The fewest bytes that are worth a thread.
pub(super) const PART: usize = 1 << 19;
/// How deep the entries are that may be left to the parser by themselves: those of `records:`, of `pools:`.
const ENTRY_DEPTH: usize = 1;

/// The tree of a file; `None` where the parser has to read it.
///
/// Several threads read `records:` in parts of so many bytes at least.
pub(super) fn read(text: &str, file: u32, threads: NonZeroUsize, part: usize) -> Option<Node<'_>> {
    // Control characters end lines, or none may stand there; other letters are no blanks and no marks of YAML.
    if text.bytes().fold(false, |is_wrong, byte| is_wrong | is_control(byte)) {
        return None;
    }
    let is_ascii = text.is_ascii();
    if !is_ascii && !text.chars().all(|letter| letter.is_ascii() || letter.is_alphanumeric()) {
        return None;
    }
    let bytes = text.as_bytes();
    let mut lines = Lines {
        text,
        bytes,
        is_ascii,
        file,
        at: 0,
        start: 0,
        line: 1,
        known: (0, 0),
        indent: None,
        nodes: 0,
        nodes_max: NODES_MAX,
        threads: threads.get(),
        part,
    };
    lines.find_content();
    if lines.indent == Some(0) && bytes[lines.at..].starts_with(b"---\n") {
        lines.at += 3;
        lines.next_line();
    }
    // A file is a map; one that says nothing is told by the parser.
    lines.indent?;
    let root = lines.map(0)?;
    (lines.indent.is_none() && lines.nodes <= NODES_MAX).then_some(root)
}

/// A key and its value.
type Entry<'a> = (Node<'a>, Node<'a>);
/// What a map has.
type Entries<'a> = Vec<Entry<'a>>;

/// Where a part of a file begins: at the first column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Begin {
    pub(super) byte: u32,
    /// The lines before it.
    pub(super) lines: u32,
}

fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\n') || byte == 0x7f
}

#[derive(Clone, Copy)]
struct Lines<'a> {
    text: &'a str,
    bytes: &'a [u8],
    is_ascii: bool,
    file: u32,
    /// The next byte.
    at: usize,
    /// Where its line begins.
    start: usize,
    /// From 1.
    line: u32,
    /// A place, and the letters before it on its line.
    known: (usize, usize),
    /// The blanks before the content of the line, at which a node begins; `None` at the end of the text.
    indent: Option<usize>,
    nodes: usize,
    /// With more of them, lists and maps not counted, the parser tells that there are too many.
    nodes_max: usize,
    /// How many read a section in parts of so many bytes at least.
    threads: usize,
    part: usize,
}

impl<'a> Lines<'a> {
    /// A byte of the text, which ends as lines do.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    /// Goes to the content of this line or of the next that has any; `at` is where a line begins.
    fn find_content(&mut self) {
        loop {
            self.skip_blanks();
            match self.bytes.get(self.at) {
                None => break self.indent = None,
                Some(b'\n') => {}
                Some(b'#') => self.skip_line(),
                Some(_) => break self.indent = Some(self.at - self.start),
            }
            self.begin_line();
        }
    }

    /// Goes on from the end of a line.
    fn next_line(&mut self) {
        self.begin_line();
        self.find_content();
    }

    fn begin_line(&mut self) {
        self.at = (self.at + 1).min(self.bytes.len());
        self.start = self.at;
        self.line += 1;
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    fn skip_blanks(&mut self) {
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
    }

    /// Goes to the end of a line on which nothing but a comment may follow.
    fn end_line(&mut self) -> Option<()> {
        self.skip_blanks();
        if self.byte(self.at) == b'#' && self.bytes[..self.at].ends_with(b" ") {
            self.skip_line();
        }
        (self.byte(self.at) == b'\n').then_some(())
    }

    fn span(&mut self, start: usize, end: usize) -> Span {
        let column = if self.is_ascii {
            start - self.start
        } else {
            // From the place that was asked for last, as a line of many megabytes has many.
            let (place, before) = self.known;
            let is_ahead = (self.start..=start).contains(&place);
            let (place, before) = if is_ahead { (place, before) } else { (self.start, 0) };
            let column = before + self.text[place..start].chars().count();
            self.known = (start, column);
            column
        };
        let (column, file) = (column as u32 + 1, self.file);
        Span { start: start as u32, end: end as u32, line: self.line, column, file }
    }

    fn node(&mut self, kind: Kind<'a>, span: Span) -> Node<'a> {
        self.nodes += 1;
        Node { kind, span }
    }

    fn scalar(&mut self, range: std::ops::Range<usize>, style: Style, span: Span) -> Node<'a> {
        let text = Cow::Borrowed(&self.text[range]);
        self.node(Kind::Scalar(text, style), span)
    }

    /// A list or map in block style, from its first content to that of the line after it.
    fn block(&mut self, depth: usize) -> Option<Node<'a>> {
        if self.byte(self.at) == b'-' && matches!(self.byte(self.at + 1), b' ' | b'\n') {
            self.list(depth)
        } else {
            self.map(depth)
        }
    }

    fn map(&mut self, depth: usize) -> Option<Node<'a>> {
        if depth >= DEPTH_MAX {
            return None;
        }
        let indent = self.at - self.start;
        let span = self.span(self.at, self.at);
        let entries = if depth == ENTRY_DEPTH && self.threads > 1 {
            self.in_parts(indent)?
        } else {
            self.entries(indent, depth)?
        };
        (!has_twice(&entries)).then(|| self.node(Kind::Map(entries), span))
    }

    /// The entries of a map, up to what is less deep.
    fn entries(&mut self, indent: usize, depth: usize) -> Option<Entries<'a>> {
        let mut entries = Vec::new();
        loop {
            let begin = (self.start, self.line, self.nodes);
            let entry = match self.entry(indent, depth) {
                None if depth == ENTRY_DEPTH => self.entry_beyond(begin, indent)?,
                entry => entry?,
            };
            push(&mut entries, entry);
            match self.indent {
                Some(next) if next == indent => {}
                Some(next) if next > indent => return None,
                _ => return Some(entries),
            }
        }
    }

    fn entry(&mut self, indent: usize, depth: usize) -> Option<Entry<'a>> {
        let key = self.key()?;
        Some((key, self.value(indent, depth)?))
    }

    /// A key, up to its colon.
    fn key(&mut self) -> Option<Node<'a>> {
        let from = self.at;
        let key = self.flow_scalar(false)?;
        let is_key = self.byte(self.at) == b':'
            && matches!(self.byte(self.at + 1), b' ' | b'\n')
            && self.at - from <= KEY_MAX
            && key.span.end as usize == self.at;
        is_key.then_some(key)
    }

    /// What stands behind a colon, on its line or below it.
    fn value(&mut self, indent: usize, depth: usize) -> Option<Node<'a>> {
        let nothing = self.span(self.at, self.at);
        self.at += 1;
        self.skip_blanks();
        if !matches!(self.byte(self.at), b'\n' | b'#') {
            return self.on_line(indent, depth);
        }
        self.skip_line();
        self.next_line();
        match self.indent {
            Some(next) if next > indent => self.block(depth + 1),
            // The items of a list may stand right below the key.
            Some(next) if next == indent && self.bytes[self.at..].starts_with(b"- ") => {
                let mut list = self.list(depth + 1)?;
                // The parser has such a list begin with what its first item says.
                if let Kind::List(items) = &list.kind {
                    let span = items.first()?.span;
                    list.span = Span { end: span.start, ..span };
                }
                Some(list)
            }
            _ => Some(self.scalar(0..0, Style::Plain, nothing)),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Node<'a>> {
        if depth >= DEPTH_MAX {
            return None;
        }
        let indent = self.at - self.start;
        let span = self.span(self.at, self.at);
        let mut items = Vec::new();
        loop {
            self.at += 1;
            self.skip_blanks();
            if matches!(self.byte(self.at), b'\n' | b'#') {
                return None;
            }
            let item = if self.is_key_ahead() {
                self.map(depth + 1)?
            } else {
                self.on_line(indent, depth)?
            };
            push(&mut items, item);
            match self.indent {
                Some(next) if next == indent && self.bytes[self.at..].starts_with(b"- ") => {}
                Some(next) if next > indent => return None,
                _ => break,
            }
        }
        Some(self.node(Kind::List(items), span))
    }

    /// Whether a map begins here, behind the mark of an item.
    fn is_key_ahead(&mut self) -> bool {
        let (at, nodes) = (self.at, self.nodes);
        let is_key = self.key().is_some();
        (self.at, self.nodes) = (at, nodes);
        is_key
    }

    /// A value that ends on its line, up to the content after it.
    fn on_line(&mut self, indent: usize, depth: usize) -> Option<Node<'a>> {
        let value = match self.byte(self.at) {
            b'{' | b'[' => self.flow(depth + 1)?,
            _ => self.flow_scalar(false)?,
        };
        self.end_line()?;
        self.next_line();
        // What is deeper would be more of it, or a mistake.
        self.indent.is_none_or(|next| next <= indent).then_some(value)
    }
}

/// Most maps and lists of a large file have one entry.
fn push<T>(all: &mut Vec<T>, one: T) {
    if all.is_empty() {
        all.reserve_exact(1);
    }
    all.push(one);
}

fn has_twice(entries: &[Entry<'_>]) -> bool {
    if entries.len() > FEW {
        // Far less to hold than a table of the keys; where two have the same hash, that table says whether they are the same.
        let quick = Quick::default();
        let keys = entries.iter().filter_map(|(key, _)| key.scalar());
        let mut hashes: Vec<u64> = keys.map(|key| quick.hash_one(key.text)).collect();
        hashes.sort_unstable();
        if hashes.windows(2).all(|pair| pair[0] != pair[1]) {
            return false;
        }
    }
    let mut found = false;
    stands_twice(entries, |_, _| found = true);
    found
}
