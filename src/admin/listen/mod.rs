//! The sockets of the admin API: opened, served and closed, whatever strangers do to them.
//!
//! ```text
//!   TCP ─▶ connections: is there room? ─▶ TLS ─▶ paced: does it read? ─▶ HTTP ─▶ service
//!   unix socket ────────────────────────────────────────┘
//! ```
//!
//! A client that says nothing, or says it slowly, loses its connection: each step has its time. Whoever floods
//! closes its own connections first. It all runs on one thread, and what answers DNS knows nothing of it.

pub mod connections;
pub mod identity;
pub mod paced;
pub mod reread;
pub mod unix;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::service::Service;
use crate::sys::user;
use connections::{Connections, Place, Ticket};
use paced::Paced;
use unix::SocketFile;

/// How long the whole header of a request may take, and a connection may wait without one.
pub const HEADER_TIME: Duration = Duration::from_secs(15);
/// How long a TLS handshake may take.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// The most bytes of a header.
pub const HEADER_MAX: usize = 16 * 1024;
/// The most fields of a header.
pub const FIELDS_MAX: usize = 64;
/// How many connections the kernel keeps that were not accepted yet.
const BACKLOG: i32 = 1024;
/// How long accepting rests when the process or the system is out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A lack of resources is told at most this often.
const COMPLAIN: Duration = Duration::from_secs(60);
/// How many connections are accepted before others have their turn.
const ACCEPT_BATCH: usize = 32;
/// How long requests may take to their end when the server ends.
const STOP: Duration = Duration::from_millis(300);

/// Open sockets that nobody serves yet.
#[derive(Debug)]
pub struct Sockets {
    tcp: Vec<TcpListener>,
    unix: Option<(UnixListener, SocketFile)>,
}

/// Sockets that are open already, and need not be opened.
#[derive(Debug, Default)]
pub struct Already {
    /// At addresses of their own.
    pub tcp: Vec<TcpListener>,
    /// At the path of the settings.
    pub unix: Option<UnixListener>,
}

/// The sockets of an API that is served, for another process that is to serve it next.
#[derive(Debug)]
pub struct Shared {
    /// Over TCP.
    pub tcp: Vec<TcpListener>,
    /// In the file system.
    pub unix: Option<UnixListener>,
    /// Set where the other process has taken over: the socket's file is its own then.
    pub is_left: Arc<AtomicBool>,
}

impl Sockets {
    /// Opens those that are not open already.
    pub fn open(
        listen: &[SocketAddr],
        socket: Option<&PathBuf>,
        already: Already,
    ) -> Result<Self, String> {
        let Already { tcp: mut open, unix } = already;
        for &address in listen {
            if !open.iter().any(|listener| listener.local_addr().is_ok_and(|at| at == address)) {
                open.push(tcp(address)?);
            }
        }
        let told = |error: io::Error| format!("a socket that was given cannot be used: {error}");
        for listener in &open {
            listener.set_nonblocking(true).map_err(told)?;
        }
        let unix = match (socket, unix) {
            (None, _) => None,
            (Some(path), None) => {
                let opened = unix::open(path);
                Some(opened.map_err(|error| format!("for the admin API: {error}"))?)
            }
            (Some(path), Some(listener)) => {
                listener.set_nonblocking(true).map_err(told)?;
                let file = SocketFile::of(path);
                // It is the file of whoever has opened it, until that one says otherwise.
                file.is_left().store(true, Ordering::Relaxed);
                Some((listener, file))
            }
        };
        Ok(Self { tcp: open, unix })
    }

    /// The same sockets once more.
    pub fn share(&self) -> io::Result<Shared> {
        let tcp = self.tcp.iter().map(TcpListener::try_clone).collect::<io::Result<_>>()?;
        let unix = self.unix.as_ref().map(|(listener, _)| listener.try_clone()).transpose()?;
        let is_left = self.unix.as_ref().map(|(_, file)| file.is_left()).unwrap_or_default();
        Ok(Shared { tcp, unix, is_left })
    }

    /// Where it is served over TCP.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.tcp.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

fn tcp(address: SocketAddr) -> Result<TcpListener, String> {
    let open = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?; // connections of the last run may linger
        socket.set_tcp_nodelay(true)?; // connections inherit it
        socket.set_nonblocking(true)?;
        user::bind(&socket, &address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    open().map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; something else listens there: give the admin API another address with \
                 `admin: {listen: ADDR:PORT}` or --admin ADDR:PORT, or turn it off with `admin: off` or --admin off"
            }
            _ => "",
        };
        format!("cannot listen on {address} for the admin API: {error}{hint}")
    })
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By the socket in the file system.
    Socket,
    /// From this address.
    Tcp(IpAddr),
}

impl Via {
    fn place(self) -> Place {
        match self {
            Self::Tcp(address) if !address.is_loopback() => Place::Elsewhere,
            Self::Tcp(_) | Self::Socket => Place::Here,
        }
    }
}

