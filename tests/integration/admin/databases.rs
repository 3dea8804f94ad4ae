//! Roles as a server is told them: what it answers, what it shows, and what it warns of.

use std::net::Ipv4Addr;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

use crate::asking::{Question, Way};
use crate::http::Http;
use crate::servers::{Folder, Server, ZoneFile};
use crate::waiting::until;

const PATIENCE: Duration = Duration::from_secs(10);

const ORDERS: ZoneFile<'_> = ZoneFile {
    name: "orders.example.yaml",
    text: "\
zone: orders.example
ns: [ns1]
checks: {pg: {tcp: {port: 5432}}}
pools:
  orders: {check: pg, max_lag: 5s, backends: {db-1: 192.0.2.1, db-2: 192.0.2.2}}
records:
  ns1: {A: 192.0.2.53}
  rw: {pool: orders, role: primary}
  ro: {pool: orders, role: replica}
",
};

/// What the two databases say, told by a prober beside.
fn batch(check: &Value, sequence: u64, roles: [(&str, u64); 2]) -> Value {
    let report = |(number, (role, lag)): (u8, (&str, u64))| {
        json!({
            "address": format!("192.0.2.{number}"), "check": check, "health": {"up": 0}, "detail": "connected",
            "told": {"role": role, "lag_ms": lag}, "took_us": 1000, "age_ms": 0
        })
    };
    let reports: Vec<Value> = (1..).zip(roles).map(report).collect();
    let part = if sequence == 0 { "whole_end" } else { "news" };
    json!({"version": 1, "prober": "p", "session": 7, "sequence": sequence, "part": part, "reports": reports})
}

#[test]
fn roles_that_a_prober_tells_are_answered_shown_and_explained() {
    let folder = Folder::new();
    let tokens = folder.write("tokens", "read r read-read-read-read\nfeed p feed-feed-feed-feed\n");
    let settings = format!(
        "admin: {{listen: 127.0.0.1:0, tokens: {}}}\nprober: {{inside: false}}\n",
        tokens.display()
    );
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &settings, &[ORDERS]);
    let http = Http::new(server.admin());
    let (read, feed) = (http.bearer("read-read-read-read"), http.bearer("feed-feed-feed-feed"));
    let check = read.get("/v1/checks").json()[0]["check_key"].clone();
    let addresses = |name: &str| {
        let question = Question::new(name, RecordType::A);
        let answer = server.client().answer(&question, Way::Udp { payload: None });
        let words = answer.answers.iter().filter_map(|record| record.split_whitespace().last());
        words.collect::<Vec<_>>().join(" ")
    };
    let explained = |name: &str| {
        let explained = read.get(&format!("/v1/explain?name={name}.orders.example&type=A")).json();
        let steps = explained["steps"].as_array().expect("a list");
        let eligible = steps.iter().find(|step| step["stage"] == "eligible");
        eligible.expect("the stage is told")["said"].as_str().expect("a text").to_owned()
    };
    let alarms = || {
        let status = read.get("/v1/status").json();
        let alarms = status["alarms"].as_array().expect("a list").iter();
        let alarms = alarms
            .filter_map(Value::as_str)
            .filter(|alarm| alarm.starts_with("orders.example/orders has"));
        alarms.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(alarms(), ["orders.example/orders has no primary: writes have nowhere to go"]);

    for (sequence, roles, [rw, ro], [of_rw, of_ro], alarm) in [
        (
            0,
            [("primary", 0), ("replica", 1000)],
            ["192.0.2.1", "192.0.2.2"],
            ["db-1 is primary", "those that are replicas serve"],
            None,
        ),
        // Too far behind, so reads go to the primary.
        (
            1,
            [("primary", 0), ("replica", 6000)],
            ["192.0.2.1", "192.0.2.1"],
            ["db-1 is primary", "no replica can serve, and the primary, db-1, stands in"],
            None,
        ),
        (
            2,
            [("primary", 0), ("primary", 0)],
            ["192.0.2.1", "192.0.2.1"],
            [
                "two primaries: db-2 says that it is primary, while db-1 keeps the role",
                "two primaries: db-2 says that it is primary, while db-1 keeps the role",
            ],
            Some(
                "orders.example/orders has two primaries: db-2 says that it is primary, while db-1 keeps the role; stop one of them",
            ),
        ),
        (
            3,
            [("replica", 0), ("primary", 0)],
            ["192.0.2.2", "192.0.2.1"],
            ["db-2 is primary", "those that are replicas serve"],
            None,
        ),
    ] {
        let taken = feed.post("/v1/feed", &batch(&check, sequence, roles));
        assert_eq!(taken.status, 200, "{}", taken.body);
        until("the answers follow", PATIENCE, || {
            (addresses("rw.orders.example.") == rw && addresses("ro.orders.example.") == ro)
                .then_some(())
        });
        for (name, expected) in [("rw", of_rw), ("ro", of_ro)] {
            let said = explained(name);
            assert_eq!(said, format!("2 of 2 addresses in service; {expected}"), "{roles:?}");
        }
        assert_eq!(alarms(), alarm.into_iter().collect::<Vec<_>>(), "{roles:?}");
    }

    let pools = read.get("/v1/pools").json();
    let named = pools.as_array().expect("a list").iter().map(|pool| &pool["pool"]);
    let named: Vec<_> = named.collect();
    assert_eq!(named, ["orders", "orders (primary)", "orders (replica)"]);
    let first = &pools[0]["backends"][0]["addresses"][0];
    assert_eq!((&first["role"], &first["lag_ms"]), (&json!("replica"), &json!(0)));
    let status = read.get("/v1/status").json();
    assert_eq!(status["backends"], json!({"up": 2}), "seen in three ways, and there once");
    let metrics = read.get("/metrics").body;
    let role = "rotadns_backend_role{zone=\"orders.example\",pool=\"orders\",backend=\"db-2\",address=\"192.0.2.2\",role=\"primary\"} 1";
    assert!(metrics.contains(role), "{metrics}");
    let said = server.said();
    assert!(said.contains("orders: db-2 is primary now (was db-1)"), "{said}");
}
