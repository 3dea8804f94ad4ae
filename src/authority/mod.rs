//! What one authoritative server says to another, and what may change a zone from afar.
//!
//! A query is answered by [`crate::engine`] alone. What is not a look-up is handed over: a listener gives the [`Request`] that
//! the engine has allowed to [`Services`], and what comes back goes out the way it came.
//!
//! ```text
//!   listener ──bytes──▶ engine: may it? ──no──▶ an answer, as to any query
//!                          │ yes
//!                          ▼
//!                       Services ──▶ transfer: messages, one as the client takes it
//!                                └─▶ update, notify: one answer, now or later, by Reply
//! ```

pub mod answer;
mod axfr;
pub mod follow;
mod ixfr;
pub mod notify;
mod pack;
pub mod secondary;
pub mod transfer;
pub mod update;

use std::net::IpAddr;
use std::sync::Arc;

use crate::engine::{Service, Snapshot};
use crate::name::Name;
use crate::wire::tsig::Signed;

/// What was asked for, and allowed.
#[derive(Clone, Debug)]
pub struct Request {
    /// What kind it is.
    pub service: Service,
    /// The message as it came, its TSIG record too. It has been read once and is well formed as far as
    /// [`crate::wire::decode`] goes.
    pub message: Vec<u8>,
    /// Who asks.
    pub client: IpAddr,
    /// Which zone it is about; one of the snapshot's, at its apex.
    pub zone: Name,
    /// Whose signature it has, where it is signed: the answer must be as well.
    pub signed: Option<Signed>,
    /// What was served when it came.
    pub snapshot: Arc<Snapshot>,
}

/// The messages of a transfer, each made when the one before it has been taken; without their lengths.
pub type Messages = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// The way of an answer back to who asked. Dropped without [`send`](Self::send), it tells the listener that there is none.
pub struct Reply(Box<dyn FnOnce(Vec<u8>) + Send>);

impl Reply {
    /// A way back.
    #[must_use]
    pub fn new(send: impl FnOnce(Vec<u8>) + Send + 'static) -> Self {
        Self(Box::new(send))
    }

    /// Sends the answer, whole and signed. Never blocks; who asked may have gone.
    pub fn send(self, message: Vec<u8>) {
        (self.0)(message);
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reply")
    }
}

/// Who does what is no look-up. Called by listeners, which must not wait.
pub trait Services: Send + Sync {
    /// The messages of an allowed transfer.
    fn transfer(&self, request: Request) -> Messages;

    /// Takes over an allowed update or notify. What cannot be taken, as too much waits already, is answered SERVFAIL.
    fn hand(&self, request: Request, reply: Reply);
}
