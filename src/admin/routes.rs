//! Every route: one table, from which the router and the OpenAPI document are made.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::guard::tokens::Role;
use super::refusal::Refusal;
use super::service::{Gate, Guards, gate};
use super::{Admin, dashboard, events, explain, feed, model, openapi, push, read, steer};
use crate::feed::message;

/// The most bytes of a request's body.
pub const BODY_MAX: usize = 1024 * 1024;

/// What a route is, takes and gives.
pub struct Route {
    /// How it is asked.
    pub method: Method,
    /// Where; `{name}` stands for a part of the path.
    pub path: &'static str,
    /// The role that it needs; `None` is for everybody.
    pub role: Option<Role>,
    /// What it is for, in a line.
    pub summary: &'static str,
    /// What can be said in path and query.
    pub parameters: &'static [Parameter],
    /// The body that it takes.
    pub takes: Option<SchemaOf>,
    /// What it gives.
    pub gives: Gives,
    /// What it refuses with besides 400, 401, 403, 421 and 429.
    pub refuses: &'static [u16],
    /// What answers.
    pub handler: fn() -> MethodRouter<Arc<Admin>>,
}

/// How a route is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// To look.
    Get,
    /// To change.
    Post,
}

/// What can be said in path and query.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it is said.
    pub place: In,
    /// Its type in JSON Schema.
    pub kind: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// Where a parameter is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum In {
    /// In the path, always.
    Path,
    /// In the query, or not.
    Query,
    /// In the query, as often as one likes.
    QueryList,
    /// In a header, or not.
    Header,
}

/// What a route gives.
#[derive(Clone, Copy)]
pub enum Gives {
    /// JSON of this schema.
    Json(SchemaOf),
    /// Text of this type.
    Text(&'static str),
}

/// A schema, its parts shared with the others.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn path(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, place: In::Path, kind: "string", meaning }
}

const fn query(name: &'static str, kind: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, place: In::Query, kind, meaning }
}

const ZONE: Parameter = path("zone", "The apex, with or without its last dot; `.` is the root");

const POOL: Parameter = path("pool", "Its name in the zone");
const LAST_EVENT_ID: Parameter = Parameter {
    name: "Last-Event-ID",
    place: In::Header,
    kind: "integer",
    meaning: "The last event that was seen: those after it come first, as far as they are kept",
};

