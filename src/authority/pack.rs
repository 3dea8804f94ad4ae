//! Records packed into the messages of a transfer.
//!
//! ```text
//!   first message   header │ question as it came │ records ... │ OPT where it was asked with one │ TSIG
//!   all others      header │                       records ...                                   │ TSIG
//! ```
//!
//! An owner is written out once a message, without the apex, for which a pointer stands; its other records point to it. Names in
//! RDATA point to the apex. Pointers lead only to bytes that are the same, so that the case of a name arrives as it is
//! (RFC 5936 §3.4).

use super::transfer::Clock;
use crate::name::suffixes::Suffixes;
use crate::rdata::rtype;
use crate::rdata::template::{Layout, TemplateName, layout};
use crate::wire::decode::decode;
use crate::wire::tsig::{Signed, chain::Signer};
use crate::wire::{HEADER, OPT_LEN, PAYLOAD_MAX, class, header, rcode};
use crate::zone::Zone;

/// From this length on a message is sent: long enough that what each message costs is small beside its records.
pub(super) const MESSAGE_FULL: usize = 32 * 1024;
/// As far into the message as a pointer reaches (RFC 1035 §4.1.4).
const POINTER_MAX: usize = 0x3fff;
/// Type, class, TTL and RDLENGTH.
const RECORD_FIXED: usize = 10;
const POINTER_LEN: usize = 2;

/// Makes the messages of one transfer, one after the other.
pub(super) struct Packer {
    /// The apex, in wire form.
    apex: Box<[u8]>,
    /// The request's header and question.
    asked: Box<[u8]>,
    has_edns: bool,
    signing: Option<(Signer, Clock)>,
    /// How many bytes each signature takes at most.
    signature: usize,
    is_first: bool,
    /// Whether the transfer has failed.
    is_over: bool,
    message: Vec<u8>,
    count: u16,
    /// Where the apex stands in the message.
    apex_at: Option<u16>,
    /// Where the owner of the record before stands, where a pointer reaches it.
    owner_at: Option<u16>,
}

/// The message has no room for the record; it is for the next one.
pub(super) struct Full;

/// Whose record it is: the labels above the apex.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) labels: &'a [u8],
    /// Whether the record before has the same owner.
    pub(super) is_again: bool,
}

impl Packer {
    /// For the answer to a request that the engine has read already; `None` where it is none that can be read.
    pub(super) fn new(
        apex: &[u8],
        request: &[u8],
        signed: Option<&Signed>,
        clock: Clock,
    ) -> Option<Self> {
        let query = decode(request, &mut Suffixes::default()).ok()?;
        let signing = signed.map(|signed| (Signer::new(signed), clock));
        Some(Self {
            apex: Box::from(apex),
            asked: Box::from(request.get(..query.question_end)?),
            has_edns: query.edns.is_some(),
            signature: signing.as_ref().map_or(0, |(signer, _)| signer.room()),
            signing,
            is_first: true,
            is_over: false,
            message: Vec::new(),
            count: 0,
            apex_at: None,
            owner_at: None,
        })
    }

    /// Starts the next message where none is begun.
    fn begin(&mut self) {
        if !self.message.is_empty() {
            return;
        }
        self.message = Vec::with_capacity(MESSAGE_FULL + OPT_LEN + self.signature);
        self.apex_at = None;
        if self.is_first {
            self.message.extend_from_slice(&self.asked);
            // The question's name is the apex; its type and class follow.
            let at = self.asked.len() - 4 - self.apex.len();
            if self.asked[at..at + self.apex.len()] == *self.apex {
                self.apex_at = Some(at as u16);
            }
        } else {
            self.message.extend_from_slice(&self.asked[..HEADER]);
        }
    }

    /// Adds a record whose RDATA is kept as a template of this zone.
    #[inline]
    pub(super) fn template(
        &mut self,
        owner: Owner<'_>,
        rtype: u16,
        ttl: u32,
        template: &[u8],
    ) -> Result<(), Full> {
        self.head(owner, rtype, ttl, template.len())?;
        match layout(rtype) {
            None => self.message.extend_from_slice(template),
            Some(layout) => self.names(layout, template),
        }
        Ok(())
    }

    /// Adds a record with uncompressed RDATA.
    pub(super) fn plain(
        &mut self,
        owner: Owner<'_>,
        rtype: u16,
        ttl: u32,
        rdata: &[u8],
    ) -> Result<(), Full> {
        self.head(owner, rtype, ttl, rdata.len())?;
        self.message.extend_from_slice(rdata);
        Ok(())
    }

