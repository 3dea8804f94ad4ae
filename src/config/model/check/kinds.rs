//! What checks other than of HTTP ask of their targets, a struct a kind.

use std::num::NonZeroU16;

use super::Tls;

/// A TLS handshake and nothing after it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsCheck {
    /// The port.
    pub port: NonZeroU16,
    /// Whose name is asked for, and how the certificate is judged.
    pub tls: Tls,
    /// A certificate that ends in fewer days is degraded; 0 is never.
    pub days: u16,
}

/// An agent that says how its machine is, in `HAProxy`'s agent-check protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AgentCheck {
    /// The port.
    pub port: NonZeroU16,
    /// What is sent when the connection stands; may be empty.
    pub send: Vec<u8>,
}
