//! What an answer has beside what was asked for, where the operator wants full responses: the zone's name servers, and
//! addresses of the names in the answer and of those servers (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1).
//!
//! None of it is needed: it is left out where it does not fit, and never says that something is missing.

use super::super::plan::{Content, Item, Owner, Plan};
use super::Lookup;
use crate::name::{NAME_MAX, hash_labels, is_at_or_below};
use crate::rdata::rtype;
use crate::rdata::template::{self, TemplateName};
use crate::wire::encode::Section;
use crate::zone::store::{NodeAt, Rrset, RrsetAt, flag};

/// Where the first name stands in the RDATA of types whose targets want addresses; `None` for all others.
#[must_use]
pub(crate) fn target_offset(rtype: u16) -> Option<usize> {
    match rtype {
        rtype::NS => Some(0),
        rtype::MX | rtype::SVCB | rtype::HTTPS => Some(2),
        rtype::SRV => Some(6),
        _ => None,
    }
}

impl Lookup<'_> {
    /// Adds all of it to an answer that says yes.
    #[cold]
    pub(super) fn extras(&self, plan: &mut Plan) {
        let Some(&last) = plan.items().last() else { return };
        if last.section != Section::Answer || self.query.qtype == rtype::ANY {
            return;
        }
        plan.begin_extras();
        let apex = self.find(plan, self.zone.origin_labels);
        let servers = apex.and_then(|apex| self.zone.store.node(apex).rrset(rtype::NS));
        let servers = servers.filter(|(at, _)| !is_rrset(&last, *at));
        if let Some((at, _)) = servers {
            plan.push(Item {
                section: Section::Authority,
                owner: Owner::Apex,
                needed: false,
                content: Content::Rrset { rrset: at, ttl_max: u32::MAX },
                alias: None,
            });
        }
        if let (Content::Rrset { rrset, .. }, None) = (last.content, last.alias) {
            self.targets(plan, &self.zone.store.rrset(rrset), Owner::Answered);
        }
        if let Some((_, servers)) = servers {
            self.targets(plan, &servers, Owner::Target);
        }
    }

    /// Adds the addresses of an RRset's targets.
    fn targets(&self, plan: &mut Plan, rrset: &Rrset<'_>, owner: fn(u16) -> Owner) {
        let Some(offset) = target_offset(rrset.rtype) else { return };
        let apex = self.zone.origin.as_wire();
        for (index, rdata) in rrset.rdatas().enumerate() {
            let Some(rest) = rdata.get(offset..) else { continue };
            let mut lower = [0; NAME_MAX];
            let labels = if template::layout(rrset.rtype).is_some() {
                let (target, _) = TemplateName::split(rest);
                // The root zone has no templates: every name is in it.
                if !target.in_zone && apex.len() > 1 {
                    continue;
                }
                target.labels
            } else if rest.starts_with(&[0]) && matches!(rrset.rtype, rtype::SVCB | rtype::HTTPS) {
                // The owner itself (RFC 9460 §2.5.2).
                let name = plan.name.wire();
                let len = name.len() - apex.len();
                lower[..len].copy_from_slice(&name[..len]);
                self.addresses(plan, &lower[..len], Owner::Current(0));
                continue;
            } else {
                let Some(len) = labels_len(rest, apex) else { continue };
                &rest[..len]
            };
            let lower = &mut lower[..labels.len()];
            lower.copy_from_slice(labels);
            lower.make_ascii_lowercase();
            // What a cut has taken away is answered for by others; glue is for name servers alone.
            if rrset.rtype == rtype::NS || !self.is_below_cut(plan, lower) {
                self.addresses(plan, lower, owner(index as u16));
            }
        }
    }

    /// Adds the addresses of a name, each once in an answer.
    fn addresses(&self, plan: &mut Plan, labels: &[u8], owner: Owner) {
        let before = plan.items().len();
        let Some(at) = self.at(plan, labels) else { return };
        self.glue(plan, at, owner, false);
        for index in (before..plan.items().len()).rev() {
            let (earlier, from_here) = plan.items().split_at(index);
            if earlier.iter().any(|item| is_same(item, &from_here[0])) {
                plan.remove(index);
            }
        }
    }

    /// The node of the name that labels in lower case make in the zone.
    fn at(&self, plan: &Plan, labels: &[u8]) -> Option<NodeAt> {
        let apex_hash = plan.name.suffix_hash(self.zone.origin_labels);
        self.zone.store.find(hash_labels(apex_hash, labels), labels)
    }

    fn is_below_cut(&self, plan: &Plan, mut labels: &[u8]) -> bool {
        while self.zone.has_cuts && !labels.is_empty() {
            let is_cut = |at| self.zone.store.node(at).flags() & flag::CUT != 0;
            if self.at(plan, labels).is_some_and(is_cut) {
                return true;
            }
            labels = &labels[1 + usize::from(labels[0])..];
        }
        false
    }
}

/// How long the labels of a whole name are before the apex; `None` where it is in no such zone.
fn labels_len(name: &[u8], apex: &[u8]) -> Option<usize> {
    let mut len = 0;
    while *name.get(len)? != 0 {
        len += 1 + usize::from(name[len]);
    }
    let name = name.get(..=len)?;
    let mut lower = [0; NAME_MAX];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    is_at_or_below(lower, apex).then(|| name.len() - apex.len())
}

fn is_rrset(item: &Item, at: RrsetAt) -> bool {
    item.alias.is_none() && matches!(item.content, Content::Rrset { rrset, .. } if rrset == at)
}

/// Whether two items have the same records.
fn is_same(one: &Item, other: &Item) -> bool {
    let is_same = match (one.content, other.content) {
        (Content::Rrset { rrset, .. }, Content::Rrset { rrset: other, .. }) => rrset == other,
        (
            Content::Balanced { rotation, list, .. },
            Content::Balanced { rotation: other, list: others, .. },
        ) => rotation == other && list == others,
        _ => false,
    };
    is_same && one.alias.map(|alias| alias.zone) == other.alias.map(|alias| alias.zone)
}
