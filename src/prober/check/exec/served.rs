//! The helper: a process that runs what it is asked to, and nothing that its first message does not allow.
//!
//! It ends when the prober does, as its socket ends then, and all programs with it.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream as Blocking;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::message::{ANSWER_MAX, Answer, Came, Order, REQUEST_MAX, Request, Rules};
use super::message::{frame, next};
use super::{Trouble, may_run, obstacle, program};
use crate::config::model::allowed::{Programs, Variables};
use crate::sys::user::User;

/// What stands in place of a command where the process is to be a helper.
pub const WORD: &str = "@programs";
/// The most requests that were read and wait; the socket holds the others.
const REQUESTS_MAX: usize = 64;

/// Runs programs for who has the socket's other end, until that is gone.
pub async fn serve(stream: Blocking) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let (mut read, mut write) = UnixStream::from_std(stream)?.into_split();
    let Some(rules) = next::<Rules>(&mut read, REQUEST_MAX).await? else { return Ok(()) };
    let Rules { allow, env, at_once, user } = rules;
    let ready = user.map_or(Ok(()), User::become_for_good);
    let ready = ready.map_err(|error| format!("it cannot become its user: {error}"));
    write.write_all(&frame(&ready, ANSWER_MAX)?).await?;

    ready.map_err(io::Error::other)?;
    let programs = Programs { allow, env: Variables(env), at_once };
    let (asking, mut asked) = mpsc::channel(REQUESTS_MAX);
    // A read that is broken off would lose what it has read, so it has a task of its own.
    tokio::spawn(hear(read, asking));
    let mut running = Running { programs, tasks: JoinSet::new(), aborts: HashMap::new() };
    loop {
        tokio::select! {
            request = asked.recv() => match request {
                Some(Request::Run(number, order)) => running.begin(number, order),
                Some(Request::Drop(number)) => running.drop(number),
                None => return Ok(()),
            },
            Some(ended) = running.tasks.join_next() => {
                // A program that was dropped has nobody who waits.
                let Ok((number, came)) = ended else { continue };
                running.aborts.remove(&number);
                write.write_all(&answer(number, came)?).await?;
            }
        }
    }
}

/// What came of a program, as it is sent. A reason may have the program's own path, which whoever edits a zone makes as long as he likes.
fn answer(number: u64, came: Came) -> io::Result<Vec<u8>> {
    frame(&Answer { number, came }, ANSWER_MAX).or_else(|_| {
        let came = Came::NotRun("a program cannot be run, for a reason too long to be told".into());
        frame(&Answer { number, came }, ANSWER_MAX)
    })
}

async fn hear(mut read: OwnedReadHalf, asking: mpsc::Sender<Request>) {
    // Whatever is no request ends it, as the end does: nobody but our own prober has the other end.
    while let Ok(Some(request)) = next(&mut read, REQUEST_MAX).await {
        if asking.send(request).await.is_err() {
            return;
        }
    }
}

/// The programs that run.
struct Running {
    programs: Programs,
    tasks: JoinSet<(u64, Came)>,
    aborts: HashMap<u64, AbortHandle>,
}

impl Running {
    fn begin(&mut self, number: u64, order: Order) {
        let may = self.may_run(&order);
        let run = async move {
            let ran = match may {
                Ok(()) => program::run(&order).await,
                Err(why) => Err(why),
            };
            (number, ran.into())
        };
        let abort = self.tasks.spawn(run);
        self.aborts.insert(number, abort);
    }

    /// Kills a program with its children.
    fn drop(&mut self, number: u64) {
        if let Some(abort) = self.aborts.remove(&number) {
            abort.abort();
        }
    }

    fn may_run(&self, order: &Order) -> Result<(), Trouble> {
        if self.aborts.len() >= self.programs.at_once.get() {
            return Err(obstacle(format!("{} programs run already", self.programs.at_once)));
        }
        let program = order.words.first().map_or("", String::as_str);
        may_run(&self.programs, program, &order.env)
    }
}
