//! Whom to tell of what, and when again: a queue for each peer, without sockets and without a clock.
//!
//! ```text
//!   news ──▶ waiting ──room──▶ under way ──acknowledged──▶ done
//!    │                          │   ▲ │
//!    │ newer, of the same zone  │   └─┘ no answer: again after 2, 4, 8, ... seconds
//!    └──takes the place of──────┘     └──no answer to the last──▶ given up
//! ```
//!
//! A peer that does not answer holds up its own queue alone.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::name::Name;
use crate::wire::tsig::Mac;
use crate::wire::tsig::key::Key;
use crate::zone::delta::Record;

/// The most zones that one peer is told of at a time.
pub const UNDER_WAY_MAX: usize = 32;
/// How often a peer is told before it is given up.
pub const ATTEMPTS_MAX: u32 = 6;
/// How long the first answer is waited for; each further one twice as long.
pub const PATIENCE_FIRST: Duration = Duration::from_secs(2);

/// Who is told: an address, and the key that signs.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// What is said is signed with it, and so must the answer be.
    pub key: Option<Arc<Key>>,
}

/// What is to be sent.
#[derive(Clone, Debug)]
pub struct Sending {
    /// To whom.
    pub peer: Peer,
    /// The message's ID: the answer has it too.
    pub id: u16,
    /// The zone's SOA.
    pub soa: Arc<Record>,
}

/// What became of telling a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has acknowledged.
    Acknowledged,
    /// It answers, and does not want to hear of the zone: the response code.
    Refused(u16),
    /// It does not answer.
    Silent,
}

/// All that is to be told.
#[derive(Default)]
pub struct Queue(HashMap<SocketAddr, Line>);

/// What one peer is to be told.
struct Line {
    key: Option<Arc<Key>>,
    waiting: VecDeque<Name>,
    news: HashMap<Name, News>,
    under_way: usize,
}

/// The newest version of a zone.
struct News {
    soa: Arc<Record>,
    /// How often it was told.
    attempts: u32,
    /// When it is told, or told again; `None` while it waits for room.
    due: Option<Duration>,
    /// The messages that were sent of this version: their IDs, and their MACs where they are signed.
    sent: Vec<(u16, Option<Mac>)>,
}

impl Queue {
    /// A zone has a new version, with this SOA; what a peer has not acknowledged of an older one needs no answer any more.
    pub fn tell(&mut self, peer: &Peer, soa: &Arc<Record>, now: Duration) {
        let line = self.0.entry(peer.address).or_insert_with(|| Line {
            key: None,
            waiting: VecDeque::new(),
            news: HashMap::new(),
            under_way: 0,
        });
        line.key.clone_from(&peer.key);
        let soa = Arc::clone(soa);
        if let Some(news) = line.news.get_mut(&soa.owner) {
            // Attempts count on: whoever is silent is given up, however often the zone changes.
            let (due, attempts) = (news.due.map(|_| now), news.attempts);
            *news = News { soa, attempts, due, sent: Vec::new() };
        } else {
            let zone = soa.owner.clone();
            line.waiting.push_back(zone.clone());
            line.news.insert(zone, News { soa, attempts: 0, due: None, sent: Vec::new() });
        }
    }

    /// What is to be sent now; `id` gives numbers that nobody can guess. Who is given up is told to `over`.
    pub fn due(
        &mut self,
        now: Duration,
        mut id: impl FnMut() -> u16,
        mut over: impl FnMut(SocketAddr, &Name, Outcome),
    ) -> Vec<Sending> {
        let mut sendings = Vec::new();
        for (&address, line) in &mut self.0 {
            line.give_up(now, |zone| over(address, zone, Outcome::Silent));
            line.start(now);
            for news in line.news.values_mut().filter(|news| news.due.is_some_and(|due| due <= now))
            {
                let sending = Sending {
                    peer: Peer { address, key: line.key.clone() },
                    id: id(),
                    soa: Arc::clone(&news.soa),
                };
                news.due = Some(now + PATIENCE_FIRST * 2_u32.pow(news.attempts));
                news.attempts += 1;
                news.sent.push((sending.id, None));
                sendings.push(sending);
            }
        }
        self.0.retain(|_, line| !line.news.is_empty());
        sendings
    }

