//! The prober's end: asks the helper to run programs, and waits for what comes of them.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Blocking;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::error;

use super::message::{ANSWER_MAX, Answer, Came, Ended, Order, REQUEST_MAX, Request, Rules};
use super::message::{first, frame, next};
use super::{Trouble, WORD, obstacle};
use crate::config::model::allowed::Programs;
use crate::sys::user::User;

/// How long the helper may take to begin.
const BEGIN_MAX: Duration = Duration::from_secs(10);
/// How much longer than a program may run the helper may take to say what came of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most requests that wait for the helper to take them.
const REQUESTS_MAX: usize = 1024;

/// The way to the helper.
#[derive(Clone, Debug)]
pub struct Helper(Arc<Mutex<State>>);

#[derive(Debug)]
enum State {
    /// Nobody has asked yet: a socket is watched by the runtime of who asks first.
    Begun(Blocking, Option<Child>),
    Asked(Link),
    Gone,
}

#[derive(Clone, Debug)]
struct Link {
    requests: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits for which program.
#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    /// `None` once there is no helper any more.
    asked: Option<HashMap<u64, oneshot::Sender<Came>>>,
}

impl Helper {
    /// Starts the process: this very program, as a helper. It becomes that user, where
    /// there is one.
    pub fn start(programs: &Programs, user: Option<&User>) -> io::Result<Self> {
        let (ours, theirs) = Blocking::pair()?;
        let child = Command::new("/proc/self/exe")
            .arg(WORD)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()?;
        Self::over(ours, Some(child), &rules(programs, user))
    }

    /// One at the other end of this socket, whose process is that, where it is one.
    pub(super) fn over(
        mut stream: Blocking,
        child: Option<Child>,
        rules: &Rules,
    ) -> io::Result<Self> {
        stream.set_read_timeout(Some(BEGIN_MAX))?;
        stream.write_all(&frame(rules, REQUEST_MAX)?)?;
        let ready: Result<(), String> = first(&mut stream, ANSWER_MAX)?;
        ready.map_err(io::Error::other)?;
        Ok(Self(Arc::new(Mutex::new(State::Begun(stream, child)))))
    }

    /// Has a program run to its end. When this is dropped before, the program is killed with its children.
    pub(super) async fn run(&self, order: Order) -> Result<Ended, Trouble> {
        let patience = order.timeout.saturating_add(PATIENCE);
        let link = self.link().ok_or_else(gone)?;
        let (tell, told) = oneshot::channel();
        let number = link.waiting().enter(tell).ok_or_else(gone)?;
        let asked = Asked { link: &link, number };
        let request = frame(&Request::Run(number, order), REQUEST_MAX)
            .map_err(|error| obstacle(format!("the program cannot be asked for: {error}")))?;
        let ran = async {
            link.requests.send(request).await.ok()?;
            told.await.ok()
        };
        let came = timeout(patience, ran).await;
        drop(asked);
        match came {
            Ok(Some(came)) => came.into(),
            Ok(None) => Err(gone()),
            Err(_) => Err(obstacle("the helper that runs programs does not answer".into())),
        }
    }

    /// The link, which is made when it is first needed; `None` where there is no helper any more.
    fn link(&self) -> Option<Link> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match std::mem::replace(&mut *state, State::Gone) {
            State::Begun(stream, child) => match Link::begin(stream, child) {
                Ok(link) => State::Asked(link),
                Err(error) => {
                    error!("the helper that runs programs cannot be asked: {error}");
                    State::Gone
                }
            },
            other => other,
        };
        match &*state {
            State::Asked(link) => Some(link.clone()),
            State::Begun(..) | State::Gone => None,
        }
    }
}

/// What the helper is told first.
pub(super) fn rules(programs: &Programs, user: Option<&User>) -> Rules {
    Rules {
        allow: programs.allow.clone(),
        env: programs.env.0.clone(),
        at_once: programs.at_once,
        user: user.cloned(),
    }
}

/// That there is none any more, and none can be started.
fn gone() -> Trouble {
    obstacle("the helper that runs programs has ended; restart the server".into())
}

impl Link {
    fn begin(stream: Blocking, child: Option<Child>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (read, write) = UnixStream::from_std(stream)?.into_split();
        let waiting = Waiting { last: 0, asked: Some(HashMap::new()) };
        let waiting = Arc::new(Mutex::new(waiting));
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        tokio::spawn(send(write, queue));
        tokio::spawn(hear(read, Arc::clone(&waiting), child));
        Ok(Self { requests, waiting })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Notes who waits, and gives the number that it waits for.
    fn enter(&mut self, tell: oneshot::Sender<Came>) -> Option<u64> {
        self.last += 1;
        self.asked.as_mut()?.insert(self.last, tell);
        Some(self.last)
    }

    fn take(&mut self, number: u64) -> Option<oneshot::Sender<Came>> {
        self.asked.as_mut()?.remove(&number)
    }
}

/// A program that was asked for.
struct Asked<'l> {
    link: &'l Link,
    number: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        // What has been answered is not there any more.
        if self.link.waiting().take(self.number).is_none() {
            return;
        }
        if let Ok(request) = frame(&Request::Drop(self.number), REQUEST_MAX) {
            // A helper that takes nothing in any more ends its programs by their own times.
            let _ = self.link.requests.try_send(request);
        }
    }
}

async fn send(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(request) = queue.recv().await {
        // Who reads notices that it is gone.
        if write.write_all(&request).await.is_err() {
            return;
        }
    }
}

async fn hear(mut read: OwnedReadHalf, waiting: Arc<Mutex<Waiting>>, child: Option<Child>) {
    let lock = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let why = loop {
        match next::<Answer>(&mut read, ANSWER_MAX).await {
            Ok(Some(Answer { number, came })) => {
                if let Some(tell) = lock().take(number) {
                    // Who waited may have gone.
                    let _ = tell.send(came);
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    // Those who wait hear of it by that.
    lock().asked = None;
    let status = match (why, child) {
        (Some(error), _) => error.to_string(),
        (None, Some(child)) => ended(child).await,
        (None, None) => String::new(),
    };
    error!(
        "the helper that runs programs has ended ({status}) and cannot be started again: targets of `exec` checks keep \
         the health they had until the server is restarted"
    );
}

/// How a process has ended.
async fn ended(mut child: Child) -> String {
    match spawn_blocking(move || child.wait()).await {
        Ok(Ok(status)) => status.to_string(),
        _ => "nobody knows how".to_owned(),
    }
}
