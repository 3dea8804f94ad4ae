//! What is kept comes back, and nothing else does.

use std::time::Duration;

use super::super::scripted::{built, origin, told};
use super::*;

/// A folder that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rotadns-disk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn a_zone_comes_back_as_it_was() {
    let folder = Folder::new("back");
    let place = Place::new(&folder.0, &origin());
    assert!(place.load(&origin()).expect("nothing is wrong").is_none());
    let zone = built("S5 N a1 a2 b1 S5");
    place.keep(&zone, at(1000)).expect("the folder can be made");
    let (kept, refreshed) = place.load(&origin()).expect("it is whole").expect("it is there");
    assert_eq!(told(&kept), told(&zone));
    assert_eq!((kept.serial, refreshed), (5, at(1000)));
    place.refreshed(at(2000)).expect("it is there");
    let (kept, refreshed) = place.load(&origin()).expect("it is whole").expect("it is there");
    assert_eq!((kept.serial, refreshed), (5, at(2000)));
    place.keep(&built("S6 N S6"), at(3000)).expect("in the old one's place");
    let (kept, refreshed) = place.load(&origin()).expect("it is whole").expect("it is there");
    assert_eq!((kept.serial, refreshed), (6, at(3000)));
    assert!(!place.file().with_extension("new").exists());
}

#[test]
fn what_was_torn_or_changed_is_told() {
    let folder = Folder::new("torn");
    let place = Place::new(&folder.0, &origin());
    place.keep(&built("S5 N a1 S5"), at(1000)).expect("the folder can be made");
    let whole = fs::read(place.file()).expect("it is there");
    // Every length that a crash could leave, and every byte that a disk could turn.
    for len in 0..whole.len() {
        fs::write(place.file(), &whole[..len]).expect("it can be written");
        assert!(place.load(&origin()).is_err(), "{len} of {} bytes", whole.len());
    }
    for byte in 0..whole.len() {
        let mut changed = whole.clone();
        changed[byte] ^= 1;
        fs::write(place.file(), &changed).expect("it can be written");
        assert!(place.load(&origin()).is_err(), "byte {byte}");
    }
    fs::write(place.file(), [&whole[..], b"?"].concat()).expect("it can be written");
    assert!(matches!(place.load(&origin()), Err(Unreadable::Torn)), "a byte too many");
    fs::write(place.file(), &whole).expect("it can be written");
    let other = Name::parse_absolute("other.").expect("a name");
    assert!(matches!(place.load(&other), Err(Unreadable::OtherZone)));
}

#[test]
fn a_disk_that_refuses_keeps_the_old_file_and_leaves_nothing_behind() {
    let folder = Folder::new("refused");
    let place = Place::new(&folder.0, &origin());
    fs::create_dir_all(place.file()).expect("a folder in the file's place");
    place.keep(&built("S5 N S5"), at(1000)).expect_err("no file is renamed over a folder");
    assert!(!place.file().with_extension("new").exists());
    assert!(matches!(place.load(&origin()), Err(Unreadable::Io(_))));
}

#[test]
fn each_zone_has_a_file_of_its_own() {
    let label = "a".repeat(60);
    let long = |last: &str| format!("{label}.{label}.{label}.{last}.example.");
    for (origin, expected) in [
        ("example.", "example.transferred".to_owned()),
        (".", "%.transferred".to_owned()),
        ("root.", "root.transferred".to_owned()),
        ("0/25.2.0.192.in-addr.arpa.", "0%2f25.2.0.192.in-addr.arpa.transferred".to_owned()),
        ("a\\.b.", "a%2eb.transferred".to_owned()),
    ] {
        let origin = Name::parse_absolute(origin).expect("a name");
        assert_eq!(file_name(&origin), expected);
    }
    let [a, b] = [long("a"), long("b")]
        .map(|origin| file_name(&Name::parse_absolute(&origin).expect("a name")));
    assert!(a != b && a.len() < 250 && !a.contains('/'));
}
