//! `HAProxy`, whose protocol our agent check speaks: both ask one agent, and are compared after each line that it says.

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::agent::Agent;
use crate::http::Http;
use crate::servers::{Folder, Server, ZoneFile, free_port_of, installed};
use crate::waiting::{PATIENCE, until, until_or};

/// What the agent says, one line after the other, and what both make of it: the side, what it wishes for, and its part of new
/// connections, or answers, in percent, where another server without an agent has the same weight.
const LINES: &[(&str, &str)] = &[
    ("up ready 100%", "up, 50 %"),
    // The side.
    ("down", "down, 0 %"),
    ("up", "up, 50 %"),
    ("stopped", "down, 0 %"),
    ("75%", "down, 0 %"),
    ("up", "up, 43 %"),
    ("fail # disk full", "down, 0 %"),
    ("ready", "down, 0 %"),
    ("UP 100%", "up, 50 %"),
    // The share.
    ("75%", "up, 43 %"),
    ("up 50%", "up, 33 %"),
    ("up", "up, 33 %"),
    ("25%\tup", "up, 20 %"),
    ("10% 30%", "up, 23 %"),
    ("1%", "up, 1 %"),
    ("200%", "up, 67 %"),
    ("0%", "up, drain, 0 %"),
    ("up", "up, drain, 0 %"),
    ("ready", "up, drain, 0 %"),
    ("100%", "up, 50 %"),
    // What it wishes for.
    ("drain", "up, drain, 0 %"),
    ("up", "up, drain, 0 %"),
    ("up 50%", "up, drain, 0 %"),
    ("down", "down, drain, 0 %"),
    ("up", "up, drain, 0 %"),
    ("ready", "up, 33 %"),
    ("ready 100%", "up, 50 %"),
    ("maint", "maint, 0 %"),
    ("up", "maint, 0 %"),
    ("75%", "maint, 0 %"),
    ("drain", "up, drain, 0 %"),
    ("maint", "maint, 0 %"),
    ("ready", "up, 43 %"),
    ("down maint", "maint, 0 %"),
    ("ready up", "up, 43 %"),
    // Several words in one line.
    ("up, ready, 100%", "up, 50 %"),
    ("drain down 50%", "down, drain, 0 %"),
    ("ready up 100%", "up, 50 %"),
    ("up down", "down, 0 %"),
    ("down up", "up, 50 %"),
    ("drain ready", "up, 50 %"),
    ("up # down maint 5%", "up, 50 %"),
    ("up maxconn:30", "up, 50 %"),
    // What means nothing.
    ("", "up, 50 %"),
    ("hello", "up, 50 %"),
    ("-5%", "up, 50 %"),
    ("75%x", "up, 50 %"),
    ("7.5%", "up, 50 %"),
    ("%", "up, 50 %"),
    ("hello drain", "up, drain, 0 %"),
    ("ready", "up, 50 %"),
    ("up,down", "down, 0 %"),
    ("up#down", "down, 0 %"),
    ("50", "down, 0 %"),
    // A side outlives maintenance.
    ("maint", "maint, 0 %"),
    ("Ready", "down, 0 %"),
    ("up", "up, 50 %"),
    ("maint down", "maint, 0 %"),
    ("ready", "down, 0 %"),
    ("drain maint", "maint, 0 %"),
    ("maint drain up", "up, drain, 0 %"),
    ("0%", "up, drain, 0 %"),
    ("100%", "up, drain, 0 %"),
    ("READY", "up, 50 %"),
];

/// Where we differ by design, which docs/checks.md says: the weight of both servers, what the agent says with the end of its
/// line, what `HAProxy` makes of it and what we do, and why.
const DIFFERENT: &[(u16, &str, &str, &str, &str)] = &[
    (100, "up ready 100%\n", "up, 50 %", "up, 50 %", "both begin so"),
    (100, "300%\n", "up, 72 %", "up, 75 %", "weights end at 256 there"),
    (100, "5000%\n", "up, 72 %", "up, 91 %", "ours at ten times the file's"),
    (100, "100%\n", "up, 50 %", "up, 50 %", ""),
    (100, "failed\n", "up, 50 %", "down, 0 %", "`failed` is no word there"),
    (100, "up\n", "up, 50 %", "up, 50 %", ""),
    (100, "drain", "up, 50 %", "down, 0 %", "a line that is cut short is passed over there"),
    (100, "ready\n", "up, 50 %", "up, 50 %", ""),
    (100, "", "up, 50 %", "down, 0 %", "another check is to see whether it is there"),
    (1, "up ready 75%\n", "up, drain, 0 %", "up, 43 %", "parts of a weight of 1 are nothing there"),
];

/// `HAProxy` with both servers.
struct HaProxy {
    _server: Server,
    socket: PathBuf,
}

impl HaProxy {
    /// The first server has the agent, the second has none.
    fn start([with, without]: [Ipv4Addr; 2], agent: u16, weight: u16) -> Self {
        let folder = Folder::new();
        let socket = folder.path.join("stats");
        let config = format!(
            "global\n  stats socket {socket} level admin\n\
             defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\n\
             backend web\n  balance roundrobin\n  \
             server a {with}:{agent} weight {weight} agent-check agent-inter 100ms agent-port {agent} agent-send haproxy\\n\n  \
             server b {without}:{agent} weight {weight}\n",
            socket = socket.display(),
        );
        let mut command = Command::new(installed("haproxy", "haproxy"));
        command.arg("-db").arg("-f").arg(folder.write("haproxy.cfg", &config));
        let server = Server::start("haproxy", command, agent, folder);
        until("HAProxy's socket is there", PATIENCE, || UnixStream::connect(&socket).ok());
        Self { _server: server, socket }
    }

