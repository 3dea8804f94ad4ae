//! Pools and their backends: most of a page, so each text of labels is made once and copied.
//!
//! What is handed out is told for each face of a pool, by its label `face`; how a backend stands is told once for each of its addresses,
//! whoever sees it, so that a sum counts it once.

use std::collections::HashSet;
use std::sync::Arc;

use super::page::{Family, Format, Kind, Labels};
use super::{World, zone_labels};
use crate::config::model::{Backend, Endpoint, Face, Pool, Role};
use crate::engine::choose::ready::{Ready, Source};
use crate::engine::choose::share::due;
use crate::engine::snapshot::View;
use crate::health::history::{BUCKETS_US, Latency};
use crate::health::target::Target;
use crate::health::told;
use crate::health::verdict::{Basis, Verdict};
use crate::zone::Zone;

/// The upper bounds of [`BUCKETS_US`], in seconds as OpenMetrics wants them, and the last that has none.
const BOUNDS: [&str; BUCKETS_US.len() + 1] = [
    r#"le="0.001""#,
    r#"le="0.0025""#,
    r#"le="0.005""#,
    r#"le="0.01""#,
    r#"le="0.025""#,
    r#"le="0.05""#,
    r#"le="0.1""#,
    r#"le="0.25""#,
    r#"le="0.5""#,
    r#"le="1.0""#,
    r#"le="2.5""#,
    r#"le="5.0""#,
    r#"le="+Inf""#,
];

/// The families of pools and backends, all filled in one pass.
struct Families {
    source: Family,
    ttl: Family,
    in_service: Family,
    state: Family,
    in_answers: Family,
    role: Family,
    lag: Family,
    answers: Family,
    due: Family,
    changes: Family,
    check: Family,
}

impl Families {
    fn new(format: Format) -> Self {
        let gauge = |name, help| Family::new(format, Kind::Gauge, name, help);
        let counter = |name, help| Family::new(format, Kind::Counter, name, help);
        Self {
            source: gauge(
                "pool_source",
                "1 for where the addresses that the pool hands out come from",
            ),
            ttl: gauge("pool_ttl_seconds", "How long an answer of the pool may be kept now"),
            in_service: gauge(
                "backend_in_service",
                "1 where the address should serve, 0 where not",
            ),
            state: gauge("backend_state", "1 for the state that the address is in"),
            in_answers: gauge(
                "backend_in_answers",
                "1 where answers may have the address now, 0 where not",
            ),
            role: gauge("backend_role", "1 for what the address says that it is among its like"),
            lag: gauge(
                "backend_lag_seconds",
                "How far the address is behind its primary, as it says",
            ),
            answers: counter("backend_answers", "Answers that held the address"),
            due: gauge(
                "backend_due_ratio",
                "The part of what the pool hands out of its family that the address should be now",
            ),
            changes: counter(
                "backend_changes",
                "How often the address has changed side by its checks",
            ),
            check: Family::new(
                format,
                Kind::Histogram,
                "check_duration_seconds",
                "How long the checks of the address took, whoever made them",
            ),
        }
    }

    fn pool(
        &mut self,
        world: &World<'_>,
        zone: &Zone,
        pool: &Pool,
        ready: &Arc<Ready>,
        labels: &Labels,
    ) {
        let seen_as = pool.seen_as();
        let faced = seen_as.map_or_else(|| labels.clone(), |seen| labels.with("face", &seen));
        let text = faced.as_str();
        self.source.part("", text, source_label(ready.source), 1);
        self.ttl.sample(text, ready.ttl);
        let handed = ready.handed().map(|handed| handed.answers()).unwrap_or_default();
        let due = due(ready);
        let in_answers: HashSet<&Endpoint> = ready.endpoints().collect();
        let mut handed_out = |text: &str, endpoint: &Endpoint| {
            self.in_answers.sample(text, u8::from(in_answers.contains(endpoint)));
            self.answers.sample(text, handed.get(endpoint).copied().unwrap_or(0));
            self.due.sample(text, due.get(endpoint).copied().unwrap_or(0.0));
        };
        for (backend, endpoint) in pool.endpoints() {
            handed_out(backend_labels(&faced, backend, &endpoint).as_str(), &endpoint);
        }
        for (backend, inner) in pool.within(&zone.pools) {
            for (_, endpoint) in inner.flat(&zone.pools).endpoints() {
                handed_out(backend_labels(&faced, backend, &endpoint).as_str(), &endpoint);
            }
        }
        let Some(told) = told_by(zone, pool) else { return };
        // A pool within is one backend, by whichever addresses.
        let within = pool.within(&zone.pools).filter(|_| pool.face.is_none());
        for ((backend, _), group) in within.zip(&ready.groups) {
            let labels = labels.with("backend", &backend.name);
            let (in_service, is_set_down) = (group.standing.in_service, group.standing.is_set_down);
            self.in_service.sample(labels.as_str(), u8::from(in_service));
            let state = match (in_service, is_set_down) {
                (true, _) => r#"state="up""#,
                (false, true) => r#"state="set_down""#,
                (false, false) => r#"state="down""#,
            };
            self.state.part("", labels.as_str(), state, 1);
        }
        let verdicts = world.facts.verdicts(zone, pool);
        let verdicts = pool.endpoints().zip(verdicts).filter(|((_, own), _)| told.are_of(own));
        for ((backend, endpoint), verdict) in verdicts {
            let labels = backend_labels(labels, backend, &endpoint);
            let text = labels.as_str();
            self.in_service.sample(text, u8::from(verdict.in_service));
            self.state.part("", text, state_label(&verdict), 1);
            if let Some(role) = verdict.told.role {
                self.role.part("", text, role_label(role), 1);
            }
            if let Some(lag) = verdict.told.lag {
                self.lag.sample(text, lag.as_secs_f64());
            }
            let Some((check, address)) = pool.check_of(backend).zip(backend.probe_of(&endpoint))
            else {
                continue;
            };
            let target = Target { address, check: Arc::clone(check) };
            if let Some(seen) = world.facts.registry.seen(&target) {
                self.changes.sample(text, seen.changes);
                self.latency(text, &seen.latency);
            }
        }
    }

