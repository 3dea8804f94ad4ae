//! The parameters of SVCB and HTTPS (RFC 9460).
//!
//! On the wire each is a key, a length and a value, by rising key; in the text they stand in any order
//! and are `key=value`, `key="value"` or `key` alone.
//!
//! | section | what it has | where |
//! |---|---|---|
//! | RFC 9460 §2.1, §14.3 | keys, `keyNNNNN` for those without a name | [`KEYS`], [`parse_key`] |
//! | RFC 9460 §2.2 | rising keys, each once | [`is_valid`], [`Params`] |
//! | RFC 9460 §7.1 | `alpn`, and `no-default-alpn` only beside it | [`Kind::Alpn`], [`needs`] |
//! | RFC 9460 §7.2, §7.3 | `port`, `ipv4hint`, `ipv6hint` | [`Kind`] |
//! | RFC 9460 §8 | `mandatory`: keys that are there | [`Kind::Keys`], [`needs`] |
//! | RFC 9460 Appendix A.1 | lists with `\,` inside a character-string | [`push_list`] |
//! | RFC 9848, RFC 9461 §5, RFC 9540 §4 | `ech`, `dohpath`, `ohttp` | [`KEYS`] |

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::digits::{self, Base};
use super::print::write_quoted;
use super::problem::{Mistake, Problem, quote};
use super::reader::{number, unescape};
use super::words::{Quotes, Word};

const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;

/// What the value of a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Other keys, rising.
    Keys,
    /// Strings of 1 to 255 bytes with their lengths.
    Alpn,
    None,
    Port,
    Ipv4,
    Ipv6,
    Base64,
    Utf8,
    /// Any bytes: a key that is not known here.
    Bytes,
}

struct Key {
    name: &'static str,
    kind: Kind,
    /// How its value is written, after its name in a sentence.
    right: &'static str,
}

/// The keys that have names, by number.
#[rustfmt::skip]
static KEYS: [Key; 9] = [
    Key { name: "mandatory", kind: Kind::Keys, right: "lists other keys, as in mandatory=alpn,port" },
    Key { name: "alpn", kind: Kind::Alpn, right: "lists protocols, as in alpn=h2,h3" },
    Key { name: "no-default-alpn", kind: Kind::None, right: "has no value" },
    Key { name: "port", kind: Kind::Port, right: "is a number from 0 to 65535, as in port=8443" },
    Key { name: "ipv4hint", kind: Kind::Ipv4, right: "lists addresses, as in ipv4hint=192.0.2.1,192.0.2.2" },
    Key { name: "ech", kind: Kind::Base64, right: "is in base64, filled up with = to fours" },
    Key { name: "ipv6hint", kind: Kind::Ipv6, right: "lists addresses, as in ipv6hint=2001:db8::1,2001:db8::2" },
    Key { name: "dohpath", kind: Kind::Utf8, right: "is a template in UTF-8, as in dohpath=/dns-query{?dns}" },
    Key { name: "ohttp", kind: Kind::None, right: "has no value" },
];

fn kind(key: u16) -> Kind {
    KEYS.get(usize::from(key)).map_or(Kind::Bytes, |known| known.kind)
}

/// What a key is called.
pub(super) struct KeyName(pub(super) u16);

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match KEYS.get(usize::from(self.0)) {
            Some(known) => f.write_str(known.name),
            None => write!(f, "key{}", self.0),
        }
    }
}

/// The number of a key, and whether it was written as a number: its value is then plain bytes.
fn parse_key(text: &[u8]) -> Option<(u16, bool)> {
    if let Some(key) = KEYS.iter().position(|known| known.name.as_bytes() == text) {
        return Some((key as u16, false));
    }
    match text.strip_prefix(b"key")? {
        [b'0', _, ..] => None, // no leading zeros
        digits => Some((number(digits, u32::from(u16::MAX))? as u16, true)),
    }
}

/// Gathers parameters in the order of the text.
#[derive(Default)]
pub(super) struct Params {
    params: Vec<(u16, Vec<u8>)>,
    len: usize,
}

