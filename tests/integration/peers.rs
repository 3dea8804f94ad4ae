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
    let folder = Folder::new();
    let own = "  ipv4-edns-size: 1232\n  minimal-responses: yes\n  confine-to-zone: yes\n";
    let zone = |(origin, file): (String, PathBuf)| {
        format!("zone:\n  name: {origin}\n  zonefile: \"{}\"\n", file.display())
    };
    let served: String = master_files(&folder, zones).into_iter().map(zone).collect();
    ready(nsd_with(folder, free_port(), own, &served), zones)
}

/// NSD on this port, with this among what its `server:` has and the rest behind that.
pub(crate) fn nsd_with(folder: Folder, port: u16, own: &str, rest: &str) -> Server {
    let here = folder.path.display();
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
  rrl-whitelist-ratelimit: 0
{own}remote-control:
  control-enable: no
{rest}"#
    );
    let mut command = Command::new(installed("nsd", "nsd"));
    command.arg("-d").arg("-c").arg(folder.write("nsd.conf", &config));
    Server::start("nsd", command, port, folder)
}

/// Knot DNS over these master files.
pub(crate) fn knot(zones: &[ZoneFile<'_>]) -> Server {
    let folder = Folder::new();
    let zone = |(origin, file): (String, PathBuf)| {
        let file = file.display();
        format!(
            "- domain: {origin}\n  file: {file}\n  zonefile-load: whole\n  journal-content: none\n"
        )
    };
    let served: String = master_files(&folder, zones).into_iter().map(zone).collect();
    let served = format!("zone:\n{served}");
    ready(knot_with(folder, free_port(), "  udp-max-payload: 1232\n", &served), zones)
}

/// Knot DNS on this port, with this among what its `server:` has and the rest behind that.
pub(crate) fn knot_with(folder: Folder, port: u16, own: &str, rest: &str) -> Server {
    let here = folder.path.display();
    let config = format!(
        r"server:
  listen: 127.0.0.1@{port}
  rundir: {here}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
{own}log:
- target: stderr
  any: info
database:
  storage: {here}
{rest}"
    );
    let mut command = Command::new(installed("knotd", "knot"));
    command.arg("-c").arg(folder.write("knot.conf", &config));
    Server::start("knotd", command, port, folder)
}

/// BIND over these master files.
pub(crate) fn bind(zones: &[ZoneFile<'_>]) -> Server {
    let folder = Folder::new();
    let own = "
  edns-udp-size 1232;
  max-udp-size 1232;
  answer-cookie no;
  minimal-responses yes;
  minimal-any yes;
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
";
    let zone = |(origin, file): (String, PathBuf)| {
        let file = file.display();
        format!("zone \"{origin}\" {{ type primary; file \"{file}\"; check-names ignore; }};\n")
    };
    let served: String = master_files(&folder, zones).into_iter().map(zone).collect();
    ready(bind_with(folder, free_port(), own, &served), zones)
}

/// BIND on this port, with this among its `options` and the rest behind them.
pub(crate) fn bind_with(folder: Folder, port: u16, own: &str, rest: &str) -> Server {
    let here = folder.path.display();
    let config = format!(
        r#"options {{
  directory "{here}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  empty-zones-enable no;
  {own}
}};
controls {{ }};
{rest}"#
    );
    let mut command = Command::new(unconfined("named", "bind9", &folder));
    command.args(["-g", "-n", "1", "-c"]).arg(folder.write("named.conf", &config));
    Server::start("named", command, port, folder)
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
fn unconfined(command: &str, package: &str, folder: &Folder) -> PathBuf {
    let copy = folder.path.join(command);
    let status = Command::new("cp")
        .arg(installed(command, package))
        .arg(Path::new(&copy))
        .status()
        .expect("cp is everywhere");
    assert!(status.success(), "{command} can be copied");
    copy
}
