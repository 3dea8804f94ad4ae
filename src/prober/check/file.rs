//! The file check: a file of the prober's machine says how backends are, as gdnsd's `extfile` does.
//!
//! A file counts whole or not at all: one that cannot be read, is too large, or has a line that says nothing leaves what the
//! last good one said, and the log and every detail say so. A backend without a line is what the check says of such, which is
//! nothing unless set: half of a file must take nobody down. With an age set, a file that nobody writes any more is one
//! without lines.
//!
//! ```text
//!   a probe ──▶ its file ──▶ looked at, on another thread, once at a time ──▶ what it says
//!                  └──────── the time is up: what it said ────────────────────────┘
//! ```
//!
//! What is in a file is never quoted: whoever edits a zone may name any path, and is told no more of it than whether it is
//! there, and is such a file. So paths need no list of what is allowed, as programs do.

mod lines;

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};

use self::lines::{Line, Lines, State};
use super::{Deadline, Obstacle, Passed, Trouble};
use crate::config::model::{CheckKind, FileCheck, Unlisted};
use crate::health::target::Target;
use crate::health::told::{Told, Wish};
use crate::sys::files::{Links, read};

/// The largest file, in bytes: some 30,000 lines.
const FILE_MAX: u64 = 1024 * 1024;
/// The most files that are looked at at once, and are not late.
const LOOKS_MAX: usize = 64;
/// The most files that hang beside those: a file system that is gone holds each of its files up, and a thread with it.
const HANGING_MAX: usize = 256;
/// A file that changed less than this before it was read may change again without showing it, as clocks of file systems
/// are coarse: after this long it is read once more.
const SETTLED: Duration = Duration::from_millis(100);

/// The files that targets ask.
#[derive(Debug)]
pub(super) struct Files {
    known: Mutex<HashMap<PathBuf, Arc<Known>>>,
    looks: Arc<Semaphore>,
    hanging: Arc<Semaphore>,
    /// Looks at a file; tests have one that hangs.
    look: fn(&Path, &mut Looked),
}

