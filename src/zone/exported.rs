//! What a zone says of its pools to those who take it whole: plain records, the same for everybody who takes the zone at this
//! serial.
//!
//! Who answers for the zone from a copy has no health to go by. So what is exported moves with the content of the zone alone, unless
//! the operator has health be content: then the addresses here are those that the pools handed out when the version was made.

use std::net::IpAddr;
use std::sync::Arc;

use super::Zone;
use super::delta::Record;
use crate::config::model::{self, Endpoint, Form, Made, Offer, Pool, Role, SetState, WhenAllDown};
use crate::name::Name;
use crate::rdata::rtype;

/// The RRsets that stand for pools in one version of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported(Arc<[Set]>);

/// One RRset that stands for a pool. It has no records where the pool has nothing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Whose it is.
    pub owner: Name,
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// The place of the pool in the zone, or [`ALIAS`].
    pub pool: usize,
    /// What is made of the pool, where that is neither addresses nor a target.
    pub made: Option<Made>,
    /// RDATA in wire form, sorted, none twice; shared by the names of one pool.
    pub rdata: Arc<[Box<[u8]>]>,
}

/// Stands in the place of a pool where an alias is: its addresses may come from any of our zones.
pub const ALIAS: usize = usize::MAX;

impl Exported {
    /// What these names say whatever health says: see `standing`.
    #[must_use]
    pub fn of(balanced: &[model::Balanced], pools: &[Pool]) -> Self {
        let said: Vec<Said> = (0..pools.len())
            .map(|pool| Said::new(&pools[pool].flat(pools), standing(pools, pool)))
            .collect();
        // A plain wildcard has the same for every label, and another shard's address is worse than none.
        let whole = balanced.iter().filter(|balanced| balanced.shards.is_none());
        let sets = whole.flat_map(|balanced| {
            // Rules are for clients, and who takes the zone is none: it gets what everybody else gets.
            let (said, pool) = (&said[balanced.pool], balanced.pool);
            let made = match &balanced.form {
                Form::Made(made) => Some(made),
                _ => None,
            };
            balanced.form.types().map(move |rtype| Set {
                owner: balanced.owner.clone(),
                rtype,
                ttl: pools[pool].ttl,
                pool,
                made: made.cloned(),
                rdata: said.of(rtype, made),
            })
        });
        sets.collect()
    }

    /// The same names, each pool handing out what it is asked for by its place.
    #[must_use]
    pub fn handing_out(&self, pools: &[Pool], mut offers: impl FnMut(usize) -> Vec<Offer>) -> Self {
        let said: Vec<Said> = pools
            .iter()
            .enumerate()
            .map(|(at, pool)| Said::new(&pool.flat(pools), offers(at)))
            .collect();
        let sets = self.0.iter().map(|set| {
            let Some(said) = said.get(set.pool) else { return set.clone() };
            let rdata = said.of(set.rtype, set.made.as_ref());
            // What is the same stays shared with the version before.
            let rdata = if rdata == set.rdata { Arc::clone(&set.rdata) } else { rdata };
            Set { rdata, ..set.clone() }
        });
        Self(sets.collect())
    }

    /// The same names, each pool saying what it does whatever health says: see `standing`.
    #[must_use]
    pub fn at_rest(&self, pools: &[Pool]) -> Self {
        self.handing_out(pools, |pool| standing(pools, pool))
    }

    /// The same names, those whose pool is as it was in another version saying what they did there.
    #[must_use]
    pub fn carrying(&self, pools: &[Pool], before: &Zone) -> Self {
        let sets = self.0.iter().map(|set| {
            let known = before.exported.find(&set.owner, set.rtype);
            let known = known.filter(|known| before.pools.get(known.pool) == pools.get(set.pool));
            Set { rdata: Arc::clone(&known.unwrap_or(set).rdata), ..set.clone() }
        });
        Self(sets.collect())
    }

    /// The same, with these RRsets for aliases.
    #[must_use]
    pub fn with_aliases(&self, aliases: impl IntoIterator<Item = model::RrSet>) -> Self {
        let aliases = aliases.into_iter().map(|set| Set {
            owner: set.owner,
            rtype: set.rtype,
            ttl: set.ttl,
            pool: ALIAS,
            made: None,
            rdata: rrset(set.rdata.into_iter().map(Vec::into_boxed_slice).collect()),
        });
        self.without_aliases().chain(aliases).collect()
    }

