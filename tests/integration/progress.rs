//! What a command shows of how far it is: on a terminal alone, after a second, and gone when it is over.
//!
//! The terminal is util-linux's `script`; what its cursor is told to do is done to lines of text.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::backends::{Backends, Mood};
use crate::servers::{Folder, ROTADNS, free_port};
use crate::waiting::{now, until};

const PATIENCE: Duration = Duration::from_secs(30);
/// What is to show nothing is given more than the second after which it would.
const LONG: Duration = Duration::from_millis(1_500);

/// A command with a terminal of its own, or without.
struct Typed {
    process: Child,
    output: PathBuf,
}

impl Typed {
    /// On a terminal. Whether these tests run in CI is no matter.
    fn on_terminal(folder: &Folder, name: &str, command: &str, variables: &[(&str, &str)]) -> Self {
        let mut script = Command::new("script");
        let command = format!("exec {ROTADNS} {command}");
        script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
        script
            .env_remove("CI")
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied());
        Self::start(script, folder.path.join(name))
    }

    fn piped(folder: &Folder, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(ROTADNS);
        command.args(arguments).env_remove("CI");
        Self::start(command, folder.path.join(name))
    }

    fn start(mut command: Command, output: PathBuf) -> Self {
        let file = File::create(&output).expect("a file for what it says");
        let both = file.try_clone().expect("one file for both streams");
        let process = command.stdin(Stdio::null()).stdout(file).stderr(both).spawn();
        Self { process: process.expect("it starts"), output }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    fn wait_to_say(&self, what: &str) {
        until(&format!("it says {what:?}"), PATIENCE, || self.said().contains(what).then_some(()));
    }

    /// The process that `script` has become the parent of.
    fn child(&self) -> Pid {
        let id = self.process.id();
        let children = format!("/proc/{id}/task/{id}/children");
        let (pid, _) = until("it has a child", PATIENCE, || {
            fs::read_to_string(&children).ok()?.split_whitespace().next()?.parse().ok()
        });
        Pid::from_raw(pid).expect("a process")
    }

    /// Whether it ended well, once it has.
    fn end(&mut self) -> bool {
        let ended = || self.process.try_wait().expect("our own child");
        until("it ends", PATIENCE, ended).0.success()
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        // It may have ended already; with its terminal goes what runs there.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The lines that stand on a terminal after it was told this.
fn seen(told: &str) -> Vec<String> {
    let (mut lines, mut row, mut column) = (vec![Vec::new()], 0_usize, 0_usize);
    let mut letters = told.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), Vec::new());
            }
            '\r' => column = 0,
            '\u{1b}' => {
                // ESC, a bracket, a number and a letter (ECMA-48 §5.4).
                let mut number = String::new();
                let what = letters.by_ref().skip(1).find(|letter| {
                    let is_letter = letter.is_ascii_alphabetic();
                    number.extend((!is_letter).then_some(*letter));
                    is_letter
                });
                match (what, number.parse::<usize>().ok()) {
                    (Some('A'), rows) => row = row.saturating_sub(rows.unwrap_or(1)),
                    (Some('K'), Some(2)) => lines[row].clear(),
                    (Some('K'), None) => lines[row].truncate(column),
                    (Some('m'), _) => {}
                    other => panic!("the cursor is told {other:?}: {told:?}"),
                }
                lines.resize(lines.len().max(row + 1), Vec::new());
            }
            letter => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = letter;
                column += 1;
            }
        }
    }
    let lines = lines.into_iter().map(|line| line.into_iter().collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// A server that does not answer before it is told to.
struct Slow(TcpListener);

impl Slow {
    fn new() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"))
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it listens")
    }

    /// The next who asks for a reload.
    fn asked(&self) -> TcpStream {
        let (stream, _) = self.0.accept().expect("somebody asks");
        let mut lines = BufReader::new(&stream).lines();
        let head = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty());
        assert!(head.count() > 0, "a request");
        stream
    }

    fn answer(mut stream: TcpStream) {
        let body = r#"{"added":[],"changed":[],"removed":[],"unchanged":1,"mistakes":[]}"#;
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
        write!(stream, "{head}content-length: {length}\r\n\r\n{body}")
            .expect("it reads the answer");
    }
}

