//! `rotadns completions SHELL`: what makes a shell complete the command line.

use std::io::Write as _;

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Cli;

/// Prints the script that the shell reads.
pub(super) fn run(shell: Shell) -> Result<bool> {
    std::io::stdout().lock().write_all(&script(shell))?;
    Ok(true)
}

/// Made in memory first: the generator panics where a pipe is closed.
fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rotadns", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_is_told_every_command() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).expect("scripts are text");
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
