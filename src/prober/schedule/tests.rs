//! When probes are due, in virtual time.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU8, NonZeroU16};
use std::sync::Arc;

use super::*;
use crate::config::model::{Check, CheckKind};

const INTERVAL: Duration = Duration::from_secs(10);
const FAST: Duration = Duration::from_secs(1);

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn schedule(in_flight_max: usize) -> Schedule {
    Schedule::new(NonZeroUsize::new(in_flight_max).unwrap(), fastrand::Rng::with_seed(7))
}

/// 192.0.2.0, 192.0.2.1, ... by TCP; every 10 s, 1 s while changing side, rise 2, fall 3.
fn targets(hosts: std::ops::Range<u8>) -> Vec<Target> {
    let check = Arc::new(Check {
        kind: CheckKind::Tcp { port: NonZeroU16::new(80).unwrap() },
        interval: INTERVAL,
        fast_interval: FAST,
        timeout: Duration::from_secs(2),
        rise: NonZeroU8::new(2).unwrap(),
        fall: NonZeroU8::new(3).unwrap(),
        flap: None,
    });
    let address = |host| IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
    hosts.map(|host| Target { address: address(host), check: Arc::clone(&check) }).collect()
}

/// The hosts whose probes start now.
fn started(schedule: &mut Schedule, now: Duration) -> Vec<(Id, u8)> {
    std::iter::from_fn(|| schedule.start(now)).map(|(id, target)| (id, host(&target))).collect()
}

fn hosts(schedule: &mut Schedule, now: Duration) -> Vec<u8> {
    started(schedule, now).into_iter().map(|(_, host)| host).collect()
}

fn host(target: &Target) -> u8 {
    match target.address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(_) => unreachable!("the targets of these tests are IPv4"),
    }
}

/// A schedule of one target that was judged at 0 s by this first outcome and is due next at the
/// returned time.
fn judged(first: Outcome) -> (Schedule, Id, Duration) {
    let mut schedule = schedule(1);
    schedule.set_targets(&targets(1..2), Duration::ZERO);
    let (id, _) = schedule.start(Duration::ZERO).unwrap();
    schedule.end(id, Some(first), Duration::ZERO);
    let due = schedule.wake().unwrap();
    (schedule, id, due)
}

#[test]
fn new_targets_are_due_at_once_in_order() {
    let mut schedule = schedule(10);
    schedule.set_targets(&targets(1..5), Duration::ZERO);
    assert_eq!(hosts(&mut schedule, Duration::ZERO), [1, 2, 3, 4]);
    assert_eq!(hosts(&mut schedule, INTERVAL * 9), [0; 0], "one probe of a target at once");
}

/// As many targets as it takes to see a rate.
fn many(count: u32) -> Vec<Target> {
    let check = Arc::clone(&targets(1..2)[0].check);
    let address = |host| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host));
    (0..count).map(|host| Target { address: address(host), check: Arc::clone(&check) }).collect()
}

#[test]
fn ten_thousand_new_targets_begin_at_a_set_rate_and_in_two_seconds() {
    const MANY: u32 = 10_000;
    let mut schedule = schedule(MANY as usize);
    let targets = many(MANY);
    schedule.set_targets(&targets, Duration::ZERO);
    let (mut now, mut begun) = (Duration::ZERO, Vec::new());
    while let Some(wake) = schedule.wake() {
        now = wake.max(now);
        while let Some((_, target)) = schedule.start(now) {
            assert_eq!(target, targets[begun.len()], "in order");
            begun.push(now);
        }
    }
    assert_eq!(begun.len(), MANY as usize);
    assert!(now <= Duration::from_secs(2), "{now:?}");
    // In any span, be it between ticks of a clock, no more than the burst and what the rate adds.
    for span in [Duration::ZERO, Duration::from_millis(10), Duration::from_millis(100)] {
        let most = START_BURST as usize + (span.as_nanos() / START_STEP.as_nanos()) as usize;
        let within = most_within(span, &begun);
        assert!(within <= most, "{within} within {span:?}");
    }
}

