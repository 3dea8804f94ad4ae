//! What is answered without a look into a zone: other versions, classes, operations, names.

use super::plan::Plan;
use super::settings::{AnyAnswer, Responses};
use super::snapshot::{Snapshot, View};
use super::{Context, beside, chaos, service};
use crate::rdata::rtype;
use crate::wire::edns::error::{self, Extended};
use crate::wire::{class, opcode, rcode};

/// Finds the zone that answers; `false` where the plan is a refusal, and so is finished.
///
/// ```text
/// signature, version, options   see beside
/// OPT or TSIG asked for         FORMERR    RFC 6891 §6.1.1, RFC 8945 §4.2: never in a question
/// NOTIFY, UPDATE, transfers     see service
/// class CH                      see chaos
/// class neither IN nor ANY      REFUSED
/// outside our zones             REFUSED
/// our zone, but not served      SERVFAIL
/// MAILA, MAILB, AXFR over UDP   NOTIMP     RFC 5936 §4.2
/// ```
#[inline]
pub(super) fn zone(
    snapshot: &Snapshot,
    context: &Context,
    message: &[u8],
    plan: &mut Plan,
) -> bool {
    let Some(&query) = plan.query() else { return false };
    if query.is_rare() && !beside::look(snapshot, context, message, plan) {
        return false;
    }
    if matches!(query.qtype, rtype::OPT | rtype::TSIG) {
        plan.rcode = rcode::FORMERR;
        return false;
    }
    if query.opcode() != opcode::QUERY {
        service::operation(snapshot, context, plan);
        return false;
    }
    if matches!(query.qtype, rtype::AXFR | rtype::IXFR) && context.transport.is_stream() {
        service::transfer(snapshot, context, plan);
        return false;
    }
    if !matches!(query.qclass, class::IN | class::ANY) {
        match query.qclass {
            class::CH => chaos::plan(snapshot.settings(), plan),
            _ => plan.refused(rcode::REFUSED, error::NOT_AUTHORITATIVE),
        }
        return false;
    }
    let depth_max = plan.name.labels();
    let Some((mut place, depth)) = snapshot.catalog().find(&plan.name, depth_max) else {
        plan.refused(rcode::REFUSED, error::NOT_AUTHORITATIVE);
        return false;
    };
    // DS belongs to the parent's side of a cut (RFC 4035 §3.1.4.1).
    if query.qtype == rtype::DS
        && depth == depth_max
        && depth > 0
        && let Some((parent, _)) = snapshot.catalog().find(&plan.name, depth - 1)
    {
        place = parent;
    }
    plan.zone = Some(place);
    if let Some(view @ (View::Broken(_) | View::Expired(_))) = snapshot.zone(place) {
        plan.refused(rcode::SERVFAIL, why_unserved(snapshot, view));
        return false;
    }
    let settings = snapshot.settings();
    plan.is_full = settings.responses == Responses::Full;
    plan.is_whole_any = settings.any == AnyAnswer::Full && context.transport.is_stream();
    if matches!(query.qtype, rtype::MAILA | rtype::MAILB | rtype::AXFR) {
        plan.refused(rcode::NOTIMP, error::NOT_SUPPORTED);
        return false;
    }
    true
}

/// Why a zone that is ours cannot be answered from.
pub(super) fn why_unserved(snapshot: &Snapshot, view: &View) -> Extended {
    match view {
        View::Expired(_) => error::EXPIRED,
        _ if snapshot.settings().access.primaries.contains_key(view.origin()) => error::NOT_COME,
        _ => error::NOT_READY,
    }
}
