//! Writes an answer: the header, the question as it came, RRsets whole or not at all, OPT.
//!
//! Owner names are pointers to where the name stands already. A name in RDATA ends in a pointer to
//! the apex; where an RRset holds several names, each also ends in a pointer to the longest tail
//! that another one of them or their owner has (RFC 1035 §4.1.4, for types of RFC 1035 alone: RFC 3597 §4).

use super::decode::Edns;
use super::edns::OPTION_HEAD;
use super::{HEADER, OPT_LEN, PAYLOAD_MAX, class};
use crate::rdata::rtype;
use crate::rdata::template::{self, TemplateName};

/// How many tails of names can be pointed to; those beyond are written out.
const TAILS_MAX: usize = 64;
/// The bytes of a record that is ready before its RDATA.
const READY_HEAD: usize = 12;
/// Pointers reach this far (RFC 1035 §4.1.4).
const POINTER_MAX: usize = 0x3fff;
/// Where the TTL stands in a record whose owner is a pointer: behind it, type and class.
const TTL_AT: usize = 6;

/// The sections behind the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// A referral, or the SOA of a negative answer.
    Authority,
    /// Glue.
    Additional,
}

/// It did not fit; the message is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The fixed part of a record: class IN.
#[derive(Clone, Copy)]
pub struct RecordHead {
    /// Where the owner's name stands in the message.
    pub owner: u16,
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
}

/// One answer while it is written into a buffer.
pub struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
    limit: usize,
    /// How much is kept for OPT and its options.
    reserved: usize,
    /// Where the apex stands, as the tail of the question.
    apex: u16,
    /// Where the length of OPT's data stands.
    opt: usize,
    questions: u16,
    counts: [u16; 3],
}

impl<'a> Writer<'a> {
    /// Starts an answer to `query`, whose header and question are copied; its length stays within
    /// `limit`, with `reserved` of it kept for OPT and its options. `None` where the buffer cannot hold the question.
    #[must_use]
    pub fn new(
        buf: &'a mut [u8],
        query: &[u8],
        question_end: usize,
        limit: usize,
        reserved: usize,
    ) -> Option<Self> {
        buf.get_mut(..question_end)?.copy_from_slice(query.get(..question_end)?);
        let limit = limit.min(buf.len());
        let reserved = reserved.min(limit);
        let limit = limit - reserved;
        let questions = u16::from(question_end > HEADER);
        let (len, counts) = (question_end, [0; 3]);
        Some(Self { buf, len, limit, reserved, apex: 0, opt: 0, questions, counts })
    }

    /// Keeps so much more for OPT's options, as far as it is free.
    pub fn reserve(&mut self, bytes: usize) {
        let bytes = bytes.min(self.limit.saturating_sub(self.len));
        self.limit -= bytes;
        self.reserved += bytes;
    }

    /// Says where the apex stands in the message.
    pub fn set_apex(&mut self, apex: usize) {
        self.apex = apex as u16;
    }

    /// Where the apex stands in the message.
    #[inline]
    #[must_use]
    pub fn apex(&self) -> u16 {
        self.apex
    }

    /// Where the next record will stand.
    #[inline]
    #[must_use]
    pub fn end(&self) -> usize {
        self.len
    }

    /// Whether so many bytes more stay within the limit.
    #[inline]
    pub fn fits(&self, bytes: usize) -> Result<(), Full> {
        if self.len + bytes <= self.limit { Ok(()) } else { Err(Full) }
    }

    /// Copies so many records that are ready; each is whole, with a pointer in place of its owner. Their TTL becomes at
    /// most `ttl_max`.
    #[inline]
    pub fn ready(
        &mut self,
        section: Section,
        (owner, ttl_max): (u16, u32),
        records: &[u8],
        count: usize,
    ) -> Result<(), Full> {
        self.fits(records.len())?;
        let end = self.len + records.len();
        let target = &mut self.buf[self.len..end];
        target.copy_from_slice(records);
        if usize::from(owner) != HEADER || ttl_max != u32::MAX {
            let mut rest = target;
            while let Some((head, tail)) = rest.split_first_chunk_mut::<READY_HEAD>() {
                head[..2].copy_from_slice(&pointer(owner));
                if let Some(ttl) = head[TTL_AT..].first_chunk_mut() {
                    *ttl = u32::from_be_bytes(*ttl).min(ttl_max).to_be_bytes();
                }
                let rdata = usize::from(u16::from_be_bytes([head[10], head[11]]));
                rest = tail.get_mut(rdata..).unwrap_or_default();
            }
        }
        self.len = end;
        self.counts[section as usize] += count as u16;
        Ok(())
    }

