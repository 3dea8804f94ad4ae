//! Snapshot, context and a query's bytes in; an answer's bytes out.
//!
//! ```text
//!   bytes ──decode──▶ Query ──lookup──▶ Plan ──draw──▶ Plan ──encode──▶ bytes
//!                       │     zones and pools │   chance   │
//!                       ▼                     ▼            ▼
//!                    refusal        RRsets by their   the only place that
//!                                   place, no bytes   turns a rotation
//! ```
//!
//! Nothing here has a clock, a socket or chance of its own: [`respond`] with the same arguments gives
//! the same bytes. A listener that answers many queries at once takes the two steps apart
//! ([`prepare`], [`encode`]) and draws between them, so that a rotation is turned once a batch.

pub mod alias;
pub mod choose;
pub mod explain;
pub mod lookup;
pub mod plan;
pub mod settings;
pub mod snapshot;

mod answer;
mod beside;
mod chaos;
mod refuse;
mod service;

use std::net::IpAddr;

pub use answer::encode;
pub use plan::{Draw, Plan, Service};
pub use snapshot::{Snapshot, View};

use crate::wire::decode::decode;

/// What is known of a query besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Who asks.
    pub client: IpAddr,
    /// How it came.
    pub transport: Transport,
    /// The turn or number that every choice in this answer takes.
    pub draw: u64,
    /// When, in seconds since 1970.
    pub now: u64,
}

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Answers are limited by the payload size.
    Udp,
    /// Answers are limited by the length field alone.
    Tcp,
    /// The same, encrypted (RFC 7858).
    Tls,
}

impl Transport {
    /// Whether it is a stream, which knows no limit but that of a message's length.
    #[must_use]
    pub fn is_stream(self) -> bool {
        self != Self::Udp
    }
}

/// Answers one query: writes into `out` and says how long the answer is; `None` where it earns none.
///
/// `out` has at least [`OUT_UDP`] or [`OUT_TCP`] bytes.
pub fn respond(
    snapshot: &Snapshot,
    context: &Context,
    query: &[u8],
    plan: &mut Plan,
    out: &mut [u8],
) -> Option<usize> {
    prepare(snapshot, context, query, plan);
    choose_all(snapshot, plan, 0, |_| context.draw);
    encode(snapshot, context, query, plan, out)
}

/// Makes every choice of an answer from the RRset at a place on, and follows what is chosen where that is a CNAME.
#[inline]
pub fn choose_all(
    snapshot: &Snapshot,
    plan: &mut Plan,
    from: usize,
    mut choice: impl FnMut(&Draw<'_>) -> u64,
) {
    let mut from = from;
    loop {
        for draw in plan.draws_from(from) {
            *draw.value = choice(&draw);
        }
        from = plan.items().len();
        if !plan.leads_on() {
            return;
        }
        follow(snapshot, plan);
    }
}

/// Goes on behind the CNAME of a pool, once all choices so far are made.
pub fn follow(snapshot: &Snapshot, plan: &mut Plan) {
    lookup::follow(snapshot, plan);
}

/// The bytes that an answer over UDP is written into.
pub const OUT_UDP: usize = 2368;
/// The bytes that an answer over TCP is written into.
pub const OUT_TCP: usize = 2 * 65_536;

/// The first step: what the answer will be made of; where [`Plan::service`] is something, who listens hands the query on
/// instead of encoding an answer.
pub fn prepare(snapshot: &Snapshot, context: &Context, query: &[u8], plan: &mut Plan) {
    if locate(snapshot, context, query, plan) {
        lookup(snapshot, plan);
    }
}

/// Reads the query and finds the zone that answers; `false` where there is nothing to look up, as a
/// refusal is planned already.
pub fn locate(snapshot: &Snapshot, context: &Context, message: &[u8], plan: &mut Plan) -> bool {
    plan.clear();
    plan.client = context.client;
    match decode(message, &mut plan.name) {
        Ok(query) => plan.accept(query),
        Err(refusal) => plan.refuse(refusal),
    }
    refuse::zone(snapshot, context, message, plan)
}

/// Brings what the look-up will touch first closer; [`prefetch_node`] follows a little later.
#[inline]
pub fn prefetch_slot(snapshot: &Snapshot, plan: &Plan) {
    if let Some(View::Served { zone, .. }) = plan.zone.and_then(|place| snapshot.zone(place)) {
        zone.store.prefetch_slot(plan.name.suffix_hash(plan.name.labels()));
    }
}

/// Brings what the look-up will touch next closer.
#[inline]
pub fn prefetch_node(snapshot: &Snapshot, plan: &Plan) {
    if let Some(View::Served { zone, .. }) = plan.zone.and_then(|place| snapshot.zone(place)) {
        zone.store.prefetch_node(plan.name.suffix_hash(plan.name.labels()));
    }
}

/// Looks up what a located query asks for; nothing where its plan is finished already.
pub fn lookup(snapshot: &Snapshot, plan: &mut Plan) {
    if !plan.is_settled() {
        lookup::lookup(snapshot, plan);
    }
}
