//! What the operator lets checks use of the machine that probes, and the words for what it does not.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};

use super::Secret;

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

/// What a check names and does not get, and what would have to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A program.
    Program(String),
    /// A variable for a program.
    Variable(String),
    /// A place of a password.
    Secret(Secret),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WHY: &str = "the config file does not allow it; add it";
        match self {
            Self::Program(path) => write!(
                f,
                "`{}` is not run: {WHY}, or its folder, to `prober.exec.allow`",
                path.escape_debug()
            ),
            Self::Variable(name) => write!(
                f,
                "no program is given the variable `{}`: {WHY} to `prober.exec.env`",
                name.escape_debug()
            ),
            Self::Secret(Secret::File(path)) => write!(
                f,
                "the password file {} is not read: {WHY}, or its folder, to `prober.secrets.files`",
                path.to_string_lossy().escape_debug()
            ),
            Self::Secret(Secret::Variable(name)) => write!(
                f,
                "the variable `{}` is not read: {WHY} to `prober.secrets.env`",
                name.escape_debug()
            ),
        }
    }
}
