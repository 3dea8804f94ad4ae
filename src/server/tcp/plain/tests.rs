//! Connections over loopback: how they are served, and when they go on as tasks.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::*;
use crate::counters::Counters;
use crate::engine::Transport;
use crate::server::Answered;
use crate::server::tcp::Limits;
use crate::server::tcp::connections::{self as table, Admission};

/// A test that waits longer has failed.
const LONG: Duration = Duration::from_secs(10);

/// Answers what was asked; `!` is no query, `panic` a mistake of ours, `later` is answered by `later`.
fn answer(later: Arc<Mutex<Vec<oneshot::Sender<Vec<u8>>>>>) -> crate::server::Answer {
    Box::new(move |_, _, query, out| match query {
        b"!" => Answered::Nothing,
        b"panic" => panic!("as the test wants it"),
        b"later" => {
            let (sender, receiver) = oneshot::channel();
            later.lock().expect("held for a push").push(sender);
            Answered::Later(receiver)
        }
        _ => {
            out.extend_from_slice(query);
            Answered::Whole
        }
    })
}

struct World {
    runtime: Runtime,
    connections: Waiting,
    table: Arc<table::Connections>,
    counters: Arc<Counters>,
    listener: TcpListener,
    later: Arc<Mutex<Vec<oneshot::Sender<Vec<u8>>>>>,
}

