//! The hand on a running server: an HTTP API, its metrics, and what they show.
//!
//! ```text
//!   listen ─▶ service ─▶ guard ─▶ routes ─▶ read ───▶ views: state ─▶ model
//!   sockets,   one        may      one      steer ──▶ publisher, loader
//!   limits     request    it?      table    events ─▶ server-sent events
//!                                           dashboard: a page over all of these
//! ```
//!
//! It has a thread of its own, of low priority, and looks at the snapshot as everybody does: what answers DNS
//! never waits for it.

pub mod metrics;
pub mod model;

pub mod listen;
pub mod service;

pub mod guard;
pub mod refusal;

pub mod openapi;
pub mod routes;

pub mod dashboard;
pub mod events;
pub mod explain;
pub mod feed;
pub mod history;
pub mod push;
pub mod read;
pub mod steer;
pub mod views;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};

use crate::counters::AllCounters;
use crate::feed::receive::Receiver;
use crate::name::Name;
use crate::state::publisher::Publisher;
use guard::tokens::Tokens;
use history::History;
use listen::identity::{Identity, acceptor};
use listen::reread::Reread;
use listen::{Already, Shared, Sockets, serve};
use model::{Mistake, Secondary, ZoneState};
use refusal::Refusal;
use service::{Guards, Service};

/// Where the API listens and who may ask it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Over TCP.
    pub listen: Vec<SocketAddr>,
    /// In the file system.
    pub socket: Option<PathBuf>,
    /// Who may do what.
    pub tokens: Option<PathBuf>,
    /// A certificate and its key.
    pub tls: Option<[PathBuf; 2]>,
}

/// What handlers look at and steer.
pub struct Admin {
    /// The state that answers come from.
    pub publisher: Publisher,
    /// What was counted.
    pub counters: AllCounters,
    /// What the process is.
    pub about: About,
    /// What only the owner of everything knows and does.
    pub owner: Owner,
    /// How far the server is.
    pub progress: Progress,
    /// What was answered in the last hour.
    pub history: History,
    /// The one reload that may be waited for.
    reloading: Semaphore,
    /// The sessions of probers beside.
    feeds: Mutex<Receiver>,
    /// Room for those who listen to events.
    listeners: Arc<Semaphore>,
}

impl Admin {
    /// What handlers look at and steer, before DNS is served.
    #[must_use]
    pub fn new(publisher: Publisher, counters: AllCounters, about: About, owner: Owner) -> Self {
        Self {
            publisher,
            counters,
            about,
            owner,
            progress: Progress::default(),
            history: History::default(),
            reloading: Semaphore::new(1),
            feeds: Mutex::default(),
            listeners: Arc::new(Semaphore::new(events::LISTENERS_MAX)),
        }
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("about", &self.about).finish_non_exhaustive()
    }
}

/// What the process is.
#[derive(Clone, Debug)]
pub struct About {
    /// When it started.
    pub started: Timestamp,
    /// The digest of its settings, in hex.
    pub config_digest: String,
}

/// What only the owner of everything knows and does.
pub struct Owner {
    /// The file that a zone comes from.
    pub file: FileOf,
    /// Reads the zone files again; `true` takes what looks like an accident too.
    pub reload: Box<dyn Fn(bool) -> Reloading + Send + Sync>,
    /// The zones that come from elsewhere.
    pub secondaries: Box<dyn Fn() -> Vec<Secondary> + Send + Sync>,
    /// One of them.
    pub secondary: SecondaryOf,
}

/// Finds the file that a zone comes from.
pub type FileOf = Box<dyn Fn(&Name) -> Option<ZoneFile> + Send + Sync>;

/// Finds how a zone comes from elsewhere, where it does.
pub type SecondaryOf = Box<dyn Fn(&Name) -> Option<Secondary> + Send + Sync>;

/// A reload while it is on its way.
pub type Reloading = Pin<Box<dyn Future<Output = Result<model::Reloaded, NotReloaded>> + Send>>;

/// Why there was no reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReloaded {
    /// Too many have asked at once.
    Busy,
    /// The server is about to end.
    Ending,
}

