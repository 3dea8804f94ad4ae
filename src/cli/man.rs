//! `rotadns man`: the manual pages, from the same description as `--help`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::{Cli, client::Usage};

/// Commands of administrators, by man-pages(7).
const SECTION: &str = "8";

/// The flags of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The command whose page is printed; without one, that of `rotadns` itself
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
    /// Write every page into this folder in place of printing one
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    all: Option<PathBuf>,
}

/// Prints a page, or writes them all.
pub(super) fn run(flags: &Flags) -> Result<bool> {
    if let Some(folder) = &flags.all {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        for page in pages() {
            let file = folder.join(page.get_filename());
            std::fs::write(&file, rendered(&page)?)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        return Ok(true);
    }
    let page = match flags.command.as_deref() {
        None => page(Cli::command()),
        Some(wanted) => page_of(wanted)?,
    };
    std::io::stdout().lock().write_all(&rendered(&page)?)?;
    Ok(true)
}

fn page_of(wanted: &str) -> Result<Man> {
    let known = commands();
    let found = known.iter().find(|command| command.get_name() == wanted);
    found.map(|command| page(command.clone())).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(Command::get_name).collect();
        Usage(format!("there is no command {wanted:?}, but {}", names.join(", "))).into()
    })
}

/// The page of `rotadns`, and one for each of its commands.
fn pages() -> impl Iterator<Item = Man> {
    std::iter::once(Cli::command()).chain(commands()).map(page)
}

/// The commands, as they are called in full.
fn commands() -> Vec<Command> {
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    whole.get_subcommands().cloned().collect()
}

fn page(command: Command) -> Man {
    Man::new(command.disable_help_subcommand(true)).section(SECTION).manual("RotaDNS")
}

fn rendered(page: &Man) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    page.render(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(page: &Man) -> String {
        String::from_utf8(rendered(page).expect("memory takes it")).expect("pages are text")
    }

    #[test]
    fn a_page_has_every_flag_of_its_command() {
        for command in commands() {
            let text = text(&page(command.clone())).replace("\\-", "-");
            assert!(text.contains(&format!("rotadns-{}", command.get_name())), "{text}");
            for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(text.contains(&format!("--{flag}")), "{}: {flag}", command.get_name());
            }
        }
    }

    #[test]
    fn the_first_page_leads_to_every_other() {
        let first = text(&page(Cli::command())).replace("\\-", "-");
        for other in pages().skip(1) {
            let name = other.get_filename();
            let reference = name.replace(".8", "(8)");
            assert!(first.contains(&reference), "{reference} is in {first}");
        }
    }

    #[test]
    fn a_command_that_is_not_there_is_told_with_those_that_are() {
        let Err(error) = page_of("serv") else { panic!("there is no such command") };
        assert!(error.is::<Usage>());
        assert!(error.to_string().contains("serve, probe, check"), "{error}");
    }
}
