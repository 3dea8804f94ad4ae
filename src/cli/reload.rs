//! `rotadns reload`: the server reads its files again and says what that changed, every mistake with it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;

use super::client::To;
use super::screen::{Screen, Tone};
use super::told::{self, Lines, Told, counted};
use crate::admin::model::{Mistake, Reloaded};
use crate::config::files;

/// The flags of `reload`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Take versions that lose most of a zone's names, and folders without files
    #[arg(long)]
    force: bool,
    /// Print what it did as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    to: To,
}

/// Has the files read again; `false` where one has a mistake. Warnings do not count.
pub(super) fn run(flags: &Flags) -> Result<bool> {
    let query: &[_] = if flags.force { &[("force", "true")] } else { &[] };
    let client = flags.to.client()?;
    let shown = client.waiting(flags.json);
    let reloaded: Reloaded = client.reload(query)?;
    drop(shown);
    let told = with_lines(&reloaded.mistakes);
    let mut out = std::io::stdout().lock();
    if flags.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&reloaded)?)?;
    } else {
        out.write_all(text(&reloaded, &told, Screen::of_stdout()).as_bytes())?;
    }
    out.flush()?;
    Ok(!told.iter().any(Told::is_error))
}

/// The mistakes with the lines that they are about, where the server's files can be read here.
fn with_lines(mistakes: &[Mistake]) -> Vec<Told> {
    let mut numbers: HashMap<&str, Vec<u32>> = HashMap::new();
    for mistake in mistakes {
        numbers.entry(&mistake.file).or_default().push(mistake.line);
    }
    let texts: HashMap<&str, String> = numbers
        .keys()
        .filter(|file| files::is_zone_file(Path::new(file)))
        .filter_map(|file| {
            let bytes = files::read_file(Path::new(file)).ok()?;
            Some((*file, String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect();
    let lines: HashMap<&str, Lines<'_>> = numbers
        .into_iter()
        .map(|(file, numbers)| (file, Lines::of(texts.get(file).map_or("", |text| text), numbers)))
        .collect();
    mistakes.iter().map(|mistake| Told::of_server(mistake, &lines[&*mistake.file])).collect()
}

fn text(reloaded: &Reloaded, told: &[Told], screen: Screen) -> String {
    let mut text = String::new();
    for (what, tone, zones) in [
        ("added", Tone::Good, &reloaded.added),
        ("changed", Tone::Odd, &reloaded.changed),
        ("removed", Tone::Bad, &reloaded.removed),
    ] {
        for zone in zones {
            let what = screen.paint(tone, &format!("{what:<9}"));
            let _ = writeln!(text, "{what}{}", screen.paint(Tone::Plain, zone));
        }
    }
    let _ = writeln!(text, "{} unchanged", counted(reloaded.unchanged as usize, "zone"));
    if told.is_empty() {
        return text;
    }
    let _ = write!(text, "\n{}", told::human(told, screen.is_coloured()));
    let errors = told.iter().filter(|told| told.is_error()).count();
    let warnings = counted(told.len() - errors, "warning");
    let _ = writeln!(text, "{}, {warnings}", counted(errors, "mistake"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::model::Severity;

    #[test]
    fn what_changed_stands_above_every_mistake() {
        let folder = std::env::temp_dir().join(format!("rotadns-reload-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let file = folder.join("c.example.yaml").display().to_string();
        std::fs::write(&file, "zone: c.example\nttl: soon\n").expect("a file can be written");
        let mistake = |file: &str, line, severity| Mistake {
            file: file.into(),
            line,
            column: 6,
            width: 4,
            severity,
            message: "it is wrong\u{1b}".into(),
        };
        let reloaded = Reloaded {
            added: vec!["a.example.".into()],
            changed: vec!["b.example.".into()],
            removed: Vec::new(),
            unchanged: 1,
            mistakes: vec![
                mistake(&file, 2, Severity::Error),
                mistake("elsewhere/d.example.yaml", 7, Severity::Warning),
            ],
        };
        let told = with_lines(&reloaded.mistakes);
        let text = text(&reloaded, &told, Screen::plain(Some(80)));
        let expected = "\
added    a.example.
changed  b.example.
1 zone unchanged

error: it is wrong\\u{1b}
  ╭▸ FOLDER/c.example.yaml:2:6
  │
2 │ ttl: soon
  ╰╴     ━━━━

warning: it is wrong\\u{1b}
 ─▸ elsewhere/d.example.yaml:7:6

1 mistake, 1 warning
";
        let _ = std::fs::remove_dir_all(&folder);
        assert_eq!(text.replace(&folder.display().to_string(), "FOLDER"), expected);
    }
}
