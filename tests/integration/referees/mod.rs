//! RotaDNS, NSD, Knot DNS and BIND over the same zones: the same questions, the same answers.
//!
//! Each answer is compared with each peer's: rcode, flags, the question, all sections, TTLs, EDNS. A difference is a
//! failure unless `allowed.rs` has it, with the RFC that permits it. The peers say no more than they must (minimal
//! responses, one RRset for ANY, no cookies, no NSID) and take and send 1232 bytes, as we do by default.
//!
//! What is compared is brought to one form first:
//!
//! - names are in lower case, as compression may take them from anywhere in a message (RFC 4343 §4.1);
//! - records are sorted within their RRset, RRsets of the authority and additional sections too; those of the answer
//!   stand in the order of the alias's chain (RFC 1034 §3.6, §4.3.2);
//! - a record that stands twice in an answer of theirs is one (RFC 2181 §5);
//! - a truncated answer has no content (RFC 2181 §9), and one may truncate what takes compression to fit
//!   (RFC 1035 §4.1.4);
//! - additional records are glue below the cut of a referral, which must be the same, or extras: those that both
//!   give must be the same, and we give none but with referrals (RFC 1034 §3.7, RFC 9471 §3);
//! - extended errors are left out: they are optional, and beside the answer (RFC 8914 §2).
//!
//! `ROTADNS_SEED=N` makes other zones and other questions; with `ROTADNS_FULL=1` nothing is left out of them. An entry
//! of the list need not be used then, and other zones may show what it has no entry for.

mod allowed;
mod answer;
mod exchange;
mod generate;
mod messages;
mod query;
mod questions;
mod servers;
mod zones;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;

use allowed::{ALLOWED, ALLOWED_MAX, Peer};
use answer::{Answer, differences};
use exchange::ask_all;
use messages::messages;
use query::Query;
use questions::{Count, questions};
use servers::Servers;
use zones::{Set, sets};

const SEED: u64 = 4;
/// Zones of soup.
const GENERATED: usize = 20;
/// Questions about a zone.
const QUESTIONS: usize = 600;
/// Differences of one kind that are shown.
const SHOWN_MAX: usize = 3;

#[test]
fn answers_are_those_of_each_referee() {
    let seed = std::env::var("ROTADNS_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let is_full = std::env::var_os("ROTADNS_FULL").is_some();
    let count = if is_full { Count::All } else { Count::Some(QUESTIONS) };
    let sets = sets(seed.unwrap_or(SEED), GENERATED);

    let mut used = vec![0; ALLOWED.len()];
    let (mut zones, mut asked) = (0, 0);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for set in &sets {
        let queries = questions(set, seed.unwrap_or(SEED), count);
        zones += set.zones.len();
        asked += queries.len();
        for (kind, text) in compare(set, &queries, &mut used) {
            found.entry(kind).or_default().push(text);
        }
    }
    println!("{asked} questions over {zones} zones");
    assert!(asked >= 10_000 && zones >= 40, "that is too little");

    let mut told = String::new();
    for (kind, of_kind) in &found {
        let _ = writeln!(told, "\n{} times {kind}, as in:", of_kind.len());
        of_kind.iter().take(SHOWN_MAX).for_each(|text| told += text);
    }
    assert!(found.is_empty(), "differences:\n{told}");

    assert!(ALLOWED.len() <= ALLOWED_MAX, "{} differences are too many to allow", ALLOWED.len());
    if seed.is_none() {
        for (allowed, used) in ALLOWED.iter().zip(used) {
            assert!(used > 0, "no longer used: {:?}, {}", allowed.peer, allowed.permits);
        }
    }
}

/// Messages that are no good queries earn what they earn from others; servers differ in them as they like, and the
/// table says who takes each as we do.
#[test]
fn messages_are_taken_as_the_table_says() {
    let set = zones::set_of(include_str!("../zones/referees.example.zone"));
    let servers = Servers::start(&set);
    let messages = messages();
    let queries: Vec<Query> = messages.iter().map(|(query, _)| query.clone()).collect();
    let [ours, theirs @ ..] = answers(&servers, &queries);
    let mut wrong = String::new();
    for (at, (query, alike)) in messages.iter().enumerate() {
        let read = |answers: &[Option<Vec<u8>>]| answers[at].as_deref().map(Answer::read);
        let our = read(&ours);
        let mut seen = String::new();
        let mut told = format!("  RotaDNS {}\n", shown(our.as_ref()));
        for (name, their) in [("NSD", &theirs[0]), ("Knot", &theirs[1]), ("BIND", &theirs[2])] {
            let their = read(their);
            let _ = writeln!(told, "  {name} {}", shown(their.as_ref()));
            if differences(our.as_ref(), their.as_ref(), query.limit()).is_empty() {
                seen += name;
                seen.push(' ');
            }
        }
        if seen.trim_end() != *alike {
            let _ = writeln!(wrong, "{}: as {seen:?}, not {alike:?}\n{told}", query.name());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What RotaDNS, NSD, Knot and BIND say, each asked everything at the same time.
fn answers(servers: &Servers, queries: &[Query]) -> [Vec<Option<Vec<u8>>>; 4] {
    thread::scope(|scope| {
        let ask = |address| scope.spawn(move || ask_all(address, queries));
        servers.addresses().map(ask).map(|asking| asking.join().expect("it says why"))
    })
}

/// The differences that nothing permits: of which kind, and told so that somebody can look.
fn compare(set: &Set, queries: &[Query], used: &mut [usize]) -> Vec<(String, String)> {
    let servers = Servers::start(set);
    let [ours, nsd, knot, bind] = answers(&servers, queries);
    let mut found = Vec::new();
    for (at, query) in queries.iter().enumerate() {
        let read = |answers: &[Option<Vec<u8>>]| answers[at].as_deref().map(Answer::read);
        let our = read(&ours);
        let theirs =
            [(Peer::Nsd, read(&nsd)), (Peer::Knot, read(&knot)), (Peer::Bind, read(&bind))];
        for (peer, their) in &theirs {
            if matches!(query, Query::Question { name, .. } if set.lacks(*peer, name)) {
                continue;
            }
            let mut parts = differences(our.as_ref(), their.as_ref(), query.limit());
            if let (Some(Ok(our)), Some(Ok(their))) = (&our, their)
                && !parts.is_empty()
            {
                for (entry, allowed) in ALLOWED.iter().enumerate() {
                    let has = allowed.parts.iter().any(|part| parts.contains(part));
                    if has
                        && allowed.peer == *peer
                        && allowed.asks(query)
                        && (allowed.where_)(our, their)
                    {
                        parts.retain(|part| !allowed.parts.contains(part));
                        used[entry] += 1;
                    }
                }
            }
            if parts.is_empty() {
                continue;
            }
            let mut text =
                format!("{}\n  RotaDNS {}", query.dig(servers.ours().port()), shown(our.as_ref()));
            for (peer, their) in &theirs {
                let _ = write!(text, "\n  {peer:?} {}", shown(their.as_ref()));
            }
            found.push((format!("{peer:?} {parts:?}"), text + "\n"));
        }
    }
    found
}

fn shown(answer: Option<&Result<Answer, &'static str>>) -> String {
    match answer {
        None => "says nothing".to_owned(),
        Some(Err(problem)) => format!("cannot be read: {problem}"),
        Some(Ok(answer)) => answer.to_string(),
    }
}
