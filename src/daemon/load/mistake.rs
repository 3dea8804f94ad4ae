//! A mistake of any file as a value: where, how bad, and the sentence. Whose reader found it matters no more.

use std::path::{Path, PathBuf};

use tracing::{error, warn};

use crate::config::{ConfigError, Severity};
use crate::zone::build;
use crate::zonefile;

/// A mistake in a file, whatever its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, or the folder.
    pub file: PathBuf,
    /// From 1; 0 is the whole file, and then so are column and width.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// In characters; 0 where something is missing.
    pub width: u32,
    /// Whether the file is served all the same.
    pub severity: Severity,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Mistake {
    /// Of a file as such.
    #[must_use]
    pub fn whole(file: &Path, message: String) -> Self {
        let file = file.to_path_buf();
        Self { file, line: 0, column: 0, width: 0, severity: Severity::Error, message }
    }

    /// Of a master file's text, or that of a file that it includes.
    #[must_use]
    pub fn of_master_file(files: &zonefile::Files, mistake: &zonefile::Mistake) -> Self {
        Self {
            file: files.path(mistake.file).to_path_buf(),
            line: mistake.line,
            column: mistake.column,
            width: mistake.width,
            severity: Severity::Error,
            message: format!("{}{}", mistake.problem, files.told(mistake.file)),
        }
    }

    /// Of the records of a master file and of those that it includes together.
    #[must_use]
    pub fn of_master_records(files: &zonefile::Files, mistake: &build::Mistake) -> Self {
        Self::of_records(files.path(0), mistake).found_in(files)
    }

    /// The same at its place, where the line is one that [`zonefile::Files::find`] knows.
    #[must_use]
    pub fn found_in(self, files: &zonefile::Files) -> Self {
        let (file, line) = files.find(self.line);
        let message = format!("{}{}", self.message, files.told(file));
        Self { file: files.path(file).to_path_buf(), line, message, ..self }
    }

    /// Of the records of a file together.
    #[must_use]
    pub fn of_records(file: &Path, mistake: &build::Mistake) -> Self {
        // Our own format has been judged by its lines before; what is found here is about the whole.
        let at_line = mistake.line.min(1);
        let is_warning = mistake.problem.is_warning();
        Self {
            file: file.to_path_buf(),
            line: mistake.line,
            column: at_line,
            width: at_line,
            severity: if is_warning { Severity::Warning } else { Severity::Error },
            message: format!("`{}`: {}", mistake.owner, mistake.problem),
        }
    }

    pub(super) fn log(&self) {
        let Self { line, column, message, .. } = self;
        let file = self.file.display();
        let place = if *line == 0 { String::new() } else { format!("{line}:{column}:") };
        match self.severity {
            Severity::Error => error!("{file}:{place} {message}"),
            Severity::Warning => warn!("{file}:{place} {message}"),
        }
    }
}

impl From<ConfigError> for Mistake {
    fn from(mistake: ConfigError) -> Self {
        Self {
            line: mistake.at.line,
            column: mistake.at.column,
            width: mistake.at.width,
            severity: mistake.severity,
            message: mistake.problem.to_string(),
            file: mistake.file,
        }
    }
}
