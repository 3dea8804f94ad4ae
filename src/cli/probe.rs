//! `rotadns probe`: the config file, the log, and then the prober alone.

use std::path::Path;
use std::sync::Arc;

use super::serve::{log, read};
use crate::daemon::probe;

/// Probes until told to stop; `false` where the config file has a mistake.
pub(super) fn run(file: &Path) -> anyhow::Result<bool> {
    let Some(config) = read(file)? else { return Ok(false) };
    let Some(feed) = &config.feed else {
        anyhow::bail!(
            "{}: says nothing of `feed`; a prober needs it, such as \
             `feed: {{name: probe-1, to: [{{server: \"unix:/run/rotadns/admin\"}}]}}`",
            file.display()
        );
    };
    let progress = Arc::default();
    let _shown = log(config.log, &progress);
    probe::run(&config, feed, &progress)?;
    Ok(true)
}
