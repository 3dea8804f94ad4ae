//! When a prober is taken as cut off, and when it is believed again.

use std::num::NonZeroU16;

use super::*;
use crate::health::key::CheckKey;

fn settings() -> Isolation {
    Isolation {
        share: 500,
        window: Duration::from_secs(30),
        targets: NonZeroU16::new(3).expect("not zero"),
        hold_max: Duration::from_secs(120),
    }
}

fn key(last: u8) -> TargetKey {
    let check: CheckKey = "00000000000000aa".parse().expect("sixteen digits");
    TargetKey { address: [192, 0, 2, last].into(), check }
}

/// A prober that finds ten targets up: 1 to 5 are one pool, 6 to 10 another.
fn guard(settings: Isolation) -> Guard {
    let mut guard = Guard::new(Some(settings));
    for last in 1..=10 {
        assert_eq!(guard.tell(0, last, Side::Up), "");
    }
    guard
}

impl Guard {
    /// What follows, in short: `!` and the numbers of those that are held, `back`, or nothing.
    fn tell(&mut self, seconds: u64, last: u8, side: Side) -> String {
        let now = Duration::from_secs(seconds);
        let pools = |fallen: &[TargetKey]| {
            let pool = |key: &TargetKey| match key.address {
                std::net::IpAddr::V4(address) if address.octets()[3] <= 5 => (1..=5).collect(),
                _ => (6..=10).collect::<Vec<u8>>(),
            };
            // Groups of small numbers stand for those of addresses.
            let tied = tied(&fallen.iter().map(pool).collect::<Vec<_>>())?;
            Some(tied.into_iter().map(|last| key(last).address).collect())
        };
        match self.found(&Source::inside(), key(last), side, now, pools) {
            None => String::new(),
            Some(Turn::CutOff { fallen, of }) => format!("!{} of {of}", fallen.len()),
            Some(Turn::Back) => "back".to_owned(),
            Some(Turn::Over) => "over".to_owned(),
            Some(Turn::Believed) => "believed".to_owned(),
        }
    }
}

#[test]
fn most_that_fail_at_once_are_held_and_a_pool_that_fails_alone_is_not() {
    // Each (second, target) falls; what follows at each.
    for (falls, expected) in [
        // All of them within ten seconds: the sixth is more than half.
        (
            (1..=10).map(|n| (u64::from(n), n)).collect::<Vec<_>>(),
            vec!["", "", "", "", "", "!6 of 10", "", "", "", ""],
        ),
        // One pool whole, then nothing else: half is not most.
        ((1..=5).map(|n| (1, n)).collect(), vec![""; 5]),
        // As many, but slowly: what fell more than 30 s ago was believed, and is not up any more.
        (vec![(0, 1), (40, 6), (80, 2), (120, 7), (160, 3), (200, 8)], vec![""; 6]),
        // Slowly at first, then at once: four that are left are up, three of them fall.
        (
            vec![(0, 1), (0, 2), (0, 6), (0, 7), (0, 8), (99, 3), (99, 9), (99, 4)],
            vec!["", "", "", "", "", "", "", "!3 of 5"],
        ),
    ] {
        let mut guard = guard(settings());
        let found: Vec<String> =
            falls.iter().map(|(at, last)| guard.tell(*at, *last, Side::Down)).collect();
        assert_eq!(found, expected, "{falls:?}");
    }
}

#[test]
fn settings_decide_how_many_and_how_soon() {
    let count = |count| NonZeroU16::new(count).expect("not zero");
    for (settings, first) in [
        (Isolation { share: 300, ..settings() }, Some(5)),
        (Isolation { share: 300, targets: count(7), ..settings() }, Some(6)),
        (Isolation { share: 900, ..settings() }, Some(9)),
        (Isolation { share: 1000, ..settings() }, None),
        // Of the seven that are up until then, four fall within three seconds.
        (Isolation { window: Duration::from_secs(3), ..settings() }, Some(6)),
        (Isolation { window: Duration::from_secs(1), ..settings() }, None),
    ] {
        let mut guard = guard(settings.clone());
        // One a second, of both pools in turn.
        let falls: Vec<u8> = vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        let found = falls
            .iter()
            .enumerate()
            .position(|(place, last)| guard.tell(place as u64, *last, Side::Down).starts_with('!'));
        assert_eq!(found, first, "{settings:?}");
    }
    let mut off = Guard::new(None);
    assert_eq!(off.tell(0, 1, Side::Up), "");
    assert_eq!(off.next_end(), None);
}

#[test]
fn it_is_believed_again_when_enough_are_back_or_after_the_longest_hold() {
    let mut guard = guard(settings());
    let fall = |guard: &mut Guard, at| {
        (1..=10).map(|last| guard.tell(at, last, Side::Down)).collect::<String>()
    };
    assert_eq!(fall(&mut guard, 10), "!6 of 10");
    assert_eq!(guard.next_end(), Some(Duration::from_secs(130)));
    // Ten are down; five of ten is no more than half.
    let back: Vec<String> = (1..=5).map(|last| guard.tell(20, last, Side::Up)).collect();
    assert_eq!(back, ["", "", "", "", "back"]);
    // For a window it may not have reached the others yet.
    assert_eq!(guard.next_end(), Some(Duration::from_secs(50)));
    for last in 6..=10 {
        assert_eq!(guard.tell(25, last, Side::Up), "");
    }

    assert_eq!(fall(&mut guard, 30), "!6 of 10");
    assert_eq!(guard.pass_time(Duration::from_secs(149)), []);
    let over = guard.pass_time(Duration::from_secs(150));
    assert_eq!(over, [(Source::inside(), Turn::Believed)]);
    // It is told once, and what is down already is no news.
    assert_eq!(guard.pass_time(Duration::from_secs(151)), []);
    assert_eq!(fall(&mut guard, 152), "");
    assert_eq!(guard.next_end(), None);
}

