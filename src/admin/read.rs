//! What is asked for and changes nothing.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;

use super::explain::parse_type;
use super::guard::tokens::{Caller, Role};
use super::metrics::process::Process;
use super::metrics::{Format, World, render};
use super::refusal::Refusal;
use super::views::pools::{History, Moment, PoolAt};
use super::views::ranked::{self, Order};
use super::{Admin, Phase, apart, model, views};
use crate::engine::snapshot::{Snapshot, View};
use crate::health::backend::{BackendKey, matching};
use crate::health::overrides::Override;
use crate::name::Name;
use crate::state::what_if;

type Asked<T> = Result<Path<T>, PathRejection>;

/// The process is alive.
pub async fn healthz() -> &'static str {
    "alive\n"
}

/// Whether DNS is served.
pub async fn readyz(State(admin): State<Arc<Admin>>) -> (StatusCode, &'static str) {
    match admin.progress.phase() {
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n"),
        Phase::Serving => (StatusCode::OK, "serving\n"),
        Phase::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}

/// Every zone.
pub async fn zones(State(admin): State<Arc<Admin>>) -> Json<Vec<model::Zone>> {
    let snapshot = admin.publisher.snapshot().load_full();
    Json(snapshot.zones().map(|view| views::zones::zone(&admin, view)).collect())
}

/// One zone.
pub async fn zone(
    State(admin): State<Arc<Admin>>,
    zone: Asked<String>,
) -> Result<Json<model::Zone>, Refusal> {
    let snapshot = admin.publisher.snapshot().load_full();
    let view = view_of(&snapshot, &zone?)?;
    Ok(Json(views::zones::zone(&admin, view)))
}

/// The server at a glance.
pub async fn status(State(admin): State<Arc<Admin>>) -> Result<Json<model::Status>, Refusal> {
    // Every backend is counted by its state.
    apart(move || Ok(Json(views::status::status(&admin)))).await
}

/// Who asks.
pub async fn caller(Extension(caller): Extension<Caller>) -> Json<model::Caller> {
    Json(model::Caller {
        may_operate: caller.may(Role::Operate),
        role: caller.role.map(|role| role.name().to_owned()),
        name: caller.name,
    })
}

/// What was answered in the last hour.
pub async fn history(State(admin): State<Arc<Admin>>) -> Json<model::History> {
    Json(admin.history.view())
}

/// Which pools are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolsQuery {
    #[serde(default)]
    filter: String,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

const TOTAL_COUNT: HeaderName = HeaderName::from_static("total-count");

/// Every pool, or some of them.
pub async fn pools(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<PoolsQuery>, QueryRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let Query(PoolsQuery { filter, order, offset, limit }) = query?;
    if limit.is_some_and(|limit| !(1..=ranked::MAX).contains(&limit)) {
        let most = ranked::MAX;
        return Err(Refusal::bad_request(format!("`limit` is from 1 to {most}")));
    }
    if filter.len() > ranked::FILTER_MAX {
        let most = ranked::FILTER_MAX;
        return Err(Refusal::bad_request(format!("`filter` has at most {most} bytes")));
    }
    // Every pool is looked at, whatever is shown of them.
    apart(move || {
        let moment = Moment::now(&admin.publisher);
        let wanted = ranked::Wanted { filter, order, offset, limit };
        let ranked::Found { pools, total, next } = ranked::pools(&moment, &wanted);
        let headers = [Some((TOTAL_COUNT, total)), next.map(|next| (NEXT_OFFSET, next))];
        let headers = headers.into_iter().flatten();
        let headers = headers.map(|(name, count)| (name, HeaderValue::from(count)));
        Ok((headers.collect::<HeaderMap>(), Json(pools)))
    })
    .await
}

/// One pool.
pub async fn pool(
    State(admin): State<Arc<Admin>>,
    path: Asked<(String, String)>,
) -> Result<Json<model::Pool>, Refusal> {
    let Path((zone, pool)) = path?;
    let moment = Moment::now(&admin.publisher);
    Ok(Json(pool_of(&moment, &zone, &pool)?.view()))
}

/// Which backends are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendsQuery {
    #[serde(rename = "match")]
    pattern: Option<String>,
}

/// Every backend, or those of a pattern.
pub async fn backends(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<BackendsQuery>, QueryRejection>,
) -> Result<Json<Vec<model::Backend>>, Refusal> {
    let Query(BackendsQuery { pattern }) = query?;
    let moment = Moment::now(&admin.publisher);
    let wanted = match pattern {
        None => None,
        Some(pattern) => Some(matching(&[pattern], &what_if::backends(&moment.snapshot))?),
    };
    let is_wanted = |key: &BackendKey| wanted.as_ref().is_none_or(|wanted| wanted.contains(key));
    let wanted = moment.pools().filter(|at| at.keys().any(|key| is_wanted(&key)));
    Ok(Json(wanted.flat_map(|at| at.backends(History::Hidden, is_wanted)).collect()))
}

