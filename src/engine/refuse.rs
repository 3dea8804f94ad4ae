//! What is answered without a look into a zone: other versions, classes, operations, names.

use super::plan::Plan;
use super::snapshot::{Snapshot, View};
use super::{Context, service};
use crate::rdata::rtype;
use crate::wire::tsig::{self, Failed};
use crate::wire::{class, opcode, rcode};

/// Finds the zone that answers; `false` where the plan is a refusal, and so is finished.
///
/// ```text
/// a signature that is wrong     NOTAUTH    RFC 8945 §5.2; FORMERR where it cannot be read
/// EDNS version above 0          BADVERS    RFC 6891 §6.1.3
/// OPT or TSIG asked for         FORMERR    RFC 6891 §6.1.1, RFC 8945 §4.2: never in a question
/// NOTIFY, UPDATE, transfers     see service
/// class neither IN nor ANY      REFUSED
/// outside our zones             REFUSED
/// our zone, but broken          SERVFAIL
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
    if let Some(at) = query.tsig
        && !is_signed(snapshot, context, (message, at), plan)
    {
        return false;
    }
    if query.edns.is_some_and(|edns| edns.version > 0) {
        plan.rcode = rcode::BADVERS;
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
        plan.rcode = rcode::REFUSED;
        return false;
    }
    let depth_max = plan.name.labels();
    let Some((mut place, depth)) = snapshot.catalog().find(&plan.name, depth_max) else {
        plan.rcode = rcode::REFUSED;
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
    if let Some(View::Broken(_)) = snapshot.zone(place) {
        plan.rcode = rcode::SERVFAIL;
        return false;
    }
    if matches!(query.qtype, rtype::MAILA | rtype::MAILB | rtype::AXFR) {
        plan.rcode = rcode::NOTIMP;
        return false;
    }
    true
}

/// Whether the signature is right; else the answer says what is wrong with it (RFC 8945 §5.2).
#[cold]
fn is_signed(
    snapshot: &Snapshot,
    context: &Context,
    (message, at): (&[u8], usize),
    plan: &mut Plan,
) -> bool {
    let outcome = tsig::verify(&snapshot.settings().keys, message, at, context.now);
    plan.rcode = outcome.as_ref().map_or_else(Failed::rcode, |_| rcode::NOERROR);
    plan.signature.insert(outcome).is_ok()
}
