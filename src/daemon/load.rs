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
//! A file with a mistake is read again each time: what it names, such as a certificate, may have come. Zones that come
//! from elsewhere are served beside those of files.

mod content;
mod gone;
mod mistake;
mod one;
mod read;
#[cfg(test)]
mod tests;
mod together;
mod updates;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::{error, info};

use self::content::Content;
use self::gone::{empty_folders, is_unknown};
use self::one::{is_change, load_one};
use self::read::Known;
use super::clock;
use crate::config::model::access::{Access, Peer};
use crate::config::{self, ConfigError, Problem};
use crate::counters::Counters;
use crate::name::Name;
use crate::state::overlays::Overlays;
use crate::state::persist::Serials;
use crate::zone::Zone;
use crate::zone::exported::Exported;
use crate::zone::reverse::{Pointers, is_reverse};
use crate::zone::serial::Kept;

pub use self::mistake::Mistake;
pub use self::together::together;
pub use self::updates::{Made, Updated};

/// A zone of fewer names may lose any part of them at once.
const GUARDED_NAMES: usize = 10;

/// The zones of a set of files, and what was last made of each.
pub struct Loader {
    paths: Vec<PathBuf>,
    serials: Serials,
    /// `None` where nothing shall be kept.
    overlays: Option<Overlays>,
    zones: HashMap<Name, Loaded>,
    received: HashMap<Name, Received>,
    access: Access,
    files: Arc<ArcSwap<Files>>,
    /// Where updates are counted.
    counters: Arc<Counters>,
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

/// A round while it is on its way.
#[derive(Default)]
struct Progress {
    changes: Changes,
    broken: usize,
    /// Mistakes that belong to no zone.
    apart: Vec<Mistake>,
    kept: Vec<(Name, Kept)>,
}

impl Progress {
    /// Tells a mistake that belongs to no zone.
    fn tell(&mut self, mistake: Mistake) {
        mistake.log();
        self.broken += 1;
        self.apart.push(mistake);
    }
}

impl Loader {
    /// A loader of zone files and folders of them, which has not loaded anything yet.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, serials: Serials) -> Self {
        let (zones, received) = (HashMap::new(), HashMap::new());
        let access = Access::default();
        let (overlays, files, counters) = (None, Arc::default(), Arc::default());
        Self { paths, serials, overlays, zones, received, access, files, counters }
    }

    /// Counts updates there, from now on.
    pub fn count_in(&mut self, counters: Arc<Counters>) {
        self.counters = counters;
    }

