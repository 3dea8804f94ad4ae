//! Some pools of many: those that a text means, the worst first, a page at a time.

use serde::Deserialize;

use super::pools::{Moment, PoolAt, pool_key};
use crate::admin::model::Pool;
use crate::engine::choose::ready::Source;
use crate::health::verdict::{Basis, Verdict};

/// The most pools that can be asked for at once, where somebody says how many.
pub const MAX: usize = 1_000;
/// The longest text to look for, in bytes.
pub const FILTER_MAX: usize = 200;

/// Which pools are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Words that a pool must all have.
    pub filter: String,
    /// In which order.
    pub order: Order,
    /// How many to leave out.
    pub offset: usize,
    /// The most to give.
    pub limit: Option<usize>,
}

/// The order of pools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As they are served: by zone, and as they stand in its file.
    #[default]
    Name,
    /// Those first that need somebody.
    Worst,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The pools of this page.
    pub pools: Vec<Pool>,
    /// How many there are on all pages.
    pub total: usize,
    /// Where the next page begins.
    pub next: Option<usize>,
}

/// How much a pool needs somebody, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    /// It hands out nothing.
    Nothing,
    /// It hands out what may not work.
    Guess,
    /// It hands out what another pool has.
    Fallback,
    /// Something of it is out of service.
    Partly,
    /// Something of it should be seen to, or stands as somebody has set it.
    Watch,
    /// All is well.
    Well,
}

/// The pools that are wanted.
#[must_use]
pub fn pools(moment: &Moment, wanted: &Wanted) -> Found {
    let filter = wanted.filter.to_ascii_lowercase();
    let words: Vec<&str> = filter.split_ascii_whitespace().collect();
    let mut found: Vec<PoolAt<'_>> =
        moment.pools().filter(|at| words.is_empty() || has(at, &words)).collect();
    if wanted.order == Order::Worst {
        // A stable sort: those that are alike stay as they are served.
        found.sort_by_cached_key(|at| gravity(moment, at));
    }
    let total = found.len();
    let end = wanted.limit.map_or(total, |limit| total.min(wanted.offset.saturating_add(limit)));
    let page = found.get(wanted.offset..end).unwrap_or_default();
    Found {
        pools: page.iter().map(PoolAt::view).collect(),
        total,
        next: (end < total && !page.is_empty()).then_some(end),
    }
}

/// Whether a pool has all of these words, which are in lower case.
fn has(PoolAt { zone, pool, .. }: &PoolAt<'_>, words: &[&str]) -> bool {
    let mut text = pool_key(&zone.origin, &pool.label());
    let mut more = |word: &str| {
        text.push(' ');
        text.push_str(word);
    };
    more(pool.policy.name());
    for backend in &pool.backends {
        more(&backend.name);
        backend.endpoints().for_each(|endpoint| more(&endpoint.to_string()));
    }
    text.make_ascii_lowercase();
    words.iter().all(|word| text.contains(word))
}

fn gravity(moment: &Moment, PoolAt { zone, pool, ready, .. }: &PoolAt<'_>) -> Gravity {
    let of_source = match ready.source {
        Source::Nothing => Gravity::Nothing,
        Source::Panic | Source::AllDown | Source::Last => Gravity::Guess,
        Source::Fallback => Gravity::Fallback,
        Source::InService => Gravity::Well,
    };
    let verdicts = moment.facts().verdicts(zone, pool);
    let of_group = |serves| if serves { Gravity::Well } else { Gravity::Partly };
    let groups = ready.groups.iter().map(|group| of_group(group.standing.in_service));
    of_source.min(verdicts.iter().map(of_verdict).chain(groups).min().unwrap_or(Gravity::Well))
}

fn of_verdict(verdict: &Verdict) -> Gravity {
    match verdict {
        Verdict { in_service: false, .. } => Gravity::Partly,
        Verdict { told, .. } if told.is_degraded => Gravity::Watch,
        Verdict {
            basis: Basis::Override | Basis::Isolated | Basis::Held | Basis::Open, ..
        } => Gravity::Watch,
        _ => Gravity::Well,
    }
}
