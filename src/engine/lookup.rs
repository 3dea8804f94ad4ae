//! The algorithm of RFC 1034 §4.3.2 over one zone.
//!
//! | RFC | what | where |
//! |---|---|---|
//! | 1034 §4.3.2 | the way down: cuts first, then the name, then the wildcard | [`lookup`] |
//! | 2181 §10.1 | chains of CNAME inside the zone, AA | `Lookup::node` |
//! | 2308 §2, §5 | the SOA in negative answers, its TTL | `Lookup::negative` |
//! | 4035 §3.1.4.1 | DS from the parent's side | `Lookup::cut` |
//! | 4592 §2.2, §4 | wildcards, closest enclosers, empty non-terminals | `Lookup::missing` |
//! | 6672 §2, §3 | DNAME | `Lookup::dname` |
//! | 8482 §4.1 | ANY gives one RRset | `Lookup::node` |
//! | 9471 §3 | glue | `Lookup::referral` |
//!
//! What an alias stands for is looked up in the same way, in `alias.rs`.

mod alias;

use std::sync::Arc;

use super::plan::{Content, Family, Item, Owner, Plan};
use super::snapshot::{Chunks, Snapshot, View};
use crate::engine::choose::ready::Ready;
use crate::name::{hash_label, hash_labels};
use crate::rdata::rtype;
use crate::rdata::template::TemplateName;
use crate::wire::decode::Query;
use crate::wire::encode::Section;
use crate::wire::{class, rcode};
use crate::zone::Zone;
use crate::zone::store::{BalancedAt, Node, NodeAt, Rrset, RrsetAt, flag};
use alias::Resolved;

/// How many CNAMEs and DNAMEs of one zone are followed in one answer.
pub const CHAIN_MAX: usize = 16;

/// Plans the answer from the zone that the question's name is in.
pub fn lookup(snapshot: &Snapshot, plan: &mut Plan) {
    let view = plan.zone.and_then(|place| snapshot.zone(place));
    let (Some(View::Served { zone, ready }), Some(&query)) = (view, plan.query()) else { return };
    Lookup { snapshot, zone, ready, query, aliases: 0 }.chase(plan);
    // A class of ANY cannot be said to be answered whole (RFC 1035 §3.2.5).
    plan.authoritative &= query.qclass != class::ANY;
}

struct Lookup<'a> {
    snapshot: &'a Snapshot,
    zone: &'a Zone,
    ready: &'a Chunks<Arc<Ready>>,
    query: Query,
    /// How many aliases have led here.
    aliases: usize,
}

impl<'a> Lookup<'a> {
    /// Looks up the plan's name, and follows where it leads within the zone.
    fn chase(&self, plan: &mut Plan) {
        let mut visited = [0; CHAIN_MAX + 1];
        for step in 0..=CHAIN_MAX {
            let name = plan.name.suffix_hash(plan.name.labels());
            if visited[..step].contains(&name) {
                break; // a loop: what was collected so far
            }
            visited[step] = name;
            if !self.step(plan) {
                break;
            }
        }
    }

    /// Looks up the plan's name; `true` where a CNAME leads to another name of the zone.
    #[inline]
    fn step(&self, plan: &mut Plan) -> bool {
        if self.zone.has_cuts {
            return self.way_down(plan);
        }
        match self.find(plan, plan.name.labels()) {
            Some(at) => self.node(plan, self.zone.store.node(at)),
            None => self.climb(plan),
        }
    }

    /// The node of the suffix of `depth` labels.
    #[inline]
    fn find(&self, plan: &Plan, depth: usize) -> Option<NodeAt> {
        let wire = plan.name.wire();
        let apex = self.zone.origin.as_wire().len();
        let labels = &wire[plan.name.suffix_start(depth)..wire.len() - apex];
        self.zone.store.find(plan.name.suffix_hash(depth), labels)
    }