/// What is known of a file.
#[derive(Debug, Default)]
struct Known {
    /// What it says, for who asks.
    said: Mutex<Said>,
    /// Held by who looks at it now, be it longer than who asked has waited.
    looked: Arc<tokio::sync::Mutex<Looked>>,
    /// While somebody does: of those who look, or of those who hang.
    place: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

/// The last look at a file.
#[derive(Debug, Default)]
struct Looked {
    /// When that was.
    at: Option<Instant>,
    /// Which version it was; `None` where there was none.
    version: Option<Version>,
    /// Whether there is nothing more to be had of this version, and another would show.
    is_settled: bool,
    said: Said,
}

/// Its time, size and inode.
type Version = (Option<SystemTime>, u64, u64);

/// What a file says.
#[derive(Clone, Debug, Default)]
struct Said {
    /// In its last version that was good.
    lines: Option<Arc<Lines>>,
    /// When that was written.
    written: Option<SystemTime>,
    /// Why that is not the newest.
    trouble: Option<String>,
}

/// Asks a file how a target is. "up in line 3, load 40 %".
pub(super) async fn check(
    check: &FileCheck,
    address: IpAddr,
    files: &Files,
    deadline: Deadline,
) -> Result<Passed, Trouble> {
    let FileCheck { path, name, unlisted, age_max } = check;
    let Said { lines, written, trouble } = files.said(path, deadline).await?;
    let (Some(lines), path) = (lines, path.display()) else {
        let why = trouble.unwrap_or_default();
        let why = format!("the file {} of a check cannot be used: {why}", path.display());
        return Err(Trouble::Obstacle(Obstacle::File(why)));
    };
    let stale = trouble.map(|why| format!("; as it was, for {path} cannot be used: {why}"));
    let aged = |detail: String| detail + stale.as_deref().unwrap_or_default();
    let is_old = |most: &Duration| written.is_some_and(|written| age(written) > *most);
    if let Some(most) = age_max.filter(is_old) {
        let why = format!("was not written for more than {most:?}");
        return without(*unlisted, format!("the file {path} of a check {why}"), |side| {
            format!("{side}, as {path} {why}")
        });
    }
    let Some(line) = lines.of(name.as_deref(), address) else {
        let name = name.as_ref().map(|name| format!("{name} or ")).unwrap_or_default();
        let why = format!("the file {path} of a check has no line for {name}{address}");
        return without(*unlisted, why, |side| aged(format!("{side}, without a line")));
    };
    let Line { at, state, load } = *line;
    let load_told = load.map(|load| format!(", load {load} %")).unwrap_or_default();
    let detail = aged(format!("{} in line {at}{load_told}", state.word()));
    let wish = match state {
        State::Drain => Wish::Drain,
        State::Maintenance => Wish::Maintenance,
        State::Up | State::Degraded | State::Down => Wish::Serve,
    };
    let is_degraded = state == State::Degraded;
    let told = Told { is_degraded, load, wish, ..Told::default() };
    // It says so: what its file said before holds no more.
    if state == State::Down {
        Err(Trouble::Said(detail, told))
    } else {
        Ok(Passed { detail, told })
    }
}

/// What a backend is that its file says nothing of.
fn without(
    unlisted: Unlisted,
    why: String,
    detail: impl Fn(&str) -> String,
) -> Result<Passed, Trouble> {
    match unlisted {
        Unlisted::Keep => Err(Trouble::Obstacle(Obstacle::File(why))),
        Unlisted::Up => Ok(Passed::from(detail("up"))),
        Unlisted::Down => Err(Trouble::Said(detail("down"), Told::default())),
    }
}

impl Default for Files {
    fn default() -> Self {
        let [looks, hanging] = [LOOKS_MAX, HANGING_MAX].map(|most| Arc::new(Semaphore::new(most)));
        Self { known: Mutex::default(), looks, hanging, look }
    }
}

impl Files {
    /// Forgets files that none of these targets asks.
    pub(super) fn keep(&self, targets: &[Target]) {
        let mut known = lock(&self.known);
        if known.is_empty() {
            return;
        }
        let kinds = targets.iter().flat_map(|target| target.check.kind.plain());
        let paths: HashSet<&Path> = kinds
            .filter_map(|kind| match kind {
                CheckKind::File(file) => Some(file.path.as_path()),
                _ => None,
            })
            .collect();
        known.retain(|path, _| paths.contains(path.as_path()));
    }

