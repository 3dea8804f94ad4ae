//! Stage: who may serve at all. Health and hands have been made into a standing; here it counts, and with it roles and lag.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::candidate::{Candidate, Lineup, all};
use super::left_out::LeftOut;
use super::ready::Memory;
use super::roles::{self, Cast};
use super::{panic, tier};
use crate::config::model::{Degraded, Endpoint, Pool};

/// Who is there, and who of them may serve.
pub(super) struct Lot {
    /// Every endpoint of the pool, in the order of the file.
    pub(super) all: Vec<Candidate>,
    /// Those that may serve.
    pub(super) eligible: Vec<Candidate>,
    /// What roles came to.
    pub(super) cast: Cast,
    /// Why some may not that could.
    pub(super) left_out: Vec<(Endpoint, LeftOut)>,
    /// The tiers that do not panic.
    pub(super) calm: BTreeSet<u16>,
    /// The tiers of them that can serve.
    pub(super) able: BTreeSet<u16>,
}

impl Lot {
    /// Those of a pool that stands so.
    pub(super) fn of(pool: &Pool, lineup: Lineup<'_>, memory: &Memory) -> Self {
        let all = all(pool, lineup);
        let mut left_out = Vec::new();
        let (eligible, cast) = eligible(pool, &all, memory, &mut left_out);
        let calm = panic::calm(pool, lineup);
        let able = tier::able(pool, &calm, &sound(pool, &eligible));
        Self { all, eligible, cast, left_out, calm, able }
    }
}

/// Those that stay where the degraded are avoided.
fn sound<'c>(pool: &Pool, eligible: &'c [Candidate]) -> Cow<'c, [Candidate]> {
    if pool.degraded == Degraded::Serve {
        return Cow::Borrowed(eligible);
    }
    let mut wanted = eligible.to_vec();
    avoid_degraded(pool, &mut wanted, &mut Vec::new());
    Cow::Owned(wanted)
}

/// Those that may serve, in the order of the file, and what roles came to.
fn eligible(
    pool: &Pool,
    candidates: &[Candidate],
    memory: &Memory,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
) -> (Vec<Candidate>, Cast) {
    let in_service = candidates.iter().filter(|candidate| candidate.standing.in_service);
    let mut eligible = Vec::with_capacity(candidates.len());
    eligible.extend(in_service.cloned());
    roles::leave_out_lagging(pool, &mut eligible, left_out);
    let cast = roles::cast(pool, &mut eligible, memory, left_out);
    (eligible, cast)
}

/// Leaves out those that serve and should be seen to, where the pool has it so and others can serve.
pub(super) fn avoid_degraded(
    pool: &Pool,
    eligible: &mut Vec<Candidate>,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
) {
    let is_sound = |candidate: &Candidate| !candidate.standing.is_degraded;
    if pool.degraded == Degraded::Serve || !eligible.iter().any(is_sound) {
        return;
    }
    eligible.retain(|candidate| {
        let stays = is_sound(candidate);
        if !stays {
            left_out.push((candidate.offer.endpoint.clone(), LeftOut::Degraded));
        }
        stays
    });
}

/// Those that are a guess worth making: all but what an operator set down, unless all is.
pub(super) fn guesses(candidates: &[Candidate]) -> Vec<Candidate> {
    let is_guess = |candidate: &&Candidate| !candidate.standing.is_set_down;
    let guesses: Vec<Candidate> = candidates.iter().filter(is_guess).cloned().collect();
    if guesses.is_empty() { candidates.to_vec() } else { guesses }
}

/// The endpoints of a pool that may serve, in the order of the file.
#[must_use]
pub fn endpoints<'a>(pool: &Pool, lineup: impl Into<Lineup<'a>>, memory: &Memory) -> Vec<Endpoint> {
    let (eligible, _) = eligible(pool, &all(pool, lineup.into()), memory, &mut Vec::new());
    eligible.into_iter().map(|candidate| candidate.offer.endpoint).collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::config::model::{Backend, Policy, Serves};
    use crate::engine::choose::ready::Standing;

    /// `+` serves, `~` is degraded, `-` is down; what stays, and what is left out, by place.
    #[test]
    fn the_degraded_serve_when_nothing_else_can() {
        for (degraded, signs, stays, left) in [
            (Degraded::Serve, "+~-", "01", ""),
            (Degraded::Avoid, "+~-", "0", "1"),
            (Degraded::Avoid, "+~~+", "03", "12"),
            (Degraded::Avoid, "~~-", "01", ""),
            (Degraded::Avoid, "++", "01", ""),
        ] {
            let address = |place: usize| IpAddr::from([192, 0, 2, place as u8]);
            let backend = |(place, _): (usize, char)| {
                let serves = Serves::Addresses(vec![address(place)]);
                Backend::new(place.to_string(), serves)
            };
            let backends = signs.chars().enumerate().map(backend).collect();
            let pool = Pool { degraded, ..Pool::new("p".into(), Policy::RoundRobin, backends) };
            let standing = |sign| Standing {
                in_service: sign != '-',
                is_degraded: sign == '~',
                ..Standing::UP
            };
            let standings: Vec<Standing> = signs.chars().map(standing).collect();
            let mut left_out = Vec::new();
            let candidates = all(&pool, (&standings).into());
            let (mut found, _) = eligible(&pool, &candidates, &Memory::default(), &mut left_out);
            avoid_degraded(&pool, &mut found, &mut left_out);
            let found: String = found.iter().map(|one| one.backend.to_string()).collect();
            assert_eq!(found, stays, "{signs}");
            let places = (0..signs.len()).filter(|place| {
                left_out.contains(&(Endpoint::Address(address(*place)), LeftOut::Degraded))
            });
            assert_eq!(places.map(|place| place.to_string()).collect::<String>(), left, "{signs}");
        }
    }
}
