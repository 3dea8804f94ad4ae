//! Whether a file may have changed since it was read, as far as the file system tells.
//!
//! ```text
//! size, place, times   last change           the file
//! any differs          any                   is read again
//! the same             long before the look  is as it was
//! the same             just before the look  is read again: a write within one tick of the clock leaves no trace
//! ```

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a file must have been left alone for its times to tell it from a later one: file systems count in steps of up to
/// two seconds, and those of other machines by other clocks.
pub(super) const SETTLED: Duration = Duration::from_secs(3);

/// What the file system tells of a file at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// The same; nobody can set it back.
    changed: (i64, i64),
}

impl Stamp {
    /// That of what stands at a path now, links followed; `None` where there is nothing.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether a later change would show, when this was taken at `now`.
    fn is_settled(&self, now: Duration, settled: Duration) -> bool {
        let changed = Duration::from_secs(self.changed.0.try_into().unwrap_or_default());
        changed + settled < now
    }
}

/// What the file system told of a zone's files before they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamps {
    /// The zone's own first; `None` where a later change may not show.
    files: Vec<Option<Stamp>>,
}

impl Stamps {
    /// Notes the next file, before it is read.
    pub(super) fn add(&mut self, path: &Path, settled: Duration) {
        let stamp = Stamp::of(path);
        self.files.push(stamp.filter(|stamp| stamp.is_settled(now(), settled)));
    }

    /// Whether all of these files are as they were, in the order in which they were noted.
    pub(super) fn are_of<'p>(&self, paths: impl IntoIterator<Item = &'p Path>) -> bool {
        let mut known = self.files.iter();
        let is_same =
            |path| known.next().is_some_and(|known| known.is_some() && *known == Stamp::of(path));
        !self.files.is_empty() && paths.into_iter().all(is_same)
    }
}

#[expect(clippy::disallowed_methods, reason = "the times of files are of the wall clock")]
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_touched_is_not_as_it_was() {
        let folder = std::env::temp_dir().join(format!("rotadns-stamps-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let [own, other] = ["own", "other"].map(|name| folder.join(name));
        let stamps = |settled| {
            fs::write(&own, "1").expect("a file");
            fs::write(&other, "1").expect("a file");
            let mut stamps = Stamps::default();
            stamps.add(&own, settled);
            stamps.add(&other, settled);
            stamps
        };
        let both = [&*own, &*other];
        assert!(!Stamps::default().are_of([&*own]), "nothing is known");
        assert!(!stamps(SETTLED).are_of(both), "a later change might not show");
        assert!(stamps(Duration::ZERO).are_of(both));
        assert!(!stamps(Duration::ZERO).are_of([&*other, &*own]));
        assert!(!stamps(Duration::ZERO).are_of([&*own, &*other, &*own]));
        let known = stamps(Duration::ZERO);
        fs::write(&other, "22").expect("a file");
        assert!(!known.are_of(both), "it is longer");
        let known = stamps(Duration::ZERO);
        fs::copy(&other, folder.join("new")).expect("a copy");
        fs::rename(folder.join("new"), &other).expect("in one folder");
        assert!(!known.are_of(both), "it is another file");
        let known = stamps(Duration::ZERO);
        fs::remove_file(&other).expect("it is there");
        assert!(!known.are_of(both), "it is gone");
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
