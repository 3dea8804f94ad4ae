//! How far a start has come, or a command that reads zones: told by who does the work, for whoever shows it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How far it has come. What nobody looks at costs a lock a file.
#[derive(Debug, Default)]
pub struct Progress(Mutex<At>);

/// What is being done, and how much of it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// It has begun.
    #[default]
    Begin,
    /// Zone files are read.
    Files {
        /// How many have been.
        done: usize,
        /// How many there are.
        of: usize,
        /// How many names the zones of those that have been read hold.
        names: usize,
    },
    /// What zones say of each other is looked at, and they are published.
    Together,
    /// Targets are checked for the first time.
    Checks {
        /// How many have had an outcome, or can have none.
        done: usize,
        /// How many there are.
        of: usize,
    },
    /// There is nothing more to wait for.
    End,
}

impl Progress {
    /// So many files are about to be read.
    pub fn files(&self, of: usize) {
        *self.lock() = At::Files { done: 0, of, names: 0 };
    }

    /// One more file has been read, whose zone holds so many names.
    pub fn file(&self, more: usize) {
        if let At::Files { done, names, .. } = &mut *self.lock() {
            *done += 1;
            *names += more;
        }
    }

    /// All files have been read.
    pub fn together(&self) {
        *self.lock() = At::Together;
    }

    /// So many targets have been checked.
    pub fn checks(&self, done: usize, of: usize) {
        *self.lock() = At::Checks { done, of };
    }

    /// It is over.
    pub fn end(&self) {
        *self.lock() = At::End;
    }

    /// How far it is now.
    #[must_use]
    pub fn at(&self) -> At {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, At> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
