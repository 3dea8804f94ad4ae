//! Zone files whole: what they mean, and every mistake with its place.

mod inner;
mod pools;
mod roles;
mod side_by_side;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::model::{CheckKind, Policy, SetState, Verify, WhenAllDown, Zone};
use super::nearest::listed;
use super::{ConfigError, Problem, Severity, read_zone, spec, zone_files};
use crate::rdata;

/// A zone without a mistake, around what a test adds to it.
const HEAD: &str = "zone: example.com\nns: [ns1]\n";
const TAIL: &str = "\n  ns1: {A: 192.0.2.53}\n";

fn read(text: &str) -> (Option<Zone>, Vec<ConfigError>) {
    read_zone(Path::new("zones/example.com.yaml"), text)
}

/// The zone of a file without a mistake.
fn zone(text: &str) -> Zone {
    let (zone, mistakes) = read(text);
    let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{told:?}\n{text}");
    zone.expect("a zone without mistakes is there")
}

/// The zone with these records, lines of two blanks before each.
fn records(lines: &str) -> String {
    format!("{HEAD}records:{TAIL}{lines}")
}

/// A record set as text: `TTL TYPE value, value`; `None` where there is none.
fn shown(zone: &Zone, owner: &str, rtype: &str) -> Option<String> {
    let wanted = rdata::parse_type(rtype).expect("a type");
    let set =
        zone.records.iter().find(|set| set.owner.to_string() == owner && set.rtype == wanted)?;
    let values: Vec<_> =
        set.rdata.iter().map(|rdata| rdata::print(wanted, rdata).to_string()).collect();
    Some(format!("{} {rtype} {}", set.ttl, values.join(", ")))
}

/// The mistakes of a text as `line:column+width`, each with its problem.
fn told(text: &str) -> Vec<(String, Problem)> {
    let place = |mistake: ConfigError| {
        let at = mistake.at;
        (format!("{}:{}+{}", at.line, at.column, at.width), mistake.problem)
    };
    read(text).1.into_iter().map(place).collect()
}

/// A text without its marks «…», and where they were.
fn marked(text: &str) -> (String, Vec<String>) {
    let mut places = Vec::new();
    let mut plain = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        let (mut column, mut start) = (1, 1);
        for letter in line.chars() {
            match letter {
                '«' => start = column,
                '»' => places.push(format!("{number}:{start}+{}", column - start)),
                _ => {
                    column += 1;
                    plain.push(letter);
                }
            }
        }
        plain.push('\n');
    }
    (plain, places)
}

/// One mistake in a file, at the mark.
#[track_caller]
fn one(text: &str, problem: Problem) {
    let (text, places) = marked(text);
    assert_eq!(places.len(), 1, "one mark, please: {text}");
    assert_eq!(told(&text), [(places[0].clone(), problem)], "{text}");
}

fn address(text: &str) -> IpAddr {
    text.parse().expect(text)
}

