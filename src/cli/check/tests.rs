//! What `rotadns check` prints.

use super::*;
use crate::config::model::Secret;
use crate::config::model::allowed::Refusal;

/// A folder of one test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn with(test: &str, files: &[(&str, &str)]) -> Self {
        let folder = format!("rotadns-check-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("a file can be written");
        }
        Self(folder)
    }

    /// The report on this folder, its own path left out.
    fn report(&self) -> (Report, String) {
        let report = Report::of(None, std::slice::from_ref(&self.0), &Progress::default());
        let text = report.human(false).replace(&format!("{}/", self.0.display()), "");
        (report, text)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_mistake_is_shown_with_its_line_and_a_mark_below_it() {
    let zone = "zone: example.com\nns: ns.example.net.\nrecords:\n  wwẃ: {pool: wbe}\n";
    let folder = Folder::with("mark", &[("example.com.yaml", zone)]);
    let (report, text) = folder.report();
    assert_eq!(report.errors(), 1);
    let expected = "\
error: no pool is called `wbe`; add it under `pools`
  ╭▸ example.com.yaml:4:15
  │
4 │   wwẃ: {pool: wbe}
  ╰╴              ━━━

1 file, 1 mistake
";
    assert_eq!(text, expected);
}

#[test]
fn every_file_is_told_of_master_files_too() {
    let folder = Folder::with(
        "every",
        &[
            ("a.example.yaml", "zone: b.example\nns: ns.example.net.\n"),
            ("b.example.zone", "@ 60 IN SOA ns h 1 1 1 1 1\n@ 60 IN NS n.c.\n@ 60 IN A 1.2\n"),
            ("c.example.zone", "@ 60 IN SOA ns h 1 1 1 1 1\n"),
            ("d.example.yml", "zone: d.example\nns: ns\n"),
            ("e.example.yaml~", "broken"),
            (".f.example.yaml.swp", "broken"),
        ],
    );
    let (report, text) = folder.report();
    let found: Vec<_> = report
        .mistakes
        .iter()
        .map(|told| {
            let (_, name) = told.file.rsplit_once('/').expect("a folder and a file");
            (name.to_owned(), told.line, told.severity)
        })
        .collect();
    let expected = [
        ("a.example.yaml", 1, "error"),
        ("b.example.zone", 3, "error"),
        ("c.example.zone", 0, "error"),
        ("d.example.yml", 2, "warning"),
    ];
    assert_eq!(found, expected.map(|(name, line, severity)| (name.to_owned(), line, severity)));
    assert!(text.ends_with("4 files, 3 mistakes, 1 warning\n"), "{text}");
}

#[test]
fn what_cannot_be_built_is_a_mistake_whatever_the_file() {
    // 300 texts of 250 bytes are more than a message holds.
    let texts = |line: &dyn Fn(String) -> String| -> String {
        (0..300).map(|number| line(format!("{number:0250}"))).collect()
    };
    let native = texts(&|text| format!("    - '{text}'\n"));
    let native =
        format!("zone: a.example\nns: ns.example.net.\nrecords:\n  big:\n    TXT:\n{native}");
    let master = texts(&|text| format!("big 60 IN TXT {text}\n"));
    let master = format!("@ 60 IN SOA ns h 1 1 1 1 1\n@ 60 IN NS n.c.\n{master}");
    let folder = Folder::with("built", &[("a.example.yaml", &native), ("b.example.zone", &master)]);
    let (report, text) = folder.report();
    assert_eq!(report.errors(), 2, "{text}");
    assert_eq!(text.matches("which no message holds").count(), 2, "{text}");
    assert!(text.contains("`big.a.example.`: the records"), "{text}");
}

#[test]
fn a_config_file_stands_for_its_zones() {
    let zone = "zone: a.example\nns: ns.example.net.\nttl: x\n";
    let folder =
        Folder::with("config", &[("rotadns.yaml", "zones: .\n"), ("a.example.yaml", zone)]);
    let report = Report::of(None, &[folder.0.join(CONFIG_FILE)], &Progress::default());
    assert_eq!((report.files, report.errors()), (2, 1));

    // As `serve --config`, which takes any name.
    let config = folder.0.join("other.conf");
    std::fs::write(&config, "zones: .\n").expect("a file can be written");
    let report = Report::of(Some(&config), &[], &Progress::default());
    assert_eq!((report.files, report.errors()), (2, 1));
}

#[test]
fn machines_get_the_same_as_json() {
    let folder = Folder::with("json", &[("example.com.yaml", "zone: example.com\n")]);
    let (report, _) = folder.report();
    let json = serde_json::to_value(&report.mistakes).expect("it is plain data");
    let expected = serde_json::json!([{
        "file": folder.0.join("example.com.yaml"),
        "line": 1,
        "column": 1,
        "width": 1,
        "severity": "error",
        "message": "the zone has no name servers; add them, such as `ns: [ns1, ns2]`",
    }]);
    assert_eq!(json, expected);
}

#[test]
fn the_examples_are_fine_and_tell_their_worst_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("zones");
    let text = Report::of(None, &[folder], &Progress::default()).human(false);
    // 2 s and a tenth of it, a timeout of 1 s, two more probes of 1 s each; then the TTL of 5 s.
    let expected = "example.com. web: a failure has left every cache after 10.2 s at most \
                    (5.2 s to notice it, a TTL of 5 s)\n";
    assert!(text.contains(expected), "{text}");
    // A pool of pools notices what these do, and hands on the shorter TTL.
    let expected = "\nchoosing.example. sites: a failure has left every cache after 28.5 s at most \
                    (8.5 s to notice it, a TTL of 20 s)\n";
    assert!(text.contains(expected), "{text}");
    assert!(text.ends_with("\n4 files, 0 mistakes\n"), "{text}");
}

