//! Keeps a server busy over UDP, for `scripts/bench`: a fixed number of questions is under way, and each answer
//! sends the next one, many a system call. So it costs its own core less than the server's, which a load
//! generator of one system call a question does not.
//!
//! `load ADDR:PORT QUESTIONS SECONDS UNDER_WAY`, where QUESTIONS is a file with a name and a type a line.
//! It prints one line: questions, answers, seconds, and the answers by response code.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rotadns::name;
use rotadns::rdata::parse_type;
use rotadns::sys::batch::Batch;

/// The room for a question.
const QUESTION_MAX: usize = 512;
/// An answer that takes so long is lost.
const LOST: Duration = Duration::from_millis(200);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, questions, seconds, under_way] = arguments.as_slice() else {
        eprintln!("usage: load ADDR:PORT QUESTIONS SECONDS UNDER_WAY");
        std::process::exit(2);
    };
    let server: SocketAddr = server.parse().expect("an address and a port");
    let seconds = Duration::from_secs(seconds.parse().expect("seconds"));
    let under_way: usize = under_way.parse().expect("a count");
    let questions = std::fs::read_to_string(questions).expect("the questions can be read");
    let questions: Vec<Vec<u8>> = questions.lines().map(question).collect();

    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).expect("a free port");
    socket.set_read_timeout(Some(LOST)).expect("a timeout is a timeout");
    let mut load = Load { questions, next: 0, sent: 0, answers: 0, rcodes: [0; 16] };
    load.run(&socket, server, seconds, under_way);
}

/// A question in wire form, its ID 0.
fn question(line: &str) -> Vec<u8> {
    let mut words = line.split_ascii_whitespace();
    let (name, rtype) = (words.next().expect("a name"), words.next().unwrap_or("A"));
    let mut query = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    name::parse_into(name.as_bytes(), &[0], &mut query).expect("a name");
    let rtype = parse_type(rtype).expect("a type");
    query.extend(rtype.to_be_bytes());
    query.extend([0, 1]);
    query
}

struct Load {
    questions: Vec<Vec<u8>>,
    next: usize,
    sent: u64,
    answers: u64,
    rcodes: [u64; 16],
}

impl Load {
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    fn run(&mut self, socket: &UdpSocket, server: SocketAddr, seconds: Duration, under_way: usize) {
        let mut batch = Batch::new(QUESTION_MAX, false);
        let began = Instant::now();
        while began.elapsed() < seconds {
            // At the start, and again where all that was under way is lost.
            for _ in 0..under_way {
                socket.send_to(self.question(), server).expect("loopback takes it");
            }
            while began.elapsed() < seconds {
                match batch.receive(socket, true) {
                    Ok(count) => self.go_on(&mut batch, count),
                    Err(_) => break,
                }
                batch.send(socket);
            }
        }
        let took = began.elapsed().as_secs_f64();
        println!(
            "sent={} answers={} seconds={took:.6} noerror={} nxdomain={} other={}",
            self.sent,
            self.answers,
            self.rcodes[0],
            self.rcodes[3],
            self.answers - self.rcodes[0] - self.rcodes[3]
        );
    }

    fn go_on(&mut self, batch: &mut Batch, count: usize) {
        for index in 0..count {
            let rcode = batch.datagram(index).get(3).map_or(2, |flags| flags & 15);
            self.answers += 1;
            self.rcodes[usize::from(rcode)] += 1;
            let question = self.question();
            let (_, out) = batch.exchange(index);
            out[..question.len()].copy_from_slice(question);
            batch.reply(index, question.len());
        }
    }

    /// The next question to send.
    fn question(&mut self) -> &[u8] {
        let question = &self.questions[self.next];
        self.next = (self.next + 1) % self.questions.len();
        self.sent += 1;
        question
    }
}
