//! The worst case of each pool: how long a failure can be in caches, and whether that is longer than is wanted.
//!
//! A name hands out its pool, and what that falls back on while all of it is down. Where they all fail at one moment, each is noticed
//! by its own check meanwhile: so a chain is as slow as the slowest of it, and holds of tiers add nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::model::{Pool, WhenAllDown, Zone};
use crate::config::{Location, Severity};
use crate::daemon::load::Mistake;
use crate::rdata::print_duration;

/// The worst case of one pool.
pub(super) struct Failover {
    pub(super) file: PathBuf,
    at: Location,
    zone: String,
    pool: String,
    /// Until it is noticed; `None` is never.
    detection: Option<Duration>,
    ttl: Duration,
    fallback: Option<Fallback>,
    /// More is late, as the pool has it.
    most: Option<Duration>,
}

/// What answers while all of a pool is down.
struct Fallback {
    pool: String,
    /// The worst case of the pool and all that it falls back on; `None` where a failure of one is never noticed.
    worst: Option<Duration>,
}

impl Failover {
    /// Of a pool that stands here in a file.
    pub(super) fn of(file: &Path, at: Location, zone: &Zone, pool: &Pool) -> Self {
        let ttl = ttl(zone, pool);
        Self {
            file: file.to_path_buf(),
            at,
            zone: zone.origin.to_string(),
            pool: pool.label().into_owned(),
            detection: detection(zone, pool),
            ttl,
            fallback: next(zone, pool).map(|fallback| Fallback {
                pool: fallback.label().into_owned(),
                worst: worst(zone, pool, ttl),
            }),
            most: pool.failover_max,
        }
    }

    /// The longest time until a failure of the pool has left every cache; `None` where none is noticed.
    fn worst(&self) -> Option<Duration> {
        Some(self.detection? + self.ttl)
    }

    /// The bound that holds: a flag's, else the pool's, else the config file's.
    fn bound(&self, Bounds { flag, config }: Bounds) -> Option<Duration> {
        flag.or(self.most).or(config)
    }

    /// What would be right, where it takes longer than is wanted. A fallback whose failures nobody looks for is as its author wants it.
    fn advice(&self, most: Duration) -> Option<String> {
        let Some(worst) = self.worst() else { return Some("give it a check".into()) };
        if worst <= most {
            let fallback = self.fallback.as_ref().filter(|one| one.worst > Some(most))?;
            return Some(format!("what it falls back on, {}, is to be quicker", fallback.pool));
        }
        let detection = worst.saturating_sub(self.ttl);
        let ttl = most.saturating_sub(detection).as_secs();
        let quicker = most.saturating_sub(self.ttl);
        Some(match (ttl, quicker.is_zero()) {
            (1.., false) => {
                format!("write `ttl: {ttl}s`, or have its check notice it in {}", seconds(quicker))
            }
            (1.., true) => format!("write `ttl: {ttl}s`"),
            (0, false) => format!(
                "have its check notice it in {}, by `interval`, `timeout` and `fall`",
                seconds(quicker)
            ),
            (0, true) => "it is to have a shorter `ttl`, and a check that is quicker".into(),
        })
    }

    /// A warning, where it takes longer than is wanted.
    pub(super) fn warning(&self, bounds: Bounds) -> Option<Mistake> {
        let most = self.bound(bounds)?;
        let advice = self.advice(most)?;
        let Location { line, column, width } = self.at;
        // As it was written, or would be.
        let wanted = print_duration(most);
        let message = format!("{}; at most {wanted} are wanted: {advice}", self.sentence());
        let file = self.file.clone();
        Some(Mistake { file, line, column, width, severity: Severity::Warning, message })
    }

    pub(super) fn json(&self, bounds: Bounds) -> Value {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        let most = self.bound(bounds);
        json!({
            "zone": self.zone,
            "pool": self.pool,
            "detection": seconds(self.detection),
            "ttl": self.ttl.as_secs(),
            "worst": seconds(self.worst()),
            "fallback": self.fallback.as_ref().map(|fallback| &fallback.pool),
            "worst_with_fallback": seconds(self.fallback.as_ref().and_then(|fallback| fallback.worst)),
            "failover_max": seconds(most),
            "is_late": most.is_some_and(|most| self.advice(most).is_some()),
        })
    }

    pub(super) fn sentence(&self) -> String {
        let Self { zone, pool, detection, ttl, fallback, .. } = self;
        let Some(detection) = detection else {
            return format!("{zone} {pool}: no check, so a failure is never noticed");
        };
        let chain = match fallback {
            None => String::new(),
            Some(Fallback { pool, worst: None }) => {
                format!(", and never where its fallback {pool} fails too")
            }
            Some(Fallback { pool, worst: Some(worst) }) => {
                format!(", and after {} where its fallback {pool} fails too", seconds(*worst))
            }
        };
        format!(
            "{zone} {pool}: a failure has left every cache after {} at most ({} to notice it, a TTL of {}){chain}",
            seconds(*detection + *ttl),
            seconds(*detection),
            seconds(*ttl)
        )
    }
}

/// What is wanted of pools, besides what they want themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Of all pools, for this once.
    pub(super) flag: Option<Duration>,
    /// Of those that want nothing themselves.
    pub(super) config: Option<Duration>,
}

/// The TTL of a pool's answers: the shortest of it and of those within.
fn ttl(zone: &Zone, pool: &Pool) -> Duration {
    let within = pool.within(&zone.pools).map(|(_, inner)| ttl(zone, inner));
    within.fold(Duration::from_secs(pool.ttl.into()), Duration::min)
}

/// What a pool falls back on.
fn next<'z>(zone: &'z Zone, pool: &Pool) -> Option<&'z Pool> {
    match pool.when_all_down {
        WhenAllDown::Fallback(place) => zone.pools.get(place),
        WhenAllDown::All | WhenAllDown::None | WhenAllDown::Last => None,
    }
}

/// How long a failure of any backend may go unnoticed: the slowest check counts, those of pools within among them.
fn detection(zone: &Zone, pool: &Pool) -> Option<Duration> {
    let each = pool.backends.iter().filter_map(|backend| {
        match backend.inner().and_then(|place| zone.pools.get(place)) {
            Some(inner) => detection(zone, inner),
            None => pool.check_of(backend).map(|check| check.detection_max()),
        }
    });
    each.max()
}

/// The worst case of a pool and of what it falls back on, whose answers have no longer TTL than its own.
fn worst(zone: &Zone, pool: &Pool, most: Duration) -> Option<Duration> {
    let ttl = most.min(ttl(zone, pool));
    let own = detection(zone, pool)? + ttl;
    match next(zone, pool) {
        Some(fallback) => Some(own.max(worst(zone, fallback, ttl)?)),
        None => Some(own),
    }
}

/// Seconds to the tenth above.
fn seconds(duration: Duration) -> String {
    let tenths = duration.as_millis().div_ceil(100);
    match tenths % 10 {
        0 => format!("{} s", tenths / 10),
        tenth => format!("{}.{tenth} s", tenths / 10),
    }
}
