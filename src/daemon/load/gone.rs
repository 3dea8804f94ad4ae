//! Files that are gone, and folders that may come back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::{Guard, Loaded, Mistake};
use crate::config::{ConfigError, Problem};
use crate::name::Name;

/// Whether nothing is known of the file that a zone had: a path of the configuration could not be read,
/// or its folder has no zone file at all, as one that is not mounted.
pub(super) fn is_unknown(
    files: &[PathBuf],
    problems: &[ConfigError],
    guard: Guard,
) -> impl Fn(&Loaded) -> bool {
    let folders: BTreeSet<PathBuf> =
        files.iter().filter_map(|file| file.parent()).map(Path::to_path_buf).collect();
    let unread: Vec<PathBuf> =
        problems.iter().filter(|problem| is_unread(problem)).map(|p| p.file.clone()).collect();
    move |last| {
        let is_empty = || last.file.parent().is_none_or(|folder| !folders.contains(folder));
        unread.iter().any(|path| last.file.starts_with(path)) || (guard == Guard::On && is_empty())
    }
}

/// Whether a path of the configuration stayed unread, whatever is below it.
fn is_unread(problem: &ConfigError) -> bool {
    !matches!(problem.problem, Problem::ZoneTwice { .. })
}

/// The folders that have lost all their files.
pub(super) fn empty_folders(
    stay: &HashMap<Name, Loaded>,
    problems: &[ConfigError],
) -> Vec<Mistake> {
    let mut empty = BTreeMap::<&Path, usize>::new();
    for Loaded { file, .. } in stay.values() {
        let is_told = problems.iter().any(|problem| file.starts_with(&problem.file));
        if let Some(folder) = file.parent().filter(|_| !is_told) {
            *empty.entry(folder).or_default() += 1;
        }
    }
    let told = empty.into_iter().map(|(folder, zones)| {
        let zones = if zones == 1 { "1 zone".into() } else { format!("{zones} zones") };
        let message = format!(
            "every zone file is gone; {zones} of before are served still, until a restart or \
             `rotadns reload --force`"
        );
        Mistake::whole(folder, message)
    });
    told.collect()
}