#[test]
fn a_folder_without_zone_files_is_a_mistake() {
    let folder = Folder::with("empty", &[("README.md", "nothing to serve")]);
    let (report, text) = folder.report();
    assert_eq!(report.errors(), 1);
    let sentence =
        "error: has no zone file; one is named after its zone, such as `example.com.yaml`";
    assert!(text.starts_with(sentence), "{text}");
    assert!(text.ends_with("0 files, 1 mistake\n"), "{text}");
}

#[test]
fn names_that_steer_a_terminal_are_written_out() {
    let zone = "zone: a.example\nns: ns.example.net.\npools:\n  \"w\\x1b[2J\":\n    backends: {b: 192.0.2.1}\n";
    let folder = Folder::with("steer", &[("a.example.yaml", zone), ("\u{1b}[31m.yaml", "a: 1\n")]);
    let (_, text) = folder.report();
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(text.contains("w\\u{1b}[2J") && text.contains("\\u{1b}[31m.yaml"), "{text}");
}

#[test]
fn a_name_that_is_not_utf8_is_told_as_json() {
    use std::os::unix::ffi::OsStrExt as _;

    let folder = Folder::with("utf8", &[]);
    let file = folder.0.join(std::ffi::OsStr::from_bytes(b"\xff.example.zone"));
    std::fs::write(&file, "x").expect("a file can be written");
    let report = Report::of(None, &[file], &Progress::default());
    let json = serde_json::to_string(&report.mistakes).expect("it is plain data");
    assert!(json.contains("\u{fffd}.example.zone"), "{json}");
}

#[test]
fn what_only_all_zones_together_show_is_told() {
    let zone = "zone: a.example\nns: ns.b.example.\nreverse: true\nrecords:\n  '@': {alias: www.b.example.}\n  www: {pool: [192.0.2.1, 198.51.100.1]}\n  out: {alias: www.c.example.}\n";
    let other = "zone: b.example\nns: ns\nrecords:\n  ns: {A: 192.0.2.53}\n  www: {CNAME: ns}\n";
    let reverse = "zone: 2.0.192.in-addr.arpa\nns: ns.b.example.\n";
    let files = [
        ("a.example.yaml", zone),
        ("b.example.yaml", other),
        ("2.0.192.in-addr.arpa.yaml", reverse),
    ];
    let folder = Folder::with("together", &files);
    let (report, text) = folder.report();
    assert_eq!(report.errors(), 0);
    for expected in [
        "warning: `out.a.example.` is an alias of `www.c.example.`, which no zone here answers for; A and AAAA are SERVFAIL until one does",
        "warning: no zone here holds the names of 198.51.100.1, which `reverse: true` asks for; add one such as 100.51.198.in-addr.arpa.",
        "2 warnings",
    ] {
        assert!(text.contains(expected), "{text}");
    }
    // A file alone says nothing of the others.
    let alone = Report::of(None, &[folder.0.join("a.example.yaml")], &Progress::default());
    assert!(alone.mistakes.is_empty());
}

