//! `rules:` of a record: which pool is for whom.

use ipnet::IpNet;

use super::pool::PoolRef;
use super::shards::ShardsSpec;
use super::{Field, choice, fields, scalar, texts};
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::place::Area;
use crate::config::model::{RULES_MAX, Role, SUBNETS_MAX};
use crate::config::node::{Kind, Node};
use crate::config::value;

/// The pools of a record, as written.
pub(crate) struct RulesSpec<'n> {
    /// Each for somebody.
    pub(crate) rules: Vec<RuleSpec<'n>>,
    /// For everybody else.
    pub(crate) pool: PoolRef<'n>,
    /// The role that the backends of all of them are asked for in, and where it stands.
    pub(crate) role: Option<(Role, Span)>,
    /// Which pool is for which label; then [`Self::pool`] is the first of them.
    pub(crate) shards: Option<ShardsSpec<'n>>,
}

/// A rule, as written.
pub(crate) struct RuleSpec<'n> {
    pub(crate) subnets: Vec<IpNet>,
    pub(crate) area: Area,
    /// Whether it hands out private addresses to everybody that it is for.
    pub(crate) is_private: bool,
    pub(crate) pool: PoolRef<'n>,
}

impl<'n> RulesSpec<'n> {
    /// One pool for all.
    pub(super) fn everybody(pool: PoolRef<'n>) -> Self {
        Self { rules: Vec::new(), pool, role: None, shards: None }
    }

    /// The same, with what `role` says.
    pub(super) fn in_role(self, role: Option<Field<'_>>, mistakes: &mut Mistakes<'_>) -> Self {
        let role =
            role.and_then(|(_, node)| Some((choice(node, "a role", &ROLES, mistakes)?, node.span)));
        Self { role, ..self }
    }
}

/// What backends may be asked for as.
pub(in crate::config) const ROLES: [(&str, Role); 2] =
    [("primary", Role::Primary), ("replica", Role::Replica)];

/// What may stand in a rule.
pub(in crate::config) const RULE_KEYS: [&str; 7] =
    ["subnets", "continents", "countries", "regions", "asns", "addresses", "pool"];

/// Whose addresses a rule hands out: `true` is private ones.
pub(in crate::config) const ADDRESSES: [(&str, bool); 2] = [("public", false), ("private", true)];

/// Reads the rules of a record: each but the last is for somebody, and the last for everybody else.
pub(super) fn read_rules<'n>(
    node: &'n Node<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<RulesSpec<'n>> {
    let Kind::List(items) = &node.kind else {
        let what = "a list of rules such as `{subnets: [10.0.0.0/8], pool: POOL}`";
        mistakes.add(node.span, Problem::Expected { what, found: node.describe() });
        return None;
    };
    if items.len() > RULES_MAX + 1 {
        mistakes.add(node.span, Problem::TooManyRules { most: RULES_MAX + 1 });
    }
    let Some((last, before)) = items.split_last() else {
        mistakes.add(node.span, Problem::NoCatchAll);
        return None;
    };
    let mut rules = Vec::with_capacity(before.len());
    let mut subnets = 0;
    for item in before {
        let Some(ReadRule { is_for_all, subnets: own, area, is_private, pool }) =
            rule(item, mistakes)
        else {
            continue;
        };
        if is_for_all {
            mistakes.add(item.span, Problem::RuleForAll);
            continue;
        }
        subnets += own.len() + area.len();
        rules.extend(pool.map(|pool| RuleSpec { subnets: own, area, is_private, pool }));
    }
    if subnets > SUBNETS_MAX {
        mistakes.add(node.span, Problem::TooManySubnets { most: SUBNETS_MAX });
    }
    let everybody = rule(last, mistakes)?;
    if !everybody.is_for_all || everybody.is_private {
        mistakes.add(last.span, Problem::NoCatchAll);
    }
    Some(RulesSpec { rules, pool: everybody.pool?, role: None, shards: None })
}

/// What one rule says.
struct ReadRule<'n> {
    /// Whether it has no key that says whom it is for.
    is_for_all: bool,
    subnets: Vec<IpNet>,
    area: Area,
    is_private: bool,
    pool: Option<PoolRef<'n>>,
}

fn rule<'n>(node: &'n Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<ReadRule<'n>> {
    let place = "a rule";
    let [subnets, continents, countries, regions, asns, addresses, pool] =
        fields(node, place, RULE_KEYS, mistakes)?;
    let whom = [subnets, continents, countries, regions, asns];
    let area = Area {
        continents: each(continents, "a continent or a list of them", value::continent, mistakes),
        countries: each(countries, "a country or a list of them", value::country, mistakes),
        regions: each(
            regions,
            "a region or a list of them",
            |text| value::region(text).map(|_| text.to_owned()),
            mistakes,
        ),
        asns: each(
            asns,
            "the number of an autonomous system or a list of them",
            value::asn,
            mistakes,
        ),
    };
    let subnets = each(subnets, "a subnet or a list of them", value::subnet, mistakes);
    let is_private = addresses
        .and_then(|(_, node)| choice(node, "what addresses it gives", &ADDRESSES, mistakes));
    if pool.is_none() {
        mistakes.add(node.span, Problem::MissingKey { place, key: "pool" });
    }
    let pool = pool.and_then(|(_, node)| scalar(node, "a pool's name", mistakes));
    Some(ReadRule {
        is_for_all: whom.iter().all(Option::is_none),
        subnets,
        area,
        is_private: is_private.unwrap_or_default(),
        pool: pool.map(PoolRef::Named),
    })
}

/// The values of one key, which has some where it is there.
fn each<T>(
    field: Option<Field<'_>>,
    what: &'static str,
    read: impl Fn(&str) -> Result<T, Problem>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<T> {
    let Some((_, node)) = field else { return Vec::new() };
    if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
        mistakes.add(node.span, Problem::RuleForAll);
    }
    let found = texts(node, what, mistakes).into_iter();
    found.filter_map(|text| mistakes.take(text.span, read(text.text))).collect()
}
