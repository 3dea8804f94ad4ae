//! Names of one zone that come from others, served by a process: aliases, and names of addresses.

use std::net::Ipv4Addr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;

use crate::asking::{Question, Way};
use crate::servers::{Server, ZoneFile};
use crate::waiting::until;

/// How long a changed file may take until it is in the answers.
const RELOAD_MAX: Duration = Duration::from_secs(20);

/// The response code and the data of the answer's records, in their order.
fn ask(server: &Server, name: &str, rtype: RecordType) -> (ResponseCode, Vec<String>) {
    let question = Question::new(name, rtype);
    let answer = server.client().ask(&question, Way::Udp { payload: Some(1232) });
    let message = Message::from_vec(&answer.expect("it answers")).expect("it can be read");
    let records = message.answers.iter().map(|record| record.data.to_string());
    (message.metadata.response_code, records.collect())
}

fn zone(records: &str) -> String {
    format!("zone: example.com\nns: [ns.example.net.]\nreverse: true\nrecords:\n{records}")
}

#[test]
fn names_follow_the_zones_that_they_come_from() {
    let reverse = "2.0.192.in-addr.arpa.zone";
    let server = Server::rotadns(&[
        ZoneFile {
            name: "example.com.yaml",
            text: &zone("  '@': {alias: www.example.net.}\n  a: {A: 192.0.2.1}\n"),
        },
        ZoneFile {
            name: "example.net.yaml",
            text: "zone: example.net\nns: [ns]\nrecords:\n  ns: {A: 192.0.2.53}\n  www: {pool: [192.0.2.80]}\n",
        },
        ZoneFile {
            name: reverse,
            text: "@ 60 SOA ns.example.net. host.example.net. 7 1 1 1 60\n@ 60 NS ns.example.net.\n9 60 PTR other.example.\n",
        },
    ]);
    let pointer =
        |last: u8| ask(&server, &format!("{last}.2.0.192.in-addr.arpa."), RecordType::PTR);
    let serial = || ask(&server, "2.0.192.in-addr.arpa.", RecordType::SOA).1;
    let of =
        |names: &[&str]| (ResponseCode::NoError, names.iter().map(ToString::to_string).collect());
    let soa = |serial: u32| vec![format!("ns.example.net. host.example.net. {serial} 1 1 1 60")];

    assert_eq!(ask(&server, "example.com.", RecordType::A), of(&["192.0.2.80"]));
    assert_eq!(ask(&server, "example.com.", RecordType::AAAA), of(&[]));
    assert_eq!(pointer(1), of(&["a.example.com."]));
    assert_eq!(pointer(9), of(&["other.example."]));
    // example.net did not ask for names of its addresses, and an alias has none of its own.
    assert_eq!(pointer(80), (ResponseCode::NXDomain, vec![]));
    assert_eq!(serial(), soa(7));

    let records = "  '@': {alias: www.example.org.}\n  b: {pool: [192.0.2.1, 192.0.2.2]}\n";
    server.replace_file("zones/example.com.yaml", &zone(records));
    until("the names follow", RELOAD_MAX, || (serial() == soa(8)).then_some(()));
    assert_eq!(pointer(1), of(&["b.example.com."]));
    assert_eq!(pointer(2), of(&["b.example.com."]));
    assert_eq!(ask(&server, "example.com.", RecordType::A), (ResponseCode::ServFail, vec![]));
    assert!(server.said().contains(
        "`example.com.` is an alias of `www.example.org.`, which no zone here answers for"
    ));
}

#[test]
fn rfc4035_5_a_zone_that_is_signed_is_servfail_and_the_log_says_why() {
    let zones = [
        ZoneFile {
            name: "example.com.zone",
            text: "@ 60 SOA ns.example.net. host 7 1 1 1 60\n@ 60 NS ns.example.net.\n@ 60 DNSKEY 257 3 8 AQ==\nwww 60 A 192.0.2.1\n",
        },
        ZoneFile {
            name: "example.net.yaml",
            text: "zone: example.net\nns: [ns]\nrecords: {ns: {A: 192.0.2.53}}\n",
        },
    ];
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &zones);
    assert_eq!(ask(&server, "www.example.com.", RecordType::A), (ResponseCode::ServFail, vec![]));
    let told = server.said();
    assert!(
        told.contains("example.com.zone:3:1: ") && told.contains("the zone is signed"),
        "{told}"
    );
}
