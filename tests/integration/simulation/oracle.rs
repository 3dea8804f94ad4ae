//! What must be true of every answer.
//!
//! - Nobody is in an answer whom the pool's rule leaves idle, and a dead one is no longer in any cache than `rotadns check` says.
//! - Whoever is up and is due by the rule is in answers again and again.
//! - A client keeps its backend: who was preferred to another stays so.

use std::collections::HashMap;
use std::time::Duration;

use super::clients::{Asks, Question};
use super::estate::{Estate, Pool, Set, each, one};
use super::faults::Day;
use super::flapping::Penalties;
use super::knowledge::{self, believed_since};
use super::pools::Check;
use super::roles::Cluster;
use super::rules::{Claims, Patience, Sure};
use super::stage::Answer;
use super::worst::Worst;

/// Enough answers for each backend that is due to have been in one: one of ten by chance is in none of two a second once in
/// 10^16 times.
const ROUND: Duration = Duration::from_secs(180);

/// What is asked of the simulation.
pub(super) struct Oracle<'a> {
    estate: &'a Estate,
    day: &'a Day,
    worst: &'a [Worst],
    cluster: &'a Cluster,
    seed: u64,
    sure: Sure,
    penalties: Penalties,
    patience: Vec<Patience>,
    /// Of each pool, for each kind of clients.
    seen: Vec<Vec<Seen>>,
    /// By network: of each backend those to whom it was preferred.
    preferred: HashMap<(usize, usize), Vec<Set>>,
    pub(super) counts: Counts,
}

/// What some clients of a pool got, and should get.
struct Seen {
    /// What was sure of the pool's backends when this was worked out.
    of: Sure,
    claims: Claims,
    /// Since when each is due.
    due_since: Vec<Duration>,
    last: Vec<Duration>,
}