#[test]
fn the_example_of_the_manual_means_what_it_says() {
    let zone = zone(
        r#"
zone: example.com
ttl: 1h
ns: [ns1, ns2]
soa: {rname: host.master@example.com, refresh: 2h, serial: 7}
checks:
  web: {http: {port: 8080, path: /healthz, status: 200-299}, interval: 10s, timeout: 2s, rise: 2, fall: 3}
pools:
  web:
    check: web
    policy: random
    ttl: 1m
    panic: 0.5
    backends:
      web-1: 192.0.2.1
      web-2: {address: [192.0.2.2, "2001:db8::2"], weight: 3}
      web-3: {address: 192.0.2.3, state: down}
records:
  "@": {pool: web, MX: {ttl: 1d, values: [10 mail]}, TXT: v=spf1 -all}
  www: {pool: web}
  api: {pool: {backends: [192.0.2.8, 192.0.2.9], check: {tcp: {port: 443}}}}
  ns1: {A: 192.0.2.53}
  ns2: {A: 198.51.100.53}
  mail: {A: 192.0.2.25, AAAA: "2001:db8::25"}
  "*.pages": {CNAME: www}
"#,
    );
    for (owner, rtype, expected) in [
        ("example.com.", "NS", "3600 NS ns1.example.com., ns2.example.com."),
        ("example.com.", "MX", "86400 MX 10 mail.example.com."),
        ("example.com.", "TXT", "3600 TXT \"v=spf1 -all\""),
        ("mail.example.com.", "AAAA", "3600 AAAA 2001:db8::25"),
        ("*.pages.example.com.", "CNAME", "3600 CNAME www.example.com."),
    ] {
        assert_eq!(shown(&zone, owner, rtype).as_deref(), Some(expected));
    }
    assert_eq!(zone.serial, Some(7));
    assert_eq!(zone.soa.mname, b"\x03ns1\x07example\x03com\x00");
    assert_eq!(zone.soa.rname, b"\x0bhost.master\x07example\x03com\x00");
    assert_eq!((zone.soa.refresh, zone.soa.retry, zone.soa.minimum), (7200, 600, 300));

    let [web, api] = zone.pools.as_slice() else { panic!("two pools") };
    assert_eq!((web.name.as_str(), api.name.as_str()), ("web", "api"));
    assert_eq!((web.policy, web.ttl, web.min_ttl, web.panic), (Policy::Random, 60, 5, 500));
    assert_eq!((web.answers.get(), web.when_all_down), (8, WhenAllDown::All));
    let backends: Vec<_> = web
        .backends
        .iter()
        .map(|b| (b.name.as_str(), b.weight, b.state, b.addresses().to_vec()))
        .collect();
    let expected = [
        ("web-1", 1, SetState::Auto, vec![address("192.0.2.1")]),
        ("web-2", 3, SetState::Auto, vec![address("192.0.2.2"), address("2001:db8::2")]),
        ("web-3", 1, SetState::Down, vec![address("192.0.2.3")]),
    ];
    assert_eq!(backends, expected);
    let names: Vec<_> = api.backends.iter().map(|backend| backend.name.as_str()).collect();
    assert_eq!(names, ["192.0.2.8", "192.0.2.9"]);
    let check = web.check.as_deref().expect("it is checked");
    assert_eq!((check.timeout, check.rise.get(), check.fall.get()), (Duration::from_secs(2), 2, 3));

    let owners: Vec<_> = zone.balanced.iter().map(|b| (b.owner.to_string(), b.pool)).collect();
    let expected = [("example.com.", 0), ("www.example.com.", 0), ("api.example.com.", 1)];
    assert_eq!(owners, expected.map(|(owner, pool)| (owner.to_owned(), pool)));
}

#[test]
fn every_scalar_is_its_source_text() {
    let zone = zone(&records(
        r#"  no: {A: 192.0.2.1}
  on: {A: 192.0.2.2}
  1: {A: 192.0.2.3}
  010: {A: 192.0.2.4}
  null: {A: 192.0.2.5}
  1e3: {A: 192.0.2.6}
  texts: {TXT: [NO, 1.10, null, ~, 0x10, yes, "2001:db8::"]}
  six: {AAAA: "2001:db8::"}
"#,
    ));
    for (owner, value) in [
        ("no", "192.0.2.1"),
        ("on", "192.0.2.2"),
        ("1", "192.0.2.3"),
        ("010", "192.0.2.4"),
        ("null", "192.0.2.5"),
        ("1e3", "192.0.2.6"),
    ] {
        let owner = format!("{owner}.example.com.");
        assert_eq!(shown(&zone, &owner, "A"), Some(format!("3600 A {value}")));
    }
    let texts = r#"3600 TXT "NO", "1.10", "null", "~", "0x10", "yes", "2001:db8::""#;
    assert_eq!(shown(&zone, "texts.example.com.", "TXT").as_deref(), Some(texts));
    assert_eq!(shown(&zone, "six.example.com.", "AAAA").as_deref(), Some("3600 AAAA 2001:db8::"));
}

#[test]
fn a_status_is_its_digits_too() {
    let text = format!(
        "{HEAD}pools: {{p: {{check: {{http: {{status: 200}}}}, backends: [192.0.2.1]}}}}\nrecords:{TAIL}  www: {{pool: p}}\n"
    );
    let zone = zone(&text);
    let check = zone.pools[0].check.as_deref().expect("it is checked");
    let CheckKind::Http(http) = &check.kind else { panic!("an HTTP check") };
    assert_eq!(
        (http.status.clone(), http.port.get(), http.path.as_str()),
        (vec![200..=200], 80, "/")
    );
}

