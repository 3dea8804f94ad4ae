//! Pools within pools: they come and go as a whole, and a hand on one takes all of it.

use super::*;
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
        // Nothing is left, and what a hand took out is no guess unless all is.
        ("example/s/*", down(), &[1, 2, 3], &[4, 5, 6], &[9]),
        ("example/all/north", Wish::Auto, &[1, 2, 3], &[1, 2, 3], &[1, 2, 3]),
        ("example/outer/all", down(), &[1, 2, 3], &[1, 2, 3], &[9]),
    ] {
        stage.hand(pattern, wish);
        let found = [stage.out("n"), stage.out("all"), stage.out("outer")];
        assert_eq!(found, [n.to_vec(), all.to_vec(), outer.to_vec()], "{pattern}");
    }
}
