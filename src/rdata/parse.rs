//! Presentation text to RDATA on the wire, as the table's row of the type says.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::digits::Base;
use super::problem::{Mistake, Problem};
use super::reader::{Reader, covered, number};
use super::svcb::Params;
use super::table::{self, Field, Slot};
use super::walk::{is_tag, is_valid};
use super::words::{Quotes, Words};
use super::{RDATA_MAX, gateway, location, mnemonics, network, prefixes, time};

/// Reads the rest of an entry as the RDATA of a type and appends it to `out`; names that do not end in
/// a dot are relative to `origin` (wire form). On a mistake `out` is left as it was.
pub(crate) fn read(
    rtype: u16,
    words: &mut Words<'_>,
    origin: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Mistake> {
    let start = out.len();
    let result = Reader { words, peeked: None, rtype, origin, out }.read();
    if result.is_err() {
        out.truncate(start);
    }
    result
}

impl Reader<'_, '_> {
    fn read(&mut self) -> Result<(), Mistake> {
        let start = self.out.len();
        // The generic form stands for any type (RFC 3597 §5); no other form begins with `\#`.
        self.peeked = self.words.next()?;
        if let Some(word) = self.peeked
            && word.quotes == Quotes::None
            && word.text == b"\\#"
        {
            self.peeked = None;
            return self.generic(start);
        }
        let Some(known) = table::lookup(self.rtype).filter(|known| !known.is_opaque()) else {
            let at = self.peeked.map_or_else(|| self.words.end(), |word| word.range());
            return Err(Mistake { at, problem: Problem::OnlyGeneric { rtype: self.rtype } });
        };
        for slot in known.slots {
            self.field(slot)?;
        }
        if let Some(word) = self.next()? {
            return Err(word.wrong(Problem::Excess { rtype: self.rtype }));
        }
        if self.out.len() - start > RDATA_MAX {
            return Err(Mistake { at: self.words.end(), problem: Problem::TooLong });
        }
        Ok(())
    }

    /// Reads `\# LENGTH HEX`, of which the first is read.
    fn generic(&mut self, start: usize) -> Result<(), Mistake> {
        let length = self.required("LENGTH")?;
        let max = RDATA_MAX as u32;
        let written = number(length.text, max)
            .ok_or_else(|| length.wrong(Problem::Number { field: "LENGTH", max }))?;
        self.digits(Base::Hex, "HEX")?;
        let counted = self.out.len() - start;
        if counted != written as usize {
            return Err(length.wrong(Problem::GenericLength { written, counted }));
        }
        if !is_valid(self.rtype, &self.out[start..]) {
            return Err(length.wrong(Problem::GenericShape { rtype: self.rtype }));
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one arm a field")]
    fn field(&mut self, slot: &Slot) -> Result<(), Mistake> {
        let name = slot.name;
        match slot.field {
            Field::U8 => {
                let value = self.number(name, u32::from(u8::MAX))?;
                self.out.push(value as u8);
            }
            Field::U16 => {
                let value = self.number(name, u32::from(u16::MAX))?;
                self.out.extend_from_slice(&(value as u16).to_be_bytes());
            }
            Field::U32 => {
                let value = self.number(name, u32::MAX)?;
                self.out.extend_from_slice(&value.to_be_bytes());
            }
            Field::U64 => {
                let value = self.bare_as(name, Problem::Number64 { field: name }, |text| {
                    let digits = str::from_utf8(text).ok()?;
                    digits.parse::<u64>().ok().filter(|_| text.iter().all(u8::is_ascii_digit))
                })?;
                self.out.extend_from_slice(&value.to_be_bytes());
            }
            Field::Seconds => {
                let problem = Problem::Seconds { field: name };
                let value = self.bare_as(name, problem, time::seconds)?;
                self.out.extend_from_slice(&value.to_be_bytes());
            }
            Field::Time => {
                let value = self.bare_as(name, Problem::Time, time::parse_time)?;
                self.out.extend_from_slice(&value.to_be_bytes());
            }
            Field::Algorithm => {
                let value = self.bare_as(name, Problem::Algorithm, mnemonics::algorithm)?;
                self.out.push(value);
            }
            Field::CertificateType => {
                let problem = Problem::CertificateType;
                let value = self.bare_as(name, problem, mnemonics::certificate_type)?;
                self.out.extend_from_slice(&value.to_be_bytes());
            }
            Field::Type => {
                let word = self.bare(name)?;
                self.out.extend_from_slice(&covered(&word)?.to_be_bytes());
            }
            Field::Types => self.types()?,
            Field::Ipv4 => {
                let word = self.bare(name)?;
                let octets = ipv4(word.text).ok_or_else(|| {
                    let other = address::<Ipv6Addr>(word.text).is_some();
                    word.wrong(if other { Problem::Ipv6ForIpv4 } else { Problem::Ipv4 })
                })?;
                self.out.extend_from_slice(&octets);
            }
            Field::Ipv6 => {
                let word = self.bare(name)?;
                let address = address::<Ipv6Addr>(word.text).ok_or_else(|| {
                    let other = ipv4(word.text).is_some();
                    word.wrong(if other { Problem::Ipv4ForIpv6 } else { Problem::Ipv6 })
                })?;
                self.out.extend_from_slice(&address.octets());
            }
            Field::Name(_) => {
                let word = self.bare(name)?;
                self.name(&word)?;
            }
            Field::Names => {
                while let Some(word) = self.optional(name)? {
                    self.name(&word)?;
                }
            }
            Field::String => {
                let word = self.required(name)?;
                self.string(&word)?;
            }
            Field::OptionalString => {
                if let Some(word) = self.next()? {
                    self.string(&word)?;
                }
            }
            Field::Strings => {
                let mut word = self.required(name)?;
                let start = self.out.len();
                loop {
                    self.string(&word)?;
                    self.limit(start, &word)?;
                    match self.next()? {
                        Some(next) => word = next,
                        None => break,
                    }
                }
            }
            Field::Text => {
                let word = self.required(name)?;
                self.unquoted(&word)?;
            }
            Field::Tag => {
                let word = self.bare(name)?;
                if !is_tag(word.text) {
                    return Err(word.wrong(Problem::Tag));
                }
                self.out.push(word.text.len() as u8);
                self.out.extend_from_slice(word.text);
            }
            Field::Hex => self.some_digits(Base::Hex, name)?,
            Field::Base64 => self.some_digits(Base::Base64, name)?,
            Field::OptionalBase64 => self.digits(Base::Base64, name)?,
            Field::Base64OrDash => {
                self.peeked = self.next()?;
                match self.peeked {
                    Some(word) if word.quotes == Quotes::None && word.text == b"-" => {
                        self.peeked = None;
                    }
                    _ => self.some_digits(Base::Base64, name)?,
                }
            }
            Field::Salt => self.salt(name)?,
            Field::Hash => {
                let length_at = self.out.len();
                self.out.push(0);
                let len = self.digits_word(Base::Base32, name, usize::from(u8::MAX))?;
                self.out[length_at] = len as u8;
            }
            Field::SvcParams => {
                let mut params = Params::default();
                while let Some(word) = self.next()? {
                    params.read(&word)?;
                }
                params
                    .finish(self.out)
                    .map_err(|problem| Mistake { at: self.words.end(), problem })?;
            }
            Field::Eui48 => self.octets(name, 6, "00-00-5e-00-53-2a")?,
            Field::Eui64 => self.octets(name, 8, "00-00-5e-ef-10-00-00-2a")?,
            Field::Locator64 => self.locator(name)?,
            Field::Location => location::read(self)?,
            Field::Prefixes => {
                let start = self.out.len();
                while let Some(word) = self.optional(name)? {
                    prefixes::read(word.text, self.out)
                        .ok_or_else(|| word.wrong(Problem::Prefix))?;
                    self.limit(start, &word)?;
                }
            }
            Field::Nsap => {
                let word = self.bare(name)?;
                network::read_nsap(&word, self.out)?;
            }
            Field::Atma => {
                let word = self.bare(name)?;
                network::read_atma(&word, self.out)?;
            }
            Field::Services => network::read_services(self)?,
            Field::Scheme => {
                let value = self.bare_as(name, Problem::Scheme, mnemonics::scheme)?;
                self.out.push(value);
            }
            Field::Gateway => gateway::read_gateway(self)?,
            Field::Relay => gateway::read_relay(self)?,
            Field::HostIdentity => gateway::read_identity(self)?,
            Field::Opaque => {} // `read` has turned away types that have it.
        }
        Ok(())
    }
}

fn address<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    str::from_utf8(text).ok()?.parse().ok()
}

fn ipv4(text: &[u8]) -> Option<[u8; 4]> {
    Some(address::<Ipv4Addr>(text)?.octets())
}
