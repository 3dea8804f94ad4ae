//! A prober beside a server: what it finds is in the answers, what it does not find any more is told.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde_json::{Value, json};

use crate::asking::{Question, Way};
use crate::backends::Backends;
use crate::http::Http;
use crate::servers::{Folder, ROTADNS, Server, ZoneFile};
use crate::waiting::until;

const PATIENCE: Duration = Duration::from_secs(30);

/// A zone of these backends, each checked every 200 ms.
fn zone(backends: &Backends, count: usize) -> String {
    let addresses: Vec<String> =
        backends.addresses().iter().take(count).map(ToString::to_string).collect();
    format!(
        "zone: beside.example\nns: [ns1]\n\
         checks: {{web: {{http: {{port: {}, path: /healthz}}, interval: 200ms, fall: 2, rise: 2, fast_interval: 100ms}}}}\n\
         pools: {{web: {{check: web, backends: [{}]}}}}\n\
         records: {{ns1: {{A: 192.0.2.53}}, www: {{pool: web}}}}\n",
        backends.port(),
        addresses.join(", ")
    )
}

/// A server that does not probe, and its admin API.
pub(crate) fn serve(zone: &str, settings: &str) -> (Server, SocketAddr) {
    let settings = format!(
        "admin: {{listen: 127.0.0.1:0, socket: admin.sock}}\nprober: {{inside: false, lease: 1s, takeover: never{settings}}}\n"
    );
    let zones = [ZoneFile { name: "beside.example.yaml", text: zone }];
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &settings, &zones);
    let admin = server.admin();
    (server, admin)
}

/// A process of `rotadns probe`.
pub(crate) struct Probe {
    process: Child,
    folder: Folder,
}

impl Probe {
    pub(crate) fn start(name: &str, zone: &str, servers: &[SocketAddr]) -> Self {
        Self::start_with(name, zone, servers, "")
    }

    /// One with more in its config file.
    pub(crate) fn start_with(
        name: &str,
        zone: &str,
        servers: &[SocketAddr],
        settings: &str,
    ) -> Self {
        let folder = Folder::new();
        folder.write("zones/beside.example.yaml", zone);
        let servers: Vec<String> =
            servers.iter().map(|server| format!("{{server: \"http://{server}\"}}")).collect();
        let config = format!(
            "zones: zones\nfeed: {{name: {name}, to: [{}]}}\n{settings}",
            servers.join(", ")
        );
        folder.write("probe.yaml", &config);
        let process = Self::spawn(&folder);
        Self { process, folder }
    }

