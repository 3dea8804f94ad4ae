//! What the access lists do not allow, counted and told: who asked is told no more than REFUSED, and clients such as `nsupdate`
//! do not show why.
//!
//! Anybody can send such requests, so a thread tells of one of a kind a minute.

use tracing::warn;

use crate::counters::{Counter, Counters};
use crate::engine::{Context, Plan, Snapshot};
use crate::rdata::rtype;
use crate::wire::decode::Query;
use crate::wire::{opcode, rcode};

/// How long a thread says nothing of a kind of which it has told, in seconds.
const TELL_AGAIN: u64 = 60;

/// What is allowed to some alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Transfer,
    Update,
    Notify,
}

impl Kind {
    fn of(query: &Query) -> Option<Self> {
        match (query.opcode(), query.qtype) {
            (opcode::UPDATE, _) => Some(Self::Update),
            (opcode::NOTIFY, _) => Some(Self::Notify),
            (opcode::QUERY, rtype::AXFR | rtype::IXFR) => Some(Self::Transfer),
            _ => None,
        }
    }

    /// What counts it, what it is called, and where the config file allows it.
    fn words(self) -> (Counter, &'static str, &'static str) {
        match self {
            Self::Transfer => (Counter::DeniedTransfers, "transfer", "secondaries"),
            Self::Update => (Counter::DeniedUpdates, "update", "updates"),
            Self::Notify => (Counter::DeniedNotifies, "notify", "primaries"),
        }
    }
}

/// When one thread told of each kind last, in seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Denied {
    told: [u64; 3],
}

impl Denied {
    /// Notes an answer that was made, where it refuses what a list would have to allow.
    #[inline]
    pub(super) fn note(
        &mut self,
        counters: &Counters,
        snapshot: &Snapshot,
        context: &Context,
        plan: &Plan,
    ) {
        if plan.rcode == rcode::REFUSED
            && let Some(kind) = plan.query().and_then(Kind::of)
        {
            self.tell(kind, counters, snapshot, context, plan);
        }
    }

    #[cold]
    fn tell(
        &mut self,
        kind: Kind,
        counters: &Counters,
        snapshot: &Snapshot,
        context: &Context,
        plan: &Plan,
    ) {
        let (counter, what, list) = kind.words();
        counters.add(counter, 1);
        // A name outside our zones is no matter of lists.
        let Some(view) = plan.zone.and_then(|place| snapshot.zone(place)) else { return };
        if self.is_due(kind, context.now) {
            let key =
                plan.signed().map_or_else(String::new, |signed| signed.key.name().to_string());
            warn!(
                zone = %view.origin(), client = %context.client, key,
                "{what} refused: no entry of `{list}` covers this client with this key; more of them are not told \
                 for a minute"
            );
        }
    }

    fn is_due(&mut self, kind: Kind, now: u64) -> bool {
        let told = &mut self.told[kind as usize];
        let is_due = now.saturating_sub(*told) >= TELL_AGAIN;
        if is_due {
            *told = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_once_a_minute_beside_the_others() {
        let mut denied = Denied::default();
        let rows = [
            (Kind::Update, 1000, true),
            (Kind::Update, 1059, false),
            (Kind::Notify, 1059, true),
            (Kind::Transfer, 1060, true),
            (Kind::Update, 1060, true),
            (Kind::Update, 1061, false),
            // A clock that was set back is no reason to tell more.
            (Kind::Update, 900, false),
        ];
        for (kind, now, expected) in rows {
            assert_eq!(denied.is_due(kind, now), expected, "{kind:?} at {now}");
        }
    }
}
