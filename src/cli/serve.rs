//! `rotadns serve`: the config file and the flags over it, the log, and then the daemon.

use std::fmt::Debug;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use tracing::field::Field;
use tracing_subscriber::Layer as _;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::plain::plain;
use super::progress::Shown;
use super::{AdminFlag, Serve};
use crate::config::server::{Log, LogFormat, LogLevel, Workers};
use crate::config::{Config, read_config};
use crate::daemon;
use crate::daemon::progress::Progress;

/// Serves until told to stop; `false` where the config file has a mistake.
pub(super) fn run(flags: &Serve) -> anyhow::Result<bool> {
    let Some(config) = config(flags)? else { return Ok(false) };
    let progress = Arc::default();
    let _shown = log(config.log, &progress);
    let how = daemon::How { strict: flags.strict, replace: flags.replace };
    daemon::serve(&config, flags.config.as_deref(), how, &progress)?;
    Ok(true)
}

/// The config file with the flags over it; `None` where it has mistakes, which are told.
fn config(flags: &Serve) -> anyhow::Result<Option<Config>> {
    let mut config = match &flags.config {
        None => Config::default(),
        Some(file) => match read(file)? {
            Some(config) => config,
            None => return Ok(None),
        },
    };
    if let Some(zones) = &flags.zones {
        config.zones = vec![zones.clone()];
    }
    if !flags.listen.is_empty() {
        config.listen.clone_from(&flags.listen);
    }
    match flags.admin {
        None => {}
        Some(AdminFlag::Off) => config.admin = None,
        Some(AdminFlag::Listen(address)) => {
            let admin = config.admin.get_or_insert_default();
            admin.listen = vec![address];
            if let Some(problem) = admin.exposed() {
                anyhow::bail!("--admin: {problem}");
            }
        }
    }
    if let Some(workers) = flags.workers {
        config.workers = Workers::Count(workers);
    }
    Ok(Some(config))
}

/// A config file; `None` where it has mistakes, which are told.
pub(super) fn read(file: &Path) -> anyhow::Result<Option<Config>> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| anyhow::anyhow!("{}: cannot be read: {error}", file.display()))?;
    let config = read_config(file, &text);
    for mistake in config.as_ref().err().into_iter().flatten() {
        eprintln!("{}", plain(&mistake.to_string()));
    }
    Ok(config.ok())
}

/// Logs to stderr from here on, beside what is shown there of how far the start is.
pub(super) fn log(log: Log, progress: &Arc<Progress>) -> Shown {
    let shown = Shown::of(progress, log.format == LogFormat::Json);
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Libraries say when they fail; below that they log what strangers send, a line each.
    let levels = Targets::new().with_default(LevelFilter::ERROR).with_target("rotadns", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(shown.beside())
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let lines = match log.format {
        LogFormat::Text => lines.fmt_fields(plain_fields()).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
    shown
}

/// `message key=value`, as ever, but with nothing in it that a terminal would obey.
fn plain_fields() -> impl for<'w> format::FormatFields<'w> + Send + Sync + 'static {
    let field = |writer: &mut format::Writer<'_>, field: &Field, value: &dyn Debug| {
        let text = format!("{value:?}");
        match field.name() {
            "message" => writer.write_str(&plain(&text)),
            name => write!(writer, "{name}={}", plain(&text)),
        }
    };
    format::debug_fn(field).delimited(" ")
}
