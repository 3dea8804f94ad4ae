//! What becomes of zones when their files change, as the table of the header says.

mod part;

use std::fmt::Write as _;
use std::fs;

use super::*;
use crate::zone::build;

/// Files of zones and the loader over them.
struct Stage {
    folder: PathBuf,
    loader: Loader,
}

impl Stage {
    /// A loader of the folders `a` and `b` below a folder of the test's own.
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("rotadns-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for name in ["a", "b"] {
            fs::create_dir_all(folder.join(name)).expect("a folder");
        }
        let mut stage = Self { folder, loader: Loader::new(Vec::new(), Serials::default()) };
        stage.restart();
        stage
    }

    /// What a new process begins with.
    fn restart(&mut self) {
        let paths = ["a", "b"].map(|name| self.folder.join(name)).to_vec();
        let serials = Serials::load(&self.folder.join("state")).expect("it can be read");
        self.loader = Loader::new(paths, serials);
    }

    fn act(&self, action: &Do<'_>) {
        let path = |name: &str| self.folder.join(name);
        match *action {
            Do::Write(file, ref text) => fs::write(path(file), text),
            Do::Remove(file) => fs::remove_file(path(file)),
            Do::Move(from, to) => fs::rename(path(from), path(to)),
            Do::Nothing => Ok(()),
        }
        .expect("it can be done");
    }

    /// Loads, and says what is served: each zone with its serial, or `-` where it is SERVFAIL; then how
    /// many changed, and how many are broken.
    fn load(&mut self, now: u32) -> String {
        self.load_with(now, Guard::On)
    }

    fn load_with(&mut self, now: u32, guard: Guard) -> String {
        let Round { zones, changes, broken, .. } = self.loader.load_at(now, guard);
        let changed = changes.count();
        let zones = zones.iter().map(|(origin, zone)| {
            let serial = zone.as_ref().map(|zone| zone.serial.to_string());
            format!("{origin} {}, ", serial.as_deref().unwrap_or("-"))
        });
        format!("{}{changed} changed, {broken} broken", zones.collect::<String>())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What happens to the files.
enum Do<'a> {
    Write(&'a str, String),
    Remove(&'a str),
    Move(&'a str, &'a str),
    Nothing,
}

use Do::{Move, Nothing, Remove, Write};

/// Takes one step a second, from second 101 on.
fn check(test: &str, steps: &[(Do<'_>, &str)]) {
    let mut stage = Stage::new(test);
    for (number, (action, expected)) in steps.iter().enumerate() {
        stage.act(action);
        assert_eq!(stage.load(101 + number as u32), *expected, "step {}", number + 1);
    }
}

/// A zone with so many names below its apex, `ns` among them.
fn yaml(zone: &str, names: usize) -> String {
    let mut text = format!("zone: {zone}\nns: [ns]\nrecords:\n  ns: {{A: 192.0.2.53}}\n");
    for number in 1..names {
        let _ = writeln!(text, "  n{number}: {{A: 192.0.2.1}}");
    }
    text
}

fn master(serial: u32) -> String {
    format!("@ 60 SOA ns host {serial} 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.53\n")
}

#[test]
fn a_zone_follows_its_file() {
    let mistaken = || yaml("x", 1).replace("192.0.2.53", "192.0.2.530");
    check(
        "follows",
        &[
            (Nothing, "0 changed, 0 broken"),
            (Write("a/x.yaml", mistaken()), "x. -, 1 changed, 1 broken"),
            (Write("a/x.yaml", yaml("x", 1)), "x. 103, 1 changed, 0 broken"),
            (Write("a/y.yaml", yaml("y", 1)), "x. 103, y. 104, 1 changed, 0 broken"),
            (Write("a/x.yaml", yaml("x", 1)), "x. 103, y. 104, 0 changed, 0 broken"),
            (Write("a/x.yaml", yaml("x", 2)), "x. 106, y. 104, 1 changed, 0 broken"),
            (Write("a/x.yaml", mistaken()), "x. 106, y. 104, 0 changed, 1 broken"),
            (Nothing, "x. 106, y. 104, 0 changed, 1 broken"),
            (Remove("a/x.yaml"), "y. 104, 1 changed, 0 broken"),
            (Move("a/y.yaml", "b/y.yaml"), "y. 104, 0 changed, 0 broken"),
        ],
    );
}

#[test]
fn a_zone_that_would_lose_most_of_its_names_stays_as_it_was() {
    check(
        "loses",
        &[
            (Write("a/x.yaml", yaml("x", 20)), "x. 101, 1 changed, 0 broken"),
            (Write("a/x.yaml", yaml("x", 5)), "x. 101, 0 changed, 1 broken"),
            (Nothing, "x. 101, 0 changed, 1 broken"),
            (Write("a/x.yaml", yaml("x", 19)), "x. 104, 1 changed, 0 broken"),
            // Few names may all go at once.
            (Write("a/y.yaml", yaml("y", 8)), "x. 104, y. 105, 1 changed, 0 broken"),
            (Write("a/y.yaml", yaml("y", 1)), "x. 104, y. 106, 1 changed, 0 broken"),
        ],
    );
}

#[test]
fn a_version_that_is_not_served_does_not_take_a_serial() {
    let mut stage = Stage::new("untaken");
    for (names, now, expected) in [
        (20, 101, "x. 101, 1 changed, 0 broken"),
        (5, 102, "x. 101, 0 changed, 1 broken"),
        (20, 103, "x. 101, 1 changed, 0 broken"),
    ] {
        stage.act(&Write("a/x.yaml", yaml("x", names)));
        assert_eq!(stage.load(now), expected);
    }
}

#[test]
fn a_folder_that_is_gone_empty_or_unreadable_takes_no_zone_along() {
    let one_of_two = "x. 101, y. 102, 0 changed, 1 broken";
    let fine = "x. 101, y. 102, 0 changed, 0 broken";
    check(
        "folders",
        &[
            (Write("a/x.yaml", yaml("x", 1)), "x. 101, 1 changed, 0 broken"),
            (Write("b/y.yaml", yaml("y", 1)), "x. 101, y. 102, 1 changed, 0 broken"),
            (Move("b", "elsewhere"), one_of_two),
            (
                Write("b", "a file in the folder's place".into()),
                "x. 101, y. 102, 0 changed, 2 broken",
            ),
            (Remove("b"), one_of_two),
            (Move("a", "elsewhere too"), "x. 101, y. 102, 0 changed, 2 broken"),
            (Move("elsewhere", "b"), one_of_two),
            (Move("elsewhere too", "a"), fine),
            (Move("b/y.yaml", "y"), one_of_two),
            (Move("y", "b/y.yaml"), fine),
        ],
    );
}

#[test]
fn the_whole_set_of_zones_outlives_its_only_folder() {
    let mut stage = Stage::new("only");
    stage.loader = Loader::new(vec![stage.folder.join("a")], Serials::default());
    stage.act(&Write("a/x.yaml", yaml("x", 1)));
    assert_eq!(stage.load(101), "x. 101, 1 changed, 0 broken");
    stage.act(&Move("a", "elsewhere"));
    assert_eq!(stage.load(102), "x. 101, 0 changed, 1 broken");
}

#[test]
fn a_file_with_a_mistake_is_read_again_for_what_it_names() {
    let checks = "checks: {c: {https: {ca: ca.pem}}}\n";
    check(
        "names",
        &[
            (Write("a/x.yaml", yaml("x", 1) + checks), "x. -, 1 changed, 1 broken"),
            (Write("a/ca.pem", "a certificate".into()), "x. 102, 1 changed, 0 broken"),
        ],
    );
}

#[test]
fn an_octodns_zone_follows_the_files_that_it_includes() {
    let mut stage = Stage::new("octodns-includes");
    let zone = "'': {type: NS, value: ns.example.}\nwww: !include ../b/www.inc\n";
    stage.act(&Write("a/x.yaml", zone.to_owned()));
    assert_eq!(stage.load(101), "x. -, 1 changed, 1 broken");
    let included = |address: &str| format!("type: A\nvalue: {address}\n");
    stage.act(&Write("b/www.inc", included("192.0.2.1")));
    assert_eq!(stage.load(102), "x. 102, 1 changed, 0 broken");
    assert_eq!(stage.load(103), "x. 102, 0 changed, 0 broken");
    stage.act(&Write("b/www.inc", included("192.0.2.2")));
    assert_eq!(stage.load(104), "x. 104, 1 changed, 0 broken");
    stage.act(&Write("b/www.inc", included("192.0.2")));
    let round = stage.loader.load_at(105, Guard::On);
    let Mistake { file, line, .. } = &round.mistakes[0];
    assert_eq!((file, *line), (&stage.folder.join("a/../b/www.inc"), 2));
    let included: Vec<_> = stage.loader.included().into_iter().collect();
    assert_eq!(included, [stage.folder.join("a/../b/www.inc")]);
}

#[test]
fn a_zone_follows_the_files_that_it_includes() {
    let included = |address: &str| format!("www 60 A {address}\n");
    let mut stage = Stage::new("includes");
    stage.act(&Write("a/x.zone", master(1) + "$INCLUDE ../b/x.inc\n"));
    assert_eq!(stage.load(101), "x. -, 1 changed, 1 broken");
    stage.act(&Write("b/x.inc", included("192.0.2.1")));
    assert_eq!(stage.load(102), "x. 1, 1 changed, 0 broken");
    assert_eq!(stage.load(103), "x. 1, 0 changed, 0 broken");
    stage.act(&Write("b/x.inc", included("192.0.2.2")));
    assert_eq!(stage.load(104), "x. 1, 1 changed, 0 broken");
    stage.act(&Write("b/x.inc", included("192.0.2")));
    let round = stage.loader.load_at(105, Guard::On);
    let Mistake { file, line, message, .. } = &round.mistakes[0];
    assert_eq!((file, *line), (&stage.folder.join("a/../b/x.inc"), 1));
    assert!(message.contains("(included in line 4 of "), "{message}");
    let included: Vec<_> = stage.loader.included().into_iter().collect();
    assert_eq!(included, [stage.folder.join("a/../b/x.inc")]);
}

#[test]
fn a_zone_includes_nothing_from_elsewhere_that_is_not_allowed() {
    let octodns = "'': {type: NS, value: ns.example.}\nwww: !include ";
    for (name, text, line, column) in
        [("x.zone", master(1) + "$INCLUDE ", 4, 10), ("x.yaml", octodns.to_owned(), 2, 15)]
    {
        let mut stage = Stage::new("refused");
        let zone = format!("a/{name}");
        for path in ["b/keys", "c/keys", "c/none/keys", "a/link"] {
            fs::create_dir_all(stage.folder.join("c")).expect("a folder");
            stage.act(&Write("c/keys", "secret: hunter2\n".to_owned()));
            let _ = std::os::unix::fs::symlink("../c/keys", stage.folder.join("a/link"));
            stage.act(&Write(&zone, format!("{text}../{path}\n")));
            let round = stage.loader.load_at(101, Guard::On);
            let [mistake] = &round.mistakes[..] else { panic!("{path}: {:?}", round.mistakes) };
            let Mistake { file, line: at_line, column: at_column, message, .. } = mistake;
            let expected = (&stage.folder.join(&zone), line, column);
            assert_eq!((file, *at_line, *at_column), expected, "{path}");
            assert!(!message.contains("hunter2"), "{path}: {message}");
            // The folders of all zones are one; what is there is a mistake of its own.
            let is_refused = message.contains("or its folder, to `includes`");
            assert_eq!(is_refused, path != "b/keys", "{path}: {message}");
            let watched = stage.loader.included().len();
            assert_eq!(watched, usize::from(path == "b/keys"), "{path}");
        }
    }
}

#[test]
fn a_zone_includes_what_the_config_file_allows() {
    let mut stage = Stage::new("allowed");
    let more = stage.folder.join("c");
    fs::create_dir_all(&more).expect("a folder");
    stage.act(&Write("c/x.inc", "www 60 A 192.0.2.1\n".to_owned()));
    stage.act(&Write("a/x.zone", master(1) + "$INCLUDE ../c/x.inc\n"));
    let paths = vec![stage.folder.join("a")];
    stage.loader = Loader::new(paths, Serials::default()).with_includes(&[more.clone()]);
    assert_eq!(stage.load(101), "x. 1, 1 changed, 0 broken");
    // What it was read from is elsewhere now, and no better for being known.
    fs::rename(&more, stage.folder.join("d")).expect("in one folder");
    std::os::unix::fs::symlink("d", &more).expect("a link");
    stage.act(&Write("d/x.inc", "www 60 A 192.0.2.2\n".to_owned()));
    assert_eq!(stage.load(102), "x. 1, 1 changed, 0 broken");
    fs::remove_file(&more).expect("a link");
    fs::create_dir(&more).expect("a folder");
    std::os::unix::fs::symlink("../d/x.inc", more.join("x.inc")).expect("a link");
    assert_eq!(stage.load(103), "x. 1, 0 changed, 1 broken");
}

#[test]
fn a_file_that_is_not_named_after_a_zone_counts_as_broken() {
    check("misnamed", &[(Write("a/a..b.yaml", yaml("x", 1)), "0 changed, 1 broken")]);
}

#[test]
fn a_serial_does_not_fall_when_the_file_changes_its_format() {
    let mut stage = Stage::new("formats");
    stage.act(&Write("a/x.zone", master(2_026_112_001)));
    assert_eq!(stage.load(101), "x. 2026112001, 1 changed, 0 broken");
    stage.act(&Remove("a/x.zone"));
    stage.act(&Write("a/x.yaml", yaml("x", 1)));
    assert_eq!(stage.load(102), "x. 2026112002, 1 changed, 0 broken");
    stage.restart();
    assert_eq!(stage.load(103), "x. 2026112002, 1 changed, 0 broken");
}

#[test]
fn what_looks_like_an_accident_is_taken_when_forced() {
    let mut stage = Stage::new("forced");
    stage.act(&Write("a/x.yaml", yaml("x", 20)));
    stage.act(&Write("b/y.yaml", yaml("y", 1)));
    assert_eq!(stage.load(101), "x. 101, y. 101, 2 changed, 0 broken");
    stage.act(&Write("a/x.yaml", yaml("x", 2)));
    stage.act(&Move("b/y.yaml", "y"));
    assert_eq!(stage.load(102), "x. 101, y. 101, 0 changed, 2 broken");
    assert_eq!(stage.load_with(103, Guard::Off), "x. 103, 2 changed, 0 broken");
    // A mistake is none the less one, and a folder that cannot be read says nothing of its files.
    stage.act(&Write("a/x.yaml", "zone: x\n".into()));
    assert_eq!(stage.load_with(104, Guard::Off), "x. 103, 0 changed, 1 broken");
    stage.act(&Move("a", "elsewhere"));
    assert_eq!(stage.load_with(105, Guard::Off), "x. 103, 0 changed, 1 broken");
}

#[test]
fn a_round_says_what_it_changed() {
    let mut stage = Stage::new("says");
    for (actions, expected) in [
        (&[Write("a/x.yaml", yaml("x", 1)), Write("a/y.yaml", "zone: y\n".into())][..], "+x +y, 0"),
        (&[Nothing], "2"),
        (&[Write("a/y.yaml", yaml("y", 1)), Write("b/z.yaml", yaml("z", 1))], "+z ~y, 1"),
        (&[Write("b/z.yaml", "zone: z\n".into())], "3"),
        (&[Remove("a/x.yaml")], "-x, 2"),
    ] {
        for action in actions {
            stage.act(action);
        }
        let Changes { added, changed, removed, unchanged } =
            stage.loader.load_at(101, Guard::On).changes;
        let named = [("+", added), ("~", changed), ("-", removed)]
            .into_iter()
            .flat_map(|(sign, names)| names.into_iter().map(move |name| format!("{sign}{name}")))
            .collect::<Vec<_>>()
            .join(" ")
            .replace('.', "");
        let found =
            if named.is_empty() { unchanged.to_string() } else { format!("{named}, {unchanged}") };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_round_tells_every_mistake_that_there_is_now() {
    let mut stage = Stage::new("tells");
    let warning = "checks: {c: {tcp: {port: 80}}}\n";
    stage.act(&Write("a/x.yaml", yaml("x", 1) + warning));
    stage.act(&Write("a/y.yaml", yaml("y", 1)));
    stage.act(&Write("a/z.zone", "@ 60 NS\n".into()));
    stage.act(&Write("b/a..b.yaml", String::new()));
    for _ in 0..2 {
        let round = stage.loader.load_at(101, Guard::On);
        let told: Vec<_> = round
            .mistakes
            .iter()
            .map(|mistake| {
                let file = mistake.file.strip_prefix(&stage.folder).expect("it is in the folder");
                format!("{}:{}:{:?}", file.display(), mistake.line, mistake.severity)
            })
            .collect();
        assert_eq!(told, ["a/x.yaml:5:Warning", "a/z.zone:1:Error", "b/a..b.yaml:0:Error"]);
        assert_eq!(round.broken, 2);
    }

    stage.act(&Write("a/y.yaml", "zone: y\n".into()));
    stage.loader.load_at(102, Guard::On);
    let files = stage.loader.files().load();
    let versions: Vec<_> = files
        .iter()
        .map(|(zone, ZoneFile { version, mistakes, .. })| {
            (zone.to_string(), *version, mistakes.len())
        })
        .collect();
    let expected =
        [("x.", Version::Newest, 1), ("y.", Version::LastGood, 1), ("z.", Version::None, 1)];
    assert_eq!(versions, expected.map(|(zone, version, count)| (zone.to_owned(), version, count)));
}

#[test]
fn a_zone_from_elsewhere_is_served_beside_those_of_files() {
    let mut stage = Stage::new("elsewhere");
    let far = Name::parse_absolute("far.example").expect("a name");
    let peer =
        |address: &str| Peer { address: address.parse().expect(address), key: None, tls: None };
    let primaries =
        HashMap::from([(far.clone(), vec![peer("192.0.2.1:53"), peer("192.0.2.2:5353")])]);
    let paths = vec![stage.folder.join("a")];
    stage.loader = Loader::new(paths, Serials::default())
        .with_access(&Access { primaries, ..Access::default() });
    let file = "@ 60 SOA ns h 7 1 1 1 1\n@ 60 NS ns\n";
    stage.act(&Write("a/example.zone", file.to_owned()));
    assert_eq!(stage.load(1), "far.example. -, example. 7, 1 changed, 0 broken");

    let build = |serial: u32| {
        let text = format!("@ 60 SOA ns h {serial} 1 1 1 1\n@ 60 NS ns.example.\n");
        let mut builder = build::Builder::new(far.clone());
        crate::zonefile::read(text.as_bytes(), &far, |record| {
            builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
        });
        builder.finish(Vec::new()).expect("it has no mistakes").0
    };
    let served = stage.loader.receive(&far, Some(build(3).into())).expect("it is awaited");
    assert_eq!(served.map(|zone| zone.serial), Some(3));
    assert_eq!(stage.load(2), "far.example. 3, example. 7, 0 changed, 0 broken");

    // A file for it is a mistake that names both.
    stage.act(&Write("a/far.example.zone", file.to_owned()));
    assert_eq!(stage.load(3), "far.example. 3, example. 7, 0 changed, 1 broken");
    let round = stage.loader.load_at(4, Guard::On);
    assert_eq!(round.mistakes[0].file, stage.folder.join("a/far.example.zone"));
    assert_eq!(
        round.mistakes[0].message,
        "far.example. is transferred from 192.0.2.1:53 and 192.0.2.2:5353, by `primaries` in the config file; \
         take away this file, or the zone from there"
    );

    assert!(stage.loader.receive(&far, None).expect("it is awaited").is_none(), "it has expired");
    assert_eq!(stage.load(5), "far.example. -, example. 7, 0 changed, 1 broken");
    let example = Name::parse_absolute("example").expect("a name");
    assert!(stage.loader.receive(&example, Some(build(4).into())).is_none(), "a file's own");
}

/// A zone that wants names for its addresses.
fn forward(records: &str) -> String {
    format!("{}{records}", yaml("x", 1).replacen("ns:", "reverse: true\nns:", 1))
}

#[test]
fn a_reverse_zone_follows_the_zones_that_ask_for_names() {
    let reverse = "2.0.192.in-addr.arpa";
    let yaml_file = format!("a/{reverse}.yaml");
    let own = || format!("zone: {reverse}\nns: [ns.x.]\nrecords:\n  9: {{PTR: other.x.}}\n");
    check(
        "reverse",
        &[
            (Write(&yaml_file, own()), "2.0.192.in-addr.arpa. 101, 1 changed, 0 broken"),
            (
                Write("a/x.yaml", forward("")),
                "2.0.192.in-addr.arpa. 102, x. 102, 2 changed, 0 broken",
            ),
            (Nothing, "2.0.192.in-addr.arpa. 102, x. 102, 0 changed, 0 broken"),
            // Addresses that it does not hold, and one that its file has a name for: it is made anew, and is the same.
            (
                Write("a/x.yaml", forward("  a: {A: [198.51.100.1, 192.0.2.9]}\n")),
                "2.0.192.in-addr.arpa. 102, x. 104, 2 changed, 0 broken",
            ),
            (
                Write("a/x.yaml", forward("  a: {pool: [192.0.2.8]}\n")),
                "2.0.192.in-addr.arpa. 105, x. 105, 2 changed, 0 broken",
            ),
            // The last good version is what is served, and so what has names.
            (
                Write("a/x.yaml", forward("  a: {pool: []}\n")),
                "2.0.192.in-addr.arpa. 105, x. 105, 0 changed, 1 broken",
            ),
            (Remove("a/x.yaml"), "2.0.192.in-addr.arpa. 107, 2 changed, 0 broken"),
        ],
    );
}

#[test]
fn a_serial_by_hand_rises_with_names_of_addresses() {
    let file = "a/2.0.192.in-addr.arpa.zone";
    let own = |serial: u32| {
        format!("@ 60 SOA ns.x. host.x. {serial} 1 1 1 60\n@ 60 NS ns.x.\n9 60 PTR other.x.\n")
    };
    let mut stage = Stage::new("reverse-by-hand");
    for (number, (action, expected)) in [
        (Write(file, own(7)), "2.0.192.in-addr.arpa. 7, 1 changed, 0 broken"),
        (Write("a/x.yaml", forward("")), "2.0.192.in-addr.arpa. 8, x. 102, 2 changed, 0 broken"),
        (Write(file, own(7)), "2.0.192.in-addr.arpa. 8, x. 102, 0 changed, 0 broken"),
        (Write(file, own(20)), "2.0.192.in-addr.arpa. 20, x. 102, 1 changed, 0 broken"),
        (
            Write("a/x.yaml", forward("  b: {AAAA: '2001:db8::1', A: 192.0.2.7}\n")),
            "2.0.192.in-addr.arpa. 21, x. 105, 2 changed, 0 broken",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        stage.act(&action);
        assert_eq!(stage.load(101 + number as u32), expected, "step {}", number + 1);
    }
    // A new process goes on where the last one was.
    stage.restart();
    let round = stage.loader.load_at(200, Guard::On);
    let (_, zone) = &round.zones[0];
    let zone = zone.as_ref().expect("it is served");
    let mut records: Vec<_> = zone
        .records()
        .map(|record| {
            let rdata = crate::rdata::print(record.rtype, &record.rdata);
            format!(
                "{} {} {} {rdata}",
                record.owner,
                record.ttl,
                crate::rdata::type_name(record.rtype)
            )
        })
        .collect();
    records.sort_unstable();
    assert_eq!(
        records,
        [
            "2.0.192.in-addr.arpa. 60 NS ns.x.",
            "2.0.192.in-addr.arpa. 60 SOA ns.x. host.x. 21 1 1 1 60",
            "53.2.0.192.in-addr.arpa. 60 PTR ns.x.",
            "7.2.0.192.in-addr.arpa. 60 PTR b.x.",
            "9.2.0.192.in-addr.arpa. 60 PTR other.x.",
        ]
    );
    let told: Vec<_> = round.mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "no zone here holds the names of 2001:db8::1, which `reverse: true` asks for; add one such as 0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
        ]
    );
}

#[test]
fn aliases_that_lead_nowhere_are_told() {
    let mut stage = Stage::new("astray");
    let records =
        "  a: {alias: ns}\n  b: {alias: www.elsewhere.}\n  c: {alias: d}\n  d: {alias: c}\n";
    stage.act(&Write("a/x.yaml", yaml("x", 1) + records));
    let Round { mistakes, broken, .. } = stage.loader.load_at(101, Guard::On);
    assert_eq!(broken, 0);
    let told: Vec<_> = mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "`b.x.` is an alias of `www.elsewhere.`, which no zone here answers for; A and AAAA are SERVFAIL until one does",
            "`c.x.` is an alias of `d.x.`, which leads in a circle; A and AAAA are SERVFAIL until it ends at an address",
            "`d.x.` is an alias of `c.x.`, which leads in a circle; A and AAAA are SERVFAIL until it ends at an address",
        ]
    );
}
