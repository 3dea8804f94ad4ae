//! What a thread that answers leaves for the log: bytes in a ring that it alone writes.
//!
//! A record is a head of fixed size, the query, and the answer. It is not whole before its last byte is there, which
//! is what who reads waits for.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rtrb::{Consumer, Producer, RingBuffer};

use super::RING;
use crate::counters::{Counter, Counters};

/// How an exchange came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
    /// Connections that are encrypted.
    Tls,
}

/// A query, and what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange<'a> {
    /// Who asked; port 0 where that is not known.
    pub client: SocketAddr,
    /// Who was asked, where the socket says it.
    pub server: Option<SocketAddr>,
    /// How.
    pub over: Over,
    /// When, since 1970.
    pub seconds: u64,
    /// The part of a second.
    pub nanoseconds: u32,
    /// The query's bytes.
    pub query: &'a [u8],
    /// The answer's; without one, there was none.
    pub answer: Option<&'a [u8]>,
}

/// The head of a record: lengths, time, addresses as IPv6 with their ports, and how it came.
const HEAD: usize = 2 + 2 + 8 + 4 + 18 + 18 + 1;
/// The length of an answer that there was not.
const NONE: u16 = u16::MAX;

/// Records what one thread answers.
pub struct Recorder {
    ring: Producer<u8>,
    sample: NonZeroU32,
    chance: fastrand::Rng,
    counters: Arc<Counters>,
    /// The time of the batch that is answered.
    now: (u64, u32),
}

/// What a recorder has recorded.
pub(super) struct Ring {
    ring: Consumer<u8>,
    record: Vec<u8>,
}

/// A recorder, and what it records into.
pub(super) fn recorder(sample: NonZeroU32, counters: Arc<Counters>) -> (Recorder, Ring) {
    let (producer, consumer) = RingBuffer::new(RING);
    let chance = fastrand::Rng::new();
    let recorder = Recorder { ring: producer, sample, chance, counters, now: (0, 0) };
    (recorder, Ring { ring: consumer, record: Vec::new() })
}

impl Recorder {
    /// Takes the time for what is answered next.
    #[expect(clippy::disallowed_methods, reason = "the log says when, to the microsecond")]
    pub fn tick(&mut self) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.now = (since.as_secs(), since.subsec_nanos());
    }

    /// Records an exchange if chance will have it, and there is room.
    #[inline]
    pub fn note(
        &mut self,
        over: Over,
        client: SocketAddr,
        server: Option<SocketAddr>,
        query: &[u8],
        answer: Option<&[u8]>,
    ) {
        if self.sample.get() > 1 && self.chance.u32(..self.sample.get()) != 0 {
            return;
        }
        let answer_len = answer.map_or(0, <[u8]>::len);
        let room = HEAD + query.len() + answer_len;
        // An answer over TCP of 65,535 bytes could not be told from none.
        if answer_len >= usize::from(NONE) || self.ring.slots() < room {
            self.counters.add(Counter::DnstapDropped, 1);
            return;
        }
        let mut head = [0; HEAD];
        let mut rest = &mut head[..];
        let mut put = |bytes: &[u8]| {
            let (here, after) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            here.copy_from_slice(bytes);
            rest = after;
        };
        put(&(query.len() as u16).to_ne_bytes());
        put(&answer.map_or(NONE, |answer| answer.len() as u16).to_ne_bytes());
        put(&self.now.0.to_ne_bytes());
        put(&self.now.1.to_ne_bytes());
        for address in [client, server.unwrap_or_else(|| (Ipv6Addr::UNSPECIFIED, 0).into())] {
            put(&wide(address.ip()).octets());
            put(&address.port().to_ne_bytes());
        }
        put(&[over as u8]);
        for part in [&head[..], query, answer.unwrap_or_default()] {
            // There is room, and nobody else takes it.
            let _ = self.ring.push_entire_slice(part);
        }
    }
}