    /// Walks from the apex to the name, and stops at a cut or a DNAME.
    fn way_down(&self, plan: &mut Plan) -> bool {
        let bottom = plan.name.labels();
        let mut above = None;
        for depth in self.zone.origin_labels..=bottom {
            let Some(at) = self.find(plan, depth) else {
                // What does not exist has nothing below it: empty non-terminals do exist.
                return above.is_some_and(|encloser| self.missing(plan, encloser, depth - 1));
            };
            let node = self.zone.store.node(at);
            above = Some(node);
            if node.flags() & flag::CUT != 0 {
                self.cut(plan, node, depth);
                return false;
            }
            if depth == bottom {
                return self.node(plan, node);
            }
            if node.flags() & flag::DNAME != 0 {
                return self.dname(plan, node, depth);
            }
        }
        false
    }

    /// At a zone cut: a referral, but DS is the parent's.
    fn cut(&self, plan: &mut Plan, node: Node<'a>, depth: usize) {
        if self.query.qtype != rtype::DS || depth != plan.name.labels() {
            return self.referral(plan, node, depth);
        }
        plan.authoritative = true;
        match node.rrset(rtype::DS) {
            Some((at, _)) => plan.push(answer(at)),
            None => self.negative(plan, u32::MAX),
        }
    }

    fn referral(&self, plan: &mut Plan, node: Node<'a>, depth: usize) {
        // After a CNAME the answer is ours and stays authoritative; a bare referral is not.
        plan.authoritative = !plan.items().is_empty();
        let Some((at, ns)) = node.rrset(rtype::NS) else { return };
        plan.push(Item {
            section: Section::Authority,
            owner: Owner::Current(plan.name.suffix_start(depth) as u8),
            needed: true,
            content: Content::Rrset { rrset: at, ttl_max: u32::MAX },
            alias: None,
        });
        let wire = plan.name.wire();
        let apex = self.zone.origin.as_wire().len();
        let mut cut = [0; crate::name::NAME_MAX];
        let labels = &wire[plan.name.suffix_start(depth)..wire.len() - apex];
        cut[..labels.len()].copy_from_slice(labels);
        let cut = &cut[..labels.len()];
        // Glue below the cut is needed; a sibling's is welcome when it fits, and so comes last.
        for needed in [true, false] {
            for (index, rdata) in ns.rdatas().enumerate() {
                let (target, _) = TemplateName::split(rdata);
                let is_below = ends_with_labels(target.labels, cut);
                // The root zone has no templates: every name is in it.
                if (target.in_zone || apex == 1) && is_below == needed {
                    self.glue(plan, target.labels, index as u16, needed);
                }
            }
        }
    }

    fn glue(&self, plan: &mut Plan, labels: &[u8], index: u16, needed: bool) {
        let mut lower = [0; crate::name::NAME_MAX];
        let lower = &mut lower[..labels.len()];
        lower.copy_from_slice(labels);
        lower.make_ascii_lowercase();
        let apex_hash = plan.name.suffix_hash(self.zone.origin_labels);
        let Some(at) = self.zone.store.find(hash_labels(apex_hash, lower), lower) else { return };
        for (at, rrset) in self.zone.store.node(at).rrsets() {
            let family = match rrset.rtype {
                rtype::A => Family::V4,
                rtype::AAAA => Family::V6,
                _ => continue,
            };
            let (content, alias) = match (rrset.balanced(), rrset.alias()) {
                (None, None) => (Content::Rrset { rrset: at, ttl_max: u32::MAX }, None),
                (Some(at), _) if self.handout_is_empty(at.pool, family) => continue,
                (Some(at), _) => {
                    let BalancedAt { pool, rotation } = at;
                    (Content::Balanced { pool, rotation, family, draw: 0 }, None)
                }
                (None, Some(alias)) => match self.resolve(plan, alias, rrset.rtype) {
                    Resolved::Data(item) => (item.content, item.alias),
                    Resolved::Nothing { .. } | Resolved::Unknown => continue,
                },
            };
            plan.push(Item {
                section: Section::Additional,
                owner: Owner::Target(index),
                needed,
                content,
                alias,
            });
        }
    }

