//! `$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE RDATA`, records by the number, as in BIND.
//!
//! In owner and RDATA, `$` is the number, and `${OFFSET,WIDTH,BASE}` the number with something added, filled up
//! with zeros to a width, in decimal (`d`), octal (`o`), hex (`x`, `X`) or as the labels of a reverse name, the
//! last digit first (`n`, `N`: each digit and each dot counts for the width). `\$` and `$$` are a `$`.
//!
//! RDATA of several words may stand in quotes as in BIND, and as it is. A number below 0 is a mistake here;
//! BIND writes its sign or its complement.

use std::fmt::Write as _;

use super::{Head, Reading, Record, Wrong, no_type, read_head};
use crate::name;
use crate::rdata::reader::check_bare;
use crate::rdata::words::{Entry, Form, Quotes, Word, Words};
use crate::rdata::{self, quote};
use crate::zonefile::problem::Problem;

/// The most records that all `$GENERATE` of a zone make together: a number for each address of a /8.
const GENERATED_MAX: u32 = 1 << 24;
/// The greatest number.
const NUMBER_MAX: u32 = i32::MAX as u32;
/// The widest number, which fills a name.
const WIDTH_MAX: u32 = 255;

/// The numbers, one for each record.
struct Range {
    start: u32,
    stop: u32,
    step: u32,
}

/// A text with places for the number.
struct Template<'t>(Vec<Piece<'t>>);

enum Piece<'t> {
    Text(&'t [u8]),
    Number { offset: i64, width: u32, base: Base },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Decimal,
    Octal,
    Hex,
    UpperHex,
    Nibbles,
    UpperNibbles,
}

impl Reading<'_, '_> {
    pub(super) fn generate<'a>(
        &mut self,
        directive: &Word<'a>,
        words: &mut Words<'a>,
        entry: Entry,
        record: &mut impl FnMut(Record<'_>),
    ) -> Result<(), Wrong> {
        let short = || Wrong::word(directive, Problem::GenerateShort);
        let range_word = check_bare(words.next()?.ok_or_else(short)?, "a range")?;
        let owner_word = check_bare(words.next()?.ok_or_else(short)?, "an owner")?;
        let first = check_bare(words.next()?.ok_or_else(|| no_type(words))?, "a type")?;
        let Head { word: type_word, rtype, explicit } = read_head(first, words)?;
        self.ttls.explicit = explicit.or(self.ttls.explicit);
        let (rdata_word, rdata_text) = rest(words)?.ok_or_else(short)?;

        let range = Range::parse(range_word.text)
            .ok_or_else(|| Wrong::word(&range_word, Problem::GenerateRange))?;
        let owners = Template::parse(owner_word.text)
            .map_err(|problem| Wrong::word(&owner_word, problem))?;
        let rdatas =
            Template::parse(&rdata_text).map_err(|problem| Wrong::word(&rdata_word, problem))?;
        let Some(ttl) = explicit.or(self.ttls.inherited()) else {
            self.ttls.minimum = Some(0); // told once
            return Err(Wrong::word(&type_word, Problem::NoTtl));
        };
        let left = GENERATED_MAX - self.generated;
        let Some(count) = range.count().filter(|&count| count <= left) else {
            let problem = Problem::GenerateTooMany { most: GENERATED_MAX };
            return Err(Wrong::word(&range_word, problem));
        };
        self.generated += count;

        let line = self.included.place(entry.line);
        let (mut text, mut owner) = (Vec::new(), Vec::with_capacity(name::NAME_MAX));
        for number in range.numbers() {
            let wrong = |word: &Word<'_>, text: &[u8], problem: Problem| {
                let problem = Box::new(problem);
                Wrong::word(word, Problem::Generated { text: quote(text), problem })
            };
            owners.fill(number, &mut text).map_err(|problem| Wrong::word(&owner_word, problem))?;
            self.generated_owner(&text, &mut owner)
                .map_err(|problem| wrong(&owner_word, &text, problem))?;

            rdatas.fill(number, &mut text).map_err(|problem| Wrong::word(&rdata_word, problem))?;
            self.rdata.clear();
            let mut words = Words::new(&text, Form::Value);
            rdata::parse::read(rtype, &mut words, &self.origin, &mut self.rdata)
                .map_err(|mistake| wrong(&rdata_word, &text, mistake.problem.into()))?;
            record(Record { owner: &owner, rtype, ttl, rdata: &self.rdata, line });
        }
        Ok(())
    }

    fn generated_owner(&self, text: &[u8], owner: &mut Vec<u8>) -> Result<(), Problem> {
        owner.clear();
        name::parse_into(text, &self.origin, owner).map_err(rdata::Problem::from)?;
        owner.make_ascii_lowercase();
        if name::is_at_or_below(owner, self.zone.as_wire()) {
            return Ok(());
        }
        let owner = name::Name::from_wire(owner).unwrap_or_else(name::Name::root);
        Err(Problem::OutsideZone { owner, zone: self.zone.clone() })
    }
}

