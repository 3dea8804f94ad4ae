//! What an operator says of probers: how their reports make one verdict, and what holds when they fall silent.

use std::num::{NonZeroU8, NonZeroU16, NonZeroUsize};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::Secret;

/// The most probers that a server listens to, the one inside among them.
pub const PROBERS_MAX: usize = 16;
/// The name of the prober inside a server, which none beside can have.
pub const INSIDE: &str = "inside";
/// The longest name of a prober.
pub const PROBER_NAME_MAX: usize = 63;

/// How many probers must find a target up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Quorum {
    /// One.
    Any,
    /// As many as find it down, or more.
    #[default]
    Majority,
    /// Each that has judged it.
    All,
    /// So many, or all that have judged it where they are fewer.
    AtLeast(NonZeroU8),
}

/// What holds while no prober is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnProberLoss {
    /// What they said last; after a while the server probes itself.
    #[default]
    Hold,
    /// What the server finds, which probes itself at once.
    Probe,
    /// Every address is in service.
    Open,
}

/// Which programs checks may run, and how many at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    /// Programs, and folders of them; none unless the operator says so.
    pub allow: Vec<PathBuf>,
    /// The variables that checks may set for them: some make an interpreter run what they say.
    pub env: Vec<String>,
    /// The most that run at once; others wait.
    pub at_once: NonZeroUsize,
}

impl Programs {
    /// Whether a program may be run, by its path as it is written.
    #[must_use]
    pub fn allows(&self, program: &str) -> bool {
        let program = Path::new(program);
        let is_plain = program.components().all(|part| part != Component::ParentDir);
        is_plain && self.allow.iter().any(|allowed| program.starts_with(allowed))
    }

    /// Whether checks may set a variable.
    #[must_use]
    pub fn allows_variable(&self, name: &str) -> bool {
        self.env.iter().any(|allowed| allowed == name)
    }
}

/// Where checks may take passwords from: else who edits a zone file could have any file of the server's user sent to an address of
/// theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Files, and folders of them; none unless the operator says so.
    pub files: Vec<PathBuf>,
    /// Variables of the environment.
    pub env: Vec<String>,
}

impl Secrets {
    /// Whether a password may be taken from there.
    #[must_use]
    pub fn allows(&self, secret: &Secret) -> bool {
        match secret {
            Secret::File(path) => self.allowed_file(path).is_some(),
            Secret::Variable(name) => self.allows_variable(name),
        }
    }

    /// The file that is meant, with links followed, if it may be read. One that is not there is judged as it is written.
    #[must_use]
    pub fn allowed_file(&self, path: &Path) -> Option<PathBuf> {
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let file = whole(path);
        let is_plain = file.components().all(|part| part != Component::ParentDir);
        let is_allowed = self.files.iter().any(|allowed| file.starts_with(whole(allowed)));
        (is_plain && is_allowed).then_some(file)
    }

    /// Whether a variable may be read.
    #[must_use]
    pub fn allows_variable(&self, name: &str) -> bool {
        self.env.iter().any(|allowed| allowed == name)
    }
}

impl Default for Programs {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            env: Vec::new(),
            at_once: NonZeroUsize::new(10).expect("ten is not zero"),
        }
    }
}

/// When a prober is taken as cut off, so that what it says of most targets is held as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// When more than this part of what it found up has fallen, in parts of a thousand.
    pub share: u16,
    /// And so many targets at least.
    pub targets: NonZeroU16,
    /// Within this time.
    pub window: Duration,
    /// After this it is believed.
    pub hold_max: Duration,
}

impl Default for Isolation {
    fn default() -> Self {
        Self {
            share: 500,
            targets: NonZeroU16::new(8).expect("eight is not zero"),
            window: Duration::from_secs(30),
            hold_max: Duration::from_secs(120),
        }
    }
}

/// Whether a prober can have this name: letters, digits, `.`, `_` and `-`.
#[must_use]
pub fn is_prober_name(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=PROBER_NAME_MAX).contains(&text.len()) && text.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_log_line_and_a_label() {
        for name in ["a", "probe-1", "eu.west_1", "inside", &"x".repeat(63)] {
            assert!(is_prober_name(name), "{name}");
        }
        for name in ["", "a b", "a/b", "ä", "a\n", "\"", &"x".repeat(64)] {
            assert!(!is_prober_name(name), "{name}");
        }
    }
}
