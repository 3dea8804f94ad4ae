//! What docs/transfers.md shows, as it stands there: secondaries of the test are configured by its blocks.

use std::net::SocketAddr;

use rotadns::config::{read_config, read_zone};

use super::shown;
use crate::peers::{bind_with, knot_with, nsd_with};
use crate::servers::{Folder, Server};

/// NSD as a secondary on this port.
pub(super) fn nsd(port: u16, primary: SocketAddr) -> Server {
    let block = shown("nsd")
        .replace("request-xfr: 192.0.2.53", &format!("request-xfr: 127.0.0.1@{}", primary.port()))
        .replace("192.0.2.53", "127.0.0.1");
    let zone = format!("{block}  provide-xfr: 127.0.0.1 NOKEY\n");
    nsd_with(Folder::new(), port, "  verbosity: 3\n  xfrd-reload-timeout: 0\n", &zone)
}

/// Knot as a secondary on this port.
pub(super) fn knot(port: u16, primary: SocketAddr) -> Server {
    let folder = Folder::new();
    let address = format!("- id: rotadns\n  address: 127.0.0.1@{}", primary.port());
    let block = shown("knot")
        .replace("- id: rotadns\n  address: 192.0.2.53", &address)
        .replace("192.0.2.53", "127.0.0.1")
        .replace("acl:\n", "acl:\n- id: look\n  address: 127.0.0.1\n  action: transfer\n")
        .replace("acl: from-rotadns", "acl: [look, from-rotadns]");
    let storage = folder.path.display();
    let rest = format!("template:\n- id: default\n  storage: {storage}\n{block}");
    knot_with(folder, port, "", &rest)
}

/// BIND as a secondary on this port.
pub(super) fn bind(port: u16, primary: SocketAddr) -> Server {
    let block = shown("bind").replace("192.0.2.53", &format!("127.0.0.1 port {}", primary.port()));
    bind_with(Folder::new(), port, "notify no; allow-transfer { 127.0.0.1; };", &block)
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
