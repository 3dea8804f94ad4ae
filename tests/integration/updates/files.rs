//! Updates lie over files, which people go on to edit.

use std::fs;

use hickory_proto::rr::RecordType;

use super::*;
use crate::servers::ROTADNS;
use crate::waiting::until;

const YAML: &str = "zone: example.com
ns: [ns1]
records:
  ns1: {A: 192.0.2.53}
  www: {A: 192.0.2.1}
  pool: {pool: {backends: [192.0.2.8, 192.0.2.9]}}
";
const FILE: &str = "zones/example.com.yaml";

fn serial(server: &Server) -> u32 {
    let soa = data(server, "example.com.", RecordType::SOA);
    let serial = soa.first().and_then(|soa| soa.split_whitespace().nth(5));
    serial.and_then(|serial| serial.parse().ok()).expect("a zone has a serial")
}

fn make(server: &Server, update: &Update) -> u8 {
    update.send(server.v4(), PATIENCE).expect("an answer")
}

#[test]
fn a_file_that_is_edited_keeps_what_updates_did() {
    let zone = ZoneFile { name: "example.com.yaml", text: YAML };
    let mut server = server(&zone);
    let first = serial(&server);
    let update = Update::of("example.com.")
        .insert("new.example.com.", 60, "TXT", "new")
        .insert("later.example.com.", 60, "A", "192.0.2.77")
        .remove_set("www.example.com.", "A");
    assert_eq!(make(&server, &update), 0);
    let updated = serial(&server);
    assert!(updated > first, "{first} to {updated}");
    let check = |server: &Server| {
        let new = data(server, "new.example.com.", RecordType::TXT);
        assert_eq!(new, ["new.example.com. 60 TXT \"new\""]);
        assert_eq!(data(server, "www.example.com.", RecordType::A), [] as [&str; 0]);
    };
    check(&server);

    // `export` shows it, while the server runs.
    let exported = Command::new(ROTADNS)
        .args(["export", "example.com", "--config"])
        .arg(server.file("rotadns.yaml"))
        .output()
        .expect("the binary that is tested");
    let text = String::from_utf8_lossy(&exported.stdout);
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.contains(&"\"new\"") && !words.contains(&"192.0.2.1"), "{}", said(&exported));
    assert!(words.contains(&updated.to_string().as_str()), "{}", said(&exported));

    // After a restart it is the same version.
    server.kill();
    server.start_again();
    check(&server);
    assert_eq!(serial(&server), updated);

    // The file gains a name while the server runs, and another while it does not.
    server.replace_file(FILE, &format!("{YAML}  more: {{A: 192.0.2.3}}\n"));
    until("the file's change is served", PATIENCE, || {
        (!data(&server, "more.example.com.", RecordType::A).is_empty()).then_some(())
    });
    check(&server);
    let edited = serial(&server);
    assert!(edited > updated, "{updated} to {edited}");
    server.kill();
    // A name that updates added becomes a pool's: that is left out, and told.
    let pool = YAML.replace("  pool:", "  later:");
    server.replace_file(FILE, &pool);
    server.start_again();
    check(&server);
    assert_eq!(data(&server, "later.example.com.", RecordType::A).len(), 2);
    assert!(server.said().contains("what updates did to later.example.com. A is left out"));
    assert!(serial(&server) > edited);
}

#[test]
fn the_serial_of_a_master_file_never_falls_below_what_updates_made_of_it() {
    let mut server = server(&MASTER);
    assert_eq!(serial(&server), 7);
    let update = |text: &str| Update::of("example.com.").insert("a.example.com.", 60, "TXT", text);
    assert_eq!(make(&server, &update("one")), 0);
    let updated = serial(&server);
    assert!(updated > 1_700_000_000, "the time: {updated}");
    server.kill();
    server.start_again();
    assert_eq!(serial(&server), updated);
    // A file that is edited names a serial that was passed already.
    server.kill();
    server.replace_file("zones/example.com.zone", &MASTER.text.replace("host 7", "host 8"));
    server.start_again();
    let edited = serial(&server);
    assert!(edited > updated, "{updated} to {edited}");
    // And one that is ahead.
    server
        .replace_file("zones/example.com.zone", &MASTER.text.replace("host 7", "host 3026112001"));
    until("its serial is served", PATIENCE, || (serial(&server) == 3_026_112_001).then_some(()));
    assert_eq!(make(&server, &update("two")), 0);
    assert_eq!(serial(&server), 3_026_112_002);
    assert_eq!(data(&server, "a.example.com.", RecordType::TXT).len(), 2);
}