/// All of them.
pub const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: dashboard::PATH,
        role: None,
        summary: "The dashboard: a page that shows what the rest gives",
        parameters: &[],
        takes: None,
        gives: Gives::Text("text/html; charset=utf-8"),
        refuses: &[],
        handler: || get(dashboard::page),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/{file}",
        role: None,
        summary: "What the dashboard is made of",
        parameters: &[path("file", "Its name, as the page says it")],
        takes: None,
        gives: Gives::Text("text/javascript; charset=utf-8"),
        refuses: &[404],
        handler: || get(dashboard::file),
    },
    Route {
        method: Method::Get,
        path: "/healthz",
        role: None,
        summary: "Whether the process is alive",
        parameters: &[],
        takes: None,
        gives: Gives::Text("text/plain; charset=utf-8"),
        refuses: &[],
        handler: || get(read::healthz),
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        role: None,
        summary: "Whether DNS is served: 503 until it is, and when the server is about to end",
        parameters: &[],
        takes: None,
        gives: Gives::Text("text/plain; charset=utf-8"),
        refuses: &[503],
        handler: || get(read::readyz),
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        role: Some(Role::Read),
        summary: "What was counted, in Prometheus's text format, or in OpenMetrics where `Accept` asks for it",
        parameters: &[],
        takes: None,
        gives: Gives::Text("text/plain; version=0.0.4; charset=utf-8"),
        refuses: &[],
        handler: || get(read::metrics),
    },
    Route {
        method: Method::Get,
        path: "/openapi.json",
        role: Some(Role::Read),
        summary: "This document",
        parameters: &[],
        takes: None,
        gives: Gives::Json(of::<std::collections::BTreeMap<String, serde_json::Value>>),
        refuses: &[],
        handler: || get(openapi::serve),
    },
    Route {
        method: Method::Get,
        path: "/v1/status",
        role: Some(Role::Read),
        summary: "The server at a glance",
        parameters: &[],
        takes: None,
        gives: Gives::Json(of::<model::Status>),
        refuses: &[],
        handler: || get(read::status),
    },
    Route {
        method: Method::Get,
        path: "/v1/caller",
        role: Some(Role::Read),
        summary: "Who asks, by the token that comes with it, and what that may do",
        parameters: &[],
        takes: None,
        gives: Gives::Json(of::<model::Caller>),
        refuses: &[],
        handler: || get(read::caller),
    },
    Route {
        method: Method::Get,
        path: "/v1/history",
        role: Some(Role::Read),
        summary: "What was answered in the last hour, ten seconds at a time",
        parameters: &[],
        takes: None,
        gives: Gives::Json(of::<model::History>),
        refuses: &[],
        handler: || get(read::history),
    },
    Route {
        method: Method::Get,
        path: "/v1/zones",
        role: Some(Role::Read),
        summary: "Every zone",
        parameters: &[],
        takes: None,
        gives: Gives::Json(of::<Vec<model::Zone>>),
        refuses: &[],
        handler: || get(read::zones),
    },
    Route {
        method: Method::Get,
        path: "/v1/zones/{zone}",
        role: Some(Role::Read),
        summary: "One zone",
        parameters: &[ZONE],
        takes: None,
        gives: Gives::Json(of::<model::Zone>),
        refuses: &[404],
        handler: || get(read::zone),
    },
    Route {
        method: Method::Get,
        path: "/v1/zones/{zone}/records",
        role: Some(Role::Read),
        summary: "The records of a zone; where there are more, the header `Next-Offset` says where they begin",
        parameters: &[
            ZONE,
            query(
                "name",
                "string",
                "Only those of this name; one without a last dot is in the zone",
            ),
            query("type", "string", "Only those of this type"),
            query("offset", "integer", "How many sets of records to leave out"),
            query(
                "limit",
                "integer",
                "The most sets of records: 1,000 if not said, at most 10,000",
            ),
        ],
        takes: None,
        gives: Gives::Json(of::<Vec<model::Record>>),
        refuses: &[404],
        handler: || get(read::records),
    },
    Route {
        method: Method::Get,
        path: "/v1/pools",
        role: Some(Role::Read),
        summary: "Pools with their backends; `Total-Count` says how many there are, and where there are more, `Next-Offset` where they begin",
        parameters: &[
            query(
                "filter",
                "string",
                "Only pools that have all of these words in their name, policy, backends or addresses",
            ),
            query(
                "order",
                "string",
                "`name`, as they are served, or `worst`: first what needs somebody",
            ),
            query("offset", "integer", "How many pools to leave out"),
            query("limit", "integer", "The most pools: all if not said, at most 1,000"),
        ],
        takes: None,
        gives: Gives::Json(of::<Vec<model::Pool>>),
        refuses: &[],
        handler: || get(read::pools),
    },
    Route {
        method: Method::Get,
        path: "/v1/pools/{zone}/{pool}",
        role: Some(Role::Read),
        summary: "One pool with its backends",
        parameters: &[ZONE, POOL],
        takes: None,
        gives: Gives::Json(of::<model::Pool>),
        refuses: &[404],
        handler: || get(read::pool),
    },
    Route {
        method: Method::Get,
        path: "/v1/backends",
        role: Some(Role::Read),
        summary: "Every backend",
        parameters: &[query(
            "match",
            "string",
            "Only those that a pattern means, `ZONE/POOL/BACKEND` with `*` and `?`",
        )],
        takes: None,
        gives: Gives::Json(of::<Vec<model::Backend>>),
        refuses: &[404],
        handler: || get(read::backends),
    },
    Route {
        method: Method::Get,
        path: "/v1/backends/{zone}/{pool}/{backend}",
        role: Some(Role::Read),
        summary: "One backend, with the last outcomes of its checks, and the last failures and changes",
        parameters: &[ZONE, POOL, path("backend", "Its name in the pool")],
        takes: None,
        gives: Gives::Json(of::<model::Backend>),
        refuses: &[404],
        handler: || get(read::backend),
    },
    Route {
        method: Method::Get,
        path: "/v1/checks",
        role: Some(Role::Read),
        summary: "Everything that is probed",
        parameters: &[],
        takes: None,
        gives: Gives::Json(of::<Vec<model::Check>>),
        refuses: &[],
        handler: || get(read::checks),
    },
    Route {
        method: Method::Get,
        path: "/v1/overrides",
        role: Some(Role::Read),
        summary: "What hands have set",
        parameters: &[],
        takes: None,
        gives: Gives::Json(of::<Vec<model::Override>>),
        refuses: &[],
        handler: || get(read::overrides),
    },
    Route {
        method: Method::Get,
        path: "/v1/probers",
        role: Some(Role::Read),
        summary: "Who probes",
        parameters: &[],
        takes: None,
        gives: Gives::Json(of::<Vec<model::Prober>>),
        refuses: &[],
        handler: || get(read::probers),
    },
    Route {
        method: Method::Get,
        path: "/v1/explain",
        role: Some(Role::Read),
        summary: "Every step of one decision, as it is now or would be if more were down",
        parameters: &[
            query("name", "string", "The name that is asked for; it must be said"),
            query("type", "string", "The type that is asked for: A if not said"),
            query("client", "string", "The address that asks"),
            query("subnet", "string", "The prefix for which it is asked, as a resolver says"),
            Parameter {
                name: "down",
                place: In::QueryList,
                kind: "string",
                meaning: "Backends that are taken as down, `ZONE/POOL/BACKEND` with `*` and `?`",
            },
        ],
        takes: None,
        gives: Gives::Json(of::<model::Explanation>),
        refuses: &[404],
        handler: || get(explain::serve),
    },
    Route {
        method: Method::Get,
        path: "/v1/events",
        role: Some(Role::Read),
        summary: "What happens, as server-sent events whose data are of the type `Event`; one called `gap` says how many a slow client has lost",
        parameters: &[LAST_EVENT_ID],
        takes: None,
        gives: Gives::Text("text/event-stream"),
        refuses: &[503],
        handler: || get(events::events),
    },
    Route {
        method: Method::Post,
        path: "/v1/backends/drain",
        role: Some(Role::Operate),
        summary: "Take backends out of answers, for they will be stopped; `safe_to_stop` says from when on no cache has them",
        parameters: &[],
        takes: Some(of::<model::Steer>),
        gives: Gives::Json(of::<model::Steered>),
        refuses: &[404, 409, 503],
        handler: || post(steer::drain),
    },
    Route {
        method: Method::Post,
        path: "/v1/backends/down",
        role: Some(Role::Operate),
        summary: "Take backends out of answers",
        parameters: &[],
        takes: Some(of::<model::Steer>),
        gives: Gives::Json(of::<model::Steered>),
        refuses: &[404, 409, 503],
        handler: || post(steer::down),
    },
    Route {
        method: Method::Post,
        path: "/v1/backends/up",
        role: Some(Role::Operate),
        summary: "Have backends in answers, whatever their checks say",
        parameters: &[],
        takes: Some(of::<model::Steer>),
        gives: Gives::Json(of::<model::Steered>),
        refuses: &[404, 409, 503],
        handler: || post(steer::up),
    },
    Route {
        method: Method::Post,
        path: "/v1/backends/auto",
        role: Some(Role::Operate),
        summary: "Give backends back to their checks",
        parameters: &[],
        takes: Some(of::<model::Steer>),
        gives: Gives::Json(of::<model::Steered>),
        refuses: &[404, 409, 503],
        handler: || post(steer::auto),
    },
    Route {
        method: Method::Post,
        path: "/v1/reload",
        role: Some(Role::Operate),
        summary: "Read the zone files again, and say what that did",
        parameters: &[query(
            "force",
            "boolean",
            "Take what looks like an accident: a zone that loses most of its names, a folder without files",
        )],
        takes: None,
        gives: Gives::Json(of::<model::Reloaded>),
        refuses: &[409, 503, 504],
        handler: || post(steer::reload),
    },
    Route {
        method: Method::Post,
        path: "/v1/push",
        role: Some(Role::Push),
        summary: "Report on a backend whose check is `push`; it is in the answers when this is answered, and holds until it is not renewed",
        parameters: &[],
        takes: Some(of::<model::Push>),
        gives: Gives::Json(of::<model::Pushed>),
        refuses: &[404, 409, 503],
        handler: || post(push::take),
    },
    Route {
        method: Method::Post,
        path: message::PATH,
        role: Some(Role::Feed),
        summary: "Tell what a prober beside found; its name is that of its token",
        parameters: &[],
        takes: Some(of::<message::Batch>),
        gives: Gives::Json(of::<message::Taken>),
        refuses: &[409, 503],
        handler: || post(feed::take),
    },
];

/// The router, each route behind its gate.
pub fn router(guards: &Arc<Guards>, admin: Arc<Admin>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let body_max = match route.role {
            Some(Role::Feed) => message::BODY_MAX,
            _ => BODY_MAX,
        };
        let gate_of = Gate { guards: Arc::clone(guards), role: route.role, body_max };
        router = router
            .route(route.path, (route.handler)().route_layer(from_fn_with_state(gate_of, gate)));
    }
    router
        .fallback(async || {
            Refusal::not_found("there is no such path; /openapi.json has all of them")
        })
        .method_not_allowed_fallback(async || {
            let error = "this path is not asked so; /openapi.json says how";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error)
        })
        // The gate has the body already, within the route's own limit.
        .layer(DefaultBodyLimit::disable())
        .with_state(admin)
}
