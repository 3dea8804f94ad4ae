//! What is answered without a look into a zone: other versions, classes, operations, names.

use super::plan::Plan;
use super::snapshot::{Snapshot, View};
use super::{Context, Transport};
use crate::rdata::rtype;
use crate::wire::{class, opcode, rcode};

/// Finds the zone that answers; `false` where the plan is a refusal, and so is finished.
///
/// ```text
/// EDNS version above 0          BADVERS    RFC 6891 §6.1.3
/// OPT or TSIG asked for         FORMERR    RFC 6891 §6.1.1, RFC 8945 §4.2: never in a question
/// UPDATE of what is no zone     FORMERR    RFC 2136 §3.1.1: its type is SOA
/// NOTIFY, UPDATE                REFUSED    for our zones, as nobody is allowed; else NOTAUTH
/// class neither IN nor ANY      REFUSED
/// outside our zones             REFUSED
/// our zone, but broken          SERVFAIL
/// MAILA, MAILB, AXFR over UDP   NOTIMP     RFC 5936 §4.2
/// AXFR, IXFR over TCP           REFUSED    as nobody is allowed
/// ```
#[inline]
pub(super) fn zone(snapshot: &Snapshot, context: &Context, plan: &mut Plan) -> bool {
    let Some(&query) = plan.query() else { return false };
    if query.edns.is_some_and(|edns| edns.version > 0) {
        plan.rcode = rcode::BADVERS;
        return false;
    }
    if matches!(query.qtype, rtype::OPT | rtype::TSIG) {
        plan.rcode = rcode::FORMERR;
        return false;
    }
    let depth_max = plan.name.labels();
    let found = snapshot.catalog().find(&plan.name, depth_max);
    if query.opcode() == opcode::UPDATE && query.qtype != rtype::SOA {
        plan.rcode = rcode::FORMERR;
        return false;
    }
    if query.opcode() != opcode::QUERY {
        let is_apex = found.is_some_and(|(_, depth)| depth == depth_max);
        plan.rcode = if is_apex { rcode::REFUSED } else { rcode::NOTAUTH };
        return false;
    }
    if !matches!(query.qclass, class::IN | class::ANY) {
        plan.rcode = rcode::REFUSED;
        return false;
    }
    let Some((mut place, depth)) = found else {
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
    plan.rcode = match (query.qtype, context.transport) {
        (rtype::MAILA | rtype::MAILB, _) | (rtype::AXFR, Transport::Udp) => rcode::NOTIMP,
        (rtype::AXFR | rtype::IXFR, Transport::Tcp) => rcode::REFUSED,
        _ => return true,
    };
    false
}
