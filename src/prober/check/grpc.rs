//! The gRPC check: what the health service says (`grpc.health.v1`, `Health/Check`).
//!
//! | it says | |
//! |---|---|
//! | `SERVING` | passes |
//! | `NOT_SERVING`, `UNKNOWN`, `SERVICE_UNKNOWN` | fails |
//! | `NOT_FOUND` | fails: it does not know the service |
//! | `UNIMPLEMENTED` | fails: it has no health service |
//!
//! The connection is the probe's own and serves this one call. hyper speaks HTTP/2 and tonic gRPC over it: its channel is
//! left out, as it connects again by itself, to whom and when it likes. What the server sends is bounded: all of it by
//! `bounded`, a head by `HEAD_MAX`, the message by `MESSAGE_MAX`.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{HeaderValue, USER_AGENT};
use hyper::rt::Executor;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::bounded::{Bound, Bounded};
use super::tls::{self, Trust};
use super::{Deadline, Obstacle, Trouble, tcp};
use crate::config::model::GrpcCheck;

/// How much is read in one probe: a call takes some hundred bytes, a long chain of certificates some thousand.
const READ_BOUND: Bound = Bound { most: 1024 * 1024, words: "it sends" };
/// The largest head of an answer, in bytes, and the largest trailers.
const HEAD_MAX: u32 = 16 * 1024;
/// The largest message; a health is two bytes.
const MESSAGE_MAX: usize = 4096;
/// How much the server may send before we have read it.
const WINDOW: u32 = 64 * 1024;

/// Asks once. What is found is "SERVING".
pub(super) async fn check(
    check: &GrpcCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    trust: &Trust,
    deadline: Deadline,
) -> Result<String, Trouble> {
    let address = SocketAddr::new(address, check.port.get());
    // Before the connection: a check that cannot be made leaves no trace at the target.
    let origin = origin(check, address).map_err(Trouble::Obstacle)?;
    let connector = match &check.tls {
        None => None,
        Some(tls) => {
            let connector = trust.resuming(tls, check.host.as_deref(), address, &[b"h2"]);
            Some(connector.map_err(Trouble::Obstacle)?)
        }
    };
    let stream = tcp::connect(address, source, deadline).await?;
    // A frame must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let stream = Bounded::new(stream, READ_BOUND);
    match connector {
        None => call(stream, origin, &check.service, deadline).await,
        Some(connector) => {
            let stream = connector.connect(stream, deadline).await?;
            let passed = call(stream, origin, &check.service, deadline).await?;
            trust.keep(connector);
            Ok(passed)
        }
    }
}

/// Scheme and authority of the request.
fn origin(check: &GrpcCheck, address: SocketAddr) -> Result<Uri, Obstacle> {
    let scheme = if check.tls.is_some() { "https" } else { "http" };
    let origin = match &check.host {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("{scheme}://{address}"),
    };
    let parsed = origin.parse();
    parsed.map_err(|error| Obstacle::Check(format!("{origin:?} is no authority: {error}")))
}

/// Makes the call on a connection.
async fn call(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    origin: Uri,
    service: &str,
    deadline: Deadline,
) -> Result<String, Trouble> {
    let tasks = Tasks::default();
    let mut builder = http2::Builder::new(Spawner(Arc::downgrade(&tasks)));
    builder
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(HEAD_MAX);
    let shaking = builder.handshake(TokioIo::new(stream));
    let shaken = deadline.within("no HTTP/2", shaking).await?;
    let (sender, connection) = shaken.map_err(|error| broken(&error))?;

    let mut client =
        HealthClient::with_origin(Sender(sender), origin).max_decoding_message_size(MESSAGE_MAX);
    let request = HealthCheckRequest { service: service.to_owned() };
    let mut answer = pin!(deadline.within("no answer", client.check(request)));
    let mut connection = pin!(connection);
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer?,
        _ = &mut connection => answer.await?, // it was told how that ended
    };
    match answer {
        Ok(answer) => judge(answer.into_inner().status()),
        Err(status) => Err(Trouble::Failed(refusal(&status, service))),
    }
}

fn judge(status: ServingStatus) -> Result<String, Trouble> {
    match status {
        ServingStatus::Serving => Ok("SERVING".into()),
        other => Err(Trouble::Failed(format!("it says {}", other.as_str_name()))),
    }
}

/// A call that failed, in words: the server's, or the connection's.
fn refusal(status: &Status, service: &str) -> String {
    if let Some(error) = status.source() {
        return transport(error);
    }
    match status.code() {
        Code::NotFound => format!("it does not know the service {service:?}"),
        Code::Unimplemented => "it has no health service (grpc.health.v1.Health)".into(),
        code if status.message().is_empty() => {
            format!("it answers with gRPC status {}", i32::from(code))
        }
        code => {
            format!("it answers with gRPC status {}: {}", i32::from(code), status.message())
        }
    }
}

fn broken(error: &hyper::Error) -> Trouble {
    Trouble::Failed(transport(error))
}

/// What broke a connection: the innermost reason.
fn transport(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if let Some(error) = inner.downcast_ref::<io::Error>()
        && let Trouble::Failed(why) = tls::trouble(error)
    {
        return why;
    }
    format!("no answer over HTTP/2: {inner}")
}

/// What hyper runs beside the call. It ends with the call, whatever the server still owes.
type Tasks = Arc<Mutex<JoinSet<()>>>;

/// Starts what hyper runs beside the call. What it starts has one of these, and does not keep itself alive by it.
#[derive(Clone)]
struct Spawner(Weak<Mutex<JoinSet<()>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, task: F) {
        if let Some(tasks) = self.0.upgrade() {
            tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
        }
    }
}

/// A connection as tonic wants it.
struct Sender(SendRequest<Body>);

impl Service<Request<Body>> for Sender {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Incoming>, hyper::Error>> + Send + 'static>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        const OURS: HeaderValue =
            HeaderValue::from_static(concat!("rotadns/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, OURS);
        Box::pin(self.0.send_request(request))
    }
}

#[cfg(test)]
mod tests;
