//! An answer read strictly, brought to the form in which answers are compared.

use std::collections::BTreeSet;
use std::fmt;

use rotadns::name;
use rotadns::rdata::{self, rtype};

use super::query::presentation;

/// What two answers can differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// One answers, the other does not.
    Silence,
    /// The header's opcode, QR, Z and RD, and the question; or that nothing follows the message.
    Form,
    Rcode,
    Aa,
    Tc,
    Ra,
    Ad,
    Cd,
    Answer,
    Authority,
    Additional,
    /// That there is an OPT, its version and flags.
    Edns,
    Options,
    Payload,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    /// Wire form, lower case.
    pub owner: Vec<u8>,
    pub rtype: u16,
    pub class: u16,
    pub ttl: u32,
    /// Its names uncompressed and in lower case.
    pub rdata: Vec<u8>,
}

/// What OPT says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opt {
    pub payload: u16,
    pub version: u8,
    pub flags: u16,
    /// Code and data, as sent.
    pub options: Vec<(u16, Vec<u8>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The header's second word.
    pub flags: u16,
    /// With the upper bits that OPT has.
    pub rcode: u16,
    /// Byte for byte.
    pub question: Vec<u8>,
    /// RRsets in the order in which they stand; sorted within.
    pub answers: Vec<Record>,
    /// Sorted.
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
    pub opt: Option<Opt>,
    pub len: usize,
}

