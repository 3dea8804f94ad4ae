//! The loader's thread: reads files again whenever one changes or somebody asks.
//!
//! ```text
//!   a file changes ──┐
//!   SIGHUP ──────────┼──▶ queue ──▶ loader ──▶ publisher, or targets of a prober beside
//!   the admin API ───┘                │
//!        ▲                            │
//!        └─────── what it did ────────┘
//! ```

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::info;

use super::load::{Changes, Guard, Loader, Mistake, Round, Zones};
use super::watch::Watch;

/// How long the files must be quiet before they are read: an editor writes in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// How often folders that were replaced or came back are looked for.
const RENEW: Duration = Duration::from_secs(2);
/// A folder that is never quiet is read all the same after this.
const QUIET_MAX: Duration = Duration::from_secs(1);
/// The most wishes for a reload that wait; one that nobody waits for is as good as those before it.
const QUEUE_MAX: usize = 16;

/// What a reload did.
#[derive(Debug)]
pub struct Reloaded {
    /// How the zones differ from those before.
    pub changes: Changes,
    /// Every mistake there is now.
    pub mistakes: Vec<Mistake>,
}

/// Why there was no reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReloaded {
    /// Too many have asked at once.
    Busy,
    /// The server is about to end.
    Ending,
}

/// A wish that files be read again.
struct Wish {
    guard: Guard,
    /// Who wants to know what it did.
    answer: Option<oneshot::Sender<Arc<Reloaded>>>,
}

/// The way to the loader's thread.
#[derive(Clone)]
pub struct Reloader(SyncSender<Wish>);

/// The loader's end of it.
pub(super) struct Wishes(Receiver<Wish>);

/// A way to ask for reloads, and its end.
pub(super) fn channel() -> (Reloader, Wishes) {
    let (ask, asked) = sync_channel(QUEUE_MAX);
    (Reloader(ask), Wishes(asked))
}

impl Reloader {
    /// Has the files read soon. Where many wait already, they will be.
    pub fn wish(&self) {
        let _ = self.0.try_send(Wish { guard: Guard::On, answer: None });
    }

    /// Reads the files again and says what that did.
    pub async fn reload(&self, guard: Guard) -> Result<Arc<Reloaded>, NotReloaded> {
        let (answer, told) = oneshot::channel();
        let sent = self.0.try_send(Wish { guard, answer: Some(answer) });
        sent.map_err(|error| match error {
            TrySendError::Full(_) => NotReloaded::Busy,
            TrySendError::Disconnected(_) => NotReloaded::Ending,
        })?;
        told.await.map_err(|_| NotReloaded::Ending)
    }
}

/// Reads files again until nobody can ask for it any more; what has changed is shown.
pub(super) fn keep_loading(
    mut loader: Loader,
    mut watch: Watch,
    wishes: &Wishes,
    show: impl Fn(Zones),
) {
    loop {
        watch.also(loader.included());
        let mut heard = match wishes.0.recv_timeout(RENEW) {
            Ok(wish) => vec![wish],
            Err(RecvTimeoutError::Timeout) if watch.renew() => Vec::new(),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if !heard.is_empty() {
            settle(wishes, &mut heard);
        }
        let is_forced = heard.iter().any(|wish| wish.guard == Guard::Off);
        let guard = if is_forced { Guard::Off } else { Guard::On };
        let reloaded = Arc::new(reload(&mut loader, &show, guard));
        for answer in heard.into_iter().filter_map(|wish| wish.answer) {
            // Who asked may have gone.
            let _ = answer.send(Arc::clone(&reloaded));
        }
    }
}

fn reload(loader: &mut Loader, show: impl Fn(Zones), guard: Guard) -> Reloaded {
    let Round { zones, changes, broken, mistakes } = loader.load(guard);
    let changed = changes.count();
    if changed > 0 {
        show(zones);
    }
    if changed > 0 || broken > 0 {
        info!(changed, broken, "zones reloaded");
    }
    Reloaded { changes, mistakes }
}

/// Waits until the files are quiet, and gathers what is wished for meanwhile.
fn settle(wishes: &Wishes, heard: &mut Vec<Wish>) {
    let latest = now() + QUIET_MAX;
    while now() < latest
        && let Ok(wish) = wishes.0.recv_timeout(QUIET)
    {
        // A change of a file needs no place of its own.
        if wish.answer.is_some() {
            heard.push(wish);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the loader waits by the clock for quiet")]
fn now() -> Instant {
    Instant::now()
}