    /// A name that exists: its data, its CNAME, or no data.
    #[inline]
    fn node(&self, plan: &mut Plan, node: Node<'a>) -> bool {
        plan.authoritative = true;
        let qtype = self.query.qtype;
        if node.flags() & flag::CNAME != 0
            && !matches!(qtype, rtype::CNAME | rtype::ANY | rtype::RRSIG | rtype::NSEC)
            && let Some((at, cname)) = node.rrset(rtype::CNAME)
        {
            plan.push(answer(at));
            return self.follow(plan, cname);
        }
        // RFC 8482 §4.1: one RRset, that of the lowest type.
        let wanted = match qtype {
            rtype::ANY => node.rrsets().find(|(_, rrset)| !self.is_empty(plan, rrset)),
            // RFC 1995 §2: over UDP, as if the serial were all that is asked for.
            rtype::IXFR => node.rrset(rtype::SOA),
            _ => node.rrset(qtype),
        };
        match wanted {
            None => self.negative(plan, self.no_data_ttl(qtype, node)),
            Some((at, rrset)) => match (rrset.balanced(), rrset.alias()) {
                (None, None) => plan.push(answer(at)),
                (None, Some(alias)) => self.alias(plan, alias, rrset.rtype),
                (Some(at), _) => {
                    let family = if rrset.rtype == rtype::A { Family::V4 } else { Family::V6 };
                    if self.handout_is_empty(at.pool, family) {
                        self.negative(plan, self.empty_ttl(at.pool, family));
                        return false;
                    }
                    plan.push(Item {
                        section: Section::Answer,
                        owner: Owner::Current(0),
                        needed: true,
                        content: Content::Balanced {
                            pool: at.pool,
                            rotation: at.rotation,
                            family,
                            draw: 0,
                        },
                        alias: None,
                    });
                }
            },
        }
        false
    }

    /// Takes a CNAME's target as the name; `true` where it is in this zone.
    fn follow(&self, plan: &mut Plan, cname: Rrset<'a>) -> bool {
        let Some(rdata) = cname.rdatas().next() else { return false };
        let (target, _) = TemplateName::split(rdata);
        // The root zone has no templates: every name is in it.
        let apex = self.zone.origin.as_wire();
        (target.in_zone || apex.len() == 1) && plan.name.set(target.labels, apex).is_some()
    }

    /// Finds the closest encloser of a name that does not exist; the apex always does.
    fn climb(&self, plan: &mut Plan) -> bool {
        let mut depths = (self.zone.origin_labels..plan.name.labels()).rev();
        let encloser = depths.find_map(|depth| Some((self.find(plan, depth)?, depth)));
        encloser.is_some_and(|(at, depth)| self.missing(plan, self.zone.store.node(at), depth))
    }

    /// A name that does not exist: the wildcard of its closest encloser, which has `depth` labels, or
    /// NXDOMAIN.
    fn missing(&self, plan: &mut Plan, encloser: Node<'a>, depth: usize) -> bool {
        plan.authoritative = true;
        if encloser.flags() & flag::WILDCARD_CHILD != 0 {
            let mut labels = [0; crate::name::NAME_MAX];
            let wire = plan.name.wire();
            let apex = self.zone.origin.as_wire().len();
            let tail = &wire[plan.name.suffix_start(depth)..wire.len() - apex];
            let len = WILDCARD.len() + tail.len();
            if let Some(room) = labels.get_mut(..len) {
                room[..WILDCARD.len()].copy_from_slice(WILDCARD);
                room[WILDCARD.len()..].copy_from_slice(tail);
                let hash = hash_label(plan.name.suffix_hash(depth), WILDCARD);
                if let Some(at) = self.zone.store.find(hash, room) {
                    return self.node(plan, self.zone.store.node(at));
                }
            }
        }
        plan.rcode = rcode::NXDOMAIN;
        self.negative(plan, u32::MAX);
        false
    }