impl Answer {
    /// Reads a message; what does not read, to the last byte, is told.
    pub(crate) fn read(message: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader { message, at: 2 };
        let [flags, questions, answers, authorities, additionals] =
            [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
        let start = reader.at;
        for _ in 0..questions {
            reader.name()?;
            reader.bytes(4)?;
        }
        let question = message[start..reader.at].to_vec();
        let mut answers = reader.records(answers)?;
        let mut authority = reader.records(authorities)?;
        let mut additional = reader.records(additionals)?;
        if reader.at != message.len() {
            return Err("bytes after the message");
        }
        let mut opts = additional.extract_if(.., |record| record.rtype == rtype::OPT);
        let opt = opts.next();
        if opts.next().is_some() {
            return Err("two OPT records");
        }
        drop(opts);
        let mut rcode = flags & 0xf;
        let opt = match opt {
            Some(record) if record.owner != [0] => {
                return Err("an OPT whose owner is not the root");
            }
            Some(record) => {
                rcode |= (record.ttl >> 24 << 4) as u16;
                Some(Opt {
                    payload: record.class,
                    version: (record.ttl >> 16) as u8,
                    flags: record.ttl as u16,
                    options: options(&record.rdata)?,
                })
            }
            None => None,
        };
        in_sets(&mut answers);
        authority.sort();
        additional.sort();
        Ok(Self {
            flags: flags & !0xf,
            rcode,
            question,
            answers,
            authority,
            additional,
            opt,
            len: message.len(),
        })
    }

    pub(crate) fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// NS without SOA beside them: somebody else is to be asked.
    pub(crate) fn is_referral(&self) -> bool {
        !self.authority.is_empty() && self.authority.iter().all(|record| record.rtype != rtype::SOA)
    }
}

pub(crate) const AA: u16 = 0x0400;
pub(crate) const TC: u16 = 0x0200;
pub(crate) const RA: u16 = 0x0080;
pub(crate) const AD: u16 = 0x0020;
pub(crate) const CD: u16 = 0x0010;

/// The option of extended errors.
const EXTENDED_ERROR: u16 = 15;

/// What two answers of at most `limit` bytes differ in. `None` is none.
///
/// The content of an answer that is truncated on either side is not compared, as it is not to be used
/// (RFC 2181 §9). Additional records beside anything but a referral are extras (RFC 1034 §3.7): theirs are left
/// alone, and ours are to be among them. Extended errors are beside the answer, and optional (RFC 8914 §2).
pub(crate) fn differences(
    ours: Option<&Result<Answer, &'static str>>,
    theirs: Option<&Result<Answer, &'static str>>,
    limit: usize,
) -> BTreeSet<Part> {
    let (ours, theirs) = match (ours, theirs) {
        (None, None) => return BTreeSet::new(),
        (Some(Ok(ours)), Some(Ok(theirs))) => (ours, theirs),
        (Some(ours), Some(theirs)) if ours.is_err() || theirs.is_err() => {
            return [Part::Form].into();
        }
        _ => return [Part::Silence].into(),
    };
    let opt = |answer: &Answer| answer.opt.as_ref().map(|opt| (opt.version, opt.flags));
    let options = |answer: &Answer| {
        let opt = answer.opt.as_ref();
        opt.map(|opt| {
            opt.options
                .iter()
                .filter(|(code, _)| *code != EXTENDED_ERROR)
                .cloned()
                .collect::<Vec<_>>()
        })
    };
    let payload = |answer: &Answer| answer.opt.as_ref().map(|opt| opt.payload);
    let form = !(AA | TC | RA | AD | CD);
    let both = ours.opt.is_some() && theirs.opt.is_some();
    let mut differ = BTreeSet::new();
    for (part, is_equal) in [
        (Part::Form, ours.flags & form == theirs.flags & form && ours.question == theirs.question),
        (Part::Rcode, ours.rcode == theirs.rcode),
        (Part::Aa, ours.is(AA) == theirs.is(AA)),
        (Part::Tc, ours.is(TC) == theirs.is(TC) || fits_by_compression(ours, theirs, limit)),
        (Part::Ra, ours.is(RA) == theirs.is(RA)),
        (Part::Ad, ours.is(AD) == theirs.is(AD)),
        (Part::Cd, ours.is(CD) == theirs.is(CD)),
        (Part::Edns, opt(ours) == opt(theirs)),
        (Part::Options, !both || options(ours) == options(theirs)),
        (Part::Payload, !both || payload(ours) == payload(theirs)),
    ] {
        if !is_equal {
            differ.insert(part);
        }
    }
    if ours.is(TC) || theirs.is(TC) {
        return differ;
    }
    // A record that stands twice is still one (RFC 2181 §5); ours is not to.
    let once = |records: &[Record]| {
        let mut records = records.to_vec();
        records.dedup();
        records
    };
    // What has to be there, and what may.
    let cut = match ours.authority.first() {
        Some(record) if ours.is_referral() && theirs.is_referral() => record.owner.as_slice(),
        _ => &[],
    };
    let split = |answer: &Answer| -> (Vec<Record>, Vec<Record>) {
        let records = once(&answer.additional).into_iter();
        records.partition(|record| !cut.is_empty() && name::is_at_or_below(&record.owner, cut))
    };
    let ((our_glue, our_extras), (their_glue, their_extras)) = (split(ours), split(theirs));
    let both_give = |record: &&Record, others: &[Record]| {
        others.iter().any(|other| (&other.owner, other.rtype) == (&record.owner, record.rtype))
    };
    let additional = our_glue == their_glue
        && our_extras
            .iter()
            .filter(|record| both_give(record, &their_extras))
            .eq(their_extras.iter().filter(|record| both_give(record, &our_extras)))
        && (!cut.is_empty() || our_extras.is_empty());
    for (part, is_equal) in [
        (Part::Answer, ours.answers == once(&theirs.answers)),
        (Part::Authority, ours.authority == once(&theirs.authority)),
        (Part::Additional, additional),
    ] {
        if !is_equal {
            differ.insert(part);
        }
    }
    differ
}

/// Whether one is whole and the other truncated because names need not be compressed as well as they can be (RFC 1035
/// §4.1.4). A referral of theirs that is not truncated may be whole for want of glue, which is another matter.
fn fits_by_compression(ours: &Answer, theirs: &Answer, limit: usize) -> bool {
    let whole = match (ours.is(TC), theirs.is(TC)) {
        (false, true) => ours,
        (true, false) if !theirs.is_referral() => theirs,
        _ => return false,
    };
    let records = whole.answers.iter().chain(&whole.authority).chain(&whole.additional);
    let len: usize = records.map(|record| record.owner.len() + 10 + record.rdata.len()).sum();
    let rest = 12 + whole.question.len() + if whole.opt.is_some() { 11 } else { 0 };
    len + rest > limit
}

/// Sorts within each RRset; RRsets stay in the order in which they begin.
fn in_sets(records: &mut [Record]) {
    let mut order: Vec<(Vec<u8>, u16)> = Vec::new();
    for record in &*records {
        let set = (record.owner.clone(), record.rtype);
        if !order.contains(&set) {
            order.push(set);
        }
    }
    records.sort_by_cached_key(|record| {
        let place = order
            .iter()
            .position(|(owner, rtype)| (owner, *rtype) == (&record.owner, record.rtype));
        (place, record.clone())
    });
}

fn options(mut rest: &[u8]) -> Result<Vec<(u16, Vec<u8>)>, &'static str> {
    let mut options = Vec::new();
    while let [c0, c1, l0, l1, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*l0, *l1]));
        let data = after.get(..len).ok_or("an option longer than its OPT")?;
        options.push((u16::from_be_bytes([*c0, *c1]), data.to_vec()));
        rest = &after[len..];
    }
    if rest.is_empty() { Ok(options) } else { Err("an option cut short") }
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], &'static str> {
        let bytes = self.message.get(self.at..self.at + len).ok_or("cut short")?;
        self.at += len;
        Ok(bytes)
    }

    fn u16(&mut self) -> Result<u16, &'static str> {
        self.bytes(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// Follows pointers that lead back (RFC 1035 §4.1.4).
    fn name(&mut self) -> Result<Vec<u8>, &'static str> {
        let mut name = Vec::new();
        let (mut at, mut jumped) = (self.at, false);
        loop {
            let len = *self.message.get(at).ok_or("a name cut short")?;
            match len {
                0 => {
                    name.push(0);
                    if !jumped {
                        self.at = at + 1;
                    }
                    return if name.len() <= 255 {
                        Ok(name)
                    } else {
                        Err("a name of over 255 bytes")
                    };
                }
                1..=63 => {
                    let label = self.message.get(at..at + 1 + usize::from(len));
                    name.extend(
                        label.ok_or("a label cut short")?.iter().map(u8::to_ascii_lowercase),
                    );
                    at += 1 + usize::from(len);
                }
                0xc0.. => {
                    let low = *self.message.get(at + 1).ok_or("a pointer cut short")?;
                    if !jumped {
                        self.at = at + 2;
                    }
                    jumped = true;
                    let to = usize::from(len & 0x3f) << 8 | usize::from(low);
                    if to >= at || to < 12 {
                        return Err("a pointer that does not lead back");
                    }
                    at = to;
                }
                _ => return Err("a label of an unknown kind"),
            }
            if name.len() > 255 {
                return Err("a name of over 255 bytes");
            }
        }
    }

    fn records(&mut self, count: u16) -> Result<Vec<Record>, &'static str> {
        (0..count).map(|_| self.record()).collect()
    }

    fn record(&mut self) -> Result<Record, &'static str> {
        let owner = self.name()?;
        let [rtype, class, high, low, len] =
            [self.u16()?, self.u16()?, self.u16()?, self.u16()?, self.u16()?];
        let end = self.at + usize::from(len);
        if end > self.message.len() {
            return Err("RDATA cut short");
        }
        let mut rdata = Vec::new();
        // Bytes before the names, and how many names; the rest is bytes.
        let (before, names) = match rtype {
            rtype::NS
            | rtype::MD
            | rtype::MF
            | rtype::CNAME
            | rtype::MB
            | rtype::MG
            | rtype::MR
            | rtype::PTR
            | rtype::DNAME => (0, 1),
            rtype::SOA | rtype::MINFO | rtype::RP => (0, 2),
            rtype::MX
            | rtype::AFSDB
            | rtype::RT
            | rtype::KX
            | rtype::LP
            | rtype::SVCB
            | rtype::HTTPS => (2, 1),
            rtype::PX => (2, 2),
            rtype::SRV => (6, 1),
            rtype::NAPTR => {
                let strings = self.message.get(self.at + 4..end).unwrap_or_default();
                let skip = |rest: usize| rest + 1 + usize::from(*strings.get(rest).unwrap_or(&0));
                (4 + skip(skip(skip(0))), 1)
            }
            _ => (usize::from(len), 0),
        };
        rdata.extend_from_slice(self.bytes(before)?);
        for _ in 0..names {
            rdata.extend(self.name()?);
        }
        if self.at > end {
            return Err("RDATA that is longer than its length");
        }
        rdata.extend_from_slice(self.bytes(end - self.at)?);
        Ok(Record { owner, rtype, class, ttl: u32::from(high) << 16 | u32::from(low), rdata })
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", presentation(&self.owner), self.ttl)?;
        if self.class != 1 {
            write!(f, "CLASS{} ", self.class)?;
        }
        let rdata = rdata::print(self.rtype, &self.rdata).to_string();
        write!(f, "{} {:.200}", rdata::type_name(self.rtype), rdata)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rcode {}", self.rcode)?;
        if self.flags & 0x7800 != 0 {
            write!(f, " opcode {}", self.flags >> 11 & 0xf)?;
        }
        for (flag, shown) in [
            (AA, "aa"),
            (TC, "tc"),
            (0x0100, "rd"),
            (RA, "ra"),
            (0x0040, "z"),
            (AD, "ad"),
            (CD, "cd"),
        ] {
            if self.is(flag) {
                write!(f, " {shown}")?;
            }
        }
        if self.question.is_empty() {
            f.write_str(" no question")?;
        }
        match &self.opt {
            Some(Opt { payload, version, flags, options }) => {
                write!(f, " edns {version} {payload} {flags:#x}")?;
                for (code, data) in options {
                    write!(f, " {code}:{data:02x?}")?;
                }
            }
            None => f.write_str(" no edns")?,
        }
        write!(f, " {} bytes", self.len)?;
        for (section, records) in [
            ("answer", &self.answers),
            ("authority", &self.authority),
            ("additional", &self.additional),
        ] {
            for record in records.iter().take(6) {
                write!(f, "\n    {section}: {record}")?;
            }
            if records.len() > 6 {
                write!(f, "\n    {section}: and {} more", records.len() - 6)?;
            }
        }
        Ok(())
    }
}
