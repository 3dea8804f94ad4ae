//! One request: what every one of them passes before and after its handler.

use std::any::Any;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::time::{Instant, timeout};
use tracing::error;

use super::guard::origin;
use super::guard::rate::Rates;
use super::guard::room::{Room, Taken};
use super::guard::tokens::{Caller, Role, Tokens};
use super::listen::Via;
use super::listen::connections::{Ticket, Work};
use super::listen::identity::Identity;
use super::listen::reread::Reread;
use super::refusal::Refusal;

/// How long the whole body of a request may take.
pub const BODY_TIME: Duration = Duration::from_secs(10);

/// Who may ask, and under which names.
#[derive(Debug, Default)]
pub struct Guards {
    /// Who may do what; without tokens everybody may do everything.
    pub tokens: Option<Reread<Tokens>>,
    /// Our certificate.
    pub identity: Option<Arc<Reread<Identity>>>,
    rates: Mutex<Rates>,
}

impl Guards {
    /// Guards with these tokens and this certificate.
    #[must_use]
    pub fn new(tokens: Option<Reread<Tokens>>, identity: Option<Arc<Reread<Identity>>>) -> Self {
        Self { tokens, identity, rates: Mutex::default() }
    }

    fn admit(&self, request: &Request<Incoming>, via: Via) -> Result<(), Refusal> {
        let is_ours = |name: &str| {
            self.identity.as_ref().is_some_and(|identity| identity.current().is_for(name))
        };
        if let Via::Tcp(address) = via {
            let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
            if !rates.admit(address, Instant::now()) {
                let error = "too many requests from this address; try again in a second";
                return Err(Refusal::later(StatusCode::TOO_MANY_REQUESTS, error, 1));
            }
        }
        origin::check(request.method(), request.uri(), request.headers(), is_ours)
    }

    /// Who asks.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let Some(tokens) = &self.tokens else { return Ok(Caller::local()) };
        let presented = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = presented.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let Some(presented) = presented else {
            return Err(Refusal::unauthorized("this needs `Authorization: Bearer TOKEN`"));
        };
        let caller = tokens.current().caller(presented);
        caller.ok_or_else(|| Refusal::unauthorized("no such token"))
    }
}

/// What answers requests.
pub struct Service {
    guards: Arc<Guards>,
    room: Arc<Room>,
    router: Router,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("guards", &self.guards).finish_non_exhaustive()
    }
}

impl Service {
    /// A service whose routes have their [`gate`]s already.
    #[must_use]
    pub fn new(guards: Arc<Guards>, router: Router) -> Self {
        Self { guards, room: Arc::default(), router }
    }

    /// Answers a request, whatever it is and whatever happens.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        via: Via,
        ticket: &Arc<Ticket>,
    ) -> Response<Held> {
        let work = ticket.work();
        let mut response = match self.guards.admit(&request, via) {
            Ok(()) => self.routed(request).await,
            Err(refusal) => refusal.into_response(),
        };
        // What streams, such as events, has no size, and its clients a limit of their own.
        let size = response.body().size_hint().exact().unwrap_or(0);
        let taken = self.room.take(usize::try_from(size).unwrap_or(usize::MAX));
        if taken.is_none() {
            let error = "too many large answers wait for clients that have not read them; ask again in a second";
            response = Refusal::later(StatusCode::SERVICE_UNAVAILABLE, error, 1).into_response();
        }
        let headers = response.headers_mut();
        for (name, value) in SECURITY {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        response.map(|body| Held { body, taken, _work: work })
    }

    /// What the route answers; a panic in it ends this request and no other.
    async fn routed(&self, request: Request<Incoming>) -> Response {
        let asked = format!("{} {}", request.method(), request.uri().path());
        let answer = TowerToHyperService::new(self.router.clone()).call(request);
        match caught(answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => {
                error!("{asked}: {}; please report this", said(&*panic));
                Refusal::failure().into_response()
            }
        }
    }
}

/// For browsers, should one ask: nothing of this is kept, guessed at or shown inside another page. What answers may say
/// otherwise, as the dashboard does.
const SECURITY: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What comes of a future, a panic too.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = Box::pin(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}

/// What a route asks of its callers.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Who may ask.
    pub guards: Arc<Guards>,
    /// The role that it needs; `None` is for everybody.
    pub role: Option<Role>,
    /// The most bytes of a body.
    pub body_max: usize,
}

/// Lets in who may ask, with the whole of the body.
pub async fn gate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match gate.pass(request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

impl Gate {
    async fn pass(&self, request: Request) -> Result<Request, Refusal> {
        let (mut parts, body) = request.into_parts();
        if let Some(role) = self.role {
            let caller = self.guards.caller(&parts.headers)?;
            if !caller.may(role) {
                return Err(Refusal::forbidden(role));
            }
            parts.extensions.insert(caller);
        }
        if parts.method != Method::POST {
            return Ok(Request::from_parts(parts, Body::empty()));
        }
        let most = self.body_max;
        let too_large = || {
            let error = format!("the body is larger than {most} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error)
        };
        if body.size_hint().lower() > most as u64 {
            return Err(too_large());
        }
        let whole = timeout(BODY_TIME, Limited::new(body, most).collect()).await;
        let whole = whole.map_err(|_| {
            let error = format!("the body did not come within {} seconds", BODY_TIME.as_secs());
            Refusal::new(StatusCode::REQUEST_TIMEOUT, error)
        })?;
        let whole = whole.map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large()
            } else {
                Refusal::bad_request("the body is not whole")
            }
        })?;
        Ok(Request::from_parts(parts, Body::from(whole.to_bytes())))
    }
}

/// A body for whose sake its connection counts as busy until all of it is handed over, and memory as taken until all of
/// it is sent.
#[derive(Debug)]
pub struct Held {
    body: Body,
    /// Its part of the memory for answers.
    taken: Option<Arc<Taken>>,
    _work: Work,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        let Some(taken) = &self.taken else { return frame };
        frame.map_ok(|frame| frame.map_data(|bytes| taken.hold(bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught_and_says_what_it_said() {
        let panic = caught(async { panic!("at {}", "noon") }).await;
        let panic: Box<dyn Any + Send> = match panic {
            Ok(()) => unreachable!("it panics"),
            Err(panic) => panic,
        };
        assert_eq!(said(&*panic), "at noon");
        assert_eq!(caught(async { 7 }).await.ok(), Some(7));
    }
}
