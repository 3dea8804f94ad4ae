//! What the server leaves open of the file system, where the kernel has Landlock.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;

use hickory_proto::rr::RecordType;

use crate::asking::{Question, Way};
use crate::servers::{Folder, Server, ZoneFile};
use crate::waiting::{PATIENCE, until};

const ZONE: &str = "inside.example.yaml";
const CLOSED: &str = "the sandbox is closed";

fn zone(origin: &str, address: &str) -> String {
    format!("zone: {origin}\nns: [ns1]\nrecords: {{ns1: {{A: {address}}}}}\n")
}

fn start(settings: &str) -> Server {
    let zones = [ZoneFile { name: ZONE, text: &zone("inside.example", "192.0.2.1") }];
    Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], settings, &zones)
}

/// Whether the kernel has it.
fn is_closed(server: &Server) -> bool {
    let said = server.said();
    if said.contains("there is no sandbox, as this kernel has no Landlock") {
        eprintln!("NOT CHECKED: this kernel has no Landlock");
        return false;
    }
    assert!(said.contains(CLOSED), "{said}");
    true
}

/// Waits until a zone's name server has this address.
fn until_served(server: &Server, origin: &str, address: &str) {
    let (mut client, name) = (server.client(), format!("ns1.{origin}."));
    until(&format!("{origin} has {address}"), PATIENCE, || {
        let answer =
            client.answer(&Question::new(&name, RecordType::A), Way::Udp { payload: None });
        answer.answers.iter().any(|record| record.ends_with(address)).then_some(())
    });
}

#[test]
fn a_file_outside_is_told_and_comes_with_a_restart() {
    let mut server = start("");
    if !is_closed(&server) {
        return;
    }
    let elsewhere = Folder::new();
    let file = elsewhere.write("outside.example.yaml", &zone("outside.example", "192.0.2.7"));
    symlink(&file, server.file("zones/outside.example.yaml")).expect("a link");
    let told = "permission denied: it is outside of what the sandbox left open at the start; a restart opens what the \
                files name then";
    until("the log tells of it", PATIENCE, || server.said().contains(told).then_some(()));

    // What stands where it stood is followed, however it comes.
    server.replace_file(&format!("zones/{ZONE}"), &zone("inside.example", "192.0.2.2"));
    until_served(&server, "inside.example", "192.0.2.2");
    fs::remove_dir_all(server.file("zones")).expect("it is ours");
    fs::create_dir(server.file("zones")).expect("it is gone");
    fs::write(server.file(&format!("zones/{ZONE}")), zone("inside.example", "192.0.2.3"))
        .expect("a file");
    until_served(&server, "inside.example", "192.0.2.3");
    symlink(&file, server.file("zones/outside.example.yaml")).expect("a link");

    assert!(server.stop().success(), "{}", server.said());
    server.start_again();
    until_served(&server, "outside.example", "192.0.2.7");
    // And its folder is open since.
    let new = elsewhere.write(".new", &zone("outside.example", "192.0.2.8"));
    fs::rename(new, &file).expect("in one folder");
    server.signal(rustix::process::Signal::HUP);
    until_served(&server, "outside.example", "192.0.2.8");
}

#[test]
fn zones_behind_a_link_are_followed_to_where_it_leads_next() {
    let releases = Folder::new();
    for (release, address) in [("1", "192.0.2.1"), ("2", "192.0.2.2")] {
        releases.write(&format!("{release}/linked.example.yaml"), &zone("linked.example", address));
    }
    let (current, next) = (releases.path.join("current"), releases.path.join("next"));
    symlink("1", &current).expect("a link");
    let folder = Folder::new();
    let port = crate::servers::free_port();
    folder.write(
        "rotadns.yaml",
        &format!(
            "listen: 127.0.0.1:{port}\nzones: {}\nstate: state\nadmin: off\n",
            current.display()
        ),
    );
    let mut command = std::process::Command::new(crate::servers::ROTADNS);
    command.arg("serve").arg("--config").arg(folder.path.join("rotadns.yaml"));
    let mut server = Server::start("rotadns", command, port, folder);
    server.wait_until_it_serves();
    if !is_closed(&server) {
        return;
    }
    until_served(&server, "linked.example", "192.0.2.1");
    symlink("2", &next).expect("a link");
    fs::rename(&next, &current).expect("in one folder");
    server.signal(rustix::process::Signal::HUP);
    until_served(&server, "linked.example", "192.0.2.2");
    assert!(server.stop().success());
}

#[test]
fn the_operator_decides_whether_there_is_a_sandbox() {
    let elsewhere = Folder::new();
    let file = elsewhere.write("outside.example.yaml", &zone("outside.example", "192.0.2.7"));
    let server = start("sandbox: off\n");
    assert!(!server.said().contains("sandbox"), "{}", server.said());
    symlink(&file, server.file("zones/outside.example.yaml")).expect("a link");
    until_served(&server, "outside.example", "192.0.2.7");

    if is_closed(&start("")) {
        let server = start("sandbox: require\n");
        assert!(server.said().contains(CLOSED), "{}", server.said());
    }
}
