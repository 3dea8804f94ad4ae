//! One name of an octoDNS file: a record or a list of them, each with its type.

use std::fmt::Write as _;

use super::dynamic::Dynamic;
use super::problem::Problem;
use super::shapes::{Field, FieldKind, Shape, TYPES, shape};
use super::text::{to_quoted, to_strings};
use super::{Owner, Sections, map, scalar};
use crate::config::error::{Mistakes, Problem as Mistake};
use crate::config::nearest::{listed, nearest};
use crate::config::node::{Kind, Node, Text};
use crate::config::spec::{fields, scalar as read_scalar};

/// An entry of a map in our own format.
pub(super) type Entry<'a> = (Node<'a>, Node<'a>);

/// What may stand in a record.
const RECORD_KEYS: [&str; 7] = ["type", "ttl", "value", "values", "octodns", "dynamic", "geo"];
/// What octoDNS knows in a record's `octodns`; providers have blocks of their own beside these.
const OCTODNS_KEYS: [&str; 6] =
    ["excluded", "included", "ignored", "lenient", "healthcheck", "rotadns"];
/// What may stand in a value of SVCB and HTTPS.
const SERVICE_KEYS: [&str; 3] = ["svcpriority", "targetname", "svcparams"];

/// What our own format has for the records of a name: types and their values.
pub(super) fn sets<'a>(
    owner: &Owner,
    node: &'a Node<'_>,
    sections: &mut Sections<'a>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Entry<'a>> {
    let items: &[Node<'_>] = match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    };
    items.iter().flat_map(|item| record(owner, item, sections, mistakes)).collect()
}

/// The target of the first NS, which is the zone's first server where the sets are those of its apex.
pub(super) fn first_server<'a>(sets: &[Entry<'a>]) -> Option<Node<'a>> {
    let (_, set) = sets.iter().find(|(key, _)| key.scalar().is_some_and(|key| key.text == "NS"))?;
    let Kind::Map(entries) = &set.kind else { return None };
    let (_, values) =
        entries.iter().find(|(key, _)| key.scalar().is_some_and(|key| key.text == "values"))?;
    match &values.kind {
        Kind::List(items) => items.first().cloned(),
        _ => None,
    }
}

fn record<'a>(
    owner: &Owner,
    node: &'a Node<'_>,
    sections: &mut Sections<'a>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Entry<'a>> {
    let place = "an octoDNS record";
    let Some([rtype, ttl, value, values, octodns, dynamic, geo]) =
        fields(node, place, RECORD_KEYS, mistakes)
    else {
        return Vec::new();
    };
    let settings = octodns.map(|(_, node)| Settings::read(node, mistakes)).unwrap_or_default();
    if let Some((key, _)) = geo {
        mistakes.add(key.span, Mistake::OctoDns(Problem::OldGeo));
    }
    if settings.is_ignored {
        return Vec::new();
    }
    let Some((_, rtype)) = rtype else {
        mistakes.add(node.span, Mistake::MissingKey { place, key: "type" });
        return Vec::new();
    };
    let Some(name) = read_scalar(rtype, "a type", mistakes) else { return Vec::new() };
    if name.text == "ALIAS" {
        return alias(rtype, value.or(values), mistakes);
    }
    let Some(shape) = shape(name.text) else {
        let near = nearest(name.text, TYPES.iter().map(|(known, _)| *known));
        let problem = Problem::UnknownType { text: name.text.to_owned(), near };
        mistakes.add(name.span, Mistake::OctoDns(problem));
        return Vec::new();
    };
    if let (Some((first, _)), Some((second, _))) = (value, values) {
        let problem = Problem::BothValues { first: first.span.line };
        mistakes.add(second.span, Mistake::OctoDns(problem));
    }
    if let Some((_, dynamic)) = dynamic {
        let record = Dynamic {
            owner,
            rtype: name,
            ttl: ttl.map(|(_, node)| node),
            values: values.or(value).map(|(_, node)| node),
            healthcheck: settings.healthcheck,
            settings: settings.rotadns,
        };
        return record.native(dynamic, sections, mistakes).into_iter().collect();
    }
    let Some((_, found)) = values.or(value) else {
        mistakes.add(node.span, Mistake::MissingKey { place, key: "values" });
        return Vec::new();
    };
    let items: &[Node<'_>] = match &found.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(found),
    };
    let translated: Vec<_> = items.iter().filter_map(|item| shape.native(item, mistakes)).collect();
    if translated.is_empty() && !items.is_empty() {
        return Vec::new(); // told above
    }
    let list = Node { kind: Kind::List(translated), span: found.span };
    let mut set = vec![(scalar("values", found.span), list)];
    if let Some((_, ttl)) = ttl {
        set.push((scalar("ttl", ttl.span), ttl.clone()));
    }
    vec![(rtype.clone(), map(set, found.span))]
}

