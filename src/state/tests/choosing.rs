//! Choices that look at the past or at the clock.

use super::*;
use crate::health::backend::BackendKey;
use crate::health::overrides::Overrides;
use crate::health::registry::Registry;
use crate::state::pools::Memories;
use crate::state::what_if::Facts;

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
fn a_hold_that_ends_while_another_pool_looks_on_ends_for_its_own_pool() {
    let zone = zone(TIERS);
    let (registry, overrides) = (Registry::default(), Overrides::default());
    let mut memories = Memories::default();
    let mut hands_out = |pool, down: &str, seconds| {
        let down = (!down.is_empty()).then(|| BackendKey::parse(down).expect(down));
        let down = down.into_iter().collect();
        let facts = Facts { registry: &registry, overrides: &overrides, down: &down };
        let at = Moment { running: Duration::from_secs(seconds), unix: BEGIN + seconds * 1000 };
        let ready = memories.ready(&zone, pool, &facts, at, |_| None);
        let addresses: Vec<u8> = ready.addresses().map(last_number).collect();
        (addresses, memories.next_due())
    };
    assert_eq!(hands_out(0, "example/web/192.0.2.1", 0).0, [2]);
    let (held, due) = hands_out(0, "", 0);
    assert_eq!(held, [2]);
    // Who falls back on it sees the end of the hold first, and is not who ends it.
    assert_eq!(hands_out(1, "example/spare/192.0.2.3", 60), (vec![1], due));
    assert!(due.is_some_and(|due| due <= Duration::from_secs(60)), "{due:?}");
    assert_eq!(hands_out(0, "", 60), (vec![1], None));
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

#[test]
fn who_comes_up_starts_slowly_and_who_was_there_does_not() {
    let slow =
        TIERS.replace("policy: failover, failback: 60s", "policy: weighted, slow_start: 18s");
    let stage = Stage::new();
    stage.serve(&[&zone(&slow)]);
    let parts = || {
        let View::Served { ready, .. } = stage.view() else { panic!("the zone is served") };
        let ready = ready.get(0).expect("there are two");
        ready.offers.iter().map(|offer| offer.part).collect::<Vec<_>>()
    };
    stage.report("192.0.2.1", UP);
    assert_eq!(parts(), [1000, 1000]);
    stage.report("192.0.2.1", DOWN);
    stage.wait_until(1_000);
    stage.report("192.0.2.1", UP);
    for (at, part) in
        [(1_000, 100), (1_999, 100), (2_000, 150), (10_000, 550), (18_999, 950), (19_000, 1000)]
    {
        stage.wait_until(at);
        assert_eq!(parts(), [part, 1000], "at {at}");
        assert_eq!(stage.ttls()[0], 30);
    }
    // Down on the way, it begins anew; a reload changes nothing.
    stage.report("192.0.2.2", DOWN);
    stage.report("192.0.2.2", UP);
    stage.wait_until(28_000);
    assert_eq!(parts(), [1000, 550]);
    stage.serve(&[&zone(&slow.replace("ns: {A: 192.0.2.53}", "ns: {A: 192.0.2.54}"))]);
    assert_eq!(parts(), [1000, 550]);
    stage.report("192.0.2.2", DOWN);
    stage.report("192.0.2.2", UP);
    assert_eq!(parts(), [1000, 100]);
}

#[test]
fn parts_follow_loads_by_the_clock_and_over_a_reload() {
    let busy = TIERS.replace("policy: failover, failback: 60s", "policy: least_load");
    let stage = Stage::new();
    stage.serve(&[&zone(&busy)]);
    let parts = || {
        let View::Served { ready, .. } = stage.view() else { panic!("the zone is served") };
        let ready = ready.get(0).expect("there are two");
        ready.offers.iter().map(|offer| offer.part / 1000).collect::<Vec<_>>()
    };
    let loads = |first, second| {
        for (address, load) in [("192.0.2.1", first), ("192.0.2.2", second)] {
            let told = Told { load: Some(load), ..Told::default() };
            stage.report_told(address, UP, told);
        }
    };
    // Of 256 answers a turn.
    assert_eq!(parts(), [128, 128]);
    loads(25, 75);
    assert_eq!(parts(), [128, 128], "a report is no interval");
    stage.wait_until(9_999);
    assert_eq!(parts(), [128, 128]);
    // A tenth of the way from 50 % to 75 %, with nothing but the time passing.
    stage.wait_until(10_000);
    assert_eq!(parts(), [134, 122]);
    stage.serve(&[&zone(&busy.replace("ns: {A: 192.0.2.53}", "ns: {A: 192.0.2.54}"))]);
    assert_eq!(parts(), [134, 122]);
    stage.wait_until(20_000);
    assert_eq!(parts(), [140, 116]);
    // A share holds at once.
    let told = Told { load: Some(25), share: Some(50), ..Told::default() };
    stage.report_told("192.0.2.1", UP, told);
    assert_eq!(parts(), [70, 116]);
    // Whom nobody else can stand in for has all; who comes back begins with a tenth.
    stage.report("192.0.2.1", DOWN);
    assert_eq!(parts(), [256]);
    stage.report_told("192.0.2.1", UP, Told { load: Some(0), share: Some(100), ..Told::default() });
    assert_eq!(parts(), [26, 230]);
}

const NEAR: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}}
pools:
  web:
    policy: nearest
    check: c
    panic: 0.5
    backends:
      - {address: 192.0.2.1, region: NO}
      - {address: 192.0.2.2, region: NO, priority: 1}
      - {address: 192.0.2.3, region: US}
