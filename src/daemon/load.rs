//! Files become zones: at the start, and again whenever one changes.
//!
//! ```text
//! the file                     served
//! as it was                    the zone as it was, not built again
//! changed, fine                the new version
//! changed, with a mistake      the last good version; SERVFAIL where there is none
//! changed, most names gone     the last good version
//! gone                         no zone any more
//! every file gone              what was served before: a folder that is not mounted is no wish
//! ```

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use tracing::{error, info, warn};

use crate::config::{self, Severity};
use crate::name::Name;
use crate::state::persist::Serials;
use crate::zone::serial::Kept;
use crate::zone::{Zone, build};
use crate::zonefile;

/// A zone of fewer names may lose any part of them at once.
const GUARDED_NAMES: usize = 10;

/// The largest zone file that is read.
pub const FILE_MAX: u64 = 4 << 30;

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
    digest: Vec<u8>,
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
        let (files, problems) = config::zone_files(&self.paths);
        for problem in &problems {
            error!("{problem}");
        }
        if files.is_empty() && !self.zones.is_empty() {
            error!("every zone file is gone; what was served before still is, until a restart");
            return self.round(0, problems.len());
        }
        let mut zones = HashMap::with_capacity(files.len());
        let mut kept = Vec::new();
        let mut changed = 0;
        for file in &files {
            let Some(origin) = config::zone_of_file(file) else {
                error!(
                    "{}: the file is not named after a zone, as in example.com.yaml",
                    file.display()
                );
                continue;
            };
            let last = self.zones.remove(&origin);
            let now = self.load_one(file, &origin, last.as_ref(), &mut kept);
            changed += usize::from(is_change(last.as_ref(), &now));
            zones.insert(origin, now);
        }
        changed += self.zones.len();
        for (origin, _) in self.zones.drain() {
            info!(zone = %origin, "the file is gone, and so the zone is served no more");
        }
        self.zones = zones;
        // On the disk before anybody sees it, so that a serial never falls over a restart.
        if let Err(error) = self.serials.keep(kept) {
            error!("the serials cannot be kept over a restart: {error}");
        }
        let broken = self.zones.values().filter(|zone| zone.is_broken).count();
        self.round(changed, broken + problems.len())
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
        kept: &mut Vec<(Name, Kept)>,
    ) -> Loaded {
        let last_good = || last.and_then(|last| last.zone.clone());
        let broken = |digest| Loaded { digest, zone: last_good(), is_broken: true };
        let bytes = match read(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                error!("{}: cannot be read: {error}", file.display());
                return broken(Vec::new());
            }
        };
        let content = digest(&SHA256, &bytes).as_ref().to_vec();
        if let Some(last) = last.filter(|last| last.digest == content) {
            return last.clone();
        }
        let before = last_good();
        let built = if is_master_file(file) {
            from_master_file(file, origin, &bytes)
        } else {
            self.build_native(file, &bytes, before.as_deref(), kept)
        };
        match built {
            Some(zone) if loses_most(before.as_deref(), &zone) => {
                error!(
                    "{}: the zone would lose most of its names ({} of {} are left); what was served before \
                     still is, until a restart",
                    file.display(),
                    zone.names,
                    before.as_ref().map_or(0, |before| before.names),
                );
                broken(content)
            }
            Some(zone) => {
                info!(%origin, serial = zone.serial, names = zone.names, "zone loaded");
                Loaded { digest: content, zone: Some(Arc::new(zone)), is_broken: false }
            }
            None => {
                let meanwhile = if before.is_some() { "its last good version" } else { "SERVFAIL" };
                error!(zone = %origin, "{}: not loaded; answering with {meanwhile}", file.display());
                broken(content)
            }
        }
    }

    fn build_native(
        &self,
        file: &Path,
        bytes: &[u8],
        before: Option<&Zone>,
        kept: &mut Vec<(Name, Kept)>,
    ) -> Option<Zone> {
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
        let next = Kept::next(self.serials.get(&model.origin), &model, seconds());
        let built = build::from_model(&model, next.serial, before.map(|zone| &zone.rotations));
        let zone = tell(file, built)?;
        kept.push((model.origin, next));
        Some(zone)
    }
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

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let size = fs::metadata(file)?.len();
    if size > FILE_MAX {
        return Err(std::io::Error::other(format!(
            "it has {size} bytes; at most {FILE_MAX} are read"
        )));
    }
    fs::read(file)
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
        if problem.is_warning() {
            warn!("{file}:{line}:1: {owner} {problem}");
        } else {
            error!("{file}:{line}:1: {owner} {problem}");
        }
    }
    zone
}

/// The time in seconds since 1970, as serials have it.
fn seconds() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a new serial is at least the time")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}
