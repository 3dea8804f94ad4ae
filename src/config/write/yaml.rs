//! YAML that any reader takes for what it is: words that some take for a number or for `false` stand in quotes.

use std::fmt::Write as _;

/// The widest line that is written in one piece.
const WIDTH: usize = 110;

/// A tree to be written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Yaml {
    Scalar(String),
    /// `true` or `false`, which a scalar puts in quotes.
    Bool(bool),
    /// Nothing, in a word.
    Null,
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    #[expect(clippy::needless_pass_by_value, reason = "it reads as `format!` does")]
    pub(crate) fn scalar(text: impl ToString) -> Self {
        Self::Scalar(text.to_string())
    }

    /// One value as itself, several as a list.
    pub(crate) fn one_or_list(mut values: Vec<Yaml>) -> Self {
        match values.len() {
            1 => values.remove(0),
            _ => Self::List(values),
        }
    }

    /// On one line, as it stands in another.
    pub(crate) fn flow(&self) -> String {
        let mut out = String::new();
        self.write_flow(&mut out);
        out
    }

    fn write_flow(&self, out: &mut String) {
        match self {
            Self::Scalar(text) => write_scalar(text, out),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Null => out.push_str("null"),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    item.write_flow(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    write_scalar(key, out);
                    out.push_str(": ");
                    value.write_flow(out);
                }
                out.push('}');
            }
        }
    }

    /// Behind a key or a dash, and what does not fit there on lines of its own, each at least so far in.
    fn write_value(&self, indent: usize, out: &mut String) {
        let column = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
        let flow = self.flow();
        let is_flat = match self {
            Self::Scalar(_) | Self::Bool(_) | Self::Null => true,
            Self::List(items) => items.iter().all(|item| matches!(item, Self::Scalar(_))),
            Self::Map(entries) => entries.len() <= FLAT_ENTRIES_MAX,
        };
        let is_empty = matches!(self, Self::List(items) if items.is_empty())
            || matches!(self, Self::Map(entries) if entries.is_empty());
        if is_empty
            || matches!(self, Self::Scalar(_) | Self::Bool(_) | Self::Null)
            || (is_flat && column + flow.len() < WIDTH)
        {
            let _ = writeln!(out, " {flow}");
            return;
        }
        out.push('\n');
        self.write_block(indent, out);
    }

    /// On lines of its own.
    pub(crate) fn write_block(&self, indent: usize, out: &mut String) {
        match self {
            Self::Scalar(_) | Self::Bool(_) | Self::Null => {
                let _ = writeln!(out, "{:indent$}{}", "", self.flow());
            }
            Self::List(items) => {
                for item in items {
                    let _ = write!(out, "{:indent$}-", "");
                    item.write_value(indent + 2, out);
                }
            }
            Self::Map(entries) => {
                for (key, value) in entries {
                    let _ = write!(out, "{:indent$}", "");
                    write_scalar(key, out);
                    out.push(':');
                    value.write_value(indent + 2, out);
                }
            }
        }
    }
}

/// A text for a comment: what would end its line is written out.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// The most entries of a map on one line.
const FLAT_ENTRIES_MAX: usize = 4;

fn write_scalar(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
    } else if text.chars().any(|letter| letter.is_control() || !is_printable(letter)) {
        out.push('"');
        for letter in text.chars() {
            let _ = match letter {
                '"' | '\\' => write!(out, "\\{letter}"),
                letter if letter.is_control() || !is_printable(letter) => match u32::from(letter) {
                    code @ 0..=0xff => write!(out, "\\x{code:02x}"),
                    code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                },
                letter => write!(out, "{letter}"),
            };
        }
        out.push('"');
    } else if text.contains(['"', '\\']) {
        let _ = write!(out, "'{}'", text.replace('\'', "''"));
    } else {
        let _ = write!(out, "\"{text}\"");
    }
}

/// Whether it may stand in any place without quotes, and means itself to readers of YAML 1.1 too.
fn is_plain(text: &str) -> bool {
    let is_edge = |letter: char| letter.is_ascii_alphanumeric() || "_./".contains(letter);
    let is_inner = |letter: char| is_edge(letter) || " -+=;()*~^$".contains(letter);
    let words =
        ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", ".nan", ".inf"];
    let is_number = text.bytes().all(|byte| b"0123456789abcdefABCDEFxXoO_.+-".contains(&byte))
        && text.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && text.matches('.').count() < 2;
    text.starts_with(is_edge)
        && text.ends_with(|last: char| is_inner(last) && last != ' ')
        && text.chars().all(is_inner)
        && !words.contains(&text.to_ascii_lowercase().as_str())
        && (!is_number || is_count(text))
}

/// A number that every reader takes for the same one.
fn is_count(text: &str) -> bool {
    text == "0"
        || (!text.starts_with('0')
            && text.len() < 16
            && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether it may stand in a file as it is, and looks like what it is there.
fn is_printable(letter: char) -> bool {
    !matches!(letter, '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_means_itself_to_every_reader() {
        for (text, expected) in [
            ("www", "www"),
            ("192.0.2.1", "192.0.2.1"),
            ("10 mail", "10 mail"),
            ("v=spf1 -all", "v=spf1 -all"),
            ("60", "60"),
            ("2001:db8::1", "\"2001:db8::1\""),
            ("no", "\"no\""),
            ("010", "\"010\""),
            ("1e3", "\"1e3\""),
            ("1.10", "\"1.10\""),
            ("", "\"\""),
            ("@", "\"@\""),
            ("*.a", "\"*.a\""),
            ("a, b", "\"a, b\""),
            ("a #b", "\"a #b\""),
            ("\"a\" \"it's\"", "'\"a\" \"it''s\"'"),
            ("a\\b", "'a\\b'"),
            ("a\tb\"", "\"a\\x09b\\\"\""),
            ("é☂", "\"é☂\""),
            ("a\u{202e}", "\"a\\u202e\""),
        ] {
            assert_eq!(Yaml::scalar(text).flow(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_fits_stands_on_one_line() {
        let list = |count| Yaml::List((0..count).map(|_| Yaml::scalar("192.0.2.1")).collect());
        let map = Yaml::Map(vec![
            ("a".into(), Yaml::Map(vec![("A".into(), list(2))])),
            ("b".into(), Yaml::Map(vec![("A".into(), list(20))])),
        ]);
        let mut out = String::new();
        map.write_block(0, &mut out);
        let long = "    - 192.0.2.1\n".repeat(20);
        assert_eq!(out, format!("a: {{A: [192.0.2.1, 192.0.2.1]}}\nb:\n  A:\n{long}"));
    }
}
