//! One connection over streams in memory: framing, limits, backpressure.

use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::*;
use crate::counters::Counters;
use crate::server::tcp::Limits;
use crate::server::tcp::connections::{Admission, Connections};
use crate::server::tcp::worker::LATER_MAX;
use crate::server::{Answer, Answered};

/// The longest a paused clock may run before a test has failed.
const LONG: Duration = Duration::from_secs(3_600);

/// Answers with what was asked, in lower case; drops what begins with `!`; answers `long` with the
/// longest message there is.
fn answer(_: IpAddr, _: Transport, query: &[u8], out: &mut Vec<u8>) -> Answered {
    if query == b"long" {
        out.extend(std::iter::repeat_n(b'x', u16::MAX as usize));
    } else {
        out.extend(query.to_ascii_lowercase());
    }
    if query.starts_with(b"!") { Answered::Nothing } else { Answered::Whole }
}

fn framed(messages: &[&[u8]]) -> Vec<u8> {
    let prefixed = |message: &&[u8]| [&(message.len() as u16).to_be_bytes(), *message].concat();
    messages.iter().flat_map(prefixed).collect()
}

struct Server {
    connections: Arc<Connections>,
    worker: Arc<Mutex<Worker>>,
    counters: Arc<Counters>,
}

impl Server {
    fn new() -> Self {
        Self::answering(Box::new(answer))
    }

    fn answering(answer: Answer) -> Self {
        let counters = Arc::new(Counters::default());
        let worker = Worker::new(answer, Arc::clone(&counters), Instant::now());
        let connections = Connections::new(Limits::default());
        Self { connections, worker: Arc::new(Mutex::new(worker)), counters }
    }

    fn now(&self) -> Millis {
        self.worker.lock().expect("no test panics in it").now()
    }

    fn connection<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Connection<S> {
        let client = IpAddr::from([192, 0, 2, 1]);
        let Admission::Admitted { ticket, .. } = self.connections.admit(client, self.now()) else {
            panic!("there is room");
        };
        let admitted = Admitted::new(client, Transport::Tcp, ticket, mpsc::channel(1).0);
        Connection::new(Arc::clone(&self.worker), stream, admitted, Left::default())
    }

    /// The client's end of a connection that holds `buffer` bytes each way.
    fn connect(&self, buffer: usize) -> DuplexStream {
        let (client, server) = duplex(buffer);
        tokio::spawn(self.connection(server));
        client
    }

    /// As [`Acceptor::sweep`](super::super::listen::Acceptor::sweep).
    fn sweep(&self) -> JoinHandle<()> {
        let (connections, worker) = (Arc::clone(&self.connections), Arc::clone(&self.worker));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let now = worker.lock().expect("no test panics in it").now();
                connections.expire(now);
            }
        })
    }
}

/// Sends all of it, closes this side, and reads to the end.
async fn exchange(mut client: DuplexStream, sent: &[u8]) -> Vec<u8> {
    let mut received = Vec::new();
    client.write_all(sent).await.expect("room for all of it");
    client.shutdown().await.expect("open until now");
    client.read_to_end(&mut received).await.expect("answers, then the end");
    received
}

async fn seconds_until_closed(client: &mut DuplexStream) -> u64 {
    let start = Instant::now();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(LONG, client.read_to_end(&mut rest)).await;
    closed.expect("it is closed").expect("as by an end of file");
    start.elapsed().as_secs()
}

#[tokio::test]
async fn rfc7766_8_a_query_may_come_byte_by_byte() {
    let mut client = Server::new().connect(1 << 16);
    for round in 0..2 {
        for byte in framed(&[b"WWW"]) {
            client.write_all(&[byte]).await.expect("open");
            tokio::task::yield_now().await;
        }
        let mut received = [0; 5];
        client.read_exact(&mut received).await.expect("an answer");
        assert_eq!(received[..], framed(&[b"www"]), "round {round}");
    }
}

#[tokio::test]
async fn rfc7766_6_2_1_1_a_thousand_pipelined_queries_are_answered() {
    let server = Server::new();
    let queries: Vec<String> = (0..1_000).map(|n| format!("QUERY {n}")).collect();
    let queries: Vec<&[u8]> = queries.iter().map(String::as_bytes).collect();
    let answers = framed(&queries).to_ascii_lowercase();
    assert_eq!(exchange(server.connect(1 << 16), &framed(&queries)).await, answers);
    assert_eq!(server.counters.get(Counter::TcpQueries), 1_000);
    assert_eq!(server.counters.get(Counter::TcpAnswers), 1_000);
}

