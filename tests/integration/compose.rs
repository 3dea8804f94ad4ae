//! docker-compose.yml, without a container engine: every service's own command runs on its own address.
//!
//! A service has a network namespace of its own, and a root folder of its own: a private mount namespace, an empty folder in memory
//! that is read-only, and in it the binary, the volumes where the file says, and nothing else. (Where the binary is not
//! static, which that of tests is not, the system's libraries are there too.) Capabilities are dropped as the file says, but for
//! the one that chroot needs. What is not seen here is the engine: that it builds the image, publishes ports, restarts and
//! judges health.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::net::Network;
use crate::servers::{Folder, ROTADNS};
use crate::waiting::until;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const PATIENCE: Duration = Duration::from_secs(40);
/// Who asks.
const CLIENT: &str = "client";

/// The services, by their names.
struct Composed {
    // Before the network and the folder: what runs ends first.
    running: BTreeMap<String, Child>,
    services: BTreeMap<String, Value>,
    network: Network,
    folder: Folder,
}

impl Composed {
    /// A machine for each service that has an address; `None` where there cannot be any.
    fn try_new() -> Option<Self> {
        let Value::Object(file) = read() else { panic!("a map") };
        let Value::Object(services) = &file["services"] else { panic!("services are a map") };
        let mut network = Network::try_new()?;
        for (name, service) in services {
            if let Some(address) = address(service) {
                network.add(name, address);
            }
        }
        network.add(CLIENT, Ipv4Addr::new(172, 28, 53, 250));
        let services = services.iter().map(|(name, value)| (name.clone(), value.clone()));
        let (services, running) = (services.collect(), BTreeMap::new());
        Some(Self { running, services, network, folder: Folder::new() })
    }

    /// The command of a service, or another one in its place.
    fn command(&self, name: &str, instead: Option<&[&str]>) -> Command {
        let service = &self.services[name];
        let mut script =
            String::from("set -e\nmount -t tmpfs -o size=1m,mode=755 root \"$ROOT\"\n");
        let mut mount = |from: &Path, to: &str, mode: &str| {
            let (from, to) = (from.display(), to.trim_start_matches('/'));
            let make = if Path::new(&from.to_string()).is_dir() {
                format!("mkdir -p \"$ROOT/{to}\"")
            } else {
                format!("mkdir -p \"$(dirname \"$ROOT/{to}\")\"; touch \"$ROOT/{to}\"")
            };
            let _ = writeln!(script, "{make}\nmount --bind {from} \"$ROOT/{to}\"");
            if mode == "ro" {
                let _ = writeln!(script, "mount -o remount,bind,ro \"$ROOT/{to}\"");
            }
        };
        mount(&binary(), "/rotadns", "ro");
        if !is_static(&binary()) {
            for folder in ["/lib", "/lib64", "/usr/lib"].map(Path::new) {
                if folder.is_dir() {
                    mount(folder, &folder.display().to_string(), "ro");
                }
            }
        }
        for volume in texts(&service["volumes"]) {
            let parts: Vec<&str> = volume.split(':').collect();
            let from = match parts[0].strip_prefix("./") {
                Some(path) => Path::new(REPOSITORY).join(path),
                None => self.volume(parts[0]),
            };
            mount(&from, parts[1], parts.get(2).copied().unwrap_or("rw"));
        }
        assert_eq!(service["read_only"], true, "{name}");
        script += "mount -o remount,ro \"$ROOT\"\n";
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        let kept: Vec<String> = texts(&service["cap_add"])
            .iter()
            .map(|capability| format!(",+{}", capability.to_lowercase()))
            .collect();
        let _ = writeln!(
            script,
            "exec setpriv --no-new-privs --bounding-set=-all,+sys_chroot{} chroot \"$ROOT\" /rotadns \"$@\"",
            kept.concat()
        );

        let mut command = match address(service) {
            Some(_) => self.network.command(name),
            None => Command::new("env"),
        };
        let root = self.folder.path.join(format!("root-{name}"));
        fs::create_dir_all(&root).expect("a folder of the test");
        command.args(["unshare", "--mount", "--propagation", "private", "sh", "-c", &script, name]);
        match instead {
            None => command.args(texts(&service["command"])),
            Some(arguments) => command.args(arguments),
        };
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("ROOT", root).stdin(Stdio::null());
        if let Value::Object(variables) = &service["environment"] {
            for (name, value) in variables {
                command.env(name, value.as_str().expect("a text"));
            }
        }
        command
    }

    fn volume(&self, name: &str) -> PathBuf {
        let path = self.folder.path.join(format!("volume-{name}"));
        fs::create_dir_all(&path).expect("a folder of the test");
        path
    }

    fn start(&mut self, name: &str) {
        let output = File::create(self.output(name)).expect("a file for what it says");
        let mut command = self.command(name, None);
        command.stdout(output.try_clone().expect("one file for both")).stderr(output);
        self.running.insert(name.to_owned(), command.spawn().expect("ip, unshare and sh"));
    }

    fn kill(&mut self, name: &str) {
        let mut process = self.running.remove(name).expect("it runs");
        process.kill().expect("our own child");
        process.wait().expect("our own child");
    }

