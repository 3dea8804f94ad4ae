//! Files that come, change, break and go.

use std::process::Command;
use std::sync::Condvar;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::prober::check::tests::{probe, target};
use crate::prober::check::{Checker, Found};

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("rotadns-test-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn asking(path: &Path, name: &str, unlisted: Unlisted) -> Target {
    let name = Some(name.to_owned());
    let check = FileCheck { path: path.to_owned(), name, unlisted, age_max: None };
    target("192.0.2.1:0".parse().unwrap(), CheckKind::File(check))
}

#[tokio::test]
async fn a_file_says_how_a_target_is_and_a_new_one_counts_at_the_next_probe() {
    let folder = Folder::new("file-states");
    let path = folder.0.join("states");
    let checker = Checker::new(Vec::new());
    let web = asking(&path, "web-1", Unlisted::Keep);
    // Written beside and moved into its place, or written where it stands: each is another version.
    for (text, expected, told) in [
        ("web-1 up\n", "+ up in line 1", Told::default()),
        (
            "web-1 up load=40\n",
            "+ up in line 1, load 40 %",
            Told { load: Some(40), ..Told::default() },
        ),
        ("# no\nweb-1 down\n", "- down in line 2", Told::default()),
        ("web-1 drain", "+ drain in line 1", Told { wish: Wish::Drain, ..Told::default() }),
        ("web-1 maint", "+ maint in line 1", Told { wish: Wish::Maintenance, ..Told::default() }),
        (
            "192.0.2.1 => DEGRADED/30",
            "+ degraded in line 1",
            Told { is_degraded: true, ..Told::default() },
        ),
        ("@ up", "+ up in line 1", Told::default()),
    ] {
        let new = folder.0.join("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(probe(&checker, &web).await, expected, "{text}");
        let found = checker.check(&web).await;
        assert!(matches!(found, Ok(Found { told: found, .. }) if found == told), "{text}");
    }
    // The same size, at once, in its place: the clock of the file system may not have moved.
    for (text, expected) in [("@ down", "- down in line 1"), ("@ up  ", "+ up in line 1")] {
        fs::write(&path, text).unwrap();
        let started = Instant::now();
        while probe(&checker, &web).await != expected {
            assert!(started.elapsed() < Duration::from_secs(30), "{text}");
            tokio::time::sleep(SETTLED / 4).await;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_used_leaves_what_was_known_and_says_so() {
    let folder = Folder::new("file-broken");
    let path = folder.0.join("states");
    let checker = Checker::new(Vec::new());
    let web = asking(&path, "web-1", Unlisted::Keep);
    let place = path.display();

    let found = probe(&checker, &web).await;
    let expected =
        format!("! the file {place} of a check cannot be used: no such file or directory");
    assert_eq!(found, expected);
    fs::write(&path, "root:$6$secret:19000:0:99999:7:::\n").unwrap();
    let expected = format!(
        "! the file {place} of a check cannot be used: line 1 does not say how a backend is, such as `web-1 up`"
    );
    assert_eq!(probe(&checker, &web).await, expected);

    fs::write(&path, "web-1 up\nweb-2 down\n").unwrap();
    assert_eq!(probe(&checker, &web).await, "+ up in line 1");
    let too_large = "#".repeat(usize::try_from(FILE_MAX).unwrap() + 1);
    let stale = |why: &str| format!("+ up in line 1; as it was, for {place} cannot be used: {why}");
    for (broken, why) in [
        (&b"web-1 down\nweb-2 do"[..], "line 2 does not say how a backend is, such as `web-1 up`"),
        (too_large.as_bytes(), "it has more than 1024 KiB"),
        (b"web-1 down\n\xff", "it is not text in UTF-8"),
    ] {
        fs::write(&path, broken).unwrap();
        assert_eq!(probe(&checker, &web).await, stale(why));
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(probe(&checker, &web).await, stale("no such file or directory"));
    fs::create_dir(&path).unwrap();
    assert_eq!(probe(&checker, &web).await, stale("it is not a file"));
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "web-1 down\n").unwrap();
    assert_eq!(probe(&checker, &web).await, "- down in line 1");
}

#[test]
fn a_file_that_could_not_be_read_is_read_again_though_it_is_the_same() {
    let folder = Folder::new("file-again");
    let path = folder.0.join("states");
    fs::write(&path, "web-1 up\n").unwrap();
    let written = fs::File::options().write(true).open(&path).unwrap();
    written.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let mut looked = Looked::default();
    // EMFILE, and EACCES until somebody gives the right.
    for error in [24, 13] {
        look_by(&path, &mut looked, |_| Err(io::Error::from_raw_os_error(error)));
        assert!(looked.said.trouble.is_some(), "{error}");
        // As if that had been a while ago.
        looked.at = looked.at.and_then(|at| at.checked_sub(SETTLED));
    }
    look(&path, &mut looked);
    assert!(looked.said.trouble.is_none() && looked.said.lines.is_some());
    // What it says is read once.
    look_by(&path, &mut looked, |_| panic!("it is another version"));
}

#[tokio::test]
async fn who_has_no_line_is_what_the_check_says_of_such() {
    let folder = Folder::new("file-unlisted");
    let path = folder.0.join("states");
    fs::write(&path, "web-2 up\n").unwrap();
    let checker = Checker::new(Vec::new());
    let place = path.display();
    let keep = format!("! the file {place} of a check has no line for web-1 or 192.0.2.1");
    for (unlisted, expected) in [
        (Unlisted::Keep, keep.as_str()),
        (Unlisted::Up, "+ up, without a line"),
        (Unlisted::Down, "- down, without a line"),
    ] {
        let found = probe(&checker, &asking(&path, "web-1", unlisted)).await;
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_file_that_no_target_asks_is_forgotten() {
    let folder = Folder::new("file-kept");
    let path = folder.0.join("states");
    fs::write(&path, "@ up\n").unwrap();
    let checker = Checker::new(Vec::new());
    let web = asking(&path, "web-1", Unlisted::Keep);
    assert_eq!(probe(&checker, &web).await, "+ up in line 1");
    fs::remove_file(&path).unwrap();
    checker.keep(std::slice::from_ref(&web));
    assert!(probe(&checker, &web).await.starts_with("+ up in line 1; as it was"));
    checker.keep(&[]);
    assert!(probe(&checker, &web).await.starts_with("! "));
}

#[tokio::test]
async fn a_file_that_nobody_writes_any_more_says_nothing() {
    let folder = Folder::new("file-old");
    let path = folder.0.join("states");
    let checker = Checker::new(Vec::new());
    let place = path.display();
    let old = |unlisted| {
        let name = Some("web-1".to_owned());
        let age_max = Some(Duration::from_secs(86_400));
        let check = FileCheck { path: path.clone(), name, unlisted, age_max };
        target("192.0.2.1:0".parse().unwrap(), CheckKind::File(check))
    };
    let why = "was not written for more than 86400s";
    for (unlisted, expected) in [
        (Unlisted::Keep, format!("! the file {place} of a check {why}")),
        (Unlisted::Up, format!("+ up, as {place} {why}")),
        (Unlisted::Down, format!("- down, as {place} {why}")),
    ] {
        fs::write(&path, "web-1 drain\n@ up\n").unwrap();
        assert_eq!(probe(&checker, &old(unlisted)).await, "+ drain in line 1");
        let written = fs::File::options().write(true).open(&path).unwrap();
        written.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(probe(&checker, &old(unlisted)).await, expected);
        // Without an age, however old it is.
        let ever = asking(&path, "web-1", unlisted);
        assert_eq!(probe(&checker, &ever).await, "+ drain in line 1");
    }
    // What is there now is no better than the last good version, and that is as old as it was.
    let new = folder.0.join("new");
    fs::write(&new, "nothing\n").unwrap();
    fs::rename(&new, &path).unwrap();
    assert_eq!(probe(&checker, &old(Unlisted::Up)).await, format!("+ up, as {place} {why}"));
}

#[tokio::test]
async fn a_pipe_is_no_file_and_nobody_waits_for_it() {
    let folder = Folder::new("file-pipe");
    let path = folder.0.join("states");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let found = probe(&Checker::new(Vec::new()), &asking(&path, "web-1", Unlisted::Up)).await;
    let expected =
        format!("! the file {} of a check cannot be used: it is not a file", path.display());
    assert_eq!(found, expected);
}

/// Whether the file that hangs does so no more, and how often it was looked at.
static ENDS: (Mutex<bool>, Condvar, AtomicUsize) =
    (Mutex::new(false), Condvar::new(), AtomicUsize::new(0));

#[tokio::test]
async fn a_file_that_hangs_holds_up_nobody_else() {
    fn hangs(path: &Path, looked: &mut Looked) {
        if path.ends_with("hangs") {
            ENDS.2.fetch_add(1, Ordering::Relaxed);
            drop(ENDS.1.wait_while(ENDS.0.lock().unwrap(), |ends| !*ends));
        }
        look(path, looked);
    }
    let folder = Folder::new("file-hangs");
    let [hanging, path] = ["hangs", "states"].map(|name| folder.0.join(name));
    fs::write(&hanging, "web-1 up\n").unwrap();
    fs::write(&path, "web-1 up\n").unwrap();
    let mut checker = Checker::new(Vec::new());
    checker.files.look = hangs;
    let asked = |path: &Path, timeout| {
        let mut target = asking(path, "web-1", Unlisted::Keep);
        Arc::make_mut(&mut target.check).timeout = timeout;
        target
    };
    let long = Duration::from_secs(30);
    let hanging = asked(&hanging, Duration::from_millis(50));
    let free = asked(&path, long);
    // A busy machine may notice the timeout too late to believe it.
    let is_held = |found: &str| {
        found.ends_with("cannot be used: it is not read within 50ms")
            || found.starts_with("! the prober was held up")
    };
    for _ in 0..3 {
        let (held, free) = tokio::join!(probe(&checker, &hanging), probe(&checker, &free));
        assert!(is_held(&held), "{held}");
        assert_eq!(free, "+ up in line 1");
    }
    assert_eq!(ENDS.2.load(Ordering::Relaxed), 1, "one thread for all who wait for it");
    *ENDS.0.lock().unwrap() = true;
    ENDS.1.notify_all();
    let mut patient = hanging.clone();
    Arc::make_mut(&mut patient.check).timeout = long;
    assert_eq!(probe(&checker, &patient).await, "+ up in line 1");
}

/// Whether those of a file system that is gone have their end.
static GONE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Gives them their end, also where a test fails: else it would wait for them.
struct Back;

impl Drop for Back {
    fn drop(&mut self) {
        *lock(&GONE.0) = true;
        GONE.1.notify_all();
    }
}

#[tokio::test]
async fn a_file_system_that_is_gone_holds_up_no_other() {
    fn hangs(path: &Path, looked: &mut Looked) {
        if path.ends_with("states") {
            return look(path, looked);
        }
        drop(GONE.1.wait_while(lock(&GONE.0), |ends| !*ends));
    }
    let _back = Back;
    let folder = Folder::new("file-gone");
    let path = folder.0.join("states");
    fs::write(&path, "web-1 up\n").unwrap();
    let mut checker = Checker::new(Vec::new());
    checker.files.look = hangs;
    let (short, long) = (Duration::from_millis(10), Duration::from_secs(30));
    for number in 0..=LOOKS_MAX {
        let gone = folder.0.join(format!("gone-{number}"));
        let said = checker.files.said(&gone, Deadline::after(short)).await;
        // A busy machine may notice the timeout too late to believe it.
        let is_late = |trouble| matches!(trouble, Trouble::Obstacle(Obstacle::Late(_)));
        assert!(said.map_or_else(is_late, |said| said.trouble.is_some()));
    }
    let free = checker.files.said(&path, Deadline::after(long)).await;
    assert!(free.is_ok_and(|said| said.trouble.is_none() && said.lines.is_some()));
}
