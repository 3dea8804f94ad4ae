//! The pools of a name as a `dynamic` record: one for each type that they answer.
//!
//! What a rule names and what it falls back to are pools there; a plain pool at the end of the fallbacks, without a
//! check, is the record's own `values`. Settings are those of the pool for everybody; where another pool has others, that
//! is told.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::key;
use crate::config::model::place::{Area, Country, subdivision};
use crate::config::model::{
    Backend, Balanced, Check, CheckKind, Degraded, Endpoint, Form, HashBy, HttpCheck, OwnCheck,
    Policy, Pool, Rule, SetState, Tiers, UdpCheck, WhenAllDown, Zone,
};
use crate::config::resolve;
use crate::config::write::yaml::Yaml;
use crate::config::write::{panic_share, written_check};
use crate::rdata;

/// The greatest weight that octoDNS takes; the least is 1.
const WEIGHT_MAX: u16 = 100;
/// What of a check stands in `healthcheck`; the rest is ours.
const OCTODNS_REQUEST: [&str; 3] = ["port", "path", "host"];

type Entries = Vec<(String, Yaml)>;

/// The records of a name that pools answer, and what they do not say, a line each.
pub(super) fn records(zone: &Zone, balanced: &Balanced, lost: &mut Vec<String>) -> Vec<Yaml> {
    let types = match &balanced.form {
        Form::Addresses => &["A", "AAAA"][..],
        Form::A => &["A"],
        Form::Aaaa => &["AAAA"],
        Form::Cname => &["CNAME"],
        Form::Made(made) => {
            let (owner, pool) = (&balanced.owner, &zone.pools[balanced.pool].name);
            let rtype = rdata::type_name(made.rtype());
            lost.push(format!("{owner} {rtype} is made of the pool {pool}"));
            return Vec::new();
        }
    };
    let pool = &zone.pools[balanced.pool];
    if balanced.shards.is_some() {
        let owner = &balanced.owner;
        lost.push(format!("{owner} is shared out among pools by the labels below it"));
        return Vec::new();
    }
    if let Some(role) = pool.role() {
        let (owner, pool, role) = (&balanced.owner, &pool.name, role.name());
        lost.push(format!("{owner} is answered from what is {role} in the pool {pool}"));
        return Vec::new();
    }
    let before = lost.len();
    let found: Vec<Yaml> = types
        .iter()
        .filter_map(|rtype| Record::of(zone, balanced, rtype, lost)?.write(lost))
        .collect();
    if found.is_empty() && lost.len() == before {
        let pool = &zone.pools[balanced.pool].name;
        lost.push(format!("{} is answered from the pool {pool}", balanced.owner));
    }
    found
}

/// A name, a type, and the pools that are its answer.
struct Record<'z> {
    zone: &'z Zone,
    balanced: &'z Balanced,
    rtype: &'static str,
    /// What the names of its pools begin with here: `www.A`.
    prefix: String,
    /// Its pools by their places, with their names there; rules' first.
    pools: Vec<(usize, String)>,
    /// The pool that is the record's own `values`.
    last: Option<usize>,
}