/// The most of these times, in order, that any such span holds.
fn most_within(span: Duration, times: &[Duration]) -> usize {
    let within = |from: usize| times[from..].partition_point(|at| *at <= times[from] + span);
    (0..times.len()).map(within).max().unwrap_or(0)
}

/// Of 10,000 targets every 10 s, as many may begin within a tenth of a second whatever was before: the burst, what the rate adds,
/// and twice the 1,000 a second that come due in it and in what a probe may be late (twice as chance makes some tenths fuller).
const MOST_IN_A_TENTH: usize = START_BURST as usize + 500 + 2 * 200;

#[test]
fn second_probes_that_new_targets_held_up_come_at_the_set_rate() {
    // A busy core: it begins 3,000 probes a second while targets are new, and 20,000 from then on.
    const MANY: u32 = 10_000;
    let mut schedule = schedule(MANY as usize);
    schedule.set_targets(&many(MANY), Duration::ZERO);
    let (mut now, mut begun) = (Duration::ZERO, Vec::new());
    while now < INTERVAL * 2 {
        let Some((id, _)) = schedule.start(now) else {
            now = schedule.wake().unwrap().max(now);
            continue;
        };
        begun.push(now);
        now += Duration::from_micros(if schedule.awaited() > 0 { 333 } else { 50 });
        schedule.end(id, Some(Outcome::Pass), now);
    }
    let most = most_within(Duration::from_millis(100), &begun);
    assert!(most <= MOST_IN_A_TENTH, "{most}");
    // And nobody lost a turn: after the first of each a tenth of them every second, from the middle of the first round on.
    assert!((27_000..=29_500).contains(&begun.len()), "{}", begun.len());
}

#[test]
fn what_a_stall_held_up_comes_at_the_set_rate_and_goes_back_to_its_place() {
    const MANY: u32 = 10_000;
    let mut schedule = schedule(MANY as usize);
    schedule.set_targets(&many(MANY), Duration::ZERO);
    let (mut now, mut begun, mut late) = (Duration::ZERO, Vec::new(), Vec::new());
    let (stall, stalled) = (INTERVAL * 3, Duration::from_secs(7));
    while now < INTERVAL * 6 {
        if (stall..stall + stalled).contains(&now) {
            now = stall + stalled;
        }
        match schedule.start(now) {
            Some((id, _)) => {
                begun.push(now);
                late.push(schedule.late_by(id));
                schedule.end(id, Some(Outcome::Pass), now);
            }
            None => now = schedule.wake().unwrap().max(now),
        }
    }
    let most = most_within(Duration::from_millis(100), &begun);
    assert!(most <= MOST_IN_A_TENTH, "{most}");
    // They waited for the stall, and 7,000 of them at 5,000 a second: the last has no more to wait than the first.
    let latest = *late.iter().max().unwrap();
    assert!((seconds(6.0)..=seconds(7.1)).contains(&latest), "{latest:?}");
    assert_eq!(late.last(), Some(&Duration::ZERO), "in the end all are on time");
    // Afterwards they are spread as before.
    let after: Vec<_> = begun.into_iter().filter(|at| *at >= INTERVAL * 5).collect();
    let most = most_within(Duration::from_millis(100), &after);
    assert!(most <= 160, "{most}");
}

#[test]
fn more_than_the_set_rate_are_on_time_again_after_a_stall() {
    // 10,000 a second are due.
    let mut targets = many(10_000);
    let check = Check { interval: FAST, ..(*targets[0].check).clone() };
    let check = Arc::new(check);
    for target in &mut targets {
        target.check = Arc::clone(&check);
    }
    let mut schedule = schedule(targets.len());
    schedule.set_targets(&targets, Duration::ZERO);
    let (mut now, mut latest) = (Duration::ZERO, Duration::ZERO);
    let (stall, stalled) = (Duration::from_secs(4), FAST);
    while now < Duration::from_secs(9) {
        if (stall..stall + stalled).contains(&now) {
            now = stall + stalled;
        }
        match schedule.start(now) {
            Some((id, _)) => {
                if now > Duration::from_secs(8) {
                    latest = latest.max(schedule.late_by(id));
                }
                schedule.end(id, Some(Outcome::Pass), now);
            }
            None => now = schedule.wake().unwrap().max(now),
        }
    }
    assert_eq!(latest, Duration::ZERO, "the set rate is for what was held up alone");
}

