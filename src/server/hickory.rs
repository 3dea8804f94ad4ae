//! The portable listener: hickory-server for UDP and TCP, where the kernel takes no batches, and with
//! `sockets: portable`.
//!
//! ```text
//!   bytes ──▶ hickory: framing ──▶ Answer ──▶ bytes ──▶ hickory-proto: decode, encode ──▶ bytes
//! ```
//!
//! hickory-server sends records, never bytes, so it is handed what it decoded from our answer: the same
//! message in other bytes. What differs from the native listeners:
//!
//! - What hickory-server cannot parse it answers itself, with FORMERR and neither question nor OPT, and
//!   that goes uncounted: two OPTs, records cut short, a body that is garbage under any opcode
//!   (natively an unknown opcode is NOTIMP whatever follows), also in a message that is a response.
//! - Datagrams from the unspecified or the broadcast address are not answered, and of one that is longer
//!   than 4,096 bytes the rest is lost.
//! - It compresses less. An answer over UDP that no longer fits is sent as truncated, with no records.
//! - An answer that hickory-proto cannot decode becomes SERVFAIL.
//! - The answer to a signed query is not signed: hickory-server would send it in other bytes.
//! - Over TCP: answers one query at a time, no limit on connections, a partial query keeps its
//!   connection open until the idle limit, and so do a response and garbage, which are dropped.
//! - With a wildcard address the kernel chooses the address that an answer over UDP leaves from.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hickory_proto::op::{Header, HeaderCounts, Message, Metadata, ResponseCode};
use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncoder};
use hickory_server::Server;
use hickory_server::net::NetError;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol as Over;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{MessageResponse, MessageResponseBuilder, Queries};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{error, warn};

use super::{Answer, Answered, tcp};
use crate::counters::{Counter, Counters};
use crate::engine::Transport;
use crate::sys::user;

/// How many answers of one TCP connection may wait to be written.
const TCP_ANSWERS_WAITING: usize = 32;

/// How long a socket rests whose listener has ended; hickory-server's end on some errors of accept.
const RESTART_PAUSE: Duration = Duration::from_millis(10);

/// Passes over all tasks before a stop: what came before it is answered in these.
const STOP_PASSES: usize = 256;

/// The longest message over UDP to a client without EDNS (RFC 1035 §4.2.1).
const UDP_PAYLOAD: u16 = 512;

/// A bound socket, for [`start`].
#[derive(Debug)]
pub enum Bound {
    /// For datagrams.
    Udp(UdpSocket),
    /// For connections.
    Tcp(TcpListener),
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp(listener) => listener.local_addr(),
        }
    }
}

/// Two sockets on each address, on the same port also where it is 0.
pub fn bind(addresses: &[SocketAddr]) -> io::Result<Vec<Bound>> {
    let mut bound = Vec::new();
    for &address in addresses {
        let named = |transport, error: io::Error| {
            let text = format!("cannot listen on {address} over {transport}: {error}");
            io::Error::new(error.kind(), text)
        };
        let listener = tcp::listen_on(address, false).map_err(|error| named("TCP", error))?;
        let address = listener.local_addr()?;
        bound.push(Bound::Tcp(listener));
        bound.push(Bound::Udp(receive_on(address).map_err(|error| named("UDP", error))?));
    }
    Ok(bound)
}

fn receive_on(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    user::bind(&socket, &address.into())?;
    Ok(socket.into())
}

/// Starts one thread that serves all of `sockets`; a TCP connection is closed after `idle` without a
/// query.
pub fn start(
    sockets: Vec<Bound>,
    idle: Duration,
    answer: Answer,
    counters: Arc<Counters>,
) -> io::Result<Running> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let handler = Handler { answer: Arc::new(Mutex::new(answer)), counters };
    let (deadline, told) = watch::channel(None);
    let serve = move || serve_all(&runtime, sockets, idle, &handler, told);
    let thread = thread::Builder::new().name("portable".into()).spawn(serve)?;
    Ok(Running { deadline, thread })
}

/// When to be gone, once it is known.
type Deadline = watch::Receiver<Option<Instant>>;

fn serve_all(
    runtime: &Runtime,
    sockets: Vec<Bound>,
    idle: Duration,
    handler: &Handler,
    mut deadline: Deadline,
) {
    runtime.block_on(async {
        let mut serving = JoinSet::new();
        for socket in sockets {
            serving.spawn(serve(socket, idle, handler.clone(), deadline.clone()));
        }
        let _told_or_dropped = deadline.changed().await;
        let by = (*deadline.borrow_and_update()).unwrap_or_else(Instant::now);
        let all = async { while serving.join_next().await.is_some() {} };
        let _all_ended_or_late = timeout_at(by, all).await;
    });
}

/// Serves one socket until the deadline is known. Each has a server of its own, so that one can end
/// and start again beside the others.
async fn serve(socket: Bound, idle: Duration, handler: Handler, mut deadline: Deadline) {
    loop {
        let mut server = Server::new(handler.clone());
        let ended = match register(&mut server, &socket, idle) {
            Ok(()) => tokio::select! {
                ended = server.block_until_done() => ended.err().map(|error| error.to_string()),
                _ = deadline.changed() => {
                    for _ in 0..STOP_PASSES {
                        yield_now().await;
                    }
                    let _ = server.shutdown_gracefully().await;
                    return;
                }
            },
            Err(error) => Some(error.to_string()),
        };
        warn!("a portable listener ended and starts again: {}", ended.unwrap_or_default());
        tokio::select! {
            () = sleep(RESTART_PAUSE) => {}
            _ = deadline.changed() => return,
        }
    }
}

