//! Pools that stand within pools: no circles, not too deep, all of one kind, nothing twice, not too much.

use std::collections::{BTreeSet, HashMap};

use super::pools::Pools;
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::{Backend, Endpoint, POOL_ADDRESSES_MAX, POOLS_WITHIN_MAX, Pool};
use crate::config::node::Text;
use crate::config::spec::{PoolSpec, ZoneSpec};

/// What the first backend of each pool of `pools:` serves, which says what kind the pool is of.
pub(super) struct Kinds<'z>(HashMap<&'z str, Kind<'z>>);

#[derive(Clone, Copy)]
enum Kind<'z> {
    Addresses,
    Targets,
    Pool(&'z str),
}

impl<'z> Kinds<'z> {
    pub(super) fn of(spec: &ZoneSpec<'z>) -> Self {
        let kind = |pool: &PoolSpec<'z>| {
            let first = pool.backends.first()?;
            Some(match (first.pool, first.target) {
                (Some(pool), _) => Kind::Pool(pool.text),
                (None, Some(_)) => Kind::Targets,
                (None, None) => Kind::Addresses,
            })
        };
        let pools = spec.pools.iter();
        Self(pools.filter_map(|(key, pool)| Some((key.text, kind(pool.as_ref()?)?))).collect())
    }

    /// Whether a pool serves targets; one that is told of as too deep does not.
    pub(super) fn has_targets(&self, mut pool: &'z str) -> bool {
        for _ in 0..=POOLS_WITHIN_MAX {
            match self.0.get(pool) {
                Some(Kind::Targets) => return true,
                Some(Kind::Pool(inner)) => pool = *inner,
                Some(Kind::Addresses) | None => return false,
            }
        }
        false
    }
}

impl<'z> Pools<'z> {
    /// Tells what is wrong with the pools within pools; whether nothing is.
    pub(super) fn tell_inner(&self, mistakes: &mut Mistakes<'_>) -> bool {
        let inner: Vec<Vec<usize>> = self.found.iter().map(|pool| inner(pool.as_ref())).collect();
        if inner.iter().all(Vec::is_empty) {
            return true;
        }
        // How many levels each has within.
        let mut levels: Vec<Option<usize>> = vec![None; inner.len()];
        for level in 0..=POOLS_WITHIN_MAX {
            let is_known = |place: &usize| levels[*place].is_some();
            let own = |place: &usize| !is_known(place) && inner[*place].iter().all(is_known);
            let now: Vec<usize> = (0..inner.len()).filter(own).collect();
            for place in now {
                levels[place] = Some(level);
            }
        }
        if let Some(start) = levels.iter().position(Option::is_none) {
            self.tell_chain(start, &inner, &levels, mistakes);
            return false;
        }
        let mut counts: Vec<usize> =
            self.found.iter().map(|pool| pool.iter().flat_map(Pool::endpoints).count()).collect();
        let mut by_level: Vec<usize> = (0..inner.len()).collect();
        by_level.sort_by_key(|place| levels[*place]);
        let mut is_right = true;
        for place in by_level {
            let within: usize = inner[place].iter().map(|&inner| counts[inner]).sum();
            // No sum gets out of hand on the way up.
            counts[place] = (counts[place] + within).min(POOL_ADDRESSES_MAX + 1);
            if inner[place].is_empty() {
                continue;
            }
            let problem = if counts[place] > POOL_ADDRESSES_MAX {
                Some(Problem::TooManyAddresses { most: POOL_ADDRESSES_MAX })
            } else {
                self.other_kind(place, &inner[place]).or_else(|| self.twice(place, &inner))
            };
            if let Some(problem) = problem {
                mistakes.add(self.at_inner(place), problem);
                is_right = false;
            }
        }
        is_right
    }

    /// Tells of a chain that does not end, or not soon enough.
    fn tell_chain(
        &self,
        start: usize,
        inner: &[Vec<usize>],
        levels: &[Option<usize>],
        mistakes: &mut Mistakes<'_>,
    ) {
        let mut chain = vec![start];
        let name = |place: &usize| self.keys[*place].text.to_owned();
        // Where some are not known to end, the way on leads over those.
        while let Some(&next) = chain.last().and_then(|last| {
            let own = inner[*last].iter();
            own.clone().find(|next| levels[**next].is_none()).or(own.max_by_key(|n| levels[**n]))
        }) {
            if let Some(begin) = chain.iter().position(|place| *place == next) {
                let pools = chain[begin..].iter().chain([&next]).map(name).collect();
                mistakes.add(self.at_inner(chain[begin]), Problem::PoolLoop { pools });
                return;
            }
            chain.push(next);
        }
        let pools = chain.iter().take(POOLS_WITHIN_MAX + 2).map(name).collect();
        let problem = Problem::PoolsTooDeep { pools, most: POOLS_WITHIN_MAX };
        mistakes.add(self.at_inner(start), problem);
    }

