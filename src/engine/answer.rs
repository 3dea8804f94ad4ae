//! A plan becomes bytes.

mod options;

use std::sync::Arc;

use super::choose::draw::turn;
use super::choose::handout::{Handout, RECORD_HEAD};
use super::choose::ready::{Ready, Source};
use super::lookup::target_offset;
use super::plan::{Content, Item, List, Owner, Plan, Reply};
use super::snapshot::{Chunks, Snapshot, View};
use super::{Context, Transport, chaos};
use crate::rdata::rtype;
use crate::rdata::template::layout;
use crate::wire::decode::Query;
use crate::wire::encode::{Full, RecordHead, Section, Writer, reserved};
use crate::wire::{HEADER, PAYLOAD_MAX, PAYLOAD_PLAIN, header, rcode, tsig};
use crate::zone::Zone;

/// How many targets of an NS RRset can own glue.
const TARGETS_MAX: usize = 128;
/// As far into the message as a pointer reaches (RFC 1035 §4.1.4).
const POINTER_MAX: u16 = 0x3fff;

/// The second step: writes the answer and says how long it is; `None` where the query earns none.
pub fn encode(
    snapshot: &Snapshot,
    context: &Context,
    message: &[u8],
    plan: &Plan,
    out: &mut [u8],
) -> Option<usize> {
    let flags = u16::from_be_bytes([*message.get(2)?, *message.get(3)?]);
    // Copied: the opcode and RD. Clear: RA, Z, AD and CD (RFC 1035 §4.1.1, RFC 4035 §3.1.6).
    let rcode = match plan.service() {
        None => plan.rcode,
        // Who listens here has nobody to hand it on to.
        Some(_) => rcode::REFUSED,
    };
    let copied = header::QR | flags & (header::OPCODE | header::RD) | rcode & 0xf;
    let query = match plan.reply() {
        Reply::Silence => return None,
        Reply::Header => {
            return Some(Writer::new(out, message, HEADER, HEADER, 0)?.finish(copied));
        }
        Reply::Question(end) => {
            return Some(Writer::new(out, message, end, end, 0)?.finish(copied));
        }
        Reply::Whole(query) => query,
    };
    let signature = plan.signature.as_ref().zip(query.tsig);
    let signed = signature.map_or(0, |(outcome, at)| tsig::room(outcome, message, at));
    let limit = limit(context.transport, &query).saturating_sub(signed);
    let settings = &**snapshot.settings();
    // Another version's options may mean anything.
    let asked = query.edns.filter(|edns| edns.options.any && edns.version == 0);
    let asked = asked.map(|edns| edns.options);
    let needed = asked.map_or(0, |asked| options::needed(context, &asked, plan));
    let welcome = asked.map_or(0, |asked| options::welcome(settings, &asked));
    let reserved = reserved(query.edns) + needed;
    let mut writer = Writer::new(out, message, query.question_end, limit, reserved)?;
    let mut truncated = plan.truncated;
    let mut guess = None;
    if let Some(place) = plan.zone
        && let Some(View::Served { zone, ready }) = snapshot.zone(place)
        && !plan.items().is_empty()
    {
        // The question's name ends in the apex; its type and class follow.
        writer.set_apex(query.question_end - 4 - zone.origin.as_wire().len());
        let mut encoder =
            Encoder { snapshot, zone, ready, name: HEADER as u16, welcome, guess: None };
        truncated |= encoder.items(plan, &mut writer);
        guess = encoder.guess;
    }
    if let Some(subject) = plan.subject {
        truncated |= chaos::write(settings, subject, &mut writer).is_err();
    }
    if let Some(edns) = query.edns {
        writer.opt(edns, rcode);
        if asked.is_some() || plan.error.is_some() || guess.is_some() {
            let asked = asked.unwrap_or_default();
            options::write((settings, context), (&asked, plan), guess, &mut writer, signed);
        }
    }
    let authoritative = if plan.authoritative { header::AA } else { 0 };
    let truncated = if truncated { header::TC } else { 0 };
    let len = writer.finish(copied | authoritative | truncated);
    match signature {
        None => Some(len),
        Some((outcome, at)) => tsig::finish(outcome, message, at, out, len, context.now),
    }
}

/// The most bytes that an answer may have.
#[inline]
fn limit(transport: Transport, query: &Query) -> usize {
    match (transport, query.edns) {
        (Transport::Tcp | Transport::Tls, _) => usize::from(u16::MAX),
        (Transport::Udp, None) => usize::from(PAYLOAD_PLAIN),
        // Under 512 is taken as 512 (RFC 6891 §6.2.3); above ours, ours.
        (Transport::Udp, Some(edns)) => usize::from(edns.payload.clamp(PAYLOAD_PLAIN, PAYLOAD_MAX)),
    }
}

struct Encoder<'a> {
    snapshot: &'a Snapshot,
    zone: &'a Zone,
    ready: &'a Chunks<Arc<Ready>>,
    /// Where the name that is looked up at this point of the chain stands in the message.
    name: u16,
    /// The room to keep for options before records are written that an answer can do without.
    welcome: usize,
    /// Where addresses in the answer come from, unless they are known to be right.
    guess: Option<Source>,
}

