//! `rotadns check`: every mistake of every file, told with its line and what would be right.
//!
//! What is wrong is found in [`crate::config`], [`crate::zonefile`] and [`crate::zone::build`]; here it is
//! gathered, and shown as `told.rs` does.

mod allowed;
mod failover;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use failover::{Bounds, Failover};

use super::plain::plain;
use super::progress::Shown;
use super::screen::Screen;
use super::told::{self, Lines, Told, counted};
use crate::config::files::{FILE_MAX, read_file, read_included};
use crate::config::model::access::Secondaries;
use crate::config::model::allowed::Includes;
use crate::config::model::{Pool, Zone};
use crate::config::{self, CONFIG_FILE, Config, Location, MasterRecord, Problem, Severity, server};
use crate::daemon::load::{Mistake, together};
use crate::daemon::named;
use crate::daemon::places::Sources;
use crate::daemon::progress::Progress;
use crate::name::Name;
use crate::zone;
use crate::zone::build::{self, Built};
use crate::zonefile;

/// How mistakes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With their lines, for people.
    Human,
    /// As one array, for machines.
    Json,
}

/// Checks zone files, folders of them, and config files with their zones; prints what was found.
///
/// `config` is a config file whatever it is called; among `paths`, the name tells one from a zone.
/// Without any of them it is the config file of this folder, or else `zones/`. True where no file has
/// an error; warnings do not count.
///
/// `failover_max` warns of pools whose failures are noticed later; `failover` tells the worst case of each pool as JSON in place
/// of the mistakes.
pub fn run(
    config: Option<&Path>,
    paths: &[PathBuf],
    format: Format,
    failover: Failovers,
) -> Result<bool> {
    let progress = Arc::default();
    let shown = Shown::of(&progress, format == Format::Json);
    let mut report = Report::of(config, paths, &progress);
    report.warn_of_late(failover.most);
    drop(shown);
    let mut out = std::io::stdout().lock();
    match format {
        Format::Human => {
            out.write_all(report.human(Screen::of_stdout().is_coloured()).as_bytes())?;
        }
        Format::Json if failover.is_shown => {
            let all: Vec<_> = report.failovers.iter().map(|one| one.json(report.bounds)).collect();
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        }
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report.mistakes)?)?,
    }
    out.flush()?;
    Ok(report.errors() == 0)
}

/// What is wanted of the worst cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failovers {
    /// Whether JSON is of them, and not of mistakes.
    pub is_shown: bool,
    /// Later is warned of.
    pub most: Option<Duration>,
}

/// What was found in all files.
#[derive(Default)]
struct Report {
    files: usize,
    mistakes: Vec<Told>,
    /// Of each good zone's pools: the longest time until a failure is out of every cache.
    failovers: Vec<Failover>,
    /// What is wanted of them.
    bounds: Bounds,
    /// Each zone and its file; without content where it cannot be served.
    zones: Vec<(Name, PathBuf, Option<zone::Zone>)>,
    /// Which files zones may include.
    includes: Includes,
    /// The config file, where one is checked.
    config: Option<(PathBuf, Config)>,
}

impl Report {
    fn of(config: Option<&Path>, paths: &[PathBuf], progress: &Progress) -> Self {
        let mut report = Self::default();
        let mut zones = Vec::new();
        let by_default = || {
            let config = PathBuf::from(CONFIG_FILE);
            vec![if config.is_file() { config } else { config::default_zones() }]
        };
        let is_default = config.is_none() && paths.is_empty();
        zones.extend(config.into_iter().flat_map(|config| report.config(config)));
        for path in if is_default { by_default() } else { paths.to_vec() } {
            if path.file_name().is_some_and(|name| name == CONFIG_FILE) {
                zones.extend(report.config(&path));
            } else {
                zones.push(path);
            }
        }
        report.includes.zones.clone_from(&zones);
        let (files, problems) = config::zone_files(&zones);
        let is_empty = |folder: &Path| {
            folder.is_dir()
                && !files.iter().any(|file| file.starts_with(folder))
                && !problems.iter().any(|problem| problem.file.starts_with(folder))
        };
        let empty: Vec<&PathBuf> = zones.iter().filter(|path| is_empty(path)).collect();
        for folder in empty {
            report.whole(folder, &Problem::NoZoneFiles);
        }
        report.tell(problems.into_iter().map(Mistake::from).collect(), "");
        progress.files(files.len());
        for file in files {
            let names = report.zone(&file).unwrap_or_default();
            progress.file(names);
        }
        progress.together();
        report.strangers();
        // Of files that are named one by one there may be others that these belong with.
        if zones.iter().any(|path| path.is_dir()) {
            report.together();
        }
        report
    }

