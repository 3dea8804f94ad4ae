//! `rotadns schema`: the JSON Schema of the zone file, for editors; and as a page, for people.

use std::io::Write as _;

use anyhow::Result;
use clap::ValueEnum;

use crate::config::schema;

/// The flags of `schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// How it is told
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// As a JSON Schema, for editors
    Json,
    /// As a page of every key, for people
    Markdown,
}

/// Prints the schema.
pub(super) fn run(flags: &Flags) -> Result<bool> {
    let told = match flags.format {
        Format::Json => serde_json::to_string_pretty(&schema::zone_file())? + "\n",
        Format::Markdown => schema::reference::page(),
    };
    std::io::stdout().lock().write_all(told.as_bytes())?;
    Ok(true)
}