    /// Writes an RRset of `count` records whose RDATA are templates of `size` bytes in all.
    ///
    /// `names` takes where the first name in each RDATA stands, as far as it reaches: what owners of
    /// later records point to.
    #[inline]
    pub fn rrset<'r>(
        &mut self,
        section: Section,
        head: RecordHead,
        rdatas: impl Iterator<Item = &'r [u8]>,
        (count, size): (u16, usize),
        names: &mut [u16],
    ) -> Result<(), Full> {
        let start = self.len;
        // A template is as long as what is sent for it or longer, so this bounds the whole.
        if start + usize::from(count) * 12 + size > self.buf.len() {
            return Err(Full);
        }
        match template::layout(head.rtype) {
            None => rdatas.for_each(|rdata| self.plain(head, rdata)),
            Some(layout) => self.with_names(head, layout, rdatas, count, names),
        }
        if self.len > self.limit {
            self.len = start;
            return Err(Full);
        }
        self.counts[section as usize] += count;
        Ok(())
    }

    #[inline]
    fn plain(&mut self, head: RecordHead, rdata: &[u8]) {
        self.head(head);
        self.put(&(rdata.len() as u16).to_be_bytes());
        self.put(rdata);
    }

    fn with_names<'r>(
        &mut self,
        head: RecordHead,
        layout: template::Layout,
        rdatas: impl Iterator<Item = &'r [u8]>,
        count: u16,
        names: &mut [u16],
    ) {
        let mut tails = (count > 1).then(Tails::default);
        let (owner, apex) = (usize::from(head.owner), usize::from(self.apex));
        // Servers of a cut often stand below it. What is no part of the question ends in a pointer, and is left alone.
        if let Some(tails) = &mut tails
            && let Some(labels) = self.buf.get(owner..apex)
        {
            tails.add(TemplateName { labels, in_zone: true }, owner);
        }
        for (index, rdata) in rdatas.enumerate() {
            self.head(head);
            let length_at = self.len;
            let (before, mut rest) = rdata.split_at(layout.before);
            self.put(&[0, 0]);
            self.put(before);
            for which in 0..layout.names {
                let (name, tail) = TemplateName::split(rest);
                rest = tail;
                let at = self.name(name, tails.as_mut());
                if let (0, Some(slot)) = (which, names.get_mut(index)) {
                    *slot = at;
                }
            }
            self.put(rest);
            self.set_rdlength(length_at);
        }
    }

    /// Writes the CNAME that a DNAME makes (RFC 6672 §3.1): `prefix` bytes of labels from where the
    /// owner stands, then the DNAME's target, and says where that name stands.
    pub fn synthesised(
        &mut self,
        head: RecordHead,
        prefix: usize,
        target: &[u8],
    ) -> Result<u16, Full> {
        let start = self.len;
        if start + 12 + prefix + target.len() > self.limit {
            return Err(Full);
        }
        self.head(RecordHead { rtype: rtype::CNAME, ..head });
        let length_at = self.len;
        self.put(&[0, 0]);
        let at = self.len as u16;
        let from = usize::from(head.owner);
        self.buf.copy_within(from..from + prefix, self.len);
        self.len += prefix;
        // A DNAME's RDATA is never kept as a template: it is not of RFC 1035.
        self.put(target);
        self.set_rdlength(length_at);
        self.counts[Section::Answer as usize] += 1;
        Ok(at)
    }

    /// Writes a TXT record in class CH, of TTL 0 and of the question's name: up to 255 bytes of text.
    pub fn chaos(&mut self, text: &[u8]) -> Result<(), Full> {
        let len = text.len().min(usize::from(u8::MAX));
        self.fits(12 + 1 + len)?;
        let [o0, o1] = pointer(HEADER as u16);
        let [t0, t1] = rtype::TXT.to_be_bytes();
        let [c0, c1] = class::CH.to_be_bytes();
        self.put(&[
            o0,
            o1,
            t0,
            t1,
            c0,
            c1,
            0,
            0,
            0,
            0,
            ((len + 1) >> 8) as u8,
            (len + 1) as u8,
            len as u8,
        ]);
        self.put(&text[..len]);
        self.counts[Section::Answer as usize] += 1;
        Ok(())
    }

    /// Writes OPT, for which room was kept, with the upper bits of the response code.
    pub fn opt(&mut self, edns: Edns, rcode: u16) {
        let [size_high, size_low] = PAYLOAD_MAX.to_be_bytes();
        let dnssec_ok = if edns.dnssec_ok { 0x80 } else { 0 };
        let [_, rtype] = rtype::OPT.to_be_bytes();
        let extended = (rcode >> 4) as u8;
        self.put(&[0, 0, rtype, size_high, size_low, extended, 0, dnssec_ok, 0, 0, 0]);
        self.opt = self.len - 2;
        self.limit += std::mem::take(&mut self.reserved);
        self.counts[Section::Additional as usize] += 1;
    }

    /// Adds an option to the OPT that was written last, whole or not at all.
    pub fn option(&mut self, code: u16, data: &[&[u8]]) -> Result<(), Full> {
        let len: usize = data.iter().map(|part| part.len()).sum();
        self.fits(OPTION_HEAD + len)?;
        self.put(&code.to_be_bytes());
        self.put(&(len as u16).to_be_bytes());
        for part in data {
            self.put(part);
        }
        self.set_rdlength(self.opt);
        Ok(())
    }

    /// Writes the header's flags and counts, and says how long the message is.
    #[must_use]
    pub fn finish(self, flags: u16) -> usize {
        let (questions, [answers, authorities, additionals]) = (self.questions, self.counts);
        for (at, word) in
            [(2, flags), (4, questions), (6, answers), (8, authorities), (10, additionals)]
        {
            self.buf[at..at + 2].copy_from_slice(&word.to_be_bytes());
        }
        self.len
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.buf[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    #[inline]
    fn head(&mut self, head: RecordHead) {
        let [o0, o1] = pointer(head.owner);
        let [t0, t1] = head.rtype.to_be_bytes();
        let [c0, c1] = class::IN.to_be_bytes();
        let [l0, l1, l2, l3] = head.ttl.to_be_bytes();
        self.put(&[o0, o1, t0, t1, c0, c1, l0, l1, l2, l3]);
    }

    fn set_rdlength(&mut self, length_at: usize) {
        let length = (self.len - length_at - 2) as u16;
        self.buf[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    }

    /// Writes a name and says where it stands; one that is a pointer alone stands where that leads.
    fn name(&mut self, name: TemplateName<'_>, tails: Option<&mut Tails>) -> u16 {
        let at = self.len as u16;
        if let Some(tails) = tails {
            let mut labels = name.labels;
            loop {
                if let Some(found) = tails.find(self.buf, labels, name.in_zone) {
                    let written = name.labels.len() - labels.len();
                    self.put(&name.labels[..written]);
                    self.put(&pointer(found));
                    return if written == 0 { found } else { at };
                }
                let Some(&len) = labels.first() else { break };
                labels = &labels[1 + usize::from(len)..];
            }
            tails.add(name, self.len);
        }
        self.put(name.labels);
        if name.in_zone {
            self.put(&pointer(self.apex));
            if name.labels.is_empty() {
                return self.apex;
            }
        } else {
            self.put(&[0]);
        }
        at
    }
}

/// The tails of the names that one RRset wrote out, and of its owner in the question.
struct Tails {
    /// Where each stands, how long its labels are, and whether the apex follows.
    list: [(u16, u8, bool); TAILS_MAX],
    count: usize,
}

impl Default for Tails {
    fn default() -> Self {
        Self { list: [(0, 0, false); TAILS_MAX], count: 0 }
    }
}

impl Tails {
    fn find(&self, message: &[u8], labels: &[u8], in_zone: bool) -> Option<u16> {
        if labels.is_empty() {
            return None;
        }
        self.list[..self.count]
            .iter()
            .find(|&&(at, len, zone)| {
                let at = usize::from(at);
                usize::from(len) == labels.len()
                    && zone == in_zone
                    && message[at..at + labels.len()].eq_ignore_ascii_case(labels)
            })
            .map(|&(at, ..)| at)
    }

    fn add(&mut self, name: TemplateName<'_>, at: usize) {
        let mut offset = 0;
        while offset < name.labels.len() && self.count < TAILS_MAX && at + offset <= POINTER_MAX {
            let left = (name.labels.len() - offset) as u8;
            self.list[self.count] = ((at + offset) as u16, left, name.in_zone);
            self.count += 1;
            offset += 1 + usize::from(name.labels[offset]);
        }
    }
}

#[inline]
fn pointer(to: u16) -> [u8; 2] {
    (0xc000 | to).to_be_bytes()
}

/// The room for OPT in an answer to a query with or without EDNS.
#[must_use]
pub fn reserved(edns: Option<Edns>) -> usize {
    if edns.is_some() { OPT_LEN } else { 0 }
}

#[cfg(test)]
mod tests;