#[test]
fn who_waits_on_a_terminal_sees_for_what_until_it_is_there() {
    let (folder, server) = (Folder::new(), Slow::new());
    let at = server.address();
    let mut reload = Typed::on_terminal(&folder, "reload", &format!("reload --admin {at}"), &[]);
    let asked = server.asked();
    let waits = format!("waiting for the server at {at}");
    until("it says what it waits for", PATIENCE, || {
        seen(&reload.said()).iter().any(|line| line.contains(&waits)).then_some(())
    });
    Slow::answer(asked);
    assert!(reload.end());
    assert_eq!(seen(&reload.said()), ["1 zone unchanged"]);
}

#[test]
fn nothing_is_shown_where_nobody_watches() {
    let (folder, server) = (Folder::new(), Slow::new());
    let at = server.address().to_string();
    let reload = format!("reload --admin {at}");
    let mut all = [
        Typed::piped(&folder, "piped", &["reload", "--admin", &at]),
        Typed::on_terminal(&folder, "ci", &reload, &[("CI", "true")]),
        Typed::on_terminal(&folder, "dumb", &reload, &[("TERM", "dumb")]),
        Typed::on_terminal(&folder, "machine", &format!("{reload} --json"), &[]),
    ];
    let asked = [(); 4].map(|()| server.asked());
    let began = now();
    until("it would be shown", PATIENCE, || (began.elapsed() > LONG).then_some(()));
    for waiting in asked {
        Slow::answer(waiting);
    }
    for typed in &mut all {
        assert!(typed.end());
        let said = typed.said();
        assert!(!said.contains('\u{1b}') && !said.contains("waiting"), "{said:?}");
        assert!(said.contains("unchanged"), "{said:?}");
    }
}

#[test]
fn a_start_shows_how_many_targets_are_checked_below_the_log() {
    let folder = Folder::new();
    let mut backends = Backends::start([127, 61, 21], 2);
    backends.set(1, Mood::Hang);
    let [well, hangs] = backends.addresses() else { unreachable!("two were started") };
    let zone = format!(
        "\
zone: slow.example
ns: [ns1]
checks: {{app: {{http: {{port: {}, path: /healthz}}, interval: 60s, timeout: 50s, fall: 1}}}}
pools: {{web: {{check: app, backends: [{well}, {hangs}]}}}}
records: {{ns1: {{A: 192.0.2.53}}, www: {{pool: web}}}}
",
        backends.port()
    );
    folder.write("zones/slow.example.yaml", &zone);
    let config = format!(
        "listen: \"127.0.0.1:{}\"\nzones: {}\nstate: {}\nadmin: off\nprober: {{first_round: 50s}}\n",
        free_port(),
        folder.path.join("zones").display(),
        folder.path.join("state").display(),
    );
    let config = folder.write("rotadns.yaml", &config);
    let command = format!("serve --config {}", config.display());
    let mut server = Typed::on_terminal(&folder, "serve", &command, &[]);
    let is_shown = |line: &String| line.contains("1 of 2 targets checked for the first time");
    until("it says how far it is", PATIENCE, || {
        seen(&server.said()).last().is_some_and(is_shown).then_some(())
    });
    let pid = server.child();
    kill_process(pid, Signal::HUP).expect("our own child");
    // The line is drawn again below what was logged.
    until("it logs above that", PATIENCE, || {
        let lines = seen(&server.said());
        let logged = lines.iter().any(|line| line.ends_with("reloading, as asked by SIGHUP"));
        (logged && lines.last().is_some_and(is_shown)).then_some(())
    });
    // What it waits for is refused, which is an outcome.
    backends.kill(1);
    server.wait_to_say("serving listen=");
    kill_process(pid, Signal::TERM).expect("our own child");
    assert!(server.end());
    let lines = seen(&server.said());
    assert!(lines.iter().all(|line| line.contains("INFO") || line.contains("WARN")), "{lines:#?}");
    for once in ["zone loaded", "reloading, as asked by SIGHUP", "serving listen="] {
        let times = lines.iter().filter(|line| line.matches(once).count() == 1).count();
        assert_eq!(times, 1, "{once}: {lines:#?}");
    }
}

#[test]
fn a_terminal_shows_what_its_cursor_left() {
    for (told, expected) in [
        ("a\r\nb\r\n", &["a", "b"][..]),
        ("waiting\r\u{1b}[2Kdone\r\n", &["done"]),
        ("one\r\ntwo\u{1b}[1A\r\u{1b}[2Kthree", &["three", "two"]),
        ("long line\rshort\u{1b}[K", &["short"]),
    ] {
        assert_eq!(seen(told), expected, "{told:?}");
    }
}
