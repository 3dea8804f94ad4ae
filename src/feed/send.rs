//! The prober's side of a feed: a thread of its own with a task for each server, so that one that is dead does not hold up another.
//!
//! It owns the clock and the sockets; what is sent when is said by the [`Outbox`] of each server.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use super::board::Board;
use super::connect::{Connection, connect};
use super::message::{self, ANSWER_MAX, OutOfOrder, PATH, Part, Taken, VERSION, age_ms, clean};
use super::outbox::{Batch, Outbox};
use crate::config::server::feed::{Endpoint, Feed, Server};
use crate::health::target::{Report, Target};

/// So many attempts in a row must fail until a server is called unreachable: a connection that was closed while nothing was said
/// is no news.
const UNREACHABLE: u32 = 2;

/// Tells servers what a prober finds.
#[derive(Clone, Debug)]
pub struct Feeder {
    shared: Arc<Shared>,
    thread: Arc<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    servers: Vec<Server>,
    began: Instant,
    state: Mutex<State>,
    /// One for each server: its outbox has something new.
    wake: Vec<Notify>,
}

#[derive(Debug)]
struct State {
    /// Whether the targets were set: nothing is said before, as it would be that there are none.
    is_ready: bool,
    board: Board,
    outboxes: Vec<Outbox>,
}

impl Feeder {
    /// Starts the thread, with no targets.
    pub fn start(feed: &Feed) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Greater than that of the process before this, unless the clock was set back: then the server says so.
        let session = unix_microseconds();
        let outbox = |_: &Server| Outbox::new(session, fastrand::Rng::new());
        let outboxes: Vec<Outbox> = feed.to.iter().map(outbox).collect();
        let shared = Arc::new(Shared {
            name: feed.name.clone(),
            servers: feed.to.clone(),
            began: Instant::now(),
            wake: outboxes.iter().map(|_| Notify::new()).collect(),
            state: Mutex::new(State { is_ready: false, board: Board::default(), outboxes }),
        });
        let feeding = Arc::clone(&shared);
        let thread = thread::Builder::new().name("feed".into()).spawn(move || {
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for place in 0..feeding.servers.len() {
                    tasks.spawn(Arc::clone(&feeding).feed(place));
                }
                // None of them ends; where one panics, the thread ends, and with it the process.
                tasks.join_next().await;
            });
        })?;
        Ok(Self { shared, thread: Arc::new(thread) })
    }

    /// Has these targets told of and no others.
    pub fn set_targets(&self, targets: &[Target]) {
        let mut state = self.shared.lock();
        let is_first = !std::mem::replace(&mut state.is_ready, true);
        if state.board.set_targets(targets) || is_first {
            state.outboxes.iter_mut().for_each(Outbox::begin_anew);
            self.shared.wake_all();
        }
    }

    /// Tells every server what a probe found.
    pub fn report(&self, report: &Report) {
        let now = self.shared.now();
        let mut state = self.shared.lock();
        let State { board, outboxes, .. } = &mut *state;
        let Some((key, found, is_change)) = board.report(report, now) else { return };
        for outbox in outboxes {
            outbox.report(key, found.clone(), is_change, now);
        }
        self.shared.wake_all();
    }

    /// Whether the thread has ended, which it does by a panic alone.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    // Nothing that is written under this lock can panic half-way, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        self.wake.iter().for_each(Notify::notify_one);
    }

    /// Feeds one server for good.
    async fn feed(self: Arc<Self>, place: usize) {
        let server = &self.servers[place];
        let mut telling = Telling::new(&server.at);
        let mut connection = None;
        loop {
            let now = self.now();
            let (batch, wake, patience, targets) = {
                let State { is_ready, board, outboxes } = &mut *self.lock();
                let outbox = &mut outboxes[place];
                let batch = if *is_ready { outbox.next(board, now) } else { None };
                let wake = outbox.wake().filter(|_| *is_ready);
                (batch, wake, outbox.patience(), board.len())
            };
            let Some(batch) = batch else {
                let sleep = async {
                    match wake {
                        Some(wake) => sleep_until(self.began + wake).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = self.wake[place].notified() => {}
                    () = sleep => {}
                }
                continue;
            };
            let said = timeout(patience, self.exchange(server, &mut connection, &batch)).await;
            let said = said.unwrap_or_else(|_| Err(format!("no answer within {patience:?}")));
            if said.is_err() {
                // What comes late on it would be taken for the next answer.
                connection = None;
            }
            let now = self.now();
            let State { outboxes, .. } = &mut *self.lock();
            let outbox = &mut outboxes[place];
            match said {
                Ok(Said::Taken(taken)) => {
                    outbox.taken(&taken);
                    telling.taken(&batch, &taken, targets);
                }
                Ok(Said::OutOfOrder(told)) => {
                    outbox.out_of_order(told.session, now);
                    telling.out_of_order(&told);
                }
                Ok(Said::Refused(why)) => {
                    outbox.failed(now);
                    telling.refused(why);
                }
                Err(why) => {
                    outbox.failed(now);
                    telling.failed(&why);
                }
            }
        }
    }

    /// One request and its answer.
    async fn exchange(
        &self,
        server: &Server,
        connection: &mut Option<Connection>,
        batch: &Batch,
    ) -> Result<Said, String> {
        if connection.as_ref().is_none_or(|connection| connection.sender.is_closed()) {
            *connection = Some(connect(server).await?);
        }
        let Some(Connection { sender, authorization, .. }) = connection else {
            return Err("there is no connection".into());
        };
        let body = serde_json::to_vec(&self.message(batch)).map_err(|error| error.to_string())?;
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = hyper::Uri::from_static(PATH);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let host = HeaderValue::try_from(host(&server.at)).map_err(|error| error.to_string())?;
        headers.insert(HOST, host);
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        sender.ready().await.map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok(match status {
            StatusCode::OK => Said::Taken(read(&body)?),
            StatusCode::CONFLICT => Said::OutOfOrder(read(&body)?),
            _ => Said::Refused(format!("HTTP {}{}", status.as_u16(), why(&body))),
        })
    }

    /// A batch as it is told now.
    fn message(&self, batch: &Batch) -> message::Batch {
        let now = self.now();
        let Batch { session, sequence, part, reports } = batch;
        let report =
            |(key, found): &(crate::health::key::TargetKey, super::board::Found)| message::Report {
                address: key.address,
                check: key.check.to_string(),
                health: found.health.into(),
                detail: found.detail.to_string(),
                told: message::wire_told(found.told, found.health),
                took_us: found.took.as_micros().try_into().unwrap_or(u64::MAX),
                age_ms: age_ms(now.saturating_sub(found.at)),
            };
        message::Batch {
            version: VERSION,
            prober: self.name.clone(),
            session: *session,
            sequence: *sequence,
            part: *part,
            reports: reports.iter().map(report).collect(),
        }
    }
}

