//! From a pool to the records that this answer has of it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::path::counted;
use super::{Candidate, ExplainedPool, Serves, Stage, Telling};
use crate::config::model::{
    Backend, Endpoint, Failback, HashBy, HashKey, Policy, Pool, Role, WhenAllDown,
};
use crate::engine::choose::draw::{Way, starts};
use crate::engine::choose::handout::Handout;
use crate::engine::choose::least_load;
use crate::engine::choose::left_out::LeftOut;
use crate::engine::choose::ready::{Ending, Group, Ready, Source};
use crate::engine::choose::roles::Cast;
use crate::engine::choose::share;
use crate::engine::plan::{Family, List};
use crate::engine::snapshot::Chunks;
use crate::health::reason::Judgement;
use crate::rdata::{print, rtype};
use crate::zone::Zone;

/// How many backends, or priorities, a line names.
const NAMED_MAX: usize = 8;

impl Telling<'_> {
    /// Tells one pool's part of the decision; without a draw it has nothing to hand out.
    pub(super) fn pool(
        &mut self,
        zone: &Zone,
        all: &Chunks<Arc<Ready>>,
        place: u32,
        list: List,
        draw: Option<u64>,
    ) {
        let place = place as usize;
        let (Some(pool), Some(ready)) = (zone.pools.get(place), all.get(place)) else { return };
        let judged = (self.judge)(zone, pool);
        let handout = ready.handout(list);
        let noun = noun(pool);

        self.say(Stage::Pool, format!("{}: {}", pool.label(), policy_text(pool)));
        let serving = judged.iter().filter(|judged| judged.verdict.in_service).count();
        self.say(
            Stage::Eligible,
            format!(
                "{serving} of {} in service{}",
                counted(judged.len(), noun),
                role_text(pool, ready)
            ),
        );
        if let Some(said) = inner_text(zone, pool, ready) {
            self.say(Stage::Eligible, said);
        }
        if let Some(said) = guess_text(zone, pool, ready.source) {
            self.say(Stage::Panic, said);
        }
        if let Some(said) = tier_text(pool, ready) {
            self.say(Stage::Tier, said);
        }
        if let Some(said) = draw.and_then(|_| weight_text(pool, ready, list)) {
            self.say(Stage::Weight, said);
        }
        if let Some(draw) = draw {
            self.say(Stage::Draw, draw_text(pool, ready, list, draw));
            let noun = if let List::Made(_) = list { "record" } else { noun };
            let (answers, count) = (handout.answers, counted(handout.count(), noun));
            self.say(Stage::Count, format!("{answers} of {count}"));
            self.say(Stage::Ttl, ttl_text(pool, ready, &judged));
        }
        self.candidates(zone, all, place, list);
    }

    /// Each address of a pool, and of the pools whose addresses it hands out in place of its own.
    fn candidates(&mut self, zone: &Zone, all: &Chunks<Arc<Ready>>, place: usize, list: List) {
        let (Some(pool), Some(ready)) = (zone.pools.get(place), all.get(place)) else { return };
        let is_told = |told: &ExplainedPool| told.pool == pool.label() && told.zone == zone.origin;
        if self.pools.iter().any(is_told) {
            return;
        }
        let mut judged = (self.judge)(zone, pool).into_iter();
        let mut groups = ready.groups.iter();
        let due = share::due(ready);
        let candidate = |of: &Backend, judgement| {
            let Judgement { backend, endpoint, verdict, reason } = judgement;
            let misfit = misfit(of, &endpoint, list);
            let due = due.get(&endpoint);
            let part = due.and_then(|due| least_load::text(pool, verdict.told.load, *due));
            let slow = ready.memory.slow_start(pool, &endpoint);
            let slow = slow.map(|share| format!("slow start: {share} %"));
            let more = match ready.why_left_out(&endpoint) {
                Some(why) => [Some(why.to_string()), None],
                None => [part, slow],
            };
            let misfit_said = misfit.map(str::to_owned);
            let said = misfit_said.into_iter().chain([reason]).chain(more.into_iter().flatten());
            Candidate {
                eligible: misfit.is_none() && ready.has(&endpoint),
                chosen: self.has(&endpoint) || self.has_service(pool, &backend),
                reason: said.collect::<Vec<_>>().join("; "),
                backend,
                serves: Serves::Endpoint(endpoint),
            }
        };
        let mut candidates = Vec::new();
        for backend in &pool.backends {
            let inner = backend.inner().and_then(|place| zone.pools.get(place));
            if let Some((inner, group)) = inner.and_then(|inner| Some((inner, groups.next()?))) {
                candidates.push(self.within(ready, backend, inner, group));
            } else {
                let own = judged.by_ref().take(backend.endpoints().count());
                candidates.extend(own.map(|judgement| candidate(backend, judgement)));
            }
        }
        self.pools.push(ExplainedPool {
            zone: zone.origin.clone(),
            pool: pool.label().into_owned(),
            source: ready.source,
            candidates,
        });
        for inner in pool.backends.iter().filter_map(Backend::inner) {
            self.candidates(zone, all, inner, list);
        }
        if let (Source::Fallback, WhenAllDown::Fallback(other)) = (ready.source, pool.when_all_down)
        {
            self.candidates(zone, all, other, list);
        }
    }
}

