//! One connection: queries out of a stream of bytes, answers into it.
//!
//! ```text
//!   ┌▶ send what is owed ──▶ read ──▶ answer every whole query ─┐
//!   └───────────────────────────────────────────────────────────┘
//! ```
//!
//! This order is all the backpressure there is: while a client does not take its answers, its queries
//! are not read, nor is the next message of a transfer made. One read, one write for all that it brought. A turn works in buffers that belong to
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
//! | RFC 7766 §7 | what somebody else answers holds up no query behind it: it is sent when it is there | [`Peer::poll_later`] |
//! | RFC 7766 §6.2.4 | a client that closes its side first: what it asked is answered | [`Peer::poll_turn`] |
//! | RFC 1035 §4.1.1 | a response sent as a query, over TCP: the connection is closed | [`Worker::answer_all`] |

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::connections::{Millis, Phase, Ticket};
use crate::authority::Messages;
use crate::counters::{Counter, Counters};
use crate::engine::Transport;
use crate::server::count::is_short;
use crate::server::{Answer, Answered};

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

/// So many queries of a connection may wait for somebody else's answer while those behind them are answered.
const LATER_MAX: usize = 16;

/// After so many turns the other connections of the thread have theirs.
const TURNS_MAX: usize = 4;

/// What the connections of a thread share.
pub(super) struct Worker {
    answer: Answer,
    counters: Arc<Counters>,
    started: Instant,
    /// What was received is still answered, and then connections close.
    pub(super) stopping: bool,
    /// Each connection closes behind what it asks from now on.
    pub(super) leaving: bool,
    input: Box<[u8]>,
    output: Vec<u8>,
}

impl Worker {
    /// `started` is the zero of all times, the same for all threads.
    pub(super) fn new(answer: Answer, counters: Arc<Counters>, started: Instant) -> Self {
        let (input, output) = (vec![0; READ_CHUNK].into(), Vec::new());
        let (stopping, leaving) = (false, false);
        Self { answer, counters, started, stopping, leaving, input, output }
    }

    pub(super) fn now(&self) -> Millis {
        self.started.elapsed().as_millis() as Millis
    }

