//! Sets of types as NSEC, NSEC3 and CSYNC carry them (RFC 4034 §4.1.2).
//!
//! ```text
//!   window  length  bits, the first type of the window in the highest
//!   00      04      60 00 00 08      1 A, 2 NS, 28 AAAA
//!   01      01      40               257 CAA
//! ```

/// The most bytes of bits in a window.
const WINDOW_MAX: usize = 32;

/// Whether bytes are a set of types: windows rise, none is empty, none ends in a byte of zeros.
pub(super) fn is_valid(mut bitmap: &[u8]) -> bool {
    let mut least = 0;
    while let [window, len, rest @ ..] = bitmap {
        let len = usize::from(*len);
        if u16::from(*window) < least || len == 0 || len > WINDOW_MAX {
            return false;
        }
        let Some((bits, after)) = rest.split_at_checked(len) else { return false };
        if bits.ends_with(&[0]) {
            return false;
        }
        least = u16::from(*window) + 1;
        bitmap = after;
    }
    bitmap.is_empty()
}

/// The types of a set that [`is_valid`], rising.
pub(super) fn types(bitmap: &[u8]) -> impl Iterator<Item = u16> {
    let mut rest = bitmap;
    let windows = std::iter::from_fn(move || {
        let [window, len, after @ ..] = rest else { return None };
        let (bits, after) = after.split_at_checked(usize::from(*len))?;
        rest = after;
        Some((u16::from(*window) << 8, bits))
    });
    windows.flat_map(|(first, bits)| {
        bits.iter().zip((first..).step_by(8)).flat_map(|(&byte, first)| {
            (0..8).filter(move |bit| byte & 0x80 >> bit != 0).map(move |bit| first + bit)
        })
    })
}

/// Appends a set of types, which may be in any order and more than once.
pub(super) fn push(mut types: Vec<u16>, out: &mut Vec<u8>) {
    types.sort_unstable();
    for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
        let (Some(first), Some(last)) = (window.first(), window.last()) else { continue };
        let start = out.len();
        out.extend_from_slice(&[(first >> 8) as u8, (last & 0xff) as u8 / 8 + 1]);
        out.resize(start + 2 + usize::from(last & 0xff) / 8 + 1, 0);
        for rtype in window {
            out[start + 2 + usize::from(rtype & 0xff) / 8] |= 0x80 >> (rtype & 7);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4034_4_3_the_example_of_nsec() {
        let mut out = Vec::new();
        push(vec![1, 15, 46, 47, 1234, 15], &mut out);
        let mut expected = vec![0, 6, 0x40, 0x01, 0, 0, 0, 0x03, 4, 27];
        expected.resize(expected.len() + 26, 0);
        expected.push(0x20);
        assert_eq!(out, expected);
        assert!(is_valid(&out));
        assert!(types(&out).eq([1, 15, 46, 47, 1234]));
    }

    #[test]
    fn the_last_type_of_all_has_its_bit() {
        let mut out = Vec::new();
        push(vec![u16::MAX], &mut out);
        assert!(is_valid(&out));
        assert!(types(&out).eq([u16::MAX]));
    }

    #[test]
    fn rfc4034_4_1_2_windows_rise_and_end_in_a_type() {
        for bitmap in [
            &[0u8][..],
            &[0, 1],
            &[0, 0],
            &[0, 1, 0],
            &[0, 2, 0x40, 0],
            &[1, 1, 0x40, 0, 1, 0x40],
            &[0, 1, 0x40, 0, 1, 0x40],
            &[0, 33, 0x40],
        ] {
            assert!(!is_valid(bitmap), "{bitmap:?}");
        }
        assert!(is_valid(&[]));
    }
}
