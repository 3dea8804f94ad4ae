//! Configuration: YAML text in, a validated model out.
//!
//! ```text
//!   text ──node──▶ tree of source texts ──spec──▶ what the file says ──resolve──▶ model::Zone
//!                                │                         │                │
//!                                └────────── every mistake found on the way, told at once
//! ```
//!
//! A file with a mistake gives no zone, and a warning never stops one. Nothing here opens a socket or
//! reads a clock; the file system is asked for what a file names: folders of zones, certificates.

pub mod error;
pub mod files;
pub mod hidden;
pub mod model;
pub mod schema;
pub mod server;

mod include;
mod master;
pub(crate) mod nearest;
mod node;
pub mod octodns;
mod quick;
mod resolve;
mod rules;
mod sharded;
mod side_by_side;
mod spec;
mod value;
pub mod write;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::Path;

pub use error::{ConfigError, Location, Problem, Severity};
pub use files::{CONFIG_FILE, is_master_file, zone_files, zone_of_file};
pub use include::Include;
pub use master::{MasterRecord, check_records, zone_of_records};
pub use server::{Config, read_config};
pub use sharded::sharded_names;

use error::{Mistakes, Span};
use include::Includes;
use node::Node;

/// Reads a zone file in YAML: our own format, or octoDNS's where no scalar `zone` stands at the top level.
///
/// The zone is there unless an error was found; warnings come with it. The mistakes stand in the
/// order of the file, and `file` is only their name for it: the text was read by the caller. Nothing is included.
#[must_use]
pub fn read_zone(file: &Path, text: &str) -> (Option<model::Zone>, Vec<ConfigError>) {
    read_zone_of(file, text, NonZeroUsize::MIN, None)
}

/// As [`read_zone`], by so many threads; what octoDNS files include is asked of the caller.
#[must_use]
pub fn read_zone_file(
    file: &Path,
    text: &str,
    threads: NonZeroUsize,
    include: &mut Include<'_>,
) -> (Option<model::Zone>, Vec<ConfigError>) {
    read_zone_of(file, text, threads, Some(include))
}

/// Where the pools of a zone file in our own format stand, by their names: a pool that stands inline has its record's.
#[must_use]
pub fn pool_places(file: &Path, text: &str) -> HashMap<String, Location> {
    let mut mistakes = Mistakes::new(file, text);
    let root = node::parse(text, &mut Includes::new(file, None), &mut mistakes);
    let Some(root) = root.filter(spec::is_native) else { return HashMap::new() };
    // Pools last, as they have the names that records leave.
    let keys = ["records", "pools"].into_iter().filter_map(|key| root.entry(key));
    let keys = keys.flat_map(node::Node::keys);
    keys.map(|key| (key.text.to_owned(), mistakes.location(key.span))).collect()
}

fn read_zone_of(
    file: &Path,
    text: &str,
    threads: NonZeroUsize,
    include: Option<&mut Include<'_>>,
) -> (Option<model::Zone>, Vec<ConfigError>) {
    let mut mistakes = Mistakes::new(file, text);
    let mut includes = Includes::new(file, include);
    let root = node::parse_by(text, threads, &mut includes, &mut mistakes);
    if let (Some(root), Some(first)) = (&root, includes.first)
        && spec::is_native(root)
    {
        mistakes.add(first, Problem::OctoDns(octodns::Problem::Include));
    }
    let zone = root.as_ref().and_then(|root| read_tree(file, root, threads, &mut mistakes));
    let found = mistakes.finish();
    let usable = found.iter().all(|mistake| mistake.severity == Severity::Warning);
    (zone.filter(|_| usable), found)
}

fn read_tree(
    file: &Path,
    root: &Node<'_>,
    threads: NonZeroUsize,
    mistakes: &mut Mistakes<'_>,
) -> Option<model::Zone> {
    let place = (file, root.span);
    if spec::is_native(root) {
        return resolve::zone(spec::zone(root, file, mistakes)?, place, threads, mistakes);
    }
    if let octodns::Format::Native { misspelt } = octodns::Format::of(root) {
        mistakes.add(root.span, Problem::NotNative { misspelt });
        return None;
    }
    let Some(origin) = zone_of_file(file) else {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        mistakes.add(Span::FILE, Problem::FileName { name: name.unwrap_or_default() });
        return None;
    };
    let native = octodns::native(root, &origin, mistakes);
    let zone = resolve::zone(spec::zone(&native, file, mistakes)?, place, threads, mistakes);
    mistakes.reword(|problem| match problem {
        Problem::NoNameServers => Problem::NoApexNs { zone: origin.to_string() },
        problem => problem,
    });
    zone
}
