//! One connection as a task: queries out of a stream of bytes, answers into it.
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
//! | RFC 7766 §7 | what somebody else answers holds up no query behind it: it is sent when it is there | [`Peer::poll_later`] |
//! | RFC 7766 §6.2.4 | a client that closes its side first: what it asked is answered | [`Peer::poll_turn`] |

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connections::{Millis, Phase};
use super::worker::{Admitted, INPUT_MAX, Left, Owed, READ_CHUNK, Worker, first_message};
use crate::counters::Counter;
use crate::engine::Transport;

/// The least room to read the rest of a query into; it doubles with what has come, so that memory
/// follows bytes, not announcements of them.
const READ_REST: usize = 512;

/// After so many turns the other connections of the thread have theirs.
const TURNS_MAX: usize = 4;

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
    admitted: Admitted,
    left: Left,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// `left` is what was begun with the connection before.
    pub(super) fn new(
        worker: Arc<Mutex<Worker>>,
        stream: S,
        admitted: Admitted,
        left: Left,
    ) -> Self {
        Self { worker, known: false, peer: Peer { stream, admitted, left } }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let Self { worker, known, peer } = self.get_mut();
        // One thread has all of them, so nobody waits for this lock.
        let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
        if !*known {
            peer.admitted.ticket.remember(task.waker());
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
        if self.admitted.ticket.is_cut() {
            return Poll::Ready(Ok(Next::Close));
        }
        ready!(self.poll_send_unsent(worker, now, task))?;
        if self.poll_later(task) {
            return Poll::Ready(Ok(Next::Turn));
        }
        if self.left.owed.is_some() {
            ready!(self.poll_owed(task));
            return Poll::Ready(Ok(Next::Turn));
        }
        if self.left.closing {
            if !self.left.later.is_empty() {
                return Poll::Pending;
            }
            // Without TLS the end of the stream is its closing, and one system call for it is enough.
            if self.admitted.transport == Transport::Tls {
                ready!(Pin::new(&mut self.stream).poll_shutdown(task))?;
            }
            return Poll::Ready(Ok(Next::Close));
        }
        // What is left over goes before what is new.
        if first_message(&self.left.received).is_none() {
            if self.left.answering && self.left.later.is_empty() {
                self.left.answering = false;
                if !self.admitted.ticket.mark(Phase::Idle, now) {
                    return Poll::Ready(Ok(Next::Close));
                }
            }
            match self.poll_receive(&mut worker.input, task) {
                Poll::Ready(Ok(0)) => {
                    self.left.closing = true; // whole queries were answered, and half a one is not a query
                    return Poll::Ready(Ok(Next::Turn));
                }
                Poll::Ready(Ok(fresh)) => {
                    return Poll::Ready(self.answer(worker, now, fresh, task));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if worker.stopping || self.left.is_last => {
                    self.left.closing = true;
                    return Poll::Ready(Ok(Next::Turn));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(self.answer(worker, now, 0, task))
    }

    /// Reads behind what is left over, or into the thread's buffer when nothing is; says how much.
    fn poll_receive(
        &mut self,
        input: &mut [u8],
        task: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        if self.left.received.is_empty() {
            let mut buffer = ReadBuf::new(input);
            ready!(stream.poll_read(task, &mut buffer))?;
            return Poll::Ready(Ok(buffer.filled().len()));
        }
        let have = self.left.received.len();
        // A query that is not whole is shorter than the maximum, so there is room.
        let room = have.clamp(READ_REST, READ_CHUNK).min(INPUT_MAX - have);
        self.left.received.resize(have + room, 0);
        let mut buffer = ReadBuf::new(&mut self.left.received[have..]);
        let read = stream.poll_read(task, &mut buffer);
        let fresh = buffer.filled().len();
        self.left.received.truncate(have + fresh);
        read.map_ok(|()| fresh)
    }

    /// Answers what is whole, and sends as much of it as the client takes.
    ///
    /// `fresh` is how much was just read.
    fn answer(
        &mut self,
        worker: &mut Worker,
        now: Millis,
        fresh: usize,
        task: &mut Context<'_>,
    ) -> io::Result<Next> {
        let Self { stream, admitted, left } = self;
        let write = |bytes: &[u8]| Pin::new(&mut *stream).poll_write(task, bytes);
        let goes_on = left.turn(worker, admitted, (now, fresh), write)?;
        Ok(if goes_on { Next::Turn } else { Next::Close })
    }

    /// Takes for sending what somebody else has answered meanwhile; whether there was anything.
    fn poll_later(&mut self, task: &mut Context<'_>) -> bool {
        let mut found = false;
        let Left { later, unsent, answers, closing, .. } = &mut self.left;
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
        let message = match &mut self.left.owed {
            None => None,
            Some(Owed::Messages(messages)) => messages.next(),
            Some(Owed::Later(answer)) => {
                let answer = ready!(Pin::new(answer).poll(task));
                self.left.owed = None;
                // Nobody will answer: that is told as well as it can be.
                self.left.closing |= answer.is_err();
                answer.ok()
            }
        };
        let length = message.as_ref().map(|message| u16::try_from(message.len()));
        if let (Some(message), Some(Ok(length))) = (message, length) {
            self.left.unsent = [&length.to_be_bytes()[..], &message].concat();
            self.left.sent = 0;
            self.left.answers += 1;
        } else {
            self.left.owed = None;
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
        while self.left.sent < self.left.unsent.len() {
            let stream = Pin::new(&mut self.stream);
            match ready!(stream.poll_write(task, &self.left.unsent[self.left.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.left.sent += n,
            }
            if !self.admitted.ticket.mark(Phase::Answering, now) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        if self.left.answers > 0 {
            ready!(Pin::new(&mut self.stream).poll_flush(task))?;
            worker.counters.add(Counter::TcpAnswers, self.left.answers);
            self.left.answers = 0;
            self.left.unsent = Vec::new();
            self.left.sent = 0;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
