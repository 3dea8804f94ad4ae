//! Master files and the records they mean, the mistakes in them and where they are told.

use std::fmt::Write as _;
use std::path::Path;

use domain::base::iana::Rtype;
use domain::base::name::ToName;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use proptest::prelude::*;

use super::*;
use crate::name::Name;
use crate::rdata;

fn zone() -> Name {
    Name::parse_absolute("example.com.").expect("a name")
}

mod directives;

/// The records of a file, one a line: line, owner, TTL, type, RDATA. Then its mistakes, one a line:
/// line, column and width, sentence.
fn told(text: impl AsRef<[u8]>) -> String {
    let mut told = String::new();
    let mistakes = read(text.as_ref(), &zone(), |record| {
        let owner = Name::from_wire(record.owner).expect("owners are names");
        let (name, rdata) =
            (rdata::type_name(record.rtype), rdata::print(record.rtype, record.rdata));
        let _ = writeln!(told, "{}: {owner} {} {name} {rdata}", record.line, record.ttl);
    });
    for Mistake { line, column, width, problem, .. } in mistakes {
        let _ = writeln!(told, "{line}:{column}+{width}: {problem}");
    }
    told
}

/// The text without the blanks that it has here to be readable.
fn lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).fold(
        String::new(),
        |mut lines, line| {
            lines.push_str(line);
            lines.push('\n');
            lines
        },
    )
}

#[track_caller]
fn check(text: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(told(&text), lines(expected), "{}", String::from_utf8_lossy(text.as_ref()));
}

#[test]
fn rfc1035_5_1_entries() {
    check(
        "$TTL 60\n\
         @ IN SOA ns1 Host.Master ( 1 ; the serial\n\
         \t1h 10m\n\
         \t2w 5m )\n\
         \tNS ns1\n\
         \n\
         ; a comment\n\
         NS1\tA\t192.0.2.1\n\
         \tAAAA 2001:db8::1 ; another\n\
         example.com. MX 10 mail.example.net.\n\
         $ORIGIN sub\n\
         www TXT \"a;b\" c\n\
         $ORIGIN .\n\
         x.example.com A 192.0.2.2",
        "2: example.com. 60 SOA ns1.example.com. Host.Master.example.com. 1 3600 600 1209600 300
         5: example.com. 60 NS ns1.example.com.
         8: ns1.example.com. 60 A 192.0.2.1
         9: ns1.example.com. 60 AAAA 2001:db8::1
         10: example.com. 60 MX 10 mail.example.net.
         12: www.sub.example.com. 60 TXT \"a;b\" \"c\"
         14: x.example.com. 60 A 192.0.2.2",
    );
}

#[test]
fn ttl_and_class_stand_in_either_order() {
    for entry in
        ["@ 1h IN A 192.0.2.1", "@ in 3600 a 192.0.2.1", "@ 60m CLASS1 TYPE1 \\# 4 C0000201"]
    {
        check(entry, "1: example.com. 3600 A 192.0.2.1");
    }
    check(
        "@ IN 1 A 192.0.2.1\n 2 A 192.0.2.2",
        "1: example.com. 1 A 192.0.2.1\n2: example.com. 2 A 192.0.2.2",
    );
}

#[test]
fn a_record_without_a_ttl_takes_one() {
    // RFC 2308 §4: that of the last $TTL, whatever records had between.
    check(
        "$TTL 10\na 20 TXT a\nb TXT b\n$TTL 30\nc TXT c",
        "2: a.example.com. 20 TXT \"a\"
         3: b.example.com. 10 TXT \"b\"
         5: c.example.com. 30 TXT \"c\"",
    );
    // RFC 1035 §5.1: without any, the last that a record had.
    check(
        "@ 20 SOA . . 1 2 3 4 5\na TXT a\nb 6 TXT b\nc TXT c",
        "1: example.com. 20 SOA . . 1 2 3 4 5
         2: a.example.com. 20 TXT \"a\"
         3: b.example.com. 6 TXT \"b\"
         4: c.example.com. 6 TXT \"c\"",
    );
    // Without that, the SOA's minimum.
    check(
        "@ SOA . . 1 2 3 4 5\na TXT a",
        "1: example.com. 5 SOA . . 1 2 3 4 5
         2: a.example.com. 5 TXT \"a\"",
    );
    // RFC 2181 §8: a TTL with its highest bit set is zero.
    check("@ SOA . . 1 2 3 4 2147483648", "1: example.com. 0 SOA . . 1 2 3 4 2147483648");
}

