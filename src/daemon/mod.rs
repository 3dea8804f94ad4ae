//! Who owns what: start, reload, stop.
//!
//! ```text
//!   main        signals, and whether the others are alive
//!   loader      the start; then whatever changes zones: files, what comes from elsewhere, health that is content
//!   publisher   zones, reports ─▶ snapshot
//!   prober      targets ─▶ reports
//!   admin       what people and programs ask, and want
//!   secondary   primaries ─▶ zones
//!   notifier    versions ─▶ NOTIFY, to those who take zones from us
//!   follower    when a version for health may be made
//!   replace     who is to take our place
//!   udp-N       one for each worker and listen address
//!   tcp-N       one for each core
//! ```
//!
//! The start goes from the bottom up, and sockets open last: the first answer knows the first outcome of
//! each check. The stop goes the other way. Signals count from the first moment, however long a zone
//! takes to be read.

mod admin;
mod backstage;
mod clock;
mod folder;
mod given;
mod herald;
mod listeners;
pub mod load;
pub mod named;
pub(crate) mod places;
pub mod probe;
mod programs;
pub mod progress;
mod quiet;
pub mod reload;
mod replace;
mod rights;
mod sandbox;
mod secondary;
mod services;
mod settings;
mod signals;
mod supervisor;
mod watch;

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::admin::listen::connections::CONNECTIONS_MAX;
use crate::authority::Services;
use crate::authority::secondary::life::Pen;
use crate::config::Config;
use crate::counters::AllCounters;
use crate::name::Name;
use crate::prober;
use crate::sys::memory;
use crate::sys::sandbox::Sandbox;
use backstage::{Backstage, refuse_broken};
use folder::lock;
use given::Given;
use listeners::Listeners;
use load::{Guard, Loader};
use places::Sources;
use progress::Progress;
use reload::{Editor, keep_loading};
use replace::{Beginning, Ground, Here, Predecessor, Replaceable};
use rights::Rights;
use signals::{Crew, Signals};
use watch::Watch;

/// How long who is connected over TCP may ask a server that was replaced.
const LINGER: Duration = Duration::from_secs(2);

/// How to serve, beside what the config file says.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// A zone with a mistake ends the start.
    pub strict: bool,
    /// The server that runs over the same state folder is replaced, where there is one.
    pub replace: bool,
}

/// Serves what the config says, which stands in that file if in any, until SIGTERM or SIGINT, or until another process takes over.
/// The start tells `progress` how far it is.
pub fn serve(
    config: &Config,
    file: Option<&Path>,
    how: How,
    progress: &Arc<Progress>,
) -> anyhow::Result<()> {
    let began = Timestamp::now();
    memory::keep_little();
    let given = Given::by_supervisor()?;
    let predecessor = if how.replace { Predecessor::find(&config.state)? } else { None };
    let mut config = config.clone();
    if let Some(predecessor) = predecessor.as_ref().filter(|_| config.listens_by_default()) {
        config.listen.clone_from(&predecessor.here.listen);
    } else if let Some(listen) = given.listen(&config) {
        config.listen = listen;
    }
    let config = &config;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _runtime = runtime.enter();
        Signals::take()?
    };
    raise_descriptor_limit(
        config.limits.tcp_connections.get()
            + config.prober.in_flight.get()
            + config.admin.as_ref().map_or(0, |_| CONNECTIONS_MAX),
    );
    // Who starts programs does so while it can be started, and with rights of its own to give up.
    let user = rights::user(config)?;
    let prober = programs::settings(config, user.as_ref());
    let rights = Rights::reduce(config, user)?;
    let beginning = match predecessor {
        Some(predecessor) => Beginning::InPlaceOf(predecessor),
        None => Beginning::Alone { lock: lock(&config.state)? },
    };

    let (editor, wishes) = reload::channel();
    let (started, starting) = oneshot::channel();
    let (shared, on_change, asks) = (config.clone(), editor.clone(), editor.clone());
    let told = Arc::clone(progress);
    let file = file.map(Path::to_path_buf);
    let loading = Builder::new().name("loader".into()).spawn(move || {
        // Before the first look at the files, so that no change after it is missed.
        let watched = shared.zones.iter().cloned().chain(Sources::paths(&shared.geo)).collect();
        let walls = sandbox::around_nothing(&shared);
        let watch = Watch::start(watched, walls, move |noticed| on_change.notice(noticed));
        let mut beginning = beginning;
        let (serials, overlays) = beginning.state(&shared.state);
        let mut loader = Loader::new(shared.zones.clone(), serials)
            .with_includes(&shared.includes)
            .with_access(&shared.authority.access)
            .with_overlays(overlays)
            .with_progress(&told);
        let (file, strict, probing) = (file.as_deref(), how.strict, prober);
        let with = With { file, strict, probing, rights, beginning, given };
        let serving = Serving::start(&shared, with, &mut loader, &asks, &told, began);
        if let Ok(serving) = &serving {
            loader.count_in(serving.counters.thread_beside());
        }
        let stage = serving.as_ref().ok().map(|serving| serving.backstage.herald.clone());
        // Fails where a signal came first: the process is about to end.
        let _ = started.send(serving);
        if let Some(stage) = stage {
            keep_loading(loader, watch, &wishes, &stage);
        }
    })?;

    let Some(serving) = runtime.block_on(signals.wait_for_the_start(starting, &editor)) else {
        info!("stopped before it served");
        if !how.replace {
            supervisor::stopping();
        }
        return Ok(());
    };
    progress.end();
    let mut serving = serving?;
    if let Some(sandbox) = &serving.sandbox {
        sandbox.close().context("this thread cannot step into the sandbox")?;
    }
    let replaceable = serving.wait_for_another(config, &editor);
    serving.tell();
    supervisor::ready(&serving.status);
    supervisor::watch(&serving.backstage.publisher)?;
    let Backstage { publishing, prober, herald, .. } = &serving.backstage;
    let secondary = &serving.secondary;
    let crew: Crew<'_> = &[
        ("secondary", &|| secondary.as_ref().is_some_and(secondary::Running::is_finished)),
        ("loader", &|| loading.is_finished()),
        ("publisher", &|| publishing.is_finished()),
        ("prober", &|| prober.is_finished()),
        ("notifier or follower", &|| herald.is_finished()),
    ];
    runtime.block_on(signals.wait_for_the_end(&editor, crew, replaceable.as_ref()))?;

    if let Some(replaceable) = replaceable.filter(Replaceable::close) {
        info!("another process has taken over");
        serving.leave(&replaceable);
        return Ok(());
    }
    info!("stopping");
    supervisor::stopping();
    // The loader is not waited for: a zone of any size may be on its way, and what it writes is whole
    // or not there.
    serving.stop();
    Ok(())
}

