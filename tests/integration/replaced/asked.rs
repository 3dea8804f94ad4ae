//! A server that is asked all the time is replaced several times in a row.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hickory_proto::rr::RecordType;

use super::{APEX, PATIENCE, admin, drain, ended_well, server};
use crate::asking::{Question, Way};
use crate::updates::Update;
use crate::waiting::until;

/// How often the server is replaced.
const TIMES: usize = 4;
/// How many sockets ask over UDP, each this often.
const SOCKETS: usize = 4;
const UDP_PACE: Duration = Duration::from_millis(1);
/// From one question over TCP to the next.
const TCP_PACE: Duration = Duration::from_millis(3);
const UPDATE_PACE: Duration = Duration::from_millis(15);
const WAY: Way = Way::Udp { payload: None };

#[test]
fn no_query_is_lost_when_a_server_is_replaced_while_it_is_asked() {
    let mut server = server("workers: 2\n");
    let at = server.v4();
    drain(&server, "a");
    let stop = Arc::new(AtomicBool::new(false));
    let udp: Vec<_> = (0..SOCKETS).map(|_| Udp::start(at, &stop)).collect();
    let single = spawn(&stop, move || ask_on_a_new_connection(at));
    let mut long = LongLived::new(at);
    let long = spawn(&stop, move || long.ask());
    let mut serial = 0;
    let serials = spawn(&stop, move || serial = serial_after(at, serial));
    let (acknowledged, sent) = (Arc::new(std::sync::Mutex::new(Vec::new())), AtomicUsize::new(0));
    let noted = Arc::clone(&acknowledged);
    let updates = spawn(&stop, move || {
        let name = format!("u{}.{APEX}", sent.fetch_add(1, Ordering::Relaxed));
        let update = Update::of(APEX).insert(&name, 60, "A", "192.0.2.9");
        // For a moment it may be SERVFAIL, which says to ask again.
        let rcode = update.send(at, PATIENCE).expect("an answer");
        assert!([0, 2].contains(&rcode), "{rcode}");
        if rcode == 0 {
            noted.lock().expect("nobody panics with it").push(name);
        }
        thread::sleep(UPDATE_PACE);
    });

    let mut pids = BTreeSet::from([server.pid()]);
    for _ in 0..TIMES {
        let before = server.replace(&[]);
        server.wait_until_it_serves();
        assert!(pids.insert(server.pid()), "another process");
        ended_well(before);
    }
    stop.store(true, Ordering::Relaxed);
    let lost: Vec<usize> = udp.into_iter().map(Udp::lost).collect();
    assert_eq!(lost, [0; SOCKETS], "lost over UDP");
    for asked in [single, long, serials, updates] {
        asked.join().expect("each question was answered");
    }

    let acknowledged = acknowledged.lock().expect("nobody panics with it");
    assert!(acknowledged.len() > TIMES, "updates were made: {}", acknowledged.len());
    let mut client = server.client();
    for name in &*acknowledged {
        let answer = client.answer(&Question::new(name, RecordType::A), WAY);
        assert_eq!(answer.answers.len(), 1, "{name} was acknowledged: {answer:?}");
    }
    let answer = client.answer(&Question::new("www.example.com.", RecordType::A), WAY);
    assert_eq!(answer.answers, ["www.example.com. 30 in a 192.0.2.12"], "one is drained");
    assert_eq!(admin(&server).get("/v1/status").status, 200);
    let second = server.second();
    assert!(!second.status.success(), "the lock is held");
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("another server uses this state folder")
    );
    assert!(server.stop().success());
}

/// Does something again and again until it is told to stop.
fn spawn(stop: &Arc<AtomicBool>, mut again: impl FnMut() + Send + 'static) -> JoinHandle<()> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            again();
        }
    })
}

/// A socket that asks on, whether it is answered or not.
struct Udp {
    socket: UdpSocket,
    asking: JoinHandle<usize>,
    answers: Arc<std::sync::Mutex<BTreeSet<usize>>>,
    listening: JoinHandle<()>,
    is_done: Arc<AtomicBool>,
}