    fn spawn(folder: &Folder) -> Child {
        let output = File::create(folder.path.join("output")).expect("a file for what it says");
        let mut command = Command::new(ROTADNS);
        command.arg("probe").arg("--config").arg(folder.path.join("probe.yaml"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        command.spawn().expect("the binary that is tested")
    }

    fn start_again(&mut self) {
        self.process = Self::spawn(&self.folder);
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.folder.path.join("output")).unwrap_or_default()
    }

    fn wait_until_it_says(&self, words: &str) {
        until(words, PATIENCE, || self.said().contains(words).then_some(()));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("our own child");
    }

    /// Stops it in the middle of what it does, until it is told to go on.
    fn pause(&self) {
        self.signal(Signal::STOP);
        let stopped = waitpid(Some(Pid::from_child(&self.process)), WaitOptions::UNTRACED);
        assert!(stopped.expect("our own child").is_some_and(|(_, status)| status.stopped()));
    }

    fn kill(&mut self) {
        self.process.kill().expect("our own child");
        self.process.wait().expect("our own child");
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // One that was killed is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The last bytes of the addresses that are handed out.
fn answers(server: &Server) -> Vec<String> {
    let question = Question::new("www.beside.example.", RecordType::A);
    let answer = server.client().answer(&question, Way::Udp { payload: None });
    let last = |record: &String| record.rsplit('.').next().unwrap_or_default().to_owned();
    answer.answers.iter().map(last).collect()
}

fn wait_for_answers(server: &Server, expected: &[&str]) {
    until(&format!("answers with {expected:?}"), PATIENCE, || {
        (answers(server) == expected).then_some(())
    });
}

/// What the admin API says of each prober. By its socket: who looks so often has no room left over TCP.
fn look(server: &Server) -> Value {
    Http::unix(server.file("admin.sock")).get("/v1/probers").json()
}

/// The state of each prober.
fn probers(server: &Server) -> Vec<(String, String)> {
    let Value::Array(probers) = look(server) else { panic!("a list of probers") };
    let text = |prober: &Value, key: &str| prober[key].as_str().unwrap_or_default().to_owned();
    probers.iter().map(|prober| (text(prober, "name"), text(prober, "state"))).collect()
}

fn wait_for_prober(server: &Server, name: &str, state: &str) {
    until(&format!("{name} is {state}"), PATIENCE, || {
        probers(server).contains(&(name.to_owned(), state.to_owned())).then_some(())
    });
}

#[test]
fn what_a_prober_beside_finds_is_in_the_answers_of_each_server() {
    let mut backends = Backends::start([127, 7, 1], 2);
    let zone = zone(&backends, 2);
    let (mut first, first_admin) = serve(&zone, "");
    let (second, second_admin) = serve(&zone, "");
    let mut probe = Probe::start("probe-1", &zone, &[first_admin, second_admin]);
    for server in [&first, &second] {
        wait_for_prober(server, "probe-1", "live");
    }
    backends.kill(0);
    for server in [&first, &second] {
        wait_for_answers(server, &["2"]);
    }

    // A server that is gone holds up no other.
    first.kill();
    probe.wait_until_it_says("the server cannot be reached");
    backends.revive(0);
    wait_for_answers(&second, &["1", "2"]);

    // A prober that is gone is told, and what it said is held.
    backends.kill(1);
    wait_for_answers(&second, &["1"]);
    probe.kill();
    wait_for_prober(&second, "probe-1", "lost");
    backends.revive(1);
    assert_eq!(answers(&second), ["1"]);

    // It is back, and says everything anew.
    probe.start_again();
    wait_for_prober(&second, "probe-1", "live");
    wait_for_answers(&second, &["1", "2"]);

    probe.signal(Signal::TERM);
    let status = probe.process.wait().expect("our own child");
    assert!(status.success(), "{status}: {}", probe.said());
}

#[test]
fn a_server_that_begins_anew_is_told_everything() {
    let mut backends = Backends::start([127, 7, 2], 2);
    let zone = zone(&backends, 2);
    let mut server = Server::rotadns_with(
        &[Ipv4Addr::LOCALHOST.into()],
        "admin: {listen: 127.0.0.1:0}\nprober: {inside: false, lease: 1s, takeover: never}\n",
        &[ZoneFile { name: "beside.example.yaml", text: &zone }],
    );
    // The same port again after the restart.
    let admin = server.admin();
    let config = fs::read_to_string(server.file("rotadns.yaml")).expect("its config file");
    let config = config.replace("127.0.0.1:0", &admin.to_string());
    fs::write(server.file("rotadns.yaml"), config).expect("its config file");
    let probe = Probe::start("probe-1", &zone, &[admin]);
    backends.kill(1);
    wait_for_answers(&server, &["1"]);
    // The prober misses the restart but for the connection that it loses: one failure is no news yet, so it meets a
    // server that does not know its session. Two would be one that cannot be reached.
    probe.pause();
    server.kill();
    backends.revive(1);
    backends.kill(0);
    server.start_again();
    probe.signal(Signal::CONT);
    wait_for_answers(&server, &["2"]);
    probe.wait_until_it_says("telling everything anew, as the server says");
    assert!(!probe.said().contains("cannot be reached"), "{}", probe.said());
}

#[test]
fn another_version_of_the_zone_is_told_once_and_harms_nothing() {
    let mut backends = Backends::start([127, 7, 3], 3);
    // The server has the first two, the prober the last two besides.
    let (server, admin) = serve(&zone(&backends, 2), "");
    let probe = Probe::start("probe-1", &zone(&backends, 3), &[admin]);
    probe.wait_until_it_says("the server does not know 1 of our 3 targets and has 0 others");
    backends.kill(0);
    wait_for_answers(&server, &["2"]);
    let prober = until("the unknown target is counted", PATIENCE, || {
        let probers = look(&server);
        (probers[0]["unknown"] == 1).then_some(probers[0].clone())
    });
    assert_eq!((&prober.0["targets"], &prober.0["missing"]), (&json!(2), &json!(0)));

    // The prober reads its new files, and they agree.
    let file = probe.folder.path.join("zones/beside.example.yaml");
    fs::write(&file, zone(&backends, 2)).expect("its own file");
    probe.signal(Signal::HUP);
    probe.wait_until_it_says("the server has the same targets as this prober again");
    let told = probe.said().matches("another version of the zone files").count();
    assert_eq!(told, 1, "{}", probe.said());
}

#[test]
fn a_feed_is_refused_with_a_reason() {
    let folder = Folder::new();
    let tokens = folder.write(
        "tokens",
        "read r read-read-read-read\nfeed probe-1 feed-feed-feed-feed\noperate o operate-operate-operate\n",
    );
    let backends = Backends::start([127, 7, 4], 1);
    let settings = format!(
        "admin: {{listen: 127.0.0.1:0, tokens: {}}}\nprober: {{inside: false}}\n",
        tokens.display()
    );
    let text = zone(&backends, 1);
    let zones = [ZoneFile { name: "beside.example.yaml", text: &text }];
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &settings, &zones);
    let http = Http::new(server.admin());
    let batch = |prober: &str, sequence: u64, part: &str| json!({"version": 1, "prober": prober, "session": 7, "sequence": sequence, "part": part, "reports": []});
    for (token, body, status, error) in [
        ("read-read-read-read", batch("probe-1", 0, "whole_end"), 403, "the role `feed`"),
        ("operate-operate-operate", batch("o", 0, "whole_end"), 403, "the role `feed`"),
        (
            "feed-feed-feed-feed",
            batch("probe-2", 0, "whole_end"),
            403,
            "the token is for the prober `probe-1`",
        ),
        ("feed-feed-feed-feed", batch("probe-1", 3, "news"), 409, "this session is new here"),
        ("feed-feed-feed-feed", json!({"prober": "probe-1"}), 422, "`version` is missing"),
    ] {
        let answer = http.bearer(token).post("/v1/feed", &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        assert!(answer.error().contains(error), "{body}: {}", answer.body);
    }
    let feed = http.bearer("feed-feed-feed-feed");
    let taken = feed.post("/v1/feed", &batch("probe-1", 0, "whole_end"));
    assert_eq!(taken.status, 200, "{}", taken.body);
    let taken = taken.json();
    assert_eq!((&taken["next"], &taken["lease_ms"]), (&json!(1), &json!(10_000)));
    assert_eq!((&taken["missing"], &taken["again"]), (&json!(1), &json!(false)));
    let gap = feed.post("/v1/feed", &batch("probe-1", 3, "news"));
    assert_eq!((gap.status, &gap.json()["next"]), (409, &json!(1)));
}

#[test]
fn a_prober_says_what_it_lacks() {
    let folder = Folder::new();
    for (config, error) in [
        ("zones: zones\n", "says nothing of `feed`"),
        (
            "feed: {name: a, to: [{server: 'http://127.0.0.1:1', token: gone}]}\n",
            "gone: the token cannot be read",
        ),
        (
            "feed: {name: a b, to: [{server: 'http://127.0.0.1:1'}]}\n",
            "probe.yaml:1:14: `a b` is not",
        ),
    ] {
        let file = folder.write("probe.yaml", config);
        let output = Command::new(ROTADNS).arg("probe").arg("--config").arg(file).output();
        let output = output.expect("the binary that is tested");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(error), "{said}");
    }
}
