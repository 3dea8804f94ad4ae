//! The exec check: a program says how a target is, by Nagios' exit codes.
//!
//! | exit code | Nagios | the probe |
//! |---|---|---|
//! | 0 | OK | passes |
//! | 1 | WARNING | passes, and the target is degraded |
//! | 2 | CRITICAL | fails |
//! | 3, others, a signal | UNKNOWN | says nothing of the target: no verdict |
//! | none within the timeout | | fails |
//!
//! There is no shell. The program leads a process group of its own, which is killed when the program has ended or ran out of
//! time, so that nothing it started stays behind; what leaves the group on purpose (`setsid`) does. Of what it writes, the first
//! `OUTPUT_MAX` bytes are kept, the rest is read and thrown away.
//!
//! Places are shared fairly: some are kept for programs that ended by themselves the last time, so that those which hang, however
//! many, hold up each other alone.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::{Deadline, Obstacle, Passed, Trouble};
use crate::config::model::ExecCheck;
use crate::config::model::allowed::{Programs, Refusal};
use crate::health::told::Told;

/// How much of what a program writes is kept, in bytes; Nagios keeps as much.
const OUTPUT_MAX: usize = 8 * 1024;
/// How long what a program wrote last is waited for when it has ended.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// The part of the places that is kept for programs that ended by themselves the last time: a quarter, and one at least where there
/// are two.
const KEPT_PART: usize = 4;
/// The most programs that are remembered to have ended by themselves; past that all are forgotten, and known again when they
/// have run.
const ENDED_MAX: usize = 100_000;
/// Where programs look for others, where the prober itself has no `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Which programs may run, and places for those that do.
#[derive(Debug)]
pub struct Runner {
    programs: Programs,
    places: Semaphore,
    /// The places that are for all, those too that hang or have not run yet.
    open: Semaphore,
    /// What ended by itself the last time, with its target's address.
    ended: Mutex<HashMap<u64, IpAddr>>,
    hasher: RandomState,
}

/// A place for a program that runs.
struct Place<'r> {
    _place: SemaphorePermit<'r>,
    _open: Option<SemaphorePermit<'r>>,
}

impl Runner {
    /// One that runs these programs.
    #[must_use]
    pub fn new(programs: Programs) -> Self {
        let places = programs.at_once.get().min(Semaphore::MAX_PERMITS);
        let kept = (places / KEPT_PART).max(usize::from(places > 1));
        let (places, open) = (Semaphore::new(places), Semaphore::new(places - kept));
        Self { programs, places, open, ended: Mutex::default(), hasher: RandomState::new() }
    }

    /// Forgets what it knows of others than these addresses.
    pub fn keep(&self, addresses: &HashSet<IpAddr>) {
        self.ended().retain(|_, address| addresses.contains(address));
    }

    /// Runs a program once, when there is a place: waiting for one takes nothing from its time.
    pub async fn check(
        &self,
        check: &ExecCheck,
        address: IpAddr,
        deadline: Deadline,
    ) -> Result<Passed, Trouble> {
        let program = check.command.first().map_or("", String::as_str);
        if !self.programs.allows(program) {
            return Err(obstacle(Refusal::Program(program.into()).to_string()));
        }
        if let Some((name, _)) = check.env.iter().find(|(name, _)| !self.programs.env.allow(name)) {
            return Err(obstacle(Refusal::Variable(name.clone()).to_string()));
        }
        let key = self.hasher.hash_one((address, check));
        let has_ended = self.ended().contains_key(&key);
        let _place = self.place(has_ended, deadline).await?;
        let deadline = deadline.anew();
        let ran = run(check, address, deadline).await;
        self.note(key, address, ran.is_ok());
        let (status, output) = ran?;
        verdict(program, status, &output)
    }

    /// Notes whether a program ended by itself.
    fn note(&self, key: u64, address: IpAddr, has_ended: bool) {
        let mut ended = self.ended();
        if !has_ended {
            ended.remove(&key);
            return;
        }
        if ended.len() >= ENDED_MAX && !ended.contains_key(&key) {
            ended.clear();
        }
        ended.insert(key, address);
    }

    fn ended(&self) -> MutexGuard<'_, HashMap<u64, IpAddr>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn place(&self, has_ended: bool, deadline: Deadline) -> Result<Place<'_>, Trouble> {
        let place = async {
            let open = if has_ended { None } else { Some(self.open.acquire().await?) };
            let place = self.places.acquire().await?;
            Ok::<_, AcquireError>(Place { _place: place, _open: open })
        };
        match timeout(deadline.timeout(), place).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Trouble::Obstacle(Obstacle::Places(self.programs.at_once))),
        }
    }
}

fn obstacle(why: String) -> Trouble {
    Trouble::Obstacle(Obstacle::Program(why))
}

fn unknown(why: String) -> Trouble {
    Trouble::Obstacle(Obstacle::Unknown(why))
}

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
async fn run(
    check: &ExecCheck,
    address: IpAddr,
    deadline: Deadline,
) -> Result<(ExitStatus, Vec<u8>), Trouble> {
    let mut running = start(check, address)?;
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
    Ok((status, written))
}

fn start(check: &ExecCheck, address: IpAddr) -> Result<Running, Trouble> {
    let port = check.port.map(|port| port.to_string()).unwrap_or_default();
    let address = address.to_string();
    let mut words = check
        .command
        .iter()
        .map(|word| word.replace("{address}", &address).replace("{port}", &port));
    let program = words.next().unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
    let child = Command::new(&program)
        .args(words)
        .env_clear()
        .env("PATH", path)
        .envs(check.env.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match Trouble::from_io(&error) {
            Trouble::Obstacle(obstacle) => Trouble::Obstacle(obstacle),
            _ => obstacle(format!("cannot run {program}: {}", super::plain(&error))),
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

fn verdict(program: &str, status: ExitStatus, output: &[u8]) -> Result<Passed, Trouble> {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().next().unwrap_or_default();
    // What follows is for graphs.
    let said = line.split('|').next().unwrap_or_default().trim();
    let detail = |word: &str| if said.is_empty() { word.to_owned() } else { said.to_owned() };
    match status.code() {
        Some(0) => Ok(Passed::from(detail("OK"))),
        Some(1) => {
            let told = Told { is_degraded: true, ..Told::default() };
            Ok(Passed { detail: detail("WARNING"), told })
        }
        Some(2) => Err(Trouble::Failed(detail("CRITICAL"))),
        Some(3) => Err(unknown(format!("{program} does not know: {}", detail("UNKNOWN")))),
        Some(code) => Err(unknown(format!(
            "{program} ended with {code}, and only 0 to 3 mean something: {}",
            detail("it said nothing")
        ))),
        None => Err(unknown(format!(
            "{program} was ended by signal {}",
            status.signal().unwrap_or_default()
        ))),
    }
}

#[cfg(test)]
mod tests;
