//! A zone as the lines of a master file: what only we can say becomes records as they are now, with comments.
//!
//! A pool's addresses are records, each with its pool, its backend and what the file says of its state; a backend
//! that is set down is a comment, unless all are. What a rule gives some clients, and what a pool falls back to, are
//! comments.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::model::{
    Alias, Backend, Balanced, Endpoint, Form, Offer, Pool, Role, SetState, Soa, WhenAllDown, Zone,
};
use crate::config::octodns::Written;
use crate::name::Name;
use crate::rdata::rtype;
use crate::zonefile::{self, Line};

/// Writes a zone as a master file, with what it has lost there.
pub(super) fn master_file(zone: &Zone) -> Written {
    let mut lines = vec![soa(zone)];
    for set in &zone.records {
        lines.extend(set.rdata.iter().map(|rdata| Line {
            owner: set.owner.clone(),
            rtype: set.rtype,
            ttl: set.ttl,
            rdata: rdata.clone(),
            comment: None,
            is_off: false,
        }));
    }
    let mut lost = Vec::new();
    if zone.reverse {
        lost.push("the addresses of the zone have their names back (reverse: true)".to_owned());
    }
    for balanced in &zone.balanced {
        let main = &zone.pools[balanced.pool];
        // Who answers the same to all has no better answer than none.
        let why = match (&balanced.shards, main.role()) {
            (Some(_), _) => Some("for some of the labels"),
            (None, Some(Role::Primary)) => Some("where it is primary"),
            (None, _) => None,
        };
        lines.extend(of_pool(&balanced.owner, &balanced.form, &main.flat(&zone.pools), why));
        lost.push(format!("{} is answered from the pool {}, by health", balanced.owner, main.name));
        for (other, why) in others(zone, balanced) {
            lines.extend(of_pool(
                &balanced.owner,
                &balanced.form,
                &other.flat(&zone.pools),
                Some(&why),
            ));
        }
    }
    for Alias { owner, target } in &zone.aliases {
        let comment = format!("alias of {target}");
        let found = flattened(zone, owner, target, &lines, &comment);
        let end =
            if found.is_empty() { "which are not in this zone" } else { "whatever they become" };
        lost.push(format!("{owner} has the addresses of {target}, {end}"));
        lines.extend(found);
    }
    let mut text = zonefile::write(&zone.origin, &lines);
    for line in &lost {
        text.push_str(
            &format!("; {line}\n")
                .replace(|letter: char| letter.is_control() && letter != '\n', "?"),
        );
    }
    Written { text, lost }
}

fn soa(zone: &Zone) -> Line {
    let Soa { ttl, mname, rname, refresh, retry, expire, minimum } = &zone.soa;
    let mut rdata = [&mname[..], rname].concat();
    // Without one by hand, a server keeps its own, which is greater.
    for number in [zone.serial.unwrap_or(1), *refresh, *retry, *expire, *minimum] {
        rdata.extend_from_slice(&number.to_be_bytes());
    }
    let owner = zone.origin.clone();
    Line { owner, rtype: rtype::SOA, ttl: *ttl, rdata, comment: None, is_off: false }
}

