//! A file that says how backends are, as gdnsd's `extfile` reads it, read by both: what one takes from it the other takes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, RecordType};

use crate::asking::{Client, Question, Way};
use crate::servers::{Folder, Server, ZoneFile, free_port, installed};
use crate::waiting::until;

/// Far more than a second, which is what either is to take.
const LONG: Duration = Duration::from_secs(30);

fn gdnsd(states: &str) -> Server {
    let (folder, port) = (Folder::new(), free_port());
    let here = folder.path.display().to_string();
    let zone = "@ SOA ns1 host 7 7200 600 86400 300\n@ NS ns1\nns1 A 192.0.2.53\nwww 30 DYNA multifo!www\n";
    folder.write("zones/example.com", zone);
    folder.write(
        "config",
        &format!(
            "options => {{ listen => 127.0.0.1:{port}, udp_threads => 1, tcp_threads => 1, \
             run_dir => {here}/run, state_dir => {here}/state }}\n\
             service_types => {{ file => {{ plugin => extfile, direct => true, def_down => true, interval => 2, \
             file => \"{states}\" }} }}\n\
             plugins => {{ multifo => {{ service_types => file, www => {{ up_thresh => 0.01, \
             a => 10.9.0.1, b => 10.9.0.2, c => 10.9.0.3 }} }} }}\n"
        ),
    );
    let mut command = Command::new(installed("gdnsd", "gdnsd"));
    command.arg("-c").arg(&folder.path).arg("start");
    let mut server = Server::start("gdnsd", command, port, folder);
    server.wait_for(&Question::new("ns1.example.com.", RecordType::A));
    server
}

fn ours(states: &str) -> Server {
    let zone = format!(
        "zone: example.com\nns: [ns1]\n\
         checks: {{file: {{file: {{path: {states}, unlisted: down}}, interval: 1s, rise: 1, fall: 1}}}}\n\
         pools: {{www: {{check: file, backends: {{a: 10.9.0.1, b: 10.9.0.2, c: 10.9.0.3}}}}}}\n\
         records: {{ns1: {{A: 192.0.2.53}}, www: {{pool: www}}}}\n"
    );
    Server::rotadns(&[ZoneFile { name: "example.com.yaml", text: &zone }])
}

/// The last numbers of the addresses that are handed out.
fn handed(client: &mut Client) -> BTreeSet<u8> {
    let question = Question::new("www.example.com.", RecordType::A);
    let answer = client.ask(&question, Way::Udp { payload: Some(1232) }).expect("an answer");
    let message = Message::from_vec(&answer).expect("it decodes");
    let last = |data: &RData| match data {
        RData::A(address) => address.octets()[3],
        other => panic!("{other:?}"),
    };
    message.answers.iter().map(|record| last(&record.data)).collect()
}

#[test]
fn a_file_of_states_is_read_as_gdnsd_reads_it() {
    let folder = Folder::new();
    // Moved into its place, as scripts should.
    let write = |text: &str| {
        let new = folder.write("states.new", text);
        fs::rename(new, folder.path.join("states")).expect("both stand in one folder");
    };
    write("10.9.0.1 => UP\n10.9.0.2 => UP\n10.9.0.3 => UP\n");
    let states = folder.path.join("states").display().to_string();
    let (theirs, ours) = (gdnsd(&states), ours(&states));
    let (mut their_client, mut our_client) = (theirs.client(), ours.client());
    let no_state = "does not say how a backend is, such as `web-1 up`";
    for (text, up, said) in [
        ("10.9.0.1 => UP/300\n10.9.0.2 => DOWN/242\n10.9.0.3 => UP\n", &[1, 3][..], String::new()),
        (
            "# since noon\n10.9.0.1 => DOWN, 10.9.0.2 => UP # here\n\n  10.9.0.3 => \"UP/20\"\n",
            &[2, 3],
            String::new(),
        ),
        (
            "\"10.9.0.1\" = up 10.9.0.2=>DOWN/5; 10.9.0.2 => UP\n10.9.0.3 => \"Down\"",
            &[1],
            String::new(),
        ),
        // Whoever has no line is down.
        ("10.9.0.2 => UP\n", &[2], String::new()),
        // Neither takes any of it.
        ("10.9.0.1 => UP\n10.9.0.2 => SIDEWAYS\n", &[2], format!("line 2 {no_state}")),
        ("10.9.0.1 => UP/soon\n", &[2], format!("line 1 {no_state}")),
        ("10.9.0.1 => UP\n10.9.0.1 => DOWN\n", &[2], "line 2 is for the same".into()),
        ("10.9.0.1 => UP\n10.9.0.3 => UP\n", &[1, 3], "is in force again".into()),
    ] {
        write(text);
        until(text, LONG, || ours.said().contains(&said).then_some(()));
        let up: BTreeSet<u8> = up.iter().copied().collect();
        for client in [&mut their_client, &mut our_client] {
            until(text, LONG, || (handed(client) == up).then_some(()));
        }
    }
    let said = ours.said();
    assert!(
        !said.contains("SIDEWAYS") && !said.contains("soon"),
        "what is in it is not quoted:\n{said}"
    );
    // What is gone stays as it was.
    fs::remove_file(folder.path.join("states")).expect("it stands there");
    until("the log says so", LONG, || ours.said().contains("no such file").then_some(()));
    assert_eq!(handed(&mut our_client), BTreeSet::from([1, 3]));
}
