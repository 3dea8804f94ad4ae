//! A NOTIFY message, and what its answer says (RFC 1996 §3).

use crate::name::{NAME_MAX, Name};
use crate::rdata::rtype;
use crate::wire::{HEADER, PAYLOAD_PLAIN, class, header, opcode, read_name};
use crate::zone::delta::Record;

/// The fixed part of a record behind its owner.
const RECORD_FIXED: usize = 10;
/// Room that is kept for a signature.
const SIGNATURE: usize = 200;
const NOTIFY: u16 = (opcode::NOTIFY as u16) << 11;

/// Says that a zone has the version of this SOA, which stands in the message where there is room for it (§3.7).
pub(super) fn notify(id: u16, soa: &Record) -> Vec<u8> {
    let owner = soa.owner.as_wire();
    let has_soa = HEADER + owner.len() + 4 + 2 + RECORD_FIXED + soa.rdata.len() + SIGNATURE
        <= usize::from(PAYLOAD_PLAIN);
    let mut message = Vec::with_capacity(usize::from(PAYLOAD_PLAIN));
    for word in [id, NOTIFY | header::AA, 1, u16::from(has_soa), 0, 0] {
        message.extend_from_slice(&word.to_be_bytes());
    }
    message.extend_from_slice(owner);
    let fixed = [rtype::SOA, class::IN].map(u16::to_be_bytes).concat();
    message.extend_from_slice(&fixed);
    if has_soa {
        message.extend_from_slice(&[0xc0, HEADER as u8]);
        message.extend_from_slice(&fixed);
        message.extend_from_slice(&soa.ttl.to_be_bytes());
        message.extend_from_slice(&(soa.rdata.len() as u16).to_be_bytes());
        message.extend_from_slice(&soa.rdata);
    }
    message
}

/// What an answer to NOTIFY says.
pub(super) struct Answer {
    pub(super) id: u16,
    pub(super) zone: Name,
    pub(super) rcode: u16,
    /// Where its TSIG record begins.
    pub(super) tsig: Option<usize>,
}

impl Answer {
    /// Reads a message; `None` where it is no answer to NOTIFY.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
        let (id, flags) = (word(0)?, word(2)?);
        if flags & (header::QR | header::OPCODE) != header::QR | NOTIFY || word(4)? != 1 {
            return None;
        }
        let mut name = [0; NAME_MAX];
        let (len, end) = read_name(message, HEADER, &mut name)?;
        let zone = Name::from_wire(&name[..len])?;
        let mut at = end + 4;
        let mut tsig = None;
        for _ in 0..usize::from(word(6)?) + usize::from(word(8)?) + usize::from(word(10)?) {
            let (_, fixed) = read_name(message, at, &mut name)?;
            // Its signature is the last record.
            tsig = (word(fixed)? == rtype::TSIG).then_some(at);
            at = fixed + RECORD_FIXED + usize::from(word(fixed + 8)?);
        }
        (at == message.len()).then_some(Self { id, zone, rcode: flags & 0xf, tsig })
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, OpCode};
    use hickory_proto::rr::RecordType;

    use super::*;

    fn soa(origin: &str) -> Record {
        let owner = Name::parse_absolute(origin).expect(origin);
        let mut rdata = Vec::new();
        let text = format!("ns.{origin} host.{origin} 7 1 2 3 4");
        crate::rdata::parse(rtype::SOA, &text, &owner, &mut rdata).expect("a SOA");
        Record { owner, rtype: rtype::SOA, ttl: 60, rdata: rdata.into() }
    }

    #[test]
    fn rfc1996_3_7_a_notify_has_the_new_soa() {
        let message = Message::from_vec(&notify(7, &soa("example.com."))).expect("it can be read");
        assert_eq!((message.metadata.id, message.metadata.op_code), (7, OpCode::Notify));
        assert!(message.metadata.authoritative);
        assert_eq!(message.queries[0].query_type(), RecordType::SOA);
        assert_eq!(message.queries[0].name().to_string(), "example.com.");
        assert_eq!(message.answers[0].record_type(), RecordType::SOA);
    }

    #[test]
    fn what_does_not_fit_into_a_datagram_is_left_out() {
        let long = format!("{}.{}.", "a".repeat(63), "b".repeat(63));
        let message = notify(7, &soa(&long));
        assert!(message.len() < 512);
        assert!(Message::from_vec(&message).expect("it can be read").answers.is_empty());
    }

    #[test]
    fn an_answer_is_read() {
        let mut answer = notify(7, &soa("example."));
        assert!(Answer::read(&answer).is_none(), "a request");
        answer[2] |= 0x80;
        answer[3] |= 5;
        let read = Answer::read(&answer).expect("an answer");
        assert_eq!(
            (read.id, read.zone.to_string().as_str(), read.rcode, read.tsig),
            (7, "example.", 5, None)
        );
        for len in 0..answer.len() {
            assert!(Answer::read(&answer[..len]).is_none(), "cut short at {len}");
        }
    }
}
