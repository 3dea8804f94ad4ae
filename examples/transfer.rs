//! Takes a zone by AXFR and throws it away, for `scripts/bench`: how fast a server hands it out.
//!
//! `transfer ADDR:PORT ZONE`. It prints one line: seconds, bytes, messages and records.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use rotadns::name;
use rotadns::rdata::rtype;
use rotadns::wire::HEADER;

/// What is read from the socket at once.
const BUFFER: usize = 256 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, zone] = arguments.as_slice() else {
        eprintln!("usage: transfer ADDR:PORT ZONE");
        std::process::exit(2);
    };
    let mut request = vec![0, 29, 7, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    name::parse_into(format!("{}.", zone.trim_end_matches('.')).as_bytes(), &[0], &mut request)
        .expect("a name");
    request.extend(rtype::AXFR.to_be_bytes());
    request.extend([0, 1]);
    let length = (request.len() - 2) as u16;
    request[..2].copy_from_slice(&length.to_be_bytes());

    let mut stream = TcpStream::connect(server).expect("the server listens");
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    let began = Instant::now();
    stream.write_all(&request).expect("the server reads");
    let mut stream = BufReader::with_capacity(BUFFER, stream);
    let (mut bytes, mut messages, mut records, mut soas) = (0, 0, 0, 0);
    let mut message = Vec::new();
    while soas < 2 {
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("the server hands out the zone to its end");
        message.resize(usize::from(u16::from_be_bytes(length)), 0);
        stream.read_exact(&mut message).expect("the server hands out the zone to its end");
        bytes += message.len();
        messages += 1;
        let (count, found) = count(&message).expect("messages are well formed");
        assert!(count > 0 && message[3].trailing_zeros() >= 4, "the server refuses");
        records += count;
        soas += found;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("seconds={seconds:.6} bytes={bytes} messages={messages} records={records}");
}

/// How many records a message has in its answer section, and how many of them are SOA.
fn count(message: &[u8]) -> Option<(usize, usize)> {
    let word = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    let mut at = HEADER;
    for _ in 0..word(4)? {
        at = skip_name(message, at)? + 4;
    }
    let (count, mut soas) = (usize::from(word(6)?), 0);
    for _ in 0..count {
        at = skip_name(message, at)?;
        soas += usize::from(word(at)? == rtype::SOA);
        at += 10 + usize::from(word(at + 8)?);
    }
    Some((count, soas))
}

fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            len => at += 1 + usize::from(len),
        }
    }
}
