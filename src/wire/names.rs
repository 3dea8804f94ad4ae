//! Names in messages: labels and pointers (RFC 1035 §4.1.4).

use std::ops::Range;

use super::HEADER;
use crate::name::NAME_MAX;
use crate::rdata::{rtype, template};

/// Reads the name at `at` without its pointers: its bytes go into `out`, and what comes back is how many they are and
/// where the message goes on. `None` where it is no name.
///
/// A pointer must lead back, so that this ends.
#[must_use]
pub fn read_name(message: &[u8], at: usize, out: &mut [u8; NAME_MAX]) -> Option<(usize, usize)> {
    let (mut from, mut len, mut end) = (at, 0, None);
    // Where the run of labels that is read now began: what a pointer leads to is before it.
    let mut run = at;
    loop {
        match *message.get(from)? {
            0 => {
                *out.get_mut(len)? = 0;
                return Some((len + 1, end.unwrap_or(from + 1)));
            }
            label @ 1..=63 => {
                let size = 1 + usize::from(label);
                out.get_mut(len..len + size)?.copy_from_slice(message.get(from..from + size)?);
                len += size;
                from += size;
            }
            high @ 0xc0.. => {
                let target = usize::from(high & 0x3f) << 8 | usize::from(*message.get(from + 1)?);
                if !(HEADER..run).contains(&target) {
                    return None;
                }
                end = end.or(Some(from + 2));
                (from, run) = (target, target);
            }
            _ => return None,
        }
    }
}

/// Appends the RDATA between two places, its names whole; `None` where a name in it is none. What follows the names is
/// copied as it is: whether that fits the type is for the caller to look at.
pub fn read_rdata(
    message: &[u8],
    rtype: u16,
    rdata: Range<usize>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut at = rdata.start;
    if let Some((before, names)) = compressed(message, rtype, at) {
        out.extend_from_slice(message.get(at..at + before)?);
        at += before;
        for _ in 0..names {
            let mut name = [0; NAME_MAX];
            let (len, end) = read_name(message, at, &mut name)?;
            out.extend_from_slice(&name[..len]);
            at = end;
        }
    }
    // A name that goes on behind its RDATA leaves nothing, not even none.
    out.extend_from_slice(message.get(at..rdata.end)?);
    Some(())
}

/// The bytes before the first name of RDATA that may be compressed, and how many names follow.
///
/// Those of RFC 1035, and those that senders of old compress, which RFC 3597 §4 has us take.
fn compressed(message: &[u8], rtype: u16, at: usize) -> Option<(usize, usize)> {
    Some(match rtype {
        rtype::RP => (0, 2),
        rtype::AFSDB | rtype::RT => (2, 1),
        rtype::PX => (2, 2),
        rtype::SRV => (6, 1),
        rtype::NAPTR => {
            // Order and preference, then three strings.
            let mut before = 4;
            for _ in 0..3 {
                before += 1 + usize::from(*message.get(at + before)?);
            }
            (before, 1)
        }
        _ => template::layout(rtype).map(|layout| (layout.before, layout.names))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
        let mut out = [0; NAME_MAX];
        let (len, end) = read_name(message, at, &mut out)?;
        Some((out[..len].to_vec(), end))
    }

    #[test]
    fn rfc1035_4_1_4_pointers_are_followed_back() {
        let mut message = vec![0; HEADER];
        message.extend_from_slice(b"\x01b\x07example\0\x01a\xc0\x0c\xc0\x17\xff");
        let a = b"\x01a\x01b\x07example\0".to_vec();
        assert_eq!(read(&message, 12), Some((b"\x01b\x07example\0".to_vec(), 23)));
        assert_eq!(read(&message, 23), Some((a.clone(), 27)));
        assert_eq!(read(&message, 27), Some((a, 29)), "a pointer to a name that has one");
        assert_eq!(read(&message, 29), None, "a pointer that is cut short, and leads on");
    }

    #[test]
    fn what_is_no_name_is_none() {
        let long = [&[63][..], &[b'a'; 63]].concat().repeat(4);
        for (name, what) in [
            (&b"\xc0\x0c"[..], "a pointer to itself"),
            (b"\xc0\x0d", "one that leads on"),
            (b"\xc0\x00", "one into the header"),
            (b"\x05ab", "a label that is cut short"),
            (b"\x40a\0", "a label of a kind that there is not"),
            (b"", "nothing"),
            (b"\x01a", "no end"),
            (&long, "more than 255 bytes"),
        ] {
            let message = [&[0; HEADER][..], name, if name == long { &[0] } else { &[] }].concat();
            assert_eq!(read(&message, HEADER), None, "{what}");
        }
    }
}
