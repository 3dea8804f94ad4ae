//! The admin API's thread: started before DNS is served, as probers beside are to be heard in the first round, and
//! stopped last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::SystemTime;

use anyhow::{Context as _, anyhow, bail};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;
use tracing::{debug, error, info};

use super::given::{Given, Kind, Socket, absolute};
use super::load::{self, Files, Guard, Version};
use super::reload::{self, Editor};
use crate::admin::listen::Shared;
use crate::admin::{About, Admin, Api, NotReloaded, Owner, Progress, Settings, ZoneFile, model};
use crate::authority::secondary::shown::{Board, Shown};
use crate::config::{Config, Severity};
use crate::counters::AllCounters;
use crate::digest::{hex, sha256};
use crate::name::Name;
use crate::state::publisher::Publisher;
use crate::sys::priority;

/// The most threads that wait for the disk or for the publisher.
const BLOCKING_MAX: usize = 4;

/// An admin API whose sockets are open, and that nobody serves yet.
pub(super) struct Opened {
    api: Api,
    shared: Shared,
    /// Whether the file of its socket stays at the end.
    is_left: bool,
}

/// An admin API that is served.
pub(super) struct Running {
    admin: Arc<Admin>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
    shared: Shared,
}

/// What the API looks at and steers.
pub(super) struct Ground<'g> {
    pub(super) publisher: &'g Publisher,
    pub(super) counters: &'g AllCounters,
    pub(super) files: &'g Arc<ArcSwap<Files>>,
    pub(super) editor: &'g Editor,
    pub(super) board: &'g Arc<Board>,
    pub(super) started: Timestamp,
}

impl Opened {
    /// Opens the sockets of the API that were not given, where the config wants one.
    pub(super) fn open(config: &Config, given: &mut Given) -> anyhow::Result<Option<Self>> {
        let Some(wanted) = &config.admin else { return Ok(None) };
        // The config's reader and the command line have told this with its place.
        if let Some(problem) = wanted.exposed() {
            bail!("admin: {problem}");
        }
        let tls = wanted.tls.as_ref();
        let settings = Settings {
            listen: wanted.listen.clone(),
            socket: wanted.socket.clone(),
            tokens: wanted.tokens.clone(),
            tls: tls.map(|tls| [tls.certificate.clone(), tls.key.clone()]),
        };
        let (already, is_left) = given.take_admin(config);
        let api = Api::open(&settings, already).map_err(|error| anyhow!(error))?;
        let shared = api.share().context("cannot share the sockets of the admin API")?;
        Ok(Some(Self { api, shared, is_left }))
    }

    /// Serves it.
    pub(super) fn start(self, config: &Config, ground: &Ground<'_>) -> anyhow::Result<Running> {
        let Self { api, shared, is_left } = self;
        shared.is_left.store(is_left, Ordering::Relaxed);
        let admin = Arc::new(Admin::new(
            ground.publisher.clone(),
            ground.counters.clone(),
            About { started: ground.started, config_digest: config_digest(config) },
            owner(Arc::clone(ground.files), ground.editor.clone(), Arc::clone(ground.board)),
        ));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_MAX)
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let socket = config.admin.as_ref().and_then(|wanted| wanted.socket.as_ref());
        let (addresses, shown) = (api.addresses(), Arc::clone(&admin));
        let run = move || {
            if let Err(error) = priority::behind_answers() {
                debug!("the admin API keeps the priority of the process: {error}");
            }
            if let Err(error) = runtime.block_on(api.run(shown, stopped)) {
                error!("the admin API has ended: {error}");
            }
            // What waits for the disk is not waited for.
            runtime.shutdown_background();
        };
        let thread =
            Builder::new().name("admin".into()).spawn(run).context("cannot start the admin API")?;
        let socket = socket.map(|socket| tracing::field::display(socket.display()));
        info!(listen = ?addresses, socket, "the admin API is there");
        Ok(Running { admin, stop, thread, shared })
    }
}

impl Running {
    /// How far the server is, for those who ask.
    pub(super) fn progress(&self) -> &Progress {
        &self.admin.progress
    }

