//! The world that is broken: servers, probers and backends, each on a machine of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use serde_json::Value;

use super::{BACKENDS, CHECK, DETECTION, LEASE, PATIENCE, PROBERS, SERVERS, SLACK, Within};
use crate::asking::{Client, Question, Way};
use crate::http::Http;
use crate::net::Network;
use crate::servers::{Folder, ROTADNS};
use crate::waiting::{now, until};

/// Who asks.
const CLIENT: &str = "client";

/// Servers, probers and backends, each on a machine of its own.
pub(super) struct World {
    // Before the network and the folder: what runs ends first.
    running: Vec<(String, Child)>,
    pub(super) clients: Vec<Client>,
    pub(super) network: Network,
    folder: Folder,
}

impl World {
    pub(super) fn try_new() -> Option<Self> {
        let mut network = Network::try_new()?;
        for (name, host) in addresses() {
            network.add(&name, host);
        }
        let ask = || SERVERS.map(|(name, ..)| Client::new((address(name), 53).into()));
        let clients = network.within(CLIENT, ask).into();
        let world = Self { running: Vec::new(), clients, network, folder: Folder::new() };
        world.write();
        Some(world)
    }

    fn write(&self) {
        let keys = self.folder.path.join("keys");
        let mut keygen = Command::new(ROTADNS);
        keygen.arg("keygen").arg(&keys);
        for (name, ..) in SERVERS {
            keygen.args(["--for", &address(name).to_string()]);
        }
        keygen.args(PROBERS.iter().flat_map(|name| ["--prober", name]));
        assert!(keygen.output().expect("the binary that is tested").status.success());
        let keys = keys.display();

        let backends = BACKENDS.map(|name| format!("{name}: {}", address(name))).join(", ");
        let zone = format!(
            "zone: failures.example\nns: [ns1]\nchecks: {{web: {CHECK}}}\n\
             pools: {{web: {{check: web, backends: {{{backends}}}}}}}\n\
             records: {{ns1: {{A: {}}}, www: {{pool: web}}}}\n",
            address("any")
        );
        self.folder.write("zones/failures.example.yaml", &zone);
        for (name, _, settings) in SERVERS {
            let address = address(name);
            let config = format!(
                "listen: {address}:53\nzones: zones\nstate: state-{name}\nworkers: 1\n\
                 admin:\n  listen: {address}:8053\n  socket: {name}.sock\n  tokens: {keys}/tokens\n  \
                 tls: {{certificate: {keys}/certificate.pem, key: {keys}/key.pem}}\n\
                 prober: {{inside: false, expect: [probe-1, probe-2], lease: {}s, {settings}}}\n",
                LEASE.as_secs()
            );
            self.folder.write(&format!("{name}.yaml"), &config);
        }
        for prober in PROBERS {
            let mut config = format!("zones: zones\nfeed:\n  name: {prober}\n  to:\n");
            for (name, ..) in SERVERS {
                let address = address(name);
                let _ = writeln!(
                    config,
                    "    - {{server: \"https://{address}:8053\", ca: {keys}/ca.pem, token: {keys}/token-feed-{prober}}}"
                );
            }
            self.folder.write(&format!("{prober}.yaml"), &config);
        }
    }

    pub(super) fn start(&mut self, name: &str) {
        let mut command = self.network.command(name);
        command.arg(ROTADNS);
        if BACKENDS.contains(&name) {
            command.args(["demo", &format!("{}:8080", address(name))]);
        } else {
            let what = if PROBERS.contains(&name) { "probe" } else { "serve" };
            command.args([what, "--config"]).arg(self.file(&format!("{name}.yaml")));
        }
        let output = File::create(self.file(&format!("output-{name}"))).expect("a file");
        command.stdout(output.try_clone().expect("one file for both")).stderr(output);
        self.running.push((name.to_owned(), command.spawn().expect("ip")));
    }

    pub(super) fn kill(&mut self, name: &str) {
        let place = self.running.iter().position(|(running, _)| running == name);
        let (_, mut process) = self.running.remove(place.expect("it runs"));
        process.kill().expect("our own child");
        process.wait().expect("our own child");
    }

    pub(super) fn kill_probers(&mut self) {
        for prober in PROBERS {
            self.kill(prober);
        }
    }

    pub(super) fn start_probers(&mut self) {
        for prober in PROBERS {
            self.start(prober);
        }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path.join(name)
    }

    pub(super) fn each_server(&self, work: fn(&Network, &str)) {
        for (name, ..) in SERVERS {
            work(&self.network, name);
        }
    }

    pub(super) fn each_backend(&self, work: fn(&Network, &str)) {
        for name in BACKENDS {
            work(&self.network, name);
        }
    }

