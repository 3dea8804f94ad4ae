//! `rotadns status`: what the server does now, the alarms first.

mod draw;
mod watch;

use std::collections::HashSet;
use std::io::Write as _;

use anyhow::Result;
use serde::Serialize;

use super::client::{Client, Failure, NO_QUERY, To};
use super::screen::Screen;
use crate::admin::model::{Backend, Pool, Status};

/// The flags of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The backends to show, ZONE/POOL/BACKEND; `*` and `?` stand for any part of a name
    #[arg(value_name = "PATTERN")]
    pattern: Option<String>,
    /// Show it anew each second, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    to: To,
}

/// Everything that is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct View {
    status: Status,
    /// With the backends that were asked for.
    pools: Vec<Pool>,
}

/// Shows the server's state once, or until Ctrl-C.
pub(super) fn run(flags: &Flags) -> Result<bool> {
    let client = flags.to.client()?;
    let pattern = flags.pattern.as_deref();
    if flags.watch {
        return watch::run(&client, pattern);
    }
    let shown = client.waiting(flags.json);
    let view = client.runtime().block_on(view(&client, pattern))?;
    drop(shown);
    let mut out = std::io::stdout().lock();
    if flags.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&view)?)?;
    } else {
        out.write_all(draw::view(&view, Screen::of_stdout()).as_bytes())?;
    }
    out.flush()?;
    Ok(true)
}

/// Asks for all that is shown. Which backends a pattern means is for the server to say.
async fn view(client: &Client, pattern: Option<&str>) -> Result<View, Failure> {
    let status = client.fetch("/v1/status", NO_QUERY).await?;
    let mut pools: Vec<Pool> = client.fetch("/v1/pools", NO_QUERY).await?;
    if let Some(pattern) = pattern {
        let asked: Vec<Backend> = client.fetch("/v1/backends", &[("match", pattern)]).await?;
        let keys: HashSet<String> = asked.into_iter().map(|backend| backend.key).collect();
        for pool in &mut pools {
            pool.backends.retain(|backend| keys.contains(&backend.key));
        }
        pools.retain(|pool| !pool.backends.is_empty());
    }
    Ok(View { status, pools })
}
