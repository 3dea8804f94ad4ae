//! DNS over UDP: receive a batch, answer it, send it.
//!
//! One thread for each worker and listen address, pinned to the worker's core, with a socket of its own. What its core receives is
//! its own, as long as that does not leave others without work (`udp/spread.rs`). No lock, no allocation and no log line for a query.
//!
//! ```text
//!   recvmmsg ─▶ decode, find the zone ─▶ look up ─▶ one turn of each rotation ─▶ encode ─▶ sendmmsg
//!                 64 queries at a time, each step for all of them before the next
//! ```

mod given;
mod pressure;
mod spread;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use socket2::{Domain, Protocol, SockAddr, SockFilter, SockRef, Socket, Type};
use tracing::{debug, error, warn};

use super::chance::Chance;
use super::count::{self, is_short, is_truncated};
use super::denied::Denied;
use super::handover;
use super::unix_seconds;
use crate::authority::{Reply, Request, Services};
use crate::counters::{AllCounters, Counter, Counters, Via};
use crate::dnstap::{Over, Recorder, Tap};
use crate::engine::{self, Context, OUT_UDP, Plan, Snapshot, Transport};
use crate::sys::batch::{self, BATCH, Batch};
use crate::sys::spread::cores;
use crate::sys::{priority, user};

pub use given::adopt;
use pressure::Pressure;
use spread::{Group, Place};

/// How often a thread without queries looks whether it shall stop.
const STOP_CHECK: Duration = Duration::from_millis(200);
/// How long a socket rests that cannot receive, and how often that is told.
const ERROR_PAUSE: Duration = Duration::from_millis(10);
const TELL_AGAIN: Duration = Duration::from_secs(60);
/// What a socket may hold of queries that wait: about 10,000 of them, so that a pause of some
/// milliseconds loses none.
const RECEIVE_BUFFER: usize = 8 << 20;
/// The most queries that a socket can hold: the kernel doubles the buffer that it is asked for, and counts
/// at least 512 bytes for the smallest packet. After so many, all that waited at the stop is answered.
const WAITING_MAX: usize = 2 * RECEIVE_BUFFER / 512;

/// Opens `workers` sockets for each address.
pub fn bind(addresses: &[SocketAddr], workers: usize) -> io::Result<Vec<Listener>> {
    let cores = cores();
    let mut listeners = Vec::new();
    for &address in addresses {
        let mut address = address;
        is_free(address).map_err(|error| told(address, &error))?;
        let first = listeners.len();
        for worker in 0..workers {
            let socket = open(address).map_err(|error| told(address, &error))?;
            // Port 0 is the kernel's choice once; the other workers share it.
            address = socket.local_addr()?;
            listeners.push(Listener { socket, address, worker, group: None, is_kept: false });
        }
        let opened = &mut listeners[first..];
        let group = opened.first().and_then(|Listener { socket, .. }| {
            Group::new(socket, address, workers, workers, &cores)
        });
        for listener in opened {
            listener.group.clone_from(&group);
        }
    }
    Ok(listeners)
}

/// One socket, and the worker that serves it.
pub struct Listener {
    socket: UdpSocket,
    /// The address that it listens on.
    pub address: SocketAddr,
    worker: usize,
    /// The workers of the address, where there is a choice among them.
    group: Option<Arc<Group>>,
    /// Whether others have the socket too and serve it after us: at the end, what waits in it is theirs.
    is_kept: bool,
}

impl Listener {
    /// The same socket once more.
    pub fn socket(&self) -> io::Result<UdpSocket> {
        self.socket.try_clone()
    }

    /// The address that it listens on, where that is one.
    fn named(&self) -> Option<SocketAddr> {
        Some(self.address).filter(|address| !address.ip().is_unspecified())
    }
}

/// Whether nobody listens there: our own sockets share an address among themselves, and so would those of a
/// second server, which had half of the queries then and nobody would know.
fn is_free(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    user::bind(&socket, &SockAddr::from(address))
}

fn told(address: SocketAddr, error: &io::Error) -> io::Error {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; ports under 1024 want CAP_NET_BIND_SERVICE, or root and `user`, or choose a higher one"
        }
        io::ErrorKind::AddrInUse => "; another server listens there",
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot listen on {address} over UDP: {error}{hint}"))
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // So that [::] and 0.0.0.0 stand beside each other.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(true)?;
    user::bind(&socket, &SockAddr::from(address))?;
    let socket = UdpSocket::from(socket);
    equip(&socket, address)?;
    Ok(socket)
}

