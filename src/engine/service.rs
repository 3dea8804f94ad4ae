//! What is no look-up: transfers, notifies and updates. Who may is decided here; what is allowed is handed on.
//!
//! ```text
//!                       no apex of ours   not allowed   broken     allowed
//! AXFR, IXFR over TCP   NOTAUTH           REFUSED       SERVFAIL   Transfer
//! NOTIFY                NOTAUTH           REFUSED       Notify     Notify     a zone that comes from elsewhere
//! UPDATE                NOTAUTH           REFUSED       SERVFAIL   Update
//! ```
//!
//! A request that names a key but is not signed rightly never comes this far ([`super::refuse`]).

use super::Context;
use super::plan::{Plan, Service};
use super::refuse::why_unserved;
use super::snapshot::{Snapshot, View};
use crate::config::model::access::is_allowed;
use crate::rdata::rtype;
use crate::wire::edns::error;
use crate::wire::{class, opcode, rcode};

/// The zone that the question's name is the apex of; NOTAUTH is planned where there is none (RFC 5936 §2.2.1,
/// RFC 1996 §3, RFC 2136 §3.1.2).
fn apex<'s>(snapshot: &'s Snapshot, plan: &mut Plan) -> Option<&'s View> {
    let depth = plan.name.labels();
    let found = snapshot.catalog().find(&plan.name, depth).filter(|(_, found)| *found == depth);
    let is_in = plan.query().is_some_and(|query| query.qclass == class::IN);
    plan.zone = found.filter(|_| is_in).map(|(place, _)| place);
    let view = plan.zone.and_then(|place| snapshot.zone(place));
    if view.is_none() {
        plan.refused(rcode::NOTAUTH, error::NOT_AUTHORITATIVE);
    }
    view
}

/// AXFR and IXFR over a stream.
#[cold]
pub(super) fn transfer(snapshot: &Snapshot, context: &Context, plan: &mut Plan) {
    let Some(view) = apex(snapshot, plan) else { return };
    let allow = &snapshot.settings().access.of(view.origin()).transfer;
    let is_allowed = is_allowed(allow, context.client, plan.key());
    settle((snapshot, view), plan, is_allowed, Service::Transfer);
}

/// NOTIFY and UPDATE.
#[cold]
pub(super) fn operation(snapshot: &Snapshot, context: &Context, plan: &mut Plan) {
    let Some(&query) = plan.query() else { return };
    let access = &snapshot.settings().access;
    if query.opcode() == opcode::UPDATE {
        // RFC 2136 §3.1.1: what is updated is a zone.
        if query.qtype != rtype::SOA {
            plan.rcode = rcode::FORMERR;
            return;
        }
        let Some(view) = apex(snapshot, plan) else { return };
        let allow = &access.of(view.origin()).update;
        let is_allowed = is_allowed(allow, context.client, plan.key());
        settle((snapshot, view), plan, is_allowed, Service::Update);
    } else if let Some(view) = apex(snapshot, plan) {
        // RFC 1996 §3.7: a notify is of the SOA.
        if query.qtype == rtype::SOA && access.may_notify(view.origin(), context.client, plan.key())
        {
            plan.service = Some(Service::Notify);
        } else {
            plan.refused(rcode::REFUSED, error::PROHIBITED);
        }
    }
}

fn settle(
    (snapshot, view): (&Snapshot, &View),
    plan: &mut Plan,
    is_allowed: bool,
    service: Service,
) {
    match view {
        _ if !is_allowed => plan.refused(rcode::REFUSED, error::PROHIBITED),
        View::Broken(_) | View::Expired(_) => {
            plan.refused(rcode::SERVFAIL, why_unserved(snapshot, view));
        }
        View::Served { .. } => plan.service = Some(service),
    }
}
