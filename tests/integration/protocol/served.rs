//! A whole server: what its config file says of answers, over its own sockets and over portable ones.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rotadns::wire::edns::cookie::{self, Judged, Secret};
use rustix::process::Signal;

use crate::servers::{Folder, Server, ZoneFile};
use crate::waiting::until;
use crate::world::{Ask, decode, options, render};

const PATIENCE: Duration = Duration::from_secs(10);
const NSID: u16 = 3;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const CLIENT: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];
const OLD: Secret = [0xaa; 16];
const NEW: Secret = [0xbb; 16];

const ZONE: ZoneFile<'_> = ZoneFile {
    name: "example.com.yaml",
    text: "zone: example.com\nns: [ns1]\nrecords: {ns1: {A: 192.0.2.53}, www: {A: 192.0.2.1}}\n",
};

fn local() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn over_udp(server: SocketAddr, question: &str) -> Vec<u8> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
    socket.send_to(&Ask::parse(question).query, server).expect("it listens");
    let mut answer = vec![0; 4096];
    let len = socket.recv(&mut answer).expect("an answer");
    answer.truncate(len);
    answer
}

fn over_tcp(server: SocketAddr, question: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let query = Ask::parse(question).query;
    stream.write_all(&(query.len() as u16).to_be_bytes()).expect("open");
    stream.write_all(&query).expect("open");
    let mut length = [0; 2];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).expect("a whole answer");
    answer
}

fn option(answer: &[u8], code: u16) -> Option<Vec<u8>> {
    options(answer).into_iter().find(|(found, _)| *found == code).map(|(_, data)| data)
}

/// Whether the server's part of the answer's cookie is of this secret.
fn is_of(answer: &[u8], secret: &Secret) -> bool {
    let cookie = option(answer, COOKIE).expect("a cookie");
    let (client, server) = cookie.split_at(8);
    assert_eq!(client, CLIENT);
    let server = server.try_into().expect("16 bytes");
    #[expect(clippy::disallowed_methods, reason = "cookies have a time")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    cookie::judge(&[*secret], CLIENT, &server, local(), now) == Some(Judged::Right(server))
}

fn hex(secret: &Secret) -> String {
    format!("{:032x}\n", u128::from_be_bytes(*secret))
}

#[test]
fn a_server_says_what_its_config_file_has_it_say() {
    for sockets in ["native", "portable"] {
        let settings = format!(
            "sockets: {sockets}\nnsid: ams-1\nidentity: {{version: RotaDNS}}\nresponses: full\nany: full\n"
        );
        let server = Server::rotadns_with(&[local()], &settings, &[ZONE]);
        let at = server.v4();
        let answer = over_udp(at, "www.example.com. A +option=3: +option=10:0102030405060708");
        assert_eq!(option(&answer, NSID).as_deref(), Some(&b"ams-1"[..]), "{sockets}");
        assert_eq!(option(&answer, COOKIE).map(|cookie| cookie.len()), Some(24), "{sockets}");
        assert_eq!(decode(&answer).authorities.len(), 1, "{sockets}: the name servers");
        let answer = over_tcp(at, "www.example.com. A +option=11:");
        assert_eq!(option(&answer, KEEPALIVE).as_deref(), Some(&[1, 44][..]), "{sockets}: 30 s");
        let message = decode(&over_udp(at, "version.bind. TXT CH"));
        assert_eq!(message.answers[0].data.to_string(), "RotaDNS", "{sockets}");
        assert_eq!(render(&over_udp(at, "id.server. TXT CH")), "REFUSED", "{sockets}");
        assert_eq!(decode(&over_tcp(at, "example.com. ANY")).answers.len(), 2, "{sockets}");
    }
}

#[test]
fn rfc9018_5_a_secret_is_exchanged_while_the_server_answers() {
    let folder = Folder::new();
    let file = folder.write("cookies", &hex(&OLD));
    let settings = format!("cookies: {{secrets_file: {}, policy: require}}\n", file.display());
    let server = Server::rotadns_with(&[local()], &settings, &[ZONE]);
    let fresh = "www.example.com. A +option=10:0102030405060708";
    let answer = over_udp(server.v4(), fresh);
    assert_eq!(render(&answer), "BADCOOKIE edns=1232");
    assert!(is_of(&answer, &OLD));
    let cookie = option(&answer, COOKIE).expect("a cookie");
    let digits: String = cookie
        .iter()
        .flat_map(|byte| {
            [byte >> 4, byte & 15]
                .map(|digit| char::from_digit(u32::from(digit), 16).expect("a digit"))
        })
        .collect();

    // The new one signs, both are right.
    folder.write("cookies", &(hex(&NEW) + &hex(&OLD)));
    server.signal(Signal::HUP);
    until("the new secret signs", PATIENCE, || {
        is_of(&over_udp(server.v4(), fresh), &NEW).then_some(())
    });
    let with_old = format!("www.example.com. A +option=10:{digits}");
    let answer = over_udp(server.v4(), &with_old);
    assert!(render(&answer).starts_with("NOERROR aa edns=1232 | www."), "{}", render(&answer));
    assert!(is_of(&answer, &NEW), "and the client gets a new one");

    // A file with a mistake changes nothing, and the log says so.
    folder.write("cookies", "none");
    server.signal(Signal::HUP);
    until("the log tells", PATIENCE, || {
        server.said().contains("is no secret of cookies").then_some(())
    });
    assert!(is_of(&over_udp(server.v4(), fresh), &NEW));

    // Nobody takes the old one any more.
    folder.write("cookies", &hex(&NEW));
    server.signal(Signal::HUP);
    until("the old secret is gone", PATIENCE, || {
        (render(&over_udp(server.v4(), &with_old)) == "BADCOOKIE edns=1232").then_some(())
    });
}
