//! Choices that look at the past or at the clock.

use super::*;

const TIERS: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}}
pools:
  web: {policy: failover, failback: 60s, check: c, backends: [192.0.2.1, 192.0.2.2]}
  spare: {check: c, when_all_down: fallback, fallback: web, backends: [192.0.2.3]}
records:
  ns: {A: 192.0.2.53}
  www: {pool: web}
  spare: {pool: spare}
";

impl Stage {
    /// The TTLs of `web` and `spare`.
    fn ttls(&self) -> [u32; 2] {
        let View::Served { ready, .. } = self.view() else { panic!("the zone is served") };
        [0, 1].map(|place| ready.get(place).expect("there are two").ttl)
    }
}

#[test]
fn a_better_tier_takes_over_when_its_hold_ends_and_nothing_else_happens() {
    let stage = Stage::new();
    stage.serve(&[&zone(TIERS)]);
    stage.report("192.0.2.3", DOWN);
    assert_eq!(stage.handouts(), [vec![1], vec![1]]);
    stage.wait_until(5_000);
    stage.report("192.0.2.1", DOWN);
    assert_eq!(stage.handouts(), [vec![2], vec![2]]);
    stage.wait_until(10_000);
    stage.report("192.0.2.1", UP);
    for (at, serves, ttl) in [
        (10_000, 2, 30),
        (40_000, 2, 30),
        (40_001, 2, 15),
        (55_001, 2, 7),
        (69_999, 2, 5),
        (70_000, 1, 30),
    ] {
        stage.wait_until(at);
        // Who falls back on it follows.
        assert_eq!(stage.handouts(), [vec![serves], vec![serves]], "at {at}");
        assert_eq!(stage.ttls(), [ttl, ttl], "at {at}");
    }
    let (events, _) = stage.publisher.events().subscribe(Some(0));
    let told: Vec<&str> = events.iter().map(|event| event.message.as_str()).collect();
    assert!(told.contains(&"priority 1 serves in place of priority 0"), "{told:?}");
    assert!(told.contains(&"priority 0 serves in place of priority 1"), "{told:?}");
}

#[test]
fn a_hold_goes_on_over_a_reload() {
    let stage = Stage::new();
    stage.serve(&[&zone(TIERS)]);
    stage.report("192.0.2.1", DOWN);
    stage.report("192.0.2.1", UP);
    stage.wait_until(30_000);
    stage.serve(&[&zone(&TIERS.replace("ns: {A: 192.0.2.53}", "ns: {A: 192.0.2.54}"))]);
    assert_eq!(stage.handouts()[0], [2]);
    stage.wait_until(59_999);
    assert_eq!(stage.handouts()[0], [2]);
    stage.wait_until(60_000);
    assert_eq!(stage.handouts()[0], [1]);
}
