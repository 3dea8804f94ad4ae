//! What the config file may say: its nodes are walked, mistakes told, and reading goes on. Each part that is long has a file
//! here.

mod admin;
mod answers;
mod authority;
mod dnstap;
mod feed;
mod isolation;
mod places;
mod prober;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::{
    Config, Limits, Log, LogFormat, LogLevel, Reader, RunAs, Sandbox, Sockets, WORKERS_MAX, Workers,
};
use crate::config::error::Problem;
use crate::config::include::Includes;
use crate::config::model::place::Network;
use crate::config::node::{self, Kind, Node, Style, Text};
use crate::config::spec::{self, Field};
use crate::config::value;

/// What may stand at the top level.
const CONFIG_KEYS: [&str; 28] = [
    "listen",
    "zones",
    "includes",
    "state",
    "workers",
    "sockets",
    "admin",
    "prober",
    "feed",
    "failover_max",
    "limits",
    "log",
    "keys",
    "secondaries",
    "updates",
    "primaries",
    "per_zone",
    "tls",
    "nsid",
    "identity",
    "cookies",
    "responses",
    "any",
    "dnstap",
    "geo",
    "views",
    "user",
    "sandbox",
];

/// The port of DNS, for the example of a mistake.
const DNS_PORT: u16 = 53;

