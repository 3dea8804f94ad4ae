//! What whoever supervises the process hears: that it is ready, alive, stopping (systemd's `sd_notify(3)`).
//!
//! Nobody hears it where `$NOTIFY_SOCKET` is not set, and nothing depends on it.

use std::thread::{self, Builder};

use sd_notify::NotifyState;
use tracing::warn;

use crate::state::publisher::Publisher;

/// It answers.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// It ends, as it was told to.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that the process is alive for as long as its publisher takes in what changes: without it,
/// answers would go on and health would not. Threads that have ended are seen elsewhere.
pub(super) fn watch(publisher: &Publisher) -> std::io::Result<()> {
    let Some(patience) = sd_notify::watchdog_enabled() else { return Ok(()) };
    let publisher = publisher.clone();
    // Ends with the process; systemd asks for half of its patience.
    Builder::new().name("watchdog".into()).spawn(move || {
        loop {
            publisher.flush();
            tell(&[NotifyState::Watchdog]);
            thread::sleep(patience / 3);
        }
    })?;
    Ok(())
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("the supervisor cannot be told how the server is: {error}");
    }
}
