//! Bytes as digits: base 16, base 32 with the extended hex alphabet and base 64 (RFC 4648).

use std::fmt;

/// How many bits a digit stands for, and which digits there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Hexadecimal (RFC 4648 §8); read in either case, printed in upper case.
    Hex,
    /// Not filled up; read in either case, printed in upper case (RFC 5155 §3.3).
    Base32,
    /// Filled up with `=`.
    Base64,
}

impl Base {
    const fn bits(self) -> u32 {
        match self {
            Self::Hex => 4,
            Self::Base32 => 5,
            Self::Base64 => 6,
        }
    }

    const fn digits(self) -> &'static [u8] {
        match self {
            Self::Hex => b"0123456789ABCDEF",
            Self::Base32 => b"0123456789ABCDEFGHIJKLMNOPQRSTUV",
            Self::Base64 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        }
    }

    /// What a digit is worth.
    fn value(self, digit: u8) -> Option<u32> {
        let value = match (self, digit) {
            (Self::Base64, b'A'..=b'Z') => digit - b'A',
            (Self::Base64, b'a'..=b'z') => digit - b'a' + 26,
            (Self::Base64, b'0'..=b'9') => digit - b'0' + 52,
            (Self::Base64, b'+') => 62,
            (Self::Base64, b'/') => 63,
            (Self::Hex | Self::Base32, b'0'..=b'9') => digit - b'0',
            (Self::Hex, b'a'..=b'f') | (Self::Base32, b'a'..=b'v') => digit - b'a' + 10,
            (Self::Hex, b'A'..=b'F') | (Self::Base32, b'A'..=b'V') => digit - b'A' + 10,
            _ => return None,
        };
        Some(u32::from(value))
    }
}

/// Makes digits into bytes; they may come in pieces.
pub(super) struct Decoder {
    base: Base,
    /// Bits that do not make a byte yet.
    pending: u32,
    pending_bits: u32,
    digits: usize,
    padding: usize,
}

impl Decoder {
    pub(super) fn new(base: Base) -> Self {
        Self { base, pending: 0, pending_bits: 0, digits: 0, padding: 0 }
    }

    /// Reads more digits; `None` where something else is among them.
    pub(super) fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        for &digit in text {
            if digit == b'=' && self.base == Base::Base64 {
                self.padding += 1;
                continue;
            }
            if self.padding > 0 {
                return None;
            }
            self.pending = self.pending << self.base.bits() | self.base.value(digit)?;
            self.pending_bits += self.base.bits();
            self.digits += 1;
            if self.pending_bits >= 8 {
                self.pending_bits -= 8;
                out.push((self.pending >> self.pending_bits) as u8);
                self.pending &= (1 << self.pending_bits) - 1;
            }
        }
        Some(())
    }

    /// Whether the digits made whole bytes and nothing is left over (RFC 4648 §3.5).
    pub(super) fn is_whole(&self) -> bool {
        let filled = match self.base {
            Base::Base64 => self.padding <= 2 && (self.digits + self.padding).is_multiple_of(4),
            Base::Hex | Base::Base32 => true,
        };
        filled && self.pending_bits < self.base.bits() && self.pending == 0
    }
}

/// Writes bytes as digits.
pub(super) fn write(base: Base, bytes: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    let mut digit = |value: u32| {
        let value = value & ((1 << base.bits()) - 1);
        base.digits().get(value as usize).map_or(Ok(()), |&digit| f.write_char(char::from(digit)))
    };
    let (mut pending, mut pending_bits, mut digits) = (0u32, 0, 0usize);
    for &byte in bytes {
        pending = pending << 8 | u32::from(byte);
        pending_bits += 8;
        while pending_bits >= base.bits() {
            pending_bits -= base.bits();
            digit(pending >> pending_bits)?;
            digits += 1;
        }
        pending &= (1 << pending_bits) - 1;
    }
    if pending_bits > 0 {
        digit(pending << (base.bits() - pending_bits))?;
        digits += 1;
    }
    while base == Base::Base64 && !digits.is_multiple_of(4) {
        f.write_char('=')?;
        digits += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(base: Base, text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut decoder = Decoder::new(base);
        decoder.push(text.as_bytes(), &mut out)?;
        decoder.is_whole().then_some(out)
    }

    #[test]
    fn rfc4648_10_test_vectors() {
        for (bytes, base64, base32, hex) in [
            ("", "", "", ""),
            ("f", "Zg==", "CO", "66"),
            ("fo", "Zm8=", "CPNG", "666F"),
            ("foo", "Zm9v", "CPNMU", "666F6F"),
            ("foob", "Zm9vYg==", "CPNMUOG", "666F6F62"),
            ("fooba", "Zm9vYmE=", "CPNMUOJ1", "666F6F6261"),
            ("foobar", "Zm9vYmFy", "CPNMUOJ1E8", "666F6F626172"),
        ] {
            for (base, text) in [(Base::Base64, base64), (Base::Base32, base32), (Base::Hex, hex)] {
                let mut written = String::new();
                write(base, bytes.as_bytes(), &mut written).expect("a String takes any text");
                assert_eq!(written, text);
                assert_eq!(decode(base, text).as_deref(), Some(bytes.as_bytes()), "{text}");
            }
        }
    }

    #[test]
    fn what_is_not_whole_bytes_is_refused() {
        for (base, text) in [
            (Base::Hex, "0"),
            (Base::Hex, "0g"),
            (Base::Base64, "Zg"),
            (Base::Base64, "Zg="),
            (Base::Base64, "Z==="),
            (Base::Base64, "Zh=="), // bits set behind the last byte
            (Base::Base64, "Zg==Zg=="),
            (Base::Base64, "===="),
            (Base::Base32, "C"),
            (Base::Base32, "CW"),
        ] {
            assert_eq!(decode(base, text), None, "{text}");
        }
    }
}
