//! A running server whose databases come, change, break and become too old, as `dig` sees it.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Database, Value, city};
use crate::http::Http;
use crate::servers::{Server, ZoneFile, installed};
use crate::waiting::until;

/// "Within some seconds", on a machine that other tests keep busy.
const SOON: Duration = Duration::from_secs(30);

const ZONE: ZoneFile<'_> = ZoneFile {
    name: "geo.example.yaml",
    text: "\
zone: geo.example
ns: [ns1]
pools:
  office: {ttl: 10s, backends: [192.0.2.1]}
  no: {ttl: 10s, backends: [192.0.2.2]}
  us: {ttl: 10s, backends: [192.0.2.3]}
  all: {ttl: 10s, backends: [192.0.2.4]}
  near: {policy: nearest, ttl: 10s, backends: {oslo: {address: 192.0.2.11, location: [59.9, 10.7]}, tokyo: {address: 192.0.2.12, location: [35.7, 139.7]}}}
records:
  ns1: {A: 192.0.2.53}
  www: {rules: [{regions: fra, pool: office}, {countries: NO, pool: 'no'}, {countries: US, pool: us}, {pool: all}]}
  near: {pool: near}
",
};

/// A server with a database and a table of its own, neither of which is there yet.
struct Served {
    server: Server,
    http: Http,
}

impl Served {
    fn new() -> Self {
        let settings = "admin: {listen: 127.0.0.1:0}\n\
                        geo: {databases: [city.mmdb], subnets: subnets.yaml, max_age: 60d}\n";
        let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], settings, &[ZONE]);
        let http = Http::new(server.admin());
        Self { server, http }
    }

    /// Puts a file in the place of another, as who fetches databases does.
    fn replace(&self, name: &str, bytes: &[u8]) {
        let new = self.server.file(&format!("{name}.new"));
        fs::write(&new, bytes).expect("a file");
        fs::rename(new, self.server.file(name)).expect("both stand in one folder");
    }

    /// What `dig` gets for a client subnet: the address, and for how many bits it holds.
    fn dig(&self, name: &str, subnet: &str) -> (String, u8) {
        let output = Command::new(installed("dig", "bind9-dnsutils"))
            .args(["@127.0.0.1", "-p", &self.server.port().to_string()])
            .args([&format!("+subnet={subnet}"), "+time=10", "+norec"])
            .args([&format!("{name}.geo.example"), "A"])
            .output()
            .expect("dig runs");
        let text = String::from_utf8(output.stdout).expect("dig writes text");
        let scope = text.lines().find_map(|line| line.strip_prefix("; CLIENT-SUBNET: "));
        let scope = scope.and_then(|told| told.rsplit('/').next()?.trim().parse().ok());
        let answer = text.lines().find(|line| line.contains("\tIN\tA\t"));
        let address = answer.and_then(|line| line.rsplit('\t').next());
        match (address, scope) {
            (Some(address), Some(scope)) => (address.to_owned(), scope),
            _ => panic!("{name} for {subnet}: {text}"),
        }
    }

    #[track_caller]
    fn expect(&self, rows: &[(&str, &str, &str, u8)]) {
        for (name, subnet, address, scope) in rows {
            let found = self.dig(name, subnet);
            assert_eq!(found, ((*address).to_owned(), *scope), "{name} for {subnet}");
        }
    }

    fn until(&self, name: &str, subnet: &str, address: &str) {
        until(&format!("{name} for {subnet} is {address}"), SOON, || {
            (self.dig(name, subnet).0 == address).then_some(())
        });
    }

    /// Waits until the status and the metric say of a file what is wrong with it, or that nothing is.
    fn until_told(&self, file: &str, wrong: Option<&str>) {
        until(&format!("{file} is told: {wrong:?}"), SOON, || {
            let status = self.http.get("/v1/status").json();
            let alarms = status["alarms"].as_array().expect("a list");
            let alarms: Vec<&str> = alarms.iter().filter_map(|alarm| alarm.as_str()).collect();
            let own = alarms.iter().find(|alarm| alarm.contains(file));
            let is_told = match wrong {
                Some(wrong) => own.is_some_and(|alarm| alarm.contains(wrong)),
                None => own.is_none(),
            };
            let metrics = self.http.get("/metrics").body;
            let mut lines = metrics.lines();
            let up = lines
                .find(|line| line.starts_with("rotadns_geo_database_up{") && line.contains(file));
            let up = up.and_then(|line| line.rsplit(' ').next());
            (is_told && up == Some(if wrong.is_none() { "1" } else { "0" })).then_some(())
        });
        if let Some(wrong) = wrong {
            let said = self.server.said();
            let is_logged = |line: &str| line.contains("WARN") && line.contains(wrong);
            assert!(said.lines().any(is_logged), "{wrong}: {said}");
        }
    }
}

