//! nginx over TLS, with certificates of every kind at one address: what `https` and `tls` make of each.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rotadns::health::target::Outcome;
use rotadns::prober::check::Found;

use crate::probing::Probes;
use crate::servers::{Folder, Server, free_port_of, installed};
use crate::waiting::{PATIENCE, until};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 6, 4, 1);

/// A server of nginx, `NAME.example`: its name, the name that its certificate is for, and in how many days that begins and ends.
const SITES: [(&str, &str, [i64; 2]); 5] = [
    ("good", "good.example", [-9, 300]),
    ("soon", "soon.example", [-9, 5]),
    ("expired", "expired.example", [-90, -3]),
    ("future", "future.example", [3, 90]),
    ("other", "somebody-else.example", [-9, 300]),
];

/// What is asked at which site, and what a probe says of it: `+` passes, `~` passes and is degraded, `-` fails.
const ROWS: &[(&str, &str, &str)] = &[
    ("good", "tls: {PORT, CA, sni: SITE}", "+ TLS 1.3, certificate ends in 299 days"),
    ("good", "https: {PORT, CA, host: SITE, path: /healthz}", "+ HTTP 200"),
    // So many days before that an operator wants to hear of it.
    ("good", "tls: {PORT, CA, sni: SITE, days: 400}", "~ TLS 1.3, certificate ends in 299 days"),
    ("soon", "tls: {PORT, CA, sni: SITE}", "~ TLS 1.3, certificate ends in 4 days"),
    ("soon", "tls: {PORT, CA, sni: SITE, days: 3}", "+ TLS 1.3, certificate ends in 4 days"),
    ("soon", "tls: {PORT, CA, sni: SITE, days: 0}", "+ TLS 1.3, certificate ends in 4 days"),
    (
        "soon",
        "https: {PORT, CA, host: SITE, path: /healthz}",
        "~ HTTP 200, certificate ends in 4 days",
    ),
    ("expired", "tls: {PORT, CA, sni: SITE}", "- certificate: expired 3 days ago"),
    ("expired", "https: {PORT, CA, host: SITE}", "- certificate: expired 3 days ago"),
    ("expired", "https: {PORT, host: SITE, path: /healthz, verify: false}", "+ HTTP 200"),
    ("future", "tls: {PORT, CA, sni: SITE}", "- certificate: not valid yet, in 2 days only"),
    (
        "other",
        "tls: {PORT, CA, sni: SITE}",
        "- certificate: not for other.example, but for somebody-else.example",
    ),
    (
        "other",
        "https: {PORT, CA, host: SITE}",
        "- certificate: not for other.example, but for somebody-else.example",
    ),
    // Which certificate is asked for, and which host.
    ("other", "https: {PORT, CA, host: SITE, sni: good.example, path: /healthz}", "+ HTTP 200"),
    // Without a CA file the system's judge, and without a name it must be for the address.
    ("good", "tls: {PORT, sni: SITE}", "- certificate: the issuer is not trusted"),
    ("good", "tls: {PORT, CA}", "- certificate: not for 127.6.4.1, but for good.example"),
    // What is said once all that is right.
    ("good", "https: {PORT, CA, host: SITE, path: /sick}", "- HTTP 503, not 200-299"),
    ("good", "https: {PORT, CA, host: SITE, path: /sick, status: 503}", "+ HTTP 503"),
    ("good", "http: {PORT, path: /healthz}", "- HTTP 400, not 200-299"),
];

/// nginx with all the sites, and the file of the authority that has signed their certificates.
fn nginx() -> (Server, u16) {
    let folder = Folder::new();
    let port = free_port_of(&[ADDRESS.into()]);
    let here = folder.path.display().to_string();
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "the authority of a test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    folder.write("ca.pem", &authority.self_signed(&key).expect("a certificate").pem());
    let issuer = Issuer::new(authority, key);
    let mut config = format!(
        "daemon off;\nmaster_process off;\npid {here}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n"
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(config, "  {kind}_temp_path {here}/{kind};").expect("a String");
    }
    for (site, name, [begin, end]) in SITES {
        let day = |days| {
            let date = date(days);
            date_time_ymd(
                date.year().into(),
                date.month().unsigned_abs(),
                date.day().unsigned_abs(),
            )
        };
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (day(begin), day(end));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        folder.write(&format!("{site}.pem"), &certificate.pem());
        folder.write(&format!("{site}.key"), &key.serialize_pem());
        writeln!(
            config,
            "  server {{ listen {ADDRESS}:{port} ssl; server_name {site}.example; ssl_protocols TLSv1.2 TLSv1.3;\n    \
             ssl_certificate {here}/{site}.pem; ssl_certificate_key {here}/{site}.key;\n    \
             location = /healthz {{ return 200; }} location = /sick {{ return 503; }} }}"
        )
        .expect("a String");
    }
    config += "}\n";
    let mut command = Command::new(installed("nginx", "nginx"));
    command.arg("-p").arg(&folder.path).arg("-c").arg(folder.write("nginx.conf", &config));
    let server = Server::start("nginx", command, port, folder);
    until("nginx listens", PATIENCE, || TcpStream::connect((ADDRESS, port)).ok());
    (server, port)
}

/// The beginning of the day that is so many days from now.
fn date(days: i64) -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date() + days.days()
}

#[test]
fn certificates_of_nginx_are_judged() {
    let (server, port) = nginx();
    let folder = server.file("");
    for (site, check, expected) in ROWS {
        let words = [
            ("PORT", format!("port: {port}")),
            ("CA", "ca: ca.pem".to_owned()),
            ("SITE", format!("{site}.example")),
        ];
        let check =
            words.iter().fold((*check).to_owned(), |text, (word, means)| text.replace(word, means));
        let Found { outcome, detail, told } = Probes::new(&folder, &check, &[ADDRESS]).probe(0);
        let mark = match (outcome, told.is_degraded) {
            (Outcome::Fail, _) => '-',
            (Outcome::Pass, true) => '~',
            (Outcome::Pass, false) => '+',
        };
        assert_eq!(format!("{mark} {detail}"), *expected, "{check}");
    }
}