    /// Tells what the config sets for zones that are not there.
    fn strangers(&mut self) {
        let Some((file, config)) = self.config.take() else { return };
        let is_there = |zone: &Name| self.zones.iter().any(|(origin, ..)| origin == zone);
        let told = |stranger| Mistake {
            severity: Severity::Warning,
            ..Mistake::whole(&file, named::told(stranger))
        };
        let found = named::strangers(&config, is_there).into_iter().map(told).collect();
        self.tell(found, "");
    }

    /// Tells what only all zones together show.
    fn together(&mut self) {
        let zones = std::mem::take(&mut self.zones);
        let read: Vec<_> =
            zones.iter().map(|(origin, file, zone)| (origin, &**file, zone.as_ref())).collect();
        self.tell(together(&read), "");
    }

    /// Checks a config file and returns where its zones are.
    fn config(&mut self, file: &Path) -> Vec<PathBuf> {
        let Some(text) = self.text(file) else { return Vec::new() };
        match config::read_config(file, &text) {
            Ok(config) => {
                self.places(&config);
                for message in named::mistakes(&config) {
                    let at = server::place_of(file, &text, &message);
                    let Location { line, column, width } = at.unwrap_or(Location::WHOLE_FILE);
                    let whole = Mistake::whole(file, message);
                    self.tell(vec![Mistake { line, column, width, ..whole }], &text);
                }
                self.bounds.config = config.failover_max;
                self.includes.more.extend(config.includes.iter().cloned());
                let zones = config.zones.clone();
                self.config = Some((file.to_path_buf(), config));
                zones
            }
            Err(mistakes) => {
                self.tell(mistakes.into_iter().map(Mistake::from).collect(), &text);
                Vec::new()
            }
        }
    }

    /// Tells what says where clients are and is not as it should be: a server serves without it.
    fn places(&mut self, config: &Config) {
        let places = Sources::now(&config.geo, &config.views);
        let told = places.databases.into_iter().filter_map(|database| {
            let mistake = Mistake::whole(Path::new(&database.file), database.trouble?);
            Some(Mistake { severity: Severity::Warning, ..mistake })
        });
        self.tell(told.collect(), "");
    }

    /// Checks the file of a zone, and gives how many names that holds, where it has no mistake.
    fn zone(&mut self, file: &Path) -> Option<usize> {
        if config::is_master_file(file) {
            return self.master_file(file);
        }
        let text = self.text(file)?;
        let mut included = BTreeSet::new();
        let mut include = |path: &Path, most: u64| {
            let read = read_included(&self.includes, path, most)?;
            included.insert(path.to_path_buf());
            Ok(read)
        };
        let (zone, mistakes) = config::read_zone_file(file, &text, NonZeroUsize::MIN, &mut include);
        self.files += included.len();
        let mistakes: Vec<Mistake> = mistakes.into_iter().map(Mistake::from).collect();
        self.tell_of_files(file, &text, &mistakes);
        let mut built = None;
        if let Some(zone) = zone {
            if let Some((_, config)) = &self.config {
                self.tell(allowed::refused(&config.prober, file, &zone), "");
            }
            if self.is_transferred(&zone) {
                let sharded = config::sharded_names(file, &text);
                self.tell(sharded.into_iter().map(Mistake::from).collect(), &text);
            }
            // The serial has no part in whether the zone can be built.
            built = self.built(file, build::from_model(&zone, 0, None));
            // What some see of a pool takes as long as the pool, and stands at its place.
            let whole = zone.pools.iter().filter(|pool| pool.face.is_none());
            let places = config::pool_places(file, &text);
            let place = |pool: &Pool| places.get(&pool.name).copied();
            let failovers = whole.map(|pool| {
                Failover::of(file, place(pool).unwrap_or(Location::WHOLE_FILE), &zone, pool)
            });
            self.failovers.extend(failovers);
        }
        let names = built.as_ref().map(|zone| zone.names);
        let origin = config::zone_of_file(file);
        self.zones.extend(origin.map(|origin| (origin, file.to_path_buf(), built)));
        names
    }

    /// Whether somebody gets the zone whole, by the config file's word or the zone's own.
    fn is_transferred(&self, zone: &Zone) -> bool {
        let access =
            self.config.as_ref().map(|(_, config)| config.authority.access.of(&zone.origin));
        zone.secondaries != Secondaries::default()
            || access.is_some_and(|access| !access.transfer.is_empty() || !access.notify.is_empty())
    }