impl Telling<'_> {
    /// A pool within another, as one backend of it.
    fn within(&self, ready: &Ready, backend: &Backend, inner: &Pool, group: &Group) -> Candidate {
        let eligible = group.endpoints().any(|endpoint| ready.has(endpoint));
        let why = group.endpoints().find_map(|endpoint| ready.why_left_out(endpoint));
        let why = why.filter(|_| !eligible).map(|why| format!("; {why}"));
        Candidate {
            backend: backend.name.clone(),
            serves: Serves::Pool(inner.label().into_owned()),
            eligible,
            chosen: group.endpoints().any(|endpoint| self.has(endpoint)),
            reason: group.told(inner) + &why.unwrap_or_default(),
        }
    }
}

/// Why an address cannot be in an answer of this form, whatever its health.
fn misfit(backend: &Backend, endpoint: &Endpoint, list: List) -> Option<&'static str> {
    let List::Addresses(family) = list else { return None };
    let fits = |endpoint: &Endpoint| endpoint.address().is_none_or(|address| family.holds(address));
    if fits(endpoint) {
        return None;
    }
    let has_another = backend.endpoints().any(|endpoint| fits(&endpoint));
    Some(match (family, has_another) {
        (Family::V4, false) => "has no IPv4 address",
        (Family::V6, false) => "has no IPv6 address",
        (Family::V4, true) => "for AAAA alone",
        (Family::V6, true) => "for A alone",
    })
}

/// How the pools within stand.
fn inner_text(zone: &Zone, pool: &Pool, ready: &Ready) -> Option<String> {
    let groups = pool.backends.iter().filter(|backend| backend.inner().is_some());
    let mut said: Vec<String> = groups
        .zip(&ready.groups)
        .map(|(backend, group)| {
            let inner = backend.inner().and_then(|place| zone.pools.get(place));
            let told = inner.map_or_else(String::new, |inner| group.told(inner));
            format!("{}: {told}", backend.name)
        })
        .collect();
    let more = said.len().saturating_sub(NAMED_MAX);
    said.truncate(NAMED_MAX);
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// What a pool hands out.
fn noun(pool: &Pool) -> &'static str {
    if pool.serves_targets() { "target" } else { "address" }
}

fn policy_text(pool: &Pool) -> String {
    let most = if pool.serves_targets() { 1 } else { usize::from(pool.answers.get()) };
    let answers = counted(most, noun(pool));
    format!("{}, up to {answers} in an answer", pool.policy.name())
}

