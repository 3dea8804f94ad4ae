//! The listeners: bytes from a socket, through [`Responder`](responder::Responder), back to the socket.

use std::net::IpAddr;

pub mod hickory;
pub mod responder;
pub mod tcp;

use responder::Transport;

/// [`Responder::answer`](responder::Responder::answer) of one thread, as a listener is given it: how a
/// query is framed does not depend on what is answered.
pub type Answer = Box<dyn FnMut(IpAddr, Transport, &[u8], &mut Vec<u8>) -> bool + Send>;
