//! The portable listeners over real sockets, and what they say beside the function that they ask.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use hickory_proto::op::{Edns, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, RecordType};

use super::*;

/// Longer than anything here takes; a test that waits so long has failed.
const LONG: Duration = Duration::from_secs(10);

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn query(text: &str) -> Message {
    let mut query = Message::new(0x1234, MessageType::Query, OpCode::Query);
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(name(text), RecordType::A));
    query
}

fn with_edns(mut message: Message, payload: u16) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(payload).set_dnssec_ok(true);
    message.edns = Some(edns);
    message
}

fn answer_to(query: &Message) -> Message {
    let mut answer = query.clone();
    answer.metadata.message_type = MessageType::Response;
    answer.metadata.authoritative = true;
    answer
}

fn address(owner: &str, last: u8) -> Record {
    let address = Ipv4Addr::new(192, 0, 2, last);
    Record::from_rdata(name(owner), 30, RData::A(address.into()))
}

fn soa() -> Record {
    let soa = SOA::new(name("ns1.example.com."), name("h.example.com."), 1, 2, 3, 4, 5);
    Record::from_rdata(name("example.com."), 300, RData::SOA(soa))
}

fn always(answer: &Message) -> Answer {
    let bytes = answer.to_vec().expect("it is well-formed");
    Box::new(move |_, _, _, out| {
        out.extend_from_slice(&bytes);
        Answered::Whole
    })
}

/// What a client gets over UDP and over TCP from a listener that answers so.
fn over_the_wire(answer: Answer, query: &[u8]) -> [Vec<u8>; 2] {
    let counters = Arc::new(Counters::default());
    let sockets = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))]).expect("a free port");
    let Bound::Udp(socket) = &sockets[1] else { panic!("each address has both") };
    let at = socket.local_addr().expect("bound");
    let running = start(sockets, LONG, answer, Arc::clone(&counters)).expect("a thread");
    let received = [ask_udp(at, query), ask_tcp(at, query)];
    running.stop(LONG);
    assert_eq!(counters.get(Counter::UdpAnswers) + counters.get(Counter::TcpAnswers), 2);
    received
}

fn ask_udp(at: SocketAddr, query: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(LONG)).expect("an option");
    socket.send_to(query, at).expect("sent");
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer).expect("an answer");
    buffer.truncate(length);
    buffer
}

fn ask_tcp(at: SocketAddr, query: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(at).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("an option");
    let length = (query.len() as u16).to_be_bytes();
    stream.write_all(&[&length, query].concat()).expect("open");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut answer).expect("all of it");
    answer
}

/// What comes over both transports is the message that our bytes say.
fn check(case: &str, query: &Message, answer: &Message) {
    let query = query.to_vec().expect("it is well-formed");
    let direct = answer.to_vec().expect("it is well-formed");
    let direct = Message::from_vec(&direct).expect("it is well-formed");
    for wire in over_the_wire(always(answer), &query) {
        assert_eq!(Message::from_vec(&wire).expect(case), direct, "{case}");
    }
}

#[test]
fn the_message_sent_is_the_one_that_was_answered() {
    let plain = query("www.example.com.");
    let edns = with_edns(query("www.example.com."), 1232);

    let mut found = answer_to(&edns);
    found.add_answers((1..=8).map(|last| address("www.example.com.", last)));
    check("addresses", &edns, &found);

    let mut negative = answer_to(&plain);
    negative.metadata.response_code = ResponseCode::NXDomain;
    negative.add_authority(soa());
    check("a negative answer", &plain, &negative);

    let mut referral = answer_to(&edns);
    referral.metadata.authoritative = false;
    referral.add_authority(soa()).add_additional(address("ns.www.example.com.", 1));
    check("every section", &edns, &referral);

    let mut truncated = answer_to(&edns);
    truncated.metadata.truncation = true;
    check("truncated by us", &edns, &truncated);

    let mut refused = answer_to(&plain);
    refused.metadata.response_code = ResponseCode::Refused;
    refused.metadata.authoritative = false;
    check("refused", &plain, &refused);
}

