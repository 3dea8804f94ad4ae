//! `keys:`, `secondaries:`, `updates:`, `primaries:`, `per_zone:` and `tls:`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_yaml::Spanned;

use super::{Many, Text, place, width};
use crate::config::error::Problem;
use crate::config::model::access::{
    Access, Allow, ENTRIES_MAX, FOLLOW_INTERVAL, FOLLOW_INTERVALS, FollowHealth, Peer, PeerTls,
    ZoneAccess,
};
use crate::config::server::Reader;
use crate::config::server::admin::Tls;
use crate::config::server::authority::{Algorithm, Authority, DnsTls, KEYS_MAX, Key, Secret};
use crate::config::value;
use crate::name::Name;

/// The ports of DNS, and of DNS over TLS.
const DNS: u16 = 53;
const DNS_OVER_TLS: u16 = 853;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct KeySpec {
    algorithm: Option<Text>,
    secret: Option<Text>,
    secret_file: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SecondariesSpec {
    allow: Option<Vec<Spanned<AllowSpec>>>,
    notify: Option<Vec<Spanned<PeerSpec>>>,
    follow_health: Option<Text>,
    interval: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UpdatesSpec {
    allow: Option<Vec<Spanned<AllowSpec>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PrimarySpec {
    from: Option<Vec<Spanned<PeerSpec>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PerZoneSpec {
    secondaries: Option<SecondariesSpec>,
    updates: Option<UpdatesSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AllowSpec {
    address: Option<Text>,
    key: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TlsSpec {
    listen: Option<Many>,
    certificate: Option<Text>,
    key: Option<Text>,
}

/// An address, or a map of an address and a key.
enum PeerSpec {
    Address(String),
    Map(MappedPeer),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MappedPeer {
    address: Option<Text>,
    key: Option<Text>,
    tls: Option<Box<Spanned<PeerTlsSpec>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PeerTlsSpec {
    ca: Option<Text>,
    name: Option<Text>,
}

impl<'de> Deserialize<'de> for PeerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes;
        impl<'de> Visitor<'de> for Shapes {
            type Value = PeerSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a map such as `{address: 192.0.2.54, key: NAME}`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PeerSpec, E> {
                Ok(PeerSpec::Address(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PeerSpec, A::Error> {
                MappedPeer::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(PeerSpec::Map)
            }
        }
        deserializer.deserialize_any(Shapes)
    }
}

/// A map by names, each with its place.
pub(super) struct Named<V>(pub(super) Vec<(Text, V)>);

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Named<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Named<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map whose keys are names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}

/// What the config file has of all this.
#[derive(Default)]
pub(super) struct AuthoritySpec {
    pub(super) keys: Named<Spanned<KeySpec>>,
    pub(super) secondaries: Option<SecondariesSpec>,
    pub(super) updates: Option<UpdatesSpec>,
    pub(super) primaries: Named<Spanned<PrimarySpec>>,
    pub(super) per_zone: Named<PerZoneSpec>,
    pub(super) tls: Option<Spanned<TlsSpec>>,
}

impl Reader<'_> {
    pub(super) fn authority(&mut self, spec: &AuthoritySpec) -> Authority {
        let keys = self.keys(&spec.keys);
        let mut access = Access {
            general: ZoneAccess {
                update: self.updates(spec.updates.as_ref(), &keys),
                ..self.secondaries(spec.secondaries.as_ref(), &keys)
            },
            ..Access::default()
        };
        for (text, spec) in &spec.per_zone.0 {
            let Some(zone) = self.name(text) else { continue };
            let general = &access.general;
            let mut own = match &spec.secondaries {
                Some(secondaries) => self.secondaries(Some(secondaries), &keys),
                None => general.clone(),
            };
            own.update = match &spec.updates {
                Some(updates) => self.updates(Some(updates), &keys),
                None => general.update.clone(),
            };
            if access.zones.insert(zone, own).is_some() {
                self.twice(text);
            }
        }
        for (text, spec) in &spec.primaries.0 {
            let Some(zone) = self.name(text) else { continue };
            let from = spec.value.from.as_deref().unwrap_or_default();
            if from.is_empty() {
                let problem = Problem::MissingKey { place: "a zone of `primaries`", key: "from" };
                self.add(place(spec, 1), problem);
            }
            let from = self.peers(from, &keys);
            if access.primaries.insert(zone, from).is_some() {
                self.twice(text);
            }
        }
        let tls = spec.tls.as_ref().and_then(|spec| self.dns_tls(spec));
        Authority { keys, access, tls }
    }

    fn keys(&mut self, spec: &Named<Spanned<KeySpec>>) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for (text, spec) in &spec.0 {
            if keys.len() == KEYS_MAX {
                self.add(place(text, 1), Problem::TooManyEntries { most: KEYS_MAX });
                break;
            }
            let Some(name) = self.name(text) else { continue };
            if keys.iter().any(|key| key.name == name) {
                self.twice(text);
                continue;
            }
            let KeySpec { algorithm, secret, secret_file } = &spec.value;
            let mut key =
                Key { name, algorithm: Algorithm::default(), secret: Secret::Given(Vec::new()) };
            let words = [
                ("hmac-sha256", Algorithm::Sha256),
                ("hmac-sha384", Algorithm::Sha384),
                ("hmac-sha512", Algorithm::Sha512),
            ];
            self.set(&mut key.algorithm, algorithm.as_ref(), |text| {
                value::choice("an algorithm of TSIG", text, &words)
            });
            match (secret, secret_file) {
                (Some(secret), None) => match Secret::parse(&secret.value) {
                    Some(bytes) => key.secret = Secret::Given(bytes),
                    // The text is a secret, or nearly so: it is not shown.
                    None => self.add(place(secret, 1), Problem::BadSecret),
                },
                (None, Some(file)) => key.secret = Secret::File(self.path(&file.value)),
                (Some(_), Some(file)) => self.add(place(file, 1), Problem::TwoSecrets),
                (None, None) => {
                    let problem = Problem::MissingKey { place: "a key", key: "secret_file" };
                    self.add(place(spec, 1), problem);
                }
            }
            keys.push(key);
        }
        keys
    }

    fn secondaries(&mut self, spec: Option<&SecondariesSpec>, keys: &[Key]) -> ZoneAccess {
        let Some(spec) = spec else { return ZoneAccess::default() };
        let mut follows = false;
        let words = [("true", true), ("false", false)];
        self.set(&mut follows, spec.follow_health.as_ref(), |text| {
            value::choice("yes or no", text, &words)
        });
        self.without_tls(spec.notify.as_deref().unwrap_or_default());
        let mut interval = FOLLOW_INTERVAL;
        self.set(&mut interval, spec.interval.as_ref(), |text| {
            value::span("the interval", text, FOLLOW_INTERVALS)
        });
        ZoneAccess {
            transfer: self.allow(spec.allow.as_deref().unwrap_or_default(), keys),
            notify: self.peers(spec.notify.as_deref().unwrap_or_default(), keys),
            follow_health: follows.then_some(FollowHealth { interval }),
            update: Vec::new(),
        }
    }

    fn updates(&mut self, spec: Option<&UpdatesSpec>, keys: &[Key]) -> Vec<Allow> {
        let entries = spec.and_then(|spec| spec.allow.as_deref()).unwrap_or_default();
        for entry in entries.iter().filter(|entry| entry.value.key.is_none()) {
            // An address can be forged over UDP, and an update is a change that lasts.
            let problem = Problem::MissingKey { place: "an entry of `updates`", key: "key" };
            self.add(place(entry, 1), problem);
        }
        self.allow(entries, keys)
    }

    fn allow(&mut self, entries: &[Spanned<AllowSpec>], keys: &[Key]) -> Vec<Allow> {
        if let Some(entry) = entries.get(ENTRIES_MAX) {
            self.add(place(entry, 1), Problem::TooManyEntries { most: ENTRIES_MAX });
        }
        let mut allowed = Vec::new();
        for entry in entries.iter().take(ENTRIES_MAX) {
            let AllowSpec { address, key } = &entry.value;
            if address.is_none() && key.is_none() {
                let problem = Problem::MissingKey { place: "an entry of `allow`", key: "key" };
                self.add(place(entry, 1), problem);
                continue;
            }
            let mut allow = Allow { address: None, key: self.key(key.as_ref(), keys) };
            self.set(&mut allow.address, address.as_ref(), |text| net(text).map(Some));
            allowed.push(allow);
        }
        allowed
    }

    fn peers(&mut self, entries: &[Spanned<PeerSpec>], keys: &[Key]) -> Vec<Peer> {
        if let Some(entry) = entries.get(ENTRIES_MAX) {
            self.add(place(entry, 1), Problem::TooManyEntries { most: ENTRIES_MAX });
        }
        let mut peers = Vec::new();
        for entry in entries.iter().take(ENTRIES_MAX) {
            let (address, at, key, tls) = match &entry.value {
                PeerSpec::Address(text) => {
                    (peer_address(text, DNS), place(entry, width(text)), None, None)
                }
                PeerSpec::Map(MappedPeer { address: Some(text), key, tls }) => {
                    let at = place(text, width(&text.value));
                    let port = if tls.is_some() { DNS_OVER_TLS } else { DNS };
                    let tls = tls.as_ref().and_then(|spec| self.peer_tls(spec));
                    (peer_address(&text.value, port), at, self.key(key.as_ref(), keys), tls)
                }
                PeerSpec::Map(_) => {
                    let problem = Problem::MissingKey { place: "a server", key: "address" };
                    self.add(place(entry, 1), problem);
                    continue;
                }
            };
            match address {
                Ok(address) => peers.push(Peer { address, key, tls }),
                Err(problem) => self.add(at, problem),
            }
        }
        peers
    }

    fn peer_tls(&mut self, spec: &Spanned<PeerTlsSpec>) -> Option<PeerTls> {
        let PeerTlsSpec { ca, name } = &spec.value;
        let Some(name) = name else {
            // Any name would do otherwise, and so would anybody's certificate.
            self.add(
                place(spec, 1),
                Problem::MissingKey { place: "`tls` of a server", key: "name" },
            );
            return None;
        };
        let ca = ca.as_ref().map(|file| self.path(&file.value));
        Some(PeerTls { ca, name: name.value.clone() })
    }

    /// Says that servers are notified in the clear.
    fn without_tls(&mut self, entries: &[Spanned<PeerSpec>]) {
        for entry in entries {
            if let PeerSpec::Map(MappedPeer { tls: Some(tls), .. }) = &entry.value {
                self.add(place(tls, 1), Problem::NotifyOverTls);
            }
        }
    }

    /// The name of a key that is there.
    fn key(&mut self, text: Option<&Text>, keys: &[Key]) -> Option<Name> {
        let text = text?;
        let name = self.name(text)?;
        if !keys.iter().any(|key| key.name == name) {
            let problem = Problem::UnknownKeyName { name: text.value.clone() };
            self.add(place(text, width(&text.value)), problem);
        }
        // It stays, so that nobody is let in without it.
        Some(name)
    }

    fn name(&mut self, text: &Text) -> Option<Name> {
        match Name::parse_absolute(&text.value) {
            Ok(name) => Some(name),
            Err(error) => {
                let problem = Problem::BadName { text: text.value.clone(), error };
                self.add(place(text, width(&text.value)), problem);
                None
            }
        }
    }

    fn twice(&mut self, text: &Text) {
        let problem = Problem::ValueTwice { text: text.value.clone() };
        self.add(place(text, width(&text.value)), problem);
    }

    fn dns_tls(&mut self, spec: &Spanned<TlsSpec>) -> Option<DnsTls> {
        let TlsSpec { listen, certificate, key } = &spec.value;
        let listens = listen.is_some();
        for (key, is_there) in
            [("listen", listens), ("certificate", certificate.is_some()), ("key", key.is_some())]
        {
            if !is_there {
                self.add(place(spec, 1), Problem::MissingKey { place: "`tls`", key });
            }
        }
        let listen = self.each(listen.as_ref()?, |text| peer_address(text, DNS_OVER_TLS));
        let path = |text: &Text| self.path(&text.value);
        let identity = Tls { certificate: path(certificate.as_ref()?), key: path(key.as_ref()?) };
        Some(DnsTls { listen, identity })
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
