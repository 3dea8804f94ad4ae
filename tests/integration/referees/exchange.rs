//! Many questions to one server at once, and what comes back.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use super::query::{Query, Transport};

/// So many questions wait for their answers; more would drop out of a server's buffer.
const WINDOW: usize = 64;
/// How long answers may take before they are asked for again, each time longer. What stays unanswered after the
/// last time is never answered.
const PATIENCE: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_millis(700), Duration::from_millis(900)];
/// How long a connection may say nothing.
const TCP_PATIENCE: Duration = Duration::from_secs(5);

/// Asks everything, over UDP and TCP at the same time. The answers stand in the order of the questions.
pub(crate) fn ask_all(server: SocketAddr, queries: &[Query]) -> Vec<Option<Vec<u8>>> {
    let of = |transport| -> Vec<usize> {
        (0..queries.len()).filter(|&at| queries[at].transport() == transport).collect()
    };
    let mut answers = vec![None; queries.len()];
    let (udp, tcp) = thread::scope(|scope| {
        let tcp = scope.spawn(|| over_tcp(server, queries, &of(Transport::Tcp)));
        let udp = over_udp(server, queries, of(Transport::Udp));
        (udp, tcp.join().expect("it tells what went wrong"))
    });
    for (at, answer) in udp.into_iter().chain(tcp) {
        answers[at] = Some(answer);
    }
    answers
}

fn over_udp(
    server: SocketAddr,
    queries: &[Query],
    mut wanted: Vec<usize>,
) -> HashMap<usize, Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket of our own");
    socket.connect(server).expect("an address on loopback");
    let mut answers = HashMap::with_capacity(wanted.len());
    for patience in PATIENCE {
        socket.set_read_timeout(Some(patience)).expect("a time limit is set");
        let mut buffer = vec![0; 65_535];
        let mut waiting: HashMap<u16, usize> = HashMap::with_capacity(WINDOW);
        let mut next = wanted.iter();
        loop {
            while waiting.len() < WINDOW
                && let Some(&at) = next.next()
            {
                let id = at as u16;
                if waiting.insert(id, at).is_none() {
                    socket.send(&queries[at].to_bytes(id)).expect("loopback takes it");
                }
            }
            if waiting.is_empty() {
                break;
            }
            match socket.recv(&mut buffer) {
                Ok(len) if len >= 2 => {
                    let id = u16::from_be_bytes([buffer[0], buffer[1]]);
                    if let Some(at) = waiting.remove(&id) {
                        answers.insert(at, buffer[..len].to_vec());
                    }
                }
                Ok(_) => {}
                // Whatever waits now will not come any more.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    waiting.clear();
                }
                Err(error) => panic!("{server}: {error}"),
            }
        }
        wanted.retain(|at| !answers.contains_key(at));
    }
    answers
}

fn over_tcp(server: SocketAddr, queries: &[Query], wanted: &[usize]) -> HashMap<usize, Vec<u8>> {
    let mut answers = HashMap::with_capacity(wanted.len());
    let mut stream = connect(server);
    for window in wanted.chunks(WINDOW) {
        let mut bytes = Vec::new();
        for &at in window {
            let query = queries[at].to_bytes(at as u16);
            bytes.extend_from_slice(&(query.len() as u16).to_be_bytes());
            bytes.extend_from_slice(&query);
        }
        // A server closes a connection that it has had enough of.
        if stream.write_all(&bytes).is_err() {
            stream = connect(server);
            stream.write_all(&bytes).unwrap_or_else(|error| panic!("{server}: {error}"));
        }
        for _ in window {
            let mut length = [0; 2];
            let read = stream.read_exact(&mut length).and_then(|()| {
                let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut answer).map(|()| answer)
            });
            match read {
                Ok(answer) if answer.len() >= 2 => {
                    let id = u16::from_be_bytes([answer[0], answer[1]]);
                    let Some(&at) = window.iter().find(|&&at| at as u16 == id) else {
                        panic!("{server}: an answer with the ID {id}, which nobody asked with");
                    };
                    answers.insert(at, answer);
                }
                // What was still to come is told as no answer.
                Ok(_) | Err(_) => {
                    stream = connect(server);
                    break;
                }
            }
        }
    }
    answers
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&server, TCP_PATIENCE)
        .unwrap_or_else(|error| panic!("{server}: {error}"));
    stream.set_read_timeout(Some(TCP_PATIENCE)).expect("a time limit is set");
    stream.set_nodelay(true).expect("an option of every system");
    stream
}
