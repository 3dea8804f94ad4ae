//! The config file, `rotadns.yaml`: what the server listens on, where its zones are, its limits.
//!
//! Everything has a default. It is read as zone files are, node by node, and all of its mistakes are told at once.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{ConfigError, Location, Mistakes, Problem, Span};
use super::files::default_zones;
use super::model::access::ZONE_BYTES;
use super::model::allowed::{Includes, Programs, Secrets};
use super::model::place::Network;
use super::model::probers::{Isolation, OnProberLoss, Quorum};
use super::node::{Kind, Node};
use feed::Feed;

pub mod admin;
pub mod answers;
pub mod authority;
pub mod dnstap;
pub mod feed;
pub mod places;
mod spec;

pub use admin::Admin;

/// The port of the server where no config says another.
const PORT: u16 = 5300;
/// Where DNS is served where nothing is said.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
/// The most UDP threads that can be asked for.
const WORKERS_MAX: u32 = 1024;

/// What the config file says; without one, its defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where DNS is served, over UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// Zone files and folders of them.
    pub zones: Vec<PathBuf>,
    /// Files, and folders of them, that zones may include beside those in their own folders.
    pub includes: Vec<PathBuf>,
    /// The folder of serials, journals, overrides and last known health.
    pub state: PathBuf,
    /// How many UDP threads there are.
    pub workers: Workers,
    /// Whose sockets are used.
    pub sockets: Sockets,
    /// Where the admin API listens and who may ask it; `None` is off.
    pub admin: Option<Admin>,
    /// How the prober works, and what probers beside count for.
    pub prober: Prober,
    /// What `rotadns probe` feeds.
    pub feed: Option<Feed>,
    /// How long a failure may be in caches before a check of the files warns of it; `None` is however long.
    pub failover_max: Option<Duration>,
    /// What clients may use.
    pub limits: Limits,
    /// What other servers and programs may do to zones.
    pub authority: authority::Authority,
    /// How much answers say, and what the server says of itself.
    pub answers: answers::Answers,
    /// Who gets the query log; `None` is nobody.
    pub dnstap: Option<dnstap::Dnstap>,
    /// What tells where clients are.
    pub geo: places::Geo,
    /// Who sees private addresses.
    pub views: places::Views,
    /// Whom a process that was started as root becomes; `None` is nobody else.
    pub user: Option<RunAs>,
    /// Whether it gives up the files that it does not need.
    pub sandbox: Sandbox,
    /// How is logged.
    pub log: Log,
}

/// A user to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAs {
    /// Its name.
    pub name: String,
    /// The name of its group, where that is not its own.
    pub group: Option<String>,
}

/// Whether the server gives up the files that it does not need, and the right to execute any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// Where the kernel can.
    Auto,
    /// It does not.
    Off,
    /// It does, or does not start.
    Require,
}

/// How many UDP threads there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One a core.
    Auto,
    /// So many.
    Count(NonZeroUsize),
}

/// Whose sockets are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// Our own, on Linux.
    Native,
    /// hickory-server's, on any platform.
    Portable,
}

/// How the prober works, and what probers beside count for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prober {
    /// The addresses it probes from, by family; the system's choice where there is none.
    pub source: Vec<IpAddr>,
    /// How many probes run at once.
    pub in_flight: NonZeroUsize,
    /// Which programs checks may run.
    pub exec: Programs,
    /// Where checks may take passwords from.
    pub secrets: Secrets,
    /// How long the first round may hold back the first answer.
    pub first_round: Duration,
    /// Whether the server probes itself while it hears probers beside.
    pub inside: bool,
    /// How many probers must find a target up.
    pub quorum: Quorum,
    /// What holds while no prober is heard.
    pub on_prober_loss: OnProberLoss,
    /// How long that holds until the server probes itself; `None` is for good.
    pub takeover: Option<Duration>,
    /// How long a prober may be silent before it is lost.
    pub lease: Duration,
    /// Probers beside that must be heard.
    pub expect: Vec<String>,
    /// When a prober is taken as cut off; `None` is never.
    pub isolation: Option<Isolation>,
}

/// What clients may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections of all clients together.
    pub tcp_connections: NonZeroUsize,
    /// TCP connections of one client.
    pub tcp_per_client: NonZeroUsize,
    /// Bytes of a zone that is transferred from elsewhere, its names whole.
    pub zone_bytes: NonZeroUsize,
}