#[tokio::test]
async fn rfc7766_6_2_4_what_was_asked_before_a_half_close_is_answered() {
    let server = Server::new();
    assert_eq!(exchange(server.connect(1 << 16), &framed(&[b"A"])).await, framed(&[b"a"]));
    let half = &framed(&[b"A", b"BCD"])[..6];
    assert_eq!(exchange(server.connect(1 << 16), half).await, framed(&[b"a"]));
    assert_eq!(exchange(server.connect(1 << 16), b"").await, b"");
    assert_eq!(server.connections.len(), 0);
}

#[tokio::test]
async fn rfc7766_8_a_length_of_zero_ends_the_connection_after_the_answers_before_it() {
    let sent = framed(&[b"A", b"", b"B"]);
    assert_eq!(exchange(Server::new().connect(1 << 16), &sent).await, framed(&[b"a"]));
}

#[tokio::test]
async fn rfc1035_4_1_1_a_response_ends_the_connection_after_the_answers_before_it() {
    let server = Server::new();
    let sent = framed(&[b"A", b"!", b"B"]);
    assert_eq!(exchange(server.connect(1 << 16), &sent).await, framed(&[b"a"]));
    assert_eq!(server.counters.get(Counter::TcpShort), 1);
    assert_eq!(server.counters.get(Counter::TcpAnswers), 1);
}

#[tokio::test]
async fn messages_of_65535_bytes_pass_both_ways() {
    let server = Server::new();
    let query = vec![b'Q'; u16::MAX as usize];
    let sent = framed(&[&query, b"long", b"A"]);
    let expected = framed(&[&vec![b'q'; 65_535], &vec![b'x'; 65_535], b"a"]);
    assert_eq!(exchange(server.connect(1 << 20), &sent).await, expected);
    // Through a pipe that holds less than one of them.
    let (mut reader, mut writer) = tokio::io::split(server.connect(1_000));
    let write = async {
        writer.write_all(&sent).await.expect("read on the other side");
        writer.shutdown().await.expect("open");
    };
    let mut received = Vec::new();
    let (read, ()) = tokio::join!(reader.read_to_end(&mut received), write);
    read.expect("answers, then the end");
    assert_eq!(received, expected);
}

