//! Notices zone files that change on disk, renames by editors too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::warn;

/// Calls `changed` whenever something happens to the folders that hold zone files; drop it to stop.
///
/// Folders are watched, not files: an editor that renames a new file over the old one leaves the old
/// file's watch behind. Where the system has no watches left, SIGHUP still reloads.
pub(super) fn watch(
    paths: &[PathBuf],
    changed: impl Fn() + Send + 'static,
) -> Option<RecommendedWatcher> {
    let on_event = move |event: notify::Result<Event>| {
        // Reading a file is no change of it, and our own reading must not start the next.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            changed();
        }
    };
    let mut watcher = match notify::recommended_watcher(on_event) {
        Ok(watcher) => watcher,
        Err(error) => {
            warn!("changed zone files are not noticed, reload by SIGHUP: {error}");
            return None;
        }
    };
    let folders: BTreeSet<&Path> = paths.iter().map(|path| folder(path)).collect();
    for folder in folders {
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            let folder = folder.display();
            warn!("{folder}: changes are not noticed, reload by SIGHUP: {error}");
        }
    }
    Some(watcher)
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
