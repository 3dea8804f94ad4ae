//! SHA-256, and how bytes are shown.

use aws_lc_rs::digest::{Context, SHA256};

/// A digest.
pub type Digest = [u8; 32];

/// The digest of these parts, one after the other.
#[must_use]
pub fn sha256<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Digest {
    let mut hash = Context::new(&SHA256);
    parts.into_iter().for_each(|part| hash.update(part.as_ref()));
    let mut digest = Digest::default();
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

/// Bytes as hexadecimal digits, lower case.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fips_180_2_b_1_the_parts_are_one_text() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256(["abc"])), expected);
        assert_eq!(hex(&sha256([&b"a"[..], b"", b"bc"])), expected);
    }
}