    /// Gives its sockets to be handed to another process. What comes back is set when that has taken over.
    pub(super) fn share(&mut self, config: &Config, sockets: &mut Given) -> Arc<AtomicBool> {
        for listener in self.shared.tcp.drain(..) {
            sockets.add(Socket { kind: Kind::Tcp(listener), is_kept: false });
        }
        let path = config.admin.as_ref().and_then(|admin| admin.socket.as_deref());
        if let (Some(listener), Some(path)) = (self.shared.unix.take(), path) {
            let is_kept = self.shared.is_left.load(Ordering::Relaxed);
            sockets.add(Socket { kind: Kind::Unix(listener, absolute(path)), is_kept });
        }
        Arc::clone(&self.shared.is_left)
    }

    /// Ends it, with what it was asked before.
    pub(super) fn stop(self) {
        // Fails where the thread has ended already.
        let _ = self.stop.send(true);
        // What a thread panicked with was printed when it did.
        let _ = self.thread.join();
    }
}

/// A digest of the settings that servers share: what is a machine's own, such as addresses and paths, is left out.
fn config_digest(config: &Config) -> String {
    let Config { workers, sockets, prober, limits, answers, .. } = config;
    let answers = (answers.responses, answers.any, answers.cookies.policy);
    let text = format!("{workers:?} {sockets:?} {prober:?} {limits:?} {answers:?}");
    hex(&sha256([text]))
}

fn owner(files: Arc<ArcSwap<Files>>, editor: Editor, board: Arc<Board>) -> Owner {
    let file = move |origin: &_| {
        let files = files.load();
        let load::ZoneFile { file, version, mistakes } = files.get(origin)?;
        Some(ZoneFile {
            state: match version {
                Version::Newest => model::ZoneState::Served,
                Version::LastGood => model::ZoneState::Stale,
                Version::None => model::ZoneState::Broken,
            },
            path: file.display().to_string(),
            mistakes: mistakes.iter().map(told).collect(),
        })
    };
    let reload = move |is_forced| {
        let editor = editor.clone();
        let guard = if is_forced { Guard::Off } else { Guard::On };
        let reloading = async move {
            let done = editor.reload(guard).await.map_err(|why| match why {
                reload::NotDone::Busy => NotReloaded::Busy,
                reload::NotDone::Ending => NotReloaded::Ending,
            })?;
            let names = |names: &[Name]| names.iter().map(ToString::to_string).collect();
            let changes = &done.changes;
            Ok(model::Reloaded {
                added: names(&changes.added),
                changed: names(&changes.changed),
                removed: names(&changes.removed),
                unchanged: changes.unchanged as u64,
                mistakes: done.mistakes.iter().map(told).collect(),
            })
        };
        Box::pin(reloading) as _
    };
    let all = Arc::clone(&board);
    let secondaries = move || {
        let zones = all.zones();
        zones.iter().map(|(origin, shown)| secondary(origin, shown)).collect()
    };
    let one = move |origin: &_| board.zone(origin).map(|shown| secondary(origin, &shown));
    Owner {
        file: Box::new(file),
        reload: Box::new(reload),
        secondaries: Box::new(secondaries),
        secondary: Box::new(one),
    }
}

/// How a zone from elsewhere stands, as the API has it.
fn secondary(origin: &Name, shown: &Shown) -> model::Secondary {
    let time = |at: Option<SystemTime>| at.and_then(|at| Timestamp::try_from(at).ok());
    model::Secondary {
        zone: origin.to_string(),
        primaries: shown.primaries.clone(),
        primary: shown.primary,
        serial: shown.serial,
        refreshed: time(shown.refreshed),
        expires: time(shown.expires),
        is_expired: shown.is_expired,
        failure: shown.failure.clone(),
        transferred_whole: shown.whole,
        transferred_differences: shown.incremental,
        failed: shown.failed,
        notified: shown.notified,
    }
}

fn told(mistake: &load::Mistake) -> model::Mistake {
    model::Mistake {
        file: mistake.file.display().to_string(),
        line: mistake.line,
        column: mistake.column,
        width: mistake.width,
        severity: match mistake.severity {
            Severity::Error => model::Severity::Error,
            Severity::Warning => model::Severity::Warning,
        },
        message: mistake.message.clone(),
    }
}
