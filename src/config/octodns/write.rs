//! A zone as octoDNS has it. What octoDNS has no way to say is told, in comments and to the caller.

mod dynamic;
mod order;

use std::collections::HashMap;
use std::fmt::Write as _;

use super::shapes::{FieldKind, Shape, shape};
use crate::config::model::access::Secondaries;
use crate::config::model::{RrSet, Soa, Zone};
use crate::config::write::yaml::{Yaml, one_line};
use crate::config::{resolve, spec};
use crate::name::{self, Name};
use crate::rdata;
use crate::rdata::words::{Form, Quotes, Words};

/// A zone that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub text: String,
    /// What it does not say, a line each; they stand in it as comments too.
    pub lost: Vec<String>,
}

/// Writes a zone.
#[must_use]
pub fn write(zone: &Zone) -> Written {
    let mut owners: Vec<(&Name, Vec<Yaml>)> = Vec::new();
    let mut places: HashMap<&Name, usize> = HashMap::new();
    let mut add = |owner, record| {
        let place = *places.entry(owner).or_insert_with(|| {
            owners.push((owner, Vec::new()));
            owners.len() - 1
        });
        owners[place].1.push(record);
    };
    let mut lost = Vec::new();
    for set in &zone.records {
        match record(set) {
            Some(record) => add(&set.owner, record),
            None => lost.extend(set.rdata.iter().map(|wire| {
                let (name, wire) = (rdata::type_name(set.rtype), rdata::print(set.rtype, wire));
                format!("{} {} {name} {wire}", set.owner, set.ttl)
            })),
        }
    }
    for alias in &zone.aliases {
        let value = ("value".to_owned(), Yaml::scalar(&alias.target));
        add(&alias.owner, Yaml::Map(vec![("type".into(), Yaml::scalar("ALIAS")), value]));
    }
    let soa = soa(zone);
    if !soa.is_empty() {
        lost.push(format!("{} of the SOA, as octoDNS has none", soa.join(", ")));
    }
    if zone.secondaries != Secondaries::default() {
        lost.push("what the zone says of its secondaries".to_owned());
    }
    if zone.private.is_some() {
        lost.push("who gets private addresses (`views`)".to_owned());
    }
    if zone.reverse {
        lost.push("the addresses of the zone have their names back (reverse: true)".to_owned());
    }
    for balanced in &zone.balanced {
        for record in dynamic::records(zone, balanced, &mut lost) {
            add(&balanced.owner, record);
        }
    }
    let entries = owners
        .into_iter()
        .map(|(owner, records)| (key(owner, &zone.origin), Yaml::one_or_list(records)));
    let mut text = String::new();
    for line in &lost {
        let _ = writeln!(text, "# not in octoDNS: {}", one_line(line));
    }
    text.push_str("---\n");
    let mut tree = Yaml::Map(entries.collect());
    order::sort(&mut tree);
    tree.write_block(0, &mut text);
    Written { text, lost }
}

