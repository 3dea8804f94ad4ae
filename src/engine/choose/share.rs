//! What part of a pool's answers each backend got, and what part it should get now.
//!
//! Both are parts of one among the addresses of a family, or the targets, that were handed out. A backend with
//! addresses of both families has the mean of its two parts, weighted by how much each was asked for.

use std::collections::BTreeMap;

use super::ready::{Group, Ready};
use crate::config::model::{Backend, Endpoint, Pool};
use crate::engine::plan::{Family, List};

/// What one backend got and should get.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The answers that held one of its addresses.
    pub answers: u64,
    /// Its part of what the pool handed out since the start.
    pub got: f64,
    /// The part that it should get now.
    pub due: f64,
}

/// The share of each backend of a pool, in the order of the file.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "shares are for people")]
pub fn shares(pool: &Pool, ready: &Ready) -> Vec<Share> {
    let answers = ready.handed().map(|handed| handed.answers()).unwrap_or_default();
    let due = due(ready);
    let lists = LISTS.map(|list| OfList::new(pool, ready, list, &answers));
    let total: u64 = lists.iter().map(|list| list.handed).sum();
    // Nothing asked for yet: what can be asked for counts alike.
    let weight = |list: &OfList| match (total, list.is_there) {
        (0, is_there) => f64::from(u8::from(is_there)),
        _ => list.handed as f64,
    };
    let weights: f64 = lists.iter().map(weight).sum();
    let mut groups = ready.groups.iter();
    let backend = |backend: &Backend| {
        let endpoints: Vec<Endpoint> = match backend.inner().and_then(|_| groups.next()) {
            Some(group) => group.endpoints().cloned().collect(),
            None => backend.endpoints().collect(),
        };
        let of = |endpoint: &Endpoint| answers.get(endpoint).copied().unwrap_or(0);
        let own: u64 = endpoints.iter().map(of).sum();
        let mut part = 0.0;
        for (list, counts) in LISTS.into_iter().zip(&lists) {
            let own = endpoints.iter().filter(|endpoint| list.holds(endpoint));
            let own: f64 = own.filter_map(|endpoint| due.get(endpoint)).sum();
            part += own * weight(counts);
        }
        let got = if total == 0 { 0.0 } else { own as f64 / total as f64 };
        Share { answers: own, got, due: if weights > 0.0 { part / weights } else { 0.0 } }
    };
    pool.backends.iter().map(backend).collect()
}

const LISTS: [List; 3] = [List::Addresses(Family::V4), List::Addresses(Family::V6), List::Targets];

/// The part of its list's answers that each endpoint should have, see [`Handout::due`](super::handout::Handout::due).
#[must_use]
pub fn due(ready: &Ready) -> BTreeMap<Endpoint, f64> {
    let mut due = BTreeMap::new();
    for list in LISTS {
        let own = ready.endpoints().filter(|endpoint| list.holds(endpoint));
        let parts = ready.handout(list).due();
        due.extend(own.cloned().zip(parts).filter(|(_, part)| *part > 0.0));
    }
    due
}

/// What a pool's own endpoints of one list were handed out.
struct OfList {
    handed: u64,
    /// Whether the pool has something of it to hand out now.
    is_there: bool,
}

impl OfList {
    fn new(pool: &Pool, ready: &Ready, list: List, answers: &BTreeMap<Endpoint, u64>) -> Self {
        let inner = ready.groups.iter().flat_map(Group::endpoints).cloned();
        let own = pool.endpoints().map(|(_, endpoint)| endpoint).chain(inner);
        let own = own.filter(|endpoint| list.holds(endpoint));
        Self {
            handed: own.filter_map(|endpoint| answers.get(&endpoint)).sum(),
            is_there: !ready.handout(list).is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::counters::handed::Handed;
    use crate::engine::choose::ready::{Memory, Standing};

    /// The shares after so many answers of A and AAAA, a row a backend: `answers got due`, parts in per cent.
    fn table(pool: &str, down: &[&str], v4: u64, v6: u64) -> Vec<String> {
        let text = format!("zone: example\nns: [ns.example.net.]\npools:\n  web: {{{pool}}}\n");
        let (model, mistakes) = crate::config::read_zone(Path::new("example.yaml"), &text);
        let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
        let pool = &model.pools[0];
        let standings: Vec<Standing> = pool
            .endpoints()
            .map(|(backend, _)| Standing {
                in_service: !down.contains(&backend.name.as_str()),
                ..Standing::UP
            })
            .collect();
        let ready = Ready::new(pool, &standings, &Memory::default(), None)
            .counting(&Arc::new(Handed::new(1)));
        (0..v4).for_each(|draw| ready.count(0, List::Addresses(Family::V4), draw));
        (0..v6).for_each(|draw| ready.count(0, List::Addresses(Family::V6), draw));
        let row = |share: Share| {
            format!("{} {:.0} {:.0}", share.answers, 100.0 * share.got, 100.0 * share.due)
        };
        shares(pool, &ready).into_iter().map(row).collect()
    }

    #[test]
    fn what_was_got_and_what_is_due() {
        let four = "backends: {a: 192.0.2.1, b: 192.0.2.2, c: 192.0.2.3, d: 192.0.2.4}";
        let both = "backends: {a: [192.0.2.1, \"2001:db8::1\"], b: 192.0.2.2}";
        for (pool, down, v4, v6, expected) in [
            (four.to_owned(), &[][..], 8, 0, &["8 25 25"; 4][..]),
            (
                format!("answers: 1, {four}"),
                &[],
                6,
                0,
                &["2 33 25", "2 33 25", "1 17 25", "1 17 25"],
            ),
            (four.to_owned(), &["b"], 0, 0, &["0 0 33", "0 0 0", "0 0 33", "0 0 33"]),
            (
                format!("policy: fixed, answers: 2, {four}"),
                &[],
                4,
                0,
                &["4 50 50", "4 50 50", "0 0 0", "0 0 0"],
            ),
            (
                "policy: weighted, backends: {a: {address: 192.0.2.1, weight: 3}, b: 192.0.2.2, \
                 c: {address: 192.0.2.3, weight: 0}}"
                    .to_owned(),
                &[],
                8,
                0,
                &["6 75 75", "2 25 25", "0 0 0"],
            ),
            (
                "policy: weighted, backends: {a: {target: a.test.}, b: {target: b.test., weight: 3}}"
                    .to_owned(),
                &[],
                0,
                0,
                &["0 0 25", "0 0 75"],
            ),
            // Three of four handouts were A, half of them a's; the AAAA was a's.
            (format!("answers: 1, {both}"), &[], 6, 2, &["5 62 62", "3 38 38"]),
            (both.to_owned(), &[], 0, 0, &["0 0 75", "0 0 25"]),
        ] {
            assert_eq!(table(&pool, down, v4, v6), expected, "{pool}, {down:?}");
        }
    }
}
