//! `dns`.

use std::path::Path;

use super::{needed, port_or, tls::boolean};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{CheckKind, DnsCheck, Expected, Rcode, Transport};
use crate::config::node::{Kind, Node, Text};
use crate::config::spec::{choice, fields, scalar, texts};
use crate::name::Name;
use crate::rdata::{self, rtype};

/// What may stand in `dns`.
pub(in crate::config) const DNS_KEYS: [&str; 7] =
    ["port", "question", "type", "transport", "rcode", "answer", "recursion"];

/// The most records that an answer can be asked to hold.
const EXPECTED_MAX: usize = 64;

pub(super) fn read(node: &Node<'_>, _: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [port, question, of_type, transport, rcode, answer, recursion] =
        fields(node, "`dns`", DNS_KEYS, mistakes)?;
    let port = port_or(53, port, mistakes);
    let question = needed(question, node, ("`dns`", "question"), mistakes)?;
    let question = read_name(question, mistakes);
    let of_type = match of_type {
        Some((_, node)) => read_type(node, mistakes),
        None => Some(rtype::A),
    };
    let transport = match transport {
        Some((_, node)) => choice(node, "a transport", &Transport::WORDS, mistakes),
        None => Some(Transport::Udp),
    };
    let rcode = match rcode {
        Some((_, node)) => choice(node, "a response code", &Rcode::NAMES, mistakes),
        None => Some(Rcode::NO_ERROR),
    };
    let recursion = recursion.and_then(|(_, node)| boolean(node, mistakes)).unwrap_or(false);
    let rtype = of_type?;
    let answer = answer.map(|(_, node)| read_answer(rtype, node, mistakes));
    Some(CheckKind::Dns(DnsCheck {
        port: port?,
        question: question?,
        rtype,
        transport: transport?,
        rcode: rcode?,
        answer: answer.unwrap_or(Some(Vec::new()))?,
        recursion,
    }))
}

/// A name from the root, with its last dot or without: whom a check asks knows nothing of this zone.
fn read_name(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Name> {
    let text = scalar(node, "a name", mistakes)?;
    let bad = |error| Problem::BadName { text: text.text.into(), error };
    mistakes.take(text.span, Name::parse_absolute(text.text).map_err(bad))
}

fn read_type(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<u16> {
    let text = scalar(node, "a type", mistakes)?;
    let rtype = rdata::parse_type(text.text).filter(|rtype| !rdata::is_meta(*rtype));
    let unknown =
        || Problem::UnknownType { text: text.text.into(), near: rdata::nearest_type(text.text) };
    mistakes.take(text.span, rtype.ok_or_else(unknown))
}

fn read_answer(rtype: u16, node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<Expected>> {
    let found = texts(node, "a record or a list of them", mistakes);
    if found.is_empty() && matches!(&node.kind, Kind::List(_)) {
        mistakes.add(node.span, Problem::NoValues);
    }
    if found.len() > EXPECTED_MAX {
        mistakes.add(node.span, Problem::TooManyEntries { most: EXPECTED_MAX });
        return None;
    }
    found.into_iter().map(|text| expected(rtype, text, mistakes)).collect()
}

fn expected(rtype: u16, text: Text<'_>, mistakes: &mut Mistakes<'_>) -> Option<Expected> {
    let mut wire = Vec::new();
    if let Err(rdata::Mistake { at, problem }) =
        rdata::parse(rtype, text.text, &Name::root(), &mut wire)
    {
        mistakes.add(mistakes.part(text, at), Problem::Rdata(problem));
        return None;
    }
    rdata::canonicalize(rtype, &mut wire);
    Some(Expected { text: text.text.to_owned(), rdata: wire })
}