#[test]
fn rfc1035_3_3_14_a_long_text_is_cut_into_strings_of_255_bytes() {
    let text = "x".repeat(600);
    let zone = zone(&records(&format!(
        "  long: {{TXT: {text}}}\n  empty: {{TXT: \"\"}}\n  cut: {{TXT: '\"a b\" \"c\"'}}\n  semi: {{TXT: v=DKIM1; p=ab\\c}}\n"
    )));
    let lengths = |owner: &str| {
        let set = zone.records.iter().find(|set| set.owner.to_string() == owner).expect(owner);
        let mut rest = set.rdata[0].as_slice();
        let mut lengths = Vec::new();
        while let Some((len, tail)) = rest.split_first() {
            lengths.push(*len);
            rest = &tail[usize::from(*len)..];
        }
        lengths
    };
    assert_eq!(lengths("long.example.com."), [255, 255, 90]);
    assert_eq!(lengths("empty.example.com."), [0]);
    assert_eq!(lengths("cut.example.com."), [3, 1]);
    assert_eq!(lengths("semi.example.com."), ["v=DKIM1; p=ab\\c".len() as u8]);
}

#[test]
fn a_check_inline_and_one_by_name_say_the_same() {
    let text = format!(
        r#"{HEAD}checks:
  c: {{https: {{host: a.example, sni: b.example, headers: {{X-Test: "1"}}, body: ok, verify: false}}, interval: 1s}}
pools:
  a: {{check: c, backends: 192.0.2.1}}
  b:
    check: {{https: {{host: a.example, sni: b.example, headers: {{X-Test: "1"}}, body: ok, verify: false}}, interval: 1s}}
    backends: {{one: [192.0.2.2]}}
records:{TAIL}  a: {{pool: a}}
  b: {{pool: b}}
"#
    );
    let zone = zone(&text);
    assert_eq!(zone.pools[0].check, zone.pools[1].check);
    let check = zone.pools[0].check.as_deref().expect("it is checked");
    // The defaults of two seconds give way to the shorter interval.
    assert_eq!(
        (check.timeout, check.fast_interval),
        (Duration::from_secs(1), Duration::from_secs(1))
    );
    let CheckKind::Http(http) = &check.kind else { panic!("an HTTPS check") };
    assert_eq!(http.port.get(), 443);
    assert_eq!(http.tls.as_ref().map(|tls| &tls.verify), Some(&Verify::Off));
}

#[test]
fn a_pool_falls_back_to_another_one_that_no_record_names() {
    let text = format!(
        "{HEAD}pools:\n  a: {{when_all_down: fallback, fallback: b, ttl: 3, backends: [192.0.2.1]}}\n  b: [192.0.2.2]\nrecords:{TAIL}  a: {{pool: a}}\n"
    );
    let zone = zone(&text);
    assert_eq!(zone.pools[0].when_all_down, WhenAllDown::Fallback(1));
    assert_eq!(zone.pools[0].min_ttl, 3, "at most the ttl");
}

#[test]
fn mistakes_in_the_shape_of_a_file_have_their_place() {
    let expected = |what, found| Problem::Expected { what, found };
    let not_native =
        |misspelt: Option<&str>| Problem::NotNative { misspelt: misspelt.map(str::to_owned) };
    one("«a»: b", not_native(None));
    one("«-» a", not_native(None));
    one("«z»on: example.com\nrecords: {www: {A: 192.0.2.1}}", not_native(Some("zon")));
    one("«r»ecords: {www: {A: 192.0.2.1}}", not_native(None));
    let known =
        "`zone`, `ttl`, `ns`, `soa`, `reverse`, `secondaries`, `views`, `checks`, `pools`, `records`"
            .to_owned();
    one(
        &format!("{}«recrods»: {{}}\n", records("")),
        Problem::UnknownKey {
            place: "a zone file",
            key: "recrods".into(),
            near: Some("records"),
            known,
        },
    );
    one(
        &records("  a: «[»b]\n"),
        expected("a map of `pool`, `rules`, `role`, `alias` and record types", "a list"),
    );
    one(&records("  a: {A: [«[»b]]}\n"), expected("a single value", "a list"));
    one(&records("  «a»: {}\n"), Problem::NoRecords { name: "a".into() });
    one(&records("  a: {A: «[»]}\n"), Problem::NoValues);
    one(
        &records("  a: {A: «{»ttl: 5}}\n"),
        Problem::MissingKey { place: "a record set", key: "values" },
    );
    one(
        &records("  a: {A: 192.0.2.1, «A»: 192.0.2.2}\n"),
        Problem::DuplicateKey { key: "A".into(), first: 5 },
    );
    one(
        &records("  ttl: {A: {ttl: «1x», values: 192.0.2.1}}\n"),
        Problem::BadDuration { text: "1x".into() },
    );
}

