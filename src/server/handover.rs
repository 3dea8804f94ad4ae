//! What the engine allows and does not answer itself, made ready for who does.

use std::sync::Arc;

use crate::authority::Request;
use crate::engine::{Context, Plan, Snapshot};

/// What is handed over of a query that was prepared; `None` for all those that are look-ups, or were refused.
#[inline]
pub(super) fn request(
    snapshot: &Arc<Snapshot>,
    context: &Context,
    query: &[u8],
    plan: &Plan,
) -> Option<Request> {
    plan.service()?;
    copy(snapshot, context, query, plan)
}

/// Rare, and the one place where a query is copied.
#[cold]
fn copy(snapshot: &Arc<Snapshot>, context: &Context, query: &[u8], plan: &Plan) -> Option<Request> {
    Some(Request {
        service: plan.service()?,
        message: query.to_vec(),
        client: context.client,
        zone: snapshot.zone(plan.zone?)?.origin().clone(),
        signed: plan.signed().cloned(),
        snapshot: Arc::clone(snapshot),
    })
}