#[test]
fn who_is_believed_again_has_a_window_to_reach_the_others() {
    let mut guard = guard(settings());
    for last in 1..=6 {
        guard.tell(10, last, Side::Down);
    }
    assert_eq!(guard.tell(20, 1, Side::Up), "back", "five of ten are no more than half");
    assert_eq!(guard.pass_time(Duration::from_millis(49_999)), []);
    assert_eq!(guard.pass_time(Duration::from_secs(50)), [(Source::inside(), Turn::Over)]);
    assert_eq!((guard.pass_time(Duration::from_secs(51)), guard.next_end()), (vec![], None));
}

#[test]
fn what_a_prober_does_not_probe_any_more_is_no_part_of_it() {
    let mut guard = guard(settings());
    let last = key(10);
    guard.retain(|key| *key != last);
    for last in 7..=9 {
        guard.gone(&Source::inside(), &key(last));
    }
    // Six are left; four are most of them.
    let found: Vec<String> =
        [1, 2, 6, 3].iter().map(|last| guard.tell(1, *last, Side::Down)).collect();
    assert_eq!(found, ["", "", "", "!4 of 6"]);
}

#[test]
fn each_prober_is_judged_alone() {
    let mut guard = guard(settings());
    let other = Source::beside("ams").expect("a name");
    for last in 1..=10 {
        let none = guard.found(&other, key(last), Side::Up, Duration::ZERO, |_| None);
        assert_eq!(none, None);
    }
    for last in 1..=5 {
        assert_eq!(guard.tell(1, last, Side::Down), "");
        let none = guard.found(&other, key(last + 5), Side::Down, Duration::ZERO, |_| None);
        assert_eq!(none, None, "each has lost half");
    }
}

#[test]
fn pools_are_tied_by_addresses_through_others_too() {
    for (pools, expected) in [
        (vec![], Some(vec![])),
        (vec![vec![1, 2]], Some(vec![1, 2])),
        (vec![vec![1, 2], vec![2, 3]], Some(vec![1, 2, 3])),
        (vec![vec![1, 2], vec![3, 4]], None),
        (vec![vec![1, 2], vec![3, 4], vec![2, 3]], Some(vec![1, 2, 3, 4])),
        (vec![vec![1], vec![2], vec![1, 3], vec![3, 2]], Some(vec![1, 2, 3])),
        (vec![vec![1], vec![2], vec![1, 3]], None),
    ] {
        let expected = expected.map(HashSet::from_iter);
        assert_eq!(tied(&pools), expected, "{pools:?}");
    }
}

#[test]
fn a_group_of_pools_is_looked_at_once_as_long_as_nothing_else_falls() {
    let mut guard = Guard::new(Some(settings()));
    for last in 1..=20 {
        guard.tell(0, last, Side::Up);
    }
    let mut looks = 0;
    let mut falls = |guard: &mut Guard, at: u64, last: u8, group: Option<&[u8]>| {
        let tied = |_: &[TargetKey]| {
            looks += 1;
            Some(group?.iter().map(|last| key(*last).address).collect())
        };
        let (source, now) = (Source::inside(), Duration::from_secs(at));
        let turn = guard.found(&source, key(last), Side::Down, now, tied);
        (turn.is_some(), looks)
    };
    let all: Vec<u8> = (1..=19).collect();
    for last in 1..=10 {
        assert_eq!(falls(&mut guard, 1, last, None), (false, 0), "no more than half");
    }
    for last in 11..=18 {
        assert_eq!(falls(&mut guard, 1, last, Some(&all)), (false, 1));
    }
    // A reload may tie them otherwise.
    guard.retain(|_| true);
    assert_eq!(falls(&mut guard, 1, 19, Some(&all)), (false, 2));
    assert_eq!(falls(&mut guard, 1, 20, None), (true, 3), "this is of another");
}

#[test]
fn what_is_known_of_a_group_ends_when_it_is_most_no_more() {
    let mut guard = Guard::new(Some(settings()));
    for last in 1..=7 {
        guard.tell(0, last, Side::Up);
    }
    let fall = |guard: &mut Guard, at, range: std::ops::RangeInclusive<u8>| {
        range.map(|last| guard.tell(at, last, Side::Down)).collect::<String>()
    };
    assert_eq!(fall(&mut guard, 0, 1..=4), "", "one group of five");
    for last in 1..=4 {
        assert_eq!(guard.tell(10, last, Side::Up), "");
    }
    assert_eq!(fall(&mut guard, 50, 6..=7), "", "two of the other, which are not most");
    assert_eq!(fall(&mut guard, 50, 1..=2), "!4 of 7");
}
