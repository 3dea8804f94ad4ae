//! Reads a query: its header, its question, and from the records behind it what matters.
//!
//! Every way in which a packet can be wrong is a variant of [`Refusal`]; [`crate::engine`] says which
//! answer each earns.

use super::edns::Options;
use super::{HEADER, class, header, opcode};
use crate::name::NAME_MAX;
use crate::name::suffixes::Suffixes;
use crate::rdata::rtype;

/// What is kept of a query.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// The ID, to be given back.
    pub id: u16,
    /// The flags, as sent.
    pub flags: u16,
    /// The type asked for.
    pub qtype: u16,
    /// The class asked for.
    pub qclass: u16,
    /// Where the question ends in the message: behind the header where there is none.
    pub question_end: usize,
    /// What EDNS says, where it is spoken.
    pub edns: Option<Edns>,
    /// Where the TSIG record begins, which is the last one (RFC 8945 §5.1).
    pub tsig: Option<usize>,
}

impl Query {
    /// Whether something is asked.
    #[inline]
    #[must_use]
    pub fn has_question(&self) -> bool {
        self.question_end > HEADER
    }

    /// Whether something goes beside the question that is to be looked at: a signature, a version, an option.
    #[inline]
    #[must_use]
    pub fn is_rare(&self) -> bool {
        !self.has_question()
            || self.tsig.is_some()
            || self.edns.is_some_and(|edns| edns.version > 0 || edns.options.any)
    }

    /// What kind of query it is.
    #[must_use]
    pub fn opcode(&self) -> u8 {
        ((self.flags & header::OPCODE) >> 11) as u8
    }
}

/// What an OPT record says (RFC 6891 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns {
    /// The payload that the requestor takes.
    pub payload: u16,
    /// The version.
    pub version: u8,
    /// DNSSEC OK, to be given back (RFC 3225 §3).
    pub dnssec_ok: bool,
    /// Its options.
    pub options: Options,
}

impl Edns {
    /// From the class and the TTL of the record, as they stand there.
    #[inline]
    fn new([p0, p1, _, version, flags, _]: [u8; 6], options: Options) -> Self {
        let payload = u16::from_be_bytes([p0, p1]);
        Self { payload, version, dnssec_ok: flags & 0x80 != 0, options }
    }

    /// Of records that are an OPT without options and nothing else, as nearly all queries have them.
    #[inline]
    fn alone(counts: [u16; 3], records: &[u8]) -> Option<Self> {
        let &[0, t0, t1, p0, p1, extended, version, flags, z, 0, 0] = records else { return None };
        let is_opt = u16::from_be_bytes([t0, t1]) == rtype::OPT && counts == [0, 0, 1];
        is_opt.then(|| Self::new([p0, p1, extended, version, flags, z], Options::default()))
    }
}

/// Why a packet gets no ordinary answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Shorter than a header, or a response: an answer could loop.
    Drop,
    /// An opcode that we do not serve; the body was not read (RFC 8906 §3.1).
    Opcode,
    /// Not a query that RFC 1035 §4.1 or RFC 6891 §6.1 allows; no question to give back.
    Malformed,
    /// The same, behind a whole question that ends where the number says.
    MalformedAfterQuestion(usize),
}

/// Reads a message, the name it asks for into `name`.
pub fn decode(message: &[u8], name: &mut Suffixes) -> Result<Query, Refusal> {
    let Some(head) = message.first_chunk::<HEADER>() else { return Err(Refusal::Drop) };
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let flags = word(2);
    if flags & header::QR != 0 {
        return Err(Refusal::Drop);
    }
    let kind = ((flags & header::OPCODE) >> 11) as u8;
    if !matches!(kind, opcode::QUERY | opcode::NOTIFY | opcode::UPDATE) {
        return Err(Refusal::Opcode);
    }
    // One question, no more and no less (RFC 9619 §4).
    if word(4) != 1 {
        return without_question(message, flags);
    }
    let name_end = HEADER + name.read(&message[HEADER..]).ok_or(Refusal::Malformed)?;
    let Some((&[t0, t1, c0, c1], _)) = message[name_end..].split_first_chunk::<4>() else {
        return Err(Refusal::Malformed);
    };
    let question_end = name_end + 4;
    let mut query = Query {
        id: word(0),
        flags,
        qtype: u16::from_be_bytes([t0, t1]),
        qclass: u16::from_be_bytes([c0, c1]),
        question_end,
        edns: None,
        tsig: None,
    };
    query.edns = Edns::alone([word(6), word(8), word(10)], &message[question_end..]);
    if query.edns.is_none() {
        let before_additional = u32::from(word(6)) + u32::from(word(8));
        let records = Records { message, at: question_end };
        records
            .read(before_additional, u32::from(word(10)), &mut query)
            .ok_or(Refusal::MalformedAfterQuestion(question_end))?;
    }
    Ok(query)
}

