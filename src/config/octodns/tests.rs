//! What octoDNS files mean, said in our own format, and the mistakes in them.

use std::path::Path;

use crate::config::model::Zone;
use crate::config::{ConfigError, read_zone};

fn read(text: &str) -> (Option<Zone>, Vec<ConfigError>) {
    read_zone(Path::new("example.com.yaml"), text)
}

/// Name servers, without which no zone is one.
const NS: &str = "'': {type: NS, values: [ns1.example.com., ns2.example.net.]}\nns1: {type: A, value: 192.0.2.53}\n";
const OURS: &str = "zone: example.com\nsoa: {mname: ns1}\nrecords:\n  \"@\": {NS: [ns1, ns2.example.net.]}\n  ns1: {A: 192.0.2.53}\n";

/// Records of octoDNS, and what our own format says in their place.
#[track_caller]
fn same(octodns: &str, ours: &str) {
    let (expected, mistakes) = read(&format!("{OURS}{ours}"));
    assert_eq!(mistakes, [], "{ours}");
    let (found, mistakes) = read(&format!("{NS}{octodns}"));
    assert_eq!(mistakes, [], "{octodns}");
    assert_eq!(found, expected, "{octodns}");
}

/// The mistakes, as line:column and sentence.
fn told(text: &str) -> Vec<String> {
    let (zone, mistakes) = read(text);
    assert!(zone.is_none(), "{text}");
    let told = |mistake: ConfigError| {
        format!("{}:{}: {}", mistake.at.line, mistake.at.column, mistake.problem)
    };
    mistakes.into_iter().map(told).collect()
}

#[track_caller]
fn wrong(record: &str, expected: &str) {
    assert_eq!(told(&format!("{NS}{record}\n")), [expected], "{record}");
}

