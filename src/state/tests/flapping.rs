//! What changes side too often, and what serves although something about it should be seen to.

use std::collections::BTreeSet;

use super::*;
use crate::health::told::Told;
use crate::state::what_if::Facts;

/// With a hold of one half-life: two changes come to 2000, which decay to 1000.
const FLAPPING: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}, flap: {suppress: 1500, half_life: 60s}}}
pools:
  web: {check: c, backends: [192.0.2.1, 192.0.2.2]}
  spare: {check: c, backends: [192.0.2.3]}
records:
  ns: {A: 192.0.2.53}
  www: {pool: web}
  spare: {pool: spare}
";

impl Stage {
    fn found(&self, address: &str, health: Health, told: Told) {
        self.publisher.report(Report {
            target: self.target(address),
            source: Prober::inside(),
            health,
            detail: Arc::from("connected"),
            told,
            took: Duration::ZERO,
            at: self.publisher.now().unix,
        });
        self.publisher.flush();
    }

    /// The reasons for the backends of `web`.
    fn reasons(&self) -> Vec<String> {
        let View::Served { zone, .. } = self.view() else { panic!("the zone is served") };
        let overrides = self.publisher.overrides().load_full();
        let (registry, down) = (self.publisher.registry(), &BTreeSet::new());
        let facts = Facts { registry, overrides: &overrides, down };
        let judgements = facts.judgements(&zone, &zone.pools[0]);
        judgements.into_iter().map(|judgement| judgement.reason).collect()
    }

    /// The messages of events about backends.
    fn events(&self) -> Vec<String> {
        let (events, _) = self.publisher.events().subscribe(Some(0));
        events.iter().map(|event| event.message.clone()).collect()
    }
}

#[test]
fn what_flaps_is_held_down_and_let_go_when_it_has_been_quiet() {
    let stage = Stage::new();
    stage.serve(&[&zone(FLAPPING)]);
    for (at, health, expected) in
        [(0, UP, vec![1, 2]), (1_000, DOWN, vec![2]), (2_000, UP, vec![2])]
    {
        stage.wait_until(at);
        stage.found("192.0.2.1", health, heard(health));
        assert_eq!(stage.handouts()[0], expected, "at {at}");
    }
    assert!(stage.reasons()[0].starts_with("flapping: 2 changes, held down until "));
    // 1000 at 1 s, of which 988.5 are left at 2 s; 1988.5 decay to 1000 in 59.5 s.
    stage.wait_until(61_000);
    assert_eq!(stage.handouts()[0], [2]);
    stage.wait_until(62_000);
    assert_eq!(stage.handouts()[0], [1, 2]);
    let events = stage.events();
    assert!(events.iter().any(|event| event.contains("flapping: 2 changes, held down")));
    assert!(events.last().is_some_and(|event| event.contains("flaps no more: up")), "{events:?}");
}

#[test]
fn a_clock_that_is_set_back_makes_no_hold_longer() {
    let stage = Stage::new();
    stage.serve(&[&zone(FLAPPING)]);
    for (at, health) in [(0, UP), (1_000, DOWN), (2_000, UP)] {
        stage.wait_until(at);
        stage.found("192.0.2.1", health, heard(health));
    }
    let set = |running, unix| {
        let moment = Moment { running: Duration::from_millis(running), unix };
        *stage.clock.lock().expect("nobody panics with it") = moment;
        stage.publisher.flush();
        stage.handouts()[0].clone()
    };
    assert_eq!(set(61_000, 0), [2]);
    assert_eq!(set(62_000, 1_000), [1, 2]);
}

#[test]
fn a_change_while_it_is_held_makes_that_longer() {
    let stage = Stage::new();
    stage.serve(&[&zone(FLAPPING)]);
    for (at, health) in [(0, UP), (1_000, DOWN), (2_000, UP), (30_000, DOWN), (31_000, UP)] {
        stage.wait_until(at);
        stage.found("192.0.2.1", health, heard(health));
    }
    stage.wait_until(62_000);
    assert_eq!(stage.handouts()[0], [2]);
    // (1988.5 at 2 s, so 1438.9 + 1000 at 30 s, 3410.9 at 31 s: 106.2 s more.)
    stage.wait_until(137_000);
    assert_eq!(stage.handouts()[0], [2]);
    stage.wait_until(138_000);
    assert_eq!(stage.handouts()[0], [1, 2]);
}

#[test]
fn what_is_degraded_serves_and_is_told() {
    let stage = Stage::new();
    stage.serve(&[&zone(FLAPPING)]);
    let degraded = Told { is_degraded: true, ..Told::default() };
    stage.found("192.0.2.1", UP, degraded);
    assert_eq!(stage.handouts()[0], [1, 2]);
    assert_eq!(stage.reasons()[0], "degraded: 1 check passed: connected");
    // Who does not answer has not said anything else, and what is down is no more than down.
    stage.found("192.0.2.1", DOWN, Told::SILENT);
    assert_eq!(stage.reasons()[0], "1 check failed: connected");
    stage.found("192.0.2.1", UP, degraded);
    stage.found("192.0.2.1", UP, Told::default());
    let events: Vec<String> =
        stage.events().into_iter().filter(|event| event.contains("degraded")).collect();
    assert_eq!(
        events,
        [
            "192.0.2.1: degraded: 1 check passed: connected",
            "192.0.2.1: degraded: 1 check passed: connected",
            "192.0.2.1: no more degraded: 2 checks passed: connected",
        ]
    );
}
