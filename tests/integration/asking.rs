//! Asks servers and reads what they say, with hickory-proto as the reader.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Record, RecordType};
use rotadns::name;

/// How long an answer may take; servers on the same machine need a thousandth of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked, of class IN.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Presentation format, absolute, the case as it is sent.
    pub name: String,
    pub rtype: RecordType,
}

impl Question {
    pub(crate) fn new(name: &str, rtype: RecordType) -> Self {
        Self { name: name.to_owned(), rtype }
    }

    /// The query as bytes, with an OPT of that payload size where one is given (RFC 6891 §6.1.2).
    pub(crate) fn to_bytes(&self, id: u16, payload: Option<u16>) -> Vec<u8> {
        let mut query = Vec::with_capacity(64);
        // RD is set, as `dig` does and as a resolver asks for.
        for field in [id, 0x0100, 1, 0, 0, u16::from(payload.is_some())] {
            query.extend_from_slice(&field.to_be_bytes());
        }
        name::parse_into(self.name.as_bytes(), &[0], &mut query).expect("a name of the test's own");
        query.extend_from_slice(&u16::from(self.rtype).to_be_bytes());
        query.extend_from_slice(&1u16.to_be_bytes());
        if let Some(payload) = payload {
            query.extend_from_slice(&[0, 0, 41]);
            query.extend_from_slice(&payload.to_be_bytes());
            query.extend_from_slice(&[0; 6]);
        }
        query
    }
}

/// How a question travels.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Udp { payload: Option<u16> },
    Tcp { payload: Option<u16> },
}

/// A client of one server; its TCP connection stays open.
pub(crate) struct Client {
    server: SocketAddr,
    udp: UdpSocket,
    tcp: Option<TcpStream>,
    next_id: u16,
}

impl Client {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self::patient(server, PATIENCE)
    }

    /// A client that waits that long for an answer over UDP.
    pub(crate) fn patient(server: SocketAddr, patience: Duration) -> Self {
        let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let udp = UdpSocket::bind(any).expect("a socket of our own");
        udp.set_read_timeout(Some(patience)).expect("a time limit is set");
        Self { server, udp, tcp: None, next_id: 1 }
    }

    /// The answer's bytes.
    pub(crate) fn ask(&mut self, question: &Question, way: Way) -> io::Result<Vec<u8>> {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        match way {
            Way::Udp { payload } => {
                self.udp.send_to(&question.to_bytes(id, payload), self.server)?;
                let mut buffer = vec![0; 65_535];
                loop {
                    let (len, from) = self.udp.recv_from(&mut buffer)?;
                    // What came too late for an earlier question is nobody's any more.
                    if from == self.server && buffer[..len].starts_with(&id.to_be_bytes()) {
                        buffer.truncate(len);
                        return Ok(buffer);
                    }
                }
            }
            Way::Tcp { payload } => {
                let query = question.to_bytes(id, payload);
                let mut framed = (query.len() as u16).to_be_bytes().to_vec();
                framed.extend_from_slice(&query);
                // A server may close a connection that was idle, so a second one is tried.
                match self.exchange(&framed) {
                    Err(_) if self.tcp.take().is_some() => self.exchange(&framed),
                    result => result,
                }
            }
        }
    }

    fn exchange(&mut self, framed: &[u8]) -> io::Result<Vec<u8>> {
        if self.tcp.is_none() {
            let stream = TcpStream::connect_timeout(&self.server, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_nodelay(true)?;
            self.tcp = Some(stream);
        }
        let stream = self.tcp.as_mut().expect("it was opened just above");
        stream.write_all(framed)?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    /// The answer as it is compared.
    pub(crate) fn answer(&mut self, question: &Question, way: Way) -> Answer {
        let bytes = self.ask(question, way).unwrap_or_else(|error| {
            panic!("{} gives no answer to {question:?}: {error}", self.server)
        });
        let message = Message::from_vec(&bytes)
            .unwrap_or_else(|error| panic!("{}: {question:?}: {error}: {bytes:02x?}", self.server));
        let asked = question.to_bytes(0, None);
        assert_eq!(
            bytes.get(12..asked.len()),
            asked.get(12..),
            "{}: {question:?} comes back byte for byte (RFC 4343 §4.1)",
            self.server
        );
        Answer::from(message)
    }
}

/// An answer as it is compared: sections are sorted, in lower case, without OPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub rcode: ResponseCode,
    pub authoritative: bool,
    pub truncated: bool,
    pub answers: Vec<String>,
    pub authorities: Vec<String>,
    pub additionals: Vec<String>,
}

impl From<Message> for Answer {
    fn from(message: Message) -> Self {
        let sorted = |records: &[Record]| {
            let mut records: Vec<String> =
                records.iter().map(|record| record.to_string().to_ascii_lowercase()).collect();
            records.sort();
            records
        };
        Self {
            rcode: message.metadata.response_code,
            authoritative: message.metadata.authoritative,
            truncated: message.metadata.truncation,
            answers: sorted(&message.answers),
            authorities: sorted(&message.authorities),
            additionals: sorted(&message.additionals),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.rcode)?;
        for (flag, shown) in [(self.authoritative, " aa"), (self.truncated, " tc")] {
            if flag {
                f.write_str(shown)?;
            }
        }
        for section in [&self.answers, &self.authorities, &self.additionals] {
            write!(f, " | {}", section.join(", "))?;
        }
        Ok(())
    }
}
