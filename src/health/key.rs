//! A target by a text that is the same on every machine and after every restart.
//!
//! Reports from beside and the last known health name targets so: an address, and a digest of all
//! settings of the check. Two probers that read different versions of a file have different keys
//! where it matters, and the same where it does not.

use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::time::Duration;

use super::target::Target;
use crate::config::model::{
    AgentCheck, Check, CheckKind, DatabaseCheck, DatabaseKind, DnsCheck, ExecCheck, FileCheck,
    Flap, GrpcCheck, HttpCheck, IcmpCheck, LoadFrom, LoadPlace, Secret, SeveralChecks, Tls,
    TlsCheck, UdpCheck, Verify,
};
use crate::digest::sha256;

/// A target: its address, and the identity of its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    /// Whom.
    pub address: IpAddr,
    /// How.
    pub check: CheckKey,
}

/// The identity of a check: the same for equal settings. Printed as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckKey([u8; 8]);

/// A text that is not 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACheckKey;

impl TargetKey {
    /// The key of a target.
    #[must_use]
    pub fn of(target: &Target) -> Self {
        Self { address: target.address, check: CheckKey::of(&target.check) }
    }
}

impl CheckKey {
    /// The key of a check.
    #[must_use]
    pub fn of(check: &Check) -> Self {
        let digest = sha256([settings(check)]);
        let mut key = [0; 8];
        key.copy_from_slice(&digest[..8]);
        Self(key)
    }
}

impl fmt::Display for CheckKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl FromStr for CheckKey {
    type Err = NotACheckKey;

    fn from_str(text: &str) -> Result<Self, NotACheckKey> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let key = u64::from_str_radix(text, 16).ok().filter(|_| is_hex).ok_or(NotACheckKey)?;
        Ok(Self(key.to_be_bytes()))
    }
}

impl fmt::Display for NotACheckKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key of a check is 16 hex digits")
    }
}

impl std::error::Error for NotACheckKey {}

/// All settings of a check in one text, which must stay as it is: with another one, what was down at a
/// restart counts as up again.
fn settings(check: &Check) -> String {
    let Check { kind, interval, fast_interval, timeout, rise, fall, flap } = check;
    let [interval, fast_interval, timeout] =
        [interval, fast_interval, timeout].map(Duration::as_millis);
    let mut text = format!("{interval} {fast_interval} {timeout} {rise} {fall}");
    match kind {
        CheckKind::Tcp { port } => {
            let _ = write!(text, " tcp {port}");
        }
        CheckKind::Http(http) => put_http(&mut text, http),
        CheckKind::Database(DatabaseCheck { port, user, password, tls, kind }) => {
            let _ = write!(text, " {} {port}", kind.name());
            put_some(&mut text, "user", user.as_deref());
            // Where a secret is, not what it is: a new password is no new check.
            match password {
                Some(Secret::File(path)) => {
                    put(&mut text, "password-file", &path.to_string_lossy());
                }
                Some(Secret::Variable(name)) => put(&mut text, "password-env", name),
                None => {}
            }
            if let DatabaseKind::Postgres { database, query } = kind {
                put(&mut text, "database", database);
                put_some(&mut text, "query", query.as_deref());
            }
            if let Some(tls) = tls {
                put_tls(&mut text, tls, tls.usual_days());
            }
        }
        CheckKind::Tls(TlsCheck { port, tls, days }) => {
            let _ = write!(text, " handshake {port}");
            put_tls(&mut text, tls, *days);
        }
        CheckKind::Agent(AgentCheck { port, send }) => {
            let _ = write!(text, " agent {port}");
            put_bytes(&mut text, "send", send);
        }
        CheckKind::Push(push) => {
            let _ = write!(text, " push {}", push.ttl.as_millis());
            put_some(&mut text, "of", push.of.as_deref());
        }
        CheckKind::Dns(DnsCheck { port, question, rtype, transport, rcode, answer, recursion }) => {
            let (over, code) = (transport.word(), rcode.0);
            let _ = write!(text, " dns {port} {rtype} {over} {code} {recursion}");
            put_bytes(&mut text, "question", question.as_wire());
            for expected in answer {
                put_bytes(&mut text, "answer", &expected.rdata);
            }
        }
        CheckKind::Udp(UdpCheck { port, send, expect }) => {
            let _ = write!(text, " udp {port}");
            put_bytes(&mut text, "send", send);
            if let Some(expect) = expect {
                put_bytes(&mut text, "expect", expect);
            }
        }
        CheckKind::Icmp(IcmpCheck { count, least }) => {
            let _ = write!(text, " icmp {count} {least}");
        }
        CheckKind::Grpc(GrpcCheck { port, service, host, tls }) => {
            let _ = write!(text, " grpc {port}");
            put(&mut text, "service", service);
            put_some(&mut text, "host", host.as_deref());
            if let Some(tls) = tls {
                put_tls(&mut text, tls, tls.usual_days());
            }
        }
        CheckKind::Exec(ExecCheck { port, command, env }) => {
            let _ = write!(text, " exec {}", port.map_or(0, NonZeroU16::get));
            for word in command {
                put(&mut text, "word", word);
            }
            for (name, value) in env {
                put(&mut text, "variable", name);
                put(&mut text, "value", value);
            }
        }
        CheckKind::File(FileCheck { path, name, unlisted, age_max }) => {
            put(&mut text, "file", &path.to_string_lossy());
            put_some(&mut text, "name", name.as_deref());
            let _ = write!(text, " {}", unlisted.word());
            if let Some(age) = age_max {
                let _ = write!(text, " max-age {}", age.as_millis());
            }
        }
        CheckKind::Several(SeveralChecks { least, of }) => {
            let _ = write!(text, " several {least}");
            for part in of {
                put(&mut text, "of", &settings(part));
            }
        }
    }
    if let Some(Flap { penalty, suppress, reuse, half_life, hold_max }) = flap {
        let [half_life, hold_max] = [half_life, hold_max].map(Duration::as_millis);
        let _ = write!(text, " flap {penalty} {suppress} {reuse} {half_life} {hold_max}");
    }
    text
}

