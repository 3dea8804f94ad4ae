//! `pools:`, pools that stand inline in a record, and their backends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;

use super::{Field, check, choice, fields, map, number, scalar, texts, ttl_of};
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::{Backend, Check, POOL_ADDRESSES_MAX, Policy, SetState};
use crate::config::node::{Kind, Node, Text};
use crate::config::value;

/// A pool, as written: all but what it says of checks and other pools is final.
pub(crate) struct PoolSpec<'n> {
    pub(crate) name: Text<'n>,
    pub(crate) policy: Policy,
    pub(crate) ttl: u32,
    pub(crate) min_ttl: u32,
    pub(crate) answers: NonZeroU16,
    pub(crate) when_all_down: WhenSpec<'n>,
    pub(crate) panic: u16,
    pub(crate) check: Option<CheckRef<'n>>,
    pub(crate) backends: Vec<Backend>,
}

/// Where a record's pool is.
pub(crate) enum PoolRef<'n> {
    Named(Text<'n>),
    Inline(PoolSpec<'n>),
}

/// Where a pool's check is; an inline one is `None` where it has a mistake.
pub(crate) enum CheckRef<'n> {
    Named(Text<'n>),
    Inline(Option<Arc<Check>>),
}

/// What is handed out when nothing passes, another pool by its name.
#[derive(Clone, Copy)]
pub(crate) enum WhenSpec<'n> {
    All,
    None,
    Last,
    Fallback(Text<'n>),
}

/// The TTL of a pool's answers, in seconds.
const TTL: u32 = 30;
/// The least TTL while a backend is changing side, in seconds.
const MIN_TTL: u32 = 5;
/// How many addresses an answer has at most.
const ANSWERS: NonZeroU16 = NonZeroU16::new(8).expect("eight is not zero");
/// The share of each backend that sets none.
const WEIGHT: NonZeroU16 = NonZeroU16::MIN;

/// What may stand in a pool.
pub(in crate::config) const POOL_KEYS: [&str; 9] = [
    "check",
    "policy",
    "ttl",
    "min_ttl",
    "answers",
    "when_all_down",
    "fallback",
    "panic",
    "backends",
];
/// What may stand in a backend.
pub(in crate::config) const BACKEND_KEYS: [&str; 3] = ["address", "weight", "state"];

pub(in crate::config) const POLICIES: [(&str, Policy); 3] =
    [("round_robin", Policy::RoundRobin), ("random", Policy::Random), ("fixed", Policy::Fixed)];
pub(in crate::config) const STATES: [(&str, SetState); 3] =
    [("auto", SetState::Auto), ("up", SetState::Up), ("down", SetState::Down)];

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
        _ => pool(record, node, file, mistakes).map(PoolRef::Inline),
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
            ttl: TTL,
            min_ttl: MIN_TTL,
            answers: ANSWERS,
            when_all_down: WhenSpec::All,
            panic: 0,
            check: None,
            backends: read_backends(node, mistakes),
        });
    }
    let [check, policy, ttl, min_ttl, answers, when, fallback, panic, backends] =
        fields(node, "a pool", POOL_KEYS, mistakes)?;
    let ttl = ttl.and_then(|(_, node)| ttl_of(node, mistakes)).unwrap_or(TTL);
    let min_ttl_set = min_ttl.and_then(|(_, node)| ttl_of(node, mistakes));
    if let (Some(set), Some((_, node))) = (min_ttl_set.filter(|set| *set > ttl), min_ttl) {
        mistakes.add(node.span, Problem::MinTtlTooLong { min_ttl: set, ttl });
    }
    let answers = answers.and_then(|(_, node)| {
        number::<u16>(node, "a number of answers", 1..=POOL_ADDRESSES_MAX as u32, mistakes)
    });
    let panic = panic
        .and_then(|(_, node)| scalar(node, "a share", mistakes))
        .and_then(|text| mistakes.take(text.span, value::share(text.text)));
    if backends.is_none() {
        mistakes.add(name.span, Problem::NoBackends);
    }
    Some(PoolSpec {
        name,
        policy: policy
            .and_then(|(_, node)| choice(node, "a policy", &POLICIES, mistakes))
            .unwrap_or(Policy::RoundRobin),
        ttl,
        min_ttl: min_ttl_set.unwrap_or(MIN_TTL.min(ttl)),
        answers: answers.and_then(NonZeroU16::new).unwrap_or(ANSWERS),
        when_all_down: read_when(when, fallback, mistakes),
        panic: panic.unwrap_or(0),
        check: check.and_then(|(_, node)| read_check(node, file, mistakes)),
        backends: backends.map(|(_, node)| read_backends(node, mistakes)).unwrap_or_default(),
    })
}

