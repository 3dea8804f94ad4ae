//! Domain names in wire form, lower-cased, hashed from the right.
//!
//! A name is a run of labels, each with its length before it, and ends in the empty label of the
//! root (RFC 1035 §3.1). Names are compared without case in ASCII and in nothing else (RFC 4343), so
//! a [`Name`] is kept in lower case; where the case of a writer must survive (in RDATA), bytes from
//! [`parse_into`] are kept instead.
//!
//! One pass over the labels from the right gives the hash of every suffix, so a look-up of a name,
//! of its ancestors and of its zone share one walk:
//!
//! ```text
//!   www.example.com.      hash(www.example.com.) = mix(hash(example.com.), "www")
//!                         hash(example.com.)     = mix(hash(com.), "example")
//!                         hash(com.)             = mix(hash(.), "com")
//! ```
//!
//! The hash has no key: what is hashed into tables comes from zone files, strangers only look up.

pub mod suffixes;

use std::fmt;

/// The longest name in wire form, its root label included (RFC 1035 §2.3.4).
pub const NAME_MAX: usize = 255;
/// The longest label, its length byte not counted (RFC 1035 §2.3.4).
pub const LABEL_MAX: usize = 63;
/// The most labels that fit into a name, the root label not counted.
pub const LABELS_MAX: usize = 127;

/// A domain name in wire form, in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<[u8]>);

impl Name {
    /// The root, `.`.
    #[must_use]
    pub fn root() -> Self {
        Self(Box::from([0u8]))
    }

    /// Reads presentation format (RFC 1035 §5.1): `@` is the origin, and a name that does not end in
    /// a dot is relative to it.
    pub fn parse(text: &str, origin: &Name) -> Result<Self, NameError> {
        // Just what a relative name needs, so that most are put where they stay.
        let mut wire = Vec::with_capacity(text.len() + 1 + origin.as_wire().len());
        parse_into(text.as_bytes(), origin.as_wire(), &mut wire)?;
        wire.make_ascii_lowercase();
        Ok(Self(wire.into_boxed_slice()))
    }

    /// Reads presentation format of a name that stands alone: with or without a last dot it is
    /// complete.
    pub fn parse_absolute(text: &str) -> Result<Self, NameError> {
        Self::parse(text, &Self::root())
    }

    /// A name from wire form; `None` where the bytes are not exactly one uncompressed name.
    #[must_use]
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        (wire_len(wire) == Some(wire.len())).then(|| Self::from_wire_unchecked(wire))
    }

    fn from_wire_unchecked(wire: &[u8]) -> Self {
        // A length byte is at most 63, below 'A', so the whole run is lowered in one go.
        Self(wire.to_ascii_lowercase().into_boxed_slice())
    }

    /// The wire form, lower-cased, with its root label.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels from the left, without the root label.
    #[must_use]
    pub fn labels(&self) -> Labels<'_> {
        Labels { rest: &self.0 }
    }

    /// How many labels there are, the root label not counted.
    #[must_use]
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// The name without its first label; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Name> {
        let first = usize::from(self.0[0]);
        (first != 0).then(|| Name(Box::from(&self.0[1 + first..])))
    }

    /// Whether the first label is `*` (RFC 4592 §2.1.1).
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// Whether this name is `ancestor` or below it.
    #[must_use]
    pub fn is_at_or_below(&self, ancestor: &Name) -> bool {
        is_at_or_below(&self.0, &ancestor.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_presentation(&self.0, f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_presentation(&self.0, f)
    }
}

/// The labels of a name from the left, without the root label.
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(*self.rest.first()?);
        if len == 0 {
            return None;
        }
        let label = self.rest.get(1..=len)?;
        self.rest = &self.rest[1 + len..];
        Some(label)
    }
}

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// No text at all.
    Empty,
    /// Two dots in a row, or one at the start.
    EmptyLabel,
    /// A label of more than [`LABEL_MAX`] bytes.
    LabelTooLong,
    /// More than [`NAME_MAX`] bytes.
    NameTooLong,
    /// A backslash that is followed by neither a character nor three digits up to 255.
    Escape,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a name cannot be empty; `@` stands for the zone itself",
            Self::EmptyLabel => {
                "a label is empty; write one dot between labels and none at the start"
            }
            Self::LabelTooLong => "a label is longer than 63 bytes",
            Self::NameTooLong => "the name is longer than 255 bytes",
            Self::Escape => "after a backslash comes one character, or three digits up to 255",
        })
    }
}

impl std::error::Error for NameError {}

