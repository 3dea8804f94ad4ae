//! Pools and the checks they name: references tied, circles and what is left over told.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use super::checks::Checks;
use super::inner::Kinds;
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::{
    Backend, Check, CheckKind, Face, Form, Made, OwnCheck, Policy, Pool, Role, Rule, SITES_MAX,
    Serves, Service, Shards, WhenAllDown, hints,
};
use crate::config::nearest::nearest;
use crate::config::node::Text;
use crate::config::rules::{self, Entry};
use crate::config::spec::{
    BackendSpec, MadeSpec, OwnCheckSpec, PoolRef, PoolSpec, RuleSpec, RulesSpec, ShardsSpec,
    WhenSpec, ZoneSpec,
};
use crate::name::Name;
use crate::rdata::rtype;

/// How many pools a fallback may lead through. Whoever walks them may do so by recursion.
const FALLBACKS_MAX: usize = 16;

/// The pools of a zone: those of `pools:` in its order, then those that stand inline.
pub(super) struct Pools<'z> {
    origin: Name,
    checks: Checks<'z>,
    pub(super) keys: Vec<Text<'z>>,
    pub(super) places: HashMap<&'z str, usize>,
    /// `None` where the pool has a mistake.
    pub(super) found: Vec<Option<Pool>>,
    /// Whether a record uses it.
    used: Vec<bool>,
    /// Whether it says how its backends are checked.
    is_checked: Vec<bool>,
    fallbacks: Vec<Option<Text<'z>>>,
    /// The first backend of each pool that cannot stand in SRV, and what it lacks.
    without_service: Vec<Option<(String, &'static str)>>,
    /// The pools that SRV is made of, and where.
    pub(super) services: Vec<(usize, Span)>,
    /// Where faces of pools stand, in the order of their places.
    faces: Vec<(usize, Face)>,
    /// The same by what they are.
    places_of_faces: HashMap<Face, usize>,
    /// The pools that are asked for by a role, and where.
    pub(super) roles: Vec<(usize, Span)>,
    /// The pools that stand in others, by the others' places.
    pub(super) inner: Vec<(usize, Text<'z>)>,
    pub(super) kinds: Kinds<'z>,
}

impl<'z> Pools<'z> {
    pub(super) fn new(spec: &ZoneSpec<'z>, mistakes: &mut Mistakes<'_>) -> Self {
        let mut pools = Self {
            origin: spec.origin.clone(),
            checks: Checks::new(&spec.checks, mistakes),
            keys: Vec::new(),
            places: HashMap::new(),
            found: Vec::new(),
            used: Vec::new(),
            is_checked: Vec::new(),
            fallbacks: Vec::new(),
            without_service: Vec::new(),
            services: Vec::new(),
            faces: Vec::new(),
            places_of_faces: HashMap::new(),
            roles: Vec::new(),
            inner: Vec::new(),
            kinds: Kinds::of(spec),
        };
        // Of two with one name, told when the file was parsed, both count as the last.
        let places = spec.pools.iter().enumerate().map(|(place, (key, _))| (key.text, place));
        pools.places = places.collect();
        for (key, pool) in &spec.pools {
            pools.add(*key, pool.as_ref(), mistakes);
        }
        pools
    }

    fn add(
        &mut self,
        key: Text<'z>,
        spec: Option<&PoolSpec<'z>>,
        mistakes: &mut Mistakes<'_>,
    ) -> usize {
        let pool = spec.map(|spec| {
            let check = spec.check.as_ref().and_then(|check| self.checks.of(check, mistakes));
            let own =
                spec.backends.iter().map(|one| self.own_check(one, spec, check.as_ref(), mistakes));
            let own: Vec<OwnCheck> = own.collect();
            Pool {
                name: key.text.to_owned(),
                policy: spec.policy,
                ttl: spec.ttl,
                min_ttl: spec.min_ttl,
                answers: spec.answers,
                services: spec.services,
                when_all_down: match spec.when_all_down {
                    WhenSpec::None => WhenAllDown::None,
                    WhenSpec::Last => WhenAllDown::Last,
                    // The fallback's place is known once all pools are.
                    WhenSpec::All | WhenSpec::Fallback(_) => WhenAllDown::All,
                },
                panic: spec.panic,
                degraded: spec.degraded,
                backends: backends(spec, &own, self, mistakes),
                check,
                tiers: spec.tiers,
                max_lag: spec.max_lag,
                multi_primary: spec.multi_primary,
                slow_start: spec.slow_start,
                failover_max: spec.failover_max,
                hash: spec.hash,
                made: Vec::new(),
                face: None,
            }
            .with_reports(&self.origin)
        });
        let inner = spec.iter().flat_map(|spec| &spec.backends).filter_map(|own| own.pool);
        self.inner.extend(inner.map(|name| (self.keys.len(), name)));
        self.without_service.push(spec.and_then(without_service));
        self.keys.push(key);
        self.found.push(pool);
        self.used.push(false);
        self.is_checked.push(spec.is_some_and(|spec| spec.check.is_some()));
        self.fallbacks.push(spec.and_then(|spec| match spec.when_all_down {
            WhenSpec::Fallback(pool) => Some(pool),
            _ => None,
        }));
        self.keys.len() - 1
    }

    /// How a backend is judged, if not as its pool is.
    fn own_check(
        &mut self,
        backend: &BackendSpec<'z>,
        pool: &PoolSpec<'z>,
        of_pool: Option<&Arc<Check>>,
        mistakes: &mut Mistakes<'_>,
    ) -> OwnCheck {
        let (has_check, own) = match &backend.check {
            None => (pool.check.is_some(), None),
            Some(OwnCheckSpec::Off) => (false, None),
            Some(OwnCheckSpec::Check(check)) => (true, self.checks.of(check, mistakes)),
        };
        let unused = match (backend.check_addresses.is_empty(), backend.check_port) {
            (_, Some((_, at))) => Some(("check_port", at)),
            (false, None) => Some(("check_address", backend.at)),
            (true, None) => None,
        };
        if let Some((key, at)) = unused.filter(|_| !has_check) {
            mistakes.add(at, Problem::CheckSettingsUnused { key });
        }
        let at_port = |check: &Arc<Check>, (port, at), mistakes: &mut Mistakes<'_>| {
            let Some(kind) = check.kind.at_port(port) else {
                mistakes.add(at, Problem::CheckWithoutPort);
                return Arc::clone(check);
            };
            Arc::new(Check { kind, ..Check::clone(check) })
        };
        let check = match (&backend.check, own.as_ref().or(of_pool), backend.check_port) {
            (Some(OwnCheckSpec::Off), ..) => return OwnCheck::Off,
            (_, Some(check), Some(port)) => OwnCheck::Own(at_port(check, port, mistakes)),
            (Some(_), Some(check), None) => OwnCheck::Own(Arc::clone(check)),
            _ => OwnCheck::Pools,
        };
        // A file knows backends by their names.
        let judged = if let OwnCheck::Own(own) = &check { Some(own) } else { of_pool };
        let name = backend.name.filter(|_| backend.pool.is_none());
        let named = judged.zip(name).and_then(|(check, name)| {
            let kind = check.kind.for_backend(name.text)?;
            Some(OwnCheck::Own(Arc::new(Check { kind, ..Check::clone(check) })))
        });
        named.unwrap_or(check)
    }

    /// The checks that have a name.
    pub(super) fn named_checks(&self) -> Vec<(String, Arc<Check>)> {
        self.checks.named()
    }

    /// Which pools a record hands out to whom; `None` where one of them is not there.
    pub(super) fn of_record(
        &mut self,
        spec: RulesSpec<'z>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<(Vec<Rule>, usize)> {
        let role = spec.role;
        let one = |RuleSpec { subnets, area, is_private, pool }| {
            let place = self.place(pool, mistakes)?;
            let place = self.in_role(place, role);
            let pool = if is_private { self.private(place) } else { place };
            Some(Rule { subnets, area, pool })
        };
        let rules: Vec<Option<Rule>> = spec.rules.into_iter().map(one).collect();
        let pool = self.place(spec.pool, mistakes);
        Some((rules.into_iter().collect::<Option<_>>()?, self.in_role(pool?, role)))
    }

    /// The pools among which a name is shared out; `None` where one of them is not there.
    pub(super) fn shards(
        &mut self,
        spec: ShardsSpec<'z>,
        role: Option<(Role, Span)>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Shards> {
        let ShardsSpec { by, pools } = spec;
        let pools: Vec<Option<usize>> = pools
            .into_iter()
            .map(|pool| {
                let place = self.place(PoolRef::Named(pool), mistakes)?;
                Some(self.in_role(place, role))
            })
            .collect();
        Some(Shards { by, pools: pools.into_iter().collect::<Option<_>>()? })
    }

    /// The place of a pool as who asks for a role sees it.
    fn in_role(&mut self, pool: usize, role: Option<(Role, Span)>) -> usize {
        let Some((role, at)) = role else { return pool };
        self.roles.push((pool, at));
        self.face(Face { of: pool, role: Some(role), is_private: false, site: None })
    }

    /// What a name answers from its pools, which are all of one kind.
    pub(super) fn form(
        &self,
        rules: &[Rule],
        shards: Option<&Shards>,
        pool: usize,
        at: Span,
        mistakes: &mut Mistakes<'_>,
    ) -> Form {
        let has_targets =
            |place: usize| self.found[place].as_ref().is_some_and(Pool::serves_targets);
        let expected = has_targets(pool);
        let shards = shards.into_iter().flat_map(|shards| shards.pools.iter().copied());
        let others = rules.iter().map(|rule| rule.pool).chain(shards);
        let others = others.filter(|other| self.found[*other].is_some());
        if self.found[pool].is_some()
            && let Some(other) = others.clone().find(|other| has_targets(*other) != expected)
        {
            let [pool, other] = [pool, other].map(|place| self.keys[place].text.to_owned());
            mistakes.add(at, Problem::RulesOfBothKinds { pool, other });
        }
        if expected { Form::Cname } else { Form::Addresses }
    }

    /// What a record set makes of pools, and of which for whom; `own` are those of its name.
    pub(super) fn made(
        &mut self,
        rtype: u16,
        spec: MadeSpec<'z>,
        own: Option<&(Vec<Rule>, usize)>,
        (at, values): (Span, &[Entry]),
        mistakes: &mut Mistakes<'_>,
    ) -> Option<(Form, Vec<Rule>, usize)> {
        let (form, at, found) = match spec {
            MadeSpec::Addresses(pools) => {
                let form = if rtype == rtype::A { Form::A } else { Form::Aaaa };
                (form, at, self.of_record(pools, mistakes)?)
            }
            MadeSpec::Services { pools, priority } => {
                let found = self.of_record(pools, mistakes)?;
                let places = found.0.iter().map(|rule| rule.pool).chain([found.1]);
                self.services.extend(places.map(|place| (place, at)));
                let form = Form::Made(Made::Srv { priority });
                return Some((form, found.0, found.1));
            }
            MadeSpec::Hints { pools, at } => {
                let values = values_for_hints(values, mistakes);
                let found = match (pools, own) {
                    (Some(pools), _) => self.of_record(pools, mistakes)?,
                    (None, Some(own)) => own.clone(),
                    (None, None) => {
                        mistakes.add(at, Problem::HintsWithoutPool);
                        return None;
                    }
                };
                (Form::Made(Made::Hints { rtype, values }), at, found)
            }
        };
        let (rules, pool) = found;
        let mut places = rules.iter().map(|rule| rule.pool).chain([pool]);
        let with_targets =
            places.find(|place| self.found[*place].as_ref().is_some_and(Pool::serves_targets));
        if let Some(place) = with_targets {
            let pool = self.keys[place].text.to_owned();
            mistakes.add(at, Problem::TargetsForAddresses { pool });
        }
        Some((form, rules, pool))
    }

    /// The place of a pool as some see it.
    pub(super) fn face(&mut self, face: Face) -> usize {
        if face.role.is_none() && !face.is_private && face.site.is_none() {
            return face.of;
        }
        let place = self.keys.len();
        match self.places_of_faces.entry(face) {
            Slot::Occupied(known) => return *known.get(),
            Slot::Vacant(new) => new.insert(place),
        };
        self.without_service.push(self.without_service[face.of].clone());
        self.keys.push(self.keys[face.of]);
        self.found.push(self.found[face.of].clone());
        self.used.push(true);
        self.is_checked.push(self.is_checked[face.of]);
        // Its pool's fallback is told of there.
        self.fallbacks.push(None);
        self.faces.push((place, face));
        place
    }

    /// What the pool at a place is a face of, and how.
    fn face_at(&self, place: usize) -> Option<Face> {
        let at = self.faces.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        Some(self.faces[at].1)
    }

    /// The place of a pool by its private addresses.
    fn private(&mut self, place: usize) -> usize {
        let known = self.face_at(place);
        let (of, role) = known.map_or((place, None), |face| (face.of, face.role));
        self.face(Face { of, role, is_private: true, site: None })
    }

    /// Gives each pool with private addresses, its own or those of another that it may hand out, a face of them.
    fn add_private_faces(&mut self, next: &[Option<usize>]) {
        for (place, has_private) in self.with_private(next).into_iter().enumerate() {
            if has_private && self.face_at(place).is_none_or(|face| !face.is_private) {
                self.private(place);
            }
        }
    }

    /// Gives each pool that hands out the nearest a face for each of its sites.
    fn add_site_faces(&mut self, mistakes: &mut Mistakes<'_>) {
        for place in 0..self.found.len() {
            let Some(pool) = self.found[place].as_ref() else { continue };
            let count = if pool.policy == Policy::Nearest { pool.sites().len() } else { 0 };
            let own = self.face_at(place);
            if count > SITES_MAX {
                if own.is_none() {
                    let pool = pool.name.clone();
                    let problem = Problem::TooManySites { pool, most: SITES_MAX };
                    mistakes.add(self.keys[place].span, problem);
                }
                continue;
            }
            let (role, is_private) = own.map_or((None, false), |own| (own.role, own.is_private));
            for site in (0..).take(count) {
                self.face(Face { of: place, role, is_private, site: Some(site) });
            }
        }
    }

    /// Makes faces of their pools, which are whole now. What a pool falls back on is seen in the same way.
    fn make_faces(&mut self, next: &[Option<usize>]) {
        let mut at = 0;
        while let Some(&(place, face)) = self.faces.get(at) {
            at += 1;
            let fallback = next.get(face.of).copied().flatten().filter(|_| face.site.is_none());
            let fallback = fallback.map(|of| self.face(Face { of, ..face }));
            let mut own = self.found[face.of].clone();
            for backend in own.iter_mut().flat_map(|pool| &mut pool.backends) {
                if let Serves::Pool { place, .. } = &mut backend.serves {
                    *place = self.face(Face { of: *place, ..face });
                }
            }
            self.found[place] = own.map(|pool| Pool {
                face: Some(face),
                when_all_down: fallback.map_or(pool.when_all_down, WhenAllDown::Fallback),
                ..match face.site {
                    Some(site) => pool.at_site(site),
                    None if face.is_private => pool.private(),
                    None => pool,
                }
            });
        }
    }

    /// The place of the pool that one is a face of, or its own.
    pub(super) fn whole(&self, place: usize) -> usize {
        self.face_at(place).map_or(place, |face| face.of)
    }

    /// The name of a pool.
    pub(super) fn name(&self, place: usize) -> &'z str {
        self.keys[place].text
    }

    /// The place of a pool that a record uses.
    fn place(&mut self, pool: PoolRef<'z>, mistakes: &mut Mistakes<'_>) -> Option<usize> {
        let place = match pool {
            PoolRef::Named(name) => self.named(name, mistakes)?,
            PoolRef::Inline(spec) => {
                if let Some(&other) = self.places.get(spec.name.text) {
                    let problem = Problem::PoolNameTaken {
                        name: spec.name.text.into(),
                        first: self.keys[other].span.line,
                    };
                    mistakes.add(spec.name.span, problem);
                }
                self.add(spec.name, Some(&*spec), mistakes)
            }
        };
        self.used[place] = true;
        Some(place)
    }

    fn named(&mut self, name: Text<'_>, mistakes: &mut Mistakes<'_>) -> Option<usize> {
        let found = self.places.get(name.text).copied();
        if found.is_none() && !mistakes.is_full() {
            let declared = &self.keys[..self.places.len()];
            let near = nearest(name.text, declared.iter().map(|key| key.text));
            if let Some(&place) = near.and_then(|near| self.places.get(near)) {
                self.used[place] = true;
            }
            let near = near.map(str::to_owned);
            mistakes.add(name.span, Problem::UnknownPool { name: name.text.into(), near });
        }
        found
    }

    /// Ties fallbacks to their pools and tells what is left over; `None` where a pool is broken.
    pub(super) fn finish(mut self, mistakes: &mut Mistakes<'_>) -> Option<Vec<Pool>> {
        for (_, name) in self.inner.clone() {
            if let Some(place) = self.named(name, mistakes) {
                self.used[place] = true;
            }
        }
        let is_right = self.tell_inner(mistakes);
        let fallbacks = self.fallbacks.clone();
        let next: Vec<Option<usize>> = fallbacks
            .iter()
            .map(|fallback| fallback.and_then(|name| self.named(name, mistakes)))
            .collect();
        if is_right {
            self.add_private_faces(&next);
            self.add_site_faces(mistakes);
        }
        for (pool, next) in self.found.iter_mut().zip(&next) {
            if let (Some(pool), Some(next)) = (pool, next) {
                pool.when_all_down = WhenAllDown::Fallback(*next);
            }
        }
        if is_right {
            self.make_faces(&next);
        }
        self.tell_other_kinds(&fallbacks, &next, mistakes);
        let circles = rules::circles(&next);
        if circles.is_empty() {
            self.tell_whole_only(&next, mistakes);
            self.tell_without_service(&next, mistakes);
            self.tell_untold_roles(&next, mistakes);
            self.tell_long_chains(&fallbacks, &next, mistakes);
        }
        for circle in circles {
            let at = fallbacks[circle[0]].map_or(Span::FILE, |name| name.span);
            let around = circle.iter().chain(circle.first());
            let pools = around.map(|&place| self.keys[place].text.to_owned()).collect();
            mistakes.add(at, Problem::FallbackLoop { pools });
        }
        for start in 0..next.len() {
            let mut at = self.used[start].then(|| next[start]).flatten();
            while let Some(place) = at.filter(|&place| !self.used[place]) {
                self.used[place] = true;
                at = next[place];
            }
        }
        let names_pools =
            |near: &str| matches!(near, "pool" | "fallback" | "pools" | "rules" | "shards");
        let is_misspelt = mistakes.has(|told| match told {
            Problem::UnknownKey { near: Some(near), .. }
            | Problem::UnknownType { near: Some(near), .. } => names_pools(near),
            _ => false,
        });
        for (key, used) in self.keys.iter().zip(&self.used) {
            let is_meant = |told: &Problem| matches!(told, Problem::UnknownPool { near: Some(near), .. } if near == key.text);
            if !used && !is_misspelt && !mistakes.has(is_meant) {
                mistakes.add(key.span, Problem::UnusedPool { name: key.text.into() });
            }
        }
        self.checks.tell_unused(mistakes);
        self.found.into_iter().collect()
    }

    /// Tells of each fallback that has targets where its pool has addresses, or the reverse.
    fn tell_other_kinds(
        &self,
        fallbacks: &[Option<Text<'_>>],
        next: &[Option<usize>],
        mistakes: &mut Mistakes<'_>,
    ) {
        for (place, (fallback, next)) in fallbacks.iter().zip(next).enumerate() {
            if let (Some(fallback), Some(next)) = (fallback, *next)
                && let (Some(pool), Some(other)) = (&self.found[place], &self.found[next])
                && pool.serves_targets() != other.serves_targets()
            {
                let problem = Problem::FallbackOfOtherKind {
                    pool: pool.name.clone(),
                    fallback: other.name.clone(),
                };
                mistakes.add(fallback.span, problem);
            }
        }
    }

    /// Tells of each SRV whose pool, or one that it falls back on, has a backend that no SRV can be made of.
    fn tell_without_service(&self, next: &[Option<usize>], mistakes: &mut Mistakes<'_>) {
        for &(pool, at) in &self.services {
            let mut chain = std::iter::successors(Some(self.whole(pool)), |&place| next[place]);
            let lacking =
                chain.find_map(|place| Some((place, self.without_service[place].as_ref()?)));
            if let Some((place, (backend, missing))) = lacking {
                let (pool, backend) = (self.keys[place].text.to_owned(), backend.clone());
                mistakes.add(at, Problem::NoService { pool, backend, missing });
            }
        }
    }

    /// Tells of each role that is asked for in a pool, or in one that it falls back on, where no check tells of roles.
    fn tell_untold_roles(&self, next: &[Option<usize>], mistakes: &mut Mistakes<'_>) {
        for &(pool, at) in &self.roles {
            let chain = std::iter::successors(Some(pool), |&place| next[place]);
            for place in chain.flat_map(|place| self.with_inner(place)) {
                let Some(pool) = &self.found[place] else { continue };
                let own = pool.backends.iter().filter(|backend| backend.inner().is_none());
                if own.clone().next().is_none() {
                    continue; // those within tell their roles
                }
                let checks = own.filter_map(|backend| pool.check_of(backend));
                let named = || pool.name.clone();
                let has_own = pool.backends.iter().any(|own| own.check != OwnCheck::Pools);
                let silent = checks.map(|check| silent(&check.kind));
                match silent.collect::<Option<Vec<_>>>().as_deref() {
                    // A check with a mistake was told.
                    Some([]) if self.is_checked[place] && !has_own => {}
                    Some([]) => mistakes.add(at, Problem::RoleWithoutCheck { pool: named() }),
                    Some(&[check, ..]) => {
                        mistakes.add(at, Problem::RoleNeverTold { pool: named(), check });
                    }
                    None => {}
                }
            }
        }
    }

    /// Tells of each chain of fallbacks that is too long, where it begins.
    fn tell_long_chains(
        &self,
        fallbacks: &[Option<Text<'_>>],
        next: &[Option<usize>],
        mistakes: &mut Mistakes<'_>,
    ) {
        let mut is_first = vec![true; next.len()];
        for &place in next.iter().flatten() {
            is_first[place] = false;
        }
        for (start, fallback) in fallbacks.iter().enumerate().filter(|(start, _)| is_first[*start])
        {
            let chain = std::iter::successors(next[start], |&place| next[place]);
            if let Some(fallback) = fallback
                && chain.take(FALLBACKS_MAX + 1).count() > FALLBACKS_MAX
            {
                let pool = self.keys[start].text.into();
                mistakes.add(fallback.span, Problem::FallbackTooLong { pool, most: FALLBACKS_MAX });
            }
        }
    }
}

/// The name of a check that tells of no roles.
fn silent(kind: &CheckKind) -> Option<&'static str> {
    if let CheckKind::Several(several) = kind {
        let silent = several.of.iter().map(|part| silent(&part.kind));
        return silent.collect::<Option<Vec<_>>>().map(|_| several.word());
    }
    if let CheckKind::Http(http) = kind {
        return Some(if http.tls.is_some() { "https" } else { "http" });
    }
    let names = [
        ("tcp", matches!(kind, CheckKind::Tcp { .. })),
        ("tls", matches!(kind, CheckKind::Tls(_))),
        ("agent", matches!(kind, CheckKind::Agent(_))),
        ("icmp", matches!(kind, CheckKind::Icmp(_))),
        ("grpc", matches!(kind, CheckKind::Grpc(_))),
        ("file", matches!(kind, CheckKind::File(_))),
    ];
    names.into_iter().find_map(|(name, is_it)| is_it.then_some(name))
}

/// The backends of a pool, their names read; one that has a mistake is left out.
fn backends(
    spec: &PoolSpec<'_>,
    own: &[OwnCheck],
    pools: &Pools<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Backend> {
    let origin = &pools.origin;
    let mut lines = HashMap::new();
    let mut found = Vec::with_capacity(spec.backends.len());
    let mut last = None;
    for (backend, check) in spec.backends.iter().zip(own) {
        let probe_of_target = backend.addresses.first().or(backend.check_addresses.first());
        let serves = match (backend.pool, backend.target) {
            (Some(name), _) => {
                // One that is not there is told of once all are known.
                let Some((place, has_targets)) = pools.inner_place(name) else { continue };
                Serves::Pool { place, has_targets }
            }
            (None, None) => Serves::Addresses(backend.addresses.clone()),
            (None, Some(text)) => {
                let Some(name) = target(text, origin, mistakes) else { continue };
                if let Some(first) = lines.insert(name.clone(), text.span.line) {
                    let target = name.to_string();
                    mistakes.add(text.span, Problem::DuplicateTarget { target, first });
                    continue;
                }
                Serves::Target { name, probe: probe_of_target.copied() }
            }
        };
        let named = backend.name.or(backend.pool).map(|name| name.text.to_owned());
        let name = named.unwrap_or_else(|| unnamed(&serves));
        probe(spec, backend, &name, mistakes);
        if spec.policy == Policy::Nearest && backend.site.is_unknown() {
            mistakes.add(backend.at, Problem::NowhereNear { backend: name.clone() });
        }
        let (weight, state) = (backend.weight, backend.state);
        let service = service(spec, backend, &serves, origin, mistakes);
        let check_addresses = match serves {
            Serves::Addresses(_) => backend.check_addresses.clone(),
            // It is the probe.
            Serves::Target { .. } | Serves::Pool { .. } => Vec::new(),
        };
        let check = check.clone();
        let own = Backend::new(name, serves);
        let priority = backend.priority.unwrap_or_else(|| spec.policy.priority_after(last));
        last = last.max(Some(priority));
        let (private, site) = (backend.private.clone(), backend.site.clone());
        let own = Backend { weight, state, service, private, site, ..own };
        found.push(Backend { priority, check, check_addresses, ..own });
    }
    found
}

fn target(text: Text<'_>, origin: &Name, mistakes: &mut Mistakes<'_>) -> Option<Name> {
    let bad = |error| Problem::BadName { text: text.text.into(), error };
    let name = mistakes.take(text.span, Name::parse(text.text, origin).map_err(bad))?;
    // Has dots and no last one, and leads to a name that is seldom meant.
    let is_dotted = text.text.contains('.') && !text.text.ends_with('.');
    let whole = Name::parse_absolute(text.text).ok().filter(|_| is_dotted);
    if whole.is_some_and(|whole| whole.is_at_or_below(origin)) {
        let problem = Problem::DottedTarget { text: text.text.to_owned(), name: name.to_string() };
        mistakes.add(text.span, problem);
    }
    Some(name)
}

/// The name of a backend that the file gives none: what it serves; a pool has its own.
pub(in crate::config) fn unnamed(serves: &Serves) -> String {
    match serves {
        Serves::Addresses(addresses) => {
            addresses.first().map_or_else(String::new, ToString::to_string)
        }
        Serves::Pool { .. } => String::new(),
        Serves::Target { name, .. } => {
            let text = name.to_string();
            text.strip_suffix('.').filter(|text| !text.is_empty()).unwrap_or(&text).to_owned()
        }
    }
}

/// A check needs to know what it probes for a target, and an address that is for a check needs one.
fn probe(spec: &PoolSpec<'_>, backend: &BackendSpec<'_>, name: &str, mistakes: &mut Mistakes<'_>) {
    let Some(target) = backend.target else { return };
    let backend_name = name.to_owned();
    let has_check = match &backend.check {
        None => spec.check.is_some(),
        Some(OwnCheckSpec::Off) => false,
        Some(OwnCheckSpec::Check(_)) => true,
    };
    let has_probe = !backend.addresses.is_empty() || !backend.check_addresses.is_empty();
    match (has_check, has_probe) {
        (true, false) => {
            let problem = Problem::TargetWithoutProbe { backend: backend_name };
            mistakes.add(target.span, problem);
        }
        (false, true) if !backend.addresses.is_empty() => {
            mistakes.add(target.span, Problem::ProbeWithoutCheck { backend: backend_name });
        }
        _ => {}
    }
}

/// Where a backend is to those who ask for SRV, where the file says so: a target is a host as well.
fn service(
    spec: &PoolSpec<'_>,
    backend: &BackendSpec<'_>,
    serves: &Serves,
    origin: &Name,
    mistakes: &mut Mistakes<'_>,
) -> Option<Service> {
    let host = match (backend.host, serves) {
        (Some(text), _) => target(text, origin, mistakes)?,
        (None, Serves::Target { name, .. }) => name.clone(),
        (None, Serves::Addresses(_) | Serves::Pool { .. }) => return None,
    };
    Some(Service { host, port: backend.port.or(spec.port)? })
}

/// The first backend of a pool that SRV cannot be made of, and what it lacks.
fn without_service(spec: &PoolSpec<'_>) -> Option<(String, &'static str)> {
    let lacks = |backend: &BackendSpec<'_>| match (backend.host.or(backend.target), backend.port) {
        (None, _) => Some("host"),
        (Some(_), None) if spec.port.is_none() => Some("port"),
        _ => None,
    };
    spec.backends.iter().filter(|backend| backend.pool.is_none()).find_map(|backend| {
        let missing = lacks(backend)?;
        let text = backend.name.or(backend.target).map(|name| name.text.to_owned());
        let address = || backend.addresses.first().map(ToString::to_string);
        Some((text.or_else(address).unwrap_or_default(), missing))
    })
}

/// The RDATA of values that hints are added to: of service mode, and without hints by hand (RFC 9460 §2.4.2, §7.3).
fn values_for_hints(values: &[Entry], mistakes: &mut Mistakes<'_>) -> Vec<Vec<u8>> {
    for value in values {
        if value.rdata.starts_with(&[0, 0]) {
            mistakes.add(value.at, Problem::HintsOfAliasMode);
        } else if !hints(&value.rdata).is_empty() {
            mistakes.add(value.at, Problem::HintsByHand);
        }
    }
    values.iter().map(|value| value.rdata.clone()).collect()
}
