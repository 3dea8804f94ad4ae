//! The admin API's thread: started before DNS is served, as probers beside are to be heard in the first round, and
//! stopped last.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::SystemTime;

use anyhow::{Context as _, anyhow, bail};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;
use tracing::{debug, error, info};

use super::load::{self, Files, Guard, Version};
use super::reload::{self, Editor};
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

/// An admin API that is served.
pub(super) struct Running {
    admin: Arc<Admin>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
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

impl Running {
    /// Serves the API, where the config wants one.
    pub(super) fn start(config: &Config, ground: &Ground<'_>) -> anyhow::Result<Option<Self>> {
        let Some(wanted) = &config.admin else { return Ok(None) };
        // The config's reader and the command line have told this with its place.
        if let Some(problem) = wanted.exposed() {
            bail!("admin: {problem}");
        }
        let tls = wanted.tls.as_ref();
        let api = Api::open(&Settings {
            listen: wanted.listen.clone(),
            socket: wanted.socket.clone(),
            tokens: wanted.tokens.clone(),
            tls: tls.map(|tls| [tls.certificate.clone(), tls.key.clone()]),
        });
        let api = api.map_err(|error| anyhow!(error))?;
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
        let socket = wanted.socket.as_ref().map(|socket| tracing::field::display(socket.display()));
        info!(listen = ?addresses, socket, "the admin API is there");
        Ok(Some(Self { admin, stop, thread }))
    }

    /// How far the server is, for those who ask.
    pub(super) fn progress(&self) -> &Progress {
        &self.admin.progress
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