#[test]
fn records_are_what_they_are_in_our_own_format() {
    for (octodns, ours) in [
        (
            "www: {type: A, ttl: 60, values: [192.0.2.1, 192.0.2.2]}",
            "  www: {A: {ttl: 60, values: [192.0.2.1, 192.0.2.2]}}",
        ),
        ("www: {type: AAAA, value: '2001:db8::1'}", "  www: {AAAA: \"2001:db8::1\"}"),
        (
            "www:\n- {type: A, value: 192.0.2.1}\n- {type: TXT, value: hello}\n",
            "  www: {A: 192.0.2.1, TXT: hello}",
        ),
        ("1: {type: PTR, value: a.b.}", "  1: {PTR: a.b.}"),
        ("010: {type: PTR, values: [a.b.]}", "  010: {PTR: a.b.}"),
        ("'*.no': {type: CNAME, value: ns1.example.com.}", "  \"*.no\": {CNAME: ns1}"),
        ("old: {type: DNAME, value: new.example.}", "  old: {DNAME: new.example.}"),
        (
            "a: {type: MX, values: [{preference: 10, exchange: m.}, {priority: 20, value: n.}]}",
            "  a: {MX: [10 m., 20 n.]}",
        ),
        (
            "_sip._tcp: {type: SRV, value: {priority: 1, weight: 2, port: 5060, target: t.}}",
            "  _sip._tcp: {SRV: 1 2 5060 t.}",
        ),
        (
            "a: {type: CAA, value: {tag: issue, value: 'ca.example\\; policy=ev'}}",
            "  a: {CAA: '0 issue \"ca.example; policy=ev\"'}",
        ),
        (
            "a: {type: NAPTR, value: {order: 1, preference: 2, flags: U, service: E2U+sip, regexp: '!^.*$!sip:x@y!', replacement: .}}",
            "  a: {NAPTR: '1 2 U E2U+sip \"!^.*$!sip:x@y!\" .'}",
        ),
        (
            "a: {type: NAPTR, value: {order: 1, preference: 2, flags: '', service: s, regexp: '', replacement: r.}}",
            "  a: {NAPTR: 1 2 \"\" s \"\" r.}",
        ),
        (
            "a: {type: SSHFP, value: {algorithm: 4, fingerprint_type: 2, fingerprint: 0a0b}}",
            "  a: {SSHFP: '4 2 0a0b'}",
        ),
        (
            "_443._tcp: {type: TLSA, value: {certificate_usage: 3, selector: 1, matching_type: 1, certificate_association_data: 0a0b}}",
            "  _443._tcp: {TLSA: 3 1 1 0a0b}",
        ),
        (
            "a:\n- {type: DS, value: {key_tag: 1, algorithm: 13, digest_type: 2, digest: 0a0b}}\n- {type: NS, value: b.}",
            "  a: {DS: 1 13 2 0a0b, NS: b.}",
        ),
        (
            "a: {type: LOC, value: {lat_degrees: 52, lat_minutes: 22, lat_seconds: 23, lat_direction: N, long_degrees: 4, long_minutes: 53, long_seconds: 32, long_direction: E, altitude: -2, size: 1, precision_horz: 10000, precision_vert: 10}}",
            "  a: {LOC: 52 22 23 N 4 53 32 E -2m 1m 10000m 10m}",
        ),
        (
            "a: {type: HTTPS, value: {svcpriority: 1, targetname: ., svcparams: {alpn: [h2, h3], port: 8443, no-default-alpn: }}}",
            "  a: {HTTPS: '1 . alpn=h2,h3 port=8443 no-default-alpn'}",
        ),
        ("a: {type: SVCB, value: {svcpriority: 0, targetname: b.}}", "  a: {SVCB: 0 b.}"),
        (
            "a: {type: SVCB, value: {svcpriority: 1, targetname: b., svcparams: {key667: 'a \"b'}}}",
            "  a: {SVCB: '1 b. key667=\"a \\\"b\"'}",
        ),
        (
            "a: {type: URI, value: {priority: 1, weight: 2, target: 'https://a/'}}",
            "  a: {URI: '1 2 \"https://a/\"'}",
        ),
        ("a: {type: OPENPGPKEY, value: AQIDBA==}", "  a: {OPENPGPKEY: AQIDBA==}"),
        (
            "a: {type: TXT, values: ['v=DKIM1\\; k=rsa', '', 'say \"hi\"']}",
            "  a: {TXT: [v=DKIM1; k=rsa, '', 'say \"hi\"']}",
        ),
        ("a: {type: SPF, value: v=spf1 -all}", "  a: {SPF: '\"v=spf1 -all\"'}"),
        ("a: {type: ALIAS, value: ns1.example.com.}", "  a: {alias: ns1}"),
        // What octoDNS is told of a record does not concern what is served, but that it is left to others.
        (
            "a: {type: TXT, value: b, octodns: {lenient: true, excluded: [x], cloudflare: {proxied: true}, healthcheck: {path: /}}}",
            "  a: {TXT: b}",
        ),
        (
            "a:\n- {type: TXT, value: b}\n- {type: A, value: 192.0.2.1, octodns: {ignored: true}}",
            "  a: {TXT: b}",
        ),
    ] {
        same(octodns, ours);
    }
}

#[test]
fn what_octodns_would_refuse_is_a_mistake() {
    wrong(
        "'@': {type: A, value: 192.0.2.1}",
        "3:1: `@` is no name in octoDNS; the zone itself is `''`",
    );
    wrong(
        "bücher: {type: A, value: 192.0.2.1}",
        "3:1: `bücher` is not ASCII; write it as DNS has it, such as `xn--bcher-kva`",
    );
    wrong(
        "a: {type: CNAME, value: b}",
        "3:25: `b` has no last dot, and octoDNS takes full names alone; write `b.`",
    );
    wrong(
        "a: {type: MX, value: {preference: 10, exchange: b.c}}",
        "3:49: `b.c` has no last dot, and octoDNS takes full names alone; write `b.c.`",
    );
    wrong("a: {type: AAA, value: b}", "3:11: octoDNS has no type `AAA`; did you mean `AAAA`?");
    wrong(
        "a: {type: HINFO, value: b}",
        "3:11: octoDNS has no type `HINFO`; a master file and our own format take every type",
    );
    wrong("a: {value: 192.0.2.1, octodns: {}}", "3:4: an octoDNS record needs `type`");
    wrong("a: {type: A}", "3:4: an octoDNS record needs `values`");
    wrong(
        "a: {type: A, value: 192.0.2.1, values: [192.0.2.2]}",
        "3:32: the record has values in line 3 already; join the two",
    );
    wrong(
        "a: {type: TXT, value: 'a\\1'}",
        "3:23: after a backslash comes one character, or three digits up to 255; a backslash itself is `\\\\`",
    );
    wrong(
        "a: {type: SRV, value: {priority: 1, weight: 2, target: t.}}",
        "3:23: the value needs `port`",
    );
    wrong(
        "a: {type: SRV, value: {priority: 1, weight: 2, prot: 3, port: 3, target: t.}}",
        "3:48: the value has no key `prot`; did you mean `port`?",
    );
    wrong(
        "a: {type: A, vale: 192.0.2.1, value: 192.0.2.2}",
        "3:14: an octoDNS record has no key `vale`; did you mean `value`?",
    );
    wrong(
        "a: {type: A, value: 192.0.2.2, octodns: {healthchek: {}}}",
        "3:42: `octodns` has no key `healthchek`; did you mean `healthcheck`?",
    );
    wrong(
        "a: {type: A, value: 192.0.2.2, geo: {}}",
        "3:32: `geo` is what octoDNS had before `dynamic`; write `dynamic` with pools and rules",
    );
}

