use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::model::access::{Allow, FollowHealth, Peer, PeerTls, ZoneAccess};
use crate::config::server::authority::{Algorithm, Authority, Secret};
use crate::config::server::read_config;
use crate::name::Name;

fn read(text: &str) -> Authority {
    let config = read_config(Path::new("/etc/rotadns/rotadns.yaml"), text);
    config.unwrap_or_else(|mistakes| panic!("{mistakes:?}")).authority
}

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect(text)
}

fn peer(address: &str, key: Option<&str>) -> Peer {
    Peer { address: address.parse().expect(address), key: key.map(name), tls: None }
}

#[test]
fn keys_and_lists_are_read() {
    let authority = read(
        r#"
keys:
  ns2.example: {secret_file: keys/ns2}
  Acme: {algorithm: hmac-sha512, secret: "MDEyMzQ1Njc4OWFiY2RlZg=="}
secondaries:
  allow: [{address: 192.0.2.0/24, key: ns2.example.}, {address: "2001:db8::1"}]
  notify: [192.0.2.54, {address: "[2001:db8::54]:5353", key: ns2.example}, "2001:db8::55"]
  follow_health: true
  interval: 2s
updates: {allow: [{key: acme}]}
primaries:
  example.org: {from: [{address: 198.51.100.1, key: acme}]}
  private.example:
    from:
      - {address: 198.51.100.1, key: acme, tls: {ca: tls/ca.pem, name: ns1.example.org}}
      - {address: "198.51.100.2:8530", tls: {name: 198.51.100.2}}
per_zone:
  example.com: {updates: {allow: []}}
  example.net: {secondaries: {allow: [{key: acme}]}}
tls: {listen: 127.0.0.1, certificate: tls/cert.pem, key: tls/key.pem}
"#,
    );
    let [ns2, acme] = authority.keys.as_slice() else { panic!("{:?}", authority.keys) };
    assert_eq!((&ns2.name, ns2.algorithm), (&name("ns2.example"), Algorithm::Sha256));
    assert_eq!(ns2.secret, Secret::File(PathBuf::from("/etc/rotadns/keys/ns2")));
    assert_eq!((&acme.name, acme.algorithm), (&name("acme"), Algorithm::Sha512));
    assert_eq!(acme.secret, Secret::Given(b"0123456789abcdef".to_vec()));
    assert_eq!(format!("{:?}", acme.secret), "Given(...)");

    let by = |address: Option<&str>, key: Option<&str>| Allow {
        address: address.map(|net| net.parse().expect(net)),
        key: key.map(name),
    };
    let general = ZoneAccess {
        transfer: vec![
            by(Some("192.0.2.0/24"), Some("ns2.example")),
            by(Some("2001:db8::1/128"), None),
        ],
        update: vec![by(None, Some("acme"))],
        notify: vec![
            peer("192.0.2.54:53", None),
            peer("[2001:db8::54]:5353", Some("ns2.example")),
            peer("[2001:db8::55]:53", None),
        ],
        follow_health: Some(FollowHealth { interval: Duration::from_secs(2) }),
    };
    let access = &authority.access;
    assert_eq!(access.of(&name("example.org")), &general);
    let without_updates = ZoneAccess { update: Vec::new(), ..general.clone() };
    assert_eq!(access.of(&name("example.com")), &without_updates);
    let own = ZoneAccess {
        transfer: vec![by(None, Some("acme"))],
        update: general.update,
        ..ZoneAccess::default()
    };
    assert_eq!(access.of(&name("example.net")), &own);
    let primaries = &access.primaries[&name("example.org")];
    assert_eq!(primaries, &[peer("198.51.100.1:53", Some("acme"))]);
    let private = |address, key, ca: Option<&str>, name: &str| Peer {
        tls: Some(PeerTls { ca: ca.map(PathBuf::from), name: name.into() }),
        ..peer(address, key)
    };
    assert_eq!(
        access.primaries[&name("private.example")],
        [
            private(
                "198.51.100.1:853",
                Some("acme"),
                Some("/etc/rotadns/tls/ca.pem"),
                "ns1.example.org"
            ),
            private("198.51.100.2:8530", None, None, "198.51.100.2"),
        ]
    );
    let tls = authority.tls.expect("it is there");
    assert_eq!(tls.listen, ["127.0.0.1:853".parse().expect("an address")]);
}

#[test]
fn without_a_word_nobody_may_do_anything() {
    assert_eq!(read("{}"), Authority::default());
    let access = read("{}").access;
    let nobody = ZoneAccess::default();
    assert_eq!(access.of(&name("example.com")), &nobody);
    assert!(nobody.transfer.is_empty() && nobody.update.is_empty() && nobody.notify.is_empty());
}

#[test]
fn each_mistake_is_told_at_its_place() {
    for (text, column, sentence) in [
        (
            "keys: {k: {secret: hunter2}}",
            20,
            "this is no secret: base 64 of at least 16 bytes, such as `openssl rand -base64 32` makes",
        ),
        ("keys: {k: {}}", 11, "a key needs `secret_file`"),
        (
            "keys: {k: {secret: MDEyMzQ1Njc4OWFiY2RlZg==, secret_file: f}}",
            59,
            "a key has `secret` or `secret_file`; remove one of the two",
        ),
        (
            "keys: {k: {algorithm: hmac-md5, secret_file: f}}",
            23,
            "`hmac-md5` is not an algorithm of TSIG; it is one of `hmac-sha256`, `hmac-sha384`, `hmac-sha512`",
        ),
        (
            "keys: {k: {secret_file: f}, k.: {secret_file: f}}",
            29,
            "`k.` stands here twice; remove one of the two",
        ),
        ("secondaries: {allow: [{key: k}]}", 29, "no key is called `k`; add it under `keys`"),
        ("secondaries: {allow: [{}]}", 23, "an entry of `allow` needs `key`"),
        (
            "secondaries: {allow: [{address: 192.0.2.1/24}]}",
            33,
            "`192.0.2.1/24` is not a prefix, such as `192.0.2.0/24`, `2001:db8::/32` or an address; bits past its length are 0",
        ),
        (
            "secondaries: {notify: [ns2]}",
            24,
            "`ns2` is not an address and a port, such as `127.0.0.1:53` or `\"[::1]:53\"`",
        ),
        (
            "secondaries: {interval: 2h}",
            25,
            "the interval of `2h` is out of range; it is from 100ms to 1h",
        ),
        ("updates: {allow: [{address: 192.0.2.1}]}", 19, "an entry of `updates` needs `key`"),
        ("primaries: {a: {}}", 16, "a zone of `primaries` needs `from`"),
        (
            "primaries: {a: {from: [{address: 192.0.2.1, tls: {ca: f}}]}}",
            50,
            "`tls` of a server needs `name`",
        ),
        (
            "secondaries: {notify: [{address: 192.0.2.1, tls: {name: n}}]}",
            50,
            "a notify is sent in the clear, and signed where there is a `key`; remove `tls`",
        ),
        ("tls: {listen: 127.0.0.1, key: k}", 6, "`tls` needs `certificate`"),
    ] {
        let mistakes = read_config(Path::new("rotadns.yaml"), text).expect_err(text);
        let found: Vec<_> = mistakes.iter().map(|m| (m.at.column, m.problem.to_string())).collect();
        assert_eq!(found, [(column, sentence.to_owned())], "{text}");
    }
}
