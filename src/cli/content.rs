//! What a zone file of any format says, for the commands that write it in another.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::progress::Shown;
use super::screen::Screen;
use super::told::{self, Lines, Told};
use crate::config::files::{FILE_MAX, read_file, read_included};
use crate::config::model::Zone;
use crate::config::model::allowed::Includes;
use crate::config::octodns::{self, Written};
use crate::config::{self, Include, MasterRecord, Severity};
use crate::daemon::load::Mistake;
use crate::name::Name;
use crate::zonefile;

mod lines;

/// A format of zone files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Our own YAML
    Native,
    /// octoDNS YAML
    Octodns,
    /// An RFC 1035 master file
    Zone,
}

impl Format {
    /// The zone in this format, and what it cannot say there, a line each.
    pub(super) fn written(self, zone: &Zone) -> Written {
        match self {
            Self::Native => Written { text: config::write::native(zone), lost: Vec::new() },
            Self::Octodns => octodns::write(zone),
            Self::Zone => lines::master_file(zone),
        }
    }
}

/// Reads a zone file by its name: YAML, or else a master file, whose zone is `origin` where its name does not say. It includes
/// what is allowed. Mistakes go to stderr; `None` where one is an error.
pub(super) fn read(
    file: &Path,
    origin: Option<&Name>,
    allowed: &Includes,
    shown: &Shown,
) -> Result<Option<Zone>> {
    shown.say(format!("reading {}", file.display()));
    let bytes = match read_file(file) {
        Ok(bytes) => bytes,
        Err(error) => bail!("{}: cannot be read: {error}", file.display()),
    };
    let is_yaml = file.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let mut include = |path: &Path, most: u64| read_included(allowed, path, most);
    let (zone, mistakes) = if is_yaml {
        yaml(file, &bytes, &mut include)?
    } else {
        master_file(file, &bytes, origin, &mut include)?
    };
    let lossy = String::from_utf8_lossy(&bytes);
    let mut told = Vec::new();
    for mistake in mistakes {
        // A file that is included is read anew for the line.
        let is_own = mistake.file == file;
        let text = if is_own { lossy.to_string() } else { other(allowed, &mistake.file) };
        let lines = Lines::of(&text, [mistake.line]);
        told.push(Told::new(mistake, &lines));
    }
    let told = told::human(&told, Screen::of_stdout().is_coloured());
    shown.above(|| eprint!("{told}"));
    Ok(zone)
}

fn other(allowed: &Includes, file: &Path) -> String {
    let bytes = read_included(allowed, file, FILE_MAX).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn yaml(
    file: &Path,
    bytes: &[u8],
    include: &mut Include<'_>,
) -> Result<(Option<Zone>, Vec<Mistake>)> {
    let Ok(text) = str::from_utf8(bytes) else {
        bail!("{}: {}", file.display(), config::Problem::NotUtf8);
    };
    let (zone, mistakes) = config::read_zone_file(file, text, NonZeroUsize::MIN, include);
    Ok((zone, mistakes.into_iter().map(Mistake::from).collect()))
}

fn master_file(
    file: &Path,
    bytes: &[u8],
    origin: Option<&Name>,
    include: &mut Include<'_>,
) -> Result<(Option<Zone>, Vec<Mistake>)> {
    let Some(origin) = origin.cloned().or_else(|| config::zone_of_file(file)) else {
        bail!("{}: its name does not say which zone it is; --origin NAME does", file.display());
    };
    let mut records = Vec::new();
    let zonefile::Read { mistakes, files } =
        zonefile::read_file(file, bytes, &origin, include, |record| {
            records.extend(Name::from_wire(record.owner).map(|owner| MasterRecord {
                owner,
                rtype: record.rtype,
                ttl: record.ttl,
                rdata: record.rdata.to_vec(),
                line: record.line,
            }));
        });
    if !mistakes.is_empty() {
        let told = mistakes.iter().map(|mistake| Mistake::of_master_file(&files, mistake));
        return Ok((None, told.collect()));
    }
    let mistakes = config::check_records(file, &origin, records.clone());
    let is_usable = mistakes.iter().all(|mistake| mistake.severity == Severity::Warning);
    let zone = config::zone_of_records(&origin, records).filter(|_| is_usable);
    let told = mistakes.into_iter().map(|mistake| Mistake::from(mistake).found_in(&files));
    Ok((zone, told.collect()))
}