    /// The same, with what another version says of aliases that it has too.
    #[must_use]
    pub fn carrying_aliases(&self, aliases: &[model::Alias], before: &Zone) -> Self {
        let stays = |set: &&Set| {
            let owned = |alias: &&model::Alias| set.pool == ALIAS && alias.owner == set.owner;
            let known = before.aliases.iter().find(owned);
            known.is_some() && aliases.iter().find(owned) == known
        };
        let known = before.exported.0.iter().filter(stays).cloned();
        self.without_aliases().chain(known).collect()
    }

    fn without_aliases(&self) -> impl Iterator<Item = Set> {
        self.0.iter().filter(|set| set.pool != ALIAS).cloned()
    }

    /// The TTL and the RDATA of a pool's RRsets of a type, where a name hands it out.
    #[must_use]
    pub fn of_pool(&self, pool: usize, rtype: u16) -> Option<(u32, Vec<Vec<u8>>)> {
        let is_asked = |set: &&Set| set.pool == pool && set.rtype == rtype && set.made.is_none();
        let set = self.0.iter().find(is_asked)?;
        Some((set.ttl, set.rdata.iter().map(|rdata| rdata.to_vec()).collect()))
    }

    /// The RRsets in the order of their owners and types; some may have no records.
    #[must_use]
    pub fn sets(&self) -> &[Set] {
        &self.0
    }

    /// About how many bytes they take in messages.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let record = |set: &Set| set.owner.as_wire().len() + 10;
        self.0
            .iter()
            .map(|set| set.rdata.iter().map(|rdata| record(set) + rdata.len()).sum::<usize>())
            .sum()
    }

    /// The records that go and those that come from one version to another.
    #[must_use]
    pub fn between(before: &Self, after: &Self) -> (Vec<Record>, Vec<Record>) {
        if Arc::ptr_eq(&before.0, &after.0) {
            return (Vec::new(), Vec::new());
        }
        (before.without(after), after.without(before))
    }

    /// The records that another version does not have.
    fn without(&self, other: &Self) -> Vec<Record> {
        let mut records = Vec::new();
        for set in self.sets() {
            let known = other.find(&set.owner, set.rtype).filter(|known| known.ttl == set.ttl);
            if known.is_some_and(|known| Arc::ptr_eq(&known.rdata, &set.rdata)) {
                continue;
            }
            let known = known.map_or(&[][..], |known| &*known.rdata);
            // Both are sorted.
            let new = set.rdata.iter().filter(|rdata| known.binary_search(rdata).is_err());
            records.extend(new.map(|rdata| Record {
                owner: set.owner.clone(),
                rtype: set.rtype,
                ttl: set.ttl,
                rdata: rdata.clone(),
            }));
        }
        records
    }

    fn find(&self, owner: &Name, rtype: u16) -> Option<&Set> {
        let found = self.0.binary_search_by(|set| (&set.owner, set.rtype).cmp(&(owner, rtype)));
        Some(&self.0[found.ok()?])
    }
}

impl FromIterator<Set> for Exported {
    fn from_iter<I: IntoIterator<Item = Set>>(sets: I) -> Self {
        let mut sets: Vec<Set> = sets.into_iter().collect();
        sets.sort_by(|a, b| (&a.owner, a.rtype).cmp(&(&b.owner, b.rtype)));
        Self(sets.into())
    }
}

/// RDATA of what a pool hands out.
struct Said {
    v4: Arc<[Box<[u8]>]>,
    v6: Arc<[Box<[u8]>]>,
    cname: Arc<[Box<[u8]>]>,
    /// What was offered, but for addresses that stay inside.
    offers: Vec<Offer>,
}

impl Said {
    fn new(pool: &Pool, mut offers: Vec<Offer>) -> Self {
        let own = || pool.backends.iter().flat_map(model::Backend::addresses);
        if own().any(is_public) {
            offers.retain(|offer| offer.endpoint.address().is_none_or(|own| is_public(&own)));
        }
        let (mut v4, mut v6, mut cname) = (Vec::new(), Vec::new(), Vec::new());
        for offer in &offers {
            match &offer.endpoint {
                Endpoint::Address(IpAddr::V4(address)) => v4.push(Box::from(address.octets())),
                Endpoint::Address(IpAddr::V6(address)) => v6.push(Box::from(address.octets())),
                // A name has one CNAME (RFC 2181 §10.1): the first target stands for all of them.
                Endpoint::Target(_) if !cname.is_empty() => {}
                Endpoint::Target(name) => cname.push(Box::from(name.as_wire())),
            }
        }
        Self { v4: rrset(v4), v6: rrset(v6), cname: rrset(cname), offers }
    }

