//! Scalars, and what stands in flow style on one line.

use super::{KEY_MAX, Lines, has_twice, push};
use crate::config::node::{DEPTH_MAX, Kind, Node, Style};

impl<'a> Lines<'a> {
    /// A value in flow style.
    pub(super) fn flow(&mut self, depth: usize) -> Option<Node<'a>> {
        match self.byte(self.at) {
            b'{' | b'[' if depth >= DEPTH_MAX || self.nodes >= self.nodes_max => None,
            b'{' => self.flow_map(depth),
            b'[' => self.flow_list(depth),
            _ => self.flow_scalar(true),
        }
    }

    fn flow_map(&mut self, depth: usize) -> Option<Node<'a>> {
        let span = self.span(self.at, self.at + 1);
        let mut entries = Vec::new();
        let mut goes_on = self.opens(b'}');
        while goes_on {
            let from = self.at;
            let key = self.flow_scalar(true)?;
            let is_key = self.bytes[self.at..].starts_with(b": ")
                && self.at - from <= KEY_MAX
                && key.span.end as usize == self.at;
            if !is_key {
                return None;
            }
            self.at += 1;
            self.skip_blanks();
            let value = self.flow(depth + 1)?;
            push(&mut entries, (key, value));
            goes_on = self.goes_on(b'}')?;
        }
        (!has_twice(&entries)).then(|| self.node(Kind::Map(entries), span))
    }

    fn flow_list(&mut self, depth: usize) -> Option<Node<'a>> {
        let span = self.span(self.at, self.at + 1);
        let mut items = Vec::new();
        let mut goes_on = self.opens(b']');
        while goes_on {
            push(&mut items, self.flow(depth + 1)?);
            goes_on = self.goes_on(b']')?;
        }
        Some(self.node(Kind::List(items), span))
    }

    /// Goes over the mark that opens a list or map, and the one that closes it where nothing is in it; whether something is.
    fn opens(&mut self, close: u8) -> bool {
        self.at += 1;
        self.skip_blanks();
        let is_empty = self.byte(self.at) == close;
        self.at += usize::from(is_empty);
        !is_empty
    }

    /// Goes over the comma after an item, or what closes; whether another follows.
    fn goes_on(&mut self, close: u8) -> Option<bool> {
        self.skip_blanks();
        let mark = self.byte(self.at);
        self.at += 1;
        if mark == b',' {
            self.skip_blanks();
        }
        (mark == b',' || mark == close).then_some(mark == b',')
    }

    /// A scalar in quotes or in plain style, with what ends it next.
    pub(super) fn flow_scalar(&mut self, in_flow: bool) -> Option<Node<'a>> {
        match self.byte(self.at) {
            _ if self.nodes >= self.nodes_max => None,
            quote @ (b'"' | b'\'') => self.quoted(quote),
            _ => self.plain(in_flow),
        }
    }

    /// A text in quotes that ends on its line and has no escapes.
    fn quoted(&mut self, quote: u8) -> Option<Node<'a>> {
        let from = self.at;
        let rest = &self.bytes[from + 1..];
        let length = rest.iter().position(|byte| [quote, b'\n', b'\\'].contains(byte))?;
        let end = from + 1 + length;
        // Of two single quotes in a row, one is meant.
        if self.byte(end) != quote || self.byte(end + 1) == b'\'' {
            return None;
        }
        self.at = end + 1;
        let span = self.span(from, self.at);
        Some(self.scalar(from + 1..end, Style::Quoted, span))
    }

    /// A text without quotes, up to what ends it: a colon, a comment, the line, or a mark of the flow.
    fn plain(&mut self, in_flow: bool) -> Option<Node<'a>> {
        let from = self.at;
        if !self.begins_plain() {
            return None;
        }
        let mut end = from;
        loop {
            let byte = self.byte(self.at);
            match byte {
                b'\n' => break,
                b'#' if end != self.at => break,
                b':' => match self.byte(self.at + 1) {
                    b' ' | b'\n' => break,
                    b',' | b'[' | b']' | b'{' | b'}' if in_flow => return None,
                    _ => {}
                },
                b',' | b'[' | b']' | b'{' | b'}' if in_flow => break,
                _ => {}
            }
            self.at += 1;
            if byte != b' ' {
                end = self.at;
            }
        }
        let span = self.span(from, end);
        Some(self.scalar(from..end, Style::Plain, span))
    }

    /// Whether a plain text may surely begin here.
    fn begins_plain(&self) -> bool {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
        match self.byte(self.at) {
            b'_' | b'/' | b'(' | b'+' | b'=' | b'$' | b'^' | b';' | b'\\' => true,
            b'-' | b'.' => is_letter(self.byte(self.at + 1)),
            byte => is_letter(byte),
        }
    }
}
