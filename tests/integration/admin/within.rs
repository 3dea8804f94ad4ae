//! Pools within pools, as the API and the commands show them.

use std::net::Ipv4Addr;
use std::process::Command;

use serde_json::Value;

use crate::http::Http;
use crate::servers::{ROTADNS, Server, ZoneFile};

const ZONE: ZoneFile<'_> = ZoneFile {
    name: "within.example.yaml",
    text: "\
zone: within.example
ns: [ns.example.net.]
pools:
  n: {min_healthy: 2, backends: {n-1: 192.0.2.1, n-2: {address: 192.0.2.2, state: down}}}
  s: {backends: {s-1: 192.0.2.3, s-2: 192.0.2.4}}
  all: {backends: {north: {pool: n}, south: {pool: s}, spare: {address: 192.0.2.9, priority: 1}}}
records:
  www: {pool: all}
",
};

const NORTH: &str = "the pool n does not serve: 1 of 2 backends in service (min_healthy 2)";
const SOUTH: &str = "the pool s serves: 2 of 2 backends in service";

/// A backend of the API or of an explanation: its pool, its state, and why.
fn told<'v>(found: &'v Value, key: &str) -> Vec<[&'v str; 3]> {
    let text = |value: &'v Value| value.as_str().unwrap_or_default();
    let all = found.as_array().expect("a list").iter();
    all.map(|one| {
        let state = match &one[key] {
            Value::Bool(true) => "yes",
            Value::Bool(false) => "no",
            state => text(state),
        };
        [text(&one["pool"]), state, text(&one["reason"])]
    })
    .collect()
}

#[test]
fn a_pool_within_is_a_backend_with_its_own_state_and_threshold() {
    let settings = "admin: {listen: 127.0.0.1:0}\n";
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], settings, &[ZONE]);
    let http = Http::new(server.admin());

    let pool = http.get("/v1/pools/within.example/all").json();
    let backends = &pool["backends"];
    assert_eq!(
        told(backends, "state"),
        [["n", "down", NORTH], ["s", "up", SOUTH], ["", "up", "no check"]],
        "{pool}"
    );
    assert_eq!(backends[1]["share_due"], 1.0);
    assert_eq!(backends[1]["addresses"], Value::Array(Vec::new()));

    let explained = http.get("/v1/explain?name=www.within.example&type=A").json();
    let waits = "no check; of priority 1, while priority 0 serves";
    assert_eq!(
        told(&explained["pools"][0]["candidates"], "chosen"),
        [["n", "no", NORTH], ["s", "yes", SOUTH], ["", "no", waits]],
        "{explained}"
    );

    let run = |arguments: &[&str]| {
        let mut command = Command::new(ROTADNS);
        command.args(arguments).env("ROTADNS_ADMIN", server.admin().to_string());
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let status = run(&["status"]);
    assert!(
        status.contains(&format!("within.example/all/north down 0.0 % 0.0 % {NORTH}")),
        "{status}"
    );
    let explained = run(&["explain", "www.within.example"]);
    assert!(explained.contains(&format!("✓ south pool s yes {SOUTH}")), "{explained}");
    assert!(explained.contains(&format!("✗ north pool n no {NORTH}")), "{explained}");
}
