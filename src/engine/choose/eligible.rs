//! Stage: who may serve at all. Health and hands have been made into a standing; here it counts, and with it roles and lag.

use super::candidate::{Candidate, Lineup, all};
use super::left_out::LeftOut;
use super::ready::Memory;
use super::roles::{self, Cast};
use crate::config::model::{Degraded, Endpoint, Pool};

/// Those that may serve, in the order of the file, and what roles came to.
pub(super) fn eligible(
    pool: &Pool,
    candidates: &[Candidate],
    memory: &Memory,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
) -> (Vec<Candidate>, Cast) {
    let in_service = candidates.iter().filter(|candidate| candidate.standing.in_service);
    let mut eligible: Vec<Candidate> = in_service.cloned().collect();
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