/// One backend, with the last outcomes of its checks.
pub async fn backend(
    State(admin): State<Arc<Admin>>,
    path: Asked<(String, String, String)>,
) -> Result<Json<model::Backend>, Refusal> {
    let Path((zone, pool, backend)) = path?;
    let moment = Moment::now(&admin.publisher);
    let at = pool_of(&moment, &zone, &pool)?;
    let key = BackendKey::new(&at.zone.origin.to_string(), &pool, &backend);
    let found = at.backends(History::Shown, |known| *known == key).pop();
    found.map(Json).ok_or_else(|| {
        let near = matching(&[key.to_string()], &at.keys().collect()).err();
        let error = near.map_or_else(|| format!("there is no {key}"), |near| near.to_string());
        Refusal::not_found(error)
    })
}

/// Everything that is probed.
pub async fn checks(State(admin): State<Arc<Admin>>) -> Json<Vec<model::Check>> {
    let moment = Moment::now(&admin.publisher);
    Json(views::checks::checks(&moment, admin.publisher.registry()))
}

/// What hands have set.
pub async fn overrides(State(admin): State<Arc<Admin>>) -> Json<Vec<model::Override>> {
    let moment = Moment::now(&admin.publisher);
    let set =
        |set: &Arc<Override>| views::set(set, what_if::find(&moment.snapshot, &set.key).is_some());
    Json(moment.overrides().iter().map(set).collect())
}

/// Who probes.
pub async fn probers(State(admin): State<Arc<Admin>>) -> Json<Vec<model::Prober>> {
    Json(admin.publisher.probers().iter().map(views::prober).collect())
}

/// What was counted and how everything stands, for Prometheus.
pub async fn metrics(
    State(admin): State<Arc<Admin>>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Format::accepted(accept);
    // Ten thousand pools are work for a while.
    let page = apart(move || {
        let moment = Moment::now(&admin.publisher);
        let unix = |time: Timestamp| u64::try_from(time.as_millisecond()).unwrap_or_default();
        Ok(render(
            &World {
                snapshot: &moment.snapshot,
                published: admin.publisher.published(),
                facts: moment.facts(),
                probers: &admin.publisher.probers(),
                secondaries: &(admin.owner.secondaries)(),
                counters: &admin.counters,
                process: &Process::now(unix(admin.about.started)),
                now: unix(Timestamp::now()),
            },
            format,
        ))
    });
    Ok(([(CONTENT_TYPE, format.content_type())], page.await?))
}

/// Which records are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsQuery {
    name: Option<String>,
    #[serde(rename = "type")]
    rtype: Option<String>,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

const NEXT_OFFSET: HeaderName = HeaderName::from_static("next-offset");

/// The records of a zone.
pub async fn records(
    State(admin): State<Arc<Admin>>,
    zone: Asked<String>,
    query: Result<Query<RecordsQuery>, QueryRejection>,
) -> Result<impl IntoResponse, Refusal> {
    let snapshot = admin.publisher.snapshot().load_full();
    let view = view_of(&snapshot, &zone?)?;
    let View::Served { zone, .. } = view else {
        return Err(Refusal::not_found("the zone has never been without a mistake: SERVFAIL"));
    };
    let Query(query) = query?;
    let limit = query.limit.unwrap_or(views::records::DEFAULT);
    if !(1..=views::records::MAX).contains(&limit) {
        let most = views::records::MAX;
        return Err(Refusal::bad_request(format!("`limit` is from 1 to {most}")));
    }
    let name = match &query.name {
        None => None,
        Some(text) => Some(
            Name::parse(text, &zone.origin)
                .map_err(|error| Refusal::bad_request(format!("`name`: {error}")))?,
        ),
    };
    let rtype = match &query.rtype {
        None => None,
        Some(text) => Some(parse_type(text)?),
    };
    let wanted = views::records::Wanted { name, rtype, offset: query.offset, limit };
    let (records, next) = views::records::records(zone, &wanted);
    let next = next.map(|next| (NEXT_OFFSET, HeaderValue::from(next)));
    Ok((next.into_iter().collect::<HeaderMap>(), Json(records)))
}

/// The zone of an apex.
pub(super) fn view_of<'s>(snapshot: &'s Snapshot, zone: &str) -> Result<&'s View, Refusal> {
    let apex = Name::parse_absolute(zone)
        .map_err(|error| Refusal::bad_request(format!("the zone's name: {error}")))?;
    let view = snapshot.catalog().place(&apex).and_then(|place| snapshot.zone(place as u32));
    view.ok_or_else(|| Refusal::not_found(format!("there is no zone {apex}")))
}

/// The pool of a zone.
fn pool_of<'m>(moment: &'m Moment, zone: &str, pool: &str) -> Result<PoolAt<'m>, Refusal> {
    let view = view_of(&moment.snapshot, zone)?;
    let found = moment.pools_of(view).find(|at| at.pool.label() == pool);
    found.ok_or_else(|| {
        let zone = view.origin();
        Refusal::not_found(format!("the zone {zone} has no pool `{}`", pool.escape_debug()))
    })
}