impl Encoder<'_> {
    /// Writes the items; `true` where one that is needed did not fit. What comes after it is left
    /// out (RFC 2181 §9).
    #[inline]
    fn items(&mut self, plan: &Plan, writer: &mut Writer<'_>) -> bool {
        let mut targets = [0; TARGETS_MAX];
        let (own, extras) = plan.parts();
        for item in own {
            if !item.needed && self.welcome > 0 {
                writer.reserve(std::mem::take(&mut self.welcome));
            }
            if self.item(item, writer, &mut targets) == Err(Full) && item.needed {
                return true;
            }
        }
        if let (Some(last), false) = (own.last(), extras.is_empty()) {
            self.extras((last, extras), writer, &mut targets);
        }
        false
    }

    /// Writes what was not asked for, as far as it fits, behind the last RRset that was.
    #[cold]
    fn extras(
        &mut self,
        (last, extras): (&Item, &[Item]),
        writer: &mut Writer<'_>,
        answered: &mut [u16; TARGETS_MAX],
    ) {
        writer.reserve(std::mem::take(&mut self.welcome));
        if let (Content::Rrset { rrset, .. }, None) = (last.content, last.alias) {
            let rrset = self.zone.store.rrset(rrset);
            // Where a type has no template, nothing has noted its names yet.
            if let (None, Some(offset)) = (layout(rrset.rtype), target_offset(rrset.rtype)) {
                let size = usize::from(rrset.count) * RECORD_HEAD + rrset.rdata_len();
                let mut at = writer.end() - size;
                for (place, rdata) in answered.iter_mut().zip(rrset.rdatas()) {
                    // As far as the message can be pointed into.
                    *place = u16::try_from(at + RECORD_HEAD + offset).unwrap_or(u16::MAX);
                    at += RECORD_HEAD + rdata.len();
                }
            }
        }
        let mut targets = [0; TARGETS_MAX];
        for item in extras {
            let is_answered = matches!(item.owner, Owner::Answered(_));
            let targets = if is_answered { &mut *answered } else { &mut targets };
            // What does not fit is not missed.
            let _ = self.item(item, writer, targets);
        }
    }

    #[inline]
    fn item(
        &mut self,
        item: &Item,
        writer: &mut Writer<'_>,
        targets: &mut [u16; TARGETS_MAX],
    ) -> Result<(), Full> {
        let owner = match item.owner {
            Owner::Current(skip) => self.name + u16::from(skip),
            Owner::Apex => writer.apex(),
            Owner::Target(index) | Owner::Answered(index) => {
                let target = targets.get(usize::from(index)).copied().unwrap_or_default();
                if target == 0 || target > POINTER_MAX {
                    return Err(Full);
                }
                target
            }
        };
        let (zone, ready, alias_ttl) = match item.alias {
            None => (self.zone, self.ready, u32::MAX),
            Some(alias) => match self.snapshot.zone(alias.zone) {
                Some(View::Served { zone, ready }) => (&**zone, ready, alias.ttl_max),
                _ => return Ok(()),
            },
        };
        match item.content {
            Content::Rrset { rrset, ttl_max } => {
                let rrset = zone.store.rrset(rrset);
                let ttl = rrset.ttl.min(ttl_max).min(alias_ttl);
                let head = RecordHead { owner, rtype: rrset.rtype, ttl };
                let size = (rrset.count, rrset.rdata_len());
                writer.rrset(item.section, head, rrset.rdatas(), size, targets)?;
                if rrset.rtype == rtype::CNAME {
                    self.name = targets[0];
                }
                Ok(())
            }
            Content::Balanced { pool, list, draw, .. } => {
                let Some(ready) = ready.get(pool as usize) else { return Ok(()) };
                if ready.origin != Source::InService && item.section == Section::Answer {
                    self.guess = Some(ready.origin);
                }
                let at = writer.end();
                balanced(writer, item, (owner, alias_ttl), ready.handout(list), draw)?;
                if list == List::Targets {
                    self.name = (at + RECORD_HEAD) as u16;
                }
                Ok(())
            }
            Content::Synthesised { dname, prefix } => {
                let dname = zone.store.rrset(dname);
                let head = RecordHead { owner, rtype: dname.rtype, ttl: dname.ttl };
                let Some(target) = dname.rdatas().next() else { return Ok(()) };
                self.name = writer.synthesised(head, usize::from(prefix), target)?;
                Ok(())
            }
        }
    }
}

/// Writes the records that are next; all of them or none.
#[inline]
fn balanced(
    writer: &mut Writer<'_>,
    item: &Item,
    head: (u16, u32),
    handout: &Handout,
    draw: u64,
) -> Result<(), Full> {
    writer.fits(handout.size(draw))?;
    turn(handout, draw, |run, count| writer.ready(item.section, head, run, count))
}
