//! What holds for every zone and every packet.
//!
//! Zones are random, over few labels so that names meet; each answer is compared with that of
//! [`Reference`], which reads like RFC 1034 §4.3.2 and knows nothing of shards, plans or pointers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use rotadns::engine::Transport;
use rotadns::engine::settings::{Cookies, Policy, Settings};
use rotadns::name::Name;

use crate::world::{Ask, HEAD, World, build, decode, parse, render};

fn config(cases: u32) -> ProptestConfig {
    // A seed is printed with every failure; files of them would be written beside the tests.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A zone with something of everything, for packets that are wrong.
fn all_sorts() -> World {
    World::of(
        "example.com.",
        "www A 192.0.2.1\n* TXT wild\nc CNAME www\nd DNAME www\nsub NS ns.sub\nns.sub A 192.0.2.2\n\
         big TXT 1\nloop CNAME loop\na.b.c AAAA 2001:db8::1\n",
    )
    .set(Settings {
        nsid: Some("one of many".into()),
        version: Some("1".into()),
        cookies: Cookies { policy: Policy::Require, secrets: vec![[1; 16]] },
        ..Settings::default()
    })
}

/// What every answer keeps to, whatever was asked.
fn check_answer(query: &[u8], transport: Transport, answer: Option<Vec<u8>>) {
    let is_response = query.get(2).is_some_and(|byte| byte & 0x80 != 0);
    assert_eq!(answer.is_none(), query.len() < 12 || is_response, "only these are dropped");
    let Some(answer) = answer else { return };
    assert_eq!(answer[..2], query[..2], "the ID comes back");
    assert_eq!(answer[2] & 0xf9, 0x80 | query[2] & 0x79, "a response of the same opcode and RD");
    assert_eq!(answer[3] & 0xf0, 0, "RA, Z, AD and CD are clear");
    let limit = match transport {
        Transport::Tcp | Transport::Tls => 65_535,
        Transport::Udp if decode(&answer).edns.is_some() => 1232,
        Transport::Udp => 512,
    };
    assert!(answer.len() <= limit, "{} bytes", answer.len());
}

fn transport() -> impl Strategy<Value = Transport> {
    select(vec![Transport::Udp, Transport::Tcp, Transport::Tls])
}

const QUESTIONS: [&str; 14] = [
    "www.example.com. A +edns",
    "x.example.com. TXT",
    "c.example.com. A +do",
    "w.d.example.com. A",
    "a.sub.example.com. AAAA +edns=512",
    "loop.example.com. ANY",
    "b.c.example.com. A",
    "example.com. IXFR",
    "com. NS",
    ". SOA +version=1",
    "www.example.com. A +option=10:0102030405060708 +option=3: +option=12:",
    "x.example.com. TXT +option=8:00011800c00002 +option=11:",
    "www.example.com. A +option=10:01020304050607080100000000000000ffffffffffffffff",
    "version.bind. TXT CH +option=3:",
];

proptest! {
    #![proptest_config(config(8000))]

    #[test]
    fn any_bytes_are_answered_or_dropped(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        is_query in any::<bool>(),
        transport in transport(),
    ) {
        let mut bytes = bytes;
        if is_query && bytes.len() >= 12 {
            // A header that gets further.
            let additionals = bytes[11] & 1;
            bytes[2..12].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, additionals]);
        }
        check_answer(&bytes, transport, all_sorts().send(&bytes, transport, 0));
    }

    #[test]
    fn a_good_query_with_bytes_changed_is_answered_or_dropped(
        question in select(QUESTIONS.to_vec()),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<Index>()),
        more in prop::collection::vec(any::<u8>(), 0..3),
        transport in transport(),
    ) {
        let mut query = Ask::parse(question).query;
        for (place, byte) in changes {
            let place = place.index(query.len());
            query[place] = byte;
        }
        if let Some(cut) = cut {
            query.truncate(cut.index(query.len()));
        }
        query.extend(more);
        check_answer(&query, transport, all_sorts().send(&query, transport, 0));
    }

    #[test]
    fn an_answer_stays_within_the_payload_that_is_taken(
        payload in any::<u16>(),
        records in 1..80_usize,
    ) {
        let text = crate::world::text((0..records).map(|at| format!("big A 10.0.0.{at}\n")));
        let world = World::of("example.com.", &text);
        let bytes = world.bytes(&format!("big.example.com. A +edns={payload}"));
        let limit = usize::from(payload.clamp(512, 1232));
        let whole = 12 + 21 + 16 * records + 11;
        prop_assert!(bytes.len() <= limit);
        let message = decode(&bytes);
        prop_assert_eq!(message.metadata.truncation, whole > limit);
        prop_assert_eq!(message.answers.len(), if whole > limit { 0 } else { records });
    }
}

