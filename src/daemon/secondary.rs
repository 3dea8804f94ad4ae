//! Zones that come from elsewhere: read from the disk at the start, then looked after by a thread of their own.
//!
//! ```text
//!   state folder ──▶ loader, before the first answer
//!   primaries ─────▶ secondary ──▶ editor          a version, or that the one of before has expired
//!   listeners ─────▶ Notified ───▶ secondary       a NOTIFY, answered already
//! ```

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use anyhow::{Context as _, anyhow};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_rustls::rustls::pki_types::ServerName;
use tracing::{debug, error, info};

use super::clock::seconds;
use super::load::Loader;
use super::reload::Editor;
use crate::authority::secondary::ask::{Asking, Patience, Primary, Secrecy};
use crate::authority::secondary::disk::Place;
use crate::authority::secondary::life::{Common, KeyOf, Life, NOTIFIES_MAX, Notify, Pen};
use crate::authority::secondary::notified;
use crate::authority::secondary::receive::Limits;
use crate::authority::secondary::shown::Board;
use crate::authority::{Reply, Request};
use crate::config::Config;
use crate::config::model::access::{Peer, PeerTls};
use crate::feed::connect;
use crate::name::Name;
use crate::state::publisher::Publisher;
use crate::sys::priority;
use crate::wire::tsig::key::Keys;

/// The most threads that build zones, write them, and wait for the loader to take them.
const BLOCKING_MAX: usize = 4;

/// Zones that nobody has asked for yet.
pub(super) struct Begun {
    lives: Vec<(Life, mpsc::Receiver<Notify>)>,
    notified: Notified,
    board: Arc<Board>,
    pen: Pen,
}

/// Zones that are looked after.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// The way of NOTIFYs to the zones that they are about.
#[derive(Clone, Default)]
pub(super) struct Notified(Arc<HashMap<Name, Told>>);

/// Who may notify of a zone, and to whom that goes.
struct Told {
    primaries: Vec<Peer>,
    life: mpsc::Sender<Notify>,
}

impl Begun {
    /// Reads what is kept of each zone, which the loader is to serve.
    pub(super) fn begin(
        config: &Config,
        keys: &Keys,
        editor: &Editor,
        loader: &mut Loader,
    ) -> anyhow::Result<Self> {
        let (board, editor) = (Arc::new(Board::default()), editor.clone());
        let serve = move |origin, zone| editor.received(origin, zone);
        let common = Arc::new(Common::new(serve, Arc::clone(&board)));
        let (mut lives, mut notified) = (Vec::new(), HashMap::new());
        for (origin, peers) in &config.authority.access.primaries {
            let asking = Asking {
                origin: origin.clone(),
                patience: Patience::default(),
                limits: Limits {
                    bytes: config.limits.zone_bytes.get() as u64,
                    ..Limits::default()
                },
                clock: seconds,
            };
            let primaries = peers.iter().map(|peer| primary(peer, keys));
            let primaries = primaries.collect::<anyhow::Result<Vec<_>>>()?;
            let place = Place::new(&config.state, origin);
            let life = Life::begin(Arc::clone(&common), asking, primaries, place);
            loader.receive(origin, life.served());
            let (sender, receiver) = mpsc::channel(NOTIFIES_MAX);
            notified.insert(origin.clone(), Told { primaries: peers.clone(), life: sender });
            lives.push((life, receiver));
        }
        Ok(Self { lives, notified: Notified(Arc::new(notified)), board, pen: common.pen() })
    }

    /// What stands between versions and the disk.
    pub(super) fn pen(&self) -> Pen {
        self.pen.clone()
    }

    /// Looks again at what is kept on the disk; says whether the loader was given any other version.
    pub(super) fn look_again(&mut self, loader: &mut Loader) -> bool {
        let mut is_any = false;
        for (life, _) in &mut self.lives {
            if life.look_again() {
                loader.receive(life.origin(), life.served());
                is_any = true;
            }
        }
        is_any
    }

    /// Where NOTIFYs go.
    pub(super) fn notified(&self) -> Notified {
        self.notified.clone()
    }

    /// Where people look.
    pub(super) fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Has those of which an expired version is kept answered as such, and not as if they had never come.
    pub(super) fn tell_expired(&self, publisher: &Publisher) {
        for (life, _) in self.lives.iter().filter(|(life, _)| life.has_expired()) {
            publisher.zone(life.origin().clone(), None);
        }
        publisher.flush();
    }

