//! `rotadns explain`: every step of one decision, by a running server or by the files alone.
//!
//! ```text
//!   --server, --admin, ROTADNS_ADMIN   that server
//!   --config, --zones                  those files
//!   neither                            the server of this machine; where there is none, the files
//! ```

mod draw;
pub(super) mod files;

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::Result;

use super::client::{Client, Endpoint, Failure, To};
use super::plain::plain;
use super::screen::Screen;
use crate::admin::model::Explanation;

/// The flags of `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The name that is asked for
    name: String,
    /// The type that is asked for
    #[arg(value_name = "TYPE", default_value = "A")]
    rtype: String,
    /// Who asks
    #[arg(long, value_name = "IP")]
    client: Option<IpAddr>,
    /// For whom it is asked, as a resolver says (EDNS Client Subnet)
    #[arg(long, value_name = "PREFIX")]
    subnet: Option<String>,
    /// What if these backends were down too; ZONE/POOL/BACKEND, `*` and `?` stand for any part of a name
    #[arg(long, value_name = "BACKEND")]
    down: Vec<String>,
    /// The server to ask, as `--admin` takes it
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "admin")]
    server: Option<Endpoint>,
    /// Ask no server, but the zones of this config file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "admin"])]
    config: Option<PathBuf>,
    /// Ask no server, but this folder of zone files, or one file
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "admin", "config"])]
    zones: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    to: To,
}

/// Explains one answer, and says on stderr whose it is.
pub(super) fn run(flags: &Flags) -> Result<bool> {
    let explained = if flags.config.is_some() || flags.zones.is_some() {
        by_files(flags, None)?
    } else {
        let client = match &flags.server {
            Some(endpoint) => flags.to.client_of(endpoint.clone())?,
            None => flags.to.client()?,
        };
        let shown = client.waiting(flags.json);
        let answered = client.get("/v1/explain", &pairs(flags));
        drop(shown);
        match answered {
            Ok(explained) => {
                eprintln!("as the server at {} decides now", client.endpoint());
                explained
            }
            Err(Failure::Unreachable { .. }) if flags.server.is_none() && !flags.to.is_named() => {
                by_files(flags, Some(&client))?
            }
            Err(failure) => return Err(failure.into()),
        }
    };
    let mut out = std::io::stdout().lock();
    if flags.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&explained)?)?;
    } else {
        out.write_all(draw::explanation(&explained, Screen::of_stdout()).as_bytes())?;
    }
    out.flush()?;
    Ok(true)
}

/// What the files say, where nobody answers at the usual place.
fn by_files(flags: &Flags, silent: Option<&Client>) -> Result<Explanation> {
    let paths = files::paths(flags.config.as_deref(), flags.zones.as_deref())?;
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let silent =
        silent.map_or_else(String::new, |client| format!("no server at {}; ", client.endpoint()));
    let note = format!(
        "{silent}by the files alone ({}): no backend is judged, so each counts as up unless its file says \
         otherwise",
        shown.join(", ")
    );
    eprintln!("{}", plain(&note));
    let config = match &flags.zones {
        Some(_) => None,
        None => files::config_of(flags.config.as_deref())?,
    };
    files::explained(paths, config.as_ref(), &pairs(flags), flags.json)
}

/// The question, as the API takes it.
fn pairs(flags: &Flags) -> Vec<(&str, String)> {
    let mut pairs = vec![("name", flags.name.clone()), ("type", flags.rtype.clone())];
    pairs.extend(flags.client.map(|address| ("client", address.to_string())));
    pairs.extend(flags.subnet.clone().map(|subnet| ("subnet", subnet)));
    pairs.extend(flags.down.iter().map(|down| ("down", down.clone())));
    pairs
}
