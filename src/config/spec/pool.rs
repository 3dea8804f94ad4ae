//! `pools:` and pools that stand inline in a record.

use std::num::NonZeroU16;
use std::path::Path;
use std::time::Duration;

use super::backend::{BackendSpec, read_backends};
use super::check::CheckSpec;
use super::{Field, check, choice, fields, number, scalar, ttl_of};
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::{
    Degraded, Failback, HashBy, HashKey, POOL_ADDRESSES_MAX, Policy, Pool, Tiers,
};
use crate::config::node::{Kind, Node, Text};
use crate::config::value;

/// A pool, as written: all but names and what it says of checks and other pools is final.
pub(crate) struct PoolSpec<'n> {
    pub(crate) name: Text<'n>,
    pub(crate) policy: Policy,
    pub(crate) ttl: u32,
    pub(crate) min_ttl: u32,
    pub(crate) answers: NonZeroU16,
    pub(crate) services: NonZeroU16,
    /// For SRV of backends that set none.
    pub(crate) port: Option<u16>,
    pub(crate) when_all_down: WhenSpec<'n>,
    pub(crate) panic: u16,
    pub(crate) degraded: Degraded,
    pub(crate) tiers: Tiers,
    pub(crate) max_lag: Option<Duration>,
    pub(crate) multi_primary: bool,
    pub(crate) hash: HashBy,
    pub(crate) slow_start: Duration,
    pub(crate) failover_max: Option<Duration>,
    pub(crate) check: Option<CheckRef<'n>>,
    pub(crate) backends: Vec<BackendSpec<'n>>,
}

/// Where a record's pool is.
pub(crate) enum PoolRef<'n> {
    Named(Text<'n>),
    Inline(Box<PoolSpec<'n>>),
}

/// Where a check is; an inline one is `None` where it has a mistake.
#[derive(Clone)]
pub(crate) enum CheckRef<'n> {
    Named(Text<'n>),
    Inline(Span, Option<Box<CheckSpec<'n>>>),
}

impl CheckRef<'_> {
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Named(name) => name.span,
            Self::Inline(at, _) => *at,
        }
    }
}

/// What is handed out when nothing passes, another pool by its name.
#[derive(Clone, Copy)]
pub(crate) enum WhenSpec<'n> {
    All,
    None,
    Last,
    Fallback(Text<'n>),
}

/// What may stand in a pool.
pub(in crate::config) const POOL_KEYS: [&str; 18] = [
    "check",
    "policy",
    "ttl",
    "min_ttl",
    "answers",
    "when_all_down",
    "fallback",
    "panic",
    "degraded",
    "min_healthy",
    "failback",
    "max_lag",
    "multi_primary",
    "hash",
    "slow_start",
    "failover_max",
    "port",
    "backends",
];

pub(in crate::config) const DEGRADED: [(&str, Degraded); 2] =
    [("serve", Degraded::Serve), ("avoid", Degraded::Avoid)];

pub(in crate::config) const POLICIES: [(&str, Policy); 8] = [
    ("round_robin", Policy::RoundRobin),
    ("weighted", Policy::Weighted),
    ("random", Policy::Random),
    ("fixed", Policy::Fixed),
    ("least_load", Policy::LeastLoad),
    ("hash", Policy::Hash),
    ("failover", Policy::Failover),
    ("nearest", Policy::Nearest),
];

/// What may stand in `hash`.
pub(in crate::config) const HASH_KEYS: [&str; 3] = ["key", "v4", "v6"];
/// What `key` of it may be.
pub(in crate::config) const HASHED: [(&str, HashKey); 3] =
    [("client", HashKey::Client), ("subnet", HashKey::Subnet), ("name", HashKey::Name)];

/// The words of `failback`, besides a duration.
pub(in crate::config) const FAILBACKS: [(&str, Failback); 2] =
    [("at once", Failback::AtOnce), ("never", Failback::Never)];
/// How long a slow start may take.
pub(in crate::config) const SLOW_STARTS: (Duration, Duration) = HOLDS;
/// How long a better tier may have to wait.
pub(in crate::config) const HOLDS: (Duration, Duration) =
    (Duration::from_secs(1), Duration::from_secs(86_400));
/// The least and the greatest `max_lag`.
const LAGS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(86_400));

/// What `when_all_down` says, before the fallback's pool is known.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::config) enum Word {
    All,
    None,
    Last,
    Fallback,
}