#[test]
fn odd_bytes_are_read() {
    check(
        "\u{feff}@ 1 TXT a\r\n@ 1 TXT b\r\n",
        "1: example.com. 1 TXT \"a\"\n2: example.com. 1 TXT \"b\"",
    );
    check("a\\.b\\032\\;c 1 TXT d", "1: a\\.b\\032\\;c.example.com. 1 TXT \"d\"");
    check("*.Ä 1 TXT Ä", "1: *.\\195\\132.example.com. 1 TXT \"\\195\\132\"");
    check(b"\xff 1 TXT \xff", "1: \\255.example.com. 1 TXT \"\\255\"");
    check(
        "\\@ 1 TXT a\n\\$a 1 TXT b",
        "1: \\@.example.com. 1 TXT \"a\"\n2: \\$a.example.com. 1 TXT \"b\"",
    );
    check(
        "@ 1 TXT \"a\nb\"\nc 1 TXT d",
        "1: example.com. 1 TXT \"a\\010b\"\n3: c.example.com. 1 TXT \"d\"",
    );
    check("", "");
    check("\n\n ; nothing\n()\n", "");
}

#[test]
fn a_type_may_be_the_name_of_an_owner() {
    check(
        "$TTL 1\nMX A 192.0.2.1\n A 192.0.2.2\nIN IN TXT a\n60 60 TXT b",
        "2: mx.example.com. 1 A 192.0.2.1
         3: mx.example.com. 1 A 192.0.2.2
         4: in.example.com. 1 TXT \"a\"
         5: 60.example.com. 60 TXT \"b\"",
    );
}