fn read_check<'n>(
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<CheckRef<'n>> {
    match &node.kind {
        Kind::Map(_) => Some(CheckRef::Inline(check::check(node, file, mistakes).map(Arc::new))),
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

/// The backends of one pool, with what must hold among them.
#[derive(Default)]
struct Backends {
    found: Vec<Backend>,
    /// Each address and the line of it.
    seen: HashMap<IpAddr, u32>,
}

/// Reads one address, a list of addresses and maps, or a map by names.
fn read_backends(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Vec<Backend> {
    let mut backends = Backends::default();
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| backends.add(None, item, mistakes)),
        Kind::Map(_) => {
            for (name, value) in map(node, "backends", mistakes).into_iter().flatten() {
                backends.add(Some(name), value, mistakes);
            }
        }
        Kind::Scalar(..) if node.is_nothing() => {}
        Kind::Scalar(..) => backends.add(None, node, mistakes),
    }
    let empty = match &node.kind {
        Kind::List(items) => items.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
        Kind::Scalar(..) => node.is_nothing(),
    };
    if empty {
        mistakes.add(node.span, Problem::NoBackends);
    }
    if backends.seen.len() > POOL_ADDRESSES_MAX {
        mistakes.add(node.span, Problem::TooManyAddresses { most: POOL_ADDRESSES_MAX });
    }
    backends.found
}

impl Backends {
    /// Takes one backend: an address, several, or a map of its settings.
    fn add(&mut self, name: Option<Text<'_>>, node: &Node<'_>, mistakes: &mut Mistakes<'_>) {
        let (addresses, weight, state) = match &node.kind {
            Kind::Map(_) => {
                let place = "a backend";
                let Some([address, weight, state]) = fields(node, place, BACKEND_KEYS, mistakes)
                else {
                    return;
                };
                let Some((_, address)) = address else {
                    mistakes.add(node.span, Problem::MissingKey { place, key: "address" });
                    return;
                };
                (address, weight, state)
            }
            _ => (node, None, None),
        };
        let weight = weight.and_then(|(_, node)| {
            let weight = number::<u16>(node, "a weight", 1..=65535, mistakes);
            weight.and_then(NonZeroU16::new)
        });
        let state = state.and_then(|(_, node)| choice(node, "a state", &STATES, mistakes));
        let found = texts(addresses, "an address or a list of them", mistakes);
        let empty = matches!(&addresses.kind, Kind::List(items) if items.is_empty());
        if empty {
            let backend = name.map_or("", |name| name.text).to_owned();
            mistakes.add(addresses.span, Problem::NoAddresses { backend });
        }
        let addresses: Vec<IpAddr> =
            found.into_iter().filter_map(|text| self.address(text, mistakes)).collect();
        let Some(first) = addresses.first() else { return };
        self.found.push(Backend {
            name: name.map_or_else(|| first.to_string(), |name| name.text.to_owned()),
            weight: weight.unwrap_or(WEIGHT),
            state: state.unwrap_or(SetState::Auto),
            addresses,
        });
    }

    fn address(&mut self, text: Text<'_>, mistakes: &mut Mistakes<'_>) -> Option<IpAddr> {
        let address = mistakes.take(text.span, value::address(text.text))?;
        if let Some(&first) = self.seen.get(&address) {
            let problem = Problem::DuplicateAddress { address: address.to_string(), first };
            mistakes.add(text.span, problem);
            return None;
        }
        self.seen.insert(address, text.span.line);
        Some(address)
    }
}