#[test]
fn rfc4035_5_a_zone_that_is_signed_is_refused_in_either_format() {
    let key = "DNSKEY: 257 3 8 AQ==";
    let yaml = format!("zone: a.example\nns: ns.b.example.\nrecords:\n  '@': {{{key}}}\n");
    let master = "@ 60 SOA ns.c. h 1 1 1 1 1\n@ 60 NS ns.c.\n@ 60 DNSKEY 257 3 8 AQ==\n";
    let folder = Folder::with("signed", &[("a.example.yaml", &yaml), ("b.example.zone", master)]);
    let (report, text) = folder.report();
    assert_eq!(report.errors(), 2, "{text}");
    for place in ["a.example.yaml:4:9", "b.example.zone:3:1"] {
        assert!(text.contains(place), "{text}");
    }
    assert_eq!(
        text.matches("remove its DS from the parent zone, then DNSKEY").count(),
        2,
        "{text}"
    );
}

#[test]
fn what_a_config_names_is_read() {
    let config = "\
zones: .
keys:
  good.: {secret_file: good}
  bad.: {secret_file: bad}
  gone.: {secret_file: gone}
  again.: {secret_file: gone}
cookies: {secrets_file: bad}
tls: {listen: 127.0.0.1, certificate: good, key: gone}
admin: {tokens: bad}
per_zone: {a.example: {updates: {allow: [{key: good.}]}}, b.example: {}, c.example: {}}
primaries: {c.example: {from: [192.0.2.1]}}
";
    let zone = "zone: a.example\nns: ns.b.example.\n";
    let files = [
        ("rotadns.yaml", config),
        ("a.example.yaml", zone),
        ("good", "MDEyMzQ1Njc4OWFiY2RlZg=="),
        ("bad", "hunter2"),
    ];
    let folder = Folder::with("named", &files);
    let report = Report::of(Some(&folder.0.join("rotadns.yaml")), &[], &Progress::default());
    let text = report.human(false);
    let place = |file: &str| folder.0.join(file).display().to_string();
    for expected in [
        format!("{}: is no secret: base 64", place("bad")),
        format!("{}: cannot be read", place("gone")),
        format!("{}: line 1: is no secret of cookies", place("bad")),
        format!("{}: line 1: three words are a token", place("bad")),
        "rotadns.yaml:4:23\n".to_owned(),
        "rotadns.yaml:5:24\n".to_owned(),
        "warning: `per_zone` sets something for b.example., and there is no such zone".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected}\n{text}");
    }
    assert!(!text.contains("hunter2") && !text.contains("c.example."), "{text}");
}

#[test]
fn the_worst_case_is_told_to_machines_and_warned_of() {
    // 10 s and a tenth of it, a timeout of 2 s, two more of them; then the TTL of 30 s. A report holds for 90 s, and a file for a minute
    // where it takes backends down then.
    let zone = "zone: a.example\nns: ns.b.example.\nchecks: {c: {tcp: {port: 80}}}\npools:\n  web: {check: c, backends: {a: 192.0.2.1, b: {address: 192.0.2.2, check: {push: {ttl: 90s}}}}}\n  one: {check: c, backends: [192.0.2.3]}\n  no: [192.0.2.4]\n  told: {check: {file: {path: a, max_age: 1m, unlisted: down}}, backends: [192.0.2.5]}\n  kept: {check: {file: {path: a, max_age: 1m}}, backends: [192.0.2.6]}\nrecords: {w: {pool: web}, o: {pool: one}, n: {pool: no}, t: {pool: told}, k: {pool: kept}}\n";
    let folder = Folder::with("worst", &[("a.example.yaml", zone)]);
    let (mut report, _) = folder.report();
    let told: Vec<_> = report.failovers.iter().map(|one| one.json(report.bounds)).collect();
    let row = |pool, detection: Option<f64>, worst: Option<f64>| serde_json::json!({"zone": "a.example.", "pool": pool, "detection": detection, "ttl": 30, "worst": worst, "fallback": null, "worst_with_fallback": null, "failover_max": null, "is_late": false});
    let expected = [
        row("web", Some(90.0), Some(120.0)),
        row("one", Some(17.0), Some(47.0)),
        row("no", None, None),
        row("told", Some(77.0), Some(107.0)),
        row("kept", Some(17.0), Some(47.0)),
    ];
    assert_eq!(told, expected);
    report.warn_of_late(Some(Duration::from_secs(60)));
    let warnings: Vec<&str> = report.mistakes.iter().map(|told| told.message.as_str()).collect();
    assert_eq!(
        warnings,
        [
            "a.example. web: a failure has left every cache after 120 s at most (90 s to notice it, a TTL of 30 s); at most 1m are wanted: have its check notice it in 30 s, by `interval`, `timeout` and `fall`",
            "a.example. no: no check, so a failure is never noticed; at most 1m are wanted: give it a check",
            "a.example. told: a failure has left every cache after 107 s at most (77 s to notice it, a TTL of 30 s); at most 1m are wanted: have its check notice it in 30 s, by `interval`, `timeout` and `fall`",
        ]
    );
    assert_eq!(report.errors(), 0, "warnings are no errors");
}