#[test]
fn new_targets_hold_up_no_others() {
    let (mut schedule, _, due) = judged(Outcome::Pass);
    schedule.in_flight_max = NonZeroUsize::new(1000).unwrap();
    let all = [targets(1..2), many(1_000)].concat();
    schedule.set_targets(&all, due);
    let begun = hosts_of(&mut schedule, due);
    assert_eq!(begun[0], all[0], "it is due, and they can wait");
    assert_eq!(begun.len(), 1 + START_BURST as usize);
}

#[test]
fn new_targets_that_leave_are_waited_for_by_nobody() {
    let mut schedule = schedule(1_000);
    schedule.set_targets(&many(1_000), Duration::ZERO);
    assert_eq!(hosts_of(&mut schedule, Duration::ZERO).len(), START_BURST as usize);
    schedule.set_targets(&targets(1..2), Duration::ZERO);
    assert_eq!(schedule.wake(), Some(START_STEP));
    assert_eq!(hosts(&mut schedule, START_STEP), [1]);
    assert_eq!(schedule.wake(), None);
}

fn hosts_of(schedule: &mut Schedule, now: Duration) -> Vec<Target> {
    std::iter::from_fn(|| schedule.start(now)).map(|(_, target)| target).collect()
}

#[test]
fn what_was_added_together_spreads_evenly_over_the_interval() {
    const MANY: u32 = 10_000;
    let mut schedule = schedule(MANY as usize);
    schedule.set_targets(&many(MANY), Duration::ZERO);
    // Each probe takes no time; from the third interval on all are settled.
    let mut counts = [0_u32; 100];
    while let Some(now) = schedule.wake().filter(|now| *now < INTERVAL * 4) {
        let Some((id, _)) = schedule.start(now) else { continue };
        schedule.end(id, Some(Outcome::Pass), now);
        if let Some(settled) = now.checked_sub(INTERVAL * 3) {
            counts[(settled.as_nanos() * 100 / INTERVAL.as_nanos()) as usize] += 1;
        }
    }
    // 100 in each hundredth of an interval, with a standard deviation of 10.
    assert!(counts.iter().all(|count| (40..160).contains(count)), "{counts:?}");
}

#[test]
fn a_probe_without_a_verdict_keeps_health_and_interval() {
    // Settled: the interval, 10 % early or late, and not a second later.
    let (mut schedule, id, due) = judged(Outcome::Pass);
    schedule.start(due).unwrap();
    schedule.end_undecided(id, due + FAST);
    let next = schedule.wake().unwrap();
    assert!(
        (due + INTERVAL.mul_f64(0.9)..=due + INTERVAL.mul_f64(1.1)).contains(&next),
        "{next:?}"
    );
    // Changing side: the fast interval, and no step towards that side.
    for _ in 0..5 {
        let now = schedule.wake().unwrap();
        schedule.start(now).unwrap();
        schedule.end(id, Some(Outcome::Fail), now);
        let fast = schedule.wake().unwrap();
        assert_eq!(fast, now + FAST);
        schedule.start(fast).unwrap();
        schedule.end_undecided(id, fast);
        let now = schedule.wake().unwrap();
        assert_eq!(now, fast + FAST);
        schedule.start(now).unwrap();
        let (_, health) = schedule.end(id, Some(Outcome::Pass), now).unwrap();
        assert_eq!(health, Health::Up { failed: 0 });
    }
}

#[test]
fn a_target_that_stands_twice_is_probed_once() {
    let mut schedule = schedule(10);
    let twice = [targets(1..3), targets(1..3)].concat();
    schedule.set_targets(&twice, Duration::ZERO);
    assert_eq!(hosts(&mut schedule, Duration::ZERO), [1, 2]);
}

