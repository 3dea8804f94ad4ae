//! octoDNS YAML, translated: its tree of nodes becomes one of our own format, which is then read as any other.
//!
//! ```text
//!   www:                                     zone: example.com
//!     type: MX                               records:
//!     ttl: 60                        ──▶       www:
//!     values:                                    MX:
//!     - {preference: 10, exchange: a.b.}           ttl: 60
//!                                                  values: [10 a.b.]
//! ```
//!
//! Each node of the new tree has the place of the one that it comes from, so that every rule of our format
//! holds here too and tells its mistakes where their author can mend them. What octoDNS itself would refuse (a target
//! without its last dot, `@` for the zone) is told here.
//!
//! octoDNS has no SOA and no file for it: it is made up as for our own files, and its first name server is the
//! first NS at the apex.

mod dynamic;
mod problem;
mod record;
mod shapes;
mod text;
mod write;

#[cfg(test)]
mod tests;

pub use problem::Problem;
pub use write::{Written, write};

use std::borrow::Cow;

use super::error::{Mistakes, Problem as Mistake, Span};
use super::nearest::nearest;
use super::node::{Kind, Node, Style};
use super::spec::ZONE_KEYS;
use crate::name::Name;

/// What a YAML file without a scalar `zone` at its top level is.
pub(crate) enum Format {
    OctoDns,
    /// One of our own that lacks it.
    Native {
        /// The key that was probably meant to be it.
        misspelt: Option<String>,
    },
}

impl Format {
    /// Tells the two apart by what stands at the top level: octoDNS has records by their names, each with its type.
    pub(crate) fn of(root: &Node<'_>) -> Self {
        let Kind::Map(entries) = &root.kind else { return Self::Native { misspelt: None } };
        let keys = || entries.iter().filter_map(|(key, value)| Some((key.scalar()?, value)));
        // Another key of ours is no misspelt `zone`.
        let is_misspelt = |key: &str| {
            key != "zone" && !ZONE_KEYS.contains(&key) && nearest(key, ["zone"]).is_some()
        };
        let misspelt = keys()
            .find(|(key, value)| is_misspelt(key.text) && value.scalar().is_some())
            .map(|(key, _)| key.text.to_owned());
        let ours = keys().filter(|(key, value)| ZONE_KEYS.contains(&key.text) && !is_record(value));
        let has_records = keys().any(|(_, value)| is_record(value));
        if ours.count() > 0 || !has_records {
            return Self::Native { misspelt };
        }
        Self::OctoDns
    }
}

/// Whether a value is a record of octoDNS, or a list of them.
fn is_record(node: &Node<'_>) -> bool {
    match &node.kind {
        Kind::Map(entries) => entries.iter().any(|(key, _)| {
            key.scalar().is_some_and(|key| ["type", "octodns"].contains(&key.text))
        }),
        Kind::List(items) => items.first().is_some_and(is_record),
        Kind::Scalar(..) => false,
    }
}

/// The same zone in our own format.
pub(crate) fn native<'a>(
    root: &'a Node<'_>,
    origin: &Name,
    mistakes: &mut Mistakes<'_>,
) -> Node<'a> {
    let Kind::Map(entries) = &root.kind else { return root.clone() };
    let mut records = Vec::with_capacity(entries.len());
    let mut sections = Sections { checks: Vec::new(), pools: Vec::new() };
    let mut first_server = None;
    for (key, value) in entries {
        let Some(name) = key.scalar() else { continue };
        if name.text == "@" {
            mistakes.add(name.span, Mistake::OctoDns(Problem::At));
            continue;
        }
        if !name.text.is_ascii() {
            let text = name.text.to_owned();
            mistakes.add(name.span, Mistake::OctoDns(Problem::NotAscii { text }));
            continue;
        }
        let is_apex = name.text.is_empty();
        let apex = without_dot(&origin.to_string());
        let owner = if is_apex {
            Owner { key: "@".to_owned(), full: apex }
        } else {
            Owner { key: name.text.to_owned(), full: format!("{}.{apex}", name.text) }
        };
        let sets = record::sets(&owner, value, &mut sections, mistakes);
        if is_apex && first_server.is_none() {
            first_server = record::first_server(&sets);
        }
        if !sets.is_empty() {
            let key = if is_apex { scalar("@", key.span) } else { key.clone() };
            records.push((key, map(sets, value.span)));
        }
    }
    let mut top = vec![(scalar("zone", root.span), scalar(origin.to_string(), root.span))];
    let Sections { checks, pools } = sections;
    for (key, section) in [("checks", checks), ("pools", pools), ("records", records)] {
        top.push((scalar(key, root.span), map(section, root.span)));
    }
    if let Some(server) = first_server {
        let soa = vec![(scalar("mname", root.span), server)];
        top.push((scalar("soa", root.span), map(soa, root.span)));
    }
    map(top, root.span)
}

/// What is gathered beside the records.
struct Sections<'a> {
    checks: Vec<(Node<'a>, Node<'a>)>,
    pools: Vec<(Node<'a>, Node<'a>)>,
}

/// A name of the zone.
struct Owner {
    /// As our own format has it.
    key: String,
    /// Complete, without its last dot.
    full: String,
}

fn without_dot(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_owned()
}

/// A scalar that does not stand in the file as it is: its parts have the place of the whole.
fn scalar<'a>(text: impl Into<Cow<'a, str>>, span: Span) -> Node<'a> {
    Node { kind: Kind::Scalar(text.into(), Style::Block), span }
}

fn map<'a>(entries: Vec<(Node<'a>, Node<'a>)>, span: Span) -> Node<'a> {
    Node { kind: Kind::Map(entries), span }
}
