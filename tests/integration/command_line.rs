//! What is typed, and the codes that scripts and init systems read: 0 fine, 1 the input is wrong, 2 the
//! command line is wrong.

use std::net::Ipv4Addr;
use std::process::{Command, Output};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde_json::Value;

use crate::asking::{Question, Way};
use crate::servers::{Folder, ROTADNS, Server, ZoneFile, free_port};

const GOOD: ZoneFile<'_> = ZoneFile {
    name: "good.example.yaml",
    text: "zone: good.example\nns: [ns1]\nrecords: {ns1: {A: 192.0.2.53}}\n",
};

/// Two mistakes, each at a place that can be counted by eye.
const BROKEN: ZoneFile<'_> = ZoneFile {
    name: "broken.example.yaml",
    text: "zone: broken.example\nns: [ns1]\nrecords:\n  ns1: {A: 192.0.2.256}\n  www: {pool: web}\n",
};

pub(crate) fn rotadns(arguments: &[&str]) -> Output {
    Command::new(ROTADNS).args(arguments).output().expect("the binary that is tested")
}

fn folder_of(zones: &[ZoneFile<'_>]) -> Folder {
    let folder = Folder::new();
    for zone in zones {
        folder.write(&format!("zones/{}", zone.name), zone.text);
    }
    folder
}

#[test]
fn a_broken_zone_answers_servfail_while_others_serve() {
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &[GOOD, BROKEN]);
    for way in [Way::Udp { payload: None }, Way::Tcp { payload: None }] {
        for (name, expected) in [
            ("ns1.good.example.", ResponseCode::NoError),
            ("broken.example.", ResponseCode::ServFail),
            ("www.broken.example.", ResponseCode::ServFail),
            ("elsewhere.example.", ResponseCode::Refused),
        ] {
            let answer = server.client().answer(&Question::new(name, RecordType::A), way);
            assert_eq!(answer.rcode, expected, "{name} {way:?}");
        }
    }
    assert!(server.said().contains("broken.example.yaml:4:12: "), "{}", server.said());
}

#[test]
fn strict_refuses_to_start_over_a_broken_zone() {
    let folder = folder_of(&[GOOD, BROKEN]);
    let zones = folder.path.join("zones").display().to_string();
    let listen = format!("127.0.0.1:{}", free_port());
    let output =
        rotadns(&["serve", "--strict", "--zones", &zones, "--listen", &listen, "--admin", "off"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("broken.example.yaml:4:12: "), "the mistake is told: {said}");
    assert!(!said.contains("answering with"), "nothing answers: {said}");
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    for arguments in [
        &[][..],
        &["no-such-command"],
        &["serve", "--no-such-flag"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--workers", "0"],
        &["check", "--format", "xml"],
        &["demo", "127.0.0.1"],
    ] {
        let output = rotadns(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}: it says what is wrong");
    }
    for arguments in [&["--help"][..], &["--version"], &["serve", "--help"]] {
        assert_eq!(rotadns(arguments).status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_default_folder_that_is_not_there_is_called_by_its_whole_path() {
    let folder = Folder::new();
    let whole = folder.path.join("zones").display().to_string();
    let output = Command::new(ROTADNS).arg("check").current_dir(&folder.path).output();
    let output = output.expect("the binary that is tested");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&whole), "{whole}: {said}");
}

#[test]
fn a_command_whose_output_nobody_reads_ends_quietly() {
    let folder = folder_of(&[GOOD]);
    let path = |file: &str| folder.path.join(file).display().to_string();
    let (zones, keys, file) = (path("zones"), path("keys"), path("zones/good.example.yaml"));
    for arguments in [
        &["schema"][..],
        &["check", &zones],
        &["check", "--format", "json", &zones],
        &["export", &file],
        &["keygen", "--for", "localhost", &keys],
        &["man", "serve"],
        &["completions", "bash"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(ROTADNS).args(arguments).stdout(writer).output();
        let output = output.expect("rotadns runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*said), (Some(141), ""), "{arguments:?}");
    }
}

#[test]
fn check_ends_with_1_where_a_file_has_a_mistake() {
    let folder = folder_of(&[GOOD, BROKEN]);
    folder.write("other.yaml", "zones: zones\n");
    let path = |file: &str| folder.path.join(file).display().to_string();
    for (arguments, expected) in [
        (["check", &path("zones/good.example.yaml")], 0),
        (["check", &path("zones/broken.example.yaml")], 1),
        (["check", &path("zones")], 1),
        (["check", &path("no-such-file.yaml")], 1),
        (["check", &format!("--config={}", path("other.yaml"))], 1),
    ] {
        let output = rotadns(&arguments);
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}");
    }
}

#[test]
fn check_tells_every_mistake_as_json() {
    let folder = folder_of(&[GOOD, BROKEN]);
    let zones = folder.path.join("zones").display().to_string();
    let output = rotadns(&["check", "--format", "json", &zones]);
    let told: Vec<Value> = serde_json::from_slice(&output.stdout).expect("one array");
    let places: Vec<_> = told
        .iter()
        .map(|mistake| {
            let file = mistake["file"].as_str().expect("a path");
            assert!(file.ends_with("zones/broken.example.yaml"), "{file}");
            assert_eq!(mistake["severity"], "error");
            assert!(mistake["message"].as_str().is_some_and(|message| !message.is_empty()));
            [&mistake["line"], &mistake["column"], &mistake["width"]].map(Value::as_u64)
        })
        .collect();
    let at = |line, column, width| [Some(line), Some(column), Some(width)];
    assert_eq!(places, [at(4, 12, 11), at(5, 15, 3)]);
}
