//! Signals at any moment: while zones are read, while backends are judged for the first time, and later.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use rustix::process::Signal;

use crate::asking::{Question, Way};
use crate::servers::{Server, ZoneFile};
use crate::waiting::{alone, now, until};

const PATIENCE: Duration = Duration::from_secs(30);
/// The end that an operator is promised after SIGTERM.
const END_MAX: Duration = Duration::from_secs(1);

const FIRST: &str = "a.example.yaml";
const LARGE: &str = "b.example.zone";
/// It takes far longer to read than a signal takes to arrive.
const LARGE_NAMES: u32 = 600_000;

fn zone(version: &str) -> String {
    format!(
        "zone: a.example\n\
         ns: [ns1]\n\
         records: {{ns1: {{A: 192.0.2.53}}, version: {{TXT: {version}}}}}\n"
    )
}

fn large() -> String {
    let mut text = "@ 60 SOA ns1 host 1 1 1 1 60\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n".to_owned();
    for number in 0..LARGE_NAMES {
        let _ = writeln!(text, "n{number} 60 A 192.0.2.1");
    }
    text
}

fn start(settings: &str, zones: &[ZoneFile<'_>]) -> Server {
    Server::rotadns_starting(&[Ipv4Addr::LOCALHOST.into()], settings, zones)
}

/// Zones are read in the order of their names.
fn is_loaded(server: &Server, zone: &str, times: usize) -> bool {
    server.said().matches(&format!("zone loaded zone={zone}. ")).count() >= times
}

fn serves(server: &Server, version: &str) {
    let mut client = server.client();
    let question = Question::new("version.a.example.", RecordType::TXT);
    until(&format!("{version} is served"), PATIENCE, || {
        let answer = client.answer(&question, Way::Udp { payload: None });
        answer.answers.first()?.contains(version).then_some(())
    });
}

fn ends_at_once(server: &mut Server) {
    let began = now();
    let status = server.stop();
    let took = began.elapsed();
    assert!(status.success(), "{status}: {}", server.said());
    assert!(took < END_MAX, "it took {took:?} to end: {}", server.said());
}

#[test]
fn sigterm_ends_a_server_that_reads_a_large_zone_within_a_second() {
    let _alone = alone();
    let files = [
        ZoneFile { name: FIRST, text: &zone("version-1") },
        ZoneFile { name: LARGE, text: &large() },
    ];
    let mut server = start("", &files);
    until("the large zone is next", PATIENCE, || is_loaded(&server, "a.example", 1).then_some(()));
    ends_at_once(&mut server);
    assert!(!is_loaded(&server, "b.example", 1), "it was read already, too late to tell");
    assert!(server.said().contains("stopped before it served"), "{}", server.said());
}

#[test]
fn sigterm_ends_a_server_that_reads_a_large_zone_again_within_a_second() {
    let _alone = alone();
    let mut server = start("", &[ZoneFile { name: FIRST, text: &zone("version-1") }]);
    server.wait_until_it_serves();
    // Both are noticed together: the loader waits until the folder is quiet.
    server.replace_file(&format!("zones/{LARGE}"), &large());
    server.replace_file(&format!("zones/{FIRST}"), &zone("version-2"));
    until("the large zone is next", PATIENCE, || is_loaded(&server, "a.example", 2).then_some(()));
    ends_at_once(&mut server);
    assert!(!is_loaded(&server, "b.example", 1), "it was read already, too late to tell");
}

#[test]
fn what_happens_during_the_first_round_is_not_missed() {
    // Connections are made, as the kernel does that, and never answered.
    let hanging = TcpListener::bind("127.31.13.1:0").expect("an address of this test's own");
    let port = hanging.local_addr().expect("it is bound").port();
    let slow = format!(
        "checks: {{slow: {{http: {{port: {port}}}, interval: 4s, timeout: 4s}}}}\n\
         pools: {{slow: {{check: slow, backends: [127.31.13.1]}}}}\n"
    );
    let zone = |version: &str| zone(version).replace("}}\n", "}, www: {pool: slow}}\n") + &slow;
    let files = [ZoneFile { name: FIRST, text: &zone("version-1") }];
    let first_round = "prober: {first_round: 2s}\n";

    let mut server = start(first_round, &files);
    until("the zone is read", PATIENCE, || is_loaded(&server, "a.example", 1).then_some(()));
    server.signal(Signal::HUP);
    server.replace_file(&format!("zones/{FIRST}"), &zone("version-2"));
    assert!(!server.said().contains("serving"), "it serves already, too late to tell");
    server.wait_until_it_serves();
    serves(&server, "version-2");
    drop(server);

    let mut server = start(first_round, &files);
    until("the zone is read", PATIENCE, || is_loaded(&server, "a.example", 1).then_some(()));
    ends_at_once(&mut server);
    assert!(server.said().contains("stopped before it served"), "{}", server.said());
}

#[test]
fn sighup_brings_a_change_that_cannot_be_noticed() {
    let mut server = start("", &[ZoneFile { name: FIRST, text: &zone("version-1") }]);
    server.wait_until_it_serves();
    assert!(server.stop().success());
    // The file's folder is watched, and not that of what the file leads to.
    fs::create_dir(server.file("elsewhere")).expect("a folder");
    let (link, target) = (server.file(&format!("zones/{FIRST}")), server.file("elsewhere/a"));
    fs::rename(&link, &target).expect("both stand in one folder");
    std::os::unix::fs::symlink(&target, &link).expect("there is no such file");

    server.start_again();
    server.replace_file("elsewhere/a", &zone("version-2"));
    serves(&server, "version-1");
    server.signal(Signal::HUP);
    serves(&server, "version-2");
}
