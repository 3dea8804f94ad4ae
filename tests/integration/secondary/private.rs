//! Zones asked for over TLS (RFC 9103): of RotaDNS and of BIND.

use super::primaries::{KEY, ORIGIN, SECRET};
use super::{DAYS, asked, assert_same, rotadns_from, soa, transferred, wait_for_serial, zone};
use crate::peers::bind_with;
use crate::servers::{Folder, Server, ZoneFile, free_port};
use crate::transfers::tls::{NAME, keys};
use crate::waiting::until;

/// How a primary is named in the config file.
fn from(tls: u16, keys: &str, name: &str) -> String {
    format!(
        "{{address: \"127.0.0.1:{tls}\", key: {KEY}, tls: {{ca: {keys}/ca.pem, name: {name}}}}}"
    )
}

#[test]
fn rfc9103_7_a_zone_and_its_changes_come_over_tls() {
    let folder = Folder::new();
    let keys = keys(&folder);
    let (port, tls) = (free_port(), free_port());
    let settings = format!(
        "keys: {{{KEY}: {{secret: {SECRET}}}}}\n\
         secondaries: {{allow: [{{key: {KEY}}}], notify: [{{address: \"127.0.0.1:{port}\", key: {KEY}}}]}}\n\
         tls: {{listen: \"127.0.0.1:{tls}\", certificate: {keys}/certificate.pem, key: {keys}/key.pem}}\n"
    );
    let name = format!("{ORIGIN}.zone");
    let text = zone(1, DAYS, "gone A 192.0.2.7\n");
    let files = [ZoneFile { name: &name, text: &text }];
    let primary = Server::rotadns_with(&["127.0.0.1".parse().expect("it")], &settings, &files);

    let rotadns = rotadns_from(port, &from(tls, &keys, NAME));
    wait_for_serial(&rotadns, 1);
    assert_same(&transferred(&rotadns), &transferred(&primary));
    primary.replace_file(&format!("zones/{name}"), &zone(2, DAYS, "come 60 A 192.0.2.8\n"));
    wait_for_serial(&rotadns, 2);
    assert_same(&transferred(&rotadns), &transferred(&primary));
    assert!(asked(&rotadns, "IXFR=1").iter().any(|record| record.starts_with("come.example.org.")));
    let said = rotadns.said();
    assert!(said.contains("form=Axfr") && said.contains("form=Ixfr"), "{said}");
}

#[test]
fn rfc8310_8_1_a_primary_whose_certificate_is_for_another_name_is_not_believed() {
    let folder = Folder::new();
    let keys = keys(&folder);
    let primary = bind(folder, &keys, &zone(1, DAYS, ""));
    let rotadns = rotadns_from(free_port(), &from(primary.1, &keys, "ns2.example.com"));
    until("the log says why", super::SOON, || {
        let said = rotadns.said();
        (said.contains("no TLS: ") && said.contains("ns2.example.com")).then_some(())
    });
    let mut client = rotadns.client();
    let answer = client.answer(&soa(), crate::asking::Way::Udp { payload: None });
    assert!(answer.answers.is_empty(), "{answer:?}");
}

#[test]
fn rfc9103_7_bind_is_a_primary_over_tls() {
    let folder = Folder::new();
    let keys = keys(&folder);
    let (primary, tls) = bind(folder, &keys, &zone(1, DAYS, ""));
    let rotadns = rotadns_from(free_port(), &from(tls, &keys, NAME));
    wait_for_serial(&rotadns, 1);
    assert_same(&transferred(&rotadns), &transferred(&primary));
}

/// BIND with the zone, and the port where it speaks TLS.
fn bind(folder: Folder, keys: &str, zone: &str) -> (Server, u16) {
    let tls = free_port();
    folder.write("example.org.zone", zone);
    let own = format!("notify no; listen-on port {tls} tls private {{ 127.0.0.1; }};");
    let rest = format!(
        r#"key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
tls private {{ cert-file "{keys}/certificate.pem"; key-file "{keys}/key.pem"; protocols {{ TLSv1.3; }}; }};
zone "{ORIGIN}" {{
  type primary;
  file "example.org.zone";
  check-names ignore;
  allow-transfer {{ key "{KEY}"; }};
}};
"#
    );
    let mut server = bind_with(folder, free_port(), &own, &rest);
    server.wait_for(&soa());
    (server, tls)
}