impl World {
    fn new() -> Self {
        let counters = Arc::new(Counters::default());
        let later = Arc::default();
        let worker = Worker::new(answer(Arc::clone(&later)), Arc::clone(&counters), Instant::now());
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let connections = {
            let _guard = runtime.enter();
            Waiting::new(Arc::new(Mutex::new(worker)), Arc::default()).expect("descriptors")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let table = table::Connections::new(Limits { per_client: 300, ..Limits::default() });
        Self { runtime, connections, table, counters, listener, later }
    }

    /// A client, and what the server has of it.
    fn connect(&self) -> (TcpStream, TcpStream, Admitted) {
        let client = TcpStream::connect(self.listener.local_addr().expect("bound"));
        let client = client.expect("it listens");
        client.set_read_timeout(Some(LONG)).expect("an option");
        client.set_nodelay(true).expect("an option");
        let (stream, from) = self.listener.accept().expect("a client waits");
        stream.set_nonblocking(true).expect("an option");
        let Admission::Admitted { ticket, .. } = self.table.admit(from.ip(), 0) else {
            panic!("there is room");
        };
        let admitted = Admitted::new(from.ip(), Transport::Tcp, ticket, mpsc::channel(1).0);
        (client, stream, admitted)
    }

    /// A client that is served.
    fn client(&self) -> TcpStream {
        let (client, stream, admitted) = self.connect();
        self.connections.inbox.serve(stream, admitted);
        client
    }

    /// All that there is to do now, with what the runtime hears of it.
    fn turns(&mut self) {
        let Self { runtime, connections, .. } = self;
        runtime.block_on(async {
            // Some for the kernel, some for what became a task of it.
            for _ in 0..5 {
                connections.take_turns();
                yield_now().await;
            }
        });
    }

    /// Turns until something is so.
    #[track_caller]
    fn turns_until(&mut self, mut is_so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + LONG;
        while !is_so(self) {
            assert!(Instant::now() < end, "it takes too long");
            self.turns();
        }
    }

    fn open(&self) -> usize {
        self.connections.connections.len()
    }

    fn worker<T>(&self, with: impl FnOnce(&mut Worker) -> T) -> T {
        with(&mut self.connections.worker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

fn ask(client: &mut TcpStream, query: &[u8]) {
    client.write_all(&framed(query)).expect("open");
}

#[track_caller]
fn is_told(client: &mut TcpStream, expected: &[u8]) {
    let expected = framed(expected);
    let mut answer = vec![0; expected.len()];
    client.read_exact(&mut answer).expect("an answer");
    assert_eq!(answer, expected);
}

/// Whether the server has closed it; a reset tells the same as an end of file.
fn is_closed(client: &mut TcpStream) -> bool {
    match client.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn whole_queries_are_answered_and_the_connection_rests_without_a_task() {
    let mut world = World::new();
    let mut clients: Vec<_> = (0..300).map(|_| world.client()).collect();
    for round in 0..3 {
        for client in &mut clients {
            client.write_all(&[framed(b"one"), framed(b"two")].concat()).expect("open");
        }
        world.turns();
        for client in &mut clients {
            is_told(client, b"one");
            is_told(client, b"two");
        }
        assert_eq!(world.open(), 300, "{round}");
        assert_eq!(world.counters.get(Counter::TcpAnswers), 600 * (round + 1));
    }
}

#[test]
fn rfc7766_8_half_a_query_goes_on_as_a_task() {
    let mut world = World::new();
    let mut client = world.client();
    client.write_all(&[&framed(b"whole")[..], &[0, 4, b'h']].concat()).expect("open");
    world.turns();
    is_told(&mut client, b"whole");
    assert_eq!((world.open(), world.table.len()), (0, 1));
    client.write_all(b"alf").expect("open");
    world.turns();
    client.write_all(&framed(b"and")).expect("open");
    world.turns();
    for expected in [&b"half"[..], b"and"] {
        world.turns();
        is_told(&mut client, expected);
    }
    assert_eq!(world.counters.get(Counter::TcpAnswers), 3);
}

#[test]
fn answers_that_are_not_taken_go_on_as_a_task() {
    let mut world = World::new();
    let (mut client, stream, admitted) = world.connect();
    SockRef::from(&stream).set_send_buffer_size(16 << 10).expect("an option");
    SockRef::from(&client).set_recv_buffer_size(16 << 10).expect("an option");
    world.connections.inbox.serve(stream, admitted);
    let query = vec![b'q'; 2_000];
    let queries = 100;
    let mut writer = client.try_clone().expect("a descriptor");
    let query_again = query.clone();
    let asking = std::thread::spawn(move || {
        for _ in 0..queries {
            ask(&mut writer, &query_again);
        }
    });
    world.turns_until(|world| world.counters.get(Counter::TcpQueries) > 0 && world.open() == 0);
    assert_eq!(world.table.len(), 1);
    let reading = std::thread::spawn(move || {
        for _ in 0..queries {
            is_told(&mut client, &query);
        }
    });
    world.turns_until(|_| reading.is_finished());
    reading.join().expect("all answers, each whole");
    asking.join().expect("all was taken");
}

#[test]
fn rfc7766_7_what_somebody_else_answers_goes_on_as_a_task() {
    let mut world = World::new();
    let mut client = world.client();
    ask(&mut client, b"later");
    ask(&mut client, b"now");
    world.turns();
    is_told(&mut client, b"now");
    assert_eq!(world.open(), 0);
    let sender = world.later.lock().expect("held for a push").pop().expect("it was asked");
    sender.send(b"at last".to_vec()).expect("it is waited for");
    world.turns();
    is_told(&mut client, b"at last");
}

#[test]
fn rfc7766_6_2_4_what_was_asked_before_a_half_close_is_answered() {
    for queries in [0, 1, 3] {
        let mut world = World::new();
        let mut client = world.client();
        world.turns();
        for _ in 0..queries {
            ask(&mut client, b"www");
        }
        client.shutdown(Shutdown::Write).expect("open");
        world.turns();
        for _ in 0..queries {
            is_told(&mut client, b"www");
        }
        assert!(is_closed(&mut client));
        assert_eq!((world.open(), world.table.len()), (0, 0), "{queries}");
    }
}

#[test]
fn rfc1035_4_1_1_who_sends_no_query_is_closed_behind_the_answers_before_it() {
    for last in [&framed(b"!")[..], &[0, 0]] {
        let mut world = World::new();
        let mut client = world.client();
        client.write_all(&[&framed(b"www"), last, &framed(b"more")].concat()).expect("open");
        world.turns();
        is_told(&mut client, b"www");
        assert!(is_closed(&mut client));
        assert_eq!(world.table.len(), 0);
    }
}

#[test]
fn a_mistake_of_ours_takes_one_connection_along_and_no_other() {
    let mut world = World::new();
    let (mut bad, mut good) = (world.client(), world.client());
    world.turns();
    ask(&mut bad, b"panic");
    ask(&mut good, b"www");
    world.turns();
    is_told(&mut good, b"www");
    assert!(is_closed(&mut bad));
    ask(&mut good, b"again");
    world.turns();
    is_told(&mut good, b"again");
    assert_eq!((world.open(), world.table.len()), (1, 1));
}

#[test]
fn who_has_to_go_is_closed_and_its_number_serves_another() {
    let mut world = World::new();
    let mut first = world.client();
    world.turns();
    assert!(world.table.shed(1_000_000));
    world.turns();
    assert!(is_closed(&mut first));
    assert_eq!(world.open(), 0);
    let mut second = world.client();
    ask(&mut second, b"www");
    world.turns();
    is_told(&mut second, b"www");
    // A wake that was meant for the first one changes nothing.
    let inbox = Arc::clone(&world.connections.inbox);
    Arc::new(Bell { inbox, key: 0, is_rung: AtomicBool::new(false) }).wake();
    world.turns();
    assert_eq!(world.open(), 1);
}

#[test]
fn a_connection_is_woken_once_however_often_it_is_rung_for() {
    let mut world = World::new();
    let _client = world.client();
    world.turns();
    for _ in 0..3 {
        world.table.wake_all();
    }
    assert_eq!(world.connections.inbox.told().woken.len(), 1);
    world.turns();
    world.table.wake_all();
    assert_eq!(world.connections.inbox.told().woken.len(), 1);
}

#[test]
fn who_has_to_go_before_its_first_turn_is_closed() {
    let mut world = World::new();
    let mut client = world.client();
    assert!(world.table.shed(1_000_000));
    world.turns();
    assert!(is_closed(&mut client));
    assert_eq!(world.open(), 0);
}

#[test]
fn a_stop_answers_what_was_received() {
    let mut world = World::new();
    // More than one read takes, and the last of it not whole.
    let queries = 2 * READ_CHUNK / framed(b"www").len();
    let many = [framed(b"www").repeat(queries), vec![0, 9]].concat();
    let mut clients: Vec<_> = (0..3).map(|_| world.client()).collect();
    world.turns();
    for (client, sent) in clients.iter_mut().zip([&many[..], &framed(b"www"), b""]) {
        client.write_all(sent).expect("open");
    }
    world.worker(|worker| worker.stopping = true);
    world.table.wake_all();
    world.turns_until(|world| world.table.len() == 0);
    for (mut client, answers) in clients.into_iter().zip([queries, 1, 0]) {
        let mut received = Vec::new();
        client.read_to_end(&mut received).expect("answers, then the end");
        assert_eq!(received, framed(b"www").repeat(answers));
    }
}

#[test]
fn who_becomes_a_task_in_the_midst_of_a_stop_is_answered_all_that_was_received() {
    for is_stop in [true, false] {
        let mut world = World::new();
        let mut client = world.client();
        world.turns();
        world.worker(|worker| worker.leaving = !is_stop);
        // More than one read takes, and the first of it not whole.
        let queries = 3 * READ_CHUNK / framed(b"www").len();
        client.write_all(&framed(b"www").repeat(queries)).expect("open");
        let World { runtime, connections, table, .. } = &mut world;
        runtime.block_on(async {
            for _ in 0..100 {
                if !connections.connections.is_empty() {
                    yield_now().await;
                    connections.take_turns();
                }
            }
            assert_eq!(connections.connections.len(), 0);
            // The task has not had a turn yet.
            let worker = Arc::clone(&connections.worker);
            worker.lock().expect("nobody panics").stopping = is_stop;
            table.wake_all();
            // As often as the runtime may want to hear of it, to make an answer, and to close.
            for _ in 0..100 {
                yield_now().await;
            }
        });
        assert_eq!(world.table.len(), 0, "{is_stop}");
        let mut received = Vec::new();
        client.read_to_end(&mut received).expect("answers, then the end");
        assert_eq!(received.len(), framed(b"www").len() * queries, "{is_stop}");
    }
}

#[test]
fn who_is_to_close_behind_its_next_answer_does() {
    let mut world = World::new();
    let mut client = world.client();
    world.turns();
    world.worker(|worker| worker.leaving = true);
    ask(&mut client, b"last");
    world.turns();
    is_told(&mut client, b"last");
    assert!(is_closed(&mut client));
}

#[test]
fn an_endless_pipeline_leaves_turns_to_others() {
    let mut world = World::new();
    let (mut greedy, mut modest) = (world.client(), world.client());
    world.turns();
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    // The reader takes what the writer caused, until the client is closed.
    let mut reader = greedy.try_clone().expect("a descriptor");
    let reading = std::thread::spawn(move || {
        let mut room = vec![0; 1 << 16];
        while reader.read(&mut room).is_ok_and(|read| read > 0) {}
    });
    let writing = std::thread::spawn(move || {
        let queries = framed(b"greedy").repeat(1_000);
        while greedy.write_all(&queries).is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    world.turns_until(|_| begun.load(Ordering::Relaxed) >= 2);
    for _ in 0..10 {
        ask(&mut modest, b"modest");
        world.turns();
        is_told(&mut modest, b"modest");
    }
    drop(world);
    writing.join().expect("it ends with its connection");
    reading.join().expect("so does the reader");
}
