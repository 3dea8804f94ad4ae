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

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::mem::{self, MaybeUninit};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Wake, Waker};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use slab::Slab;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tracing::error;

use super::connections::Millis;
use super::listen::hear;
use super::readable;
use super::stream::Connection;
use super::worker::{Admitted, Left, READ_CHUNK, Worker};
use crate::counters::Counter;

/// How many events are taken from the kernel at once.
const EVENTS: usize = 256;
/// What the turns of one pass may read, in bytes, before the other tasks of the thread have theirs; a read counts for [`READ_MIN`] at
/// least. These are 256 single queries, or 32 full buffers with some 7,000: a few milliseconds either way.
const PASS: usize = EVENTS * READ_MIN;
const READ_MIN: usize = 1024;

/// One connection.
struct Plain {
    stream: TcpStream,
    admitted: Admitted,
    /// Whether it waits for a turn.
    is_due: bool,
    /// Whether the client may have closed its side, so that a short read is not the last one.
    is_ending: bool,
}

/// What comes after a connection's turn.
enum Next {
    /// It waits for more.
    Wait,
    /// There may be more to read.
    Again,
    Close,
    /// It goes on as a task, with what is left.
    Leave(Box<Left>),
}

impl Plain {
    /// Reads once, and answers; a short read is all there was. Says how much was read, too.
    fn serve(&mut self, worker: &mut Worker, now: Millis) -> (Next, usize) {
        if self.admitted.ticket.is_cut() {
            return (Next::Close, 0);
        }
        let fresh = match self.stream.read(&mut worker.input) {
            Ok(0) => return (Next::Close, 0),
            Ok(fresh) => fresh,
            Err(error) => {
                let next = match error.kind() {
                    io::ErrorKind::WouldBlock if !worker.stopping => Next::Wait,
                    io::ErrorKind::Interrupted => Next::Again,
                    // It stops, or the client's going away, which concerns nobody else.
                    _ => Next::Close,
                };
                return (next, 0);
            }
        };
        (self.answer(worker, now, fresh), fresh)
    }

    fn answer(&mut self, worker: &mut Worker, now: Millis, fresh: usize) -> Next {
        let mut left = Left::default();
        let Self { stream, admitted, .. } = self;
        let turn = left.turn(worker, admitted, (now, fresh), |bytes| write(stream, bytes));
        if !matches!(turn, Ok(true)) {
            return Next::Close;
        }
        if left.unsent.is_empty() {
            worker.counters.add(Counter::TcpAnswers, mem::take(&mut left.answers));
        }
        if !left.is_nothing() {
            Next::Leave(Box::new(left))
        } else if fresh < READ_CHUNK && !self.is_ending && !worker.stopping {
            Next::Wait
        } else {
            Next::Again
        }
    }
}

/// Sends as much as the client takes at once.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> Poll<io::Result<usize>> {
    loop {
        return match stream.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            sent => Poll::Ready(sent),
        };
    }
}

/// What others tell the task.
#[derive(Default)]
pub(super) struct Inbox {
    told: Mutex<Told>,
    notify: Notify,
}

/// Both have at most as many as there are connections.
#[derive(Default)]
struct Told {
    new: Vec<Plain>,
    /// Those that are to look what they were told.
    woken: Vec<Arc<Bell>>,
}

impl Inbox {
    /// Serves one more connection, whose socket does not block.
    pub(super) fn serve(&self, stream: TcpStream, admitted: Admitted) {
        let connection = Plain { stream, admitted, is_due: false, is_ending: false };
        self.told().new.push(connection);
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
    /// Whether it was rung and not heard yet: once is enough.
    is_rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if !self.is_rung.swap(true, Ordering::AcqRel) {
            let inbox = Arc::clone(&self.inbox);
            inbox.told().woken.push(self);
            inbox.notify.notify_one();
        }
    }
}

