//! What moves, what stays, and who gets how much.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use super::*;
use crate::config::model::identity;

const BY: HashBy = HashBy { key: HashKey::Subnet, v4: 24, v6: 56 };
const CLIENTS: u32 = 100_000;

fn backends(count: usize, weight: impl Fn(usize) -> u32) -> Vec<(u64, u32)> {
    (0..count).map(|place| (identity(&format!("web-{place}"), 0), weight(place))).collect()
}

/// Fifty backends alike, under names of their own in each pool.
fn fifty(pool: usize) -> Vec<(u64, u32)> {
    (0..50).map(|place| (identity(&format!("pool-{pool}-{place}"), 0), 1)).collect()
}

/// The backend of each client, a /24 each, by its own number; `of` are the backends of the pool's file.
fn chosen(backends: &[(u64, u32)], of: usize) -> Vec<u64> {
    let rows = rows(backends, 1, 1, rows_of(of));
    let own = |client: u32| {
        let key = key(BY, IpAddr::V4(Ipv4Addr::from_bits(client << 8)), None, 0);
        let row = ((u128::from(key) * rows.len() as u128) >> 64) as usize;
        backends[usize::from(rows[row])].0
    };
    (0..CLIENTS).map(own).collect()
}

/// How many clients have another backend.
fn moved(before: &[u64], after: &[u64]) -> usize {
    before.iter().zip(after).filter(|(before, after)| before != after).count()
}

/// A part of all clients and a tenth more.
fn at_most(part: usize) -> usize {
    CLIENTS as usize / part * 110 / 100
}

#[test]
fn of_fifty_backends_one_that_goes_moves_its_own_clients_and_no_other() {
    let all = fifty(0);
    let before = chosen(&all, 50);
    for gone in [0, 7, 24, 49] {
        let mut left = all.clone();
        let (lost, _) = left.remove(gone);
        let after = chosen(&left, 50);
        let moved = moved(&before, &after);
        assert_eq!(moved, before.iter().filter(|own| **own == lost).count(), "without {gone}");
        assert!(moved <= at_most(50), "{moved} without {gone}");
        // The same the other way round: who comes takes what it wins.
        assert!(before.iter().zip(&after).all(|(with, without)| with == without || *with == lost));
    }
    let mut more = all;
    more.push((identity("one more", 0), 1));
    let moved = moved(&before, &chosen(&more, 51));
    assert!(moved <= at_most(51), "{moved}");
}

#[test]
fn of_fifty_backends_none_has_a_tenth_more_than_its_part() {
    // Whoever goes, of any of these pools: what moves is what it has, as the test above has it.
    for pool in 0..4 {
        let all = fifty(pool);
        let chosen = chosen(&all, 50);
        let rows = rows(&all, 1, 1, rows_of(50));
        for (place, (own, _)) in all.iter().enumerate() {
            let clients = chosen.iter().filter(|other| *other == own).count();
            assert!(clients <= at_most(50), "pool {pool}: {place} has {clients}");
            let own = rows.iter().filter(|own| usize::from(**own) == place).count();
            assert!(own * 50 <= rows.len() * 110 / 100, "pool {pool}: {place} has {own} rows");
        }
    }
}

#[test]
fn rows_follow_from_the_backends_of_the_file_alone() {
    for (backends, expected) in
        [(1, 16_384), (10, 16_384), (16, 16_384), (17, 131_072), (50, 131_072), (1024, 131_072)]
    {
        assert_eq!(rows_of(backends), expected, "{backends}");
    }
    // Of a pool of fifty of which forty are down, each row that is left stays.
    let all = fifty(0);
    let (before, after) = (rows(&all, 1, 1, rows_of(50)), rows(&all[..10], 1, 1, rows_of(50)));
    assert_eq!(before.len(), after.len());
    assert!(before.iter().zip(&after).all(|(before, after)| before == after || *before >= 10));
}

/// The numbers of backends, what stands for each with its weight, and for its pool.
type Nested = (Vec<usize>, Vec<(u64, u32)>, Vec<Option<u64>>);

