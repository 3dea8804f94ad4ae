//! `policy: hash`: each client keeps its backend.

use std::collections::HashSet;

use super::{last_byte, pool};
use crate::world::{Ask, World, decode};

const FIVE: &str = "{a: [192.0.2.1, \"2001:db8::1\"], b: [192.0.2.2, \"2001:db8::2\"], c: [192.0.2.3, \"2001:db8::3\"], \
                    d: [192.0.2.4, \"2001:db8::4\"], e: [192.0.2.5, \"2001:db8::5\"]}";

fn hashed(settings: &str, health: &str) -> World {
    World::yaml(&pool(&format!("policy: hash{settings}"), FIVE), health)
}

/// What a client gets, in order.
fn of_client(world: &World, client: [u8; 4], question: &str) -> Vec<u8> {
    let ask = Ask::parse(question);
    let answer = world.send_from(client.into(), &ask.query, ask.transport, ask.draw);
    let answer = decode(&answer.expect("a good question is answered"));
    answer.answers.iter().map(|record| last_byte(&record.data)).collect()
}

/// What each of some networks gets.
fn of_clients(world: &World, question: &str) -> Vec<u8> {
    (0..200).map(|network| of_client(world, [198, 51, network, 7], question)[0]).collect()
}

#[test]
fn a_client_keeps_its_backend_whatever_the_draw_and_gets_it_for_both_families() {
    let world = hashed("", "");
    let first = of_clients(&world, "www.example.com. A");
    assert!((1..=5).all(|backend| first.contains(&backend)));
    for question in ["A +draw=1", "A +draw=77", "AAAA", "AAAA +draw=3"] {
        assert_eq!(
            of_clients(&world, &format!("www.example.com. {question}")),
            first,
            "{question}"
        );
    }
}

#[test]
fn only_the_clients_of_a_backend_that_is_lost_move() {
    let before = of_clients(&hashed("", ""), "www.example.com. A");
    let after = of_clients(&hashed("", "down 192.0.2.3"), "www.example.com. A");
    assert!(!after.contains(&3));
    for (before, after) in before.iter().zip(&after) {
        assert!(before == after || *before == 3, "{before} became {after}");
    }
}

#[test]
fn several_answers_are_the_clients_best_and_those_that_are_left_keep_their_order() {
    let (whole, without) = (hashed(", answers: 3", ""), hashed(", answers: 3", "down 192.0.2.3"));
    for network in 0..200 {
        let three = of_client(&whole, [198, 51, network, 9], "www.example.com. A");
        assert_eq!(three.iter().collect::<HashSet<_>>().len(), 3, "{three:?}");
        let left = of_client(&without, [198, 51, network, 9], "www.example.com. A");
        let kept: Vec<u8> = three.into_iter().filter(|own| *own != 3).collect();
        assert_eq!(left[..kept.len()], kept, "network {network}");
    }
}