#[test]
fn a_pool_that_is_seen_in_several_ways_is_told_once() {
    let zone = "\
zone: a.example
ns: ns.b.example.
views: {private: [10.0.0.0/8]}
checks: {c: {postgres: {user: probe}}}
pools: {db: {check: c, ttl: 2h, backends: {a: {address: 192.0.2.1, private: 10.0.0.1}}}}
records: {rw: {pool: db, role: primary}, ro: {pool: db, role: replica}, db: {pool: db}}
";
    let folder = Folder::with("faces", &[("a.example.yaml", zone)]);
    let (mut report, _) = folder.report();
    assert_eq!(report.failovers.len(), 1);
    report.warn_of_late(Some(Duration::from_secs(3600)));
    let [told] = &report.mistakes[..] else { panic!("{}", report.human(false)) };
    assert!(told.message.contains("; at most 1h are wanted: "), "{}", told.message);
}

#[test]
fn a_bound_stands_in_the_config_in_a_pool_or_in_a_flag() {
    // 17 s to notice a failure of `c`, 170 s of `slow`. What has a pool within has the shorter TTL of the two.
    let zone = "\
zone: a.example
ns: ns.b.example.
checks: {c: {tcp: {port: 80}}, slow: {tcp: {port: 81}, interval: 100s, timeout: 20s}}
pools:
  web: {check: c, backends: [192.0.2.1]}
  own: {check: c, failover_max: 40s, backends: [192.0.2.2]}
  brief: {check: c, failover_max: 12s, ttl: 11s, backends: [192.0.2.2]}
  back: {check: c, when_all_down: fallback, fallback: spare, backends: [192.0.2.3]}
  spare: {check: slow, ttl: 10s, when_all_down: fallback, fallback: sorry, failover_max: 200s, backends: [192.0.2.4]}
  sorry: {check: off, failover_max: 1d, backends: [192.0.2.5]}
  around: {failover_max: 1m, backends: {a: {pool: spare}}}
  calm: {check: c, failover_max: 1m, when_all_down: fallback, fallback: late, backends: [192.0.2.8]}
  late: {check: slow, failover_max: 10m, backends: [192.0.2.9]}
records:
  r: {pool: {check: c, ttl: 1m, backends: [192.0.2.6]}}
  w: {pool: web}
  o: {pool: own}
  b: {pool: brief}
  k: {pool: back}
  a: {pool: around}
  l: {pool: calm}
";
    let zone = zone.replace("check: off, ", "");
    let files =
        [("a.example.yaml", zone.as_str()), ("rotadns.yaml", "zones: .\nfailover_max: 47s\n")];
    let folder = Folder::with("bounds", &files);
    let late = |flag: Option<u64>| {
        let mut report = Report::of(None, &[folder.0.join(CONFIG_FILE)], &Progress::default());
        report.warn_of_late(flag.map(Duration::from_secs));
        assert_eq!(report.errors(), 0, "{}", report.human(false));
        let found = report.mistakes.iter().map(|told| {
            let (_, advice) =
                told.message.split_once(" are wanted: ").expect("what would be right");
            let pool = told.message.split([' ', ':']).nth(1).expect("the pool");
            format!("{}:{} {pool}: {advice}", told.line, told.column)
        });
        found.collect::<Vec<_>>()
    };
    assert_eq!(
        late(None),
        [
            "6:3 own: write `ttl: 23s`, or have its check notice it in 10 s",
            "7:3 brief: have its check notice it in 1 s, by `interval`, `timeout` and `fall`",
            "10:3 sorry: give it a check",
            "11:3 around: have its check notice it in 50 s, by `interval`, `timeout` and `fall`",
            "12:3 calm: what it falls back on, late, is to be quicker",
            "15:3 r: write `ttl: 30s`",
        ]
    );
    assert_eq!(late(Some(1000)), ["10:3 sorry: give it a check"]);
    assert_eq!(late(Some(20)).len(), 10, "of all of them");
}

