//! What happens, as a stream of server-sent events.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Sse;
use axum::response::sse::{self, KeepAlive};
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt as _};

use super::refusal::Refusal;
use super::{Admin, views};
use crate::state::events::Event;

/// The most clients that listen at once.
pub const LISTENERS_MAX: usize = 32;
/// How often something is sent where nothing happens: it shows both sides that the other is there.
const ALIVE: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What happens from now on; after `Last-Event-ID`, what happened since that is kept as well.
pub async fn events(
    State(admin): State<Arc<Admin>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Refusal> {
    let last =
        match headers.get(LAST_EVENT_ID) {
            None => None,
            Some(id) => Some(id.to_str().ok().and_then(|id| id.parse().ok()).ok_or_else(|| {
                Refusal::bad_request("`Last-Event-ID` is the number of an event")
            })?),
        };
    let permit = Arc::clone(&admin.listeners).try_acquire_owned().map_err(|_| {
        let error = format!("{LISTENERS_MAX} clients listen already; try again later");
        Refusal::later(StatusCode::SERVICE_UNAVAILABLE, error, 5)
    })?;
    let (missed, coming) = admin.publisher.events().subscribe(last);
    let missed = tokio_stream::iter(missed).map(Ok);
    let events = missed.chain(BroadcastStream::new(coming)).map(|event| Ok(told(event)));
    let listener = Listener { events: Box::pin(events), _permit: permit };
    Ok(Sse::new(listener).keep_alive(KeepAlive::new().interval(ALIVE)))
}

/// An event as it is sent; one of the kind `gap` says how many were lost to a client that is too slow.
fn told(event: Result<Arc<Event>, BroadcastStreamRecvError>) -> sse::Event {
    match event {
        Ok(event) => {
            let data = serde_json::to_string(&views::event(&event)).unwrap_or_default();
            sse::Event::default().id(event.id.to_string()).data(data)
        }
        Err(BroadcastStreamRecvError::Lagged(missed)) => {
            sse::Event::default().event("gap").data(format!("{{\"missed\":{missed}}}"))
        }
    }
}

/// A client that listens; its place is free when it goes.
struct Listener<S> {
    events: Pin<Box<S>>,
    _permit: OwnedSemaphorePermit,
}

impl<S: Stream> Stream for Listener<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.events.as_mut().poll_next(cx)
    }
}
