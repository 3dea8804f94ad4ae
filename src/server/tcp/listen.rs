//! One thread's listeners: connections are accepted, given a place and served, until it is told to stop.
//!
//! Nothing that a client does ends a listener: a connection that is gone before it was accepted is
//! forgotten, and when the process has no file descriptor left the idlest connection gives up its own.

use std::convert::Infallible;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use super::BACKLOG;
use super::connections::{Admission, Connections, Millis};
#[cfg(target_os = "linux")]
use super::plain::Inbox;
use super::stream::Connection;
use super::worker::{Admitted, Left, Worker};
use crate::counters::{Counter, Counters};
use crate::engine::Transport;

/// How often connections are looked over for idle ones, and so how late one may be closed.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How long accepting rests when the process or the system is out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A lack of resources is told at most this often.
const WARN_INTERVAL: Millis = 60_000;

/// How many events of sockets the runtime takes from the kernel at once.
pub(super) const EVENTS_PER_TICK: usize = 1024;

/// How to end, once it is known.
pub(super) type Deadline = watch::Receiver<Option<End>>;

/// How to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// When to be gone.
    pub(super) by: Instant,
    /// Until when who is connected may ask. Then those who wait to be accepted are others'.
    pub(super) lingers: Option<Instant>,
}

/// A socket of one thread, and what encrypts its connections.
pub(super) struct Listener {
    pub(super) socket: AsyncFd<OwnedFd>,
    pub(super) tls: Option<TlsAcceptor>,
}

/// What serves the connections of one thread.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) connections: Arc<Connections>,
    pub(super) worker: Arc<Mutex<Worker>>,
    pub(super) counters: Arc<Counters>,
    pub(super) complaint: Arc<Complaint>,
    /// Who serves those that are not encrypted.
    #[cfg(target_os = "linux")]
    pub(super) plain: Arc<Inbox>,
}

impl Acceptor {
    /// Serves until the deadline is known, then until what was received is answered or the deadline
    /// is there.
    pub(super) async fn run(self, listeners: Vec<Listener>, mut deadline: Deadline) {
        let (open, mut closed) = mpsc::channel(1);
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(self.clone().accept_all(listener, open.clone(), deadline.clone()));
        }
        drop(open);
        while accepting.join_next().await.is_some() {}