fn put_http(text: &mut String, http: &HttpCheck) {
    let HttpCheck { port, path, host, headers, status, body, tls, days, load } = http;
    let _ = write!(text, " http {port}");
    put(text, "path", path);
    put_some(text, "host", host.as_deref());
    for (name, value) in headers {
        put(text, "header", name);
        put(text, "value", value);
    }
    for range in status {
        let _ = write!(text, " status {}-{}", range.start(), range.end());
    }
    put_some(text, "body", body.as_deref());
    if let Some(LoadFrom { place, full }) = load {
        match place {
            LoadPlace::Header(name) => put(text, "load header", name),
            LoadPlace::Json(pointer) => put(text, "load json", pointer),
        }
        let _ = write!(text, " of {full}");
    }
    if let Some(tls) = tls {
        put_tls(text, tls, *days);
    }
}

fn put_tls(text: &mut String, tls: &Tls, days: u16) {
    let Tls { sni, verify } = tls;
    text.push_str(" tls");
    put_some(text, "sni", sni.as_deref());
    match verify {
        Verify::System => text.push_str(" system"),
        Verify::Ca(file) => put(text, "ca", &file.to_string_lossy()),
        Verify::Off => text.push_str(" off"),
    }
    // What was written before there were days stays as it was.
    if days != tls.usual_days() {
        let _ = write!(text, " days {days}");
    }
}

