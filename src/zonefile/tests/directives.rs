//! `$INCLUDE` and `$GENERATE`.

use std::collections::HashMap;
use std::io;

use super::*;

/// Reads the first of these files, which may include the others; told as [`super::told`] does, each place with
/// its file.
fn told_of(files: &[(&str, &str)]) -> String {
    let texts: HashMap<&Path, &str> =
        files.iter().map(|&(file, text)| (Path::new(file), text)).collect();
    let mut include = |path: &Path, most: u64| match texts.get(path) {
        Some(text) if text.len() as u64 <= most => Ok(text.as_bytes().to_vec()),
        Some(_) => Err(io::Error::other("too long")),
        None => Err(io::Error::other("no such file")),
    };
    let mut records = Vec::new();
    let (file, text) = files[0];
    let Read { mistakes, files } =
        read_file(Path::new(file), text.as_bytes(), &zone(), &mut include, |record| {
            let owner = Name::from_wire(record.owner).expect("owners are names");
            let rdata = rdata::print(record.rtype, record.rdata);
            let rtype = rdata::type_name(record.rtype);
            records.push((record.line, format!("{owner} {} {rtype} {rdata}", record.ttl)));
        });
    let mut told = String::new();
    for (place, record) in records {
        let (file, line) = files.find(place);
        let _ = writeln!(told, "{}:{line}: {record}", files.path(file).display());
    }
    for Mistake { file, line, column, width, problem } in mistakes {
        let (path, from) = (files.path(file).display(), files.told(file));
        let _ = writeln!(told, "{path}:{line}:{column}+{width}: {problem}{from}");
    }
    told
}

#[track_caller]
fn check_files(files: &[(&str, &str)], expected: &str) {
    assert_eq!(told_of(files), lines(expected), "{files:#?}");
}

#[test]
fn rfc1035_5_1_include_leaves_origin_and_owner_as_they_were() {
    check_files(
        &[
            (
                "zones/z",
                "$TTL 1\nns A 192.0.2.1\n$INCLUDE sub/a s\n TXT owner\nlast TXT origin\n$INCLUDE \"b c\"\n",
            ),
            (
                "zones/sub/a",
                " TXT inherited\nw A 192.0.2.2\n$TTL 9\n$ORIGIN t\nu A 192.0.2.3\n$INCLUDE d\n",
            ),
            ("zones/sub/d", "@ TXT here\n"),
            ("zones/b c", "@ TXT apex\n"),
        ],
        "zones/z:2: ns.example.com. 1 A 192.0.2.1
         zones/sub/a:1: ns.example.com. 1 TXT \"inherited\"
         zones/sub/a:2: w.s.example.com. 1 A 192.0.2.2
         zones/sub/a:5: u.t.s.example.com. 9 A 192.0.2.3
         zones/sub/d:1: t.s.example.com. 9 TXT \"here\"
         zones/z:4: ns.example.com. 9 TXT \"owner\"
         zones/z:5: last.example.com. 9 TXT \"origin\"
         zones/b c:1: example.com. 9 TXT \"apex\"",
    );
}

#[test]
fn a_path_is_relative_to_the_file_that_includes_it_or_absolute() {
    check_files(
        &[
            ("a/z", "$INCLUDE ../b/c\n$INCLUDE /d\n"),
            ("a/../b/c", "@ 1 TXT c\n"),
            ("/d", "@ 1 TXT d\n"),
        ],
        "a/../b/c:1: example.com. 1 TXT \"c\"\n/d:1: example.com. 1 TXT \"d\"",
    );
}

#[test]
fn what_is_wrong_with_an_include_is_told_with_its_chain() {
    check_files(
        &[("z", "@ 1 TXT a\n\n$INCLUDE a\n@ 1 TXT b\n"), ("a", "\n$INCLUDE b\n"), ("b", "@ 1 A x\n$INCLUDE a\n")],
        "z:1: example.com. 1 TXT \"a\"
         z:4: example.com. 1 TXT \"b\"
         b:1:7+1: not an IPv4 address, such as 192.0.2.1 (included in line 2 of a, that in line 3 of z)
         b:2:10+1: a is open already and would include itself; remove one of the $INCLUDE (included in line 2 of a, that in line 3 of z)",
    );
    let usage = "$INCLUDE has a file after it, and perhaps an origin: $INCLUDE FILE [ORIGIN]";
    for (text, expected) in [
        ("$INCLUDE", format!("z:1:1+8: {usage}")),
        ("$INCLUDE a b c", format!("z:1:14+1: {usage}")),
        ("$INCLUDE z", "z:1:10+1: z is open already and would include itself; remove one of the $INCLUDE".into()),
        ("$include \"\"", "z:1:10+2:  cannot be included: this is no path; a path is relative to the file that it stands in".into()),
        ("$INCLUDE no", "z:1:10+2: no cannot be included: no such file; a path is relative to the file that it stands in".into()),
        ("$INCLUDE a b..c", "z:1:12+4: a label is empty; write one dot between labels and none at the start".into()),
    ] {
        check_files(&[("z", text)], &expected);
    }
}

#[test]
fn includes_have_limits() {
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let texts: Vec<String> = (1..=20).map(|number| format!("$INCLUDE {number}")).collect();
    let files: Vec<(&str, &str)> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let told = told_of(&files);
    assert!(
        told.starts_with("15:1:10+2: more than 16 files would be open inside one another"),
        "{told}"
    );
    // Ten levels that each include the next ten times would be ten thousand million files.
    let texts: Vec<String> =
        (1..=10).map(|number| format!("$INCLUDE {number}\n").repeat(10)).collect();
    let mut files: Vec<(&str, &str)> =
        names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("10", ""));
    let told = told_of(&files);
    assert!(told.contains("a zone includes at most 10000 files; join some"), "{told}");
    assert!(told.lines().count() <= MISTAKES_MAX);
}

