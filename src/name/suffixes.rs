//! A name with the hash of each of its suffixes: what every look-up starts from.

use super::{LABEL_MAX, LABELS_MAX, NAME_MAX, ROOT_HASH, hash_chunk, hash_last};

/// How many bytes are hashed at once.
const CHUNK: usize = 8;

/// A name in lower case, with the hash of every suffix of it. It is made to be used again and allocates
/// nothing.
#[derive(Clone)]
pub struct Suffixes {
    /// Behind the name stand bytes that mean nothing, so that 8 can be read wherever a label starts.
    wire: [u8; NAME_MAX + CHUNK],
    len: u8,
    labels: u8,
    /// Where each label starts, from the left.
    starts: [u8; LABELS_MAX + 1],
    /// The hash of the suffix of so many labels.
    hashes: [u64; LABELS_MAX + 1],
}

impl Default for Suffixes {
    fn default() -> Self {
        Self {
            wire: [0; NAME_MAX + CHUNK],
            len: 1,
            labels: 0,
            starts: [0; LABELS_MAX + 1],
            hashes: [ROOT_HASH; LABELS_MAX + 1],
        }
    }
}

impl Suffixes {
    /// Takes the uncompressed name at the start of `rest`, and says where it ends; `None` where there is
    /// none, a pointer among them.
    #[inline]
    pub fn read(&mut self, rest: &[u8]) -> Option<usize> {
        let mut at = 0;
        let mut labels = 0;
        loop {
            let len = usize::from(*rest.get(at)?);
            if len == 0 {
                break;
            }
            // A pointer, or a length that RFC 1035 does not have, or too long a name.
            if len > LABEL_MAX || at + len + 2 > NAME_MAX {
                return None;
            }
            self.starts[labels] = at as u8;
            labels += 1;
            at += 1 + len;
        }
        let end = at + 1;
        let wire = &mut self.wire[..end];
        wire.copy_from_slice(&rest[..end]);
        wire.make_ascii_lowercase();
        self.len = end as u8;
        self.labels = labels as u8;
        self.hash();
        Some(end)
    }

    /// Takes the name that `labels` make in front of the whole name `tail`; `None` where it is too long.
    pub fn set(&mut self, labels: &[u8], tail: &[u8]) -> Option<()> {
        let len = labels.len() + tail.len();
        let wire = self.wire[..NAME_MAX].get_mut(..len)?;
        wire[..labels.len()].copy_from_slice(labels);
        wire[labels.len()..].copy_from_slice(tail);
        wire.make_ascii_lowercase();
        let (mut at, mut count) = (0, 0);
        while self.wire[at] != 0 {
            self.starts[count] = at as u8;
            count += 1;
            at += 1 + usize::from(self.wire[at]);
        }
        self.len = len as u8;
        self.labels = count as u8;
        self.hash();
        Some(())
    }

    #[inline]
    fn hash(&mut self) {
        let labels = usize::from(self.labels);
        let mut hash = ROOT_HASH;
        self.hashes[0] = hash;
        for depth in 1..=labels {
            let start = usize::from(self.starts[labels - depth]);
            hash = self.hash_label(hash, start);
            self.hashes[depth] = hash;
        }
    }

    /// As [`super::hash_label`] has it, for the label that starts at a place.
    #[inline]
    fn hash_label(&self, suffix: u64, start: usize) -> u64 {
        let (mut hash, mut at) = (suffix, start);
        let mut left = 1 + usize::from(self.wire[start]);
        while left > CHUNK {
            hash = hash_chunk(hash, self.chunk(at));
            at += CHUNK;
            left -= CHUNK;
        }
        // The bytes of this label alone.
        hash_last(hash, self.chunk(at) & (u64::MAX >> (64 - 8 * left)))
    }

    #[inline]
    fn chunk(&self, at: usize) -> u64 {
        u64::from_le_bytes(*self.wire[at..].first_chunk().expect("a label starts within the name"))
    }

    /// The wire form, in lower case.
    #[inline]
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.len)]
    }

    /// How many labels there are, the root label not counted.
    #[inline]
    #[must_use]
    pub fn labels(&self) -> usize {
        usize::from(self.labels)
    }

    /// The hash of the suffix of `depth` labels; at most [`Self::labels`].
    #[inline]
    #[must_use]
    pub fn suffix_hash(&self, depth: usize) -> u64 {
        self.hashes[depth]
    }

    /// Where the suffix of `depth` labels starts in the wire form.
    #[inline]
    #[must_use]
    pub fn suffix_start(&self, depth: usize) -> usize {
        if depth == 0 {
            usize::from(self.len) - 1
        } else {
            usize::from(self.starts[self.labels() - depth])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Name, hash};

    #[test]
    fn each_suffix_has_its_hash_and_its_place() {
        let name = Name::parse_absolute("www.Example.com.").expect("a name");
        let mut suffixes = Suffixes::default();
        assert_eq!(suffixes.read(name.as_wire()), Some(17));
        assert_eq!(suffixes.labels(), 3);
        for (depth, text) in [(0, "."), (1, "com."), (2, "example.com."), (3, "www.example.com.")] {
            let suffix = Name::parse_absolute(text).expect("a name");
            assert_eq!(suffixes.suffix_hash(depth), hash(suffix.as_wire()), "{text}");
            assert_eq!(
                &suffixes.wire()[suffixes.suffix_start(depth)..],
                suffix.as_wire(),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_whole_name_is_refused() {
        for wire in [&b""[..], b"\x03ww", b"\x01a", b"\xc0\x0c", b"\x40aaaa"] {
            assert_eq!(Suffixes::default().read(wire), None, "{wire:?}");
        }
        let too_long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(4);
        assert_eq!(Suffixes::default().read(&[&too_long[..], b"\0"].concat()), None);
    }

    #[test]
    fn a_name_can_be_put_together() {
        let mut suffixes = Suffixes::default();
        assert_eq!(suffixes.set(b"\x01A\x01b", b"\x01C\0"), Some(()));
        assert_eq!(suffixes.wire(), b"\x01a\x01b\x01c\0");
        assert_eq!(suffixes.suffix_hash(3), hash(b"\x01a\x01b\x01c\0"));
        let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(3);
        assert_eq!(suffixes.set(&long, &[&long[..64], b"\0"].concat()), None);
    }
}
