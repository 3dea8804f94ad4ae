//! What tells where clients are: read at the start and whenever a file of it changes, laid together off the query path.
//!
//! ```text
//! a file                        what counts
//! right, and not too old        it
//! missing or broken, at first   the next one that says something
//! missing or broken, later      what it said before, until that is too old
//! too old                       the next one that says something
//! ```
//!
//! Whatever is not as it should be is logged once, and told until it is mended: by alarms, metrics, `check` and `explain`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use super::clock::seconds;
use crate::config::files::read_at_most;
use crate::config::model::place::Network;
use crate::config::server::places::{Geo, Subnets, Views};
use crate::config::server::read_subnets;
use crate::engine::settings::{Database, Places};
use crate::geo::atlas::Source;
use crate::geo::{Atlas, Prefixes, mmdb, subnets};

/// The largest file of the operator's table, in bytes.
const TABLE_MAX: u64 = 128 << 20;

/// What the config names, and what was in it last.
pub(crate) struct Sources {
    geo: Geo,
    views: Views,
    /// The table's file, then the databases.
    files: Vec<File>,
    last: Option<Places>,
}

/// One file.
struct File {
    path: PathBuf,
    is_table: bool,
    /// What it was when it was read last.
    stamp: Option<Stamp>,
    known: Option<Known>,
    trouble: Option<String>,
}

/// What a file said when it was right.
struct Known {
    source: Source,
    kind: String,
    built: Option<u64>,
}

/// When a file was changed, and its length; nothing where it cannot be told.
type Stamp = Option<(SystemTime, u64)>;

impl Sources {
    /// What a config names; nothing is read yet.
    pub(crate) fn new(geo: &Geo, views: &Views) -> Self {
        let file = |path: &PathBuf, is_table| File {
            path: path.clone(),
            is_table,
            stamp: None,
            known: None,
            trouble: None,
        };
        let table = match &geo.subnets {
            Subnets::Given(_) => None,
            Subnets::File(path) => Some(file(path, true)),
        };
        let databases = geo.databases.iter().map(|path| file(path, false));
        let files = table.into_iter().chain(databases).collect();
        Self { geo: geo.clone(), views: views.clone(), files, last: None }
    }

    /// The files that are to be watched.
    pub(crate) fn paths(geo: &Geo) -> Vec<PathBuf> {
        Self::new(geo, &Views::default()).files.into_iter().map(|file| file.path).collect()
    }

    /// What holds now, in seconds since 1970; `None` where it is what held before.
    pub(crate) fn read(&mut self, now: u64) -> Option<Places> {
        let mut is_new = self.last.is_none();
        for file in &mut self.files {
            is_new |= file.read();
        }
        let max_age = self.geo.max_age;
        let databases: Vec<Database> =
            self.files.iter().map(|file| file.told(max_age, now)).collect();
        is_new |= self.last.as_ref().is_some_and(|last| last.databases != databases);
        if !is_new {
            return None;
        }
        self.tell(&databases);
        let given = match &self.geo.subnets {
            Subnets::Given(networks) if !networks.is_empty() => Some(subnets::source(networks)),
            _ => None,
        };
        let usable = self.files.iter().filter(|file| !file.is_stale(max_age, now));
        let known = usable.filter_map(|file| Some(&file.known.as_ref()?.source));
        let sources: Vec<&Source> = given.iter().chain(known).collect();
        let atlas = (!sources.is_empty()).then(|| Arc::new(Atlas::new(&sources)));
        let places = Places {
            atlas,
            databases,
            private: Prefixes::new(&self.views.private),
            trusted: Prefixes::new(&self.views.trusted_resolvers),
        };
        self.last = Some(places.clone());
        Some(places)
    }

    /// What a config names, read once.
    pub(crate) fn now(geo: &Geo, views: &Views) -> Places {
        let mut sources = Self::new(geo, views);
        sources.read(seconds()).unwrap_or_default()
    }

    /// What holds, as it was read last.
    pub(crate) fn last(&self) -> Places {
        self.last.clone().unwrap_or_default()
    }

    /// Logs what has changed.
    fn tell(&self, databases: &[Database]) {
        let before = self.last.as_ref().map_or(&[][..], |last| &last.databases);
        for (place, Database { file, kind, built, trouble }) in databases.iter().enumerate() {
            let before = before.get(place);
            let was_in_trouble = before.is_some_and(|before| before.trouble.is_some());
            match trouble {
                Some(trouble)
                    if before.and_then(|before| before.trouble.as_ref()) != Some(trouble) =>
                {
                    warn!("{file} {trouble}");
                }
                None if was_in_trouble || before.is_none_or(|before| before.built != *built) => {
                    info!(%kind, "{file} tells where clients are");
                }
                Some(_) | None => {}
            }
        }
    }
}

impl File {
    /// Reads the file where it has changed; `true` where it has.
    fn read(&mut self) -> bool {
        let metadata = fs::metadata(&self.path).ok();
        let stamp = metadata.and_then(|of| Some((of.modified().ok()?, of.len())));
        // What cannot be told apart is read again.
        if self.stamp == Some(stamp) && stamp.is_some() {
            return false;
        }
        let was = self.stamp.replace(stamp);
        let found = if self.is_table { self.table() } else { self.database() };
        match found {
            Ok(known) => {
                self.known = Some(known);
                self.trouble = None;
            }
            Err(trouble) => {
                let still =
                    if self.known.is_some() { "; what it said before is in use" } else { "" };
                self.trouble = Some(format!("{trouble}{still}"));
                return was != Some(stamp);
            }
        }
        true
    }

    fn database(&self) -> Result<Known, String> {
        let mmdb::Database { source, kind, built } =
            mmdb::read(&self.path).map_err(|trouble| trouble.to_string())?;
        Ok(Known { source, kind, built: Some(built) })
    }

    fn table(&self) -> Result<Known, String> {
        let networks = table(&self.path)?;
        Ok(Known { source: subnets::source(&networks), kind: "subnets".to_owned(), built: None })
    }

    /// Whether what it says was found out too long ago.
    fn is_stale(&self, max_age: Duration, now: u64) -> bool {
        let built = self.known.as_ref().and_then(|known| known.built);
        built.is_some_and(|built| now.saturating_sub(built) > max_age.as_secs())
    }

    fn told(&self, max_age: Duration, now: u64) -> Database {
        let known = self.known.as_ref();
        let built = known.and_then(|known| known.built);
        let stale = built.filter(|_| self.is_stale(max_age, now)).map(|built| {
            let day = 86_400;
            format!(
                "is {} days old and not used: `max_age` is {} days",
                now.saturating_sub(built) / day,
                max_age.as_secs() / day
            )
        });
        Database {
            file: self.path.display().to_string(),
            kind: known.map_or_else(String::new, |known| known.kind.clone()),
            built,
            trouble: stale.or_else(|| self.trouble.clone()),
        }
    }
}

/// The operator's table in a file of its own; its first mistake where it has some.
fn table(path: &Path) -> Result<Vec<Network>, String> {
    let bytes =
        read_at_most(path, TABLE_MAX).map_err(|error| format!("cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    read_subnets(path, &text).map_err(|mistakes| match mistakes.first() {
        Some(first) => {
            format!("has mistakes; the first, in line {}: {}", first.at.line, first.problem)
        }
        None => "has mistakes".to_owned(),
    })
}
