//! What octoDNS files include stands where its name stood, and mistakes stand where they were made.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::config::{model, read_zone, read_zone_file};

/// Reads a zone beside other files; what comes back are its mistakes, and which files were asked for.
fn read(text: &str, others: &[(&str, &str)]) -> (Option<model::Zone>, Vec<String>, Vec<PathBuf>) {
    let others: HashMap<PathBuf, &str> =
        others.iter().map(|(path, text)| (PathBuf::from(path), *text)).collect();
    let mut asked = Vec::new();
    let mut include = |path: &Path, most: u64| {
        asked.push(path.to_path_buf());
        let found = others.get(path).ok_or(io::ErrorKind::NotFound)?;
        assert!(found.len() as u64 <= most);
        Ok(found.as_bytes().to_vec())
    };
    let (zone, mistakes) =
        read_zone_file(Path::new("z/example.com.yaml"), text, NonZeroUsize::MIN, &mut include);
    (zone, mistakes.iter().map(ToString::to_string).collect(), asked)
}

const NS: &str = "'': {type: NS, values: [ns1.example.net.]}\n";

#[test]
fn a_file_stands_where_its_name_stood() {
    let plain = "a: {type: TXT, values: [one, two]}\nb: {type: A, ttl: 60, value: 192.0.2.1}\n";
    let (expected, _) = read_zone(Path::new("example.com.yaml"), &format!("{NS}{plain}"));
    assert!(expected.is_some());
    for (text, others) in [
        // A value, a list, a map, all of a name; relative to the file that has it.
        (
            "a: {type: TXT, values: !include ../texts.yaml}\nb: !include sub/b.yaml\n",
            &[
                ("z/../texts.yaml", "- one\n- two\n"),
                ("z/sub/b.yaml", "---\ntype: A\nttl: 60\nvalue: !include value.yaml\n"),
                ("z/sub/value.yaml", "192.0.2.1"),
            ][..],
        ),
        // Lists one after the other, and the keys of all.
        (
            "a:\n  type: TXT\n  values: !include\n  - 1.yaml\n  - /2.yaml\nb: !include [b.yaml, c.yaml]\n",
            &[
                ("z/1.yaml", "[one]"),
                ("/2.yaml", "[two]"),
                ("z/b.yaml", "{type: A, value: 192.0.2.9}"),
                ("z/c.yaml", "{value: 192.0.2.1, ttl: 60}"),
            ],
        ),
        // An empty file and an empty list are nothing.
        (
            "a: {type: TXT, values: [one, two], octodns: !include e.yaml}\nb: {type: A, ttl: 60, value: 192.0.2.1, octodns: !include []}\n",
            &[("z/e.yaml", "# nothing\n")],
        ),
        // Anchors hold what was included.
        (
            "a: {type: TXT, values: &t !include t.yaml}\nb: {type: A, ttl: 60, value: 192.0.2.1}\nc: {type: TXT, values: *t, octodns: {ignored: true}}\n",
            &[("z/t.yaml", "[one, two]")],
        ),
        ("<<: !include all.yaml\n", &[("z/all.yaml", plain)]),
        (
            "<<: !include all.yaml\nb: {type: A, ttl: 60, value: 192.0.2.1}\n",
            &[("z/all.yaml", "a: {type: TXT, values: [one, two]}\n")],
        ),
    ] {
        let (zone, mistakes, asked) = read(&format!("{NS}{text}"), others);
        assert_eq!(mistakes, [] as [&str; 0], "{text}");
        assert_eq!(zone, expected, "{text}");
        assert_eq!(asked.len(), others.len(), "{text}");
    }
}

#[test]
fn mistakes_stand_in_the_file_where_they_were_made() {
    let (_, mistakes, _) = read(
        &format!("{NS}a: !include a.yaml\nb: !include a.yaml\n"),
        &[("z/a.yaml", "---\ntype: A\nvalue: 192.0.2.256\n")],
    );
    let expected = "z/a.yaml:3:8: not an IPv4 address, such as 192.0.2.1";
    assert_eq!(mistakes, [expected], "each once");
    for (text, others, expected) in [
        (
            "a: !include gone.yaml",
            &[][..],
            "z/example.com.yaml:2:13: z/gone.yaml cannot be read: entity not found",
        ),
        (
            "a: !include a.yaml",
            &[
                ("z/a.yaml", "type: TXT\nvalue: !include ./b.yaml\n"),
                ("z/./b.yaml", "!include a.yaml"),
            ],
            "z/./b.yaml:1:10: z/a.yaml is open already",
        ),
        (
            "a: !include a.yaml",
            &[("z/a.yaml", "type: TXT\nvalue: !include b.yaml\n"), ("z/b.yaml", "!include a.yaml")],
            "z/b.yaml:1:10: z/a.yaml is open already and would include itself; remove one `!include`",
        ),
        (
            "a: !include [a.yaml, b.yaml]",
            &[("z/a.yaml", "[x]"), ("z/b.yaml", "x: y")],
            "z/example.com.yaml:2:22: expected a file with a list too, found a map",
        ),
        (
            "a: !include [a.yaml]",
            &[("z/a.yaml", "x")],
            "z/example.com.yaml:2:14: expected a file with a list or a map, found a single value",
        ),
        (
            "a: !include {b: c}",
            &[],
            "z/example.com.yaml:2:13: expected the name of a file or a list of them, found a map",
        ),
        ("a: !include a.yaml", &[("z/a.yaml", "type: [A\n")], "z/a.yaml:1:7: this is not YAML"),
        (
            "<<: {type: A, value: 192.0.2.1}",
            &[],
            "z/example.com.yaml:2:1: `<<` is not part of YAML 1.2",
        ),
    ] {
        let (zone, mistakes, _) = read(&format!("{NS}{text}\n"), others);
        assert!(zone.is_none(), "{text}");
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(expected), "{text}: {mistakes:?}");
    }
    let (_, mistakes, _) = read(
        &format!("{NS}a: {{type: A, value: 192.0.2.1}}\n<<: !include a.yaml\n"),
        &[("z/a.yaml", "a: {type: A, value: 192.0.2.1}")],
    );
    assert_eq!(mistakes[0], "z/a.yaml:1:1: `a` stands in line 2 already; join the two");
}

#[test]
fn what_a_zone_includes_has_limits() {
    // Each file includes the next one.
    let chain: Vec<(String, String)> =
        (0..20).map(|file| (format!("z/{file}"), format!("!include {}", file + 1))).collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let (_, mistakes, asked) = read(&format!("{NS}a: !include 0\n"), &chain);
    assert_eq!(mistakes, ["z/14:1:10: more than 16 files inside one another; include from fewer"]);
    assert_eq!(asked.len(), 15);
    let many = "  - !include a.yaml\n".repeat(10_001);
    let (_, mistakes, _) = read(&format!("{NS}a:\n{many}"), &[("z/a.yaml", "x")]);
    assert_eq!(
        mistakes,
        [
            "z/example.com.yaml:10003:14: the zone includes more than 10000 files; put what they say into fewer"
        ]
    );
}

#[test]
fn our_own_format_includes_nothing() {
    let text = "zone: example.com\nns: ns1.example.net.\nrecords: !include a.yaml\n";
    let (zone, mistakes, _) = read(text, &[("z/a.yaml", "{www: {A: 192.0.2.1}}")]);
    assert!(zone.is_none());
    let expected = "z/example.com.yaml:3:19: `!include` is followed in octoDNS files alone; write here what that file says";
    assert_eq!(mistakes, [expected]);
}