/// What the day had: an oracle that is never asked anything finds nothing.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) answers: u64,
    /// Answers of which each backend was sure.
    pub(super) sure: u64,
    /// Backends in answers that were dead, and not yet noticed.
    pub(super) dead: u64,
    pub(super) guesses: u64,
    /// Answers that were not what the pool hands out when all is well.
    pub(super) others: u64,
    /// Clients that could have changed their backend and kept it.
    pub(super) kept: u64,
    pub(super) held_down: u64,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(
        (estate, day): (&'a Estate, &'a Day),
        worst: &'a [Worst],
        cluster: &'a Cluster,
        seed: u64,
    ) -> Self {
        let backends = estate.homes.len();
        let unseen = |reach: Set| Seen {
            of: Sure::default(),
            claims: Claims::none(reach),
            due_since: vec![Duration::ZERO; backends],
            last: vec![Duration::ZERO; backends],
        };
        let of_pool =
            |pool: &Pool| (0..pool.row.asks.kinds()).map(|_| unseen(pool.reach)).collect();
        Self {
            estate,
            day,
            worst,
            cluster,
            seed,
            sure: Sure::default(),
            penalties: Penalties::new(estate, day),
            patience: vec![Patience::new(); estate.pools.len()],
            seen: estate.pools.iter().map(of_pool).collect(),
            preferred: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// What is sure of all backends now.
    pub(super) fn sure(&self) -> Sure {
        self.sure
    }

    /// It is so late now.
    pub(super) fn pass_time(&mut self, now: Duration) {
        self.penalties.pass_time(self.day, now);
        self.sure = knowledge::sure(self.estate, self.day, self.worst, &self.penalties, now);
        let is_settled = knowledge::is_settled(self.day, self.worst, now);
        for (place, pool) in self.estate.pools.iter().enumerate() {
            let Sure { up, down } = self.sure;
            let of = Sure { up: up & pool.reach, down: down & pool.reach };
            let waits = !pool.row.failback.is_zero();
            if waits {
                self.estate.note_able(place, of, &mut self.patience[place], now);
            }
            for (kind, seen) in self.seen[place].iter_mut().enumerate() {
                let by_time = waits || pool.row.role.is_some();
                if seen.of == of && !by_time && now > Duration::from_secs(1) {
                    continue;
                }
                let order = pool.row.asks.order(kind);
                let claims = match pool.row.role {
                    None => self.estate.claims(place, order, of, &self.patience[place], now),
                    Some(role) if is_settled => self.cluster.claims(role, of, now),
                    Some(_) => Claims::none(pool.reach),
                };
                for backend in each(claims.due & !seen.claims.due) {
                    seen.due_since[backend] = now;
                }
                (seen.of, seen.claims) = (of, claims);
            }
            if pool.row.check == Check::Damped {
                let is_held = |backend: &usize| {
                    self.day.fault(*backend, now).is_none_or(|own| !own.is_dead())
                };
                self.counts.held_down += each(of.down).filter(is_held).count() as u64;
            }
        }
    }

    /// Looks at an answer.
    pub(super) fn see(&mut self, pool: usize, question: &Question, answer: &Answer, now: Duration) {
        let of = &self.estate.pools[pool];
        let name = of.row.name;
        let seen = &mut self.seen[pool][question.kind];
        let Claims { allowed, guesses, may_be_empty, due } = seen.claims;
        let found = answer.backends.iter().fold(0, |found, backend| found | one(*backend));
        self.counts.answers += 1;
        self.counts.sure += u64::from(due == allowed);
        self.counts.guesses += u64::from(due & guesses != 0);
        self.counts.others += u64::from(due != 0 && due != of.own);
        assert!(
            found & !allowed == 0,
            "seed {}: {name} (kind {}) at {now:?}: {:?} are no answer, {:?} may be; {}",
            self.seed,
            question.kind,
            each(found & !allowed).collect::<Vec<_>>(),
            each(allowed).collect::<Vec<_>>(),
            self.told(pool, now)
        );
        let seen = &mut self.seen[pool][question.kind];
        assert!(found != 0 || may_be_empty, "seed {}: {name} at {now:?}: no address", self.seed);
        for &backend in &answer.backends {
            seen.last[backend] = now;
            let Some(fault) = self.day.fault(backend, now).filter(|fault| fault.is_dead()) else {
                continue;
            };
            self.counts.dead += 1;
            if guesses & one(backend) != 0 || self.day.is_cut_off(now) {
                continue;
            }
            let counts = fault.begin.max(believed_since(self.day, self.worst, now));
            let gone = counts + self.worst[pool].gone;
            assert!(
                now + answer.ttl <= gone,
                "seed {}: {name} at {now:?}: backend {backend}, dead since {:?}, for {:?}; the worst case ends at {gone:?}",
                self.seed,
                fault.begin,
                answer.ttl
            );
        }
        if let Asks::Networks { .. } = of.row.asks {
            self.see_preferred(pool, question, answer, now);
        }
    }

    /// Who was handed to a client is preferred to all who could have been; that never turns round.
    fn see_preferred(&mut self, pool: usize, question: &Question, answer: &Answer, now: Duration) {
        let others = self.sure.up & self.estate.pools[pool].own;
        if let (Some(subnet), Some(scope)) = (question.subnet, answer.scope) {
            // What one backend alone can answer holds for everybody (RFC 7871 §7.2.1).
            let is_right = scope == subnet.prefix_len() || (scope == 0 && others.count_ones() < 2);
            assert!(is_right, "seed {}: {subnet} at {now:?}: a scope of {scope}", self.seed);
        }
        let preferred = self
            .preferred
            .entry((pool, question.network))
            .or_insert_with(|| vec![0; self.estate.homes.len()]);
        let mut before = 0;
        for &chosen in &answer.backends {
            before |= one(chosen);
            let passed = others & !before;
            let turned = each(passed).find(|other| preferred[*other] & one(chosen) != 0);
            assert!(
                turned.is_none(),
                "seed {}: {} at {now:?}: network {} got {chosen}, and {turned:?} before, which is up",
                self.seed,
                self.estate.pools[pool].row.name,
                question.network
            );
            self.counts.kept += u64::from(preferred[chosen] & passed != 0);
            preferred[chosen] |= passed;
        }
    }

    /// Nobody who is due has been left out for long.
    pub(super) fn nobody_starves(&self, now: Duration) {
        for (place, pool) in self.estate.pools.iter().enumerate() {
            for (kind, seen) in self.seen[place].iter().enumerate() {
                for backend in each(seen.claims.due) {
                    let since = seen.due_since[backend].max(seen.last[backend]);
                    assert!(
                        now <= since + ROUND,
                        "seed {}: {} (kind {kind}) at {now:?}: backend {backend} is due and was in no answer since {since:?}; {}",
                        self.seed,
                        pool.row.name,
                        self.told(place, now)
                    );
                }
            }
        }
    }

    /// How the backends of a pool stand, for people.
    fn told(&self, pool: usize, now: Duration) -> String {
        let told = each(self.estate.pools[pool].reach).map(|backend| {
            let sign = match (self.sure.up & one(backend), self.sure.down & one(backend)) {
                (0, 0) => '?',
                (0, _) => '-',
                _ => '+',
            };
            format!("{sign}{backend} {:?}", self.day.last_fault(backend, now))
        });
        let told: Vec<String> = told.collect();
        format!("{}; partition {:?}", told.join(", "), self.day.partition(now))
    }
}