    fn of(&self, rtype: u16, made: Option<&Made>) -> Arc<[Box<[u8]>]> {
        match (made, rtype) {
            (Some(made), _) => {
                rrset(made.rdata(&self.offers).into_iter().map(Vec::into_boxed_slice).collect())
            }
            (None, rtype::A) => Arc::clone(&self.v4),
            (None, rtype::AAAA) => Arc::clone(&self.v6),
            (None, _) => Arc::clone(&self.cname),
        }
    }
}

/// RDATA of one RRset, which has no order and no record twice (RFC 2181 §5).
fn rrset(mut rdata: Vec<Box<[u8]>>) -> Arc<[Box<[u8]>]> {
    rdata.sort_unstable();
    rdata.dedup();
    rdata.into()
}

/// The addresses or targets that a pool stands for where nobody knows of health: those of every backend that the file does not set down.
/// Nobody knows who is primary either: what asks for the primary has none, as writes to another help nobody.
///
/// ```text
/// backends that are not set down   when_all_down   addresses
/// some                             any             theirs
/// none                             fallback        the fallback's
/// none                             none            none
/// none                             all, last       all
/// ```
fn standing(pools: &[Pool], pool: usize) -> Vec<Offer> {
    let pool = &*pools[pool].flat(pools);
    if pool.role() == Some(Role::Primary) {
        return Vec::new();
    }
    let of = |is_wanted: fn(SetState) -> bool| -> Vec<Offer> {
        let backends = pool.backends.iter().filter(|backend| is_wanted(backend.state));
        backends.flat_map(Offer::of).collect()
    };
    let up = of(|state| state != SetState::Down);
    match pool.when_all_down {
        _ if !up.is_empty() => up,
        // The model has no loops of fallbacks.
        WhenAllDown::Fallback(other) => standing(pools, other),
        WhenAllDown::None => Vec::new(),
        WhenAllDown::All | WhenAllDown::Last => of(|_| true),
    }
}

/// Whether an address means the same everywhere. A pool's others stay inside, unless it has no public one: then its zone is one for
/// the inside (RFC 1918, RFC 4193, RFC 6598, and what never leaves a link or a machine).
fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || is_shared)
        }
        IpAddr::V6(address) => {
            !(address.is_unique_local()
                || address.is_loopback()
                || address.is_unicast_link_local()
                || address.is_unspecified())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(owner: &str, ttl: u32, addresses: &[u8]) -> Set {
        Set {
            owner: Name::parse_absolute(owner).expect(owner),
            rtype: rtype::A,
            ttl,
            pool: 0,
            made: None,
            rdata: addresses.iter().map(|last| Box::from([192, 0, 2, *last])).collect(),
        }
    }

    fn shown(records: &[Record]) -> Vec<String> {
        let shown = |record: &Record| format!("{}{}", record.owner, record.rdata[3]);
        records.iter().map(shown).collect()
    }

    #[test]
    fn versions_differ_by_records() {
        let before =
            Exported([set("a.", 30, &[1, 2]), set("b.", 30, &[1]), set("c.", 30, &[])].into());
        for (after, gone, come) in [
            (vec![set("a.", 30, &[1, 2]), set("b.", 30, &[1])], &[][..], &[][..]),
            (vec![set("a.", 30, &[2, 3]), set("b.", 30, &[1])], &["a.1"], &["a.3"]),
            (vec![set("a.", 30, &[]), set("c.", 30, &[9])], &["a.1", "a.2", "b.1"], &["c.9"]),
            (vec![set("a.", 30, &[1, 2]), set("b.", 60, &[1])], &["b.1"], &["b.1"]),
        ] {
            let (removed, added) = Exported::between(&before, &Exported(after.clone().into()));
            assert_eq!(
                (shown(&removed), shown(&added)),
                (
                    gone.iter().map(ToString::to_string).collect(),
                    come.iter().map(ToString::to_string).collect(),
                ),
                "{after:?}"
            );
        }
    }
}