/// Serves the sockets until `stop` changes, then what was begun.
pub async fn serve(
    sockets: Sockets,
    tls: Option<TlsAcceptor>,
    service: Arc<Service>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let server = Server { connections: Arc::default(), tls, service, stop: stop.clone() };
    let mut accepting = JoinSet::new();
    for listener in sockets.tcp {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        accepting.spawn(server.clone().accept_tcp(listener));
    }
    let mut file = None;
    if let Some((listener, path)) = sockets.unix {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        accepting.spawn(server.clone().accept_unix(listener));
        file = Some(path);
    }
    // An error says that who could stop us is gone.
    let _ = stop.wait_for(|stop| *stop).await;
    drop(file);
    accepting.shutdown().await;
    server.connections.close_idle();
    let begun = Instant::now();
    while !server.connections.is_empty() && begun.elapsed() < STOP {
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[derive(Clone)]
struct Server {
    connections: Arc<Connections>,
    tls: Option<TlsAcceptor>,
    service: Arc<Service>,
    stop: watch::Receiver<bool>,
}

impl Server {
    async fn accept_tcp(self, listener: tokio::net::TcpListener) {
        let mut complaint = Complaint::default();
        for accepted in 1.. {
            match listener.accept().await {
                Ok((stream, from)) => {
                    let via = Via::Tcp(from.ip().to_canonical());
                    if let Some(ticket) = self.admit(via) {
                        match self.tls.clone() {
                            None => drop(tokio::spawn(self.clone().run(stream, via, ticket))),
                            Some(tls) => {
                                drop(tokio::spawn(self.clone().run_tls(tls, stream, via, ticket)));
                            }
                        }
                    }
                }
                Err(error) => self.cope(&error, &mut complaint).await,
            }
            if accepted % ACCEPT_BATCH == 0 {
                yield_now().await;
            }
        }
    }

    async fn accept_unix(self, listener: tokio::net::UnixListener) {
        let mut complaint = Complaint::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Some(ticket) = self.admit(Via::Socket) {
                        tokio::spawn(self.clone().run(stream, Via::Socket, ticket));
                    }
                }
                Err(error) => self.cope(&error, &mut complaint).await,
            }
        }
    }

    fn admit(&self, via: Via) -> Option<Arc<Ticket>> {
        self.connections.admit(via.place(), Instant::now()).map(Arc::new)
    }

    /// Makes room and rests, as a connection could not be accepted.
    async fn cope(&self, error: &io::Error, complaint: &mut Complaint) {
        self.connections.shed();
        if complaint.is_due() {
            warn!("cannot accept connections to the admin API: {error}; trying again");
        }
        sleep(ACCEPT_PAUSE).await;
    }

    async fn run_tls(
        self,
        tls: TlsAcceptor,
        stream: tokio::net::TcpStream,
        via: Via,
        ticket: Arc<Ticket>,
    ) {
        let handshake = timeout(HANDSHAKE_TIME, tls.accept(Paced::new(stream)));
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = ticket.cut() => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.speak(stream, via, ticket).await,
            Ok(Err(error)) => debug!("TLS with {via:?}: {error}"),
            Err(_) => debug!("TLS with {via:?}: the handshake took too long"),
        }
    }

    async fn run<S>(self, stream: S, via: Via, ticket: Arc<Ticket>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.speak(Paced::new(stream), via, ticket).await;
    }

    /// Speaks HTTP until the client goes, or has to go.
    async fn speak<S>(&self, stream: S, via: Via, ticket: Arc<Ticket>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| {
            let (service, ticket) = (Arc::clone(&self.service), Arc::clone(&ticket));
            async move { Ok::<_, std::convert::Infallible>(service.answer(request, via, &ticket).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_buf_size(HEADER_MAX)
            .max_headers(FIELDS_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut stop = self.stop.clone();
        tokio::select! {
            ended = connection.as_mut() => return tell(ended, via),
            () = ticket.cut() => return,
            _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            ended = connection => tell(ended, via),
            () = ticket.cut() => {}
        }
    }
}

/// What strangers send is no news.
fn tell(ended: Result<(), hyper::Error>, via: Via) {
    if let Err(error) = ended {
        debug!("a connection of {via:?} ended: {error}");
    }
}

/// When the operator was last told that accepting fails.
#[derive(Default)]
struct Complaint(Option<Instant>);

impl Complaint {
    fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|told| told.elapsed() >= COMPLAIN);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn failures_are_told_once_a_minute() {
        let mut complaint = Complaint::default();
        let mut told = Vec::new();
        for second in 0..200 {
            if complaint.is_due() {
                told.push(second);
            }
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(told, [0, 60, 120, 180]);
    }

    #[test]
    fn a_port_that_is_taken_says_how_to_do_without() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("it is bound");
        let error = Sockets::open(&[address], None, Already::default()).expect_err("it is taken");
        for part in [&address.to_string()[..], "--admin off", "admin: off"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
