//! What an answer will be made of: RRsets by their place, nothing copied, nothing allocated.

mod item;

use std::net::{IpAddr, Ipv4Addr};

pub use item::{Aliased, Content, DRAWN, Family, Item, List, Owner};

use super::chaos::Subject;
use crate::counters::zones::Class;
use crate::name::Name;
use crate::name::suffixes::Suffixes;
use crate::wire::decode::{Edns, Query, Refusal};
use crate::wire::edns::cookie::COOKIE_LEN;
use crate::wire::edns::error::Extended;
use crate::wire::edns::subnet::Subnet;
use crate::wire::encode::Section;
use crate::wire::rcode;
use crate::wire::tsig::{Failed, Signed};

/// The most RRsets in one answer, enough for the glue of 127 name servers; more are left out, and TC is
/// set where they were needed.
pub const ITEMS_MAX: usize = 256;

/// How many CNAMEs and DNAMEs of one zone are followed in one answer.
pub const CHAIN_MAX: usize = 16;

/// What an answer will be made of. It is made to be used again.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of the answer, and all combine"
)]
pub struct Plan {
    /// The name that is looked up: the question's, then the target of each CNAME.
    pub name: Suffixes,
    /// The place of the zone that answers.
    pub zone: Option<u32>,
    /// The response code, with the upper bits that go into OPT.
    pub rcode: u16,
    /// Whether the answer is authoritative.
    pub authoritative: bool,
    /// Whether something that was needed is left out.
    pub truncated: bool,
    /// Whether an answer has more than what was asked for.
    pub(super) is_full: bool,
    /// Whether ANY is answered with every RRset.
    pub(super) is_whole_any: bool,
    /// Who asks.
    pub client: IpAddr,
    /// The hashes of the names that were looked up, as far as `steps`.
    visited: [u64; CHAIN_MAX + 1],
    pub(super) steps: usize,
    /// Whether the last RRset is a CNAME of a pool: which target it has is drawn before the look-up goes on.
    pub(super) leads_on: bool,
    /// What is answered to at all.
    reply: Reply,
    /// What the query is handed on to.
    pub(super) service: Option<Service>,
    /// What its signature came to, where it has one.
    pub(super) signature: Option<Result<Signed, Failed>>,
    /// The cookie of the answer.
    pub(super) cookie: Option<[u8; COOKIE_LEN]>,
    /// The network that the query says it is asked for.
    pub subnet: Option<Subnet>,
    /// How many bits of that network's address decide what is answered (RFC 7871 §7.2.1).
    pub(super) scope: u8,
    /// What the response code does not tell.
    pub(super) error: Option<Extended>,
    /// What of the server itself is asked for.
    pub(super) subject: Option<Subject>,
    items: [Item; ITEMS_MAX],
    len: usize,
    /// How many of the items are what was asked for; `None` where all are.
    own: Option<usize>,
}

/// What is no look-up, and allowed: who listens hands the query on to it and encodes no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// AXFR or IXFR of the plan's zone over TCP (RFC 5936, RFC 1995).
    Transfer,
    /// A primary says that a zone has changed that is a secondary here (RFC 1996).
    Notify,
    /// A dynamic update of the plan's zone (RFC 2136).
    Update,
}

/// How much of a query comes back.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// Nothing is sent.
    Silence,
    /// The header alone.
    Header,
    /// Header and question, the question ending at this place, and no OPT.
    Question(usize),
    /// All that the query can have.
    Whole(Query),
}

/// A choice to be made before an answer is written.
pub struct Draw<'a> {
    /// The place of the zone that has both.
    pub zone: u32,
    /// The place of the rotation.
    pub rotation: u32,
    /// The place of the pool.
    pub pool: u32,
    /// Takes the turn, or a number by chance.
    pub value: &'a mut u64,
}

impl Default for Plan {
    fn default() -> Self {
        let nothing = Item {
            section: Section::Answer,
            owner: Owner::Apex,
            needed: false,
            content: Content::Balanced { pool: 0, rotation: 0, list: List::Targets, draw: 0 },
            alias: None,
        };
        Self {
            name: Suffixes::default(),
            zone: None,
            rcode: rcode::NOERROR,
            authoritative: false,
            truncated: false,
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            visited: [0; CHAIN_MAX + 1],
            steps: 0,
            leads_on: false,
            reply: Reply::Silence,
            service: None,
            signature: None,
            is_full: false,
            is_whole_any: false,
            own: None,
            cookie: None,
            subnet: None,
            scope: 0,
            error: None,
            subject: None,
            items: [nothing; ITEMS_MAX],
            len: 0,
        }
    }
}

impl Plan {
    /// Makes room for the next query.
    #[inline]
    pub fn clear(&mut self) {
        self.zone = None;
        self.rcode = rcode::NOERROR;
        self.authoritative = false;
        self.truncated = false;
        self.steps = 0;
        self.leads_on = false;
        self.reply = Reply::Silence;
        self.service = None;
        self.signature = None;
        self.is_full = false;
        self.is_whole_any = false;
        self.own = None;
        self.cookie = None;
        self.subnet = None;
        self.scope = 0;
        self.error = None;
        self.subject = None;
        self.len = 0;
    }

    /// A query that could be read.
    #[inline]
    pub fn accept(&mut self, query: Query) {
        self.reply = Reply::Whole(query);
    }

    /// What each refusal earns.
    ///
    /// ```text
    /// too short, a response     nothing
    /// an opcode not served      NOTIMP, the header alone
    /// malformed                 FORMERR, with the question where there is a whole one
    /// ```
    pub fn refuse(&mut self, refusal: Refusal) {
        (self.reply, self.rcode) = match refusal {
            Refusal::Drop => (Reply::Silence, rcode::NOERROR),
            Refusal::Opcode => (Reply::Header, rcode::NOTIMP),
            Refusal::Malformed => (Reply::Header, rcode::FORMERR),
            Refusal::MalformedAfterQuestion(end) => (Reply::Question(end), rcode::FORMERR),
        };
    }

