//! What other people's clients say of us, compared with docs/conformance.md.
//!
//! `ROTADNS_BLESS=1` writes the page anew; what it then has is to be read. Ports, IDs, times, cookies and signatures are
//! others each time and stand as if they were not.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;

use commands::{PARTS, Part};

use crate::servers::{Folder, ROTADNS, Server, ZoneFile, free_port, installed};

mod commands;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conformance.md");
const LISTEN: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::LOCALHOST)];

const SETTINGS: &str = "\
keys:
  transfer.example: {secret: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}
secondaries: {allow: [{address: 127.0.0.1, key: transfer.example}]}
updates: {allow: [{address: 127.0.0.1, key: transfer.example}]}
nsid: ams-1
identity: {version: RotaDNS, id: ams-1}
";

const ZONES: [ZoneFile<'_>; 2] = [
    ZoneFile { name: "example.net.zone", text: include_str!("../../../zones/example.net.zone") },
    ZoneFile {
        name: "dnsviz.example.zone",
        text: "$TTL 3600\n@ SOA ns hostmaster 1 3600 600 1209600 300\n@ NS ns\n@ MX 10 mail\n\
               ns A 127.0.0.1\nmail A 192.0.2.25\nwww A 192.0.2.80\nwww AAAA 2001:db8::80\n",
    },
];
const ROOT: [ZoneFile<'_>; 1] = [ZoneFile {
    name: "..zone",
    text: "$TTL 86400\n. SOA a.root. hostmaster.root. 1 3600 600 1209600 300\n. NS a.root.\na.root. A 127.0.0.1\n\
           dnsviz.example. NS ns.dnsviz.example.\nns.dnsviz.example. A 127.0.0.1\n",
}];

const HEAD: &str = "\
# What other people's clients say

This page is made by a test (`tests/integration/conformance/`), which runs these commands against a server and compares what they say with
this page. The server has [`zones/example.net.zone`](../zones/example.net.zone) and these lines in its config file:

```yaml
";

/// The server of the page, the one with the root zone, and the folder that the commands run in.
struct World {
    server: Server,
    root: Server,
    tls: u16,
    folder: Folder,
}

impl World {
    fn new() -> Self {
        let folder = Folder::new();
        let keys = folder.path.join("keys");
        let keygen = Command::new(ROTADNS)
            .arg("keygen")
            .arg(&keys)
            .args(["--for", "ns1.example.net"])
            .output();
        assert!(keygen.is_ok_and(|made| made.status.success()), "keygen makes a certificate");
        for zone in &ZONES {
            folder.write(&format!("zones/{}", zone.name), zone.text);
        }
        let (tls, shown) = (free_port(), keys.display());
        let settings = format!(
            "{SETTINGS}tls: {{listen: \"127.0.0.1:{tls}\", certificate: {shown}/certificate.pem, key: {shown}/key.pem}}\n"
        );
        let server = Server::rotadns_with(&LISTEN, &settings, &ZONES);
        let root = Server::rotadns_with(&LISTEN, "", &ROOT);
        Self { server, root, tls, folder }
    }

    /// The ports of the page, and those of this run.
    fn ports(&self) -> [(&'static str, String); 3] {
        let ports = [("5300", self.server.port()), ("5301", self.root.port()), ("8530", self.tls)];
        ports.map(|(page, real)| (page, real.to_string()))
    }

    /// What a command says and how it ends, as the page has it.
    fn transcript(&self, line: &str) -> String {
        let mut real = line.to_owned();
        for (page, port) in self.ports() {
            real = real.replace(page, &port);
        }
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1; {real}")])
            .current_dir(&self.folder.path)
            // Debian's Python before any other: it has Debian's modules.
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", &self.folder.path)
            .output()
            .expect("bash is everywhere");
        let said = String::from_utf8_lossy(&output.stdout);
        let mut shown = String::new();
        for line in said.lines().filter_map(as_shown) {
            // Blank lines that what is left out stood between.
            if !(line.is_empty() && (shown.is_empty() || shown.ends_with("\n\n"))) {
                shown += &line;
                shown.push('\n');
            }
        }
        let status = match output.status.code() {
            Some(0) => String::new(),
            code => format!("[exit {}]\n", code.unwrap_or(-1)),
        };
        format!("{}\n{status}", shown.trim_end())
    }
}

/// A line without what is another one each time; `None` where nothing would be left.
fn as_shown(line: &str) -> Option<String> {
    const LEFT_OUT: [&str; 11] = [
        "; <<>> DiG",
        ";; global options",
        ";; Query time",
        ";; SERVER",
        ";; WHEN",
        ";; MSG SIZE",
        ";; Received",
        ";; Time",
        ";; From",
        ";; TLS session",
        "; (1 server found)",
    ];
    if LEFT_OUT.iter().any(|start| line.starts_with(start)) {
        return None;
    }
    let mut line = line.trim_end().to_owned();
    for (before, digits) in [("id: ", 10), ("COOKIE: ", 16)] {
        if let Some(at) = line.find(before) {
            let start = at + before.len();
            let is_of_it = |c: char| c.is_digit(digits);
            let end = line[start..].find(|c| !is_of_it(c)).map_or(line.len(), |end| start + end);
            line.replace_range(start..end, "...");
        }
    }
    Some(line)
}

#[test]
fn clients_say_what_the_page_says() {
    let world = World::new();
    let mut page = format!(
        "{HEAD}{SETTINGS}tls: {{listen: \"127.0.0.1:8530\", certificate: keys/certificate.pem, key: keys/key.pem}}\n```\n"
    );
    let written = fs::read_to_string(Path::new(PAGE)).unwrap_or_default();
    for Part { title, package, command, runs } in &PARTS {
        let _ = write!(page, "\n## {title}\n\nDebian's package is `{package}`.\n");
        installed(command, package);
        if *command == "dnsviz" && !is_routed() {
            // It looks which address it would ask the Internet's root from, and ends where there is none.
            println!(
                "NOT CHECKED: dnsviz wants a route to the Internet's root, though it asks ours"
            );
            page += written
                .split_once(&*page)
                .map_or("", |(_, rest)| rest.split_once("\n## ").map_or(rest, |(part, _)| part));
            continue;
        }
        for run in *runs {
            let said = world.transcript(run.line);
            let _ = write!(page, "\n{}\n\n```console\n$ {}\n{said}```\n", run.why, run.line);
        }
    }
    if std::env::var_os("ROTADNS_BLESS").is_some() {
        fs::write(PAGE, &page).expect("docs/ can be written");
    }
    let written = fs::read_to_string(Path::new(PAGE)).unwrap_or_default();
    let differs = page.lines().zip(written.lines()).find(|(seen, written)| seen != written);
    assert!(
        written == page,
        "docs/conformance.md is not what was seen, first {differs:?}; ROTADNS_BLESS=1 writes it:\n{page}"
    );
}

/// Whether the system knows a way to the Internet; nothing is sent.
fn is_routed() -> bool {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket of our own");
    socket.connect("198.41.0.4:53").is_ok()
}
