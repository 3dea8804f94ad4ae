//! A primary asked: for its SOA over UDP, for a transfer over TCP; both over TLS where it is known by a certificate (RFC
//! 9103), and signed where it has a key.
//!
//! What comes is believed when its signature is right, not before, and takes no longer than [`Patience`] allows.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, SupportedProtocolVersion, version};

use super::failure::Failure;
use super::message::{Message, Record};
use super::receive::{Amount, Limits, Progress, Received, Transfer, Want, check};
use super::timers::Soa;
use crate::name::Name;
use crate::rdata::rtype;
use crate::wire::class;
use crate::wire::tsig::chain::{Broken, Verifier};
use crate::wire::tsig::key::Key;
use crate::wire::tsig::{Mac, sign_request};

/// How long a primary may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For each question over UDP, in order; then TCP is tried.
    pub datagrams: [Duration; 2],
    /// For a connection.
    pub connect: Duration,
    /// From one message to the next.
    pub idle: Duration,
    /// For a transfer as a whole.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            datagrams: [Duration::from_secs(1), Duration::from_secs(3)],
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            whole: Duration::from_secs(2 * 60 * 60),
        }
    }
}

/// Gives the time in seconds since 1970, for signatures.
pub type Clock = fn() -> u64;

/// A server that has a zone before us.
#[derive(Clone, Debug)]
pub struct Primary {
    /// Where it is.
    pub address: SocketAddr,
    /// What is said to it is signed with this, and so are its answers.
    pub key: Option<Arc<Key>>,
    /// Everything is asked over TLS.
    pub tls: Option<Secrecy>,
}

/// How a primary is known over TLS.
#[derive(Clone, Debug)]
pub struct Secrecy {
    /// The client's side of handshakes.
    pub config: Arc<ClientConfig>,
    /// What its certificate is for.
    pub name: ServerName<'static>,
}

impl Secrecy {
    /// What DNS over TLS is called in a handshake (RFC 9103 §7.1).
    pub const PROTOCOL: &'static [u8] = b"dot";
    /// No older ones (RFC 9103 §7.2).
    pub const VERSIONS: &'static [&'static SupportedProtocolVersion] = &[&version::TLS13];
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A zone as it is asked for.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Its apex.
    pub origin: Name,
    /// How long that may take.
    pub patience: Patience,
    /// How much it may bring.
    pub limits: Limits,
    /// What signatures go by.
    pub clock: Clock,
}

/// A transfer that came to its end.
pub struct Transferred {
    /// What it brought.
    pub received: Received,
    /// The serial that it leads to.
    pub serial: u32,
    /// How much it was.
    pub amount: Amount,
}

/// A query on its way, and what its answer must be signed with.
struct Query {
    id: u16,
    bytes: Vec<u8>,
    signed: Option<(Arc<Key>, Mac)>,
}

impl Query {
    /// What checks the messages of its answer.
    fn verifier(&self) -> Option<Verifier> {
        self.signed.as_ref().map(|(key, mac)| Verifier::new(Arc::clone(key), mac))
    }
}

