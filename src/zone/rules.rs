//! Which pool of a name is for whom, ready to be asked.
//!
//! Subnets overlap, and the first rule that matches decides. Where any of them begins or ends is known beforehand, so
//! all addresses fall into spans that each have one answer, and a query is one binary search. Where a client is comes from the
//! [`Atlas`], by another one; only rules before the one whose subnet matches are asked then:
//!
//! ```text
//!   rules    10.1.0.0/16 ─▶ a, NO ─▶ c, 10.0.0.0/8 ─▶ b
//!   spans    0.0.0.0 none │ 10.0.0.0 b │ 10.1.0.0 a │ 10.2.0.0 b │ 11.0.0.0 none
//!   areas    c: NO
//! ```
//!
//! Who gets private addresses is a question of its own, with an address of its own: a client subnet is anybody's word
//! ([`Client`]).

pub mod area;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::Choice;
use crate::config::model::place::{self, Place, Point, Region};
use crate::geo::spans::{Address, Spans, by_family};
use crate::geo::{Atlas, Prefixes};
use area::Area;

/// Who asks, as far as choices depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// Where the client is, as far as its resolver says so (RFC 7871); else who asks. Good enough to say where to go.
    pub hint: IpAddr,
    /// Who asks; where a resolver asks that is trusted, the client that it says.
    pub sure: IpAddr,
    /// Where addresses are.
    pub atlas: Option<&'a Atlas>,
    /// Who gets private addresses.
    pub private: &'a Prefixes,
}

/// A rule, to be made ready.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// The subnets that it is for.
    pub subnets: &'a [IpNet],
    /// The places that it is for.
    pub area: &'a place::Area,
    /// What it gives.
    pub choice: Choice,
    /// What it gives to those who get private addresses; itself, where its pool has none.
    pub private: Choice,
    /// Whether it gives private addresses to everybody that it is for.
    pub is_guarded: bool,
}

/// The rules of one name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// By the subnets of rules that go by the hint.
    open: Matching,
    /// By those of rules that hand out private addresses.
    guarded: Matching,
    /// The rules that go by places, each by its number.
    areas: Box<[(u16, bool, Area)]>,
    choices: Box<[Choice]>,
    /// What those get who get private addresses: for each rule, then for everybody else. Empty where no pool has any.
    private: Box<[Choice]>,
    /// Of each pool that hands out the nearest, its sites.
    near: Box<[Near]>,
    /// As written, to be told.
    told: Box<[(Box<[IpNet]>, place::Area)]>,
}

/// A pool that hands out the nearest.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// Its place in the zone.
    pub pool: u32,
    /// Where its backends are.
    pub sites: Box<[NearSite]>,
}

// Points are made of what files say, and are no NaN.
impl Eq for Near {}

/// The backends at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NearSite {
    /// Where it is.
    pub point: Option<Point>,
    /// In which region.
    pub region: Option<Region>,
    /// The face of the pool that has them.
    pub choice: Choice,
}

/// What a client gets, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The first rule that is for it, by its number.
    pub rule: Option<usize>,
    /// Whether it gets private addresses, where there are some.
    pub is_private: bool,
}

