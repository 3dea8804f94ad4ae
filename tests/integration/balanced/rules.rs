//! Rules: which pool is for whom.

use std::net::IpAddr;

use rotadns::engine::{Context, OUT_UDP, Plan, Snapshot, Transport, encode, prepare};
use rotadns::server::chance::Chance;

use crate::world::{Ask, NOW, World, decode, render};

const ZONE: &str = "checks: {c: {tcp: {port: 80}}}
pools:
  office: {ttl: 10s, backends: [10.0.0.1, 10.0.0.2]}
  lab: {check: c, when_all_down: none, backends: [10.9.0.1]}
  web: {backends: [192.0.2.1, \"2001:db8::1\"]}
  here: {backends: [{target: inside}]}
  there: {backends: [{target: outside.example.net.}]}
records:
  www:
    rules:
      - {subnets: [10.9.0.0/16], pool: lab}
      - {subnets: [10.0.0.0/8, \"2001:db8:1::/48\"], pool: office}
      - {pool: web}
    TXT: hi
  go: {rules: [{subnets: 10.0.0.0/8, pool: here}, {pool: there}]}
  inside: {A: 192.0.2.9}
";

fn ask(world: &World, client: &str, question: &str) -> String {
    let ask = Ask::parse(question);
    let client: IpAddr = client.parse().expect(client);
    let answer = world.send_from(client, &ask.query, ask.transport, ask.draw);
    render(&answer.expect("a good question is answered"))
}

#[test]
fn the_first_rule_that_matches_the_client_decides() {
    let world = World::yaml(ZONE, "");
    let office = "NOERROR aa | www.example.com. 10 A 10.0.0.1, www.example.com. 10 A 10.0.0.2";
    let web = "NOERROR aa | www.example.com. 30 A 192.0.2.1";
    for (client, expected) in [
        ("10.1.2.3", office),
        ("2001:db8:1::7", office),
        // An IPv4 client at a socket for both families.
        ("::ffff:10.1.2.3", office),
        ("10.9.1.1", "NOERROR aa | www.example.com. 30 A 10.9.0.1"),
        ("192.0.2.77", web),
        ("11.0.0.0", web),
        ("2001:db8::7", web),
    ] {
        assert_eq!(ask(&world, client, "www.example.com. A"), expected, "{client}");
    }
    // A pool without a family is no data for its clients alone.
    let no_data = "NOERROR aa |  | example.com. 300 SOA 7";
    assert_eq!(ask(&world, "10.1.2.3", "www.example.com. AAAA"), no_data);
    let aaaa = "NOERROR aa | www.example.com. 30 AAAA 2001:db8::1";
    assert_eq!(ask(&world, "192.0.2.77", "www.example.com. AAAA"), aaaa);
    assert_eq!(
        ask(&world, "10.1.2.3", "www.example.com. TXT"),
        "NOERROR aa | www.example.com. 3600 TXT hi"
    );
}

#[test]
fn a_rule_stays_though_its_pool_has_nothing_left() {
    let world = World::yaml(ZONE, "down 10.9.0.1");
    let no_data = "NOERROR aa |  | example.com. 5 SOA 7";
    assert_eq!(ask(&world, "10.9.1.1", "www.example.com. A"), no_data);
    assert!(ask(&world, "10.1.2.3", "www.example.com. A").contains("10.0.0.1"));
}

#[test]
fn pools_of_targets_have_rules_as_well() {
    let world = World::yaml(ZONE, "");
    for (client, expected) in [
        (
            "10.1.2.3",
            "NOERROR aa | go.example.com. 30 CNAME inside.example.com., inside.example.com. 3600 A 192.0.2.9",
        ),
        ("192.0.2.77", "NOERROR aa | go.example.com. 30 CNAME outside.example.net."),
    ] {
        assert_eq!(ask(&world, client, "go.example.com. A"), expected, "{client}");
    }
}

/// The first address that the next query of a client gets.
fn next(snapshot: &Snapshot, client: &str) -> String {
    let context = Context {
        client: client.parse().expect(client),
        transport: Transport::Udp,
        draw: 0,
        now: NOW,
    };
    let ask = Ask::parse("www.example.com. A");
    let mut plan = Box::<Plan>::default();
    prepare(snapshot, &context, &ask.query, &mut plan);
    Chance::default().draw(snapshot, &mut plan);
    let mut out = vec![0; OUT_UDP];
    let len = encode(snapshot, &context, &ask.query, &plan, &mut out).expect("an answer");
    decode(&out[..len]).answers[0].data.to_string()
}

#[test]
fn each_pool_of_a_name_turns_by_itself() {
    let text =
        ZONE.replace("web: {backends: [192.0.2.1, ", "web: {backends: [192.0.2.1, 192.0.2.2, ");
    let snapshot = World::yaml(&text, "").snapshot();
    let [office, others] = ["10.1.2.3", "192.0.2.77"];
    for (client, expected) in [
        (office, "10.0.0.1"),
        (others, "192.0.2.1"),
        (office, "10.0.0.2"),
        (office, "10.0.0.1"),
        (others, "192.0.2.2"),
    ] {
        assert_eq!(next(&snapshot, client), expected);
    }
}