/// What a server said to a batch.
enum Said {
    Taken(Taken),
    OutOfOrder(OutOfOrder),
    Refused(String),
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body)
        .map_err(|error| format!("the answer is not that of a RotaDNS server: {error}"))
}

/// `: the reason`, as a server gives it.
fn why(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Refused {
        error: String,
    }
    let refused: Option<Refused> = serde_json::from_slice(body).ok();
    refused.map_or_else(String::new, |refused| format!(": {}", clean(&refused.error)))
}

fn host(at: &Endpoint) -> String {
    match at {
        Endpoint::Https { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        Endpoint::Https { host, port } => format!("{host}:{port}"),
        Endpoint::Http(address) => address.to_string(),
        Endpoint::Unix(_) => "localhost".into(),
    }
}

/// What the log says of one server: what changed, once.
struct Telling {
    server: String,
    standing: Standing,
    failures: u32,
    /// Targets that the server does not know, and those that it has and this prober does not.
    differing: (u64, u64),
}

#[derive(PartialEq, Eq)]
enum Standing {
    New,
    Reached,
    Unreachable,
    Refused(String),
}

impl Telling {
    fn new(at: &Endpoint) -> Self {
        let server = at.to_string();
        Self { server, standing: Standing::New, failures: 0, differing: (0, 0) }
    }

    fn taken(&mut self, batch: &Batch, taken: &Taken, targets: usize) {
        self.failures = 0;
        let server = &self.server;
        match std::mem::replace(&mut self.standing, Standing::Reached) {
            Standing::New => info!(%server, "feeding the server"),
            Standing::Reached => {}
            Standing::Unreachable | Standing::Refused(_) => {
                info!(%server, "feeding the server again");
            }
        }
        if batch.part != Part::WholeEnd {
            return;
        }
        let differing = (taken.unknown, taken.missing);
        let before = std::mem::replace(&mut self.differing, differing);
        match differing {
            _ if differing == before => {}
            (0, 0) => {
                info!(%server, targets, "the server has the same targets as this prober again");
            }
            (unknown, missing) => warn!(
                %server,
                unknown,
                missing,
                "the server does not know {unknown} of our {targets} targets and has {missing} others; it reads another version of the zone files"
            ),
        }
    }

    fn out_of_order(&mut self, told: &OutOfOrder) {
        let server = &self.server;
        let why = clean(&told.error);
        if self.standing == Standing::Reached {
            info!(%server, "telling everything anew, as the server says: {why}");
        }
    }

    fn refused(&mut self, why: String) {
        let server = &self.server;
        if !matches!(&self.standing, Standing::Refused(before) if *before == why) {
            warn!(%server, "the server refuses what this prober tells: {why}");
        }
        self.standing = Standing::Refused(why);
    }

    fn failed(&mut self, why: &str) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= UNREACHABLE && self.standing != Standing::Unreachable {
            let server = &self.server;
            warn!(%server, "the server cannot be reached: {why}; trying on");
            self.standing = Standing::Unreachable;
        }
    }
}

fn unix_microseconds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a session begins at a time")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}
