//! How zones from elsewhere stand, for people who look.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::name::Name;

/// How one zone stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Where its primaries are.
    pub primaries: Vec<SocketAddr>,
    /// Who had the newest version, or ours, last.
    pub primary: Option<SocketAddr>,
    /// The serial of what we have, expired or not.
    pub serial: Option<u32>,
    /// When it was last known to be up to date.
    pub refreshed: Option<SystemTime>,
    /// Until when it is served, or was.
    pub expires: Option<SystemTime>,
    /// Whether it is served no more, or was never had.
    pub is_expired: bool,
    /// Why the last check failed, if it did.
    pub failure: Option<String>,
    /// Transfers of the whole zone.
    pub whole: u64,
    /// Transfers of differences.
    pub incremental: u64,
    /// Checks and transfers that failed.
    pub failed: u64,
    /// NOTIFYs.
    pub notified: u64,
}

/// How all of them stand.
#[derive(Debug, Default)]
pub struct Board(Mutex<BTreeMap<Name, Shown>>);

impl Board {
    /// One zone; `None` where it does not come from elsewhere.
    #[must_use]
    pub fn zone(&self, origin: &Name) -> Option<Shown> {
        self.lock().get(origin).cloned()
    }

    /// All zones, by their apex.
    #[must_use]
    pub fn zones(&self) -> BTreeMap<Name, Shown> {
        self.lock().clone()
    }

    /// Changes what is shown of a zone.
    pub(super) fn change(&self, origin: &Name, change: impl FnOnce(&mut Shown)) {
        change(self.lock().entry(origin.clone()).or_default());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Shown>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
