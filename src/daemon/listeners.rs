//! All listeners together: opened, started and stopped as one.

use std::cell::RefCell;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::net::TcpListener;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
#[cfg(target_os = "linux")]
use anyhow::anyhow;
#[cfg(target_os = "linux")]
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use super::given::{Given, Kind, Socket};
#[cfg(target_os = "linux")]
use crate::admin::listen::identity::{self, Identity};
#[cfg(target_os = "linux")]
use crate::admin::listen::reread::Reread;
use crate::authority::Services;
use crate::config::Config;
#[cfg(target_os = "linux")]
use crate::config::server::authority::DnsTls;
#[cfg(target_os = "linux")]
use crate::config::server::{Sockets, Workers};
use crate::counters::{AllCounters, Counter, Counters};
use crate::dnstap::{self, Tap};
use crate::server::responder::Responder;
#[cfg(target_os = "linux")]
use crate::server::udp;
use crate::server::{Answer, hickory, tcp};
use crate::state::publisher::Publisher;

/// How long what was received over TCP may take to be answered at the end.
const STOP: Duration = Duration::from_millis(500);

/// Open sockets that nobody serves yet.
pub(super) enum Listeners {
    /// Ours, and once more what is handed over when another process takes our place.
    #[cfg(target_os = "linux")]
    Native { udp: Vec<udp::Listener>, tcp: Vec<tcp::Listeners>, held: Given, is_kept: bool },
    /// hickory-server's.
    Portable(Vec<hickory::Bound>),
}

/// Sockets that are served, and who logs what is asked.
pub(super) struct Running {
    sockets: Serving,
    dnstap: Option<dnstap::Running>,
}

enum Serving {
    /// Ours.
    #[cfg(target_os = "linux")]
    Native { udp: Option<udp::Running>, tcp: tcp::Running, is_kept: bool },
    /// hickory-server's.
    Portable(hickory::Running),
}

impl Listeners {
    /// Opens all sockets that were not given.
    pub(super) fn open(config: &Config, given: &mut Given) -> anyhow::Result<Self> {
        #[cfg(target_os = "linux")]
        if config.sockets == Sockets::Native {
            let (workers, mut held) = (workers(config), Given::default());
            let udp = open_udp(&config.listen, workers, given, &mut held)?;
            // Port 0 was the kernel's choice for UDP; TCP takes the same.
            let addresses = distinct(udp.iter().map(|listener| listener.address));
            let mut tcp = vec![(open_tcp(&addresses, workers, given, &mut held)?, None)];
            if let Some(wanted) = &config.authority.tls {
                let rows = open_tcp(&wanted.listen, workers, given, &mut held)?;
                tcp.push((rows, Some(tls(wanted)?)));
            }
            let is_kept = held.sockets().iter().any(|socket| socket.is_kept);
            return Ok(Self::Native { tcp, udp, held, is_kept });
        }
        let mut bound = Vec::new();
        for &address in &config.listen {
            let (udp, tcp) = (given.take_udp(address), given.take_tcp(address));
            if udp.is_empty() && tcp.is_empty() {
                bound.extend(hickory::bind(&[address])?);
                continue;
            }
            for socket in udp.into_iter().chain(tcp) {
                bound.push(match socket.kind {
                    Kind::Udp(socket) => {
                        socket.set_nonblocking(true)?;
                        hickory::Bound::Udp(socket)
                    }
                    Kind::Tcp(listener) => {
                        listener.set_nonblocking(true)?;
                        hickory::Bound::Tcp(listener)
                    }
                    Kind::Unix(..) => continue,
                });
            }
        }
        Ok(Self::Portable(bound))
    }

