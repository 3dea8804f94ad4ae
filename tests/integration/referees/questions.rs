//! Questions made of the zones: what is there, and all that is beside, below and above it.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use rotadns::rdata::rtype;

use super::query::{AD, CD, Edns, Query, RD, Way, Z, wire};
use super::zones::{Set, Zone};

/// Types that stand somewhere, types of questions, and types that nobody knows.
const TYPES: [u16; 39] = [
    rtype::A,
    rtype::AAAA,
    rtype::NS,
    rtype::SOA,
    rtype::MX,
    rtype::TXT,
    rtype::CNAME,
    rtype::DNAME,
    rtype::DS,
    rtype::SRV,
    rtype::PTR,
    rtype::CAA,
    rtype::HTTPS,
    rtype::SVCB,
    rtype::NAPTR,
    rtype::TLSA,
    rtype::HINFO,
    rtype::RP,
    rtype::LOC,
    rtype::URI,
    rtype::DNSKEY,
    rtype::CDS,
    rtype::NSEC,
    rtype::NSEC3,
    rtype::NSEC3PARAM,
    rtype::RRSIG,
    rtype::ZONEMD,
    rtype::MB,
    rtype::NULL,
    rtype::KX,
    rtype::SPF,
    rtype::AFSDB,
    rtype::ANY,
    rtype::MAILA,
    rtype::MAILB,
    3,
    65_280,
    65_281,
    65_400,
];

/// The types that change which way a look-up takes.
const TURNS: [u16; 6] = [rtype::A, rtype::CNAME, rtype::NS, rtype::DS, rtype::SOA, rtype::TXT];

const DO: u16 = 0x8000;
const UNKNOWN_OPTION: &[u8] = &[0xfd, 0xe9, 0, 3, 1, 2, 3];

/// The usual ways, each several times as often as the odd ones.
const WAYS: [Way; 10] = [
    Way::UDP,
    Way::UDP.edns(Edns::of(512)),
    Way::UDP.edns(Edns::of(1232)),
    Way::UDP.edns(Edns::of(4096)),
    Way::UDP.edns(Edns { flags: DO, ..Edns::of(1232) }),
    Way::UDP.edns(Edns { flags: DO, ..Edns::of(4096) }),
    Way { flags: 0, ..Way::UDP },
    Way::TCP,
    Way::TCP.edns(Edns::of(1232)),
    Way::TCP.edns(Edns { flags: DO, ..Edns::of(4096) }),
];

const ODD_WAYS: [Way; 14] = [
    Way::UDP.edns(Edns::of(0)),
    Way::UDP.edns(Edns::of(511)),
    Way::UDP.edns(Edns::of(513)),
    Way::UDP.edns(Edns::of(65_535)),
    Way::UDP.edns(Edns { flags: 0x4000, ..Edns::of(1232) }),
    Way::UDP.edns(Edns { flags: 0x7fff, ..Edns::of(1232) }),
    Way::UDP.edns(Edns { options: UNKNOWN_OPTION, ..Edns::of(1232) }),
    Way::UDP.edns(Edns { options: &[0xfd, 0xe9, 0, 0, 0xfd, 0xea, 0, 0], ..Edns::of(1232) }),
    Way::UDP.edns(Edns { version: 1, ..Edns::of(1232) }),
    Way::UDP.edns(Edns { version: 255, flags: DO, options: UNKNOWN_OPTION, payload: 4096 }),
    Way { flags: RD | CD, ..Way::UDP },
    Way { flags: RD | AD, ..Way::UDP },
    Way { flags: AD | CD | Z, ..Way::UDP },
    Way { class: 255, ..Way::UDP },
];

/// How many questions at most.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    /// Of each zone.
    Some(usize),
    All,
}

