//! Debian's name servers as primaries: one zone, transferred with a key, told of by NOTIFY.

use std::process::Command;

use rustix::process::Signal;

use crate::peers::{bind_with, knot_with, nsd_with};
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
        let port = free_port();
        let mut server = match kind {
            Kind::Nsd => nsd_with(folder, port, "", &nsd(&file, notify)),
            Kind::Knot => knot_with(folder, port, "", &knot(&file, notify)),
            Kind::Bind => {
                bind_with(folder, port, "notify explicit; notify-delay 0;", &bind(&file, notify))
            }
        };
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

fn nsd(file: &str, notify: u16) -> String {
    format!(
        r#"key:
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
    )
}

fn knot(file: &str, notify: u16) -> String {
    format!(
        r"key:
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
zone:
- domain: {ORIGIN}
  file: {file}
  zonefile-load: difference
  journal-content: changes
  notify: secondary
  acl: transfer
"
    )
}

fn bind(file: &str, notify: u16) -> String {
    format!(
        r#"key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
zone "{ORIGIN}" {{
  type primary;
  file "{file}";
  check-names ignore;
  allow-transfer {{ key "{KEY}"; }};
  allow-update {{ key "{KEY}"; }};
  also-notify {{ 127.0.0.1 port {notify} key "{KEY}"; }};
}};
"#
    )
}