#[test]
fn rfc1982_7_a_serial_that_updates_lead_back_in_two_steps_stays_there() {
    let text = YAML.replace("ns: [ns1]", "ns: [ns1]\nsoa: {serial: 3026112101}");
    let mut server = server(&ZoneFile { name: "example.com.yaml", text: &text });
    let soa = |serial: u32| format!("ns1 hostmaster {serial} 3600 600 1209600 300");
    // As far as a step may go, and on from there to where the serial should have been.
    for next in [3_026_112_101_u32.wrapping_add(i32::MAX as u32), 2_026_112_101] {
        let update = Update::of("example.com.").insert("example.com.", 3600, "SOA", &soa(next));
        assert_eq!(make(&server, &update), 0);
        assert_eq!(serial(&server), next);
    }
    server.kill();
    server.start_again();
    assert_eq!(serial(&server), 2_026_112_101);
    server.kill();
    // The file says something else, and its serial is left to the server.
    server.replace_file(FILE, &format!("{YAML}  more: {{A: 192.0.2.3}}\n"));
    server.start_again();
    assert_eq!(data(&server, "more.example.com.", RecordType::A).len(), 1);
    assert_eq!(serial(&server), 2_026_112_102);
}

#[test]
fn names_of_pools_are_refused_and_the_log_says_why() {
    let zone = ZoneFile { name: "example.com.yaml", text: YAML };
    let server = server(&zone);
    let update = Update::of("example.com.").insert("pool.example.com.", 60, "A", "192.0.2.1");
    assert_eq!(make(&server, &update), 5);
    let why = "pool.example.com. is answered by a pool, which the zone's file has";
    assert!(server.said().contains(why), "{}", server.said());
    let done = nsupdate(&server, "k.example", &[], "update delete pool.example.com. A");
    assert!(said(&done).contains("REFUSED"), "{}", said(&done));
}

#[test]
fn what_cannot_be_kept_is_not_made() {
    let mut server = server(&MASTER);
    let update = |text: &str| Update::of("example.com.").insert("a.example.com.", 60, "TXT", text);
    assert_eq!(make(&server, &update("kept")), 0);
    server.kill();
    // The file is damaged: it is not overwritten, and nothing is acknowledged.
    let kept = server.file("state/updates.redb");
    let good = fs::read(&kept).expect("it was made");
    fs::write(&kept, "no database").expect("it can be written");
    server.start_again();
    assert!(server.said().contains("what updates did to example.com. cannot be read"));
    assert_eq!(make(&server, &update("lost")), 2, "SERVFAIL");
    assert_eq!(data(&server, "a.example.com.", RecordType::TXT), [] as [&str; 0]);
    assert_eq!(fs::read(&kept).expect("it is there"), b"no database");
    let alone = serial(&server);
    // It comes back while the server runs: the next update is made over what it has.
    fs::write(&kept, good).expect("it can be written");
    assert_eq!(make(&server, &update("again")), 0);
    let check = |server: &Server| {
        let mut texts = data(server, "a.example.com.", RecordType::TXT);
        texts.sort();
        let expected = ["again", "kept"].map(|text| format!("a.example.com. 60 TXT \"{text}\""));
        assert_eq!(texts, expected);
    };
    check(&server);
    let updated = serial(&server);
    assert!(updated > alone, "{alone} to {updated}");
    server.kill();
    server.start_again();
    check(&server);
    assert_eq!(serial(&server), updated);
}

#[test]
fn what_goes_to_a_folder_that_was_removed_is_not_acknowledged() {
    let mut server = server(&MASTER);
    let update = |text: &str| Update::of("example.com.").insert("a.example.com.", 60, "TXT", text);
    assert_eq!(make(&server, &update("kept")), 0);
    let (state, away) = (server.file("state"), server.file("away"));
    fs::rename(&state, &away).expect("it is there");
    for _ in 0..2 {
        assert_eq!(make(&server, &update("lost")), 2, "SERVFAIL");
        let texts = data(&server, "a.example.com.", RecordType::TXT);
        assert_eq!(texts, ["a.example.com. 60 TXT \"kept\""], "what was served still is");
    }
    assert!(server.said().contains("the file was removed, replaced or cut off"));
    let told = server.said().matches("updated zone=").count();
    assert_eq!(told, 1, "the log has no more than was kept: {}", server.said());
    // What was made anew meanwhile is less than what was there.
    let _ = fs::remove_dir_all(&state);
    fs::rename(&away, &state).expect("it is there");
    assert_eq!(make(&server, &update("again")), 0);
    let updated = serial(&server);
    let check = |server: &Server, texts: [&str; 2]| {
        let mut found = data(server, "a.example.com.", RecordType::TXT);
        found.sort();
        assert_eq!(found, texts.map(|text| format!("a.example.com. 60 TXT \"{text}\"")));
    };
    check(&server, ["again", "kept"]);
    server.kill();
    server.start_again();
    check(&server, ["again", "kept"]);
    assert_eq!(serial(&server), updated);

    // Without its updates the zone is another version, and no older one.
    server.kill();
    fs::remove_file(server.file("state/updates.redb")).expect("it was made");
    server.start_again();
    assert_eq!(data(&server, "a.example.com.", RecordType::TXT), [] as [&str; 0]);
    assert!(serial(&server) > updated, "{updated} to {}", serial(&server));
}
