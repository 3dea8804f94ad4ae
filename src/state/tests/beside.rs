//! Probers beside: what they tell, what their silence does, and who stands in.

use super::*;
use crate::config::model::probers::OnProberLoss;
use crate::health::key::TargetKey;
use crate::health::sources::Hearing;
use crate::state::events::Kind;
use crate::state::publisher::{Fed, Feed, FeedCounts, FeedError};

fn prober(name: &str) -> Prober {
    Prober::beside(name).expect(name)
}

/// A server without a prober of its own.
fn alone(on_loss: OnProberLoss, takeover: Option<u64>) -> Settings {
    let takeover = takeover.map(Duration::from_secs);
    Settings { inside: false, on_loss, takeover, ..Settings::default() }
}

impl Stage {
    fn fed(&self, (address, health): (&str, Health)) -> Fed {
        let key = TargetKey::of(&self.target(address));
        let detail = Arc::from("timeout");
        let (told, took) = (heard(health), Duration::from_millis(3));
        Fed { key, health, detail, told, took, at: BEGIN }
    }

    /// A prober tells of some targets.
    fn feed(&self, name: &str, whole: bool, told: &[(&str, Health)]) -> FeedCounts {
        let reports = told.iter().map(|told| self.fed(*told)).collect();
        let counts = self.publisher.feed(Feed { source: prober(name), whole, reports, unknown: 0 });
        self.publisher.flush();
        counts.expect("there is room for a prober")
    }

    fn web(&self) -> Vec<u8> {
        self.handouts()[0].clone()
    }
}

#[test]
fn the_majority_of_probers_decides() {
    let stage = Stage::with(Kept::default(), alone(OnProberLoss::Hold, None));
    stage.serve(&[&zone(ZONE)]);
    assert_eq!(stage.told(), Some(0), "the prober inside rests");
    for (name, health, expected) in [
        ("ams", DOWN, vec![2]),
        ("fra", UP, vec![1, 2]),
        ("lon", DOWN, vec![2]),
        ("lon", UP, vec![1, 2]),
    ] {
        stage.feed(name, false, &[("192.0.2.1", health)]);
        assert_eq!(stage.web(), expected, "{name} says {health:?}");
    }
}

#[test]
fn silence_does_as_it_is_set() {
    // `ams` finds 1 down at 0 s and is silent from then on, its lease is 10 s. What is handed out at 9, 10 and 40 s, and
    // how many targets the prober inside has then.
    for (on_loss, takeover, handed_out, probed) in [
        (OnProberLoss::Hold, Some(30), [vec![2], vec![2], vec![2]], [0, 0, 3]),
        (OnProberLoss::Hold, None, [vec![2], vec![2], vec![2]], [0, 0, 0]),
        (OnProberLoss::Probe, None, [vec![2], vec![2], vec![2]], [0, 3, 3]),
        (OnProberLoss::Open, Some(30), [vec![2], vec![1, 2], vec![1, 2]], [0, 0, 0]),
    ] {
        let stage = Stage::with(Kept::default(), alone(on_loss, takeover));
        stage.serve(&[&zone(ZONE)]);
        stage.feed("ams", true, &[("192.0.2.1", DOWN), ("192.0.2.2", UP), ("192.0.2.3", UP)]);
        let mut targets = stage.told().expect("it was told");
        for (place, seconds) in [9, 10, 40].into_iter().enumerate() {
            stage.wait_until(seconds * 1000);
            targets = stage.told().unwrap_or(targets);
            let row = format!("{on_loss:?}, takeover {takeover:?}, at {seconds} s");
            assert_eq!(stage.web(), handed_out[place], "{row}");
            assert_eq!(targets, probed[place], "{row}");
        }
        // It comes back.
        stage.feed("ams", true, &[("192.0.2.1", UP), ("192.0.2.2", DOWN), ("192.0.2.3", UP)]);
        assert_eq!(stage.web(), [1], "{on_loss:?}");
        assert_eq!(stage.told().unwrap_or(targets), 0, "{on_loss:?}");
    }
}