records:
  ns: {A: 192.0.2.53}
  www: {pool: web}
";

#[test]
fn a_site_has_what_its_pool_as_a_whole_hands_out_there() {
    let stage = Stage::new();
    stage.serve(&[&zone(NEAR)]);
    let handouts = || {
        let View::Served { zone, ready } = stage.view() else { panic!("the zone is served") };
        let pools = zone.pools.iter().zip(ready.iter());
        let told = pools.map(|(pool, ready)| {
            let addresses: Vec<u8> = ready.addresses().map(last_number).collect();
            format!("{} {addresses:?}", pool.label())
        });
        told.collect::<Vec<_>>()
    };
    for (address, health, expected) in [
        ("192.0.2.1", UP, ["web [1, 3]", "web (NO) [1]", "web (US) [3]"]),
        // The tier is the pool's: another site still serves of the first.
        ("192.0.2.1", DOWN, ["web [3]", "web (NO) []", "web (US) [3]"]),
        ("192.0.2.3", DOWN, ["web [2]", "web (NO) [2]", "web (US) []"]),
        // And so is panic.
        ("192.0.2.2", DOWN, ["web [1, 2, 3]", "web (NO) [1, 2]", "web (US) [3]"]),
        ("192.0.2.3", UP, ["web [3]", "web (NO) []", "web (US) [3]"]),
    ] {
        stage.report(address, health);
        assert_eq!(handouts(), expected, "{address} {health:?}");
    }
    let (events, _) = stage.publisher.events().subscribe(Some(0));
    let of_sites = events.iter().filter(|event| event.subject.contains('('));
    assert_eq!(of_sites.count(), 0, "what becomes of a pool is told once");
}

#[test]
fn a_table_is_made_once_for_both_families_and_again_when_who_serves_changes() {
    let backends =
        "{a: [192.0.2.1, 2001:db8::1], b: [192.0.2.2, 2001:db8::2], c: [192.0.2.4, 2001:db8::4]}";
    let text = TIERS
        .replace("policy: failover, failback: 60s", "policy: hash")
        .replace("[192.0.2.1, 192.0.2.2]", backends);
    let stage = Stage::new();
    stage.serve(&[&zone(&text)]);
    let tables = || {
        let View::Served { ready, .. } = stage.view() else { panic!("the zone is served") };
        let ready = Arc::clone(ready.get(0).expect("there are two"));
        let of = |family| ready.handout(List::Addresses(family)).places(0).as_ptr();
        ([Family::V4, Family::V6].map(of), ready)
    };
    let (first, _kept) = tables();
    assert_eq!(first[0], first[1], "both families have the same backends");
    // Another TTL, and another version of the file, leave who has which client as it is.
    stage.report("192.0.2.1", Health::Up { failed: 1 });
    stage.serve(&[&zone(&text.replace("ns: {A: 192.0.2.53}", "ns: {A: 192.0.2.54}"))]);
    let (second, _kept_too) = tables();
    assert_eq!(first, second);
    stage.report("192.0.2.1", DOWN);
    let (third, _) = tables();
    assert_ne!(third[0], first[0]);
    assert_eq!(third[1], first[1], "the other family has lost nobody");
}
