//! DNS over TCP (RFC 7766).
//!
//! Each thread has listeners of its own on every address (`SO_REUSEPORT`; the kernel spreads connections
//! over them) and serves what it accepts to the end, so connections share nothing between threads but
//! the table that limits how many there are. Over TLS (RFC 7858) the same code serves the stream inside.
//!
//! ```text
//!   listen ──▶ connections: may it? ─┬─ TCP ──▶ plain ───┬──▶ worker: queries and answers ──▶ Answer
//!                    ▲ who has to go │            │ left │
//!                    │               └─ TLS ──▶ stream ──┘
//!                    └────────────────────────────┘ activity
//! ```

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tracing::error;

mod connections;
mod listen;
#[cfg(target_os = "linux")]
mod plain;
mod stream;
mod worker;

use connections::Connections;
use listen::{Acceptor, Complaint, EVENTS_PER_TICK, End, Listener};
use worker::Worker;

use super::Answer;
use crate::counters::{AllCounters, Counters};
use crate::sys::user;

/// How many connections the kernel keeps that were not accepted yet; it takes no more than its
/// `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// What clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of all threads; for one more the idlest is closed.
    pub connections: usize,
    /// Connections of one client, which is an IPv4 address or an IPv6 /64; one more is refused.
    pub per_client: usize,
    /// How long a new connection may take to its first whole query.
    pub first_query: Duration,
    /// How long a connection may go without a whole query, or without taking any of its answers
    /// (RFC 7766 §6.2.3: on the order of seconds); it is closed up to a second later.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            per_client: 100,
            first_query: Duration::from_secs(10),
            idle: Duration::from_secs(30),
        }
    }
}

/// Sockets for [`start`]: for each thread one on each address.
///
/// Where the kernel does not spread connections over listeners, which is everywhere but on Linux,
/// there is one thread. Port 0 is any port, the same one for all threads.
pub fn bind(addresses: &[SocketAddr], threads: usize) -> io::Result<Vec<Vec<TcpListener>>> {
    let threads = if cfg!(target_os = "linux") { threads.max(1) } else { 1 };
    let mut addresses = addresses.to_vec();
    (0..threads)
        .map(|_| {
            let listen = |address: &mut SocketAddr| {
                let socket = listen_on(*address, threads > 1).map_err(|error| {
                    let text = format!("cannot listen on {address} over TCP: {error}");
                    io::Error::new(error.kind(), text)
                })?;
                *address = socket.local_addr()?;
                Ok(socket)
            };
            addresses.iter_mut().map(listen).collect()
        })
        .collect()
}

/// Sockets for [`start`] that somebody else has bound to one address: for each thread one at least, which several share where there are
/// fewer.
pub fn adopt(sockets: &[TcpListener], threads: usize) -> io::Result<Vec<Vec<TcpListener>>> {
    let threads = threads.max(1);
    let mut rows: Vec<Vec<TcpListener>> = (0..threads).map(|_| Vec::new()).collect();
    if sockets.is_empty() {
        return Ok(rows);
    }
    for socket in sockets {
        let options = SockRef::from(socket);
        // Where nobody listens yet; else it sets how many may wait.
        options.listen(BACKLOG)?;
        options.set_tcp_nodelay(true)?; // connections inherit it
        socket.set_nonblocking(true)?;
    }
    for n in 0..threads.max(sockets.len()) {
        rows[n % threads].push(sockets[n % sockets.len()].try_clone()?);
    }
    Ok(rows)
}

