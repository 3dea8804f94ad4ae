//! Pools and checks in our own format.

use std::borrow::Cow;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use super::super::yaml::Yaml;
use super::{entry, seconds};
use crate::config::model::{
    AgentCheck, Backend, Check, CheckKind, DatabaseCheck, DatabaseKind, Degraded, DnsCheck,
    ExecCheck, Failback, FileCheck, Flap, GrpcCheck, HashBy, HttpCheck, IcmpCheck, LoadFrom,
    LoadPlace, OwnCheck, Policy, Pool, Rcode, Secret, Serves, Service, SetState, SeveralChecks,
    Tiers, Tls, TlsCheck, Transport, UdpCheck, Unlisted, Verify, WhenAllDown, Zone,
};
use crate::config::resolve;
use crate::config::spec::check as defaults;
use crate::config::spec::pool::HASHED;
use crate::config::value::with_escapes;
use crate::rdata::{self, rtype};

/// The checks that have a name, and those that several pools have, which are given one.
pub(super) struct Checks(Vec<(Arc<Check>, String)>);

impl Checks {
    pub(super) fn of(zone: &Zone) -> Self {
        let (pools, named) = (&zone.pools, zone.checks.iter());
        let mut shared: Vec<(Arc<Check>, String)> =
            named.map(|(name, check)| (Arc::clone(check), name.clone())).collect();
        let written = || pools.iter().filter(|pool| pool.face.is_none());
        for check in written().filter_map(|pool| pool.check.as_ref()) {
            let uses = written().filter(|pool| pool.check.as_ref() == Some(check)).count();
            if uses > 1 && !shared.iter().any(|(other, _)| other == check) {
                let (kind, port) = kind_of(check);
                let plain = format!("{kind}-{port}");
                let is_free = |name: &String| !shared.iter().any(|(_, other)| other == name);
                let numbered = (2..).map(|number| format!("{plain}-{number}"));
                let name = std::iter::once(plain.clone()).chain(numbered).find(is_free);
                shared.push((Arc::clone(check), name.unwrap_or(plain)));
            }
        }
        Self(shared)
    }

    pub(super) fn section(&self) -> Vec<(String, Yaml)> {
        self.0.iter().map(|(check, name)| (name.clone(), Yaml::Map(self.written(check)))).collect()
    }

    fn reference(&self, check: &Arc<Check>) -> Yaml {
        // Two that are equal have names of their own.
        let same = self.0.iter().find(|(other, _)| Arc::ptr_eq(other, check));
        match same.or_else(|| self.0.iter().find(|(other, _)| other == check)) {
            Some((_, name)) => Yaml::scalar(name),
            None => Yaml::Map(self.written(check)),
        }
    }

    /// What may stand in a check, its kind first.
    fn written(&self, check: &Check) -> Vec<(String, Yaml)> {
        let mut found = written(check);
        if let CheckKind::Several(several) = &check.kind {
            let parts = several.of.iter().map(|part| self.reference(part)).collect();
            found[0] = several_of(several, parts);
        }
        found
    }
}

fn kind_of(check: &Check) -> (&'static str, u16) {
    match &check.kind {
        CheckKind::Tcp { port } => ("tcp", port.get()),
        CheckKind::Http(HttpCheck { port, tls: None, .. }) => ("http", port.get()),
        CheckKind::Http(HttpCheck { port, .. }) => ("https", port.get()),
        CheckKind::Tls(TlsCheck { port, .. }) => ("tls", port.get()),
        CheckKind::Agent(AgentCheck { port, .. }) => ("agent", port.get()),
        CheckKind::Database(DatabaseCheck { port, kind, .. }) => (kind.name(), port.get()),
        CheckKind::Push(_) => ("push", 0),
        CheckKind::File(_) => ("file", 0),
        CheckKind::Dns(DnsCheck { port, .. }) => ("dns", port.get()),
        CheckKind::Udp(UdpCheck { port, .. }) => ("udp", port.get()),
        CheckKind::Icmp(IcmpCheck { count, .. }) => ("icmp", count.get().into()),
        CheckKind::Grpc(GrpcCheck { port, .. }) => ("grpc", port.get()),
        CheckKind::Exec(ExecCheck { port, .. }) => ("exec", port.map_or(0, NonZeroU16::get)),
        CheckKind::Several(several) => (several.word(), several.least.into()),
    }
}