fn register(server: &mut Server<Handler>, socket: &Bound, idle: Duration) -> io::Result<()> {
    match socket {
        Bound::Udp(socket) => {
            server.register_socket(tokio::net::UdpSocket::from_std(socket.try_clone()?)?);
        }
        Bound::Tcp(listener) => {
            let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
            server.register_listener(listener, idle, TCP_ANSWERS_WAITING);
        }
    }
    Ok(())
}

/// The thread that serves.
#[derive(Debug)]
pub struct Running {
    deadline: watch::Sender<Option<Instant>>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Answers what was received, closes, and is gone `within` that time. Blocks until then.
    pub fn stop(self, within: Duration) {
        // Fails when the thread is gone already.
        let _ = self.deadline.send(Some(Instant::now() + within));
        // What it panicked with was printed when it did.
        let _ = self.thread.join();
    }
}

/// Answers for hickory-server.
#[derive(Clone)]
struct Handler {
    /// Used by one thread; the lock is there because hickory-server asks for `Sync`.
    answer: Arc<Mutex<Answer>>,
    counters: Arc<Counters>,
}

impl RequestHandler for Handler {
    // As `async_trait` writes it.
    fn handle_request<'life0, 'life1, 'async_trait, R, T>(
        &'life0 self,
        request: &'life1 Request,
        mut handle: R,
    ) -> Pin<Box<dyn Future<Output = ResponseInfo> + Send + 'async_trait>>
    where
        R: ResponseHandler + 'async_trait,
        T: Time + 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let Some(answer) = self.answer(request) else { return nothing_sent(request) };
            let sent = send(request, &answer, &mut handle).await;
            match (request.protocol(), &sent) {
                (Over::Udp, Ok(_)) => self.counters.add(Counter::UdpAnswers, 1),
                (Over::Udp, Err(_)) => self.counters.add(Counter::UdpSendFailed, 1),
                (_, Ok(_)) => self.counters.add(Counter::TcpAnswers, 1),
                (_, Err(_)) => {} // the connection is gone
            }
            if let (Over::Udp, Ok(info)) = (request.protocol(), &sent) {
                self.counters.add(Counter::UdpTruncated, u64::from(info.truncation));
            }
            sent.unwrap_or_else(|_| nothing_sent(request))
        })
    }
}

impl Handler {
    /// The answer's bytes, if it earns one.
    fn answer(&self, request: &Request) -> Option<Vec<u8>> {
        // hickory-server hands on no message that is too short.
        let (transport, queries, dropped) = match request.protocol() {
            Over::Udp => (Transport::Udp, Counter::UdpQueries, Counter::UdpResponse),
            _ => (Transport::Tcp, Counter::TcpQueries, Counter::TcpResponse),
        };
        self.counters.add(queries, 1);
        let client = request.src().ip().to_canonical();
        let mut bytes = Vec::new();
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        // It has no services, so there is nothing else that an answer could be.
        if matches!(answer(client, transport, request.as_slice(), &mut bytes), Answered::Whole) {
            return Some(bytes);
        }
        self.counters.add(dropped, 1);
        None
    }
}

/// What hickory-server wants to be told about an answer that is not sent.
fn nothing_sent(request: &Request) -> ResponseInfo {
    let metadata = Metadata::response_from_request(&request.metadata);
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}

/// Sends what hickory-proto decodes from our bytes.
async fn send(
    request: &Request,
    answer: &[u8],
    handle: &mut impl ResponseHandler,
) -> Result<ResponseInfo, NetError> {
    let decoded = Message::from_vec(answer).and_then(|message| Ok((message, question(answer)?)));
    let (mut message, queries) = match decoded {
        Ok(decoded) => decoded,
        Err(error) => {
            error!("hickory-proto cannot decode an answer, SERVFAIL is sent instead: {error}");
            let response = MessageResponseBuilder::from_message_request(request)
                .error_msg(&request.metadata, ResponseCode::ServFail);
            return handle.send_response(response).await;
        }
    };
    if request.protocol() == Over::Udp && !fits(request, &message, &queries) {
        message.metadata.truncation = true;
        message.answers.clear();
        message.authorities.clear();
        message.additionals.clear();
    }
    handle.send_response(response(&message, &queries)).await
}

/// The question as the answer has it: its case, and none where the answer has none.
fn question(answer: &[u8]) -> Result<Queries, hickory_proto::serialize::binary::DecodeError> {
    let mut decoder = BinDecoder::new(answer);
    let header = Header::read(&mut decoder)?;
    Queries::read(&mut decoder, usize::from(header.counts.queries))
}

/// The message for hickory-server to send: EDNS from its OPT, and the upper bits of the response code
/// with it (RFC 6891 §6.1.3).
fn response<'a>(
    message: &'a Message,
    queries: &'a Queries,
) -> MessageResponse<
    'a,
    'a,
    impl Iterator<Item = &'a Record> + Send + 'a,
    impl Iterator<Item = &'a Record> + Send + 'a,
    impl Iterator<Item = &'a Record> + Send + 'a,
    impl Iterator<Item = &'a Record> + Send + 'a,
> {
    MessageResponseBuilder::new(queries, message.edns.as_ref()).build(
        message.metadata,
        &message.answers,
        &message.authorities,
        [], // an SOA stands in the authority section like any other record
        &message.additionals,
    )
}

/// Whether the message, encoded by hickory-proto, is no longer than the client takes.
fn fits(request: &Request, message: &Message, queries: &Queries) -> bool {
    let limit = match &message.edns {
        Some(edns) => request.max_payload().min(edns.max_payload()),
        None => UDP_PAYLOAD,
    };
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(limit);
    response(message, queries)
        .destructive_emit(&mut encoder)
        .is_ok_and(|sent| sent.truncation == message.metadata.truncation)
}

#[cfg(test)]
mod tests;
