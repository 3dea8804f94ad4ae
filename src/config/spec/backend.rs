//! The backends of a pool.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::Path;

use super::pool::{CheckRef, read_check, read_port};
use super::{Field, choice, fields, map, no_slash, number, scalar, texts};
use crate::config::error::{Mistakes, Problem, Span};
use crate::config::model::place::Site;
use crate::config::model::{Backend, POOL_ADDRESSES_MAX, SetState};
use crate::config::node::{Kind, Node, Text};
use crate::config::value;

/// A backend, as written: all but names is final.
#[derive(Clone)]
pub(crate) struct BackendSpec<'n> {
    pub(crate) name: Option<Text<'n>>,
    pub(crate) at: Span,
    pub(crate) weight: u16,
    /// Its tier; else as its policy has it.
    pub(crate) priority: Option<u16>,
    pub(crate) state: SetState,
    /// Those that are served, or beside a target those that are probed; with a target there may be none.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) target: Option<Text<'n>>,
    /// A pool that it stands for; then it has no addresses and no target.
    pub(crate) pool: Option<Text<'n>>,
    /// Its name in DNS, for SRV.
    pub(crate) host: Option<Text<'n>>,
    /// For SRV; else the pool's.
    pub(crate) port: Option<u16>,
    /// Its own check, in place of the pool's.
    pub(crate) check: Option<OwnCheckSpec<'n>>,
    /// Where it is probed, if not at its addresses.
    pub(crate) check_addresses: Vec<IpAddr>,
    /// At which port it is probed, if not at the check's.
    pub(crate) check_port: Option<(NonZeroU16, Span)>,
    /// For those who get private addresses.
    pub(crate) private: Vec<IpAddr>,
    pub(crate) site: Site,
}

/// A backend's own check.
#[derive(Clone)]
pub(crate) enum OwnCheckSpec<'n> {
    Off,
    Check(CheckRef<'n>),
}

/// What may stand in a backend.
pub(in crate::config) const BACKEND_KEYS: [&str; 14] = [
    "address",
    "target",
    "host",
    "port",
    "weight",
    "priority",
    "state",
    "check",
    "check_address",
    "check_port",
    "private",
    "location",
    "region",
    "pool",
];

pub(in crate::config) const STATES: [(&str, SetState); 3] =
    [("auto", SetState::Auto), ("up", SetState::Up), ("down", SetState::Down)];

/// The backends of one pool, with what must hold among them.
struct Backends<'n, 'f> {
    file: &'f Path,
    found: Vec<BackendSpec<'n>>,
    /// Each address that is served and the line of it.
    seen: HashMap<IpAddr, u32>,
    /// The same of private ones.
    private: HashMap<IpAddr, u32>,
}

/// Reads one address, a list of addresses and maps, or a map by names.
pub(super) fn read_backends<'n>(
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Vec<BackendSpec<'n>> {
    let mut backends =
        Backends { found: Vec::new(), seen: HashMap::new(), private: HashMap::new(), file };
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| backends.add(None, item, mistakes)),
        Kind::Map(_) => {
            for (name, value) in map(node, "backends", mistakes).into_iter().flatten() {
                no_slash(name, mistakes);
                backends.add(Some(name), value, mistakes);
            }
        }
        Kind::Scalar(..) if node.is_nothing() => {}
        Kind::Scalar(..) => backends.add(None, node, mistakes),
    }
    let empty = match &node.kind {
        Kind::List(items) => items.is_empty(),
        Kind::Map(entries) => entries.is_empty(),
        Kind::Scalar(..) => node.is_nothing(),
    };
    if empty {
        mistakes.add(node.span, Problem::NoBackends);
    }
    let targets = backends.found.iter().filter(|backend| backend.target.is_some()).count();
    if backends.seen.len() + targets > POOL_ADDRESSES_MAX {
        mistakes.add(node.span, Problem::TooManyAddresses { most: POOL_ADDRESSES_MAX });
    }
    // Of what kind a pool within is, is known once all pools are.
    let mut own = backends.found.iter().filter(|backend| backend.pool.is_none());
    if let Some(first) = own.next()
        && let Some(other) = own.find(|other| other.target.is_some() != first.target.is_some())
    {
        mistakes.add(other.at, Problem::MixedBackends);
    }
    backends.found
}