#[test]
fn rfc6891_6_1_3_the_upper_bits_of_the_response_code_are_sent() {
    let mut edns = with_edns(query("www.example.com."), 1232);
    edns.edns.as_mut().expect("just set").set_version(1);
    let mut badvers = answer_to(&with_edns(query("www.example.com."), 1232));
    badvers.metadata.response_code = ResponseCode::BADVERS;
    badvers.edns.as_mut().expect("just set").set_rcode_high(1);
    check("BADVERS", &edns, &badvers);
}

#[test]
fn an_answer_may_have_no_question() {
    let mut notimp = answer_to(&query("www.example.com."));
    notimp.queries.clear();
    notimp.metadata.response_code = ResponseCode::NotImp;
    check("a header alone", &query("www.example.com."), &notimp);
}

#[test]
fn rfc4343_the_case_of_the_question_is_kept() {
    let query = query("wWw.ExAmPlE.com.");
    let mut answer = answer_to(&query);
    answer.add_answer(address("www.example.com.", 1));
    let question = query.to_vec().expect("it is well-formed")[12..].to_vec();
    let sent = query.to_vec().expect("it is well-formed");
    for wire in over_the_wire(always(&answer), &sent) {
        assert_eq!(wire[12..12 + question.len()], question);
    }
}

#[test]
fn what_grows_over_the_limit_is_truncated_whole() {
    // 12 + 58 + 26 × 16 bytes, and 11 for OPT, with every owner name a pointer to the question;
    // hickory-proto spells the first of them, which is 52 bytes more.
    let long = format!("{}.example.com.", "w".repeat(40));
    for query in [query(&long), with_edns(query(&long), 512)] {
        let mut answer = answer_to(&query);
        if let Some(edns) = &mut answer.edns {
            edns.set_max_payload(1232);
        }
        answer.add_answers((0..26).map(|last| address(&long, last)));
        let bytes = query.to_vec().expect("it is well-formed");
        let [udp, tcp] = over_the_wire(always(&answer), &bytes);
        let (udp, tcp) = (Message::from_vec(&udp), Message::from_vec(&tcp));
        let (udp, tcp) = (udp.expect("well-formed"), tcp.expect("well-formed"));
        assert!(udp.metadata.truncation && udp.answers.is_empty());
        assert_eq!(udp.edns, answer.edns);
        assert_eq!(tcp, answer);
    }
}

#[test]
fn an_answer_that_cannot_be_decoded_is_servfail() {
    let query = query("www.example.com.").to_vec().expect("it is well-formed");
    let broken = query[..20].to_vec();
    let answer: Answer = Box::new(move |_, _, _, out| {
        out.extend_from_slice(&broken);
        Answered::Whole
    });
    for wire in over_the_wire(answer, &query) {
        let message = Message::from_vec(&wire).expect("well-formed");
        assert_eq!(message.metadata.response_code, ResponseCode::ServFail);
    }
}

#[test]
fn what_earns_no_answer_gets_none_and_a_stop_answers_what_came_before() {
    let counters = Arc::new(Counters::default());
    let sockets = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))]).expect("a free port");
    let Bound::Udp(socket) = &sockets[1] else { panic!("each address has both") };
    let at = socket.local_addr().expect("bound");
    let answer: Answer = Box::new(|_, _, query, out| {
        out.extend_from_slice(query);
        if query[1] == 0 { Answered::Nothing } else { Answered::Whole }
    });
    let running = start(sockets, LONG, answer, Arc::clone(&counters)).expect("a thread");

    let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    client.set_nonblocking(true).expect("an option");
    let bytes = |id| {
        let mut query = query("www.example.com.");
        query.metadata.id = id;
        query.to_vec().expect("it is well-formed")
    };
    client.send_to(&bytes(0x100), at).expect("sent");
    client.send_to(&bytes(0x101), at).expect("sent");
    running.stop(LONG);

    let mut buffer = [0; 512];
    client.recv(&mut buffer).expect("an answer to the second");
    assert_eq!(buffer[..2], [1, 1]);
    assert!(client.recv(&mut buffer).is_err(), "and none to the first");
    assert_eq!(counters.get(Counter::UdpQueries), 2);
    assert_eq!(counters.get(Counter::UdpResponse), 1);
}