pub(in crate::config) const WORDS: [(&str, Word); 4] =
    [("all", Word::All), ("none", Word::None), ("last", Word::Last), ("fallback", Word::Fallback)];

/// Reads `pool:` of a record: a name, a map, or only a list of backends.
pub(super) fn pool_ref<'n>(
    record: Text<'n>,
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<PoolRef<'n>> {
    match &node.kind {
        Kind::Scalar(..) => scalar(node, "a pool's name", mistakes).map(PoolRef::Named),
        _ => pool(record, node, file, mistakes).map(|pool| PoolRef::Inline(Box::new(pool))),
    }
}

/// Reads one pool; a list is a pool of these backends.
pub(super) fn pool<'n>(
    name: Text<'n>,
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<PoolSpec<'n>> {
    if let Kind::List(_) = &node.kind {
        return Some(PoolSpec {
            name,
            policy: Policy::RoundRobin,
            ttl: Pool::TTL,
            min_ttl: Pool::MIN_TTL,
            answers: Policy::RoundRobin.answers(),
            services: Policy::RoundRobin.answers(),
            port: None,
            when_all_down: WhenSpec::All,
            panic: 0,
            degraded: Degraded::Serve,
            tiers: Tiers::default(),
            max_lag: None,
            multi_primary: false,
            hash: HashBy::default(),
            slow_start: Duration::ZERO,
            failover_max: None,
            check: None,
            backends: read_backends(node, file, mistakes),
        });
    }
    let [
        check,
        policy,
        ttl,
        min_ttl,
        answers,
        when,
        fallback,
        panic,
        degraded,
        min_healthy,
        back,
        max_lag,
        multi_primary,
        hash,
        slow_start,
        failover_max,
        port,
        backends,
    ] = fields(node, "a pool", POOL_KEYS, mistakes)?;
    let ttl = ttl.and_then(|(_, node)| ttl_of(node, mistakes)).unwrap_or(Pool::TTL);
    let min_ttl_set = min_ttl.and_then(|(_, node)| ttl_of(node, mistakes));
    if let (Some(set), Some((_, node))) = (min_ttl_set.filter(|set| *set > ttl), min_ttl) {
        mistakes.add(node.span, Problem::MinTtlTooLong { min_ttl: set, ttl });
    }
    let answers = answers.and_then(|(_, node)| {
        number::<u16>(node, "a number of answers", 1..=POOL_ADDRESSES_MAX as u32, mistakes)
    });
    let answers = answers.and_then(NonZeroU16::new);
    let panic = panic
        .and_then(|(_, node)| scalar(node, "a share", mistakes))
        .and_then(|text| mistakes.take(text.span, value::share(text.text)));
    if backends.is_none() {
        mistakes.add(name.span, Problem::NoBackends);
    }
    let policy = policy
        .and_then(|(_, node)| choice(node, "a policy", &POLICIES, mistakes))
        .unwrap_or(Policy::RoundRobin);
    Some(PoolSpec {
        name,
        policy,
        ttl,
        min_ttl: min_ttl_set.unwrap_or(Pool::MIN_TTL.min(ttl)),
        answers: answers.unwrap_or(policy.answers()),
        services: answers.unwrap_or(Policy::RoundRobin.answers()),
        port: port.and_then(|(_, node)| read_port(node, mistakes)),
        when_all_down: read_when(when, fallback, mistakes),
        panic: panic.unwrap_or(0),
        degraded: degraded
            .and_then(|(_, node)| choice(node, "what to do", &DEGRADED, mistakes))
            .unwrap_or(Degraded::Serve),
        tiers: read_tiers(min_healthy, back, mistakes),
        max_lag: max_lag.and_then(|(_, node)| {
            let text = scalar(node, "a duration", mistakes)?;
            mistakes.take(text.span, value::span("the lag", text.text, LAGS))
        }),
        multi_primary: multi_primary
            .and_then(|(_, node)| {
                choice(node, "yes or no", &[("true", true), ("false", false)], mistakes)
            })
            .unwrap_or_default(),
        hash: read_hash(hash, policy, mistakes),
        slow_start: read_slow_start(slow_start, policy, mistakes),
        failover_max: failover_max.and_then(|(_, node)| {
            let text = scalar(node, "a duration", mistakes)?;
            mistakes.take(text.span, value::failover_max(text.text))
        }),
        check: check.and_then(|(_, node)| read_check(node, file, mistakes)),
        backends: backends.map(|(_, node)| read_backends(node, file, mistakes)).unwrap_or_default(),
    })
}