    /// Notes how a message was signed: its answer must be signed to it.
    pub fn signed(&mut self, Sending { peer, id, soa }: &Sending, mac: Mac) {
        let news = self.0.get_mut(&peer.address).and_then(|line| line.news.get_mut(&soa.owner));
        let sent = news.and_then(|news| news.sent.iter_mut().find(|sent| sent.0 == *id));
        if let Some(sent) = sent {
            sent.1 = Some(mac);
        }
    }

    /// The key and the MAC of the message that an answer is to, where that was sent; neither where it was not signed.
    #[must_use]
    pub fn asked(
        &self,
        from: SocketAddr,
        id: u16,
        zone: &Name,
    ) -> Option<(Option<&Arc<Key>>, Option<&Mac>)> {
        let line = self.0.get(&from)?;
        let (_, mac) = line.news.get(zone)?.sent.iter().find(|sent| sent.0 == id)?;
        Some((line.key.as_ref(), mac.as_ref()))
    }

    /// Takes a peer's answer; what it means where it answers a message that was sent, and is the first to do so.
    pub fn answered(
        &mut self,
        from: SocketAddr,
        id: u16,
        zone: &Name,
        rcode: u16,
    ) -> Option<Outcome> {
        let line = self.0.get_mut(&from)?;
        line.news.get(zone)?.sent.iter().find(|sent| sent.0 == id)?;
        line.news.remove(zone);
        line.under_way -= 1;
        Some(if rcode == 0 { Outcome::Acknowledged } else { Outcome::Refused(rcode) })
    }

    /// When there is something to be sent or given up, as far as it is known now.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        let due = |line: &Line| {
            let has_room = line.under_way < UNDER_WAY_MAX && !line.waiting.is_empty();
            let next = line.news.values().filter_map(|news| news.due).min();
            if has_room { Some(Duration::ZERO) } else { next }
        };
        self.0.values().filter_map(due).min()
    }
}

impl Line {
    fn give_up(&mut self, now: Duration, mut over: impl FnMut(&Name)) {
        let under_way = &mut self.under_way;
        self.news.retain(|zone, news| {
            let is_over = news.attempts == ATTEMPTS_MAX && news.due.is_some_and(|due| due <= now);
            if is_over {
                *under_way -= 1;
                over(zone);
            }
            !is_over
        });
    }

