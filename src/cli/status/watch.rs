//! `status --watch`: drawn anew each second, in one write, until Ctrl-C.
//!
//! On a terminal it has a screen of its own, so that what stood there before comes back. A server that is
//! lost is told above what it said last.

use std::fmt::Write as _;
use std::io::{self, Write as _, stdout};
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{View, draw, view};
use crate::cli::client::{Client, Failure};
use crate::cli::screen::{Screen, Tone, clock, now, span};

/// How often it is drawn.
const PERIOD: Duration = Duration::from_secs(1);

/// The terminal's second screen, its cursor hidden; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// Shows the state of a server until Ctrl-C. One that cannot be reached the first time is an error.
pub(super) fn run(client: &Client, pattern: Option<&str>) -> Result<bool> {
    client.runtime().block_on(async {
        let mut ends = Ends::take()?;
        let mut last = Last { view: view(client, pattern).await?, at: now() };
        let _own_screen = OwnScreen::enter(Screen::of_stdout());
        // The first frame is there at once.
        let mut period = interval_at(Instant::now() + PERIOD, PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = None;
        loop {
            show(&last, failed.as_ref())?;
            tokio::select! {
                () = ends.wait() => return Ok(true),
                asked = async { period.tick().await; view(client, pattern).await } => match asked {
                    Ok(view) => {
                        last = Last { view, at: now() };
                        failed = None;
                    }
                    // Trying again changes nothing.
                    Err(refused @ Failure::Refused { .. }) => return Err(refused.into()),
                    Err(failure) => failed = Some(failure),
                },
            }
        }
    })
}

/// What the server said last, and when by our clock.
struct Last {
    view: View,
    at: Timestamp,
}

/// Draws one frame, in one write.
fn show(Last { view, at }: &Last, lost: Option<&Failure>) -> io::Result<()> {
    let screen = Screen::of_stdout();
    let mut text = String::new();
    if let Some(failure) = lost {
        let now = now();
        let lost = format!(
            "LOST for {}: {failure}; below is what it said at {}",
            span(*at, now),
            clock(*at, now)
        );
        text.push_str(&screen.paragraph(Tone::Bad, &lost));
        text.push('\n');
    }
    text.push_str(&draw::view(view, screen));
    let frame = if screen.is_terminal { frame(&text, screen.height()) } else { text + "\n" };
    let mut out = stdout().lock();
    out.write_all(frame.as_bytes())?;
    out.flush()
}

/// The lines over those of the frame before: nothing is cleared first, so nothing flickers.
fn frame(text: &str, height: Option<usize>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut frame = "\u{1b}[H".to_owned();
    let shown = match height {
        Some(height) if lines.len() >= height => height.saturating_sub(2),
        _ => lines.len(),
    };
    for line in &lines[..shown] {
        let _ = writeln!(frame, "{line}\u{1b}[K");
    }
    if shown < lines.len() {
        let _ = write!(frame, "... {} lines more; name a PATTERN\u{1b}[K", lines.len() - shown);
    }
    frame.push_str("\u{1b}[J");
    frame
}

/// The terminal's second screen, for as long as this lives.
struct OwnScreen(bool);

impl OwnScreen {
    fn enter(screen: Screen) -> Self {
        if screen.is_terminal {
            print!("{ENTER}");
        }
        Self(screen.is_terminal)
    }
}

impl Drop for OwnScreen {
    fn drop(&mut self) {
        if self.0 {
            print!("{LEAVE}");
            let _ = stdout().flush();
        }
    }
}

/// The signals that end it.
struct Ends(Signal, Signal);

impl Ends {
    fn take() -> Result<Self> {
        let take = |kind| signal(kind).context("cannot wait for signals");
        Ok(Self(take(SignalKind::interrupt())?, take(SignalKind::terminate())?))
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_overwrites_the_one_before_and_fits_the_screen() {
        assert_eq!(frame("a\nb\n", None), "\u{1b}[Ha\u{1b}[K\nb\u{1b}[K\n\u{1b}[J");
        let long = "x\n".repeat(9);
        let frame = frame(&long, Some(5));
        assert_eq!(frame.matches('x').count(), 3);
        assert!(frame.contains("... 6 lines more"), "{frame:?}");
    }
}
