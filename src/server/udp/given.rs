//! Sockets that were bound by somebody else: whoever supervises the process, or the server before it.
//!
//! They stay theirs too, or become ours alone; either way they have been open for a while, and what waits in them was asked
//! before we began. No socket is added to them: what would wait in one of our own is lost when it closes.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::SockRef;

use super::spread::Group;
use super::{Listener, equip};
use crate::sys::spread::cores;

/// Serves sockets that are bound to one address, by `workers` threads, or one a socket where these are more; where they are fewer,
/// several threads share one. `is_kept` says that others have them too and serve them after us.
pub fn adopt(sockets: &[UdpSocket], workers: usize, is_kept: bool) -> io::Result<Vec<Listener>> {
    let Some(first) = sockets.first() else { return Ok(Vec::new()) };
    let address = first.local_addr()?;
    for socket in sockets {
        make_ours(socket, address).map_err(|error| told(address, &error))?;
    }
    let threads = workers.max(sockets.len());
    // The kernel counts sockets in the order in which they were bound, and a supervisor may give them in another: then the worker on
    // the core that received a datagram is not the one that gets it, which costs no more than chance does.
    let group = Group::new(first, address, sockets.len(), threads, &cores());
    let listener = |worker: usize| {
        let socket = sockets[worker % sockets.len()].try_clone()?;
        Ok(Listener { socket, address, worker, group: group.clone(), is_kept })
    };
    (0..threads).map(listener).collect()
}

fn make_ours(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    let options = SockRef::from(socket);
    if address.is_ipv6() && !options.only_v6()? {
        let why = "it takes IPv4 too, and answers to that would be judged by addresses that nobody has; with systemd, set \
                   BindIPv6Only=ipv6-only and give 0.0.0.0 a line of its own";
        return Err(io::Error::other(why));
    }
    // The workers wait in the call.
    socket.set_nonblocking(false)?;
    // One that was closed to more queries at the end of a server before, however that came about.
    let _ = options.detach_filter();
    equip(socket, address)
}

fn told(address: SocketAddr, error: &io::Error) -> io::Error {
    let text = format!("the UDP socket on {address} that was given cannot be used: {error}");
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use arc_swap::ArcSwap;

    use super::*;
    use crate::counters::{AllCounters, Counter};
    use crate::engine::Snapshot;
    use crate::server::udp::{bind, start};

    /// A test that waits longer has failed.
    const LONG: Duration = Duration::from_secs(10);
    /// A question for the root's SOA: header, root, type 6, class IN.
    const QUERY: [u8; 17] = [0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1];

    fn snapshot() -> Arc<ArcSwap<Snapshot>> {
        let empty = Snapshot::new(Vec::new()).expect("no zone stands twice among none");
        Arc::new(ArcSwap::from_pointee(empty))
    }

    #[test]
    fn one_socket_has_several_workers_and_several_have_one_each() {
        let bound = || UdpSocket::bind("127.0.0.1:0").expect("a free port");
        for (sockets, workers, expected) in [(1, 3, 3), (3, 1, 3), (2, 3, 3)] {
            let sockets: Vec<UdpSocket> = (0..sockets).map(|_| bound()).collect();
            let listeners = adopt(&sockets, workers, true).expect("they are bound");
            assert_eq!(listeners.len(), expected);
        }
        assert!(adopt(&[], 2, true).expect("nothing to adopt").is_empty());
    }

    #[test]
    fn workers_of_sockets_that_share_an_address_are_a_group_as_ours_are() {
        let ours = bind(&[SocketAddr::from(([127, 0, 0, 1], 0))], 2).expect("a free port");
        let sockets: Vec<UdpSocket> =
            ours.iter().map(|listener| listener.socket().expect("a descriptor")).collect();
        let listeners = adopt(&sockets, 3, true).expect("they are bound");
        assert_eq!(listeners.len(), 3);
        for listener in &listeners {
            assert_eq!(listener.group.is_some(), ours[0].group.is_some());
        }
    }

    #[test]
    fn what_waits_in_a_socket_of_others_is_for_who_comes_next() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        client.connect(socket.local_addr().expect("bound")).expect("it is there");
        client.set_read_timeout(Some(LONG)).expect("an option");
        // Before anybody serves, and in between: all of it waits.
        client.send(&QUERY).expect("loopback takes it");
        for answered in 1..=3 {
            let given = vec![socket.try_clone().expect("a descriptor")];
            let listeners = adopt(&given, 2, true).expect("it is bound");
            let counters = AllCounters::default();
            let running =
                start(listeners, &snapshot(), &counters, None, None).expect("threads start");
            assert!(client.recv(&mut [0; 512]).expect("an answer") >= 12);
            running.stop();
            assert_eq!(counters.total(Counter::UdpAnswers), 1, "{answered}");
            client.send(&QUERY).expect("loopback takes it");
        }
    }

    #[test]
    fn a_socket_that_takes_both_families_is_a_mistake_that_says_what_would_be_right() {
        let socket = socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::DGRAM, None);
        let socket = socket.expect("a socket");
        socket.set_only_v6(false).expect("an option");
        let any = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0));
        socket.bind(&any.into()).expect("a free port");
        let error = adopt(&[socket.into()], 1, true).err().expect("it takes IPv4 too");
        assert!(error.to_string().contains("BindIPv6Only=ipv6-only"), "{error}");
    }
}