#[test]
fn each_mistake_is_told_with_its_place() {
    let seconds = "a TTL is 0 to 2147483647 seconds, or like 1h30m with the units w, d, h, m and s";
    for (text, expected) in [
        ("@ 1 A 192.0.2", "1:7+7: not an IPv4 address, such as 192.0.2.1"),
        ("@ 1 A", "1:6+0: A is written `address`; address is missing"),
        ("ä 1 MX ä 10", "1:8+1: preference is a number from 0 to 65535"),
        (
            "www.example.net. 1 A 192.0.2.1",
            "1:1+16: www.example.net. is outside the zone example.com.; an owner with a last dot is complete, one without is below $ORIGIN",
        ),
        (
            " 1 A 192.0.2.1",
            "1:2+1: no owner stands here or before; write a name, or @ for the zone itself",
        ),
        ("@ A 192.0.2.1", "1:3+1: no TTL stands here or before; write $TTL above, as in $TTL 1h"),
        ("@ 1y A 192.0.2.1", &format!("1:3+2: {seconds}")),
        ("@ 2147483648 A 192.0.2.1", &format!("1:3+10: {seconds}")),
        ("$TTL 1x", &format!("1:6+2: {seconds}")),
        ("@ 1 2 A 192.0.2.1", "1:5+1: this record has a TTL already; remove one"),
        ("@ IN 1 IN A 192.0.2.1", "1:8+2: this record has a class already; remove one"),
        ("@ 1 CH TXT a", "1:5+2: only class IN is served; write IN or no class"),
        ("@ 1 CLASS3 TXT a", "1:5+6: only class IN is served; write IN or no class"),
        ("@ 1 IN", "1:7+0: the record's type is missing, such as A or MX"),
        ("@", "1:2+0: the record's type is missing, such as A or MX"),
        ("@ 1 CNMAE a", "1:5+5: no record type is called \"CNMAE\"; did you mean CNAME?"),
        ("@ 1 ANY a", "1:5+3: only class IN is served; write IN or no class"),
        ("@ 1 \"A\" 192.0.2.1", "1:5+3: a type is written without quotes"),
        (
            "a..b 1 A 192.0.2.1",
            "1:1+4: a label is empty; write one dot between labels and none at the start",
        ),
        (
            "$INCLUDE other.zone",
            "1:10+10: other.zone cannot be included: this text stands alone; a path is relative to the file that it stands in",
        ),
        (
            "$ORIGN a",
            "1:1+6: no directive is called \"$ORIGN\"; there are $ORIGIN, $TTL, $INCLUDE and $GENERATE, and an owner with $ is written \\$",
        ),
        ("$ORIGIN", "1:1+7: $ORIGIN has exactly one value after it"),
        ("$TTL 1 2", "1:8+1: $TTL has exactly one value after it"),
        (
            "@ 1 SOA . . (\n 1 2 3 4\n x )",
            "3:2+1: minimum is in seconds, or like 1h30m with the units w, d, h, m and s",
        ),
        ("@ 1 TXT \"a\n", "1:9+1: this quote is never closed; write `\"` at its end"),
        (
            "@ 1 TXT ( a\nb",
            "1:9+1: this parenthesis is never closed; write `)` at its end\n2:2+0: the record's type is missing, such as A or MX",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn reading_goes_on_with_the_next_entry() {
    check(
        "$TTL 1\n\
         a A 192.0.2.1 192.0.2.2\n\
         b A 192.0.2.3\n\
         @ SOA . . ( 1 2\n\
         x 4 5 )\n\
         c A 192.0.2.4\n\
         @ SOA . . ( 1 2 3 4 5\n\
         d A 192.0.2.5\n\
         f A 192.0.2.6\n",
        "3: b.example.com. 1 A 192.0.2.3
         6: c.example.com. 1 A 192.0.2.4
         8: d.example.com. 1 A 192.0.2.5
         9: f.example.com. 1 A 192.0.2.6
         2:15+9: A is written `address`; this is more
         5:1+1: retry is in seconds, or like 1h30m with the units w, d, h, m and s
         7:11+1: this parenthesis is never closed; write `)` at its end
         ",
    );
    check(
        "$TTL 1\ne TXT \"a\nf A 192.0.2.6\n",
        "3: f.example.com. 1 A 192.0.2.6
         2:7+1: this quote is never closed; write `\"` at its end",
    );
}

#[test]
fn one_mistake_is_told_once() {
    // Records that lean on a wrong owner give nothing, and a missing TTL is told for the first.
    check(
        "$TTL 1\na..b A 192.0.2.1\n A 192.0.2.2\n A x\nc A 192.0.2.3",
        "5: c.example.com. 1 A 192.0.2.3
         2:1+4: a label is empty; write one dot between labels and none at the start
         4:4+1: not an IPv4 address, such as 192.0.2.1",
    );
    check(
        " 1 A 192.0.2.1\n 1 A 192.0.2.2",
        "1:2+1: no owner stands here or before; write a name, or @ for the zone itself",
    );
    check(
        "a A 192.0.2.1\nb A 192.0.2.2",
        "2: b.example.com. 0 A 192.0.2.2
         1:3+1: no TTL stands here or before; write $TTL above, as in $TTL 1h",
    );
}

#[test]
fn mistakes_are_counted_to_a_limit() {
    assert_eq!(read("@ 1 A x\n".repeat(1000).as_bytes(), &zone(), |_| {}).len(), MISTAKES_MAX);
    assert_eq!(read("@ 1 A \"\n".repeat(999).as_bytes(), &zone(), |_| {}).len(), MISTAKES_MAX);
}

/// domain reads the same file to the same records. (`@` in RDATA it takes for a label.)
#[test]
fn domain_reads_the_same_records() {
    let text = "$TTL 60\n\
        @ 300 IN SOA ns1 hostmaster ( 1 3600\n 600 ; more\n 1209600 300 )\n\
        \tNS ns1\n\
        ns1 A 192.0.2.1\n\
        \tAAAA 2001:db8::1\n\
        $ORIGIN a.b.example.com.\n\
        www CNAME a\n\
        c\\.d IN 5 TXT ( \"a b\" c\\\"d\n \"\\255;\" )\n\
        * 5 IN MX 10 .\n";
    let mut ours = Vec::new();
    let mistakes = read(text.as_bytes(), &zone(), |record| {
        ours.push((record.owner.to_vec(), record.rtype, record.ttl, record.rdata.to_vec()));
    });
    assert_eq!(mistakes, []);

    let mut file = Zonefile::new();
    file.extend_from_slice(text.as_bytes());
    file.set_origin(domain::base::Name::bytes_from_str("example.com.").expect("a name"));
    let mut theirs = Vec::new();
    while let Some(entry) = file.next_entry().expect("a file without mistakes") {
        let Entry::Record(record) = entry else { continue };
        let mut rdata = Vec::new();
        record.data().compose_rdata(&mut rdata).expect("a Vec takes all");
        let owner = record.owner().to_vec().as_slice().to_ascii_lowercase();
        let rtype: Rtype = record.rtype();
        theirs.push((owner, rtype.to_int(), record.ttl().as_secs(), rdata));
    }
    assert_eq!(ours, theirs);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_bytes_are_read_or_told(text in prop::collection::vec(
        prop_oneof![any::<u8>(), prop::sample::select(&b"\n\n  \"()\\;$@.a1"[..])], 0..200,
    )) {
        let mistakes = read(&text, &zone(), |record| {
            assert!(rdata::is_valid(record.rtype, record.rdata));
            assert!(Name::from_wire(record.owner).is_some_and(|owner| owner.is_at_or_below(&zone())));
        });
        let last = text.split(|&byte| byte == b'\n').count();
        for mistake in &mistakes {
            prop_assert!((1..=last).contains(&(mistake.line as usize)), "{:?}", mistake);
            prop_assert!(!mistake.problem.to_string().contains('\n'));
        }
    }

    #[test]
    fn entries_made_of_words_are_read_or_told(words in prop::collection::vec(
        prop::sample::select(&[
            "@", "www", "A", "TXT", "SOA", "IN", "60", "192.0.2.1", "\n", "\n ", "(", ")", "\"a\"", "\"",
            "; c", "$TTL", "$ORIGIN", "$INCLUDE", "$GENERATE", "1-9", "a$", "${0,3,n}", "${", "0-4/2", "\\#", "4", "C0000201", "TYPE1", "\\", "NSEC", "HTTPS", ".", "alpn=\"h2\"",
        ][..]), 0..30,
    )) {
        let text = words.join(" ");
        // Each line makes a record at most, or as many as a range has.
        let records = std::cell::Cell::new(0);
        let mistakes = read(text.as_bytes(), &zone(), |_| records.set(records.get() + 1));
        let lines = text.lines().count();
        prop_assert!(records.get() <= 9 * lines && mistakes.len() <= 2 * lines);
    }
}
