//! One file that was found: its zone as it was, a new version, or the last good one.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{error, info, warn};

use super::content::Content;
use super::read::{self, Known};
use super::stamp::Stamps;
use super::{GUARDED_NAMES, Guard, Loaded, Mistake, updates};
use crate::config::{self, Problem};
use crate::state::overlays::Overlays;
use crate::zone::Zone;
use crate::zone::serial::Kept;

/// How a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is read where the file system tells that it may have changed.
    Glance,
    /// It is read.
    Read,
}

/// Loads the zone of a file that was found, and gives the serial that is to be kept, if there is a new version.
pub(super) fn load_one(
    file: &Path,
    known: &Known<'_>,
    last: Option<&Loaded>,
    overlays: &Mutex<Option<&mut Overlays>>,
    look: Look,
    guard: Guard,
) -> (Loaded, Option<Kept>) {
    let well = last.filter(|last| !last.is_broken);
    if look == Look::Glance
        && let Some(last) = well.filter(|last| *last.file == *file)
        && last.content.is_untouched(file, known.pointers)
    {
        return (Loaded { is_away: false, ..last.clone() }, None);
    }
    let before = last.and_then(|last| last.zone.clone());
    let base = last.and_then(|last| last.base.clone());
    let origin = known.origin;
    let as_before = |content, is_broken, mistakes: Vec<Mistake>| {
        let (file, mistakes) = (Arc::from(file), mistakes.into());
        let (zone, base) = (before.clone(), base.clone());
        let is_unread = last.is_some_and(|last| last.is_unread);
        let is_away = false;
        (Loaded { content, file, zone, base, is_broken, is_away, is_unread, mistakes }, None)
    };
    let meanwhile = if before.is_some() { "its last good version" } else { "SERVFAIL" };
    let mut stamps = Stamps::default();
    stamps.add(file, known.settled);
    let bytes = match config::files::read_file(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let problem = Problem::Unreadable { detail: error.to_string() };
            let mistake = Mistake::whole(file, problem.to_string());
            let shown = file.display();
            error!(zone = %origin, "{shown}: {problem}; answering with {meanwhile}");
            return as_before(Content::default(), true, vec![mistake]);
        }
    };
    if let Some(last) = well
        && let Some(content) =
            last.content.still(&bytes, &stamps, known.pointers, known.includes, known.settled)
    {
        // It may stand elsewhere than before, and so may its warnings.
        let moved = |mistake: &Mistake| {
            let is_here = mistake.file == *last.file;
            let now = if is_here { file } else { &mistake.file };
            Mistake { file: now.to_path_buf(), ..mistake.clone() }
        };
        let mistakes = last.mistakes.iter().map(moved).collect();
        return as_before(content, false, mistakes);
    }
    let mut overlays = overlays.lock().unwrap_or_else(PoisonError::into_inner);
    let over = overlays.as_mut().map(|overlays| updates::over(file, origin, overlays));
    let raised = overlays.as_mut().and_then(|overlays| overlays.raised(origin));
    drop(overlays);
    let mut over = match over {
        None => updates::Over::default(),
        Some(Ok(over)) => over,
        Some(Err(mistake)) if before.is_some() => {
            mistake.log();
            let as_before = as_before(Content::default(), true, vec![mistake]).0;
            return (Loaded { is_unread: true, ..as_before }, None);
        }
        Some(Err(mistake)) => updates::Over::unread(mistake, raised),
    };
    let last_kept = over.kept(known.kept);
    let known = Known { kept: last_kept, ..*known };
    let read::Read { zone, mut mistakes, content } = read::zone(file, &bytes, stamps, &known);
    let Some((next, base)) = zone else {
        mistakes.iter().for_each(Mistake::log);
        error!(zone = %origin, "{}: not loaded; answering with {meanwhile}", file.display());
        return as_before(content, true, mistakes);
    };
    let alone = last.filter(|last| last.is_unread).and(before.as_ref()).map(|zone| zone.serial);
    let is_plain = over.is_nothing();
    let (next, zone) = over.apply(file, &base, next, (last_kept, alone), known.now);
    let is_unread = over.is_unread();
    mistakes.extend(over.into_mistakes());
    mistakes.iter().for_each(Mistake::log);
    if let Some(before) = before.as_ref().filter(|before| loses_most(before, &zone, guard)) {
        let mistake = Mistake::whole(
            file,
            format!(
                "the zone would lose most of its names ({} of {} are left); what was served before \
                 still is, until a restart or `rotadns reload --force`",
                zone.names, before.names
            ),
        );
        mistake.log();
        mistakes.push(mistake);
        return as_before(content, true, mistakes);
    }
    if let Some(unseen) = last_kept.and_then(|last| next.unseen_after(last)) {
        warn!(zone = %origin, "{}: {unseen}", file.display());
    }
    info!(zone = %origin, serial = zone.serial, names = zone.names, "zone loaded");
    let zone = match &before {
        Some(before) => zone.following(before),
        None => zone,
    };
    let zone = Arc::new(zone);
    let base = if is_plain { Arc::clone(&zone) } else { Arc::new(base) };
    let (zone, base) = (Some(zone), Some(base));
    (Loaded { zone, base, is_unread, ..as_before(content, is_unread, mistakes).0 }, Some(next))
}

/// Whether what is served differs, or a file has become good for the first time.
pub(super) fn is_change(last: &Loaded, now: &Loaded) -> bool {
    match (&last.zone, &now.zone) {
        (Some(last), Some(now)) => !Arc::ptr_eq(last, now),
        (None, None) => false,
        _ => true,
    }
}

/// A version that drops more than half of the names is more likely an accident than a wish.
fn loses_most(before: &Zone, now: &Zone, guard: Guard) -> bool {
    guard == Guard::On && before.names >= GUARDED_NAMES && now.names * 2 < before.names
}
