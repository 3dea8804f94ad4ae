//! Every step of one decision, told for people.
//!
//! The question goes the way of every query, [`prepare`] and [`encode`]; what is told is read off the plan and the
//! answer's bytes, so that it cannot say anything else than what is answered:
//!
//! ```text
//!   question ──prepare──▶ Plan ──turns, not taken──▶ Plan ──encode──▶ bytes ──▶ records
//!                          │                                                      │
//!                          └──▶ zone, name ──▶ rules ──▶ each pool: eligible, draw, TTL ◀───┘
//! ```
//!
//! A rotation is not turned: the draw is the turn that the next query takes. Why an address is in service or not
//! comes from the caller, who has judged it.

mod near;
mod path;
mod pool;

use std::net::IpAddr;

use super::choose::draw::Needs;
use super::choose::ready::Source;
use super::plan::{Content, List};
use super::snapshot::{Snapshot, View};
use super::{Context, OUT_TCP, Plan, Transport, choose_all, encode, prepare};
use crate::config::model::{Endpoint, Pool, hints};
use crate::counters;
use crate::health::reason::Judgement;
use crate::name::Name;
use crate::rdata::{rtype, type_name};
use crate::wire::edns::option;
use crate::wire::edns::subnet::Subnet;
use crate::wire::encode::Section;
use crate::wire::records::{Record, records};
use crate::wire::{PAYLOAD_MAX, class, header};
use crate::zone::Zone;

/// What is asked, and who asks.
#[derive(Clone, Debug)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// The type's number.
    pub qtype: u16,
    /// Who asks.
    pub client: IpAddr,
    /// For whom it is asked, as a resolver says (RFC 7871).
    pub subnet: Option<Subnet>,
    /// How.
    pub transport: Transport,
    /// The number that a choice by chance takes.
    pub chance: u64,
}

/// A decision with all its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The question: `www.example.com. IN A`.
    pub question: String,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// The response code: `NOERROR`.
    pub rcode: String,
    /// Whether the answer is authoritative.
    pub authoritative: bool,
    /// Whether it did not fit.
    pub truncated: bool,
    /// The records of each section, OPT left out.
    pub records: Vec<Record>,
    /// The answer itself; empty where the question earns none.
    pub message: Vec<u8>,
    /// The pools that had a say, each once.
    pub pools: Vec<ExplainedPool>,
}

/// One step of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub stage: Stage,
    /// What was decided and why.
    pub said: String,
}

/// Which step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Which zone answers.
    Zone,
    /// What the name is there.
    Name,
    /// Which pool is for the client.
    Rule,
    /// Which pool is asked.
    Pool,
    /// Who is in service.
    Eligible,
    /// What is handed out instead, where too few are.
    Panic,
    /// Which of those of several priorities serve.
    Tier,
    /// What part of the answers each is due.
    Weight,
    /// Which record comes first.
    Draw,
    /// How many there are.
    Count,
    /// How long they may be kept.
    Ttl,
}

impl Stage {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Name => "name",
            Self::Rule => "rule",
            Self::Pool => "pool",
            Self::Eligible => "eligible",
            Self::Panic => "panic",
            Self::Tier => "tier",
            Self::Weight => "weight",
            Self::Draw => "draw",
            Self::Count => "count",
            Self::Ttl => "ttl",
        }
    }
}

/// A pool within a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedPool {
    /// The apex of its zone.
    pub zone: Name,
    /// Its name.
    pub pool: String,
    /// Where its addresses come from.
    pub source: Source,
    /// Each of its addresses, targets and pools within, in the order of the file.
    pub candidates: Vec<Candidate>,
}

/// An address, a target or a pool within another, within a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The backend's name.
    pub backend: String,
    /// What it would be in an answer.
    pub serves: Serves,
    /// Whether it may be handed out.
    pub eligible: bool,
    /// Why, or why not.
    pub reason: String,
    /// Whether this answer has it.
    pub chosen: bool,
}

/// What a backend would be in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serves {
    /// An address or a target.
    Endpoint(Endpoint),
    /// What the pool of this name hands out.
    Pool(String),
}

/// Explains what a snapshot answers. `judge` says how the addresses of a pool were judged, in the order of the file.
#[must_use]
pub fn explain(
    snapshot: &Snapshot,
    question: &Question,
    judge: &dyn Fn(&Zone, &Pool) -> Vec<Judgement>,
) -> Explanation {
    let query = question.to_query();
    let &Question { client, transport, chance, .. } = question;
    // No step of a look-up asks for the time.
    let context = Context { client, transport, draw: chance, now: 0 };
    let mut plan = Plan::default();
    prepare(snapshot, &context, &query, &mut plan);
    draw(snapshot, question, &mut plan);
    let mut out = vec![0; OUT_TCP];
    let length = encode(snapshot, &context, &query, &plan, &mut out).unwrap_or(0);
    out.truncate(length);

    let records = records(&out);
    let mut telling = Telling { judge, records: &records, steps: Vec::new(), pools: Vec::new() };
    telling.tell(snapshot, question, &plan);
    let Telling { steps, pools, .. } = telling;
    let flags = out.get(2..4).map_or(0, |flags| u16::from_be_bytes([flags[0], flags[1]]));
    Explanation {
        question: format!("{} IN {}", question.name, type_name(question.qtype)),
        steps,
        rcode: rcode_text(plan.rcode),
        authoritative: flags & header::AA != 0,
        truncated: flags & header::TC != 0,
        pools,
        records,
        message: out,
    }
}