#[test]
fn mistakes_in_names_and_records_have_their_place() {
    let near = Some("AAAA");
    one(&records("  a: {«AAA»: \"::1\"}\n"), Problem::UnknownType { text: "AAA".into(), near });
    let near = Some("pool");
    one(&records("  a: {«pol»: x}\n"), Problem::UnknownType { text: "pol".into(), near });
    one(&records("  a: {«SOA»: x}\n"), Problem::SoaAmongRecords);
    one(
        &records("  «a.example.net.»: {A: 192.0.2.1}\n"),
        Problem::OutOfZone { name: "a.example.net.".into(), zone: "example.com.".into() },
    );
    one(
        &records("  «a..b»: {A: 192.0.2.1}\n"),
        Problem::BadName { text: "a..b".into(), error: crate::name::NameError::EmptyLabel },
    );
    let long = "a".repeat(64);
    one(
        &records(&format!("  «{long}»: {{A: 192.0.2.1}}\n")),
        Problem::BadName { text: long, error: crate::name::NameError::LabelTooLong },
    );
    one(
        &records("  a: {A: 192.0.2.1}\n  «A.example.com.»: {TXT: x}\n"),
        Problem::OwnerTwice { name: "a.example.com.".into(), first: 5 },
    );
    one(&records("  a: {MX: [10 ns1, 20 ns1, «10 NS1»]}\n"), Problem::DuplicateRecord { first: 5 });
    one(&records("  \"@\": {«NS»: ns1}\n"), Problem::NameServersTwice { first: 2 });
    one("«z»one: example.com\nrecords: {a: {A: 192.0.2.1}}", Problem::NoNameServers);
    one(
        "zone: «example.org»\nns: ns.example.net.",
        Problem::ZoneName { zone: "example.org.".into(), file: "example.com.".into() },
    );
}

#[test]
fn a_mistake_inside_a_value_is_pointed_at() {
    for line in [
        ("  a: {A: «192.0.2.256»}\n"),
        ("  a: {MX: [10 ns1, «1x» ns1]}\n"),
        ("  a: {MX: \"«1x» ns1\"}\n"),
        // With an escape the text is not what stands in the file: the whole of it is shown.
        ("  a: {MX: «\"1\\x78 ns1\"»}\n"),
        ("  a:\n    MX: |-\n      «1x»\n      ns1\n"),
    ] {
        let (text, places) = marked(&records(line));
        let mistakes = told(&text);
        assert_eq!(mistakes.len(), 1, "{line}: {mistakes:?}");
        assert!(matches!(mistakes[0].1, Problem::Rdata(_)), "{line}");
        assert_eq!(mistakes[0].0, places[0], "{line}");
    }
}

#[test]
fn rfc1034_3_6_2_a_cname_stands_alone_and_leads_somewhere() {
    let beside = |other: &str| Problem::CnameBesideOther {
        name: "a.example.com.".into(),
        other: other.into(),
    };
    one(&records("  a: {«CNAME»: ns1, TXT: x}\n"), beside("TXT"));
    one(&records("  a: {«CNAME»: ns1, pool: [192.0.2.1]}\n"), beside("a pool"));
    let only = Problem::OnlyOne { rtype: "CNAME".into(), name: "a.example.com.".into() };
    one(&records("  a: {CNAME: [ns1, «b»]}\n"), only);
    let circle = |names: &[&str]| Problem::CnameLoop {
        names: names.iter().map(|name| format!("{name}.example.com.")).collect(),
    };
    one(
        &records("  c: {CNAME: a}\n  a: {CNAME: «b»}\n  b: {CNAME: a}\n"),
        circle(&["a", "b", "a"]),
    );
    one(&records("  a: {CNAME: «a»}\n"), circle(&["a", "a"]));
    // RFC 4592 §2.2: a wildcard answers for its own target.
    one(&records("  \"*.w\": {CNAME: «x.w.example.com.»}\n"), circle(&["*.w", "*.w"]));
    let zone = read(&records("  \"*.w\": {CNAME: x.w.example.com.}\n  x.w: {A: 192.0.2.1}\n"));
    assert_eq!(zone.1, [], "what exists stops the wildcard");
}

#[test]
fn rfc4592_4_2_no_name_servers_at_a_wildcard() {
    one(
        &records("  \"*\": {«NS»: ns1}\n"),
        Problem::NameServersAtWildcard { name: "*.example.com.".into() },
    );
}

#[test]
fn addresses_beside_a_pool_are_a_mistake() {
    one(
        &records("  a: {pool: [192.0.2.1], «AAAA»: \"2001:db8::1\"}\n"),
        Problem::AddressBesidePool { rtype: "AAAA".into(), name: "a.example.com.".into() },
    );
}

