//! Which pools hand out something else when another one does.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::model::{Backend, Pool, WhenAllDown};

/// For each pool on which others of its zone depend, those: what is made of it, what falls back on it, and what
/// it stands in. Most pools
/// have none, so that a change of one of very many pools looks at few.
#[derive(Debug, Default)]
pub(super) struct Dependents(BTreeMap<usize, Vec<usize>>);

impl Dependents {
    /// Those of a zone's pools.
    pub(super) fn of(pools: &[Pool]) -> Self {
        let mut found = BTreeMap::<usize, Vec<usize>>::new();
        for (place, pool) in pools.iter().enumerate() {
            let face_of = pool.face.map(|face| face.of);
            let fallback = match pool.when_all_down {
                WhenAllDown::Fallback(other) => Some(other),
                _ => None,
            };
            let inner = pool.backends.iter().filter_map(Backend::inner);
            for other in face_of.into_iter().chain(fallback).chain(inner) {
                found.entry(other).or_default().push(place);
            }
        }
        Self(found)
    }

    /// These pools, and all that depend on them by any number of steps.
    pub(super) fn with(&self, changed: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut all = changed.clone();
        let mut open: Vec<usize> = changed.iter().copied().collect();
        while let Some(place) = open.pop() {
            for &dependent in self.0.get(&place).into_iter().flatten() {
                if all.insert(dependent) {
                    open.push(dependent);
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{Face, Policy, Serves};

    #[test]
    fn who_depends_on_whom_by_any_number_of_steps() {
        let plain = || Pool::new(String::new(), Policy::RoundRobin, Vec::new());
        let falls_back_on = |other| Pool { when_all_down: WhenAllDown::Fallback(other), ..plain() };
        let face = |of| Pool {
            face: Some(Face { of, role: None, is_private: true, site: None }),
            ..plain()
        };
        // 1 falls back on 0, 2 on 1; 4 shows 1 otherwise; 3 stands in 5.
        let serves = Serves::Pool { place: 3, has_targets: false };
        let outer = Pool { backends: vec![Backend::new("in".into(), serves)], ..plain() };
        let pools = [plain(), falls_back_on(0), falls_back_on(1), plain(), face(1), outer];
        let dependents = Dependents::of(&pools);
        for (changed, expected) in [
            (&[0][..], &[0, 1, 2, 4][..]),
            (&[1], &[1, 2, 4]),
            (&[2], &[2]),
            (&[3], &[3, 5]),
            (&[2, 3], &[2, 3, 5]),
            (&[], &[]),
        ] {
            let changed: BTreeSet<usize> = changed.iter().copied().collect();
            let found: Vec<usize> = dependents.with(&changed).into_iter().collect();
            assert_eq!(found, expected, "{changed:?}");
        }
    }
}
