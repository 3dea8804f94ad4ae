//! A real resolver finds everything: unbound, which knows of RotaDNS and of nothing else, resolves
//! every name and type of the example zones, over UDP and TCP, IPv4 and IPv6.
//!
//! What must come out is what the zone files say; hickory-proto writes it, as it writes the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use rotadns::config::model::{Pool, Role, WhenAllDown};
use rotadns::config::read_zone;
use rotadns::name::Name;
use rotadns::zonefile;

use crate::asking::{Answer, Question, Way};
use crate::peers::{Upstream, unbound};
use crate::servers::{Server, ZoneFile};

/// TCP on this side of the resolver, so that nothing is cut; how it asks RotaDNS is what is tested.
const WAY: Way = Way::Tcp { payload: Some(1232) };

#[test]
fn unbound_resolves_every_name_over_udp_and_ipv4() {
    everything_resolves(Server::v4, Upstream::Udp);
}

#[test]
fn unbound_resolves_every_name_over_udp_and_ipv6() {
    everything_resolves(Server::v6, Upstream::Udp);
}

#[test]
fn unbound_resolves_every_name_over_tcp_and_ipv4() {
    everything_resolves(Server::v4, Upstream::Tcp);
}

#[test]
fn unbound_resolves_every_name_over_tcp_and_ipv6() {
    everything_resolves(Server::v6, Upstream::Tcp);
}

/// Compares what comes through the resolver with the zone files, and with what RotaDNS itself answers.
fn everything_resolves(address: fn(&Server) -> SocketAddr, upstream: Upstream) {
    let texts = example_texts();
    let zones: Vec<ZoneFile<'_>> =
        texts.iter().map(|(name, text)| ZoneFile { name, text }).collect();
    let rotadns = Server::rotadns(&zones);
    let origins: Vec<&str> = zones.iter().map(ZoneFile::origin).collect();
    let resolver = unbound(&origins, address(&rotadns), upstream);
    let (mut direct, mut through) = (rotadns.client(), resolver.client());

    let examples: Vec<Example> = zones.iter().map(Example::read).collect();
    let pooled: BTreeSet<String> =
        examples.iter().flat_map(|example| &example.pooled).map(IpAddr::to_string).collect();
    for (question, expected) in examples.iter().flat_map(Example::questions) {
        let ours = direct.answer(&question, WAY);
        let theirs = through.answer(&question, WAY);
        assert_eq!(theirs.rcode, ResponseCode::NoError, "{question:?}: {theirs}, direct {ours}");
        let got = comparable(&theirs.answers, &pooled);
        match expected {
            Expected::Records(records) => {
                let records = comparable(&records, &pooled);
                assert!(
                    records.is_subset(&got),
                    "{question:?} through unbound, {upstream:?}: {got:?} lacks some of {records:?}"
                );
                assert_eq!(
                    got,
                    comparable(&ours.answers, &pooled),
                    "{question:?} through unbound, {upstream:?}, is not what RotaDNS answers"
                );
            }
            Expected::Some => {
                assert!(!got.is_empty(), "{question:?} through unbound, {upstream:?}");
            }
            Expected::Any => {}
        }
    }
}

/// What a zone file says of an answer.
#[derive(Clone)]
enum Expected {
    /// These records are in it, as [`Answer`] has them.
    Records(Vec<String>),
    /// It is not empty.
    Some,
    /// Nothing: a pool without addresses of that family, or one that may have none to hand out.
    Any,
}

/// Records without their TTL, which counts down in a cache, and without telling apart the addresses
/// of a pool, which may be others with each answer.
fn comparable(records: &[String], pooled: &BTreeSet<String>) -> BTreeSet<String> {
    let without_ttl = |record: &String| {
        let fields: Vec<&str> = record.splitn(5, ' ').collect();
        let [owner, _ttl, _class, rtype, rdata] = fields[..] else {
            panic!("hickory-proto prints owner, TTL, class, type and RDATA, not {record:?}");
        };
        let rdata = if pooled.contains(rdata) { "an address of a pool" } else { rdata };
        format!("{owner} {rtype} {rdata}")
    };
    records.iter().map(without_ttl).collect()
}

/// (file name, text) of each zone that comes with RotaDNS.
fn example_texts() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("zones");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("zones/ is there") {
        let path = entry.expect("its entries can be read").path();
        let name = path.file_name().expect("it is a file").to_string_lossy().into_owned();
        found.push((name, fs::read_to_string(&path).expect("a zone can be read")));
    }
    assert!(!found.is_empty(), "zones/ holds zones");
    found
}

/// What a zone holds, as far as questions are made of it.
struct Example {
    origin: Name,
    /// The RDATA of each name and type in wire form; `None` where the file does not say all of it.
    records: BTreeMap<(Name, u16), Option<Vec<Vec<u8>>>>,
    /// Names with a pool and types that it has no answer to at times.
    may_be_empty: BTreeSet<(Name, u16)>,
    pooled: Vec<IpAddr>,
}

