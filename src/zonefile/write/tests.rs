//! What is written, and that every reader reads it as the same records.

use super::*;
use crate::zonefile::read;

fn line(owner: &str, ttl: u32, rtype: &str, text: &str) -> Line {
    let origin = Name::parse_absolute("example.com").expect("a name");
    let rtype = rdata::parse_type(rtype).expect("a type");
    let mut wire = Vec::new();
    rdata::parse(rtype, text, &origin, &mut wire)
        .unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    let owner = Name::parse(owner, &origin).expect("a name");
    Line { owner, rtype, ttl, rdata: wire, comment: None, is_off: false }
}

#[test]
fn a_zone_reads_well() {
    let origin = Name::parse_absolute("example.com").expect("a name");
    let mut lines = vec![
        line("www", 60, "A", "192.0.2.1"),
        line("www", 60, "A", "192.0.2.2"),
        line("b.www", 3600, "CNAME", "www"),
        line("@", 3600, "NS", "ns1"),
        line("@", 3600, "SOA", "ns1 hostmaster 2026112101 1h 10m 14d 5m"),
        line("a", 3600, "RESINFO", "qnamemin"),
        line("@", 3600, "MX", "10 mail.example.net."),
    ];
    lines[1].is_off = true;
    lines[1].comment = Some("pool web, backend web-2, state down".into());
    assert_eq!(
        write(&origin, &lines),
        "\
$ORIGIN example.com.
$TTL 3600
@        IN SOA     ns1 hostmaster (
    2026112101   ; serial
    3600         ; refresh
    600          ; retry
    1209600      ; expire
    300 )        ; minimum
         IN NS      ns1
         IN MX      10 mail.example.net.
a        IN TYPE261 \\# 9 08716e616d656d696e ; RESINFO \"qnamemin\"
www   60 IN A       192.0.2.1
; www 60 IN A       192.0.2.2 ; pool web, backend web-2, state down
b.www    IN CNAME   www
"
    );
}

#[test]
fn what_is_written_reads_back_the_same() {
    let origin = Name::parse_absolute("example.com").expect("a name");
    let mut lines = vec![line("@", 5, "SOA", "ns1 A\\.b.EXAMPLE.com. 1 2 3 4 5")];
    for (number, &(rtype, _, wire, _)) in rdata::tests::ROWS.iter().enumerate() {
        if rtype != rtype::SOA {
            let owner = Name::parse(&format!("n{number}.\\@\\$.x"), &origin).expect("a name");
            let (ttl, rdata) = (number as u32 * 7, wire.to_vec());
            lines.push(Line {
                owner,
                rtype,
                ttl,
                rdata,
                comment: Some("a;\nb".into()),
                is_off: false,
            });
        }
    }
    let text = write(&origin, &lines);
    let mut found = Vec::new();
    let mistakes = read(text.as_bytes(), &origin, |record| {
        found.push((record.owner.to_vec(), record.rtype, record.ttl, record.rdata.to_vec()));
    });
    assert_eq!(mistakes, [], "{text}");
    let mut expected: Vec<_> = lines
        .into_iter()
        .map(|line| (line.owner.as_wire().to_vec(), line.rtype, line.ttl, line.rdata))
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}