    fn start(&mut self, now: Duration) {
        while self.under_way < UNDER_WAY_MAX
            && let Some(zone) = self.waiting.pop_front()
        {
            if let Some(news) = self.news.get_mut(&zone) {
                news.due = Some(now);
                self.under_way += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdata::rtype;

    const FIRST: &str = "192.0.2.1:53";
    const OTHER: &str = "192.0.2.2:53";

    fn soa(zone: &str, serial: u32) -> Arc<Record> {
        let rdata = [&[0, 0][..], &serial.to_be_bytes(), &[0; 16]].concat().into_boxed_slice();
        let owner = Name::parse_absolute(zone).expect(zone);
        Arc::new(Record { owner, rtype: rtype::SOA, ttl: 60, rdata })
    }

    fn peer(address: &str) -> Peer {
        Peer { address: address.parse().expect("an address"), key: None }
    }

    /// A queue with a clock and IDs that count up.
    #[derive(Default)]
    struct Told {
        queue: Queue,
        id: u16,
        over: Vec<String>,
    }

    impl Told {
        fn tell(&mut self, address: &str, zone: &str, serial: u32, second: u64) {
            self.queue.tell(&peer(address), &soa(zone, serial), Duration::from_secs(second));
        }

        /// `ADDRESS ZONE SERIAL ID` of all that is sent in a second.
        fn sent(&mut self, second: u64) -> Vec<String> {
            let Self { queue, id, over } = self;
            let next = || {
                *id += 1;
                *id
            };
            let mut sent: Vec<String> = queue
                .due(Duration::from_secs(second), next, |address, zone, outcome| {
                    over.push(format!("{address} {zone} {outcome:?}"));
                })
                .iter()
                .map(|Sending { peer, id, soa }| {
                    let serial = soa.serial().expect("a SOA");
                    format!("{} {} {serial} {id}", peer.address, soa.owner)
                })
                .collect();
            sent.sort();
            sent
        }

        fn answered(&mut self, address: &str, id: u16, zone: &str, rcode: u16) -> Option<Outcome> {
            let zone = Name::parse_absolute(zone).expect(zone);
            self.queue.answered(address.parse().expect("an address"), id, &zone, rcode)
        }
    }

    #[test]
    fn rfc1996_3_6_it_is_told_again_until_it_is_acknowledged_or_given_up() {
        let mut told = Told::default();
        told.tell(FIRST, "a.", 7, 100);
        let mut times = Vec::new();
        for second in 100..300 {
            if told.queue.next().is_some_and(|due| due <= Duration::from_secs(second)) {
                times.extend(told.sent(second).iter().map(|_| second - 100));
            }
        }
        assert_eq!(times, [0, 2, 6, 14, 30, 62]);
        assert_eq!(told.over, ["192.0.2.1:53 a. Silent"]);
        assert_eq!(told.queue.next(), None, "nothing is left");

        told.tell(FIRST, "a.", 8, 300);
        assert_eq!(told.sent(300).len(), 1);
        assert_eq!(told.answered(FIRST, 7, "a.", 0), Some(Outcome::Acknowledged));
        assert_eq!((told.sent(400).len(), told.queue.next()), (0, None));
    }

    #[test]
    fn a_newer_version_takes_the_place_of_an_older_one() {
        let mut told = Told::default();
        told.tell(FIRST, "a.", 7, 0);
        assert_eq!(told.sent(0), ["192.0.2.1:53 a. 7 1"]);
        told.tell(FIRST, "a.", 8, 1);
        assert_eq!(told.sent(1), ["192.0.2.1:53 a. 8 2"]);
        assert_eq!(told.answered(FIRST, 1, "a.", 0), None, "that was the old one");
        assert_eq!(told.answered(FIRST, 2, "a.", 0), Some(Outcome::Acknowledged));
        assert_eq!(told.queue.next(), None);
    }

    #[test]
    fn an_answer_is_of_the_peer_the_message_and_the_zone() {
        let mut told = Told::default();
        told.tell(FIRST, "a.", 7, 0);
        told.tell(OTHER, "a.", 7, 0);
        assert_eq!(told.sent(0).len(), 2);
        let first = if told.answered(FIRST, 1, "b.", 0).is_none()
            && told.answered(FIRST, 1, "a.", 5) == Some(Outcome::Refused(5))
        {
            1
        } else {
            assert_eq!(told.answered(FIRST, 2, "a.", 5), Some(Outcome::Refused(5)));
            2
        };
        assert_eq!(told.answered(FIRST, first, "a.", 0), None, "once");
        assert_eq!(told.answered(OTHER, 3 - first, "a.", 0), Some(Outcome::Acknowledged));
    }

    #[test]
    fn a_silent_peer_holds_up_its_own_queue_alone() {
        let mut told = Told::default();
        let zones = UNDER_WAY_MAX + 3;
        for zone in 0..zones {
            told.tell(FIRST, &format!("z{zone}."), 1, 0);
        }
        assert_eq!(told.sent(0).len(), UNDER_WAY_MAX);
        told.tell(OTHER, "a.", 1, 0);
        assert_eq!(told.sent(0).len(), 1);
        assert_eq!(
            told.answered(OTHER, UNDER_WAY_MAX as u16 + 1, "a.", 0),
            Some(Outcome::Acknowledged)
        );
        assert_eq!(told.sent(1).len(), 0);
        assert_eq!(
            told.answered(FIRST, 1, "z0.", 0).or_else(|| {
                // The order within a peer has no meaning.
                (0..zones).find_map(|zone| told.answered(FIRST, 1, &format!("z{zone}."), 0))
            }),
            Some(Outcome::Acknowledged)
        );
        assert_eq!(told.sent(1).len(), 1, "there is room for one");
    }
}
