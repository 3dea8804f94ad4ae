//! A day of faults over more than a hundred backends, in virtual time: the schedule of probes, the streaks, the verdicts, the
//! publisher, the rotations and the answers are the real ones; sockets and clocks are not.
//!
//! ```text
//!   faults ─▶ fate of each probe ─▶ Schedule ─▶ Publisher ─▶ Snapshot ─▶ answers to clients, every second
//!      │                                                                        │
//!      └──▶ knowledge: who is surely up, who surely down ─▶ rules ─▶ oracle ◀───┘
//! ```
//!
//! The oracle knows the day, the manual's rules, and what `rotadns check` says of the worst case; it does not ask the server how it came to an
//! answer. There is a fixed day and one of a new seed each time, which is printed; `ROTADNS_SEED` sets it. `ROTADNS_FULL=1` makes it a whole
//! day, else it is an hour.

mod clients;
mod estate;
mod faults;
mod flapping;
mod knowledge;
mod oracle;
mod pools;
mod roles;
mod rules;
mod shares;
mod stage;
mod worst;

use std::time::Duration;

use rotadns::config::model::Role;
use rotadns::health::told::Told;

use self::clients::Asks;
use self::estate::Estate;
use self::faults::Day;
use self::oracle::Oracle;
use self::pools::DATABASES;
use self::roles::Cluster;
use self::shares::Loads;
use self::stage::Stage;

/// What the fixed day is made of.
const SEED: u64 = 20;

/// A day of a seed, all of it looked at.
fn run(seed: u64) {
    let hours = if std::env::var_os("ROTADNS_FULL").is_some() { 24 } else { 1 };
    println!("ROTADNS_SEED={seed}, {hours} h");
    let estate = Estate::new();
    let worst = worst::told(&estate);
    let mut random = fastrand::Rng::with_seed(seed);
    let day = Day::new(&mut random, &estate, Duration::from_secs(hours * 3600));
    let mut stage = Stage::new(&estate, seed);
    let place = |name| estate.pools.iter().position(|pool| pool.row.name == name).expect(name);
    let cluster = Cluster::new(&estate, &day, place(DATABASES));
    let mut oracle = Oracle::new((&estate, &day), &worst, &cluster, seed);
    let mut loads = Loads::new(&estate, place("busy"));
    let (slow, mut slow_starts) = (place("slow"), 0);
    let first_busy = estate.pools[loads.pool].own.trailing_zeros() as usize;

    for second in 1..hours * 3600 {
        let now = Duration::from_secs(second);
        stage.run_until(now, |backend, at| {
            let is_busy = estate.homes[backend] == loads.pool;
            let load = is_busy.then(|| loads.load(backend - first_busy, at));
            let role = cluster.has(backend).then(|| cluster.role(backend, at));
            let lag = (role == Some(Role::Replica)).then_some(Duration::ZERO);
            (day.fate(backend, at, &mut random), Told { load, role, lag, ..Told::default() })
        });
        oracle.pass_time(now);
        for (pool, of) in estate.pools.iter().enumerate() {
            for question in of.row.asks.questions(of.row.name, &mut random) {
                let answer = stage.ask(&question);
                oracle.see(pool, &question, &answer, now);
            }
            if of.row.asks == Asks::Shares && second.is_multiple_of(shares::EVERY) {
                let first = of.own.trailing_zeros() as usize;
                let mut counts = vec![0; of.members.len()];
                for _ in 0..shares::TIMES {
                    for question in of.row.asks.questions(of.row.name, &mut random) {
                        let answer = stage.ask(&question);
                        oracle.see(pool, &question, &answer, now);
                        answer.backends.iter().for_each(|backend| counts[backend - first] += 1);
                    }
                }
                if pool == slow {
                    let known = (&day, &worst[..], oracle.sure());
                    slow_starts += shares::see_slow(&estate, pool, known, &counts, now, seed);
                } else {
                    loads.see(&estate, oracle.sure(), &counts, now, seed);
                }
            }
        }
        oracle.nobody_starves(now);
    }
    let counts = &oracle.counts;
    println!("{counts:?}, {slow_starts} slow starts, {} looks at loads", loads.looked_at);
    // Of most answers it was sure what they must be; and on the fixed day everything happened that this is about.
    assert!(counts.sure * 2 > counts.answers, "{counts:?}");
    let happened = [counts.dead, counts.guesses, counts.others, counts.kept, counts.held_down];
    let promotions = cluster.promotions() as u64;
    let more = [slow_starts, loads.looked_at, promotions];
    let is_full = happened.iter().chain(&more).all(|times| *times > 0);
    assert!(seed != SEED || is_full, "{counts:?}, {more:?}");
}

#[test]
fn no_healthy_backend_starves_and_no_dead_one_is_answered_past_the_worst_case() {
    run(SEED);
}

#[test]
fn the_same_holds_on_a_day_of_a_new_seed() {
    let seed = std::env::var("ROTADNS_SEED").ok();
    run(seed.map_or_else(|| fastrand::u64(0..1_000_000), |seed| seed.parse().expect("a number")));
}