/// What a pool hands out for a name; only comments where it is not what everybody gets, and `why` not.
fn of_pool(owner: &Name, form: &Form, pool: &Pool, why: Option<&str>) -> Vec<Line> {
    let is_down = |backend: &Backend| backend.state == SetState::Down;
    let all_down = pool.backends.iter().all(is_down);
    if let Form::Made(made) = form {
        let served = pool.backends.iter().filter(|backend| all_down || !is_down(backend));
        let offers: Vec<Offer> = served.flat_map(Offer::of).collect();
        let why = why.map_or_else(String::new, |why| format!(", {why}"));
        let line = |rdata| Line {
            owner: owner.clone(),
            rtype: made.rtype(),
            ttl: pool.ttl,
            rdata,
            comment: Some(format!("pool {}{why}", pool.name)),
            is_off: !why.is_empty(),
        };
        return made.rdata(&offers).into_iter().map(line).collect();
    }
    let mut one = false;
    let mut lines = Vec::new();
    for (backend, endpoint) in pool.endpoints() {
        let Some((rtype, rdata)) = record(form, &endpoint) else { continue };
        // A name has one CNAME.
        let is_second = *form == Form::Cname && one;
        let is_off = why.is_some() || is_second || (is_down(backend) && !all_down);
        one |= !is_off;
        let state = match backend.state {
            SetState::Auto => "auto",
            SetState::Up => "up",
            SetState::Down => "down",
        };
        let why = why.map_or_else(String::new, |why| format!(", {why}"));
        let comment = format!("pool {}, backend {}, state {state}{why}", pool.name, backend.name);
        let owner = owner.clone();
        lines.push(Line { owner, rtype, ttl: pool.ttl, rdata, comment: Some(comment), is_off });
    }
    lines
}

fn record(form: &Form, endpoint: &Endpoint) -> Option<(u16, Vec<u8>)> {
    match (form, endpoint) {
        (Form::Addresses | Form::A, Endpoint::Address(IpAddr::V4(address))) => {
            Some((rtype::A, address.octets().to_vec()))
        }
        (Form::Addresses | Form::Aaaa, Endpoint::Address(IpAddr::V6(address))) => {
            Some((rtype::AAAA, address.octets().to_vec()))
        }
        (Form::Cname, Endpoint::Target(name)) => Some((rtype::CNAME, name.as_wire().to_vec())),
        _ => None,
    }
}

/// The pools that a name may answer from besides the one for everybody, each once, and when.
fn others<'z>(zone: &'z Zone, balanced: &Balanced) -> Vec<(&'z Pool, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for rule in &balanced.rules {
        let mut whom: Vec<String> = rule.subnets.iter().map(ToString::to_string).collect();
        whom.extend((!rule.area.is_empty()).then(|| rule.area.to_string()));
        found.push((rule.pool, format!("for {}", whom.join(" "))));
    }
    let shards = balanced.shards.iter().flat_map(|shards| &shards.pools);
    for &place in shards.filter(|place| **place != balanced.pool) {
        if found.iter().all(|(other, _)| *other != place) {
            found.push((place, "for some of the labels".to_owned()));
        }
    }
    let mut next = 0;
    let mut seen: BTreeSet<usize> = BTreeSet::from([balanced.pool]);
    let mut fallback_of = |place: usize, found: &mut Vec<(usize, String)>| {
        if let WhenAllDown::Fallback(other) = zone.pools[place].when_all_down
            && seen.insert(other)
        {
            found.push((other, format!("when nothing of {} passes", zone.pools[place].name)));
        }
    };
    fallback_of(balanced.pool, &mut found);
    while let Some(&(place, _)) = found.get(next) {
        fallback_of(place, &mut found);
        next += 1;
    }
    found.into_iter().map(|(place, why)| (&zone.pools[place], why)).collect()
}

/// The addresses of an alias, where its target is in this zone.
fn flattened(zone: &Zone, owner: &Name, target: &Name, lines: &[Line], comment: &str) -> Vec<Line> {
    let is_address = |line: &&Line| [rtype::A, rtype::AAAA].contains(&line.rtype) && !line.is_off;
    let own = lines.iter().filter(|line| line.owner == *target).filter(is_address);
    let mut found: Vec<Line> = own
        .map(|line| Line {
            owner: owner.clone(),
            comment: Some(comment.to_owned()),
            ..line.clone()
        })
        .collect();
    // An alias of an alias.
    if found.is_empty()
        && let Some(next) = zone.aliases.iter().find(|next| next.owner == *target)
        && next.target != *owner
        && next.target != *target
    {
        let own = lines.iter().filter(|line| line.owner == next.target).filter(is_address);
        found.extend(own.map(|line| Line {
            owner: owner.clone(),
            comment: Some(comment.to_owned()),
            ..line.clone()
        }));
    }
    found
}
