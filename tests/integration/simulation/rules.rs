//! Who may be in answers by a pool's rule, worked out from what the manual says of it, without the server's code.
//!
//! Of some backends it is not sure whether they are in service now: a probe may or may not have noticed. So a rule is worked
//! out for every way in which they may stand:
//!
//! ```text
//!   sure: up, down ──┬─▶ each way for the others ─▶ served ──┬─▶ in some: allowed
//!                    └─ too many others: nothing is claimed  └─▶ in all:  due
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use super::estate::{Estate, Is, Member, Set, each, one};
use super::pools::AllDown;

/// The most backends of a pool of which it is not sure how they stand, and that it is still worked out for.
const UNSURE_MAX: u32 = 6;
/// Holds begin when a probe or the second shows it.
const SLACK: Duration = Duration::from_secs(2);

/// What is sure of backends: others may be in service or not.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Sure {
    pub(super) up: Set,
    pub(super) down: Set,
}

/// What a rule comes to.
#[derive(Clone, Copy)]
pub(super) struct Claims {
    /// Nobody else may be in an answer.
    pub(super) allowed: Set,
    /// Each of them must be in answers.
    pub(super) due: Set,
    /// Those that are a guess, maybe: they may be dead.
    pub(super) guesses: Set,
    /// Whether there may be no address.
    pub(super) may_be_empty: bool,
}

impl Claims {
    /// Nothing is claimed but who is of the pool.
    pub(super) fn none(reach: Set) -> Self {
        Self { allowed: reach, due: 0, guesses: reach, may_be_empty: true }
    }
}

/// What a pool hands out, somehow.
#[derive(Clone, Copy, PartialEq)]
struct Served {
    set: Set,
    is_guess: bool,
    /// Whether it would be in service within another pool.
    is_whole: bool,
}

/// One tier of a pool.
#[derive(Default)]
struct Tier {
    eligible: usize,
    weight: u64,
    weight_all: u64,
    served: Set,
}

/// Since when a tier has surely been able to serve, and when it surely was not.
#[derive(Clone, Copy, Default)]
pub(super) struct Able {
    since: Option<Duration>,
    not_at: Option<Duration>,
}

/// What is remembered of the tiers of a pool that waits before it goes back.
pub(super) type Patience = BTreeMap<u16, Able>;

/// A pool's tiers and whether they can serve, one way of standing.
struct Tiers {
    all: BTreeMap<u16, Tier>,
    able: Vec<u16>,
    is_calm: bool,
}

impl Estate {
    /// What a pool's rule comes to for clients that are sent to these cities in their order.
    pub(super) fn claims(
        &self,
        pool: usize,
        order: &[usize],
        sure: Sure,
        patience: &Patience,
        now: Duration,
    ) -> Claims {
        let reach = self.pools[pool].reach;
        let unsure = reach & !(sure.up | sure.down);
        if unsure.count_ones() > UNSURE_MAX {
            return Claims::none(reach);
        }
        let mut claims = Claims { allowed: 0, due: reach, guesses: 0, may_be_empty: false };
        for up in ways(unsure) {
            for served in self.served(pool, sure.up | up, patience, now) {
                let set = self.nearest(served.set, order);
                claims.allowed |= set;
                claims.due &= set;
                claims.guesses |= if served.is_guess { set } else { 0 };
                claims.may_be_empty |= set == 0;
            }
        }
        claims
    }

    /// Notes which tiers of a pool can serve now for sure.
    pub(super) fn note_able(
        &self,
        pool: usize,
        sure: Sure,
        patience: &mut Patience,
        now: Duration,
    ) {
        let unsure = self.pools[pool].reach & !(sure.up | sure.down);
        let is_sure = unsure.count_ones() <= UNSURE_MAX;
        let all: Vec<Tiers> = if is_sure {
            ways(unsure).map(|up| self.tiers(pool, sure.up | up)).collect()
        } else {
            Vec::new()
        };
        for member in &self.pools[pool].members {
            let able = patience.entry(member.tier).or_default();
            let can = |tiers: &Tiers| tiers.able.contains(&member.tier);
            if is_sure && all.iter().all(can) {
                able.since.get_or_insert(now);
            } else {
                able.since = None;
            }
            if is_sure && !all.iter().any(can) {
                able.not_at = Some(now);
            }
        }
    }

    /// What a pool may hand out where these are up and no others: one thing, but where a better tier may be waiting.
    fn served(&self, pool: usize, up: Set, patience: &Patience, now: Duration) -> Vec<Served> {
        let Tiers { all: tiers, able, is_calm } = self.tiers(pool, up);
        let row = &self.pools[pool].row;
        if tiers.values().all(|tier| tier.eligible == 0) {
            let all = Served { set: self.within(pool), is_guess: true, is_whole: false };
            return match (row.all_down, self.fallback(pool)) {
                (AllDown::None, _) => vec![Served { set: 0, ..all }],
                (_, None) => vec![all],
                (_, Some(other)) => {
                    let served = self.served(other, up, &Patience::new(), now).into_iter();
                    served.map(|served| Served { is_whole: false, ..served }).collect()
                }
            };
        }
        if !is_calm {
            return vec![Served { set: self.within(pool), is_guess: true, is_whole: false }];
        }
        let of = |tier: &u16| Served {
            set: tiers[tier].served,
            is_guess: false,
            is_whole: able.contains(tier),
        };
        let Some(best) = able.first() else {
            let most = tiers.values().map(|tier| tier.eligible).max();
            let fullest = tiers.iter().find(|(_, tier)| Some(tier.eligible) == most);
            return fullest.map(|(tier, _)| of(tier)).into_iter().collect();
        };
        if row.failback.is_zero() {
            return vec![of(best)];
        }
        let of_best = patience.get(best).copied().unwrap_or_default();
        let waits_from = of_best.not_at;
        // It could not a while ago; of two tiers the other has served since.
        let must_wait = able[1..].iter().any(|worse| {
            let since = patience.get(worse).and_then(|able| able.since);
            waits_from
                .zip(since)
                .is_some_and(|(from, since)| since <= from && now < from + row.failback)
        });
        let has_waited = of_best.since.is_some_and(|since| since + row.failback + SLACK <= now);
        let best = (!must_wait).then_some(best).into_iter();
        let worse = able[1..].iter().filter(|_| !has_waited);
        best.chain(worse).map(of).collect()
    }

