//! The dashboard: one page over the API, with no build step and nothing from elsewhere.
//!
//! What is served here says nothing about this server, so it needs no token; the page asks the API for what it shows, with
//! the token that somebody gives it. Names of zones, pools and backends are other people's text: the page sets text
//! alone, never markup, and the headers have the browser refuse whatever would be a script all the same.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use crate::digest::{hex, sha256};

/// Where the page is.
pub const PATH: &str = "/";

/// A file of the dashboard.
struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Lists files of this folder.
macro_rules! files {
    ($($name:literal $kind:ident)*) => {
        [$(File { name: $name, kind: $kind, text: include_str!($name) },)*]
    };
}

/// The page first.
const FILES: [File; 13] = files! {
    "index.html" HTML
    "style.css" STYLE
    "main.js" SCRIPT
    "api.js" SCRIPT
    "dom.js" SCRIPT
    "words.js" SCRIPT
    "glance.js" SCRIPT
    "changes.js" SCRIPT
    "chart.js" SCRIPT
    "pools.js" SCRIPT
    "detail.js" SCRIPT
    "steer.js" SCRIPT
    "explain.js" SCRIPT
};

/// What the page may do, to a browser: run and show what we serve, ask us, and nothing else.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    // Asked for each time, and sent again where it has changed alone.
    (header::CACHE_CONTROL, "no-cache"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// A digest of each file, as `ETag` has it.
static TAGS: LazyLock<[String; FILES.len()]> =
    LazyLock::new(|| FILES.map(|file| format!("\"{}\"", &hex(&sha256([file.text]))[..32])));

/// The page.
pub async fn page(headers: HeaderMap) -> Response {
    answer(0, &headers)
}

/// What the page is made of.
pub async fn file(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Path(name) = name?;
    let place = FILES.iter().skip(1).position(|file| file.name == name);
    let place = place.ok_or_else(|| {
        let name = name.escape_debug();
        Refusal::not_found(format!("the dashboard has no file `{name}`; load its page again"))
    })?;
    Ok(answer(place + 1, &headers))
}

/// A file, unless the browser has it.
fn answer(place: usize, headers: &HeaderMap) -> Response {
    let (file, tag) = (&FILES[place], TAGS[place].as_str());
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|tags| tags.to_str().ok()).flat_map(|tags| tags.split(','));
    let tagged = (HEADERS, [(header::ETAG, tag)]);
    if known.any(|known| matches!(known.trim(), "*") || known.trim() == tag) {
        return (StatusCode::NOT_MODIFIED, tagged).into_response();
    }
    (tagged, [(header::CONTENT_TYPE, file.kind)], file.text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(place: usize, known: Option<&str>) -> Response {
        let known = known.map(|tags| (header::IF_NONE_MATCH, tags.parse().expect("a value")));
        answer(place, &known.into_iter().collect())
    }

    fn said<'r>(response: &'r Response, name: &HeaderName) -> &'r str {
        let value = response.headers().get(name).map(HeaderValue::to_str);
        value.expect("it is said").expect("it is text")
    }

    #[test]
    fn nothing_runs_but_what_we_serve() {
        for place in 0..FILES.len() {
            let response = asked(place, None);
            let policy = said(&response, &header::CONTENT_SECURITY_POLICY);
            let parts: Vec<&str> = policy.split("; ").collect();
            for part in [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "connect-src 'self'",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",
            ] {
                assert!(parts.contains(&part), "{part}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
        }
    }

    #[test]
    fn no_file_has_what_the_policy_forbids() {
        for File { name, text, .. } in FILES {
            for wrong in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                "javascript:",
                " style=\"",
                " onclick=",
                "<style",
                "https://",
                "setAttribute(\"style\"",
            ] {
                assert!(!text.contains(wrong), "{name} has `{wrong}`");
            }
            // The name of SVG's elements is no address to ask.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http://"), "{name} names an address elsewhere");
        }
    }

    #[test]
    fn what_the_page_names_is_there() {
        let mut named = 0;
        for File { name, text, .. } in FILES {
            let quoted = text.split(['"', '\'']);
            for path in quoted.filter_map(|part| part.strip_prefix("/dashboard/")) {
                assert!(FILES.iter().any(|file| file.name == path), "{name} names {path}");
                named += 1;
            }
            for path in text.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(FILES.iter().any(|file| file.name == path), "{name} names {path}");
                named += 1;
            }
        }
        assert!(named >= FILES.len() - 1, "{named}");
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let response = asked(0, None);
        assert_eq!(response.status(), StatusCode::OK);
        let tag = said(&response, &header::ETAG).to_owned();
        for (known, expected) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("\"other\", {tag}"), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            ("\"other\"".to_owned(), StatusCode::OK),
        ] {
            let response = asked(0, Some(&known));
            assert_eq!(response.status(), expected, "{known}");
            assert_eq!(said(&response, &header::ETAG), tag, "{known}");
        }
        assert_ne!(said(&asked(1, None), &header::ETAG), tag);
    }
}