impl Rules {
    /// Rules, the first that matches first; then what everybody else gets of public and of private addresses.
    #[must_use]
    pub fn new(rules: &[Rule<'_>], everybody: (Choice, Choice), near: Vec<Near>) -> Self {
        let of = |is_guarded| {
            let rules =
                rules.iter().zip(0..).filter(move |(rule, _)| rule.is_guarded == is_guarded);
            Matching::new(rules.map(|(rule, number)| (rule.subnets, number)))
        };
        let areas = rules.iter().zip(0..).filter(|(rule, _)| !rule.area.is_empty());
        let areas = areas.map(|(rule, number)| (number, rule.is_guarded, Area::new(rule.area)));
        let choices = rules.iter().map(|rule| (rule.choice, rule.private)).chain([everybody]);
        let has_private = choices.clone().any(|(choice, private)| choice != private);
        Self {
            open: of(false),
            guarded: of(true),
            areas: areas.collect(),
            choices: rules.iter().map(|rule| rule.choice).collect(),
            private: if has_private {
                choices.map(|(_, private)| private).collect()
            } else {
                Box::default()
            },
            near: near.into_boxed_slice(),
            told: rules.iter().map(|rule| (rule.subnets.into(), rule.area.clone())).collect(),
        }
    }

    /// What a client gets, `everybody` being for whom no rule is.
    #[inline]
    #[must_use]
    pub fn find(&self, client: &Client<'_>, everybody: Choice) -> Choice {
        let rule = self.first(client);
        if !self.private.is_empty() && client.private.has(client.sure) {
            return self.private[rule.map_or(self.choices.len(), usize::from)];
        }
        rule.map_or(everybody, |rule| self.choices[usize::from(rule)])
    }

    /// The first rule that is for a client, and whether it gets private addresses.
    #[must_use]
    pub fn matching(&self, client: &Client<'_>) -> Matched {
        let is_private = !self.private.is_empty() && client.private.has(client.sure);
        Matched { rule: self.first(client).map(usize::from), is_private }
    }

    #[inline]
    fn first(&self, client: &Client<'_>) -> Option<u16> {
        let mut first = self.open.find(client.hint).unwrap_or(u16::MAX);
        if !self.guarded.is_empty() {
            first = first.min(self.guarded.find(client.sure).unwrap_or(u16::MAX));
        }
        if let (Some(atlas), false) = (client.atlas, self.areas.is_empty()) {
            first = first.min(self.first_area(atlas.place(client.hint), false, first));
            if self.areas.iter().any(|(_, is_guarded, _)| *is_guarded) {
                first = first.min(self.first_area(atlas.place(client.sure), true, first));
            }
        }
        Some(first).filter(|first| *first != u16::MAX)
    }

    /// The first rule that is for a place, of those before another.
    #[inline]
    fn first_area(&self, place: &place::Place, is_guarded: bool, before: u16) -> u16 {
        let mut areas = self.areas.iter().take_while(|(number, ..)| *number < before);
        let found = areas.find(|(_, guarded, area)| *guarded == is_guarded && area.has(place));
        found.map_or(before, |(number, ..)| *number)
    }

    /// How many bits of the client's address decide which choice it gets: all addresses that share them get the same
    /// (RFC 7871 §7.2.1). Of an address that is not believed, none decides about private addresses.
    #[must_use]
    pub fn bits(&self, client: &Client<'_>) -> u8 {
        let Client { hint, sure, atlas, private } = *client;
        let mut bits = self.open.bits(hint);
        let is_believed = hint == sure;
        if is_believed {
            bits = bits.max(self.guarded.bits(sure));
            if !self.private.is_empty() {
                bits = bits.max(private.bits(sure));
            }
        }
        if let (Some(atlas), false) = (atlas, self.areas.is_empty()) {
            // As far as subnets do not decide before.
            let open = self.open.find(hint).unwrap_or(u16::MAX);
            let guarded = self.guarded.find(sure).unwrap_or(u16::MAX);
            let before = open.min(guarded);
            let of = |place: &place::Place| {
                let guarded =
                    if is_believed { self.first_area(place, true, before) } else { before };
                self.first_area(place, false, before).min(guarded)
            };
            if self.areas.iter().any(|(number, ..)| *number < before) {
                let own = of(atlas.place(hint));
                bits = bits.max(atlas.bits_while(hint, |place| of(place) == own));
            }
        }
        bits
    }

    /// The sites of a pool that hands out the nearest.
    #[inline]
    #[must_use]
    pub fn sites(&self, pool: u32) -> Option<&[NearSite]> {
        self.near.iter().find(|near| near.pool == pool).map(|near| &*near.sites)
    }

    /// Whether some who ask get private addresses.
    #[must_use]
    pub fn has_private(&self) -> bool {
        !self.private.is_empty()
    }

    /// Each rule in its order: its subnets, its places, and what it gives.
    pub fn iter(&self) -> impl Iterator<Item = (&[IpNet], &place::Area, Choice)> {
        let told = self.told.iter().zip(self.choices.iter().copied());
        told.map(|((subnets, area), choice)| (&**subnets, area, choice))
    }
}

/// The site that is nearest to a place, of those that serve; `None` where nothing tells. The region that the place is in is nearer than
/// any other, and where the place has no coordinates it has that region's.
#[inline]
#[must_use]
pub fn nearest<'n>(
    sites: &'n [NearSite],
    place: &Place,
    serves: impl Fn(&NearSite) -> bool,
) -> Option<&'n NearSite> {
    let is_home = |site: &NearSite| place.region.is_some() && site.region == place.region;
    let of_region = || sites.iter().filter(|site| is_home(site)).find_map(|site| site.point);
    let point = place.best_point().or_else(of_region);
    let mut best: Option<((bool, f32), &NearSite)> = None;
    for site in sites {
        // At home, however far: where that is may be unknown.
        let is_away = !is_home(site);
        let distance = match (site.point, point) {
            (Some(own), Some(point)) => own.chord(point),
            _ if is_away => continue,
            _ => f32::INFINITY,
        };
        let own = (is_away, distance);
        // Few are nearer than all before them, and whether one serves is dearer than where it is.
        if best.is_none_or(|(least, _)| own < least) && serves(site) {
            best = Some((own, site));
        }
    }
    best.map(|(_, site)| site)
}