    fn master_file(&mut self, file: &Path) -> Option<usize> {
        let bytes = self.bytes(file)?;
        let Some(origin) = config::zone_of_file(file) else {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
            self.whole(file, &Problem::FileName { name: name.unwrap_or_default() });
            return None;
        };
        let (mut records, mut built) = (Vec::new(), None);
        let mut builder = build::Builder::new(origin.clone());
        let mut include = |path: &Path, most: u64| read_included(&self.includes, path, most);
        let zonefile::Read { mistakes, files } =
            zonefile::read_file(file, &bytes, &origin, &mut include, |record| {
                builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
                records.extend(Name::from_wire(record.owner).map(|owner| MasterRecord {
                    owner,
                    rtype: record.rtype,
                    ttl: record.ttl,
                    rdata: record.rdata.to_vec(),
                    line: record.line,
                }));
            });
        self.files += files.included().collect::<BTreeSet<_>>().len();
        // A record that cannot be read makes holes, which are not told as mistakes of their own.
        let mut found: Vec<Mistake> =
            mistakes.iter().map(|mistake| Mistake::of_master_file(&files, mistake)).collect();
        if found.is_empty() {
            let mistakes = config::check_records(file, &origin, records);
            let is_usable = mistakes.iter().all(|mistake| mistake.severity == Severity::Warning);
            found.extend(mistakes.into_iter().map(|told| Mistake::from(told).found_in(&files)));
            match builder.finish(Vec::new()) {
                Ok((zone, _)) => built = Some(zone),
                Err(mistakes) if is_usable => {
                    let mistakes = mistakes.iter().filter(|mistake| !mistake.problem.is_warning());
                    found.extend(mistakes.map(|told| Mistake::of_master_records(&files, told)));
                }
                Err(_) => {}
            }
        }
        let names = built.as_ref().map(|zone| zone.names);
        self.zones.push((origin, file.to_path_buf(), built));
        self.tell_of_files(file, &String::from_utf8_lossy(&bytes), &found);
        names
    }

    /// Tells mistakes of a file, which has this text, and of those that it includes.
    fn tell_of_files(&mut self, file: &Path, text: &str, found: &[Mistake]) {
        for told in found.chunk_by(|a, b| a.file == b.file) {
            if told[0].file == file {
                self.tell(told.to_vec(), text);
            } else {
                let included = read_included(&self.includes, &told[0].file, FILE_MAX);
                let included = included.unwrap_or_default();
                self.tell(told.to_vec(), &String::from_utf8_lossy(&included));
            }
        }
    }

    /// Tells what stands in the way of a zone whose records keep every rule: mostly its size. The
    /// builder's warnings are among those that the rules have told.
    fn built(&mut self, file: &Path, built: Built) -> Option<zone::Zone> {
        let mistakes = match built {
            Ok((zone, _)) => return Some(zone),
            Err(mistakes) => mistakes,
        };
        let mistakes = mistakes.iter().filter(|mistake| !mistake.problem.is_warning());
        self.tell(mistakes.map(|mistake| Mistake::of_records(file, mistake)).collect(), "");
        None
    }

    fn bytes(&mut self, file: &Path) -> Option<Vec<u8>> {
        self.files += 1;
        match config::files::read_file(file) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                self.whole(file, &Problem::Unreadable { detail: error.to_string() });
                None
            }
        }
    }

    fn text(&mut self, file: &Path) -> Option<String> {
        let bytes = self.bytes(file)?;
        let text = String::from_utf8(bytes).ok();
        if text.is_none() {
            self.whole(file, &Problem::NotUtf8);
        }
        text
    }

    /// Tells a mistake of a file as such.
    fn whole(&mut self, file: &Path, problem: &Problem) {
        self.tell(vec![Mistake::whole(file, problem.to_string())], "");
    }

    fn tell(&mut self, mistakes: Vec<Mistake>, text: &str) {
        let lines = Lines::of(text, mistakes.iter().map(|mistake| mistake.line));
        self.mistakes.extend(mistakes.into_iter().map(|mistake| Told::new(mistake, &lines)));
    }

    /// Warns of pools whose failures are in caches for longer than is wanted, or for good.
    fn warn_of_late(&mut self, most: Option<Duration>) {
        self.bounds.flag = most;
        let late: Vec<Mistake> =
            self.failovers.iter().filter_map(|failover| failover.warning(self.bounds)).collect();
        for late in late.chunk_by(|a, b| a.file == b.file) {
            let text = read_file(&late[0].file).unwrap_or_default();
            self.tell(late.to_vec(), &String::from_utf8_lossy(&text));
        }
    }

    fn errors(&self) -> usize {
        self.mistakes.iter().filter(|told| told.is_error()).count()
    }

    fn human(&self, styled: bool) -> String {
        let mut text = told::human(&self.mistakes, styled);
        for failover in &self.failovers {
            let _ = writeln!(text, "{}", plain(&failover.sentence()));
        }
        let warnings = self.mistakes.len() - self.errors();
        let mut parts = vec![counted(self.files, "file"), counted(self.errors(), "mistake")];
        if warnings > 0 {
            parts.push(counted(warnings, "warning"));
        }
        let _ = writeln!(text, "{}", parts.join(", "));
        text
    }
}

#[cfg(test)]
mod tests;
