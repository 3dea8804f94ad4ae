//! Tells secondaries that a zone has a new version (RFC 1996).
//!
//! ```text
//!   a version is published ──▶ Notifier::tell ──▶ inbox: the newest of each zone ──▶ thread ──UDP──▶ peers
//!                                                                                    ▲  │ again, until
//!                                                                                    └──┘ acknowledged
//! ```
//!
//! Telling never blocks who publishes. Whom a zone's versions are told to is set by the operator alone: the names in NS
//! RRsets are for resolvers.

mod message;
pub mod queue;

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, error, info, warn};

use self::message::{Answer, notify};
use self::queue::{Outcome, Peer, Queue, Sending};
use super::transfer::Clock;
use crate::counters::{Counter, Counters};
use crate::engine::settings::Settings;
use crate::engine::{Snapshot, View};
use crate::name::Name;
use crate::wire::tsig::chain::{Broken, Verifier};
use crate::wire::tsig::sign_request;
use crate::zone::Zone;
use crate::zone::delta::Record;

/// The most answers that wait to be read; a peer whose answer is lost is told again.
const HEARD_MAX: usize = 256;
/// How long reading rests after an error of a socket.
const ERROR_PAUSE: Duration = Duration::from_millis(100);
/// The longest answer.
const ANSWER_MAX: usize = 4096;

/// The way to the thread that tells secondaries.
#[derive(Clone)]
pub struct Notifier(Arc<Inbox>);

