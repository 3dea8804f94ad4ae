//! `rules:` of a record: which pool is for whom.

use ipnet::IpNet;

use super::pool::PoolRef;
use super::shards::ShardsSpec;
use super::{Field, choice, fields, scalar, texts};
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::{RULES_MAX, Role, SUBNETS_MAX};
use crate::config::node::{Kind, Node};
use crate::config::value;

/// The pools of a record, as written.
pub(crate) struct RulesSpec<'n> {
    /// Each with its subnets, which are one at least.
    pub(crate) rules: Vec<(Vec<IpNet>, PoolRef<'n>)>,
    /// For everybody else.
    pub(crate) pool: PoolRef<'n>,
    /// The role that the backends of all of them are asked for in, and where it stands.
    pub(crate) role: Option<(Role, Span)>,
    /// Which pool is for which label; then [`Self::pool`] is the first of them.
    pub(crate) shards: Option<ShardsSpec<'n>>,
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
pub(in crate::config) const RULE_KEYS: [&str; 2] = ["subnets", "pool"];

/// Reads the rules of a record: each but the last has subnets, and the last has none.
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
        let Some((own, pool)) = rule(item, mistakes) else { continue };
        let Some(own) = own else {
            mistakes.add(item.span, Problem::RuleWithoutSubnets);
            continue;
        };
        subnets += own.len();
        rules.extend(pool.map(|pool| (own, pool)));
    }
    if subnets > SUBNETS_MAX {
        mistakes.add(node.span, Problem::TooManySubnets { most: SUBNETS_MAX });
    }
    let (own, pool) = rule(last, mistakes)?;
    if own.is_some() {
        mistakes.add(last.span, Problem::NoCatchAll);
    }
    Some(RulesSpec { rules, pool: pool?, role: None, shards: None })
}

/// Reads one rule: its subnets, where it has the key, and its pool.
fn rule<'n>(
    node: &'n Node<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<(Option<Vec<IpNet>>, Option<PoolRef<'n>>)> {
    let place = "a rule";
    let [subnets, pool] = fields(node, place, RULE_KEYS, mistakes)?;
    let subnets = subnets.map(|(_, node)| {
        let found = texts(node, "a subnet or a list of them", mistakes);
        if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
            mistakes.add(node.span, Problem::RuleWithoutSubnets);
        }
        let subnets = found.into_iter();
        subnets.filter_map(|text| mistakes.take(text.span, value::subnet(text.text))).collect()
    });
    if pool.is_none() {
        mistakes.add(node.span, Problem::MissingKey { place, key: "pool" });
    }
    let pool = pool.and_then(|(_, node)| scalar(node, "a pool's name", mistakes));
    Some((subnets, pool.map(PoolRef::Named)))
}
