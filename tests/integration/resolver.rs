//! A real resolver finds everything: unbound, which knows of RotaDNS and of nothing else, resolves
//! every name and type of the example zones, over UDP and TCP, IPv4 and IPv6.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rotadns::config::read_zone;
use rotadns::name::Name;
use rotadns::zonefile;

use crate::asking::{Question, Way};
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

/// Compares what comes through the resolver with what RotaDNS itself answers.
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
    for question in examples.iter().flat_map(Example::questions) {
        let ours = direct.answer(&question, WAY);
        let theirs = through.answer(&question, WAY);
        assert_eq!(ours.rcode, ResponseCode::NoError, "{question:?}: {ours}");
        assert_eq!(theirs.rcode, ours.rcode, "{question:?} through unbound: {theirs}");
        assert_eq!(
            comparable(&theirs.answers, &pooled),
            comparable(&ours.answers, &pooled),
            "{question:?} through unbound, {upstream:?}"
        );
    }
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
    records: BTreeSet<(Name, u16)>,
    pooled: Vec<IpAddr>,
}

impl Example {
    fn read(file: &ZoneFile<'_>) -> Self {
        let origin = Name::parse_absolute(file.origin()).expect("a zone's name");
        let mut records = BTreeSet::new();
        let mut pooled = Vec::new();
        if file.is_master_file() {
            let mistakes = zonefile::read(file.text.as_bytes(), &origin, |record| {
                let owner = Name::from_wire(record.owner).expect("an owner in wire form");
                records.insert((owner, record.rtype));
            });
            assert!(mistakes.is_empty(), "{}: {mistakes:?}", file.name);
        } else {
            let (zone, mistakes) = read_zone(Path::new(file.name), file.text);
            let zone = zone.unwrap_or_else(|| panic!("{}: {mistakes:?}", file.name));
            records.extend(zone.records.into_iter().map(|set| (set.owner, set.rtype)));
            for balanced in zone.balanced {
                for rtype in [RecordType::A, RecordType::AAAA] {
                    records.insert((balanced.owner.clone(), rtype.into()));
                }
            }
            let backends = zone.pools.into_iter().flat_map(|pool| pool.backends);
            pooled.extend(backends.flat_map(|backend| backend.addresses));
            records.insert((origin.clone(), RecordType::SOA.into()));
        }
        Self { origin, records, pooled }
    }

    /// Every name and type that is the zone's own to answer. A wildcard is asked for by a name that
    /// it covers, an alias also for addresses.
    fn questions(&self) -> Vec<Question> {
        let cuts: Vec<&Name> = self
            .records
            .iter()
            .filter(|(owner, rtype)| *rtype == u16::from(RecordType::NS) && *owner != self.origin)
            .map(|(owner, _)| owner)
            .collect();
        let mut found = Vec::new();
        for (owner, rtype) in &self.records {
            let rtype = RecordType::from(*rtype);
            let is_delegated = cuts.iter().any(|cut| owner.is_at_or_below(cut));
            if is_delegated && rtype != RecordType::DS {
                continue;
            }
            let name = owner.to_string().replacen('*', "covered", 1);
            if rtype == RecordType::CNAME {
                found.push(Question::new(&name, RecordType::A));
                found.push(Question::new(&name, RecordType::AAAA));
            }
            found.push(Question::new(&name, rtype));
        }
        found
    }
}
