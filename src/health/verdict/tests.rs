//! Each row of the chart, and the table of quorum, probers and loss.

use std::num::{NonZeroU8, NonZeroU16};

use super::*;
use crate::config::model::CheckKind;

const UP: Health = Health::Up { failed: 0 };
const DOWN: Health = Health::Down { passed: 0 };

fn check() -> Arc<Check> {
    Arc::new(Check {
        kind: CheckKind::Tcp { port: NonZeroU16::MIN },
        interval: Duration::from_secs(10),
        fast_interval: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        rise: NonZeroU8::new(2).expect("not zero"),
        fall: NonZeroU8::new(3).expect("not zero"),
        flap: None,
    })
}

fn vote(health: Health, is_live: bool) -> Vote {
    let (source, detail, told) = (Source::inside(), Arc::from(""), Told::default());
    Vote { source, is_live, health, detail, told, run: 1, is_cut_off: false, held: None }
}

fn known(votes: Vec<Vote>, remembered: Option<Side>) -> Known {
    Known {
        check: check(),
        votes,
        quorum: Quorum::Majority,
        is_open: false,
        remembered,
        flapping: None,
    }
}

/// Votes such as `Ud`: each prober's side, a capital for one that is heard.
fn votes(text: &str) -> Vec<Vote> {
    let health = |letter: char| if letter.eq_ignore_ascii_case(&'u') { UP } else { DOWN };
    text.chars().map(|letter| vote(health(letter), letter.is_ascii_uppercase())).collect()
}

#[test]
fn each_row_of_the_chart_holds() {
    use Basis::{
        Asked, Assumed, Flapping, Held, Isolated, Judged, Open, Override, Remembered, Set,
        Unchecked,
    };
    use SetState::{Auto, Down as SetDown, Up as SetUp};

    let (up, down, drain) = (Some(Hand::Up), Some(Hand::Down), Some(Hand::Drain));
    let flapping = |votes| Known {
        flapping: Some(Hold { changes: 5, end: Duration::ZERO, until: 1 }),
        ..known(votes, Some(Side::Up))
    };
    let open = |votes| Known { is_open: true, ..known(votes, Some(Side::Down)) };
    let wishing = |text, wish| {
        let mut votes = votes(text);
        for vote in &mut votes {
            vote.told.wish = wish;
        }
        votes
    };
    let drained = |text| known(wishing(text, Wish::Drain), None);
    let cut_off = |text| {
        let mut votes = votes(text);
        for vote in &mut votes {
            vote.is_cut_off = true;
        }
        votes
    };
    // A hand, the file, what is known; in service, set down, the basis.
    for (hand, state, known, in_service, is_set_down, basis) in [
        (up, SetDown, Some(known(votes("D"), None)), true, false, Override),
        (down, SetUp, Some(known(votes("U"), None)), false, true, Override),
        (drain, SetUp, None, false, true, Override),
        (None, SetUp, Some(known(votes("D"), None)), true, false, Set),
        (None, SetDown, Some(known(votes("U"), None)), false, true, Set),
        (None, SetDown, None, false, true, Set),
        (None, Auto, None, true, false, Unchecked),
        (None, Auto, Some(known(votes("U"), Some(Side::Down))), true, false, Judged),
        (None, Auto, Some(known(votes("D"), Some(Side::Up))), false, false, Judged),
        (None, Auto, Some(flapping(votes("U"))), false, false, Flapping),
        (None, Auto, Some(flapping(votes("D"))), false, false, Flapping),
        (None, SetUp, Some(flapping(votes("D"))), true, false, Set),
        (up, Auto, Some(flapping(votes("U"))), true, false, Override),
        // Nobody is heard, or only who is cut off: it stays held.
        (None, Auto, Some(flapping(votes("u"))), false, false, Flapping),
        (None, Auto, Some(flapping(cut_off("u"))), false, false, Flapping),
        (None, Auto, Some(flapping(cut_off("d"))), false, false, Flapping),
        (None, Auto, Some(known(cut_off("u"), None)), true, false, Isolated),
        (None, Auto, Some(Known { is_open: true, ..flapping(votes("u")) }), true, false, Open),
        (None, Auto, Some(open(votes("D"))), false, false, Judged),
        (None, Auto, Some(drained("U")), false, true, Asked),
        (None, Auto, Some(drained("D")), false, true, Asked),
        (None, Auto, Some(known(wishing("U", Wish::Maintenance), None)), false, true, Asked),
        (None, Auto, Some(drained("u")), false, true, Asked),
        (None, Auto, Some(open(wishing("U", Wish::Drain))), false, true, Asked),
        (None, Auto, Some(open(wishing("u", Wish::Drain))), true, false, Open),
        (None, SetUp, Some(drained("U")), true, false, Set),
        (up, Auto, Some(drained("U")), true, false, Override),
        (None, Auto, Some(open(votes("d"))), true, false, Open),
        (None, Auto, Some(open(votes(""))), true, false, Open),
        (None, Auto, Some(known(votes("d"), Some(Side::Up))), false, false, Held),
        (None, Auto, Some(known(votes("u"), Some(Side::Down))), true, false, Held),
        (
            None,
            Auto,
            Some(known(vec![vote(Health::Unknown, true)], Some(Side::Down))),
            false,
            false,
            Remembered,
        ),
        (None, Auto, Some(known(votes(""), Some(Side::Up))), true, false, Remembered),
        (None, Auto, Some(known(votes(""), None)), true, false, Assumed),
    ] {
        let verdict = Verdict::new(state, hand, known.as_ref());
        let found = (verdict.in_service, verdict.is_set_down, verdict.basis);
        assert_eq!(found, (in_service, is_set_down, basis), "{hand:?} {state:?} {known:?}");
    }
}