/// Two pools within one, of three and two, and a backend beside them; each has a weight of 6,000. Those that are `gone` leave theirs to
/// the others of their pool.
fn nested(gone: &[usize]) -> Nested {
    let pools: [&[usize]; 3] = [&[0, 1, 2], &[3, 4], &[5]];
    let (mut places, mut backends, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for (pool, members) in pools.iter().enumerate() {
        let left: Vec<usize> = members.iter().copied().filter(|own| !gone.contains(own)).collect();
        for own in &left {
            places.push(*own);
            backends.push((identity(&format!("web-{own}"), 0), 6000 / left.len() as u32));
            groups.push((pool < 2).then(|| identity(&format!("pool-{pool}"), 0)));
        }
    }
    (places, backends, groups)
}

/// Whom each row of them has, by their numbers.
fn rows_nested(gone: &[usize], answers: usize) -> Vec<usize> {
    let (places, backends, groups) = nested(gone);
    let rows = rows_within(&backends, &groups, answers, answers, ROWS);
    rows.iter().map(|place| places[usize::from(*place)]).collect()
}

#[test]
fn what_goes_within_a_pool_moves_its_own_clients_within_it_and_no_other() {
    let before = rows_nested(&[], 1);
    for (own, part) in [(0, 9), (1, 9), (2, 9), (3, 6), (4, 6), (5, 3)] {
        let found = before.iter().filter(|other| **other == own).count();
        let due = ROWS / part;
        // Five standard deviations of a draw for each row.
        let off = 5.0 * f64::from((due - due / part) as u32).sqrt();
        assert!(f64::from(found.abs_diff(due) as u32) <= off, "{own}: {found} and not {due}");
    }
    for (gone, pool) in [(0, &[0, 1, 2][..]), (2, &[0, 1, 2]), (4, &[3, 4])] {
        for (before, after) in before.iter().zip(rows_nested(&[gone], 1)) {
            let stays = *before == after;
            assert!(stays || (*before == gone && pool.contains(&after)), "{before}: {after}");
        }
    }
    // Of a pool that goes as a whole, the clients go to all others, and nobody else's.
    let after = rows_nested(&[3, 4], 1);
    let moved: HashSet<usize> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|(before, after)| {
            assert!([3, 4].contains(before), "{before} became {after}");
            *after
        })
        .collect();
    assert_eq!(moved, HashSet::from([0, 1, 2, 5]));
}

#[test]
fn several_of_pools_within_begin_with_the_best_and_have_no_one_twice() {
    let (one, four) = (rows_nested(&[], 1), rows_nested(&[], 4));
    // The tables have rows of their own sizes: every fourth of the one is one of the other.
    assert_eq!((one.len(), four.len() / 4), (ROWS, ROWS / 4));
    for (one, four) in one.iter().step_by(4).zip(four.chunks(4)) {
        assert_eq!(*one, four[0]);
        assert_eq!(four.iter().collect::<HashSet<_>>().len(), 4);
    }
    // When a backend goes, those behind it move up.
    for (before, after) in four.chunks(4).zip(rows_nested(&[1], 4).chunks(4)) {
        let left: Vec<usize> = before.iter().copied().filter(|own| *own != 1).collect();
        assert_eq!(left[0], if before[0] == 1 { left[0] } else { after[0] });
    }
}

#[test]
fn what_is_out_of_the_question_is_found_to_be_so_without_its_cost() {
    let all = backends(12, |place| [1, 7, 300, 0, 65_535_000][place % 5]);
    let plain = |row: u64| {
        let row = mix(row);
        let cost =
            |&(place, &(own, weight)): &(usize, &(u64, u32))| (cost(mix(own ^ row), weight), place);
        all.iter().enumerate().min_by_key(cost).map(|(place, _)| place)
    };
    let rows = rows(&all, 1, 1, ROWS);
    for (row, own) in (0..).zip(&rows) {
        assert_eq!(Some(usize::from(*own)), plain(row), "row {row}");
    }
}

#[test]
fn rows_are_in_proportion_to_weights() {
    for weights in [&[1, 1, 1][..], &[3, 1], &[100, 50, 1], &[1000, 900, 0, 100], &[7; 20]] {
        let backends = backends(weights.len(), |place| weights[place]);
        let rows = rows(&backends, 1, 1, ROWS);
        let total: u32 = weights.iter().sum();
        for (place, weight) in weights.iter().enumerate() {
            let own = rows.iter().filter(|own| usize::from(**own) == place).count();
            let own = f64::from(own as u32);
            let part = f64::from(*weight) / f64::from(total);
            let due = f64::from(ROWS as u32) * part;
            // Five standard deviations of a draw for each row.
            let off = 5.0 * (due * (1.0 - part)).sqrt();
            assert!((own - due).abs() <= off, "{weights:?}: {place} has {own} and not {due}");
        }
    }
}

