//! Probes targets and reports what it finds.
//!
//! ```text
//!   set_targets ──▶ run: the loop ──▶ check: asks one target ──▶ the target
//!                    │   ▲                      │
//!             schedule   └──────── found ───────┘
//!               (pure)   │
//!                        └──▶ sink(Report), after every probe
//! ```
//!
//! It knows neither zones nor who reads its reports, so it works the same inside a server and
//! beside one. It has a thread of its own, of low priority: the CPU is for answers first.
//!
//! Two kinds of trouble are kept apart. What the way to a target or the target itself does is a
//! failure, "network unreachable" among it: clients that come the same way would fail as well. What
//! the prober lacks itself (file descriptors, local ports, a source address that leads there, a
//! readable CA file, CPU time) says nothing of the target: nothing is reported, the probe is made again a second
//! later, and the log warns once a minute.

pub mod check;
pub mod run;
pub mod schedule;

use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{debug, error};

use self::check::Checker;
#[cfg(target_os = "linux")]
use self::check::exec::Helper;
use self::run::{Progress, Wanted};
use self::schedule::Schedule;
use crate::config::model::allowed::{Programs, Secrets};
use crate::counters::Counters;
use crate::health::target::{Report, Target};
use crate::sys::priority;

/// What the operator sets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The addresses to probe from, the first of the target's family; without one the system
    /// chooses.
    pub source: Vec<IpAddr>,
    /// The most probes at once; each needs a file descriptor.
    pub in_flight: NonZeroUsize,
    /// The programs that checks may run.
    pub programs: Programs,
    /// Who starts them; without one none is run.
    #[cfg(target_os = "linux")]
    pub helper: Option<Helper>,
    /// Where they may take passwords from.
    pub secrets: Secrets,
}