/// Everything that answers, and what works for it.
struct Serving {
    backstage: Backstage,
    listeners: listeners::Running,
    secondary: Option<secondary::Running>,
    admin: Option<admin::Running>,
    counters: AllCounters,
    /// Closed around all of these threads.
    sandbox: Option<Sandbox>,
    /// What another process takes over.
    legacy: Option<Legacy>,
    /// Where DNS is served: over UDP and TCP, and over TLS.
    at: (Vec<SocketAddr>, Vec<SocketAddr>),
    /// What it does, for whoever supervises it.
    status: String,
}

/// What a start has beside the config.
struct With<'w> {
    /// The config file.
    file: Option<&'w Path>,
    /// Whether a mistake ends it.
    strict: bool,
    probing: prober::Settings,
    rights: Rights,
    beginning: Beginning,
    /// Sockets that whoever supervises the process has opened.
    given: Given,
}

/// What another process takes over beside what works already.
struct Legacy {
    sockets: Given,
    lock: Option<File>,
    pen: Pen,
    /// Where the server before waited for who takes its place.
    listener: Option<UnixListener>,
}

impl Serving {
    /// Loads the zones, waits for the first outcome of each check, takes over where another server runs, and opens the sockets that
    /// were not given.
    fn start(
        config: &Config,
        With { file, strict, probing, rights, beginning, mut given }: With<'_>,
        loader: &mut Loader,
        editor: &Editor,
        progress: &Progress,
        began: Timestamp,
    ) -> anyhow::Result<Self> {
        let (set, settings) = settings::Set::read(config)?;
        let mut elsewhere = secondary::Begun::begin(config, &settings.keys, editor, loader)?;
        loader.set_strict(strict);
        let round = loader.load(Guard::On);
        loader.set_strict(false);
        let is_served = |zone: &Name| round.zones.iter().any(|(origin, _)| origin == zone);
        for stranger in named::strangers(config, is_served) {
            warn!("{}", named::told(stranger));
        }
        refuse_broken(&round, strict)?;
        if round.zones.is_empty() {
            let paths: Vec<String> =
                config.zones.iter().map(|path| path.display().to_string()).collect();
            warn!("no zones in {}: every query is refused", paths.join(", "));
        }

        let read = sandbox::Read {
            config: file,
            zones: &round.zones,
            files: &loader.files().load(),
            included: loader.included(),
        };
        // What follows starts threads, which are inside.
        let sandbox = sandbox::close(config, &read)?;

        let threads = match &beginning {
            Beginning::Alone { .. } => listeners::threads(config, &given.udp_counts()),
            Beginning::InPlaceOf(before) => listeners::threads(config, &before.here.udp),
        };
        let counters = AllCounters::with_threads(threads);
        let backstage = Backstage::start(config, probing, &counters, (set, settings), editor)?;
        if matches!(beginning, Beginning::InPlaceOf(_)) {
            backstage.publisher.rest();
        }
        let mut zones = round.zones.len();
        backstage.show(round);
        let shown = Arc::clone(loader.files());
        let ground = admin::Ground {
            publisher: &backstage.publisher,
            counters: &counters,
            files: &shown,
            editor,
            board: &elsewhere.board(),
            started: began,
        };
        let mut admin = None;
        if matches!(beginning, Beginning::Alone { .. })
            && let Some(opened) = admin::Opened::open(config, &mut given)?
        {
            // Probers beside are to be heard in the first round.
            admin = Some(opened.start(config, &ground)?);
        }
        let cap = config.prober.first_round;
        let probed = backstage.prober.first_round(cap, |done, of| progress.checks(done, of));
        backstage.publisher.flush();
        if !probed {
            warn!("some backends are not judged after {cap:?}; they count as before, or as up");
        }
        let mut had = beginning.take_over(&config.state, given)?;
        if had.is_replacing {
            zones = backstage.renew(config, strict, &had, loader, &mut elsewhere)?;
        }
        backstage.herald.say_what_is_known(loader);
        elsewhere.tell_expired(&backstage.publisher);

        let opened = match admin {
            None => admin::Opened::open(config, &mut had.given)?,
            Some(_) => None,
        };
        let mut listeners = Listeners::open(config, &mut had.given)?;
        rights.give_up()?;
        std::mem::take(&mut had.given).close_rest();
        let sockets = listeners.share();
        let (addresses, over_tls) = (listeners.addresses()?, listeners.over_tls()?);
        let services: Arc<dyn Services> =
            Arc::new(services::All { notified: elsewhere.notified(), editor: editor.clone() });
        let listeners = listeners.start(config, &backstage.publisher, &counters, &services)?;
        if let Err(error) = had.serving() {
            listeners.leave(Duration::ZERO);
            return Err(error);
        }
        backstage.publisher.go_on();
        if let Some(opened) = opened {
            admin = Some(opened.start(config, &ground)?);
        }
        let pen = elsewhere.pen();
        let secondary = elsewhere.start(&backstage.publisher)?;
        let at: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let status = format!("serving {zones} zones on {}", at.join(", "));
        backstage.herald.tell_all();
        if let Some(admin) = &admin {
            admin.progress().serving(addresses.clone(), over_tls.clone());
        }
        let legacy =
            sockets.map(|sockets| Legacy { sockets, lock: had.lock, pen, listener: had.listener });
        let at = (addresses, over_tls);
        Ok(Self { backstage, listeners, secondary, admin, counters, sandbox, legacy, at, status })
    }