/// A check of several, with these parts.
fn several_of(several: &SeveralChecks, parts: Vec<Yaml>) -> (String, Yaml) {
    let (word, parts) = (several.word(), Yaml::List(parts));
    let value = match word {
        "at_least" => Yaml::Map(vec![entry("n", several.least), ("of".into(), parts)]),
        _ => parts,
    };
    (word.into(), value)
}

/// What may stand in a check, its kind first; the parts of a check of several stand inline.
pub(in crate::config) fn written(check: &Check) -> Vec<(String, Yaml)> {
    let Check { kind, interval, fast_interval, timeout, rise, fall, flap } = check;
    let (name, port) = kind_of(check);
    let kind = match kind {
        CheckKind::Tcp { .. } => vec![entry("port", port)],
        CheckKind::Http(http) => request(http),
        CheckKind::Tls(TlsCheck { tls, days, .. }) => {
            let port = (port != 443).then(|| entry("port", port));
            port.into_iter().chain(tls_keys(tls, *days)).collect()
        }
        CheckKind::Agent(AgentCheck { send, .. }) => {
            let mut found = vec![entry("port", port)];
            found.extend((!send.is_empty()).then(|| entry("send", with_escapes(send))));
            found
        }
        CheckKind::Database(database) => login(database),
        CheckKind::Push(push) => {
            let ttl = (push.ttl != defaults::push::TTL).then(|| ("ttl".into(), span(push.ttl)));
            ttl.into_iter().collect()
        }
        CheckKind::Dns(check) => question(check),
        CheckKind::Udp(UdpCheck { send, expect, .. }) => {
            let mut found = vec![entry("port", port)];
            found.extend((!send.is_empty()).then(|| entry("send", with_escapes(send))));
            found.extend(expect.as_ref().map(|expect| entry("expect", with_escapes(expect))));
            found
        }
        CheckKind::Icmp(IcmpCheck { count, least }) => {
            let keys = [("count", count), ("at_least", least)];
            let set = keys.into_iter().filter(|(_, number)| number.get() > 1);
            set.map(|(key, number)| entry(key, number)).collect()
        }
        CheckKind::Grpc(GrpcCheck { port, service, host, tls }) => {
            let mut found = vec![entry("port", port)];
            found.extend((!service.is_empty()).then(|| entry("service", service)));
            found.extend(host.as_ref().map(|host| entry("host", host)));
            found.extend(tls.as_ref().map(tls_choice));
            found
        }
        CheckKind::Exec(ExecCheck { port, command, env }) => {
            let mut found = Vec::new();
            found.extend(port.map(|port| entry("port", port)));
            let words = command.iter().map(Yaml::scalar).collect();
            found.push(("command".to_owned(), Yaml::List(words)));
            if !env.is_empty() {
                let env = env.iter().map(|(name, value)| entry(name, value)).collect();
                found.push(("env".to_owned(), Yaml::Map(env)));
            }
            found
        }
        CheckKind::File(FileCheck { path, name, unlisted, age_max }) => {
            let mut found = vec![entry("path", path.display())];
            found.extend(name.as_ref().map(|name| entry("name", name)));
            let is_set = *unlisted != Unlisted::default();
            found.extend(is_set.then(|| entry("unlisted", unlisted.word())));
            found.extend(age_max.map(|age| ("max_age".into(), span(age))));
            found
        }
        CheckKind::Several(_) => Vec::new(),
    };
    let mut found = vec![(name.to_owned(), Yaml::Map(kind))];
    if let CheckKind::Several(several) = &check.kind {
        let inline = several.of.iter().map(|check| Yaml::Map(written(check)));
        found[0] = several_of(several, inline.collect());
    }
    for (key, value, usual) in [
        ("interval", interval, defaults::INTERVAL),
        ("timeout", timeout, defaults::TIMEOUT.min(*interval)),
        ("fast_interval", fast_interval, defaults::FAST_INTERVAL.min(*interval)),
    ] {
        if *value != usual {
            found.push((key.into(), span(*value)));
        }
    }
    for (key, value, usual) in [("rise", rise, defaults::RISE), ("fall", fall, defaults::FALL)] {
        if *value != usual {
            found.push(entry(key, value));
        }
    }
    found.extend(flap.as_ref().map(|flap| ("flap".into(), written_flap(flap))));
    found
}

