//! What part of a pool's answers each backend got, and what part it should get now.
//!
//! Both are parts of one among the addresses of a family that were handed out. A backend with addresses of both
//! has the mean of its two parts, weighted by how much each family was asked for.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::ready::Ready;
use crate::config::model::{Policy, Pool};
use crate::engine::plan::Family;

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
    let families =
        [Family::V4, Family::V6].map(|family| OfFamily::new(pool, ready, family, &answers));
    let total: u64 = families.iter().map(|family| family.handed).sum();
    // Nothing asked for yet: what can be asked for counts alike.
    let weight = |family: &OfFamily| match (total, family.is_there) {
        (0, is_there) => f64::from(u8::from(is_there)),
        _ => family.handed as f64,
    };
    let weights: f64 = families.iter().map(weight).sum();
    let backend = |backend: &crate::config::model::Backend| {
        let of = |address: &IpAddr| answers.get(address).copied().unwrap_or(0);
        let own: u64 = backend.addresses.iter().map(of).sum();
        let mut part = 0.0;
        for (family, counts) in [Family::V4, Family::V6].into_iter().zip(&families) {
            let own = backend.addresses.iter().filter(|address| family.holds(**address));
            let own: f64 = own.filter_map(|address| due.get(address)).sum();
            part += own * weight(counts);
        }
        let got = if total == 0 { 0.0 } else { own as f64 / total as f64 };
        Share { answers: own, got, due: if weights > 0.0 { part / weights } else { 0.0 } }
    };
    pool.backends.iter().map(backend).collect()
}

/// The part of its family's answers that each address should have: round robin and random give all that may be handed out
/// the same, fixed gives the first `answers` all there is.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a pool has 1,024 addresses at most")]
pub fn due(ready: &Ready) -> BTreeMap<IpAddr, f64> {
    let mut due = BTreeMap::new();
    for family in [Family::V4, Family::V6] {
        let handout = ready.handout(family);
        let sharing = match handout.policy {
            Policy::RoundRobin | Policy::Random => handout.count(),
            Policy::Fixed => handout.answers,
        };
        let addresses = ready.addresses.iter().filter(|address| family.holds(**address));
        due.extend(addresses.take(sharing).map(|address| (*address, 1.0 / sharing as f64)));
    }
    due
}

/// What a pool's own addresses of one family were handed out.
struct OfFamily {
    handed: u64,
    /// Whether the pool has something of it to hand out now.
    is_there: bool,
}

impl OfFamily {
    fn new(pool: &Pool, ready: &Ready, family: Family, answers: &BTreeMap<IpAddr, u64>) -> Self {
        let own = pool.backends.iter().flat_map(|backend| &backend.addresses);
        let own = own.filter(|address| family.holds(**address));
        Self {
            handed: own.filter_map(|address| answers.get(address)).sum(),
            is_there: !ready.handout(family).is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::counters::handed::Handed;
    use crate::engine::choose::ready::{Standing, addresses_of};

    /// The shares after so many answers of A and AAAA, a row a backend: `answers got due`, parts in per cent.
    fn table(pool: &str, down: &[&str], v4: u64, v6: u64) -> Vec<String> {
        let text = format!("zone: example\nns: [ns.example.net.]\npools:\n  web: {{{pool}}}\n");
        let (model, mistakes) = crate::config::read_zone(Path::new("example.yaml"), &text);
        let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
        let pool = &model.pools[0];
        let standings: Vec<Standing> = addresses_of(pool)
            .map(|(backend, _)| Standing {
                in_service: !down.contains(&backend.name.as_str()),
                is_set_down: false,
                may_change_in: None,
            })
            .collect();
        let ready = Ready::new(pool, &standings, &[], None).counting(&Arc::new(Handed::new(1)));
        (0..v4).for_each(|draw| ready.count(0, Family::V4, draw));
        (0..v6).for_each(|draw| ready.count(0, Family::V6, draw));
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
            // Three of four handouts were A, half of them a's; the AAAA was a's.
            (format!("answers: 1, {both}"), &[], 6, 2, &["5 62 62", "3 38 38"]),
            (both.to_owned(), &[], 0, 0, &["0 0 75", "0 0 25"]),
        ] {
            assert_eq!(table(&pool, down, v4, v6), expected, "{pool}, {down:?}");
        }
    }
}