/// A running prober. It ends when it is stopped, or when the last of its handles is dropped.
#[derive(Clone, Debug)]
pub struct Prober {
    wanted: watch::Sender<Wanted>,
    progress: Arc<Progress>,
    checker: Arc<Checker>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Prober {
    /// Starts a prober that has no targets yet, and counts what is late.
    ///
    /// `sink` is called on the prober's thread after every probe: while it waits no probe is made. It must not call
    /// [`first_round`](Self::first_round) or [`stop`](Self::stop).
    pub fn start(
        settings: Settings,
        counters: Arc<Counters>,
        sink: impl Fn(Report) + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (wanted, receiver) = watch::channel(Wanted::default());
        let progress = Arc::new(Progress::counting(counters));
        let checker = Checker::with(settings.source, settings.programs, settings.secrets);
        #[cfg(target_os = "linux")]
        let checker = checker.helped_by(settings.helper);
        let checker = Arc::new(checker);

        let (ended, checking) = (EndGuard(Arc::clone(&progress)), Arc::clone(&checker));
        let thread = thread::Builder::new().name("prober".into()).spawn(move || {
            if let Err(error) = priority::behind_answers() {
                debug!("the prober keeps the priority of the process: {error}");
            }
            let schedule = Schedule::new(settings.in_flight, fastrand::Rng::new());
            let probe = |target| {
                let checker = Arc::clone(&checking);
                async move { checker.check(&target).await }
            };
            runtime.block_on(run::run(schedule, receiver, &ended.0, probe, sink));
            // A file that hangs holds up nobody's end.
            runtime.shutdown_background();
        })?;

        Ok(Self { wanted, progress, checker, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// Replaces the targets. Those that stay keep their health and their schedule, new ones are
    /// probed at once, the probes of those that leave are dropped.
    pub fn set_targets(&self, targets: Vec<Target>) {
        self.checker.keep(&targets);
        self.wanted.send_modify(|wanted| {
            wanted.targets = targets.into();
            wanted.version += 1;
        });
    }

    /// Blocks until every target that is set now has had an outcome, and that was reported, or lacks what does not come by
    /// itself, such as the file of its password; `false` at the cap, or if the prober ends. `tell` hears of how many that is
    /// so, and how many there are.
    #[must_use]
    pub fn first_round(&self, cap: Duration, tell: impl FnMut(usize, usize)) -> bool {
        let version = self.wanted.borrow().version;
        self.progress.wait(version, cap, tell)
    }

    /// How far it is, for those who keep no handle of it.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Whether its thread has ended, be it by a panic: nobody probes any more.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends the prober and waits until it has; its probes in flight are dropped, and no report
    /// comes after this.
    pub fn stop(self) {
        self.wanted.send_modify(|wanted| wanted.stop = true);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join(); // if it panicked, EndGuard has told
        }
    }
}

/// Tells those who wait that the prober's thread has ended, and everyone if that was a panic:
/// without probes every backend keeps the side it is on for good.
struct EndGuard(Arc<Progress>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.end();
        if thread::panicking() {
            error!(
                "the prober ended by a panic, so that health no longer changes; please report this"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::num::{NonZeroU8, NonZeroU16};
    use std::sync::mpsc;

    use super::*;
    use crate::config::model::{Check, CheckKind, FileCheck, Unlisted};
    use crate::health::target::Health;

    /// Far more than any of these tests takes.
    const LONG: Duration = Duration::from_secs(60);

    fn prober() -> (Prober, mpsc::Receiver<Report>) {
        let (reports, receiver) = mpsc::channel();
        let settings = Settings {
            source: Vec::new(),
            in_flight: NonZeroUsize::new(2).unwrap(),
            programs: Programs::default(),
            #[cfg(target_os = "linux")]
            helper: None,
            secrets: Secrets::default(),
        };
        let sink = move |report| {
            let _ = reports.send(report);
        };
        (Prober::start(settings, Arc::default(), sink).unwrap(), receiver)
    }

    fn target(address: SocketAddr) -> Target {
        let once = NonZeroU8::new(1).unwrap();
        let check = Check {
            kind: CheckKind::Tcp { port: NonZeroU16::new(address.port()).unwrap() },
            interval: LONG,
            fast_interval: LONG,
            timeout: LONG,
            rise: once,
            fall: once,
            flap: None,
        };
        Target { address: address.ip(), check: Arc::new(check) }
    }

    /// Listens, but its queue is full: a further connection is neither made nor refused.
    fn hanging() -> (TcpListener, TcpStream) {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let listener = TcpListener::from(socket);
        let first = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener, first)
    }

    #[test]
    fn the_first_round_ends_when_every_target_was_reported() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let (up, down) = (target(open.local_addr().unwrap()), target(closed.local_addr().unwrap()));
        drop(closed);

        let (prober, reports) = prober();
        assert!(prober.first_round(LONG, |_, _| {}), "nothing to wait for");
        prober.set_targets(vec![up.clone(), down.clone()]);
        assert!(prober.first_round(LONG, |_, _| {}));
        let mut found: Vec<_> = reports.try_iter().map(|r| (r.target, r.health)).collect();
        found.sort_by_key(|(found, _)| *found == down);
        assert_eq!(found, [(up, Health::Up { failed: 0 }), (down, Health::Down { passed: 0 })]);
        prober.stop();
    }

    #[test]
    fn the_first_round_does_not_wait_for_what_cannot_be_asked() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let up = target(open.local_addr().unwrap());
        let mut lacking = up.clone();
        let path = std::env::temp_dir().join("rotadns-no-such-folder/states");
        let file = FileCheck { path, name: None, unlisted: Unlisted::default(), age_max: None };
        Arc::make_mut(&mut lacking.check).kind = CheckKind::File(file);
        let (prober, reports) = prober();
        prober.set_targets(vec![lacking, up.clone()]);
        assert!(prober.first_round(LONG, |_, _| {}));
        prober.stop();
        assert_eq!(reports.iter().map(|report| report.target).collect::<Vec<_>>(), [up]);
    }

    #[test]
    fn the_first_round_ends_at_the_cap() {
        let (listener, _first) = hanging();
        let (prober, reports) = prober();
        prober.set_targets(vec![target(listener.local_addr().unwrap())]);
        assert!(!prober.first_round(Duration::from_millis(20), |_, _| {}));
        prober.stop();
        assert_eq!(reports.try_iter().count(), 0);
    }

    #[test]
    fn stopping_drops_what_is_in_flight_and_ends_the_reports() {
        let (listener, _first) = hanging();
        let (prober, reports) = prober();
        prober.set_targets(vec![target(listener.local_addr().unwrap())]);
        let other = prober.clone();
        prober.stop();
        assert_eq!(reports.recv(), Err(mpsc::RecvError), "the sink is gone");
        assert!(!other.first_round(LONG, |_, _| {}), "a prober that ended judges nobody");
    }

    #[test]
    fn a_prober_ends_with_its_last_handle() {
        let (prober, reports) = prober();
        drop(prober.clone());
        prober.set_targets(Vec::new());
        assert!(prober.first_round(LONG, |_, _| {}), "a handle is left");
        drop(prober);
        assert_eq!(reports.recv(), Err(mpsc::RecvError));
    }

    #[test]
    fn a_sink_that_panics_does_not_leave_anyone_waiting() {
        let open = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = Settings {
            source: Vec::new(),
            in_flight: NonZeroUsize::MIN,
            programs: Programs::default(),
            #[cfg(target_os = "linux")]
            helper: None,
            secrets: Secrets::default(),
        };
        let prober = Prober::start(settings, Arc::default(), |_| panic!("on purpose")).unwrap();
        prober.set_targets(vec![target(open.local_addr().unwrap())]);
        assert!(!prober.first_round(LONG, |_, _| {}));
        while !prober.is_finished() {
            thread::yield_now();
        }
    }
}
