//! What of the file system a thread, and all that it starts, may open from some moment on: Landlock, where the kernel has it.
//!
//! Nothing may be executed then, and what is open stays open. It holds for threads and not for the process, so the one that closes
//! it starts the others afterwards.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _,
    RulesetError, make_bitflags,
};

/// The least that counts as a sandbox, of Linux 5.19: before, nothing could be renamed from one folder to another.
const LEAST: ABI = ABI::V2;
/// What is asked for where the kernel has it, of Linux 6.10: no file is cut off, and no device is steered.
const MOST: ABI = ABI::V5;

/// Folders, with all that is in them, and files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// What may be read.
    pub read: Vec<PathBuf>,
    /// Folders where files may be made, changed and removed too, and sockets made.
    pub write: Vec<PathBuf>,
}

/// A sandbox that threads can step into.
#[derive(Debug)]
pub struct Sandbox(RulesetCreated);

/// What can be read since one was closed, with links followed.
static OPEN: OnceLock<Vec<PathBuf>> = OnceLock::new();

impl Sandbox {
    /// One that leaves these paths open; of those that are not there yet, nothing is open.
    ///
    /// # Errors
    ///
    /// The kernel has no Landlock, or not enough of it.
    pub fn new(paths: &Paths) -> io::Result<Self> {
        let mut ruleset = ruleset().map_err(io::Error::other)?;
        let reading = make_bitflags!(AccessFs::{ReadFile | ReadDir});
        let writing = reading
            | make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | MakeDir | MakeSock})
            | make_bitflags!(AccessFs::{RemoveFile | RemoveDir | Refer});
        let read = paths.read.iter().map(|path| (path, reading));
        let write = paths.write.iter().map(|path| (path, writing));
        for (path, access) in read.chain(write) {
            ruleset = open(ruleset, path, access)?;
        }
        Ok(Self(ruleset))
    }

    /// Closes it around this thread and those that it will start, for good. Gives the version of Landlock that holds.
    pub fn close(&self) -> io::Result<String> {
        let status = self.0.try_clone()?.restrict_self().map_err(io::Error::other)?;
        Ok(match status.landlock {
            LandlockStatus::Available { effective_abi, .. } => format!("{effective_abi:?}"),
            _ => String::new(),
        })
    }
}

/// Remembers what stays open, for [`explained`].
pub fn note(paths: &Paths) {
    let all = paths.read.iter().chain(&paths.write);
    // Only the first is kept: a sandbox closes once.
    let _ = OPEN.set(all.filter_map(|path| fs::canonicalize(path).ok()).collect());
}

/// The error of opening a path, and what to do about it where it is for the sandbox.
#[must_use]
pub fn explained(path: &Path, error: io::Error) -> io::Error {
    let Some(open) = OPEN.get() else { return error };
    if error.kind() != io::ErrorKind::PermissionDenied || is_within(path, open) {
        return error;
    }
    io::Error::new(
        error.kind(),
        "permission denied: it is outside of what the sandbox left open at the start; a restart opens what the files name then",
    )
}

/// Whether a path, or where it would be, is below one of these.
fn is_within(path: &Path, open: &[PathBuf]) -> bool {
    let there = path.ancestors().find_map(|path| fs::canonicalize(path).ok());
    there.is_some_and(|there| open.iter().any(|open| there.starts_with(open)))
}

fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(LEAST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(MOST))?
        .create()
}

/// Adds a path, if it is there.
fn open(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> io::Result<RulesetCreated> {
    let (Ok(place), Ok(found)) = (PathFd::new(path), fs::metadata(path)) else {
        return Ok(ruleset);
    };
    let access = if found.is_dir() { access } else { access & AccessFs::from_file(MOST) };
    ruleset.add_rule(PathBeneath::new(place, access)).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_in_a_sandbox_opens_what_was_left_open_and_executes_nothing() {
        let folder = std::env::temp_dir().join(format!("rotadns-sandbox-{}", std::process::id()));
        let [inside, state, outside] = ["zones", "state", "other"].map(|name| folder.join(name));
        for place in [&inside, &state, &outside] {
            fs::create_dir_all(place).expect("a folder");
            fs::write(place.join("file"), "x").expect("a file");
        }
        std::os::unix::fs::symlink(outside.join("file"), inside.join("out")).expect("a link");
        let paths = Paths {
            read: vec![inside.clone(), folder.join("not there")],
            write: vec![state.clone()],
        };
        let sandbox = match Sandbox::new(&paths) {
            Ok(sandbox) => sandbox,
            Err(error) => {
                eprintln!("NOT CHECKED: this kernel has no Landlock: {error}");
                return;
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(sandbox.close().expect("it is there").starts_with('V'));
                let reads = |path: &Path| fs::read_to_string(path).map_err(|error| error.kind());
                let denied = Err(io::ErrorKind::PermissionDenied);
                assert_eq!(reads(&inside.join("file")).as_deref(), Ok("x"));
                assert_eq!(reads(&outside.join("file")), denied);
                assert_eq!(reads(&inside.join("out")), denied, "links are followed");
                fs::write(state.join("new"), "y").expect("it may be written");
                fs::rename(state.join("new"), state.join("file")).expect("and replaced");
                for place in [inside.join("new"), outside.join("new")] {
                    let error = fs::write(place, "z").expect_err("it may be read at most");
                    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
                }
                let ran = std::process::Command::new("/bin/true").status();
                let refused = ran.map(|_| ()).map_err(|error| error.kind());
                assert_eq!(refused, Err(io::ErrorKind::PermissionDenied));
            });
        });
        // It was that thread alone.
        assert_eq!(fs::read_to_string(outside.join("file")).expect("it is ours"), "x");
        fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn an_error_says_when_it_is_for_the_sandbox() {
        let folder = std::env::temp_dir().join(format!("rotadns-open-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let open = [fs::canonicalize(&folder).expect("it is there")];
        for (path, expected) in [
            (folder.join("file"), true),
            (folder.join("not/there"), true),
            (folder.join("../other"), false),
            ("/etc/shadow".into(), false),
        ] {
            assert_eq!(is_within(&path, &open), expected, "{}", path.display());
        }
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
