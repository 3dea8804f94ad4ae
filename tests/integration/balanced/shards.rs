//! Wildcards whose labels are shared out among pools.

use crate::world::World;

const ZONE: &str = "checks: {c: {tcp: {port: 5432}}}
pools:
  db-1: {check: c, backends: {a: 192.0.2.1, b: 192.0.2.2}}
  db-2: {check: c, when_all_down: fallback, fallback: spare, backends: {c: 192.0.2.3}}
  spare: {check: c, backends: [192.0.2.9]}
records:
  \"*.users\": {shards: {by: range, of: [{to: g, pool: db-1}, {pool: db-2}]}, TXT: hi}
  \"*.rw\": {role: primary, shards: {by: range, of: [{to: g, pool: db-1}, {pool: db-2}]}}
  \"*.keys\": {shards: {by: hash, pools: [db-1, db-2, spare]}}
  olga.users: {A: 192.0.2.77}
  alias: {CNAME: heidi.users}
  flat: {alias: anna.users}
";

fn a(name: &str, addresses: &str) -> String {
    let records = addresses.split(' ').map(|one| format!("{name} 30 A {one}"));
    format!("NOERROR aa | {}", records.collect::<Vec<_>>().join(", "))
}

#[test]
fn the_label_next_to_the_wildcards_parent_picks_the_pool() {
    let world = World::yaml(ZONE, "");
    let (first, second) = ("192.0.2.1 192.0.2.2", "192.0.2.3");
    for (name, expected) in [
        ("anna.users.example.com.", first),
        // Inclusive of all that begins with the bound, in any case.
        ("gustav.users.example.com.", first),
        ("GZ.users.example.com.", first),
        ("h.users.example.com.", second),
        ("Heidi.Users.example.com.", second),
        // However many labels stand left of it.
        ("anna.heidi.users.example.com.", second),
        ("zoe.x.anna.users.example.com.", first),
    ] {
        assert_eq!(world.ask(&format!("{name} A")), a(name, expected), "{name}");
    }
    world.check(&[
        // A name of its own is no shard's.
        ("olga.users.example.com. A", "NOERROR aa | olga.users.example.com. 3600 A 192.0.2.77"),
        ("heidi.users.example.com. TXT", "NOERROR aa | heidi.users.example.com. 3600 TXT hi"),
        ("flat.example.com. A", &a("flat.example.com.", first)),
        (
            "alias.example.com. A",
            "NOERROR aa | alias.example.com. 3600 CNAME heidi.users.example.com., heidi.users.example.com. 30 A 192.0.2.3",
        ),
    ]);
}

#[test]
fn each_shard_has_its_own_failover() {
    let world = World::yaml(ZONE, "down 192.0.2.1 192.0.2.3");
    for (name, expected) in
        [("anna.users.example.com.", "192.0.2.2"), ("heidi.users.example.com.", "192.0.2.9")]
    {
        assert_eq!(world.ask(&format!("{name} A")), a(name, expected), "{name}");
    }
}

#[test]
fn shards_are_asked_for_by_a_role_as_well() {
    let world = World::yaml(ZONE, "primary 192.0.2.2; replica 192.0.2.1 192.0.2.3");
    let anna = "anna.rw.example.com.";
    world.check(&[
        ("anna.rw.example.com. A", &a(anna, "192.0.2.2")),
        // Its shard has no primary, whatever another has.
        ("heidi.rw.example.com. A", "NOERROR aa |  | example.com. 5 SOA 7"),
    ]);
}

#[test]
fn a_hash_gives_each_label_one_pool_and_turns_its_own_rotation() {
    let world = World::yaml(ZONE, "");
    let pools = ["192.0.2.1 192.0.2.2", "192.0.2.3", "192.0.2.9"];
    let mut counts = [0; 3];
    for number in 0..300 {
        let name = format!("user-{number}.keys.example.com.");
        let found = world.ask(&format!("{name} A"));
        let place =
            pools.iter().position(|pool| a(&name, pool) == found).expect("one of the pools");
        counts[place] += 1;
    }
    // 100 each; five standard deviations of a draw are 41.
    assert!(counts.iter().all(|count| (59..=141).contains(count)), "{counts:?}");
}
