//! The answer to what is no look-up: its header, what it was about, what came of it; signed where the request was.

use super::Request;
use crate::name::suffixes::Suffixes;
use crate::rdata::rtype;
use crate::wire::edns::option::EXTENDED_ERROR;
use crate::wire::{HEADER, PAYLOAD_MAX, decode, header, tsig};

/// The most bytes of text with an extended error: one that needs more is cut short.
const TEXT_MAX: usize = 200;

/// An answer of this response code, with the number and the text of an extended error (RFC 8914) where there is one; `now` is in seconds since 1970.
#[must_use]
pub fn answer(request: &Request, rcode: u16, told: Option<(u16, &str)>, now: u64) -> Vec<u8> {
    let message = &request.message;
    let Ok(query) = decode::decode(message, &mut Suffixes::default()) else { return Vec::new() };
    let mut answer = message[..query.question_end].to_vec();
    let kept = query.flags & (header::OPCODE | header::RD);
    answer[2..4].copy_from_slice(&(header::QR | kept | rcode & 0xf).to_be_bytes());
    let counts = [1, 0, 0, u16::from(query.edns.is_some())];
    for (at, count) in (4..HEADER).step_by(2).zip(counts) {
        answer[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }
    if let Some(edns) = query.edns {
        let options = told.map(|(code, text)| extended_error(code, text)).unwrap_or_default();
        answer.push(0);
        answer.extend(rtype::OPT.to_be_bytes());
        answer.extend(PAYLOAD_MAX.to_be_bytes());
        answer.extend([0, 0, if edns.dnssec_ok { 0x80 } else { 0 }, 0]);
        answer.extend((options.len() as u16).to_be_bytes());
        answer.extend(options);
    }
    if let Some(signed) = &request.signed {
        tsig::sign_answer(signed, &mut answer, now);
    }
    answer
}

fn extended_error(code: u16, text: &str) -> Vec<u8> {
    let end = (0..=text.len().min(TEXT_MAX)).rev().find(|&end| text.is_char_boundary(end));
    let text = &text[..end.unwrap_or(0)];
    let length = 2 + text.len() as u16;
    let head = [EXTENDED_ERROR, length, code].into_iter().flat_map(u16::to_be_bytes);
    head.chain(text.bytes()).collect()
}
