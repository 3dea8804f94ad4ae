//! A prober that is cut off: what it says of what fell is held, told, and believed in the end.

use super::*;
use crate::config::model::probers::Isolation;
use crate::health::key::TargetKey;
use crate::health::sources::Hearing;
use crate::state::publisher::{Fed, Feed};

const TWO: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}}
pools:
  web: {check: c, backends: [192.0.2.1, 192.0.2.2, 192.0.2.3]}
  spare: {check: c, backends: [192.0.2.4, 192.0.2.5, 192.0.2.6]}
records:
  ns: {A: 192.0.2.53}
  www: {pool: web}
  spare: {pool: spare}
";

/// A server that takes four targets for enough.
fn stage() -> Stage {
    stage_with(Settings::default())
}

/// One that probes only where nobody beside does.
fn standing_in() -> Stage {
    stage_with(Settings { inside: false, ..Settings::default() })
}

fn stage_with(settings: Settings) -> Stage {
    begin(LastHealth::load(Path::new("/dev/null/state")), settings)
}

fn begin(last_health: LastHealth, settings: Settings) -> Stage {
    let isolation = Isolation {
        targets: 4.try_into().expect("not zero"),
        hold_max: Duration::from_secs(60),
        ..Isolation::default()
    };
    let settings = Settings { isolation: Some(isolation), ..settings };
    let stage = Stage::remembering(last_health, Kept::default(), settings);
    stage.serve(&[&zone(TWO)]);
    stage
}

impl Stage {
    /// These are found so, one after the other.
    fn all(&self, range: std::ops::RangeInclusive<u8>, health: Health) {
        for last in range {
            self.report(&format!("192.0.2.{last}"), health);
        }
    }

    /// A prober beside finds these so.
    fn all_by(&self, prober: &Prober, health: Health, range: std::ops::RangeInclusive<u8>) {
        self.tell_all(prober, false, health, range);
    }

    /// The same; `whole` is all that it knows.
    fn tell_all(
        &self,
        prober: &Prober,
        whole: bool,
        health: Health,
        range: std::ops::RangeInclusive<u8>,
    ) {
        let fed = |last| Fed {
            key: TargetKey::of(&self.target(&format!("192.0.2.{last}"))),
            health,
            detail: Arc::from("x"),
            told: heard(health),
            took: Duration::ZERO,
            at: BEGIN,
        };
        let reports = range.map(fed).collect();
        let told = Feed { source: prober.clone(), whole, reports, unknown: 0 };
        self.publisher.feed(told).expect("there is room");
        self.publisher.flush();
    }

    fn hearing(&self) -> Hearing {
        self.publisher.probers()[0].hearing
    }

    fn is_alarmed(&self) -> bool {
        self.publisher.alarms().iter().any(|alarm| alarm.contains("seems to be cut off"))
    }
}

#[test]
fn most_that_fall_at_once_count_as_before_until_enough_are_back() {
    let stage = stage();
    stage.all(1..=6, UP);
    stage.all(1..=3, DOWN);
    // Half of them, and one pool: that is no more than it seems. Nothing is in service, so all of it is a guess.
    assert_eq!((stage.hearing(), stage.is_alarmed()), (Hearing::Live, false));
    stage.all(2..=2, UP);
    assert_eq!(stage.handouts(), [vec![2], vec![4, 5, 6]]);
    stage.all(2..=2, DOWN);
    stage.all(4..=6, DOWN);
    assert_eq!((stage.hearing(), stage.is_alarmed()), (Hearing::CutOff, true));
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4, 5, 6]]);
    let View::Served { ready, .. } = stage.view() else { panic!("the zone is served") };
    assert!(ready.iter().all(|ready| ready.source == Source::InService), "no guess");
    // Three are back: half of six is not most.
    stage.all(1..=3, UP);
    assert_eq!((stage.hearing(), stage.is_alarmed()), (Hearing::Live, false));
    // The others stay until they are probed.
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4, 5, 6]]);
    stage.all(4..=4, UP);
    stage.all(5..=5, Health::Down { passed: 1 });
    assert_eq!(
        stage.handouts(),
        [vec![1, 2, 3], vec![4, 5, 6]],
        "a probe has passed, and one more is to"
    );
    stage.all(5..=5, DOWN);
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4, 6]]);
    // 6 was not probed in the whole window: what was said of it last counts.
    stage.wait_until(30_000);
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4]]);
}

#[test]
fn what_lasts_is_believed() {
    let stage = stage();
    stage.all(1..=6, UP);
    stage.wait_until(5_000);
    stage.all(1..=5, DOWN);
    stage.wait_until(64_999);
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4, 5, 6]]);
    stage.wait_until(65_000);
    assert_eq!(stage.handouts()[1], [6]);
    assert!(!stage.is_alarmed());
}

