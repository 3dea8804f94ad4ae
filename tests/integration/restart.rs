//! What a crash leaves behind: the server is killed as `kill -9` does, and started again over its files.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use hickory_proto::rr::RecordType;

use crate::asking::{Client, Question, Way};
use crate::backends::Backends;
use crate::servers::{Server, ZoneFile};
use crate::waiting::until;

const WAY: Way = Way::Udp { payload: None };
/// How long the state may take to be on the disk, or a changed file to be served.
const PATIENCE: Duration = Duration::from_secs(10);
const ZONE: &str = "kept.example.yaml";
/// Sockets open before any check can have ended.
const FIRST_ROUND: &str = "prober: {first_round: 1ms}\n";

#[test]
fn the_first_answers_after_a_crash_leave_out_what_was_down_before_it() {
    let backends = Backends::start([127, 31, 11], 1);
    let up = backends.addresses()[0];
    // Connections are made, as the kernel does that, and never answered.
    let down = Ipv4Addr::new(127, 31, 11, 2);
    let _hanging =
        TcpListener::bind((down, backends.port())).expect("an address of this test's own");
    let zone = format!(
        "zone: kept.example\n\
         ns: [ns1]\n\
         checks: {{web: {{http: {{port: {port}, path: /healthz}}, interval: 2s, timeout: 2s}}}}\n\
         records:\n  \
           ns1: {{A: 192.0.2.53}}\n  \
           www: {{pool: {{check: web, backends: [{up}, {down}]}}}}\n",
        port = backends.port(),
    );
    let files = [ZoneFile { name: ZONE, text: &zone }];
    let mut server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], FIRST_ROUND, &files);
    assert_eq!(handed_out(&server), [up, down], "not judged yet, so it counts as up");

    let health = server.file("state/health");
    until("its side is on the disk", PATIENCE, || {
        let known = fs::read_to_string(&health).unwrap_or_default();
        (known.contains(&down.to_string()) && known.contains("down")).then_some(())
    });
    server.kill();
    server.start_again();
    let first = handed_out(&server);
    assert!(
        !server.said().contains("at the first check"),
        "it was judged already, too early to tell"
    );
    assert_eq!(first, [up]);

    // It was the memory that did it.
    server.kill();
    fs::remove_file(health).expect("it was there");
    server.start_again();
    assert_eq!(handed_out(&server), [up, down]);
}

/// The addresses of one answer, in order of their number.
fn handed_out(server: &Server) -> Vec<Ipv4Addr> {
    let question = Question::new("www.kept.example.", RecordType::A);
    let answer = server.client().answer(&question, WAY);
    let mut addresses: Vec<Ipv4Addr> = answer
        .answers
        .iter()
        .map(|record| record.rsplit_once(' ').expect("the address comes last").1)
        .map(|address| address.parse().expect("an address"))
        .collect();
    addresses.sort();
    addresses
}

#[test]
fn the_serial_never_falls_over_a_crash_and_rises_with_each_change() {
    let zone = |address: u8| {
        format!(
            "zone: kept.example\n\
             ns: [ns1]\n\
             records: {{ns1: {{A: 192.0.2.53}}, www: {{A: 192.0.2.{address}}}}}\n"
        )
    };
    let text = zone(0);
    let files = [ZoneFile { name: ZONE, text: &text }];
    let mut server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &files);
    let mut last = serial(&mut server.client());
    for change in 1..=6 {
        // Changes that a running server sees, more of them than seconds pass, and one that it missed.
        let is_missed = change == 4;
        if is_missed {
            server.kill();
        }
        server.replace_file(&format!("zones/{ZONE}"), &zone(change));
        if is_missed {
            server.start_again();
        }
        let mut client = server.client();
        until("the serial rises with the change", PATIENCE, || {
            let now = serial(&mut client);
            assert!(now >= last, "the serial fell from {last} to {now}");
            (now > last).then_some(())
        });
        last = serial(&mut client);

        server.kill();
        server.start_again();
        assert_eq!(serial(&mut server.client()), last, "nothing has changed since");
    }
}

/// The third field of SOA (RFC 1035 §3.3.13).
fn serial(client: &mut Client) -> u32 {
    let soa = client.answer(&Question::new("kept.example.", RecordType::SOA), WAY);
    let record = soa.answers.first().expect("a zone has an SOA");
    let serial = record.split_whitespace().nth(6);
    serial.and_then(|serial| serial.parse().ok()).expect("a number")
}
