//! The UDP check: a datagram is answered as wished, or at least not refused.
//!
//! Whoever does not answer may be well: many services are silent to what they do not know. So without `expect` only an ICMP
//! error fails ("port unreachable" where nothing listens), and one that has not come within `QUIET` will not.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::{Deadline, Trouble, tcp};
use crate::config::model::UdpCheck;

/// How long an ICMP error is waited for, at most half of the check's timeout.
const QUIET: Duration = Duration::from_millis(500);
/// The largest datagram there is; what is longer does not come whole.
pub(super) const DATAGRAM_MAX: usize = 65_535;

/// Sends one datagram.
pub async fn check(
    check: &UdpCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    deadline: Deadline,
) -> Result<String, Trouble> {
    let socket = connect(SocketAddr::new(address, check.port.get()), source).await?;
    socket.send(&check.send).await.map_err(|error| trouble(&error))?;
    let mut buffer = vec![0; DATAGRAM_MAX];
    let Some(expected) = &check.expect else {
        let quiet = QUIET.min(deadline.timeout() / 2);
        return match timeout(quiet, socket.recv(&mut buffer)).await {
            Ok(Ok(length)) => Ok(format!("answered with {length} bytes")),
            Ok(Err(error)) => Err(trouble(&error)),
            Err(_) => Ok("not refused".into()),
        };
    };
    let length = deadline.within("no answer", socket.recv(&mut buffer)).await?;
    let answer = &buffer[..length.map_err(|error| trouble(&error))?];
    if answer.windows(expected.len().max(1)).any(|part| part == expected) {
        Ok(format!("answered with {} bytes", answer.len()))
    } else {
        let expected = expected.escape_ascii();
        Err(Trouble::Failed(format!("the answer does not contain \"{expected}\"")))
    }
}

/// A socket that hears this address alone.
pub(super) async fn connect(
    address: SocketAddr,
    source: Option<IpAddr>,
) -> Result<UdpSocket, Trouble> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket =
        UdpSocket::bind((source.unwrap_or(any), 0)).await.map_err(|error| match source {
            Some(source) => tcp::bind_trouble(source, &error),
            None => Trouble::from_io(&error),
        })?;
    match socket.connect(address).await {
        Ok(()) => Ok(socket),
        // Without a source it is no address of ours that lacks, but a way to the target.
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            Err(Trouble::Failed("network unreachable".into()))
        }
        Err(error) => {
            let of_source = tcp::source_trouble(source, address.ip(), &error);
            Err(of_source.unwrap_or_else(|| Trouble::from_io(&error)))
        }
    }
}

/// What a failed send or receive means: ICMP errors are told by the next of either.
pub(super) fn trouble(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Trouble::Failed("port unreachable".into()),
        _ => Trouble::from_io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Checker;
    use super::super::tests::{port, probe, target};
    use super::*;
    use crate::config::model::CheckKind;

    async fn probed(
        listens: bool,
        answer: Option<&[u8]>,
        send: &[u8],
        expect: Option<&[u8]>,
    ) -> String {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = server.local_addr().expect("its own");
        let expect = expect.map(<[u8]>::to_vec);
        let check = UdpCheck { port: port(address), send: send.to_vec(), expect };
        let target = target(address, CheckKind::Udp(check));
        let checker = Checker::new(Vec::new());
        if !listens {
            drop(server);
            return probe(&checker, &target).await;
        }
        let serve = async {
            let mut heard = [0; 64];
            let (length, from) = server.recv_from(&mut heard).await.expect("a datagram");
            assert_eq!(&heard[..length], send);
            if let Some(answer) = answer {
                server.send_to(answer, from).await.expect("it is sent");
            }
        };
        tokio::join!(probe(&checker, &target), serve).0
    }

    #[tokio::test]
    async fn an_answer_is_searched_and_a_closed_port_fails() {
        for (listens, answer, expect, expected) in [
            (true, Some(&b"+PONG\0"[..]), Some(&b"PONG"[..]), "+ answered with 6 bytes"),
            (true, Some(b"+PONG"), Some(b"PANG\0"), "- the answer does not contain \"PANG\\x00\""),
            (true, Some(b""), Some(b"x"), "- the answer does not contain \"x\""),
            (true, Some(b"x"), None, "+ answered with 1 bytes"),
            (true, None, None, "+ not refused"),
            (false, None, Some(b"x"), "- port unreachable"),
            (false, None, None, "- port unreachable"),
        ] {
            assert_eq!(probed(listens, answer, b"ping\n", expect).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_answers_what_is_expected_times_out() {
        let found = probed(true, None, b"", Some(b"x")).await;
        assert_eq!(found, "- timed out after 30s: no answer");
    }
}