/// How is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// The least level that is logged.
    pub level: LogLevel,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// The least level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the levels of tracing, by their names")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Config {
    /// Whether nothing is said of where DNS is served: sockets that were opened by somebody else say it then.
    #[must_use]
    pub fn listens_by_default(&self) -> bool {
        self.listen == [DEFAULT_LISTEN]
    }
}

impl Default for Config {
    fn default() -> Self {
        let state = std::env::var_os("STATE_DIRECTORY").filter(|path| !path.is_empty());
        let count = |count| NonZeroUsize::new(count).expect("each count below is above zero");
        Self {
            listen: vec![DEFAULT_LISTEN],
            zones: vec![default_zones()],
            includes: Vec::new(),
            state: state.map_or_else(|| PathBuf::from("state"), PathBuf::from),
            workers: Workers::Auto,
            sockets: if cfg!(target_os = "linux") { Sockets::Native } else { Sockets::Portable },
            admin: Some(Admin::default()),
            prober: Prober {
                source: Vec::new(),
                in_flight: count(1000),
                exec: Programs::default(),
                secrets: Secrets::default(),
                first_round: Duration::from_secs(5),
                inside: true,
                quorum: Quorum::Majority,
                on_prober_loss: OnProberLoss::Hold,
                takeover: Some(Duration::from_secs(30)),
                lease: Duration::from_secs(10),
                expect: Vec::new(),
                isolation: Some(Isolation::default()),
            },
            feed: None,
            failover_max: None,
            limits: Limits {
                tcp_connections: count(20_000),
                tcp_per_client: count(100),
                zone_bytes: count(ZONE_BYTES),
            },
            authority: authority::Authority::default(),
            answers: answers::Answers::default(),
            dnstap: None,
            geo: places::Geo::default(),
            views: places::Views::default(),
            user: None,
            sandbox: Sandbox::Auto,
            log: Log { format: LogFormat::Text, level: LogLevel::Info },
        }
    }
}

impl Config {
    /// Which files zones may include.
    #[must_use]
    pub fn includes(&self) -> Includes {
        Includes { zones: self.zones.clone(), more: self.includes.clone() }
    }
}

/// Reads the config file; paths in it are relative to its folder.
pub fn read_config(file: &Path, text: &str) -> Result<Config, Vec<ConfigError>> {
    let mut reader = Reader::new(file, text);
    let config = reader.config(text);
    reader.finish(config)
}

/// Reads the operator's table of networks from a file of its own.
pub fn read_subnets(file: &Path, text: &str) -> Result<Vec<Network>, Vec<ConfigError>> {
    let mut reader = Reader::new(file, text);
    let networks = reader.subnets(text);
    reader.finish(networks)
}

/// Where the config file names the file that a sentence begins with, as `/etc/rotadns/keys/a: cannot be read` does.
#[must_use]
pub fn place_of(file: &Path, text: &str, sentence: &str) -> Option<Location> {
    let mut reader = Reader::new(file, text);
    let root = reader.parse(text)?;
    let span = reader.named_in(&root, sentence)?;
    Some(reader.mistakes.location(span))
}

/// The file's name and its mistakes so far.
struct Reader<'f> {
    file: &'f Path,
    mistakes: Mistakes<'f>,
}

impl<'f> Reader<'f> {
    fn new(file: &'f Path, text: &'f str) -> Self {
        Self { file, mistakes: Mistakes::new(file, text) }
    }

    /// What was read, unless there is a mistake.
    fn finish<T>(self, read: T) -> Result<T, Vec<ConfigError>> {
        let mistakes = self.mistakes.finish();
        if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
    }

    fn add(&mut self, at: Span, problem: Problem) {
        self.mistakes.add(at, problem);
    }

    /// The first value that is the path which a sentence begins with.
    fn named_in(&self, node: &Node<'_>, sentence: &str) -> Option<Span> {
        match &node.kind {
            Kind::Scalar(text, _) => {
                let path = self.path(text).display().to_string();
                let rest = sentence.strip_prefix(&path)?;
                (!text.is_empty() && rest.starts_with([':', ' '])).then_some(node.span)
            }
            Kind::List(items) => items.iter().find_map(|item| self.named_in(item, sentence)),
            Kind::Map(entries) => {
                entries.iter().find_map(|(_, value)| self.named_in(value, sentence))
            }
        }
    }

