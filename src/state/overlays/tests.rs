//! What is kept is read again, whatever happened in between.

use std::fs;

use super::*;
use crate::rdata::rtype;
use crate::state::persist::tests::Folder;

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect(text)
}

fn record(owner: &str, text: &str) -> Record {
    let rdata = [&[text.len() as u8], text.as_bytes()].concat();
    Record { owner: name(owner), rtype: rtype::TXT, ttl: 60, rdata: rdata.into() }
}

fn commit(zone: &str, serial: u32, sets: &[(&str, &[&str], &[&str])]) -> Commit {
    let sets = sets.iter().map(|(owner, removed, added)| {
        let records = |texts: &[&str]| texts.iter().map(|text| record(owner, text)).collect();
        let changed = Changed { removed: records(removed), added: records(added) };
        (name(owner), rtype::TXT, changed)
    });
    Commit { zone: name(zone), serial, beside: Some(serial - 1), sets: sets.collect() }
}

#[test]
fn what_is_kept_of_each_zone_is_read_again() {
    let folder = Folder::new("overlays");
    let mut overlays = Overlays::new(&folder.0);
    assert_eq!(overlays.read(&name("a.")).expect("nothing yet"), Kept::default());
    assert!(!overlays.file().exists(), "it comes with the first update");

    let first = [
        commit("a.", 7, &[("x.a.", &["old"], &["new", "more"]), ("a.", &[], &["apex"])]),
        commit("b.a.", u32::MAX, &[("x.b.a.", &[], &["other"])]),
    ];
    overlays.commit(&first).expect("the folder can be made");
    overlays.commit(&[commit("a.", 8, &[("a.", &[], &[])])]).expect("it is there");
    assert_eq!((overlays.len(&name("a.")), overlays.len(&name("b.a."))), (1, 1));

    let mut expected = Overlay::default();
    let (removed, added) =
        (vec![record("x.a.", "old")], vec![record("x.a.", "new"), record("x.a.", "more")]);
    expected.set(name("x.a."), rtype::TXT, Changed { removed, added });
    let check = |kept: Kept| {
        assert_eq!((kept.serial, kept.beside), (Some(8), Some(7)));
        assert_eq!(kept.overlay, expected);
    };
    check(overlays.read(&name("a.")).expect("it can be read"));
    check(Overlays::read_beside(&folder.0, &name("a.")).expect("a server has it open"));
    drop(overlays);
    check(Overlays::read_beside(&folder.0, &name("a.")).expect("nobody has it open"));
    let mut overlays = Overlays::new(&folder.0);
    check(overlays.read(&name("a.")).expect("it can be read"));
    assert_eq!(overlays.len(&name("a.")), 1, "as many as were read");
    let other = overlays.read(&name("b.a.")).expect("it can be read");
    assert_eq!((other.serial, other.overlay.len()), (Some(u32::MAX), 1));
    assert_eq!(overlays.read(&name("c.")).expect("nothing"), Kept::default());
}

#[test]
fn what_cannot_be_read_is_not_overwritten_and_comes_back() {
    let folder = Folder::new("overlays-damaged");
    let mut overlays = Overlays::new(&folder.0);
    overlays.commit(&[commit("a.", 7, &[])]).expect("the folder can be made");
    drop(overlays);
    let file = folder.0.join("updates.redb");
    let good = fs::read(&file).expect("it was made");
    fs::write(&file, "no database").expect("it can be written");
    let mut overlays = Overlays::new(&folder.0);
    overlays.read(&name("a.")).expect_err("it is none");
    overlays.commit(&[commit("a.", 8, &[])]).expect_err("it is none");
    assert_eq!(fs::read(&file).expect("it is there"), b"no database");
    fs::write(&file, good).expect("it can be written");
    overlays.commit(&[commit("b.", 1, &[])]).expect("it is tried again");
    assert_eq!(overlays.read(&name("a.")).expect("it is good").serial, Some(7));
}

#[test]
fn an_empty_file_is_a_damaged_one_and_none_is_left_where_one_is_made() {
    let folder = Folder::new("overlays-empty");
    let file = folder.0.join("updates.redb");
    let beside = folder.0.join("updates.redb.new");
    fs::create_dir_all(&folder.0).expect("it can be made");
    fs::write(&file, "").expect("it can be written");
    let mut overlays = Overlays::new(&folder.0);
    let error = overlays.read(&name("a.")).expect_err("it is empty").to_string();
    assert!(error.starts_with("the file is empty"), "{error}");
    Overlays::read_beside(&folder.0, &name("a.")).expect_err("it is empty");
    overlays.commit(&[commit("a.", 7, &[])]).expect_err("it is empty");
    assert_eq!(fs::read(&file).expect("it is there"), b"");

    // What a crash has left beside is in nobody's way.
    fs::remove_file(&file).expect("it is there");
    fs::write(&beside, "half of one").expect("it can be written");
    overlays.commit(&[commit("a.", 7, &[])]).expect("a new one is made");
    assert!(!beside.exists());
    drop(overlays);
    let kept = Overlays::new(&folder.0).read(&name("a.")).expect("it is good");
    assert_eq!(kept.serial, Some(7));
}

