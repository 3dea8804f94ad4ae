//! The file check: a file of the prober's machine says how backends are, as gdnsd's `extfile` does.
//!
//! A file counts whole or not at all: one that cannot be read, is too large, or has a line that says nothing leaves what the
//! last good one said, and the log and every detail say so. A backend without a line is what the check says of such, which is
//! nothing unless set: half of a file must take nobody down.
//!
//! What is in a file is never quoted: whoever edits a zone may name any path, and is told no more of it than whether it is
//! there, and is such a file. So paths need no list of what is allowed, as programs do.

mod lines;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::{info, warn};

use self::lines::{Line, Lines, State};
use super::{Obstacle, Passed, Trouble};
use crate::config::model::{CheckKind, FileCheck, Unlisted};
use crate::health::target::Target;
use crate::health::told::{Told, Wish};

/// The largest file, in bytes: some 30,000 lines.
const FILE_MAX: u64 = 1024 * 1024;
/// A file that changed less than this before it was read may change again without showing it, as clocks of file systems
/// are coarse: after this long it is read once more.
const SETTLED: Duration = Duration::from_millis(100);

/// What files said when they were last read.
#[derive(Debug, Default)]
pub(super) struct Files(Mutex<HashMap<PathBuf, Known>>);

/// What is known of a file.
#[derive(Clone, Debug)]
struct Known {
    /// Which version was looked at last; `None` where there was none.
    version: Option<Version>,
    /// Whether another version would show.
    is_settled: bool,
    looked: Instant,
    said: Said,
}

/// Its time, size and inode.
type Version = (Option<SystemTime>, u64, u64);

/// What a file says.
#[derive(Clone, Debug, Default)]
struct Said {
    /// In its last version that was good.
    lines: Option<Arc<Lines>>,
    /// Why that is not the newest.
    trouble: Option<String>,
}

/// Asks a file how a target is. "up in line 3, load 40 %".
pub(super) fn check(check: &FileCheck, address: IpAddr, files: &Files) -> Result<Passed, Trouble> {
    let FileCheck { path, name, unlisted } = check;
    let Said { lines, trouble } = files.said(path);
    let (Some(lines), path) = (lines, path.display()) else {
        let why = trouble.unwrap_or_default();
        let why = format!("the file {} of a check cannot be used: {why}", path.display());
        return Err(Trouble::Obstacle(Obstacle::File(why)));
    };
    let stale = trouble.map(|why| format!("; as it was, for {path} cannot be used: {why}"));
    let aged = |detail: String| detail + stale.as_deref().unwrap_or_default();
    let Some(line) = lines.of(name.as_deref(), address) else {
        return match unlisted {
            Unlisted::Keep => {
                let name = name.as_ref().map(|name| format!("{name} or ")).unwrap_or_default();
                let why = format!("the file {path} of a check has no line for {name}{address}");
                Err(Trouble::Obstacle(Obstacle::File(why)))
            }
            Unlisted::Up => Ok(Passed::from(aged("up, without a line".into()))),
            Unlisted::Down => {
                Err(Trouble::Said(aged("down, without a line".into()), Told::default()))
            }
        };
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

impl Files {
    /// Forgets files that none of these targets asks.
    pub(super) fn keep(&self, targets: &[Target]) {
        let mut known = self.lock();
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

    /// What a file says; read if it is another than the last time.
    fn said(&self, path: &Path) -> Said {
        let mut files = self.lock();
        let before = files.get(path);
        let found = fs::metadata(path).map_err(|error| super::plain(&error));
        let version = found.as_ref().ok().map(version);
        if let Some(known) = before
            && known.version == version
            && (known.is_settled || known.looked.elapsed() < SETTLED)
        {
            return known.said.clone();
        }
        // Before the reading, as what is written meanwhile counts as later.
        let is_settled = is_settled(version);
        let said = match found.and_then(|file| read(path, &file)) {
            Ok(lines) => Said { lines: Some(Arc::new(lines)), trouble: None },
            Err(why) => {
                let lines = before.and_then(|known| known.said.lines.clone());
                Said { lines, trouble: Some(why) }
            }
        };
        tell(path, before.map(|known| &known.said), &said);
        let known = Known { version, is_settled, looked: Instant::now(), said: said.clone() };
        files.insert(path.to_owned(), known);
        said
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(file: &Metadata) -> Version {
    (file.modified().ok(), file.len(), file.ino())
}

#[expect(clippy::disallowed_methods, reason = "the times of files are of the wall clock")]
fn is_settled(version: Option<Version>) -> bool {
    let Some((Some(modified), ..)) = version else { return true };
    SystemTime::now().duration_since(modified).is_ok_and(|age| age >= SETTLED)
}

/// Reads a file whole.
fn read(path: &Path, file: &Metadata) -> Result<Lines, String> {
    // What is no file may have no end, or have us wait.
    if !file.is_file() {
        return Err("it is not a file".into());
    }
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut text));
    read.map_err(|error: io::Error| super::plain(&error))?;
    if text.len() as u64 > FILE_MAX {
        return Err(format!("it has more than {} KiB", FILE_MAX / 1024));
    }
    let text = str::from_utf8(&text).map_err(|_| "it is not text in UTF-8")?;
    Lines::read(text)
}

/// Tells once of what became wrong, and that it is right again.
fn tell(path: &Path, before: Option<&Said>, now: &Said) {
    let before = before.and_then(|said| said.trouble.as_ref());
    let path = path.display();
    match (&now.trouble, before) {
        (Some(why), last) if last != Some(why) && now.lines.is_some() => {
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