#[test]
fn a_hand_beats_what_is_held() {
    use crate::health::overrides::Hand;
    use crate::state::steer::{Steer, Wish};

    let stage = stage();
    stage.all(1..=6, UP);
    stage.all(1..=5, DOWN);
    let down = Steer {
        patterns: vec!["example/*/192.0.2.1".into()],
        wish: Wish::Set { hand: Hand::Down, lasts: None },
        author: "anna".into(),
        reason: None,
    };
    stage.publisher.steer(&down).expect("it is there");
    assert_eq!(stage.handouts()[0], [2, 3]);
}

#[test]
fn the_others_decide_where_there_are_any() {
    let stage = stage();
    let ams = Prober::beside("ams").expect("a name");
    stage.all(1..=6, UP);
    stage.all_by(&ams, UP, 1..=6);
    // Two votes that differ are a tie, which is up; the one that is cut off has none.
    stage.all(1..=6, DOWN);
    assert_eq!(stage.hearing(), Hearing::CutOff);
    stage.all_by(&ams, DOWN, 1..=1);
    assert_eq!(stage.handouts(), [vec![2, 3], vec![4, 5, 6]]);
}

#[test]
fn pools_that_share_an_address_are_one() {
    let stage = stage();
    stage.serve(&[&zone(&TWO.replace("192.0.2.4, ", "192.0.2.3, 192.0.2.4, "))]);
    stage.all(1..=6, UP);
    stage.all(1..=5, DOWN);
    assert_eq!(stage.hearing(), Hearing::Live);
    assert_eq!(stage.handouts()[1], [6]);
}

#[test]
fn who_rests_while_it_is_cut_off_is_believed_when_it_stands_in_again() {
    let stage = standing_in();
    let ams = Prober::beside("ams").expect("a name");
    stage.all_by(&ams, UP, 1..=6);
    // The lease is 10 s, and it takes over 30 s later.
    stage.wait_until(40_000);
    stage.all(1..=6, UP);
    stage.all(1..=5, DOWN);
    assert_eq!(stage.hearing(), Hearing::CutOff);
    stage.all_by(&ams, UP, 1..=6);
    assert!(!stage.is_alarmed(), "it rests");
    stage.wait_until(80_000);
    stage.all(1..=6, UP);
    stage.all(1..=1, DOWN);
    assert_eq!((stage.hearing(), stage.is_alarmed()), (Hearing::Live, false));
    assert_eq!(stage.handouts(), [vec![2, 3], vec![4, 5, 6]]);
}

#[test]
fn who_stands_in_and_finds_all_down_is_cut_off_itself() {
    let stage = standing_in();
    let ams = Prober::beside("ams").expect("a name");
    stage.all_by(&ams, UP, 1..=6);
    stage.wait_until(40_000);
    stage.all(1..=6, DOWN);
    assert_eq!(stage.hearing(), Hearing::CutOff);
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4, 5, 6]]);
    stage.wait_until(101_000);
    assert_eq!(stage.hearing(), Hearing::Live, "it is believed after 60 s");
    let View::Served { ready, .. } = stage.view() else { panic!("the zone is served") };
    assert!(ready.iter().all(|ready| ready.source == Source::AllDown));
}

#[test]
fn who_finds_all_down_after_a_restart_is_cut_off() {
    let folder = Folder::new("cut-off");
    let begin = || begin(LastHealth::load(&folder.0), Settings::default());
    let stage = begin();
    stage.all(1..=5, UP);
    stage.all(6..=6, DOWN);
    stage.stop(&folder, "down");
    let stage = begin();
    stage.all(1..=6, DOWN);
    assert_eq!(stage.hearing(), Hearing::CutOff);
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4, 5]]);
}

#[test]
fn a_prober_that_comes_and_finds_down_what_others_find_up_is_not_heard() {
    let stage = stage();
    let ams = Prober::beside("ams").expect("a name");
    stage.all(1..=6, UP);
    stage.tell_all(&ams, true, DOWN, 1..=5);
    let hearing: Vec<Hearing> =
        stage.publisher.probers().into_iter().map(|prober| prober.hearing).collect();
    assert_eq!(hearing, [Hearing::Live, Hearing::CutOff]);
    assert_eq!(stage.handouts(), [vec![1, 2, 3], vec![4, 5, 6]]);
}

#[test]
fn a_pool_and_what_some_see_of_it_are_one() {
    let of_own = |last: u8| format!("w{last}: {{address: 192.0.2.{last}, private: 10.0.0.{last}}}");
    let backends = [1, 2, 3].map(of_own).join(", ");
    let stage = stage();
    stage.serve(&[&zone(
        &TWO.replace("[192.0.2.1, 192.0.2.2, 192.0.2.3]", &format!("{{{backends}}}")),
    )]);
    let own =
        ["192.0.2", "10.0.0"].map(|net| [1, 2, 3].map(|last| format!("{net}.{last}"))).concat();
    stage.all(4..=5, UP);
    for health in [UP, DOWN] {
        for address in &own {
            stage.report(address, health);
        }
    }
    // Six of eight have fallen, all of one service.
    assert_eq!((stage.hearing(), stage.is_alarmed()), (Hearing::Live, false));
    stage.all(4..=4, DOWN);
    assert_eq!(stage.hearing(), Hearing::CutOff, "and now another has too");
}
