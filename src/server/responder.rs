//! What listeners that answer one query at a time share: the way from its bytes to an answer's.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::chance::Chance;
use super::{count, unix_seconds};
use crate::counters::Counters;
use crate::engine::{self, Context, OUT_TCP, Plan, Snapshot, Transport};

/// Answers the queries of one thread, one at a time.
pub struct Responder {
    snapshot: Arc<ArcSwap<Snapshot>>,
    counters: Arc<Counters>,
    chance: Chance,
    plan: Box<Plan>,
    out: Box<[u8]>,
}

impl Responder {
    /// A responder that always answers from the snapshot of the moment, and counts for the thread that it is on.
    #[must_use]
    pub fn new(snapshot: Arc<ArcSwap<Snapshot>>, counters: Arc<Counters>) -> Self {
        Self {
            snapshot,
            counters,
            chance: Chance::default(),
            plan: Box::default(),
            out: vec![0; OUT_TCP].into_boxed_slice(),
        }
    }

    /// Appends the answer to `query` to `out`; `false` where it earns none.
    pub fn answer(
        &mut self,
        client: IpAddr,
        transport: Transport,
        query: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let snapshot = self.snapshot.load();
        let context = Context { client, transport, draw: 0, now: unix_seconds() };
        engine::prepare(&snapshot, &context, query, &mut self.plan);
        self.chance.draw(&snapshot, &mut self.plan);
        let len = engine::encode(&snapshot, &context, query, &self.plan, &mut self.out);
        if let Some(len) = len {
            let answer = &self.out[..len];
            count::answered(&self.counters, transport.into(), &snapshot, &self.plan, answer);
            out.extend_from_slice(answer);
        }
        len.is_some()
    }
}
