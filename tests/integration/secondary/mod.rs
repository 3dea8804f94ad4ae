//! RotaDNS as a secondary of NSD, Knot and BIND: whole zones and differences, signed; NOTIFY, expiry, restart.

mod primaries;
mod private;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rotadns::config::CONFIG_FILE;

use crate::asking::{Question, Way};
use crate::servers::{Folder, ROTADNS, Server, free_port, installed};
use crate::waiting::until;
use primaries::{KEY, Kind, ORIGIN, Primary, SECRET};

/// How long a change may take to come, which REFRESH would not do in days.
const SOON: Duration = Duration::from_secs(20);

fn soa() -> Question {
    Question::new("example.org.", RecordType::SOA)
}

/// A zone that takes several messages, with records of every kind of RDATA; REFRESH, RETRY and EXPIRE as given.
fn zone(serial: u32, timers: &str, more: &str) -> String {
    let mut text = format!(
        r#"$ORIGIN example.org.
$TTL 300
@ SOA ns1 host {serial} {timers} 60
@ NS ns1
@ NS ns2.example.net.
@ MX 10 Mail.Example.org.
@ CAA 0 issue "example.net"
@ TXT "one" "two"
ns1 A 192.0.2.53
ns1 AAAA 2001:db8::53
mail 60 A 192.0.2.25
_sip._tcp SRV 1 2 5060 sip.example.net.
_25._tcp.mail TLSA 3 1 1 0d6fce13243aa7ad0d6fce13243aa7ad0d6fce13243aa7ad0d6fce13243aa7ad
*.wild CNAME www
old DNAME new.example.net.
sub NS ns.sub
ns.sub A 192.0.2.54
sub DS 1 13 2 0d6fce13243aa7ad0d6fce13243aa7ad0d6fce13243aa7ad0d6fce13243aa7ad
svc HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1
num NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@example.net!" .
odd\.name\032here A 192.0.2.2
person RP Who.example.org. text.example.org.
new TYPE65280 \# 4 c0000201
"#
    );
    for host in 0..2000 {
        writeln!(text, "host{host} TXT \"a line that makes messages full, number {host}\"")
            .expect("a String");
    }
    text + more
}

const DAYS: &str = "86400 43200 864000";

/// RotaDNS on a port that its primaries know, with these servers before it.
fn rotadns(port: u16, primaries: &[u16]) -> Server {
    let from =
        primaries.iter().map(|port| format!("{{address: \"127.0.0.1:{port}\", key: {KEY}}}"));
    rotadns_from(port, &from.collect::<Vec<_>>().join(", "))
}

/// The same with what the config file says of the servers.
fn rotadns_from(port: u16, from: &str) -> Server {
    let folder = Folder::new();
    std::fs::create_dir(folder.path.join("zones")).expect("a folder of a test");
    let here = folder.path.display();
    let config = format!(
        "listen: 127.0.0.1:{port}\nzones: {here}/zones\nstate: {here}/state\nadmin: {{socket: admin.sock}}\n\
         keys: {{{KEY}: {{secret: {SECRET}}}}}\nprimaries: {{{ORIGIN}: {{from: [{from}]}}}}\n\
         secondaries: {{allow: [{{address: 127.0.0.1, key: {KEY}}}]}}\n"
    );
    folder.write(CONFIG_FILE, &config);
    let mut command = Command::new(ROTADNS);
    command.arg("serve").arg("--config").arg(folder.path.join(CONFIG_FILE));
    let mut server = Server::start("rotadns", command, port, folder);
    server.wait_until_it_serves();
    server
}

/// What a server has of the zone, by AXFR: each record once. Compression may change the case of names, so it is not compared.
fn transferred(server: &Server) -> BTreeSet<String> {
    asked(server, "AXFR").into_iter().collect()
}

/// The records that a server gives to a question for a transfer, the last SOA left out.
fn asked(server: &Server, question: &str) -> Vec<String> {
    let said = Command::new(installed("dig", "bind9-dnsutils"))
        .args(["@127.0.0.1", "-p", &server.port().to_string(), ORIGIN, question])
        .args(["+noall", "+answer", "+onesoa", "+time=10", "-y"])
        .arg(format!("hmac-sha256:{KEY}:{SECRET}"))
        .output()
        .expect("dig runs");
    let text = String::from_utf8(said.stdout).expect("dig writes text");
    let one_space = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let records = text.lines().filter(|line| !line.starts_with(';')).map(one_space);
    records.map(|record| record.to_ascii_lowercase()).collect()
}

fn assert_same(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) {
    let differences: Vec<&String> = ours.symmetric_difference(theirs).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(ours.len() > 2000, "{} records", ours.len());
}

/// Waits until the zone is served with this serial.
fn wait_for_serial(server: &Server, serial: u32) {
    let mut client = server.client();
    let (look, expected) = (soa(), format!(" {serial} "));
    until(&format!("serial {serial}"), SOON, || {
        let answer = client.answer(&look, Way::Udp { payload: None });
        answer.answers.iter().any(|soa| soa.contains(&expected)).then_some(())
    });
}

fn wait_for_rcode(server: &Server, rcode: ResponseCode) {
    let mut client = server.client();
    until(&format!("{rcode}"), SOON, || {
        let answer = client.answer(&soa(), Way::Udp { payload: None });
        (answer.rcode == rcode).then_some(())
    });
}

