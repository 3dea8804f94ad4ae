//! Turns: every answer has one of its own, whoever answers it and however many at once.

use std::net::{IpAddr, Ipv4Addr};

use rotadns::engine::{Context, OUT_UDP, Plan, Snapshot, Transport, encode, prepare};
use rotadns::server::chance::Chance;

use super::{THREE, last_byte, pool};
use crate::world::{Ask, World, decode, owner};

/// Answers a batch as a listener does: planned, drawn for together, written.
pub(super) fn batch(snapshot: &Snapshot, chance: &mut Chance, questions: &[&str]) -> Vec<Vec<u8>> {
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let context = Context { client, transport: Transport::Udp, draw: 0, now: 0 };
    let queries: Vec<Vec<u8>> =
        questions.iter().map(|question| Ask::parse(question).query).collect();
    let mut plans: Vec<Plan> = queries.iter().map(|_| Plan::default()).collect();
    for (query, plan) in queries.iter().zip(&mut plans) {
        prepare(snapshot, &context, query, plan);
    }
    chance.draw_all(snapshot, &mut plans);
    let mut out = vec![0; OUT_UDP];
    let answer = |(query, plan): (&Vec<u8>, &Plan)| {
        let len = encode(snapshot, &context, query, plan, &mut out).expect("an answer");
        out[..len].to_vec()
    };
    queries.iter().zip(&plans).map(answer).collect()
}

pub(super) fn first(bytes: &[u8]) -> u8 {
    last_byte(&decode(bytes).answers[0].data)
}

#[test]
fn a_batch_takes_turns_that_follow_each_other() {
    let snapshot = World::yaml(&pool("", THREE), "").snapshot();
    let (mut one, mut other) = (Chance::default(), Chance::default());
    let firsts = |chance: &mut Chance, count| -> Vec<u8> {
        batch(&snapshot, chance, &vec!["www.example.com. A"; count])
            .iter()
            .map(|bytes| first(bytes))
            .collect()
    };
    // Whichever worker answers, the rotation moves on by one.
    assert_eq!(firsts(&mut one, 1), [1]);
    assert_eq!(firsts(&mut other, 1), [2]);
    assert_eq!(firsts(&mut one, 5), [3, 1, 2, 3, 1]);
    assert_eq!(firsts(&mut other, 2), [2, 3]);
}

#[test]
fn a_and_aaaa_asked_in_pairs_each_go_through_all_backends() {
    let backends: Vec<String> = (1..=4)
        .map(|at| format!("b{at}: {{address: [192.0.2.{at}, \"2001:db8::{at}\"]}}"))
        .collect();
    let text = pool("", &format!("{{{}}}", backends.join(", ")));
    for batch_size in [1, 2, 6] {
        let snapshot = World::yaml(&text, "").snapshot();
        let mut chance = Chance::default();
        let pairs = ["www.example.com. A", "www.example.com. AAAA"].repeat(12);
        let firsts: Vec<u8> = pairs
            .chunks(batch_size)
            .flat_map(|questions| batch(&snapshot, &mut chance, questions))
            .map(|bytes| first(&bytes))
            .collect();
        let expected: Vec<u8> = [1, 1, 2, 2, 3, 3, 4, 4].repeat(3);
        assert_eq!(firsts, expected, "batches of {batch_size}");
    }
}

#[test]
fn every_name_has_a_rotation_of_its_own() {
    let text = "pools: {web: {backends: [192.0.2.1, 192.0.2.2]}}\nrecords: {a: {pool: web}, b: {pool: web}, c: {CNAME: a}}\n";
    let snapshot = World::yaml(text, "").snapshot();
    let questions = [
        "a.example.com. A",
        "b.example.com. A",
        "a.example.com. A",
        "gone.example.com. A",
        "b.example.com. A",
    ];
    let answers = batch(&snapshot, &mut Chance::default(), &questions);
    assert_eq!([0, 1, 2, 4].map(|at| first(&answers[at])), [1, 1, 2, 2]);
    // A CNAME's target turns as itself.
    let answers =
        batch(&snapshot, &mut Chance::default(), &["c.example.com. A", "a.example.com. A"]);
    let turned = |bytes: &[u8]| {
        let answers = decode(bytes).answers;
        let addresses = answers.iter().filter(|record| owner(record).starts_with("a."));
        addresses.map(|record| last_byte(&record.data)).collect::<Vec<_>>()
    };
    assert_eq!([turned(&answers[0]), turned(&answers[1])], [[1, 2], [2, 1]]);
}

#[test]
fn every_backend_is_first_equally_often_whatever_the_threads_do() {
    let snapshot = World::yaml(&pool("", THREE), "").snapshot();
    let shares: Vec<[u64; 4]> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=4_usize)
            .map(|thread| {
                let snapshot = &snapshot;
                scope.spawn(move || {
                    let mut chance = Chance::default();
                    let mut share = [0; 4];
                    // 60 batches of 3, 6, 9 and 12: a multiple of the backends in all.
                    for _ in 0..60 {
                        let questions = vec!["www.example.com. A"; 3 * thread];
                        for bytes in batch(snapshot, &mut chance, &questions) {
                            share[usize::from(first(&bytes))] += 1;
                        }
                    }
                    share
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    let total = |backend: usize| shares.iter().map(|share| share[backend]).sum::<u64>();
    assert_eq!([total(1), total(2), total(3)], [600; 3]);
}

#[test]
fn a_batch_of_more_rotations_than_are_gathered_turns_each() {
    let records: Vec<String> = (0..100).map(|at| format!("n{at}: {{pool: web}}")).collect();
    let text = format!(
        "pools: {{web: {{backends: [192.0.2.1, 192.0.2.2]}}}}\nrecords: {{{}}}\n",
        records.join(", ")
    );
    let snapshot = World::yaml(&text, "").snapshot();
    let mut chance = Chance::default();
    let questions: Vec<String> = (0..100).map(|at| format!("n{at}.example.com. A")).collect();
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    for turn in [1, 2, 1] {
        let firsts: Vec<u8> =
            batch(&snapshot, &mut chance, &questions).iter().map(|bytes| first(bytes)).collect();
        assert_eq!(firsts, [turn; 100]);
    }
}