/// The file that a zone comes from.
#[derive(Clone, Debug)]
pub struct ZoneFile {
    /// How the zone is served.
    pub state: ZoneState,
    /// Where the file is.
    pub path: String,
    /// What is wrong with it.
    pub mistakes: Vec<Mistake>,
}

/// Does what takes its time, so that others do not wait for it.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    spawn_blocking(work).await.unwrap_or_else(|_| Err(Refusal::failure()))
}

/// How far the server is.
#[derive(Debug, Default)]
pub struct Progress {
    phase: AtomicU8,
    /// Over UDP and TCP, and over TLS.
    listen: OnceLock<(Vec<SocketAddr>, Vec<SocketAddr>)>,
}

/// A part of a server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// DNS is not served yet.
    Starting,
    /// DNS is served.
    Serving,
    /// DNS is not served any more.
    Stopping,
}

impl Progress {
    /// DNS is served here over UDP and TCP, and there over TLS.
    pub fn serving(&self, listen: Vec<SocketAddr>, over_tls: Vec<SocketAddr>) {
        // There is one start.
        let _ = self.listen.set((listen, over_tls));
        self.phase.store(1, Ordering::Release);
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.phase.store(2, Ordering::Release);
    }

    /// The part of its life that the server is in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Stopping,
        }
    }

    /// Where DNS is served over UDP and TCP.
    #[must_use]
    pub fn listen(&self) -> &[SocketAddr] {
        self.listen.get().map_or(&[], |(listen, _)| listen.as_slice())
    }

    /// Where DNS is served over TLS.
    #[must_use]
    pub fn over_tls(&self) -> &[SocketAddr] {
        self.listen.get().map_or(&[], |(_, over_tls)| over_tls.as_slice())
    }
}

/// An admin API whose sockets are open, and that nobody serves yet.
#[derive(Debug)]
pub struct Api {
    sockets: Sockets,
    guards: Guards,
}

impl Api {
    /// Reads its files and opens its sockets, but for those that are open already.
    pub fn open(settings: &Settings, already: Already) -> Result<Self, String> {
        let tokens = settings.tokens.clone().map(|path| Reread::new(vec![path], read_tokens));
        let identity = match &settings.tls {
            None => None,
            Some(files) => Some(Arc::new(Reread::new(files.to_vec(), Identity::read)?)),
        };
        let guards = Guards::new(tokens.transpose()?, identity);
        let sockets = Sockets::open(&settings.listen, settings.socket.as_ref(), already)?;
        Ok(Self { sockets, guards })
    }

    /// Where it is served over TCP.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.addresses()
    }

    /// Its sockets once more.
    pub fn share(&self) -> io::Result<Shared> {
        self.sockets.share()
    }

    /// Serves until `stop` says so.
    pub async fn run(self, admin: Arc<Admin>, stop: watch::Receiver<bool>) -> Result<(), String> {
        let tls =
            self.guards.identity.clone().map(|identity| acceptor(identity, &[])).transpose()?;
        let guards = Arc::new(self.guards);
        let router = routes::router(&guards, Arc::clone(&admin));
        let service = Arc::new(Service::new(guards, router));
        let mut beside = JoinSet::new();
        beside.spawn(history::keep(admin));
        serve(self.sockets, tls, service, stop).await.map_err(|error| error.to_string())
    }
}

/// The largest file of tokens, in bytes.
const TOKENS_FILE_MAX: u64 = 1024 * 1024;

/// Reads a file of tokens, the first and only one of these.
pub fn read_tokens(paths: &[PathBuf]) -> Result<Tokens, String> {
    use std::os::unix::fs::MetadataExt as _;

    let path = &paths[0];
    let told = |error| format!("{}: cannot be read: {error}", path.display());
    let file = std::fs::metadata(path).map_err(told)?;
    if file.len() > TOKENS_FILE_MAX {
        return Err(format!("{}: is larger than {TOKENS_FILE_MAX} bytes", path.display()));
    }
    if file.mode() & 0o077 != 0 {
        tracing::warn!(
            "{}: others on this machine can read the tokens; `chmod 600` keeps them secret",
            path.display()
        );
    }
    let text = std::fs::read_to_string(path).map_err(told)?;
    Tokens::parse(&text).map_err(|mistake| format!("{}: {mistake}", path.display()))
}