#[test]
fn those_over_the_limit_wait_in_order() {
    let mut schedule = schedule(2);
    schedule.set_targets(&targets(1..6), Duration::ZERO);
    let first = started(&mut schedule, Duration::ZERO);
    assert_eq!(first.iter().map(|&(_, host)| host).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(schedule.wake(), None, "full");
    schedule.end(first[1].0, Some(Outcome::Pass), FAST);
    assert_eq!(hosts(&mut schedule, FAST), [3]);
}

#[test]
fn the_first_outcome_decides_and_the_second_probe_comes_within_an_interval() {
    for (first, expected) in
        [(Outcome::Pass, Health::Up { failed: 0 }), (Outcome::Fail, Health::Down { passed: 0 })]
    {
        let mut schedule = schedule(1);
        schedule.set_targets(&targets(1..2), Duration::ZERO);
        assert_eq!(schedule.awaited(), 1);
        let (id, target) = schedule.start(Duration::ZERO).unwrap();
        assert_eq!(schedule.end(id, Some(first), FAST), Some((target, expected)));
        assert_eq!(schedule.awaited(), 0);
        assert!(schedule.wake().unwrap() <= INTERVAL);
    }
}

#[test]
fn a_settled_target_is_probed_every_interval_within_the_jitter() {
    let (mut schedule, id, mut due) = judged(Outcome::Pass);
    for _ in 0..1000 {
        assert_eq!(schedule.start(due).map(|(id, _)| id), Some(id));
        schedule.end(id, Some(Outcome::Pass), due + seconds(0.1));
        let next = schedule.wake().unwrap();
        let pause = next.saturating_sub(due);
        assert!(pause >= seconds(8.999) && pause <= seconds(11.001), "{pause:?}");
        due = next;
    }
}

#[test]
fn a_target_that_is_changing_side_is_probed_at_the_fast_interval() {
    // What each probe finds, and the pause from its start to the next: f fast, s settled.
    let rows = [("--+", "ffs"), ("---", "ffs"), ("---++", "ffsfs"), ("---+-", "ffsfs")];
    for (found, pauses) in rows {
        let (mut schedule, id, mut due) = judged(Outcome::Pass);
        for (outcome, pause) in found.chars().zip(pauses.chars()) {
            schedule.start(due).unwrap();
            let outcome = if outcome == '+' { Outcome::Pass } else { Outcome::Fail };
            schedule.end(id, Some(outcome), due + seconds(0.2));
            let next = schedule.wake().unwrap();
            assert_eq!(next == due + FAST, pause == 'f', "{found}: {due:?}, {next:?}");
            due = next;
        }
    }
}

#[test]
fn a_probe_that_took_longer_than_the_pause_is_followed_at_once() {
    let (mut schedule, id, due) = judged(Outcome::Pass);
    schedule.start(due).unwrap();
    let end = due + seconds(1.7);
    schedule.end(id, Some(Outcome::Fail), end);
    assert_eq!(schedule.wake(), Some(end));
}

#[test]
fn a_probe_that_could_not_be_made_says_nothing_and_is_tried_again() {
    let (mut schedule, id, due) = judged(Outcome::Pass);
    for turn in 0..10 {
        let now = due + OBSTACLE_PAUSE * turn;
        assert_eq!(schedule.start(now).map(|(id, _)| id), Some(id));
        assert_eq!(schedule.end(id, None, now), None);
    }
    let now = due + OBSTACLE_PAUSE * 10;
    let (_, target) = schedule.start(now).unwrap();
    let found = schedule.end(id, Some(Outcome::Fail), now);
    assert_eq!(found, Some((target, Health::Up { failed: 1 })), "the first failure that counts");
}

#[test]
fn a_target_that_could_not_be_probed_is_awaited_unless_it_would_be_in_vain() {
    let mut schedule = schedule(1);
    schedule.set_targets(&targets(1..2), Duration::ZERO);
    let (id, _) = schedule.start(Duration::ZERO).unwrap();
    schedule.end(id, None, Duration::ZERO);
    assert_eq!(schedule.awaited(), 1);
    let (id, target) = schedule.start(FAST).unwrap();
    schedule.await_no_more(id);
    schedule.end(id, None, FAST);
    assert_eq!(schedule.awaited(), 0);
    schedule.set_targets(&targets(1..2), FAST);
    assert_eq!(schedule.awaited(), 0, "it is no new one");
    // Its first outcome is one all the same.
    let (id, _) = schedule.start(INTERVAL).unwrap();
    let found = schedule.end(id, Some(Outcome::Fail), INTERVAL);
    assert_eq!(found, Some((target, Health::Down { passed: 0 })));
    assert_eq!(schedule.awaited(), 0);
}

#[test]
fn those_that_stay_keep_their_health_and_their_place() {
    let (mut schedule, _, due) = judged(Outcome::Fail);
    schedule.set_targets(&targets(1..3), FAST);
    assert_eq!(schedule.awaited(), 1, "the new one");
    assert_eq!(hosts(&mut schedule, FAST), [2]);
    assert_eq!(schedule.wake(), None);
    schedule.set_targets(&targets(1..2), FAST);
    schedule.end(Id(2), None, FAST);
    assert_eq!(schedule.wake(), Some(due));
}

#[test]
fn a_probe_of_a_removed_target_is_dropped_and_holds_its_place_until_it_ended() {
    let mut schedule = schedule(1);
    schedule.set_targets(&targets(1..2), Duration::ZERO);
    let (id, _) = schedule.start(Duration::ZERO).unwrap();
    assert_eq!(schedule.set_targets(&targets(2..3), Duration::ZERO), [id]);
    assert_eq!(hosts(&mut schedule, Duration::ZERO), [0; 0], "the old probe still runs");
    assert_eq!(schedule.end(id, Some(Outcome::Fail), Duration::ZERO), None);
    assert_eq!(hosts(&mut schedule, Duration::ZERO), [2]);
}

#[test]
fn a_target_that_left_and_came_back_is_new() {
    let (mut schedule, id, _) = judged(Outcome::Fail);
    schedule.set_targets(&[], FAST);
    schedule.set_targets(&targets(1..2), FAST);
    let (again, _) = schedule.start(FAST).unwrap();
    assert_ne!(id, again);
    let (_, health) = schedule.end(again, Some(Outcome::Pass), FAST).unwrap();
    assert_eq!(health, Health::Up { failed: 0 }, "its first outcome decides");
}

#[test]
fn whatever_happens_the_books_balance() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut schedule = schedule(4);
        let mut flights = Vec::new();
        let mut now = Duration::ZERO;
        for _ in 0..500 {
            match random.u8(0..10) {
                0 => {
                    let from = random.u8(0..10);
                    schedule.set_targets(&targets(from..from + random.u8(0..10)), now);
                }
                1..5 => flights.extend(schedule.start(now)),
                5..9 if !flights.is_empty() => {
                    let (id, _) = flights.swap_remove(random.usize(0..flights.len()));
                    let outcome = [None, None, Some(Outcome::Pass), Some(Outcome::Fail)];
                    let way = random.usize(0..4);
                    if way == 0 {
                        schedule.await_no_more(id);
                    }
                    schedule.end(id, outcome[way], now);
                }
                _ => now += FAST,
            }
            let entries = schedule.entries.values();
            let idle = entries.clone().filter(|entry| !entry.in_flight).count();
            let awaited = entries.clone().filter(|entry| entry.is_awaited).count();
            let judged = |entry: &&Entry| entry.is_awaited && entry.health != Health::Unknown;
            assert!(flights.len() <= 4, "seed {seed}");
            assert_eq!(schedule.in_flight, flights.len(), "seed {seed}");
            assert_eq!(schedule.due.len() + schedule.paced.waiting.len(), idle, "seed {seed}");
            assert_eq!(schedule.awaited(), awaited, "seed {seed}");
            assert_eq!(entries.filter(judged).count(), 0, "seed {seed}");
            assert_eq!(schedule.ids.len(), schedule.entries.len(), "seed {seed}");
        }
    }
}

#[test]
fn reloads_leave_nothing_behind() {
    let mut schedule = schedule(1);
    for turn in 0..1000 {
        let all = if turn % 2 == 0 { targets(0..100) } else { targets(100..200) };
        schedule.set_targets(&all, Duration::ZERO);
    }
    let lengths = (schedule.paced.waiting.len(), schedule.entries.len(), schedule.ids.len());
    assert_eq!(lengths, (100, 100, 100));
    assert!(schedule.due.is_empty());
}
