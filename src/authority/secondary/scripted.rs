//! A primary that says what a test wants it to say.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

use super::message::Message;
use super::receive::{Limits, Received, Transfer, Want};
use crate::name::{Name, write_presentation};
use crate::rdata::{self, rtype};
use crate::wire::tsig::chain::Signer;
use crate::wire::tsig::key::{Algorithm, Key, Keys};
use crate::wire::tsig::verify;
use crate::zone::Zone;

/// The zone of these tests.
pub(super) fn origin() -> Name {
    Name::parse_absolute("example.").expect("a name")
}

/// A message with these answer records: `S5` is the SOA of serial 5, `N` the NS of the apex, `a1` an address of the name `a`,
/// `K` a DNSKEY of the apex, `!` an address of another zone. REFRESH is 100 s, RETRY 20 s, EXPIRE 1000 s.
pub(super) fn message(id: u16, qtype: u16, records: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let count = records.split_whitespace().count() as u16;
    for word in [id, 0x8400, 1, count, 0, 0] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(origin().as_wire());
    out.extend_from_slice(&[qtype.to_be_bytes(), [0, 1]].concat());
    for record in records.split_whitespace() {
        let (name, number) = record.split_at(1);
        let soa = format!("ns.example. h.example. {number} 100 20 1000 60");
        let (owner, rtype, text) = match name {
            "S" => ("example.", rtype::SOA, soa),
            "N" => ("example.", rtype::NS, "ns.example.".to_owned()),
            "K" => ("example.", rtype::DNSKEY, "257 3 13 AAAA".to_owned()),
            "!" => ("other.", rtype::A, "192.0.2.1".to_owned()),
            name => (&*format!("{name}.example."), rtype::A, format!("192.0.2.{number}")),
        };
        let owner = Name::parse_absolute(owner).expect("a name");
        let mut rdata = Vec::new();
        rdata::parse(rtype, &text, &Name::root(), &mut rdata).expect("a record");
        out.extend_from_slice(owner.as_wire());
        out.extend_from_slice(&rtype.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        out.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        out.extend_from_slice(&rdata);
    }
    out
}

/// A zone of these records.
pub(super) fn built(records: &str) -> Zone {
    let mut transfer = Transfer::new(origin(), 1, Want::Whole, Limits::default());
    transfer.take(&message(1, rtype::AXFR, records)).expect("it is a transfer");
    match transfer.finish() {
        Some((Received::Whole(builder), _)) => super::finish(*builder).expect("it is a zone"),
        _ => panic!("{records}: not whole"),
    }
}

/// Every record of a zone, as text and in order.
pub(super) fn told(zone: &Zone) -> Vec<String> {
    let mut told = Vec::new();
    super::records(zone, |owner, rtype, ttl, rdata| {
        let mut text = String::new();
        write_presentation(owner, &mut text).expect("a String");
        let rdata = rdata::print(rtype, rdata);
        told.push(format!("{text} {ttl} {} {rdata}", rdata::type_name(rtype)));
    });
    told.sort();
    told
}

/// The time that signatures go by.
pub(super) fn clock() -> u64 {
    1_800_000_000
}

/// A key that both sides have.
pub(super) fn key() -> Key {
    Key::new(Name::parse_absolute("k.").expect("a name"), Algorithm::Sha256, &[7; 32])
}

/// What a primary is asked.
pub(super) struct Asked {
    pub(super) bytes: Vec<u8>,
    pub(super) id: u16,
    pub(super) qtype: u16,
    /// Signs the messages of the answer, where the question was signed.
    pub(super) signer: Option<Signer>,
}

impl Asked {
    fn read(bytes: &[u8]) -> Self {
        let message = Message::read(bytes).expect("ours can be read");
        let end = message.question_end();
        let at = message.tsig().expect("ours can be read");
        let keys = Keys::new(vec![key()]);
        let signer =
            at.map(|at| Signer::new(&verify(&keys, bytes, at, clock()).expect("ours is right")));
        let qtype = u16::from_be_bytes([bytes[end - 4], bytes[end - 3]]);
        Self { bytes: bytes.to_vec(), id: message.id(), qtype, signer }
    }
}

/// The messages of an answer; an empty one means silence from there on.
pub(super) type Says = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// What is said to which question.
pub(super) type Script = dyn Fn(Asked) -> Says + Send + Sync;

/// The primary, which goes with the runtime of its test.
pub(super) struct Scripted {
    pub(super) address: SocketAddr,
    script: Arc<Mutex<Arc<Script>>>,
}

impl Scripted {
    pub(super) async fn start(script: impl Fn(Asked) -> Says + Send + Sync + 'static) -> Self {
        // One port for both; the system has them for each apart.
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            let address = tcp.local_addr().expect("it is bound");
            if let Ok(udp) = UdpSocket::bind(address).await {
                break (tcp, udp);
            }
        };
        let address = tcp.local_addr().expect("it is bound");
        let script: Arc<Mutex<Arc<Script>>> = Arc::new(Mutex::new(Arc::new(script)));
        let now = Arc::clone(&script);
        tokio::spawn(async move {
            let mut bytes = [0; 1024];
            while let Ok((len, from)) = udp.recv_from(&mut bytes).await {
                let script = Arc::clone(&now.lock().expect("nobody panics with it"));
                for message in script(Asked::read(&bytes[..len])).take_while(|m| !m.is_empty()) {
                    let _ = udp.send_to(&message, from).await;
                }
            }
        });
        let now = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let script = Arc::clone(&now.lock().expect("nobody panics with it"));
                tokio::spawn(async move {
                    let len = stream.read_u16().await.expect("a question");
                    let mut bytes = vec![0; len.into()];
                    stream.read_exact(&mut bytes).await.expect("a question");
                    for message in script(Asked::read(&bytes)) {
                        if message.is_empty() {
                            std::future::pending::<()>().await;
                        }
                        let framed = [&(message.len() as u16).to_be_bytes(), &*message].concat();
                        if stream.write_all(&framed).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, script }
    }

    /// From now on it says this.
    pub(super) fn says(&self, script: impl Fn(Asked) -> Says + Send + Sync + 'static) {
        *self.script.lock().expect("nobody panics with it") = Arc::new(script);
    }
}

/// A script of fixed messages: the SOA to its question, these to a transfer, signed where the question was.
pub(super) fn zone(
    soa: &'static str,
    transfer: &'static [&'static str],
) -> impl Fn(Asked) -> Says + Send + Sync {
    move |mut asked: Asked| -> Says {
        let messages =
            if asked.qtype == rtype::SOA { std::slice::from_ref(&soa) } else { transfer };
        let messages = messages.iter().map(|records| message(asked.id, asked.qtype, records));
        let mut messages: Vec<_> = messages.collect();
        if let Some(signer) = &mut asked.signer {
            for message in &mut messages {
                signer.sign(message, clock());
            }
        }
        Box::new(messages.into_iter())
    }
}
