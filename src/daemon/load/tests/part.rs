//! What becomes of zones when some files alone are looked at.

use std::ffi::OsString;

use super::*;

impl Stage {
    /// Looks at files of these names, and says what is new; how many changed, and how many are broken. `all` where all are to
    /// be looked at.
    fn load_some(&mut self, now: u32, names: &[&str]) -> String {
        let names: BTreeSet<OsString> = names.iter().map(OsString::from).collect();
        let Some(Part { zones, changes, broken }) = self.loader.load_some_at(now, &names) else {
            return "all".to_owned();
        };
        let zones = zones.iter().map(|(origin, zone)| {
            let serial = zone.as_ref().map(|zone| zone.serial.to_string());
            format!("{origin} {}, ", serial.as_deref().unwrap_or("-"))
        });
        let changed = changes.count();
        format!("{}{changed} changed, {broken} broken", zones.collect::<String>())
    }

    /// Takes one step a second after another, from second 101 on.
    fn check_some(&mut self, steps: &[(&[Do<'_>], &[&str], &str)]) {
        for (number, (actions, names, expected)) in steps.iter().enumerate() {
            actions.iter().for_each(|action| self.act(action));
            let found = self.load_some(101 + number as u32, names);
            assert_eq!(found, *expected, "step {}", number + 1);
        }
    }
}

#[test]
fn what_is_named_is_read_and_nothing_else() {
    let mut stage = Stage::new("named");
    stage.act(&Write("a/x.yaml", yaml("x", 1)));
    stage.act(&Write("a/y.yaml", yaml("y", 1)));
    assert_eq!(stage.load(100), "x. 100, y. 100, 2 changed, 0 broken");
    let mistaken = || yaml("x", 1).replace("192.0.2.53", "192.0.2.530");
    stage.check_some(&[
        (
            &[Write("a/x.yaml", yaml("x", 2)), Write("a/y.yaml", yaml("y", 2))],
            &["x.yaml"],
            "x. 101, 1 changed, 0 broken",
        ),
        (&[], &["x.yaml"], "0 changed, 0 broken"),
        (&[], &["y.yaml"], "y. 103, 1 changed, 0 broken"),
        (&[Write("a/x.yaml", mistaken())], &["x.yaml"], "0 changed, 1 broken"),
        (&[Write("a/x.yaml", yaml("x", 3))], &["x.yaml", "y.yaml"], "x. 105, 1 changed, 0 broken"),
        (&[Write("b/z.yaml", yaml("z", 30))], &["z.yaml"], "z. 106, 1 changed, 0 broken"),
        // Most of its names are gone.
        (&[Write("b/z.yaml", yaml("z", 3))], &["z.yaml"], "0 changed, 1 broken"),
        // No zone, and a file that others name.
        (&[Write("a/x.txt", String::new())], &["x.txt", "secret"], "0 changed, 0 broken"),
    ]);
    let files = stage.loader.files().load();
    let version = |zone| files[&Name::parse_absolute(zone).expect(zone)].version;
    assert_eq!(["x", "y", "z"].map(version), [Version::Newest, Version::Newest, Version::LastGood]);
    assert_eq!(stage.load(200), "x. 105, y. 103, z. 106, 0 changed, 1 broken");
}

#[test]
fn what_concerns_more_than_the_content_of_files_is_for_all() {
    for (test, action, name) in [
        ("gone", Remove("a/x.yaml"), "x.yaml"),
        ("never-there", Nothing, "y.yaml"),
        ("other-ending", Write("a/x.zone", master(1)), "x.zone"),
        ("twice", Write("b/x.yaml", yaml("x", 1)), "x.yaml"),
        ("moved", Move("a/x.yaml", "b/x.yaml"), "x.yaml"),
        ("misnamed", Write("a/a..b.yaml", String::new()), "a..b.yaml"),
        ("away", Move("a", "elsewhere"), "x.yaml"),
    ] {
        let mut stage = Stage::new(&format!("all-{test}"));
        stage.act(&Write("a/x.yaml", yaml("x", 1)));
        assert_eq!(stage.load(100), "x. 100, 1 changed, 0 broken");
        stage.act(&action);
        assert_eq!(stage.load_some(101, &[name]), "all", "{test}");
    }
}

#[test]
fn a_file_that_is_included_names_its_zones() {
    let mut stage = Stage::new("part-includes");
    let included = |address: &str| format!("www 60 A {address}\n");
    for zone in ["x", "y"] {
        let file = format!("a/{zone}.zone");
        stage.act(&Write(&file, master(1) + "$INCLUDE ../b/x.inc\n"));
    }
    let octodns = "'': {type: NS, value: ns.example.}\nwww: !include ../b/www.inc\n";
    let www = |address: &str| format!("type: A\nvalue: {address}\n");
    stage.act(&Write("a/o.yaml", octodns.to_owned()));
    stage.act(&Write("a/z.zone", master(1)));
    stage.act(&Write("b/www.inc", www("192.0.2.1")));
    assert_eq!(stage.load(100), "o. 100, x. -, y. -, z. 1, 4 changed, 2 broken");
    stage.check_some(&[
        // One that was missed.
        (&[Write("b/x.inc", included("192.0.2.1"))], &["x.inc"], "x. 1, y. 1, 2 changed, 0 broken"),
        (&[], &["x.inc"], "0 changed, 0 broken"),
        (&[Write("b/x.inc", included("192.0.2.2"))], &["x.inc"], "x. 1, y. 1, 2 changed, 0 broken"),
        (&[Write("b/www.inc", www("192.0.2.2"))], &["www.inc"], "o. 104, 1 changed, 0 broken"),
        (&[Remove("b/x.inc")], &["x.inc"], "0 changed, 2 broken"),
    ]);
}

#[test]
fn a_reverse_zone_follows_a_file_that_is_read_alone() {
    let mut stage = Stage::new("part-reverse");
    let reverse = "2.0.192.in-addr.arpa";
    let own = format!("zone: {reverse}\nns: [ns.x.]\nrecords:\n  9: {{PTR: other.x.}}\n");
    let file = format!("{reverse}.yaml");
    stage.act(&Write(&format!("a/{file}"), own));
    stage.act(&Write("a/x.yaml", forward("")));
    stage.act(&Write("a/y.yaml", yaml("y", 1)));
    let served = "2.0.192.in-addr.arpa. 100, x. 100, y. 100, 3 changed, 0 broken";
    assert_eq!(stage.load(100), served);
    stage.check_some(&[
        (
            &[Write("a/x.yaml", forward("  a: {A: 192.0.2.7}\n"))],
            &["x.yaml"],
            "2.0.192.in-addr.arpa. 101, x. 101, 2 changed, 0 broken",
        ),
        (&[], &["x.yaml"], "0 changed, 0 broken"),
        // It has them still when it is read alone.
        (&[], &[&file], "0 changed, 0 broken"),
        // Names that nobody asks for.
        (&[Write("a/y.yaml", yaml("y", 2))], &["y.yaml"], "y. 104, 1 changed, 0 broken"),
        // Nobody asks for names any more.
        (
            &[Write("a/x.yaml", yaml("x", 1))],
            &["x.yaml"],
            "2.0.192.in-addr.arpa. 105, x. 105, 2 changed, 0 broken",
        ),
    ]);
}

#[test]
fn what_nobody_noticed_is_found_when_all_are_looked_at() {
    let mut stage = Stage::new("unnoticed");
    // Each time that a file has counts at once.
    stage.loader.settled = Duration::ZERO;
    stage.act(&Write("a/x.yaml", yaml("x", 1)));
    stage.act(&Write("a/y.zone", master(1) + "$INCLUDE ../b/y.inc\n"));
    stage.act(&Write("b/y.inc", "www 60 A 192.0.2.1\n".into()));
    assert_eq!(stage.load(101), "x. 101, y. 1, 2 changed, 0 broken");
    assert_eq!(stage.load(102), "x. 101, y. 1, 0 changed, 0 broken");
    // As long as before, and of the same time: another file all the same.
    let text = yaml("x", 1).replace("192.0.2.53", "192.0.2.54");
    stage.act(&Write("new", text));
    let modified = fs::metadata(stage.folder.join("a/x.yaml")).and_then(|old| old.modified());
    let new = fs::File::options().append(true).open(stage.folder.join("new")).expect("it is there");
    new.set_modified(modified.expect("it has a time")).expect("it is ours");
    stage.act(&Move("new", "a/x.yaml"));
    assert_eq!(stage.load(103), "x. 103, y. 1, 1 changed, 0 broken");
    stage.act(&Write("b/y.inc", "www 60 A 192.0.2.22\n".into()));
    assert_eq!(stage.load(104), "x. 103, y. 1, 1 changed, 0 broken");
}
