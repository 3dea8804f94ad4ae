//! Reads master files: entries to records, in one pass and without an allocation a record.

mod generate;
mod include;

use std::io;
use std::ops::Range;
use std::path::Path;

use self::include::Included;
use super::files::Files;
use super::problem::{Mistake, Problem};
use crate::name::{self, Name};
use crate::rdata::reader::{check_bare, unknown_type};
use crate::rdata::words::{Entry, Form, Word, Words, lines};
use crate::rdata::{self, quote, rtype};

/// How many mistakes of a file are collected; reading ends there.
pub const MISTAKES_MAX: usize = 100;

/// A record of a master file, valid until the next one is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Whose it is: wire form, lower case, in the zone.
    pub owner: &'a [u8],
    /// The type's number.
    pub rtype: u16,
    /// Seconds, at most 2^31 - 1.
    pub ttl: u32,
    /// Wire form, names uncompressed and in the case written.
    pub rdata: &'a [u8],
    /// The line that it begins on, from 1; of an included file, a place that [`Files::find`] knows.
    pub line: u32,
}

/// What came of reading a file.
#[derive(Debug)]
pub struct Read {
    /// What is wrong: the first [`MISTAKES_MAX`] mistakes.
    pub mistakes: Vec<Mistake>,
    /// The file and those that it includes.
    pub files: Files,
}

/// Gives the bytes of a file that is included: a path, and the most bytes that it may have.
pub type Include<'i> = dyn FnMut(&Path, u64) -> io::Result<Vec<u8>> + 'i;

/// Reads the text of a master file whose zone is `origin`, hands on each record in the order of the file,
/// and returns what is wrong. Entries with a mistake give no record; nothing can be included.
pub fn read(text: &[u8], origin: &Name, record: impl FnMut(Record<'_>)) -> Vec<Mistake> {
    let mut nothing = |_: &Path, _| Err(io::Error::other("this text stands alone"));
    read_file(Path::new(""), text, origin, &mut nothing, record).mistakes
}

/// As [`read`], for the text of `file`; what it includes stands beside it and comes from `include`.
pub fn read_file(
    file: &Path,
    text: &[u8],
    origin: &Name,
    include: &mut Include<'_>,
    mut record: impl FnMut(Record<'_>),
) -> Read {
    let mut reading = Reading::new(origin, Included::new(file, text, include));
    reading.text(text, &mut record);
    Read { mistakes: reading.mistakes, files: reading.included.files }
}

/// Passes over the rest of an entry that is wrong. A quote or a parenthesis that is never closed would take
/// the rest of the file with it, so reading goes on with the line after the one that it stands on.
fn to_next_entry(words: &mut Words<'_>, entry: Entry, wrong: &Wrong) -> Result<(), Wrong> {
    if wrong.is_open() {
        words.resume_after(entry, wrong.at.start);
        return Ok(());
    }
    loop {
        match words.next() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(mistake) => {
                let next = Wrong::from(mistake);
                if next.is_open() {
                    return Err(next);
                }
            }
        }
    }
}

/// A mistake and its place in the text.
struct Wrong {
    at: Range<usize>,
    problem: Problem,
}

impl Wrong {
    fn word(word: &Word<'_>, problem: impl Into<Problem>) -> Self {
        Self { at: word.range(), problem: problem.into() }
    }

    /// Whether it is that something is never closed.
    fn is_open(&self) -> bool {
        use rdata::Problem::{ParenOpen, QuoteOpen};
        matches!(self.problem, Problem::Record(ParenOpen | QuoteOpen))
    }

    /// The same with its line and column, which are worth counting only now.
    fn mistake(&self, file: usize, text: &[u8], entry: Entry) -> Mistake {
        let before = &text[..self.at.start];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let wrong = &text[self.at.clone()];
        let wrong = wrong.split(|&byte| byte == b'\n').next().unwrap_or_default();
        Mistake {
            file,
            line: entry.line + lines(&before[entry.start..]),
            column: characters(&before[line_start..]) + 1,
            width: characters(wrong),
            problem: self.problem.clone(),
        }
    }
}

impl From<rdata::Mistake> for Wrong {
    fn from(mistake: rdata::Mistake) -> Self {
        Self { at: mistake.at, problem: mistake.problem.into() }
    }
}

/// How many characters of UTF-8 begin in a text.
fn characters(text: &[u8]) -> u32 {
    text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count() as u32
}

/// A file while it is read, and what an entry leaves to those after it.
struct Reading<'z, 'i> {
    zone: &'z Name,
    mistakes: Vec<Mistake>,
    included: Included<'z, 'i>,
    /// How many records `$GENERATE` has made.
    generated: u32,
    /// The name that relative ones are below: wire form, the case as written.
    origin: Vec<u8>,
    /// The last owner, lower-cased, if `owner_is`.
    owner: Vec<u8>,
    owner_is: Owner,
    ttls: Ttls,
    /// The RDATA of the entry that is read, kept for its memory.
    rdata: Vec<u8>,
}

/// What is known of the last owner.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// There was none.
    None,
    Read,
    /// It was wrong, and records that lean on it are read for their own mistakes only.
    Wrong,
}

