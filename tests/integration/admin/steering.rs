//! A hand on the server: backends are drained and given back, whatever happens to the server meanwhile.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

use super::serve;
use crate::asking::{Question, Way};
use crate::http::Http;
use crate::servers::Server;
use crate::waiting::until;

const WEB_1: &str = "/v1/backends/admin.example/web/web-1";
const PATIENCE: Duration = Duration::from_secs(10);

/// The addresses of `www`, in order.
fn handed_out(server: &Server) -> Vec<String> {
    let question = Question::new("www.admin.example.", RecordType::A);
    let answer = server.client().answer(&question, Way::Udp { payload: None });
    let last = |record: &String| record.rsplit_once(' ').expect("the address").1.to_owned();
    let mut addresses: Vec<String> = answer.answers.iter().map(last).collect();
    addresses.sort();
    addresses
}

/// Steers, and gives what became of it.
fn steer(http: &Http, how: &str, body: &Value) -> Value {
    let answer = http.post(&format!("/v1/backends/{how}"), body);
    assert_eq!(answer.status, 200, "{how} {body}: {answer:?}");
    answer.json()
}

fn state(http: &Http) -> Value {
    http.get(WEB_1).json()["state"].clone()
}

#[test]
fn a_backend_is_drained_and_given_back() {
    let (server, http) = serve("");
    assert_eq!(handed_out(&server), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(state(&http), "up");

    let wish =
        json!({"backends": ["admin.example/web/web-1"], "author": "anna", "reason": "disk swap"});
    let steered = steer(&http, "drain", &wish);
    assert_eq!(handed_out(&server), ["192.0.2.2"], "it is out of answers when the call returns");
    let backend = &steered["backends"][0];
    assert_eq!(backend["key"], "admin.example/web/web-1");
    assert_eq!(backend["state"], "drained");
    assert_eq!(backend["reason"], "drained by anna: disk swap");
    assert_eq!(
        (&backend["override"]["author"], &backend["share_due"]),
        (&json!("anna"), &json!(0.0))
    );
    assert!(backend["safe_to_stop"].is_string(), "{backend}");
    // The pool `*.pages` has the same address.
    let warning = steered["warnings"][0].as_str().expect("a warning");
    assert!(warning.contains("is still handed out by admin.example/*.pages"), "{warning}");

    let overrides = http.get("/v1/overrides").json();
    let first = (&overrides[0]["key"], &overrides[0]["state"], &overrides[0]["is_known"]);
    assert_eq!(first, (&json!("admin.example/web/web-1"), &json!("drain"), &json!(true)));
    assert_eq!(http.get("/v1/status").json()["backends"]["drained"], 1);

    steer(&http, "auto", &json!({"backends": ["admin.example/web/*"]}));
    assert_eq!(handed_out(&server), ["192.0.2.1", "192.0.2.2"]);
    assert_eq!(state(&http), "up");
    assert_eq!(http.get("/v1/overrides").json(), json!([]));
}

#[test]
fn a_drain_survives_a_crash() {
    let (mut server, http) = serve("");
    steer(&http, "drain", &json!({"backends": ["admin.example/web/web-2"]}));
    server.kill();
    server.start_again();
    assert_eq!(handed_out(&server), ["192.0.2.1"]);
    let overrides = Http::new(server.admin()).get("/v1/overrides").json();
    assert_eq!(overrides[0]["author"], "local");
}

#[test]
fn a_drain_ends_by_itself() {
    let (server, http) = serve("");
    steer(&http, "down", &json!({"backends": ["admin.example/web/web-2"], "seconds": 1}));
    assert_eq!(handed_out(&server), ["192.0.2.1"]);
    until("it is back", PATIENCE, || (handed_out(&server).len() == 2).then_some(()));
}

#[test]
fn whole_pools_are_steered_and_the_hand_is_warned() {
    let (server, http) = serve("");
    let steered = steer(&http, "down", &json!({"backends": ["admin.example/web/web-?"]}));
    assert_eq!(steered["backends"].as_array().map(Vec::len), Some(2));
    let warnings = steered["warnings"].to_string();
    assert!(warnings.contains("admin.example/web has nothing left in service"), "{warnings}");
    assert_eq!(handed_out(&server).len(), 2, "a guess beats nothing");
    assert_eq!(http.get("/v1/pools/admin.example/web").json()["source"], "all_down");
    let alarms = http.get("/v1/status").json()["alarms"].to_string();
    assert!(alarms.contains("admin.example/web"), "{alarms}");
    // A pool by the name of a pattern.
    let pages = http.get("/v1/backends?match=admin.example/*.pages/*").json();
    assert_eq!(pages[0]["key"], "admin.example/*.pages/web-1");
    assert_eq!(http.get("/v1/pools/admin.example/*.pages").status, 200);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (_server, http) = serve("");
    let one = "admin.example/web/web-1";
    for (how, body, status, error) in [
        ("drain", json!({"backends": []}), 400, "no backend is named"),
        ("drain", json!({"backends": ["web-1"]}), 400, "does not name a backend"),
        ("drain", json!({"backends": ["admin.example/web/web-9"]}), 404, "did you mean"),
        ("drain", json!({"backends": [one], "seconds": 0}), 400, "at least"),
        ("drain", json!({"backends": [one], "author": ""}), 400, "an author is"),
        ("drain", json!({"backends": [one], "reason": "a\nb"}), 400, "a reason is"),
        ("auto", json!({"backends": [one], "seconds": 5}), 400, "`auto` is for good"),
        ("up", json!({"backend": [one]}), 422, "unknown field"),
        ("up", json!([]), 422, ""),
    ] {
        let answer = http.post(&format!("/v1/backends/{how}"), &body);
        assert_eq!(answer.status, status, "{how} {body}: {answer:?}");
        assert!(answer.error().contains(error), "{how} {body}: {answer:?}");
    }
    let json = http.with("Content-Type", "application/json");
    assert_eq!(json.ask("POST", "/v1/backends/up", Some("{")).status, 400);
    for path in ["/v1/backends/admin.example/web/web-9", "/v1/pools/admin.example/wbe"] {
        assert_eq!(http.get(path).status, 404, "{path}");
    }
    assert_eq!(http.get("/v1/overrides").json(), json!([]), "nothing was changed");
}

/// Reads events until one is about `subject`.
fn event(lines: &mut impl Iterator<Item = String>, subject: &str) -> Value {
    loop {
        let line = lines.next().expect("the stream goes on");
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let event: Value = serde_json::from_str(data).expect("JSON");
        if event["subject"] == subject {
            return event;
        }
    }
}

/// Listens to events.
fn listen(http: &Http) -> impl Iterator<Item = String> + use<> {
    try_listen(http).expect("there is room")
}

fn try_listen(http: &Http) -> Option<impl Iterator<Item = String> + use<>> {
    let mut stream = http.connect();
    let request = http.head("GET", "/v1/events") + "\r\n";
    stream.write_all(request.as_bytes()).expect("it is open");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("a line"));
    if lines.next().as_deref() != Some("HTTP/1.1 200 OK") {
        return None;
    }
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    assert!(head.iter().any(|line| line == "content-type: text/event-stream"), "{head:?}");
    Some(lines)
}

#[test]
fn a_drain_is_told_to_who_listens_and_to_who_comes_late() {
    let (_server, http) = serve("");
    let key = "admin.example/web/web-1";
    let mut lines = listen(&http);
    steer(&http, "drain", &json!({"backends": [key], "author": "anna"}));
    let told = event(&mut lines, key);
    assert_eq!(told["kind"], "override");
    assert!(told["message"].as_str().expect("a sentence").contains("anna"), "{told}");

    steer(&http, "auto", &json!({"backends": [key]}));
    let id = told["id"].as_u64().expect("a number");
    let late = event(&mut listen(&http.with("Last-Event-ID", &id.to_string())), key);
    assert_eq!(late["id"], id + 1);
    let all = event(&mut listen(&http.with("Last-Event-ID", "0")), key);
    assert_eq!(all["id"], id);
    assert_eq!(http.with("Last-Event-ID", "x").get("/v1/events").status, 400);
}

#[test]
fn not_everybody_can_listen_at_once() {
    let (_server, http) = serve("");
    let listening: Vec<_> = (0..32).map(|_| listen(&http)).collect();
    assert_eq!(http.get("/v1/events").status, 503);
    drop(listening);
    until("there is room again", PATIENCE, || try_listen(&http).map(drop));
}
