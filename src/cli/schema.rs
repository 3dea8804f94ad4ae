//! `rotadns schema`: the JSON Schema of the zone file, for editors.

use std::io::Write as _;

use anyhow::Result;

use crate::config::schema;

/// Prints the schema.
pub(super) fn run() -> Result<bool> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string_pretty(&schema::zone_file())?)?;
    Ok(true)
}
