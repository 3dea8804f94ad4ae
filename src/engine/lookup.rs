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
//! What an alias stands for is looked up in the same way, in `alias.rs`; which pool a client gets is in `handed.rs`, and what full
//! responses have besides in `extras.rs`.

mod alias;
mod extras;
mod handed;

use std::sync::Arc;

use super::plan::{Content, Item, Owner, Plan};
use super::snapshot::{Chunks, Snapshot, View};
use crate::engine::choose::handout::Handout;
use crate::engine::choose::ready::Ready;
use crate::name::{hash_label, hash_labels, is_at_or_below};
use crate::rdata::rtype;
use crate::rdata::template::TemplateName;
use crate::wire::decode::Query;
use crate::wire::encode::Section;
use crate::wire::{class, rcode};
use crate::zone::Zone;
use crate::zone::store::{Node, NodeAt, Rrset, RrsetAt, flag};
use alias::Resolved;
pub(super) use extras::target_offset;
use handed::Handed;
pub(crate) use handed::client;

/// Plans the answer from the zone that the question's name is in.
pub fn lookup(snapshot: &Snapshot, plan: &mut Plan) {
    if let Some(lookup) = Lookup::new(snapshot, plan) {
        lookup.chase(plan);
        lookup.finish(plan);
    }
}

/// Goes on behind the CNAME of a pool, whose target is chosen by now.
pub fn follow(snapshot: &Snapshot, plan: &mut Plan) {
    plan.leads_on = false;
    let Some(lookup) = Lookup::new(snapshot, plan) else { return };
    let Some(&Item { content: Content::Balanced { pool, list, draw, .. }, .. }) =
        plan.items().last()
    else {
        return;
    };
    let ready = lookup.ready.get(pool as usize);
    let Some(target) = ready.and_then(|ready| ready.target(list, draw)) else { return };
    let apex = lookup.zone.origin.as_wire();
    if is_at_or_below(target, apex)
        && plan.name.set(&target[..target.len() - apex.len()], apex).is_some()
    {
        lookup.chase(plan);
        lookup.finish(plan);
    }
}

struct Lookup<'a> {
    snapshot: &'a Snapshot,
    zone: &'a Zone,
    ready: &'a Chunks<Arc<Ready>>,
    query: Query,
    /// How many aliases have led here.
    aliases: usize,
    /// Where the plan's items of this zone begin: those before are of the zones that led here.
    from: usize,
}

impl<'a> Lookup<'a> {
    fn new(snapshot: &'a Snapshot, plan: &Plan) -> Option<Self> {
        let view = plan.zone.and_then(|place| snapshot.zone(place));
        let (Some(View::Served { zone, ready }), Some(&query)) = (view, plan.query()) else {
            return None;
        };
        Some(Self { snapshot, zone, ready, query, aliases: 0, from: 0 })
    }

    /// What holds of an answer as a whole.
    fn finish(&self, plan: &mut Plan) {
        // A class of ANY cannot be said to be answered whole (RFC 1035 §3.2.5).
        plan.authoritative &= self.query.qclass != class::ANY;
        if plan.is_full && !plan.leads_on {
            self.extras(plan);
        }
    }

