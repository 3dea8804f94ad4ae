//! A program that runs, in the helper's process.
//!
//! There is no shell. The program leads a process group of its own, which is killed when the program has ended or ran out of
//! time, so that nothing it started stays behind; what leaves the group on purpose (`setsid`) does. Of what it writes, the first
//! `OUTPUT_MAX` bytes are kept, the rest is read and thrown away.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::super::{Deadline, Trouble, plain};
use super::message::{Ended, Order};
use super::obstacle;

/// How much of what a program writes is kept, in bytes; Nagios keeps as much.
pub(super) const OUTPUT_MAX: usize = 8 * 1024;
/// How long what a program wrote last is waited for when it has ended.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// Where programs look for others, where the helper itself has no `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that runs. When it goes, so do all processes of its group.
struct Running {
    /// Reaped when it has been waited for, and else in the background.
    child: Child,
    /// `None` once it is killed: the number may be another's then.
    group: Option<Pid>,
}

impl Running {
    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            // A group that is empty is as well as one that is killed.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Runs a program to its end. Gives how it ended, and what it wrote.
pub(super) async fn run(order: &Order) -> Result<Ended, Trouble> {
    let deadline = Deadline::after(order.timeout);
    let mut running = start(order)?;
    let lost = |error: &dyn std::fmt::Display| obstacle(format!("cannot watch a program: {error}"));
    // Told by a descriptor and not by waiting, as the group's number is free for others once its leader is reaped.
    let pid = running.group.ok_or_else(|| lost(&"it has no number"))?;
    let watch = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| lost(&error))?;
    #[expect(
        deprecated,
        reason = "what owns its descriptor keeps it, and that is all that the new way asks for"
    )]
    let watch = AsyncFd::with_interest(watch, Interest::READABLE).map_err(|error| lost(&error))?;
    let output = running.child.stdout.take();

    let mut written = Vec::new();
    let mut read = Box::pin(keep(output, &mut written));
    let mut is_read = false;
    let end = async {
        loop {
            tokio::select! {
                () = &mut read, if !is_read => is_read = true,
                ended = watch.readable() => return ended.map(drop),
            }
        }
    };
    deadline.within("the program has not ended", end).await?.map_err(|error| lost(&error))?;
    running.kill_group();
    if is_read {
        drop(read);
    } else {
        // What left the group may hold the pipe open for ever.
        let _ = timeout(LAST_WORDS, read).await;
    }
    let status = running.child.wait().await.map_err(|error| lost(&error))?;
    let text = String::from_utf8_lossy(&written);
    Ok(Ended {
        code: status.code(),
        signal: status.signal().unwrap_or_default(),
        said: text.lines().next().unwrap_or_default().to_owned(),
    })
}

fn start(order: &Order) -> Result<Running, Trouble> {
    let mut words = order.words.iter();
    let program = words.next().map_or("", String::as_str);
    let path = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
    let child = Command::new(program)
        .args(words)
        .env_clear()
        .env("PATH", path)
        .envs(order.env.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match Trouble::from_io(&error) {
            Trouble::Obstacle(obstacle) => Trouble::Obstacle(obstacle),
            _ => obstacle(format!("cannot run {program}: {}", plain(&error))),
        })?;
    let group = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    Ok(Running { child, group })
}

/// Reads to the end, and keeps the beginning.
async fn keep(output: Option<ChildStdout>, written: &mut Vec<u8>) {
    let Some(mut output) = output else { return };
    let mut part = [0; 4096];
    while let Ok(length @ 1..) = output.read(&mut part).await {
        let room = OUTPUT_MAX - written.len();
        written.extend_from_slice(&part[..length.min(room)]);
    }
}