/// Sets what the workers need of a socket.
fn equip(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    socket.set_read_timeout(Some(STOP_CHECK))?;
    hold(socket, RECEIVE_BUFFER);
    batch::ignore_path_mtu(socket, address)?;
    if address.ip().is_unspecified() {
        batch::report_local_address(socket, address)?;
    }
    Ok(())
}

/// Sets what a socket may hold: as much as the system grants, and more where we have the privilege.
fn hold(socket: &UdpSocket, bytes: usize) {
    let _ = SockRef::from(socket).set_recv_buffer_size(bytes);
    let _ = batch::force_receive_buffer(socket, bytes);
}

/// The threads that serve.
pub struct Running {
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

/// Serves the sockets until told to stop.
pub fn start(
    listeners: Vec<Listener>,
    snapshot: &Arc<ArcSwap<Snapshot>>,
    counters: &AllCounters,
    services: Option<&Arc<dyn Services>>,
    mut tap: Option<&mut Tap>,
) -> io::Result<Running> {
    let stop = Arc::<Stop>::default();
    let threads = listeners
        .into_iter()
        .map(|listener| {
            let (snapshot, counters) = (Arc::clone(snapshot), counters.thread());
            let (stop, services) = (Arc::clone(&stop), services.cloned());
            let recorder = tap.as_mut().map(|tap| tap.recorder(&counters));
            Builder::new().name(format!("udp-{}", listener.worker)).spawn(move || {
                pin(listener.worker);
                if let Err(error) = priority::answering() {
                    debug!("a UDP worker waits its turn like other threads: {error}");
                }
                let worker = || {
                    Worker::new(
                        &listener,
                        Arc::clone(&snapshot),
                        Arc::clone(&counters),
                        services.clone(),
                    )
                };
                supervise(&listener, worker, &counters, &stop, recorder);
            })
        })
        .collect::<io::Result<_>>()?;
    Ok(Running { stop, threads })
}

impl Running {
    /// Answers what was received, and ends.
    pub fn stop(self) {
        self.stop.is_told.store(true, Ordering::Release);
        for thread in self.threads {
            // A thread that panicked has been reported where it did.
            let _ = thread.join();
        }
    }

    /// Ends with the batch that each worker has: what waits in the sockets is for the process that has them too by now.
    pub fn leave(self) {
        self.stop.is_left.store(true, Ordering::Relaxed);
        self.stop();
    }
}

/// What the workers are told.
#[derive(Default)]
struct Stop {
    /// They are to end.
    is_told: AtomicBool,
    /// What waits in the sockets is others'.
    is_left: AtomicBool,
}

/// Serves, and starts again where a query found a mistake of ours: it takes its batch along and no
/// more, and the log says so.
fn supervise(
    listener: &Listener,
    worker: impl Fn() -> Worker,
    counters: &Arc<Counters>,
    stop: &Stop,
    mut recorder: Option<Recorder>,
) {
    loop {
        let mut worker = worker();
        // Nothing of a worker that panicked is used again.
        let served = catch_unwind(AssertUnwindSafe(|| {
            worker.serve(listener, stop, recorder.as_mut());
        }));
        if served.is_ok() {
            return;
        }
        counters.add(Counter::UdpPanics, 1);
        error!("a query made a UDP worker panic; it serves on, please report this");
    }
}

/// Keeps the calling thread on one core, so that its caches stay warm. A machine that has fewer cores
/// than workers, or a container that may not use them, serves all the same.
fn pin(worker: usize) {
    let cores = cores();
    if let Some(&core) = cores.get(worker % cores.len().max(1)) {
        let mut one = rustix::thread::CpuSet::new();
        one.set(core);
        let _ = rustix::thread::sched_setaffinity(None, &one);
    }
}

/// Lets no more queries in; those that wait already can still be read. Where the kernel has no filters,
/// [`WAITING_MAX`] is the end.
fn close(socket: &UdpSocket) {
    /// `BPF_RET | BPF_K`: of every packet, keep the first 0 bytes, which drops it.
    const DROP: SockFilter = SockFilter::new(0x06, 0, 0, 0);
    let _ = SockRef::from(socket).attach_filter(&[DROP]);
}

/// What one thread serves with.
struct Worker {
    snapshot: Arc<ArcSwap<Snapshot>>,
    counters: Arc<Counters>,
    batch: Batch,
    plans: Box<[Plan]>,
    chance: Chance,
    denied: Denied,
    /// Who does what is no look-up; without, nobody may.
    services: Option<Arc<dyn Services>>,
    pressure: Pressure,
    /// Among the workers of the address.
    place: Option<Place>,
    /// When an error was told last.
    told: Option<Instant>,
}

impl Worker {
    fn new(
        listener: &Listener,
        snapshot: Arc<ArcSwap<Snapshot>>,
        counters: Arc<Counters>,
        services: Option<Arc<dyn Services>>,
    ) -> Self {
        Self {
            snapshot,
            counters,
            batch: Batch::new(OUT_UDP, listener.address.ip().is_unspecified()),
            plans: (0..BATCH).map(|_| Plan::default()).collect(),
            chance: Chance::default(),
            denied: Denied::default(),
            services,
            pressure: Pressure::default(),
            place: listener.group.as_ref().map(Group::place),
            told: None,
        }
    }

