//! What a check may put into its request: what the prober's own libraries take, so that a check that
//! was read can always be sent.
//!
//! | section | what we take from it | where |
//! |---|---|---|
//! | RFC 3986 §3.3 | a path has no blanks and no fragment | [`is_path`] |
//! | RFC 9110 §5.1, §5.5 | a field's name is a token, its value one line of ASCII | [`is_header_name`], [`is_header_value`] |
//! | RFC 9110 §7.2 | a host may have a port, and an IPv6 address has brackets | [`is_host`] |
//! | RFC 6066 §3 | TLS asks for a host name | [`is_server_name`] |

use std::net::Ipv6Addr;

use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use tokio_rustls::rustls::pki_types::ServerName;

/// The path of a request, with its query if it has one.
pub(super) fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        && text.parse::<Uri>().is_ok()
}

/// A name or an address, and perhaps a port.
pub(super) fn is_host(text: &str) -> bool {
    let bracketed = text.strip_prefix('[').and_then(|text| text.split_once(']'));
    let (is_name, port) = if let Some((address, port)) = bracketed {
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        (is_server_name(name), port)
    };
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_name && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// A host name or an address, which a certificate may be for.
pub(super) fn is_server_name(text: &str) -> bool {
    ServerName::try_from(text).is_ok()
}

/// The name of a header field.
pub(super) fn is_header_name(text: &str) -> bool {
    text.parse::<HeaderName>().is_ok()
}

/// The value of a header field.
pub(super) fn is_header_value(text: &str) -> bool {
    text.is_ascii() && text.parse::<HeaderValue>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3986_3_3_a_path_begins_with_a_slash_and_has_no_fragment() {
        for path in ["/", "/healthz", "/a?b=c&d", "/a%20b", "//", "/{id}", "/~x;v=1"] {
            assert!(is_path(path), "{path}");
        }
        for path in ["", "a", "/a b", "/a#b", "/ä", "/<a>", "/a`", "/a\\\u{7f}"] {
            assert!(!is_path(path), "{path}");
        }
    }

    #[test]
    fn rfc9110_7_2_a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in [
            "www.example.org",
            "web_1",
            "example.org:8080",
            "192.0.2.1",
            "192.0.2.1:80",
            "[2001:db8::1]",
            "[2001:db8::1]:443",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "",
            "a b",
            "http://a",
            "a:b:c",
            "a:",
            "a:65536",
            "a:+1",
            "2001:db8::1", // where its port begins is not to be told
            "[2001:db8::1",
            "[a]",
            "-a",
            "a..b",
            "192.0.2.256",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn rfc6066_3_tls_asks_for_names() {
        for name in ["www.example.org", "192.0.2.1", "2001:db8::1"] {
            assert!(is_server_name(name), "{name}");
        }
        for name in ["", "a:443", "[::1]", "*.example.org", "a b"] {
            assert!(!is_server_name(name), "{name}");
        }
    }

    #[test]
    fn rfc9110_5_a_header_field_is_a_token_and_one_line() {
        for name in ["Accept", "x-probe", "a_b", "~"] {
            assert!(is_header_name(name), "{name}");
        }
        for name in ["", "a b", "a:", "ä", "a\n"] {
            assert!(!is_header_name(name), "{name}");
        }
        for (value, expected) in [("", true), ("a b\tc", true), ("a\nb", false), ("ä", false)] {
            assert_eq!(is_header_value(value), expected, "{value}");
        }
    }
}
