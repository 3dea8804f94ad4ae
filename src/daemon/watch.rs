//! Notices zone files that change on disk, renames by editors too.
//!
//! Folders are watched, not files: an editor that renames a new file over the old one leaves the old
//! file's watch behind. A folder that is replaced leaves its own behind, so [`Watch::renew`] looks now and
//! then whether each is still the same.
//!
//! ```text
//! what happens                                        the file
//! it is closed by who wrote it, or renamed to its     whole
//! name; its attributes change while nobody writes
//! it is made, written, renamed or removed             open: more may come
//! ```

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::{debug, warn};

use crate::config::files::is_zone_file;
use crate::sys::sandbox::Sandbox;

/// The folders of zone files, watched until this is dropped.
pub(super) struct Watch {
    /// `None` where the system has nothing to watch with: SIGHUP still reloads.
    watcher: Option<RecommendedWatcher>,
    paths: Vec<PathBuf>,
    /// Files that zones include.
    included: BTreeSet<PathBuf>,
    /// The names of files that count whatever their ending.
    named: Arc<ArcSwap<BTreeSet<OsString>>>,
    watched: HashMap<PathBuf, Identity>,
}

/// Device, inode and time of birth: a folder made anew under the same name has others, be it with the same
/// inode.
type Identity = (u64, u64, Option<SystemTime>);

/// The link that Kubernetes swaps, under all files of a config map at once.
const SWAPPED: &str = "..data";

/// What happened to files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Noticed {
    /// To one, by the last part of its path, wherever it is.
    File(OsString, Sign),
    /// To any: events were lost, or all of them were exchanged.
    Any(Sign),
}

/// Whether a file can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Who wrote it is done.
    Whole,
    /// Who writes it may go on, or it is gone and may come back.
    Open,
    /// As far as it was known.
    AsBefore,
}

impl Watch {
    /// Calls `changed` whenever something happens to zone files in these folders, or to these files. The thread that does so
    /// stands within these walls, where there are any: to watch is not to open.
    pub(super) fn start(
        paths: Vec<PathBuf>,
        walls: Option<Sandbox>,
        changed: impl Fn(Vec<Noticed>) + Send + 'static,
    ) -> Self {
        let named = Arc::new(ArcSwap::from_pointee(names(&paths)));
        let known = Arc::clone(&named);
        let on_event = move |event: notify::Result<Event>| {
            // An error may be an event that was lost: better one reload too many.
            let noticed = event
                .map_or_else(|_| vec![Noticed::Any(Sign::Open)], |event| of(&event, &known.load()));
            if !noticed.is_empty() {
                changed(noticed);
            }
        };
        // Threads stand where those stand that have started them.
        let begin = || {
            if let Some(Err(error)) = walls.map(|walls| walls.close()) {
                debug!("the thread that watches files is in no sandbox: {error}");
            }
            notify::recommended_watcher(on_event)
        };
        let made = thread::scope(|scope| scope.spawn(begin).join());
        let watcher = made.unwrap_or_else(|_| Err(notify::Error::generic("it panicked")));
        if let Err(error) = &watcher {
            warn!("changed zone files are not noticed, reload by SIGHUP: {error}");
        }
        let mut watch = Self {
            watcher: watcher.ok(),
            paths,
            included: BTreeSet::new(),
            named,
            watched: HashMap::new(),
        };
        watch.renew();
        watch
    }

    /// Watches these files too, from the next [`Watch::renew`] on, in place of those named here before.
    pub(super) fn also(&mut self, included: BTreeSet<PathBuf>) {
        if self.included != included {
            self.named.store(Arc::new(names(self.paths.iter().chain(&included))));
            self.included = included;
        }
    }

    /// Watches folders that were not there before, or not the same; `true` where there are any, as
    /// changes in them may have been missed.
    pub(super) fn renew(&mut self) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        let mut is_new = false;
        for path in self.paths.iter().chain(&self.included) {
            let folder = folder(path);
            let now = fs::metadata(folder).ok();
            let now = now.map(|now| (now.dev(), now.ino(), now.created().ok()));
            let before = self.watched.get(folder).copied();
            if now == before {
                continue;
            }
            if before.is_some() {
                // An error says that the watch went with the folder.
                let _ = watcher.unwatch(folder);
                self.watched.remove(folder);
            }
            let Some(now) = now else { continue };
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => is_new = true,
                Err(error) => {
                    let folder = folder.display();
                    warn!("{folder}: changes are not noticed, reload by SIGHUP: {error}");
                }
            }
            self.watched.insert(folder.to_path_buf(), now);
        }
        is_new
    }
}

/// What an event says of zone files, of paths that the operator `named`, and of the link that Kubernetes
/// swaps under the files of a config map. Reading a file is no change of
/// it, and our own reading must not start the next; nor must a log file that happens to stand beside.
fn of(event: &Event, named: &BTreeSet<OsString>) -> Vec<Noticed> {
    if event.paths.is_empty() {
        return vec![Noticed::Any(Sign::Open)];
    }
    let Some(sign) = sign(event.kind) else { return Vec::new() };
    let noticed = event.paths.iter().enumerate().filter_map(|(place, path)| {
        let name = path.file_name()?;
        // Both names of a file that was renamed: the first one is gone.
        let is_gone = event.paths.len() > place + 1;
        let sign = if is_gone { Sign::Open } else { sign };
        if name == SWAPPED {
            return Some(Noticed::Any(sign));
        }
        (is_zone_file(path) || named.contains(name)).then(|| Noticed::File(name.to_owned(), sign))
    });
    noticed.collect()
}

/// What kind of event leaves the last of its files how; `None` where it is as it was.
fn sign(kind: EventKind) -> Option<Sign> {
    Some(match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => Sign::Whole,
        EventKind::Access(_) => return None,
        EventKind::Modify(ModifyKind::Metadata(_)) => Sign::AsBefore,
        _ => Sign::Open,
    })
}

/// What the last parts of paths are called.
fn names<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) -> BTreeSet<OsString> {
    paths.into_iter().filter_map(|path| Some(path.file_name()?.to_owned())).collect()
}

/// The folder to watch for a path: itself, or the one that a file stands in.
fn folder(path: &Path) -> &Path {
    if path.is_dir() {
        return path;
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
