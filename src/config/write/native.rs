//! A zone in our own format, so that reading it gives the same zone.
//!
//! What a file need not say is left out, and names are as short as they read.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::str;

use super::yaml::Yaml;
use crate::config::model::access::Secondaries;
use crate::config::model::place::Area;
use crate::config::model::{Balanced, By, Form, Made, RrSet, Rule, Shards, Zone};
use crate::config::{resolve, spec};
use crate::name::{self, Name};
use crate::rdata::{self, rtype};

pub(super) mod pools;

use pools::Checks;

/// Writes a zone.
#[must_use]
pub fn native(zone: &Zone) -> String {
    // All fields by name, so that a new one is not forgotten.
    let Zone {
        origin,
        serial: _,
        soa: _,
        secondaries,
        reverse,
        records,
        checks: _,
        pools,
        balanced: _,
        private,
        aliases: _,
    } = zone;
    let ttl = usual_ttl(zone);
    let writer = Writer { zone, ttl };
    let mut top = vec![entry("zone", without_dot(origin))];
    if ttl != spec::TTL {
        top.push(("ttl".into(), seconds(ttl)));
    }
    let servers =
        records.iter().find(|set| set.rtype == rtype::NS && set.owner == *origin && set.ttl == ttl);
    if let Some(servers) = servers {
        let names = servers.rdata.iter().map(|rdata| Yaml::scalar(relative(rdata, origin)));
        top.push(("ns".into(), Yaml::List(names.collect())));
    }
    let soa = writer.soa(servers);
    if !soa.is_empty() {
        top.push(("soa".into(), Yaml::Map(soa)));
    }
    if *reverse {
        top.push(("reverse".into(), Yaml::Bool(true)));
    }
    if let Some(private) = private {
        let private = Yaml::one_or_list(private.iter().map(Yaml::scalar).collect());
        top.push(("views".into(), Yaml::Map(vec![("private".into(), private)])));
    }
    if let Some(follow) = secondaries_of(*secondaries) {
        top.push(("secondaries".into(), follow));
    }
    let mut out = String::new();
    Yaml::Map(top).write_block(0, &mut out);
    let checks = Checks::of(zone);
    let written = pools.iter().filter(|pool| pool.face.is_none());
    let sections = [
        ("checks", checks.section()),
        ("pools", written.map(|pool| pools::pool(pool, pools, &checks)).collect()),
        ("records", writer.records(servers.is_some())),
    ];
    for (key, section) in sections {
        if !section.is_empty() {
            let _ = writeln!(out, "\n{key}:");
            Yaml::Map(section).write_block(2, &mut out);
        }
    }
    out
}

/// A key and its scalar.
fn entry(key: &str, text: impl ToString) -> (String, Yaml) {
    (key.to_owned(), Yaml::scalar(text))
}

struct Writer<'z> {
    zone: &'z Zone,
    ttl: u32,
}