pub(super) fn listen_on(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?; // `[::]` stands beside `0.0.0.0`
    }
    socket.set_reuse_address(true)?; // connections of the last run may linger
    #[cfg(target_os = "linux")]
    socket.set_reuse_port(shared)?; // with one thread a second server on the port is a mistake
    #[cfg(not(target_os = "linux"))]
    debug_assert!(!shared);
    socket.set_tcp_nodelay(true)?; // connections inherit it
    socket.set_nonblocking(true)?;
    user::bind(&socket, &address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The sockets of all threads, and what encrypts their connections; [`bind`] makes them.
pub type Listeners = (Vec<Vec<TcpListener>>, Option<TlsAcceptor>);

/// Starts a thread for each row of sockets, which each of `listeners` has as many of; `answer` makes what answers the queries of one.
pub fn start(
    listeners: Vec<Listeners>,
    limits: Limits,
    answer: impl Fn(&Arc<Counters>) -> Answer,
    counters: &AllCounters,
) -> io::Result<Running> {
    let connections = Connections::new(limits);
    let complaint = Arc::new(Complaint::default());
    let started = Instant::now();
    let (deadline, told) = watch::channel(None);
    // If a thread cannot be started those before it stop, as `deadline` is dropped.
    let mut threads = Vec::new();
    for (n, listeners) in rows(listeners).into_iter().enumerate() {
        let counters = counters.thread();
        let worker = Worker::new(answer(&counters), Arc::clone(&counters), started);
        let acceptor = Acceptor {
            connections: Arc::clone(&connections),
            worker: Arc::new(Mutex::new(worker)),
            counters,
            complaint: Arc::clone(&complaint),
            #[cfg(target_os = "linux")]
            plain: Arc::default(),
        };
        let runtime = runtime()?;
        let listeners = register(&runtime, listeners)?;
        #[cfg(target_os = "linux")]
        let plain = {
            let _guard = runtime.enter();
            plain::Waiting::new(Arc::clone(&acceptor.worker), Arc::clone(&acceptor.plain))?
        };
        let told = told.clone();
        let serve = move || {
            if n == 0 {
                runtime.spawn(acceptor.clone().sweep());
            }
            #[cfg(target_os = "linux")]
            let plain = plain.run();
            #[cfg(not(target_os = "linux"))]
            let plain = std::future::pending();
            runtime.block_on(async {
                tokio::select! {
                    () = acceptor.run(listeners, told) => {}
                    error = plain => error!("connections over TCP are served by fewer threads: {error}"),
                }
            });
        };
        threads.push(thread::Builder::new().name(format!("tcp-{n}")).spawn(serve)?);
    }
    Ok(Running { deadline, threads })
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_io_events_per_tick(EVENTS_PER_TICK)
        .build()
}

/// The sockets of each thread.
fn rows(listeners: Vec<Listeners>) -> Vec<Vec<(TcpListener, Option<TlsAcceptor>)>> {
    let mut threads = Vec::new();
    for (rows, tls) in listeners {
        threads.resize_with(rows.len().max(threads.len()), Vec::new);
        for (thread, row) in threads.iter_mut().zip(rows) {
            thread.extend(row.into_iter().map(|socket| (socket, tls.clone())));
        }
    }
    threads
}

fn register(
    runtime: &Runtime,
    listeners: Vec<(TcpListener, Option<TlsAcceptor>)>,
) -> io::Result<Vec<Listener>> {
    let _guard = runtime.enter();
    let register =
        |(socket, tls): (TcpListener, _)| Ok(Listener { socket: readable(socket.into())?, tls });
    listeners.into_iter().map(register).collect()
}

/// Has the runtime around it tell when a descriptor can be read.
fn readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        deprecated,
        reason = "what owns its descriptor keeps it, and that is all that the new way asks for"
    )]
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

/// The threads that serve. Dropped without [`stop`](Self::stop), they end at once.
#[derive(Debug)]
pub struct Running {
    deadline: watch::Sender<Option<End>>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Accepts no more, answers what was received, and closes; connections that cannot be done
    /// `within` that time are cut. Blocks until all is closed.
    pub fn stop(self, within: Duration) {
        self.end(End { by: Instant::now() + within, lingers: None });
    }

    /// Leaves those who wait to be accepted to the process that has the sockets too. Who is connected may ask for as long as `linger`, and
    /// is closed behind the answers; then it ends as [`stop`](Self::stop) does.
    pub fn leave(self, linger: Duration, within: Duration) {
        let until = Instant::now() + linger;
        self.end(End { by: until + within, lingers: Some(until) });
    }

