//! `rotadns import` and `rotadns export`: zones go from one format to another and stay the same.

use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use rotadns::authority::secondary::disk::Place;
use rotadns::name::Name;
use rotadns::rdata::rtype;
use rotadns::state::overlays::{Commit, Overlays};
use rotadns::zone::delta::Record;
use rotadns::zone::overlay::Changed;

use crate::servers::{Folder, ROTADNS};
use crate::world::build;

const MASTER: &str = "\
$ORIGIN example.com.
$TTL 3600
@   IN SOA ns1 hostmaster (
    2026112101   ; serial
    3600         ; refresh
    600          ; retry
    1209600      ; expire
    300 )        ; minimum
    IN NS  ns1
    IN TXT \"v=spf1 -all\"
ns1 IN A   192.0.2.53
www IN A   192.0.2.1
";

/// A zone that includes a file of another folder.
const OUTSIDE: &str = "\
@   60 SOA ns1 hostmaster 1 1 1 1 1
@   60 NS  ns1
ns1 60 A   192.0.2.53
$INCLUDE ../more/a.inc
";

fn rotadns(folder: &Path, arguments: &[&str]) -> (String, String, i32) {
    let output = Command::new(ROTADNS).args(arguments).current_dir(folder).output();
    let Output { status, stdout, stderr } = output.expect("the binary that is tested");
    let text = |bytes| String::from_utf8(bytes).expect("it is UTF-8");
    (text(stdout), text(stderr), status.code().expect("it ends by itself"))
}

#[test]
fn a_zone_comes_back_from_each_format_as_it_was() {
    let folder = Folder::new();
    folder.write("a/example.com.zone", MASTER);
    let (native, said, code) = rotadns(&folder.path, &["import", "a/example.com.zone"]);
    assert_eq!((said.as_str(), code), ("", 0));
    assert_eq!(
        native,
        "\
zone: example.com
ns: [ns1]
soa: {serial: 2026112101}

records:
  \"@\": {TXT: v=spf1 -all}
  ns1: {A: 192.0.2.53}
  www: {A: 192.0.2.1}
"
    );
    folder.write("b/example.com.yaml", &native);
    let (zone, said, code) = rotadns(&folder.path, &["export", "example.com", "--zones", "b"]);
    assert_eq!((zone.as_str(), said.as_str(), code), (MASTER, "", 0));

    let (octodns, _, code) =
        rotadns(&folder.path, &["export", "b/example.com.yaml", "--format", "octodns"]);
    assert_eq!(code, 0);
    folder.write("c/example.com.yaml", &octodns);
    let (again, said, code) = rotadns(&folder.path, &["import", "c/example.com.yaml"]);
    assert_eq!(
        (again, said.as_str(), code),
        (native.replace("soa: {serial: 2026112101}\n", ""), "", 0)
    );
}