    /// Looks after them from now on, with the keys of the snapshot of the moment: a reload reads their files again. Without
    /// any there is nothing to do.
    pub(super) fn start(self, publisher: &Publisher) -> anyhow::Result<Option<Running>> {
        if self.lives.is_empty() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_MAX)
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let lives = self.lives;
        let snapshot = Arc::clone(publisher.snapshot());
        let key_of: KeyOf =
            Arc::new(move |name| snapshot.load().settings().keys.get(name).cloned());
        info!(zones = lives.len(), "zones from elsewhere are looked after");
        let run = move || {
            if let Err(error) = priority::behind_answers() {
                debug!("transfers keep the priority of the process: {error}");
            }
            runtime.block_on(async {
                tokio::select! {
                    () = live(lives, &key_of) => {}
                    _ = stopped => {}
                }
            });
            // What waits for a primary or the disk is not waited for.
            runtime.shutdown_background();
        };
        let thread = Builder::new().name("secondary".into()).spawn(run);
        Ok(Some(Running {
            stop,
            thread: thread.context("cannot look after zones from elsewhere")?,
        }))
    }
}

/// Lives all lives; returns when one of them has died of a mistake of ours.
async fn live(lives: Vec<(Life, mpsc::Receiver<Notify>)>, key_of: &KeyOf) {
    let mut alive = JoinSet::new();
    for (life, notifies) in lives {
        alive.spawn(life.live(Arc::clone(key_of), notifies));
    }
    while let Some(ended) = alive.join_next().await {
        if ended.is_err() {
            error!("a zone from elsewhere is looked after no more; please report this");
            return;
        }
    }
}

fn primary(peer: &Peer, keys: &Keys) -> anyhow::Result<Primary> {
    let key = peer.key.as_ref().map(|name| {
        keys.get(name)
            .cloned()
            .ok_or_else(|| anyhow!("there is no key {name} for {}", peer.address))
    });
    let tls = peer.tls.as_ref().map(|tls| secrecy(peer, tls)).transpose()?;
    Ok(Primary { address: peer.address, key: key.transpose()?, tls })
}

/// What is needed to know a primary over TLS, the file of its certificates read.
fn secrecy(peer: &Peer, PeerTls { ca, name }: &PeerTls) -> anyhow::Result<Secrecy> {
    let config = connect::client_config(ca.as_deref(), Secrecy::PROTOCOL, Secrecy::VERSIONS);
    let told = |error: String| anyhow!("primaries: tls of {}: {error}", peer.address);
    let config = config.map_err(told)?;
    let name = ServerName::try_from(name.clone())
        .map_err(|_| told(format!("`{name}` is neither a host name nor an address")))?;
    Ok(Secrecy { config, name })
}

impl Running {
    /// Whether the thread has died.
    pub(super) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it. A transfer on its way is left, and a file is whole or not there.
    pub(super) fn stop(self) {
        // Fails where the thread has ended already. It is not waited for: it may wait for the loader.
        let _ = self.stop.send(());
    }
}

impl Notified {
    /// Answers a NOTIFY that the engine has allowed, and passes on what it says.
    pub(super) fn hear(&self, request: &Request, reply: Reply) {
        if let Some(answer) = notified::answer(request, seconds()) {
            reply.send(answer);
        }
        let Some(told) = self.0.get(&request.zone) else { return };
        let serial = notified::serial(&request.message, request.zone.as_wire());
        let key = request.signed.as_ref().map(|signed| signed.key.name());
        let primary = position(&told.primaries, request.client, key);
        // Where there is no room, those before it have the same to say.
        let _ = told.life.try_send(Notify { serial, primary });
    }
}

/// Which primary a message is from: by its key and address, else by one of them.
fn position(primaries: &[Peer], client: IpAddr, key: Option<&Name>) -> Option<usize> {
    let is_there = |peer: &Peer| peer.address.ip() == client.to_canonical();
    let has_key = |peer: &Peer| peer.key.is_some() && peer.key.as_ref() == key;
    let find = |is: &dyn Fn(&Peer) -> bool| primaries.iter().position(is);
    find(&|peer| is_there(peer) && has_key(peer))
        .or_else(|| find(&has_key))
        .or_else(|| find(&is_there))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notify_is_that_of_a_primary_by_its_key_or_its_address() {
        let name = |text: &str| Name::parse_absolute(text).expect("a name");
        let peer = |address: &str, key: Option<&str>| Peer {
            address: address.parse().expect("an address"),
            key: key.map(name),
            tls: None,
        };
        let primaries = [
            peer("192.0.2.1:53", None),
            peer("192.0.2.2:53", Some("a.")),
            peer("192.0.2.3:53", Some("a.")),
            peer("192.0.2.4:53", Some("b.")),
        ];
        for (client, key, expected) in [
            ("192.0.2.1", None, Some(0)),
            ("::ffff:192.0.2.1", None, Some(0)),
            ("192.0.2.3", Some("a."), Some(2)),
            ("192.0.2.9", Some("a."), Some(1)),
            ("192.0.2.2", Some("b."), Some(3)),
            ("192.0.2.9", None, None),
        ] {
            let key = key.map(name);
            let client = client.parse().expect("an address");
            assert_eq!(position(&primaries, client, key.as_ref()), expected, "{client} {key:?}");
        }
    }
}
