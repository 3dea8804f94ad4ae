//! One zone from elsewhere, from the start to the end: its timers, its checks and transfers, its file.
//!
//! ```text
//!              ┌──────────────── timers ◀── NOTIFY
//!              ▼                   ▲
//!   check: SOA, then a transfer ───┤ up to date, a new version, or why not
//!                                  ├──▶ served, or served no more
//!                                  └──▶ keeper ──▶ disk
//! ```
//!
//! A check has a task of its own, so that a zone expires, and a NOTIFY is heard, whatever a primary does meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedRwLockWriteGuard, RwLock, Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use super::ask::{Asking, Primary, Transferred};
use super::disk::Place;
use super::failure::Failure;
use super::receive::{Amount, Received, Want};
use super::shown::{Board, Shown};
use super::timers::{Notified, Soa, Step, Timers};
use super::{apply, finish};
use crate::name::Name;
use crate::rdata::rtype;
use crate::wire::tsig::key::Key;
use crate::zone::Zone;
use crate::zone::build::Builder;
use crate::zone::serial::is_greater;

/// The most zones whose primaries are asked at once.
pub const CHECKS_MAX: usize = 100;
/// The most transfers at once.
pub const TRANSFERS_MAX: usize = 10;
/// The most versions that are handed over at once: who takes them takes one after the other, and a thread that waits for that
/// builds no zone meanwhile.
pub const HANDED_MAX: usize = 1;
/// The most NOTIFYs of a zone that wait; one that finds no room is told by those before it.
pub const NOTIFIES_MAX: usize = 4;

/// How often it is looked whether all that is served is written.
const PEN_LOOK: Duration = Duration::from_millis(5);
/// A longer sleep than any zone needs.
const SLEEP_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Gives the key of a name as its secret is now; `None` where it is the one of the start.
pub type KeyOf = Arc<dyn Fn(&Name) -> Option<Arc<Key>> + Send + Sync>;

/// What all zones from elsewhere have in common.
pub struct Common {
    /// Has a version served, or SERVFAIL in the place of what was. May block.
    pub serve: Box<dyn Fn(Name, Option<Arc<Zone>>) + Send + Sync>,
    /// Where people look.
    pub board: Arc<Board>,
    pen: Pen,
    checks: Semaphore,
    transfers: Semaphore,
    handed: Semaphore,
}

impl Common {
    /// With nothing on its way.
    #[must_use]
    pub fn new(
        serve: impl Fn(Name, Option<Arc<Zone>>) + Send + Sync + 'static,
        board: Arc<Board>,
    ) -> Self {
        Self {
            serve: Box::new(serve),
            board,
            pen: Pen::default(),
            checks: Semaphore::new(CHECKS_MAX),
            transfers: Semaphore::new(TRANSFERS_MAX),
            handed: Semaphore::new(HANDED_MAX),
        }
    }

    /// What stands between versions and the disk.
    #[must_use]
    pub fn pen(&self) -> Pen {
        self.pen.clone()
    }

    /// Has a version served, beside the other zones' timers and transfers: who takes it may be busy with a long reload.
    async fn hand_over(self: &Arc<Self>, origin: Name, zone: Option<Arc<Zone>>) {
        let _room = self.handed.acquire().await;
        let common = Arc::clone(self);
        // Fails where the process is about to end.
        let _ = spawn_blocking(move || (common.serve)(origin, zone)).await;
    }
}

/// Who may write versions to the disk: we, until it is taken away.
#[derive(Clone, Default)]
pub struct Pen {
    taken: Arc<RwLock<()>>,
    /// The versions that are served, or about to be, and on no disk yet.
    unwritten: Arc<Mutex<BTreeMap<Name, Arc<Zone>>>>,
}

impl Pen {
    /// Writes no more until what comes back is dropped, and begins when all that is served is written; `None` where that is not so
    /// in time. For threads that may wait.
    #[must_use]
    pub fn take(&self, within: Duration) -> Option<OwnedRwLockWriteGuard<()>> {
        let until = Instant::now() + within;
        loop {
            if self.unwritten().is_empty()
                && let Ok(taken) = Arc::clone(&self.taken).try_write_owned()
            {
                return Some(taken);
            }
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(PEN_LOOK);
        }
    }