/// A record as a line of a master file, names relative to the apex, and as the reference keeps it.
#[derive(Clone, Debug)]
struct Line {
    owner: String,
    rtype: &'static str,
    data: String,
}

/// A name of up to four labels of a small alphabet, relative to the apex.
fn relative() -> impl Strategy<Value = String> {
    prop::collection::vec(select(vec!["a", "b", "c", "*"]), 1..5)
        .prop_map(|labels| labels.join("."))
}

fn line() -> impl Strategy<Value = Line> {
    let address = any::<u8>().prop_map(|last| Ipv4Addr::new(192, 0, 2, last).to_string());
    let outside = || prop_oneof![3 => relative(), 1 => Just("a.example.net.".to_owned())];
    let data = prop_oneof![
        4 => address.prop_map(|data| ("A", data)),
        2 => "[a-z]{1,8}".prop_map(|data| ("TXT", data)),
        2 => outside().prop_map(|data| ("CNAME", data)),
        1 => outside().prop_map(|data| ("NS", data)),
        1 => outside().prop_map(|data| ("DNAME", data)),
        1 => outside().prop_map(|data| ("MX", format!("10 {data}"))),
    ];
    (relative(), data).prop_map(|(owner, (rtype, data))| Line { owner, rtype, data })
}

/// Lines that make a zone: no CNAME beside other data, one CNAME and DNAME a name.
fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(line(), 0..24).prop_map(|lines| {
        let mut kept: Vec<Line> = Vec::new();
        for line in lines {
            let clashes = kept.iter().filter(|other| other.owner == line.owner).any(|other| {
                let single = matches!(line.rtype, "CNAME" | "DNAME") && other.rtype == line.rtype;
                single || (line.rtype == "CNAME") != (other.rtype == "CNAME")
            });
            if !clashes {
                kept.push(line);
            }
        }
        kept
    })
}

