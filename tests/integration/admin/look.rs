//! What the admin API shows, and that its document says so.

use std::collections::BTreeSet;

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

use super::{BROKEN, ZONE, serve};
use crate::asking::{Question, Way};
use crate::http::Http;
use crate::servers::Server;
use crate::waiting::until;
use std::net::Ipv4Addr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
const UDP: Way = Way::Udp { payload: None };

fn www() -> Question {
    Question::new("www.admin.example.", RecordType::A)
}

#[test]
fn health_and_readiness_are_told_to_everybody() {
    let (_server, http) = serve("");
    for (path, expected) in [("/healthz", "alive\n"), ("/readyz", "serving\n")] {
        let answer = http.get(path);
        assert_eq!((answer.status, answer.body.as_str()), (200, expected));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_server_that_does_not_serve_dns_yet_is_alive_and_not_ready() {
    // Connections are made, as the kernel does that, and never answered.
    let hanging =
        std::net::TcpListener::bind("127.31.14.1:0").expect("an address of this test's own");
    let port = hanging.local_addr().expect("it is bound").port();
    let slow = format!(
        "zone: slow.example\nns: [ns1]\nrecords: {{ns1: {{A: 192.0.2.53}}, www: {{pool: slow}}}}\n\
         checks: {{slow: {{http: {{port: {port}}}, interval: 9s, timeout: 9s}}}}\n\
         pools: {{slow: {{check: slow, backends: [127.31.14.1]}}}}\n"
    );
    let zone = crate::servers::ZoneFile { name: "slow.example.yaml", text: &slow };
    let settings = "admin: {listen: 127.0.0.1:0}\nprober: {first_round: 5s}\n";
    let mut server = Server::rotadns_starting(&[Ipv4Addr::LOCALHOST.into()], settings, &[zone]);
    let http = Http::new(server.admin());
    assert_eq!(http.get("/healthz").status, 200);
    let ready = http.get("/readyz");
    assert_eq!((ready.status, ready.body.as_str()), (503, "starting\n"));
    server.wait_until_it_serves();
    until("it is ready", PATIENCE, || (http.get("/readyz").status == 200).then_some(()));
}

#[test]
fn zones_are_shown_with_their_files_and_mistakes() {
    let (server, http) = serve("");
    let zones = http.get("/v1/zones").json();
    let named: Vec<_> =
        zones.as_array().expect("a list").iter().map(|zone| &zone["zone"]).collect();
    assert_eq!(named, ["admin.example.", "broken.example."]);

    for name in ["admin.example", "admin.example.", "ADMIN.example"] {
        let zone = http.get(&format!("/v1/zones/{name}")).json();
        assert_eq!(
            (&zone["state"], &zone["names"], &zone["pools"]),
            (&json!("served"), &json!(4), &json!(2))
        );
        assert_eq!(zone["file"], json!(server.file(&format!("zones/{}", ZONE.name))));
        assert!(zone["serial"].is_u64());
    }
    let zone = http.get("/v1/zones/broken.example").json();
    assert_eq!((&zone["state"], &zone["serial"]), (&json!("broken"), &Value::Null));
    let mistake = &zone["mistakes"][0];
    let place = (&mistake["line"], &mistake["column"], &mistake["severity"]);
    assert_eq!(place, (&json!(4), &json!(12), &json!("error")), "{BROKEN:?}", BROKEN = BROKEN.text);

    let missing = http.get("/v1/zones/nowhere.example");
    assert_eq!(missing.status, 404);
    assert_eq!(missing.error(), "there is no zone nowhere.example.");
}

#[test]
fn records_are_shown_some_at_a_time() {
    let (_server, http) = serve("");
    let all = http.get("/v1/zones/admin.example/records");
    assert_eq!(all.header("next-offset"), None);
    let all = all.json();
    let all = all.as_array().expect("a list");
    let mut paged = Vec::new();
    let mut offset = "0".to_owned();
    loop {
        let page = http.get(&format!("/v1/zones/admin.example/records?limit=2&offset={offset}"));
        paged.extend(page.json().as_array().expect("a list").clone());
        match page.header("next-offset") {
            Some(next) => next.clone_into(&mut offset),
            None => break,
        }
    }
    assert_eq!(&paged, all);
    let www = http.get("/v1/zones/admin.example/records?name=www&type=a").json();
    let expected = json!([{"name": "www.admin.example.", "type": "A", "ttl": 20, "values": [], "pool": "web"}]);
    assert_eq!(www, expected);
    for (query, error) in [
        ("limit=0", "`limit` is from 1 to 10000"),
        ("limit=10001", "`limit` is from 1 to 10000"),
        ("type=AAAAA", "`type`: no record type is called `AAAAA`; did you mean `AAAA`?"),
        (
            "name=a..b",
            "`name`: a label is empty; write one dot between labels and none at the start",
        ),
    ] {
        let refused = http.get(&format!("/v1/zones/admin.example/records?{query}"));
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(refused.error(), error);
    }
    assert_eq!(http.get("/v1/zones/admin.example/records?colour=red").status, 400);
}

#[test]
fn every_documented_route_answers_and_nothing_else_does() {
    let (_server, http) = serve("");
    let document = http.get("/openapi.json").json();
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() >= 7, "{paths:?}");
    for (path, methods) in paths {
        let asked = path
            .replace("{zone}", "admin.example")
            .replace("{pool}", "web")
            .replace("{backend}", "web-1")
            .replace("{file}", "main.js");
        let documented: BTreeSet<&str> =
            methods.as_object().expect("methods").keys().map(String::as_str).collect();
        for method in ["get", "post", "put", "patch", "delete", "options"] {
            // A stream of events has no end to wait for.
            if method == "get" && path == "/v1/events" && documented.contains("get") {
                continue;
            }
            let json = http.with("Content-Type", "application/json");
            let answer = json.ask(&method.to_uppercase(), &asked, Some("{}"));
            let is_there = !matches!(answer.status, 404 | 405);
            assert_eq!(is_there, documented.contains(method), "{method} {asked}: {answer:?}");
        }
    }
    for path in [
        "/v1",
        "/v1/",
        "/v2/status",
        "/v1/zones/",
        "/v1/zones/a/b",
        "/../etc/passwd",
        "/dashboard",
        "/dashboard/",
        "/dashboard/mod.rs",
        "/dashboard/index.html",
    ] {
        assert_eq!(http.get(path).status, 404, "{path}");
    }
}

#[test]
fn an_answer_is_explained_and_what_it_would_be() {
    let (server, http) = serve("");
    let explain = |query: &str| http.get(&format!("/v1/explain?name=www.admin.example&{query}"));
    let chosen = |explained: &Value| {
        let candidates = explained["pools"][0]["candidates"].as_array().expect("a list");
        let chosen = candidates.iter().filter(|candidate| candidate["chosen"] == true);
        chosen.map(|candidate| candidate["backend"].clone()).collect::<Vec<_>>()
    };
    let now = explain("type=A").json();
    assert_eq!((&now["rcode"], &now["authoritative"]), (&json!("NOERROR"), &json!(true)));
    assert_eq!(now["pools"][0]["key"], "admin.example/web");
    assert_eq!(chosen(&now), ["web-1", "web-2"]);
    let stages: Vec<_> =
        now["steps"].as_array().expect("steps").iter().map(|step| &step["stage"]).collect();
    assert!(stages.contains(&&json!("zone")) && stages.contains(&&json!("eligible")), "{stages:?}");

    let down = explain("down=admin.example/web/web-1").json();
    assert_eq!(chosen(&down), ["web-2"]);
    assert_eq!(server.client().answer(&www(), UDP).answers.len(), 2, "nothing has changed");
    assert_eq!(explain("down=admin.example/web/web-9").status, 404);
    assert_eq!(explain("type=AAAAA").status, 400);
    assert_eq!(http.get("/v1/explain").status, 400);
    let elsewhere = http.get("/v1/explain?name=www.example.com").json();
    assert_eq!(elsewhere["rcode"], "REFUSED");
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let (server, http) = serve("");
    server.client().answer(&www(), UDP);
    for (accept, kind) in [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ] {
        let page = http.with("Accept", accept).get("/metrics");
        assert_eq!((page.status, page.header("content-type")), (200, Some(kind)));
        let counted = page.body.lines().find(|line| {
            line.starts_with("rotadns_queries_total{")
                && line.contains("\"udp\"")
                && line.contains("\"A\"")
        });
        assert!(counted.is_some_and(|line| line.ends_with(" 1")), "{counted:?}");
    }
}

#[test]
fn a_reload_says_what_it_did() {
    let (server, http) = serve("");
    let reload = |path: &str| {
        let answer = http.post(path, &json!({}));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let mistakes = |reloaded: &Value| reloaded["mistakes"].as_array().expect("a list").len();
    let quiet = reload("/v1/reload");
    assert_eq!((&quiet["unchanged"], mistakes(&quiet)), (&json!(2), 1), "{quiet}");

    // Out of the watched folder's sight, so that it is this reload that sees it.
    std::fs::write(server.file("zones/admin.example.yaml"), "zone: admin.example\nns: [\n")
        .expect("our own file");
    let broken = reload("/v1/reload");
    assert_eq!(mistakes(&broken), 2, "{broken}");
    assert_eq!(http.get("/v1/zones/admin.example").json()["state"], "stale");
    assert_eq!(http.ask("POST", "/v1/reload", None).status, 415);
}
