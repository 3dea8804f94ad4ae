//! What can be wrong with a master file, each told with what would be right.

use std::fmt;

use crate::name::Name;
use crate::rdata;

/// A mistake in a master file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which of the [`super::Files`] it is in; 0 is the zone's own.
    pub file: usize,
    /// The line, from 1.
    pub line: u32,
    /// The character of the line, from 1.
    pub column: u32,
    /// How many characters of that line are wrong; 0 where something is missing.
    pub width: u32,
    /// What is wrong with them.
    pub problem: Problem,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A record's RDATA, or a word as such.
    Record(rdata::Problem),
    /// An owner that is not in the zone.
    OutsideZone {
        /// As it is when complete.
        owner: Name,
        /// The zone.
        zone: Name,
    },
    /// A first record with blanks where its owner would be.
    NoOwner,
    /// A record without a TTL where none was set before.
    NoTtl,
    /// Not a TTL, or one over its limit (RFC 2181 §8).
    Ttl,
    /// A TTL or a class that stands twice in a record.
    Twice {
        /// Which of them.
        what: &'static str,
    },
    /// A class other than IN.
    Class,
    /// A record that ends before its type.
    NoType,
    /// A directive that does not exist.
    Directive {
        /// As written.
        written: String,
    },
    /// A directive with no value or more than one.
    Argument {
        /// Its name.
        directive: &'static str,
    },
    /// `$INCLUDE` with no file or with more than a file and an origin.
    IncludeNothing,
    /// A file that cannot be included.
    Include {
        /// Its path.
        file: String,
        /// Why not.
        detail: String,
    },
    /// A file that includes itself, be it by others.
    IncludeLoop {
        /// Its path.
        file: String,
    },
    /// Too many files inside one another.
    IncludeDepth {
        /// How many there may be.
        most: usize,
    },
    /// Too many files.
    TooManyIncludes {
        /// How many there may be.
        most: usize,
    },
    /// `$GENERATE` that ends too soon.
    GenerateShort,
    /// Not a range.
    GenerateRange,
    /// Something else than a modifier behind `${`.
    GenerateModifier,
    /// A number that an offset makes too small or too large.
    GenerateNumber {
        /// As it would be.
        number: i64,
    },
    /// Too many records.
    GenerateTooMany {
        /// How many there may be in a zone.
        most: u32,
    },
    /// What `$GENERATE` has made is wrong.
    Generated {
        /// What it has made.
        text: String,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
}

impl From<rdata::Problem> for Problem {
    fn from(problem: rdata::Problem) -> Self {
        Self::Record(problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(problem) => problem.fmt(f),
            Self::OutsideZone { owner, zone } => write!(
                f,
                "{owner} is outside the zone {zone}; an owner with a last dot is complete, one without is below $ORIGIN"
            ),
            Self::NoOwner => f.write_str(
                "no owner stands here or before; write a name, or @ for the zone itself",
            ),
            Self::NoTtl => {
                f.write_str("no TTL stands here or before; write $TTL above, as in $TTL 1h")
            }
            Self::Ttl => f.write_str(
                "a TTL is 0 to 2147483647 seconds, or like 1h30m with the units w, d, h, m and s",
            ),
            Self::Twice { what } => write!(f, "this record has a {what} already; remove one"),
            Self::Class => f.write_str("only class IN is served; write IN or no class"),
            Self::NoType => f.write_str("the record's type is missing, such as A or MX"),
            Self::Directive { written } => write!(
                f,
                "no directive is called \"{written}\"; there are $ORIGIN, $TTL, $INCLUDE and $GENERATE, and an owner with $ is written \\$"
            ),
            Self::Argument { directive } => write!(f, "{directive} has exactly one value after it"),
            Self::IncludeNothing => {
                f.write_str("$INCLUDE has a file after it, and perhaps an origin: $INCLUDE FILE [ORIGIN]")
            }
            Self::Include { file, detail } => write!(
                f,
                "{file} cannot be included: {detail}; a path is relative to the file that it stands in"
            ),
            Self::IncludeLoop { file } => {
                write!(f, "{file} is open already and would include itself; remove one of the $INCLUDE")
            }
            Self::IncludeDepth { most } => {
                write!(f, "more than {most} files would be open inside one another; include fewer")
            }
            Self::TooManyIncludes { most } => {
                write!(f, "a zone includes at most {most} files; join some")
            }
            Self::GenerateShort => f.write_str(
                "$GENERATE is written `$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE RDATA`",
            ),
            Self::GenerateRange => f.write_str(
                "a range is START-STOP or START-STOP/STEP, rising numbers up to 2147483647, as in 1-254 or 0-62/2",
            ),
            Self::GenerateModifier => f.write_str(
                "`${` is followed by OFFSET, WIDTH up to 255, one of d, o, x, X, n and N, and `}`, as in ${0,3,d}; \
                 the last two may be left out",
            ),
            Self::GenerateNumber { number } => write!(
                f,
                "the offset makes this {number}; numbers are from 0 to 2147483647, so change the range or the offset"
            ),
            Self::GenerateTooMany { most } => write!(
                f,
                "$GENERATE makes at most {most} records in a zone; shorten the ranges"
            ),
            Self::Generated { text, problem } => write!(f, "this makes \"{text}\": {problem}"),
        }
    }
}

impl std::error::Error for Problem {}
