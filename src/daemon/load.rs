//! Files become zones: at the start, and again whenever one changes.
//!
//! ```text
//! the file                     served
//! as it was, and fine          the zone as it was, not built again
//! changed, fine                the new version
//! with a mistake               the last good version; SERVFAIL where there is none
//! changed, most names gone     the last good version
//! gone                         no zone any more
//! every file of a folder gone  what was served before: a folder that is not mounted is no wish
//! its folder cannot be read    what was served before
//! ```
//!
//! A file with a mistake is read again each time: what it names, such as a certificate, may have come.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use tracing::{error, info, warn};

use crate::config::{self, ConfigError, Problem, Severity};
use crate::name::Name;
use crate::state::persist::Serials;
use crate::zone::serial::{Digest, Kept};
use crate::zone::{Zone, build};
use crate::zonefile;

/// A zone of fewer names may lose any part of them at once.
const GUARDED_NAMES: usize = 10;

/// The zones of a set of files, and what was last made of each.
pub struct Loader {
    paths: Vec<PathBuf>,
    serials: Serials,
    zones: HashMap<Name, Loaded>,
}

/// What was last made of a zone's file.
#[derive(Clone)]
struct Loaded {
    /// Of the file's bytes, so that a file that was only touched is not built again.
    digest: Digest,
    /// Where the zone was found last.
    file: PathBuf,
    /// The last good version; `None` where there has been none.
    zone: Option<Arc<Zone>>,
    /// Whether the file has a mistake now.
    is_broken: bool,
}

/// What a round of loading found.
pub struct Round {
    /// All zones that shall be served; one without content has never been good.
    pub zones: Vec<(Name, Option<Arc<Zone>>)>,
    /// How many are new, changed or gone.
    pub changed: usize,
    /// How many files have a mistake.
    pub broken: usize,
}

impl Loader {
    /// A loader of zone files and folders of them, which has not loaded anything yet.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, serials: Serials) -> Self {
        Self { paths, serials, zones: HashMap::new() }
    }

    /// Loads what has changed since the last time, and logs every mistake.
    pub fn load(&mut self) -> Round {
        self.load_at(seconds())
    }

    /// As [`Loader::load`], at a time in seconds since 1970.
    fn load_at(&mut self, now: u32) -> Round {
        let (files, problems) = config::zone_files(&self.paths);
        for problem in &problems {
            error!("{problem}");
        }
        let mut broken = problems.len();
        let mut zones = HashMap::with_capacity(files.len());
        let mut kept = Vec::new();
        let mut changed = 0;
        for file in &files {
            let Some(origin) = config::zone_of_file(file) else {
                broken += 1;
                error!(
                    "{}: the file is not named after a zone, as in example.com.yaml",
                    file.display()
                );
                continue;
            };
            let last = self.zones.remove(&origin);
            let loaded = self.load_one(file, &origin, last.as_ref(), now, &mut kept);
            changed += usize::from(is_change(last.as_ref(), &loaded));
            broken += usize::from(loaded.is_broken);
            zones.insert(origin, loaded);
        }
        let gone = std::mem::take(&mut self.zones);
        let (stay, go) = gone.into_iter().partition(is_unknown(&files, &problems));
        broken += tell_empty_folders(&stay, &problems);
        zones.extend(stay);
        changed += go.len();
        for origin in go.keys() {
            info!(zone = %origin, "the file is gone, and so the zone is served no more");
        }
        self.zones = zones;
        // Before anybody sees it, so that a serial never falls over a restart. A disk that refuses is
        // told, and asked again the next time; names that do not answer would be worse.
        if let Err(error) = self.serials.keep(kept) {
            error!("the serials are not kept over a restart: {error}");
        }
        self.round(changed, broken)
    }

    fn round(&self, changed: usize, broken: usize) -> Round {
        let mut zones: Vec<_> = self
            .zones
            .iter()
            .map(|(origin, loaded)| (origin.clone(), loaded.zone.clone()))
            .collect();
        zones.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Round { zones, changed, broken }
    }

    fn load_one(
        &self,
        file: &Path,
        origin: &Name,
        last: Option<&Loaded>,
        now: u32,
        kept: &mut Vec<(Name, Kept)>,
    ) -> Loaded {
        let before = last.and_then(|last| last.zone.clone());
        let loaded =
            |digest, zone, is_broken| Loaded { digest, file: file.to_path_buf(), zone, is_broken };
        let bytes = match config::files::read_file(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                error!("{}: cannot be read: {error}", file.display());
                return loaded(Digest::default(), before, true);
            }
        };
        let content = digest_of(&bytes);
        if last.is_some_and(|last| last.digest == content && !last.is_broken) {
            return loaded(content, before, false);
        }
        let built = if is_master_file(file) {
            from_master_file(file, origin, &bytes)
                .map(|zone| (Kept { serial: zone.serial, digest: content }, zone))
        } else {
            self.build_native(file, &bytes, before.as_deref(), now)
        };
        let Some((next, zone)) = built else {
            let meanwhile = if before.is_some() { "its last good version" } else { "SERVFAIL" };
            error!(zone = %origin, "{}: not loaded; answering with {meanwhile}", file.display());
            return loaded(content, before, true);
        };
        if loses_most(before.as_deref(), &zone) {
            error!(
                "{}: the zone would lose most of its names ({} of {} are left); what was served before \
                 still is, until a restart",
                file.display(),
                zone.names,
                before.as_ref().map_or(0, |before| before.names),
            );
            return loaded(content, before, true);
        }
        if let Some(unseen) = self.serials.get(origin).and_then(|last| next.unseen_after(last)) {
            warn!(zone = %origin, "{}: {unseen}", file.display());
        }
        info!(zone = %origin, serial = zone.serial, names = zone.names, "zone loaded");
        kept.push((origin.clone(), next));
        loaded(content, Some(Arc::new(zone)), false)
    }

    fn build_native(
        &self,
        file: &Path,
        bytes: &[u8],
        before: Option<&Zone>,
        now: u32,
    ) -> Option<(Kept, Zone)> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            error!("{}: the file is not UTF-8", file.display());
            return None;
        };
        let (model, mistakes) = config::read_zone(file, text);
        for mistake in &mistakes {
            match mistake.severity {
                Severity::Error => error!("{mistake}"),
                Severity::Warning => warn!("{mistake}"),
            }
        }
        let model = model?;
        let next = Kept::next(self.serials.get(&model.origin), &model, now);
        let built = build::from_model(&model, next.serial, before.map(|zone| &zone.rotations));
        Some((next, tell(file, built)?))
    }
}