#[test]
fn who_stands_in_is_believed_until_a_prober_comes_back() {
    let stage = Stage::with(Kept::default(), alone(OnProberLoss::Probe, None));
    stage.serve(&[&zone(ZONE)]);
    stage.feed("ams", true, &[("192.0.2.1", DOWN), ("192.0.2.2", UP)]);
    stage.report("192.0.2.2", DOWN);
    assert_eq!(stage.web(), [2], "nobody asked it");
    stage.wait_until(10_000);
    stage.report("192.0.2.2", DOWN);
    stage.report("192.0.2.1", UP);
    assert_eq!(stage.web(), [1]);
    stage.feed("ams", true, &[("192.0.2.1", DOWN), ("192.0.2.2", UP)]);
    assert_eq!(stage.web(), [2]);
}

#[test]
fn a_lost_prober_is_told_of_and_has_no_vote() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    stage.report("192.0.2.1", DOWN);
    stage.feed("ams", false, &[("192.0.2.1", UP)]);
    assert_eq!(stage.web(), [1, 2], "a tie is up");
    stage.wait_until(10_000);
    assert_eq!(stage.web(), [2]);
    let probers = stage.publisher.probers();
    let hearings: Vec<(&str, Hearing)> =
        probers.iter().map(|prober| (prober.source.as_str(), prober.hearing)).collect();
    assert_eq!(hearings, [("inside", Hearing::Live), ("ams", Hearing::Lost)]);
    assert_eq!(probers[1].heard, Some(BEGIN));
    assert!(stage.publisher.alarms()[0].contains("ams"));
    let (events, _) = stage.publisher.events().subscribe(Some(0));
    let told = events.iter().filter(|event| event.kind == Kind::Prober);
    let told: Vec<&str> = told.map(|event| event.message.as_str()).collect();
    assert_eq!(told, ["heard first", "lost: it was not heard for 10s"]);
    stage.publisher.heard(prober("ams")).expect("there is room");
    stage.publisher.flush();
    assert_eq!(stage.web(), [1, 2]);
}

#[test]
fn a_prober_that_starts_anew_moves_no_traffic() {
    let stage = Stage::with(Kept::default(), alone(OnProberLoss::Hold, None));
    stage.serve(&[&zone(ZONE)]);
    stage.feed("ams", true, &[("192.0.2.1", DOWN), ("192.0.2.2", UP)]);
    stage.feed("ams", true, &[]);
    assert_eq!(stage.web(), [2], "nothing is known, so it stays as it was");
    stage.feed("ams", true, &[("192.0.2.1", UP)]);
    assert_eq!(stage.web(), [1, 2]);
}

#[test]
fn what_a_feed_is_about_is_counted() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    let (known, unknown) = ([("192.0.2.1", UP)], [("192.0.2.2", UP), ("198.51.100.7", DOWN)]);
    for (whole, told, expected) in [
        (false, &known[..], (1, 0, 2)),
        (false, &unknown[..], (1, 1, 1)),
        (false, &[], (0, 0, 1)),
        (true, &unknown[..], (1, 1, 2)),
        (false, &[("192.0.2.3", Health::Unknown)], (0, 0, 2)),
    ] {
        let FeedCounts { known, unknown, missing } = stage.feed("ams", whole, told);
        assert_eq!((known, unknown, missing), expected, "{told:?}");
    }
    let probers = stage.publisher.probers();
    let tally = probers.last().expect("ams is known").tally;
    assert_eq!((tally.targets, tally.missing, tally.unknown), (1, 2, 1));
    assert_eq!((tally.reports, tally.rejected), (3, 2));
}

#[test]
fn there_is_an_end_to_the_probers() {
    let stage = Stage::new();
    stage.serve(&[&zone(ZONE)]);
    for count in 0..15 {
        stage.feed(&format!("p{count}"), false, &[]);
    }
    let more = stage.publisher.heard(prober("more"));
    assert!(matches!(more, Err(FeedError::TooMany(_))), "{more:?}");
}
