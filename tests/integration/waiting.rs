//! Waits for what is to happen, and no longer than it may take.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to start, to follow, to promote itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
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

/// As [`until`], for what takes a server some seconds at most; where it takes longer, tells what was there instead.
pub(crate) fn until_or<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let last = RefCell::new(String::new());
    let guard = TellLast(&last);
    let (found, _) = until(what, PATIENCE, || look().map_err(|other| last.replace(other)).ok());
    std::mem::forget(guard);
    found
}

/// Prints what was seen last where waiting panics.
struct TellLast<'a>(&'a RefCell<String>);

impl Drop for TellLast<'_> {
    fn drop(&mut self) {
        eprintln!("the last was: {}", self.0.borrow());
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
