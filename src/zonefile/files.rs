//! The files that a zone is read from, and where among them a record stands.
//!
//! A record has one number for its place, so that whoever gathers records by the million need not know of
//! files: the line in the zone's own file, and in those that it includes a number beyond its last line.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The file of a zone, then those that it includes, each as often as it is included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(Vec<File>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    path: PathBuf,
    /// What includes it: the file's place in the list, and the line.
    by: Option<(usize, u32)>,
    /// What its lines begin behind.
    base: u32,
}

impl Files {
    pub(super) fn new(path: &Path) -> Self {
        Self(vec![File { path: path.to_path_buf(), by: None, base: 0 }])
    }

    pub(super) fn add(&mut self, path: PathBuf, by: (usize, u32), base: u32) -> usize {
        self.0.push(File { path, by: Some(by), base });
        self.0.len() - 1
    }

    pub(super) fn base(&self, file: usize) -> u32 {
        self.0.get(file).map_or(0, |file| file.base)
    }

    /// The path of a file, as it was opened.
    #[must_use]
    pub fn path(&self, file: usize) -> &Path {
        self.0.get(file).map_or(Path::new(""), |file| &file.path)
    }

    /// The file and the line of a record's [`super::Record::line`].
    #[must_use]
    pub fn find(&self, place: u32) -> (usize, u32) {
        let file = self.0.partition_point(|file| file.base < place).saturating_sub(1);
        (file, place - self.base(file).min(place))
    }

    /// The files that are included, in their order, one that is included again again.
    pub fn included(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().skip(1).map(|file| file.path.as_path())
    }

    /// How a file came to be read, to follow a sentence: ` (included in line 3 of a.zone)`; nothing for the
    /// zone's own.
    #[must_use]
    pub fn told(&self, file: usize) -> String {
        let mut told = String::new();
        let mut next = self.0.get(file).and_then(|file| file.by);
        while let Some((by, line)) = next {
            let opening = if told.is_empty() { " (included" } else { ", that" };
            let _ = write!(told, "{opening} in line {line} of {}", self.path(by).display());
            next = self.0.get(by).and_then(|file| file.by);
        }
        if !told.is_empty() {
            told.push(')');
        }
        told
    }

    /// Whether a file is being read that a new one in `file` would repeat, and how many are open.
    pub(super) fn open(&self, file: usize) -> impl Iterator<Item = &Path> {
        let up = |&file: &usize| self.0.get(file)?.by.map(|(by, _)| by);
        std::iter::successors(Some(file), up).map(|file| self.path(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_and_a_line() {
        let mut files = Files::new(Path::new("z"));
        assert_eq!(files.add("a".into(), (0, 2), 10), 1);
        assert_eq!(files.add("b".into(), (1, 3), 15), 2);
        for (place, expected) in
            [(0, (0, 0)), (1, (0, 1)), (10, (0, 10)), (11, (1, 1)), (15, (1, 5)), (16, (2, 1))]
        {
            assert_eq!(files.find(place), expected, "{place}");
        }
        assert_eq!(files.told(0), "");
        assert_eq!(files.told(2), " (included in line 3 of a, that in line 2 of z)");
    }
}
