//! The pools, one for each rule: as data, from which the zone file is written and the oracle works out who may be in answers.

use std::time::Duration;

use rotadns::config::model::Role;

use super::clients::Asks;

/// A pool as its rule has it.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) name: &'static str,
    /// What its file says of it that decides nothing about who may be in answers.
    pub(super) settings: &'static str,
    pub(super) check: Check,
    pub(super) batches: &'static [Batch],
    pub(super) min_healthy: usize,
    /// In parts of a thousand.
    pub(super) panic: u64,
    pub(super) all_down: AllDown,
    /// For how long a better tier must have been able to serve.
    pub(super) failback: Duration,
    /// In what time a backend that comes up grows to its weight.
    pub(super) slow_start: Duration,
    pub(super) asks: Asks,
    /// The role in which [`DATABASES`] are asked for by this name, which then has no pool of its own.
    pub(super) role: Option<Role>,
    /// Whether whole batches of it fail at once.
    pub(super) has_outages: bool,
}

/// What is handed out where nothing is in service.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum AllDown {
    All,
    None,
    Fallback(&'static str),
}

/// Some members of a pool that are alike: a rack, a site, a pool within.
#[derive(Clone, Copy)]
pub(super) struct Batch {
    pub(super) count: usize,
    pub(super) tier: u16,
    pub(super) weight: u32,
    /// Its place in [`CITIES`].
    pub(super) city: Option<usize>,
    pub(super) inner: Option<&'static str>,
}

/// How backends are probed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Check {
    Web,
    /// What flaps is held down.
    Damped,
    /// It tells how busy a backend is.
    Load,
    /// It tells a role.
    Role,
}

/// By how much a penalty grows with each change of side, and when it holds and lets go.
pub(super) const PENALTY: f64 = 1000.0;
pub(super) const SUPPRESS: f64 = 4000.0;
pub(super) const REUSE: f64 = 1000.0;
pub(super) const HALF_LIFE: Duration = Duration::from_secs(120);

impl Check {
    pub(super) const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Web, "web", "{tcp: {port: 80}}"),
        (
            Self::Damped,
            "damped",
            "{tcp: {port: 81}, interval: 5s, flap: {penalty: 1000, suppress: 4000, reuse: 1000, half_life: 2m}}",
        ),
        (Self::Load, "load", "{http: {port: 80, load: {header: X-Load}}}"),
        (Self::Role, "role", "{redis: {port: 6379}}"),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(check, ..)| *check == self).map_or("", |(_, name, _)| name)
    }

    pub(super) fn interval(self) -> Duration {
        Duration::from_secs(if self == Self::Damped { 5 } else { 10 })
    }

    /// From the end of a fault until every prober would say so: two passes, the second a second after the first.
    pub(super) fn recovery(self) -> Duration {
        let (timeout, fast) = (Duration::from_secs(2), Duration::from_secs(1));
        self.interval().mul_f64(1.1) + (timeout + fast) * 2 + timeout
    }
}

const fn some(count: usize) -> Batch {
    Batch { count, tier: 0, weight: 1, city: None, inner: None }
}

const fn tier(tier: u16, count: usize) -> Batch {
    Batch { tier, ..some(count) }
}

const fn weight(weight: u32, count: usize) -> Batch {
    Batch { weight, ..some(count) }
}

const fn at(city: usize, count: usize) -> Batch {
    Batch { city: Some(city), ..some(count) }
}

const fn pool(inner: &'static str, weight: u32) -> Batch {
    Batch { inner: Some(inner), weight, ..some(1) }
}

const USUAL: Row = Row {
    name: "",
    settings: "",
    check: Check::Web,
    batches: &[],
    min_healthy: 1,
    panic: 0,
    all_down: AllDown::All,
    failback: Duration::ZERO,
    slow_start: Duration::ZERO,
    asks: Asks::Anybody,
    role: None,
    has_outages: true,
};

/// The pool of those that tell a role.
pub(super) const DATABASES: &str = "orders";