    /// Answers the whole queries at the start of `received`; of those that somebody else answers, `later` holds at most
    /// [`LATER_MAX`].
    fn answer_all(
        counters: &Counters,
        answer: &mut Answer,
        (client, transport): (IpAddr, Transport),
        received: &[u8],
        output: &mut Vec<u8>,
        later: &mut Vec<Later>,
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
            let is_whole = match answer(client, transport, query, output) {
                Answered::Whole => true,
                Answered::Nothing => false,
                Answered::Messages(messages) => {
                    output.truncate(prefix);
                    batch.owed = Some(Owed::Messages(messages));
                    break;
                }
                Answered::Later(answer) => {
                    output.truncate(prefix);
                    if later.len() < LATER_MAX {
                        later.push(answer);
                        continue;
                    }
                    batch.owed = Some(Owed::Later(answer));
                    break;
                }
            };
            let length = u16::try_from(output.len() - prefix - PREFIX);
            let (true, Ok(length)) = (is_whole, length) else {
                // Who sends a response or garbage here is no resolver, and is not spoken to again.
                output.truncate(prefix);
                let short = is_short(query);
                counters.add(if short { Counter::TcpShort } else { Counter::TcpResponse }, 1);
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
#[derive(Default)]
struct Batch {
    consumed: usize,
    answers: u64,
    /// What the last query is owed before any after it is answered.
    owed: Option<Owed>,
    /// Nothing after this is read.
    closes: bool,
}

/// An answer that somebody else makes.
type Later = oneshot::Receiver<Vec<u8>>;

/// What a query is owed that was not answered at once.
enum Owed {
    /// A transfer.
    Messages(Messages),
    /// An answer that somebody else makes.
    Later(Later),
}

/// The first message, without its length, if it is there whole (RFC 1035 §4.2.2).
fn first_message(received: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = received.split_first_chunk::<PREFIX>()?;
    rest.get(..usize::from(u16::from_be_bytes(length)))
}

/// A connection, served until it is closed by either side.
pub(super) struct Connection<S> {
    worker: Arc<Mutex<Worker>>,
    /// Whether the table knows how to wake its task, which it is spawned as and which stays the same.
    known: bool,
    peer: Peer<S>,
}

/// The part of a connection that is its own.
struct Peer<S> {
    stream: S,
    client: IpAddr,
    transport: Transport,
    ticket: Ticket,
    /// Received and not answered: a part of a query, or whole ones when there was too much to write.
    received: Vec<u8>,
    /// Answers that the client has not taken, and how far it has.
    unsent: Vec<u8>,
    sent: usize,
    /// Answers that count once all that is unsent is sent.
    answers: u64,
    answering: bool,
    /// Whether it was answered since all are to close behind their answers.
    is_last: bool,
    /// What comes before anything more is answered.
    owed: Option<Owed>,
    /// What comes whenever it is there; at most [`LATER_MAX`].
    later: Vec<Later>,
    /// Nothing more is read.
    closing: bool,
    /// Tells the thread when the last of its connections is gone.
    _open: mpsc::Sender<Infallible>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(
        worker: Arc<Mutex<Worker>>,
        stream: S,
        (client, transport): (IpAddr, Transport),
        ticket: Ticket,
        open: mpsc::Sender<Infallible>,
    ) -> Self {
        let peer = Peer {
            stream,
            client,
            transport,
            ticket,
            received: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            answers: 0,
            answering: false,
            is_last: false,
            owed: None,
            later: Vec::new(),
            closing: false,
            _open: open,
        };
        Self { worker, known: false, peer }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let Self { worker, known, peer } = self.get_mut();
        // One thread has all of them, so nobody waits for this lock.
        let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
        if !*known {
            peer.ticket.remember(task.waker());
            *known = true;
        }
        // Read once: all turns of a poll are of the same millisecond, or nearly.
        let now = worker.now();
        for _ in 0..TURNS_MAX {
            match ready!(peer.poll_turn(&mut worker, now, task)) {
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
    fn poll_turn(
        &mut self,
        worker: &mut Worker,
        now: Millis,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<Next>> {
        if self.ticket.is_cut() {
            return Poll::Ready(Ok(Next::Close));
        }
        ready!(self.poll_send_unsent(worker, now, task))?;
        if self.poll_later(task) {
            return Poll::Ready(Ok(Next::Turn));
        }
        if self.owed.is_some() {
            ready!(self.poll_owed(task));
            return Poll::Ready(Ok(Next::Turn));
        }
        if self.closing {
            if !self.later.is_empty() {
                return Poll::Pending;
            }
            // Without TLS the end of the stream is its closing, and one system call for it is enough.
            if self.transport == Transport::Tls {
                ready!(Pin::new(&mut self.stream).poll_shutdown(task))?;
            }
            return Poll::Ready(Ok(Next::Close));
        }
        // What is left over goes before what is new.
        if first_message(&self.received).is_none() {
            if self.answering && self.later.is_empty() {
                self.answering = false;
                if !self.ticket.mark(Phase::Idle, now) {
                    return Poll::Ready(Ok(Next::Close));
                }
            }
            match self.poll_receive(&mut worker.input, task) {
                Poll::Ready(Ok(0)) => {
                    self.closing = true; // whole queries were answered, and half a one is not a query
                    return Poll::Ready(Ok(Next::Turn));
                }
                Poll::Ready(Ok(fresh)) => return self.poll_answer(worker, now, fresh, task),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if worker.stopping || self.is_last => {
                    self.closing = true;
                    return Poll::Ready(Ok(Next::Turn));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        self.poll_answer(worker, now, 0, task)
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
        now: Millis,
        fresh: usize,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<Next>> {
        let Worker { answer, counters, leaving, input, output, .. } = worker;
        let shared = self.received.is_empty();
        let received = if shared { &input[..fresh] } else { &self.received[..] };

        output.clear();
        let batch = {
            let from = (self.client, self.transport);
            Worker::answer_all(counters, answer, from, received, output, &mut self.later)
        };
        self.closing |= batch.closes;
        self.is_last |= *leaving && batch.consumed > 0;
        self.answers += batch.answers;
        self.owed = batch.owed;
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
        if batch.consumed > 0 {
            // Where all is sent at once, as nearly always, it is idle again without having been seen busy. What TLS took
            // may not be sent yet.
            let is_done = self.transport == Transport::Tcp
                && sent == output.len()
                && self.owed.is_none()
                && self.later.is_empty()
                && first_message(&self.received).is_none();
            self.answering = !is_done;
            let phase = if is_done { Phase::Idle } else { Phase::Answering };
            if !self.ticket.mark(phase, now) {
                return Poll::Ready(Ok(Next::Close));
            }
        }
        self.unsent = output[sent..].to_vec();
        self.sent = 0;
        Poll::Ready(Ok(Next::Turn))
    }

    /// Takes for sending what somebody else has answered meanwhile; whether there was anything.
    fn poll_later(&mut self, task: &mut Context<'_>) -> bool {
        let mut found = false;
        let Self { later, unsent, answers, closing, .. } = self;
        later.retain_mut(|answer| {
            let Poll::Ready(answer) = Pin::new(answer).poll(task) else { return true };
            found = true;
            let answer = answer.ok();
            let length = answer.as_ref().and_then(|answer| u16::try_from(answer.len()).ok());
            if let (Some(answer), Some(length)) = (answer, length) {
                unsent.extend_from_slice(&length.to_be_bytes());
                unsent.extend_from_slice(&answer);
                *answers += 1;
            } else {
                // Nobody will answer: that is told as well as it can be.
                *closing = true;
            }
            false
        });
        found
    }

    /// Takes the next message that is owed for sending; without one the debt is paid.
    fn poll_owed(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let message = match &mut self.owed {
            None => None,
            Some(Owed::Messages(messages)) => messages.next(),
            Some(Owed::Later(answer)) => {
                let answer = ready!(Pin::new(answer).poll(task));
                self.owed = None;
                // Nobody will answer: that is told as well as it can be.
                self.closing |= answer.is_err();
                answer.ok()
            }
        };
        let length = message.as_ref().map(|message| u16::try_from(message.len()));
        if let (Some(message), Some(Ok(length))) = (message, length) {
            self.unsent = [&length.to_be_bytes()[..], &message].concat();
            self.sent = 0;
            self.answers += 1;
        } else {
            self.owed = None;
        }
        Poll::Ready(())
    }

    /// Sends what the client did not take in an earlier turn.
    fn poll_send_unsent(
        &mut self,
        worker: &mut Worker,
        now: Millis,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            let stream = Pin::new(&mut self.stream);
            match ready!(stream.poll_write(task, &self.unsent[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.sent += n,
            }
            if !self.ticket.mark(Phase::Answering, now) {
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
mod tests;
