//! Queries out of received bytes, answers behind them: what the connections of a thread share, and what is left of a turn.
//!
//! | section | what we take from it | item |
//! |---|---|---|
//! | RFC 1035 §4.2.2 | two bytes of length before each message | [`first_message`] |
//! | RFC 7766 §6.2.1.1 | pipelining; answers in one write with their lengths (§8) | [`Worker::answer_all`] |
//! | RFC 1035 §4.1.1 | a response sent as a query, over TCP: the connection is closed | [`Worker::answer_all`] |

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;

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
pub(super) const INPUT_MAX: usize = PREFIX + u16::MAX as usize;

/// How much is read at once: some two hundred queries.
pub(super) const READ_CHUNK: usize = 8 * 1024;

/// Once so much waits to be written no more queries are answered: at most this and one answer of
/// 65,537 bytes are held for a client.
const OUTPUT_LIMIT: usize = 32 * 1024;

/// So many queries of a connection may wait for somebody else's answer while those behind them are answered.
pub(super) const LATER_MAX: usize = 16;

/// What the connections of a thread share.
pub(super) struct Worker {
    answer: Answer,
    pub(super) counters: Arc<Counters>,
    started: Instant,
    /// What was received is still answered, and then connections close.
    pub(super) stopping: bool,
    /// Each connection closes behind what it asks from now on.
    pub(super) leaving: bool,
    /// What was read in this turn.
    pub(super) input: Box<[u8]>,
    /// The answers to it.
    pub(super) output: Vec<u8>,
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
pub(super) type Later = oneshot::Receiver<Vec<u8>>;

/// What a query is owed that was not answered at once.
pub(super) enum Owed {
    /// A transfer.
    Messages(Messages),
    /// An answer that somebody else makes.
    Later(Later),
}

/// The first message, without its length, if it is there whole (RFC 1035 §4.2.2).
pub(super) fn first_message(received: &[u8]) -> Option<&[u8]> {
    let (&length, rest) = received.split_first_chunk::<PREFIX>()?;
    rest.get(..usize::from(u16::from_be_bytes(length)))
}

/// A client's connection that has its place in the table.
pub(super) struct Admitted {
    pub(super) client: IpAddr,
    pub(super) transport: Transport,
    pub(super) ticket: Ticket,
    /// Tells the thread when the last of its connections is gone.
    _open: mpsc::Sender<Infallible>,
}

impl Admitted {
    pub(super) fn new(
        client: IpAddr,
        transport: Transport,
        ticket: Ticket,
        open: mpsc::Sender<Infallible>,
    ) -> Self {
        Self { client, transport, ticket, _open: open }
    }
}

/// What a turn leaves for the next one: nothing, as a rule.
#[derive(Default)]
pub(super) struct Left {
    /// Received and not answered: a part of a query, or whole ones when there was too much to write.
    pub(super) received: Vec<u8>,
    /// Answers that the client has not taken, and how far it has.
    pub(super) unsent: Vec<u8>,
    pub(super) sent: usize,
    /// Answers that count once all that is unsent is sent.
    pub(super) answers: u64,
    pub(super) answering: bool,
    /// Whether it was answered since all are to close behind their answers.
    pub(super) is_last: bool,
    /// What comes before anything more is answered.
    pub(super) owed: Option<Owed>,
    /// What comes whenever it is there; at most [`LATER_MAX`].
    pub(super) later: Vec<Later>,
    /// Nothing more is read.
    pub(super) closing: bool,
}

impl Left {
    /// Answers what is whole of what is left over and the `fresh` bytes that were just read, and sends as much of that as the client
    /// takes at once; `false` where the connection has to close.
    pub(super) fn turn(
        &mut self,
        worker: &mut Worker,
        admitted: &Admitted,
        (now, fresh): (Millis, usize),
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> io::Result<bool> {
        if !self.answer(worker, admitted, fresh) {
            return Ok(true);
        }
        let output = &worker.output;
        let mut sent = 0;
        while sent < output.len() {
            match write(&output[sent..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => sent += n,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break, // the next turn finds it again, and waits
            }
        }
        let phase = self.settle(output, sent, admitted.transport);
        Ok(admitted.ticket.mark(phase, now))
    }

    /// Answers what is whole of what is left over and the `fresh` bytes that were just read, into the worker's output; whether
    /// there was a whole query.
    pub(super) fn answer(
        &mut self,
        worker: &mut Worker,
        admitted: &Admitted,
        fresh: usize,
    ) -> bool {
        let Worker { answer, counters, leaving, input, output, .. } = worker;
        let is_shared = self.received.is_empty();
        let received = if is_shared { &input[..fresh] } else { &self.received[..] };

        output.clear();
        let from = (admitted.client, admitted.transport);
        let batch = Worker::answer_all(counters, answer, from, received, output, &mut self.later);
        let has_answered = batch.consumed > 0;
        self.closing |= batch.closes;
        self.is_last |= *leaving && has_answered;
        self.answers += batch.answers;
        self.owed = batch.owed;
        let rest = &received[batch.consumed..];
        if is_shared || has_answered {
            self.received = if batch.closes { Vec::new() } else { rest.to_vec() };
        }
        has_answered
    }

    /// Keeps what the client did not take of the answers, and says what the connection does from here on.
    fn settle(&mut self, output: &[u8], sent: usize, transport: Transport) -> Phase {
        // Where all is sent at once, as nearly always, it is idle again without having been seen busy. What TLS took
        // may not be sent yet.
        let is_done = transport == Transport::Tcp
            && sent == output.len()
            && self.owed.is_none()
            && self.later.is_empty()
            && first_message(&self.received).is_none();
        self.answering = !is_done;
        self.unsent = output[sent..].to_vec();
        self.sent = 0;
        if is_done { Phase::Idle } else { Phase::Answering }
    }

    /// Whether the connection may rest as if nothing had been asked. One that closes and owes nothing has something left: its end.
    #[cfg(target_os = "linux")]
    pub(super) fn is_nothing(&self) -> bool {
        !self.answering
            && self.received.is_empty()
            && self.unsent.is_empty()
            && self.owed.is_none()
            && self.later.is_empty()
            && !self.is_last
            && !self.closing
    }
}