#[test]
fn rfc4035_5_a_zone_that_is_signed_is_refused() {
    one(&records("  '@': {«DNSKEY»: 257 3 8 AQ==}\n"), Problem::Signed);
    let signature = "A 8 1 60 20300101000000 20200101000000 1 example. AQ==";
    one(&records(&format!("  a: {{A: 192.0.2.1, «RRSIG»: {signature}}}\n")), Problem::Signatures);
}

#[test]
fn an_alias_answers_for_addresses_by_itself() {
    let beside = |other: &str| Problem::AliasBesideOther {
        name: "a.example.com.".into(),
        other: other.into(),
    };
    one(&records("  a: {A: 192.0.2.1, «alias»: ns1}\n"), beside("A"));
    one(&records("  a: {«alias»: ns1, pool: [192.0.2.1]}\n"), beside("a pool"));
    one(
        &records("  a: {alias: ns1, «CNAME»: ns1}\n"),
        Problem::CnameBesideOther { name: "a.example.com.".into(), other: "an alias".into() },
    );
    one(
        &records("  a: {alias: «ns1.example.com»}\n"),
        Problem::DottedTarget {
            text: "ns1.example.com".into(),
            name: "ns1.example.com.example.com.".into(),
        },
    );
    one(
        &records("  a: {«aliass»: ns1}\n"),
        Problem::UnknownType { text: "aliass".into(), near: Some("alias") },
    );
    let aliases = zone(&records("  '@': {alias: a.example.net., MX: 10 ns1}\n")).aliases;
    let shown = aliases.iter().map(|alias| format!("{} {}", alias.owner, alias.target));
    assert_eq!(shown.collect::<Vec<_>>(), ["example.com. a.example.net."]);
}

/// The zone with a pool whose body is this flow map.
fn pool(body: &str) -> String {
    format!("{HEAD}records:{TAIL}  www: {{pool: p}}\npools:\n  p: {body}\n")
}

#[test]
fn mistakes_in_pools_have_their_place() {
    let range =
        |what, text: &str, least, most| Problem::BadNumber { what, text: text.into(), least, most };
    one(&pool("{backends: «[»]}"), Problem::NoBackends);
    one(&pool("{ttl: 5s}").replace("  p:", "  «p»:"), Problem::NoBackends);
    one(&pool("{}").replace("  p:", "  «p»:"), Problem::NoBackends);
    one(&pool("«[»]"), Problem::NoBackends);
    one(&pool("{backends: {a: «[»]}}"), Problem::NoAddresses { backend: "a".into() });
    one(&pool("[192.0.2.1, «192.0.2.300»]"), Problem::BadAddress { text: "192.0.2.300".into() });
    one(
        &pool("[192.0.2.1, «192.0.2.1»]"),
        Problem::DuplicateAddress { address: "192.0.2.1".into(), first: 7 },
    );
    one(
        &pool("{backends: {a: {address: 192.0.2.1, weight: «65536»}}}"),
        range("a weight", "65536", 0, 65535),
    );
    one(&pool("{backends: {a: «{»weight: 1}}}"), Problem::NoAddressOrTarget);
    one(
        &pool("{policy: «round-robin», backends: [192.0.2.1]}"),
        Problem::BadChoice {
            what: "a policy",
            text: "round-robin".into(),
            near: Some("round_robin"),
            known: "`round_robin`, `weighted`, `random`, `fixed`, `least_load`, `hash`, `failover`, `nearest`"
                .into(),
        },
    );
    one(&pool("{panic: «50%», backends: [192.0.2.1]}"), Problem::BadShare { text: "50%".into() });
    one(
        &pool("{ttl: 5s, min_ttl: «10s», backends: [192.0.2.1]}"),
        Problem::MinTtlTooLong { min_ttl: 10, ttl: 5 },
    );
    one(&pool("{when_all_down: «fallback», backends: [192.0.2.1]}"), Problem::NoFallback);
    one(&pool("{«fallback»: p, backends: [192.0.2.1]}"), Problem::FallbackUnused);
    one(
        &pool("{when_all_down: fallback, fallback: «p», backends: [192.0.2.1]}"),
        Problem::FallbackLoop { pools: vec!["p".into(), "p".into()] },
    );
    one(
        &pool("{check: «wbe», backends: [192.0.2.1]}\nchecks: {web: {tcp: {port: 1}}}"),
        Problem::UnknownCheck { name: "wbe".into(), near: Some("web".into()) },
    );
}

