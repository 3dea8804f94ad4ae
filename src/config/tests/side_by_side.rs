//! What a large file says is the same by however many threads it is read.

use std::num::NonZeroUsize;
use std::path::Path;

use crate::config::model::Zone;
use crate::config::{ConfigError, read_zone, read_zone_file};

/// Enough for each of several threads to have some, in bytes and in names.
const NAMES: usize = 30_000;
const HEAD: &str = "zone: example.com\nns: [ns1]\npools:\n  p: {backends: [192.0.2.1]}\nrecords:\n  ns1: {A: 192.0.2.53}\n  p: {pool: p}\n";

fn names(from: usize, to: usize) -> String {
    let name =
        |name| format!("  n{name:05}: {{A: 192.0.2.{}, TXT: \"{name} times\"}}\n", name % 256);
    (from..to).map(name).collect()
}

fn read(text: &str, threads: usize) -> (Option<Zone>, Vec<ConfigError>) {
    let threads = NonZeroUsize::new(threads).expect("it is not zero");
    let mut include = |_: &Path, _| Err(std::io::ErrorKind::NotFound.into());
    read_zone_file("example.com.yaml".as_ref(), text, threads, &mut include)
}

#[test]
fn a_zone_is_the_same_by_any_number_of_threads() {
    let others = "  \"@\": {MX: 10 mail, TXT: \"a\\tb\"}\n  mail: {A: [192.0.2.1, 192.0.2.2]}\n  q: {pool: p}\n  r:\n    TXT: |\n      s\n";
    let text = format!("{HEAD}{}{others}{}", names(0, NAMES / 3), names(NAMES / 3, NAMES));
    let (expected, mistakes) = read(&text, 1);
    assert_eq!(mistakes, []);
    let sets = expected.as_ref().expect("it has no mistake").records.len();
    // NS and A of the name server, two of each name, and of the others MX, A and two TXT.
    assert_eq!(sets, 2 + 2 * NAMES + 4);
    for threads in [2, 3, 8] {
        let (zone, mistakes) = read(&text, threads);
        assert_eq!(mistakes, []);
        assert!(zone == expected, "by {threads} threads");
    }
}

#[test]
fn mistakes_and_warnings_stand_where_they_would_without_threads() {
    for slip in [
        "a: {A: 192.0.2}",
        "a: {AAA: 192.0.2.1}",
        "a: {pool: q}",
        "ns1: {A: 192.0.2.1}",
        "NS1: {A: 192.0.2.1}",
        "a..b: {A: 192.0.2.1}",
        "a.: {A: 192.0.2.1}",
        "a.example.com: {A: 192.0.2.1}",
        "a: {CNAME: b.example.org}",
        "a: {NS: p, CNAME: b}",
        "\"@\": {NS: a}",
        "a: {}",
        "a: b: c",
        "a: {A: 192.0.2.1",
        "a: *b",
        "@: {A: 192.0.2.1}",
        " a: {A: 192.0.2.1}",
    ] {
        let (_, alone) = read_zone("example.com.yaml".as_ref(), &format!("{HEAD}  {slip}\n"));
        assert!(!alone.is_empty(), "{slip}");
        let many = NAMES / 2;
        let text = format!("{HEAD}{}  {slip}\n{}", names(0, many), names(many, NAMES));
        for threads in [1, 4] {
            let (_, mut found) = read(&text, threads);
            let own = HEAD.lines().count() as u32;
            for mistake in found.iter_mut().filter(|mistake| mistake.at.line > own) {
                mistake.at.line -= many as u32;
            }
            let told = |mistakes: &[ConfigError]| -> Vec<_> {
                mistakes.iter().map(|mistake| (mistake.at, mistake.to_string())).collect()
            };
            // What the parser expects next depends on what follows.
            if slip != "a: {A: 192.0.2.1" {
                assert_eq!(told(&found), told(&alone), "{slip}, by {threads} threads");
            }
            assert_eq!(found.len(), alone.len(), "{slip}, by {threads} threads: {found:?}");
        }
    }
}
