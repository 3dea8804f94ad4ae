//! What changes something.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use tokio::time::timeout;

use super::guard::tokens::Caller;
use super::refusal::Refusal;
use super::views::pools::{History, Moment};
use super::{Admin, NotReloaded, apart, model};
use crate::health::backend::BackendKey;
use crate::health::overrides::Hand;
use crate::state::steer::{Steer, Wish};

/// How long a reload is waited for. It goes on after that.
pub const RELOAD_TIME: Duration = Duration::from_secs(60);

/// The body of a request to steer.
type Wanted = Result<Json<model::Steer>, JsonRejection>;

/// Takes backends out of answers, for they will be stopped.
pub async fn drain(admin: State<Arc<Admin>>, caller: Extension<Caller>, body: Wanted) -> Answer {
    set(admin, caller, body, Hand::Drain).await
}

/// Takes backends out of answers.
pub async fn down(admin: State<Arc<Admin>>, caller: Extension<Caller>, body: Wanted) -> Answer {
    set(admin, caller, body, Hand::Down).await
}

/// Has backends in answers, whatever their checks say.
pub async fn up(admin: State<Arc<Admin>>, caller: Extension<Caller>, body: Wanted) -> Answer {
    set(admin, caller, body, Hand::Up).await
}

/// Gives backends back to their checks.
pub async fn auto(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Wanted,
) -> Answer {
    let Json(body) = body?;
    if body.seconds.is_some() {
        return Err(Refusal::bad_request(
            "`seconds` is for drain, up and down; `auto` is for good",
        ));
    }
    steer(admin, caller, body, Wish::Auto).await
}

async fn set(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Wanted,
    hand: Hand,
) -> Answer {
    let Json(body) = body?;
    let lasts = body.seconds.map(Duration::from_secs);
    steer(admin, caller, body, Wish::Set { hand, lasts }).await
}

/// What became of backends.
type Answer = Result<Json<model::Steered>, Refusal>;

async fn steer(admin: Arc<Admin>, caller: Caller, body: model::Steer, wish: Wish) -> Answer {
    let steer = Steer {
        patterns: body.backends,
        wish,
        author: caller.signed(body.author),
        reason: body.reason,
    };
    // It waits for the disk and for the publisher, and the others are not to wait for it.
    apart(move || {
        let steered = admin.publisher.steer(&steer)?;
        let meant: BTreeSet<BackendKey> =
            steered.backends.into_iter().map(|backend| backend.key).collect();
        let moment = Moment::now(&admin.publisher);
        let touched = moment.pools().filter(|at| at.keys().any(|key| meant.contains(&key)));
        let backends =
            touched.flat_map(|at| at.backends(History::Hidden, |key| meant.contains(key)));
        Ok(Json(model::Steered { backends: backends.collect(), warnings: steered.warnings }))
    })
    .await
}

/// How files are to be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadQuery {
    #[serde(default)]
    force: bool,
}

/// Reads the zone files again, and says what that did.
pub async fn reload(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<ReloadQuery>, QueryRejection>,
) -> Result<Json<model::Reloaded>, Refusal> {
    let Query(ReloadQuery { force }) = query?;
    let busy = || {
        let error = "a reload is under way already; ask again when it has ended";
        Refusal::later(StatusCode::CONFLICT, error, 1)
    };
    let _turn = admin.reloading.try_acquire().map_err(|_| busy())?;
    let reloaded = timeout(RELOAD_TIME, (admin.owner.reload)(force)).await.map_err(|_| {
        let error = format!(
            "the reload has not ended within {} seconds; it goes on, and the log says what it did",
            RELOAD_TIME.as_secs()
        );
        Refusal::new(StatusCode::GATEWAY_TIMEOUT, error)
    })?;
    reloaded.map(Json).map_err(|why| match why {
        NotReloaded::Busy => busy(),
        NotReloaded::Ending => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is starting or about to end")
        }
    })
}
