//! Within the stage of the eligible: who is primary, who is a replica, and who is too far behind.
//!
//! ```text
//! asked for   tell the role    told primary      handed out
//! primary     one              -                 it
//! primary     several          -                 the one that held the role; all with `multi_primary`
//! primary     none             -                 nobody: the pool's `when_all_down` decides
//! replica     some             any               those
//! replica     none             some              the primary, until a replica is there again
//! replica     none             none              nobody: the pool's `when_all_down` decides
//! ```
//!
//! Who has told no role has none: no guess is made of it. Of several that say that they are primary, the one that held the role keeps
//! it:
//!
//! ```text
//! its last probe   another says so            who holds the role
//! passed           -                          it
//! failed           since then: a promotion    the other, though the old one is not yet judged down
//! failed           as before: a rival         it; a packet that is lost makes nobody primary
//! it says no more  -                          one whose last probe passed, if there is one
//! ```
//!
//! Where nobody is known to have held the role, the first of the file does, as then every server decides the same. After a restart, or when
//! its check has become another, the one that held it does so until it is judged.

use super::candidate::Candidate;
use super::left_out::LeftOut;
use super::ready::{Memory, Standing};
use crate::config::model::{Endpoint, Pool, Role};

/// What roles came to, in a pool that is asked for by a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cast {
    /// What those are that are handed out; `None` where nobody has the role.
    pub serves: Option<Role>,
    /// The backend that holds the role of primary; `None` where none does, or several may.
    pub holder: Option<String>,
    /// The backends that say that they are primary as well, and are left out.
    pub rivals: Vec<String>,
    /// All that say that they are primary, where one of them holds the role.
    pub claims: Vec<String>,
}

impl Cast {
    /// That several say that they are primary, for people.
    #[must_use]
    pub fn rivalry(&self) -> Option<String> {
        let holder = self.holder.as_deref().filter(|_| !self.rivals.is_empty())?;
        let others = self.rivals.join(" and ");
        let (count, say) = match self.rivals.len() {
            1 => ("two".to_owned(), "says that it is"),
            more => ((more + 1).to_string(), "say that they are"),
        };
        Some(format!("{count} primaries: {others} {say} primary, while {holder} keeps the role"))
    }

    /// Whether another holds the role of primary than did.
    #[must_use]
    pub fn is_of_another(&self, held: Option<&str>) -> bool {
        self.holder.is_some() && self.holder.as_deref() != held
    }

    /// Whether who is handed out may soon be another, though nobody is changing side.
    #[must_use]
    pub fn is_moving(&self, pool: &Pool) -> bool {
        let stands_in = self.serves.is_some() && self.serves != pool.role();
        !self.rivals.is_empty() || stands_in
    }
}

/// Leaves the replicas out that are further behind than the pool allows, or do not know how far.
pub(super) fn leave_out_lagging(
    pool: &Pool,
    candidates: &mut Vec<Candidate>,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
) {
    let Some(most) = pool.max_lag else { return };
    retain(candidates, left_out, |Candidate { standing, is_shared, .. }| {
        match (standing.role, standing.lag) {
            // A pool within has a bound of its own.
            _ if *is_shared => None,
            (Some(Role::Replica), None) => Some(LeftOut::LagUnknown),
            (Some(Role::Replica), Some(lag)) if lag > most => Some(LeftOut::Lag { most }),
            _ => None,
        }
    });
}

/// Leaves those of the role that the pool is asked for, by the tables above.
pub(super) fn cast(
    pool: &Pool,
    candidates: &mut Vec<Candidate>,
    memory: &Memory,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
) -> Cast {
    let Some(wanted) = pool.role() else { return Cast::default() };
    // Who is not judged yet is as before: a stale one that happens to be asked first is to find the role held.
    for Candidate { backend, standing, .. } in candidates.iter_mut() {
        let is_held = Some(&pool.backends[*backend].name) == memory.primary.as_ref();
        if is_held && standing.is_unjudged {
            standing.role = Some(Role::Primary);
        }
    }
    let has = |role, candidates: &[Candidate]| {
        candidates.iter().any(|candidate| candidate.standing.role == Some(role))
    };
    let given = if has(wanted, candidates) { wanted } else { Role::Primary };
    retain(candidates, left_out, |Candidate { standing, .. }| {
        let why = LeftOut::Role { own: standing.role, wanted };
        (standing.role != Some(given)).then_some(why)
    });
    let mut cast = Cast { serves: has(given, candidates).then_some(given), ..Cast::default() };
    if given == Role::Replica || candidates.is_empty() || pool.multi_primary {
        return cast;
    }
    let name = |place: usize| pool.backends[place].name.clone();
    let claims = places(candidates, |_| true);
    let settled = places(candidates, |standing| standing.may_change_in.is_none());
    let held = |place: &&usize| Some(&pool.backends[**place].name) == memory.primary.as_ref();
    let is_new = |place: &&usize| !memory.claims.contains(&pool.backends[**place].name);
    let promoted = settled.iter().find(is_new);
    let best = match claims.iter().find(held) {
        Some(held) if settled.contains(held) => Some(held),
        Some(held) => promoted.or(Some(held)),
        None => settled.first().or(claims.first()),
    };
    let holder = best.copied().unwrap_or_default();
    cast.holder = Some(name(holder));
    let heard = if settled.is_empty() { &claims } else { &settled };
    cast.rivals = heard.iter().copied().filter(|place| *place != holder).map(name).collect();
    cast.claims = claims.into_iter().map(name).collect();
    retain(candidates, left_out, |candidate| {
        (candidate.backend != holder).then_some(LeftOut::SecondPrimary)
    });
    cast
}

/// The places of the backends of which an endpoint stands so, each once, in the order of the file.
fn places(candidates: &[Candidate], stands: impl Fn(&Standing) -> bool) -> Vec<usize> {
    let so = candidates.iter().filter(|candidate| stands(&candidate.standing));
    let mut places: Vec<usize> = so.map(|candidate| candidate.backend).collect();
    places.dedup();
    places
}

/// Leaves those out that there is a reason for.
fn retain(
    candidates: &mut Vec<Candidate>,
    left_out: &mut Vec<(Endpoint, LeftOut)>,
    why: impl Fn(&Candidate) -> Option<LeftOut>,
) {
    candidates.retain(|candidate| match why(candidate) {
        Some(why) => {
            left_out.push((candidate.offer.endpoint.clone(), why));
            false
        }
        None => true,
    });
}

#[cfg(test)]
mod tests;
