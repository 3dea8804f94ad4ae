//! The differences that a standard permits.
//!
//! An entry says of which peer, for which questions, in which parts, and what then holds between the two answers; what
//! it does not name is still compared. One that explains nothing any more fails the test, and there are
//! [`ALLOWED_MAX`] at most.

use Part::{Aa, Ad, Additional, Answer as InAnswer, Authority, Cd, Edns, Rcode, Tc};
use rotadns::rdata::{rtype, type_name};

use wildmatch::WildMatch;

use super::answer::{self, Answer, Part};
use super::query::Query;

const NOERROR: u16 = 0;
const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const NOTIMP: u16 = 4;
const REFUSED: u16 = 5;
const YXDOMAIN: u16 = 6;
const BADVERS: u16 = 16;

/// As many as there may ever be.
pub(crate) const ALLOWED_MAX: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Nsd,
    Knot,
    Bind,
}

/// A difference from one peer that a standard permits.
pub(crate) struct Allowed {
    pub peer: Peer,
    /// Patterns of the question's name in lower case, types with commas, and the way as `dig` is told.
    pub name: &'static str,
    pub types: &'static str,
    pub way: &'static str,
    /// All that may differ.
    pub parts: &'static [Part],
    /// What holds between our answer and theirs.
    pub where_: fn(ours: &Answer, theirs: &Answer) -> bool,
    /// The section that permits it, and what we and they make of it.
    pub permits: &'static str,
}

impl Allowed {
    pub(crate) fn asks(&self, query: &Query) -> bool {
        let (rtype, way) = match query {
            Query::Question { rtype, way, .. } => (type_name(*rtype).to_string(), way.to_string()),
            Query::Message { .. } => (String::new(), String::new()),
        };
        WildMatch::new(self.name).matches(&query.name().to_ascii_lowercase())
            && (self.types == "*" || self.types.split(',').any(|one| one == rtype))
            && WildMatch::new(self.way).matches(&way)
    }
}

pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        peer: Peer::Bind,
        name: "*",
        types: "*",
        way: "* +cdflag*",
        parts: &[Cd],
        where_: |_, theirs| theirs.is(answer::CD),
        permits: "RFC 4035 §3.1.6: CD is the resolver's; BIND copies it, we clear it",
    },
    Allowed {
        peer: Peer::Bind,
        name: "*",
        types: "*",
        way: "* +adflag*",
        parts: &[Ad],
        where_: |_, theirs| theirs.is(answer::TC),
        permits: "RFC 4035 §3.1.6: AD says that all is verified, which none is; BIND sets it when truncating",
    },
    Allowed {
        peer: Peer::Bind,
        name: "*",
        types: "*",
        way: "* -c ANY*",
        parts: &[Rcode, Aa, Tc, InAnswer, Authority, Additional],
        where_: |_, theirs| theirs.rcode == FORMERR,
        permits: "RFC 1035 §3.2.5: QCLASS * is any class; BIND does not know it",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "*",
        way: "* -c ANY*",
        parts: &[Aa, Authority, Additional],
        where_: |ours, theirs| !ours.is(answer::AA) && theirs.answers.starts_with(&ours.answers),
        permits: "RFC 1034 §6.2, RFC 2308 §3: NSD answers QCLASS * without the SOA of a negative answer, and behind an alias with AA",
    },
    Allowed {
        peer: Peer::Knot,
        name: "*",
        types: "*",
        way: "* -c ANY*",
        parts: &[Aa],
        where_: |ours, theirs| !ours.is(answer::AA) && theirs.is(answer::AA),
        permits: "RFC 1034 §6.2: an answer for every class cannot be authoritative; Knot sets AA",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "MAILA,MAILB",
        way: "*",
        parts: &[Rcode, Aa, Tc, InAnswer, Authority, Additional],
        where_: |ours, _| ours.rcode == NOTIMP,
        permits: "RFC 1035 §3.2.3, RFC 1034 §4.3.2: obsolete queries for many types, which we say not to know, as BIND; NSD takes them for a type",
    },
    Allowed {
        peer: Peer::Knot,
        name: "*",
        types: "MAILA,MAILB",
        way: "*",
        parts: &[Rcode, Aa, Tc, InAnswer, Authority, Additional],
        where_: |ours, _| ours.rcode == NOTIMP,
        permits: "the same of Knot",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*ns.wild-ns.example.",
        types: "*",
        way: "*",
        parts: &[Rcode, Aa, InAnswer, Authority, Additional],
        where_: |_, theirs| !theirs.is(answer::AA) && theirs.is_referral(),
        permits: "RFC 4592 §4.2: NS at a wildcard is undefined; the asterisk's own name and what is below are no cut to us",
    },
    Allowed {
        peer: Peer::Knot,
        name: "*wild-ns.example.",
        types: "*",
        way: "*",
        parts: &[Rcode, Aa, InAnswer, Authority, Additional],
        where_: |_, theirs| theirs.is_referral(),
        permits: "RFC 4592 §4.2: the same of Knot, and what the wildcard matches is none to us either",
    },
    Allowed {
        peer: Peer::Knot,
        name: "*",
        types: "*",
        way: "*",
        parts: &[Rcode, Tc, InAnswer, Authority, Additional],
        // Five CNAMEs and no more.
        where_: |ours, theirs| {
            theirs.answers.iter().filter(|record| record.rtype == rtype::CNAME).count() == 5
                && ours.answers.len() > theirs.answers.len()
                && theirs.answers.iter().all(|record| ours.answers.contains(record))
                && theirs.authority.is_empty()
        },
        permits: "RFC 1034 §4.3.2 3a: a chain is followed; Knot ends one after five, as nothing tells how long one may be",
    },
    Allowed {
        peer: Peer::Knot,
        name: "*",
        types: "*",
        way: "*",
        parts: &[Rcode, InAnswer, Authority],
        where_: |ours, theirs| {
            ours.rcode == YXDOMAIN
                && theirs.answers.starts_with(&ours.answers)
                && [YXDOMAIN, NXDOMAIN].contains(&theirs.rcode)
        },
        permits: "RFC 6672 §3.2 3c: YXDOMAIN, and that ends the answer; Knot goes on with the target's own alias, a SOA, NXDOMAIN",
    },
    Allowed {
        peer: Peer::Knot,
        name: "*",
        types: "*",
        way: "+notcp *",
        parts: &[Rcode],
        where_: |ours, theirs| {
            ours.is(answer::TC)
                && theirs.is(answer::TC)
                && theirs.rcode == NOERROR
                && [NXDOMAIN, YXDOMAIN].contains(&ours.rcode)
        },
        permits: "RFC 2181 §9: what a truncated answer says is not used; Knot stops before it knows the rcode",
    },
    Allowed {
        peer: Peer::Bind,
        name: "*",
        types: "*",
        way: "*",
        parts: &[Rcode, Tc, InAnswer],
        where_: |ours, theirs| {
            theirs.rcode == SERVFAIL
                && ours.rcode == NOERROR
                && ours.authority.is_empty()
                && ours
                    .answers
                    .iter()
                    .all(|record| [rtype::CNAME, rtype::DNAME].contains(&record.rtype))
        },
        permits: "RFC 1034 §3.6.2: software should not fail with loops of CNAMEs; BIND says SERVFAIL beside the same records",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*.row11.rfc6672.example.",
        types: "*",
        way: "*",
        parts: &[Tc, InAnswer],
        where_: |ours, theirs| theirs.answers.iter().all(|record| ours.answers.contains(record)),
        permits: "RFC 6672 §2.2: substitution that never ends is bounded as one likes; NSD does it once",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "*",
        way: "+notcp *",
        parts: &[Tc],
        where_: glue_did_not_fit,
        permits: "RFC 9471 §3.1: all glue below the cut or TC; NSD leaves out what does not fit",
    },
    Allowed {
        peer: Peer::Bind,
        name: "*",
        types: "*",
        way: "+notcp *",
        parts: &[Tc, Additional],
        where_: glue_did_not_fit,
        permits: "RFC 9471 §3.1: the same of BIND",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "ANY",
        way: "*",
        parts: &[Rcode, InAnswer, Authority, Additional],
        where_: any,
        permits: "RFC 8482 §4.1: one RRset of the name, whichever; an alias is not followed",
    },
    Allowed {
        peer: Peer::Knot,
        name: "*",
        types: "ANY",
        way: "*",
        parts: &[Rcode, InAnswer, Authority, Additional],
        where_: any,
        permits: "RFC 8482 §4.1: the same of Knot",
    },
    Allowed {
        peer: Peer::Bind,
        name: "*",
        types: "ANY",
        way: "*",
        parts: &[Rcode, InAnswer, Authority, Additional],
        where_: any,
        permits: "RFC 8482 §4.1: the same of BIND",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "RRSIG,NSEC",
        way: "*",
        parts: &[Rcode, Tc, InAnswer, Authority, Additional],
        where_: |ours, theirs| goes_on_by_an_alias(theirs, ours),
        permits: "RFC 4035 §2.5: RRSIG and NSEC stand beside a CNAME, so it is not followed; NSD does",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "NSEC3",
        way: "*",
        parts: &[Rcode, Tc, InAnswer, Authority, Additional],
        where_: goes_on_by_an_alias,
        permits: "RFC 5155 §7.2.8: NSEC3 has owners of its own, so that an alias is followed as for any type; NSD does not",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "grand.child.parent.example.",
        types: "DS",
        way: "*",
        parts: &[Aa, Authority, Additional],
        where_: |ours, theirs| ours.is(answer::AA) && theirs.is_referral(),
        permits: "RFC 4035 §3.1.4.1: DS is the parent's to answer, and the parent is here; NSD refers to it",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "*",
        way: "*",
        parts: &[Authority, Additional],
        where_: into_a_zone,
        permits: "RFC 1034 §4.3.2 3a, 3b: a CNAME that leads below a cut brings the referral, also where the child is served here; NSD leaves it out",
    },
    Allowed {
        peer: Peer::Bind,
        name: "*",
        types: "*",
        way: "*",
        parts: &[Authority, Additional],
        where_: into_a_zone,
        permits: "RFC 1034 §4.3.2 3a, 3b: the same of BIND",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "DS",
        way: "*",
        parts: &[Authority],
        where_: |ours, theirs| {
            !ours.answers.is_empty() && ours.answers == theirs.answers && ours.rcode == theirs.rcode
        },
        permits: "RFC 4035 §3.1.4.1: DS at a child's apex is the parent's; behind an alias of the child we stay there, NSD does not",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "*",
        way: "+notcp *",
        parts: &[Tc],
        where_: |ours, theirs| !ours.is(answer::TC) && ours.is_referral() && theirs.is(answer::TC),
        permits: "RFC 2181 §9, RFC 9471 §3.2: addresses beside those below the cut are left out without TC; NSD sets it",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "c.isi.edu.",
        types: "*",
        way: "*",
        parts: &[Rcode],
        where_: |ours, theirs| ours.rcode == NXDOMAIN && theirs.rcode == NOERROR,
        permits: "RFC 1034 §4.3.2 2: the deepest zone decides what exists; NSD also knows the glue in the root zone",
    },
    Allowed {
        peer: Peer::Bind,
        name: "*",
        types: "MAILA,MAILB",
        way: "*",
        parts: &[Rcode],
        where_: |ours, theirs| ours.rcode == REFUSED && theirs.rcode == NOTIMP,
        permits: "RFC 1035 §4.1.1: which error comes first is left open outside of all zones",
    },
    Allowed {
        peer: Peer::Nsd,
        name: "*",
        types: "*",
        way: "* +dnssec*",
        parts: &[Edns],
        where_: |ours, theirs| ours.rcode == BADVERS && theirs.rcode == BADVERS,
        permits: "RFC 3225 §3, RFC 6891 §6.1.3: DO is copied into every answer; NSD clears it beside BADVERS",
    },
    Allowed {
        peer: Peer::Knot,
        name: "*",
        types: "*",
        way: "*",
        parts: &[Rcode, InAnswer, Authority],
        where_: |ours, _| {
            ours.answers
                .iter()
                .any(|record| record.rtype == rtype::DNAME && record.owner.starts_with(b"\x01*"))
        },
        permits: "RFC 4592 §4.4, RFC 6672 §3.2 3c: below a DNAME at a wildcard's own name that name is its owner; Knot takes the question's",
    },
];

