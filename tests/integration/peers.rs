//! Debian's name servers over the same zones, each configured to say no more than it must.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use hickory_proto::rr::RecordType;

use crate::asking::Question;
use crate::servers::{Folder, Server, ZoneFile, free_port, installed};

/// NSD over these master files.
pub(crate) fn nsd(zones: &[ZoneFile<'_>]) -> Server {
    let (folder, port) = (Folder::new(), free_port());
    let here = folder.path.display().to_string();
    let mut config = format!(
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
  ipv4-edns-size: 1232
  minimal-responses: yes
  confine-to-zone: yes
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
"#
    );
    for (origin, file) in master_files(&folder, zones) {
        let file = file.display();
        writeln!(config, "zone:\n  name: {origin}\n  zonefile: \"{file}\"").expect("a String");
    }
    let mut command = Command::new(installed("nsd", "nsd"));
    command.arg("-d").arg("-c").arg(folder.write("nsd.conf", &config));
    ready(Server::start("nsd", command, port, folder), zones)
}

/// Knot DNS over these master files.
pub(crate) fn knot(zones: &[ZoneFile<'_>]) -> Server {
    let (folder, port) = (Folder::new(), free_port());
    let here = folder.path.display().to_string();
    let mut config = format!(
        r"server:
  listen: 127.0.0.1@{port}
  rundir: {here}
  udp-max-payload: 1232
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
- target: stderr
  any: warning
database:
  storage: {here}
zone:
"
    );
    for (origin, file) in master_files(&folder, zones) {
        writeln!(
            config,
            "- domain: {origin}\n  file: {}\n  zonefile-load: whole\n  journal-content: none",
            file.display()
        )
        .expect("a String");
    }
    let mut command = Command::new(installed("knotd", "knot"));
    command.arg("-c").arg(folder.write("knot.conf", &config));
    ready(Server::start("knotd", command, port, folder), zones)
}

/// BIND over these master files.
pub(crate) fn bind(zones: &[ZoneFile<'_>]) -> Server {
    let (folder, port) = (Folder::new(), free_port());
    let here = folder.path.display().to_string();
    let mut config = format!(
        r#"options {{
  directory "{here}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  edns-udp-size 1232;
  max-udp-size 1232;
  answer-cookie no;
  minimal-responses yes;
  minimal-any yes;
  empty-zones-enable no;
  notify no;
  zero-no-soa-ttl no;
  check-integrity no;
  check-sibling no;
  check-mx ignore;
  check-mx-cname ignore;
  check-srv-cname ignore;
  check-wildcard no;
  check-dup-records ignore;
  max-records-per-type 0;
}};
controls {{ }};
"#
    );
    for (origin, file) in master_files(&folder, zones) {
        let file = file.display();
        writeln!(
            config,
            "zone \"{origin}\" {{ type primary; file \"{file}\"; check-names ignore; }};"
        )
        .expect("a String");
    }
    let mut command = Command::new(unconfined("named", "bind9", &folder));
    command.args(["-g", "-n", "1", "-c"]).arg(folder.write("named.conf", &config));
    ready(Server::start("named", command, port, folder), zones)
}

/// How a resolver reaches the server behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Upstream {
    Udp,
    Tcp,
}

/// Unbound, which knows nothing but where these zones are served.
pub(crate) fn unbound(origins: &[&str], authority: SocketAddr, upstream: Upstream) -> Server {
    let (folder, port) = (Folder::new(), free_port());
    let here = folder.path.display().to_string();
    let tcp = if matches!(upstream, Upstream::Tcp) { "yes" } else { "no" };
    let mut config = format!(
        r#"server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  directory: "{here}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  do-not-query-localhost: no
  do-ip6: yes
  tcp-upstream: {tcp}
  target-fetch-policy: "0 0 0 0 0"
remote-control:
  control-enable: no
"#
    );
    let authority = format!("{}@{}", authority.ip(), authority.port());
    // The root is a stub as well, so that a name outside the zones is refused here and now.
    for origin in origins.iter().chain(&["."]) {
        writeln!(config, "stub-zone:\n  name: \"{origin}\"\n  stub-addr: {authority}")
            .expect("a String");
    }
    for origin in origins {
        // Zones for examples and private addresses are answered by unbound itself unless told.
        writeln!(config, "server:\n  local-zone: \"{origin}\" transparent").expect("a String");
    }
    let mut command = Command::new(unconfined("unbound", "unbound", &folder));
    command.arg("-d").arg("-c").arg(folder.write("unbound.conf", &config));
    let mut server = Server::start("unbound", command, port, folder);
    server.wait_for(&Question::new("localhost.", RecordType::A));
    server
}

fn ready(mut server: Server, zones: &[ZoneFile<'_>]) -> Server {
    for zone in zones {
        server.wait_for(&Question::new(&zone.apex(), RecordType::SOA));
    }
    server
}

/// Writes the zones into the folder: (origin, file) of each.
fn master_files(folder: &Folder, zones: &[ZoneFile<'_>]) -> Vec<(String, PathBuf)> {
    // By number: a zone may be called what no file can be.
    let file = |(at, zone): (usize, &ZoneFile<'_>)| {
        let origin = zone.origin().replace("\\047", "/");
        (origin, folder.write(&format!("{at}.zone"), zone.text))
    };
    zones.iter().enumerate().map(file).collect()
}

/// A copy of a server's command.
///
/// Debian's `AppArmor` profiles of BIND and unbound go by the path of the command and forbid them to
/// read a test's folder. The copy is made by `cp`, so that no other thread's child can hold it open
/// for writing when it is started.
pub(crate) fn unconfined(command: &str, package: &str, folder: &Folder) -> PathBuf {
    let copy = folder.path.join(command);
    let status = Command::new("cp")
        .arg(installed(command, package))
        .arg(Path::new(&copy))
        .status()
        .expect("cp is everywhere");
    assert!(status.success(), "{command} can be copied");
    copy
}
