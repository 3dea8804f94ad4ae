//! Parts that follow loads: a table of single moves, and loads that follow parts in virtual time.

use std::collections::VecDeque;
use std::path::Path;

use super::*;

/// How a backend of a table stands.
#[derive(Clone, Copy, Debug)]
enum Stands {
    Down,
    /// It serves, and its load is not known.
    Unknown,
    /// It serves, and this is its load in percent.
    Load(u8),
}

use Stands::{Down, Load, Unknown};

/// A pool of backends of these weights and priorities, `b0`, `b1` and so on.
fn pool(ttl: u32, backends: &[(u16, u16)]) -> Pool {
    let backends = backends.iter().zip(1..).map(|((weight, priority), number)| {
        format!("b{number}: {{address: 192.0.2.{number}, weight: {weight}, priority: {priority}}}")
    });
    let backends = backends.collect::<Vec<_>>().join(", ");
    let text = format!(
        "zone: example\nns: [ns.example.net.]\nchecks: {{c: {{tcp: {{port: 80}}, interval: 10s}}}}\npools:\n  \
         web: {{policy: least_load, ttl: {ttl}, check: c, backends: {{{backends}}}}}\n"
    );
    let (model, mistakes) = crate::config::read_zone(Path::new("example.yaml"), &text);
    model.unwrap_or_else(|| panic!("{mistakes:?}")).pools.remove(0)
}

/// The parts in percent after a look at a pool that stands like this, at a second.
fn look(balance: &mut Balance, pool: &Pool, loads: &[Stands], second: u64) -> Vec<f64> {
    let standing = |stands: &Stands| Standing {
        in_service: !matches!(stands, Down),
        load: match stands {
            Load(percent) => Some(*percent),
            Down | Unknown => None,
        },
        ..Standing::UP
    };
    let mut standings: Vec<Standing> = loads.iter().map(standing).collect();
    balance.follow(pool, &mut standings, Duration::from_secs(second));
    let part = |backend: &crate::config::model::Backend| {
        balance.parts.get(&backend.name).map_or(0.0, |part| f64::from(*part) / 10_000.0)
    };
    pool.backends.iter().map(part).collect()
}

