//! Names that ask for the primary of a pool, or for its replicas.

use crate::world::World;

const ZONE: &str = "checks: {c: {tcp: {port: 5432}}}
pools:
  orders:
    check: c
    max_lag: 5s
    port: 5432
    backends:
      db-1: {address: [192.0.2.1, \"2001:db8::1\"], host: db-1}
      db-2: {address: 192.0.2.2, host: db-2}
      db-3: {address: 192.0.2.3, host: db-3}
records:
  rw.orders: {pool: orders, role: primary}
  ro.orders: {pool: orders, role: replica}
  _postgresql._tcp.orders: {SRV: {pool: orders, role: primary}}
  orders: {A: {pool: orders, role: primary}, HTTPS: {values: 1 ., pool: orders, role: replica, hints: pool}}
  \"*.any\": {role: primary, rules: [{subnets: 10.0.0.0/8, pool: orders}, {pool: orders}]}
";

const SOA: &str = "NOERROR aa |  | example.com. 5 SOA 7";

/// What a name has, as the answer says it.
fn a(name: &str, ttl: u32, addresses: &str) -> String {
    let records = addresses.split(' ').map(|one| format!("{name} {ttl} A {one}"));
    format!("NOERROR aa | {}", records.collect::<Vec<_>>().join(", "))
}

#[test]
fn writes_go_to_the_primary_and_reads_to_replicas() {
    let usual = "primary 192.0.2.1 2001:db8::1; replica 192.0.2.2=0s 192.0.2.3=1s";
    for (health, writes, reads) in [
        (usual, Some((30, "192.0.2.1")), (30, "192.0.2.2 192.0.2.3")),
        (
            "primary 192.0.2.1; replica 192.0.2.2=0s 192.0.2.3=6s",
            Some((30, "192.0.2.1")),
            (30, "192.0.2.2"),
        ),
        (
            "primary 192.0.2.1; replica 192.0.2.2 192.0.2.3=6s",
            Some((30, "192.0.2.1")),
            (5, "192.0.2.1"),
        ),
        (
            "primary 192.0.2.1 192.0.2.2; replica 192.0.2.3=0s; held db-2",
            Some((5, "192.0.2.2")),
            (30, "192.0.2.3"),
        ),
        (
            "down 192.0.2.1 2001:db8::1; primary 192.0.2.1; replica 192.0.2.2=0s 192.0.2.3=0s",
            None,
            (30, "192.0.2.2 192.0.2.3"),
        ),
    ] {
        let world = World::yaml(ZONE, health);
        let (rw, ro) = ("rw.orders.example.com.", "ro.orders.example.com.");
        let expected = writes.map_or_else(|| SOA.to_owned(), |(ttl, all)| a(rw, ttl, all));
        assert_eq!(world.ask("rw.orders.example.com. A"), expected, "{health}");
        assert_eq!(world.ask("ro.orders.example.com. A"), a(ro, reads.0, reads.1), "{health}");
    }
}

#[test]
fn a_role_is_asked_for_in_every_kind_of_record() {
    let world = World::yaml(ZONE, "primary 192.0.2.2; replica 192.0.2.1=0s 192.0.2.3=0s");
    world.check(&[
        (
            "_postgresql._tcp.orders.example.com. SRV",
            "NOERROR aa | _postgresql._tcp.orders.example.com. 30 SRV 0 1 5432 db-2.example.com.",
        ),
        ("orders.example.com. A", &a("orders.example.com.", 30, "192.0.2.2")),
        ("x.any.example.com. A", &a("x.any.example.com.", 30, "192.0.2.2")),
    ]);
    let hints = world.ask("orders.example.com. HTTPS");
    assert!(hints.contains("ipv4hint=192.0.2.1,192.0.2.3"), "{hints}");
    // Of a family that the primary does not have there is nothing.
    world.check(&[("rw.orders.example.com. AAAA", SOA)]);
}