    /// Looks up the plan's name, and follows where it leads within the zone.
    #[inline]
    fn chase(&self, plan: &mut Plan) {
        // A loop gives what was collected so far.
        while plan.enter() && self.step(plan) {}
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

    /// Walks from the apex, which is no cut, to the name, and stops at a cut or a DNAME.
    fn way_down(&self, plan: &mut Plan) -> bool {
        let mut above = self.zone.store.node(self.zone.apex);
        for depth in self.zone.origin_labels..plan.name.labels() {
            if above.flags() & flag::DNAME != 0 {
                return self.dname(plan, above, depth);
            }
            let Some(at) = self.find(plan, depth + 1) else {
                // What does not exist has nothing below it: empty non-terminals do exist.
                return self.missing(plan, above, depth);
            };
            above = self.zone.store.node(at);
            if above.flags() & flag::CUT != 0 {
                self.cut(plan, above, depth + 1);
                return false;
            }
        }
        self.node(plan, above)
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
                    let mut lower = [0; crate::name::NAME_MAX];
                    let lower = &mut lower[..target.labels.len()];
                    lower.copy_from_slice(target.labels);
                    lower.make_ascii_lowercase();
                    let apex_hash = plan.name.suffix_hash(self.zone.origin_labels);
                    if let Some(at) = self.zone.store.find(hash_labels(apex_hash, lower), lower) {
                        self.glue(plan, at, Owner::Target(index as u16), needed);
                    }
                }
            }
        }
    }

    /// The addresses of a name, for the additional section.
    fn glue(&self, plan: &mut Plan, at: NodeAt, owner: Owner, needed: bool) {
        for (at, rrset) in self.zone.store.node(at).rrsets() {
            if !matches!(rrset.rtype, rtype::A | rtype::AAAA) {
                continue;
            }
            let (content, alias) = match (self.handed(plan, &rrset), rrset.alias()) {
                (None, None) => (Content::Rrset { rrset: at, ttl_max: u32::MAX }, None),
                (Some(handed), _) => match self.content(plan, handed) {
                    Some(content) => (content, None),
                    None => continue,
                },
                (None, Some(alias)) => match self.resolve(plan, alias, rrset.rtype) {
                    Resolved::Data(item) => (item.content, item.alias),
                    Resolved::Nothing { .. } | Resolved::Unknown => continue,
                },
            };
            plan.push(Item { section: Section::Additional, owner, needed, content, alias });
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
            if let Some(handed) = self.handed(plan, &cname) {
                // Its target is chosen first, see `follow`.
                plan.leads_on = self.balanced(plan, handed);
                return false;
            }
            plan.push(answer(at));
            return self.follow(plan, cname);
        }
        if qtype == rtype::ANY && plan.is_whole_any {
            return self.all(plan, node);
        }
        // RFC 8482 §4.1: one RRset, that of the lowest type.
        let wanted = match qtype {
            rtype::ANY => node.rrsets().find(|(_, rrset)| !self.is_empty(plan, rrset)),
            // RFC 1995 §2: over UDP, as if the serial were all that is asked for.
            rtype::IXFR => node.rrset(rtype::SOA),
            _ => node.rrset(qtype),
        };
        match wanted {
            None => {
                let ttl_max = self.no_data_ttl(plan, node);
                self.negative(plan, ttl_max);
            }
            Some((at, rrset)) => self.rrset(plan, at, &rrset),
        }
        false
    }

    /// Answers with an RRset of a name, in whatever way it comes about.
    #[inline]
    fn rrset(&self, plan: &mut Plan, at: RrsetAt, rrset: &Rrset<'a>) {
        match (self.handed(plan, rrset), rrset.alias()) {
            (None, None) => plan.push(answer(at)),
            (None, Some(alias)) => self.alias(plan, alias, rrset.rtype),
            (Some(handed), _) => {
                self.balanced(plan, handed);
            }
        }
    }

    /// Answers with every RRset of a name (RFC 8482 §4: over a stream nobody is fooled by it).
    #[cold]
    fn all(&self, plan: &mut Plan, node: Node<'a>) -> bool {
        let before = plan.items().len();
        for (at, rrset) in node.rrsets() {
            if !self.is_empty(plan, &rrset) {
                self.rrset(plan, at, &rrset);
            }
        }
        if plan.items().len() == before {
            let ttl_max = self.no_data_ttl(plan, node);
            self.negative(plan, ttl_max);
        }
        false
    }

    /// Answers from a pool; `false` where it has nothing to hand out.
    #[inline]
    fn balanced(&self, plan: &mut Plan, handed: Handed) -> bool {
        let Some(content) = self.content(plan, handed) else {
            self.negative(plan, self.empty_ttl(handed));
            return false;
        };
        plan.push(Item {
            section: Section::Answer,
            owner: Owner::Current(0),
            needed: true,
            content,
            alias: None,
        });
        true
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
        // Its target may be below itself; the same record does not stand there twice (RFC 2181 §5).
        let is_at =
            |item: &Item| matches!(item.content, Content::Rrset { rrset, .. } if rrset == at);
        let own = plan.items().get(self.from..).unwrap_or_default();
        if !own.iter().any(is_at) {
            plan.push(Item { owner: Owner::Current(skip as u8), ..answer(at) });
        }
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
            && is_at_or_below(plan.name.wire(), apex)
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
    fn no_data_ttl(&self, plan: &mut Plan, node: Node<'a>) -> u32 {
        if self.query.qtype != rtype::ANY {
            return u32::MAX;
        }
        let ttls = node.rrsets().filter_map(|(_, rrset)| self.handed(plan, &rrset));
        ttls.map(|handed| self.empty_ttl(handed)).min().unwrap_or(u32::MAX)
    }

    /// Whether a pool has nothing to hand out, or an alias's target no address.
    fn is_empty(&self, plan: &mut Plan, rrset: &Rrset<'_>) -> bool {
        if let Some(alias) = rrset.alias() {
            return !matches!(self.resolve(plan, alias, rrset.rtype), Resolved::Data(_));
        }
        let handed = self.handed(plan, rrset);
        handed.is_some_and(|handed| self.handout(handed).is_none_or(Handout::is_empty))
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