impl Params {
    /// Reads one parameter.
    pub(super) fn read(&mut self, word: &Word<'_>) -> Result<(), Mistake> {
        if word.quotes == Quotes::Around {
            return Err(word.wrong(Problem::Quoted { field: "a parameter's key" }));
        }
        let (name, value) = match word.text.iter().position(|&byte| byte == b'=') {
            Some(at) => (&word.text[..at], Some(&word.text[at + 1..])),
            None => (word.text, None),
        };
        let (key, plain) =
            parse_key(name).ok_or_else(|| word.wrong(Problem::SvcKey { written: quote(name) }))?;
        let mut bytes = Vec::new();
        if let Some(mut value) = value {
            if let [b'"', inner @ .., b'"'] = value {
                value = inner;
            }
            unescape(value, &mut bytes).map_err(|problem| word.wrong(problem))?;
        }
        let value = match KEYS.get(usize::from(key)) {
            Some(known) if !plain => {
                let problem = Problem::SvcValue { key: known.name, right: known.right };
                encode(known.kind, &bytes)
                    .filter(|value| is_value(known.kind, value))
                    .ok_or_else(|| word.wrong(problem))?
            }
            Some(known) if !is_value(known.kind, &bytes) => {
                let problem = Problem::SvcValue { key: known.name, right: known.right };
                return Err(word.wrong(problem));
            }
            _ => bytes,
        };
        if self.params.iter().any(|&(other, _)| other == key) {
            return Err(word.wrong(Problem::SvcTwice { key }));
        }
        self.len += 4 + value.len();
        if self.len > super::RDATA_MAX {
            return Err(word.wrong(Problem::TooLong));
        }
        self.params.push((key, value));
        Ok(())
    }

    /// Appends the wire form.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Problem> {
        self.params.sort_unstable_by_key(|&(key, _)| key);
        let start = out.len();
        for (key, value) in &self.params {
            out.extend_from_slice(&key.to_be_bytes());
            out.extend_from_slice(&(value.len() as u16).to_be_bytes());
            out.extend_from_slice(value);
        }
        needs(&out[start..])
    }
}

/// The wire form of a value; `None` where it cannot be one.
fn encode(kind: Kind, text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let items = || text.split(|&byte| byte == b',').map(|item| str::from_utf8(item).ok());
    match kind {
        Kind::Keys => {
            let keys: Option<Vec<_>> =
                text.split(|&byte| byte == b',').map(|item| Some(parse_key(item)?.0)).collect();
            let mut keys = keys?;
            keys.sort_unstable();
            out.extend(keys.into_iter().flat_map(u16::to_be_bytes));
        }
        Kind::Alpn => push_list(text, &mut out)?,
        Kind::Port => out.extend((number(text, u32::from(u16::MAX))? as u16).to_be_bytes()),
        Kind::Ipv4 => {
            for item in items() {
                out.extend(item?.parse::<Ipv4Addr>().ok()?.octets());
            }
        }
        Kind::Ipv6 => {
            for item in items() {
                out.extend(item?.parse::<Ipv6Addr>().ok()?.octets());
            }
        }
        Kind::Base64 => {
            let mut decoder = digits::Decoder::new(Base::Base64);
            decoder.push(text, &mut out)?;
            decoder.is_whole().then_some(())?;
        }
        Kind::None | Kind::Utf8 | Kind::Bytes => out.extend_from_slice(text),
    }
    Some(out)
}

/// Appends a list of strings: commas part them, a backslash makes a comma or a backslash plain.
fn push_list(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut length_at = out.len();
    out.push(0);
    let mut bytes = text.iter();
    loop {
        let byte = bytes.next();
        match byte {
            Some(b'\\') => out.push(*bytes.next().filter(|&byte| matches!(byte, b',' | b'\\'))?),
            Some(byte) if *byte != b',' => out.push(*byte),
            _ => {
                out[length_at] = u8::try_from(out.len() - length_at - 1).ok()?;
                if byte.is_none() {
                    return Some(());
                }
                length_at = out.len();
                out.push(0);
            }
        }
    }
}

/// Whether bytes can be a value of this kind.
fn is_value(kind: Kind, value: &[u8]) -> bool {
    match kind {
        Kind::Keys => {
            let keys = value.chunks(2);
            !value.is_empty()
                && value.len().is_multiple_of(2)
                && !value.starts_with(&MANDATORY.to_be_bytes())
                && keys.is_sorted_by(|a, b| a < b)
        }
        Kind::Alpn => {
            let mut rest = value;
            while let [len @ 1..=u8::MAX, after @ ..] = rest {
                match after.get(usize::from(*len)..) {
                    Some(after) => rest = after,
                    None => return false,
                }
            }
            rest.is_empty() && !value.is_empty()
        }
        Kind::None => value.is_empty(),
        Kind::Port => value.len() == 2,
        Kind::Ipv4 => !value.is_empty() && value.len().is_multiple_of(4),
        Kind::Ipv6 => !value.is_empty() && value.len().is_multiple_of(16),
        Kind::Base64 => !value.is_empty(),
        Kind::Utf8 => !value.is_empty() && str::from_utf8(value).is_ok(),
        Kind::Bytes => true,
    }
}