/// The rest of an entry: its first word, to be pointed at, and the text, without quotes where they are around
/// the whole.
fn rest<'a>(words: &mut Words<'a>) -> Result<Option<(Word<'a>, Vec<u8>)>, Wrong> {
    let Some(first) = words.next()? else { return Ok(None) };
    let mut end = None;
    while let Some(word) = words.next()? {
        end = Some(word.range().end);
    }
    let text = match end {
        Some(end) => words.piece(first.range().start..end).to_vec(),
        None if first.quotes == Quotes::Around => unquoted(first.text),
        None => first.text.to_vec(),
    };
    Ok(Some((first, text)))
}

/// What stands in quotes: an escaped quote is one of the text's own, all other escapes stay.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [b'"', tail @ ..]) => {
                out.push(b'"');
                tail
            }
            (b'\\', [next, tail @ ..]) => {
                out.extend_from_slice(&[b'\\', *next]);
                tail
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    out
}

impl Range {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let (range, step) = text.split_once('/').unwrap_or((text, "1"));
        let (first, last) = range.split_once('-')?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().ok()).flatten().filter(|&number| number <= NUMBER_MAX)
        };
        let range = Self { start: number(first)?, stop: number(last)?, step: number(step)? };
        (range.start <= range.stop && range.step > 0).then_some(range)
    }

    fn count(&self) -> Option<u32> {
        ((self.stop - self.start) / self.step).checked_add(1)
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        (self.start..=self.stop).step_by(self.step as usize)
    }
}

impl<'t> Template<'t> {
    fn parse(text: &'t [u8]) -> Result<Self, Problem> {
        let mut pieces = Vec::new();
        let mut rest = text;
        loop {
            let plain = rest.iter().position(|byte| b"$\\".contains(byte)).unwrap_or(rest.len());
            let (piece, tail) = rest.split_at(plain);
            pieces.push(Piece::Text(piece));
            rest = match tail {
                [] => return Ok(Self(pieces)),
                [b'\\', ..] => {
                    let (escape, tail) = tail.split_at(tail.len().min(2));
                    pieces.push(Piece::Text(escape));
                    tail
                }
                [_, b'$', tail @ ..] => {
                    pieces.push(Piece::Text(b"\\$"));
                    tail
                }
                [_, b'{', tail @ ..] => {
                    let end = tail.iter().position(|&byte| byte == b'}');
                    let end = end.ok_or(Problem::GenerateModifier)?;
                    pieces.push(modifier(&tail[..end]).ok_or(Problem::GenerateModifier)?);
                    &tail[end + 1..]
                }
                [_, tail @ ..] => {
                    pieces.push(Piece::Number { offset: 0, width: 0, base: Base::Decimal });
                    tail
                }
            };
        }
    }

    fn fill(&self, number: u32, out: &mut Vec<u8>) -> Result<(), Problem> {
        out.clear();
        for piece in &self.0 {
            match *piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Number { offset, width, base } => {
                    let sum = i64::from(number) + offset;
                    let number = u32::try_from(sum).ok().filter(|&number| number <= NUMBER_MAX);
                    let number = number.ok_or(Problem::GenerateNumber { number: sum })?;
                    out.extend_from_slice(base.written(number, width as usize).as_bytes());
                }
            }
        }
        Ok(())
    }
}

/// What stands in braces: OFFSET[,WIDTH[,BASE]].
fn modifier<'t>(text: &[u8]) -> Option<Piece<'t>> {
    let mut parts = str::from_utf8(text).ok()?.split(',');
    let offset = parts.next()?;
    let digits = offset.strip_prefix(['-', '+']).unwrap_or(offset);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(digits) {
        return None;
    }
    let offset: i64 =
        offset.parse().ok().filter(|offset: &i64| offset.abs() <= NUMBER_MAX.into())?;
    let width = match parts.next() {
        Some(width) if is_number(width) => {
            width.parse().ok().filter(|&width| width <= WIDTH_MAX)?
        }
        Some(_) => return None,
        None => 0,
    };
    let base = match parts.next() {
        None | Some("d") => Base::Decimal,
        Some("o") => Base::Octal,
        Some("x") => Base::Hex,
        Some("X") => Base::UpperHex,
        Some("n") => Base::Nibbles,
        Some("N") => Base::UpperNibbles,
        Some(_) => return None,
    };
    parts.next().is_none().then_some(Piece::Number { offset, width, base })
}

impl Base {
    fn written(self, number: u32, width: usize) -> String {
        match self {
            Self::Decimal => format!("{number:0width$}"),
            Self::Octal => format!("{number:0width$o}"),
            Self::Hex => format!("{number:0width$x}"),
            Self::UpperHex => format!("{number:0width$X}"),
            Self::Nibbles | Self::UpperNibbles => {
                // As many digits as the number has, or as fit into the width with the dots between.
                let mut text = String::new();
                let mut rest = number;
                loop {
                    let digit = rest & 0xf;
                    let _ = match self {
                        Self::Nibbles => write!(text, "{digit:x}"),
                        _ => write!(text, "{digit:X}"),
                    };
                    rest >>= 4;
                    if rest == 0 && text.len() >= width {
                        return text;
                    }
                    text.push('.');
                    if rest == 0 && text.len() >= width {
                        return text;
                    }
                }
            }
        }
    }
}
