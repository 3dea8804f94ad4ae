//! `policy: weighted`: shares of answers.

use std::collections::HashMap;

use proptest::prelude::*;
use rotadns::engine::choose::weight::{PLACES_MAX, turns};
use rotadns::server::chance::Chance;

use super::rotation::{batch, first};
use super::{order, pool};
use crate::world::World;

/// A backend a weight: 192.0.2.1, .2, ...
fn backends(weights: &[u32]) -> String {
    let one = |(place, weight): (usize, &u32)| {
        format!("b{place}: {{address: 192.0.2.{}, weight: {weight}}}", place + 1)
    };
    let all: Vec<String> = weights.iter().enumerate().map(one).collect();
    format!("{{{}}}", all.join(", "))
}

fn weighted(settings: &str, weights: &[u32], health: &str) -> World {
    World::yaml(&pool(&format!("policy: weighted{settings}"), &backends(weights)), health)
}

#[test]
fn a_heavy_backend_is_spread_out_as_in_smooth_weighted_round_robin() {
    for (weights, health, expected) in [
        (&[5, 1, 1][..], "", &[1, 1, 2, 1, 3, 1, 1][..]),
        (&[50, 10, 10], "", &[1, 1, 2, 1, 3, 1, 1]),
        (&[5, 1, 1], "down 192.0.2.1", &[2, 3]),
        (&[3, 3], "", &[1, 2]),
        (&[0, 2, 1], "", &[2, 3, 2]),
        (&[0, 2, 1], "down 192.0.2.2 192.0.2.3", &[1]),
        (&[0, 0], "", &[1, 2]),
    ] {
        let world = weighted("", weights, health);
        for (draw, place) in expected.iter().cycle().take(3 * expected.len()).enumerate() {
            let question = format!("www.example.com. A +draw={draw}");
            assert_eq!(order(&world, &question), [*place], "{weights:?} {health}, draw {draw}");
        }
    }
}

#[test]
fn several_answers_are_several_backends() {
    let world = weighted(", answers: 2", &[2, 1, 1], "");
    let mut times: HashMap<u8, u32> = HashMap::new();
    for draw in 0..8 {
        let order = order(&world, &format!("www.example.com. A +draw={draw}"));
        let [first, second] = order[..] else { panic!("two of them: {order:?}") };
        assert_ne!(first, second);
        for one in order {
            *times.entry(one).or_default() += 1;
        }
    }
    // Half of all places: one of every answer, and the others share what is left.
    assert_eq!(times, HashMap::from([(1, 8), (2, 4), (3, 4)]));
}