/// The zone comes whole, changes by differences within moments of a NOTIFY, and is the primary's, record by record.
fn follows(kind: Kind) {
    let port = free_port();
    let primary = Primary::start(kind, &zone(1, DAYS, "gone A 192.0.2.7\n"), port);
    let rotadns = rotadns(port, &[primary.server.port()]);
    wait_for_serial(&rotadns, 1);
    assert_same(&transferred(&rotadns), &transferred(&primary.server));

    match kind {
        Kind::Bind => primary.update(
            "update delete gone.example.org. A\nupdate add come.example.org. 60 A 192.0.2.8\n\
             update add a.b.c.example.org. 60 TXT deep\n",
        ),
        _ => primary.reload(&zone(2, DAYS, "come 60 A 192.0.2.8\na.b.c 60 TXT deep\n")),
    }
    wait_for_serial(&rotadns, 2);
    assert_same(&transferred(&rotadns), &transferred(&primary.server));
    // And handed on as it came.
    let differences = asked(&rotadns, "IXFR=1");
    assert!((4..100).contains(&differences.len()), "{differences:#?}");
    assert!(differences.iter().any(|record| record.starts_with("come.example.org. 60 in a")));
    let status = Command::new(ROTADNS)
        .args(["status", "--admin"])
        .arg(format!("unix:{}", rotadns.file("admin.sock").display()))
        .output()
        .expect("the binary that is tested");
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    let line = status.lines().find(|line| line.starts_with("example.org. "));
    let address = primary.server.v4().to_string();
    assert!(line.is_some_and(|line| line.contains(&address)), "{status}");

    let said = rotadns.said();
    assert!(said.contains("form=Axfr") && said.contains("form=Ixfr"), "{said}");
    let mut client = rotadns.client();
    let mut rcode = |name: &str| {
        client.answer(&Question::new(name, RecordType::A), Way::Udp { payload: None }).rcode
    };
    assert_eq!(rcode("come.example.org."), ResponseCode::NoError);
    assert_eq!(rcode("b.c.example.org."), ResponseCode::NoError);
    assert_eq!(rcode("gone.example.org."), ResponseCode::NXDomain);
}

#[test]
fn nsd_is_followed_by_axfr_ixfr_and_notify() {
    follows(Kind::Nsd);
}

#[test]
fn knot_is_followed_by_axfr_ixfr_and_notify() {
    follows(Kind::Knot);
}

#[test]
fn bind_is_followed_by_axfr_ixfr_and_notify() {
    follows(Kind::Bind);
}

#[test]
fn a_zone_outlives_its_primary_by_expire_over_a_restart_too() {
    let port = free_port();
    let mut primary = Primary::start(Kind::Knot, &zone(1, "2 1 12", ""), port);
    let mut rotadns = rotadns(port, &[primary.server.port()]);
    wait_for_serial(&rotadns, 1);
    let whole = transferred(&rotadns);
    primary.server.stop();
    rotadns.stop();
    rotadns.start_again();
    wait_for_serial(&rotadns, 1);
    assert_same(&transferred(&rotadns), &whole);
    wait_for_rcode(&rotadns, ResponseCode::ServFail);
    assert!(rotadns.said().contains("expired: no primary has answered"), "{}", rotadns.said());
}

/// What dig says of the zone's SOA besides records.
fn comments(server: &Server) -> String {
    let said = Command::new(installed("dig", "bind9-dnsutils"))
        .args([
            "@127.0.0.1",
            "-p",
            &server.port().to_string(),
            ORIGIN,
            "SOA",
            "+noall",
            "+comments",
        ])
        .output()
        .expect("dig runs");
    String::from_utf8(said.stdout).expect("dig writes text")
}

#[test]
fn rfc8914_4_15_and_4_25_a_zone_that_has_not_come_is_told_from_one_that_has_expired() {
    let port = free_port();
    let mut primary = Primary::start(Kind::Knot, &zone(1, "2 1 3", ""), port);
    let nobody = rotadns(free_port(), &[free_port()]);
    let said = comments(&nobody);
    assert!(said.contains("SERVFAIL") && said.contains("EDE: 14 "), "{said}");

    let mut rotadns = rotadns(port, &[primary.server.port()]);
    wait_for_serial(&rotadns, 1);
    primary.server.stop();
    wait_for_rcode(&rotadns, ResponseCode::ServFail);
    // And after a start that finds what has expired on the disk.
    for _ in 0..2 {
        let said = comments(&rotadns);
        assert!(said.contains("SERVFAIL") && said.contains("EDE: 24 "), "{said}");
        rotadns.stop();
        rotadns.start_again();
    }
}

#[test]
fn the_second_primary_stands_in_for_the_first() {
    let port = free_port();
    let text = zone(1, DAYS, "");
    let mut first = Primary::start(Kind::Nsd, &text, port);
    let second = Primary::start(Kind::Knot, &text, port);
    first.server.stop();
    let rotadns = rotadns(port, &[first.server.port(), second.server.port()]);
    wait_for_serial(&rotadns, 1);
    assert!(rotadns.said().contains("not refreshed: 127.0.0.1:"), "{}", rotadns.said());
}
