//! The loader's thread: the one place where zones' content changes.
//!
//! ```text
//!   a file changes ──┐
//!   SIGHUP ──────────┼─ reload ──┐
//!   the admin API ───┘           │
//!   a primary ─────── received ──┼──▶ queue ──▶ loader ──▶ publisher, or targets of a prober beside
//!   health ─── health_changed ───┤                │
//!   a client ─────────── update ─┘                │
//!        ▲                                        │
//!        └────────────── what it did ─────────────┘
//! ```
//!
//! A file is read when it has been quiet for a moment, and those beside it are not (`quiet`); nothing else waits for
//! that. Updates that have come meanwhile are
//! made together: one write to the disk for all, one new snapshot, and then all the answers.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::sync::mpsc::{
    Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::{debug, info};

use super::clock::seconds;
use super::load::{Changes, Guard, Loader, Made, Mistake, Part, Round, Zones};
use super::quiet::{Quiet, Settled};
use super::watch::{Noticed, Sign, Watch};
use crate::authority::answer::answer;
use crate::authority::update::Refusal;
use crate::authority::{Reply, Request};
use crate::name::Name;
use crate::sys::{memory, priority};
use crate::wire::edns::error;
use crate::wire::rcode;
use crate::zone::Zone;
use crate::zone::exported::Exported;

/// How often folders that were replaced or came back are looked for.
const RENEW: Duration = Duration::from_secs(2);
/// When what a load has left is free: the publisher looks once a second whether anybody reads the version before.
const FREED: Duration = Duration::from_secs(4);
/// Zones of fewer names leave nothing behind that would be worth a look at all memory.
const GARBAGE_NAMES: usize = 10_000;
/// The most wishes that wait. Of those for a reload, one that nobody waits for is as good as those before it.
const QUEUE_MAX: usize = 256;
/// How often a loader that rests looks whether it shall go on.
const REST_LOOK: Duration = Duration::from_millis(20);
/// The most updates that are made together.
const BATCH_MAX: usize = 128;
/// The most that was noticed of files and waits to be looked at; past that, all files are.
const NOTICED_MAX: usize = 65_536;

/// What a reload did.
#[derive(Debug)]
pub struct Reloaded {
    /// How the zones differ from those before.
    pub changes: Changes,
    /// Every mistake there is now.
    pub mistakes: Vec<Mistake>,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Too many have asked at once.
    Busy,
    /// The server is about to end.
    Ending,
}

impl<T> From<TrySendError<T>> for NotDone {
    fn from(error: TrySendError<T>) -> Self {
        match error {
            TrySendError::Full(_) => Self::Busy,
            TrySendError::Disconnected(_) => Self::Ending,
        }
    }
}

/// A wish that zones change.
enum Wish {
    /// All files are to be looked at.
    Reload(Reload),
    /// Something happened to files; [`Editor::noticed`] has what.
    Noticed,
    /// A zone has come from elsewhere, or has expired.
    Received(Name, Option<Arc<Zone>>),
    /// What some zones say to secondaries may differ from what it should, as health does; [`Editor::unsaid`] has them.
    HealthChanged,
    /// A client changes a zone.
    Update(Box<Request>, Reply),
    /// The state folder is another process's for a while.
    Rest(Rest),
}

/// A wish that nothing changes, until somebody says so or until the end.
struct Rest {
    /// Told when the loader has let go of the state folder.
    begun: SyncSender<()>,
    /// The rest ends with a word from there, or with who would say it.
    end: Receiver<()>,
}

/// A loader that rests: zones stay as they are. It goes on when this is dropped.
pub(super) struct Resting {
    _end: SyncSender<()>,
}

/// A wish that all files be looked at.
pub(super) struct Reload {
    pub(super) guard: Guard,
    /// Who wants to know what it did.
    pub(super) answer: Option<oneshot::Sender<Arc<Reloaded>>>,
}

/// The way to the loader's thread.
#[derive(Clone)]
pub struct Editor {
    wishes: SyncSender<Wish>,
    /// The zones whose health has changed, one wish for all of them: however many there are, they leave room for updates.
    unsaid: Arc<Mutex<BTreeSet<Name>>>,
    /// What happened to files, one wish for all of it.
    noticed: Arc<Mutex<Vec<Noticed>>>,
}