fn today() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a database says when it was made")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn database(built: u64, networks: &[(&str, Value)]) -> Vec<u8> {
    let networks = networks.iter().map(|(net, of)| (net.parse().expect(net), of.clone()));
    Database { built, networks: networks.collect(), ..Database::default() }.bytes()
}

#[test]
fn answers_follow_what_databases_and_tables_say_of_a_client() {
    let served = Served::new();
    let (norway, nowhere) = ("192.0.2.0/24", "8.8.8.0/24");
    let norwegian = city("EU", "NO", None, Some((59.9, 10.7)));
    let american = city("NA", "US", Some("KY"), Some((38.2, -85.7)));
    let japanese = city("AS", "JP", None, Some((35.7, 139.7)));

    // Neither file is there: the rules by places are for nobody, and nothing of a client decides.
    served.expect(&[("www", norway, "192.0.2.4", 0), ("www", nowhere, "192.0.2.4", 0)]);
    served.until_told("city.mmdb", Some("cannot be read"));
    served.until_told("subnets.yaml", Some("cannot be read"));

    // A database comes.
    served.replace(
        "city.mmdb",
        &database(
            today(),
            &[
                ("192.0.2.0/24", norwegian.clone()),
                ("198.51.100.0/25", american.clone()),
                ("203.0.113.0/24", japanese),
                ("2001:db8:1::/48", norwegian.clone()),
            ],
        ),
    );
    served.until("www", norway, "192.0.2.2");
    served.until_told("city.mmdb", None);
    served.expect(&[
        ("www", norway, "192.0.2.2", 24),
        ("www", "198.51.100.0/24", "192.0.2.3", 25),
        ("www", "2001:db8:1:2::/56", "192.0.2.2", 48),
        // Nobody below 128.0.0.0 is known.
        ("www", nowhere, "192.0.2.4", 1),
        ("near", norway, "192.0.2.11", 24),
        ("near", "203.0.113.0/24", "192.0.2.12", 24),
    ]);

    // A table of our own comes, and counts before it.
    served.replace("subnets.yaml", b"10.1.0.0/16: fra\n192.0.2.128/25: US\n");
    served.until("www", "10.1.7.0/24", "192.0.2.1");
    served.until_told("subnets.yaml", None);
    served.expect(&[
        ("www", "10.1.7.0/24", "192.0.2.1", 16),
        ("www", "192.0.2.0/25", "192.0.2.2", 25),
        ("www", "192.0.2.128/25", "192.0.2.3", 25),
        // 8.0.0.0/7 is the largest network around it without 10.1.0.0/16.
        ("www", nowhere, "192.0.2.4", 7),
    ]);

    // Both change; what was a place of the one is none any more.
    served.replace("subnets.yaml", b"10.1.0.0/16: US\n");
    served.until("www", "10.1.7.0/24", "192.0.2.3");
    served.replace("city.mmdb", &database(today(), &[("192.0.2.0/24", american)]));
    served.until("www", norway, "192.0.2.3");
    served.expect(&[("www", "198.51.100.0/24", "192.0.2.4", 6)]);

    // Both break: what they said before is in use, and that they are broken is told.
    served.replace("city.mmdb", b"no database");
    served.until_told("city.mmdb", Some("what it said before is in use"));
    served.replace("subnets.yaml", b"10.1.0.0/16: [\n");
    served.until_told("subnets.yaml", Some("what it said before is in use"));
    fs::remove_file(served.server.file("subnets.yaml")).expect("it is there");
    served.until_told("subnets.yaml", Some("cannot be read"));
    served.expect(&[("www", norway, "192.0.2.3", 24), ("www", "10.1.7.0/24", "192.0.2.3", 16)]);

    // One that is too old says nothing: the next rule is for its clients, and our own table holds.
    let old = today() - 61 * 86_400;
    served.replace("city.mmdb", &database(old, &[("192.0.2.0/24", norwegian)]));
    served.until("www", norway, "192.0.2.4");
    served.until_told("city.mmdb", Some("is 61 days old and not used"));
    served.expect(&[("www", "10.1.7.0/24", "192.0.2.3", 16)]);
}