    fn unwritten(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Zone>>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a primary says there is something new.
#[derive(Clone, Copy, Debug)]
pub struct Notify {
    /// The serial that it names.
    pub serial: Option<u32>,
    /// Which primary, where that is known.
    pub primary: Option<usize>,
}

/// One zone.
pub struct Life {
    common: Arc<Common>,
    asking: Asking,
    primaries: Vec<Primary>,
    place: Place,
    /// Of the file that was read.
    stamp: Option<SystemTime>,
    /// The last version, expired or not.
    zone: Option<Arc<Zone>>,
    refreshed: Option<SystemTime>,
    timers: Timers,
    began: Instant,
}

/// The version that we have when a check begins.
#[derive(Clone)]
struct Have {
    zone: Arc<Zone>,
    /// Whether it has not expired.
    is_served: bool,
}

/// What a check found.
enum Checked {
    UpToDate,
    New(Box<New>),
}

/// Another version than we have.
struct New {
    zone: Zone,
    form: Form,
    amount: Amount,
    took: Duration,
}

/// How a version came.
#[derive(Clone, Copy, Debug)]
enum Form {
    Axfr,
    Ixfr,
}

impl Life {
    /// Begins with what is kept on the disk. Blocks until it is read.
    #[must_use]
    pub fn begin(
        common: Arc<Common>,
        asking: Asking,
        primaries: Vec<Primary>,
        place: Place,
    ) -> Self {
        let began = Instant::now();
        let mut life = Self {
            timers: Timers::new(primaries.len(), Duration::ZERO),
            common,
            asking,
            primaries,
            place,
            stamp: None,
            zone: None,
            refreshed: None,
            began,
        };
        life.resume();
        life.show(|_| {});
        life
    }

    /// Looks again at what is kept on the disk, before it lives: another process has had it meanwhile. Says whether that is another
    /// version than the one that was read.
    pub fn look_again(&mut self) -> bool {
        if self.place.stamp() == self.stamp {
            return false;
        }
        self.resume();
        self.show(|_| {});
        true
    }

    /// The apex.
    #[must_use]
    pub fn origin(&self) -> &Name {
        &self.asking.origin
    }

    /// What may be served; `None` where there is nothing, or it has expired.
    #[must_use]
    pub fn served(&self) -> Option<Arc<Zone>> {
        self.zone.clone().filter(|_| self.timers.is_served())
    }

    /// Whether there is a version, and it has expired.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.zone.is_some() && !self.timers.is_served()
    }

    fn resume(&mut self) {
        self.stamp = self.place.stamp();
        let origin = &self.asking.origin;
        let file = self.place.file().display();
        let (zone, refreshed) = match self.place.load(origin) {
            Ok(Some(kept)) => kept,
            Ok(None) => return,
            Err(why) => {
                error!(zone = %origin, "{file}: {why}; the zone is transferred anew");
                return;
            }
        };
        // A clock that was set back must not make it older than it is.
        let age = wall().duration_since(refreshed).unwrap_or_default();
        let soa = soa_of(&zone);
        self.timers = Timers::resumed(self.primaries.len(), soa, age, Duration::ZERO);
        self.refreshed = Some(refreshed);
        if self.timers.is_served() {
            info!(zone = %origin, serial = zone.serial, names = zone.names, "zone as it was kept");
        } else {
            warn!(
                zone = %origin,
                "what was kept has expired, {} s after its last refresh; SERVFAIL until a primary has it",
                age.as_secs()
            );
        }
        self.zone = Some(Arc::new(zone));
    }

    /// Lives until nobody can notify it any more. Each check is signed with the secret of the moment.
    pub async fn live(mut self, key_of: KeyOf, mut notifies: mpsc::Receiver<Notify>) {
        let (keep, kept) = watch::channel(None);
        let pen = self.common.pen();
        tokio::spawn(keep_on_disk(self.place.clone(), pen, kept, self.zone.clone()));
        let mut check: Option<JoinHandle<Result<Checked, Failure>>> = None;
        let mut primary = 0;
        loop {
            let until = match self.timers.step(self.began.elapsed()) {
                Step::Wait(until) => until,
                Step::Expire => {
                    self.expire().await;
                    continue;
                }
                Step::Ask(place) => {
                    primary = place;
                    check = Some(self.check(place, &key_of));
                    continue;
                }
            };
            tokio::select! {
                checked = ended(&mut check) => {
                    check = None;
                    self.take(checked.unwrap_or(Err(Failure::Panicked)), primary).await;
                    let version = self.zone.clone().zip(self.refreshed);
                    keep.send_replace(version);
                }
                notify = notifies.recv() => match notify {
                    Some(notify) => self.hear(notify),
                    None => return,
                },
                () = sleep_until(self.began + until.min(SLEEP_MAX)) => {}
            }
        }
    }

    fn hear(&mut self, Notify { serial, primary }: Notify) {
        let notified = self.timers.notified(serial, primary, self.began.elapsed());
        let zone = &self.asking.origin;
        match notified {
            Notified::Known => debug!(%zone, serial, "NOTIFY of a version that we have"),
            Notified::Soon | Notified::After => debug!(%zone, serial, "NOTIFY"),
        }
        self.show(|shown| shown.notified += 1);
    }

    async fn expire(&self) {
        let zone = &self.asking.origin;
        error!(
            %zone,
            "expired: no primary has answered for as long as its SOA allows; SERVFAIL until one does"
        );
        self.common.hand_over(zone.clone(), None).await;
        self.show(|_| {});
    }

    fn check(&self, place: usize, key_of: &KeyOf) -> JoinHandle<Result<Checked, Failure>> {
        let (common, asking) = (Arc::clone(&self.common), self.asking.clone());
        let mut primary = self.primaries[place].clone();
        if let Some(key) = &mut primary.key
            && let Some(rolled) = key_of(key.name())
        {
            *key = rolled;
        }
        let have = self.zone.clone().map(|zone| Have { zone, is_served: self.timers.is_served() });
        tokio::spawn(async move { check(&common, &asking, &primary, have).await })
    }

    /// Takes what a check found; comes back when it is handed over, so that versions of a zone stay in order.
    async fn take(&mut self, checked: Result<Checked, Failure>, place: usize) {
        let (now, draw) = (self.began.elapsed(), fastrand::u16(..));
        let zone = self.asking.origin.clone();
        let primary = self.primaries[place].address;
        match checked {
            Ok(Checked::UpToDate) => {
                let is_back = self.timers.up_to_date(now, draw);
                self.refreshed = Some(wall());
                if is_back {
                    info!(%zone, %primary, "served again: the primary has the version that had expired");
                    self.common.hand_over(zone, self.zone.clone()).await;
                } else {
                    debug!(%zone, %primary, "up to date");
                }
                self.show(|shown| {
                    shown.primary = Some(primary);
                    shown.failure = None;
                });
            }
            Ok(Checked::New(new)) => {
                let New { zone: new, form, amount, took } = *new;
                let soa = soa_of(&new);
                let from = self.zone.as_ref().map(|zone| zone.serial);
                self.timers.received(soa, now, draw);
                self.refreshed = Some(wall());
                let new = Arc::new(new);
                self.zone = Some(Arc::clone(&new));
                self.common.pen.unwritten().insert(zone.clone(), Arc::clone(&new));
                self.common.hand_over(zone.clone(), Some(new)).await;
                info!(
                    %zone, %primary, from, to = soa.serial, ?form,
                    messages = amount.messages, bytes = amount.bytes, records = amount.records, ?took,
                    "transferred"
                );
                if amount.outside > 0 {
                    let outside = amount.outside;
                    warn!(%zone, %primary, outside, "records that are not of the zone are left out");
                }
                self.show(|shown| {
                    shown.primary = Some(primary);
                    shown.failure = None;
                    match form {
                        Form::Axfr => shown.whole += 1,
                        Form::Ixfr => shown.incremental += 1,
                    }
                });
            }
            Err(failure) => {
                match failure {
                    Failure::Behind { .. } => self.timers.behind(now, draw),
                    _ => self.timers.failed(now, draw),
                }
                let failure = format!("{primary}: {failure}");
                self.show(|shown| {
                    // Each reason is told once, however often it comes again.
                    if shown.failure.as_ref() == Some(&failure) {
                        debug!(%zone, "not refreshed: {failure}");
                    } else {
                        warn!(%zone, "not refreshed: {failure}");
                    }
                    shown.failed += 1;
                    shown.failure = Some(failure);
                });
            }
        }
    }

    fn show(&self, change: impl FnOnce(&mut Shown)) {
        let expire = self.zone.as_ref().map(|zone| soa_of(zone).expire());
        let expires = self.refreshed.zip(expire).map(|(refreshed, expire)| refreshed + expire);
        self.common.board.change(&self.asking.origin, |shown| {
            shown.primaries = self.primaries.iter().map(|primary| primary.address).collect();
            shown.serial = self.timers.serial();
            shown.refreshed = self.refreshed;
            shown.expires = expires;
            shown.is_expired = !self.timers.is_served();
            change(shown);
        });
    }
}

/// What a check has found, when it has; never, where there is none.
async fn ended(
    check: &mut Option<JoinHandle<Result<Checked, Failure>>>,
) -> Option<Result<Checked, Failure>> {
    match check {
        Some(check) => check.await.ok(),
        None => std::future::pending().await,
    }
}

/// Asks a primary for its serial, and for the zone where that is newer; where ours has expired, for any that is not ours.
async fn check(
    common: &Common,
    asking: &Asking,
    primary: &Primary,
    have: Option<Have>,
) -> Result<Checked, Failure> {
    {
        let _room = common.checks.acquire().await;
        let theirs = asking.soa(primary).await?.serial;
        if is_up_to_date(theirs, have.as_ref())? {
            return Ok(Checked::UpToDate);
        }
    }
    let _room = common.transfers.acquire().await;
    let began = Instant::now();
    let mut want = match &have {
        Some(Have { zone, is_served: true }) => Want::Since(zone.serial),
        // A primary that has begun anew with its serials has no differences to what has expired, and may take ours for newer.
        _ => Want::Whole,
    };
    loop {
        let before = have.as_ref().map(|have| Arc::clone(&have.zone));
        match transfer(asking, primary, want, before).await {
            Err(failure) if want != Want::Whole && failure.asks_for_the_whole() => {
                let (zone, primary) = (&asking.origin, primary.address);
                info!(%zone, %primary, "no differences, so the whole zone is asked for: {failure}");
                want = Want::Whole;
            }
            Ok(None) => return Ok(Checked::UpToDate),
            Ok(Some((zone, form, amount))) => {
                // It may have turned back since it said its serial.
                if is_up_to_date(zone.serial, have.as_ref())? {
                    return Ok(Checked::UpToDate);
                }
                let took = began.elapsed();
                return Ok(Checked::New(Box::new(New { zone, form, amount, took })));
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn is_up_to_date(theirs: u32, have: Option<&Have>) -> Result<bool, Failure> {
    let Some(Have { zone, is_served }) = have else { return Ok(false) };
    let ours = zone.serial;
    match theirs {
        _ if theirs == ours => Ok(true),
        _ if *is_served && !is_greater(theirs, ours) => Err(Failure::Behind { theirs, ours }),
        _ => Ok(false),
    }
}

/// The version that a primary has; `None` where it has ours.
async fn transfer(
    asking: &Asking,
    primary: &Primary,
    want: Want,
    have: Option<Arc<Zone>>,
) -> Result<Option<(Zone, Form, Amount)>, Failure> {
    let Transferred { received, amount, .. } = asking.transfer(primary, want).await?;
    let built = match (received, have) {
        (Received::UpToDate, _) => return Ok(None),
        (Received::Whole(builder), have) => {
            let built = spawn_blocking(move || whole(*builder, have.as_deref())).await;
            built.map(|built| built.map(|zone| (zone, Form::Axfr)))
        }
        (Received::Differences(differences), Some(have)) => {
            let built = spawn_blocking(move || apply(&have, differences)).await;
            built.map(|built| built.map(|zone| (zone, Form::Ixfr)))
        }
        // Nobody asks for differences to nothing.
        (Received::Differences(_), None) => return Err(Failure::Malformed),
    };
    let (zone, form) = built.unwrap_or(Err(Failure::Panicked))?;
    Ok(Some((zone, form, amount)))
}

/// Builds what came as a whole. Who has our version takes the difference from us all the same, unless serials began anew.
fn whole(builder: Builder, have: Option<&Zone>) -> Result<Zone, Failure> {
    let zone = finish(builder).map_err(Failure::Unfit)?;
    Ok(match have {
        Some(have) if is_greater(zone.serial, have.serial) => zone.following(have),
        _ => zone,
    })
}

/// Writes the newest version in the place of the one before; where only the time is new, that alone.
async fn keep_on_disk(
    place: Place,
    pen: Pen,
    mut versions: watch::Receiver<Option<(Arc<Zone>, SystemTime)>>,
    mut on_disk: Option<Arc<Zone>>,
) {
    while versions.changed().await.is_ok() {
        let Some((zone, refreshed)) = versions.borrow_and_update().clone() else { continue };
        let is_kept = on_disk.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, &zone));
        let (work, version) = (place.clone(), Arc::clone(&zone));
        let _may_write = pen.taken.read().await;
        let kept = spawn_blocking(move || {
            if is_kept { work.refreshed(refreshed) } else { work.keep(&version, refreshed) }
        });
        let kept = kept.await;
        pen.unwritten().retain(|_, unwritten| !Arc::ptr_eq(unwritten, &zone));
        match kept {
            Ok(Ok(())) => on_disk = Some(zone),
            Ok(Err(why)) => {
                let file = place.file().display();
                error!("{file}: the zone is not kept over a restart: {why}");
                // The next refresh tries again.
                on_disk = None;
            }
            // The process is about to end.
            Err(_) => return,
        }
    }
}

fn soa_of(zone: &Zone) -> Soa {
    let kept = zone.store.rrset(zone.soa).rdatas().next();
    kept.filter(|_| zone.store.rrset(zone.soa).rtype == rtype::SOA)
        .and_then(Soa::of)
        .expect("no zone is built without a SOA")
}

/// The time of day, which a file has and people read.
fn wall() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "EXPIRE goes on over a restart")]
    SystemTime::now()
}

#[cfg(test)]
mod tests;
