//! Health as content: what a zone says of its pools and aliases, and when it says so anew.
//!
//! ```text
//!   publisher: a pool hands out something else ──▶ Follower::changed ──at most once an interval──▶ editor: a new
//!                                                        ▲                                        version, a new serial
//!                                                        └────────────── Follower::made ◀─────────────┘
//! ```
//!
//! Our own answers do not wait for any of this.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::config::model::access::{Access, FollowHealth};
use crate::engine::plan::{Family, List};
use crate::engine::{Snapshot, View, alias};
use crate::name::Name;
use crate::rdata::rtype;
use crate::zone::Zone;
use crate::zone::exported::Exported;

/// Whether health is content of a zone.
#[must_use]
pub fn follows(access: &Access, zone: &Zone) -> Option<FollowHealth> {
    access.of(&zone.origin).following(zone.secondaries)
}

/// What a zone is to say of its pools and aliases now; `None` where it is not served.
#[must_use]
pub fn exported(snapshot: &Snapshot, view: &View) -> Option<Exported> {
    let View::Served { zone, ready } = view else { return None };
    let follows = follows(&snapshot.settings().access, zone).is_some();
    let exported = if follows {
        let offers = |pool| ready.get(pool).map_or(Vec::new(), |ready| ready.offers.clone());
        zone.exported.handing_out(&zone.pools, offers)
    } else {
        zone.exported.at_rest(&zone.pools)
    };
    if zone.aliases.is_empty() {
        return Some(exported);
    }
    let said = |place: u32, pool: usize, list: List| {
        let View::Served { zone: other, ready } = snapshot.zone(place)? else { return None };
        if follows {
            let rdata = ready.get(pool)?.handout(list).rdatas().map(<[u8]>::to_vec).collect();
            return Some((other.pools.get(pool)?.ttl, rdata));
        }
        let is_own = Arc::ptr_eq(other, zone);
        let exported = if is_own { &exported } else { &other.exported };
        let rtype = match list {
            List::Addresses(Family::V4) => rtype::A,
            List::Addresses(Family::V6) => rtype::AAAA,
            List::Targets => rtype::CNAME,
            // An alias stands for addresses alone.
            List::Made(_) => return None,
        };
        exported.of_pool(pool, rtype)
    };
    let aliases = zone.aliases.iter().flat_map(|one| alias::addresses_of(snapshot, one, said));
    Some(exported.with_aliases(aliases))
}

/// Sees to it that versions for health do not come too often.
#[derive(Clone)]
pub struct Follower(Arc<Shared>);

#[derive(Default)]
struct Shared {
    pace: Mutex<Pace>,
    bell: Condvar,
}

/// When which zone is looked at; times are counted from any one moment on.
#[derive(Default)]
struct Pace {
    /// Zones whose health has changed, and from when on they may have a new version.
    waiting: BTreeMap<Name, Duration>,
    /// When the last version for health was made.
    made: HashMap<Name, Duration>,
    is_over: bool,
}

impl Pace {
    fn changed(&mut self, zone: &Name, interval: Duration, now: Duration) {
        let from = self.made.get(zone).map_or(now, |made| now.max(*made + interval));
        self.waiting.entry(zone.clone()).or_insert(from);
    }

    /// A zone that may have a new version now.
    fn take_due(&mut self, now: Duration) -> Option<Name> {
        let zone =
            self.waiting.iter().find(|(_, from)| **from <= now).map(|(zone, _)| zone.clone())?;
        self.waiting.remove(&zone);
        Some(zone)
    }

    fn next(&self) -> Option<Duration> {
        self.waiting.values().min().copied()
    }
}

impl Follower {
    /// Starts the thread. `look` is called with each zone that may have a new version; it may wait.
    pub fn start(look: impl Fn(Name) + Send + 'static) -> io::Result<(Self, JoinHandle<()>)> {
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let run = move || {
            while let Some(zone) = own.wait() {
                look(zone);
            }
        };
        let thread = Builder::new().name("follower".into()).spawn(run)?;
        Ok((Self(shared), thread))
    }

    /// A zone's health may differ from what it says. Never blocks.
    pub fn changed(&self, zone: &Name, FollowHealth { interval }: FollowHealth) {
        self.0.pace().changed(zone, interval, running());
        self.0.bell.notify_one();
    }

    /// A version was made for health.
    pub fn made(&self, zone: &Name) {
        self.0.pace().made.insert(zone.clone(), running());
    }

    /// Ends the thread.
    pub fn stop(&self) {
        self.0.pace().is_over = true;
        self.0.bell.notify_one();
    }
}

impl Shared {
    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a zone that is due; `None` at the end.
    fn wait(&self) -> Option<Name> {
        let mut pace = self.pace();
        loop {
            if pace.is_over {
                return None;
            }
            let now = running();
            if let Some(zone) = pace.take_due(now) {
                return Some(zone);
            }
            pace = match pace.next() {
                None => self.bell.wait(pace).unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    let waited = self.bell.wait_timeout(pace, next.saturating_sub(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// The time since the first call.
fn running() -> Duration {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "versions for health come by the clock")]
    let now = Instant::now();
    now.saturating_duration_since(*BEGAN.get_or_init(|| now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_change_counts_at_once_and_the_next_after_the_interval() {
        let zone = Name::root();
        let mut pace = Pace::default();
        let mut made = Vec::new();
        for second in 0..20_u32 {
            let now = SECOND * second;
            if second != 2 {
                pace.changed(&zone, 5 * SECOND, now);
            }
            if let Some(zone) = pace.take_due(now) {
                // At 0 nothing differs, as far as secondaries are concerned.
                if second > 0 {
                    pace.made.insert(zone, now);
                    made.push(second);
                }
            }
        }
        assert_eq!(made, [1, 6, 11, 16]);
        assert_eq!(pace.next(), Some(21 * SECOND));
    }

    #[test]
    fn what_is_due_is_looked_at() {
        let (look, looked) = std::sync::mpsc::channel();
        let (follower, thread) = Follower::start(move |zone| {
            let _ = look.send(zone);
        })
        .expect("a thread");
        let follow = FollowHealth { interval: Duration::ZERO };
        let zone = Name::parse_absolute("a.").expect("a name");
        for _ in 0..2 {
            follower.changed(&zone, follow);
            assert_eq!(looked.recv_timeout(10 * SECOND).as_ref(), Ok(&zone));
            follower.made(&zone);
        }
        follower.stop();
        thread.join().expect("it ends");
    }
}