/// Whether nothing is known of the file that a zone had: a path of the configuration could not be read,
/// or its folder has no zone file at all, as one that is not mounted.
fn is_unknown(files: &[PathBuf], problems: &[ConfigError]) -> impl Fn(&(Name, Loaded)) -> bool {
    let folders: BTreeSet<PathBuf> =
        files.iter().filter_map(|file| file.parent()).map(Path::to_path_buf).collect();
    let unread: Vec<PathBuf> =
        problems.iter().filter(|problem| is_unread(problem)).map(|p| p.file.clone()).collect();
    move |(_, last)| {
        unread.iter().any(|path| last.file.starts_with(path))
            || last.file.parent().is_none_or(|folder| !folders.contains(folder))
    }
}

/// Whether a path of the configuration stayed unread, whatever is below it.
fn is_unread(problem: &ConfigError) -> bool {
    !matches!(problem.problem, Problem::ZoneTwice { .. })
}

/// Logs the folders that have lost all their files, and counts them.
fn tell_empty_folders(stay: &HashMap<Name, Loaded>, problems: &[ConfigError]) -> usize {
    let mut empty = BTreeMap::<&Path, usize>::new();
    for Loaded { file, .. } in stay.values() {
        let is_told = problems.iter().any(|problem| file.starts_with(&problem.file));
        if let Some(folder) = file.parent().filter(|_| !is_told) {
            *empty.entry(folder).or_default() += 1;
        }
    }
    for (folder, zones) in &empty {
        error!(
            zones,
            "{}: every zone file is gone; what was served before still is, until a restart",
            folder.display()
        );
    }
    empty.len()
}

/// Whether what is served differs, or a file has become good or bad.
fn is_change(last: Option<&Loaded>, now: &Loaded) -> bool {
    match (last.and_then(|last| last.zone.as_ref()), now.zone.as_ref()) {
        (Some(last), Some(now)) => !Arc::ptr_eq(last, now),
        (None, None) => last.is_none(),
        _ => true,
    }
}

/// A version that drops more than half of the names is more likely an accident than a wish.
fn loses_most(before: Option<&Zone>, now: &Zone) -> bool {
    before.is_some_and(|before| before.names >= GUARDED_NAMES && now.names * 2 < before.names)
}

fn is_master_file(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "zone")
}

fn from_master_file(file: &Path, origin: &Name, bytes: &[u8]) -> Option<Zone> {
    let mut builder = build::Builder::new(origin.clone());
    let mistakes = zonefile::read(bytes, origin, |record| {
        builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
    });
    for mistake in &mistakes {
        let zonefile::Mistake { line, column, problem, .. } = mistake;
        error!("{}:{line}:{column}: {problem}", file.display());
    }
    if !mistakes.is_empty() {
        return None;
    }
    tell(file, builder.finish(Vec::new()))
}

/// Logs what the records together have wrong.
fn tell(file: &Path, built: build::Built) -> Option<Zone> {
    let file = file.display();
    let (zone, mistakes) = match built {
        Ok((zone, mistakes)) => (Some(zone), mistakes),
        Err(mistakes) => (None, mistakes),
    };
    for build::Mistake { line, owner, problem } in mistakes {
        // Our own format has been judged by its lines before; what is found here is about the whole.
        let place = if line == 0 { String::new() } else { format!("{line}:1:") };
        if problem.is_warning() {
            warn!("{file}:{place} {owner} {problem}");
        } else {
            error!("{file}:{place} {owner} {problem}");
        }
    }
    zone
}

fn digest_of(bytes: &[u8]) -> Digest {
    let mut content = Digest::default();
    content.copy_from_slice(digest(&SHA256, bytes).as_ref());
    content
}

/// The time in seconds since 1970, as serials have it.
fn seconds() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a new serial is at least the time")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}
