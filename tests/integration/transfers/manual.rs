//! What docs/transfers.md shows, as it stands there: secondaries of the test are configured by its blocks.

use std::net::SocketAddr;
use std::process::Command;

use rotadns::config::{read_config, read_zone};

use super::shown;
use crate::peers::unconfined;
use crate::servers::{Folder, Server, installed};

/// NSD as a secondary on this port.
pub(super) fn nsd(port: u16, primary: SocketAddr) -> Server {
    let folder = Folder::new();
    let here = folder.path.display().to_string();
    let block = shown("nsd")
        .replace("request-xfr: 192.0.2.53", &format!("request-xfr: 127.0.0.1@{}", primary.port()))
        .replace("192.0.2.53", "127.0.0.1");
    let config = format!(
        r#"server:
  ip-address: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  database: ""
  verbosity: 3
  xfrd-reload-timeout: 0
  zonesdir: "{here}"
  pidfile: "{here}/nsd.pid"
  xfrdfile: "{here}/xfrd.state"
  xfrdir: "{here}"
  zonelistfile: "{here}/zone.list"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
{block}  provide-xfr: 127.0.0.1 NOKEY
"#
    );
    let mut command = Command::new(installed("nsd", "nsd"));
    command.arg("-d").arg("-c").arg(folder.write("nsd.conf", &config));
    Server::start("nsd", command, port, folder)
}

/// Knot as a secondary on this port.
pub(super) fn knot(port: u16, primary: SocketAddr) -> Server {
    let folder = Folder::new();
    let here = folder.path.display().to_string();
    let address = format!("- id: rotadns\n  address: 127.0.0.1@{}", primary.port());
    let block = shown("knot")
        .replace("- id: rotadns\n  address: 192.0.2.53", &address)
        .replace("192.0.2.53", "127.0.0.1")
        .replace("acl:\n", "acl:\n- id: look\n  address: 127.0.0.1\n  action: transfer\n")
        .replace("acl: from-rotadns", "acl: [look, from-rotadns]");
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
database:
  storage: {here}
template:
- id: default
  storage: {here}
{block}"
    );
    let mut command = Command::new(installed("knotd", "knot"));
    command.arg("-c").arg(folder.write("knot.conf", &config));
    Server::start("knotd", command, port, folder)
}

/// BIND as a secondary on this port.
pub(super) fn bind(port: u16, primary: SocketAddr) -> Server {
    let folder = Folder::new();
    let here = folder.path.display().to_string();
    let block = shown("bind").replace("192.0.2.53", &format!("127.0.0.1 port {}", primary.port()));
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
  notify no;
  allow-transfer {{ 127.0.0.1; }};
}};
controls {{ }};
{block}"#
    );
    let mut command = Command::new(unconfined("named", "bind9", &folder));
    command.args(["-g", "-n", "1", "-c"]).arg(folder.write("named.conf", &config));
    Server::start("named", command, port, folder)
}

#[test]
fn the_files_that_the_manual_shows_load() {
    let manual = include_str!("../../../docs/transfers.md");
    let blocks = manual.split("```yaml\n").skip(1);
    let blocks: Vec<&str> =
        blocks.map(|rest| rest.split_once("```").expect("a block ends").0).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        if block.starts_with("zone: ") {
            let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), block);
            assert!(zone.is_some() && mistakes.is_empty(), "{mistakes:?}");
        } else {
            read_config("rotadns.yaml".as_ref(), block).expect("it has no mistakes");
        }
    }
}
