//! A primary's message, read: its header, its question, its answer records with their names whole.
//!
//! It comes from a stranger until its signature is checked, so nothing here trusts a length or a pointer.

use crate::name::NAME_MAX;
use crate::rdata::{self, rtype};
use crate::wire::{HEADER, class, header, opcode, read_name, read_rdata};

/// A message whose header and question are whole.
#[derive(Clone, Copy)]
pub struct Message<'m> {
    bytes: &'m [u8],
    /// Where the answer records begin.
    answers: usize,
}

/// One record of an answer. It is made to be used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Wire form, in lower case.
    pub owner: Vec<u8>,
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// Its names uncompressed.
    pub rdata: Vec<u8>,
}

/// Not a message that RFC 1035 §4.1 allows, or RDATA that is none of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl<'m> Message<'m> {
    /// Reads header and question; there may be no question (RFC 5936 §2.2.2), and no more than one.
    pub fn read(bytes: &'m [u8]) -> Result<Self, Malformed> {
        if bytes.len() < HEADER {
            return Err(Malformed);
        }
        let mut message = Self { bytes, answers: HEADER };
        match message.word(4) {
            0 => {}
            1 => message.answers = skip_name(bytes, HEADER).ok_or(Malformed)? + 4,
            _ => return Err(Malformed),
        }
        if message.answers > bytes.len() { Err(Malformed) } else { Ok(message) }
    }

    /// Where its question ends.
    #[must_use]
    pub fn question_end(&self) -> usize {
        self.answers
    }

    /// The ID.
    #[must_use]
    pub fn id(&self) -> u16 {
        self.word(0)
    }

    /// Whether it is the response to a query.
    #[must_use]
    pub fn is_response(&self) -> bool {
        let flags = self.word(2);
        flags & header::QR != 0 && ((flags & header::OPCODE) >> 11) as u8 == opcode::QUERY
    }

    /// Whether it is authoritative.
    #[must_use]
    pub fn is_authoritative(&self) -> bool {
        self.word(2) & header::AA != 0
    }

    /// Whether it is cut short.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.word(2) & header::TC != 0
    }

    /// The response code.
    #[must_use]
    pub fn rcode(&self) -> u16 {
        self.word(2) & 0xf
    }

    /// Whether its question, if it has one, is this.
    #[must_use]
    pub fn asks(&self, name: &[u8], rtype: u16) -> bool {
        let mut found = [0; NAME_MAX];
        let Some((len, end)) = read_name(self.bytes, HEADER, &mut found) else {
            return !self.has_question();
        };
        !self.has_question()
            || found[..len].eq_ignore_ascii_case(name)
                && self.bytes.get(end..end + 4)
                    == Some(&[rtype.to_be_bytes(), class::IN.to_be_bytes()].concat()[..])
    }

    /// Whether it repeats the question.
    #[must_use]
    pub fn has_question(&self) -> bool {
        self.word(4) == 1
    }

    /// Where its last record begins, if that is a TSIG. All records are walked for it, to the end of the message.
    pub fn tsig(&self) -> Result<Option<usize>, Malformed> {
        let records: u32 = [6, 8, 10].map(|at| u32::from(self.word(at))).iter().sum();
        let (mut at, mut last) = (self.answers, None);
        for _ in 0..records {
            let start = at;
            let fixed = skip_name(self.bytes, at).ok_or(Malformed)?;
            let (rtype, rdata) = self.fixed(fixed).map(|(rtype, _, _, rdata)| (rtype, rdata))?;
            at = rdata.end;
            last = Some((start, rtype));
        }
        if at != self.bytes.len() {
            return Err(Malformed);
        }
        let is_additional = self.word(10) > 0;
        Ok(last.filter(|&(_, rtype)| is_additional && rtype == rtype::TSIG).map(|(start, _)| start))
    }

    /// Calls `each` with the answer records in their order.
    pub fn answers<E: From<Malformed>>(
        &self,
        record: &mut Record,
        mut each: impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = self.answers;
        for _ in 0..self.word(6) {
            at = self.record(at, record)?;
            each(record)?;
        }
        Ok(())
    }

    fn word(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    /// What stands behind an owner: type, class, TTL, and where RDATA is.
    fn fixed(&self, at: usize) -> Result<(u16, u16, u32, std::ops::Range<usize>), Malformed> {
        let fixed = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<10>).ok_or(Malformed)?;
        let &[t0, t1, c0, c1, l0, l1, l2, l3, r0, r1] = fixed;
        let rdata = at + 10..at + 10 + usize::from(u16::from_be_bytes([r0, r1]));
        if rdata.end > self.bytes.len() {
            return Err(Malformed);
        }
        let ttl = u32::from_be_bytes([l0, l1, l2, l3]);
        Ok((u16::from_be_bytes([t0, t1]), u16::from_be_bytes([c0, c1]), ttl, rdata))
    }

    /// Reads the record that begins at a place, and says where the next one does.
    fn record(&self, at: usize, record: &mut Record) -> Result<usize, Malformed> {
        let mut name = [0; NAME_MAX];
        let (len, at) = read_name(self.bytes, at, &mut name).ok_or(Malformed)?;
        record.owner.clear();
        record.owner.extend_from_slice(&name[..len]);
        record.owner.make_ascii_lowercase();
        let (rtype, class, ttl, rdata) = self.fixed(at)?;
        // Types that ask or sign are no zone's (RFC 6895 §3.1), nor is another class.
        if class != class::IN || rdata::is_meta(rtype) {
            return Err(Malformed);
        }
        record.rtype = rtype;
        // A TTL with its top bit set is 0 (RFC 2181 §8).
        record.ttl = if ttl > rdata::TTL_MAX { 0 } else { ttl };
        record.rdata.clear();
        read_rdata(self.bytes, rtype, rdata.clone(), &mut record.rdata).ok_or(Malformed)?;
        if rdata::is_valid(rtype, &record.rdata) { Ok(rdata.end) } else { Err(Malformed) }
    }
}