/// All pools; names that ask for a role come after whom they ask for.
pub(super) const ROWS: &[Row] = &[
    Row { name: "turns", batches: &[some(5)], ..USUAL },
    Row { name: "turns-1", settings: "answers: 1, ", batches: &[some(5)], ..USUAL },
    Row { name: "turns-3", settings: "answers: 3, ttl: 2m, ", batches: &[some(6)], ..USUAL },
    Row {
        name: "weights",
        settings: "policy: weighted, ",
        batches: &[weight(1, 2), weight(3, 2), weight(5, 1)],
        ..USUAL
    },
    Row {
        name: "weights-2",
        settings: "policy: weighted, answers: 2, ",
        batches: &[weight(1, 3), weight(2, 2)],
        ..USUAL
    },
    Row { name: "random", settings: "policy: random, answers: 2, ", batches: &[some(6)], ..USUAL },
    Row { name: "fixed", settings: "policy: fixed, ", batches: &[some(5)], ..USUAL },
    Row { name: "panics", panic: 500, batches: &[some(6)], ..USUAL },
    Row { name: "or-nothing", all_down: AllDown::None, batches: &[some(4)], ..USUAL },
    // Clients that keep their backend.
    Row {
        name: "sticky",
        settings: "policy: hash, ",
        batches: &[some(8)],
        asks: Asks::Networks { is_v6: false },
        ..USUAL
    },
    Row {
        name: "sticky-6",
        settings: "policy: hash, answers: 2, ",
        batches: &[weight(1, 3), weight(2, 3)],
        asks: Asks::Networks { is_v6: true },
        ..USUAL
    },
    // One after the other.
    Row {
        name: "failover",
        settings: "policy: failover, ",
        batches: &[some(1), tier(1, 1), tier(2, 1)],
        ..USUAL
    },
    Row {
        name: "two-racks",
        min_healthy: 2,
        all_down: AllDown::None,
        batches: &[some(3), tier(1, 3)],
        ..USUAL
    },
    Row {
        name: "patient",
        failback: Duration::from_secs(120),
        batches: &[some(2), tier(1, 3)],
        ..USUAL
    },
    Row { name: "calm", panic: 600, batches: &[some(3), tier(1, 3)], ..USUAL },
    Row { name: "first", all_down: AllDown::Fallback("second"), batches: &[some(2)], ..USUAL },
    Row {
        name: "second",
        settings: "ttl: 20s, ",
        all_down: AllDown::Fallback("third"),
        batches: &[some(2)],
        ..USUAL
    },
    Row { name: "third", all_down: AllDown::None, batches: &[some(2)], ..USUAL },
    Row {
        name: "nearest",
        settings: "policy: nearest, ",
        batches: &[at(0, 2), at(1, 2), at(2, 2), at(3, 2)],
        asks: Asks::Cities,
        ..USUAL
    },
    Row {
        name: "nearest-first",
        settings: "policy: nearest, ",
        min_healthy: 2,
        batches: &[at(0, 2), at(3, 2), Batch { tier: 1, ..at(1, 2) }],
        asks: Asks::Cities,
        ..USUAL
    },
    // Pools within pools.
    Row { name: "oslo", min_healthy: 2, batches: &[some(3)], ..USUAL },
    Row { name: "paris", panic: 600, batches: &[some(3)], ..USUAL },
    Row {
        name: "everywhere",
        settings: "policy: weighted, ",
        batches: &[pool("oslo", 2), pool("paris", 1), tier(1, 1)],
        ..USUAL
    },
    // What grows, and what is held down.
    Row {
        name: "slow",
        settings: "policy: weighted, ",
        slow_start: Duration::from_secs(60),
        batches: &[weight(1, 2), weight(2, 2), weight(4, 1)],
        asks: Asks::Shares,
        has_outages: false,
        ..USUAL
    },
    Row { name: "damped", check: Check::Damped, batches: &[some(5)], has_outages: false, ..USUAL },
    Row {
        name: "busy",
        settings: "policy: least_load, ",
        check: Check::Load,
        batches: &[some(4), weight(2, 2)],
        asks: Asks::Shares,
        has_outages: false,
        ..USUAL
    },
    Row { name: DATABASES, check: Check::Role, batches: &[some(4)], has_outages: false, ..USUAL },
    Row { name: "rw", role: Some(Role::Primary), has_outages: false, ..USUAL },
    Row { name: "ro", role: Some(Role::Replica), has_outages: false, ..USUAL },
];
