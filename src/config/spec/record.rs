//! `records:`, the names of the zone and what each has.

use std::path::Path;

use super::pool::{PoolRef, pool_ref};
use super::rules::{RulesSpec, read_rules};
use super::shards::read_shards;
use super::{Field, choice, fields, map, number, scalar, texts, ttl_of};
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::nearest::nearest;
use crate::config::node::{Kind, Node, Text};
use crate::rdata;

/// One name and all that stands under it.
pub(crate) struct RecordSpec<'n> {
    pub(crate) name: Text<'n>,
    // There may be millions of records, most of which have nothing of what stands in a box.
    /// The key `pool`, `rules` or `shards`, and what it says.
    pub(crate) pool: Option<Box<(Text<'n>, RulesSpec<'n>)>>,
    /// The key, and the name whose addresses are this name's.
    pub(crate) alias: Option<Box<(Text<'n>, Text<'n>)>>,
    pub(crate) sets: Vec<SetSpec<'n>>,
}

/// The values of one type.
pub(crate) struct SetSpec<'n> {
    pub(crate) rtype: u16,
    /// The type as written.
    pub(crate) key: Text<'n>,
    pub(crate) ttl: Option<u32>,
    /// In presentation format, or the text itself of TXT.
    pub(crate) values: Vec<Text<'n>>,
    /// What it makes of a pool.
    pub(crate) made: Option<Box<MadeSpec<'n>>>,
}