impl Udp {
    fn start(at: SocketAddr, stop: &Arc<AtomicBool>) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        socket.connect(at).expect("it is loopback");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("it is no zero");
        let (asks, stop) = (socket.try_clone().expect("a descriptor"), Arc::clone(stop));
        let asking = thread::spawn(move || {
            let mut asked = 0;
            while !stop.load(Ordering::Relaxed) {
                let name = format!("n{asked}.any.example.com.");
                let query = Question::new(&name, RecordType::A).to_bytes(asked as u16, None);
                asks.send(&query).expect("somebody has the port");
                asked += 1;
                thread::sleep(UDP_PACE);
            }
            asked
        });
        let answers = Arc::<std::sync::Mutex<BTreeSet<usize>>>::default();
        let is_done = Arc::new(AtomicBool::new(false));
        let (hears, noted) = (socket.try_clone().expect("a descriptor"), Arc::clone(&answers));
        let done = Arc::clone(&is_done);
        let listening = thread::spawn(move || {
            let mut answer = [0; 512];
            while !done.load(Ordering::Relaxed) {
                let Ok(length) = hears.recv(&mut answer) else { continue };
                assert_eq!(answer[3] & 0xf, 0, "NOERROR");
                assert_eq!(answer[7], 1, "one address");
                let label = &answer[13..13 + usize::from(answer[12])];
                assert!(length > 13);
                let number = std::str::from_utf8(&label[1..]).expect("it is what was asked");
                noted.lock().expect("one writer").insert(number.parse().expect("a number"));
            }
        });
        Self { socket, asking, answers, listening, is_done }
    }

    /// How many of what was asked has no answer, when nothing more comes.
    fn lost(self) -> usize {
        let asked = self.asking.join().expect("it asks to the end");
        assert!(asked > 100, "{asked}");
        let answered = || self.answers.lock().expect("one writer").len();
        let deadline = crate::waiting::now() + Duration::from_secs(5);
        while answered() < asked && crate::waiting::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        self.is_done.store(true, Ordering::Relaxed);
        self.listening.join().expect("every answer was good");
        drop(self.socket);
        asked - answered()
    }
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).expect("somebody listens at any moment");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is no zero");
    stream.set_nodelay(true).expect("an option");
    stream
}

fn ask(stream: &mut TcpStream) -> io::Result<()> {
    let query = Question::new("tcp.any.example.com.", RecordType::A).to_bytes(7, None);
    stream.write_all(&[&(query.len() as u16).to_be_bytes()[..], &query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    assert_eq!((answer[3] & 0xf, answer[7]), (0, 1), "NOERROR and an address");
    Ok(())
}

fn ask_on_a_new_connection(at: SocketAddr) {
    ask(&mut connect(at)).expect("who is connected is answered");
    thread::sleep(TCP_PACE);
}

/// A connection that is used as long as it is open.
struct LongLived {
    at: SocketAddr,
    stream: TcpStream,
}

impl LongLived {
    fn new(at: SocketAddr) -> Self {
        Self { at, stream: connect(at) }
    }

    /// It may be closed between questions, and not below one.
    fn ask(&mut self) {
        self.stream.set_nonblocking(true).expect("an option");
        if self.stream.peek(&mut [0]).is_ok_and(|bytes| bytes == 0) {
            self.stream = connect(self.at);
        }
        self.stream.set_nonblocking(false).expect("an option");
        ask(&mut self.stream).expect("what was asked is answered");
        thread::sleep(TCP_PACE);
    }
}

/// The serial now, which is at least the one before.
fn serial_after(at: SocketAddr, before: u32) -> u32 {
    let mut client = crate::asking::Client::patient(at, PATIENCE);
    let answer = client.answer(&Question::new(APEX, RecordType::SOA), WAY);
    let soa = answer.answers.first().unwrap_or_else(|| panic!("a SOA: {answer:?}"));
    let serial = soa.split_whitespace().nth(6).expect("a SOA has one");
    let serial: u32 = serial.parse().expect("it is a number");
    assert!(serial >= before, "the serial fell from {before} to {serial}");
    thread::sleep(TCP_PACE);
    serial
}

#[test]
fn what_changed_while_the_next_one_loaded_is_what_it_serves() {
    // A check that never ends holds up the first answer of the new one, and not those of the old one.
    let backend = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = backend.local_addr().expect("bound").port();
    let settings = "prober: {first_round: 3s}\n";
    let mut server = server(settings);
    let zone = super::ZONE.text.replace("records:", &format!(
        "checks: {{hangs: {{http: {{port: {port}}}, interval: 60s, timeout: 20s}}}}\nrecords:\n  \
         slow: {{pool: {{check: hangs, backends: [127.0.0.1]}}}}"
    ));
    server.replace_file("zones/example.com.yaml", &zone);
    let slow = Question::new("slow.example.com.", RecordType::A);
    until("the zone has changed", PATIENCE, || {
        (server.client().answer(&slow, WAY).answers.len() == 1).then_some(())
    });
    let before = server.replace(&[]);
    until("it has loaded", PATIENCE, || server.said().contains("zone loaded").then_some(()));
    assert!(super::update(&server, "meanwhile"), "the one before takes it");
    drain(&server, "b");
    let serial = serial_after(server.v4(), 0);
    server.wait_until_it_serves();
    ended_well(before);
    let mut client = server.client();
    let answer = client.answer(&Question::new("meanwhile.example.com.", RecordType::A), WAY);
    assert_eq!(answer.answers.len(), 1, "{answer:?}");
    let answer = client.answer(&Question::new("www.example.com.", RecordType::A), WAY);
    assert_eq!(answer.answers, ["www.example.com. 30 in a 192.0.2.11"], "the other is drained");
    assert_eq!(serial_after(server.v4(), serial), serial, "what it says is the same");
    assert!(super::update(&server, "later"));
    assert!(server.stop().success());
}

#[test]
fn without_a_server_that_runs_it_simply_starts() {
    let mut server = server("");
    assert!(server.stop().success());
    let mut before = server.replace(&[]);
    before.wait().expect("it has ended already");
    server.wait_until_it_serves();
    assert!(super::update(&server, "new"));
    assert!(server.stop().success());
}