/// What roles came to, where the pool is asked for by one.
fn role_text(pool: &Pool, ready: &Ready) -> String {
    let Some(wanted) = pool.role() else { return String::new() };
    let Cast { serves, holder, .. } = &ready.cast;
    let holder = holder.as_deref();
    let text = match (wanted, serves, holder) {
        _ if let Some(rivalry) = ready.cast.rivalry() => rivalry,
        (Role::Primary, Some(_), Some(holder)) => format!("{holder} is primary"),
        (Role::Primary, Some(_), None) => "several may be primary".to_owned(),
        (Role::Primary, None, _) => "none of them is primary".to_owned(),
        (Role::Replica, Some(Role::Replica), _) => "those that are replicas serve".to_owned(),
        (Role::Replica, Some(Role::Primary), holder) => {
            let who = holder.map_or_else(String::new, |holder| format!(", {holder},"));
            format!("no replica can serve, and the primary{who} stands in")
        }
        (Role::Replica, None, _) => "none of them is replica or primary".to_owned(),
    };
    format!("; {text}")
}

/// Where addresses come from that are not in service.
fn guess_text(zone: &Zone, pool: &Pool, source: Source) -> Option<String> {
    let fallback = || match pool.when_all_down {
        WhenAllDown::Fallback(other) => {
            zone.pools.get(other).map_or(Cow::Borrowed(""), Pool::label)
        }
        _ => Cow::Borrowed(""),
    };
    let none = match pool.role() {
        None => "none is in service",
        Some(Role::Primary) => "none is primary",
        Some(Role::Replica) => "none is replica or primary",
    };
    Some(match source {
        Source::InService => return None,
        Source::Panic => {
            let share = f64::from(pool.panic) / 1000.0;
            format!("less than {share} of the weight is in service: every address, as a guess")
        }
        Source::AllDown => format!("{none}: every address, as a guess"),
        Source::Last => format!("{none}: those that were last"),
        Source::Fallback => format!("{none}: what its fallback {} hands out", fallback()),
        Source::Nothing if pool.role() == Some(Role::Primary) => {
            format!("{none}: nothing, as writes to another help nobody")
        }
        Source::Nothing => format!("{none}: nothing (when_all_down: none)"),
    })
}

/// Which tier serves, where there are several.
fn tier_text(pool: &Pool, ready: &Ready) -> Option<String> {
    let tiers: BTreeSet<u16> = pool.backends.iter().map(|backend| backend.priority).collect();
    let serves = ready.tier.filter(|_| tiers.len() > 1)?;
    let held = ready.left_out.iter().find_map(|(_, why)| match why {
        LeftOut::Held { own, failback, .. } => Some((*own, *failback)),
        _ => None,
    });
    let why = match held {
        Some((better, Failback::After(time))) => {
            format!("; {better} takes over once it could for {time:?}")
        }
        Some((better, _)) => format!("; {better} takes over when {serves} cannot serve any more"),
        None if tiers.first() == Some(&serves) => String::new(),
        None => "; too little of those before it is in service".to_owned(),
    };
    Some(format!("priority {serves} of {} serves{why}", listed_priorities(&tiers)))
}