#[test]
fn a_weight_that_rises_takes_from_others_and_gives_to_none() {
    let before = rows(&backends(10, |_| 1000), 1, 1, ROWS);
    let after = rows(&backends(10, |place| if place == 3 { 400 } else { 1000 }), 1, 1, ROWS);
    for (before, after) in before.iter().zip(&after) {
        assert!(before == after || *before == 3, "{before} became {after}");
    }
}

#[test]
fn several_are_the_best_and_no_one_twice() {
    let all = backends(8, |place| 1 + place as u32);
    let (one, three) = (rows(&all, 1, 4, ROWS), rows(&all, 3, 4, ROWS));
    assert_eq!((one.len(), three.len()), (ROWS / 4, 3 * ROWS / 4));
    for (one, three) in one.iter().zip(three.chunks(3)) {
        assert_eq!(*one, three[0]);
        assert_eq!(three.iter().collect::<HashSet<_>>().len(), 3);
    }
}

#[test]
fn the_key_is_what_the_file_says_of_the_client() {
    let by = |key, v4, v6| HashBy { key, v4, v6 };
    let address = |text: &str| text.parse::<IpAddr>().expect(text);
    let one = |by, client: &str, subnet: Option<&str>, name| {
        key(by, address(client), subnet.map(address), name)
    };
    let subnet = by(HashKey::Subnet, 24, 56);
    let usual = one(subnet, "192.0.2.1", None, 1);
    for (other, is_same) in [
        (one(subnet, "192.0.2.255", None, 2), true),
        (one(subnet, "::ffff:192.0.2.7", None, 1), true),
        (one(subnet, "192.0.3.1", None, 1), false),
        (one(subnet, "203.0.113.1", Some("192.0.2.0"), 1), true),
        (one(by(HashKey::Client, 24, 56), "203.0.113.1", Some("192.0.2.0"), 1), false),
        (one(by(HashKey::Client, 24, 56), "192.0.2.9", Some("198.51.100.0"), 1), true),
        (one(by(HashKey::Subnet, 25, 56), "192.0.2.200", None, 1), false),
        (one(by(HashKey::Name, 24, 56), "192.0.2.1", None, 1), false),
    ] {
        assert_eq!(usual == other, is_same);
    }
    assert_eq!(
        one(subnet, "2001:db8:0:ff::1", None, 1),
        one(subnet, "2001:db8:0:1::2", None, 1),
        "one /56"
    );
    assert_ne!(one(subnet, "2001:db8:0:ff::1", None, 1), one(subnet, "2001:db8:0:100::1", None, 1));
    let whole = by(HashKey::Subnet, 0, 0);
    assert_eq!(one(whole, "192.0.2.1", None, 1), one(whole, "203.0.113.9", None, 1));
    assert_eq!(one(whole, "2001:db8::1", None, 1), one(whole, "::1", None, 1));
    let name = by(HashKey::Name, 24, 56);
    assert_eq!(one(name, "192.0.2.1", None, 7), one(name, "2001:db8::1", None, 7));
    assert_eq!(
        [scope_bits(subnet, true), scope_bits(subnet, false), scope_bits(name, true)],
        [24, 56, 0]
    );
}

#[test]
fn nothing_of_it_may_ever_change() {
    // Other numbers here would move all clients at an upgrade.
    let address = |text: &str| text.parse::<IpAddr>().expect(text);
    let keys =
        ["192.0.2.1", "198.51.100.7", "2001:db8::1"].map(|text| key(BY, address(text), None, 0));
    assert_eq!(keys, KEYS);
    assert_eq!(identity("web-1", 0), 2_406_708_239_380_050_935);
    let alike = rows(&backends(5, |_| 1), 1, 1, ROWS);
    let weighed = rows(&backends(5, |place| 1 + place as u32), 1, 1, ROWS);
    assert_eq!((&alike[..12], &weighed[..12]), (&ALIKE[..], &WEIGHED[..]));
}

// Computed apart from this code, with the logarithm of another library.
const KEYS: [u64; 3] =
    [5_618_577_097_994_032_842, 759_763_280_531_017_501, 1_042_510_397_512_480_999];
const ALIKE: [u16; 12] = [0, 0, 1, 1, 1, 2, 1, 4, 2, 1, 4, 1];
const WEIGHED: [u16; 12] = [3, 0, 1, 1, 4, 2, 4, 4, 2, 1, 4, 1];
