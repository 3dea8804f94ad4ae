//! `dig` and `kdig` read what we send without a complaint.

use std::process::Command;

use crate::servers::{Server, ZoneFile, installed};

const ZONE: ZoneFile<'_> =
    ZoneFile { name: "referees.example.zone", text: include_str!("zones/referees.example.zone") };

/// What both clients print of a header.
const GOOD: &str = "status: NOERROR";

/// What both are given, and how it must end.
const QUERIES: [(&str, &str); 14] = [
    ("www.referees.example A", GOOD),
    ("www.referees.example A +noedns", GOOD),
    ("www.referees.example A +tcp", GOOD),
    ("www.referees.example A +dnssec", GOOD),
    ("www.referees.example A +bufsize=512", GOOD),
    ("www.referees.example A +nsid", GOOD),
    ("www.referees.example A +subnet=192.0.2.0/24", GOOD),
    // Too large for UDP: the client comes back over TCP by itself.
    ("big-txt.referees.example TXT", GOOD),
    ("https.referees.example HTTPS", GOOD),
    ("somewhere.referees.example LOC", GOOD),
    ("generic.referees.example TYPE65280", GOOD),
    ("referees.example ANY", GOOD),
    ("nothing-here.referees.example A", "status: NXDOMAIN"),
    ("example.com A", "status: REFUSED"),
];

/// How the two say that something is wrong with a message.
const COMPLAINTS: [&str; 5] = ["warning", "bad packet", "malformed", "mismatch", "no servers"];
/// Warnings that tell of nothing wrong: there is no recursion here, and what is too large is asked for
/// again over TCP.
const EXPECTED: [&str; 2] = ["recursion requested", "retrying"];

#[test]
fn dig_reads_every_kind_of_answer() {
    let own = [
        // Versions, flags and options that nobody knows (RFC 6891 §6.1.2 to §6.1.4).
        ("www.referees.example A +edns=1 +noednsnegotiation", "status: BADVERS"),
        ("www.referees.example A +edns=1", GOOD),
        ("www.referees.example A +ednsflags=0x4000", GOOD),
        ("www.referees.example A +ednsopt=65001:abcd", GOOD),
        ("www.referees.example A +opcode=7 +noedns", "status: NOTIMP"),
    ];
    everything_is_read("dig", "bind9-dnsutils", &own);
}

#[test]
fn kdig_reads_every_kind_of_answer() {
    let own = [
        ("www.referees.example A +edns=1", "status: BADVERS"),
        ("www.referees.example A +edns +padding=64", GOOD),
        ("www.referees.example A +tcp +keepopen www.referees.example AAAA +tcp", GOOD),
    ];
    everything_is_read("kdig", "knot-dnsutils", &own);
}

fn everything_is_read(command: &str, package: &str, own: &[(&str, &str)]) {
    let client = installed(command, package);
    let server = Server::rotadns(&[ZONE]);
    for address in [server.v4(), server.v6()] {
        for (query, status) in QUERIES.iter().chain(own) {
            let said = Command::new(&client)
                .arg(format!("@{}", address.ip()))
                .args(["-p", &address.port().to_string()])
                .args(query.split(' '))
                .output()
                .expect("it was found a moment ago");
            let text = format!(
                "{}{}",
                String::from_utf8_lossy(&said.stdout),
                String::from_utf8_lossy(&said.stderr)
            );
            assert!(said.status.success(), "{command} {query}:\n{text}");
            assert!(text.contains(status), "{command} {query} ends in {status}:\n{text}");
            let complaint = text.lines().find(|line| {
                let line = line.to_lowercase();
                let any = |words: &[&str]| words.iter().any(|word| line.contains(word));
                any(&COMPLAINTS) && !any(&EXPECTED)
            });
            assert_eq!(complaint, None, "{command} {query}:\n{text}");
        }
    }
}