impl Reader<'_> {
    /// What the file says, defaults where it says nothing.
    pub(super) fn config(&mut self, text: &str) -> Config {
        let Some(root) = self.parse(text) else { return Config::default() };
        let [
            listen,
            zones,
            includes,
            state,
            workers,
            sockets,
            admin,
            prober,
            feed,
            failover_max,
            limits,
            log,
            keys,
            secondaries,
            updates,
            primaries,
            per_zone,
            tls,
            nsid,
            identity,
            cookies,
            responses,
            any,
            dnstap,
            geo,
            views,
            user,
            sandbox,
        ] = self.fields(&root, "the config file", CONFIG_KEYS);
        let mut config = Config {
            authority: self.authority([keys, secondaries, updates, primaries, per_zone, tls]),
            answers: self.answers([nsid, identity, cookies, responses, any]),
            ..Config::default()
        };
        if let Some(dnstap) = dnstap {
            config.dnstap = self.dnstap(dnstap);
        }
        if let Some(geo) = geo {
            config.geo = self.geo(geo);
        }
        if let Some(views) = views {
            config.views = self.views(views);
        }
        if let Some(listen) = listen {
            config.listen = self.each(listen, |text| socket(text, DNS_PORT));
        }
        if let Some(zones) = zones {
            let texts = self.each(zones, |text| Ok(text.to_owned()));
            config.zones = texts.iter().map(|text| self.path(text)).collect();
        }
        config.includes = self.paths(includes);
        if let Some(state) = self.path_of(state) {
            config.state = state;
        }
        self.set(&mut config.workers, workers, |text| match text {
            "auto" => Ok(Workers::Auto),
            _ => count("`auto` or a number of workers", text, WORKERS_MAX).map(Workers::Count),
        });
        let words = [("native", Sockets::Native), ("portable", Sockets::Portable)];
        self.set(&mut config.sockets, sockets, |text| {
            value::choice("a kind of sockets", text, &words)
        });
        if let Some(admin) = admin {
            self.admin(&mut config, admin);
        }
        if let Some(prober) = prober {
            self.prober(&mut config.prober, prober);
        }
        if let Some(feed) = feed {
            config.feed = self.feed(feed);
        }
        self.set(&mut config.failover_max, failover_max, |text| {
            value::failover_max(text).map(Some)
        });
        let words = [("auto", Sandbox::Auto), ("off", Sandbox::Off), ("require", Sandbox::Require)];
        self.set(&mut config.sandbox, sandbox, |text| {
            value::choice("whether the sandbox closes", text, &words)
        });
        self.set(&mut config.user, user, |text| run_as(text).map(Some));
        if let Some(limits) = limits {
            self.limits(&mut config.limits, limits);
        }
        if let Some(log) = log {
            self.log(&mut config.log, log);
        }
        config
    }

    /// A table of networks in a file of its own.
    pub(super) fn subnets(&mut self, text: &str) -> Vec<Network> {
        self.parse(text).map(|root| self.networks(&root)).unwrap_or_default()
    }

    /// The tree of the file; `None` where it says nothing, or is no YAML, which is told.
    pub(super) fn parse<'t>(&mut self, text: &'t str) -> Option<Node<'t>> {
        let root = node::parse_any(text, &mut Includes::new(self.file, None), &mut self.mistakes);
        root.filter(|root| !is_unset(root))
    }

    fn limits(&mut self, limits: &mut Limits, node: &Node<'_>) {
        let [tcp_connections, tcp_per_client, zone_bytes] =
            self.fields(node, "`limits`", ["tcp_connections", "tcp_per_client", "zone_bytes"]);
        let connections = |text: &str| count("a number of connections", text, 10_000_000);
        self.set(&mut limits.tcp_connections, tcp_connections, connections);
        self.set(&mut limits.tcp_per_client, tcp_per_client, connections);
        let bytes = |text: &str| count("a number of bytes", text, u32::MAX);
        self.set(&mut limits.zone_bytes, zone_bytes, bytes);
    }

    fn log(&mut self, log: &mut Log, node: &Node<'_>) {
        let [format, level] = self.fields(node, "`log`", ["format", "level"]);
        let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        self.set(&mut log.format, format, |text| value::choice("a form", text, &words));
        let words = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        self.set(&mut log.level, level, |text| value::choice("a level", text, &words));
    }

    /// The values of a map by its known keys, in their order; what is there without a value is not there.
    fn fields<'n, const N: usize>(
        &mut self,
        node: &'n Node<'_>,
        place: &'static str,
        known: [&'static str; N],
    ) -> [Option<&'n Node<'n>>; N] {
        let found = spec::fields(node, place, known, &mut self.mistakes).unwrap_or([None; N]);
        found.map(|field| field.map(|(_, node)| node).filter(|node| !is_unset(node)))
    }

    /// Tells that a map lacks a key.
    fn missing(&mut self, node: &Node<'_>, place: &'static str, key: &'static str) {
        spec::tell_missing(node, place, key, &mut self.mistakes);
    }

    /// The entries of a map by names.
    fn entries<'n>(
        &mut self,
        node: Option<&'n Node<'n>>,
        what: &'static str,
    ) -> impl Iterator<Item = Field<'n>> + use<'n> {
        let entries = node.and_then(|node| spec::map(node, what, &mut self.mistakes));
        entries.into_iter().flatten()
    }

    /// The items of a list.
    fn items<'n>(&mut self, node: Option<&'n Node<'n>>, what: &'static str) -> &'n [Node<'n>] {
        match node.map(|node| (node, &node.kind)) {
            None => &[],
            Some((_, Kind::List(items))) => items,
            Some((node, _)) => {
                self.add(node.span, Problem::Expected { what, found: node.describe() });
                &[]
            }
        }
    }

    /// The one value that stands here.
    fn scalar<'n>(&mut self, node: Option<&'n Node<'n>>) -> Option<Text<'n>> {
        spec::scalar(node?, "a single value", &mut self.mistakes)
    }

    fn path_of(&mut self, node: Option<&Node<'_>>) -> Option<PathBuf> {
        let text = self.scalar(node)?;
        Some(self.path(text.text))
    }

    /// Puts a text's value in its place, or tells what is wrong with it.
    fn set<T>(
        &mut self,
        value: &mut T,
        node: Option<&Node<'_>>,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) {
        let Some(text) = self.scalar(node) else { return };
        if let Some(read) = self.mistakes.take(text.span, read(text.text)) {
            *value = read;
        }
    }

    /// One value or a list of them, at least one.
    fn each<T>(&mut self, node: &Node<'_>, read: impl Fn(&str) -> Result<T, Problem>) -> Vec<T> {
        if matches!(&node.kind, Kind::List(items) if items.is_empty()) {
            self.add(node.span, Problem::NoValues);
        }
        let texts = self.texts(Some(node));
        let read = |text: Text<'_>| self.mistakes.take(text.span, read(text.text));
        texts.into_iter().filter_map(read).collect()
    }

    /// One value or a list of them.
    fn texts<'n>(&mut self, node: Option<&'n Node<'n>>) -> Vec<Text<'n>> {
        let what = "a value or a list of them";
        node.map(|node| spec::texts(node, what, &mut self.mistakes)).unwrap_or_default()
    }
}

/// Whether a key stands there without a value, as when what was below it is commented out.
fn is_unset(node: &Node<'_>) -> bool {
    matches!(&node.kind, Kind::Scalar(text, Style::Plain) if matches!(&**text, "" | "~" | "null"))
}

fn socket(text: &str, port: u16) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| Problem::BadSocket { text: text.into(), port })
}

/// `NAME`, or `NAME:GROUP`.
fn run_as(text: &str) -> Result<RunAs, Problem> {
    let (name, group) = match text.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (text, None),
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != ':')
    };
    if is_name(name) && group.is_none_or(is_name) {
        Ok(RunAs { name: name.to_owned(), group: group.map(str::to_owned) })
    } else {
        Err(Problem::BadUser { text: text.into() })
    }
}

fn count(what: &'static str, text: &str, most: u32) -> Result<NonZeroUsize, Problem> {
    let number: u32 = value::number(what, text, 1..=most)?;
    usize::try_from(number).ok().and_then(NonZeroUsize::new).ok_or_else(|| Problem::BadNumber {
        what,
        text: text.into(),
        least: 1,
        most,
    })
}
