//! RotaDNS, NSD, Knot DNS and BIND over the same zones: the same questions, the same answers.
//!
//! For every name of the zones, and for names beside and below it, each type is asked over each way.
//! What two of the three referees say is right; where all three differ, each of them is. Left out of
//! the comparison are:
//!
//! - what a truncated answer holds: it is not to be used (RFC 2181 §9);
//! - additional records other than a referral's glue: they are optional, and left out here
//!   (RFC 1034 §3.7 asks for them "if useful");
//! - ANY, where RFC 8482 leaves the answer to the server.
//!
//! Where we differ on purpose, [`our_way`] says so and why.

use std::collections::{BTreeMap, BTreeSet};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::asking::{Answer, Client, Question, Way};
use crate::peers::{bind, knot, nsd};
use crate::servers::{Server, ZoneFile};

const ZONES: [ZoneFile<'_>; 3] = [
    ZoneFile { name: "referees.example.zone", text: include_str!("zones/referees.example.zone") },
    ZoneFile {
        name: "child.referees.example.zone",
        text: include_str!("zones/child.referees.example.zone"),
    },
    ZoneFile { name: "other.example.zone", text: include_str!("zones/other.example.zone") },
];

/// Types that stand in the zones, and some that do not.
const TYPES: [RecordType; 24] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::NS,
    RecordType::SOA,
    RecordType::MX,
    RecordType::TXT,
    RecordType::CNAME,
    RecordType::Unknown(39), // DNAME
    RecordType::DS,
    RecordType::SRV,
    RecordType::PTR,
    RecordType::CAA,
    RecordType::HTTPS,
    RecordType::SVCB,
    RecordType::NAPTR,
    RecordType::SSHFP,
    RecordType::TLSA,
    RecordType::HINFO,
    RecordType::Unknown(17),  // RP
    RecordType::Unknown(29),  // LOC
    RecordType::Unknown(256), // URI
    RecordType::DNSKEY,
    RecordType::Unknown(65280),
    RecordType::Unknown(65281),
];

/// Payload sizes around the limits of RFC 6891 §6.2.3 and of ours, and none.
const WAYS: [Way; 6] = [
    Way::Udp { payload: None },
    Way::Udp { payload: Some(512) },
    Way::Udp { payload: Some(1232) },
    Way::Udp { payload: Some(4096) },
    Way::Tcp { payload: None },
    Way::Tcp { payload: Some(1232) },
];

#[test]
fn answers_are_those_of_the_referees() {
    let rotadns = Server::rotadns(&ZONES);
    let referees = [nsd(&ZONES), knot(&ZONES), bind(&ZONES)];
    let mut ours = rotadns.client();
    let mut theirs: Vec<Client> = referees.iter().map(Server::client).collect();

    // Told once a name: all types and ways of it usually go wrong together.
    let mut mistakes = BTreeMap::new();
    for question in questions() {
        for way in WAYS {
            let said: Vec<Answer> = theirs
                .iter_mut()
                .map(|referee| comparable(referee.answer(&question, way)))
                .collect();
            let our = comparable(ours.answer(&question, way));
            let is_right = match our_way(&question, way) {
                Some(expected) => expected(&our),
                None => most_agree(&said).contains(&&our),
            };
            if !is_right {
                mistakes.entry(question.name.to_ascii_lowercase()).or_insert_with(|| {
                    format!(
                        "{} {} {way:?}\n  RotaDNS {our}\n  NSD     {}\n  Knot    {}\n  BIND    {}",
                        question.name, question.rtype, said[0], said[1], said[2]
                    )
                });
            }
        }
    }
    let shown: Vec<&str> = mistakes.values().take(20).map(String::as_str).collect();
    assert!(mistakes.is_empty(), "{} names differ:\n{}", mistakes.len(), shown.join("\n"));
}

/// The answer that two referees give; each of the three where no two agree.
fn most_agree(said: &[Answer]) -> Vec<&Answer> {
    let twice = said.iter().find(|one| said.iter().filter(|other| other == one).count() >= 2);
    twice.map_or_else(|| said.iter().collect(), |answer| vec![answer])
}

/// What an answer must be where it differs from the referees' on purpose.
type Expected = fn(&Answer) -> bool;

fn our_way(question: &Question, way: Way) -> Option<Expected> {
    let name = question.name.to_ascii_lowercase();
    let is_small = matches!(way, Way::Udp { payload: None | Some(512) });

    // Glue that a referral cannot do without is there as a whole, or the answer is truncated
    // (RFC 9471 §3.1), as from Knot; NSD and BIND leave out what does not fit. DS at the cut is the
    // parent's own and no referral.
    let is_at = name == "many.referees.example.";
    let is_below = name.ends_with(".many.referees.example.");
    if is_small && (is_below || is_at && question.rtype != RecordType::DS) {
        return Some(|our| {
            our.rcode == ResponseCode::NoError && !our.authoritative && our.truncated
        });
    }

    // The target lies below a cut to a zone that is here too. The parent's referral beside the CNAME,
    // as from Knot, is right, and so is none, as from NSD and BIND (RFC 1034 §4.3.2).
    if name == "to-child-zone.referees.example." && question.rtype != RecordType::CNAME {
        return Some(|our| {
            our.rcode == ResponseCode::NoError
                && our.authoritative
                && our.answers.len() == 1
                && our
                    .authorities
                    .iter()
                    .all(|record| record.starts_with("child.referees.example. "))
        });
    }
    None
}

/// Drops what is not compared.
fn comparable(mut answer: Answer) -> Answer {
    let is_referral = !answer.authorities.is_empty()
        && answer.authorities.iter().all(|record| record.contains(" in ns "));
    if answer.truncated {
        answer.answers.clear();
        answer.authorities.clear();
    }
    if answer.truncated || !is_referral {
        answer.additionals.clear();
    }
    answer
}

/// Every name of the zones, names beside and below it, and names outside, with every type.
fn questions() -> Vec<Question> {
    let mut names = BTreeSet::from([
        "example.".to_owned(),
        "elsewhere.example.".to_owned(),
        "com.".to_owned(),
        ".".to_owned(),
    ]);
    for zone in &ZONES {
        for owner in owners(zone) {
            names.insert(format!("no-such-name.{owner}"));
            names.insert(format!("two.below.{owner}"));
            names.insert(format!("*.{owner}"));
            names.insert(swap_case(&owner));
            if let Some((_, parent)) = owner.split_once('.') {
                names.insert(format!("zz-beside.{parent}"));
                names.insert(parent.to_owned());
            }
            names.insert(owner);
        }
    }
    // Substitution makes it longer than 255 bytes (RFC 6672 §2.2).
    names.insert(format!("{0}.{0}.too-long.referees.example.", "x".repeat(63)));
    names.iter().flat_map(|name| TYPES.map(|rtype| Question::new(name, rtype))).collect()
}

/// The owners of a master file that is written the way ours are: an owner at the start of a line, or
/// none, all relative to the zone.
fn owners(zone: &ZoneFile<'_>) -> BTreeSet<String> {
    zone.text
        .lines()
        .filter(|line| !line.starts_with([';', '$', ' ', '\t']))
        .filter_map(|line| line.split_whitespace().next())
        .map(|owner| match owner {
            "@" => format!("{}.", zone.origin()),
            _ => format!("{owner}.{}.", zone.origin()),
        })
        .collect()
}

/// `www` becomes `wWw`: every second letter, so that servers cannot take the case from their zone.
fn swap_case(name: &str) -> String {
    let swap = |(at, letter): (usize, char)| {
        if at % 2 == 1 { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    name.chars().enumerate().map(swap).collect()
}
