//! An alias is answered with the addresses of its target, as if they were its own.
//!
//! ```text
//!   example.com.  alias ──▶ www.example.net. ──CNAME──▶ web.example.net. ──▶ a pool, or A and AAAA
//!   example.com. 30 A 192.0.2.1                                            that zone, the least TTL
//! ```
//!
//! The target is looked up like any name, in the deepest of our zones that it is in, and what is found is taken
//! over. What it means that nothing is found depends on who says so:
//!
//! ```text
//! its zone says that there is no such name or data       NODATA, with the SOA of the alias's own zone
//! it is not in our zones, or its zone is broken          SERVFAIL: NODATA would be kept as the truth
//! it leads out of its zone, or below a delegation        SERVFAIL
//! it leads to a pool of targets                          SERVFAIL
//! aliases lead in a circle, or there are too many        SERVFAIL
//! ```

use super::super::plan::{Aliased, Content, Item, Owner, Plan};
use super::super::snapshot::View;
use super::Lookup;
use crate::wire::decode::Query;
use crate::wire::edns::error;
use crate::wire::encode::Section;
use crate::wire::rcode;

/// How many aliases are followed from one to the next.
const ALIASES_MAX: usize = 16;

/// What an alias's target has.
pub(super) enum Resolved {
    /// Addresses.
    Data(Item),
    /// None, and for how many seconds at most that may be kept.
    Nothing { ttl_max: u32 },
    /// Nobody here knows.
    Unknown,
}

impl Lookup<'_> {
    /// Answers with what the alias at a place of the zone stands for.
    pub(super) fn alias(&self, plan: &mut Plan, alias: u32, rtype: u16) {
        match self.resolve(plan, alias, rtype) {
            Resolved::Data(item) => plan.push(item),
            Resolved::Nothing { ttl_max } => self.negative(plan, ttl_max),
            Resolved::Unknown => {
                plan.truncate(0);
                plan.authoritative = false;
                plan.refused(rcode::SERVFAIL, error::ASTRAY);
            }
        }
    }

    /// Finds what the alias at a place of the zone stands for; the plan stays as it is.
    pub(super) fn resolve(&self, plan: &mut Plan, alias: u32, rtype: u16) -> Resolved {
        let (name, len) = (plan.name.clone(), plan.items().len());
        let (rcode, authoritative, truncated) = (plan.rcode, plan.authoritative, plan.truncated);
        let error = plan.error;
        // Nothing of the names so far is looked up again.
        plan.steps = 0;
        let resolved = self.look_further(plan, alias, rtype).unwrap_or(Resolved::Unknown);
        plan.truncate(len);
        (plan.rcode, plan.authoritative, plan.truncated) = (rcode, authoritative, truncated);
        plan.error = error;
        plan.name = name;
        resolved
    }

    /// Looks up an alias's target behind what the plan has, and sums up what was found.
    fn look_further(&self, plan: &mut Plan, alias: u32, rtype: u16) -> Option<Resolved> {
        let target = &self.zone.aliases.get(alias as usize)?.target;
        if self.aliases == ALIASES_MAX {
            return None;
        }
        let start = plan.items().len();
        plan.name.read(target.as_wire())?;
        let (place, _) = self.snapshot.catalog().find(&plan.name, plan.name.labels())?;
        let View::Served { zone, ready } = self.snapshot.zone(place)? else { return None };
        let query = Query { qtype: rtype, ..self.query };
        let aliases = self.aliases + 1;
        Lookup { snapshot: self.snapshot, zone, ready, query, aliases, from: start }.chase(plan);
        if std::mem::take(&mut plan.leads_on) {
            return None; // a pool's target, which is not chosen yet
        }

        let mut ttl_max = u32::MAX;
        for &item in plan.items().get(start..)? {
            match (item.section, item.content, item.alias) {
                (Section::Answer, Content::Rrset { rrset, .. }, None)
                    if zone.store.rrset(rrset).rtype != rtype =>
                {
                    // A CNAME or DNAME on the way.
                    ttl_max = ttl_max.min(zone.store.rrset(rrset).ttl);
                }
                (Section::Answer, Content::Synthesised { .. }, _) => {} // with its DNAME
                (Section::Answer, _, further) => {
                    let further = further.unwrap_or(Aliased { zone: place, ttl_max });
                    let alias = Aliased { ttl_max: ttl_max.min(further.ttl_max), ..further };
                    return Some(Resolved::Data(Item { alias: Some(alias), ..item }));
                }
                (Section::Authority, Content::Rrset { ttl_max: own, .. }, _)
                    if item.owner == Owner::Apex =>
                {
                    return Some(Resolved::Nothing { ttl_max: ttl_max.min(own) });
                }
                _ => return None,
            }
        }
        None
    }
}
