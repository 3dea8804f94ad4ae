//! Another process takes the server's place, without a query lost: `rotadns serve --replace`.
//!
//! ```text
//!   new                                             old
//!   hello ────────────────────────────────────────▶ here: who I am, where I listen
//!   loads all zones, makes the first round of       serves
//!   checks; reads the state folder, writes nothing
//!   take ─────────────────────────────────────────▶ rests: updates, hands and versions wait; all of
//!                                                   it is on the disk, and the files are closed
//!                  ◀── sockets, and the lock ────── serves what is asked
//!   reads what came to be meanwhile, serves too
//!   serving ──────────────────────────────────────▶ from here on the new one is the server
//!                  ◀──────────────────── yours ──── has answered what it had received over UDP
//!   takes updates, hands and versions               ends, and connections behind their answers
//! ```
//!
//! The sockets are the same ones, so what waits in them is answered by whoever comes to it, and a port below 1024 needs no
//! privilege again. Whatever goes wrong before `serving`, the old one goes on: it hears that the other is gone, or gives it up after
//! a time, and takes back what it has rested from. The lock of the state folder is one, which both hold in between, so that no third
//! one can come.
//!
//! They speak over a socket in the state folder that its owner alone may connect to.

mod message;
mod new;
mod old;

pub(super) use message::{Here, Supervision};
pub(super) use new::{Beginning, Begun, Predecessor};
pub(super) use old::{Ground, Replaceable};

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of what is said.
const VERSION: u32 = 1;
/// How long one side may take for what it has at hand.
const STEP: Duration = Duration::from_secs(10);
/// How long the old one may take to come to rest: a large zone may just be loaded.
const REST_MAX: Duration = Duration::from_secs(30);
/// How long the new one may take from the sockets to its first answer, in which the old one makes no update.
const TAKE_MAX: Duration = Duration::from_secs(15);
/// The most sockets that are told of at once; the kernel takes 253.
const SOCKETS_MAX: usize = 64;

/// Where a server listens for who is to take its place.
pub(super) fn place(state: &Path) -> PathBuf {
    super::given::absolute(state).join("replace.sock")
}
