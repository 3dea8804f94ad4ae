//! What connections that do nothing hold, and those that do not read: counted over the whole process, while nothing else in it
//! runs.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait to implement")]
#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::thread;
use std::time::Duration;

use rotadns::counters::AllCounters;
use rotadns::server::tcp::{self, Limits};
use rotadns::server::{Answer, Answered};

static LIVE: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, counting the bytes that are in use.
struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const IDLE: usize = 400;
/// 20,000 of them in 10 MB: a place among those that wait, one in the table, and what the table rings, with what vectors round up to.
const IDLE_BYTES_MAX: isize = 512;

const STALLED: usize = 8;
/// 32 KiB of answers, one of them that was begun below that, a read's worth of queries, and what vectors round up to.
const STALLED_BYTES_MAX: isize = 128 * 1024;

/// So long is waited for what must come: a test that waits longer has failed.
const LONG: Duration = Duration::from_secs(30);
/// How long nothing may be taken from us until we believe that nothing will be.
const STILL: Duration = Duration::from_millis(100);

/// Answers are longer than questions, so that who does not read is stopped by the answers.
fn answer() -> Answer {
    Box::new(|_, _, query, out| {
        out.extend_from_slice(query);
        out.extend_from_slice(&[7; 500]);
        Answered::Whole
    })
}

const QUERY: [u8; 5] = [0, 3, b'a', b's', b'k'];

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("an option");
    stream
}

fn ask(stream: &mut TcpStream) {
    stream.write_all(&QUERY).expect("it is read");
    stream.read_exact(&mut [0; 2 + 3 + 500]).expect("an answer");
}

/// Sends until nothing more is taken; how many bytes that were.
fn fill(stream: &mut TcpStream) -> usize {
    stream.set_nonblocking(true).expect("an option");
    let queries = QUERY.repeat(1_000);
    let (mut sent, mut is_still) = (0, false);
    loop {
        // From where the last write ended, so that queries stay whole.
        match stream.write(&queries[sent % QUERY.len()..]) {
            Ok(taken) => (sent, is_still) = (sent + taken, false),
            Err(error) if error.kind() == ErrorKind::WouldBlock && is_still => return sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                is_still = true;
                thread::sleep(STILL);
            }
            Err(error) => panic!("the server has hung up: {error}"),
        }
    }
}

#[test]
fn idle_connections_hold_little_and_those_that_do_not_read_stall_nobody() {
    let limits = Limits { per_client: IDLE + STALLED + 1, ..Limits::default() };
    let listeners = tcp::bind(&[SocketAddr::from(([127, 0, 0, 1], 0))], 1).expect("a free port");
    let at = listeners[0][0].local_addr().expect("bound");
    let counters = AllCounters::default();
    let running =
        tcp::start(vec![(listeners, None)], limits, |_| answer(), &counters).expect("a thread");
    let mut clients = Vec::with_capacity(IDLE + STALLED);
    let mut patient = connect(at);
    ask(&mut patient);

    let before = LIVE.load(Ordering::Relaxed);
    for _ in 0..IDLE {
        let mut client = connect(at);
        ask(&mut client);
        clients.push(client);
    }
    // One thread serves all of them: with this answer the turns of those before are over.
    ask(&mut patient);
    let held = (LIVE.load(Ordering::Relaxed) - before) / IDLE.cast_signed();
    assert!(held <= IDLE_BYTES_MAX, "{held} bytes for each idle connection");

    let before = LIVE.load(Ordering::Relaxed);
    for _ in 0..STALLED {
        let mut client = connect(at);
        let sent = fill(&mut client);
        assert!(sent > 0);
        clients.push(client);
        // Nobody waits for it.
        for _ in 0..100 {
            ask(&mut patient);
        }
    }
    let held = (LIVE.load(Ordering::Relaxed) - before) / STALLED.cast_signed();
    assert!(held <= STALLED_BYTES_MAX, "{held} bytes for each connection that does not read");

    drop(clients);
    drop(patient);
    running.stop(LONG);
}
