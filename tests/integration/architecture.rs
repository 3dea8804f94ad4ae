//! Who may name whom: the imports of `src/` against the table of `ARCHITECTURE.md`.
//!
//! Data flows down and `use crate::` points up. A new arrow is a change of the design: it is drawn in
//! that table first. Tests at the bottom of a file may name what they like, and so may documentation.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the table is, its first line, and what it says of those that may name everything.
const DESIGN: &str = include_str!("../../ARCHITECTURE.md");
const TABLE: &str = "| module | names | does without |";
const EVERYTHING: &str = "all of them";

/// The roots of the crate, which are in no table.
const ROOTS: [&str; 2] = ["main", "lib"];

/// Crates that can be replaced in an afternoon, as one place alone knows them.
const DOORS: [(&str, &[&str]); 8] = [
    ("annotate_snippets", &["cli"]),
    ("anyhow", &["main", "cli", "daemon"]),
    ("clap", &["main", "cli"]),
    ("granit_parser", &["config"]),
    ("hickory_server", &["server::hickory"]),
    ("libc", &["sys"]),
    // The word alone is DNS's as well (RFC 1996).
    ("use notify", &["daemon"]),
    ("unsafe", &["sys"]),
];

/// What the table's last column means, in the words of code.
const WITHOUT: [(&str, &[&str]); 4] = [
    ("tokio", &["tokio"]),
    ("sockets", &["socket2", "TcpListener", "TcpStream", "UdpSocket"]),
    ("the clock", &["Instant::now", "SystemTime::now"]),
    ("random numbers", &["fastrand"]),
];

#[test]
fn modules_name_only_what_stands_above_them() {
    let table = table();
    let mut mistakes = Vec::new();
    for file in sources() {
        let top = file.module[0].as_str();
        if ROOTS.contains(&top) {
            continue;
        }
        let Some(row) = table.get(top) else {
            mistakes.push(format!("{}: `{top}` is not in the table", file.path.display()));
            continue;
        };
        let Some(may_name) = &row.may_name else { continue };
        for (line, named) in file.paths_into_the_crate() {
            if !is_inside(&named, top) && !may_name.iter().any(|open| is_inside(&named, open)) {
                mistakes.push(format!(
                    "{}:{line}: `{top}` names `{named}`; it may name {may_name:?}",
                    file.path.display()
                ));
            }
        }
    }
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}

#[test]
fn every_row_of_the_table_is_a_module() {
    let modules: Vec<String> =
        sources().into_iter().map(|mut file| file.module.swap_remove(0)).collect();
    for module in table().keys() {
        assert!(modules.iter().any(|known| known == module), "src/ has no `{module}`");
    }
}

#[test]
fn crates_are_known_in_one_place() {
    let mut mistakes = Vec::new();
    for file in sources() {
        let module = file.module.join("::");
        for (door, rooms) in DOORS {
            if !rooms.iter().any(|room| is_inside(&module, room)) {
                file.tell(door, &format!("belongs into {rooms:?} alone"), &mut mistakes);
            }
        }
    }
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}

#[test]
fn inner_modules_do_without_runtime_sockets_clock_and_chance() {
    let table = table();
    let mut mistakes = Vec::new();
    for file in sources() {
        let top = &file.module[0];
        let without = table.get(top.as_str()).map_or([].as_slice(), |row| &row.without);
        for word in without.iter().flat_map(|what| *what) {
            file.tell(word, &format!("is not for `{top}`"), &mut mistakes);
        }
    }
    assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
}

/// What the table says of one module.
struct Row {
    /// `None` is everything. An entry `config::model` opens that module alone.
    may_name: Option<Vec<&'static str>>,
    without: Vec<&'static [&'static str]>,
}

