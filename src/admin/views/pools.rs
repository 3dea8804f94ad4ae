//! Pools and their backends: who is in service and why, and who got what share.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::checks::short;
use crate::admin::model::{Address, Backend, BackendState, Basis, Pool, Source};
use crate::config::model as config;
use crate::engine::choose::least_load;
use crate::engine::choose::ready::{Group, Ready, Source as ReadySource};
use crate::engine::choose::share::{Share, shares};
use crate::engine::snapshot::{Snapshot, View};
use crate::health::backend::BackendKey;
use crate::health::overrides::{Hand, Overrides};
use crate::health::reason::Judgement;
use crate::health::registry::Registry;
use crate::health::sources::Panel;
use crate::health::target::{Streak, Target};
use crate::health::verdict::Basis as Rests;
use crate::name::Name;
use crate::state::publisher::Publisher;
use crate::state::what_if::{Facts, key};
use crate::zone::Zone;

/// All that is known at one moment.
pub struct Moment {
    /// What answers come from.
    pub snapshot: Arc<Snapshot>,
    publisher: Publisher,
    registry: Arc<Registry>,
    overrides: Arc<Overrides>,
    panel: Arc<Panel>,
    nothing: BTreeSet<BackendKey>,
}

/// A pool at that moment.
#[derive(Clone, Copy)]
pub struct PoolAt<'m> {
    moment: &'m Moment,
    /// Its zone.
    pub zone: &'m Zone,
    /// What its file says.
    pub pool: &'m config::Pool,
    /// What it hands out.
    pub ready: &'m Ready,
}

/// Whether the outcomes of each address are shown as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// They are.
    Shown,
    /// They are not.
    Hidden,
}

impl Moment {
    /// This moment.
    #[must_use]
    pub fn now(publisher: &Publisher) -> Self {
        let registry = Arc::clone(publisher.registry());
        Self {
            snapshot: publisher.snapshot().load_full(),
            overrides: publisher.overrides().load_full(),
            panel: registry.panel(),
            registry,
            publisher: publisher.clone(),
            nothing: BTreeSet::new(),
        }
    }

    /// What hands have set.
    #[must_use]
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// What verdicts are made of.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        let Self { registry, overrides, nothing, .. } = self;
        Facts { registry, overrides, down: nothing }
    }

    /// All pools of all zones that are served.
    pub fn pools(&self) -> impl Iterator<Item = PoolAt<'_>> {
        self.snapshot.zones().flat_map(move |view| self.pools_of(view))
    }

    /// All pools of a zone.
    pub fn pools_of<'m>(&'m self, view: &'m View) -> impl Iterator<Item = PoolAt<'m>> {
        let served = match view {
            View::Served { zone, ready } => Some((zone, ready)),
            View::Broken(_) | View::Expired(_) => None,
        };
        served.into_iter().flat_map(move |(zone, ready)| {
            let pools = zone.pools.iter().zip(ready.iter());
            pools.map(move |(pool, ready)| PoolAt { moment: self, zone, pool, ready })
        })
    }
}

impl<'m> PoolAt<'m> {
    /// The pool as the API gives it.
    #[must_use]
    pub fn view(&self) -> Pool {
        let Self { zone, pool, ready, .. } = self;
        Pool {
            key: pool_key(&zone.origin, &pool.label()),
            zone: zone.origin.to_string(),
            pool: pool.label().into_owned(),
            policy: pool.policy.name().to_owned(),
            answers: pool.answers.get(),
            ttl: pool.ttl,
            ttl_now: ready.ttl,
            source: source(ready.source),
            check: pool.check.as_deref().map(short),
            backends: self.backends(History::Hidden, |_| true),
        }
    }

    /// Whether it stands in others alone.
    pub(super) fn is_part(&self) -> bool {
        let own = |pool: &config::Pool| std::ptr::eq(pool, self.pool);
        let place = self.zone.pools.iter().position(own);
        place.is_some_and(|place| self.zone.parts.contains(&place))
    }

