//! Writes the last known health on a thread of its own: a disk that stalls must not hold up verdicts.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use tracing::warn;

use super::persist::write_health;

/// The way to the thread that writes.
pub(super) struct Keeper {
    /// One text may wait while another is written.
    texts: SyncSender<(String, Option<Sender<()>>)>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

impl Keeper {
    /// Starts the thread, which writes to `file`.
    pub(super) fn start(file: PathBuf) -> io::Result<Self> {
        let (texts, received) = sync_channel::<(String, Option<Sender<()>>)>(1);
        let (end, ended) = channel();
        Builder::new().name("keeper".into()).spawn(move || {
            let _end: Sender<()> = end;
            for (text, done) in received {
                if let Err(error) = write_health(&file, &text) {
                    let file = file.display();
                    warn!("{file}: the last known health is not kept over a restart: {error}");
                }
                if let Some(done) = done {
                    // Who asked may have stopped waiting.
                    let _ = done.send(());
                }
            }
        })?;
        Ok(Self { texts, ended })
    }

    /// Has a text written in the place of all before; `false` where the disk is behind, and it is not.
    pub(super) fn keep(&self, text: String) -> bool {
        self.texts.try_send((text, None)).is_ok()
    }

    /// The same, and waits until it is written, but not for longer than `within`; `false` where it is not.
    pub(super) fn keep_now(&self, text: String, within: Duration) -> bool {
        let (done, written) = channel();
        // What waits before it is written first; a disk that stalls is told by its time.
        self.texts.try_send((text, Some(done))).is_ok() && written.recv_timeout(within).is_ok()
    }

    /// Waits until all is written, but not for longer than `within`.
    pub(super) fn stop(self, within: Duration) {
        drop(self.texts);
        // Either it has ended, or the time is up.
        let _ = self.ended.recv_timeout(within);
    }
}
