//! The TCP check: a connection can be made. The HTTP check begins with one, too.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use super::{Deadline, Obstacle, Trouble};

/// The port of the discard service (RFC 863), to which nothing is sent.
const DISCARD: u16 = 9;

/// Connects, and hangs up.
pub async fn check(
    address: SocketAddr,
    source: Option<IpAddr>,
    deadline: Deadline,
) -> Result<String, Trouble> {
    connect(address, source, deadline).await.map(|_| "connected".into())
}

/// A connection that ends with a reset when it is dropped.
///
/// A thousand probes a second that end with FIN would leave sixty thousand sockets in `TIME_WAIT`,
/// each holding a local port. A reset leaves none, and tells the target that nobody will read on,
/// also where a probe gave up in the middle. By then all that a probe needs to know has arrived.
pub async fn connect(
    address: SocketAddr,
    source: Option<IpAddr>,
    deadline: Deadline,
) -> Result<TcpStream, Trouble> {
    let socket = socket(address, source)?;
    let stream = deadline.within("no connection", socket.connect(address)).await?;
    let stream = stream.map_err(|error| connect_trouble(address, source, &error))?;

    // Where nobody listens on a port of this machine, and the kernel happens to give the probe just
    // that port to connect from, it meets itself (simultaneous open, RFC 9293 §3.5).
    if stream.local_addr().is_ok_and(|local| local == address) {
        return Err(Trouble::Failed("connection refused".into()));
    }
    Ok(stream)
}

fn socket(address: SocketAddr, source: Option<IpAddr>) -> Result<TcpSocket, Trouble> {
    let new = if address.is_ipv4() { TcpSocket::new_v4 } else { TcpSocket::new_v6 };
    let from_io = |error: io::Error| Trouble::from_io(&error);
    let socket = new().map_err(from_io)?;
    SockRef::from(&socket).set_linger(Some(Duration::ZERO)).map_err(from_io)?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0)).map_err(|error| bind_trouble(source, &error))?;
    }
    Ok(socket)
}

/// The kernel has one word for two troubles, EADDRNOTAVAIL: no local port is free (an obstacle),
/// and no address of this machine can reach the target (a failure: a machine without IPv6 often
/// says so instead of "network unreachable"). UDP needs the same address, but has ports of its own.
fn connect_trouble(address: SocketAddr, source: Option<IpAddr>, error: &io::Error) -> Trouble {
    if let Some(trouble) = source_trouble(source, address.ip(), error) {
        return trouble;
    }
    let no_address = error.kind() == io::ErrorKind::AddrNotAvailable
        && source.is_none()
        && !has_way(address.ip()).unwrap_or(true);
    if no_address {
        return Trouble::Failed("network unreachable".into());
    }
    Trouble::from_io(error)
}

/// Whether this machine has an address that datagrams to `address` would come from.
fn has_way(address: IpAddr) -> io::Result<bool> {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?; // sends nothing
    Ok(socket.connect((address, DISCARD)).is_ok())
}

/// What it means that the system takes a source address, and finds no way from it to a target: such as from the loopback to
/// another machine, from IPv4 in IPv6's form to IPv6, or by routes of its own that lead elsewhere. `None` where the source is not
/// to blame: then no other address leads there either.
pub(super) fn source_trouble(
    source: Option<IpAddr>,
    target: IpAddr,
    error: &io::Error,
) -> Option<Trouble> {
    let is_to_blame = match error.kind() {
        io::ErrorKind::InvalidInput => true,
        io::ErrorKind::NetworkUnreachable => source.is_some() && has_way(target).unwrap_or(false),
        _ => false,
    };
    Some(bind_trouble(source.filter(|_| is_to_blame)?, error))
}

pub(super) fn bind_trouble(source: IpAddr, error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::AddrInUse => Trouble::Obstacle(Obstacle::Ports),
        _ => Trouble::Obstacle(Obstacle::Source(source, super::plain(error))),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::super::Checker;
    use super::super::tests::{port, probe, target};
    use super::*;
    use crate::config::model::CheckKind;

    #[tokio::test]
    async fn a_listener_passes_and_no_listener_is_refused() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(any).await.unwrap();
            let address = listener.local_addr().unwrap();
            let target = target(address, CheckKind::Tcp { port: port(address) });
            let checker = Checker::new(Vec::new());
            assert_eq!(probe(&checker, &target).await, "+ connected", "{any}");
            drop(listener);
            assert_eq!(probe(&checker, &target).await, "- connection refused", "{any}");
        }
    }

    #[test]
    fn without_a_free_port_nothing_is_said_of_a_target_that_has_a_way() {
        let address = "127.0.0.1:80".parse().unwrap();
        let error = io::ErrorKind::AddrNotAvailable.into();
        let trouble = connect_trouble(address, None, &error);
        assert_eq!(trouble, Trouble::Obstacle(Obstacle::Ports));
    }

    #[test]
    fn a_source_from_which_no_way_leads_to_the_target_says_nothing_of_it() {
        let address = "192.0.2.1:80".parse().unwrap();
        let source: IpAddr = "127.0.0.9".parse().unwrap();
        let invalid = io::Error::from_raw_os_error(22);
        let Trouble::Obstacle(obstacle) = connect_trouble(address, Some(source), &invalid) else {
            panic!("it is not the target's fault")
        };
        assert_eq!(
            obstacle.to_string(),
            "cannot probe from 127.0.0.9: invalid argument; prober.source must be an address of this machine from which \
             the targets of its family can be reached"
        );
        let failed = Trouble::Failed("invalid argument".into());
        assert_eq!(connect_trouble(address, None, &invalid), failed);
        let refused = io::ErrorKind::ConnectionRefused.into();
        let failed = Trouble::Failed("connection refused".into());
        assert_eq!(connect_trouble(address, Some(source), &refused), failed);

        // Others of this machine's addresses lead to one of these, and none to the other: it is everybody's, and no way is given.
        let unreachable = io::ErrorKind::NetworkUnreachable.into();
        let trouble = connect_trouble("127.0.0.1:80".parse().unwrap(), Some(source), &unreachable);
        assert!(matches!(trouble, Trouble::Obstacle(Obstacle::Source(..))), "{trouble:?}");
        let everybody = "255.255.255.255:80".parse().unwrap();
        let failed = Trouble::Failed("network unreachable".into());
        assert_eq!(connect_trouble(everybody, Some(source), &unreachable), failed);
        assert_eq!(connect_trouble("127.0.0.1:80".parse().unwrap(), None, &unreachable), failed);
    }

    #[tokio::test]
    async fn a_probe_ends_with_a_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = target(address, CheckKind::Tcp { port: port(address) });
        let checker = Checker::new(Vec::new());
        assert_eq!(probe(&checker, &target).await, "+ connected");
        let (mut stream, _) = listener.accept().await.unwrap();
        let read = stream.read(&mut [0]).await.map_err(|error| error.kind());
        assert_eq!(read, Err(std::io::ErrorKind::ConnectionReset));
    }
}
