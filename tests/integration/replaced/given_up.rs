//! A hand-over that does not come to its end leaves the server as it was, wherever it ends.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

use super::{PATIENCE, admin, drain, ended_well, server, update};
use crate::asking::{Question, Way};
use crate::servers::Server;
use crate::waiting::until;

/// What a new server says, byte by byte.
struct Line(UnixStream);

impl Line {
    fn to(server: &Server) -> Self {
        let stream =
            UnixStream::connect(server.file("state/replace.sock")).expect("it waits there");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is no zero");
        Self(stream)
    }

    fn say(&mut self, message: &Value) {
        let text = message.to_string();
        self.0.write_all(&(text.len() as u32).to_be_bytes()).expect("it listens");
        self.0.write_all(text.as_bytes()).expect("it listens");
    }

    /// What it says next; descriptors that come along are left out.
    fn hear(&mut self) -> Value {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).expect("it says something");
        let mut text = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut text).expect("all of it");
        serde_json::from_slice(&text).expect("it is JSON")
    }

    fn hello(server: &Server) -> Self {
        let mut line = Self::to(server);
        line.say(&json!({"hello": {"version": 1}}));
        let here = line.hear();
        assert_eq!(here["here"]["pid"], server.pid());
        line
    }

    /// Up to where all is handed over, and only the last word is missing.
    fn take(server: &Server) -> Self {
        let mut line = Self::hello(server);
        line.say(&json!({"take": {"supervisor": null}}));
        while line.hear().get("all").is_none() {}
        line
    }
}

/// Waits until the server has noticed so many times that it is not replaced: before, it is about to be, and takes no orders.
fn noticed(server: &Server, times: usize) {
    until("it notices", PATIENCE, || {
        (server.said().matches("not replaced, and serving on").count() == times).then_some(())
    });
}

/// Everything works as ever: answers, updates, hands.
fn assert_as_ever(server: &Server, round: &str) {
    let (name, kind) = (format!("{round}.example.com."), RecordType::A);
    until("it takes updates again", PATIENCE, || update(server, round).then_some(()));
    for way in [Way::Udp { payload: None }, Way::Tcp { payload: None }] {
        let answer = server.client().answer(&Question::new(&name, kind), way);
        assert_eq!(answer.answers.len(), 1, "{round}: {answer:?}");
    }
    drain(server, "a");
    assert_eq!(admin(server).get("/v1/status").status, 200);
}

#[test]
fn whoever_goes_in_the_midst_leaves_the_server_as_it_was() {
    let mut server = server("workers: 2\n");
    drop(Line::to(&server));
    drop(Line::hello(&server));
    let mut line = Line::hello(&server);
    line.say(&json!({"take": {"supervisor": null}}));
    // It may be gone before or while sockets are given.
    drop(line);
    noticed(&server, 1);
    assert_as_ever(&server, "asked");
    drop(Line::take(&server));
    noticed(&server, 2);
    assert_as_ever(&server, "taken");
    let mut line = Line::take(&server);
    line.say(&json!({"refused": {"why": "there is no room"}}));
    assert_eq!(
        line.hear()["refused"]["why"],
        "the new server could not take over: there is no room"
    );
    assert_as_ever(&server, "refused");
    let mut line = Line::take(&server);
    line.say(&json!("take"));
    assert!(line.hear()["refused"]["why"].is_string());
    assert_as_ever(&server, "confused");
    assert!(server.said().contains("not replaced, and serving on"));
    assert!(server.stop().success());
}

#[test]
fn another_version_is_told_which_one_is_spoken() {
    let mut server = server("");
    let mut line = Line::to(&server);
    line.say(&json!({"hello": {"version": 2}}));
    assert_eq!(
        line.hear()["refused"]["why"],
        "the new server speaks version 2 of the hand-over, and the running one version 1; stop that one, and start the new one"
    );
    assert!(server.stop().success());
}

#[test]
fn who_takes_over_and_hangs_is_given_up() {
    let mut server = server("");
    let mut line = Line::take(&server);
    assert!(!update(&server, "meanwhile"), "it is another's to make");
    let why = line.hear();
    assert_eq!(
        why["refused"]["why"], "the new server was lost: it has said nothing for too long",
        "{why}"
    );
    assert_as_ever(&server, "after");
    assert!(server.stop().success());
}

#[test]
fn a_new_server_that_cannot_start_leaves_the_old_one_serving() {
    let mut server = server("");
    server.replace_file(
        "zones/example.org.yaml",
        "zone: example.org\nns: [ns1]\nrecords: {ns1: {A: 192.0.2.300}}\n",
    );
    let output = server.replacing(&["--strict"]).output().expect("the binary that is tested");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--strict wants none"), "{said}");
    assert!(update(&server, "as-ever"));
    assert!(!server.said().contains("takes over"), "it was not asked: {}", server.said());
    assert!(server.stop().success());
}

#[test]
fn a_new_server_that_is_killed_leaves_the_old_one_serving() {
    let mut server = server("prober: {first_round: 1s}\n");
    // Killed when it has found the server, when it has loaded, and a little later, up to when the other one hands over.
    for (round, line) in
        ["a server runs", "zone loaded", "zone loaded", "zone loaded"].iter().enumerate()
    {
        let folder = server.file("");
        let output = std::fs::File::create(folder.join("new")).expect("a file of this test");
        let mut new = server.replacing(&[]).stderr(output).spawn().expect("the binary");
        until("it says so", PATIENCE, || {
            let said = std::fs::read_to_string(folder.join("new")).unwrap_or_default();
            said.contains(line).then_some(())
        });
        std::thread::sleep(Duration::from_millis(round as u64));
        new.kill().expect("our own child");
        new.wait().expect("our own child");
        if server.has_ended() {
            // It had said that it serves: this was no hand-over that failed.
            assert!(server.said().contains("another process has taken over"));
            server.start_again();
        }
        until("it takes updates", PATIENCE, || update(&server, &format!("k{round}")).then_some(()));
    }
    let before = server.replace(&[]);
    server.wait_until_it_serves();
    ended_well(before);
    for round in 0..4 {
        let name = format!("k{round}.example.com.");
        let question = Question::new(&name, RecordType::A);
        let answer = server.client().answer(&question, Way::Udp { payload: None });
        assert_eq!(answer.answers.len(), 1, "{answer:?}");
    }
    assert!(server.stop().success());
}