/// A zone that is here too stands at the cut that a CNAME leads into: the parent's referral or none.
fn into_a_zone(ours: &Answer, theirs: &Answer) -> bool {
    let is_alias = ours.answers.last().is_some_and(|record| record.rtype == rtype::CNAME);
    is_alias && ours.answers == theirs.answers && ours.is_referral() && theirs.authority.is_empty()
}

/// All of a name is one RRset, its alias or what a DNAME makes, as far as that fits.
fn any(ours: &Answer, theirs: &Answer) -> bool {
    let sets = ours.answers.chunk_by(|a, b| (&a.owner, a.rtype) == (&b.owner, b.rtype)).count();
    let is_alias = ours.answers.first().is_some_and(|record| record.rtype == rtype::DNAME);
    let all = if is_alias && !ours.is(answer::TC) { 2 } else { 1 };
    sets == all && !theirs.answers.is_empty() && ours.authority.is_empty()
}

/// One answer is the other, which goes on behind an alias.
fn goes_on_by_an_alias(longer: &Answer, other: &Answer) -> bool {
    let more = longer.answers.strip_prefix(other.answers.as_slice()).unwrap_or_default();
    more.iter().any(|record| record.rtype == rtype::CNAME)
}

/// Ours is truncated or has more, and theirs is a referral and all there is.
fn glue_did_not_fit(ours: &Answer, theirs: &Answer) -> bool {
    let more = theirs.additional.len() < ours.additional.len();
    (ours.is(answer::TC) || more) && !theirs.is(answer::TC) && theirs.is_referral()
}
