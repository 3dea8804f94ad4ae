//! What can be wrong with a master file, each told with what would be right.

use std::fmt;

use crate::name::Name;
use crate::rdata;

/// A mistake in a master file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
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
    /// A directive that exists but is not read.
    NotRead {
        /// Its name.
        directive: &'static str,
    },
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
            Self::NotRead { directive } => {
                write!(f, "{directive} is not read yet; write its records here instead")
            }
            Self::Directive { written } => write!(
                f,
                "no directive is called \"{written}\"; there are $ORIGIN and $TTL, and an owner with $ is written \\$"
            ),
            Self::Argument { directive } => write!(f, "{directive} has exactly one value after it"),
        }
    }
}

impl std::error::Error for Problem {}
