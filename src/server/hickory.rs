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

use super::{Answer, tcp};
use crate::counters::{Counter, Counters};
use crate::engine::Transport;

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
    socket.bind(&address.into())?;
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
        let (transport, queries, dropped) = match request.protocol() {
            Over::Udp => (Transport::Udp, Counter::UdpQueries, Counter::UdpDropped),
            _ => (Transport::Tcp, Counter::TcpQueries, Counter::TcpDropped),
        };
        self.counters.add(queries, 1);
        let client = request.src().ip().to_canonical();
        let mut bytes = Vec::new();
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if answer(client, transport, request.as_slice(), &mut bytes) {
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
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};

    use hickory_proto::op::{Edns, MessageType, OpCode, Query};
    use hickory_proto::rr::rdata::SOA;
    use hickory_proto::rr::{Name, RData, RecordType};

    use super::*;

    /// Longer than anything here takes; a test that waits so long has failed.
    const LONG: Duration = Duration::from_secs(10);

    fn name(text: &str) -> Name {
        Name::from_ascii(text).expect("a name")
    }

    fn query(text: &str) -> Message {
        let mut query = Message::new(0x1234, MessageType::Query, OpCode::Query);
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(name(text), RecordType::A));
        query
    }

    fn with_edns(mut message: Message, payload: u16) -> Message {
        let mut edns = Edns::new();
        edns.set_max_payload(payload).set_dnssec_ok(true);
        message.edns = Some(edns);
        message
    }

    fn answer_to(query: &Message) -> Message {
        let mut answer = query.clone();
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.authoritative = true;
        answer
    }

    fn address(owner: &str, last: u8) -> Record {
        let address = Ipv4Addr::new(192, 0, 2, last);
        Record::from_rdata(name(owner), 30, RData::A(address.into()))
    }

    fn soa() -> Record {
        let soa = SOA::new(name("ns1.example.com."), name("h.example.com."), 1, 2, 3, 4, 5);
        Record::from_rdata(name("example.com."), 300, RData::SOA(soa))
    }

    fn always(answer: &Message) -> Answer {
        let bytes = answer.to_vec().expect("it is well-formed");
        Box::new(move |_, _, _, out| {
            out.extend_from_slice(&bytes);
            true
        })
    }

    /// What a client gets over UDP and over TCP from a listener that answers so.
    fn over_the_wire(answer: Answer, query: &[u8]) -> [Vec<u8>; 2] {
        let counters = Arc::new(Counters::default());
        let sockets = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))]).expect("a free port");
        let Bound::Udp(socket) = &sockets[1] else { panic!("each address has both") };
        let at = socket.local_addr().expect("bound");
        let running = start(sockets, LONG, answer, Arc::clone(&counters)).expect("a thread");
        let received = [ask_udp(at, query), ask_tcp(at, query)];
        running.stop(LONG);
        assert_eq!(counters.get(Counter::UdpAnswers) + counters.get(Counter::TcpAnswers), 2);
        received
    }

    fn ask_udp(at: SocketAddr, query: &[u8]) -> Vec<u8> {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(LONG)).expect("an option");
        socket.send_to(query, at).expect("sent");
        let mut buffer = vec![0; 65_535];
        let length = socket.recv(&mut buffer).expect("an answer");
        buffer.truncate(length);
        buffer
    }

    fn ask_tcp(at: SocketAddr, query: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(at).expect("it listens");
        stream.set_read_timeout(Some(LONG)).expect("an option");
        let length = (query.len() as u16).to_be_bytes();
        stream.write_all(&[&length, query].concat()).expect("open");
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("an answer");
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut answer).expect("all of it");
        answer
    }

    /// What comes over both transports is the message that our bytes say.
    fn check(case: &str, query: &Message, answer: &Message) {
        let query = query.to_vec().expect("it is well-formed");
        let direct = answer.to_vec().expect("it is well-formed");
        let direct = Message::from_vec(&direct).expect("it is well-formed");
        for wire in over_the_wire(always(answer), &query) {
            assert_eq!(Message::from_vec(&wire).expect(case), direct, "{case}");
        }
    }

    #[test]
    fn the_message_sent_is_the_one_that_was_answered() {
        let plain = query("www.example.com.");
        let edns = with_edns(query("www.example.com."), 1232);

        let mut found = answer_to(&edns);
        found.add_answers((1..=8).map(|last| address("www.example.com.", last)));
        check("addresses", &edns, &found);

        let mut negative = answer_to(&plain);
        negative.metadata.response_code = ResponseCode::NXDomain;
        negative.add_authority(soa());
        check("a negative answer", &plain, &negative);

        let mut referral = answer_to(&edns);
        referral.metadata.authoritative = false;
        referral.add_authority(soa()).add_additional(address("ns.www.example.com.", 1));
        check("every section", &edns, &referral);

        let mut truncated = answer_to(&edns);
        truncated.metadata.truncation = true;
        check("truncated by us", &edns, &truncated);

        let mut refused = answer_to(&plain);
        refused.metadata.response_code = ResponseCode::Refused;
        refused.metadata.authoritative = false;
        check("refused", &plain, &refused);
    }

    #[test]
    fn rfc6891_6_1_3_the_upper_bits_of_the_response_code_are_sent() {
        let mut edns = with_edns(query("www.example.com."), 1232);
        edns.edns.as_mut().expect("just set").set_version(1);
        let mut badvers = answer_to(&with_edns(query("www.example.com."), 1232));
        badvers.metadata.response_code = ResponseCode::BADVERS;
        badvers.edns.as_mut().expect("just set").set_rcode_high(1);
        check("BADVERS", &edns, &badvers);
    }

    #[test]
    fn an_answer_may_have_no_question() {
        let mut notimp = answer_to(&query("www.example.com."));
        notimp.queries.clear();
        notimp.metadata.response_code = ResponseCode::NotImp;
        check("a header alone", &query("www.example.com."), &notimp);
    }

    #[test]
    fn rfc4343_the_case_of_the_question_is_kept() {
        let query = query("wWw.ExAmPlE.com.");
        let mut answer = answer_to(&query);
        answer.add_answer(address("www.example.com.", 1));
        let question = query.to_vec().expect("it is well-formed")[12..].to_vec();
        let sent = query.to_vec().expect("it is well-formed");
        for wire in over_the_wire(always(&answer), &sent) {
            assert_eq!(wire[12..12 + question.len()], question);
        }
    }

    #[test]
    fn what_grows_over_the_limit_is_truncated_whole() {
        // 12 + 58 + 26 × 16 bytes, and 11 for OPT, with every owner name a pointer to the question;
        // hickory-proto spells the first of them, which is 52 bytes more.
        let long = format!("{}.example.com.", "w".repeat(40));
        for query in [query(&long), with_edns(query(&long), 512)] {
            let mut answer = answer_to(&query);
            if let Some(edns) = &mut answer.edns {
                edns.set_max_payload(1232);
            }
            answer.add_answers((0..26).map(|last| address(&long, last)));
            let bytes = query.to_vec().expect("it is well-formed");
            let [udp, tcp] = over_the_wire(always(&answer), &bytes);
            let (udp, tcp) = (Message::from_vec(&udp), Message::from_vec(&tcp));
            let (udp, tcp) = (udp.expect("well-formed"), tcp.expect("well-formed"));
            assert!(udp.metadata.truncation && udp.answers.is_empty());
            assert_eq!(udp.edns, answer.edns);
            assert_eq!(tcp, answer);
        }
    }

    #[test]
    fn an_answer_that_cannot_be_decoded_is_servfail() {
        let query = query("www.example.com.").to_vec().expect("it is well-formed");
        let broken = query[..20].to_vec();
        let answer: Answer = Box::new(move |_, _, _, out| {
            out.extend_from_slice(&broken);
            true
        });
        for wire in over_the_wire(answer, &query) {
            let message = Message::from_vec(&wire).expect("well-formed");
            assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
        }
    }

    #[test]
    fn what_earns_no_answer_gets_none_and_a_stop_answers_what_came_before() {
        let counters = Arc::new(Counters::default());
        let sockets = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))]).expect("a free port");
        let Bound::Udp(socket) = &sockets[1] else { panic!("each address has both") };
        let at = socket.local_addr().expect("bound");
        let answer: Answer = Box::new(|_, _, query, out| {
            out.extend_from_slice(query);
            query[1] != 0
        });
        let running = start(sockets, LONG, answer, Arc::clone(&counters)).expect("a thread");

        let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        client.set_nonblocking(true).expect("an option");
        let bytes = |id| {
            let mut query = query("www.example.com.");
            query.metadata.id = id;
            query.to_vec().expect("it is well-formed")
        };
        client.send_to(&bytes(0x100), at).expect("sent");
        client.send_to(&bytes(0x101), at).expect("sent");
        running.stop(LONG);

        let mut buffer = [0; 512];
        client.recv(&mut buffer).expect("an answer to the second");
        assert_eq!(buffer[..2], [1, 1]);
        assert!(client.recv(&mut buffer).is_err(), "and none to the first");
        assert_eq!(counters.get(Counter::UdpQueries), 2);
        assert_eq!(counters.get(Counter::UdpDropped), 1);
    }
}