        let end = *deadline.borrow_and_update();
        if let Some(until) = end.and_then(|end| end.lingers) {
            self.worker.lock().unwrap_or_else(PoisonError::into_inner).leaving = true;
            if timeout_at(until, closed.recv()).await.is_ok() {
                return;
            }
        }
        hear(&self.connections).await;
        self.worker.lock().unwrap_or_else(PoisonError::into_inner).stopping = true;
        self.connections.wake_all();
        let by = end.map_or_else(Instant::now, |end| end.by);
        let _all_closed_or_late = timeout_at(by, closed.recv()).await;
    }

    /// Closes idle connections of all threads, once a [`SWEEP_INTERVAL`].
    pub(super) async fn sweep(self) -> Infallible {
        let mut ticks = interval(SWEEP_INTERVAL);
        loop {
            ticks.tick().await;
            let expired = self.connections.expire(self.now());
            self.counters.add(Counter::TcpIdle, expired as u64);
        }
    }

    async fn accept_all(
        self,
        Listener { socket, tls }: Listener,
        open: mpsc::Sender<Infallible>,
        mut deadline: Deadline,
    ) {
        // Once for all connections: to begin waiting costs a lock.
        let told_end = deadline.clone();
        let mut told = pin!(deadline.changed());
        loop {
            let accepted = tokio::select! {
                accepted = socket.async_io(Interest::READABLE, accept) => accepted,
                _ = &mut told => break,
            };
            let pause = self.take(accepted, tls.as_ref(), &open);
            if !pause.is_zero() {
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = &mut told => break,
                }
            }
        }
        if told_end.borrow().is_some_and(|end| end.lingers.is_some()) {
            return;
        }
        // Who connected before the end is served: the kernel has accepted already.
        for _ in 0..BACKLOG {
            let Ok(accepted) = accept(socket.get_ref()) else { break };
            self.take(Ok(accepted), tls.as_ref(), &open);
        }
    }

    /// Starts a connection, or says how long to wait before the next one.
    fn take(
        &self,
        accepted: io::Result<(net::TcpStream, SocketAddr)>,
        tls: Option<&TlsAcceptor>,
        open: &mpsc::Sender<Infallible>,
    ) -> Duration {
        let now = self.now();
        match accepted {
            Ok((stream, from)) => {
                self.admit(stream, from, tls, (open.clone(), now));
                Duration::ZERO
            }
            Err(error) => self.cope(&error, now),
        }
    }

    fn admit(
        &self,
        stream: net::TcpStream,
        from: SocketAddr,
        tls: Option<&TlsAcceptor>,
        (open, now): (mpsc::Sender<Infallible>, Millis),
    ) {
        let client = from.ip().to_canonical();
        match self.connections.admit(client, now) {
            Admission::Refused => self.counters.add(Counter::TcpRefused, 1),
            Admission::Admitted { ticket, shed } => {
                self.counters.add(Counter::TcpConnections, 1);
                self.counters.add(Counter::TcpShed, u64::from(shed));
                let transport = if tls.is_some() { Transport::Tls } else { Transport::Tcp };
                let admitted = Admitted::new(client, transport, ticket, open);
                match tls {
                    Some(tls) => self.serve_tls(stream, tls, admitted),
                    None => self.serve_plain(stream, admitted),
                }
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn serve_plain(&self, stream: net::TcpStream, admitted: Admitted) {
        self.plain.serve(stream, admitted);
    }

    #[cfg(not(target_os = "linux"))]
    fn serve_plain(&self, stream: net::TcpStream, admitted: Admitted) {
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        let worker = Arc::clone(&self.worker);
        drop(tokio::spawn(Connection::new(worker, stream, admitted, Left::default())));
    }

    fn serve_tls(&self, stream: net::TcpStream, tls: &TlsAcceptor, admitted: Admitted) {
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        let worker = Arc::clone(&self.worker);
        let (handshake, within) = (tls.accept(stream), self.connections.first_query());
        drop(tokio::spawn(async move {
            // Who cannot agree on keys is no client; the same limit holds again for its first query.
            let Ok(Ok(stream)) = timeout(within, handshake).await else { return };
            Connection::new(worker, stream, admitted, Left::default()).await;
        }));
    }

    /// Makes room if that is what accepting failed for; says how long to wait before the next try.
    fn cope(&self, error: &io::Error, now: Millis) -> Duration {
        self.counters.add(Counter::TcpAcceptFailed, 1);
        match Failure::of(error) {
            Failure::Client => return Duration::ZERO,
            Failure::Descriptors => {
                let shed = self.connections.shed(now);
                self.counters.add(Counter::TcpShed, u64::from(shed));
            }
            Failure::System => {}
        }
        if self.complaint.is_due(now) {
            warn!("cannot accept TCP connections: {error}; trying again");
        }
        ACCEPT_PAUSE
    }

    fn now(&self) -> Millis {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner).now()
    }
}

/// Lets the runtime hear from the kernel about all that has come by now.
pub(super) async fn hear(connections: &Connections) {
    for _ in 0..=connections.len() / EVENTS_PER_TICK {
        yield_now().await;
    }
}

/// The next connection, whose socket does not block.
fn accept(socket: &OwnedFd) -> io::Result<(net::TcpStream, SocketAddr)> {
    #[cfg(target_os = "linux")]
    {
        use rustix::net::{SocketFlags, acceptfrom_with};

        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (stream, from) = acceptfrom_with(socket, flags)?;
        // A client without an address is none; the kernel tells one of each.
        let from = from.ok_or(io::ErrorKind::ConnectionAborted)?.try_into()?;
        Ok((stream.into(), from))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let (stream, from) = socket2::SockRef::from(socket).accept()?;
        stream.set_nonblocking(true)?;
        Ok((stream.into(), from.as_socket().ok_or(io::ErrorKind::ConnectionAborted)?))
    }
}

/// Why a connection could not be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It was gone before it was accepted.
    Client,
    /// The process or the system has no file descriptor left.
    Descriptors,
    /// Anything else, such as want of memory.
    System,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;

        // The same numbers on every Unix; `ErrorKind` has no names for them.
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;

        match (error.raw_os_error(), error.kind()) {
            (Some(ENFILE | EMFILE), _) => Self::Descriptors,
            // accept(2): errors of the new connection's network are passed on here.
            (
                _,
                Kind::ConnectionAborted
                | Kind::ConnectionReset
                | Kind::HostUnreachable
                | Kind::Interrupted
                | Kind::NetworkUnreachable
                | Kind::TimedOut,
            ) => Self::Client,
            _ => Self::System,
        }
    }
}