    fn output(&self, name: &str) -> PathBuf {
        self.folder.path.join(format!("output-{name}"))
    }

    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.output(name)).unwrap_or_default()
    }

    /// The last bytes of the addresses that a server hands out, by `dig`.
    fn dig(&self, server: &str) -> Vec<String> {
        let address = address(&self.services[server]).expect("it has an address");
        let mut dig = self.network.command(CLIENT);
        dig.args(["dig", &format!("@{address}"), "+short", "+time=1", "+tries=1"]);
        let output = dig.args(["www.example.org", "A"]).output().expect("dig");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = |line: &str| line.rsplit('.').next().map(str::to_owned);
        // Where there is no answer, it says so in a comment.
        let lines = text.lines().filter(|line| !line.starts_with(';'));
        let mut found: Vec<String> = lines.filter_map(last).collect();
        found.sort();
        found
    }

    fn wait_for(&self, server: &str, expected: &[&str]) {
        let mut seen = Vec::new();
        let what = format!("{server} answers with {expected:?}");
        let mut look = || {
            seen = self.dig(server);
            (seen == expected).then_some(())
        };
        until(&what, PATIENCE, &mut look);
    }

    /// What the check of its health comes to.
    fn is_healthy(&self, server: &str) -> bool {
        let check = texts(&self.services[server]["healthcheck"]["test"]);
        let [kind, binary, arguments @ ..] = check.as_slice() else { panic!("{check:?}") };
        assert_eq!((kind.as_str(), binary.as_str()), ("CMD", "/rotadns"));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = self.command(server, Some(&arguments)).output().expect("it runs");
        output.status.success()
    }
}

impl Drop for Composed {
    fn drop(&mut self) {
        for (name, process) in &mut self.running {
            let _ = process.kill();
            let _ = process.wait();
            if std::thread::panicking() {
                eprintln!(
                    "== {name}\n{}",
                    fs::read_to_string(self.folder.path.join(format!("output-{name}")))
                        .unwrap_or_default()
                );
            }
        }
    }
}

/// The binary that the services run: `ROTADNS_IMAGE` names that of an image.
fn binary() -> PathBuf {
    std::env::var_os("ROTADNS_IMAGE").map_or_else(|| PathBuf::from(ROTADNS), PathBuf::from)
}

fn is_static(binary: &Path) -> bool {
    let libraries = Command::new("ldd").arg(binary).output().expect("ldd, of the C library");
    !String::from_utf8_lossy(&libraries.stdout).contains("=>")
}

fn read() -> Value {
    let text = fs::read_to_string(Path::new(REPOSITORY).join("docker-compose.yml"));
    serde_yaml::from_str(&text.expect("the file is there")).expect("it is YAML")
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

fn address(service: &Value) -> Option<Ipv4Addr> {
    service["networks"]["dns"]["ipv4_address"].as_str()?.parse().ok()
}

#[test]
fn what_it_says_fits_together() {
    let file = read();
    let Value::Object(services) = &file["services"] else { panic!("services are a map") };
    let version = env!("CARGO_PKG_VERSION");
    let mut addresses = Vec::new();
    for (name, service) in services {
        assert_eq!(
            service["image"],
            format!("rotadns:{version}"),
            "{name}: one image, this version"
        );
        let restart = if name == "keys" { "no" } else { "unless-stopped" };
        assert_eq!(service["restart"], restart, "{name}");
        for volume in texts(&service["volumes"]) {
            let (from, _) = volume.split_once(':').expect("FROM:TO");
            let is_there = match from.strip_prefix("./") {
                Some(path) => Path::new(REPOSITORY).join(path).exists(),
                None => file["volumes"].get(from).is_some(),
            };
            assert!(is_there, "{name}: {from}");
        }
        addresses.extend(address(service).map(|address| (address, name.clone())));
    }
    // Who is probed and fed is there by its very address.
    let known =
        |text: &str| addresses.iter().any(|(address, _)| text.contains(&address.to_string()));
    for (file, of) in [
        ("zones/example.org.yaml", "web-"),
        ("probe-1.yaml", "server-"),
        ("probe-2.yaml", "server-"),
    ] {
        let text =
            fs::read_to_string(Path::new(REPOSITORY).join("compose").join(file)).expect(file);
        assert!(known(&text), "{file}");
        for (address, name) in addresses.iter().filter(|(_, name)| name.starts_with(of)) {
            assert!(text.contains(&address.to_string()), "{file} lacks {name}");
        }
    }
}

#[test]
fn every_service_runs_and_none_is_missed_for_long() {
    let Some(mut composed) = Composed::try_new() else { return };
    for time in ["first", "second"] {
        let keys = composed.command("keys", None).output().expect("ip, unshare and sh");
        let said = String::from_utf8_lossy(&keys.stderr);
        assert!(keys.status.success(), "the keys, the {time} time: {said}");
    }
    let names: Vec<String> =
        composed.services.keys().filter(|name| *name != "keys").cloned().collect();
    for name in &names {
        composed.start(name);
    }
    let servers = ["server-1", "server-2"];
    let both = |composed: &Composed, expected: &[&str]| {
        for server in servers {
            composed.wait_for(server, expected);
        }
    };
    both(&composed, &["31", "32", "33"]);
    for server in servers {
        until(&format!("{server} is healthy"), PATIENCE, || {
            composed.is_healthy(server).then_some(())
        });
    }
    for probe in ["probe-1", "probe-2"] {
        until("both servers are fed", PATIENCE, || {
            (composed.said(probe).matches("feeding the server").count() == 2).then_some(())
        });
    }

    composed.kill("web-1");
    both(&composed, &["32", "33"]);
    // One prober finds it as well.
    composed.kill("probe-1");
    composed.start("web-1");
    both(&composed, &["31", "32", "33"]);
    composed.kill("web-2");
    both(&composed, &["31", "33"]);
    composed.start("probe-1");
    composed.start("web-2");
    both(&composed, &["31", "32", "33"]);
    // One server answers as well, and the other is told everything when it is back.
    composed.kill("server-1");
    assert!(composed.dig("server-1").is_empty());
    composed.kill("web-3");
    composed.wait_for("server-2", &["31", "32"]);
    composed.start("server-1");
    both(&composed, &["31", "32"]);
    composed.start("web-3");
    both(&composed, &["31", "32", "33"]);
}
