//! Leases in virtual time: who is heard, who votes, and who probes.

use super::*;

fn at(seconds: u64) -> Moment {
    Moment { running: Duration::from_secs(seconds), unix: seconds * 1000 }
}

fn source(name: &str) -> Source {
    Source::beside(name).expect(name)
}

fn settings(inside: bool, on_loss: OnProberLoss, takeover: Option<u64>) -> Settings {
    let takeover = takeover.map(Duration::from_secs);
    Settings { inside, on_loss, takeover, ..Settings::default() }
}

/// Who votes at a time, and `*` where everything is open.
fn voters(sources: &Sources, seconds: u64) -> String {
    let panel = sources.panel(at(seconds));
    let names: Vec<&str> = panel.live.iter().map(Source::as_str).collect();
    format!("{}{}", names.join(" "), if panel.is_open { "*" } else { "" })
}

#[test]
fn each_row_of_the_chart_holds() {
    use OnProberLoss::{Hold, Open, Probe};

    // `ams` is heard at 0 and `fra` at 5 seconds, never again; a lease is 10 s. Who votes then, at a time.
    for (inside, on_loss, takeover, expected) in [
        (true, Hold, Some(30), ["inside ams fra", "inside fra", "inside", "inside", "inside"]),
        (true, Open, None, ["inside ams fra", "inside fra", "inside", "inside", "inside"]),
        (false, Hold, Some(30), ["ams fra", "fra", "", "", "inside"]),
        (false, Hold, Some(0), ["ams fra", "fra", "inside", "inside", "inside"]),
        (false, Hold, None, ["ams fra", "fra", "", "", ""]),
        (false, Probe, Some(30), ["ams fra", "fra", "inside", "inside", "inside"]),
        (false, Open, Some(30), ["ams fra", "fra", "*", "*", "*"]),
    ] {
        let mut sources = Sources::new(settings(inside, on_loss, takeover));
        assert_eq!(sources.heard(&source("ams"), at(0)), Ok(Heard::First));
        assert_eq!(sources.heard(&source("fra"), at(5)), Ok(Heard::First));
        let found = [9, 14, 15, 44, 45].map(|seconds| voters(&sources, seconds));
        assert_eq!(found, expected, "inside {inside}, {on_loss:?}, takeover {takeover:?}");
    }
}

#[test]
fn a_stand_in_ends_when_a_prober_is_heard_again() {
    let mut sources = Sources::new(settings(false, OnProberLoss::Probe, None));
    assert_eq!(sources.heard(&source("ams"), at(0)), Ok(Heard::First));
    assert!(!sources.inside_probes(at(9)));
    assert!(sources.inside_probes(at(10)));
    assert_eq!(sources.heard(&source("ams"), at(11)), Ok(Heard::Again));
    assert!(!sources.inside_probes(at(11)));
    assert_eq!(sources.heard(&source("ams"), at(12)), Ok(Heard::Still));
}

#[test]
fn a_server_that_was_just_started_waits_for_one_lease() {
    for (on_loss, takeover, expected) in [
        (OnProberLoss::Hold, Some(30), ["", "", "inside"]),
        (OnProberLoss::Probe, None, ["", "inside", "inside"]),
        (OnProberLoss::Open, None, ["", "*", "*"]),
    ] {
        let sources = Sources::new(settings(false, on_loss, takeover));
        assert_eq!([9, 10, 40].map(|seconds| voters(&sources, seconds)), expected, "{on_loss:?}");
    }
}

#[test]
fn who_is_lost_is_told_once() {
    let expect = vec![source("fra")];
    let mut sources = Sources::new(Settings { expect, ..Settings::default() });
    assert_eq!(sources.heard(&source("ams"), at(3)), Ok(Heard::First));
    let told: Vec<Vec<Source>> = [9, 10, 12, 13, 14].map(|now| sources.lost(at(now))).into();
    let nobody = Vec::new;
    assert_eq!(told, [nobody(), vec![source("fra")], nobody(), vec![source("ams")], nobody()]);
    let hearings = sources.probers(at(14)).into_iter().map(|prober| prober.hearing);
    let hearings: Vec<Hearing> = hearings.collect();
    assert_eq!(hearings, [Hearing::Live, Hearing::Awaited, Hearing::Lost], "inside is first");
    assert_eq!(
        sources.alarms(at(14)),
        ["the prober fra has never been heard", "the prober ams is lost: it is silent"]
    );
    assert_eq!(sources.heard(&source("ams"), at(20)), Ok(Heard::Again));
    assert_eq!(sources.lost(at(29)), nobody());
    assert_eq!(sources.lost(at(30)), [source("ams")]);
}

#[test]
fn the_next_change_by_time_is_known() {
    let mut sources = Sources::new(settings(false, OnProberLoss::Hold, Some(30)));
    let next = |sources: &Sources, now| sources.next_change(at(now)).map(|time| time.as_secs());
    assert_eq!(next(&sources, 0), Some(10), "the first lease");
    assert_eq!(sources.heard(&source("ams"), at(5)), Ok(Heard::First));
    assert_eq!(next(&sources, 11), Some(15), "the lease of ams");
    assert_eq!(next(&sources, 15), Some(45), "the takeover");
    assert_eq!(next(&sources, 45), None);
}

#[test]
fn one_more_than_the_most_takes_the_place_of_a_lost_one() {
    let mut sources = Sources::new(Settings::default());
    for count in 0..BESIDE_MAX {
        assert_eq!(
            sources.heard(&source(&format!("p{count}")), at(count as u64)),
            Ok(Heard::First)
        );
    }
    assert_eq!(sources.heard(&source("new"), at(9)), Err(TooManySources));
    assert_eq!(sources.heard(&source("new"), at(10)), Ok(Heard::First), "p0 is lost by then");
    assert_eq!(sources.tally(&source("p0")), None);
}

#[test]
fn a_lost_prober_that_nobody_expects_is_forgotten_in_the_end() {
    let expect = vec![source("fra")];
    let mut sources = Sources::new(Settings { expect, inside: false, ..Settings::default() });
    assert_eq!(sources.heard(&source("ams"), at(0)), Ok(Heard::First));
    assert!(sources.forget(at(4000)).is_empty(), "while nobody is heard, its votes are held");
    assert_eq!(sources.heard(&source("fra"), at(4000)), Ok(Heard::First));
    assert_eq!(sources.forget(at(4000)), [source("ams")]);
}