#[test]
fn quorum_counts_live_probers_and_holds_what_lost_ones_said() {
    use Basis::{Held, Judged};

    // The votes, capitals for those that are heard; for each quorum: + in service, - not.
    let two = Quorum::AtLeast(NonZeroU8::new(2).expect("not zero"));
    let quorums = [Quorum::Any, Quorum::Majority, Quorum::All, two];
    for (text, expected, basis) in [
        ("U", "++++", Judged),
        ("D", "----", Judged),
        ("UD", "++--", Judged),
        ("UUD", "++-+", Judged),
        ("UDD", "+---", Judged),
        // One was lost: it has no vote any more.
        ("Ud", "++++", Judged),
        ("Du", "----", Judged),
        ("UDd", "++--", Judged),
        ("UUd", "++++", Judged),
        // All were lost: what they said last is held.
        ("ud", "++--", Held),
        ("udd", "+---", Held),
        ("uud", "++-+", Held),
    ] {
        let found: String = quorums
            .iter()
            .map(|&quorum| {
                let known = Known { quorum, ..known(votes(text), None) };
                let verdict = Verdict::new(SetState::Auto, None, Some(&known));
                assert_eq!(verdict.basis, basis, "{text}");
                if verdict.in_service { '+' } else { '-' }
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_target_on_its_way_says_when_it_can_have_changed() {
    let (failed, passed) = (|failed| Health::Up { failed }, |passed| Health::Down { passed });
    for (healths, seconds) in [
        (vec![UP], None),
        (vec![failed(1)], Some(2)),
        (vec![failed(2)], Some(1)),
        (vec![DOWN], None),
        (vec![passed(1)], Some(1)),
        // The soonest of all probers.
        (vec![UP, failed(1), DOWN], Some(2)),
        (vec![failed(1), passed(1)], Some(1)),
    ] {
        let row = format!("{healths:?}");
        let known = known(healths.into_iter().map(|health| vote(health, true)).collect(), None);
        let verdict = Verdict::new(SetState::Auto, None, Some(&known));
        assert_eq!(verdict.may_change_in, seconds.map(Duration::from_secs), "{row}");
    }
    let lost = known(vec![vote(failed(2), false)], None);
    let verdict = Verdict::new(SetState::Auto, None, Some(&lost));
    assert_eq!(verdict.may_change_in, None, "nobody probes it");
}