    /// Below a DNAME: the DNAME, the CNAME that it makes, and on from there.
    fn dname(&self, plan: &mut Plan, node: Node<'a>, depth: usize) -> bool {
        plan.authoritative = true;
        let Some((at, dname)) = node.rrset(rtype::DNAME) else { return false };
        let Some(target) = dname.rdatas().next() else { return false };
        let skip = plan.name.suffix_start(depth);
        plan.push(Item { owner: Owner::Current(skip as u8), ..answer(at) });
        let mut prefix = [0; crate::name::NAME_MAX];
        prefix[..skip].copy_from_slice(&plan.name.wire()[..skip]);
        if plan.name.set(&prefix[..skip], target).is_none() {
            plan.rcode = rcode::YXDOMAIN;
            return false;
        }
        plan.push(Item {
            content: Content::Synthesised { dname: at, prefix: skip as u8 },
            ..answer(at)
        });
        let apex = self.zone.origin.as_wire();
        !matches!(self.query.qtype, rtype::CNAME | rtype::ANY)
            && crate::name::is_at_or_below(plan.name.wire(), apex)
    }

    /// The SOA of an answer that says no (RFC 2308 §3).
    #[inline]
    fn negative(&self, plan: &mut Plan, ttl_max: u32) {
        plan.push(Item {
            section: Section::Authority,
            owner: Owner::Apex,
            needed: true,
            content: Content::Rrset {
                rrset: self.zone.soa,
                ttl_max: ttl_max.min(self.zone.negative_ttl),
            },
            alias: None,
        });
    }

    /// How long it may be kept that a name has no such data: where ANY found empty handouts alone, no longer
    /// than one of them.
    fn no_data_ttl(&self, qtype: u16, node: Node<'a>) -> u32 {
        if qtype != rtype::ANY {
            return u32::MAX;
        }
        let ttls = node.rrsets().filter_map(|(_, rrset)| {
            let family = if rrset.rtype == rtype::A { Family::V4 } else { Family::V6 };
            Some(self.empty_ttl(rrset.balanced()?.pool, family))
        });
        ttls.min().unwrap_or(u32::MAX)
    }

    /// Whether a pool has nothing to hand out, or an alias's target no address.
    fn is_empty(&self, plan: &mut Plan, rrset: &Rrset<'_>) -> bool {
        if let Some(alias) = rrset.alias() {
            return !matches!(self.resolve(plan, alias, rrset.rtype), Resolved::Data(_));
        }
        let family = if rrset.rtype == rtype::A { Family::V4 } else { Family::V6 };
        rrset.balanced().is_some_and(|at| self.handout_is_empty(at.pool, family))
    }

    #[inline]
    fn handout_is_empty(&self, pool: u32, family: Family) -> bool {
        self.ready.get(pool as usize).is_none_or(|ready| ready.handout(family).is_empty())
    }

    fn empty_ttl(&self, pool: u32, family: Family) -> u32 {
        self.ready.get(pool as usize).map_or(u32::MAX, |ready| ready.handout(family).empty_ttl)
    }
}

const WILDCARD: &[u8] = b"\x01*";

/// An RRset that answers the question, owned by the name that is looked up.
#[inline]
fn answer(rrset: RrsetAt) -> Item {
    Item {
        section: Section::Answer,
        owner: Owner::Current(0),
        needed: true,
        content: Content::Rrset { rrset, ttl_max: u32::MAX },
        alias: None,
    }
}

/// Whether a run of labels ends in another, at a label.
fn ends_with_labels(mut labels: &[u8], tail: &[u8]) -> bool {
    while labels.len() > tail.len() {
        labels = &labels[1 + usize::from(labels[0])..];
    }
    labels.eq_ignore_ascii_case(tail)
}
