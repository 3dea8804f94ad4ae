//! The dashboard's files and what it asks for; `tests/integration/dashboard` has it in a browser.

use std::thread;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

use super::serve;
use crate::asking::{Question, Way};
use crate::servers::Folder;
use crate::waiting::until;

/// More than two steps of the history.
const PATIENCE: Duration = Duration::from_secs(40);
/// From one look to the next.
const STEP: Duration = Duration::from_millis(50);

#[test]
fn the_page_says_nothing_of_the_server_and_needs_no_token() {
    let folder = Folder::new();
    let tokens = folder.write(
        "tokens",
        "read grafana read-read-read-read\noperate anna operate-operate-operate\n",
    );
    let (_server, http) = serve(&format!(", tokens: {}", tokens.display()));
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/dashboard/style.css", "text/css; charset=utf-8"),
        ("/dashboard/main.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = http.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");

        let tag = answer.header("etag").expect("a tag");
        let known = http.with("If-None-Match", tag).get(path);
        assert_eq!((known.status, known.body.as_str()), (304, ""), "{path}");
        assert_eq!(known.header("etag"), Some(tag), "{path}");
    }
    assert_eq!(http.with("Host", "evil.example").get("/").status, 421);
    assert_eq!(http.with("Sec-Fetch-Site", "cross-site").get("/dashboard/main.js").status, 403);

    for (token, expected) in [
        ("read-read-read-read", json!({"name": "grafana", "role": "read", "may_operate": false})),
        (
            "operate-operate-operate",
            json!({"name": "anna", "role": "operate", "may_operate": true}),
        ),
    ] {
        assert_eq!(http.bearer(token).get("/v1/caller").json(), expected);
    }
    assert_eq!(http.get("/v1/caller").status, 401);
    assert_eq!(http.get("/v1/history").status, 401);
}

#[test]
fn who_needs_no_token_may_do_everything() {
    let (_server, http) = serve("");
    let expected = json!({"name": "local", "role": null, "may_operate": true});
    assert_eq!(http.get("/v1/caller").json(), expected);
}

#[test]
fn the_history_says_how_many_answers_there_were_and_which() {
    let (server, http) = serve("");
    let mut client = server.client();
    let mut ask = |name: &str| {
        client.answer(&Question::new(name, RecordType::A), Way::Udp { payload: None });
    };
    // All of them may come before the first sample begins, so some come in each.
    let (samples, _) = until("there is a sample with queries", PATIENCE, || {
        ask("www.admin.example.");
        ask("nowhere.admin.example.");
        // The API takes a hundred requests a second.
        thread::sleep(STEP);
        let history = http.get("/v1/history").json();
        assert_eq!(history["step"], 10);
        let samples = history["samples"].as_array().expect("a list").clone();
        samples.iter().any(|sample| sample["queries"] != 0).then_some(samples)
    });
    let sample = samples.iter().find(|sample| sample["queries"] != 0).expect("there is one");
    let count = |value: &Value| value.as_u64().expect("a count");
    let (noerror, nxdomain) = (&sample["answers"]["noerror"], &sample["answers"]["nxdomain"]);
    assert_eq!(count(noerror) + count(nxdomain), count(&sample["queries"]), "{sample}");
    assert!(count(noerror).abs_diff(count(nxdomain)) <= 1, "{sample}");
    let seconds = sample["seconds"].as_f64().expect("a time");
    assert!(seconds >= 9.9, "{sample}");
}