impl<'z> Record<'z> {
    /// `None` where no pool has anything of the type, or one of them has not.
    fn of(
        zone: &'z Zone,
        balanced: &'z Balanced,
        rtype: &'static str,
        lost: &mut Vec<String>,
    ) -> Option<Self> {
        let owner = key(&balanced.owner, &zone.origin);
        let prefix = format!("{}.{rtype}", if owner.is_empty() { "@" } else { &owner });
        let mut record = Self { zone, balanced, rtype, prefix, pools: Vec::new(), last: None };
        let places = record.reachable();
        let has_none = |place: &&usize| record.served(**place).next().is_none();
        if let Some(&lacking) = places.iter().find(has_none) {
            // Nobody expects AAAA of a zone without IPv6.
            if !places.iter().all(|place| has_none(&place)) {
                let pool = &zone.pools[lacking].name;
                lost.push(
                    record.told(&format!("the pool {pool} has none, and octoDNS no empty pool")),
                );
            }
            return None;
        }
        record.last = record.last_resort(&places);
        let mut taken = BTreeSet::new();
        for place in places.into_iter().filter(|place| record.last != Some(*place)) {
            let name = &zone.pools[place].name;
            let own = name.strip_prefix(&format!("{}.", record.prefix)).unwrap_or(name);
            let numbered = (2..).map(|number| format!("{own}-{number}"));
            let free =
                std::iter::once(own.to_owned()).chain(numbered).find(|name| !taken.contains(name));
            let name = free.unwrap_or_default();
            taken.insert(name.clone());
            record.pools.push((place, name));
        }
        Some(record)
    }

    /// The pools that answer the name, each once: rules' first, then what they fall back to.
    fn reachable(&self) -> Vec<usize> {
        let rules = self.said_rules().map(|rule| rule.pool);
        let mut found: Vec<usize> = Vec::new();
        for place in rules.chain([self.balanced.pool]) {
            if !found.contains(&place) {
                found.push(place);
            }
        }
        let mut at = 0;
        while let Some(&place) = found.get(at) {
            if let WhenAllDown::Fallback(next) = self.zone.pools[place].when_all_down
                && !found.contains(&next)
            {
                found.push(next);
            }
            at += 1;
        }
        found
    }

    /// The one pool of these that says no more than `values` do.
    fn last_resort(&self, places: &[usize]) -> Option<usize> {
        let Balanced { rules, pool: main, .. } = self.balanced;
        let is_ruled = |place: usize| place == *main || rules.iter().any(|rule| rule.pool == place);
        let usual = |place: usize| {
            let pool = &self.zone.pools[place];
            let new = Pool::new(pool.name.clone(), Policy::RoundRobin, pool.backends.clone());
            let ttl = self.main().ttl;
            let is_plain = |backend: &Backend| {
                backend.weight == Backend::WEIGHT
                    && backend.state == SetState::Auto
                    && *backend == said(backend)
            };
            pool.backends.iter().all(is_plain)
                && *pool
                    == Pool { ttl, min_ttl: Pool::MIN_TTL.min(ttl), made: pool.made.clone(), ..new }
                && (self.rtype != "CNAME" || pool.backends.len() == 1)
        };
        let mut found = places.iter().copied().filter(|place| !is_ruled(*place) && usual(*place));
        // Of two, one is a pool with the other's name in its way.
        let first = found.next()?;
        let named =
            places.iter().copied().find(|place| self.zone.pools[*place].name == self.prefix);
        named.filter(|place| !is_ruled(*place) && usual(*place)).or(Some(first))
    }

