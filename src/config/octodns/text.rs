//! Texts of octoDNS to presentation format and back.
//!
//! In octoDNS a text is what stands between the quotes of a master file: escapes are those of RFC 1035 §5.1, `;`
//! is written `\;` (a bare one is taken too), and a quote needs no backslash. Several strings in quotes
//! are one text.

use std::fmt::Write as _;

use crate::name::unescape;

/// The longest character-string (RFC 1035 §3.3).
const STRING_MAX: usize = 255;

/// A text as the strings of a TXT in presentation format; `None` where an escape is none.
pub(super) fn to_strings(text: &str) -> Option<String> {
    let joined = match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').unwrap_or(rest).replace("\" \"", ""),
        None => text.to_owned(),
    };
    let bytes = bytes(&joined)?;
    let mut strings = String::with_capacity(bytes.len() + 2);
    for string in bytes.chunks(STRING_MAX) {
        if !strings.is_empty() {
            strings.push(' ');
        }
        quote(string, &mut strings);
    }
    Some(if strings.is_empty() { "\"\"".to_owned() } else { strings })
}

/// A text as one string in quotes; `None` where an escape is none.
pub(super) fn to_quoted(text: &str) -> Option<String> {
    let mut quoted = String::with_capacity(text.len() + 2);
    quote(&bytes(text)?, &mut quoted);
    Some(quoted)
}

/// The bytes that a text stands for.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' {
            rest = &after[unescape(after, &mut bytes).ok()?..];
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

fn quote(bytes: &[u8], out: &mut String) {
    out.push('"');
    for &byte in bytes {
        let _ = match byte {
            b'"' | b'\\' => write!(out, "\\{}", char::from(byte)),
            b' '..=b'~' => write!(out, "{}", char::from(byte)),
            _ => write!(out, "\\{byte:03}"),
        };
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_stands_between_quotes() {
        for (text, expected) in [
            ("v=spf1 -all", Some("\"v=spf1 -all\"")),
            ("a\\; b; c", Some("\"a; b; c\"")),
            ("say \"hi\"", Some("\"say \\\"hi\\\"\"")),
            ("\"a\" \"b\"", Some("\"ab\"")),
            ("a\\\\b\\255é", Some("\"a\\\\b\\255\\195\\169\"")),
            ("", Some("\"\"")),
            ("\\1", None),
        ] {
            assert_eq!(to_strings(text).as_deref(), expected, "{text}");
        }
        let long = to_strings(&"x".repeat(300)).expect("a text");
        assert_eq!(long, format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45)));
    }
}
