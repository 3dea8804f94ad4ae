//! How an init system sees the server: when it is ready, whether it is alive, that it stops; and the unit
//! that is packaged.

use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use rustix::process::{Pid, Signal, kill_process};

use crate::asking::{Question, Way};
use crate::servers::{Folder, ROTADNS, Server, free_port};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pings come three times in that time.
const WATCHDOG: Duration = Duration::from_millis(300);

const ZONE: &str = "zone: example.com\nns: [ns1]\nrecords: {ns1: {A: 192.0.2.53}}\n";

/// What systemd listens on.
struct Supervisor(UnixDatagram);

impl Supervisor {
    /// A server with one zone under this supervisor, with further variables set.
    fn start(folder: Folder, variables: &[(&str, String)]) -> (Self, Server) {
        let at = folder.path.join("notify");
        let socket = UnixDatagram::bind(&at).expect("a path of our own");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time that is not zero");
        folder.write("zones/example.com.yaml", ZONE);
        let port = free_port();
        let mut command = Self::command(&folder.path, port);
        command.env("NOTIFY_SOCKET", &at).envs(variables.iter().map(|(name, value)| (name, value)));
        (Self(socket), Server::start("rotadns", command, port, folder))
    }

    /// The command of a server that nobody supervises.
    fn command(folder: &Path, port: u16) -> Command {
        let mut command = Command::new(ROTADNS);
        command
            .args([
                "serve",
                "--admin",
                "off",
                "--listen",
                &format!("{}:{port}", Ipv4Addr::LOCALHOST),
            ])
            .arg("--zones")
            .arg(folder.join("zones"))
            .env("STATE_DIRECTORY", folder.join("state"));
        command
    }

    /// What is heard next.
    fn hear(&self) -> String {
        let mut message = [0; 512];
        let length = self.0.recv(&mut message).expect("something is said in time");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }
}

#[test]
fn ready_is_said_once_it_answers_and_stopping_when_it_ends() {
    let (supervisor, mut server) = Supervisor::start(Folder::new(), &[]);
    let said = supervisor.hear();
    assert!(said.contains("READY=1\n"), "{said}");
    let status = format!("STATUS=serving 1 zones on 127.0.0.1:{}\n", server.port());
    assert!(said.contains(&status), "{said}");
    // Once: whoever waits for READY=1 may ask at once.
    let question = Question::new("ns1.example.com.", RecordType::A);
    let answer = server.client().answer(&question, Way::Udp { payload: None });
    assert_eq!(answer.answers.len(), 1, "{answer:?}");

    assert!(server.stop().success());
    assert_eq!(supervisor.hear(), "STOPPING=1\n");
}

#[test]
fn a_watchdog_hears_that_it_is_alive_for_as_long_as_it_is() {
    let patience = WATCHDOG.as_micros().to_string();
    let (supervisor, mut server) = Supervisor::start(Folder::new(), &[("WATCHDOG_USEC", patience)]);
    assert!(supervisor.hear().contains("READY=1\n"));
    for _ in 0..5 {
        assert_eq!(supervisor.hear(), "WATCHDOG=1\n");
    }
    assert!(server.stop().success());
    // Some may have been on their way.
    let after = std::iter::repeat_with(|| supervisor.hear()).find(|said| said != "WATCHDOG=1\n");
    assert_eq!(after.as_deref(), Some("STOPPING=1\n"));
}

#[test]
fn a_watchdog_of_another_process_hears_nothing() {
    let patience = WATCHDOG.as_micros().to_string();
    let another = [("WATCHDOG_USEC", patience), ("WATCHDOG_PID", "1".to_owned())];
    let (supervisor, mut server) = Supervisor::start(Folder::new(), &another);
    assert!(supervisor.hear().contains("READY=1\n"));
    assert!(server.stop().success());
    assert_eq!(supervisor.hear(), "STOPPING=1\n", "and no ping before");
}

#[test]
fn who_takes_the_place_is_named_by_the_one_before_and_supervised_instead_of_it() {
    let patience = WATCHDOG.as_micros().to_string();
    let (supervisor, mut server) = Supervisor::start(Folder::new(), &[("WATCHDOG_USEC", patience)]);
    assert!(supervisor.hear().contains("READY=1\n"));
    let next = |wanted: &str| {
        // Pings of either may come in between.
        let said = std::iter::repeat_with(|| supervisor.hear()).find(|said| said != "WATCHDOG=1\n");
        let said = said.expect("it goes on for ever");
        assert!(said.contains(wanted), "{wanted}: {said}");
    };
    let mut new = Supervisor::command(&server.file(""), server.port());
    let mut new = new.arg("--replace").spawn().expect("the binary that is tested");
    next(&format!("MAINPID={}\n", new.id()));
    next("READY=1\n");
    // The one before ends without a word; else the service would count as stopping.
    assert!(server.wait().success());
    for _ in 0..3 {
        assert_eq!(supervisor.hear(), "WATCHDOG=1\n");
    }
    kill_process(Pid::from_child(&new), Signal::TERM).expect("our own child");
    next("STOPPING=1\n");
    assert!(new.wait().expect("our own child").success());
}

/// What systemd-analyze says of a unit, with the service beside it and the binary that is tested in place of the installed one.
fn analyze(arguments: &[&str], unit: &str) -> Option<(bool, String)> {
    let folder = Folder::new();
    let packaging = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    for file in ["rotadns.service", "examples/rotadns.socket"] {
        let text = std::fs::read_to_string(packaging.join(file)).expect("the unit");
        let name = file.rsplit('/').next().unwrap_or(file);
        folder.write(name, &text.replace("/usr/bin/rotadns", ROTADNS));
    }
    let file = folder.path.join(unit);
    let output = Command::new("systemd-analyze").args(arguments).arg(file).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    for unit in ["rotadns.service", "rotadns.socket"] {
        let verify = ["verify", "--man=no", "--recursive-errors=no"];
        let Some((fine, said)) = analyze(&verify, unit) else {
            eprintln!("NOT CHECKED: there is no systemd-analyze here (Debian package systemd)");
            return;
        };
        assert!(fine, "{said}");
        // It warns of keys that it does not know, and ends well.
        assert!(!said.contains("rotadns.s"), "{said}");
    }
}

/// In tenths, as systemd-analyze takes it: below 2.0.
const EXPOSURE_MAX: &str = "--threshold=19";

#[test]
fn the_unit_leaves_little_exposed() {
    let security = ["security", "--offline=true", EXPOSURE_MAX];
    let Some((fine, said)) = analyze(&security, "rotadns.service") else {
        eprintln!("NOT CHECKED: there is no systemd-analyze here (Debian package systemd)");
        return;
    };
    assert!(fine, "{said}");
}