fn wide(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

impl Ring {
    /// The next exchange; `None` where there is no whole one.
    pub(super) fn next(&mut self) -> Option<Exchange<'_>> {
        let waiting = self.ring.read_chunk(4).ok()?;
        let mut lengths = [0; 4];
        // Nothing is committed, so that they are read again with the rest.
        let (first, second) = waiting.as_slices();
        lengths.iter_mut().zip(first.iter().chain(second)).for_each(|(to, from)| *to = *from);
        let query_len = u16::from_ne_bytes([lengths[0], lengths[1]]);
        let answer_len = u16::from_ne_bytes([lengths[2], lengths[3]]);
        let has_answer = answer_len != NONE;
        let answer_size = if has_answer { usize::from(answer_len) } else { 0 };
        let size = HEAD + usize::from(query_len) + answer_size;
        let whole = self.ring.read_chunk(size).ok()?;
        self.record.clear();
        let (first, second) = whole.as_slices();
        self.record.extend_from_slice(first);
        self.record.extend_from_slice(second);
        whole.commit_all();

        let mut rest = &self.record[4..];
        let seconds = u64::from_ne_bytes(take(&mut rest));
        let nanoseconds = u32::from_ne_bytes(take(&mut rest));
        let mut address = || {
            let ip = Ipv6Addr::from(take::<16>(&mut rest)).to_canonical();
            SocketAddr::new(ip, u16::from_ne_bytes(take(&mut rest)))
        };
        let (client, server) = (address(), address());
        let over = match take::<1>(&mut rest) {
            [0] => Over::Udp,
            [1] => Over::Tcp,
            _ => Over::Tls,
        };
        let (query, answer) = rest.split_at(usize::from(query_len));
        Some(Exchange {
            client,
            server: (server.port() != 0).then_some(server),
            over,
            seconds,
            nanoseconds,
            query,
            answer: has_answer.then_some(answer),
        })
    }
}

/// Takes the first bytes of a head, whose size is fixed.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (first, after) = rest.split_first_chunk().expect("the head has a fixed size");
    *rest = after;
    *first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> (Recorder, Ring, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let (recorder, ring) = recorder(NonZeroU32::MIN, Arc::clone(&counters));
        (recorder, ring, counters)
    }

    #[test]
    fn what_is_recorded_is_read() {
        let (mut recorder, mut ring, _) = all();
        let v4: SocketAddr = "192.0.2.1:4711".parse().expect("an address");
        let v6: SocketAddr = "[2001:db8::1]:53".parse().expect("an address");
        recorder.now = (1_700_000_000, 123_456_789);
        // More than the ring holds, so that records go over its end.
        for turn in 0..3_000_usize {
            let query = vec![turn as u8; 12 + turn % 500];
            let answer = vec![!(turn as u8); turn % 1232];
            let answer = (turn % 7 != 0).then_some(answer.as_slice());
            let over = [Over::Udp, Over::Tcp, Over::Tls][turn % 3];
            let server = (turn % 2 == 0).then_some(v6);
            recorder.note(over, v4, server, &query, answer);
            let (seconds, nanoseconds) = recorder.now;
            let expected =
                Exchange { client: v4, server, over, seconds, nanoseconds, query: &query, answer };
            assert_eq!(ring.next(), Some(expected), "{turn}");
            assert_eq!(ring.next(), None, "{turn}");
        }
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let (mut recorder, mut ring, counters) = all();
        let client = SocketAddr::from(([192, 0, 2, 1], 1));
        let (query, answer) = ([1; 100], [2; 1000]);
        let fit = RING / (HEAD + query.len() + answer.len());
        for _ in 0..fit + 5 {
            recorder.note(Over::Udp, client, None, &query, Some(&answer));
        }
        assert_eq!(counters.get(Counter::DnstapDropped), 5);
        let mut read = 0;
        while ring.next().is_some() {
            read += 1;
        }
        assert_eq!(read, fit);
        recorder.note(Over::Udp, client, None, &query, Some(&answer));
        assert!(ring.next().is_some(), "there is room again");
    }

    #[test]
    fn a_sample_is_about_that_part() {
        let counters = Arc::new(Counters::default());
        let ten = NonZeroU32::new(10).expect("not zero");
        let (mut recorder, mut ring) = recorder(ten, counters);
        recorder.chance = fastrand::Rng::with_seed(1);
        let client = SocketAddr::from(([192, 0, 2, 1], 1));
        let mut read = 0;
        for _ in 0..10_000 {
            recorder.note(Over::Udp, client, None, &[0; 12], None);
            read += u32::from(ring.next().is_some());
        }
        // Ten standard deviations on either side.
        assert!((700..1300).contains(&read), "{read}");
    }
}
