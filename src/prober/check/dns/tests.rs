//! Answers of every shape, from servers on loopback that say what they are told to.

use std::path::Path;

use tokio::net::{TcpListener, UdpSocket};

use super::super::Checker;
use super::super::tests::{probe, target};
use super::*;
use crate::config::model::CheckKind;
use crate::config::read_zone;

/// A check as a zone file has it.
fn read(check: &str, port: u16) -> DnsCheck {
    let zone = format!(
        "zone: x\nns: [ns]\nchecks: {{c: {{dns: {{port: {port}, {check}}}}}}}\n\
         pools: {{p: {{check: c, backends: [192.0.2.1]}}}}\n\
         records: {{ns: {{A: 192.0.2.53}}, www: {{pool: p}}}}\n"
    );
    let (zone, mistakes) = read_zone(Path::new("x.yaml"), &zone);
    let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
    match &zone.pools[0].check.as_ref().expect("the pool has one").kind {
        CheckKind::Dns(check) => check.clone(),
        other => panic!("{other:?}"),
    }
}

/// An answer to a query: its flags and response code, and records of the question's name: type and RDATA.
fn answer(query: &[u8], flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut answer = query.to_vec();
    answer[2..4].copy_from_slice(&(0x8000 | flags).to_be_bytes());
    answer[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    for (rtype, rdata) in records {
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&rtype.to_be_bytes());
        answer.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        answer.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        answer.extend_from_slice(rdata);
    }
    answer
}

