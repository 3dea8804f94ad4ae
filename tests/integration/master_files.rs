//! Master files that are hard to read: we read them as BIND, NSD and ldns do.
//!
//! Each referee prints the zone that it has read, one record a line or close to it, and what it prints is
//! read by us again: so what is compared are records, not their spelling.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::Command;

use rotadns::config::files::read_at_most;
use rotadns::name::Name;
use rotadns::zonefile::{self, Files, Mistake};

use crate::servers::Folder;

/// Owner, type, TTL, RDATA in its canonical form.
type Record = (String, u16, u32, Vec<u8>);

struct Case {
    name: &'static str,
    text: &'static str,
    /// Files beside it.
    others: &'static [(&'static str, &'static str)],
    referees: &'static [Referee],
}

#[derive(Clone, Copy, PartialEq)]
enum Referee {
    Bind,
    Nsd,
    Ldns,
}

use Referee::{Bind, Ldns, Nsd};

const APEX: &str = "$TTL 1h\n@ IN SOA ns1 host\\.master 1 2h 3m 4w 5\n@ NS ns1\nns1 A 192.0.2.1\n";

const CASES: [Case; 11] = [
    Case {
        name: "parentheses, quotes and escapes",
        text: r#"
a TXT ( "one ; two" ; a comment (
        three\;four "fi\"ve" six\032seven "" )
b (
  300
  IN
  TXT
  "\000\255\@\$" )
c\.d.e 1 TXT "a\\b" ; c\.d is one label
\102g TXT f
h\;i TXT "a" "b"
"#,
        others: &[],
        referees: &[Bind, Nsd, Ldns],
    },
    Case {
        name: "class and TTL in either order, units, inherited owners",
        text: "\
a 5 IN A 192.0.2.1
a IN 5 A 192.0.2.2
  AAAA 2001:db8::1
b A 192.0.2.3
$TTL 1h30m
c A 192.0.2.4
\tMX 10 a
  MX 20 b
d 2d TXT x
",
        others: &[],
        referees: &[Bind, Nsd],
    },
    Case {
        name: "origins, absolute and the root",
        text: "\
$ORIGIN sub.example.com.
@ MX 5 @
www CNAME @
$ORIGIN other.example.com.
*.w MX 1 @
$ORIGIN .
z.example.com 9 MX 1 mail.example.com
mail.example.com A 192.0.2.9
",
        others: &[],
        referees: &[Bind, Nsd, Ldns],
    },
    Case {
        name: "origins below one another",
        text: "$ORIGIN sub\n@ MX 5 @\nwww CNAME @\n$ORIGIN deep\nx PTR y.\n@ NS x\n",
        others: &[],
        referees: &[Bind],
    },
    Case {
        name: "types and RDATA without a form",
        text: r"
a TYPE65280 \# 3 abcdef
b TYPE65281 \# 0
c TYPE1 \# 4 C0000201
d A \# 4 ( C000
   0202 )
e CLASS1 TYPE15 \# 3 000a 00
",
        others: &[],
        referees: &[Bind, Nsd, Ldns],
    },
    Case {
        name: "many types",
        text: r#"
a SRV 1 2 443 b
  NAPTR 10 20 "u" "E2U+sip" "!^.*$!sip:x@y!" .
  CAA 0 issue "ca.example; policy=ev"
  SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
  TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b9 7983a1d16e8a410e4561cb106618e971
  LOC 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m
  URI 10 1 "https://www.example.com/?a=b"
  HINFO "a b" c
  RP a.b b
  AFSDB 1 b
  DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
  CERT PKIX 1 RSASHA256 AQIDBA==
  EUI48 00-00-5e-00-53-2a
  NSEC3PARAM 1 0 5 aabbccdd
  DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
"#,
        others: &[],
        referees: &[Bind, Nsd, Ldns],
    },
    Case {
        name: "services",
        text: r#"
a HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1
b SVCB 0 c
d SVCB 16 e.example.net. ( mandatory=alpn,port
     alpn=h2 port=53 key667="hello\210qoo" )
"#,
        others: &[],
        referees: &[Bind, Nsd],
    },
    Case {
        name: "files included",
        text: "\
$INCLUDE sub/common.inc inc.example.com.
after TXT \"origin as before\"
$INCLUDE plain.inc
",
        others: &[
            (
                "sub/common.inc",
                "w A 192.0.2.2\n$TTL 99\nv A 192.0.2.3\n$ORIGIN far.example.com.\nu A 192.0.2.4\n",
            ),
            ("plain.inc", "s TXT \"a\"\n"),
        ],
        referees: &[Bind, Nsd],
    },
    // NSD takes the included file's last owner.
    Case {
        name: "an owner after an include, and a file whose name has a blank",
        text: "a TXT a\n$INCLUDE \"with space.inc\" s\n TXT \"owner as before\"\n",
        others: &[("with space.inc", "s TXT \"a\"\n")],
        referees: &[Bind],
    },
    Case {
        name: "records generated",
        text: r#"
$GENERATE 1-3 a$ A 192.0.2.$
$GENERATE 0-8/2 b${1,3,d} 300 IN CNAME a$
$GENERATE 10-20 ${0,3,n}.r PTR a${-5}.example.com.
$GENERATE 250-260 x${0,4,x}X${0,4,X}o${0,5,o} IN 5 MX "10 m$"
$GENERATE 5-6 t$ TXT "\$ $$ ${0,2} \"q $\""
$GENERATE 100-101 n${0,0,N}e${0,7,N} TXT $
"#,
        others: &[],
        referees: &[Bind],
    },
    Case {
        name: "odd bytes and blanks",
        text: "\
a   \t TXT\ta \r
\t \r
 ; only a comment
b TXT \"a;b\";c
\\097b A 192.0.2.7
*.w A 192.0.2.8
xn--bcher-kva A 192.0.2.10
_sip._tcp SRV 0 0 5060 .
",
        others: &[],
        referees: &[Bind, Nsd, Ldns],
    },
];

