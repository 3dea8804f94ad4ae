//! What a zone file may say: nodes are walked, mistakes told, and reading goes on.
//!
//! Literal values (durations, addresses, choices) are final here. What one part says of another, names
//! and references among them, is left to [`super::resolve`]. Defaults stand where a key is read.

pub(super) mod backend;
pub(super) mod check;
pub(super) mod pool;
pub(super) mod record;
mod request;
pub(super) mod rules;
pub(super) mod shards;

use std::path::Path;

use ipnet::IpNet;

pub(crate) use backend::{BackendSpec, OwnCheckSpec};
pub(crate) use check::CheckSpec;
pub(crate) use pool::{CheckRef, PoolRef, PoolSpec, WhenSpec};
pub(crate) use record::{MadeSpec, RecordSpec, SetSpec, record};
pub(crate) use rules::{RuleSpec, RulesSpec};
pub(crate) use shards::ShardsSpec;

use super::error::{Mistakes, Problem, Span};
use super::files::zone_of_file;
use super::model::SUBNETS_MAX;
use super::model::access::{FOLLOW_INTERVALS, Secondaries};
use super::nearest::{listed, nearest};
use super::node::{Kind, Node, Text};
use super::value;
use crate::name::Name;

/// A zone file, as written.
pub(crate) struct ZoneSpec<'n> {
    pub(crate) origin: Name,
    /// For records that set none.
    pub(crate) ttl: u32,
    /// The key `ns`, where it is.
    pub(crate) ns_at: Option<Span>,
    pub(crate) ns: Vec<Text<'n>>,
    pub(crate) soa: SoaSpec<'n>,
    /// Whether reverse zones have names for its addresses.
    pub(crate) reverse: bool,
    pub(crate) secondaries: Secondaries,
    /// Who gets private addresses, where the zone says it.
    pub(crate) private: Option<Vec<IpNet>>,
    /// `None`, here and among the pools, where it has a mistake: its name is known all the same.
    pub(crate) checks: Vec<(Text<'n>, Option<Box<CheckSpec<'n>>>)>,
    pub(crate) pools: Vec<(Text<'n>, Option<PoolSpec<'n>>)>,
    /// What stands under `records`: names, and what [`record()`] reads of each when its turn comes, as there may be millions.
    pub(crate) records: &'n [(Node<'n>, Node<'n>)],
}

/// The start of authority, as written.
#[derive(Default)]
pub(crate) struct SoaSpec<'n> {
    pub(crate) mname: Option<Text<'n>>,
    pub(crate) rname: Option<Text<'n>>,
    pub(crate) serial: Option<u32>,
    pub(crate) ttl: Option<u32>,
    pub(crate) refresh: Option<u32>,
    pub(crate) retry: Option<u32>,
    pub(crate) expire: Option<u32>,
    pub(crate) minimum: Option<u32>,
}

/// What may stand at the top level.
pub(super) const ZONE_KEYS: [&str; 10] =
    ["zone", "ttl", "ns", "soa", "reverse", "secondaries", "views", "checks", "pools", "records"];
/// What may stand in `soa`.
pub(super) const SOA_KEYS: [&str; 8] =
    ["mname", "rname", "serial", "ttl", "refresh", "retry", "expire", "minimum"];
/// What may stand in `secondaries`.
pub(super) const SECONDARIES_KEYS: [&str; 2] = ["follow_health", "interval"];
/// What may stand in `views`.
pub(super) const VIEWS_KEYS: [&str; 1] = ["private"];
/// The TTL of records where the zone sets none: an hour.
pub(super) const TTL: u32 = 3600;

/// Whether a file is in our own format: it says whose zone it is.
pub(crate) fn is_native(root: &Node<'_>) -> bool {
    matches!(&root.kind, Kind::Map(entries) if entries.iter().any(|(key, value)| {
        key.scalar().is_some_and(|key| key.text == "zone") && value.scalar().is_some()
    }))
}

