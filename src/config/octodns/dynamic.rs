//! `dynamic`: pools and rules of octoDNS as pools and rules of ours.
//!
//! ```text
//!   www: A, dynamic                          checks: www.A     from octodns.healthcheck
//!     pools:                                 pools:
//!       eu: {values, fallback: na}    ──▶      www.A.eu        weighted, then falls back to www.A.na
//!       na: {values}                           www.A.na        weighted, then falls back to www.A
//!     values: [...]                            www.A           the last resort, without a check
//!     rules: [{subnets, pool: eu}, …]        www: {A: {rules: [{subnets, pool: www.A.eu}, …]}}
//! ```
//!
//! octoDNS matches all subnets before any place, so a rule with both becomes two.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::problem::Problem;
use super::record::{Entry, is_full};
use super::{Owner, Sections, map, scalar};
use crate::config::error::{Mistakes, Problem as Mistake, Span};
use crate::config::nearest::nearest;
use crate::config::node::{Kind, Node, Text};
use crate::config::spec::{Field, choice, fields, scalar as read_scalar};
use crate::config::value;
use crate::rdata;

/// What may stand in `dynamic`.
const DYNAMIC_KEYS: [&str; 2] = ["pools", "rules"];
/// What may stand in a pool.
const POOL_KEYS: [&str; 2] = ["fallback", "values"];
/// What may stand in a value of a pool.
const VALUE_KEYS: [&str; 3] = ["value", "weight", "status"];
/// What may stand in a rule.
const RULE_KEYS: [&str; 3] = ["subnets", "geos", "pool"];
/// What may stand in `healthcheck`.
const HEALTHCHECK_KEYS: [&str; 4] = ["protocol", "host", "path", "port"];
/// What of pools and their check `octodns.rotadns` may set.
const SETTINGS: [&str; 19] = [
    "policy",
    "answers",
    "min_ttl",
    "panic",
    "interval",
    "timeout",
    "fast_interval",
    "rise",
    "fall",
    "flap",
    "status",
    "headers",
    "body",
    "sni",
    "ca",
    "verify",
    "days",
    "when_all_down",
    "check",
];
/// Those of every pool.
const POOL_SETTINGS: Range<usize> = 0..4;
/// The first of them, which is not our own default.
const POLICY: usize = 0;
/// Those of any check.
const CHECK_SETTINGS: Range<usize> = 4..10;
/// Those of a check by HTTP.
const REQUEST_SETTINGS: Range<usize> = 10..17;
/// What pools without a fallback do, where it is not `values`.
const WHEN_ALL_DOWN: usize = 17;
/// That there is no check.
const CHECK: usize = 18;
/// What `when_all_down` may say here.
const WHEN: [(&str, &str); 3] = [("all", "all"), ("none", "none"), ("last", "last")];

/// octoDNS's defaults.
const PATH: &str = "/_dns";
const PORT: &str = "443";

/// What `octodns.rotadns` sets.
struct Settings<'a> {
    /// In the order of [`SETTINGS`].
    given: [Option<Field<'a>>; SETTINGS.len()],
    /// What pools without a fallback do when nothing passes, where it is not `values`.
    when_all_down: Option<(Span, &'static str)>,
    /// Whether nothing is checked: then `up` and `obey` are one.
    is_unchecked: bool,
}

impl<'a> Settings<'a> {
    fn read(node: Option<&'a Node<'a>>, mistakes: &mut Mistakes<'_>) -> Self {
        let found = node.and_then(|node| fields(node, "`rotadns`", SETTINGS, mistakes));
        let given = found.unwrap_or([None; SETTINGS.len()]);
        let when_all_down = given[WHEN_ALL_DOWN].and_then(|(_, node)| {
            Some((node.span, choice(node, "what is done when all are down", &WHEN, mistakes)?))
        });
        let is_unchecked = given[CHECK].is_some_and(|(_, node)| {
            choice(node, "a check here", &[("none", true)], mistakes).unwrap_or(false)
        });
        Self { given, when_all_down, is_unchecked }
    }

    /// Some of them, as our own format has them.
    fn entries(&self, which: Range<usize>) -> impl Iterator<Item = Entry<'a>> {
        let given = self.given[which].iter().flatten();
        given.map(|(key, node)| (scalar(key.text.to_owned(), key.span), (*node).clone()))
    }
}

/// A record with `dynamic`.
pub(super) struct Dynamic<'o, 'a> {
    pub(super) owner: &'o Owner,
    /// The type, and where it stands.
    pub(super) rtype: Text<'a>,
    pub(super) ttl: Option<&'a Node<'a>>,
    /// The last resort.
    pub(super) values: Option<&'a Node<'a>>,
    pub(super) healthcheck: Option<&'a Node<'a>>,
    pub(super) settings: Option<&'a Node<'a>>,
}