    /// The names of its backends, in the order of the file.
    pub fn keys(&self) -> impl Iterator<Item = BackendKey> + use<'m> {
        let Self { zone, pool, .. } = *self;
        pool.backends.iter().map(move |backend| key(zone, pool, backend))
    }

    /// Those of its backends that are wanted, in the order of the file.
    pub fn backends(
        &self,
        history: History,
        is_wanted: impl Fn(&BackendKey) -> bool,
    ) -> Vec<Backend> {
        let Self { moment, zone, pool, ready } = self;
        let mut judgements = moment.facts().judgements(zone, pool).into_iter();
        let shares = shares(pool, ready);
        let mut found = Vec::new();
        let mut groups = ready.groups.iter();
        for (backend, share) in pool.backends.iter().zip(shares) {
            let own: Vec<Judgement> =
                judgements.by_ref().take(backend.endpoints().count()).collect();
            let key = key(zone, pool, backend);
            if let Some(group) = backend.inner().and_then(|_| groups.next()) {
                if is_wanted(&key) {
                    found.push(self.group(&key, backend, group, share));
                }
            } else if is_wanted(&key) {
                found.push(self.backend(&key, backend, &own, share, history));
            }
        }
        found
    }

    /// The states of its backends.
    #[must_use]
    pub fn states(&self) -> Vec<BackendState> {
        let shown = self.backends(History::Hidden, |_| true);
        shown.into_iter().map(|backend| backend.state).collect()
    }

    fn backend(
        &self,
        key: &BackendKey,
        backend: &config::Backend,
        judgements: &[Judgement],
        share: Share,
        history: History,
    ) -> Backend {
        let set = self.moment.overrides.get(key);
        let hand = set.map(|set| set.hand);
        let mut since = None;
        let mut addresses = Vec::with_capacity(judgements.len());
        for judgement in judgements {
            let (address, side_since) = self.address(backend, judgement, history);
            since = since.max(side_since);
            addresses.push(address);
        }
        Backend {
            state: state(judgements, hand),
            reason: self.with_pace(reason(judgements), backend, judgements, share.due),
            since: set.map(|set| set.since).or(since).map(super::time),
            weight: backend.weight,
            set: set.map(|set| super::set(set, true)),
            answers: share.answers,
            share: share.got,
            share_due: share.due,
            safe_to_stop: self.moment.publisher.safe_to_stop(key).map(super::time),
            pool: None,
            addresses,
            key: key.to_string(),
        }
    }

    /// A pool within, as one backend: its addresses are shown where it stands by itself.
    fn group(
        &self,
        key: &BackendKey,
        backend: &config::Backend,
        group: &Group,
        share: Share,
    ) -> Backend {
        let inner = backend.inner().and_then(|place| self.zone.pools.get(place));
        let state = if group.standing.in_service { BackendState::Up } else { BackendState::Down };
        let said = self.backend(key, backend, &[], share, History::Hidden);
        let state = if said.state == BackendState::Drained { said.state } else { state };
        let pool = inner.map(|inner| inner.label().into_owned());
        let reason = inner.map_or_else(String::new, |inner| group.told(inner));
        Backend { state, reason, pool, ..said }
    }

    /// A reason, what follows from the load where that chooses, and how far a slow start has come.
    fn with_pace(
        &self,
        reason: String,
        backend: &config::Backend,
        judgements: &[Judgement],
        due: f64,
    ) -> String {
        let Self { pool, ready, .. } = self;
        let load = judgements.iter().map(|judgement| judgement.verdict.told.load).max().flatten();
        let reason = match least_load::text(pool, load, due).filter(|_| due > 0.0) {
            Some(text) => format!("{reason}; {text}"),
            None => reason,
        };
        let mut slow = backend.endpoints().filter_map(|one| ready.memory.slow_start(pool, &one));
        match slow.next() {
            Some(share) => format!("{reason}; slow start: {share} %"),
            None => reason,
        }
    }

    /// An address, and since when it has been on its side.
    fn address(
        &self,
        backend: &config::Backend,
        judgement: &Judgement,
        history: History,
    ) -> (Address, Option<u64>) {
        let Self { moment, pool, ready, .. } = self;
        let endpoint = &judgement.endpoint;
        let check = pool.check_of(backend);
        let target = check.zip(backend.probe_of(endpoint));
        let target = target.map(|(check, address)| Target { address, check: Arc::clone(check) });
        let seen = target.as_ref().and_then(|target| moment.registry.seen(target));
        let (outcomes, failures) = match (&target, history) {
            (Some(target), History::Shown) => {
                (moment.registry.history(target), moment.registry.failures(target))
            }
            _ => (Vec::new(), Vec::new()),
        };
        let reports = match (&seen, check) {
            (Some(seen), Some(check)) => super::reports(seen, &moment.panel, Streak::of(check)),
            _ => Vec::new(),
        };
        let told = judgement.verdict.told;
        let flapping = seen.as_ref().and_then(|seen| seen.flapping);
        let view = Address {
            address: endpoint.to_string(),
            in_service: judgement.verdict.in_service,
            in_answers: ready.has(endpoint),
            basis: basis(judgement.verdict.basis),
            changes: seen.as_ref().map_or(0, |seen| seen.changes),
            is_degraded: is_degraded(judgement),
            role: told.role.map(|role| role.name().to_owned()),
            lag_ms: told.lag.map(|lag| lag.as_millis().try_into().unwrap_or(u64::MAX)),
            held_until: flapping.map(|hold| super::time(hold.until)),
            reports,
            history: outcomes.iter().map(super::outcome).collect(),
            failures: failures.iter().map(super::outcome).collect(),
        };
        // A side is why it is in service, or not, only where the checks decide.
        let is_judged =
            matches!(judgement.verdict.basis, Rests::Judged | Rests::Held | Rests::Flapping);
        (view, seen.and_then(|seen| seen.since).filter(|_| is_judged))
    }
}

