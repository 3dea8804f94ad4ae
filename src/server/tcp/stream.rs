//! One connection: queries out of a stream of bytes, answers into it.
//!
//! ```text
//!   ┌▶ send what is owed ──▶ read ──▶ answer every whole query ─┐
//!   └───────────────────────────────────────────────────────────┘
//! ```
//!
//! This order is all the backpressure there is: while a client does not take its answers, its queries
//! are not read. One read, one write for all that it brought. A turn works in buffers that belong to
//! the thread, and only what is left over from it (half a query, answers that the client did not take)
//! moves to the connection, so an idle connection has no buffer.
//!
//! The stream is anything that reads and writes; limits on time are kept by the
//! [table](super::connections), which wakes a connection that has to go.
//!
//! | section | what we take from it | item |
//! |---|---|---|
//! | RFC 1035 §4.2.2 | two bytes of length before each message | [`first_message`] |
//! | RFC 7766 §6.2.1.1 | pipelining; answers in one write with their lengths (§8) | [`Worker::answer_all`] |
//! | RFC 7766 §6.2.4 | a client that closes its side first: what it asked is answered | [`Peer::poll_turn`] |
//! | RFC 1035 §4.1.1 | a response sent as a query, over TCP: the connection is closed | [`Worker::answer_all`] |

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connections::{Millis, Phase, Ticket};
use crate::counters::{Counter, Counters};
use crate::engine::Transport;
use crate::server::Answer;

/// The length in front of a message.
const PREFIX: usize = 2;

/// The longest query with its length: more than this is never held of what a client sent.
const INPUT_MAX: usize = PREFIX + u16::MAX as usize;

/// How much is read at once: some two hundred queries.
const READ_CHUNK: usize = 8 * 1024;

/// The least room to read the rest of a query into; it doubles with what has come, so that memory
/// follows bytes, not announcements of them.
const READ_REST: usize = 512;

/// Once so much waits to be written no more queries are answered: at most this and one answer of
/// 65,537 bytes are held for a client.
const OUTPUT_LIMIT: usize = 32 * 1024;

/// After so many turns the other connections of the thread have theirs.
const TURNS_MAX: usize = 4;

/// What the connections of a thread share.
pub(super) struct Worker {
    answer: Answer,
    counters: Arc<Counters>,
    started: Instant,
    /// What was received is still answered, and then connections close.
    pub(super) stopping: bool,
    input: Box<[u8]>,
    output: Vec<u8>,
}

impl Worker {
    /// `started` is the zero of all times, the same for all threads.
    pub(super) fn new(answer: Answer, counters: Arc<Counters>, started: Instant) -> Self {
        let (input, output) = (vec![0; READ_CHUNK].into(), Vec::new());
        Self { answer, counters, started, stopping: false, input, output }
    }

    pub(super) fn now(&self) -> Millis {
        self.started.elapsed().as_millis() as Millis
    }

    /// Answers the whole queries at the start of `received`.
    fn answer_all(
        counters: &Counters,
        answer: &mut Answer,
        client: IpAddr,
        received: &[u8],
        output: &mut Vec<u8>,
    ) -> Batch {
        let mut batch = Batch::default();
        let mut queries = 0;
        while output.len() < OUTPUT_LIMIT
            && let Some(query) = first_message(&received[batch.consumed..])
        {
            batch.consumed += PREFIX + query.len();
            if query.is_empty() {
                batch.closes = true; // there is no such message
                break;
            }
            queries += 1;
            let prefix = output.len();
            output.extend_from_slice(&[0; PREFIX]);
            let answered = answer(client, Transport::Tcp, query, output);
            let length = u16::try_from(output.len() - prefix - PREFIX);
            let (true, Ok(length)) = (answered, length) else {
                // Who sends a response or garbage here is no resolver, and is not spoken to again.
                output.truncate(prefix);
                counters.add(Counter::TcpDropped, 1);
                batch.closes = true;
                break;
            };
            output[prefix..prefix + PREFIX].copy_from_slice(&length.to_be_bytes());
            batch.answers += 1;
        }
        counters.add(Counter::TcpQueries, queries);
        batch
    }
}

/// What one round of answering did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Batch {
    consumed: usize,
    answers: u64,
    /// Nothing after this is read.
    closes: bool,
}

