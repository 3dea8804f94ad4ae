//! The thin binary: everything is in the library.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    rotadns::cli::run(rotadns::cli::Cli::parse())
}
