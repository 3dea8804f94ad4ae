//! The words of one record, taken one by one as what a field wants them to be.

use super::digits::{Base, Decoder};
use super::problem::{Mistake, Problem, quote};
use super::words::{Quotes, Word, Words};
use super::{RDATA_MAX, bitmap, table};
use crate::name;

/// The longest character-string (RFC 1035 §3.3).
const STRING_MAX: usize = 255;

/// What is needed to read the fields of one record.
pub(super) struct Reader<'r, 'a> {
    pub(super) words: &'r mut Words<'a>,
    /// A word that was looked at and not used yet.
    pub(super) peeked: Option<Word<'a>>,
    pub(super) rtype: u16,
    pub(super) origin: &'r [u8],
    pub(super) out: &'r mut Vec<u8>,
}

impl<'a> Reader<'_, 'a> {
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Word<'a>>, Mistake> {
        match self.peeked.take() {
            Some(word) => Ok(Some(word)),
            None => self.words.next(),
        }
    }

    /// The next word, which must be there.
    #[inline]
    pub(super) fn required(&mut self, field: &'static str) -> Result<Word<'a>, Mistake> {
        self.next()?.ok_or_else(|| Mistake {
            at: self.words.end(),
            problem: Problem::Missing { rtype: self.rtype, field },
        })
    }

    /// The next word, which must be there and have no quotes.
    #[inline]
    pub(super) fn bare(&mut self, field: &'static str) -> Result<Word<'a>, Mistake> {
        let word = self.required(field)?;
        check_bare(word, field)
    }

    /// The next word if there is one, which must have no quotes.
    pub(super) fn optional(&mut self, field: &'static str) -> Result<Option<Word<'a>>, Mistake> {
        self.next()?.map(|word| check_bare(word, field)).transpose()
    }

    pub(super) fn bare_as<T>(
        &mut self,
        field: &'static str,
        problem: Problem,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, Mistake> {
        let word = self.bare(field)?;
        read(word.text).ok_or_else(|| word.wrong(problem))
    }

    pub(super) fn number(&mut self, field: &'static str, max: u32) -> Result<u32, Mistake> {
        let word = self.bare(field)?;
        number(word.text, max).ok_or_else(|| {
            let is_word = word.text.first().is_some_and(u8::is_ascii_alphabetic);
            word.wrong(if is_word {
                Problem::WordForNumber { rtype: self.rtype, field, max }
            } else {
                Problem::Number { field, max }
            })
        })
    }

    pub(super) fn name(&mut self, word: &Word<'_>) -> Result<(), Mistake> {
        name::parse_into(word.text, self.origin, self.out).map_err(|error| word.wrong(error))
    }

    /// A character-string with its length.
    pub(super) fn string(&mut self, word: &Word<'_>) -> Result<(), Mistake> {
        let length_at = self.out.len();
        self.out.push(0);
        self.unquoted(word)?;
        match self.out.len() - length_at - 1 {
            len @ 0..=STRING_MAX => self.out[length_at] = len as u8,
            _ => return Err(word.wrong(Problem::StringTooLong)),
        }
        Ok(())
    }

    /// The bytes that a string stands for.
    pub(super) fn unquoted(&mut self, word: &Word<'_>) -> Result<(), Mistake> {
        if word.quotes == Quotes::Inside {
            return Err(word.wrong(Problem::QuoteInside));
        }
        unescape(word.text, self.out).map_err(|problem| word.wrong(problem))
    }

    /// A record that has become too long while it is read goes no further.
    pub(super) fn limit(&self, start: usize, word: &Word<'_>) -> Result<(), Mistake> {
        if self.out.len() - start > RDATA_MAX { Err(word.wrong(Problem::TooLong)) } else { Ok(()) }
    }

    /// Digits to the end of the entry, in as many words as one likes.
    pub(super) fn digits(&mut self, base: Base, field: &'static str) -> Result<(), Mistake> {
        let start = self.out.len();
        let mut decoder = Decoder::new(base);
        while let Some(word) = self.optional(field)? {
            decoder.push(word.text, self.out).ok_or_else(|| word.wrong(not_digits(base, field)))?;
            self.limit(start, &word)?;
        }
        if !decoder.is_whole() {
            return Err(Mistake { at: self.words.end(), problem: not_digits(base, field) });
        }
        Ok(())
    }

    /// The same, at least one byte.
    pub(super) fn some_digits(&mut self, base: Base, field: &'static str) -> Result<(), Mistake> {
        let start = self.out.len();
        self.digits(base, field)?;
        if self.out.len() == start {
            let problem = Problem::Missing { rtype: self.rtype, field };
            return Err(Mistake { at: self.words.end(), problem });
        }
        Ok(())
    }

    /// One word of digits, 1 to `max` bytes; says how many.
    pub(super) fn digits_word(
        &mut self,
        base: Base,
        field: &'static str,
        max: usize,
    ) -> Result<usize, Mistake> {
        let word = self.bare(field)?;
        let start = self.out.len();
        let mut decoder = Decoder::new(base);
        decoder
            .push(word.text, self.out)
            .filter(|()| decoder.is_whole())
            .ok_or_else(|| word.wrong(not_digits(base, field)))?;
        match self.out.len() - start {
            len if (1..=max).contains(&len) => Ok(len),
            _ => Err(word.wrong(Problem::Length { field, max })),
        }
    }

    pub(super) fn salt(&mut self, field: &'static str) -> Result<(), Mistake> {
        let length_at = self.out.len();
        self.out.push(0);
        self.peeked = self.next()?;
        if self.peeked.is_some_and(|word| word.quotes == Quotes::None && word.text == b"-") {
            self.peeked = None;
            return Ok(());
        }
        let len = self.digits_word(Base::Hex, field, usize::from(u8::MAX))?;
        self.out[length_at] = len as u8;
        Ok(())
    }

    pub(super) fn types(&mut self) -> Result<(), Mistake> {
        let mut types = Vec::new();
        while let Some(word) = self.optional("types")? {
            let rtype = covered(&word)?;
            if types.len() > usize::from(u16::MAX) {
                return Err(word.wrong(Problem::TooLong));
            }
            types.push(rtype);
        }
        bitmap::push(types, self.out);
        Ok(())
    }

    /// So many bytes in hex digits, a `-` between each two.
    pub(super) fn octets(
        &mut self,
        field: &'static str,
        bytes: usize,
        example: &'static str,
    ) -> Result<(), Mistake> {
        let word = self.bare(field)?;
        let start = self.out.len();
        let mut decoder = Decoder::new(Base::Hex);
        let mut groups = word.text.split(|&byte| byte == b'-');
        let whole = groups.all(|group| group.len() == 2 && decoder.push(group, self.out).is_some());
        if whole && self.out.len() - start == bytes {
            Ok(())
        } else {
            Err(word.wrong(Problem::Groups { field, example }))
        }
    }

    /// Four groups of hex digits, as the first half of an IPv6 address; zeros at the front of one may be left out.
    pub(super) fn locator(&mut self, field: &'static str) -> Result<(), Mistake> {
        let word = self.bare(field)?;
        let start = self.out.len();
        let whole = word.text.split(|&byte| byte == b':').all(|group| {
            let digits = group.iter().try_fold(0, |value: u32, &digit| {
                Some(value << 4 | char::from(digit).to_digit(16)?)
            });
            let value = digits.filter(|_| (1..=4).contains(&group.len()));
            self.out.extend(value.into_iter().flat_map(|value| (value as u16).to_be_bytes()));
            value.is_some()
        });
        if whole && self.out.len() - start == 8 {
            Ok(())
        } else {
            Err(word.wrong(Problem::Groups { field, example: "2001:0db8:1140:1000" }))
        }
    }
}

fn not_digits(base: Base, field: &'static str) -> Problem {
    match base {
        Base::Hex => Problem::Hex { field },
        Base::Base32 => Problem::Base32 { field },
        Base::Base64 => Problem::Base64 { field },
    }
}

#[inline]
pub(crate) fn check_bare<'a>(word: Word<'a>, field: &'static str) -> Result<Word<'a>, Mistake> {
    match word.quotes {
        Quotes::None => Ok(word),
        Quotes::Around => Err(word.wrong(Problem::Quoted { field })),
        Quotes::Inside => Err(word.wrong(Problem::QuoteInside)),
    }
}

/// A type in RDATA.
pub(super) fn covered(word: &Word<'_>) -> Result<u16, Mistake> {
    table::parse_any_type(word.text).ok_or_else(|| word.wrong(unknown_type(word.text)))
}

/// No type is called this.
pub(crate) fn unknown_type(text: &[u8]) -> Problem {
    Problem::Type { written: quote(text), nearest: table::nearest_type(text) }
}

/// Appends the bytes that a string without its quotes stands for.
pub(crate) fn unescape(text: &[u8], out: &mut Vec<u8>) -> Result<(), Problem> {
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'\\' => &after[name::unescape(after, out)?..],
            b'"' => return Err(Problem::QuoteInside),
            byte => {
                out.push(byte);
                after
            }
        };
    }
    Ok(())
}

/// A whole number without sign, at most `max`.
pub(super) fn number(text: &[u8], max: u32) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    let mut number = 0u32;
    for &byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?;
    }
    (number <= max).then_some(number)
}