#[test]
fn the_rules_of_our_own_format_hold() {
    wrong("a: {type: A, value: 192.0.2.256}", "3:21: not an IPv4 address, such as 192.0.2.1");
    wrong(
        "a: {type: SRV, value: {priority: x, weight: 2, port: 3, target: t.}}",
        "3:23: priority is a number from 0 to 65535; SRV is written `priority weight port target`, such as `0 0 5060 sip`",
    );
    wrong(
        "a: {type: A, ttl: 1y, value: 192.0.2.1}",
        "3:19: `1y` is not a duration, such as `10s`, `500ms`, `1m30s` or `1h`",
    );
    wrong(
        "b..c: {type: A, value: 192.0.2.1}",
        "3:1: `b..c` is not a name: a label is empty; write one dot between labels and none at the start",
    );
    wrong("a: {type: A, values: []}", "3:22: no values; give at least one or remove the type");
    wrong(
        "a:\n- {type: CNAME, value: b.}\n- {type: A, value: 192.0.2.1}",
        "4:10: a CNAME stands alone, and `a.example.com.` also has A; remove one of the two",
    );
    wrong(
        "a: [{type: A, value: 192.0.2.1}, {type: A, value: 192.0.2.2}]",
        "3:41: `A` stands in line 3 already; join the two",
    );
    assert_eq!(
        told("www: {type: A, value: 192.0.2.1}"),
        ["1:1: the zone `example.com.` has no name servers; add NS records at its apex"],
    );
}

#[test]
fn a_file_is_octodns_by_its_records_alone() {
    let not_ours = "no `zone: NAME` at the top level, and no records with a `type` as octoDNS has them; a zone file says whose it is";
    for (text, expected) in [
        ("zon: example.com\nrecords: {www: {A: 192.0.2.1}}", "did you mean `zone` by `zon`?"),
        ("Zone: example.com\nrecords: {www: {A: 192.0.2.1}}", "did you mean `zone` by `Zone`?"),
        ("records: {www: {A: 192.0.2.1}}\nttl: 5", not_ours),
        ("{}", not_ours),
        ("- a", not_ours),
        // Whose name is one of our keys.
        ("records: {type: A, value: 192.0.2.1}", "has no name servers"),
        (
            "zone: {type: A, value: 192.0.2.1}\nzones: {type: A, value: 192.0.2.1}",
            "has no name servers",
        ),
    ] {
        let told = told(text);
        assert!(told.len() == 1 && told[0].contains(expected), "{text}\n{told:#?}");
    }
}

