//! Checks over other checks.

use std::sync::Arc;

use super::{Check, CheckKind};

/// Several checks made into one: of the others only what they ask counts, not when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeveralChecks {
    /// How many of them must pass: 1 is any, their number all.
    pub least: u8,
    /// At least one, none of them by push.
    pub of: Vec<Arc<Check>>,
}

impl CheckKind {
    /// The plain ones that it is made of, itself if it is plain.
    #[must_use]
    pub fn plain(&self) -> Vec<&Self> {
        match self {
            Self::Several(several) => {
                several.of.iter().flat_map(|part| part.kind.plain()).collect()
            }
            _ => vec![self],
        }
    }
}

impl SeveralChecks {
    /// The most probes that one check makes: as many sockets may be open for each target.
    pub const PROBES_MAX: usize = 32;
    /// How deep checks stand within checks at most, the plain ones not counted.
    pub const DEPTH_MAX: usize = 4;

    /// The same for a backend of this name, if it changes a part.
    pub(super) fn for_backend(&self, name: &str) -> Option<Self> {
        let named: Vec<_> = self.of.iter().map(|part| part.kind.for_backend(name)).collect();
        if named.iter().all(Option::is_none) {
            return None;
        }
        let of = self.of.iter().zip(named).map(|(part, named)| match named {
            Some(kind) => Arc::new(Check { kind, ..Check::clone(part) }),
            None => Arc::clone(part),
        });
        Some(Self { least: self.least, of: of.collect() })
    }

    /// How many probes it makes.
    #[must_use]
    pub fn probes(&self) -> usize {
        self.of.iter().map(|part| part.kind.plain().len()).sum()
    }

    /// How deep checks stand within checks; 1 where all parts are plain.
    #[must_use]
    pub fn depth(&self) -> usize {
        let depth = |part: &Arc<Check>| match &part.kind {
            CheckKind::Several(several) => several.depth(),
            _ => 0,
        };
        1 + self.of.iter().map(depth).max().unwrap_or(0)
    }

    /// The key that says how many must pass.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match usize::from(self.least) {
            least if least == self.of.len() => "all",
            1 => "any",
            _ => "at_least",
        }
    }
}
