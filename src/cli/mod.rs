//! The command line: what can be typed, and a file for each command.

pub mod check;
mod client;
mod completions;
mod content;
pub mod demo;
mod explain;
mod export;
mod import;
mod keygen;
mod man;
mod plain;
mod probe;
#[cfg(target_os = "linux")]
pub mod programs;
mod progress;
mod reload;
mod schema;
mod screen;
mod serve;
mod status;
mod steer;
mod told;
mod words;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use client::{Failure, Usage};
use steer::Hand;

/// The command line is wrong: clap's own code for that.
const USAGE: u8 = 2;
/// The server could not be reached.
const UNREACHABLE: u8 = 3;
/// Nobody reads on, as in `rotadns status | head`: what a shell gives for tools that SIGPIPE ends.
const NO_READER: u8 = 128 + 13;

/// An authoritative DNS server that balances load.
///
/// Exit codes: 0 fine, 1 the input is wrong or the server refused, 2 the command line is wrong, 3 the server could not be reached.
#[derive(Debug, Parser)]
#[command(name = "rotadns", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve DNS, with the prober inside
    Serve(Serve),
    /// Probe, and tell servers what that finds; the config file's `feed` says which
    Probe {
        /// The config file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Tell every mistake in config and zone files
    Check {
        /// A config file, whatever its name, and the zones that it names
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Zone files, folders of them, and files called rotadns.yaml; without any, rotadns.yaml or zones/
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// How mistakes are told
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// Tell the worst case of each pool, with `--format json` in place of the mistakes
        #[arg(long)]
        failover: bool,
        /// Warn of pools whose failures leave every cache later than this, such as 60s
        #[arg(long, value_name = "TIME", value_parser = duration)]
        failover_max: Option<Duration>,
    },
    /// Make a certificate and tokens for an admin API on a network
    Keygen(keygen::Flags),
    /// Show what a running server does, alarms first
    Status(status::Flags),
    /// Take backends out of answers, and say when it is safe to stop them
    Drain(steer::Drain),
    /// Put backends into answers, whatever their checks say
    Up(steer::Lasting),
    /// Take backends out of answers, whatever their checks say
    Down(steer::Lasting),
    /// Leave backends to their checks again
    Auto(steer::Flags),
    /// Have a running server read its files again, and say what that changed
    Reload(reload::Flags),
    /// Explain every step of one answer
    Explain(explain::Flags),
    /// Print a zone file of any format in our own
    Import(import::Flags),
    /// Print a zone as a master file, or in any other format
    Export(export::Flags),
    /// Print the JSON Schema of the zone file, for editors, or as a page of every key
    Schema(schema::Flags),
    /// Print what makes a shell complete this command line
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, or write them all
    Man(man::Flags),
    /// Serve small HTTP backends to try things out with
    Demo {
        /// Where; one backend each
        #[arg(value_name = "ADDR:PORT", default_values = demo::LISTEN)]
        listen: Vec<SocketAddr>,
    },
}

/// The flags of `serve`; each overrides the config file.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The config file; without one everything has its default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of zone files, or one file
    #[arg(long, value_name = "DIR")]
    zones: Option<PathBuf>,
    /// Where DNS is served, over UDP and TCP [default: 127.0.0.1:5300]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<SocketAddr>,
    /// Where the admin API is served [default: 127.0.0.1:8053]
    #[arg(long, value_name = "ADDR:PORT|off")]
    admin: Option<AdminFlag>,
    /// How many UDP threads there are for each address [default: one a core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Refuse to start where a zone has a mistake; else that zone answers SERVFAIL
    #[arg(long)]
    strict: bool,
    /// Take the place of the server that runs over the same state folder, without a query lost
    #[arg(long)]
    replace: bool,
}

/// Where the admin API is served, by flag.
#[derive(Clone, Copy, Debug)]
enum AdminFlag {
    Off,
    Listen(SocketAddr),
}

impl FromStr for AdminFlag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::Listen).map_err(|_| {
                "neither `off` nor an address and a port, such as 127.0.0.1:8053".to_owned()
            }),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// With their lines, for people
    Human,
    /// As one array, for machines
    Json,
}

/// Runs what was typed.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Serve(flags) => serve::run(&flags),
        Command::Probe { config } => probe::run(&config),
        Command::Check { config, paths, format, failover, failover_max } => check::run(
            config.as_deref(),
            &paths,
            match format {
                Format::Human => check::Format::Human,
                Format::Json => check::Format::Json,
            },
            check::Failovers { is_shown: failover, most: failover_max },
        ),
        Command::Keygen(flags) => keygen::run(&flags),
        Command::Status(flags) => status::run(&flags),
        Command::Drain(flags) => steer::drain(&flags),
        Command::Up(flags) => steer::set(Hand::Up, &flags),
        Command::Down(flags) => steer::set(Hand::Down, &flags),
        Command::Auto(flags) => steer::auto(&flags),
        Command::Reload(flags) => reload::run(&flags),
        Command::Explain(flags) => explain::run(&flags),
        Command::Import(flags) => import::run(&flags),
        Command::Export(flags) => export::run(&flags),
        Command::Schema(flags) => schema::run(&flags),
        Command::Completions { shell } => completions::run(shell),
        Command::Man(flags) => man::run(&flags),
        Command::Demo { listen } => serve_demo(listen),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if has_no_reader(&error) => ExitCode::from(NO_READER),
        Err(error) => {
            tell(&error);
            code(&error)
        }
    }
}

/// Whether stdout was closed. What fails towards a server says more than the bare error.
fn has_no_reader(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// What scripts read: which of the three it was that failed.
fn code(error: &anyhow::Error) -> ExitCode {
    match error.downcast_ref() {
        Some(Failure::Unreachable { .. } | Failure::Strange { .. }) => ExitCode::from(UNREACHABLE),
        _ if error.is::<Usage>() => ExitCode::from(USAGE),
        _ => ExitCode::FAILURE,
    }
}

/// Tells what ended a command: in the log where there is one, so that machines can read it too.
fn tell(error: &anyhow::Error) {
    if tracing::dispatcher::has_been_set() {
        tracing::error!("{error:#}");
    } else {
        eprintln!("rotadns: {}", plain::plain(&format!("{error:#}")));
    }
}

fn serve_demo(listen: Vec<SocketAddr>) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(demo::run(listen))?;
    Ok(true)
}
/// A duration such as `60s`.
fn duration(text: &str) -> Result<Duration, String> {
    crate::rdata::parse_duration(text)
        .ok_or_else(|| format!("{text:?} is not a duration, such as `60s` or `1m30s`"))
}