    fn main(&self) -> &'z Pool {
        &self.zone.pools[self.balanced.pool]
    }

    /// What of a pool the type can have, in the order of the file.
    fn served(&self, place: usize) -> impl Iterator<Item = (&'z Backend, String)> {
        let (zone, rtype) = (self.zone, self.rtype);
        zone.pools[place].endpoints().filter_map(move |(backend, endpoint)| {
            let is_meant = matches!(
                (rtype, &endpoint),
                ("A", Endpoint::Address(IpAddr::V4(_)))
                    | ("AAAA", Endpoint::Address(IpAddr::V6(_)))
                    | ("CNAME", Endpoint::Target(_))
            );
            is_meant.then(|| (backend, endpoint.to_string()))
        })
    }

    fn told(&self, what: &str) -> String {
        format!("{} {}: {what}", self.balanced.owner, self.rtype)
    }

    fn name_of(&self, place: usize) -> &str {
        self.pools.iter().find(|(other, _)| *other == place).map_or("", |(_, name)| name)
    }

    /// The check of the record, which all its pools share there.
    fn check(&self) -> Option<&'z Check> {
        let of = |place: usize| self.zone.pools[place].check.as_deref();
        let others = self.pools.iter().map(|(place, _)| *place);
        let first = std::iter::once(self.balanced.pool).chain(others).find_map(of);
        // What a CNAME leads to is not checked there.
        first.filter(|_| self.rtype != "CNAME")
    }

    fn write(self, lost: &mut Vec<String>) -> Option<Yaml> {
        let main = self.main();
        let check = self.check();
        self.tell_rules(lost);
        self.tell(check, lost);
        let pools =
            self.pools.iter().map(|(place, name)| (name.clone(), self.pool(*place, check, lost)));
        let pools: Entries = pools.collect();
        let place = self.last.unwrap_or(self.balanced.pool);
        let is_off = |backend: &Backend| backend.state == SetState::Down;
        let all_off = self.served(place).all(|(backend, _)| is_off(backend));
        let values = self.served(place).filter(|(backend, _)| all_off || !is_off(backend));
        let mut values: Vec<Yaml> = values.map(|(_, value)| Yaml::Scalar(value)).collect();
        let values = if self.rtype == "CNAME" {
            ("value".to_owned(), values.drain(..).next()?)
        } else {
            ("values".to_owned(), Yaml::List(values))
        };
        let dynamic =
            vec![("pools".to_owned(), Yaml::Map(pools)), ("rules".to_owned(), self.rules())];
        let mut entries = vec![
            ("type".to_owned(), Yaml::scalar(self.rtype)),
            ("ttl".to_owned(), Yaml::scalar(main.ttl)),
            ("dynamic".to_owned(), Yaml::Map(dynamic)),
            values,
        ];
        let settings = self.settings(check);
        if !settings.is_empty() {
            entries.push(("octodns".to_owned(), Yaml::Map(settings)));
        }
        Some(Yaml::Map(entries))
    }

    fn rules(&self) -> Yaml {
        let pool = |place| ("pool".to_owned(), Yaml::scalar(self.name_of(place)));
        // What is left without subnets and places would be for everybody.
        let rules = self.said_rules().map(|rule| {
            let lists = [
                ("subnets", rule.subnets.iter().map(Yaml::scalar).collect()),
                ("geos", geos(&rule.area)),
            ];
            let lists = lists.into_iter().filter(|(_, list): &(_, Vec<Yaml>)| !list.is_empty());
            let lists = lists.map(|(key, list)| (key.to_owned(), Yaml::List(list)));
            Yaml::Map(lists.chain([pool(rule.pool)]).collect())
        });
        Yaml::List(rules.chain([Yaml::Map(vec![pool(self.balanced.pool)])]).collect())
    }

    /// The rules for somebody whom octoDNS can name.
    fn said_rules(&self) -> impl Iterator<Item = &'z Rule> {
        let rules = self.balanced.rules.iter();
        rules.filter(|rule| !rule.subnets.is_empty() || !geos(&rule.area).is_empty())
    }

    /// Tells whom rules are for that octoDNS has no words for, and that some give private addresses.
    fn tell_rules(&self, lost: &mut Vec<String>) {
        for rule in &self.balanced.rules {
            let pool = self.zone.pools[rule.pool].label();
            let Area { regions, asns, .. } = &rule.area;
            let own = regions.iter().filter(|region| geo(region).is_none());
            let own: Vec<&str> = own.map(String::as_str).collect();
            let asns: Vec<String> = asns.iter().map(|asn| format!("AS{asn}")).collect();
            let is_said = !rule.subnets.is_empty() || !geos(&rule.area).is_empty();
            let left = if is_said { "" } else { ", and so the whole rule" };
            for (what, names) in
                [("the region", own.join(", ")), ("the autonomous system", asns.join(", "))]
            {
                if !names.is_empty() {
                    lost.push(
                        self.told(&format!("{what} {names} of a rule for the pool {pool}{left}")),
                    );
                }
            }
            if self.zone.pools[rule.pool].is_private() {
                lost.push(self.told(&format!(
                    "a rule gives private addresses, those of the pool {pool}, to who asks: octoDNS goes by client subnets"
                )));
            }
        }
    }

    fn pool(&self, place: usize, check: Option<&Check>, lost: &mut Vec<String>) -> Yaml {
        let pool = &self.zone.pools[place];
        let served: Vec<_> = self.served(place).collect();
        let is_alone = served.len() == 1;
        // Unless something probes it, it counts as up.
        let is_up = pool.check.is_none();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (backend, _) in &served {
            *counts.entry(&backend.name).or_default() += 1;
        }
        let mut values = Vec::new();
        for (backend, value) in &served {
            let Backend { name, weight, state, serves, .. } = backend;
            let mut entries = vec![("value".to_owned(), Yaml::scalar(value))];
            if *weight != Backend::WEIGHT && !is_alone {
                entries.push(("weight".to_owned(), Yaml::scalar(weight)));
            }
            if (is_alone && *weight != Backend::WEIGHT) || !(1..=WEIGHT_MAX).contains(weight) {
                let why = if is_alone { "has none where it is alone" } else { "is from 1 to 100" };
                lost.push(
                    self.told(&format!("the weight {weight} of the backend {name}, which {why}")),
                );
            }
            match state {
                SetState::Down => entries.push(("status".to_owned(), Yaml::scalar("down"))),
                SetState::Auto if !is_up => {}
                SetState::Up | SetState::Auto => {
                    entries.push(("status".to_owned(), Yaml::scalar("up")));
                }
            }
            values.push(Yaml::Map(entries));
            if counts.remove(name.as_str()).is_some_and(|count| count > 1) {
                let what = format!("the addresses of the backend {name} are values of their own");
                lost.push(self.told(&what));
            }
            if *name != resolve::unnamed(serves) {
                lost.push(self.told(&format!("the backend {name} is called {value}")));
            }
        }
        if pool.check.is_none() && check.is_some() {
            lost.push(
                self.told(&format!("the pool {} has no check: its values are `up`", pool.name)),
            );
        }
        let mut entries = vec![("values".to_owned(), Yaml::List(values))];
        if let WhenAllDown::Fallback(next) = pool.when_all_down
            && self.last != Some(next)
        {
            entries.push(("fallback".to_owned(), Yaml::scalar(self.name_of(next))));
        }
        Yaml::Map(entries)
    }

    /// `octodns`: the check as far as it has words for it, and the rest in a block of ours.
    fn settings(&self, check: Option<&Check>) -> Entries {
        let Pool { policy, ttl, min_ttl, panic, .. } = self.main();
        let mut ours: Entries = Vec::new();
        let mut set = |key: &str, text: String| ours.push((key.to_owned(), Yaml::Scalar(text)));
        // Where backends are is lost, and without it nobody is nearest.
        if !matches!(policy, Policy::Weighted | Policy::Nearest) {
            set("policy", policy.name().to_owned());
        }
        if let Some(answers) = self.main().answers_set() {
            set("answers", answers.to_string());
        }
        if *min_ttl != Pool::MIN_TTL.min(*ttl) {
            set("min_ttl", min_ttl.to_string());
        }
        if *panic > 0 {
            set("panic", panic_share(*panic));
        }
        if let Some(when) = self.end_of(self.balanced.pool) {
            set("when_all_down", when.to_owned());
        }
        let mut found = Vec::new();
        match check.map(|check| (check, healthcheck(check))) {
            Some((_, None)) => ours.push(("check".to_owned(), Yaml::scalar("none"))),
            Some((check, Some(healthcheck))) => {
                found.push(("healthcheck".to_owned(), Yaml::Map(healthcheck)));
                let mut rest = written_check(check).into_iter();
                if let Some((_, Yaml::Map(request))) = rest.next() {
                    let is_ours =
                        |(key, _): &(String, Yaml)| !OCTODNS_REQUEST.contains(&key.as_str());
                    ours.extend(request.into_iter().filter(is_ours));
                }
                ours.extend(rest);
            }
            None if self.pools.iter().all(|(place, _)| self.zone.pools[*place].check.is_none()) => {
                ours.push(("check".to_owned(), Yaml::scalar("none")));
            }
            None => {}
        }
        if !ours.is_empty() {
            found.push(("rotadns".to_owned(), Yaml::Map(ours)));
        }
        found
    }

    /// What is done where the fallbacks of a pool end, unless it is `values`.
    fn end_of(&self, place: usize) -> Option<&'static str> {
        let next = |place: &usize| match self.zone.pools[*place].when_all_down {
            WhenAllDown::Fallback(next) => Some(next),
            _ => None,
        };
        let end = std::iter::successors(Some(place), next).last().unwrap_or(place);
        match self.zone.pools[end].when_all_down {
            _ if self.last == Some(end) => None,
            WhenAllDown::None => Some("none"),
            WhenAllDown::Last => Some("last"),
            WhenAllDown::All | WhenAllDown::Fallback(_) => Some("all"),
        }
    }

    /// Tells what the record cannot say of its pools.
    fn tell(&self, check: Option<&Check>, lost: &mut Vec<String>) {
        let main = self.main();
        let mut tell = |what: String| lost.push(self.told(&what));
        if let Some(last) = self.last.map(|last| &self.zone.pools[last])
            && last.name != self.prefix
        {
            tell(format!("the pool {} is its `values`, called {}", last.name, self.prefix));
        }
        if let Some(check) = check.filter(|check| healthcheck(check).is_none()) {
            let (kind, _) = written_check(check).swap_remove(0);
            tell(format!("the check by `{kind}`, which octoDNS has none for"));
        }
        let named = check.and_then(|check| {
            let is_it = |(_, named): &&(String, Arc<Check>)| std::ptr::eq(named.as_ref(), check);
            self.zone.checks.iter().find(is_it)
        });
        if let Some((name, _)) = named.filter(|(name, _)| *name != self.prefix) {
            tell(format!("the check {name} is called {}", self.prefix));
        }
        for (place, name) in &self.pools {
            let pool = &self.zone.pools[*place];
            for what in unsaid(pool) {
                tell(format!("{what} of the pool {}", pool.label()));
            }
            if pool.policy == Policy::Nearest {
                tell(format!(
                    "the pool {} hands out the nearest, and octoDNS cannot say where backends are",
                    pool.label()
                ));
            }
            let called = format!("{}.{name}", self.prefix);
            if pool.label() != called {
                tell(format!("the pool {} is called {called}", pool.label()));
            }
            for (what, differs) in [
                ("policy", pool.policy != main.policy),
                ("answers", pool.answers_set() != main.answers_set()),
                ("ttl", pool.ttl != main.ttl),
                ("min_ttl", pool.min_ttl != main.min_ttl),
                ("panic", pool.panic != main.panic),
                ("when_all_down", self.end_of(*place) != self.end_of(self.balanced.pool)),
                ("check", pool.check.is_some() && pool.check.as_deref() != check),
            ] {
                if !differs {
                    continue;
                }
                tell(if self.rtype == "CNAME" && what == "check" {
                    format!(
                        "the check of the pool {}: what a CNAME leads to is not checked",
                        pool.name
                    )
                } else {
                    format!(
                        "the {what} of the pool {}, which is not that of {}",
                        pool.name, main.name
                    )
                });
            }
        }
    }
}

