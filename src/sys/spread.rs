//! Which of the sockets that share an address gets a datagram (`SO_ATTACH_REUSEPORT_CBPF`).
//!
//! Each socket has a worker, and each worker a core. By core a datagram stays on the core that the network card gave it to, and so
//! does its answer: nobody is woken from elsewhere, and what came together is read together. How even that is depends on the
//! card. By chance it is even whoever asks, as a datagram is a whole transaction:
//!
//! ```text
//!   by core                              by chance
//!   received on core 0 ───▶ socket 0     client A ─┐                       ┌─▶ socket 0
//!   received on core 1 ───▶ socket 1     client B ─┼─▶ a number, modulo ───┼─▶ socket 1
//!   received on core 2 ───▶ socket 2     client C ─┘   the sockets         └─▶ socket 2
//! ```
//!
//! A number that no socket has, as some were closed since, leaves the choice to the kernel's hash of addresses and ports: nothing
//! is lost.

use std::io;
use std::mem::size_of;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr;

use libc::{
    BPF_A, BPF_ABS, BPF_ALU, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_MOD, BPF_RET, BPF_SUB, BPF_W,
    SKF_AD_CPU, SKF_AD_OFF, SKF_AD_RANDOM, c_int, c_void, sock_filter, sock_fprog, socklen_t,
};
use rustix::thread::{CpuSet, sched_getaffinity};

/// The cores that the calling thread may use, ascending; none where the system does not say.
#[must_use]
pub fn cores() -> Vec<usize> {
    let Ok(allowed) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect()
}

/// What picks one of so many sockets, as steps of the kernel's classic packet filter.
pub struct Program(Vec<sock_filter>);

impl Program {
    /// By chance.
    #[must_use]
    pub fn by_chance(sockets: usize) -> Self {
        let mut program = vec![load(SKF_AD_RANDOM)];
        program.extend(modulo(sockets));
        Self(program)
    }

    /// By the core that received it: socket i has the i-th of `cores`, which ascend, and so have those a multiple of `sockets`
    /// further on. A core that is not among them has some socket.
    #[must_use]
    pub fn by_core(cores: &[usize], sockets: usize) -> Self {
        let mut program = vec![load(SKF_AD_CPU)];
        // The number of a core less its place is the same all along a run of cores, and larger in the next one; so the
        // last run that does not begin above the core is the one that counts.
        let places = cores.iter().enumerate();
        let mut runs: Vec<(usize, usize)> =
            places.map(|(place, &core)| (core, core - place)).collect();
        runs.dedup_by_key(|&mut (_, less)| less);
        for (run, &(first, less)) in runs.iter().enumerate().rev() {
            let own = modulo(sockets);
            if run > 0 {
                let over = own.len() as u8 + 1;
                program.push(sock_filter { jf: over, ..step(BPF_JMP | BPF_JGE | BPF_K, first) });
            }
            program.push(step(BPF_ALU | BPF_SUB | BPF_K, less));
            program.extend(own);
        }
        if runs.is_empty() {
            program.extend(modulo(sockets));
        }
        Self(program)
    }

