//! Overrides over a restart: the file `overrides` in the state folder, a JSON object a line.
//!
//! It is written whole, beside the old one and renamed over it, and is on the disk when a call returns: a
//! server that is killed has either the old set or the new.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::error;

use super::persist::{Durability, replace};
use crate::health::backend::BackendKey;
use crate::health::overrides::{Hand, OVERRIDES_MAX, Override, Overrides};

/// The file, and what stood in it at the start.
#[derive(Debug, Default)]
pub struct Kept {
    /// `None` where nothing shall be written.
    file: Option<PathBuf>,
    overrides: Overrides,
}

/// One override, as a line.
#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    state: State,
    author: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    since: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Up,
    Down,
    Drain,
}

impl Kept {
    /// Those of a state folder that have not ended; none where there is no such file.
    ///
    /// A file that is there and cannot be read is an error: what is in it would be overwritten. A server
    /// that goes on without it takes [`Kept::default`], which forgets at the end. A line that makes no sense costs
    /// itself alone; it is told, and the file is copied before it is lost.
    pub fn load(state: &Path, now: u64) -> io::Result<Self> {
        let file = state.join("overrides");
        let bytes = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let mut found = Vec::new();
        let mut is_whole = true;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if line.is_empty() {
                continue;
            }
            match read(line) {
                Ok(set) if set.is_over(now) => {}
                Ok(_) if found.len() >= OVERRIDES_MAX => {
                    is_whole = false;
                    let file = file.display();
                    error!(
                        "{file}:{number}: at most {OVERRIDES_MAX} overrides are taken; the rest is left out"
                    );
                    break;
                }
                Ok(set) => found.push(set),
                Err(why) => {
                    is_whole = false;
                    let file = file.display();
                    error!(
                        "{file}:{number}: an override cannot be read, and is not in force: {why}"
                    );
                }
            }
        }
        let overrides = found.into_iter().collect();
        if !is_whole && let Err(why) = fs::copy(&file, state.join("overrides.bad")) {
            let file = file.display();
            error!(
                "{file}: cannot be copied, so it is left as it is, and new overrides are not kept: {why}"
            );
            return Ok(Self { file: None, overrides });
        }
        Ok(Self { file: Some(file), overrides })
    }

    /// What stood in the file at the start.
    pub(super) fn take(&mut self) -> Overrides {
        std::mem::take(&mut self.overrides)
    }

    /// Keeps these and no others. They are on the disk when this returns.
    pub(super) fn keep(&self, all: &Overrides) -> io::Result<()> {
        let Some(file) = &self.file else {
            let why = "the file could not be read whole at the start, and is left as it is";
            return Err(io::Error::other(why));
        };
        let mut text = String::new();
        for set in all.iter() {
            text.push_str(&serde_json::to_string(&Line::of(set)).map_err(io::Error::other)?);
            text.push('\n');
        }
        replace(file, text.as_bytes(), Durability::OnDisk)
    }
}

impl Line {
    fn of(set: &Override) -> Self {
        Self {
            key: set.key.to_string(),
            state: match set.hand {
                Hand::Up => State::Up,
                Hand::Down => State::Down,
                Hand::Drain => State::Drain,
            },
            author: set.author.to_string(),
            reason: set.reason.as_deref().map(str::to_owned),
            since: set.since,
            until: set.until,
        }
    }
}

fn read(line: &[u8]) -> Result<Override, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let key = BackendKey::parse(&line.key)
        .ok_or_else(|| format!("`{}` is not ZONE/POOL/BACKEND", line.key))?;
    let hand = match line.state {
        State::Up => Hand::Up,
        State::Down => Hand::Down,
        State::Drain => Hand::Drain,
    };
    Ok(Override {
        key,
        hand,
        author: line.author.into(),
        reason: line.reason.map(Arc::from),
        since: line.since,
        until: line.until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::persist::tests::Folder;

    fn set(key: &str, hand: Hand, until: Option<u64>) -> Override {
        Override {
            key: BackendKey::parse(key).expect("three parts"),
            hand,
            author: "anna".into(),
            reason: Some("a \"quoted\"\nreason".into()),
            since: 5,
            until,
        }
    }

    fn load(folder: &Folder, now: u64) -> Overrides {
        Kept::load(&folder.0, now).expect("it can be read").take()
    }

    #[test]
    fn what_is_kept_is_found_again_until_it_ends() {
        let folder = Folder::new("overrides");
        let all: Overrides = [
            set("z/p/a", Hand::Drain, Some(1000)),
            set("z/*.p/b", Hand::Up, None),
            set("0/25.2.0.192.in-addr.arpa/p/c", Hand::Down, Some(2000)),
        ]
        .into_iter()
        .collect();
        Kept::load(&folder.0, 0).expect("nothing is there").keep(&all).expect("it can be written");
        assert_eq!(load(&folder, 999), all);
        assert_eq!(load(&folder, 1000).len(), 2, "its time is over");
        assert_eq!(load(&folder, 9999).len(), 1);
    }

    #[test]
    fn a_write_that_did_not_end_leaves_the_old_set() {
        let folder = Folder::new("torn");
        let all: Overrides = [set("z/p/a", Hand::Drain, None)].into_iter().collect();
        let kept = Kept::load(&folder.0, 0).expect("nothing is there");
        kept.keep(&all).expect("it can be written");
        // Killed before the rename.
        fs::write(folder.0.join("overrides.new"), "{\"key\":\"z/p").expect("a file");
        assert_eq!(load(&folder, 0), all);
    }

    #[test]
    fn a_line_that_makes_no_sense_costs_itself_alone_and_is_kept_aside() {
        let folder = Folder::new("broken-overrides");
        fs::create_dir_all(&folder.0).expect("a folder");
        let fine = "{\"key\":\"z/p/a\",\"state\":\"drain\",\"author\":\"anna\",\"since\":5}\n";
        let text = format!("\u{0}\n{fine}{}\n{{\"key\":\"z/p/b\"", fine.replace("z/p/a", "web-1"));
        fs::write(folder.0.join("overrides"), &text).expect("a file");
        let names: Vec<String> = load(&folder, 0).iter().map(|set| set.key.to_string()).collect();
        assert_eq!(names, ["z/p/a"]);
        let aside = fs::read_to_string(folder.0.join("overrides.bad")).expect("it was copied");
        assert_eq!(aside, text);
    }

    #[test]
    fn a_broken_file_that_cannot_be_put_aside_is_not_overwritten() {
        let folder = Folder::new("not-aside");
        fs::create_dir_all(folder.0.join("overrides.bad")).expect("a folder in the copy's place");
        fs::write(folder.0.join("overrides"), "{").expect("a file");
        let kept = Kept::load(&folder.0, 0).expect("it can be read");
        kept.keep(&Overrides::default()).expect_err("it would be lost");
        assert_eq!(fs::read_to_string(folder.0.join("overrides")).expect("it is there"), "{");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_and_is_not_overwritten() {
        let folder = Folder::new("unread-overrides");
        fs::create_dir_all(folder.0.join("overrides")).expect("a folder in the file's place");
        Kept::load(&folder.0, 0).expect_err("it is no file");
        Kept::default().keep(&Overrides::default()).expect_err("there is no file to write");
        assert!(folder.0.join("overrides").is_dir());
    }
}
