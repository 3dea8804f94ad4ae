//! What a command is at, on a terminal, where that takes over a second: one line on stderr, gone when it is over.
//!
//! Nothing is written where nobody watches: into a file or a pipe, in CI, on a terminal that cannot move its cursor, beside
//! output for machines. Lines of the log pass above it.

use std::env;
use std::io::{self, IsTerminal as _, Write, stderr};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::plain::plain;
use super::screen::number;
use crate::daemon::progress::{At, Progress};

/// What is over sooner shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// From one drawing to the next.
const STEP: Duration = Duration::from_millis(100);
/// What is counted has a bar, what is waited for has none.
const COUNTED: &str = "{spinner} {bar:20} {elapsed:>3}  {wide_msg}";
const WAITED_FOR: &str = "{spinner} {elapsed:>3}  {wide_msg}";

/// A line that shows what is being done, for as long as this lives.
pub(super) struct Shown {
    bar: ProgressBar,
    /// What is waited for, where that is not counted.
    text: Arc<Mutex<String>>,
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

/// What the line says.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    text: String,
    /// How much is done of how much, where that is counted.
    part: Option<(u64, u64)>,
}

impl Shown {
    /// How far the reading of zones has come, or a start, until its end; nothing beside output for machines.
    pub(super) fn of(progress: &Arc<Progress>, is_for_machines: bool) -> Self {
        let progress = Arc::clone(progress);
        Self::start(Arc::default(), is_for_machines, move || line(progress.at()))
    }

    /// What is waited for; nothing beside output for machines.
    pub(super) fn saying(text: &str, is_for_machines: bool) -> Self {
        let text = Arc::new(Mutex::new(text.to_owned()));
        let said = Arc::clone(&text);
        Self::start(text, is_for_machines, move || {
            let text = said.lock().unwrap_or_else(PoisonError::into_inner);
            Some(Line { text: plain(&text).into_owned(), part: None })
        })
    }

    /// Says that something else is waited for now.
    pub(super) fn say(&self, text: String) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// Has something written above the line.
    pub(super) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Where the log goes while this is shown, and after.
    pub(super) fn beside(&self) -> impl Fn() -> Beside + Send + Sync + 'static {
        let bar = self.bar.clone();
        move || Beside(bar.clone())
    }

    fn start(
        text: Arc<Mutex<String>>,
        is_for_machines: bool,
        line: impl Fn() -> Option<Line> + Send + 'static,
    ) -> Self {
        let bar = ProgressBar::hidden();
        if is_for_machines || !is_watched() {
            return Self { bar, text, thread: None };
        }
        let (end, ended) = mpsc::channel::<()>();
        let drawn = bar.clone();
        let drawing = move || {
            let mut pause = PATIENCE;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout)
                && let Some(line) = line()
            {
                draw(&drawn, line);
                pause = STEP;
            }
            drawn.finish_and_clear();
            drawn.set_draw_target(ProgressDrawTarget::hidden());
        };
        // Where the system gives no more threads, nothing is shown.
        let thread = Builder::new().name("progress".into()).spawn(drawing).ok();
        Self { bar, text, thread: thread.map(|thread| (end, thread)) }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.thread.take() {
            drop(end);
            // What has panicked draws no more either.
            let _ = thread.join();
        }
    }
}

/// Stderr, above the line that is shown there.
pub(super) struct Beside(ProgressBar);

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

/// Whether somebody may be looking at stderr.
fn is_watched() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    stderr().is_terminal() && !is_set("CI") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn draw(bar: &ProgressBar, Line { text, part }: Line) {
    let template = if part.is_some() { COUNTED } else { WAITED_FOR };
    bar.set_style(ProgressStyle::with_template(template).expect("both are templates"));
    if let Some((done, of)) = part {
        bar.set_length(of);
        bar.set_position(done);
    }
    bar.set_message(text);
    if bar.is_hidden() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    bar.tick();
}

/// What is said of a start, or of a command that reads zones; `None` where it is over.
fn line(at: At) -> Option<Line> {
    let counted = |done: usize, of: usize, text| {
        // Of one thing there is no part.
        let part = (of > 1).then_some((done as u64, of as u64));
        Some(Line { text, part })
    };
    let told = |count: usize| number(count as u64);
    match at {
        At::Begin => Some(Line { text: "looking for zones".to_owned(), part: None }),
        At::Files { done, of, names } => {
            let text =
                format!("{} of {} zone files read, {} names", told(done), told(of), told(names));
            counted(done, of, text)
        }
        At::Together => Some(Line { text: "putting zones together".to_owned(), part: None }),
        At::Checks { done, of } => counted(
            done,
            of,
            format!("{} of {} targets checked for the first time", told(done), told(of)),
        ),
        At::End => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_is_done_of_how_much() {
        for (at, expected) in [
            (At::Begin, Some(("looking for zones", None))),
            (
                At::Files { done: 12, of: 1_300, names: 1_204_332 },
                Some(("12 of 1,300 zone files read, 1,204,332 names", Some((12, 1_300)))),
            ),
            (
                At::Files { done: 0, of: 1, names: 0 },
                Some(("0 of 1 zone files read, 0 names", None)),
            ),
            (
                At::Checks { done: 3, of: 10_000 },
                Some(("3 of 10,000 targets checked for the first time", Some((3, 10_000)))),
            ),
            (At::End, None),
        ] {
            let expected = expected.map(|(text, part)| Line { text: text.to_owned(), part });
            assert_eq!(line(at), expected);
        }
    }

    #[test]
    fn both_templates_can_be_read() {
        for template in [COUNTED, WAITED_FOR] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