    /// Tells people that it serves, when others can take its place.
    fn tell(&self) {
        let (listen, over_tls) = &self.at;
        let tls = (!over_tls.is_empty()).then(|| tracing::field::debug(over_tls));
        info!(?listen, tls, "serving");
    }

    /// Waits for who is to take the server's place. Without, it serves all the same.
    fn wait_for_another(&mut self, config: &Config, editor: &Editor) -> Option<Replaceable> {
        let Some(Legacy { mut sockets, lock, pen, listener }) = self.legacy.take() else {
            info!(
                "portable sockets are not handed over: `serve --replace` cannot replace this server"
            );
            return None;
        };
        let mut left = Vec::new();
        if let Some(admin) = &mut self.admin {
            left.push(admin.share(config, &mut sockets));
        }
        let listen = self.at.0.clone();
        let here = Here { pid: std::process::id(), listen, udp: sockets.udp_counts() };
        let (editor, publisher) = (editor.clone(), self.backstage.publisher.clone());
        let ground = Ground { here, sockets, lock, editor, publisher, pen, left, file: None };
        let started = Replaceable::start(replace::place(&config.state), listener, ground);
        started
            .inspect_err(|error| warn!("`serve --replace` cannot replace this server: {error}"))
            .ok()
    }

    /// Ends as another process serves by now, with the same sockets.
    fn leave(mut self, replaceable: &Replaceable) {
        // What the other one changes from now on, nobody is to be told otherwise.
        self.listeners.leave_udp();
        replaceable.all_is_theirs();
        if let Some(admin) = self.admin {
            admin.progress().stopping();
            admin.stop();
        }
        if let Some(secondary) = self.secondary {
            secondary.stop();
        }
        self.listeners.leave(LINGER);
        self.backstage.stop();
        listeners::tell_totals(&self.counters);
    }

    fn stop(self) {
        if let Some(admin) = &self.admin {
            admin.progress().stopping();
        }
        if let Some(secondary) = self.secondary {
            secondary.stop();
        }
        self.listeners.stop();
        self.backstage.stop();
        if let Some(admin) = self.admin {
            admin.stop();
        }
        listeners::tell_totals(&self.counters);
    }
}

/// Takes as many file descriptors as the system lets us have: each TCP connection and each probe needs one.
fn raise_descriptor_limit(wanted: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        if let Err(error) = raised {
            warn!("the limit of open files stays as it is: {error}");
        } else if maximum.is_some_and(|maximum| maximum < wanted as u64) {
            let maximum = maximum.unwrap_or_default();
            warn!(
                "at most {maximum} files can be open, but tcp_connections, in_flight and the admin API together want \
                 {wanted}; raise LimitNOFILE or lower them"
            );
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = wanted;
}
