//! The wall clock, as what a server sends and keeps has it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time in seconds since 1970.
pub(super) fn seconds() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "signatures tell the time, and a new serial is at least it"
    )]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The same as serials have it.
pub(super) fn serial() -> u32 {
    seconds() as u32
}
