//! What BIND and dnspython make of the text of every type, as we print it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{ROWS, parsed};
use crate::rdata::{print, rtype, type_name};

/// What not each BIND knows, or what it is stricter about than an RFC.
const NOT_BIND: &[&str] = &[
    "MD a.", // obsolete (RFC 973)
    "MF a.",
    "IPSECKEY 10 2 0 2001:db8::1", // wants a key (RFC 4025 §2.6 does not)
    "NSEC3 1 0 0 - CPNMUOJ1",      // wants a hash of twenty bytes
    "NSEC3 1 1 12 AABBCCDD CPNMUOJ1 NS SOA",
    "NSEC \\000.a. RRSIG NSEC NXNAME",
    "SVCB 1 . alpn=\"h2\" dohpath=\"/dns-query{?dns}\" ohttp key65000",
    "CLA \"TCP-v4-v6\"",
    "IPN 18446744073709551615",
    "DSYNC CDS NOTIFY 5359 cds-scanner.example.net.",
    "DSYNC CSYNC 7 0 .",
    "HHIT Zm9v",
    "BRID Zm9v",
    "RESINFO \"qnamemin\" \"exterr=15-17\"",
    "WALLET \"BTC\" \"1BoatSLRHtKNngkdXEeobR76b53LETtpyT\"",
];
/// What BIND says of rows that it takes.
const BIND_WARNS: [&str; 2] = ["signature has expired", "old style DNSSEC"];
/// What dnspython wants otherwise.
const NOT_DNSPYTHON: &[&str] = &[
    "IPSECKEY 10 2 0 2001:db8::1",
    "NSEC \\000.a. RRSIG NSEC NXNAME",
    "SVCB 1 . alpn=\"h2\" dohpath=\"/dns-query{?dns}\" ohttp key65000",
];
/// What dnspython says of a type that it has no text for.
const DNSPYTHON_HAS_NONE: [&str; 2] = ["UnknownRdatatype", "generic rdata does not start"];

/// What stands before the rows in a zone.
const HEAD: &str = "$ORIGIN example.\n@ 60 SOA ns host 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n";

/// Reads `TYPE text` lines, and gives the bytes of each in hex, or what is wrong with it.
const READ: &str = "
import sys, dns.name, dns.rdata, dns.rdatatype
origin = dns.name.from_text('example.')
for line in sys.stdin:
    rtype, _, text = line.rstrip('\\n').partition(' ')
    try:
        rdata = dns.rdata.from_text('IN', dns.rdatatype.from_text(rtype), text, origin=origin)
        print(rdata.to_wire(origin=origin).hex())
    except Exception as error:
        print('!', repr(error).replace('\\n', ' '))
";

/// Each row's `TYPE text` as a tool is to read it; what a master file cannot have here is left out.
fn rows() -> Vec<(String, u16, &'static [u8])> {
    // A zone has one SOA, and no tool has a text for NULL.
    let rows = ROWS.iter().filter(|row| ![rtype::SOA, rtype::NULL].contains(&row.0));
    rows.map(|&(rtype, _, wire, _)| {
        (format!("{} {}", type_name(rtype), print(rtype, wire)), rtype, wire)
    })
    .collect()
}

/// Whether a command can be run; where it cannot, that is said.
fn runs(tool: &str, command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let runs = status.is_ok_and(|status| status.success());
    if !runs {
        eprintln!("SKIPPED: {tool} is not installed");
    }
    runs
}

#[test]
fn bind_reads_the_same_text() {
    if !runs("named-compilezone", Command::new("named-compilezone").arg("-v")) {
        return;
    }
    let file = std::env::temp_dir().join(format!("rotadns-rdata-{}.zone", std::process::id()));
    let mut rows = rows();
    let output = loop {
        let mut zone = HEAD.to_owned();
        for (at, (row, ..)) in rows.iter().enumerate() {
            writeln!(zone, "r{at} 60 IN {row}").expect("a String takes all");
        }
        std::fs::write(&file, zone).expect("a file can be written");
        let output = Command::new("named-compilezone")
            .args("-i none -k ignore -n ignore -m ignore -o - example.".split(' '))
            .arg(&file)
            .output()
            .expect("it is there");
        if output.status.success() {
            break String::from_utf8(output.stdout).expect("a master file is ASCII");
        }
        // `FILE:LINE: what is wrong`, for each line that is.
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let place = format!("{}:", file.display());
        let wrong = told.lines().filter(|line| !BIND_WARNS.iter().any(|said| line.contains(said)));
        let lines = wrong.filter_map(|line| line.split(&place).nth(1)?.split(':').next());
        let lines: BTreeSet<usize> = lines.filter_map(|line| line.parse().ok()).collect();
        assert!(!lines.is_empty(), "{told}");
        for line in lines.iter().rev() {
            let (row, ..) = rows.remove(line - HEAD.lines().count() - 1);
            assert!(NOT_BIND.contains(&row.as_str()), "{row}: {told}");
        }
    };
    std::fs::remove_file(&file).expect("it was written");
    let mut compared = 0;
    for line in output.lines() {
        let mut words = line.split_whitespace();
        let at = words.next().and_then(|name| name.strip_suffix(".example.")?.strip_prefix('r'));
        let Some((row, rtype, wire)) = at.and_then(|at| rows.get(at.parse::<usize>().ok()?)) else {
            continue;
        };
        let theirs: Vec<&str> = words.skip(3).collect();
        assert_eq!(parsed(*rtype, &theirs.join(" ")).as_deref(), Ok(*wire), "{row}: {line}");
        compared += 1;
    }
    assert_eq!(compared, rows.len());
}

#[test]
fn dnspython_reads_the_same_text() {
    // The system's, where a newer Python without it comes first.
    let python = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        runs(
            &format!("dnspython of {python}"),
            Command::new(python).args(["-c", "import dns.rdata"]),
        )
    });
    let Some(python) = python else { return };
    let rows = rows();
    let mut child = Command::new(python)
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was there before");
    let lines = rows.iter().fold(String::new(), |lines, (row, ..)| lines + row + "\n");
    // What comes back is shorter than a pipe holds.
    child.stdin.take().expect("it is a pipe").write_all(lines.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let told = String::from_utf8(output.stdout).expect("hex is ASCII");
    assert_eq!(told.lines().count(), rows.len());
    let mut compared = 0;
    for ((row, _, wire), theirs) in rows.iter().zip(told.lines()) {
        let ours = wire.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        if !theirs.starts_with('!') {
            assert_eq!(theirs, ours, "{row}");
            compared += 1;
        } else if !DNSPYTHON_HAS_NONE.iter().any(|none| theirs.contains(none)) {
            assert!(NOT_DNSPYTHON.contains(&row.as_str()), "{row}: {theirs}");
        }
    }
    assert!(compared > 70, "{compared} rows compared");
}