/// All of them, and the task that serves them.
pub(super) struct Waiting {
    worker: Arc<Mutex<Worker>>,
    inbox: Arc<Inbox>,
    epoll: AsyncFd<OwnedFd>,
    connections: Slab<Plain>,
    /// Those that wait for a turn, each once; who has had one and wants another is behind the others.
    due: VecDeque<usize>,
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
            due: VecDeque::new(),
        })
    }

    /// Serves for as long as the runtime does, unless that can tell nothing any more.
    pub(super) async fn run(mut self) -> io::Error {
        loop {
            tokio::select! {
                ready = self.epoll.readable() => if let Err(error) = ready { return error },
                () = self.inbox.notify.notified() => {}
            }
            while self.take_turns() {
                // Others of the thread have theirs.
                yield_now().await;
            }
        }
    }

    /// One pass: who is new, and whose turn it is. Says whether there may be more to do.
    fn take_turns(&mut self) -> bool {
        let worker = Arc::clone(&self.worker);
        // One thread has all of them, so nobody waits for this lock.
        let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
        // Read once: a pass is over in some milliseconds, and activity is told in seconds.
        let now = worker.now();
        let mut rest = PASS;

        let Told { new, woken } = mem::take(&mut *self.inbox.told());
        // No more than others of the thread accept at a time.
        for connection in new {
            self.begin(connection, worker.stopping);
        }
        for bell in woken {
            bell.is_rung.store(false, Ordering::Release);
            // By now that may be another's number.
            self.make_due(bell.key, false);
        }
        let is_all = self.hear();
        while rest > 0 {
            let Some(key) = self.due.pop_front() else { break };
            rest = rest.saturating_sub(self.turn(&mut worker, now, key));
        }
        !is_all || !self.due.is_empty()
    }

    /// Takes in who was sent something; whether those are all.
    fn hear(&mut self) -> bool {
        let mut room = [const { MaybeUninit::uninit() }; EVENTS];
        let ready = ready(&self.epoll, &mut room);
        for event in ready {
            let Event { flags, data } = *event;
            let is_ending = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            self.make_due(data.u64() as usize, is_ending);
        }
        ready.len() < EVENTS
    }

    /// Gives a connection a place among those that wait for a turn, unless it has one.
    fn make_due(&mut self, key: usize, is_ending: bool) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.is_ending |= is_ending;
        if !mem::replace(&mut connection.is_due, true) {
            self.due.push_back(key);
        }
    }

    /// Has a connection wait for its first query: as a rule that is still under way, and to read in vain is a system call too.
    fn begin(&mut self, connection: Plain, is_stopping: bool) {
        let place = self.connections.vacant_entry();
        let key = place.key();
        let inbox = Arc::clone(&self.inbox);
        let bell = Arc::new(Bell { inbox, key, is_rung: AtomicBool::new(false) });
        connection.admitted.ticket.remember(&Waker::from(bell));
        let (stream, flags) =
            (&connection.stream, EventFlags::IN | EventFlags::RDHUP | EventFlags::ET);
        // Without the memory for it nobody would hear of it again: it is closed. So is one that was to go before that could be told.
        let is_known =
            epoll::add(&self.epoll, stream, EventData::new_u64(key as u64), flags).is_ok();
        if is_known && !connection.admitted.ticket.is_cut() {
            place.insert(connection);
            if is_stopping {
                self.make_due(key, false);
            }
        }
    }

    /// A turn; what it counts for.
    fn turn(&mut self, worker: &mut Worker, now: Millis, key: usize) -> usize {
        let Some(connection) = self.connections.get_mut(key) else { return 0 };
        connection.is_due = false;
        let (next, read) = serve(connection, worker, now);
        match next {
            Next::Wait => {}
            Next::Again => self.make_due(key, false),
            Next::Close => drop(self.connections.remove(key)),
            Next::Leave(left) => {
                let connection = self.connections.remove(key);
                let _ = epoll::delete(&self.epoll, &connection.stream);
                self.leave(connection, left);
            }
        }
        read.max(READ_MIN)
    }

    /// Goes on with a connection as a task.
    fn leave(&self, connection: Plain, left: Box<Left>) {
        let worker = Arc::clone(&self.worker);
        drop(tokio::spawn(async move {
            let Plain { stream, admitted, .. } = connection;
            let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
            // The stream says that nothing is there until the runtime has heard of it, and who is to close believes that.
            hear(admitted.ticket.table()).await;
            Connection::new(worker, stream, admitted, *left).await;
        }));
    }
}

/// Asks the kernel who was sent something, unless nothing is known to be there.
fn ready<'a>(epoll: &AsyncFd<OwnedFd>, room: &'a mut [MaybeUninit<Event>; EVENTS]) -> &'a [Event] {
    let mut ready: &[Event] = &[];
    let told = &mut ready;
    // `WouldBlock` says that there is nothing from here on, so that it is waited for; an error comes again with the next.
    let _ = epoll.try_io(Interest::READABLE, move |epoll| {
        let (events, _) = epoll::wait(epoll, &mut room[..], Some(&Timespec::default()))?;
        *told = events;
        if events.len() < EVENTS { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    ready
}

/// Its turn. A mistake of ours takes this connection along, and no other.
fn serve(connection: &mut Plain, worker: &mut Worker, now: Millis) -> (Next, usize) {
    let served = catch_unwind(AssertUnwindSafe(|| connection.serve(worker, now)));
    served.unwrap_or_else(|_| {
        error!("a query over TCP made its connection panic; the others are served on, please report this");
        (Next::Close, 0)
    })
}

#[cfg(test)]
mod tests;