/// The loader's end of it.
pub(super) struct Wishes {
    asked: Receiver<Wish>,
    unsaid: Arc<Mutex<BTreeSet<Name>>>,
    noticed: Arc<Mutex<Vec<Noticed>>>,
}

/// A way to have zones changed, and its end.
pub(super) fn channel() -> (Editor, Wishes) {
    let (ask, asked) = sync_channel(QUEUE_MAX);
    let (unsaid, noticed) = (Arc::<Mutex<BTreeSet<Name>>>::default(), Arc::default());
    let editor = Editor { wishes: ask, unsaid: Arc::clone(&unsaid), noticed: Arc::clone(&noticed) };
    (editor, Wishes { asked, unsaid, noticed })
}

impl Editor {
    /// Has all files looked at soon.
    pub fn wish(&self) {
        self.notice(vec![Noticed::Any(Sign::Whole)]);
    }

    /// Has files looked at to which something happened, when they are quiet.
    pub(super) fn notice(&self, news: Vec<Noticed>) {
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = noticed.is_empty();
        noticed.extend(news);
        if noticed.len() > NOTICED_MAX {
            *noticed = vec![Noticed::Any(Sign::Open)];
        }
        drop(noticed);
        if is_first {
            // Where the queue is full, what is in it wakes the loader as well; after the end there is nobody to wake.
            let _ = self.wishes.try_send(Wish::Noticed);
        }
    }

    /// Reads the files again and says what that did.
    pub async fn reload(&self, guard: Guard) -> Result<Arc<Reloaded>, NotDone> {
        let (answer, told) = oneshot::channel();
        self.wishes.try_send(Wish::Reload(Reload { guard, answer: Some(answer) }))?;
        told.await.map_err(|_| NotDone::Ending)
    }

    /// Serves a version of a zone that has come from elsewhere, one of [`Loader::with_access`]; `None` where it
    /// has expired: SERVFAIL. Waits while too much waits, so it is for threads that may.
    pub fn received(&self, origin: Name, zone: Option<Arc<Zone>>) {
        // After the end there is nobody to serve to.
        let _ = self.wishes.send(Wish::Received(origin, zone));
    }

    /// Makes an update and answers it when it is on the disk and in the answers; SERVFAIL at once where too many wait.
    pub fn update(&self, request: Request, reply: Reply) {
        let sent = self.wishes.try_send(Wish::Update(Box::new(request), reply));
        if let Err(TrySendError::Full(wish) | TrySendError::Disconnected(wish)) = sent
            && let Wish::Update(request, reply) = wish
        {
            let told = (error::OTHER.code, "too many updates wait; send it again later");
            reply.send(answer(&request, rcode::SERVFAIL, Some(told), seconds()));
        }
    }

    /// Has the loader let go of the state folder, and change nothing until what comes back is dropped; `None` where it has not
    /// done so in time, as it is busy.
    pub(super) fn rest(&self, within: Duration) -> Option<Resting> {
        let (begun, rests) = sync_channel(1);
        let (goes_on, end) = sync_channel(1);
        self.wishes.try_send(Wish::Rest(Rest { begun, end })).ok()?;
        rests.recv_timeout(within).ok()?;
        Some(Resting { _end: goes_on })
    }

    /// Makes a version of a zone where it is to say something else to secondaries than it does. Waits while too much waits, so
    /// it is for threads that may.
    pub fn health_changed(&self, origin: Name) {
        let mut unsaid = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = unsaid.is_empty();
        unsaid.insert(origin);
        drop(unsaid);
        if is_first {
            // After the end there is nobody to serve to.
            let _ = self.wishes.send(Wish::HealthChanged);
        }
    }
}

/// What is shown of what has changed.
pub(super) enum Show {
    /// All zones there are.
    All(Zones),
    /// Some beside the others, together.
    Some(Zones),
    /// One beside the others.
    One(Name, Option<Arc<Zone>>),
    /// Whether the disk took the last updates.
    Kept(bool),
}

/// What the loader's thread needs beside its files.
pub(super) trait Stage {
    /// Files are read again: what reads others beside those of zones does so too.
    fn reading(&self) {}