/// Reads where a backend is.
fn site(
    location: Option<Field<'_>>,
    region: Option<Field<'_>>,
    mistakes: &mut Mistakes<'_>,
) -> Site {
    let location = location.and_then(|(_, node)| {
        let texts = texts(node, "latitude and longitude such as `[59.9, 10.7]`", mistakes);
        let texts: Vec<&str> = texts.iter().map(|text| text.text).collect();
        mistakes.take(node.span, value::location(&texts))
    });
    let region = region.and_then(|(_, node)| {
        let text = scalar(node, "a region", mistakes)?;
        mistakes.take(text.span, value::region(text.text).map(|_| text.text.to_owned()))
    });
    Site { location, region }
}

/// Reads `weight`, `priority` and `state`, which an address and a pool within have alike.
fn standing(
    [weight, priority, state]: [Option<Field<'_>>; 3],
    mistakes: &mut Mistakes<'_>,
) -> (u16, Option<u16>, SetState) {
    let weight =
        weight.and_then(|(_, node)| number(node, "a weight", 0..=u16::MAX.into(), mistakes));
    let priority =
        priority.and_then(|(_, node)| number(node, "a priority", 0..=u16::MAX.into(), mistakes));
    let state = state.and_then(|(_, node)| choice(node, "a state", &STATES, mistakes));
    (weight.unwrap_or(Backend::WEIGHT), priority, state.unwrap_or(SetState::Auto))
}

impl<'n> Backends<'n, '_> {
    /// Takes one backend: an address, several, or a map of its settings.
    fn add(&mut self, name: Option<Text<'n>>, node: &'n Node<'_>, mistakes: &mut Mistakes<'_>) {
        let (addresses, target, host, port, weight, priority, state, own) = match &node.kind {
            Kind::Map(_) => {
                let place = "a backend";
                let Some([address, target, host, port, weight, priority, state, own @ ..]) =
                    fields(node, place, BACKEND_KEYS, mistakes)
                else {
                    return;
                };
                if let [.., Some((_, pool))] = own {
                    self.add_pool(name, node, pool, mistakes);
                    return;
                }
                if address.is_none() && target.is_none() {
                    mistakes.add(node.span, Problem::NoAddressOrTarget);
                    return;
                }
                (address.map(|(_, node)| node), target, host, port, weight, priority, state, own)
            }
            _ => (Some(node), None, None, None, None, None, None, [None; 7]),
        };
        let is_target = target.is_some();
        let target = target.and_then(|(_, node)| scalar(node, "a name", mistakes));
        let host = host.and_then(|(_, node)| scalar(node, "a name", mistakes));
        let port = port.and_then(|(_, node)| read_port(node, mistakes));
        let (weight, priority, state) = standing([weight, priority, state], mistakes);
        let [check, check_address, check_port, private, location, region, _] = own;
        let check = check.and_then(|(_, node)| self.own_check(node, mistakes));
        let check_port = check_port.and_then(|(_, node)| {
            let port = NonZeroU16::new(read_port(node, mistakes)?)?;
            Some((port, node.span))
        });
        let addresses = addresses
            .map(|node| self.addresses(name, node, is_target, mistakes))
            .unwrap_or_default();
        let count = if is_target { 1 } else { addresses.len() };
        let check_addresses = check_address
            .map(|(_, node)| check_addresses(node, count, mistakes))
            .unwrap_or_default();
        let private = self.private(private, is_target, mistakes);
        let site = site(location, region, mistakes);
        if (is_target && target.is_none()) || (!is_target && addresses.is_empty()) {
            return; // told above
        }
        self.found.push(BackendSpec {
            name,
            at: node.span,
            weight,
            priority,
            state,
            addresses,
            target,
            pool: None,
            host,
            port,
            check,
            check_addresses,
            check_port,
            private,
            site,
        });
    }

    /// Takes a pool within.
    fn add_pool(
        &mut self,
        name: Option<Text<'n>>,
        node: &'n Node<'_>,
        pool: &'n Node<'_>,
        mistakes: &mut Mistakes<'_>,
    ) {
        const KEYS: [&str; 4] = ["pool", "weight", "priority", "state"];
        let place = "a backend that is a pool";
        let Some([_, weight, priority, state]) = fields(node, place, KEYS, mistakes) else {
            return;
        };
        let pool = scalar(pool, "a pool's name", mistakes);
        let (weight, priority, state) = standing([weight, priority, state], mistakes);
        let Some(pool) = pool else { return };
        self.found.push(BackendSpec {
            name,
            at: node.span,
            weight,
            priority,
            state,
            addresses: Vec::new(),
            target: None,
            pool: Some(pool),
            host: None,
            port: None,
            check: None,
            check_addresses: Vec::new(),
            check_port: None,
            private: Vec::new(),
            site: Site::default(),
        });
    }

    fn own_check(
        &self,
        node: &'n Node<'_>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<OwnCheckSpec<'n>> {
        match node.scalar() {
            Some(text) if text.text == "off" => Some(OwnCheckSpec::Off),
            _ => read_check(node, self.file, mistakes).map(OwnCheckSpec::Check),
        }
    }

    /// Reads `private:`, the addresses of a backend for those who get such.
    fn private(
        &mut self,
        field: Option<Field<'_>>,
        is_target: bool,
        mistakes: &mut Mistakes<'_>,
    ) -> Vec<IpAddr> {
        let Some((key, node)) = field else { return Vec::new() };
        if is_target {
            mistakes.add(key.span, Problem::PrivateTarget);
            return Vec::new();
        }
        let found = texts(node, "an address or a list of them", mistakes);
        if found.is_empty() {
            mistakes.add(node.span, Problem::NoValues);
        }
        let mut addresses = Vec::with_capacity(found.len());
        for text in found {
            let Some(address) = mistakes.take(text.span, value::address(text.text)) else {
                continue;
            };
            // Among private addresses as among the others; the same machine may have one for both.
            if let Some(first) = self.private.insert(address, text.span.line) {
                let problem = Problem::DuplicateAddress { address: address.to_string(), first };
                mistakes.add(text.span, problem);
            } else {
                addresses.push(address);
            }
        }
        addresses
    }

    fn addresses(
        &mut self,
        name: Option<Text<'_>>,
        node: &Node<'_>,
        is_target: bool,
        mistakes: &mut Mistakes<'_>,
    ) -> Vec<IpAddr> {
        let found = texts(node, "an address or a list of them", mistakes);
        if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
            let backend = name.map_or("", |name| name.text).to_owned();
            mistakes.add(node.span, Problem::NoAddresses { backend });
        }
        if is_target {
            if let Some(second) = found.get(1) {
                mistakes.add(second.span, Problem::ManyProbes);
            }
            // Several targets may be judged by one address.
            let address = |text: Text<'_>| mistakes.take(text.span, value::address(text.text));
            return found.into_iter().take(1).filter_map(address).collect();
        }
        found.into_iter().filter_map(|text| self.address(text, mistakes)).collect()
    }

    fn address(&mut self, text: Text<'_>, mistakes: &mut Mistakes<'_>) -> Option<IpAddr> {
        let address = mistakes.take(text.span, value::address(text.text))?;
        if let Some(&first) = self.seen.get(&address) {
            let problem = Problem::DuplicateAddress { address: address.to_string(), first };
            mistakes.add(text.span, problem);
            return None;
        }
        self.seen.insert(address, text.span.line);
        Some(address)
    }
}

/// Where a backend of so many addresses is probed: at one for all, or at one for each.
fn check_addresses(node: &Node<'_>, count: usize, mistakes: &mut Mistakes<'_>) -> Vec<IpAddr> {
    let found = texts(node, "an address or a list of them", mistakes);
    let addresses: Vec<IpAddr> = found
        .iter()
        .filter_map(|text| mistakes.take(text.span, value::address(text.text)))
        .collect();
    if found.len() != 1 && found.len() != count {
        mistakes.add(node.span, Problem::CheckAddresses { count });
    }
    addresses
}
