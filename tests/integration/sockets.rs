//! What the sockets do: replies come from the address that was asked, TCP takes bytes however they come,
//! and the portable sockets serve the same answers as our own.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use socket2::{Domain, Protocol, Socket, Type};

use crate::asking::{Answer, Client, Question, Way};
use crate::http::Http;
use crate::servers::{Server, ZoneFile};
use crate::waiting::until;

const PATIENCE: Duration = Duration::from_secs(5);
const LOCALHOST: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::LOCALHOST)];

/// Every kind of answer; the names of `pool` come in a turn that any question moves on.
const ZONE: ZoneFile<'_> = ZoneFile {
    name: "sockets.example.yaml",
    text: r#"
zone: sockets.example
ns: [ns1]
records:
  ns1: {A: 192.0.2.53, AAAA: "2001:db8::53"}
  www: {pool: {backends: [192.0.2.1, 192.0.2.2, 192.0.2.3, {address: ["2001:db8::1", "2001:db8::2"]}]}}
  alias: {CNAME: www}
  a.deep.name: {TXT: [one, two]}
  "*.wild": {MX: 10 ns1}
  child: {NS: ns.child}
  ns.child: {A: 192.0.2.54}
  large: {TXT: [LARGE-1, LARGE-2, LARGE-3, LARGE-4, LARGE-5, LARGE-6, LARGE-7, LARGE-8]}
"#,
};

const QUESTIONS: &[(&str, RecordType)] = &[
    ("sockets.example.", RecordType::SOA),
    ("sockets.example.", RecordType::NS),
    ("www.sockets.example.", RecordType::A),
    ("WWW.Sockets.EXAMPLE.", RecordType::AAAA),
    ("www.sockets.example.", RecordType::MX),
    ("alias.sockets.example.", RecordType::A),
    ("deep.name.sockets.example.", RecordType::A),
    ("no.such.name.sockets.example.", RecordType::A),
    ("any.wild.sockets.example.", RecordType::MX),
    ("host.child.sockets.example.", RecordType::A),
    ("large.sockets.example.", RecordType::TXT),
    ("www.sockets.example.", RecordType::ANY),
    ("elsewhere.test.", RecordType::A),
];

/// The zone with texts so long that they do not fit a datagram of 512 bytes.
fn zone() -> String {
    ZONE.text.replace("LARGE", &"large".repeat(40))
}

fn serve(listen: &[IpAddr], settings: &str) -> Server {
    Server::rotadns_with(listen, settings, &[ZoneFile { name: ZONE.name, text: &zone() }])
}

#[test]
fn rfc2181_4_1_a_reply_comes_from_the_address_that_was_asked() {
    let server = serve(&[Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()], "");
    let question = Question::new("ns1.sockets.example.", RecordType::A);
    let asked = ["127.0.0.1", "127.31.0.9", "127.31.200.7", "127.255.255.254", "::1"];
    for address in asked.map(|text| text.parse::<IpAddr>().expect("an address")) {
        let server = SocketAddr::new(address, server.port());
        // A connected socket gets what comes from there, and nothing else.
        let any: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let udp = UdpSocket::bind((any, 0)).expect("a socket of our own");
        udp.set_read_timeout(Some(PATIENCE)).expect("a time limit is set");
        udp.connect(server).expect("it is on loopback");
        udp.send(&question.to_bytes(7, None)).expect("it listens there");
        let mut answer = [0; 512];
        let len = udp.recv(&mut answer).unwrap_or_else(|error| panic!("{server}: {error}"));
        let message = Message::from_vec(&answer[..len]).expect("an answer");
        assert_eq!(message.answers.len(), 1, "{server}");

        let answer = Client::new(server).answer(&question, Way::Tcp { payload: None });
        assert_eq!(answer, Answer::from(message), "{server}");
    }
}

/// How many datagrams without a port to answer to were dropped.
fn from_port_zero(server: &Server) -> u64 {
    let page = Http::unix(server.file("admin.sock")).get("/metrics").body;
    let name = r#"rotadns_messages_dropped_total{transport="udp",reason="port_zero"} "#;
    let value = page.lines().find_map(|line| line.strip_prefix(name)).expect("it is exported");
    value.parse().expect("a count")
}