    /// A response code alone, and why.
    pub(super) fn refused(&mut self, rcode: u16, error: Extended) {
        (self.rcode, self.error) = (rcode, Some(error));
    }

    /// How much of the query comes back.
    #[inline]
    #[must_use]
    pub fn reply(&self) -> Reply {
        self.reply
    }

    /// The query, where it could be read.
    #[inline]
    #[must_use]
    pub fn query(&self) -> Option<&Query> {
        match &self.reply {
            Reply::Whole(query) => Some(query),
            _ => None,
        }
    }

    /// Who signed the query, where it is signed rightly.
    #[inline]
    #[must_use]
    pub fn signed(&self) -> Option<&Signed> {
        self.signature.as_ref()?.as_ref().ok()
    }

    /// The name of the key that signed it.
    pub(super) fn key(&self) -> Option<&Name> {
        Some(self.signed()?.key.name())
    }

    /// Whether it is known without a look-up what becomes of the query.
    #[inline]
    pub(super) fn is_settled(&self) -> bool {
        self.rcode != rcode::NOERROR || self.service.is_some()
    }

    /// What the query is handed on to; `None` where it is answered by [`encode`](super::encode).
    #[inline]
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        self.service
    }

    /// What EDNS says in the query, where it is spoken.
    #[inline]
    #[must_use]
    pub fn edns(&self) -> Option<Edns> {
        self.query()?.edns
    }

    /// The address of the client that a resolver asks for, where it says one.
    #[inline]
    #[must_use]
    pub fn told(&self) -> Option<IpAddr> {
        // A resolver that sends no bit of it has nothing to tell (§7.1.2).
        self.subnet.filter(|subnet| subnet.prefix > 0)?.address
    }

    /// Notes that so many bits of that address decide.
    pub(super) fn depends_on(&mut self, bits: u8) {
        let Some(told) = self.told().filter(|_| bits > 0) else { return };
        // IPv4 in the form of IPv6 is looked at as IPv4.
        let mapped = if told.is_ipv6() && told.to_canonical().is_ipv4() { 96 } else { 0 };
        self.scope = self.scope.max(bits + mapped);
    }

    /// Notes that the name is looked up; `false` where that was done before, or too often.
    #[inline]
    pub(super) fn enter(&mut self) -> bool {
        let name = self.name.suffix_hash(self.name.labels());
        if self.visited[..self.steps].contains(&name) {
            return false; // a loop: what was collected so far
        }
        let Some(room) = self.visited.get_mut(self.steps) else { return false };
        *room = name;
        self.steps += 1;
        true
    }

    /// Adds an RRset.
    #[inline]
    pub fn push(&mut self, item: Item) {
        if let Some(place) = self.items.get_mut(self.len) {
            *place = item;
            self.len += 1;
        } else {
            self.truncated |= item.needed;
        }
    }

    /// What is added from now on was not asked for.
    pub(super) fn begin_extras(&mut self) {
        self.own = Some(self.len);
    }

    /// Takes an RRset back.
    pub(super) fn remove(&mut self, place: usize) {
        self.items[place..self.len].rotate_left(1);
        self.len -= 1;
    }

    /// What was asked for, in the order of the answer, and what was not.
    #[inline]
    pub(super) fn parts(&self) -> (&[Item], &[Item]) {
        self.items().split_at(self.own.unwrap_or(self.len).min(self.len))
    }

    /// Takes back all RRsets but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// The RRsets in the order of the answer.
    #[inline]
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items[..self.len]
    }

    /// What becomes of the query, for whoever counts.
    ///
    /// ```text
    /// the last RRset      NOERROR    NXDOMAIN
    /// an answer           NoError    -
    /// the apex's SOA      NoData     NxDomain
    /// NS of a cut, glue   Referral   -
    /// ```
    #[inline]
    #[must_use]
    pub fn class(&self) -> Class {
        match self.rcode {
            _ if self.service.is_some() => return Class::Other,
            rcode::NXDOMAIN => return Class::NxDomain,
            rcode::SERVFAIL => return Class::ServFail,
            rcode::NOERROR => {}
            _ => return Class::Other,
        }
        match self.parts().0.last().map(|item| (item.section, item.owner)) {
            None | Some((Section::Answer, _)) => Class::NoError,
            Some((Section::Authority, Owner::Apex)) => Class::NoData,
            Some(_) => Class::Referral,
        }
    }

    /// Every choice that is to be made; most answers have none or one.
    #[inline]
    pub fn draws(&mut self) -> impl Iterator<Item = Draw<'_>> {
        self.draws_from(0)
    }

    /// The choices of the RRsets from a place on.
    #[inline]
    pub fn draws_from(&mut self, place: usize) -> impl Iterator<Item = Draw<'_>> {
        let own = self.zone.unwrap_or_default();
        self.items[place..self.len].iter_mut().filter_map(move |item| match &mut item.content {
            Content::Balanced { pool, rotation, draw, .. } if *rotation != DRAWN => Some(Draw {
                zone: item.alias.map_or(own, |alias| alias.zone),
                rotation: *rotation,
                pool: *pool,
                value: draw,
            }),
            _ => None,
        })
    }

    /// Whether the look-up goes on once the last choice is made, see [`follow`](super::follow).
    #[inline]
    #[must_use]
    pub fn leads_on(&self) -> bool {
        self.leads_on
    }
}
