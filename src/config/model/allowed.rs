//! What the operator lets zones use of the machine that serves or probes, and the words for what it does not.

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
    pub env: Variables,
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
}

/// Variables that are allowed, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(pub Vec<String>);

impl Variables {
    /// Whether this one is.
    #[must_use]
    pub fn allow(&self, name: &str) -> bool {
        self.0.iter().any(|allowed| allowed == name)
    }
}

/// Where checks may take passwords from: else who edits a zone file could have any file of the server's user sent to an address of
/// theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    /// Files, and folders of them; none unless the operator says so.
    pub files: Vec<PathBuf>,
    /// Variables of the environment.
    pub env: Variables,
}

impl Secrets {
    /// Whether a password may be taken from there.
    #[must_use]
    pub fn allows(&self, secret: &Secret) -> bool {
        match secret {
            Secret::File(path) => self.allowed_file(path).is_some(),
            Secret::Variable(name) => self.env.allow(name),
        }
    }

    /// The file that is meant, with links followed, if it may be read.
    #[must_use]
    pub fn allowed_file(&self, path: &Path) -> Option<PathBuf> {
        within(path, self.files.iter().map(PathBuf::as_path))
    }
}

impl Default for Programs {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            env: Variables::default(),
            at_once: NonZeroUsize::new(10).expect("ten is not zero"),
        }
    }
}

/// Which files zones may include: else who edits a zone could have any file of the server's user served, or quoted in a mistake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Includes {
    /// Zone files and folders of them; what a zone file may include is what its folder has.
    pub zones: Vec<PathBuf>,
    /// Files, and folders of them, that the operator allows beside those.
    pub more: Vec<PathBuf>,
}

impl Includes {
    /// The file that is meant, with links followed, if it may be read.
    ///
    /// # Errors
    ///
    /// What would have to be done, where it may not; nothing else is told of it, not even whether it is there.
    pub fn allowed_file(&self, path: &Path) -> Result<PathBuf, Refusal> {
        let folder = |zones: &'_ PathBuf| match zones.parent() {
            Some(folder) if !zones.is_dir() => folder.to_path_buf(),
            _ => zones.clone(),
        };
        let folders: Vec<PathBuf> = self.zones.iter().map(folder).collect();
        let allowed = folders.iter().chain(&self.more).map(PathBuf::as_path);
        within(path, allowed).ok_or(Refusal::Include)
    }
}

/// A path with links followed, if it is one of these files or in one of these folders.
fn within<'p>(path: &Path, mut allowed: impl Iterator<Item = &'p Path>) -> Option<PathBuf> {
    let file = whole(path);
    let is_plain = file.components().all(|part| part != Component::ParentDir);
    (is_plain && allowed.any(|allowed| file.starts_with(whole(allowed)))).then_some(file)
}

/// A path with links followed, as far as there is something: what is not there is judged by the folder where it would be.
fn whole(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let Ok(path) = std::path::absolute(path) else { return path.to_path_buf() };
    for there in path.ancestors() {
        let Ok(found) = there.canonicalize() else { continue };
        return match path.strip_prefix(there) {
            Ok(rest) if rest != Path::new("") => found.join(rest),
            _ => found,
        };
    }
    path
}

/// What a zone names and does not get, and what would have to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A program.
    Program(String),
    /// A variable for a program.
    Variable(String),
    /// A place of a password.
    Secret(Secret),
    /// A file that is included, which whoever tells of it names.
    Include,
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
            Self::Include => write!(
                f,
                "it is outside the folders of zones, and {WHY}, or its folder, to `includes`"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_may_be_included_is_judged_with_links_followed() {
        let top = std::env::temp_dir().join(format!("rotadns-includes-{}", std::process::id()));
        let _ = fs::remove_dir_all(&top);
        for folder in ["zones/sub", "more", "other"] {
            fs::create_dir_all(top.join(folder)).expect("a folder");
        }
        for file in ["zones/a.zone", "zones/sub/b", "more/c", "other/d", "other/z.zone"] {
            fs::write(top.join(file), "x").expect("a file");
        }
        for (to, link) in [
            ("sub/b", "zones/in"),
            ("../other/d", "zones/out"),
            ("../other", "zones/folder"),
            ("../other/gone", "zones/nowhere"),
            ("../zones", "other/back"),
            ("zones", "link"),
        ] {
            symlink(to, top.join(link)).expect("a link");
        }
        let paths = |names: &[&str]| names.iter().map(|name| top.join(name)).collect();
        let includes =
            |zones: &[&str], more: &[&str]| Includes { zones: paths(zones), more: paths(more) };
        let (folder, both) =
            (includes(&["zones"], &[]), includes(&["zones"], &["more", "other/d"]));
        let (linked, file) = (includes(&["link"], &[]), includes(&["zones/a.zone"], &[]));
        for (allowed, path, expected) in [
            (&folder, "zones/sub/b", Some("zones/sub/b")),
            (&folder, "zones/sub/../a.zone", Some("zones/a.zone")),
            (&folder, "zones/in", Some("zones/sub/b")),
            (&folder, "other/back/a.zone", Some("zones/a.zone")),
            (&folder, "zones/gone", Some("zones/gone")),
            (&folder, "zones/gone/gone", Some("zones/gone/gone")),
            (&folder, "zones/out", None),
            (&folder, "zones/folder/d", None),
            (&folder, "zones/folder/gone", None),
            (&folder, "zones/../other/d", None),
            (&folder, "zones/../other/gone", None),
            (&folder, "zones/gone/../../other/d", None),
            (&folder, "zones-2/a", None),
            (&folder, "more/c", None),
            (&folder, "/etc/passwd", None),
            (&both, "zones/a.zone", Some("zones/a.zone")),
            (&both, "zones/../more/c", Some("more/c")),
            (&both, "zones/out", Some("other/d")),
            (&both, "other/z.zone", None),
            (&linked, "link/sub/b", Some("zones/sub/b")),
            (&linked, "link/gone", Some("zones/gone")),
            (&file, "zones/sub/b", Some("zones/sub/b")),
            (&file, "other/d", None),
            (&Includes::default(), "zones/a.zone", None),
        ] {
            let found = allowed.allowed_file(&top.join(path));
            let expected = expected.map(|name| whole(&top.join(name))).ok_or(Refusal::Include);
            assert_eq!(found, expected, "{path} of {allowed:?}");
        }
        fs::remove_dir_all(&top).expect("it is ours");
    }
}
