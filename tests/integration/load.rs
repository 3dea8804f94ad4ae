//! Query load over UDP that loses count of nothing.
//!
//! ```text
//!   a thread a socket, each with a window of questions under way:
//!
//!   slot   0    1    2   ...  63        the ID says the slot: ID modulo 64
//!          ├─▶ question ───────────────▶ server
//!          └◀─ answer, judged ◀───────── and at once the slot's next question
//! ```
//!
//! Nothing is sent twice, so a question that was lost stays unanswered to the end, and is counted. Every
//! answer is judged: its ID was asked and not answered yet, the question comes back byte for byte, and a
//! pool's answer is the addresses of its backends, none twice, none that was known to be down when the
//! question was sent.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hickory_proto::rr::RecordType;

use crate::asking::Question;
use crate::waiting::now;

/// Sockets, a thread each: some connected, some not, as clients are.
const SOCKETS: u8 = 4;
/// Questions under way on each socket; together they fit the socket buffers of any system.
const WINDOW: u16 = 64;
/// A socket that hears nothing for so long has lost what is under way.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// How often a socket that hears nothing looks whether it shall end.
const LOOK: Duration = Duration::from_millis(50);

/// A zone to be asked, and what its answers may hold.
pub(crate) struct Subject {
    /// A name that answers A with every backend in service.
    pub pool: String,
    /// The backends, at most 32; bit 0 of a [`Set`] is the first.
    pub backends: Vec<Ipv4Addr>,
    /// A name with one TXT record.
    pub text: String,
    /// A name that is not there.
    pub missing: String,
}

/// A set of backends, a bit each.
pub(crate) type Set = u32;

/// Load that goes on until it is ended.
pub(crate) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Tally>>,
}

/// What became of all questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub sent: u64,
    pub answered: u64,
    /// Of those that were not answered: sent before the server was told to end.
    pub lost: u64,
}

struct Shared {
    server: SocketAddr,
    subject: Subject,
    phase: AtomicU8,
    sent: AtomicU64,
    down: AtomicU32,
    handed_out: AtomicU32,
}

/// Questions are sent, and every one of them is to be answered.
const ASKING: u8 = 0;
/// Questions are sent; the server is about to end and may leave them.
const LAST_WORDS: u8 = 1;
/// No more questions; what is under way is waited for.
const ENDING: u8 = 2;
/// The server has ended; what it has sent is there already.
const SERVER_GONE: u8 = 3;

impl Load {
    pub(crate) fn start(server: SocketAddr, subject: Subject) -> Self {
        let shared = Arc::new(Shared {
            server,
            subject,
            phase: AtomicU8::new(ASKING),
            sent: AtomicU64::new(0),
            down: AtomicU32::new(0),
            handed_out: AtomicU32::new(0),
        });
        let threads = (0..SOCKETS)
            .map(|place| {
                let asker = Asker::new(Arc::clone(&shared), place % 2 == 0);
                thread::spawn(move || asker.run())
            })
            .collect();
        Self { shared, threads }
    }

    /// How many questions were sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// What the pool's latest answer held.
    pub(crate) fn handed_out(&self) -> Set {
        self.shared.handed_out.load(Ordering::Relaxed)
    }

    /// From now on no question's answer may hold these.
    pub(crate) fn forbid(&self, down: Set) {
        self.shared.down.store(down, Ordering::Relaxed);
    }

    /// Whether a thread has met a wrong answer, and ended with it.
    pub(crate) fn has_failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends it once every question has its answer, or will not have one.
    pub(crate) fn end(self) -> Tally {
        self.finish(ENDING)
    }

    /// Goes on asking while `stop` ends the server, and tells what it has left unanswered then.
    pub(crate) fn outlive(self, stop: impl FnOnce()) -> Tally {
        self.shared.phase.store(LAST_WORDS, Ordering::SeqCst);
        stop();
        self.finish(SERVER_GONE)
    }

    fn finish(self, phase: u8) -> Tally {
        self.shared.phase.store(phase, Ordering::SeqCst);
        let mut all = Tally::default();
        for thread in self.threads {
            let one = thread.join().expect("no answer was wrong");
            all.sent += one.sent;
            all.answered += one.answered;
            all.lost += one.lost;
        }
        all
    }
}

/// One socket and its window.
struct Asker {
    shared: Arc<Shared>,
    socket: UdpSocket,
    is_connected: bool,
    /// A query for each kind of question; the ID is put in at sending.
    queries: [Vec<u8>; KINDS.len()],
    slots: Vec<Slot>,
    tally: Tally,
}

#[derive(Clone, Copy)]
struct Slot {
    id: u16,
    kind: Kind,
    is_under_way: bool,
    /// What was known to be down when it was sent.
    down: Set,
    /// Whether the server has to answer it.
    is_owed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pool,
    Text,
    Missing,
}

const KINDS: [Kind; 3] = [Kind::Pool, Kind::Text, Kind::Missing];

