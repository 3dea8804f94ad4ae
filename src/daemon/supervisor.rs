//! What whoever supervises the process hears: that it is ready, alive, stopping (systemd's `sd_notify(3)`).
//!
//! Nobody hears it where `$NOTIFY_SOCKET` is not set, and nothing depends on it.

use std::fmt::Write as _;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;
use std::thread::{self, Builder};
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

use super::replace::Supervision;
use crate::state::publisher::Publisher;

/// The variable that has where the supervisor listens.
const SOCKET: &str = "NOTIFY_SOCKET";

/// How long a supervisor may take to take a message: its queue is full where it does not read, and the server ends all the same.
const TELL_MAX: Duration = Duration::from_secs(1);
/// From one sign of life to the next, at least, however soon they are wanted.
const SIGN_MIN: Duration = Duration::from_millis(10);

/// Who supervised the server whose place this one has taken.
static INHERITED: OnceLock<Supervision> = OnceLock::new();

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
pub(super) fn watch(publisher: &Publisher) -> io::Result<()> {
    let Some(patience) = supervision().watchdog else { return Ok(()) };
    let publisher = publisher.clone();
    // Ends with the process; systemd asks for half of its patience.
    Builder::new().name("watchdog".into()).spawn(move || {
        loop {
            publisher.flush();
            tell(&[NotifyState::Watchdog]);
            thread::sleep((patience / 3).max(SIGN_MIN));
        }
    })?;
    Ok(())
}

/// Who supervises this process, for one that is to take its place.
pub(super) fn supervision() -> Supervision {
    let inherited = INHERITED.get().cloned().unwrap_or_default();
    Supervision {
        socket: std::env::var(SOCKET).ok().or(inherited.socket),
        // Systemd takes 0 as none.
        watchdog: sd_notify::watchdog_enabled()
            .filter(|patience| !patience.is_zero())
            .or(inherited.watchdog),
    }
}

/// Takes who supervised the server whose place this one takes, where nobody supervises this one.
pub(super) fn inherit(supervision: Supervision) {
    // There is one place to take.
    let _ = INHERITED.set(supervision);
}

/// This one is the process to be supervised from now on.
pub(super) fn main_process(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

fn tell(states: &[NotifyState<'_>]) {
    let Some(socket) = supervision().socket.filter(|socket| !socket.is_empty()) else { return };
    if let Err(error) = tell_at(&socket, states) {
        warn!("the supervisor cannot be told how the server is: {error}");
    }
}

/// Tells it at a socket as `$NOTIFY_SOCKET` has it: a path, or `@` and a name that is no file.
fn tell_at(socket: &str, states: &[NotifyState<'_>]) -> io::Result<()> {
    let mut text = String::new();
    for state in states {
        // A string takes what it is given.
        let _ = writeln!(text, "{state}");
    }
    let from = UnixDatagram::unbound()?;
    from.set_write_timeout(Some(TELL_MAX))?;
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt as _;

        let at = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        return from.send_to_addr(text.as_bytes(), &at).map(drop);
    }
    from.send_to(text.as_bytes(), socket).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_supervisor_that_does_not_read_holds_up_nobody() {
        let path = std::env::temp_dir().join(format!("rotadns-supervisor-{}", std::process::id()));
        let socket = path.to_str().expect("a path of letters");
        let _nobody_reads = UnixDatagram::bind(socket).expect("a free path");
        // The kernel keeps a few that nobody has read.
        let told = (0..100_000).find_map(|_| tell_at(socket, &[NotifyState::Watchdog]).err());
        std::fs::remove_file(socket).expect("it was made");
        let error = told.expect("the queue has an end");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