    fn end(self, end: End) {
        // Fails when no thread is left to hear it.
        let _ = self.deadline.send(Some(end));
        for thread in self.threads {
            // What a thread panicked with was printed when it did.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::counters::Counter;
    use crate::server::Answered;

    /// Longer than anything here takes; a test that waits so long has failed.
    const LONG: Duration = Duration::from_secs(10);

    fn echo() -> Answer {
        Box::new(|_, _, query, out| {
            out.extend_from_slice(query);
            Answered::Whole
        })
    }

    struct Server {
        at: SocketAddr,
        running: Running,
        counters: AllCounters,
    }

    fn serve(address: &str, threads: usize, limits: Limits) -> Server {
        let address: SocketAddr = address.parse().expect("an address");
        let listeners = bind(&[address], threads).expect("a free port");
        let at = listeners[0][0].local_addr().expect("bound");
        let counters = AllCounters::default();
        let running =
            start(vec![(listeners, None)], limits, |_| echo(), &counters).expect("threads");
        Server { at, running, counters }
    }

    impl Server {
        fn connect(&self) -> TcpStream {
            let stream = TcpStream::connect(self.at).expect("it listens");
            stream.set_read_timeout(Some(LONG)).expect("an option");
            stream.set_nodelay(true).expect("an option");
            stream
        }

        fn stop(self) -> AllCounters {
            self.running.stop(LONG);
            self.counters
        }
    }

    fn ask(stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&[0, 3, b'a', b's', b'k'])?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        assert_eq!(answer, [0, 3, b'a', b's', b'k']);
        Ok(())
    }

    /// Whether the server has closed it; a reset tells the same as an end of file.
    fn is_closed(stream: &mut TcpStream) -> bool {
        match stream.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    #[test]
    fn every_thread_serves_on_every_address() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let server = serve(address, 3, Limits::default());
            let mut clients: Vec<_> = (0..32).map(|_| server.connect()).collect();
            for client in &mut clients {
                ask(client).expect("an answer");
                ask(client).expect("another");
            }
            let counters = server.stop();
            assert_eq!(counters.total(Counter::TcpConnections), 32);
            assert_eq!(counters.total(Counter::TcpQueries), 64);
            assert_eq!(counters.total(Counter::TcpAnswers), 64);
            assert!(clients.iter_mut().all(is_closed));
        }
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("bound");
        let error = bind(&[address], 1).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let start = format!("cannot listen on {address} over TCP: ");
        assert!(error.to_string().starts_with(&start), "{error}");
    }