/// ALIAS: the addresses of another name.
fn alias<'a>(
    rtype: &'a Node<'_>,
    value: Option<(Text<'_>, &'a Node<'_>)>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Entry<'a>> {
    let found = value.map(|(_, node)| match &node.kind {
        Kind::List(items) if items.len() == 1 => &items[0],
        _ => node,
    });
    let target = found.and_then(|node| target(node, mistakes));
    if found.is_none() {
        mistakes.add(rtype.span, Mistake::OctoDns(Problem::AliasRecord));
    }
    target.map(|target| (scalar("alias", rtype.span), target)).into_iter().collect()
}

/// What `octodns` says of a record.
#[derive(Default)]
struct Settings<'a> {
    /// Whether the record is left to others.
    is_ignored: bool,
    healthcheck: Option<&'a Node<'a>>,
    /// Our own block.
    rotadns: Option<&'a Node<'a>>,
}

impl<'a> Settings<'a> {
    fn read(node: &'a Node<'_>, mistakes: &mut Mistakes<'_>) -> Self {
        let mut settings = Self::default();
        let Kind::Map(entries) = &node.kind else {
            if !node.is_nothing() {
                let what = "a map of octoDNS's settings";
                mistakes.add(node.span, Mistake::Expected { what, found: node.describe() });
            }
            return settings;
        };
        for (key, value) in entries.iter().filter_map(|(key, value)| Some((key.scalar()?, value))) {
            match key.text {
                "ignored" => {
                    settings.is_ignored = value.scalar().is_some_and(|value| value.text == "true");
                }
                "healthcheck" => settings.healthcheck = Some(value),
                "rotadns" => settings.rotadns = Some(value),
                "excluded" | "included" | "lenient" => {}
                // Of a provider, unless it is one of those above, misspelt.
                _ => {
                    let near = nearest(key.text, OCTODNS_KEYS);
                    if near.is_some() {
                        let (place, known) = ("`octodns`", listed(OCTODNS_KEYS.into_iter()));
                        let key_text = key.text.to_owned();
                        let problem = Mistake::UnknownKey { place, key: key_text, near, known };
                        mistakes.add(key.span, problem);
                    }
                }
            }
        }
        settings
    }
}

impl Shape {
    /// One value in our own format.
    fn native<'a>(self, node: &'a Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Node<'a>> {
        match self {
            Self::Plain => {
                read_scalar(node, "a value", mistakes)?;
                Some(node.clone())
            }
            Self::Target => target(node, mistakes),
            Self::Text => {
                // Nothing between the quotes is a text too, nothing at all is not.
                let text = read_scalar(node, "a text", mistakes)?;
                let strings = escaped(text, to_strings(text.text), mistakes)?;
                Some(scalar(strings, node.span))
            }
            Self::Fields(known) => structured(node, known, mistakes),
            Self::Service => service(node, mistakes),
        }
    }
}

/// A full name.
fn target<'a>(node: &'a Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Node<'a>> {
    let text = read_scalar(node, "a full name", mistakes)?;
    is_full(text, mistakes).then(|| node.clone())
}

pub(super) fn is_full(text: Text<'_>, mistakes: &mut Mistakes<'_>) -> bool {
    let written = || text.text.to_owned();
    let problem = if !text.text.is_ascii() {
        Problem::NotAscii { text: written() }
    } else if !text.text.ends_with('.') || text.text.ends_with("\\.") {
        Problem::Target { text: written() }
    } else {
        return true;
    };
    mistakes.add(text.span, Mistake::OctoDns(problem));
    false
}

fn escaped(text: Text<'_>, read: Option<String>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    if read.is_none() {
        mistakes.add(text.span, Mistake::OctoDns(Problem::Escape));
    }
    read
}