fn listed_priorities(tiers: &BTreeSet<u16>) -> String {
    let (first, last) = (tiers.first(), tiers.last());
    match (first, last) {
        (Some(first), Some(last)) if tiers.len() > NAMED_MAX => format!("{first} to {last}"),
        _ => tiers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// What part of the answers each is due, where that differs.
fn weight_text(pool: &Pool, ready: &Ready, list: List) -> Option<String> {
    let handout = ready.handout(list);
    let is_weighed =
        matches!(handout.way, Way::Turns | Way::Keys(_)) && !matches!(list, List::Made(_));
    if !is_weighed {
        return None;
    }
    let own = ready.endpoints().filter(|endpoint| list.holds(endpoint));
    let mut parts: Vec<String> = own
        .zip(handout.due())
        .map(|(endpoint, due)| {
            let backend = pool.endpoints().find(|(_, other)| other == endpoint);
            let name = backend.map_or_else(|| endpoint.to_string(), |(own, _)| own.name.clone());
            format!("{name} {:.1} %", 100.0 * due).replace(".0 %", " %")
        })
        .collect();
    let more = parts.len().saturating_sub(NAMED_MAX);
    parts.truncate(NAMED_MAX);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    Some(parts.join(", "))
}

fn draw_text(pool: &Pool, ready: &Ready, list: List, draw: u64) -> String {
    let handout = ready.handout(list);
    let mut first = None;
    starts(handout, draw, |start| first = first.or(Some(start)));
    let mut own = ready.endpoints().filter(|endpoint| list.holds(endpoint));
    let begin = match (list, own.nth(first.unwrap_or(0))) {
        (List::Made(_), _) if handout.rtype() == Some(rtype::SRV) => {
            let mut records = handout.rdatas().skip(first.unwrap_or(0));
            let record = records.next().unwrap_or_default();
            format!("from {} on", print(rtype::SRV, record))
        }
        (_, Some(first)) => format!("from {first} on"),
        (_, None) => "with the hints that A and AAAA would have".to_owned(),
    };
    match handout.way {
        Way::Turns => format!("turn {draw} of the weights, {begin}"),
        Way::Rotation
            if matches!(pool.policy, Policy::Weighted | Policy::LeastLoad)
                && is_partly(handout) =>
        {
            format!("turn {draw} of the weights, which are all alike, {begin}")
        }
        Way::Rotation => format!("turn {draw} of the rotation, {begin}"),
        Way::Keys(by) => format!("{} keeps its own, {begin}", key_text(by)),
        Way::First => format!("as the file has them, {begin}"),
        Way::Chance if is_partly(handout) => format!("by chance, here {begin}"),
        Way::Chance => "by chance: all of them, in any order".to_owned(),
    }
}

/// What a client keeps its backend by.
fn key_text(by: HashBy) -> String {
    let HashBy { key, v4, v6 } = by;
    match key {
        HashKey::Name => "each name".to_owned(),
        HashKey::Client => format!("each network of clients (/{v4}, /{v6})"),
        HashKey::Subnet => format!("each client subnet (/{v4}, /{v6})"),
    }
}

fn is_partly(handout: &Handout) -> bool {
    handout.answers < handout.count()
}

/// The TTL and what it comes from.
fn ttl_text(pool: &Pool, ready: &Ready, judged: &[Judgement]) -> String {
    let changing = judged
        .iter()
        .filter_map(|judged| Some((judged.verdict.may_change_in?, judged)))
        .min_by_key(|(time, _)| *time);
    let ttl = ready.ttl;
    match changing {
        _ if ready.cast.is_moving(pool) => {
            format!("{ttl} s: the least, as somebody else may soon have the role")
        }
        _ if ready.ending == Some(Ending::Hold) => {
            format!("{ttl} s: a better tier takes over soon")
        }
        _ if ready.ending == Some(Ending::Override) => {
            format!("{ttl} s: an override of a backend ends soon")
        }
        None if ttl == pool.ttl => format!("{ttl} s: every address is settled"),
        None if ready.source == Source::Fallback => format!("{ttl} s, as its fallback has it"),
        None => format!("{ttl} s, as a pool within has it"),
        Some((time, Judgement { backend, verdict, .. })) => {
            let side = if verdict.in_service { "down" } else { "up" };
            let seconds = seconds(time);
            let least = if ttl == pool.min_ttl && time < Duration::from_secs(ttl.into()) {
                ", and this is the least"
            } else {
                ""
            };
            format!("{ttl} s: {backend} can be {side} in {}{least}", counted_seconds(seconds))
        }
    }
}

/// As many whole seconds as hold the time.
fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

fn counted_seconds(seconds: u64) -> String {
    counted(usize::try_from(seconds).unwrap_or(usize::MAX), "second")
}