#[tokio::test(start_paused = true)]
async fn a_length_that_never_comes_ends_at_the_limit() {
    let server = Server::new();
    let _sweep = server.sweep();
    let mut silent = server.connect(1 << 16);
    assert_eq!(seconds_until_closed(&mut silent).await, 10);

    let mut half = server.connect(1 << 16);
    half.write_all(&[0]).await.expect("open");
    assert_eq!(seconds_until_closed(&mut half).await, 10);

    let mut asked = server.connect(1 << 16);
    asked.write_all(&framed(&[b"A"])).await.expect("open");
    asked.write_all(&[0]).await.expect("open");
    let seconds = seconds_until_closed(&mut asked).await;
    assert!((30..=31).contains(&seconds), "{seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_query_that_drips_in_keeps_nothing_open() {
    let server = Server::new();
    let _sweep = server.sweep();
    let mut client = server.connect(1 << 16);
    let start = Instant::now();
    client.write_all(&[1, 0]).await.expect("open");
    while client.write_all(b"Q").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(start.elapsed() <= Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_not_read_from_and_ends_at_the_limit() {
    let server = Server::new();
    let _sweep = server.sweep();
    let mut client = server.connect(1_000);
    let query = framed(&[b"long"]);
    let mut taken = 0;
    let start = Instant::now();
    while client.write_all(&query).await.is_ok() {
        taken += query.len();
    }
    let seconds = start.elapsed().as_secs();
    assert!((30..=31).contains(&seconds), "{seconds} s");
    // What one read of the pipe brings, and what the pipe holds.
    assert!(taken <= 2_000, "{taken} bytes were taken");
}

#[tokio::test]
async fn an_endless_pipeline_leaves_turns_to_others() {
    let server = Server::new();
    tokio::spawn(server.connection(Endless));
    let client = server.connect(1 << 16);
    assert_eq!(exchange(client, &framed(&[b"A"])).await, framed(&[b"a"]));
}

/// Always has more queries, and takes every answer.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while buffer.remaining() >= 3 {
            buffer.put_slice(&[0, 1, b'Q']);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_idle_connection_holds_no_buffer() {
    let server = Server::new();
    let (mut client, stream) = duplex(1 << 16);
    let mut connection = server.connection(stream);
    let mut turn = || {
        let mut task = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut connection).poll(&mut task).is_pending());
        connection.peer.left.received.capacity() + connection.peer.left.unsent.capacity()
    };
    client.write_all(&[0, 1]).await.expect("open");
    assert!((1..2 * READ_REST).contains(&turn()), "half a query");
    client.write_all(b"Q").await.expect("open");
    assert_eq!(turn(), 0);
}

#[test]
fn one_write_carries_all_that_one_read_brought() {
    let server = Server::new();
    let admitted = server.connection(duplex(1).1).peer.admitted;
    let received = [&framed(&[b"A", b"B", b"C"])[..], &[0, 9, 1]].concat();
    let mut worker = server.worker.lock().expect("no test panics in it");
    worker.input[..received.len()].copy_from_slice(&received);
    let mut left = Left::default();
    assert!(left.answer(&mut worker, &admitted, received.len()));
    assert_eq!((&left.received[..], left.answers, left.closing), (&[0, 9, 1][..], 3, false));
    assert!(left.owed.is_none());
    assert_eq!(worker.output, framed(&[b"a", b"b", b"c"]));
}

#[tokio::test]
async fn a_stop_answers_what_was_received() {
    let server = Server::new();
    let mut client = server.connect(1 << 16);
    let mut idle = server.connect(1 << 16);
    client.write_all(&framed(&[b"A", b"B"])).await.expect("open");
    server.worker.lock().expect("no test panics in it").stopping = true;
    server.connections.wake_all();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.expect("answers, then the end");
    assert_eq!(received, framed(&[b"a", b"b"]));
    assert_eq!(idle.read(&mut [0]).await.expect("the end"), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_split_of_the_bytes_gives_the_same_answers(
        queries in prop::collection::vec(prop::collection::vec(b'A'..=b'Z', 1..600), 0..40),
        splits in prop::collection::vec(1_usize..3_000, 1..40),
        pipe in 1_usize..5_000,
    ) {
        let queries: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
        let sent = framed(&queries);
        let lower: Vec<Vec<u8>> = queries.iter().map(|q| q.to_ascii_lowercase()).collect();
        let expected = framed(&lower.iter().map(Vec::as_slice).collect::<Vec<_>>());

        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let received = runtime.block_on(async {
            let (mut reader, mut writer) = tokio::io::split(Server::new().connect(pipe));
            let write = async {
                let mut rest = &sent[..];
                for split in splits.iter().cycle() {
                    let (piece, after) = rest.split_at(rest.len().min(*split));
                    writer.write_all(piece).await.expect("open");
                    tokio::task::yield_now().await;
                    rest = after;
                    if rest.is_empty() {
                        break;
                    }
                }
                writer.shutdown().await.expect("open");
            };
            let mut received = Vec::new();
            let (read, ()) = tokio::join!(reader.read_to_end(&mut received), write);
            read.expect("answers, then the end");
            received
        });
        prop_assert_eq!(received, expected);
    }
}

/// Answers a transfer of as many messages as the query's length says, and has the rest answered as ever.
fn transfers(client: IpAddr, transport: Transport, query: &[u8], out: &mut Vec<u8>) -> Answered {
    match query {
        [b'T', count] => {
            let messages = (0..*count).map(|n| vec![n; 1 + usize::from(n) * 100]);
            Answered::Messages(Box::new(messages))
        }
        _ => answer(client, transport, query, out),
    }
}

#[tokio::test]
async fn rfc5936_2_2_a_transfer_is_message_after_message_as_the_client_takes_them() {
    let server = Server::answering(Box::new(transfers));
    // Far less room than the transfer has bytes.
    let mut client = server.connect(1000);
    client.write_all(&framed(&[b"A", b"T\x64", b"B", b"T\0", b"C"])).await.expect("open");
    let messages: Vec<Vec<u8>> = (0..100u8).map(|n| vec![n; 1 + usize::from(n) * 100]).collect();
    let mut expected = framed(&[b"a"]);
    for message in &messages {
        expected.extend(framed(&[message]));
    }
    expected.extend(framed(&[b"b", b"c"]));
    let mut received = vec![0; expected.len()];
    client.read_exact(&mut received).await.expect("the answers");
    assert!(received == expected, "in their order, and what was asked behind it after it");
}

#[tokio::test]
async fn a_transfer_makes_no_message_that_nobody_takes() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let server = Server::answering(Box::new(move |_, _, _, _| {
        let made = Arc::clone(&counted);
        Answered::Messages(Box::new(std::iter::repeat_with(move || {
            made.fetch_add(1, Ordering::Relaxed);
            vec![0; 1000]
        })))
    }));
    let mut client = server.connect(4000);
    client.write_all(&framed(&[b"T"])).await.expect("open");
    client.read_exact(&mut [0; 2004]).await.expect("two messages");
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    // Taken, in the pipe, and the one that waits.
    assert!(made.load(Ordering::Relaxed) <= 2 + 4 + 2, "{made:?}");
}

#[tokio::test]
async fn rfc7766_7_what_is_answered_later_holds_up_no_query_behind_it() {
    let (sender, later) = oneshot::channel();
    let mut later = Some(later);
    let server = Server::answering(Box::new(move |client, transport, query, out| {
        match later.take_if(|_| query == b"U") {
            Some(later) => Answered::Later(later),
            None => answer(client, transport, query, out),
        }
    }));
    let mut client = server.connect(1 << 16);
    client.write_all(&framed(&[b"A", b"U", b"B"])).await.expect("open");
    let mut first = [0; 6];
    client.read_exact(&mut first).await.expect("the answers that are there");
    assert_eq!(first[..], framed(&[b"a", b"b"])[..]);
    sender.send(b"done".to_vec()).expect("it is waited for");
    let mut last = vec![0; 6];
    client.read_exact(&mut last).await.expect("the other");
    assert_eq!(last, framed(&[b"done"]));
}

#[tokio::test]
async fn what_is_answered_later_is_sent_to_who_has_asked_all_it_wants() {
    let (sender, later) = oneshot::channel();
    let mut later = Some(later);
    let server =
        Server::answering(Box::new(move |client, transport, query, out| match later.take() {
            Some(later) => Answered::Later(later),
            None => answer(client, transport, query, out),
        }));
    let mut client = server.connect(1 << 16);
    client.write_all(&framed(&[b"U", b"A"])).await.expect("open");
    client.shutdown().await.expect("its own side");
    let mut first = [0; 3];
    client.read_exact(&mut first).await.expect("the answer that is there");
    sender.send(b"done".to_vec()).expect("it is waited for");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("the other, and the end");
    assert_eq!((&first[..], &rest[..]), (&framed(&[b"a"])[..], &framed(&[b"done"])[..]));
}

#[tokio::test]
async fn over_a_limit_what_is_answered_later_is_waited_for() {
    let (senders, mut laters): (Vec<_>, Vec<_>) =
        (0..=LATER_MAX).map(|_| oneshot::channel()).unzip();
    let server = Server::answering(Box::new(move |client, transport, query, out| {
        match laters.pop().filter(|_| query == b"U") {
            Some(later) => Answered::Later(later),
            None => answer(client, transport, query, out),
        }
    }));
    let mut client = server.connect(1 << 16);
    let mut queries = vec![&b"U"[..]; LATER_MAX + 1];
    queries.push(b"A");
    client.write_all(&framed(&queries)).await.expect("open");
    // Nothing can come before the one over the limit is answered, and that is the first of the senders.
    let mut senders = senders.into_iter();
    let first = senders.next().expect("there are some");
    first.send(b"first".to_vec()).expect("it is waited for");
    let mut answers = vec![0; 10];
    client.read_exact(&mut answers).await.expect("the first two answers");
    assert_eq!(answers, framed(&[b"first", b"a"]));
}

#[tokio::test]
async fn where_nobody_answers_the_connection_is_closed() {
    let server = Server::answering(Box::new(|_, _, _, _| Answered::Later(oneshot::channel().1)));
    let mut client = server.connect(1 << 16);
    client.write_all(&framed(&[b"U"])).await.expect("open");
    assert_eq!(client.read(&mut [0]).await.expect("the end"), 0);
}