/// Reads presentation format and appends the wire form to `out`, the case as written.
///
/// `@` alone is `origin` (wire form), and a name without a last dot is relative to it.
/// On a mistake `out` is left as it was.
pub fn parse_into(text: &[u8], origin: &[u8], out: &mut Vec<u8>) -> Result<(), NameError> {
    let start = out.len();
    let result = parse_labels(text, origin, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

fn parse_labels(text: &[u8], origin: &[u8], out: &mut Vec<u8>) -> Result<(), NameError> {
    match text {
        [] => return Err(NameError::Empty),
        b"@" => {
            out.extend_from_slice(origin);
            return Ok(());
        }
        b"." => {
            out.push(0);
            return Ok(());
        }
        _ => {}
    }
    let start = out.len();
    let mut at = 0;
    loop {
        let length_at = out.len();
        out.push(0);
        let mut ended = true;
        while at < text.len() {
            match text[at] {
                b'.' => {
                    ended = false;
                    at += 1;
                    break;
                }
                b'\\' => at += 1 + unescape(&text[at + 1..], out)?,
                byte => {
                    out.push(byte);
                    at += 1;
                }
            }
        }
        let label = out.len() - length_at - 1;
        match label {
            0 => return Err(NameError::EmptyLabel),
            1..=LABEL_MAX => out[length_at] = label as u8,
            _ => return Err(NameError::LabelTooLong),
        }
        if ended {
            out.extend_from_slice(origin);
        } else if at == text.len() {
            out.push(0);
        } else if out.len() - start > NAME_MAX {
            return Err(NameError::NameTooLong);
        } else {
            continue;
        }
        return if out.len() - start > NAME_MAX { Err(NameError::NameTooLong) } else { Ok(()) };
    }
}

/// Reads what follows a backslash (RFC 1035 §5.1), pushes the byte it stands for, and says how many
/// bytes of text it took.
pub fn unescape(text: &[u8], out: &mut Vec<u8>) -> Result<usize, NameError> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            let [a, b, c] = [a, b, c].map(|digit| u16::from(digit - b'0'));
            out.push(u8::try_from(a * 100 + b * 10 + c).map_err(|_| NameError::Escape)?);
            Ok(3)
        }
        [b'0'..=b'9', ..] | [] => Err(NameError::Escape),
        [byte, ..] => {
            out.push(*byte);
            Ok(1)
        }
    }
}

/// The length of the uncompressed name at the start of `wire`, its root label included; `None`
/// where there is none, a pointer among them.
#[must_use]
pub fn wire_len(wire: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match usize::from(*wire.get(at)?) {
            0 => return Some(at + 1),
            len @ 1..=LABEL_MAX if at + len + 2 <= NAME_MAX => at += 1 + len,
            _ => return None,
        }
    }
}

/// Whether `wire` is `ancestor` or below it; both are uncompressed and of the same case.
#[must_use]
pub fn is_at_or_below(wire: &[u8], ancestor: &[u8]) -> bool {
    if !wire.ends_with(ancestor) {
        return false;
    }
    // The tail matches byte for byte; it must begin where a label begins.
    let tail = wire.len() - ancestor.len();
    let mut at = 0;
    while at < tail {
        at += 1 + usize::from(wire[at]);
    }
    at == tail
}

/// Writes a wire name in presentation format, with its last dot.
pub fn write_presentation(wire: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    if wire == [0] {
        return f.write_char('.');
    }
    for label in (Labels { rest: wire }) {
        for &byte in label {
            match byte {
                b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                    f.write_char('\\')?;
                    f.write_char(char::from(byte))?;
                }
                0x21..=0x7e => f.write_char(char::from(byte))?,
                _ => write!(f, "\\{byte:03}")?,
            }
        }
        f.write_char('.')?;
    }
    Ok(())
}

/// The hash of the root, from which all others follow.
pub const ROOT_HASH: u64 = 0x243f_6a88_85a3_08d3;

/// The hash of the name that `label` makes in front of a suffix with hash `suffix`.
///
/// `label` includes its length byte and is in lower case. It is taken in chunks of 8 bytes, the last one
/// filled up with zeroes, which its length byte tells from bytes of the label.
#[inline]
#[must_use]
pub fn hash_label(suffix: u64, label: &[u8]) -> u64 {
    let mut hash = suffix;
    let mut rest = label;
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>()
        && !tail.is_empty()
    {
        hash = hash_chunk(hash, u64::from_le_bytes(*chunk));
        rest = tail;
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash_last(hash, u64::from_le_bytes(last))
}

/// The hash of the name that a run of labels makes in front of a suffix; the labels are in lower case.
#[must_use]
pub fn hash_labels(suffix: u64, labels: &[u8]) -> u64 {
    let Some(&first) = labels.first() else { return suffix };
    let (label, rest) = labels.split_at(1 + usize::from(first));
    hash_label(hash_labels(suffix, rest), label)
}

#[inline]
fn hash_chunk(hash: u64, chunk: u64) -> u64 {
    fold(hash ^ chunk, 0x9e37_79b9_7f4a_7c15)
}

#[inline]
fn hash_last(hash: u64, chunk: u64) -> u64 {
    fold(hash ^ chunk, 0xd6e8_feb8_6659_fd93)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// The hash of a whole lower-cased wire name.
#[must_use]
pub fn hash(wire: &[u8]) -> u64 {
    hash_labels(ROOT_HASH, &wire[..wire.len() - 1])
}

#[cfg(test)]
mod tests;