    /// Has it pick among the sockets that are bound to the address of this one, and share it.
    pub fn attach(&self, socket: &UdpSocket) -> io::Result<()> {
        let steps = self.0.as_ptr().cast_mut();
        let program = sock_fprog { len: self.0.len() as libc::c_ushort, filter: steps };
        // SAFETY: the option's value is one `sock_fprog`, and its length says so; the steps that it points to live until the
        // call is over, in which the kernel copies them and writes none.
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
}

/// Takes something that the kernel knows beside the packet.
fn load(what: c_int) -> sock_filter {
    step(BPF_LD | BPF_W | BPF_ABS, (SKF_AD_OFF + what).cast_unsigned() as usize)
}

/// Ends with what there is, modulo the sockets.
fn modulo(sockets: usize) -> [sock_filter; 2] {
    [step(BPF_ALU | BPF_MOD | BPF_K, sockets.max(1)), step(BPF_RET | BPF_A, 0)]
}

fn step(code: u32, k: usize) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k: k as u32 }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::thread;

    use libc::BPF_MAXINSNS;
    use rustix::thread::sched_setaffinity;
    use socket2::{Domain, Protocol, Socket, Type};

    use super::*;

    const SOCKETS: usize = 4;
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

    /// The same from one core: loopback receives where it sends.
    fn received_on(core: usize, sockets: &[UdpSocket], client: &UdpSocket) -> Vec<usize> {
        let pinned = || {
            let mut one = CpuSet::new();
            one.set(core);
            sched_setaffinity(None, &one).expect("it is allowed");
            received(sockets, client, 10)
        };
        thread::scope(|scope| scope.spawn(pinned).join().expect("sockets work"))
    }

    /// What a program says of a datagram that a core received; the kernel has jumps checked.
    fn picked(program: &Program, core: usize) -> usize {
        const SUB: u32 = BPF_ALU | BPF_SUB | BPF_K;
        const MOD: u32 = BPF_ALU | BPF_MOD | BPF_K;
        const JGE: u32 = BPF_JMP | BPF_JGE | BPF_K;
        const RET: u32 = BPF_RET | BPF_A;
        let (mut number, mut at) = (core as u32, 1);
        assert_eq!(program.0[0].k, (SKF_AD_OFF + SKF_AD_CPU).cast_unsigned());
        loop {
            let sock_filter { code, jt, jf, k } = program.0[at];
            at += 1;
            match u32::from(code) {
                SUB => number = number.wrapping_sub(k),
                MOD => number %= k,
                JGE => at += usize::from(if number >= k { jt } else { jf }),
                RET => return number as usize,
                other => panic!("{other:#x} is no step of ours"),
            }
        }
    }

    #[test]
    fn each_core_has_the_socket_of_its_place_among_those_that_are_allowed() {
        let every_other: Vec<usize> = (1..CpuSet::MAX_CPU).step_by(2).collect();
        let sets: [&[usize]; 9] = [
            &[0],
            &[0, 1],
            &[5, 6, 7],
            &[1, 3],
            &[0, 2, 3, 4, 9],
            &[2, 3, 4, 34, 35, 36],
            &[0, 1023],
            &every_other,
            &[],
        ];
        for cores in sets {
            for sockets in [1, 2, 3, 64, 512, 1024] {
                let program = Program::by_core(cores, sockets);
                assert!(program.0.len() < BPF_MAXINSNS as usize, "the kernel would refuse it");
                for core in 0..CpuSet::MAX_CPU {
                    let picked = picked(&program, core);
                    match cores.binary_search(&core) {
                        Ok(place) => assert_eq!(picked, place % sockets, "{core} of {cores:?}"),
                        Err(_) => assert!(picked < sockets, "{core} beside {cores:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn the_longest_program_is_taken() {
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).step_by(2).collect();
        let (sockets, _) = group();
        Program::by_core(&cores, SOCKETS).attach(&sockets[0]).expect("any kernel since 4.5");
    }

    #[test]
    fn what_a_core_receives_is_all_for_the_socket_of_its_worker() {
        let (sockets, client) = group();
        let cores = cores();
        Program::by_core(&cores, SOCKETS).attach(&sockets[1]).expect("any kernel since 4.5");
        for (place, &core) in cores.iter().enumerate() {
            let mut expected = vec![0; SOCKETS];
            expected[place % SOCKETS] = 10 * BURST;
            assert_eq!(received_on(core, &sockets, &client), expected, "{core} of {cores:?}");
        }
    }

    #[test]
    fn the_datagrams_of_one_client_reach_every_socket_evenly() {
        let (sockets, client) = group();
        Program::by_chance(SOCKETS).attach(&sockets[3]).expect("any kernel since 4.5");
        let received = received(&sockets, &client, 100);
        assert_eq!(received.iter().sum::<usize>(), 100 * BURST);
        // The standard deviation of each is 43: seven of them are met once in 10^11 times.
        assert!(received.iter().all(|received| received.abs_diff(2_500) < 300), "{received:?}");
    }

    #[test]
    fn the_last_program_counts_whichever_socket_it_came_by() {
        let (sockets, client) = group();
        let cores = cores();
        Program::by_core(&cores, SOCKETS).attach(&sockets[0]).expect("any kernel since 4.5");
        Program::by_chance(SOCKETS).attach(&sockets[1]).expect("any kernel since 4.5");
        let received = received_on(cores[0], &sockets, &client);
        assert!(received.iter().all(|&received| received > 0), "{received:?}");
        Program::by_core(&cores, SOCKETS).attach(&sockets[2]).expect("any kernel since 4.5");
        assert_eq!(received_on(cores[0], &sockets, &client)[0], 10 * BURST);
    }

    #[test]
    fn sockets_that_are_closed_lose_nothing_that_comes_later() {
        let cores = cores();
        for closed in 0..SOCKETS {
            let (mut sockets, client) = group();
            Program::by_core(&cores, SOCKETS).attach(&sockets[0]).expect("any kernel since 4.5");
            drop(sockets.remove(closed));
            for &core in &cores {
                let received = received_on(core, &sockets, &client);
                assert_eq!(received.iter().sum::<usize>(), 10 * BURST, "{received:?}");
            }
            Program::by_chance(SOCKETS).attach(&sockets[0]).expect("any kernel since 4.5");
            let received = received(&sockets, &client, 10);
            assert_eq!(received.iter().sum::<usize>(), 10 * BURST, "{received:?}");
            assert!(received.iter().all(|&received| received > 0), "{received:?}");
        }
    }
}
