//! The admin API of a real server over real sockets.

use std::net::Ipv4Addr;

use crate::http::Http;
use crate::servers::{Server, ZoneFile};

mod dashboard;
mod databases;
mod limits;
mod look;
mod ranked;
mod roles;
mod steering;
mod tls;
mod within;

const ZONE: ZoneFile<'_> = ZoneFile {
    name: "admin.example.yaml",
    text: "\
zone: admin.example
ns: [ns1]
pools:
  web: {ttl: 20s, backends: {web-1: 192.0.2.1, web-2: 192.0.2.2}}
  '*.pages': {backends: {web-1: 192.0.2.1}}
records:
  ns1: {A: 192.0.2.53}
  www: {pool: web}
  '*.pages': {pool: '*.pages'}
",
};

const BROKEN: ZoneFile<'_> = ZoneFile {
    name: "broken.example.yaml",
    text: "zone: broken.example\nns: [ns1]\nrecords:\n  ns1: {A: 192.0.2.256}\n",
};

/// A server whose admin API has a port of its own, with these further lines in its config file.
fn serve(settings: &str) -> (Server, Http) {
    let settings = format!("admin: {{listen: 127.0.0.1:0{settings}}}\n");
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &settings, &[ZONE, BROKEN]);
    let http = Http::new(server.admin());
    (server, http)
}
