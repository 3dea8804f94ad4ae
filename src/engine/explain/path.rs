//! From the question's name to what answers it, hop by hop.

use std::sync::Arc;

use super::near::nearest_name;
use super::{Question, Stage, Telling, balanced, rcode_text};
use crate::config::model::place::{Place, Region};
use crate::config::model::{Policy, Pool};
use crate::engine::choose::ready::Ready;
use crate::engine::lookup::client;
use crate::engine::plan::{Aliased, Content, Item, List, Owner, Plan};
use crate::engine::snapshot::{Chunks, Snapshot, View};
use crate::name::suffixes::Suffixes;
use crate::name::{NAME_MAX, Name, hash_label, is_at_or_below};
use crate::rdata::template::TemplateName;
use crate::rdata::{rtype, type_name};
use crate::wire::encode::Section;
use crate::wire::rcode;
use crate::zone::rules::Client;
use crate::zone::shards::{Shards, Why};
use crate::zone::store::{BalancedAt, Node, NodeAt, flag};
use crate::zone::{Choice, Zone};

/// How a name is found in a zone.
enum Found {
    /// It exists.
    Exact(NodeAt),
    /// A wildcard stands for it.
    Wildcard(NodeAt, Name),
    /// It does not exist; the closest name above it that does.
    Missing(Name),
}