/// The fields of the SOA that are not as they are made up for octoDNS's files.
fn soa(zone: &Zone) -> Vec<&'static str> {
    let Soa { ttl, mname, rname, refresh, retry, expire, minimum } = &zone.soa;
    let origin = zone.origin.as_wire();
    let is_server = |set: &&RrSet| set.rtype == rdata::rtype::NS && set.owner == zone.origin;
    let first = zone.records.iter().find(is_server).map_or(origin, |servers| &servers.rdata[0]);
    let fields = [
        ("serial", zone.serial.is_some()),
        ("mname", mname != first),
        ("rname", *rname != [b"\x0ahostmaster", origin].concat()),
        ("ttl", *ttl != spec::TTL),
        ("refresh", *refresh != resolve::REFRESH),
        ("retry", *retry != resolve::RETRY),
        ("expire", *expire != resolve::EXPIRE),
        ("minimum", *minimum != resolve::MINIMUM),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

fn key(owner: &Name, origin: &Name) -> String {
    let above = owner.as_wire().len() - origin.as_wire().len();
    let mut text = String::new();
    if above > 0 {
        let _ = name::write_presentation(&[&owner.as_wire()[..above], &[0]].concat(), &mut text);
        text.pop();
    }
    text
}

/// A set as one record; `None` where octoDNS cannot say it.
fn record(set: &RrSet) -> Option<Yaml> {
    let name = rdata::type_name(set.rtype).to_string();
    let shape = shape(&name)?;
    let values: Vec<Yaml> =
        set.rdata.iter().map(|wire| value(set.rtype, shape, wire)).collect::<Option<_>>()?;
    let single = ["CNAME", "DNAME"].contains(&name.as_str());
    let mut entries = vec![("type".to_owned(), Yaml::scalar(name))];
    entries.push(("ttl".into(), Yaml::scalar(set.ttl)));
    entries.push(match values.len() {
        1 if single || shape != Shape::Text => ("value".into(), Yaml::one_or_list(values)),
        _ => ("values".into(), Yaml::List(values)),
    });
    Some(Yaml::Map(entries))
}

/// One value.
fn value(rtype: u16, shape: Shape, wire: &[u8]) -> Option<Yaml> {
    let text = rdata::print(rtype, wire).to_string();
    if text.starts_with("\\#") {
        return None;
    }
    let words = words(&text)?;
    match shape {
        Shape::Plain | Shape::Target => Some(Yaml::scalar(text)),
        Shape::Text => is_one_text(wire).then(|| {
            let joined: String = words.iter().map(|(word, _)| word.as_str()).collect();
            Yaml::scalar(joined.replace(';', "\\;"))
        }),
        Shape::Fields(fields) => {
            if fields.len() != words.len() {
                return None;
            }
            let entry = |(field, (word, _)): (&super::shapes::Field, &(String, Quotes))| {
                let written = match field.kind {
                    FieldKind::Word | FieldKind::Target => word.clone(),
                    FieldKind::Quoted => word.replace(';', "\\;"),
                    FieldKind::Metres => word.trim_end_matches('m').to_owned(),
                };
                (field.key.to_owned(), Yaml::scalar(written))
            };
            Some(Yaml::Map(fields.iter().zip(&words).map(entry).collect()))
        }
        Shape::Service => service(&words),
    }
}

/// Priority, name and parameters.
fn service(words: &[(String, Quotes)]) -> Option<Yaml> {
    let [(priority, _), (name, _), params @ ..] = words else { return None };
    let mut entries = vec![
        ("svcpriority".to_owned(), Yaml::scalar(priority)),
        ("targetname".to_owned(), Yaml::scalar(name)),
    ];
    let params = params.iter().map(|(word, _)| {
        let Some((key, value)) = word.split_once('=') else {
            return (word.clone(), Yaml::Null);
        };
        let value =
            value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let is_list = ["mandatory", "alpn", "ipv4hint", "ipv6hint"].contains(&key);
        let value = if is_list {
            Yaml::List(items(value).into_iter().map(Yaml::scalar).collect())
        } else {
            Yaml::scalar(value)
        };
        (key.to_owned(), value)
    });
    let params: Vec<_> = params.collect();
    if !params.is_empty() {
        entries.push(("svcparams".into(), Yaml::Map(params)));
    }
    Some(Yaml::Map(entries))
}

/// The parts of a list at commas that are not escaped.
fn items(text: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut is_escaped = false;
    for letter in text.chars() {
        match letter {
            ',' if !is_escaped => items.push(String::new()),
            letter => items.last_mut().into_iter().for_each(|item| item.push(letter)),
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    items
}

/// Words as they stand between their quotes.
fn words(text: &str) -> Option<Vec<(String, Quotes)>> {
    let mut words = Words::new(text.as_bytes(), Form::Value);
    let mut found = Vec::new();
    while let Some(word) = words.next().ok()? {
        found.push((String::from_utf8(word.text.to_vec()).ok()?, word.quotes));
    }
    Some(found)
}

/// Whether strings are one text: octoDNS joins them, and cuts texts at 255 bytes.
fn is_one_text(wire: &[u8]) -> bool {
    let mut bytes = Vec::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((&len, tail)) = rest.split_first() {
        let Some((string, tail)) = tail.split_at_checked(usize::from(len)) else { return false };
        bytes.extend_from_slice(string);
        rest = tail;
    }
    let mut again = Vec::with_capacity(wire.len());
    resolve::write_text(&bytes, &mut again);
    again == wire
}

#[cfg(test)]
mod tests;
