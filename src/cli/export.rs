//! `rotadns export`: a zone as a master file, or in any other format.
//!
//! By its name, a zone is looked for among the files that a server would read; what they say is what is written.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::content::{self, Format};
use super::explain::files;
use super::import;
use crate::config::model::Zone;
use crate::config::{zone_files, zone_of_file};
use crate::name::Name;

/// The flags of `export`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// A zone by its name, or its file
    #[arg(value_name = "ZONE|FILE")]
    zone: String,
    /// What to write
    #[arg(long, value_enum, default_value = "zone")]
    format: Format,
    /// The config file that says where zones are
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of zone files
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    zones: Option<PathBuf>,
}

/// Prints the zone; what the format cannot say goes to stderr too.
pub(super) fn run(flags: &Flags) -> Result<bool> {
    let Some(zone) = of_files(flags)? else { return Ok(false) };
    import::print(flags.format, &zone)
}

/// The zone as its file says.
fn of_files(flags: &Flags) -> Result<Option<Zone>> {
    let named = Path::new(&flags.zone);
    if named.is_file() {
        return content::read(named, None);
    }
    let Ok(origin) = Name::parse_absolute(&flags.zone) else {
        bail!("there is no file {}, and it is no zone's name", flags.zone);
    };
    let paths = files::paths(flags.config.as_deref(), flags.zones.as_deref())?;
    let (found, _) = zone_files(&paths);
    let file = found.iter().find(|file| zone_of_file(file).as_ref() == Some(&origin));
    if let Some(file) = file {
        return content::read(file, None);
    }
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    bail!("no file of the zone {origin} is in {}; --zones names another folder", shown.join(", "))
}