impl<'a> Dynamic<'_, 'a> {
    /// What the name has for it; pools and a check are added to theirs.
    pub(super) fn native(
        &self,
        node: &'a Node<'_>,
        sections: &mut Sections<'a>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Entry<'a>> {
        let rtype = self.rtype;
        if !["A", "AAAA", "CNAME"].contains(&rtype.text) {
            let problem = Problem::NotDynamic { rtype: rtype.text.to_owned() };
            mistakes.add(rtype.span, Mistake::OctoDns(problem));
            return None;
        }
        let place = "`dynamic`";
        let [pools, rules] = fields(node, place, DYNAMIC_KEYS, mistakes)?;
        for (field, key) in [(pools, "pools"), (rules, "rules")] {
            if field.is_none() {
                mistakes.add(node.span, Mistake::MissingKey { place, key });
            }
        }
        let settings = Settings::read(self.settings, mistakes);
        let is_checked = rtype.text != "CNAME" && !settings.is_unchecked;
        let found = entries_of(pools?.1, "a map of pools", mistakes)?;
        let names: Vec<&str> = found.iter().map(|(name, _)| name.text).collect();
        if is_checked {
            let check = self.check(&settings, mistakes);
            sections.checks.extend(check.map(|check| (scalar(self.name(None), node.span), check)));
        }
        for (name, pool) in &found {
            let native = self.pool(pool, &names, &settings, mistakes);
            let key = scalar(self.name(Some(name.text)), name.span);
            sections.pools.extend(native.map(|native| (key, native)));
        }
        let last = self.last_resort(node, mistakes);
        sections.pools.extend(last.filter(|_| settings.when_all_down.is_none()));
        let rules = self.rules(rules?.1, &names, mistakes)?;
        if rtype.text == "CNAME" {
            return Some(rules);
        }
        Some((scalar(rtype.text, rtype.span), map(vec![rules], node.span)))
    }

    /// What we call one of its pools; without a name, the last resort, and the check.
    fn name(&self, pool: Option<&str>) -> String {
        let (owner, rtype) = (&self.owner.key, self.rtype.text);
        pool.map_or_else(|| format!("{owner}.{rtype}"), |pool| format!("{owner}.{rtype}.{pool}"))
    }

    fn check(&self, settings: &Settings<'a>, mistakes: &mut Mistakes<'_>) -> Option<Node<'a>> {
        let at = self.healthcheck.map_or(self.rtype.span, |node| node.span);
        let [protocol, host, path, port] = match self.healthcheck {
            Some(node) => fields(node, "`healthcheck`", HEALTHCHECK_KEYS, mistakes)?,
            None => [None; 4],
        };
        let protocol = protocol.and_then(|(_, node)| read_scalar(node, "a protocol", mistakes));
        let kind = match protocol.map_or("HTTPS", |protocol| protocol.text) {
            "HTTPS" => "https",
            "HTTP" => "http",
            "TCP" => "tcp",
            "UDP" => "udp",
            "ICMP" => "icmp",
            text => {
                let problem = Problem::Protocol { text: text.to_owned() };
                mistakes.add(protocol.map_or(at, |text| text.span), Mistake::OctoDns(problem));
                return None;
            }
        };
        let set = |key: &'static str, field: Option<Field<'a>>, usual: &str| {
            let value =
                field.map_or_else(|| scalar(usual.to_owned(), at), |(_, node)| node.clone());
            (scalar(key, at), value)
        };
        // What is not asked at a port has none; octoDNS gives one to every check.
        let port = (kind != "icmp").then(|| set("port", port, PORT));
        let mut request: Vec<_> = port.into_iter().collect();
        if !matches!(kind, "tcp" | "udp" | "icmp") {
            request.push(set("path", path, PATH));
            match host {
                // octoDNS's way to say that it is the address.
                Some((_, node)) if is_null(node) => {}
                _ => request.push(set("host", host, &self.owner.full)),
            }
        }
        request.extend(settings.entries(REQUEST_SETTINGS));
        let mut check = vec![(scalar(kind, at), map(request, at))];
        check.extend(settings.entries(CHECK_SETTINGS));
        Some(map(check, at))
    }

    /// A pool of octoDNS: what is up by weight, then its fallback, then the last resort.
    fn pool(
        &self,
        node: &'a Node<'_>,
        names: &[&str],
        settings: &Settings<'a>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Node<'a>> {
        let place = "an octoDNS pool";
        let [fallback, values] = fields(node, place, POOL_KEYS, mistakes)?;
        let Some((_, values)) = values else {
            mistakes.add(node.span, Mistake::MissingKey { place, key: "values" });
            return None;
        };
        let Kind::List(items) = &values.kind else {
            let what = "a list such as `[{value: 192.0.2.1}]`";
            mistakes.add(values.span, Mistake::Expected { what, found: values.describe() });
            return None;
        };
        let mut unchecked = None;
        let backends: Vec<Node<'a>> = items
            .iter()
            .filter_map(|item| self.backend(item, settings, &mut unchecked, mistakes))
            .collect();
        let is_target = self.rtype.text == "CNAME";
        if let Some(at) = unchecked.filter(|_| is_target && !settings.is_unchecked) {
            mistakes.add(at, Mistake::OctoDns(Problem::TargetNotChecked));
        }
        let mut pool = self.pool_of(backends, values.span);
        let when = |at, word: &'static str| (scalar("when_all_down", at), scalar(word, at));
        let fallback = fallback.filter(|(_, node)| !is_null(node));
        match (fallback, settings.when_all_down) {
            (None, Some((at, word))) => pool.push(when(at, word)),
            (fallback, _) => {
                let fallback = match fallback {
                    Some((_, node)) => {
                        let text = read_scalar(node, "a pool's name", mistakes)?;
                        self.known(text, names, mistakes)?
                    }
                    None => scalar(self.name(None), node.span),
                };
                pool.push(when(fallback.span, "fallback"));
                pool.push((scalar("fallback", fallback.span), fallback));
            }
        }
        if settings.given[POLICY].is_none() {
            pool.push((scalar("policy", node.span), scalar("weighted", node.span)));
        }
        pool.extend(settings.entries(POOL_SETTINGS));
        if !is_target && !settings.is_unchecked {
            pool.push((scalar("check", node.span), scalar(self.name(None), node.span)));
        }
        Some(map(pool, node.span))
    }

    /// The record's own values: always up.
    fn last_resort(&self, node: &'a Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Entry<'a>> {
        let Some(values) = self.values else {
            mistakes.add(self.rtype.span, Mistake::OctoDns(Problem::NoLastResort));
            return None;
        };
        let items: &[Node<'_>] = match &values.kind {
            Kind::List(items) => items,
            _ => std::slice::from_ref(values),
        };
        let backends: Vec<Node<'a>> = items
            .iter()
            .filter_map(|item| Some(map(vec![self.served(item, mistakes)?], item.span)))
            .collect();
        let pool = map(self.pool_of(backends, values.span), values.span);
        Some((scalar(self.name(None), node.span), pool))
    }

    fn pool_of(&self, backends: Vec<Node<'a>>, at: Span) -> Vec<Entry<'a>> {
        let list = Node { kind: Kind::List(backends), span: at };
        let mut pool = vec![(scalar("backends", at), list)];
        // octoDNS has one TTL for the record, and an hour without.
        let ttl = self.ttl.map_or_else(|| scalar("3600", at), Clone::clone);
        pool.push((scalar("ttl", ttl.span), ttl));
        pool
    }

    fn backend(
        &self,
        node: &'a Node<'_>,
        settings: &Settings<'_>,
        unchecked: &mut Option<Span>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Node<'a>> {
        let place = "a value of a pool";
        let [value, weight, status] = fields(node, place, VALUE_KEYS, mistakes)?;
        let Some((_, value)) = value else {
            mistakes.add(node.span, Mistake::MissingKey { place, key: "value" });
            return None;
        };
        let mut backend = vec![self.served(value, mistakes)?];
        backend.extend(weight.map(|(key, node)| (scalar("weight", key.span), node.clone())));
        let status = status.and_then(|(_, node)| read_scalar(node, "a status", mistakes));
        let state = match status.map(|status| status.text) {
            None | Some("obey") => "auto",
            Some("up") if settings.is_unchecked => "auto",
            Some(text @ ("up" | "down")) => text,
            Some(text) => {
                let (what, near) = ("a status", nearest(text, ["up", "down", "obey"]));
                let (text, known) = (text.to_owned(), "`up`, `down`, `obey`".to_owned());
                let problem = Mistake::BadChoice { what, text, near, known };
                mistakes.add(status.map_or(node.span, |status| status.span), problem);
                return None;
            }
        };
        if state == "auto" {
            *unchecked = unchecked.or(Some(value.span));
        }
        let at = status.map_or(node.span, |status| status.span);
        backend.push((scalar("state", at), scalar(state, at)));
        Some(map(backend, node.span))
    }

    /// What a value serves: an address of the record's kind, or a full name.
    fn served(&self, node: &'a Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Entry<'a>> {
        let text = read_scalar(node, "a value", mistakes)?;
        let (key, problem) = match self.rtype.text {
            "A" => ("address", text.text.parse::<Ipv4Addr>().err().map(|_| rdata::Problem::Ipv4)),
            "AAAA" => {
                ("address", text.text.parse::<Ipv6Addr>().err().map(|_| rdata::Problem::Ipv6))
            }
            _ => ("target", None),
        };
        if let Some(problem) = problem {
            mistakes.add(text.span, Mistake::Rdata(problem));
            return None;
        }
        let is_good = key == "address" || is_full(text, mistakes);
        is_good.then(|| (scalar(key, node.span), node.clone()))
    }

    /// The rules, or the one pool for everybody.
    fn rules(
        &self,
        node: &'a Node<'_>,
        names: &[&str],
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Entry<'a>> {
        let place = "a rule";
        let Kind::List(items) = &node.kind else {
            let what = "a list of rules";
            mistakes.add(node.span, Mistake::Expected { what, found: node.describe() });
            return None;
        };
        let mut rules = Vec::with_capacity(items.len());
        // What goes by places comes after all that goes by subnets, whichever rule it stands in.
        let mut by_places = Vec::new();
        let mut read = 0;
        for item in items {
            let [subnets, geos, pool] = fields(item, place, RULE_KEYS, mistakes)?;
            let Some((_, pool)) = pool else {
                mistakes.add(item.span, Mistake::MissingKey { place, key: "pool" });
                continue;
            };
            let Some(name) = read_scalar(pool, "a pool's name", mistakes) else { continue };
            let Some(name) = self.known(name, names, mistakes) else { continue };
            let pool = (scalar("pool", pool.span), name);
            if let Some((key, node)) = subnets {
                let own = (scalar("subnets", key.span), node.clone());
                rules.push(map(vec![pool.clone(), own], item.span));
            }
            if let Some((_, node)) = geos {
                let Some(mut rule) = self::geos(node, mistakes) else { continue };
                rule.push(pool);
                by_places.push(map(rule, item.span));
            } else if subnets.is_none() {
                by_places.push(map(vec![pool], item.span));
            }
            read += 1;
        }
        if read < items.len() {
            return None; // told above
        }
        rules.append(&mut by_places);
        Some((scalar("rules", node.span), Node { kind: Kind::List(rules), span: node.span }))
    }

    /// What we call a pool that a rule or a fallback names.
    fn known(
        &self,
        name: Text<'_>,
        names: &[&str],
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Node<'a>> {
        if names.contains(&name.text) {
            return Some(scalar(self.name(Some(name.text)), name.span));
        }
        let near = nearest(name.text, names.iter().copied()).map(str::to_owned);
        let problem = Problem::UnknownPool { name: name.text.to_owned(), near };
        mistakes.add(name.span, Mistake::OctoDns(problem));
        None
    }
}

/// `geos` as the keys of a rule of ours: `EU`, `NA-US`, `NA-US-KY`. Of a country its own code decides, whatever continent it is
/// counted to.
fn geos<'a>(node: &'a Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<Entry<'a>>> {
    let items: &[Node<'_>] = match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    };
    let mut found =
        [("continents", Vec::new()), ("countries", Vec::new()), ("regions", Vec::new())];
    for item in items {
        let text = read_scalar(item, "a place such as `EU` or `NA-US-KY`", mistakes)?;
        let (continent, rest) = match text.text.split_once('-') {
            None => (text.text, None),
            Some((continent, rest)) => (continent, Some(rest)),
        };
        mistakes.take(text.span, value::continent(continent))?;
        let (place, code) = match rest {
            None => (0, continent),
            Some(rest) => (if rest.contains('-') { 2 } else { 1 }, rest),
        };
        // Read once more as part of our rule, which tells what is wrong with it.
        found[place].1.push(scalar(code.to_owned(), text.span));
    }
    let lists = found.into_iter().filter(|(_, list)| !list.is_empty());
    let entry =
        |(key, list)| (scalar(key, node.span), Node { kind: Kind::List(list), span: node.span });
    let entries: Vec<Entry<'a>> = lists.map(entry).collect();
    if entries.is_empty() {
        mistakes.add(node.span, Mistake::RuleForAll);
        return None;
    }
    Some(entries)
}

/// Whether a value is left empty, be it by YAML's word for that.
fn is_null(node: &Node<'_>) -> bool {
    node.is_nothing() || node.scalar().is_some_and(|text| ["null", "~"].contains(&text.text))
}

fn entries_of<'a>(
    node: &'a Node<'_>,
    what: &'static str,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<Field<'a>>> {
    let Kind::Map(entries) = &node.kind else {
        mistakes.add(node.span, Mistake::Expected { what, found: node.describe() });
        return None;
    };
    Some(entries.iter().filter_map(|(key, value)| Some((key.scalar()?, value))).collect())
}
