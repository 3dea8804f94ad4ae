//! The manual's example of each way to choose, `zones/choosing.example.yaml`.

use std::net::IpAddr;
use std::sync::Arc;

use rotadns::engine::Transport;
use rotadns::engine::settings::{Places, Settings};

use super::places::atlas;
use crate::world::{Ask, World, decode};

const EXAMPLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/zones/choosing.example.yaml"));

/// The example where this is known of its addresses, and where clients are.
fn world(health: &str) -> World {
    let places = Places { atlas: Some(Arc::new(atlas())), ..Places::default() };
    let world = World::file("choosing.example.yaml", EXAMPLE, health);
    world.set(Settings { places, ..Settings::default() })
}

/// The addresses that a client gets for a name.
fn ask(world: &World, client: &str, name: &str, turn: u64) -> String {
    let ask = Ask::parse(&format!("{name}.choosing.example. A"));
    let client: IpAddr = client.parse().expect(client);
    let bytes = world.send_from(client, &ask.query, Transport::Udp, turn).expect("an answer");
    let answers = decode(&bytes).answers;
    let found: Vec<String> = answers.iter().map(|record| record.data.to_string()).collect();
    found.join(" ")
}

const ROLES: &str = "primary 127.0.0.21 127.0.0.32 127.0.0.41; \
                     replica 127.0.0.22=3s 127.0.0.31=3s 127.0.0.42=3s";
const LAGGING: &str = "primary 127.0.0.21; replica 127.0.0.22=20s";
/// In Norway and in Japan, inside; in Norway, outside; in the office.
const INSIDE: [&str; 2] = ["10.1.0.1", "10.6.0.1"];
const OUTSIDE: &str = "2001:db8:1::1";
const OFFICE: &str = "203.0.113.7";

#[test]
fn each_name_of_the_example_answers_as_its_comment_says() {
    for (health, client, name, expected) in [
        ("", OFFICE, "www", "127.0.0.11"),
        ("down 127.0.0.11", OFFICE, "www", "127.0.0.12"),
        ("", OUTSIDE, "near", "192.0.2.1"),
        ("", INSIDE[0], "near", "10.0.0.1"),
        ("", INSIDE[1], "near", "10.0.1.1"),
        ("", OFFICE, "ruled", "127.0.0.11"),
        ("", OUTSIDE, "ruled", "127.0.0.11"),
        ("", INSIDE[1], "ruled", "10.0.1.1"),
        (ROLES, OFFICE, "rw.orders", "127.0.0.21"),
        (ROLES, OFFICE, "ro.orders", "127.0.0.22"),
        // Further behind than ten seconds: reads go to the primary.
        (LAGGING, OFFICE, "ro.orders", "127.0.0.21"),
        (ROLES, OFFICE, "anna.users", "127.0.0.32"),
        (ROLES, OFFICE, "mike.users", "127.0.0.32"),
        (ROLES, OFFICE, "nora.users", "127.0.0.41"),
        // One of three is less than the two that a site wants.
        ("down 127.0.1.1 127.0.1.2 127.0.2.1 127.0.2.2", OFFICE, "sites", "127.0.3.1"),
    ] {
        let found = ask(&world(health), client, name, 0);
        assert_eq!(found, expected, "{name} for {client}: {health}");
    }
}

#[test]
fn clients_and_labels_of_the_example_keep_what_they_have() {
    let (whole, without) = (world(""), world("down 127.0.0.12"));
    let mut of_two = 0;
    for network in 0..200 {
        let client = format!("198.51.{network}.7");
        let first = ask(&whole, &client, "cache", 0);
        assert_eq!(ask(&whole, &client, "cache", 5), first, "{client}");
        let after = ask(&without, &client, "cache", 0);
        assert!(after == first || first == "127.0.0.12", "{client}: {first} became {after}");
        of_two += i32::from(first == "127.0.0.12");
    }
    // Half of 200, and five standard deviations of a draw.
    assert!((65..=135).contains(&of_two), "{of_two}");
    for label in ["a", "b", "c", "d"] {
        let name = format!("{label}.keys");
        let shard = ask(&whole, OFFICE, &name, 0);
        assert_eq!(ask(&whole, OUTSIDE, &name, 0), shard, "{name}");
    }
    // Three of four answers are of the larger site.
    let turn: Vec<String> = (0..12).map(|turn| ask(&whole, OFFICE, "sites", turn)).collect();
    assert_eq!(turn.iter().filter(|one| one.starts_with("127.0.1.")).count(), 9, "{turn:?}");
}