    /// Where the server with the agent stands, by `show servers state`.
    fn state(&self) -> String {
        let said = ask(&self.socket, "show servers state web");
        let mut lines = said.lines().skip(1);
        let names = lines.next().expect("a line of names").trim_start_matches("# ");
        let rows: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
        let field = |server: usize, name: &str| -> u32 {
            let place = names.split(' ').position(|known| known == name).expect("it is told");
            rows[server][place].parse().expect("a number")
        };
        let admin = field(0, "srv_admin_state");
        let [own, other] = [0, 1].map(|server| field(server, "srv_uweight"));
        let is_up = field(0, "srv_op_state") > 0;
        // By its management guide: 0x01 is forced maintenance, 0x08 forced drain. A weight of 0 takes no connections either.
        let wish = match (admin & 0x01, admin & 0x08, own) {
            (1, ..) => Some("maint"),
            (_, 0x08, _) | (.., 0) => Some("drain"),
            _ => None,
        };
        text(is_up, wish, f64::from(own) / f64::from(own + other))
    }
}

fn ask(socket: &Path, command: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("it listens");
    stream.write_all(format!("{command}\n").as_bytes()).expect("it reads");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("it answers");
    said
}

/// Where the backend with the agent stands, by the admin API.
fn state(api: &Http) -> String {
    let backend = &api.get("/v1/backends/x.example/web/a").json();
    let address = &backend["addresses"][0];
    let reason = backend["reason"].as_str().expect("a text");
    let wish = match address["basis"].as_str() {
        Some("asked") if reason.starts_with("it asks to be drained") => Some("drain"),
        Some("asked") => Some("maint"),
        _ => None,
    };
    let is_up = address["reports"][0]["side"] == "up";
    text(is_up, wish, backend["share_due"].as_f64().expect("a share"))
}

/// As the table has it. In maintenance `HAProxy` looks at no side.
fn text(is_up: bool, wish: Option<&str>, share: f64) -> String {
    let side = if is_up { "up" } else { "down" };
    let share = if is_up && wish.is_none() { 100.0 * share } else { 0.0 };
    match wish {
        Some("maint") => format!("maint, {share:.0} %"),
        Some(wish) => format!("{side}, {wish}, {share:.0} %"),
        None => format!("{side}, {share:.0} %"),
    }
}

/// An agent, and both that ask it.
struct Both {
    agent: Agent,
    haproxy: HaProxy,
    _server: Server,
    api: Http,
}

impl Both {
    /// With an agent at `network`.1, and this weight for both servers.
    fn start([a, b, c]: [u8; 3], weight: u16) -> Self {
        let servers = [1, 2].map(|host| Ipv4Addr::new(a, b, c, host));
        let port = free_port_of(&servers.map(Into::into));
        let agent = Agent::start(servers[0], port);
        let haproxy = HaProxy::start(servers, port, weight);
        let [with, without] = servers;
        let zone = format!(
            "zone: x.example\nns: [ns.example.net.]\n\
             checks: {{own: {{agent: {{port: {port}, send: 'rotadns\\n'}}, interval: 100ms, rise: 1, fall: 1}}}}\n\
             pools: {{web: {{policy: weighted, check: own, backends: {{a: {{address: {with}, weight: {weight}}}, \
             b: {{address: {without}, weight: {weight}, check: off}}}}}}}}\nrecords: {{w: {{pool: web}}}}\n",
        );
        let zones = [ZoneFile { name: "x.example.yaml", text: &zone }];
        let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &zones);
        let api = Http::unix(server.file("admin.sock"));
        Self { agent, haproxy, _server: server, api }
    }

    /// Has both hear these words, and waits until `HAProxy` and we make of them what is expected.
    fn hear(&self, words: &str, theirs: &str, ours: &str) {
        self.agent.say(words, &["haproxy", "rotadns"]);
        // A machine that is busy may keep one of them from hearing the agent for once.
        until_or(&format!("{theirs:?} and {ours:?} after {words:?}"), || {
            let found = (self.haproxy.state(), state(&self.api));
            if (&*found.0, &*found.1) == (theirs, ours) {
                Ok(())
            } else {
                Err(format!("{found:?}"))
            }
        });
    }
}

#[test]
fn one_agent_means_the_same_to_haproxy_and_to_us() {
    let both = Both::start([127, 6, 1], 100);
    for &(line, expected) in LINES {
        both.hear(&format!("{line}\n"), expected, expected);
    }
}

#[test]
fn where_we_differ_from_haproxy_is_by_design() {
    let worlds = [(100, [127, 6, 2]), (1, [127, 6, 3])];
    for (weight, network) in worlds {
        let both = Both::start(network, weight);
        for &(_, words, theirs, ours, _) in DIFFERENT.iter().filter(|row| row.0 == weight) {
            both.hear(words, theirs, ours);
        }
        // Who cannot be reached is still what it was last there, as another check is meant to tell.
        let before = both.haproxy.state();
        both.agent.stop();
        until("both have seen that nobody listens", PATIENCE, || {
            let row = ask(&both.haproxy.socket, "show stat web 4 -1");
            let has_seen =
                row.lines().any(|line| line.starts_with("web,a,") && line.contains("L4CON"));
            (has_seen && state(&both.api) == "down, 0 %").then_some(())
        });
        assert_eq!(both.haproxy.state(), before);
    }
}
