//! Keeps a server busy over UDP, for `scripts/bench`: a fixed number of questions is under way, and each answer
//! sends the next one, many a system call. So it costs its own core less than the server's, which a load
//! generator of one system call a question does not. Or it sends at a fixed rate, whatever is answered.
//!
//! `load ADDR:PORT QUESTIONS SECONDS UNDER_WAY|RATE/s`, where QUESTIONS is a file with a name and a type a line.
//! It prints one line: questions, answers, seconds, and the answers by response code.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rotadns::name;
use rotadns::rdata::parse_type;
use rotadns::sys::batch::{BATCH, Batch};

/// The room for a question.
const QUESTION_MAX: usize = 512;
/// An answer that takes so long is lost.
const LOST: Duration = Duration::from_millis(200);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, questions, seconds, how_many] = arguments.as_slice() else {
        eprintln!("usage: load ADDR:PORT QUESTIONS SECONDS UNDER_WAY|RATE/s");
        std::process::exit(2);
    };
    let server: SocketAddr = server.parse().expect("an address and a port");
    let seconds = Duration::from_secs(seconds.parse().expect("seconds"));
    let questions = std::fs::read_to_string(questions).expect("the questions can be read");
    let questions: Vec<Vec<u8>> = questions.lines().map(question).collect();

    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).expect("a free port");
    socket.set_read_timeout(Some(LOST)).expect("a timeout is a timeout");
    let mut load = Load { questions, next: 0, sent: 0, answers: 0, rcodes: [0; 16] };
    match how_many.strip_suffix("/s") {
        Some(rate) => {
            socket.connect(server).expect("loopback is there");
            load.send_at(&socket, seconds, rate.parse().expect("a rate"));
        }
        None => load.run(&socket, server, seconds, how_many.parse().expect("a count")),
    }
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
        self.print(began.elapsed());
    }

    /// As many questions a second as told, each by itself and in no hurry to be answered.
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    fn send_at(&mut self, socket: &UdpSocket, seconds: Duration, rate: u64) {
        let mut batch = Batch::new(QUESTION_MAX, false);
        let began = Instant::now();
        while began.elapsed() < seconds {
            let due = began.elapsed().as_micros() as u64 * rate / 1_000_000;
            for _ in self.sent..due.min(self.sent + BATCH as u64) {
                // One that finds no room is lost, as on any way.
                let _ = socket.send(self.question());
            }
            while let Ok(count) = batch.receive(socket, false)
                && count > 0
            {
                (0..count).for_each(|index| self.count(batch.datagram(index)));
            }
        }
        self.print(began.elapsed());
    }

    fn print(&self, took: Duration) {
        println!(
            "sent={} answers={} seconds={:.6} noerror={} nxdomain={} other={}",
            self.sent,
            self.answers,
            took.as_secs_f64(),
            self.rcodes[0],
            self.rcodes[3],
            self.answers - self.rcodes[0] - self.rcodes[3]
        );
    }

    fn count(&mut self, answer: &[u8]) {
        let rcode = answer.get(3).map_or(2, |flags| flags & 15);
        self.answers += 1;
        self.rcodes[usize::from(rcode)] += 1;
    }

    fn go_on(&mut self, batch: &mut Batch, count: usize) {
        for index in 0..count {
            self.count(batch.datagram(index));
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