impl Asking {
    /// What the primary's SOA says.
    pub async fn soa(&self, primary: &Primary) -> Result<Soa, Failure> {
        if primary.tls.is_some() {
            // Who watches is not to see what is asked for (RFC 9103 §6.2).
            return self.soa_over_tcp(primary).await;
        }
        let mut last = None;
        for patience in self.patience.datagrams {
            match self.soa_over_udp(primary, patience).await {
                Ok(Some(soa)) => return Ok(soa),
                // Truncated.
                Ok(None) => break,
                Err(failure @ (Failure::Silent(_) | Failure::Connect(_))) => last = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        // A firewall may let TCP through alone.
        match self.soa_over_tcp(primary).await {
            Err(Failure::Connect(_)) if last.is_some() => Err(last.unwrap_or(Failure::NoSoa)),
            answered => answered,
        }
    }

    /// `None` where the answer is truncated.
    async fn soa_over_udp(
        &self,
        primary: &Primary,
        patience: Duration,
    ) -> Result<Option<Soa>, Failure> {
        let any: SocketAddr = match primary.address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await.map_err(Failure::Connect)?;
        // The system drops what comes from elsewhere.
        socket.connect(primary.address).await.map_err(Failure::Connect)?;
        let query = self.query(rtype::SOA, None, primary);
        socket.send(&query.bytes).await.map_err(Failure::Connect)?;
        let mut bytes = vec![0; usize::from(u16::MAX)];
        let mut failure = None;
        let answered = timeout(patience, async {
            loop {
                let len = socket.recv(&mut bytes).await.map_err(Failure::Connect)?;
                match self.read_soa(&query, &bytes[..len]) {
                    // Whoever can send packets could end the check otherwise.
                    Err(why) => failure = Some(why),
                    read => return read,
                }
                if let Some(Failure::Rcode(_) | Failure::NotAuthoritative) = failure
                    && query.signed.is_none()
                {
                    return Err(failure.take().unwrap_or(Failure::NoSoa));
                }
            }
        });
        match answered.await {
            Ok(answered) => answered,
            Err(_) => Err(failure.unwrap_or(Failure::Silent(patience))),
        }
    }

    async fn soa_over_tcp(&self, primary: &Primary) -> Result<Soa, Failure> {
        let mut stream = self.connect(primary).await?;
        let query = self.query(rtype::SOA, None, primary);
        let idle = self.patience.idle;
        within(idle, send(&mut *stream, &query.bytes)).await?;
        let mut bytes = Vec::new();
        within(idle, receive(&mut *stream, &mut bytes)).await?;
        self.read_soa(&query, &bytes)?.ok_or(Failure::Truncated)
    }

    fn read_soa(&self, query: &Query, bytes: &[u8]) -> Result<Option<Soa>, Failure> {
        let message = Message::read(bytes)?;
        if let Some(mut verifier) = query.verifier() {
            self.verify(&mut verifier, &message, bytes)?;
        }
        match check(&message, query.id, &self.origin, rtype::SOA) {
            Err(Failure::Truncated) => return Ok(None),
            checked => checked?,
        }
        if !message.has_question() {
            return Err(Failure::OtherQuestion);
        }
        if !message.is_authoritative() {
            return Err(Failure::NotAuthoritative);
        }
        let mut found = None;
        message.answers(&mut Record::default(), |record| {
            if record.rtype == rtype::SOA && record.owner == self.origin.as_wire() {
                found = Soa::of(&record.rdata);
            }
            Ok::<(), Failure>(())
        })?;
        found.map(Some).ok_or(Failure::NoSoa)
    }

    /// Transfers the zone, or what has changed in it.
    pub async fn transfer(&self, primary: &Primary, want: Want) -> Result<Transferred, Failure> {
        let whole = self.patience.whole;
        match timeout(whole, self.transfer_unbounded(primary, want)).await {
            Ok(transferred) => transferred,
            Err(_) => Err(Failure::TooSlow(whole)),
        }
    }

    async fn transfer_unbounded(
        &self,
        primary: &Primary,
        want: Want,
    ) -> Result<Transferred, Failure> {
        let mut stream = self.connect(primary).await?;
        let have = match want {
            Want::Whole => None,
            Want::Since(serial) => Some(serial),
        };
        let query = self.query(want.qtype(), have, primary);
        let mut verifier = query.verifier();
        let idle = self.patience.idle;
        within(idle, send(&mut *stream, &query.bytes)).await?;
        let mut transfer = Transfer::new(self.origin.clone(), query.id, want, self.limits);
        let mut bytes = Vec::new();
        loop {
            within(idle, receive(&mut *stream, &mut bytes)).await?;
            let message = Message::read(&bytes)?;
            if let Some(verifier) = &mut verifier {
                self.verify(verifier, &message, &bytes)?;
            }
            if transfer.take(&bytes)? == Progress::Done {
                break;
            }
        }
        if let Some(verifier) = &verifier {
            verifier.finish().map_err(tsig)?;
        }
        let amount = transfer.amount();
        let (received, serial) = transfer.finish().ok_or(Failure::NoSoa)?;
        Ok(Transferred { received, serial, amount })
    }

    fn verify(
        &self,
        verifier: &mut Verifier,
        message: &Message<'_>,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        match verifier.take(bytes, message.tsig()?, (self.clock)()) {
            // Who refuses need not sign that.
            Err(Broken::Unsigned) if message.rcode() != 0 => Err(Failure::Rcode(message.rcode())),
            taken => taken.map_err(tsig),
        }
    }

    /// A query for this type; IXFR says which serial we have (RFC 1995 §3).
    fn query(&self, qtype: u16, have: Option<u32>, primary: &Primary) -> Query {
        let id = random();
        let mut bytes = Vec::with_capacity(512);
        let authority = u16::from(have.is_some());
        for word in [id, 0, 1, 0, authority, 0] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        let origin = self.origin.as_wire();
        let question = [qtype.to_be_bytes(), class::IN.to_be_bytes()].concat();
        bytes.extend_from_slice(origin);
        bytes.extend_from_slice(&question);
        if let Some(serial) = have {
            bytes.extend_from_slice(origin);
            bytes.extend_from_slice(&[0, rtype::SOA as u8, 0, class::IN as u8, 0, 0, 0, 0, 0, 22]);
            // Of all that an SOA says, the serial is what is looked at.
            bytes.extend_from_slice(&[0, 0]);
            bytes.extend_from_slice(&serial.to_be_bytes());
            bytes.extend_from_slice(&[0; 16]);
        }
        let signed = primary.key.as_ref().map(|key| {
            let mac = sign_request(key, &mut bytes, (self.clock)());
            (Arc::clone(key), mac)
        });
        Query { id, bytes, signed }
    }

    async fn connect(&self, primary: &Primary) -> Result<Box<dyn Stream>, Failure> {
        let limit = self.patience.connect;
        let late = || io::Error::new(io::ErrorKind::TimedOut, format!("not within {limit:?}"));
        let connecting = timeout(limit, TcpStream::connect(primary.address)).await;
        let stream = connecting.unwrap_or_else(|_| Err(late())).map_err(Failure::Connect)?;
        let Some(Secrecy { config, name }) = &primary.tls else { return Ok(Box::new(stream)) };
        let connector = TlsConnector::from(Arc::clone(config));
        let connecting = timeout(limit, connector.connect(name.clone(), stream)).await;
        let stream = connecting.unwrap_or_else(|_| Err(late())).map_err(Failure::Tls)?;
        Ok(Box::new(stream))
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    match timeout(limit, work).await {
        Ok(done) => done.map_err(Failure::Broken),
        Err(_) => Err(Failure::Silent(limit)),
    }
}

async fn send(stream: &mut dyn Stream, message: &[u8]) -> io::Result<()> {
    // In one packet, where it fits.
    let framed = [&(message.len() as u16).to_be_bytes(), message].concat();
    stream.write_all(&framed).await?;
    stream.flush().await
}

async fn receive(stream: &mut dyn Stream, message: &mut Vec<u8>) -> io::Result<()> {
    let len = stream.read_u16().await?;
    message.resize(usize::from(len), 0);
    stream.read_exact(message).await?;
    Ok(())
}

fn tsig(broken: Broken) -> Failure {
    Failure::Tsig(broken.to_string())
}

/// An ID that nobody guesses.
fn random() -> u16 {
    let mut bytes = [0; 2];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => u16::from_be_bytes(bytes),
        Err(_) => fastrand::u16(..),
    }
}

#[cfg(test)]
mod tests;
