//! The thin binary: everything is in the library.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(ended) = rotadns::cli::programs::run() {
        return ended;
    }
    rotadns::cli::run(rotadns::cli::Cli::parse())
}
