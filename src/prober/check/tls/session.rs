//! Sessions that the next probe of a target goes on with: a full handshake is most of what an HTTPS probe costs, here and at the
//! target.
//!
//! A resumed session does not show the certificate again, so a session is gone on with for [`FULL_EVERY`] at most, never past the
//! end of its certificate, and only from one probe that passed to the next. What has it for the time of a probe has taken it out:
//!
//! ```text
//!   kept by target ──take──▶ one probe's own ──it passed──▶ kept again
//!                               │
//!                               └── it failed, or was given up: dropped
//! ```
//!
//! A session is one target's: address, port and name. Others of the same name may be other machines, whose certificates are to
//! be seen. That it was begun under the same trust, rustls sees to: it goes on with none under another verifier.
//!
//! | RFC 8446 | what we take from it | item |
//! |---|---|---|
//! | §2.2 | a ticket of a session stands for its certificates | [`FULL_EVERY`] |
//! | §C.4 | a ticket is used once, the newest of those that came | `Kept::ticket` |

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use tokio::time::Instant;
use tokio_rustls::rustls;

/// How long after a full handshake the next one is made, at the latest: within this, and an interval, a certificate that was
/// replaced is seen.
pub const FULL_EVERY: Duration = Duration::from_secs(300);
/// The most targets with a session, of some kilobytes each; others make full handshakes.
pub const SESSIONS_MAX: usize = 10_000;

/// Whose a session is.
pub(super) type Key = (SocketAddr, ServerName<'static>);

/// The sessions of all targets.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<Key, Arc<Session>>>);

/// What one target gave to go on with.
#[derive(Debug, Default)]
pub(super) struct Session(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The last full handshake, and when its certificate ends, in unix seconds.
    full: Option<(Instant, i64)>,
    /// What was agreed on for keys: the next handshake begins with it.
    group: Option<NamedGroup>,
    /// Of TLS 1.2.
    session: Option<Tls12ClientSessionValue>,
    /// Of TLS 1.3.
    ticket: Option<Tls13ClientSessionValue>,
}

impl Sessions {
    /// A session for one probe: the one that is kept, or where that is too old, one that begins with a full handshake.
    pub(super) fn take(&self, key: &Key, now: Instant, unix: i64) -> Arc<Session> {
        let kept = self.lock().remove(key).unwrap_or_default();
        if kept.is_good(now, unix) {
            return kept;
        }
        let group = kept.lock().group;
        Arc::new(Session(Mutex::new(Kept { group, ..Kept::default() })))
    }

    /// Keeps the session of a probe that passed.
    pub(super) fn keep(&self, key: Key, session: Arc<Session>) {
        let mut kept = self.lock();
        if kept.len() < SESSIONS_MAX || kept.contains_key(&key) {
            kept.insert(key, session);
        }
    }

    /// Forgets those of addresses that are probed no more.
    pub(super) fn retain(&self, addresses: &HashSet<IpAddr>) {
        self.lock().retain(|(at, _), _| addresses.contains(&at.ip()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Notes a full handshake, which showed a certificate that ends then.
    pub(super) fn note_full(&self, now: Instant, ends: i64) {
        self.lock().full = Some((now, ends));
    }

    fn is_good(&self, now: Instant, unix: i64) -> bool {
        let full = self.lock().full;
        full.is_some_and(|(at, ends)| now.duration_since(at) < FULL_EVERY && unix < ends)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names need not be told apart: a session has one.
impl ClientSessionStore for Session {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.lock().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.lock().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.lock().session = Some(session);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.lock().session.clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.lock().session = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.lock().ticket = Some(ticket);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.lock().ticket.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u16) -> Key {
        let [high, low] = last.to_be_bytes();
        let at = SocketAddr::from(([127, 0, high, low], 443));
        (at, ServerName::try_from("www.example.com").expect("a name"))
    }

    #[test]
    fn a_session_is_good_for_five_minutes_and_never_past_its_certificate() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        // The certificate ends at 1000.
        for (now, unix, expected) in [
            (after(0), 0, true),
            (after(299), 999, true),
            (after(300), 0, false),
            (after(0), 1_000, false),
            (after(299), 1_001, false),
        ] {
            let sessions = Sessions::default();
            let session = Arc::new(Session::default());
            session.note_full(began, 1_000);
            sessions.keep(key(1), Arc::clone(&session));
            let taken = sessions.take(&key(1), now, unix);
            assert_eq!(Arc::ptr_eq(&taken, &session), expected, "{now:?} {unix}");
        }
    }

    #[test]
    fn a_session_is_one_targets_and_one_probes() {
        let now = Instant::now();
        let sessions = Sessions::default();
        let session = Arc::new(Session::default());
        session.note_full(now, 1_000);
        let other_name = (key(1).0, ServerName::try_from("a.example").expect("a name"));
        let other_port = (SocketAddr::new(key(1).0.ip(), 8443), key(1).1);
        sessions.keep(key(1), Arc::clone(&session));
        for other in [key(2), other_name, other_port] {
            assert!(!Arc::ptr_eq(&sessions.take(&other, now, 0), &session), "{other:?}");
        }
        assert!(Arc::ptr_eq(&sessions.take(&key(1), now, 0), &session));
        assert!(!Arc::ptr_eq(&sessions.take(&key(1), now, 0), &session), "it is taken");
    }

    #[test]
    fn sessions_have_a_limit_and_go_with_their_targets() {
        let now = Instant::now();
        let sessions = Sessions::default();
        for last in 0..=SESSIONS_MAX as u16 {
            let session = Arc::new(Session::default());
            session.note_full(now, 1_000);
            sessions.keep(key(last), session);
        }
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
        sessions.retain(&HashSet::from([key(7).0.ip(), "192.0.2.1".parse().expect("an address")]));
        assert_eq!(sessions.lock().keys().collect::<Vec<_>>(), [&key(7)]);
    }
}