#[test]
fn threads_together_give_each_backend_exactly_its_share() {
    let snapshot = weighted("", &[5, 2, 1], "").snapshot();
    let shares: Vec<[u64; 4]> = std::thread::scope(|scope| {
        let count = |_| {
            let mut chance = Chance::default();
            let mut share = [0; 4];
            for _ in 0..40 {
                for bytes in batch(&snapshot, &mut chance, &["www.example.com. A"; 16]) {
                    share[usize::from(first(&bytes))] += 1;
                }
            }
            share
        };
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(move || count(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    let total = |backend: usize| shares.iter().map(|share| share[backend]).sum::<u64>();
    assert_eq!([total(1), total(2), total(3)], [1600, 640, 320]);
}

#[test]
fn panic_counts_weight_and_not_backends() {
    let world = weighted(", panic: 0.5, answers: 3", &[8, 1, 1], "down 192.0.2.1");
    assert_eq!(order(&world, "www.example.com. A").len(), 3, "as a guess, all");
    let world = weighted(", panic: 0.5, answers: 3", &[8, 0, 1], "down 192.0.2.2 192.0.2.3");
    assert_eq!(order(&world, "www.example.com. A"), [1]);
}

fn times(turns: &[u16], place: usize) -> usize {
    turns.iter().filter(|other| usize::from(**other) == place).count()
}

fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a turn is short"))
}

proptest! {
    #[test]
    fn over_a_full_turn_each_share_is_exact(
        weights in prop::collection::vec(1_u32..=100, 1..12),
        scale in 1_u32..=600,
    ) {
        let scaled: Vec<u32> = weights.iter().map(|weight| weight * scale).collect();
        let turns = turns(&scaled, 1);
        let total: usize = weights.iter().map(|weight| *weight as usize).sum();
        prop_assert_eq!(total % turns.len(), 0, "what the weights have in common is left out");
        for (place, weight) in weights.iter().enumerate() {
            prop_assert_eq!(times(&turns, place) * total, *weight as usize * turns.len());
        }
    }

    /// Nobody is ever more than one answer ahead of what it is due, and so there are no bursts.
    #[test]
    fn at_every_moment_each_share_is_near(weights in prop::collection::vec(1_u32..=50, 1..8)) {
        let turns = turns(&weights, 1);
        let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        for until in 1..=turns.len() {
            for (place, weight) in weights.iter().enumerate() {
                let due = float(until) * f64::from(*weight) / total;
                let got = float(times(&turns[..until], place));
                prop_assert!(got - due <= 1.0 + float(weights.len()) / 2.0, "{:?}", turns);
            }
        }
    }

    #[test]
    fn weights_too_large_for_a_turn_are_rounded_by_less_than_a_place(
        weights in prop::collection::vec(1_u32..=65_535, 2..40),
    ) {
        let turns = turns(&weights, 1);
        prop_assert!(turns.len() <= PLACES_MAX);
        let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        // Those that are rounded up to one place are paid for by the largest.
        let slack = 1.0 + float(weights.len());
        for (place, weight) in weights.iter().enumerate() {
            let due = float(turns.len()) * f64::from(*weight) / total;
            let got = float(times(&turns, place));
            prop_assert!(got >= 1.0 && (got - due).abs() < slack, "{place}: {got} for {due}");
        }
    }

    #[test]
    fn in_no_answer_is_anybody_twice(
        weights in prop::collection::vec(1_u32..=1000, 2..30),
        answers in 1_usize..30,
    ) {
        let answers = answers.min(weights.len());
        let turns = turns(&weights, answers);
        prop_assert!(!turns.is_empty() && turns.len() <= PLACES_MAX && turns.len().is_multiple_of(answers));
        for answer in turns.chunks(answers) {
            for (at, place) in answer.iter().enumerate() {
                prop_assert!(usize::from(*place) < weights.len());
                prop_assert!(!answer[..at].contains(place), "{answer:?}");
            }
        }
        for place in 0..weights.len() {
            prop_assert!(times(&turns, place) > 0, "nobody with a weight is left out");
        }
    }
}

#[test]
fn a_pool_within_shares_its_weight_out() {
    let text = "pools:\n  n: {min_healthy: 2, check: c, backends: [192.0.2.1, 192.0.2.2]}\n  \
                s: {policy: weighted, check: c, backends: [192.0.2.3, {address: 192.0.2.4, weight: 3}]}\n  \
                all: {policy: weighted, backends: {north: {pool: n, weight: 2}, south: {pool: s}, own: 192.0.2.5}}\n\
                checks: {c: {tcp: {port: 80}}}\nrecords: {www: {pool: all}}\n";
    for (health, expected) in [
        // Of sixteen answers eight are of the north, which is half of all weight.
        ("", &[(1, 4), (2, 4), (3, 1), (4, 3), (5, 4)][..]),
        ("down 192.0.2.1", &[(3, 2), (4, 6), (5, 8)]),
        ("down 192.0.2.3", &[(1, 4), (2, 4), (4, 4), (5, 4)]),
        ("down 192.0.2.1 192.0.2.3 192.0.2.4", &[(5, 16)]),
    ] {
        let world = World::yaml(text, health);
        let mut times: HashMap<u8, u32> = HashMap::new();
        for draw in 0..16 {
            for one in order(&world, &format!("www.example.com. A +draw={draw}")) {
                *times.entry(one).or_default() += 1;
            }
        }
        assert_eq!(times, expected.iter().copied().collect(), "{health}");
    }
}