    /// Nothing has happened for a while: what becomes too old, or changes unnoticed, is looked at.
    fn look(&self) {}

    /// Shows what has changed.
    fn show(&self, shown: Show);

    /// What a zone is to say of its pools now.
    fn exported(&self, origin: &Name) -> Option<Exported>;

    /// A version was made as that differed.
    fn said(&self, origin: &Name);
}

/// Changes zones until nobody can ask for it any more; what has changed is shown.
pub(super) fn keep_loading(
    mut loader: Loader,
    mut watch: Watch,
    wishes: &Wishes,
    stage: &impl Stage,
) {
    // Whoever answers has begun: what is loaded from now on leaves the cores to it.
    if let Err(error) = priority::behind_answers() {
        debug!("zones are loaded at the priority of the process: {error}");
    }
    loader.leave_cores();
    let mut quiet = Quiet::default();
    watch.also(loader.included());
    let mut next = VecDeque::new();
    let mut look = now() + RENEW;
    // What was read, and what was replaced, is freed a little later.
    let mut give_back = Some(now() + FREED);
    loop {
        let until = quiet.due().map_or(look, |due| due.min(look));
        let wait = until.saturating_duration_since(now());
        let wish = next.pop_front().map_or_else(|| wishes.asked.recv_timeout(wait), Ok);
        match wish {
            Ok(Wish::Update(request, reply)) => {
                let mut updates = vec![(*request, reply)];
                // What has waited for a rest to end comes before what is asked now.
                if next.is_empty() {
                    next.extend(wishes.gather(&mut updates));
                }
                if make(&mut loader, updates, stage) {
                    quiet.notice(Noticed::Any(Sign::Whole), now());
                }
            }
            Ok(Wish::Reload(wish)) => quiet.hear(wish, now()),
            Ok(Wish::Received(origin, zone)) => {
                if let Some(zone) = loader.receive(&origin, zone) {
                    stage.show(Show::One(origin, zone));
                }
            }
            Ok(Wish::HealthChanged) => {
                let news = wishes.unsaid().into_iter().filter_map(|origin| {
                    let exported = stage.exported(&origin)?;
                    Some((origin, exported))
                });
                for (origin, zone) in loader.say(news.collect()) {
                    stage.said(&origin);
                    stage.show(Show::One(origin, Some(zone)));
                }
            }
            Ok(Wish::Rest(rest)) => {
                loader.rest();
                next.extend(wishes.rest(&rest));
                loader.go_on();
            }
            Ok(Wish::Noticed) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        wishes.noticed().into_iter().for_each(|noticed| quiet.notice(noticed, now()));
        match quiet.take_settled(now()) {
            Some(Settled::All(heard)) => {
                let is_forced = heard.iter().any(|wish| wish.guard == Guard::Off);
                let guard = if is_forced { Guard::Off } else { Guard::On };
                let reloaded = Arc::new(reload(&mut loader, stage, guard));
                give_back = Some(now() + FREED);
                watch.also(loader.included());
                for answer in heard.into_iter().filter_map(|wish| wish.answer) {
                    // Who asked may have gone.
                    let _ = answer.send(Arc::clone(&reloaded));
                }
            }
            Some(Settled::Some(names)) => {
                if reload_some(&mut loader, stage, &names) > GARBAGE_NAMES {
                    give_back = Some(now() + FREED);
                }
                watch.also(loader.included());
            }
            None => {}
        }
        if now() >= look {
            if watch.renew() {
                quiet.notice(Noticed::Any(Sign::Open), now());
            }
            stage.look();
            if give_back.take_if(|at| *at <= now()).is_some() {
                memory::give_back();
            }
            look = now() + RENEW;
        }
    }
}

impl Wishes {
    /// Takes what happened to files; what happens next is another wish.
    fn noticed(&self) -> Vec<Noticed> {
        std::mem::take(&mut self.noticed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the zones whose health has changed; another one is another wish.
    fn unsaid(&self) -> BTreeSet<Name> {
        std::mem::take(&mut self.unsaid.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does nothing until a rest ends, and gives what was wished meanwhile. Who changes a zone is told to ask again.
    fn rest(&self, Rest { begun, end }: &Rest) -> VecDeque<Wish> {
        let mut deferred = VecDeque::new();
        if begun.send(()).is_err() {
            return deferred;
        }
        loop {
            if !matches!(end.try_recv(), Err(TryRecvError::Empty)) {
                return deferred;
            }
            if deferred.len() >= QUEUE_MAX {
                // What comes now finds no room, and is told so.
                let _ = end.recv_timeout(REST_LOOK);
                continue;
            }
            match self.asked.recv_timeout(REST_LOOK) {
                Ok(Wish::Update(request, reply)) => {
                    let told = "another process is taking the server's place; send it again";
                    let told = Some((error::OTHER.code, told));
                    reply.send(answer(&request, rcode::SERVFAIL, told, seconds()));
                }
                Ok(wish) => deferred.push_back(wish),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return deferred,
            }
        }
    }

    /// Takes the updates that wait too, until something else is wished for: that comes after them.
    fn gather(&self, updates: &mut Vec<(Request, Reply)>) -> Option<Wish> {
        while updates.len() < BATCH_MAX {
            match self.asked.try_recv() {
                Ok(Wish::Update(request, reply)) => updates.push((*request, reply)),
                Ok(other) => return Some(other),
                Err(_) => return None,
            }
        }
        None
    }
}

/// Makes updates, has them served, and answers them. Says whether other zones may have to follow: the names of addresses.
fn make(loader: &mut Loader, updates: Vec<(Request, Reply)>, stage: &impl Stage) -> bool {
    if loader.can_read_again(updates.iter().map(|(request, _)| request)) {
        reload(loader, stage, Guard::On);
    }
    let made = loader.update(updates.iter().map(|(request, _)| request));
    let Made { updated, zones, is_kept } = made;
    if !is_kept || !zones.is_empty() {
        stage.show(Show::Kept(is_kept));
    }
    let has_pointers = zones.iter().any(|zone| zone.reverse);
    for zone in zones {
        stage.show(Show::One(zone.origin.clone(), Some(zone)));
    }
    let now = seconds();
    for ((request, reply), updated) in updates.into_iter().zip(updated) {
        let (rcode, why) = match updated {
            Ok(_) => (rcode::NOERROR, String::new()),
            Err(Refusal { rcode, why }) => (rcode, why),
        };
        let code = if rcode == rcode::REFUSED { error::PROHIBITED } else { error::OTHER };
        let told = Some((code.code, &*why)).filter(|(_, why)| !why.is_empty());
        reply.send(answer(&request, rcode, told, now));
    }
    has_pointers
}

fn reload(loader: &mut Loader, stage: &impl Stage, guard: Guard) -> Reloaded {
    stage.reading();
    let Round { mut zones, changes, broken, mistakes } = loader.load(guard);
    let changed = changes.count();
    if changes.added.is_empty() && changes.removed.is_empty() && !changes.changed.is_empty() {
        zones.retain(|(origin, _)| changes.changed.binary_search(origin).is_ok());
        stage.show(Show::Some(zones));
    } else if changed > 0 {
        stage.show(Show::All(zones));
    }
    tell(changed, broken);
    Reloaded { changes, mistakes }
}

/// Reads the files of these names alone, where that is enough. Gives how many names the zones have that were built.
fn reload_some(loader: &mut Loader, stage: &impl Stage, names: &BTreeSet<OsString>) -> usize {
    let Some(Part { zones, changes, broken }) = loader.load_some(names) else {
        reload(loader, stage, Guard::On);
        return usize::MAX;
    };
    stage.reading();
    let built = zones.iter().filter_map(|(_, zone)| zone.as_ref()).map(|zone| zone.names).sum();
    if !zones.is_empty() {
        stage.show(Show::Some(zones));
    }
    tell(changes.count(), broken);
    built
}

fn tell(changed: usize, broken: usize) {
    if changed > 0 || broken > 0 {
        info!(changed, broken, "zones reloaded");
    }
}

#[expect(clippy::disallowed_methods, reason = "the loader waits by the clock for quiet")]
fn now() -> Instant {
    Instant::now()
}
