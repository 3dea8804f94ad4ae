//! Who owns what: start, reload, stop.
//!
//! ```text
//!   main        signals
//!   loader      files ─▶ zones, when asked to or when a file changes
//!   publisher   zones, reports ─▶ snapshot
//!   prober      targets ─▶ reports
//!   udp-N       one for each worker and listen address
//!   tcp-N       one for each core
//! ```
//!
//! The start goes from the bottom up, and sockets open last: the first answer knows the first outcome of
//! each check. The stop goes the other way.

mod listeners;
pub mod load;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::config::Config;
use crate::counters::AllCounters;
use crate::prober::{Prober, Settings};
use crate::state::persist::{LastHealth, Serials};
use crate::state::publisher::Publisher;
use listeners::Listeners;
use load::{Loader, Round};

/// How long the files must be quiet before they are read: an editor writes in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// How often folders that were replaced or came back are looked for.
const RENEW: Duration = Duration::from_secs(2);
/// A folder that is never quiet is read all the same after this.
const QUIET_MAX: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT. With `strict`, a zone with a mistake ends the start.
pub fn serve(config: &Config, strict: bool) -> anyhow::Result<()> {
    raise_descriptor_limit(config);
    let mut loader = Loader::new(config.zones.clone(), serials(&config.state));
    let round = loader.load();
    if strict && round.broken > 0 {
        bail!("{} with mistakes, and --strict wants none", files(round.broken));
    }
    if round.zones.is_empty() {
        let paths: Vec<String> =
            config.zones.iter().map(|path| path.display().to_string()).collect();
        warn!("no zones in {}: every query is refused", paths.join(", "));
    }

    let backstage = Backstage::start(config)?;
    backstage.show(round);
    let probed = backstage.prober.first_round(config.prober.first_round);
    backstage.publisher.flush();
    if !probed {
        let cap = config.prober.first_round;
        warn!("some backends are not judged after {cap:?}; they count as before, or as up");
    }

    let counters = AllCounters::default();
    let listeners = Listeners::open(config)?;
    let addresses = listeners.addresses()?;
    let listeners = listeners.start(config, &backstage.publisher, &counters)?;
    let reload = start_loading(loader, config.zones.clone(), backstage.publisher.clone())?;
    info!(listen = ?addresses, "serving");

    wait_for_the_end(&reload)?;

    info!("stopping");
    // The loader is not waited for: a zone of any size may be on its way, and what it writes is whole
    // or not there.
    listeners.stop();
    backstage.stop();
    listeners::tell_totals(&counters);
    Ok(())
}

/// The serials that were served last. A server without them is better than none.
fn serials(state: &Path) -> Serials {
    Serials::load(state).unwrap_or_else(|error| {
        let file = state.join("serials");
        error!(
            "{}: cannot be read, so that serials may fall, and are not kept over a restart: {error}",
            file.display()
        );
        Serials::default()
    })
}

/// Takes as many file descriptors as the system lets us have: each TCP connection and each probe needs one.
fn raise_descriptor_limit(config: &Config) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let wanted = config.limits.tcp_connections.get() + config.prober.in_flight.get();
        if let Err(error) = raised {
            warn!("the limit of open files stays as it is: {error}");
        } else if maximum.is_some_and(|maximum| maximum < wanted as u64) {
            let maximum = maximum.unwrap_or_default();
            warn!(
                "at most {maximum} files can be open, but tcp_connections and in_flight together want \
                 {wanted}; raise LimitNOFILE or lower them"
            );
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = config;
}

/// Reloads at SIGHUP, returns at SIGTERM or SIGINT.
fn wait_for_the_end(reload: &SyncSender<Reload>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    info!("reloading, as asked by SIGHUP");
                    let _ = reload.try_send(Reload);
                }
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
            }
        }
    })
}

/// What works behind the listeners.
struct Backstage {
    publisher: Publisher,
    publishing: JoinHandle<()>,
    prober: Prober,
}

impl Backstage {
    fn start(config: &Config) -> anyhow::Result<Self> {
        // The publisher tells the prober its targets, the prober tells the publisher what it found:
        // one of them must come first.
        let prober = Arc::new(OnceLock::<Prober>::new());
        let tell = Arc::clone(&prober);
        let (publisher, publishing) =
            Publisher::start(LastHealth::load(&config.state), move |targets| {
                if let Some(prober) = tell.get() {
                    prober.set_targets(targets);
                }
            })
            .context("cannot start the publisher")?;
        let settings =
            Settings { source: config.prober.source.clone(), in_flight: config.prober.in_flight };
        let reports = publisher.clone();
        let started = Prober::start(settings, move |report| reports.report(report))
            .context("cannot start the prober")?;
        let prober = prober.get_or_init(|| started).clone();
        Ok(Self { publisher, publishing, prober })
    }

    /// Has a round of zones served and probed.
    fn show(&self, round: Round) {
        self.publisher.zones(round.zones);
        self.publisher.flush();
    }

    fn stop(self) {
        self.prober.stop();
        self.publisher.stop();
        // A thread that panicked has been reported where it did.
        let _ = self.publishing.join();
    }
}

/// Asks the loader's thread to look at the files.
struct Reload;

/// Starts the thread that reads files again, whenever one changes or somebody asks.
fn start_loading(
    mut loader: Loader,
    paths: Vec<PathBuf>,
    publisher: Publisher,
) -> anyhow::Result<SyncSender<Reload>> {
    // One that waits stands for all that come meanwhile.
    let (ask, asked) = sync_channel(1);
    let on_change = ask.clone();
    let mut watch = watch::Watch::start(paths, move || {
        let _ = on_change.try_send(Reload);
    });
    Builder::new().name("loader".into()).spawn(move || {
        loop {
            match asked.recv_timeout(RENEW) {
                Ok(Reload) => settle(&asked),
                Err(RecvTimeoutError::Timeout) if watch.renew() => {}
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            }
            reload(&mut loader, &publisher);
        }
    })?;
    Ok(ask)
}

fn reload(loader: &mut Loader, publisher: &Publisher) {
    let round = loader.load();
    let (changed, broken) = (round.changed, round.broken);
    if changed > 0 {
        publisher.zones(round.zones);
        publisher.flush();
    }
    if changed > 0 || broken > 0 {
        info!(changed, broken, "zones reloaded");
    }
}

/// Waits until the files are quiet.
fn settle(asked: &Receiver<Reload>) {
    let latest = now() + QUIET_MAX;
    while now() < latest && asked.recv_timeout(QUIET).is_ok() {}
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

#[expect(clippy::disallowed_methods, reason = "the loader waits by the clock for quiet")]
fn now() -> Instant {
    Instant::now()
}
