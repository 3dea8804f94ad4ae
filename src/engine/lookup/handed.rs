//! Which pool a client gets, of those that a name may hand out: by shards, by rules, by where it is.

use super::super::plan::{Content, DRAWN, List, Plan};
use super::super::snapshot::Snapshot;
use super::Lookup;
use crate::config::model::place::Place;
use crate::engine::choose::draw::Way;
use crate::engine::choose::handout::Handout;
use crate::engine::choose::hash;
use crate::zone::rules::{self, Client, NearSite, Rules};
use crate::zone::store::{BalancedAt, Rrset};
use crate::zone::{Choice, Zone};

/// One list of one pool.
#[derive(Clone, Copy)]
pub(super) struct Handed {
    choice: Choice,
    list: List,
}

impl<'a> Lookup<'a> {
    /// What a pool hands out to the client as an RRset, where it is balanced.
    #[inline]
    pub(super) fn handed(&self, plan: &mut Plan, rrset: &Rrset<'_>) -> Option<Handed> {
        let at = rrset.balanced()?;
        let rules = self.zone.rules_of(at);
        let choice = match (at.shards, rules) {
            (None, None) => at.choice,
            (Some(_), _) => self.sharded(plan, at).unwrap_or(at.choice),
            (None, Some(rules)) => self.ruled(plan, rules, at.choice),
        };
        let sites = rules.and_then(|rules| rules.sites(choice.pool));
        let choice = match sites {
            Some(sites) => self.near(plan, sites, choice, rrset.rtype),
            None => choice,
        };
        Some(Handed { choice, list: List::of(rrset.rtype, choice.made) })
    }

    /// What the shard of the name gives to the client.
    fn sharded(&self, plan: &mut Plan, at: BalancedAt) -> Option<Choice> {
        let shards = self.zone.shards_of(at)?;
        let mut is_private = false;
        if shards.has_private() {
            let client = client(self.snapshot, self.zone, plan);
            // As with rules: of an address that is not believed, none of it decides.
            if plan.told().is_some() && client.hint == client.sure {
                plan.depends_on(client.private.bits(client.sure));
            }
            is_private = client.private.has(client.sure);
        }
        shards.find(shards.label(&plan.name), is_private)
    }

    /// What rules give to the client.
    fn ruled(&self, plan: &mut Plan, rules: &Rules, everybody: Choice) -> Choice {
        let client = client(self.snapshot, self.zone, plan);
        if plan.told().is_some() {
            plan.depends_on(rules.bits(&client));
        }
        rules.find(&client, everybody)
    }

    /// The site of a pool that is nearest to the client and has something to hand out; the pool itself, where nothing tells.
    fn near(&self, plan: &mut Plan, sites: &[NearSite], whole: Choice, rtype: u16) -> Choice {
        let client = client(self.snapshot, self.zone, plan);
        let Some(atlas) = client.atlas else { return whole };
        let serves = |site: &NearSite| {
            let list = List::of(rtype, site.choice.made);
            let handout = self.handout(Handed { choice: site.choice, list });
            handout.is_some_and(|handout| !handout.is_empty())
        };
        let near =
            |place: &Place| rules::nearest(sites, place, serves).map_or(whole, |site| site.choice);
        let nearest = near(atlas.place(client.hint));
        if plan.told().is_some() {
            plan.depends_on(atlas.bits_while(client.hint, |place| near(place) == nearest));
        }
        nearest
    }

    #[inline]
    pub(super) fn handout(&self, Handed { choice, list }: Handed) -> Option<&'a Handout> {
        Some(self.ready.get(choice.pool as usize)?.handout(list))
    }

    /// What stands for it in the plan, where it has something to hand out; where clients keep their backends, with its draw.
    #[inline]
    pub(super) fn content(&self, plan: &mut Plan, handed: Handed) -> Option<Content> {
        let Handed { choice: Choice { pool, rotation, .. }, list } = handed;
        let handout = self.handout(handed).filter(|handout| !handout.is_empty())?;
        let Way::Keys(by) = handout.way else {
            return Some(Content::Balanced { pool, rotation, list, draw: 0 });
        };
        let subnet = plan.told();
        if let Some(address) = subnet {
            plan.depends_on(hash::scope_bits(by, address.to_canonical().is_ipv4()));
        }
        let name = plan.name.suffix_hash(plan.name.labels());
        let draw = hash::key(by, plan.client, subnet, name);
        Some(Content::Balanced { pool, rotation: DRAWN, list, draw })
    }

    pub(super) fn empty_ttl(&self, handed: Handed) -> u32 {
        self.handout(handed).map_or(u32::MAX, |handout| handout.empty_ttl)
    }
}

/// Who asks, as far as the choices of a zone depend on it: where to go is decided by the client that a resolver asks for, as
/// far as it says so; who gets private addresses by who asks, as anybody can say anything, unless that resolver is trusted.
#[inline]
pub(crate) fn client<'s>(snapshot: &'s Snapshot, zone: &'s Zone, plan: &Plan) -> Client<'s> {
    let places = &snapshot.settings().places;
    let told = plan.told();
    let hint = told.unwrap_or(plan.client);
    Client {
        hint,
        sure: if told.is_some() && places.trusted.has(plan.client) { hint } else { plan.client },
        atlas: places.atlas.as_deref(),
        private: zone.private.as_deref().unwrap_or(&places.private),
    }
}
