//! What the main thread waits for: signals, who takes the server's place, and whether the other threads are alive.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::interval;
use tracing::{error, info};

use super::reload::Editor;
use super::replace::Replaceable;

/// How often it is looked whether the threads that must not end are alive.
const ALIVE: Duration = Duration::from_secs(1);

/// The signals that we act on, none of which ends the process by itself any more.
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn take() -> anyhow::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?,
            terminate: signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?,
        })
    }

    /// What the start comes to; `None` where SIGTERM or SIGINT comes first.
    pub(super) async fn wait_for_the_start<S>(
        &mut self,
        starting: oneshot::Receiver<anyhow::Result<S>>,
        editor: &Editor,
    ) -> Option<anyhow::Result<S>> {
        tokio::select! {
            started = starting => {
                let died = |_| Err(anyhow::anyhow!("the start has failed; please report this"));
                Some(started.unwrap_or_else(died))
            }
            () = self.end_or_reload(editor) => None,
        }
    }

    /// Returns at SIGTERM or SIGINT, or when another process has taken over, and with an error where one of the crew has ended.
    pub(super) async fn wait_for_the_end(
        &mut self,
        editor: &Editor,
        crew: Crew<'_>,
        replaceable: Option<&Replaceable>,
    ) -> anyhow::Result<()> {
        let replaced = async {
            match replaceable {
                Some(replaceable) => replaceable.replaced().await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(replaced);
        let mut look = interval(ALIVE);
        loop {
            tokio::select! {
                () = self.end_or_reload(editor) => return Ok(()),
                () = &mut replaced => return Ok(()),
                _ = look.tick() => all_alive(crew)?,
            }
        }
    }

    /// Reloads at SIGHUP, returns at SIGTERM or SIGINT.
    async fn end_or_reload(&mut self, editor: &Editor) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    info!("reloading, as asked by SIGHUP");
                    editor.wish();
                }
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
            }
        }
    }
}

/// The threads that must not end: their names, and whether they have.
pub(super) type Crew<'c> = &'c [(&'c str, &'c dyn Fn() -> bool)];

/// A server whose files or health are frozen answers on, and wrongly: whoever supervises it shall start
/// it again.
fn all_alive(crew: Crew<'_>) -> anyhow::Result<()> {
    let Some((name, _)) = crew.iter().find(|(_, has_ended)| has_ended()) else {
        return Ok(());
    };
    error!("the thread {name} has died, so the process ends; please report this");
    bail!("the thread {name} has died")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_died_ends_the_server() {
        assert!(all_alive(&[("publisher", &|| false)]).is_ok());
        let error =
            all_alive(&[("publisher", &|| false), ("loader", &|| true)]).expect_err("one died");
        assert_eq!(error.to_string(), "the thread loader has died");
    }
}