    /// The same with what updates have made of zones, and will.
    #[must_use]
    pub fn with_overlays(self, overlays: Overlays) -> Self {
        Self { overlays: Some(overlays), ..self }
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

    /// The files that zones include, wherever they are.
    #[must_use]
    pub fn included(&self) -> BTreeSet<PathBuf> {
        self.zones.values().flat_map(|loaded| loaded.content.included()).collect()
    }

    /// Loads what has changed since the last time, and logs every mistake.
    pub fn load(&mut self, guard: Guard) -> Round {
        self.load_at(clock::serial(), guard)
    }

    /// As [`Loader::load`], at a time in seconds since 1970.
    fn load_at(&mut self, now: u32, guard: Guard) -> Round {
        let (mut files, problems) = config::zone_files(&self.paths);
        // What the others say of addresses goes into them.
        files.sort_by_key(|file| {
            config::zone_of_file(file).is_some_and(|origin| is_reverse(&origin))
        });
        let of_files = files.iter().filter_map(|file| config::zone_of_file(file));
        let reverse = of_files.chain(self.received.keys().cloned()).filter(is_reverse);
        let reverse: Vec<Name> = reverse.collect();
        let mut names = None;
        let mut progress = Progress::default();
        for problem in &problems {
            progress.tell(problem.clone().into());
        }
        let mut zones = HashMap::with_capacity(files.len());
        for file in &files {
            let Some(origin) = config::zone_of_file(file) else {
                let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
                let problem = Problem::FileName { name: name.unwrap_or_default() };
                progress.tell(Mistake::whole(file, problem.to_string()));
                continue;
            };
            if let Some(Received { primaries, .. }) = self.received.get(&origin) {
                progress.tell(Mistake::whole(
                    file,
                    format!(
                        "{origin} is transferred from {primaries}, by `primaries` in the config file; take away \
                         this file, or the zone from there"
                    ),
                ));
                continue;
            }
            let last = self.zones.remove(&origin);
            let mut pointers = Vec::new();
            if is_reverse(&origin) {
                let names = names.get_or_insert_with(|| {
                    let is_unknown = is_unknown(&files, &problems, guard);
                    let stay = self.zones.values().filter(|last| is_unknown(last));
                    let served = zones.values().chain(stay);
                    Pointers::of(served.filter_map(|loaded: &Loaded| loaded.zone.as_deref()))
                });
                pointers = names.within(&origin, &reverse);
            }
            let at = Known {
                has_pointers: !pointers.is_empty()
                    || last.as_ref().is_some_and(|last| last.content.has_pointers()),
                pointers: &pointers,
                origin: &origin,
                kept: self.serials.get(&origin),
                before: last.as_ref().and_then(|last| last.zone.as_deref()),
                access: &self.access,
                now,
            };
            let (last_one, over) = (last.as_ref(), self.overlays.as_mut());
            let loaded = load_one(file, &at, last_one, over, guard, &mut progress.kept);
            progress.broken += usize::from(loaded.is_broken);
            match last {
                None => progress.changes.added.push(origin.clone()),
                Some(last) if is_change(&last, &loaded) => {
                    progress.changes.changed.push(origin.clone());
                }
                Some(_) => progress.changes.unchanged += 1,
            }
            zones.insert(origin, loaded);
        }
        self.let_go(&files, &problems, guard, &mut zones, &mut progress);
        self.zones = zones;
        // Before anybody sees it, so that a serial never falls over a restart. A disk that refuses is
        // told, and asked again the next time; names that do not answer would be worse.
        if let Err(error) = self.serials.keep(std::mem::take(&mut progress.kept)) {
            error!("the serials are not kept over a restart: {error}");
        }
        self.round(progress)
    }

    /// Takes leave of the zones whose files are gone, unless nothing is known of these.
    fn let_go(
        &mut self,
        files: &[PathBuf],
        problems: &[ConfigError],
        guard: Guard,
        zones: &mut HashMap<Name, Loaded>,
        progress: &mut Progress,
    ) {
        let gone = std::mem::take(&mut self.zones);
        let is_unknown = is_unknown(files, problems, guard);
        let (stay, go): (HashMap<_, _>, HashMap<_, _>) =
            gone.into_iter().partition(|(_, last)| is_unknown(last));
        for mistake in empty_folders(&stay, problems) {
            progress.tell(mistake);
        }
        progress.changes.unchanged += stay.len();
        zones.extend(
            stay.into_iter().map(|(origin, last)| (origin, Loaded { is_away: true, ..last })),
        );
        for (origin, _) in go {
            info!(zone = %origin, "the file is gone, and so the zone is served no more");
            progress.changes.removed.push(origin);
        }
    }

    fn round(&self, Progress { mut changes, broken, mut apart, .. }: Progress) -> Round {
        changes.sort();
        let read = self.zones.iter();
        let read = read.map(|(origin, loaded)| (origin, &*loaded.file, loaded.zone.as_deref()));
        let received = self.received.iter();
        let received = received.map(|(origin, one)| (origin, Path::new(""), one.zone.as_deref()));
        let warnings = together(&read.chain(received).collect::<Vec<_>>());
        if changes.count() > 0 {
            warnings.iter().for_each(Mistake::log);
        }
        apart.extend(warnings);
        let mut zones: Vec<_> = self
            .zones
            .iter()
            .map(|(origin, loaded)| (origin.clone(), loaded.zone.clone()))
            .chain(self.received.iter().map(|(origin, one)| (origin.clone(), one.zone.clone())))
            .collect();
        zones.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let files: Files = self
            .zones
            .iter()
            .map(|(origin, loaded)| (origin.clone(), loaded.as_zone_file()))
            .collect();
        let mut mistakes = apart;
        mistakes.extend(files.values().flat_map(|file| file.mistakes.iter().cloned()));
        // Each file's mistakes stay in their order.
        mistakes.sort_by(|a, b| a.file.cmp(&b.file));
        self.files.store(Arc::new(files));
        Round { zones, changes, broken, mistakes }
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
