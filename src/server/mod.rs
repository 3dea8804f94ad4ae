//! The listeners: bytes from a socket, through the engine, back to the socket.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(target_os = "linux")]
pub mod udp;

pub mod tcp;

pub mod hickory;

pub mod chance;
mod count;
pub mod responder;

use crate::engine::Transport;

/// [`Responder::answer`](responder::Responder::answer) of one thread, as a listener is given it: how a
/// query is framed does not depend on what is answered.
pub type Answer = Box<dyn FnMut(IpAddr, Transport, &[u8], &mut Vec<u8>) -> bool + Send>;

/// The time, in seconds since 1970: what the engine is told of it.
#[expect(
    clippy::disallowed_methods,
    reason = "cookies and signatures have a time, and listeners tell it"
)]
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
