//! The HTTP and HTTPS check: one GET, and whether its answer is as wished.
//!
//! The connection is the probe's own and serves this one request (`Connection: close`); redirects
//! are not followed, a 3xx is a status like any other. What the server sends is bounded: a head of
//! `HEAD_MAX` bytes, all heads with the interim ones of `HEADS_MAX`, of a body as much as is searched, [`BODY_MAX`], and nothing after the timeout.
//!
//! | RFC 9110 | what we do |
//! |---|---|
//! | §7.2 Host | the check's host as written; else the address, and the port unless it is usual |
//! | §10.1.5 User-Agent | `rotadns/VERSION`, unless the check sets one |
//! | §15 status codes | compared with the check's ranges; interim ones (1xx) are passed over |

mod load;

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::bounded::{Bound, Bounded, TooMuch};
use super::tls::{self, Trust};
use super::{Deadline, Obstacle, Passed, Trouble, tcp};
use crate::config::model::{BODY_MAX, HttpCheck, LoadPlace};
use crate::health::told::Told;

/// The largest head of an answer, in bytes, and the size of the buffer that a connection reads
/// into.
const HEAD_MAX: usize = 16 * 1024;

/// The most bytes of all heads together; what was read of the body with them counts too. A server may send any number of
/// interim answers (RFC 9110 §15.2), each of which costs the work of its parsing.
const HEADS_MAX: usize = 64 * 1024;

/// Asks once. What is found is "HTTP 200", and how busy the server says it is.
pub async fn check(
    check: &HttpCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    trust: &Trust,
    deadline: Deadline,
) -> Result<Passed, Trouble> {
    let request = request(check, address).map_err(Trouble::Obstacle)?;
    let at = SocketAddr::new(address, check.port.get());
    // Before the connection: a check that cannot be made leaves no trace at the target.
    let connector = match &check.tls {
        None => None,
        Some(tls) => {
            let connector = trust.resuming(tls, check.host.as_deref(), at, &[b"http/1.1"]);
            Some(connector.map_err(Trouble::Obstacle)?)
        }
    };

    let stream = tcp::connect(at, source, deadline).await?;
    // The request must not wait for the acknowledgement of the handshake's last message.
    let _ = stream.set_nodelay(true);
    match connector {
        None => exchange(stream, request, check, deadline).await,
        Some(connector) => {
            let stream = connector.connect(stream, deadline).await?;
            let left = tls::Left::of(stream.get_ref().1);
            let mut passed = exchange(stream, request, check, deadline).await?;
            trust.keep(connector);
            if let Some(left) = left.filter(|left| left.is_short(check.days)) {
                passed.told.is_degraded = true;
                passed.detail = format!("{}, certificate {left}", passed.detail);
            }
            Ok(passed)
        }
    }
}

/// Sends the request and judges the answer.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Empty<Bytes>>,
    check: &HttpCheck,
    deadline: Deadline,
) -> Result<Passed, Trouble> {
    let heads = Bound { most: HEADS_MAX, words: "the heads of the answer have" };
    let stream = Bounded::new(stream, heads);
    let left = stream.left();
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX).max_header_size(HEAD_MAX);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| trouble(&error))?;

    let judge = async {
        let answer = deadline.within("no answer", sender.send_request(request)).await?;
        let answer = answer.map_err(|error| trouble(&error))?;
        left.lift(); // whoever reads the body bounds it
        let status = answer.status();
        if !check.status.iter().any(|range| range.contains(&status.as_u16())) {
            return Err(Trouble::Failed(unwished(status, check)));
        }
        let (head, mut body) = answer.into_parts();
        let mut seen = Vec::new();
        if let Some(text) = &check.body {
            let search = contains(&mut body, &mut seen, text.as_bytes());
            let found = deadline.within("no end of the body", search).await?;
            if !found.map_err(|error| trouble(&error))? {
                return Err(Trouble::Failed(format!("body does not contain {text:?}")));
            }
        }
        let found = format!("HTTP {}", status.as_u16());
        let Some(from) = &check.load else { return Ok(Passed::from(found)) };
        if matches!(from.place, LoadPlace::Json(_)) {
            let rest =
                deadline.within("no end of the body", read_rest(&mut body, &mut seen)).await?;
            rest.map_err(|error| trouble(&error))?;
        }
        // It serves, whatever it says of its load.
        Ok(match load::load(from, &head.headers, &seen) {
            Ok(load) => {
                Passed { detail: found, told: Told { load: Some(load), ..Told::default() } }
            }
            Err(why) => Passed {
                detail: format!("{found}; {why}"),
                told: Told { is_degraded: true, ..Told::default() },
            },
        })
    };

    // The connection moves bytes only while it is polled: here, beside the one request that needs
    // it.
    let (mut judge, mut connection) = (pin!(judge), pin!(connection));
    tokio::select! {
        biased;
        _ = &mut connection => judge.await, // it was told how that ended
        judged = &mut judge => judged,
    }
}

