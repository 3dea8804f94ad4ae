//! `rotadns demo`: backends to try RotaDNS with, real HTTP servers that can be broken on purpose.
//!
//! Start one process for each, so that each can be killed:
//!
//! | path | answer |
//! |---|---|
//! | `/` | a line that names the backend |
//! | `/healthz` | 200; after `/fail` 500; after `/hang` none |
//! | `/ok`, `/fail`, `/hang` | sets what `/healthz` does from now on |

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Where the three of the example zones listen.
pub const LISTEN: [&str; 3] = ["127.0.0.11:8080", "127.0.0.12:8080", "127.0.0.13:8080"];

/// The most connections of one backend; more wait in the kernel.
const CONNECTIONS_MAX: usize = 256;
/// The largest head of a request, in bytes.
const HEAD_MAX: usize = 16 * 1024;
/// How long a client may take to send a request, or to begin the next one.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// How long a connection may last, whatever happens on it.
const CONNECTION_MAX: Duration = Duration::from_secs(120);
/// The pause after a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a backend on each address until the process ends.
pub async fn run(listen: Vec<SocketAddr>) -> anyhow::Result<()> {
    let mut backends = JoinSet::new();
    for address in listen {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr().context("the listener has no address")?;
        let pid = std::process::id();
        // A closed pipe is no reason to stop serving.
        let _ = writeln!(std::io::stdout(), "backend http://{address}/ pid {pid}");
        backends.spawn(serve(listener, address));
    }
    while let Some(ended) = backends.join_next().await {
        ended.context("a backend broke")?;
    }
    Ok(())
}

/// One backend; never ends.
async fn serve(listener: TcpListener, address: SocketAddr) {
    let backend = Arc::new(Backend { address, mood: AtomicU8::new(Mood::Ok as u8) });
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place =
            Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let backend = Arc::clone(&backend);
        tokio::spawn(async move {
            let _ = tokio::time::timeout(CONNECTION_MAX, connection(stream, backend)).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, backend: Arc<Backend>) {
    let answer = service_fn(|request| {
        let backend = Arc::clone(&backend);
        async move { Ok::<_, Infallible>(backend.answer(&request).await) }
    });
    // However the connection ends, the client knows more about it than we do.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_MAX)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

struct Backend {
    address: SocketAddr,
    /// A [`Mood`].
    mood: AtomicU8,
}

/// What `/healthz` does.
#[derive(Clone, Copy)]
enum Mood {
    Ok,
    Fail,
    Hang,
}

impl Backend {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if ![Method::GET, Method::HEAD, Method::POST].contains(request.method()) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD or POST\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
            return answer;
        }
        match request.uri().path() {
            "/" => text(StatusCode::OK, format!("RotaDNS demo backend {}\n", self.address)),
            "/healthz" => self.health().await,
            "/ok" => self.set(Mood::Ok, "/healthz answers 200\n"),
            "/fail" => self.set(Mood::Fail, "/healthz answers 500\n"),
            "/hang" => self.set(Mood::Hang, "/healthz does not answer\n"),
            _ => text(StatusCode::NOT_FOUND, "there are /, /healthz, /ok, /fail and /hang\n"),
        }
    }

    async fn health(&self) -> Response<Full<Bytes>> {
        let mood = self.mood.load(Ordering::Relaxed);
        if mood == Mood::Hang as u8 {
            // Until the client leaves, or the connection has lasted its time.
            std::future::pending::<()>().await;
        }
        if mood == Mood::Fail as u8 {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "broken on purpose\n");
        }
        text(StatusCode::OK, "ok\n")
    }

    fn set(&self, mood: Mood, answer: &'static str) -> Response<Full<Bytes>> {
        self.mood.store(mood as u8, Ordering::Relaxed);
        text(StatusCode::OK, answer)
    }
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A backend on a free port.
    async fn backend() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, address));
        address
    }

    /// The first line of the answer, and the body.
    async fn ask(address: SocketAddr, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().into(), body.into())
    }

    #[tokio::test]
    async fn the_root_names_the_backend() {
        let address = backend().await;
        let (status, body) = ask(address, "GET /").await;
        assert_eq!(status, "HTTP/1.1 200 OK");
        assert_eq!(body, format!("RotaDNS demo backend {address}\n"));
    }

    #[tokio::test]
    async fn healthz_fails_until_it_is_told_not_to() {
        let address = backend().await;
        for (request, expected) in [
            ("GET /healthz", "HTTP/1.1 200 OK"),
            ("POST /fail", "HTTP/1.1 200 OK"),
            ("GET /healthz", "HTTP/1.1 500 Internal Server Error"),
            ("GET /ok", "HTTP/1.1 200 OK"),
            ("GET /healthz", "HTTP/1.1 200 OK"),
            ("GET /nothing", "HTTP/1.1 404 Not Found"),
            ("DELETE /", "HTTP/1.1 405 Method Not Allowed"),
        ] {
            assert_eq!(ask(address, request).await.0, expected, "{request}");
        }
    }

    #[tokio::test]
    async fn a_backend_that_hangs_answers_everything_else() {
        let address = backend().await;
        ask(address, "POST /hang").await;
        let mut healthz = TcpStream::connect(address).await.unwrap();
        healthz.write_all(b"GET /healthz HTTP/1.1\r\nhost: demo\r\n\r\n").await.unwrap();
        assert_eq!(ask(address, "GET /").await.0, "HTTP/1.1 200 OK");
        let nothing = healthz.try_read(&mut [0]).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_told() {
        let address = backend().await;
        let error = run(vec![address]).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    }
}