/// A map as the fields of presentation format.
fn structured<'a>(
    node: &'a Node<'_>,
    known: &'static [Field],
    mistakes: &mut Mistakes<'_>,
) -> Option<Node<'a>> {
    let Kind::Map(entries) = &node.kind else {
        let what = "a map of the value's fields";
        mistakes.add(node.span, Mistake::Expected { what, found: node.describe() });
        return None;
    };
    let is_named = |field: &Field, key: &str| field.key == key || field.old == Some(key);
    let mut is_good = true;
    for key in entries.iter().filter_map(|(key, _)| key.scalar()) {
        if !known.iter().any(|field| is_named(field, key.text)) {
            let keys = || known.iter().map(|field| field.key);
            let (near, known) = (nearest(key.text, keys()), listed(keys()));
            let place = "the value";
            let problem = Mistake::UnknownKey { place, key: key.text.to_owned(), near, known };
            mistakes.add(key.span, problem);
            is_good = false;
        }
    }
    let mut line = String::new();
    for field in known {
        let found = entries.iter().find_map(|(key, value)| {
            key.scalar().filter(|key| is_named(field, key.text)).map(|_| value)
        });
        let written = match (found, field.default) {
            (Some(node), _) => written(node, field.kind, mistakes),
            (None, Some(default)) => Some(default.to_owned()),
            (None, None) => {
                mistakes.add(node.span, Mistake::MissingKey { place: "the value", key: field.key });
                None
            }
        };
        is_good &= written.is_some();
        let _ = write!(
            line,
            "{}{}",
            if line.is_empty() { "" } else { " " },
            written.unwrap_or_default()
        );
    }
    is_good.then(|| scalar(line, node.span))
}

/// A field in presentation format.
fn written(node: &Node<'_>, kind: FieldKind, mistakes: &mut Mistakes<'_>) -> Option<String> {
    // A text may be empty, and `''` is a scalar.
    let text = read_scalar(node, "a single value", mistakes)?;
    match kind {
        FieldKind::Word if text.text.is_empty() => {
            mistakes.add(text.span, Mistake::EmptyText { what: "the field" });
            None
        }
        FieldKind::Word => Some(text.text.to_owned()),
        FieldKind::Metres => Some(format!("{}m", text.text)),
        FieldKind::Target => is_full(text, mistakes).then(|| text.text.to_owned()),
        FieldKind::Quoted => escaped(text, to_quoted(text.text), mistakes),
    }
}

/// A value of SVCB or HTTPS.
fn service<'a>(node: &'a Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Node<'a>> {
    let place = "the value";
    let [priority, name, params] = fields(node, place, SERVICE_KEYS, mistakes)?;
    for (field, key) in [(priority, "svcpriority"), (name, "targetname")] {
        if field.is_none() {
            mistakes.add(node.span, Mistake::MissingKey { place, key });
        }
    }
    let priority = written(priority?.1, FieldKind::Word, mistakes);
    let name = written(name?.1, FieldKind::Target, mistakes);
    let mut line = format!("{} {}", priority?, name?);
    let Some((_, params)) = params else { return Some(scalar(line, node.span)) };
    let Kind::Map(entries) = &params.kind else {
        if params.is_nothing() {
            return Some(scalar(line, node.span));
        }
        let what = "a map of parameters";
        mistakes.add(params.span, Mistake::Expected { what, found: params.describe() });
        return None;
    };
    for (key, value) in entries.iter().filter_map(|(key, value)| Some((key.scalar()?, value))) {
        let _ = write!(line, " {}", key.text);
        if !is_nothing(value) {
            let _ = write!(line, "=\"{}\"", parameter(value, mistakes)?);
        }
    }
    Some(scalar(line, node.span))
}

/// Whether a parameter has no value: nothing, or YAML's word for it.
fn is_nothing(node: &Node<'_>) -> bool {
    node.is_nothing() || node.scalar().is_some_and(|text| ["null", "~"].contains(&text.text))
}

/// What stands between the quotes of a parameter: a list with commas.
fn parameter(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let items: &[Node<'_>] = match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    };
    let texts: Option<Vec<String>> = items
        .iter()
        .map(|item| {
            let text = read_scalar(item, "a single value", mistakes)?;
            Some(text.text.replace('"', "\\\""))
        })
        .collect();
    Some(texts?.join(","))
}