impl Writer<'_> {
    /// What of the SOA is not as it would be made up.
    fn soa(&self, servers: Option<&RrSet>) -> Vec<(String, Yaml)> {
        let (origin, soa) = (&self.zone.origin, &self.zone.soa);
        let mut found = Vec::new();
        let first = servers.map_or(origin.as_wire(), |servers| &servers.rdata[0]);
        if soa.mname != first {
            found.push(entry("mname", relative(&soa.mname, origin)));
        }
        let rname = [b"\x0ahostmaster", origin.as_wire()].concat();
        if soa.rname != rname {
            found.push(entry("rname", relative(&soa.rname, origin)));
        }
        found.extend(self.zone.serial.map(|serial| entry("serial", serial)));
        for (key, value, usual) in [
            ("ttl", soa.ttl, self.ttl),
            ("refresh", soa.refresh, resolve::REFRESH),
            ("retry", soa.retry, resolve::RETRY),
            ("expire", soa.expire, resolve::EXPIRE),
            ("minimum", soa.minimum, resolve::MINIMUM),
        ] {
            if value != usual {
                found.push((key.to_owned(), seconds(value)));
            }
        }
        found
    }

    /// Each name and what it has, in the order of the zone, the apex first.
    fn records(&self, has_servers: bool) -> Vec<(String, Yaml)> {
        let origin = &self.zone.origin;
        let mut owners: Vec<(&Name, Vec<(String, Yaml)>)> = Vec::new();
        let mut places: HashMap<&Name, usize> = HashMap::new();
        let mut add = |owner, entry: (String, Yaml)| {
            let place = *places.entry(owner).or_insert_with(|| {
                owners.push((owner, Vec::new()));
                owners.len() - 1
            });
            owners[place].1.push(entry);
        };
        for alias in &self.zone.aliases {
            add(&alias.owner, entry("alias", relative(alias.target.as_wire(), origin)));
        }
        for balanced in &self.zone.balanced {
            for entry in self.balanced(balanced) {
                add(&balanced.owner, entry);
            }
        }
        for set in &self.zone.records {
            let is_above = has_servers && set.rtype == rtype::NS && set.owner == *origin;
            if !is_above {
                let key = rdata::type_name(set.rtype).to_string();
                add(&set.owner, (key, self.set(set)));
            }
        }
        owners.sort_by_key(|(owner, _)| *owner != origin);
        let named =
            owners.into_iter().map(|(owner, entries)| (key(owner, origin), Yaml::Map(entries)));
        named.collect()
    }

    fn set(&self, set: &RrSet) -> Yaml {
        let values = set.rdata.iter().map(|rdata| Yaml::scalar(self.value(set.rtype, rdata)));
        let values = Yaml::one_or_list(values.collect());
        if set.ttl == self.ttl {
            return values;
        }
        Yaml::Map(vec![("ttl".into(), seconds(set.ttl)), ("values".into(), values)])
    }

    /// A value as [`resolve`] reads it: of TXT the text itself where it is one.
    fn value(&self, rtype: u16, wire: &[u8]) -> String {
        if rtype == rtype::TXT
            && let Some(text) = text(wire)
        {
            return text;
        }
        let relative = |name: &[u8]| relative(name, &self.zone.origin);
        rdata::print_with(rtype, wire, &relative).to_string()
    }

    /// Which pool is for which label.
    fn shards(&self, Shards { by, pools }: &Shards) -> Yaml {
        let name = |place: &usize| Yaml::scalar(&self.zone.pools[*place].name);
        let By::Range(bounds) = by else {
            let pools = Yaml::List(pools.iter().map(name).collect());
            return Yaml::Map(vec![entry("by", "hash"), ("pools".into(), pools)]);
        };
        let bounds = bounds.iter().map(|bound| {
            let label = [&[bound.len() as u8][..], bound, &[0]].concat();
            let mut text = full(&label);
            text.pop();
            entry("to", text)
        });
        let bounds = bounds.map(Some).chain([None]);
        let range = |(bound, pool): (Option<(String, Yaml)>, &usize)| {
            Yaml::Map(bound.into_iter().chain([("pool".to_owned(), name(pool))]).collect())
        };
        let of = Yaml::List(bounds.zip(pools).map(range).collect());
        Yaml::Map(vec![entry("by", "range"), ("of".into(), of)])
    }

    /// The pools of a name.
    fn balanced(&self, balanced: &Balanced) -> Vec<(String, Yaml)> {
        let Balanced { form, rules, pool, shards, .. } = balanced;
        let name = |place: usize| Yaml::scalar(&self.zone.pools[place].name);
        let rule = |Rule { subnets, area, pool }: &Rule| {
            let Area { continents, countries, regions, asns } = area;
            let subnets = subnets.iter().map(Yaml::scalar).collect();
            let continents = continents.iter().map(|own| Yaml::scalar(own.code())).collect();
            let countries = countries.iter().map(|own| Yaml::scalar(own.code())).collect();
            let regions = regions.iter().map(Yaml::scalar).collect();
            let keys: [(&str, Vec<Yaml>); 5] = [
                ("subnets", subnets),
                ("continents", continents),
                ("countries", countries),
                ("regions", regions),
                ("asns", asns.iter().map(Yaml::scalar).collect()),
            ];
            let keys = keys.into_iter().filter(|(_, values)| !values.is_empty());
            let mut found: Vec<(String, Yaml)> =
                keys.map(|(key, values)| (key.to_owned(), Yaml::one_or_list(values))).collect();
            let face = self.zone.pools[*pool].face;
            let is_private = face.is_some_and(|face| face.is_private);
            found.extend(is_private.then(|| self::entry("addresses", "private")));
            found.push(("pool".into(), name(*pool)));
            Yaml::Map(found)
        };
        // Hints of a name that is shared out are those of its own pools.
        let is_own = shards.is_some() && matches!(form, Form::Made(_));
        let (key, value) = if let Some(shards) = shards {
            ("shards", self.shards(shards))
        } else if rules.is_empty() {
            ("pool", name(*pool))
        } else {
            let everybody = Yaml::Map(vec![("pool".into(), name(*pool))]);
            ("rules", Yaml::List(rules.iter().map(rule).chain([everybody]).collect()))
        };
        let entry = (key.to_owned(), value);
        // All pools of a name are asked for in one role.
        let in_role = self.zone.pools[*pool].role().map(|own| self::entry("role", own.name()));
        let own = || [entry.clone()].into_iter().chain(in_role.clone()).filter(|_| !is_own);
        match form {
            Form::Addresses | Form::Cname => own().collect(),
            Form::A => vec![("A".into(), Yaml::Map(own().collect()))],
            Form::Aaaa => vec![("AAAA".into(), Yaml::Map(own().collect()))],
            Form::Made(Made::Srv { priority }) => {
                let priority = (*priority > 0).then(|| self::entry("priority", priority));
                vec![("SRV".into(), Yaml::Map(own().chain(priority).collect()))]
            }
            Form::Made(Made::Hints { rtype, values }) => {
                let values = values.iter().map(|rdata| Yaml::scalar(self.value(*rtype, rdata)));
                let values = ("values".to_owned(), Yaml::one_or_list(values.collect()));
                let hints = self::entry("hints", "pool");
                let set = [values].into_iter().chain(own()).chain([hints]);
                vec![(rdata::type_name(*rtype).to_string(), Yaml::Map(set.collect()))]
            }
        }
    }
}

