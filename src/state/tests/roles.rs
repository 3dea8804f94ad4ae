//! Who is primary, as reports tell it one after the other.

use super::*;
use crate::config::model::Role;

const ORDERS: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 5432}}}
pools:
  orders: {check: c, backends: {db-1: 192.0.2.1, db-2: 192.0.2.2, db-3: 192.0.2.3}}
records:
  ns: {A: 192.0.2.53}
  rw: {pool: orders, role: primary}
  ro: {pool: orders, role: replica}
";

impl Stage {
    fn says(&self, address: &str, health: Health, role: Option<Role>) {
        self.publisher.report(Report {
            target: self.target(address),
            source: Prober::inside(),
            health,
            detail: Arc::from("connected"),
            told: role
                .map_or_else(|| heard(health), |role| Told { role: Some(role), ..Told::default() }),
            took: Duration::ZERO,
            at: self.publisher.now().unix,
        });
        self.publisher.flush();
    }

    /// What `rw` and `ro` hand out: the last numbers of the addresses.
    fn roles(&self) -> [Vec<u8>; 2] {
        let View::Served { zone, ready } = self.view() else { panic!("the zone is served") };
        [Role::Primary, Role::Replica].map(|role| {
            let place = zone.pools.iter().position(|pool| pool.role() == Some(role));
            let ready = place.and_then(|place| ready.get(place)).expect("each role has one");
            ready.addresses().map(last_number).collect()
        })
    }

    /// What is told of the pool.
    fn told_of_pool(&self) -> Vec<String> {
        let (events, _) = self.publisher.events().subscribe(Some(0));
        let own = events.iter().filter(|event| event.subject == "example/orders (primary)");
        own.map(|event| event.message.clone()).collect()
    }
}

const P: Option<Role> = Some(Role::Primary);
const R: Option<Role> = Some(Role::Replica);
const FAILING: Health = Health::Up { failed: 1 };

#[test]
fn a_promotion_is_in_the_answers_with_the_first_probe_that_tells_it() {
    let stage = Stage::new();
    stage.serve(&[&zone(ORDERS)]);
    assert_eq!(stage.roles()[0], [0; 0], "nobody has told a role yet");
    for (address, health, role, rw, ro) in [
        ("192.0.2.1", UP, P, &[1][..], &[1][..]),
        ("192.0.2.2", UP, R, &[1], &[2]),
        ("192.0.2.3", UP, R, &[1], &[2, 3]),
        // One failure more or less is nothing.
        ("192.0.2.1", FAILING, None, &[1], &[2, 3]),
        // db-2 is promoted, while db-1 is not yet judged down.
        ("192.0.2.2", UP, P, &[2], &[3]),
        ("192.0.2.1", DOWN, None, &[2], &[3]),
        // No replica is left; and then one is again.
        ("192.0.2.3", DOWN, None, &[2], &[2]),
        ("192.0.2.3", UP, R, &[2], &[3]),
        // db-1 is back and does not know: db-2 keeps the role.
        ("192.0.2.1", UP, P, &[2], &[3]),
        ("192.0.2.1", UP, R, &[2], &[1, 3]),
        // The primary goes, and nobody is promoted.
        ("192.0.2.2", DOWN, None, &[], &[1, 3]),
    ] {
        stage.says(address, health, role);
        let row = format!("{address} {health:?} {role:?}");
        assert_eq!(stage.roles(), [rw.to_vec(), ro.to_vec()], "{row}");
    }
    assert_eq!(
        stage.told_of_pool(),
        [
            "db-1 is primary now",
            "the pool hands out what is in service again",
            "db-2 is primary now (was db-1)",
            "two primaries: db-1 says that it is primary, while db-2 keeps the role",
            "one primary again",
            "nothing in the pool is primary: it hands out nothing",
        ]
    );
}

#[test]
fn a_packet_that_is_lost_moves_no_writes_to_a_second_primary() {
    let stage = Stage::new();
    stage.serve(&[&zone(ORDERS)]);
    stage.says("192.0.2.1", UP, P);
    stage.says("192.0.2.2", UP, P);
    for (address, health, role, rw) in [
        ("192.0.2.1", FAILING, None, 1),
        ("192.0.2.1", UP, P, 1),
        ("192.0.2.2", FAILING, None, 1),
        ("192.0.2.1", FAILING, None, 1),
        ("192.0.2.2", UP, P, 1),
        ("192.0.2.1", UP, P, 1),
        // Who is promoted while the holder fails takes the role at once.
        ("192.0.2.1", FAILING, None, 1),
        ("192.0.2.3", UP, P, 3),
        ("192.0.2.1", UP, P, 3),
        ("192.0.2.3", FAILING, None, 3),
        ("192.0.2.3", DOWN, None, 1),
    ] {
        stage.says(address, health, role);
        assert_eq!(stage.roles()[0], [rw], "{address} {health:?} {role:?}");
    }
}

