//! Dynamic updates (RFC 2136) from outside: real processes, other people's clients, kills.

mod crash;
mod files;
mod providers;

use std::fs;
use std::net::UdpSocket;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hickory_proto::rr::RecordType;
use rotadns::name::Name;
use rotadns::rdata::{self, rtype};
use rotadns::wire::class;
use rotadns::wire::encode::Section;
use rotadns::wire::records::records;
use rotadns::wire::tsig;
use rotadns::wire::tsig::key::{Algorithm, Key};

use crate::asking::{Question, Way};
use crate::servers::{Server, ZoneFile, installed};

/// Base 64 of the 32 bytes below.
pub(crate) const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const SECRET_BYTES: &[u8] = b"0123456789abcdef0123456789abcdef";
const WAY: Way = Way::Udp { payload: None };
/// How long a change may take until it is served.
const PATIENCE: Duration = Duration::from_secs(10);

const MASTER: ZoneFile<'_> = ZoneFile {
    name: "example.com.zone",
    text: "$TTL 60\n@ SOA ns1 host 7 7200 600 86400 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1\n",
};

/// A server that takes updates from loopback, signed with the key `k.example`.
fn server(zone: &ZoneFile<'_>) -> Server {
    let settings = format!(
        "keys: {{k.example: {{secret: {SECRET}}}, other.example: {{secret: {SECRET}}}}}\n\
         updates: {{allow: [{{key: k.example, address: 127.0.0.0/8}}]}}\n\
         secondaries: {{allow: [{{key: k.example}}]}}\n"
    );
    Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &settings, std::slice::from_ref(zone))
}

fn key() -> Key {
    let name = Name::parse_absolute("k.example").expect("a name");
    Key::new(name, Algorithm::Sha256, SECRET_BYTES)
}

#[expect(clippy::disallowed_methods, reason = "signatures tell the time")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that goes").as_secs()
}

/// An update as it is sent, as github.com/miekg/dns makes it: nothing compressed, no EDNS.
pub(crate) struct Update {
    zone: Name,
    records: Vec<Vec<u8>>,
}

impl Update {
    pub(crate) fn of(zone: &str) -> Self {
        Self { zone: name(zone), records: Vec::new() }
    }

    fn record(mut self, owner: &str, kind: &str, class: u16, ttl: u32, text: Option<&str>) -> Self {
        let rtype = if kind == "ANY" { rtype::ANY } else { rdata::parse_type(kind).expect(kind) };
        let mut data = Vec::new();
        if let Some(text) = text {
            rdata::parse(rtype, text, &self.zone, &mut data).expect(text);
        }
        let fixed = [&rtype.to_be_bytes()[..], &class.to_be_bytes(), &ttl.to_be_bytes()].concat();
        let length = (data.len() as u16).to_be_bytes();
        self.records.push([name(owner).as_wire(), &fixed, &length, &data].concat());
        self
    }

    /// `Insert`: RFC 2136 §2.5.1.
    pub(crate) fn insert(self, owner: &str, ttl: u32, kind: &str, text: &str) -> Self {
        self.record(owner, kind, class::IN, ttl, Some(text))
    }

    /// `Remove`: §2.5.4.
    fn remove(self, owner: &str, kind: &str, text: &str) -> Self {
        self.record(owner, kind, class::NONE, 0, Some(text))
    }

    /// `RemoveRRset`: §2.5.2.
    fn remove_set(self, owner: &str, kind: &str) -> Self {
        self.record(owner, kind, class::ANY, 0, None)
    }

    /// The message, signed.
    fn signed(&self, id: u16, key: &Key) -> Vec<u8> {
        let counts = [id, 0x2800, 1, 0, self.records.len() as u16, 0];
        let mut message = counts.map(u16::to_be_bytes).concat();
        message.extend(self.zone.as_wire());
        message.extend([0, 6, 0, 1]);
        message.extend(self.records.concat());
        tsig::sign_request(key, &mut message, seconds());
        message
    }