    fn other_kind(&self, place: usize, inner: &[usize]) -> Option<Problem> {
        let pool = self.found[place].as_ref()?;
        let expected = match pool.backends.first()?.inner() {
            Some(first) => self.found[first].as_ref()?.serves_targets(),
            None => pool.endpoints().any(|(_, own)| own.address().is_none()),
        };
        let mut inner = inner.iter().filter_map(|place| self.found[*place].as_ref());
        let is_mixed = pool.endpoints().any(|(_, own)| own.address().is_none() != expected);
        let other = if is_mixed {
            inner.next()
        } else {
            inner.find(|inner| inner.serves_targets() != expected)
        }?;
        Some(Problem::PoolOfOtherKind { pool: pool.name.clone(), inner: other.name.clone() })
    }

    /// What a pool has twice with those within it, of which there are few by now.
    fn twice(&self, place: usize, inner: &[Vec<usize>]) -> Option<Problem> {
        let mut seen: BTreeSet<Endpoint> = BTreeSet::new();
        let mut open = vec![place];
        while let Some(next) = open.pop() {
            for (_, endpoint) in self.found[next].iter().flat_map(Pool::endpoints) {
                if seen.contains(&endpoint) {
                    let (pool, endpoint) = (self.keys[place].text.into(), endpoint.to_string());
                    return Some(Problem::AddressInPools { pool, endpoint });
                }
                seen.insert(endpoint);
            }
            open.extend(&inner[next]);
        }
        None
    }

    /// Where the first pool within a pool is named.
    fn at_inner(&self, place: usize) -> Span {
        let own = self.inner.iter().find(|(outer, _)| *outer == place);
        own.map_or(self.keys[place].span, |(_, name)| name.span)
    }

    /// Which pools have private addresses, or one within them, or one that they fall back on; `next` has those by their places.
    pub(super) fn with_private(&self, next: &[Option<usize>]) -> Vec<bool> {
        let mut outer = vec![Vec::new(); self.found.len()];
        for (place, pool) in self.found.iter().enumerate() {
            // A face falls back on what its pool does.
            let fallback = next.get(self.whole(place)).copied().flatten();
            for other in inner(pool.as_ref()).into_iter().chain(fallback) {
                outer[other].push(place);
            }
        }
        let has_own = |pool: &Option<Pool>| pool.as_ref().is_some_and(Pool::has_private);
        let mut found: Vec<bool> = self.found.iter().map(has_own).collect();
        let mut open: Vec<usize> = (0..found.len()).filter(|place| found[*place]).collect();
        while let Some(place) = open.pop() {
            for &place in &outer[place] {
                if !std::mem::replace(&mut found[place], true) {
                    open.push(place);
                }
            }
        }
        found
    }

    /// Tells of each SRV that is made of a pool that has others within, or that falls back on such a one.
    pub(super) fn tell_whole_only(&self, next: &[Option<usize>], mistakes: &mut Mistakes<'_>) {
        for &(pool, at) in &self.services {
            let mut chain = std::iter::successors(Some(self.whole(pool)), |&place| next[place]);
            let has_inner =
                |place: &usize| self.found[*place].as_ref().is_some_and(Pool::has_inner);
            if let Some(place) = chain.find(has_inner) {
                let pool = self.keys[place].text.to_owned();
                mistakes.add(at, Problem::PoolsWithin { pool });
            }
        }
    }

    /// A pool and all within it, each once.
    pub(super) fn with_inner(&self, place: usize) -> Vec<usize> {
        let (mut open, mut seen) = (vec![place], BTreeSet::from([place]));
        let mut found = Vec::new();
        while let Some(place) = open.pop() {
            found.push(place);
            let inner = inner(self.found[place].as_ref()).into_iter();
            open.extend(inner.filter(|inner| seen.insert(*inner)));
        }
        found
    }

    /// Ties the name of a pool within to its place.
    pub(super) fn inner_place(&self, name: Text<'z>) -> Option<(usize, bool)> {
        Some((*self.places.get(name.text)?, self.kinds.has_targets(name.text)))
    }
}

fn inner(pool: Option<&Pool>) -> Vec<usize> {
    pool.iter().flat_map(|pool| &pool.backends).filter_map(Backend::inner).collect()
}
