//! The schema that `rotadns schema` prints, by a public validator: the manual's examples keep it, and a file of
//! each wrong shape does not.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rotadns::config::read_zone;
use serde_json::{Value, json};

use crate::readme;
use crate::servers::ROTADNS;

const VALIDATOR: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/schema/validate.py");

/// The first mistake of each text as RotaDNS reads it, and as an editor does.
fn validate(texts: &[String]) -> Vec<[Option<String>; 2]> {
    let printed = Command::new(ROTADNS).arg("schema").output().expect("the binary that is tested");
    assert!(printed.status.success());
    let schema: Value = serde_json::from_slice(&printed.stdout).expect("it is JSON");
    let mut python = Command::new("python3")
        .arg(VALIDATOR)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3: scripts/test installs it");
    let given = json!({"schema": schema, "texts": texts}).to_string();
    let mut stdin = python.stdin.take().expect("it is piped");
    stdin.write_all(given.as_bytes()).expect("it reads");
    drop(stdin);
    let output = python.wait_with_output().expect("our own child");
    assert!(
        output.status.success(),
        "the validator fails; scripts/test installs python3-jsonschema and python3-yaml"
    );
    serde_json::from_slice(&output.stdout).expect("it is JSON")
}

#[test]
fn every_example_keeps_the_schema() {
    let zones = Path::new(env!("CARGO_MANIFEST_DIR")).join("zones");
    let mut examples = readme::zone_blocks();
    for entry in fs::read_dir(zones).expect("the examples") {
        let file = entry.expect("an example").path();
        if file.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&file).expect("an example");
            examples.push((file.display().to_string(), text));
        }
    }
    assert!(examples.len() > 2, "two files and the README");
    let texts: Vec<String> = examples.iter().map(|(_, text)| text.clone()).collect();
    for ((name, _), [by_reader, by_editor]) in examples.iter().zip(validate(&texts)) {
        assert_eq!(by_reader, None, "{name} as RotaDNS reads it");
        // An editor reads `null`, which stands for a text, as nothing; quotes mend it.
        let is_null = by_editor.as_ref().is_none_or(|mistake| mistake.contains("None"));
        assert!(is_null, "{name} as an editor reads it: {by_editor:?}");
    }
}

/// A zone with this under a key of its top level.
fn zone(rest: &str) -> String {
    format!("zone: a.example\nns: ns.example.net.\n{rest}\n")
}

#[test]
fn what_is_odd_but_right_keeps_it() {
    let texts = [
        "ttl: 010",
        "ttl: 1h30m",
        "soa:",
        "checks:\nrecords:",
        "checks: {c: {http: }}",
        "checks: {c: {tcp: {port: 08080}, interval: 500ms, rise: 3}}",
        "checks: {c: {https: {status: [200, 300-399], verify: false, headers: {X-A: 1}}}}",
        "pools: {p: {backends: 192.0.2.1, panic: 0.25, when_all_down: fallback, fallback: 1}}",
        "pools: {p: [192.0.2.1, [\"::ffff:192.0.2.2\", 192.0.2.3], {address: \"2001:db8::1\"}]}",
        "pools: {p: {policy: weighted, backends: {a: {target: www.example.net., weight: 0}}}}",
        "pools: {p: [192.0.2.1]}\nrecords: {a: {rules: [{subnets: 10.0.0.0/8, pool: p}, {pool: p}]}}",
        "records: {no: {TXT: [no, 1.10, 2026-11-21]}, a: {mx: 10 b, TYPE65280: \\# 0}}",
        "records: {\"*.x\": {pool: p, A: {ttl: 1w, values: 192.0.2.1}}}",
    ];
    let texts: Vec<String> = texts.into_iter().map(zone).collect();
    for (text, [by_reader, by_editor]) in texts.iter().zip(validate(&texts)) {
        assert_eq!((by_reader, by_editor), (None, None), "{text}");
    }
}