impl Asker {
    fn new(shared: Arc<Shared>, is_connected: bool) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket of our own");
        socket.set_read_timeout(Some(LOOK)).expect("a time limit is set");
        if is_connected {
            socket.connect(shared.server).expect("the server is on loopback");
        }
        let Subject { pool, text, missing, .. } = &shared.subject;
        let queries = [(pool, RecordType::A), (text, RecordType::TXT), (missing, RecordType::A)]
            .map(|(name, rtype)| Question::new(name, rtype).to_bytes(0, None));
        let slots = (0..WINDOW)
            .map(|id| Slot {
                id,
                // Half of the questions are for the pool.
                kind: [Kind::Pool, Kind::Text, Kind::Pool, Kind::Missing][usize::from(id % 4)],
                is_under_way: false,
                down: 0,
                is_owed: true,
            })
            .collect();
        Self { shared, socket, is_connected, queries, slots, tally: Tally::default() }
    }

    fn run(mut self) -> Tally {
        for slot in 0..self.slots.len() {
            self.ask(slot);
        }
        let mut buffer = [0; 4096];
        let mut heard = now();
        while self.slots.iter().any(|slot| slot.is_under_way) {
            let phase = self.shared.phase.load(Ordering::SeqCst);
            match self.socket.recv_from(&mut buffer) {
                Ok((len, from)) => {
                    assert_eq!(from, self.shared.server, "only the server answers");
                    heard = now();
                    let slot = self.judge(&buffer[..len]);
                    self.tally.answered += 1;
                    if phase < ENDING {
                        self.ask(slot);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if phase == SERVER_GONE || heard.elapsed() > SILENCE_MAX {
                        break;
                    }
                }
                // Of questions that came after the end; what was answered before is read all the same.
                Err(error) if is_refused(&error) && phase != ASKING => {}
                Err(error) => panic!("the answer cannot be received: {error}"),
            }
        }
        let lost = |slot: &&Slot| slot.is_under_way && slot.is_owed;
        self.tally.lost = self.slots.iter().filter(lost).count() as u64;
        self.tally
    }

    fn ask(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        // Before the question leaves: what is set after that does not concern it.
        slot.down = self.shared.down.load(Ordering::Relaxed);
        slot.is_owed = self.shared.phase.load(Ordering::SeqCst) == ASKING;
        slot.id = slot.id.wrapping_add(WINDOW);
        let query = &mut self.queries[slot.kind as usize];
        query[..2].copy_from_slice(&slot.id.to_be_bytes());
        let sent = if self.is_connected {
            self.socket.send(query)
        } else {
            self.socket.send_to(query, self.shared.server)
        };
        match sent {
            Ok(_) => {
                slot.is_under_way = true;
                self.tally.sent += 1;
                self.shared.sent.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if is_refused(&error) && !slot.is_owed => slot.is_under_way = false,
            Err(error) => panic!("the question cannot be sent: {error}"),
        }
    }

    /// Panics unless the answer is right in every respect; returns the slot it was for.
    fn judge(&mut self, answer: &[u8]) -> usize {
        let id = u16::from_be_bytes([answer[0], answer[1]]);
        let place = usize::from(id % WINDOW);
        let slot = &mut self.slots[place];
        assert!(
            slot.is_under_way && slot.id == id,
            "an answer that nobody waits for: {answer:02x?}"
        );
        slot.is_under_way = false;
        let query = &self.queries[slot.kind as usize];
        assert_eq!(answer.get(12..query.len()), query.get(12..), "the question comes back");

        // QR, AA and the RD of the query; no more, and then the code.
        let (rcode, answers) = match slot.kind {
            Kind::Pool => (0, None),
            Kind::Text => (0, Some(1)),
            Kind::Missing => (3, Some(0)),
        };
        assert_eq!(answer[2..4], [0x85, rcode], "{answer:02x?}");
        let count = u16::from_be_bytes([answer[6], answer[7]]);
        if let Some(answers) = answers {
            assert_eq!(count, answers, "{answer:02x?}");
            return place;
        }
        let records = &answer[query.len()..];
        assert_eq!(records.len(), usize::from(count) * ADDRESS_RECORD, "{answer:02x?}");
        let mut handed_out: Set = 0;
        for record in records.chunks_exact(ADDRESS_RECORD) {
            assert_eq!(record[..6], [0xc0, 12, 0, 1, 0, 1], "owner, A, IN: {answer:02x?}");
            assert_eq!(record[10..12], [0, 4], "{answer:02x?}");
            let address = Ipv4Addr::new(record[12], record[13], record[14], record[15]);
            let backends = &self.shared.subject.backends;
            let backend = backends.iter().position(|&backend| backend == address);
            let bit = 1 << backend.unwrap_or_else(|| panic!("{address} is none of the backends"));
            assert_eq!(handed_out & bit, 0, "{address} stands twice");
            assert_eq!(slot.down & bit, 0, "{address} is known to be down");
            handed_out |= bit;
        }
        self.shared.handed_out.store(handed_out, Ordering::Relaxed);
        place
    }
}

/// The size of an A record whose owner is a pointer to the question (RFC 1035 §4.1.4).
const ADDRESS_RECORD: usize = 16;

fn is_refused(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}
