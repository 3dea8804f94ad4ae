//! Answers of every shape, over real connections on loopback.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::Checker;
use super::super::tests::{port, probe, target};
use super::*;
use crate::config;
use crate::config::model::{CheckKind, Tls, Verify};

fn get(address: SocketAddr) -> HttpCheck {
    HttpCheck {
        port: port(address),
        path: "/healthz".into(),
        host: None,
        headers: Vec::new(),
        status: vec![200..=299],
        body: None,
        tls: None,
        days: 0,
        load: None,
    }
}

/// Reads one request; returns its head.
async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Probes a server that answers with these bytes and closes. Returns what was found, and the
/// head of the request.
async fn answered(
    answer: impl AsRef<[u8]>,
    change: impl FnOnce(&mut HttpCheck),
) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut check = get(address);
    change(&mut check);
    let (target, checker) = (target(address, CheckKind::Http(check)), Checker::new(Vec::new()));
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        let _ = stream.write_all(answer.as_ref()).await; // the probe may leave before the end
        head
    };
    tokio::join!(probe(&checker, &target), serve)
}

async fn found(answer: impl AsRef<[u8]>, change: impl FnOnce(&mut HttpCheck)) -> String {
    answered(answer, change).await.0
}

#[tokio::test]
async fn a_status_in_one_of_the_ranges_passes() {
    for (status, ranges, expected) in [
        (200, vec![200..=299], "+ HTTP 200"),
        (299, vec![200..=299], "+ HTTP 299"),
        (500, vec![200..=299], "- HTTP 500, not 200-299"),
        (301, vec![200..=299], "- HTTP 301, not 200-299"),
        (401, vec![200..=204, 401..=401], "+ HTTP 401"),
        (403, vec![200..=204, 401..=401], "- HTTP 403, not 200-204 or 401"),
    ] {
        let answer = format!("HTTP/1.1 {status} x\r\nlocation: /elsewhere\r\n\r\n");
        assert_eq!(found(answer, |check| check.status = ranges).await, expected);
    }
}

#[tokio::test]
async fn rfc9110_15_2_an_interim_answer_is_passed_over() {
    let answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(found(answer, |_| {}).await, "+ HTTP 200");
}

#[tokio::test]
async fn interim_answers_have_an_end() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let final_one = "HTTP/1.1 200 OK\r\n\r\n";
    for (count, expected) in [
        (HEADS_MAX / interim.len() / 2, "+ HTTP 200"),
        (2 * HEADS_MAX / interim.len(), "- the heads of the answer have more than 64 KiB"),
    ] {
        let answer = interim.repeat(count) + final_one;
        assert_eq!(found(answer, |_| {}).await, expected, "{count}");
    }
}

#[tokio::test]
async fn the_body_must_contain_the_text() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                   5\r\nall o\r\n5\r\nk now\r\n0\r\n\r\n";
    for (answer, text, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\nall ok", "ok", "+ HTTP 200"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\noh k",
            "ok",
            "- body does not contain \"ok\"",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", "+ HTTP 200"),
        ("HTTP/1.1 500 no\r\n\r\nok", "ok", "- HTTP 500, not 200-299"),
        (chunked, "all ok now", "+ HTTP 200"),
    ] {
        let set = |check: &mut HttpCheck| check.body = Some(text.into());
        assert_eq!(found(answer, set).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn a_body_is_read_no_further_than_its_limit() {
    // The text ends with the last byte that is searched, and one byte after it.
    for (before, expected) in
        [(BODY_MAX - 2, "+ HTTP 200"), (BODY_MAX - 1, "- body does not contain \"ok\"")]
    {
        let body = "x".repeat(before) + "ok" + &"x".repeat(1_000_000);
        let answer = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
        assert_eq!(found(answer, |check| check.body = Some("ok".into())).await, expected);
    }
}

#[tokio::test]
async fn what_is_not_an_answer_fails() {
    let broken_chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(HEAD_MAX));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000));
    for (answer, expected) in [
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "- the answer is not HTTP/1"),
        ("", "- connection closed before the answer ended"),
        ("HTTP/1.1 200 OK\r\nx: ", "- connection closed before the answer ended"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx",
            "- connection closed before the answer ended",
        ),
        (&head, "- the head of the answer has more than 16 KiB"),
        (&many, "- the head of the answer has more than 16 KiB"),
    ] {
        let set = |check: &mut HttpCheck| check.body = Some("ok".into());
        assert_eq!(found(answer, set).await, expected, "{answer:.40}");
    }
    let broken = found(broken_chunk, |check| check.body = Some("ok".into())).await;
    assert!(broken.starts_with("- "), "{broken}");
}

#[tokio::test]
async fn the_request_is_as_the_check_says() {
    let (found, head) = answered("HTTP/1.1 200 OK\r\n\r\n", |check| {
        check.path = "/healthz?full=1".into();
        check.host = Some("www.example.com".into());
        check.headers = vec![
            ("X-Check".into(), "one".into()),
            ("x-check".into(), "two".into()),
            ("Connection".into(), "keep-alive".into()),
        ];
    })
    .await;
    assert_eq!(found, "+ HTTP 200");
    let (line, fields) = head.split_once("\r\n").unwrap();
    assert_eq!(line, "GET /healthz?full=1 HTTP/1.1");
    for field in [
        "host: www.example.com",
        "x-check: one",
        "x-check: two",
        "connection: close",
        concat!("user-agent: rotadns/", env!("CARGO_PKG_VERSION")),
    ] {
        assert_eq!(fields.matches(&format!("{field}\r\n")).count(), 1, "{field} in {head}");
    }
    assert!(!fields.contains("keep-alive"), "{head}");
}

