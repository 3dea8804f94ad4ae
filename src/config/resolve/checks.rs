//! The checks of a zone: the names in them tied, circles and what is left over told.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::{Check, CheckKind, SeveralChecks};
use crate::config::nearest::nearest;
use crate::config::node::Text;
use crate::config::spec::{CheckRef, CheckSpec};

/// The checks of `checks:`, in its order.
pub(super) struct Checks<'z> {
    keys: Vec<Text<'z>>,
    places: HashMap<&'z str, usize>,
    found: Vec<Found<'z>>,
    used: Vec<bool>,
}

/// How far a check is; `None` is one that has a mistake.
enum Found<'z> {
    Written(Option<Box<CheckSpec<'z>>>),
    /// It is being put together, so whoever names it closes a circle.
    Open,
    Whole(Option<Arc<Check>>),
}

impl<'z> Checks<'z> {
    pub(super) fn new(
        spec: &[(Text<'z>, Option<Box<CheckSpec<'z>>>)],
        mistakes: &mut Mistakes<'_>,
    ) -> Self {
        let keys: Vec<Text<'z>> = spec.iter().map(|(key, _)| *key).collect();
        let mut checks = Self {
            // Of two with one name, told when the file was parsed, both count as the last.
            places: keys.iter().enumerate().map(|(place, key)| (key.text, place)).collect(),
            found: spec.iter().map(|(_, check)| Found::Written(check.clone())).collect(),
            used: vec![false; keys.len()],
            keys,
        };
        for place in 0..checks.keys.len() {
            checks.at(place, checks.keys[place].span, &mut Vec::new(), mistakes);
        }
        checks
    }

    /// What a pool or a backend is checked by.
    pub(super) fn of(
        &mut self,
        check: &CheckRef<'z>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Arc<Check>> {
        self.tied(check, &mut Vec::new(), mistakes)
    }

    /// All that have a name and no mistake.
    pub(super) fn named(&self) -> Vec<(String, Arc<Check>)> {
        let named = self.keys.iter().zip(&self.found).filter_map(|(key, found)| match found {
            Found::Whole(Some(check)) => Some((key.text.to_owned(), Arc::clone(check))),
            _ => None,
        });
        named.collect()
    }

    /// Tells of checks that nothing uses; where a name or a key is misspelt that may have meant them, that is told already.
    pub(super) fn tell_unused(&self, mistakes: &mut Mistakes<'_>) {
        if mistakes.has(|told| matches!(told, Problem::UnknownKey { near: Some("check"), .. })) {
            return;
        }
        for (place, key) in self.keys.iter().enumerate() {
            let is_meant = |told: &Problem| matches!(told, Problem::UnknownCheck { near: Some(near), .. } if near == key.text);
            let is_used = self.used[self.places[key.text]];
            if !is_used && self.places[key.text] == place && !mistakes.has(is_meant) {
                mistakes.add(key.span, Problem::UnusedCheck { name: key.text.into() });
            }
        }
    }

