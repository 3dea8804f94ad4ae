//! Who may do what to zones besides asking: transfer them, update them, say that they changed.
//!
//! Nobody may do anything unless an entry allows it, by where it comes from, by the key that signs it, or by both.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::name::Name;

/// The most entries of one list here; each request walks it.
pub const ENTRIES_MAX: usize = 256;
/// How long changes of health are gathered before they are a new version of a zone, unless it says otherwise.
pub const FOLLOW_INTERVAL: Duration = Duration::from_secs(5);
/// The shortest and the longest such time.
pub const FOLLOW_INTERVALS: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_secs(3600));

/// The most bytes of a zone that is transferred from elsewhere, unless the config file says otherwise.
pub const ZONE_BYTES: usize = 1 << 30;

/// Who may, where both of what it names agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// From there alone.
    pub address: Option<IpNet>,
    /// Signed with this key alone.
    pub key: Option<Name>,
}

impl Allow {
    /// Whether it allows a request from there, signed with that key.
    #[must_use]
    pub fn covers(&self, client: IpAddr, key: Option<&Name>) -> bool {
        let client = client.to_canonical();
        self.address.is_none_or(|net| net.contains(&client))
            && self.key.as_ref().is_none_or(|wanted| key == Some(wanted))
    }
}

/// Whether any of these entries allows a request; none of none.
#[must_use]
pub fn is_allowed(entries: &[Allow], client: IpAddr, key: Option<&Name>) -> bool {
    entries.iter().any(|entry| entry.covers(client, key))
}

/// Another server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// What is said to it is signed with this key, and so must its answers be.
    pub key: Option<Name>,
    /// What is asked of it is asked over TLS (RFC 9103); of primaries alone.
    pub tls: Option<PeerTls>,
}

/// How another server is known over TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerTls {
    /// The file of the certificates that are trusted; those that the system trusts where none is named.
    pub ca: Option<PathBuf>,
    /// What its certificate is for: a host name, or an address.
    pub name: String,
}

/// That a change of health is a change of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowHealth {
    /// At most one new version in this time.
    pub interval: Duration,
}

/// What a zone's own file says of its secondaries: whether health is content is the zone's matter, who may ask is the
/// server's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Secondaries {
    /// Whether what is transferred follows health.
    pub follow_health: Option<bool>,
    /// At most one new version in this time.
    pub interval: Option<Duration>,
}

impl ZoneAccess {
    /// Whether what is transferred of a zone follows health, by its own word or else the server's.
    #[must_use]
    pub fn following(&self, own: Secondaries) -> Option<FollowHealth> {
        let follows = own.follow_health.unwrap_or(self.follow_health.is_some());
        let interval = self.follow_health.map_or(FOLLOW_INTERVAL, |follow| follow.interval);
        follows.then_some(FollowHealth { interval: own.interval.unwrap_or(interval) })
    }
}

/// What may be done to one zone, and who is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneAccess {
    /// Who may transfer it.
    pub transfer: Vec<Allow>,
    /// Who may update it.
    pub update: Vec<Allow>,
    /// Who is told of a new version.
    pub notify: Vec<Peer>,
    /// Whether what it transfers follows health, unless the zone's own file says otherwise.
    pub follow_health: Option<FollowHealth>,
}

/// What may be done to zones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// To those that have no entry of their own.
    pub general: ZoneAccess,
    /// To these.
    pub zones: HashMap<Name, ZoneAccess>,
    /// Whom each zone that comes from elsewhere is transferred from.
    pub primaries: HashMap<Name, Vec<Peer>>,
}

impl Access {
    /// What may be done to a zone.
    #[must_use]
    pub fn of(&self, zone: &Name) -> &ZoneAccess {
        self.zones.get(zone).unwrap_or(&self.general)
    }

    /// Whether a notify for a zone is one of those that its primaries send. Where one has a key, its notify is signed
    /// with it.
    #[must_use]
    pub fn may_notify(&self, zone: &Name, client: IpAddr, key: Option<&Name>) -> bool {
        let primaries = self.primaries.get(zone).map_or(&[][..], Vec::as_slice);
        primaries.iter().any(|primary| match &primary.key {
            Some(wanted) => key == Some(wanted),
            None => primary.address.ip() == client.to_canonical(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse_absolute(text).expect(text)
    }

    #[test]
    fn an_entry_wants_all_that_it_names() {
        let (net, key) = ("192.0.2.0/24".parse().expect("a prefix"), name("k."));
        let (inside, outside) = ("192.0.2.9", "198.51.100.9");
        let both = Allow { address: Some(net), key: Some(key.clone()) };
        let here = Allow { address: Some(net), key: None };
        let signed = Allow { address: None, key: Some(key.clone()) };
        for (entry, client, with, expected) in [
            (&both, inside, Some(&key), true),
            (&both, inside, None, false),
            (&both, outside, Some(&key), false),
            (&here, inside, None, true),
            (&here, "::ffff:192.0.2.9", None, true),
            (&here, outside, Some(&key), false),
            (&signed, outside, Some(&key), true),
            (&signed, outside, Some(&name("other.")), false),
            (&signed, outside, None, false),
        ] {
            let client = client.parse().expect("an address");
            assert_eq!(entry.covers(client, with), expected, "{entry:?} {client} {with:?}");
        }
        assert!(!is_allowed(&[], inside.parse().expect("an address"), Some(&key)), "nobody");
    }

    #[test]
    fn a_zone_says_itself_whether_health_is_content() {
        let seconds = Duration::from_secs;
        let follow = |interval| Some(FollowHealth { interval: seconds(interval) });
        let own = |follow_health, interval: Option<u64>| Secondaries {
            follow_health,
            interval: interval.map(seconds),
        };
        for (general, own, expected) in [
            (None, own(None, None), None),
            (None, own(Some(true), None), follow(5)),
            (None, own(Some(true), Some(2)), follow(2)),
            (follow(9), own(None, None), follow(9)),
            (follow(9), own(Some(true), None), follow(9)),
            (follow(9), own(None, Some(2)), follow(2)),
            (follow(9), own(Some(false), Some(2)), None),
        ] {
            let access = ZoneAccess { follow_health: general, ..ZoneAccess::default() };
            assert_eq!(access.following(own), expected, "{general:?} {own:?}");
        }
    }

    #[test]
    fn rfc1996_3_11_a_notify_comes_from_a_primary() {
        let (zone, key) = (name("example."), name("k."));
        let peer = |address: &str, key| {
            let address = address.parse().expect("an address");
            Peer { address, key, tls: None }
        };
        let primaries = vec![peer("192.0.2.1:53", None), peer("192.0.2.2:53", Some(key.clone()))];
        let access =
            Access { primaries: HashMap::from([(zone.clone(), primaries)]), ..Access::default() };
        for (client, with, expected) in [
            ("192.0.2.1", None, true),
            ("192.0.2.2", None, false),
            ("192.0.2.2", Some(&key), true),
            ("192.0.2.3", Some(&key), true),
            ("192.0.2.3", None, false),
        ] {
            let client = client.parse().expect("an address");
            assert_eq!(access.may_notify(&zone, client, with), expected, "{client} {with:?}");
        }
        assert!(!access.may_notify(&name("other."), "192.0.2.1".parse().expect("it"), None));
    }
}