/// The parameters on the wire; ends early where they are cut short.
fn params(mut wire: &[u8]) -> impl Iterator<Item = (u16, &[u8])> + Clone {
    std::iter::from_fn(move || {
        let [a, b, c, d, rest @ ..] = wire else { return None };
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*c, *d])))?;
        wire = rest;
        Some((u16::from_be_bytes([*a, *b]), value))
    })
}

/// Whether bytes are the parameters of one record.
pub(super) fn is_valid(wire: &[u8]) -> bool {
    let whole: usize = params(wire).map(|(_, value)| 4 + value.len()).sum();
    whole == wire.len()
        && params(wire).map(|(key, _)| key).is_sorted_by(|a, b| a < b)
        && params(wire).all(|(key, value)| is_value(kind(key), value))
        && needs(wire).is_ok()
}

/// Whether parameters that need others have them.
fn needs(wire: &[u8]) -> Result<(), Problem> {
    let has = |wanted: u16| params(wire).any(|(key, _)| key == wanted);
    if has(NO_DEFAULT_ALPN) && !has(ALPN) {
        let key = KEYS[usize::from(NO_DEFAULT_ALPN)].name;
        return Err(Problem::SvcNeeds { key, needed: ALPN });
    }
    // Both rise, so one walk over the parameters finds all that are mandatory.
    let mut present = params(wire).map(|(key, _)| key);
    let mandatory = params(wire).find(|&(key, _)| key == MANDATORY);
    for wanted in mandatory.map_or(&[][..], |(_, value)| value).chunks_exact(2) {
        let needed = u16::from_be_bytes([wanted[0], wanted[1]]);
        if !present.any(|key| key == needed) {
            let key = KEYS[usize::from(MANDATORY)].name;
            return Err(Problem::SvcNeeds { key, needed });
        }
    }
    Ok(())
}

/// Writes parameters that are valid, in their order on the wire.
pub(super) fn write(wire: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    for (index, (key, value)) in params(wire).enumerate() {
        if index > 0 {
            f.write_char(' ')?;
        }
        write!(f, "{}", KeyName(key))?;
        if kind(key) == Kind::None || (kind(key) == Kind::Bytes && value.is_empty()) {
            continue;
        }
        f.write_char('=')?;
        write_value(kind(key), value, f)?;
    }
    Ok(())
}

fn write_value(kind: Kind, value: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    let comma = |index: usize| if index == 0 { "" } else { "," };
    match kind {
        Kind::Keys => {
            for (index, key) in value.chunks_exact(2).enumerate() {
                let key = KeyName(u16::from_be_bytes([key[0], key[1]]));
                write!(f, "{}{key}", comma(index))?;
            }
        }
        Kind::Port => write!(f, "{}", value.iter().fold(0, |n, &byte| n << 8 | u32::from(byte)))?,
        Kind::Ipv4 => {
            for (index, octets) in value.as_chunks::<4>().0.iter().enumerate() {
                write!(f, "{}{}", comma(index), Ipv4Addr::from(*octets))?;
            }
        }
        Kind::Ipv6 => {
            for (index, octets) in value.as_chunks::<16>().0.iter().enumerate() {
                write!(f, "{}{}", comma(index), Ipv6Addr::from(*octets))?;
            }
        }
        Kind::Base64 => digits::write(Base::Base64, value, f)?,
        Kind::Alpn => {
            let mut list = Vec::with_capacity(value.len());
            let mut rest = value;
            while let Some((len, after)) = rest.split_first() {
                let Some((item, after)) = after.split_at_checked(usize::from(*len)) else { break };
                if !list.is_empty() {
                    list.push(b',');
                }
                for &byte in item {
                    if matches!(byte, b',' | b'\\') {
                        list.push(b'\\');
                    }
                    list.push(byte);
                }
                rest = after;
            }
            write_quoted(&list, f)?;
        }
        Kind::None | Kind::Utf8 | Kind::Bytes => write_quoted(value, f)?,
    }
    Ok(())
}
