//! NSD and Knot DNS, asked by our `dns` check.

use std::fs;
use std::net::Ipv4Addr;

use rustix::process::Signal;

use crate::peers::{knot, nsd};
use crate::probing::Probes;
use crate::servers::{Folder, Server, ZoneFile};

/// More than a datagram of 512 bytes has room for, which is what a query without EDNS asks for.
const ZONE: ZoneFile<'_> = ZoneFile {
    name: "example.com.zone",
    text: "$TTL 60\n@ SOA ns1 host 7 7200 600 86400 300\n@ NS ns1\nns1 A 192.0.2.53\n\
           www A 192.0.2.1\nwww A 192.0.2.2\nwww AAAA 2001:db8::1\nalias CNAME www\n@ MX 10 Mail\nmail A 192.0.2.25\n\
           much TXT \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n\
           much TXT \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"\n\
           much TXT \"c\"\n",
};

/// What is asked, and what a probe says.
const ROWS: &[(&str, &str)] = &[
    ("question: www.example.com", "+ NOERROR, 2 answers"),
    ("question: WWW.Example.COM.", "+ NOERROR, 2 answers"),
    ("question: www.example.com, transport: tcp", "+ NOERROR, 2 answers"),
    ("question: www.example.com, answer: 192.0.2.2", "+ NOERROR, 2 answers"),
    ("question: www.example.com, answer: [192.0.2.2, 192.0.2.1]", "+ NOERROR, 2 answers"),
    ("question: www.example.com, answer: [192.0.2.2, 192.0.2.3]", "- the answer lacks 192.0.2.3"),
    ("question: www.example.com, type: AAAA, answer: '2001:db8:0::1'", "+ NOERROR, 1 answer"),
    // What is behind an alias is in the answer as well.
    ("question: alias.example.com, answer: 192.0.2.1", "+ NOERROR, 3 answers"),
    ("question: example.com, type: MX, answer: 10 mail.example.com.", "+ NOERROR, 1 answer"),
    ("question: www.example.com, type: TXT", "+ NOERROR, 0 answers"),
    ("question: none.example.com", "- NXDOMAIN, not NOERROR"),
    ("question: none.example.com, rcode: NXDOMAIN", "+ NXDOMAIN, 0 answers"),
    ("question: www.example.com, rcode: NXDOMAIN", "- NOERROR, not NXDOMAIN"),
    ("question: www.example.org", "- REFUSED, not NOERROR"),
    // Too long for a datagram, so it comes over TCP.
    ("question: much.example.com, type: TXT, answer: c", "+ NOERROR, 3 answers"),
];

/// What a `dns` check finds of a server.
fn probes(server: &Server, check: &str) -> Probes {
    let check = format!("dns: {{port: {}, {check}}}", server.port());
    let folder = Folder::new();
    Probes::new(&folder.path, &check, &[Ipv4Addr::LOCALHOST])
}

#[test]
fn name_servers_are_judged_by_their_answers() {
    let www = "question: www.example.com, answer: 192.0.2.1";
    for (name, start) in [("NSD", nsd as fn(&[ZoneFile<'_>]) -> Server), ("Knot", knot)] {
        let mut server = start(&[ZONE]);
        for (check, expected) in ROWS {
            assert_eq!(probes(&server, check).says(0), *expected, "{name}: {check}");
        }
        server.stop();
        for (transport, expected) in
            [("udp", "- port unreachable"), ("tcp", "- connection refused")]
        {
            let check = format!("{www}, transport: {transport}");
            assert_eq!(probes(&server, &check).says(0), expected, "{name}");
        }
    }
}

#[test]
fn a_name_server_that_has_the_zone_no_more_fails() {
    let server = knot(&[ZONE]);
    let probes = probes(&server, "question: www.example.com, answer: 192.0.2.1");
    assert_eq!(probes.says(0), "+ NOERROR, 2 answers");
    let config = server.file("knot.conf");
    let text = fs::read_to_string(&config).expect("it is there");
    let (without, _) = text.split_once("zone:\n").expect("the zones come last");
    fs::write(&config, without).expect("it is a test's own");
    server.signal(Signal::HUP);
    probes.until_says(0, "- REFUSED, not NOERROR");
    fs::write(&config, text).expect("it is a test's own");
    server.signal(Signal::HUP);
    probes.until_says(0, "+ NOERROR, 2 answers");
}