    fn latency(&mut self, labels: &str, latency: &Latency) {
        let mut below = 0;
        for (count, bound) in latency.counts.iter().zip(BOUNDS) {
            below += u64::from(*count);
            self.check.part("_bucket", labels, bound, below);
        }
        let (whole, rest) = (latency.sum_us / 1_000_000, latency.sum_us % 1_000_000);
        self.check.part("_sum", labels, "", format_args!("{whole}.{rest:06}"));
        self.check.part("_count", labels, "", below);
    }
}

/// Whose states a pool tells.
enum Told {
    /// All.
    All,
    /// But for these.
    But(HashSet<Endpoint>),
}

impl Told {
    fn are_of(&self, endpoint: &Endpoint) -> bool {
        match self {
            Self::All => true,
            Self::But(others) => !others.contains(endpoint),
        }
    }
}

/// Of which endpoints a pool tells the states, so that each is told once: one of the file of all, and one by private addresses of those,
/// which no other has that is not a part of it.
fn told_by(zone: &Zone, pool: &Pool) -> Option<Told> {
    match pool.face {
        None => Some(Told::All),
        Some(Face { of, role: None, is_private: true, site: None }) => {
            let whole = zone.pools.get(of)?.endpoints();
            Some(Told::But(whole.map(|(_, endpoint)| endpoint).collect()))
        }
        Some(_) => None,
    }
}

/// What there is to tell of each pool and each backend.
pub(super) fn pools(world: &World<'_>, format: Format) -> Vec<Family> {
    let mut families = Families::new(format);
    for view in world.snapshot.zones() {
        let View::Served { zone, ready } = view else { continue };
        let labels = zone_labels(&zone.origin);
        for (pool, ready) in zone.pools.iter().zip(ready.iter()) {
            let labels = labels.with("pool", &pool.name);
            families.pool(world, zone, pool, ready, &labels);
        }
    }
    let Families { source, ttl, in_service, state, in_answers, role, lag, .. } = families;
    let Families { answers, due, changes, check, .. } = families;
    vec![source, ttl, in_service, state, in_answers, role, lag, answers, due, changes, check]
}

fn backend_labels(pool: &Labels, backend: &Backend, endpoint: &Endpoint) -> Labels {
    pool.with("backend", &backend.name).with("address", &endpoint.to_string())
}

fn state_label(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict { in_service: true, told: told::Told { is_degraded: true, .. }, .. } => {
            r#"state="degraded""#
        }
        Verdict { in_service: true, .. } => r#"state="up""#,
        Verdict { basis: Basis::Flapping, .. } => r#"state="flapping""#,
        Verdict { is_set_down: true, .. } => r#"state="set_down""#,
        _ => r#"state="down""#,
    }
}

fn role_label(role: Role) -> &'static str {
    match role {
        Role::Primary => r#"role="primary""#,
        Role::Replica => r#"role="replica""#,
    }
}

fn source_label(source: Source) -> &'static str {
    match source {
        Source::InService => r#"source="in_service""#,
        Source::Panic => r#"source="panic""#,
        Source::AllDown => r#"source="all_down""#,
        Source::Last => r#"source="last""#,
        Source::Fallback => r#"source="fallback""#,
        Source::Nothing => r#"source="nothing""#,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_has_its_bound() {
        for (bound, micros) in BOUNDS.iter().zip(BUCKETS_US) {
            let text = bound.trim_start_matches("le=\"").trim_end_matches('"');
            let seconds: f64 = text.parse().expect("a number");
            assert!((seconds * 1e6 - f64::from(micros)).abs() < 0.5, "{bound}");
        }
    }
}