#[test]
fn rfc768_a_query_without_a_source_port_is_dropped() {
    // The system chooses a port for whom asks by ordinary sockets; and what is sent by this one comes back to it too.
    let raw = match Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)) {
        Ok(raw) => raw,
        Err(error) => {
            eprintln!("NOT CHECKED: no raw sockets here ({error}); this needs CAP_NET_RAW");
            return;
        }
    };
    let server = serve(&LOCALHOST, "");
    let question = Question::new("ns1.sockets.example.", RecordType::A);
    let query = question.to_bytes(7, None);
    // Source and destination, the length with this head, and no checksum (RFC 768).
    let head = [0, server.port(), 8 + query.len() as u16, 0].map(u16::to_be_bytes).concat();
    for sent in 1..=3 {
        raw.send_to(&[&head[..], &query].concat(), &server.v4().into()).expect("loopback takes it");
        until("it is counted", PATIENCE, || (from_port_zero(&server) == sent).then_some(()));
    }
    // Had it been answered, the system would have refused to send that.
    let page = Http::unix(server.file("admin.sock")).get("/metrics").body;
    let failed = r#"rotadns_messages_dropped_total{transport="udp",reason="send_failed"} 0"#;
    assert!(page.lines().any(|line| line == failed), "{page}");
    let answer = server.client().answer(&question, Way::Udp { payload: None });
    assert_eq!(answer.answers.len(), 1, "who has a port is answered");
}

#[test]
fn portable_sockets_give_the_same_answers() {
    let native = serve(&LOCALHOST, "sockets: native\n");
    let portable = serve(&LOCALHOST, "sockets: portable\n");
    let ways = [
        Way::Udp { payload: None },
        Way::Udp { payload: Some(1232) },
        Way::Tcp { payload: None },
        Way::Tcp { payload: Some(1232) },
    ];
    let (mut ours, mut theirs) = (native.client(), portable.client());
    for &(name, rtype) in QUESTIONS {
        let question = Question::new(name, rtype);
        for way in ways {
            let expected = without_serial(ours.answer(&question, way));
            let found = without_serial(theirs.answer(&question, way));
            assert_eq!(found, expected, "{question:?} {way:?}");
        }
    }
}

/// The two were started one after the other, so that their serials, which are times, may differ.
fn without_serial(mut answer: Answer) -> Answer {
    for section in [&mut answer.answers, &mut answer.authorities] {
        let records = std::mem::take(section);
        section.extend(records.into_iter().map(|record| {
            let mut words: Vec<&str> = record.split_whitespace().collect();
            if words.get(3) == Some(&"soa") {
                words[6] = "serial";
            }
            words.join(" ")
        }));
    }
    answer
}

/// How many queries stand one after the other on a connection.
const PIPELINED: u16 = 100;

/// The queries of a connection, framed (RFC 1035 §4.2.2).
fn pipelined() -> Vec<u8> {
    let question = Question::new("www.sockets.example.", RecordType::A);
    (0..PIPELINED)
        .flat_map(|id| {
            let query = question.to_bytes(id, None);
            [&(query.len() as u16).to_be_bytes()[..], &query].concat()
        })
        .collect()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.v4()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit is set");
    stream.set_nodelay(true).expect("segments leave as they are written");
    stream
}

/// Reads as many answers as were asked for; each ID comes once, in any order (RFC 7766 §7).
fn assert_all_are_answered(stream: &mut TcpStream) {
    let mut ids = BTreeSet::new();
    for _ in 0..PIPELINED {
        let mut length = [0; 2];
        stream.read_exact(&mut length).expect("one more answer");
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer).expect("the whole of it");
        let message = Message::from_vec(&answer).expect("an answer");
        assert_eq!(message.answers.len(), 3);
        ids.insert(message.metadata.id);
    }
    assert_eq!(ids, (0..PIPELINED).collect());
}

#[test]
fn rfc7766_6_2_1_1_queries_are_pipelined_in_one_segment() {
    let server = serve(&LOCALHOST, "");
    let mut stream = connect(&server);
    stream.write_all(&pipelined()).expect("the server reads");
    assert_all_are_answered(&mut stream);
}

#[test]
fn rfc7766_8_a_message_may_come_a_byte_at_a_time() {
    let server = serve(&LOCALHOST, "");
    let mut stream = connect(&server);
    for byte in pipelined() {
        stream.write_all(&[byte]).expect("the server reads");
    }
    assert_all_are_answered(&mut stream);
}

#[test]
fn a_client_that_has_asked_all_it_wants_still_gets_its_answers() {
    let server = serve(&LOCALHOST, "");
    let mut stream = connect(&server);
    stream.write_all(&pipelined()).expect("the server reads");
    stream.shutdown(Shutdown::Write).expect("half of it closes");
    assert_all_are_answered(&mut stream);
    let end = stream.read(&mut [0]).expect("the server closes too, and in order");
    assert_eq!(end, 0);
}
