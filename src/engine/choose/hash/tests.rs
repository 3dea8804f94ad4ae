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

/// The backend of each client, a /24 each, by its own number.
fn chosen(backends: &[(u64, u32)]) -> Vec<u64> {
    let rows = rows(backends, 1, 1);
    let own = |client: u32| {
        let key = key(BY, IpAddr::V4(Ipv4Addr::from_bits(client << 8)), None, 0);
        let row = ((u128::from(key) * rows.len() as u128) >> 64) as usize;
        backends[usize::from(rows[row])].0
    };
    (0..CLIENTS).map(own).collect()
}

#[test]
fn of_fifty_backends_one_that_goes_moves_its_own_clients_and_no_other() {
    let all = backends(50, |_| 1);
    let before = chosen(&all);
    let mut moved_in_all = 0;
    for gone in [0, 7, 24, 49] {
        let mut left = all.clone();
        let (lost, _) = left.remove(gone);
        let after = chosen(&left);
        let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert_eq!(moved, before.iter().filter(|own| **own == lost).count(), "without {gone}");
        // Its rows are 328, by chance 18 more or less: within four times that.
        assert!(moved <= CLIENTS as usize / 50 * 122 / 100, "{moved} without {gone}");
        moved_in_all += moved;
        // The same the other way round: who comes takes what it wins.
        assert!(before.iter().zip(&after).all(|(with, without)| with == without || *with == lost));
    }
    assert!(moved_in_all <= 4 * CLIENTS as usize / 50 * 110 / 100, "{moved_in_all}");
    let mut more = all;
    more.push((identity("web-50", 0), 1));
    let after = chosen(&more);
    let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert!(moved <= CLIENTS as usize / 51 * 122 / 100, "{moved}");
}

#[test]
fn rows_are_in_proportion_to_weights() {
    for weights in [&[1, 1, 1][..], &[3, 1], &[100, 50, 1], &[1000, 900, 0, 100], &[7; 20]] {
        let backends = backends(weights.len(), |place| weights[place]);
        let rows = rows(&backends, 1, 1);
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
    let before = rows(&backends(10, |_| 1000), 1, 1);
    let after = rows(&backends(10, |place| if place == 3 { 400 } else { 1000 }), 1, 1);
    for (before, after) in before.iter().zip(&after) {
        assert!(before == after || *before == 3, "{before} became {after}");
    }
}

#[test]
fn several_are_the_best_and_no_one_twice() {
    let all = backends(8, |place| 1 + place as u32);
    let (one, three) = (rows(&all, 1, 4), rows(&all, 3, 4));
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
    let alike = rows(&backends(5, |_| 1), 1, 1);
    let weighed = rows(&backends(5, |place| 1 + place as u32), 1, 1);
    assert_eq!((&alike[..12], &weighed[..12]), (&ALIKE[..], &WEIGHED[..]));
}

// Computed apart from this code, with the logarithm of another library.
const KEYS: [u64; 3] =
    [5_618_577_097_994_032_842, 759_763_280_531_017_501, 1_042_510_397_512_480_999];
const ALIKE: [u16; 12] = [0, 0, 1, 1, 1, 2, 1, 4, 2, 1, 4, 1];
const WEIGHED: [u16; 12] = [3, 0, 1, 1, 4, 2, 4, 4, 2, 1, 4, 1];
