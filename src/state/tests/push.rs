//! Backends that report by themselves.

use super::*;
use crate::config::model::Pool;
use crate::health::backend::BackendKey;
use crate::health::key::TargetKey;
use crate::health::target::Side;
use crate::state::publisher::{Fed, Feed};
use crate::state::push::{Push, PushError};

const PUSHED: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}, p: {push: {ttl: 30s}}}
pools:
  web: {check: p, backends: {a: [192.0.2.1, 192.0.2.2], b: 192.0.2.3}}
  spare: {check: c, backends: [192.0.2.4]}
records:
  ns: {A: 192.0.2.53}
  www: {pool: web}
  spare: {pool: spare}
";

impl Stage {
    fn push(&self, backend: &str, side: Side, ttl: Option<u64>) -> Result<Duration, PushError> {
        self.publisher.push(Push {
            backend: BackendKey::parse(backend).expect("three parts"),
            side,
            told: Told::default(),
            ttl: ttl.map(Duration::from_secs),
            detail: "deploying".into(),
        })
    }
}

#[test]
fn what_a_backend_says_holds_until_it_is_not_renewed() {
    let stage = Stage::new();
    stage.serve(&[&zone(PUSHED)]);
    assert_eq!(stage.told(), Some(1), "nobody probes those that report");
    assert_eq!(stage.handouts()[0], [1, 2, 3]);
    assert_eq!(stage.push("example/web/a", Side::Down, None), Ok(Duration::from_secs(30)));
    assert_eq!(stage.handouts()[0], [3], "at once");
    stage.push("example/web/a", Side::Up, None).expect("it reports");
    assert_eq!(stage.handouts()[0], [1, 2, 3]);
    // Nobody has heard of `b` since the start, of `a` since 20 s.
    stage.wait_until(20_000);
    stage.push("example/web/a", Side::Up, None).expect("it reports");
    stage.wait_until(29_999);
    assert_eq!(stage.handouts()[0], [1, 2, 3]);
    stage.wait_until(30_000);
    assert_eq!(stage.handouts()[0], [1, 2]);
    // A report may hold for longer, or less; a reload changes nothing.
    stage.push("example/web/b", Side::Up, Some(5)).expect("it reports");
    stage.serve(&[&zone(&PUSHED.replace("ns: {A: 192.0.2.53}", "ns: {A: 192.0.2.54}"))]);
    stage.wait_until(34_999);
    assert_eq!(stage.handouts()[0], [1, 2, 3]);
    stage.wait_until(35_000);
    assert_eq!(stage.handouts()[0], [1, 2]);
    let View::Served { zone, .. } = stage.view() else { panic!("the zone is served") };
    let pool = &zone.pools[0];
    let target = Target::of_backend(pool, &pool.backends[1]).next().expect("it has an address");
    let seen = stage.publisher.registry().seen(&target).expect("it is known");
    assert_eq!(&*seen.reports[0].detail, "no report for 5s", "as long as it said");
}

#[test]
fn probers_have_no_part_in_what_backends_say() {
    let stage = Stage::new();
    stage.serve(&[&zone(PUSHED)]);
    stage.push("example/web/a", Side::Down, None).expect("it reports");
    assert_eq!(stage.handouts()[0], [3]);
    let View::Served { zone, .. } = stage.view() else { panic!("the zone is served") };
    let pool = &zone.pools[0];
    let targets = Target::of_backend(pool, &pool.backends[0]);
    let ups = targets.map(|target| Fed {
        key: TargetKey::of(&target),
        health: UP,
        detail: Arc::from("HTTP 200"),
        told: Told::default(),
        took: Duration::ZERO,
        at: BEGIN,
    });
    let reports: Vec<Fed> = ups.collect();
    for whole in [true, false] {
        let source = Prober::beside("ams").expect("a name");
        let feed = Feed { source, whole, reports: reports.clone(), unknown: 0 };
        let counts = stage.publisher.feed(feed).expect("there is room for a prober");
        stage.publisher.flush();
        assert_eq!(stage.handouts()[0], [3], "whole: {whole}");
        assert_eq!((counts.known, counts.unknown), (0, 2), "whole: {whole}");
    }
}

#[test]
fn services_on_one_host_report_for_themselves() {
    let stage = Stage::new();
    let text = PUSHED.replace(
        "spare: {check: c, backends: [192.0.2.4]}",
        "spare: {check: p, backends: {a: 192.0.2.1, b: 192.0.2.4}}",
    );
    stage.serve(&[&zone(&text)]);
    stage.push("example/web/a", Side::Down, None).expect("it reports");
    assert_eq!(stage.handouts(), [vec![3], vec![1, 4]]);
    stage.wait_until(20_000);
    for backend in ["example/web/a", "example/web/b", "example/spare/b"] {
        stage.push(backend, Side::Up, None).expect("it reports");
    }
    // Nobody has renewed what is said of `spare/a`.
    stage.wait_until(30_000);
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4]]);
}

#[test]
fn what_a_backend_says_holds_for_its_private_addresses_too() {
    let stage = Stage::new();
    let text = PUSHED.replace("b: 192.0.2.3}", "b: {address: 192.0.2.3, private: 10.0.0.3}}");
    stage.serve(&[&zone(&text)]);
    let private = || -> Vec<u8> {
        let View::Served { zone, ready } = stage.view() else { panic!("the zone is served") };
        let face = zone.pools.iter().position(Pool::is_private).expect("it has one");
        let addresses = ready.get(face).expect("each pool has one").addresses();
        addresses
            .filter(|address| address.to_string().starts_with("10."))
            .map(last_number)
            .collect()
    };
    assert_eq!(private(), [3]);
    stage.push("example/web/b", Side::Down, None).expect("it reports");
    assert_eq!(private(), [0; 0]);
    stage.push("example/web/b", Side::Up, None).expect("it reports");
    assert_eq!(private(), [3]);
}

#[test]
fn a_backend_that_is_down_asks_for_nothing_any_more() {
    use crate::health::told::Wish;
    use crate::state::push::Push;

    let stage = Stage::new();
    stage.serve(&[&zone(PUSHED)]);
    let say = |backend, side, wish| {
        let backend = BackendKey::parse(backend).expect("three parts");
        let told = Told { wish, ..Told::default() };
        let push = Push { backend, side, told, ttl: None, detail: "deploying".into() };
        stage.publisher.push(push).expect("it reports");
    };
    say("example/web/a", Side::Up, Wish::Drain);
    say("example/web/b", Side::Down, Wish::Serve);
    assert_eq!(stage.handouts()[0], [3], "who asks to be left out is no guess");
    say("example/web/a", Side::Down, Wish::Serve);
    assert_eq!(stage.handouts()[0], [1, 2, 3], "who is down is one");
}

#[test]
fn who_cannot_report_is_told_why() {
    let stage = Stage::new();
    stage.serve(&[&zone(PUSHED)]);
    let unknown = |key| PushError::Unknown(BackendKey::parse(key).expect("three parts"));
    let no_push = |key| PushError::NoPush(BackendKey::parse(key).expect("three parts"));
    for (backend, error) in [
        ("example/web/c", unknown("example/web/c")),
        ("example/spare/192.0.2.4", no_push("example/spare/192.0.2.4")),
    ] {
        assert_eq!(stage.push(backend, Side::Up, None), Err(error));
    }
}