fn put_bytes(text: &mut String, field: &str, bytes: &[u8]) {
    let _ = write!(text, " {field} {}:", bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

fn put_some(text: &mut String, field: &str, value: Option<&str>) {
    if let Some(value) = value {
        put(text, field, value);
    }
}

/// With its length, so that no value looks like two.
fn put(text: &mut String, field: &str, value: &str) {
    let _ = write!(text, " {field} {}:{value}", value.len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_zone;

    #[test]
    fn a_target_is_found_again_by_every_setting_of_its_check() {
        for (check, expected) in [
            ("{tcp: {port: 53}}", "10000 1000 2000 2 3 tcp 53"),
            (
                "{tcp: {port: 53}, flap: {half_life: 1m}}",
                "10000 1000 2000 2 3 tcp 53 flap 1000 4000 1000 60000 1800000",
            ),
            (
                "{http: {port: 8080, path: /a?b, host: www, headers: {x-a: 1}, status: [200, 204-206], \
                 body: ok}, interval: 5s, fast_interval: 500ms, timeout: 1500ms, rise: 4, fall: 6}",
                "5000 500 1500 4 6 http 8080 path 4:/a?b host 3:www header 3:x-a value 1:1 \
                 status 200-200 status 204-206 body 2:ok",
            ),
            ("{push: {ttl: 5s}}", "10000 1000 2000 2 3 push 5000"),
            (
                "{any: [{tcp: {port: 53}}, {all: [{tcp: {port: 5}}]}], timeout: 1s}",
                "10000 1000 1000 2 3 several 1 of 26:10000 1000 2000 2 3 tcp 53 \
                 of 61:10000 1000 2000 2 3 several 1 of 25:10000 1000 2000 2 3 tcp 5",
            ),
            (
                "{http: {load: {header: X-Load}}}",
                "10000 1000 2000 2 3 http 80 path 1:/ status 200-299 load header 6:X-Load of 100",
            ),
            (
                "{https: {path: /, sni: s.example, verify: false}, interval: 10s}",
                "10000 1000 2000 2 3 http 443 path 1:/ status 200-299 tls sni 9:s.example off",
            ),
            (
                "{https: {days: 3}}",
                "10000 1000 2000 2 3 http 443 path 1:/ status 200-299 tls system days 3",
            ),
            (
                "{tls: {port: 636, sni: s.example}}",
                "10000 1000 2000 2 3 handshake 636 tls sni 9:s.example system",
            ),
            (
                "{agent: {port: 9999, send: 'state\\n'}}",
                "10000 1000 2000 2 3 agent 9999 send 6:73746174650a",
            ),
            #[cfg(feature = "databases")]
            (
                "{postgres: {user: rota, password_file: /run/secrets/pg, query: SELECT 1, tls: true}}",
                "10000 1000 2000 2 3 postgres 5432 user 4:rota password-file 15:/run/secrets/pg \
                 database 8:postgres query 8:SELECT 1 tls system",
            ),
            #[cfg(feature = "databases")]
            ("{redis: {}}", "10000 1000 2000 2 3 redis 6379"),
            #[cfg(feature = "databases")]
            (
                "{mysql: {port: 3307, user: rota, password_env: PW, tls: {sni: db, verify: false}}}",
                "10000 1000 2000 2 3 mysql 3307 user 4:rota password-env 2:PW tls sni 2:db off",
            ),
            (
                "{dns: {question: a.b, type: TXT, rcode: NXDOMAIN, transport: tcp, recursion: true}}",
                "10000 1000 2000 2 3 dns 53 16 tcp 3 true question 5:0161016200",
            ),
            (
                "{dns: {question: ., answer: [192.0.2.1]}}",
                "10000 1000 2000 2 3 dns 53 1 udp 0 false question 1:00 answer 4:c0000201",
            ),
            (
                "{udp: {port: 514, send: a, expect: b}}",
                "10000 1000 2000 2 3 udp 514 send 1:61 expect 1:62",
            ),
            ("{file: {path: /run/states}}", "10000 1000 2000 2 3 file 11:/run/states keep"),
            (
                "{file: {path: /run/states, name: a, unlisted: down}}",
                "10000 1000 2000 2 3 file 11:/run/states name 1:a down",
            ),
            (
                "{file: {path: /run/states, max_age: 90s}}",
                "10000 1000 2000 2 3 file 11:/run/states keep max-age 90000",
            ),
            #[cfg(feature = "grpc")]
            ("{grpc: {port: 50051}}", "10000 1000 2000 2 3 grpc 50051 service 0:"),
            #[cfg(feature = "grpc")]
            (
                "{grpc: {port: 443, service: a.B, host: x:1, tls: {verify: false}}}",
                "10000 1000 2000 2 3 grpc 443 service 3:a.B host 3:x:1 tls off",
            ),
            ("{icmp: {}}", "10000 1000 2000 2 3 icmp 1 1"),
            ("{icmp: {count: 3, at_least: 2}}", "10000 1000 2000 2 3 icmp 3 2"),
            (
                "{exec: {command: [/bin/x, '{port}'], port: 80, env: {A: b}}}",
                "10000 1000 2000 2 3 exec 80 word 6:/bin/x word 6:{port} variable 1:A value 1:b",
            ),
        ] {
            let zone = format!(
                "zone: x\nns: [ns]\nchecks: {{c: {check}}}\n\
                 pools: {{p: {{check: c, backends: [192.0.2.1]}}}}\n\
                 records: {{ns: {{A: 192.0.2.53}}, www: {{pool: p}}}}\n"
            );
            let (zone, mistakes) = read_zone("x.yaml".as_ref(), &zone);
            let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
            let check = zone.pools[0].check.as_ref().expect("the pool has one");
            assert_eq!(settings(check), expected);
        }
    }

    #[test]
    fn a_key_is_read_as_it_is_printed() {
        let text = "00ff00ff12345678";
        assert_eq!(text.parse::<CheckKey>().map(|key| key.to_string()), Ok(text.to_owned()));
        for wrong in ["", "00ff", "+0ff00ff12345678", "00ff00ff1234567g", "00ff00ff123456789"] {
            assert_eq!(wrong.parse::<CheckKey>(), Err(NotACheckKey), "{wrong}");
        }
    }
}