/// A message without a question: nothing but a cookie can be asked for so (RFC 7873 §5.4), by EDNS.
#[cold]
fn without_question(message: &[u8], flags: u16) -> Result<Query, Refusal> {
    let word = |at: usize| {
        let two = message.get(at..).and_then(|rest| rest.first_chunk());
        two.map_or(0, |&two| u16::from_be_bytes(two))
    };
    let mut query = Query {
        id: word(0),
        flags,
        qtype: 0,
        qclass: 0,
        question_end: HEADER,
        edns: None,
        tsig: None,
    };
    if word(4) != 0 || query.opcode() != opcode::QUERY {
        return Err(Refusal::Malformed);
    }
    let before_additional = u32::from(word(6)) + u32::from(word(8));
    let records = Records { message, at: HEADER };
    records.read(before_additional, u32::from(word(10)), &mut query).ok_or(Refusal::Malformed)?;
    // Whoever speaks EDNS is told with EDNS what is wrong (RFC 6891 §7).
    if query.edns.is_some() { Ok(query) } else { Err(Refusal::Malformed) }
}

/// The records behind the question. Each takes at least 11 bytes, so their number is bounded by the
/// message and not by its counts.
struct Records<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// Walks all records to the end of the message and takes OPT and TSIG from them; `None` where they are not
    /// well formed.
    fn read(mut self, before_additional: u32, additional: u32, query: &mut Query) -> Option<()> {
        for _ in 0..before_additional {
            let (rtype, _, _) = self.next()?;
            if matches!(rtype, rtype::OPT | rtype::TSIG) {
                return None;
            }
        }
        for _ in 0..additional {
            // Nothing comes after TSIG (RFC 8945 §5.1).
            if query.tsig.is_some() {
                return None;
            }
            let start = self.at;
            match self.next()? {
                (rtype::OPT, _, rdata) => {
                    // Owned by the root, once, its options whole (RFC 6891 §6.1.1, §6.1.2).
                    if query.edns.is_some() || self.message[start] != 0 {
                        return None;
                    }
                    let options = match rdata.len() {
                        0 => Options::default(),
                        len => Options::read(self.message, self.at - len, len)?,
                    };
                    query.edns =
                        Some(Edns::new(*self.message[start + 3..].first_chunk()?, options));
                }
                (rtype::TSIG, class::ANY, _) => query.tsig = Some(start),
                (rtype::TSIG, ..) => return None,
                _ => {}
            }
        }
        (self.at == self.message.len()).then_some(())
    }

    /// The next record's type, class and RDATA.
    fn next(&mut self) -> Option<(u16, u16, &'a [u8])> {
        self.at = skip_name(self.message, self.at)?;
        let fixed: &[u8; 10] = self.message.get(self.at..)?.first_chunk()?;
        let start = self.at + 10;
        let end = start + usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        let rdata = self.message.get(start..end)?;
        self.at = end;
        let word = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        Some((word(0), word(2), rdata))
    }
}