    #[test]
    fn accepted_connections_send_at_once() {
        let listeners = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))], 1).expect("a free port");
        let listener = &listeners[0][0];
        listener.set_nonblocking(false).expect("an option");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (accepted, _) = listener.accept().expect("a connection");
        assert!(accepted.nodelay().expect("an option"));
        drop(client);
    }

    #[test]
    fn a_client_over_its_cap_is_refused_and_keeps_what_it_has() {
        let server = serve("127.0.0.1:0", 1, Limits { per_client: 2, ..Limits::default() });
        let (mut first, mut second) = (server.connect(), server.connect());
        ask(&mut first).expect("an answer");
        ask(&mut second).expect("an answer");
        assert!(is_closed(&mut server.connect()));
        ask(&mut first).expect("an answer");
        ask(&mut second).expect("an answer");
        assert_eq!(server.stop().total(Counter::TcpRefused), 1);
    }

    #[test]
    fn rfc7766_10_over_the_cap_the_idlest_is_shed() {
        let server = serve("127.0.0.1:0", 1, Limits { connections: 2, ..Limits::default() });
        let (mut first, mut second) = (server.connect(), server.connect());
        ask(&mut first).expect("an answer");
        ask(&mut second).expect("an answer");
        // One thread serves both, so with this answer the turn of the second is over.
        ask(&mut first).expect("an answer");
        let over = Instant::now();
        while over.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        ask(&mut first).expect("an answer, some of the server's milliseconds later");
        ask(&mut server.connect()).expect("an answer");
        assert!(is_closed(&mut second));
        ask(&mut first).expect("an answer");
        assert_eq!(server.stop().total(Counter::TcpShed), 1);
    }

    #[test]
    fn aborted_connections_do_not_stop_the_listener() {
        let server = serve("127.0.0.1:0", 1, Limits::default());
        for n in 0..64 {
            let mut stream = server.connect();
            if n % 2 == 0 {
                stream.write_all(&[0, 9, 1]).expect("open");
            }
            // Closing sends a reset instead of an end.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option");
        }
        ask(&mut server.connect()).expect("an answer");
        server.stop();
    }

    #[test]
    fn a_stop_answers_who_connected_and_asked_before() {
        let server = serve("127.0.0.1:0", 2, Limits { per_client: 200, ..Limits::default() });
        let mut clients: Vec<_> = (0..200).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.write_all(&[0, 1, b'a', 0, 1, b'b', 0, 9]).expect("open");
        }
        let counters = server.stop();
        for client in &mut clients {
            let mut received = Vec::new();
            client.read_to_end(&mut received).expect("answers, then the end");
            assert_eq!(received, [0, 1, b'a', 0, 1, b'b']);
        }
        assert_eq!(counters.total(Counter::TcpAnswers), 400);
    }

    /// Serves sockets that are there already.
    fn serve_given(sockets: &[TcpListener], threads: usize) -> Server {
        let listeners = adopt(sockets, threads).expect("they are bound");
        let at = sockets[0].local_addr().expect("bound");
        let counters = AllCounters::default();
        let limits = Limits { per_client: 200, ..Limits::default() };
        let running =
            start(vec![(listeners, None)], limits, |_| echo(), &counters).expect("threads");
        Server { at, running, counters }
    }

    #[test]
    fn every_thread_has_one_of_the_sockets_that_are_given() {
        let bound = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        for (sockets, threads, expected) in
            [(1, 2, vec![1, 1]), (3, 2, vec![2, 1]), (0, 1, vec![0])]
        {
            let sockets: Vec<TcpListener> = (0..sockets).map(|_| bound()).collect();
            let rows = adopt(&sockets, threads).expect("bound");
            assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn who_waits_to_be_accepted_when_a_server_leaves_is_served_by_the_next() {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let first = serve_given(std::slice::from_ref(&socket), 2);
        let mut old = first.connect();
        ask(&mut old).expect("an answer");
        first.running.leave(Duration::ZERO, LONG);
        assert!(is_closed(&mut old));
        let mut waiting: Vec<_> = (0..50).map(|_| TcpStream::connect(first.at)).collect();
        for client in waiting.iter_mut().flatten() {
            client.write_all(&[0, 1, b'a']).expect("open");
        }
        let next = serve_given(std::slice::from_ref(&socket), 1);
        for client in waiting {
            let mut client = client.expect("it is accepted by the kernel");
            client.set_read_timeout(Some(LONG)).expect("an option");
            let mut answer = [0; 3];
            client.read_exact(&mut answer).expect("an answer");
            assert_eq!(answer, [0, 1, b'a']);
        }
        next.stop();
    }

    #[test]
    fn who_is_connected_when_a_server_leaves_is_closed_behind_an_answer() {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let server = serve_given(std::slice::from_ref(&socket), 1);
        let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
        // One has asked before, one has sent half a query, one nothing yet.
        ask(&mut clients[0]).expect("an answer");
        clients[1].write_all(&[0, 3, b'a']).expect("open");
        // Known to be accepted, as one thread takes them in their order.
        ask(&mut server.connect()).expect("an answer");
        let left = thread::spawn(move || server.running.leave(LONG, LONG));
        clients[1].write_all(b"sk").expect("open");
        assert_eq!(clients[1].read_exact(&mut [0; 5]).ok(), Some(()));
        for client in [0, 2] {
            ask(&mut clients[client]).expect("an answer");
        }
        // The first answer after it was told is the last.
        for client in &mut clients {
            while ask(client).is_ok() {}
        }
        left.join().expect("it ends, as all are closed");
    }

    #[test]
    fn a_stop_cuts_who_does_not_read() {
        let server = serve("127.0.0.1:0", 1, Limits::default());
        let stream = server.connect();
        stream.set_nonblocking(true).expect("an option");
        let query = [&[255, 255][..], &vec![b'q'; 65_535]].concat();
        let mut writer = &stream;
        while writer.write(&query).is_ok() {} // until neither side has room
        server.running.stop(Duration::from_millis(50));
    }
}