    /// What a file says; read if it is another than the last time. A file system may be slow or gone, so a thread beside looks
    /// at it, and what it said before is what it says until then.
    async fn said(&self, path: &Path, deadline: Deadline) -> Result<Said, Trouble> {
        let known = Arc::clone(lock(&self.known).entry(path.to_owned()).or_default());
        let look = deadline.within("", self.looked(path, &known)).await;
        if look.is_err() {
            self.leave_to_hang(&known);
        }
        match look {
            Ok(said) => Ok(known.note(path, said)),
            Err(Trouble::Failed(_)) => {
                let why = format!("it is not read within {:?}", deadline.timeout());
                let before = lock(&known.said).clone();
                Ok(known.note(path, Said { trouble: Some(why), ..before }))
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Gives the place of a look that is late to others, as far as threads may hang.
    fn leave_to_hang(&self, known: &Known) {
        let mut place = lock(&known.place);
        if place.is_some()
            && let Ok(hanging) = Arc::clone(&self.hanging).try_acquire_owned()
        {
            *place = Some(hanging);
        }
    }

    /// Looks at a file, when nobody else does.
    async fn looked(&self, path: &Path, known: &Known) -> Said {
        let mut looked = Arc::clone(&known.looked).lock_owned().await;
        // It is never closed.
        *lock(&known.place) = Arc::clone(&self.looks).acquire_owned().await.ok();
        let (path, look, place) = (path.to_owned(), self.look, Arc::clone(&known.place));
        let work = spawn_blocking(move || {
            let _place = Taken(&place);
            look(&path, &mut looked);
            looked.said.clone()
        });
        // Nobody drops it, so it has panicked.
        work.await.unwrap_or_else(|_| Said {
            trouble: Some("it broke the thread that read it".into()),
            ..lock(&known.said).clone()
        })
    }
}

/// A place that is free again when the look is over, be it by a panic.
struct Taken<'p>(&'p Mutex<Option<OwnedSemaphorePermit>>);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        lock(self.0).take();
    }
}

impl Known {
    /// Takes in what a file says now, and tells what became of it.
    fn note(&self, path: &Path, now: Said) -> Said {
        let mut said = lock(&self.said);
        tell(path, &said, &now);
        said.clone_from(&now);
        now
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at a file, and reads it if it is another than the last time.
fn look(path: &Path, last: &mut Looked) {
    look_by(path, last, |path| read(path, Links::Follow, FILE_MAX));
}

/// The same by what gives the bytes of a file.
fn look_by(path: &Path, last: &mut Looked, bytes: impl Fn(&Path) -> io::Result<Vec<u8>>) {
    let found = fs::metadata(path).map_err(|error| super::plain(&error));
    let version = found.as_ref().ok().map(version);
    if last.version == version
        && let Some(at) = last.at
        && (last.is_settled || at.elapsed() < SETTLED)
    {
        return;
    }
    // Before the reading, as what is written meanwhile counts as later.
    let mut is_settled = is_settled(version);
    let content = found.and_then(|file| {
        may_be_read(&file)?;
        // Descriptors that are short, and rights that are mended, show in no time of a file.
        let bytes = bytes(path).inspect_err(|_| is_settled = false);
        Ok((lines(&bytes.map_err(|error| super::plain(&error))?)?, file.modified().ok()))
    });
    let said = match content {
        Ok((lines, written)) => Said { lines: Some(Arc::new(lines)), written, trouble: None },
        Err(why) => Said { trouble: Some(why), ..std::mem::take(&mut last.said) },
    };
    *last = Looked { at: Some(Instant::now()), version, is_settled, said };
}

fn version(file: &Metadata) -> Version {
    (file.modified().ok(), file.len(), file.ino())
}

fn is_settled(version: Option<Version>) -> bool {
    let Some((Some(modified), ..)) = version else { return true };
    age(modified) >= SETTLED
}

/// How long ago that was; nothing where a clock says that it is yet to come.
#[expect(clippy::disallowed_methods, reason = "the times of files are of the wall clock")]
fn age(written: SystemTime) -> Duration {
    SystemTime::now().duration_since(written).unwrap_or_default()
}

/// Whether it is a file of a size that is read: what is no file may have no end, or have us wait.
fn may_be_read(file: &Metadata) -> Result<(), String> {
    if !file.is_file() {
        return Err("it is not a file".into());
    }
    if file.len() > FILE_MAX {
        return Err(format!("it has more than {} KiB", FILE_MAX / 1024));
    }
    Ok(())
}

/// What the bytes of a file say.
fn lines(bytes: &[u8]) -> Result<Lines, String> {
    Lines::read(str::from_utf8(bytes).map_err(|_| "it is not text in UTF-8")?)
}

/// Tells once of what became wrong, and that it is right again.
fn tell(path: &Path, before: &Said, now: &Said) {
    let path = path.display();
    match (&now.trouble, &before.trouble) {
        (Some(why), last) if last.as_ref() != Some(why) && now.lines.is_some() => {
            warn!(
                "the file {path} of a check cannot be used: {why}; what it said before stays in force"
            );
        }
        (None, Some(_)) => info!("the file {path} of a check is in force again"),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