/// Where the name at `at` ends. A pointer must lead backwards (RFC 1035 §4.1.4); what it leads to is
/// not needed here.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    let start = at;
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            high @ 0xc0.. => {
                let target = usize::from(high & 0x3f) << 8 | usize::from(*message.get(at + 1)?);
                return (HEADER..start).contains(&target).then_some(at + 2);
            }
            _ => return None,
        }
        if at - start >= NAME_MAX {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &[u8] = b"\x01A\0\0\x1c\0\x01";

    fn message(flags: u16, counts: [u16; 4], body: &[u8]) -> Vec<u8> {
        let words = [7, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes);
        words.chain(body.iter().copied()).collect()
    }

    fn read(flags: u16, counts: [u16; 4], body: &[u8]) -> Result<Query, Refusal> {
        decode(&message(flags, counts, body), &mut Suffixes::default())
    }

    #[test]
    fn a_question_is_read_whole() {
        let mut name = Suffixes::default();
        let query = decode(&message(0x2123, [1, 0, 0, 0], QUESTION), &mut name).expect("a NOTIFY");
        assert_eq!(name.wire(), b"\x01a\0");
        assert_eq!((query.id, query.flags, query.opcode()), (7, 0x2123, 4));
        assert_eq!((query.qtype, query.qclass, query.question_end), (28, 1, 19));
        assert_eq!(query.edns, None);
    }

    #[test]
    fn rfc6891_6_1_2_opt_is_read_among_other_records() {
        let record = b"\0\0\x01\0\x01\0\0\0\x09\0\x02hi";
        let opt = b"\0\0\x29\x10\0\x05\x02\x80\0\0\x05\0\x09\0\x01?";
        let body = [QUESTION, record, record, opt, record].concat();
        let query = read(0, [1, 1, 0, 3], &body).expect("a query");
        let options = Options::default();
        let expected = Edns { payload: 4096, version: 2, dnssec_ok: true, options };
        assert_eq!(query.edns, Some(expected));
    }

    #[test]
    fn an_opt_alone_is_read_as_it_is_among_others() {
        let record = b"\0\0\x01\0\x01\0\0\0\x09\0\0";
        for opt in [
            b"\0\0\x29\x04\xd0\0\0\0\0\0\0",
            b"\0\0\x29\0\0\x07\x01\x80\x01\0\0",
            b"\0\0\x29\xff\xff\xff\xff\x7f\xff\0\0",
        ] {
            let alone = read(0, [1, 0, 0, 1], &[QUESTION, opt].concat()).expect("a query");
            let among = read(0, [1, 0, 0, 2], &[QUESTION, record, opt].concat()).expect("a query");
            assert!(alone.edns.is_some());
            assert_eq!(alone.edns, among.edns, "{opt:?}");
            // Elsewhere it has no place, and what is no OPT is none.
            assert!(read(0, [1, 1, 0, 0], &[QUESTION, opt].concat()).is_err());
            assert!(read(0, [1, 0, 0, 2], &[QUESTION, opt].concat()).is_err());
        }
        let other = read(0, [1, 0, 0, 1], &[QUESTION, record].concat()).expect("a query");
        assert_eq!(other.edns, None);
    }

    /// Records, how many of them are in each section, and where the TSIG of the query is.
    type Row<'a> = (&'a [&'a [u8]], [u16; 3], Option<usize>);

    #[test]
    fn rfc8945_5_1_tsig_comes_once_and_last() {
        let tsig = b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\x02hi";
        let of_class_in = b"\x01k\0\0\xfa\0\x01\0\0\0\0\0\x02hi";
        let opt = b"\0\0\x29\x10\0\0\0\0\0\0\0";
        let start = 12 + QUESTION.len();
        let rows: [Row<'_>; 8] = [
            (&[tsig], [0, 0, 1], Some(start)),
            (&[opt, tsig], [0, 0, 2], Some(start + opt.len())),
            (&[opt, opt, tsig], [0, 0, 3], None),
            (&[tsig, opt], [0, 0, 2], None),
            (&[tsig, tsig], [0, 0, 2], None),
            (&[of_class_in], [0, 0, 1], None),
            (&[tsig], [1, 0, 0], None),
            (&[tsig], [0, 1, 0], None),
        ];
        for (records, [answers, authorities, additionals], expected) in rows {
            let body = [QUESTION, &records.concat()].concat();
            let query = read(0, [1, answers, authorities, additionals], &body);
            assert_eq!(query.ok().and_then(|query| query.tsig), expected, "{records:?}");
        }
    }

    #[test]
    fn each_refusal() {
        use Refusal::{Drop, Malformed, MalformedAfterQuestion, Opcode};
        for (flags, counts, body, expected) in [
            (0x8000, [1, 0, 0, 0], QUESTION, Drop),
            (0x1000, [1, 0, 0, 0], QUESTION, Opcode),
            (0x0800, [0, 0, 0, 0], b"?", Opcode),
            (0, [0, 0, 0, 0], b"", Malformed),
            (0, [2, 0, 0, 0], QUESTION, Malformed),
            (0, [1, 0, 0, 0], b"\x01A\0\0\x1c\0", Malformed),
            (0, [1, 0, 0, 0], b"\xc0\x0c\0\x1c\0\x01", Malformed),
            (0, [1, 0, 0, 1], QUESTION, MalformedAfterQuestion(19)),
            (0, [1, 0, 0, 0], b"\x01A\0\0\x1c\0\x01?", MalformedAfterQuestion(19)),
        ] {
            assert_eq!(
                read(flags, counts, body).err(),
                Some(expected),
                "{flags:x} {counts:?} {body:?}"
            );
        }
        assert_eq!(decode(&[0; 11], &mut Suffixes::default()).err(), Some(Drop));
    }

    #[test]
    fn rfc1035_4_1_4_pointers_lead_back_and_names_are_bounded() {
        let end = |name: &[u8]| {
            let mut message = vec![0; 20];
            message.extend_from_slice(name);
            skip_name(&message, 20)
        };
        let label = [&[63][..], &[b'a'; 63]].concat();
        let long =
            |last: u8| [&label.repeat(3)[..], &[last], &vec![b'a'; last.into()], &[0]].concat();
        for (name, expected) in [
            (vec![0], Some(21)),
            (b"\x02ab\0".to_vec(), Some(24)),
            (b"\x02ab\xc0\x0c".to_vec(), Some(25)),
            (vec![0xc0, 19], Some(22)),
            (vec![0xc0, 20], None),
            (vec![0xc0, 11], None),
            (vec![0xc0], None),
            (vec![0x40, 0], None),
            (vec![5, 1], None),
            (long(61), Some(20 + 255)),
            (long(62), None),
        ] {
            assert_eq!(end(&name), expected, "{name:?}");
        }
    }
}