#[test]
fn a_pool_becomes_its_addresses_with_a_comment() {
    let folder = Folder::new();
    folder.write(
        "zones/example.com.yaml",
        "\
zone: example.com
ns: [ns.example.net.]
pools:
  web: {backends: {web-1: 192.0.2.1, web-2: {address: \"2001:db8::2\", state: down}}, when_all_down: fallback, fallback: sorry}
  sorry: {backends: [198.51.100.1]}
  hosts: {backends: [{address: 192.0.2.7, host: ns.example.net., port: 443}]}
  names: {backends: [{target: a.example.net.}, {target: b.example.net.}]}
records:
  \"@\": {alias: www}
  www: {pool: web}
  moved: {pool: names}
  _s._tcp: {SRV: {pool: hosts}}
",
    );
    let (zone, said, code) = rotadns(&folder.path, &["export", "example.com"]);
    assert_eq!(code, 0);
    for line in [
        "_s._tcp      IN SRV   0 1 443 ns.example.net. ; pool hosts",
        "www          IN A     192.0.2.1 ; pool web, backend web-1, state auto",
        "; www        IN AAAA  2001:db8::2 ; pool web, backend web-2, state down",
        "; www        IN A     198.51.100.1 ; pool sorry, backend 198.51.100.1, state auto, when nothing of web passes",
        "moved        IN CNAME a.example.net. ; pool names, backend a.example.net, state auto",
        "; moved      IN CNAME b.example.net. ; pool names, backend b.example.net, state auto",
        "             IN A     192.0.2.1 ; alias of www.example.com.",
        "; www.example.com. is answered from the pool web, by health",
    ] {
        assert!(zone.lines().any(|found| found == line), "{line}\n{zone}");
    }
    assert!(said.contains("www.example.com. is answered from the pool web"), "{said}");
    // A file that was exported can be served.
    folder.write("out/example.com.zone", &zone);
    let (_, said, code) = rotadns(&folder.path, &["check", "out"]);
    assert_eq!((said.as_str(), code), ("", 0));
}

#[test]
fn what_is_wrong_has_its_code_and_its_place() {
    let folder = Folder::new();
    folder.write("db.example", MASTER);
    folder.write("bad.example.zone", "@ 1 A x\n");
    folder.write("z/out.example.zone", OUTSIDE);
    folder.write("more/a.inc", "a 60 A 192.0.2.1\n");
    folder.write("allowing.yaml", "includes: more\n");
    for (arguments, expected, code) in [
        (&["import", "db.example"][..], "--origin NAME does", 1),
        (&["import", "gone.zone"], "gone.zone: cannot be read", 1),
        (&["import", "z/out.example.zone"], "z/out.example.zone:4:10", 1),
        (&["import", "z/out.example.zone"], "or its folder, to `includes`", 1),
        (&["import", "bad.example.zone"], "bad.example.zone:1:7", 1),
        (&["import", "db.example", "--origin", "a..b"], "not a name", 2),
        (
            &["export", "example.net", "--zones", "."],
            "no file of the zone example.net. is in ., and none that came from elsewhere in state",
            1,
        ),
        (
            &["export", "db.example", "--format", "bind"],
            "[possible values: native, octodns, zone]",
            2,
        ),
    ] {
        let (out, said, found) = rotadns(&folder.path, arguments);
        assert!(
            said.contains(expected) && out.is_empty() && found == code,
            "{arguments:?}: {found}\n{said}"
        );
    }
    let (out, _, code) =
        rotadns(&folder.path, &["import", "db.example", "--origin", "example.com"]);
    assert!(out.starts_with("zone: example.com\n") && code == 0, "{out}");
    let allowing = ["import", "z/out.example.zone", "--config", "allowing.yaml"];
    let (out, said, code) = rotadns(&folder.path, &allowing);
    assert!(out.contains("192.0.2.1}") && code == 0, "{said}");
}

#[test]
fn a_master_file_has_the_serial_that_was_served() {
    let folder = Folder::new();
    let text = "zone: example.com\nns: [ns1]\nrecords: {ns1: {A: 192.0.2.53}}\n";
    folder.write("zones/example.com.yaml", text);
    folder.write("state/serials", &format!("example.com. 1795000000 {}\n", "0".repeat(64)));
    let (zone, said, code) = rotadns(&folder.path, &["export", "example.com"]);
    assert_eq!((said.as_str(), code), ("", 0));
    assert!(zone.contains("    1795000000   ; serial\n"), "{zone}");
    // In our own format it would be one by hand, and a file by its path knows none.
    let (native, _, _) = rotadns(&folder.path, &["export", "example.com", "--format", "native"]);
    assert!(!native.contains("serial"), "{native}");
    let (file, _, _) = rotadns(&folder.path, &["export", "zones/example.com.yaml"]);
    assert!(file.contains("    1            ; serial\n"), "{file}");
}

#[test]
fn a_zone_from_elsewhere_is_exported_from_the_state_folder() {
    let folder = Folder::new();
    let origin = Name::parse_absolute("example.com").expect("a name");
    let (zone, _) = build("example.com.", MASTER.as_bytes()).expect("it has no mistakes");
    let place = Place::new(&folder.path.join("state"), &origin);
    place.keep(&zone, SystemTime::UNIX_EPOCH).expect("a folder of this test's own");
    folder.write("zones/other.example.zone", MASTER);
    let (exported, said, code) = rotadns(&folder.path, &["export", "example.com"]);
    assert_eq!((exported.as_str(), said.as_str(), code), (MASTER, "", 0));
    let arguments = ["export", "example.com", "--format", "native"];
    let (native, said, code) = rotadns(&folder.path, &arguments);
    assert_eq!((said.as_str(), code), ("", 0));
    assert!(native.starts_with("zone: example.com\nns: [ns1]\n"), "{native}");
    // What is kept and damaged is told.
    std::fs::write(place.file(), "torn").expect("a file of this test's own");
    let (_, said, code) = rotadns(&folder.path, &["export", "example.com"]);
    assert!(said.contains("it is not as it was written") && code == 1, "{said}");
}

#[test]
fn what_updates_made_of_a_zone_lies_over_its_file() {
    let folder = Folder::new();
    folder.write("zones/example.com.zone", MASTER);
    let origin = Name::parse_absolute("example.com").expect("a name");
    let challenge = Name::parse_absolute("_acme-challenge.example.com").expect("a name");
    let rdata = Box::from(&b"\x05token"[..]);
    let added = Record { owner: challenge.clone(), rtype: rtype::TXT, ttl: 60, rdata };
    let changed = Changed { removed: Vec::new(), added: vec![added] };
    let sets = vec![(challenge, rtype::TXT, changed)];
    let commit = Commit { zone: origin, serial: 2_026_112_102, beside: None, sets };
    folder.write("state/none", "");
    let mut overlays = Overlays::new(&folder.path.join("state"));
    overlays.commit(&[commit]).expect("a disk that takes it");

    // Whoever has it open keeps it: a copy is read.
    let (zone, said, code) = rotadns(&folder.path, &["export", "example.com"]);
    assert_eq!((said.as_str(), code), ("", 0));
    assert!(zone.contains("_acme-challenge 60 IN TXT \"token\"\n"), "{zone}");
    assert!(zone.contains("    2026112102   ; serial\n") && zone.contains("\nwww"), "{zone}");
    drop(overlays);
    // The file by its path is what it says.
    let (file, _, _) = rotadns(&folder.path, &["export", "zones/example.com.zone"]);
    assert_eq!(file, MASTER);
}
