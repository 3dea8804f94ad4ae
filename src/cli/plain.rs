//! Text from elsewhere, made fit for a terminal: what would move its cursor is written out.
//!
//! Names of files, pools and backends, and whatever a server sends, may hold any character. A person who
//! reads a log or a table shall see them, and the terminal shall not obey them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text, with characters that steer a terminal written as `\u{1b}`.
#[must_use]
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if steers(character) {
            let _ = write!(plain, "\\u{{{:x}}}", u32::from(character));
        } else {
            plain.push(character);
        }
    }
    Cow::Owned(plain)
}

/// Whether a character does something else than to be seen: controls, ends of lines and paragraphs, and
/// those that turn the direction of the text around them.
pub(super) fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_out() {
        for (text, expected) in [
            ("web-1", "web-1"),
            ("wẃ ☂", "wẃ ☂"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\t", "a\\u{a}b\\u{9}"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("a\u{202e}b", "a\\u{202e}b"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }
}
