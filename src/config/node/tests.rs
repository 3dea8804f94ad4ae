//! Trees of source texts, their places, and what is a mistake in YAML; plain lines are read as the parser reads them.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::error::ConfigError;

fn read(text: &str) -> (Option<Node<'_>>, Vec<ConfigError>) {
    let mut mistakes = Mistakes::new(Path::new("a.yaml"), text);
    let node = parse(text, &mut Includes::new(Path::new("a.yaml"), None), &mut mistakes);
    (node, mistakes.finish())
}

/// The tree on one line: scalars in quotes, with line:column before each.
fn print(node: &Node<'_>) -> String {
    let place = format!("{}:{}", node.span.line, node.span.column);
    match &node.kind {
        Kind::Scalar(text, _) => format!("{place} {text:?}"),
        Kind::List(items) => {
            format!("{place} [{}]", items.iter().map(print).collect::<Vec<_>>().join(", "))
        }
        Kind::Map(entries) => {
            let entry =
                |(key, value): &(Node<'_>, Node<'_>)| format!("{} = {}", print(key), print(value));
            format!("{place} {{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

#[test]
fn every_scalar_is_its_source_text_and_knows_its_place() {
    for (text, expected) in [
        ("no: on", r#"1:1 {1:1 "no" = 1:5 "on"}"#),
        ("010: 1e3", r#"1:1 {1:1 "010" = 1:6 "1e3"}"#),
        ("null: ~", r#"1:1 {1:1 "null" = 1:7 "~"}"#),
        ("a: [NO, 1.10]", r#"1:1 {1:1 "a" = 1:4 [1:5 "NO", 1:9 "1.10"]}"#),
        ("a:\n  - 0x10 # ten\n", r#"1:1 {1:1 "a" = 2:3 [2:5 "0x10"]}"#),
        ("a: \"2001:db8::\"", r#"1:1 {1:1 "a" = 1:4 "2001:db8::"}"#),
        ("a:\nb: 1", r#"1:1 {1:1 "a" = 1:2 "", 2:1 "b" = 2:4 "1"}"#),
        (
            "a: &x {b: 1}\nc: *x",
            r#"1:1 {1:1 "a" = 1:7 {1:8 "b" = 1:11 "1"}, 2:1 "c" = 1:7 {1:8 "b" = 1:11 "1"}}"#,
        ),
    ] {
        let (node, mistakes) = read(text);
        assert_eq!(mistakes, [], "{text}");
        assert_eq!(node.map(|node| print(&node)).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_zone_files_do_not_need_is_a_mistake_with_its_place() {
    let deep = format!("{}{}", "[".repeat(DEPTH_MAX + 1), "]".repeat(DEPTH_MAX + 1));
    // Each level repeats the one before it ten times.
    let mut bomb = "a0: &a0 x\n".to_owned();
    for level in 1..=9 {
        let repeated = format!("*a{}, ", level - 1).repeat(10);
        bomb = format!("{bomb}a{level}: &a{level} [{repeated}]\n");
    }
    // Few aliases of a long text with an escape, which each copy holds for itself.
    let long = format!("a: &x \"\\t{}\"\nb: [{}]\n", "x".repeat(64_000), "*x, ".repeat(200));
    for (text, line, column, problem) in [
        (long.as_str(), 2, 401, Problem::TooManyAliased { most: ALIASED_MAX }),
        ("a: 1\nb: 2\na: 3", 3, 1, Problem::DuplicateKey { key: "a".into(), first: 1 }),
        ("a: 1\n---\nb: 2", 2, 1, Problem::SecondDocument),
        ("<<: {a: 1}", 1, 1, Problem::MergeKey),
        ("a: !includes b", 1, 14, Problem::Tag { tag: "!includes".into() }),
        ("a: !include b", 1, 13, Problem::OctoDns(crate::config::octodns::Problem::Include)),
        ("? [a]\n: b", 1, 3, Problem::KeyNotScalar),
        ("a: &x [*x]", 1, 8, Problem::AliasInside),
        (deep.as_str(), 1, 33, Problem::TooDeep { most: DEPTH_MAX }),
        (bomb.as_str(), 6, 9, Problem::TooManyAliased { most: ALIASED_MAX }),
    ] {
        let (_, mistakes) = read(text);
        let found: Vec<_> = mistakes.iter().map(|m| (m.at.line, m.at.column, &m.problem)).collect();
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!(found[0].2, &problem, "{text}");
        assert_eq!(found[0].0, line, "{text}");
        if !matches!(problem, Problem::TooManyAliased { .. }) {
            assert_eq!(found[0].1, column, "{text}");
        }
    }
}

#[test]
fn usual_slips_are_told_in_our_words() {
    let needs_quotes = |letter| Problem::NeedsQuotes { letter };
    for (text, line, column, problem) in [
        ("records:\n  @: {A: 192.0.2.1}\n", 2, 3, needs_quotes('@')),
        ("records:\n  *: {A: 192.0.2.1}\n", 2, 3, needs_quotes('*')),
        ("records:\n  *.pages: {A: 192.0.2.1}\n", 2, 3, needs_quotes('*')),
        ("records:\n  a: `b`\n", 2, 6, needs_quotes('`')),
        ("records:\n\ta: b\n", 2, 1, Problem::Tab),
        ("records:\n  a: b\n\tc: d\n", 3, 1, Problem::Tab),
        ("records:\n  a:\n \t  b: c\n", 3, 2, Problem::Tab),
        ("ns: [a]\n\trecords:\n  b: c\n", 2, 1, Problem::Tab),
        ("ns:\n\t- a\n", 2, 1, Problem::Tab),
        ("a: b\n\n\t\tc: d\n", 3, 1, Problem::Tab),
        ("a: 'it''s' # don't\nb:\n  \"x: 1\nc: 2\n", 3, 3, Problem::OpenQuote),
        ("a: \"x\nb: 1", 1, 4, Problem::OpenQuote),
    ] {
        let (_, mistakes) = read(text);
        let found: Vec<_> = mistakes.iter().map(|m| (m.at.line, m.at.column, &m.problem)).collect();
        assert_eq!(found, [(line, column, &problem)], "{text}");
    }
}

#[test]
fn broken_syntax_is_one_mistake_with_its_place() {
    for (text, line) in [("a: [1, 2\nb: 3", 2), ("a: b: c", 1), ("a: [1\n", 1)] {
        let (node, mistakes) = read(text);
        assert!(node.is_none(), "{text}");
        assert_eq!(mistakes.len(), 1, "{text}");
        assert!(matches!(mistakes[0].problem, Problem::Syntax { .. }), "{text}");
        assert!(mistakes[0].at.line >= line, "{text}: {mistakes:?}");
    }
    for text in ["", "# nothing\n"] {
        assert_eq!(read(text).1[0].problem, Problem::EmptyFile, "{text:?}");
    }
}

/// The tree as plain lines give it, and as the parser does.
fn both_ways(text: &str) -> (Option<String>, Option<String>) {
    let lines = lines::read(text, 0, NonZeroUsize::MIN, PART);
    // In parts, be they as small as they are.
    for threads in [2, 3, 7] {
        let threads = NonZeroUsize::new(threads).expect("it is not zero");
        assert_eq!(
            lines::read(text, 0, threads, 1).as_ref().map(shown),
            lines.as_ref().map(shown),
            "{text}"
        );
    }
    let mut mistakes = Mistakes::new(Path::new("a.yaml"), text);
    let mut builder = Builder::default();
    let mut includes = Includes::new(Path::new("a.yaml"), None);
    let parsed = builder.read(text, Begin::default(), &mut includes, &mut mistakes);
    let parsed = parsed.and(builder.root).filter(|_| mistakes.finish().is_empty());
    (lines.as_ref().map(shown), parsed.as_ref().map(shown))
}

fn shown(node: &Node<'_>) -> String {
    format!("{node:?}")
}

#[test]
fn plain_lines_are_read_as_the_parser_reads_them() {
    for text in [
        "a: b",
        "a: b\n",
        "\n# why\n---\na: b\n\n\n# end",
        "zone: example.com\nns: [ns1, 'ns2']\nrecords:\n  ns1: {A: 192.0.2.1, AAAA: [2001:db8::1, \"::1\"]}\n  \"@\": {}\n",
        "a:\nb: # nothing\nc:\n  d:\n  e: 1\n",
        "a:\n- 1\n- b: 2\n  c: 3\n-  d:\n    - e\n",
        "a:\n  - 1 # one\n  - {b: 2}\n  - \"c\": d\n    e: [ f , g ]\nh: i\n",
        "  a: b#c\n  c: a, b [c] {d} e:f 'g' \"h\" # i\n",
        "é: [ü, x]   # 語\nz: {é: a, b: c}\n",
        "a: .5\nb: -1\nc: a  b   # c\nd: \"a # b\"\n",
    ] {
        let (lines, parsed) = both_ways(text);
        assert!(parsed.is_some(), "{text}");
        assert_eq!(lines, parsed, "{text}");
    }
}

#[test]
fn an_entry_of_another_shape_is_read_by_itself() {
    for entry in [
        "a: {TXT: \"\\t\"}",
        "a:\n    TXT: |\n      b\n      # c\n\n # d\n\n",
        "a:\n    TXT: >+\n      b\n\n\n",
        "a: {TXT: [b,\n    c]}",
        "a:\n  - \"b\n      c\"\n  - |\n    d",
        "a: 'it''s'",
        "a: b\n    c # d",
        "\"a\": !!str b",
        "a: {b: &x c}",
    ] {
        for file in [
            format!("records:\n  {entry}\n"),
            format!("é: 1\nrecords: # r\n  before: {{A: 1}}\n  {entry}\n  after: {{A: 2}}\nb: c\n"),
            format!("records:\n  {entry}\n  {entry}2\n# end"),
        ] {
            let (lines, parsed) = both_ways(&file);
            let anchors = file.contains('&');
            assert!(parsed.is_some() || file.contains('2'), "{file}");
            assert_eq!(lines.is_none(), anchors || parsed.is_none(), "{file}");
            if !anchors {
                assert_eq!(lines, parsed, "{file}");
            }
        }
    }
}

/// To count the letters before each place from the begin of the line would take minutes.
#[test]
fn a_long_line_with_other_letters_is_gone_over_once() {
    let many = 200_000;
    let text = format!("a: [{}]\n", vec!["é"; many].join(", "));
    let root = lines::read(&text, 0, NonZeroUsize::MIN, PART).expect("it is an ordinary line");
    let Some(Kind::List(items)) = root.entry("a").map(|list| &list.kind) else {
        panic!("it is a list")
    };
    let columns = items.iter().map(|item| item.span.column as usize);
    assert!(columns.eq((0..many).map(|place| 5 + 3 * place)));
}

#[test]
fn what_is_doubtful_or_wrong_is_left_to_the_parser() {
    for text in [
        "",
        "# nothing\n",
        "a",
        "- a\n",
        "a: 1\r\nb: 2\r\n",
        "a:\t1\n",
        "\u{feff}a: 1\n",
        "a: \u{2028}\n",
        "a: 1\na: 2\n",
        "records:\n  a: {b: 1, b: 2}\n",
        "records:\n  a: 1\n  a: 2\n",
        "a: 1\n b: 2\n",
        "a: b: c\n",
        "a: 1\n---\nb: 2\n",
        "a: 1\n...\n",
        "%YAML 1.2\n---\na: 1\n",
        "a: !include b\n",
        "records:\n  a: !include b\n",
        "records:\n  a: &x {A: 1}\n  b: *x\n",
        "records:\n  <<: {A: 1}\n",
        "records:\n  a: {A: 1\n  b: 2}\n",
        "records:\n  a: \"b\n  c\"\n",
        "records:\n    a: 1\n  b: 2\n",
        "records:\n  a: 1\n b: 2\n",
        "records:\n  ? a\n  : b\n",
        "records:\n  a:\n    B: |\n  b: {A: 1}\n",
        "records:\n  a:\n    B: |+\n  b: {A: 1}\n",
        "records:\n  a:\n  - >+\n\n\n  b: {A: 1}\n",
    ] {
        assert_eq!(both_ways(text).0, None, "{text}");
    }
    let deep = |levels: usize| {
        let lines = (0..levels).map(|level| format!("{}a:\n", " ".repeat(level)));
        both_ways(&lines.collect::<String>())
    };
    assert!(deep(DEPTH_MAX).0.is_some());
    assert_eq!(deep(DEPTH_MAX), (deep(DEPTH_MAX).1, deep(DEPTH_MAX).1));
    assert_eq!(deep(DEPTH_MAX + 1), (None, None));
    assert_eq!(deep(10_000).0, None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    /// Lines of all that YAML has, as they may come: whatever plain lines make of them is what the parser makes of them.
    #[test]
    fn no_file_is_read_in_two_ways(
        lines in prop::collection::vec((0..5_usize, prop::collection::vec(0..PARTS.len(), 0..6)), 1..12),
    ) {
        let mut text = String::new();
        for (indent, parts) in lines {
            text += &" ".repeat(indent);
            text.extend(parts.into_iter().map(|part| PARTS[part]));
            text.push('\n');
        }
        for text in [text.as_str(), &format!("records:\n  n: {{A: 1}}\n{text}")] {
            let (lines, parsed) = both_ways(text);
            prop_assert!(lines.is_none() || lines == parsed, "{text}\n{lines:?}\n{parsed:?}");
        }
    }

    /// The same for files of which most are right.
    #[test]
    fn no_right_file_is_read_in_two_ways(
        entries in prop::collection::vec((0..KEYS.len(), 0..VALUES.len(), 0..3_usize), 1..10),
    ) {
        let mut text = "zone: example.com\nrecords:\n".to_owned();
        for (place, (key, value, shape)) in entries.into_iter().enumerate() {
            let (key, value) = (KEYS[key].replace('N', &place.to_string()), VALUES[value]);
            let entry = match shape {
                0 => format!("  {key}: {{A: {value}}}\n"),
                1 => format!("  {key}:\n    A: {value}\n"),
                _ => format!("  {key}:\n  - {value}\n  - B: {value}\n    C: D\n"),
            };
            text.push_str(&entry);
        }
        let (lines, parsed) = both_ways(&text);
        prop_assert!(lines.is_none() || lines == parsed, "{text}\n{lines:?}\n{parsed:?}");
    }
}

const PARTS: [&str; 40] = [
    "a",
    "b1",
    "é",
    "語 ",
    ": ",
    ":",
    " ",
    "  ",
    "- ",
    "-",
    "? ",
    "#",
    " # c",
    "{",
    "}",
    "[",
    "]",
    ",",
    ", ",
    "\"",
    "'",
    "\"a b\"",
    "'c'",
    "\"\\n\"",
    "|",
    ">-",
    "&x ",
    "*x",
    "!t ",
    "!!str ",
    "<<",
    "~",
    "%",
    "@",
    "---",
    "...",
    "\t",
    "\r",
    "a: b",
    "c: {d: e}",
];

const KEYS: [&str; 10] = ["nN", "\"@N\"", "'N'", "*N", "N.a", "n:N", "éN", "n N", "-N", "&x nN"];

const VALUES: [&str; 22] = [
    "192.0.2.1",
    "2001:db8::1",
    "[a, b]",
    "\"a: b # c\"",
    "'d'",
    "'it''s'",
    "\"\\t\"",
    "10 mx",
    "a#b",
    "a # b",
    "[a, [b], {c: d}]",
    "{a: b}",
    "[]",
    "{}",
    "|\n      a\n      # b\n",
    ">\n        a\n\n       b\n",
    "a\n      b",
    "\"a\n      b\"",
    "# nothing",
    "a,b",
    "::",
    "!!str a",
];
