//! Waits for what is to happen, and no longer than it may take.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// From one look to the next.
const STEP: Duration = Duration::from_millis(2);

/// Looks again and again until there is something to see; panics where that takes longer than it may.
/// Returns what was seen, and when, counted from the call.
pub(crate) fn until<T>(
    what: &str,
    latest: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> (T, Duration) {
    let began = now();
    loop {
        if let Some(seen) = look() {
            return (seen, began.elapsed());
        }
        assert!(began.elapsed() < latest, "not within {latest:?}: {what}");
        thread::sleep(STEP);
    }
}

#[expect(clippy::disallowed_methods, reason = "tests of whole processes wait by the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Keeps the tests that load every core from each other, while the guard lives. cargo-nextest runs each test in a
/// process of its own: there its configuration does the same.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