fn judged(check: &str, flags: u16, records: &[(u16, &[u8])]) -> String {
    let check = read(check, 53);
    match judge(&check, &answer(&query(&check, 7), flags, records)) {
        Ok(passed) => format!("+ {passed}"),
        Err(Trouble::Failed(why)) => format!("- {why}"),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_has_the_code_and_the_records_that_are_wished_for() {
    let web: (u16, &[u8]) = (1, &[192, 0, 2, 1]);
    let other: (u16, &[u8]) = (1, &[192, 0, 2, 2]);
    // `10 C0 0C`: the name of the question, by a pointer.
    let mail: (u16, &[u8]) = (15, &[0, 10, 1, b'M', 0xc0, 12]);
    for (check, flags, records, expected) in [
        ("question: a.example", 0, &[][..], "+ NOERROR, 0 answers"),
        ("question: a.example", 0, &[web], "+ NOERROR, 1 answer"),
        ("question: a.example", 3, &[], "- NXDOMAIN, not NOERROR"),
        ("question: a.example", 5, &[], "- REFUSED, not NOERROR"),
        ("question: a.example, rcode: NXDOMAIN", 3, &[], "+ NXDOMAIN, 0 answers"),
        ("question: a.example, rcode: NXDOMAIN", 0, &[], "- NOERROR, not NXDOMAIN"),
        ("question: a.example", 15, &[], "- RCODE15, not NOERROR"),
        ("question: a.example, answer: 192.0.2.1", 0, &[other, web], "+ NOERROR, 2 answers"),
        (
            "question: a.example, answer: [192.0.2.2, 192.0.2.1]",
            0,
            &[web, other],
            "+ NOERROR, 2 answers",
        ),
        ("question: a.example, answer: [192.0.2.1]", 0, &[other], "- the answer lacks 192.0.2.1"),
        ("question: a.example, answer: [192.0.2.1]", 0, &[], "- the answer lacks 192.0.2.1"),
        // RFC 4343: names are compared without regard to case, compressed or not.
        (
            "question: a.example, type: MX, answer: 10 m.A.example.",
            0,
            &[mail],
            "+ NOERROR, 1 answer",
        ),
        (
            "question: a.example, type: MX, answer: 11 m.a.example.",
            0,
            &[mail],
            "- the answer lacks 11 m.a.example.",
        ),
        // Of another type.
        (
            "question: a.example, type: TYPE65280, answer: '\\# 4 c0000201'",
            0,
            &[web],
            "- the answer lacks \\# 4 c0000201",
        ),
        (
            "question: a.example, type: TYPE65280, answer: '\\# 1 07'",
            0,
            &[(65280, &[7])],
            "+ NOERROR, 1 answer",
        ),
    ] {
        assert_eq!(judged(check, flags, records), expected, "{check}");
    }
}

#[test]
fn rfc5452_9_1_what_is_no_answer_to_the_question_is_passed_over() {
    let check = read("question: a.example", 53);
    let query = query(&check, 7);
    let good = answer(&query, 0, &[]);
    assert!(is_answer(&query, &good));
    assert!(is_answer(&query, &good.to_ascii_uppercase()), "RFC 4343 §4");
    assert!(!is_answer(&query, &query), "a query is none");
    for (place, byte) in [(0, 9), (1, 9), (2, 0x88), (5, 2), (5, 0), (13, b'b'), (22, 28), (24, 3)]
    {
        let mut other = good.clone();
        other[place] = byte;
        assert!(!is_answer(&query, &other), "byte {place}");
    }
    for end in 0..query.len() {
        assert!(!is_answer(&query, &good[..end]), "{end} bytes");
    }
}

#[test]
fn what_is_asked_has_the_flag_of_recursion_where_it_is_wished() {
    for (recursion, flags) in [("true", [1, 0]), ("false", [0, 0])] {
        let check = read(&format!("question: ., type: NS, recursion: {recursion}"), 53);
        let query = query(&check, 0x1234);
        assert_eq!(query[..4], [0x12, 0x34, flags[0], flags[1]]);
        assert_eq!(query[4..], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);
    }
}

#[tokio::test]
async fn strangers_are_passed_over_and_a_truncated_answer_is_asked_for_over_tcp() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = udp.local_addr().expect("its own");
    let tcp = TcpListener::bind(address).await.expect("the same port");
    let check = read("question: a.example, answer: 192.0.2.1", address.port());
    let target = target(address, CheckKind::Dns(check));
    let web: (u16, &[u8]) = (1, &[192, 0, 2, 1]);
    let serve = async {
        let mut heard = [0; 512];
        let (length, from) = udp.recv_from(&mut heard).await.expect("a question");
        let query = &heard[..length];
        let mut other = answer(query, 5, &[]);
        other[0] ^= 1;
        udp.send_to(&other, from).await.expect("it is sent");
        udp.send_to(b"", from).await.expect("it is sent");
        let stranger = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        stranger.send_to(&answer(query, 5, &[]), from).await.expect("it is sent");
        udp.send_to(&answer(query, 0x0200, &[]), from).await.expect("it is sent");

        let (mut stream, _) = tcp.accept().await.expect("the same question over TCP");
        let mut framed = vec![0; usize::from(stream.read_u16().await.expect("a length"))];
        stream.read_exact(&mut framed).await.expect("a question");
        assert_eq!(framed, query);
        let answer = answer(&framed, 0, &[web]);
        stream.write_u16(answer.len() as u16).await.expect("it is sent");
        stream.write_all(&answer).await.expect("it is sent");
        let _ = stream.read(&mut [0]).await;
    };
    let checker = Checker::new(Vec::new());
    let (found, ()) = tokio::join!(probe(&checker, &target), serve);
    assert_eq!(found, "+ NOERROR, 1 answer");
}

#[tokio::test]
async fn a_server_that_is_not_there_fails() {
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let address = udp.local_addr().expect("its own");
    drop(udp);
    let checker = Checker::new(Vec::new());
    for (transport, expected) in [("udp", "- port unreachable"), ("tcp", "- connection refused")] {
        let check = read(&format!("question: ., transport: {transport}"), address.port());
        let target = target(address, CheckKind::Dns(check));
        assert_eq!(probe(&checker, &target).await, expected);
    }
}
