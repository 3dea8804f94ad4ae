//! docs/rfcs.md: what we do by which section of which RFC, and the tests that show it.
//!
//! Each test that the page names must be a test of the tree, and each RFC of a row must be named by one of the row's tests,
//! in its name, in what it says or in its doc comment. `ROTADNS_BLESS=1` writes the page anew.

mod balanced;
mod edns;
mod lookup;
mod message;
mod transfers;
mod transport;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rfcs.md");

/// One line of the page.
struct Row {
    /// The case.
    case: &'static str,
    /// Sections, with commas: `RFC 1034 §4.3.2, RFC 2181 §10.1`; or `practice`, where none says what is right.
    standard: &'static str,
    /// What we do.
    ours: &'static str,
    /// The names of tests.
    tests: &'static [&'static str],
}

const PARTS: [(&str, &[Row]); 6] = [
    ("Lookup", lookup::ROWS),
    ("Message", message::ROWS),
    ("EDNS", edns::ROWS),
    ("Transport", transport::ROWS),
    ("Transfer and update", transfers::ROWS),
    ("Balanced names", balanced::ROWS),
];

const HEAD: &str = "\
# What we do by which RFC

The cases that tell authoritative servers apart. This page is made by a test (`tests/integration/rfcs/`), which looks for each test that
it names: below `src/` or `tests/integration/`. `cargo nextest run NAME` runs one. What NSD, Knot and BIND do otherwise stands in
`tests/integration/referees/allowed.rs`, each difference with the section that permits it.
";

/// The tests of the tree by name: where each stands, and its text, doc comment and all.
fn tests() -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a file of the repository");
                for (name, text) in tests_of(&text) {
                    tests.entry(name).or_default().push(text);
                }
            }
        }
    }
    tests
}

/// The tests of a file: what stands between the last blank line before `#[test]` and the end of the function.
fn tests_of(file: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = file.lines().collect();
    let mut tests = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let attribute = line.trim_start();
        if !attribute.starts_with("#[test]") && !attribute.starts_with("#[tokio::test") {
            continue;
        }
        let begin = lines[..at].iter().rposition(|line| line.trim().is_empty()).unwrap_or(0);
        let head = lines[at..].iter().find(|line| line.contains("fn ")).copied().unwrap_or("");
        let name = head.split_once("fn ").and_then(|(_, rest)| rest.split('(').next());
        let end = format!("{}}}", &line[..line.len() - attribute.len()]);
        let len = lines[at..].iter().position(|line| *line == end).unwrap_or(0);
        let text = lines[begin..=at + len].join("\n");
        tests.extend(name.map(|name| (name.to_owned(), text)));
    }
    tests
}

/// The numbers of RFCs in a row's column.
fn rfcs(standard: &str) -> BTreeSet<&str> {
    let numbers = standard.split("RFC ").skip(1);
    numbers.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(rest)).collect()
}

#[test]
fn the_page_names_tests_that_are_there() {
    let tests = tests();
    let mut mistakes = String::new();
    let mut page = HEAD.to_owned();
    for (title, rows) in PARTS {
        let _ = write!(
            page,
            "\n## {title}\n\n| case | standard | what we do | shown by |\n|---|---|---|---|\n"
        );
        for Row { case, standard, ours, tests: named } in rows {
            let mut said = Vec::new();
            for name in *named {
                match tests.get(*name) {
                    Some(found) => said.extend(found.iter().map(|text| format!("{name}{text}"))),
                    None => drop(writeln!(mistakes, "{case}: there is no test {name}")),
                }
            }
            if named.is_empty() {
                let _ = writeln!(mistakes, "{case}: no test shows it");
            }
            for rfc in rfcs(standard) {
                let (in_name, in_text) = (format!("rfc{rfc}_"), format!("RFC {rfc}"));
                if !said.iter().any(|text| text.contains(&in_name) || text.contains(&in_text)) {
                    let _ = writeln!(mistakes, "{case}: none of its tests names RFC {rfc}");
                }
            }
            let shown: Vec<String> = named.iter().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(page, "| {case} | {standard} | {ours} | {} |", shown.join(", "));
        }
    }
    assert!(mistakes.is_empty(), "\n{mistakes}");
    if std::env::var_os("ROTADNS_BLESS").is_some() {
        fs::write(PAGE, &page).expect("docs/ can be written");
    }
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    let differs = page.lines().zip(written.lines()).find(|(row, written)| row != written);
    assert!(
        written == page,
        "docs/rfcs.md is not what the table says, first {differs:?}; ROTADNS_BLESS=1 writes it"
    );
}
