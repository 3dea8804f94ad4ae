//! When files are read that something happened to: once they are quiet, each for itself.
//!
//! ```text
//! a file that is closed, or renamed to its name    WHOLE after the last that happened to it
//! one that may still be written, or is gone        OPEN after it: an editor writes in several steps
//! all of them                                      when each has been quiet
//! one that is never quiet                          LATEST after the first
//! ```
//!
//! Time comes in as an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::reload::Reload;
use super::watch::{Noticed, Sign};

/// How long a file is left alone that is whole: what is written at once comes in one round.
const WHOLE: Duration = Duration::from_millis(10);
/// How long one is left alone that may be half of what it shall be.
const OPEN: Duration = Duration::from_millis(100);
/// A file that is never quiet is read all the same after this.
const LATEST: Duration = Duration::from_secs(1);

/// What waits for quiet.
#[derive(Default)]
pub(super) struct Quiet {
    /// Who waits for all files to be looked at.
    heard: Vec<Reload>,
    all: Option<Wait>,
    files: BTreeMap<OsString, Wait>,
}

/// What is to be looked at now.
pub(super) enum Settled {
    /// All files, and who wants to know what came of it.
    All(Vec<Reload>),
    /// The files of these names.
    Some(BTreeSet<OsString>),
}

/// How long something waits.
#[derive(Clone, Copy, Debug)]
struct Wait {
    is_open: bool,
    /// If nothing more happens.
    quiet: Instant,
    /// Whatever happens.
    latest: Instant,
}

impl Wait {
    /// After one more thing happened.
    fn after(before: Option<Self>, sign: Sign, now: Instant) -> Self {
        let is_open = match sign {
            Sign::Open => true,
            Sign::Whole => false,
            Sign::AsBefore => before.is_some_and(|before| before.is_open),
        };
        let quiet = now + if is_open { OPEN } else { WHOLE };
        let latest = before.map_or(now + LATEST, |before| before.latest);
        Self { is_open, quiet, latest }
    }

    fn due(self) -> Instant {
        self.quiet.min(self.latest)
    }
}

impl Quiet {
    /// Has all files looked at soon, for somebody who wants to know what comes of it.
    pub(super) fn hear(&mut self, wish: Reload, now: Instant) {
        self.notice(Noticed::Any(Sign::Whole), now);
        self.heard.push(wish);
    }

    /// Something happened to files.
    pub(super) fn notice(&mut self, noticed: Noticed, now: Instant) {
        match noticed {
            // Who knows of no file cannot know that the others are whole.
            Noticed::Any(sign) => {
                let is_open = self.all.is_some_and(|all| all.is_open) || sign == Sign::Open;
                let sign = if is_open { Sign::Open } else { Sign::Whole };
                self.all = Some(Wait::after(self.all, sign, now));
            }
            Noticed::File(name, sign) => {
                let before = self.files.get(&name).copied();
                self.files.insert(name, Wait::after(before, sign, now));
            }
        }
    }

    /// When something is to be looked at, if nothing more happens.
    pub(super) fn due(&self) -> Option<Instant> {
        let files = self.files.values().copied().map(Wait::due);
        match self.all {
            Some(all) => Some(files.fold(all.quiet, Instant::max).min(all.latest)),
            None => files.min(),
        }
    }

    /// Takes what is to be looked at now.
    pub(super) fn take_settled(&mut self, now: Instant) -> Option<Settled> {
        self.due().filter(|due| *due <= now)?;
        if self.all.take().is_some() {
            self.files.clear();
            return Some(Settled::All(std::mem::take(&mut self.heard)));
        }
        let mut names = BTreeSet::new();
        self.files.retain(|name, wait| {
            // What is whole waits for company alone.
            let is_taken = !wait.is_open || wait.due() <= now;
            if is_taken {
                names.insert(name.clone());
            }
            !is_taken
        });
        Some(Settled::Some(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is to be looked at after what happened: `MILLISECOND FILE SIGN`, where the sign is `w`hole, `o`pen or `a`s before
    /// and the file `*` is any. Each is `MILLISECOND FILE FILE ...`.
    fn looked_at(happened: &str) -> String {
        let began = begin();
        let mut quiet = Quiet::default();
        let mut happened = happened.split(", ").map(|one| {
            let mut words = one.split(' ');
            let mut word = || words.next().expect("three words");
            let (at, name): (u64, &str) = (word().parse().expect("a number"), word());
            let sign = match word() {
                "w" => Sign::Whole,
                "o" => Sign::Open,
                _ => Sign::AsBefore,
            };
            let any = name == "*";
            let noticed = if any { Noticed::Any(sign) } else { Noticed::File(name.into(), sign) };
            (at, noticed)
        });
        let mut next = happened.next();
        let mut looked_at = Vec::new();
        for at in 0..3000 {
            let now = began + Duration::from_millis(at);
            while let Some((_, noticed)) = next.take_if(|(time, _)| *time == at) {
                quiet.notice(noticed, now);
                next = happened.next();
            }
            looked_at.extend(quiet.take_settled(now).map(|settled| match settled {
                Settled::All(_) => format!("{at} *"),
                Settled::Some(names) => {
                    let names: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
                    format!("{at} {}", names.join(" "))
                }
            }));
        }
        looked_at.join(", ")
    }

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn begin() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_file_is_read_when_it_is_whole_or_was_left_alone() {
        for (happened, expected) in [
            // Written in its place: opened, cut, written, closed.
            ("0 a o, 1 a o, 2 a w", "12 a"),
            // Half of it, and no more for a while.
            ("0 a o", "100 a"),
            ("0 a o, 50 a o", "150 a"),
            // Copied with its attributes, which come before the end.
            ("0 a o, 1 a a, 2 a w", "12 a"),
            ("0 a o, 1 a a", "101 a"),
            ("0 a a", "10 a"),
            // An editor that moves the old one away, and writes a new one.
            ("0 a o, 1 a o, 60 a o, 61 a w", "71 a"),
            // Renamed to its name.
            ("0 a w", "10 a"),
            // Gone, and back: no zone is taken away between.
            ("0 a o, 40 a w", "50 a"),
        ] {
            assert_eq!(looked_at(happened), expected, "{happened}");
        }
    }

    #[test]
    fn no_file_waits_for_another() {
        for (happened, expected) in [
            ("0 a o, 5 b w", "15 b, 100 a"),
            ("0 a w, 15 b w", "10 a, 25 b"),
            ("0 a w, 5 b w", "10 a b"),
        ] {
            assert_eq!(looked_at(happened), expected, "{happened}");
        }
    }

    #[test]
    fn all_files_wait_for_each() {
        for (happened, expected) in [
            ("0 * w", "10 *"),
            ("0 * o", "100 *"),
            ("0 * o, 20 * w", "120 *"),
            ("0 a o, 5 * w", "100 *"),
            ("0 * w, 5 a o, 50 a o", "150 *"),
            ("0 * w, 5 a o", "105 *"),
        ] {
            assert_eq!(looked_at(happened), expected, "{happened}");
        }
    }

    #[test]
    fn what_is_never_quiet_is_read_all_the_same() {
        let on_and_on: Vec<String> = (0..30).map(|step| format!("{} a o", step * 50)).collect();
        assert_eq!(looked_at(&on_and_on.join(", ")), "1000 a, 1550 a");
        let with_all = format!("{}, 1460 b o", on_and_on.join(", ").replacen(" a o", " * o", 1));
        assert_eq!(looked_at(&with_all), "1000 *, 1550 a, 1560 b");
    }
}