/// Records by owner and type; owners as text in full.
struct Reference(BTreeMap<String, BTreeMap<&'static str, Vec<String>>>);

/// What the reference says of a question: code, AA, and the records of each section as a set of lines.
#[derive(Debug, PartialEq)]
struct Verdict {
    head: String,
    answer: Vec<String>,
    authority: Vec<String>,
}

const APEX: &str = "example.com.";

impl Reference {
    fn new(lines: &[Line]) -> Self {
        let mut names: BTreeMap<_, BTreeMap<_, Vec<String>>> = BTreeMap::new();
        let soa = ("SOA", "7".to_owned());
        let ns = ("NS", "ns1.example.com.".to_owned());
        let apex = [soa, ns].map(|(rtype, data)| (APEX.to_owned(), rtype, data));
        let server = ("ns1.example.com.".to_owned(), "A", "192.0.2.53".to_owned());
        let lines = lines.iter().map(|line| {
            let data = match line.rtype {
                "A" | "TXT" => line.data.clone(),
                _ if line.data.ends_with('.') => line.data.clone(),
                _ => format!("{}.{APEX}", line.data),
            };
            (format!("{}.{APEX}", line.owner), line.rtype, data)
        });
        for (owner, rtype, data) in apex.into_iter().chain([server]).chain(lines) {
            let records = names.entry(owner).or_default().entry(rtype).or_default();
            if !records.contains(&data) {
                records.push(data);
            }
        }
        Self(names)
    }

    /// Whether a name exists, be it only because something is below it (RFC 4592 §2.2.2).
    fn exists(&self, name: &str) -> bool {
        self.0.keys().any(|owner| owner == name || owner.ends_with(&format!(".{name}")))
    }

    fn records(&self, name: &str, rtype: &str) -> Option<&Vec<String>> {
        self.0.get(name)?.get(rtype)
    }

    /// RFC 1034 §4.3.2.
    fn answer(&self, question: &str, qtype: &str) -> Verdict {
        let mut name = question.to_owned();
        let mut answer = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        while seen.len() <= 16 && !seen.contains(&name) {
            seen.push(name.clone());
            // 3b, and RFC 6672 §3.2 with its DNAME: the way down, the apex first.
            let current = name.clone();
            let ancestors = ancestors(&current);
            let mut synthesised = false;
            for ancestor in ancestors.iter().rev().filter(|ancestor| **ancestor != APEX) {
                if let Some(servers) = self.records(ancestor, "NS")
                    && !ancestor.starts_with("*.")
                {
                    let aa = if answer.is_empty() { "NOERROR" } else { "NOERROR aa" };
                    return Verdict::new(aa, answer, &show(ancestor, "NS", 3600, servers));
                }
                if *ancestor != current
                    && let Some(targets) = self.records(ancestor, "DNAME")
                {
                    // Once, however often the way leads by it (RFC 2181 §5).
                    let dname = show(ancestor, "DNAME", 3600, targets);
                    if !dname.iter().all(|record| answer.contains(record)) {
                        answer.extend(dname);
                    }
                    let next = format!(
                        "{}{}",
                        current.strip_suffix(ancestor).expect("it is below"),
                        targets[0]
                    );
                    answer.extend(show(&current, "CNAME", 3600, std::slice::from_ref(&next)));
                    name = next;
                    synthesised = true; // also where it is the name again
                    break;
                }
            }
            if synthesised {
                if is_inside(&name) && qtype != "CNAME" {
                    continue;
                }
                return Verdict::new("NOERROR aa", answer, &[]);
            }
            // 3a, or 3c with RFC 4592 §3.3.1.
            let source = if self.exists(&name) {
                name.clone()
            } else {
                let encloser = ancestors[1..].iter().find(|ancestor| self.exists(ancestor));
                let wildcard = format!("*.{}", encloser.expect("the apex exists"));
                if !self.exists(&wildcard) {
                    return Verdict::new("NXDOMAIN aa", answer, &soa());
                }
                wildcard
            };
            if let Some(targets) = self.records(&source, "CNAME")
                && qtype != "CNAME"
            {
                answer.extend(show(&name, "CNAME", 3600, targets));
                name.clone_from(&targets[0]);
                if is_inside(&name) {
                    continue;
                }
                return Verdict::new("NOERROR aa", answer, &[]);
            }
            return match self.records(&source, qtype) {
                Some(records) => {
                    answer.extend(show(&name, qtype, 3600, records));
                    Verdict::new("NOERROR aa", answer, &[])
                }
                None => Verdict::new("NOERROR aa", answer, &soa()),
            };
        }
        Verdict::new("NOERROR aa", answer, &[])
    }
}

impl Verdict {
    fn new(head: &str, answer: Vec<String>, authority: &[String]) -> Self {
        Self { head: head.to_owned(), answer, authority: authority.to_vec() }
    }

    /// What our server's answer says.
    fn read(line: &str) -> Self {
        let mut parts = line.split(" | ").map(|part| {
            part.split(", ")
                .filter(|record| !record.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        let head = parts.next().expect("there is a head")[0].clone();
        let (answer, authority) =
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Self { head, answer, authority }
    }
}

/// The name and all above it, down to the zone's apex.
fn ancestors(name: &str) -> Vec<&str> {
    let mut all = vec![name];
    while let Some((_, parent)) = all[all.len() - 1].split_once('.')
        && all[all.len() - 1] != APEX
    {
        all.push(parent);
    }
    all
}

fn is_inside(name: &str) -> bool {
    name == APEX || name.ends_with(&format!(".{APEX}"))
}

fn soa() -> Vec<String> {
    show(APEX, "SOA", 300, &["7".to_owned()])
}

fn show(owner: &str, rtype: &str, ttl: u32, records: &[String]) -> Vec<String> {
    records.iter().map(|data| format!("{owner} {ttl} {rtype} {data}")).collect()
}

fn text(lines: &[Line]) -> String {
    let line = |line: &Line| format!("{} {} {}\n", line.owner, line.rtype, line.data);
    crate::world::text(lines.iter().map(line))
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn rfc1034_4_3_2_every_answer_is_that_of_the_plain_algorithm(
        lines in lines(),
        asked in prop::collection::vec(relative(), 24),
    ) {
        let world = World::of(APEX, &text(&lines));
        let reference = Reference::new(&lines);
        let owners = lines.iter().map(|line| line.owner.clone());
        for name in owners.chain(asked) {
            for qtype in ["A", "TXT", "CNAME", "NS", "DNAME", "MX"] {
                let question = format!("{name}.{APEX} {qtype}");
                let answer = Verdict::read(&world.ask(&format!("{question} +tcp")));
                let expected = reference.answer(&format!("{name}.{APEX}"), qtype);
                prop_assert_eq!(answer, expected, "{} in\n{}", question, text(&lines));
            }
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_what_the_zone_has(lines in lines()) {
        let file = format!("{HEAD}{}", text(&lines));
        let world = World::bare(APEX, &file);
        let mut expected: BTreeMap<(Name, u16), Vec<Vec<u8>>> = BTreeMap::new();
        let mistakes = rotadns::zonefile::read(file.as_bytes(), &parse(APEX), |record| {
            let owner = Name::from_wire(record.owner).expect("it is whole");
            let rdatas = expected.entry((owner, record.rtype)).or_default();
            if !rdatas.iter().any(|rdata| rdata == record.rdata) {
                rdatas.push(record.rdata.to_vec());
            }
        });
        prop_assert!(mistakes.is_empty());
        for ((owner, rtype), rdatas) in expected {
            let message = decode(&world.bytes(&format!("{owner} {} +tcp", rotadns::rdata::type_name(rtype))));
            // Those that a cut or a DNAME hides are not asked for here.
            let records: Vec<_> = message
                .answers
                .iter()
                .filter(|record| {
                    crate::world::wire(&record.name) == owner.as_wire() && u16::from(record.record_type()) == rtype
                })
                .collect();
            if records.is_empty() || rtype == 5 {
                continue;
            }
            let sent: Vec<Vec<u8>> = records.iter().map(|record| uncompressed(&record.data)).collect();
            prop_assert_eq!(sent, rdatas, "{} {}", owner, rtype);
        }
    }

    #[test]
    fn rfc2181_9_a_whole_answer_is_the_same_over_both_transports(
        lines in lines(),
        asked in prop::collection::vec(relative(), 8),
    ) {
        let world = World::of(APEX, &text(&lines));
        for name in asked {
            let question = format!("{name}.{APEX} A");
            let (udp, tcp) = (world.bytes(&question), world.bytes(&format!("{question} +tcp")));
            if udp[2] & 2 == 0 && tcp.len() <= 512 {
                prop_assert_eq!(render(&udp), render(&tcp), "{}", question);
            }
        }
    }

    #[test]
    fn every_zone_of_these_lines_is_built(lines in lines()) {
        let (zone, _) = build(APEX, format!("{HEAD}{}", text(&lines)).as_bytes()).expect("no mistakes");
        let reference = Reference::new(&lines);
        prop_assert_eq!(zone.names, reference.0.len());
    }
}

/// RDATA with its names written out, by hickory-proto.
fn uncompressed(data: &hickory_proto::rr::RData) -> Vec<u8> {
    use hickory_proto::rr::RData;
    let name = crate::world::wire;
    match data {
        RData::NS(ns) => name(&ns.0),
        RData::MX(mx) => [&mx.preference.to_be_bytes()[..], &name(&mx.exchange)].concat(),
        RData::A(address) => address.0.octets().to_vec(),
        RData::TXT(txt) => txt
            .txt_data
            .iter()
            .flat_map(|text| std::iter::once(text.len() as u8).chain(text.iter().copied()))
            .collect(),
        RData::SOA(soa) => {
            let numbers = [
                soa.serial,
                soa.refresh.cast_unsigned(),
                soa.retry.cast_unsigned(),
                soa.expire.cast_unsigned(),
                soa.minimum,
            ];
            let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
            [name(&soa.mname), name(&soa.rname), numbers.collect()].concat()
        }
        RData::Unknown { rdata, .. } => rdata.anything.clone(),
        other => panic!("{other} is not in these zones"),
    }
}