    fn path(&self, text: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(text)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::feed::{Endpoint, Server};
    use super::*;
    use crate::config::model::allowed::Variables;

    fn read(text: &str) -> Result<Config, Vec<(u32, u32, Problem)>> {
        read_config(Path::new("/etc/rotadns/rotadns.yaml"), text).map_err(|mistakes| {
            mistakes.into_iter().map(|m| (m.at.line, m.at.column, m.problem)).collect()
        })
    }

    #[test]
    fn everything_has_a_default() {
        for text in ["", "# nothing\n", "{}", "log: {}\nlimits: {}\n"] {
            assert_eq!(read(text), Ok(Config::default()), "{text:?}");
        }
    }

    /// A config file that leaves nothing as it is.
    const EVERYTHING: &str = r#"
listen: [0.0.0.0:53, "[::]:53"]
zones: zones/
includes: [../shared, /srv/common.inc]
state: /var/lib/rotadns
workers: 4
sockets: portable
admin: {listen: 127.0.0.1:8054}
prober:
  source: [192.0.2.53, "2001:db8::53"]
  in_flight: 10
  exec: {allow: [/usr/lib/nagios/plugins, checks/], env: [TZ], at_once: 3}
  secrets: {files: keys/, env: [PG_PASSWORD]}
  first_round: 500ms
  inside: false
  quorum: 2
  on_prober_loss: open
  takeover: never
  lease: 3s
  expect: [probe-1, probe-2]
  isolation: {share: 0.75, targets: 3, window: 10s, hold_max: 1m}
feed:
  name: probe-1
  to:
    - {server: "https://192.0.2.53:8053", ca: keys/ca.pem, token: /etc/keys/token}
    - {server: "https://[2001:db8::53]"}
    - {server: "http://127.0.0.1:8054"}
    - {server: "unix:run/admin"}
limits: {tcp_connections: 200, tcp_per_client: 1, zone_bytes: 1000}
failover_max: 2m
user: rotadns:dns
sandbox: require
log: {format: json, level: debug}
"#;

    #[test]
    fn everything_can_be_set() {
        let count = |count| NonZeroUsize::new(count).expect("above zero");
        let https = |host: &str, port| Endpoint::Https { host: host.into(), port };
        let server = |at| Server { at, ca: None, token: None };
        let expected = Config {
            listen: vec![
                "0.0.0.0:53".parse().expect("an address"),
                "[::]:53".parse().expect("an address"),
            ],
            zones: vec!["/etc/rotadns/zones/".into()],
            includes: vec!["/etc/rotadns/../shared".into(), "/srv/common.inc".into()],
            state: "/var/lib/rotadns".into(),
            workers: Workers::Count(count(4)),
            sockets: Sockets::Portable,
            admin: Some(Admin {
                listen: vec!["127.0.0.1:8054".parse().expect("an address")],
                ..Admin::default()
            }),
            prober: Prober {
                source: vec![
                    "192.0.2.53".parse().expect("an address"),
                    "2001:db8::53".parse().expect("an address"),
                ],
                in_flight: count(10),
                exec: Programs {
                    allow: vec!["/usr/lib/nagios/plugins".into(), "/etc/rotadns/checks/".into()],
                    env: Variables(vec!["TZ".into()]),
                    at_once: count(3),
                },
                secrets: Secrets {
                    files: vec!["/etc/rotadns/keys/".into()],
                    env: Variables(vec!["PG_PASSWORD".into()]),
                },
                first_round: Duration::from_millis(500),
                inside: false,
                quorum: Quorum::AtLeast(NonZeroU8::new(2).expect("above zero")),
                on_prober_loss: OnProberLoss::Open,
                takeover: None,
                lease: Duration::from_secs(3),
                expect: vec!["probe-1".into(), "probe-2".into()],
                isolation: Some(Isolation {
                    share: 750,
                    targets: 3.try_into().expect("not zero"),
                    window: Duration::from_secs(10),
                    hold_max: Duration::from_secs(60),
                }),
            },
            feed: Some(Feed {
                name: "probe-1".into(),
                to: vec![
                    Server {
                        at: https("192.0.2.53", 8053),
                        ca: Some("/etc/rotadns/keys/ca.pem".into()),
                        token: Some("/etc/keys/token".into()),
                    },
                    server(https("2001:db8::53", 8053)),
                    server(Endpoint::Http("127.0.0.1:8054".parse().expect("an address"))),
                    server(Endpoint::Unix("/etc/rotadns/run/admin".into())),
                ],
            }),
            failover_max: Some(Duration::from_secs(120)),
            limits: Limits {
                tcp_connections: count(200),
                tcp_per_client: count(1),
                zone_bytes: count(1000),
            },
            authority: authority::Authority::default(),
            answers: answers::Answers::default(),
            dnstap: None,
            geo: places::Geo::default(),
            views: places::Views::default(),
            user: Some(RunAs { name: "rotadns".into(), group: Some("dns".into()) }),
            sandbox: Sandbox::Require,
            log: Log { format: LogFormat::Json, level: LogLevel::Debug },
        };
        assert_eq!(read(EVERYTHING), Ok(expected));
    }

    #[test]
    fn one_value_stands_for_a_list_of_it() {
        let config = read("listen: 127.0.0.1:53\nzones: [a, /b]\nadmin: off\n").expect("fine");
        assert_eq!(config.listen, ["127.0.0.1:53".parse().expect("an address")]);
        assert_eq!(config.zones, [PathBuf::from("/etc/rotadns/a"), PathBuf::from("/b")]);
        assert_eq!(config.admin, None);
    }

    #[test]
    fn a_user_is_a_name_or_a_name_and_a_group() {
        let user = |name: &str, group: Option<&str>| {
            Ok(RunAs { name: name.into(), group: group.map(Into::into) })
        };
        for (text, expected) in [
            ("rotadns", user("rotadns", None)),
            ("'rotadns:dns'", user("rotadns", Some("dns"))),
            ("'rotadns:'", Err("rotadns:")),
            ("':dns'", Err(":dns")),
            ("'a:b:c'", Err("a:b:c")),
            ("'a b'", Err("a b")),
        ] {
            let found = read(&format!("user: {text}")).map(|config| config.user);
            let expected = expected
                .map(Some)
                .map_err(|text: &str| vec![(1, 7, Problem::BadUser { text: text.into() })]);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn every_wrong_value_is_told_with_its_place() {
        let text = "listen: [53, 127.0.0.1]\nworkers: many\nlog: {level: loud}\nadmin: on\n";
        let mistakes = read(text).expect_err("all of it is wrong");
        let places: Vec<_> = mistakes.iter().map(|(line, column, _)| (*line, *column)).collect();
        assert_eq!(places, [(1, 10), (1, 14), (2, 10), (3, 14), (4, 8)]);
        assert_eq!(mistakes[0].2, Problem::BadSocket { text: "53".into(), port: 53 });
    }

    #[test]
    fn probers_and_feeds_are_told_what_they_cannot_be() {
        for (text, column, sentence) in [
            (
                "prober: {quorum: most}",
                18,
                "`most` is not `any`, `majority`, `all` or a number of probers: a whole number from 1 to 16",
            ),
            (
                "prober: {lease: 10ms}",
                17,
                "the lease of `10ms` is out of range; it is from 1s to 1h",
            ),
            (
                "prober: {takeover: later}",
                20,
                "`later` is not a duration, such as `10s`, `500ms`, `1m30s` or `1h`",
            ),
            (
                "prober: {on_prober_loss: hide}",
                26,
                "`hide` is not what holds without probers; it is one of `hold`, `probe`, `open`",
            ),
            (
                "prober: {isolation: on}",
                21,
                "expected `off` or a map such as `{share: 0.5}`, found a single value",
            ),
            (
                "prober: {isolation: {targets: 1}}",
                31,
                "`1` is not a number of targets: a whole number from 2 to 65535",
            ),
            (
                "prober: {expect: [a b]}",
                19,
                "`a b` is not a prober's name: up to 63 letters, digits, `.`, `_` and `-`, and not `inside`",
            ),
            ("prober: {expect: [a, a]}", 22, "`a` stands here twice; remove one of the two"),
            ("feed: {to: [{server: 'unix:/run/a'}]}", 7, "`feed` needs `name`"),
            ("feed: {name: a}", 7, "`feed` needs `to`"),
            (
                "feed: {name: inside, to: [{server: 'unix:/a'}]}",
                14,
                "`inside` is not a prober's name: up to 63 letters, digits, `.`, `_` and `-`, and not `inside`",
            ),
            ("feed: {name: a, to: []}", 21, "no values; give at least one or remove the type"),
            ("feed: {name: a, to: [{ca: b}]}", 22, "a server to feed needs `server`"),
            (
                "feed: {name: a, to: [{server: 'ftp://a'}]}",
                31,
                "`ftp://a` is not a server, such as `https://192.0.2.53:8053`, `http://127.0.0.1:8053` or `unix:/run/rotadns/admin`",
            ),
            (
                "feed: {name: a, to: [{server: 'http://192.0.2.53:8053'}]}",
                31,
                "`http://192.0.2.53:8053` would carry the token in the clear; beyond this machine it is `https://`",
            ),
            (
                "feed: {name: a, to: [{server: 'unix:/a', ca: b}]}",
                46,
                "`ca` has no use without `https://`; remove it",
            ),
            (
                "feed: {name: a, to: [{server: 'unix:/a'}, {server: 'unix:/a'}]}",
                52,
                "`unix:/a` stands here twice; remove one of the two",
            ),
        ] {
            let mistakes = read(text).expect_err(text);
            assert_eq!(mistakes.len(), 1, "{text}: {mistakes:?}");
            let (line, at, problem) = &mistakes[0];
            assert_eq!((*line, *at, problem.to_string().as_str()), (1, column, sentence), "{text}");
        }
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        for (text, line, column, key, near) in [
            ("lisen: 127.0.0.1:53", 1, 1, "lisen", Some("listen")),
            ("limits:\n  tcp_conections: 1", 2, 3, "tcp_conections", Some("tcp_connections")),
            ("colour: red", 1, 1, "colour", None),
        ] {
            let mistakes = read(text).expect_err("there is no such key");
            let [(at_line, at_column, Problem::UnknownKey { key: found, near: nearest, .. })] =
                mistakes.as_slice()
            else {
                panic!("{text}: {mistakes:?}")
            };
            assert_eq!((*at_line, *at_column), (line, column), "{text}");
            assert_eq!((found.as_str(), *nearest), (key, near), "{text}");
        }
    }

    #[test]
    fn mistakes_of_every_kind_are_told_at_once() {
        let text = "\
lisen: 127.0.0.1:53
workers: many
log: {levle: info, format: [text]}
prober: [a]
keys: {k: {secrt_file: f}}
secondaries: {allow: 10.0.0.0/8, notify: [{adress: 192.0.2.1, key: l}]}
geo: {subnets: {10.0.0.0/8: [fra]}}
workers: 1
";
        let mistakes = read(text).expect_err("all of it is wrong");
        let told: Vec<_> = mistakes
            .iter()
            .map(|(line, column, problem)| format!("{line}:{column}: {problem}"))
            .collect();
        let expected = [
            "1:1: the config file has no key `lisen`; did you mean `listen`?",
            "2:10: `many` is not `auto` or a number of workers: a whole number from 1 to 1024",
            "3:7: `log` has no key `levle`; did you mean `level`?",
            "3:28: expected a single value, found a list",
            "4:9: expected a map, found a list",
            "5:12: a key has no key `secrt_file`; did you mean `secret_file`?",
            "6:22: expected a list such as `[{address: 192.0.2.0/24, key: NAME}]`, found a single value",
            "6:44: a server has no key `adress`; did you mean `address`?",
            "6:68: no key is called `l`; add it under `keys`",
            "7:29: expected a region, or a map such as `{country: NO, location: [59.9, 10.7]}`, found a list",
            "8:1: `workers` stands in line 2 already; join the two",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_key_without_a_value_is_not_there() {
        for text in ["listen:\n", "prober: {exec: ~}", "keys:\nfeed: null\n", "tls:\ngeo:\n"] {
            assert_eq!(read(text), Ok(Config::default()), "{text:?}");
        }
    }

    #[test]
    fn a_wrong_shape_is_told_with_its_place() {
        for (text, line) in [("listen: {a: b}", 1), ("log: 1", 1), ("log: {}\n- b", 2), ("- a", 1)]
        {
            let mistakes = read(text).expect_err(text);
            assert_eq!(mistakes.len(), 1, "{text}");
            assert_eq!(mistakes[0].0, line, "{text}: {mistakes:?}");
        }
    }
}