fn written_flap(flap: &Flap) -> Yaml {
    let Flap { penalty, suppress, reuse, half_life, hold_max } = flap;
    let usual = Flap::DEFAULT;
    let mut found = Vec::new();
    for (key, value, usual) in [
        ("penalty", penalty, usual.penalty),
        ("suppress", suppress, usual.suppress),
        ("reuse", reuse, usual.reuse),
    ] {
        found.extend((*value != usual).then(|| entry(key, value)));
    }
    for (key, value, usual) in
        [("half_life", half_life, usual.half_life), ("hold_max", hold_max, usual.hold_max)]
    {
        found.extend((*value != usual).then(|| (key.into(), span(*value))));
    }
    if found.is_empty() { Yaml::Bool(true) } else { Yaml::Map(found) }
}

fn question(check: &DnsCheck) -> Vec<(String, Yaml)> {
    let DnsCheck { port, question, rtype, transport, rcode, answer, recursion } = check;
    let mut found = Vec::new();
    found.extend((port.get() != 53).then(|| entry("port", port)));
    found.push(entry("question", question));
    found.extend((*rtype != rtype::A).then(|| entry("type", rdata::type_name(*rtype))));
    found.extend((*transport != Transport::Udp).then(|| entry("transport", transport.word())));
    found.extend((*rcode != Rcode::NO_ERROR).then(|| entry("rcode", rcode)));
    if !answer.is_empty() {
        let texts = answer.iter().map(|expected| Yaml::scalar(&expected.text)).collect();
        found.push(("answer".to_owned(), Yaml::one_or_list(texts)));
    }
    found.extend(recursion.then(|| ("recursion".to_owned(), Yaml::Bool(true))));
    found
}

fn request(http: &HttpCheck) -> Vec<(String, Yaml)> {
    let HttpCheck { port, path, host, headers, status, body, tls, days, load } = http;
    let mut found = Vec::new();
    if port.get() != if tls.is_some() { 443 } else { 80 } {
        found.push(entry("port", port));
    }
    if path != "/" {
        found.push(entry("path", path));
    }
    found.extend(host.as_ref().map(|host| entry("host", host)));
    if *status != [200..=299] {
        let ranges = status.iter().map(|range| match (range.start(), range.end()) {
            (low, high) if low == high => Yaml::scalar(low),
            (low, high) => Yaml::scalar(format!("{low}-{high}")),
        });
        found.push(("status".into(), Yaml::one_or_list(ranges.collect())));
    }
    if !headers.is_empty() {
        let fields = headers.iter().map(|(name, value)| entry(name, value)).collect();
        found.push(("headers".into(), Yaml::Map(fields)));
    }
    found.extend(body.as_ref().map(|body| entry("body", body)));
    if let Some(LoadFrom { place, full }) = load {
        let mut from = vec![match place {
            LoadPlace::Header(name) => entry("header", name),
            LoadPlace::Json(pointer) => entry("json", pointer),
        }];
        from.extend((*full != defaults::load::FULL).then(|| entry("full", full)));
        found.push(("load".into(), Yaml::Map(from)));
    }
    found.extend(tls.iter().flat_map(|tls| tls_keys(tls, *days)));
    found
}

fn tls_keys(tls: &Tls, days: u16) -> Vec<(String, Yaml)> {
    let Tls { sni, verify } = tls;
    let mut found = Vec::new();
    found.extend(sni.as_ref().map(|sni| entry("sni", sni)));
    match verify {
        Verify::System => {}
        Verify::Ca(path) => found.push(entry("ca", path.display())),
        Verify::Off => found.push(("verify".to_owned(), Yaml::Bool(false))),
    }
    if days != tls.usual_days() {
        found.push(entry("days", days));
    }
    found
}

