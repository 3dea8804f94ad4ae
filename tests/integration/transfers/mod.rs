//! Zones handed on to real secondaries: NSD, Knot and BIND, configured as docs/transfers.md shows.

mod access;
mod aliases;
mod follow;
mod manual;
mod secondaries;
pub(crate) mod tls;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, RecordType};

use crate::asking::{Question, Way};
use crate::servers::{Folder, Server, ZoneFile, installed};

/// The key of the manual.
pub(crate) const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const ORIGIN: &str = "example.com";

/// RotaDNS with a zone, which hands it out to who has the key and tells these ports of new versions.
fn primary(zone: &str, told: &[u16], further: &str) -> Server {
    let told: Vec<String> = told
        .iter()
        .map(|port| format!("{{address: \"127.0.0.1:{port}\", key: transfer.example}}"))
        .collect();
    let settings = format!(
        "keys: {{transfer.example: {{secret: {SECRET}}}, other.example: {{secret: {OTHER}}}}}\n\
         secondaries:\n  \
           allow: [{{address: 127.0.0.0/8, key: transfer.example}}]\n  \
           notify: [{}]\n{further}",
        told.join(", ")
    );
    let name = format!("{ORIGIN}.yaml");
    let files = [ZoneFile { name: &name, text: zone }];
    Server::rotadns_with(&["127.0.0.1".parse().expect("it")], &settings, &files)
}

/// A key that the server knows and nobody is allowed by.
const OTHER: &str = "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVyIQ==";

/// The serial that a server has of the zone; `None` where it does not answer for it.
fn serial(server: &Server) -> Option<u32> {
    let question = Question::new(&format!("{ORIGIN}."), RecordType::SOA);
    let answer = server.client().ask(&question, Way::Udp { payload: None }).ok()?;
    let message = Message::from_vec(&answer).ok()?;
    message.answers.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    })
}

/// What dig prints of a transfer, signed with the key of the manual where `key` has its secret.
fn dig(server: SocketAddr, key: Option<(&str, &str)>, rtype: &str) -> String {
    let mut command = Command::new(installed("dig", "bind9-dnsutils"));
    command.args([
        "+noall",
        "+answer",
        "+comments",
        "+onesoa",
        "+nocookie",
        "+tries=1",
        "+time=10",
    ]);
    if let Some((name, secret)) = key {
        command.arg("-y").arg(format!("hmac-sha256:{name}:{secret}"));
    }
    command.arg(format!("@{}", server.ip())).arg("-p").arg(server.port().to_string());
    let output = command.args([ORIGIN, rtype]).output().expect("dig runs");
    String::from_utf8(output.stdout).expect("dig prints text")
}

/// Compares two transfers as dig prints them, by ldns-compare-zones.
fn assert_identical(ours: &str, theirs: &str, who: &str) {
    let folder = Folder::new();
    let one = folder.write("ours", ours);
    let other = folder.write("theirs", theirs);
    let compared = Command::new(installed("ldns-compare-zones", "ldnsutils"))
        .arg("-a")
        .args([&one, &other])
        .output()
        .expect("ldns-compare-zones runs");
    let said = String::from_utf8_lossy(&compared.stdout);
    assert!(
        compared.status.success()
            && said.contains("+0")
            && said.contains("-0")
            && said.contains("~0"),
        "{who}: {said}{}\nours:\n{ours}\ntheirs:\n{theirs}",
        String::from_utf8_lossy(&compared.stderr)
    );
}

/// What the manual shows in a language, the first block of it.
fn shown(language: &str) -> String {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/transfers.md");
    let text = fs::read_to_string(manual).expect("the manual");
    let (_, rest) = text.split_once(&format!("```{language}\n")).expect(language);
    rest.split_once("```").expect("a block ends").0.to_owned()
}
