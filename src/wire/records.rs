//! Reads an answer back, for people: each record whole, its names uncompressed.
//!
//! The message is one of ours; what is not well formed all the same ends the list.

use std::fmt;

use super::encode::Section;
use super::{HEADER, read_name};
use crate::name::{NAME_MAX, write_presentation};
use crate::rdata::{print, rtype, template, type_name};

/// One record of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub section: Section,
    /// Whose it is, wire form.
    pub owner: Vec<u8>,
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// RDATA, its names uncompressed.
    pub rdata: Vec<u8>,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_presentation(&self.owner, f)?;
        let (rtype, rdata) = (type_name(self.rtype), print(self.rtype, &self.rdata));
        write!(f, " {} IN {rtype} {rdata}", self.ttl)
    }
}

/// The records of a message, OPT left out.
#[must_use]
pub fn records(message: &[u8]) -> Vec<Record> {
    let word =
        |at: usize| message.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
    let mut reader = Reader { message, at: HEADER };
    for _ in 0..word(4) {
        if reader.name(&mut Vec::new()).is_none() {
            return Vec::new();
        }
        reader.at += 4;
    }
    let mut found = Vec::new();
    for (section, count) in
        [(Section::Answer, word(6)), (Section::Authority, word(8)), (Section::Additional, word(10))]
    {
        for _ in 0..count {
            let Some(record) = reader.record(section) else { return found };
            found.push(record);
        }
    }
    found.retain(|record| record.rtype != rtype::OPT);
    found
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn record(&mut self, section: Section) -> Option<Record> {
        let mut owner = Vec::new();
        self.name(&mut owner)?;
        let &[t0, t1, _, _, l0, l1, l2, l3, r0, r1] = self.take(10)?.first_chunk()?;
        let rtype = u16::from_be_bytes([t0, t1]);
        let end = self.at + usize::from(u16::from_be_bytes([r0, r1]));
        let mut rdata = Vec::new();
        if let Some(layout) = template::layout(rtype) {
            rdata.extend_from_slice(self.take(layout.before)?);
            for _ in 0..layout.names {
                self.name(&mut rdata)?;
            }
        }
        let rest = end.checked_sub(self.at)?;
        rdata.extend_from_slice(self.take(rest)?);
        Some(Record { section, owner, rtype, ttl: u32::from_be_bytes([l0, l1, l2, l3]), rdata })
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let taken = self.message.get(self.at..self.at + count)?;
        self.at += count;
        Some(taken)
    }

    /// Appends the name that stands here, without its pointers.
    fn name(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let mut name = [0; NAME_MAX];
        let (len, end) = read_name(self.message, self.at, &mut name)?;
        out.extend_from_slice(&name[..len]);
        self.at = end;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_whole_again() {
        // www.example. CNAME a.example., example. MX 10 www.example., OPT
        let message = [
            b"\0\0\x80\0\0\x01\0\x01\0\x01\0\x01".as_slice(),
            b"\x03www\x07example\0\0\x01\0\x01",
            b"\xc0\x0c\0\x05\0\x01\0\0\0\x1e\0\x04\x01a\xc0\x10",
            b"\xc0\x10\0\x0f\0\x01\0\0\x0e\x10\0\x04\0\x0a\xc0\x0c",
            b"\0\0\x29\x04\xd0\0\0\0\0\0\0",
        ]
        .concat();
        let printed: Vec<String> = records(&message).iter().map(ToString::to_string).collect();
        let expected =
            ["www.example. 30 IN CNAME a.example.", "example. 3600 IN MX 10 www.example."];
        assert_eq!(printed, expected);
    }

    #[test]
    fn what_is_not_well_formed_ends_the_list() {
        let question = b"\0\0\x80\0\0\x01\0\x02\0\0\0\0\0\0\x01\0\x01";
        let record = b"\0\0\x01\0\x01\0\0\0\x1e\0\x04\xc0\0\x02\x01";
        for (second, expected) in [
            (&record[..], 2),
            (&record[..14], 1),
            (b"", 1),
            (b"\xc0\x30\0\x01\0\x01\0\0\0\x1e\0\0", 1), // a pointer that leads on
            (b"\xc0\x20\0\x01\0\x01\0\0\0\x1e\0\0", 1), // and one to itself
        ] {
            let message = [&question[..], record, second].concat();
            assert_eq!(records(&message).len(), expected, "{second:?}");
        }
    }
}
