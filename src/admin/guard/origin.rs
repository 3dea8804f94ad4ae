//! Pages of other sites: a browser on the operator's machine reaches what listens on loopback, and asks what any
//! page tells it to ask.
//!
//! ```text
//! what a request has                                                   it is refused, as
//! Host: neither an address nor localhost nor a name of the certificate  a name of theirs was pointed at us (DNS rebinding)
//! Origin: not our own host                                              a page of another site asks
//! Sec-Fetch-Site: other than same-origin and none                       a page of another site asks; it may link to the dashboard
//! POST without application/json                                         a form of another site could send it
//! ```
//!
//! There are no CORS headers, so no page of another site reads an answer either.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, ORIGIN};
use axum::http::{Method, StatusCode, Uri};

use crate::admin::dashboard;
use crate::admin::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Refuses what a page of another site may have caused. `is_our_name` knows the names of our certificate.
pub fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    is_our_name: impl Fn(&str) -> bool,
) -> Result<(), Refusal> {
    let host = match (uri.authority(), only(headers, &HOST)?) {
        // What stands in the request line counts before the header (RFC 9112 §3.2.2).
        (Some(authority), _) => authority.as_str(),
        (None, Some(host)) => host,
        (None, None) => return Err(Refusal::bad_request("a request says whom it asks, in `Host`")),
    };
    if !is_ours(host, &is_our_name) {
        return Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            format!(
                "this server is not asked as `{}`; ask by its address, as `localhost`, or by a name in its certificate",
                host.escape_default()
            ),
        ));
    }
    let other_site = || {
        let error = "a page of another site asked for this; browsers may ask from the server's own origin alone";
        Refusal::new(StatusCode::FORBIDDEN, error)
    };
    if let Some(origin) = only(headers, &ORIGIN)? {
        let of = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        if of.is_none_or(|of| !of.eq_ignore_ascii_case(host)) {
            return Err(other_site());
        }
    }
    if let Some(site) = only(headers, &SEC_FETCH_SITE)?
        && !matches!(site, "same-origin" | "none")
        && !is_visit(method, uri, headers)?
    {
        return Err(other_site());
    }
    if *method == Method::POST && !only(headers, &CONTENT_TYPE)?.is_some_and(is_json) {
        let error = "send JSON, and say so: `Content-Type: application/json`";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    Ok(())
}

/// Whether somebody follows a link to the dashboard, which says nothing by itself and stands in no frame.
fn is_visit(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<bool, Refusal> {
    let is_page = only(headers, &SEC_FETCH_MODE)? == Some("navigate")
        && only(headers, &SEC_FETCH_DEST)? == Some("document");
    Ok(is_page && *method == Method::GET && uri.path() == dashboard::PATH)
}

/// The one value of a header.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str());
    match (first.transpose(), values.next()) {
        (Ok(value), None) => Ok(value),
        _ => Err(Refusal::bad_request(format!("`{name}` has one value, in ASCII"))),
    }
}

fn is_ours(host: &str, is_our_name: impl Fn(&str) -> bool) -> bool {
    let name = if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse::<Ipv6Addr>().is_ok() && is_port(port);
    } else {
        match host.split_once(':') {
            Some((name, port)) if is_port(&host[name.len()..]) && !port.is_empty() => name,
            Some(_) => return false,
            None => host,
        }
    };
    name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost") || is_our_name(name)
}

/// Whether this is nothing, or a colon and a port.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &Method, headers: &[(&'static str, &str)]) -> Option<u16> {
        refused_at("/v1/status", method, headers)
    }

    fn refused_at(
        path: &'static str,
        method: &Method,
        headers: &[(&'static str, &str)],
    ) -> Option<u16> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")))
            .collect();
        let result =
            check(method, &Uri::from_static(path), &headers, |name| name == "ns1.example.com");
        result.err().map(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn only_what_we_are_called_is_asked() {
        for (host, expected) in [
            ("127.0.0.1:8053", None),
            ("192.0.2.1", None),
            ("[::1]:8053", None),
            ("[::1]", None),
            ("localhost:8053", None),
            ("ns1.example.com:8053", None),
            ("evil.example:8053", Some(421)),
            ("localhost.evil.example", Some(421)),
            ("127.0.0.1.evil.example", Some(421)),
            ("127.0.0.1:", Some(421)),
            ("127.0.0.1:8053:1", Some(421)),
            ("", Some(421)),
        ] {
            assert_eq!(refused(&Method::GET, &[("host", host)]), expected, "{host}");
        }
        assert_eq!(refused(&Method::GET, &[]), Some(400));
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let host = ("host", "127.0.0.1:8053");
        for (header, expected) in [
            (("origin", "http://127.0.0.1:8053"), None),
            (("origin", "https://127.0.0.1:8053"), None),
            (("origin", "http://127.0.0.1:3000"), Some(403)),
            (("origin", "http://evil.example"), Some(403)),
            (("origin", "null"), Some(403)),
            (("sec-fetch-site", "same-origin"), None),
            (("sec-fetch-site", "none"), None),
            (("sec-fetch-site", "same-site"), Some(403)),
            (("sec-fetch-site", "cross-site"), Some(403)),
        ] {
            assert_eq!(refused(&Method::GET, &[host, header]), expected, "{header:?}");
        }
    }

    #[test]
    fn other_sites_may_link_to_the_dashboard_and_do_nothing_else_with_it() {
        let visit = [
            ("host", "127.0.0.1:8053"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let other = |place: usize, value| {
            let mut headers = visit;
            headers[place].1 = value;
            headers
        };
        for (path, method, headers, expected) in [
            ("/", Method::GET, visit, None),
            ("/v1/status", Method::GET, visit, Some(403)),
            ("/metrics", Method::GET, visit, Some(403)),
            ("/", Method::POST, visit, Some(403)),
            ("/", Method::GET, other(0, "evil.example"), Some(421)),
            ("/", Method::GET, other(2, "no-cors"), Some(403)),
            ("/", Method::GET, other(3, "iframe"), Some(403)),
        ] {
            assert_eq!(
                refused_at(path, &method, &headers),
                expected,
                "{method} {path} {headers:?}"
            );
        }
    }

    #[test]
    fn what_a_form_can_send_is_no_post() {
        let host = ("host", "localhost");
        for (headers, expected) in [
            (&[host, ("content-type", "application/json")][..], None),
            (&[host, ("content-type", "Application/JSON; charset=utf-8")], None),
            (&[host, ("content-type", "text/plain")], Some(415)),
            (&[host, ("content-type", "application/x-www-form-urlencoded")], Some(415)),
            (&[host], Some(415)),
        ] {
            assert_eq!(refused(&Method::POST, headers), expected, "{headers:?}");
        }
    }
}
