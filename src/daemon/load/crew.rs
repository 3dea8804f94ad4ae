//! Zones loaded side by side: each file is read, and its zone built, by one of several threads.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder};
use std::time::Duration;

use super::one::{Look, load_one};
use super::read::Known;
use super::{Guard, Loaded};
use crate::config::model::access::Access;
use crate::config::model::allowed::Includes;
use crate::daemon::progress::Progress;
use crate::name::Name;
use crate::state::overlays::Overlays;
use crate::state::persist::Serials;
use crate::zone::serial::Kept;

/// The most threads that load zones at once.
const THREADS_MAX: usize = 64;

/// A zone whose file was found.
pub(super) struct Found {
    pub(super) file: Arc<Path>,
    pub(super) origin: Name,
    /// What was last made of it.
    pub(super) last: Option<Loaded>,
    /// For a reverse zone: the names of addresses that other zones bring to it.
    pub(super) pointers: Vec<(Name, Vec<Name>)>,
}

/// What zones are loaded with.
pub(super) struct Ground<'g> {
    pub(super) serials: &'g Serials,
    pub(super) access: &'g Access,
    pub(super) includes: &'g Includes,
    pub(super) overlays: Mutex<Option<&'g mut Overlays>>,
    /// How far it is, for whoever wants to know.
    pub(super) progress: &'g Progress,
    pub(super) look: Look,
    pub(super) guard: Guard,
    /// In seconds since 1970.
    pub(super) now: u32,
    /// How long a file must have been left alone for a change to show.
    pub(super) settled: Duration,
    /// Whether a mistake ends the start.
    pub(super) is_strict: bool,
}

/// What became of a zone.
pub(super) struct Outcome {
    pub(super) origin: Name,
    pub(super) last: Option<Loaded>,
    pub(super) loaded: Loaded,
    /// The serial that is to be kept, where there is a new version.
    pub(super) kept: Option<Kept>,
}

/// The threads for a machine on which nothing else is to be done: one for each core.
pub(super) fn all_cores() -> NonZeroUsize {
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    cores.min(NonZeroUsize::new(THREADS_MAX).unwrap_or(cores))
}

/// The threads that leave half of the cores alone, and one at least.
pub(super) fn half_of_the_cores() -> NonZeroUsize {
    NonZeroUsize::new(all_cores().get() / 2).unwrap_or(NonZeroUsize::MIN)
}

/// Loads zones by so many threads, the calling one among them; in any order.
pub(super) fn load_each(
    found: Vec<Found>,
    ground: &Ground<'_>,
    threads: NonZeroUsize,
) -> Vec<Outcome> {
    let others = threads.get().min(found.len()).saturating_sub(1);
    // Of few zones, each has several threads.
    let each = threads.get() / found.len().max(1);
    let each = NonZeroUsize::new(each).unwrap_or(NonZeroUsize::MIN);
    let left = Mutex::new(found.into_iter());
    let work = || {
        let mut done = Vec::new();
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some(found) => done.push(load(found, ground, each)),
                None => return done,
            }
        }
    };
    if others == 0 {
        return work();
    }
    thread::scope(|scope| {
        // Where the system gives no more threads, fewer do it all.
        let others: Vec<_> = (0..others)
            .filter_map(|_| Builder::new().name("compiler".into()).spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    })
}

fn load(
    Found { file, origin, last, pointers }: Found,
    ground: &Ground<'_>,
    threads: NonZeroUsize,
) -> Outcome {
    let had_pointers = last.as_ref().is_some_and(|last| last.content.has_pointers());
    let known = Known {
        has_pointers: !pointers.is_empty() || had_pointers,
        pointers: &pointers,
        origin: &origin,
        kept: ground.serials.get(&origin),
        before: last.as_ref().and_then(|last| last.zone.as_deref()),
        access: ground.access,
        includes: ground.includes,
        now: ground.now,
        settled: ground.settled,
        is_strict: ground.is_strict,
        threads,
    };
    let (loaded, kept) =
        load_one(&file, &known, last.as_ref(), &ground.overlays, ground.look, ground.guard);
    ground.progress.file(loaded.zone.as_ref().map_or(0, |zone| zone.names));
    Outcome { origin, last, loaded, kept }
}
