//! The listeners: bytes from a socket, through [`Responder`], back to the socket.

pub mod responder;
pub mod tcp;
