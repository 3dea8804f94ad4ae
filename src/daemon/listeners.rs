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
    /// Ours.
    #[cfg(target_os = "linux")]
    Native { udp: Vec<udp::Listener>, tcp: Vec<tcp::Listeners> },
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
    Native { udp: udp::Running, tcp: tcp::Running },
    /// hickory-server's.
    Portable(hickory::Running),
}

impl Listeners {
    /// Opens all sockets.
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        #[cfg(target_os = "linux")]
        if config.sockets == Sockets::Native {
            let workers = workers(config);
            let udp = udp::bind(&config.listen, workers)?;
            // Port 0 was the kernel's choice for UDP; TCP takes the same.
            let addresses = distinct(udp.iter().map(|listener| listener.address));
            let mut tcp = vec![(tcp::bind(&addresses, workers)?, None)];
            if let Some(wanted) = &config.authority.tls {
                tcp.push((tcp::bind(&wanted.listen, workers)?, Some(tls(wanted)?)));
            }
            return Ok(Self::Native { tcp, udp });
        }
        Ok(Self::Portable(hickory::bind(&config.listen)?))
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
                Ok(addresses?)
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
            Self::Native { udp, tcp } => {
                let udp =
                    udp::start(udp, snapshot, counters, Some(services), tap.borrow_mut().as_mut())
                        .context("cannot serve UDP")?;
                let tcp =
                    tcp::start(tcp, limits, |counters| answer(counters, Some(services)), counters)
                        .context("cannot serve TCP")?;
                Serving::Native { udp, tcp }
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
    /// Answers what was received, and closes.
    pub(super) fn stop(self) {
        match self.sockets {
            #[cfg(target_os = "linux")]
            Serving::Native { udp, tcp } => {
                let udp = thread::spawn(move || udp.stop());
                tcp.stop(STOP);
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

/// How many threads will serve, each with counters of its own.
pub(super) fn threads(config: &Config) -> usize {
    #[cfg(target_os = "linux")]
    if config.sockets == Sockets::Native {
        // UDP has a thread for each worker and address, TCP one for each worker.
        return workers(config) * (config.listen.len() + 1);
    }
    let _ = config;
    1
}

#[cfg(target_os = "linux")]
fn workers(config: &Config) -> usize {
    match config.workers {
        Workers::Count(count) => count.get(),
        Workers::Auto => thread::available_parallelism().map_or(1, Into::into),
    }
}