#[test]
fn a_chain_of_fallbacks_has_an_end_that_is_near() {
    let chain = |others: usize| {
        let link = |at: usize| {
            let mark = if at == 0 { ["«", "»"] } else { ["", ""] };
            let fallback = format!("{}p{}{}", mark[0], at + 1, mark[1]);
            format!(
                "  p{at}: {{backends: [192.0.2.1], when_all_down: fallback, fallback: {fallback}}}\n"
            )
        };
        let links: String = (0..others).map(link).collect();
        format!(
            "{HEAD}records:{TAIL}  www: {{pool: p0}}\npools:\n{links}  p{others}: [192.0.2.1]\n"
        )
    };
    zone(&chain(16).replace(['«', '»'], ""));
    one(&chain(17), Problem::FallbackTooLong { pool: "p0".into(), most: 16 });
}

#[test]
fn a_pool_that_is_not_there_names_the_nearest() {
    let text = format!(
        "{HEAD}pools: {{web: [192.0.2.1]}}\nrecords:{TAIL}  a: {{pool: web}}\n  b: {{pool: «wbe»}}\n"
    );
    one(&text, Problem::UnknownPool { name: "wbe".into(), near: Some("web".into()) });
    let text = format!(
        "{HEAD}pools: {{web: [192.0.2.1]}}\nrecords:{TAIL}  a: {{pool: web}}\n  «web»: {{pool: [192.0.2.2]}}\n"
    );
    one(&text, Problem::PoolNameTaken { name: "web".into(), first: 3 });
}

/// A file with this check.
fn check(body: &str) -> String {
    pool(&format!("{{check: {{{body}}}, backends: [192.0.2.1]}}"))
}

#[test]
fn mistakes_in_checks_have_their_place() {
    let seconds = Duration::from_secs;
    let body = "{check: «{»interval: 5s}, backends: [192.0.2.1]}";
    one(&pool(body), Problem::NoKind { kinds: listed(spec::check::kinds()) });
    one(&check("tcp: {port: 1}, «http»: {}"), Problem::TwoKinds { kinds: "`tcp`, `http`".into() });
    one(
        &check("tcp: {port: 1}, timeout: «20s»"),
        Problem::TimeoutTooLong { timeout: seconds(20), interval: seconds(10) },
    );
    one(
        &check("tcp: {port: 1}, fast_interval: «1m»"),
        Problem::FastIntervalTooLong { fast: seconds(60), interval: seconds(10) },
    );
    one(&check("tcp: «{»}"), Problem::MissingKey { place: "`tcp`", key: "port" });
    one(
        &check("tcp: {port: «0»}"),
        Problem::BadNumber { what: "a port", text: "0".into(), least: 1, most: 65535 },
    );
    one(&check("http: {path: «healthz»}"), Problem::BadPath { text: "healthz".into() });
    one(&check("http: {status: «2xx»}"), Problem::BadStatus { text: "2xx".into() });
    one(&check("http: {status: «299-200»}"), Problem::BadStatus { text: "299-200".into() });
    one(&check("http: {host: «'http://a'»}"), Problem::BadHost { text: "http://a".into() });
    one(&check("https: {sni: «'a:443'»}"), Problem::BadServerName { text: "a:443".into() });
    one(&check("http: {headers: {«a b»: c}}"), Problem::BadHeader { text: "a b".into() });
    let value = Problem::BadHeader { text: "Authorization: …".into() };
    assert!(value.to_string().starts_with("`Authorization: ***` is not a header field"));
    one(&check("http: {headers: {Authorization: «\"a\\x01b\"»}}"), value);
    let fields: Vec<String> = (0..64).map(|field| format!("h{field}: x, ")).collect();
    let one_more = format!("http: {{headers: {{{}«h64»: x, h65: x}}}}", fields.concat());
    one(&check(&one_more), Problem::TooManyHeaders { most: 64 });
    one(&check("http: {body: «''»}"), Problem::EmptyText { what: "the body's text" });
    one(
        &check("https: {ca: «no-such.pem»}"),
        Problem::MissingCa { path: PathBuf::from("zones/no-such.pem") },
    );
    one(&check("https: {«ca»: a.pem, verify: false}"), Problem::CaWithoutVerify);
    one(
        &check("tcp: {port: 1}, interval: «0»"),
        Problem::BadSpan {
            what: "the interval",
            text: "0".into(),
            least: Duration::from_millis(10),
            most: seconds(86_400),
        },
    );
}