/// What octoDNS has no words for of what a pool is set to, the names of the keys where there are some.
fn unsaid(pool: &Pool) -> Vec<&'static str> {
    // One more field is one more question here.
    let Pool {
        name: _,
        policy,
        ttl: _,
        min_ttl: _,
        answers: _,
        services: _,
        when_all_down: _,
        panic: _,
        check: _,
        backends,
        degraded,
        tiers: Tiers { min_healthy, failback },
        max_lag,
        multi_primary,
        slow_start,
        failover_max,
        hash,
        made: _,
        face: _,
    } = pool;
    let usual = Tiers::default();
    let has = |is_it: fn(&Backend) -> bool| backends.iter().any(is_it);
    let is_tiered = policy.with_own_tier(backends).any(|(_, has_own_tier)| has_own_tier);
    let told = [
        ("the pools within", has(|own| own.inner().is_some())),
        ("the private addresses", has(|own| !own.private.is_empty())),
        ("where the backends are", has(|own| !own.site.is_unknown())),
        ("the `priority` of backends", is_tiered),
        ("the checks of single backends", has(|own| own.check != OwnCheck::Pools)),
        ("the `check_address` of backends", has(|own| !own.check_addresses.is_empty())),
        ("`degraded`", *degraded != Degraded::Serve),
        ("`min_healthy`", *min_healthy != usual.min_healthy),
        ("`failback`", *failback != usual.failback),
        ("`max_lag`", max_lag.is_some()),
        ("`multi_primary`", *multi_primary),
        ("`slow_start`", !slow_start.is_zero()),
        ("`failover_max`", failover_max.is_some()),
        ("`hash`", *hash != HashBy::default()),
    ];
    told.into_iter().filter(|(_, is_set)| *is_set).map(|(what, _)| what).collect()
}

