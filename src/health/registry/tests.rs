//! What reports, reloads and probers that come and go make of a target.

use std::num::{NonZeroU8, NonZeroU16};
use std::time::Duration;

use super::*;
use crate::config::model::probers::Quorum;
use crate::config::model::{Check, CheckKind, Role};
use crate::health::sources::Moment;
use crate::health::told::{Matters, Wish};

const UP: Health = Health::Up { failed: 0 };
const DOWN: Health = Health::Down { passed: 0 };

fn target(port: u16) -> Target {
    let port = NonZeroU16::new(port).expect("not zero");
    Target {
        address: [192, 0, 2, 1].into(),
        check: Arc::new(Check {
            kind: CheckKind::Tcp { port },
            interval: Duration::from_secs(10),
            fast_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(2),
            rise: NonZeroU8::MIN,
            fall: NonZeroU8::MIN,
            flap: None,
        }),
    }
}

fn source(name: &str) -> Source {
    if name == "inside" { Source::inside() } else { Source::beside(name).expect(name) }
}

fn report(source_name: &str, port: u16, health: Health, at: u64) -> Report {
    let detail = Arc::from("connection refused");
    let (source, target) = (source(source_name), target(port));
    let (told, took) = (heard(health), Duration::from_micros(at));
    Report { target, source, health, detail, told, took, at }
}

/// What is told where nothing is said: a probe that failed heard nothing.
fn heard(health: Health) -> Told {
    if health.last_outcome() == Some(Outcome::Fail) { Told::SILENT } else { Told::default() }
}

fn panel(names: &[&str]) -> Panel {
    let live = names.iter().map(|name| source(name)).collect();
    Panel { live, cut_off: Vec::new(), quorum: Quorum::Majority, is_open: false }
}

fn registry(ports: &[u16], live: &[&str]) -> Registry {
    let registry = Registry::default();
    registry.set_panel(panel(live), 0);
    registry.track(&ports.iter().map(|port| target(*port)).collect(), |_| None);
    registry
}

fn side(registry: &Registry, port: u16) -> Option<Side> {
    registry.known(&target(port)).expect("it is tracked").side()
}

#[test]
fn equal_checks_of_one_address_are_one_target() {
    let registry = registry(&[80, 80, 81], &["inside"]);
    assert_eq!(registry.len(), 2);
    assert!(registry.report(&report("inside", 80, DOWN, 1), Moment::default()).is_some());
    assert_eq!((side(&registry, 80), side(&registry, 81)), (Some(Side::Down), None));
    let key = TargetKey::of(&target(81));
    assert_eq!(registry.target(&key), Some(target(81)));
}

#[test]
fn what_a_target_said_holds_while_it_does_not_answer() {
    let registry = registry(&[80], &["inside"]);
    let drain = Told { wish: Wish::Drain, ..Told::default() };
    let maint = Told { wish: Wish::Maintenance, ..Told::default() };
    for (health, told, expected) in [
        (UP, drain, drain),
        (Health::Up { failed: 1 }, Told::SILENT, drain),
        // One that says that it is down may say more.
        (DOWN, maint, maint),
        (DOWN, Told::SILENT, maint),
        // Or that it asks for nothing any more.
        (DOWN, Told::default(), Told::default()),
        (UP, drain, drain),
        (UP, Told::default(), Told::default()),
    ] {
        let report = Report { told, ..report("inside", 80, health, 1) };
        registry.report(&report, Moment::default()).expect("it is tracked");
        let known = registry.known(&target(80)).expect("it is tracked");
        assert_eq!(known.told(), expected, "{health:?}");
    }
}

#[test]
fn a_part_that_does_not_answer_takes_no_role_away() {
    let registry = registry(&[80], &["inside"]);
    let primary = Told { role: Some(Role::Primary), share: Some(50), ..Told::default() };
    let busy = Told { share: Some(75), unheard: Matters::ROLE, ..Told::default() };
    for (health, told, role, share) in [
        (UP, primary, Some(Role::Primary), Some(50)),
        (Health::Up { failed: 1 }, busy, Some(Role::Primary), Some(75)),
        (UP, busy, Some(Role::Primary), Some(75)),
        (UP, Told::default(), None, None),
    ] {
        registry
            .report(&Report { told, ..report("inside", 80, health, 1) }, Moment::default())
            .expect("it is tracked");
        let told = registry.known(&target(80)).expect("it is tracked").told();
        assert_eq!((told.role, told.share), (role, share), "{health:?} {told:?}");
    }
}

#[test]
fn who_hears_a_role_outvotes_what_another_heard_before() {
    let registry = registry(&[80], &["ams", "fra", "lon"]);
    let says = |role| Told { role: Some(role), ..Told::default() };
    for (name, health, told, role) in [
        ("ams", UP, says(Role::Replica), Some(Role::Replica)),
        ("fra", UP, says(Role::Replica), Some(Role::Replica)),
        ("lon", UP, says(Role::Replica), Some(Role::Replica)),
        ("ams", DOWN, Told::SILENT, Some(Role::Replica)),
        // It is promoted, which `ams` cannot see.
        ("fra", UP, says(Role::Primary), None),
        ("lon", UP, says(Role::Primary), Some(Role::Primary)),
        // Of what nobody hears any more the last word holds, while it is up.
        ("ams", UP, says(Role::Primary), Some(Role::Primary)),
        ("fra", Health::Up { failed: 1 }, Told::SILENT, Some(Role::Primary)),
        ("lon", Health::Up { failed: 1 }, Told::SILENT, Some(Role::Primary)),
        ("ams", Health::Up { failed: 1 }, Told::SILENT, Some(Role::Primary)),
        ("fra", DOWN, Told::SILENT, Some(Role::Primary)),
        ("lon", DOWN, Told::SILENT, None),
    ] {
        registry
            .report(&Report { told, ..report(name, 80, health, 1) }, Moment::default())
            .expect("it is tracked");
        let told = registry.known(&target(80)).expect("it is tracked").told();
        assert_eq!(told.role, role, "{name} {health:?}");
    }
}