impl Telling<'_> {
    /// Follows the plan's items, which come in the order of the hops.
    pub(super) fn path(
        &mut self,
        snapshot: &Snapshot,
        (zone, ready): (&Zone, &Chunks<Arc<Ready>>),
        question: &Question,
        plan: &Plan,
    ) {
        let mut at = Suffixes::default();
        if at.read(question.name.as_wire()).is_none() {
            return;
        }
        for item in plan.parts().0 {
            match (item.section, item.content) {
                (Section::Additional, _) => {}
                (Section::Answer, _) if let Some(alias) = item.alias => {
                    self.alias(snapshot, (zone, &at), (item, alias));
                }
                (Section::Answer, Content::Rrset { rrset, .. }) => {
                    let rrset = zone.store.rrset(rrset);
                    match (rrset.rtype, item.owner) {
                        // The CNAME that it makes follows, and is told with it.
                        (rtype::DNAME, Owner::Current(skip)) if skip > 0 => {}
                        (rtype::CNAME, _) if is_followed(question.qtype) => {
                            let Some(rdata) = rrset.rdatas().next() else { return };
                            let target = whole(rdata, zone);
                            self.hop(zone, &at, &target);
                            if at.read(&target).is_none() {
                                return;
                            }
                        }
                        (found, _) => {
                            let records = counted(usize::from(rrset.count), "record");
                            let name = owner(zone, &at);
                            self.say(
                                Stage::Name,
                                format!("{name} has {}: {records}", type_name(found)),
                            );
                        }
                    }
                }
                (Section::Answer, Content::Synthesised { dname, prefix }) => {
                    let dname = zone.store.rrset(dname);
                    let Some(rdata) = dname.rdatas().next() else { return };
                    let from = text(at.wire());
                    let dname_owner = text(&at.wire()[usize::from(prefix)..]);
                    let prefix = at.wire()[..usize::from(prefix)].to_vec();
                    if at.set(&prefix, rdata).is_none() {
                        return;
                    }
                    let (target, now) = (text(rdata), text(at.wire()));
                    let said =
                        format!("{dname_owner} is a DNAME to {target}: {from} becomes {now}");
                    self.say(Stage::Name, said + &outside(zone, at.wire()));
                }
                (Section::Answer, Content::Balanced { pool, list, draw, .. }) => {
                    self.balanced(zone, ready, &client(snapshot, zone, plan), &at, item);
                    let ready = ready.get(pool as usize);
                    if list == List::Targets
                        && is_followed(question.qtype)
                        && let Some(target) = ready.and_then(|ready| ready.target(list, draw))
                    {
                        let (name, target_text) = (owner(zone, &at), text(target));
                        let outside = outside(zone, target);
                        let said = format!("{name} is here a CNAME to {target_text}{outside}");
                        self.say(Stage::Name, said);
                        if at.read(target).is_none() {
                            return;
                        }
                    }
                }
                (Section::Authority, _) if item.owner == Owner::Apex => {
                    self.negative(snapshot, (zone, ready), question, plan, &at);
                }
                (Section::Authority, _) => {
                    let skip = match item.owner {
                        Owner::Current(skip) => usize::from(skip),
                        _ => 0,
                    };
                    let cut = text(&at.wire()[skip..]);
                    self.say(
                        Stage::Name,
                        format!("{cut} is another zone's: a referral to its name servers"),
                    );
                }
            }
        }
        self.refused(question, plan);
    }

    /// What is answered with a response code alone.
    fn refused(&mut self, question: &Question, plan: &Plan) {
        let rcode = rcode_text(plan.rcode);
        let said = match (plan.rcode, question.qtype) {
            (rcode::REFUSED, _) => "nobody is allowed to transfer the zone",
            (rcode::NOTIMP, rtype::AXFR) => "a transfer is never sent over UDP",
            (rcode::NOTIMP, _) => "this type is not served",
            (rcode::YXDOMAIN, _) => "the name that a DNAME makes is too long",
            (rcode::SERVFAIL, _) => "an alias leads to a name that no zone here answers for",
            _ => return,
        };
        self.say(Stage::Name, format!("{said}: {rcode}"));
    }

    fn hop(&mut self, zone: &Zone, at: &Suffixes, target: &[u8]) {
        let name = owner(zone, at);
        let said = format!("{name} is a CNAME to {}{}", text(target), outside(zone, target));
        self.say(Stage::Name, said);
    }

    fn balanced(
        &mut self,
        zone: &Zone,
        ready: &Chunks<Arc<Ready>>,
        client: &Client<'_>,
        at: &Suffixes,
        item: &Item,
    ) {
        let Some((pool, list, draw)) = balanced(item.content) else { return };
        let name = owner(zone, at);
        let rtype = rtype_of(zone, pool, list);
        self.say(Stage::Name, format!("{name} has {} from a pool", type_name(rtype)));
        let found = node(zone, at).and_then(|node| node.rrset(rtype)?.1.balanced());
        if let Some(balanced_at) = found {
            self.rules(zone, balanced_at, client, at);
        }
        self.near(zone, pool, client);
        self.pool(zone, ready, pool, list, Some(draw));
    }

    /// Which rule matches the client, and why none before it does; and whose addresses it gets.
    fn rules(&mut self, zone: &Zone, at: BalancedAt, client: &Client<'_>, asked: &Suffixes) {
        if let Some(shards) = zone.shards_of(at) {
            return self.shard(zone, shards, client, asked);
        }
        let Some(rules) = zone.rules_of(at) else { return };
        let matched = rules.matching(client);
        let name = |choice: Choice| {
            zone.pools
                .get(choice.pool as usize)
                .map_or_else(String::new, |pool| pool.label().into_owned())
        };
        let hint = client.hint.to_canonical();
        if rules.iter().any(|(_, area, _)| !area.is_empty()) {
            let said = match client.atlas {
                None => format!(
                    "nothing tells where {hint} is: `geo` names no database that can be used"
                ),
                Some(atlas) => format!("{hint} is at: {}", atlas.told(atlas.place(client.hint))),
            };
            self.say(Stage::Rule, said);
        }
        let mut found = at.choice;
        let mut is_decided = false;
        for (number, (subnets, area, choice)) in (0..).zip(rules.iter()) {
            let mut whom: Vec<String> = subnets.iter().map(ToString::to_string).collect();
            whom.extend((!area.is_empty()).then(|| area.to_string()));
            let (whom, pool) = (whom.join(", "), name(choice));
            let who = if zone.pools.get(choice.pool as usize).is_some_and(Pool::is_private) {
                client.sure.to_canonical()
            } else {
                hint
            };
            if Some(number) == matched.rule {
                self.say(Stage::Rule, format!("{who} is in {whom}: pool {pool}"));
                (found, is_decided) = (choice, true);
                break;
            }
            self.say(Stage::Rule, format!("{who} is not in {whom}: not pool {pool}"));
        }
        if !is_decided && rules.iter().next().is_some() {
            self.say(Stage::Rule, format!("no rule is for {hint}: pool {}", name(at.choice)));
        }
        if rules.has_private() {
            let chosen = rules.find(client, at.choice);
            self.view(client, matched.is_private, (&name(found), &name(chosen)));
        }
        self.hinted(client);
    }

    /// Whether a client gets private addresses, and what that makes of its pool.
    fn view(&mut self, client: &Client<'_>, is_private: bool, (found, chosen): (&str, &str)) {
        let sure = client.sure.to_canonical();
        let said = if !is_private {
            format!("{sure} is in no view of private addresses: public ones")
        } else if chosen == found {
            format!("{sure} is in the view of private addresses, and the pool {found} has none")
        } else {
            format!("{sure} is in the view of private addresses: pool {chosen}")
        };
        self.say(Stage::Rule, said);
    }

    /// Which address tells what, where the query names a network that is not believed.
    fn hinted(&mut self, client: &Client<'_>) {
        let [hint, sure] = [client.hint, client.sure].map(|address| address.to_canonical());
        if client.hint != client.sure {
            let said = format!(
                "{hint} is what the client subnet says, and tells where to go; {sure} asks, and tells whose addresses are given"
            );
            self.say(Stage::Rule, said);
        }
    }

    /// Which site is the nearest to the client, where that decides.
    fn near(&mut self, zone: &Zone, pool: u32, client: &Client<'_>) {
        let pool = zone.pools.get(pool as usize).filter(|pool| pool.policy == Policy::Nearest);
        let Some(pool) = pool else { return };
        let hint = client.hint.to_canonical();
        let place = client.atlas.map(|atlas| atlas.place(client.hint));
        let Some(site) = pool.site() else {
            let said = match (place.and_then(Place::best_point), client.atlas) {
                (_, None) => "nothing tells where clients are".to_owned(),
                (None, _) => format!("where {hint} is, is not known"),
                (Some(_), _) => format!("no site whose place is known serves {hint}"),
            };
            return self.say(Stage::Rule, format!("{said}: {} as a whole", pool.label()));
        };
        let region = site.region.as_deref().map(Region::new);
        let is_home = region.is_some() && region == place.and_then(|place| place.region);
        let point = place.and_then(Place::best_point).zip(site.point());
        let why = match point {
            _ if is_home => ", and in its region".to_owned(),
            Some((client, site)) => format!(", {:.0} km away", client.kilometres(site)),
            None => String::new(),
        };
        self.say(
            Stage::Rule,
            format!("of the sites that serve, {site} is the nearest to {hint}{why}"),
        );
    }

    /// Which shard has the label, and why.
    fn shard(&mut self, zone: &Zone, shards: &Shards, client: &Client<'_>, name: &Suffixes) {
        let own = shards.label(name);
        let of = |is_private| {
            let choice = shards.find(own, is_private)?;
            zone.pools.get(choice.pool as usize).map(Pool::label)
        };
        let is_private = client.private.has(client.sure);
        let (Some(pool), Some(chosen)) = (of(false), of(is_private)) else { return };
        let quoted = |label: &[u8]| format!("`{}`", label.escape_ascii());
        let why = match shards.why(own) {
            Why::Range(None, None) => "is one of all".to_owned(),
            Why::Range(None, Some(to)) => format!("is not after {}", quoted(to)),
            Why::Range(Some(from), None) => format!("is after {}", quoted(from)),
            Why::Range(Some(from), Some(to)) => {
                format!("is after {} and not after {}", quoted(from), quoted(to))
            }
            Why::Hash(count) => format!("hashes to one of {}", counted(count, "shard")),
        };
        self.say(Stage::Rule, format!("label {} {why}: shard {pool}", quoted(own)));
        if shards.has_private() {
            self.view(client, is_private, (&pool, &chosen));
            self.hinted(client);
        }
    }

    /// Tells where an alias leads, and what is there.
    fn alias(
        &mut self,
        snapshot: &Snapshot,
        (zone, at): (&Zone, &Suffixes),
        (item, alias): (&Item, Aliased),
    ) {
        let Some(View::Served { zone: other, ready }) = snapshot.zone(alias.zone) else { return };
        let name = owner(zone, at);
        let target = target_text(zone, at);
        if let Some((pool, list, draw)) = balanced(item.content) {
            let found = type_name(rtype_of(other, pool, list));
            let said = format!("{name} is an alias of {target}, which has {found} from a pool");
            self.say(Stage::Name, said);
            self.pool(other, ready, pool, list, Some(draw));
        } else if let Content::Rrset { rrset, .. } = item.content {
            let rrset = other.store.rrset(rrset);
            let records = counted(usize::from(rrset.count), "record");
            let found = type_name(rrset.rtype);
            let said = format!("{name} is an alias of {target}, which has {found}: {records}");
            self.say(Stage::Name, said);
        }
    }

    /// The SOA at the end says that there is no such name or no such data.
    fn negative(
        &mut self,
        snapshot: &Snapshot,
        (zone, ready): (&Zone, &Chunks<Arc<Ready>>),
        question: &Question,
        plan: &Plan,
        at: &Suffixes,
    ) {
        let qtype = type_name(question.qtype);
        let found = find(zone, at);
        if plan.rcode == rcode::NXDOMAIN {
            let closest = match &found {
                Found::Missing(closest) => format!("; the closest name is {closest}"),
                _ => String::new(),
            };
            let name = text(at.wire());
            let near = nearest_name(zone, at.wire())
                .map(|near| format!("; did you mean {}?", text(&near)))
                .unwrap_or_default();
            let said = format!("{name} does not exist{closest}: NXDOMAIN{near}");
            return self.say(Stage::Name, said);
        }
        let name = owner(zone, at);
        let node = node(zone, at);
        // A pool of targets answers every type.
        let balanced = |rtype| Some((rtype, node?.rrset(rtype)?.1.balanced()?));
        let found = balanced(rtype::CNAME).or_else(|| balanced(question.qtype));
        if let Some((rtype, balanced_at)) = found {
            let rtype_text = type_name(rtype);
            let said =
                format!("{name} has {rtype_text} from a pool, which has none to hand out: NODATA");
            self.say(Stage::Name, said);
            let client = client(snapshot, zone, plan);
            self.rules(zone, balanced_at, &client, at);
            let rules = zone.rules_of(balanced_at);
            let by_rule = rules.map(|rules| rules.find(&client, balanced_at.choice));
            let is_private = client.private.has(client.sure);
            let of_shard = zone.shards_of(balanced_at);
            let by_shard = of_shard.and_then(|shards| shards.find(shards.label(at), is_private));
            let choice = by_shard.or(by_rule).unwrap_or(balanced_at.choice);
            return self.pool(zone, ready, choice.pool, List::of(rtype, choice.made), None);
        }
        if node.and_then(|node| node.rrset(question.qtype)?.1.alias()).is_some() {
            let target = target_text(zone, at);
            let said = format!("{name} is an alias of {target}, which has no {qtype}: NODATA");
            return self.say(Stage::Name, said);
        }
        let nothing = node.is_some_and(|node| node.rrsets().next().is_none());
        let said = if nothing {
            format!("{name} has no records, but there are names below it: NODATA")
        } else {
            format!("{name} is there and has no {qtype}: NODATA")
        };
        self.say(Stage::Name, said);
    }
}