fn state(judgements: &[Judgement], hand: Option<Hand>) -> BackendState {
    let serving = judgements.iter().filter(|judgement| judgement.verdict.in_service).count();
    match (hand, serving) {
        (Some(Hand::Drain), _) => BackendState::Drained,
        (_, 0) => BackendState::Down,
        (_, serving) if serving == judgements.len() => {
            if judgements.iter().any(is_degraded) {
                BackendState::Degraded
            } else {
                BackendState::Up
            }
        }
        _ => BackendState::Partial,
    }
}

/// Whether it serves, and something about it should be seen to.
fn is_degraded(judgement: &Judgement) -> bool {
    judgement.verdict.in_service && judgement.verdict.told.is_degraded
}

/// One reason where all addresses have the same, else each with its own.
fn reason(judgements: &[Judgement]) -> String {
    match judgements {
        [] => String::new(),
        [first, rest @ ..] if rest.iter().all(|other| other.reason == first.reason) => {
            first.reason.clone()
        }
        all => {
            let each = all.iter().map(|one| format!("{}: {}", one.endpoint, one.reason));
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

/// `ZONE/POOL`, as the keys of its backends begin.
#[must_use]
pub fn pool_key(zone: &Name, pool: &str) -> String {
    let key = BackendKey::new(&zone.to_string(), pool, "");
    key.as_str().strip_suffix('/').unwrap_or(key.as_str()).to_owned()
}

/// Where the addresses of a pool come from.
#[must_use]
pub fn source(source: ReadySource) -> Source {
    match source {
        ReadySource::InService => Source::InService,
        ReadySource::Panic => Source::Panic,
        ReadySource::AllDown => Source::AllDown,
        ReadySource::Last => Source::Last,
        ReadySource::Fallback => Source::Fallback,
        ReadySource::Nothing => Source::Nothing,
    }
}

fn basis(basis: Rests) -> Basis {
    match basis {
        Rests::Override => Basis::Override,
        Rests::Set => Basis::Set,
        Rests::Unchecked => Basis::Unchecked,
        Rests::Asked => Basis::Asked,
        Rests::Judged => Basis::Judged,
        Rests::Isolated => Basis::Isolated,
        Rests::Flapping => Basis::Flapping,
        Rests::Held => Basis::Held,
        Rests::Open => Basis::Open,
        Rests::Remembered => Basis::Remembered,
        Rests::Assumed => Basis::Assumed,
    }
}
