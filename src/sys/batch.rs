//! Many datagrams a system call: `recvmmsg` and `sendmmsg`, and the options of such sockets.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;

use libc::{
    c_int, c_uint, c_void, in_pktinfo, in6_pktinfo, iovec, mmsghdr, sockaddr_in, sockaddr_in6,
    sockaddr_storage, socklen_t,
};

/// How many datagrams are received in one call at most.
pub const BATCH: usize = 64;
/// The longest datagram that is taken whole. Not a power of two, so that the starts of the buffers do not all
/// fall into the same cache sets.
pub const RECEIVE_MAX: usize = 4160;
/// The room for the control message that carries the local address.
const CONTROL: usize = 64;

/// The buffers of one thread: a batch of datagrams and their replies.
///
/// All that the kernel is given pointers to lives in boxes that are never moved or replaced.
pub struct Batch {
    received: Box<[mmsghdr]>,
    replies: Box<[mmsghdr]>,
    peers: Box<[sockaddr_storage]>,
    controls: Box<[Control]>,
    in_vectors: Box<[iovec]>,
    out_vectors: Box<[iovec]>,
    in_bytes: Box<[u8]>,
    out_bytes: Box<[u8]>,
    out_size: usize,
    count: usize,
    reply_count: usize,
    keeps_local: bool,
}

/// Aligned as a control message header must be.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