/// The TTLs that a record without one may take, the first that there is.
#[derive(Default)]
struct Ttls {
    /// Of `$TTL` (RFC 2308 §4).
    directive: Option<u32>,
    /// The last that a record had (RFC 1035 §5.1).
    explicit: Option<u32>,
    /// The SOA's minimum, of files older than `$TTL` (RFC 2308 §4).
    minimum: Option<u32>,
}

impl Ttls {
    fn inherited(&self) -> Option<u32> {
        self.directive.or(self.explicit).or(self.minimum)
    }
}

impl<'z, 'i> Reading<'z, 'i> {
    fn new(zone: &'z Name, included: Included<'z, 'i>) -> Self {
        Self {
            zone,
            mistakes: Vec::new(),
            included,
            generated: 0,
            origin: zone.as_wire().to_vec(),
            owner: Vec::with_capacity(name::NAME_MAX),
            owner_is: Owner::None,
            ttls: Ttls::default(),
            rdata: Vec::new(),
        }
    }

    /// Reads one file's text from its first entry to its last, or to the last mistake that is told.
    fn text(&mut self, text: &[u8], record: &mut impl FnMut(Record<'_>)) {
        // Some editors begin a file with a byte order mark.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut words = Words::new(text, Form::File);
        while let Some(entry) = words.entry() {
            let result = self.entry(&mut words, entry, record);
            let mut wrong = match result {
                Ok(()) if self.is_full() => return, // by what was included
                Ok(()) => continue,
                Err(wrong) => wrong,
            };
            loop {
                self.mistakes.push(wrong.mistake(self.included.at, text, entry));
                if self.is_full() {
                    return;
                }
                match to_next_entry(&mut words, entry, &wrong) {
                    Ok(()) => break,
                    Err(next) => {
                        // What stands behind a parenthesis that was meant to be closed is not to blame.
                        if next.at.start < wrong.at.start {
                            self.mistakes.pop();
                        }
                        wrong = next;
                    }
                }
            }
        }
    }

    fn is_full(&self) -> bool {
        self.mistakes.len() >= MISTAKES_MAX
    }

    fn entry(
        &mut self,
        words: &mut Words<'_>,
        entry: Entry,
        record: &mut impl FnMut(Record<'_>),
    ) -> Result<(), Wrong> {
        let Some(first) = words.next()? else { return Ok(()) }; // `()` and nothing in it
        let first = check_bare(first, "an owner or a type")?;
        if entry.indented {
            return self.record(first, words, entry, record);
        }
        if first.text.starts_with(b"$") {
            return self.directive(&first, words, entry, record);
        }
        self.owner_is = Owner::Wrong;
        self.read_owner(&first)?;
        self.owner_is = Owner::Read;
        let next = words.next()?.ok_or_else(|| no_type(words))?;
        self.record(check_bare(next, "a type")?, words, entry, record)
    }

    fn read_owner(&mut self, word: &Word<'_>) -> Result<(), Wrong> {
        self.owner.clear();
        name::parse_into(word.text, &self.origin, &mut self.owner)
            .map_err(|error| Wrong::word(word, rdata::Problem::from(error)))?;
        self.owner.make_ascii_lowercase(); // length bytes are at most 63, below 'A'
        if name::is_at_or_below(&self.owner, self.zone.as_wire()) {
            return Ok(());
        }
        let owner = Name::from_wire(&self.owner).unwrap_or_else(Name::root);
        Err(Wrong::word(word, Problem::OutsideZone { owner, zone: self.zone.clone() }))
    }

    /// Reads a record from behind its owner: TTL and class in either order, type, RDATA.
    fn record<'a>(
        &mut self,
        first: Word<'a>,
        words: &mut Words<'a>,
        entry: Entry,
        record: &mut impl FnMut(Record<'_>),
    ) -> Result<(), Wrong> {
        let Head { word, explicit, rtype } = read_head(first, words)?;
        // Also when the RDATA is wrong: records after it are not to blame.
        self.ttls.explicit = explicit.or(self.ttls.explicit);
        self.rdata.clear();
        rdata::parse::read(rtype, words, &self.origin, &mut self.rdata)?;

        if rtype == rtype::SOA
            && let Some([.., minimum]) = rdata::soa_numbers(&self.rdata)
        {
            // A TTL with its highest bit set is none at all (RFC 2181 §8).
            self.ttls.minimum = Some(if minimum > rdata::TTL_MAX { 0 } else { minimum });
        }
        match self.owner_is {
            Owner::Read => {}
            Owner::Wrong => return Ok(()),
            Owner::None => {
                self.owner_is = Owner::Wrong; // told once
                return Err(Wrong::word(&first, Problem::NoOwner));
            }
        }
        let Some(ttl) = explicit.or(self.ttls.inherited()) else {
            self.ttls.minimum = Some(0); // told once
            return Err(Wrong::word(&word, Problem::NoTtl));
        };
        let line = self.included.place(entry.line);
        record(Record { owner: &self.owner, rtype, ttl, rdata: &self.rdata, line });
        Ok(())
    }

    fn directive<'a>(
        &mut self,
        word: &Word<'a>,
        words: &mut Words<'a>,
        entry: Entry,
        record: &mut impl FnMut(Record<'_>),
    ) -> Result<(), Wrong> {
        let is = |name: &str| word.text.eq_ignore_ascii_case(name.as_bytes());
        if is("$ORIGIN") {
            let value = value("$ORIGIN", word, words)?;
            let mut origin = Vec::new();
            name::parse_into(value.text, &self.origin, &mut origin)
                .map_err(|error| Wrong::word(&value, rdata::Problem::from(error)))?;
            self.origin = origin;
        } else if is("$TTL") {
            // Should it be wrong, the records after it are not to blame.
            self.ttls.directive = Some(0);
            let value = value("$TTL", word, words)?;
            self.ttls.directive = Some(read_ttl(&value)?);
        } else if is("$INCLUDE") {
            return self.include(word, words, entry, record);
        } else if is("$GENERATE") {
            return self.generate(word, words, entry, record);
        } else {
            return Err(Wrong::word(word, Problem::Directive { written: quote(word.text) }));
        }
        Ok(())
    }
}

/// What stands between a record's owner and its RDATA.
struct Head<'a> {
    /// The type as written.
    word: Word<'a>,
    rtype: u16,
    /// The TTL, if it has one.
    explicit: Option<u32>,
}

/// Reads TTL and class in either order, then the type, from their first word on.
fn read_head<'a>(first: Word<'a>, words: &mut Words<'a>) -> Result<Head<'a>, Wrong> {
    let mut word = first;
    let mut explicit = None;
    let mut has_class = false;
    loop {
        if word.text.first().is_some_and(u8::is_ascii_digit) {
            let ttl = read_ttl(&word)?;
            if explicit.replace(ttl).is_some() {
                return Err(Wrong::word(&word, Problem::Twice { what: "TTL" }));
            }
        } else if let Some(class) = parse_class(word.text) {
            if class != Class::In {
                return Err(Wrong::word(&word, Problem::Class));
            }
            if std::mem::replace(&mut has_class, true) {
                return Err(Wrong::word(&word, Problem::Twice { what: "class" }));
            }
        } else if let Some(rtype) = rdata::parse_type_bytes(word.text) {
            return Ok(Head { word, rtype, explicit });
        } else {
            return Err(Wrong::word(&word, unknown_type(word.text)));
        }
        let next = words.next()?.ok_or_else(|| no_type(words))?;
        word = check_bare(next, "a type")?;
    }
}

fn read_ttl(word: &Word<'_>) -> Result<u32, Wrong> {
    let ttl = str::from_utf8(word.text).ok().and_then(rdata::parse_ttl);
    ttl.ok_or_else(|| Wrong::word(word, Problem::Ttl))
}

/// The one value of a directive.
fn value<'a>(
    directive: &'static str,
    word: &Word<'_>,
    words: &mut Words<'a>,
) -> Result<Word<'a>, Wrong> {
    let wrong = |word: &Word<'_>| Wrong::word(word, Problem::Argument { directive });
    let value = words.next()?.ok_or_else(|| wrong(word))?;
    match words.next()? {
        Some(more) => Err(wrong(&more)),
        None => Ok(check_bare(value, "a directive's value")?),
    }
}

fn no_type(words: &Words<'_>) -> Wrong {
    Wrong { at: words.end(), problem: Problem::NoType }
}

/// A class, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    In,
    Other,
}

/// Reads a class: a mnemonic, or `CLASS` and a number (RFC 3597 §5).
fn parse_class(text: &[u8]) -> Option<Class> {
    let is = |name: &str| text.eq_ignore_ascii_case(name.as_bytes());
    if is("IN") || is("CLASS1") {
        return Some(Class::In);
    }
    let numbered = text.split_at_checked(5).is_some_and(|(prefix, digits)| {
        prefix.eq_ignore_ascii_case(b"CLASS") && digits.iter().all(u8::is_ascii_digit)
    });
    (numbered || is("CH") || is("HS") || is("CS") || is("ANY") || is("NONE"))
        .then_some(Class::Other)
}