/// Whether a CNAME is followed, and not what was asked for.
fn is_followed(qtype: u16) -> bool {
    !matches!(qtype, rtype::CNAME | rtype::ANY | rtype::RRSIG | rtype::NSEC)
}

/// The name, and the wildcard that stands for it.
fn owner(zone: &Zone, at: &Suffixes) -> String {
    let name = text(at.wire());
    match find(zone, at) {
        Found::Wildcard(_, wildcard) => format!("{name} (by {wildcard})"),
        _ => name,
    }
}

/// Where the alias of a name leads.
fn target_text(zone: &Zone, at: &Suffixes) -> String {
    let place = node(zone, at).and_then(|node| node.rrsets().find_map(|(_, rrset)| rrset.alias()));
    let alias = place.and_then(|place| zone.aliases.get(place as usize));
    alias.map_or_else(String::new, |alias| alias.target.to_string())
}

/// The type that a list of a pool answers.
fn rtype_of(zone: &Zone, pool: u32, list: List) -> u16 {
    zone.pools.get(pool as usize).map_or(0, |pool| list.rtype(pool))
}

/// What answers for a name, itself or a wildcard.
fn node<'z>(zone: &'z Zone, at: &Suffixes) -> Option<Node<'z>> {
    match find(zone, at) {
        Found::Exact(node) | Found::Wildcard(node, _) => Some(zone.store.node(node)),
        Found::Missing(_) => None,
    }
}

