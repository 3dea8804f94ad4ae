//! The connections of one thread that are not encrypted, and that neither side owes anything.
//!
//! That is nearly all of them, nearly always: queries come whole, and their answers are taken at once. So here a connection is a
//! socket and its place in the table, with no task and no buffer of its own: what a thousand of them take fits the caches
//! that a query needs. The kernel tells one task of the thread which of them were sent something (epoll(7), edge-triggered).
//!
//! ```text
//!   accept ──▶ inbox ──▶ connections ──▶ read, answer, write ─┬─▶ nothing is left: it waits here for more
//!                ▲ cut, stop                                  └─▶ half a query, answers that were not taken,
//!                                                                 a transfer, somebody else's answer: a task of its own (stream)
//! ```

use std::convert::Infallible;
use std::io::{self, Read as _, Write as _};
use std::mem::{self, MaybeUninit};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use slab::Slab;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tracing::error;

use super::connections::Millis;
use super::readable;
use super::stream::{Connection, TURNS_MAX};
use super::worker::{Admitted, Left, READ_CHUNK, Worker};
use crate::counters::Counter;

/// How many connections have their turn before the other tasks of the thread have theirs: some milliseconds.
const EVENTS: usize = 256;

/// One connection.
struct Plain {
    stream: TcpStream,
    admitted: Admitted,
    /// Whether it waits among those that have another turn.
    is_due: bool,
}

/// What comes after a connection's turns.
enum Next {
    /// It waits for more.
    Wait,
    /// There may be more to read.
    Again,
    Close,
    /// It goes on as a task, with what is left.
    Leave(Left),
}

impl Plain {
    /// Answers what has been received, at most [`TURNS_MAX`] times what is read at once. Less than that is all there is, unless the
    /// client may have closed its side behind it.
    fn serve(&mut self, worker: &mut Worker, now: Millis, is_end: bool) -> Next {
        for _ in 0..TURNS_MAX {
            if self.admitted.ticket.is_cut() {
                return Next::Close;
            }
            let fresh = match self.stream.read(&mut worker.input) {
                Ok(0) => return Next::Close,
                Ok(fresh) => fresh,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return if worker.stopping { Next::Close } else { Next::Wait };
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The client's going away, which concerns nobody else.
                Err(_) => return Next::Close,
            };
            let mut left = Left::default();
            if left.answer(worker, &self.admitted, fresh) {
                let Ok(sent) = self.send(&worker.output) else { return Next::Close };
                let phase = left.settle(&worker.output, sent, self.admitted.transport);
                if !self.admitted.ticket.mark(phase, now) {
                    return Next::Close;
                }
                if left.unsent.is_empty() {
                    worker.counters.add(Counter::TcpAnswers, mem::take(&mut left.answers));
                }
            }
            if !left.is_nothing() {
                return Next::Leave(left);
            }
            if fresh < READ_CHUNK && !is_end && !worker.stopping {
                return Next::Wait;
            }
        }
        Next::Again
    }

