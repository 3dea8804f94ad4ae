//! The query log, read by BIND's `dnstap-read` and by a collector of our own.

use std::fs;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hickory_proto::rr::RecordType;

use crate::asking::{Question, Way};
use crate::http::Http;
use crate::servers::{Folder, Server, ZoneFile, installed};
use crate::waiting::until;

const PATIENCE: Duration = Duration::from_secs(20);

const ZONE: ZoneFile<'_> = ZoneFile {
    name: "tap.example.yaml",
    text: "zone: tap.example\nns: [ns1]\nrecords: {ns1: {A: 192.0.2.53}, www: {A: [192.0.2.1, 192.0.2.2]}}\n",
};

fn serve(tap: &str) -> Server {
    Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &format!("dnstap: {tap}\n"), &[ZONE])
}

fn ask(server: &Server, name: &str, way: Way) {
    server.client().answer(&Question::new(name, RecordType::A), way);
}

/// Control frames as the specification has them, with what dnstap's are about.
fn control(kind: u8) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, 0, 0, 0, 0, 34, 0, 0, 0, kind, 0, 0, 0, 1, 0, 0, 0, 22];
    frame.extend(b"protobuf:dnstap.Dnstap");
    frame
}

/// A collector, up to the begin of the stream.
fn accept(listener: &UnixListener) -> UnixStream {
    let (mut stream, _) = listener.accept().expect("the server comes");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let mut hello = [0; 42];
    stream.read_exact(&mut hello).expect("READY");
    assert_eq!(hello[..], control(4));
    stream.write_all(&control(1)).expect("ACCEPT");
    stream.read_exact(&mut hello).expect("START");
    assert_eq!(hello[..], control(2));
    stream
}

/// The next message.
fn frame(stream: &mut UnixStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("a frame");
    let mut content = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut content).expect("the whole frame");
    content
}

/// What BIND reads in a log, a line each message.
fn read(file: &Path) -> Vec<String> {
    let command = installed("dnstap-read", "bind9-dnsutils");
    let output = Command::new(command).arg(file).output().expect("it was found a moment ago");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bind_reads_a_file() {
    let folder = Folder::new();
    let log = folder.path.join("log.tap");
    let mut server = serve(&format!("{{file: {}, identity: ns1}}", log.display()));
    for name in ["www.tap.example.", "nothing.tap.example."] {
        for way in [Way::Udp { payload: Some(1232) }, Way::Tcp { payload: None }] {
            ask(&server, name, way);
        }
    }
    server.stop();
    let lines = read(&log);
    for (what, name) in [
        ("AQ 127.0.0.1:", "www.tap.example/IN/A"),
        ("AR 127.0.0.1:", "www.tap.example/IN/A"),
        ("AQ 127.0.0.1:", "nothing.tap.example/IN/A"),
        ("AR 127.0.0.1:", "nothing.tap.example/IN/A"),
    ] {
        for transport in ["UDP", "TCP"] {
            let found = lines.iter().filter(|line| {
                line.contains(what) && line.contains(transport) && line.ends_with(name)
            });
            assert_eq!(found.count(), 1, "{what} {transport} {name}: {lines:#?}");
        }
    }
    assert_eq!(lines.len(), 8, "{lines:#?}");
}

#[test]
fn a_file_that_is_moved_away_is_begun_anew() {
    let folder = Folder::new();
    let (log, before) = (folder.path.join("log.tap"), folder.path.join("log.tap.1"));
    let mut server = serve(&format!("{{file: {}}}", log.display()));
    ask(&server, "www.tap.example.", Way::Udp { payload: None });
    until("the first is in the file", PATIENCE, || {
        // More than the begin of the stream.
        (fs::metadata(&log).ok()?.len() > 42).then_some(())
    });
    fs::rename(&log, &before).expect("both are in our folder");
    until("there is a new file", PATIENCE, || log.exists().then_some(()));
    ask(&server, "ns1.tap.example.", Way::Udp { payload: None });
    server.stop();
    for (file, name) in [(&before, "www.tap.example/IN/A"), (&log, "ns1.tap.example/IN/A")] {
        let lines = read(file);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines.iter().all(|line| line.ends_with(name)), "{lines:#?}");
    }
}

#[test]
fn a_collector_that_comes_back_is_written_to_again() {
    let folder = Folder::new();
    let at = folder.path.join("tap.sock");
    let server = serve(&format!("{{socket: {}}}", at.display()));
    until("the log says that nobody listens", PATIENCE, || {
        server.said().contains("dnstap: ").then_some(())
    });
    ask(&server, "www.tap.example.", Way::Udp { payload: None });
    // What was asked before has waited.
    let listener = UnixListener::bind(&at).expect("a path of our own");
    let mut collector = accept(&listener);
    for _ in 0..2 {
        let message = frame(&mut collector);
        assert!(message.windows(4).any(|bytes| bytes == b"\x03www"), "{message:?}");
    }
    drop(collector);
    // The first that is written finds out, and may be lost.
    let (mut collector, _) = until("the server comes again", PATIENCE, || {
        ask(&server, "ns1.tap.example.", Way::Udp { payload: None });
        listener.set_nonblocking(true).expect("our own socket");
        let (stream, _) = listener.accept().ok()?;
        stream.set_nonblocking(false).expect("our own socket");
        Some(stream)
    });
    collector.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let mut hello = [0; 42];
    collector.read_exact(&mut hello).expect("READY");
    collector.write_all(&control(1)).expect("ACCEPT");
    collector.read_exact(&mut hello).expect("START");
    ask(&server, "ns1.tap.example.", Way::Udp { payload: None });
    let message = frame(&mut collector);
    assert!(message.windows(4).any(|bytes| bytes == b"\x03ns1"), "{message:?}");
}

/// More exchanges than a ring and the buffers of a socket hold.
const MANY: usize = 20_000;

#[test]
fn a_collector_that_does_not_read_costs_no_answer() {
    let folder = Folder::new();
    let at = folder.path.join("tap.sock");
    let listener = UnixListener::bind(&at).expect("a path of our own");
    let server = serve(&format!("{{socket: {}}}", at.display()));
    let _stuck = accept(&listener);
    let mut client = server.client();
    let question = Question::new("www.tap.example.", RecordType::A);
    for _ in 0..MANY {
        let answer = client.answer(&question, Way::Udp { payload: None });
        assert_eq!(answer.answers.len(), 2, "{answer:?}");
    }
    let dropped = until("some of the log is dropped", PATIENCE, || {
        client.answer(&question, Way::Udp { payload: None });
        let page = Http::unix(server.file("admin.sock")).get("/metrics").body;
        let line = "rotadns_dnstap_exchanges_total{outcome=\"dropped\"} ";
        let dropped: u64 = page.lines().find_map(|text| text.strip_prefix(line))?.parse().ok()?;
        (dropped > 0).then_some(dropped)
    });
    assert!(dropped.0 > 0);
}
