//! Where a server's admin API is, as it is typed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// The port of an admin API that names none.
const PORT: u16 = 8053;

/// Where a server's admin API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// HTTP, or with `tls` HTTPS, at a host and port.
    Net {
        /// A name or an address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// Whether the connection is encrypted.
        tls: bool,
    },
    /// A socket of this machine.
    Unix(PathBuf),
}

impl Endpoint {
    /// Whether what is sent stays on this machine.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Net { host, .. } => {
                host.parse::<IpAddr>().map_or(host == "localhost", |address| address.is_loopback())
            }
        }
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::Net { host: "127.0.0.1".into(), port: PORT, tls: false }
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "`{text}` is no admin address; write ADDR:PORT, https://ADDR:PORT or unix:PATH, such as \
                 127.0.0.1:{PORT}"
            )
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Unix(path.into())) };
        }
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => (false, text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if let Ok(address) = rest.parse::<SocketAddr>() {
            return Ok(Self::Net { host: address.ip().to_string(), port: address.port(), tls });
        }
        let bare = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(rest);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Net { host: address.to_string(), port: PORT, tls });
        }
        let (host, port) = match rest.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (rest, PORT),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_name) {
            return Err(wrong());
        }
        Ok(Self::Net { host: host.into(), port, tls })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Net { host, port, tls } => {
                let scheme = if *tls { "https://" } else { "" };
                let brackets = if host.contains(':') { ["[", "]"] } else { ["", ""] };
                write!(f, "{scheme}{}{host}{}:{port}", brackets[0], brackets[1])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_read_as_it_is_typed() {
        for (text, expected, is_local) in [
            ("127.0.0.1:8053", "127.0.0.1:8053", true),
            ("127.0.0.1", "127.0.0.1:8053", true),
            ("[::1]:80", "[::1]:80", true),
            ("::1", "[::1]:8053", true),
            ("localhost:1", "localhost:1", true),
            ("http://127.0.0.1:8053/", "127.0.0.1:8053", true),
            ("https://ns1.example.com", "https://ns1.example.com:8053", false),
            ("https://[2001:db8::1]:443", "https://[2001:db8::1]:443", false),
            ("192.0.2.53:8053", "192.0.2.53:8053", false),
            ("unix:/run/rotadns/admin", "unix:/run/rotadns/admin", true),
        ] {
            let endpoint = Endpoint::from_str(text).expect(text);
            assert_eq!((endpoint.to_string().as_str(), endpoint.is_local()), (expected, is_local));
        }
        for text in ["", "unix:", "a b", ":8053", "localhost:x", "ftp://a", "https://", "a/b"] {
            assert!(Endpoint::from_str(text).is_err(), "{text}");
        }
    }
}
