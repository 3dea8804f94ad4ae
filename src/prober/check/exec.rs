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
//! ```text
//!   prober ── what to run ──▶ helper, a process ──▶ program, in a group of its own
//!     ▲                          │
//!     └────── how it ended ──────┘
//! ```
//!
//! The prober starts no program itself: it could not once its process has given up what a program may need, and what breaks
//! into it is to find nothing to start programs by. The helper is started before that, knows by itself what is allowed, and
//! ends with the prober.
//!
//! Places are shared fairly: some are kept for programs that ended by themselves the last time, so that those which hang, however
//! many, hold up each other alone.

mod helper;
mod message;
mod program;
mod served;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::timeout;

pub use self::helper::Helper;
use self::message::{Ended, Order};
pub use self::served::{WORD, serve};
use super::{Deadline, Obstacle, Passed, Trouble};
use crate::config::model::ExecCheck;
use crate::config::model::allowed::{Programs, Refusal};
use crate::health::told::Told;

/// The part of the places that is kept for programs that ended by themselves the last time: a quarter, and one at least where there
/// are two.
const KEPT_PART: usize = 4;
/// The most programs that are remembered to have ended by themselves; past that all are forgotten, and known again when they
/// have run.
const ENDED_MAX: usize = 100_000;

/// Which programs may run, and places for those that do.
#[derive(Debug)]
pub struct Runner {
    programs: Programs,
    /// Who starts them; without one none is run.
    helper: Option<Helper>,
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
    /// One that may have these programs run.
    #[must_use]
    pub fn new(programs: Programs) -> Self {
        let places = programs.at_once.get().min(Semaphore::MAX_PERMITS);
        let kept = (places / KEPT_PART).max(usize::from(places > 1));
        let (places, open) = (Semaphore::new(places), Semaphore::new(places - kept));
        let (ended, hasher) = (Mutex::default(), RandomState::new());
        Self { programs, helper: None, places, open, ended, hasher }
    }

    /// One whose programs are started by this helper.
    #[must_use]
    pub fn helped_by(self, helper: Option<Helper>) -> Self {
        Self { helper, ..self }
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
        may_run(&self.programs, program, &check.env)?;
        let Some(helper) = &self.helper else {
            return Err(obstacle("programs are not run here: no helper was started".into()));
        };
        let key = self.hasher.hash_one((address, check));
        let has_ended = self.ended().contains_key(&key);
        let _place = self.place(has_ended, deadline).await?;
        let ran = helper.run(order(check, address, deadline)).await;
        self.note(key, address, ran.is_ok());
        verdict(program, &ran?)
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

/// What a check asks for, of this address.
fn order(check: &ExecCheck, address: IpAddr, deadline: Deadline) -> Order {
    let port = check.port.map(|port| port.to_string()).unwrap_or_default();
    let address = address.to_string();
    let word = |word: &String| word.replace("{address}", &address).replace("{port}", &port);
    Order {
        words: check.command.iter().map(word).collect(),
        env: check.env.clone(),
        timeout: deadline.timeout(),
    }
}

/// Whether the operator allows a program, and what it is given.
fn may_run(programs: &Programs, program: &str, env: &[(String, String)]) -> Result<(), Trouble> {
    if !programs.allows(program) {
        return Err(obstacle(Refusal::Program(program.into()).to_string()));
    }
    match env.iter().find(|(name, _)| !programs.env.allow(name)) {
        Some((name, _)) => Err(obstacle(Refusal::Variable(name.clone()).to_string())),
        None => Ok(()),
    }
}

fn obstacle(why: String) -> Trouble {
    Trouble::Obstacle(Obstacle::Program(why))
}

fn unknown(why: String) -> Trouble {
    Trouble::Obstacle(Obstacle::Unknown(why))
}

fn verdict(program: &str, Ended { code, signal, said }: &Ended) -> Result<Passed, Trouble> {
    // What follows is for graphs.
    let said = said.split('|').next().unwrap_or_default().trim();
    let detail = |word: &str| if said.is_empty() { word.to_owned() } else { said.to_owned() };
    match *code {
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
        None => Err(unknown(format!("{program} was ended by signal {signal}"))),
    }
}

#[cfg(test)]
mod tests;