    /// The response code of the answer over UDP; `None` where there is none in time.
    pub(crate) fn send(&self, server: SocketAddr, within: Duration) -> Option<u8> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        socket.connect(server).expect("it is loopback");
        socket.set_read_timeout(Some(within)).expect("it is no zero");
        let id = fastrand::u16(..);
        socket.send(&self.signed(id, &key())).ok()?;
        let mut answer = [0; 512];
        let len = socket.recv(&mut answer).ok()?;
        assert_eq!(answer[..2], id.to_be_bytes());
        assert_eq!(answer[2], 0xa8, "a response to an update");
        // Header, question, TSIG: the answer to what is signed is signed.
        assert!(len > 12 && answer[11] == 1, "{:x?}", &answer[..len]);
        Some(answer[3] & 0xf)
    }
}

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect(text)
}

/// The records of an answer, sorted.
fn data(server: &Server, name: &str, kind: RecordType) -> Vec<String> {
    let answer = server.client().ask(&Question::new(name, kind), WAY).expect("an answer");
    let records = records(&answer).into_iter().filter(|record| record.section == Section::Answer);
    let mut data: Vec<String> =
        records.map(|record| record.to_string().replacen(" IN ", " ", 1)).collect();
    data.sort();
    data
}

/// What `nsupdate` makes of a script.
fn nsupdate(server: &Server, key: &str, more: &[&str], script: &str) -> Output {
    let script = format!("server 127.0.0.1 {}\n{script}\nsend\n", server.port());
    let file = server.file("script");
    fs::write(&file, script).expect("a file of this test's own");
    Command::new(installed("nsupdate", "bind9-dnsutils"))
        .args(["-t", "10", "-y", &format!("hmac-sha256:{key}:{SECRET}")])
        .args(more)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("it is installed")
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn nsupdate_adds_and_deletes_over_udp_and_tcp() {
    let server = server(&MASTER);
    for more in [&[][..], &["-v"]] {
        let done = nsupdate(
            &server,
            "k.example",
            more,
            "zone example.com.\nprereq nxdomain new.example.com.\n\
             update add new.example.com. 30 A 192.0.2.7\nupdate add new.example.com. 30 A 192.0.2.8\n\
             update add new.example.com. 30 MX 10 Mail.example.com.",
        );
        assert!(done.status.success(), "{}", said(&done));
        assert_eq!(
            data(&server, "new.example.com.", RecordType::A),
            ["new.example.com. 30 A 192.0.2.7", "new.example.com. 30 A 192.0.2.8"]
        );
        let done = nsupdate(
            &server,
            "k.example",
            more,
            "prereq yxrrset new.example.com. MX\nupdate delete new.example.com. A 192.0.2.7\n\
             update delete new.example.com. MX",
        );
        assert!(done.status.success(), "{}", said(&done));
        assert_eq!(
            data(&server, "new.example.com.", RecordType::A),
            ["new.example.com. 30 A 192.0.2.8"]
        );
        let done = nsupdate(&server, "k.example", more, "update delete new.example.com.");
        assert!(done.status.success(), "{}", said(&done));
        assert_eq!(data(&server, "new.example.com.", RecordType::A), [] as [&str; 0]);
    }
}

#[test]
fn rfc2136_3_8_nsupdate_is_told_what_is_in_the_way() {
    let server = server(&MASTER);
    for (key, script, expected) in [
        (
            "k.example",
            "prereq nxdomain www.example.com.\nupdate delete www.example.com.",
            "YXDOMAIN",
        ),
        (
            "k.example",
            "prereq yxdomain gone.example.com.\nupdate delete www.example.com.",
            "NXDOMAIN",
        ),
        (
            "k.example",
            "prereq yxrrset www.example.com. AAAA\nupdate delete www.example.com.",
            "NXRRSET",
        ),
        (
            "k.example",
            "prereq nxrrset www.example.com. A\nupdate delete www.example.com.",
            "YXRRSET",
        ),
        ("k.example", "zone example.com.\nupdate add www.example.net. 60 A 192.0.2.1", "NOTZONE"),
        ("other.example", "zone example.com.\nupdate delete www.example.com.", "REFUSED"),
        ("k.example", "zone example.net.\nupdate delete www.example.net.", "NOTAUTH"),
        ("nobody.example", "zone example.com.\nupdate delete www.example.com.", "NOTAUTH"),
    ] {
        let done = nsupdate(&server, key, &[], script);
        assert!(
            !done.status.success() && said(&done).contains(expected),
            "{script}\n{}",
            said(&done)
        );
    }
    assert_eq!(
        data(&server, "www.example.com.", RecordType::A),
        ["www.example.com. 60 A 192.0.2.1"]
    );
}