fn read_slow_start(
    slow_start: Option<Field<'_>>,
    policy: Policy,
    mistakes: &mut Mistakes<'_>,
) -> Duration {
    let Some((key, node)) = slow_start else { return Duration::ZERO };
    if !policy.weighs() {
        mistakes.add(key.span, Problem::SlowStartUnused { policy: policy.name() });
    }
    let text = scalar(node, "a duration", mistakes);
    let time = text.and_then(|text| {
        mistakes.take(text.span, value::span("the slow start", text.text, SLOW_STARTS))
    });
    time.unwrap_or_default()
}

fn read_hash(hash: Option<Field<'_>>, policy: Policy, mistakes: &mut Mistakes<'_>) -> HashBy {
    let usual = HashBy::default();
    let Some((key, node)) = hash else { return usual };
    if policy != Policy::Hash {
        mistakes.add(key.span, Problem::HashUnused);
    }
    let Some([key, v4, v6]) = fields(node, "a hash", HASH_KEYS, mistakes) else { return usual };
    let key = key.and_then(|(_, node)| choice(node, "a key", &HASHED, mistakes));
    let mut bits = |field: Option<Field<'_>>, most| {
        field.and_then(|(_, node)| number(node, "a number of bits", 0..=most, mistakes))
    };
    let (v4, v6) = (bits(v4, 32), bits(v6, 128));
    HashBy { key: key.unwrap_or(usual.key), v4: v4.unwrap_or(usual.v4), v6: v6.unwrap_or(usual.v6) }
}

fn read_tiers(
    min_healthy: Option<Field<'_>>,
    failback: Option<Field<'_>>,
    mistakes: &mut Mistakes<'_>,
) -> Tiers {
    let usual = Tiers::default();
    let min_healthy = min_healthy.and_then(|(_, node)| {
        number(node, "a number of backends", 1..=POOL_ADDRESSES_MAX as u32, mistakes)
    });
    let failback = failback.and_then(|(_, node)| scalar(node, "when to go back", mistakes));
    let failback = failback.and_then(|text| {
        let word = FAILBACKS.iter().find(|(word, _)| *word == text.text);
        match (word, value::duration(text.text)) {
            (Some((_, failback)), _) => Some(*failback),
            (None, Err(_)) => {
                mistakes.add(text.span, Problem::BadFailback { text: text.text.into() });
                None
            }
            (None, Ok(_)) => {
                let hold = value::span("the hold before a failback", text.text, HOLDS);
                mistakes.take(text.span, hold).map(Failback::After)
            }
        }
    });
    Tiers {
        min_healthy: min_healthy.unwrap_or(usual.min_healthy),
        failback: failback.unwrap_or(usual.failback),
    }
}

/// Reads the port of a service.
pub(super) fn read_port(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<u16> {
    number(node, "a port", 1..=u16::MAX.into(), mistakes)
}

pub(super) fn read_check<'n>(
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<CheckRef<'n>> {
    match &node.kind {
        Kind::Map(_) => Some(CheckRef::Inline(node.span, check::check(node, file, mistakes))),
        _ => scalar(node, "a check's name or a map", mistakes).map(CheckRef::Named),
    }
}

fn read_when<'n>(
    when: Option<Field<'n>>,
    fallback: Option<Field<'n>>,
    mistakes: &mut Mistakes<'_>,
) -> WhenSpec<'n> {
    let word = when.map(|(_, node)| choice(node, "what to hand out", &WORDS, mistakes));
    let pool = fallback.and_then(|(_, node)| scalar(node, "a pool's name", mistakes));
    match (word, fallback) {
        (Some(Some(Word::Fallback)), None) => {
            let at = when.map_or(Span::FILE, |(_, node)| node.span);
            mistakes.add(at, Problem::NoFallback);
        }
        (None | Some(Some(Word::All | Word::None | Word::Last)), Some((key, _))) => {
            mistakes.add(key.span, Problem::FallbackUnused);
        }
        _ => {}
    }
    match (word.flatten(), pool) {
        (Some(Word::Fallback), Some(pool)) => WhenSpec::Fallback(pool),
        (Some(Word::None), _) => WhenSpec::None,
        (Some(Word::Last), _) => WhenSpec::Last,
        _ => WhenSpec::All,
    }
}