    /// Writes a record up to its RDATA of this length.
    #[inline]
    fn head(
        &mut self,
        Owner { labels, is_again }: Owner<'_>,
        rtype: u16,
        ttl: u32,
        rdata: usize,
    ) -> Result<(), Full> {
        self.begin();
        let most = labels.len() + self.apex.len() + POINTER_LEN + RECORD_FIXED + rdata;
        if self.message.len() + most > self.limit() {
            return Err(Full);
        }
        match self.owner_at.filter(|_| is_again) {
            Some(at) => self.message.extend_from_slice(&pointer(at)),
            None => self.owner(labels),
        }
        let [t0, t1] = rtype.to_be_bytes();
        let [c0, c1] = class::IN.to_be_bytes();
        let [l0, l1, l2, l3] = ttl.to_be_bytes();
        let [n0, n1] = (rdata as u16).to_be_bytes();
        self.message.extend_from_slice(&[t0, t1, c0, c1, l0, l1, l2, l3, n0, n1]);
        self.count += 1;
        Ok(())
    }

    /// How long the message may become: a record that is longer than any message should be has one of its own.
    #[inline]
    fn limit(&self) -> usize {
        if self.count > 0 {
            return MESSAGE_FULL;
        }
        usize::from(u16::MAX) - self.signature - if self.has_edns { OPT_LEN } else { 0 }
    }

    #[inline]
    fn owner(&mut self, labels: &[u8]) {
        let at = self.message.len();
        self.message.extend_from_slice(labels);
        let here = (at <= POINTER_MAX).then_some(at as u16);
        self.owner_at = match self.apex_at {
            // A pointer to the root is longer than the root.
            Some(apex) if self.apex.len() > 1 => {
                self.message.extend_from_slice(&pointer(apex));
                if labels.is_empty() { Some(apex) } else { here }
            }
            _ => {
                let apex_at = self.message.len();
                self.message.extend_from_slice(&self.apex);
                self.apex_at = (apex_at <= POINTER_MAX).then_some(apex_at as u16);
                here.filter(|_| at + 1 < self.message.len())
            }
        };
    }

    /// Writes a template with names in it: where its marker stands, a pointer to the apex.
    fn names(&mut self, Layout { before, names }: Layout, template: &[u8]) {
        // The record's owner is written, and so is the apex.
        let apex = self.apex_at.unwrap_or_default();
        let (head, mut rest) = template.split_at(before);
        self.message.extend_from_slice(head);
        for _ in 0..names {
            let (name, tail) = TemplateName::split(rest);
            self.message.extend_from_slice(name.labels);
            if name.in_zone {
                self.message.extend_from_slice(&pointer(apex));
            } else {
                self.message.push(0);
            }
            rest = tail;
        }
        self.message.extend_from_slice(rest);
    }

    /// Adds the zone's SOA.
    pub(super) fn soa(&mut self, zone: &Zone) -> Result<(), Full> {
        let soa = zone.store.rrset(zone.soa);
        let apex = Owner { labels: &[], is_again: false };
        soa.rdatas().try_for_each(|rdata| self.template(apex, soa.rtype, soa.ttl, rdata))
    }

    /// Ends the message, signed where the request was, and gives it; `None` where nothing is left to send.
    ///
    /// A record that leaves no room for its signature ends the transfer with SERVFAIL: better no zone than one without it.
    pub(super) fn take(&mut self, filled: Result<(), Full>) -> Option<Vec<u8>> {
        match (self.count, filled) {
            _ if self.is_over => None,
            (0, Ok(())) => None,
            (0, Err(Full)) => Some(self.refuse(rcode::SERVFAIL)),
            _ => Some(self.end(0)),
        }
    }

    /// A message that ends the transfer without its data.
    pub(super) fn refuse(&mut self, rcode: u16) -> Vec<u8> {
        self.message.clear();
        self.count = 0;
        self.begin();
        self.is_over = true;
        self.end(rcode)
    }

    fn end(&mut self, rcode: u16) -> Vec<u8> {
        let mut message = std::mem::take(&mut self.message);
        let has_opt = self.is_first && self.has_edns;
        if has_opt {
            let [size_high, size_low] = PAYLOAD_MAX.to_be_bytes();
            let [_, opt] = rtype::OPT.to_be_bytes();
            message.extend_from_slice(&[0, 0, opt, size_high, size_low, 0, 0, 0, 0, 0, 0]);
        }
        // Copied: RD. Clear: TC, RA, Z, AD and CD (RFC 5936 §2.2.1).
        let asked = u16::from_be_bytes([self.asked[2], self.asked[3]]);
        let flags = header::QR | header::AA | asked & header::RD | rcode;
        let counts = [flags, u16::from(self.is_first), self.count, 0, u16::from(has_opt)];
        for (at, word) in (2..).step_by(2).zip(counts) {
            message[at..at + 2].copy_from_slice(&word.to_be_bytes());
        }
        if let Some((signer, clock)) = &mut self.signing {
            signer.sign(&mut message, clock());
        }
        self.is_first = false;
        self.count = 0;
        self.owner_at = None;
        message
    }
}

#[inline]
fn pointer(to: u16) -> [u8; 2] {
    (0xc000 | to).to_be_bytes()
}
