//! What listeners that answer one query at a time share: the way from its bytes to an answer's.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::chance::Chance;
use super::denied::Denied;
use super::{Answered, count, handover, unix_seconds};
use crate::authority::{Reply, Services};
use crate::counters::Counters;
use crate::dnstap::{Over, Recorder};
use crate::engine::{self, Context, OUT_TCP, Plan, Service, Snapshot, Transport};

/// Answers the queries of one thread, one at a time.
pub struct Responder {
    snapshot: Arc<ArcSwap<Snapshot>>,
    counters: Arc<Counters>,
    /// Who does what is no look-up; without, nobody may.
    services: Option<Arc<dyn Services>>,
    chance: Chance,
    denied: Denied,
    recorder: Option<Recorder>,
    plan: Box<Plan>,
    out: Box<[u8]>,
}

impl Responder {
    /// A responder that always answers from the snapshot of the moment, and counts for the thread that it is on.
    #[must_use]
    pub fn new(
        snapshot: Arc<ArcSwap<Snapshot>>,
        counters: Arc<Counters>,
        services: Option<Arc<dyn Services>>,
        recorder: Option<Recorder>,
    ) -> Self {
        Self {
            snapshot,
            counters,
            services,
            chance: Chance::default(),
            denied: Denied::default(),
            recorder,
            plan: Box::default(),
            out: vec![0; OUT_TCP].into_boxed_slice(),
        }
    }

    /// Appends the answer to `query` to `out`, or says what it is instead.
    pub fn answer(
        &mut self,
        client: IpAddr,
        transport: Transport,
        query: &[u8],
        out: &mut Vec<u8>,
    ) -> Answered {
        let snapshot = self.snapshot.load();
        let context = Context { client, transport, draw: 0, now: unix_seconds() };
        engine::prepare(&snapshot, &context, query, &mut self.plan);
        if let Some(services) = &self.services
            && let Some(request) = handover::request(&snapshot, &context, query, &self.plan)
        {
            if request.service == Service::Transfer {
                return Answered::Messages(services.transfer(request));
            }
            let (answer, later) = oneshot::channel();
            // Who asked may have gone by then.
            services.hand(request, Reply::new(|message| drop(answer.send(message))));
            return Answered::Later(later);
        }
        self.chance.draw(&snapshot, &mut self.plan);
        let Some(len) = engine::encode(&snapshot, &context, query, &self.plan, &mut self.out)
        else {
            return Answered::Nothing;
        };
        let answer = &self.out[..len];
        count::answered(&self.counters, transport.into(), &snapshot, &self.plan, answer);
        self.denied.note(&self.counters, &snapshot, &context, &self.plan);
        if let Some(recorder) = &mut self.recorder {
            let over = match transport {
                Transport::Udp => Over::Udp,
                Transport::Tcp => Over::Tcp,
                Transport::Tls => Over::Tls,
            };
            recorder.tick();
            recorder.note(over, SocketAddr::new(client, 0), None, query, Some(answer));
        }
        out.extend_from_slice(answer);
        Answered::Whole
    }
}
