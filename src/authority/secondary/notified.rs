//! A primary says that a zone has changed: its message read, and the answer to it (RFC 1996 §3.7, §4.7).

use super::message::{Message, Record};
use super::timers::Soa;
use crate::authority::Request;
use crate::rdata::rtype;
use crate::wire::tsig::sign_answer;
use crate::wire::{HEADER, header};

/// The serial that a NOTIFY names; it need not name one, and what it names is a hint.
#[must_use]
pub fn serial(message: &[u8], origin: &[u8]) -> Option<u32> {
    let mut found = None;
    let read = Message::read(message).ok()?.answers(&mut Record::default(), |record| {
        if record.rtype == rtype::SOA && record.owner == origin {
            found = Soa::of(&record.rdata);
        }
        Ok::<(), super::message::Malformed>(())
    });
    read.ok()?;
    found.map(|soa| soa.serial)
}

/// The answer: NOERROR with authority, the question given back, signed as the message was.
#[must_use]
pub fn answer(request: &Request, now: u64) -> Option<Vec<u8>> {
    let message = &request.message;
    let end = Message::read(message).ok()?.question_end();
    let mut answer = message.get(..end)?.to_vec();
    let flags = u16::from_be_bytes([message[2], message[3]]) & (header::OPCODE | header::RD);
    answer[2..4].copy_from_slice(&(flags | header::QR | header::AA).to_be_bytes());
    answer[6..HEADER].fill(0);
    if let Some(signed) = &request.signed {
        sign_answer(signed, &mut answer, now);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &[u8] = b"\x07example\0";

    fn notify(answers: &[u8], count: u8) -> Vec<u8> {
        let head = [0x12, 0x34, 0x24, 0, 0, 1, 0, count, 0, 0, 0, 0];
        [&head[..], ORIGIN, b"\0\x06\0\x01", answers].concat()
    }

    #[test]
    fn rfc1996_3_7_a_serial_is_a_hint_and_may_be_left_out() {
        let soa = b"\xc0\x0c\0\x06\0\x01\0\0\0\x3c\0\x18\0\xc0\x0c\0\0\0\x07\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x01";
        let mut soa = soa.to_vec();
        soa[11] = 23;
        for (answers, count, expected) in
            [(&b""[..], 0, None), (&soa, 1, Some(7)), (&soa[..20], 1, None), (&b""[..], 1, None)]
        {
            assert_eq!(serial(&notify(answers, count), ORIGIN), expected, "{answers:02x?}");
        }
        assert_eq!(serial(&notify(&soa, 1), b"\x05other\0"), None);
    }
}
