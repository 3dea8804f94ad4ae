//! `feed:`.

use std::net::{IpAddr, SocketAddr};

use super::prober::name;
use crate::config::error::Problem;
use crate::config::node::{Kind, Node, Text};
use crate::config::server::feed::{Endpoint, FEED_SERVERS_MAX, Feed, Server};
use crate::config::server::{Reader, admin};

impl Reader<'_> {
    /// `None` where it has a mistake, which is told.
    pub(super) fn feed(&mut self, node: &Node<'_>) -> Option<Feed> {
        let [named, to] = self.fields(node, "`feed`", ["name", "to"]);
        let mut feed = Feed { name: String::new(), to: Vec::new() };
        if named.is_none() {
            self.missing(node, "`feed`", "name");
        }
        self.set(&mut feed.name, named, name);
        let Some(to) = to else {
            self.missing(node, "`feed`", "to");
            return None;
        };
        if matches!(&to.kind, Kind::List(items) if items.is_empty()) {
            self.add(to.span, Problem::NoValues);
        }
        for node in self.items(Some(to), "a list of servers such as `[{server: URL}]`") {
            if feed.to.len() == FEED_SERVERS_MAX {
                self.add(node.span, Problem::TooManyServers { most: FEED_SERVERS_MAX });
                break;
            }
            let Some((text, server)) = self.server(node) else { continue };
            if feed.to.iter().any(|other| other.at == server.at) {
                self.add(text.span, Problem::ValueTwice { text: text.text.into() });
                continue;
            }
            feed.to.push(server);
        }
        Some(feed)
    }

    fn server<'n>(&mut self, node: &'n Node<'n>) -> Option<(Text<'n>, Server)> {
        let [server, ca, token] = self.fields(node, "a server to feed", ["server", "ca", "token"]);
        if server.is_none() {
            self.missing(node, "a server to feed", "server");
        }
        let token = self.path_of(token);
        let ca_at = ca.map(|ca| ca.span);
        let ca = self.path_of(ca);
        let text = self.scalar(server)?;
        let at = self.endpoint(text.text);
        let at = self.mistakes.take(text.span, at)?;
        if let Some(ca_at) = ca_at.filter(|_| !matches!(at, Endpoint::Https { .. })) {
            self.add(ca_at, Problem::CaWithoutTls);
        }
        Some((text, Server { at, ca, token }))
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