#[test]
fn without_a_folder_nothing_is_kept_and_nothing_is_there() {
    let mut overlays = Overlays::new(Path::new("/dev/null/state"));
    assert_eq!(overlays.read(&name("a.")).expect("nothing"), Kept::default());
    overlays.commit(&[commit("a.", 7, &[])]).expect_err("there is no folder");
}

#[test]
fn a_file_that_grows_and_shrinks_by_commits_is_still_the_one() {
    let folder = Folder::new("overlays-long");
    let mut overlays = Overlays::new(&folder.0);
    let text = "x".repeat(200);
    let owners: Vec<String> = (0..200).map(|number| format!("x{number}.a.")).collect();
    for serial in 2..40 {
        let added: &[&str] = if serial % 2 == 0 { &[&text] } else { &[] };
        let sets: Vec<(&str, &[&str], &[&str])> =
            owners.iter().map(|owner| (&**owner, &[][..], added)).collect();
        overlays.commit(&[commit("a.", serial, &sets)]).expect("nobody else touches it");
    }
    assert_eq!(overlays.take_lost(), []);
}

#[test]
fn nothing_is_acknowledged_that_goes_to_a_file_that_nobody_can_find() {
    let folder = Folder::new("overlays-gone");
    let file = folder.0.join("updates.redb");
    let away = folder.0.with_extension("away");
    let cut = |file: &Path| {
        let half = fs::metadata(file).expect("it is there").len() / 2;
        fs::File::options().write(true).open(file).expect("it is ours").set_len(half).expect("so");
    };
    let copy = folder.0.join("copy");
    let harms: [(&str, &dyn Fn()); 4] = [
        ("removed", &|| fs::remove_file(&file).expect("it is there")),
        ("its folder moved away", &|| fs::rename(&folder.0, &away).expect("it is there")),
        ("replaced", &|| {
            fs::copy(&file, &copy).expect("it is there");
            fs::rename(&copy, &file).expect("it is there");
        }),
        ("cut off", &|| cut(&file)),
    ];
    for (what, harm) in harms {
        let _ = fs::remove_dir_all(&folder.0);
        let mut overlays = Overlays::new(&folder.0);
        let first = commit("a.", 7, &[("x.a.", &[], &["first"])]);
        overlays.commit(&[first]).expect("the folder can be made");
        let good = fs::read(&file).expect("it was made");
        harm();
        let second = || [commit("a.", 8, &[("y.a.", &[], &["second"])]), commit("b.", 3, &[])];
        let error = overlays.commit(&second()).expect_err(what).to_string();
        assert!(error.starts_with("the file was removed, replaced or cut off"), "{what}: {error}");
        assert_eq!(overlays.take_lost(), [name("a.")], "{what}");
        assert_eq!(overlays.take_lost(), [], "{what}: told once");
        if what != "replaced" {
            overlays.read(&name("a.")).expect_err(what);
            overlays.commit(&second()).expect_err(what);
        }
        // It is put back.
        fs::create_dir_all(&folder.0).expect("it can be made");
        fs::write(&copy, &good).expect("it can be written");
        fs::rename(&copy, &file).expect("it can be renamed");
        let kept = overlays.read(&name("a.")).expect(what);
        assert_eq!((kept.serial, kept.overlay.len()), (Some(7), 1), "{what}");
        overlays.commit(&second()).expect(what);
        let _ = fs::remove_dir_all(&away);
    }
}

#[test]
fn rfc1982_a_serial_that_updates_came_to_does_not_fall_when_they_are_lost() {
    let folder = Folder::new("overlays-raised");
    let (file, a) = (folder.0.join("updates.redb"), name("a."));
    let mut overlays = Overlays::new(&folder.0);
    overlays.commit(&[commit("a.", 7, &[])]).expect("the folder can be made");
    drop(overlays);
    let old = fs::read(&file).expect("it was made");
    let mut overlays = Overlays::new(&folder.0);
    overlays.commit(&[commit("a.", 9, &[])]).expect("it is there");
    drop(overlays);
    let served = |digest: u8, serial| serial::Kept { serial, digest: [digest; 32] };
    let last = |serials| {
        let kept = Overlays::new(&folder.0).read(&a).expect("it can be read");
        kept.last(serials)
    };
    // What the file `serials` has, which knows of no updates, and what was served last: of unknown content where it is lost.
    assert_eq!(last(Some(served(1, 6))), Some(served(1, 9)));
    fs::write(&file, old).expect("it can be written");
    assert_eq!(last(Some(served(1, 6))), Some(served(0, 9)), "an old copy");
    fs::remove_file(&file).expect("it is there");
    assert_eq!(last(Some(served(1, 6))), Some(served(0, 9)), "none");
    assert_eq!(last(None), Some(served(0, 9)));
    // What the zone has come to since.
    assert_eq!(last(Some(served(1, 10))), Some(served(1, 10)));
    fs::write(&file, "no database").expect("it can be written");
    let mut overlays = Overlays::new(&folder.0);
    overlays.read(&a).expect_err("it is none");
    assert_eq!(overlays.raised(&a), Some(9));
}
