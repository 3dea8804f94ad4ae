//! Checks by programs: a process of its own starts them, and what nobody runs moves no health.

use std::fs;
use std::net::Ipv4Addr;

use hickory_proto::rr::RecordType;
use rustix::process::{Pid, Signal, kill_process};

use crate::asking::{Question, Way};
use crate::servers::{Folder, Server, ZoneFile};
use crate::waiting::{PATIENCE, until};

/// What the config file allows.
pub(crate) const ALLOW: &str = "prober: {exec: {allow: [/bin/sh]}}\n";

/// Backends that are up for as long as a file of their address is in a folder, which a program looks for.
pub(crate) fn zone(folder: &Folder) -> String {
    format!(
        "zone: programs.example\nns: [ns1]\n\
         checks: {{file: {{exec: {{command: [/bin/sh, -c, 'test -e {}/{{address}} || exit 2']}}, \
         interval: 2s, fast_interval: 2s, timeout: 2s, fall: 1, rise: 1}}}}\n\
         pools: {{web: {{check: file, backends: {{a: 192.0.2.1, b: 192.0.2.2}}}}}}\n\
         records: {{ns1: {{A: 192.0.2.53}}, www: {{pool: web}}}}\n",
        folder.path.display()
    )
}

/// The process that starts programs for a server; `None` where there is none any more.
pub(crate) fn helper(server: &Server) -> Option<Pid> {
    let ours = |entry: fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let (begin, rest) = stat.rsplit_once(") ")?;
        let mut rest = rest.split(' ');
        let (state, parent) = (rest.next()?, rest.next()?);
        let is_it = begin.ends_with("(rotadns-exec") && parent == server.pid().to_string();
        let number = begin.split(' ').next()?.parse().ok()?;
        Pid::from_raw(number).filter(|_| is_it && state != "Z")
    };
    fs::read_dir("/proc").expect("this is Linux").flatten().find_map(ours)
}

/// Waits until these addresses are handed out, and no others.
pub(crate) fn until_handed(server: &Server, expected: &[&str]) {
    let (mut client, question) =
        (server.client(), Question::new("www.programs.example.", RecordType::A));
    until(&format!("the answer is {expected:?}: {}", server.said()), PATIENCE, || {
        let answer = client.answer(&question, Way::Udp { payload: None });
        let mut found: Vec<&str> =
            answer.answers.iter().filter_map(|record| record.rsplit(' ').next()).collect();
        found.sort_unstable();
        (found == expected).then_some(())
    });
}

#[test]
fn programs_are_started_by_a_helper_and_not_judged_without_it() {
    let states = Folder::new();
    states.write("192.0.2.1", "");
    let zone = zone(&states);
    let zones = [ZoneFile { name: "programs.example.yaml", text: &zone }];
    let mut server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], ALLOW, &zones);
    until_handed(&server, &["192.0.2.1"]);
    states.write("192.0.2.2", "");
    until_handed(&server, &["192.0.2.1", "192.0.2.2"]);
    fs::remove_file(states.path.join("192.0.2.1")).expect("it is there");
    until_handed(&server, &["192.0.2.2"]);

    let helper = helper(&server).expect("it runs");
    // What reaches all processes of a service is for the server.
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        kill_process(helper, signal).expect("it runs");
    }
    states.write("192.0.2.1", "");
    until_handed(&server, &["192.0.2.1", "192.0.2.2"]);

    kill_process(helper, Signal::KILL).expect("it runs");
    until("the log tells of the end", PATIENCE, || {
        let said = server.said();
        let told = [
            "the helper that runs programs has ended (signal: 9 (SIGKILL)) and cannot be started again",
            "some targets could not be probed and keep the health they had: the helper that runs programs has \
             ended; restart the server",
        ];
        told.iter().all(|line| said.contains(line)).then_some(())
    });
    fs::remove_file(states.path.join("192.0.2.1")).expect("it is there");
    until_handed(&server, &["192.0.2.1", "192.0.2.2"]);
    assert!(server.stop().success());
}

#[test]
fn a_helper_ends_with_its_server_and_is_there_only_where_programs_are_allowed() {
    let states = Folder::new();
    let zone = zone(&states);
    let zones = [ZoneFile { name: "programs.example.yaml", text: &zone }];
    let listen = [Ipv4Addr::LOCALHOST.into()];
    let mut server = Server::rotadns_with(&listen, ALLOW, &zones);
    assert!(helper(&server).is_some());
    let pid = helper(&server).expect("it runs").as_raw_nonzero();
    server.kill();
    until("the helper has ended", PATIENCE, || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });

    let server = Server::rotadns_with(&listen, "", &zones);
    assert_eq!(helper(&server), None);
}
