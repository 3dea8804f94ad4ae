//! Files become zones: at the start, and again whenever one changes.
//!
//! ```text
//! the file                     served                                        forced
//! as it was, and fine          the zone as it was, not built again           the same
//! changed, fine                the new version                               the same
//! with a mistake               the last good version; SERVFAIL where none    the same
//! changed, most names gone     the last good version                         the new version
//! gone                         no zone any more                              the same
//! every file of a folder gone  what was served before: a folder that is      no zone any more
//!                              not mounted is no wish
//! its folder cannot be read    what was served before                        the same
//! ```
//!
//! A file with a mistake is read again whenever all are looked at: what it names, such as a certificate, may have come. Zones
//! that come from elsewhere are served beside those of files.

mod content;
mod crew;
mod gone;
mod mistake;
mod one;
mod read;
mod round;
mod stamp;
#[cfg(test)]
mod tests;
mod together;
mod updates;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing::error;

use self::content::Content;
use super::clock;
use super::progress::Progress;
use crate::config::model::access::{Access, Peer};
use crate::config::model::allowed::Includes;
use crate::counters::Counters;
use crate::name::Name;
use crate::state::overlays::Overlays;
use crate::state::persist::Serials;
use crate::zone::Zone;
use crate::zone::exported::Exported;
use crate::zone::serial::Kept;

pub use self::mistake::Mistake;
pub use self::together::together;
pub use self::updates::{Made, Updated};

/// A zone of fewer names may lose any part of them at once.
const GUARDED_NAMES: usize = 10;

/// The zones of a set of files, and what was last made of each.
pub struct Loader {
    paths: Vec<PathBuf>,
    includes: Includes,
    serials: Serials,
    /// `None` where nothing shall be kept.
    overlays: Option<Overlays>,
    zones: HashMap<Name, Loaded>,
    received: HashMap<Name, Received>,
    access: Access,
    files: Arc<ArcSwap<Files>>,
    /// Where updates are counted.
    counters: Arc<Counters>,
    /// Who wants to know how far a round is.
    progress: Arc<Progress>,
    /// How many threads read files and build zones.
    threads: NonZeroUsize,
    /// How long a file must have been left alone for the file system to tell whether it has changed.
    settled: Duration,
    /// Whether a mistake ends the start, so that nothing answers for its zone.
    is_strict: bool,
}

/// A zone that comes from elsewhere.
struct Received {
    /// From where, for people.
    primaries: String,
    /// `None` until it has come, and after it has expired.
    zone: Option<Arc<Zone>>,
}

/// Each zone's file, by the apex.
pub type Files = BTreeMap<Name, ZoneFile>;

/// The file of a zone, and how the zone is served for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFile {
    /// Where it was found last.
    pub file: Arc<Path>,
    /// Which version of it is served.
    pub version: Version,
    /// What is wrong with it now, warnings too.
    pub mistakes: Arc<[Mistake]>,
}

/// Which version of a file is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The one that stands there.
    Newest,
    /// The last good one, as the one that stands there is not to be served.
    LastGood,
    /// None, as there has been no good one: SERVFAIL.
    None,
}

/// Whether versions that look like accidents are kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// They are.
    On,
    /// They are what somebody wants: a zone without most of its names, a folder without files.
    Off,
}

/// What was last made of a zone's file.
#[derive(Clone)]
struct Loaded {
    /// What it was read from, so that a file that was only touched is not built again.
    content: Content,
    /// Where the zone was found last.
    file: Arc<Path>,
    /// The last good version, as it is served; `None` where there has been none.
    zone: Option<Arc<Zone>>,
    /// The same as its file has it, before updates. Both share what updates have not touched.
    base: Option<Arc<Zone>>,
    /// Whether the file that stands there now is not the one that is served.
    is_broken: bool,
    /// Whether there is no file now, though its folder may come back.
    is_away: bool,
    /// Whether it is the file's alone, as what updates made of it could not be read: no update is made over that.
    is_unread: bool,
    mistakes: Arc<[Mistake]>,
}