#[test]
fn a_backend_that_died_as_primary_has_no_role_though_a_hand_keeps_it_up() {
    use crate::health::overrides::Hand;
    use crate::state::steer::{Steer, Wish};

    let stage = Stage::new();
    stage.serve(&[&zone(ORDERS)]);
    stage.says("192.0.2.1", UP, P);
    stage.says("192.0.2.2", UP, R);
    stage.says("192.0.2.1", DOWN, None);
    let up = Steer {
        patterns: vec!["example/orders/db-1".into()],
        wish: Wish::Set { hand: Hand::Up, lasts: None },
        author: "anna".into(),
        reason: None,
    };
    stage.publisher.steer(&up).expect("it is there");
    assert_eq!(stage.roles(), [vec![], vec![2]]);
    stage.says("192.0.2.2", UP, P);
    assert_eq!(stage.roles()[0], [2]);
    stage.says("192.0.2.1", Health::Down { passed: 1 }, R);
    assert_eq!(stage.roles()[1], [2], "and none before it is up");
}

#[test]
fn the_last_primary_is_no_guess_once_it_has_said_that_it_is_a_replica() {
    let stage = Stage::new();
    let zone_of = ORDERS.replace("{check: c,", "{check: c, when_all_down: last,");
    stage.serve(&[&zone(&zone_of)]);
    stage.says("192.0.2.1", UP, P);
    stage.says("192.0.2.1", DOWN, None);
    assert_eq!(stage.roles()[0], [1]);
    stage.says("192.0.2.1", UP, R);
    assert_eq!(stage.roles()[0], [0; 0]);
    stage.says("192.0.2.1", DOWN, None);
    assert_eq!(stage.roles()[0], [0; 0]);
}

#[test]
fn a_promotion_is_told_whichever_role_is_asked_for_first() {
    let turned = ORDERS.replace("  rw: {pool: orders, role: primary}\n", "")
        + "  rw: {pool: orders, role: primary}\n";
    for text in [ORDERS, &turned] {
        let stage = Stage::new();
        stage.serve(&[&zone(text)]);
        stage.says("192.0.2.1", UP, P);
        // With no replica left, who asks for one sees who is primary as well.
        stage.says("192.0.2.1", FAILING, None);
        stage.says("192.0.2.2", UP, P);
        assert_eq!(stage.roles(), [vec![2], vec![2]]);
        let told = stage.told_of_pool();
        assert!(told.iter().any(|told| told == "db-2 is primary now (was db-1)"), "{told:?}");
    }
}

#[test]
fn who_holds_the_role_is_known_over_a_reload() {
    let stage = Stage::new();
    stage.serve(&[&zone(ORDERS)]);
    stage.says("192.0.2.2", UP, P);
    stage.says("192.0.2.1", UP, P);
    assert_eq!(stage.roles()[0], [2]);
    let reloaded = ORDERS.replace("db-3: 192.0.2.3", "db-3: 192.0.2.4");
    stage.serve(&[&zone(&reloaded)]);
    assert_eq!(stage.roles()[0], [2]);
}

#[test]
fn who_holds_the_role_is_known_over_a_restart() {
    let folder = Folder::new("primary");
    let begin = || {
        let health = LastHealth::load(&folder.0);
        let stage = Stage::remembering(health, Kept::default(), Settings::default());
        stage.serve(&[&zone(ORDERS)]);
        stage
    };
    let stage = begin();
    stage.says("192.0.2.2", UP, P);
    stage.says("192.0.2.3", UP, R);
    stage.stop(&folder, "primary\t");
    let stage = begin();
    assert_eq!(stage.roles()[0], [2], "before the first round");
    // The one that was replaced is asked first.
    stage.says("192.0.2.1", UP, P);
    assert_eq!(stage.roles()[0], [2]);
    stage.says("192.0.2.2", UP, P);
    assert_eq!(stage.roles()[0], [2]);
    // Judged, it is what it says.
    stage.says("192.0.2.2", UP, R);
    assert_eq!(stage.roles()[0], [1]);
}

#[test]
fn who_holds_the_role_keeps_it_until_another_check_has_judged() {
    let stage = Stage::new();
    stage.serve(&[&zone(ORDERS)]);
    stage.says("192.0.2.2", UP, P);
    stage.serve(&[&zone(&ORDERS.replace("5432", "5433"))]);
    assert_eq!(stage.roles()[0], [2]);
    stage.says("192.0.2.2", DOWN, None);
    assert_eq!(stage.roles()[0], [0; 0]);
}

#[test]
fn reads_that_the_primary_stands_in_for_go_to_the_one_that_holds_the_role() {
    let stage = Stage::new();
    stage.serve(&[&zone(ORDERS)]);
    stage.says("192.0.2.2", UP, P);
    stage.says("192.0.2.3", UP, R);
    // db-1 stands before db-2 in the file, and says that it is primary after it.
    stage.says("192.0.2.1", UP, P);
    assert_eq!(stage.roles(), [vec![2], vec![3]]);
    stage.says("192.0.2.3", DOWN, None);
    assert_eq!(stage.roles(), [vec![2], vec![2]]);
}

#[test]
fn each_change_is_told_once_for_all_that_ask() {
    let stage = Stage::new();
    stage.serve(&[&zone(ORDERS)]);
    stage.says("192.0.2.1", DOWN, None);
    let (events, _) = stage.publisher.events().subscribe(Some(0));
    let own = events.iter().filter(|event| event.subject == "example/orders/db-1");
    assert_eq!(own.count(), 1);
}