fn login(check: &DatabaseCheck) -> Vec<(String, Yaml)> {
    let DatabaseCheck { port, user, password, tls, kind } = check;
    let mut found = Vec::new();
    if *port != kind.usual_port() {
        found.push(entry("port", port));
    }
    found.extend(user.as_ref().map(|user| entry("user", user)));
    match password {
        Some(Secret::File(path)) => found.push(entry("password_file", path.display())),
        Some(Secret::Variable(name)) => found.push(entry("password_env", name)),
        None => {}
    }
    if let DatabaseKind::Postgres { database, query } = kind {
        if database != defaults::database::DATABASE {
            found.push(entry("database", database));
        }
        found.extend(query.as_ref().map(|query| entry("query", query)));
    }
    found.extend(tls.as_ref().map(tls_choice));
    found
}

/// `tls` of a kind that may do without.
fn tls_choice(tls: &Tls) -> (String, Yaml) {
    let how = tls_keys(tls, tls.usual_days());
    ("tls".into(), if how.is_empty() { Yaml::Bool(true) } else { Yaml::Map(how) })
}

pub(super) fn span(duration: Duration) -> Yaml {
    match (u32::try_from(duration.as_secs()), duration.subsec_millis()) {
        (Ok(whole), 0) => seconds(whole),
        _ => Yaml::scalar(format!("{}ms", duration.as_millis())),
    }
}

/// A pool by its name.
pub(super) fn pool(pool: &Pool, pools: &[Pool], checks: &Checks) -> (String, Yaml) {
    // What is made of it stands with the records.
    let Pool { name, policy, ttl, min_ttl, answers: _, services: _, .. } = pool;
    let Pool { check, backends, made: _, .. } = pool;
    let Pool { when_all_down, panic, tiers, max_lag, multi_primary, .. } = pool;
    let mut found = Vec::new();
    found.extend(check.as_ref().map(|check| ("check".into(), checks.reference(check))));
    if *policy != Policy::RoundRobin {
        found.push(entry("policy", policy.name()));
    }
    if *ttl != Pool::TTL {
        found.push(("ttl".into(), seconds(*ttl)));
    }
    if *min_ttl != Pool::MIN_TTL.min(*ttl) {
        found.push(("min_ttl".into(), seconds(*min_ttl)));
    }
    found.extend(pool.answers_set().map(|answers| entry("answers", answers)));
    match when_all_down {
        WhenAllDown::All => {}
        WhenAllDown::None => found.push(entry("when_all_down", "none")),
        WhenAllDown::Last => found.push(entry("when_all_down", "last")),
        WhenAllDown::Fallback(place) => {
            found.push(entry("when_all_down", "fallback"));
            found.push(entry("fallback", &pools[*place].name));
        }
    }
    if *panic > 0 {
        found.push(entry("panic", panic_share(*panic)));
    }
    if pool.degraded == Degraded::Avoid {
        found.push(entry("degraded", "avoid"));
    }
    found.extend((pool.hash != HashBy::default()).then(|| ("hash".into(), hash(pool.hash))));
    if !pool.slow_start.is_zero() {
        found.push(("slow_start".into(), span(pool.slow_start)));
    }
    found.extend(pool.failover_max.map(|most| ("failover_max".into(), span(most))));
    let Tiers { min_healthy, failback } = tiers;
    if *min_healthy != Tiers::default().min_healthy {
        found.push(entry("min_healthy", min_healthy));
    }
    match failback {
        Failback::AtOnce => {}
        Failback::After(hold) => found.push(("failback".into(), span(*hold))),
        Failback::Never => found.push(entry("failback", "never")),
    }
    let own = |(each, has_own_tier): (&Backend, bool)| {
        backend(&as_set(each, check.as_deref()), pools, checks, has_own_tier)
    };
    found.extend(max_lag.map(|lag| ("max_lag".into(), span(lag))));
    if *multi_primary {
        found.push(("multi_primary".into(), Yaml::Bool(true)));
    }
    let is_named = backends.iter().any(|backend| backend.name != resolve::unnamed(&backend.serves));
    let backends = if is_named {
        let named = |each: (&Backend, bool)| (each.0.name.clone(), own(each));
        Yaml::Map(policy.with_own_tier(backends).map(named).collect())
    } else {
        Yaml::List(policy.with_own_tier(backends).map(own).collect())
    };
    found.push(("backends".into(), backends));
    (name.clone(), Yaml::Map(found))
}