/// Whether the first [`BODY_MAX`] bytes of the body contain the text; reads no further than it
/// must.
async fn contains(
    body: &mut Incoming,
    seen: &mut Vec<u8>,
    text: &[u8],
) -> Result<bool, hyper::Error> {
    if text.is_empty() {
        return Ok(true);
    }
    while seen.len() < BODY_MAX {
        let Some(frame) = body.frame().await.transpose()? else { break };
        let Ok(data) = frame.into_data() else { continue }; // trailers
        // The text may begin at the end of what was searched before.
        let from = seen.len().saturating_sub(text.len() - 1);
        let room = BODY_MAX - seen.len();
        seen.extend_from_slice(&data[..data.len().min(room)]);
        if seen[from..].windows(text.len()).any(|part| part == text) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads the body to its end, or as much of it as is looked at.
async fn read_rest(body: &mut Incoming, seen: &mut Vec<u8>) -> Result<(), hyper::Error> {
    while seen.len() < BODY_MAX {
        let Some(frame) = body.frame().await.transpose()? else { break };
        let Ok(data) = frame.into_data() else { continue }; // trailers
        let room = BODY_MAX - seen.len();
        seen.extend_from_slice(&data[..data.len().min(room)]);
    }
    Ok(())
}

fn request(check: &HttpCheck, address: IpAddr) -> Result<Request<Empty<Bytes>>, Obstacle> {
    let fault = |error: &dyn std::fmt::Display| {
        Obstacle::Check(format!("the check of {} cannot be sent: {error}", check.path))
    };
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = check.path.parse().map_err(|error| fault(&error))?;

    let headers = request.headers_mut();
    for (name, value) in &check.headers {
        let name = HeaderName::try_from(name).map_err(|error| fault(&error))?;
        let value = HeaderValue::try_from(value).map_err(|error| fault(&error))?;
        headers.append(name, value);
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if !headers.contains_key(USER_AGENT) {
        let agent = concat!("rotadns/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    }
    if !headers.contains_key(HOST) {
        let host = HeaderValue::try_from(host(check, address)).map_err(|error| fault(&error))?;
        headers.insert(HOST, host);
    }
    Ok(request)
}

fn host(check: &HttpCheck, address: IpAddr) -> String {
    if let Some(host) = &check.host {
        return host.clone();
    }
    let port = check.port.get();
    let usual = if check.tls.is_some() { 443 } else { 80 };
    match address {
        IpAddr::V4(address) if port == usual => address.to_string(),
        IpAddr::V6(address) if port == usual => format!("[{address}]"),
        _ => SocketAddr::new(address, port).to_string(),
    }
}

/// "HTTP 500, not 200-299"
fn unwished(status: StatusCode, check: &HttpCheck) -> String {
    let mut text = format!("HTTP {}, not ", status.as_u16());
    for (place, range) in check.status.iter().enumerate() {
        let or = if place == 0 { "" } else { " or " };
        let (first, last) = (range.start(), range.end());
        let _ = if first == last {
            write!(text, "{or}{first}")
        } else {
            write!(text, "{or}{first}-{last}")
        };
    }
    text
}

/// What a failed exchange means.
fn trouble(error: &hyper::Error) -> Trouble {
    let closed = || Trouble::Failed("connection closed before the answer ended".into());
    let io = std::error::Error::source(error).and_then(|error| error.downcast_ref::<io::Error>());
    match io {
        Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => return closed(),
        Some(error) => {
            let much = TooMuch::of(error).map(|much| Trouble::Failed(much.to_string()));
            return much.unwrap_or_else(|| tls::trouble(error));
        }
        None => {}
    }
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        closed()
    } else if error.is_parse_too_large() {
        Trouble::Failed(format!("the head of the answer has more than {} KiB", HEAD_MAX / 1024))
    } else if error.is_parse() {
        Trouble::Failed("the answer is not HTTP/1".into())
    } else {
        Trouble::Failed(format!("HTTP: {error}"))
    }
}

#[cfg(test)]
mod tests;
