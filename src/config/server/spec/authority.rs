//! `keys:`, `secondaries:`, `updates:`, `primaries:`, `per_zone:` and `tls:`.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::config::error::Problem;
use crate::config::model::access::{
    Access, Allow, ENTRIES_MAX, FOLLOW_INTERVAL, FOLLOW_INTERVALS, FollowHealth, Peer, PeerTls,
    ZoneAccess,
};
use crate::config::node::{Kind, Node, Text};
use crate::config::server::Reader;
use crate::config::server::admin::Tls;
use crate::config::server::authority::{Algorithm, Authority, DnsTls, KEYS_MAX, Key, Secret};
use crate::config::value;
use crate::name::Name;

/// The ports of DNS, and of DNS over TLS.
const DNS: u16 = 53;
const DNS_OVER_TLS: u16 = 853;

/// What an entry of `allow` is.
const ALLOWED: &str = "a list such as `[{address: 192.0.2.0/24, key: NAME}]`";
/// What servers are.
const PEERS: &str = "a list such as `[192.0.2.54, {address: 192.0.2.55, key: NAME}]`";
/// What one server is.
const PEER: &str = "an address, or a map such as `{address: 192.0.2.54, key: NAME}`";

impl Reader<'_> {
    pub(super) fn authority(
        &mut self,
        [keys, secondaries, updates, primaries, per_zone, tls]: [Option<&Node<'_>>; 6],
    ) -> Authority {
        let keys = self.keys(keys);
        let mut access = Access {
            general: ZoneAccess {
                update: self.updates(updates, &keys),
                ..self.secondaries(secondaries, &keys)
            },
            ..Access::default()
        };
        for (text, node) in self.entries(per_zone, "a map of zones") {
            let zone = self.name(text);
            let [secondaries, updates] =
                self.fields(node, "a zone of `per_zone`", ["secondaries", "updates"]);
            let general = &access.general;
            let mut own = match secondaries {
                Some(_) => self.secondaries(secondaries, &keys),
                None => general.clone(),
            };
            own.update = match updates {
                Some(_) => self.updates(updates, &keys),
                None => general.update.clone(),
            };
            if zone.is_some_and(|zone| access.zones.insert(zone, own).is_some()) {
                self.twice(text);
            }
        }
        for (text, node) in self.entries(primaries, "a map of zones") {
            let zone = self.name(text);
            let from = self.primaries(node, &keys);
            if zone.is_some_and(|zone| access.primaries.insert(zone, from).is_some()) {
                self.twice(text);
            }
        }
        let tls = tls.and_then(|node| self.dns_tls(node));
        Authority { keys, access, tls }
    }

    fn primaries(&mut self, node: &Node<'_>, keys: &[Key]) -> Vec<Peer> {
        let place = "a zone of `primaries`";
        let [from] = self.fields(node, place, ["from"]);
        let is_empty =
            |from: &Node<'_>| matches!(&from.kind, Kind::List(items) if items.is_empty());
        if from.is_none_or(is_empty) {
            self.missing(node, place, "from");
        }
        self.peers(from, keys)
    }

    fn keys(&mut self, node: Option<&Node<'_>>) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for (text, node) in self.entries(node, "a map of keys") {
            if keys.len() == KEYS_MAX {
                self.add(text.span, Problem::TooManyEntries { most: KEYS_MAX });
                break;
            }
            let name = self.name(text);
            if keys.iter().any(|key| Some(&key.name) == name.as_ref()) {
                self.twice(text);
                continue;
            }
            let (algorithm, secret) = self.key_settings(node);
            keys.extend(name.map(|name| Key { name, algorithm, secret }));
        }
        keys
    }

    fn key_settings(&mut self, node: &Node<'_>) -> (Algorithm, Secret) {
        let [algorithm_set, secret, secret_file] =
            self.fields(node, "a key", ["algorithm", "secret", "secret_file"]);
        let mut algorithm = Algorithm::default();
        let words = [
            ("hmac-sha256", Algorithm::Sha256),
            ("hmac-sha384", Algorithm::Sha384),
            ("hmac-sha512", Algorithm::Sha512),
        ];
        self.set(&mut algorithm, algorithm_set, |text| {
            value::choice("an algorithm of TSIG", text, &words)
        });
        let nothing = Secret::Given(Vec::new());
        let secret = match (secret, secret_file) {
            (Some(secret), None) => self.scalar(Some(secret)).and_then(|text| {
                // The text is a secret, or nearly so: it is not shown.
                let read = Secret::parse(text.text).ok_or(Problem::BadSecret);
                self.mistakes.take(text.span, read).map(Secret::Given)
            }),
            (None, Some(_)) => self.path_of(secret_file).map(Secret::File),
            (Some(_), Some(file)) => {
                self.add(file.span, Problem::TwoSecrets);
                None
            }
            (None, None) => {
                self.missing(node, "a key", "secret_file");
                None
            }
        };
        (algorithm, secret.unwrap_or(nothing))
    }

    fn secondaries(&mut self, node: Option<&Node<'_>>, keys: &[Key]) -> ZoneAccess {
        let Some(node) = node else { return ZoneAccess::default() };
        let [allow, notify, follow_health, interval_set] =
            self.fields(node, "`secondaries`", ["allow", "notify", "follow_health", "interval"]);
        let mut follows = false;
        let words = [("true", true), ("false", false)];
        self.set(&mut follows, follow_health, |text| value::choice("yes or no", text, &words));
        self.without_tls(notify);
        let mut interval = FOLLOW_INTERVAL;
        self.set(&mut interval, interval_set, |text| {
            value::span("the interval", text, FOLLOW_INTERVALS)
        });
        ZoneAccess {
            transfer: self.allow(allow, ("an entry of `allow`", false), keys),
            notify: self.peers(notify, keys),
            follow_health: follows.then_some(FollowHealth { interval }),
            update: Vec::new(),
        }
    }

    fn updates(&mut self, node: Option<&Node<'_>>, keys: &[Key]) -> Vec<Allow> {
        let Some(node) = node else { return Vec::new() };
        let [allow] = self.fields(node, "`updates`", ["allow"]);
        // An address can be forged over UDP, and an update is a change that lasts.
        self.allow(allow, ("an entry of `updates`", true), keys)
    }

    /// A list of who may do something, each by address, key or both.
    fn allow(
        &mut self,
        node: Option<&Node<'_>>,
        (place, needs_key): (&'static str, bool),
        keys: &[Key],
    ) -> Vec<Allow> {
        let mut allowed = Vec::new();
        for (number, node) in self.items(node, ALLOWED).iter().enumerate() {
            if number == ENTRIES_MAX {
                self.add(node.span, Problem::TooManyEntries { most: ENTRIES_MAX });
                break;
            }
            let [address, key] = self.fields(node, place, ["address", "key"]);
            if key.is_none() && (needs_key || address.is_none()) {
                self.missing(node, place, "key");
            }
            let mut allow = Allow { address: None, key: self.key(key, keys) };
            self.set(&mut allow.address, address, |text| net(text).map(Some));
            allowed.push(allow);
        }
        allowed
    }

    fn peers(&mut self, node: Option<&Node<'_>>, keys: &[Key]) -> Vec<Peer> {
        let mut peers = Vec::new();
        for (number, node) in self.items(node, PEERS).iter().enumerate() {
            if number == ENTRIES_MAX {
                self.add(node.span, Problem::TooManyEntries { most: ENTRIES_MAX });
                break;
            }
            peers.extend(self.peer(node, keys));
        }
        peers
    }

    fn peer(&mut self, node: &Node<'_>, keys: &[Key]) -> Option<Peer> {
        if let Some(text) = node.scalar() {
            let address = self.mistakes.take(text.span, peer_address(text.text, DNS))?;
            return Some(Peer { address, key: None, tls: None });
        }
        if !matches!(node.kind, Kind::Map(_)) {
            self.add(node.span, Problem::Expected { what: PEER, found: node.describe() });
            return None;
        }
        let [address, key, tls] = self.fields(node, "a server", ["address", "key", "tls"]);
        if address.is_none() {
            self.missing(node, "a server", "address");
        }
        let port = if tls.is_some() { DNS_OVER_TLS } else { DNS };
        let tls = tls.and_then(|node| self.peer_tls(node));
        let key = self.key(key, keys);
        let text = self.scalar(address)?;
        let address = self.mistakes.take(text.span, peer_address(text.text, port))?;
        Some(Peer { address, key, tls })
    }

    fn peer_tls(&mut self, node: &Node<'_>) -> Option<PeerTls> {
        let place = "`tls` of a server";
        let [ca, name] = self.fields(node, place, ["ca", "name"]);
        let ca = self.path_of(ca);
        if name.is_none() {
            // Any name would do otherwise, and so would anybody's certificate.
            self.missing(node, place, "name");
        }
        let name = self.scalar(name)?.text.to_owned();
        Some(PeerTls { ca, name })
    }

    /// Says that servers are notified in the clear.
    fn without_tls(&mut self, node: Option<&Node<'_>>) {
        let Some(Kind::List(items)) = node.map(|node| &node.kind) else { return };
        for tls in items.iter().filter_map(|item| item.entry("tls")) {
            self.add(tls.span, Problem::NotifyOverTls);
        }
    }

    /// The name of a key that is there.
    fn key(&mut self, node: Option<&Node<'_>>, keys: &[Key]) -> Option<Name> {
        let text = self.scalar(node)?;
        let name = self.name(text)?;
        if !keys.iter().any(|key| key.name == name) {
            self.add(text.span, Problem::UnknownKeyName { name: text.text.into() });
        }
        // It stays, so that nobody is let in without it.
        Some(name)
    }

    fn name(&mut self, text: Text<'_>) -> Option<Name> {
        let name = Name::parse_absolute(text.text);
        let name = name.map_err(|error| Problem::BadName { text: text.text.into(), error });
        self.mistakes.take(text.span, name)
    }

    fn twice(&mut self, text: Text<'_>) {
        self.add(text.span, Problem::ValueTwice { text: text.text.into() });
    }

    fn dns_tls(&mut self, node: &Node<'_>) -> Option<DnsTls> {
        let [listen, certificate, key] =
            self.fields(node, "`tls`", ["listen", "certificate", "key"]);
        for (key, value) in [("listen", listen), ("certificate", certificate), ("key", key)] {
            if value.is_none() {
                self.missing(node, "`tls`", key);
            }
        }
        let listen = listen.map(|node| self.each(node, |text| peer_address(text, DNS_OVER_TLS)));
        let (certificate, key) = (self.path_of(certificate), self.path_of(key));
        let identity = Tls { certificate: certificate?, key: key? };
        Some(DnsTls { listen: listen?, identity })
    }
}

/// An address, with or without a port.
fn peer_address(text: &str, port: u16) -> Result<SocketAddr, Problem> {
    let alone = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, port));
    alone.or_else(|_| text.parse()).map_err(|_| Problem::BadSocket { text: text.into(), port })
}

/// A prefix, or an address alone.
pub(super) fn net(text: &str) -> Result<IpNet, Problem> {
    let alone = text.parse::<IpAddr>().map(IpNet::from);
    let net = alone.or_else(|_| text.parse::<IpNet>());
    match net {
        Ok(net) if net.trunc() == net => Ok(net),
        _ => Err(Problem::BadPrefix { text: text.into() }),
    }
}

#[cfg(test)]
mod tests;