/// Reads the top level; `None` where not even the zone's name is known.
pub(crate) fn zone<'n>(
    root: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<ZoneSpec<'n>> {
    let [zone, ttl, ns, soa, reverse, secondaries, views, checks, pools, records] =
        fields(root, "a zone file", ZONE_KEYS, mistakes)?;
    let origin = origin(zone?.1, file, mistakes);
    let spec = ZoneSpec {
        ttl: ttl.and_then(|(_, node)| ttl_of(node, mistakes)).unwrap_or(TTL),
        ns_at: ns.map(|(key, _)| key.span),
        ns: ns
            .map(|(_, node)| texts(node, "a name or a list of names", mistakes))
            .unwrap_or_default(),
        soa: soa.map(|(_, node)| read_soa(node, mistakes)).unwrap_or_default(),
        reverse: reverse
            .and_then(|(_, node)| {
                choice(node, "yes or no", &[("true", true), ("false", false)], mistakes)
            })
            .unwrap_or_default(),
        secondaries: secondaries
            .map(|(_, node)| read_secondaries(node, mistakes))
            .unwrap_or_default(),
        private: views.and_then(|(_, node)| read_views(node, mistakes)),
        checks: entries(checks, "a map of checks", mistakes)
            .into_iter()
            .map(|(name, node)| (name, check::check(node, file, mistakes)))
            .collect(),
        pools: entries(pools, "a map of pools", mistakes)
            .into_iter()
            .map(|(name, node)| {
                no_slash(name, mistakes);
                (name, pool::pool(name, node, file, mistakes))
            })
            .collect(),
        records: records
            .and_then(|(_, node)| pairs(node, "a map of records", mistakes))
            .unwrap_or_default(),
        origin: origin?,
    };
    Some(spec)
}

/// Tells a name of a pool or a backend that would make their keys mean two things: `ZONE/POOL/BACKEND`.
fn no_slash(name: Text<'_>, mistakes: &mut Mistakes<'_>) {
    if name.text.contains('/') {
        mistakes.add(name.span, Problem::SlashInName { text: name.text.into() });
    }
}

fn origin(node: &Node<'_>, file: &Path, mistakes: &mut Mistakes<'_>) -> Option<Name> {
    let text = scalar(node, "the zone's name", mistakes)?;
    let origin = match Name::parse_absolute(text.text) {
        Ok(name) if text.text != "@" => name,
        result => {
            let error = result.err().unwrap_or(crate::name::NameError::Empty);
            mistakes.add(text.span, Problem::BadName { text: text.text.into(), error });
            return None;
        }
    };
    match zone_of_file(file) {
        Some(named) if named == origin => {}
        Some(named) => {
            let problem = Problem::ZoneName { zone: origin.to_string(), file: named.to_string() };
            mistakes.add(text.span, problem);
        }
        None => {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
            mistakes.add(Span::FILE, Problem::FileName { name: name.unwrap_or_default() });
        }
    }
    Some(origin)
}

fn read_soa<'n>(node: &'n Node<'_>, mistakes: &mut Mistakes<'_>) -> SoaSpec<'n> {
    let Some([mname, rname, serial, ttl, refresh, retry, expire, minimum]) =
        fields(node, "`soa`", SOA_KEYS, mistakes)
    else {
        return SoaSpec::default();
    };
    let mut seconds = |field: Option<Field<'n>>| field.and_then(|(_, node)| ttl_of(node, mistakes));
    SoaSpec {
        ttl: seconds(ttl),
        refresh: seconds(refresh),
        retry: seconds(retry),
        expire: seconds(expire),
        minimum: seconds(minimum),
        mname: mname.and_then(|(_, node)| scalar(node, "a name", mistakes)),
        rname: rname.and_then(|(_, node)| scalar(node, "a mailbox", mistakes)),
        serial: serial.and_then(|(_, node)| number(node, "a serial", 0..=u32::MAX, mistakes)),
    }
}