/// The first rule by subnets of both families.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Matching {
    v4: Spans<u32, Option<u16>>,
    v6: Spans<u128, Option<u16>>,
}

impl Matching {
    fn new<'a>(rules: impl Iterator<Item = (&'a [IpNet], u16)> + Clone) -> Self {
        let subnets =
            rules.flat_map(|(subnets, rule)| subnets.iter().map(move |subnet| (subnet, rule)));
        let v4 = subnets.clone().filter_map(|(subnet, rule)| match subnet {
            IpNet::V4(subnet) => {
                Some((subnet.network().to_bits(), subnet.broadcast().to_bits(), rule))
            }
            IpNet::V6(_) => None,
        });
        let v6 = subnets.filter_map(|(subnet, rule)| match subnet {
            IpNet::V6(subnet) => {
                Some((subnet.network().to_bits(), subnet.broadcast().to_bits(), rule))
            }
            IpNet::V4(_) => None,
        });
        Self {
            v4: spans(v4.map(|(first, last, rule)| (first, last.checked_add(1), rule))),
            v6: spans(v6.map(|(first, last, rule)| (first, last.checked_add(1), rule))),
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    #[inline]
    fn find(&self, client: IpAddr) -> Option<u16> {
        by_family(client, |v4| self.v4.find(v4), |v6| self.v6.find(v6)).copied().flatten()
    }

    fn bits(&self, client: IpAddr) -> u8 {
        by_family(client, |v4| self.v4.bits(v4), |v6| self.v6.bits(v6))
    }
}

/// Spans of subnets, each with its first address, the one behind its last where there is one, and its rule.
fn spans<A: Address>(subnets: impl Iterator<Item = (A, Option<A>, u16)>) -> Spans<A, Option<u16>> {
    // What begins and what ends at an address; a rule may have a subnet more than once.
    let mut edges: BTreeMap<A, Vec<(u16, i32)>> = BTreeMap::new();
    for (first, behind, rule) in subnets {
        edges.entry(first).or_default().push((rule, 1));
        if let Some(behind) = behind {
            edges.entry(behind).or_default().push((rule, -1));
        }
    }
    let mut open: BTreeMap<u16, i32> = BTreeMap::new();
    let mut matching = BTreeSet::new();
    Spans::new(edges.into_iter().map(|(at, changes)| {
        for (rule, change) in changes {
            let count = open.entry(rule).or_default();
            *count += change;
            if *count > 0 {
                matching.insert(rule);
            } else {
                matching.remove(&rule);
            }
        }
        (at, matching.first().copied())
    }))
}

#[cfg(test)]
mod tests;
