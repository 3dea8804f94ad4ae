//! The ICMP check: echo requests, and whether enough of them come back.
//!
//! One socket a family hears the answers of all probes: an unprivileged one where the system allows it
//! (`net.ipv4.ping_group_range`, for IPv6 too), else a raw one. Requests of one probe go out one after another, the last of
//! them with half of the timeout still to come. An ICMP error of a router on the way counts as what it says.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use surge_ping::{Client, Config, ICMP, IcmpPacket, PingIdentifier, PingSequence, SurgeError};
use tokio::time::sleep;

use super::{Deadline, Obstacle, Trouble, tcp};
use crate::config::model::IcmpCheck;

/// From one request of a probe to the next, at most.
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// What the requests carry.
const PAYLOAD: &[u8] = b"a health check of rotadns";
/// How often another number is drawn for a request whose number is taken.
const DRAWS_MAX: usize = 8;

/// The sockets, each made when it is first needed. What hears them ends with them.
pub struct Pings {
    v4: Mutex<Option<Client>>,
    v6: Mutex<Option<Client>>,
    /// By which a raw socket tells our answers from those to other programs.
    identifier: PingIdentifier,
}

impl Default for Pings {
    fn default() -> Self {
        let identifier = PingIdentifier(fastrand::u16(..));
        Self { v4: Mutex::default(), v6: Mutex::default(), identifier }
    }
}

impl fmt::Debug for Pings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pings").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}

impl Pings {
    fn slot(&self, address: IpAddr) -> &Mutex<Option<Client>> {
        if address.is_ipv4() { &self.v4 } else { &self.v6 }
    }

    /// The socket of an address's family.
    fn client(&self, address: IpAddr, source: Option<IpAddr>) -> Result<Client, Trouble> {
        let mut slot = self.slot(address).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let kind = if address.is_ipv4() { ICMP::V4 } else { ICMP::V6 };
        let config = Config::builder().kind(kind);
        let config = match source {
            Some(source) => config.bind(SocketAddr::new(source, 0)),
            None => config,
        };
        let made = Client::new(&config.build());
        let client = made.map_err(|error| opening_trouble(source, address, &error))?;
        *slot = Some(client.clone());
        Ok(client)
    }

    /// Has the next probe make another socket.
    fn forget(&self, address: IpAddr) {
        *self.slot(address).lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Sends one request, and waits for what comes back.
    async fn ping(
        &self,
        address: IpAddr,
        source: Option<IpAddr>,
        patience: Duration,
    ) -> Result<(), Trouble> {
        let client = self.client(address, source)?;
        let mut pinger = client.pinger(address, self.identifier).await;
        pinger.timeout(patience);
        for _ in 0..DRAWS_MAX {
            // Drawn and not counted, so that nobody far away can answer for a target.
            let number = PingSequence(fastrand::u16(..));
            match pinger.ping(number, PAYLOAD).await {
                Ok((packet, _)) => return judge(&packet),
                Err(SurgeError::IdenticalRequests { .. }) => {}
                Err(SurgeError::IOError(error)) => {
                    // An address that is no longer ours cannot be bound anew, which says so.
                    self.forget(address);
                    return Err(sending_trouble(source, address, &error));
                }
                Err(error) => return Err(Trouble::Failed(error.to_string().to_lowercase())),
            }
        }
        Err(Trouble::Obstacle(Obstacle::Ports))
    }
}

/// Sends the requests. "an echo came back", "2 echoes came back".
pub async fn check(
    &IcmpCheck { count, least }: &IcmpCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    pings: &Pings,
    deadline: Deadline,
) -> Result<String, Trouble> {
    let pause = PAUSE_MAX.min(deadline.timeout() / (2 * u32::from(count.get())));
    // The deadline is ours, and comes first.
    let patience = 2 * deadline.timeout() + Duration::from_secs(1);
    let request = |place: u8| -> Request<'_> {
        Box::pin(async move {
            if place > 0 {
                sleep(pause * u32::from(place)).await;
            }
            pings.ping(address, source, patience).await
        })
    };
    let requests = (0..count.get()).map(request).collect();
    let unfinished = match (count.get(), least.get()) {
        (1, _) => "no echo".to_owned(),
        (count, least) => format!("fewer than {least} of {count} echoes"),
    };
    deadline.within(&unfinished, enough(requests, least)).await??;
    Ok(match least.get() {
        1 => "an echo came back".into(),
        least => format!("{least} echoes came back"),
    })
}

