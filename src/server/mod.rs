//! The listeners: bytes from a socket, through the engine, back to the socket.

use std::net::IpAddr;

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
