//! The HTTP and HTTPS check: one GET, and whether its answer is as wished.
//!
//! The connection is the probe's own and serves this one request (`Connection: close`); redirects
//! are not followed, a 3xx is a status like any other. What the server sends is bounded: a head of
//! `HEAD_MAX` bytes, of a body as much as is searched, [`BODY_MAX`], and nothing after the timeout.
//!
//! | RFC 9110 | what we do |
//! |---|---|
//! | §7.2 Host | the check's host as written; else the address, and the port unless it is usual |
//! | §10.1.5 User-Agent | `rotadns/VERSION`, unless the check sets one |
//! | §15 status codes | compared with the check's ranges; interim ones (1xx) are passed over |

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::tls::{self, Trust};
use super::{Deadline, Obstacle, Trouble, tcp};
use crate::config::model::{BODY_MAX, HttpCheck};

/// The largest head of an answer, in bytes, and the size of the buffer that a connection reads
/// into.
const HEAD_MAX: usize = 16 * 1024;

/// Asks once. Returns what was found, "HTTP 200".
pub async fn check(
    check: &HttpCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    trust: &Trust,
    deadline: Deadline,
) -> Result<String, Trouble> {
    let request = request(check, address).map_err(Trouble::Obstacle)?;
    // Before the connection: a check that cannot be made leaves no trace at the target.
    let connector = match &check.tls {
        None => None,
        Some(tls) => {
            let config = trust.config(&tls.verify).map_err(Trouble::Obstacle)?;
            Some((TlsConnector::from(config), server_name(check, address)?))
        }
    };

    let stream = tcp::connect(SocketAddr::new(address, check.port.get()), source, deadline).await?;
    // The request must not wait for the acknowledgement of the handshake's last message.
    let _ = stream.set_nodelay(true);
    match connector {
        None => exchange(stream, request, check, deadline).await,
        Some((connector, name)) => {
            let handshake = connector.connect(name, stream);
            let stream = deadline.within("no TLS handshake", handshake).await?;
            exchange(
                stream.map_err(|error| tls::handshake_trouble(&error))?,
                request,
                check,
                deadline,
            )
            .await
        }
    }
}