/// When the operator was last told that accepting fails; one for all threads.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    /// The time after which it is told again; 0 before the first.
    next: AtomicU64,
}

impl Complaint {
    fn is_due(&self, now: Millis) -> bool {
        let next = self.next.load(Ordering::Relaxed);
        let told = now + WARN_INTERVAL;
        now >= next
            && self.next.compare_exchange(next, told, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::server::tcp::Limits;
    use crate::server::{Answer, Answered};

    #[test]
    fn a_clients_failure_is_not_the_listeners() {
        let rows = [
            (103, Failure::Client),     // ECONNABORTED
            (104, Failure::Client),     // ECONNRESET
            (113, Failure::Client),     // EHOSTUNREACH
            (23, Failure::Descriptors), // ENFILE
            (24, Failure::Descriptors), // EMFILE
            (105, Failure::System),     // ENOBUFS
            (12, Failure::System),      // ENOMEM
        ];
        if cfg!(target_os = "linux") {
            for (number, expected) in rows {
                let error = io::Error::from_raw_os_error(number);
                assert_eq!(Failure::of(&error), expected, "{error}");
            }
        }
    }

    #[test]
    fn failures_are_told_once_a_minute() {
        let complaint = Complaint::default();
        let told: Vec<Millis> =
            (0..200).map(|n| n * 1_000).filter(|&now| complaint.is_due(now)).collect();
        assert_eq!(told, [0, 60_000, 120_000, 180_000]);
    }

    #[test]
    fn without_descriptors_the_idlest_connection_gives_up_its_own() {
        let counters = Arc::new(Counters::default());
        let answer: Answer = Box::new(|_, _, _, _| Answered::Nothing);
        let acceptor = Acceptor {
            connections: Connections::new(Limits::default()),
            worker: Arc::new(Mutex::new(Worker::new(
                answer,
                Arc::clone(&counters),
                Instant::now(),
            ))),
            counters: Arc::clone(&counters),
            complaint: Arc::default(),
            #[cfg(target_os = "linux")]
            plain: Arc::default(),
        };
        let open = |now| {
            let client = IpAddr::from([192, 0, 2, 1]);
            match acceptor.connections.admit(client, now) {
                Admission::Admitted { ticket, .. } => ticket,
                Admission::Refused => panic!("there is room"),
            }
        };
        let (first, second) = (open(1), open(2));
        let no_descriptor = io::Error::from_raw_os_error(24);
        assert_eq!(acceptor.cope(&no_descriptor, 3), ACCEPT_PAUSE);
        assert!(first.is_cut() && !second.is_cut());

        let gone = io::Error::from(io::ErrorKind::ConnectionAborted);
        assert_eq!(acceptor.cope(&gone, 4), Duration::ZERO);
        assert!(!second.is_cut());
        assert_eq!(counters.get(Counter::TcpShed), 1);
        assert_eq!(counters.get(Counter::TcpAcceptFailed), 2);
    }
}
