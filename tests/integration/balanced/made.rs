//! SRV from pools, and the hints of HTTPS and SVCB.

use crate::world::World;

const ZONE: &str = "checks: {c: {tcp: {port: 80}}}
pools:
  sip:
    check: c
    port: 5060
    when_all_down: none
    backends:
      a: {address: [192.0.2.1, \"2001:db8::1\"], host: a, weight: 10}
      b: {address: 192.0.2.2, host: b.example.net., port: 5070}
      c: {address: 192.0.2.3, host: c, weight: 0}
  heavy:
    policy: weighted
    check: c
    port: 1
    backends: {x: {address: 192.0.2.8, host: x, weight: 3}, y: {address: 192.0.2.9, host: y}}
  few: {policy: weighted, answers: 1, port: 1, backends: {x: {target: x, weight: 2}, y: {target: y}}}
records:
  www: {pool: sip, HTTPS: {values: 1 . alpn=h2 ech=AAEC, hints: pool}}
  _sip._udp: {SRV: {pool: sip, priority: 7}}
  _x._tcp: {SRV: {pool: heavy}}
  _y._tcp: {SRV: {pool: few}, TXT: hi}
  '*.wild': {SRV: {pool: sip}}
  svc: {SVCB: {values: [1 one port=1, 2 two], pool: heavy, hints: pool}}
  split: {A: {pool: heavy}, AAAA: '2001:db8::9'}
  turn: {pool: heavy, HTTPS: {values: 1 ., hints: pool}}
";

fn srv(records: &[&str]) -> String {
    let records = records.iter().map(|record| format!("_sip._udp.example.com. 30 SRV {record}"));
    format!("NOERROR aa | {}", records.collect::<Vec<_>>().join(", "))
}

const A: &str = "7 10 5060 a.example.com.";
const B: &str = "7 1 5070 b.example.net.";
const C: &str = "7 0 5060 c.example.com.";

#[test]
fn rfc2782_srv_has_the_weight_port_and_host_of_each_backend_in_service() {
    let question = "_sip._udp.example.com. SRV";
    for (health, draw, expected) in [
        ("", 0, &[A, B, C][..]),
        ("", 1, &[B, C, A]),
        // One of its addresses is enough.
        ("down 192.0.2.1", 0, &[A, B, C]),
        ("down 192.0.2.1 2001:db8::1", 0, &[B, C]),
        ("down 192.0.2.2 192.0.2.3", 0, &[A]),
    ] {
        let world = World::yaml(ZONE, health);
        assert_eq!(world.ask(&format!("{question} +draw={draw}")), srv(expected), "{health}");
    }
    World::yaml(ZONE, "down 192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.3").check(&[
        (question, "NOERROR aa |  | example.com. 5 SOA 7"),
        ("_sip._udp.example.com. A", "NOERROR aa |  | example.com. 300 SOA 7"),
    ]);
}

#[test]
fn srv_stands_wherever_an_rrset_can_and_its_answers_are_those_of_the_pool() {
    let x = "0 3 1 x.example.com.";
    let y = "0 1 1 y.example.com.";
    World::yaml(ZONE, "").check(&[
        // Clients weigh for themselves, so both are there.
        (
            "_x._tcp.example.com. SRV",
            &format!("NOERROR aa | _x._tcp.example.com. 30 SRV {x}, _x._tcp.example.com. 30 SRV {y}"),
        ),
        // As many as the file says; of a target, the target is the host.
        ("_y._tcp.example.com. SRV", "NOERROR aa | _y._tcp.example.com. 30 SRV 0 2 1 x.example.com."),
        ("_y._tcp.example.com. SRV +draw=1", "NOERROR aa | _y._tcp.example.com. 30 SRV 0 1 1 y.example.com."),
        ("_y._tcp.example.com. TXT", "NOERROR aa | _y._tcp.example.com. 3600 TXT hi"),
        (
            "q.wild.example.com. SRV +draw=2",
            "NOERROR aa | q.wild.example.com. 30 SRV 0 0 5060 c.example.com., \
             q.wild.example.com. 30 SRV 0 10 5060 a.example.com., q.wild.example.com. 30 SRV 0 1 5070 b.example.net.",
        ),
    ]);
}

#[test]
fn rfc9460_7_3_hints_are_the_addresses_that_the_pool_hands_out() {
    let https = |text: &str| format!("NOERROR aa | www.example.com. 30 HTTPS {text}");
    for (health, expected) in [
        ("", "1 . alpn=h2 ipv4hint=192.0.2.1,192.0.2.2,192.0.2.3 ech=AAEC ipv6hint=2001:db8::1"),
        (
            "down 192.0.2.1 192.0.2.3",
            "1 . alpn=h2 ipv4hint=192.0.2.2 ech=AAEC ipv6hint=2001:db8::1",
        ),
        // RFC 9460 §2.2: a family without an address has no hint.
        ("down 2001:db8::1", "1 . alpn=h2 ipv4hint=192.0.2.1,192.0.2.2,192.0.2.3 ech=AAEC"),
        ("down 192.0.2.1 192.0.2.2 192.0.2.3", "1 . alpn=h2 ech=AAEC ipv6hint=2001:db8::1"),
    ] {
        assert_eq!(
            shown(&World::yaml(ZONE, health), "www.example.com. HTTPS"),
            https(expected),
            "{health}"
        );
    }
    World::yaml(ZONE, "down 192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1")
        .check(&[("www.example.com. HTTPS", "NOERROR aa |  | example.com. 5 SOA 7")]);
    // Several values, of a pool by its name, at a name without addresses.
    assert_eq!(
        shown(&World::yaml(ZONE, ""), "svc.example.com. SVCB"),
        "NOERROR aa | svc.example.com. 30 SVCB 1 one.example.com. port=1 ipv4hint=192.0.2.8, \
         svc.example.com. 30 SVCB 2 two.example.com. ipv4hint=192.0.2.8"
    );
}

#[test]
fn a_family_alone_can_come_from_a_pool() {
    World::yaml(ZONE, "").check(&[
        ("split.example.com. A", "NOERROR aa | split.example.com. 30 A 192.0.2.8"),
        ("split.example.com. A +draw=2", "NOERROR aa | split.example.com. 30 A 192.0.2.9"),
        ("split.example.com. AAAA", "NOERROR aa | split.example.com. 3600 AAAA 2001:db8::9"),
    ]);
}

#[test]
fn hints_turn_as_a_and_aaaa_do() {
    let world = World::yaml(ZONE, "");
    for (draw, last) in [(0, 8), (1, 8), (2, 9), (3, 8), (4, 8), (6, 9)] {
        let hint = shown(&world, &format!("turn.example.com. HTTPS +draw={draw}"));
        assert_eq!(
            hint,
            format!("NOERROR aa | turn.example.com. 30 HTTPS 1 . ipv4hint=192.0.2.{last}")
        );
        let a = world.ask(&format!("turn.example.com. A +draw={draw}"));
        assert_eq!(a, format!("NOERROR aa | turn.example.com. 30 A 192.0.2.{last}"));
    }
}

/// The answer on one line, its data as we print it: hickory-proto reads it too, and prints SVCB otherwise.
fn shown(world: &World, question: &str) -> String {
    let bytes = world.bytes(question);
    let message = crate::world::decode(&bytes);
    let records = rotadns::wire::records::records(&bytes);
    assert_eq!(message.answers.len(), records.len());
    let text = |record: &rotadns::wire::records::Record| {
        record.to_string().replace(" IN ", " ").replace('"', "")
    };
    format!("NOERROR aa | {}", records.iter().map(text).collect::<Vec<_>>().join(", "))
}
