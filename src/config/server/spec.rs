//! The shape of the config file, by serde, and its texts resolved; each part that is long has a file here.

mod admin;
mod answers;
mod authority;
mod feed;
mod isolation;
mod places;
mod prober;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_yaml::{Error, Spanned};

use super::{Config, LogFormat, LogLevel, Reader, Sockets, WORKERS_MAX, Workers};
use crate::config::error::{Location, Problem};
use crate::config::model::place::Network;
use crate::config::nearest::{listed, nearest};
use crate::config::value;

/// A scalar as written, and its place.
type Text = Spanned<String>;

/// The port of DNS, for the example of a mistake.
const DNS_PORT: u16 = 53;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ConfigSpec {
    listen: Option<Many>,
    zones: Option<Many>,
    includes: Option<Many>,
    state: Option<Text>,
    workers: Option<Text>,
    sockets: Option<Text>,
    admin: Option<Spanned<admin::AdminSpec>>,
    prober: Option<prober::ProberSpec>,
    feed: Option<Spanned<feed::FeedSpec>>,
    failover_max: Option<Text>,
    limits: Option<LimitsSpec>,
    log: Option<LogSpec>,
    keys: authority::Named<Spanned<authority::KeySpec>>,
    secondaries: Option<authority::SecondariesSpec>,
    updates: Option<authority::UpdatesSpec>,
    primaries: authority::Named<Spanned<authority::PrimarySpec>>,
    per_zone: authority::Named<authority::PerZoneSpec>,
    tls: Option<Spanned<authority::TlsSpec>>,
    nsid: Option<Text>,
    identity: Option<answers::IdentitySpec>,
    cookies: Option<answers::CookiesSpec>,
    responses: Option<Text>,
    any: Option<Text>,
    geo: Option<places::GeoSpec>,
    views: Option<places::ViewsSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LimitsSpec {
    tcp_connections: Option<Text>,
    tcp_per_client: Option<Text>,
    zone_bytes: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LogSpec {
    format: Option<Text>,
    level: Option<Text>,
}

/// One value or a list of them.
pub(super) struct Many(Spanned<OneOrMore>);

impl Many {
    /// Where it stands.
    fn place(&self) -> Location {
        match &self.0.value {
            OneOrMore::One(text) => place(&self.0, width(text)),
            OneOrMore::More(_) => place(&self.0, 1),
        }
    }
}

pub(super) enum OneOrMore {
    One(String),
    More(Vec<Text>),
}

impl<'de> Deserialize<'de> for Many {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

// `untagged` would lose the places, so the two shapes are told apart by hand.
impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes;
        impl<'de> Visitor<'de> for Shapes {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore::One(text.to_owned()))
            }

            // A number cannot be an address or a path that is meant; its digits are told as wrong.
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<OneOrMore, E> {
                Ok(OneOrMore::One(number.to_string()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMore, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(OneOrMore::More(items))
            }
        }
        deserializer.deserialize_any(Shapes)
    }
}

fn place<T>(spanned: &Spanned<T>, width: usize) -> Location {
    location(spanned.referenced, width)
}

fn location(at: serde_yaml::Location, width: usize) -> Location {
    match (u32::try_from(at.line()), u32::try_from(at.column())) {
        (Ok(line), Ok(column)) if line > 0 => {
            Location { line, column: column.max(1), width: (width as u32).max(1) }
        }
        _ => Location::WHOLE_FILE,
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

impl Reader<'_> {
    /// The shape of the file; `None` with its one mistake told.
    pub(super) fn parse(&mut self, text: &str) -> Option<ConfigSpec> {
        let options = serde_yaml::options! { with_snippet: false };
        match serde_yaml::from_str_with_options::<Option<ConfigSpec>>(text, options) {
            Ok(spec) => Some(spec.unwrap_or_default()),
            Err(error) => {
                self.misshapen(&error);
                None
            }
        }
    }

    /// A table of networks in a file of its own; `None` with its one mistake of shape told.
    pub(super) fn subnets(&mut self, text: &str) -> Option<Vec<Network>> {
        let options = serde_yaml::options! { with_snippet: false };
        match serde_yaml::from_str_with_options::<Option<places::TableSpec>>(text, options) {
            Ok(table) => Some(self.networks(&table.unwrap_or_default())),
            Err(error) => {
                self.misshapen(&error);
                None
            }
        }
    }

    fn misshapen(&mut self, error: &Error) {
        let at = error.location();
        let (problem, width) = explain(error);
        let at = at.map_or(Location::WHOLE_FILE, |at| location(at, width));
        self.add(at, problem);
    }

    /// The values of the file, defaults where it has none.
    pub(super) fn resolve(&mut self, spec: ConfigSpec) -> Config {
        let ConfigSpec {
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
            ..
        } = spec;
        let mut config = Config {
            authority: self.authority(&authority::AuthoritySpec {
                keys: spec.keys,
                secondaries: spec.secondaries,
                updates: spec.updates,
                primaries: spec.primaries,
                per_zone: spec.per_zone,
                tls: spec.tls,
            }),
            answers: self.answers(&answers::AnswersSpec {
                nsid: spec.nsid,
                identity: spec.identity,
                cookies: spec.cookies,
                responses: spec.responses,
                any: spec.any,
            }),
            ..Config::default()
        };
        if let Some(geo) = &spec.geo {
            config.geo = self.geo(geo);
        }
        if let Some(views) = &spec.views {
            config.views = self.views(views);
        }
        if let Some(listen) = listen {
            config.listen = self.each(&listen, |text| socket(text, DNS_PORT));
        }
        if let Some(zones) = zones {
            let texts = self.each(&zones, |text| Ok(text.to_owned()));
            config.zones = texts.iter().map(|text| self.path(text)).collect();
        }
        config.includes = self.paths(includes.as_ref());
        if let Some(state) = state {
            config.state = self.path(&state.value);
        }
        self.set(&mut config.workers, workers.as_ref(), |text| match text {
            "auto" => Ok(Workers::Auto),
            _ => count("`auto` or a number of workers", text, WORKERS_MAX).map(Workers::Count),
        });
        let words = [("native", Sockets::Native), ("portable", Sockets::Portable)];
        self.set(&mut config.sockets, sockets.as_ref(), |text| {
            value::choice("a kind of sockets", text, &words)
        });
        if let Some(admin) = admin {
            self.admin(&mut config, &admin);
        }
        if let Some(prober) = prober {
            self.prober(&mut config.prober, &prober);
        }
        if let Some(feed) = feed {
            config.feed = self.feed(&feed);
        }
        self.set(&mut config.failover_max, failover_max.as_ref(), |text| {
            value::failover_max(text).map(Some)
        });
        let limits = limits.unwrap_or_default();
        let connections = |text: &str| count("a number of connections", text, 10_000_000);
        self.set(&mut config.limits.tcp_connections, limits.tcp_connections.as_ref(), connections);
        self.set(&mut config.limits.tcp_per_client, limits.tcp_per_client.as_ref(), connections);
        let bytes = |text: &str| count("a number of bytes", text, u32::MAX);
        self.set(&mut config.limits.zone_bytes, limits.zone_bytes.as_ref(), bytes);
        let log = log.unwrap_or_default();
        let words = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        self.set(&mut config.log.format, log.format.as_ref(), |text| {
            value::choice("a form", text, &words)
        });
        let words = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        self.set(&mut config.log.level, log.level.as_ref(), |text| {
            value::choice("a level", text, &words)
        });
        config
    }

    /// Puts a text's value in its place, or tells what is wrong with it.
    fn set<T>(
        &mut self,
        value: &mut T,
        text: Option<&Text>,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) {
        let Some(text) = text else { return };
        match read(&text.value) {
            Ok(read) => *value = read,
            Err(problem) => self.add(place(text, width(&text.value)), problem),
        }
    }

    fn each<T>(&mut self, many: &Many, read: impl Fn(&str) -> Result<T, Problem>) -> Vec<T> {
        let mut found = Vec::new();
        let texts = many.texts();
        if texts.is_empty() {
            self.add(place(&many.0, 1), Problem::NoValues);
        }
        for (text, at) in texts {
            match read(text) {
                Ok(value) => found.push(value),
                Err(problem) => self.add(at, problem),
            }
        }
        found
    }
}

impl Many {
    /// Each value and its place.
    fn texts(&self) -> Vec<(&str, Location)> {
        match &self.0.value {
            OneOrMore::One(text) => vec![(text, place(&self.0, width(text)))],
            OneOrMore::More(items) => items
                .iter()
                .map(|item| (item.value.as_str(), place(item, width(&item.value))))
                .collect(),
        }
    }
}

/// serde's mistakes in our words, and how wide they are.
fn explain(error: &Error) -> (Problem, usize) {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            let near = nearest(field, expected.iter().copied());
            let known = listed(expected.iter().copied());
            let place = "this part of the config file";
            (Problem::UnknownKey { place, key: field.clone(), near, known }, width(field))
        }
        _ => (Problem::Shape { detail: error.to_string() }, 1),
    }
}

fn socket(text: &str, port: u16) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| Problem::BadSocket { text: text.into(), port })
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
