//! The words of presentation format (RFC 1035 §5.1): blanks, quotes, escapes, parentheses, comments.
//!
//! Words come one at a time as pieces of the text, nothing is copied. Escapes stay as written, since
//! what they mean is up to the field: `\.` in a name is no end of a label.
//!
//! ```text
//!   www  3600 TXT ( "a b" ; a comment
//!                   c\;d )
//!   ───  ──── ───    ───    ────         six words of one entry, which the second line ends
//! ```

use std::ops::Range;

use super::problem::{Mistake, Problem};

/// Reads words from a text.
pub(crate) struct Words<'a> {
    text: &'a [u8],
    form: Form,
    at: usize,
    /// The line that `at` is on, from 1.
    line: u32,
    /// How many parentheses are open.
    depth: u32,
    /// Where the outermost of them is.
    opened: usize,
    /// Where the last word ended.
    end: usize,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Entries, one a line unless parentheses join lines; `;` begins a comment.
    File,
    /// One entry; lines are blanks, and a comment is a mistake.
    Value,
}

/// A word of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    /// As written; without its quotes where they are around the whole.
    pub(crate) text: &'a [u8],
    /// Where quotes are.
    pub(crate) quotes: Quotes,
    /// Where it begins in the whole text, its quote included.
    start: usize,
}

/// Where a word has quotes that are not escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quotes {
    None,
    Around,
    /// As in `alpn="h2,h3"`.
    Inside,
}

impl Word<'_> {
    /// Where it stands in the whole text, its quotes included.
    pub(crate) fn range(&self) -> Range<usize> {
        let quotes = if self.quotes == Quotes::Around { 2 } else { 0 };
        self.start..self.start + self.text.len() + quotes
    }

    /// This word is wrong.
    pub(crate) fn wrong(&self, problem: impl Into<Problem>) -> Mistake {
        Mistake { at: self.range(), problem: problem.into() }
    }
}

/// What a byte does to the words around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Escape,
    Quote,
    Blank,
    Newline,
    Open,
    Close,
    Comment,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    classes[b' ' as usize] = Class::Blank;
    classes[b'\t' as usize] = Class::Blank;
    classes[b'\r' as usize] = Class::Blank;
    classes[b'\n' as usize] = Class::Newline;
    classes[b'"' as usize] = Class::Quote;
    classes[b'\\' as usize] = Class::Escape;
    classes[b'(' as usize] = Class::Open;
    classes[b')' as usize] = Class::Close;
    classes[b';' as usize] = Class::Comment;
    classes
};

impl<'a> Words<'a> {
    /// The words of a text.
    pub(crate) fn new(text: &'a [u8], form: Form) -> Self {
        Self { text, form, at: 0, line: 1, depth: 0, opened: 0, end: 0 }
    }

    fn class(&self) -> Option<Class> {
        self.text.get(self.at).map(|&byte| CLASSES[usize::from(byte)])
    }

