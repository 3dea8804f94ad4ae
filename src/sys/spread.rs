//! Which of the sockets that share an address gets a datagram (`SO_ATTACH_REUSEPORT_CBPF`).
//!
//! The kernel's own choice is a hash of both addresses and ports, which is even over many clients; a few large
//! resolvers may all fall to one socket, and their queries wait there while other cores rest. A datagram is a
//! whole transaction, so here each is thrown for by itself:
//!
//! ```text
//!   client A ─┐                         ┌─▶ socket 0
//!   client B ─┼─▶ a number by chance, ──┼─▶ socket 1
//!   client C ─┘   modulo the sockets    └─▶ socket 2
//! ```
//!
//! A number that no socket has, as some were closed since, leaves the choice to the kernel's hash again: nothing is lost.

use std::io;
use std::mem::size_of;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr;

use libc::{
    BPF_A, BPF_ABS, BPF_ALU, BPF_K, BPF_LD, BPF_MOD, BPF_RET, BPF_W, SKF_AD_OFF, SKF_AD_RANDOM,
    c_void, sock_filter, sock_fprog, socklen_t,
};

/// Has datagrams spread by chance over `sockets` sockets that are bound to the address of this one, and share it.
pub fn by_chance(socket: &UdpSocket, sockets: u32) -> io::Result<()> {
    let mut program = [
        step(BPF_LD | BPF_W | BPF_ABS, (SKF_AD_OFF + SKF_AD_RANDOM).cast_unsigned()),
        step(BPF_ALU | BPF_MOD | BPF_K, sockets.max(1)),
        step(BPF_RET | BPF_A, 0),
    ];
    let program = sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_mut_ptr() };
    // SAFETY: the option's value is one `sock_fprog`, and its length says so; the steps that it points to live until the call is
    // over, in which the kernel copies them.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            ptr::from_ref(&program).cast::<c_void>(),
            size_of::<sock_fprog>() as socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn step(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use socket2::{Domain, Protocol, Socket, Type};

    use super::*;

    const SOCKETS: u32 = 4;
    /// Few enough that no socket's buffer, as small as a system may make it, is full.
    const BURST: usize = 100;

    fn shared(address: SocketAddr) -> UdpSocket {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))
            .expect("a socket");
        socket.set_reuse_port(true).expect("an option");
        socket.set_nonblocking(true).expect("an option");
        socket.bind(&address.into()).expect("a free port");
        socket.into()
    }

    /// Sockets of one address, and one client of theirs.
    fn group() -> (Vec<UdpSocket>, UdpSocket) {
        let mut address = SocketAddr::from(([127, 0, 0, 1], 0));
        let sockets: Vec<UdpSocket> = (0..SOCKETS)
            .map(|_| {
                let socket = shared(address);
                address = socket.local_addr().expect("bound");
                socket
            })
            .collect();
        let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        client.connect(address).expect("it is there");
        (sockets, client)
    }

    /// How many of so many bursts each socket gets; loopback delivers before `send` is done.
    fn received(sockets: &[UdpSocket], client: &UdpSocket, bursts: usize) -> Vec<usize> {
        let mut received = vec![0; sockets.len()];
        for _ in 0..bursts {
            for _ in 0..BURST {
                client.send(b"query").expect("loopback takes it");
            }
            for (received, socket) in received.iter_mut().zip(sockets) {
                while socket.recv(&mut [0; 16]).is_ok() {
                    *received += 1;
                }
            }
        }
        received
    }

    #[test]
    fn the_datagrams_of_one_client_reach_every_socket_evenly() {
        let (sockets, client) = group();
        by_chance(&sockets[3], SOCKETS).expect("any kernel since 4.5");
        let received = received(&sockets, &client, 100);
        assert_eq!(received.iter().sum::<usize>(), 100 * BURST);
        // The standard deviation of each is 43: seven of them are met once in 10^11 times.
        assert!(received.iter().all(|received| received.abs_diff(2_500) < 300), "{received:?}");
    }

    #[test]
    fn sockets_that_are_closed_lose_nothing_that_comes_later() {
        for closed in 0..SOCKETS as usize {
            let (mut sockets, client) = group();
            by_chance(&sockets[0], SOCKETS).expect("any kernel since 4.5");
            drop(sockets.remove(closed));
            let received = received(&sockets, &client, 10);
            assert_eq!(received.iter().sum::<usize>(), 10 * BURST, "{received:?}");
            assert!(received.iter().all(|&received| received > 0), "{received:?}");
        }
    }
}
