//! Clients that are slow, silent, too many or broken lose their own connection, and DNS does not notice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use super::serve;
use crate::asking::{Question, Way};
use crate::http::{Http, Response, Stream};
use crate::servers::Server;
use crate::waiting::now;

const IDLE: usize = 10_000;

/// The server answers over both.
fn is_well(server: &Server, http: &Http) {
    assert_eq!(http.get("/healthz").status, 200);
    let question = Question::new("ns1.admin.example.", RecordType::A);
    let answer = server.client().answer(&question, Way::Udp { payload: None });
    assert_eq!(answer.answers.len(), 1);
}

/// How long the server bears with a stream that says no more.
fn patience_with(mut stream: Box<dyn Stream>) -> (Duration, String) {
    let began = now();
    let answer = Response::read(&mut *stream).map(|answer| answer.head).unwrap_or_default();
    (began.elapsed(), answer)
}

#[test]
fn ten_thousand_idle_connections_are_borne() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("as many as allowed");
    let (server, http) = serve("");
    let mut idle = Vec::new();
    for count in 1..=IDLE {
        match TcpStream::connect(server.admin()) {
            Ok(stream) => idle.push(stream),
            // The machine gives no more.
            Err(_) if count > 1000 => break,
            Err(error) => panic!("after {count}: {error}"),
        }
        if count % 1000 == 0 {
            is_well(&server, &http);
        }
    }
    is_well(&server, &http);
    // The oldest have gone, the newest are there.
    idle[0].set_read_timeout(Some(Duration::from_secs(5))).expect("a time limit is set");
    assert_eq!(idle[0].read(&mut [0]).unwrap_or_default(), 0);
    let newest = idle.last_mut().expect("there are many");
    let request = http.head("GET", "/healthz") + "Connection: close\r\n\r\n";
    newest.write_all(request.as_bytes()).expect("it is open");
    assert_eq!(Response::read(newest).expect("an answer").status, 200);
}

#[test]
fn a_body_that_is_too_large_is_not_read() {
    let (server, http) = serve("");
    let json = http.with("Content-Type", "application/json");
    let announced = json.head("POST", "/v1/reload") + "Content-Length: 99999999999\r\n\r\n";
    assert_eq!(json.send(announced.as_bytes()).status, 413);
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    let chunked = json.head("POST", "/v1/reload") + "Transfer-Encoding: chunked\r\n\r\n";
    assert_eq!(json.send((chunked + &chunk + &chunk + &chunk).as_bytes()).status, 413);
    is_well(&server, &http);
}

#[test]
fn what_is_slow_is_closed() {
    let (server, http) = serve("");
    let json = http.with("Content-Type", "application/json");
    let slow = [
        // Nothing, half a header, half a body.
        (String::new(), 16, ""),
        (http.head("GET", "/v1/zones"), 16, ""),
        (json.head("POST", "/v1/reload") + "Content-Length: 9\r\n\r\n{", 11, "408"),
    ];
    let waiting = slow.map(|(sent, seconds, status)| {
        let mut stream = http.connect();
        stream.write_all(sent.as_bytes()).expect("it is open");
        std::thread::spawn(move || (patience_with(stream), seconds, status, sent))
    });
    is_well(&server, &http);
    for waiting in waiting {
        let ((took, head), seconds, status, sent) = waiting.join().expect("no panic");
        assert!(took < Duration::from_secs(seconds + 2), "{took:?} after {sent:?}");
        assert!(head.contains(status), "{head} after {sent:?}");
    }
    is_well(&server, &http);
}

#[test]
fn what_is_no_http_is_refused() {
    let (server, http) = serve("");
    let long = "x".repeat(100_000);
    for bytes in [
        "hello\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET /v1/zones HTTP/1.1\r\n\r\n",
        "GET /v1/zones HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\r\n\r\n",
        &format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        &format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n"),
        &format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(200)),
    ] {
        let status = http.send(bytes.as_bytes()).status;
        assert!((400..500).contains(&status), "{status} for {:?}", &bytes[..bytes.len().min(60)]);
    }
    is_well(&server, &http);
}

#[test]
fn one_address_does_not_ask_without_end() {
    let (server, http) = serve("");
    let mut refused = None;
    for _ in 0..2_000 {
        let answer = http.get("/healthz");
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("there is a limit");
    assert_eq!(refused.header("retry-after"), Some("1"));
    // The socket is the operator's way in, whatever comes by the network.
    let question = Question::new("ns1.admin.example.", RecordType::A);
    let answer = server.client().answer(&question, Way::Udp { payload: None });
    assert_eq!(answer.answers.len(), 1);
    assert_eq!(
        json!(refused.error()),
        "too many requests from this address; try again in a second"
    );
}