#[test]
fn master_files_mean_what_they_mean_to_bind_nsd_and_ldns() {
    let mut wrong = Vec::new();
    for Case { name, text, others, referees } in CASES {
        let folder = Folder::new();
        folder.write("example.com.zone", &format!("{APEX}{text}"));
        for (file, text) in others {
            folder.write(file, text);
        }
        let ours = match ours(&folder.path.join("example.com.zone")) {
            Ok(ours) => ours,
            Err(mistakes) => {
                wrong.push(format!("{name}: {mistakes}"));
                continue;
            }
        };
        for referee in referees {
            let theirs = referee.records(&folder.path);
            if let Err(difference) = theirs.and_then(|theirs| same(&ours, &theirs)) {
                wrong.push(format!("{name}: {}: {difference}", referee.program()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What we write is read by others as it is by us: a record of each type, and odd names.
#[test]
fn what_is_written_means_the_same_to_bind_and_nsd() {
    let origin = Name::parse_absolute("example.com").expect("a name");
    let mut lines = Vec::new();
    let text = format!(
        "{APEX}{}",
        CASES
            .iter()
            .map(|case| match case.name {
                "files included"
                | "an owner after an include, and a file whose name has a blank" => "",
                // `$ORIGIN` and `$TTL` of one case end with it.
                _ => case.text,
            })
            .flat_map(|text| ["$ORIGIN example.com.\n$TTL 60\n", text, "\n"])
            .collect::<String>()
    );
    let mistakes = zonefile::read(text.as_bytes(), &origin, |record| {
        let line = zonefile::Line {
            owner: Name::from_wire(record.owner).expect("a name"),
            rtype: record.rtype,
            // One TTL a set, as NSD wants it.
            ttl: 7,
            rdata: record.rdata.to_vec(),
            comment: Some("as it was".to_owned()),
            is_off: false,
        };
        // A CNAME stands alone in each case, not in all of them together.
        if line.rtype != rotadns::rdata::rtype::CNAME && !lines.contains(&line) {
            lines.push(line);
        }
    });
    assert_eq!(mistakes, []);
    let folder = Folder::new();
    folder.write("example.com.zone", &zonefile::write(&origin, &lines));
    let ours = ours(&folder.path.join("example.com.zone")).expect("it reads back");
    for referee in [Bind, Nsd] {
        let theirs = referee.records(&folder.path);
        if let Err(difference) = theirs.and_then(|theirs| same(&ours, &theirs)) {
            panic!("{}: {difference}", referee.program());
        }
    }
}

fn ours(file: &Path) -> Result<BTreeSet<Record>, String> {
    records(file, &std::fs::read(file).expect("it was written"))
}

fn records(file: &Path, text: &[u8]) -> Result<BTreeSet<Record>, String> {
    let origin = Name::parse_absolute("example.com").expect("a name");
    let mut records = BTreeSet::new();
    let zonefile::Read { mistakes, files } =
        zonefile::read_file(file, text, &origin, &mut read_at_most, |record| {
            let owner = Name::from_wire(record.owner).expect("a name").to_string();
            let mut rdata = record.rdata.to_vec();
            rotadns::rdata::canonicalize(record.rtype, &mut rdata);
            records.insert((owner, record.rtype, record.ttl, rdata));
        });
    let told = |files: &Files, mistake: &Mistake| {
        format!("{}:{}: {}", files.path(mistake.file).display(), mistake.line, mistake.problem)
    };
    if mistakes.is_empty() {
        return Ok(records);
    }
    let told: Vec<String> = mistakes.iter().map(|mistake| told(&files, mistake)).collect();
    Err(told.join("\n"))
}

impl Referee {
    fn program(self) -> &'static str {
        match self {
            Bind => "named-compilezone",
            Nsd => "nsd-checkzone",
            Ldns => "ldns-read-zone",
        }
    }

    /// What it reads in the zone of this folder.
    fn records(self, folder: &Path) -> Result<BTreeSet<Record>, String> {
        let mut command = Command::new(self.program());
        match self {
            Bind => command.args([
                "-k",
                "ignore",
                "-i",
                "none",
                "-o",
                "-",
                "example.com",
                "example.com.zone",
            ]),
            Nsd => command.args(["-p", "example.com", "example.com.zone"]),
            // Without an `$ORIGIN` it takes names to be those of the root.
            Ldns => {
                let text = std::fs::read(folder.join("example.com.zone")).expect("it was written");
                let text = [b"$ORIGIN example.com.\n", &text[..]].concat();
                std::fs::write(folder.join("ldns.zone"), text).expect("the folder is there");
                command.arg("ldns.zone")
            }
        };
        let output =
            command.current_dir(folder).output().map_err(|error: io::Error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)));
        }
        // NSD and BIND end with a word of their own.
        let text: Vec<&str> = text.lines().filter(|line| *line != "OK").collect();
        let text = text.join("\n");
        records(&folder.join("printed"), text.as_bytes())
    }
}

fn same(ours: &BTreeSet<Record>, theirs: &BTreeSet<Record>) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    let shown = |(owner, rtype, ttl, rdata): &Record| {
        let (name, rdata) =
            (rotadns::rdata::type_name(*rtype), rotadns::rdata::print(*rtype, rdata));
        format!("{owner} {ttl} {name} {rdata}")
    };
    let only =
        |a: &BTreeSet<Record>, b: &BTreeSet<Record>| a.difference(b).map(shown).collect::<Vec<_>>();
    Err(format!("only here {:#?}, only there {:#?}", only(ours, theirs), only(theirs, ours)))
}