/// The first message, without its length, if it is there whole (RFC 1035 §4.2.2).
fn first_message(received: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = received.split_first_chunk::<PREFIX>()?;
    rest.get(..usize::from(u16::from_be_bytes(length)))
}

/// A connection, served until it is closed by either side.
pub(super) struct Connection<S> {
    worker: Arc<Mutex<Worker>>,
    peer: Peer<S>,
}

/// The part of a connection that is its own.
struct Peer<S> {
    stream: S,
    client: IpAddr,
    ticket: Ticket,
    /// Received and not answered: a part of a query, or whole ones when there was too much to write.
    received: Vec<u8>,
    /// Answers that the client has not taken, and how far it has.
    unsent: Vec<u8>,
    sent: usize,
    /// Answers that count once all that is unsent is sent.
    answers: u64,
    answering: bool,
    /// Nothing more is read.
    closing: bool,
    /// Tells the thread when the last of its connections is gone.
    _open: mpsc::Sender<Infallible>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(
        worker: Arc<Mutex<Worker>>,
        stream: S,
        client: IpAddr,
        ticket: Ticket,
        open: mpsc::Sender<Infallible>,
    ) -> Self {
        let peer = Peer {
            stream,
            client,
            ticket,
            received: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            answers: 0,
            answering: false,
            closing: false,
            _open: open,
        };
        Self { worker, peer }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let Self { worker, peer } = self.get_mut();
        // One thread has all of them, so nobody waits for this lock.
        let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
        peer.ticket.remember(task.waker());
        for _ in 0..TURNS_MAX {
            match ready!(peer.poll_turn(&mut worker, task)) {
                Ok(Next::Turn) => {}
                // An error is the client's going away, and concerns nobody else.
                Ok(Next::Close) | Err(_) => return Poll::Ready(()),
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What comes after a turn.
enum Next {
    Turn,
    Close,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// One round of sending, reading and answering.
    fn poll_turn(&mut self, worker: &mut Worker, task: &mut Context<'_>) -> Poll<io::Result<Next>> {
        if self.ticket.is_cut() {
            return Poll::Ready(Ok(Next::Close));
        }
        ready!(self.poll_send_unsent(worker, task))?;
        if self.closing {
            ready!(Pin::new(&mut self.stream).poll_shutdown(task))?;
            return Poll::Ready(Ok(Next::Close));
        }
        // What is left over goes before what is new.
        if first_message(&self.received).is_none() {
            if self.answering {
                self.answering = false;
                if !self.ticket.mark(Phase::Idle, worker.now()) {
                    return Poll::Ready(Ok(Next::Close));
                }
            }
            match self.poll_receive(&mut worker.input, task) {
                Poll::Ready(Ok(0)) => {
                    self.closing = true; // whole queries were answered, and half a one is not a query
                    return Poll::Ready(Ok(Next::Turn));
                }
                Poll::Ready(Ok(fresh)) => return self.poll_answer(worker, fresh, task),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if worker.stopping => {
                    self.closing = true;
                    return Poll::Ready(Ok(Next::Turn));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        self.poll_answer(worker, 0, task)
    }

    /// Reads behind what is left over, or into the thread's buffer when nothing is; says how much.
    fn poll_receive(
        &mut self,
        input: &mut [u8],
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        if self.received.is_empty() {
            let mut buffer = ReadBuf::new(input);
            ready!(stream.poll_read(task, &mut buffer))?;
            return Poll::Ready(Ok(buffer.filled().len()));
        }
        let have = self.received.len();
        // A query that is not whole is shorter than the maximum, so there is room.
        let room = have.clamp(READ_REST, READ_CHUNK).min(INPUT_MAX - have);
        self.received.resize(have + room, 0);
        let mut buffer = ReadBuf::new(&mut self.received[have..]);
        let read = stream.poll_read(task, &mut buffer);
        let fresh = buffer.filled().len();
        self.received.truncate(have + fresh);
        read.map_ok(|()| fresh)
    }

    /// Answers what is whole, and sends as much of it as the client takes.
    ///
    /// `fresh` is how much was just read.
    fn poll_answer(
        &mut self,
        worker: &mut Worker,
        fresh: usize,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<Next>> {
        let now = worker.now();
        let Worker { answer, counters, input, output, .. } = worker;
        let shared = self.received.is_empty();
        let received = if shared { &input[..fresh] } else { &self.received[..] };

        if first_message(received).is_some() {
            self.answering = true;
            if !self.ticket.mark(Phase::Answering, now) {
                return Poll::Ready(Ok(Next::Close));
            }
        }
        output.clear();
        let batch = Worker::answer_all(counters, answer, self.client, received, output);
        self.closing |= batch.closes;
        self.answers += batch.answers;
        let rest = &received[batch.consumed..];
        if shared || batch.consumed > 0 {
            self.received = if batch.closes { Vec::new() } else { rest.to_vec() };
        }

        let mut sent = 0;
        while sent < output.len() {
            match Pin::new(&mut self.stream).poll_write(task, &output[sent..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => sent += n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break, // the next turn finds it again, and waits
            }
        }
        self.unsent = output[sent..].to_vec();
        self.sent = 0;
        Poll::Ready(Ok(Next::Turn))
    }

    /// Sends what the client did not take in an earlier turn.
    fn poll_send_unsent(
        &mut self,
        worker: &mut Worker,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            let stream = Pin::new(&mut self.stream);
            match ready!(stream.poll_write(task, &self.unsent[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.sent += n,
            }
            if !self.ticket.mark(Phase::Answering, worker.now()) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        if self.answers > 0 {
            ready!(Pin::new(&mut self.stream).poll_flush(task))?;
            worker.counters.add(Counter::TcpAnswers, self.answers);
            self.answers = 0;
            self.unsent = Vec::new();
            self.sent = 0;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;

    use super::*;
    use crate::server::tcp::Limits;
    use crate::server::tcp::connections::{Admission, Connections};

    /// The longest a paused clock may run before a test has failed.
    const LONG: Duration = Duration::from_secs(3_600);

    /// Answers with what was asked, in lower case; drops what begins with `!`; answers `long` with the
    /// longest message there is.
    fn answer(_: IpAddr, _: Transport, query: &[u8], out: &mut Vec<u8>) -> bool {
        if query == b"long" {
            out.extend(std::iter::repeat_n(b'x', u16::MAX as usize));
        } else {
            out.extend(query.to_ascii_lowercase());
        }
        !query.starts_with(b"!")
    }

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        let prefixed = |message: &&[u8]| [&(message.len() as u16).to_be_bytes(), *message].concat();
        messages.iter().flat_map(prefixed).collect()
    }

    struct Server {
        connections: Arc<Connections>,
        worker: Arc<Mutex<Worker>>,
        counters: Arc<Counters>,
    }

    impl Server {
        fn new() -> Self {
            let counters = Arc::new(Counters::default());
            let worker = Worker::new(Box::new(answer), Arc::clone(&counters), Instant::now());
            let connections = Connections::new(Limits::default());
            Self { connections, worker: Arc::new(Mutex::new(worker)), counters }
        }

        fn now(&self) -> Millis {
            self.worker.lock().expect("no test panics in it").now()
        }

        fn connection<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Connection<S> {
            let client = IpAddr::from([192, 0, 2, 1]);
            let Admission::Admitted { ticket, .. } = self.connections.admit(client, self.now())
            else {
                panic!("there is room");
            };
            Connection::new(Arc::clone(&self.worker), stream, client, ticket, mpsc::channel(1).0)
        }

        /// The client's end of a connection that holds `buffer` bytes each way.
        fn connect(&self, buffer: usize) -> DuplexStream {
            let (client, server) = duplex(buffer);
            tokio::spawn(self.connection(server));
            client
        }

        /// As [`Acceptor::sweep`](super::super::listen::Acceptor::sweep).
        fn sweep(&self) -> JoinHandle<()> {
            let (connections, worker) = (Arc::clone(&self.connections), Arc::clone(&self.worker));
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    let now = worker.lock().expect("no test panics in it").now();
                    connections.expire(now);
                }
            })
        }
    }

    /// Sends all of it, closes this side, and reads to the end.
    async fn exchange(mut client: DuplexStream, sent: &[u8]) -> Vec<u8> {
        let mut received = Vec::new();
        client.write_all(sent).await.expect("room for all of it");
        client.shutdown().await.expect("open until now");
        client.read_to_end(&mut received).await.expect("answers, then the end");
        received
    }

    async fn seconds_until_closed(client: &mut DuplexStream) -> u64 {
        let start = Instant::now();
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(LONG, client.read_to_end(&mut rest)).await;
        closed.expect("it is closed").expect("as by an end of file");
        start.elapsed().as_secs()
    }

    #[tokio::test]
    async fn rfc7766_8_a_query_may_come_byte_by_byte() {
        let mut client = Server::new().connect(1 << 16);
        for round in 0..2 {
            for byte in framed(&[b"WWW"]) {
                client.write_all(&[byte]).await.expect("open");
                tokio::task::yield_now().await;
            }
            let mut received = [0; 5];
            client.read_exact(&mut received).await.expect("an answer");
            assert_eq!(received[..], framed(&[b"www"]), "round {round}");
        }
    }

    #[tokio::test]
    async fn rfc7766_6_2_1_1_a_thousand_pipelined_queries_are_answered() {
        let server = Server::new();
        let queries: Vec<String> = (0..1_000).map(|n| format!("QUERY {n}")).collect();
        let queries: Vec<&[u8]> = queries.iter().map(String::as_bytes).collect();
        let answers = framed(&queries).to_ascii_lowercase();
        assert_eq!(exchange(server.connect(1 << 16), &framed(&queries)).await, answers);
        assert_eq!(server.counters.get(Counter::TcpQueries), 1_000);
        assert_eq!(server.counters.get(Counter::TcpAnswers), 1_000);
    }

    #[tokio::test]
    async fn rfc7766_6_2_4_what_was_asked_before_a_half_close_is_answered() {
        let server = Server::new();
        assert_eq!(exchange(server.connect(1 << 16), &framed(&[b"A"])).await, framed(&[b"a"]));
        let half = &framed(&[b"A", b"BCD"])[..6];
        assert_eq!(exchange(server.connect(1 << 16), half).await, framed(&[b"a"]));
        assert_eq!(exchange(server.connect(1 << 16), b"").await, b"");
        assert_eq!(server.connections.len(), 0);
    }

    #[tokio::test]
    async fn a_length_of_zero_ends_the_connection_after_the_answers_before_it() {
        let sent = framed(&[b"A", b"", b"B"]);
        assert_eq!(exchange(Server::new().connect(1 << 16), &sent).await, framed(&[b"a"]));
    }

    #[tokio::test]
    async fn rfc1035_4_1_1_a_response_ends_the_connection_after_the_answers_before_it() {
        let server = Server::new();
        let sent = framed(&[b"A", b"!", b"B"]);
        assert_eq!(exchange(server.connect(1 << 16), &sent).await, framed(&[b"a"]));
        assert_eq!(server.counters.get(Counter::TcpDropped), 1);
        assert_eq!(server.counters.get(Counter::TcpAnswers), 1);
    }

    #[tokio::test]
    async fn messages_of_65535_bytes_pass_both_ways() {
        let server = Server::new();
        let query = vec![b'Q'; u16::MAX as usize];
        let sent = framed(&[&query, b"long", b"A"]);
        let expected = framed(&[&vec![b'q'; 65_535], &vec![b'x'; 65_535], b"a"]);
        assert_eq!(exchange(server.connect(1 << 20), &sent).await, expected);
        // Through a pipe that holds less than one of them.
        let (mut reader, mut writer) = tokio::io::split(server.connect(1_000));
        let write = async {
            writer.write_all(&sent).await.expect("read on the other side");
            writer.shutdown().await.expect("open");
        };
        let mut received = Vec::new();
        let (read, ()) = tokio::join!(reader.read_to_end(&mut received), write);
        read.expect("answers, then the end");
        assert_eq!(received, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_length_that_never_comes_ends_at_the_limit() {
        let server = Server::new();
        let _sweep = server.sweep();
        let mut silent = server.connect(1 << 16);
        assert_eq!(seconds_until_closed(&mut silent).await, 10);

        let mut half = server.connect(1 << 16);
        half.write_all(&[0]).await.expect("open");
        assert_eq!(seconds_until_closed(&mut half).await, 10);

        let mut asked = server.connect(1 << 16);
        asked.write_all(&framed(&[b"A"])).await.expect("open");
        asked.write_all(&[0]).await.expect("open");
        let seconds = seconds_until_closed(&mut asked).await;
        assert!((30..=31).contains(&seconds), "{seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_that_drips_in_keeps_nothing_open() {
        let server = Server::new();
        let _sweep = server.sweep();
        let mut client = server.connect(1 << 16);
        let start = Instant::now();
        client.write_all(&[1, 0]).await.expect("open");
        while client.write_all(b"Q").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(start.elapsed() <= Duration::from_secs(12));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_not_read_from_and_ends_at_the_limit() {
        let server = Server::new();
        let _sweep = server.sweep();
        let mut client = server.connect(1_000);
        let query = framed(&[b"long"]);
        let mut taken = 0;
        let start = Instant::now();
        while client.write_all(&query).await.is_ok() {
            taken += query.len();
        }
        let seconds = start.elapsed().as_secs();
        assert!((30..=31).contains(&seconds), "{seconds} s");
        // What one read of the pipe brings, and what the pipe holds.
        assert!(taken <= 2_000, "{taken} bytes were taken");
    }

    #[tokio::test]
    async fn an_endless_pipeline_leaves_turns_to_others() {
        let server = Server::new();
        tokio::spawn(server.connection(Endless));
        let client = server.connect(1 << 16);
        assert_eq!(exchange(client, &framed(&[b"A"])).await, framed(&[b"a"]));
    }

    /// Always has more queries, and takes every answer.
    struct Endless;

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            while buffer.remaining() >= 3 {
                buffer.put_slice(&[0, 1, b'Q']);
            }
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn an_idle_connection_holds_no_buffer() {
        let server = Server::new();
        let (mut client, stream) = duplex(1 << 16);
        let mut connection = server.connection(stream);
        let mut turn = || {
            let mut task = Context::from_waker(std::task::Waker::noop());
            assert!(Pin::new(&mut connection).poll(&mut task).is_pending());
            connection.peer.received.capacity() + connection.peer.unsent.capacity()
        };
        client.write_all(&[0, 1]).await.expect("open");
        assert!((1..2 * READ_REST).contains(&turn()), "half a query");
        client.write_all(b"Q").await.expect("open");
        assert_eq!(turn(), 0);
    }

    #[test]
    fn one_write_carries_all_that_one_read_brought() {
        let server = Server::new();
        let mut batch = Vec::new();
        let received = framed(&[b"A", b"B", b"C"]);
        let client = IpAddr::from([192, 0, 2, 1]);
        let mut answer: Answer = Box::new(answer);
        let done = Worker::answer_all(
            &server.counters,
            &mut answer,
            client,
            &[&received[..], &[0, 9, 1]].concat(),
            &mut batch,
        );
        assert_eq!(done, Batch { consumed: received.len(), answers: 3, closes: false });
        assert_eq!(batch, framed(&[b"a", b"b", b"c"]));
    }

    #[tokio::test]
    async fn a_stop_answers_what_was_received() {
        let server = Server::new();
        let mut client = server.connect(1 << 16);
        let mut idle = server.connect(1 << 16);
        client.write_all(&framed(&[b"A", b"B"])).await.expect("open");
        server.worker.lock().expect("no test panics in it").stopping = true;
        server.connections.wake_all();
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.expect("answers, then the end");
        assert_eq!(received, framed(&[b"a", b"b"]));
        assert_eq!(idle.read(&mut [0]).await.expect("the end"), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_split_of_the_bytes_gives_the_same_answers(
            queries in prop::collection::vec(prop::collection::vec(b'A'..=b'Z', 1..600), 0..40),
            splits in prop::collection::vec(1_usize..3_000, 1..40),
            pipe in 1_usize..5_000,
        ) {
            let queries: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
            let sent = framed(&queries);
            let lower: Vec<Vec<u8>> = queries.iter().map(|q| q.to_ascii_lowercase()).collect();
            let expected = framed(&lower.iter().map(Vec::as_slice).collect::<Vec<_>>());

            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let received = runtime.block_on(async {
                let (mut reader, mut writer) = tokio::io::split(Server::new().connect(pipe));
                let write = async {
                    let mut rest = &sent[..];
                    for split in splits.iter().cycle() {
                        let (piece, after) = rest.split_at(rest.len().min(*split));
                        writer.write_all(piece).await.expect("open");
                        tokio::task::yield_now().await;
                        rest = after;
                        if rest.is_empty() {
                            break;
                        }
                    }
                    writer.shutdown().await.expect("open");
                };
                let mut received = Vec::new();
                let (read, ()) = tokio::join!(reader.read_to_end(&mut received), write);
                read.expect("answers, then the end");
                received
            });
            prop_assert_eq!(received, expected);
        }
    }
}