fn read_secondaries(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Secondaries {
    let Some([follow_health, interval]) = fields(node, "`secondaries`", SECONDARIES_KEYS, mistakes)
    else {
        return Secondaries::default();
    };
    let words = [("true", true), ("false", false)];
    Secondaries {
        follow_health: follow_health
            .and_then(|(_, node)| choice(node, "yes or no", &words, mistakes)),
        interval: interval.and_then(|(_, node)| {
            let text = scalar(node, "a duration", mistakes)?;
            let span = value::span("the interval", text.text, FOLLOW_INTERVALS);
            mistakes.take(text.span, span)
        }),
    }
}

/// Who gets private addresses.
fn read_views(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<IpNet>> {
    let [private] = fields(node, "`views`", VIEWS_KEYS, mistakes)?;
    let (_, node) = private?;
    let found = texts(node, "a subnet or a list of them", mistakes);
    if found.len() > SUBNETS_MAX {
        mistakes.add(node.span, Problem::TooManyEntries { most: SUBNETS_MAX });
    }
    let subnet = |text: Text<'_>| mistakes.take(text.span, value::subnet(text.text));
    Some(found.into_iter().filter_map(subnet).collect())
}

/// A key and its value.
pub(in crate::config) type Field<'n> = (Text<'n>, &'n Node<'n>);

/// The values of a map by its known keys, in their order; unknown keys are told.
///
/// Nothing at all is an empty map, so that what stands below a key can be commented out.
pub(in crate::config) fn fields<'n, const N: usize>(
    node: &'n Node<'_>,
    place: &'static str,
    known: [&'static str; N],
    mistakes: &mut Mistakes<'_>,
) -> Option<[Option<Field<'n>>; N]> {
    let mut found = [None; N];
    for (key, value) in map(node, "a map", mistakes)? {
        match known.iter().position(|known| *known == key.text) {
            // A key that stands twice was told when the file was parsed.
            Some(at) if found[at].is_none() => found[at] = Some((key, value)),
            Some(_) => {}
            None => mistakes.add(key.span, unknown_key(place, key.text, &known)),
        }
    }
    Some(found)
}

fn unknown_key(place: &'static str, key: &str, known: &[&'static str]) -> Problem {
    let near = nearest(key, known.iter().copied());
    Problem::UnknownKey { place, key: key.into(), near, known: listed(known.iter().copied()) }
}

/// The entries of a map that may be missing.
fn entries<'n>(
    field: Option<Field<'n>>,
    what: &'static str,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Field<'n>> {
    field.and_then(|(_, node)| map(node, what, mistakes)).into_iter().flatten().collect()
}

fn map<'n>(
    node: &'n Node<'_>,
    what: &'static str,
    mistakes: &mut Mistakes<'_>,
) -> Option<impl Iterator<Item = Field<'n>> + use<'n>> {
    let pairs = pairs(node, what, mistakes)?;
    Some(pairs.iter().filter_map(|(key, value)| Some((key.scalar()?, value))))
}

/// The entries of a map, those whose keys were told as wrong among them.
fn pairs<'n>(
    node: &'n Node<'_>,
    what: &'static str,
    mistakes: &mut Mistakes<'_>,
) -> Option<&'n [(Node<'n>, Node<'n>)]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        _ if node.is_nothing() => Some(&[]),
        _ => {
            mistakes.add(node.span, Problem::Expected { what, found: node.describe() });
            None
        }
    }
}

pub(in crate::config) fn scalar<'n>(
    node: &'n Node<'_>,
    what: &'static str,
    mistakes: &mut Mistakes<'_>,
) -> Option<Text<'n>> {
    let text = node.scalar();
    if text.is_none() {
        mistakes.add(node.span, Problem::Expected { what, found: node.describe() });
    }
    text
}

/// One value or a list of them.
fn texts<'n>(node: &'n Node<'_>, what: &'static str, mistakes: &mut Mistakes<'_>) -> Vec<Text<'n>> {
    match &node.kind {
        Kind::List(items) => {
            items.iter().filter_map(|item| scalar(item, "a single value", mistakes)).collect()
        }
        _ => scalar(node, what, mistakes).into_iter().collect(),
    }
}

fn ttl_of(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<u32> {
    let text = scalar(node, "a TTL", mistakes)?;
    mistakes.take(text.span, value::ttl(text.text))
}

fn number<T: TryFrom<u32>>(
    node: &Node<'_>,
    what: &'static str,
    range: std::ops::RangeInclusive<u32>,
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    let text = scalar(node, what, mistakes)?;
    mistakes.take(text.span, value::number(what, text.text, range))
}

/// One of a few words.
pub(in crate::config) fn choice<T: Copy>(
    node: &Node<'_>,
    what: &'static str,
    known: &[(&'static str, T)],
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    let text = scalar(node, what, mistakes)?;
    mistakes.take(text.span, value::choice(what, text.text, known))
}