    /// Where DNS is served over TLS.
    pub(super) fn over_tls(&self) -> anyhow::Result<Vec<SocketAddr>> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Native { tcp, .. } => {
                let rows = tcp.iter().filter(|(_, tls)| tls.is_some());
                // Each thread has a socket of its own at each address.
                let sockets = rows.filter_map(|(threads, _)| threads.first()).flatten();
                let addresses: std::io::Result<Vec<_>> =
                    sockets.map(TcpListener::local_addr).collect();
                Ok(distinct(addresses?.into_iter()))
            }
            Self::Portable(_) => Ok(Vec::new()),
        }
    }

    /// Where DNS is served, over UDP and TCP.
    pub(super) fn addresses(&self) -> anyhow::Result<Vec<SocketAddr>> {
        Ok(match self {
            #[cfg(target_os = "linux")]
            Self::Native { udp, .. } => distinct(udp.iter().map(|listener| listener.address)),
            Self::Portable(bound) => {
                let addresses: std::io::Result<Vec<_>> =
                    bound.iter().map(hickory::Bound::address).collect();
                distinct(addresses?.into_iter())
            }
        })
    }

    /// Once more what another process takes over; `None` where it cannot.
    pub(super) fn share(&mut self) -> Option<Given> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Native { held, .. } => Some(std::mem::take(held)),
            Self::Portable(_) => None,
        }
    }

    /// Serves them.
    pub(super) fn start(
        self,
        config: &Config,
        publisher: &Publisher,
        counters: &AllCounters,
        services: &Arc<dyn Services>,
    ) -> anyhow::Result<Running> {
        let snapshot = publisher.snapshot();
        let limits = tcp::Limits {
            connections: config.limits.tcp_connections.get(),
            per_client: config.limits.tcp_per_client.get(),
            ..tcp::Limits::default()
        };
        let tap = RefCell::new(config.dnstap.clone().map(Tap::new));
        let answer = |counters: &Arc<Counters>, services: Option<&Arc<dyn Services>>| -> Answer {
            let recorder = tap.borrow_mut().as_mut().map(|tap| tap.recorder(counters));
            let (snapshot, counters) = (Arc::clone(snapshot), Arc::clone(counters));
            let mut responder = Responder::new(snapshot, counters, services.cloned(), recorder);
            Box::new(move |client, transport, query, out| {
                responder.answer(client, transport, query, out)
            })
        };
        let sockets = match self {
            #[cfg(target_os = "linux")]
            Self::Native { udp, tcp, is_kept, .. } => {
                let udp =
                    udp::start(udp, snapshot, counters, Some(services), tap.borrow_mut().as_mut())
                        .context("cannot serve UDP")?;
                let tcp =
                    tcp::start(tcp, limits, |counters| answer(counters, Some(services)), counters)
                        .context("cannot serve TCP")?;
                Serving::Native { udp: Some(udp), tcp, is_kept }
            }
            Self::Portable(bound) => Serving::Portable({
                if config.authority.tls.is_some() {
                    warn!("portable sockets serve no DNS over TLS; `tls` has no effect");
                }
                warn!(
                    "portable sockets: one thread, no limits on TCP connections, no transfers and no updates"
                );
                let counters = counters.thread();
                // hickory-server answers a query with one message: a transfer has more.
                hickory::start(bound, limits.idle, answer(&counters, None), counters)
                    .context("cannot serve")?
            }),
        };
        let dnstap = tap.into_inner().map(|tap| tap.start(counters.thread_beside()));
        let dnstap = dnstap.transpose().context("cannot log queries")?;
        Ok(Running { sockets, dnstap })
    }
}

impl Running {
    /// Answers what was received over UDP, and leaves the rest to another process that has the sockets too.
    pub(super) fn leave_udp(&mut self) {
        match &mut self.sockets {
            #[cfg(target_os = "linux")]
            Serving::Native { udp, .. } => {
                if let Some(udp) = udp.take() {
                    udp.leave();
                }
            }
            Serving::Portable(_) => {}
        }
    }

    /// Leaves what was not received to another process that has the sockets too. Who is connected may ask for as long as `linger`.
    pub(super) fn leave(mut self, linger: Duration) {
        self.leave_udp();
        match self.sockets {
            #[cfg(target_os = "linux")]
            Serving::Native { tcp, .. } => tcp.leave(linger, STOP),
            Serving::Portable(running) => running.stop(STOP),
        }
        if let Some(dnstap) = self.dnstap {
            dnstap.stop();
        }
    }

    /// Answers what was received, and closes.
    pub(super) fn stop(self) {
        match self.sockets {
            #[cfg(target_os = "linux")]
            Serving::Native { udp, tcp, is_kept } => {
                let udp = thread::spawn(move || udp.map(udp::Running::stop));
                if is_kept {
                    tcp.leave(Duration::ZERO, STOP);
                } else {
                    tcp.stop(STOP);
                }
                // A thread that panicked has been reported where it did.
                let _ = udp.join();
            }
            Serving::Portable(running) => running.stop(STOP),
        }
        // Last, so that every answer is in it.
        if let Some(dnstap) = self.dnstap {
            dnstap.stop();
        }
    }
}

