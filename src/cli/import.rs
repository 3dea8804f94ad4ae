//! `rotadns import`: a zone file of another format in our own, or in any.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;

use super::content::{self, Format};
use super::explain::files;
use super::plain::plain;
use super::progress::Shown;
use crate::name::Name;

/// The flags of `import`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// A master file, or YAML of octoDNS or our own
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The zone of a master file that is not named after it
    #[arg(long, value_name = "NAME", value_parser = origin)]
    origin: Option<Name>,
    /// What to write
    #[arg(long, value_enum, default_value = "native")]
    format: Format,
    /// The config file whose `includes` the file may include [default: rotadns.yaml, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Prints the zone; what the format cannot say goes to stderr too.
pub(super) fn run(flags: &Flags) -> Result<bool> {
    let allowed = files::includes(&flags.file, flags.config.as_deref())?;
    let shown = Shown::saying("reading", false);
    let Some(zone) = content::read(&flags.file, flags.origin.as_ref(), &allowed, &shown)? else {
        return Ok(false);
    };
    print(flags.format, &zone, shown)
}

/// Prints a zone in a format, when no more is shown.
pub(super) fn print(
    format: Format,
    zone: &crate::config::model::Zone,
    shown: Shown,
) -> Result<bool> {
    shown.say(format!("writing {}", zone.origin));
    let written = format.written(zone);
    drop(shown);
    for line in &written.lost {
        eprintln!("rotadns: a comment alone says it there: {}", plain(line));
    }
    let mut out = std::io::stdout().lock();
    out.write_all(written.text.as_bytes())?;
    out.flush()?;
    Ok(true)
}

pub(super) fn origin(text: &str) -> Result<Name, String> {
    Name::parse_absolute(text).map_err(|error| format!("not a name: {error}"))
}