    /// The next word of this entry; `None` at its end.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Word<'a>>, Mistake> {
        loop {
            match self.class() {
                Some(Class::Blank) => self.at += 1,
                Some(Class::Plain | Class::Escape) => return self.bare().map(Some),
                Some(Class::Newline) if self.form == Form::File && self.depth == 0 => {
                    return Ok(None);
                }
                Some(Class::Newline) => self.newline(),
                Some(Class::Quote) => return self.quoted().map(Some),
                Some(Class::Open) => {
                    if self.depth == 0 {
                        self.opened = self.at;
                    }
                    self.depth += 1;
                    self.at += 1;
                }
                Some(Class::Close) => {
                    self.at += 1;
                    let Some(depth) = self.depth.checked_sub(1) else {
                        let at = self.at - 1..self.at;
                        return Err(Mistake { at, problem: Problem::ParenStray });
                    };
                    self.depth = depth;
                }
                Some(Class::Comment) if self.form == Form::File => self.comment(),
                Some(Class::Comment) => {
                    self.at += 1;
                    let at = self.at - 1..self.at;
                    return Err(Mistake { at, problem: Problem::Comment });
                }
                None if self.depth > 0 => {
                    let at = self.opened..self.opened + 1;
                    return Err(Mistake { at, problem: Problem::ParenOpen });
                }
                None => return Ok(None),
            }
        }
    }

    #[inline]
    fn bare(&mut self) -> Result<Word<'a>, Mistake> {
        let start = self.at;
        let mut quotes = Quotes::None;
        loop {
            let rest = &self.text[self.at..];
            let plain = |&byte: &u8| CLASSES[usize::from(byte)] == Class::Plain;
            self.at += rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
            match self.class() {
                Some(Class::Escape) => self.escape(),
                Some(Class::Quote) => {
                    quotes = Quotes::Inside;
                    self.pass_quoted()?;
                }
                _ => break,
            }
        }
        self.end = self.at;
        Ok(Word { text: &self.text[start..self.at], quotes, start })
    }

    fn quoted(&mut self) -> Result<Word<'a>, Mistake> {
        let start = self.at;
        self.pass_quoted()?;
        self.end = self.at;
        Ok(Word { text: &self.text[start + 1..self.at - 1], quotes: Quotes::Around, start })
    }

    /// From an opening quote to behind its partner. Lines may pass (RFC 1035 §5.1).
    fn pass_quoted(&mut self) -> Result<(), Mistake> {
        let open = self.at;
        self.at += 1;
        loop {
            match self.class() {
                Some(Class::Quote) => break,
                Some(Class::Escape) => self.escape(),
                Some(Class::Newline) => self.newline(),
                Some(_) => self.at += 1,
                None => return Err(Mistake { at: open..open + 1, problem: Problem::QuoteOpen }),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// A backslash and the byte after it, whatever that would do alone. It never hides the end of a
    /// line, so that one in a wrong place spoils one entry and not two.
    fn escape(&mut self) {
        self.at += 1;
        if self.class().is_some_and(|class| class != Class::Newline) {
            self.at += 1;
        }
    }

    fn newline(&mut self) {
        self.at += 1;
        self.line += 1;
    }

    fn comment(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    }

    /// A piece of the text.
    pub(crate) fn piece(&self, at: Range<usize>) -> &'a [u8] {
        &self.text[at]
    }

    /// Where the last word ended: here something is missing.
    pub(crate) fn end(&self) -> Range<usize> {
        self.end..self.end
    }

    /// Moves on to the next entry of a file and says where it begins; `None` at the end of the file.
    /// The entry before must have been read to its end.
    #[inline]
    pub(crate) fn entry(&mut self) -> Option<Entry> {
        loop {
            let start = self.at;
            while self.class() == Some(Class::Blank) {
                self.at += 1;
            }
            match self.class()? {
                Class::Newline => self.newline(),
                Class::Comment => self.comment(),
                _ => {
                    self.end = self.at;
                    return Some(Entry { start, line: self.line, indented: self.at > start });
                }
            }
        }
    }

    /// Goes on with the line after the one that `at` is on, which is in or after `entry`.
    pub(crate) fn resume_after(&mut self, entry: Entry, at: usize) {
        self.line = entry.line + lines(&self.text[entry.start..at]);
        self.at = at;
        self.depth = 0;
        self.comment(); // The rest of the line, whatever is in it.
    }
}

/// Where an entry begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Its first byte.
    pub(crate) start: usize,
    /// The line of that byte, from 1.
    pub(crate) line: u32,
    /// Whether blanks stand where the owner would.
    pub(crate) indented: bool,
}

/// How many lines end in a text.
pub(crate) fn lines(text: &[u8]) -> u32 {
    text.split(|&byte| byte == b'\n').skip(1).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of every entry, `|` between words and `/` between entries; quoted ones in quotes.
    fn words(text: &str) -> String {
        let mut words = Words::new(text.as_bytes(), Form::File);
        let mut entries = Vec::new();
        while let Some(entry) = words.entry() {
            let mut line = Vec::new();
            if entry.indented {
                line.push(String::new());
            }
            loop {
                match words.next() {
                    Ok(Some(word)) => {
                        let text = String::from_utf8_lossy(word.text).replace('\n', "~");
                        line.push(match word.quotes {
                            Quotes::Around => format!("\"{text}\""),
                            _ => text,
                        });
                    }
                    Ok(None) => break,
                    Err(mistake) => {
                        line.push(format!("{:?}@{}", mistake.problem, mistake.at.start));
                        words.resume_after(entry, mistake.at.start);
                        break;
                    }
                }
            }
            entries.push(line.join("|"));
        }
        entries.join("/")
    }

    #[test]
    fn rfc1035_5_1_words_and_entries() {
        for (text, expected) in [
            ("a b\nc", "a|b/c"),
            ("a\tb \r\n\r\n c\r\n", "a|b/|c"),
            ("; nothing\n  ; more\na ; rest\n", "a"),
            ("a ( b ; (\n c\n) d\ne", "a|b|c|d/e"),
            ("a((b)\nc)d", "a|b|c|d"),
            ("a \"b ;(\\\" c\"d", "a|\"b ;(\\\" c\"|d"),
            ("a \"b\nc\" d", "a|\"b~c\"|d"),
            ("a \"\" b", "a|\"\"|b"),
            ("a k=\"v w\" b", "a|k=\"v w\"|b"),
            ("a\\ b\\;c\\(d e", "a\\ b\\;c\\(d|e"),
            ("a\\\nb", "a\\/b"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn reading_goes_on_after_a_mistake_with_the_next_line() {
        for (text, expected) in [
            ("a ( b\nc\n", "a|b|c|ParenOpen@2/c"),
            ("a \"b\nc\n", "a|QuoteOpen@2/c"),
            ("a ) b\nc\n", "a|ParenStray@2/c"),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_has_no_lines_and_no_comments() {
        let mut words = Words::new(b"a\n b ;c", Form::Value);
        let mut next = || words.next().map(|word| word.map(|word| word.text));
        assert_eq!(next(), Ok(Some(&b"a"[..])));
        assert_eq!(next(), Ok(Some(&b"b"[..])));
        assert_eq!(next(), Err(Mistake { at: 5..6, problem: Problem::Comment }));
    }
}
