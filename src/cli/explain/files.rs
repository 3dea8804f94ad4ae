//! A decision by the files alone: they are loaded, made a snapshot and asked as the server does it.
//!
//! Nothing is probed and nothing is written.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

use crate::admin::explain;
use crate::admin::model::Explanation;
use crate::cli::plain::plain;
use crate::cli::progress::Shown;
use crate::config::model::allowed::Includes;
use crate::config::{CONFIG_FILE, Config, Severity, default_zones, read_config};
use crate::daemon::load::{Guard, Loader, Mistake};
use crate::daemon::places::Sources;
use crate::engine::settings::Settings;
use crate::health::overrides::Overrides;
use crate::health::registry::Registry;
use crate::state::persist::Serials;
use crate::state::what_if::{Facts, snapshot_of};

/// Where the zones are, by these flags; without any, by the config file of this folder, or else in `zones/`.
pub(in crate::cli) fn paths(config: Option<&Path>, zones: Option<&Path>) -> Result<Vec<PathBuf>> {
    if let Some(zones) = zones {
        return Ok(vec![zones.to_path_buf()]);
    }
    Ok(config_of(config)?.map_or_else(|| vec![default_zones()], |config| config.zones))
}

/// What a file may include: what its folder has, and what these flags or the config file of this folder allow.
pub(in crate::cli) fn includes(file: &Path, config: Option<&Path>) -> Result<Includes> {
    let allowed = config_of(config)?.map(|config| config.includes()).unwrap_or_default();
    let zones = allowed.zones.into_iter().chain([file.to_path_buf()]).collect();
    Ok(Includes { zones, ..allowed })
}

/// The config file, or the one of this folder; `None` without any.
pub(in crate::cli) fn config_of(config: Option<&Path>) -> Result<Option<Config>> {
    let here = Path::new(CONFIG_FILE);
    let Some(file) = config.or_else(|| here.is_file().then_some(here)) else {
        return Ok(None);
    };
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("{shown}: cannot be read"))?;
    match read_config(file, &text) {
        Ok(config) => Ok(Some(config)),
        Err(mistakes) => match mistakes.first() {
            Some(first) => bail!("{first} (`rotadns check` tells every mistake)"),
            None => bail!("{shown}: cannot be read; `rotadns check` says why"),
        },
    }
}

/// Explains what these zones answer. A zone with a mistake is told, and answers SERVFAIL, as it does in a server.
pub(super) fn explained(
    paths: Vec<PathBuf>,
    config: Option<&Config>,
    question: &[(&str, String)],
    is_for_machines: bool,
) -> Result<Explanation> {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let includes = config.map(|config| &*config.includes).unwrap_or_default();
    let progress = Arc::default();
    let waiting = Shown::of(&progress, is_for_machines);
    let loader = Loader::new(paths, Serials::default()).with_includes(includes);
    let round = loader.with_progress(&progress).load(Guard::On);
    drop(waiting);
    for mistake in round.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error) {
        let Mistake { file, line, column, message, .. } = mistake;
        let told = match line {
            0 => format!("{}: {message}", file.display()),
            _ => format!("{}:{line}:{column}: {message}", file.display()),
        };
        eprintln!("{}", plain(&told));
    }
    if round.zones.is_empty() {
        bail!(
            "there is no zone in {}; --zones names the folder of zone files, or one file",
            shown.join(", ")
        );
    }
    let (registry, overrides, down) = (Registry::default(), Overrides::default(), BTreeSet::new());
    let facts = Facts { registry: &registry, overrides: &overrides, down: &down };
    let snapshot = snapshot_of(round.zones, &facts).map_err(|apex| {
        anyhow::anyhow!("the zone {apex} is there twice; remove one of its files")
    })?;
    let places = config.map(|config| Sources::now(&config.geo, &config.views)).unwrap_or_default();
    let snapshot = snapshot.with_settings(Arc::new(Settings { places, ..Settings::default() }));
    let pairs = question.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    explain::explained(pairs, &snapshot, &facts).map_err(|refusal| anyhow::anyhow!("{refusal}"))
}