/// The TTL that most sets have, so that they need not say it.
fn usual_ttl(zone: &Zone) -> u32 {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for set in &zone.records {
        *counts.entry(set.ttl).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|&(ttl, count)| (count, ttl == spec::TTL, ttl));
    most.map_or(spec::TTL, |(ttl, _)| ttl)
}

fn secondaries_of(secondaries: Secondaries) -> Option<Yaml> {
    let Secondaries { follow_health, interval } = secondaries;
    let follow = follow_health.map(|follows| ("follow_health".to_owned(), Yaml::Bool(follows)));
    let interval = interval.map(|interval| ("interval".to_owned(), pools::span(interval)));
    let found: Vec<_> = follow.into_iter().chain(interval).collect();
    (!found.is_empty()).then_some(Yaml::Map(found))
}

/// A span of seconds with the units that make it short.
fn seconds(seconds: u32) -> Yaml {
    if seconds == 0 {
        return Yaml::scalar(0);
    }
    let mut text = String::new();
    let mut rest = seconds;
    for (unit, letter) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
        if rest >= unit {
            let _ = write!(text, "{}{letter}", rest / unit);
            rest %= unit;
        }
    }
    // `2d7h13m20s` says less than its number.
    Yaml::scalar(if text.len() > 6 { seconds.to_string() } else { text })
}

/// The text of a TXT whose strings are as long as they can be.
fn text(wire: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((&len, tail)) = rest.split_first() {
        let (string, tail) = tail.split_at_checked(usize::from(len))?;
        bytes.extend_from_slice(string);
        rest = tail;
    }
    let mut again = Vec::with_capacity(wire.len());
    resolve::write_text(&bytes, &mut again);
    let text = String::from_utf8(bytes).ok().filter(|_| again == wire)?;
    let is_plain = !text.starts_with('"') && !text.chars().any(char::is_control);
    is_plain.then_some(text)
}

/// A name of the zone as a key of `records`.
fn key(owner: &Name, origin: &Name) -> String {
    let short = short(owner.as_wire(), origin);
    // Written so, it would look like a name that lacks its last dot.
    let is_doubtful = Name::parse_absolute(&short).is_ok_and(|name| name.is_at_or_below(origin));
    if is_doubtful && short != "@" { owner.to_string() } else { short }
}

/// A name in RDATA: short where it is right below the zone, with its last dot else.
fn relative(wire: &[u8], origin: &Name) -> String {
    let short = short(wire, origin);
    if short.replace("\\.", "").contains('.') { full(wire) } else { short }
}

/// A name relative to the zone, if it is in it and written in the case of its name.
fn short(wire: &[u8], origin: &Name) -> String {
    let origin = origin.as_wire();
    if wire == origin {
        return "@".to_owned();
    }
    if origin.len() > 1 && name::is_at_or_below(wire, origin) {
        let above = [&wire[..wire.len() - origin.len()], &[0]].concat();
        let mut text = full(&above);
        text.pop();
        return text;
    }
    full(wire)
}

fn full(wire: &[u8]) -> String {
    let mut text = String::new();
    let _ = name::write_presentation(wire, &mut text);
    text
}

/// A zone's name as people write it.
fn without_dot(origin: &Name) -> String {
    let text = origin.to_string();
    text.strip_suffix('.').filter(|text| !text.is_empty()).unwrap_or(&text).to_owned()
}