/// The questions about a set of zones; the same seed gives the same ones.
pub(crate) fn questions(set: &Set, seed: u64, count: Count) -> Vec<Query> {
    let mut rng = Rng::with_seed(seed);
    let mut questions = Vec::new();
    for zone in &set.zones {
        let mut of_zone = of_zone(zone, &mut rng, count);
        if let Count::Some(most) = count {
            rng.shuffle(&mut of_zone);
            of_zone.truncate(most);
        }
        questions.extend(of_zone);
    }
    // Outside of every zone; the root is asked for everything.
    for name in ["net.", "elsewhere.invalid.", ".", "com.", "*."] {
        for rtype in TYPES {
            for way in WAYS {
                questions.push(Query::Question { name: wire(name), rtype, way });
            }
        }
    }
    questions
}

fn of_zone(zone: &Zone, rng: &mut Rng, count: Count) -> Vec<Query> {
    let mut names: BTreeMap<Vec<u8>, BTreeSet<u16>> = BTreeMap::new();
    let apex = zone.origin.as_wire();
    for record in zone.records() {
        names.entry(record.name.clone()).or_default().insert(record.rtype);
        names.extend(record.target.map(|name| (name.to_ascii_lowercase(), BTreeSet::new())));
        let around = around(&record.name, rng);
        for name in around.into_iter().filter(|name| name.len() <= 255) {
            names.entry(name).or_default().insert(record.rtype);
        }
        // Up to the apex, the empty non-terminals.
        let mut above = record.name.as_slice();
        while above.len() > apex.len() {
            above = &above[1 + usize::from(above[0])..];
            names.entry(above.to_vec()).or_default();
        }
    }
    if apex.len() > 1 {
        names.entry(apex[1 + usize::from(apex[0])..].to_vec()).or_default();
    }
    let mut questions = Vec::new();
    for (name, there) in names {
        let is_long = there.len() > 12;
        let types: BTreeSet<u16> = match count {
            Count::All => TYPES.into_iter().chain(there).collect(),
            Count::Some(_) => there
                .into_iter()
                .chain(TURNS)
                .chain((0..4).map(|_| TYPES[rng.usize(..TYPES.len())]))
                .collect(),
        };
        for rtype in types {
            let ways = match count {
                Count::Some(_) if is_long => 3,
                _ => 1,
            };
            for _ in 0..ways {
                let way = if rng.u8(..8) == 0 {
                    ODD_WAYS[rng.usize(..ODD_WAYS.len())]
                } else {
                    WAYS[rng.usize(..WAYS.len())]
                };
                let name = if rng.u8(..4) == 0 { random_case(&name, rng) } else { name.clone() };
                questions.push(Query::Question { name, rtype, way });
            }
        }
    }
    questions
}

/// Names below and beside a name, some of them too long to be one.
fn around(name: &[u8], rng: &mut Rng) -> Vec<Vec<u8>> {
    let below = |labels: &[&[u8]], name: &[u8]| {
        let mut below = Vec::new();
        for label in labels {
            below.push(label.len() as u8);
            below.extend_from_slice(label);
        }
        below.extend_from_slice(name);
        below
    };
    let mut around = vec![below(&[b"gone"], name), below(&[b"*"], name)];
    match rng.u8(..4) {
        0 => around.push(below(&[b"a", b"b"], name)),
        1 => around.push(below(&[b"www"], name)),
        // Substitution makes it longer than 255 bytes (RFC 6672 §2.2).
        2 => around.push(below(&[&[b'y'; 63], &[b'z'; 63]], name)),
        _ => {
            let mut longest = name.to_vec();
            while longest.len() < 254 {
                let len = (254 - longest.len()).min(63);
                longest = below(&[&[b'l'; 63][..len]], &longest);
            }
            around.push(longest);
        }
    }
    if let [len, rest @ ..] = name
        && *len > 0
    {
        let parent = &rest[usize::from(*len)..];
        around.push(below(&[b"zz-beside"], parent));
        around.push(below(&[b"*"], parent));
    }
    around
}

fn random_case(name: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut at = 0;
    let mut cased = name.to_vec();
    while cased[at] != 0 {
        let end = at + 1 + usize::from(cased[at]);
        for byte in &mut cased[at + 1..end] {
            if byte.is_ascii_alphabetic() && rng.bool() {
                *byte ^= 0x20;
            }
        }
        at = end;
    }
    cased
}