/// A backend without what the pool's check says by itself of one of its name.
fn as_set<'b>(backend: &'b Backend, of_pool: Option<&Check>) -> Cow<'b, Backend> {
    let OwnCheck::Own(own) = &backend.check else { return Cow::Borrowed(backend) };
    let named = of_pool.and_then(|check| {
        Some(Check { kind: check.kind.for_backend(&backend.name)?, ..check.clone() })
    });
    if named.as_ref() != Some(own.as_ref()) {
        return Cow::Borrowed(backend);
    }
    Cow::Owned(Backend { check: OwnCheck::Pools, ..backend.clone() })
}

fn hash(by: HashBy) -> Yaml {
    let HashBy { key, v4, v6 } = by;
    let usual = HashBy::default();
    let mut found = Vec::new();
    let word = HASHED.iter().find(|(_, other)| *other == key).filter(|_| key != usual.key);
    found.extend(word.map(|(word, _)| entry("key", word)));
    for (name, bits, usual) in [("v4", v4, usual.v4), ("v6", v6, usual.v6)] {
        found.extend((bits != usual).then(|| entry(name, bits)));
    }
    Yaml::Map(found)
}

/// Parts of a thousand, as a part of one.
pub(in crate::config) fn panic_share(panic: u16) -> String {
    let share = format!("{}.{:03}", panic / 1000, panic % 1000);
    share.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn backend(backend: &Backend, pools: &[Pool], checks: &Checks, has_priority: bool) -> Yaml {
    let Backend { weight, state, serves, service, priority, check, check_addresses, .. } = backend;
    let Backend { private, site, .. } = backend;
    let mut found = Vec::new();
    match serves {
        Serves::Addresses(addresses) => {
            let addresses = Yaml::one_or_list(addresses.iter().map(Yaml::scalar).collect());
            let is_plain = *weight == Backend::WEIGHT
                && *state == SetState::Auto
                && *check == OwnCheck::Pools
                && check_addresses.is_empty()
                && !has_priority;
            let is_alone = service.is_none() && private.is_empty() && site.is_unknown();
            if is_plain && is_alone && is_one(&addresses) {
                return addresses;
            }
            found.push(("address".into(), addresses));
        }
        Serves::Target { name, probe } => {
            found.push(entry("target", name));
            found.extend(probe.map(|probe| entry("address", probe)));
        }
        Serves::Pool { place, .. } => found.push(entry("pool", &pools[*place].name)),
    }
    if !private.is_empty() {
        let addresses = Yaml::one_or_list(private.iter().map(Yaml::scalar).collect());
        found.push(("private".into(), addresses));
    }
    if let Some((latitude, longitude)) = site.location {
        let degrees = [latitude, longitude].map(Yaml::scalar);
        found.push(("location".into(), Yaml::List(degrees.into())));
    }
    found.extend(site.region.as_ref().map(|region| entry("region", region)));
    if let Some(Service { host, port }) = service {
        let is_target = matches!(serves, Serves::Target { name, .. } if name == host);
        found.extend((!is_target).then(|| entry("host", host)));
        found.push(entry("port", port));
    }
    if *weight != Backend::WEIGHT {
        found.push(entry("weight", weight));
    }
    if has_priority {
        found.push(entry("priority", priority));
    }
    match state {
        SetState::Auto => {}
        SetState::Up => found.push(entry("state", "up")),
        SetState::Down => found.push(entry("state", "down")),
    }
    match check {
        OwnCheck::Pools => {}
        OwnCheck::Off => found.push(entry("check", "off")),
        OwnCheck::Own(check) => found.push(("check".into(), checks.reference(check))),
    }
    if !check_addresses.is_empty() {
        let addresses = check_addresses.iter().map(Yaml::scalar).collect();
        found.push(("check_address".into(), Yaml::one_or_list(addresses)));
    }
    Yaml::Map(found)
}

/// A list in a list of backends reads badly, so several addresses stand in a map.
fn is_one(addresses: &Yaml) -> bool {
    matches!(addresses, Yaml::Scalar(_))
}