/// A dynamic record and what our own format says in its place.
#[test]
fn dynamic_records_are_pools_and_rules() {
    same(
        "\
www:
- type: A
  ttl: 60
  dynamic:
    pools:
      eu: {fallback: na, values: [{value: 192.0.2.1, weight: 2}, {value: 192.0.2.2, status: obey}, {value: 192.0.2.3, status: down}]}
      na: {values: [{value: 198.51.100.1, status: up}]}
    rules:
    - {subnets: [10.0.0.0/8, '2001:db8::/32'], pool: eu}
    - {pool: na}
  values: [192.0.2.9, 192.0.2.10]
  octodns:
    healthcheck: {protocol: HTTP, host: h.example, path: /up, port: 8080}
    rotadns: {interval: 5s, fall: 1, status: 204, min_ttl: 1s, answers: 2}
- type: AAAA
  dynamic:
    pools: {eu: {values: [{value: '2001:db8::1'}]}}
    rules: [{pool: eu}]
  value: '2001:db8::9'
  octodns: {healthcheck: {protocol: ICMP, port: 443, host: h.example, path: /up}, rotadns: {policy: random}}
",
        "  www:
    A: {rules: [{subnets: [10.0.0.0/8, \"2001:db8::/32\"], pool: www.A.eu}, {pool: www.A.na}]}
    AAAA: {pool: www.AAAA.eu}
checks:
  www.A: {http: {host: h.example, path: /up, port: 8080, status: 204}, interval: 5s, fall: 1}
  www.AAAA: {icmp: {}}
pools:
  www.A.eu:
    {policy: weighted, answers: 2, ttl: 60, min_ttl: 1s, check: www.A, when_all_down: fallback, fallback: www.A.na,
     backends: [{address: 192.0.2.1, weight: 2}, 192.0.2.2, {address: 192.0.2.3, state: down}]}
  www.A.na:
    {policy: weighted, answers: 2, ttl: 60, min_ttl: 1s, check: www.A, when_all_down: fallback, fallback: www.A,
     backends: [{address: 198.51.100.1, state: up}]}
  www.A: {ttl: 60, backends: [192.0.2.9, 192.0.2.10]}
  www.AAAA.eu:
    {policy: random, ttl: 1h, check: www.AAAA, when_all_down: fallback, fallback: www.AAAA, backends: [\"2001:db8::1\"]}
  www.AAAA: {ttl: 1h, backends: [\"2001:db8::9\"]}
",
    );
    // octoDNS's own defaults: HTTPS to the name itself.
    same(
        "a.b: {type: A, dynamic: {pools: {p: {values: [{value: 192.0.2.1}]}}, rules: [{pool: p}]}, value: 192.0.2.9}\n\
         c.b: {type: AAAA, value: '2001:db8::1'}",
        "  a.b: {A: {pool: a.b.A.p}}
  c.b: {AAAA: \"2001:db8::1\"}
checks:
  a.b.A: {https: {host: a.b.example.com, path: /_dns, port: 443}}
pools:
  a.b.A.p: {policy: weighted, ttl: 1h, check: a.b.A, when_all_down: fallback, fallback: a.b.A, backends: [192.0.2.1]}
  a.b.A: {ttl: 1h, backends: [192.0.2.9]}
",
    );
    same(
        "a:\n- type: A\n  dynamic: {pools: {p: {values: [{value: 192.0.2.1, status: up}]}}, rules: [{pool: p}]}\n  value: 192.0.2.9\n  octodns: {healthcheck: {host: null}}\n\
         - {type: AAAA, value: '2001:db8::1'}\n",
        "  a: {A: {pool: a.A.p}, AAAA: \"2001:db8::1\"}
checks: {a.A: {https: {path: /_dns}}}
pools:
  a.A.p: {policy: weighted, ttl: 1h, check: a.A, when_all_down: fallback, fallback: a.A, backends: [{address: 192.0.2.1, state: up}]}
  a.A: {ttl: 1h, backends: [192.0.2.9]}
",
    );
}

#[test]
fn a_dynamic_cname_is_a_pool_of_targets() {
    same(
        "a: {type: CNAME, ttl: 30, dynamic: {pools: {p: {values: [{value: b., weight: 3, status: up}, {value: c., status: down}]}}, rules: [{pool: p}]}, value: d.}",
        "  a: {pool: a.CNAME.p}
pools:
  a.CNAME.p:
    {policy: weighted, ttl: 30, when_all_down: fallback, fallback: a.CNAME,
     backends: [{target: b., weight: 3, state: up}, {target: c., state: down}]}
  a.CNAME: {ttl: 30, backends: [{target: d.}]}
",
    );
    let (zone, mistakes) = read(&format!(
        "{NS}a: {{type: CNAME, dynamic: {{pools: {{p: {{values: [{{value: b.}}]}}}}, rules: [{{pool: p}}]}}, value: d.}}\n"
    ));
    assert!(zone.is_some());
    let told: Vec<_> = mistakes.iter().map(|mistake| mistake.problem.to_string()).collect();
    assert_eq!(
        told,
        [
            "what a CNAME leads to is not checked and counts as up; `status: up` or `down` says what is meant"
        ],
    );
}

/// A dynamic record with these pools and rules, from the third line on.
fn dynamic(rtype: &str, pools: &str, rules: &str, rest: &str) -> String {
    format!("a:\n  type: {rtype}\n  dynamic:\n    pools: {{{pools}}}\n    rules: [{rules}]\n{rest}")
}

#[test]
fn subnets_of_any_rule_come_before_places() {
    let pools = "p: {values: [{value: 192.0.2.1}]}, q: {values: [{value: 192.0.2.2}]}";
    let rules = "{subnets: [10.0.0.0/8], geos: [EU, NA-US, NA-CA-QC, AS-CY], pool: p}, \
                 {subnets: [10.1.0.0/16], geos: [AF], pool: q}, {pool: q}";
    let text = format!("{NS}{}", dynamic("A", pools, rules, "  value: 192.0.2.9\n"));
    let (zone, mistakes) = read(&text);
    let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
    let rules = zone.balanced[0].rules.iter().map(|rule| {
        let subnets: Vec<String> = rule.subnets.iter().map(ToString::to_string).collect();
        format!("{}{} {}", subnets.join(" "), rule.area, zone.pools[rule.pool].name)
    });
    assert_eq!(
        rules.collect::<Vec<_>>(),
        ["10.0.0.0/8 a.A.p", "10.1.0.0/16 a.A.q", "EU, US, CY, CA-QC a.A.p", "AF a.A.q"]
    );
}

#[test]
fn mistakes_of_dynamic_records_have_their_place() {
    let (pool, rule) = ("p: {values: [{value: 192.0.2.1}]}", "{pool: p}");
    let value = "  value: 192.0.2.9\n";
    for (record, expected) in [
        (
            dynamic("A", pool, "{geos: [EU, NA-UK], pool: p}, {pool: p}", value),
            "7:25: there is no country `UK`; did you mean `GB`?",
        ),
        (
            dynamic("TXT", pool, rule, "  value: x\n"),
            "4:9: `dynamic` is for A, AAAA and CNAME, and this is TXT",
        ),
        (
            dynamic("A", pool, "{pool: pp}", value),
            "7:20: `dynamic` has no pool `pp`; did you mean `p`?",
        ),
        (
            dynamic("A", "p: {fallback: other, values: [{value: 192.0.2.1}]}", rule, value),
            "6:27: `dynamic` has no pool `other`; add it under `pools`",
        ),
        (
            dynamic("A", "p: {values: [{value: '2001:db8::1'}, {value: 192.0.2.1}]}", rule, value),
            "6:34: not an IPv4 address, such as 192.0.2.1",
        ),
        (
            dynamic("A", "p: {values: [{value: 192.0.2.1, status: upp}]}", rule, value),
            "6:53: `upp` is not a status; did you mean `up`?",
        ),
        (
            dynamic("A", "p: {values: [{value: 192.0.2.1, weight: -1}]}", rule, value),
            "6:53: `-1` is not a weight: a whole number from 0 to 65535",
        ),
        (
            dynamic(
                "A",
                "p: {values: [{value: 192.0.2.1}], fallback: q}, q: {values: [{value: 192.0.2.2}], fallback: p}",
                rule,
                value,
            ),
            "6:57: the pools fall back in a circle: a.A.p → a.A.q → a.A.p; end it at one of them",
        ),
        (
            dynamic(
                "A",
                pool,
                rule,
                "  value: 192.0.2.9\n  octodns: {healthcheck: {protocol: SCTP}}\n",
            ),
            "9:37: there are no checks by SCTP; HTTPS, HTTP, TCP, UDP and ICMP are there",
        ),
        (
            dynamic("A", pool, rule, "  value: 192.0.2.9\n  octodns: {rotadns: {intervall: 5s}}\n"),
            "9:23: `rotadns` has no key `intervall`; did you mean `interval`?",
        ),
        (
            dynamic("A", pool, rule, "  value: 192.0.2.9\n  octodns: {rotadns: {policy: best}}\n"),
            "9:31: `best` is not a policy; it is one of `round_robin`, `weighted`, `random`, `fixed`, `least_load`, `hash`, `failover`, `nearest`",
        ),
    ] {
        let told = told(&format!("{NS}{record}"));
        assert!(told.iter().any(|told| told == expected), "{record}\n{told:#?}");
    }
    let told = told(&format!("{NS}{}", dynamic("A", pool, rule, "")));
    assert!(
        told[0].ends_with(
            "a dynamic record needs `values` too: they are served when nothing of its pools passes"
        ),
        "{told:?}"
    );
}
