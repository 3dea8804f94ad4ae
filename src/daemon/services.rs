//! Who does what is no look-up: transfers, updates and notifies, each by its own part.

use crate::authority::{Messages, Reply, Request, Services};
use crate::wire::{HEADER, header, rcode};

/// All of them.
pub(super) struct All;

impl Services for All {
    fn transfer(&self, request: Request) -> Messages {
        Box::new(failure(&request).into_iter())
    }

    fn hand(&self, request: Request, reply: Reply) {
        if let Some(answer) = failure(&request) {
            reply.send(answer);
        }
    }
}

/// That we cannot do it now.
fn failure(request: &Request) -> Option<Vec<u8>> {
    let mut answer = request.message.get(..HEADER)?.to_vec();
    let flags = u16::from_be_bytes([answer[2], answer[3]]) & (header::OPCODE | header::RD);
    let flags = header::QR | flags | rcode::SERVFAIL;
    answer[2..4].copy_from_slice(&flags.to_be_bytes());
    answer[4..].fill(0);
    Some(answer)
}