#[test]
fn what_checks_use_and_the_config_file_does_not_allow_is_told() {
    let zone = "zone: a.example\nns: ns.example.net.\npools:\n\
                \x20 a: {check: {exec: {command: [/opt/a], env: {TZ: UTC, LD_PRELOAD: /tmp/x}}}, backends: [192.0.2.1]}\n\
                \x20 b: {check: {redis: {password_file: ../tokens}}, backends: [192.0.2.2]}\n\
                \x20 c: {check: {redis: {password_file: keys/c}}, backends: [192.0.2.2]}\n\
                \x20 d: {check: {redis: {password_env: D}}, backends: [192.0.2.2]}\n\
                \x20 e: {check: {redis: {password_env: E}}, backends: [192.0.2.2]}\n\
                records: {a: {pool: a}, b: {pool: b}, c: {pool: c}, d: {pool: d}, e: {pool: e}}\n";
    let config =
        "zones: .\nprober: {exec: {allow: /opt, env: TZ}, secrets: {files: keys, env: D}}\n";
    let folder = Folder::with("allowed", &[("rotadns.yaml", config), ("a.example.yaml", zone)]);
    let report = Report::of(None, &[folder.0.join(CONFIG_FILE)], &Progress::default());
    assert_eq!(report.errors(), 0);
    let refused = [
        Refusal::Variable("LD_PRELOAD".into()),
        Refusal::Secret(Secret::File(folder.0.join("../tokens"))),
        Refusal::Secret(Secret::Variable("E".into())),
    ];
    let expected: Vec<String> = refused.iter().map(ToString::to_string).collect();
    let found: Vec<&String> = report.mistakes.iter().map(|told| &told.message).collect();
    assert_eq!(found, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_program_that_the_config_file_does_not_allow_is_told() {
    let zone = "zone: a.example\nns: ns.example.net.\npools:\n\
                \x20 a: {check: {exec: {command: [/opt/checks/a]}}, backends: [192.0.2.1]}\n\
                \x20 b: {check: {any: [{tcp: {port: 1}}, {exec: {command: [/opt/other/b, -x]}}]}, backends: [192.0.2.2]}\n\
                records: {a: {pool: a}, b: {pool: b}}\n";
    for (config, told) in [
        ("zones: .\n", &["/opt/checks/a", "/opt/other/b"][..]),
        ("zones: .\nprober: {exec: {allow: /opt/checks}}\n", &["/opt/other/b"]),
        ("zones: .\nprober: {exec: {allow: [/opt/checks, /opt/other/b]}}\n", &[]),
    ] {
        let files = [("rotadns.yaml", config), ("a.example.yaml", zone)];
        let folder = Folder::with("programs", &files);
        let report = Report::of(None, &[folder.0.join(CONFIG_FILE)], &Progress::default());
        assert_eq!(report.errors(), 0);
        let expected: Vec<String> =
            told.iter().map(|program| Refusal::Program((*program).into()).to_string()).collect();
        let found: Vec<&String> = report.mistakes.iter().map(|told| &told.message).collect();
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{config}");
    }
}

#[test]
fn names_that_are_shared_out_are_warned_of_where_the_zone_is_transferred() {
    const ZONE: &str = "zone: example.com
ns: [ns.example.net.]
pools: {a: [192.0.2.1], b: [192.0.2.2]}
records:
  www: {pool: a}
  \"*.users\":
    shards: {by: hash, pools: [a, b]}
";
    let warning = "`*.users` is shared out, which secondaries cannot do";
    let at = "example.com.yaml:7:5";
    for (config, of_zone, is_told) in [
        ("", "", false),
        ("zones: .\n", "", false),
        ("zones: .\nsecondaries: {allow: [{address: 192.0.2.53}]}\n", "", true),
        ("zones: .\n", "secondaries: {follow_health: true}\n", true),
    ] {
        let zone = format!("{ZONE}{of_zone}");
        let mut files = vec![("example.com.yaml", zone.as_str())];
        if !config.is_empty() {
            files.push(("rotadns.yaml", config));
        }
        let folder = Folder::with("sharded", &files);
        let named = folder.0.join(if config.is_empty() { "" } else { "rotadns.yaml" });
        let text = Report::of(None, &[named], &Progress::default()).human(false);
        assert_eq!(text.contains(warning), is_told, "{config}{of_zone}: {text}");
        assert_eq!(text.contains(at), is_told, "{text}");
    }
}

#[test]
fn a_zone_includes_what_its_folder_has_and_what_the_config_file_allows() {
    let text = "@ 60 SOA ns h 1 1 1 1 1\n@ 60 NS n.c.\n$INCLUDE ../shared/x.inc\n";
    let folder = Folder::with("includes", &[]);
    for (name, text) in [
        ("shared/x.inc", "key hunter2\n"),
        ("zones/x.example.zone", text),
        ("rotadns.yaml", "zones: zones\n"),
        ("allowing.yaml", "zones: zones\nincludes: shared\n"),
    ] {
        let path = folder.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let zones = [folder.0.join("zones")];
    let zone = [folder.0.join("zones/x.example.zone")];
    let [plain, allowing] = ["rotadns.yaml", "allowing.yaml"].map(|name| folder.0.join(name));
    for (config, paths, is_allowed) in [
        (None, &zones[..], false),
        (None, &zone[..], false),
        (Some(&*plain), &[][..], false),
        (Some(&*allowing), &[][..], true),
        (Some(&*allowing), &zone[..], true),
    ] {
        let report = Report::of(config, paths, &Progress::default());
        let text = report.human(false);
        assert_eq!(report.errors(), 1, "{text}");
        assert_eq!(report.mistakes[0].file.ends_with("x.inc"), is_allowed, "{text}");
        assert_eq!(report.mistakes[0].line, if is_allowed { 1 } else { 3 }, "{text}");
        assert_eq!(text.contains("hunter2"), is_allowed, "{text}");
        assert_ne!(text.contains("or its folder, to `includes`"), is_allowed, "{text}");
    }
}

#[cfg(feature = "databases")]
#[test]
fn a_line_that_is_shown_has_no_secret_in_it() {
    let zone = "zone: a.example\nns: ns.example.net.\nrecords: {www: {A: 192.0.2.1}}\nchecks:\n";
    for (check, expected) in [
        (
            "  db: {postgres: {user: probe, password: hunter2}}\n",
            "5 │   db: {postgres: {user: probe, password: ***\n  ╰╴                               ━━━━━━━━\n",
        ),
        (
            "  db: {postgres: {user: probe, pasword: hunter2}}\n",
            "5 │   db: {postgres: {user: probe, pasword: ***\n  ╰╴                               ━━━━━━━\n",
        ),
        (
            "  db: {postgres: {password: hunter2}, intervall: 1s}\n",
            "5 │   db: {postgres: {password: ***\n  ╰╴                            ━━━\n",
        ),
        ("  db:\n    postgres:\n      password:\n        !x hunter2\n", "8 │         ***\n"),
        (
            "  db:\n    http:\n      headers:\n      - Authorization: Bearer hunter2\n        X-A: b\n",
            "8 │       - Authorization: ***\n",
        ),
        (
            "  db: {http: {headers: {Authorization: \"hunter2\\x01\"}}}\n",
            "error: `Authorization: ***` is not a header field",
        ),
    ] {
        let folder = Folder::with("secrets", &[("a.example.yaml", &format!("{zone}{check}"))]);
        let (report, text) = folder.report();
        assert!(text.contains(expected), "{check}\n{text}");
        let json = serde_json::to_string(&report.mistakes).expect("it is plain");
        assert!(!text.contains("hunter2") && !json.contains("hunter2"), "{text}\n{json}");
    }
}

#[test]
fn what_a_name_has_is_shown_though_the_name_is_a_secrets() {
    let zone = "\
zone: a.example
ns: ns.example.net.
records:
  token: {A: 192.0.2.x}
  password:
    A: 192.0.2.y
";
    let (_, text) = Folder::with("names", &[("a.example.yaml", zone)]).report();
    for expected in ["4 │   token: {A: 192.0.2.x}\n", "6 │     A: 192.0.2.y\n"] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}
