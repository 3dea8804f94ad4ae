//! `feed:`.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use serde_yaml::Spanned;

use super::prober::name;
use super::{Text, place, width};
use crate::config::error::Problem;
use crate::config::server::feed::{Endpoint, FEED_SERVERS_MAX, Feed, Server};
use crate::config::server::{Reader, admin};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FeedSpec {
    name: Option<Text>,
    to: Option<Spanned<Vec<Spanned<ServerSpec>>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ServerSpec {
    server: Option<Text>,
    ca: Option<Text>,
    token: Option<Text>,
}

impl Reader<'_> {
    /// `None` where it has a mistake, which is told.
    pub(super) fn feed(&mut self, spec: &Spanned<FeedSpec>) -> Option<Feed> {
        let FeedSpec { name: named, to } = &spec.value;
        let missing = |key| Problem::MissingKey { place: "`feed`", key };
        let mut feed = Feed { name: String::new(), to: Vec::new() };
        if named.is_none() {
            self.add(place(spec, 1), missing("name"));
        }
        self.set(&mut feed.name, named.as_ref(), name);
        let Some(to) = to else {
            self.add(place(spec, 1), missing("to"));
            return None;
        };
        if to.value.is_empty() {
            self.add(place(to, 1), Problem::NoValues);
        }
        for server in &to.value {
            if feed.to.len() == FEED_SERVERS_MAX {
                self.add(place(server, 1), Problem::TooManyServers { most: FEED_SERVERS_MAX });
                break;
            }
            let Some((text, server)) = self.server(server) else { continue };
            if feed.to.iter().any(|other| other.at == server.at) {
                let at = place(text, width(&text.value));
                self.add(at, Problem::ValueTwice { text: text.value.clone() });
                continue;
            }
            feed.to.push(server);
        }
        Some(feed)
    }

    fn server<'s>(&mut self, spec: &'s Spanned<ServerSpec>) -> Option<(&'s Text, Server)> {
        let ServerSpec { server, ca, token } = &spec.value;
        let Some(text) = server else {
            let problem = Problem::MissingKey { place: "a server to feed", key: "server" };
            self.add(place(spec, 1), problem);
            return None;
        };
        let at = match self.endpoint(&text.value) {
            Ok(at) => at,
            Err(problem) => {
                self.add(place(text, width(&text.value)), problem);
                return None;
            }
        };
        if let Some(ca) = ca.as_ref().filter(|_| !matches!(at, Endpoint::Https { .. })) {
            self.add(place(ca, width(&ca.value)), Problem::CaWithoutTls);
        }
        let path = |text: &Text| self.path(&text.value);
        let server = Server { at, ca: ca.as_ref().map(path), token: token.as_ref().map(path) };
        Some((text, server))
    }

    fn endpoint(&self, text: &str) -> Result<Endpoint, Problem> {
        let bad = || Problem::BadServer { text: text.into() };
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Endpoint::Unix(self.path(path)));
        }
        if let Some(rest) = text.strip_prefix("https://") {
            let (host, port) = authority(rest).ok_or_else(bad)?;
            return Ok(Endpoint::Https { host, port });
        }
        let rest = text.strip_prefix("http://").ok_or_else(bad)?;
        let (host, port) = authority(rest).ok_or_else(bad)?;
        match host.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => {
                Ok(Endpoint::Http(SocketAddr::new(address, port)))
            }
            _ => Err(Problem::PlainServer { text: text.into() }),
        }
    }
}

/// The host and the port of a URL that ends there.
fn authority(text: &str) -> Option<(String, u16)> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, rest.strip_prefix(':').or(rest.is_empty().then_some(""))?)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_fine = host.contains(':') || (!host.is_empty() && host.bytes().all(is_host));
    let port = match port {
        "" => admin::PORT,
        digits => digits.parse().ok().filter(|&port| port > 0)?,
    };
    is_fine.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_ends_with_its_port() {
        for (text, expected) in [
            ("192.0.2.53:8053", Some(("192.0.2.53", 8053))),
            ("ns1.example.net", Some(("ns1.example.net", 8053))),
            ("ns1.example.net:443/", Some(("ns1.example.net", 443))),
            ("[2001:db8::53]:1", Some(("2001:db8::53", 1))),
            ("[::1]", Some(("::1", 8053))),
            ("", None),
            (":1", None),
            ("a:0", None),
            ("a:65536", None),
            ("a/b", None),
            ("a:1/b", None),
            ("u@a", None),
            ("[::1]1", None),
            ("[a]", None),
            ("::1", None),
        ] {
            let found = authority(text);
            let found = found.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(found, expected, "{text}");
        }
    }
}
