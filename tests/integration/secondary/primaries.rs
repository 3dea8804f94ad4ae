//! Debian's name servers as primaries: one zone, transferred with a key, told of by NOTIFY.

use std::process::Command;

use rustix::process::Signal;

use crate::servers::{Folder, Server, free_port, installed};

/// The zone.
pub(super) const ORIGIN: &str = "example.org";
/// Its key, by which all is signed.
pub(super) const KEY: &str = "k.example";
/// Base 64 of `0123456789abcdef0123456789abcdef`.
pub(super) const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A primary of some kind.
pub(super) struct Primary {
    pub(super) kind: Kind,
    pub(super) server: Server,
}

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nsd,
    Knot,
    Bind,
}

/// Where the zone stands in a primary's folder.
const FILE: &str = "zones/example.org.zone";

impl Primary {
    /// One that has this zone, and tells the server at `notify` of changes.
    pub(super) fn start(kind: Kind, zone: &str, notify: u16) -> Self {
        let folder = Folder::new();
        let file = folder.write(FILE, zone).display().to_string();
        let (here, port) = (folder.path.display().to_string(), free_port());
        let (name, command) = match kind {
            Kind::Nsd => ("nsd", nsd(&folder, &here, &file, port, notify)),
            Kind::Knot => ("knotd", knot(&folder, &here, &file, port, notify)),
            Kind::Bind => ("named", bind(&folder, &here, &file, port, notify)),
        };
        let mut server = Server::start(name, command, port, folder);
        server.wait_for(&super::soa());
        Self { kind, server }
    }

    /// Has another version of the zone served: its file is replaced and read again.
    pub(super) fn reload(&self, zone: &str) {
        self.server.replace_file(FILE, zone);
        self.server.signal(Signal::HUP);
    }

    /// Changes the zone by a dynamic update, which BIND alone takes of these.
    pub(super) fn update(&self, lines: &str) {
        assert_eq!(self.kind, Kind::Bind);
        let port = self.server.port();
        let script = format!("server 127.0.0.1 {port}\nzone {ORIGIN}\n{lines}send\n");
        let file = self.server.file("update");
        std::fs::write(&file, script).expect("a file of a test");
        let said = Command::new(installed("nsupdate", "bind9-dnsutils"))
            .args(["-y", &format!("hmac-sha256:{KEY}:{SECRET}")])
            .arg(file)
            .output()
            .expect("nsupdate runs");
        assert!(said.status.success(), "{said:?}");
    }
}

fn nsd(folder: &Folder, here: &str, file: &str, port: u16, notify: u16) -> Command {
    let config = format!(
        r#"server:
  ip-address: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{here}"
  pidfile: "{here}/nsd.pid"
  xfrdfile: "{here}/xfrd.state"
  xfrdir: "{here}"
  zonelistfile: "{here}/zone.list"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
key:
  name: {KEY}
  algorithm: hmac-sha256
  secret: "{SECRET}"
zone:
  name: {ORIGIN}
  zonefile: "{file}"
  provide-xfr: 127.0.0.1 {KEY}
  notify: 127.0.0.1@{notify} {KEY}
  store-ixfr: yes
  create-ixfr: yes
"#
    );
    let mut command = Command::new(installed("nsd", "nsd"));
    command.arg("-d").arg("-c").arg(folder.write("nsd.conf", &config));
    command
}

fn knot(folder: &Folder, here: &str, file: &str, port: u16, notify: u16) -> Command {
    let config = format!(
        r"server:
  listen: 127.0.0.1@{port}
  rundir: {here}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
- target: stderr
  any: info
key:
- id: {KEY}
  algorithm: hmac-sha256
  secret: {SECRET}
remote:
- id: secondary
  address: 127.0.0.1@{notify}
  key: {KEY}
acl:
- id: transfer
  address: 127.0.0.1
  key: {KEY}
  action: transfer
database:
  storage: {here}
zone:
- domain: {ORIGIN}
  file: {file}
  zonefile-load: difference
  journal-content: changes
  notify: secondary
  acl: transfer
"
    );
    let mut command = Command::new(installed("knotd", "knot"));
    command.arg("-c").arg(folder.write("knot.conf", &config));
    command
}

fn bind(folder: &Folder, here: &str, file: &str, port: u16, notify: u16) -> Command {
    let config = format!(
        r#"key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
options {{
  directory "{here}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  notify explicit;
  notify-delay 0;
}};
controls {{ }};
zone "{ORIGIN}" {{
  type primary;
  file "{file}";
  check-names ignore;
  allow-transfer {{ key "{KEY}"; }};
  allow-update {{ key "{KEY}"; }};
  also-notify {{ 127.0.0.1 port {notify} key "{KEY}"; }};
}};
"#
    );
    let mut command = Command::new(crate::peers::unconfined("named", "bind9", folder));
    command.args(["-g", "-n", "1", "-c"]).arg(folder.write("named.conf", &config));
    command
}