#[test]
fn a_file_of_each_wrong_shape_does_not() {
    let texts = [
        // Keys
        "record: {}",
        "soa: {mbox: a}",
        "checks: {c: {tcp: {port: 1, path: /}}}",
        "checks: {c: {http: {sni: a}}}",
        "checks: {c: {https: {certificate: a}}}",
        "checks: {c: {tcp: {port: 1}, every: 1s}}",
        "pools: {p: {backends: 192.0.2.1, weight: 1}}",
        "pools: {p: {backends: {b: {address: 192.0.2.1, drain: yes}}}}",
        "records: {a: {POOL: p}}",
        "records: {a: {SOA: x}}",
        "records: {a: {A: {ttl: 1, values: 192.0.2.1, weight: 1}}}",
        // What is missing
        "checks: {c: {interval: 1s}}",
        "checks: {c: {tcp: }}",
        "pools: {p: }",
        "pools: {p: {check: c}}",
        "pools: {p: {backends: {b: {weight: 1}}}}",
        "pools: {p: {backends: []}}",
        "pools: {p: {backends: {}}}",
        "pools: {p: {backends: 192.0.2.1, when_all_down: fallback}}",
        "records: {a: {}}",
        "records: {a: {A: }}",
        "records: {a: {A: []}}",
        "records: {a: {A: {ttl: 1}}}",
        "ttl:",
        // Too much
        "checks: {c: {tcp: {port: 1}, http: {}}}",
        "pools: {p: {backends: 192.0.2.1, fallback: q}}",
        // Shapes
        "ns: {a: b}",
        "soa: [a]",
        "checks: [c]",
        "pools: p",
        "records: [a]",
        "records: {a: 192.0.2.1}",
        "records: {a: {A: [[192.0.2.1]]}}",
        "checks: {c: {http: {headers: [a]}}}",
        "pools: {p: {backends: 192.0.2.1, check: [c]}}",
        // Values
        "ttl: soon",
        "ttl: 1.5",
        "ttl: 500ms",
        "ttl: 2147483648.5",
        "soa: {serial: x}",
        "checks: {c: {tcp: {port: 65536}}}",
        "checks: {c: {tcp: {port: 0}}}",
        "checks: {c: {tcp: {port: 1}, interval: 1.5}}",
        "checks: {c: {tcp: {port: 1}, rise: 256}}",
        "checks: {c: {http: {status: 99}}}",
        "checks: {c: {http: {path: healthz}}}",
        "checks: {c: {https: {verify: maybe}}}",
        "pools: {p: {backends: 192.0.2.256}}",
        "pools: {p: {backends: web-1.example.com}}",
        "pools: {p: {backends: 192.0.2.1, policy: robin}}",
        "pools: {p: {backends: 192.0.2.1, panic: 2}}",
        "pools: {p: {backends: 192.0.2.1, when_all_down: some}}",
        "pools: {p: {backends: 192.0.2.1, answers: 0}}",
        "pools: {p: {backends: {b: {address: 192.0.2.1, state: off}}}}",
        "pools: {p: {backends: {b: {address: 192.0.2.1, weight: 65536}}}}",
        "pools: {p: {backends: {b: {target: [a, b]}}}}",
        "records: {a: {rules: p}}",
        "records: {a: {rules: []}}",
        "records: {a: {rules: [{subnets: [10.0.0.0/8]}]}}",
        "records: {a: {rules: [{geos: [EU], pool: p}]}}",
    ];
    let mut texts: Vec<String> = texts.into_iter().map(zone).collect();
    texts.push("ns: ns.example.net.\n".into());
    texts.push("- zone: a.example\n".into());
    for (text, [by_reader, by_editor]) in texts.iter().zip(validate(&texts)) {
        assert!(by_reader.is_some() && by_editor.is_some(), "{text}");
        let (zone, _) = read_zone("a.example.yaml".as_ref(), text);
        assert!(zone.is_none(), "the reader refuses it too: {text}");
    }
}
