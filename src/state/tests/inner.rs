//! Pools within pools: they come and go as a whole, and a hand on one takes all of it.

use super::*;
use crate::health::backend::BackendKey;
use crate::health::overrides::Hand;
use crate::state::persist::tests::Folder;
use crate::state::steer::{Steer, Wish};

/// `n` is in service with two of three, `s` with half of its weight; `all` has the outer pool before those within it.
const SITES: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}}
pools:
  n: {check: c, min_healthy: 2, backends: [192.0.2.1, 192.0.2.2, 192.0.2.3]}
  all: {policy: weighted, answers: 8, backends: {north: {pool: n, weight: 2}, south: {pool: s}}}
  s: {check: c, panic: 0.5, backends: [192.0.2.4, 192.0.2.5, 192.0.2.6]}
  outer: {backends: [{pool: all}, {address: 192.0.2.9, priority: 1}]}
records:
  ns: {A: 192.0.2.53}
  www: {pool: all}
  top: {pool: outer}
";

impl Stage {
    /// What a pool hands out: the last numbers of the addresses.
    fn out(&self, name: &str) -> Vec<u8> {
        let View::Served { zone, ready } = self.view() else { panic!("the zone is served") };
        let place = zone.pools.iter().position(|pool| pool.name == name).expect(name);
        ready.get(place).expect("each pool has one").addresses().map(last_number).collect()
    }

    fn hand(&self, pattern: &str, wish: Wish) {
        let patterns = vec![pattern.to_owned()];
        let steer = Steer { patterns, wish, author: "anna".into(), reason: None };
        self.publisher.steer(&steer).expect(pattern);
        self.publisher.flush();
    }
}

fn down() -> Wish {
    Wish::Set { hand: Hand::Down, lasts: None }
}

#[test]
fn a_pool_within_comes_and_goes_by_its_own_threshold() {
    let stage = Stage::new();
    stage.serve(&[&zone(SITES)]);
    for (address, health, all, outer) in [
        ("192.0.2.1", UP, &[1, 2, 3, 4, 5, 6][..], &[1, 2, 3, 4, 5, 6][..]),
        ("192.0.2.1", DOWN, &[2, 3, 4, 5, 6], &[2, 3, 4, 5, 6]),
        // One is less than two.
        ("192.0.2.2", DOWN, &[4, 5, 6], &[4, 5, 6]),
        ("192.0.2.4", DOWN, &[5, 6], &[5, 6]),
        // A third of the weight is less than half: a guess of all of both, and the outer pool has better.
        ("192.0.2.5", DOWN, &[1, 2, 3, 4, 5, 6], &[9]),
        ("192.0.2.2", UP, &[2, 3], &[2, 3]),
        ("192.0.2.5", UP, &[2, 3, 5, 6], &[2, 3, 5, 6]),
    ] {
        stage.report(address, health);
        let row = format!("{address} {health:?}");
        assert_eq!((&*stage.out("all"), &*stage.out("outer")), (all, outer), "{row}");
    }
}

#[test]
fn a_hand_takes_a_pool_out_of_one_and_a_backend_out_of_all() {
    let folder = Folder::new("inner");
    let stage =
        Stage::with(Kept::load(&folder.0, BEGIN).expect("it can be read"), Settings::default());
    stage.serve(&[&zone(SITES)]);
    for (pattern, wish, n, all, outer) in [
        ("example/all/north", down(), &[1, 2, 3][..], &[4, 5, 6][..], &[4, 5, 6][..]),
        ("example/s/192.0.2.5", down(), &[1, 2, 3], &[4, 6], &[4, 6]),
        // Nothing is left, and what a hand took out is no guess unless all is, as here.
        ("example/s/*", down(), &[1, 2, 3], &[1, 2, 3, 4, 5, 6], &[9]),
        ("example/all/north", Wish::Auto, &[1, 2, 3], &[1, 2, 3], &[1, 2, 3]),
        ("example/outer/all", down(), &[1, 2, 3], &[1, 2, 3], &[9]),
    ] {
        stage.hand(pattern, wish);
        let found = [stage.out("n"), stage.out("all"), stage.out("outer")];
        assert_eq!(found, [n.to_vec(), all.to_vec(), outer.to_vec()], "{pattern}");
    }
}

#[test]
fn what_is_drained_within_a_pool_is_safe_to_stop_when_no_answer_of_any_has_it() {
    const WITHIN: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}}
pools:
  out: {ttl: 40s, backends: [{pool: in}, 192.0.2.9]}
  in: {check: c, ttl: 20s, when_all_down: none, backends: [192.0.2.1, 192.0.2.2]}
records:
  ns: {A: 192.0.2.53}
  www: {pool: out}