    /// Sends as much as the client takes at once.
    fn send(&mut self, output: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < output.len() {
            match self.stream.write(&output[sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }
}

/// What others tell the task.
#[derive(Default)]
pub(super) struct Inbox {
    told: Mutex<Told>,
    notify: Notify,
}

/// No more than there are connections, and a wake for each.
#[derive(Default)]
struct Told {
    new: Vec<Plain>,
    /// Those that are to look what they were told.
    woken: Vec<usize>,
}

impl Inbox {
    /// Serves one more connection, whose socket does not block.
    pub(super) fn serve(&self, stream: TcpStream, admitted: Admitted) {
        self.told().new.push(Plain { stream, admitted, is_due: false });
        self.notify.notify_one();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the table wakes a connection here.
struct Bell {
    inbox: Arc<Inbox>,
    key: usize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.inbox.told().woken.push(self.key);
        self.inbox.notify.notify_one();
    }
}

/// All of them, and the task that serves them.
pub(super) struct Waiting {
    worker: Arc<Mutex<Worker>>,
    inbox: Arc<Inbox>,
    epoll: AsyncFd<OwnedFd>,
    connections: Slab<Plain>,
    /// Those that had all their turns.
    again: Vec<usize>,
}

impl Waiting {
    /// Wants the runtime of the thread around it.
    pub(super) fn new(worker: Arc<Mutex<Worker>>, inbox: Arc<Inbox>) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self {
            worker,
            inbox,
            epoll: readable(epoll)?,
            connections: Slab::new(),
            again: Vec::new(),
        })
    }

    /// Serves for as long as the runtime does.
    pub(super) async fn run(mut self) -> io::Result<Infallible> {
        loop {
            if self.again.is_empty() {
                tokio::select! {
                    ready = self.epoll.readable() => drop(ready?),
                    () = self.inbox.notify.notified() => {}
                }
            }
            self.take_turns();
            // Others of the thread have theirs.
            yield_now().await;
        }
    }

    fn take_turns(&mut self) {
        let worker = Arc::clone(&self.worker);
        // One thread has all of them, so nobody waits for this lock.
        let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
        // Read once: all of these are of the same millisecond, or nearly.
        let now = worker.now();

        for key in mem::take(&mut self.again) {
            if let Some(connection) = self.connections.get_mut(key) {
                connection.is_due = false;
                self.turn(&mut worker, now, key, true);
            }
        }
        let Told { new, woken } = mem::take(&mut *self.inbox.told());
        for connection in new {
            self.begin(&mut worker, now, connection);
        }
        for key in woken {
            self.turn(&mut worker, now, key, true);
        }
        let mut room = [const { MaybeUninit::uninit() }; EVENTS];
        for event in hear(&self.epoll, &mut room) {
            let Event { flags, data } = *event;
            let is_end = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            self.turn(&mut worker, now, data.u64() as usize, is_end);
        }
    }

    /// The first turn of a connection, which has asked already as a rule.
    fn begin(&mut self, worker: &mut Worker, now: Millis, mut connection: Plain) {
        let next = serve(&mut connection, worker, now, false);
        match next {
            Next::Close => return,
            Next::Leave(left) => return self.leave(worker, connection, left),
            Next::Wait | Next::Again => {}
        }
        let place = self.connections.vacant_entry();
        let key = place.key();
        let bell = Arc::new(Bell { inbox: Arc::clone(&self.inbox), key });
        connection.admitted.ticket.remember(&Waker::from(bell));
        let (stream, flags) =
            (&connection.stream, EventFlags::IN | EventFlags::RDHUP | EventFlags::ET);
        // Without the memory for it nobody would hear of it again: it is closed. So is one that was to go before that could be told.
        let is_known =
            epoll::add(&self.epoll, stream, EventData::new_u64(key as u64), flags).is_ok();
        if !is_known || connection.admitted.ticket.is_cut() {
            return;
        }
        connection.is_due = matches!(next, Next::Again);
        if connection.is_due {
            self.again.push(key);
        }
        place.insert(connection);
    }

    fn turn(&mut self, worker: &mut Worker, now: Millis, key: usize, is_end: bool) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.is_due {
            return;
        }
        match serve(connection, worker, now, is_end) {
            Next::Wait => {}
            Next::Again => {
                connection.is_due = true;
                self.again.push(key);
            }
            Next::Close => drop(self.connections.remove(key)),
            Next::Leave(left) => {
                let connection = self.connections.remove(key);
                let _ = epoll::delete(&self.epoll, &connection.stream);
                self.leave(worker, connection, left);
            }
        }
    }

    /// Goes on with a connection as a task.
    fn leave(&self, worker: &Worker, connection: Plain, left: Left) {
        let is_stopping = worker.stopping;
        let worker = Arc::clone(&self.worker);
        drop(tokio::spawn(async move {
            let Plain { stream, admitted, .. } = connection;
            let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
            if is_stopping {
                // What was received is answered still, and the runtime has not heard of it yet.
                yield_now().await;
            }
            Connection::new(worker, stream, admitted, left).await;
        }));
    }
}

/// Asks the kernel who was sent something, unless nothing is known to be there.
fn hear<'a>(epoll: &AsyncFd<OwnedFd>, room: &'a mut [MaybeUninit<Event>; EVENTS]) -> &'a [Event] {
    let mut heard: &[Event] = &[];
    let told = &mut heard;
    // `WouldBlock` says that there is nothing from here on, so that it is waited for; an error comes again with the next.
    let _ = epoll.try_io(Interest::READABLE, move |epoll| {
        let (events, _) = epoll::wait(epoll, &mut room[..], Some(&Timespec::default()))?;
        *told = events;
        if events.len() < EVENTS { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    heard
}

/// Its turns. A mistake of ours takes this connection along, and no other.
fn serve(connection: &mut Plain, worker: &mut Worker, now: Millis, is_end: bool) -> Next {
    let served = catch_unwind(AssertUnwindSafe(|| connection.serve(worker, now, is_end)));
    served.unwrap_or_else(|_| {
        error!("a query over TCP made its connection panic; the others are served on, please report this");
        Next::Close
    })
}

#[cfg(test)]
mod tests;
