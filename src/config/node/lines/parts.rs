//! A section in parts: several threads each read some of its entries, and the parser reads those that are of other shapes.
//!
//! All that belongs to an entry is deeper than its key, but for lists right below it and for comments. So the text can be cut
//! where a line is as deep as the keys; what does not end where it is cut has a mistake, and then the parser reads the whole.

use super::{Begin, ENTRY_DEPTH, Entries, Entry, Lines};
use crate::config::node::{DEPTH_MAX, Kind, Node, Style, entry};
use crate::config::side_by_side::side_by_side;

impl<'a> Lines<'a> {
    /// The same, side by side: the text is cut where entries begin.
    pub(super) fn in_parts(&mut self, indent: usize) -> Option<Entries<'a>> {
        let length = self.end_of_section(indent) - self.start;
        let count = self.threads.min(length / self.part).max(1);
        let size = length / count;
        let nodes_max = self.nodes_max.saturating_sub(self.nodes) / count;
        let mut parts = vec![Self { nodes_max: self.nodes + nodes_max, ..*self }];
        for number in 1..count {
            let Some(cut) = self.cut(self.start + number * size, indent) else { break };
            let last = parts.last_mut()?;
            if cut <= last.start {
                continue;
            }
            // With the blanks before what follows, as the parser has them belong to a text of several lines.
            let end = cut + indent;
            (last.text, last.bytes) = (&self.text[..end], &self.bytes[..end]);
            let lines = last.text[last.start..].matches('\n').count();
            let line = last.line + lines as u32;
            let (at, start, nodes) = (end, cut, 0);
            parts.push(Self { at, start, line, nodes, nodes_max, ..*self });
        }
        let read = |mut part: Self| Some((part.entries(indent, ENTRY_DEPTH)?, part));
        let found = side_by_side(&parts, read);
        let mut entries = Entries::new();
        for (number, found) in found.into_iter().enumerate() {
            let (more, part) = found?;
            let nodes = part.nodes + if number == 0 { 0 } else { self.nodes };
            let Self { text, bytes, nodes_max, .. } = *self;
            *self = Self { text, bytes, nodes, nodes_max, ..part };
            if entries.is_empty() {
                entries = more;
            } else {
                entries.reserve_exact(more.len());
                entries.extend(more);
            }
            // What is less deep ends them all.
            if self.indent.is_some() {
                break;
            }
        }
        Some(entries)
    }

    /// Where the first line begins that is less deep than the entries of a map.
    fn end_of_section(&self, indent: usize) -> usize {
        let mut at = self.start;
        while let Some(next) = self.bytes[at..].iter().position(|byte| *byte == b'\n') {
            at += next + 1;
            let blanks = self.bytes[at..].iter().take_while(|byte| **byte == b' ').count();
            if blanks < indent && !matches!(self.byte(at + blanks), b'\n' | b'#') {
                return at;
            }
        }
        self.bytes.len()
    }

    /// Where the next line begins that is as deep as the entries of a map, and is one; `None` where what is less deep comes
    /// before it.
    fn cut(&self, from: usize, indent: usize) -> Option<usize> {
        let mut at = from;
        loop {
            at += self.bytes[at..].iter().position(|byte| *byte == b'\n')? + 1;
            let blanks = self.bytes[at..].iter().position(|byte| *byte != b' ')?;
            match self.bytes[at + blanks] {
                b'\n' | b'#' | b'-' => {}
                _ if blanks == indent => return Some(at),
                _ if blanks < indent => return None,
                _ => {}
            }
        }
    }

    /// An entry of other shapes, with all lines that are its own: those that are deeper, and lists right below it.
    pub(super) fn entry_beyond(
        &mut self,
        (start, line, nodes): (usize, u32, usize),
        indent: usize,
    ) -> Option<Entry<'a>> {
        // A key with a mark of its own has its value on a line that is as deep.
        if matches!(self.byte(start + indent), b'?' | b':') {
            return None;
        }
        (self.at, self.start, self.line, self.nodes) = (start, start, line, nodes);
        self.skip_line();
        loop {
            self.next_line();
            let is_list = self.bytes[self.at..].starts_with(b"- ");
            match self.indent {
                Some(next) if next > indent || (next == indent && is_list) => self.skip_line(),
                _ => break,
            }
        }
        // What looks like a comment may be the end of a text of several lines, which the parser ends where the next content is.
        let text = &self.text[start..self.at];
        let node = entry(text, Begin { byte: start as u32, lines: line - 1 }, self.file)?;
        let (nodes, depth) = node.measure();
        self.nodes += nodes;
        let Kind::Map(entries) = node.kind else { return None };
        let [entry] = <[_; 1]>::try_from(entries).ok()?;
        let is_whole = entry.0.span.column as usize == indent + 1
            && depth + ENTRY_DEPTH <= DEPTH_MAX
            && !has_empty_block(&entry.1);
        (is_whole && self.nodes <= self.nodes_max).then_some(entry)
    }
}

/// Whether a text behind `|` or `>` has no line with anything in it: the parser reads it by where the next content is, which
/// is beyond the entry.
fn has_empty_block(node: &Node<'_>) -> bool {
    match &node.kind {
        Kind::Scalar(text, style) => *style == Style::Block && text.trim_matches('\n').is_empty(),
        Kind::List(items) => items.iter().any(has_empty_block),
        Kind::Map(entries) => entries.iter().any(|(_, value)| has_empty_block(value)),
    }
}