/// The table, by module.
fn table() -> BTreeMap<&'static str, Row> {
    let (_, table) = DESIGN.split_once(TABLE).expect("ARCHITECTURE.md has the table");
    let rows = table.trim_start().lines().skip(1).take_while(|line| line.starts_with('|'));
    let mut found = BTreeMap::new();
    for line in rows {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [modules, names, without] = cells[..] else { panic!("three columns: {line}") };
        for module in quoted(modules) {
            let may_name = (names != EVERYTHING).then(|| quoted(names).collect());
            let without = WITHOUT.iter().filter(|(what, _)| without.contains(what));
            let row = Row { may_name, without: without.map(|(_, words)| *words).collect() };
            assert!(found.insert(module, row).is_none(), "`{module}` has two rows");
        }
    }
    found
}

/// What stands between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Whether `path` is `outer` or stands in it.
fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// One file of `src/`.
struct Source {
    path: PathBuf,
    /// `src/zone/store.rs` is `["zone", "store"]`.
    module: Vec<String>,
    /// Its code with comments and literals blanked, up to its tests.
    code: String,
}

impl Source {
    fn read(root: &Path, path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).expect("a source file can be read");
        let code = without_tests(&code_only(&text));
        let inside = path.strip_prefix(root).expect("it was found there").with_extension("");
        let mut module: Vec<String> =
            inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        Self { path, module, code }
    }

    /// Every path into our own crate, as its first two modules at most, with its line.
    fn paths_into_the_crate(&self) -> Vec<(usize, String)> {
        // As many `super::` as the file is deep lead to the crate as well.
        let supers = "super::".repeat(self.module.len());
        let mut found = Vec::new();
        for root in ["crate::", &supers] {
            for (at, _) in self.code.match_indices(root) {
                if at > 0
                    && (is_word(self.code.as_bytes()[at - 1])
                        || self.code[..at].ends_with("super::"))
                {
                    continue;
                }
                let mut paths = Vec::new();
                expand(&self.code[at + root.len()..], "", 2, &mut paths);
                found.extend(paths.into_iter().map(|path| (self.line(at), path)));
            }
        }
        found
    }

    /// Adds a mistake for every use of a word.
    fn tell(&self, word: &str, why: &str, mistakes: &mut Vec<String>) {
        let bytes = self.code.as_bytes();
        for (at, _) in self.code.match_indices(word) {
            let before = at.checked_sub(1).is_some_and(|before| is_word(bytes[before]));
            let after = bytes.get(at + word.len()).is_some_and(|&byte| is_word(byte));
            if !before && !after {
                mistakes.push(format!("{}:{}: `{word}` {why}", self.path.display(), self.line(at)));
            }
        }
    }

    fn line(&self, at: usize) -> usize {
        1 + self.code[..at].bytes().filter(|&byte| byte == b'\n').count()
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources can be read") {
            let path = entry.expect("and so can its entries").path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
                found.push(Source::read(&root, path));
            }
        }
    }
    assert!(!found.is_empty(), "src/ holds Rust files");
    found
}

/// Writes out a path or a tree of them, `a::{b, c::d}`, each cut after `depth` segments; what begins
/// with a capital is no module and is cut off.
fn expand(text: &str, prefix: &str, depth: usize, out: &mut Vec<String>) {
    let text = text.trim_start();
    if let Some(tree) = text.strip_prefix('{') {
        let mut nesting = 0usize;
        let mut start = 0;
        for (at, byte) in tree.bytes().enumerate() {
            match byte {
                b'{' => nesting += 1,
                b'}' | b',' if nesting == 0 => {
                    if !tree[start..at].trim().is_empty() {
                        expand(&tree[start..at], prefix, depth, out);
                    }
                    start = at + 1;
                    if byte == b'}' {
                        return;
                    }
                }
                b'}' => nesting -= 1,
                _ => {}
            }
        }
        return;
    }
    let end = text.bytes().position(|byte| !is_word(byte)).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let is_module = word.starts_with(|first: char| first.is_ascii_lowercase()) && word != "self";
    let path = match (is_module, prefix) {
        (false, _) => prefix.to_owned(),
        (true, "") => word.to_owned(),
        (true, _) => format!("{prefix}::{word}"),
    };
    match rest.strip_prefix("::") {
        Some(rest) if is_module && depth > 1 => expand(rest, &path, depth - 1, out),
        _ => out.push(path),
    }
}

