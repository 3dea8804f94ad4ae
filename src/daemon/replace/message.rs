//! What two servers say to each other, and the descriptors that go with it.
//!
//! ```text
//!   length u32 │ JSON          the descriptors stand beside the length
//! ```

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::SOCKETS_MAX;

/// The longest message, in bytes.
const MESSAGE_MAX: u32 = 1024 * 1024;

/// What is said. `Hello` and `Refused` stay as they are in every version.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Message {
    /// New to old: I speak this version.
    Hello { version: u32 },
    /// Either: no, and why.
    Refused { why: String },
    /// Old to new: who I am.
    Here(Here),
    /// New to old: I am ready; who supervises me.
    Take { supervisor: Option<String> },
    /// Old to new: sockets, one for each descriptor.
    Sockets(Vec<Told>),
    /// Old to new: that was all of them; the descriptor is the lock, where there is one.
    All(Supervision),
    /// New to old: I answer.
    Serving,
    /// Old to new: all is yours.
    Yours,
}

/// What an old server is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::daemon) struct Here {
    pub(in crate::daemon) pid: u32,
    /// Where it serves DNS.
    pub(in crate::daemon) listen: Vec<SocketAddr>,
    /// How many UDP sockets it has at each address.
    pub(in crate::daemon) udp: Vec<(SocketAddr, usize)>,
}

/// What a socket is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) kind: Kind,
    /// Whether somebody outside keeps it open.
    pub(super) is_kept: bool,
}

/// For what it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Udp,
    Tcp,
    /// In the file system, at this path.
    Unix(PathBuf),
}

/// Who supervises the old server, and will the new one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::daemon) struct Supervision {
    /// As `$NOTIFY_SOCKET` has it.
    pub(in crate::daemon) socket: Option<String>,
    /// How long it may hear nothing.
    pub(in crate::daemon) watchdog: Option<Duration>,
}

/// One side of a connection.
pub(super) struct Line(UnixStream);

impl Line {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(stream)
    }

    /// The user that the other side runs as.
    pub(super) fn user(&self) -> io::Result<u32> {
        Ok(socket_peercred(&self.0)?.uid.as_raw())
    }

    /// The process on the other side, where that is who has connected.
    pub(super) fn process(&self) -> io::Result<u32> {
        Ok(socket_peercred(&self.0)?.pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Says something, with descriptors.
    pub(super) fn send(
        &mut self,
        message: &Message,
        descriptors: &[BorrowedFd<'_>],
        within: Duration,
    ) -> io::Result<()> {
        self.0.set_write_timeout(Some(within))?;
        let text = serde_json::to_vec(message)?;
        let length = (text.len() as u32).to_be_bytes();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("too many descriptors at once"));
        }
        let slices = [IoSlice::new(&length)];
        let sent = sendmsg(&self.0, &slices, &mut beside, SendFlags::NOSIGNAL)?;
        self.0.write_all(&length[sent..])?;
        self.0.write_all(&text)
    }

    /// What the other side says next, and the descriptors with it.
    pub(super) fn receive(&mut self, within: Duration) -> io::Result<(Message, Vec<OwnedFd>)> {
        self.0.set_read_timeout(Some(within))?;
        let mut length = [0; 4];
        let mut descriptors = Vec::new();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            &self.0,
            &mut [IoSliceMut::new(&mut length)],
            &mut beside,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.0.read_exact(&mut length[received.bytes..])?;
        let length = u32::from_be_bytes(length);
        if length > MESSAGE_MAX {
            return Err(io::Error::other(format!("a message of {length} bytes")));
        }
        let mut text = vec![0; length as usize];
        self.0.read_exact(&mut text)?;
        Ok((serde_json::from_slice(&text)?, descriptors))
    }
}

/// What became of waiting for the other side, for people.
pub(super) fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "it has ended".to_owned(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            "it has said nothing for too long".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd as _;

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn descriptors_come_with_their_own_message() {
        let (one, other) = UnixStream::pair().expect("two ends");
        let (mut one, mut other) = (Line::new(one), Line::new(other));
        let sockets: Vec<UdpSocket> =
            (0..SOCKETS_MAX).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a port")).collect();
        let told = |_: &UdpSocket| Told { kind: Kind::Udp, is_kept: false };
        let all: Vec<_> = sockets.iter().map(|socket| socket.as_fd()).collect();
        let first = Message::Sockets(sockets.iter().map(told).collect());
        one.send(&first, &all, LONG).expect("there is room");
        one.send(&Message::Serving, &[], LONG).expect("there is room");
        let (message, descriptors) = other.receive(LONG).expect("it was sent");
        assert!(matches!(message, Message::Sockets(told) if told.len() == SOCKETS_MAX));
        for (descriptor, socket) in descriptors.into_iter().zip(&sockets) {
            let passed = UdpSocket::from(descriptor).local_addr().expect("bound");
            assert_eq!(passed, socket.local_addr().expect("bound"));
        }
        let (message, descriptors) = other.receive(LONG).expect("it was sent");
        assert!(matches!(message, Message::Serving) && descriptors.is_empty());
    }

    #[test]
    fn who_ends_or_hangs_is_told_apart() {
        let (one, other) = UnixStream::pair().expect("two ends");
        let mut other = Line::new(other);
        let error = other.receive(Duration::from_millis(10)).expect_err("nothing was said");
        assert_eq!(told(&error), "it has said nothing for too long");
        drop(one);
        assert_eq!(told(&other.receive(LONG).expect_err("nobody is there")), "it has ended");
    }

    #[test]
    fn what_makes_no_sense_is_no_message() {
        for text in [&[0, 0, 0, 2, b'{', b'}'][..], &[255, 255, 255, 255], &[0, 0, 0, 1, 200]] {
            let (mut one, other) = UnixStream::pair().expect("two ends");
            one.write_all(text).expect("there is room");
            assert!(Line::new(other).receive(LONG).is_err(), "{text:?}");
        }
    }
}