/// What a set makes of a pool, as written.
pub(crate) enum MadeSpec<'n> {
    /// Addresses of one family.
    Addresses(RulesSpec<'n>),
    /// SRV.
    Services { pools: RulesSpec<'n>, priority: u16 },
    /// The hints of its values: from pools by their names, or from the name's own.
    Hints { pools: Option<RulesSpec<'n>>, at: Span },
}

/// What may stand under a name besides types.
pub(in crate::config) const NAME_KEYS: [&str; 5] = ["pool", "rules", "shards", "role", "alias"];
/// What may stand in a set of records.
pub(in crate::config) const SET_KEYS: [&str; 7] =
    ["ttl", "values", "pool", "rules", "role", "priority", "hints"];
/// Where hints come from.
const HINTS: [(&str, ()); 1] = [("pool", ())];

/// Reads one name.
pub(crate) fn record<'n>(
    name: Text<'n>,
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> RecordSpec<'n> {
    let mut record = RecordSpec { name, pool: None, alias: None, sets: Vec::new() };
    let Some(entries) =
        map(node, "a map of `pool`, `rules`, `role`, `alias` and record types", mistakes)
    else {
        return record;
    };
    let (mut empty, mut role) = (true, None);
    let mut pool: Option<(Text<'n>, RulesSpec<'n>)> = None;
    for (key, value) in entries {
        empty = false;
        if ["pool", "rules", "shards"].contains(&key.text) {
            if let Some((first, _)) = &pool {
                mistakes.add(key.span, Problem::PoolBesideRules { first: first.span.line });
            }
            let found = match key.text {
                "rules" => read_rules(value, mistakes),
                "shards" => read_shards(value, mistakes),
                _ => pool_ref(name, value, file, mistakes).map(RulesSpec::everybody),
            };
            pool = found.map(|found| (key, found));
        } else if key.text == "role" {
            role = Some((key, value));
        } else if key.text == "alias" {
            let target = scalar(value, "a name", mistakes);
            record.alias = target.map(|target| Box::new((key, target)));
        } else if let Some(rtype) = rtype(key, mistakes) {
            if record.sets.is_empty() {
                record.sets.reserve_exact(1);
            }
            record.sets.push(set(rtype, (key, value), mistakes));
        }
    }
    record.pool = if let Some((key, found)) = pool {
        Some(Box::new((key, found.in_role(role, mistakes))))
    } else {
        if let Some((role, _)) = role {
            mistakes.add(role.span, Problem::RoleWithoutPool);
        }
        None
    };
    if empty {
        mistakes.add(name.span, Problem::NoRecords { name: name.text.into() });
    }
    record
}

fn rtype(key: Text<'_>, mistakes: &mut Mistakes<'_>) -> Option<u16> {
    let text = || key.text.to_owned();
    match rdata::parse_type(key.text) {
        Some(rdata::rtype::SOA) => {
            mistakes.add(key.span, Problem::SoaAmongRecords);
            None
        }
        Some(rtype) => Some(rtype),
        None => {
            if !mistakes.is_full() {
                let near = nearest(key.text, NAME_KEYS).or_else(|| rdata::nearest_type(key.text));
                mistakes.add(key.span, Problem::UnknownType { text: text(), near });
            }
            None
        }
    }
}

/// Reads a string, a list, or `{ttl, values}`.
fn set<'n>(rtype: u16, (key, node): Field<'n>, mistakes: &mut Mistakes<'_>) -> SetSpec<'n> {
    let mut set = SetSpec { rtype, key, ttl: None, values: Vec::new(), made: None };
    let values = match &node.kind {
        Kind::Map(_) => {
            let place = "a record set";
            let Some([ttl, values, pool, rules, role, priority, hints]) =
                fields(node, place, SET_KEYS, mistakes)
            else {
                return set;
            };
            set.ttl = ttl.and_then(|(_, node)| ttl_of(node, mistakes));
            let made = made(rtype, [pool, rules, role, priority, hints], mistakes);
            set.made = made.map(Box::new);
            if let Some((ttl, _)) = ttl.filter(|_| set.made.is_some()) {
                mistakes.add(ttl.span, Problem::TtlBesidePool);
            }
            if let Some(MadeSpec::Addresses(_) | MadeSpec::Services { .. }) = set.made.as_deref() {
                if let Some((values, _)) = values {
                    mistakes.add(values.span, Problem::ValuesBesidePool);
                }
                return set;
            }
            let Some((_, values)) = values else {
                mistakes.add(node.span, Problem::MissingKey { place, key: "values" });
                return set;
            };
            values
        }
        _ => node,
    };
    set.values = match &values.kind {
        Kind::List(items) if items.is_empty() => {
            mistakes.add(values.span, Problem::NoValues);
            Vec::new()
        }
        _ => texts(values, "a value, a list, or `{ttl, values}`", mistakes),
    };
    set
}

/// Reads what a set makes of pools: `pool` or `rules` of A and AAAA; of SRV, with `priority`; of HTTPS and SVCB, where they
/// have `hints`.
fn made<'n>(
    rtype: u16,
    [pool, rules, role, priority, hints]: [Option<Field<'n>>; 5],
    mistakes: &mut Mistakes<'_>,
) -> Option<MadeSpec<'n>> {
    use rdata::rtype::{A, AAAA, HTTPS, SRV, SVCB};

    let has_pool = match rtype {
        A | AAAA | SRV => true,
        HTTPS | SVCB => hints.is_some(),
        _ => false,
    };
    let is_from_pool = pool.is_some() || rules.is_some();
    let of_other = [
        (pool, "pool", has_pool),
        (rules, "rules", has_pool),
        (role, "role", has_pool),
        (priority, "priority", rtype == SRV && is_from_pool),
        (hints, "hints", matches!(rtype, HTTPS | SVCB)),
    ];
    let mut is_wrong = false;
    for (field, key, is_right) in of_other {
        if let (Some((at, _)), false) = (field, is_right) {
            let rtype = rdata::type_name(rtype).to_string();
            mistakes.add(at.span, Problem::NotOfPool { key, rtype });
            is_wrong = true;
        }
    }
    if is_wrong {
        return None;
    }
    if let (Some((first, _)), Some((second, _))) = (pool, rules) {
        mistakes.add(second.span, Problem::PoolBesideRules { first: first.span.line });
    }
    let named = |text| RulesSpec::everybody(PoolRef::Named(text));
    let pools = match (pool, rules) {
        (Some((_, node)), _) => scalar(node, "a pool's name", mistakes).map(named),
        (None, Some((_, node))) => read_rules(node, mistakes),
        (None, None) => {
            if let Some((role, _)) = role {
                mistakes.add(role.span, Problem::RoleWithoutPool);
            }
            None
        }
    };
    let pools = pools.map(|pools| pools.in_role(role, mistakes));
    let priority =
        priority.and_then(|(_, node)| number(node, "a priority", 0..=u16::MAX.into(), mistakes));
    match (rtype, hints) {
        (A | AAAA, _) => Some(MadeSpec::Addresses(pools?)),
        (SRV, _) => Some(MadeSpec::Services { pools: pools?, priority: priority.unwrap_or(0) }),
        (_, Some((key, node))) => {
            choice(node, "where hints come from", &HINTS, mistakes)?;
            Some(MadeSpec::Hints { pools, at: key.span })
        }
        _ => None,
    }
}