/// The code up to the tests at its bottom. Tests with a file of their own are one line, which may
/// stand anywhere.
fn without_tests(code: &str) -> String {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.replace("#[cfg(test)]\nmod tests;", "\n")
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The text with comments and the insides of literals replaced by blanks, line ends kept.
fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let skipped = literal_or_comment(rest, out.bytes().next_back());
        if skipped == 0 {
            let next = rest.chars().next().expect("the rest is not empty");
            out.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            let (gone, after) = rest.split_at(skipped);
            out.extend(gone.chars().map(|gone| if gone == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    out
}

/// How long the comment or literal is that `text` begins with; 0 where there is none.
fn literal_or_comment(text: &str, before: Option<u8>) -> usize {
    let bytes = text.as_bytes();
    let to = |end: Option<usize>| end.unwrap_or(text.len());
    match bytes {
        [b'/', b'/', ..] => to(text.find('\n')),
        [b'/', b'*', ..] => {
            let mut nesting = 0;
            let mut at = 0;
            while at < bytes.len() {
                match &bytes[at..] {
                    [b'/', b'*', ..] => (nesting, at) = (nesting + 1, at + 2),
                    [b'*', b'/', ..] if nesting == 1 => return at + 2,
                    [b'*', b'/', ..] => (nesting, at) = (nesting - 1, at + 2),
                    _ => at += 1,
                }
            }
            at
        }
        [b'r', b'"' | b'#', ..]
            if before.is_none_or(|before| !is_word(before) || before == b'b') =>
        {
            let hashes = bytes[1..].iter().take_while(|&&byte| byte == b'#').count();
            if bytes.get(1 + hashes) != Some(&b'"') {
                return 0;
            }
            let end = format!("\"{}", "#".repeat(hashes));
            to(text[hashes + 2..].find(&end).map(|at| at + hashes + 2 + end.len()))
        }
        [quote @ b'"', ..] => {
            let mut at = 1;
            while at < bytes.len() && bytes[at] != *quote {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            (at + 1).min(text.len())
        }
        // A character, and no lifetime: its closing quote stands where it must.
        [b'\'', b'\\', ..] => to(text[3..].find('\'').map(|at| at + 4)),
        [b'\'', ..] => {
            let mut chars = text.char_indices().skip(2);
            match chars.next() {
                Some((at, '\'')) => at + 1,
                _ => 0,
            }
        }
        _ => 0,
    }
}

#[test]
fn the_reader_of_sources_sees_code_alone() {
    let code = code_only(
        "use crate::a; // crate::no\n/* crate::no /* in */ */ let s = \"crate::no \\\" still\";\n\
         let c = '\"'; let q = '\\''; let r = r#\"crate::no\"#; fn f<'a>() { crate::b() }",
    );
    assert_eq!(code.matches("crate::").count(), 2, "{code}");

    let mut paths = Vec::new();
    expand("{zone::{Store, build::Zone}, health, engine::respond::Out}", "", 2, &mut paths);
    assert_eq!(paths, ["zone", "zone::build", "health", "engine::respond"]);
}

#[test]
fn the_reader_of_sources_leaves_out_tests_alone() {
    let above = "mod a;\n#[cfg(test)]\nmod tests;\n\nuse crate::b;\n";
    // The lines keep their numbers.
    assert_eq!(without_tests(above), "mod a;\n\n\n\nuse crate::b;\n");
    let below = "use crate::b;\n#[cfg(test)]\nmod tests {\n    use crate::c;\n}\n";
    assert_eq!(without_tests(below), "use crate::b;\n");
}
