//! Who reports on targets: the prober inside the server, or one beside it, by its name.

use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::config::model::probers::{INSIDE, PROBER_NAME_MAX, is_prober_name};

/// Who reports: `inside`, or the name of a prober beside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(Arc<str>);

/// The name under which targets report by themselves.
const PUSHED: &str = "(push)";

/// A text that is no prober's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSource(String);

impl Source {
    /// The prober inside the server.
    #[must_use]
    pub fn inside() -> Self {
        static SHARED: LazyLock<Source> = LazyLock::new(|| Source(Arc::from(INSIDE)));
        SHARED.clone()
    }

    /// The targets themselves, which report over the admin API. No prober can have that name.
    #[must_use]
    pub fn pushed() -> Self {
        static SHARED: LazyLock<Source> = LazyLock::new(|| Source(Arc::from(PUSHED)));
        SHARED.clone()
    }

    /// Whether it is a target that reports by itself.
    #[must_use]
    pub fn is_pushed(&self) -> bool {
        &*self.0 == PUSHED
    }

    /// A prober beside the server, by its name.
    pub fn beside(name: &str) -> Result<Self, BadSource> {
        if is_prober_name(name) && name != INSIDE {
            Ok(Self(Arc::from(name)))
        } else {
            Err(BadSource(name.chars().take(PROBER_NAME_MAX).collect()))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the prober inside the server.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        &*self.0 == INSIDE
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name) = self;
        write!(
            f,
            "{name:?} is not a prober's name: up to {PROBER_NAME_MAX} letters, digits, `.`, `_` and `-`, and \
             not `{INSIDE}`"
        )
    }
}

impl std::error::Error for BadSource {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prober_beside_has_a_name_of_its_own() {
        let long = "x".repeat(64);
        for (name, is_fine) in [
            ("Rack-7.ams_2", true),
            (&long[..63], true),
            (&long, false),
            ("", false),
            ("a b", false),
            ("inside", false),
        ] {
            assert_eq!(Source::beside(name).is_ok(), is_fine, "{name}");
        }
        assert!(Source::inside().is_inside());
    }

    #[test]
    fn a_bad_name_is_told_in_one_line() {
        assert_eq!(
            Source::beside("a\nb").map_err(|bad| bad.to_string()),
            Err("\"a\\nb\" is not a prober's name: up to 63 letters, digits, `.`, `_` and `-`, and not \
                 `inside`"
                .to_owned())
        );
    }
}