";
    let folder = Folder::new("within");
    let stage =
        Stage::with(Kept::load(&folder.0, BEGIN).expect("it can be read"), Settings::default());
    stage.serve(&[&zone(WITHIN)]);
    let drain = || Wish::Set { hand: Hand::Drain, lasts: None };
    let first = "example/in/192.0.2.1";
    // Answers of the outer pool have the lesser of both TTLs; a second is for clocks.
    let inner = |at: u64| Some(BEGIN + at + 20_000 + 1_000);
    let outer = |at: u64| Some(BEGIN + at + 40_000 + 1_000);
    for (at, pattern, wish, out, key, safe) in [
        (1_000, first, drain(), &[2, 9][..], first, inner(1_000)),
        (2_000, "example/in/192.0.2.2", drain(), &[9], first, inner(1_000)),
        (2_000, "example/in/192.0.2.2", drain(), &[9], "example/in/192.0.2.2", inner(2_000)),
        // All is taken out, and so all is a guess: of the outer pool alone, as the inner one makes none.
        (3_000, "example/out/192.0.2.9", drain(), &[1, 2, 9], first, None),
        (4_000, "example/out/192.0.2.9", Wish::Auto, &[9], first, inner(4_000)),
        (5_000, "example/in/*", Wish::Auto, &[1, 2, 9], first, None),
        // A pool within is a backend like others, and is out of the outer pool alone.
        (6_000, "example/out/in", drain(), &[9], "example/out/in", outer(6_000)),
        (7_000, "example/out/192.0.2.9", drain(), &[1, 2, 9], "example/out/in", None),
        (8_000, "example/out/192.0.2.9", Wish::Auto, &[9], "example/out/in", outer(8_000)),
        (9_000, "example/out/in", Wish::Auto, &[1, 2, 9], "example/out/in", None),
    ] {
        stage.wait_until(at);
        stage.hand(pattern, wish);
        let found = stage.publisher.safe_to_stop(&BackendKey::parse(key).expect(key));
        assert_eq!((&*stage.out("out"), found), (out, safe), "{at}: {pattern}, of {key}");
    }
}

#[test]
fn what_a_hand_took_out_is_no_guess_within_another_pool_either() {
    const GUESSES: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}}
pools:
  a: {check: c, min_healthy: 2, backends: [192.0.2.1, 192.0.2.2]}
  b: {check: c, min_healthy: 2, backends: [192.0.2.3, 192.0.2.4]}
  nested: {backends: {x: {pool: a}, y: {pool: b}}}
  deep: {backends: {z: {pool: nested}}}
  flat: {check: c, backends: {a1: 192.0.2.1, a2: 192.0.2.2, b1: 192.0.2.3, b2: 192.0.2.4}}
records:
  ns: {A: 192.0.2.53}
  nested: {pool: deep}
  flat: {pool: flat}
";
    let folder = Folder::new("guesses");
    let stage =
        Stage::with(Kept::load(&folder.0, BEGIN).expect("it can be read"), Settings::default());
    stage.serve(&[&zone(GUESSES)]);
    stage.hand("example/a/*", down());
    stage.hand("example/flat/a*", down());
    // One of the others fails, which holds back its pool as a whole; then both do.
    for (address, flat) in [("192.0.2.3", &[4][..]), ("192.0.2.4", &[3, 4])] {
        stage.report(address, DOWN);
        let found = [stage.out("nested"), stage.out("deep"), stage.out("flat")];
        assert_eq!(found, [vec![3, 4], vec![3, 4], flat.to_vec()], "{address}");
    }
}

#[test]
fn a_role_is_found_in_whichever_pool_has_it() {
    const SITES: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 5432}}}
pools:
  n: {check: c, min_healthy: 2, backends: [192.0.2.1, 192.0.2.2]}
  s: {check: c, backends: [192.0.2.3, 192.0.2.4]}
  all: {max_lag: 5s, backends: {north: {pool: n}, south: {pool: s}}}
records:
  ns: {A: 192.0.2.53}
  rw: {pool: all, role: primary}
  ro: {pool: all, role: replica}
";
    use crate::config::model::Role::{Primary, Replica};

    let stage = Stage::new();
    stage.serve(&[&zone(SITES)]);
    let out = |label: &str| -> Vec<u8> {
        let View::Served { zone, ready } = stage.view() else { panic!("the zone is served") };
        let place = zone.pools.iter().position(|pool| pool.label() == label).expect(label);
        ready.get(place).expect("each pool has one").addresses().map(last_number).collect()
    };
    for (address, health, role, primary, replica) in [
        ("192.0.2.1", UP, Primary, &[1][..], &[1][..]),
        ("192.0.2.2", UP, Replica, &[1], &[2]),
        ("192.0.2.3", UP, Replica, &[1], &[2, 3]),
        ("192.0.2.4", UP, Replica, &[1], &[2, 3, 4]),
        // Two primaries: the pool that had the one keeps the role.
        ("192.0.2.3", UP, Primary, &[1], &[2, 4]),
        ("192.0.2.1", UP, Replica, &[3], &[1, 2, 4]),
        ("192.0.2.3", DOWN, Primary, &[], &[1, 2, 4]),
        ("192.0.2.2", UP, Primary, &[2], &[1, 4]),
    ] {
        stage.report_told(address, health, Told { role: Some(role), ..Told::default() });
        let found = (out("all (primary)"), out("all (replica)"));
        assert_eq!((&*found.0, &*found.1), (primary, replica), "{address} is {role:?}");
        let is_guessing = stage.publisher.alarms().iter().any(|alarm| alarm.contains("pool has"));
        assert_eq!(is_guessing, primary.is_empty(), "a pool within need have no primary");
    }
}