impl Example {
    fn read(file: &ZoneFile<'_>) -> Self {
        let origin = Name::parse_absolute(file.origin()).expect("a zone's name");
        let mut records: BTreeMap<(Name, u16), Option<Vec<Vec<u8>>>> = BTreeMap::new();
        let mut may_be_empty = BTreeSet::new();
        let mut pooled = Vec::new();
        if file.is_master_file() {
            let mistakes = zonefile::read(file.text.as_bytes(), &origin, |record| {
                let owner = Name::from_wire(record.owner).expect("an owner in wire form");
                let set = records.entry((owner, record.rtype)).or_insert_with(|| Some(Vec::new()));
                set.get_or_insert_default().push(record.rdata.to_vec());
            });
            assert!(mistakes.is_empty(), "{}: {mistakes:?}", file.name);
        } else {
            let (zone, mistakes) = read_zone(Path::new(file.name), file.text);
            let zone = zone.unwrap_or_else(|| panic!("{}: {mistakes:?}", file.name));
            let sets = zone.records.into_iter();
            records.extend(sets.map(|set| ((set.owner, set.rtype), Some(set.rdata))));
            for balanced in zone.balanced {
                for rtype in [RecordType::A, RecordType::AAAA] {
                    let key = (balanced.owner.clone(), u16::from(rtype));
                    if !always_answers(&zone.pools, balanced.pool, rtype) {
                        may_be_empty.insert(key.clone());
                    }
                    records.insert(key, None);
                }
            }
            let backends = zone.pools.into_iter().flat_map(|pool| pool.backends);
            pooled.extend(backends.flat_map(|backend| backend.addresses().to_vec()));
            // The serial is the server's to choose.
            records.insert((origin.clone(), RecordType::SOA.into()), None);
        }
        Self { origin, records, may_be_empty, pooled }
    }

    /// Every name and type that is the zone's own to answer, and what the file says of the answer. A
    /// wildcard is asked for by a name that it covers, an alias also for addresses.
    fn questions(&self) -> Vec<(Question, Expected)> {
        let cuts: Vec<&Name> = self
            .records
            .keys()
            .filter(|(owner, rtype)| *rtype == u16::from(RecordType::NS) && *owner != self.origin)
            .map(|(owner, _)| owner)
            .collect();
        let mut found = Vec::new();
        for (key, rdata) in &self.records {
            let (owner, rtype) = (&key.0, RecordType::from(key.1));
            let is_delegated = cuts.iter().any(|cut| owner.is_at_or_below(cut));
            if is_delegated && rtype != RecordType::DS {
                continue;
            }
            let question = Question::new(&owner.to_string().replacen('*', "covered", 1), rtype);
            let expected = match rdata {
                Some(rdata) => Expected::Records(printed(&question, rdata)),
                None if self.may_be_empty.contains(key) => Expected::Any,
                None => Expected::Some,
            };
            if rtype == RecordType::CNAME {
                for rtype in [RecordType::A, RecordType::AAAA] {
                    found.push((Question::new(&question.name, rtype), expected.clone()));
                }
            }
            found.push((question, expected));
        }
        found
    }
}

/// Whether a pool has an address of that family to hand out whatever is up: with addresses of both families one
/// may be up and the other not, as the ports of the examples may be somebody else's here.
fn always_answers(pools: &[Pool], place: usize, rtype: RecordType) -> bool {
    let pool = &pools[place];
    // Nobody is guessed to be primary.
    if pool.role() == Some(Role::Primary) {
        return false;
    }
    let mut addresses = pool.backends.iter().flat_map(rotadns::config::model::Backend::addresses);
    let is_of_family = |address: &IpAddr| address.is_ipv4() == (rtype == RecordType::A);
    let has_family = match pool.check {
        None => addresses.any(is_of_family),
        Some(_) => addresses.all(is_of_family),
    };
    has_family
        && match pool.when_all_down {
            WhenAllDown::None => false,
            WhenAllDown::Fallback(other) => always_answers(pools, other, rtype),
            WhenAllDown::All | WhenAllDown::Last => true,
        }
}

/// Records that answer a question, as hickory-proto prints what it decodes.
fn printed(question: &Question, rdata: &[Vec<u8>]) -> Vec<String> {
    let mut message = question.to_bytes(0, None);
    message[6..8].copy_from_slice(&(rdata.len() as u16).to_be_bytes());
    for rdata in rdata {
        // The owner is the question's name, which stands behind the header.
        message.extend_from_slice(&[0xc0, 12]);
        message.extend_from_slice(&u16::from(question.rtype).to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        message.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        message.extend_from_slice(rdata);
    }
    Answer::from(Message::from_vec(&message).expect("a message in wire form")).answers
}