fn shown(parts: &[f64]) -> String {
    parts.iter().map(|part| format!("{part:.1}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_interval_moves_each_part_toward_what_is_free() {
    let alike: &[(u16, u16)] = &[(1, 0), (1, 0)];
    let uneven: &[(u16, u16)] = &[(3, 0), (1, 0)];
    for (backends, loads, expected) in [
        // Three quarters are wanted of the first, and half is free: a tenth of the way.
        (alike, &[Load(25), Load(75)][..], "52.5 47.5"),
        (alike, &[Load(0), Load(100)], "55.0 45.0"),
        (alike, &[Load(50), Load(50)], "50.0 50.0"),
        (alike, &[Load(100), Load(100)], "50.0 50.0"),
        // Unknown is as the mean of the others.
        (alike, &[Load(80), Unknown], "50.0 50.0"),
        (alike, &[Unknown, Unknown], "50.0 50.0"),
        // Of 0.8, 0.4 and 0.6 the first is 44.4 %, the second 22.2 %: 12 % of the way.
        (&[(1, 0), (1, 0), (1, 0)], &[Load(20), Load(60), Unknown], "34.7 32.0 33.3"),
        // Weights hold beside the load.
        (uneven, &[Load(50), Load(50)], "75.0 25.0"),
        (uneven, &[Load(100), Load(100)], "75.0 25.0"),
        // Of 3 × 0.2 and 1 × 0.6 half each is wanted, of the weight 0.3 is free: 6 % of the way.
        (uneven, &[Load(80), Load(40)], "73.5 26.5"),
        // Nobody is compared with those of another priority, nor with who is down.
        (&[(1, 0), (1, 0), (1, 1)], &[Load(25), Load(75), Load(0)], "52.5 47.5 100.0"),
        (&[(1, 0), (1, 0), (1, 0)], &[Load(25), Load(75), Down], "52.5 47.5 0.0"),
    ] {
        let pool = pool(30, backends);
        let mut balance = Balance::default();
        let begin = look(&mut balance, &pool, loads, 0);
        assert_eq!(look(&mut balance, &pool, loads, 9), begin, "not yet: {loads:?}");
        assert_eq!(balance.due(&pool), Some(Duration::from_secs(10)));
        assert_eq!(
            shown(&look(&mut balance, &pool, loads, 10)),
            expected,
            "{backends:?} {loads:?}"
        );
        assert_eq!(shown(&look(&mut balance, &pool, loads, 19)), expected, "once an interval");
    }
}

#[test]
fn no_part_moves_by_more_than_a_tenth_of_the_whole() {
    // All that there is to have is at the first, which has next to nothing.
    let pool = pool(30, &[(1, 0), (1, 0), (1, 0)]);
    let parts = [("b1", 0), ("b2", 900_000), ("b3", 100_000)];
    let parts = parts.map(|(name, part)| (name.to_owned(), part)).into();
    let mut balance = Balance { parts, moved: Some(Duration::ZERO) };
    let loads = [Load(0), Load(0), Load(0)];
    assert_eq!(shown(&look(&mut balance, &pool, &loads, 10)), "5.9 80.0 14.1");
}

#[test]
fn who_comes_up_begins_with_a_tenth_of_the_whole_at_most() {
    let pool = pool(30, &[(1, 0), (1, 0), (2, 0)]);
    let mut balance = Balance::default();
    let half = Load(50);
    assert_eq!(shown(&look(&mut balance, &pool, &[half, half, half], 0)), "25.0 25.0 50.0");
    assert_eq!(shown(&look(&mut balance, &pool, &[half, half, Down], 1)), "50.0 50.0 0.0");
    assert_eq!(shown(&look(&mut balance, &pool, &[half, half, half], 2)), "45.0 45.0 10.0");
    assert_eq!(shown(&look(&mut balance, &pool, &[half, half, half], 3)), "45.0 45.0 10.0");
    assert_eq!(shown(&look(&mut balance, &pool, &[half, half, half], 10)), "43.0 43.0 14.0");
    // Both at once begin with it together, by their weights.
    look(&mut balance, &pool, &[half, Down, Down], 11);
    assert_eq!(shown(&look(&mut balance, &pool, &[half, half, half], 12)), "90.0 3.3 6.7");
}

#[test]
fn a_turn_is_short_and_has_everybody_who_has_a_weight() {
    let pool = pool(30, &[(1, 0), (1, 0), (0, 0)]);
    let parts = [("b1".to_owned(), 1_000_000), ("b2".to_owned(), 1)].into();
    let mut balance = Balance { parts, moved: Some(Duration::ZERO) };
    let mut standings = [Standing::UP; 3];
    balance.follow(&pool, &mut standings, Duration::ZERO);
    assert_eq!(standings.map(|standing| standing.due), [Some(256), Some(1), Some(0)]);
}

/// Backends of these weights and capacities whose load follows the part that they had over the last TTL: the parts in percent, an
/// interval of 10 s each.
fn simulated(ttl: u32, backends: &[(u16, f64)], demand: f64, intervals: u64) -> Vec<Vec<f64>> {
    let weights: Vec<(u16, u16)> = backends.iter().map(|(weight, _)| (*weight, 0)).collect();
    let pool = pool(ttl, &weights);
    let mut balance = Balance::default();
    let mut course = Vec::new();
    let mut kept: VecDeque<Vec<f64>> = VecDeque::new();
    // All begin idle, whoever came before went elsewhere.
    let mut loads = vec![Load(0); backends.len()];
    for interval in 0..intervals {
        let parts = look(&mut balance, &pool, &loads, interval * 10);
        kept.push_back(parts.clone());
        if kept.len() > (ttl / 10) as usize {
            kept.pop_front();
        }
        // What clients ask now is told by the next probe.
        loads = (0..backends.len())
            .map(|place| {
                let sum: f64 = kept.iter().map(|parts| parts[place]).sum();
                let count = f64::from(u32::try_from(kept.len()).expect("a few"));
                let busy = demand * (sum / count) / backends[place].1;
                Load(u8::try_from(rounded(busy.min(100.0))).expect("at most 100"))
            })
            .collect();
        course.push(parts);
    }
    course
}

/// Where parts and loads agree, in percent: part = c × weight × (1 - demand × part ÷ capacity), and all parts are one.
fn fixed_point(backends: &[(u16, f64)], demand: f64) -> Vec<f64> {
    let part = |c: f64, (weight, capacity): &(u16, f64)| {
        let own = c * f64::from(*weight);
        100.0 * own / (1.0 + own * demand / capacity)
    };
    let (mut low, mut high) = (0.0, 1e9);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        let sum: f64 = backends.iter().map(|backend| part(middle, backend)).sum();
        if sum < 100.0 { low = middle } else { high = middle }
    }
    backends.iter().map(|backend| part(low, backend)).collect()
}

#[test]
fn parts_come_to_rest_where_loads_follow_them_late() {
    let alike: &[(u16, f64)] = &[(1, 1.0), (1, 1.0), (1, 1.0)];
    let uneven: &[(u16, f64)] = &[(1, 1.0), (1, 2.0), (1, 4.0)];
    let weighed: &[(u16, f64)] = &[(4, 1.0), (1, 1.0)];
    for (ttl, backends, demand) in [
        (10, alike, 1.0),
        (10, uneven, 1.0),
        (10, uneven, 4.0),
        (30, uneven, 2.0),
        (30, uneven, 4.0),
        (30, uneven, 6.0),
        (30, weighed, 1.0),
        (30, weighed, 1.6),
        (60, uneven, 4.0),
        (300, uneven, 4.0),
    ] {
        let course = simulated(ttl, backends, demand, 1200);
        let goal = fixed_point(backends, demand);
        let what = format!("TTL {ttl}, {backends:?}, demand {demand}, to {}", shown(&goal));
        for moves in course.windows(2) {
            let far = moves[0].iter().zip(&moves[1]).any(|(was, is)| (is - was).abs() > 10.001);
            assert!(!far, "{what}: {} to {}", shown(&moves[0]), shown(&moves[1]));
        }
        for place in 0..backends.len() {
            let own = || course.iter().map(|parts| parts[place]);
            // On its way it goes past the goal by little.
            let span = own().fold((f64::MAX, f64::MIN), |(least, most), part| {
                (least.min(part), most.max(part))
            });
            let begin = course[0][place];
            let past = (goal[place].min(begin) - span.0).max(span.1 - goal[place].max(begin));
            assert!(past < 3.0, "{what}: b{place} goes past by {past:.1}");
            // At the end it is there, and stays.
            let late = || own().skip(1000);
            let off = late().map(|part| (part - goal[place]).abs()).fold(0.0, f64::max);
            assert!(off < 1.5, "{what}: b{place} is off by {off:.1}");
        }
    }
}

#[test]
fn people_read_what_is_free_and_what_part_follows() {
    let pool = pool(30, &[(1, 0)]);
    assert_eq!(text(&pool, Some(60), 0.123).as_deref(), Some("free 40 %, 12 % of the pool"));
    assert_eq!(text(&pool, None, 1.0).as_deref(), Some("load unknown, 100 % of the pool"));
    let weighted = Pool { policy: Policy::Weighted, ..pool };
    assert_eq!(text(&weighted, Some(60), 0.123), None);
}
