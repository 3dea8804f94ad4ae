//! The DNS check: one question, and whether its answer is as wished.
//!
//! What is not an answer to this very question is passed over in datagrams, as anybody may send some: it must come from whom was
//! asked, with the identifier and the question that were sent. An answer that did not fit is asked for once more over TCP.
//!
//! | section | what we take from it | where |
//! |---|---|---|
//! | RFC 1035 §4.1.1, §4.2.2 | header; two bytes of length over TCP | `query`, `over_tcp` |
//! | RFC 5452 §9.1 | which datagrams are answers | `is_answer` |
//! | RFC 7766 §5 | a truncated answer is asked for over TCP | [`check`] |

use std::io;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Deadline, Trouble, tcp, udp};
use crate::config::model::{DnsCheck, Rcode, Transport};

/// Bytes of a header.
const HEADER: usize = 12;

/// Asks once. "NOERROR, 2 answers".
pub async fn check(
    check: &DnsCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    deadline: Deadline,
) -> Result<String, Trouble> {
    let at = SocketAddr::new(address, check.port.get());
    let query = query(check, fastrand::u16(..));
    let mut answer = None;
    if check.transport == Transport::Udp {
        let datagram = over_udp(&query, at, source, deadline).await?;
        answer = Some(datagram).filter(|answer| !is_truncated(answer));
    }
    let answer = match answer {
        Some(answer) => answer,
        None => over_tcp(&query, at, source, deadline).await?,
    };
    judge(check, &answer)
}

/// The question as bytes.
fn query(check: &DnsCheck, id: u16) -> Vec<u8> {
    let flags = if check.recursion { 0x0100 } else { 0 };
    let mut query = Vec::with_capacity(HEADER + check.question.as_wire().len() + 4);
    for field in [id, flags, 1, 0, 0, 0] {
        query.extend_from_slice(&field.to_be_bytes());
    }
    query.extend_from_slice(check.question.as_wire());
    query.extend_from_slice(&check.rtype.to_be_bytes());
    query.extend_from_slice(&1u16.to_be_bytes());
    query
}

async fn over_udp(
    query: &[u8],
    at: SocketAddr,
    source: Option<IpAddr>,
    deadline: Deadline,
) -> Result<Vec<u8>, Trouble> {
    let socket = udp::connect(at, source).await?;
    let exchange = async {
        socket.send(query).await?;
        let mut buffer = vec![0; udp::DATAGRAM_MAX];
        loop {
            let length = socket.recv(&mut buffer).await?;
            if is_answer(query, &buffer[..length]) {
                buffer.truncate(length);
                return Ok(buffer);
            }
        }
    };
    let answer = deadline.within("no answer to the question", exchange).await?;
    answer.map_err(|error: io::Error| udp::trouble(&error))
}

async fn over_tcp(
    query: &[u8],
    at: SocketAddr,
    source: Option<IpAddr>,
    deadline: Deadline,
) -> Result<Vec<u8>, Trouble> {
    let mut stream = tcp::connect(at, source, deadline).await?;
    let exchange = async {
        let mut framed = (query.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(query);
        stream.write_all(&framed).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let answer = deadline.within("no answer over TCP", exchange).await?;
    let answer = answer.map_err(|error: io::Error| Trouble::from_io(&error))?;
    if is_answer(query, &answer) {
        Ok(answer)
    } else {
        Err(Trouble::Failed("the answer is to another question".into()))
    }
}

/// Whether these bytes answer this query: a response with its identifier, opcode and question. Servers may spell the
/// name in another case.
fn is_answer(query: &[u8], answer: &[u8]) -> bool {
    let question = &query[HEADER..];
    let Some(header) = answer.first_chunk::<HEADER>() else { return false };
    let asked = answer.get(HEADER..HEADER + question.len());
    header[..2] == query[..2]
        && header[2] & 0xf8 == 0x80
        && header[4..6] == [0, 1]
        && asked.is_some_and(|asked| asked.eq_ignore_ascii_case(question))
}

fn is_truncated(answer: &[u8]) -> bool {
    answer[2] & 2 != 0
}

/// Whether an answer to the question is as wished.
fn judge(check: &DnsCheck, answer: &[u8]) -> Result<String, Trouble> {
    let rcode = Rcode(answer[3] & 0x0f);
    if rcode != check.rcode {
        return Err(Trouble::Failed(format!("{rcode}, not {}", check.rcode)));
    }
    let count = u16::from_be_bytes([answer[6], answer[7]]);
    if !check.answer.is_empty() {
        let message = Message::from_vec(answer)
            .map_err(|error| Trouble::Failed(format!("the answer cannot be read: {error}")))?;
        let of_type = |record: &&Record| u16::from(record.record_type()) == check.rtype;
        let found: Vec<Vec<u8>> = message
            .answers
            .iter()
            .filter(of_type)
            .filter_map(|record| canonical(&record.data))
            .collect();
        if let Some(lacking) = check.answer.iter().find(|one| !found.contains(&one.rdata)) {
            return Err(Trouble::Failed(format!("the answer lacks {}", lacking.text)));
        }
    }
    Ok(format!("{rcode}, {count} answer{}", if count == 1 { "" } else { "s" }))
}

/// RDATA in its canonical form (RFC 4034 §6.2).
fn canonical(rdata: &RData) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_canonical_form(true);
    rdata.emit(&mut encoder).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests;
