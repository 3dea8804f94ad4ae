//! What backends, or those who deploy them, report.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;

use super::refusal::Refusal;
use super::{Admin, apart, model};
use crate::health::backend::{BackendKey, BadPattern};
use crate::health::target::Side;
use crate::health::told::{Told, Wish};
use crate::state::push::{Push, PushError};

/// The longest time that a report may hold, in seconds: a day.
const TTL_MAX: u64 = 86_400;

/// Takes what a backend says of itself; it is in the answers when this is answered.
pub async fn take(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<model::Push>, JsonRejection>,
) -> Result<Json<model::Pushed>, Refusal> {
    let Json(model::Push { backend, state, load, ttl, detail }) = body?;
    let key = BackendKey::parse(&backend).ok_or(BadPattern::Parts(backend))?;
    if load.is_some_and(|load| load > 100) {
        return Err(Refusal::bad_request("`load` is a percentage, from 0 to 100"));
    }
    if ttl.is_some_and(|ttl| !(1..=TTL_MAX).contains(&ttl)) {
        return Err(Refusal::bad_request("`ttl` is from 1 to 86400 seconds"));
    }
    let (side, is_degraded, wish) = match state {
        model::PushState::Up => (Side::Up, false, Wish::Serve),
        model::PushState::Degraded => (Side::Up, true, Wish::Serve),
        model::PushState::Drain => (Side::Up, false, Wish::Drain),
        model::PushState::Down => (Side::Down, false, Wish::Serve),
    };
    let told = Told { is_degraded, load, wish, ..Told::default() };
    let detail = detail.unwrap_or_else(|| "as it says".to_owned());
    let ttl = ttl.map(Duration::from_secs);
    let push = Push { backend: key.clone(), side, told, ttl, detail };
    // It waits for the publisher, and the others are not to wait for it.
    apart(move || {
        let holds = admin.publisher.push(push)?;
        Ok(Json(model::Pushed { backend: key.to_string(), holds: holds.as_secs() }))
    })
    .await
}

impl From<PushError> for Refusal {
    fn from(error: PushError) -> Self {
        let status = match error {
            PushError::Unknown(_) => StatusCode::NOT_FOUND,
            PushError::NoPush(_) => StatusCode::CONFLICT,
            PushError::Detail => StatusCode::BAD_REQUEST,
            PushError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}
