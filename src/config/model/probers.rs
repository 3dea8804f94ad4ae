//! What an operator says of probers: how their reports make one verdict, and what holds when they fall silent.

use std::num::{NonZeroU8, NonZeroU16};
use std::time::Duration;

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