#[test]
fn rfc9110_7_2_without_a_host_it_is_the_address_and_the_port_unless_it_is_usual() {
    let tls = Tls { sni: None, verify: Verify::Off };
    for (address, tls, expected) in [
        ("192.0.2.1:80", None, "192.0.2.1"),
        ("192.0.2.1:443", None, "192.0.2.1:443"),
        ("192.0.2.1:443", Some(tls.clone()), "192.0.2.1"),
        ("[2001:db8::1]:80", None, "[2001:db8::1]"),
        ("[2001:db8::1]:8080", None, "[2001:db8::1]:8080"),
    ] {
        let address: SocketAddr = address.parse().unwrap();
        let check = HttpCheck { tls, ..get(address) };
        assert_eq!(host(&check, address.ip()), expected);
    }
}

#[test]
fn tls_asks_for_the_sni_else_the_host_without_its_port_else_the_address() {
    let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
    for (sni, host, expected) in [
        (Some("sni.example"), Some("host.example"), "sni.example"),
        (None, Some("host.example"), "host.example"),
        (None, Some("host.example:8443"), "host.example"),
        (None, Some("[2001:db8::1]:8443"), "2001:db8::1"),
        (None, None, "192.0.2.1"),
    ] {
        let tls = Tls { sni: sni.map(Into::into), verify: Verify::Off };
        assert_eq!(tls::server_name(&tls, host, address.ip()).unwrap().to_str(), expected);
    }
}

#[test]
fn what_cannot_be_sent_is_not_the_targets_fault() {
    let address: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for check in [
        HttpCheck { path: "/a b".into(), ..get(address) },
        HttpCheck { host: Some("a\nb".into()), ..get(address) },
        HttpCheck { headers: header("a b", "c"), ..get(address) },
        HttpCheck { headers: header("a", "b\r\nc: d"), ..get(address) },
    ] {
        let fault = request(&check, address.ip()).unwrap_err();
        assert!(matches!(fault, Obstacle::Check(_)), "{fault}");
    }
}

#[test]
fn what_a_zone_file_may_say_can_be_sent() {
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let mut accepted = 0;
    // Every character of ASCII, at each place that takes a text.
    for letter in (' '..='~').filter(|letter| *letter != '\'') {
        for check in [
            format!("path: '/a{letter}b'"),
            format!("host: 'a{letter}b'"),
            format!("host: 'a:80{letter}'"),
            format!("sni: 'a{letter}b'"),
            format!("headers: {{'a{letter}b': c}}"),
            format!("headers: {{a: 'b{letter}c'}}"),
        ] {
            let zone = format!(
                "zone: a.example\nns: ns.example.\nrecords: {{a: {{pool: {{backends: [192.0.2.1], \
                 check: {{https: {{{check}}}}}}}}}}}\n"
            );
            let (zone, _) = config::read_zone(Path::new("a.example.yaml"), &zone);
            let Some(zone) = zone else { continue };
            let read = zone.pools[0].check.as_deref().map(|check| &check.kind);
            let Some(CheckKind::Http(http)) = read else { panic!("{check}: {read:?}") };
            request(http, address).unwrap_or_else(|fault| panic!("{check}: {fault}"));
            let plain = Tls { sni: None, verify: Verify::Off };
            let tls = http.tls.as_ref().unwrap_or(&plain);
            let name = tls::server_name(tls, http.host.as_deref(), address);
            assert!(name.is_ok(), "{check}");
            accepted += 1;
        }
    }
    assert!(accepted > 200, "{accepted} of 564 were accepted");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = target(address, CheckKind::Http(get(address)));
    let found = probe(&Checker::new(Vec::new()), &target).await;
    assert_eq!(found, "- timed out after 30s: no answer");
}

#[tokio::test]
async fn a_body_that_never_ends_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let check = HttpCheck { body: Some("ok".into()), ..get(address) };
    let (target, checker) = (target(address, CheckKind::Http(check)), Checker::new(Vec::new()));
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nall o").await.unwrap();
        // From here on nothing happens any more but time, which need not be waited for.
        tokio::time::pause();
        stream
    };
    let (found, _stream) = tokio::join!(probe(&checker, &target), serve);
    assert_eq!(found, "- timed out after 30s: no end of the body");
}

#[tokio::test]
async fn a_server_says_how_busy_it_is_and_what_it_says_is_no_failure() {
    let header = |name: &str| LoadPlace::Header(name.into());
    let json = |pointer: &str| LoadPlace::Json(pointer.into());
    for (place, load, is_degraded, detail) in [
        (header("X-Load"), Some(42), false, "HTTP 200"),
        (header("X-Lod"), None, true, "HTTP 200; no load in the header X-Lod"),
        (json("/cpu"), Some(7), false, "HTTP 200"),
        (json("/gpu"), None, true, "HTTP 200; no load in /gpu of the body"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let from = Some(crate::config::model::LoadFrom { place, full: 100 });
        // The body is read for two reasons, and once.
        let check = HttpCheck { body: Some("cpu".into()), load: from, ..get(address) };
        let (target, checker) = (target(address, CheckKind::Http(check)), Checker::new(Vec::new()));
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            let answer = b"HTTP/1.1 200 OK\r\nx-load: 42\r\n\r\n{\"cpu\": 7}";
            stream.write_all(answer).await.unwrap();
        };
        let (found, ()) = tokio::join!(checker.check(&target), serve);
        let found = found.expect("nothing is missing");
        assert_eq!((found.told.load, found.told.is_degraded), (load, is_degraded));
        assert_eq!(&*found.detail, detail);
    }
}