impl Batch {
    /// Buffers with room for replies of `out_size` bytes each. With `keeps_local` a reply leaves from the
    /// address that was asked, which the socket must report ([`report_local_address`]).
    #[must_use]
    pub fn new(out_size: usize, keeps_local: bool) -> Self {
        // SAFETY: these are plain C structs, for which all zeroes is a value.
        let (header, peer, vector): (mmsghdr, sockaddr_storage, iovec) =
            unsafe { (zeroed(), zeroed(), zeroed()) };
        let mut batch = Self {
            received: vec![header; BATCH].into_boxed_slice(),
            replies: vec![header; BATCH].into_boxed_slice(),
            peers: vec![peer; BATCH].into_boxed_slice(),
            controls: vec![Control([0; CONTROL]); BATCH].into_boxed_slice(),
            in_vectors: vec![vector; BATCH].into_boxed_slice(),
            out_vectors: vec![vector; BATCH].into_boxed_slice(),
            in_bytes: vec![0; BATCH * RECEIVE_MAX].into_boxed_slice(),
            out_bytes: vec![0; BATCH * out_size].into_boxed_slice(),
            out_size,
            count: 0,
            reply_count: 0,
            keeps_local,
        };
        for index in 0..BATCH {
            let bytes = &mut batch.in_bytes[index * RECEIVE_MAX..][..RECEIVE_MAX];
            batch.in_vectors[index] =
                iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: RECEIVE_MAX };
            let header = &mut batch.received[index].msg_hdr;
            header.msg_name = ptr::from_mut(&mut batch.peers[index]).cast();
            header.msg_iov = &raw mut batch.in_vectors[index];
            header.msg_iovlen = 1;
            if keeps_local {
                header.msg_control = batch.controls[index].0.as_mut_ptr().cast();
            }
        }
        batch
    }

    /// Waits for a datagram, at most as long as the socket's read timeout, and takes those that are
    /// there with it; with `wait` false it takes what is there.
    pub fn receive(&mut self, socket: &UdpSocket, wait: bool) -> io::Result<usize> {
        self.count = 0;
        self.reply_count = 0;
        for header in &mut self.received {
            header.msg_hdr.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
            header.msg_hdr.msg_controllen = if self.keeps_local { CONTROL } else { 0 };
        }
        let flags = if wait { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        // SAFETY: each of the BATCH headers points to buffers of the lengths it states, all owned by
        // `self` and borrowed for the call; the timeout is null.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.received.as_mut_ptr(),
                BATCH as c_uint,
                flags as _,
                ptr::null_mut(),
            )
        };
        self.count = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok(self.count)
    }

    /// A datagram of the batch; what was cut off at [`RECEIVE_MAX`] ends there.
    #[inline]
    #[must_use]
    pub fn datagram(&self, index: usize) -> &[u8] {
        let len = (self.received[index].msg_len as usize).min(RECEIVE_MAX);
        &self.in_bytes[index * RECEIVE_MAX..][..len]
    }

    /// Who sent it; `None` for a family that no socket of ours has.
    #[inline]
    #[must_use]
    pub fn peer(&self, index: usize) -> Option<SocketAddr> {
        let storage = &self.peers[index];
        match c_int::from(storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says which struct the kernel wrote, and storage is large and
                // aligned enough for it.
                let peer = unsafe { &*ptr::from_ref(storage).cast::<sockaddr_in>() };
                let address = Ipv4Addr::from(u32::from_be(peer.sin_addr.s_addr));
                Some(SocketAddr::new(IpAddr::V4(address), u16::from_be(peer.sin_port)))
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let peer = unsafe { &*ptr::from_ref(storage).cast::<sockaddr_in6>() };
                let address = Ipv6Addr::from(peer.sin6_addr.s6_addr);
                Some(SocketAddr::new(IpAddr::V6(address), u16::from_be(peer.sin6_port)))
            }
            _ => None,
        }
    }

    /// A datagram and the buffer for its reply.
    #[inline]
    #[must_use]
    pub fn exchange(&mut self, index: usize) -> (&[u8], &mut [u8]) {
        let len = (self.received[index].msg_len as usize).min(RECEIVE_MAX);
        let query = &self.in_bytes[index * RECEIVE_MAX..][..len];
        (query, &mut self.out_bytes[index * self.out_size..][..self.out_size])
    }

    /// Puts a reply of `len` bytes, which stand in the buffer of [`Self::exchange`], among those to send.
    #[inline]
    pub fn reply(&mut self, index: usize, len: usize) {
        let bytes = &mut self.out_bytes[index * self.out_size..][..len.min(self.out_size)];
        self.out_vectors[index] =
            iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        let from = self.received[index].msg_hdr;
        let to = &mut self.replies[self.reply_count].msg_hdr;
        to.msg_name = from.msg_name;
        to.msg_namelen = from.msg_namelen;
        to.msg_iov = &raw mut self.out_vectors[index];
        to.msg_iovlen = 1;
        if self.keeps_local {
            to.msg_control = from.msg_control;
            to.msg_controllen = from.msg_controllen;
            forget_interface(&from);
        }
        self.reply_count += 1;
    }

    /// The way back to who sent a datagram, for an answer that comes later.
    #[must_use]
    pub fn way_back(&self, index: usize) -> WayBack {
        let from = self.received[index].msg_hdr;
        if self.keeps_local {
            forget_interface(&from);
        }
        WayBack {
            peer: self.peers[index],
            peer_len: from.msg_namelen,
            control: self.controls[index],
            control_len: if self.keeps_local { from.msg_controllen } else { 0 },
        }
    }

    /// How many replies there are to send.
    #[inline]
    #[must_use]
    pub fn replies(&self) -> usize {
        self.reply_count
    }

    /// Sends the replies, and says how many the kernel took. One that it refuses does not hold up
    /// those behind it.
    pub fn send(&mut self, socket: &UdpSocket) -> usize {
        let (mut next, mut sent) = (0, 0);
        while next < self.reply_count {
            let rest = &mut self.replies[next..self.reply_count];
            // SAFETY: each header points to a peer, a vector and control bytes that `self` owns, as
            // `reply` set them.
            let taken = unsafe {
                libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), rest.len() as c_uint, 0)
            };
            match usize::try_from(taken) {
                Ok(taken) => {
                    next += taken.max(1);
                    sent += taken;
                }
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                Err(_) => next += 1,
            }
        }
        sent
    }
}

