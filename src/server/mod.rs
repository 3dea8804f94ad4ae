//! The listeners: bytes from a socket, through the engine, back to the socket.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(target_os = "linux")]
pub mod udp;

pub mod tcp;

pub mod hickory;

pub mod chance;
mod count;
mod denied;
mod handover;
pub mod responder;

use tokio::sync::oneshot;

use crate::authority::Messages;
use crate::engine::Transport;

/// [`Responder::answer`](responder::Responder::answer) of one thread, as a listener is given it: how a
/// query is framed does not depend on what is answered.
pub type Answer = Box<dyn FnMut(IpAddr, Transport, &[u8], &mut Vec<u8>) -> Answered + Send>;

/// What a query came to.
pub enum Answered {
    /// An answer, which was appended.
    Whole,
    /// It earns none.
    Nothing,
    /// A transfer: message after message, each made when the one before it was taken.
    Messages(Messages),
    /// An answer that somebody else makes; none where they let go of it.
    Later(oneshot::Receiver<Vec<u8>>),
}

/// The time, in seconds since 1970: what the engine is told of it.
#[expect(
    clippy::disallowed_methods,
    reason = "cookies and signatures have a time, and listeners tell it"
)]
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
