//! `shards:` of a wildcard: which pool is for which label.

use super::pool::PoolRef;
use super::rules::RulesSpec;
use super::{choice, fields, scalar, texts};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{By, SHARDS_MAX};
use crate::config::node::{Kind, Node, Text};
use crate::name::Name;

/// How labels are shared out, as written.
pub(crate) struct ShardsSpec<'n> {
    pub(crate) by: By,
    /// The names of the pools, as many as [`By`] asks for.
    pub(crate) pools: Vec<Text<'n>>,
}

/// What may stand in `shards`.
pub(in crate::config) const SHARDS_KEYS: [&str; 3] = ["by", "of", "pools"];
/// What may stand in a range.
pub(in crate::config) const RANGE_KEYS: [&str; 2] = ["to", "pool"];

#[derive(Clone, Copy, PartialEq)]
pub(in crate::config) enum Word {
    Range,
    Hash,
}

pub(in crate::config) const WORDS: [(&str, Word); 2] =
    [("range", Word::Range), ("hash", Word::Hash)];

/// Reads `shards`; the first of its pools stands for those who know nothing of shards.
pub(super) fn read_shards<'n>(
    node: &'n Node<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<RulesSpec<'n>> {
    let place = "`shards`";
    let [by, of, pools] = fields(node, place, SHARDS_KEYS, mistakes)?;
    let Some((_, by)) = by else {
        mistakes.add(node.span, Problem::MissingKey { place, key: "by" });
        return None;
    };
    let by = choice(by, "how labels are shared out", &WORDS, mistakes)?;
    let ((own, key), other) = match by {
        Word::Range => ((of, "of"), pools),
        Word::Hash => ((pools, "pools"), of),
    };
    if let Some((at, _)) = other {
        mistakes.add(at.span, Problem::ShardsOfOtherKind { key });
    }
    let Some((_, list)) = own else {
        mistakes.add(node.span, Problem::MissingKey { place, key });
        return None;
    };
    let shards = match by {
        Word::Range => ranges(list, mistakes)?,
        Word::Hash => hashed(list, mistakes)?,
    };
    if shards.pools.len() > SHARDS_MAX {
        mistakes.add(list.span, Problem::TooManyShards { most: SHARDS_MAX });
    }
    let first = *shards.pools.first()?;
    let spec = RulesSpec::everybody(PoolRef::Named(first));
    Some(RulesSpec { shards: Some(shards), ..spec })
}

/// Reads the pools of a hash, none of them twice.
fn hashed<'n>(node: &'n Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<ShardsSpec<'n>> {
    let pools = texts(node, "a list of pools", mistakes);
    for (place, pool) in pools.iter().enumerate() {
        if pools[..place].iter().any(|other| other.text == pool.text) {
            mistakes.add(pool.span, Problem::ValueTwice { text: pool.text.to_owned() });
        }
    }
    if pools.is_empty() {
        mistakes.add(node.span, Problem::NoShards);
        return None;
    }
    Some(ShardsSpec { by: By::Hash, pools })
}

/// Reads ranges: each but the last has a bound, and bounds rise.
fn ranges<'n>(node: &'n Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<ShardsSpec<'n>> {
    let Kind::List(items) = &node.kind else {
        let what = "a list of ranges such as `{to: g, pool: POOL}`";
        mistakes.add(node.span, Problem::Expected { what, found: node.describe() });
        return None;
    };
    let Some(last) = items.len().checked_sub(1) else {
        mistakes.add(node.span, Problem::NoShards);
        return None;
    };
    let (mut bounds, mut pools) = (Vec::<Box<[u8]>>::new(), Vec::new());
    let mut is_whole = true;
    for (number, item) in items.iter().enumerate() {
        let place = "a range";
        let Some([to, pool]) = fields(item, place, RANGE_KEYS, mistakes) else {
            is_whole = false;
            continue;
        };
        match (to, number == last) {
            (Some((key, _)), true) => mistakes.add(key.span, Problem::LastShardHasBound),
            (None, false) => mistakes.add(item.span, Problem::ShardWithoutBound),
            (Some((_, node)), false) => {
                let text = scalar(node, "a label", mistakes);
                match text.and_then(|text| Some((text, label(text, mistakes)?))) {
                    Some((text, bound)) => {
                        let before = bounds.last().filter(|before| !rises(before, &bound));
                        if let Some(before) = before {
                            let before = String::from_utf8_lossy(before).into_owned();
                            let text = text.text.to_owned();
                            mistakes.add(node.span, Problem::BoundsDoNotRise { text, before });
                        }
                        bounds.push(bound);
                    }
                    None => is_whole = false,
                }
            }
            (None, true) => {}
        }
        if pool.is_none() {
            mistakes.add(item.span, Problem::MissingKey { place, key: "pool" });
        }
        let pool = pool.and_then(|(_, node)| scalar(node, "a pool's name", mistakes));
        is_whole &= pool.is_some();
        pools.extend(pool);
    }
    let by = By::Range(bounds);
    (is_whole && !pools.is_empty()).then_some(ShardsSpec { by, pools })
}

/// Whether a bound leaves some label to its range: what begins with the one before is taken.
fn rises(before: &[u8], bound: &[u8]) -> bool {
    before < bound && !bound.starts_with(before)
}

/// One label in lower case.
fn label(text: Text<'_>, mistakes: &mut Mistakes<'_>) -> Option<Box<[u8]>> {
    let bad = |error| Problem::BadName { text: text.text.to_owned(), error };
    let name = Name::parse(text.text, &Name::root()).map_err(bad);
    let name = mistakes.take(text.span, name)?;
    let wire = name.as_wire();
    if name.label_count() != 1 {
        mistakes.add(text.span, Problem::NotOneLabel { text: text.text.to_owned() });
        return None;
    }
    Some(wire[1..wire.len() - 1].into())
}