/// Zones by their apex; one without content has never been good.
pub type Zones = Vec<(Name, Option<Arc<Zone>>)>;

/// What a round of loading found.
#[derive(Debug, Default)]
pub struct Round {
    /// All zones that shall be served.
    pub zones: Zones,
    /// What differs from the round before.
    pub changes: Changes,
    /// How many files and folders have a mistake.
    pub broken: usize,
    /// Every mistake there is now, warnings too, in the order of the files.
    pub mistakes: Vec<Mistake>,
}

/// What a round of loading found that looked at some files alone.
#[derive(Debug, Default)]
pub struct Part {
    /// The zones that are served in another version than before, and those that are new.
    pub zones: Zones,
    /// How the zones of these files differ from the round before.
    pub changes: Changes,
    /// How many of these files have a mistake.
    pub broken: usize,
}

/// How the zones of a round differ from those of the round before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Served now, and not known before.
    pub added: Vec<Name>,
    /// Served in another version, or for the first time without a mistake.
    pub changed: Vec<Name>,
    /// Served no more.
    pub removed: Vec<Name>,
    /// How many zones are as they were.
    pub unchanged: usize,
}

impl Changes {
    /// How many zones are new, changed or gone.
    #[must_use]
    pub fn count(&self) -> usize {
        self.added.len() + self.changed.len() + self.removed.len()
    }

    fn sort(&mut self) {
        for names in [&mut self.added, &mut self.changed, &mut self.removed] {
            names.sort_unstable();
        }
    }
}