#[test]
fn generate_makes_a_record_for_each_number() {
    // What named-compilezone 9.18 makes of these.
    for (text, expected) in [
        ("1-3 a$ A 192.0.2.$", "a1 A 192.0.2.1, a2 A 192.0.2.2, a3 A 192.0.2.3"),
        ("0-4/2 b${1,3,d} 60 IN CNAME $.c", "b001 CNAME 0.c, b003 CNAME 2.c, b005 CNAME 4.c"),
        (
            "3-3 $ in 60 TXT \"x ${0,2,d} \\$ $$ \\\"a b\\\"\"",
            "3 TXT \"x\" \"03\" \"$\" \"$\" \"a b\"",
        ),
        ("10-12 ${0,3,n} PTR a$", "a.0 PTR a10, b.0 PTR a11, c.0 PTR a12"),
        ("10-10 ${0,0,N}.q PTR a${-5}", "a.q PTR a5"),
        ("255-255 ${0,4,x}-${0,0,X}-${0,5,o}-${-255} CNAME @", "00ff-ff-00377-0 CNAME @"),
        ("1-1 $ MX 10 m$", "1 MX 10 m1"),
        ("1-1 $ MX \"10 m$\"", "1 MX 10 m1"),
    ] {
        let told = told(format!("$TTL 60\n$GENERATE {text}"));
        let found: Vec<_> = told
            .lines()
            .map(|line| {
                line.strip_prefix("2: ")
                    .expect("its line")
                    .replace(".example.com.", "")
                    .replace(" 60 ", " ")
            })
            .map(|line| line.replace("example.com.", "@"))
            .collect();
        assert_eq!(found.join(", "), expected, "{text}");
    }
    // Eight characters of digits and dots end in a dot, and so the name is complete.
    let told = told("$GENERATE 4660-4660 ${0,8,n} 1 PTR a");
    assert!(told.contains("4.3.2.1. is outside the zone"), "{told}");
    // Owner and TTL of the records around stay as they are.
    check(
        "$TTL 1\na A 192.0.2.1\n$GENERATE 1-1 b$ A 192.0.2.$\n A 192.0.2.2",
        "2: a.example.com. 1 A 192.0.2.1
         3: b1.example.com. 1 A 192.0.2.1
         4: a.example.com. 1 A 192.0.2.2",
    );
}

#[test]
fn each_mistake_of_generate_is_told_with_its_place() {
    let usage = "$GENERATE is written `$GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE RDATA`";
    let range = "a range is START-STOP or START-STOP/STEP, rising numbers up to 2147483647, as in 1-254 or 0-62/2";
    let modifier = "`${` is followed by OFFSET, WIDTH up to 255, one of d, o, x, X, n and N, and `}`, as in ${0,3,d}; the last two may be left out";
    for (text, expected) in [
        ("$GENERATE", format!("1:1+9: {usage}")),
        ("$GENERATE 1-2", format!("1:1+9: {usage}")),
        ("$GENERATE 1-2 a", "1:16+0: the record's type is missing, such as A or MX".into()),
        ("$GENERATE 1-2 a A", format!("1:1+9: {usage}")),
        ("$GENERATE 1 a 1 A 192.0.2.1", format!("1:11+1: {range}")),
        ("$GENERATE 2-1 a 1 A 192.0.2.1", format!("1:11+3: {range}")),
        ("$GENERATE 1-2/0 a 1 A 192.0.2.1", format!("1:11+5: {range}")),
        ("$GENERATE 1-2147483648 a 1 A 192.0.2.1", format!("1:11+12: {range}")),
        ("$GENERATE 1-2 a${} 1 A 192.0.2.1", format!("1:15+4: {modifier}")),
        ("$GENERATE 1-2 a${0 1 A 192.0.2.1", format!("1:15+4: {modifier}")),
        ("$GENERATE 1-2 a${0,1,y} 1 A 192.0.2.1", format!("1:15+9: {modifier}")),
        ("$GENERATE 1-2 a${0,256} 1 A 192.0.2.1", format!("1:15+9: {modifier}")),
        ("$GENERATE 1-2 a${0,1,d,1} 1 A 192.0.2.1", format!("1:15+11: {modifier}")),
        ("$GENERATE 1-2 a A 192.0.2.1", "1:17+1: no TTL stands here or before; write $TTL above, as in $TTL 1h".into()),
        (
            "$GENERATE 1-2 a${-5} 1 A 192.0.2.1",
            "1:15+6: the offset makes this -4; numbers are from 0 to 2147483647, so change the range or the offset".into(),
        ),
        (
            "$GENERATE 0-2147483647 a$ 1 A 192.0.2.1",
            "1:11+12: $GENERATE makes at most 16777216 records in a zone; shorten the ranges".into(),
        ),
        (
            "$GENERATE 255-300 a 1 A 192.0.2.$",
            "1: a.example.com. 1 A 192.0.2.255\n1:25+9: this makes \"192.0.2.256\": not an IPv4 address, such as 192.0.2.1".into(),
        ),
        (
            "$GENERATE 1-1 a$.net. 1 A 192.0.2.$",
            "1:15+7: this makes \"a1.net.\": a1.net. is outside the zone example.com.; an owner with a last dot is complete, one without is below $ORIGIN".into(),
        ),
    ] {
        check(text, &expected);
    }
}