    /// Finds a check, or puts it together; `path` are the names that led to it.
    fn tied(
        &mut self,
        check: &CheckRef<'z>,
        path: &mut Vec<usize>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Arc<Check>> {
        match check {
            CheckRef::Inline(at, spec) => self.whole(spec.as_ref()?, *at, path, mistakes),
            CheckRef::Named(name) => {
                let place = self.place(*name, mistakes)?;
                self.used[place] = true;
                self.at(place, name.span, path, mistakes)
            }
        }
    }

    fn place(&mut self, name: Text<'z>, mistakes: &mut Mistakes<'_>) -> Option<usize> {
        let place = self.places.get(name.text).copied();
        if place.is_none() && !mistakes.is_full() {
            let near = nearest(name.text, self.keys.iter().map(|key| key.text));
            // What was probably meant is not told as unused as well.
            if let Some(&near) = near.and_then(|near| self.places.get(near)) {
                self.used[near] = true;
            }
            let near = near.map(str::to_owned);
            mistakes.add(name.span, Problem::UnknownCheck { name: name.text.into(), near });
        }
        place
    }

    /// The check at a place, which is named at `at`.
    fn at(
        &mut self,
        place: usize,
        at: Span,
        path: &mut Vec<usize>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Arc<Check>> {
        match mem::replace(&mut self.found[place], Found::Open) {
            Found::Whole(whole) => {
                self.found[place] = Found::Whole(whole.clone());
                whole
            }
            Found::Open => {
                let start = path.iter().position(|&open| open == place).unwrap_or(0);
                let around = path[start..].iter().chain([&place]);
                let checks = around.map(|&open| self.keys[open].text.to_owned()).collect();
                mistakes.add(at, Problem::CheckLoop { checks });
                None
            }
            // Those that led here are too deep themselves.
            Found::Written(spec) if path.len() > SeveralChecks::DEPTH_MAX => {
                self.found[place] = Found::Written(spec);
                mistakes.add(at, Problem::ChecksTooDeep { most: SeveralChecks::DEPTH_MAX });
                None
            }
            Found::Written(spec) => {
                path.push(place);
                let whole = spec.and_then(|spec| self.whole(&spec, at, path, mistakes));
                path.pop();
                self.found[place] = Found::Whole(whole.clone());
                whole
            }
        }
    }

    /// A check with its parts in place.
    fn whole(
        &mut self,
        spec: &CheckSpec<'z>,
        at: Span,
        path: &mut Vec<usize>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Arc<Check>> {
        let CheckKind::Several(several) = &spec.check.kind else {
            return Some(Arc::new(spec.check.clone()));
        };
        let parts: Vec<Option<Arc<Check>>> =
            spec.parts.iter().map(|part| self.part(part, path, mistakes)).collect();
        let of = parts.into_iter().collect::<Option<Vec<_>>>()?;
        let several = SeveralChecks { least: several.least, of };
        let problem = if several.depth() > SeveralChecks::DEPTH_MAX {
            Problem::ChecksTooDeep { most: SeveralChecks::DEPTH_MAX }
        } else if several.probes() > SeveralChecks::PROBES_MAX {
            Problem::TooManyParts { most: SeveralChecks::PROBES_MAX }
        } else {
            return Some(Arc::new(Check {
                kind: CheckKind::Several(several),
                ..spec.check.clone()
            }));
        };
        mistakes.add(at, problem);
        None
    }

    fn part(
        &mut self,
        part: &CheckRef<'z>,
        path: &mut Vec<usize>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Arc<Check>> {
        let found = self.tied(part, path, mistakes)?;
        if found.kind.is_pushed() {
            mistakes.add(part.span(), Problem::PushWithin);
            return None;
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_zone;

    /// A zone whose only pool has this check, beside these.
    fn read(checks: &str, check: &str) -> (Option<crate::config::model::Zone>, Vec<String>) {
        let zone = format!(
            "zone: x\nns: [ns]\nchecks: {{{checks}}}\n\
             pools: {{p: {{check: {check}, backends: [192.0.2.1]}}}}\n\
             records: {{ns: {{A: 192.0.2.53}}, www: {{pool: p}}}}\n"
        );
        let (zone, mistakes) = read_zone("x.yaml".as_ref(), &zone);
        (zone, mistakes.iter().map(|mistake| mistake.problem.to_string()).collect())
    }

    #[test]
    fn a_check_is_made_of_others_by_name_or_inline() {
        let (zone, mistakes) = read(
            "late: {all: [web, {any: [ssh, web]}], interval: 5s}, web: {http: {}}, ssh: {tcp: {port: 22}}",
            "{at_least: {n: 1, of: [late, {tcp: {port: 1}}, ssh]}}",
        );
        assert_eq!(mistakes, Vec::<String>::new());
        let check = zone.unwrap().pools[0].check.as_ref().unwrap().to_string();
        let late = "all of (http :80/, any of (tcp :22, http :80/))";
        assert_eq!(check, format!("any of ({late}, tcp :1, tcp :22)"));
    }

    #[test]
    fn what_cannot_be_made_is_told_once() {
        let tcp = "{tcp: {port: 1}}";
        let many = |count| vec![tcp; count].join(", ");
        let deep = "{all: [{all: [{all: [{all: [{all: [{tcp: {port: 1}}]}]}]}]}]}";
        let chain: Vec<String> =
            (0..9).map(|at| format!("c{at}: {{all: [c{}]}}", at + 1)).collect();
        let chain = chain.join(", ") + ", ";
        for (checks, check, expected) in [
            (
                "a: {all: [b]}, b: {any: [a]}",
                "a",
                Problem::CheckLoop { checks: names(&["a", "b", "a"]) },
            ),
            ("a: {all: [a]}", "a", Problem::CheckLoop { checks: names(&["a", "a"]) }),
            ("", "{all: []}", Problem::NoParts),
            ("", &format!("{{all: [{}]}}", many(33)), Problem::TooManyParts { most: 32 }),
            (
                &format!("a: {{all: [{}]}}", many(17)),
                "{any: [a, a]}",
                Problem::TooManyParts { most: 32 },
            ),
            ("", deep, Problem::ChecksTooDeep { most: 4 }),
            (&format!("{chain}c9: {tcp}"), "c0", Problem::ChecksTooDeep { most: 4 }),
            ("a: {push: {}}", "{all: [a]}", Problem::PushWithin),
            ("", "{all: [ab]}", Problem::UnknownCheck { name: "ab".into(), near: None }),
        ] {
            let (zone, mistakes) = read(checks, check);
            assert_eq!((zone.is_none(), mistakes), (true, vec![expected.to_string()]), "{checks}");
        }
        let (_, mistakes) = read("", "{at_least: {n: 3, of: [{tcp: {port: 1}}]}}");
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        let (_, mistakes) = read("", "{all: [{tcp: {port: 1}, interval: 1s}]}");
        assert!(mistakes[0].contains("`interval`"), "{mistakes:?}");
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }
}
