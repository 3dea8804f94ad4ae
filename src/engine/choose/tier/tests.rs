//! Which tier serves, and when a better one takes over.

use std::net::{IpAddr, Ipv4Addr};

use super::super::ready::{Ready, Source, Standing};
use super::*;
use crate::config::model::{Backend, Policy, Serves, Tiers};
use crate::health::sources::Moment;

/// A pool of backends of these priorities, a digit each.
fn pool(priorities: &str, min_healthy: u16, failback: Failback, panic: u16) -> Pool {
    let backend = |(place, priority): (u8, char)| {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, place));
        let backend = Backend::new(place.to_string(), Serves::Addresses(vec![address]));
        Backend { priority: priority.to_digit(10).expect("a digit") as u16, ..backend }
    };
    let backends = (0..).zip(priorities.chars()).map(backend).collect();
    let tiers = Tiers { min_healthy, failback };
    Pool { panic, tiers, ..Pool::new("web".to_owned(), Policy::RoundRobin, backends) }
}

fn standings(signs: &str) -> Vec<Standing> {
    signs.chars().map(|sign| Standing { in_service: sign == '+', ..Standing::UP }).collect()
}

/// The places of those that are handed out.
fn places(ready: &Ready) -> String {
    ready.addresses().filter_map(|address| address.to_string().chars().last()).collect()
}

#[test]
fn the_first_tier_that_has_enough_serves() {
    for (priorities, min_healthy, signs, expected) in [
        ("000", 1, "+++", "012"),
        ("012", 1, "+++", "0"),
        ("012", 1, "-++", "1"),
        ("012", 1, "--+", "2"),
        // The number counts, and not the place in the file.
        ("201", 1, "+++", "1"),
        ("0011", 2, "++++", "01"),
        ("0011", 2, "+-++", "23"),
        ("0011", 2, "+--+", "0"),
        ("0011", 2, "---+", "3"),
        ("00111", 3, "++-++", "01"),
        ("0111", 2, "+++-", "12"),
    ] {
        let pool = pool(priorities, min_healthy, Failback::AtOnce, 0);
        let ready = Ready::new(&pool, &standings(signs), &Memory::default(), None);
        assert_eq!(places(&ready), expected, "{priorities}, at least {min_healthy}: {signs}");
    }
}

#[test]
fn each_tier_panics_alone_and_the_pool_when_all_do() {
    use Source::{AllDown, InService, Panic};
    for (priorities, signs, source, expected) in [
        ("001", "--+", InService, "2"),
        // Half of the first tier is enough.
        ("001", "+-+", InService, "0"),
        ("00001", "+---+", InService, "4"),
        ("00001111", "+---+---", Panic, "01234567"),
        ("00001111", "----+---", Panic, "01234567"),
        ("0011", "----", AllDown, "0123"),
    ] {
        let pool = pool(priorities, 1, Failback::AtOnce, 500);
        let ready = Ready::new(&pool, &standings(signs), &Memory::default(), None);
        let row = format!("{priorities} {signs}");
        assert_eq!((ready.source, places(&ready).as_str()), (source, expected), "{row}");
    }
}

/// At a second, how backends stand; what serves then.
type Seen = (u64, &'static str, &'static str);

#[test]
fn a_better_tier_takes_over_as_its_failback_says() {
    let hold = Failback::After(Duration::from_secs(60));
    // At each of these seconds the pool stands so; what serves then.
    let cases: &[(&str, Failback, &[Seen])] = &[
        ("01", Failback::AtOnce, &[(0, "++", "0"), (1, "-+", "1"), (2, "++", "0")]),
        (
            "01",
            Failback::Never,
            &[(0, "++", "0"), (1, "-+", "1"), (999, "++", "1"), (1000, "+-", "0")],
        ),
        // Sixty seconds without a break.
        (
            "01",
            hold,
            &[(0, "-+", "1"), (10, "++", "1"), (69, "++", "1"), (70, "++", "0"), (71, "+-", "0")],
        ),
        (
            "01",
            hold,
            &[(0, "-+", "1"), (10, "++", "1"), (40, "-+", "1"), (50, "++", "1"), (109, "++", "1")],
        ),
        // What serves has failed: there is nothing to wait for.
        ("01", hold, &[(0, "-+", "1"), (10, "++", "1"), (11, "+-", "0")]),
        // The better of those that have waited for long enough.
        (
            "012",
            hold,
            &[
                (0, "--+", "2"),
                (10, "-++", "2"),
                (20, "+++", "2"),
                (70, "+++", "1"),
                (80, "+++", "0"),
            ],
        ),
        // Down for good is no hold, and nothing was before the start.
        ("01", hold, &[(0, "++", "0")]),
        // With none in service something else is handed out, and what served before is still known.
        ("01", hold, &[(0, "-+", "1"), (10, "--", "01"), (20, "++", "1")]),
    ];
    for (priorities, failback, steps) in cases {
        let pool = pool(priorities, 1, *failback, 0);
        let mut memory = Memory::default();
        for (second, signs, expected) in *steps {
            let running = Duration::from_secs(*second);
            memory.note(&pool, &standings(signs), Moment { running, unix: 0 });
            let ready = Ready::new(&pool, &standings(signs), &memory, None);
            assert_eq!(places(&ready), *expected, "{failback:?}, {steps:?}, at {second} s");
            memory = Memory::clone(&ready.memory);
        }
    }
}

#[test]
fn a_hold_says_when_it_ends_and_shortens_the_ttl_towards_it() {
    let pool = pool("01", 1, Failback::After(Duration::from_secs(60)), 0);
    let mut memory = Memory::default();
    for (second, signs, ttl, due) in [
        (0, "-+", 30, None),
        (10, "++", 30, Some(40_001)),
        (41, "++", 15, Some(55_001)),
        (56, "++", 7, Some(63_001)),
        (64, "++", 5, Some(70_000)),
        (70, "++", 30, None),
    ] {
        let at = Moment { running: Duration::from_secs(second), unix: 0 };
        memory.note(&pool, &standings(signs), at);
        let ready = Ready::new(&pool, &standings(signs), &memory, None);
        let due = due.map(Duration::from_millis);
        assert_eq!((ready.ttl, ready.due), (ttl, due), "at {second} s");
        memory = Memory::clone(&ready.memory);
    }
}