#[cfg(feature = "databases")]
#[test]
fn each_mistake_of_a_login_is_told() {
    one(&check("postgres: «{»port: 1}"), Problem::MissingKey { place: "`postgres`", key: "user" });
    one(&check("mysql: {user: a, «password»: b}"), Problem::PasswordInFile);
    one(&check("mysql: {user: a, password_file: b, «password_env»: C}"), Problem::TwoPasswords);
    one(
        &check("mysql: {user: a, password_env: «B=c»}"),
        Problem::BadVariable { text: "B=c".into() },
    );
    one(&check("redis: {«user»: a}"), Problem::UserWithoutPassword);
    one(&check("redis: {tls: {«ca»: a.pem, verify: false}}"), Problem::CaWithoutVerify);
    one(&check("postgres: {user: «''»}"), Problem::EmptyText { what: "a user" });
    one(&check("postgres: {user: «\"a\\0b\"»}"), Problem::ControlCharacters { what: "a user" });
}

#[cfg(not(feature = "databases"))]
#[test]
fn a_database_that_this_build_cannot_ask_is_a_mistake() {
    for kind in ["postgres", "redis", "mysql"] {
        let problem = Problem::NotBuilt { kind, feature: "databases" };
        one(&check(&format!("{kind}: «{{»}}")), problem);
    }
}

#[cfg(feature = "grpc")]
#[test]
fn each_mistake_of_a_call_is_told() {
    one(&check("grpc: «{»service: a}"), Problem::MissingKey { place: "`grpc`", key: "port" });
    let what = "the name of a service";
    one(&check("grpc: {port: 1, service: «\"a\\nb\"»}"), Problem::ControlCharacters { what });
    let long = "x".repeat(256);
    one(
        &check(&format!("grpc: {{port: 1, service: «{long}»}}")),
        Problem::SaidTooLong { what, most: 255 },
    );
    one(
        &check("grpc: {port: 1, host: «'http://a'»}"),
        Problem::BadHost { text: "http://a".into() },
    );
    one(&check("grpc: {port: 1, tls: {«ca»: a.pem, verify: false}}"), Problem::CaWithoutVerify);
}

#[cfg(not(feature = "grpc"))]
#[test]
fn a_call_that_this_build_cannot_make_is_a_mistake() {
    let problem = Problem::NotBuilt { kind: "grpc", feature: "grpc" };
    one(&check("grpc: «{»port: 1}"), problem);
}

#[test]
fn each_mistake_of_echoes_and_files_is_told() {
    let echoes = |text: &str, most| Problem::BadNumber {
        what: "a number of echoes",
        text: text.into(),
        least: 1,
        most,
    };
    one(&check("icmp: {count: «17»}"), echoes("17", 16));
    one(&check("icmp: {count: «0»}"), echoes("0", 16));
    one(&check("icmp: {count: 2, at_least: «3»}"), echoes("3", 2));
    one(&check("icmp: {at_least: «2»}"), echoes("2", 1));
    one(&check("file: «{»name: a}"), Problem::MissingKey { place: "`file`", key: "path" });
    let what = "the path of a file";
    one(&check("file: {path: «''»}"), Problem::EmptyText { what });
    one(&check("file: {path: «\"a\\0b\"»}"), Problem::ControlCharacters { what });
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(365 * 86_400));
    let (what, text) = ("the age of a file", "0s".into());
    one(&check("file: {path: a, max_age: «0s»}"), Problem::BadSpan { what, text, least, most });
}

/// One warning in a file, which is used all the same.
#[track_caller]
fn warned(text: &str, problem: Problem) {
    let (zone, mistakes) = read(&marked(text).0);
    assert!(zone.is_some(), "a warning stops nothing: {mistakes:?}");
    assert!(mistakes.iter().all(|mistake| mistake.severity == Severity::Warning));
    one(text, problem);
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    warned(
        &format!("{HEAD}checks: {{«c»: {{tcp: {{port: 1}}}}}}\nrecords:{TAIL}"),
        Problem::UnusedCheck { name: "c".into() },
    );
    warned(
        &format!("{HEAD}pools: {{«p»: [192.0.2.1]}}\nrecords:{TAIL}"),
        Problem::UnusedPool { name: "p".into() },
    );
    warned(
        &records("  a: {CNAME: «www.example.net»}\n"),
        Problem::DottedTarget {
            text: "www.example.net".into(),
            name: "www.example.net.example.com.".into(),
        },
    );
    warned(
        &records("  a: {MX: 10 «mx.example.net»}\n"),
        Problem::DottedTarget {
            text: "mx.example.net".into(),
            name: "mx.example.net.example.com.".into(),
        },
    );
    warned(
        &records("  «www.example.com»: {A: 192.0.2.1}\n"),
        Problem::OwnerHasZone {
            text: "www.example.com".into(),
            name: "www.example.com.example.com.".into(),
        },
    );
    warned(
        "zone: example.com\nns: [«ns1»]\nrecords: {ns2: {A: 192.0.2.1}}",
        Problem::NameServerWithoutAddress { name: "ns1.example.com.".into() },
    );
    // A relative target with dots that is there is what it says.
    assert_eq!(told(&records("  a: {CNAME: b.c}\n  b.c: {A: 192.0.2.1}\n")), []);
}