    fn tiers(&self, pool: usize, up: Set) -> Tiers {
        let of = &self.pools[pool];
        let mut tiers = BTreeMap::<u16, Tier>::new();
        for member in &of.members {
            let tier = tiers.entry(member.tier).or_default();
            let weight = u64::from(member.weight);
            tier.weight_all += weight;
            let served = match member.is {
                Is::Backend(backend) => up & one(backend),
                // Within another, what a pool falls back on counts for nothing.
                Is::Pool(inner) => {
                    let served = self.served(inner, up, &Patience::new(), Duration::ZERO);
                    let whole = served.first().filter(|served| served.is_whole);
                    whole.map_or(0, |served| served.set)
                }
            };
            if served != 0 {
                tier.eligible += 1;
                tier.weight += weight;
                tier.served |= served;
            }
        }
        let is_calm =
            |tier: &Tier| tier.eligible > 0 && tier.weight * 1000 >= tier.weight_all * of.row.panic;
        let able = tiers
            .iter()
            .filter(|(_, tier)| is_calm(tier) && tier.eligible >= of.row.min_healthy)
            .map(|(tier, _)| *tier)
            .collect();
        let is_calm = tiers.values().any(is_calm);
        Tiers { all: tiers, able, is_calm }
    }

    /// Those at the first city that has any; all where no order is known.
    fn nearest(&self, set: Set, order: &[usize]) -> Set {
        let at = |city: &usize| {
            let own = each(set).filter(|backend| self.cities[*backend] == Some(*city));
            own.fold(0, |all, backend| all | one(backend))
        };
        order.iter().map(at).find(|own| *own != 0).unwrap_or(set)
    }

    /// The backends that a member of a pool stands for.
    pub(super) fn members_set(&self, member: &Member) -> Set {
        match member.is {
            Is::Backend(backend) => one(backend),
            Is::Pool(inner) => self.within(inner),
        }
    }
}

/// Every subset of a set.
fn ways(of: Set) -> impl Iterator<Item = Set> {
    let mut next = Some(of);
    std::iter::from_fn(move || {
        let now = next?;
        next = (now != 0).then(|| (now - 1) & of);
        Some(now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is due and who is allowed where some are up, some down and the others either; backends by their place within
    /// what a pool reaches.
    #[test]
    fn rules_are_as_the_manual_has_them() {
        let estate = Estate::new();
        for (pool, signs, due, allowed) in [
            ("turns", "+++++", "01234", "01234"),
            ("turns", "+-?++", "034", "0234"),
            ("turns", "-----", "01234", "01234"),
            ("or-nothing", "----", "", ""),
            ("panics", "+++---", "012", "012"),
            ("panics", "++----", "012345", "012345"),
            ("panics", "++?---", "012", "012345"),
            ("failover", "-++", "1", "1"),
            ("failover", "?++", "", "01"),
            ("two-racks", "+--+++", "345", "345"),
            ("two-racks", "+---+-", "0", "0"),
            ("two-racks", "+--?+-", "", "034"),
            ("calm", "+--++-", "34", "34"),
            ("calm", "+---+-", "012345", "012345"),
            ("first", "--++++", "23", "23"),
            ("first", "----+-", "4", "4"),
            ("everywhere", "++-+++-", "01345", "01345"),
            ("everywhere", "+--++--", "34", "34"),
            ("everywhere", "+--+--+", "6", "6"),
            ("everywhere", "+--+---", "0123456", "0123456"),
        ] {
            let place = estate.pools.iter().position(|own| own.row.name == pool).expect(pool);
            let reach: Vec<usize> = each(estate.pools[place].reach).collect();
            let of = |wanted: char| {
                let own = signs.chars().zip(&reach).filter(|(sign, _)| *sign == wanted);
                own.fold(0, |all, (_, backend)| all | one(*backend))
            };
            let sure = Sure { up: of('+'), down: of('-') };
            let claims = estate.claims(place, &[], sure, &Patience::new(), Duration::ZERO);
            let places = |set: Set| -> String {
                let own = (0..reach.len()).filter(|place| set & one(reach[*place]) != 0);
                own.map(|place| place.to_string()).collect()
            };
            let found = (places(claims.due), places(claims.allowed));
            assert_eq!(found, (due.to_owned(), allowed.to_owned()), "{pool} {signs}");
        }
    }
}