/// Sends the request and judges the answer.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Empty<Bytes>>,
    check: &HttpCheck,
    deadline: Deadline,
) -> Result<String, Trouble> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX).max_header_size(HEAD_MAX);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| trouble(&error))?;

    let judge = async {
        let answer = deadline.within("no answer", sender.send_request(request)).await?;
        let answer = answer.map_err(|error| trouble(&error))?;
        let status = answer.status();
        if !check.status.iter().any(|range| range.contains(&status.as_u16())) {
            return Err(Trouble::Failed(unwished(status, check)));
        }
        if let Some(text) = &check.body {
            let search = contains(answer.into_body(), text.as_bytes());
            let found = deadline.within("no end of the body", search).await?;
            if !found.map_err(|error| trouble(&error))? {
                return Err(Trouble::Failed(format!("body does not contain {text:?}")));
            }
        }
        Ok(format!("HTTP {}", status.as_u16()))
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
async fn contains(mut body: Incoming, text: &[u8]) -> Result<bool, hyper::Error> {
    if text.is_empty() {
        return Ok(true);
    }
    let mut seen = Vec::new();
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

/// The name that TLS asks for, and that the certificate must have. An address is verified, but not
/// asked for (RFC 6066 §3).
fn server_name(check: &HttpCheck, address: IpAddr) -> Result<ServerName<'static>, Trouble> {
    let sni = check.tls.as_ref().and_then(|tls| tls.sni.as_deref());
    let Some(name) = sni.or(check.host.as_deref()) else {
        return Ok(ServerName::from(address));
    };
    // A host may have a port, and brackets around an address.
    let host = name.parse::<Authority>().ok();
    let host = host.as_ref().map_or(name, Authority::host);
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(host.to_owned()).map_err(|_| {
        let why = format!("{host:?} is neither a host name nor an address, which TLS asks for");
        Trouble::Obstacle(Obstacle::Check(why))
    })
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
        Some(error) => return tls::trouble(error),
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
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::Checker;
    use super::super::tests::{port, probe, target};
    use super::*;
    use crate::config::model::{CheckKind, Tls, Verify};

    fn get(address: SocketAddr) -> HttpCheck {
        HttpCheck {
            port: port(address),
            path: "/healthz".into(),
            host: None,
            headers: Vec::new(),
            status: vec![200..=299],
            body: None,
            tls: None,
        }
    }

    /// Reads one request; returns its head.
    async fn read_head(stream: &mut TcpStream) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    /// Probes a server that answers with these bytes and closes. Returns what was found, and the
    /// head of the request.
    async fn answered(
        answer: impl AsRef<[u8]>,
        change: impl FnOnce(&mut HttpCheck),
    ) -> (String, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut check = get(address);
        change(&mut check);
        let (target, checker) = (target(address, CheckKind::Http(check)), Checker::new(Vec::new()));
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let head = read_head(&mut stream).await;
            let _ = stream.write_all(answer.as_ref()).await; // the probe may leave before the end
            head
        };
        tokio::join!(probe(&checker, &target), serve)
    }

    async fn found(answer: impl AsRef<[u8]>, change: impl FnOnce(&mut HttpCheck)) -> String {
        answered(answer, change).await.0
    }

    #[tokio::test]
    async fn a_status_in_one_of_the_ranges_passes() {
        for (status, ranges, expected) in [
            (200, vec![200..=299], "+ HTTP 200"),
            (299, vec![200..=299], "+ HTTP 299"),
            (500, vec![200..=299], "- HTTP 500, not 200-299"),
            (301, vec![200..=299], "- HTTP 301, not 200-299"),
            (401, vec![200..=204, 401..=401], "+ HTTP 401"),
            (403, vec![200..=204, 401..=401], "- HTTP 403, not 200-204 or 401"),
        ] {
            let answer = format!("HTTP/1.1 {status} x\r\nlocation: /elsewhere\r\n\r\n");
            assert_eq!(found(answer, |check| check.status = ranges).await, expected);
        }
    }

    #[tokio::test]
    async fn rfc9110_15_2_an_interim_answer_is_passed_over() {
        let answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(found(answer, |_| {}).await, "+ HTTP 200");
    }

    #[tokio::test]
    async fn the_body_must_contain_the_text() {
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                       5\r\nall o\r\n5\r\nk now\r\n0\r\n\r\n";
        for (answer, text, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\nall ok", "ok", "+ HTTP 200"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\noh k",
                "ok",
                "- body does not contain \"ok\"",
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", "+ HTTP 200"),
            ("HTTP/1.1 500 no\r\n\r\nok", "ok", "- HTTP 500, not 200-299"),
            (chunked, "all ok now", "+ HTTP 200"),
        ] {
            let set = |check: &mut HttpCheck| check.body = Some(text.into());
            assert_eq!(found(answer, set).await, expected, "{answer}");
        }
    }

    #[tokio::test]
    async fn a_body_is_read_no_further_than_its_limit() {
        // The text ends with the last byte that is searched, and one byte after it.
        for (before, expected) in
            [(BODY_MAX - 2, "+ HTTP 200"), (BODY_MAX - 1, "- body does not contain \"ok\"")]
        {
            let body = "x".repeat(before) + "ok" + &"x".repeat(1_000_000);
            let answer = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
            assert_eq!(found(answer, |check| check.body = Some("ok".into())).await, expected);
        }
    }

    #[tokio::test]
    async fn what_is_not_an_answer_fails() {
        let broken_chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n";
        let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(HEAD_MAX));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000));
        for (answer, expected) in [
            ("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "- the answer is not HTTP/1"),
            ("", "- connection closed before the answer ended"),
            ("HTTP/1.1 200 OK\r\nx: ", "- connection closed before the answer ended"),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx",
                "- connection closed before the answer ended",
            ),
            (&head, "- the head of the answer has more than 16 KiB"),
            (&many, "- the head of the answer has more than 16 KiB"),
        ] {
            let set = |check: &mut HttpCheck| check.body = Some("ok".into());
            assert_eq!(found(answer, set).await, expected, "{answer:.40}");
        }
        let broken = found(broken_chunk, |check| check.body = Some("ok".into())).await;
        assert!(broken.starts_with("- "), "{broken}");
    }

    #[tokio::test]
    async fn the_request_is_as_the_check_says() {
        let (found, head) = answered("HTTP/1.1 200 OK\r\n\r\n", |check| {
            check.path = "/healthz?full=1".into();
            check.host = Some("www.example.com".into());
            check.headers = vec![
                ("X-Check".into(), "one".into()),
                ("x-check".into(), "two".into()),
                ("Connection".into(), "keep-alive".into()),
            ];
        })
        .await;
        assert_eq!(found, "+ HTTP 200");
        let (line, fields) = head.split_once("\r\n").unwrap();
        assert_eq!(line, "GET /healthz?full=1 HTTP/1.1");
        for field in [
            "host: www.example.com",
            "x-check: one",
            "x-check: two",
            "connection: close",
            concat!("user-agent: rotadns/", env!("CARGO_PKG_VERSION")),
        ] {
            assert_eq!(fields.matches(&format!("{field}\r\n")).count(), 1, "{field} in {head}");
        }
        assert!(!fields.contains("keep-alive"), "{head}");
    }

    #[test]
    fn rfc9110_7_2_without_a_host_it_is_the_address_and_the_port_unless_it_is_usual() {
        let tls = Tls { sni: None, verify: Verify::Off };
        for (address, tls, expected) in [
            ("192.0.2.1:80", None, "192.0.2.1"),
            ("192.0.2.1:443", None, "192.0.2.1:443"),
            ("192.0.2.1:443", Some(tls.clone()), "192.0.2.1"),
            ("[2001:db8::1]:80", None, "[2001:db8::1]"),
            ("[2001:db8::1]:8080", None, "[2001:db8::1]:8080"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let check = HttpCheck { tls, ..get(address) };
            assert_eq!(host(&check, address.ip()), expected);
        }
    }

    #[test]
    fn tls_asks_for_the_sni_else_the_host_without_its_port_else_the_address() {
        let address: SocketAddr = "192.0.2.1:443".parse().unwrap();
        for (sni, host, expected) in [
            (Some("sni.example"), Some("host.example"), "sni.example"),
            (None, Some("host.example"), "host.example"),
            (None, Some("host.example:8443"), "host.example"),
            (None, Some("[2001:db8::1]:8443"), "2001:db8::1"),
            (None, None, "192.0.2.1"),
        ] {
            let tls = Some(Tls { sni: sni.map(Into::into), verify: Verify::Off });
            let check = HttpCheck { host: host.map(Into::into), tls, ..get(address) };
            assert_eq!(server_name(&check, address.ip()).unwrap().to_str(), expected);
        }
    }

    #[test]
    fn what_cannot_be_sent_is_not_the_targets_fault() {
        let address: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for check in [
            HttpCheck { path: "/a b".into(), ..get(address) },
            HttpCheck { host: Some("a\nb".into()), ..get(address) },
            HttpCheck { headers: header("a b", "c"), ..get(address) },
            HttpCheck { headers: header("a", "b\r\nc: d"), ..get(address) },
        ] {
            let fault = request(&check, address.ip()).unwrap_err();
            assert!(matches!(fault, Obstacle::Check(_)), "{fault}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_times_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = target(address, CheckKind::Http(get(address)));
        let found = probe(&Checker::new(Vec::new()), &target).await;
        assert_eq!(found, "- timed out after 30s: no answer");
    }

    #[tokio::test]
    async fn a_body_that_never_ends_times_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let check = HttpCheck { body: Some("ok".into()), ..get(address) };
        let (target, checker) = (target(address, CheckKind::Http(check)), Checker::new(Vec::new()));
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nall o").await.unwrap();
            // From here on nothing happens any more but time, which need not be waited for.
            tokio::time::pause();
            stream
        };
        let (found, _stream) = tokio::join!(probe(&checker, &target), serve);
        assert_eq!(found, "- timed out after 30s: no end of the body");
    }
}
