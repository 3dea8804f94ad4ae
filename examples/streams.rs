//! Clients over TCP, for `scripts/bench`: those that ask, those that hold a connection, and those that never read.
//!
//! `streams ADDR:PORT QUESTIONS SECONDS MODE CONNECTIONS [EACH]`, where QUESTIONS is a file with a name and a type a line:
//!
//! | mode | each connection |
//! |---|---|
//! | `keep` | has EACH questions under way; an answer sends the next one |
//! | `once` | asks one question, reads its answer and is closed; then comes another |
//! | `hold` | asks one question, and then says nothing |
//! | `stall` | asks on for as long as the server takes it, and reads nothing |
//!
//! The last two say "begun" when all of them stand, or can send no more, and end with the standard input, if not before. It prints one line
//! at the end: connections made, those still open (`hold`), those that failed, questions, answers, seconds, and the answers by
//! response code. Connections come from many addresses of 127.0.0.0/8, so that ports last, and so that limits that hold for one
//! client do not matter.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use rotadns::name;
use rotadns::rdata::parse_type;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

/// How many addresses the connections come from.
const SOURCES: usize = 200;
/// What a connection reads at once.
const BUFFER: usize = 16 * 1024;
/// A server that takes longer for a connection, or for its first answer, fails.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many are opened at a time before any is held: fewer than the shortest queue of connections not accepted yet.
const OPENED_AT_ONCE: usize = 16;
/// Between two connections of one that fail.
const PAUSE: Duration = Duration::from_millis(10);
/// All of those that never read are held up when none could send for so long.
const STALLED: Duration = Duration::from_millis(500);
/// So many times that is waited for.
const STALLS_MAX: usize = 10;
/// How many questions one that never reads sends at a time.
const STALLED_AT_ONCE: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, questions, seconds, mode, connections, each @ ..] = arguments.as_slice() else {
        eprintln!(
            "usage: streams ADDR:PORT QUESTIONS SECONDS keep|once|hold|stall CONNECTIONS [EACH]"
        );
        std::process::exit(2);
    };
    let questions = std::fs::read_to_string(questions).expect("the questions can be read");
    let clients = Rc::new(Clients {
        server: server.parse().expect("an address and a port"),
        questions: questions.lines().map(question).collect(),
        each: each.first().map_or(1, |each| each.parse().expect("a count")),
        next: Cell::default(),
        told: RefCell::default(),
    });
    let seconds = Duration::from_secs(seconds.parse().expect("seconds"));
    let connections: usize = connections.parse().expect("a count");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime of one thread");
    LocalSet::new().block_on(&runtime, async {
        match mode.as_str() {
            "keep" => keep(&clients, connections, seconds).await,
            "once" => once(&clients, connections, seconds).await,
            "hold" => hold(&clients, connections, seconds).await,
            "stall" => stall(&clients, connections, seconds).await,
            _ => panic!("the mode is keep, once, hold or stall"),
        }
        clients.print();
    });
}

/// A question in wire form behind its length, its ID 0.
fn question(line: &str) -> Vec<u8> {
    let mut words = line.split_ascii_whitespace();
    let (name, rtype) = (words.next().expect("a name"), words.next().unwrap_or("A"));
    let mut query = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    name::parse_into(name.as_bytes(), &[0], &mut query).expect("a name");
    query.extend(parse_type(rtype).expect("a type").to_be_bytes());
    query.extend([0, 1]);
    let length = (query.len() - 2) as u16;
    query[..2].copy_from_slice(&length.to_be_bytes());
    query
}

struct Clients {
    server: SocketAddr,
    questions: Vec<Vec<u8>>,
    /// How many questions each connection has under way.
    each: usize,
    next: Cell<usize>,
    told: RefCell<Told>,
}

#[derive(Default)]
struct Told {
    made: u64,
    open: u64,
    failed: u64,
    sent: u64,
    answers: u64,
    rcodes: [u64; 16],
    /// How long the asking took; nothing for those that do not ask.
    took: Duration,
}

impl Clients {
    /// A connection, from the address that is its turn.
    async fn connect(&self, index: usize) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        let source = index % SOURCES;
        let source = Ipv4Addr::new(127, 0, 1 + (source / 200) as u8, 1 + (source % 200) as u8);
        socket.bind((source, 0).into())?;
        let stream = timeout(PATIENCE, socket.connect(self.server)).await??;
        stream.set_nodelay(true)?;
        self.told.borrow_mut().made += 1;
        Ok(stream)
    }

    /// Puts the next question behind `out`.
    fn question(&self, out: &mut Vec<u8>) {
        let next = self.next.get();
        self.next.set((next + 1) % self.questions.len());
        let start = out.len();
        out.extend_from_slice(&self.questions[next]);
        out[start + 2..start + 4].copy_from_slice(&(next as u16).to_be_bytes());
        self.told.borrow_mut().sent += 1;
    }

    fn answer(&self, message: &[u8]) {
        let rcode = message.get(3).map_or(2, |flags| flags & 15);
        let mut told = self.told.borrow_mut();
        told.answers += 1;
        told.rcodes[usize::from(rcode)] += 1;
    }

    /// Lets tasks ask for so long.
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    async fn measure(&self, seconds: Duration) {
        let began = Instant::now();
        sleep(seconds).await;
        self.told.borrow_mut().took = began.elapsed();
    }

    fn print(&self) {
        let Told { made, open, failed, sent, answers, rcodes, took } = *self.told.borrow();
        let (noerror, nxdomain) = (rcodes[0], rcodes[3]);
        println!(
            "made={made} open={open} failed={failed} sent={sent} answers={answers} seconds={:.6} \
             noerror={noerror} nxdomain={nxdomain} other={}",
            took.as_secs_f64(),
            answers - noerror - nxdomain
        );
    }
}