struct Inbox {
    news: Mutex<Told>,
    bell: Notify,
    is_over: AtomicBool,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Told {
    /// What is still to be taken over, by zone.
    new: HashMap<Name, (Vec<Peer>, Arc<Record>)>,
    /// The serial that was told last of each zone.
    serials: HashMap<Name, u32>,
}

impl Notifier {
    /// Starts the thread. What is sent comes from one of the addresses that are listened on, where one fits the peer.
    pub fn start(
        listen: Vec<IpAddr>,
        clock: Clock,
        counters: Arc<Counters>,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let inbox = Arc::new(Inbox {
            news: Mutex::default(),
            bell: Notify::new(),
            is_over: AtomicBool::new(false),
            counters,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let own = Arc::clone(&inbox);
        let thread = Builder::new().name("notifier".into()).spawn(move || {
            runtime.block_on(async {
                let (heard, answers) = mpsc::channel(HEARD_MAX);
                let post = Post { listen, sockets: HashMap::new(), heard };
                let teller = Teller {
                    inbox: own,
                    post,
                    queue: Queue::default(),
                    troubled: HashSet::new(),
                    clock,
                };
                teller.run(answers).await;
            });
        })?;
        Ok((Self(inbox), thread))
    }

    /// Tells of all zones that are served in another version than was told last.
    pub fn tell_all(&self, snapshot: &Snapshot) {
        let zones = || snapshot.zones().filter_map(View::zone);
        let mut told = self.0.told();
        if told.serials.len() > zones().count() {
            let known: HashSet<&Name> = zones().map(|zone| &zone.origin).collect();
            told.serials.retain(|zone, _| known.contains(zone));
        }
        for zone in zones() {
            told.add(zone, snapshot.settings());
        }
        drop(told);
        self.0.bell.notify_one();
    }

    /// Tells of one zone, unless this version of it was told.
    pub fn tell(&self, zone: &Zone, settings: &Settings) {
        self.0.told().add(zone, settings);
        self.0.bell.notify_one();
    }

    /// Ends the thread; what was not acknowledged is not told again.
    pub fn stop(&self) {
        self.0.is_over.store(true, Ordering::Release);
        self.0.bell.notify_one();
    }
}

impl Inbox {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn add(&mut self, zone: &Zone, settings: &Settings) {
        let peers = &settings.access.of(&zone.origin).notify;
        if peers.is_empty() || self.serials.get(&zone.origin) == Some(&zone.serial) {
            return;
        }
        self.serials.insert(zone.origin.clone(), zone.serial);
        let peers = peers.iter().map(|peer| Peer {
            address: peer.address,
            // A key that is named is known: the config file is refused otherwise.
            key: peer.key.as_ref().and_then(|key| settings.keys.get(key)).cloned(),
        });
        self.new.insert(zone.origin.clone(), (peers.collect(), Arc::new(zone.soa_record())));
    }
}

/// The thread's own.
struct Teller {
    inbox: Arc<Inbox>,
    post: Post,
    queue: Queue,
    /// Peers that did not answer or did not want to hear the last time: an operator has been told.
    troubled: HashSet<SocketAddr>,
    clock: Clock,
}

impl Teller {
    async fn run(mut self, mut answers: mpsc::Receiver<(SocketAddr, Vec<u8>)>) {
        let began = Instant::now();
        while !self.inbox.is_over.load(Ordering::Acquire) {
            let new = std::mem::take(&mut self.inbox.told().new);
            for (peers, soa) in new.into_values() {
                for peer in &peers {
                    self.queue.tell(peer, &soa, began.elapsed());
                }
            }
            self.send_due(began.elapsed()).await;
            let next = self.queue.next();
            let wake = async {
                match next {
                    Some(due) => sleep_until(began + due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.inbox.bell.notified() => {}
                Some((from, answer)) = answers.recv() => self.hear(from, &answer),
                () = wake => {}
            }
        }
    }

    async fn send_due(&mut self, now: Duration) {
        let mut given_up = Vec::new();
        let over = |peer, zone: &Name, outcome| given_up.push((peer, zone.clone(), outcome));
        let sendings = self.queue.due(now, || fastrand::u16(..), over);
        for (peer, zone, outcome) in given_up {
            self.note(peer, &zone, outcome, None);
        }
        for sending in sendings {
            let mut message = notify(sending.id, &sending.soa);
            if let Some(key) = &sending.peer.key {
                let mac = sign_request(key, &mut message, (self.clock)());
                self.queue.signed(&sending, mac);
            }
            self.inbox.counters.add(Counter::NotifiesSent, 1);
            self.send(&sending, &message).await;
        }
    }

    async fn send(&mut self, Sending { peer, soa, .. }: &Sending, message: &[u8]) {
        debug!(zone = %soa.owner, peer = %peer.address, serial = ?soa.serial(), "notify sent");
        // What cannot be sent is told again like what was lost.
        if let Err(error) = self.post.send(peer.address, message).await {
            debug!(peer = %peer.address, "a notify cannot be sent: {error}");
        }
    }

    /// Takes what came from somewhere; what is no answer to us is nobody's business.
    fn hear(&mut self, from: SocketAddr, message: &[u8]) {
        let Some(Answer { id, zone, rcode, tsig }) = Answer::read(message) else { return };
        let Some((key, mac)) = self.queue.asked(from, id, &zone) else { return };
        let mut broken = None;
        if let (Some(key), Some(mac)) = (key, mac) {
            let taken = Verifier::new(Arc::clone(key), mac).take(message, tsig, (self.clock)());
            match taken {
                Ok(()) => {}
                Err(Broken::Refused(error)) => broken = Some(Broken::Refused(error)),
                // Not the peer's word: it is told again.
                Err(_) => return,
            }
        }
        if let Some(outcome) = self.queue.answered(from, id, &zone, rcode) {
            self.note(from, &zone, outcome, broken);
        }
    }

    /// Counts what has come of telling a peer, and says it once where it is trouble.
    fn note(&mut self, peer: SocketAddr, zone: &Name, outcome: Outcome, broken: Option<Broken>) {
        let counters = &self.inbox.counters;
        if outcome == Outcome::Acknowledged {
            counters.add(Counter::NotifiesAcknowledged, 1);
            debug!(%zone, %peer, "notify acknowledged");
            if self.troubled.remove(&peer) {
                info!(%peer, "the secondary acknowledges notifies again");
            }
            return;
        }
        counters.add(Counter::NotifiesFailed, 1);
        if !self.troubled.insert(peer) {
            return;
        }
        match (outcome, broken) {
            (_, Some(broken)) => {
                warn!(%zone, %peer, "the secondary does not take our notify: {broken}");
            }
            (Outcome::Refused(rcode), None) => {
                warn!(%zone, %peer, "the secondary does not take our notify: response code {rcode}");
            }
            _ => warn!(
                %zone, %peer,
                "the secondary does not answer our notify; it will find new versions by its refresh timer"
            ),
        }
    }
}

/// Sockets, one for each address that is sent from.
struct Post {
    listen: Vec<IpAddr>,
    sockets: HashMap<IpAddr, Arc<UdpSocket>>,
    heard: mpsc::Sender<(SocketAddr, Vec<u8>)>,
}

impl Post {
    async fn send(&mut self, to: SocketAddr, message: &[u8]) -> io::Result<()> {
        let from = source(to.ip(), &self.listen);
        let socket = match self.sockets.get(&from) {
            Some(socket) => Arc::clone(socket),
            None => self.open(from).await?,
        };
        socket.send_to(message, to).await?;
        Ok(())
    }

    async fn open(&mut self, from: IpAddr) -> io::Result<Arc<UdpSocket>> {
        let socket = Arc::new(UdpSocket::bind((from, 0)).await?);
        self.sockets.insert(from, Arc::clone(&socket));
        tokio::spawn(hear(Arc::clone(&socket), self.heard.clone()));
        Ok(socket)
    }
}

async fn hear(socket: Arc<UdpSocket>, heard: mpsc::Sender<(SocketAddr, Vec<u8>)>) {
    let mut answer = vec![0; ANSWER_MAX];
    loop {
        match socket.recv_from(&mut answer).await {
            Ok((len, from)) => {
                // More than can be read is lost like anything else on the way.
                let _ = heard.try_send((from, answer[..len].to_vec()));
            }
            Err(error) => {
                error!("answers to notifies cannot be read: {error}; trying on");
                sleep(ERROR_PAUSE).await;
            }
        }
    }
}

/// Which address a peer is told from: one that is listened on, as access lists of secondaries name it.
fn source(peer: IpAddr, listen: &[IpAddr]) -> IpAddr {
    let fits = |own: &&IpAddr| {
        own.is_ipv4() == peer.is_ipv4()
            && !own.is_unspecified()
            && own.is_loopback() == peer.is_loopback()
    };
    let any = if peer.is_ipv4() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    } else {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    };
    listen.iter().find(fits).copied().unwrap_or(any)
}

#[cfg(test)]
mod tests;