impl Explanation {
    /// The records of one section, as a zone file has them.
    pub fn section(&self, section: Section) -> impl Iterator<Item = String> + use<'_> {
        let own = self.records.iter().filter(move |record| record.section == section);
        own.map(ToString::to_string)
    }
}

impl Question {
    /// The query, as a resolver sends it: with EDNS.
    #[must_use]
    pub fn to_query(&self) -> Vec<u8> {
        let mut query = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        query.extend_from_slice(self.name.as_wire());
        query.extend_from_slice(&self.qtype.to_be_bytes());
        query.extend_from_slice(&class::IN.to_be_bytes());
        let [high, low] = PAYLOAD_MAX.to_be_bytes();
        query.extend_from_slice(&[0, 0, rtype::OPT as u8, high, low, 0, 0, 0, 0]);
        let Some(subnet) = self.subnet else {
            query.extend_from_slice(&[0, 0]);
            return query;
        };
        // The scope of a query is zero.
        let data = &subnet.answered(0)[..subnet.data_len()];
        let length = data.len() as u16;
        query.extend_from_slice(&(length + 4).to_be_bytes());
        query.extend_from_slice(&option::CLIENT_SUBNET.to_be_bytes());
        query.extend_from_slice(&length.to_be_bytes());
        query.extend_from_slice(data);
        query
    }
}

/// Gives each choice the turn that the next query would take, and leaves the rotations where they are.
fn draw(snapshot: &Snapshot, question: &Question, plan: &mut Plan) {
    choose_all(snapshot, plan, 0, |draw| {
        let Some(View::Served { zone, .. }) = snapshot.zone(draw.zone) else { return 0 };
        match zone.pools.get(draw.pool as usize).map(Needs::of) {
            Some(Needs::Turn) => zone.rotations.get(draw.rotation).next(),
            Some(Needs::Chance) => question.chance,
            Some(Needs::Nothing) | None => 0,
        }
    });
}

/// What has been told so far.
struct Telling<'a> {
    judge: &'a dyn Fn(&Zone, &Pool) -> Vec<Judgement>,
    records: &'a [Record],
    steps: Vec<Step>,
    pools: Vec<ExplainedPool>,
}

impl Telling<'_> {
    fn say(&mut self, stage: Stage, said: impl Into<String>) {
        self.steps.push(Step { stage, said: said.into() });
    }

    fn tell(&mut self, snapshot: &Snapshot, question: &Question, plan: &Plan) {
        let rcode = rcode_text(plan.rcode);
        let Some(view) = plan.zone.and_then(|place| snapshot.zone(place)) else {
            // What is never a question is refused before a zone is looked for.
            let said = match question.qtype {
                rtype::OPT | rtype::TSIG => "this type is never asked for",
                _ => "no zone here holds the name",
            };
            return self.say(Stage::Zone, format!("{said}: {rcode}"));
        };
        match view {
            View::Broken(origin) => {
                let comes_from_elsewhere =
                    snapshot.settings().access.primaries.contains_key(origin);
                let why = if comes_from_elsewhere {
                    "has not come from its primaries yet"
                } else {
                    "is broken, and there is no earlier version of it"
                };
                self.say(Stage::Zone, format!("{origin} {why}: {rcode}"));
            }
            View::Expired(origin) => self.say(
                Stage::Zone,
                format!("{origin} has expired, as none of its primaries answers: {rcode}"),
            ),
            View::Served { zone, ready } => {
                let is_parents = question.qtype == rtype::DS
                    && snapshot.catalog().place(&question.name).is_some()
                    && zone.origin != question.name;
                let why = if is_parents {
                    "DS belongs to the zone above"
                } else {
                    "the deepest zone that holds the name"
                };
                let said = format!("{}, serial {}: {why}", zone.origin, zone.serial);
                self.say(Stage::Zone, said);
                self.path(snapshot, (zone, ready), question, plan);
            }
        }
    }

    /// Whether the answer has an SRV record of a backend.
    fn has_service(&self, pool: &Pool, backend: &str) -> bool {
        let backend = pool.backends.iter().find(|other| other.name == backend);
        let Some(service) = backend.and_then(|backend| backend.service.as_ref()) else {
            return false;
        };
        let end = [&service.port.to_be_bytes()[..], service.host.as_wire()].concat();
        let mut answers = self.records.iter().filter(|own| own.section == Section::Answer);
        answers.any(|own| own.rtype == rtype::SRV && own.rdata.get(4..) == Some(&end))
    }

    /// Whether the answer has an address or a target.
    fn has(&self, endpoint: &Endpoint) -> bool {
        self.records.iter().any(|record| {
            record.section == Section::Answer
                && match endpoint {
                    Endpoint::Address(address)
                        if matches!(record.rtype, rtype::HTTPS | rtype::SVCB) =>
                    {
                        hints(&record.rdata).contains(address)
                    }
                    Endpoint::Address(IpAddr::V4(address)) => record.rdata == address.octets(),
                    Endpoint::Address(IpAddr::V6(address)) => record.rdata == address.octets(),
                    Endpoint::Target(name) => {
                        record.rtype == rtype::CNAME && record.rdata == name.as_wire()
                    }
                }
        })
    }
}

/// Whether an item is of a pool, and how it is drawn.
fn balanced(content: Content) -> Option<(u32, List, u64)> {
    match content {
        Content::Balanced { pool, list, draw, .. } => Some((pool, list, draw)),
        _ => None,
    }
}

fn rcode_text(rcode: u16) -> String {
    let known = counters::RCODES.iter().find(|(number, _)| *number == rcode);
    known.map_or_else(|| format!("RCODE{rcode}"), |(_, name)| name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests;
