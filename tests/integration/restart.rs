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

#[test]
fn the_serial_never_falls_when_a_file_stops_to_name_one() {
    let records = "records: {ns1: {A: 192.0.2.53}}\n";
    let yaml = format!("zone: kept.example\nns: [ns1]\n{records}");
    let by_hand = format!("{yaml}soa: {{serial: 3026112001}}\n");
    let master = "@ 60 SOA ns1 host 3026112005 1 1 1 60\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n";
    let files = [ZoneFile { name: ZONE, text: &by_hand }];
    let mut server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &files);
    assert_eq!(serial(&mut server.client()), 3_026_112_001);

    // Once while it runs, and once while it does not.
    server.replace_file(&format!("zones/{ZONE}"), &yaml.replace("2.53", "2.54"));
    let mut client = server.client();
    until("the serial goes on from there", PATIENCE, || {
        (serial(&mut client) == 3_026_112_002).then_some(())
    });
    assert!(server.stop().success());
    fs::remove_file(server.file(&format!("zones/{ZONE}"))).expect("it was there");
    server.replace_file("zones/kept.example.zone", master);
    server.start_again();
    assert_eq!(serial(&mut server.client()), 3_026_112_005);

    server.kill();
    fs::remove_file(server.file("zones/kept.example.zone")).expect("it was there");
    server.replace_file(&format!("zones/{ZONE}"), &yaml);
    server.start_again();
    assert_eq!(serial(&mut server.client()), 3_026_112_006);
}

#[test]
fn a_server_whose_state_folder_cannot_be_written_serves_and_says_so() {
    let zone = |address: u8| {
        format!("zone: kept.example\nns: [ns1]\nrecords: {{ns1: {{A: 192.0.2.{address}}}}}\n")
    };
    let files = [ZoneFile { name: ZONE, text: &zone(1) }];
    let mut server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &files);
    assert!(server.stop().success());
    fs::remove_dir_all(server.file("state")).expect("it was there");
    fs::write(server.file("state"), "no folder").expect("a file in its place");
    server.start_again();
    let told =
        "the state folder cannot be written, so that serials and health are lost at a restart";
    assert!(server.said().contains(told), "{}", server.said());

    let mut client = server.client();
    let mut last = serial(&mut client);
    for change in 2..=4 {
        server.replace_file(&format!("zones/{ZONE}"), &zone(change));
        until("the serial rises all the same", PATIENCE, || {
            (serial(&mut client) > last).then_some(())
        });
        last = serial(&mut client);
    }
}

#[test]
fn two_servers_do_not_share_a_state_folder() {
    let text = "zone: kept.example\nns: [ns1]\nrecords: {ns1: {A: 192.0.2.53}}\n";
    let files = [ZoneFile { name: ZONE, text }];
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &files);
    let second = server.second();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another server uses this state folder; each needs its own"), "{said}");
}

/// The third field of SOA (RFC 1035 §3.3.13).
fn serial(client: &mut Client) -> u32 {
    let soa = client.answer(&Question::new("kept.example.", RecordType::SOA), WAY);
    let record = soa.answers.first().expect("a zone has an SOA");
    let serial = record.split_whitespace().nth(6);
    serial.and_then(|serial| serial.parse().ok()).expect("a number")
}