#[test]
fn rfc2181_10_3_no_mail_or_name_server_behind_a_cname() {
    let leads =
        |rtype: &str| Problem::TargetIsCname { rtype: rtype.into(), name: "c.example.com.".into() };
    warned(&records("  c: {CNAME: ns1}\n  a: {MX: «10 c»}\n"), leads("MX"));
    warned(&records("  c: {CNAME: ns1}\n  a: {SRV: «0 0 1 c»}\n"), leads("SRV"));
    warned(&records("  c: {CNAME: ns1}\n  a: {NS: «c»}\n"), leads("NS"));
}

#[test]
fn rfc2136_7_18_what_a_cut_or_a_dname_hides_is_told() {
    let hidden = |what: &str, name: &str, by, at: &str| Problem::Occluded {
        what: what.into(),
        name: format!("{name}.example.com."),
        by,
        at: format!("{at}.example.com."),
    };
    let cut = "  d: {NS: ns.d}\n  ns.d: {A: 192.0.2.1}\n";
    assert_eq!(told(&records(cut)), [], "glue is needed");
    warned(
        &records(&format!("{cut}  x.d: {{«A»: 192.0.2.2}}\n")),
        hidden("A", "x.d", "delegation", "d"),
    );
    warned(
        &records(&format!("{cut}  x.d: {{«pool»: [192.0.2.2]}}\n")),
        hidden("pool", "x.d", "delegation", "d"),
    );
    warned(
        &records(
            "  d: {NS: ns1, DS: 1 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff, «TXT»: x}\n",
        ),
        hidden("TXT", "d", "delegation", "d"),
    );
    warned(
        &records("  d: {DNAME: example.net.}\n  x.d: {«TXT»: y}\n"),
        hidden("TXT", "x.d", "DNAME", "d"),
    );
}

#[test]
fn every_mistake_of_a_file_is_told_in_its_order() {
    let (text, places) = marked(
        "zone: example.com
ttl: «soon»
ns: [«ns1»]
pools:
  web: {«polcy»: random, backends: [«192.0.2.x»]}
records:
  www: {pool: «wbe», «AAA»: x}
  ns1: {A: 192.0.2.1, «CNAME»: y}
",
    );
    let found: Vec<_> = told(&text).into_iter().map(|(place, _)| place).collect();
    assert_eq!(found, places);
}

#[test]
fn an_alias_says_what_its_anchor_says() {
    let zone = zone(&records("  a: &a {A: 192.0.2.1}\n  b: *a\n"));
    assert_eq!(shown(&zone, "b.example.com.", "A").as_deref(), Some("3600 A 192.0.2.1"));
}

#[test]
fn the_examples_are_without_a_mistake() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("zones");
    let (files, problems) = zone_files(&[folder]);
    assert_eq!(problems, []);
    let files: Vec<_> =
        files.iter().filter(|file| file.extension().is_some_and(|end| end == "yaml")).collect();
    assert!(files.len() >= 2);
    for file in files {
        let text = std::fs::read_to_string(file).expect("it can be read");
        let (zone, mistakes) = read_zone(file, &text);
        let told: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        assert!(told.is_empty() && zone.is_some(), "{told:#?}");
    }
}

#[test]
fn no_text_makes_the_reader_panic() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    let example = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("zones/example.com.yaml"),
    )
    .expect("it can be read");
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 300, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    // A good file with one piece of it replaced by another text.
    let strategy = (any::<prop::sample::Index>(), 0usize..20, "[\\PC\\n]{0,12}");
    runner
        .run(&strategy, |(at, len, piece)| {
            let mut letters: Vec<char> = example.chars().collect();
            let start = at.index(letters.len());
            let end = (start + len).min(letters.len());
            letters.splice(start..end, piece.chars());
            let text: String = letters.into_iter().collect();
            let (_, mistakes) = read(&text);
            for mistake in mistakes {
                let sentence = mistake.to_string();
                prop_assert!(!sentence.contains('\n') && !sentence.ends_with('.'), "{}", sentence);
            }
            Ok(())
        })
        .expect("no text does");
}