/// Looks for a name as [`crate::engine::lookup`] does, which does not keep how it found it.
fn find(zone: &Zone, at: &Suffixes) -> Found {
    let wire = at.wire();
    let apex = zone.origin.as_wire().len();
    let labels = |depth| &wire[at.suffix_start(depth)..wire.len() - apex];
    let node = |depth| zone.store.find(at.suffix_hash(depth), labels(depth));
    let bottom = at.labels();
    if let Some(found) = node(bottom) {
        return Found::Exact(found);
    }
    let encloser = (zone.origin_labels..bottom).rev().find_map(|depth| Some((node(depth)?, depth)));
    let Some((encloser, depth)) = encloser else { return Found::Missing(zone.origin.clone()) };
    let closest = &wire[at.suffix_start(depth)..];
    let wildcard = [b"\x01*", closest].concat();
    if zone.store.node(encloser).flags() & flag::WILDCARD_CHILD != 0
        && wildcard.len() <= NAME_MAX
        && let Some(name) = Name::from_wire(&wildcard)
        && let hash = hash_label(at.suffix_hash(depth), b"\x01*")
        && let Some(found) = zone.store.find(hash, &wildcard[..wildcard.len() - apex])
    {
        return Found::Wildcard(found, name);
    }
    Found::Missing(Name::from_wire(closest).unwrap_or_else(|| zone.origin.clone()))
}

/// A name in RDATA, whole.
fn whole(template: &[u8], zone: &Zone) -> Vec<u8> {
    let (name, _) = TemplateName::split(template);
    let tail = if name.in_zone { zone.origin.as_wire() } else { &[0] };
    [name.labels, tail].concat()
}

fn outside(zone: &Zone, target: &[u8]) -> String {
    if is_at_or_below(&target.to_ascii_lowercase(), zone.origin.as_wire()) {
        String::new()
    } else {
        ", which is outside the zone: whoever asks goes on from there".to_owned()
    }
}

fn text(wire: &[u8]) -> String {
    Name::from_wire(wire).map_or_else(String::new, |name| name.to_string())
}

/// A number with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if noun.ends_with('s') { "es" } else { "s" };
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}{plural}") }
}
