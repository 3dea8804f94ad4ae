//! Messages that no client means to send, and how servers take them.

use rotadns::rdata::rtype;

use super::query::{AD, CD, Query, RD, Z, wire};

const QR: u16 = 0x8000;
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
const RA: u16 = 0x0080;
const OPT: &[u8] = &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

/// A query for `www.referees.example. A` in which something is not as it should be.
struct Draft {
    flags: u16,
    counts: [u16; 4],
    question: Vec<u8>,
    rest: Vec<u8>,
}

impl Draft {
    fn new() -> Self {
        let question = question("www.referees.example.", rtype::A);
        Self { flags: RD, counts: [1, 0, 0, 0], question, rest: Vec::new() }
    }

    fn flags(self, flags: u16) -> Self {
        Self { flags, ..self }
    }

    fn opcode(self, opcode: u16) -> Self {
        Self { flags: opcode << 11, ..self }
    }

    fn counts(self, counts: [u16; 4]) -> Self {
        Self { counts, ..self }
    }

    fn question(self, question: &[u8]) -> Self {
        Self { question: question.to_vec(), ..self }
    }

    fn rest(self, rest: &[&[u8]]) -> Self {
        Self { rest: rest.concat(), ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.flags.to_be_bytes().to_vec();
        self.counts.iter().for_each(|count| bytes.extend_from_slice(&count.to_be_bytes()));
        [bytes.as_slice(), &self.question, &self.rest].concat()
    }
}

fn question(name: &str, rtype: u16) -> Vec<u8> {
    let mut question = wire(name);
    question.extend_from_slice(&rtype.to_be_bytes());
    question.extend_from_slice(&[0, 1]);
    question
}

/// A record of class IN and TTL 0 with that many bytes of RDATA said and these given.
fn record(owner: &str, rtype: u16, len: u16, rdata: &[u8]) -> Vec<u8> {
    let mut record = question(owner, rtype);
    record.extend_from_slice(&[0; 4]);
    record.extend_from_slice(&len.to_be_bytes());
    record.extend_from_slice(rdata);
    record
}

/// Messages, and who takes each as we do.
pub(crate) fn messages() -> Vec<(Query, &'static str)> {
    let ours = question("referees.example.", rtype::SOA);
    let others = question("elsewhere.invalid.", rtype::SOA);
    let address = record("www.referees.example.", rtype::A, 4, &[192, 0, 2, 1]);
    let cut = record("www.referees.example.", rtype::A, 4, &[192, 0]);
    let soa = record("referees.example.", rtype::SOA, 22, &[0; 22]);
    let longest = [&[63; 64][..], &[63; 64], &[63; 64], &[63; 64], &[0, 0, 1, 0, 1]].concat();
    let draft = Draft::new;
    let drafts = [
        ("a response", "NSD Knot BIND", draft().flags(QR | RD)),
        ("AA in a query", "NSD Knot BIND", draft().flags(AA)),
        ("TC in a query", "NSD Knot BIND", draft().flags(TC)),
        ("RA in a query", "NSD Knot BIND", draft().flags(RA)),
        ("Z, AD and CD in a query", "NSD Knot", draft().flags(Z | AD | CD)),
        ("an rcode in a query", "Knot BIND", draft().flags(RD | 3)),
        ("no question", "NSD Knot BIND", draft().counts([0; 4]).question(&[])),
        ("two questions", "BIND", draft().counts([2, 0, 0, 0]).rest(&[&ours])),
        ("a question that is not there", "NSD BIND", draft().question(&[])),
        (
            "a question without its class",
            "NSD BIND",
            draft().question(&[3, b'w', b'w', b'w', 0, 0, 1]),
        ),
        ("a label cut short", "NSD BIND", draft().question(&[9, b'w', b'w', b'w'])),
        ("a label of the kind 01", "NSD BIND", draft().question(&[0x41, 1, 0, 0, 1, 0, 1])),
        ("a pointer to itself", "NSD BIND", draft().question(&[0xc0, 12, 0, 1, 0, 1])),
        ("a pointer ahead", "NSD BIND", draft().question(&[0xc0, 20, 0, 1, 0, 1, 0, 0])),
        ("a pointer past the end", "NSD BIND", draft().question(&[0xff, 0xff, 0, 1, 0, 1])),
        ("a name of over 255 bytes", "NSD BIND", draft().question(&longest)),
        ("IQUERY", "NSD BIND", draft().opcode(1)),
        ("STATUS", "NSD BIND", draft().opcode(2)),
        ("opcode 3", "NSD BIND", draft().opcode(3)),
        ("DSO", "NSD BIND", draft().opcode(6)),
        ("opcode 15", "NSD BIND", draft().opcode(15)),
        ("opcode 15, no body", "NSD Knot BIND", draft().opcode(15).counts([0; 4]).question(&[])),
        ("NOTIFY of somebody's zone", "Knot BIND", draft().opcode(4).question(&others)),
        ("UPDATE of somebody's zone", "Knot BIND", draft().opcode(5).question(&others)),
        ("UPDATE of a zone that is served", "BIND", draft().opcode(5).question(&ours)),
        (
            "a record in the answer section",
            "Knot BIND",
            draft().counts([1, 1, 0, 0]).rest(&[&address]),
        ),
        (
            "a record in the authority section",
            "Knot BIND",
            draft().counts([1, 0, 1, 0]).rest(&[&address]),
        ),
        (
            "a record in the additional section",
            "Knot BIND",
            draft().counts([1, 0, 0, 1]).rest(&[&address]),
        ),
        ("a record cut short", "Knot BIND", draft().counts([1, 0, 0, 1]).rest(&[&cut])),
        ("a record that is not there", "Knot BIND", draft().counts([1, 0, 0, 1])),
        ("bytes behind the message", "Knot", draft().rest(&[&[0; 5]])),
        ("OPT twice", "Knot BIND", draft().counts([1, 0, 0, 2]).rest(&[OPT, OPT])),
        ("OPT and a record", "Knot BIND", draft().counts([1, 0, 0, 2]).rest(&[OPT, &address])),
        ("OPT in the answer section", "Knot BIND", draft().counts([1, 1, 0, 0]).rest(&[OPT])),
        ("OPT with an owner", "Knot BIND", {
            let owned = record("referees.example.", rtype::OPT, 0, &[]);
            draft().counts([1, 0, 0, 1]).rest(&[&owned])
        }),
        ("an option longer than its OPT", "Knot BIND", {
            draft().counts([1, 0, 0, 1]).rest(&[&OPT[..9], &[0, 4, 0, 3, 0, 9]])
        }),
        (
            "an option cut short",
            "Knot BIND",
            draft().counts([1, 0, 0, 1]).rest(&[&OPT[..9], &[0, 2, 0, 3]]),
        ),
        ("OPT asked for", "BIND", draft().question(&question("referees.example.", rtype::OPT))),
        ("TSIG asked for", "BIND", draft().question(&question("referees.example.", rtype::TSIG))),
        (
            "AXFR over UDP",
            "NSD Knot",
            draft().question(&question("referees.example.", rtype::AXFR)),
        ),
        ("IXFR over UDP", "", {
            let ixfr = question("referees.example.", rtype::IXFR);
            draft().counts([1, 0, 1, 0]).question(&ixfr).rest(&[&soa])
        }),
    ];
    let mut messages: Vec<_> = drafts
        .into_iter()
        .map(|(what, alike, draft)| (Query::Message { what, bytes: draft.bytes() }, alike))
        .collect();
    let bytes = Draft::new().bytes();
    // With the ID's two bytes.
    for (what, len) in [("half a header", 4), ("a byte less than a header", 9)] {
        messages.push((Query::Message { what, bytes: bytes[..len].to_vec() }, "NSD Knot BIND"));
    }
    messages
}