/// A backend as far as there are words for it.
fn said(backend: &Backend) -> Backend {
    let Backend { name, serves, weight, state, service, .. } = backend;
    let (weight, state, service) = (*weight, *state, service.clone());
    Backend { weight, state, service, ..Backend::new(name.clone(), serves.clone()) }
}

/// What octoDNS itself can say of a check; `None` for kinds that it does not know.
fn healthcheck(check: &Check) -> Option<Entries> {
    let (protocol, port, http) = match &check.kind {
        // It sends one echo.
        CheckKind::Icmp(icmp) if icmp.count.get() == 1 => {
            return Some(vec![("protocol".to_owned(), Yaml::scalar("ICMP"))]);
        }
        CheckKind::Tcp { port } => ("TCP", port, None),
        CheckKind::Udp(UdpCheck { port, send, expect: None }) if send.is_empty() => {
            ("UDP", port, None)
        }
        CheckKind::Http(http) if http.tls.is_some() => ("HTTPS", &http.port, Some(http)),
        CheckKind::Http(http) => ("HTTP", &http.port, Some(http)),
        _ => return None,
    };
    let mut found = vec![
        ("protocol".to_owned(), Yaml::scalar(protocol)),
        ("port".to_owned(), Yaml::scalar(port)),
    ];
    if let Some(HttpCheck { host, path, .. }) = http {
        found.push(("host".to_owned(), host.as_ref().map_or(Yaml::Null, Yaml::scalar)));
        found.push(("path".to_owned(), Yaml::scalar(path)));
    }
    Some(found)
}

/// Places as octoDNS has them: a continent, a country of it, a subdivision of that. It knows no others.
fn geos(area: &Area) -> Vec<Yaml> {
    let continents = area.continents.iter().map(|continent| continent.code().to_owned());
    let of_country =
        |country: Country| format!("{}-{}", country.continent().code(), country.code());
    let countries = area.countries.iter().map(|country| of_country(*country));
    let regions = area.regions.iter().filter_map(|region| geo(region));
    continents.chain(countries).chain(regions).map(Yaml::scalar).collect()
}

/// A subdivision as octoDNS has it; `None` of a region that it does not know.
fn geo(region: &str) -> Option<String> {
    let (country, code) = subdivision(region)?;
    let country = Country::of(country)?;
    Some(format!("{}-{}-{code}", country.continent().code(), country.code()))
}