/// The UDP sockets of each address: those that were given, else our own.
#[cfg(target_os = "linux")]
fn open_udp(
    addresses: &[SocketAddr],
    workers: usize,
    given: &mut Given,
    held: &mut Given,
) -> anyhow::Result<Vec<udp::Listener>> {
    let mut listeners = Vec::new();
    for &address in addresses {
        let mut sockets = Vec::new();
        let mut are_kept = false;
        for Socket { kind, is_kept } in given.take_udp(address) {
            let Kind::Udp(socket) = kind else { continue };
            held.add(Socket { kind: Kind::Udp(socket.try_clone()?), is_kept });
            are_kept |= is_kept;
            sockets.push(socket);
        }
        if !sockets.is_empty() {
            listeners.extend(udp::adopt(&sockets, workers, are_kept)?);
            continue;
        }
        for listener in udp::bind(&[address], workers)? {
            held.add(Socket { kind: Kind::Udp(listener.socket()?), is_kept: false });
            listeners.push(listener);
        }
    }
    Ok(listeners)
}

/// The TCP sockets of each thread at these addresses: those that were given, else our own.
#[cfg(target_os = "linux")]
fn open_tcp(
    addresses: &[SocketAddr],
    workers: usize,
    given: &mut Given,
    held: &mut Given,
) -> anyhow::Result<Vec<Vec<TcpListener>>> {
    let mut threads: Vec<Vec<TcpListener>> = Vec::new();
    for &address in addresses {
        let mut sockets = Vec::new();
        for Socket { kind, is_kept } in given.take_tcp(address) {
            let Kind::Tcp(listener) = kind else { continue };
            held.add(Socket { kind: Kind::Tcp(listener.try_clone()?), is_kept });
            sockets.push(listener);
        }
        let rows = if sockets.is_empty() {
            let rows = tcp::bind(&[address], workers)?;
            for listener in rows.iter().flatten() {
                held.add(Socket { kind: Kind::Tcp(listener.try_clone()?), is_kept: false });
            }
            rows
        } else {
            tcp::adopt(&sockets, workers)
                .with_context(|| format!("the TCP socket on {address} that was given"))?
        };
        threads.resize_with(rows.len().max(threads.len()), Vec::new);
        for (thread, row) in threads.iter_mut().zip(rows) {
            thread.extend(row);
        }
    }
    Ok(threads)
}

/// What encrypts DNS over TLS; a certificate that was renewed is read again.
#[cfg(target_os = "linux")]
fn tls(wanted: &DnsTls) -> anyhow::Result<TlsAcceptor> {
    /// What DNS over TLS is called (RFC 7858 §3.2 has no name for it, RFC 9103 §7.1 wants this one).
    const PROTOCOL: &[u8] = b"dot";
    let files = vec![wanted.identity.certificate.clone(), wanted.identity.key.clone()];
    let acceptor = Reread::new(files, Identity::read)
        .and_then(|identity| identity::acceptor(Arc::new(identity), &[PROTOCOL]));
    acceptor.map_err(|error| anyhow!("tls: {error}"))
}

fn distinct(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = addresses.collect();
    addresses.dedup();
    addresses
}

/// The last line of a log: what was received, and what was answered.
pub(super) fn tell_totals(counters: &AllCounters) {
    let total = |counter| counters.total(counter);
    info!(
        udp_queries = total(Counter::UdpQueries),
        udp_answers = total(Counter::UdpAnswers),
        udp_dropped =
            total(Counter::UdpResponse) + total(Counter::UdpShort) + total(Counter::UdpPortZero),
        udp_send_failed = total(Counter::UdpSendFailed),
        tcp_queries = total(Counter::TcpQueries),
        tcp_answers = total(Counter::TcpAnswers),
        tcp_connections = total(Counter::TcpConnections),
        "stopped"
    );
}

/// How many threads will serve, each with counters of its own; of UDP sockets, so many are given at each address.
pub(super) fn threads(config: &Config, given: &[(SocketAddr, usize)]) -> usize {
    #[cfg(target_os = "linux")]
    if config.sockets == Sockets::Native {
        let workers = workers(config);
        // UDP has a thread for each worker and address, and for each socket that is given; TCP has one for each worker.
        let more = |address: &SocketAddr| {
            let given = given.iter().find(|(at, _)| at == address).map_or(0, |(_, count)| *count);
            given.max(workers)
        };
        return config.listen.iter().map(more).sum::<usize>() + workers;
    }
    let _ = (config, given);
    1
}

#[cfg(target_os = "linux")]
fn workers(config: &Config) -> usize {
    match config.workers {
        Workers::Count(count) => count.get(),
        Workers::Auto => thread::available_parallelism().map_or(1, Into::into),
    }
}