#[test]
fn what_stays_over_a_reload_keeps_its_state() {
    let registry = registry(&[80, 81], &["inside"]);
    registry.report(&report("inside", 80, DOWN, 1), Moment::default());
    registry.track(&HashSet::from([target(80), target(82)]), |_| Some(Side::Up));
    let known = |port| {
        let known = registry.known(&target(port))?;
        Some((known.side(), known.remembered))
    };
    assert_eq!(known(80), Some((Some(Side::Down), None)));
    assert_eq!(known(81), None);
    assert_eq!(known(82), Some((None, Some(Side::Up))));
    assert_eq!(registry.report(&report("inside", 81, UP, 2), Moment::default()), None);
    assert_eq!(registry.target(&TargetKey::of(&target(81))), None);
    assert_eq!(registry.history(&target(80)).len(), 1);
}

#[test]
fn a_report_of_the_same_state_moves_nothing_and_is_an_outcome() {
    let registry = registry(&[80], &["inside"]);
    let moved =
        |report: &Report| registry.report(report, Moment::default()).map(|change| change.moved);
    assert_eq!(moved(&report("inside", 80, UP, 1)), Some(true));
    assert_eq!(moved(&report("inside", 80, UP, 2)), Some(false));
    let outcomes: Vec<u64> = registry.history(&target(80)).iter().map(|probed| probed.at).collect();
    assert_eq!(outcomes, [2, 1]);
    let seen = registry.seen(&target(80)).expect("it is tracked");
    assert_eq!((seen.reports[0].run, seen.latency.count()), (2, 2));
}

#[test]
fn what_is_told_again_is_no_new_outcome() {
    let registry = registry(&[80], &["ams"]);
    let first = report("ams", 80, DOWN, 1);
    assert_eq!(
        registry.retold(&first, Moment::default()).map(|change| (change.moved, change.is_first)),
        Some((true, true))
    );
    let again = registry.retold(&Report { at: 9, ..first }, Moment::default());
    assert_eq!(again.map(|change| (change.moved, change.is_first)), Some((false, false)));
    registry.retold(&report("ams", 80, DOWN, 5), Moment::default());
    assert_eq!(registry.history(&target(80)).len(), 2);
}

#[test]
fn sides_are_counted_when_the_votes_come_to_another() {
    let registry = registry(&[80], &["ams", "fra", "lon"]);
    // Who reports what; the side that follows, since when, and the changes until then.
    for (at, (name, health, side, since, changes)) in (1..).zip([
        ("ams", UP, Side::Up, 1, 0),
        ("fra", DOWN, Side::Up, 1, 0),
        ("lon", DOWN, Side::Down, 3, 1),
        ("fra", UP, Side::Up, 4, 2),
        ("ams", UP, Side::Up, 4, 2),
    ]) {
        registry.report(&report(name, 80, health, at), Moment::default());
        let seen = registry.seen(&target(80)).expect("it is tracked");
        let found = (seen.side, seen.since, seen.changes);
        assert_eq!(found, (Some(side), Some(since), changes), "at {at}");
    }
}

#[test]
fn who_votes_decides() {
    let registry = registry(&[80, 81], &["ams", "fra"]);
    registry.report(&report("ams", 80, UP, 1), Moment::default());
    registry.report(&report("fra", 80, DOWN, 1), Moment::default());
    assert_eq!(side(&registry, 80), Some(Side::Up));
    let changes = |panel| {
        let changed =
            registry.set_panel(panel, 2).into_iter().filter(|(_, change)| change.is_side());
        changed.map(|(target, change)| (target, change.after)).collect::<Vec<_>>()
    };
    assert_eq!(changes(panel(&["fra"])), [(target(80), Some(Side::Down))]);
    assert_eq!(changes(panel(&[])), [(target(80), Some(Side::Up))], "all of them, held");
    assert_eq!(changes(panel(&["ams"])), []);
}

#[test]
fn what_a_source_does_not_say_any_more_is_forgotten() {
    let registry = registry(&[80, 81, 82], &["ams", "fra"]);
    for port in [80, 81] {
        registry.report(&report("ams", port, DOWN, 1), Moment::default());
    }
    registry.report(&report("fra", 81, UP, 1), Moment::default());
    assert_eq!(registry.reported_by(&source("ams")), 2);
    let but = HashSet::from([TargetKey::of(&target(80))]);
    let forgotten = registry.forget(&source("ams"), &but, 2);
    assert_eq!(forgotten.len(), 1);
    assert_eq!(forgotten[0].0, target(81));
    assert_eq!((side(&registry, 80), side(&registry, 81)), (Some(Side::Down), Some(Side::Up)));
    registry.forget(&source("ams"), &HashSet::new(), 3);
    assert_eq!(side(&registry, 80), None);
    assert_eq!(registry.reported_by(&source("ams")), 0);
}

#[test]
fn one_text_is_kept_of_all_that_say_the_same() {
    let registry = registry(&[80], &["inside"]);
    for at in 0..3 {
        registry.report(&report("inside", 80, DOWN, at), Moment::default());
    }
    let history = registry.history(&target(80));
    assert!(history.iter().all(|probed| Arc::ptr_eq(&probed.detail, &history[0].detail)));
}
