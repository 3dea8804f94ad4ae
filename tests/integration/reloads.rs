//! Files that change under a running server, in all the ways in which programs write them.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use hickory_proto::rr::RecordType;

use crate::asking::{Question, Way};
use crate::servers::{Server, ZoneFile};
use crate::waiting::until;

const PATIENCE: Duration = Duration::from_secs(30);

const ZONE: &str = "a.example.yaml";
const OTHER: &str = "b.example.yaml";

/// Gives a file another content.
type Writes = fn(&Path, &str);

fn zone(origin: &str, version: &str) -> String {
    format!(
        "zone: {origin}\n\
         ns: [ns1]\n\
         records: {{ns1: {{A: 192.0.2.53}}, version: {{TXT: {version}}}}}\n"
    )
}

fn start() -> Server {
    let files = [
        ZoneFile { name: ZONE, text: &zone("a.example", "version-1") },
        ZoneFile { name: OTHER, text: &zone("b.example", "version-1") },
    ];
    Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &files)
}

fn serves(server: &Server, origin: &str, version: &str) {
    let mut client = server.client();
    let question = Question::new(&format!("version.{origin}."), RecordType::TXT);
    until(&format!("{version} of {origin} is served"), PATIENCE, || {
        let answer = client.answer(&question, Way::Udp { payload: None });
        answer.answers.first()?.contains(version).then_some(())
    });
}

fn loads(server: &Server, origin: &str) -> usize {
    server.said().matches(&format!("zone loaded zone={origin}. ")).count()
}

#[test]
fn a_file_may_be_written_in_any_way_and_no_other_is_loaded() {
    let ways: [(&str, Writes); 5] = [
        ("in its place", |file, text| fs::write(file, text).expect("it can be written")),
        ("by a rename", |file, text| {
            let new = file.with_extension("new");
            fs::write(&new, text).expect("it can be written");
            fs::rename(new, file).expect("both stand in one folder");
        }),
        ("with the old one as a backup", |file, text| {
            let backup = file.with_extension("yaml~");
            fs::rename(file, &backup).expect("both stand in one folder");
            fs::write(file, text).expect("it can be written");
            fs::remove_file(backup).expect("it is there");
        }),
        ("removed before", |file, text| {
            fs::remove_file(file).expect("it is there");
            fs::write(file, text).expect("it can be written");
        }),
        ("as a link", |file, text| {
            let (target, new) = (file.with_extension("target"), file.with_extension("new"));
            fs::write(&target, text).expect("it can be written");
            symlink(target, &new).expect("there is no such file");
            fs::rename(new, file).expect("both stand in one folder");
        }),
    ];
    let server = start();
    let file = server.file(&format!("zones/{ZONE}"));
    for (number, (way, write)) in ways.iter().enumerate() {
        let version = format!("version-{}", number + 2);
        write(&file, &zone("a.example", &version));
        serves(&server, "a.example", &version);
        assert_eq!(loads(&server, "a.example"), number + 2, "{way}: {}", server.said());
    }
    assert_eq!(loads(&server, "b.example"), 1, "{}", server.said());
    assert!(!server.said().contains("the file is gone"), "{}", server.said());
}

#[test]
fn an_included_file_is_part_of_its_zone() {
    let server = start();
    let write = |name: &str, text: &str| fs::write(server.file(name), text).expect("a file");
    fs::create_dir(server.file("zones/parts")).expect("a folder");
    write("zones/parts/version", "version 60 TXT version-1\n");
    let master =
        "@ 60 SOA ns1 host 1 1 1 1 60\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n$INCLUDE parts/version\n";
    write("zones/c.example.zone", master);
    serves(&server, "c.example", "version-1");
    write("zones/parts/version", "version 60 TXT version-2\n");
    serves(&server, "c.example", "version-2");
    assert_eq!(loads(&server, "a.example"), 1, "{}", server.said());
}

#[test]
fn the_files_of_a_config_map_are_swapped_at_once() {
    let server = start();
    let zones = server.file("zones");
    let publish = |version: &str| {
        let folder = zones.join(format!("..{version}"));
        fs::create_dir(&folder).expect("a folder");
        for origin in ["c.example", "d.example"] {
            let text = zone(origin, version);
            fs::write(folder.join(format!("{origin}.yaml")), text).expect("a file");
        }
        symlink(format!("..{version}"), zones.join("..data_tmp")).expect("a link");
        fs::rename(zones.join("..data_tmp"), zones.join("..data")).expect("in one folder");
    };
    publish("version-1");
    for file in ["c.example.yaml", "d.example.yaml"] {
        symlink(format!("..data/{file}"), zones.join(file)).expect("a link");
    }
    for origin in ["c.example", "d.example"] {
        serves(&server, origin, "version-1");
    }
    publish("version-2");
    for origin in ["c.example", "d.example"] {
        serves(&server, origin, "version-2");
    }
    assert_eq!(loads(&server, "a.example"), 1, "{}", server.said());
}

#[test]
fn a_folder_that_was_deleted_and_made_again_is_followed() {
    let server = start();
    let zones = server.file("zones");
    fs::remove_dir_all(&zones).expect("it is ours");
    until("the folder is missed", PATIENCE, || server.said().contains("error").then_some(()));
    serves(&server, "a.example", "version-1");
    fs::create_dir(&zones).expect("it is gone");
    fs::write(zones.join(ZONE), zone("a.example", "version-2")).expect("a file");
    fs::write(zones.join(OTHER), zone("b.example", "version-1")).expect("a file");
    serves(&server, "a.example", "version-2");
    fs::write(zones.join(ZONE), zone("a.example", "version-3")).expect("a file");
    serves(&server, "a.example", "version-3");
    assert_eq!(loads(&server, "b.example"), 1, "what came back is as it was: {}", server.said());
}

#[test]
fn a_zone_goes_with_its_file_and_comes_with_a_new_one() {
    let server = start();
    fs::remove_file(server.file(&format!("zones/{OTHER}"))).expect("it is there");
    let mut client = server.client();
    let question = Question::new("version.b.example.", RecordType::TXT);
    until("it is refused", PATIENCE, || {
        let answer = client.answer(&question, Way::Udp { payload: None });
        answer.answers.is_empty().then_some(())
    });
    fs::write(server.file("zones/c.example.yaml"), zone("c.example", "version-1")).expect("a file");
    serves(&server, "c.example", "version-1");
    fs::write(server.file(&format!("zones/{OTHER}")), zone("b.example", "version-2")).expect("one");
    serves(&server, "b.example", "version-2");
    serves(&server, "a.example", "version-1");
}
