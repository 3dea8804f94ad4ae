//! What the backends go through in a day: a list of faults, each with its place, its begin and its end.

use std::time::Duration;

use super::estate::{Estate, Set, each};
use super::pools::Check;

/// What is wrong with a backend for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Every probe is refused at once.
    Dead,
    /// Every probe times out.
    Hangs,
    /// A probe in so many is lost.
    Loses(u32),
    /// Dead and alive by turns of this length.
    Flaps(Duration),
}

/// One fault of one backend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) begin: Duration,
    pub(super) end: Duration,
}

/// What a probe that starts now will find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Passes,
    Refused,
    TimesOut,
}

/// All that happens, by backend and in order; and when the prober itself is cut off.
pub(super) struct Day {
    faults: Vec<Vec<Fault>>,
    partitions: Vec<(Duration, Duration)>,
    pub(super) length: Duration,
}

/// The least time that a backend has without a fault between two.
const REST: Duration = Duration::from_secs(120);

impl Fault {
    /// Whether nobody who connects can be served.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.kind, Kind::Dead | Kind::Hangs)
    }
}

impl Day {
    /// A day of this length. Each backend has a fault every half an hour or so, of each pool some that belong together fail
    /// together as often, and the prober is cut off once in an hour or two.
    pub(super) fn new(random: &mut fastrand::Rng, estate: &Estate, length: Duration) -> Self {
        let mut day =
            Self { faults: vec![Vec::new(); estate.homes.len()], partitions: Vec::new(), length };
        for pool in 0..estate.pools.len() {
            if estate.pools[pool].row.has_outages {
                day.add_outages(random, estate, pool);
            }
        }
        for backend in 0..estate.homes.len() {
            day.add_own(random, estate.check_of(backend), backend);
        }
        for own in &mut day.faults {
            own.sort_unstable_by_key(|fault| fault.begin);
        }
        let mut at = REST + seconds(random, 300..2400);
        while at < length {
            let end = at + seconds(random, 10..90);
            day.partitions.push((at, end));
            at = end + REST + seconds(random, 1800..9000);
        }
        day
    }

    /// A rack, a site, a pool within, a whole pool, or that and what stands behind it.
    fn add_outages(&mut self, random: &mut fastrand::Rng, estate: &Estate, pool: usize) {
        let of = &estate.pools[pool];
        let mut at = REST + seconds(random, 60..1200);
        while at < self.length {
            let end = at + seconds(random, 15..300);
            let kind = if random.bool() { Kind::Dead } else { Kind::Hangs };
            let struck: Set = match random.u8(0..6) {
                0 => estate.within(pool),
                1 => of.reach,
                _ => {
                    let batch = random.usize(0..of.row.batches.len());
                    let own = of.members.iter().filter(|member| member.batch == batch);
                    own.fold(0, |struck, member| struck | estate.members_set(member))
                }
            };
            for backend in each(struck) {
                self.add(backend, Fault { kind, begin: at, end });
            }
            at = end + seconds(random, 300..2400);
        }
    }

    fn add_own(&mut self, random: &mut fastrand::Rng, check: Check, backend: usize) {
        let mut at = REST + seconds(random, 0..1800);
        while at < self.length {
            let kind = match random.u32(0..10) {
                0..=3 => Kind::Dead,
                4..=5 => Kind::Hangs,
                // How often what loses probes changes side, nobody can tell.
                6..=7 if check != Check::Damped => Kind::Loses(random.u32(2..8)),
                _ => Kind::Flaps(seconds(random, 3..40)),
            };
            let end = at + seconds(random, 5..600);
            self.add(backend, Fault { kind, begin: at, end });
            at = end + REST + seconds(random, 0..3000);
        }
    }

    /// Adds a fault where its backend has none about that time.
    fn add(&mut self, backend: usize, fault: Fault) {
        let is_clear =
            |other: &Fault| other.end + REST < fault.begin || fault.end + REST < other.begin;
        if self.faults[backend].iter().all(is_clear) {
            self.faults[backend].push(fault);
        }
    }

    /// The partition that goes on at this time, or was the last before.
    pub(super) fn partition(&self, at: Duration) -> Option<(Duration, Duration)> {
        let begun = self.partitions.partition_point(|(begin, _)| *begin <= at);
        begun.checked_sub(1).map(|last| self.partitions[last])
    }

    /// Whether the prober reaches nothing at this time.
    pub(super) fn is_cut_off(&self, at: Duration) -> bool {
        self.partition(at).is_some_and(|(_, end)| at < end)
    }

    /// The fault that a backend has at this time, or had last before.
    pub(super) fn last_fault(&self, backend: usize, at: Duration) -> Option<&Fault> {
        let own = &self.faults[backend];
        let begun = own.partition_point(|fault| fault.begin <= at);
        begun.checked_sub(1).map(|last| &own[last])
    }

    /// The fault that a backend has at this time.
    pub(super) fn fault(&self, backend: usize, at: Duration) -> Option<&Fault> {
        self.last_fault(backend, at).filter(|fault| at < fault.end)
    }

    /// All that a backend goes through.
    pub(super) fn faults(&self, backend: usize) -> &[Fault] {
        &self.faults[backend]
    }

    /// All partitions.
    pub(super) fn partitions(&self) -> &[(Duration, Duration)] {
        &self.partitions
    }

    /// What a probe of a backend finds that starts at this time.
    pub(super) fn fate(&self, backend: usize, at: Duration, random: &mut fastrand::Rng) -> Fate {
        if self.is_cut_off(at) {
            return Fate::TimesOut;
        }
        let Some(fault) = self.fault(backend, at) else { return Fate::Passes };
        match fault.kind {
            Kind::Dead => Fate::Refused,
            Kind::Hangs => Fate::TimesOut,
            Kind::Loses(one_in) if random.u32(0..one_in) == 0 => Fate::TimesOut,
            Kind::Loses(_) => Fate::Passes,
            Kind::Flaps(turn) => {
                let turns = at.saturating_sub(fault.begin).as_nanos() / turn.as_nanos();
                if turns.is_multiple_of(2) { Fate::Refused } else { Fate::Passes }
            }
        }
    }
}

fn seconds(random: &mut fastrand::Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(random.u64(range.start * 1000..range.end * 1000))
}

#[test]
fn a_day_has_what_it_should() {
    let length = Duration::from_secs(24 * 3600);
    let estate = Estate::new();
    let day = Day::new(&mut fastrand::Rng::with_seed(1), &estate, length);
    let cut_off: Duration =
        day.partitions.iter().map(|(begin, end)| end.saturating_sub(*begin)).sum();
    assert!((120..2400).contains(&cut_off.as_secs()), "{cut_off:?} without reaching anything");
    for (backend, faults) in day.faults.iter().enumerate() {
        let dead = faults.iter().filter(|fault| fault.is_dead());
        let dead: Duration = dead.map(|fault| fault.end.saturating_sub(fault.begin)).sum();
        assert!(dead < length / 2, "backend {backend} is dead for {dead:?}");
        let is_apart = |two: &[Fault]| two[0].end + REST < two[1].begin;
        assert!(faults.windows(2).all(is_apart), "backend {backend} has one fault at a time");
        assert!(faults.len() > 10, "backend {backend} has {} faults", faults.len());
    }
}