/// What the system has lengths of control messages in.
#[cfg(target_env = "musl")]
type Length = socklen_t;
/// What the system has lengths of control messages in.
#[cfg(not(target_env = "musl"))]
type Length = usize;

/// Where a datagram came from, and which of our addresses it came to.
#[derive(Clone)]
pub struct WayBack {
    peer: sockaddr_storage,
    peer_len: socklen_t,
    control: Control,
    control_len: Length,
}

impl WayBack {
    /// Sends one datagram; never waits for room.
    pub fn send(mut self, socket: &UdpSocket, bytes: &[u8]) -> io::Result<()> {
        let mut vector = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        // SAFETY: a plain C struct, for which all zeroes is a value.
        let mut header: libc::msghdr = unsafe { zeroed() };
        header.msg_name = ptr::from_mut(&mut self.peer).cast();
        header.msg_namelen = self.peer_len;
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        if self.control_len > 0 {
            header.msg_control = self.control.0.as_mut_ptr().cast();
            header.msg_controllen = self.control_len;
        }
        // SAFETY: the header points to a peer, a vector and control bytes that live until the call is over; `sendmsg`
        // writes to none of them.
        let sent =
            unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Lets the routes choose the interface of a reply: only the address is to be the one that was asked.
/// A link-local address means nothing without its interface and keeps it.
fn forget_interface(header: &libc::msghdr) {
    // SAFETY: the kernel filled the control buffer with whole messages and set its length; the macros
    // walk within it, and data is read and written unaligned.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let data = libc::CMSG_DATA(message);
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let mut info = data.cast::<in_pktinfo>().read_unaligned();
                    info.ipi_ifindex = 0;
                    data.cast::<in_pktinfo>().write_unaligned(info);
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let mut info = data.cast::<in6_pktinfo>().read_unaligned();
                    if !Ipv6Addr::from(info.ipi6_addr.s6_addr).is_unicast_link_local() {
                        info.ipi6_ifindex = 0;
                        data.cast::<in6_pktinfo>().write_unaligned(info);
                    }
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
}

/// Has the socket report to which of our addresses each datagram came, for sockets that are bound to
/// all of them.
pub fn report_local_address(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
        SocketAddr::V6(_) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
    }
}

/// Never lets a forged "fragmentation needed" lower the path's size or fragment our answers: they are
/// small enough as they are.
pub fn ignore_path_mtu(socket: &UdpSocket, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => {
            set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)
        }
        SocketAddr::V6(_) => set_option(
            socket,
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_OMIT,
        ),
    }
}

/// Asks for a receive buffer beyond the system's limit, which takes a privilege.
pub fn force_receive_buffer(socket: &UdpSocket, bytes: usize) -> io::Result<()> {
    let bytes = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes)
}

/// What a socket has for whoever reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The memory that is counted against its receive buffer. What was read may still be in it, up to a quarter of the buffer.
    pub bytes: u32,
    /// How many datagrams found no room since it was opened, modulo 2^32.
    pub dropped: u32,
}

/// What waits in a socket (Linux 4.12).
pub fn waiting(socket: &UdpSocket) -> io::Result<Waiting> {
    // The first is SK_MEMINFO_RMEM_ALLOC, the last SK_MEMINFO_DROPS.
    const VALUES: usize = libc::SK_MEMINFO_DROPS as usize + 1;
    let mut values = [0u32; VALUES];
    let mut size = size_of::<[u32; VALUES]>() as socklen_t;
    // SAFETY: the kernel writes at most `size` bytes into values of that size, which nobody else has.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast::<c_void>(),
            &raw mut size,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let [bytes, .., dropped] = values;
    Ok(Waiting { bytes, dropped })
}

fn set_option(socket: &UdpSocket, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the option's value is one int, and its length says so.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            ptr::from_ref(&value).cast::<c_void>(),
            size_of::<c_int>() as socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
