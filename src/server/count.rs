//! What is counted of a message: a few plain adds into memory of the thread's own, around the engine, which
//! does not know of it.

use crate::counters::{Counters, Via};
use crate::engine::plan::Content;
use crate::engine::snapshot::{Snapshot, View};
use crate::engine::{Plan, Transport};
use crate::wire::HEADER;
use crate::wire::encode::Section;

/// The TC bit in the third byte of a header.
const TC: u8 = 2;

impl From<Transport> for Via {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
            Transport::Tls => Self::Tls,
        }
    }
}

/// Counts an answer that was written: the query's type, the response code, what became of it in its zone, and
/// the addresses that it hands out. Glue is not counted: it is not what a client was given to connect to.
#[inline]
pub(super) fn answered(
    counters: &Counters,
    via: Via,
    snapshot: &Snapshot,
    plan: &Plan,
    answer: &[u8],
) {
    if let Some(query) = plan.query() {
        counters.query(via, query.qtype);
    }
    counters.answer(via, plan.rcode);
    let Some(place) = plan.zone else { return };
    let thread = counters.index();
    if let Some(counts) = snapshot.counts(place) {
        counts.add(thread, plan.class());
    }
    // What a pool hands out comes last and whole: where something is missing, it is that.
    if is_truncated(answer) {
        return;
    }
    for item in plan.items().iter().take_while(|item| item.section == Section::Answer) {
        if let Content::Balanced { pool, list, draw, .. } = item.content
            && let place = item.alias.map_or(place, |alias| alias.zone)
            && let Some(View::Served { ready, .. }) = snapshot.zone(place)
            && let Some(ready) = ready.get(pool as usize)
        {
            ready.count(thread, list, draw);
        }
    }
}

/// Whether an answer has TC set.
#[inline]
pub(super) fn is_truncated(answer: &[u8]) -> bool {
    answer.get(2).is_some_and(|flags| flags & TC != 0)
}

/// Whether a message that earned no answer is too short to be one; else it is a response.
pub(super) fn is_short(message: &[u8]) -> bool {
    message.len() < HEADER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::suffixes::Suffixes;
    use crate::wire::decode::{Refusal, decode};

    #[test]
    fn what_is_dropped_is_short_or_a_response() {
        for (message, short) in [(&[0; 11][..], true), (&[], true), (&[0x80; 12], false)] {
            let refused = decode(message, &mut Suffixes::default()).err();
            assert_eq!(refused, Some(Refusal::Drop), "{message:?}");
            assert_eq!(is_short(message), short, "{message:?}");
        }
    }
}