/// Where the name at `at` ends; what a pointer leads to is not looked at.
fn skip_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const HEAD: &[u8] = b"\x12\x34\x84\0\0\x01\0\x01\0\0\0\0";
    const QUESTION: &[u8] = b"\x07Example\0\0\xfc\0\x01";

    fn message(record: &[u8]) -> Vec<u8> {
        [HEAD, QUESTION, record].concat()
    }

    /// The first answer record, printed.
    fn first(record: &[u8]) -> Result<String, Malformed> {
        let bytes = message(record);
        let mut printed = String::new();
        Message::read(&bytes)?.answers(&mut Record::default(), |record| {
            crate::name::write_presentation(&record.owner, &mut printed).map_err(|_| Malformed)?;
            let rdata = rdata::print(record.rtype, &record.rdata).to_string();
            let rtype = rdata::type_name(record.rtype);
            write!(printed, " {} {rtype} {rdata}", record.ttl).map_err(|_| Malformed)
        })?;
        Ok(printed)
    }

    #[test]
    fn names_come_whole_and_owners_in_lower_case() {
        for (record, expected) in [
            (
                &b"\x01A\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01"[..],
                "a.example. 60 A 192.0.2.1",
            ),
            (
                b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x06\0\x0a\x01m\xc0\x0c",
                "example. 60 MX 10 m.Example.",
            ),
            (
                b"\xc0\x0c\0\x21\0\x01\0\0\0\x3c\0\x0a\0\x01\0\x02\0\x03\x01m\xc0\x0c",
                "example. 60 SRV 1 2 3 m.Example.",
            ),
            (
                b"\xc0\x0c\0\x23\0\x01\0\0\0\x3c\0\x0c\0\x01\0\x02\x01u\0\0\x01n\xc0\x0c",
                "example. 60 NAPTR",
            ),
            (
                b"\xc0\x0c\0\x11\0\x01\0\0\0\x3c\0\x04\xc0\x0c\xc0\x0c",
                "example. 60 RP Example. Example.",
            ),
            (b"\xc0\x0c\xff\x01\0\x01\0\0\0\x3c\0\x02\xc0\x0c", "example. 60 TYPE65281 \\# 2 C00C"),
            (b"\xc0\x0c\0\x01\0\x01\x80\0\0\0\0\x04\xc0\0\x02\x01", "example. 0 A 192.0.2.1"),
        ] {
            let printed = first(record).expect(expected);
            let is_right = printed.eq_ignore_ascii_case(expected)
                || expected.ends_with("NAPTR") && printed.starts_with(expected);
            assert!(is_right, "{printed}, not {expected}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_told() {
        for (record, what) in [
            (&b""[..], "a record that is not there"),
            (b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02", "RDATA that is cut short"),
            (b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x03\xc0\0\x02", "an address of three bytes"),
            (b"\xc0\x0c\0\x01\0\x03\0\0\0\x3c\0\x04\xc0\0\x02\x01", "class CH"),
            (b"\xc0\x0c\0\xff\0\x01\0\0\0\x3c\0\0", "type ANY"),
            (b"\xc0\x40\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01", "a pointer that leads on"),
            (
                b"\xc0\x0c\0\x02\0\x01\0\0\0\x3c\0\x01\xc0\x0c",
                "a name that goes on behind its RDATA",
            ),
            (b"\xc0\x0c\0\x02\0\x01\0\0\0\x3c\0\x03\xc0\x0c\0", "bytes behind a name"),
        ] {
            assert_eq!(first(record), Err(Malformed), "{what}");
        }
        for bytes in [&HEAD[..11], HEAD, &message(b"")[..HEAD.len() + 12]] {
            assert!(Message::read(bytes).is_err(), "{bytes:02x?}");
        }
        let mut two = message(b"");
        two[5] = 2;
        assert!(Message::read(&two).is_err(), "two questions");
    }

    #[test]
    fn rfc5936_2_2_2_a_question_may_be_left_out_but_not_be_another() {
        let bytes = message(b"");
        let asked = Message::read(&bytes).expect("it is whole");
        assert!(asked.asks(b"\x07example\0", 252));
        assert!(!asked.asks(b"\x07example\0", 251));
        assert!(!asked.asks(b"\x07exampla\0", 252));
        let bytes = b"\x12\x34\x84\0\0\0\0\0\0\0\0\0";
        assert!(Message::read(bytes).expect("it is whole").asks(b"\x07example\0", 252));
    }

    #[test]
    fn a_signature_is_the_last_record_of_all() {
        let a = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";
        let tsig = b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\x01?";
        let mut bytes = message(&[&a[..], tsig].concat());
        bytes[11] = 1;
        let at = message(a).len();
        assert_eq!(Message::read(&bytes).map(|message| message.tsig()).ok(), Some(Ok(Some(at))));
        for (bytes, expected) in [
            (message(a), Ok(None)),
            (message(&[&a[..], b"?"].concat()), Err(Malformed)),
            (message(&a[..15]), Err(Malformed)),
        ] {
            let found = Message::read(&bytes).map(|message| message.tsig());
            assert_eq!(found.ok(), Some(expected), "{bytes:02x?}");
        }
    }
}
