//! Sockets that were opened before the server was started, as systemd does (`sd_listen_fds(3)`): they are served, stay open when it
//! ends, and what came in between is answered by the next.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

use crate::asking::{Client, Question, Way};
use crate::servers::{Folder, ROTADNS, Server};

const ZONE: &str = "zone: example.com\nns: [ns1]\nrecords: {ns1: {A: 192.0.2.53}}\n";
/// The first number that a descriptor has here on its way, above those that this process uses.
const ABOVE: i32 = 100;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server's files, and sockets that outlive it.
struct World {
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
}

impl World {
    /// A UDP and a TCP socket on one address.
    fn new() -> (Self, SocketAddr) {
        loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let at = udp.local_addr().expect("bound");
            if let Ok(tcp) = TcpListener::bind(at) {
                return (Self { udp: vec![udp], tcp: vec![tcp] }, at);
            }
        }
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        let udp = self.udp.iter().map(AsFd::as_fd);
        udp.chain(self.tcp.iter().map(AsFd::as_fd)).collect()
    }

    /// A server that is given them, with these further lines in its config file.
    fn start(&self, at: SocketAddr, folder: Folder, settings: &str) -> Server {
        folder.write("zones/example.com.yaml", ZONE);
        let config = format!("zones: zones\nstate: state\nadmin: off\n{settings}");
        let config = folder.write("rotadns.yaml", &config);
        let mut server = Server::start("rotadns", self.command(&config), at.port(), folder);
        server.wait_until_it_serves();
        server
    }

    /// The numbers 3 and up are the sockets', as systemd has it, and the variables say so to this very process.
    fn command(&self, config: &Path) -> Command {
        let mut moves = String::new();
        let descriptors = self.descriptors();
        for (place, descriptor) in descriptors.iter().enumerate() {
            let above = fcntl_dupfd_cloexec(descriptor, ABOVE).expect("a descriptor");
            fcntl_setfd(&above, FdFlags::empty()).expect("a flag");
            let _ = write!(moves, " {}<&{}", place + 3, above.into_raw_fd());
        }
        let mut command = Command::new("bash");
        let count = descriptors.len();
        command
            .args(["-c", &format!("LISTEN_FDS={count} LISTEN_PID=$$ exec \"$@\"{moves}"), "bash"])
            .args([ROTADNS, "serve", "--config"])
            .arg(config);
        command
    }
}

fn question() -> Question {
    Question::new("ns1.example.com.", RecordType::A)
}

fn assert_serves(at: SocketAddr) {
    let mut client = Client::new(at);
    for way in [Way::Udp { payload: None }, Way::Tcp { payload: None }] {
        let answer = client.answer(&question(), way);
        assert_eq!(answer.answers.len(), 1, "{way:?}: {answer:?}");
    }
}

#[test]
fn without_listen_what_is_given_is_served() {
    let (world, at) = World::new();
    let mut server = world.start(at, Folder::new(), "workers: 3\n");
    assert!(server.said().contains(&format!("serving listen=[{at}]")), "{}", server.said());
    assert_serves(at);
    assert!(server.stop().success());
}

#[test]
fn portable_sockets_can_be_given_too() {
    let (world, at) = World::new();
    let mut server = world.start(at, Folder::new(), "sockets: portable\n");
    assert_serves(at);
    assert!(server.stop().success());
}

#[test]
fn what_is_given_and_not_wanted_is_told_and_closed() {
    let (mut world, at) = World::new();
    world.udp.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    let other = world.udp[1].local_addr().expect("bound");
    let settings = format!("listen: [\"{at}\"]\n");
    let mut server = world.start(at, Folder::new(), &settings);
    let told = format!(
        "a socket on {other} over UDP was given, and nothing in the config listens there; it is closed"
    );
    assert!(server.said().contains(&told), "{}", server.said());
    assert_serves(at);
    assert!(server.stop().success());
}

#[test]
fn what_comes_while_the_server_is_restarted_is_answered_by_the_next() {
    let (world, at) = World::new();
    let bytes = question().to_bytes(9, None);
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    client.set_read_timeout(Some(PATIENCE)).expect("an option");
    client.connect(at).expect("it is there");
    for _ in 0..3 {
        let mut server = world.start(at, Folder::new(), "");
        assert_serves(at);
        assert!(server.stop().success());
        // Nobody serves now: a query and a connection wait.
        client.send(&bytes).expect("the socket is open");
        let mut stream = TcpStream::connect(at).expect("the kernel accepts it");
        let framed = [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat();
        stream.write_all(&framed).expect("it is open");
        let mut server = world.start(at, Folder::new(), "");
        let mut answer = [0; 512];
        let length = client.recv(&mut answer).expect("it waited");
        assert_eq!(Message::from_vec(&answer[..length]).expect("an answer").answers.len(), 1);
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        stream.read_exact(&mut answer[..2]).expect("it waited");
        assert!(server.stop().success());
    }
}