/// A request, and what comes of it.
type Request<'a> = Pin<Box<dyn Future<Output = Result<(), Trouble>> + Send + 'a>>;

/// Waits until so many of them have come back, or cannot any more: then for the last reason, or what the prober lacks.
async fn enough(requests: Vec<Request<'_>>, least: NonZeroU8) -> Result<(), Trouble> {
    let least = usize::from(least.get());
    let mut pending = requests;
    let mut back = 0;
    poll_fn(|context| {
        let mut at = 0;
        while at < pending.len() {
            let Poll::Ready(end) = pending[at].as_mut().poll(context) else {
                at += 1;
                continue;
            };
            drop(pending.swap_remove(at));
            match end {
                Ok(()) => back += 1,
                Err(trouble @ Trouble::Obstacle(_)) => return Poll::Ready(Err(trouble)),
                Err(trouble) if back + pending.len() < least => return Poll::Ready(Err(trouble)),
                Err(_) => {}
            }
            if back == least {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    })
    .await
}

/// What an answer says: an echo, or an error that came in its place (RFC 792, RFC 4443 §3).
fn judge(packet: &IcmpPacket) -> Result<(), Trouble> {
    let why = match packet {
        IcmpPacket::V4(packet) => match (packet.get_icmp_type().0, packet.get_icmp_code().0) {
            (0, _) => return Ok(()),
            (3, 0 | 6) => "network unreachable",
            (3, 1 | 7) => "host unreachable",
            (3, 9 | 10 | 13) => "a router on the way forbids it",
            (11, _) => "it is too many routers away",
            _ => "an ICMP error came back",
        },
        IcmpPacket::V6(packet) => match (packet.get_icmpv6_type().0, packet.get_icmpv6_code().0) {
            (129, _) => return Ok(()),
            (1, 0) => "network unreachable",
            (1, 3) => "host unreachable",
            (1, 1 | 5 | 6) => "a router on the way forbids it",
            (3, _) => "it is too many routers away",
            _ => "an ICMP error came back",
        },
    };
    Err(Trouble::Failed(why.into()))
}

/// What it means that a socket cannot be had.
fn opening_trouble(source: Option<IpAddr>, target: IpAddr, error: &io::Error) -> Trouble {
    if let Some(trouble) = tcp::source_trouble(source, target, error) {
        return trouble;
    }
    match (error.kind(), source) {
        (io::ErrorKind::PermissionDenied, _) => Trouble::Obstacle(Obstacle::Icmp),
        (io::ErrorKind::AddrNotAvailable, Some(source)) => tcp::bind_trouble(source, error),
        _ => Trouble::from_io(error),
    }
}

/// What it means that a request cannot be sent.
fn sending_trouble(source: Option<IpAddr>, target: IpAddr, error: &io::Error) -> Trouble {
    if let Some(trouble) = tcp::source_trouble(source, target, error) {
        return trouble;
    }
    match error.kind() {
        // No port is needed: it is a way to the target that lacks.
        io::ErrorKind::AddrNotAvailable => Trouble::Failed("network unreachable".into()),
        _ => Trouble::from_io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Checker;
    use super::super::tests::{probe, target};
    use super::*;
    use crate::config::model::CheckKind;

    fn echoes(count: u8, least: u8) -> CheckKind {
        let number = |number| NonZeroU8::new(number).expect("not zero");
        CheckKind::Icmp(IcmpCheck { count: number(count), least: number(least) })
    }

    /// Whether this machine lets us send echoes; where not, that is what is told.
    async fn may_ping(checker: &Checker) -> bool {
        let found = probe(checker, &target("127.0.0.1:0".parse().unwrap(), echoes(1, 1))).await;
        if found.starts_with('!') {
            assert_eq!(found, format!("! {}", Obstacle::Icmp));
            eprintln!("NOT CHECKED: echoes, as {}", Obstacle::Icmp);
            return false;
        }
        true
    }

    #[tokio::test]
    async fn echoes_come_back_from_the_loopback_and_many_probes_share_a_socket() {
        let checker = Checker::new(Vec::new());
        if !may_ping(&checker).await {
            return;
        }
        for address in ["127.0.0.1:0", "127.0.0.9:0", "[::1]:0"] {
            for (count, least, expected) in [
                (1, 1, "+ an echo came back"),
                (3, 1, "+ an echo came back"),
                (3, 2, "+ 2 echoes came back"),
            ] {
                let target = target(address.parse().unwrap(), echoes(count, least));
                let (one, two) = tokio::join!(probe(&checker, &target), probe(&checker, &target));
                assert_eq!((one.as_str(), two.as_str()), (expected, expected), "{address}");
            }
        }
    }

    #[tokio::test]
    async fn a_source_that_is_not_ours_is_an_obstacle() {
        let checker = Checker::new(vec!["192.0.2.1".parse().unwrap()]);
        if !may_ping(&Checker::new(Vec::new())).await {
            return;
        }
        let found = probe(&checker, &target("127.0.0.1:0".parse().unwrap(), echoes(1, 1))).await;
        assert!(found.starts_with("! cannot probe from 192.0.2.1: "), "{found}");
    }

    #[tokio::test(start_paused = true)]
    async fn enough_is_what_is_asked_for_and_what_cannot_be_any_more_is_not_waited_for() {
        let lost = || Trouble::Failed("host unreachable".into());
        // + comes back, - does not, ! cannot be sent, . never ends
        for (ends, least, expected) in [
            ("+", 1, Some(Ok(()))),
            (".+", 1, Some(Ok(()))),
            ("-.+", 1, Some(Ok(()))),
            ("+-+", 2, Some(Ok(()))),
            ("+-.", 2, None),
            ("+--", 2, Some(Err(lost()))),
            ("--.", 2, Some(Err(lost()))),
            ("-", 1, Some(Err(lost()))),
            (".!", 1, Some(Err(Trouble::Obstacle(Obstacle::Icmp)))),
        ] {
            let requests = ends.chars().map(|end| -> Request<'static> {
                Box::pin(async move {
                    match end {
                        '+' => Ok(()),
                        '-' => Err(Trouble::Failed("host unreachable".into())),
                        '!' => Err(Trouble::Obstacle(Obstacle::Icmp)),
                        _ => std::future::pending().await,
                    }
                })
            });
            let least = NonZeroU8::new(least).unwrap();
            let enough = enough(requests.collect(), least);
            let found = tokio::time::timeout(Duration::from_secs(1), enough).await.ok();
            assert_eq!(found, expected, "{ends}");
        }
    }

    #[test]
    fn what_the_system_refuses_is_told_with_what_would_be_right() {
        let target = "192.0.2.9".parse().unwrap();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let Trouble::Obstacle(obstacle) = opening_trouble(None, target, &denied) else {
            panic!("it says nothing of the target")
        };
        assert_eq!(
            obstacle.to_string(),
            "the system lets us send no ICMP echoes; set net.ipv4.ping_group_range to have the server's group, or give it CAP_NET_RAW"
        );
        let source = Some("192.0.2.1".parse().unwrap());
        let gone = io::Error::from(io::ErrorKind::InvalidInput);
        for trouble in
            [sending_trouble(source, target, &gone), opening_trouble(source, target, &gone)]
        {
            assert!(matches!(trouble, Trouble::Obstacle(Obstacle::Source(..))), "{trouble:?}");
        }
        let no_way = io::Error::from(io::ErrorKind::AddrNotAvailable);
        let failed = Trouble::Failed("network unreachable".into());
        assert_eq!(sending_trouble(None, target, &no_way), failed);
    }
}
