//! `$INCLUDE FILE [ORIGIN]` (RFC 1035 §5.1).
//!
//! A path is relative to the folder of the file that includes it, as in Knot; whether it may be read is for the
//! caller. Afterwards origin and owner are what they were; TTLs go on as if the text stood there
//! (RFC 2308 §4: `$TTL` is in force until the next one), as in BIND and NSD.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::{Include, Reading, Record, Wrong};
use crate::name;
use crate::rdata::reader::{check_bare, unescape};
use crate::rdata::words::{Entry, Quotes, Word, Words, lines};
use crate::rdata::{self, quote};
use crate::zonefile::files::Files;
use crate::zonefile::problem::Problem;

/// The most files that are open inside one another, the zone's own among them.
const INCLUDE_DEPTH_MAX: usize = 16;
/// The most files that a zone includes, each counted as often as it is included.
const INCLUDES_MAX: usize = 10_000;
/// The most bytes of all files that a zone includes, each counted as often as it is included: 1 GiB.
const INCLUDED_BYTES_MAX: u64 = 1 << 30;

/// What is included, and how to get it.
pub(super) struct Included<'t, 'i> {
    pub(super) files: Files,
    /// Which of them is read.
    pub(super) at: usize,
    base: u32,
    /// What the lines of the next one begin behind; 0 until there is one.
    next_base: u32,
    /// The text of the zone's own file, whose lines are counted only then.
    text: &'t [u8],
    bytes_left: u64,
    include: &'t mut Include<'i>,
}

impl<'t, 'i> Included<'t, 'i> {
    pub(super) fn new(file: &Path, text: &'t [u8], include: &'t mut Include<'i>) -> Self {
        Self {
            files: Files::new(file),
            at: 0,
            base: 0,
            next_base: 0,
            text,
            bytes_left: INCLUDED_BYTES_MAX,
            include,
        }
    }

    /// The number of a line of the file that is read.
    #[inline]
    pub(super) fn place(&self, line: u32) -> u32 {
        self.base.saturating_add(line)
    }

    /// Gets a file and makes it the one that is read.
    fn open(&mut self, path: PathBuf, line: u32) -> Result<Vec<u8>, Problem> {
        let shown = path.display().to_string();
        if self.files.open(self.at).any(|open| open == path) {
            return Err(Problem::IncludeLoop { file: shown });
        }
        if self.files.open(self.at).count() >= INCLUDE_DEPTH_MAX {
            return Err(Problem::IncludeDepth { most: INCLUDE_DEPTH_MAX });
        }
        if self.files.included().count() >= INCLUDES_MAX {
            return Err(Problem::TooManyIncludes { most: INCLUDES_MAX });
        }
        let text = (self.include)(&path, self.bytes_left)
            .map_err(|error| Problem::Include { file: shown, detail: error.to_string() })?;
        self.bytes_left = self.bytes_left.saturating_sub(text.len() as u64);
        if self.next_base == 0 {
            self.next_base = lines(self.text).saturating_add(1);
        }
        self.base = self.next_base;
        self.next_base = self.base.saturating_add(lines(&text)).saturating_add(1);
        self.at = self.files.add(path, (self.at, line), self.base);
        Ok(text)
    }

    /// Goes back to the file that included this one.
    fn close(&mut self, at: usize) {
        self.at = at;
        self.base = self.files.base(at);
    }
}

impl Reading<'_, '_> {
    pub(super) fn include<'a>(
        &mut self,
        directive: &Word<'a>,
        words: &mut Words<'a>,
        entry: Entry,
        record: &mut impl FnMut(Record<'_>),
    ) -> Result<(), Wrong> {
        let file = words.next()?.ok_or_else(|| Wrong::word(directive, Problem::IncludeNothing))?;
        let path = path(&file)?;
        let mut origin = None;
        if let Some(word) = words.next()? {
            let word = check_bare(word, "an origin")?;
            let mut wire = Vec::new();
            name::parse_into(word.text, &self.origin, &mut wire)
                .map_err(|error| Wrong::word(&word, rdata::Problem::from(error)))?;
            origin = Some(wire);
        }
        if let Some(more) = words.next()? {
            return Err(Wrong::word(&more, Problem::IncludeNothing));
        }
        let folder = self.included.files.path(self.included.at).parent().unwrap_or(Path::new(""));
        let at = self.included.at;
        let text = self
            .included
            .open(folder.join(path), entry.line)
            .map_err(|problem| Wrong::word(&file, problem))?;

        let before = (self.origin.clone(), self.owner.clone(), self.owner_is);
        self.origin = origin.unwrap_or_else(|| before.0.clone());
        self.text(&text, record);
        (self.origin, self.owner, self.owner_is) = before;
        self.included.close(at);
        Ok(())
    }
}

fn path(word: &Word<'_>) -> Result<PathBuf, Wrong> {
    let mut path = Vec::new();
    if word.quotes == Quotes::Inside {
        return Err(Wrong::word(word, rdata::Problem::QuoteInside));
    }
    unescape(word.text, &mut path).map_err(|problem| Wrong::word(word, problem))?;
    if path.is_empty() || path.contains(&0) {
        let detail = "this is no path".to_owned();
        return Err(Wrong::word(word, Problem::Include { file: quote(word.text), detail }));
    }
    Ok(PathBuf::from(OsString::from_vec(path)))
}