    /// Which backends each server hands out, by their numbers.
    pub(super) fn answers(&mut self) -> Vec<Vec<String>> {
        let question = Question::new("www.failures.example.", RecordType::A);
        let ask = |client: &mut Client| {
            let answer = client.answer(&question, Way::Udp { payload: None });
            let last = |record: &String| {
                let last = record.rsplit('.').next().unwrap_or_default();
                last.strip_prefix('3').unwrap_or(last).to_owned()
            };
            answer.answers.iter().map(last).collect()
        };
        self.clients.iter_mut().map(ask).collect()
    }

    pub(super) fn wait_for_all(&mut self, expected: &[&str]) {
        until(&format!("all answer with {expected:?}"), PATIENCE, || {
            self.answers().iter().all(|answer| answer == expected).then_some(())
        });
    }

    /// What a server says of itself, by its socket in the file system, which is the same for all machines.
    pub(super) fn look(&self, server: &str, path: &str) -> Option<Value> {
        let token = fs::read_to_string(self.file("keys/token-read")).expect("a token");
        let socket = self.file(&format!("{server}.sock"));
        socket.exists().then(|| Http::unix(socket).bearer(token.trim()).get(path).json())
    }

    pub(super) fn is_prober(&self, server: &str, prober: &str, state: &str) -> bool {
        let Some(Value::Array(probers)) = self.look(server, "/v1/probers") else { return false };
        let is_it = |found: &Value| {
            let has_judged = state != "live" || found["targets"] == BACKENDS.len();
            found["name"] == prober && found["state"] == state && has_judged
        };
        probers.iter().any(is_it)
    }

    pub(super) fn wait_until_it_serves(&self, server: &str) {
        until(&format!("{server} serves"), PATIENCE, || {
            let said = fs::read_to_string(self.file(&format!("output-{server}")));
            said.is_ok_and(|said| said.contains("serving listen=")).then_some(())
        });
    }

    pub(super) fn wait_until_lost(&mut self, prober: &str) {
        for (server, ..) in SERVERS {
            until(&format!("{server} has lost {prober}"), PATIENCE, || {
                self.is_prober(server, prober, "lost").then_some(())
            });
        }
    }

    /// Waits until nothing is broken, and everybody knows.
    pub(super) fn wait_until_well(&mut self) {
        for (server, ..) in SERVERS {
            for prober in PROBERS {
                until(&format!("{server} hears {prober}"), PATIENCE, || {
                    self.is_prober(server, prober, "live").then_some(())
                });
            }
        }
        self.wait_for_all(&["1", "2", "3"]);
    }

    /// Watches the answers of all for as long as anything may still change. Gives what they come to, and when.
    pub(super) fn watch(&mut self, within: &[Within]) -> Vec<(Vec<String>, Duration)> {
        let longest = within.iter().map(|within| within.time()).max().unwrap_or_default();
        let longest = longest.max(LEASE + DETECTION) + SLACK;
        let mut seen: Vec<(Vec<String>, Duration)> = Vec::new();
        let began = now();
        until("the watch is over", longest + PATIENCE, || {
            let answers = self.answers();
            let at = began.elapsed();
            for (place, answer) in answers.into_iter().enumerate() {
                match seen.get_mut(place) {
                    None => seen.push((answer, Duration::ZERO)),
                    Some((before, _)) if *before == answer => {}
                    Some(known) => *known = (answer, at),
                }
            }
            (at >= longest).then_some(())
        });
        seen
    }

    /// Where the answers come from, if not from what is in service.
    pub(super) fn guess(&self, server: &str) -> &'static str {
        let pools = self.look(server, "/v1/pools").expect("it runs");
        if pools[0]["source"] == "in_service" { "" } else { " as a guess" }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for (name, process) in &mut self.running {
            let _ = process.kill();
            let _ = process.wait();
            if std::thread::panicking() {
                let said = fs::read_to_string(self.folder.path.join(format!("output-{name}")));
                eprintln!("== {name}\n{}", said.unwrap_or_default());
            }
        }
    }
}

fn addresses() -> Vec<(String, Ipv4Addr)> {
    let servers = SERVERS.iter().map(|(name, ..)| *name).zip(11..);
    let probers = PROBERS.iter().copied().zip(21..);
    let backends = BACKENDS.iter().copied().zip(31..);
    let all = servers.chain(probers).chain(backends).chain([(CLIENT, 250)]);
    all.map(|(name, host)| (name.to_owned(), Ipv4Addr::new(10, 77, 0, host))).collect()
}

fn address(machine: &str) -> Ipv4Addr {
    let found = addresses().into_iter().find(|(name, _)| name == machine);
    found.expect("a machine of the world").1
}
