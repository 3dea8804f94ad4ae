//! What probers beside tell: its order is seen to, and then it is published.

use std::sync::{Arc, PoisonError};

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};

use super::guard::tokens::Caller;
use super::refusal::Refusal;
use super::{Admin, apart};
use crate::feed::message::{Batch, OutOfOrder, Taken};
use crate::feed::receive::{self, Accepted, Brings, Here};
use crate::health::key::TargetKey;
use crate::health::registry::Registry;
use crate::health::source::Source;
use crate::state::publisher::{Fed, Feed, FeedError};

/// Takes some of what a prober found.
pub async fn take(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    batch: Result<Json<Batch>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(batch) = batch?;
    // It waits for the publisher, and the others are not to wait for it.
    apart(move || match publish(&admin, &caller, &batch) {
        Ok(taken) => Ok(Json(taken).into_response()),
        Err(NotTaken::OutOfOrder(told)) => Ok((StatusCode::CONFLICT, Json(told)).into_response()),
        Err(NotTaken::Refused(refusal)) => Err(refusal),
    })
    .await
}

/// Why a batch is not taken.
enum NotTaken {
    OutOfOrder(OutOfOrder),
    Refused(Refusal),
}

fn publish(admin: &Admin, caller: &Caller, batch: &Batch) -> Result<Taken, NotTaken> {
    let publisher = &admin.publisher;
    let (now, lease, version) =
        (publisher.now(), publisher.lease(), publisher.registry().version());
    // Whoever needs no token is bound to no name.
    let token = caller.role.map(|_| caller.name.as_str());

    // Held until it is published: batches are published in the order in which they were taken.
    let mut feeds = admin.feeds.lock().unwrap_or_else(PoisonError::into_inner);
    let is_known = |key: &TargetKey| publisher.registry().probed_target(key).is_some();
    let here = Here { version, is_known: &is_known, lease };
    let accepted = feeds.take(batch, token, here, (now.running, now.unix));
    let Accepted { source, brings, next, again } =
        accepted.map_err(|refusal| not_taken(&refusal))?;
    let counts = counts(publisher.registry(), &brings);
    if let Some(feed) = feed(source.clone(), brings) {
        publisher.feed(feed).map_err(|error| {
            feeds.forget(&source);
            NotTaken::Refused(match error {
                FeedError::TooMany(_) => {
                    let error = receive::Refusal::TooManyProbers.to_string();
                    Refusal::later(StatusCode::SERVICE_UNAVAILABLE, error, 10)
                }
                FeedError::Stopping => {
                    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is about to end")
                }
            })
        })?;
    }
    let [known, unknown, missing] = counts;
    let lease_ms = lease.as_millis().try_into().unwrap_or(u64::MAX);
    Ok(Taken { next, known, unknown, missing, lease_ms, again })
}

/// How many of the targets that a prober tells of are known here, how many are not, and of how many it does not tell:
/// that can be seen in a whole report alone. A target that it has not judged yet is told of.
fn counts(registry: &Registry, brings: &Brings) -> [u64; 3] {
    let known = |found: &&receive::Found| registry.probed_target(&found.key).is_some();
    let (reports, unknown, targets) = match brings {
        Brings::Nothing => return [0; 3],
        Brings::News(reports) => (reports, 0, 0),
        Brings::Whole { reports, unknown } => (reports, *unknown, registry.probed()),
    };
    let known = reports.iter().filter(known).count();
    [known, reports.len() - known + unknown, targets.saturating_sub(known)]
        .map(|count| count as u64)
}

/// What the publisher is to know of it; `None` is nothing.
fn feed(source: Source, brings: Brings) -> Option<Feed> {
    let (whole, reports, unknown) = match brings {
        Brings::Nothing => return None,
        Brings::News(reports) => (false, reports, 0),
        Brings::Whole { reports, unknown } => (true, reports, unknown as u64),
    };
    let fed = |receive::Found { key, health, detail, told, took, at }| Fed {
        key,
        health,
        detail,
        told,
        took,
        at,
    };
    Some(Feed { source, whole, reports: reports.into_iter().map(fed).collect(), unknown })
}

fn not_taken(refusal: &receive::Refusal) -> NotTaken {
    let status = match refusal {
        receive::Refusal::OutOfOrder(expected) => return NotTaken::OutOfOrder((*expected).into()),
        receive::Refusal::Token { .. } => StatusCode::FORBIDDEN,
        receive::Refusal::TooManyProbers => {
            let error = refusal.to_string();
            return NotTaken::Refused(Refusal::later(StatusCode::SERVICE_UNAVAILABLE, error, 10));
        }
        receive::Refusal::Version(_)
        | receive::Refusal::Name(_)
        | receive::Refusal::TooMany(_)
        | receive::Refusal::WholeTooLarge
        | receive::Refusal::Check(_) => StatusCode::BAD_REQUEST,
    };
    NotTaken::Refused(Refusal::new(status, refusal.to_string()))
}