    /// Answers until told to stop, and then what has been received by then: who keeps asking does not
    /// keep us from the end.
    fn serve(&mut self, listener: &Listener, stop: &Stop, mut recorder: Option<&mut Recorder>) {
        let socket = &listener.socket;
        let mut since_stop = 0;
        let mut is_closed = false;
        while since_stop < WAITING_MAX {
            let stopping = is_closed || stop.is_told.load(Ordering::Acquire);
            if stopping && !is_closed {
                if listener.is_kept || stop.is_left.load(Ordering::Relaxed) {
                    return;
                }
                close(socket);
                is_closed = true;
            }
            match self.batch.receive(socket, !stopping) {
                Ok(0) => {}
                Ok(count) => {
                    let now = self.answer(listener, count, recorder.as_deref_mut());
                    if stopping {
                        since_stop += count;
                    } else {
                        self.feel(socket, count, now);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if stopping => break,
                // The read timeout.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.feel(socket, 0, unix_seconds());
                }
                Err(error) => self.rest_after(&error),
            }
        }
    }

    /// Takes in how many queries waited, and at what time: how many may wait is changed with it, and who gets them.
    #[inline]
    fn feel(&mut self, socket: &UdpSocket, count: usize, now: u64) {
        if let Some(bytes) = self.pressure.after(count) {
            hold(socket, bytes);
        }
        if let Some(place) = &mut self.place {
            place.after(self.pressure.full(), socket, now);
        }
    }

    /// An error of the socket itself, such as for want of memory: tried again a little later, and told now and
    /// then.
    fn rest_after(&mut self, error: &io::Error) {
        #[expect(clippy::disallowed_methods, reason = "not while queries are answered")]
        let now = Instant::now();
        if self.told.is_none_or(|told| now.duration_since(told) >= TELL_AGAIN) {
            self.told = Some(now);
            warn!("cannot receive over UDP: {error}; trying on");
        }
        thread::sleep(ERROR_PAUSE);
    }

    /// Answers the batch; the time that it was answered at, in seconds.
    fn answer(
        &mut self,
        listener: &Listener,
        count: usize,
        recorder: Option<&mut Recorder>,
    ) -> u64 {
        let socket = &listener.socket;
        let now = {
            let snapshot = self.snapshot.load();
            let now = unix_seconds();
            self.prepare(&snapshot, count, now);
            self.chance.draw_all(&snapshot, &mut self.plans[..count]);
            self.encode(&snapshot, count, now, listener, recorder);
            now
        };
        let replies = self.batch.replies();
        let sent = self.batch.send(socket);
        self.counters.add(Counter::UdpQueries, count as u64);
        self.counters.add(Counter::UdpAnswers, sent as u64);
        self.counters.add(Counter::UdpSendFailed, (replies - sent) as u64);
        now
    }

    /// Reads and looks up the whole batch, a step at a time, so that the waits for memory overlap.
    #[inline]
    fn prepare(&mut self, snapshot: &Snapshot, count: usize, now: u64) {
        let plans = &mut self.plans[..count];
        for (index, plan) in plans.iter_mut().enumerate() {
            let Some(context) = context(&self.batch, index, now) else {
                plan.clear();
                continue;
            };
            if engine::locate(snapshot, &context, self.batch.datagram(index), plan) {
                engine::prefetch_slot(snapshot, plan);
            }
        }
        for plan in &*plans {
            engine::prefetch_node(snapshot, plan);
        }
        for plan in plans {
            engine::lookup(snapshot, plan);
        }
    }

    #[inline]
    fn encode(
        &mut self,
        snapshot: &Arc<Snapshot>,
        count: usize,
        now: u64,
        listener: &Listener,
        mut recorder: Option<&mut Recorder>,
    ) {
        if let Some(recorder) = recorder.as_deref_mut() {
            recorder.tick();
        }
        for (index, plan) in self.plans[..count].iter().enumerate() {
            let Some(context) = context(&self.batch, index, now) else {
                self.counters.add(Counter::UdpPortZero, 1);
                continue;
            };
            if plan.service().is_some()
                && let Some(services) = &self.services
                && let Some(request) =
                    handover::request(snapshot, &context, self.batch.datagram(index), plan)
            {
                hand(&**services, request, &self.batch, index, &listener.socket);
                continue;
            }
            let client = recorder.as_ref().and_then(|_| self.batch.peer(index));
            let (query, out) = self.batch.exchange(index);
            if let Some(len) = engine::encode(snapshot, &context, query, plan, out) {
                let answer = &out[..len];
                self.counters.add(Counter::UdpTruncated, u64::from(is_truncated(answer)));
                count::answered(&self.counters, Via::Udp, snapshot, plan, answer);
                self.denied.note(&self.counters, snapshot, &context, plan);
                if let (Some(recorder), Some(client)) = (recorder.as_deref_mut(), client) {
                    recorder.note(Over::Udp, client, listener.named(), query, Some(answer));
                }
                self.batch.reply(index, len);
            } else {
                let short = is_short(query);
                self.counters.add(if short { Counter::UdpShort } else { Counter::UdpResponse }, 1);
            }
        }
    }
}

/// Hands over what is no look-up. Its answer goes out by this socket, whenever it comes; where the process has no
/// file descriptor left there is none, and who asked will ask again.
#[cold]
fn hand(
    services: &dyn Services,
    request: Request,
    batch: &Batch,
    index: usize,
    socket: &UdpSocket,
) {
    let Ok(socket) = socket.try_clone() else { return };
    let way_back = batch.way_back(index);
    services.hand(
        request,
        // An answer over UDP may always be lost; the error says no more.
        Reply::new(move |message| drop(way_back.send(&socket, &message))),
    );
}

/// Who asks; `None` where an answer could not reach anybody, as port 0 is nobody's.
#[inline]
fn context(batch: &Batch, index: usize, now: u64) -> Option<Context> {
    let peer = batch.peer(index).filter(|peer| peer.port() != 0)?;
    Some(Context { client: peer.ip(), transport: Transport::Udp, draw: 0, now })
}

#[cfg(test)]
mod tests {
    use super::pressure::RECEIVE_BUFFER_SHORT;
    use super::*;

    #[test]
    fn a_socket_holds_less_and_more_again() {
        let listeners = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))], 1).expect("a free port");
        let socket = &listeners[0].socket;
        let held = || SockRef::from(socket).recv_buffer_size().expect("an option");
        let granted = held();
        hold(socket, RECEIVE_BUFFER_SHORT);
        // The kernel doubles what it is asked for.
        assert_eq!(held(), 2 * RECEIVE_BUFFER_SHORT);
        hold(socket, RECEIVE_BUFFER);
        assert_eq!(held(), granted);
    }

    #[test]
    fn an_address_that_is_taken_is_a_mistake_also_for_shared_sockets() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let first = bind(&[any], 2).expect("a free port");
        assert_eq!(first.len(), 2);
        assert_eq!(first[0].address, first[1].address);
        let error = bind(&[first[0].address], 2).err().expect("it is taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&first[0].address.to_string()), "{error}");
    }
}