impl Loader {
    /// A loader of zone files and folders of them, which has not loaded anything yet. What zones include is in these folders.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, serials: Serials) -> Self {
        let (zones, received) = (HashMap::new(), HashMap::new());
        let includes = Includes { zones: paths.clone(), more: Vec::new() };
        let access = Access::default();
        let (overlays, files, counters) = (None, Arc::default(), Arc::default());
        let progress = Arc::default();
        let (threads, settled) = (crew::all_cores(), stamp::SETTLED);
        Self {
            paths,
            includes,
            serials,
            overlays,
            zones,
            received,
            access,
            files,
            counters,
            progress,
            threads,
            settled,
            is_strict: false,
        }
    }

    /// Whether a mistake ends the start: then it is not told what answers meanwhile.
    pub fn set_strict(&mut self, is_strict: bool) {
        self.is_strict = is_strict;
    }

    /// Lets go of the state folder, so that another process may have it.
    pub fn rest(&mut self) {
        if let Some(overlays) = &mut self.overlays {
            overlays.close();
        }
    }

    /// Goes on after another process has had the state folder: it may have raised serials, and none may fall.
    pub fn go_on(&mut self) {
        if let Err(error) = self.serials.read_again() {
            error!("the serials cannot be read again: {error}");
        }
    }

    /// Takes over the state folder from the process that had it while this one loaded: what came to be since `then` counts. Zones of which
    /// it says something else are forgotten, so that the next round loads them anew.
    pub fn take_over(&mut self, then: &Serials, serials: Serials, mut overlays: Overlays) {
        let mut was = self.overlays.take();
        let loaded = std::mem::replace(&mut self.serials, serials);
        let serials = &self.serials;
        self.zones.retain(|origin, _| {
            let before = was.as_mut().and_then(|was| was.read(origin).ok());
            let now = overlays.read(origin).ok();
            now.is_some() && before == now && then.get(origin) == serials.get(origin)
        });
        self.overlays = Some(overlays);
        let kept =
            self.zones.keys().filter_map(|origin| Some((origin.clone(), loaded.get(origin)?)));
        let kept = kept.collect();
        self.keep_serials(kept);
    }

    /// Leaves half of the cores to others, from now on.
    pub fn leave_cores(&mut self) {
        self.threads = crew::half_of_the_cores();
    }

    /// Counts updates there, from now on.
    pub fn count_in(&mut self, counters: Arc<Counters>) {
        self.counters = counters;
    }

    /// The same, telling there how far a round is.
    #[must_use]
    pub fn with_progress(self, progress: &Arc<Progress>) -> Self {
        Self { progress: Arc::clone(progress), ..self }
    }

    /// The same with what updates have made of zones, and will.
    #[must_use]
    pub fn with_overlays(self, overlays: Overlays) -> Self {
        Self { overlays: Some(overlays), ..self }
    }

    /// The same with what zones may include beside what their own folders have.
    #[must_use]
    pub fn with_includes(mut self, more: &[PathBuf]) -> Self {
        self.includes.more = more.to_vec();
        self
    }

    /// The same with what the operator sets about transfers. Zones that come from elsewhere are served beside those of files, SERVFAIL until
    /// they have come; a file for one of them is a mistake.
    #[must_use]
    pub fn with_access(mut self, access: &Access) -> Self {
        let told = |peers: &[Peer]| {
            let peers = peers.iter().map(|peer| peer.address.to_string());
            peers.collect::<Vec<_>>().join(" and ")
        };
        let received = access.primaries.iter().map(|(origin, peers)| {
            (origin.clone(), Received { primaries: told(peers), zone: None })
        });
        self.received = received.collect();
        self.access = access.clone();
        self
    }

    /// Takes in a version of a zone that comes from elsewhere, and gives what is to be served of it; `None` where
    /// it should not have come.
    pub fn receive(&mut self, origin: &Name, zone: Option<Arc<Zone>>) -> Option<Option<Arc<Zone>>> {
        let Some(received) = self.received.get_mut(origin) else {
            error!(zone = %origin, "a zone came from elsewhere that `primaries` does not have; left out");
            return None;
        };
        received.zone = zone;
        Some(received.zone.clone())
    }

    /// Gives zones that files have the next serial, where they are to say something else of their pools than they do; what
    /// comes back are those that have one. The serials of all are kept at once, before anybody sees them.
    pub fn say(&mut self, news: Vec<(Name, Exported)>) -> Vec<(Name, Arc<Zone>)> {
        let mut kept = Vec::new();
        let mut said = Vec::new();
        for (origin, exported) in news {
            if let Some((zone, serial)) = self.say_one(&origin, exported) {
                kept.push((origin.clone(), serial));
                said.push((origin, zone));
            }
        }
        if !kept.is_empty()
            && let Err(error) = self.serials.keep(kept)
        {
            error!("the serials are not kept over a restart: {error}");
        }
        said
    }

    fn say_one(&mut self, origin: &Name, exported: Exported) -> Option<(Arc<Zone>, Kept)> {
        let loaded = self.zones.get_mut(origin)?;
        let before = loaded.zone.as_ref()?;
        if before.exported == exported {
            return None;
        }
        let kept = self.serials.get(origin).map(|kept| Kept { serial: before.serial, ..kept });
        let kept = kept?.after_health(&before.exported, &exported, clock::serial());
        let zone = Arc::new(before.saying(exported, kept.serial)?);
        loaded.zone = Some(Arc::clone(&zone));
        Some((zone, kept))
    }

    /// The zones' files as the last round has found them, for whoever wants to know.
    #[must_use]
    pub fn files(&self) -> &Arc<ArcSwap<Files>> {
        &self.files
    }

    /// The files that zones include.
    #[must_use]
    pub fn included(&self) -> BTreeSet<PathBuf> {
        self.zones.values().flat_map(|loaded| loaded.content.included()).collect()
    }
}

impl Loaded {
    fn as_zone_file(&self) -> ZoneFile {
        ZoneFile {
            file: Arc::clone(&self.file),
            version: match (&self.zone, self.is_broken || self.is_away) {
                (None, _) => Version::None,
                (Some(_), true) => Version::LastGood,
                (Some(_), false) => Version::Newest,
            },
            mistakes: Arc::clone(&self.mistakes),
        }
    }
}