/// A connection that asks, and what it has read of the next answer.
struct Asking {
    clients: Rc<Clients>,
    stream: TcpStream,
    buffer: Vec<u8>,
    held: usize,
    out: Vec<u8>,
}

impl Asking {
    async fn new(clients: &Rc<Clients>, index: usize) -> io::Result<Self> {
        let stream = clients.connect(index).await?;
        Ok(Self {
            clients: Rc::clone(clients),
            stream,
            buffer: vec![0; BUFFER],
            held: 0,
            out: Vec::new(),
        })
    }

    async fn send(&mut self, count: usize) -> io::Result<()> {
        self.out.clear();
        for _ in 0..count {
            self.clients.question(&mut self.out);
        }
        self.stream.write_all(&self.out).await
    }

    /// Waits for answers; how many there are.
    async fn receive(&mut self) -> io::Result<usize> {
        let mut count = 0;
        while count == 0 {
            let read = self.stream.read(&mut self.buffer[self.held..]).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.held += read;
            let mut at = 0;
            while let Some(head) = self.buffer[at..self.held].first_chunk() {
                let end = at + 2 + usize::from(u16::from_be_bytes(*head));
                if end > self.held {
                    break;
                }
                self.clients.answer(&self.buffer[at + 2..end]);
                at = end;
                count += 1;
            }
            self.buffer.copy_within(at..self.held, 0);
            self.held -= at;
        }
        Ok(count)
    }
}

/// Keeps open connections busy for so long.
async fn keep(clients: &Rc<Clients>, connections: usize, seconds: Duration) {
    let mut all = JoinSet::new();
    for asking in open(clients, connections, false).await {
        let clients = Rc::clone(clients);
        all.spawn_local(async move {
            if keep_one(asking, clients.each).await.is_err() {
                clients.told.borrow_mut().failed += 1;
            }
        });
    }
    clients.measure(seconds).await;
}

async fn keep_one(mut asking: Asking, each: usize) -> io::Result<()> {
    asking.send(each).await?;
    loop {
        let count = asking.receive().await?;
        asking.send(count).await?;
    }
}

/// Asks for so long, a connection for each question.
async fn once(clients: &Rc<Clients>, connections: usize, seconds: Duration) {
    let mut all = JoinSet::new();
    for index in 0..connections {
        let clients = Rc::clone(clients);
        all.spawn_local(async move {
            for turn in 0.. {
                if open_one(&clients, index + turn * connections, true).await.is_err() {
                    clients.told.borrow_mut().failed += 1;
                    sleep(PAUSE).await;
                }
            }
        });
    }
    clients.measure(seconds).await;
}

/// Opens connections, some at a time; those that have `asked` have their answer.
async fn open(clients: &Rc<Clients>, connections: usize, asked: bool) -> Vec<Asking> {
    let mut open = Vec::new();
    for first in (0..connections).step_by(OPENED_AT_ONCE) {
        let mut opened = JoinSet::new();
        for index in first..connections.min(first + OPENED_AT_ONCE) {
            let clients = Rc::clone(clients);
            opened.spawn_local(async move { open_one(&clients, index, asked).await });
        }
        for asking in opened.join_all().await {
            match asking {
                Ok(asking) => open.push(asking),
                Err(_) => clients.told.borrow_mut().failed += 1,
            }
        }
    }
    open
}

async fn open_one(clients: &Rc<Clients>, index: usize, asked: bool) -> io::Result<Asking> {
    let mut asking = Asking::new(clients, index).await?;
    if asked {
        asking.send(1).await?;
        timeout(PATIENCE, asking.receive()).await??;
    }
    Ok(asking)
}

/// Holds connections that have asked once.
async fn hold(clients: &Rc<Clients>, connections: usize, seconds: Duration) {
    let held: Vec<TcpStream> =
        open(clients, connections, true).await.into_iter().map(|asking| asking.stream).collect();
    begun_until_the_end(seconds).await;
    // One that the server has closed has an end to read; one that is open has nothing.
    let open = |stream: &&TcpStream| {
        stream.try_read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    };
    // The runtime learns of what was closed when it waits.
    sleep(PAUSE).await;
    clients.told.borrow_mut().open = held.iter().filter(open).count() as u64;
}

/// Asks without ever reading; who is closed comes again.
async fn stall(clients: &Rc<Clients>, connections: usize, seconds: Duration) {
    let mut all = JoinSet::new();
    for index in 0..connections {
        let clients = Rc::clone(clients);
        all.spawn_local(async move {
            for turn in 0.. {
                let Ok(mut asking) = Asking::new(&clients, index + turn * connections).await else {
                    sleep(PAUSE).await;
                    continue;
                };
                while asking.send(STALLED_AT_ONCE).await.is_ok() {}
                clients.told.borrow_mut().failed += 1;
            }
        });
    }
    // Until the buffers on the way are full, or until it is plain that the server throws away what it cannot send.
    let mut sent = 0;
    for _ in 0..STALLS_MAX {
        sleep(STALLED).await;
        if sent > 0 && sent == clients.told.borrow().sent {
            break;
        }
        sent = clients.told.borrow().sent;
    }
    begun_until_the_end(seconds).await;
}

/// Says that all stands, and waits for the end of the standard input, at most so long.
async fn begun_until_the_end(seconds: Duration) {
    println!("begun");
    let (ended, end) = oneshot::channel();
    // A thread of its own, for which the end of the process need not wait.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    let _ = timeout(seconds, end).await;
}
