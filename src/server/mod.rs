//! The listeners: bytes from a socket, through the engine, back to the socket.

#[cfg(target_os = "linux")]
pub mod udp;

pub mod tcp;

pub mod chance;
pub mod responder;
