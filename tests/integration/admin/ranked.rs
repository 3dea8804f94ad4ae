//! Pools a page at a time: those first that need somebody, and those alone that a text means.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::http::{Http, Response};
use crate::servers::{Server, ZoneFile};

/// Each pool is named for how it stands.
const ZONE: ZoneFile<'_> = ZoneFile {
    name: "ranked.example.yaml",
    text: "\
zone: ranked.example
ns: [ns1]
pools:
  well: {backends: {a: 192.0.2.1, b: 192.0.2.2}}
  partly: {backends: {a: {address: 192.0.2.3, state: down}, b: 192.0.2.4}}
  held: {backends: {a: 192.0.2.5, b: 192.0.2.6}}
  guess: {backends: {a: {address: 192.0.2.7, state: down}}}
  fallback: {backends: {a: {address: 192.0.2.8, state: down}}, when_all_down: fallback, fallback: well}
  nothing: {backends: {a: {address: 192.0.2.9, state: down}}, when_all_down: none}
  also-well: {policy: weighted, backends: {Frankfurt: 192.0.2.10}}
records:
  ns1: {A: 192.0.2.53}
  a: {pool: well}
  b: {pool: partly}
  c: {pool: held}
  d: {pool: guess}
  e: {pool: fallback}
  f: {pool: nothing}
  g: {pool: also-well}
",
};

fn serve() -> (Server, Http) {
    let settings = "admin: {listen: 127.0.0.1:0}\n";
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], settings, &[ZONE]);
    let http = Http::new(server.admin());
    (server, http)
}

/// The names of the pools, how many there are, and where the next page begins.
fn told(answer: &Response) -> (Vec<String>, &str, Option<&str>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let pools = answer.json();
    let name = |pool: &Value| pool["pool"].as_str().expect("a name").to_owned();
    let names = pools.as_array().expect("a list").iter().map(name).collect();
    (names, answer.header("total-count").expect("a count"), answer.header("next-offset"))
}

#[test]
fn pools_that_need_somebody_come_first() {
    let (_server, http) = serve();
    let held = json!({"backends": ["ranked.example/held/a"], "author": "anna"});
    assert_eq!(http.post("/v1/backends/up", &held).status, 200);
    let as_served = ["well", "partly", "held", "guess", "fallback", "nothing", "also-well"];
    let worst = ["nothing", "guess", "fallback", "partly", "held", "well", "also-well"];
    for (query, expected) in [("", as_served), ("?order=name", as_served), ("?order=worst", worst)]
    {
        let answer = http.get(&format!("/v1/pools{query}"));
        assert_eq!(told(&answer), (expected.map(str::to_owned).into(), "7", None), "{query}");
    }
    let mut paged = Vec::new();
    for (offset, next) in [(0, Some("3")), (3, Some("6")), (6, None), (7, None), (99, None)] {
        let answer = http.get(&format!("/v1/pools?order=worst&limit=3&offset={offset}"));
        let (names, total, after) = told(&answer);
        assert_eq!((total, after), ("7", next), "{offset}");
        paged.extend(names);
    }
    assert_eq!(paged, worst);
}

#[test]
fn pools_are_found_by_words_of_what_they_are() {
    let (_server, http) = serve();
    for (filter, expected) in [
        ("well", &["well", "also-well"][..]),
        ("ranked.example/well", &["well"]),
        ("RANKED%20also", &["also-well"]),
        ("weighted", &["also-well"]),
        ("frankfurt", &["also-well"]),
        ("192.0.2.8", &["fallback"]),
        ("guess%20192.0.2.7%20round_robin", &["guess"]),
        ("guess%20192.0.2.8", &[]),
        ("%20", &["well", "partly", "held", "guess", "fallback", "nothing", "also-well"]),
    ] {
        let answer = http.get(&format!("/v1/pools?filter={filter}"));
        let (names, total, _) = told(&answer);
        assert_eq!(names, expected, "{filter}");
        assert_eq!(total, expected.len().to_string(), "{filter}");
    }
    let long = "x".repeat(201);
    for (query, error) in [
        ("limit=0", "`limit` is from 1 to 1000"),
        ("limit=1001", "`limit` is from 1 to 1000"),
        (&format!("filter={long}"), "`filter` has at most 200 bytes"),
    ] {
        let refused = http.get(&format!("/v1/pools?{query}"));
        assert_eq!((refused.status, refused.error()), (400, error.to_owned()), "{query}");
    }
    for query in ["order=best", "colour=red", "offset=-1"] {
        assert_eq!(http.get(&format!("/v1/pools?{query}")).status, 400, "{query}");
    }
}
